/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/system_api.h"

#include <errno.h>

#include "controlplane/daemon/chain.h"
#include "controlplane/daemon/draws.h"
#include "controlplane/daemon/enclave.h"
#include "controlplane/daemon/envelope.h"
#include "controlplane/daemon/health.h"
#include "controlplane/daemon/market.h"
#include "controlplane/daemon/measure.h"
#include "controlplane/daemon/proofs_api.h"
#include "controlplane/daemon/usage.h"
#include "controlplane/jobs/api.h"
#include "controlplane/proofs/archive.h"

#define SERVICE     "Fog Computing Gateway"
#define API_VERSION "2.0.0" /* of the published contract */
#define MIB         1048576.0
#define NS_PER_MS   1e6

static json_t *now_json(void)
{
	char stamp[FOG_STAMP_SIZE];

	fog_stamp(stamp);
	return json_string(stamp);
}

/* ---- what there is -------------------------------------------------------------------------- */

static json_t *features_json(void)
{
	return json_pack("[s,s,s,s,s,s,s,s]", "TEE runtime and attestation",
			 "Cryptographic proofs (PoE, PoA, PoSLA)", "Zero-knowledge predicates",
			 "Dynamic pricing and auctions", "NSGA-II job scheduling",
			 "Byzantine quorum and ledger", "Onion routing and mixnet",
			 "Bayesian reputation and VRF neighbours");
}

static int root_get(struct fog_exchange *x)
{
	static const char *const paths[][2] = {
		{"tee", "POST /v1/fog/tee/runtime"},
		{"proofs", "POST /v1/fog/proofs/generate"},
		{"zk_predicates", "POST /v1/fog/zk/predicate"},
		{"pricing", "GET /v1/fog/pricing/quote"},
		{"scheduler", "POST /v1/fog/jobs/schedule"},
		{"quorum", "POST /v1/fog/quorum/consensus"},
		{"onion", "POST /v1/fog/onion/route"},
		{"reputation", "GET /v1/fog/reputation/score/{node_id}"},
		{"vrf", "GET /v1/fog/vrf/neighbors"},
		{"system", "GET /v1/fog/system/status"},
	};
	struct fog_host *h = fog_exchange_ctx(x);
	json_t *endpoints = json_object();

	for (u32 i = 0; i < FOG_ARRAY_COUNT(paths); i++)
		json_object_set_new(endpoints, paths[i][0], json_string(paths[i][1]));
	return fog_envelope(x,
			    json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:s}", "service",
				      SERVICE, "version", FOG_VERSION, "api_version", API_VERSION,
				      "status", "operational", "host", h->config.host_name,
				      "enhanced_features", features_json(), "fog_endpoints",
				      endpoints, "openapi", "/openapi.json", "docs", "/docs"),
			    "Fog gateway is operational");
}

/* ---- health --------------------------------------------------------------------------------- */

/* degraded: any service is in error. */
static const char *overall(const json_t *services)
{
	const char *name;
	json_t *s;

	json_object_foreach((json_t *)services, name, s)
	{
		const char *status = json_string_value(json_object_get(s, "status"));
		if (status != NULL && strcmp(status, "error") == 0)
			return "degraded";
	}
	return "healthy";
}

static int health_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	json_t *services = fog_host_services_json(h);

	return fog_exchange_json(x, 200,
				 json_pack("{s:s, s:o, s:o, s:s}", "status", overall(services),
					   "timestamp", now_json(), "services", services, "version",
					   FOG_VERSION));
}

/* For whoever restarts what hangs: that it answers is all that counts. */
static int healthz_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	json_t *services = fog_host_services_json(h);
	const char *status = overall(services);

	json_decref(services);
	return fog_exchange_json(x, 200, json_pack("{s:s}", "status", status));
}

/* ---- what was done -------------------------------------------------------------------------- */

struct operations {
	u64 good, bad;
};

static u64 member(const json_t *o, const char *name)
{
	return (u64)json_integer_value(json_object_get(o, name));
}

/* Placements, circuits, proofs and jobs since the start. A proof that was found false was checked
 * well. */
static struct operations operations_count(const struct fog_host *h, const json_t *scheduler)
{
	const struct fog_jobs_totals *t = fog_jobs_runtime_totals(h->jobs);
	const struct fog_host_proofs *p = h->proofs;
	struct operations o = {.good = member(scheduler, "successful_placements"),
			       .bad = member(scheduler, "failed_placements")};

	o.good += h->counts.circuits_built + p->generated + p->verified + p->refused;
	o.bad += h->counts.circuits_failed;
	o.good += t->ended[FOG_JOB_SUCCEEDED] + t->ended[FOG_JOB_CANCELLED];
	o.bad += t->ended[FOG_JOB_FAILED];
	return o;
}

static double share(u64 part, u64 whole)
{
	return whole != 0 ? (double)part / (double)whole : 0.0;
}

static json_t *services_health(const json_t *services)
{
	json_t *out = json_object(), *s;
	const char *name;

	json_object_foreach((json_t *)services, name,
			    s) if (strcmp(name, "fog_system_manager") != 0)
		json_object_set_new(out, name, json_copy(s));
	return out;
}

json_t *fog_host_system_json(struct fog_host *h)
{
	json_t *fog = fog_host_health_json(h), *services = fog_host_services_json(h);
	json_t *scheduler = fog_jobs_scheduler_json(h->jobs);
	struct operations done = operations_count(h, scheduler);
	u64 total = done.good + done.bad;

	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:O, s:O, s:O, s:I, s:f}", "services", services,
		"fog_system", fog, "timestamp", now_json(), "pricing_analytics",
		fog_host_market_json(h), "scheduler_stats", scheduler, "components",
		services_health(services), "overall_health", json_object_get(fog, "overall_health"),
		"healthy_components", json_object_get(fog, "healthy_components"),
		"total_components", json_object_get(fog, "total_components"), "total_operations",
		(json_int_t)total, "success_rate", total != 0 ? share(done.good, total) : 1.0);
}

static int status_get(struct fog_exchange *x)
{
	return fog_envelope(x, fog_host_system_json(fog_exchange_ctx(x)), "Fog system status");
}

/* ---- metrics -------------------------------------------------------------------------------- */

static u64 ledger_height(const struct fog_host *h)
{
	if (h->chain == NULL)
		return 0;
	return fog_chain_state(fog_ledger_app_chain(fog_host_chain_app(h->chain)))->global.height;
}

static u64 evidence_count(struct fog_host *h)
{
	struct fog_stmt *q = fog_stmt(h->store, "SELECT coalesce(sum(events), 0) FROM reputation");
	u64 n = fog_stmt_step(q) == 1 ? fog_column_u64(q, 0) : 0;

	fog_stmt_reset(q);
	return n;
}

static json_t *components_json(struct fog_host *h, const json_t *scheduler)
{
	struct fog_market_view market;
	struct fog_enclaves_load load;
	i64 proofs = fog_proof_archive_count(h->store);

	fog_market_view(&h->market->m, fog_loop_now_ms(h->loop), &market);
	fog_enclaves_load(h, &load);
	return json_pack(
		"{s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:I}", "tee_enclaves", (json_int_t)load.active,
		"active_proofs", (json_int_t)FOG_MAX(proofs, (i64)0), "pricing_volatility",
		market.lane[market.most_volatile].volatility_ppm / 1e6, "scheduled_jobs",
		(json_int_t)member(scheduler, "successful_placements"), "consensus_rounds",
		(json_int_t)ledger_height(h), "onion_circuits",
		(json_int_t)fog_host_counter(h, "circuits_live"), "reputation_updates",
		(json_int_t)evidence_count(h), "vrf_selections",
		(json_int_t)(h->draws->neighbours.chosen_count + h->draws->relays.chosen_count));
}

static int metrics_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const struct fog_gateway_counts *c = fog_gateway_counts(h->gateway);
	json_t *scheduler = fog_jobs_scheduler_json(h->jobs), *fog = fog_host_health_json(h);
	struct operations done = operations_count(h, scheduler);
	struct fog_usage usage;

	fog_host_usage(h, &usage);
	json_t *data = json_pack(
		"{s:{s:O, s:O, s:O, s:f}, s:{s:f, s:f, s:f, s:f, s:f, s:I}, s:{s:f, s:f, s:f, s:i},"
		" s:o, s:o}",
		"system_health", "overall_health", json_object_get(fog, "overall_health"),
		"healthy_components", json_object_get(fog, "healthy_components"),
		"total_components", json_object_get(fog, "total_components"), "error_rate",
		share(done.bad, done.good + done.bad), "performance", "avg_response_time_ms",
		c->took.count != 0 ? 1000 * c->took.sum / (double)c->took.count : 0.0,
		"p50_response_time_ms", 1000 * fog_histogram_quantile(&c->took, 0.5),
		"p99_response_time_ms", 1000 * fog_histogram_quantile(&c->took, 0.99),
		"throughput_ops_per_sec", usage.requests_per_second, "success_rate",
		c->requests != 0 ? 1 - share(c->failed, c->requests) : 1.0, "requests",
		(json_int_t)c->requests, "resources", "total_memory_mb",
		(double)usage.memory_bytes / MIB, "total_cpu_percent", usage.cpu_percent,
		"bandwidth_bits_per_second", usage.bits_per_second, "processes",
		(int)usage.processes, "component_metrics", components_json(h, scheduler),
		"timestamp", now_json());
	json_decref(scheduler);
	json_decref(fog);
	return fog_envelope(x, data, "Fog system metrics");
}

/* ---- neighbours, as the published page reads them ------------------------------------------- */

static json_t *peers_json(struct fog_host *h, double *mean_ms)
{
	json_t *peers = json_array();
	struct fog_link_info link;
	u32 measured = 0;
	char id[65];

	*mean_ms = 0;
	for (u32 i = 0; fog_links_at(h->links, i, &link); i++) {
		const struct fog_signed_descriptor *s =
			fog_directory_find(h->directory, link.node_id);
		struct fog_estimate e;
		fog_host_estimate(h, link.node_id, &e);
		double ms = (double)e.mean_ns / NS_PER_MS;
		bool known = e.kind != FOG_ESTIMATE_UNKNOWN;
		if (known && link.up) {
			*mean_ms += ms;
			measured++;
		}
		json_array_append_new(peers, json_pack("{s:s, s:s, s:o, s:s}", "id",
						       fog_node_id_hex(link.node_id, id), "name",
						       s != NULL ? s->d.name : "", "latency",
						       known ? json_real(ms) : json_null(), "state",
						       link.up ? "up" : "down"));
	}
	*mean_ms = measured != 0 ? *mean_ms / measured : 0;
	return peers;
}

static int p2p_status_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	u32 up, links = fog_links_count(h->links, &up);
	bool mixes = h->config.mix_enable && h->mix.mailbox_known;
	double mean_ms;

	json_decref(peers_json(h, &mean_ms));
	return fog_exchange_json(
		x, 200,
		json_pack("{s:i, s:f, s:s, s:I, s:{s:s, s:i, s:i, s:f}}", "connected_peers",
			  (int)up, "network_health", share(up, links), "bitchat_status",
			  mixes ? "active" : "inactive", "betanet_circuits",
			  (json_int_t)fog_host_counter(h, "circuits_live"), "topology", "type",
			  "mesh", "nodes", (int)fog_directory_count(h->directory), "connections",
			  (int)links, "avg_latency", mean_ms));
}

static int p2p_peers_get(struct fog_exchange *x)
{
	double mean_ms;

	return fog_exchange_json(
		x, 200, json_pack("{s:o}", "peers", peers_json(fog_exchange_ctx(x), &mean_ms)));
}

/* Of the mixnet, as our edge counts them. */
static void on_messages(void *ctx, int rc, const json_t *answer)
{
	struct fog_exchange *x = ctx;
	const json_t *counts = json_object_get(answer, "counts");
	struct fog_usage usage;

	if (rc != 0) {
		fog_exchange_problem(x, rc == -ETIMEDOUT ? 504 : 503,
				     rc == -ETIMEDOUT ? "fog-edge did not answer in time"
						      : "no fog-edge is connected on this host");
		return;
	}
	fog_host_usage(fog_exchange_ctx(x), &usage);
	u64 delivered = member(counts, "delivered"), lost = member(counts, "lost");
	fog_exchange_json(
		x, 200,
		json_pack("{s:I, s:I, s:f, s:f, s:I, s:I}", "messages_sent",
			  (json_int_t)member(counts, "sent_real"), "messages_received",
			  (json_int_t)member(counts, "received"), "routing_efficiency",
			  delivered + lost != 0 ? share(delivered, delivered + lost) : 1.0,
			  "bandwidth_usage", usage.bits_per_second, "messages_delivered",
			  (json_int_t)delivered, "messages_lost", (json_int_t)lost));
}

static int p2p_messages_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	int rc = fog_edge_server_request(h->edge, "message", json_pack("{s:s}", "action", "list"),
					 on_messages, x);

	return rc == 0 ? 0 : fog_exchange_problem(x, 503, "no fog-edge is connected on this host");
}

/* ---- routes --------------------------------------------------------------------------------- */

#define SERVICES "{*: {status: running|stopped|error, health: string, available: boolean, ...}}"

static const struct fog_route routes[] = {
	{"GET", "/", root_get,
	 FOG_DESCRIBE("What this is", .scope = FOG_SCOPE_NONE,
		      .answer = "{success: boolean, data: {service: string, version: string,"
				" status: string, enhanced_features: [string], fog_endpoints:"
				" {*: string}, ...}, ...}")},
	{"GET", "/health", health_get,
	 FOG_DESCRIBE("Health of the services", .scope = FOG_SCOPE_NONE,
		      .answer = "{status: healthy|degraded, timestamp: string, services: " SERVICES
				", version: string}")},
	{"GET", "/healthz", healthz_get,
	 FOG_DESCRIBE("That it answers", .scope = FOG_SCOPE_NONE,
		      .answer = "{status: healthy|degraded}")},
	{"GET", "/v1/fog/system/status", status_get,
	 FOG_DESCRIBE("The host as a whole",
		      .answer = "{services: " SERVICES ", fog_system: object, timestamp: string,"
				" pricing_analytics: object, scheduler_stats: object, "
				"components: " SERVICES
				", overall_health: string, healthy_components: integer,"
				" total_components: integer, total_operations: integer,"
				" success_rate: number}")},
	{"GET", "/v1/fog/system/metrics", metrics_get,
	 FOG_DESCRIBE(
		 "Figures of the host", .scope = FOG_SCOPE_ADMIN,
		 .answer = "{system_health: {overall_health: string, healthy_components: integer,"
			   " total_components: integer, error_rate: number}, performance:"
			   " {avg_response_time_ms: number, throughput_ops_per_sec: number,"
			   " success_rate: number, ...}, resources: {total_memory_mb: number,"
			   " total_cpu_percent: number, ...}, component_metrics: {tee_enclaves:"
			   " integer, active_proofs: integer, pricing_volatility: number,"
			   " scheduled_jobs: integer, consensus_rounds: integer, onion_circuits:"
			   " integer, reputation_updates: integer, vrf_selections: integer},"
			   " timestamp: string}")},
	{"GET", "/api/p2p/status", p2p_status_get,
	 FOG_DESCRIBE(
		 "Neighbours in short",
		 .answer = "{connected_peers: integer, network_health: number 0..1,"
			   " bitchat_status: active|inactive, betanet_circuits: integer, topology:"
			   " {type: string, nodes: integer, connections: integer,"
			   " avg_latency: number (ms)}}")},
	{"GET", "/api/p2p/peers", p2p_peers_get,
	 FOG_DESCRIBE("Neighbours",
		      .answer = "{peers: [{id: hex64, name: string, latency: number|null (ms),"
				" state: up|down}]}")},
	{"GET", "/api/p2p/messages", p2p_messages_get,
	 FOG_DESCRIBE("Messages through the mixnet, in numbers",
		      .answer = "{messages_sent: integer, messages_received: integer,"
				" routing_efficiency: number 0..1, bandwidth_usage: number (bit/s),"
				" messages_delivered: integer, messages_lost: integer}")},
};

void fog_host_system_routes(struct fog_host *h)
{
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
}
