/* SPDX-License-Identifier: BSD-3-Clause */
/* Twelve mixes in three layers; what each of them may do, and whom the monitor names for it. */
#include "dataplane/edge/mix/monitor.h"

#include "crypto/random/random.h"
#include "tests/unit/fog_test.h"

#define LAYERS 3
#define WIDTH  4

static struct fog_monitor m;
static struct fog_rng rng;

static void id_of(u8 id[32], u32 layer, u32 place)
{
	memset(id, 0, 32);
	id[0] = (u8)(1 + layer * WIDTH + place);
}

static bool chance(unsigned percent)
{
	return fog_rng_below(&rng, 100) < percent;
}

/* Loops over random paths, of which `noise` percent are lost anyway. Mix (1, 2) makes of `percent`
 * of those it sees what `kind` says. */
static void loops(unsigned count, unsigned noise, enum fog_loop_outcome kind, unsigned percent)
{
	u8 path[LAYERS][32];

	while (count-- > 0) {
		enum fog_loop_outcome outcome = chance(noise) ? FOG_LOOP_LOST : FOG_LOOP_BACK;
		for (u32 k = 0; k < LAYERS; k++) {
			u32 place = (u32)fog_rng_below(&rng, WIDTH);
			id_of(path[k], k, place);
			if (k == 1 && place == 2 && outcome == FOG_LOOP_BACK && chance(percent))
				outcome = kind;
		}
		fog_monitor_add(&m, (const u8(*)[32])path, LAYERS, outcome);
	}
}

static bool anybody(void)
{
	struct fog_suspicion s;

	for (enum fog_loop_outcome k = FOG_LOOP_LOST; k < FOG_LOOP_OUTCOMES; k++)
		if (fog_monitor_judge(&m, k, &s))
			return true;
	return false;
}

static void begin(void)
{
	memset(&m, 0, sizeof(m));
	fog_rng_init_u64(&rng, 5);
}

static void test_honest(void)
{
	begin();
	CU_ASSERT(!anybody());
	for (unsigned i = 0; i < 100; i++) {
		loops(100, 5, FOG_LOOP_BACK, 0);
		CU_ASSERT(!anybody());
	}
	CU_ASSERT_EQUAL(m.count, LAYERS * WIDTH);
	/* 10,000 loops went in; of old ones half is forgotten again and again. */
	u32 sum = m.total[0] + m.total[1] + m.total[2] + m.total[3];
	CU_ASSERT(sum <= FOG_MONITOR_WINDOW);
	CU_ASSERT(sum >= FOG_MONITOR_WINDOW / 2 - FOG_LOOP_OUTCOMES);
}

/* Each kind is found, and the mix is named that did it. */
static void test_each_kind(void)
{
	u8 bad[32];

	id_of(bad, 1, 2);
	for (enum fog_loop_outcome k = FOG_LOOP_LOST; k < FOG_LOOP_OUTCOMES; k++) {
		struct fog_suspicion s;

		begin();
		loops(800, 2, k, 40);
		CU_ASSERT_FATAL(fog_monitor_judge(&m, k, &s));
		CU_ASSERT_EQUAL(memcmp(s.node_id, bad, 32), 0);
		CU_ASSERT_EQUAL(s.kind, k);
		CU_ASSERT(s.sigma >= FOG_MONITOR_SIGMA);
		CU_ASSERT(s.loops > 140 && s.loops < 260);
		CU_ASSERT(s.bad * 10 > s.loops * 3 && s.bad * 10 < s.loops * 5);
		CU_ASSERT(s.others_bad * 10 < s.others);
		for (enum fog_loop_outcome other = FOG_LOOP_LOST; other < FOG_LOOP_OUTCOMES;
		     other++)
			if (other != k)
				CU_ASSERT(!fog_monitor_judge(&m, other, &s));
		/* Reported and forgotten: its partners do not inherit what it did. */
		fog_monitor_clear(&m, bad);
		CU_ASSERT_EQUAL(m.count, LAYERS * WIDTH - 1);
		CU_ASSERT(m.total[k] * 10 < 800);
	}
}

/* Too few loops, or too small a difference, are no evidence. */
static void test_limits(void)
{
	struct fog_suspicion s;
	u8 id[2][32];

	begin();
	id_of(id[0], 0, 0);
	id_of(id[1], 0, 1);
	for (unsigned i = 0; i < 200; i++)
		fog_monitor_add(&m, (const u8(*)[32])id[1], 1, FOG_LOOP_BACK);
	for (unsigned i = 0; i + 1 < FOG_MONITOR_LEAST; i++)
		fog_monitor_add(&m, (const u8(*)[32])id[0], 1, FOG_LOOP_LOST);
	CU_ASSERT(!fog_monitor_judge(&m, FOG_LOOP_LOST, &s));
	fog_monitor_add(&m, (const u8(*)[32])id[0], 1, FOG_LOOP_LOST);
	CU_ASSERT(fog_monitor_judge(&m, FOG_LOOP_LOST, &s));
	/* Of what never came back nothing is said about lateness. */
	CU_ASSERT(!fog_monitor_judge(&m, FOG_LOOP_LATE, &s));
	begin();
	loops(4000, 0, FOG_LOOP_LOST, 3);
	CU_ASSERT(!anybody());
	/* Somebody never heard of. */
	memset(id[0], 0xee, 32);
	u32 count = m.count;
	fog_monitor_clear(&m, id[0]);
	CU_ASSERT_EQUAL(m.count, count);
}

/* More mixes than fit: those known stay, and those that left make room in time. */
static void test_full(void)
{
	u8 id[32] = {0};

	begin();
	for (u32 i = 0; i < FOG_MIXNET_HOSTS_MAX + 10; i++) {
		fog_store_u32(id, i + 1);
		fog_monitor_add(&m, (const u8(*)[32])id, 1, FOG_LOOP_BACK);
	}
	CU_ASSERT_EQUAL(m.count, FOG_MIXNET_HOSTS_MAX);
	loops(4 * FOG_MONITOR_WINDOW, 0, FOG_LOOP_BACK, 0);
	CU_ASSERT_EQUAL(m.count, LAYERS * WIDTH);
}

int main(void)
{
	static const struct fog_test tests[] = {FOG_TEST(test_honest), FOG_TEST(test_each_kind),
						FOG_TEST(test_limits), FOG_TEST(test_full)};

	return fog_test_run("dataplane/edge/mix/monitor", tests, FOG_ARRAY_COUNT(tests));
}
