/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands of the control plane, mark and sweep of what it owns, and telling it again what lives.
 */
#include "dataplane/worker/worker.h"

/* Requests to the slow path that one command, or one swept link, may cause. */
#define SLOW_ROOM 2

static int generation_begin(struct fog_worker *w, const struct fog_command *c)
{
	if (c->generation == 0)
		return -EINVAL;
	w->control.generation = c->generation;
	return 0;
}

static int generation_end(struct fog_worker *w, const struct fog_command *c)
{
	if (c->generation == 0 || c->generation != w->control.generation)
		return -EINVAL;
	w->control.sweep_generation = c->generation;
	w->control.sweep_next = 1;
	return 0;
}

static int circuit_close(struct fog_worker *w, const struct fog_command *c)
{
	if (c->link_id > FOG_LINKS_MAX || c->circuit_id == 0 ||
	    fog_worker_of(w->dp, c->link_id, c->circuit_id) != w->index)
		return -EINVAL;
	struct fog_half *h = fog_half_find(&w->halves, c->link_id, c->circuit_id);
	if (h == NULL || h->state == FOG_HALF_CLOSING)
		return -ENOENT;
	fog_half_close(w, h, FOG_REASON_REQUESTED, true);
	return 0;
}

static int apply(struct fog_worker *w, const struct fog_command *c)
{
	if (c->seq != w->control.command_seq || c->flags != 0)
		return -EBADMSG;
	switch (c->type) {
	case FOG_COMMAND_GENERATION_BEGIN:
		return generation_begin(w, c);
	case FOG_COMMAND_GENERATION_END:
		return generation_end(w, c);
	case FOG_COMMAND_LINK_SET:
		return fog_link_set(w, c);
	case FOG_COMMAND_LINK_DELETE:
		if (c->link_id == 0 || c->link_id > FOG_LINKS_MAX)
			return -EINVAL;
		if (w->links[c->link_id].id == 0)
			return -ENOENT;
		fog_link_delete(w, &w->links[c->link_id]);
		return 0;
	case FOG_COMMAND_CIRCUIT_CLOSE:
		return circuit_close(w, c);
	default:
		return -EOPNOTSUPP;
	}
}

unsigned fog_commands(struct fog_worker *w)
{
	struct fog_control_port *p = &w->control;
	struct fog_command c;
	unsigned n = 0;

	if (p->region == NULL)
		return 0;
	while (n < FOG_COMMAND_BURST && fog_ring_room(&w->slow_request, SLOW_ROOM) >= SLOW_ROOM &&
	       fog_ring_pop(&p->commands, &c) == 0) {
		n++;
		p->command_seq++;
		int rc = apply(w, &c);
		if (rc == 0) {
			w->counts.commands_applied++;
			continue;
		}
		w->counts.commands_rejected++;
		fog_event(w, FOG_EVENT_COMMAND_REJECTED, (u16)-rc, c.link_id, c.circuit_id,
			  p->command_seq, NULL);
	}
	if (n > 0)
		atomic_store_explicit(&w->status->applied_seq, p->command_seq,
				      memory_order_release);
	return n;
}

void fog_sweep(struct fog_worker *w)
{
	struct fog_control_port *p = &w->control;

	if (p->sweep_next == 0)
		return;
	for (unsigned n = 0; n < FOG_SWEEP_BURST && p->sweep_next <= FOG_LINKS_MAX; n++) {
		struct fog_link *l = &w->links[p->sweep_next];
		if (fog_ring_room(&w->slow_request, SLOW_ROOM) < SLOW_ROOM)
			return;
		if (l->id != 0 && l->generation != p->sweep_generation)
			fog_link_delete(w, l);
		p->sweep_next++;
	}
	if (p->sweep_next <= FOG_LINKS_MAX)
		return;
	p->sweep_next = 0;
	p->announce_next = 1;
	atomic_store_explicit(&w->status->generation, p->sweep_generation, memory_order_release);
	fog_event(w, FOG_EVENT_SWEPT, 0, 0, 0, p->sweep_generation, NULL);
}

void fog_announce(struct fog_worker *w)
{
	struct fog_control_port *p = &w->control;
	struct fog_half_table *t = &w->halves;

	if (p->announce_next == 0 || p->region == NULL)
		return;
	/* Half of the ring stays free for news. */
	for (unsigned n = 0; n < FOG_ANNOUNCE_BURST && p->announce_next <= t->fresh; n++) {
		const struct fog_half *h = &t->halves[p->announce_next - 1];
		if (fog_ring_room(&p->events, FOG_EVENT_RING_COUNT / 2) < FOG_EVENT_RING_COUNT / 2)
			return;
		if (h->state == FOG_HALF_OPEN && h->direction == FOG_CELL_FORWARD)
			fog_event(w, FOG_EVENT_CIRCUIT_OPENED, 0, h->link, h->id, 0, NULL);
		p->announce_next++;
	}
	if (p->announce_next > t->fresh)
		p->announce_next = 0;
}
