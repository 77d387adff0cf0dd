/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/trust.h"

#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/envelope.h"
#include "controlplane/directory/place.h"
#include "controlplane/jobs/runtime.h"
#include "controlplane/reputation/trust.h"
#include "crypto/mem.h"

/* A relay that lets less through than this in an epoch was not available. */
#define MIX_GOOD_PPM 950000u
#define THOUSANDTHS  1000.0

/* ---- our own evidence ----------------------------------------------------------------------- */

static bool row_read(struct fog_stmt *q, u64 now_ms, u8 id[32], struct fog_reputation *r)
{
	*r = (struct fog_reputation){.alpha = fog_column_real(q, 1),
				     .beta = fog_column_real(q, 2),
				     .updated_ms = fog_column_u64(q, 3),
				     .events = fog_column_u64(q, 4)};
	if (fog_column_copy(q, 0, id, 32) != 0 || !fog_reputation_valid(r))
		return false;
	fog_reputation_decay(r, now_ms);
	return true;
}

static u32 thousandths(double v)
{
	return (u32)FOG_MIN(v * THOUSANDTHS, (double)FOG_REPORT_EVIDENCE_MAX);
}

/* The hosts we know most about. */
static void opinions_fill(struct fog_host *h, struct fog_report *r, u64 now_ms)
{
	struct fog_stmt *q = fog_stmt(h->store, "SELECT node, alpha, beta, updated_ms, events"
						" FROM reputation ORDER BY alpha + beta DESC,"
						" node LIMIT ?");
	struct fog_reputation rep;
	u8 id[32];

	r->opinion_count = 0;
	memset(r->opinion, 0, sizeof(r->opinion));
	fog_bind_int(q, FOG_REPORT_OPINIONS_MAX);
	while (fog_stmt_step(q) == 1) {
		struct fog_opinion_of *o = &r->opinion[r->opinion_count];
		if (!row_read(q, now_ms, id, &rep))
			continue;
		memcpy(o->node_id, id, 32);
		o->good = thousandths(rep.alpha - FOG_REPUTATION_PRIOR_ALPHA);
		o->bad = thousandths(rep.beta - FOG_REPUTATION_PRIOR_BETA);
		r->opinion_count++;
	}
}

/* ---- what others tell ----------------------------------------------------------------------- */

static int told_compare(const void *a, const void *b)
{
	return memcmp(((const struct fog_told *)a)->node_id, ((const struct fog_told *)b)->node_id,
		      32);
}

static struct fog_told *told_find(struct fog_host_trust *t, const u8 node[32])
{
	struct fog_told key;

	memcpy(key.node_id, node, 32);
	return bsearch(&key, t->told, t->count, sizeof(key), told_compare);
}

const struct fog_told *fog_host_told_find(const struct fog_host *h, const u8 node[32])
{
	return h->trust != NULL ? told_find(h->trust, node) : NULL;
}

void fog_host_told(void *host, const u8 node[32], double *good, double *bad)
{
	const struct fog_told *t = fog_host_told_find(host, node);

	*good = t != NULL ? t->good : 0;
	*bad = t != NULL ? t->bad : 0;
}

/* Hosts in the order of their ids; the same operator or network is one group. */
static u32 hosts_fill(struct fog_host *h, struct fog_trust_host *hosts)
{
	struct fog_host_trust *t = h->trust;
	struct fog_place_groups *groups = NULL;

	t->count = fog_directory_count(h->directory);
	for (u32 i = 0; i < t->count; i++) {
		t->told[i] = (struct fog_told){0};
		memcpy(t->told[i].node_id, fog_directory_at(h->directory, i)->d.node_id, 32);
	}
	qsort(t->told, t->count, sizeof(t->told[0]), told_compare);
	if (fog_place_groups_new(&groups) != 0)
		return 0;
	for (u32 i = 0; i < t->count; i++) {
		const struct fog_signed_descriptor *s =
			fog_directory_find(h->directory, t->told[i].node_id);
		hosts[i] = (struct fog_trust_host){.group = fog_place_groups_add(groups, &s->d)};
	}
	for (u32 i = 0; i < t->count; i++)
		hosts[i].group = fog_place_groups_of(groups, i);
	fog_place_groups_free(groups);
	return t->count;
}

static void own_fill(struct fog_host *h, struct fog_trust_host *hosts, u64 now_ms)
{
	struct fog_stmt *q = fog_stmt(h->store, "SELECT node, alpha, beta, updated_ms, events"
						" FROM reputation");
	struct fog_reputation rep;
	u8 id[32];

	while (fog_stmt_step(q) == 1) {
		const struct fog_told *t =
			row_read(q, now_ms, id, &rep) ? told_find(h->trust, id) : NULL;
		if (t == NULL)
			continue;
		hosts[t - h->trust->told].own_good = rep.alpha - FOG_REPUTATION_PRIOR_ALPHA;
		hosts[t - h->trust->told].own_bad = rep.beta - FOG_REPUTATION_PRIOR_BETA;
	}
}

static u32 edges_fill(struct fog_host *h, struct fog_trust_edge *edges)
{
	struct fog_host_trust *t = h->trust;
	u32 n = 0;

	for (u32 i = 0; i < t->count; i++) {
		const struct fog_report *r =
			&fog_directory_find(h->directory, t->told[i].node_id)->d.report;
		for (u32 k = 0; k < r->opinion_count; k++) {
			const struct fog_told *about = told_find(t, r->opinion[k].node_id);
			if (about == NULL)
				continue;
			edges[n++] =
				(struct fog_trust_edge){.rater = i,
							.subject = (u32)(about - t->told),
							.good = r->opinion[k].good / THOUSANDTHS,
							.bad = r->opinion[k].bad / THOUSANDTHS};
		}
	}
	return n;
}

static void compute(struct fog_host *h, u64 now_ms)
{
	u32 hosts_max = FOG_MAX(fog_directory_count(h->directory), 1u);
	u32 edges_max = hosts_max * FOG_REPORT_OPINIONS_MAX;
	struct fog_trust_host *hosts = calloc(hosts_max, sizeof(*hosts));
	struct fog_trust_edge *edges = malloc(2 * (size_t)edges_max * sizeof(*edges));

	/* Without memory the former sums stay. */
	if (hosts != NULL && edges != NULL && hosts_fill(h, hosts) != 0) {
		own_fill(h, hosts, now_ms);
		u32 count = edges_fill(h, edges);
		const struct fog_told *self = told_find(h->trust, h->id.node_id);
		fog_trust_sort(hosts, edges, count, edges + edges_max);
		fog_trust_compute(hosts, h->trust->count, edges, count,
				  self != NULL ? (u32)(self - h->trust->told) : UINT32_MAX);
		for (u32 i = 0; i < h->trust->count; i++) {
			h->trust->told[i].good = hosts[i].good;
			h->trust->told[i].bad = hosts[i].bad;
			h->trust->told[i].credibility = hosts[i].credibility;
			h->trust->told[i].raters = hosts[i].raters;
		}
	}
	free(hosts);
	free(edges);
}

void fog_host_trust_update(struct fog_host *h, struct fog_report *r)
{
	u64 now_ms = fog_loop_now_ms(h->loop);

	if (h->jobs == NULL)
		return; /* the tables are the engine's */
	opinions_fill(h, r, now_ms);
	compute(h, now_ms);
	fog_jobs_runtime_told_changed(h->jobs);
}

int fog_host_trust_start(struct fog_host *h)
{
	h->trust = calloc(1, sizeof(*h->trust));
	return h->trust != NULL ? 0 : -ENOMEM;
}

void fog_host_trust_stop(struct fog_host *h)
{
	free(h->trust);
	h->trust = NULL;
}

/* ---- observers ------------------------------------------------------------------------------ */

int fog_host_observed_mix(struct fog_host *h, const u8 node[32], u64 epoch, u32 sent, u32 came_out,
			  const char *proof)
{
	char reference[FOG_JOBS_REFERENCE_MAX + 1];

	if (h->jobs == NULL || sent == 0 || came_out > sent)
		return -EINVAL;
	u64 ppm = (u64)came_out * 1000000 / sent;
	bool good = ppm > MIX_GOOD_PPM;
	snprintf(reference, sizeof(reference), "%llu", (unsigned long long)epoch);
	return fog_jobs_runtime_evidence(h->jobs, node, FOG_SOURCE_MIX,
					 good ? FOG_EVIDENCE_AVAILABILITY
					      : FOG_EVIDENCE_UNAVAILABILITY,
					 good ? 0.5 : 1.0 - (double)ppm / 2e6, reference, proof);
}

int fog_host_observed_attestation(struct fog_host *h, const u8 node[32], const u8 digest[32],
				  bool valid, const char *why)
{
	char hex[65];

	if (h->jobs == NULL)
		return -EINVAL;
	fog_hex_encode(digest, 32, hex, sizeof(hex));
	hex[32] = '\0'; /* half of it tells them apart */
	return fog_jobs_runtime_evidence(
		h->jobs, node, FOG_SOURCE_ATTESTATION,
		valid ? FOG_EVIDENCE_QUALITY_HIGH : FOG_EVIDENCE_FRAUD_DETECTED, 0.5, hex, why);
}

/* ---- API ------------------------------------------------------------------------------------ */

static bool reputation_load(struct fog_host *h, const u8 node[32], struct fog_reputation *r)
{
	struct fog_stmt *q = fog_stmt(h->store, "SELECT node, alpha, beta, updated_ms, events"
						" FROM reputation WHERE node = ?");
	u8 id[32];

	fog_reputation_init(r);
	fog_bind_blob(q, node, 32);
	bool found = fog_stmt_step(q) == 1 && row_read(q, fog_loop_now_ms(h->loop), id, r);
	fog_stmt_reset(q);
	if (!found)
		fog_reputation_init(r);
	return found;
}

/* Diamond is 5, untrusted 0. */
static int tier_number(const char *name)
{
	for (int i = 0; i < FOG_REPUTATION_TIER_COUNT; i++)
		if (strcmp(fog_reputation_tiers[i].name, name) == 0)
			return FOG_REPUTATION_TIER_COUNT - 1 - i;
	return 0;
}

/* A host of the directory or any 64 hex digits; false: answered. */
static bool node_read(struct fog_exchange *x, const char *text, u8 node[32])
{
	struct fog_host *h = fog_exchange_ctx(x);
	const struct fog_signed_descriptor *s;

	if (fog_directory_lookup(h->directory, text, &s) == 0) {
		memcpy(node, s->d.node_id, 32);
		return true;
	}
	if (strlen(text) == 64 && fog_hex_decode(text, node, 32) == 0)
		return true;
	fog_exchange_problem(x, 404, "no host \"%s\" is known", text);
	return false;
}

static json_t *view_json(const struct fog_reputation_view *v)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:s}", "alpha", v->alpha, "beta", v->beta,
			 "mean", v->mean, "lower", v->lower, "uncertainty", v->uncertainty,
			 "evidence", v->evidence, "tier", v->tier);
}

static int score_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	u64 now_ms = fog_loop_now_ms(h->loop);
	struct fog_reputation_view own, all;
	struct fog_reputation r;
	char hex[65];
	u8 node[32];

	if (!node_read(x, fog_exchange_param(x, "node"), node))
		return 0;
	bool known = reputation_load(h, node, &r);
	const struct fog_told *t = fog_host_told_find(h, node);
	fog_reputation_read(&r, now_ms, &own);
	if (t != NULL)
		fog_reputation_tell(&r, t->good, t->bad);
	fog_reputation_read(&r, now_ms, &all);
	known = known || (t != NULL && t->raters != 0);
	fog_node_id_hex(node, hex);
	json_t *score = !known ? json_null()
			       : json_pack("{s:s, s:f, s:f, s:I, s:i}", "node_id", hex, "alpha",
					   all.alpha, "beta", all.beta, "last_updated",
					   (json_int_t)r.updated_ms, "tier", tier_number(all.tier));
	json_t *told = t == NULL
			       ? json_null()
			       : json_pack("{s:f, s:f, s:i, s:f}", "good", t->good, "bad", t->bad,
					   "raters", (int)t->raters, "credibility", t->credibility);
	return fog_envelope(x,
			    json_pack("{s:s, s:o, s:f, s:s, s:o, s:o, s:o, s:I}", "node_id", hex,
				      "reputation_score", score, "trust_score",
				      known ? all.lower : 0.0, "tier_name", all.tier, "first_hand",
				      view_json(&own), "told", told, "combined", view_json(&all),
				      "timestamp", (json_int_t)now_ms),
			    "reputation");
}

/* Who says what about the host, and how far we believe each. */
static int opinions_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	json_t *list = json_array();
	char hex[65];
	u8 node[32];

	if (!node_read(x, fog_exchange_param(x, "node"), node)) {
		json_decref(list);
		return 0;
	}
	for (u32 i = 0; i < fog_directory_count(h->directory); i++) {
		const struct fog_descriptor *d = &fog_directory_at(h->directory, i)->d;
		const struct fog_told *t = fog_host_told_find(h, d->node_id);
		for (u32 k = 0; k < d->report.opinion_count; k++) {
			const struct fog_opinion_of *o = &d->report.opinion[k];
			if (memcmp(o->node_id, node, 32) != 0)
				continue;
			json_array_append_new(
				list,
				json_pack("{s:s, s:s, s:f, s:f, s:f, s:I}", "rater",
					  fog_node_id_hex(d->node_id, hex), "name", d->name, "good",
					  o->good / THOUSANDTHS, "bad", o->bad / THOUSANDTHS,
					  "credibility", t != NULL ? t->credibility : 0.0,
					  "published_ms", (json_int_t)d->published_ms));
		}
	}
	return fog_exchange_json(x, 200, json_pack("{s:o}", "opinions", list));
}

static int tiers_get(struct fog_exchange *x)
{
	json_t *list = json_array();

	for (int i = 0; i < FOG_REPUTATION_TIER_COUNT; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:i, s:f, s:f}", "name",
						fog_reputation_tiers[i].name, "tier",
						FOG_REPUTATION_TIER_COUNT - 1 - i, "lower_min",
						fog_reputation_tiers[i].lower_min, "evidence_min",
						fog_reputation_tiers[i].evidence_min));
	return fog_exchange_json(x, 200, json_pack("{s:o}", "tiers", list));
}

static int update_post(struct fog_exchange *x)
{
	return fog_exchange_problem(
		x, 403,
		"evidence comes from signed receipts, mix monitoring and attestations that this "
		"control plane has checked, never from a request");
}

static const struct fog_route routes[] = {
	{"GET", "/v1/fog/reputation/score/{node}", score_get,
	 FOG_DESCRIBE("Reputation of a host", .path = "node: node",
		      .answer = "{node_id: hex64, reputation_score: {node_id: hex64, alpha:"
				" number, beta: number, last_updated: integer, tier:"
				" integer}|null, trust_score: number, tier_name: string,"
				" first_hand: object, told: any, combined: object, timestamp:"
				" ms}")},
	{"POST", "/v1/fog/reputation/update", update_post,
	 FOG_DESCRIBE("Refused: evidence comes from receipts",
		      .request = "{node_id: node, event_type: string 1..64, success: boolean,"
				 " performance_score?: number 0..1|null}",
		      .answer = "object")},
	{"GET", "/v1/reputation/tiers", tiers_get,
	 FOG_DESCRIBE("What tiers of reputation ask for",
		      .answer = "{tiers: [{name: string, tier: integer, lower_min: number,"
				" evidence_min: number}]}")},
	{"GET", "/v1/reputation/{node}/opinions", opinions_get,
	 FOG_DESCRIBE("What others say of a host", .path = "node: node",
		      .answer = "{opinions: [{rater: hex64, name: string, good: number, bad:"
				" number, credibility: number, published_ms: ms}]}")},
};

void fog_host_trust_routes(struct fog_host *h)
{
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
}
