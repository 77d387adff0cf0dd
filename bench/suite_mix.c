/* SPDX-License-Identifier: BSD-3-Clause */
/* The mixnet: X25519 and Sphinx in lanes, replay tags, the wheel. Peers are libsodium in the same
 * run, or figures of Katzenpost's Go recorded on another machine of this class (EPYC, Zen 4, one
 * core): 361 us for the NIKE profile, 140 us for KEM X25519 and 221 us for X-Wing, 2,000 bytes of
 * payload, 5 hops. */
#include "bench/bench.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "crypto/curve/x25519.h"
#if FOG_HAVE_MLKEM
#include "crypto/pq/xwing.h"
#endif
#include "crypto/random/random.h"
#include "crypto/sphinx/sphinx.h"
#include "dataplane/mix/tags.h"
#include "dataplane/mix/thread.h"
#include "dataplane/table/arena.h"

#define BATCH       FOG_SPHINX_BATCH_MAX
#define NIKE_PACKET 2508
#define KEM_PACKET  2668
#define OUR_PACKET  FOG_BODY_SIZE
/* X-Wing's header and 2,000 bytes. */
#define XWING_PACKET (FOG_SPHINX_HEADER_MAX + FOG_SPHINX_TAG_SIZE + 2000)
#define MILLION      1000000u
#define TAGS         (1u << 23)
#define TAGS_BURST   (BATCH / 2)
#define RELEASES     4000
#define EPOCH        1

struct mixb {
	struct fog_rng rng;
	struct fog_sphinx_geometry geometry;
	struct fog_sphinx_x25519 own[FOG_SPHINX_HOPS_MAX];
	const void *secret; /* of the first hop */
	struct fog_sphinx_hop path[FOG_SPHINX_HOPS_MAX];
	u8 packet[BATCH][XWING_PACKET];
	u8 work[BATCH][XWING_PACKET];
	struct fog_sphinx_job job[BATCH];
	u8 scalar[BATCH][32], point[BATCH][32], out[BATCH][32];
	int result[BATCH];
	unsigned count;
	struct fog_mix_tags tags;
	u8 mark[2][TAGS_BURST][FOG_MIX_MARK_SIZE];
	u64 next;
	unsigned burst;
};

/* Of the path whose keys are there. */
static void packets_make(struct mixb *m, unsigned count)
{
	u8 payload[XWING_PACKET] = {0};

	for (unsigned i = 0; i < 5; i++)
		m->path[i].commands = (struct fog_sphinx_commands){.has_delay = true, .delay = 1};
	for (unsigned i = 0; i < count; i++)
		FOG_ASSERT(fog_sphinx_wrap(&m->geometry, &m->rng, m->path, 5, payload,
					   m->packet[i]) == 0);
	m->count = count;
}

static void setup(struct mixb *m, const struct fog_sphinx_kem *kem, size_t size, unsigned count)
{
	fog_sphinx_geometry_init(&m->geometry, kem, 5, size);
	m->secret = &m->own[0];
	for (unsigned i = 0; i < 5; i++) {
		fog_rng_bytes(&m->rng, m->own[i].secret, 32);
		fog_rng_bytes(&m->rng, m->path[i].id, 32);
		fog_x25519_base(m->own[i].public_key, m->own[i].secret);
		m->path[i].key = m->own[i].public_key;
	}
	packets_make(m, count);
}

/* The copy into place is part of the work, as it is in the mix. */
static void unwrap(void *arg, u64 rounds)
{
	struct mixb *m = arg;

	while (rounds-- != 0) {
		for (unsigned i = 0; i < m->count; i++) {
			memcpy(m->work[i], m->packet[i], m->geometry.packet);
			m->job[i].packet = m->work[i];
			m->job[i].secret = m->secret;
		}
		fog_sphinx_tags(&m->geometry, m->job, m->count);
		fog_sphinx_unwrap_many(&m->geometry, m->job, m->count);
		FOG_ASSERT(m->job[0].result == 0);
		FOG_ASSERT(m->job[m->count - 1].result == 0);
	}
}

static void x25519_batch(void *arg, u64 rounds)
{
	struct mixb *m = arg;

	while (rounds-- != 0)
		fog_x25519_many(m->out, (const u8(*)[32])m->scalar, (const u8(*)[32])m->point,
				m->result, m->count);
}

static void x25519_twice(void *arg, u64 rounds)
{
	x25519_batch(arg, 2 * rounds);
}

static void peer_x25519(void *arg, u64 rounds)
{
	struct mixb *m = arg;

	while (rounds-- != 0)
		FOG_ASSERT(crypto_scalarmult(m->out[0], m->scalar[0], m->point[0]) == 0);
}

/* As the mix does it: images of the tags of half a batch, their lines fetched ahead while the other
 * half is at work, then test and set. All tags are new, from an empty table to a full one; then it
 * is emptied, which is in the figure. */
static void replay_check(void *arg, u64 rounds)
{
	static const u8 key[32] = {5};
	struct mixb *m = arg;
	u8 tag[TAGS_BURST][32], (*mark)[FOG_MIX_MARK_SIZE];
	const u8 *at[TAGS_BURST];

	memset(tag, 0, sizeof(tag));
	for (unsigned i = 0; i < TAGS_BURST; i++)
		at[i] = tag[i];
	while (rounds-- != 0) {
		mark = m->mark[m->burst++ % 2];
		for (unsigned i = 0; i < TAGS_BURST; i++)
			fog_store_u64(tag[i], ++m->next);
		fog_mix_tags_marks(&m->tags, mark, at, TAGS_BURST);
		for (unsigned i = 0; i < TAGS_BURST; i++)
			fog_mix_tags_prefetch(&m->tags, mark[i]);
		mark = m->mark[m->burst % 2];
		for (unsigned i = 0; i < TAGS_BURST; i++)
			if (fog_mix_tags_add(&m->tags, mark[i]) == -ENOSPC)
				fog_mix_tags_reset(&m->tags, key);
	}
}

static void unwrap_cases(struct bench *b, struct mixb *m)
{
	struct bench_case c = {.unit = "ns/packet",
			       .ours = unwrap,
			       .ours_arg = m,
			       .theirs_arg = m,
			       .ours_divisor = BATCH};

	setup(m, FOG_SPHINX_NIKE, NIKE_PACKET, BATCH);
	c.name = "mix.sphinx_unwrap";
	c.peer = "Katzenpost, Go 1.26, one packet";
	c.recorded = 361000;
	bench_run(b, &c);
	c.recorded = 0;
	c.name = "mix.sphinx_unwrap.of_x25519";
	c.peer = "the two X25519 in it (ratio: their share)";
	c.theirs = x25519_twice;
	c.theirs_divisor = BATCH;
	bench_run(b, &c);
	setup(m, FOG_SPHINX_NIKE, NIKE_PACKET, 1);
	c.name = "mix.sphinx_unwrap.one";
	c.peer = "Katzenpost, Go 1.26, one packet";
	c.ours_divisor = 1;
	c.recorded = 361000;
	bench_run(b, &c);
	setup(m, FOG_SPHINX_NIKE, NIKE_PACKET, 8);
	c.name = "mix.sphinx_unwrap.eight";
	c.ours_divisor = 8;
	bench_run(b, &c);
	setup(m, FOG_SPHINX_NIKE, OUR_PACKET, BATCH);
	c.name = "mix.sphinx_unwrap.cell";
	c.ours_divisor = BATCH;
	bench_run(b, &c);
	setup(m, &fog_sphinx_kem_x25519, KEM_PACKET, BATCH);
	c.name = "mix.kem_unwrap";
	c.peer = "Katzenpost KEM X25519, Go 1.26, one packet";
	c.recorded = 140000;
	bench_run(b, &c);
}

static void xwing_case(struct bench *b, struct mixb *m)
{
	struct bench_case c = {.name = "mix.kem_unwrap_xwing",
			       .unit = "ns/packet",
			       .peer = "Katzenpost KEM X-Wing, Go 1.26, one packet",
			       .ours = unwrap,
			       .ours_arg = m,
			       .ours_divisor = BATCH,
			       .recorded = 221000};

	if (!bench_wanted(b, c.name))
		return;
#if FOG_HAVE_MLKEM
	static u8 public_key[5][FOG_XWING_PUBLIC];
	struct fog_xwing_key key[5];
	u8 seed[FOG_XWING_SEED];

	fog_sphinx_geometry_init(&m->geometry, &fog_sphinx_kem_xwing, 5, XWING_PACKET);
	for (unsigned i = 0; i < 5; i++) {
		fog_rng_bytes(&m->rng, seed, sizeof(seed));
		FOG_ASSERT(fog_xwing_key_init(&key[i], seed) == 0);
		fog_xwing_public(&key[i], public_key[i]);
		m->path[i].key = public_key[i];
	}
	m->secret = &key[0];
	packets_make(m, BATCH);
	bench_run(b, &c);
	for (unsigned i = 0; i < 5; i++)
		fog_xwing_key_free(&key[i]);
#else
	printf("%s: not built: no ML-KEM in this libcrypto\n", c.name);
#endif
}

static u64 resident_bytes(void)
{
	unsigned long long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	FOG_ASSERT(f != NULL);
	FOG_ASSERT(fscanf(f, "%llu %llu", &size, &resident) == 2);
	fclose(f);
	return 4096 * resident;
}

/* A million messages in the wheel of a mix: what the process grows by, every page touched. */
static void memory_case(struct bench *b)
{
	if (!bench_wanted(b, "mix.held_million"))
		return;
	u64 before = resident_bytes();
	struct fog_mix_wheel *w = malloc(sizeof(*w));
	struct fog_mix_held *held = malloc(MILLION * sizeof(*held));
	struct fog_rng rng;

	FOG_ASSERT(w != NULL && held != NULL);
	fog_rng_init_u64(&rng, 1);
	fog_mix_wheel_init(w, held, MILLION, 0);
	for (u32 n = 0; n < MILLION; n++) {
		u32 i = fog_mix_held_take(w);
		FOG_ASSERT(i != FOG_MIX_HELD_NONE);
		memset(held[i].body, (int)n, sizeof(held[i].body));
		fog_mix_wheel_put(w, i, fog_rng_below(&rng, FOG_MIX_DELAY_MAX_NS));
	}
	u64 resident = resident_bytes() - before;
	u32 out = 0;
	while (fog_mix_wheel_due(w, FOG_MIX_DELAY_MAX_NS + FOG_MIX_TICK_NS) != FOG_MIX_HELD_NONE)
		out++;
	FOG_ASSERT(out == MILLION);
	free(held);
	free(w);
	const struct bench_case c = {.name = "mix.held_million",
				     .unit = "bytes",
				     .peer = "limit: 1.6 GB",
				     .recorded = 1.6e9};
	const double value = (double)resident;

	bench_record(b, &c, &value, 1, c.recorded);
}

static u64 clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

/* A mix alone: its thread, and the rings and the wake-up of one worker, which is us. */
struct wheelb {
	struct fog_arena arena;
	struct fog_mixnet mixnet;
	struct fog_mix_keys keys;
	struct fog_mix_thread thread;
	struct fog_ring request, result;
	u64 due[RELEASES], late[RELEASES];
	u8 packet[RELEASES][FOG_BODY_SIZE];
};

static const u8 wheel_self[32] = {1}, wheel_next[32] = {2};

static void wheel_open(struct wheelb *w)
{
	static const u8 seed[32] = {3};
	struct fog_mix_lane *in = fog_arena_alloc(&w->arena, sizeof(*in));
	struct fog_mix_lane *out = fog_arena_alloc(&w->arena, sizeof(*out));
	struct fog_mix_config c = {
		.workers = 1, .rng_seed = seed, .keys = &w->keys, .request = {in}, .result = {out}};

	FOG_ASSERT(in != NULL && out != NULL);
	fog_ring_producer(&w->request, &in->head, &in->tail, in->slots, FOG_MIX_RING_COUNT,
			  sizeof(in->slots[0]));
	fog_ring_consumer(&w->result, &out->head, &out->tail, out->slots, FOG_MIX_RING_COUNT,
			  sizeof(out->slots[0]));
	FOG_ASSERT(fog_mix_init(&w->mixnet, &w->arena, &c) == 0);
	w->thread.mixnet = &w->mixnet;
	w->thread.cpu = -1;
	w->thread.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->thread.worker_fd[0] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	FOG_ASSERT(w->thread.wake_fd >= 0 && w->thread.worker_fd[0] >= 0);
}

static void wheel_ask(struct wheelb *w, const struct fog_mix_msg *m)
{
	const u64 one = 1;

	while (fog_ring_free(&w->request) == 0) {
	}
	memcpy(fog_ring_slot(&w->request, 0), m, sizeof(*m));
	fog_ring_publish(&w->request, 1);
	if (fog_ring_wants_wake(&w->request))
		FOG_ASSERT(write(w->thread.wake_fd, &one, sizeof(one)) == sizeof(one));
}

/* Packets to the next hop, each with a delay of its own. They come out in the order of their times.
 */
static void wheel_packets(struct wheelb *w, u32 *delay_us)
{
	struct fog_sphinx_hop path[2];
	u8 payload[FOG_BODY_SIZE] = {0};
	struct fog_rng rng;

	fog_rng_init_u64(&rng, 1);
	memset(path, 0, sizeof(path));
	memcpy(path[0].id, wheel_self, 32);
	memcpy(path[1].id, wheel_next, 32);
	path[0].key = path[1].key = w->mixnet.epoch[EPOCH].public_key;
	path[0].commands.has_delay = true;
	for (unsigned i = 0; i < RELEASES; i++) {
		delay_us[i] = 1000000 + (u32)fog_rng_below(&rng, 1000000);
		path[0].commands.delay = delay_us[i];
		FOG_ASSERT(fog_sphinx_wrap(&w->mixnet.geometry, &rng, path, 2, payload,
					   w->packet[i]) == 0);
	}
}

static void wheel_run(struct wheelb *w, const u32 *delay_us)
{
	struct fog_mix_msg m = {.type = FOG_MIX_PACKET, .epoch = EPOCH};

	FOG_ASSERT(fog_mix_thread_start(&w->thread) == 0);
	for (unsigned i = 0; i < RELEASES; i++) {
		memcpy(m.body, w->packet[i], sizeof(m.body));
		m.at_ns = clock_now();
		w->due[i] = m.at_ns + 1000ull * delay_us[i];
		wheel_ask(w, &m);
	}
	qsort(w->due, RELEASES, sizeof(w->due[0]), compare);
	for (unsigned done = 0; done < RELEASES;) {
		for (; fog_ring_ready(&w->result) > 0; done++) {
			const struct fog_mix_msg *out = fog_ring_peek(&w->result, 0);
			FOG_ASSERT(out->type == FOG_MIX_SEND && out->at_ns >= w->due[done]);
			w->late[done] = out->at_ns - w->due[done];
			fog_ring_release(&w->result, 1);
		}
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	fog_mix_thread_stop(&w->thread);
	qsort(w->late, RELEASES, sizeof(w->late[0]), compare);
}

/* The mix's thread with the clock of the machine, so load of others is in it: each packet
 * unwrapped, held for one to two seconds, and handed to the worker. */
static void wheel_case(struct bench *b)
{
	const struct bench_case c = {.name = "mix.wheel.release_p99",
				     .unit = "ns",
				     .peer = "limit: 1 ms",
				     .recorded = 1e6};
	struct fog_mix_msg policy = {.type = FOG_MIX_POLICY,
				     .policy = {.epoch = EPOCH, .oldest = EPOCH}};
	struct fog_mix_msg neighbour = {.type = FOG_MIX_NEIGHBOUR, .link = 1, .flag = 1};
	static u32 delay_us[RELEASES];

	if (!bench_wanted(b, c.name))
		return;
	struct wheelb *w = calloc(1, sizeof(*w));
	FOG_ASSERT(w != NULL);
	wheel_open(w);
	memcpy(policy.policy.node_id, wheel_self, 32);
	memcpy(neighbour.id, wheel_next, 32);
	wheel_ask(w, &policy);
	wheel_ask(w, &neighbour);
	while (fog_mix_poll(&w->mixnet, clock_now()) > 0)
		;
	wheel_packets(w, delay_us);
	wheel_run(w, delay_us);
	const double p99 = (double)w->late[RELEASES * 99 / 100];
	bench_record(b, &c, &p99, 1, c.recorded);
	fog_mix_wipe(&w->mixnet);
	close(w->thread.wake_fd);
	close(w->thread.worker_fd[0]);
	fog_arena_free(&w->arena);
	free(w);
}

void bench_suite_mix(struct bench *b)
{
	static struct mixb m;
	struct bench_case c = {.name = "mix.x25519_batch",
			       .unit = "ns/op",
			       .peer = "libsodium crypto_scalarmult",
			       .ours = x25519_batch,
			       .theirs = peer_x25519,
			       .ours_arg = &m,
			       .theirs_arg = &m,
			       .ours_divisor = BATCH};
	static const u8 key[32] = {5};
	struct fog_arena arena = {0};
	void *lines;

	fog_rng_init_u64(&m.rng, 1);
	fog_rng_bytes(&m.rng, m.scalar, sizeof(m.scalar));
	for (unsigned i = 0; i < BATCH; i++)
		fog_x25519_base(m.point[i], m.scalar[i]);
	m.count = BATCH;
	bench_run(b, &c);
	unwrap_cases(b, &m);
	xwing_case(b, &m);
	/* 64 MiB, in huge pages as in the data plane. */
	lines = fog_arena_alloc(&arena, fog_mix_tags_size(TAGS));
	FOG_ASSERT(lines != NULL);
	fog_mix_tags_init(&m.tags, lines, TAGS);
	fog_mix_tags_reset(&m.tags, key);
	c = (struct bench_case){.name = "mix.replay_check",
				.unit = "ns/packet",
				.peer = "limit: 25 ns",
				.ours = replay_check,
				.ours_arg = &m,
				.recorded = 25,
				.ours_divisor = TAGS_BURST};
	bench_run(b, &c);
	fog_arena_free(&arena);
	memory_case(b);
	wheel_case(b);
}
