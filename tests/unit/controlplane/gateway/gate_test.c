/* SPDX-License-Identifier: BSD-3-Clause */
/* Callers over TCP and TLS: tokens, scopes, rates, origins, tags, compression, idempotency. */
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/gateway/access.h"
#include "controlplane/gateway/idempotency.h"
#include "controlplane/gateway/tls.h"
#include "controlplane/gateway/tokens.h"
#include "crypto/mem.h"
#include "crypto/sign/sign.h"
#include "tests/unit/controlplane/gateway/clients.h"
#include "tests/unit/store_where.h"

static struct ev_loop *loop;
static struct fog_gateway *gw;
static struct fog_store *st;
static struct fog_identity id;
static struct fog_access *access_of;
static struct fog_tls *tls;
static char dir[64], url_base[64], secret[96];
static atomic_uint made;
/* Tokens in the order of enum fog_scope from FOG_SCOPE_READ, an API key, a premium one. */
static char tokens[3][FOG_JWT_SIZE], api_key[FOG_JWT_SIZE], expired[FOG_JWT_SIZE];

/* ---- server --------------------------------------------------------------------------------- */

static int who_get(struct fog_exchange *x)
{
	return fog_exchange_json(x, 200, json_pack("{s:s}", "subject", fog_exchange_subject(x)));
}

static int trace_get(struct fog_exchange *x)
{
	const char *state = fog_exchange_tracestate(x);
	bool entered = fog_trace_current() == fog_exchange_trace(x);

	return fog_exchange_json(x, 200,
				 json_pack("{s:b, s:b, s:s}", "given", (int)fog_exchange_traced(x),
					   "entered", (int)entered, "state",
					   state != NULL ? state : ""));
}

static int owns_get(struct fog_exchange *x)
{
	return fog_exchange_json(
		x, 200,
		json_pack("{s:b, s:b, s:b, s:s?}", "alice", (int)fog_exchange_owns(x, "alice"),
			  "bob", (int)fog_exchange_owns(x, "bob"), "host",
			  (int)fog_exchange_owns(x, ""), "list", fog_exchange_owner(x)));
}

static int big_get(struct fog_exchange *x)
{
	json_t *list = json_array();

	for (int i = 0; i < 1000; i++)
		json_array_append_new(list, json_integer(i));
	return fog_exchange_json(x, 200, json_pack("{s:o, s:i}", "list", list, "next", 1000));
}

static int thing_post(struct fog_exchange *x)
{
	fog_exchange_header(x, "Location", "/v1/things/1");
	return fog_exchange_json(x, 201,
				 json_pack("{s:i}", "made", (int)atomic_fetch_add(&made, 1)));
}

static int busy_post(struct fog_exchange *x)
{
	atomic_fetch_add(&made, 1);
	return fog_exchange_problem(x, 503, "busy");
}

static void policy_set(u32 per_minute);

static int reload_post(struct fog_exchange *x)
{
	policy_set(5);
	return fog_exchange_json(x, 200, json_object());
}

static const struct fog_route routes[] = {
	{"POST", "/v1/reload", reload_post},
	{"GET", "/v1/who", who_get, FOG_DESCRIBE("Who")},
	{"GET", "/v1/trace", trace_get, FOG_DESCRIBE("Trace")},
	{"GET", "/v1/owns", owns_get, FOG_DESCRIBE("Whose")},
	{"GET", "/v1/open", who_get, FOG_DESCRIBE("Open", .scope = FOG_SCOPE_NONE)},
	{"GET", "/v1/admin", who_get, FOG_DESCRIBE("Admin", .scope = FOG_SCOPE_ADMIN)},
	{"GET", "/v1/big", big_get,
	 FOG_DESCRIBE("Big", .query = "limit?: integer, after?: integer, q?: string")},
	{"POST", "/v1/things", thing_post, FOG_DESCRIBE("Make", .creates = true)},
	{"POST", "/v1/busy", busy_post, FOG_DESCRIBE("Make", .creates = true)},
	{"POST", "/v1/silent", thing_post},
};

static void tokens_make(void)
{
	u64 now_s = fog_loop_now_ms(loop) / 1000;
	struct fog_claims c = {.subject = "alice", .expires_s = now_s + 600};

	for (int i = 0; i < 3; i++) {
		c.scope = FOG_SCOPE_READ + (unsigned)i;
		c.tier = i == 2 ? FOG_RATE_ENTERPRISE : FOG_RATE_STANDARD;
		CU_ASSERT_EQUAL(fog_access_issue(access_of, FOG_CREDENTIAL_TOKEN, i == 1, now_s, &c,
						 tokens[i]),
				0);
	}
	CU_ASSERT_EQUAL(fog_access_issue(access_of, FOG_CREDENTIAL_KEY, false, now_s, &c, api_key),
			0);
	c.expires_s = now_s - 10;
	CU_ASSERT_EQUAL(
		fog_access_issue(access_of, FOG_CREDENTIAL_TOKEN, false, now_s - 20, &c, expired),
		0);
}

static void policy_set(u32 per_minute)
{
	static char origin[] = "https://page.example", *origins[] = {origin};
	static char proxy[] = "127.0.0.2/31", *proxies[] = {proxy};
	const struct fog_gateway_policy policy = {.access = access_of,
						  .store = st,
						  .per_minute = {per_minute, per_minute, 0},
						  .origins = origins,
						  .origin_count = 1,
						  .proxies = proxies,
						  .proxy_count = 1};

	fog_gateway_policy_set(gw, &policy);
}

static void start(u32 per_minute)
{
	const struct fog_address any = {.ip = {[10] = 255, 255, 127, 0, 0, 1}};
	char why[FOG_STORE_WHY_SIZE], why_access[FOG_ACCESS_WHY_SIZE];
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);
	u8 seed[32] = {3};

	snprintf(dir, sizeof(dir), "/tmp/fog-gate-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(secret, sizeof(secret), "%s/gateway.secret", dir);
	loop = ev_loop_new(EVFLAG_AUTO);
	made = 0;
	fog_sign_keypair(id.node_id, id.sign_sk, seed);
	CU_ASSERT_EQUAL_FATAL(fog_store_open(&st, store_where(true, NULL), why), 0);
	CU_ASSERT_EQUAL_FATAL(fog_idempotency_migrate(st, why), 0);
	CU_ASSERT_EQUAL_FATAL(fog_access_new(&access_of, st, &id, dir, "", NULL, 0, why_access), 0);
	tokens_make();
	CU_ASSERT_EQUAL_FATAL(fog_gateway_new(&gw, loop), 0);
	fog_gateway_add(gw, routes, FOG_ARRAY_COUNT(routes), NULL);
	fog_tokens_routes(access_of, gw);
	policy_set(per_minute);
	int fd = fog_tcp_listen(&any, 128);
	CU_ASSERT_FATAL(fd >= 0);
	getsockname(fd, (struct sockaddr *)&sa, &len);
	snprintf(url_base, sizeof(url_base), "%s://127.0.0.1:%u", tls != NULL ? "https" : "http",
		 ntohs(sa.sin_port));
	CU_ASSERT_EQUAL_FATAL(fog_gateway_listen_tcp(gw, fd, tls), 0);
}

static void stop(void)
{
	fog_gateway_free(gw);
	fog_access_free(access_of);
	fog_store_close(st);
	unlink(secret);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
	ev_loop_destroy(loop);
}

/* Run `client` in a thread while the loop serves. */
static void serve(u32 per_minute, void (*client)(void))
{
	start(per_minute);
	clients_serve(loop, client);
	stop();
}

/* ---- client --------------------------------------------------------------------------------- */

static const char *from; /* address that calls; NULL: any */

/* Up to three headers; "" ends them. */
static void call(const char *method, const char *target, const char *body,
		 const char *const headers[3], struct reply *r)
{
	char url[512];
	struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");

	snprintf(url, sizeof(url), "%s%s", url_base, target);
	for (int i = 0; i < 3 && headers[i] != NULL; i++)
		list = curl_slist_append(list, headers[i]);
	CURL *curl = client_new(r, method, url);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	if (from != NULL)
		curl_easy_setopt(curl, CURLOPT_INTERFACE, from);
	if (body != NULL)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	client_perform(curl, list, r);
	CU_ASSERT_EQUAL(r->rc, CURLE_OK);
}

static char bearer[3][FOG_JWT_SIZE + 32], key_header[FOG_JWT_SIZE + 32];

static void headers_make(void)
{
	for (int i = 0; i < 3; i++)
		snprintf(bearer[i], sizeof(bearer[i]), "Authorization: Bearer %.*s", FOG_JWT_SIZE,
			 tokens[i]);
	snprintf(key_header, sizeof(key_header), "X-API-Key: %s", api_key);
}

#define NOTHING   ((const char *const[3]){NULL})
#define READER    ((const char *const[3]){bearer[0]})
#define WRITER    ((const char *const[3]){bearer[1]})
#define ADMIN     ((const char *const[3]){bearer[2]})
#define WITH(...) ((const char *const[3]){__VA_ARGS__})

static bool has(const struct reply *r, const char *text)
{
	return strstr(r->headers, text) != NULL || strstr(r->body, text) != NULL;
}

static void expect(const char *method, const char *target, const char *body,
		   const char *const headers[3], long status, const char *says)
{
	struct reply r;

	call(method, target, body, headers, &r);
	bool good = r.status == status && has(&r, says);
	if (!good)
		printf("%s %s: %ld %s%s\n", method, target, r.status, r.headers, r.body);
	CU_ASSERT(good);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void scopes_client(void)
{
	char old[FOG_JWT_SIZE + 32];

	headers_make();
	snprintf(old, sizeof(old), "Authorization: Bearer %s", expired);
	expect("GET", "/v1/who", NULL, READER, 200, "\"alice\"");
	expect("GET", "/v1/who", NULL, WITH(key_header), 200, "\"alice\"");
	expect("GET", "/v1/owns", NULL, WRITER, 200,
	       "{\"alice\":true,\"bob\":false,\"host\":false,\"list\":\"alice\"}");
	expect("GET", "/v1/owns", NULL, ADMIN, 200,
	       "{\"alice\":true,\"bob\":true,\"host\":true,\"list\":null}");
	expect("GET", "/v1/who", NULL, NOTHING, 401, "fogctl token create");
	expect("GET", "/v1/who", NULL, NOTHING, 401, "WWW-Authenticate: Bearer realm=\"fog\"\r\n");
	expect("GET", "/v1/who", NULL, WITH("Authorization: Basic YTpi"), 401, "invalid_token");
	expect("GET", "/v1/who", NULL, WITH("Authorization: Bearer x.y.z"), 401,
	       "no token of ours");
	expect("GET", "/v1/who", NULL, WITH("X-API-Key: fogk_x"), 401, "no API key of ours");
	expect("GET", "/v1/who", NULL, WITH(old), 401, "has expired");
	expect("GET", "/v1/who?access_token=x", NULL, NOTHING, 401, "a token is wanted");
	expect("GET", "/v1/open", NULL, NOTHING, 200, "\"\"");
	expect("GET", "/openapi.json", NULL, NOTHING, 200, "3.1.0");
	expect("GET", "/v1/admin", NULL, READER, 403, "insufficient_scope");
	expect("GET", "/v1/admin", NULL, WRITER, 403, "wants the scope admin, the token has write");
	expect("GET", "/v1/admin", NULL, ADMIN, 200, "alice");
	expect("POST", "/v1/things", "{}", READER, 403, "wants the scope write");
	expect("POST", "/v1/things", "{}", WRITER, 201, "made");
	expect("POST", "/v1/silent", "{}", READER, 403, "wants the scope write");
	expect("GET", "/v1/nothing", NULL, NOTHING, 404, "nothing at");
	expect("PUT", "/v1/who", "{}", READER, 405, "Allow: GET, HEAD");
	expect("TRACE", "/v1/who", NULL, READER, 501, "not implemented");
}

static void test_scopes(void)
{
	serve(0, scopes_client);
}

/* A body is not waited for from whom it would not be taken. */
static void refused_client(void)
{
	static char big[300000];
	struct reply r;

	memset(big, ' ', sizeof(big) - 1);
	big[0] = '{', big[1] = '}';
	call("POST", "/v1/things", big, NOTHING, &r);
	CU_ASSERT_EQUAL(r.status, 401);
	big[100000] = '\0';
	call("POST", "/v1/things", big, NOTHING, &r);
	CU_ASSERT_EQUAL(r.status, 401);
	CU_ASSERT_EQUAL(made, 0);
}

static void test_refused_bodies(void)
{
	serve(0, refused_client);
}

static void tokens_client(void)
{
	char path[128], header[FOG_JWT_SIZE + 32];
	struct reply r;

	headers_make();
	expect("POST", "/v1/tokens", "{\"subject\":\"eve\"}", WRITER, 403, "wants the scope admin");
	expect("POST", "/v1/tokens", "{\"subject\":\"a b\"}", ADMIN, 400, "subject: wants letters");
	expect("POST", "/v1/tokens", "{\"subject\":\"eve\",\"scope\":[\"all\"]}", ADMIN, 400,
	       "body.scope.0");
	expect("POST", "/v1/tokens", "{}", ADMIN, 400, "body.subject: Field required");
	for (int key = 0; key < 2; key++) {
		call("POST", "/v1/tokens",
		     key ? "{\"subject\":\"eve\",\"kind\":\"key\",\"tier\":\"premium\"}"
			 : "{\"subject\":\"eve\",\"scope\":[\"read\"],\"algorithm\":\"EdDSA\"}",
		     ADMIN, &r);
		CU_ASSERT_EQUAL(r.status, 201);
		json_t *o = json_loads(r.body, 0, NULL);
		snprintf(header, sizeof(header), key ? "X-API-Key: %s" : "Authorization: Bearer %s",
			 json_string_value(json_object_get(o, key ? "key" : "token")));
		snprintf(path, sizeof(path), "/v1/tokens/%s",
			 json_string_value(json_object_get(o, "id")));
		expect("GET", "/v1/who", NULL, WITH(header), 200, "\"eve\"");
		expect("GET", "/v1/tokens", NULL, ADMIN, 200, path + strlen("/v1/tokens/"));
		expect("DELETE", path, NULL, ADMIN, 200, "{\"revoked\":true}");
		expect("GET", "/v1/who", NULL, WITH(header), 401, "was revoked");
		json_decref(o);
	}
}

static void test_tokens(void)
{
	serve(0, tokens_client);
}

static void limits_client(void)
{
	struct reply r;

	headers_make();
	for (int i = 0; i < 5; i++) {
		call("GET", "/v1/who", NULL, READER, &r);
		CU_ASSERT_EQUAL(r.status, 200);
		CU_ASSERT_PTR_NOT_NULL(strstr(r.headers, "X-RateLimit-Limit: 5\r\n"));
		CU_ASSERT_PTR_NOT_NULL(strstr(r.headers, "X-RateLimit-Reset: 1"));
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(r.headers, "X-RateLimit-Remaining: 0\r\n"));
	expect("GET", "/v1/who", NULL, READER, 429, "5 requests are the most of tier standard");
	expect("GET", "/v1/who", NULL, WRITER, 429, "Retry-After: "); /* the same subject */
	for (int i = 0; i < 20; i++) {                                /* the tier without a limit */
		call("GET", "/v1/who", NULL, ADMIN, &r);
		CU_ASSERT(r.status == 200 && strstr(r.headers, "X-RateLimit") == NULL);
	}
	/* Guessing tokens is limited by address. */
	for (int i = 0; i < 5; i++)
		expect("GET", "/v1/who", NULL, WITH("Authorization: Bearer a.b.c"), 401, "");
	expect("GET", "/v1/who", NULL, WITH("Authorization: Bearer a.b.c"), 429, "");
	expect("GET", "/v1/open", NULL, NOTHING, 429, "");
}

static void test_limits(void)
{
	serve(5, limits_client);
}

static void proxies_client(void)
{
	headers_make();
	for (int i = 0; i < 5; i++)
		expect("GET", "/v1/open", NULL, WITH("X-Forwarded-For: 192.0.2.1"), 200, "");
	/* From 127.0.0.1 the header means nothing, so that no other one helps. */
	expect("GET", "/v1/open", NULL, WITH("X-Forwarded-For: 192.0.2.2"), 429, "");
	/* A proxy's word is taken: each client of its has a count of its own, whatever that client
	 * wrote before. */
	from = "127.0.0.3";
	for (int i = 0; i < 5; i++)
		expect("GET", "/v1/open", NULL, WITH("X-Forwarded-For: 192.0.2.1"), 200, "");
	expect("GET", "/v1/open", NULL, WITH("X-Forwarded-For: 192.0.2.1"), 429, "");
	expect("GET", "/v1/open", NULL, WITH("X-Forwarded-For: 192.0.2.7, 192.0.2.1"), 429, "");
	expect("GET", "/v1/open", NULL,
	       WITH("X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 127.0.0.2"), 429, "");
	expect("GET", "/v1/open", NULL, WITH("X-Forwarded-For: 192.0.2.2"), 200, "");
	expect("GET", "/v1/open", NULL, WITH("Forwarded: for=192.0.2.9"), 200, "");
	/* What was used outlives another policy. */
	expect("POST", "/v1/reload", "{}", ADMIN, 200, "");
	expect("GET", "/v1/open", NULL, WITH("X-Forwarded-For: 192.0.2.1"), 429, "");
	from = NULL;
}

static void test_proxies(void)
{
	serve(5, proxies_client);
}

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN  "00f067aa0ba902b7"

static atomic_uint spans;

/* Of the requests with a trace of the caller's that wanted to be kept. */
static void on_span(void *ctx, const struct fog_span *span)
{
	char parent[FOG_SPAN_ID_SIZE], trace[FOG_TRACE_ID_SIZE];

	fog_hex_encode(span->parent, 8, parent, sizeof(parent));
	CU_ASSERT_STRING_EQUAL(parent, SPAN);
	CU_ASSERT_STRING_EQUAL(fog_trace_id_hex(span->trace, trace), TRACE);
	CU_ASSERT_STRING_EQUAL(span->name, "GET /v1/trace");
	CU_ASSERT(span->kind == FOG_SPAN_SERVER && span->start_ns <= span->end_ns);
	atomic_fetch_add(&spans, 1);
}

static void traces_client(void)
{
	struct reply r;

	headers_make();
	call("GET", "/v1/trace", NULL, READER, &r);
	CU_ASSERT(has(&r, "\"given\":false") && has(&r, "\"entered\":true"));
	CU_ASSERT(has(&r, "traceresponse: 00-") && !has(&r, TRACE));
	call("GET", "/v1/trace", NULL,
	     WITH(bearer[0], "traceparent: 00-" TRACE "-" SPAN "-01", "tracestate: a=1,b=2"), &r);
	CU_ASSERT(has(&r, "\"given\":true") && has(&r, "\"a=1,b=2\""));
	CU_ASSERT(has(&r, "traceresponse: 00-" TRACE "-") && !has(&r, SPAN));
	call("GET", "/v1/trace", NULL, WITH(bearer[0], "TraceParent: 00-" TRACE "-" SPAN "-00"),
	     &r);
	CU_ASSERT(has(&r, "\"given\":true") && has(&r, TRACE));
	/* A bad state costs the state, a bad parent both; so do two of them. */
	call("GET", "/v1/trace", NULL,
	     WITH(bearer[0], "traceparent: 00-" TRACE "-" SPAN "-01", "tracestate: A=1"), &r);
	CU_ASSERT(has(&r, "\"given\":true") && has(&r, "\"state\":\"\""));
	call("GET", "/v1/trace", NULL,
	     WITH(bearer[0], "traceparent: ff-" TRACE "-" SPAN "-01", "tracestate: a=1"), &r);
	CU_ASSERT(has(&r, "\"given\":false") && has(&r, "\"state\":\"\"") && !has(&r, TRACE));
	call("GET", "/v1/trace", NULL,
	     WITH(bearer[0], "traceparent: 00-" TRACE "-" SPAN "-01",
		  "traceparent: 00-" TRACE "-" SPAN "-01"),
	     &r);
	CU_ASSERT(has(&r, "\"given\":false") && !has(&r, TRACE));
	expect("GET", "/v1/trace", NULL, NOTHING, 401, "traceresponse: 00-");
}

static void test_traces(void)
{
	fog_span_sink_set(on_span, NULL);
	spans = 0;
	serve(0, traces_client);
	fog_span_sink_set(NULL, NULL);
	CU_ASSERT_EQUAL(spans, 2);
}

static void answers_client(void)
{
	char tag[64], known[128];
	struct reply r;

	headers_make();
	call("GET", "/v1/who", NULL, WITH(bearer[0], "X-Request-Id: mine-1.2_3"), &r);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.headers, "X-Request-Id: mine-1.2_3\r\n"));
	const char *etag = strstr(r.headers, "ETag: ");
	CU_ASSERT_PTR_NOT_NULL_FATAL(etag);
	snprintf(tag, sizeof(tag), "%.*s", (int)strcspn(etag + 6, "\r"), etag + 6);
	snprintf(known, sizeof(known), "If-None-Match: \"x\", %s", tag);
	call("GET", "/v1/who", NULL, WITH(bearer[0], known), &r);
	CU_ASSERT(r.status == 304 && r.used == 0 && has(&r, tag));
	expect("GET", "/v1/who", NULL, WITH(bearer[0], "If-None-Match: W/\"00\""), 200, "alice");
	call("GET", "/v1/who", NULL, WITH(bearer[0], "X-Request-Id: a b"), &r);
	CU_ASSERT_PTR_NULL(strstr(r.headers, "a b"));
	call("GET", "/v1/big?limit=5&q=a%20%26b&after=3", NULL, READER, &r);
	CU_ASSERT(has(&r, "Link: </v1/big?limit=5&q=a%20%26b&after=1000>; rel=next\r\n"));
	CU_ASSERT_FALSE(has(&r, "Content-Encoding"));
	call("GET", "/v1/big", NULL, WITH(bearer[0], "Accept-Encoding: br, gzip;q=0.5"), &r);
	CU_ASSERT(has(&r, "Content-Encoding: gzip\r\n") && has(&r, "Vary: Accept-Encoding"));
	CU_ASSERT(r.used < 2500 && memcmp(r.body, "\x1f\x8b", 2) == 0);
	call("GET", "/v1/big", NULL, WITH(bearer[0], "Accept-Encoding: gzip;q=0"), &r);
	CU_ASSERT_FALSE(has(&r, "Content-Encoding"));
	/* Pages: one is allowed, others are not. */
	call("GET", "/v1/who", NULL, WITH(bearer[0], "Origin: https://page.example"), &r);
	CU_ASSERT(has(&r, "Access-Control-Allow-Origin: https://page.example\r\n"));
	call("GET", "/v1/who", NULL, WITH(bearer[0], "Origin: https://evil.example"), &r);
	CU_ASSERT(r.status == 200 && !has(&r, "Access-Control"));
	expect("OPTIONS", "/v1/who", NULL,
	       WITH("Origin: https://page.example", "Access-Control-Request-Method: GET"), 204,
	       "Access-Control-Allow-Headers: ");
	expect("OPTIONS", "/v1/who", NULL,
	       WITH("Origin: https://evil.example", "Access-Control-Request-Method: GET"), 405,
	       "only GET, HEAD");
}

static void test_answers(void)
{
	serve(0, answers_client);
}

static void idempotency_client(void)
{
	const char *const key[3] = {bearer[1], "Idempotency-Key: k-1"};
	char longer[400];
	struct reply r;

	headers_make();
	expect("POST", "/v1/things", "{\"a\":1}", key, 201, "{\"made\":0}");
	expect("POST", "/v1/things", "{\"a\":1}", key, 201, "{\"made\":0}");
	call("POST", "/v1/things", "{\"a\":1}", key, &r);
	CU_ASSERT(has(&r, "Idempotent-Replayed: true\r\n") && has(&r, "Location: /v1/things/1"));
	expect("POST", "/v1/things", "{\"a\":2}", key, 422, "for another request");
	expect("POST", "/v1/things", "{\"a\":2}", WRITER, 201, "{\"made\":1}");
	CU_ASSERT_EQUAL(made, 2);
	/* What may be tried again is not kept. */
	expect("POST", "/v1/busy", "{}", WITH(bearer[1], "Idempotency-Key: k-2"), 503, "busy");
	expect("POST", "/v1/busy", "{}", WITH(bearer[1], "Idempotency-Key: k-2"), 503, "busy");
	CU_ASSERT_EQUAL(made, 4);
	memset(longer, 'k', sizeof(longer));
	memcpy(longer, "Idempotency-Key: ", 17);
	longer[17 + 256] = '\0';
	expect("POST", "/v1/things", "{}", WITH(bearer[1], longer), 400, "visible characters");
}

static void test_idempotency(void)
{
	serve(0, idempotency_client);
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static char cert_path[96], key_path[96];

/* A fresh key and its certificate, signed by itself. */
static void certificate_make(void)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t cert;
	gnutls_datum_t pem;
	u8 serial[1] = {1};

	gnutls_x509_privkey_init(&key);
	gnutls_x509_crt_init(&cert);
	gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
				     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	gnutls_x509_crt_set_version(cert, 3);
	gnutls_x509_crt_set_serial(cert, serial, 1);
	gnutls_x509_crt_set_activation_time(cert, 1);
	gnutls_x509_crt_set_expiration_time(cert, 4000000000);
	gnutls_x509_crt_set_dn(cert, "CN=fog.test", NULL);
	gnutls_x509_crt_set_key(cert, key);
	CU_ASSERT_EQUAL(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), 0);
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &pem);
		else
			gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem);
		FILE *f = fopen(i == 0 ? cert_path : key_path, "we");
		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		fwrite(pem.data, 1, pem.size, f);
		fclose(f);
		gnutls_free(pem.data);
	}
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_privkey_deinit(key);
}

static void tls_client(void)
{
	headers_make();
	expect("GET", "/v1/who", NULL, READER, 200, "alice");
	expect("GET", "/v1/who", NULL, NOTHING, 401, "a token is wanted");
}

static void test_tls(void)
{
	char folder[] = "/tmp/fog-gate-tls-XXXXXX", why[FOG_TLS_WHY_SIZE], other[96];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", folder);
	snprintf(key_path, sizeof(key_path), "%s/key.pem", folder);
	snprintf(other, sizeof(other), "%s/other.pem", folder);
	tls = calloc(1, sizeof(*tls));
	CU_ASSERT(fog_tls_load(tls, cert_path, key_path, why) != 0);
	certificate_make();
	CU_ASSERT_EQUAL_FATAL(fog_tls_load(tls, cert_path, key_path, why), 0);
	serve(0, tls_client);
	/* Read again: a new pair, then a key that does not fit. */
	CU_ASSERT_EQUAL(rename(key_path, other), 0);
	certificate_make();
	CU_ASSERT_EQUAL(fog_tls_load(tls, cert_path, key_path, why), 0);
	CU_ASSERT(fog_tls_load(tls, cert_path, other, why) != 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "not the key of the certificate"));
	CU_ASSERT(fog_tls_load(tls, key_path, key_path, why) != 0);
	serve(0, tls_client);
	fog_tls_clear(tls);
	free(tls);
	tls = NULL;
	unlink(cert_path);
	unlink(key_path);
	unlink(other);
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

FOG_TEST_MAIN("controlplane/gateway/gate", FOG_TEST(test_scopes), FOG_TEST(test_refused_bodies),
	      FOG_TEST(test_tokens), FOG_TEST(test_limits), FOG_TEST(test_proxies),
	      FOG_TEST(test_traces), FOG_TEST(test_answers), FOG_TEST(test_idempotency),
	      FOG_TEST(test_tls))
