/* SPDX-License-Identifier: BSD-3-Clause */
/* SQL of the submitter: jobs, inputs, attempts, logs. Errors stick in j->rc. */
#include <errno.h>

#include "controlplane/jobs/state.h"

void fog_db_run(struct fog_jobs *j, struct fog_stmt *q)
{
	fog_jobs_fail(j, fog_stmt_run(q));
}

bool fog_db_row(struct fog_jobs *j, struct fog_stmt *q)
{
	int rc = fog_stmt_step(q);

	if (rc < 0)
		fog_jobs_fail(j, rc);
	return rc == 1;
}

static char *column_dup(struct fog_jobs *j, struct fog_stmt *q, int column)
{
	char *text = strdup(fog_column_text(q, column));

	if (text == NULL)
		fog_jobs_fail(j, -ENOMEM);
	return text;
}

static void input_insert(struct fog_jobs *j, const char *job, const struct fog_job_input_data *in)
{
	struct fog_stmt *q =
		fog_stmt(j->store, "INSERT INTO job_input(job, name, data) VALUES(?, ?, ?)");

	fog_bind_text(q, job);
	fog_bind_text(q, in->name);
	fog_bind_blob(q, in->data, in->size);
	fog_db_run(j, q);
}

void fog_db_job_insert(struct fog_jobs *j, const struct fog_job *job,
		       const struct fog_job_request *request)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q =
		fog_stmt(j->store,
			 "INSERT INTO job(id, user, name, spec, wishes, state, reason, cancel_ms,"
			 " attempt_count, lost_count, created_ms, space, batch, stage, after, kind,"
			 " rank, members, released_ms, class, tier, trace)"
			 " VALUES(?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
			 " ?)");
	char trace[FOG_JOB_TRACE_SIZE];
	fog_bind_text(q, job->id);
	fog_bind_text(q, job->user);
	fog_bind_text(q, request->name);
	fog_bind_text(q, request->spec_text);
	fog_bind_text(q, request->wishes_text);
	fog_bind_int(q, job->state);
	fog_bind_text(q, job->reason != NULL ? job->reason : "");
	fog_bind_u64(q, job->created_ms);
	fog_bind_text(q, job->terms.space);
	fog_bind_text(q, job->batch);
	fog_bind_text(q, job->stage);
	fog_bind_text(q, job->after != NULL ? job->after : "");
	fog_bind_int(q, job->kind);
	fog_bind_u64(q, job->rank);
	fog_bind_u64(q, job->members);
	fog_bind_u64(q, job->released_ms);
	fog_bind_int(q, job->terms.sla);
	fog_bind_int(q, job->terms.tier);
	fog_bind_text(q, fog_job_trace_text(&job->trace, request->origin.state, trace));
	fog_db_run(j, q);
	for (u32 i = 0; j->rc == 0 && i < request->input_count; i++)
		input_insert(j, job->id, &request->input[i]);
}

int fog_db_job_texts(struct fog_jobs *j, const char *id, char **spec, char **wishes)
{
	struct fog_stmt *q = fog_stmt(j->store, "SELECT spec, wishes FROM job WHERE id = ?");

	*spec = *wishes = NULL;
	fog_bind_text(q, id);
	if (!fog_db_row(j, q))
		return 0;
	*spec = column_dup(j, q, 0);
	*wishes = column_dup(j, q, 1);
	fog_stmt_reset(q);
	return 1;
}

void fog_db_job_update(struct fog_jobs *j, const struct fog_job *job, const char *reason)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q =
		fog_stmt(j->store, "UPDATE job SET state = ?1, reason = ?2, cancel_ms = ?3,"
				   " attempt_count = ?4, lost_count = ?5,"
				   " started_ms = CASE WHEN ?1 = 4 AND started_ms = 0 THEN ?6"
				   " ELSE started_ms END, released_ms = ?8 WHERE id = ?7");
	_Static_assert(FOG_JOB_RUNNING == 4, "named in the SQL above");
	fog_bind_int(q, job->state);
	fog_bind_text(q, reason);
	fog_bind_u64(q, job->cancel_ms);
	fog_bind_u64(q, job->attempt_count);
	fog_bind_u64(q, job->lost_count);
	fog_bind_u64(q, j->now_ms);
	fog_bind_text(q, job->id);
	fog_bind_u64(q, job->released_ms);
	fog_db_run(j, q);
}

void fog_db_job_end(struct fog_jobs *j, const struct fog_job *job, const char *reason,
		    const struct fog_receipt *receipt)
{
	fog_db_job_update(j, job, reason);
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(j->store, "UPDATE job SET ended_ms = ?, outcome = ?,"
						" exit_code = ?, signal = ?, amount = ?"
						" WHERE id = ?");
	fog_bind_u64(q, j->now_ms);
	fog_bind_int(q, receipt != NULL ? receipt->outcome : 0);
	fog_bind_int(q, receipt != NULL ? receipt->exit_code : -1);
	fog_bind_int(q, receipt != NULL ? receipt->signal : 0);
	fog_bind_int(q, receipt != NULL ? receipt->amount : 0);
	fog_bind_text(q, job->id);
	fog_db_run(j, q);
	if (j->rc != 0)
		return;
	q = fog_stmt(j->store, "DELETE FROM job_input WHERE job = ?");
	fog_bind_text(q, job->id);
	fog_db_run(j, q);
}

void fog_db_spec_put(struct fog_jobs *j, const char *job, const char *spec)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(j->store, "UPDATE attempt SET spec = (SELECT spec FROM job"
						" WHERE id = ?1) WHERE job = ?1 AND spec IS NULL");
	fog_bind_text(q, job);
	fog_db_run(j, q);
	if (j->rc != 0)
		return;
	q = fog_stmt(j->store, "UPDATE job SET spec = ? WHERE id = ?");
	fog_bind_text(q, spec);
	fog_bind_text(q, job);
	fog_db_run(j, q);
}

void fog_db_input_put(struct fog_jobs *j, const char *job, const char *name, const u8 *data,
		      size_t size)
{
	struct fog_job_input_data in = {.data = (u8 *)data, .size = size};

	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(j->store, "DELETE FROM job_input WHERE job = ? AND name = ?");
	fog_bind_text(q, job);
	fog_bind_text(q, name);
	fog_db_run(j, q);
	snprintf(in.name, sizeof(in.name), "%s", name);
	if (j->rc == 0)
		input_insert(j, job, &in);
}

u8 *fog_db_output_read(struct fog_jobs *j, const char *job, u32 attempt, u32 stream, size_t *size)
{
	struct fog_stmt *q = fog_stmt(
		j->store, "SELECT l.data FROM job j LEFT JOIN job_log l ON l.job = j.id"
			  " AND l.attempt = CASE WHEN ?2 = 0 THEN j.attempt_count ELSE ?2 END"
			  " AND l.stream = ?3 WHERE j.id = ?1 ORDER BY l.offset");
	u8 *out = NULL;

	*size = 0;
	fog_bind_text(q, job);
	fog_bind_u64(q, attempt);
	fog_bind_u64(q, stream);
	while (fog_db_row(j, q)) {
		size_t len = 0;
		const void *data = fog_column_is_null(q, 0) ? NULL : fog_column_blob(q, 0, &len);
		u8 *more = realloc(out, *size + len + 1);
		if (more == NULL) {
			fog_jobs_fail(j, -ENOMEM);
			continue;
		}
		out = more;
		if (len != 0)
			memcpy(out + *size, data, len);
		*size += len;
	}
	return out;
}

bool fog_db_input_read(struct fog_jobs *j, const char *job, const char *name, u64 offset, void *buf,
		       u32 cap, u32 *len)
{
	struct fog_stmt *q = fog_stmt(j->store, "SELECT substr(data, ?, ?) FROM job_input"
						" WHERE job = ? AND name = ?");
	size_t have;

	fog_bind_u64(q, offset + 1);
	fog_bind_u64(q, cap);
	fog_bind_text(q, job);
	fog_bind_text(q, name);
	if (!fog_db_row(j, q))
		return false;
	const void *data = fog_column_blob(q, 0, &have);
	*len = (u32)FOG_MIN(have, cap);
	memcpy(buf, data, *len);
	fog_stmt_reset(q);
	return true;
}

void fog_db_attempt_insert(struct fog_jobs *j, const struct fog_attempt *a, const char *worker_name,
			   const char *offer, const u8 *signature, double reputation)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(
		j->store, "INSERT INTO attempt(job, number, worker, worker_name, state, quote,"
			  " offer, offer_signature, created_ms, deadline_ms, reputation_before,"
			  " premium) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	fog_bind_text(q, a->key.job);
	fog_bind_u64(q, a->key.attempt);
	fog_bind_blob(q, a->key.worker, sizeof(a->key.worker));
	fog_bind_text(q, worker_name);
	fog_bind_int(q, a->state);
	fog_bind_int(q, a->quote);
	fog_bind_text(q, offer);
	fog_bind_blob(q, signature, FOG_JOB_SIGNATURE_SIZE);
	fog_bind_u64(q, j->now_ms);
	fog_bind_u64(q, a->deadline_ms);
	fog_bind_real(q, reputation);
	fog_bind_int(q, a->premium);
	fog_db_run(j, q);
}

/* The first time each state is reached is kept. */
void fog_db_attempt_update(struct fog_jobs *j, const struct fog_attempt *a, const char *reason)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(
		j->store, "UPDATE attempt SET state = ?1, notify = ?2, deadline_ms = ?3,"
			  " reason = CASE WHEN ?4 = '' THEN reason ELSE ?4 END,"
			  " offered_ms = ?5, run = ?9, stop = ?10, go = ?11,"
			  " accepted_ms = CASE WHEN ?1 IN (3, 4) AND accepted_ms = 0 THEN ?6"
			  " ELSE accepted_ms END,"
			  " received_ms = CASE WHEN ?1 = 4 AND received_ms = 0 THEN ?6"
			  " ELSE received_ms END,"
			  " ended_ms = CASE WHEN ?1 >= 5 AND ended_ms = 0 THEN ?6 ELSE ended_ms END"
			  " WHERE job = ?7 AND number = ?8");
	_Static_assert(FOG_ATTEMPT_ACCEPTED == 3, "named in the SQL above");
	_Static_assert(FOG_ATTEMPT_RECEIVED == 4, "named in the SQL above and in the schema");
	_Static_assert(FOG_ATTEMPT_SETTLED == 5, "named in the SQL above");
	fog_bind_int(q, a->state);
	fog_bind_int(q, a->notify);
	fog_bind_u64(q, a->deadline_ms);
	fog_bind_text(q, reason);
	fog_bind_u64(q, a->offered_ms);
	fog_bind_u64(q, j->now_ms);
	fog_bind_text(q, a->key.job);
	fog_bind_u64(q, a->key.attempt);
	fog_bind_u64(q, a->run);
	fog_bind_int(q, a->stop);
	fog_bind_int(q, a->go);
	fog_db_run(j, q);
}

void fog_db_attempt_route(struct fog_jobs *j, const struct fog_attempt *a, const char *route)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q =
		fog_stmt(j->store, "UPDATE attempt SET route = ? WHERE job = ? AND number = ?");
	fog_bind_text(q, route);
	fog_bind_text(q, a->key.job);
	fog_bind_u64(q, a->key.attempt);
	fog_db_run(j, q);
}

void fog_db_attempt_reputation(struct fog_jobs *j, const struct fog_attempt *a, double after)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(j->store, "UPDATE attempt SET reputation_after = ?"
						" WHERE job = ? AND number = ?");
	fog_bind_real(q, after);
	fog_bind_text(q, a->key.job);
	fog_bind_u64(q, a->key.attempt);
	fog_db_run(j, q);
}

bool fog_db_attempt_offer(struct fog_jobs *j, const struct fog_attempt *a, char **offer,
			  u8 signature[FOG_JOB_SIGNATURE_SIZE], char **spec)
{
	struct fog_stmt *q = fog_stmt(
		j->store,
		"SELECT a.offer, a.offer_signature, coalesce(a.spec, j.spec) FROM attempt a"
		" JOIN job j ON j.id = a.job WHERE a.job = ? AND a.number = ?");

	*offer = *spec = NULL;
	fog_bind_text(q, a->key.job);
	fog_bind_u64(q, a->key.attempt);
	if (!fog_db_row(j, q))
		return false;
	fog_jobs_fail(j, fog_column_copy(q, 1, signature, FOG_JOB_SIGNATURE_SIZE));
	*offer = column_dup(j, q, 0);
	*spec = column_dup(j, q, 2);
	fog_stmt_reset(q);
	if (j->rc == 0)
		return true;
	free(*offer);
	free(*spec);
	return false;
}

void fog_db_attempts_prune(struct fog_jobs *j, const char *job, u32 below)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(
		j->store, "DELETE FROM attempt WHERE job = ? AND number < ? AND state = ?");
	fog_bind_text(q, job);
	fog_bind_u64(q, below);
	fog_bind_int(q, FOG_ATTEMPT_DECLINED);
	fog_db_run(j, q);
}

u32 fog_db_attempts_begun(struct fog_jobs *j, const char *job)
{
	struct fog_stmt *q = fog_stmt(
		j->store, "SELECT count(*) FROM attempt WHERE job = ? AND accepted_ms <> 0");
	u32 count = 0;

	fog_bind_text(q, job);
	if (fog_db_row(j, q)) {
		count = (u32)fog_column_u64(q, 0);
		fog_stmt_reset(q);
	}
	return count;
}

void fog_db_log_append(struct fog_jobs *j, const struct fog_attempt *a, u32 stream,
		       const void *data, u32 len)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(j->store, "INSERT INTO job_log(job, attempt, stream, offset,"
						" data) VALUES(?, ?, ?, ?, ?)");
	fog_bind_text(q, a->key.job);
	fog_bind_u64(q, a->key.attempt);
	fog_bind_u64(q, stream);
	fog_bind_u64(q, a->log_size[stream]);
	fog_bind_blob(q, data, len);
	fog_db_run(j, q);
}

void fog_db_log_hash(struct fog_jobs *j, const struct fog_attempt *a, u32 stream, u8 sha256[32])
{
	struct fog_stmt *q = fog_stmt(j->store, "SELECT data FROM job_log WHERE job = ?"
						" AND attempt = ? AND stream = ? ORDER BY offset");
	struct fog_sha256 state;

	fog_sha256_init(&state);
	fog_bind_text(q, a->key.job);
	fog_bind_u64(q, a->key.attempt);
	fog_bind_u64(q, stream);
	while (fog_db_row(j, q)) {
		size_t len;
		const void *data = fog_column_blob(q, 0, &len);
		fog_sha256_update(&state, data, len);
	}
	fog_sha256_final(&state, sha256);
}

void fog_db_log_drop(struct fog_jobs *j, const struct fog_attempt *a)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q =
		fog_stmt(j->store, "DELETE FROM job_log WHERE job = ? AND attempt = ?");
	fog_bind_text(q, a->key.job);
	fog_bind_u64(q, a->key.attempt);
	fog_db_run(j, q);
}

void fog_db_artifact_add(struct fog_jobs *j, const struct fog_attempt *a, u32 stream,
			 const struct fog_job_output *output)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q =
		fog_stmt(j->store, "INSERT INTO artifact(sha256, job, attempt, stream, size)"
				   " VALUES(?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
	fog_bind_blob(q, output->sha256, sizeof(output->sha256));
	fog_bind_text(q, a->key.job);
	fog_bind_u64(q, a->key.attempt);
	fog_bind_u64(q, stream);
	fog_bind_u64(q, output->size);
	fog_db_run(j, q);
}

static void terms_read(struct fog_jobs *j, struct fog_job *job)
{
	struct fog_job_wishes *wishes = malloc(sizeof(*wishes));
	char error[FOG_JSON_ERROR_SIZE];

	if (wishes == NULL || job->wishes == NULL)
		fog_jobs_fail(j, -ENOMEM);
	else if (fog_job_wishes_parse(job->wishes, wishes, error) != 0)
		fog_jobs_fail(j, -EUCLEAN);
	else
		job->terms = wishes->terms;
	free(wishes);
}

static void job_read(struct fog_jobs *j, struct fog_stmt *q)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_spec *spec;
	const char *text = fog_column_text(q, 2);
	int rc = fog_job_spec_parse(text, strlen(text), &spec, error);

	if (rc != 0) {
		fog_jobs_fail(j, rc == -ENOMEM ? rc : -EUCLEAN);
		return;
	}
	struct fog_job *job = fog_job_add(j, fog_column_text(q, 0));
	if (job != NULL) {
		snprintf(job->user, sizeof(job->user), "%s", fog_column_text(q, 1));
		fog_job_spec_take(job, spec);
		job->wishes = column_dup(j, q, 3);
		job->state = (enum fog_job_state)fog_column_int(q, 4);
		job->cancel_ms = fog_column_u64(q, 5);
		job->attempt_count = (u32)fog_column_u64(q, 6);
		job->lost_count = (u32)fog_column_u64(q, 7);
		job->created_ms = fog_column_u64(q, 8);
		job->reason = column_dup(j, q, 9);
		job->queued_ms = j->now_ms;
		terms_read(j, job);
		snprintf(job->batch, sizeof(job->batch), "%s", fog_column_text(q, 10));
		snprintf(job->stage, sizeof(job->stage), "%s", fog_column_text(q, 11));
		job->after = column_dup(j, q, 12);
		job->kind = (enum fog_job_kind)fog_column_int(q, 13);
		job->rank = (u32)fog_column_u64(q, 14);
		job->members = (u32)fog_column_u64(q, 15);
		job->released_ms = fog_column_u64(q, 16);
		job->began = fog_column_u64(q, 17) != 0;
		fog_job_trace_read(fog_column_text(q, 18), &job->trace);
		job->held = job->released_ms == 0 && job->after != NULL && job->after[0] != '\0';
	}
	fog_job_spec_free(spec);
}

static void attempt_limits(struct fog_jobs *j, struct fog_attempt *a, const char *text)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_spec *spec;

	if (fog_job_spec_parse(text, strlen(text), &spec, error) != 0) {
		fog_jobs_fail(j, -EUCLEAN);
		return;
	}
	const struct fog_job_input *restored = fog_job_spec_restored(spec);
	a->limits = spec->limits;
	a->input_size = fog_job_spec_input_size(spec);
	a->restored = restored != NULL;
	if (restored != NULL)
		memcpy(a->restored_sha256, restored->sha256, sizeof(a->restored_sha256));
	fog_job_spec_free(spec);
}

static void attempt_read(struct fog_jobs *j, struct fog_stmt *q)
{
	struct fog_attempt *a = calloc(1, sizeof(*a));

	if (a == NULL) {
		fog_jobs_fail(j, -ENOMEM);
		return;
	}
	memcpy(a->key.submitter, j->config.node_id, sizeof(a->key.submitter));
	snprintf(a->key.job, sizeof(a->key.job), "%s", fog_column_text(q, 0));
	a->key.attempt = (u32)fog_column_u64(q, 1);
	fog_jobs_fail(j, fog_column_copy(q, 2, a->key.worker, sizeof(a->key.worker)));
	a->state = (enum fog_attempt_state)fog_column_int(q, 3);
	a->notify = fog_column_int(q, 4) != 0;
	a->quote = fog_column_int(q, 5);
	a->offered_ms = fog_column_u64(q, 6);
	a->deadline_ms = fog_column_u64(q, 7);
	attempt_limits(j, a, fog_column_text(q, 8));
	a->log_size[0] = fog_column_u64(q, 9);
	a->log_size[1] = fog_column_u64(q, 10);
	a->run = (u32)fog_column_u64(q, 11);
	a->stop = (enum fog_stop)fog_column_int(q, 12);
	a->stop_ms = j->now_ms;
	a->premium = fog_column_int(q, 13);
	a->go = fog_column_int(q, 14) != 0;
	fog_job_trace_read(fog_column_text(q, 15), &a->trace);
	a->checkpoint = fog_db_checkpoint_of(j, a);
	TAILQ_INSERT_TAIL(&j->attempts, a, link);
	if (a->state <= FOG_ATTEMPT_RECEIVED) {
		a->job = fog_job_find(j, a->key.job);
		if (a->job == NULL || a->job->attempt != NULL)
			fog_jobs_fail(j, -EUCLEAN);
		else
			a->job->attempt = a;
	}
}

static void avoids_load(struct fog_jobs *j)
{
	struct fog_stmt *q =
		fog_stmt(j->store, "SELECT a.job, a.worker, EXISTS(SELECT 1 FROM evidence e"
				   "  WHERE e.node = a.worker AND e.job = a.job AND e.kind = ?)"
				   " FROM attempt a JOIN job j ON j.id = a.job"
				   " WHERE j.state <= ? AND a.state = ? ORDER BY a.number");
	u8 node[FOG_JOB_NODE_SIZE];

	fog_bind_text(q, fog_reputation_kinds[FOG_EVIDENCE_FRAUD_DETECTED].name);
	fog_bind_int(q, FOG_JOB_RUNNING);
	fog_bind_int(q, FOG_ATTEMPT_LOST);
	while (fog_db_row(j, q)) {
		struct fog_job *job = fog_job_find(j, fog_column_text(q, 0));
		u64 until = fog_column_int(q, 2) != 0 ? FOG_AVOID_LIED : FOG_AVOID_FAILED;
		fog_jobs_fail(j, fog_column_copy(q, 1, node, sizeof(node)));
		if (job != NULL && j->rc == 0)
			fog_job_avoid(j, job, node, until);
	}
}

void fog_db_jobs_load(struct fog_jobs *j)
{
	struct fog_stmt *q = fog_stmt(
		j->store, "SELECT id, user, spec, wishes, state, cancel_ms, attempt_count,"
			  " lost_count, created_ms, reason, batch, stage, after, kind, rank,"
			  " members, released_ms, started_ms, trace FROM job WHERE state <= ?"
			  " ORDER BY seq");

	fog_bind_int(q, FOG_JOB_RUNNING);
	while (fog_db_row(j, q))
		job_read(j, q);
	/* Logs are appended without gaps: the end of the last chunk is the size. */
	q = fog_stmt(j->store,
		     "SELECT a.job, a.number, a.worker, a.state, a.notify, a.quote, a.offered_ms,"
		     " a.deadline_ms, coalesce(a.spec, j.spec),"
		     " (SELECT max(offset + length(data)) FROM job_log l WHERE l.job = a.job"
		     "  AND l.attempt = a.number AND l.stream = 0),"
		     " (SELECT max(offset + length(data)) FROM job_log l WHERE l.job = a.job"
		     "  AND l.attempt = a.number AND l.stream = 1),"
		     " a.run, a.stop, a.premium, a.go, j.trace"
		     " FROM attempt a JOIN job j ON j.id = a.job"
		     " WHERE a.state <= 4 OR a.notify <> 0");
	while (fog_db_row(j, q))
		attempt_read(j, q);
	avoids_load(j);
}
