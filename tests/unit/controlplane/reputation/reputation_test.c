/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/reputation/reputation.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <math.h>

#define DAY 86400000ull
#define T0  1700000000000ull

static void test_life_cycle(void)
{
	struct fog_reputation r;
	struct fog_reputation_view v;

	fog_reputation_init(&r);
	fog_reputation_read(&r, T0, &v);
	CU_ASSERT_DOUBLE_EQUAL(v.mean, 0.5, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(v.lower, 0.05, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(v.uncertainty, 1, 1e-12);
	CU_ASSERT_STRING_EQUAL(v.tier, "untrusted");
	for (u32 i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(fog_reputation_update(&r, FOG_EVIDENCE_TASK_SUCCESS, 0.5, T0 + i),
				0);
	fog_reputation_read(&r, T0 + 10, &v);
	/* Beta(11,1): the quantile is p^(1/11). */
	CU_ASSERT_DOUBLE_EQUAL(v.mean, 11.0 / 12, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(v.lower, pow(0.05, 1.0 / 11), 1e-6);
	CU_ASSERT_EQUAL(r.events, 10);
}

static void test_bad_arguments(void)
{
	struct fog_reputation r, before;

	fog_reputation_init(&r);
	before = r;
	CU_ASSERT_EQUAL(fog_reputation_update(&r, FOG_EVIDENCE_INVALID, 0.5, T0), -EINVAL);
	CU_ASSERT_EQUAL(fog_reputation_update(&r, FOG_EVIDENCE_KIND_COUNT, 0.5, T0), -EINVAL);
	CU_ASSERT_EQUAL(fog_reputation_update(&r, FOG_EVIDENCE_TASK_SUCCESS, 1.1, T0), -EINVAL);
	CU_ASSERT_EQUAL(fog_reputation_update(&r, FOG_EVIDENCE_TASK_SUCCESS, -0.1, T0), -EINVAL);
	CU_ASSERT_EQUAL(fog_reputation_update(&r, FOG_EVIDENCE_TASK_SUCCESS, NAN, T0), -EINVAL);
	CU_ASSERT_EQUAL(memcmp(&r, &before, sizeof(r)), 0);
	CU_ASSERT_EQUAL(fog_evidence_kind_parse("no_such"), FOG_EVIDENCE_INVALID);
	CU_ASSERT_EQUAL(fog_evidence_kind_parse("fraud_detected"), FOG_EVIDENCE_FRAUD_DETECTED);
	r.alpha = NAN;
	CU_ASSERT_FALSE(fog_reputation_valid(&r));
	r.alpha = 0.5;
	CU_ASSERT_FALSE(fog_reputation_valid(&r));
}

/* One piece of evidence on Beta(1,1). */
static void test_weights(void)
{
	static const struct {
		enum fog_evidence_kind kind;
		double quality, alpha, beta;
	} cases[] = {
		{FOG_EVIDENCE_TASK_SUCCESS, 0.5, 2, 1},
		{FOG_EVIDENCE_TASK_SUCCESS, 1.0, 3, 1},
		{FOG_EVIDENCE_TASK_SUCCESS, 0.0, 1, 1},
		{FOG_EVIDENCE_TASK_FAILURE, 0.5, 1, 2},
		{FOG_EVIDENCE_QUALITY_HIGH, 0.5, 2.5, 1},
		{FOG_EVIDENCE_QUALITY_LOW, 0.5, 1, 2.5},
		{FOG_EVIDENCE_AVAILABILITY, 0.5, 1.5, 1},
		{FOG_EVIDENCE_UNAVAILABILITY, 0.5, 1, 1.5},
		{FOG_EVIDENCE_FRAUD_DETECTED, 0.5, 1, 4},
		{FOG_EVIDENCE_PEER_ENDORSEMENT, 0.5, 1.8, 1},
		{FOG_EVIDENCE_PEER_COMPLAINT, 1.0, 1, 2.6},
	};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_reputation r;
		fog_reputation_init(&r);
		CU_ASSERT_EQUAL(fog_reputation_update(&r, cases[i].kind, cases[i].quality, T0), 0);
		CU_ASSERT_DOUBLE_EQUAL(r.alpha, cases[i].alpha, 1e-12);
		CU_ASSERT_DOUBLE_EQUAL(r.beta, cases[i].beta, 1e-12);
	}
}

static void test_decay(void)
{
	struct fog_reputation r = {.alpha = 101, .beta = 11, .updated_ms = T0, .events = 1};
	struct fog_reputation_view v;

	fog_reputation_read(&r, T0 + 100 * DAY, &v);
	CU_ASSERT_DOUBLE_EQUAL(v.alpha, 1 + 100 * exp(-0.1), 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(v.beta, 1 + 10 * exp(-0.1), 1e-9);
	fog_reputation_read(&r, T0 - DAY, &v);
	CU_ASSERT_DOUBLE_EQUAL(v.alpha, 101, 1e-12);
	fog_reputation_read(&r, T0 + 1000000 * DAY, &v);
	CU_ASSERT_DOUBLE_EQUAL(v.mean, 0.5, 1e-6);
	CU_ASSERT_EQUAL(r.updated_ms, T0);
}

/* Two hundred good jobs do not buy ten bad ones. */
static void test_forget_on_failure(void)
{
	struct fog_reputation r;
	struct fog_reputation_view good, bad;

	fog_reputation_init(&r);
	for (u32 i = 0; i < 300; i++)
		fog_reputation_update(&r, FOG_EVIDENCE_TASK_SUCCESS, 0.5, T0);
	fog_reputation_read(&r, T0, &good);
	CU_ASSERT_STRING_EQUAL(good.tier, "diamond");
	for (u32 i = 0; i < 10; i++)
		fog_reputation_update(&r, FOG_EVIDENCE_TASK_FAILURE, 0.5, T0);
	fog_reputation_read(&r, T0, &bad);
	CU_ASSERT_DOUBLE_EQUAL(r.alpha, 1 + 300 * pow(0.95, 10), 1e-9);
	CU_ASSERT(bad.lower < 0.95);
	CU_ASSERT_STRING_EQUAL(bad.tier, "platinum");
}

/* Bounds hold whatever happens, more evidence narrows, and order of tiers follows the bound. */
static void test_random(void)
{
	const char *text = getenv("FOG_SEED");
	u64 seed = text != NULL ? strtoull(text, NULL, 0) : 20240917;
	struct fog_reputation r;
	u64 now = T0;

	printf("seed %llu ", (unsigned long long)seed);
	fog_reputation_init(&r);
	for (u32 i = 0; i < 20000; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		u32 a = (u32)(seed >> 33);
		enum fog_evidence_kind kind = 1 + a % (FOG_EVIDENCE_KIND_COUNT - 1);
		double quality = ((a >> 8) % 101) / 100.0;
		if (a % 7 == 0)
			now += (a >> 4) % (30 * DAY);
		else if (a % 31 == 0)
			now -= 1000;
		struct fog_reputation before = r;
		fog_reputation_decay(&before, now);
		CU_ASSERT_EQUAL_FATAL(fog_reputation_update(&r, kind, quality, now), 0);
		CU_ASSERT_FATAL(fog_reputation_valid(&r));
		double mean_before = before.alpha / (before.alpha + before.beta);
		double mean = r.alpha / (r.alpha + r.beta);
		if (fog_reputation_kinds[kind].good)
			CU_ASSERT_FATAL(mean >= mean_before - 1e-12)
		else
			CU_ASSERT_FATAL(mean <= mean_before + 1e-12);
		if (i % 64 == 0) {
			struct fog_reputation_view v;
			fog_reputation_read(&r, now, &v);
			CU_ASSERT_FATAL(v.lower >= 0 && v.lower <= v.mean);
			CU_ASSERT_FATAL(v.uncertainty > 0 && v.uncertainty <= 1);
		}
	}
}

static void test_clamp(void)
{
	struct fog_reputation r = {.alpha = FOG_REPUTATION_EVIDENCE_MAX,
				   .beta = FOG_REPUTATION_EVIDENCE_MAX,
				   .updated_ms = T0};

	CU_ASSERT_EQUAL(fog_reputation_update(&r, FOG_EVIDENCE_TASK_SUCCESS, 1, T0), 0);
	CU_ASSERT_TRUE(fog_reputation_valid(&r));
	CU_ASSERT_EQUAL(fog_reputation_update(&r, FOG_EVIDENCE_FRAUD_DETECTED, 1, T0), 0);
	CU_ASSERT_TRUE(fog_reputation_valid(&r));
}

FOG_TEST_MAIN("controlplane/reputation", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_weights), FOG_TEST(test_decay), FOG_TEST(test_forget_on_failure),
	      FOG_TEST(test_random), FOG_TEST(test_clamp))
