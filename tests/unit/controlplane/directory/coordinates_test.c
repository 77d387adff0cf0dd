/* SPDX-License-Identifier: BSD-3-Clause */
/* Coordinates against networks whose round trips are known. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "controlplane/directory/coordinates.h"
#include "tests/unit/fog_test.h"

#define HOSTS_MAX 64
#define MS        1000000ull

static struct fog_rng rng;
static struct fog_coordinate at[HOSTS_MAX];
static double place[HOSTS_MAX][2], access_ms[HOSTS_MAX];

/* Hosts on a plane of 100 x 100 ms, each behind an access link of its own. */
static u64 truth_ns(u32 a, u32 b)
{
	double d = hypot(place[a][0] - place[b][0], place[a][1] - place[b][1]);

	return (u64)((d + access_ms[a] + access_ms[b]) * MS);
}

static void network(u64 seed, u32 hosts)
{
	fog_rng_init_u64(&rng, seed);
	for (u32 i = 0; i < hosts; i++) {
		place[i][0] = fog_rng_unit(&rng) * 100;
		place[i][1] = fog_rng_unit(&rng) * 100;
		access_ms[i] = 1 + fog_rng_unit(&rng) * 15;
		fog_coordinate_init(&at[i]);
	}
}

/* Each host measures `each` random others; `liars` of them say they are somewhere else. */
static void measure(u32 hosts, u32 each, u32 liars)
{
	struct fog_coordinate said;

	for (u32 k = 0; k < each; k++)
		for (u32 i = 0; i < hosts; i++) {
			u32 other = (u32)fog_rng_below(&rng, hosts);
			if (other == i)
				continue;
			said = at[other];
			if (other < liars)
				said = (struct fog_coordinate){{1e4, -1e4, 1e4}, 0, 0};
			CU_ASSERT_EQUAL(
				fog_coordinate_update(&at[i], &said, truth_ns(i, other), &rng), 0);
		}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median relative error over all pairs from `first` on. */
static double median_error(u32 hosts, u32 first)
{
	static double error[HOSTS_MAX * HOSTS_MAX];
	u32 n = 0;

	for (u32 a = first; a < hosts; a++)
		for (u32 b = a + 1; b < hosts; b++) {
			double t = (double)truth_ns(a, b);
			double e = (double)fog_coordinate_rtt_ns(&at[a], &at[b]);
			error[n++] = fabs(e - t) / t;
		}
	qsort(error, n, sizeof(error[0]), by_value);
	return error[n / 2];
}

static void test_life_cycle(void)
{
	network(1, 50);
	measure(50, 200, 0);
	double error = median_error(50, 0);
	printf("median error %.3f ", error);
	CU_ASSERT_TRUE(error < 0.08);
	for (u32 i = 0; i < 50; i++)
		CU_ASSERT_TRUE(at[i].error < 0.3);
	struct fog_place p;
	struct fog_coordinate back;
	fog_coordinate_publish(&at[3], &p);
	fog_coordinate_of(&p, &back);
	CU_ASSERT_TRUE(llabs((i64)fog_coordinate_rtt_ns(&back, &at[4]) -
			     (i64)fog_coordinate_rtt_ns(&at[3], &at[4])) < 10000);
}

static void test_bad_arguments(void)
{
	struct fog_coordinate c, before, other = {{1, 2, 3}, 1, 0.5};

	fog_rng_init_u64(&rng, 1);
	fog_coordinate_init(&c);
	before = c;
	CU_ASSERT_EQUAL(fog_coordinate_update(&c, &other, 0, &rng), -EINVAL);
	CU_ASSERT_EQUAL(fog_coordinate_update(&c, &other, 10001 * MS, &rng), -EINVAL);
	other.x[1] = NAN;
	CU_ASSERT_EQUAL(fog_coordinate_update(&c, &other, MS, &rng), -EINVAL);
	other.x[1] = 2;
	other.height = INFINITY;
	CU_ASSERT_EQUAL(fog_coordinate_update(&c, &other, MS, &rng), -EINVAL);
	CU_ASSERT_EQUAL(memcmp(&c, &before, sizeof(c)), 0);
	/* One step, however far away the other says it is. */
	other = (struct fog_coordinate){{1e9, 0, 0}, 0, 0};
	CU_ASSERT_EQUAL(fog_coordinate_update(&c, &other, MS, &rng), 0);
	CU_ASSERT_TRUE(fabs(c.x[0]) <= FOG_COORDINATE_STEP_MS + 1);
}

/* A host moves: it finds its new place, and does not drag the others along. */
static void test_move(void)
{
	network(2, 40);
	measure(40, 200, 0);
	place[0][0] += 80;
	measure(40, 100, 0);
	CU_ASSERT_TRUE(median_error(40, 0) < 0.1);
	double centre = 0;
	for (u32 i = 0; i < 40; i++)
		centre += at[i].x[0] / 40;
	CU_ASSERT_TRUE(fabs(centre) < 60); /* the cloud does not wander off */
}

/* One in ten says to be far away: the others stay usable. */
static void test_liars(void)
{
	network(3, 50);
	measure(50, 200, 0);
	measure(50, 60, 5);
	double error = median_error(50, 5);
	printf("with liars %.3f ", error);
	CU_ASSERT_TRUE(error < 0.6);
}

static void test_quality(void)
{
	struct fog_quality q = {0};
	static const u64 rates[] = {90, 100, 1, 110, 0, 100};

	for (u32 i = 0; i < 20; i++)
		fog_quality_rtt(&q, (5 + i % 3) * MS, 6000, 0, 1000 + i);
	CU_ASSERT_EQUAL(q.rtt_ns, 5 * MS);
	CU_ASSERT_EQUAL(q.mean_ns, 6 * MS);
	CU_ASSERT_EQUAL(q.loss_ppm, 0);
	fog_quality_rtt(&q, 5 * MS, 6000, 8, 2000);
	CU_ASSERT_EQUAL(q.loss_ppm, 62500); /* half of them, smoothed by an eighth */
	/* The path got longer: the old floor is forgotten with its window. */
	for (u32 i = 0; i < FOG_QUALITY_WINDOW; i++)
		fog_quality_rtt(&q, 50 * MS, 51000, 0, 3000 + i);
	CU_ASSERT_EQUAL(q.rtt_ns, 50 * MS);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(rates); i++)
		fog_quality_rate(&q, rates[i], 4000);
	CU_ASSERT_EQUAL(q.rate, 100);
	CU_ASSERT_EQUAL(q.rates_told, FOG_ARRAY_COUNT(rates));
}

FOG_TEST_MAIN("controlplane/directory/coordinates", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_move), FOG_TEST(test_liars),
	      FOG_TEST(test_quality))
