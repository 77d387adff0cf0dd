/* SPDX-License-Identifier: BSD-3-Clause */
/* SQL of the worker. Errors stick in j->rc. */
#include <errno.h>

#include "controlplane/jobs/state.h"

#define ROW_COLUMNS                                                                      \
	"submitter, job, attempt, run, runs, state, cancel, reason, offer, created_ms, " \
	"updated_ms,"                                                                    \
	" accelerators, held, trace"

static void bind_key(struct fog_stmt *q, const struct fog_attempt_key *key)
{
	fog_bind_blob(q, key->submitter, sizeof(key->submitter));
	fog_bind_text(q, key->job);
	fog_bind_u64(q, key->attempt);
}

void fog_db_work_insert(struct fog_jobs *j, const struct fog_work *w, const char *offer,
			const u8 *signature, const char *spec)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(
		j->store, "INSERT INTO work(submitter, job, attempt, run, runs, state, cancel,"
			  " offer, offer_signature, spec, created_ms, updated_ms, accelerators,"
			  " held, trace) VALUES(?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)");
	char trace[FOG_TRACEPARENT_SIZE] = "";
	bind_key(q, &w->key);
	fog_bind_text(q, w->run);
	fog_bind_u64(q, w->runs);
	fog_bind_int(q, w->state);
	fog_bind_text(q, offer);
	fog_bind_blob(q, signature, FOG_JOB_SIGNATURE_SIZE);
	fog_bind_text(q, spec);
	fog_bind_u64(q, j->now_ms);
	fog_bind_u64(q, j->now_ms);
	fog_bind_int(q, (i64)w->accelerators);
	fog_bind_int(q, w->held);
	if (fog_trace_is(&w->trace))
		fog_trace_format(&w->trace, trace);
	fog_bind_text(q, trace);
	fog_jobs_fail(j, fog_stmt_run(q));
}

void fog_db_work_update(struct fog_jobs *j, const struct fog_attempt_key *key,
			enum fog_work_state state, const char *reason)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(j->store, "UPDATE work SET state = ?, reason = ?,"
						" updated_ms = ? WHERE submitter = ? AND job = ?"
						" AND attempt = ?");
	fog_bind_int(q, state);
	fog_bind_text(q, reason);
	fog_bind_u64(q, j->now_ms);
	bind_key(q, key);
	fog_jobs_fail(j, fog_stmt_run(q));
}

void fog_db_work_run(struct fog_jobs *j, const struct fog_work *w)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(j->store, "UPDATE work SET run = ?, runs = ?, cancel = ?,"
						" held = ?"
						" WHERE submitter = ? AND job = ? AND attempt = ?");
	fog_bind_text(q, w->run);
	fog_bind_u64(q, w->runs);
	fog_bind_int(q, w->cancel);
	fog_bind_int(q, w->held);
	bind_key(q, &w->key);
	fog_jobs_fail(j, fog_stmt_run(q));
}

static int row_read(struct fog_jobs *j, struct fog_stmt *q, struct fog_work_row *out)
{
	char error[FOG_JSON_ERROR_SIZE];
	const char *offer = fog_column_text(q, 8);

	memset(out, 0, sizeof(*out));
	int rc = fog_column_copy(q, 0, out->key.submitter, sizeof(out->key.submitter));
	memcpy(out->key.worker, j->config.node_id, sizeof(out->key.worker));
	snprintf(out->key.job, sizeof(out->key.job), "%s", fog_column_text(q, 1));
	out->key.attempt = (u32)fog_column_u64(q, 2);
	snprintf(out->run, sizeof(out->run), "%s", fog_column_text(q, 3));
	out->runs = (u32)fog_column_u64(q, 4);
	out->state = (enum fog_work_state)fog_column_int(q, 5);
	out->cancel = fog_column_int(q, 6) != 0;
	snprintf(out->reason, sizeof(out->reason), "%s", fog_column_text(q, 7));
	fog_hash_sha256(out->offer_sha256, offer, strlen(offer));
	out->created_ms = fog_column_u64(q, 9);
	out->updated_ms = fog_column_u64(q, 10);
	out->accelerators = (u64)fog_column_int(q, 11);
	out->held = fog_column_int(q, 12) != 0;
	(void)fog_trace_parse(fog_column_text(q, 13), &out->trace); /* "": none */
	if (rc == 0 && fog_offer_parse(offer, &out->offer, error) != 0)
		rc = -EUCLEAN;
	return rc;
}

static bool row_get(struct fog_jobs *j, struct fog_stmt *q, struct fog_work_row *out)
{
	int rc = fog_stmt_step(q);

	if (rc <= 0) {
		fog_jobs_fail(j, rc);
		return false;
	}
	rc = row_read(j, q, out);
	fog_stmt_reset(q);
	fog_jobs_fail(j, rc);
	return rc == 0;
}

bool fog_db_work_get(struct fog_jobs *j, const struct fog_attempt_key *key,
		     struct fog_work_row *out)
{
	struct fog_stmt *q =
		fog_stmt(j->store, "SELECT " ROW_COLUMNS " FROM work WHERE submitter = ?"
				   " AND job = ? AND attempt = ?");

	bind_key(q, key);
	return row_get(j, q, out);
}

bool fog_db_work_stale(struct fog_jobs *j, enum fog_work_state state, u64 before_ms,
		       struct fog_work_row *out)
{
	struct fog_stmt *q = fog_stmt(j->store, "SELECT " ROW_COLUMNS " FROM work WHERE state = ?"
						" AND updated_ms < ? ORDER BY updated_ms LIMIT 1");

	fog_bind_int(q, state);
	fog_bind_u64(q, before_ms);
	return row_get(j, q, out);
}

void fog_db_work_delete(struct fog_jobs *j, const struct fog_attempt_key *key)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(j->store, "DELETE FROM work WHERE submitter = ? AND job = ?"
						" AND attempt = ?");
	bind_key(q, key);
	fog_jobs_fail(j, fog_stmt_run(q));
}

void fog_db_works_load(struct fog_jobs *j)
{
	struct fog_stmt *q =
		fog_stmt(j->store, "SELECT " ROW_COLUMNS ", spec FROM work WHERE state <= ?"
				   " ORDER BY created_ms");
	struct fog_work_row row;
	int rc;

	fog_bind_int(q, FOG_WORK_RUNNING);
	while (j->rc == 0 && (rc = fog_stmt_step(q)) != 0) {
		if (rc == 1)
			rc = row_read(j, q, &row);
		if (rc == 0)
			fog_work_resume(j, &row, fog_column_text(q, 14));
		fog_jobs_fail(j, rc);
	}
	fog_stmt_reset(q);
}
