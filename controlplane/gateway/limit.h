/* SPDX-License-Identifier: BSD-3-Clause */
/* How many requests a caller may make in a minute and in an hour. A window begins with the first
 * request in it. Pure; the table is bounded: of more callers than it holds those heard longest ago
 * begin anew. */
#ifndef FOG_GATEWAY_LIMIT_H
#define FOG_GATEWAY_LIMIT_H

#include "controlplane/gateway/jwt.h"

#define FOG_LIMIT_SETS 2048
#define FOG_LIMIT_WAYS 8 /* callers in all: 16384, 24 bytes each */

struct fog_limit_rate {
	u32 per_minute, per_hour; /* 0: as many as they like */
};

/* One caller; all zero: free. */
struct fog_limit_entry {
	u64 key;
	u32 minute_s, minute_used; /* when the window began, in seconds since the limiter did */
	u32 hour_s, hour_used;
};

struct fog_limiter {
	struct fog_limit_rate rate[FOG_RATE_COUNT];
	u64 seed, started_s;
	struct fog_limit_entry entry[FOG_LIMIT_SETS][FOG_LIMIT_WAYS];
};

/* Of the window that is nearer to its end. limit 0: none. */
struct fog_limit_left {
	u32 limit, remaining, reset_s; /* reset: seconds from now */
};

/* Without limits, until there are rates. */
void fog_limiter_init(struct fog_limiter *l, u64 seed, u64 now_s);
/* Other rates from now on; what was used stays. */
void fog_limiter_rates(struct fog_limiter *l, const struct fog_limit_rate rate[FOG_RATE_COUNT]);
/* A caller's key from its name: its kind ('u' user, 'a' address) and bytes. */
u64 fog_limit_key(const struct fog_limiter *l, char kind, const void *name, size_t len);
/* One more request. False: too many; then nothing is counted and `left->reset_s` is how long to
 * wait. */
bool fog_limiter_take(struct fog_limiter *l, u64 key, enum fog_rate_tier tier, u64 now_s,
		      struct fog_limit_left *left);

#endif
