/* SPDX-License-Identifier: BSD-3-Clause */
/* The lots of all hosts as this host has checked them. Hosts publish theirs in their descriptors
 * (report.h); here they wait for the beacon of their epoch, are checked many at once, and decide
 *who mixes in which layer and who is of the committee.
 *
 *	epoch e:  | drawn, published, gossiped  | in force ....................
 *	          0                             LAG                        .. until LAG of epoch e +
 *1
 *
 * So those who draw paths have nearly all lots before they use them, and nearly the same ones.
 *
 * Who could choose his key after he knew the beacon could choose his lot. Therefore a lot counts
 * only when its host was known here FOG_LOTS_KNOWN_MS before its epoch began: a beacon comes with
 * a block whose time may be ahead of the clock, and clocks differ. Hosts that were here when we
 * began are taken as known. Who does not show his lot is not used.
 *
 * Pure but for its memory (2 KB a host). Unix milliseconds. */
#ifndef FOG_DIRECTORY_LOTS_H
#define FOG_DIRECTORY_LOTS_H

#include "controlplane/directory/draw.h"
#include "controlplane/directory/report.h"

#define FOG_LOTS_LAG_MS    120000 /* the beacon takes 60 s at most, gossip the rest */
#define FOG_LOTS_HOSTS_MAX 4096   /* lots of more are not looked at */
#define FOG_LOTS_KNOWN_MS  20000  /* a block may be 10 s ahead, and so may be its proposer */
/* A host may show another proof after a false one so often, by kind and epoch. */
#define FOG_LOTS_RETRIES_MAX 2

struct fog_lots;

int fog_lots_new(struct fog_lots **out); /* 0 or -ENOMEM */
void fog_lots_free(struct fog_lots *l);  /* NULL is fine */

/* The beacon of an epoch. The newest two are kept; an older one is ignored. */
void fog_lots_beacon(struct fog_lots *l, const struct fog_beacon *b);
/* The epoch as of which a host counts as here that comes now: its lots count from the next one. */
u64 fog_lots_came(u64 now_ms);
/* What a descriptor shows, with the epoch as of which its host was here, or 0 when that is before
 * us.
 * Lots of another epoch than those of our beacons are not taken: offer them again then. */
void fog_lots_offer(struct fog_lots *l, const u8 node_id[32], const struct fog_report *r,
		    u64 came_epoch);
void fog_lots_forget(struct fog_lots *l, const u8 node_id[32]);

/* Checks at most FOG_LOTS_CHECK_MAX lots of those that wait, of all hosts in turn; returns how
 * many. */
u32 fog_lots_check(struct fog_lots *l);
/* Of all that were checked: how many proofs were false. */
u64 fog_lots_false(const struct fog_lots *l);

/* The epoch whose lots are in force, if `least` hosts have a lot of this kind that counts in it;
 * else the other one of which lots are kept, if that is true of it; 0. */
u64 fog_lots_epoch(const struct fog_lots *l, enum fog_draw_kind kind, u32 least, u64 now_ms);
/* A lot that was checked and counts; false: there is none. O(log hosts). The proof is out->proof.
 */
bool fog_lots_find(const struct fog_lots *l, enum fog_draw_kind kind, u64 epoch,
		   const u8 node_id[32], struct fog_lot *out, u8 beta[FOG_VRF_OUTPUT_SIZE]);

#endif
