/* SPDX-License-Identifier: BSD-3-Clause */
/* Housekeeping of a worker, at random intervals: commands, policy, timers, counters, heartbeat.
 * Each step does a bounded amount of work. */
#include <unistd.h>

#include "dataplane/worker/worker.h"

void fog_event(struct fog_worker *w, enum fog_event_type type, u16 reason, u32 link, u32 circuit,
	       u64 value, const u8 *node_id)
{
	struct fog_control_port *p = &w->control;
	struct fog_event e = {
		.type = type,
		.reason = reason,
		.link_id = link,
		.circuit_id = circuit,
		.value = value,
	};

	if (p->region == NULL) {
		w->counts.events_lost++;
		return;
	}
	e.seq = ++p->event_seq;
	if (node_id != NULL)
		memcpy(e.node_id, node_id, sizeof(e.node_id));
	if (fog_ring_push(&p->events, &e) < 0)
		w->counts.events_lost++;
	else
		p->notify = true;
}

static void write_fd(int fd)
{
	const u64 one = 1;

	if (fd > 0) {
		ssize_t n = write(fd, &one, sizeof(one));
		(void)n; /* EAGAIN: readable already; anything else: the peer is gone */
	}
}

void fog_wake_others(struct fog_worker *w)
{
	if (w->control.notify) {
		w->control.notify = false;
		if (w->control.region != NULL && fog_ring_wants_wake(&w->control.events))
			write_fd(w->dp->config.notify_fd);
	}
	if (w->edge.notify) {
		w->edge.notify = false;
		if (w->edge.tx_region != NULL && fog_ring_wants_wake(&w->edge.to))
			write_fd(w->edge.notify_fd);
	}
	if (w->mix_pushed) {
		w->mix_pushed = false;
		if (w->dp->threaded && fog_ring_wants_wake(&w->mix_request))
			write_fd(w->dp->mix_wake_fd);
	}
	if (w->slow_pushed) {
		w->slow_pushed = false;
		if (w->dp->threaded && fog_ring_wants_wake(&w->slow_request))
			write_fd(w->dp->slow_wake_fd);
	}
}

/* The regions of others are mapped read-only; a ring handle only reads them. */
#define WRITABLE(p) ((void *)(uintptr_t)(p))

void fog_control_adopt(struct fog_worker *w)
{
	struct fog_control_port *p = &w->control;
	struct fog_data_region *d = w->dp->region;
	const struct fog_control_region *c = w->dp->control_region;
	u32 i = w->index;

	memset(p, 0, sizeof(*p));
	w->policy_seq = 0;
	p->region = c;
	p->attachment = w->dp->control_attachment;
	atomic_store_explicit(&d->command_tail[i].tail, 0, memory_order_relaxed);
	atomic_store_explicit(&d->command_tail[i].waiting, 0, memory_order_relaxed);
	atomic_store_explicit(&d->event_head[i].head, 0, memory_order_relaxed);
	atomic_store_explicit(&w->status->applied_seq, 0, memory_order_relaxed);
	atomic_store_explicit(&w->status->snapshot_seen, 0, memory_order_relaxed);
	atomic_store_explicit(&w->status->generation, 0, memory_order_relaxed);
	if (c != NULL) {
		fog_ring_consumer(&p->commands, WRITABLE(&c->command_head[i]), &d->command_tail[i],
				  WRITABLE(c->commands[i]), FOG_COMMAND_RING_COUNT,
				  sizeof(struct fog_command));
		fog_ring_producer(&p->events, &d->event_head[i], WRITABLE(&c->event_tail[i]),
				  d->events[i], FOG_EVENT_RING_COUNT, sizeof(struct fog_event));
	}
	/* pairs with the acquire in fog_attachment_ready() */
	atomic_store_explicit(&w->status->attachment, p->attachment, memory_order_release);
	if (c != NULL && i == FOG_EDGE_WORKER && fog_edge_attached(w))
		fog_event(w, FOG_EVENT_EDGE_UP, 0, 0, 0, 0, NULL);
}

void fog_take_offers(struct fog_worker *w)
{
	/* pairs with the release in fog_dp_attach_control() */
	u64 offer = atomic_load_explicit(&w->dp->control_offer, memory_order_acquire);
	if (offer != atomic_load_explicit(&w->control_taken, memory_order_relaxed)) {
		fog_control_adopt(w);
		/* pairs with the acquire in wait_taken(), dp.c */
		atomic_store_explicit(&w->control_taken, offer, memory_order_release);
	}
	offer = atomic_load_explicit(&w->dp->edge_offer, memory_order_acquire);
	if (offer != atomic_load_explicit(&w->edge_taken, memory_order_relaxed)) {
		if (w->index == FOG_EDGE_WORKER)
			fog_edge_adopt(w);
		atomic_store_explicit(&w->edge_taken, offer, memory_order_release);
	}
}

static void copy_policy(struct fog_worker *w)
{
	const struct fog_control_region *c = w->control.region;

	if (c == NULL)
		return;
	u64 seq = atomic_load_explicit(&c->snapshot.sequence, memory_order_relaxed);
	if (seq == 0 || seq == w->policy_seq)
		return;
	struct fog_snapshot s;
	seq = fog_snapshot_read(&c->snapshot, &s);
	if (seq == 0)
		return; /* being written: next time */
	w->policy = s;
	w->policy_seq = seq;
	w->policy_known = true;
	atomic_store_explicit(&w->status->snapshot_seen, seq, memory_order_release);
}

void fog_counts_publish(struct fog_worker *w)
{
	struct fog_counts *c = &w->counts;

	c->circuits_live = w->halves.live;
	c->mix_cells = w->mix.count;
	c->slab_free = w->slab.free_count;
	c->ticks = w->lap;
#define X(name, unit, help) \
	atomic_store_explicit(&w->counters->name, c->name, memory_order_relaxed);
#include "dataplane/abi/counters.def"
#undef X
	for (unsigned d = 0; d < FOG_DROP_COUNT; d++) {
		u64 v = c->drops[d];
		/* What the slow path counts is reported by worker 0. */
		if (w->index == 0)
			v += atomic_load_explicit(&w->dp->slow.drops[d], memory_order_relaxed) +
			     atomic_load_explicit(&w->dp->mixnet.counts.drops[d],
						  memory_order_relaxed);
		atomic_store_explicit(&w->counters->drops[d], v, memory_order_relaxed);
	}
	if (w->index != 0)
		return;
	fog_mixport_counts(w);
	atomic_store_explicit(
		&w->counters->handshakes_link,
		atomic_load_explicit(&w->dp->slow.handshakes_link, memory_order_relaxed),
		memory_order_relaxed);
	atomic_store_explicit(
		&w->counters->handshakes_circuit,
		atomic_load_explicit(&w->dp->slow.handshakes_circuit, memory_order_relaxed),
		memory_order_relaxed);
}

void fog_housekeep(struct fog_worker *w)
{
	w->wake_housekeeping = false;
	fog_take_offers(w);
	copy_policy(w);
	fog_commands(w);
	fog_sweep(w);
	fog_announce(w);
	for (u32 i = w->active_count; i-- > 0;)
		fog_link_tick(w, &w->links[w->active[i]]);
	fog_neighbours_tell(w);
	fog_mixport_tick(w);
	fog_pending_tick(w);
	fog_closing_tick(w);
	fog_losing_tick(w);
	fog_idle_scan(w);
	fog_edge_sweep(w);
	if (w->index == FOG_EDGE_WORKER)
		fog_edge_backlog_tick(w);
	w->strays_left = FOG_STRAY_BURST;
	w->address_hunts = 1;
	w->tick_ns = w->now + FOG_TICK_MIN_NS +
		     fog_rng_below(&w->rng, FOG_TICK_MAX_NS - FOG_TICK_MIN_NS);
	w->idle_tick_ns = w->now + FOG_IDLE_TICK_MIN_NS + fog_rng_below(&w->rng, FOG_IDLE_TICK_NS);
	if (w->ops->drops != NULL)
		w->ops->drops(w->io, w->counts.drops);
	fog_lap(w, &w->counts.cycles_housekeeping);
	fog_counts_publish(w);
	atomic_store_explicit(&w->status->heartbeat_ns, w->now, memory_order_relaxed);
}
