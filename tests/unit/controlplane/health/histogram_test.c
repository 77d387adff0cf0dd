/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/histogram.h"
#include "tests/unit/fog_test.h"

static void test_life_cycle(void)
{
	struct fog_histogram h = {.count = 0};

	CU_ASSERT_EQUAL(fog_histogram_quantile(&h, 0.5), 0);
	for (int i = 0; i < 90; i++)
		fog_histogram_add(&h, 0.001); /* a bound belongs to its bucket */
	for (int i = 0; i < 10; i++)
		fog_histogram_add(&h, 0.3);
	CU_ASSERT_EQUAL(h.count, 100);
	CU_ASSERT_DOUBLE_EQUAL(h.sum, 90 * 0.001 + 10 * 0.3, 1e-9);
	CU_ASSERT_EQUAL(h.bucket[1], 90);
	CU_ASSERT_EQUAL(fog_histogram_quantile(&h, 0.5), 0.001);
	CU_ASSERT_EQUAL(fog_histogram_quantile(&h, 0.9), 0.001);
	CU_ASSERT_EQUAL(fog_histogram_quantile(&h, 0.99), 0.5);
}

static void test_odd_values(void)
{
	struct fog_histogram h = {.count = 0};

	fog_histogram_add(&h, -1);
	fog_histogram_add(&h, 0.0 / 0.0);
	fog_histogram_add(&h, 1e9);
	CU_ASSERT_EQUAL(h.count, 3);
	CU_ASSERT_EQUAL(h.bucket[0], 2);
	CU_ASSERT_EQUAL(fog_histogram_quantile(&h, 1), 300);
}

FOG_TEST_MAIN("controlplane/health/histogram", FOG_TEST(test_life_cycle), FOG_TEST(test_odd_values))
