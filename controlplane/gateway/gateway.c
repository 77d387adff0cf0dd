/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/gateway.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <strings.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/gateway/gateway_private.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define BODY_DRAIN_MAX    (4ull * FOG_GATEWAY_BODY_MAX) /* of a body too large that is read */
#define REFUSED_DRAIN_MAX (256ull << 10) /* of a request that is refused whatever comes */

/* ---- life of an exchange -------------------------------------------------------------------- */

/* The caller's own id, when it is one that logs and headers can hold. */
static bool request_id_take(struct fog_exchange *x)
{
	const char *id = fog_exchange_header_in(x, "X-Request-Id");
	size_t len = strlen(id);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)id[i]) && strchr("-_.", id[i]) == NULL)
			return false;
	if (len == 0 || len >= sizeof(x->request_id))
		return false;
	memcpy(x->request_id, id, len + 1);
	return true;
}

/* Looks random and is never the same twice in one life of the process. */
static void request_id_make(struct fog_gateway *gw, struct fog_exchange *x)
{
	u64 v = gw->run + ++gw->ids * 0x9e3779b97f4a7c15ull;

	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9ull;
	v = (v ^ v >> 27) * 0x94d049bb133111ebull;
	v ^= v >> 31;
	fog_hex_encode(&v, sizeof(v), x->request_id, sizeof(x->request_id));
}

static struct fog_exchange *exchange_new(struct fog_gateway_listener *l,
					 struct MHD_Connection *connection, const char *url,
					 const char *method)
{
	struct fog_gateway *gw = l->gateway;
	struct fog_exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	gw->counts.open++;
	l->open++;
	x->gateway = gw;
	x->listener = l;
	x->connection = connection;
	x->path = url;
	if (!request_id_take(x))
		request_id_make(gw, x);
	x->start_ns = fog_monotonic_ns();
	fog_traced_begin(x);
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
	x->gateway->bodies_bytes -= x->body_cap;
	x->gateway->answers_bytes -= x->answer_bytes;
	x->gateway->counts.open--;
	x->listener->open--;
	json_decref(x->json);
	free(x->body);
	free(x->link);
	free(x->idempotency_key);
	free(x->tracestate);
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
	fog_gateway_count(x);
	fog_traced_end(x);
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
	/* The parser takes a zero for the end. */
	if (memchr(x->body, '\0', x->body_used) != NULL) {
		fog_exchange_problem(x, 400, "the body is not JSON: it holds a zero byte");
		return false;
	}
	x->json =
		json_loadb(x->body, x->body_used, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (x->json == NULL) {
		fog_exchange_problem(x, 400, "the body is not JSON: line %d column %d: %s",
				     error.line, error.column, error.text);
		return false;
	}
	return true;
}

static void dispatch(struct fog_exchange *x)
{
	if (body_parse(x) && fog_exchange_valid(x) && fog_idempotent_begin(x))
		x->entry->route->handler(x);
}

/* ---- MHD callbacks -------------------------------------------------------------------------- */

/* Room for `len` more bytes, at most the limit of one and of all. */
static void body_grow(struct fog_exchange *x, size_t len)
{
	struct fog_gateway *gw = x->gateway;
	size_t cap =
		FOG_MIN(FOG_MAX(x->body_cap * 2, x->body_used + len), (size_t)FOG_GATEWAY_BODY_MAX);

	if (x->body_used + len <= x->body_cap)
		return;
	char *p = gw->bodies_bytes + cap - x->body_cap <= FOG_GATEWAY_BODIES_MAX
			  ? realloc(x->body, cap)
			  : NULL;
	if (p == NULL) {
		x->body_no_memory = true;
		return;
	}
	gw->bodies_bytes += cap - x->body_cap;
	x->body = p;
	x->body_cap = cap;
}

/* False: the client sends on and on although it was refused. */
static bool body_append(struct fog_exchange *x, const char *data, size_t len)
{
	x->body_too_large |= x->body_used + len > FOG_GATEWAY_BODY_MAX;
	if (x->response == NULL && !x->body_too_large)
		body_grow(x, len);
	if (x->response != NULL || x->body_too_large || x->body_no_memory) {
		x->body_dropped += len;
		return x->body_dropped <= BODY_DRAIN_MAX;
	}
	memcpy(x->body + x->body_used, data, len);
	x->body_used += len;
	return true;
}

/* Is so much announced that we do not wait for it? */
static bool announced_over(const struct fog_exchange *x, u64 bytes)
{
	const char *v = fog_exchange_header_in(x, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return v[0] != '\0' && strtoull(v, NULL, 10) > bytes;
}

/* The head of a request is there. What is refused already is answered at once when much is still to
 * come; otherwise after the rest was read and dropped: who is still sending when we close may never
 * see the answer. */
static enum MHD_Result head(struct fog_exchange *x, const char *method)
{
	fog_patience_head_done(x->listener, x->connection);
	if (fog_framing_refuse(x))
		return exchange_queue(x); /* what follows is not looked at */
	fog_gate(x, method);
	if (x->response == NULL && announced_over(x, BODY_DRAIN_MAX)) {
		x->body_too_large = true;
		body_parse(x);
	}
	if (x->response != NULL && announced_over(x, REFUSED_DRAIN_MAX))
		return exchange_queue(x);
	return MHD_YES;
}

static enum MHD_Result proceed(struct fog_exchange *x, const char *upload, size_t *upload_size)
{
	struct fog_gateway_listener *l = x->listener;

	if (*upload_size != 0) {
		bool good = body_append(x, upload, *upload_size);
		*upload_size = 0;
		return good ? MHD_YES : MHD_NO;
	}
	if (x->queued)
		return MHD_YES;
	if (x->response == NULL && !x->dispatched) {
		if (l->gateway->stopping)
			return MHD_NO;
		x->dispatched = true;
		fog_patience_request_done(l, x->connection);
		dispatch(x);
	}
	if (x->response != NULL)
		return exchange_queue(x);
	x->suspended = true;
	MHD_suspend_connection(x->connection);
	return MHD_YES;
}

/* Called with *con_cls NULL for the head, then for each part of the body, then with size 0; and
 * again after a suspended connection was resumed. */
enum MHD_Result fog_gateway_handle(void *cls, struct MHD_Connection *connection, const char *url,
				   const char *method, const char *version, const char *upload,
				   size_t *upload_size, void **con_cls)
{
	struct fog_exchange *x = *con_cls;
	bool begins = x == NULL;

	if (begins)
		x = *con_cls = exchange_new(cls, connection, url, method);
	if (x == NULL)
		return MHD_NO;
	fog_trace_enter(&x->trace);
	enum MHD_Result r = begins ? head(x, method) : proceed(x, upload, upload_size);
	fog_trace_enter(NULL);
	return r;
}

static void request_log(const struct fog_exchange *x)
{
	char client[INET6_ADDRSTRLEN];
	bool four = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)x->client);

	if (!fog_log_enabled(FOG_LOG_DEBUG))
		return;
	inet_ntop(four ? AF_INET : AF_INET6, x->client + (four ? 12 : 0), client, sizeof(client));
	fog_log(FOG_LOG_DEBUG, "gateway", "request done id=%s client=%s status=%u", x->request_id,
		x->listener->trusted ? "local" : client, x->status);
}

void fog_gateway_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
			   enum MHD_RequestTerminationCode code)
{
	struct fog_exchange *x = *con_cls;

	if (x == NULL)
		return;
	fog_trace_enter(&x->trace);
	request_log(x);
	fog_trace_enter(NULL);
	fog_patience_answered(cls, connection);
	exchange_free(x);
	*con_cls = NULL;
}

/* ---- what every gateway serves -------------------------------------------------------------- */

/* Made once: it is some milliseconds' work, and anybody may ask. */
static int openapi_get(struct fog_exchange *x)
{
	struct fog_gateway *gw = fog_exchange_ctx(x);
	json_t *document = gw->openapi == NULL ? fog_gateway_openapi(gw) : NULL;

	if (document != NULL)
		gw->openapi = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(document);
	if (gw->openapi == NULL)
		return fog_exchange_problem(x, 500, "no memory");
	return fog_exchange_bytes(x, 200, "application/json", gw->openapi, strlen(gw->openapi));
}

/* The page reads /openapi.json and nothing from elsewhere. */
static int docs_get(struct fog_exchange *x)
{
	fog_exchange_header(x, "Content-Security-Policy",
			    "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; "
			    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'");
	return fog_exchange_bytes(x, 200, "text/html; charset=utf-8", fog_gateway_docs,
				  strlen(fog_gateway_docs));
}

static const struct fog_route own_routes[] = {
	{"GET", "/openapi.json", openapi_get,
	 FOG_DESCRIBE("This document", .scope = FOG_SCOPE_NONE, .answer = "object")},
	{"GET", "/docs", docs_get,
	 FOG_DESCRIBE("The same for people", .scope = FOG_SCOPE_NONE, .type = "text/html")},
};

int fog_gateway_new(struct fog_gateway **out, struct ev_loop *loop)
{
	struct fog_gateway *gw = calloc(1, sizeof(*gw));
	u64 seed;

	if (gw != NULL)
		gw->limiter = calloc(1, sizeof(*gw->limiter));
	if (gw == NULL || gw->limiter == NULL) {
		free(gw);
		return -ENOMEM;
	}
	gw->loop = loop;
	fog_random_bytes(&seed, sizeof(seed));
	fog_limiter_init(gw->limiter, seed, fog_loop_now_ms(loop) / 1000);
	fog_random_bytes(&gw->run, sizeof(gw->run));
	gw->head_ms = FOG_GATEWAY_HEAD_MS;
	gw->body_ms = FOG_GATEWAY_BODY_MS;
	gw->run >>= 1; /* the store's numbers have a sign */
	fog_listeners_init(gw);
	fog_websockets_init(gw);
	fog_gateway_add(gw, own_routes, FOG_ARRAY_COUNT(own_routes), gw);
	*out = gw;
	return 0;
}

void fog_gateway_add(struct fog_gateway *gw, const struct fog_route *routes, u32 count, void *ctx)
{
	fog_routes_add(&gw->routes, routes, count, ctx);
	free(gw->openapi);
	gw->openapi = NULL;
}

void fog_gateway_define(struct fog_gateway *gw, const char *name, const char *text)
{
	fog_routes_define(&gw->routes, name, text);
}

json_t *fog_gateway_openapi(struct fog_gateway *gw)
{
	return fog_openapi(&gw->routes);
}

void fog_gateway_policy_set(struct fog_gateway *gw, const struct fog_gateway_policy *p)
{
	struct fog_limit_rate rate[FOG_RATE_COUNT];

	for (u32 i = 0; i < FOG_RATE_COUNT; i++)
		rate[i] = (struct fog_limit_rate){p->per_minute[i], p->per_hour[i]};
	fog_limiter_rates(gw->limiter, rate);
	FOG_ASSERT(p->proxy_count <= FOG_GATEWAY_PROXIES_MAX);
	gw->proxies = (struct fog_proxies){.forwarded = p->forwarded};
	for (u32 i = 0; i < p->proxy_count; i++)
		if (fog_network_parse(p->proxies[i], &gw->proxies.network[gw->proxies.count]) == 0)
			gw->proxies.count++;
	gw->policy = *p;
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
	fog_listeners_stop(gw);
	FOG_ASSERT(gw->open == NULL);
	fog_routes_clear(&gw->routes);
	free(gw->limiter);
	free(gw->openapi);
	free(gw);
}
