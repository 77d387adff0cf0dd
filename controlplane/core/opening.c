/* SPDX-License-Identifier: BSD-3-Clause */
/* The opening lines of edge.sock and jobs.sock. A line is read to its end exactly: the bytes behind
 * it belong to the stream. */
#include "controlplane/core/framed.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/core/log.h"

struct line {
	u32 used;
	char text[FOG_FRAMED_LINE_MAX + 1];
};

/* Read on. 1: the line is whole, without its end; 0: not yet; -errno: never will be. One byte a
 * read: about a hundred reads once a stream, and nothing behind the line is touched. */
static int line_read(int fd, struct line *l)
{
	for (;;) {
		char c;
		ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (n == 0)
			return -ECONNRESET;
		if (c == '\n')
			break;
		if (l->used == FOG_FRAMED_LINE_MAX || c == '\0')
			return -EPROTO;
		l->text[l->used++] = c;
	}
	l->text[l->used] = '\0';
	return 1;
}

/* A short line into an empty socket buffer: all or nothing. */
static int line_write(int fd, json_t *value)
{
	char line[FOG_FRAMED_LINE_MAX];
	size_t len = json_dumpb(value, line, sizeof(line) - 1, JSON_COMPACT);

	json_decref(value);
	if (len == 0 || len > sizeof(line) - 1)
		return -EMSGSIZE;
	line[len++] = '\n';
	ssize_t n = send(fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EAGAIN;
}

/* ---- outbound ------------------------------------------------------------------------------- */

struct fog_opening {
	struct ev_loop *loop;
	struct ev_io io;
	struct ev_timer timer;
	int fd;
	int failed; /* known at the start, told from the loop */
	fog_opened_fn fn;
	void *ctx;
	struct line line;
};

static void opening_free(struct fog_opening *o)
{
	ev_io_stop(o->loop, &o->io);
	ev_timer_stop(o->loop, &o->timer);
	if (o->fd >= 0)
		close(o->fd);
	free(o);
}

static void opening_fail(struct fog_opening *o, int rc, const char *error)
{
	fog_opened_fn fn = o->fn;
	void *ctx = o->ctx;

	opening_free(o);
	fn(ctx, rc, -1, error, NULL);
}

static void opening_answer(struct fog_opening *o, const char *line)
{
	json_t *answer = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	const char *error = "", *code = "";
	int ok;

	if (answer == NULL || json_unpack(answer, "{s:b, s?:s, s?:s}", "ok", &ok, "error", &error,
					  "code", &code) != 0) {
		json_decref(answer);
		opening_fail(o, -EPROTO, "fog-edge answered something else than {\"ok\":..}");
		return;
	}
	if (!ok) {
		opening_fail(o, strcmp(code, "no route") == 0 ? -EHOSTUNREACH : -ECONNREFUSED,
			     error);
	} else {
		fog_opened_fn fn = o->fn;
		void *ctx = o->ctx;
		int fd = o->fd;
		o->fd = -1;
		opening_free(o);
		fn(ctx, 0, fd, "", answer);
	}
	json_decref(answer);
}

static void on_opening_readable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct fog_opening *o = w->data;
	int rc = line_read(o->fd, &o->line);

	if (rc < 0)
		opening_fail(o, rc, "fog-edge closed the connection");
	else if (rc == 1)
		opening_answer(o, o->line.text);
}

static void on_opening_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_opening *o = w->data;

	if (o->failed != 0)
		opening_fail(o, o->failed, "no fog-edge is running on this host");
	else
		opening_fail(o, -ETIMEDOUT, "no answer through the circuit in time");
}

int fog_opening_start(struct fog_opening **out, struct ev_loop *loop, const char *edge_sock,
		      const char *service, const char *target, u32 timeout_ms, fog_opened_fn fn,
		      void *ctx)
{
	return fog_opening_ask(out, loop, edge_sock,
			       json_pack("{s:s, s:s}", "service", service, "target", target),
			       timeout_ms, fn, ctx);
}

int fog_opening_ask(struct fog_opening **out, struct ev_loop *loop, const char *edge_sock,
		    json_t *request, u32 timeout_ms, fog_opened_fn fn, void *ctx)
{
	struct fog_opening *o = calloc(1, sizeof(*o));
	json_t *line = json_pack("{s:s}", "op", "open");
	int rc = json_object_update(line, request); /* fails without memory for either */

	json_decref(request);
	if (o == NULL || rc != 0) {
		json_decref(line);
		free(o);
		return -ENOMEM;
	}
	*o = (struct fog_opening){.loop = loop, .fn = fn, .ctx = ctx};
	o->fd = fog_unix_connect(edge_sock);
	if (o->fd >= 0)
		o->failed = line_write(o->fd, json_incref(line));
	else
		o->failed = o->fd;
	json_decref(line);
	ev_io_init(&o->io, on_opening_readable, o->fd, EV_READ);
	ev_timer_init(&o->timer, on_opening_timer, o->failed != 0 ? 0.0 : timeout_ms / 1000.0, 0.0);
	o->io.data = o->timer.data = o;
	if (o->failed == 0)
		ev_io_start(loop, &o->io);
	ev_timer_start(loop, &o->timer);
	*out = o;
	return 0;
}

void fog_opening_cancel(struct fog_opening *o)
{
	opening_free(o);
}

/* ---- inbound -------------------------------------------------------------------------------- */

/* A connection whose line has not come yet. */
struct arrival {
	struct fog_acceptor *owner;
	struct ev_io io;
	struct ev_timer timer;
	int fd; /* -1 = free */
	struct line line;
};

struct fog_acceptor {
	struct ev_loop *loop;
	struct fog_listener listener;
	char *path;
	char service[32];
	struct fog_acceptor_events events;
	void *ctx;
	struct arrival arrivals[FOG_FRAMED_OPENING_MAX];
};

/* Free the place; the fd is returned, or closed. */
static int arrival_leave(struct arrival *a, bool keep_fd)
{
	int fd = a->fd;

	ev_io_stop(a->owner->loop, &a->io);
	ev_timer_stop(a->owner->loop, &a->timer);
	a->fd = -1;
	if (keep_fd)
		return fd;
	close(fd);
	return -1;
}

static void arrival_refuse(struct arrival *a, const char *error)
{
	/* A lost refusal is seen as a closed connection. */
	(void)line_write(a->fd, json_pack("{s:b, s:s}", "ok", 0, "error", error));
	arrival_leave(a, false);
}

static void arrival_answer(struct arrival *a, const char *line)
{
	struct fog_acceptor *owner = a->owner;
	const char *op = "", *service = "";
	char error[128] = "";
	json_t *request = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	bool valid = request != NULL &&
		     json_unpack(request, "{s:s, s:s}", "op", &op, "service", &service) == 0 &&
		     strcmp(op, "accept") == 0 && strcmp(service, owner->service) == 0;

	json_decref(request);
	if (!valid) {
		arrival_refuse(a, "wants {\"op\":\"accept\",\"service\":..} of a service here");
		return;
	}
	if (owner->events.admit(owner->ctx, error) != 0) {
		arrival_refuse(a, error);
		return;
	}
	if (line_write(a->fd, json_pack("{s:b}", "ok", 1)) != 0) {
		arrival_leave(a, false);
		return;
	}
	owner->events.accepted(owner->ctx, arrival_leave(a, true));
}

static void on_arrival_readable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct arrival *a = w->data;
	int rc = line_read(a->fd, &a->line);

	if (rc < 0)
		arrival_leave(a, false);
	else if (rc == 1)
		arrival_answer(a, a->line.text);
}

static void on_arrival_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	arrival_leave(w->data, false);
}

static void on_accepted(void *ctx, int fd, const struct sockaddr_storage *address)
{
	struct fog_acceptor *owner = ctx;

	for (unsigned i = 0; i < FOG_FRAMED_OPENING_MAX; i++) {
		struct arrival *a = &owner->arrivals[i];
		if (a->fd >= 0)
			continue;
		a->owner = owner;
		a->fd = fd;
		a->line.used = 0;
		ev_io_init(&a->io, on_arrival_readable, fd, EV_READ);
		ev_timer_init(&a->timer, on_arrival_timer, FOG_FRAMED_ACCEPT_MS / 1000.0, 0.0);
		a->io.data = a->timer.data = a;
		ev_io_start(owner->loop, &a->io);
		ev_timer_start(owner->loop, &a->timer);
		return;
	}
	fog_log(FOG_LOG_NOTICE, "core", "stream refused reason=\"too many without a first line\"");
	close(fd);
}

int fog_acceptor_start(struct fog_acceptor **out, struct ev_loop *loop, const char *path,
		       const char *service, const struct fog_acceptor_events *events, void *ctx)
{
	struct fog_acceptor *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	FOG_ASSERT(strlen(service) < sizeof(a->service));
	a->loop = loop;
	a->events = *events;
	a->ctx = ctx;
	snprintf(a->service, sizeof(a->service), "%s", service);
	for (unsigned i = 0; i < FOG_FRAMED_OPENING_MAX; i++)
		a->arrivals[i].fd = -1;
	a->path = strdup(path);
	int fd = a->path != NULL ? fog_unix_listen(path, 128) : -ENOMEM;
	if (fd < 0) {
		free(a->path);
		free(a);
		return fd;
	}
	fog_listener_start(&a->listener, loop, fd, a->service, on_accepted, a);
	*out = a;
	return 0;
}

void fog_acceptor_stop(struct fog_acceptor *a)
{
	if (a == NULL)
		return;
	for (unsigned i = 0; i < FOG_FRAMED_OPENING_MAX; i++)
		if (a->arrivals[i].fd >= 0)
			arrival_leave(&a->arrivals[i], false);
	fog_listener_stop(&a->listener);
	unlink(a->path);
	free(a->path);
	free(a);
}
