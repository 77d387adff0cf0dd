/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/draws.h"

#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/chain.h"
#include "controlplane/directory/place.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define FORMER_NAME "neighbours.1" /* named value of the store: ids of the last draw */
#define BEACON_NAME "beacon.1"     /* epoch u64 | value: the quorum's newest */
/* Hosts of a large fog do not all publish in the second in which an epoch begins. */
#define SPREAD_MS 15000
#define TICK_S    1.0

/* ---- candidates ----------------------------------------------------------------------------- */

void fog_host_candidate(const struct fog_host *h, const struct fog_descriptor *d,
			struct fog_draw_candidate *out)
{
	u8 hash[32];

	memset(out, 0, sizeof(*out));
	memcpy(out->node_id, d->node_id, 32);
	fog_place_net(d, out->net);
	if (d->operator_name[0] != '\0') {
		fog_hash_sha256(hash, d->operator_name, strlen(d->operator_name));
		memcpy(out->operator, hash, sizeof(out->operator));
	}
	out->as = d->as;
	/* Nobody rates himself: our own reputation is a newcomer's. */
	bool self = memcmp(d->node_id, h->id.node_id, 32) == 0;
	double trust = self ? FOG_NEWCOMER_TRUST : fog_host_weight(h, d->node_id);
	out->weight = fog_draw_weight((u32)(trust * 1e6), fog_host_stake(h, d->node_id));
	out->bad = trust < FOG_NEWCOMER_TRUST;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(((const struct fog_draw_candidate *)a)->node_id,
		      ((const struct fog_draw_candidate *)b)->node_id, 32);
}

/* Everybody else who is or could be linked to us (relays alone, for relays). */
static u32 candidates_fill(const struct fog_host *h, bool relays, struct fog_draw_candidate *out)
{
	u32 roles = relays ? 0 : h->roles, n = 0;

	for (u32 i = 0; i < fog_directory_count(h->directory); i++) {
		const struct fog_descriptor *d = &fog_directory_at(h->directory, i)->d;
		if (memcmp(d->node_id, h->id.node_id, 32) == 0 ||
		    ((d->roles | roles) & FOG_ROLE_RELAY) == 0)
			continue;
		fog_host_candidate(h, d, &out[n++]);
	}
	qsort(out, n, sizeof(*out), by_id);
	return n;
}

/* ---- drawing -------------------------------------------------------------------------------- */

static void former_load(struct fog_host *h, struct fog_choice *c)
{
	size_t len = 0;

	if (fog_store_get(h->store, FORMER_NAME, c->former, sizeof(c->former), &len) == 0 &&
	    len % 32 == 0)
		c->former_count = (u32)(len / 32);
}

static void former_store(struct fog_host *h, const struct fog_choice *c)
{
	if (fog_store_set(h->store, FORMER_NAME, c->chosen, 32 * (size_t)c->chosen_count) != 0)
		fog_log(FOG_LOG_WARNING, "draw", "neighbours not stored");
}

static void choice_make(struct fog_host *h, enum fog_draw_kind kind, struct fog_choice *c,
			struct fog_draw_candidate *candidates)
{
	*c = (struct fog_choice){.kind = kind,
				 .beacon = h->draws->beacon,
				 .wanted = FOG_DRAW_DEGREE,
				 .candidates = candidates};
	memcpy(c->node_id, h->id.node_id, 32);
	c->candidate_count = candidates_fill(h, kind == FOG_DRAW_RELAYS, candidates);
	if (kind == FOG_DRAW_NEIGHBOURS)
		former_load(h, c);
	int rc = fog_choice_draw(c, h->id.sign_sk);
	FOG_ASSERT(rc == 0); /* sorted, weighted, without ourselves */
}

static void lot_make(struct fog_host *h, enum fog_draw_kind kind, struct fog_lot *l)
{
	*l = (struct fog_lot){.kind = kind, .beacon = h->draws->beacon};
	memcpy(l->node_id, h->id.node_id, 32);
	int rc = fog_lot_draw(l, h->id.sign_sk);
	FOG_ASSERT(rc == 0);
}

/* One draw an epoch, whatever the directory does meanwhile: who could have us draw again by coming
 * and going could choose. Only a host that had next to nobody to draw from does it again. */
static bool is_due(const struct fog_host *h)
{
	const struct fog_choice *c = &h->draws->neighbours;

	if (c->beacon.epoch != h->draws->beacon.epoch)
		return true;
	return c->chosen_count < FOG_DRAW_DEGREE_MIN &&
	       fog_directory_count(h->directory) > c->candidate_count + 1;
}

static void beacon_load(struct fog_host *h)
{
	struct fog_host_draws *d = h->draws;
	u8 data[40];
	size_t len = 0;

	if (fog_store_get(h->store, BEACON_NAME, data, sizeof(data), &len) != 0 ||
	    len != sizeof(data))
		return;
	d->agreed = (struct fog_beacon){.epoch = fog_load_u64(data), .source = FOG_BEACON_QUORUM};
	memcpy(d->agreed.value, data + 8, 32);
}

static void beacon_store(struct fog_host *h)
{
	u8 data[40];

	fog_store_u64(data, h->draws->agreed.epoch);
	memcpy(data + 8, h->draws->agreed.value, 32);
	if (fog_store_set(h->store, BEACON_NAME, data, sizeof(data)) != 0)
		fog_log(FOG_LOG_WARNING, "draw", "beacon not stored");
}

/* Blocks executed again after a start bring old beacons. */
void fog_host_draws_block(struct fog_host *h, u64 height, u64 time_ms, const u8 randomness[32])
{
	struct fog_host_draws *d = h->draws;
	u64 epoch = fog_epoch_of(time_ms);
	bool first = height == 1 || (height == d->block_height + 1 && d->block_height != 0 &&
				     epoch > fog_epoch_of(d->block_ms));

	d->block_height = height;
	d->block_ms = time_ms;
	if (!first || epoch <= d->agreed.epoch)
		return;
	fog_beacon_agree(epoch, randomness, &d->agreed);
	beacon_store(h);
}

/* False: the quorum's is not known yet, and there is time to wait. An epoch has one beacon here,
 * however late another comes. */
static bool beacon_set(struct fog_host *h)
{
	struct fog_host_draws *d = h->draws;
	u64 now_ms = fog_loop_now_ms(h->loop), epoch = fog_epoch_of(now_ms);
	u64 since_ms = FOG_MAX(now_ms - now_ms % FOG_EPOCH_MS, h->started_ms);

	if (d->beacon.epoch == epoch)
		return true;
	if (d->agreed.epoch == epoch)
		d->beacon = d->agreed;
	else if (fog_host_chain_node(h->chain) != NULL && now_ms < since_ms + FOG_BEACON_WAIT_MS)
		return false;
	else
		fog_beacon_derive(epoch, &d->beacon);
	return true;
}

/* Links that must not be lost to others: whom we drew, and who drew us. */
static void links_prefer(struct fog_host *h)
{
	static u8 ids[FOG_LINKS_PREFERRED_MAX][32];
	const struct fog_choice *c = &h->draws->neighbours;
	u32 n = 0;

	for (u32 i = 0; i < c->chosen_count; i++)
		memcpy(ids[n++], c->chosen[i], 32);
	for (u32 i = 0; i < fog_directory_count(h->directory); i++) {
		const struct fog_descriptor *d = &fog_directory_at(h->directory, i)->d;
		for (u32 k = 0; k < d->report.neighbour_count; k++)
			if (n < FOG_LINKS_PREFERRED_MAX &&
			    memcmp(d->report.neighbour[k], h->id.node_id, 32) == 0)
				memcpy(ids[n++], d->node_id, 32);
	}
	fog_links_prefer(h->links, (const u8(*)[32])ids, n);
	for (u32 i = 0; i < n; i++) {
		const struct fog_signed_descriptor *s = fog_directory_find(h->directory, ids[i]);
		if (s != NULL)
			fog_links_host(h->links, FOG_DIRECTORY_UPDATED, &s->d);
	}
}

static void eclipse_look(struct fog_host *h)
{
	static struct fog_draw_candidate up[64];
	struct fog_eclipse now;
	struct fog_link_info info;
	u32 n = 0;

	for (u32 i = 0; n < FOG_ARRAY_COUNT(up) && fog_links_at(h->links, i, &info); i++) {
		const struct fog_signed_descriptor *s =
			fog_directory_find(h->directory, info.node_id);
		if (info.up && s != NULL)
			fog_host_candidate(h, &s->d, &up[n++]);
	}
	fog_eclipse_look(up, n, &now);
	if (now.suspected && !h->draws->eclipse.suspected)
		fog_log(FOG_LOG_WARNING, "draw",
			"the neighbours look alike: an eclipse? net_ppm=%u as_ppm=%u "
			"operator_ppm=%u low_reputation_ppm=%u",
			now.net_ppm, now.as_ppm, now.operator_ppm, now.low_ppm);
	h->draws->eclipse = now;
}

static void report_fill(const struct fog_host *h, struct fog_report *r)
{
	const struct fog_host_draws *d = h->draws;
	const struct fog_choice *c = &d->neighbours;

	r->draw_epoch = c->beacon.epoch;
	fog_choice_digest(c, r->draw_digest);
	memset(r->neighbour, 0, sizeof(r->neighbour));
	memcpy(r->neighbour, c->chosen, 32 * (size_t)c->chosen_count);
	r->neighbour_count = c->chosen_count;
	r->has_committee_lot = c->beacon.epoch != 0;
	r->has_mix_lot = c->beacon.epoch != 0 && (h->roles & FOG_ROLE_RELAY) != 0;
	memcpy(r->committee_lot, d->committee.proof, sizeof(r->committee_lot));
	memcpy(r->mix_lot, d->mix.proof, sizeof(r->mix_lot));
	if (!r->has_mix_lot)
		memset(r->mix_lot, 0, sizeof(r->mix_lot));
}

static void draw_if_due(struct fog_host *h)
{
	struct fog_host_draws *d = h->draws;

	if (!beacon_set(h))
		return;
	fog_host_lots_beacon(h, &d->beacon);
	if (!is_due(h))
		return;
	choice_make(h, FOG_DRAW_NEIGHBOURS, &d->neighbours, d->candidates);
	choice_make(h, FOG_DRAW_RELAYS, &d->relays, d->relay_candidates);
	lot_make(h, FOG_DRAW_COMMITTEE, &d->committee);
	lot_make(h, FOG_DRAW_MIX, &d->mix);
	former_store(h, &d->neighbours);
	links_prefer(h);
	fog_log(FOG_LOG_INFO, "draw", "epoch=%llu neighbours=%u relays=%u candidates=%u",
		(unsigned long long)d->beacon.epoch, d->neighbours.chosen_count,
		d->relays.chosen_count, d->neighbours.candidate_count);
}

void fog_host_draws_update(struct fog_host *h, struct fog_report *r)
{
	draw_if_due(h);
	eclipse_look(h);
	report_fill(h, r);
}

/* A new epoch does not wait for the next report; the first draw does, for it wants opinions. */
static void on_tick(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_host *h = w->data;
	struct fog_host_draws *d = h->draws;
	u64 now_ms = fog_loop_now_ms(loop), drawn = d->neighbours.beacon.epoch;
	u64 spread = fog_load_u64(h->id.node_id) % SPREAD_MS;

	if (drawn != 0 && drawn != fog_epoch_of(now_ms) && now_ms % FOG_EPOCH_MS >= spread) {
		draw_if_due(h);
		report_fill(h, &h->report);
		if (d->neighbours.beacon.epoch != drawn)
			fog_host_publish_soon(h);
	}
	fog_lots_check(d->lots);
}

u32 fog_host_drawn(const struct fog_host *h, const u8 node_id[32])
{
	const struct fog_choice *c = &h->draws->relays;

	for (u32 i = 0; i < c->chosen_count; i++)
		if (memcmp(c->chosen[i], node_id, 32) == 0)
			return i + 1;
	return 0;
}

static void begin(struct fog_host *h)
{
	struct fog_host_draws *d = h->draws;

	beacon_load(h);
	ev_timer_init(&d->tick, on_tick, TICK_S, TICK_S);
	d->tick.data = h;
	ev_timer_start(h->loop, &d->tick);
}

int fog_host_draws_start(struct fog_host *h)
{
	struct fog_host_draws *d = calloc(1, sizeof(*d));

	if (d == NULL || fog_lots_new(&d->lots) != 0) {
		free(d);
		return -ENOMEM;
	}
	h->draws = d;
	begin(h);
	return 0;
}

void fog_host_draws_restart(struct fog_host *h)
{
	struct fog_host_draws *d = h->draws;
	struct fog_beacon beacon = d->beacon;
	struct fog_lots *lots = d->lots;

	ev_timer_stop(h->loop, &d->tick);
	memset(d, 0, sizeof(*d));
	d->beacon = beacon;
	d->lots = lots;
	begin(h);
}

void fog_host_draws_stop(struct fog_host *h)
{
	if (h->draws == NULL)
		return;
	ev_timer_stop(h->loop, &h->draws->tick);
	fog_lots_free(h->draws->lots);
	free(h->draws);
	h->draws = NULL;
}
