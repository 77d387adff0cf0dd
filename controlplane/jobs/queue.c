/* SPDX-License-Identifier: BSD-3-Clause */
/* The submitter's queue: submission, placement, cancel, and the end of a job. */
#include <errno.h>

#include "controlplane/jobs/state.h"
#include "crypto/mem.h"

u32 fog_job_hash(const char *id)
{
	u32 h = 2166136261u; /* FNV-1a */

	for (; *id != '\0'; id++)
		h = (h ^ (u8)*id) * 16777619u;
	return h % FOG_JOBS_HASH_SIZE;
}

struct fog_job *fog_job_find(struct fog_jobs *j, const char *id)
{
	struct fog_job *job = j->hash[fog_job_hash(id)];

	while (job != NULL && strcmp(job->id, id) != 0)
		job = job->hash_next;
	return job;
}

struct fog_job *fog_job_add(struct fog_jobs *j, const char *id)
{
	struct fog_job *job = calloc(1, sizeof(*job));
	u32 slot = fog_job_hash(id);

	if (job == NULL) {
		fog_jobs_fail(j, -ENOMEM);
		return NULL;
	}
	snprintf(job->id, sizeof(job->id), "%s", id);
	job->hash_next = j->hash[slot];
	j->hash[slot] = job;
	TAILQ_INSERT_TAIL(&j->jobs, job, link);
	j->job_count++;
	return job;
}

void fog_job_free(struct fog_jobs *j, struct fog_job *job)
{
	struct fog_job **link = &j->hash[fog_job_hash(job->id)];

	while (*link != job)
		link = &(*link)->hash_next;
	*link = job->hash_next;
	TAILQ_REMOVE(&j->jobs, job, link);
	j->job_count--;
	fog_jobs_bury(j, job->wishes);
	fog_jobs_bury(j, job->reason);
	fog_jobs_bury(j, job->after);
	fog_jobs_bury(j, job->avoid);
	fog_jobs_bury(j, job);
}

/* When the list is full the oldest is forgotten: better a second chance than no host at all. */
void fog_job_avoid(struct fog_jobs *j, struct fog_job *job, const u8 *node, u64 until_ms)
{
	u32 at = 0;

	while (at < job->avoid_count && memcmp(job->avoid[at].node, node, FOG_JOB_NODE_SIZE) != 0)
		at++;
	if (at == FOG_JOBS_AVOIDS_MAX) {
		memmove(job->avoid, job->avoid + 1, (at - 1) * sizeof(*job->avoid));
		at--;
	} else if (at == job->avoid_count) {
		struct fog_job_avoid *list = realloc(job->avoid, (at + 1) * sizeof(*job->avoid));
		if (list == NULL) {
			fog_jobs_fail(j, -ENOMEM);
			return;
		}
		job->avoid = list;
		job->avoid_count++;
	}
	memcpy(job->avoid[at].node, node, FOG_JOB_NODE_SIZE);
	job->avoid[at].until_ms = until_ms;
}

static void reason_set(struct fog_jobs *j, struct fog_job *job, const char *reason)
{
	char *copy = strdup(reason);

	if (copy == NULL)
		fog_jobs_fail(j, -ENOMEM);
	fog_jobs_bury(j, job->reason);
	job->reason = copy;
}

void fog_job_set(struct fog_jobs *j, struct fog_job *job, enum fog_job_state state,
		 const char *reason)
{
	if (job->state == state && job->reason != NULL && strcmp(job->reason, reason) == 0)
		return;
	bool changed = job->state != state;
	job->state = state;
	reason_set(j, job, reason);
	fog_db_job_update(j, job, reason);
	if (changed)
		fog_db_event_add(j, job, reason);
}

void fog_job_requeue(struct fog_jobs *j, struct fog_job *job, const char *reason, u64 delay_ms)
{
	FOG_ASSERT(job->attempt == NULL);
	job->state = FOG_JOB_QUEUED;
	job->next_ms = j->now_ms + delay_ms;
	job->queued_ms = j->now_ms;
	job->pending_ms = 0;
	job->start_ms = 0;
	reason_set(j, job, reason);
	fog_db_job_update(j, job, reason);
	fog_db_event_add(j, job, reason);
}

void fog_job_end(struct fog_jobs *j, struct fog_job *job, enum fog_job_state state,
		 const char *reason, const struct fog_receipt *receipt)
{
	FOG_ASSERT(job->attempt == NULL && state >= FOG_JOB_SUCCEEDED);
	fog_sla_ended(j, job, state, receipt == NULL);
	job->state = state;
	j->totals.ended[state]++;
	fog_db_job_end(j, job, reason, receipt);
	if (job->checkpoint.bytes_max != 0)
		fog_db_files_ended(j, job->id);
	fog_db_event_add(j, job, reason);
	fog_jobs_step(j,
		      (struct fog_job_step){.name = "job",
					    .trace = &job->trace.span,
					    .parent = job->trace.parent,
					    .job = job->id,
					    .start_ms = job->created_ms,
					    .error = state != FOG_JOB_SUCCEEDED ? reason : NULL});
	j->review = j->review || job->batch[0] != '\0';
	fog_job_free(j, job);
}

const char *fog_job_group(const struct fog_job *job)
{
	return job->terms.group[0] != '\0' ? job->terms.group : job->batch;
}

/* ---- submission ----------------------------------------------------------------------------- */

void fog_user_open(struct fog_jobs *j, const char *user)
{
	char key[FOG_LEDGER_KEY_SIZE], account[FOG_LEDGER_ACCOUNT_SIZE];
	struct fog_ledger_tx tx;

	snprintf(key, sizeof(key), "grant:%s", user);
	snprintf(account, sizeof(account), "user:%s", user);
	if (fog_db_ledger_known(j, key))
		return;
	fog_jobs_fail(j, fog_ledger_transfer(&tx, key, FOG_LEDGER_ISSUER, account,
					     j->config.user_grant, "grant"));
	fog_db_ledger_apply(j, &tx);
}

static void id_make(struct fog_jobs *j, char id[FOG_JOB_ID_SIZE])
{
	u8 bytes[8];

	fog_rng_bytes(&j->rng, bytes, sizeof(bytes));
	if (fog_hex_encode(bytes, sizeof(bytes), id, FOG_JOB_ID_SIZE) != 0)
		FOG_UNREACHABLE();
}

/* A store that fails does not say that something is not there: the step fails with it. */
static bool there(struct fog_jobs *j, struct fog_stmt *q, const char *owner, const char *id)
{
	fog_bind_text(q, id);
	fog_bind_text(q, owner != NULL ? owner : "");
	int rc = fog_stmt_step(q);
	fog_stmt_reset(q);
	fog_jobs_fail(j, rc);
	return rc == 1;
}

bool fog_jobs_has(struct fog_jobs *j, const char *owner, const char *id)
{
	return there(j,
		     fog_stmt(j->store, "SELECT 1 FROM job WHERE id = ?1"
					" AND (?2 = '' OR user = ?2)"),
		     owner, id);
}

bool fog_jobs_has_batch(struct fog_jobs *j, const char *owner, const char *id)
{
	return there(j,
		     fog_stmt(j->store, "SELECT 1 FROM batch WHERE id = ?1"
					" AND (?2 = '' OR user = ?2)"),
		     owner, id);
}

/* Does a stored spec come from this one? Inputs that came later, and how often it was begun, are no
 * difference. */
static bool spec_same(const char *stored, const char *asked)
{
	char error[FOG_JSON_ERROR_SIZE];
	json_t *a = fog_json_parse(stored, strlen(stored), error);
	json_t *b = fog_json_parse(asked, strlen(asked), error);
	const json_t *have = json_object_get(a, "inputs"), *want = json_object_get(b, "inputs");
	bool same = true;
	size_t i, k;
	json_t *x, *y;

	json_array_foreach((json_t *)want, i, x)
	{
		bool found = false;
		json_array_foreach((json_t *)have, k, y) found = found || json_equal(x, y);
		same = same && found;
	}
	json_object_del(a, "inputs");
	json_object_del(b, "inputs");
	json_object_del(json_object_get(a, "checkpoint"), "restart");
	json_object_del(json_object_get(b, "checkpoint"), "restart");
	same = same && json_equal(a, b);
	json_decref(a);
	json_decref(b);
	return same;
}

/* 1: there is none; 0: the same; -EEXIST: another one. */
static int duplicate(struct fog_jobs *j, const char *user, const char *id,
		     const struct fog_job_request *request)
{
	char *spec, *wishes;
	int rc = 1;

	if (fog_db_job_texts(j, id, &spec, &wishes) == 0)
		return 1;
	if (spec == NULL || wishes == NULL)
		rc = -EAGAIN;
	else
		rc = fog_jobs_has(j, user, id) && spec_same(spec, request->spec_text) &&
				     strcmp(wishes, request->wishes_text) == 0
			     ? 0
			     : -EEXIST;
	free(spec);
	free(wishes);
	return rc;
}

static void member_set(struct fog_jobs *j, struct fog_job *job, const struct fog_job_member *m)
{
	memcpy(job->batch, m->batch, sizeof(job->batch));
	memcpy(job->stage, m->stage, sizeof(job->stage));
	job->kind = m->kind;
	job->rank = m->rank;
	job->members = FOG_MAX(m->members, 1);
	job->after = strdup(m->after);
	job->held = m->after[0] != '\0';
	job->released_ms = job->held ? 0 : j->now_ms;
	if (job->after == NULL)
		fog_jobs_fail(j, -ENOMEM);
	if (job->held)
		reason_set(j, job, "waits for other stages of its batch");
}

void fog_job_spec_take(struct fog_job *job, const struct fog_job_spec *spec)
{
	const struct fog_job_input *restored = fog_job_spec_restored(spec);

	job->limits = spec->limits;
	job->input_size = fog_job_spec_input_size(spec);
	job->checkpoint = spec->checkpoint;
	memcpy(job->spec_sha256, spec->sha256, sizeof(job->spec_sha256));
	job->restored = restored != NULL;
	if (restored != NULL)
		memcpy(job->restored_sha256, restored->sha256, sizeof(job->restored_sha256));
}

/* In memory; NULL: no memory. */
static struct fog_job *job_make(struct fog_jobs *j, const char *user, const char *id,
				const struct fog_job_request *request,
				const struct fog_job_spec *spec,
				const struct fog_job_wishes *wishes)
{
	struct fog_job *job = fog_job_add(j, id);

	if (job == NULL)
		return NULL;
	snprintf(job->user, sizeof(job->user), "%s", user);
	job->state = FOG_JOB_QUEUED;
	job->created_ms = job->next_ms = job->queued_ms = j->now_ms;
	fog_job_spec_take(job, spec);
	job->wishes = strdup(request->wishes_text);
	if (job->wishes == NULL)
		fog_jobs_fail(j, -ENOMEM);
	job->terms = wishes->terms;
	member_set(j, job, &request->member);
	return job;
}

static void job_start(struct fog_jobs *j, const char *user, const char *id,
		      const struct fog_job_request *request, const struct fog_job_spec *spec,
		      const struct fog_job_wishes *wishes)
{
	struct fog_job *job = job_make(j, user, id, request, spec, wishes);
	char reason[FOG_JOB_REASON_SIZE];

	if (job == NULL)
		return;
	fog_user_open(j, user);
	fog_job_trace_begin(&job->trace, &request->origin, job->batch[0] == '\0',
			    j->config.trace_callers, &j->rng);
	fog_jobs_step(j, (struct fog_job_step){
				 .name = "submit", .trace = &job->trace.span, .job = job->id});
	fog_db_job_insert(j, job, request);
	fog_db_event_add(j, job, job->reason != NULL ? job->reason : "submitted");
	const char *missing = fog_input_hashes_take(j, job, wishes);
	if (missing == NULL || j->rc != 0)
		return;
	fog_jobs_reason(reason, "input %s cannot be had", missing);
	fog_job_end(j, job, FOG_JOB_FAILED, reason, NULL);
}

/* Of a request that is new: 0, -EINVAL with error, -ENOMEM. */
static int request_read(struct fog_jobs *j, const char *user, const struct fog_job_request *request,
			struct fog_job_spec **spec, struct fog_job_wishes *wishes,
			char error[FOG_JSON_ERROR_SIZE])
{
	int rc = fog_job_spec_parse(request->spec_text, strlen(request->spec_text), spec, error);

	if (rc == 0)
		rc = fog_job_wishes_parse(request->wishes_text, wishes, error);
	if (rc == 0 && !fog_input_hashes_there(j, user, *spec, wishes, error))
		rc = -EINVAL;
	return rc;
}

/* Checks what came, and starts it if so wished. As request_read(). */
static int request_start(struct fog_jobs *j, const char *user,
			 const struct fog_job_request *request, const char *id, bool start,
			 char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_job_wishes *wishes = malloc(sizeof(*wishes));
	struct fog_job_spec *spec = NULL;
	int rc = -ENOMEM;

	if (wishes != NULL)
		rc = request_read(j, user, request, &spec, wishes, error);
	if (rc == 0 && start)
		job_start(j, user, id, request, spec, wishes);
	fog_job_spec_free(spec);
	free(wishes);
	return rc;
}

u64 fog_jobs_likely_start(struct fog_jobs *j, const char *id)
{
	const struct fog_job *job = fog_job_find(j, id);

	return job != NULL && job->state == FOG_JOB_QUEUED ? job->start_ms : 0;
}

int fog_job_dry(struct fog_jobs *j, const char *user, const struct fog_job_request *request,
		struct fog_job **out, char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_job_wishes *wishes = malloc(sizeof(*wishes));
	struct fog_job_spec *spec = NULL;
	char id[FOG_JOB_ID_SIZE];
	int rc = -ENOMEM;

	*out = NULL;
	if (wishes == NULL)
		return rc;
	rc = fog_job_spec_parse(request->spec_text, strlen(request->spec_text), &spec, error);
	if (rc == 0)
		rc = fog_job_wishes_parse(request->wishes_text, wishes, error);
	id_make(j, id);
	if (rc == 0 && (*out = job_make(j, user, id, request, spec, wishes)) == NULL)
		rc = -ENOMEM;
	fog_job_spec_free(spec);
	free(wishes);
	return rc;
}

static int user_check(const char *user, char error[FOG_JSON_ERROR_SIZE])
{
	error[0] = '\0';
	if (fog_job_id_valid(user)) /* the same rule keeps account names clean */
		return 0;
	snprintf(error, FOG_JSON_ERROR_SIZE, "user: must be 1 to 64 of [A-Za-z0-9._-]");
	return -EINVAL;
}

int fog_jobs_submit(struct fog_jobs *j, const char *user, const struct fog_job_request *request,
		    u64 now_ms, char id[FOG_JOB_ID_SIZE], char error[FOG_JSON_ERROR_SIZE])
{
	int rc = user_check(user, error);

	if (rc != 0)
		return rc;
	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	if (request->id[0] != '\0')
		snprintf(id, FOG_JOB_ID_SIZE, "%s", request->id);
	else
		id_make(j, id);
	rc = duplicate(j, user, id, request);
	if (rc == 1 && j->job_count >= j->config.queue_max)
		rc = -ENOSPC;
	if (rc == 1) {
		rc = request_start(j, user, request, id, true, error);
		rc = rc == 0 ? 1 : rc;
	}
	return fog_jobs_end(j) != 0 ? -EAGAIN : rc;
}

/* 1: neither the batch nor one of them is known; 0: all are, the same; -EEXIST. */
static int batch_known(struct fog_jobs *j, const char *user, const struct fog_job_batch *batch)
{
	u32 known = 0;

	for (u32 i = 0; i < batch->count; i++) {
		int rc = duplicate(j, user, batch->request[i].id, &batch->request[i]);
		if (rc < 0)
			return rc;
		known += rc == 0;
	}
	if (known == batch->count)
		return 0;
	return known == 0 && !fog_jobs_has_batch(j, NULL, batch->id) ? 1 : -EEXIST;
}

/* All are checked before one is started. 1, -EINVAL with error, -ENOMEM. */
static int batch_start(struct fog_jobs *j, const char *user, const struct fog_job_batch *batch,
		       char error[FOG_JSON_ERROR_SIZE])
{
	const struct fog_job_request *r = batch->request;
	int rc = 0;

	for (u32 i = 0; rc == 0 && i < batch->count; i++)
		rc = request_start(j, user, &r[i], r[i].id, false, error);
	if (rc != 0)
		return rc;
	fog_db_batch_add(j, batch->id, user);
	/* All that can fail now is memory, and that undoes the step. */
	for (u32 i = 0; i < batch->count; i++)
		fog_jobs_fail(j, request_start(j, user, &r[i], r[i].id, true, error));
	return 1;
}

int fog_jobs_submit_batch(struct fog_jobs *j, const char *user, const struct fog_job_batch *batch,
			  u64 now_ms, char error[FOG_JSON_ERROR_SIZE])
{
	int rc = user_check(user, error);

	if (rc != 0)
		return rc;
	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	rc = batch_known(j, user, batch);
	if (rc == 1 && j->job_count + batch->count > j->config.queue_max)
		rc = -ENOSPC;
	if (rc == 1)
		rc = batch_start(j, user, batch, error);
	return fog_jobs_end(j) != 0 ? -EAGAIN : rc;
}

static void cancel_started(struct fog_jobs *j, struct fog_job *job)
{
	struct fog_attempt *a = job->attempt;

	if (a != NULL && a->state >= FOG_ATTEMPT_OFFERED) {
		job->cancel_ms = j->now_ms;
		fog_db_job_update(j, job, job->reason != NULL ? job->reason : "");
		fog_attempt_cancel(j, a);
		return;
	}
	if (a != NULL)
		fog_attempt_end(j, a, FOG_ATTEMPT_CANCELLED, "cancelled");
	fog_job_end(j, job, FOG_JOB_CANCELLED, "cancelled before it was offered", NULL);
}

int fog_jobs_cancel(struct fog_jobs *j, const char *id, u64 now_ms)
{
	char *spec, *wishes;
	int rc = 0;

	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	struct fog_job *job = fog_job_find(j, id);
	if (job == NULL) {
		rc = fog_db_job_texts(j, id, &spec, &wishes) == 1 ? 0 : -ENOENT;
		free(spec);
		free(wishes);
	} else if (job->cancel_ms == 0) {
		cancel_started(j, job);
	}
	return fog_jobs_end(j) != 0 ? -EAGAIN : rc;
}

int fog_jobs_cancel_batch(struct fog_jobs *j, const char *batch, u64 now_ms)
{
	struct fog_stage_count count;
	struct fog_job *job, *next;
	int rc = 0;

	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	fog_db_batch_count(j, batch, &count);
	if (count.jobs == 0)
		rc = -ENOENT;
	for (job = TAILQ_FIRST(&j->jobs); job != NULL; job = next) {
		next = TAILQ_NEXT(job, link);
		if (strcmp(job->batch, batch) == 0 && job->cancel_ms == 0)
			cancel_started(j, job);
	}
	return fog_jobs_end(j) != 0 ? -EAGAIN : rc;
}

/* ---- reputation ----------------------------------------------------------------------------- */

static struct fog_bound *bound_slot(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE])
{
	return &j->bounds[fog_load_u32(node) % FOG_JOBS_BOUNDS_MAX];
}

static bool bound_fresh(const struct fog_bound *b, const u8 *node, u64 now_ms)
{
	return b->read_ms != 0 && memcmp(b->node, node, sizeof(b->node)) == 0 &&
	       now_ms < b->read_ms + FOG_JOBS_BOUND_LIFE_MS;
}

void fog_bound_forget(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE])
{
	bound_slot(j, node)->read_ms = 0;
}

/* After the decay of our own evidence: reports are fresh or gone. */
static void told_add(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE], struct fog_reputation *r)
{
	double good = 0, bad = 0;

	if (j->ports.told == NULL)
		return;
	fog_reputation_decay(r, j->now_ms);
	j->ports.told(j->ports.context, node, &good, &bad);
	fog_reputation_tell(r, good, bad);
}

int fog_jobs_evidence(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE],
		      enum fog_evidence_source source, enum fog_evidence_kind kind, double quality,
		      const char *reference, const char *detail, u64 now_ms)
{
	char job[FOG_JOB_ID_SIZE];
	size_t len = strlen(reference);

	if (!fog_evidence_allowed(source, kind) || !(quality >= 0 && quality <= 1) || len == 0 ||
	    len > FOG_JOBS_REFERENCE_MAX || memcmp(node, j->config.node_id, FOG_JOB_NODE_SIZE) == 0)
		return -EINVAL;
	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	snprintf(job, sizeof(job), "%s:%s", fog_evidence_source_name(source), reference);
	fog_db_evidence_add(j, node, kind, quality, job, 0, detail);
	fog_bound_forget(j, node);
	return fog_jobs_end(j) == 0 ? 0 : -EAGAIN;
}

void fog_jobs_told_changed(struct fog_jobs *j)
{
	for (u32 i = 0; i < FOG_JOBS_BOUNDS_MAX; i++)
		j->bounds[i].read_ms = 0;
}

double fog_bound_get(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE])
{
	struct fog_bound *b = bound_slot(j, node);
	struct fog_reputation_view view;
	struct fog_reputation r;

	if (bound_fresh(b, node, j->now_ms))
		return b->lower;
	fog_db_reputation_get(j, node, &r);
	told_add(j, node, &r);
	fog_reputation_read(&r, j->now_ms, &view);
	memcpy(b->node, node, sizeof(b->node));
	b->read_ms = FOG_MAX(j->now_ms, 1);
	b->lower = view.lower;
	return b->lower;
}

double fog_jobs_weight(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE], u64 now_ms)
{
	const struct fog_bound *b = bound_slot(j, node);

	if (bound_fresh(b, node, now_ms))
		return b->lower;
	if (!fog_jobs_begin(j, now_ms))
		return 0;
	double lower = fog_bound_get(j, node);
	return fog_jobs_end(j) == 0 ? lower : 0;
}
