/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/service.h"

#include <errno.h>
#include <unistd.h>

#include "dataplane/edge/edge.h"
#include "dataplane/edge/splice.h"

struct request {
	struct fog_edge *edge;
	struct fog_stream *stream;
	struct fog_exit_request *exit;
	struct fog_jobdoor_request *job;
	bool asked; /* the header line was read */
	struct ev_timer timer;
};

static void request_free(struct request *r)
{
	ev_timer_stop(r->edge->loop, &r->timer);
	if (r->exit != NULL)
		fog_exit_cancel(r->exit);
	if (r->job != NULL)
		fog_jobdoor_cancel(r->job);
	free(r);
}

static void drop(struct request *r, u64 code)
{
	fog_stream_release(r->stream, code);
	request_free(r);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int events)
{
	drop(w->data, FOG_CODE_PROTOCOL);
}

static void refuse(struct request *r, enum fog_open_code code, const char *error)
{
	char line[FOG_HEADER_LINE_MAX + 1];
	size_t n = fog_answer_format(code, error, true, line);

	(void)fog_stream_write(r->stream, line, n);
	fog_stream_finish(r->stream);
	fog_stream_release(r->stream, FOG_CODE_NONE); /* the answer is still delivered */
	request_free(r);
}

/* The service's socket is there. */
static void serve(struct request *r, int fd)
{
	char line[FOG_HEADER_LINE_MAX + 1];
	size_t n = fog_answer_format(FOG_OPEN_OK, "", true, line);
	struct fog_stream *s = r->stream;
	struct fog_edge *e = r->edge;

	if (fog_stream_write(s, line, n) != 0) {
		close(fd);
		drop(r, FOG_CODE_RESOURCE);
		return;
	}
	request_free(r);
	(void)fog_splice(e->loop, s, fd);
}

static void exit_done(void *user, enum fog_open_code code, const char *error, int fd)
{
	struct request *r = user;

	r->exit = NULL;
	if (code == FOG_OPEN_OK)
		serve(r, fd);
	else
		refuse(r, code, error);
}

static void job_done(void *user, enum fog_open_code code, const char *error, int fd)
{
	struct request *r = user;

	r->job = NULL;
	if (code == FOG_OPEN_OK)
		serve(r, fd);
	else
		refuse(r, code, error);
}

static void ask(struct request *r, const struct fog_stream_header *h)
{
	int rc;

	r->asked = true;
	ev_timer_stop(r->edge->loop, &r->timer);
	if (h->service != FOG_SERVICE_TCP)
		rc = fog_jobdoor_accept(r->edge, h->service, job_done, r, &r->job);
	else
		rc = fog_exit_open(r->edge, h->host, h->port, exit_done, r, &r->exit);
	if (rc != 0)
		refuse(r, FOG_OPEN_RESOURCE, strerror(-rc));
}

static void stream_readable(struct fog_stream *s)
{
	struct request *r = s->user;
	char line[FOG_HEADER_LINE_MAX + 1];
	struct fog_stream_header header;

	if (r->asked)
		return; /* early data waits for the service */
	size_t n = fog_buf_copy(&s->rx, line, sizeof(line));
	const char *end = memchr(line, '\n', n);
	if (end == NULL) {
		if (n == sizeof(line) || s->fin_received)
			drop(r, FOG_CODE_PROTOCOL);
		return;
	}
	if (fog_header_parse(&header, line, (size_t)(end - line)) != 0) {
		drop(r, FOG_CODE_PROTOCOL);
		return;
	}
	fog_stream_consume(s, (size_t)(end - line) + 1);
	ask(r, &header);
}

static void stream_writable(struct fog_stream *s)
{
}

static void stream_aborted(struct fog_stream *s, u64 code)
{
	request_free(s->user);
}

static const struct fog_stream_ops ops = {stream_readable, stream_writable, stream_aborted};

void fog_service_accept(struct fog_edge *e, struct fog_stream *s)
{
	struct request *r = e->stopping ? NULL : calloc(1, sizeof(*r));

	if (r == NULL)
		return;
	r->edge = e;
	r->stream = s;
	ev_timer_init(&r->timer, on_timer, FOG_HEADER_WAIT_S, 0.);
	r->timer.data = r;
	ev_timer_start(e->loop, &r->timer);
	fog_stream_bind(s, &ops, r);
}
