/* SPDX-License-Identifier: BSD-3-Clause */
/* Draws and lots of this and of other hosts, as the API shows them. */
#include "controlplane/daemon/draws.h"
#include "controlplane/daemon/envelope.h"
#include "crypto/mem.h"

#define NEIGHBORS_FEW  5 /* what the API tells when it is not said how many */
#define NEIGHBORS_MANY 20

static json_t *neighbour_json(struct fog_host *h, const u8 id[32])
{
	const struct fog_signed_descriptor *s = fog_directory_find(h->directory, id);
	struct fog_draw_candidate c = {.weight = 0};
	char hex[65];

	if (s != NULL)
		fog_host_candidate(h, &s->d, &c);
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

static int choice_get(struct fog_exchange *x, enum fog_draw_kind kind, const u8 node[32])
{
	struct fog_host *h = fog_exchange_ctx(x);
	const struct fog_host_draws *d = h->draws;

	if (memcmp(node, h->id.node_id, 32) != 0)
		return fog_exchange_problem(x, 409,
					    "a choice is told by the host that made it: ask there");
	if (d->neighbours.beacon.epoch == 0)
		return fog_exchange_problem(x, 503, "nothing is drawn yet");
	return fog_envelope(
		x, fog_choice_json(kind == FOG_DRAW_RELAYS ? &d->relays : &d->neighbours), "draw");
}

static int committee_get(struct fog_exchange *x, const u8 node[32])
{
	struct fog_host *h = fog_exchange_ctx(x);
	struct fog_committee *c = fog_host_committee(h);
	u8 beta[FOG_VRF_OUTPUT_SIZE];
	struct fog_lot l;
	u32 weight;

	if (c == NULL ||
	    !fog_lots_find(h->draws->lots, FOG_DRAW_COMMITTEE, c->epoch, node, &l, beta)) {
		free(c);
		return fog_exchange_problem(x, 503, "no lot of that host is known that counts");
	}
	weight = fog_host_committee_weight(h, node);
	json_t *o = fog_committee_json(&l, beta, FOG_COMMITTEE_SIZE, weight, c->total);
	free(c);
	return fog_envelope(x, o, "draw");
}

/* count when it is not among them. */
static u32 rank_of(const struct fog_lot *order, u32 count, const u8 node[32])
{
	u32 rank = 0;

	while (rank < count && memcmp(order[rank].node_id, node, 32) != 0)
		rank++;
	return rank;
}

static int mix_get(struct fog_exchange *x, const u8 node[32])
{
	struct fog_host *h = fog_exchange_ctx(x);
	struct fog_lot *order = NULL;
	u32 count = fog_host_mix_order(h, &order), rank = rank_of(order, count, node);
	json_t *o = NULL;

	if (rank < count)
		o = fog_mix_json(order, count, rank);
	free(order);
	if (count == 0)
		return fog_exchange_problem(
			x, 503, "too few mixes have shown their lots: layers are dealt");
	if (o == NULL)
		return fog_exchange_problem(x, 404, "that host mixes in no layer");
	return fog_envelope(x, o, "draw");
}

static int draw_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const char *text = fog_exchange_param(x, "kind"), *who = fog_exchange_query(x, "node_id");
	enum fog_draw_kind kind = fog_draw_kind_parse(text);
	const struct fog_signed_descriptor *s = NULL;

	if (kind == 0)
		return fog_exchange_problem(
			x, 404, "no draw \"%s\": neighbours, relays, committee or mix", text);
	if (who != NULL && who[0] != '\0' && fog_directory_lookup(h->directory, who, &s) != 0)
		return fog_exchange_problem(x, 404, "node_id: no host \"%s\" is known", who);
	const u8 *node = s != NULL ? s->d.node_id : h->id.node_id;
	if (kind == FOG_DRAW_COMMITTEE)
		return committee_get(x, node);
	return kind == FOG_DRAW_MIX ? mix_get(x, node) : choice_get(x, kind, node);
}

static json_t *mix_state_json(struct fog_host *h)
{
	struct fog_lot *order = NULL;
	u32 count = fog_host_mix_order(h, &order), rank = rank_of(order, count, h->id.node_id);

	json_t *o = json_pack(
		"{s:s, s:i, s:I, s:o}", "by", count != 0 ? "lots" : "dealt", "mixes", (int)count,
		"epoch", (json_int_t)(count != 0 ? order[0].beacon.epoch : 0), "layer",
		rank < count ? json_integer(fog_mix_layer(rank, count)) : json_null());
	free(order);
	return o;
}

static json_t *committee_state_json(struct fog_host *h)
{
	struct fog_committee *c = fog_host_committee(h);
	json_t *list = json_array();
	bool member = false;
	char hex[65];

	for (u32 i = 0; c != NULL && i < c->count; i++) {
		const u8 *id = c->member[i].node_id;
		member = member || memcmp(id, h->id.node_id, 32) == 0;
		json_array_append_new(list, json_string(fog_node_id_hex(id, hex)));
	}
	json_t *o = json_pack("{s:I, s:b, s:o}", "epoch", (json_int_t)(c != NULL ? c->epoch : 0),
			      "member", member, "members", list);
	free(c);
	return o;
}

static int status_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const struct fog_host_draws *d = h->draws;
	const struct fog_eclipse *e = &d->eclipse;
	char beacon[65];

	json_t *o = json_pack(
		"{s:I, s:s, s:s, s:I, s:i, s:i, s:i, s:o, s:o, s:I, s:{s:i, s:i, s:i, s:i, s:i, "
		"s:i, s:b}}",
		"epoch", (json_int_t)d->beacon.epoch, "beacon",
		fog_node_id_hex(d->beacon.value, beacon), "beacon_source",
		d->beacon.epoch == 0                    ? "awaited"
		: d->beacon.source == FOG_BEACON_QUORUM ? "quorum"
							: "derived",
		"epoch_ends_ms", (json_int_t)(d->beacon.epoch * FOG_EPOCH_MS), "neighbours",
		(int)d->neighbours.chosen_count, "candidates", (int)d->neighbours.candidate_count,
		"relaxed", (int)d->neighbours.relaxed, "committee", committee_state_json(h), "mix",
		mix_state_json(h), "lots_false", (json_int_t)fog_lots_false(d->lots), "eclipse",
		"links", (int)e->neighbours, "networks", (int)e->nets, "network_ppm",
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
	 FOG_DESCRIBE("A draw with its proof",
		      .query = "node_id?: string ..64 (whose lot; this host's when not said)",
		      .answer = "object")},
	{"GET", "/v1/fog/vrf/status", status_get,
	 FOG_DESCRIBE("Draws of this epoch",
		      .answer = "{epoch: integer, beacon: hex64, beacon_source:"
				" awaited|quorum|derived, committee: {epoch: integer, member:"
				" boolean, members: [hex64]}, mix: {by: lots|dealt, mixes:"
				" integer, epoch: integer, layer: integer|null}, lots_false:"
				" integer, eclipse: object, ...}")},
};

void fog_host_draws_routes(struct fog_host *h)
{
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
}
