/* SPDX-License-Identifier: BSD-3-Clause */
/* Link authentication. In: b->frame. Out: link[] and cell[] of the rows in sealed[0 ..
 * sealed_count) that passed, decrypted in place. Handshakes leave for the slow path, datagrams of
 * sessions that another worker owns leave for that one. Thread: ingress owner. Cost:
 * AES-128-GCM of 1408 bytes a row, all rows in one call, see bench. */
#include "dataplane/worker/worker.h"

static void to_slow(struct fog_worker *w, const struct fog_frame *f)
{
	bool init = f->data[0] == FOG_DGRAM_INIT;
	struct fog_slow_msg *m = fog_slow_request(w, init ? FOG_SLOW_RESERVE_INIT : 0);

	if (m == NULL) {
		fog_drop(w, FOG_DROP_HANDSHAKE_FULL);
		return;
	}
	m->type = FOG_SLOW_DGRAM;
	m->address = f->peer;
	m->rate = w->policy.handshakes_per_second;
	memcpy(m->dgram, f->data, FOG_DGRAM_SIZE);
	fog_slow_request_publish(w);
}

static void to_owner(struct fog_worker *w, u32 owner, const struct fog_frame *f)
{
	struct fog_slot *s = fog_slot_take(w);

	if (s == NULL)
		return;
	s->kind = FOG_SLOT_FRAME;
	s->from = f->peer;
	memcpy(s->data, f->data, FOG_DGRAM_SIZE);
	(void)fog_slot_send(w, owner, s);
}

/* Length, type and reserved bytes; leaves only our own DATA rows. */
static void sort_frames(struct fog_worker *w, struct fog_batch *b)
{
	b->sealed_count = 0;
	for (u32 i = 0; i < b->count; i++) {
		const struct fog_frame *f = &b->frame[i];
		if (f->length != FOG_DGRAM_SIZE) {
			fog_drop(w, FOG_DROP_LENGTH);
			continue;
		}
		u32 type = fog_load_u32(f->data); /* with the three zero bytes */
		if (type == FOG_DGRAM_INIT || type == FOG_DGRAM_RESPONSE ||
		    type == FOG_DGRAM_COOKIE) {
			to_slow(w, f);
			continue;
		}
		if (type != FOG_DGRAM_DATA) {
			fog_drop(w, FOG_DROP_TYPE);
			continue;
		}
		if (w->dp->workers > 1) {
			u32 owner = fog_session_worker(w->dp->index_key, fog_load_u32(f->data + 4));
			if (owner != w->index && owner < w->dp->workers) {
				to_owner(w, owner, f);
				continue;
			}
		}
		b->sealed[b->sealed_count++] = (u8)i;
	}
}

/* Session of each row, and whether its counter may pass; leaves the rows to be decrypted. */
static void gather(struct fog_worker *w, struct fog_batch *b, struct fog_gcm_job *jobs)
{
	u64 key[FOG_BATCH_MAX];
	u32 hash[FOG_BATCH_MAX];
	u32 kept = 0;

	for (u32 k = 0; k < b->sealed_count; k++)
		key[k] = fog_load_u32(b->frame[b->sealed[k]].data + 4);
	fog_map_hash_many(&w->sessions, key, hash, b->sealed_count);
	for (u32 k = 0; k < b->sealed_count; k++)
		fog_map_prefetch(&w->sessions, hash[k]);
	for (u32 k = 0; k < b->sealed_count; k++) {
		u32 i = b->sealed[k];
		u8 *data = b->frame[i].data, *cell = data + FOG_LINK_HEADER_SIZE;
		u32 index = (u32)key[k];
		u32 link = fog_map_find_hashed(&w->sessions, hash[k], index);
		if (link == FOG_MAP_NONE) {
			fog_drop(w, FOG_DROP_NO_SESSION);
			fog_link_hunt(w, &b->frame[i].peer);
			continue;
		}
		struct fog_session *s = fog_link_session(&w->links[link], index);
		FOG_ASSERT(s != NULL);
		if (w->now >= s->expire_ns || s->received >= FOG_SESSION_REJECT_CELLS) {
			fog_drop(w, FOG_DROP_LINK_EXPIRED);
			continue;
		}
		u64 counter = fog_load_u64(data + 8);
		if (fog_replay_check(&s->replay, counter) != 0) {
			fog_drop(w, FOG_DROP_LINK_REPLAY);
			continue;
		}
		b->link[i] = link;
		b->cell[i] = cell;
		b->slot[i] = NULL;
		fog_session_job(&jobs[kept], &s->recv, data, counter, cell, cell);
		b->sealed[kept++] = (u8)i;
	}
	b->sealed_count = kept;
}

/* What a row does to its session. Rows before it may have moved or ended that. */
static enum fog_drop settle(struct fog_worker *w, struct fog_link *l, const u8 *data)
{
	struct fog_session *s = fog_link_session(l, fog_load_u32(data + 4));

	if (s == NULL)
		return FOG_DROP_NO_SESSION;
	if (fog_replay_commit(&s->replay, fog_load_u64(data + 8)) != 0)
		return FOG_DROP_LINK_REPLAY;
	s->received++;
	l->rx_ns = w->now;
	if (s == &l->session[FOG_SESSION_NEXT])
		fog_link_confirm(w, l);
	return FOG_DROP_COUNT;
}

void fog_stage_open(struct fog_worker *w, struct fog_batch *b)
{
	struct fog_gcm_job jobs[FOG_BATCH_MAX];
	u32 kept = 0;

	FOG_ASSERT(b->count <= FOG_BATCH_MAX);
	sort_frames(w, b);
	gather(w, b, jobs);
	fog_lap(w, &w->counts.cycles_open);
	fog_gcm_open_many(jobs, b->sealed_count);
	fog_lap(w, &w->counts.cycles_open_cipher);
	for (u32 k = 0; k < b->sealed_count; k++) {
		u32 i = b->sealed[k];
		enum fog_drop d = FOG_DROP_LINK_AUTH;
		if (jobs[k].authentic)
			d = settle(w, &w->links[b->link[i]], b->frame[i].data);
		if (d == FOG_DROP_COUNT)
			b->sealed[kept++] = (u8)i;
		else
			fog_drop(w, d);
	}
	b->sealed_count = kept;
	fog_lap(w, &w->counts.cycles_open);
}
