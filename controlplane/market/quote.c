/* SPDX-License-Identifier: BSD-3-Clause */
/* Quotes, see market.h. All products are exact until they are rounded up once at the end: price
 * times amounts is at most 2^40 x 2^40 x 2^37, in 128 bits with room for one factor at a time. */
#include "controlplane/market/market.h"

#include <errno.h>

#include "controlplane/market/name.h"
#include "controlplane/market/ratio.h"

#define SCALE        1000000000000ull /* millionths of units times millionths of hours */
#define UFOG_PER_FOG 1000000ll

typedef unsigned __int128 u128;

/* v x ppm / 1e6, rounded up; never loses what is owed to us. */
static u128 times_ppm(u128 v, u32 ppm)
{
	return v / FOG_MARKET_PPM * ppm +
	       (v % FOG_MARKET_PPM * ppm + FOG_MARKET_PPM - 1) / FOG_MARKET_PPM;
}

static i64 round_up(u128 v, u64 unit)
{
	u128 q = (v + unit - 1) / unit;
	FOG_ASSERT(q <= INT64_MAX);
	return (i64)q;
}

static u32 volume_ppm(u64 quantity)
{
	const u64 unit = FOG_MARKET_PPM;

	return quantity < 10 * unit     ? 1000000
	       : quantity < 100 * unit  ? 950000
	       : quantity < 1000 * unit ? 900000
					: 850000;
}

static u32 duration_ppm(u64 duration)
{
	const u64 hour = FOG_MARKET_PPM;

	return duration < hour         ? 1200000
	       : duration < 24 * hour  ? 1000000
	       : duration < 168 * hour ? 950000
				       : 900000;
}

static u32 balance_ppm(u64 ratio)
{
	return ratio > 2000000 ? 900000 : ratio < 500000 ? 1150000 : 1000000;
}

/* 1 + (trust - 0.5) x 0.6 is within [0.7, 1.3] by itself. */
static u32 reputation_ppm(i32 trust_ppm)
{
	return trust_ppm < 0 ? 1000000 : (u32)(700000 + (u64)trust_ppm * 6 / 10);
}

static const struct {
	const char *name;
	u32 factor;
	u64 below_gib; /* memory */
} kinds[FOG_KIND_COUNT] = {
	[FOG_KIND_SMALL] = {"small", 1, 24},
	[FOG_KIND_MEDIUM] = {"medium", 2, 48},
	[FOG_KIND_LARGE] = {"large", 4, UINT64_MAX},
};

enum fog_kind fog_kind_of(u64 memory_bytes)
{
	enum fog_kind kind = FOG_KIND_SMALL;

	while (memory_bytes >> 30 >= kinds[kind].below_gib)
		kind++;
	return kind;
}

u32 fog_kind_factor(enum fog_kind kind)
{
	FOG_ASSERT(kind >= FOG_KIND_SMALL && kind < FOG_KIND_COUNT);
	return kinds[kind].factor;
}

const char *fog_kind_name(enum fog_kind kind)
{
	FOG_ASSERT(kind >= FOG_KIND_SMALL && kind < FOG_KIND_COUNT);
	return kinds[kind].name;
}

enum fog_kind fog_kind_parse(const char *name)
{
	for (u32 i = FOG_KIND_SMALL; i < FOG_KIND_COUNT; i++)
		if (fog_name_is(name, kinds[i].name))
			return (enum fog_kind)i;
	return 0;
}

static int quote(const struct fog_market *m, enum fog_lane lane, u32 factor, u64 quantity,
		 u64 duration, i32 trust_ppm, u64 now_ms, struct fog_quote *out)
{
	if (lane >= FOG_LANE_COUNT || quantity == 0 || quantity > FOG_MARKET_AMOUNT_MAX ||
	    duration == 0 || duration > FOG_MARKET_DURATION_MAX || trust_ppm > (i32)FOG_MARKET_PPM)
		return -EINVAL;
	const struct fog_market_lane *l = &m->lane[lane];
	i64 price = l->price * factor; /* a price is far below 2^60 */
	u128 exact = (u128)price * quantity * duration;
	if (exact / SCALE > FOG_MARKET_COST_MAX)
		return -EINVAL;
	*out = (struct fog_quote){
		.lane = lane,
		.price = price,
		.quantity = quantity,
		.duration = duration,
		.base_cost = round_up(exact, SCALE),
		.volume_ppm = volume_ppm(quantity),
		.duration_ppm = duration_ppm(duration),
		.balance_ppm = balance_ppm(fog_ratio_ppm(l->supply, l->demand)),
		.reputation_ppm = reputation_ppm(trust_ppm),
		.trust_ppm = trust_ppm < 0 ? 0 : (u32)trust_ppm,
		.floor = l->floor * factor,
		.ceiling = l->ceiling * factor,
		.volatility_ppm = fog_history_volatility_day_ppm(&l->history),
		.utilization_ppm = fog_utilization_ppm(l->supply, l->demand),
		.ratio_ppm = fog_ratio_ppm(l->supply, l->demand),
		.frozen = l->breaker == FOG_BREAKER_OPEN,
		.valid_until_ms = now_ms + FOG_MARKET_QUOTE_MS,
	};
	exact = times_ppm(exact, out->volume_ppm);
	exact = times_ppm(exact, out->duration_ppm);
	exact = times_ppm(exact, out->balance_ppm);
	exact = times_ppm(exact, out->reputation_ppm);
	out->final_price = round_up(exact, SCALE);
	out->final_mfog = round_up((u128)out->final_price, 1000);
	return 0;
}

int fog_market_quote(const struct fog_market *m, enum fog_lane lane, u64 quantity, u64 duration,
		     i32 trust_ppm, u64 now_ms, struct fog_quote *out)
{
	return quote(m, lane, 1, quantity, duration, trust_ppm, now_ms, out);
}

int fog_market_quote_kind(const struct fog_market *m, enum fog_kind kind, u64 quantity,
			  u64 duration, i32 trust_ppm, u64 now_ms, struct fog_quote *out)
{
	if (kind < FOG_KIND_SMALL || kind >= FOG_KIND_COUNT)
		return -EINVAL;
	return quote(m, FOG_LANE_GPU, kinds[kind].factor, quantity, duration, trust_ppm, now_ms,
		     out);
}

static u32 discount_ppm(i64 subtotal)
{
	return subtotal > 10000 * UFOG_PER_FOG  ? 850000
	       : subtotal > 1000 * UFOG_PER_FOG ? 900000
	       : subtotal > 100 * UFOG_PER_FOG  ? 950000
						: 1000000;
}

int fog_market_bulk(const struct fog_market *m, const struct fog_bulk_item *items, u32 count,
		    u64 now_ms, struct fog_bulk_quote *out)
{
	struct fog_market_view view;
	u32 seen = 0;

	memset(out, 0, sizeof(*out));
	if (count == 0 || count > FOG_LANE_COUNT)
		return -EINVAL;
	for (u32 i = 0; i < count; i++) {
		int rc = fog_market_quote(m, items[i].lane, items[i].quantity, items[i].duration,
					  -1, now_ms, &out->quote[i]);
		if (rc != 0 || (seen >> items[i].lane & 1))
			return -EINVAL;
		seen |= 1u << items[i].lane;
		if (__builtin_add_overflow(out->subtotal, out->quote[i].final_price,
					   &out->subtotal))
			return -EINVAL;
	}
	fog_market_view(m, now_ms, &view);
	out->count = count;
	out->discount_ppm = discount_ppm(out->subtotal);
	out->total = (i64)times_ppm((u128)out->subtotal, out->discount_ppm);
	out->total_mfog = round_up((u128)out->total, 1000);
	out->valid_until_ms = now_ms + FOG_MARKET_QUOTE_MS;
	out->condition = view.condition;
	return 0;
}
