/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/draws.h"

#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/chain.h"
#include "controlplane/daemon/envelope.h"
#include "controlplane/directory/place.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define FORMER_NAME    "neighbours.1" /* named value of the store: ids of the last draw */
#define BEACON_NAME    "beacon.1"     /* epoch u64 | value: the quorum's newest */
#define NEIGHBORS_FEW  5              /* what the API tells when it is not said how many */
#define NEIGHBORS_MANY 20
#define NEWCOMER_TRUST 0.045 /* just below the lower bound of the prior */

/* ---- candidates ----------------------------------------------------------------------------- */

static void candidate_fill(const struct fog_host *h, const struct fog_descriptor *d,
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
	double trust = fog_host_weight(h, d->node_id);
	out->weight = fog_draw_weight((u32)(trust * 1e6), fog_host_stake(h, d->node_id));
	out->bad = trust < NEWCOMER_TRUST;
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
		candidate_fill(h, d, &out[n++]);
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

static void lots_make(struct fog_host *h)
{
	struct fog_host_draws *d = h->draws;
	const struct fog_signed_descriptor *self = fog_directory_find(h->directory, h->id.node_id);
	u64 total = 0;
	u32 own;

	/* Nobody rates himself: our own reputation is a newcomer's. */
	own = fog_draw_weight(0, fog_host_stake(h, h->id.node_id));
	for (u32 i = 0; i < d->neighbours.candidate_count; i++)
		total += d->candidates[i].weight;
	d->committee = (struct fog_lot){.kind = FOG_DRAW_COMMITTEE,
					.beacon = d->beacon,
					.size = FOG_COMMITTEE_SIZE,
					.weight = own,
					.total = total + own};
	memcpy(d->committee.node_id, h->id.node_id, 32);
	int rc = fog_lot_draw(&d->committee, h->id.sign_sk);
	FOG_ASSERT(rc == 0);
	d->mix = (struct fog_lot){0};
	if (self == NULL || (h->roles & FOG_ROLE_RELAY) == 0)
		return;
	d->mix = (struct fog_lot){
		.kind = FOG_DRAW_MIX, .beacon = d->beacon, .size = FOG_DRAW_LAYERS};
	memcpy(d->mix.node_id, h->id.node_id, 32);
	rc = fog_lot_draw(&d->mix, h->id.sign_sk);
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
			candidate_fill(h, &s->d, &up[n++]);
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
	const struct fog_choice *c = &h->draws->neighbours;

	r->draw_epoch = c->beacon.epoch;
	fog_choice_digest(c, r->draw_digest);
	memset(r->neighbour, 0, sizeof(r->neighbour));
	memcpy(r->neighbour, c->chosen, 32 * (size_t)c->chosen_count);
	r->neighbour_count = c->chosen_count;
}

void fog_host_draws_update(struct fog_host *h, struct fog_report *r)
{
	struct fog_host_draws *d = h->draws;

	if (beacon_set(h) && is_due(h)) {
		choice_make(h, FOG_DRAW_NEIGHBOURS, &d->neighbours, d->candidates);
		choice_make(h, FOG_DRAW_RELAYS, &d->relays, d->relay_candidates);
		lots_make(h);
		former_store(h, &d->neighbours);
		links_prefer(h);
		fog_log(FOG_LOG_INFO, "draw", "epoch=%llu neighbours=%u relays=%u candidates=%u",
			(unsigned long long)d->beacon.epoch, d->neighbours.chosen_count,
			d->relays.chosen_count, d->neighbours.candidate_count);
	}
	eclipse_look(h);
	report_fill(h, r);
}

u32 fog_host_drawn(const struct fog_host *h, const u8 node_id[32])
{
	const struct fog_choice *c = &h->draws->relays;

	for (u32 i = 0; i < c->chosen_count; i++)
		if (memcmp(c->chosen[i], node_id, 32) == 0)
			return i + 1;
	return 0;
}

int fog_host_draws_start(struct fog_host *h)
{
	h->draws = calloc(1, sizeof(*h->draws));
	if (h->draws == NULL)
		return -ENOMEM;
	beacon_load(h);
	return 0;
}

void fog_host_draws_stop(struct fog_host *h)
{
	free(h->draws);
	h->draws = NULL;
}

/* ---- API ------------------------------------------------------------------------------------ */

static json_t *neighbour_json(struct fog_host *h, const u8 id[32])
{
	const struct fog_signed_descriptor *s = fog_directory_find(h->directory, id);
	struct fog_draw_candidate c = {.weight = 0};
	char hex[65];

	if (s != NULL)
		candidate_fill(h, &s->d, &c);
	return json_pack("{s:s, s:s, s:i, s:f}", "node_id", fog_node_id_hex(id, hex), "name",
			 s != NULL ? s->d.name : "", "weight", (int)c.weight, "trust_score",
			 s != NULL ? fog_host_weight(h, id) : 0.0);
}

static json_t *neighbours_json(struct fog_host *h, const u8 (*ids)[32], u32 count, u64 most)
{
	json_t *list = json_array();

	for (u32 i = 0; i < count && i < most; i++)
		json_array_append_new(list, neighbour_json(h, ids[i]));
	return list;
}

/* Ours with its proof; of another host what it published. */
static int neighbors_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *text = fog_exchange_query(x, "node_id");
	const struct fog_signed_descriptor *s = NULL;
	char hex[65], digest[65];
	u64 most;

	if (fog_exchange_query_u64(x, "neighbor_count", NEIGHBORS_FEW, NEIGHBORS_MANY, &most) != 0)
		return 0;
	if (most == 0)
		return fog_exchange_problem(x, 400, "neighbor_count is a number from 1 to 20");
	bool self = text == NULL || text[0] == '\0';
	if (!self && fog_directory_lookup(h->directory, text, &s) != 0)
		return fog_exchange_problem(x, 404, "node_id: no host \"%s\" is known", text);
	const u8 *id = self ? h->id.node_id : s->d.node_id;
	self = self || memcmp(id, h->id.node_id, 32) == 0;
	struct fog_report *r = self ? &h->report : NULL;
	struct fog_report other;
	if (!self) {
		memcpy(&other, &s->d.report, sizeof(other));
		r = &other;
	}
	fog_node_id_hex(r->draw_digest, digest);
	json_t *o = json_pack(
		"{s:s, s:o, s:s, s:I, s:s, s:s}", "node_id", fog_node_id_hex(id, hex), "neighbors",
		neighbours_json(h, (const u8(*)[32])r->neighbour, r->neighbour_count, most),
		"selection_method", "vrf", "epoch", (json_int_t)r->draw_epoch, "digest", digest,
		"proof_at", self ? "/v1/fog/vrf/draws/neighbours" : "that host");
	return fog_envelope(x, o, "neighbors");
}

static int draw_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *text = fog_exchange_param(x, "kind");
	enum fog_draw_kind kind = fog_draw_kind_parse(text);
	const struct fog_host_draws *d = h->draws;

	if (kind == 0)
		return fog_exchange_problem(
			x, 404, "no draw \"%s\": neighbours, relays, committee or mix", text);
	if (d->neighbours.beacon.epoch == 0)
		return fog_exchange_problem(x, 503, "nothing is drawn yet");
	if (kind == FOG_DRAW_MIX && d->mix.beacon.epoch == 0)
		return fog_exchange_problem(x, 404, "this host relays nothing, it mixes nowhere");
	json_t *o = kind == FOG_DRAW_NEIGHBOURS  ? fog_choice_json(&d->neighbours)
		    : kind == FOG_DRAW_RELAYS    ? fog_choice_json(&d->relays)
		    : kind == FOG_DRAW_COMMITTEE ? fog_lot_json(&d->committee)
						 : fog_lot_json(&d->mix);
	return fog_envelope(x, o, "draw");
}

static int status_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const struct fog_host_draws *d = h->draws;
	const struct fog_eclipse *e = &d->eclipse;
	char beacon[65];

	json_t *o = json_pack(
		"{s:I, s:s, s:s, s:I, s:i, s:i, s:i, s:b, s:o, s:{s:i, s:i, s:i, s:i, s:i, s:i, "
		"s:b}}",
		"epoch", (json_int_t)d->beacon.epoch, "beacon",
		fog_node_id_hex(d->beacon.value, beacon), "beacon_source",
		d->beacon.epoch == 0                    ? "awaited"
		: d->beacon.source == FOG_BEACON_QUORUM ? "quorum"
							: "derived",
		"epoch_ends_ms", (json_int_t)(d->beacon.epoch * FOG_EPOCH_MS), "neighbours",
		(int)d->neighbours.chosen_count, "candidates", (int)d->neighbours.candidate_count,
		"relaxed", (int)d->neighbours.relaxed, "committee", (int)d->committee.selected,
		"mix_layer", d->mix.beacon.epoch != 0 ? json_integer(d->mix.layer) : json_null(),
		"eclipse", "links", (int)e->neighbours, "networks", (int)e->nets, "network_ppm",
		(int)e->net_ppm, "as_ppm", (int)e->as_ppm, "operator_ppm", (int)e->operator_ppm,
		"low_reputation_ppm", (int)e->low_ppm, "suspected", (int)e->suspected);
	return fog_envelope(x, o, "vrf status");
}

static const struct fog_route routes[] = {
	{"GET", "/v1/fog/vrf/neighbors", neighbors_get,
	 FOG_DESCRIBE("Neighbours drawn by VRF",
		      .query = "node_id?: string ..64 (host; this one when not said),"
			       " neighbor_count?: integer 1..20 = 5",
		      .answer = "{node_id: hex64, neighbors: [{node_id: hex64, name: string,"
				" weight: integer, trust_score: number}], selection_method:"
				" vrf, epoch: integer, digest: hex64, proof_at: string}")},
	{"GET", "/v1/fog/vrf/draws/{kind}", draw_get,
	 FOG_DESCRIBE("A draw with its proof", .answer = "object")},
	{"GET", "/v1/fog/vrf/status", status_get,
	 FOG_DESCRIBE("Draws of this epoch",
		      .answer = "{epoch: integer, beacon: hex64, beacon_source:"
				" awaited|quorum|derived, eclipse: object, ...}")},
};

void fog_host_draws_routes(struct fog_host *h)
{
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
}
