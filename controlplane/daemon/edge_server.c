/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/edge_server.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "crypto/mem.h"

struct connection {
	struct fog_edge_server *owner;
	int fd; /* -1 = free */
	struct ev_io rx, tx;
	struct ev_timer hello_timer;
	bool greeted;
	u32 in_used;
	char *in; /* FOG_EDGE_LINE_MAX */
	u32 out_used, out_done, out_cap;
	char *out;
};

struct request {
	u64 id; /* 0 = free */
	fog_edge_answer_fn fn;
	void *ctx;
	struct ev_timer timer;
	struct fog_edge_server *owner;
};

struct fog_edge_server {
	struct ev_loop *loop;
	struct fog_listener listener;
	char *path;
	struct fog_edge_hooks hooks;
	void *ctx;
	struct connection connections[FOG_EDGE_CONNECTIONS_MAX];
	struct connection *edge; /* the one that said hello last */
	u64 since_ms;
	u64 next_id;
	struct request requests[FOG_EDGE_REQUESTS_MAX];
};

/* ---- requests of ours ----------------------------------------------------------------------- */

static void request_end(struct request *r, int rc, const json_t *answer)
{
	fog_edge_answer_fn fn = r->fn;
	void *ctx = r->ctx;

	ev_timer_stop(r->owner->loop, &r->timer);
	r->id = 0;
	fn(ctx, rc, answer);
}

static void requests_abort(struct fog_edge_server *s)
{
	for (u32 i = 0; i < FOG_EDGE_REQUESTS_MAX; i++)
		if (s->requests[i].id != 0)
			request_end(&s->requests[i], -ECONNRESET, NULL);
}

static void on_request_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	request_end(w->data, -ETIMEDOUT, NULL);
}

static void answer_take(struct fog_edge_server *s, const json_t *m)
{
	u64 id = (u64)json_integer_value(json_object_get(m, "id"));

	for (u32 i = 0; id != 0 && i < FOG_EDGE_REQUESTS_MAX; i++) {
		if (s->requests[i].id != id)
			continue;
		request_end(&s->requests[i], 0, m);
		return;
	}
	/* Too late: its time was over. */
}

/* ---- connections ---------------------------------------------------------------------------- */

static void connection_close(struct connection *c, const char *why)
{
	struct fog_edge_server *s = c->owner;

	if (c->fd < 0)
		return;
	ev_io_stop(s->loop, &c->rx);
	ev_io_stop(s->loop, &c->tx);
	ev_timer_stop(s->loop, &c->hello_timer);
	close(c->fd);
	c->fd = -1;
	free(c->in);
	free(c->out);
	c->in = c->out = NULL;
	if (s->edge != c) {
		fog_log(FOG_LOG_DEBUG, "edge", "connection closed reason=\"%s\"", why);
		return;
	}
	fog_log(FOG_LOG_NOTICE, "edge", "fog-edge is gone reason=\"%s\"", why);
	s->edge = NULL;
	s->since_ms = 0;
	requests_abort(s);
	s->hooks.gone(s->ctx);
}

static int out_append(struct connection *c, const char *data, u32 len)
{
	if (c->out_done != 0) {
		memmove(c->out, c->out + c->out_done, c->out_used - c->out_done);
		c->out_used -= c->out_done;
		c->out_done = 0;
	}
	if (c->out_used + len > FOG_EDGE_QUEUE_MAX)
		return -EAGAIN;
	if (c->out_used + len > c->out_cap) {
		u32 cap = FOG_MAX(c->out_cap * 2, c->out_used + len);
		char *p = realloc(c->out, cap);
		if (p == NULL)
			return -ENOMEM;
		c->out = p;
		c->out_cap = cap;
	}
	memcpy(c->out + c->out_used, data, len);
	c->out_used += len;
	ev_io_start(c->owner->loop, &c->tx);
	return 0;
}

/* Takes over `value`. -EMSGSIZE, -EAGAIN (the edge does not read) or -ENOMEM. */
static int line_send(struct connection *c, json_t *value)
{
	char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;

	json_decref(value);
	if (text == NULL)
		return -ENOMEM;
	size_t len = strlen(text);
	int rc = -EMSGSIZE;
	if (len < FOG_EDGE_LINE_MAX) {
		text[len++] = '\n'; /* in place of the zero */
		rc = out_append(c, text, (u32)len);
	}
	free(text);
	return rc;
}

static json_t *with_op(json_t *body, const char *op)
{
	if (body != NULL)
		json_object_set_new(body, "op", json_string(op));
	return body;
}

/* ---- what the edge says --------------------------------------------------------------------- */

static const char *hello_take(struct connection *c, const json_t *m)
{
	struct fog_edge_server *s = c->owner;
	const char *hex = json_string_value(json_object_get(m, "quic_pk"));
	const char *box = json_string_value(json_object_get(m, "mailbox"));
	u8 quic_pk[32], mailbox[32];

	if (json_integer_value(json_object_get(m, "version")) != FOG_EDGE_VERSION)
		return "hello of another version";
	if (hex == NULL || fog_hex_decode(hex, quic_pk, 32) != 0 || fog_is_zero(quic_pk, 32))
		return "hello without quic_pk";
	bool has_box = box != NULL && fog_hex_decode(box, mailbox, 32) == 0;
	if (s->edge != NULL && s->edge != c)
		connection_close(s->edge, "replaced by a newer one");
	bool first = s->edge == NULL;
	s->edge = c;
	c->greeted = true;
	s->since_ms = fog_loop_now_ms(s->loop);
	ev_timer_stop(s->loop, &c->hello_timer);
	if (first)
		fog_log(FOG_LOG_NOTICE, "edge", "fog-edge is connected");
	if (s->hooks.mailbox != NULL)
		s->hooks.mailbox(s->ctx, has_box ? mailbox : NULL);
	s->hooks.hello(s->ctx, quic_pk);
	if (line_send(c, with_op(s->hooks.config(s->ctx), "config")) != 0)
		return "cannot send the configuration";
	fog_edge_server_mixnet(s);
	return NULL;
}

static const char *route_take(struct connection *c, const json_t *m)
{
	const json_t *id = json_object_get(m, "id");

	if (!json_is_integer(id))
		return "route request without id";
	json_t *answer = with_op(c->owner->hooks.route(c->owner->ctx, m), "route");
	if (answer != NULL)
		json_object_set(answer, "id", (json_t *)id);
	return line_send(c, answer) == 0 ? NULL : "does not read its answers";
}

/* NULL, or why the connection ends. */
static const char *message_take(struct connection *c, const json_t *m)
{
	struct fog_edge_server *s = c->owner;
	const char *op = json_string_value(json_object_get(m, "op"));

	if (op == NULL)
		return "line without op";
	if (strcmp(op, "hello") == 0)
		return hello_take(c, m);
	if (!c->greeted)
		return "said something before hello";
	if (strcmp(op, "route") == 0)
		return route_take(c, m);
	if (strcmp(op, "circuit") == 0)
		s->hooks.circuit(s->ctx, m);
	else if (strcmp(op, "suspect") == 0 && s->hooks.suspect != NULL)
		s->hooks.suspect(s->ctx, m);
	else if (strcmp(op, "circuits") == 0 || strcmp(op, "close") == 0 ||
		 strcmp(op, "message") == 0 || strcmp(op, "ping") == 0)
		answer_take(s, m);
	else
		return "unknown op";
	return NULL;
}

static const char *line_take(struct connection *c, const char *line, size_t len)
{
	json_t *m = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(m)) {
		json_decref(m);
		return "line is no JSON object";
	}
	const char *why = message_take(c, m);
	json_decref(m);
	return why;
}

/* Take every whole line of the buffer. */
static const char *lines_take(struct connection *c)
{
	u32 done = 0;
	const char *why = NULL;

	while (why == NULL && c->fd >= 0) {
		char *end = memchr(c->in + done, '\n', c->in_used - done);
		if (end == NULL)
			break;
		size_t len = (size_t)(end - (c->in + done));
		why = line_take(c, c->in + done, len);
		done += (u32)len + 1;
	}
	if (c->fd < 0)
		return NULL;
	memmove(c->in, c->in + done, c->in_used - done);
	c->in_used -= done;
	if (why == NULL && c->in_used == FOG_EDGE_LINE_MAX)
		why = "line is too long";
	return why;
}

static void on_readable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct connection *c = w->data;
	ssize_t n = recv(c->fd, c->in + c->in_used, FOG_EDGE_LINE_MAX - c->in_used, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		connection_close(c, n == 0 ? "it closed the connection" : strerror(errno));
		return;
	}
	c->in_used += (u32)n;
	const char *why = lines_take(c);
	if (why != NULL)
		connection_close(c, why);
}

static void on_writable(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct connection *c = w->data;
	ssize_t n = send(c->fd, c->out + c->out_done, c->out_used - c->out_done, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		connection_close(c, strerror(errno));
		return;
	}
	c->out_done += (u32)n;
	if (c->out_done == c->out_used)
		ev_io_stop(loop, w);
}

static void on_hello_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	connection_close(w->data, "no hello in time");
}

static void on_accepted(void *ctx, int fd, const struct sockaddr_storage *address)
{
	struct fog_edge_server *s = ctx;
	struct connection *c = NULL;

	for (u32 i = 0; c == NULL && i < FOG_EDGE_CONNECTIONS_MAX; i++)
		if (s->connections[i].fd < 0)
			c = &s->connections[i];
	char *in = c != NULL ? malloc(FOG_EDGE_LINE_MAX) : NULL;
	if (in == NULL) {
		close(fd);
		return;
	}
	*c = (struct connection){.owner = s, .fd = fd, .in = in};
	ev_io_init(&c->rx, on_readable, fd, EV_READ);
	ev_io_init(&c->tx, on_writable, fd, EV_WRITE);
	ev_timer_init(&c->hello_timer, on_hello_timer, FOG_EDGE_HELLO_MS / 1000.0, 0.0);
	c->rx.data = c->tx.data = c->hello_timer.data = c;
	ev_io_start(s->loop, &c->rx);
	ev_timer_start(s->loop, &c->hello_timer);
}

/* ---- interface ------------------------------------------------------------------------------ */

int fog_edge_server_start(struct fog_edge_server **out, struct ev_loop *loop, const char *path,
			  const struct fog_edge_hooks *hooks, void *ctx)
{
	struct fog_edge_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->loop = loop;
	s->hooks = *hooks;
	s->ctx = ctx;
	for (u32 i = 0; i < FOG_EDGE_CONNECTIONS_MAX; i++)
		s->connections[i].fd = -1;
	for (u32 i = 0; i < FOG_EDGE_REQUESTS_MAX; i++) {
		ev_timer_init(&s->requests[i].timer, on_request_timer, FOG_EDGE_REQUEST_MS / 1000.0,
			      0.0);
		s->requests[i].timer.data = &s->requests[i];
		s->requests[i].owner = s;
	}
	s->path = strdup(path);
	int fd = s->path != NULL ? fog_unix_listen(path, 8) : -ENOMEM;
	if (fd < 0) {
		free(s->path);
		free(s);
		return fd;
	}
	fog_listener_start(&s->listener, loop, fd, "control.sock", on_accepted, s);
	*out = s;
	return 0;
}

void fog_edge_server_stop(struct fog_edge_server *s)
{
	if (s == NULL)
		return;
	for (u32 i = 0; i < FOG_EDGE_CONNECTIONS_MAX; i++)
		connection_close(&s->connections[i], "the control plane is stopping");
	fog_listener_stop(&s->listener);
	unlink(s->path);
	free(s->path);
	free(s);
}

int fog_edge_server_pid(const struct fog_edge_server *s)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (s == NULL || s->edge == NULL ||
	    getsockopt(s->edge->fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
		return 0;
	return who.pid;
}

bool fog_edge_server_connected(const struct fog_edge_server *s)
{
	return s->edge != NULL;
}

u64 fog_edge_server_since_ms(const struct fog_edge_server *s)
{
	return s->since_ms;
}

void fog_edge_server_mixnet(struct fog_edge_server *s)
{
	json_t *body = s->edge != NULL && s->hooks.mixnet != NULL ? s->hooks.mixnet(s->ctx) : NULL;

	if (body != NULL && line_send(s->edge, with_op(body, "mixnet")) != 0)
		fog_log(FOG_LOG_WARNING, "edge", "cannot tell fog-edge of the mixnet");
}

void fog_edge_server_reconfigure(struct fog_edge_server *s)
{
	if (s->edge != NULL && line_send(s->edge, with_op(s->hooks.config(s->ctx), "config")) != 0)
		connection_close(s->edge, "does not read its configuration");
}

int fog_edge_server_request(struct fog_edge_server *s, const char *op, json_t *arguments,
			    fog_edge_answer_fn fn, void *ctx)
{
	struct request *r = NULL;
	int rc = s->edge != NULL ? 0 : -ENOTCONN;

	for (u32 i = 0; r == NULL && i < FOG_EDGE_REQUESTS_MAX; i++)
		if (s->requests[i].id == 0)
			r = &s->requests[i];
	if (rc == 0 && r == NULL)
		rc = -EAGAIN;
	if (rc != 0) {
		json_decref(arguments);
		return rc;
	}
	json_t *m = arguments != NULL ? arguments : json_object();
	u64 id = ++s->next_id;
	json_object_set_new(m, "id", json_integer((json_int_t)id));
	rc = line_send(s->edge, with_op(m, op));
	if (rc != 0)
		return rc;
	r->id = id;
	r->fn = fn;
	r->ctx = ctx;
	ev_timer_set(&r->timer, FOG_EDGE_REQUEST_MS / 1000.0, 0.0);
	ev_timer_start(s->loop, &r->timer);
	return 0;
}
