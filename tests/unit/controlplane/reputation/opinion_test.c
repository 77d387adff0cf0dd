/* SPDX-License-Identifier: BSD-3-Clause */
/* Operators of subjective logic. The three sources of test_fusion are the example of van der
 * Heijden, Kopp and Kargl, "Multi-source fusion operations in subjective logic" (FUSION 2018). */
#include "controlplane/reputation/opinion.h"
#include "tests/unit/fog_test.h"

static void check(const struct fog_opinion *o, double b, double d, double u, double within)
{
	CU_ASSERT_DOUBLE_EQUAL(o->belief, b, within);
	CU_ASSERT_DOUBLE_EQUAL(o->disbelief, d, within);
	CU_ASSERT_DOUBLE_EQUAL(o->uncertainty, u, within);
	CU_ASSERT_DOUBLE_EQUAL(o->belief + o->disbelief + o->uncertainty, 1, 1e-9);
}

/* E = (r + 1) / (r + s + 2). */
static void test_life_cycle(void)
{
	static const struct {
		double good, bad, expectation;
	} cases[] = {{0, 0, 0.5}, {1, 0, 2.0 / 3}, {0, 1, 1.0 / 3}, {7, 1, 0.8}, {98, 0, 0.99}};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_opinion o = fog_opinion_of(cases[i].good, cases[i].bad);
		double good, bad;
		CU_ASSERT_DOUBLE_EQUAL(fog_opinion_expectation(&o), cases[i].expectation, 1e-12);
		fog_opinion_evidence(&o, &good, &bad);
		CU_ASSERT_DOUBLE_EQUAL(good, cases[i].good, 1e-9);
		CU_ASSERT_DOUBLE_EQUAL(bad, cases[i].bad, 1e-9);
	}
}

static void test_fusion(void)
{
	const struct fog_opinion a = {0.10, 0.30, 0.60}, b = {0.40, 0.20, 0.40},
				 c = {0.70, 0.10, 0.20};
	struct fog_opinion ab = fog_opinion_fuse(&a, &b), abc = fog_opinion_fuse(&ab, &c);

	check(&abc, 0.651, 0.209, 0.140, 0.0006);
	/* The order does not matter. */
	struct fog_opinion cb = fog_opinion_fuse(&c, &b), cba = fog_opinion_fuse(&cb, &a);
	check(&cba, abc.belief, abc.disbelief, abc.uncertainty, 1e-12);
	/* Fusing is adding evidence. */
	const struct fog_opinion x = fog_opinion_of(3, 1), y = fog_opinion_of(10, 4);
	struct fog_opinion sum = fog_opinion_of(13, 5), xy = fog_opinion_fuse(&x, &y);
	check(&xy, sum.belief, sum.disbelief, sum.uncertainty, 1e-12);
	/* Nothing known adds nothing; the dogmatic are averaged. */
	const struct fog_opinion vacuous = {0, 0, 1}, yes = {1, 0, 0}, no = {0, 1, 0};
	struct fog_opinion same = fog_opinion_fuse(&x, &vacuous),
			   half = fog_opinion_fuse(&yes, &no);
	check(&same, x.belief, x.disbelief, x.uncertainty, 1e-12);
	check(&half, 0.5, 0.5, 0, 1e-12);
}

static void test_discount(void)
{
	const struct fog_opinion told = {0.8, 0.1, 0.1}, full = {1, 0, 0}, never = {0, 1, 0},
				 half = {0.25, 0.25, 0.5};
	struct fog_opinion o = fog_opinion_discount(&full, &told);

	check(&o, 0.8, 0.1, 0.1, 1e-12);
	o = fog_opinion_discount(&never, &told);
	check(&o, 0, 0, 1, 1e-12);
	o = fog_opinion_discount(&half, &told);
	check(&o, 0.4, 0.05, 0.55, 1e-12);
}

static void test_bad_arguments(void)
{
	const struct fog_opinion yes = {1, 0, 0};
	double good, bad;

	fog_opinion_evidence(&yes, &good, &bad);
	CU_ASSERT_EQUAL(good, FOG_OPINION_EVIDENCE_MAX);
	CU_ASSERT_EQUAL(bad, 0);
}

FOG_TEST_MAIN("controlplane/reputation/opinion", FOG_TEST(test_life_cycle), FOG_TEST(test_fusion),
	      FOG_TEST(test_discount), FOG_TEST(test_bad_arguments))
