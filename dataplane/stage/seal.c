/* SPDX-License-Identifier: BSD-3-Clause */
/* Link sealing and transmission. In: slots due. Out: datagrams with the back end; slots given back.
 * Thread: egress owner. Cost: AES-128-GCM of 1408 bytes a
 * cell, all in one call, see bench. */
#include "dataplane/worker/worker.h"

static struct fog_session *sending_session(struct fog_worker *w, struct fog_link *l)
{
	struct fog_session *s = &l->session[FOG_SESSION_CURRENT];

	if (l->id == 0 || !s->live || w->now >= s->expire_ns ||
	    s->counter >= FOG_SESSION_REJECT_CELLS)
		return NULL;
	return s;
}

/* The link header in the datagram; the cell goes from the slot into it. */
static void seal_job(struct fog_gcm_job *job, struct fog_session *s, const u8 *cell, u8 *dgram)
{
	u64 counter = s->counter++;

	fog_store_u32(dgram, FOG_DGRAM_DATA);
	fog_store_u32(dgram + 4, s->remote);
	fog_store_u64(dgram + 8, counter);
	fog_session_job(job, &s->send, dgram, counter, cell, dgram + FOG_LINK_HEADER_SIZE);
}

void fog_stage_seal(struct fog_worker *w, struct fog_slot **due, unsigned count)
{
	struct fog_frame frame[FOG_BATCH_MAX];
	struct fog_gcm_job jobs[FOG_BATCH_MAX];
	unsigned used = 0;

	FOG_ASSERT(count <= FOG_BATCH_MAX);
	unsigned room = w->ops->tx_reserve(w->io, frame, count);
	for (unsigned i = 0; i < room; i++)
		__builtin_prefetch(frame[i].data, 1);
	for (unsigned i = 0; i < count; i++) {
		struct fog_link *l = &w->links[due[i]->link];
		struct fog_session *s = sending_session(w, l);
		if (s == NULL) {
			fog_drop(w, FOG_DROP_TX_NO_LINK);
		} else if (used == room) {
			fog_drop(w, FOG_DROP_TX_FULL);
		} else {
			seal_job(&jobs[used], s, fog_slot_cell(due[i]), frame[used].data);
			frame[used].length = FOG_DGRAM_SIZE;
			frame[used].peer = l->address;
			used++;
		}
	}
	fog_lap(w, &w->counts.cycles_seal);
	fog_gcm_seal_many(jobs, used);
	fog_lap(w, &w->counts.cycles_seal_cipher);
	for (unsigned i = 0; i < count; i++)
		fog_slot_give(w, due[i]);
	for (unsigned i = used; i < room; i++)
		frame[i].length = 0;
	fog_lap(w, &w->counts.cycles_seal);
	w->ops->tx_submit(w->io, w->now, frame, room);
	w->counts.dgrams_tx += used;
	w->counts.bytes_tx += (u64)used * FOG_DGRAM_SIZE;
	w->counts.batches_tx++;
	fog_lap(w, &w->counts.cycles_tx);
}

void fog_send_dgram(struct fog_worker *w, const u8 *dgram, const struct fog_address *to)
{
	struct fog_frame frame;

	if (w->ops->tx_reserve(w->io, &frame, 1) == 0) {
		fog_drop(w, FOG_DROP_TX_FULL);
		return;
	}
	memcpy(frame.data, dgram, FOG_DGRAM_SIZE);
	frame.length = FOG_DGRAM_SIZE;
	frame.peer = *to;
	w->ops->tx_submit(w->io, w->now, &frame, 1);
	w->counts.dgrams_tx++;
	w->counts.bytes_tx += FOG_DGRAM_SIZE;
}
