/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "controlplane/market/terms.h"
#include "tests/unit/fog_test.h"

#define UNIT 1000000ull

static struct fog_market m;

static void test_life_cycle(void)
{
	struct fog_quote q;
	u32 term, class;

	CU_ASSERT_EQUAL(fog_market_init(&m, FOG_STRATEGY_DYNAMIC, 1), 0);
	CU_ASSERT_EQUAL(fog_market_observe(&m, FOG_LANE_CPU, 10 * UNIT, 5 * UNIT, 1, 0), 0);
	/* numbers: cpu, 2 x 1 h, half in use: 0.3 fog x supply and demand 1 (ratio 2). */
	static const struct {
		enum fog_term term;
		enum fog_sla_class class;
		u64 hours;
		i64 final_ufog, final_mfog;
	} cases[] = {
		{FOG_TERM_ON_DEMAND, FOG_SLA_B, 1, 300000, 300},
		{FOG_TERM_ON_DEMAND, FOG_SLA_A, 1, 450000, 450},
		{FOG_TERM_ON_DEMAND, FOG_SLA_S, 1, 600000, 600},
		{FOG_TERM_SPOT, FOG_SLA_B, 1, 276000, 276},          /* .8 x (1 + .3 x .5) */
		{FOG_TERM_RESERVED, FOG_SLA_S, 24, 13680000, 13680}, /* a day: .95 */
	};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(fog_market_quote(&m, FOG_LANE_CPU, 2 * UNIT, cases[i].hours * UNIT,
						 -1, 1, &q),
				0);
		CU_ASSERT_EQUAL(fog_market_terms(&q, cases[i].term, cases[i].class, &term, &class),
				0);
		if (q.final_price != cases[i].final_ufog)
			printf("case %u: %lld\n", i, (long long)q.final_price);
		CU_ASSERT_EQUAL(q.final_price, cases[i].final_ufog);
		CU_ASSERT_EQUAL(q.final_mfog, cases[i].final_mfog);
	}
}

static void test_bad_arguments(void)
{
	struct fog_quote q = {.duration = UNIT, .final_price = 7};
	u32 term, class;

	CU_ASSERT_EQUAL(fog_market_terms(&q, 0, FOG_SLA_B, &term, &class), -EINVAL);
	CU_ASSERT_EQUAL(fog_market_terms(&q, 4, FOG_SLA_B, &term, &class), -EINVAL);
	CU_ASSERT_EQUAL(fog_market_terms(&q, FOG_TERM_SPOT, 0, &term, &class), -EINVAL);
	CU_ASSERT_EQUAL(fog_market_terms(&q, FOG_TERM_SPOT, 4, &term, &class), -EINVAL);
	CU_ASSERT_EQUAL(fog_market_terms(&q, FOG_TERM_RESERVED, FOG_SLA_B, &term, &class), -EINVAL);
	CU_ASSERT_EQUAL(q.final_price, 7);
	CU_ASSERT_EQUAL(fog_term_parse("SPOT"), FOG_TERM_SPOT);
	CU_ASSERT_EQUAL(fog_term_parse("later"), 0);
	CU_ASSERT_EQUAL(fog_sla_class_parse("S_CLASS"), FOG_SLA_S);
	CU_ASSERT_EQUAL(fog_sla_class_parse("a"), FOG_SLA_A);
	CU_ASSERT_EQUAL(fog_sla_class_parse(""), 0);
}

/* A worker's own price keeps its distance to the market, whatever that does. */
static void test_follow(void)
{
	CU_ASSERT_EQUAL(fog_market_init(&m, FOG_STRATEGY_DYNAMIC, 1), 0);
	CU_ASSERT_EQUAL(fog_market_follow(&m, FOG_LANE_CPU, 150), 150);
	CU_ASSERT_EQUAL(fog_market_follow(&m, FOG_LANE_CPU, 120), 120);
	m.lane[FOG_LANE_CPU].price = 165000;
	CU_ASSERT_EQUAL(fog_market_follow(&m, FOG_LANE_CPU, 150), 165);
	CU_ASSERT_EQUAL(fog_market_follow(&m, FOG_LANE_CPU, 0), 0);
	m.lane[FOG_LANE_CPU].price = 149999;
	CU_ASSERT_EQUAL(fog_market_follow(&m, FOG_LANE_CPU, 150), 150); /* rounded up */
	CU_ASSERT_EQUAL(fog_market_follow(&m, FOG_LANE_CPU, 1000000000), 999993334);
}

/* An offer made under a price of the last quarter of an hour holds; an older one does not. */
static void test_tickets(void)
{
	struct fog_tickets t = {0};
	struct fog_tariff least;
	u64 now = 1000;

	fog_tickets_add(&t, &(struct fog_tariff){100, 50, 7}, now);
	fog_tickets_add(&t, &(struct fog_tariff){110, 40, 8}, now + 30000);
	fog_tickets_least(&t, now + 30000, &least);
	CU_ASSERT_EQUAL(least.cpu_hour, 100);
	CU_ASSERT_EQUAL(least.memory_gb_hour, 40);
	CU_ASSERT_EQUAL(least.accelerator_hour, 7);
	fog_tickets_least(&t, now + FOG_MARKET_QUOTE_MS, &least);
	CU_ASSERT_EQUAL(least.cpu_hour, 110);
	/* Nothing new for long: the last word stands. */
	fog_tickets_least(&t, now + 10 * FOG_MARKET_QUOTE_MS, &least);
	CU_ASSERT_EQUAL(least.cpu_hour, 110);
	CU_ASSERT_EQUAL(least.memory_gb_hour, 40);
	CU_ASSERT_EQUAL(least.accelerator_hour, 8);
	for (u32 i = 0; i < 3 * FOG_TICKETS_MAX; i++)
		fog_tickets_add(&t, &(struct fog_tariff){1000 + i, 1000 + i, 0},
				now + i * FOG_MARKET_STEP_MS);
	u64 last = now + (3 * FOG_TICKETS_MAX - 1) * FOG_MARKET_STEP_MS;
	fog_tickets_least(&t, last, &least);
	CU_ASSERT_EQUAL(least.cpu_hour,
			1000 + 3 * FOG_TICKETS_MAX - FOG_MARKET_QUOTE_MS / FOG_MARKET_STEP_MS);
}

/* Money is integers: no member of a quote, lane or order that holds an amount is anything else. */
#define IS_INTEGER(expression) \
	_Generic((expression), i64 : true, u64 : true, u32 : true, i32 : true, default : false)
static void test_integers(void)
{
	struct fog_quote q;
	struct fog_bulk_quote b;
	struct fog_market_lane *l = &m.lane[0];
	struct fog_sample s;

	CU_ASSERT_TRUE(IS_INTEGER(q.price) && IS_INTEGER(q.base_cost) &&
		       IS_INTEGER(q.final_price) && IS_INTEGER(q.final_mfog));
	CU_ASSERT_TRUE(IS_INTEGER(b.subtotal) && IS_INTEGER(b.total) && IS_INTEGER(b.total_mfog));
	CU_ASSERT_TRUE(IS_INTEGER(l->price) && IS_INTEGER(l->floor) && IS_INTEGER(l->ceiling) &&
		       IS_INTEGER(l->wanted));
	CU_ASSERT_TRUE(IS_INTEGER(s.price));
	CU_ASSERT_FALSE(IS_INTEGER(1.5));
}

FOG_TEST_MAIN("controlplane/market/terms", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_follow), FOG_TEST(test_tickets), FOG_TEST(test_integers))
