/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/limit.h"

void fog_limiter_init(struct fog_limiter *l, u64 seed, u64 now_s)
{
	memset(l, 0, sizeof(*l));
	l->seed = seed;
	/* So that 0 is older than any window. */
	l->started_s = now_s > 7200 ? now_s - 7200 : 0;
}

void fog_limiter_rates(struct fog_limiter *l, const struct fog_limit_rate rate[FOG_RATE_COUNT])
{
	memcpy(l->rate, rate, sizeof(l->rate));
}

/* FNV-1a from a secret start. Who meets another's key shares a window with it, no more. */
u64 fog_limit_key(const struct fog_limiter *l, char kind, const void *name, size_t len)
{
	const u8 *p = name;
	u64 h = l->seed ^ (u8)kind;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	h ^= h >> 29;
	return h != 0 ? h : 1;
}

static struct fog_limit_entry *entry_of(struct fog_limiter *l, u64 key)
{
	struct fog_limit_entry *set = l->entry[key % FOG_LIMIT_SETS], *oldest = &set[0];

	for (u32 i = 0; i < FOG_LIMIT_WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].minute_s < oldest->minute_s)
			oldest = &set[i];
	}
	*oldest = (struct fog_limit_entry){.key = key};
	return oldest;
}

static void window_turn(u32 *begun_s, u32 *used, u32 now_s, u32 length_s)
{
	if (*begun_s != 0 && now_s - *begun_s < length_s)
		return;
	*begun_s = now_s;
	*used = 0;
}

/* Of two windows the one with less left. */
static void left_of(struct fog_limit_left *left, u32 limit, u32 used, u32 reset_s)
{
	u32 remaining = limit - FOG_MIN(used, limit);

	if (limit == 0 || (left->limit != 0 && left->remaining <= remaining))
		return;
	*left = (struct fog_limit_left){limit, remaining, reset_s};
}

bool fog_limiter_take(struct fog_limiter *l, u64 key, enum fog_rate_tier tier, u64 now_s,
		      struct fog_limit_left *left)
{
	const struct fog_limit_rate *r = &l->rate[tier];
	u32 now = now_s > l->started_s ? (u32)(now_s - l->started_s) : 1;

	*left = (struct fog_limit_left){0};
	if (r->per_minute == 0 && r->per_hour == 0)
		return true;
	struct fog_limit_entry *e = entry_of(l, key);
	window_turn(&e->minute_s, &e->minute_used, now, 60);
	window_turn(&e->hour_s, &e->hour_used, now, 3600);
	bool good = (r->per_minute == 0 || e->minute_used < r->per_minute) &&
		    (r->per_hour == 0 || e->hour_used < r->per_hour);
	e->minute_used += good;
	e->hour_used += good;
	u32 minute_left_s = e->minute_s + 60 - now, hour_left_s = e->hour_s + 3600 - now;
	left_of(left, r->per_hour, e->hour_used, hour_left_s);
	left_of(left, r->per_minute, e->minute_used, minute_left_s);
	return good;
}
