/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the headers of a request and its body: who calls, may they, and how often. What is
 * refused here has cost no body. */
#include <errno.h>
#include <netinet/in.h>
#include <strings.h>

#include "controlplane/core/log.h"
#include "controlplane/gateway/gateway_private.h"

static const char how_to_get_one[] = "send Authorization: Bearer TOKEN or X-API-Key: KEY; on the "
				     "host, `fogctl token create NAME` "
				     "makes one";

static u64 now_s(const struct fog_exchange *x)
{
	return fog_loop_now_ms(x->gateway->loop) / 1000;
}

/* ---- who ------------------------------------------------------------------------------------ */

static void peer_find(const struct fog_exchange *x, u8 ip[16])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *peer = info != NULL ? info->client_addr : NULL;

	if (peer != NULL && peer->sa_family == AF_INET6) {
		memcpy(ip, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, 16);
	} else if (peer != NULL && peer->sa_family == AF_INET) {
		ip[10] = ip[11] = 0xff;
		memcpy(ip + 12, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
	}
}

static void client_find(struct fog_exchange *x)
{
	const struct fog_proxies *p = &x->gateway->proxies;
	const char *line[FOG_EXCHANGE_LINES_MAX];

	peer_find(x, x->client);
	if (!fog_proxies_hold(p, x->client))
		return;
	u32 count = fog_exchange_lines_in(x, p->forwarded ? "Forwarded" : "X-Forwarded-For", line);
	for (u32 i = FOG_MIN(count, (u32)FOG_EXCHANGE_LINES_MAX); i-- > 0;)
		if (!fog_forwarded_step(p, line[i], x->client))
			return;
}

/* IPv6: the network of 64 bits, of which one customer has all. */
static u64 address_key(const struct fog_exchange *x)
{
	return IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)x->client)
		       ? fog_limit_key(x->gateway->limiter, 'a', x->client + 12, 4)
		       : fog_limit_key(x->gateway->limiter, 'a', x->client, 8);
}

/* Browsers cannot set headers on a WebSocket: there, and only there, the token may be in the query
 * (RFC 6750 2.3). */
static const char *token_of(const struct fog_exchange *x)
{
	const char *v = fog_exchange_header_in(x, MHD_HTTP_HEADER_AUTHORIZATION);

	if (strncasecmp(v, "Bearer ", 7) == 0)
		return v + 7 + strspn(v + 7, " ");
	if (v[0] == '\0' && fog_exchange_header_in(x, MHD_HTTP_HEADER_UPGRADE)[0] != '\0')
		return fog_exchange_query(x, "access_token");
	return v[0] != '\0' ? "" : NULL;
}

/* 0: known; -ENOENT: brought nothing; -EACCES with *why. */
static int caller_find(struct fog_exchange *x, const char **why)
{
	struct fog_access *a = x->gateway->policy.access;
	const char *token = token_of(x), *key = fog_exchange_header_in(x, "X-API-Key");

	*why = "";
	if (token == NULL && key[0] == '\0')
		return -ENOENT;
	*why = "no tokens are taken here";
	if (a == NULL)
		return -EACCES;
	return token != NULL ? fog_access_token(a, token, now_s(x), &x->caller, why)
			     : fog_access_key(a, key, now_s(x), &x->caller, why);
}

static void refuse_unknown(struct fog_exchange *x, int rc, const char *why)
{
	fog_exchange_header(x, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
			    rc == -ENOENT ? "Bearer realm=\"fog\""
					  : "Bearer realm=\"fog\", error=\"invalid_token\"");
	fog_exchange_problem(x, 401, "%s: %s", rc == -ENOENT ? "a token is wanted" : why,
			     how_to_get_one);
}

static void refuse_scope(struct fog_exchange *x, enum fog_scope wants)
{
	char text[96];

	snprintf(text, sizeof(text),
		 "Bearer realm=\"fog\", error=\"insufficient_scope\", scope=\"%s\"",
		 fog_scope_name(wants));
	fog_exchange_header(x, MHD_HTTP_HEADER_WWW_AUTHENTICATE, text);
	fog_exchange_problem(
		x, 403, "this wants the scope %s, the token has %s", fog_scope_name(wants),
		x->caller.scope > FOG_SCOPE_NONE ? fog_scope_name(x->caller.scope) : "none");
}

/* ---- how often ------------------------------------------------------------------------------ */

static bool often(struct fog_exchange *x, bool known)
{
	struct fog_limiter *l = x->gateway->limiter;
	u64 key = known ? fog_limit_key(l, 'u', x->caller.subject, strlen(x->caller.subject))
			: address_key(x);
	char text[16];

	if (fog_limiter_take(l, key, known ? x->caller.tier : FOG_RATE_STANDARD, now_s(x),
			     &x->limit))
		return false;
	x->gateway->counts.limited++;
	snprintf(text, sizeof(text), "%u", x->limit.reset_s);
	fog_exchange_header(x, MHD_HTTP_HEADER_RETRY_AFTER, text);
	fog_exchange_problem(x, 429, "%u requests are the most of tier %s; again in %u s",
			     x->limit.limit, fog_rate_names[known ? x->caller.tier : 0],
			     x->limit.reset_s);
	return true;
}

/* ---- from where: CORS ----------------------------------------------------------------------- */

static bool origin_allowed(const struct fog_exchange *x, const char *origin)
{
	const struct fog_gateway_policy *p = &x->gateway->policy;

	for (u32 i = 0; i < p->origin_count && origin[0] != '\0'; i++)
		if (strcmp(p->origins[i], origin) == 0)
			return true;
	return false;
}

void fog_cors_add(const struct fog_exchange *x, struct MHD_Response *r)
{
	const char *origin = fog_exchange_header_in(x, MHD_HTTP_HEADER_ORIGIN);

	if (!origin_allowed(x, origin))
		return;
	MHD_add_response_header(r, "Access-Control-Allow-Origin", origin);
	MHD_add_response_header(r, "Access-Control-Allow-Credentials", "true");
	MHD_add_response_header(
		r, "Access-Control-Expose-Headers",
		"X-Request-Id, traceresponse, X-RateLimit-Limit, X-RateLimit-Remaining, "
		"X-RateLimit-Reset, Retry-After, ETag, Link, Location");
	MHD_add_response_header(r, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ORIGIN);
}

/* What a browser asks first. */
static void preflight(struct fog_exchange *x)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);

	if (r != NULL) {
		MHD_add_response_header(r, "Access-Control-Allow-Methods",
					"GET, POST, PUT, DELETE, OPTIONS");
		MHD_add_response_header(r, "Access-Control-Allow-Headers",
					"Accept, Content-Type, Authorization, X-Requested-With, "
					"X-API-Key, X-Request-Id, Idempotency-Key, If-None-Match, "
					"traceparent, tracestate");
		MHD_add_response_header(r, "Access-Control-Max-Age", "600");
	}
	fog_exchange_respond(x, 204, r);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void route(struct fog_exchange *x, const char *method)
{
	char allow[FOG_ROUTES_ALLOW_SIZE];

	x->entry = fog_routes_find(&x->gateway->routes, x,
				   x->is_head ? MHD_HTTP_METHOD_GET : method, x->path, allow);
	if (x->entry != NULL)
		return;
	if (allow[0] == '\0') {
		fog_exchange_problem(x, 404, "nothing at \"%s\"", x->path);
		return;
	}
	fog_exchange_header(x, MHD_HTTP_HEADER_ALLOW, allow);
	if (strcmp(method, "TRACE") == 0 || strcmp(method, "CONNECT") == 0)
		fog_exchange_problem(x, 501, "%s is not implemented", method);
	else
		fog_exchange_problem(x, 405, "%s is not possible here, only %s", method, allow);
}

void fog_gate(struct fog_exchange *x, const char *method)
{
	const char *why;

	if (!x->listener->trusted)
		client_find(x);
	if (strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0 &&
	    fog_exchange_header_in(x, "Access-Control-Request-Method")[0] != '\0' &&
	    origin_allowed(x, fog_exchange_header_in(x, MHD_HTTP_HEADER_ORIGIN))) {
		preflight(x);
		return;
	}
	if (x->listener->trusted) {
		x->caller = (struct fog_claims){.subject = FOG_GATEWAY_LOCAL,
						.scope = FOG_SCOPE_ADMIN,
						.tier = FOG_RATE_ENTERPRISE};
		route(x, method);
		return;
	}
	int rc = caller_find(x, &why);
	if (often(x, rc == 0))
		return;
	route(x, method);
	if (x->response != NULL)
		return;
	enum fog_scope wants = fog_entry_scope(x->entry);
	if (wants == FOG_SCOPE_NONE)
		return;
	x->gateway->counts.unauthorized += rc != 0 || x->caller.scope < wants;
	if (rc != 0)
		refuse_unknown(x, rc, why);
	else if (x->caller.scope < wants)
		refuse_scope(x, wants);
}
