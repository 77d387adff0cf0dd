/* SPDX-License-Identifier: BSD-3-Clause */
/* Values: closed forms (x^a, 1-(1-x)^b), exact binomial sums in rational arithmetic for whole a, b
 * (Python's fractions), and critical values of Student's t and F as printed in the NIST/SEMATECH
 * e-Handbook of Statistical Methods, section 1.3.6.7. */
#include "controlplane/reputation/beta.h"
#include "tests/unit/fog_test.h"

#include <math.h>

static const struct {
	double a, b, x, value, relative;
} cdf_cases[] = {
	{1, 1, 0.25, 0.25, 1e-12},
	{1, 2, 0.1, 0.19, 1e-12},
	{1, 2, 0.9, 0.99, 1e-12},
	{0.1, 1, 0.5, 0.9330329915368074, 1e-12},
	{10, 1, 0.5, 0.0009765625, 1e-11},
	{50, 1, 0.5, 8.881784197001252e-16, 1e-11},
	{1, 0.1, 0.5, 0.0669670084631926, 1e-11},
	{1, 10, 0.5, 0.9990234375, 1e-12},
	{2, 3, 0.4, 0.5248, 1e-12},
	{200, 3, 0.95, 0.0021469758077407777, 1e-10},
	{50, 60, 0.5, 0.8309072939016694, 1e-11},
	{90, 90, 0.5, 0.5, 1e-11},
	{500, 500, 0.6, 0.999999999915755, 1e-12},
	{5000, 5000, 0.4, 4.5185437272606664e-91, 1e-8},
	{5000, 2000, 0.6, 8.445388773903332e-89, 1e-8},
};

static void test_life_cycle(void)
{
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cdf_cases); i++) {
		double got = fog_beta_cdf(cdf_cases[i].a, cdf_cases[i].b, cdf_cases[i].x);
		double error = fabs(got / cdf_cases[i].value - 1);
		if (!(error <= cdf_cases[i].relative))
			printf("\ncase %u: got %.17g want %.17g\n", i, got, cdf_cases[i].value);
		CU_ASSERT(error <= cdf_cases[i].relative);
	}
	for (u32 i = 1; i < 20; i++) {
		double p = i / 20.0;
		CU_ASSERT_DOUBLE_EQUAL(fog_beta_cdf(7.5, 2.25, fog_beta_quantile(7.5, 2.25, p)), p,
				       1e-12);
	}
}

static void test_bad_arguments(void)
{
	CU_ASSERT(isnan(fog_beta_cdf(0, 1, 0.5)));
	CU_ASSERT(isnan(fog_beta_cdf(1, -1, 0.5)));
	CU_ASSERT(isnan(fog_beta_cdf(NAN, 1, 0.5)));
	CU_ASSERT(isnan(fog_beta_cdf(1, 1, NAN)));
	CU_ASSERT(isnan(fog_beta_cdf(2 * FOG_BETA_PARAM_MAX, 1, 0.5)));
	CU_ASSERT(isnan(fog_beta_quantile(1, 1, 1.5)));
	CU_ASSERT(isnan(fog_beta_quantile(1, 1, -0.1)));
	CU_ASSERT(isnan(fog_beta_quantile(0, 1, 0.5)));
	CU_ASSERT_EQUAL(fog_beta_cdf(2, 2, -1), 0);
	CU_ASSERT_EQUAL(fog_beta_cdf(2, 2, 2), 1);
	CU_ASSERT_DOUBLE_EQUAL(fog_beta_quantile(2, 2, 0), 0, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(fog_beta_quantile(2, 2, 1), 1, 1e-12);
}

/* Student's t: two-sided tail = I_{v/(v+t^2)}(v/2, 1/2); printed to three decimals. */
static void test_student(void)
{
	static const struct {
		double v, t, tail;
	} cases[] = {
		{1, 12.706, 0.05}, {2, 4.303, 0.05},  {5, 2.571, 0.05},  {10, 2.228, 0.05},
		{10, 3.169, 0.01}, {30, 2.042, 0.05}, {30, 1.310, 0.20}, {100, 1.984, 0.05},
	};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		double v = cases[i].v, t = cases[i].t;
		double tail = fog_beta_cdf(v / 2, 0.5, v / (v + t * t));
		CU_ASSERT_DOUBLE_EQUAL(tail, cases[i].tail, 2e-4);
	}
}

/* F: P(F <= f) = I_{d1 f/(d1 f + d2)}(d1/2, d2/2); upper 5 % points. */
static void test_fisher(void)
{
	static const struct {
		double d1, d2, f;
	} cases[] = {{1, 10, 4.965}, {5, 10, 3.326}, {10, 10, 2.978}, {3, 20, 3.098}};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		double d1 = cases[i].d1, d2 = cases[i].d2, f = cases[i].f;
		double p = fog_beta_cdf(d1 / 2, d2 / 2, d1 * f / (d1 * f + d2));
		CU_ASSERT_DOUBLE_EQUAL(p, 0.95, 1e-4);
	}
}

FOG_TEST_MAIN("controlplane/reputation/beta", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_student), FOG_TEST(test_fisher))
