/* SPDX-License-Identifier: BSD-3-Clause */
/* Quotes of the public contract. `final` is worked out by hand in fog, in millionths. */
#include "controlplane/market/market.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#define ONE 1000000ull
#define NOW 1700000000000ull

static struct fog_market m;
static struct fog_quote q;

static void test_life_cycle(void)
{
	/* What the first system quoted when nothing had happened yet: 2 cores for an hour are 0.27.
	 */
	CU_ASSERT_EQUAL(fog_market_init(&m, FOG_STRATEGY_DYNAMIC, NOW), 0);
	CU_ASSERT_EQUAL(fog_market_quote(&m, FOG_LANE_CPU, 2 * ONE, ONE, -1, NOW, &q), 0);
	CU_ASSERT_EQUAL(q.price, 150000);
	CU_ASSERT_EQUAL(q.base_cost, 300000);
	CU_ASSERT_EQUAL(q.volume_ppm, 1000000);
	CU_ASSERT_EQUAL(q.duration_ppm, 1000000);
	CU_ASSERT_EQUAL(q.balance_ppm, 900000);
	CU_ASSERT_EQUAL(q.reputation_ppm, 1000000);
	CU_ASSERT_EQUAL(q.trust_ppm, 0);
	CU_ASSERT_EQUAL(q.final_price, 270000);
	CU_ASSERT_EQUAL(q.final_mfog, 270);
	CU_ASSERT_EQUAL(q.floor, 50000);
	CU_ASSERT_EQUAL(q.ceiling, 2000000);
	CU_ASSERT_EQUAL(q.ratio_ppm, FOG_MARKET_RATIO_MAX_PPM);
	CU_ASSERT_EQUAL(q.utilization_ppm, 0);
	CU_ASSERT_FALSE(q.frozen);
	CU_ASSERT_EQUAL(q.valid_until_ms, NOW + 15 * 60 * 1000);
}

static void test_bad_arguments(void)
{
	struct fog_bulk_quote b;
	struct fog_bulk_item items[FOG_LANE_COUNT + 1] = {{FOG_LANE_CPU, ONE, ONE},
							  {FOG_LANE_CPU, ONE, ONE}};

	CU_ASSERT_EQUAL(fog_market_init(&m, FOG_STRATEGY_DYNAMIC, NOW), 0);
#define QUOTE(lane, quantity, duration, trust) \
	fog_market_quote(&m, lane, quantity, duration, trust, NOW, &q)
	CU_ASSERT_EQUAL(QUOTE(FOG_LANE_COUNT, ONE, ONE, -1), -EINVAL);
	CU_ASSERT_EQUAL(QUOTE((enum fog_lane) - 1, ONE, ONE, -1), -EINVAL);
	CU_ASSERT_EQUAL(QUOTE(FOG_LANE_CPU, 0, ONE, -1), -EINVAL);
	CU_ASSERT_EQUAL(QUOTE(FOG_LANE_CPU, FOG_MARKET_AMOUNT_MAX + 1, ONE, -1), -EINVAL);
	CU_ASSERT_EQUAL(QUOTE(FOG_LANE_CPU, ONE, 0, -1), -EINVAL);
	CU_ASSERT_EQUAL(QUOTE(FOG_LANE_CPU, ONE, FOG_MARKET_DURATION_MAX + 1, -1), -EINVAL);
	CU_ASSERT_EQUAL(QUOTE(FOG_LANE_CPU, ONE, ONE, 1000001), -EINVAL);
	CU_ASSERT_EQUAL(QUOTE(FOG_LANE_FEDERATED_TRAINING, FOG_MARKET_AMOUNT_MAX,
			      FOG_MARKET_DURATION_MAX, -1),
			-EINVAL);
	CU_ASSERT_EQUAL(QUOTE(FOG_LANE_STORAGE, FOG_MARKET_AMOUNT_MAX, FOG_MARKET_DURATION_MAX, -1),
			0);
	CU_ASSERT_EQUAL(QUOTE(FOG_LANE_CPU, 1, 1, 0), 0);
	CU_ASSERT_EQUAL(q.final_price, 1);
	CU_ASSERT_EQUAL(q.final_mfog, 1);
#undef QUOTE
	CU_ASSERT_EQUAL(fog_market_bulk(&m, items, 0, NOW, &b), -EINVAL);
	CU_ASSERT_EQUAL(fog_market_bulk(&m, items, FOG_LANE_COUNT + 1, NOW, &b), -EINVAL);
	CU_ASSERT_EQUAL(fog_market_bulk(&m, items, 2, NOW, &b), -EINVAL);
	items[1].lane = FOG_LANE_GPU;
	CU_ASSERT_EQUAL(fog_market_bulk(&m, items, 2, NOW, &b), 0);
	items[1].quantity = 0;
	CU_ASSERT_EQUAL(fog_market_bulk(&m, items, 2, NOW, &b), -EINVAL);
}

static void test_factors(void)
{
	static const struct {
		enum fog_lane lane;
		u64 quantity, duration, supply, demand;
		i32 trust;
		i64 base, want;
	} cases[] = {
		/* volume */
		{FOG_LANE_CPU, 10 * ONE - 1, ONE, 1, 1, -1, 1500000, 1500000},
		{FOG_LANE_CPU, 10 * ONE, ONE, 1, 1, -1, 1500000, 1425000},
		{FOG_LANE_CPU, 100 * ONE, ONE, 1, 1, -1, 15000000, 13500000},
		{FOG_LANE_CPU, 1000 * ONE, ONE, 1, 1, -1, 150000000, 127500000},
		/* duration */
		{FOG_LANE_MEMORY, ONE, ONE / 2, 1, 1, -1, 25000, 30000},
		{FOG_LANE_MEMORY, ONE, 24 * ONE, 1, 1, -1, 1200000, 1140000},
		{FOG_LANE_MEMORY, ONE, 168 * ONE, 1, 1, -1, 8400000, 7560000},
		/* supply and demand: at 2 and at a half nothing yet */
		{FOG_LANE_GPU, ONE, ONE, 2, 1, -1, 2000000, 2000000},
		{FOG_LANE_GPU, ONE, ONE, 2001, 1000, -1, 2000000, 1800000},
		{FOG_LANE_GPU, ONE, ONE, 1, 2, -1, 2000000, 2000000},
		{FOG_LANE_GPU, ONE, ONE, 999, 2000, -1, 2000000, 2300000},
		/* reputation */
		{FOG_LANE_GPU, ONE, ONE, 1, 1, 0, 2000000, 1400000},
		{FOG_LANE_GPU, ONE, ONE, 1, 1, 500000, 2000000, 2000000},
		{FOG_LANE_GPU, ONE, ONE, 1, 1, 1000000, 2000000, 2600000},
		/* all of them: .01 x 150 x 200 = 300; x .9 x .9 x 1.15 x 1.18 */
		{FOG_LANE_STORAGE, 150 * ONE, 200 * ONE, 1, 3, 800000, 300000000, 329751000},
		/* rounded up once: 1/3 hour of .1 is .0333..; x 1.2 = .04 */
		{FOG_LANE_BANDWIDTH, ONE, 333333, 1, 1, -1, 33334, 40000},
	};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(fog_market_init(&m, FOG_STRATEGY_DYNAMIC, NOW), 0);
		CU_ASSERT_EQUAL(fog_market_observe(&m, cases[i].lane, cases[i].supply,
						   cases[i].demand, 1, 0),
				0);
		CU_ASSERT_EQUAL(fog_market_quote(&m, cases[i].lane, cases[i].quantity,
						 cases[i].duration, cases[i].trust, NOW, &q),
				0);
		if (q.base_cost != cases[i].base || q.final_price != cases[i].want)
			printf("\ncase %u: %lld, %lld\n", i, (long long)q.base_cost,
			       (long long)q.final_price);
		CU_ASSERT_EQUAL(q.base_cost, cases[i].base);
		CU_ASSERT_EQUAL(q.final_price, cases[i].want);
		CU_ASSERT_EQUAL(q.final_mfog, (cases[i].want + 999) / 1000);
	}
}

static void test_bulk(void)
{
	static const struct {
		u64 gpus;
		i64 subtotal;
		u32 discount;
		i64 total;
	} cases[] = {
		/* 2 fog each and hour, x .95 duration x .9 balance, x volume */
		{1, 41040000, 1000000, 41040000},
		{9, 369360000, 950000, 350892000},
		{30, 1169640000, 900000, 1052676000},
	};
	struct fog_bulk_quote b;

	CU_ASSERT_EQUAL(fog_market_init(&m, FOG_STRATEGY_DYNAMIC, NOW), 0);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_bulk_item item = {FOG_LANE_GPU, cases[i].gpus * ONE, 24 * ONE};
		CU_ASSERT_EQUAL(fog_market_bulk(&m, &item, 1, NOW, &b), 0);
		CU_ASSERT_EQUAL(b.count, 1);
		CU_ASSERT_EQUAL(b.subtotal, cases[i].subtotal);
		CU_ASSERT_EQUAL(b.discount_ppm, cases[i].discount);
		CU_ASSERT_EQUAL(b.total, cases[i].total);
		CU_ASSERT_EQUAL(b.total_mfog, cases[i].total / 1000);
		CU_ASSERT_EQUAL(b.valid_until_ms, NOW + 15 * 60 * 1000);
		CU_ASSERT_EQUAL(b.condition, FOG_MARKET_NORMAL);
	}
	struct fog_bulk_item items[2] = {{FOG_LANE_GPU, 999 * ONE, 24 * ONE},
					 {FOG_LANE_CPU, ONE, ONE}};
	CU_ASSERT_EQUAL(fog_market_bulk(&m, items, 2, NOW, &b), 0);
	CU_ASSERT_EQUAL(b.subtotal, b.quote[0].final_price + b.quote[1].final_price);
	CU_ASSERT_EQUAL(b.quote[1].final_price, 135000);
	CU_ASSERT_EQUAL(b.discount_ppm, 850000);
	CU_ASSERT_EQUAL(b.total, (b.subtotal * 85 + 99) / 100);
}

/* Bands and price of a kind are those of the lane, times its factor. */
static void test_kinds(void)
{
	static const struct {
		u64 gib;
		enum fog_kind kind;
		i64 factor;
	} cases[] = {{0, FOG_KIND_SMALL, 1},   {16, FOG_KIND_SMALL, 1},
		     {24, FOG_KIND_MEDIUM, 2}, {47, FOG_KIND_MEDIUM, 2},
		     {48, FOG_KIND_LARGE, 4},  {1u << 20, FOG_KIND_LARGE, 4}};
	struct fog_quote lane;

	CU_ASSERT_EQUAL(fog_market_init(&m, FOG_STRATEGY_DYNAMIC, NOW), 0);
	CU_ASSERT_EQUAL(fog_market_quote(&m, FOG_LANE_GPU, 2 * ONE, 3 * ONE, -1, NOW, &lane), 0);
	CU_ASSERT_EQUAL(lane.price, 1000 * FOG_ACCELERATOR_FIRST_MFOG);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		enum fog_kind kind = fog_kind_of(cases[i].gib << 30);
		CU_ASSERT_EQUAL(kind, cases[i].kind);
		CU_ASSERT_EQUAL(fog_kind_parse(fog_kind_name(kind)), kind);
		CU_ASSERT_EQUAL(fog_market_quote_kind(&m, kind, 2 * ONE, 3 * ONE, -1, NOW, &q), 0);
		CU_ASSERT_EQUAL(q.lane, FOG_LANE_GPU);
		CU_ASSERT_EQUAL(q.price, cases[i].factor * lane.price);
		CU_ASSERT_EQUAL(q.floor, cases[i].factor * lane.floor);
		CU_ASSERT_EQUAL(q.ceiling, cases[i].factor * lane.ceiling);
		CU_ASSERT_EQUAL(q.final_price, cases[i].factor * lane.final_price);
	}
	CU_ASSERT_EQUAL(fog_kind_parse("huge"), 0);
	CU_ASSERT_EQUAL(fog_market_quote_kind(&m, 0, ONE, ONE, -1, NOW, &q), -EINVAL);
	CU_ASSERT_EQUAL(fog_market_quote_kind(&m, FOG_KIND_COUNT, ONE, ONE, -1, NOW, &q), -EINVAL);
}

FOG_TEST_MAIN("controlplane/market/quote", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_factors), FOG_TEST(test_bulk), FOG_TEST(test_kinds))
