/* SPDX-License-Identifier: BSD-3-Clause */
/* Posted prices: ten lanes of resources, each with a price between a floor and a ceiling that
 * follows supply and demand, quotes from them, and a watch for what is not normal.
 *
 *	fog_market_observe() --> supply, demand --each step--> wanted --strategy--> price
 *	                              |                                    limited to 10 % an hour
 *	                              `--> alerts --critical--> breaker    and to the band
 *
 * Controller: that of EIP-1559. With half of the supply in demand the price stays; with all of it
 * the wanted price is 1/8 higher, with none 1/8 lower. The strategy says how much of the way to go
 * each step. However it goes, a price is within a tenth of every price of the hour before it, but
 * for a band that was changed.
 *
 * Breaker of a lane: CLOSED --critical alert--> OPEN (price frozen) --time--> TRIAL (a twentieth
 * of the way each step) --an hour without a critical alert--> CLOSED; a critical alert in TRIAL
 * opens it for twice as long, up to FOG_MARKET_OPEN_MAX_MS.
 *
 * Money is integer ufog (1/1,000,000 fog = 1/1000 mfog): storage costs less than a mfog. Amounts
 * are integers in millionths of a unit and of an hour; factors are in ppm. Pure, no allocation;
 * 1.4 MB, the caller's. One thread at a time. */
#ifndef FOG_MARKET_H
#define FOG_MARKET_H

#include "controlplane/market/history.h"

#define FOG_MARKET_STEP_MS       FOG_HISTORY_STEP_MS
#define FOG_MARKET_HOUR_PART     10         /* a tenth is as far as a price goes in an hour */
#define FOG_MARKET_QUOTE_MS      900000ull  /* how long a quote is good */
#define FOG_MARKET_OPEN_MS       3600000ull /* by then the hour that tripped it is forgotten */
#define FOG_MARKET_OPEN_MAX_MS   (4 * FOG_MARKET_OPEN_MS)
#define FOG_MARKET_TRIAL_MS      3600000ull
#define FOG_MARKET_ALERTS_MAX    64 /* kept; the oldest makes room */
#define FOG_MARKET_ACCOUNTS_MIN  3  /* fewer are a lab, not a market: nobody manipulates */
#define FOG_MARKET_SAMPLES_MIN   10 /* of pressure, before it is judged */
#define FOG_MARKET_AMOUNT_MAX    1000000000000ull       /* a million units, in millionths */
#define FOG_MARKET_DURATION_MAX  87600000000ull         /* ten years in millionths of an hour */
#define FOG_MARKET_COST_MAX      1000000000000000000ull /* ufog; twice that and more fits i64 */
#define FOG_MARKET_PPM           1000000u
#define FOG_MARKET_RATIO_MAX_PPM 999000000ull /* supply over demand when there is none */

/* X(NAME, "name", floor, ceiling, first price), ufog per unit and hour. Units: core, GB, GB, GB
 * moved, GPU, accelerator, request stream, training run, confidential core, audited core. */
#define FOG_LANES(X)                                                               \
	X(CPU, "cpu", 50000, 2000000, 150000)                                      \
	X(MEMORY, "memory", 10000, 500000, 50000)                                  \
	X(STORAGE, "storage", 1000, 100000, 10000)                                 \
	X(BANDWIDTH, "bandwidth", 20000, 1000000, 100000)                          \
	X(GPU, "gpu", 500000, 10000000, 2000000)                                   \
	X(SPECIALIZED, "specialized", 200000, 5000000, 1000000)                    \
	X(FEDERATED_INFERENCE, "federated_inference", 10000, 10000000, 500000)     \
	X(FEDERATED_TRAINING, "federated_training", 1000000, 1000000000, 50000000) \
	X(TEE_SECURE, "tee_secure", 750000, 15000000, 3000000)                     \
	X(CONSTITUTIONAL, "constitutional", 250000, 5000000, 1500000)

enum fog_lane {
#define X(name, text, floor, ceiling, first) FOG_LANE_##name,
	FOG_LANES(X)
#undef X
		FOG_LANE_COUNT
};
/* Its name, and back in any letter case: FOG_LANE_COUNT when there is none. */
const char *fog_lane_name(enum fog_lane lane);
enum fog_lane fog_lane_parse(const char *name);

enum fog_strategy {
	FOG_STRATEGY_DYNAMIC = 1,  /* 30 % of the way each step */
	FOG_STRATEGY_STABLE,       /* 10 % */
	FOG_STRATEGY_AGGRESSIVE,   /* 50 % */
	FOG_STRATEGY_CONSERVATIVE, /* 5 % */
	FOG_STRATEGY_COUNT
};
const char *fog_strategy_name(enum fog_strategy strategy);
enum fog_strategy fog_strategy_parse(const char *name); /* 0: no such one */

enum fog_market_condition {
	FOG_MARKET_NORMAL = 1,
	FOG_MARKET_HIGH_DEMAND, /* demand above 1.5 supply */
	FOG_MARKET_LOW_DEMAND,  /* supply above 1.5 demand */
	FOG_MARKET_VOLATILE,    /* a lane's volatility of the day is above 0.3 */
	FOG_MARKET_MANIPULATED, /* a lane's breaker is open for manipulation */
	FOG_MARKET_EMERGENCY,   /* half of the lanes' breakers are open */
	FOG_MARKET_CONDITION_COUNT
};
const char *fog_market_condition_name(enum fog_market_condition condition);

enum fog_breaker {
	FOG_BREAKER_CLOSED = 0,
	FOG_BREAKER_OPEN,
	FOG_BREAKER_TRIAL,
};

enum fog_alert_kind {
	FOG_ALERT_VOLATILITY = 1, /* of the price over a day crossed .15, .3 or .5 */
	FOG_ALERT_SPIKE,          /* pressure a quarter or half off its hour's mean */
	FOG_ALERT_MANIPULATION, /* pressure swings (volatility above .4) and one account is half */
};
enum fog_alert_level {
	FOG_ALERT_MEDIUM = 1,
	FOG_ALERT_HIGH,
	FOG_ALERT_CRITICAL,
};

struct fog_alert {
	u64 time_ms;
	enum fog_lane lane;
	enum fog_alert_kind kind;
	enum fog_alert_level level;
	u32 value_ppm; /* what was measured */
};

struct fog_market_lane {
	i64 floor, ceiling;
	i64 price;
	i64 first;          /* before the oldest sample */
	i64 wanted;         /* at the last step */
	bool measured;      /* somebody observes it; else its price stands still */
	u64 supply, demand; /* millionths of a unit */
	u32 accounts;       /* that make up the demand */
	u32 largest_ppm;    /* the share of the largest of them */
	enum fog_breaker breaker;
	bool manipulated; /* why it is open */
	u32 level_before; /* of volatility: only crossing upwards alerts */
	u32 spike_before;
	u64 breaker_until_ms;
	u64 open_ms; /* how long the next time */
	struct fog_history history;
};

struct fog_market {
	enum fog_strategy strategy;
	u64 stepped_ms;
	u32 alert_count; /* ever */
	struct fog_alert alert[FOG_MARKET_ALERTS_MAX];
	struct fog_market_lane lane[FOG_LANE_COUNT];
};

/* The published bands and first prices. -EINVAL for an unknown strategy. */
int fog_market_init(struct fog_market *m, enum fog_strategy strategy, u64 now_ms);
/* Another band; the price moves into it at once. -EINVAL unless 1 <= floor <= ceiling <=
 * FOG_HISTORY_PRICE_MAX / 1000. Prices below 10 ufog stand still: a tenth of them is nothing. */
int fog_market_band(struct fog_market *m, enum fog_lane lane, i64 floor, i64 ceiling);
/* Gives back a stored sample, oldest first, before the first step; its price becomes the lane's. As
 * fog_history_add(), and -EINVAL outside the band. */
int fog_market_restore(struct fog_market *m, enum fog_lane lane, const struct fog_sample *sample);

/* What there is and what is asked for, from how many accounts and which share the largest has.
 * Larger amounts than FOG_MARKET_AMOUNT_MAX * 1000 are cut. -EINVAL: no such lane, share above 100
 * %. */
int fog_market_observe(struct fog_market *m, enum fog_lane lane, u64 supply, u64 demand,
		       u32 accounts, u32 largest_ppm);
/* One step of every lane. 0, or -EAGAIN when FOG_MARKET_STEP_MS have not passed. */
int fog_market_step(struct fog_market *m, u64 now_ms);
/* The controller alone: what the price would be with so much demand for so much supply. */
i64 fog_market_wanted(i64 price, u64 supply, u64 demand);

struct fog_quote {
	enum fog_lane lane;
	i64 price; /* per unit and hour */
	u64 quantity;
	u64 duration;
	i64 base_cost;  /* price x quantity x duration, rounded up */
	u32 volume_ppm; /* the multipliers */
	u32 duration_ppm;
	u32 balance_ppm; /* supply and demand */
	u32 reputation_ppm;
	u32 trust_ppm;   /* as given; 0 when none was */
	i64 final_price; /* rounded up once, at the end */
	i64 final_mfog;  /* the same in whole mfog, rounded up: what the ledger takes */
	i64 floor, ceiling;
	u32 volatility_ppm;
	u32 utilization_ppm;
	u64 ratio_ppm; /* supply over demand; FOG_MARKET_RATIO_MAX_PPM at most */
	bool frozen;   /* the breaker is open */
	u64 valid_until_ms;
};

/* trust_ppm: the reputation of the host asked for, or -1. Returns 0 or -EINVAL: no such lane,
 * nothing or too much, trust above 1. */
int fog_market_quote(const struct fog_market *m, enum fog_lane lane, u64 quantity, u64 duration,
		     i32 trust_ppm, u64 now_ms, struct fog_quote *out);

/* Kinds of accelerators, by the memory of each: band and price of one are those of the lane gpu,
 * times its factor. Memory nobody knows is small. */
enum fog_kind {
	FOG_KIND_SMALL = 1, /* below 24 GiB: once */
	FOG_KIND_MEDIUM,    /* below 48 GiB: twice */
	FOG_KIND_LARGE,     /* four times */
	FOG_KIND_COUNT
};
#define FOG_ACCELERATOR_FIRST_MFOG 2000 /* the lane's first price: of a small one, per hour */
enum fog_kind fog_kind_of(u64 memory_bytes);
u32 fog_kind_factor(enum fog_kind kind);
const char *fog_kind_name(enum fog_kind kind);
enum fog_kind fog_kind_parse(const char *name); /* 0: no such one */
/* As fog_market_quote() of the lane gpu. */
int fog_market_quote_kind(const struct fog_market *m, enum fog_kind kind, u64 quantity,
			  u64 duration, i32 trust_ppm, u64 now_ms, struct fog_quote *out);

struct fog_bulk_item {
	enum fog_lane lane;
	u64 quantity;
	u64 duration;
};

struct fog_bulk_quote {
	u32 count;
	struct fog_quote quote[FOG_LANE_COUNT];
	i64 subtotal;
	u32 discount_ppm; /* above 100, 1,000, 10,000 fog: 0.95, 0.90, 0.85 */
	i64 total;
	i64 total_mfog;
	u64 valid_until_ms;
	enum fog_market_condition condition;
};

/* At most one item a lane. 0 or -EINVAL. */
int fog_market_bulk(const struct fog_market *m, const struct fog_bulk_item *items, u32 count,
		    u64 now_ms, struct fog_bulk_quote *out);

enum fog_trend {
	FOG_TREND_STABLE = 1, /* within 1 % of an hour before */
	FOG_TREND_RISING,
	FOG_TREND_FALLING,
};
const char *fog_trend_name(enum fog_trend trend);

struct fog_lane_view {
	i64 price, wanted, floor, ceiling;
	bool measured;
	u64 supply, demand;
	u32 utilization_ppm;
	u64 ratio_ppm;
	u32 volatility_ppm; /* day */
	bool is_volatile;   /* above 0.3 */
	enum fog_trend trend;
	u32 liquidity_ppm; /* how much of the demand can be had */
	u32 risk_ppm;      /* of manipulation */
	u32 health_ppm;    /* .4 liquidity + .4 stability + .2 (1 - risk) */
	enum fog_breaker breaker;
};

struct fog_market_view {
	u64 supply, demand; /* sums over the lanes */
	u32 utilization_ppm;
	enum fog_market_condition condition;
	enum fog_strategy strategy;
	u32 health_ppm;      /* mean */
	u32 alerts_active;   /* in the last hour */
	u32 alerts_critical; /* of those */
	u32 alerts_day;      /* among the kept */
	i64 price_mean;
	enum fog_lane most_volatile, highest_demand; /* by utilization */
	u32 risk_ppm;                                /* the largest */
	struct fog_lane_view lane[FOG_LANE_COUNT];
};

void fog_market_view(const struct fog_market *m, u64 now_ms, struct fog_market_view *out);
/* The i-th newest kept alert, or NULL. */
const struct fog_alert *fog_market_alert(const struct fog_market *m, u32 i);

#endif
