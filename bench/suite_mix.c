/* SPDX-License-Identifier: BSD-3-Clause */
/* The mixnet: X25519 and Sphinx in lanes, replay tags, the wheel. Peers are libsodium in the same
 * run, or figures of Katzenpost's Go recorded on another machine of this class (EPYC, Zen 4, one
 * core): 361 us for the NIKE profile and 140 us for KEM X25519, 2,000 bytes of payload, 5 hops. */
#include "bench/bench.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "crypto/curve/x25519.h"
#include "crypto/random/random.h"
#include "crypto/sphinx/sphinx.h"
#include "dataplane/mix/tags.h"
#include "dataplane/mix/wheel.h"
#include "dataplane/table/arena.h"

#define BATCH       FOG_SPHINX_BATCH_MAX
#define NIKE_PACKET 2508
#define KEM_PACKET  2668
#define OUR_PACKET  FOG_BODY_SIZE
#define MILLION     1000000u
#define TAGS        (1u << 23)
#define TAGS_BURST  (BATCH / 2)

struct mixb {
	struct fog_rng rng;
	struct fog_sphinx_geometry geometry;
	u8 secret[FOG_SPHINX_HOPS_MAX][32];
	struct fog_sphinx_hop path[FOG_SPHINX_HOPS_MAX];
	u8 packet[BATCH][KEM_PACKET];
	u8 work[BATCH][KEM_PACKET];
	struct fog_sphinx_job job[BATCH];
	u8 scalar[BATCH][32], point[BATCH][32], out[BATCH][32];
	int result[BATCH];
	unsigned count;
	struct fog_mix_tags tags;
	u8 mark[2][TAGS_BURST][FOG_MIX_MARK_SIZE];
	u64 next;
	unsigned burst;
};

static void setup(struct mixb *m, enum fog_sphinx_profile profile, size_t size, unsigned count)
{
	u8 payload[KEM_PACKET] = {0};

	fog_sphinx_geometry_init(&m->geometry, profile, 5, size);
	for (unsigned i = 0; i < 5; i++) {
		fog_rng_bytes(&m->rng, m->secret[i], 32);
		fog_rng_bytes(&m->rng, m->path[i].id, 32);
		fog_x25519_base(m->path[i].key, m->secret[i]);
		m->path[i].commands = (struct fog_sphinx_commands){.has_delay = true, .delay = 1};
	}
	for (unsigned i = 0; i < count; i++)
		FOG_ASSERT(fog_sphinx_wrap(&m->geometry, &m->rng, m->path, 5, payload,
					   m->packet[i]) == 0);
	m->count = count;
}

/* The copy into place is part of the work, as it is in the mix. */
static void unwrap(void *arg, u64 rounds)
{
	struct mixb *m = arg;

	while (rounds-- != 0) {
		for (unsigned i = 0; i < m->count; i++) {
			memcpy(m->work[i], m->packet[i], m->geometry.packet);
			m->job[i].packet = m->work[i];
			m->job[i].secret = m->secret[0];
			m->job[i].public_key = m->path[0].key;
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
	setup(m, FOG_SPHINX_KEM, KEM_PACKET, BATCH);
	c.name = "mix.kem_unwrap";
	c.peer = "Katzenpost KEM X25519, Go 1.26, one packet";
	c.recorded = 140000;
	bench_run(b, &c);
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

/* The loop of the mix's thread in small: sleep until the next message, release what is due. With
 * the clock of the machine, so load of others is in it. */
static void wheel_case(struct bench *b)
{
	enum { COUNT = 20000 };
	static u64 due[COUNT], late[COUNT];
	const struct bench_case c = {.name = "mix.wheel.release_p99",
				     .unit = "ns",
				     .peer = "limit: 1 ms",
				     .recorded = 1e6};
	u64 start = clock_now();
	struct fog_rng rng;
	u32 done = 0, i;

	if (!bench_wanted(b, c.name))
		return;

	struct fog_mix_wheel *w = calloc(1, sizeof(*w));
	struct fog_mix_held *held = calloc(COUNT, sizeof(*held));
	FOG_ASSERT(w != NULL && held != NULL);
	prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
	fog_rng_init_u64(&rng, 1);
	fog_mix_wheel_init(w, held, COUNT, start);
	for (u32 n = 0; n < COUNT; n++) {
		i = fog_mix_held_take(w);
		due[i] = start + 1000000 + fog_rng_below(&rng, 1000000000);
		fog_mix_wheel_put(w, i, due[i]);
	}
	while (done < COUNT) {
		u64 now = clock_now(), next = fog_mix_wheel_next(w);
		while ((i = fog_mix_wheel_due(w, now)) != FOG_MIX_HELD_NONE) {
			FOG_ASSERT(now >= due[i]);
			late[done++] = now - due[i];
		}
		now = clock_now();
		if (next != UINT64_MAX && next > now) {
			struct timespec t = {.tv_nsec = (long)FOG_MIN(next - now, 999999999ull)};
			nanosleep(&t, NULL);
		}
	}
	qsort(late, COUNT, sizeof(late[0]), compare);
	const double p99 = (double)late[COUNT * 99 / 100];
	bench_record(b, &c, &p99, 1, c.recorded);
	free(held);
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
