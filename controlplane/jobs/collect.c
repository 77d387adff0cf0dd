/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of an attempt that went well: output, receipt, settlement. */
#include <errno.h>

#include "controlplane/jobs/state.h"
#include "crypto/mem.h"

void fog_collect_evidence(struct fog_jobs *j, struct fog_attempt *a, enum fog_evidence_kind kind,
			  double quality, const char *detail)
{
	if (fog_attempt_local(j, a)) /* nobody rates himself */
		return;
	fog_db_evidence_add(j, a->key.worker, kind, quality, a->key.job, a->key.attempt, detail);
	fog_bound_forget(j, a->key.worker);
	fog_db_attempt_reputation(j, a, fog_bound_get(j, a->key.worker));
}

/* Tells the worker what we hold: opens its window, and is the ping of a quiet stream. */
void fog_collect_follow(struct fog_jobs *j, struct fog_attempt *a, bool force)
{
	bool due = false;

	for (u32 i = 0; i < 2; i++)
		due = due || a->log_size[i] >= a->log_followed[i] + FOG_JOBS_WINDOW / 2;
	if (a->session == NULL || !a->session->open || (!due && !force))
		return;
	a->log_followed[0] = a->log_size[0];
	a->log_followed[1] = a->log_size[1];
	fog_jobs_session_send(j, a->session, fog_job_follow(a->log_size));
}

void fog_collect_log(struct fog_jobs *j, struct fog_attempt *a, const struct fog_jobs_session *s,
		     const u8 *data, u32 len)
{
	u64 have = a->log_size[s->stream];
	u64 end = s->offset + len;

	if (a->state != FOG_ATTEMPT_ACCEPTED && a->state != FOG_ATTEMPT_RECEIVED)
		return;
	if (s->offset > have || end > a->limits.output_bytes) {
		fog_jobs_session_refuse(j, a->session,
					s->offset > have ? "a log has a gap" : "a log is too long");
		return;
	}
	if (end <= have)
		return;
	fog_db_log_append(j, a, s->stream, data + (have - s->offset), (u32)(end - have));
	a->log_size[s->stream] = end;
	fog_collect_follow(j, a, false);
	if (a->state == FOG_ATTEMPT_RECEIVED)
		fog_collect_check(j, a);
}

void fog_collect_result(struct fog_jobs *j, struct fog_attempt *a, const struct fog_job_message *m)
{
	if (a->state == FOG_ATTEMPT_ACCEPTED)
		fog_jobs_session_verify(j, a->session, m, a->key.worker);
}

static bool offer_load(struct fog_jobs *j, const struct fog_attempt *a, struct fog_offer *offer,
		       u8 sha256[32])
{
	u8 signature[FOG_JOB_SIGNATURE_SIZE];
	char error[FOG_JSON_ERROR_SIZE];
	char *text, *spec;

	if (!fog_db_attempt_offer(j, a, &text, signature, &spec)) {
		fog_jobs_fail(j, -EUCLEAN);
		return false;
	}
	fog_hash_sha256(sha256, text, strlen(text));
	int rc = fog_offer_parse(text, offer, error);
	free(text);
	free(spec);
	fog_jobs_fail(j, rc != 0 ? -EUCLEAN : 0);
	return rc == 0;
}

static void received(struct fog_jobs *j, struct fog_attempt *a, const struct fog_jobs_session *s,
		     const struct fog_receipt *receipt)
{
	char reason[FOG_JOB_REASON_SIZE];

	fog_db_receipt_put(j, &a->key, s->text, s->signature, receipt->amount);
	if (receipt->outcome == FOG_OUTCOME_FAILED) {
		if (!fog_bring_refused(j, a, receipt, reason))
			fog_jobs_reason(reason, "the host could not run it: %s", receipt->error);
		fog_attempt_lose(j, a, FOG_EVIDENCE_TASK_FAILURE, reason);
		return;
	}
	if (receipt->outcome == FOG_OUTCOME_CANCELLED && a->job->cancel_ms == 0 &&
	    a->stop == FOG_STOP_NONE) {
		fog_attempt_lose(j, a, FOG_EVIDENCE_TASK_FAILURE, "the host stopped it");
		return;
	}
	a->state = FOG_ATTEMPT_RECEIVED;
	a->received_ms = j->now_ms;
	a->deadline_ms = j->now_ms + FOG_JOBS_COLLECT_MS +
			 fog_jobs_transfer_ms(receipt->output[0].size + receipt->output[1].size +
					      receipt->checkpoint.size + receipt->manifest.size +
					      receipt->artifact_bytes);
	fog_db_attempt_update(j, a, "");
	fog_collect_follow(j, a, true);
	fog_collect_check(j, a);
}

/* A job of class S is done only where it was attested: what runs there may have changed since. */
static bool proven(struct fog_jobs *j, const struct fog_attempt *a,
		   const struct fog_jobs_session *s, const struct fog_receipt *receipt,
		   char error[FOG_JSON_ERROR_SIZE])
{
	u8 signature[FOG_JOB_SIGNATURE_SIZE];
	struct fog_job_spec *spec = NULL;
	char *offer, *text;

	if (j->ports.proven == NULL || receipt->outcome == FOG_OUTCOME_FAILED)
		return true;
	if (!fog_db_attempt_offer(j, a, &offer, signature, &text)) {
		fog_jobs_fail(j, -EUCLEAN);
		return true;
	}
	const struct fog_trace *before = fog_trace_enter(&a->trace.span);
	bool good = fog_job_spec_parse(text, strlen(text), &spec, error) == 0 &&
		    j->ports.proven(j->ports.context, receipt, s->text, spec, s->proof,
				    a->job->terms.sla == FOG_SLA_S, error);
	fog_trace_enter(before);
	fog_job_spec_free(spec);
	free(offer);
	free(text);
	return good;
}

void fog_collect_verified(struct fog_jobs *j, struct fog_attempt *a,
			  const struct fog_jobs_session *s)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_receipt receipt;
	struct fog_offer offer;
	u8 offer_sha256[32];
	const char *wrong;

	if (a->state != FOG_ATTEMPT_ACCEPTED || !offer_load(j, a, &offer, offer_sha256))
		return;
	u64 observed = j->now_ms > a->offered_ms ? j->now_ms - a->offered_ms : 0;
	if (fog_receipt_parse(s->text, &receipt, error) != 0)
		wrong = error;
	else
		wrong = fog_receipt_audit(&receipt, &offer, offer_sha256, &a->limits, observed);
	if (wrong != NULL)
		fog_attempt_lose(j, a, FOG_EVIDENCE_FRAUD_DETECTED, wrong);
	else if (!proven(j, a, s, &receipt, error))
		fog_attempt_lose(j, a, FOG_EVIDENCE_TASK_FAILURE, error);
	else
		received(j, a, s, &receipt);
}

/* ---- settlement ----------------------------------------------------------------------------- */

static enum fog_job_state job_outcome(const struct fog_receipt *t, char text[FOG_JOB_REASON_SIZE])
{
	switch (t->outcome) {
	case FOG_OUTCOME_EXITED:
		fog_jobs_reason(text, t->exit_code == 0 ? "done" : "exit code %d", t->exit_code);
		return t->exit_code == 0 ? FOG_JOB_SUCCEEDED : FOG_JOB_FAILED;
	case FOG_OUTCOME_SIGNALED:
		fog_jobs_reason(text, "killed by signal %u", t->signal);
		return FOG_JOB_FAILED;
	case FOG_OUTCOME_TIMEOUT:
		fog_jobs_reason(text, "time limit: %s", t->error);
		return FOG_JOB_FAILED;
	case FOG_OUTCOME_OOM:
		fog_jobs_reason(text, "memory limit: %s", t->error);
		return FOG_JOB_FAILED;
	case FOG_OUTCOME_CANCELLED:
		fog_jobs_reason(text, "cancelled");
		return FOG_JOB_CANCELLED;
	default:
		fog_jobs_reason(text, "%s", t->error);
		return FOG_JOB_FAILED;
	}
}

/* What the tier costs of what was used; the rest of what was held for it goes back. */
static void pay_premium(struct fog_jobs *j, const struct fog_attempt *a,
			const struct fog_receipt *t)
{
	u32 replicas = a->job->kind == FOG_JOB_REPLICA ? a->job->members : 1;
	i64 due = FOG_MIN(fog_tier_premium(a->job->terms.tier, replicas, t->amount), a->premium);
	char key[FOG_LEDGER_KEY_SIZE], escrow[FOG_LEDGER_ACCOUNT_SIZE];
	struct fog_ledger_tx tx;

	if (a->premium == 0)
		return;
	snprintf(key, sizeof(key), "premium:%s:%u", a->key.job, a->key.attempt);
	snprintf(escrow, sizeof(escrow), "escrow:%s", a->key.job);
	int rc = fog_ledger_transfer(&tx, key, escrow, FOG_LEDGER_FEES, due, "premium");
	if (rc == 0)
		rc = fog_db_ledger_apply(j, &tx);
	fog_jobs_fail(j, rc);
	snprintf(key, sizeof(key), "premium-back:%s:%u", a->key.job, a->key.attempt);
	rc = fog_ledger_release(&tx, key, a->job->user, a->key.job, a->premium - due);
	if (rc == 0)
		rc = fog_db_ledger_apply(j, &tx);
	fog_jobs_fail(j, rc);
}

static void pay(struct fog_jobs *j, const struct fog_attempt *a, const struct fog_receipt *t)
{
	char key[FOG_LEDGER_KEY_SIZE], host[2 * FOG_JOB_NODE_SIZE + 1];
	struct fog_ledger_tx tx;

	snprintf(key, sizeof(key), "settle:%s:%u", a->key.job, a->key.attempt);
	if (fog_hex_encode(a->key.worker, sizeof(a->key.worker), host, sizeof(host)) != 0)
		FOG_UNREACHABLE();
	int rc =
		fog_ledger_settle(&tx, key, a->job->user, a->key.job, host, a->quote, t->amount, 0);
	if (rc == 0)
		rc = fog_db_ledger_apply(j, &tx);
	fog_jobs_fail(j, rc);
	pay_premium(j, a, t);
	fog_space_used(j, a->job->terms.space, a->limits.cpu_milli, t->usage.wall_ms);
}

static void order_write(struct fog_jobs *j, const struct fog_attempt *a,
			const struct fog_receipt *t, const char *receipt)
{
	struct fog_settlement order = {
		.key = a->key,
		.amount = t->amount,
		.created_ms = j->now_ms,
	};
	u8 signature[FOG_JOB_SIGNATURE_SIZE];

	fog_hash_sha256(order.receipt_sha256, receipt, strlen(receipt));
	char *text = fog_settlement_text(&order);
	if (text == NULL) {
		fog_jobs_fail(j, -ENOMEM);
		return;
	}
	fog_jobs_sign(j, FOG_SETTLEMENT_LABEL, text, signature);
	fog_db_settlement_put(j, &a->key, text, signature, t->amount);
	free(text);
}

static void artifacts_note(struct fog_jobs *j, const struct fog_attempt *a,
			   const struct fog_receipt *t)
{
	for (u32 i = 0; i < 2; i++)
		if (t->output[i].size != 0)
			fog_db_artifact_add(j, a, i, &t->output[i]);
}

static void settle(struct fog_jobs *j, struct fog_attempt *a, const struct fog_receipt *t,
		   const char *receipt)
{
	char reason[FOG_JOB_REASON_SIZE];
	struct fog_job *job = a->job;
	enum fog_job_state state = job_outcome(t, reason);
	enum fog_stop goes_on = fog_bring_goes_on(a, t);

	if (goes_on != FOG_STOP_NONE && job->cancel_ms != 0) {
		goes_on = FOG_STOP_NONE;
		state = FOG_JOB_CANCELLED;
		fog_jobs_reason(reason, "cancelled");
	}
	pay(j, a, t);
	order_write(j, a, t, receipt);
	artifacts_note(j, a, t);
	if (t->outcome != FOG_OUTCOME_CANCELLED)
		fog_collect_evidence(j, a, FOG_EVIDENCE_TASK_SUCCESS, 0.5, reason);
	a->state = FOG_ATTEMPT_SETTLED;
	a->stop = goes_on != FOG_STOP_NONE ? goes_on : a->stop;
	a->notify = true;
	a->retry_ms = 0;
	a->deadline_ms = j->now_ms + FOG_JOBS_DELIVERY_MS;
	fog_db_attempt_update(j, a, "");
	a->job = NULL;
	job->attempt = NULL;
	if (goes_on != FOG_STOP_NONE)
		fog_job_stopped(j, job, goes_on);
	else
		fog_job_end(j, job, state, reason, t);
	fog_collect_settle_send(j, a);
}

void fog_collect_settle_send(struct fog_jobs *j, struct fog_attempt *a)
{
	u8 signature[FOG_JOB_SIGNATURE_SIZE];
	char *text;

	if (a->session == NULL || !a->session->open)
		return;
	if (!fog_db_settlement_get(j, &a->key, &text, signature)) {
		fog_jobs_fail(j, -EUCLEAN);
		return;
	}
	fog_jobs_session_send(j, a->session, fog_job_settle(text, signature));
	free(text);
}

static bool outputs_match(struct fog_jobs *j, const struct fog_attempt *a,
			  const struct fog_receipt *t)
{
	u8 sha256[32];

	for (u32 i = 0; i < 2; i++) {
		fog_db_log_hash(j, a, i, sha256);
		if (a->log_size[i] != t->output[i].size ||
		    !fog_equal(sha256, t->output[i].sha256, sizeof(sha256)))
			return false;
	}
	return true;
}

void fog_collect_check(struct fog_jobs *j, struct fog_attempt *a)
{
	u8 signature[FOG_JOB_SIGNATURE_SIZE];
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_receipt t;
	char *text;

	if (a->want_known && (a->log_size[0] < a->want[0] || a->log_size[1] < a->want[1]))
		return;
	if (!fog_db_receipt_get(j, &a->key, &text, signature) ||
	    fog_receipt_parse(text, &t, error) != 0) {
		fog_jobs_fail(j, -EUCLEAN);
		return;
	}
	a->want_known = true;
	a->want[0] = t.output[0].size;
	a->want[1] = t.output[1].size;
	if (a->log_size[0] < a->want[0] || a->log_size[1] < a->want[1]) {
		free(text);
		return;
	}
	if (!outputs_match(j, a, &t))
		fog_attempt_lose(j, a, FOG_EVIDENCE_FRAUD_DETECTED,
				 "the output is not what the receipt says");
	else if (fog_bring_ready(j, a, &t))
		settle(j, a, &t, text);
	free(text);
}
