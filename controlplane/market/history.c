/* SPDX-License-Identifier: BSD-3-Clause */
/* Price history, see history.h. */
#include "controlplane/market/history.h"

#include <errno.h>
#include <math.h>

void fog_history_init(struct fog_history *h)
{
	memset(h, 0, sizeof(*h));
}

static const struct fog_sample *newest(const struct fog_history *h, u32 i)
{
	FOG_ASSERT(i < h->count);
	u32 at = h->head + FOG_HISTORY_SAMPLES_MAX - 1 - i;
	return &h->ring[at % FOG_HISTORY_SAMPLES_MAX];
}

static void sums_add(struct fog_history_sums *s, i64 v)
{
	s->count++;
	s->sum += v;
	s->squares += (unsigned __int128)v * (unsigned __int128)v;
}

static void sums_take(struct fog_history_sums *s, i64 v)
{
	FOG_ASSERT(s->count > 0);
	s->count--;
	s->sum -= v;
	s->squares -= (unsigned __int128)v * (unsigned __int128)v;
}

static bool price_ok(i64 price)
{
	return price >= 1 && price <= FOG_HISTORY_PRICE_MAX;
}

int fog_history_add(struct fog_history *h, const struct fog_sample *s)
{
	if (!price_ok(s->price) || s->pressure < 0 || s->pressure > FOG_HISTORY_PRICE_MAX)
		return -EINVAL;
	if (h->count > 0) {
		u64 last = newest(h, 0)->time_ms;
		if (s->time_ms < last || s->time_ms - last < FOG_HISTORY_STEP_MS)
			return -EAGAIN;
	}
	while (h->hour.count > 0 &&
	       s->time_ms - newest(h, h->hour.count - 1)->time_ms > FOG_HISTORY_HOUR_MS)
		sums_take(&h->hour, newest(h, h->hour.count - 1)->pressure);
	while (h->count > 0 &&
	       (h->count == FOG_HISTORY_SAMPLES_MAX ||
		s->time_ms - newest(h, h->count - 1)->time_ms > FOG_HISTORY_DAY_MS)) {
		sums_take(&h->day, newest(h, h->count - 1)->price);
		h->count--;
	}
	h->ring[h->head] = *s;
	h->head = (h->head + 1) % FOG_HISTORY_SAMPLES_MAX;
	h->count++;
	sums_add(&h->day, s->price);
	sums_add(&h->hour, s->pressure);
	return 0;
}

static u32 volatility_ppm(const struct fog_history_sums *s)
{
	if (s->sum == 0)
		return 0;
	unsigned __int128 squares = s->squares * s->count;
	unsigned __int128 square = (unsigned __int128)s->sum * (unsigned __int128)s->sum;
	double v = sqrt((double)(squares - square)) / (double)s->sum * 1e6;
	return v >= UINT32_MAX ? UINT32_MAX : (u32)(v + 0.5);
}

i64 fog_history_mean(const struct fog_history *h)
{
	return h->day.count == 0 ? 0 : h->day.sum / h->day.count;
}

u32 fog_history_volatility_day_ppm(const struct fog_history *h)
{
	return volatility_ppm(&h->day);
}

u32 fog_history_volatility_hour_ppm(const struct fog_history *h)
{
	return volatility_ppm(&h->hour);
}

i64 fog_history_pressure(const struct fog_history *h)
{
	return h->hour.count == 0 ? 0 : h->hour.sum / h->hour.count;
}

const struct fog_sample *fog_history_get(const struct fog_history *h, u32 i)
{
	return i < h->count ? newest(h, i) : NULL;
}

i64 fog_history_price_at(const struct fog_history *h, u64 time_ms)
{
	u32 low = 0;
	u32 high = h->count;

	if (h->count == 0)
		return 0;
	while (low < high) { /* the first, from the newest, that is not after */
		u32 middle = low + (high - low) / 2;
		if (newest(h, middle)->time_ms <= time_ms)
			high = middle;
		else
			low = middle + 1;
	}
	return newest(h, FOG_MIN(low, h->count - 1))->price;
}

bool fog_history_range(const struct fog_history *h, u64 from_ms, i64 *low, i64 *high)
{
	if (h->count == 0)
		return false;
	*low = *high = newest(h, 0)->price;
	for (u32 i = 0; i < h->count; i++) {
		*low = FOG_MIN(*low, newest(h, i)->price);
		*high = FOG_MAX(*high, newest(h, i)->price);
		if (newest(h, i)->time_ms <= from_ms)
			break;
	}
	return true;
}

static void candle_add(struct fog_candle *c, const struct fog_sample *s)
{
	if (c->count++ == 0) {
		c->open = c->high = c->low = s->price;
		c->utilization_ppm = 0;
	}
	c->high = FOG_MAX(c->high, s->price);
	c->low = FOG_MIN(c->low, s->price);
	c->close = s->price;
	/* A running mean: the sum would need a field of its own. */
	c->utilization_ppm =
		(u32)(((u64)c->utilization_ppm * (c->count - 1) + s->utilization_ppm) / c->count);
}

int fog_history_candles(const struct fog_history *h, u64 from_ms, u64 to_ms,
			struct fog_candle *candles, u32 count)
{
	if (count == 0 || count > FOG_HISTORY_CANDLES_MAX || to_ms <= from_ms ||
	    to_ms - from_ms < count)
		return -EINVAL;
	unsigned __int128 width = to_ms - from_ms;
	for (u32 i = 0; i < count; i++)
		candles[i] = (struct fog_candle){.time_ms = from_ms + (u64)(width * i / count)};
	for (u32 i = h->count; i > 0; i--) {
		const struct fog_sample *s = newest(h, i - 1);
		if (s->time_ms < from_ms || s->time_ms >= to_ms)
			continue;
		u32 at = (u32)((unsigned __int128)(s->time_ms - from_ms) * count / width);
		while (at + 1 < count && candles[at + 1].time_ms <= s->time_ms)
			at++; /* beginnings are rounded down */
		candle_add(&candles[at], s);
	}
	return 0;
}
