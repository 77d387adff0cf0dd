/* SPDX-License-Identifier: BSD-3-Clause */
/* Find the circuit half of each onion cell. In: link[], head[] of data[]. Out: half[], data[]
 * without the rows that were dropped; their sequence counts as seen.
 * Thread: owner of the link. Three short loops, so that the cache misses of a batch overlap. */
#include "dataplane/worker/worker.h"

static enum fog_drop admit(struct fog_half *h, const struct fog_cell_head *head, u64 now)
{
	if (h->state != FOG_HALF_OPEN)
		return FOG_DROP_CIRCUIT;
	if (head->sequence == 0)
		return FOG_DROP_SEQUENCE;
	int rc = fog_half_admit(h, head->sequence);
	if (rc < 0)
		return rc == -ERANGE ? FOG_DROP_SEQUENCE : FOG_DROP_REPLAY;
	h->last_ns = now;
	h->cells++;
	return FOG_DROP_COUNT;
}

/* The neighbour keeps a circuit that we do not know, because a DESTROY was lost: say so again. */
static void stray(struct fog_worker *w, u32 link, u32 id)
{
	const u8 reason = FOG_REASON_LINK_LOST;

	if (link == FOG_LINK_TERMINUS || w->strays_left == 0)
		return;
	w->strays_left--;
	fog_cell_originate(w, link, id, FOG_CELL_DESTROY, &reason, 1);
}

void fog_stage_lookup(struct fog_worker *w, struct fog_batch *b)
{
	struct fog_half_table *t = &w->halves;
	u64 key[FOG_BATCH_MAX];
	u32 hash[FOG_BATCH_MAX];
	u32 kept = 0;

	for (u32 k = 0; k < b->data_count; k++) {
		u32 i = b->data[k];
		key[k] = fog_half_key(b->link[i], b->head[i].id);
	}
	fog_map_hash_many(&t->map, key, hash, b->data_count);
	for (u32 k = 0; k < b->data_count; k++)
		fog_map_prefetch(&t->map, hash[k]);
	for (u32 k = 0; k < b->data_count; k++) {
		u32 i = b->data[k];
		u32 index = fog_map_find_hashed(&t->map, hash[k], key[k]);
		b->half[i] = index == FOG_MAP_NONE ? NULL : &t->halves[index];
		if (b->half[i] != NULL)
			fog_half_prefetch(b->half[i], b->head[i].sequence);
	}
	for (u32 k = 0; k < b->data_count; k++) {
		u32 i = b->data[k];
		enum fog_drop d = FOG_DROP_CIRCUIT;
		if (b->half[i] != NULL)
			d = admit(b->half[i], &b->head[i], w->now);
		else
			stray(w, b->link[i], b->head[i].id);
		if (d == FOG_DROP_COUNT) {
			b->data[kept++] = (u8)i;
			continue;
		}
		fog_drop(w, d);
		if (b->slot[i] != NULL)
			fog_slot_give(w, b->slot[i]);
	}
	b->data_count = kept;
	fog_lap(w, &w->counts.cycles_lookup);
}
