/* SPDX-License-Identifier: BSD-3-Clause */
/* Do any two quorums meet in an honest member, and which failures stop everything? For two kinds of
 * systems: weighted sets of validators (validators.h), and federated ones, where every node names
 * its own quorum sets as in Stellar's files. Exact, but for federated systems bounded in work:
 * deciding is NP-hard (Lachowski 2019).
 *
 * A federated quorum is a non-empty set of nodes each of which finds its quorum set satisfied in
 * it. With faulty nodes B, honest ones may be told anything by B: quorums despite B are those of
 * the system with B deleted, where every set counts its members in B as agreeing. Pure. */
#ifndef FOG_QUORUM_INTERSECT_H
#define FOG_QUORUM_INTERSECT_H

#include "controlplane/quorum/validators.h"

#define FOG_FBAS_NODES_MAX 512
#define FOG_FBAS_SETS_MAX  8192          /* quorum sets, inner ones included */
#define FOG_FBAS_STEPS_MAX (50000000ull) /* of the search; beyond: undecided */

struct fog_fbas_mask {
	u64 w[FOG_FBAS_NODES_MAX / 64];
};

struct fog_fbas_set {
	u64 threshold;
	struct fog_fbas_mask members;
	u32 parent; /* index of the set this is an inner one of; its own index at the top */
};

/* Sets of one node lie together, each after the one it is in. */
struct fog_fbas {
	u32 node_count, set_count;
	u32 first[FOG_FBAS_NODES_MAX], last[FOG_FBAS_NODES_MAX]; /* its sets; first > last: none */
	struct fog_fbas_set *set;                                /* [FOG_FBAS_SETS_MAX] */
};

/* Empty; free with fog_fbas_free(). 0 or -ENOMEM. */
int fog_fbas_new(struct fog_fbas *f);
void fog_fbas_free(struct fog_fbas *f);

static inline void fog_fbas_bit(struct fog_fbas_mask *m, u32 i)
{
	m->w[i / 64] |= 1ull << (i % 64);
}
static inline bool fog_fbas_has(const struct fog_fbas_mask *m, u32 i)
{
	return m->w[i / 64] >> (i % 64) & 1;
}
u32 fog_fbas_size(const struct fog_fbas_mask *m);

/* The largest quorum within `within`; empty when there is none. */
void fog_fbas_greatest(const struct fog_fbas *f, const struct fog_fbas_mask *within,
		       struct fog_fbas_mask *out);

enum fog_intersection {
	FOG_INTERSECTION_HOLDS = 1,
	FOG_INTERSECTION_SPLIT,     /* two quorums share no honest member: *a and *b */
	FOG_INTERSECTION_NONE,      /* there is no quorum at all */
	FOG_INTERSECTION_UNDECIDED, /* FOG_FBAS_STEPS_MAX were not enough */
};

/* Despite `faulty` (NULL: nobody). a, b: a split, else zero. */
enum fog_intersection fog_fbas_check(const struct fog_fbas *f, const struct fog_fbas_mask *faulty,
				     struct fog_fbas_mask *a, struct fog_fbas_mask *b);

/* The same question for a weighted set: are there quorums whose common members are all in `faulty`?
 * Exact for the weights; UNDECIDED when weights allow a split but the one found is not diverse
 * enough. O(members * total weight / 64). */
enum fog_intersection fog_validators_check(const struct fog_validators *s, u64 faulty, u64 *a,
					   u64 *b);

#endif
