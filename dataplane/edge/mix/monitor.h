/* SPDX-License-Identifier: BSD-3-Clause */
/* Which mix loses, holds back or alters messages, judged by our own loop messages: we know the path
 * of each and its delays, and no mix can tell them from others. Pure.
 *
 * Every loop has one outcome: back in time, late, altered, or lost. A mix is suspected when too
 * many of the loops through it went wrong in one way, compared with the loops that did not go
 * through it: a one-sided test of two proportions at FOG_MONITOR_SIGMA standard deviations, with at
 * least FOG_MONITOR_LEAST loops on each side. A partner that shares paths with a bad mix is cleared
 * by the loops it shares with others, so only the worst mix of a kind is judged per look. Counts
 * halve at FOG_MONITOR_WINDOW loops, so that what a mix did long ago fades. */
#ifndef FOG_EDGE_MIX_MONITOR_H
#define FOG_EDGE_MIX_MONITOR_H

#include "dataplane/edge/mix/topology.h"

#define FOG_MONITOR_SIGMA  4.0 /* one mix in 30,000 judgements is suspected wrongly */
#define FOG_MONITOR_LEAST  20
#define FOG_MONITOR_WINDOW 4096
/* Shares of loops that may go wrong by nature are not judged below this difference. */
#define FOG_MONITOR_MARGIN 0.05

enum fog_loop_outcome {
	FOG_LOOP_BACK = 0,
	FOG_LOOP_LOST = 1,
	FOG_LOOP_LATE = 2,
	FOG_LOOP_ALTERED = 3,
	FOG_LOOP_OUTCOMES = 4,
};

struct fog_monitor_mix {
	u8 node_id[32];
	u32 count[FOG_LOOP_OUTCOMES];
};

struct fog_monitor {
	u32 count;
	struct fog_monitor_mix mix[FOG_MIXNET_HOSTS_MAX];
	u32 total[FOG_LOOP_OUTCOMES];
};

struct fog_suspicion {
	u8 node_id[32];
	enum fog_loop_outcome kind; /* never BACK */
	u32 loops, bad;             /* through this mix */
	u32 others, others_bad;     /* the rest */
	double sigma;               /* how far from chance */
};

/* One loop through these mixes (node ids of the path, our own host left out) ended so. */
void fog_monitor_add(struct fog_monitor *m, const u8 (*node_id)[32], unsigned hops,
		     enum fog_loop_outcome outcome);
/* The most suspect mix of a kind. False: none. */
bool fog_monitor_judge(const struct fog_monitor *m, enum fog_loop_outcome kind,
		       struct fog_suspicion *s);
/* Forget a mix, after it was reported. */
void fog_monitor_clear(struct fog_monitor *m, const u8 node_id[32]);

#endif
