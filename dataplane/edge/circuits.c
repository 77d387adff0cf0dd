/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/circuits.h"

#include <errno.h>

#include "dataplane/edge/edge.h"

#define PLACE_BITS 8
_Static_assert(FOG_CIRCUITS_MAX == 1 << PLACE_BITS, "handles name places");

const char *fog_line_state_name(const struct fog_line *l)
{
	return l->circuit.state == FOG_CIRCUIT_OPEN ? "open" : "building";
}

struct fog_line *fog_line_find(struct fog_edge *e, u32 handle)
{
	struct fog_line *l = e->circuits.table[handle % FOG_CIRCUITS_MAX];

	return l != NULL && l->circuit.handle == handle ? l : NULL;
}

/* Out of the table and out of memory. */
static void line_free(struct fog_line *l)
{
	struct fog_circuits *t = &l->edge->circuits;

	if (t->staged == l) {
		t->staged = NULL;
		t->staged_count = 0;
	}
	ev_timer_stop(l->edge->loop, &l->timer);
	t->table[l->circuit.handle % FOG_CIRCUITS_MAX] = NULL;
	t->count--;
	fog_circuit_wipe(&l->circuit);
	free(l);
}

static void cell_push(struct fog_line *l, bool control, const u8 *cell)
{
	/* Full beyond the reserve: the cell is lost like any datagram; timeouts find out. */
	(void)fog_edge_ring_push(&l->edge->ring, FOG_EDGE_CELL, control, l->circuit.handle, 0, cell,
				 FOG_CELL_SIZE);
}

static void line_ended(struct fog_line *l, const struct fog_circuit_event *event)
{
	struct fog_edge *e = l->edge;

	fog_control_circuit(&e->control, l, event->type == FOG_CIRCUIT_ENDED ? "closed" : "failed",
			    fog_circuit_reason_name(event->reason));
	l->ops->ended(l, event->reason, event->hop);
	line_free(l);
}

static void timer_update(struct fog_line *l)
{
	u64 deadline = fog_circuit_deadline(&l->circuit);
	u64 now = fog_edge_now();

	ev_timer_stop(l->edge->loop, &l->timer);
	if (deadline == UINT64_MAX)
		return;
	ev_timer_set(&l->timer, deadline > now ? (double)(deadline - now) / 1e9 : 0., 0.);
	ev_timer_start(l->edge->loop, &l->timer);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct fog_line *l = w->data;
	struct fog_circuit_event event;
	u8 cell[FOG_CELL_SIZE];

	if (fog_circuit_expire(&l->circuit, fog_edge_now(), &event, cell) == 0) {
		timer_update(l);
		return;
	}
	cell_push(l, true, cell);
	if (event.type == FOG_CIRCUIT_NOTHING)
		timer_update(l);
	else
		line_ended(l, &event);
}

static int place_find(struct fog_circuits *t, u32 *handle)
{
	if (t->count == FOG_CIRCUITS_MAX)
		return -EMFILE;
	do {
		t->serial++;
		*handle = (u32)t->serial & 0x7fffffff;
	} while (t->table[*handle % FOG_CIRCUITS_MAX] != NULL || *handle == 0);
	return 0;
}

int fog_line_open(struct fog_edge *e, struct fog_line **out, const struct fog_circuit_hop *path,
		  unsigned hops, const char *purpose, const struct fog_line_ops *ops, void *user)
{
	struct fog_circuits *t = &e->circuits;
	u8 cell[FOG_CELL_SIZE];
	u32 handle;

	if (!e->ring.up)
		return -ENOTCONN;
	int rc = place_find(t, &handle);
	if (rc != 0)
		return rc;
	struct fog_line *l = aligned_alloc(FOG_CACHELINE, sizeof(*l));
	if (l == NULL)
		return -ENOMEM;
	memset(l, 0, sizeof(*l));
	rc = fog_circuit_init(&l->circuit, handle, path, hops, &e->rng);
	if (rc == 0)
		rc = fog_circuit_start(&l->circuit, fog_edge_now(), cell) == 0 ? 0 : -EINVAL;
	if (rc != 0) {
		fog_circuit_wipe(&l->circuit);
		free(l);
		return rc;
	}
	l->edge = e;
	l->ops = ops;
	l->user = user;
	l->purpose = purpose;
	l->serial = t->serial;
	l->created_ns = fog_edge_now();
	ev_init(&l->timer, on_timer);
	l->timer.data = l;
	t->table[handle % FOG_CIRCUITS_MAX] = l;
	t->count++;
	cell_push(l, true, cell);
	timer_update(l);
	*out = l;
	return 0;
}

void fog_line_close(struct fog_line *l, enum fog_reason reason)
{
	u8 cell[FOG_CELL_SIZE];

	if (l->edge->circuits.staged == l)
		fog_circuits_flush(l->edge);
	fog_control_circuit(&l->edge->control, l, "closed", fog_circuit_reason_name(reason));
	if (fog_circuit_close(&l->circuit, reason, cell) != 0)
		cell_push(l, true, cell);
	line_free(l);
}

/* ---- sending ------------------------------------------------------------------------------ */

void fog_circuits_flush(struct fog_edge *e)
{
	struct fog_circuits *t = &e->circuits;
	static u8 cells[FOG_CIRCUIT_BATCH][FOG_CELL_SIZE]; /* the loop's thread only */
	struct fog_circuit_payload payloads[FOG_CIRCUIT_BATCH];
	u8 *at[FOG_CIRCUIT_BATCH];
	struct fog_line *l = t->staged;
	unsigned count = t->staged_count;

	t->staged = NULL;
	t->staged_count = 0;
	if (l == NULL || count == 0)
		return;
	for (unsigned i = 0; i < count; i++) {
		payloads[i] = (struct fog_circuit_payload){t->staged_data[i], t->staged_size[i]};
		at[i] = cells[i];
		l->bytes_tx += t->staged_size[i];
	}
	if (fog_circuit_send_many(&l->circuit, payloads, count, at) != 0)
		return; /* closed meanwhile: lost like any datagram */
	for (unsigned i = 0; i < count; i++)
		cell_push(l, false, cells[i]);
}

void fog_line_send(struct fog_line *l, const u8 *data, size_t size)
{
	struct fog_circuits *t = &l->edge->circuits;

	FOG_ASSERT(size != 0 && size <= FOG_MSG_PAYLOAD_MAX);
	if (t->staged != l)
		fog_circuits_flush(l->edge);
	t->staged = l;
	memcpy(t->staged_data[t->staged_count], data, size);
	t->staged_size[t->staged_count++] = (u16)size;
	if (t->staged_count == FOG_CIRCUIT_BATCH)
		fog_circuits_flush(l->edge);
}

/* ---- receiving ---------------------------------------------------------------------------- */

static void line_built(struct fog_line *l)
{
	l->built_ns = fog_edge_now();
	fog_control_circuit(&l->edge->control, l, "built", "");
	l->ops->built(l);
}

void fog_circuits_receive(struct fog_edge *e, struct fog_edge_slot *slots, unsigned count)
{
	struct fog_circuit_event events[FOG_CIRCUIT_BATCH];
	u8 *cells[FOG_CIRCUIT_BATCH];
	u8 reply[FOG_CELL_SIZE];
	u32 handle = slots[0].handle;
	struct fog_line *l = fog_line_find(e, handle);

	FOG_ASSERT(count <= FOG_CIRCUIT_BATCH);
	if (l == NULL) {
		e->circuits.dropped += count;
		return;
	}
	for (unsigned i = 0; i < count; i++)
		cells[i] = slots[i].data;
	u64 now = fog_edge_now();
	if (fog_circuit_receive_many(&l->circuit, now, cells, count, events, reply) != 0)
		cell_push(l, true, reply);
	for (unsigned i = 0; i < count; i++) {
		switch (events[i].type) {
		case FOG_CIRCUIT_BUILT:
			line_built(l);
			break;
		case FOG_CIRCUIT_DATAGRAM:
			l->bytes_rx += events[i].length;
			l->ops->datagram(l, events[i].payload, events[i].length);
			break;
		case FOG_CIRCUIT_FAILED:
		case FOG_CIRCUIT_ENDED:
			line_ended(l, &events[i]);
			return;
		}
		/* The owner may have closed it. */
		if (fog_line_find(e, handle) != l)
			return;
	}
	timer_update(l);
}

void fog_circuits_lost(struct fog_edge *e)
{
	static const struct fog_circuit_event event = {
		.type = FOG_CIRCUIT_ENDED, .reason = FOG_REASON_LINK_LOST, .hop = FOG_HOPS_MAX};

	for (unsigned i = 0; i < FOG_CIRCUITS_MAX; i++) {
		struct fog_line *l = e->circuits.table[i];

		if (l != NULL)
			line_ended(l, &event);
	}
}
