/* SPDX-License-Identifier: BSD-3-Clause */
/* Capacity of one host that people have reserved for times to come.
 *
 *	now         start           end
 *	 |-- free ----|== kept ======|-- free --     a period: for its owner's jobs only
 *	 |------ a job of another's -----|           refused, unless enough is left beside the
 *period
 *
 * At the begin of each period a job would meet, what others may have in use is counted against what
 * all periods of other owners keep there and do not use themselves. The owner's own jobs may use
 * what is kept, and whatever is free beside it. Exact, as long as jobs end by their limits.
 *
 * Pure: no clock, file or allocation. Any thread. O(FOG_KEEP_MAX^2) a question. */
#ifndef FOG_KEEP_H
#define FOG_KEEP_H

#include "crypto/types.h"

/* A host is closed by its own operator for that time, but to jobs of one submitting host. Unix. */
struct fog_closed {
	u8 node[32];
	u8 submitter[32]; /* zero: only its own jobs run there */
	u64 begin_ms, end_ms;
};
#define FOG_CLOSED_MAX 4 /* times of one host that it tells the others, the nearest */

/* Periods of one host, the nearest by start: later ones count once they are near. */
#define FOG_KEEP_MAX 8

struct fog_amount {
	u64 cpu_milli, memory_bytes, gpu_milli;
};

struct fog_keep_period {
	u64 start_ms, end_ms; /* from now; start 0 = it has begun */
	u32 owner;            /* never 0 */
	struct fog_amount amount;
	/* Work that is still there when it starts: all of it, and by the owner of each period. */
	struct fog_amount all;
	struct fog_amount own[FOG_KEEP_MAX];
};

struct fog_keep {
	u32 count;
	struct fog_keep_period period[FOG_KEEP_MAX]; /* by start */
};

/* Adds a period, in order of start and before any work. False: there are too many. */
bool fog_keep_add(struct fog_keep *keep, u32 owner, u64 start_ms, u64 end_ms,
		  const struct fog_amount *amount);

/* Work of that owner (0 = of nobody with a period) runs here and takes at most left_ms more. */
void fog_keep_use(struct fog_keep *keep, u32 owner, u64 left_ms, const struct fog_amount *amount);
/* Takes it away again. */
void fog_keep_unuse(struct fog_keep *keep, u32 owner, u64 left_ms, const struct fog_amount *amount);

/* May work of that owner begin now, on a host with so much in all? What is free now is the
 * caller's to see. */
bool fog_keep_allows(const struct fog_keep *keep, u32 owner, u64 wall_ms,
		     const struct fog_amount *need, const struct fog_amount *offered);

/* The most that is kept from that owner at any time between the two. */
struct fog_amount fog_keep_most(const struct fog_keep *keep, u32 owner, u64 from_ms, u64 to_ms);

/* When, after at_ms, the answer to fog_keep_most(owner, at, at + wall) may change; UINT64_MAX:
 * never.
 */
u64 fog_keep_change(const struct fog_keep *keep, u64 wall_ms, u64 at_ms);

/* Componentwise; minus stops at 0. */
struct fog_amount fog_amount_plus(const struct fog_amount *a, const struct fog_amount *b);
struct fog_amount fog_amount_minus(const struct fog_amount *a, const struct fog_amount *b);
struct fog_amount fog_amount_least(const struct fog_amount *a, const struct fog_amount *b);
struct fog_amount fog_amount_most(const struct fog_amount *a, const struct fog_amount *b);
bool fog_amount_within(const struct fog_amount *a, const struct fog_amount *b);

#endif
