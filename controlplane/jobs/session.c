/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams of the job channel: both ends. */
#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/jobs/state.h"

struct fog_jobs_session *fog_jobs_session_find(struct fog_jobs *j, u32 id)
{
	struct fog_jobs_session *s = j->session_slot[id % FOG_JOBS_SESSIONS_MAX];

	return s != NULL && s->id == id && !s->dead ? s : NULL;
}

struct fog_jobs_session *fog_jobs_session_new(struct fog_jobs *j, bool inbound)
{
	if (j->session_count >= FOG_JOBS_SESSIONS_MAX)
		return NULL;
	struct fog_jobs_session *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	do
		j->session_next++;
	while (j->session_next == 0 ||
	       j->session_slot[j->session_next % FOG_JOBS_SESSIONS_MAX] != NULL);
	s->id = j->session_next;
	s->inbound = s->open = inbound;
	j->opening_count += !s->open;
	s->opened_ms = s->rx_ms = s->tx_ms = j->now_ms;
	j->session_slot[s->id % FOG_JOBS_SESSIONS_MAX] = s;
	j->session_count++;
	TAILQ_INSERT_TAIL(&j->sessions, s, link);
	return s;
}

static void verify_clear(struct fog_jobs_session *s)
{
	free(s->text);
	free(s->spec);
	free(s->proof);
	s->text = s->spec = s->proof = NULL;
	s->tag = 0;
	s->unfunded = false;
	s->verifying = FOG_JOB_OP_INVALID;
}

/* Freed at the end of the step only, so that callers up the stack stay safe. */
static void bury(struct fog_jobs *j, struct fog_jobs_session *s)
{
	s->dead = true;
	j->session_dead = true;
	if (!s->open)
		j->opening_count--;
}

void fog_jobs_session_reap(struct fog_jobs *j)
{
	struct fog_jobs_session *s, *next;

	if (!j->session_dead)
		return;
	j->session_dead = false;
	for (s = TAILQ_FIRST(&j->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		if (!s->dead)
			continue;
		TAILQ_REMOVE(&j->sessions, s, link);
		j->session_slot[s->id % FOG_JOBS_SESSIONS_MAX] = NULL;
		j->session_count--;
		if (s->loop != NULL)
			s->loop->loop = s->loop; /* still a loop, to nobody */
		verify_clear(s);
		free(s);
	}
}

void fog_jobs_session_clear(struct fog_jobs *j)
{
	struct fog_jobs_session *s;

	TAILQ_FOREACH(s, &j->sessions, link)
	{
		struct fog_action *a = NULL;
		if (s->attempt != NULL)
			s->attempt->session = NULL;
		if (s->work != NULL)
			s->work->session = NULL;
		if (!s->dead && s->loop == NULL)
			a = fog_action_new(j, FOG_ACTION_CLOSE);
		if (a != NULL)
			a->stream = s->id;
		if (!s->dead)
			bury(j, s);
	}
	fog_jobs_session_reap(j);
}

void fog_jobs_session_open(struct fog_jobs *j, struct fog_attempt *a)
{
	FOG_ASSERT(a->session == NULL);
	struct fog_jobs_session *s =
		j->opening_count < FOG_JOBS_OPENS_MAX ? fog_jobs_session_new(j, false) : NULL;
	if (s == NULL) {
		a->open_ms = j->now_ms + FOG_JOBS_RETRY_MIN_MS;
		return;
	}
	s->attempt = a;
	a->session = s;
	struct fog_action *action = fog_action_new(j, FOG_ACTION_OPEN);
	if (action == NULL)
		return;
	action->stream = s->id;
	memcpy(action->node, a->key.worker, sizeof(action->node));
	action->internal = fog_attempt_local(j, a);
	if (action->internal)
		s->loop = s;
}

/* What is sent on a loop is addressed to the other end. */
static struct fog_action *action_to(struct fog_jobs *j, const struct fog_jobs_session *s,
				    enum fog_action_kind kind)
{
	struct fog_action *a = fog_action_new(j, kind);

	if (a == NULL)
		return NULL;
	a->internal = s->loop != NULL;
	a->stream = a->internal ? s->loop->id : s->id;
	return a;
}

void fog_jobs_session_close(struct fog_jobs *j, struct fog_jobs_session *s)
{
	if (s == NULL || s->dead)
		return;
	bury(j, s);
	if (s->attempt != NULL)
		s->attempt->session = NULL;
	if (s->work != NULL)
		s->work->session = NULL;
	s->attempt = NULL;
	s->work = NULL;
	if (s->loop != s)
		action_to(j, s, FOG_ACTION_CLOSE);
}

void fog_jobs_session_drop(struct fog_jobs *j, struct fog_jobs_session *s, const char *reason)
{
	struct fog_attempt *a = s->attempt;

	if (s->dead)
		return;
	fog_jobs_session_close(j, s);
	if (a != NULL)
		fog_attempt_unlinked(j, a, reason);
}

static void send_frame(struct fog_jobs *j, struct fog_jobs_session *s, enum fog_action_kind kind,
		       u8 *data, u32 len)
{
	/* A loop whose other end is gone leads back to itself. */
	struct fog_action *a = s->loop != s ? action_to(j, s, kind) : NULL;

	if (a == NULL) {
		free(data);
		return;
	}
	a->data = data;
	a->len = len;
	s->tx_ms = j->now_ms;
}

void fog_jobs_session_send(struct fog_jobs *j, struct fog_jobs_session *s, char *text)
{
	if (s->dead || text == NULL) {
		free(text);
		if (!s->dead)
			fog_jobs_session_drop(j, s, "no memory");
		return;
	}
	send_frame(j, s, FOG_ACTION_SEND_JSON, (u8 *)text, (u32)strlen(text));
}

void fog_jobs_session_send_data(struct fog_jobs *j, struct fog_jobs_session *s, const void *data,
				u32 len)
{
	u8 *copy = malloc(len);

	FOG_ASSERT(len > 0 && len <= FOG_JOBS_CHUNK_MAX);
	if (s->dead || copy == NULL) {
		free(copy);
		if (!s->dead)
			fog_jobs_session_drop(j, s, "no memory");
		return;
	}
	memcpy(copy, data, len);
	send_frame(j, s, FOG_ACTION_SEND_DATA, copy, len);
}

void fog_jobs_session_refuse(struct fog_jobs *j, struct fog_jobs_session *s, const char *reason)
{
	char text[FOG_JOB_REASON_SIZE];

	fog_jobs_reason(text, "%s", reason);
	fog_log(FOG_LOG_DEBUG, "jobs", "stream refused reason=\"%s\"", text);
	fog_jobs_session_send(j, s, fog_job_error(text));
	fog_jobs_session_drop(j, s, text);
}

static const char *paper_label(enum fog_job_op op)
{
	switch (op) {
	case FOG_JOB_OP_OFFER:
		return FOG_OFFER_LABEL;
	case FOG_JOB_OP_RESULT:
		return FOG_RECEIPT_LABEL;
	default:
		return FOG_SETTLEMENT_LABEL;
	}
}

/* A second paper while one is being verified is a repetition: the first will do. */
void fog_jobs_session_verify(struct fog_jobs *j, struct fog_jobs_session *s,
			     const struct fog_job_message *m, const u8 node[FOG_JOB_NODE_SIZE])
{
	if (s->tag != 0)
		return;
	s->text = strdup(m->text);
	s->spec = m->spec != NULL ? strdup(m->spec) : NULL;
	s->proof = m->proof != NULL ? strdup(m->proof) : NULL;
	struct fog_action *a = fog_action_new(j, FOG_ACTION_VERIFY);
	if (a != NULL)
		a->data = malloc(FOG_PAPER_SIZE_MAX);
	if (a == NULL || a->data == NULL || s->text == NULL ||
	    (m->spec != NULL && s->spec == NULL) || (m->proof != NULL && s->proof == NULL)) {
		fog_jobs_fail(j, -ENOMEM);
		return;
	}
	s->tag = ++j->tag_next << 32 | s->id;
	s->verifying = m->op;
	s->verify_ms = j->now_ms;
	s->query = m->flag;
	s->hold = m->hold;
	s->trace = m->trace;
	memcpy(s->signature, m->signature, sizeof(s->signature));
	a->tag = s->tag;
	memcpy(a->node, node, sizeof(a->node));
	memcpy(a->signature, m->signature, sizeof(a->signature));
	a->len = fog_paper_message(paper_label(m->op), m->text, a->data);
}

void fog_jobs_verified(struct fog_jobs *j, u64 tag, bool valid, u64 now_ms)
{
	if (!fog_jobs_begin(j, now_ms))
		return;
	struct fog_jobs_session *s = fog_jobs_session_find(j, (u32)tag);
	if (s != NULL && s->tag == tag) {
		if (valid && s->inbound)
			fog_serve_verified(j, s);
		else if (valid && s->attempt != NULL)
			fog_collect_verified(j, s->attempt, s);
		else if (s->inbound || s->attempt == NULL)
			fog_jobs_session_refuse(j, s, "bad signature");
		else
			fog_attempt_lose(j, s->attempt, FOG_EVIDENCE_FRAUD_DETECTED,
					 "the receipt's signature is bad");
		if (!s->unfunded)
			verify_clear(s);
	}
	fog_jobs_end(j);
}

void fog_jobs_session_tick(struct fog_jobs *j, struct fog_jobs_session *s)
{
	u64 now = j->now_ms;

	if (s->dead)
		return;
	if (s->unfunded) {
		fog_serve_verified(j, s);
		if (!s->unfunded)
			verify_clear(s);
		return;
	}
	if (!s->open && now >= s->opened_ms + FOG_JOBS_OPEN_MS)
		fog_jobs_session_drop(j, s, "the stream was not opened in time");
	else if (s->open && now >= s->rx_ms + FOG_JOBS_SILENCE_MS)
		fog_jobs_session_drop(j, s, "the other end is silent");
	else if (s->tag != 0 && now >= s->verify_ms + FOG_JOBS_VERIFY_MS)
		fog_jobs_session_drop(j, s, "a signature could not be verified in time");
	else if (s->open && s->attempt != NULL && now >= s->tx_ms + FOG_JOBS_PING_MS)
		fog_attempt_ping(j, s->attempt);
}

/* ---- events --------------------------------------------------------------------------------- */

static u32 half_open_count(const struct fog_jobs *j)
{
	const struct fog_jobs_session *s;
	u32 count = 0;

	TAILQ_FOREACH(s, &j->sessions, link)
	count += s->inbound && !s->bound;
	return count;
}

static struct fog_jobs_session *accept_new(struct fog_jobs *j)
{
	return half_open_count(j) < FOG_JOBS_SESSIONS_HALF ? fog_jobs_session_new(j, true) : NULL;
}

u32 fog_jobs_stream_accepted(struct fog_jobs *j, u64 now_ms)
{
	u32 id = 0;

	if (!fog_jobs_begin(j, now_ms))
		return 0;
	struct fog_jobs_session *s = accept_new(j);
	if (s != NULL) {
		id = s->id;
		fog_jobs_session_send(j, s, fog_job_hello(j->config.node_id));
	}
	return fog_jobs_end(j) == 0 ? id : 0;
}

static void opened(struct fog_jobs *j, struct fog_jobs_session *s, const char *route)
{
	s->open = true;
	j->opening_count--;
	s->rx_ms = j->now_ms;
	if (s->attempt == NULL) {
		fog_jobs_session_close(j, s);
		return;
	}
	if (route != NULL)
		fog_db_attempt_route(j, s->attempt, route);
	fog_attempt_opened(j, s->attempt);
}

void fog_jobs_stream_opened(struct fog_jobs *j, u32 stream, const char *route, u64 now_ms)
{
	if (!fog_jobs_begin(j, now_ms))
		return;
	struct fog_jobs_session *s = fog_jobs_session_find(j, stream);
	if (s != NULL && !s->open)
		opened(j, s, route);
	fog_jobs_end(j);
}

/* The owner knows already that it is gone: no close action. */
static void gone(struct fog_jobs *j, u32 stream, const char *error, u64 now_ms)
{
	if (!fog_jobs_begin(j, now_ms))
		return;
	struct fog_jobs_session *s = fog_jobs_session_find(j, stream);
	if (s != NULL) {
		struct fog_attempt *a = s->attempt;
		if (s->work != NULL)
			s->work->session = NULL;
		s->work = NULL;
		s->attempt = NULL;
		bury(j, s);
		if (a != NULL)
			fog_attempt_unlinked(j, a, error);
	}
	fog_jobs_end(j);
}

void fog_jobs_stream_failed(struct fog_jobs *j, u32 stream, const char *error, u64 now_ms)
{
	gone(j, stream, error, now_ms);
}

void fog_jobs_stream_closed(struct fog_jobs *j, u32 stream, u64 now_ms)
{
	gone(j, stream, "the stream was closed", now_ms);
}

static void greet(struct fog_jobs *j, struct fog_jobs_session *s, const struct fog_job_message *m)
{
	if (m->op != FOG_JOB_OP_HELLO) {
		fog_jobs_session_refuse(j, s, "the first message must be a hello");
		return;
	}
	if (s->attempt != NULL &&
	    (!m->has_node || memcmp(m->node, s->attempt->key.worker, sizeof(m->node)) != 0)) {
		fog_jobs_session_refuse(j, s, "another host answered");
		return;
	}
	s->greeted = true;
}

static void message(struct fog_jobs *j, struct fog_jobs_session *s, const struct fog_job_message *m)
{
	if (m->op == FOG_JOB_OP_ERROR) {
		char reason[FOG_JOB_REASON_SIZE];
		fog_jobs_reason(reason, "the other end: %s", m->reason);
		fog_jobs_session_drop(j, s, reason);
	} else if (!s->greeted) {
		greet(j, s, m);
	} else if (m->op == FOG_JOB_OP_HELLO) {
		return;
	} else if (s->inbound) {
		fog_serve_message(j, s, m);
	} else if (s->attempt != NULL) {
		fog_attempt_message(j, s->attempt, m);
	}
}

void fog_jobs_stream_json(struct fog_jobs *j, u32 stream, const u8 *data, size_t len, u64 now_ms)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_message m;

	if (!fog_jobs_begin(j, now_ms))
		return;
	struct fog_jobs_session *s = fog_jobs_session_find(j, stream);
	if (s == NULL || !s->open) {
		fog_jobs_end(j);
		return;
	}
	s->rx_ms = now_ms;
	if (s->expect != FOG_JOB_OP_INVALID) {
		fog_jobs_session_refuse(j, s, "a data frame was due");
	} else if (fog_job_message_parse(data, len, &m, error) != 0) {
		fog_jobs_session_refuse(j, s, error);
	} else {
		message(j, s, &m);
		fog_job_message_free(&m);
	}
	fog_jobs_end(j);
}

void fog_jobs_stream_data(struct fog_jobs *j, u32 stream, const u8 *data, size_t len, u64 now_ms)
{
	if (!fog_jobs_begin(j, now_ms))
		return;
	struct fog_jobs_session *s = fog_jobs_session_find(j, stream);
	if (s != NULL && s->open) {
		enum fog_job_op op = s->expect;
		s->rx_ms = now_ms;
		s->expect = FOG_JOB_OP_INVALID;
		if (op == FOG_JOB_OP_INVALID || len != s->length)
			fog_jobs_session_refuse(j, s, "no such data frame was announced");
		else if (op == FOG_JOB_OP_BLOB && s->work != NULL)
			fog_work_blob(j, s->work, s, data, (u32)len);
		else if (op == FOG_JOB_OP_BLOB && s->attempt != NULL)
			fog_bring_blob(j, s->attempt, s, data, (u32)len);
		else if (op == FOG_JOB_OP_LOG && s->attempt != NULL)
			fog_collect_log(j, s->attempt, s, data, (u32)len);
	}
	fog_jobs_end(j);
}

/* ---- loop: both ends here ------------------------------------------------------------------- */

static void loop_open(struct fog_jobs *j, u32 stream, u64 now_ms)
{
	if (!fog_jobs_begin(j, now_ms))
		return;
	struct fog_jobs_session *s = fog_jobs_session_find(j, stream);
	struct fog_jobs_session *in = s != NULL ? accept_new(j) : NULL;
	if (in != NULL) {
		in->loop = s;
		s->loop = in;
		fog_jobs_session_send(j, in, fog_job_hello(j->config.node_id));
		opened(j, s, "");
	} else if (s != NULL) {
		fog_jobs_session_drop(j, s, "too many streams");
	}
	fog_jobs_end(j);
}

void fog_jobs_session_loop(struct fog_jobs *j, const struct fog_action *a, u64 now_ms)
{
	switch (a->kind) {
	case FOG_ACTION_OPEN:
		loop_open(j, a->stream, now_ms);
		break;
	case FOG_ACTION_SEND_JSON:
		fog_jobs_stream_json(j, a->stream, a->data, a->len, now_ms);
		break;
	case FOG_ACTION_SEND_DATA:
		fog_jobs_stream_data(j, a->stream, a->data, a->len, now_ms);
		break;
	case FOG_ACTION_CLOSE:
		gone(j, a->stream, "the stream was closed", now_ms);
		break;
	default:
		FOG_UNREACHABLE();
	}
}
