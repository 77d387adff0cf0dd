/* SPDX-License-Identifier: BSD-3-Clause */
/* What others tell about hosts, added to what we saw ourselves, within bounds that make lying
 * useless. Everybody's first-hand evidence is gossiped, signed; everybody sums up for itself.
 *
 *	1. A rater's credibility is how well what it says fits what we know: over the hosts that
 *both of us know, how often its mean lies where our evidence allows it. That is itself a Beta
 *	   distribution, of which the lower bound counts: a stranger's word weighs next to nothing.
 *	2. Its opinions are discounted by that and by 0.9 for the hop, and one rater's word about
 *one host is at most FOG_TRUST_RATER_MAX pieces of evidence, however much it claims.
 *	3. All raters of one operator together count as at most FOG_TRUST_GROUP_MAX pieces
 *(identities are cheap, operators with credible records are not), all raters together as at most
 *	   FOG_TRUST_TOTAL_MAX: our own experience outvotes any crowd before long.
 *	4. Steps 1 to 3 are done FOG_TRUST_HOPS times, each time judging raters by our own evidence
 *	   with that of the raters found credible before: trust reaches three hops far and no
 *	   farther.
 *
 * So bad-mouthing and praise by liars count for little because liars contradict evidence; a ring
 * whose members only praise each other is never credible; a newcomer gains nothing that a host with
 * a bad record has not (the prior is the worst credible bound). Pure, no allocation. */
#ifndef FOG_TRUST_H
#define FOG_TRUST_H

#include "crypto/types.h"

#define FOG_TRUST_HOPS      3
#define FOG_TRUST_HOP_KEEP  0.9
#define FOG_TRUST_RATER_MAX 4.0
#define FOG_TRUST_GROUP_MAX 6.0
#define FOG_TRUST_TOTAL_MAX 24.0
/* A rater is judged by hosts of which we hold this much evidence, fully from ten times that on. */
#define FOG_TRUST_KNOWN_MIN 2.0

/* First-hand evidence of one host about another. */
struct fog_trust_edge {
	u32 rater, subject; /* indices of hosts */
	double good, bad;   /* >= 0, without the prior */
};

struct fog_trust_host {
	/* in */
	double own_good, own_bad; /* our first-hand evidence */
	u32 group;                /* the same number: the same operator */
	/* out */
	double good, bad;   /* told by others, after the bounds */
	double credibility; /* as a rater: 0 .. 1 */
	u32 raters;         /* whose word counted */
	/* work space */
	double agree, disagree, known_good, known_bad;
	double group_good, group_bad, refuted;
	u32 group_of;
};

/* edges: sorted by subject, then by the group of the rater; those about a rater itself and those of
 * host `self` are left out. O(hops x (hosts + edges)). */
void fog_trust_compute(struct fog_trust_host *hosts, u32 host_count,
		       const struct fog_trust_edge *edges, u32 edge_count, u32 self);
/* Puts edges into that order. */
void fog_trust_sort(const struct fog_trust_host *hosts, struct fog_trust_edge *edges,
		    u32 edge_count, struct fog_trust_edge *scratch);

#endif
