/* SPDX-License-Identifier: BSD-3-Clause */
/* The rings of the local edge. Thread: the worker that serves it. */
#include "dataplane/worker/worker.h"

/* Offset of a DATAGRAM's payload in the body, both ways. */
#define PAYLOAD (FOG_BODY_LEFT_SIZE + FOG_MSG_HEADER_SIZE)
/* The regions of others are mapped read-only; a ring handle only reads them. */
#define WRITABLE(p) ((void *)(uintptr_t)(p))

void fog_edge_adopt(struct fog_worker *w)
{
	struct fog_edge_port *p = &w->edge;
	const struct fog_edge_tx_region *tx = w->dp->edge_tx;
	struct fog_edge_rx_region *rx = w->dp->edge_rx;
	u64 epoch = atomic_load_explicit(&w->dp->edge_epoch, memory_order_relaxed);
	bool was = p->tx_region != NULL;

	memset(p, 0, sizeof(*p));
	if (tx != NULL) {
		p->tx_region = tx;
		p->notify_fd = w->dp->edge_notify_fd;
		atomic_store_explicit(&rx->rx_head.head, 0, memory_order_relaxed);
		atomic_store_explicit(&rx->tx_tail.tail, 0, memory_order_relaxed);
		fog_ring_consumer(&p->from, WRITABLE(&tx->tx_head), &rx->tx_tail,
				  WRITABLE(tx->slots), FOG_EDGE_RING_COUNT,
				  sizeof(struct fog_edge_slot));
		fog_ring_producer(&p->to, &rx->rx_head, WRITABLE(&tx->rx_tail), rx->slots,
				  FOG_EDGE_RING_COUNT, sizeof(struct fog_edge_slot));
	}
	/* A new epoch in any case: what belonged to the former edge is closed. Odd = attached. */
	epoch = tx != NULL ? (epoch | 1) + 2 : (epoch | 1) + 1;
	atomic_store_explicit(&w->dp->edge_epoch, epoch, memory_order_relaxed);
	if (was)
		fog_event(w, FOG_EVENT_EDGE_DOWN, 0, 0, 0, 0, NULL);
	if (tx != NULL)
		fog_event(w, FOG_EVENT_EDGE_UP, 0, 0, 0, 0, NULL);
}

static void close_stale(struct fog_worker *w, struct fog_half *h, u64 epoch)
{
	bool client = h->link == FOG_LINK_EDGE;
	bool terminus = h->link == FOG_LINK_TERMINUS && h->edge_told;

	if (h->state == FOG_HALF_FREE || h->state == FOG_HALF_CLOSING)
		return;
	if ((client || terminus) && h->edge_epoch != epoch)
		fog_half_close(w, h, FOG_REASON_NO_EDGE, false);
}

void fog_edge_sweep(struct fog_worker *w)
{
	u64 epoch = atomic_load_explicit(&w->dp->edge_epoch, memory_order_relaxed);
	struct fog_half_table *t = &w->halves;

	if (epoch != w->edge_epoch) {
		w->edge_epoch = epoch;
		w->edge_sweep = 1;
	}
	if (w->edge_sweep == 0)
		return;
	for (u32 n = 0; n < FOG_SCAN_BURST && w->edge_sweep <= t->fresh; n++)
		close_stale(w, &t->halves[w->edge_sweep++ - 1], epoch);
	if (w->edge_sweep > t->fresh)
		w->edge_sweep = 0;
}

/* ---- from the edge ------------------------------------------------------------------------ */

static enum fog_drop take_cell(struct fog_worker *w, struct fog_slot *s, u32 handle)
{
	struct fog_batch *b = &w->batch2;
	struct fog_cell_head h;

	memcpy(&h, fog_slot_cell(s), sizeof(h));
	if (handle == 0 || (handle & FOG_CIRCUIT_ID_HIGH) != 0 || h.id != handle || h.flags != 0 ||
	    h.zero != 0)
		return FOG_DROP_EDGE_FORMAT;
	switch (h.command) {
	case FOG_CELL_CREATE_VIA:
		fog_relay_via(w, handle, fog_slot_body(s));
		break;
	case FOG_CELL_DESTROY:
		fog_relay_destroyed(w, FOG_LINK_EDGE, handle, fog_slot_body(s)[0]);
		break;
	case FOG_CELL_DATA: {
		if (b->data_count == FOG_BATCH_MAX)
			fog_batch2_run(w);
		u32 i = b->data_count++;
		b->data[i] = (u8)i;
		b->link[i] = FOG_LINK_EDGE;
		b->cell[i] = fog_slot_cell(s);
		b->slot[i] = s;
		b->head[i] = h;
		return FOG_DROP_COUNT; /* taken */
	}
	default:
		return FOG_DROP_EDGE_FORMAT;
	}
	fog_slot_give(w, s);
	return FOG_DROP_COUNT;
}

static void hand_to_owner(struct fog_worker *w, struct fog_slot *s, u32 handle, u8 kind)
{
	u32 owner = fog_worker_of(w->dp, FOG_LINK_TERMINUS, handle);

	if (owner >= w->dp->workers) {
		fog_drop(w, FOG_DROP_CIRCUIT);
		fog_slot_give(w, s);
		return;
	}
	s->kind = kind;
	s->link = FOG_LINK_TERMINUS;
	s->id = handle;
	(void)fog_slot_send(w, owner, s);
}

/* One slot of the edge, read once into ours; s is taken. */
static void take_one(struct fog_worker *w, const struct fog_edge_slot *from, struct fog_slot *s)
{
	/* Each field once: the edge may change its memory while we look. */
	const volatile struct fog_edge_slot *f = from;
	const u32 handle = f->handle, length = f->length;
	const u8 kind = f->kind, reason = f->reason;
	const u64 epoch = f->epoch;
	enum fog_drop d = FOG_DROP_EDGE_FORMAT;

	switch (kind) {
	case FOG_EDGE_CELL:
		if (length != FOG_CELL_SIZE)
			break;
		memcpy(fog_slot_cell(s), from->data, FOG_CELL_SIZE);
		d = take_cell(w, s, handle);
		break;
	case FOG_EDGE_DATAGRAM:
		if (length == 0 || length > FOG_MSG_PAYLOAD_MAX)
			break;
		s->length = length;
		memcpy(fog_slot_body(s) + PAYLOAD, from->data, length);
		hand_to_owner(w, s, handle, FOG_SLOT_PAYLOAD);
		return;
	case FOG_EDGE_MIX:
		if (length != FOG_BODY_SIZE)
			break;
		memcpy(fog_slot_body(s), from->data, FOG_BODY_SIZE);
		memcpy(s->data, from->node, 32);
		fog_mixport_submit(w, s->data, epoch, fog_slot_body(s));
		fog_slot_give(w, s);
		return;
	case FOG_EDGE_CLOSE:
		s->reason = reason <= FOG_REASON_TIMEOUT ? reason : FOG_REASON_REQUESTED;
		s->value = 1; /* from outside: the edge need not be told */
		hand_to_owner(w, s, handle, FOG_SLOT_CLOSE);
		return;
	}
	if (d != FOG_DROP_COUNT) {
		fog_drop(w, d);
		fog_slot_give(w, s);
	}
}

unsigned fog_edge_take(struct fog_worker *w)
{
	struct fog_edge_port *p = &w->edge;
	unsigned n = 0;

	if (p->tx_region == NULL)
		return 0;
	u32 ready = FOG_MIN(fog_ring_ready(&p->from), FOG_EDGE_BURST);
	/* Without slots the cells wait in the edge's ring. */
	ready = FOG_MIN(ready, w->slab.free_count / 2);
	for (; n < ready; n++) {
		struct fog_slot *s = fog_slot_take(w);
		if (s == NULL)
			break;
		take_one(w, fog_ring_peek(&p->from, n), s);
	}
	if (n > 0)
		fog_ring_release(&p->from, n);
	w->counts.cells_edge_rx += n;
	return n;
}

/* ---- to the edge -------------------------------------------------------------------------- */

static int give(struct fog_worker *w, u32 handle, u8 kind, u8 reason, const u8 *data, u32 length)
{
	struct fog_edge_port *p = &w->edge;

	if (fog_ring_free(&p->to) == 0)
		return -EAGAIN;
	struct fog_edge_slot *out = fog_ring_slot(&p->to, 0);
	out->handle = handle;
	out->kind = kind;
	out->reason = reason;
	out->length = (u16)length;
	memcpy(out->data, data, length);
	fog_ring_publish(&p->to, 1);
	p->notify = true;
	w->counts.cells_edge_tx++;
	return 0;
}

static bool attached_for(struct fog_worker *w, u32 link, u32 id, const struct fog_slot *s)
{
	if (w->edge.tx_region == NULL) {
		fog_drop(w, FOG_DROP_NO_EDGE);
		return false;
	}
	if (link != FOG_LINK_EDGE || s->from_link == FOG_LINK_EDGE)
		return true;
	/* The circuit may have gone, and its handle been used again, while the cell was on its way.
	 */
	const struct fog_half *h = fog_half_find(&w->halves, link, id);
	if (h != NULL && h->twin_link == s->from_link && h->twin_id == s->from_id)
		return true;
	fog_drop(w, FOG_DROP_CIRCUIT);
	return false;
}

void fog_edge_give_cell(struct fog_worker *w, const struct fog_slot *s)
{
	if (!attached_for(w, FOG_LINK_EDGE, s->id, s))
		return;
	if (give(w, s->id, FOG_EDGE_CELL, 0, s->data + FOG_LINK_HEADER_SIZE, FOG_CELL_SIZE) < 0)
		fog_drop(w, FOG_DROP_EDGE_FULL);
}

void fog_edge_give_datagram(struct fog_worker *w, const struct fog_slot *s)
{
	if (!attached_for(w, FOG_LINK_TERMINUS, s->id, s))
		return;
	const u8 *body = s->data + FOG_LINK_HEADER_SIZE + FOG_CELL_HEADER_SIZE;
	if (give(w, s->id, FOG_EDGE_DATAGRAM, 0, body + PAYLOAD, s->length) < 0)
		fog_drop(w, FOG_DROP_EDGE_FULL);
}

void fog_edge_give_mix(struct fog_worker *w, const struct fog_mix_msg *m)
{
	struct fog_edge_port *p = &w->edge;

	if (p->tx_region == NULL) {
		fog_drop(w, FOG_DROP_NO_EDGE);
		return;
	}
	if (fog_ring_free(&p->to) == 0) {
		fog_drop(w, FOG_DROP_EDGE_FULL);
		return;
	}
	struct fog_edge_slot *out = fog_ring_slot(&p->to, 0);
	out->kind = FOG_EDGE_MIX;
	out->handle = ((m->flag & FOG_MIX_FLAG_RECIPIENT) ? FOG_EDGE_MIX_RECIPIENT : 0) |
		      ((m->flag & FOG_MIX_FLAG_SURB) ? FOG_EDGE_MIX_SURB : 0);
	out->reason = 0;
	out->length = (u16)(w->dp->mixnet.geometry.packet - w->dp->mixnet.geometry.header);
	memcpy(out->data, m->body, out->length);
	memcpy(out->node, m->id, sizeof(out->node));
	memcpy(out->surb, m->surb, sizeof(out->surb));
	out->epoch = m->epoch;
	fog_ring_publish(&p->to, 1);
	p->notify = true;
	w->counts.cells_edge_tx++;
}

static int give_gone(struct fog_worker *w, u32 handle, u8 kind, u8 reason)
{
	u8 cell[FOG_CELL_SIZE] = {0};
	const struct fog_cell_head head = {.id = handle, .command = FOG_CELL_DESTROY};

	if (kind == FOG_EDGE_CLOSE)
		return give(w, handle, kind, reason, cell, 0);
	memcpy(cell, &head, sizeof(head));
	cell[FOG_CELL_HEADER_SIZE] = reason;
	return give(w, handle, kind, reason, cell, FOG_CELL_SIZE);
}

void fog_edge_give_gone(struct fog_worker *w, u32 handle, u8 kind, u8 reason)
{
	struct fog_edge_port *p = &w->edge;

	if (p->tx_region == NULL)
		return;
	if (p->backlog_count == 0 && give_gone(w, handle, kind, reason) == 0)
		return;
	if (p->backlog_count == FOG_EDGE_BACKLOG) {
		fog_drop(w, FOG_DROP_EDGE_FULL);
		return;
	}
	p->backlog[p->backlog_count].handle = handle;
	p->backlog[p->backlog_count].kind = kind;
	p->backlog[p->backlog_count].reason = reason;
	p->backlog_count++;
}

void fog_edge_backlog_tick(struct fog_worker *w)
{
	struct fog_edge_port *p = &w->edge;
	u32 n = 0;

	while (n < p->backlog_count &&
	       give_gone(w, p->backlog[n].handle, p->backlog[n].kind, p->backlog[n].reason) == 0)
		n++;
	if (n == 0)
		return;
	p->backlog_count -= n;
	memmove(p->backlog, p->backlog + n, p->backlog_count * sizeof(p->backlog[0]));
}
