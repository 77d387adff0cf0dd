/* SPDX-License-Identifier: BSD-3-Clause */
/* The controller's values are those of EIP-1559's published test vectors. */
#include "controlplane/market/market.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#define T0     1700000000000ull
#define STEP   FOG_MARKET_STEP_MS
#define HOUR   3600000ull
#define SUPPLY 20000000ull

static struct fog_market m;
static u64 now;

static void open_market(enum fog_strategy strategy)
{
	now = T0;
	CU_ASSERT_EQUAL_FATAL(fog_market_init(&m, strategy, now), 0);
}

static void step(void)
{
	now += STEP;
	CU_ASSERT_EQUAL_FATAL(fog_market_step(&m, now), 0);
}

/* Steps for a time with the same demand for CPU. */
static void run(u64 ms, u64 demand, u32 accounts, u32 largest_ppm)
{
	for (u64 until = now + ms; now < until;) {
		fog_market_observe(&m, FOG_LANE_CPU, SUPPLY, demand, accounts, largest_ppm);
		step();
	}
}

static void test_life_cycle(void)
{
	struct fog_market_view v;

	open_market(FOG_STRATEGY_DYNAMIC);
	fog_market_view(&m, now, &v);
	CU_ASSERT_EQUAL(v.condition, FOG_MARKET_NORMAL);
	CU_ASSERT_FALSE(v.lane[FOG_LANE_CPU].measured);
	fog_market_observe(&m, FOG_LANE_CPU, 0, 0, 0, 0); /* there is none, and that is known */
	fog_market_view(&m, now, &v);
	CU_ASSERT_TRUE(v.lane[FOG_LANE_CPU].measured);
	CU_ASSERT_FALSE(v.lane[FOG_LANE_GPU].measured);
	run(30 * 60000, SUPPLY, 5, 200000);
	CU_ASSERT_EQUAL(m.lane[FOG_LANE_CPU].price, 165000);
	CU_ASSERT_EQUAL(m.lane[FOG_LANE_MEMORY].price, 50000);
	run(HOUR, SUPPLY, 5, 200000);
	fog_market_view(&m, now, &v);
	CU_ASSERT(v.lane[FOG_LANE_CPU].price > 165000);
	CU_ASSERT_EQUAL(v.lane[FOG_LANE_CPU].trend, FOG_TREND_RISING);
	CU_ASSERT_EQUAL(v.lane[FOG_LANE_MEMORY].trend, FOG_TREND_STABLE);
	CU_ASSERT_EQUAL(v.highest_demand, FOG_LANE_CPU);
	CU_ASSERT_EQUAL(v.most_volatile, FOG_LANE_CPU);
	CU_ASSERT_EQUAL(v.lane[FOG_LANE_CPU].utilization_ppm, 1000000);
	CU_ASSERT_EQUAL(v.lane[FOG_LANE_CPU].ratio_ppm, 1000000);
	CU_ASSERT_EQUAL(v.lane[FOG_LANE_CPU].risk_ppm, 0);
	CU_ASSERT(v.lane[FOG_LANE_CPU].health_ppm > 900000);
	CU_ASSERT_EQUAL(v.supply, SUPPLY);
	CU_ASSERT_EQUAL(v.alerts_day, 0);
	run(3 * HOUR, 0, 0, 0);
	fog_market_view(&m, now, &v);
	CU_ASSERT_EQUAL(v.lane[FOG_LANE_CPU].trend, FOG_TREND_FALLING);
	CU_ASSERT_EQUAL(v.condition, FOG_MARKET_LOW_DEMAND);
}

static void test_bad_arguments(void)
{
	struct fog_sample s = {.time_ms = T0, .price = 49999, .pressure = 1};

	CU_ASSERT_EQUAL(fog_market_init(&m, (enum fog_strategy)0, T0), -EINVAL);
	CU_ASSERT_EQUAL(fog_market_init(&m, FOG_STRATEGY_COUNT, T0), -EINVAL);
	open_market(FOG_STRATEGY_STABLE);
	CU_ASSERT_EQUAL(fog_market_step(&m, T0 + STEP - 1), -EAGAIN);
	CU_ASSERT_EQUAL(fog_market_step(&m, T0 - 1), -EAGAIN);
	CU_ASSERT_EQUAL(fog_market_step(&m, T0 + STEP), 0);
	CU_ASSERT_EQUAL(fog_market_observe(&m, FOG_LANE_COUNT, 1, 1, 1, 0), -EINVAL);
	CU_ASSERT_EQUAL(fog_market_observe(&m, FOG_LANE_CPU, 1, 1, 1, 1000001), -EINVAL);
	CU_ASSERT_EQUAL(fog_market_band(&m, FOG_LANE_COUNT, 1, 2), -EINVAL);
	CU_ASSERT_EQUAL(fog_market_band(&m, FOG_LANE_CPU, 0, 2), -EINVAL);
	CU_ASSERT_EQUAL(fog_market_band(&m, FOG_LANE_CPU, 3, 2), -EINVAL);
	CU_ASSERT_EQUAL(fog_market_band(&m, FOG_LANE_CPU, 1, FOG_HISTORY_PRICE_MAX), -EINVAL);
	CU_ASSERT_EQUAL(fog_market_restore(&m, FOG_LANE_CPU, &s), -EINVAL);
	s.price = 2000001;
	CU_ASSERT_EQUAL(fog_market_restore(&m, FOG_LANE_CPU, &s), -EINVAL);
	CU_ASSERT_EQUAL(fog_lane_parse("cpus"), FOG_LANE_COUNT);
	CU_ASSERT_EQUAL(fog_lane_parse("cp"), FOG_LANE_COUNT);
	CU_ASSERT_EQUAL(fog_lane_parse(""), FOG_LANE_COUNT);
	CU_ASSERT_EQUAL(fog_lane_parse("GPU"), FOG_LANE_GPU);
	for (u32 i = 0; i < FOG_LANE_COUNT; i++)
		CU_ASSERT_EQUAL(fog_lane_parse(fog_lane_name((enum fog_lane)i)), i);
}

static void test_controller(void)
{
	static const struct {
		i64 price;
		u64 supply, demand;
		i64 want;
	} cases[] = {
		{1000000000, 20000000, 10000000, 1000000000},
		{1000000000, 20000000, 9000000, 987500000},
		{1000000000, 20000000, 11000000, 1012500000},
		{1000000000, 20000000, 20000000, 1125000000},
		{1000000000, 20000000, 0, 875000000},
		{1000000000, 20000000, 90000000, 1125000000},
		{7, 20000000, 10000001, 8}, /* at least one up */
		{7, 20000000, 9999999, 7},
		{800, 0, 5, 900}, /* nothing to be had */
		{800, 0, 0, 800},
		{800, 1, 0, 700},
		{800, 1, 1, 900},
	};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++)
		CU_ASSERT_EQUAL(fog_market_wanted(cases[i].price, cases[i].supply, cases[i].demand),
				cases[i].want);
}

static u64 state;

static u64 draw(void)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return state >> 33;
}

/* Whatever is observed, and at whatever times: never out of the band, within a tenth of every price
 * in the hour before. */
static void test_bounded(void)
{
	static i64 prices[4000];
	static u64 times[4000];
	const char *text = getenv("FOG_SEED");

	state = text != NULL ? strtoull(text, NULL, 0) : 9;
	printf("\nFOG_SEED=%llu ", (unsigned long long)state);
	for (u32 strategy = 1; strategy < FOG_STRATEGY_COUNT; strategy++) {
		open_market((enum fog_strategy)strategy);
		u32 mode = 0, moves = 0;
		for (u32 n = 0; n < FOG_ARRAY_COUNT(prices); n++) {
			mode = draw() % 100 == 0 ? (u32)(draw() % 4) : mode;
			u64 demand = mode == 0   ? 0
				     : mode == 1 ? 100 * SUPPLY
				     : mode == 2 ? draw() % (2 * SUPPLY)
						 : SUPPLY * (n % 2);
			fog_market_observe(&m, FOG_LANE_CPU, draw() % 50 ? SUPPLY : 0, demand,
					   (u32)(draw() % 9), (u32)(draw() % 1000001));
			now += STEP + (draw() % 200 == 0 ? draw() % (5 * HOUR) : draw() % 1000);
			CU_ASSERT_EQUAL_FATAL(fog_market_step(&m, now), 0);
			i64 p = prices[n] = m.lane[FOG_LANE_CPU].price;
			times[n] = now;
			CU_ASSERT_FATAL(p >= 50000 && p <= 2000000);
			for (u32 i = n; i > 0; i--) {
				i64 before = prices[i - 1];
				CU_ASSERT_FATAL(10 * p <= 11 * before && 10 * p >= 9 * before);
				if (times[i - 1] + HOUR <= now)
					break;
			}
			CU_ASSERT_FATAL(times[0] + HOUR <= now || (p <= 165000 && p >= 135000));
			moves += n > 0 && p != prices[n - 1];
		}
		CU_ASSERT(moves > 100);
	}
}

static void test_floor_and_band(void)
{
	open_market(FOG_STRATEGY_AGGRESSIVE);
	run(24 * HOUR, 0, 0, 0);
	CU_ASSERT_EQUAL(m.lane[FOG_LANE_CPU].price, 50000);
	CU_ASSERT_EQUAL(fog_market_band(&m, FOG_LANE_CPU, 60000, 70000), 0);
	CU_ASSERT_EQUAL(m.lane[FOG_LANE_CPU].price, 60000);
	open_market(FOG_STRATEGY_DYNAMIC);
	run(2 * HOUR, SUPPLY / 2, 3, 0);
	CU_ASSERT_EQUAL(m.lane[FOG_LANE_CPU].price, 150000);
}

/* A lane's day comes back from the store. */
static void test_restore(void)
{
	struct fog_sample s = {.pressure = 500000};

	open_market(FOG_STRATEGY_DYNAMIC);
	for (u32 i = 0; i < 200; i++) {
		s.time_ms = T0 - (200 - i) * STEP;
		s.price = 200000 + i;
		CU_ASSERT_EQUAL(fog_market_restore(&m, FOG_LANE_CPU, &s), 0);
	}
	CU_ASSERT_EQUAL(m.lane[FOG_LANE_CPU].price, 200199);
	run(HOUR, SUPPLY, 3, 0);
	/* Bounded by what it was before the restart: an hour ago it was 200199 at the last sample.
	 */
	CU_ASSERT_EQUAL(m.lane[FOG_LANE_CPU].price, 200199 + 20019);
}

/* Many accounts, one of them half of the demand, swinging it: found, frozen, tried, closed again.
 */
static void test_manipulation(void)
{
	struct fog_market_lane *l = &m.lane[FOG_LANE_CPU];
	struct fog_market_view v;

	open_market(FOG_STRATEGY_DYNAMIC);
	run(HOUR, SUPPLY / 2, 6, 600000);
	CU_ASSERT_EQUAL(l->breaker, FOG_BREAKER_CLOSED);
	for (u32 i = 0; i < 60 && l->breaker == FOG_BREAKER_CLOSED; i++)
		run(STEP, i % 2 ? SUPPLY / 20 : SUPPLY * 2, 6, 600000);
	CU_ASSERT_EQUAL_FATAL(l->breaker, FOG_BREAKER_OPEN);
	fog_market_view(&m, now, &v);
	CU_ASSERT_EQUAL(v.condition, FOG_MARKET_MANIPULATED);
	CU_ASSERT_EQUAL(v.risk_ppm, 1000000);
	CU_ASSERT_EQUAL(v.alerts_critical, 1);
	CU_ASSERT_EQUAL(fog_market_alert(&m, 0)->kind, FOG_ALERT_MANIPULATION);
	CU_ASSERT_EQUAL(fog_market_alert(&m, 0)->lane, FOG_LANE_CPU);
	i64 frozen = l->price;
	run(HOUR - STEP, SUPPLY, 6, 600000);
	CU_ASSERT_EQUAL(l->price, frozen);
	CU_ASSERT_EQUAL(l->breaker, FOG_BREAKER_OPEN);
	struct fog_quote q;
	CU_ASSERT_EQUAL(fog_market_quote(&m, FOG_LANE_CPU, 1000000, 1000000, -1, now, &q), 0);
	CU_ASSERT_TRUE(q.frozen);
	run(STEP, SUPPLY, 6, 600000);
	CU_ASSERT_EQUAL(l->breaker, FOG_BREAKER_TRIAL);
	run(HOUR, SUPPLY, 6, 600000);
	CU_ASSERT(l->price > frozen);
	CU_ASSERT_EQUAL(l->breaker, FOG_BREAKER_CLOSED);
	fog_market_view(&m, now, &v);
	CU_ASSERT_NOT_EQUAL(v.condition, FOG_MARKET_MANIPULATED);
}

/* Swings again as soon as it may: frozen for longer each time, up to the limit. */
static void test_breaker_backs_off(void)
{
	struct fog_market_lane *l = &m.lane[FOG_LANE_CPU];
	u64 opened = 0, longest = 0;
	u32 openings = 0;

	open_market(FOG_STRATEGY_DYNAMIC);
	for (u32 i = 0; i < 3000; i++) {
		enum fog_breaker before = l->breaker;
		run(STEP, i % 2 ? SUPPLY / 20 : SUPPLY * 2, 6, 600000);
		if (before != FOG_BREAKER_OPEN && l->breaker == FOG_BREAKER_OPEN) {
			opened = now;
			openings++;
		}
		if (before == FOG_BREAKER_OPEN && l->breaker != FOG_BREAKER_OPEN) {
			CU_ASSERT(now - opened >= longest);
			longest = now - opened;
		}
	}
	CU_ASSERT(openings >= 4);
	CU_ASSERT_EQUAL(longest, FOG_MARKET_OPEN_MAX_MS);
}

/* The same swings with few accounts, or with nobody large: noise, not an attack. */
static void test_no_false_alarm(void)
{
	static const struct {
		u32 accounts, largest_ppm;
	} cases[] = {{2, 1000000}, {1, 1000000}, {40, 100000}, {0, 0}};

	for (u32 c = 0; c < FOG_ARRAY_COUNT(cases); c++) {
		open_market(FOG_STRATEGY_DYNAMIC);
		for (u32 i = 0; i < 300; i++)
			run(STEP, i % 2 ? SUPPLY / 20 : SUPPLY * 2, cases[c].accounts,
			    cases[c].largest_ppm);
		CU_ASSERT_EQUAL(m.lane[FOG_LANE_CPU].breaker, FOG_BREAKER_CLOSED);
	}
}

static void test_spike_and_volatility(void)
{
	struct fog_market_view v;
	u32 levels = 0;

	open_market(FOG_STRATEGY_DYNAMIC);
	run(HOUR, SUPPLY / 2, 9, 100000);
	CU_ASSERT_EQUAL(m.alert_count, 0);
	run(STEP, SUPPLY * 4, 9, 100000);
	CU_ASSERT_EQUAL(m.alert_count, 1);
	CU_ASSERT_EQUAL(fog_market_alert(&m, 0)->kind, FOG_ALERT_SPIKE);
	CU_ASSERT_EQUAL(fog_market_alert(&m, 0)->level, FOG_ALERT_HIGH);
	/* 10 % up an hour for a day: the price is ten times, volatility rises through the levels.
	 */
	open_market(FOG_STRATEGY_AGGRESSIVE);
	run(26 * HOUR, SUPPLY, 9, 100000);
	for (u32 i = 0; fog_market_alert(&m, i) != NULL; i++)
		if (fog_market_alert(&m, i)->kind == FOG_ALERT_VOLATILITY)
			levels |= 1u << fog_market_alert(&m, i)->level;
	CU_ASSERT_EQUAL(levels,
			1 << FOG_ALERT_MEDIUM | 1 << FOG_ALERT_HIGH | 1 << FOG_ALERT_CRITICAL);
	fog_market_view(&m, now, &v);
	CU_ASSERT_TRUE(v.lane[FOG_LANE_CPU].is_volatile);
	/* And in the end it is calm again. */
	run(40 * HOUR, SUPPLY / 2, 9, 100000);
	CU_ASSERT_EQUAL(m.lane[FOG_LANE_CPU].breaker, FOG_BREAKER_CLOSED);
	fog_market_view(&m, now, &v);
	CU_ASSERT_FALSE(v.lane[FOG_LANE_CPU].is_volatile);
	CU_ASSERT_EQUAL(v.condition, FOG_MARKET_LOW_DEMAND);
}

static void test_conditions(void)
{
	struct fog_market_view v;
	static const struct {
		u64 supply, demand;
		enum fog_market_condition want;
	} cases[] = {
		{100, 100, FOG_MARKET_NORMAL},      {100, 150, FOG_MARKET_NORMAL},
		{100, 151, FOG_MARKET_HIGH_DEMAND}, {150, 100, FOG_MARKET_NORMAL},
		{151, 100, FOG_MARKET_LOW_DEMAND},  {0, 1, FOG_MARKET_HIGH_DEMAND},
		{~0ull, ~0ull, FOG_MARKET_NORMAL},
	};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		open_market(FOG_STRATEGY_DYNAMIC);
		fog_market_observe(&m, FOG_LANE_GPU, cases[i].supply, cases[i].demand, 1, 0);
		fog_market_view(&m, now, &v);
		CU_ASSERT_EQUAL(v.condition, cases[i].want);
	}
	for (u32 i = 0; i < 5; i++)
		m.lane[i].breaker = FOG_BREAKER_OPEN;
	fog_market_view(&m, now, &v);
	CU_ASSERT_EQUAL(v.condition, FOG_MARKET_EMERGENCY);
	CU_ASSERT_STRING_EQUAL(fog_market_condition_name(v.condition), "emergency");
	CU_ASSERT_STRING_EQUAL(fog_market_condition_name(FOG_MARKET_MANIPULATED),
			       "manipulation_detected");
	CU_ASSERT_STRING_EQUAL(fog_strategy_name(v.strategy), "dynamic");
	CU_ASSERT_STRING_EQUAL(fog_trend_name(FOG_TREND_STABLE), "stable");
}

FOG_TEST_MAIN("controlplane/market/market", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_controller), FOG_TEST(test_bounded), FOG_TEST(test_floor_and_band),
	      FOG_TEST(test_restore), FOG_TEST(test_manipulation), FOG_TEST(test_breaker_backs_off),
	      FOG_TEST(test_no_false_alarm), FOG_TEST(test_spike_and_volatility),
	      FOG_TEST(test_conditions))
