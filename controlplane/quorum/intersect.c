/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/quorum/intersect.h"

#include <errno.h>

#define WORDS (FOG_FBAS_NODES_MAX / 64)

int fog_fbas_new(struct fog_fbas *f)
{
	memset(f, 0, sizeof(*f));
	f->set = calloc(FOG_FBAS_SETS_MAX, sizeof(*f->set));
	return f->set != NULL ? 0 : -ENOMEM;
}

void fog_fbas_free(struct fog_fbas *f)
{
	free(f->set);
	memset(f, 0, sizeof(*f));
}

/* ---- masks ---------------------------------------------------------------------------------- */

u32 fog_fbas_size(const struct fog_fbas_mask *m)
{
	u32 n = 0;

	for (u32 i = 0; i < WORDS; i++)
		n += (u32)__builtin_popcountll(m->w[i]);
	return n;
}

static bool mask_empty(const struct fog_fbas_mask *m)
{
	return fog_fbas_size(m) == 0;
}

static bool mask_within(const struct fog_fbas_mask *a, const struct fog_fbas_mask *b)
{
	for (u32 i = 0; i < WORDS; i++)
		if ((a->w[i] & ~b->w[i]) != 0)
			return false;
	return true;
}

static void mask_minus(struct fog_fbas_mask *out, const struct fog_fbas_mask *a,
		       const struct fog_fbas_mask *b)
{
	for (u32 i = 0; i < WORDS; i++)
		out->w[i] = a->w[i] & ~b->w[i];
}

static void mask_or(struct fog_fbas_mask *out, const struct fog_fbas_mask *a,
		    const struct fog_fbas_mask *b)
{
	for (u32 i = 0; i < WORDS; i++)
		out->w[i] = a->w[i] | b->w[i];
}

/* ---- quorums -------------------------------------------------------------------------------- */

static u32 common(const struct fog_fbas_mask *a, const struct fog_fbas_mask *b)
{
	u32 n = 0;

	for (u32 i = 0; i < WORDS; i++)
		n += (u32)__builtin_popcountll(a->w[i] & b->w[i]);
	return n;
}

/* Is the quorum set of the node satisfied by `in`? Inner sets come later, so they are done first.
 */
static bool satisfied(const struct fog_fbas *f, u32 node, const struct fog_fbas_mask *in)
{
	static u32 inner[FOG_FBAS_SETS_MAX]; /* satisfied inner sets of each */
	bool good = false;

	if (f->first[node] > f->last[node])
		return false;
	for (u32 i = f->first[node]; i <= f->last[node]; i++)
		inner[i] = 0;
	for (u32 i = f->last[node] + 1; i-- > f->first[node];) {
		const struct fog_fbas_set *s = &f->set[i];
		good = common(&s->members, in) + inner[i] >= s->threshold;
		if (good && s->parent != i)
			inner[s->parent]++;
	}
	return good;
}

/* With `free` counted as agreeing wherever it is named. */
static void greatest(const struct fog_fbas *f, const struct fog_fbas_mask *within,
		     const struct fog_fbas_mask *free_votes, struct fog_fbas_mask *out)
{
	bool again = true;

	*out = *within;
	while (again) {
		struct fog_fbas_mask in;
		mask_or(&in, out, free_votes);
		again = false;
		for (u32 i = 0; i < f->node_count; i++)
			if (fog_fbas_has(out, i) && !satisfied(f, i, &in)) {
				out->w[i / 64] &= ~(1ull << (i % 64));
				in.w[i / 64] &= ~(1ull << (i % 64)) | free_votes->w[i / 64];
				again = true;
			}
	}
}

void fog_fbas_greatest(const struct fog_fbas *f, const struct fog_fbas_mask *within,
		       struct fog_fbas_mask *out)
{
	static const struct fog_fbas_mask nobody;

	greatest(f, within, &nobody, out);
}

/* ---- strongly connected parts ---------------------------------------------------------------- */

/* Whom `from` reaches by naming, within `within`. */
static void reach(const struct fog_fbas *f, u32 from, const struct fog_fbas_mask *within,
		  const struct fog_fbas_mask *names, struct fog_fbas_mask *out)
{
	u32 stack[FOG_FBAS_NODES_MAX], depth = 0;

	memset(out, 0, sizeof(*out));
	fog_fbas_bit(out, from);
	stack[depth++] = from;
	while (depth > 0) {
		u32 at = stack[--depth];
		for (u32 i = 0; i < f->node_count; i++)
			if (fog_fbas_has(&names[at], i) && fog_fbas_has(within, i) &&
			    !fog_fbas_has(out, i)) {
				fog_fbas_bit(out, i);
				stack[depth++] = i;
			}
	}
}

/* The strongly connected part of `node` within `within`. */
static void part_of(const struct fog_fbas *f, u32 node, const struct fog_fbas_mask *within,
		    const struct fog_fbas_mask *names, struct fog_fbas_mask *out)
{
	struct fog_fbas_mask there, back;

	memset(out, 0, sizeof(*out));
	reach(f, node, within, names, &there);
	for (u32 i = 0; i < f->node_count; i++) {
		if (!fog_fbas_has(&there, i))
			continue;
		reach(f, i, within, names, &back);
		if (fog_fbas_has(&back, node))
			fog_fbas_bit(out, i);
	}
}

/* ---- the search ------------------------------------------------------------------------------ */

struct branch {
	struct fog_fbas_mask in, open; /* committed to; may still be taken */
};

struct search {
	const struct fog_fbas *f;
	const struct fog_fbas_mask *all, *free_votes;
	struct branch *stack; /* [FOG_FBAS_NODES_MAX + 1] */
	u32 depth;
	u64 steps;
};

/* Two quorums that share nothing: one of them has at most half of the members, and contains a
 * minimal one. So branch over small sets, and look what the rest can do. */
static bool branch_step(struct search *s, u32 half, struct fog_fbas_mask *a,
			struct fog_fbas_mask *b)
{
	struct branch at = s->stack[--s->depth];
	struct fog_fbas_mask q, both, rest;
	u32 pick = ~0u, best = 0;

	if (fog_fbas_size(&at.in) > half)
		return false;
	/* A quorum within what is committed: minimal enough. */
	greatest(s->f, &at.in, s->free_votes, &q);
	if (!mask_empty(&q)) {
		mask_minus(&rest, s->all, &q);
		greatest(s->f, &rest, s->free_votes, b);
		*a = q;
		return !mask_empty(b);
	}
	mask_or(&both, &at.in, &at.open);
	greatest(s->f, &both, s->free_votes, &q);
	if (mask_empty(&q) || !mask_within(&at.in, &q))
		return false;
	/* Whom most of the committed name: that decides soonest. */
	for (u32 i = 0; i < s->f->node_count; i++) {
		u32 named = 1;
		if (!fog_fbas_has(&at.open, i) || !fog_fbas_has(&q, i))
			continue;
		for (u32 k = 0; k < s->f->node_count; k++)
			if (fog_fbas_has(&q, k) && s->f->first[k] <= s->f->last[k])
				for (u32 j = s->f->first[k]; j <= s->f->last[k]; j++)
					named += fog_fbas_has(&s->f->set[j].members, i);
		if (named > best) {
			best = named;
			pick = i;
		}
	}
	if (pick == ~0u)
		return false;
	at.open.w[pick / 64] &= ~(1ull << (pick % 64));
	s->stack[s->depth++] = at;
	fog_fbas_bit(&at.in, pick);
	s->stack[s->depth++] = at;
	return false;
}

static enum fog_intersection search(const struct fog_fbas *f, const struct fog_fbas_mask *part,
				    const struct fog_fbas_mask *free_votes, struct fog_fbas_mask *a,
				    struct fog_fbas_mask *b)
{
	struct search s = {f, part, free_votes, NULL, 0, 0};
	enum fog_intersection found = FOG_INTERSECTION_HOLDS;
	u32 half = fog_fbas_size(part) / 2;

	s.stack = calloc(2 * FOG_FBAS_NODES_MAX + 2, sizeof(*s.stack));
	if (s.stack == NULL)
		return FOG_INTERSECTION_UNDECIDED;
	s.stack[s.depth++].open = *part;
	while (s.depth > 0 && found == FOG_INTERSECTION_HOLDS) {
		if (++s.steps > FOG_FBAS_STEPS_MAX / FOG_MAX(half, 1u))
			found = FOG_INTERSECTION_UNDECIDED;
		else if (branch_step(&s, half, a, b))
			found = FOG_INTERSECTION_SPLIT;
	}
	free(s.stack);
	return found;
}

static struct fog_fbas_mask *names_make(const struct fog_fbas *f)
{
	struct fog_fbas_mask *names = calloc(FOG_FBAS_NODES_MAX, sizeof(*names));

	for (u32 i = 0; names != NULL && i < f->node_count; i++)
		for (u32 k = f->first[i]; f->first[i] <= f->last[i] && k <= f->last[i]; k++)
			mask_or(&names[i], &names[i], &f->set[k].members);
	return names;
}

enum fog_intersection fog_fbas_check(const struct fog_fbas *f, const struct fog_fbas_mask *faulty,
				     struct fog_fbas_mask *a, struct fog_fbas_mask *b)
{
	struct fog_fbas_mask nobody = {0}, all = {0}, left, part, q, found = {0}, none = {0};
	const struct fog_fbas_mask *free_votes = faulty != NULL ? faulty : &nobody;
	enum fog_intersection result = FOG_INTERSECTION_NONE;
	struct fog_fbas_mask *names = names_make(f);

	*a = *b = none;
	if (names == NULL)
		return FOG_INTERSECTION_UNDECIDED;
	for (u32 i = 0; i < f->node_count; i++)
		if (!fog_fbas_has(free_votes, i))
			fog_fbas_bit(&all, i);
	greatest(f, &all, free_votes, &left);
	/* A minimal quorum lies within one strongly connected part. */
	while (!mask_empty(&left) && result != FOG_INTERSECTION_SPLIT) {
		u32 node = 0;
		while (!fog_fbas_has(&left, node))
			node++;
		part_of(f, node, &all, names, &part);
		greatest(f, &part, free_votes, &q);
		if (!mask_empty(&q) && !mask_empty(&found)) {
			*a = found;
			*b = q;
			result = FOG_INTERSECTION_SPLIT;
		} else if (!mask_empty(&q)) {
			found = q;
			result = search(f, &q, free_votes, a, b);
		}
		mask_minus(&left, &left, &part);
	}
	if (result != FOG_INTERSECTION_SPLIT)
		*a = *b = none;
	free(names);
	return result;
}

/* ---- weights --------------------------------------------------------------------------------- */

/* Q1 = B and X, Q2 = B and the others: both weigh enough exactly when X weighs from quorum - w(B)
 * to total - quorum. Which sums can X have? One bit a sum, and who made it first. */
enum fog_intersection fog_validators_check(const struct fog_validators *s, u64 faulty, u64 *a,
					   u64 *b)
{
	u64 all = fog_validators_all(s), honest = all & ~faulty;
	u64 bad = fog_validators_weight(s, faulty), most = s->total - s->quorum;
	u64 least = s->quorum > bad ? s->quorum - bad : 0, sum = ~0ull, x = 0;
	u8 *by = malloc(most + 1); /* 0: cannot be made; else 1 + its last member */

	*a = *b = 0;
	if (by == NULL)
		return FOG_INTERSECTION_UNDECIDED;
	memset(by, 0, most + 1);
	by[0] = 1 + FOG_VALIDATORS_MAX;
	for (u64 m = honest; m != 0; m &= m - 1) {
		u32 i = (u32)__builtin_ctzll(m);
		for (u64 w = most + 1; w-- > s->weight[i];)
			if (by[w] == 0 && by[w - s->weight[i]] != 0)
				by[w] = (u8)(1 + i);
	}
	for (u64 w = least; w <= most && sum == ~0ull; w++)
		if (by[w] != 0)
			sum = w;
	while (sum != ~0ull && sum != 0) {
		u32 i = by[sum] - 1u;
		x |= 1ull << i;
		sum -= s->weight[i];
	}
	free(by);
	if (sum == ~0ull)
		return FOG_INTERSECTION_HOLDS;
	*a = faulty | x;
	*b = all & ~x;
	if (fog_validators_quorum(s, *a) && fog_validators_quorum(s, *b))
		return FOG_INTERSECTION_SPLIT;
	return FOG_INTERSECTION_UNDECIDED; /* another X of such a weight may be diverse enough */
}
