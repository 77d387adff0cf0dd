/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages between a client and the hop a cell ends at.
 * Thread: owner of the half. */
#include "dataplane/worker/worker.h"

#define MESSAGE FOG_BODY_LEFT_SIZE /* offset of the message header in the body */
#define PAYLOAD (FOG_BODY_LEFT_SIZE + FOG_MSG_HEADER_SIZE)

static void datagram(struct fog_worker *w, struct fog_half *h, struct fog_slot *s, u32 length)
{
	u64 epoch = atomic_load_explicit(&w->dp->edge_epoch, memory_order_relaxed);
	struct fog_half *end = fog_half_find(&w->halves, FOG_LINK_TERMINUS, h->twin_id);

	FOG_ASSERT(end != NULL);
	if (!(epoch & 1) || (end->edge_told && end->edge_epoch != epoch)) {
		/* Nobody there, or not the one who was. */
		fog_drop(w, FOG_DROP_NO_EDGE);
		fog_slot_give(w, s);
		fog_half_close(w, h, FOG_REASON_NO_EDGE, true);
		return;
	}
	end->edge_told = true;
	end->edge_epoch = epoch;
	s->kind = FOG_SLOT_DELIVER;
	s->id = h->twin_id;
	s->length = length;
	(void)fog_slot_send(w, FOG_EDGE_WORKER, s);
}

void fog_message_dispatch(struct fog_worker *w, struct fog_half *h, struct fog_slot *s)
{
	const u8 *m = fog_slot_body(s) + MESSAGE;
	u32 length = fog_load_u16(m + 2);
	bool ends_here = h->twin_link == FOG_LINK_TERMINUS;

	if (m[1] != 0 || fog_load_u32(m + 4) != 0 || length > FOG_MSG_PAYLOAD_MAX)
		goto malformed;
	switch (m[0]) {
	case FOG_MSG_EXTEND:
		fog_relay_extend(w, h, m + FOG_MSG_HEADER_SIZE, length);
		fog_slot_give(w, s);
		return;
	case FOG_MSG_DATAGRAM:
		if (!ends_here || length == 0)
			goto malformed;
		datagram(w, h, s, length);
		return;
	case FOG_MSG_DROP:
		fog_drop(w, FOG_DROP_PADDING);
		fog_slot_give(w, s);
		return;
	}
malformed:
	fog_drop(w, FOG_DROP_MESSAGE);
	fog_slot_give(w, s);
}

/* Add a row for a message in a slot, payload in place. Takes the slot. */
static void add_row(struct fog_worker *w, struct fog_half *end, struct fog_slot *s, u8 command,
		    u32 length)
{
	struct fog_batch *b = &w->batch2;
	u8 *body = fog_slot_body(s);

	FOG_ASSERT(length <= FOG_MSG_PAYLOAD_MAX);
	if (b->data_count == FOG_BATCH_MAX)
		fog_batch2_run(w);
	memset(body, 0, PAYLOAD);
	body[MESSAGE] = command;
	fog_store_u16(body + MESSAGE + 2, (u16)length);
	fog_rng_bytes(&w->rng, body + PAYLOAD + length, FOG_MSG_PAYLOAD_MAX - length);

	u32 i = b->data_count++;
	b->data[i] = (u8)i;
	b->link[i] = end->link;
	b->cell[i] = fog_slot_cell(s);
	b->slot[i] = s;
	b->head[i] = (struct fog_cell_head){
		.id = end->id,
		.command = FOG_CELL_DATA,
		.sequence = end->sequence++,
	};
}

int fog_message_originate(struct fog_worker *w, u32 handle, u8 command, const void *payload,
			  u32 length)
{
	struct fog_half *end = fog_half_find(&w->halves, FOG_LINK_TERMINUS, handle);
	FOG_ASSERT(end != NULL);

	struct fog_slot *s = fog_slot_take(w);
	if (s == NULL)
		return -EAGAIN;
	memcpy(fog_slot_body(s) + PAYLOAD, payload, length);
	add_row(w, end, s, command, length);
	return 0;
}

void fog_message_reply(struct fog_worker *w, struct fog_slot *s)
{
	struct fog_half *end = fog_half_find(&w->halves, FOG_LINK_TERMINUS, s->id);

	/* Only circuits the edge was told of, and this edge. */
	if (end == NULL || end->state != FOG_HALF_OPEN || !end->edge_told ||
	    end->edge_epoch != atomic_load_explicit(&w->dp->edge_epoch, memory_order_relaxed)) {
		fog_drop(w, FOG_DROP_CIRCUIT);
		fog_slot_give(w, s);
		return;
	}
	add_row(w, end, s, FOG_MSG_DATAGRAM, s->length);
}

void fog_batch2_run(struct fog_worker *w)
{
	struct fog_batch *b = &w->batch2;

	if (b->data_count == 0)
		return;
	fog_stage_lookup(w, b);
	fog_stage_crypt(w, b);
	fog_stage_deliver(w, b);
	b->data_count = 0;
}
