/* SPDX-License-Identifier: BSD-3-Clause */
/* The onion layer. In: half[], cell[] of data[]. Out: slot[] holds the cell after the layer; rows
 * that found no slot are dropped. A relay only encrypts, in both directions, so one call does all.
 * Out of place from the rx buffer into the slab; cells that start here are in a slot already.
 * Thread: owner of the half. Cost: see bench; one UIV+ pass over 1392 bytes a row. */
#include "dataplane/worker/worker.h"

struct jobs {
	struct fog_cell_job job[FOG_BATCH_MAX];
	struct fog_cell_key former; /* of the last job only */
	unsigned count;
};

static void run(struct jobs *j)
{
	fog_cell_encrypt_many(j->job, j->count);
	j->count = 0;
}

/* Slot and key of a row, in that order. False: dropped. */
static bool gather(struct fog_worker *w, struct fog_batch *b, u32 i, struct jobs *j)
{
	struct fog_half *h = b->half[i];
	const u8 *in = b->cell[i] + FOG_CELL_HEADER_SIZE;

	if (b->slot[i] == NULL) {
		b->slot[i] = fog_slot_take(w);
		if (b->slot[i] == NULL)
			return false;
	}
	u8 *out = fog_slot_body(b->slot[i]);
	if (h->plain) {
		if (in != out)
			memcpy(out, in, FOG_BODY_SIZE);
		return true;
	}
	/* Moving on a generation overwrites a key that earlier rows may still need. */
	if (fog_half_ratchets(h, b->head[i].sequence))
		run(j);
	const struct fog_cell_key *key = fog_half_use_key(h, b->head[i].sequence, &j->former);
	if (key == NULL) {
		fog_drop(w, FOG_DROP_SEQUENCE);
		fog_slot_give(w, b->slot[i]);
		return false;
	}
	struct fog_cell_job *job = &j->job[j->count++];
	job->key = key;
	job->in = in;
	job->out = out;
	job->sequence = b->head[i].sequence;
	job->direction = h->direction;
	job->command = FOG_CELL_DATA;
	if (key == &j->former) {
		run(j);
		fog_cell_key_wipe(&j->former);
	}
	return true;
}

void fog_stage_crypt(struct fog_worker *w, struct fog_batch *b)
{
	struct jobs jobs;
	u32 kept = 0;

	jobs.count = 0;
	for (u32 k = 0; k < b->data_count; k++) {
		u32 i = b->data[k];
		if (gather(w, b, i, &jobs))
			b->data[kept++] = (u8)i;
	}
	b->data_count = kept;
	fog_lap(w, &w->counts.cycles_crypt);
	run(&jobs);
	fog_lap(w, &w->counts.cycles_crypt_cipher);
}
