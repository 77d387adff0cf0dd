/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/scheduler/nsga2_variation.h"
#include "tests/unit/fog_test.h"

#include <math.h>

#define GENES 40

static struct fog_random seeded(void)
{
	const char *text = getenv("FOG_SEED");
	u64 seed = text != NULL ? strtoull(text, NULL, 0) : 7;
	struct fog_random r;

	printf("\nFOG_SEED=%llu ", (unsigned long long)seed);
	fog_random_seed(&r, seed);
	return r;
}

/* The state splitmix64 makes of seed 0 and the first outputs of xoshiro256++ from it, computed with
 * the definitions in exact integer arithmetic apart from this code. */
static void test_life_cycle(void)
{
	struct fog_random r, again;

	fog_random_seed(&r, 0);
	CU_ASSERT_EQUAL(r.s[0], 0xe220a8397b1dcdafull);
	CU_ASSERT_EQUAL(r.s[1], 0x6e789e6aa1b965f4ull);
	CU_ASSERT_EQUAL(r.s[2], 0x06c45d188009454full);
	CU_ASSERT_EQUAL(r.s[3], 0xf88bb8a8724c81ecull);
	again = r;
	CU_ASSERT_EQUAL(fog_random_next(&r), 0x53175d61490b23dfull);
	CU_ASSERT_EQUAL(fog_random_next(&r), 0x61da6f3dc380d507ull);
	CU_ASSERT_EQUAL(fog_random_next(&again), 0x53175d61490b23dfull);
}

static void test_random(void)
{
	struct fog_random r = seeded();
	u32 hits[7] = {0};
	double sum = 0;

	for (u32 i = 0; i < 70000; i++) {
		double u = fog_random_unit(&r);
		CU_ASSERT_FATAL(u >= 0 && u < 1);
		sum += u;
		u32 v = fog_random_below(&r, 7);
		CU_ASSERT_FATAL(v < 7);
		hits[v]++;
	}
	CU_ASSERT_DOUBLE_EQUAL(sum / 70000, 0.5, 0.01);
	for (u32 i = 0; i < 7; i++)
		CU_ASSERT(hits[i] > 9500 && hits[i] < 10500);
	CU_ASSERT_EQUAL(fog_random_below(&r, 1), 0);
}

/* Children stay in bounds; without bounds near, their mean is the parents'; equal parents give
 * themselves; a large eta stays near. */
static void test_cross_real(void)
{
	struct fog_random r = seeded();
	double lower[GENES], upper[GENES], a[GENES], b[GENES], x[GENES], y[GENES];
	double far[2] = {0};
	u32 changed = 0;

	for (u32 i = 0; i < GENES; i++) {
		lower[i] = i % 4 == 0 ? -1e6 : 0;
		upper[i] = i % 4 == 0 ? 1e6 : i % 4 == 1 ? 0 : 1;
	}
	for (u32 turn = 0; turn < 4000; turn++) {
		u32 eta = turn % 2 ? 15 : 2 + turn % 37;
		for (u32 i = 0; i < GENES; i++) {
			double width = i % 4 == 0 ? 1 : upper[i] - lower[i];
			a[i] = fog_random_unit(&r) * width;
			b[i] = i % 4 == 3 ? a[i] : fog_random_unit(&r) * width;
		}
		fog_cross_real(&r, lower, upper, GENES, eta, a, b, x, y);
		for (u32 i = 0; i < GENES; i++) {
			CU_ASSERT_FATAL(x[i] >= lower[i] && x[i] <= upper[i]);
			CU_ASSERT_FATAL(y[i] >= lower[i] && y[i] <= upper[i]);
			if (i % 4 == 3) {
				CU_ASSERT(x[i] == a[i] && y[i] == a[i]);
			} else if (i % 4 == 0) {
				CU_ASSERT_DOUBLE_EQUAL(x[i] + y[i], a[i] + b[i], 1e-9);
			} else {
				changed += x[i] != a[i] && x[i] != b[i];
			}
		}
	}
	CU_ASSERT(changed > 4000 * GENES / 4 / 3 && changed < 4000 * GENES / 4 * 2 / 3);
	a[0] = 0;
	b[0] = 1;
	for (u32 turn = 0; turn < 20000; turn++)
		for (u32 e = 0; e < 2; e++) {
			fog_cross_real(&r, lower, upper, 1, e == 0 ? 2 : 100, a, b, x, y);
			far[e] += fabs(fmin(x[0], y[0]));
		}
	CU_ASSERT(far[1] > 0);
	CU_ASSERT(far[0] > 10 * far[1]);
}

static void test_cross_real_in_place(void)
{
	struct fog_random r = seeded(), same = r;
	double lower[2] = {0, 0}, upper[2] = {1, 1}, a[2] = {0.2, 0.7}, b[2] = {0.9, 0.1};
	double x[2], y[2];

	fog_cross_real(&r, lower, upper, 2, 15, a, b, x, y);
	fog_cross_real(&same, lower, upper, 2, 15, a, b, a, b);
	CU_ASSERT_EQUAL(memcmp(a, x, sizeof(a)), 0);
	CU_ASSERT_EQUAL(memcmp(b, y, sizeof(b)), 0);
}

static void test_mutate_real(void)
{
	struct fog_random r = seeded();
	double lower[3] = {-2, 0, 5}, upper[3] = {2, 1, 5}, x[3];
	double sum = 0, square = 0;
	u32 changed = 0;

	for (u32 turn = 0; turn < 20000; turn++) {
		x[0] = 0;
		x[1] = turn % 2;
		x[2] = 5;
		fog_mutate_real(&r, lower, upper, 3, 20, 0.5, x);
		CU_ASSERT_FATAL(x[0] >= -2 && x[0] <= 2 && x[1] >= 0 && x[1] <= 1 && x[2] == 5);
		changed += x[0] != 0;
		sum += x[0];
		square += x[0] * x[0];
	}
	CU_ASSERT(changed > 9500 && changed < 10500);
	CU_ASSERT_DOUBLE_EQUAL(sum / changed, 0, 0.01);
	/* E[delta^2] = 2 / ((eta + 2)(eta + 3)) of the width, squared (bounds far away). */
	CU_ASSERT_DOUBLE_EQUAL(square / changed / 16, 2.0 / (22 * 23), 3e-4);
	x[0] = 1;
	fog_mutate_real(&r, lower, upper, 3, 20, 0, x);
	CU_ASSERT_EQUAL(x[0], 1);
}

static void test_choice(void)
{
	struct fog_random r = seeded();
	u32 choices[130], a[130], b[130], swapped = 0, changed = 0;

	for (u32 turn = 0; turn < 500; turn++) {
		for (u32 i = 0; i < 130; i++) {
			choices[i] = 1 + i % 5;
			a[i] = i;
			b[i] = 1000 + i;
		}
		fog_cross_choice(&r, 130, a, b);
		for (u32 i = 0; i < 130; i++) {
			CU_ASSERT_FATAL(a[i] % 1000 == i && b[i] % 1000 == i);
			CU_ASSERT_EQUAL(a[i] + b[i], 1000 + 2 * i);
			swapped += a[i] > 999;
			a[i] = b[i] = i % (1 + i % 5);
		}
		fog_mutate_choice(&r, choices, 130, 1, a);
		for (u32 i = 0; i < 130; i++) {
			CU_ASSERT_FATAL(a[i] < choices[i]);
			CU_ASSERT((a[i] != b[i]) == (choices[i] > 1));
			changed += a[i] != b[i];
		}
		fog_mutate_choice(&r, choices, 130, 0, b);
		CU_ASSERT_EQUAL(b[3], 3);
	}
	CU_ASSERT(swapped > 30000 && swapped < 35000);
	CU_ASSERT_EQUAL(changed, 500 * 104);
}

static bool is_order(const u32 *x, u32 genes)
{
	u64 seen = 0;

	for (u32 i = 0; i < genes; i++)
		seen |= x[i] < genes ? 1ull << x[i] : 0;
	return seen == (1ull << genes) - 1;
}

static void test_order(void)
{
	struct fog_random r = seeded();
	u32 a[GENES], b[GENES], x[GENES], y[GENES], moved = 0;
	u8 mark[GENES];

	for (u32 turn = 0; turn < 2000; turn++) {
		u32 genes = 1 + turn % GENES;
		for (u32 i = 0; i < genes; i++)
			a[i] = b[genes - 1 - i] = i;
		fog_mutate_order(&r, genes, 0.5, b);
		CU_ASSERT_FATAL(is_order(b, genes));
		fog_cross_order(&r, genes, a, b, x, y, mark);
		CU_ASSERT_FATAL(is_order(x, genes) && is_order(y, genes));
		moved += memcmp(x, a, genes * sizeof(*x)) != 0;
		/* Equal parents have no other children. */
		fog_cross_order(&r, genes, a, a, x, y, mark);
		CU_ASSERT_EQUAL(memcmp(x, a, genes * sizeof(*x)), 0);
	}
	CU_ASSERT(moved > 1000);
}

FOG_TEST_MAIN("controlplane/scheduler/nsga2_variation", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_random), FOG_TEST(test_cross_real), FOG_TEST(test_cross_real_in_place),
	      FOG_TEST(test_mutate_real), FOG_TEST(test_choice), FOG_TEST(test_order))
