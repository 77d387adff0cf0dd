/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/market/history.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <math.h>

#define STEP FOG_HISTORY_STEP_MS
#define T0   1700000000000ull

static struct fog_history h;

static int add(u64 time_ms, i64 price, i64 pressure)
{
	struct fog_sample s = {.time_ms = time_ms, .price = price, .pressure = pressure};
	return fog_history_add(&h, &s);
}

static void test_life_cycle(void)
{
	fog_history_init(&h);
	CU_ASSERT_EQUAL(fog_history_mean(&h), 0);
	CU_ASSERT_EQUAL(fog_history_price_at(&h, T0), 0);
	CU_ASSERT_EQUAL(fog_history_volatility_day_ppm(&h), 0);
	CU_ASSERT_PTR_NULL(fog_history_get(&h, 0));
	CU_ASSERT_EQUAL(add(T0, 100, 0), 0);
	CU_ASSERT_EQUAL(add(T0 + STEP, 200, 0), 0);
	CU_ASSERT_EQUAL(add(T0 + 2 * STEP, 300, 0), 0);
	CU_ASSERT_EQUAL(fog_history_mean(&h), 200);
	/* Deviation sqrt(20000 / 3) over 200. */
	CU_ASSERT_EQUAL(fog_history_volatility_day_ppm(&h), 408248);
	CU_ASSERT_EQUAL(fog_history_volatility_hour_ppm(&h), 0);
	CU_ASSERT_EQUAL(fog_history_get(&h, 0)->price, 300);
	CU_ASSERT_EQUAL(fog_history_get(&h, 2)->price, 100);
	CU_ASSERT_PTR_NULL(fog_history_get(&h, 3));
}

static void test_bad_arguments(void)
{
	struct fog_candle c[4];

	fog_history_init(&h);
	CU_ASSERT_EQUAL(add(T0, 0, 1), -EINVAL);
	CU_ASSERT_EQUAL(add(T0, -1, 1), -EINVAL);
	CU_ASSERT_EQUAL(add(T0, FOG_HISTORY_PRICE_MAX + 1, 1), -EINVAL);
	CU_ASSERT_EQUAL(add(T0, 1, -1), -EINVAL);
	CU_ASSERT_EQUAL(add(T0, 1, FOG_HISTORY_PRICE_MAX + 1), -EINVAL);
	CU_ASSERT_EQUAL(add(T0, 1, 1), 0);
	CU_ASSERT_EQUAL(add(T0, 1, 1), -EAGAIN);
	CU_ASSERT_EQUAL(add(T0 + STEP - 1, 1, 1), -EAGAIN);
	CU_ASSERT_EQUAL(add(T0 - 10 * STEP, 1, 1), -EAGAIN);
	CU_ASSERT_EQUAL(h.count, 1);
	CU_ASSERT_EQUAL(fog_history_candles(&h, T0, T0, c, 1), -EINVAL);
	CU_ASSERT_EQUAL(fog_history_candles(&h, T0, T0 - 1, c, 1), -EINVAL);
	CU_ASSERT_EQUAL(fog_history_candles(&h, T0, T0 + 3, c, 4), -EINVAL);
	CU_ASSERT_EQUAL(fog_history_candles(&h, T0, T0 + 30, c, 0), -EINVAL);
	CU_ASSERT_EQUAL(fog_history_candles(&h, T0, T0 + 30, c, FOG_HISTORY_CANDLES_MAX + 1),
			-EINVAL);
}

static u64 state;

static u64 draw(void)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return state >> 33;
}

/* Sums that come and go against sums made afresh, over days, with gaps and the largest prices. */
static void test_model(void)
{
	static struct fog_sample all[12000];
	const char *text = getenv("FOG_SEED");
	u64 now = T0;

	state = text != NULL ? strtoull(text, NULL, 0) : 3;
	printf("\nFOG_SEED=%llu ", (unsigned long long)state);
	fog_history_init(&h);
	for (u32 n = 0; n < FOG_ARRAY_COUNT(all); n++) {
		now += STEP + (draw() % 50 == 0 ? draw() % (3 * FOG_HISTORY_HOUR_MS) : draw() % 9);
		i64 price = draw() % 3 == 0 ? FOG_HISTORY_PRICE_MAX - (i64)(draw() % 99)
					    : 1 + (i64)(draw() % 1000);
		all[n] = (struct fog_sample){
			.time_ms = now, .price = price, .pressure = (i64)(draw() % 5)};
		CU_ASSERT_EQUAL_FATAL(fog_history_add(&h, &all[n]), 0);
		if (n % 41 != 0)
			continue;
		double sum = 0, hour = 0, squares = 0, hour_squares = 0;
		u32 count = 0, hours = 0;
		for (u32 i = n + 1; i > 0 && now - all[i - 1].time_ms <= FOG_HISTORY_DAY_MS; i--) {
			sum += (double)all[i - 1].price;
			count++;
			if (now - all[i - 1].time_ms > FOG_HISTORY_HOUR_MS)
				continue;
			hour += (double)all[i - 1].pressure;
			hours++;
		}
		CU_ASSERT_EQUAL_FATAL(h.count, count);
		CU_ASSERT_EQUAL_FATAL(h.hour.count, hours);
		for (u32 i = 0; i < count; i++) {
			double d = (double)all[n - i].price - sum / count;
			double e = (double)all[n - i].pressure - hour / hours;
			squares += d * d;
			hour_squares += i < hours ? e * e : 0;
		}
		CU_ASSERT_EQUAL(fog_history_mean(&h), (i64)(sum / count));
		CU_ASSERT_DOUBLE_EQUAL(fog_history_volatility_day_ppm(&h),
				       sqrt(squares / count) / (sum / count) * 1e6, 1);
		CU_ASSERT_DOUBLE_EQUAL(
			fog_history_volatility_hour_ppm(&h),
			hour == 0 ? 0 : sqrt(hour_squares / hours) / (hour / hours) * 1e6, 1);
		u64 at = now - draw() % (2 * FOG_HISTORY_DAY_MS);
		u32 i = 0;
		while (i + 1 < count && all[n - i].time_ms > at)
			i++;
		CU_ASSERT_EQUAL(fog_history_price_at(&h, at), all[n - i].price);
	}
}

/* A ring that is full of samples no older than a day loses the oldest. */
static void test_full(void)
{
	fog_history_init(&h);
	for (u32 i = 0; i < 2 * FOG_HISTORY_SAMPLES_MAX; i++)
		CU_ASSERT_EQUAL_FATAL(add(T0 + i * STEP, 1 + i, 1), 0);
	CU_ASSERT_EQUAL(h.count, FOG_HISTORY_SAMPLES_MAX);
	CU_ASSERT_EQUAL(fog_history_get(&h, h.count - 1)->price, FOG_HISTORY_SAMPLES_MAX + 1);
	CU_ASSERT_EQUAL(h.day.sum,
			(i64)FOG_HISTORY_SAMPLES_MAX * (3 * FOG_HISTORY_SAMPLES_MAX + 1) / 2);
}

static void test_candles(void)
{
	static const i64 prices[] = {5, 9, 2, 4, 7, 7, 8, 1};
	struct fog_candle c[3];

	fog_history_init(&h);
	for (u32 i = 0; i < 8; i++) {
		struct fog_sample s = {
			.time_ms = T0 + i * STEP, .price = prices[i], .utilization_ppm = i * 100};
		CU_ASSERT_EQUAL(fog_history_add(&h, &s), 0);
	}
	/* Four samples, three, none; the eighth lies beyond the end, the first is at the beginning.
	 */
	CU_ASSERT_EQUAL(fog_history_candles(&h, T0, T0 + 4 * STEP, c, 1), 0);
	CU_ASSERT(c[0].open == 5 && c[0].high == 9 && c[0].low == 2 && c[0].close == 4);
	CU_ASSERT_EQUAL(c[0].count, 4);
	CU_ASSERT_EQUAL(c[0].utilization_ppm, 150);
	CU_ASSERT_EQUAL(fog_history_candles(&h, T0 + 2 * STEP, T0 + 14 * STEP, c, 3), 0);
	CU_ASSERT(c[0].count == 4 && c[1].count == 2 && c[2].count == 0);
	CU_ASSERT(c[1].open == 8 && c[1].close == 1 && c[2].open == 0);
	CU_ASSERT_EQUAL(c[1].time_ms, T0 + 6 * STEP);
	u32 seen = 0;
	for (u64 width = 3; width < 40 * STEP; width += 7919) {
		CU_ASSERT_EQUAL(fog_history_candles(&h, T0, T0 + width, c, 3), 0);
		u32 want = (u32)FOG_MIN(8, (width + STEP - 1) / STEP);
		CU_ASSERT_EQUAL_FATAL(c[0].count + c[1].count + c[2].count, want);
		seen += c[1].count > 0;
	}
	CU_ASSERT(seen > 50);
}

FOG_TEST_MAIN("controlplane/market/history", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_model), FOG_TEST(test_full),
	      FOG_TEST(test_candles))
