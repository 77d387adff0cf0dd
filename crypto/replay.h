/* SPDX-License-Identifier: BSD-3-Clause */
/* Sliding replay window over u64 counters, as RFC 6479 describes and WireGuard uses: a ring of
 * 64-bit words, so that moving the window clears whole words and never shifts.
 *
 *	too old (-ESTALE)  |  window: FOG_REPLAY_WINDOW counters  |  ahead: always fresh
 *	                   highest - 2047                   highest
 *
 * Check before the packet is authenticated, commit after: a forged packet never moves the window.
 * One thread owns a window. */
#ifndef FOG_CRYPTO_REPLAY_H
#define FOG_CRYPTO_REPLAY_H

#include <errno.h>

#include "crypto/types.h"

/* Deep enough for the reordering of a mix delay at one circuit's rate; 272 bytes per direction. */
#define FOG_REPLAY_WINDOW 2048
/* One word more than the window, so that the word being entered holds no bit still in it. */
#define FOG_REPLAY_WORDS (FOG_REPLAY_WINDOW / 64 + 1)
/* The last counter value is never accepted: as a nonce it is reserved, and next would wrap. */
#define FOG_REPLAY_COUNTER_MAX (UINT64_MAX - 1)

struct fog_replay {
	u64 next; /* highest committed counter plus one; 0 = nothing committed */
	u64 word[FOG_REPLAY_WORDS];
};

static inline u64 fog_replay_bit(u64 counter)
{
	return 1ull << (counter % 64);
}

/* Empty window: every counter from 0 is fresh. A zeroed struct is the same. */
void fog_replay_init(struct fog_replay *r);

/* Returns 0 (fresh), -EEXIST (seen), -ESTALE (below the window) or -EOVERFLOW (above
 * FOG_REPLAY_COUNTER_MAX). */
static inline int fog_replay_check(const struct fog_replay *r, u64 counter)
{
	if (counter > FOG_REPLAY_COUNTER_MAX)
		return -EOVERFLOW;
	if (counter >= r->next)
		return 0;
	if (r->next - counter > FOG_REPLAY_WINDOW)
		return -ESTALE;
	return r->word[counter / 64 % FOG_REPLAY_WORDS] & fog_replay_bit(counter) ? -EEXIST : 0;
}

/* Clear the words between the highest counter and this one, which is higher. */
void fog_replay_enter(struct fog_replay *r, u64 counter);

/* Marks the counter as seen and moves the window up if it is the highest. Returns as
 * fog_replay_check() would have; the window changes only when that is 0. At most FOG_REPLAY_WORDS
 * words are written. */
static inline int fog_replay_commit(struct fog_replay *r, u64 counter)
{
	int rc = fog_replay_check(r, counter);

	if (rc < 0)
		return rc;
	if (counter >= r->next) {
		if (counter / 64 != (r->next - 1) / 64)
			fog_replay_enter(r, counter);
		r->next = counter + 1;
	}
	r->word[counter / 64 % FOG_REPLAY_WORDS] |= fog_replay_bit(counter);
	return 0;
}

#endif
