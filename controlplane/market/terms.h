/* SPDX-License-Identifier: BSD-3-Clause */
/* What a quote costs under other terms than "on demand, class B":
 *
 *	class     B 1.0, A 1.5, S 2.0 times (the published multipliers)
 *	spot      0.8 x (1 + 0.3 utilization): cheaper while there is room, but it may be preempted
 *	reserved  for a day or more at the price of today: dearer by the day's volatility, at most
 *	          0.3, because the seller bears that risk
 *
 * and the rule by which a worker's own prices follow the market, and by which offers made under an
 * older price are still taken. Integers only. Pure. */
#ifndef FOG_MARKET_TERMS_H
#define FOG_MARKET_TERMS_H

#include "controlplane/market/market.h"
#include "controlplane/scheduler/sla.h"
#include "controlplane/scheduler/tariff.h"

#define FOG_RESERVED_DURATION_MIN 24000000ull /* millionths of an hour: a day */

enum fog_term {
	FOG_TERM_ON_DEMAND = 1,
	FOG_TERM_SPOT,
	FOG_TERM_RESERVED,
};
const char *fog_term_name(enum fog_term term);
/* In any letter case; 0 when there is no such one. */
enum fog_term fog_term_parse(const char *name);

/* Changes final_price and final_mfog, rounded up once, and gives the factors. 0, or -EINVAL: no
 * such term or class, or a reservation shorter than FOG_RESERVED_DURATION_MIN. */
int fog_market_terms(struct fog_quote *q, enum fog_term term, enum fog_sla_class class,
		     u32 *term_ppm, u32 *class_ppm);

/* A worker that asks `base` mfog when the lane has its first price asks this now, rounded up. */
u64 fog_market_follow(const struct fog_market *m, enum fog_lane lane, u64 base);

/* Prices published in the last FOG_MARKET_QUOTE_MS: offers made under any of them are taken. */
#define FOG_TICKETS_MAX (FOG_MARKET_QUOTE_MS / FOG_MARKET_STEP_MS + 2)
struct fog_tickets {
	u32 at;
	struct {
		u64 until_ms; /* 0 = empty */
		struct fog_tariff price;
	} ticket[FOG_TICKETS_MAX];
};
void fog_tickets_add(struct fog_tickets *t, const struct fog_tariff *price, u64 now_ms);
/* The least of each that is still good; the newest when there is no other. */
void fog_tickets_least(const struct fog_tickets *t, u64 now_ms, struct fog_tariff *out);

#endif
