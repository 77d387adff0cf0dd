/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread with real time and real wake-ups. How exactly it keeps time is measured by fog-bench
 * (mix.wheel.release_p99), as a loaded machine may be late by any amount. */
#include "dataplane/mix/thread.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/abi/attach.h"
#include "dataplane/table/arena.h"
#include "tests/unit/fog_test.h"

#define EPOCH    7
#define DELAY_US 20000
/* However slow the machine is. */
#define PATIENCE_MS 60000

static struct fog_arena arena;
static struct fog_mixnet *mixnet;
static struct fog_mix_keys keys;
static struct fog_mix_thread thread;
static struct fog_ring to, from;
static struct fog_rng rng;
static const u8 self[32] = {1}, next_hop[32] = {2};

static u64 clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

static void begin(int cpu)
{
	struct fog_mix_lane *in = fog_arena_alloc(&arena, sizeof(*in));
	struct fog_mix_lane *out = fog_arena_alloc(&arena, sizeof(*out));
	u8 seed[32] = {9};
	struct fog_mix_config c = {.workers = 1,
				   .held = 64,
				   .tags = 1024,
				   .rng_seed = seed,
				   .keys = &keys,
				   .request = {in},
				   .result = {out}};

	mixnet = fog_arena_alloc(&arena, sizeof(*mixnet));
	CU_ASSERT_FATAL(in != NULL && out != NULL && mixnet != NULL);
	fog_rng_init_u64(&rng, 1);
	fog_ring_producer(&to, &in->head, &in->tail, in->slots, FOG_MIX_RING_COUNT,
			  sizeof(in->slots[0]));
	fog_ring_consumer(&from, &out->head, &out->tail, out->slots, FOG_MIX_RING_COUNT,
			  sizeof(out->slots[0]));
	CU_ASSERT_EQUAL_FATAL(fog_mix_init(mixnet, &arena, &c), 0);
	thread = (struct fog_mix_thread){.mixnet = mixnet, .cpu = cpu};
	thread.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	thread.worker_fd[0] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	CU_ASSERT_FATAL(thread.wake_fd >= 0 && thread.worker_fd[0] >= 0);
}

static void end(void)
{
	fog_mix_wipe(mixnet);
	close(thread.wake_fd);
	close(thread.worker_fd[0]);
	fog_arena_free(&arena);
}

static void ask(const struct fog_mix_msg *m)
{
	const u64 one = 1;

	CU_ASSERT_EQUAL_FATAL(fog_ring_push(&to, m), 0);
	if (fog_ring_wants_wake(&to))
		CU_ASSERT_EQUAL(write(thread.wake_fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

/* As a worker waits: announce, look again, sleep. */
static bool wait_result(void)
{
	struct pollfd p = {.fd = thread.worker_fd[0], .events = POLLIN};
	u64 value;
	int ready = 1;

	while (ready > 0 && fog_ring_ready(&from) == 0) {
		fog_ring_wait_begin(&from);
		if (fog_ring_ready(&from) == 0)
			ready = poll(&p, 1, PATIENCE_MS);
		fog_ring_wait_end(&from);
		ssize_t n = read(p.fd, &value, sizeof(value));
		(void)n;
	}
	return fog_ring_ready(&from) > 0;
}

static bool key_wait(u8 key[32])
{
	u64 epochs[FOG_MIX_KEYS];
	u8 all[FOG_MIX_KEYS][32];

	for (u64 until = clock_now() + PATIENCE_MS * 1000000ull; clock_now() < until;) {
		if (fog_mix_keys_read(&keys, epochs, all))
			for (unsigned i = 0; i < FOG_MIX_KEYS; i++)
				if (epochs[i] == EPOCH) {
					memcpy(key, all[i], 32);
					return true;
				}
		poll(NULL, 0, 1);
	}
	return false;
}

static void packet_make(struct fog_mix_msg *m, const u8 key[32])
{
	struct fog_sphinx_hop path[2];
	u8 payload[FOG_BODY_SIZE] = {0};

	memset(path, 0, sizeof(path));
	memcpy(path[0].id, self, 32);
	memcpy(path[1].id, next_hop, 32);
	path[0].key = path[1].key = key;
	path[0].commands.has_delay = true;
	path[0].commands.delay = DELAY_US;
	CU_ASSERT_EQUAL(fog_sphinx_wrap(&mixnet->geometry, &rng, path, 2, payload, m->body), 0);
}

static void once(void)
{
	struct fog_mix_msg policy = {.type = FOG_MIX_POLICY,
				     .policy = {.epoch = EPOCH, .oldest = EPOCH}};
	struct fog_mix_msg neighbour = {.type = FOG_MIX_NEIGHBOUR, .link = 3, .flag = 1};
	struct fog_mix_msg packet = {.type = FOG_MIX_PACKET, .epoch = EPOCH};
	u8 key[32];

	CU_ASSERT_EQUAL_FATAL(fog_mix_thread_start(&thread), 0);
	memcpy(policy.policy.node_id, self, 32);
	memcpy(neighbour.id, next_hop, 32);
	ask(&policy);
	ask(&neighbour);
	CU_ASSERT_FATAL(key_wait(key));
	packet_make(&packet, key);
	packet.at_ns = clock_now();
	ask(&packet);
	CU_ASSERT_FATAL(wait_result());
	const struct fog_mix_msg *out = fog_ring_peek(&from, 0);
	CU_ASSERT_EQUAL(out->type, FOG_MIX_SEND);
	CU_ASSERT_EQUAL(out->link, 3);
	CU_ASSERT(out->at_ns >= packet.at_ns + 1000ull * DELAY_US);
	fog_ring_release(&from, 1);
	fog_mix_thread_stop(&thread);
	CU_ASSERT(!thread.running);
}

static void test_life_cycle(void)
{
	begin(-1);
	once();
	fog_mix_thread_stop(&thread);
	end();
}

/* A CPU that it may not use: it runs elsewhere. */
static void test_bad_cpu(void)
{
	begin(CPU_SETSIZE - 1);
	once();
	end();
}

FOG_TEST_MAIN("dataplane/mix/thread", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_cpu))
