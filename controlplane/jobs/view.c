/* SPDX-License-Identifier: BSD-3-Clause */
/* Jobs as the API shows them, see view.h. */
#include "controlplane/jobs/view.h"

#include <errno.h>

#include "controlplane/jobs/limits.h"
#include "crypto/mem.h"

static json_t *when(struct fog_stmt *q, int column)
{
	u64 ms = fog_column_u64(q, column);

	return ms != 0 ? json_integer((json_int_t)ms) : json_null();
}

static json_t *node(struct fog_stmt *q, int column)
{
	u8 id[FOG_JOB_NODE_SIZE];

	return fog_column_copy(q, column, id, sizeof(id)) == 0 ? fog_json_hex_new(id, sizeof(id))
							       : json_null();
}

/* JSON text of ours; null when it is empty or damaged. */
static json_t *parsed(const char *text)
{
	json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);

	return v != NULL ? v : json_null();
}

/* ---- attempts ------------------------------------------------------------------------------- */

/* What the receipt says, in the attempt: exit, times, memory, sandbox. */
static void receipt_add(json_t *o, const char *text)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_receipt t;

	if (text[0] == '\0' || fog_receipt_parse(text, &t, error) != 0)
		return;
	json_object_set_new(o, "outcome", json_string(fog_outcome_name(t.outcome)));
	json_object_set_new(o, "exit", t.exit_code >= 0 ? json_integer(t.exit_code) : json_null());
	json_object_set_new(o, "signal", t.signal != 0 ? json_integer(t.signal) : json_null());
	json_object_set_new(o, "error", json_string(t.error));
	json_object_set_new(o, "wall_ms", json_integer((json_int_t)t.usage.wall_ms));
	json_object_set_new(
		o, "cpu_ms",
		json_integer((json_int_t)(t.usage.cpu_user_ms + t.usage.cpu_system_ms)));
	json_object_set_new(o, "memory_max_bytes",
			    json_integer((json_int_t)t.usage.memory_peak_bytes));
	json_object_set_new(o, "io_read_bytes", json_integer((json_int_t)t.usage.io_read_bytes));
	json_object_set_new(o, "io_write_bytes", json_integer((json_int_t)t.usage.io_write_bytes));
	json_object_set_new(o, "truncated", json_boolean(t.truncated));
	json_object_set_new(o, "stdout_sha256", fog_json_hex_new(t.output[0].sha256, 32));
	json_object_set_new(o, "stderr_sha256", fog_json_hex_new(t.output[1].sha256, 32));
	json_object_set_new(o, "sandbox", parsed(t.sandbox));
	json_object_set_new(o, "amount", json_integer(t.amount));
	json_object_set_new(o, "run_started_ms", json_integer((json_int_t)t.started_ms));
	json_object_set_new(o, "run_ended_ms", json_integer((json_int_t)t.ended_ms));
}

static void price_add(json_t *o, const char *text)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_offer offer;

	if (fog_offer_parse(text, &offer, error) != 0)
		return;
	json_object_set_new(o, "price",
			    json_pack("{s:I,s:I,s:I}", "cpu_hour", (json_int_t)offer.price.cpu_hour,
				      "memory_gb_hour", (json_int_t)offer.price.memory_gb_hour,
				      "max", (json_int_t)offer.price_max));
	if (offer.price.accelerator_hour != 0)
		json_object_set_new(json_object_get(o, "price"), "accelerator_hour",
				    json_integer((json_int_t)offer.price.accelerator_hour));
}

#define ATTEMPT_SQL                                                                               \
	"SELECT a.number, a.worker, a.worker_name, a.state, a.reason, a.route, a.quote, a.offer," \
	" a.created_ms, a.offered_ms, a.accepted_ms, a.received_ms, a.ended_ms, a.deadline_ms,"   \
	" a.reputation_before, a.reputation_after, a.notify, r.text, s.amount, s.created_ms, "    \
	"a.run"                                                                                   \
	" FROM attempt a"                                                                         \
	" LEFT JOIN receipt r ON r.submitter = ? AND r.job = a.job AND r.attempt = a.number"      \
	" LEFT JOIN settlement s ON s.submitter = r.submitter AND s.job = a.job"                  \
	"  AND s.attempt = a.number"                                                              \
	" WHERE a.job = ? ORDER BY a.number"

static void times_add(json_t *o, struct fog_stmt *q)
{
	static const char *const names[] = {"created_ms",  "offered_ms", "accepted_ms",
					    "received_ms", "ended_ms",   "deadline_ms"};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(names); i++)
		json_object_set_new(o, names[i], when(q, 8 + (int)i));
}

static json_t *attempt_json(struct fog_stmt *q)
{
	enum fog_attempt_state state = (enum fog_attempt_state)fog_column_int(q, 3);
	json_t *o = json_pack(
		"{s:I,s:o,s:s,s:s,s:s,s:o,s:I,s:I}", "number", (json_int_t)fog_column_int(q, 0),
		"worker", node(q, 1), "worker_name", fog_column_text(q, 2), "state",
		fog_attempt_state_name(state), "reason", fog_column_text(q, 4), "path",
		parsed(fog_column_text(q, 5)), "quote", (json_int_t)fog_column_int(q, 6), "run",
		(json_int_t)fog_column_int(q, 20));

	if (o == NULL)
		return NULL;
	times_add(o, q);
	price_add(o, fog_column_text(q, 7));
	json_object_set_new(o, "reputation_before", json_real(fog_column_real(q, 14)));
	json_object_set_new(o, "reputation_after",
			    fog_column_is_null(q, 15) ? json_null()
						      : json_real(fog_column_real(q, 15)));
	receipt_add(o, fog_column_text(q, 17));
	if (state == FOG_ATTEMPT_SETTLED)
		json_object_set_new(o, "settlement",
				    json_pack("{s:I,s:o,s:b}", "amount",
					      (json_int_t)fog_column_int(q, 18), "created_ms",
					      when(q, 19), "acknowledged",
					      fog_column_int(q, 16) == 0));
	return o;
}

static json_t *attempts_json(struct fog_jobs *j, const char *id)
{
	struct fog_stmt *q = fog_stmt(fog_jobs_store(j), ATTEMPT_SQL);
	json_t *list = json_array();
	int rc;

	fog_bind_blob(q, fog_jobs_node(j), FOG_JOB_NODE_SIZE);
	fog_bind_text(q, id);
	while ((rc = fog_stmt_step(q)) == 1)
		json_array_append_new(list, attempt_json(q));
	if (rc == 0)
		return list;
	json_decref(list);
	return NULL;
}

/* ---- jobs ----------------------------------------------------------------------------------- */

void fog_view_trace_set(json_t *o, const char *text)
{
	char hex[FOG_TRACE_ID_SIZE];
	struct fog_job_trace t;

	fog_job_trace_read(text, &t);
	if (!fog_trace_is(&t.span))
		return;
	json_object_set_new(o, "trace_id", json_string(fog_trace_id_hex(&t.span, hex)));
	if (memcmp(t.wire, t.span.trace_id, sizeof(t.wire)) == 0)
		return;
	fog_job_trace_wire(&t, &t.span);
	json_object_set_new(o, "worker_trace_id", json_string(fog_trace_id_hex(&t.span, hex)));
}

#define JOB_SQL                                                                                    \
	"SELECT j.seq, j.id, j.user, j.name, j.state, j.reason, j.cancel_ms, j.attempt_count,"     \
	" j.lost_count, j.created_ms, j.started_ms, j.ended_ms, j.outcome, j.exit_code, j.signal," \
	" j.amount, a.worker_name, a.worker, j.spec, j.wishes,"                                    \
	" (SELECT balance FROM ledger_account l WHERE l.name = 'escrow:' || j.id),"                \
	" j.space, j.batch, j.stage, j.kind, j.rank, j.members, j.after, j.trace"                  \
	" FROM job j LEFT JOIN attempt a ON a.job = j.id AND a.number = j.attempt_count"

static json_t *job_json(struct fog_stmt *q)
{
	enum fog_job_state state = (enum fog_job_state)fog_column_int(q, 4);
	json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:I,s:I,s:o,s:o,s:o,s:s,s:o,s:I}", "id",
			      fog_column_text(q, 1), "user", fog_column_text(q, 2), "name",
			      fog_column_text(q, 3), "state", fog_job_state_name(state), "reason",
			      fog_column_text(q, 5), "cancel_requested", fog_column_int(q, 6) != 0,
			      "attempt_count", (json_int_t)fog_column_int(q, 7), "lost_count",
			      (json_int_t)fog_column_int(q, 8), "submitted_ms", when(q, 9),
			      "started_ms", when(q, 10), "ended_ms", when(q, 11), "worker_name",
			      fog_column_text(q, 16), "worker",
			      fog_column_is_null(q, 17) ? json_null() : node(q, 17), "escrow",
			      (json_int_t)fog_column_int(q, 20));

	json_object_set_new(o, "namespace", json_string(fog_column_text(q, 21)));
	fog_view_trace_set(o, fog_column_text(q, 28));
	if (*fog_column_text(q, 22) != '\0')
		json_object_update_new(
			o, json_pack("{s:s,s:s,s:s,s:I,s:I,s:s}", "batch", fog_column_text(q, 22),
				     "stage", fog_column_text(q, 23), "kind",
				     fog_job_kind_name((enum fog_job_kind)fog_column_int(q, 24)),
				     "rank", (json_int_t)fog_column_int(q, 25), "members",
				     (json_int_t)fog_column_int(q, 26), "after",
				     fog_column_text(q, 27)));
	if (o == NULL || fog_column_int(q, 12) == FOG_OUTCOME_INVALID)
		return o;
	json_object_set_new(o, "outcome",
			    json_string(fog_outcome_name((enum fog_outcome)fog_column_int(q, 12))));
	json_object_set_new(o, "exit",
			    fog_column_int(q, 13) >= 0 ? json_integer(fog_column_int(q, 13))
						       : json_null());
	json_object_set_new(o, "signal",
			    fog_column_int(q, 14) > 0 ? json_integer(fog_column_int(q, 14))
						      : json_null());
	json_object_set_new(o, "paid", json_integer(fog_column_int(q, 15)));
	return o;
}

/* For "(? = '' OR user = ?)": users have names. */
static const char *anybody(const char *owner)
{
	return owner != NULL ? owner : "";
}

/* Numbers and hosts only: the list stays small. */
static json_t *attempts_brief(struct fog_jobs *j, const char *id)
{
	struct fog_stmt *q =
		fog_stmt(fog_jobs_store(j), "SELECT number, worker_name, state FROM attempt"
					    " WHERE job = ? ORDER BY number");
	json_t *list = json_array();

	fog_bind_text(q, id);
	while (fog_stmt_step(q) == 1)
		json_array_append_new(
			list, json_pack("{s:I,s:s,s:s}", "number", (json_int_t)fog_column_int(q, 0),
					"worker_name", fog_column_text(q, 1), "state",
					fog_attempt_state_name(
						(enum fog_attempt_state)fog_column_int(q, 2))));
	return list;
}

json_t *fog_view_jobs(struct fog_jobs *j, const char *owner, enum fog_job_state state, u64 before,
		      u32 limit)
{
	struct fog_stmt *q = fog_stmt(fog_jobs_store(j), JOB_SQL
				      " WHERE (?1 = 0 OR j.state = ?1)"
				      " AND (?2 = 0 OR j.seq < ?2) AND (?4 = '' OR j.user = ?4)"
				      " ORDER BY j.seq DESC LIMIT ?3");
	json_t *list = json_array();
	i64 last = 0;
	u32 count = 0;
	int rc;

	limit = FOG_MIN(limit, FOG_JOBS_LIST_MAX);
	fog_bind_int(q, state);
	fog_bind_u64(q, before);
	fog_bind_u64(q, limit);
	fog_bind_text(q, anybody(owner));
	while ((rc = fog_stmt_step(q)) == 1) {
		json_t *o = job_json(q);
		last = fog_column_int(q, 0);
		json_object_set_new(o, "attempts", attempts_brief(j, fog_column_text(q, 1)));
		json_array_append_new(list, o);
		count++;
	}
	if (rc < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:o,s:o}", "jobs", list, "next",
			 count == limit && limit != 0 ? json_integer(last) : json_null());
}

static json_t *log_sizes(struct fog_jobs *j, const char *id)
{
	struct fog_stmt *q = fog_stmt(fog_jobs_store(j),
				      "SELECT stream, max(offset + length(data)) FROM job_log"
				      " WHERE job = ?1 AND attempt = (SELECT attempt_count FROM job"
				      " WHERE id = ?1) GROUP BY stream");
	i64 size[2] = {0, 0};

	fog_bind_text(q, id);
	while (fog_stmt_step(q) == 1)
		size[fog_column_int(q, 0) == 1] = fog_column_int(q, 1);
	return json_pack("{s:I,s:I}", "stdout", (json_int_t)size[0], "stderr", (json_int_t)size[1]);
}

json_t *fog_view_job(struct fog_jobs *j, const char *owner, const char *id, bool *found)
{
	struct fog_stmt *q = fog_stmt(fog_jobs_store(j),
				      JOB_SQL " WHERE j.id = ?1 AND (?2 = '' OR j.user = ?2)");

	fog_bind_text(q, id);
	fog_bind_text(q, anybody(owner));
	int rc = fog_stmt_step(q);
	*found = rc != 0;
	if (rc != 1)
		return NULL;
	json_t *o = job_json(q);
	if (o != NULL) {
		json_object_set_new(o, "spec", parsed(fog_column_text(q, 18)));
		json_object_set_new(o, "wishes", parsed(fog_column_text(q, 19)));
	}
	fog_stmt_reset(q);
	if (o == NULL)
		return NULL;
	json_object_set_new(o, "attempts", attempts_json(j, id));
	json_object_set_new(o, "logs", log_sizes(j, id));
	json_object_set_new(o, "checkpoints", fog_view_checkpoints(j, id));
	u64 start_ms = fog_jobs_likely_start(j, id);
	json_object_set_new(o, "likely_start_ms",
			    start_ms != 0 ? json_integer((json_int_t)start_ms) : json_null());
	return o;
}

/* Which attempt's log is meant; -ENOENT when there is no such job. */
static int log_attempt(struct fog_jobs *j, const char *id, u32 *attempt)
{
	struct fog_stmt *q =
		fog_stmt(fog_jobs_store(j), "SELECT attempt_count FROM job WHERE id = ?");

	fog_bind_text(q, id);
	int rc = fog_stmt_step(q);
	if (rc != 1)
		return rc == 0 ? -ENOENT : rc;
	if (*attempt == 0)
		*attempt = (u32)fog_column_u64(q, 0);
	fog_stmt_reset(q);
	return 0;
}

int fog_view_log(struct fog_jobs *j, const char *id, u32 attempt, u32 stream, u64 offset, u32 limit,
		 u8 **data, u32 *len)
{
	int rc = log_attempt(j, id, &attempt);

	*data = NULL;
	*len = 0;
	if (rc != 0)
		return rc;
	struct fog_stmt *q = fog_stmt(
		fog_jobs_store(j), "SELECT offset, data FROM job_log WHERE job = ? AND attempt = ?"
				   " AND stream = ? AND offset + length(data) > ? AND offset < ?"
				   " ORDER BY offset");
	u8 *out = malloc(limit != 0 ? limit : 1);
	if (out == NULL)
		return -ENOMEM;
	fog_bind_text(q, id);
	fog_bind_u64(q, attempt);
	fog_bind_u64(q, stream);
	fog_bind_u64(q, offset);
	fog_bind_u64(q, offset + limit);
	while ((rc = fog_stmt_step(q)) == 1) {
		size_t size;
		const u8 *chunk = fog_column_blob(q, 1, &size);
		u64 at = fog_column_u64(q, 0);
		u64 skip = offset + *len > at ? offset + *len - at : 0;
		u64 take = FOG_MIN(size - FOG_MIN(skip, size), limit - *len);
		memcpy(out + *len, chunk + skip, take);
		*len += (u32)take;
	}
	if (rc < 0) {
		free(out);
		return rc;
	}
	*data = out;
	return 0;
}

/* As the submitter knows it; else as it was told its worker. */
static void receipt_trace_set(json_t *o, const char *job, const char *work)
{
	char hex[FOG_TRACE_ID_SIZE];
	struct fog_trace t;

	if (job[0] != '\0')
		fog_view_trace_set(o, job);
	else if (fog_trace_parse(work, &t) == 0)
		json_object_set_new(o, "trace_id", json_string(fog_trace_id_hex(&t, hex)));
}

json_t *fog_view_receipts(struct fog_jobs *j, const char *job)
{
	struct fog_stmt *q = fog_stmt(
		fog_jobs_store(j), "SELECT r.attempt, r.submitter, r.worker, r.text, r.signature,"
				   " r.amount, r.created_ms, s.text, s.signature, s.amount,"
				   " s.created_ms, j.trace, w.trace FROM receipt r"
				   " LEFT JOIN settlement s"
				   " ON s.submitter = r.submitter AND s.job = r.job"
				   " AND s.attempt = r.attempt"
				   " LEFT JOIN job j ON r.submitter = ?1 AND j.id = r.job"
				   " LEFT JOIN work w ON w.submitter = r.submitter"
				   " AND w.job = r.job AND w.attempt = r.attempt"
				   " WHERE r.job = ?2 ORDER BY r.attempt, r.submitter");
	json_t *list = json_array();
	u8 signature[FOG_JOB_SIGNATURE_SIZE];
	int rc;

	fog_bind_blob(q, fog_jobs_node(j), FOG_JOB_NODE_SIZE);
	fog_bind_text(q, job);
	while ((rc = fog_stmt_step(q)) == 1) {
		json_t *settlement = json_null();
		if (fog_column_copy(q, 8, signature, sizeof(signature)) == 0)
			settlement = json_pack(
				"{s:s,s:s,s:o,s:I,s:o}", "label", FOG_SETTLEMENT_LABEL, "text",
				fog_column_text(q, 7), "signature",
				fog_json_hex_new(signature, sizeof(signature)), "amount",
				(json_int_t)fog_column_int(q, 9), "created_ms", when(q, 10));
		if (fog_column_copy(q, 4, signature, sizeof(signature)) != 0)
			memset(signature, 0, sizeof(signature));
		json_array_append_new(
			list, json_pack("{s:I,s:o,s:o,s:s,s:s,s:o,s:I,s:o,s:o}", "attempt",
					(json_int_t)fog_column_int(q, 0), "submitter", node(q, 1),
					"worker", node(q, 2), "label", FOG_RECEIPT_LABEL, "text",
					fog_column_text(q, 3), "signature",
					fog_json_hex_new(signature, sizeof(signature)), "amount",
					(json_int_t)fog_column_int(q, 5), "created_ms", when(q, 6),
					"settlement", settlement));
		receipt_trace_set(json_array_get(list, json_array_size(list) - 1),
				  fog_column_is_null(q, 11) ? "" : fog_column_text(q, 11),
				  fog_column_is_null(q, 12) ? "" : fog_column_text(q, 12));
	}
	if (rc < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:o}", "receipts", list);
}
