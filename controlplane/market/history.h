/* SPDX-License-Identifier: BSD-3-Clause */
/* What a price did: a ring of samples of the last day, with mean and volatility of the day and of
 * the last hour kept up to date in O(1), and candles for charts.
 *
 * Volatility is the standard deviation divided by the mean, in ppm, from exact integer sums: it
 * does not drift. Prices are in ufog (1/1,000,000 fog). Pure; any thread that owns the struct. */
#ifndef FOG_MARKET_HISTORY_H
#define FOG_MARKET_HISTORY_H

#include "crypto/types.h"

#define FOG_HISTORY_STEP_MS     30000ull /* at most one sample in that time */
#define FOG_HISTORY_HOUR_MS     3600000ull
#define FOG_HISTORY_DAY_MS      (24 * FOG_HISTORY_HOUR_MS)
#define FOG_HISTORY_SAMPLES_MAX 2881        /* a day of steps, both ends; the oldest makes room */
#define FOG_HISTORY_PRICE_MAX   (1ll << 40) /* about a million fog; sums of squares fit 128 bits */
#define FOG_HISTORY_CANDLES_MAX 2880

struct fog_sample {
	u64 time_ms;  /* Unix */
	i64 price;    /* 1..FOG_HISTORY_PRICE_MAX */
	i64 pressure; /* demand over supply in ppm, before any limit; 0..FOG_HISTORY_PRICE_MAX */
	u32 utilization_ppm;
	u32 pad;
};

struct fog_history_sums {
	u32 count; /* samples, the newest ones */
	u32 pad;
	i64 sum;
	unsigned __int128 squares;
};

struct fog_history {
	u32 head; /* where the next goes */
	u32 count;
	struct fog_history_sums day;  /* of price, over FOG_HISTORY_DAY_MS */
	struct fog_history_sums hour; /* of pressure, over FOG_HISTORY_HOUR_MS */
	struct fog_sample ring[FOG_HISTORY_SAMPLES_MAX];
};

struct fog_candle {
	u64 time_ms;         /* of its beginning */
	u32 count;           /* samples; 0 = none, prices are 0 then */
	u32 utilization_ppm; /* mean */
	i64 open, high, low, close;
};

void fog_history_init(struct fog_history *h);

/* Adds a sample and forgets what is older than a day before it. 0, -EAGAIN when less than
 * FOG_HISTORY_STEP_MS have passed (or time went back), -EINVAL when a price is out of range. */
int fog_history_add(struct fog_history *h, const struct fog_sample *sample);

/* Mean of the price over the day and its volatility; volatility and mean of the pressure over the
 * last hour. 0 without a sample, or when all are 0. The windows end at the newest sample. */
i64 fog_history_mean(const struct fog_history *h);
u32 fog_history_volatility_day_ppm(const struct fog_history *h);
u32 fog_history_volatility_hour_ppm(const struct fog_history *h);
i64 fog_history_pressure(const struct fog_history *h);

/* The i-th newest sample, 0 = newest, or NULL. */
const struct fog_sample *fog_history_get(const struct fog_history *h, u32 i);
/* The price in force at that time: of the newest sample not after it, else of the oldest. 0 without
 * a sample. O(log count). */
i64 fog_history_price_at(const struct fog_history *h, u64 time_ms);

/* The lowest and highest price in force from that time on; false without a sample. O(samples
 * since). */
bool fog_history_range(const struct fog_history *h, u64 from_ms, i64 *low, i64 *high);

/* Cuts [from_ms, to_ms) into `count` equal candles. 0 or -EINVAL: no candles, too many, or an empty
 * or too short time. O(samples). */
int fog_history_candles(const struct fog_history *h, u64 from_ms, u64 to_ms,
			struct fog_candle *candles, u32 count);

#endif
