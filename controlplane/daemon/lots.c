/* SPDX-License-Identifier: BSD-3-Clause */
/* The lots of all hosts, kept beside the directory, and the committee that follows from them. */
#include <stdlib.h>

#include "controlplane/daemon/draws.h"
#include "controlplane/directory/place.h"
#include "controlplane/quorum/quorum.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define ORDER_LABEL "fog committee order 1"

static void offer(struct fog_host *h, const struct fog_descriptor *d)
{
	u64 now_ms = fog_loop_now_ms(h->loop);
	/* Whom we met in the first epoch of our life was here before us, for all we know. */
	bool met = now_ms < h->started_ms + FOG_EPOCH_MS;

	_Static_assert(FOG_LOTS_KNOWN_MS >= 2 * FOG_QUORUM_SKEW_MS, "the block and the clocks");
	fog_lots_offer(h->draws->lots, d->node_id, &d->report, met ? 0 : fog_lots_came(now_ms));
}

void fog_host_lots_directory(struct fog_host *h, const struct fog_descriptor *d, bool gone)
{
	if (gone)
		fog_lots_forget(h->draws->lots, d->node_id);
	else
		offer(h, d);
}

/* Lots that came before the beacon was known here are looked at now. */
void fog_host_lots_beacon(struct fog_host *h, const struct fog_beacon *b)
{
	fog_lots_beacon(h->draws->lots, b);
	for (u32 i = 0; i < fog_directory_count(h->directory); i++)
		offer(h, &fog_directory_at(h->directory, i)->d);
}

u32 fog_host_committee_weight(const struct fog_host *h, const u8 node_id[32])
{
	const struct fog_signed_descriptor *s = fog_directory_find(h->directory, node_id);
	struct fog_draw_candidate c = {0};

	if (s != NULL)
		fog_host_candidate(h, &s->d, &c);
	return c.weight;
}

static int by_order(const void *a, const void *b)
{
	const struct fog_committee_member *x = a, *y = b;

	if (x->together != y->together)
		return x->together ? 1 : -1;
	return memcmp(x->order, y->order, sizeof(x->order));
}

static void member_add(const struct fog_host *h, struct fog_committee *c,
		       const struct fog_descriptor *d, const u8 own[FOG_VRF_OUTPUT_SIZE])
{
	const struct fog_signed_descriptor *self = fog_directory_find(h->directory, h->id.node_id);
	u8 text[sizeof(ORDER_LABEL) + FOG_VRF_OUTPUT_SIZE + 32] = ORDER_LABEL;
	struct fog_committee_member *m = &c->member[c->count];

	if (c->count == FOG_COMMITTEE_MAX)
		return;
	c->count++;
	memcpy(m->node_id, d->node_id, 32);
	m->together = self != NULL && fog_place_together(&self->d, d);
	memcpy(text + sizeof(ORDER_LABEL), own, FOG_VRF_OUTPUT_SIZE);
	memcpy(text + sizeof(ORDER_LABEL) + FOG_VRF_OUTPUT_SIZE, d->node_id, 32);
	fog_hash_sha256(m->order, text, sizeof(text));
}

struct fog_committee *fog_host_committee(const struct fog_host *h)
{
	const struct fog_lots *lots = h->draws->lots;
	u64 epoch = fog_lots_epoch(lots, FOG_DRAW_COMMITTEE, 1, fog_loop_now_ms(h->loop));
	struct fog_committee *c = epoch != 0 ? calloc(1, sizeof(*c)) : NULL;
	u8 own[FOG_VRF_OUTPUT_SIZE] = {0}, beta[FOG_VRF_OUTPUT_SIZE];
	u32 count = fog_directory_count(h->directory);

	if (c == NULL)
		return NULL;
	c->epoch = epoch;
	(void)fog_lots_find(lots, FOG_DRAW_COMMITTEE, epoch, h->id.node_id, NULL, own);
	for (u32 i = 0; i < count; i++) {
		const u8 *id = fog_directory_at(h->directory, i)->d.node_id;
		if (fog_lots_find(lots, FOG_DRAW_COMMITTEE, epoch, id, NULL, beta))
			c->total += fog_host_committee_weight(h, id);
	}
	for (u32 i = 0; c->total != 0 && i < count; i++) {
		const struct fog_descriptor *d = &fog_directory_at(h->directory, i)->d;
		if (fog_lots_find(lots, FOG_DRAW_COMMITTEE, epoch, d->node_id, NULL, beta) &&
		    fog_lot_selects(beta, FOG_COMMITTEE_SIZE,
				    fog_host_committee_weight(h, d->node_id), c->total))
			member_add(h, c, d, own);
	}
	qsort(c->member, c->count, sizeof(c->member[0]), by_order);
	return c;
}
