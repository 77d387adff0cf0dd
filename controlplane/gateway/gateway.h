/* SPDX-License-Identifier: BSD-3-Clause */
/* The HTTP API of the control plane (docs/API.md): a table of routes over libmicrohttpd, run by the
 * loop. Bodies are JSON; errors are problem details (RFC 9457). Each route says what it takes and
 * gives: from that come the checks of requests, /openapi.json and /docs. The loop's thread only.
 *
 *	static int job_get(struct fog_exchange *x)
 *	{
 *		const char *id = fog_exchange_param(x, "id");
 *		...
 *		if (job == NULL)
 *			return fog_exchange_problem(x, 404, "no job \"%s\"", id);
 *		return fog_exchange_json(x, 200, json_pack(...));
 *	}
 *
 *	static const struct fog_route routes[] = {
 *		{"GET", "/v1/jobs/{id}", job_get, FOG_DESCRIBE("A job", .answer = "@Job")},
 *		{"POST", "/v1/jobs", jobs_post,
 *		 FOG_DESCRIBE("Submit a job", .creates = true, .answer = "@Job",
 *			      .request = "{argv: [string] 1..64 (program and arguments),"
 *					 " priority?: integer 0..100 = 50}")},
 *	};
 *	fog_gateway_add(gw, routes, FOG_ARRAY_COUNT(routes), jobs);
 */
#ifndef FOG_GATEWAY_H
#define FOG_GATEWAY_H

#include <jansson.h>

#include "controlplane/core/loop.h"
#include "controlplane/core/trace.h"
#include "controlplane/health/histogram.h"
#include "crypto/types.h"

#define FOG_GATEWAY_BODY_MAX        (16u << 20)  /* one input of 8 MiB in base64, and room */
#define FOG_GATEWAY_MEMORY_MAX      (16 * 1024)  /* request line and headers of a connection */
#define FOG_GATEWAY_BODIES_MAX      (256u << 20) /* bodies that are in memory at once; more: 503 */
#define FOG_GATEWAY_ANSWERS_MAX     (128u << 20) /* answers not yet taken; more large ones: 503 */
#define FOG_GATEWAY_ANSWER_LARGE    (64u << 10)
#define FOG_GATEWAY_CONNECTIONS_MAX 2048   /* of a listener; more wait in the backlog */
#define FOG_GATEWAY_ADDRESS_MAX     1536   /* of them from one address */
#define FOG_GATEWAY_IDLE_SECONDS    15     /* of a connection; suspended ones excepted */
#define FOG_GATEWAY_HEAD_MS         30000  /* for a request's line and headers; then 408 */
#define FOG_GATEWAY_BODY_MS         120000 /* for its body */
#define FOG_GATEWAY_WEBSOCKETS_MAX  10240
#define FOG_GATEWAY_ROUTES_MAX      256
#define FOG_GATEWAY_DEFINES_MAX     128
#define FOG_GATEWAY_PARAMS_MAX      4   /* {name} parts of a pattern */
#define FOG_GATEWAY_PARAM_SIZE      768 /* bytes of one with its zero; longer: 404 */
#define FOG_GATEWAY_LISTENERS_MAX   2
#define FOG_GATEWAY_PROXIES_MAX     256 /* = FOG_CONFIG_LIST_MAX */

/* The subject of whoever may open the unix socket. */
#define FOG_GATEWAY_LOCAL "local"

struct fog_gateway;
struct fog_access;
struct fog_store;
struct fog_tls;

/* One request and its answer. Lives until it is answered. */
struct fog_exchange;

/* Handlers answer with one of the fog_exchange_*() below and return its value, or keep `x`, return
 * 0 and answer later. Each exchange must be answered exactly once. */
typedef int (*fog_handler_fn)(struct fog_exchange *x);

/* What a caller must be allowed to. Callers of the unix socket may do everything. */
enum fog_scope {
	FOG_SCOPE_BY_METHOD = 0, /* GET: read; others: write */
	FOG_SCOPE_NONE,          /* no token is asked for */
	FOG_SCOPE_READ,
	FOG_SCOPE_WRITE,
	FOG_SCOPE_ADMIN, /* what concerns the host itself, keys and tokens, or other users */
};

/* What a route is for, takes and gives; schemas in the language of schema.h, NULL for none.
 *
 * Requests that do not fit never reach the handler. Under /v1/fog/ they get 422 with a list (the
 * published contract), elsewhere 400 with a sentence and the same list as `errors`. Without
 * `request` any body is let through. */
struct fog_operation {
	const char *summary; /* a line: "Cancel a job" */
	const char *text;    /* more, for people */
	enum fog_scope scope;
	bool creates;        /* a POST that makes something: Idempotency-Key is honoured */
	unsigned status;     /* of success, when not 200 */
	const char *path;    /* "handle: integer 0..": what {handle} must be; text when not said */
	const char *query;   /* "limit?: integer 1..500 = 50, after?: integer 0.. = 0" */
	const char *request; /* the body: "{..}" */
	const char *answer;  /* of success; under /v1/fog/ only what is in `data` */
	const char *type;    /* of answers that are not JSON: "text/plain" */
};

#define FOG_PAGE_QUERY \
	"limit?: integer 1..1000, after?: integer 0..1000000 = 0 (next of the page before)"

/* FOG_DESCRIBE("List hosts", .answer = "{hosts: [@Host]}"): the last member of a route. */
#define FOG_DESCRIBE(...) (&(const struct fog_operation){__VA_ARGS__})

struct fog_route {
	const char *method;  /* "GET", "POST", "DELETE" */
	const char *pattern; /* "/v1/jobs/{id}/logs": a {name} takes one non-empty path segment; a
			      * last {path} takes all that are left */
	fog_handler_fn handler;
	const struct fog_operation *operation;
};

/* What holds for callers that are not on the unix socket. All zero: only routes that ask for no
 * token are served to them. Pointers must outlive the gateway. */
struct fog_gateway_policy {
	struct fog_access *access; /* access.h */
	struct fog_store *store;   /* where answers of idempotency keys are kept; NULL: nowhere */
	u32 per_minute[3],
		per_hour[3];  /* requests, by enum fog_rate_tier; 0: as many as they like */
	char *const *origins; /* pages that may call, as in their Origin header */
	u32 origin_count;
	char *const *proxies; /* networks (configs/address.h) whose word for an address is taken */
	u32 proxy_count;      /* at most FOG_GATEWAY_PROXIES_MAX */
	bool forwarded;       /* given in Forwarded, else in X-Forwarded-For */
};

int fog_gateway_new(struct fog_gateway **out, struct ev_loop *loop);
/* Before the first listener, and again when it changes; what callers have used of their limits is
 * kept. */
void fog_gateway_policy_set(struct fog_gateway *gw, const struct fog_gateway_policy *policy);
/* Routes must outlive the gateway. Exact segments win over {name}. HEAD is served by GET. Adding a
 * table again gives it another ctx: its owner has been restarted. */
void fog_gateway_add(struct fog_gateway *gw, const struct fog_route *routes, u32 count, void *ctx);
/* Give a schema a name, which others use as @name. `text` must outlive the gateway; a name is given
 * once. Only what is an object or an array can be named. */
void fog_gateway_define(struct fog_gateway *gw, const char *name, const char *text);
/* The OpenAPI 3.1 document of all routes: new. */
json_t *fog_gateway_openapi(struct fog_gateway *gw);
/* Serve this listening unix socket, whose callers may do everything. It stays the caller's until
 * fog_gateway_free(), that closes it. 0, -ENOSPC (FOG_GATEWAY_LISTENERS_MAX) or -EIO. */
int fog_gateway_listen(struct fog_gateway *gw, int fd);
/* The same of a TCP socket, where the policy holds; with TLS unless tls (tls.h) is NULL. */
int fog_gateway_listen_tcp(struct fog_gateway *gw, int fd, struct fog_tls *tls);
/* Replaces what serves the sockets, before the loop sleeps next: nobody is refused, who has asked
 * is answered, idle connections and WebSockets over TLS end. fd: a socket to be the unix socket
 * from then on, taken; -1: the same as before. */
void fog_gateway_restart(struct fog_gateway *gw, int fd);
/* Since the start, but for what is said to be now. */
struct fog_gateway_counts {
	u64 requests;           /* answered */
	u64 refused;            /* 4xx */
	u64 failed;             /* 5xx */
	u64 unauthorized;       /* of those refused: without a good token, or without the scope */
	u64 limited;            /* of those refused: too many in a minute or hour */
	u64 impatient;          /* connections dropped: a request took too long to come */
	u64 open;               /* requests, now */
	u64 websockets;         /* open ones, now */
	u64 websockets_dropped; /* messages to clients that do not read */
	struct fog_histogram took; /* from the headers to the answer */
};
const struct fog_gateway_counts *fog_gateway_counts(const struct fog_gateway *gw);
/* For GET /metrics: requests by route and status, times, connections. */
struct fog_metrics;
void fog_gateway_metrics(const struct fog_gateway *gw, struct fog_metrics *m);
/* Open exchanges are answered 503 and must not be answered any more. NULL is fine. */
void fog_gateway_free(struct fog_gateway *gw);

/* Of the routes' table this exchange came through. */
void *fog_exchange_ctx(const struct fog_exchange *x);
/* Percent-decoded value of {name}; naming one that is not in the pattern is our bug. */
const char *fog_exchange_param(const struct fog_exchange *x, const char *name);
/* Value of ?name=value, percent-decoded; NULL when absent, "" for "?name". */
const char *fog_exchange_query(const struct fog_exchange *x, const char *name);
/* Whole number from the query: 0 and *out; absent: 0 and *out = def; else the exchange was answered
 * with 400 and the handler returns: -EINVAL. */
int fog_exchange_query_u64(struct fog_exchange *x, const char *name, u64 def, u64 max, u64 *out);
/* The body as JSON; NULL when the request had none. Bodies that are not JSON never reach a handler
 * (400), nor those that do not say application/json (415). Owned by the exchange. */
const json_t *fog_exchange_body(const struct fog_exchange *x);
/* Who calls: the subject of its token, which is the name of its account; FOG_GATEWAY_LOCAL on the
 * unix socket, "" on a route that asks for no token. */
const char *fog_exchange_subject(const struct fog_exchange *x);
/* What it may: the widest scope of its token; FOG_SCOPE_NONE without one. */
enum fog_scope fog_exchange_scope(const struct fog_exchange *x);
/* The one rule of what belongs to whom: a caller sees and acts on what its subject owns, one with
 * scope admin (the unix socket, too) on everything. What is not the caller's is for it not there:
 * 404. Owner "" is the host itself. */
bool fog_exchange_owns(const struct fog_exchange *x, const char *owner);
/* The same for lists: whose things the caller sees; NULL: everybody's. */
const char *fog_exchange_owner(const struct fog_exchange *x);
/* The caller's own X-Request-Id when it is sane, else 16 hex digits; also in the X-Request-Id
 * header of the answer and in problems. */
const char *fog_exchange_request_id(const struct fog_exchange *x);

/* The trace it belongs to: the caller's, when its traceparent holds, else a new one; the span is
 * the request's own. While a handler runs it is entered (core/trace.h). */
const struct fog_trace *fog_exchange_trace(const struct fog_exchange *x);
/* Was the trace the caller's? And what its own tools said of it; NULL: nothing. */
bool fog_exchange_traced(const struct fog_exchange *x);
const char *fog_exchange_tracestate(const struct fog_exchange *x);

/* Answer. All return 0. json takes over `value`; NULL answers 500. */
int fog_exchange_json(struct fog_exchange *x, unsigned status, json_t *value);
/* A list in pages, for routes whose query holds FOG_PAGE_QUERY: of answer's array `name` only what
 * `limit` and `after` ask for, all without them, and "next" for the page behind it. Takes over
 * `answer`. */
int fog_exchange_list(struct fog_exchange *x, json_t *answer, const char *name);
/* The same of JSON that is text already; takes it over (malloc). */
int fog_exchange_json_text(struct fog_exchange *x, unsigned status, char *text, size_t len);
/* Bytes as they are; copied. 503 instead when FOG_GATEWAY_ANSWERS_MAX of large ones wait. */
int fog_exchange_bytes(struct fog_exchange *x, unsigned status, const char *content_type,
		       const void *data, size_t len);
/* {"type":"about:blank","title":..,"status":..,"detail":..,"request_id":..,
 * "trace_id":..} */
__attribute__((format(printf, 3, 4))) int fog_exchange_problem(struct fog_exchange *x,
							       unsigned status, const char *fmt,
							       ...);
/* Status for -errno of this code base: -ENOENT 404, -EINVAL 400, -EEXIST 409, -ENOSPC 507,
 * -EAGAIN/-EBUSY 503 .., others 500. */
unsigned fog_status_of_errno(int rc);
/* An additional header of the answer, before answering; at most 4 an exchange. Copied. */
void fog_exchange_header(struct fog_exchange *x, const char *name, const char *value);

#endif
