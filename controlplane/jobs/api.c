/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP handlers, see api.h. */
#include "controlplane/jobs/api.h"

#include <errno.h>

#include "controlplane/jobs/limits.h"
#include "controlplane/ledger/ledger.h"
#include "crypto/mem.h"

#define LIST_DEFAULT 50

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

/* ---- jobs ----------------------------------------------------------------------------------- */

static int submit_failed(struct fog_exchange *x, int rc, const char *id, const char *error)
{
	switch (rc) {
	case -EINVAL:
		return fog_exchange_problem(x, 400, "%s", error);
	case -EEXIST:
		return fog_exchange_problem(x, 409, "id: \"%s\" is another job", id);
	case -ENOSPC:
		return fog_exchange_problem(x, 503, "the queue of jobs is full");
	case -EAGAIN:
		return fog_exchange_problem(x, 503, "the store does not take it now");
	default:
		return fog_exchange_problem(x, fog_status_of_errno(rc), "%s", strerror(-rc));
	}
}

struct fog_job_origin fog_jobs_origin(const struct fog_exchange *x)
{
	return (struct fog_job_origin){.trace = *fog_exchange_trace(x),
				       .given = fog_exchange_traced(x),
				       .state = fog_exchange_tracestate(x)};
}

static int jobs_post(struct fog_exchange *x)
{
	struct fog_jobs_runtime *rt = fog_exchange_ctx(x);
	char id[FOG_JOB_ID_SIZE] = "", error[FOG_JSON_ERROR_SIZE], location[FOG_JOB_ID_SIZE + 16];
	struct fog_job_request request;
	bool found;

	if (fog_job_batch_wanted(fog_exchange_body(x)))
		return fog_jobs_batch_post(x);
	int rc = fog_job_request_parse(fog_exchange_body(x), &request, error);
	if (rc != 0)
		return submit_failed(x, rc, "", error);
	request.origin = fog_jobs_origin(x);
	rc = fog_jobs_submit(engine(x), fog_exchange_subject(x), &request, fog_jobs_runtime_now(rt),
			     id, error);
	fog_job_request_free(&request);
	fog_jobs_runtime_pump(rt);
	fog_jobs_runtime_kick(rt);
	if (rc < 0)
		return submit_failed(x, rc, id, error);
	json_t *job = fog_view_job(engine(x), fog_exchange_owner(x), id, &found);
	if (job == NULL) /* it is there all the same */
		job = json_pack("{s:s}", "id", id);
	snprintf(location, sizeof(location), "/v1/jobs/%s", id);
	fog_exchange_header(x, "Location", location);
	return fog_exchange_json(x, rc == 1 ? 201 : 200, job);
}

static int jobs_get(struct fog_exchange *x)
{
	const char *text = fog_exchange_query(x, "state");
	enum fog_job_state state = FOG_JOB_INVALID;
	u64 limit, before;

	if (text != NULL && text[0] != '\0') {
		state = fog_job_state_parse(text);
		if (state == FOG_JOB_INVALID)
			return fog_exchange_problem(x, 400, "state: no state \"%s\"", text);
	}
	if (fog_exchange_query_u64(x, "limit", LIST_DEFAULT, FOG_JOBS_LIST_MAX, &limit) != 0 ||
	    fog_exchange_query_u64(x, "after", 0, INT64_MAX, &before) != 0)
		return 0;
	return answer(x,
		      fog_view_jobs(engine(x), fog_exchange_owner(x), state, before, (u32)limit));
}

static int job_get(struct fog_exchange *x)
{
	const char *id = fog_exchange_param(x, "id");
	bool found;
	json_t *job = fog_view_job(engine(x), fog_exchange_owner(x), id, &found);

	if (!found)
		job = fog_view_batch(engine(x), fog_exchange_owner(x), id, &found);
	if (!found)
		return fog_exchange_problem(x, 404, "no job \"%s\"", id);
	return answer(x, job);
}

static int job_logs(struct fog_exchange *x)
{
	const char *id = fog_exchange_param(x, "id");
	const char *name = fog_exchange_query(x, "stream");
	u64 offset, limit, attempt;
	u32 stream = 0, len;
	u8 *data;

	if (name != NULL && strcmp(name, "stderr") == 0)
		stream = 1;
	else if (name != NULL && strcmp(name, "stdout") != 0)
		return fog_exchange_problem(x, 400, "stream: must be stdout or stderr");
	if (fog_exchange_query_u64(x, "offset", 0, INT64_MAX / 2, &offset) != 0 ||
	    fog_exchange_query_u64(x, "limit", FOG_JOB_OUTPUT_MAX, FOG_JOB_OUTPUT_MAX, &limit) !=
		    0 ||
	    fog_exchange_query_u64(x, "attempt", 0, FOG_JOBS_ATTEMPTS_MAX, &attempt) != 0)
		return 0;
	int rc = -ENOENT;
	if (fog_jobs_has(engine(x), fog_exchange_owner(x), id))
		rc = fog_view_log(engine(x), id, (u32)attempt, stream, offset, (u32)limit, &data,
				  &len);
	if (rc == -ENOENT)
		return fog_exchange_problem(x, 404, "no job \"%s\"", id);
	if (rc != 0)
		return fog_exchange_problem(x, 500, "the log cannot be read");
	rc = fog_exchange_bytes(x, 200, "application/octet-stream", data, len);
	free(data);
	return rc;
}

static int job_cancel(struct fog_exchange *x)
{
	struct fog_jobs_runtime *rt = fog_exchange_ctx(x);
	const char *id = fog_exchange_param(x, "id");
	bool found;

	int rc = -ENOENT;
	if (fog_jobs_has(engine(x), fog_exchange_owner(x), id))
		rc = fog_jobs_cancel(engine(x), id, fog_jobs_runtime_now(rt));
	else if (fog_jobs_has_batch(engine(x), fog_exchange_owner(x), id))
		rc = fog_jobs_cancel_batch(engine(x), id, fog_jobs_runtime_now(rt));
	fog_jobs_runtime_pump(rt);
	if (rc == -ENOENT)
		return fog_exchange_problem(x, 404, "no job \"%s\"", id);
	if (rc != 0)
		return fog_exchange_problem(x, 503, "the store does not take it now");
	json_t *job = fog_view_job(engine(x), fog_exchange_owner(x), id, &found);
	return answer(x,
		      found ? job : fog_view_batch(engine(x), fog_exchange_owner(x), id, &found));
}

/* ---- ledger, reputation, receipts ----------------------------------------------------------- */

/* A user's own account, and what is held for its jobs. */
static bool account_owned(struct fog_exchange *x, const char *name)
{
	const char *owner = fog_exchange_owner(x);

	return owner == NULL || (strncmp(name, "user:", 5) == 0 && strcmp(name + 5, owner) == 0) ||
	       (strncmp(name, "escrow:", 7) == 0 && fog_jobs_has(engine(x), owner, name + 7));
}

static int accounts_get(struct fog_exchange *x)
{
	const char *after = fog_exchange_query(x, "after");
	u64 limit;

	if (fog_exchange_query_u64(x, "limit", FOG_JOBS_LIST_MAX, FOG_JOBS_LIST_MAX, &limit) != 0)
		return 0;
	return answer(x, fog_view_accounts(engine(x), fog_exchange_owner(x),
					   after != NULL ? after : "", (u32)limit));
}

static int account_entries(struct fog_exchange *x)
{
	const char *name = fog_exchange_param(x, "name");
	u64 limit, before;
	bool found = false;

	if (fog_exchange_query_u64(x, "limit", LIST_DEFAULT, FOG_JOBS_LIST_MAX, &limit) != 0 ||
	    fog_exchange_query_u64(x, "after", 0, INT64_MAX, &before) != 0)
		return 0;
	json_t *list = account_owned(x, name)
			       ? fog_view_entries(engine(x), name, before, (u32)limit, &found)
			       : NULL;
	if (!found)
		return fog_exchange_problem(x, 404, "no account \"%s\"", name);
	return answer(x, list);
}

static int movements_get(struct fog_exchange *x)
{
	const char *account = fog_exchange_query(x, "account"), *owner = fog_exchange_owner(x);
	char own[FOG_LEDGER_ACCOUNT_SIZE];
	u64 limit, before;

	if (fog_exchange_query_u64(x, "limit", LIST_DEFAULT, FOG_JOBS_LIST_MAX, &limit) != 0 ||
	    fog_exchange_query_u64(x, "after", 0, INT64_MAX, &before) != 0)
		return 0;
	if (account != NULL && !account_owned(x, account))
		return fog_exchange_problem(x, 404, "no account \"%s\"", account);
	snprintf(own, sizeof(own), "user:%s", owner != NULL ? owner : "");
	return answer(x, fog_view_movements(engine(x),
					    account == NULL && owner != NULL ? own : account,
					    before, (u32)limit));
}

static int reputation_get(struct fog_exchange *x)
{
	struct fog_jobs_runtime *rt = fog_exchange_ctx(x);
	const struct fog_jobs_runtime_config *c = fog_jobs_runtime_config(rt);

	return answer(x, fog_view_reputation(engine(x), c->host_name, c->context,
					     fog_jobs_runtime_now(rt)));
}

static int evidence_get(struct fog_exchange *x)
{
	u8 node[FOG_JOB_NODE_SIZE];
	u64 limit;

	if (fog_hex_decode(fog_exchange_param(x, "node"), node, sizeof(node)) != 0)
		return fog_exchange_problem(x, 400, "node: must be a node id of 64 hex digits");
	if (fog_exchange_query_u64(x, "limit", LIST_DEFAULT, FOG_JOBS_LIST_MAX, &limit) != 0)
		return 0;
	return answer(x, fog_view_evidence(engine(x), fog_exchange_owner(x), node, (u32)limit));
}

static int receipts_get(struct fog_exchange *x)
{
	const char *job = fog_exchange_param(x, "job");
	const char *owner = fog_exchange_owner(x);
	json_t *list;

	/* Admins see those of jobs of others that ran here, too. */
	if (owner != NULL && !fog_jobs_has(engine(x), owner, job))
		return fog_exchange_problem(x, 404, "no receipt of a job \"%s\"", job);
	list = fog_view_receipts(engine(x), job);
	if (list != NULL && json_array_size(json_object_get(list, "receipts")) == 0) {
		json_decref(list);
		return fog_exchange_problem(x, 404, "no receipt of a job \"%s\"", job);
	}
	return answer(x, list);
}

/* Of a job or a batch; what only one of them has, or only when it is shown alone, need not be
 * there.
 */
#define JOB                                                                                       \
	"{id: string, user?: string (account that pays), name?: string, state?: string, reason?:" \
	" string, cancel_requested?: boolean, attempt_count?: integer, lost_count?: integer,"     \
	" submitted_ms?: ms|null, started_ms?: ms|null, ended_ms?: ms|null, worker_name?:"        \
	" string, worker?: hex64|null, escrow?: integer (mfog), namespace?: string, trace_id?:"   \
	" string, worker_trace_id?: string, batch?: string (it belongs to), stage?: string,"      \
	" kind?: string, rank?: integer, members?: integer, after?: string, outcome?: string,"    \
	" exit?: integer|null, signal?: integer|null, paid?: integer (mfog), spec?: any (what"    \
	" runs), wishes?: any (where and how), attempts?: [{number: integer, worker_name:"        \
	" string, state: string, worker?: hex64|null, reason?: string, path?: any (ids of"        \
	" relays), quote?: integer, run?: integer, created_ms?: ms|null, offered_ms?: ms|null,"   \
	" accepted_ms?: ms|null, received_ms?: ms|null, ended_ms?: ms|null, deadline_ms?:"        \
	" ms|null, price?: {cpu_hour: integer, memory_gb_hour: integer, max: integer},"           \
	" reputation_before?: number, reputation_after?: number|null, outcome?: string, exit?:"   \
	" integer|null, signal?: integer|null, error?: string, wall_ms?: integer, cpu_ms?:"       \
	" integer, memory_max_bytes?: integer, io_read_bytes?: integer, io_write_bytes?:"         \
	" integer, truncated?: boolean, stdout_sha256?: hex64, stderr_sha256?: hex64, sandbox?:"  \
	" any, amount?: integer, run_started_ms?: ms, run_ended_ms?: ms, settlement?: {amount:"   \
	" integer, created_ms: ms|null, acknowledged: boolean}, ...}], logs?: {stdout: integer"   \
	" (bytes), stderr: integer}, checkpoints?: any, likely_start_ms?: ms|null, ...}"

static const struct fog_route routes[] = {
	{"POST", "/v1/jobs", jobs_post,
	 FOG_DESCRIBE("Submit a job",
		      .text = "With stages, array, gang or class S it is a batch. The same"
			      " id and content again is answered 200 with the job as it is.",
		      .creates = true, .status = 201, .request = "@JobRequest", .answer = "@Job")},
	{"GET", "/v1/jobs", jobs_get,
	 FOG_DESCRIBE("List jobs, newest first",
		      .query = "state?: string ..16, limit?: integer 0..1000 = 50, after?:"
			       " integer 0..9223372036854775807 = 0 (next of the page before)",
		      .answer = "{jobs: [@Job], next: integer|null}")},
	{"GET", "/v1/jobs/{id}", job_get, FOG_DESCRIBE("A job or batch", .answer = "@Job")},
	{"GET", "/v1/jobs/{id}/logs", job_logs,
	 FOG_DESCRIBE("Output of a job",
		      .query = "stream?: stdout|stderr = stdout, offset?: integer"
			       " 0..4611686018427387903 = 0, limit?: integer 0.., attempt?:"
			       " integer 0.. = 0 (0: the last)",
		      .type = "application/octet-stream")},
	{"POST", "/v1/jobs/{id}/cancel", job_cancel,
	 FOG_DESCRIBE("Cancel a job or batch", .answer = "@Job")},
	{"GET", "/v1/accounts", accounts_get,
	 FOG_DESCRIBE("Accounts of the book of this host",
		      .query = "limit?: integer 0..1000, after?: string ..128 (name of the"
			       " last one of the page before)",
		      .answer = "{accounts: [{name: string, balance: integer, entries:"
				" integer, ...}], ...}")},
	{"GET", "/v1/accounts/{name}/entries", account_entries,
	 FOG_DESCRIBE("Entries of an account, newest first",
		      .query = "limit?: integer 0..1000 = 50, after?: integer"
			       " 0..9223372036854775807 = 0 (next of the page before)",
		      .answer = "object")},
	{"GET", "/v1/ledger/entries", movements_get,
	 FOG_DESCRIBE("Movements of money, newest first",
		      .query = "account?: string ..128, limit?: integer 0..1000 = 50, after?:"
			       " integer 0..9223372036854775807 = 0 (next of the page before)",
		      .answer = "object")},
	{"GET", "/v1/reputation", reputation_get,
	 FOG_DESCRIBE("Reputation of hosts", .answer = "object")},
	{"GET", "/v1/reputation/{node}/evidence", evidence_get,
	 FOG_DESCRIBE("What a reputation rests on", .path = "node: hex64",
		      .query = "limit?: integer 0..1000 = 50", .answer = "object")},
	{"GET", "/v1/receipts/{job}", receipts_get,
	 FOG_DESCRIBE("Signed receipts of a job",
		      .answer = "{receipts: [{attempt: integer, submitter: hex64|null, worker:"
				" hex64|null, label: string, text: string (what is signed),"
				" signature: hex, amount: integer, created_ms: ms|null,"
				" settlement: object|null, trace_id?: string, worker_trace_id?:"
				" string}]}")},
};

void fog_jobs_api_add(struct fog_jobs_runtime *rt, struct fog_gateway *gateway)
{
	fog_gateway_define(gateway, "Job", JOB);
	fog_gateway_define(
		gateway, "JobRequest",
		"{argv?: [string] 1.. (program and arguments; not of a batch),"
		" env?: {*: string}, stdin_base64?: base64, inputs?: array,"
		" limits?: {cpu_cores?: number, memory_mb?: integer,"
		" wall_seconds?: integer, output_mb?: integer, disk_mb?:"
		" integer, pids?: integer, artifacts_mb?: integer, ...},"
		" artifacts?: [string] ..32 (files of /work to take), engine?:"
		" string, target?:"
		" string, constraints?: object, price_cap?: integer (mfog),"
		" namespace?: string = default, class?: string = B, tier?:"
		" string, priority?: integer = 50, deadline_seconds?: integer,"
		" retries?: integer, preemptible?: boolean, on_preempt?:"
		" string, on_timeout?: string, checkpoint?: any, group?: string, webhook?:"
		" string, array?: integer, gang?: integer, name?: string, id?:"
		" string, stages?: array, ...}");
	fog_gateway_add(gateway, routes, FOG_ARRAY_COUNT(routes), rt);
	fog_jobs_batch_api_add(rt, gateway);
	fog_jobs_file_api_add(rt, gateway);
	fog_jobs_reserve_api_add(rt, gateway);
}
