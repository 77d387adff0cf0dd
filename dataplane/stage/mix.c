/* SPDX-License-Identifier: BSD-3-Clause */
/* Where cells of all ingress workers meet before they leave. Today every cell is due at once, but
 * what leaves together leaves in random order: cells of one circuit keep theirs (transport above
 * would take reordering for loss), circuits are interleaved at random.
 * Thread: egress owner. O(1) a cell. */
#include "dataplane/worker/worker.h"

void fog_stage_mix_insert(struct fog_worker *w, struct fog_slot *s)
{
	if (w->mix.count == FOG_MIX_CELLS) {
		fog_drop(w, FOG_DROP_MIX_FULL);
		fog_slot_give(w, s);
		return;
	}
	w->mix.due[(w->mix.first + w->mix.count++) & (FOG_MIX_CELLS - 1)] = s;
}

#define GROUPS 128 /* twice the batch: few collisions */

/* Give every position the oldest cell of the circuit the shuffle put there. */
static void restore_order(struct fog_slot *const *in, const u8 *order, struct fog_slot **out,
			  unsigned count)
{
	/* chain[g]: first cell of group g; chain[GROUPS + i]: the one after cell i. No branches:
	 * whether two cells share a circuit is chance. */
	u8 chain[GROUPS + FOG_BATCH_MAX], tail[GROUPS], group[FOG_BATCH_MAX];

	for (unsigned g = 0; g < GROUPS; g++)
		tail[g] = (u8)g;
	for (unsigned i = 0; i < count; i++) {
		/* Two circuits in one group only keep more order than they need. */
		u32 g = (in[i]->id * 0x9e3779b1u ^ in[i]->link * 0x85ebca77u) >> 25;
		group[i] = (u8)g;
		chain[tail[g]] = (u8)i;
		tail[g] = (u8)(GROUPS + i);
	}
	for (unsigned i = 0; i < count; i++) {
		u8 g = group[order[i]], first = chain[g];
		out[i] = in[first];
		chain[g] = chain[GROUPS + first];
	}
}

_Static_assert(GROUPS + FOG_BATCH_MAX <= UINT8_MAX + 1, "places are u8");

unsigned fog_stage_mix_due(struct fog_worker *w, struct fog_slot **due, unsigned max)
{
	struct fog_mix *m = &w->mix;
	unsigned count = FOG_MIN(m->count, FOG_MIN(max, (unsigned)FOG_BATCH_MAX));
	struct fog_slot *in[FOG_BATCH_MAX];
	u32 draw[FOG_BATCH_MAX];
	u8 order[FOG_BATCH_MAX];

	if (count == 0)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		in[i] = m->due[(m->first + i) & (FOG_MIX_CELLS - 1)];
		order[i] = (u8)i;
	}
	/* A draw of 32 bits favours no place by more than 2^-26. */
	fog_rng_bytes(&w->rng, draw, 4 * count);
	for (unsigned i = count; i > 1; i--) {
		unsigned j = (unsigned)((u64)draw[i - 1] * i >> 32);
		u8 t = order[i - 1];
		order[i - 1] = order[j];
		order[j] = t;
	}
	restore_order(in, order, due, count);
	m->first = (m->first + count) & (FOG_MIX_CELLS - 1);
	m->count -= count;
	fog_lap(w, &w->counts.cycles_mix);
	return count;
}
