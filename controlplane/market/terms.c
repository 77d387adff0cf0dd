/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/market/terms.h"

#include <errno.h>

#include "controlplane/market/name.h"

#define SPOT_PPM          800000u
#define SPOT_SLOPE_PPM    300000u
#define RESERVED_RISK_MAX 300000u

static const char *const term_names[] = {
	[FOG_TERM_ON_DEMAND] = "on_demand",
	[FOG_TERM_SPOT] = "spot",
	[FOG_TERM_RESERVED] = "reserved",
};
static const u32 class_factor_ppm[FOG_SLA_COUNT] = {
	[FOG_SLA_B] = 1000000, [FOG_SLA_A] = 1500000, [FOG_SLA_S] = 2000000};
static const i64 first_price[FOG_LANE_COUNT] = {
#define X(name, text, floor, ceiling, first) [FOG_LANE_##name] = first,
	FOG_LANES(X)
#undef X
};

const char *fog_term_name(enum fog_term term)
{
	FOG_ASSERT(term >= FOG_TERM_ON_DEMAND && term <= FOG_TERM_RESERVED);
	return term_names[term];
}

enum fog_term fog_term_parse(const char *name)
{
	for (u32 i = FOG_TERM_ON_DEMAND; i < FOG_ARRAY_COUNT(term_names); i++)
		if (fog_name_is(name, term_names[i]))
			return (enum fog_term)i;
	return 0;
}

static u32 term_factor(const struct fog_quote *q, enum fog_term term)
{
	if (term == FOG_TERM_SPOT)
		return (u32)((u64)SPOT_PPM *
			     (FOG_MARKET_PPM +
			      (u64)SPOT_SLOPE_PPM * q->utilization_ppm / FOG_MARKET_PPM) /
			     FOG_MARKET_PPM);
	if (term == FOG_TERM_RESERVED)
		return FOG_MARKET_PPM + FOG_MIN(q->volatility_ppm, RESERVED_RISK_MAX);
	return FOG_MARKET_PPM;
}

int fog_market_terms(struct fog_quote *q, enum fog_term term, enum fog_sla_class class,
		     u32 *term_ppm, u32 *class_ppm)
{
	if (term < FOG_TERM_ON_DEMAND || term > FOG_TERM_RESERVED || class < FOG_SLA_B ||
	    class > FOG_SLA_S)
		return -EINVAL;
	if (term == FOG_TERM_RESERVED && q->duration < FOG_RESERVED_DURATION_MIN)
		return -EINVAL;
	*term_ppm = term_factor(q, term);
	*class_ppm = class_factor_ppm[class];
	const u64 unit = (u64)FOG_MARKET_PPM * FOG_MARKET_PPM;
	unsigned __int128 price = (unsigned __int128)q->final_price * *term_ppm * *class_ppm;
	price = (price + unit - 1) / unit;
	q->final_price = (i64)price; /* at most 2.6 x FOG_MARKET_COST_MAX, which fits */
	q->final_mfog = (i64)((price + 999) / 1000);
	return 0;
}

u64 fog_market_follow(const struct fog_market *m, enum fog_lane lane, u64 base)
{
	u64 first = (u64)first_price[lane];

	return (u64)(((unsigned __int128)base * (u64)m->lane[lane].price + first - 1) / first);
}

void fog_tickets_add(struct fog_tickets *t, const struct fog_tariff *price, u64 now_ms)
{
	u32 i = t->at++ % FOG_TICKETS_MAX;

	t->ticket[i].until_ms = now_ms + FOG_MARKET_QUOTE_MS;
	t->ticket[i].price = *price;
}

void fog_tickets_least(const struct fog_tickets *t, u64 now_ms, struct fog_tariff *out)
{
	*out = t->ticket[(t->at + FOG_TICKETS_MAX - 1) % FOG_TICKETS_MAX].price;
	for (u32 i = 0; i < FOG_TICKETS_MAX; i++) {
		const struct fog_tariff *p = &t->ticket[i].price;
		if (t->ticket[i].until_ms <= now_ms)
			continue;
		out->cpu_hour = FOG_MIN(out->cpu_hour, p->cpu_hour);
		out->memory_gb_hour = FOG_MIN(out->memory_gb_hour, p->memory_gb_hour);
		out->accelerator_hour = FOG_MIN(out->accelerator_hour, p->accelerator_hour);
	}
}
