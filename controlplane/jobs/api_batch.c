/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP handlers of batches, reasons, namespaces, holds and service levels; see docs/API.md. */
#include <errno.h>

#include "controlplane/jobs/api.h"
#include "controlplane/jobs/limits.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define LIST_DEFAULT  50
#define MIB           (1ull << 20)
#define CORES_MAX     1e6
#define MEMORY_MB_MAX (1ull << 30)

static struct fog_jobs *engine(struct fog_exchange *x)
{
	return fog_jobs_runtime_engine(fog_exchange_ctx(x));
}

static int answer(struct fog_exchange *x, json_t *value)
{
	if (value == NULL)
		return fog_exchange_problem(x, 500, "the store cannot be read");
	return fog_exchange_json(x, 200, value);
}

static int failed(struct fog_exchange *x, int rc, const char *error)
{
	switch (rc) {
	case -EINVAL:
		return fog_exchange_problem(x, 400, "%s", error);
	case -EEXIST:
		return fog_exchange_problem(x, 409, "id: is another batch or job");
	case -ENOSPC:
		return fog_exchange_problem(x, 503, "there is no room for it");
	case -EAGAIN:
		return fog_exchange_problem(x, 503, "the store does not take it now");
	default:
		return fog_exchange_problem(x, fog_status_of_errno(rc), "%s", strerror(-rc));
	}
}

/* ---- batches -------------------------------------------------------------------------------- */

static void id_make(char id[FOG_JOB_BATCH_SIZE])
{
	u8 bytes[8];

	fog_random_bytes(bytes, sizeof(bytes));
	if (fog_hex_encode(bytes, sizeof(bytes), id, FOG_JOB_BATCH_SIZE) != 0)
		FOG_UNREACHABLE();
}

int fog_jobs_batch_post(struct fog_exchange *x)
{
	struct fog_jobs_runtime *rt = fog_exchange_ctx(x);
	char id[FOG_JOB_BATCH_SIZE], error[FOG_JSON_ERROR_SIZE], location[FOG_JOB_BATCH_SIZE + 16];
	struct fog_job_batch batch;
	bool found;

	id_make(id);
	int rc = fog_job_batch_parse(fog_exchange_body(x), id, &batch, error);
	if (rc != 0)
		return failed(x, rc, error);
	for (u32 i = 0; i < batch.count; i++)
		batch.request[i].origin = fog_jobs_origin(x);
	rc = fog_jobs_submit_batch(engine(x), fog_exchange_subject(x), &batch,
				   fog_jobs_runtime_now(rt), error);
	memcpy(id, batch.id, sizeof(id));
	fog_job_batch_free(&batch);
	fog_jobs_runtime_pump(rt);
	fog_jobs_runtime_kick(rt);
	if (rc < 0)
		return failed(x, rc, error);
	snprintf(location, sizeof(location), "/v1/batches/%s", id);
	fog_exchange_header(x, "Location", location);
	json_t *view = fog_view_batch(engine(x), fog_exchange_owner(x), id, &found);
	if (view == NULL) /* it is there all the same */
		view = json_pack("{s:s}", "id", id);
	return fog_exchange_json(x, rc == 1 ? 201 : 200, view);
}

static int batches_get(struct fog_exchange *x)
{
	u64 limit, before;

	if (fog_exchange_query_u64(x, "limit", LIST_DEFAULT, FOG_JOBS_LIST_MAX, &limit) != 0 ||
	    fog_exchange_query_u64(x, "after", 0, INT64_MAX, &before) != 0)
		return 0;
	return answer(x, fog_view_batches(engine(x), fog_exchange_owner(x), before, (u32)limit));
}

static int batch_get(struct fog_exchange *x)
{
	const char *id = fog_exchange_param(x, "id");
	bool found;
	json_t *batch = fog_view_batch(engine(x), fog_exchange_owner(x), id, &found);

	if (!found)
		return fog_exchange_problem(x, 404, "no batch \"%s\"", id);
	return answer(x, batch);
}

static int batch_cancel(struct fog_exchange *x)
{
	struct fog_jobs_runtime *rt = fog_exchange_ctx(x);
	const char *id = fog_exchange_param(x, "id");
	bool found;

	int rc = fog_jobs_has_batch(engine(x), fog_exchange_owner(x), id)
			 ? fog_jobs_cancel_batch(engine(x), id, fog_jobs_runtime_now(rt))
			 : -ENOENT;
	fog_jobs_runtime_pump(rt);
	if (rc == -ENOENT)
		return fog_exchange_problem(x, 404, "no batch \"%s\"", id);
	if (rc != 0)
		return failed(x, rc, "");
	return answer(x, fog_view_batch(engine(x), fog_exchange_owner(x), id, &found));
}

/* ---- why and plan --------------------------------------------------------------------------- */

static int job_why(struct fog_exchange *x)
{
	struct fog_jobs_runtime *rt = fog_exchange_ctx(x);
	const char *id = fog_exchange_param(x, "id");
	u64 now_ms = fog_jobs_runtime_now(rt);
	struct fog_job_why why;
	bool found;

	if (!fog_jobs_has(engine(x), fog_exchange_owner(x), id))
		return fog_exchange_problem(x, 404, "no job \"%s\"", id);
	int rc = fog_jobs_why(engine(x), id, now_ms, &why);
	if (rc != 0)
		return failed(x, rc, "");
	if (!why.found) {
		json_t *job = fog_view_job(engine(x), fog_exchange_owner(x), id, &found);
		const char *reason = json_string_value(json_object_get(job, "reason"));
		snprintf(why.text, sizeof(why.text), "%s", reason != NULL ? reason : "");
		json_decref(job);
	}
	return answer(x, fog_view_why(&why, id, now_ms));
}

static int plan_answer(struct fog_exchange *x, const struct fog_job_request *requests, u32 count)
{
	struct fog_jobs_runtime *rt = fog_exchange_ctx(x);
	struct fog_job_why *why = calloc(count, sizeof(*why));
	u64 now_ms = fog_jobs_runtime_now(rt);
	char error[FOG_JSON_ERROR_SIZE] = "";
	json_t *list = json_array();

	int rc = why == NULL ? -ENOMEM
			     : fog_jobs_plan(engine(x), fog_exchange_subject(x), requests, count,
					     now_ms, why, error);
	for (u32 i = 0; rc == 0 && i < count; i++)
		json_array_append_new(list, fog_view_why(&why[i], requests[i].id, now_ms));
	free(why);
	if (rc != 0) {
		json_decref(list);
		return failed(x, rc, error);
	}
	return answer(x, json_pack("{s:o}", "jobs", list));
}

static int jobs_plan(struct fog_exchange *x)
{
	const json_t *body = fog_exchange_body(x);
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_request request;
	struct fog_job_batch batch;
	int rc;

	if (fog_job_batch_wanted(body)) {
		rc = fog_job_batch_parse(body, "plan", &batch, error);
		if (rc != 0)
			return failed(x, rc, error);
		rc = plan_answer(x, batch.request, batch.count);
		fog_job_batch_free(&batch);
		return rc;
	}
	rc = fog_job_request_parse(body, &request, error);
	if (rc != 0)
		return failed(x, rc, error);
	rc = plan_answer(x, &request, 1);
	fog_job_request_free(&request);
	return rc;
}

static int job_history(struct fog_exchange *x)
{
	const char *id = fog_exchange_param(x, "id");

	if (!fog_jobs_has(engine(x), fog_exchange_owner(x), id))
		return fog_exchange_problem(x, 404, "no job \"%s\"", id);
	return answer(x, fog_view_history(engine(x), id));
}

/* ---- namespaces and hosts ------------------------------------------------------------------- */

static int spaces_get(struct fog_exchange *x)
{
	return answer(x, fog_view_spaces(engine(x)));
}

static u64 optional(struct fog_json_reader *r, const char *field, u64 max)
{
	return fog_json_has(r, field) ? fog_json_u64(r, field, 0, max) : 0;
}

static int space_post(struct fog_exchange *x)
{
	struct fog_jobs_runtime *rt = fog_exchange_ctx(x);
	const char *name = fog_exchange_param(x, "name");
	struct fog_space_quota quota = {.weight = 1};
	struct fog_json_reader r;

	fog_json_begin(&r, fog_exchange_body(x), "");
	if (fog_json_has(&r, "cpu_cores"))
		quota.cpu_milli = (u64)(fog_json_real(&r, "cpu_cores", 0, CORES_MAX) * 1000);
	quota.memory_bytes = optional(&r, "memory_mb", MEMORY_MB_MAX) * MIB;
	quota.jobs = optional(&r, "jobs", UINT32_MAX);
	if (fog_json_has(&r, "weight"))
		quota.weight = fog_json_real(&r, "weight", 0.001, 1000);
	fog_json_end(&r);
	if (!fog_json_ok(&r))
		return fog_exchange_problem(x, 400, "%s", r.error);
	if (!fog_job_id_valid(name))
		return fog_exchange_problem(x, 400, "name: must be 1 to 64 of [A-Za-z0-9._-]");
	int rc = fog_jobs_space_set(engine(x), name, &quota, fog_jobs_runtime_now(rt));
	if (rc != 0)
		return failed(x, rc, "");
	return answer(x, fog_view_spaces(engine(x)));
}

static int holds_get(struct fog_exchange *x)
{
	const struct fog_jobs_runtime_config *c = fog_jobs_runtime_config(fog_exchange_ctx(x));

	return answer(x, fog_view_holds(engine(x), c->host_name, c->context));
}

static int hold_post(struct fog_exchange *x)
{
	static const char *const modes[] = {"none", "cordon", "drain"};
	struct fog_jobs_runtime *rt = fog_exchange_ctx(x);
	u64 now_ms = fog_jobs_runtime_now(rt), deadline_ms = now_ms;
	u8 node[FOG_JOB_NODE_SIZE];
	struct fog_json_reader r;
	u32 mode = 0;

	if (fog_hex_decode(fog_exchange_param(x, "node"), node, sizeof(node)) != 0)
		return fog_exchange_problem(x, 400, "node: must be a node id of 64 hex digits");
	fog_json_begin(&r, fog_exchange_body(x), "");
	const char *text = fog_json_text_of(&r, "mode", 16);
	while (mode < FOG_ARRAY_COUNT(modes) && strcmp(modes[mode], text) != 0)
		mode++;
	if (fog_json_ok(&r) && mode == FOG_ARRAY_COUNT(modes))
		fog_json_wrong(&r, "mode", "must be none, cordon or drain");
	deadline_ms += 1000 * optional(&r, "deadline_seconds", FOG_JOB_WALL_MS_MAX / 1000);
	fog_json_end(&r);
	if (!fog_json_ok(&r))
		return fog_exchange_problem(x, 400, "%s", r.error);
	int rc = fog_jobs_hold(engine(x), node, (enum fog_hold)mode, deadline_ms, now_ms);
	fog_jobs_runtime_pump(rt);
	fog_jobs_runtime_kick(rt);
	return rc != 0 ? failed(x, rc, "") : holds_get(x);
}

/* ---- service levels, the scheduler ---------------------------------------------------------- */

static int sla_get(struct fog_exchange *x)
{
	u64 limit, before;

	if (fog_exchange_query_u64(x, "limit", LIST_DEFAULT, FOG_JOBS_LIST_MAX, &limit) != 0 ||
	    fog_exchange_query_u64(x, "after", 0, INT64_MAX, &before) != 0)
		return 0;
	return answer(x,
		      fog_view_sla(engine(x), fog_exchange_owner(x),
				   fog_jobs_runtime_now(fog_exchange_ctx(x)), before, (u32)limit));
}

json_t *fog_jobs_scheduler_json(struct fog_jobs_runtime *rt)
{
	const struct fog_jobs_runtime_config *c = fog_jobs_runtime_config(rt);
	struct fog_placement_host *hosts = calloc(FOG_PLACEMENT_HOSTS_MAX, sizeof(*hosts));
	u32 alive = 0;

	if (hosts == NULL)
		return NULL;
	u32 count = c->hosts(c->context, hosts, FOG_PLACEMENT_HOSTS_MAX, fog_jobs_runtime_now(rt));
	for (u32 i = 0; i < count; i++)
		alive += hosts[i].alive;
	free(hosts);
	return fog_view_scheduler(fog_jobs_runtime_engine(rt), count, alive);
}

static int scheduler_get(struct fog_exchange *x)
{
	return answer(x, fog_jobs_scheduler_json(fog_exchange_ctx(x)));
}

static const struct fog_route routes[] = {
	{"POST", "/v1/batches", fog_jobs_batch_post,
	 FOG_DESCRIBE("Submit a batch", .creates = true, .status = 201,
		      .request = "{stages: array, ...}", .answer = "@Job")},
	{"GET", "/v1/batches", batches_get,
	 FOG_DESCRIBE("List batches, newest first",
		      .query = "limit?: integer 0..1000 = 50, after?: integer"
			       " 0..9223372036854775807 = 0 (next of the page before)",
		      .answer = "{batches: [object], next: integer|null}")},
	{"GET", "/v1/batches/{id}", batch_get, FOG_DESCRIBE("A batch", .answer = "@Job")},
	{"POST", "/v1/batches/{id}/cancel", batch_cancel,
	 FOG_DESCRIBE("Cancel a batch", .answer = "@Job")},
	{"POST", "/v1/plan", jobs_plan,
	 FOG_DESCRIBE("Where a job or batch would run", .text = "Nothing is stored.",
		      .scope = FOG_SCOPE_READ, .request = "object", .answer = "object")},
	{"GET", "/v1/jobs/{id}/why", job_why,
	 FOG_DESCRIBE("Why a job waits, or where it would run", .answer = "object")},
	{"GET", "/v1/jobs/{id}/history", job_history,
	 FOG_DESCRIBE("States a job went through",
		      .answer = "{id: string, trace_id?: string, worker_trace_id?: string, "
				"history: [{state: string, reason: string, at_ms: ms}]}")},
	{"GET", "/v1/namespaces", spaces_get,
	 FOG_DESCRIBE("Namespaces: quotas, weights, use", .answer = "{namespaces: [object]}")},
	{"POST", "/v1/namespaces/{name}", space_post,
	 FOG_DESCRIBE("Set a quota and weight", .scope = FOG_SCOPE_ADMIN,
		      .request = "{cpu_cores?: number 0.., memory_mb?: integer 0.., jobs?:"
				 " integer 0.., weight?: number 0.001..1000 = 1}",
		      .answer = "{namespaces: [object]}")},
	{"GET", "/v1/holds", holds_get,
	 FOG_DESCRIBE("Hosts that get no new jobs", .answer = "{holds: [object]}")},
	{"POST", "/v1/holds/{node}", hold_post,
	 FOG_DESCRIBE("Cordon, drain or use a host again", .scope = FOG_SCOPE_ADMIN,
		      .path = "node: hex64",
		      .request = "{mode: none|cordon|drain, deadline_seconds?: integer 0.. = 0}",
		      .answer = "{holds: [object]}")},
	{"GET", "/v1/sla", sla_get,
	 FOG_DESCRIBE("Service levels not kept",
		      .query = "limit?: integer 0..1000 = 50, after?: integer"
			       " 0..9223372036854775807 = 0 (next of the page before)",
		      .answer = "object")},
	{"GET", "/v1/scheduler", scheduler_get,
	 FOG_DESCRIBE("What the scheduler has done",
		      .answer = "{total_nodes: integer, healthy_nodes: integer,"
				" total_placements: integer, successful_placements: integer,"
				" failed_placements: integer, success_rate: number,"
				" avg_placement_latency_ms: number, p95_placement_latency_ms:"
				" number, queue_length: integer, optimization_generations:"
				" integer, batches: integer, passes: integer, preemptions:"
				" integer, sla_breaches: integer}")},
};

void fog_jobs_batch_api_add(struct fog_jobs_runtime *rt, struct fog_gateway *gateway)
{
	fog_gateway_add(gateway, routes, FOG_ARRAY_COUNT(routes), rt);
}
