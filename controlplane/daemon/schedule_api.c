/* SPDX-License-Identifier: BSD-3-Clause */
/* The scheduler as the published contract has it: where would a job go, and how well does it do? */
#include <errno.h>

#include "controlplane/daemon/envelope.h"
#include "controlplane/daemon/market.h"
#include "controlplane/jobs/api.h"
#include "controlplane/jobs/schedule.h"
#include "crypto/mem.h"

#define GIB         1073741824.0
#define HOUR_MS     3600000.0
#define MFOG        1000.0
#define WALL_MS_MIN 1000
#define NO_HOSTS    "No available fog nodes"
#define NO_FIT      "No feasible placement found"

struct demand {
	double cores, memory_gb, disk_gb, hours;
};

static double number_or(const json_t *o, const char *name, double def)
{
	const json_t *v = json_object_get(o, name);

	return v != NULL ? json_number_value(v) : def;
}

static const char *text_or(const json_t *o, const char *name, const char *def)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text != NULL ? text : def;
}

/* The body fits its schema. */
static void wish_read(struct fog_host *h, const json_t *body, struct demand *d,
		      struct fog_schedule_wish *w)
{
	*d = (struct demand){.cores = number_or(body, "cpu_cores", 1),
			     .memory_gb = number_or(body, "memory_gb", 1),
			     .disk_gb = number_or(body, "disk_gb", 1),
			     .hours = number_or(body, "estimated_duration_hours", 1)};
	*w = (struct fog_schedule_wish){
		.strategy =
			fog_schedule_strategy_parse(text_or(body, "placement_strategy", "nsga_ii")),
		.sla = fog_sla_class_parse(text_or(body, "job_class", "B_CLASS")),
		.request = {.cpu_milli = (u64)(d->cores * 1000),
			    .memory_bytes = (u64)(d->memory_gb * GIB),
			    .wall_ms = FOG_MAX((u64)(d->hours * HOUR_MS), (u64)WALL_MS_MIN)},
	};
	w->request.attested = w->sla == FOG_SLA_S;
	fog_rng_bytes(&h->rng, &w->request.seed, sizeof(w->request.seed));
}

/* What the market asks for it now, in fog. */
static double market_price(struct fog_host *h, const struct demand *d)
{
	u64 duration = FOG_MAX((u64)(d->hours * FOG_MARKET_PPM), (u64)1);
	const struct fog_bulk_item items[] = {
		{FOG_LANE_CPU, (u64)(d->cores * FOG_MARKET_PPM), duration},
		{FOG_LANE_MEMORY, (u64)(d->memory_gb * FOG_MARKET_PPM), duration},
		{FOG_LANE_STORAGE, (u64)(d->disk_gb * FOG_MARKET_PPM), duration},
	};
	struct fog_bulk_quote quote;

	if (fog_market_bulk(&h->market->m, items, FOG_ARRAY_COUNT(items), fog_loop_now_ms(h->loop),
			    &quote) != 0)
		return 0;
	return (double)quote.total / 1e6;
}

static json_t *violations_json(const struct fog_placement *p)
{
	json_t *list = json_array();
	char text[128];

	for (u32 i = 1; i < FOG_PLACEMENT_REASON_COUNT; i++) {
		if (p->rejected[i] == 0)
			continue;
		snprintf(text, sizeof(text), "%u %s", p->rejected[i],
			 fog_placement_reason_text((enum fog_placement_reason)i));
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *placed_json(struct fog_host *h, const char *job, const struct demand *d,
			   const struct fog_schedule_wish *w, const struct fog_schedule *s)
{
	char id[65];

	return json_pack("{s:b, s:s, s:s, s:s, s:{s:f, s:f, s:f, s:f, s:f}, s:s, s:s, s:I, s:I}",
			 "success", 1, "node_id", fog_node_id_hex(s->node, id), "node_name",
			 s->name, "job_id", job, "objectives", "latency_ms", (double)s->latency_ms,
			 "cost_estimate", (double)s->placement.price / MFOG, "marketplace_price",
			 market_price(h, d), "trust_score", s->reputation, "load_balance",
			 s->balance, "strategy", fog_schedule_strategy_name(w->strategy),
			 "job_class", fog_sla_class_name(w->sla), "price_mfog",
			 (json_int_t)s->placement.price, "feasible_nodes",
			 (json_int_t)s->placement.feasible);
}

static json_t *failed_json(const char *job, const struct fog_schedule *s)
{
	return json_pack("{s:b, s:s, s:o, s:s}", "success", 0, "error",
			 s->workers == 0 ? NO_HOSTS : NO_FIT, "violations",
			 violations_json(&s->placement), "job_id", job);
}

/* With a program the job is submitted, for the host that was chosen. */
static json_t *job_body(const json_t *body, const struct demand *d, const struct fog_schedule *s)
{
	static const char *const same[] = {"argv", "env", "stdin_base64", "namespace"};
	char id[65];
	json_t *o = json_pack("{s:s, s:s, s:s, s:{s:f, s:I, s:I, s:I}}", "id",
			      text_or(body, "job_id", ""), "target", fog_node_id_hex(s->node, id),
			      "class", text_or(body, "job_class", "B_CLASS"), "limits", "cpu_cores",
			      d->cores, "memory_mb", (json_int_t)(d->memory_gb * 1024),
			      "wall_seconds", (json_int_t)FOG_MAX(d->hours * 3600, 1.0), "disk_mb",
			      (json_int_t)(d->disk_gb * 1024));

	for (u32 i = 0; o != NULL && i < FOG_ARRAY_COUNT(same); i++)
		if (json_object_get(body, same[i]) != NULL)
			json_object_set(o, same[i], json_object_get(body, same[i]));
	return o;
}

/* 0, or -errno with error. */
static int job_submit(struct fog_exchange *x, const struct demand *d, const struct fog_schedule *s,
		      char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_host *h = fog_exchange_ctx(x);
	u64 now_ms = fog_jobs_runtime_now(h->jobs);
	json_t *job = job_body(fog_exchange_body(x), d, s);
	struct fog_job_request request;
	char id[FOG_JOB_ID_SIZE] = "";

	snprintf(error, FOG_JSON_ERROR_SIZE, "the job cannot be submitted");
	int rc = job != NULL ? fog_job_request_parse(job, &request, error) : -ENOMEM;
	json_decref(job);
	if (rc != 0)
		return rc;
	request.origin = fog_jobs_origin(x);
	rc = fog_jobs_submit(fog_jobs_runtime_engine(h->jobs), fog_exchange_subject(x), &request,
			     now_ms, id, error);
	fog_job_request_free(&request);
	fog_jobs_runtime_pump(h->jobs);
	fog_jobs_runtime_kick(h->jobs);
	return FOG_MIN(rc, 0);
}

static int schedule_post(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const json_t *body = fog_exchange_body(x);
	const char *job = text_or(body, "job_id", "");
	bool program = json_object_get(body, "argv") != NULL;
	u64 start_ns = fog_monotonic_ns();
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_schedule_wish w;
	struct fog_schedule s;
	struct demand d;

	wish_read(h, body, &d, &w);
	if (program && w.sla == FOG_SLA_S)
		return fog_exchange_problem(x, 409,
					    "class S is replicated: submit it with POST /v1/jobs");
	int rc = fog_jobs_schedule(fog_jobs_runtime_engine(h->jobs), &w,
				   fog_jobs_runtime_now(h->jobs), &s);
	if (rc != 0)
		return fog_exchange_problem(
			x, fog_status_of_errno(rc), "%s",
			rc == -EINVAL ? "it asks for more than any host can have" : strerror(-rc));
	double took_ms = (double)(fog_monotonic_ns() - start_ns) / 1e6;
	if (program && s.placement.found && (rc = job_submit(x, &d, &s, error)) != 0)
		return fog_exchange_problem(x, fog_status_of_errno(rc), "%s", error);
	json_t *data = s.placement.found ? placed_json(h, job, &d, &w, &s) : failed_json(job, &s);
	if (data != NULL) {
		json_object_set_new(data, "placement_time_ms", json_real(took_ms));
		json_object_set_new(data, "submitted", json_boolean(program && s.placement.found));
	}
	return fog_envelope(x, data, s.placement.found ? "Job scheduled" : "Job not scheduled");
}

static int stats_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);

	return fog_envelope(x, fog_jobs_scheduler_json(h->jobs), "Scheduler statistics");
}

static const struct fog_route routes[] = {
	{"POST", "/v1/fog/jobs/schedule", schedule_post,
	 FOG_DESCRIBE(
		 "Place a job",
		 .text = "Chooses a host; with argv the job is submitted, too, for that"
			 " host. When none fits, success is false in data.",
		 .request =
			 "{job_id: string 1..64, namespace?: string 1..63 = default,"
			 " job_class?: S|A|B|S_CLASS|A_CLASS|B_CLASS = B_CLASS,"
			 " cpu_cores?: number 0.1..100000 = 1, memory_gb?: number 0.1..100000 = 1,"
			 " disk_gb?: number 0.1..100000 = 1,"
			 " estimated_duration_hours?: number 0..720 = 1,"
			 " placement_strategy?: nsga_ii|weighted|pack|latency|cost|trust|load = "
			 "nsga_ii,"
			 " argv?: [string] 1..64, env?: {*: string}, stdin_base64?: base64, ...}",
		 .answer = "{success: boolean, job_id: string, placement_time_ms: number,"
			   " node_id?: hex64, node_name?: string, objectives?: {latency_ms: number,"
			   " cost_estimate: number, marketplace_price: number, trust_score: number,"
			   " load_balance: number}, strategy?: string, job_class?: S|A|B,"
			   " price_mfog?: integer, feasible_nodes?: integer, submitted: boolean,"
			   " error?: string, violations?: [string]}")},
	{"GET", "/v1/fog/jobs/scheduler/stats", stats_get,
	 FOG_DESCRIBE("How well the scheduler does",
		      .answer =
			      "{total_nodes: integer, healthy_nodes: integer,"
			      " total_placements: integer, successful_placements: integer,"
			      " failed_placements: integer, success_rate: number,"
			      " avg_placement_latency_ms: number, p95_placement_latency_ms: number,"
			      " queue_length: integer, optimization_generations: integer, ...}")},
};

void fog_host_schedule_routes(struct fog_host *h)
{
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
}
