/* SPDX-License-Identifier: BSD-3-Clause */
/* The literal cases are those of esa/pagmo2, tests/multi_objective.cpp. */
#include "controlplane/scheduler/sort.h"
#include "tests/unit/controlplane/scheduler/model.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#define POINTS_MAX 700
#define SCRATCH    (1 << 21)

static u8 scratch[SCRATCH];
static double values[POINTS_MAX * FOG_SORT_OBJECTIVES_MAX];
static double violation[POINTS_MAX];
static u32 rank_got[POINTS_MAX], rank_want[POINTS_MAX], order[POINTS_MAX], start[POINTS_MAX + 1];
static struct fog_sort out = {.rank = rank_got, .order = order, .start = start};

static const double pagmo[11][2] = {{0, 7}, {1, 5}, {2, 3},  {4, 2}, {7, 1}, {10, 0},
				    {2, 6}, {4, 4}, {10, 2}, {6, 6}, {9, 5}};

static int sort(const double *v, u32 count, u32 objectives, enum fog_sort_method method)
{
	return fog_sort_fronts(v, NULL, count, objectives, method, scratch, sizeof(scratch), &out);
}

static void test_life_cycle(void)
{
	static const u32 want[11] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2};

	CU_ASSERT_EQUAL_FATAL(sort(pagmo[0], 11, 2, FOG_SORT_AUTO), 0);
	CU_ASSERT_EQUAL(out.fronts, 3);
	CU_ASSERT_EQUAL(out.allowed, 11);
	for (u32 i = 0; i < 11; i++) {
		CU_ASSERT_EQUAL(out.rank[i], want[i]);
		CU_ASSERT_EQUAL(out.order[i], i);
	}
	CU_ASSERT_EQUAL(out.start[1], 6);
	CU_ASSERT_EQUAL(out.start[2], 9);
	CU_ASSERT_EQUAL(out.start[3], 11);
}

static void test_bad_arguments(void)
{
	double v[3] = {0, 1, NAN};
	double negative[3] = {0, -1, 0};
	double nan[3] = {0, NAN, 0};
	size_t need = fog_sort_scratch_size(3, 1);

#define SORT(viol, n, m, method, size) fog_sort_fronts(v, viol, n, m, method, scratch, size, &out)
	CU_ASSERT_EQUAL(SORT(NULL, 3, 1, FOG_SORT_AUTO, need), -EINVAL);
	v[2] = INFINITY;
	CU_ASSERT_EQUAL(SORT(NULL, 3, 1, FOG_SORT_AUTO, need), 0);
	CU_ASSERT_EQUAL(SORT(NULL, 3, 1, FOG_SORT_AUTO, need - 1), -EINVAL);
	CU_ASSERT_EQUAL(SORT(NULL, 3, 0, FOG_SORT_AUTO, need), -EINVAL);
	CU_ASSERT_EQUAL(SORT(NULL, 1, FOG_SORT_OBJECTIVES_MAX + 1, FOG_SORT_AUTO, SCRATCH),
			-EINVAL);
	CU_ASSERT_EQUAL(SORT(NULL, FOG_SORT_POINTS_MAX + 1, 1, FOG_SORT_AUTO, SCRATCH), -EINVAL);
	CU_ASSERT_EQUAL(SORT(negative, 3, 1, FOG_SORT_AUTO, need), -EINVAL);
	CU_ASSERT_EQUAL(SORT(nan, 3, 1, FOG_SORT_AUTO, need), -EINVAL);
	CU_ASSERT_EQUAL(SORT(NULL, 1, 3, FOG_SORT_SWEEP, SCRATCH), -EINVAL);
	CU_ASSERT_EQUAL(SORT(NULL, 1, 2, FOG_SORT_STAIRS, SCRATCH), -EINVAL);
	CU_ASSERT_EQUAL(SORT(NULL, 1, 2, FOG_SORT_BITSET, SCRATCH), -EINVAL);
	CU_ASSERT_EQUAL(SORT(NULL, 1, 2, (enum fog_sort_method)99, SCRATCH), -EINVAL);
	CU_ASSERT_EQUAL(SORT(NULL, 0, 2, FOG_SORT_AUTO, SCRATCH), 0);
	CU_ASSERT_EQUAL(out.fronts, 0);
#undef SORT
}

static u64 state;

static u64 draw(void)
{
	u64 z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static void seed(void)
{
	const char *text = getenv("FOG_SEED");

	state = text != NULL ? strtoull(text, NULL, 0) : 20260101;
	printf("\nFOG_SEED=%llu ", (unsigned long long)state);
}

/* Shapes of input: how hard they are differs by method. */
enum shape { UNIFORM, FEW, EQUAL, CHAIN, PLANE, SIGNED, SHAPES };

static double shape_value(enum shape shape, u32 i, u32 k, u32 objectives)
{
	switch (shape) {
	case FEW: /* many twins and many equal coordinates */
		return (double)(draw() % 3);
	case EQUAL:
		return 4.5;
	case CHAIN: /* as many fronts as points, but for some twins */
		return (double)((i * 7919u) % 389);
	case PLANE: /* one front: the last coordinate fills up to a constant sum */
		if (k + 1 == objectives) {
			double sum = 0;
			for (u32 j = 0; j < k; j++)
				sum += values[(size_t)i * objectives + j];
			return 100 - sum;
		}
		return (double)(draw() % 1024) / 1024;
	case SIGNED: { /* both zeroes, both signs, infinities */
		static const double v[] = {-0.0, 0.0, -1, 1, INFINITY, -INFINITY, 1e-310, -1e-310};
		return v[draw() % FOG_ARRAY_COUNT(v)];
	}
	default:
		return (double)(draw() >> 11) / 9007199254740992.0;
	}
}

static void compare_methods(u32 count, u32 objectives, const double *viol)
{
	static u8 dominated[POINTS_MAX * POINTS_MAX];
	static u32 left[POINTS_MAX];
	u32 fronts = model_fronts(values, viol, count, objectives, dominated, left, rank_want);

	for (u32 m = FOG_SORT_AUTO; m <= FOG_SORT_SEARCH; m++) {
		if ((m == FOG_SORT_SWEEP && objectives != 2) ||
		    (m == FOG_SORT_STAIRS && objectives != 3) ||
		    (m == FOG_SORT_BITSET && objectives < 3))
			continue;
		CU_ASSERT_EQUAL_FATAL(fog_sort_fronts(values, viol, count, objectives,
						      (enum fog_sort_method)m, scratch,
						      sizeof(scratch), &out),
				      0);
		CU_ASSERT_EQUAL_FATAL(out.fronts, fronts);
		CU_ASSERT_EQUAL_FATAL(memcmp(out.rank, rank_want, count * sizeof(u32)), 0);
		CU_ASSERT_EQUAL(out.start[0], 0);
		CU_ASSERT_EQUAL(out.start[fronts], count);
		for (u32 f = 0; f < fronts; f++)
			for (u32 i = out.start[f]; i < out.start[f + 1]; i++) {
				CU_ASSERT_EQUAL_FATAL(out.rank[out.order[i]], f);
				CU_ASSERT(i == out.start[f] || out.order[i - 1] < out.order[i]);
			}
	}
}

static void test_model(void)
{
	static const u32 counts[] = {1, 2, 3, 17, 63, 64, 65, 128, 200, POINTS_MAX};

	seed();
	for (u32 objectives = 1; objectives <= 7; objectives++)
		for (u32 shape = 0; shape < SHAPES; shape++)
			for (u32 c = 0; c < FOG_ARRAY_COUNT(counts); c++) {
				u32 count = counts[c];
				for (u32 i = 0; i < count; i++)
					for (u32 k = 0; k < objectives; k++)
						values[(size_t)i * objectives + k] =
							shape_value(shape, i, k, objectives);
				compare_methods(count, objectives, NULL);
			}
}

static void test_model_constrained(void)
{
	seed();
	for (u32 turn = 0; turn < 60; turn++) {
		u32 objectives = 1 + draw() % 5;
		u32 count = 1 + draw() % 150;
		for (u32 i = 0; i < count; i++) {
			for (u32 k = 0; k < objectives; k++)
				values[(size_t)i * objectives + k] =
					shape_value(turn % 2 ? UNIFORM : FEW, i, k, objectives);
			violation[i] = turn % 3 == 0 ? 1 + draw() % 4 : (double)(draw() % 5) / 2;
		}
		compare_methods(count, objectives, violation);
	}
}

static void test_crowding(void)
{
	static const double line[4][2] = {{0, 0}, {1, -1}, {2, -2}, {4, -4}};
	static const u32 member[4] = {0, 1, 2, 3};
	double distance[4];

	fog_sort_crowding(line[0], 2, member, 4, scratch, distance);
	CU_ASSERT(isinf(distance[0]) && isinf(distance[3]));
	CU_ASSERT_EQUAL(distance[1], 1);
	CU_ASSERT_EQUAL(distance[2], 1.5);
	fog_sort_crowding(line[0], 2, member, 1, scratch, distance);
	CU_ASSERT(isinf(distance[0]));
	fog_sort_crowding(line[0], 2, member, 0, scratch, distance);
}

static void test_crowding_model(void)
{
	static u32 member[POINTS_MAX], spare[POINTS_MAX];
	static double got[POINTS_MAX], want[POINTS_MAX];

	seed();
	for (u32 turn = 0; turn < 200; turn++) {
		u32 objectives = 1 + draw() % 6;
		u32 count = 1 + draw() % 120;
		for (u32 i = 0; i < POINTS_MAX; i++)
			for (u32 k = 0; k < objectives; k++)
				values[(size_t)i * objectives + k] =
					shape_value(turn % 3, i, k, objectives);
		for (u32 i = 0; i < count; i++)
			member[i] = draw() % POINTS_MAX;
		fog_sort_crowding(values, objectives, member, count, scratch, got);
		model_crowding(values, objectives, member, count, spare, want);
		CU_ASSERT_EQUAL_FATAL(memcmp(got, want, count * sizeof(*got)), 0);
	}
}

/* Against the definition: measure all, take the worst away, measure again with the ranges of the
 * beginning. */
static void prune_model(u32 objectives, u32 *member, u32 count, u32 keep)
{
	double range[8];
	u32 spare[POINTS_MAX];

	for (u32 k = 0; k < objectives; k++) {
		double low = INFINITY, high = -INFINITY;
		for (u32 i = 0; i < count; i++) {
			double v = values[(size_t)member[i] * objectives + k];
			low = FOG_MIN(low, v);
			high = FOG_MAX(high, v);
		}
		range[k] = high - low;
	}
	for (; count > keep; count--) {
		double distance[POINTS_MAX] = {0};
		u32 worst = 0;
		for (u32 k = 0; k < objectives; k++) {
			for (u32 i = 0; i < count; i++) {
				u32 at = i;
				double v = values[(size_t)member[i] * objectives + k];
				for (; at > 0 &&
				       values[(size_t)member[spare[at - 1]] * objectives + k] > v;
				     at--)
					spare[at] = spare[at - 1];
				spare[at] = i;
			}
			distance[spare[0]] = distance[spare[count - 1]] = INFINITY;
			for (u32 i = 1; i + 1 < count && range[k] > 0; i++)
				distance[spare[i]] +=
					(values[(size_t)member[spare[i + 1]] * objectives + k] -
					 values[(size_t)member[spare[i - 1]] * objectives + k]) /
					range[k];
		}
		for (u32 i = 1; i < count; i++)
			if (distance[i] <= distance[worst])
				worst = i;
		memmove(member + worst, member + worst + 1, (count - worst - 1) * sizeof(*member));
	}
}

static void test_prune(void)
{
	u32 got[POINTS_MAX], want[POINTS_MAX];

	seed();
	for (u32 turn = 0; turn < 100; turn++) {
		u32 objectives = 1 + draw() % 5;
		u32 count = 1 + draw() % 100;
		u32 keep = 1 + draw() % count;
		for (u32 i = 0; i < count; i++) {
			got[i] = want[i] = i;
			for (u32 k = 0; k < objectives; k++)
				values[(size_t)i * objectives + k] =
					shape_value(turn % 3, i, k, objectives);
		}
		fog_sort_prune(values, objectives, got, count, keep, scratch);
		prune_model(objectives, want, count, keep);
		CU_ASSERT_EQUAL_FATAL(memcmp(got, want, keep * sizeof(*got)), 0);
	}
}

FOG_TEST_MAIN("controlplane/scheduler/sort", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_model), FOG_TEST(test_model_constrained),
	      FOG_TEST(test_crowding), FOG_TEST(test_crowding_model), FOG_TEST(test_prune))
