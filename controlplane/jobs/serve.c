/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker's side of a session. */
#include <errno.h>

#include "controlplane/jobs/state.h"
#include "crypto/mem.h"

void fog_serve_status(struct fog_jobs *j, struct fog_jobs_session *s, const struct fog_work *w,
		      enum fog_work_state state)
{
	fog_jobs_session_send(j, s, fog_job_status(state, w->runs, w->output_size));
}

void fog_serve_result(struct fog_jobs *j, struct fog_jobs_session *s)
{
	u8 signature[FOG_JOB_SIGNATURE_SIZE];
	char *text;

	if (!fog_db_receipt_get(j, &s->key, &text, signature)) {
		fog_jobs_fail(j, -EUCLEAN);
		return;
	}
	char *proof = j->ports.proof != NULL ? j->ports.proof(j->ports.context, text) : NULL;
	fog_jobs_session_send(j, s, fog_job_result(text, signature, proof));
	free(proof);
	free(text);
}

/* ---- output --------------------------------------------------------------------------------- */

static u32 stream_serve(struct fog_jobs *j, struct fog_jobs_session *s, u32 stream, u8 *buf)
{
	u64 end = s->follow[stream] + FOG_JOBS_WINDOW;
	u32 chunks = 0;

	s->sent[stream] = FOG_MAX(s->sent[stream], s->follow[stream]);
	while (!s->dead && s->sent[stream] < end && s->sent[stream] < FOG_JOB_OUTPUT_MAX) {
		size_t cap = FOG_MIN(end - s->sent[stream], FOG_JOBS_CHUNK_MAX), len = 0;
		cap = FOG_MIN(cap, FOG_JOB_OUTPUT_MAX - s->sent[stream]);
		int rc = j->ports.run_output(j->ports.context, s->run, stream, s->sent[stream], buf,
					     cap, &len);
		if (rc != 0 || len == 0)
			break;
		fog_jobs_session_send(j, s, fog_job_log(stream, s->sent[stream], (u32)len));
		fog_jobs_session_send_data(j, s, buf, (u32)len);
		s->sent[stream] += len;
		chunks++;
	}
	return chunks;
}

u32 fog_serve_output(struct fog_jobs *j, struct fog_jobs_session *s)
{
	u8 *buf;
	u32 chunks = 0;

	if (!s->following || s->dead)
		return 0;
	buf = malloc(FOG_JOBS_CHUNK_MAX);
	if (buf == NULL)
		return 0; /* the next look tries again */
	for (u32 i = 0; i < 2; i++)
		chunks += stream_serve(j, s, i, buf);
	free(buf);
	return chunks;
}

void fog_serve_kept(struct fog_jobs *j, struct fog_jobs_session *s,
		    const struct fog_executor_kept *kept)
{
	if (!s->following || (s->kept == kept->number && strcmp(s->note, kept->note) == 0))
		return;
	s->kept = kept->number;
	snprintf(s->note, sizeof(s->note), "%s", kept->note);
	fog_jobs_session_send(j, s, fog_job_kept(kept, ""));
}

/* It is not there any more: the newest may be. */
static void gone(struct fog_jobs *j, struct fog_jobs_session *s, const char *name)
{
	struct fog_run_status r;

	if (j->ports.run_poll(j->ports.context, s->run, &r) != 0)
		memset(&r, 0, sizeof(r));
	fog_jobs_session_send(j, s, fog_job_kept(&r.kept, name));
}

/* Bytes of what the job left behind. */
static void needed(struct fog_jobs *j, struct fog_jobs_session *s, const struct fog_job_message *m)
{
	u8 *buf = j->ports.run_kept != NULL ? malloc(FOG_JOBS_CHUNK_MAX) : NULL;
	u64 end = m->offset + m->length;
	size_t len = 0;

	if (strlen(m->name) >= FOG_JOB_FILE_NAME_SIZE) {
		fog_jobs_session_refuse(j, s, "there is no file of such a name");
		free(buf);
		return;
	}
	for (u64 at = m->offset; buf != NULL && !s->dead && at < end; at += len) {
		int rc = j->ports.run_kept(j->ports.context, s->run, m->name, at, buf,
					   FOG_MIN(end - at, FOG_JOBS_CHUNK_MAX), &len);
		if (rc != 0 || len == 0) {
			gone(j, s, m->name);
			break;
		}
		fog_jobs_session_send(j, s, fog_job_blob(m->name, at, (u32)len));
		fog_jobs_session_send_data(j, s, buf, (u32)len);
	}
	free(buf);
}

static void follow(struct fog_jobs *j, struct fog_jobs_session *s, const struct fog_job_message *m)
{
	struct fog_work_row row;

	memcpy(s->follow, m->size, sizeof(s->follow));
	s->following = true;
	if (fog_serve_output(j, s) != 0 || s->dead)
		return;
	if (s->work != NULL)
		fog_serve_status(j, s, s->work, s->work->state);
	else if (fog_db_work_get(j, &s->key, &row)) /* the answer to a ping */
		fog_jobs_session_send(j, s, fog_job_status(row.state, row.runs, s->sent));
}

/* ---- offers --------------------------------------------------------------------------------- */

static void decline(struct fog_jobs *j, struct fog_jobs_session *s, enum fog_decline code,
		    const char *reason)
{
	fog_jobs_session_send(j, s, fog_job_decline(code, reason));
	fog_jobs_session_close(j, s);
}

static void offered(struct fog_jobs *j, struct fog_jobs_session *s, const struct fog_job_message *m)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_offer offer;

	if (fog_offer_parse(m->text, &offer, error) != 0)
		decline(j, s, FOG_DECLINE_OFFER, error);
	else if (memcmp(offer.key.worker, j->config.node_id, sizeof(offer.key.worker)) != 0)
		decline(j, s, FOG_DECLINE_OFFER, "the offer is for another host");
	else if (s->bound)
		fog_jobs_session_refuse(j, s, "one attempt a stream");
	else
		fog_jobs_session_verify(j, s, m, offer.key.submitter);
}

/* Says where the attempt stands, and what follows from it. */
static void state_tell(struct fog_jobs *j, struct fog_jobs_session *s,
		       const struct fog_work_row *row)
{
	if (row->state == FOG_WORK_CLOSED) {
		fog_jobs_session_send(j, s, fog_job_closed(row->reason));
		return;
	}
	fog_jobs_session_send(j, s, fog_job_accept(row->state, row->runs));
	if (row->state == FOG_WORK_FINISHED)
		fog_serve_result(j, s);
	else if (row->state == FOG_WORK_SETTLED)
		fog_jobs_session_send(j, s, fog_job_settled());
	else if (s->work != NULL && s->work->state == FOG_WORK_FETCHING)
		fog_work_need(j, s->work);
}

/* The newest stream of an attempt is the one that counts. */
static void bind(struct fog_jobs *j, struct fog_jobs_session *s, const struct fog_work_row *row)
{
	struct fog_work *w = fog_work_find(j, &row->key);

	s->bound = true;
	s->key = row->key;
	snprintf(s->run, sizeof(s->run), "%s", row->run);
	if (w != NULL) {
		if (w->session != NULL)
			fog_jobs_session_close(j, w->session);
		w->session = s;
		s->work = w;
	}
	state_tell(j, s, row);
}

/* Our view of where the pay is held may be a moment behind the submitter's. */
static bool funds_awaited(struct fog_jobs *j, struct fog_jobs_session *s,
			  const struct fog_offer *offer, enum fog_decline *code,
			  char reason[FOG_JOB_REASON_SIZE])
{
	char error[128] = "";

	s->unfunded = false;
	if (s->query || j->ports.funded == NULL ||
	    j->ports.funded(j->ports.context, offer, s->text, error))
		return false;
	s->unfunded = j->now_ms < s->verify_ms + FOG_JOBS_FUNDED_MS;
	*code = FOG_DECLINE_PRICE;
	fog_jobs_reason(reason, "%s", error);
	return s->unfunded;
}

static void offer_verified(struct fog_jobs *j, struct fog_jobs_session *s)
{
	char error[FOG_JSON_ERROR_SIZE], reason[FOG_JOB_REASON_SIZE] = "";
	struct fog_work_row row;
	struct fog_offer offer;
	u8 sha256[FOG_SHA256_SIZE];

	if (fog_offer_parse(s->text, &offer, error) != 0)
		FOG_UNREACHABLE(); /* it parsed before it was verified */
	fog_hash_sha256(sha256, s->text, strlen(s->text));
	if (!fog_db_work_get(j, &offer.key, &row)) {
		enum fog_decline code = FOG_DECLINE_UNKNOWN;
		if (funds_awaited(j, s, &offer, &code, reason))
			return;
		if (!s->query && code != FOG_DECLINE_PRICE)
			code = fog_work_admit(j, &offer, s->text, s->signature, s->spec, s->hold,
					      &s->trace, reason);
		if (code != FOG_DECLINE_INVALID) {
			decline(j, s, code, reason);
			return;
		}
		if (j->rc != 0 || !fog_db_work_get(j, &offer.key, &row))
			return;
	}
	if (fog_equal(sha256, row.offer_sha256, sizeof(sha256)))
		bind(j, s, &row);
	else
		decline(j, s, FOG_DECLINE_OFFER, "this attempt was offered differently before");
}

/* ---- settlement ----------------------------------------------------------------------------- */

static void credit(struct fog_jobs *j, const struct fog_settlement *order)
{
	char key[FOG_LEDGER_KEY_SIZE], account[FOG_LEDGER_ACCOUNT_SIZE];
	char submitter[2 * FOG_JOB_NODE_SIZE + 1], self[2 * FOG_JOB_NODE_SIZE + 1];
	struct fog_ledger_tx tx;

	/* A job of our own was paid in this very book already. */
	if (memcmp(order->key.submitter, j->config.node_id, sizeof(order->key.submitter)) == 0)
		return;
	if (fog_hex_encode(order->key.submitter, FOG_JOB_NODE_SIZE, submitter, sizeof(submitter)) !=
		    0 ||
	    fog_hex_encode(j->config.node_id, FOG_JOB_NODE_SIZE, self, sizeof(self)) != 0)
		FOG_UNREACHABLE();
	snprintf(key, sizeof(key), "credit:%s:%s:%u", submitter, order->key.job,
		 order->key.attempt);
	snprintf(account, sizeof(account), "host:%s", self);
	int rc = fog_ledger_transfer(&tx, key, FOG_LEDGER_ISSUER, account, order->amount, "credit");
	if (rc == 0)
		rc = fog_db_ledger_apply(j, &tx);
	fog_jobs_fail(j, rc);
}

/* What is wrong with the order, or NULL. */
static const char *order_audit(struct fog_jobs *j, const struct fog_jobs_session *s,
			       const struct fog_settlement *order)
{
	u8 signature[FOG_JOB_SIGNATURE_SIZE], sha256[FOG_SHA256_SIZE];
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_receipt t;
	char *text;

	if (!fog_attempt_key_equal(&order->key, &s->key))
		return "the settlement is for another attempt";
	if (!fog_db_receipt_get(j, &s->key, &text, signature))
		return "there is no receipt yet";
	fog_hash_sha256(sha256, text, strlen(text));
	int rc = fog_receipt_parse(text, &t, error);
	free(text);
	fog_jobs_fail(j, rc != 0 ? -EUCLEAN : 0);
	if (rc != 0 || !fog_equal(sha256, order->receipt_sha256, sizeof(sha256)))
		return "the settlement is for another receipt";
	return order->amount == t.amount ? NULL : "the settlement is not what the receipt asks";
}

static void order_verified(struct fog_jobs *j, struct fog_jobs_session *s)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_settlement order;
	struct fog_work_row row;

	if (fog_settlement_parse(s->text, &order, error) != 0) {
		fog_jobs_session_refuse(j, s, error);
		return;
	}
	const char *wrong = order_audit(j, s, &order);
	if (wrong != NULL || !fog_db_work_get(j, &s->key, &row)) {
		fog_jobs_session_refuse(j, s, wrong != NULL ? wrong : "unknown attempt");
		return;
	}
	if (row.state != FOG_WORK_SETTLED) {
		credit(j, &order);
		fog_db_settlement_put(j, &s->key, s->text, s->signature, order.amount);
		fog_db_work_update(j, &s->key, FOG_WORK_SETTLED, row.reason);
		fog_action_run(j, FOG_ACTION_RUN_REMOVE, row.run);
		fog_jobs_step(j, (struct fog_job_step){.name = "settle",
						       .trace = &row.trace,
						       .job = s->key.job,
						       .attempt = s->key.attempt,
						       .start_ms = row.updated_ms});
	}
	s->following = false;
	fog_jobs_session_send(j, s, fog_job_settled());
}

void fog_serve_verified(struct fog_jobs *j, struct fog_jobs_session *s)
{
	if (s->verifying == FOG_JOB_OP_OFFER)
		offer_verified(j, s);
	else
		order_verified(j, s);
}

/* ---- cancel --------------------------------------------------------------------------------- */

static void abandoned(struct fog_jobs *j, struct fog_jobs_session *s,
		      const struct fog_work_row *row)
{
	static const char reason[] = "abandoned by the submitter";

	if (row->state < FOG_WORK_SETTLED) {
		fog_action_run(j, FOG_ACTION_RUN_CANCEL, row->run);
		fog_action_run(j, FOG_ACTION_RUN_REMOVE, row->run);
		fog_db_work_update(j, &row->key, FOG_WORK_CLOSED, reason);
		if (s->work != NULL)
			fog_work_free(j, s->work);
	}
	s->following = false;
	fog_jobs_session_send(j, s, fog_job_closed(reason));
}

static void cancelled(struct fog_jobs *j, struct fog_jobs_session *s,
		      const struct fog_job_message *m)
{
	struct fog_work_row row;

	if (!fog_db_work_get(j, &s->key, &row))
		fog_jobs_session_send(j, s, fog_job_closed("unknown attempt"));
	else if (m->flag)
		abandoned(j, s, &row);
	else if (s->work != NULL)
		fog_work_cancel(j, s->work);
	else
		state_tell(j, s, &row);
}

void fog_serve_message(struct fog_jobs *j, struct fog_jobs_session *s,
		       const struct fog_job_message *m)
{
	if (m->op != FOG_JOB_OP_OFFER && !s->bound) {
		/* A cancel may overtake the verification of its offer: it is said again. */
		if (m->op != FOG_JOB_OP_CANCEL && m->op != FOG_JOB_OP_FOLLOW)
			fog_jobs_session_refuse(j, s, "an offer comes first");
		return;
	}
	switch (m->op) {
	case FOG_JOB_OP_OFFER:
		offered(j, s, m);
		break;
	case FOG_JOB_OP_BLOB:
		s->expect = FOG_JOB_OP_BLOB;
		memcpy(s->name, m->name, strlen(m->name) + 1);
		s->offset = m->offset;
		s->length = m->length;
		break;
	case FOG_JOB_OP_FOLLOW:
		follow(j, s, m);
		break;
	case FOG_JOB_OP_NEED:
		needed(j, s, m);
		break;
	case FOG_JOB_OP_SETTLE:
		fog_jobs_session_verify(j, s, m, s->key.submitter);
		break;
	case FOG_JOB_OP_GO:
		if (s->work != NULL)
			fog_work_go(j, s->work);
		break;
	case FOG_JOB_OP_CANCEL:
		cancelled(j, s, m);
		break;
	default:
		fog_jobs_session_refuse(j, s, "a submitter does not send this");
	}
}
