/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots between workers: staged, published in bulk, sent home in bulk. A worker sends to itself by
 * the same ring, so that one worker and many run the same code. */
#include <unistd.h>

#include "dataplane/worker/worker.h"

static void flush(struct fog_worker *w, u32 to, struct fog_outbox *o, bool wake)
{
	if (o->staged == 0)
		return;
	fog_ring_publish(&o->ring, o->staged);
	o->staged = 0;
	if (wake && to != w->index && fog_ring_wants_wake(&o->ring)) {
		const u64 one = 1;
		ssize_t n = write(w->dp->worker[to]->wake_fd, &one, sizeof(one));
		(void)n; /* EAGAIN: it is readable already */
	}
}

void fog_outbox_flush(struct fog_worker *w)
{
	for (u32 i = 0; i < w->dp->workers; i++) {
		flush(w, i, &w->out[i], w->dp->threaded);
		flush(w, i, &w->home[i], false);
	}
}

static void take_home(struct fog_worker *w)
{
	for (u32 i = 0; i < w->dp->workers; i++) {
		struct fog_slot *s;
		if (i == w->index)
			continue;
		while (fog_ring_pop(&w->back[i], &s) == 0)
			fog_slab_give(&w->slab, s);
	}
}

/* Datagrams another worker received for our sessions: a batch like one from the network. */
static void run_frames(struct fog_worker *w, struct fog_slot **slots, u32 count)
{
	struct fog_batch *b = &w->batch;

	b->count = count;
	for (u32 i = 0; i < count; i++) {
		b->frame[i].data = slots[i]->data;
		b->frame[i].length = FOG_DGRAM_SIZE;
		b->frame[i].peer = slots[i]->from;
	}
	fog_pipeline(w, b);
	for (u32 i = 0; i < count; i++)
		fog_slot_give(w, slots[i]);
}

static void dispatch(struct fog_worker *w, struct fog_slot *s)
{
	switch (s->kind) {
	case FOG_SLOT_CELL:
		if (s->link == FOG_LINK_EDGE) {
			fog_edge_give_cell(w, s);
			break;
		}
		fog_stage_mix_insert(w, s);
		return; /* taken */
	case FOG_SLOT_OPEN:
		fog_relay_open_next(w, s);
		break;
	case FOG_SLOT_OPENED:
		fog_relay_opened(w, s);
		break;
	case FOG_SLOT_CLOSE:
		fog_relay_close(w, s);
		break;
	case FOG_SLOT_IDLE:
		fog_relay_idle(w, s);
		break;
	case FOG_SLOT_PAYLOAD:
		fog_message_reply(w, s);
		return; /* taken */
	case FOG_SLOT_DELIVER:
		fog_edge_give_datagram(w, s);
		break;
	case FOG_SLOT_GONE:
		fog_edge_give_gone(w, s->id, FOG_EDGE_CLOSE, s->reason);
		break;
	case FOG_SLOT_NEIGHBOUR:
		fog_neighbour_learn(w, s);
		break;
	default:
		FOG_UNREACHABLE();
	}
	fog_slot_give(w, s);
}

static inline struct fog_slot *const *slot_at(struct fog_ring *r, u32 ahead)
{
	return fog_ring_peek(r, ahead);
}

unsigned fog_inbox(struct fog_worker *w)
{
	struct fog_slot *frames[FOG_BATCH_MAX];
	unsigned done = 0;

	take_home(w);
	for (u32 i = 0; i < w->dp->workers; i++) {
		u32 frame_count = 0, ready = FOG_MIN(fog_ring_ready(&w->in[i]), FOG_BATCH_MAX);
		for (u32 n = 0; n < ready; n++)
			__builtin_prefetch(*slot_at(&w->in[i], n), 1);
		for (u32 n = 0; n < ready; n++) {
			struct fog_slot *s = *slot_at(&w->in[i], n);
			if (s->kind == FOG_SLOT_FRAME)
				frames[frame_count++] = s;
			else
				dispatch(w, s);
		}
		fog_ring_release(&w->in[i], ready);
		done += ready;
		if (frame_count > 0)
			run_frames(w, frames, frame_count);
	}
	return done;
}
