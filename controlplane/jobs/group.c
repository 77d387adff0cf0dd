/* SPDX-License-Identifier: BSD-3-Clause */
/* Jobs that were submitted together: stages that wait for stages, gangs, replicas, the batch's end.
 */
#include <errno.h>

#include "controlplane/jobs/state.h"
#include "crypto/mem.h"

/* ---- replicas ------------------------------------------------------------------------------- */

static bool same_result(const struct fog_replica *a, const struct fog_replica *b)
{
	const struct fog_receipt *x = &a->receipt, *y = &b->receipt;

	if (!a->receipt_set || !b->receipt_set || x->outcome != y->outcome ||
	    x->exit_code != y->exit_code)
		return false;
	for (u32 i = 0; i < 2; i++)
		if (x->output[i].size != y->output[i].size ||
		    !fog_equal(x->output[i].sha256, y->output[i].sha256, FOG_SHA256_SIZE))
			return false;
	/* The same files give the same list of them. */
	return x->manifest.size == y->manifest.size &&
	       fog_equal(x->manifest.sha256, y->manifest.sha256, FOG_SHA256_SIZE);
}

/* Whoever is alone against the others is told apart from them in our memory of hosts. */
static void minority_note(struct fog_jobs *j, const struct fog_replica *r, u32 count, u32 winner)
{
	for (u32 i = 0; i < count; i++) {
		if (!r[i].receipt_set || same_result(&r[i], &r[winner]) ||
		    memcmp(r[i].worker, j->config.node_id, FOG_JOB_NODE_SIZE) == 0)
			continue;
		fog_db_evidence_add(j, r[i].worker, FOG_EVIDENCE_QUALITY_LOW, 0.5, r[i].job,
				    r[i].attempt, "its result differs from the other replicas'");
		fog_bound_forget(j, r[i].worker);
	}
}

/* One of those that the majority agrees with; count when there is none. */
static u32 majority(const struct fog_replica *r, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		u32 votes = 0;
		for (u32 k = 0; k < count; k++)
			votes += same_result(&r[i], &r[k]);
		if (2 * votes > count)
			return i;
	}
	return count;
}

static enum fog_job_state replicas_judge(struct fog_jobs *j, const char *batch, const char *stage,
					 enum fog_tier tier)
{
	struct fog_replica *r = calloc(FOG_REPLICAS_MAX, sizeof(*r));
	enum fog_job_state state = FOG_JOB_FAILED;

	if (r == NULL) {
		fog_jobs_fail(j, -ENOMEM);
		return state;
	}
	u32 count = fog_db_replicas(j, batch, stage, r, FOG_REPLICAS_MAX);
	u32 winner = majority(r, count);
	if (winner < count) {
		const struct fog_receipt *t = &r[winner].receipt;
		minority_note(j, r, count, winner);
		if (t->outcome == FOG_OUTCOME_EXITED && t->exit_code == 0)
			state = FOG_JOB_SUCCEEDED;
	} else if (count != 0) {
		fog_sla_disagreed(j, r[0].user, r[0].space, r[0].job, tier, r[0].quote);
	}
	free(r);
	return state;
}

/* ---- stages --------------------------------------------------------------------------------- */

enum stage_state { STAGE_OPEN = 0, STAGE_DONE, STAGE_FAILED };

static enum stage_state stage_state(struct fog_jobs *j, const char *batch, const char *stage,
				    struct fog_stage_count *count)
{
	struct fog_replica first;

	fog_db_stage_count(j, batch, stage, count);
	if (count->jobs != count->succeeded + count->failed) {
		/* A replica more or less is not the end of the others. */
		return count->failed != 0 && fog_db_replicas(j, batch, stage, &first, 1) == 0
			       ? STAGE_FAILED
			       : STAGE_OPEN;
	}
	if (fog_db_replicas(j, batch, stage, &first, 1) == 0)
		return count->failed == 0 ? STAGE_DONE : STAGE_FAILED;
	return replicas_judge(j, batch, stage, FOG_TIER_NONE) == FOG_JOB_SUCCEEDED ? STAGE_DONE
										   : STAGE_FAILED;
}

/* All that the job waits for: done, failed, or what it says of it. */
static enum stage_state after_state(struct fog_jobs *j, const struct fog_job *job,
				    char text[FOG_JOB_REASON_SIZE])
{
	enum stage_state all = STAGE_DONE;
	char stage[FOG_JOB_STAGE_SIZE];
	size_t used = 0;

	snprintf(text, FOG_JOB_REASON_SIZE, "waits for ");
	for (const char *at = job->after; *at != '\0';) {
		struct fog_stage_count count;
		size_t len = strcspn(at, ",");
		snprintf(stage, sizeof(stage), "%.*s", (int)len, at);
		at += len + (at[len] == ',');
		enum stage_state s = stage_state(j, job->batch, stage, &count);
		if (s == STAGE_FAILED) {
			fog_jobs_reason(text, "stage %s did not succeed", stage);
			return s;
		}
		if (s == STAGE_DONE)
			continue;
		all = s;
		used = strlen(text);
		snprintf(text + used, FOG_JOB_REASON_SIZE - used, "%sstage %s: %u of %u done",
			 used > 10 ? ", " : "", stage, count.succeeded, count.jobs);
	}
	return all;
}

/* What it gets of those it waited for. False: the job has ended. */
static bool inputs_take(struct fog_jobs *j, struct fog_job *job)
{
	struct fog_job_wishes *w = malloc(sizeof(*w));
	char error[FOG_JSON_ERROR_SIZE], text[FOG_JOB_REASON_SIZE];
	bool ok = w != NULL && fog_job_wishes_parse(job->wishes, w, error) == 0;

	if (w == NULL) {
		fog_jobs_fail(j, -ENOMEM);
	} else if (!ok) {
		fog_jobs_reason(text, "its wishes cannot be read: %s", error);
		fog_job_end(j, job, FOG_JOB_FAILED, text, NULL);
	}
	for (u32 i = 0; ok && i < w->from_count; i++) {
		const char *artifact = w->from[i].artifact;
		if (w->from[i].job[0] == '\0')
			continue; /* known by its hash: was taken when the job came */
		ok = fog_input_from_job(j, job, w->from[i].name, w->from[i].job, artifact);
		if (!ok && j->rc == 0) {
			fog_jobs_reason(text, "input %s: %s%.64s of %s cannot be had",
					w->from[i].name,
					artifact[0] != '\0' ? "artifact " : "the output", artifact,
					w->from[i].job);
			fog_job_end(j, job, FOG_JOB_CANCELLED, text, NULL);
		}
	}
	free(w);
	return ok;
}

static void held_review(struct fog_jobs *j, struct fog_job *job)
{
	char text[FOG_JOB_REASON_SIZE];

	switch (after_state(j, job, text)) {
	case STAGE_FAILED:
		fog_job_end(j, job, FOG_JOB_CANCELLED, text, NULL);
		break;
	case STAGE_DONE:
		if (!inputs_take(j, job))
			return;
		job->held = false;
		job->released_ms = job->queued_ms = job->next_ms = j->now_ms;
		fog_job_set(j, job, FOG_JOB_QUEUED, "what it waited for is done");
		break;
	default:
		fog_job_set(j, job, FOG_JOB_QUEUED, text);
	}
}

/* ---- batches -------------------------------------------------------------------------------- */

/* The replicated stages of a batch, judged; FAILED when one has no good majority. */
static enum fog_job_state batch_judge(struct fog_jobs *j, const char *batch,
				      const struct fog_stage_count *count)
{
	enum fog_job_state state = count->failed == 0 ? FOG_JOB_SUCCEEDED : FOG_JOB_FAILED;
	char stage[FOG_JOB_STAGE_SIZE] = "";
	enum fog_tier tier;
	u32 replicas = 0, failed = 0;

	while (fog_db_stage_next(j, batch, stage, &tier)) {
		struct fog_stage_count c;
		fog_db_stage_count(j, batch, stage, &c);
		replicas++;
		failed += c.failed;
		if (replicas_judge(j, batch, stage, tier) != FOG_JOB_SUCCEEDED)
			return FOG_JOB_FAILED;
	}
	/* What only replicas in the minority failed has not failed. */
	return replicas != 0 && failed == count->failed ? FOG_JOB_SUCCEEDED : state;
}

static void batches_review(struct fog_jobs *j)
{
	char batch[FOG_JOB_BATCH_SIZE], text[FOG_JOB_REASON_SIZE];
	i64 seq = 0;

	while (j->rc == 0 && fog_db_batch_next(j, &seq, batch)) {
		struct fog_stage_count count;
		fog_db_batch_count(j, batch, &count);
		if (count.jobs != count.succeeded + count.failed)
			continue;
		enum fog_job_state state = batch_judge(j, batch, &count);
		fog_jobs_reason(text, "%u of %u jobs succeeded", count.succeeded, count.jobs);
		fog_db_batch_end(j, batch, state, text);
	}
}

void fog_group_review(struct fog_jobs *j)
{
	struct fog_job *job, *next;

	j->review = false;
	for (job = TAILQ_FIRST(&j->jobs); job != NULL && j->rc == 0; job = next) {
		next = TAILQ_NEXT(job, link);
		if (job->held && job->state == FOG_JOB_QUEUED)
			held_review(j, job);
	}
	if (!j->review) /* else the next tick looks again: something was cancelled */
		batches_review(j);
}

/* ---- gangs ---------------------------------------------------------------------------------- */

static bool same_gang(const struct fog_job *a, const struct fog_job *b)
{
	return a->kind == FOG_JOB_GANG && strcmp(a->batch, b->batch) == 0 &&
	       strcmp(a->stage, b->stage) == 0;
}

void fog_group_recall(struct fog_jobs *j, const struct fog_job *job)
{
	struct fog_job *other;

	if (job->kind != FOG_JOB_GANG || job->began)
		return;
	TAILQ_FOREACH(other, &j->jobs, link)
	if (other != job && other->attempt != NULL && same_gang(other, job) &&
	    other->attempt->stop == FOG_STOP_NONE)
		fog_attempt_stop(j, other->attempt, FOG_STOP_GANG);
}

/* Its place is kept, and its worker hears us. */
static bool ready(const struct fog_job *job)
{
	const struct fog_attempt *a = job->attempt;

	return a != NULL && a->state == FOG_ATTEMPT_ACCEPTED && a->stop == FOG_STOP_NONE &&
	       job->cancel_ms == 0 && a->session != NULL && a->session->open;
}

void fog_group_gather(struct fog_jobs *j, const struct fog_job *job)
{
	struct fog_job *other;

	TAILQ_FOREACH(other, &j->jobs, link)
	if (same_gang(other, job) && !other->began && !ready(other))
		return;
	TAILQ_FOREACH(other, &j->jobs, link)
	if (same_gang(other, job) && !other->began)
		fog_attempt_go(j, other->attempt);
}
