/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/worker/slow.h"

#include <errno.h>

#include "crypto/curve/x25519.h"
#include "crypto/mem.h"

/* Four Feistel rounds over 16-bit halves with a multiplicative round function. Not a cipher for
 * secrets: it only has to hide which index belongs to which worker from people who never see two
 * indices with a known relation. */
static u32 round_function(u32 half, u32 key)
{
	u32 v = (half + 1) * 0x9e3779b1u ^ key;

	v ^= v >> 15;
	v *= 0x85ebca77u;
	v ^= v >> 13;
	v *= key | 1;
	return (v ^ v >> 16) & 0xffff;
}

#define WORKER_BITS 4
_Static_assert(1 << WORKER_BITS == FOG_WORKERS_MAX, "");

u32 fog_session_index(const u32 key[4], u32 random, u32 worker)
{
	FOG_ASSERT(worker < FOG_WORKERS_MAX);

	u32 v = random << WORKER_BITS | worker;
	u32 left = v >> 16, right = v & 0xffff;
	for (unsigned i = 0; i < 4; i++) {
		u32 next = left ^ round_function(right, key[i]);
		left = right;
		right = next;
	}
	return left << 16 | right;
}

u32 fog_session_worker(const u32 key[4], u32 index)
{
	u32 left = index >> 16, right = index & 0xffff;

	for (unsigned i = 4; i-- > 0;) {
		u32 previous = right ^ round_function(left, key[i]);
		right = left;
		left = previous;
	}
	return right & (FOG_WORKERS_MAX - 1);
}

int fog_slow_init(struct fog_slow *s, struct fog_arena *a, const struct fog_slow_config *config)
{
	FOG_ASSERT(config->workers >= 1);
	FOG_ASSERT(config->workers <= FOG_WORKERS_MAX);

	s->workers = config->workers;
	s->boot_id = config->boot_id;
	memcpy(s->link_sk, config->link_sk, 32);
	memcpy(s->onion_sk, config->onion_sk, 32);
	fog_x25519_base(s->link_pk, s->link_sk);
	fog_x25519_base(s->onion_pk, s->onion_sk);
	fog_guard_mac_key(s->mac_key, s->link_pk);
	fog_rng_init(&s->rng, config->rng_seed);
	fog_rng_bytes(&s->rng, s->cookie_key, sizeof(s->cookie_key));
	fog_rng_bytes(&s->rng, s->index_key, sizeof(s->index_key));

	u8 seed[16];
	fog_rng_bytes(&s->rng, seed, sizeof(seed));
	int rc = fog_map_init(&s->sources_hash, a, 1, seed);
	if (rc < 0)
		return rc;
	fog_rng_bytes(&s->rng, seed, sizeof(seed));
	rc = fog_map_init(&s->pending, a, FOG_LINKS_MAX, seed);
	if (rc < 0)
		return rc;
	s->sources = fog_arena_alloc(a, FOG_SOURCES * sizeof(s->sources[0]));
	s->peers = fog_arena_alloc(a, FOG_LINK_SLOTS * sizeof(s->peers[0]));
	if (s->sources == NULL || s->peers == NULL)
		return -ENOMEM;
	for (u32 w = 0; w < config->workers; w++) {
		struct fog_slow_lane *in = config->request[w];
		struct fog_slow_lane *out = config->result[w];
		fog_ring_consumer(&s->request[w], &in->head, &in->tail, in->slots,
				  FOG_SLOW_RING_COUNT, sizeof(in->slots[0]));
		fog_ring_producer(&s->result[w], &out->head, &out->tail, out->slots,
				  FOG_SLOW_RING_COUNT, sizeof(out->slots[0]));
	}
	return 0;
}

void fog_slow_wipe(struct fog_slow *s)
{
	if (s->peers != NULL)
		fog_wipe(s->peers, FOG_LINK_SLOTS * sizeof(s->peers[0]));
	fog_wipe(s, sizeof(*s));
}

void fog_slow_drop(struct fog_slow *s, enum fog_drop d)
{
	FOG_ASSERT(d < FOG_DROP_COUNT);
	/* Single writer: load and store, no locked instruction. */
	u64 v = atomic_load_explicit(&s->drops[d], memory_order_relaxed);
	atomic_store_explicit(&s->drops[d], v + 1, memory_order_relaxed);
}

struct fog_slow_msg *fog_slow_result(struct fog_slow *s, u32 worker)
{
	FOG_ASSERT(worker < s->workers);
	FOG_ASSERT(fog_ring_free(&s->result[worker]) > 0);

	struct fog_slow_msg *m = fog_ring_slot(&s->result[worker], 0);
	memset(m, 0, offsetof(struct fog_slow_msg, dgram));
	m->worker = (u8)worker;
	return m;
}

void fog_slow_publish(struct fog_slow *s, u32 worker)
{
	fog_ring_publish(&s->result[worker], 1);
}

/* One request makes at most two results, of which one may go to another worker. */
#define RESULTS_PER_REQUEST 2

static bool room_for_results(struct fog_slow *s)
{
	for (u32 w = 0; w < s->workers; w++)
		if (fog_ring_room(&s->result[w], RESULTS_PER_REQUEST) < RESULTS_PER_REQUEST)
			return false;
	return true;
}

static void handle(struct fog_slow *s, struct fog_slow_msg *m, u64 now_ns, bool loaded)
{
	switch (m->type) {
	case FOG_SLOW_LINK_SET:
		fog_slow_link_set(s, m);
		break;
	case FOG_SLOW_LINK_DELETE:
		fog_slow_link_delete(s, m->link);
		break;
	case FOG_SLOW_START:
		fog_slow_link_start(s, m, now_ns);
		break;
	case FOG_SLOW_DGRAM:
		fog_slow_dgram(s, m, now_ns, loaded);
		break;
	default:
		FOG_UNREACHABLE();
	}
}

/* Circuits to make that are next in line and whose answers have room. */
static unsigned circuits_ready(struct fog_slow *s, u32 worker, unsigned max)
{
	struct fog_ring *r = &s->request[worker];
	unsigned n = 0;

	max = FOG_MIN(max, fog_ring_ready(r));
	max = FOG_MIN(max, fog_ring_room(&s->result[worker], max));
	while (n < max &&
	       ((const struct fog_slow_msg *)fog_ring_peek(r, n))->type == FOG_SLOW_CREATE)
		n++;
	return n;
}

unsigned fog_slow_poll(struct fog_slow *s, u64 now_ns)
{
	unsigned done = 0;

	fog_guard_turn(s, now_ns);
	for (u32 w = 0; w < s->workers; w++) {
		struct fog_ring *r = &s->request[w];
		r->cached = r->pos; /* refresh: the load decides about cookies */
		bool loaded = fog_ring_ready(r) > FOG_SLOW_RING_COUNT / 2;
		for (unsigned i = 0, n; i < FOG_SLOW_BURST; i += n) {
			if (fog_ring_ready(r) == 0 || !room_for_results(s))
				break;
			n = circuits_ready(s, w, FOG_SLOW_BURST - i);
			if (n > 0) {
				fog_slow_circuits(s, w, n);
			} else {
				n = 1;
				/* Our own process wrote it: no copy needed, and the slot is ours
				 * until release. */
				handle(s, (void *)(uintptr_t)fog_ring_peek(r, 0), now_ns, loaded);
			}
			fog_ring_release(r, n);
			done += n;
		}
	}
	return done;
}
