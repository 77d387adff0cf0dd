/* SPDX-License-Identifier: BSD-3-Clause */
/* The draws of this host in the current epoch. Loop thread. */
#ifndef FOG_DAEMON_DRAWS_H
#define FOG_DAEMON_DRAWS_H

#include "controlplane/daemon/host.h"
#include "controlplane/directory/draw_text.h"

#define FOG_COMMITTEE_SIZE 20    /* members expected, over all hosts */
#define FOG_BEACON_WAIT_MS 60000 /* for the quorum's beacon; then the derived one is used */

struct fog_host_draws {
	struct fog_beacon beacon;             /* of the last draw; epoch 0 = none yet */
	struct fog_beacon agreed;             /* the quorum's newest; likewise */
	u64 block_height, block_ms;           /* of the last block executed; 0 = none */
	struct fog_choice neighbours, relays; /* beacon.epoch 0 = not drawn yet */
	struct fog_lot committee, mix;        /* mix.beacon.epoch 0: we relay nothing */
	struct fog_eclipse eclipse;
	struct fog_draw_candidate candidates[FOG_DRAW_CANDIDATES_MAX];
	struct fog_draw_candidate relay_candidates[FOG_DRAW_CANDIDATES_MAX];
};

int fog_host_draws_start(struct fog_host *h);
void fog_host_draws_stop(struct fog_host *h);
void fog_host_draws_routes(struct fog_host *h);
/* Draws when the epoch is new, looks for an eclipse, and writes the draw into `r`. */
void fog_host_draws_update(struct fog_host *h, struct fog_report *r);
/* Place in this epoch's draw of relays, from 1; 0 = not in it. */
u32 fog_host_drawn(const struct fog_host *h, const u8 node_id[32]);

/* A block of the quorum was executed. The first of an epoch gives its beacon. */
void fog_host_draws_block(struct fog_host *h, u64 height, u64 time_ms, const u8 randomness[32]);

#endif
