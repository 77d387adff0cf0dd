/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuit builds in flight: what to send again, and until when. */
#include "dataplane/worker/worker.h"

int fog_pending_init(struct fog_worker *w, struct fog_arena *a)
{
	struct fog_pending_pool *p = &w->pending;

	p->records = fog_arena_alloc(a, FOG_PENDING_MAX * sizeof(p->records[0]));
	p->free_records = fog_arena_alloc(a, FOG_PENDING_MAX * sizeof(p->free_records[0]));
	p->active = fog_arena_alloc(a, FOG_PENDING_MAX * sizeof(p->active[0]));
	p->place = fog_arena_alloc(a, FOG_PENDING_MAX * sizeof(p->place[0]));
	if (p->records == NULL || p->free_records == NULL || p->active == NULL || p->place == NULL)
		return -ENOMEM;
	p->free_count = FOG_PENDING_MAX;
	for (u32 i = 0; i < FOG_PENDING_MAX; i++)
		p->free_records[i] = FOG_PENDING_MAX - 1 - i;
	return 0;
}

struct fog_pending *fog_pending_take(struct fog_worker *w, struct fog_half *h, u64 lasts_ns)
{
	struct fog_pending_pool *p = &w->pending;

	FOG_ASSERT(h->pending == FOG_HALF_NONE);
	if (p->free_count == 0)
		return NULL;
	u32 i = p->free_records[--p->free_count];
	p->place[i] = p->active_count;
	p->active[p->active_count++] = i;
	h->pending = i;
	struct fog_pending *r = &p->records[i];
	memset(r, 0, sizeof(*r));
	r->half = fog_half_index(&w->halves, h);
	r->deadline_ns = w->now + lasts_ns;
	return r;
}

void fog_pending_free(struct fog_worker *w, struct fog_half *h)
{
	struct fog_pending_pool *p = &w->pending;
	u32 i = h->pending;

	if (i == FOG_HALF_NONE)
		return;
	h->pending = FOG_HALF_NONE;
	u32 last = p->active[--p->active_count];
	p->active[p->place[i]] = last;
	p->place[last] = p->place[i];
	p->free_records[p->free_count++] = i;
}

struct fog_pending *fog_pending_of(struct fog_worker *w, const struct fog_half *h)
{
	return h->pending == FOG_HALF_NONE ? NULL : &w->pending.records[h->pending];
}

static void tick_one(struct fog_worker *w, struct fog_pending *r)
{
	struct fog_half *h = &w->halves.halves[r->half];

	if (w->now >= r->deadline_ns) {
		/* An answer need not be kept longer; a build that is not answered has failed. */
		if (h->state != FOG_HALF_OPEN || h->extending)
			fog_half_close(w, h, FOG_REASON_TIMEOUT, true);
		else if (h->end_handle != 0)
			fog_relay_extend_done(w, h);
		else
			fog_pending_free(w, h);
		return;
	}
	if (r->command == FOG_CELL_CREATE && w->now >= r->retry_ns) {
		r->retry_ns = w->now + FOG_CREATE_RETRY_NS;
		fog_cell_originate(w, h->link, h->id, FOG_CELL_CREATE, r->body, sizeof(r->body));
	}
}

void fog_pending_tick(struct fog_worker *w)
{
	/* Backwards: a record freed is replaced by the last one, which was seen already. Closing
	 * one may free others (a twin's), hence the bound by the current count. */
	for (u32 i = w->pending.active_count; i-- > 0;)
		if (i < w->pending.active_count)
			tick_one(w, &w->pending.records[w->pending.active[i]]);
}
