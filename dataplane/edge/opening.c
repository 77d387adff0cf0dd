/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening a stream: header line out, answer line in. See tunnel.h. */
#include <errno.h>

#include "dataplane/edge/edge.h"
#include "dataplane/edge/tunnel.h"

static void opening_free(struct fog_opening *o)
{
	ev_timer_stop(o->edge->loop, &o->timer);
	o->edge->tunnels.openings--;
	free(o);
}

static void tell(struct fog_opening *o, enum fog_open_code code, const char *error,
		 struct fog_stream *stream)
{
	o->done(o, code, error, stream);
	opening_free(o);
}

/* To be told from the loop: nobody expects the answer inside a call of theirs. */
void fog_opening_fail(struct fog_opening *o, enum fog_open_code code, const char *error)
{
	FOG_ASSERT(!o->queued);
	if (o->code != FOG_OPEN_OK)
		return;
	if (o->stream != NULL) {
		fog_stream_release(o->stream, FOG_CODE_CANCELLED);
		o->stream = NULL;
	}
	o->code = code;
	snprintf(o->error, sizeof(o->error), "%s", error);
	ev_timer_stop(o->edge->loop, &o->timer);
	ev_timer_set(&o->timer, 0., 0.);
	ev_timer_start(o->edge->loop, &o->timer);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct fog_opening *o = w->data;

	if (o->code != FOG_OPEN_OK) {
		tell(o, o->code, o->error, NULL);
		return;
	}
	if (o->queued)
		fog_tunnel_dequeue(o);
	o->tunnel = NULL;
	fog_opening_fail(o, FOG_OPEN_TIMEOUT, "no answer in time");
}

/* An exit we had at hand refuses this target: ask for one that does not. */
static bool retry(struct fog_opening *o)
{
	if (o->purpose != FOG_PURPOSE_EXIT || o->retried)
		return false;
	o->retried = true;
	struct fog_tunnel *t = fog_tunnel_for(o->edge, o);
	if (t == NULL)
		return false;
	fog_stream_release(o->stream, FOG_CODE_NONE);
	o->stream = NULL;
	fog_tunnel_enqueue(t, o);
	return true;
}

static void answered(struct fog_opening *o, const char *line, size_t size)
{
	struct fog_stream *s = o->stream;
	enum fog_open_code code;
	char error[FOG_ERROR_TEXT_MAX];

	if (fog_answer_parse(&code, error, line, size) != 0) {
		fog_opening_fail(o, FOG_OPEN_PROTOCOL, "malformed answer");
		return;
	}
	fog_stream_consume(s, size + 1);
	if (code == FOG_OPEN_POLICY && retry(o))
		return;
	if (code != FOG_OPEN_OK) {
		fog_opening_fail(o, code, error);
		return;
	}
	o->stream = NULL;
	fog_stream_bind(s, NULL, NULL);
	tell(o, FOG_OPEN_OK, "", s);
}

static void stream_readable(struct fog_stream *s)
{
	struct fog_opening *o = s->user;
	char line[FOG_HEADER_LINE_MAX + 1];
	size_t n = fog_buf_copy(&s->rx, line, sizeof(line));
	const char *end = memchr(line, '\n', n);

	if (end != NULL)
		answered(o, line, (size_t)(end - line));
	else if (n == sizeof(line) || s->fin_received)
		fog_opening_fail(o, FOG_OPEN_PROTOCOL, "no answer line");
}

static void stream_writable(struct fog_stream *s)
{
}

static void stream_aborted(struct fog_stream *s, u64 code)
{
	struct fog_opening *o = s->user;

	o->stream = NULL;
	o->tunnel = NULL;
	fog_opening_fail(o, FOG_OPEN_UNREACHABLE, "stream was reset");
}

static const struct fog_stream_ops stream_ops = {stream_readable, stream_writable, stream_aborted};

/* The tunnel's connection is ready: open the stream, or stay in the queue. */
void fog_opening_attach(struct fog_opening *o)
{
	char line[FOG_HEADER_LINE_MAX + 1];
	struct fog_stream *s;

	if (o->header.service == FOG_SERVICE_CIRCUIT) {
		fog_tunnel_dequeue(o);
		fog_tunnel_keep(o->tunnel);
		tell(o, FOG_OPEN_OK, "", NULL);
		return;
	}
	int rc = fog_stream_open(o->tunnel->carrier.conn, &s, &stream_ops, o);

	/* The peer's limit, or the connection is about to end: the tunnel sees to both. */
	if (rc == -EAGAIN || rc == -ENOTCONN)
		return;
	fog_tunnel_dequeue(o);
	if (rc == 0) {
		size_t n = fog_header_format(&o->header, line);

		o->stream = s;
		rc = fog_stream_write(s, line, n);
	}
	if (rc != 0)
		fog_opening_fail(o, FOG_OPEN_RESOURCE, strerror(-rc));
}

static enum fog_purpose purpose_of(const struct fog_stream_header *h)
{
	switch (h->service) {
	case FOG_SERVICE_TCP:
		return FOG_PURPOSE_EXIT;
	case FOG_SERVICE_JOB:
		return FOG_PURPOSE_JOB;
	case FOG_SERVICE_CIRCUIT:
		return h->purpose;
	default:
		return FOG_PURPOSE_NODE;
	}
}

struct fog_opening *fog_opening_start(struct fog_edge *e, const struct fog_stream_header *header,
				      void (*done)(struct fog_opening *o, enum fog_open_code code,
						   const char *error, struct fog_stream *stream),
				      void *user)
{
	if (e->tunnels.openings == FOG_OPENINGS_MAX || e->stopping)
		return NULL;
	struct fog_opening *o = calloc(1, sizeof(*o));
	if (o == NULL)
		return NULL;
	o->edge = e;
	o->header = *header;
	o->purpose = purpose_of(header);
	o->done = done;
	o->user = user;
	ev_init(&o->timer, on_timer);
	o->timer.data = o;
	e->tunnels.openings++;
	struct fog_tunnel *t = fog_tunnel_for(e, o);
	if (t == NULL) {
		fog_opening_fail(o, FOG_OPEN_RESOURCE, "too many tunnels");
		return o;
	}
	ev_timer_set(&o->timer, FOG_OPENING_S, 0.);
	ev_timer_start(e->loop, &o->timer);
	fog_tunnel_enqueue(t, o);
	if (t->carrier.conn != NULL && t->carrier.conn->state == FOG_CONN_READY)
		fog_opening_attach(o);
	return o;
}

void fog_opening_cancel(struct fog_opening *o)
{
	if (o->queued)
		fog_tunnel_dequeue(o);
	if (o->stream != NULL)
		fog_stream_release(o->stream, FOG_CODE_CANCELLED);
	opening_free(o);
}
