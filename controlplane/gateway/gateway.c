/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/gateway.h"

#include <errno.h>
#include <strings.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/gateway/gateway_private.h"
#include "controlplane/gateway/openapi.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define BODY_DRAIN_MAX (4ull * FOG_GATEWAY_BODY_MAX) /* bytes of a refused body that are read */

/* ---- life of an exchange -------------------------------------------------------------------- */

static struct fog_exchange *exchange_new(struct fog_gateway *gw, struct MHD_Connection *connection,
					 const char *method)
{
	struct fog_exchange *x = calloc(1, sizeof(*x));
	u8 id[8];

	if (x == NULL)
		return NULL;
	fog_random_bytes(id, sizeof(id));
	fog_hex_encode(id, sizeof(id), x->request_id, sizeof(x->request_id));
	x->gateway = gw;
	x->connection = connection;
	x->start_ns = fog_monotonic_ns();
	x->is_head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	x->next = gw->open;
	if (gw->open != NULL)
		gw->open->prev = x;
	gw->open = x;
	return x;
}

static void exchange_free(struct fog_exchange *x)
{
	if (x->next != NULL)
		x->next->prev = x->prev;
	if (x->prev != NULL)
		x->prev->next = x->next;
	else
		x->gateway->open = x->next;
	if (x->response != NULL)
		MHD_destroy_response(x->response);
	json_decref(x->json);
	free(x->body);
	free(x);
}

void fog_gateway_answered(struct fog_gateway *gw, struct fog_exchange *x)
{
	if (!x->suspended)
		return; /* handle() queues it when the handler returns */
	x->suspended = false;
	MHD_resume_connection(x->connection);
	gw->work = true;
}

static void exchange_count(const struct fog_exchange *x)
{
	struct fog_gateway_counts *c = &x->gateway->counts;

	c->requests++;
	c->refused += x->status >= 400 && x->status < 500;
	c->failed += x->status >= 500;
	fog_histogram_add(&c->took, (double)(fog_monotonic_ns() - x->start_ns) / 1e9);
}

const struct fog_gateway_counts *fog_gateway_counts(const struct fog_gateway *gw)
{
	return &gw->counts;
}

static enum MHD_Result exchange_queue(struct fog_exchange *x)
{
	if (x->response == NULL)
		return MHD_NO;
	x->queued = true;
	exchange_count(x);
	return MHD_queue_response(x->connection, x->status, x->response);
}

/* ---- routing -------------------------------------------------------------------------------- */

static bool says_json(const char *content_type)
{
	static const char json[] = "application/json";

	if (content_type == NULL || strncasecmp(content_type, json, sizeof(json) - 1) != 0)
		return false;
	char end = content_type[sizeof(json) - 1];
	return end == '\0' || end == ';' || end == ' ';
}

/* False when the exchange was answered. */
static bool body_parse(struct fog_exchange *x)
{
	json_error_t error;

	if (x->body_too_large) {
		fog_exchange_problem(x, 413, "the body is larger than %d bytes",
				     FOG_GATEWAY_BODY_MAX);
		return false;
	}
	if (x->body_no_memory) {
		fog_exchange_problem(x, 503, "no memory for the body");
		return false;
	}
	if (x->body_used == 0)
		return true;
	if (!says_json(MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND,
						   MHD_HTTP_HEADER_CONTENT_TYPE))) {
		fog_exchange_problem(x, 415, "the body wants Content-Type: application/json");
		return false;
	}
	x->json = json_loadb(x->body, x->body_used, JSON_REJECT_DUPLICATES, &error);
	if (x->json == NULL) {
		fog_exchange_problem(x, 400, "the body is not JSON: line %d column %d: %s",
				     error.line, error.column, error.text);
		return false;
	}
	return true;
}

static void dispatch(struct fog_gateway *gw, struct fog_exchange *x, const char *method,
		     const char *path)
{
	char allow[FOG_ROUTES_ALLOW_SIZE];
	const struct fog_entry *e = fog_routes_find(
		&gw->routes, x, x->is_head ? MHD_HTTP_METHOD_GET : method, path, allow);

	if (e == NULL && allow[0] != '\0') {
		fog_exchange_header(x, MHD_HTTP_HEADER_ALLOW, allow);
		fog_exchange_problem(x, 405, "%s is not possible here, only %s", method, allow);
	} else if (e == NULL) {
		fog_exchange_problem(x, 404, "nothing at \"%s\"", path);
	} else {
		x->entry = e;
		if (body_parse(x) && fog_exchange_valid(x))
			e->route->handler(x);
	}
}

/* ---- MHD callbacks -------------------------------------------------------------------------- */

static void body_append(struct fog_exchange *x, const char *data, size_t len)
{
	if (x->body_too_large || x->body_no_memory)
		return;
	if (x->body_used + len > FOG_GATEWAY_BODY_MAX) {
		x->body_too_large = true;
		return;
	}
	if (x->body_used + len > x->body_cap) {
		size_t cap = FOG_MAX(x->body_cap * 2, x->body_used + len);
		char *p = realloc(x->body, cap);
		if (p == NULL) {
			x->body_no_memory = true;
			return;
		}
		x->body = p;
		x->body_cap = cap;
	}
	memcpy(x->body + x->body_used, data, len);
	x->body_used += len;
}

/* An announced body far over the limit is refused before a byte of it is read. One that is less so
 * is read and dropped first: who is still sending when we close may never see the answer. */
static bool announced_too_large(struct MHD_Connection *connection)
{
	const char *v = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
						    MHD_HTTP_HEADER_CONTENT_LENGTH);

	return v != NULL && strtoull(v, NULL, 10) > BODY_DRAIN_MAX;
}

/* Called with *con_cls NULL for the headers, then for each part of the body, then with size 0; and
 * again after a suspended connection was resumed. */
static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **con_cls)
{
	struct fog_gateway *gw = cls;
	struct fog_exchange *x = *con_cls;

	if (x == NULL) {
		x = *con_cls = exchange_new(gw, connection, method);
		if (x == NULL)
			return MHD_NO;
		if (!announced_too_large(connection))
			return MHD_YES;
		x->body_too_large = true;
		body_parse(x);
		return exchange_queue(x);
	}
	if (*upload_size != 0) {
		body_append(x, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (x->queued)
		return MHD_YES;
	if (x->response == NULL && x->entry == NULL) {
		if (gw->stopping)
			return MHD_NO;
		dispatch(gw, x, method, url);
	}
	if (x->response != NULL)
		return exchange_queue(x);
	x->suspended = true;
	MHD_suspend_connection(connection);
	return MHD_YES;
}

static void completed(void *cls, struct MHD_Connection *connection, void **con_cls,
		      enum MHD_RequestTerminationCode code)
{
	struct fog_exchange *x = *con_cls;

	if (x == NULL)
		return;
	fog_log(FOG_LOG_DEBUG, "gateway", "request done id=%s status=%u", x->request_id, x->status);
	exchange_free(x);
	*con_cls = NULL;
}

static void on_mhd_log(void *cls, const char *fmt, va_list ap)
{
	char text[256];

	vsnprintf(text, sizeof(text), fmt, ap);
	fog_log(FOG_LOG_DEBUG, "gateway", "http reason=\"%s\"", text);
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void listener_run(struct fog_gateway_listener *l)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	MHD_run(l->daemon);
	if (MHD_get_timeout(l->daemon, &timeout_ms) != MHD_YES) {
		ev_timer_stop(l->gateway->loop, &l->timer);
		return;
	}
	/* 0 means "again at once"; the timer lets other events through in between. */
	l->timer.repeat = timeout_ms == 0 ? 0.0001 : timeout_ms / 1000.0;
	ev_timer_again(l->gateway->loop, &l->timer);
}

static void on_listener_io(struct ev_loop *loop, struct ev_io *w, int revents)
{
	listener_run(w->data);
}

static void on_listener_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	listener_run(w->data);
}

static void on_prepare(struct ev_loop *loop, struct ev_prepare *w, int revents)
{
	struct fog_gateway *gw = w->data;

	if (!gw->work)
		return;
	gw->work = false;
	for (u32 i = 0; i < gw->listener_count; i++)
		listener_run(&gw->listeners[i]);
}

static int openapi_get(struct fog_exchange *x)
{
	struct fog_gateway *gw = fog_exchange_ctx(x);

	return fog_exchange_json(x, 200, fog_gateway_openapi(gw));
}

/* What every gateway serves. */
static const struct fog_route own_routes[] = {
	{"GET", "/openapi.json", openapi_get,
	 FOG_DESCRIBE("This document", .scope = FOG_SCOPE_NONE, .answer = "object")},
};

int fog_gateway_new(struct fog_gateway **out, struct ev_loop *loop)
{
	struct fog_gateway *gw = calloc(1, sizeof(*gw));

	if (gw == NULL)
		return -ENOMEM;
	gw->loop = loop;
	ev_prepare_init(&gw->prepare, on_prepare);
	gw->prepare.data = gw;
	ev_prepare_start(loop, &gw->prepare);
	fog_websockets_init(gw);
	fog_gateway_add(gw, own_routes, FOG_ARRAY_COUNT(own_routes), gw);
	*out = gw;
	return 0;
}

void fog_gateway_add(struct fog_gateway *gw, const struct fog_route *routes, u32 count, void *ctx)
{
	fog_routes_add(&gw->routes, routes, count, ctx);
}

void fog_gateway_define(struct fog_gateway *gw, const char *name, const char *text)
{
	fog_routes_define(&gw->routes, name, text);
}

json_t *fog_gateway_openapi(struct fog_gateway *gw)
{
	return fog_openapi(&gw->routes);
}

int fog_gateway_listen(struct fog_gateway *gw, int fd)
{
	if (gw->listener_count == FOG_GATEWAY_LISTENERS_MAX)
		return -ENOSPC;
	struct fog_gateway_listener *l = &gw->listeners[gw->listener_count];
	l->gateway = gw;
	l->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG, 0,
		NULL, NULL, handle, gw, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, gw,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)FOG_GATEWAY_MEMORY_MAX, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)FOG_GATEWAY_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)FOG_GATEWAY_IDLE_SECONDS, MHD_OPTION_NOTIFY_COMPLETED, completed, gw,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (l->daemon == NULL)
		return -EIO;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL) {
		MHD_stop_daemon(l->daemon);
		return -EIO;
	}
	ev_io_init(&l->io, on_listener_io, info->epoll_fd, EV_READ);
	ev_init(&l->timer, on_listener_timer);
	l->io.data = l->timer.data = l;
	ev_io_start(gw->loop, &l->io);
	gw->listener_count++;
	return 0;
}

void fog_gateway_free(struct fog_gateway *gw)
{
	if (gw == NULL)
		return;
	gw->stopping = true;
	for (struct fog_exchange *x = gw->open; x != NULL; x = x->next)
		if (x->suspended)
			fog_exchange_problem(x, 503, "the control plane is stopping");
	fog_websockets_stop(gw);
	for (u32 i = 0; i < gw->listener_count; i++) {
		struct fog_gateway_listener *l = &gw->listeners[i];
		MHD_run(l->daemon); /* sends what was just answered */
		ev_io_stop(gw->loop, &l->io);
		ev_timer_stop(gw->loop, &l->timer);
		MHD_stop_daemon(l->daemon);
	}
	ev_prepare_stop(gw->loop, &gw->prepare);
	FOG_ASSERT(gw->open == NULL);
	fog_routes_clear(&gw->routes);
	free(gw);
}
