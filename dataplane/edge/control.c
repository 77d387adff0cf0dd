/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/control.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "crypto/mem.h"
#include "dataplane/ctl/log.h"
#include "dataplane/edge/edge.h"
#include "dataplane/edge/sock.h"

/* Room kept for the end of a list that does not fit a line. */
#define LIST_SLACK 1024

static void connection_lost(struct fog_control *c, const char *why)
{
	struct ev_loop *loop = c->edge->loop;

	if (c->fd >= 0) {
		ev_io_stop(loop, &c->read_io);
		ev_io_stop(loop, &c->write_io);
		close(c->fd);
		c->fd = -1;
	}
	c->in_size = 0;
	c->out_size = 0;
	if (!c->said)
		fog_dplog(FOG_DPLOG_WARNING, FOG_EDGE_PART, "no control plane: %s", why);
	c->said = true;
	ev_timer_stop(loop, &c->retry);
	ev_timer_set(&c->retry, c->retry_s, 0.);
	ev_timer_start(loop, &c->retry);
	c->retry_s = FOG_MIN(c->retry_s * 2, FOG_CONTROL_RETRY_MAX_S);
}

/* ---- out ---------------------------------------------------------------------------------- */

static void on_write(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct fog_control *c = w->data;

	ssize_t n = send(c->fd, c->out, c->out_size, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		connection_lost(c, strerror(errno));
		return;
	}
	if (n > 0) {
		c->out_size -= (size_t)n;
		memmove(c->out, c->out + n, c->out_size);
	}
	if (c->out_size == 0)
		ev_io_stop(loop, w);
}

/* Queue a line. -ENOTCONN, -ENOBUFS or -ENOMEM. */
static int line_send(struct fog_control *c, const char *line)
{
	size_t size = strlen(line);

	if (c->fd < 0)
		return -ENOTCONN;
	if (c->out_size + size > FOG_CONTROL_OUT_MAX)
		return -ENOBUFS;
	if (c->out_size + size > c->out_room) {
		size_t room = FOG_MAX(2 * c->out_room, c->out_size + size);
		char *out = realloc(c->out, room);

		if (out == NULL)
			return -ENOMEM;
		c->out = out;
		c->out_room = room;
	}
	memcpy(c->out + c->out_size, line, size);
	c->out_size += size;
	ev_io_start(c->edge->loop, &c->write_io);
	return 0;
}

void fog_control_send(struct fog_control *c, struct json_t *root)
{
	char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
	int rc = -ENOMEM;

	json_decref(root);
	if (text != NULL) {
		rc = line_send(c, text);
		if (rc == 0)
			rc = line_send(c, "\n");
	}
	if (rc != 0)
		c->dropped++;
	free(text);
}

static json_t *path_json(const struct fog_circuit *circuit)
{
	json_t *path = json_array();

	for (unsigned i = 0; i < circuit->hops; i++) {
		char hex[FOG_NODE_HEX_SIZE];

		fog_hex_encode(circuit->path[i].node_id, FOG_NODE_ID_SIZE, hex, sizeof(hex));
		json_array_append_new(path, json_string(hex));
	}
	return path;
}

static const char *line_owner(const struct fog_line *l)
{
	return ((const struct fog_tunnel *)l->user)->owner;
}

void fog_control_circuit(struct fog_control *c, const struct fog_line *l, const char *event,
			 const char *reason)
{
	u64 built = l->built_ns > l->created_ns ? l->built_ns - l->created_ns : 0;

	if (c->edge == NULL || c->fd < 0)
		return;
	fog_control_send(c, json_pack("{s:s, s:s, s:s, s:I, s:o, s:s, s:s, s:I}", "op", "circuit",
				      "event", event, "owner", line_owner(l), "handle",
				      (json_int_t)l->circuit.handle, "path", path_json(&l->circuit),
				      "purpose", l->purpose, "reason", reason, "build_ms",
				      (json_int_t)(built / 1000000)));
}

/* ---- route requests ----------------------------------------------------------------------- */

int fog_control_route(struct fog_control *c, struct fog_route_request *request)
{
	struct fog_control_pending *p = NULL;

	for (unsigned i = 0; i < FOG_CONTROL_PENDING_MAX; i++) {
		if (c->pending[i].id == 0)
			p = &c->pending[i];
	}
	if (p == NULL)
		return -ENOBUFS;
	request->id = ++c->next_id;
	char *line = fog_message_route(request);
	if (line == NULL)
		return -ENOMEM;
	/* When it cannot be sent now it is sent with the next connection. */
	int rc = line_send(c, line);
	if (rc != 0 && rc != -ENOTCONN) {
		free(line);
		return rc;
	}
	p->id = request->id;
	p->line = line;
	p->deadline = ev_now(c->edge->loop) + FOG_CONTROL_ANSWER_S;
	return 0;
}

static bool pending_take(struct fog_control *c, u64 id)
{
	for (unsigned i = 0; id != 0 && i < FOG_CONTROL_PENDING_MAX; i++) {
		if (c->pending[i].id != id)
			continue;
		free(c->pending[i].line);
		c->pending[i].line = NULL;
		c->pending[i].id = 0;
		return true;
	}
	return false;
}

static void on_sweep(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct fog_control *c = w->data;

	for (unsigned i = 0; i < FOG_CONTROL_PENDING_MAX; i++) {
		u64 id = c->pending[i].id;

		if (id == 0 || c->pending[i].deadline > ev_now(loop))
			continue;
		pending_take(c, id);
		fog_tunnel_unroutable(c->edge, id, "the control plane does not answer");
	}
}

/* ---- questions ---------------------------------------------------------------------------- */

static u32 line_streams(const struct fog_line *l)
{
	const struct fog_tunnel *t = l->user;

	return t->carrier.conn != NULL ? t->carrier.conn->streams_count : 0;
}

static json_t *line_json(const struct fog_line *l, u64 now)
{
	u64 built = l->built_ns > l->created_ns ? l->built_ns - l->created_ns : 0;

	return json_pack(
		"{s:I, s:s, s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "handle",
		(json_int_t)l->circuit.handle, "owner", line_owner(l), "path",
		path_json(&l->circuit), "purpose", l->purpose, "state", fog_line_state_name(l),
		"age_ms", (json_int_t)((now - l->created_ns) / 1000000), "build_ms",
		(json_int_t)(built / 1000000), "bytes_tx", (json_int_t)l->bytes_tx, "bytes_rx",
		(json_int_t)l->bytes_rx, "streams", (json_int_t)line_streams(l));
}

/* Append while the answer stays within one line. */
static bool list_append(json_t *list, json_t *item, size_t *left)
{
	char *text = item != NULL ? json_dumps(item, JSON_COMPACT) : NULL;
	size_t size = text != NULL ? strlen(text) + 1 : SIZE_MAX;

	free(text);
	if (size > *left) {
		json_decref(item);
		return false;
	}
	*left -= size;
	json_array_append_new(list, item);
	return true;
}

static void circuits_answer(struct fog_control *c, u64 id)
{
	struct fog_edge *e = c->edge;
	size_t left = FOG_MESSAGE_LINE_MAX - LIST_SLACK;
	json_t *circuits = json_array();
	json_t *terminus = json_array();
	u64 now = fog_edge_now();
	bool whole = true;

	for (unsigned i = 0; i < FOG_CIRCUITS_MAX && whole; i++) {
		if (e->circuits.table[i] != NULL)
			whole = list_append(circuits, line_json(e->circuits.table[i], now), &left);
	}
	for (unsigned i = 0; i < FOG_ENDS_MAX && whole; i++) {
		const struct fog_end *end = e->terminus.ends[i];

		if (end == NULL)
			continue;
		json_t *item =
			json_pack("{s:I, s:I, s:I, s:I}", "handle", (json_int_t)end->handle,
				  "streams", (json_int_t)fog_terminus_streams(e, end), "bytes_tx",
				  (json_int_t)end->bytes_tx, "bytes_rx", (json_int_t)end->bytes_rx);
		whole = list_append(terminus, item, &left);
	}
	fog_control_send(c, json_pack("{s:s, s:I, s:o, s:o, s:b}", "op", "circuits", "id",
				      (json_int_t)id, "circuits", circuits, "terminus", terminus,
				      "truncated", !whole));
}

/* owner: only a circuit of this one; NULL: whosever. */
static void close_answer(struct fog_control *c, u64 id, u32 handle, const char *owner)
{
	struct fog_line *l = fog_line_find(c->edge, handle);
	bool ok = owner == NULL || (l != NULL && strcmp(line_owner(l), owner) == 0);

	if (ok && l != NULL)
		fog_tunnel_line_close(l);
	else if (ok)
		ok = fog_terminus_close(c->edge, handle);
	if (ok)
		fog_control_send(c, json_pack("{s:s, s:I, s:b}", "op", "close", "id",
					      (json_int_t)id, "ok", 1));
	else
		fog_control_send(c, json_pack("{s:s, s:I, s:b, s:s}", "op", "close", "id",
					      (json_int_t)id, "ok", 0, "error", "no such circuit"));
}

/* ---- in ----------------------------------------------------------------------------------- */

static void line_take(struct fog_control *c, const char *line, size_t size)
{
	static struct fog_control_message m; /* 12 KiB; the loop's thread only */
	char why[FOG_ERROR_TEXT_MAX];
	json_t *answer;

	if (fog_mixedge_line(&c->edge->mixnet, line, size, &answer)) {
		if (answer != NULL)
			fog_control_send(c, answer);
		return;
	}
	if (fog_message_parse(&m, line, size, why) != 0) {
		if (!c->complained)
			fog_dplog(FOG_DPLOG_WARNING, FOG_EDGE_PART,
				  "control plane sent what we do not understand: %s", why);
		c->complained = true;
		return;
	}
	switch (m.op) {
	case FOG_CONTROL_CONFIG:
		fog_edge_configure(c->edge, &m.config);
		break;
	case FOG_CONTROL_ROUTE:
		if (pending_take(c, m.id))
			fog_tunnel_routed(c->edge, &m.route);
		break;
	case FOG_CONTROL_CIRCUITS:
		circuits_answer(c, m.id);
		break;
	case FOG_CONTROL_PING:
		fog_control_send(c, json_pack("{s:s, s:I}", "op", "ping", "id", (json_int_t)m.id));
		break;
	case FOG_CONTROL_CLOSE:
		close_answer(c, m.id, m.handle, m.has_owner ? m.owner : NULL);
		break;
	}
}

static void on_read(struct ev_loop *loop, struct ev_io *w, int events)
{
	struct fog_control *c = w->data;
	ssize_t n = recv(c->fd, c->in + c->in_size, sizeof(c->in) - c->in_size, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		connection_lost(c, n == 0 ? "it hung up" : strerror(errno));
		return;
	}
	c->in_size += (size_t)n;
	size_t start = 0;
	for (;;) {
		const char *line = c->in + start;
		const char *end = memchr(line, '\n', c->in_size - start);

		if (end == NULL)
			break;
		start += (size_t)(end - line) + 1;
		line_take(c, line, (size_t)(end - line));
		if (c->fd < 0)
			return; /* lost meanwhile */
	}
	memmove(c->in, c->in + start, c->in_size - start);
	c->in_size -= start;
	if (c->in_size == sizeof(c->in))
		connection_lost(c, "its line is too long");
}

static void on_retry(struct ev_loop *loop, struct ev_timer *w, int events)
{
	struct fog_control *c = w->data;
	struct fog_edge *e = c->edge;
	int fd = fog_sock_connect(c->path);

	if (fd < 0) {
		connection_lost(c, strerror(-fd));
		return;
	}
	c->fd = fd;
	ev_io_set(&c->read_io, fd, EV_READ);
	ev_io_set(&c->write_io, fd, EV_WRITE);
	ev_io_start(loop, &c->read_io);
	c->retry_s = FOG_CONTROL_RETRY_S;
	c->said = false;
	c->complained = false;
	char *hello = fog_message_hello(e->tls.public_key, fog_mixedge_mailbox(&e->mixnet));
	if (hello != NULL)
		line_send(c, hello);
	free(hello);
	for (unsigned i = 0; i < FOG_CONTROL_PENDING_MAX; i++) {
		if (c->pending[i].id != 0)
			line_send(c, c->pending[i].line);
	}
	for (unsigned i = 0; i < FOG_CIRCUITS_MAX; i++) {
		const struct fog_line *l = e->circuits.table[i];

		if (l != NULL && l->built_ns != 0)
			fog_control_circuit(c, l, "built", "");
	}
	fog_dplog(FOG_DPLOG_INFO, FOG_EDGE_PART, "connected to the control plane");
}

void fog_control_init(struct fog_control *c, struct fog_edge *e)
{
	memset(c, 0, sizeof(*c));
	c->edge = e;
	c->fd = -1;
	c->retry_s = FOG_CONTROL_RETRY_S;
	snprintf(c->path, sizeof(c->path), "%s/control.sock", e->options.run_dir);
	ev_init(&c->read_io, on_read);
	ev_init(&c->write_io, on_write);
	ev_init(&c->retry, on_retry);
	ev_init(&c->sweep, on_sweep);
	c->read_io.data = c->write_io.data = c->retry.data = c->sweep.data = c;
	ev_timer_set(&c->sweep, 1., 1.);
	ev_timer_start(e->loop, &c->sweep);
	ev_timer_start(e->loop, &c->retry); /* at once */
}

void fog_control_free(struct fog_control *c)
{
	if (c->edge == NULL)
		return;
	struct ev_loop *loop = c->edge->loop;

	/* Last words, as far as they fit. */
	if (c->fd >= 0 && c->out_size != 0)
		(void)!send(c->fd, c->out, c->out_size, MSG_NOSIGNAL | MSG_DONTWAIT);
	ev_io_stop(loop, &c->read_io);
	ev_io_stop(loop, &c->write_io);
	ev_timer_stop(loop, &c->retry);
	ev_timer_stop(loop, &c->sweep);
	if (c->fd >= 0)
		close(c->fd);
	for (unsigned i = 0; i < FOG_CONTROL_PENDING_MAX; i++)
		free(c->pending[i].line);
	free(c->out);
	c->edge = NULL;
}
