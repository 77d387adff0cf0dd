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

/* The session a peer names, and its link. Most rows name one seen a moment ago. */
static struct fog_session *session_of(struct fog_worker *w, u32 index, u32 *link)
{
	struct fog_recent *r = &w->recent[index % FOG_ARRAY_COUNT(w->recent)];

	*link = r->link;
	if (r->index == index) {
		struct fog_session *s = fog_link_session(&w->links[*link], index);
		if (s != NULL)
			return s;
	}
	*link = fog_map_find(&w->sessions, index);
	if (*link == FOG_MAP_NONE)
		return NULL;
	*r = (struct fog_recent){.index = index, .link = *link};
	struct fog_session *s = fog_link_session(&w->links[*link], index);
	FOG_ASSERT(s != NULL);
	return s;
}

/* What is to be decrypted: a job for each row of sealed[], and its session. */
struct opening {
	struct fog_gcm_job job[FOG_BATCH_MAX];
	struct fog_session *session[FOG_BATCH_MAX];
	u32 index[FOG_BATCH_MAX]; /* that the peer names it by */
};

/* Session of each row, and whether its counter may pass; leaves the rows to be decrypted. */
static void gather(struct fog_worker *w, struct fog_batch *b, struct opening *o)
{
	const u64 now = w->now;
	u32 kept = 0;

	for (u32 k = 0; k < b->sealed_count; k++) {
		u32 i = b->sealed[k];
		u8 *data = b->frame[i].data, *cell = data + FOG_LINK_HEADER_SIZE;
		u32 index = fog_load_u32(data + 4);
		u64 counter = fog_load_u64(data + 8);
		struct fog_session *s = session_of(w, index, &b->link[i]);
		if (s == NULL) {
			fog_drop(w, FOG_DROP_NO_SESSION);
			fog_link_hunt(w, &b->frame[i].peer);
			continue;
		}
		if (now >= s->expire_ns || s->received >= FOG_SESSION_REJECT_CELLS) {
			fog_drop(w, FOG_DROP_LINK_EXPIRED);
			continue;
		}
		if (fog_replay_check(&s->replay, counter) != 0) {
			fog_drop(w, FOG_DROP_LINK_REPLAY);
			continue;
		}
		b->cell[i] = cell;
		b->slot[i] = NULL;
		o->session[kept] = s;
		o->index[kept] = index;
		fog_session_job(&o->job[kept], &s->recv, data, counter, cell, cell);
		b->sealed[kept++] = (u8)i;
	}
	b->sealed_count = kept;
}

/* What a row does to its session. Rows before it may have moved or ended that. */
static enum fog_drop settle(struct fog_worker *w, struct fog_link *l, struct fog_session *s,
			    u32 index, u64 counter)
{
	if (!s->live || s->local != index)
		s = fog_link_session(l, index);
	if (s == NULL)
		return FOG_DROP_NO_SESSION;
	if (fog_replay_commit(&s->replay, counter) != 0)
		return FOG_DROP_LINK_REPLAY;
	s->received++;
	l->rx_ns = w->now;
	if (s == &l->session[FOG_SESSION_NEXT])
		fog_link_confirm(w, l);
	return FOG_DROP_COUNT;
}

void fog_stage_open(struct fog_worker *w, struct fog_batch *b)
{
	struct opening o;
	u32 kept = 0;

	FOG_ASSERT(b->count <= FOG_BATCH_MAX);
	sort_frames(w, b);
	gather(w, b, &o);
	fog_lap(w, &w->counts.cycles_open);
	fog_gcm_open_many(o.job, b->sealed_count);
	fog_lap(w, &w->counts.cycles_open_cipher);
	for (u32 k = 0; k < b->sealed_count; k++) {
		u32 i = b->sealed[k];
		enum fog_drop d = FOG_DROP_LINK_AUTH;
		if (o.job[k].authentic)
			d = settle(w, &w->links[b->link[i]], o.session[k], o.index[k],
				   o.job[k].counter);
		if (d == FOG_DROP_COUNT)
			b->sealed[kept++] = (u8)i;
		else
			fog_drop(w, d);
	}
	b->sealed_count = kept;
	fog_lap(w, &w->counts.cycles_open);
}
