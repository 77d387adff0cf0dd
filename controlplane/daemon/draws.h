/* SPDX-License-Identifier: BSD-3-Clause */
/* The draws of this host in the current epoch. Loop thread. */
#ifndef FOG_DAEMON_DRAWS_H
#define FOG_DAEMON_DRAWS_H

#include "controlplane/daemon/host.h"
#include "controlplane/directory/draw_text.h"
#include "controlplane/directory/lots.h"

#define FOG_COMMITTEE_SIZE 20    /* members expected, over all hosts .. */
#define FOG_COMMITTEE_MAX  64    /* .. more have a chance of 1e-14, and are left out */
#define FOG_NEWCOMER_TRUST 0.045 /* just below the lower bound of the prior */
#define FOG_BEACON_WAIT_MS 60000 /* for the quorum's beacon; then the derived one is used */

struct fog_host_draws {
	struct fog_beacon beacon;             /* of the last draw; epoch 0 = none yet */
	struct fog_beacon agreed;             /* the quorum's newest; likewise */
	u64 block_height, block_ms;           /* of the last block executed; 0 = none */
	struct fog_choice neighbours, relays; /* beacon.epoch 0 = not drawn yet */
	struct fog_lot committee, mix;        /* ours; mix is shown by relays alone */
	struct fog_lots *lots;                /* everybody's, ours too */
	struct ev_timer tick;
	struct fog_eclipse eclipse;
	struct fog_draw_candidate candidates[FOG_DRAW_CANDIDATES_MAX];
	struct fog_draw_candidate relay_candidates[FOG_DRAW_CANDIDATES_MAX];
};

int fog_host_draws_start(struct fog_host *h);
void fog_host_draws_stop(struct fog_host *h);
/* Draws anew. The beacon stays, and the lots, which know who was here before their epoch. */
void fog_host_draws_restart(struct fog_host *h);
void fog_host_draws_routes(struct fog_host *h);
/* Draws when the epoch is new, looks for an eclipse, and writes the draw into `r`. */
void fog_host_draws_update(struct fog_host *h, struct fog_report *r);
/* How a host counts in draws of this one. */
void fog_host_candidate(const struct fog_host *h, const struct fog_descriptor *d,
			struct fog_draw_candidate *out);
/* Place in this epoch's draw of relays, from 1; 0 = not in it. */
u32 fog_host_drawn(const struct fog_host *h, const u8 node_id[32]);

/* A block of the quorum was executed. The first of an epoch gives its beacon. */
void fog_host_draws_block(struct fog_host *h, u64 height, u64 time_ms, const u8 randomness[32]);

/* ---- lots of all hosts (lots.c) -------------------------------------------------------------- */

/* A descriptor came (ours too) or went. */
void fog_host_lots_directory(struct fog_host *h, const struct fog_descriptor *d, bool gone);
/* The beacon of this epoch; again is fine. */
void fog_host_lots_beacon(struct fog_host *h, const struct fog_beacon *b);

/* The committee as this host sees it: who is of it depends on lots, which all can check, and on
 * weights, which everybody has of his own. In the order in which this host asks them, which follows
 * from its own lot, so that it has no choice: those of other operators and networks first. */
struct fog_committee {
	u64 epoch; /* of the lots */
	u64 total; /* weight of all whose lots count */
	u32 count;
	struct fog_committee_member {
		u8 node_id[32];
		bool together; /* of our operator or network */
		u8 order[32];
	} member[FOG_COMMITTEE_MAX];
};
/* The caller's to free; NULL: no lots count yet, or no memory. O(hosts). */
struct fog_committee *fog_host_committee(const struct fog_host *h);
u32 fog_host_committee_weight(const struct fog_host *h, const u8 node_id[32]);
/* mixnet.c: the lots by which the mixes are in layers, in order; *out is the caller's to free. 0:
 * too few have shown theirs. */
u32 fog_host_mix_order(const struct fog_host *h, struct fog_lot **out);

#endif
