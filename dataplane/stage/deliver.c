/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a cell goes after its layer. In: slot[] of data[]. Out: slots with the owners of the links
 * they leave by; messages for this hop dispatched.
 * Thread: owner of the half. */
#include "dataplane/worker/worker.h"

static void relay(struct fog_worker *w, struct fog_half *h, const struct fog_cell_head *in,
		  struct fog_slot *s)
{
	const struct fog_cell_head out = {
		.id = h->twin_id,
		.command = FOG_CELL_DATA,
		.sequence = in->sequence,
	};

	if (h->direction == FOG_CELL_FORWARD)
		w->counts.cells_forward++;
	else
		w->counts.cells_backward++;
	memcpy(fog_slot_cell(s), &out, sizeof(out));
	s->kind = FOG_SLOT_CELL;
	s->link = h->twin_link;
	s->id = h->twin_id;
	s->from_link = h->link;
	s->from_id = h->id;
	(void)fog_slot_send(w, fog_worker_of(w->dp, s->link, s->id), s);
}

/* A cell that should have ended here does not: somebody on the way altered it. */
static void tagged(struct fog_worker *w, struct fog_half *h, struct fog_slot *s)
{
	fog_drop(w, FOG_DROP_INTEGRITY);
	fog_event(w, FOG_EVENT_CIRCUIT_TAGGED, FOG_REASON_INTEGRITY, h->link, h->id, 0, NULL);
	fog_slot_give(w, s);
	fog_half_close(w, h, FOG_REASON_INTEGRITY, true);
}

void fog_stage_deliver(struct fog_worker *w, struct fog_batch *b)
{
	for (u32 k = 0; k < b->data_count; k++)
		__builtin_prefetch(b->half[b->data[k]]);
	for (u32 k = 0; k < b->data_count; k++) {
		u32 i = b->data[k];
		struct fog_half *h = b->half[i];
		struct fog_slot *s = b->slot[i];
		if (h->state != FOG_HALF_OPEN) {
			/* An earlier row of this batch closed it. */
			fog_drop(w, FOG_DROP_CIRCUIT);
			fog_slot_give(w, s);
			continue;
		}
		if (!h->data_seen) {
			h->data_seen = true;
			fog_pending_free(w, h);
		}
		if (h->plain || h->direction == FOG_CELL_BACKWARD) {
			relay(w, h, &b->head[i], s);
		} else if (fog_cell_recognized(fog_slot_body(s))) {
			w->counts.cells_forward++;
			fog_message_dispatch(w, h, s);
		} else if (h->twin_link == FOG_LINK_TERMINUS) {
			tagged(w, h, s);
		} else {
			/* The client speaks to a later hop: it has our EXTENDED. */
			if (h->end_handle != 0)
				fog_relay_extend_done(w, h);
			relay(w, h, &b->head[i], s);
		}
	}
	b->data_count = 0;
	fog_lap(w, &w->counts.cycles_deliver);
}
