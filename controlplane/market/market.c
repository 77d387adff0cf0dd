/* SPDX-License-Identifier: BSD-3-Clause */
/* The controller, the watch and the breaker, see market.h. Quotes are in quote.c. */
#include "controlplane/market/market.h"

#include <errno.h>

#include "controlplane/market/name.h"
#include "controlplane/market/ratio.h"

#define WANTED_DIVISOR  8
#define SUPPLY_MAX      (FOG_MARKET_AMOUNT_MAX * 1000)
#define PRESSURE_MAX    1000000000ull /* a thousand times the supply */
#define TRIAL_PPM       50000
#define TREND_PPM       10000
#define VOLATILE_PPM    300000
#define MANIPULATED_PPM 400000
#define LARGEST_PPM     500000

static const char *const lane_name[FOG_LANE_COUNT] = {
#define X(name, text, floor, ceiling, first) [FOG_LANE_##name] = text,
	FOG_LANES(X)
#undef X
};

static const i64 lane_band[FOG_LANE_COUNT][3] = {
#define X(name, text, floor, ceiling, first) [FOG_LANE_##name] = {floor, ceiling, first},
	FOG_LANES(X)
#undef X
};

static const struct {
	const char *name;
	u32 step_ppm;
} strategies[FOG_STRATEGY_COUNT] = {
	[FOG_STRATEGY_DYNAMIC] = {"dynamic", 300000},
	[FOG_STRATEGY_STABLE] = {"stable", 100000},
	[FOG_STRATEGY_AGGRESSIVE] = {"aggressive", 500000},
	[FOG_STRATEGY_CONSERVATIVE] = {"conservative", 50000},
};

const char *fog_lane_name(enum fog_lane lane)
{
	FOG_ASSERT(lane < FOG_LANE_COUNT);
	return lane_name[lane];
}

enum fog_lane fog_lane_parse(const char *name)
{
	for (u32 i = 0; i < FOG_LANE_COUNT; i++)
		if (fog_name_is(name, lane_name[i]))
			return (enum fog_lane)i;
	return FOG_LANE_COUNT;
}

static bool strategy_ok(enum fog_strategy s)
{
	return s >= FOG_STRATEGY_DYNAMIC && s < FOG_STRATEGY_COUNT;
}

const char *fog_strategy_name(enum fog_strategy strategy)
{
	FOG_ASSERT(strategy_ok(strategy));
	return strategies[strategy].name;
}

enum fog_strategy fog_strategy_parse(const char *name)
{
	for (u32 i = FOG_STRATEGY_DYNAMIC; i < FOG_STRATEGY_COUNT; i++)
		if (fog_name_is(name, strategies[i].name))
			return (enum fog_strategy)i;
	return 0;
}

int fog_market_init(struct fog_market *m, enum fog_strategy strategy, u64 now_ms)
{
	if (!strategy_ok(strategy))
		return -EINVAL;
	memset(m, 0, sizeof(*m));
	m->strategy = strategy;
	m->stepped_ms = now_ms;
	for (u32 i = 0; i < FOG_LANE_COUNT; i++) {
		struct fog_market_lane *l = &m->lane[i];
		l->floor = lane_band[i][0];
		l->ceiling = lane_band[i][1];
		l->price = l->wanted = l->first = lane_band[i][2];
		l->open_ms = FOG_MARKET_OPEN_MS;
		fog_history_init(&l->history);
	}
	return 0;
}

static i64 clamp(i64 v, i64 low, i64 high)
{
	return v < low ? low : v > high ? high : v;
}

int fog_market_band(struct fog_market *m, enum fog_lane lane, i64 floor, i64 ceiling)
{
	if (lane >= FOG_LANE_COUNT || floor < 1 || floor > ceiling ||
	    ceiling > FOG_HISTORY_PRICE_MAX / 1000)
		return -EINVAL;
	m->lane[lane].floor = floor;
	m->lane[lane].ceiling = ceiling;
	m->lane[lane].price = clamp(m->lane[lane].price, floor, ceiling);
	m->lane[lane].first = clamp(m->lane[lane].first, floor, ceiling);
	return 0;
}

int fog_market_restore(struct fog_market *m, enum fog_lane lane, const struct fog_sample *sample)
{
	if (lane >= FOG_LANE_COUNT || sample->price < m->lane[lane].floor ||
	    sample->price > m->lane[lane].ceiling)
		return -EINVAL;
	int rc = fog_history_add(&m->lane[lane].history, sample);
	if (rc != 0)
		return rc;
	m->lane[lane].price = m->lane[lane].wanted = sample->price;
	if (m->lane[lane].history.count == 1)
		m->lane[lane].first = sample->price;
	return 0;
}

int fog_market_observe(struct fog_market *m, enum fog_lane lane, u64 supply, u64 demand,
		       u32 accounts, u32 largest_ppm)
{
	if (lane >= FOG_LANE_COUNT || largest_ppm > FOG_MARKET_PPM)
		return -EINVAL;
	m->lane[lane].measured = true;
	m->lane[lane].supply = FOG_MIN(supply, SUPPLY_MAX);
	m->lane[lane].demand = FOG_MIN(demand, SUPPLY_MAX);
	m->lane[lane].accounts = accounts;
	m->lane[lane].largest_ppm = largest_ppm;
	return 0;
}

i64 fog_market_wanted(i64 price, u64 supply, u64 demand)
{
	u64 target = supply / 2;
	u64 used = FOG_MIN(demand, supply);

	if (supply == 0 && demand == 0)
		return price; /* nobody told us anything */
	if (target == 0) {
		target = 1; /* nothing to be had: full, or, with nobody asking, empty */
		used = demand > 0 ? 2 : 0;
	}
	if (used >= target) {
		unsigned __int128 up = (unsigned __int128)price * FOG_MIN(used - target, target);
		i64 delta = (i64)(up / target / WANTED_DIVISOR);
		return used == target ? price : price + FOG_MAX(delta, 1);
	}
	unsigned __int128 down = (unsigned __int128)price * (target - used);
	return price - (i64)(down / target / WANTED_DIVISOR);
}

/* ---- watch ---------------------------------------------------------------------------------- */

static void alert_add(struct fog_market *m, u32 lane, enum fog_alert_kind kind, u32 level,
		      u32 value_ppm, u64 now_ms)
{
	m->alert[m->alert_count++ % FOG_MARKET_ALERTS_MAX] = (struct fog_alert){
		now_ms, (enum fog_lane)lane, kind, (enum fog_alert_level)level, value_ppm};
}

static u32 level_of(u64 value_ppm, u32 medium, u32 high, u32 critical)
{
	return value_ppm > critical ? FOG_ALERT_CRITICAL
	       : value_ppm > high   ? FOG_ALERT_HIGH
	       : value_ppm > medium ? FOG_ALERT_MEDIUM
				    : 0;
}

static u64 pressure_of(const struct fog_market_lane *l)
{
	if (l->supply == 0)
		return l->demand == 0 ? 0 : PRESSURE_MAX;
	unsigned __int128 v = (unsigned __int128)l->demand * FOG_MARKET_PPM / l->supply;
	return v > PRESSURE_MAX ? PRESSURE_MAX : (u64)v;
}

/* Where many take part, how far one could be behind the swings; 1 from MANIPULATED_PPM on. */
static u32 risk_of(const struct fog_market_lane *l)
{
	if (l->accounts < FOG_MARKET_ACCOUNTS_MIN || l->history.hour.count < FOG_MARKET_SAMPLES_MIN)
		return 0;
	u64 swing = FOG_MIN((u64)fog_history_volatility_hour_ppm(&l->history), MANIPULATED_PPM);
	u64 share = FOG_MIN(l->largest_ppm, LARGEST_PPM);
	return (u32)(swing * share / MANIPULATED_PPM * FOG_MARKET_PPM / LARGEST_PPM);
}

/* How far the newest pressure is from its hour's mean. */
static u64 spike_of(const struct fog_market_lane *l, u64 pressure)
{
	u64 mean = (u64)fog_history_pressure(&l->history);

	if (l->history.hour.count < FOG_MARKET_SAMPLES_MIN || mean == 0)
		return 0;
	u64 off = pressure > mean ? pressure - mean : mean - pressure;
	return FOG_MIN(off * FOG_MARKET_PPM / mean, UINT32_MAX);
}

/* Raises what is new about the lane. True when something is critical. */
static bool watch(struct fog_market *m, u32 lane, u64 pressure, u64 now_ms)
{
	struct fog_market_lane *l = &m->lane[lane];
	u32 volatility = fog_history_volatility_day_ppm(&l->history);
	u32 level = level_of(volatility, 150000, VOLATILE_PPM, 500000);
	u64 spike = spike_of(l, pressure);
	u32 spiked = level_of(spike, 250000, 500000, UINT32_MAX);
	bool critical = false;

	if (level > l->level_before) {
		alert_add(m, lane, FOG_ALERT_VOLATILITY, level, volatility, now_ms);
		critical |= level == FOG_ALERT_CRITICAL;
	}
	if (spiked > l->spike_before)
		alert_add(m, lane, FOG_ALERT_SPIKE, spiked, (u32)spike, now_ms);
	l->level_before = level;
	l->spike_before = spiked;
	if (l->breaker == FOG_BREAKER_OPEN || risk_of(l) < FOG_MARKET_PPM)
		return critical;
	alert_add(m, lane, FOG_ALERT_MANIPULATION, FOG_ALERT_CRITICAL,
		  fog_history_volatility_hour_ppm(&l->history), now_ms);
	l->manipulated = true;
	return true;
}

static void breaker_step(struct fog_market_lane *l, bool critical, u64 now_ms)
{
	if (critical && l->breaker != FOG_BREAKER_OPEN) {
		l->open_ms = l->breaker == FOG_BREAKER_CLOSED
				     ? FOG_MARKET_OPEN_MS
				     : FOG_MIN(2 * l->open_ms, FOG_MARKET_OPEN_MAX_MS);
		l->breaker = FOG_BREAKER_OPEN;
		l->breaker_until_ms = now_ms + l->open_ms;
	} else if (l->breaker == FOG_BREAKER_OPEN && now_ms >= l->breaker_until_ms) {
		l->breaker = FOG_BREAKER_TRIAL;
		l->manipulated = false;
		l->breaker_until_ms = now_ms + FOG_MARKET_TRIAL_MS;
	} else if (l->breaker == FOG_BREAKER_TRIAL && now_ms >= l->breaker_until_ms) {
		l->breaker = FOG_BREAKER_CLOSED;
	}
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* The price of the next step, within the hour's limit and the band. */
static i64 next_price(const struct fog_market *m, const struct fog_market_lane *l, u64 now_ms)
{
	u32 ppm = l->breaker == FOG_BREAKER_TRIAL ? TRIAL_PPM : strategies[m->strategy].step_ppm;
	u64 hour_ago = now_ms > FOG_HISTORY_HOUR_MS ? now_ms - FOG_HISTORY_HOUR_MS : 0;
	i64 price = l->price + (l->wanted - l->price) * (i64)ppm / (i64)FOG_MARKET_PPM;
	i64 low, high;

	if (l->breaker == FOG_BREAKER_OPEN)
		return l->price;
	const struct fog_sample *oldest = fog_history_get(&l->history, l->history.count - 1);
	if (!fog_history_range(&l->history, hour_ago, &low, &high))
		low = high = l->first;
	if (oldest != NULL && oldest->time_ms > hour_ago) {
		low = FOG_MIN(low, l->first);
		high = FOG_MAX(high, l->first);
	}
	price = FOG_MIN(price, low + low / FOG_MARKET_HOUR_PART);
	price = FOG_MAX(price, high - high / FOG_MARKET_HOUR_PART);
	return clamp(price, l->floor, l->ceiling);
}

int fog_market_step(struct fog_market *m, u64 now_ms)
{
	if (now_ms < m->stepped_ms || now_ms - m->stepped_ms < FOG_MARKET_STEP_MS)
		return -EAGAIN;
	m->stepped_ms = now_ms;
	for (u32 i = 0; i < FOG_LANE_COUNT; i++) {
		struct fog_market_lane *l = &m->lane[i];
		u64 pressure = pressure_of(l);
		const struct fog_sample *last = fog_history_get(&l->history, 0);
		if (last != NULL && now_ms > last->time_ms + FOG_HISTORY_DAY_MS)
			l->first = l->price; /* the new sample will push out all others */
		l->wanted = fog_market_wanted(l->price, l->supply, l->demand);
		l->price = next_price(m, l, now_ms);
		struct fog_sample s = {.time_ms = now_ms,
				       .price = l->price,
				       .pressure = (i64)pressure,
				       .utilization_ppm =
					       fog_utilization_ppm(l->supply, l->demand)};
		/* Restored samples may be newer than our clock: then this one is not kept. */
		(void)fog_history_add(&l->history, &s);
		breaker_step(l, watch(m, i, pressure, now_ms), now_ms);
	}
	return 0;
}

/* ---- view ----------------------------------------------------------------------------------- */

const char *fog_market_condition_name(enum fog_market_condition condition)
{
	static const char *const names[FOG_MARKET_CONDITION_COUNT] = {
		NULL,         "normal",   "high_demand",
		"low_demand", "volatile", "manipulation_detected",
		"emergency",
	};

	FOG_ASSERT(condition >= FOG_MARKET_NORMAL && condition < FOG_MARKET_CONDITION_COUNT);
	return names[condition];
}

const char *fog_trend_name(enum fog_trend trend)
{
	return trend == FOG_TREND_RISING    ? "rising"
	       : trend == FOG_TREND_FALLING ? "falling"
					    : "stable";
}

static enum fog_trend trend_of(const struct fog_market_lane *l, u64 now_ms)
{
	u64 hour_ago = now_ms > FOG_HISTORY_HOUR_MS ? now_ms - FOG_HISTORY_HOUR_MS : 0;
	i64 before = fog_history_price_at(&l->history, hour_ago);
	i64 reach = before * TREND_PPM / (i64)FOG_MARKET_PPM;

	if (before == 0 || (l->price >= before - reach && l->price <= before + reach))
		return FOG_TREND_STABLE;
	return l->price > before ? FOG_TREND_RISING : FOG_TREND_FALLING;
}

static void view_lane(const struct fog_market_lane *l, u64 now_ms, struct fog_lane_view *out)
{
	u64 stability;

	*out = (struct fog_lane_view){
		.price = l->price,
		.wanted = l->wanted,
		.floor = l->floor,
		.ceiling = l->ceiling,
		.supply = l->supply,
		.demand = l->demand,
		.utilization_ppm = fog_utilization_ppm(l->supply, l->demand),
		.ratio_ppm = fog_ratio_ppm(l->supply, l->demand),
		.volatility_ppm = fog_history_volatility_day_ppm(&l->history),
		.trend = trend_of(l, now_ms),
		.measured = l->measured,
		.risk_ppm = risk_of(l),
		.breaker = l->breaker,
	};
	out->is_volatile = out->volatility_ppm > VOLATILE_PPM;
	out->liquidity_ppm = (u32)FOG_MIN(out->ratio_ppm, FOG_MARKET_PPM);
	stability = FOG_MARKET_PPM - FOG_MIN(out->volatility_ppm, FOG_MARKET_PPM);
	out->health_ppm = (u32)((4 * (u64)out->liquidity_ppm + 4 * stability +
				 2 * (u64)(FOG_MARKET_PPM - out->risk_ppm)) /
				10);
}

static enum fog_market_condition condition_of(const struct fog_market *m)
{
	u64 supply = 0, demand = 0;
	u32 open = 0;
	bool manipulated = false, swings = false;

	for (u32 i = 0; i < FOG_LANE_COUNT; i++) {
		const struct fog_market_lane *l = &m->lane[i];
		supply += l->supply;
		demand += l->demand;
		open += l->breaker == FOG_BREAKER_OPEN;
		manipulated |= l->manipulated;
		swings |= fog_history_volatility_day_ppm(&l->history) > VOLATILE_PPM;
	}
	if (2 * open >= FOG_LANE_COUNT)
		return FOG_MARKET_EMERGENCY;
	if (manipulated)
		return FOG_MARKET_MANIPULATED;
	if (swings)
		return FOG_MARKET_VOLATILE;
	if (2 * demand > 3 * supply)
		return FOG_MARKET_HIGH_DEMAND;
	if (2 * supply > 3 * demand)
		return FOG_MARKET_LOW_DEMAND;
	return FOG_MARKET_NORMAL;
}

static void view_alerts(const struct fog_market *m, u64 now_ms, struct fog_market_view *out)
{
	for (u32 i = 0; fog_market_alert(m, i) != NULL; i++) {
		const struct fog_alert *a = fog_market_alert(m, i);
		u64 age = now_ms > a->time_ms ? now_ms - a->time_ms : 0;
		bool active = age <= FOG_HISTORY_HOUR_MS;
		out->alerts_active += active;
		out->alerts_critical += active && a->level == FOG_ALERT_CRITICAL;
		out->alerts_day += age <= FOG_HISTORY_DAY_MS;
	}
}

void fog_market_view(const struct fog_market *m, u64 now_ms, struct fog_market_view *out)
{
	u64 health = 0;
	i64 price = 0;

	*out = (struct fog_market_view){.condition = condition_of(m), .strategy = m->strategy};
	for (u32 i = 0; i < FOG_LANE_COUNT; i++) {
		struct fog_lane_view *l = &out->lane[i];
		view_lane(&m->lane[i], now_ms, l);
		out->supply += l->supply;
		out->demand += l->demand;
		health += l->health_ppm;
		price += l->price;
		out->risk_ppm = FOG_MAX(out->risk_ppm, l->risk_ppm);
		if (l->volatility_ppm > out->lane[out->most_volatile].volatility_ppm)
			out->most_volatile = (enum fog_lane)i;
		if (l->utilization_ppm > out->lane[out->highest_demand].utilization_ppm)
			out->highest_demand = (enum fog_lane)i;
	}
	out->health_ppm = (u32)(health / FOG_LANE_COUNT);
	out->price_mean = price / FOG_LANE_COUNT;
	out->utilization_ppm = fog_utilization_ppm(out->supply, out->demand);
	view_alerts(m, now_ms, out);
}

const struct fog_alert *fog_market_alert(const struct fog_market *m, u32 i)
{
	if (i >= m->alert_count || i >= FOG_MARKET_ALERTS_MAX)
		return NULL;
	return &m->alert[(m->alert_count - 1 - i) % FOG_MARKET_ALERTS_MAX];
}
