/* SPDX-License-Identifier: BSD-3-Clause */
/* SQL of batches, namespaces, holds, breaches and notices. Errors stick in j->rc. */
#include <errno.h>

#include "controlplane/jobs/notice.h"
#include "controlplane/jobs/reserve.h"
#include "controlplane/jobs/state.h"

/* ---- events and notices --------------------------------------------------------------------- */

static void hook_add(struct fog_jobs *j, const struct fog_job *job, const json_t *body)
{
	struct fog_stmt *q = fog_stmt(j->store, "SELECT trace FROM job WHERE id = ?");
	char trace[FOG_JOB_TRACE_SIZE] = "";

	fog_bind_text(q, job->id);
	if (fog_db_row(j, q))
		snprintf(trace, sizeof(trace), "%s", fog_column_text(q, 0));
	fog_stmt_reset(q);
	const struct fog_notice notice = {
		.url = job->terms.hook,
		.body = body,
		.trace = trace,
	};
	if (j->rc == 0)
		fog_jobs_fail(j, fog_notice_add(j->store, &notice, j->now_ms));
}

static void notify(struct fog_jobs *j, const struct fog_job *job, const char *reason)
{
	json_t *body = json_pack("{s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:I,s:I}", "job", job->id, "batch",
				 job->batch, "stage", job->stage, "namespace", job->terms.space,
				 "rank", (json_int_t)job->rank, "state",
				 fog_job_state_name(job->state), "reason", reason, "attempt",
				 (json_int_t)job->attempt_count, "at_ms", (json_int_t)j->now_ms);

	if (body == NULL)
		fog_jobs_fail(j, -ENOMEM);
	else
		hook_add(j, job, body);
	json_decref(body);
}

void fog_db_event_add(struct fog_jobs *j, struct fog_job *job, const char *reason)
{
	if (j->rc != 0)
		return;
	if (job->terms.hook[0] != '\0')
		notify(j, job, reason);
	/* A job that is declined for days does not fill the store; its end is always there. */
	if (j->rc != 0 || (job->events++ >= FOG_JOBS_EVENTS_MAX && job->state < FOG_JOB_SUCCEEDED))
		return;
	struct fog_stmt *q = fog_stmt(
		j->store, "INSERT INTO job_event(job, state, reason, at_ms) VALUES(?, ?, ?, ?)");
	fog_bind_text(q, job->id);
	fog_bind_int(q, job->state);
	fog_bind_text(q, reason);
	fog_bind_u64(q, j->now_ms);
	fog_db_run(j, q);
}

/* ---- namespaces and holds ------------------------------------------------------------------- */

void fog_db_spaces_load(struct fog_jobs *j)
{
	struct fog_stmt *q =
		fog_stmt(j->store, "SELECT name, cpu_milli, memory_bytes, jobs, weight,"
				   " use, use_ms FROM space ORDER BY name LIMIT ?");

	j->space_count = 0;
	fog_bind_u64(q, FOG_JOBS_SPACES_MAX);
	while (fog_db_row(j, q)) {
		struct fog_space *s = &j->spaces[j->space_count++];
		memset(s, 0, sizeof(*s));
		snprintf(s->name, sizeof(s->name), "%s", fog_column_text(q, 0));
		s->cpu_milli = fog_column_u64(q, 1);
		s->memory_bytes = fog_column_u64(q, 2);
		s->jobs = fog_column_u64(q, 3);
		s->weight = fog_column_real(q, 4);
		s->use = fog_column_real(q, 5);
		s->use_ms = fog_column_u64(q, 6);
	}
}

void fog_db_space_put(struct fog_jobs *j, const struct fog_space *s)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(
		j->store, "INSERT INTO space(name, cpu_milli, memory_bytes, jobs, weight, use,"
			  " use_ms) VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(name) DO UPDATE SET"
			  " cpu_milli = excluded.cpu_milli, memory_bytes = excluded.memory_bytes,"
			  " jobs = excluded.jobs, weight = excluded.weight, use = excluded.use,"
			  " use_ms = excluded.use_ms");
	fog_bind_text(q, s->name);
	fog_bind_u64(q, s->cpu_milli);
	fog_bind_u64(q, s->memory_bytes);
	fog_bind_u64(q, s->jobs);
	fog_bind_real(q, s->weight);
	fog_bind_real(q, s->use);
	fog_bind_u64(q, s->use_ms);
	fog_db_run(j, q);
}

void fog_db_holds_load(struct fog_jobs *j)
{
	struct fog_stmt *q =
		fog_stmt(j->store, "SELECT node, mode, deadline_ms FROM host_hold LIMIT ?");

	j->hold_count = 0;
	fog_bind_u64(q, FOG_JOBS_HOLDS_MAX);
	while (fog_db_row(j, q)) {
		struct fog_host_hold *h = &j->holds[j->hold_count++];
		fog_jobs_fail(j, fog_column_copy(q, 0, h->node, sizeof(h->node)));
		h->mode = (enum fog_hold)fog_column_int(q, 1);
		h->deadline_ms = fog_column_u64(q, 2);
	}
}

void fog_db_hold_put(struct fog_jobs *j, const struct fog_host_hold *h)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(j->store, "DELETE FROM host_hold WHERE node = ?");
	fog_bind_blob(q, h->node, sizeof(h->node));
	fog_db_run(j, q);
	if (j->rc != 0 || h->mode == FOG_HOLD_NONE)
		return;
	q = fog_stmt(j->store, "INSERT INTO host_hold(node, mode, deadline_ms, created_ms)"
			       " VALUES(?, ?, ?, ?)");
	fog_bind_blob(q, h->node, sizeof(h->node));
	fog_bind_int(q, h->mode);
	fog_bind_u64(q, h->deadline_ms);
	fog_bind_u64(q, j->now_ms);
	fog_db_run(j, q);
}

/* ---- reservations --------------------------------------------------------------------------- */

void fog_db_reservations_load(struct fog_jobs *j)
{
	struct fog_stmt *q = fog_stmt(
		j->store,
		"SELECT id, space, note, hosts, cpu_milli, memory_bytes, gpu_milli,"
		" start_ms, duration_ms, every_ms, until_ms, created_ms, owner, submitter FROM"
		" reservation"
		" ORDER BY created_ms, id LIMIT ?");

	j->reservation_count = 0;
	fog_bind_u64(q, FOG_JOBS_RESERVATIONS_MAX);
	while (fog_db_row(j, q)) {
		struct fog_reservation *r = &j->reservations[j->reservation_count++];
		size_t size = 0;
		memset(r, 0, sizeof(*r));
		snprintf(r->id, sizeof(r->id), "%s", fog_column_text(q, 0));
		snprintf(r->space, sizeof(r->space), "%s", fog_column_text(q, 1));
		snprintf(r->note, sizeof(r->note), "%s", fog_column_text(q, 2));
		const void *hosts = fog_column_blob(q, 3, &size);
		r->host_count = (u32)FOG_MIN(size / FOG_JOB_NODE_SIZE, FOG_RESERVE_HOSTS_MAX);
		if (r->host_count != 0)
			memcpy(r->host, hosts, (size_t)r->host_count * FOG_JOB_NODE_SIZE);
		r->amount = (struct fog_amount){fog_column_u64(q, 4), fog_column_u64(q, 5),
						fog_column_u64(q, 6)};
		r->start_ms = fog_column_u64(q, 7);
		r->duration_ms = fog_column_u64(q, 8);
		r->every_ms = fog_column_u64(q, 9);
		r->until_ms = fog_column_u64(q, 10);
		r->created_ms = fog_column_u64(q, 11);
		snprintf(r->owner, sizeof(r->owner), "%s", fog_column_text(q, 12));
		if (!fog_column_is_null(q, 13))
			fog_jobs_fail(j, fog_column_copy(q, 13, r->submitter, FOG_JOB_NODE_SIZE));
	}
}

void fog_db_reservation_add(struct fog_jobs *j, const struct fog_reservation *r)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(
		j->store, "INSERT INTO reservation(id, space, note, hosts, cpu_milli,"
			  " memory_bytes, gpu_milli, start_ms, duration_ms, every_ms, until_ms,"
			  " created_ms, owner, submitter) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
			  " ?, ?, ?)");
	fog_bind_text(q, r->id);
	fog_bind_text(q, r->space);
	fog_bind_text(q, r->note);
	fog_bind_blob(q, r->host, (size_t)r->host_count * FOG_JOB_NODE_SIZE);
	fog_bind_u64(q, r->amount.cpu_milli);
	fog_bind_u64(q, r->amount.memory_bytes);
	fog_bind_u64(q, r->amount.gpu_milli);
	fog_bind_u64(q, r->start_ms);
	fog_bind_u64(q, r->duration_ms);
	fog_bind_u64(q, r->every_ms);
	fog_bind_u64(q, r->until_ms);
	fog_bind_u64(q, r->created_ms);
	fog_bind_text(q, r->owner);
	fog_bind_blob(q, r->submitter, sizeof(r->submitter));
	fog_db_run(j, q);
}

void fog_db_reservation_delete(struct fog_jobs *j, const char *id)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(j->store, "DELETE FROM reservation WHERE id = ?");
	fog_bind_text(q, id);
	fog_db_run(j, q);
}

/* ---- service levels ------------------------------------------------------------------------- */

bool fog_db_breach_add(struct fog_jobs *j, const char *job, const char *space, enum fog_tier tier,
		       const char *kind, const char *detail, i64 amount)
{
	if (j->rc != 0)
		return false;
	struct fog_stmt *q = fog_stmt(
		j->store, "INSERT INTO sla_breach(job, space, tier, kind, detail, amount,"
			  " created_ms) VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
	fog_bind_text(q, job);
	fog_bind_text(q, space);
	fog_bind_int(q, tier);
	fog_bind_text(q, kind);
	fog_bind_text(q, detail);
	fog_bind_int(q, amount);
	fog_bind_u64(q, j->now_ms);
	fog_db_run(j, q);
	return j->rc == 0 && fog_store_changes(j->store) != 0;
}

i64 fog_db_balance(struct fog_jobs *j, const char *account)
{
	struct fog_stmt *q =
		fog_stmt(j->store, "SELECT balance FROM ledger_account WHERE name = ?");
	i64 balance = 0;

	fog_bind_text(q, account);
	if (!fog_db_row(j, q))
		return 0;
	balance = fog_column_int(q, 0);
	fog_stmt_reset(q);
	return balance;
}

i64 fog_db_quote_max(struct fog_jobs *j, const char *job)
{
	struct fog_stmt *q =
		fog_stmt(j->store, "SELECT coalesce(max(quote), 0) FROM attempt WHERE job = ?");
	i64 quote = 0;

	fog_bind_text(q, job);
	if (!fog_db_row(j, q))
		return 0;
	quote = fog_column_int(q, 0);
	fog_stmt_reset(q);
	return quote;
}

/* ---- batches -------------------------------------------------------------------------------- */

static void count_read(struct fog_jobs *j, struct fog_stmt *q, struct fog_stage_count *out)
{
	memset(out, 0, sizeof(*out));
	if (!fog_db_row(j, q))
		return;
	out->jobs = (u32)fog_column_u64(q, 0);
	out->succeeded = (u32)fog_column_u64(q, 1);
	out->failed = (u32)fog_column_u64(q, 2);
	fog_stmt_reset(q);
}

#define COUNT_SQL                                             \
	"SELECT count(*), count(*) FILTER (WHERE state = 5)," \
	" count(*) FILTER (WHERE state > 5) FROM job WHERE batch = ?"
_Static_assert(FOG_JOB_SUCCEEDED == 5, "named in the SQL above");

void fog_db_stage_count(struct fog_jobs *j, const char *batch, const char *stage,
			struct fog_stage_count *out)
{
	struct fog_stmt *q = fog_stmt(j->store, COUNT_SQL " AND stage = ?");

	fog_bind_text(q, batch);
	fog_bind_text(q, stage);
	count_read(j, q, out);
}

void fog_db_batch_count(struct fog_jobs *j, const char *batch, struct fog_stage_count *out)
{
	struct fog_stmt *q = fog_stmt(j->store, COUNT_SQL);

	fog_bind_text(q, batch);
	count_read(j, q, out);
}

void fog_db_batch_add(struct fog_jobs *j, const char *batch, const char *user)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(
		j->store, "INSERT INTO batch(id, user, state, reason, created_ms, ended_ms)"
			  " VALUES(?, ?, 0, '', ?, 0) ON CONFLICT DO NOTHING");
	fog_bind_text(q, batch);
	fog_bind_text(q, user);
	fog_bind_u64(q, j->now_ms);
	fog_db_run(j, q);
}

void fog_db_batch_end(struct fog_jobs *j, const char *batch, enum fog_job_state state,
		      const char *reason)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(
		j->store, "UPDATE batch SET state = ?, reason = ?, ended_ms = ? WHERE id = ?");
	fog_bind_int(q, state);
	fog_bind_text(q, reason);
	fog_bind_u64(q, j->now_ms);
	fog_bind_text(q, batch);
	fog_db_run(j, q);
}

bool fog_db_batch_next(struct fog_jobs *j, i64 *seq, char batch[FOG_JOB_BATCH_SIZE])
{
	struct fog_stmt *q = fog_stmt(j->store, "SELECT seq, id FROM batch WHERE state = 0"
						" AND seq > ? ORDER BY seq LIMIT 1");

	fog_bind_int(q, *seq);
	if (!fog_db_row(j, q))
		return false;
	*seq = fog_column_int(q, 0);
	snprintf(batch, FOG_JOB_BATCH_SIZE, "%s", fog_column_text(q, 1));
	fog_stmt_reset(q);
	return true;
}

u32 fog_db_replicas(struct fog_jobs *j, const char *batch, const char *stage,
		    struct fog_replica *out, u32 cap)
{
	struct fog_stmt *q = fog_stmt(
		j->store, "SELECT j.id, j.user, j.space, j.state, j.wishes, a.number, a.worker,"
			  " a.quote, r.text FROM job j LEFT JOIN attempt a ON a.job = j.id"
			  " AND a.number = j.attempt_count LEFT JOIN receipt r ON r.submitter = ?"
			  " AND r.job = j.id AND r.attempt = a.number WHERE j.batch = ?"
			  " AND j.stage = ? AND j.kind = ? ORDER BY j.rank LIMIT ?");
	char error[FOG_JSON_ERROR_SIZE];
	u32 count = 0;

	fog_bind_blob(q, j->config.node_id, FOG_JOB_NODE_SIZE);
	fog_bind_text(q, batch);
	fog_bind_text(q, stage);
	fog_bind_int(q, FOG_JOB_REPLICA);
	fog_bind_u64(q, cap);
	while (fog_db_row(j, q)) {
		struct fog_replica *r = &out[count++];
		memset(r, 0, sizeof(*r));
		snprintf(r->job, sizeof(r->job), "%s", fog_column_text(q, 0));
		snprintf(r->user, sizeof(r->user), "%s", fog_column_text(q, 1));
		snprintf(r->space, sizeof(r->space), "%s", fog_column_text(q, 2));
		r->ended = fog_column_int(q, 3) >= FOG_JOB_SUCCEEDED;
		r->attempt = (u32)fog_column_u64(q, 5);
		r->quote = fog_column_int(q, 7);
		if (fog_column_is_null(q, 6) || fog_column_is_null(q, 8))
			continue;
		fog_jobs_fail(j, fog_column_copy(q, 6, r->worker, sizeof(r->worker)));
		r->receipt_set = fog_receipt_parse(fog_column_text(q, 8), &r->receipt, error) == 0;
	}
	return count;
}

u32 fog_db_replicas_ran(struct fog_jobs *j, const char *batch, const char *stage,
			u8 (*worker)[FOG_JOB_NODE_SIZE], u32 cap)
{
	struct fog_stmt *q = fog_stmt(
		j->store, "SELECT a.worker FROM job j JOIN attempt a ON a.job = j.id"
			  " AND a.number = j.attempt_count WHERE j.batch = ? AND j.stage = ?"
			  " AND j.kind = ? AND j.state >= ? ORDER BY j.rank LIMIT ?");
	u32 count = 0;

	fog_bind_text(q, batch);
	fog_bind_text(q, stage);
	fog_bind_int(q, FOG_JOB_REPLICA);
	fog_bind_int(q, FOG_JOB_SUCCEEDED);
	fog_bind_u64(q, cap);
	while (fog_db_row(j, q))
		fog_jobs_fail(j, fog_column_copy(q, 0, worker[count++], FOG_JOB_NODE_SIZE));
	return count;
}

bool fog_db_stage_next(struct fog_jobs *j, const char *batch, char stage[FOG_JOB_STAGE_SIZE],
		       enum fog_tier *tier)
{
	struct fog_stmt *q =
		fog_stmt(j->store, "SELECT stage, wishes FROM job WHERE batch = ? AND stage > ?"
				   " AND kind = ? ORDER BY stage LIMIT 1");
	struct fog_job_wishes *wishes = malloc(sizeof(*wishes));
	char error[FOG_JSON_ERROR_SIZE];

	fog_bind_text(q, batch);
	fog_bind_text(q, stage);
	fog_bind_int(q, FOG_JOB_REPLICA);
	if (wishes == NULL)
		fog_jobs_fail(j, -ENOMEM);
	if (!fog_db_row(j, q)) {
		free(wishes);
		return false;
	}
	snprintf(stage, FOG_JOB_STAGE_SIZE, "%s", fog_column_text(q, 0));
	*tier = FOG_TIER_NONE;
	if (wishes != NULL && fog_job_wishes_parse(fog_column_text(q, 1), wishes, error) == 0)
		*tier = wishes->terms.tier;
	fog_stmt_reset(q);
	free(wishes);
	return true;
}
