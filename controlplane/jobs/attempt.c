/* SPDX-License-Identifier: BSD-3-Clause */
/* An attempt as the submitter drives it: from placement to acceptance, and every end but payment.
 */
#include <errno.h>

#include "controlplane/jobs/state.h"
#include "crypto/mem.h"

#define DECLINED_KEEP 16 /* declined attempts of a job that stay in its account */

bool fog_attempt_local(const struct fog_jobs *j, const struct fog_attempt *a)
{
	return memcmp(a->key.worker, j->config.node_id, sizeof(a->key.worker)) == 0;
}

void fog_attempt_free(struct fog_jobs *j, struct fog_attempt *a)
{
	if (a->session != NULL)
		fog_jobs_session_close(j, a->session);
	if (a->job != NULL)
		a->job->attempt = NULL;
	a->job = NULL;
	TAILQ_REMOVE(&j->attempts, a, link);
	fog_jobs_bury(j, a);
}

static struct fog_job_step step_of(const struct fog_attempt *a, const char *name, u64 start_ms,
				   const char *error)
{
	return (struct fog_job_step){.name = name,
				     .trace = &a->trace.span,
				     .job = a->key.job,
				     .attempt = a->key.attempt,
				     .start_ms = start_ms,
				     .error = error};
}

static bool hold(struct fog_jobs *j, const struct fog_attempt *a, const char *user)
{
	char key[FOG_LEDGER_KEY_SIZE];
	struct fog_ledger_tx tx;

	/* One sum, so that it is held whole or not at all. */
	snprintf(key, sizeof(key), "hold:%s:%u", a->key.job, a->key.attempt);
	if (fog_ledger_hold(&tx, key, user, a->key.job, a->quote + a->premium) != 0)
		return false;
	return fog_db_ledger_apply(j, &tx) == 0;
}

static void release(struct fog_jobs *j, const struct fog_attempt *a)
{
	char key[FOG_LEDGER_KEY_SIZE];
	struct fog_ledger_tx tx;

	snprintf(key, sizeof(key), "release:%s:%u", a->key.job, a->key.attempt);
	int rc = fog_ledger_release(&tx, key, a->job->user, a->key.job, a->quote + a->premium);
	if (rc == 0)
		rc = fog_db_ledger_apply(j, &tx);
	fog_jobs_fail(j, rc); /* what was held can be released: anything else is a broken book */
}

static void offer_write(struct fog_jobs *j, const struct fog_attempt *a,
			const struct fog_placement_host *host)
{
	u8 signature[FOG_JOB_SIGNATURE_SIZE];
	struct fog_offer offer = {
		.key = a->key,
		.price = host->price,
		.price_max = a->quote,
		.created_ms = j->now_ms,
	};

	if (a->limits.accelerators == 0)
		offer.price.accelerator_hour = 0;
	memcpy(offer.spec_sha256, a->job->spec_sha256, sizeof(offer.spec_sha256));
	char *text = fog_offer_text(&offer);
	if (text == NULL) {
		fog_jobs_fail(j, -ENOMEM);
		return;
	}
	fog_jobs_sign(j, FOG_OFFER_LABEL, text, signature);
	fog_db_attempt_insert(j, a, host->name, text, signature, fog_bound_get(j, a->key.worker));
	free(text);
}

/* An offer is good only once its pay is held. */
static bool backed(struct fog_jobs *j, struct fog_attempt *a)
{
	u8 signature[FOG_JOB_SIGNATURE_SIZE];
	char *offer, *spec, error[128] = "";

	if (a->state != FOG_ATTEMPT_PLACED || j->ports.backed == NULL)
		return true;
	if (!fog_db_attempt_offer(j, a, &offer, signature, &spec)) {
		fog_jobs_fail(j, -EUCLEAN);
		return false;
	}
	const struct fog_trace *before = fog_trace_enter(&a->trace.span);
	bool held = j->ports.backed(j->ports.context, &a->key, offer, a->quote + a->premium, error);
	fog_trace_enter(before);
	free(offer);
	free(spec);
	if (!held) {
		a->open_ms = j->now_ms + FOG_JOBS_BACKED_MS;
		snprintf(a->error, sizeof(a->error), "%s", error);
	}
	return held;
}

bool fog_attempt_place(struct fog_jobs *j, struct fog_job *job,
		       const struct fog_placement_host *host, i64 price)
{
	struct fog_attempt *a = calloc(1, sizeof(*a));
	char reason[FOG_JOB_REASON_SIZE];

	if (a == NULL) {
		fog_jobs_fail(j, -ENOMEM);
		return true;
	}
	if (!fog_bring_offer(j, job)) {
		free(a);
		return true;
	}
	memcpy(a->key.submitter, j->config.node_id, sizeof(a->key.submitter));
	memcpy(a->key.worker, host->id, sizeof(a->key.worker));
	memcpy(a->key.job, job->id, sizeof(a->key.job));
	a->key.attempt = job->attempt_count + 1;
	a->quote = price;
	a->premium = fog_tier_premium(job->terms.tier,
				      job->kind == FOG_JOB_REPLICA ? job->members : 1, price);
	if (!hold(j, a, job->user)) {
		free(a);
		return false;
	}
	a->job = job;
	a->trace = job->trace;
	a->placed_ms = j->now_ms;
	a->state = FOG_ATTEMPT_PLACED;
	a->run = 1;
	a->limits = job->limits;
	a->input_size = job->input_size;
	a->restored = job->restored;
	memcpy(a->restored_sha256, job->restored_sha256, sizeof(a->restored_sha256));
	a->deadline_ms = j->now_ms + FOG_JOBS_OFFER_MS;
	job->attempt = a;
	job->attempt_count++;
	job->quote_max = FOG_MAX(job->quote_max, price);
	job->start_ms = j->now_ms;
	TAILQ_INSERT_TAIL(&j->attempts, a, link);
	offer_write(j, a, host);
	fog_jobs_reason(reason, "placed on %s", host->name);
	fog_job_set(j, job, FOG_JOB_PLACED, reason);
	fog_jobs_step(j, step_of(a, "schedule", job->queued_ms, NULL));
	if (backed(j, a))
		fog_jobs_session_open(j, a);
	return true;
}

/* ---- gangs ---------------------------------------------------------------------------------- */

bool fog_attempt_held(const struct fog_attempt *a)
{
	return a->job != NULL && a->job->kind == FOG_JOB_GANG && !a->job->began && !a->go;
}

static void deadline_set(struct fog_jobs *j, struct fog_attempt *a)
{
	a->deadline_ms = j->now_ms + a->limits.wall_ms * FOG_WORK_RUNS_MAX +
			 fog_jobs_transfer_ms(a->input_size + 2 * a->limits.output_bytes) +
			 FOG_JOBS_GRACE_MS;
}

void fog_attempt_go(struct fog_jobs *j, struct fog_attempt *a)
{
	if (!a->go) {
		a->go = true;
		deadline_set(j, a);
		fog_db_attempt_update(j, a, "");
	}
	if (a->session != NULL && a->session->open)
		fog_jobs_session_send(j, a->session, fog_job_go());
}

/* The gang could not gather: nobody is to blame, all try again. */
static void ungathered(struct fog_jobs *j, struct fog_attempt *a, const char *reason)
{
	struct fog_job *job = a->job;

	fog_job_avoid(j, job, a->key.worker, j->now_ms + FOG_JOBS_DECLINE_MIN_MS);
	fog_attempt_end(j, a, FOG_ATTEMPT_LOST, reason);
	if (job->cancel_ms != 0) {
		fog_job_end(j, job, FOG_JOB_CANCELLED, "cancelled", NULL);
		return;
	}
	if (job->attempt_count >= FOG_JOBS_ATTEMPTS_MAX) {
		fog_job_end(j, job, FOG_JOB_FAILED, reason, NULL);
		return;
	}
	fog_job_requeue(j, job, reason, FOG_JOBS_DECLINE_MIN_MS);
	fog_group_recall(j, job);
}

/* ---- the ends ------------------------------------------------------------------------------- */

void fog_attempt_end(struct fog_jobs *j, struct fog_attempt *a, enum fog_attempt_state state,
		     const char *reason)
{
	FOG_ASSERT(a->job != NULL && a->state <= FOG_ATTEMPT_RECEIVED);
	release(j, a);
	fog_db_log_drop(j, a);
	fog_bring_lost(j, a);
	a->log_size[0] = a->log_size[1] = 0;
	/* Whoever may have our offer is told that we gave it up, so that he frees his resources. */
	a->notify = state == FOG_ATTEMPT_LOST && a->offered_ms != 0;
	a->state = state;
	a->deadline_ms = j->now_ms + FOG_JOBS_ABANDON_MS;
	fog_db_attempt_update(j, a, reason);
	a->job->attempt = NULL;
	a->job = NULL;
	if (!a->notify)
		fog_attempt_free(j, a);
	else if (a->session != NULL && a->session->open)
		fog_jobs_session_send(j, a->session, fog_job_cancel(true));
}

void fog_attempt_lose(struct fog_jobs *j, struct fog_attempt *a, enum fog_evidence_kind kind,
		      const char *reason)
{
	char text[FOG_JOB_REASON_SIZE];
	struct fog_job *job = a->job;

	if (job == NULL || a->state > FOG_ATTEMPT_RECEIVED)
		return;
	if (kind != FOG_EVIDENCE_INVALID)
		fog_collect_evidence(j, a, kind, 0.5, reason);
	fog_jobs_step(j, step_of(a, "lost", 0, reason));
	job->lost_count++;
	fog_job_avoid(j, job, a->key.worker,
		      kind == FOG_EVIDENCE_FRAUD_DETECTED ? FOG_AVOID_LIED : FOG_AVOID_FAILED);
	fog_attempt_end(j, a, FOG_ATTEMPT_LOST, reason);
	if (job->cancel_ms != 0) {
		fog_jobs_reason(text, "cancelled; the host did not account for it: %s", reason);
		fog_job_end(j, job, FOG_JOB_CANCELLED, text, NULL);
	} else if (job->lost_count >= (job->terms.retries != 0 ? job->terms.retries
							       : j->config.attempts_max) ||
		   job->attempt_count >= FOG_JOBS_ATTEMPTS_MAX) {
		fog_jobs_reason(text, "%u attempts were lost, the last: %s", job->lost_count,
				reason);
		fog_job_end(j, job, FOG_JOB_FAILED, text, NULL);
	} else {
		fog_jobs_reason(text, "attempt %u was lost: %s", job->attempt_count, reason);
		fog_job_requeue(j, job, text, 0);
		if (!job->began)
			fog_group_recall(j, job);
	}
}

/* The worker knows: nothing is left to say. */
static void notified(struct fog_jobs *j, struct fog_attempt *a, const char *reason)
{
	a->notify = false;
	fog_db_attempt_update(j, a, reason);
	fog_attempt_free(j, a);
}

static void declined(struct fog_jobs *j, struct fog_attempt *a, const struct fog_job_message *m)
{
	char reason[FOG_JOB_REASON_SIZE];
	struct fog_job *job = a->job;

	fog_jobs_reason(reason, "declined (%s): %s", fog_decline_name(m->code), m->reason);
	if (a->notify) {
		notified(j, a, a->state == FOG_ATTEMPT_SETTLED ? reason : "");
		return;
	}
	if (a->state != FOG_ATTEMPT_OFFERED) {
		fog_attempt_lose(j, a, FOG_EVIDENCE_TASK_FAILURE, reason);
		return;
	}
	job->decline_ms = FOG_MIN(FOG_MAX(2 * job->decline_ms, FOG_JOBS_DECLINE_MIN_MS),
				  FOG_JOBS_DECLINE_MAX_MS);
	/* Only a full host is worth asking again soon. */
	u64 wait = m->code == FOG_DECLINE_CAPACITY ? job->decline_ms : FOG_JOBS_OFFER_LIFE_MS;
	fog_job_avoid(j, job, a->key.worker, j->now_ms + wait);
	fog_attempt_end(j, a, FOG_ATTEMPT_DECLINED, reason);
	if (job->cancel_ms != 0) {
		fog_job_end(j, job, FOG_JOB_CANCELLED, "cancelled", NULL);
	} else if (job->attempt_count >= FOG_JOBS_ATTEMPTS_MAX) {
		fog_job_end(j, job, FOG_JOB_FAILED, reason, NULL);
	} else {
		if (job->attempt_count > DECLINED_KEEP)
			fog_db_attempts_prune(j, job->id, job->attempt_count - DECLINED_KEEP);
		fog_job_requeue(j, job, reason, 0);
		fog_group_recall(j, job);
	}
}

/* ---- the stream ----------------------------------------------------------------------------- */

void fog_attempt_opened(struct fog_jobs *j, struct fog_attempt *a)
{
	u8 signature[FOG_JOB_SIGNATURE_SIZE];
	char *offer, *spec;
	/* Whoever said yes once is only asked how it is going: forgetting is not starting over. */
	bool query = a->state > FOG_ATTEMPT_OFFERED;
	struct fog_trace wire;

	if (!fog_db_attempt_offer(j, a, &offer, signature, &spec)) {
		fog_jobs_fail(j, -EUCLEAN);
		return;
	}
	if (a->state == FOG_ATTEMPT_PLACED) {
		a->state = FOG_ATTEMPT_OFFERED;
		a->offered_ms = j->now_ms;
		fog_db_attempt_update(j, a, "");
		fog_job_set(j, a->job, FOG_JOB_OFFERED,
			    a->job->reason != NULL ? a->job->reason : "");
	}
	fog_jobs_session_send(j, a->session, fog_job_hello(NULL));
	fog_job_trace_wire(&a->trace, &wire);
	if (a->session != NULL)
		fog_jobs_session_send(
			j, a->session,
			fog_job_offer(offer, signature, spec, query, fog_attempt_held(a), &wire));
	free(offer);
	free(spec);
}

void fog_attempt_unlinked(struct fog_jobs *j, struct fog_attempt *a, const char *error)
{
	u32 max = a->notify ? FOG_JOBS_RETRY_LATE_MS : FOG_JOBS_RETRY_MAX_MS;

	a->session = NULL;
	a->gone_ms = a->gone_ms != 0 ? a->gone_ms : j->now_ms;
	fog_bring_again(j, a);
	a->retry_ms = FOG_MIN(FOG_MAX(2 * a->retry_ms, FOG_JOBS_RETRY_MIN_MS), max);
	a->open_ms = j->now_ms + a->retry_ms;
	snprintf(a->error, sizeof(a->error), "%s", error);
}

static void late(struct fog_jobs *j, struct fog_attempt *a)
{
	char reason[FOG_JOB_REASON_SIZE];
	const char *error = a->error[0] != '\0' ? a->error : "it did not answer";

	switch (a->state) {
	case FOG_ATTEMPT_PLACED:
		fog_jobs_reason(reason, "could not be reached: %s", error);
		fog_attempt_lose(j, a, FOG_EVIDENCE_UNAVAILABILITY, reason);
		break;
	case FOG_ATTEMPT_OFFERED:
		fog_jobs_reason(reason, "no answer to the offer: %s", error);
		fog_attempt_lose(j, a, FOG_EVIDENCE_UNAVAILABILITY, reason);
		break;
	case FOG_ATTEMPT_ACCEPTED:
		if (fog_attempt_held(a)) {
			ungathered(j, a, "its gang did not come together in time");
			break;
		}
		fog_jobs_reason(reason, "no result by the deadline: %s", error);
		fog_attempt_lose(j, a, FOG_EVIDENCE_TASK_FAILURE, reason);
		break;
	case FOG_ATTEMPT_RECEIVED:
		fog_jobs_reason(reason, "its output did not arrive: %s", error);
		fog_attempt_lose(j, a, FOG_EVIDENCE_TASK_FAILURE, reason);
		break;
	default:
		notified(j, a, a->state == FOG_ATTEMPT_SETTLED ? "settlement undelivered" : "");
	}
}

/* Whoever has a checkpoint loses little by not waiting for a host that may have died. */
static bool absent(const struct fog_jobs *j, const struct fog_attempt *a)
{
	return a->job != NULL && a->checkpoint + (u32)a->restored != 0 &&
	       a->state == FOG_ATTEMPT_ACCEPTED && a->gone_ms != 0 &&
	       j->now_ms >= a->gone_ms + j->config.absent_ms;
}

void fog_attempt_tick(struct fog_jobs *j, struct fog_attempt *a)
{
	struct fog_job *job = a->job;

	if (j->now_ms >= a->deadline_ms) {
		late(j, a);
		return;
	}
	if (job != NULL && job->cancel_ms != 0 && a->state <= FOG_ATTEMPT_ACCEPTED &&
	    j->now_ms >= job->cancel_ms + FOG_JOBS_CANCEL_MS + job->checkpoint.grace_ms) {
		fog_attempt_lose(j, a, FOG_EVIDENCE_INVALID, "no answer to the cancel");
		return;
	}
	if (job != NULL && a->stop != FOG_STOP_NONE && a->state <= FOG_ATTEMPT_ACCEPTED &&
	    j->now_ms >= a->stop_ms + FOG_JOBS_CANCEL_MS + job->checkpoint.grace_ms) {
		enum fog_stop why = a->stop;
		fog_attempt_end(j, a, FOG_ATTEMPT_LOST, "no answer to the stop");
		fog_job_stopped(j, job, why);
		return;
	}
	if (fog_attempt_held(a) && a->state == FOG_ATTEMPT_ACCEPTED && a->session == NULL &&
	    a->retry_ms >= FOG_JOBS_GONE_MS) {
		fog_attempt_lose(j, a, FOG_EVIDENCE_UNAVAILABILITY,
				 "its host went away before the gang began");
		return;
	}
	if (absent(j, a)) {
		fog_attempt_lose(j, a, FOG_EVIDENCE_UNAVAILABILITY,
				 "its host went away; it goes on from its checkpoint elsewhere");
		return;
	}
	if (a->session == NULL && j->now_ms >= a->open_ms && backed(j, a))
		fog_jobs_session_open(j, a);
}

void fog_attempt_cancel(struct fog_jobs *j, struct fog_attempt *a)
{
	if (a->session != NULL && a->session->open)
		fog_jobs_session_send(j, a->session, fog_job_cancel(false));
}

void fog_attempt_ping(struct fog_jobs *j, struct fog_attempt *a)
{
	if (a->state == FOG_ATTEMPT_ACCEPTED || a->state == FOG_ATTEMPT_RECEIVED)
		fog_collect_follow(j, a, true);
	else if (a->state == FOG_ATTEMPT_SETTLED)
		fog_collect_settle_send(j, a);
	else if (a->state == FOG_ATTEMPT_LOST)
		fog_jobs_session_send(j, a->session, fog_job_cancel(true));
}

/* ---- messages ------------------------------------------------------------------------------- */

/* After a rerun the output starts again. */
static void run_changed(struct fog_jobs *j, struct fog_attempt *a, u32 run)
{
	if (run <= a->run || a->state != FOG_ATTEMPT_ACCEPTED)
		return;
	a->run = run;
	a->log_size[0] = a->log_size[1] = 0;
	a->log_followed[0] = a->log_followed[1] = 0;
	fog_db_log_drop(j, a);
	fog_db_attempt_update(j, a, "");
	fog_collect_follow(j, a, true);
}

static void progress(struct fog_jobs *j, struct fog_attempt *a, const struct fog_job_message *m)
{
	run_changed(j, a, m->run);
	if (m->state < FOG_WORK_RUNNING || a->running || a->job == NULL)
		return;
	a->running = true;
	fog_sla_began(j, a->job);
	if (a->job->state != FOG_JOB_RUNNING)
		fog_histogram_add(&j->totals.wait,
				  (double)j->now_ms / 1000.0 - (double)a->job->created_ms / 1000.0);
	fog_job_set(j, a->job, FOG_JOB_RUNNING, a->job->reason != NULL ? a->job->reason : "");
}

static void accepted(struct fog_jobs *j, struct fog_attempt *a, const struct fog_job_message *m)
{
	a->retry_ms = 0;
	a->gone_ms = 0;
	switch (a->state) {
	case FOG_ATTEMPT_OFFERED:
		a->state = FOG_ATTEMPT_ACCEPTED;
		fog_jobs_step(j, step_of(a, "carry",
					 a->placed_ms != 0 ? a->placed_ms : a->offered_ms, NULL));
		if (fog_attempt_held(a))
			a->deadline_ms = j->now_ms + FOG_JOBS_GATHER_MS;
		else
			deadline_set(j, a);
		fog_db_attempt_update(j, a, "");
		break;
	case FOG_ATTEMPT_SETTLED:
		fog_collect_settle_send(j, a);
		return;
	case FOG_ATTEMPT_LOST:
		fog_jobs_session_send(j, a->session, fog_job_cancel(true));
		return;
	default:
		break;
	}
	progress(j, a, m);
	fog_collect_follow(j, a, true);
	fog_bring_again(j, a);
	/* A worker that has finished answers a cancel by saying so again. */
	if ((a->job->cancel_ms != 0 || a->stop != FOG_STOP_NONE) && m->state < FOG_WORK_FINISHED)
		fog_attempt_cancel(j, a);
	if (a->state == FOG_ATTEMPT_RECEIVED)
		fog_collect_check(j, a);
	else if (fog_attempt_held(a))
		fog_group_gather(j, a->job);
	else if (a->job->kind == FOG_JOB_GANG && m->state == FOG_WORK_FETCHING)
		fog_attempt_go(j, a); /* it may not have heard */
}

/* Of the checkpoint this attempt was offered with, whatever newer ones it has made since. */
static bool checkpoint_read(struct fog_jobs *j, const struct fog_attempt *a, u64 offset, void *buf,
			    u32 cap, u32 *len)
{
	struct fog_bring_file f;

	if (!fog_db_checkpoint_find(j, a->key.job, a->restored_sha256, &f))
		return false;
	fog_db_file_read(j, a->key.job, &f, offset, buf, cap, len);
	return true;
}

static void input_send(struct fog_jobs *j, struct fog_attempt *a, const struct fog_job_message *m)
{
	u8 *buf = malloc(FOG_JOBS_CHUNK_MAX);
	u64 end = m->offset + m->length;

	if (buf == NULL)
		fog_jobs_fail(j, -ENOMEM);
	bool restored = a->restored && strcmp(m->name, FOG_JOB_CHECKPOINT_FILE) == 0;
	for (u64 at = m->offset; buf != NULL && a->session != NULL && at < end;) {
		u32 cap = (u32)FOG_MIN(end - at, FOG_JOBS_CHUNK_MAX), len = 0;
		bool there =
			restored ? checkpoint_read(j, a, at, buf, cap, &len)
				 : fog_db_input_read(j, a->key.job, m->name, at, buf, cap, &len);
		if (!there || len == 0) {
			fog_jobs_session_refuse(j, a->session, "no such input bytes");
			break;
		}
		fog_jobs_session_send(j, a->session, fog_job_blob(m->name, at, len));
		if (a->session != NULL)
			fog_jobs_session_send_data(j, a->session, buf, len);
		at += len;
	}
	free(buf);
}

static void closed(struct fog_jobs *j, struct fog_attempt *a, const struct fog_job_message *m)
{
	char reason[FOG_JOB_REASON_SIZE];

	fog_jobs_reason(reason, "closed by the host: %s", m->reason);
	if (a->notify) {
		notified(j, a, a->state == FOG_ATTEMPT_SETTLED ? reason : "");
		return;
	}
	if (fog_attempt_held(a))
		ungathered(j, a, reason);
	else
		fog_attempt_lose(j, a, FOG_EVIDENCE_TASK_FAILURE, reason);
}

static void blob_expect(struct fog_attempt *a, const struct fog_job_message *m)
{
	struct fog_jobs_session *s = a->session;

	s->expect = FOG_JOB_OP_BLOB;
	snprintf(s->name, sizeof(s->name), "%s", m->name);
	s->offset = m->offset;
	s->length = m->length;
}

static void log_expect(struct fog_jobs *j, struct fog_attempt *a, const struct fog_job_message *m)
{
	struct fog_jobs_session *s = a->session;

	s->expect = FOG_JOB_OP_LOG;
	s->stream = m->stream;
	s->offset = m->offset;
	s->length = m->length;
}

void fog_attempt_message(struct fog_jobs *j, struct fog_attempt *a, const struct fog_job_message *m)
{
	switch (m->op) {
	case FOG_JOB_OP_ACCEPT:
		accepted(j, a, m);
		break;
	case FOG_JOB_OP_DECLINE:
		declined(j, a, m);
		break;
	case FOG_JOB_OP_NEED:
		if (a->state == FOG_ATTEMPT_ACCEPTED)
			input_send(j, a, m);
		break;
	case FOG_JOB_OP_STATUS:
		if (a->state == FOG_ATTEMPT_ACCEPTED)
			progress(j, a, m);
		break;
	case FOG_JOB_OP_LOG:
		log_expect(j, a, m);
		break;
	case FOG_JOB_OP_KEPT:
		fog_bring_kept(j, a, m);
		break;
	case FOG_JOB_OP_BLOB:
		blob_expect(a, m);
		break;
	case FOG_JOB_OP_RESULT:
		fog_collect_result(j, a, m);
		break;
	case FOG_JOB_OP_SETTLED:
		if (a->state != FOG_ATTEMPT_SETTLED)
			break;
		fog_jobs_step(j, step_of(a, "settle", a->received_ms, NULL));
		notified(j, a, "");
		break;
	case FOG_JOB_OP_CLOSED:
		closed(j, a, m);
		break;
	default:
		fog_jobs_session_refuse(j, a->session, "a worker does not send this");
	}
}
