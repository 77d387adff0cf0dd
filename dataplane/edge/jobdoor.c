/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/jobdoor.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/mem.h"
#include "dataplane/ctl/log.h"
#include "dataplane/edge/edge.h"
#include "dataplane/edge/sock.h"
#include "dataplane/edge/splice.h"

/* ---- inbound: jobs.sock ------------------------------------------------------------------- */

struct fog_jobdoor_request {
	struct fog_edge *edge;
	void (*done)(void *user, enum fog_open_code code, const char *error, int fd);
	void *user;
	int fd;
	bool refused; /* connecting failed; told by the timer */
	struct ev_io io;
	struct ev_timer timer;
	struct fog_sock_line line;
};

void fog_jobdoor_cancel(struct fog_jobdoor_request *r)
{
	ev_io_stop(r->edge->loop, &r->io);
	ev_timer_stop(r->edge->loop, &r->timer);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

static void request_tell(struct fog_jobdoor_request *r, enum fog_open_code code, const char *error)
{
	int fd = code == FOG_OPEN_OK ? r->fd : -1;

	if (code == FOG_OPEN_OK) {
		ev_io_stop(r->edge->loop, &r->io);
		r->fd = -1;
	}
	r->done(r->user, code, error, fd);
	fog_jobdoor_cancel(r);
}

static void on_request_timer(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct fog_jobdoor_request *r = w->data;

	if (r->refused)
		request_tell(r, FOG_OPEN_REFUSED, "no control plane takes jobs here");
	else
		request_tell(r, FOG_OPEN_TIMEOUT, "the control plane does not answer");
}

static void on_request_io(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct fog_jobdoor_request *r = w->data;
	char error[FOG_ERROR_TEXT_MAX];
	enum fog_open_code code;
	int rc = fog_sock_line_read(r->fd, &r->line);

	if (rc == 0)
		return;
	if (rc < 0 || fog_answer_parse(&code, error, r->line.text, r->line.used) != 0) {
		request_tell(r, FOG_OPEN_REFUSED, "the control plane hung up");
		return;
	}
	request_tell(r, code, error);
}

int fog_jobdoor_accept(struct fog_edge *e, enum fog_service service,
		       void (*done)(void *user, enum fog_open_code code, const char *error, int fd),
		       void *user, struct fog_jobdoor_request **out)
{
	const char *path = service == FOG_SERVICE_PAY    ? e->jobs.pay_path
			   : service == FOG_SERVICE_DATA ? e->jobs.data_path
							 : e->jobs.jobs_path;
	char line[64];
	struct fog_jobdoor_request *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->edge = e;
	r->done = done;
	r->user = user;
	ev_init(&r->io, on_request_io);
	ev_init(&r->timer, on_request_timer);
	r->io.data = r->timer.data = r;
	int n = snprintf(line, sizeof(line), "{\"op\":\"accept\",\"service\":\"%s\"}\n",
			 fog_service_name(service));
	r->fd = fog_sock_connect(path);
	r->refused = r->fd < 0 || fog_sock_line_write(r->fd, line, (size_t)n) != 0;
	if (!r->refused) {
		ev_io_set(&r->io, r->fd, EV_READ);
		ev_io_start(e->loop, &r->io);
	}
	ev_timer_set(&r->timer, r->refused ? 0. : FOG_JOBS_WAIT_S, 0.);
	ev_timer_start(e->loop, &r->timer);
	*out = r;
	return 0;
}

/* ---- outbound: edge.sock ------------------------------------------------------------------ */

struct fog_jobdoor_client {
	struct fog_edge *edge;
	int fd;
	struct ev_io io;
	struct ev_timer timer;
	struct fog_sock_line line;
	struct fog_opening *opening;
	struct fog_jobdoor_client *next, *prev;
};

/* Out of the list; its socket stays. */
static void client_free(struct fog_jobdoor_client *c)
{
	struct fog_jobdoor *j = &c->edge->jobs;

	ev_io_stop(c->edge->loop, &c->io);
	ev_timer_stop(c->edge->loop, &c->timer);
	if (c->opening != NULL)
		fog_opening_cancel(c->opening);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		j->clients = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	j->clients_count--;
	free(c);
}

static void client_refuse(struct fog_jobdoor_client *c, enum fog_open_code code, const char *error)
{
	char line[FOG_HEADER_LINE_MAX + 1];
	int fd = c->fd;

	(void)fog_sock_line_write(fd, line, fog_answer_format(code, error, false, line));
	client_free(c);
	close(fd);
}

/* {"ok":true,"path":[..],"circuit":h}: at most 8 * 67 bytes of path. */
static size_t opened_format(const struct fog_tunnel *t, char *out, size_t size)
{
	int n = snprintf(out, size, "{\"ok\":true,\"path\":[");

	for (unsigned i = 0; i < t->hops; i++) {
		char hex[FOG_NODE_HEX_SIZE];

		fog_hex_encode(t->path[i].node_id, FOG_NODE_ID_SIZE, hex, sizeof(hex));
		n += snprintf(out + n, size - (size_t)n, "%s\"%s\"", i != 0 ? "," : "", hex);
	}
	n += snprintf(out + n, size - (size_t)n, "],\"circuit\":%u}\n",
		      t->line != NULL ? t->line->circuit.handle : 0);
	FOG_ASSERT((size_t)n < size);
	return (size_t)n;
}

static void client_opened(struct fog_opening *o, enum fog_open_code code, const char *error,
			  struct fog_stream *stream)
{
	struct fog_jobdoor_client *c = o->user;
	char line[FOG_HEADER_LINE_MAX + 1];
	struct fog_edge *e = c->edge;
	int fd = c->fd;

	c->opening = NULL;
	if (code != FOG_OPEN_OK) {
		client_refuse(c, code, error[0] != '\0' ? error : fog_open_code_name(code));
		return;
	}
	size_t n = opened_format(o->tunnel, line, sizeof(line));
	client_free(c);
	bool told = fog_sock_line_write(fd, line, n) == 0;
	if (stream == NULL || !told) {
		if (stream != NULL)
			fog_stream_release(stream, FOG_CODE_CANCELLED);
		close(fd);
		return;
	}
	(void)fog_splice(e->loop, stream, fd);
}

static void on_client_timer(struct ev_loop *loop, struct ev_timer *w, int events)
{
	client_refuse(w->data, FOG_OPEN_TIMEOUT, "no request line in time");
}

static void on_client_io(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct fog_jobdoor_client *c = w->data;
	struct fog_stream_header header;
	int rc = fog_sock_line_read(c->fd, &c->line);

	if (rc == 0)
		return;
	ev_io_stop(loop, &c->io);
	ev_timer_stop(loop, &c->timer);
	if (rc < 0 || fog_open_parse(&header, c->line.text, c->line.used) != 0) {
		client_refuse(c, FOG_OPEN_UNREACHABLE, "malformed request");
		return;
	}
	/* From here until the answer a hang-up is noticed only when the answer is written. */
	c->opening = fog_opening_start(c->edge, &header, client_opened, c);
	if (c->opening == NULL)
		client_refuse(c, FOG_OPEN_RESOURCE, "too many streams");
}

static void on_accept(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct fog_jobdoor *j = w->data;
	int fd = accept4(j->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	struct fog_jobdoor_client *c =
		j->clients_count < FOG_JOBS_OPENING_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (c == NULL) {
		close(fd);
		return;
	}
	c->edge = j->edge;
	c->fd = fd;
	c->next = j->clients;
	if (c->next != NULL)
		c->next->prev = c;
	j->clients = c;
	j->clients_count++;
	ev_io_init(&c->io, on_client_io, fd, EV_READ);
	ev_timer_init(&c->timer, on_client_timer, FOG_JOBS_WAIT_S, 0.);
	c->io.data = c->timer.data = c;
	ev_io_start(loop, &c->io);
	ev_timer_start(loop, &c->timer);
}

int fog_jobdoor_init(struct fog_jobdoor *j, struct fog_edge *e)
{
	j->edge = e;
	snprintf(j->path, sizeof(j->path), "%s/edge.sock", e->options.run_dir);
	snprintf(j->jobs_path, sizeof(j->jobs_path), "%s/jobs.sock", e->options.run_dir);
	snprintf(j->pay_path, sizeof(j->pay_path), "%s/pay.sock", e->options.run_dir);
	snprintf(j->data_path, sizeof(j->data_path), "%s/data.sock", e->options.run_dir);
	ev_init(&j->io, on_accept);
	j->io.data = j;
	j->fd = fog_sock_listen(j->path);
	if (j->fd < 0) {
		int rc = j->fd;

		fog_dplog(FOG_DPLOG_ERROR, FOG_EDGE_PART, "%s: %s", j->path, strerror(-rc));
		j->edge = NULL;
		return rc;
	}
	ev_io_set(&j->io, j->fd, EV_READ);
	ev_io_start(e->loop, &j->io);
	return 0;
}

void fog_jobdoor_stop(struct fog_jobdoor *j)
{
	if (j->edge == NULL || j->fd < 0)
		return;
	ev_io_stop(j->edge->loop, &j->io);
	unlink(j->path);
	close(j->fd);
	j->fd = -1;
}

void fog_jobdoor_free(struct fog_jobdoor *j)
{
	fog_jobdoor_stop(j);
	while (j->clients != NULL)
		client_refuse(j->clients, FOG_OPEN_UNREACHABLE, "shutting down");
}
