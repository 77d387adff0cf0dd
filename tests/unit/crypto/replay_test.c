/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/replay.h"

#include "tests/unit/crypto/vectors.h"

#include <errno.h>

#define W   FOG_REPLAY_WINDOW
#define MAX FOG_REPLAY_COUNTER_MAX

static void test_life_cycle(void)
{
	struct fog_replay r;

	fog_replay_init(&r);
	CU_ASSERT_EQUAL(fog_replay_check(&r, 0), 0);
	CU_ASSERT_EQUAL(fog_replay_check(&r, 0), 0); /* checking marks nothing */
	CU_ASSERT_EQUAL(fog_replay_commit(&r, 0), 0);
	CU_ASSERT_EQUAL(fog_replay_check(&r, 0), -EEXIST);
	CU_ASSERT_EQUAL(fog_replay_commit(&r, 0), -EEXIST);
	CU_ASSERT_EQUAL(fog_replay_commit(&r, 1), 0);
}

static void test_bad_arguments(void)
{
	struct fog_replay r, before;

	fog_replay_init(&r);
	CU_ASSERT_EQUAL(fog_replay_commit(&r, 5), 0);
	before = r;
	CU_ASSERT_EQUAL(fog_replay_check(&r, UINT64_MAX), -EOVERFLOW);
	CU_ASSERT_EQUAL(fog_replay_commit(&r, UINT64_MAX), -EOVERFLOW);
	CU_ASSERT_EQUAL(fog_replay_commit(&r, 5), -EEXIST);
	CU_ASSERT(memcmp(&before, &r, sizeof(r)) == 0);
}

/* Committed in order on one window. */
static const struct {
	u64 counter;
	int expect;
} cases[] = {
	/* 1..8: the start, the edges of the first window */
	{1, 0},
	{1, -EEXIST},
	{9, 0},
	{8, 0},
	{7, 0},
	{7, -EEXIST},
	{W, 0},
	{W - 1, 0},
	/* 9..14: 1 is the oldest still inside, 0 has left */
	{0, -ESTALE},
	{2, 0},
	{1, -EEXIST},
	{W + 1, 0},
	{1, -ESTALE},
	{2, -EEXIST},
	/* 15..20: exactly one window further: all but the top is fresh or gone */
	{2 * W + 1, 0},
	{W + 1, -ESTALE},
	{W + 2, 0},
	{W + 2, -EEXIST},
	{2 * W, 0},
	{2 * W + 1, -EEXIST},
	/* 21..25: a jump over many windows, then its floor */
	{1000000 * (u64)W, 0},
	{1000000 * (u64)W - W, -ESTALE},
	{1000000 * (u64)W - W + 1, 0},
	{1000000 * (u64)W - 64, 0},
	{1000000 * (u64)W - 64, -EEXIST},
	/* 26..31: the top of the counter */
	{MAX, 0},
	{MAX, -EEXIST},
	{MAX - W + 1, 0},
	{MAX - W, -ESTALE},
	{UINT64_MAX, -EOVERFLOW},
	{MAX - 1, 0},
};

static void test_cases(void)
{
	struct fog_replay r;

	fog_replay_init(&r);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		int check = fog_replay_check(&r, cases[i].counter);
		int commit = fog_replay_commit(&r, cases[i].counter);
		if (check != cases[i].expect || commit != check)
			printf("case %u: check %d, commit %d\n", i + 1, check, commit);
		CU_ASSERT_EQUAL(check, cases[i].expect);
		CU_ASSERT_EQUAL(commit, cases[i].expect);
	}
}

/* Naive model: every counter ever committed, searched from end to end. */
enum { MODEL_MAX = 3000 };
static u64 seen[MODEL_MAX];

static int model_check(unsigned count, u64 highest, u64 counter)
{
	if (count > 0 && counter <= highest && highest - counter >= W)
		return -ESTALE;
	for (unsigned i = 0; i < count; i++)
		if (seen[i] == counter)
			return -EEXIST;
	return 0;
}

static void test_model(void)
{
	struct fog_replay r;
	struct fog_rng rng;

	rng_start(&rng);
	for (unsigned round = 0; round < 12; round++) {
		u64 highest = 0, base = round % 2 ? fog_rng_u64(&rng) >> 1 : 0;
		unsigned count = 0;
		fog_replay_init(&r);
		for (unsigned i = 0; i < MODEL_MAX; i++) {
			/* Mostly near the top, sometimes a jump of up to three windows. */
			u64 span = fog_rng_below(&rng, 50) == 0 ? 3 * W : round * 10 + 2;
			u64 counter = base + fog_rng_below(&rng, span);
			u64 back = fog_rng_below(&rng, i % 8 == 0 ? W + W / 2 : 40);
			counter -= FOG_MIN(back, counter);
			int expect = model_check(count, highest, counter);
			CU_ASSERT_EQUAL_FATAL(fog_replay_check(&r, counter), expect);
			if (fog_rng_below(&rng, 10) == 0)
				continue; /* as if it failed to authenticate */
			CU_ASSERT_EQUAL_FATAL(fog_replay_commit(&r, counter), expect);
			if (expect < 0)
				continue;
			seen[count++] = counter;
			highest = FOG_MAX(highest, counter);
			base = FOG_MAX(base, counter);
		}
	}
}

FOG_TEST_MAIN("crypto/replay", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_cases), FOG_TEST(test_model))
