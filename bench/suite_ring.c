/* SPDX-License-Identifier: BSD-3-Clause */
/* The single-producer single-consumer ring, 1536-byte edge slots, both ends in one thread (the cost
 * of the operations without a cache miss between cores), beside a bare memcpy of the same slots. */
#include "bench/bench.h"

#include "dataplane/abi/ring.h"

#define SLOTS     256
#define SLOT_SIZE 1536

struct ring {
	struct fog_ring_head head;
	struct fog_ring_tail tail;
	struct fog_ring producer;
	struct fog_ring consumer;
	u8 slots[SLOTS][SLOT_SIZE];
	u8 in[SLOT_SIZE];
	u8 out[SLOT_SIZE];
};

static void ring_pass(void *arg, u64 rounds)
{
	struct ring *r = arg;

	while (rounds-- != 0) {
		for (unsigned i = 0; i < 64; i++)
			FOG_ASSERT(fog_ring_push(&r->producer, r->in) == 0);
		for (unsigned i = 0; i < 64; i++)
			FOG_ASSERT(fog_ring_pop(&r->consumer, r->out) == 0);
	}
}

static void peer_memcpy(void *arg, u64 rounds)
{
	struct ring *r = arg;

	while (rounds-- != 0) {
		for (unsigned i = 0; i < 64; i++) {
			memcpy(r->slots[i], r->in, SLOT_SIZE);
			__asm__ volatile("" ::: "memory");
		}
		for (unsigned i = 0; i < 64; i++) {
			memcpy(r->out, r->slots[i], SLOT_SIZE);
			__asm__ volatile("" ::: "memory");
		}
	}
}

void bench_suite_ring(struct bench *b)
{
	static struct ring r;
	struct bench_case c = {.name = "ring.push_pop",
			       .unit = "ns/slot",
			       .peer = "limit: memcpy of the slot in and out",
			       .ours = ring_pass,
			       .theirs = peer_memcpy,
			       .ours_arg = &r,
			       .theirs_arg = &r,
			       .ours_divisor = 64,
			       .theirs_divisor = 64};

	fog_ring_producer(&r.producer, &r.head, &r.tail, r.slots, SLOTS, SLOT_SIZE);
	fog_ring_consumer(&r.consumer, &r.head, &r.tail, r.slots, SLOTS, SLOT_SIZE);
	bench_run(b, &c);
}
