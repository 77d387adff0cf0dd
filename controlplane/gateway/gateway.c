/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/gateway.h"

#include <errno.h>
#include <strings.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/gateway/exchange.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

/* Fits every method there is; a longer list would be cut. */
#define BODY_DRAIN_MAX (4ull * FOG_GATEWAY_BODY_MAX) /* bytes of a refused body that are read */
#define ALLOW_SIZE     96

/* One table of routes with its owner's pointer. */
struct entry {
	const struct fog_route *route;
	void *ctx;
};

struct listener {
	struct fog_gateway *gateway;
	struct MHD_Daemon *daemon;
	struct ev_io io;
	struct ev_timer timer;
};

struct fog_gateway {
	struct ev_loop *loop;
	struct entry entries[FOG_GATEWAY_ROUTES_MAX];
	u32 entry_count;
	struct listener listeners[FOG_GATEWAY_LISTENERS_MAX];
	u32 listener_count;
	struct ev_prepare prepare; /* runs MHD before the loop sleeps when it has work */
	bool work;                 /* a response waits that no socket event announces */
	bool stopping;
	struct fog_exchange *open;
};

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

static enum MHD_Result exchange_queue(struct fog_exchange *x)
{
	if (x->response == NULL)
		return MHD_NO;
	x->queued = true;
	return MHD_queue_response(x->connection, x->status, x->response);
}

/* ---- routing -------------------------------------------------------------------------------- */

static void allow_add(char allow[ALLOW_SIZE], const char *method)
{
	size_t used = strlen(allow);

	if (strstr(allow, method) == NULL)
		snprintf(allow + used, ALLOW_SIZE - used, "%s%s%s", used != 0 ? ", " : "", method,
			 strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

/* A path that MHD has decoded may hold what a pattern segment must not: a slash from %2F cannot be
 * told from a real one, so paths are matched as they are and ids never hold slashes. */
static const struct entry *route_find(struct fog_gateway *gw, struct fog_exchange *x,
				      const char *method, const char *path, char allow[ALLOW_SIZE])
{
	const struct entry *best = NULL;
	u32 best_score = 0;

	allow[0] = '\0';
	if (strlen(path) > FOG_EXCHANGE_PATH_MAX)
		return NULL;
	for (u32 i = 0; i < gw->entry_count; i++) {
		const struct entry *e = &gw->entries[i];
		u32 score = fog_route_match(e->route->pattern, path, x);
		if (score == 0)
			continue;
		allow_add(allow, e->route->method);
		if (strcmp(e->route->method, method) == 0 && score > best_score) {
			best = e;
			best_score = score;
		}
	}
	if (best != NULL)
		fog_route_match(best->route->pattern, path, x);
	return best;
}

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
	char allow[ALLOW_SIZE];
	const struct entry *e =
		route_find(gw, x, x->is_head ? MHD_HTTP_METHOD_GET : method, path, allow);

	if (e == NULL && allow[0] != '\0') {
		fog_exchange_header(x, MHD_HTTP_HEADER_ALLOW, allow);
		fog_exchange_problem(x, 405, "%s is not possible here, only %s", method, allow);
	} else if (e == NULL) {
		fog_exchange_problem(x, 404, "nothing at \"%s\"", path);
	} else if (body_parse(x)) {
		x->route = e->route;
		x->ctx = e->ctx;
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
	if (x->response == NULL && x->route == NULL) {
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

static void listener_run(struct listener *l)
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

int fog_gateway_new(struct fog_gateway **out, struct ev_loop *loop)
{
	struct fog_gateway *gw = calloc(1, sizeof(*gw));

	if (gw == NULL)
		return -ENOMEM;
	gw->loop = loop;
	ev_prepare_init(&gw->prepare, on_prepare);
	gw->prepare.data = gw;
	ev_prepare_start(loop, &gw->prepare);
	*out = gw;
	return 0;
}

void fog_gateway_add(struct fog_gateway *gw, const struct fog_route *routes, u32 count, void *ctx)
{
	for (u32 i = 0; i < count; i++) {
		u32 at = 0;
		while (at < gw->entry_count && gw->entries[at].route != &routes[i])
			at++;
		FOG_ASSERT(at < FOG_GATEWAY_ROUTES_MAX);
		gw->entries[at] = (struct entry){&routes[i], ctx};
		gw->entry_count = FOG_MAX(gw->entry_count, at + 1);
	}
}

int fog_gateway_listen(struct fog_gateway *gw, int fd)
{
	if (gw->listener_count == FOG_GATEWAY_LISTENERS_MAX)
		return -ENOSPC;
	struct listener *l = &gw->listeners[gw->listener_count];
	l->gateway = gw;
	l->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, handle,
		gw, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, gw, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)FOG_GATEWAY_MEMORY_MAX,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)FOG_GATEWAY_CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)FOG_GATEWAY_IDLE_SECONDS,
		MHD_OPTION_NOTIFY_COMPLETED, completed, gw, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_END);
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
	for (u32 i = 0; i < gw->listener_count; i++) {
		struct listener *l = &gw->listeners[i];
		MHD_run(l->daemon); /* sends what was just answered */
		ev_io_stop(gw->loop, &l->io);
		ev_timer_stop(gw->loop, &l->timer);
		MHD_stop_daemon(l->daemon);
	}
	ev_prepare_stop(gw->loop, &gw->prepare);
	FOG_ASSERT(gw->open == NULL);
	free(gw);
}
