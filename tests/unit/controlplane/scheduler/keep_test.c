/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/scheduler/keep.h"
#include "controlplane/scheduler/nsga2_variation.h"
#include "tests/unit/fog_test.h"

#define RUNS 6

static const struct fog_amount none = {0};

static struct fog_amount cores(u64 n)
{
	return (struct fog_amount){.cpu_milli = 1000 * n};
}

static bool allows(const struct fog_keep *keep, u32 owner, u64 wall_ms, u64 need, u64 offered)
{
	struct fog_amount n = cores(need), o = cores(offered);

	return fog_keep_allows(keep, owner, wall_ms, &n, &o);
}

/* A host of 8 cores, 6 of them reserved from 100 to 200. */
static void test_life_cycle(void)
{
	struct fog_keep keep = {0};
	struct fog_amount six = cores(6), four = cores(4);

	CU_ASSERT(allows(&keep, 0, 1000, 8, 8));
	CU_ASSERT(fog_keep_add(&keep, 1, 100, 200, &six));
	CU_ASSERT(allows(&keep, 0, 100, 8, 8)); /* ends as it begins */
	CU_ASSERT_FALSE(allows(&keep, 0, 101, 3, 8));
	CU_ASSERT(allows(&keep, 0, 101, 2, 8));
	CU_ASSERT(allows(&keep, 1, 101, 8, 8)); /* its own */
	fog_keep_use(&keep, 1, 150, &four);
	CU_ASSERT(allows(&keep, 0, 101, 2, 8)); /* two are still kept */
	CU_ASSERT_FALSE(allows(&keep, 0, 101, 3, 8));
	fog_keep_unuse(&keep, 1, 150, &four);
	fog_keep_use(&keep, 2, 50, &four); /* over by then */
	CU_ASSERT(allows(&keep, 0, 101, 2, 8));
	fog_keep_use(&keep, 2, 101, &four); /* runs into it: nothing is left for others */
	CU_ASSERT_FALSE(allows(&keep, 0, 101, 1, 8));
	CU_ASSERT(allows(&keep, 1, 101, 4, 8));
}

static void test_limits(void)
{
	struct fog_amount one = cores(1);
	struct fog_keep keep = {0};

	for (u32 i = 0; i < FOG_KEEP_MAX; i++)
		CU_ASSERT(fog_keep_add(&keep, 1 + i, i, i + 1, &one));
	CU_ASSERT_FALSE(fog_keep_add(&keep, 1, 100, 200, &one));
	CU_ASSERT(fog_amount_within(&none, &one));
	CU_ASSERT_FALSE(fog_amount_within(&one, &none));
	struct fog_amount least = fog_amount_minus(&none, &one);
	CU_ASSERT_EQUAL(least.cpu_milli, 0);
	CU_ASSERT_EQUAL(fog_keep_change(&keep, 1, 1000), UINT64_MAX);
}

/* What is kept over a span, and when the answer changes. */
static void test_span(void)
{
	struct fog_amount two = cores(2), three = cores(3);
	struct fog_keep keep = {0};

	fog_keep_add(&keep, 1, 100, 200, &two);
	fog_keep_add(&keep, 2, 150, 300, &three);
	struct fog_amount most = fog_keep_most(&keep, 0, 0, 100);
	CU_ASSERT_EQUAL(most.cpu_milli, 0);
	most = fog_keep_most(&keep, 0, 0, 101);
	CU_ASSERT_EQUAL(most.cpu_milli, 2000);
	most = fog_keep_most(&keep, 0, 0, 151);
	CU_ASSERT_EQUAL(most.cpu_milli, 5000);
	most = fog_keep_most(&keep, 2, 0, 1000);
	CU_ASSERT_EQUAL(most.cpu_milli, 2000);
	most = fog_keep_most(&keep, 0, 300, 1000);
	CU_ASSERT_EQUAL(most.cpu_milli, 0);
	CU_ASSERT_EQUAL(fog_keep_change(&keep, 50, 0), 51);
	CU_ASSERT_EQUAL(fog_keep_change(&keep, 50, 51), 101);
	CU_ASSERT_EQUAL(fog_keep_change(&keep, 50, 101), 200);
	CU_ASSERT_EQUAL(fog_keep_change(&keep, 50, 200), 300);
}

/* ---- against the definition ----------------------------------------------------------------- */

struct run {
	u32 owner;
	u64 left, cores;
};

/* At each moment: for each owner of a period the larger of what he has reserved and what he uses;
 * for all others what they use. */
static bool model(const struct fog_keep *keep, const struct run *run, u32 owner, u64 wall, u64 need,
		  u64 offered)
{
	for (u64 at = 0; at < wall; at++) {
		u64 sum = need;
		bool kept = false;
		for (u32 o = 0; o < 5; o++) {
			u64 used = 0, amount = 0;
			for (u32 i = 0; i < RUNS; i++)
				used += run[i].owner == o && run[i].left > at ? run[i].cores : 0;
			for (u32 k = 0; k < keep->count; k++)
				if (keep->period[k].owner == o && keep->period[k].start_ms <= at &&
				    at < keep->period[k].end_ms)
					amount += keep->period[k].amount.cpu_milli / 1000;
			kept = kept || (o != owner && amount > used);
			sum += o == owner ? used : FOG_MAX(used, amount);
		}
		if (kept && sum > offered)
			return false;
	}
	return true;
}

static void test_model(void)
{
	struct fog_random r;
	u32 yes = 0;

	for (u32 turn = 0; turn < 20000; turn++) {
		struct fog_keep keep = {0};
		struct run run[RUNS] = {0};
		u64 start = 0, busy = 0;
		fog_random_seed(&r, 1 + turn);
		for (u32 i = 0; i < fog_random_below(&r, FOG_KEEP_MAX + 1); i++) {
			struct fog_amount a = cores(fog_random_below(&r, 5));
			start += fog_random_below(&r, 8);
			fog_keep_add(&keep, 1 + fog_random_below(&r, 3), start,
				     start + 1 + fog_random_below(&r, 15), &a);
		}
		for (u32 i = 0; i < RUNS; i++) {
			run[i] = (struct run){fog_random_below(&r, 5), 1 + fog_random_below(&r, 30),
					      fog_random_below(&r, 3)};
			struct fog_amount a = cores(run[i].cores);
			busy += run[i].cores;
			fog_keep_use(&keep, run[i].owner, run[i].left, &a);
		}
		u64 need = 1 + fog_random_below(&r, 4), wall = 1 + fog_random_below(&r, 40);
		u32 owner = fog_random_below(&r, 5);
		u64 offered = busy + need + fog_random_below(&r, 8); /* it fits now */
		bool want = model(&keep, run, owner, wall, need, offered);
		yes += want;
		CU_ASSERT_EQUAL(allows(&keep, owner, wall, need, offered), want);
	}
	CU_ASSERT(yes > 2000 && yes < 18000);
}

FOG_TEST_MAIN("controlplane/scheduler/keep", FOG_TEST(test_life_cycle), FOG_TEST(test_limits),
	      FOG_TEST(test_span), FOG_TEST(test_model))
