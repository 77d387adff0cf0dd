/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/gateway/gateway.h"
#include "tests/unit/controlplane/gateway/clients.h"

static struct ev_loop *loop;
static struct fog_gateway *gw;
static char dir[64], path[96];
static int own_ctx;

/* ---- handlers under test -------------------------------------------------------------------- */

static int hello(struct fog_exchange *x)
{
	CU_ASSERT_PTR_EQUAL(fog_exchange_ctx(x), &own_ctx);
	CU_ASSERT_EQUAL(strlen(fog_exchange_request_id(x)), 16);
	return fog_exchange_json(x, 200, json_pack("{s:s}", "hello", "fog"));
}

static int thing(struct fog_exchange *x)
{
	const char *id = fog_exchange_param(x, "id");

	if (strcmp(id, "none") == 0)
		return fog_exchange_problem(x, 404, "no thing \"%s\"", id);
	return fog_exchange_json(x, 200, json_pack("{s:s}", "id", id));
}

static int thing_exact(struct fog_exchange *x)
{
	return fog_exchange_json(x, 200, json_pack("{s:b}", "exact", 1));
}

static int echo(struct fog_exchange *x)
{
	const json_t *body = fog_exchange_body(x);

	fog_exchange_header(x, "Location", "/v1/things/1");
	return fog_exchange_json(x, 201,
				 body != NULL ? json_deep_copy(body) : json_pack("{s:n}", "body"));
}

static int number(struct fog_exchange *x)
{
	u64 n;

	if (fog_exchange_query_u64(x, "n", 7, 100, &n) != 0)
		return 0;
	const char *flag = fog_exchange_query(x, "flag");
	return fog_exchange_json(x, 200,
				 json_pack("{s:I, s:s?}", "n", (json_int_t)n, "flag", flag));
}

static int bytes(struct fog_exchange *x)
{
	return fog_exchange_bytes(x, 200, "text/plain", "a\0b", 3);
}

static int broken(struct fog_exchange *x)
{
	return fog_exchange_json(x, 200, NULL);
}

static int foreign_text(struct fog_exchange *x)
{
	return fog_exchange_problem(x, 400, "bytes \xff\xfe\n\"quoted\"");
}

/* Answered by a timer. */
static struct fog_exchange *waiting[64];
static u32 waiting_count;
static struct ev_timer later_timer;

static void on_later(struct ev_loop *l, struct ev_timer *w, int revents)
{
	for (u32 i = 0; i < waiting_count; i++)
		fog_exchange_json(waiting[i], 200, json_pack("{s:b}", "later", 1));
	waiting_count = 0;
}

static int later(struct fog_exchange *x)
{
	waiting[waiting_count++] = x;
	if (!ev_is_active(&later_timer)) {
		ev_timer_set(&later_timer, 0.03, 0.0);
		ev_timer_start(loop, &later_timer);
	}
	return 0;
}

static int never(struct fog_exchange *x)
{
	return 0;
}

static int again(struct fog_exchange *x)
{
	fog_gateway_restart(gw, -1);
	return fog_exchange_json(x, 200, json_object());
}

static int elsewhere(struct fog_exchange *x)
{
	unlink(path);
	fog_gateway_restart(gw, fog_unix_listen(path, 8));
	return fog_exchange_json(x, 200, json_object());
}

static const struct fog_route routes[] = {
	{"GET", "/v1/again", again},
	{"GET", "/v1/elsewhere", elsewhere},
	{"GET", "/v1/hello", hello},
	{"GET", "/v1/things/{id}", thing},
	{"GET", "/v1/things/exact", thing_exact},
	{"POST", "/v1/things", echo},
	{"DELETE", "/v1/things/{id}", thing},
	{"GET", "/v1/number", number},
	{"GET", "/v1/bytes", bytes},
	{"GET", "/v1/broken", broken},
	{"GET", "/v1/foreign", foreign_text},
	{"GET", "/v1/later", later},
	{"GET", "/v1/never", never},
	{"GET", "/v1/things/{id}/parts/{part}", thing},
	{"POST", "/v1/described", echo,
	 FOG_DESCRIBE("Echo", .query = "n?: integer 1..9 = 1, word?: up|down",
		      .request = "{a: string 1..3, of?: @Of}")},
	{"POST", "/v1/optional", echo, FOG_DESCRIBE("Echo", .request = "{a?: string}")},
	{"POST", "/v1/fog/described/{id}", echo,
	 FOG_DESCRIBE("Echo", .path = "id: integer 0..", .query = "must: string",
		      .request = "{a: string, list?: [{b: number}]}")},
};

/* ---- client --------------------------------------------------------------------------------- */

struct call {
	const char *method, *target, *body, *type;
	size_t body_len; /* 0: strlen */
	bool chunked;
};

static void call(const struct call *c, struct reply *r)
{
	char url[2048], type[128];
	struct curl_slist *headers = NULL;

	snprintf(url, sizeof(url), "http://fog%s", c->target);
	CURL *curl = client_new(r, c->method, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, path);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	if (strcmp(c->method, "HEAD") == 0)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	if (c->body != NULL) {
		size_t len = c->body_len != 0 ? c->body_len : strlen(c->body);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, c->body);
		snprintf(type, sizeof(type), "Content-Type: %s",
			 c->type != NULL ? c->type : "application/json");
		headers = curl_slist_append(headers, type);
		headers = curl_slist_append(headers, "Expect:");
		if (c->chunked)
			headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
	}
	client_perform(curl, headers, r);
}

/* ---- frame ---------------------------------------------------------------------------------- */

static void start(void)
{
	snprintf(dir, sizeof(dir), "/tmp/fog-gateway-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/api.sock", dir);
	loop = ev_loop_new(EVFLAG_AUTO);
	waiting_count = 0;
	ev_timer_init(&later_timer, on_later, 0.03, 0.0);
	int fd = fog_unix_listen(path, 64);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(fog_gateway_new(&gw, loop), 0);
	fog_gateway_define(gw, "Of", "{x: integer}");
	fog_gateway_add(gw, routes, FOG_ARRAY_COUNT(routes), &own_ctx);
	CU_ASSERT_EQUAL_FATAL(fog_gateway_listen(gw, fd), 0);
}

static void stop(void)
{
	fog_gateway_free(gw);
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
	ev_loop_destroy(loop);
}

/* Run `client` in a thread while the loop serves. */
static struct fog_gateway_counts counts; /* of the gateway that served last */

static void serve(void (*client)(void))
{
	start();
	clients_serve(loop, client);
	counts = *fog_gateway_counts(gw);
	stop();
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void life_cycle_client(void)
{
	struct reply r;

	call(&(struct call){"GET", "/v1/hello"}, &r);
	CU_ASSERT_EQUAL(r.status, 200);
	CU_ASSERT_STRING_EQUAL(r.body, "{\"hello\":\"fog\"}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(r.headers, "Content-Type: application/json\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.headers, "X-Request-Id: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.headers, "Cache-Control: private, no-cache\r\n"));
}

static void test_life_cycle(void)
{
	serve(life_cycle_client);
	CU_ASSERT_EQUAL(counts.requests, 1);
	CU_ASSERT_EQUAL(counts.took.count, 1);
	fog_gateway_free(NULL);
}

static const struct {
	struct call call;
	long status;
	const char *says;
} table[] = {
	{{"GET", "/v1/things/a%20b"}, 200, "{\"id\":\"a b\"}"},
	{{"GET", "/v1/things/exact"}, 200, "{\"exact\":true}"},
	{{"GET", "/v1/things/none"}, 404, "\"detail\":\"no thing \\\"none\\\"\""},
	{{"DELETE", "/v1/things/x"}, 200, "{\"id\":\"x\"}"},
	{{"GET", "/v1/things/x/parts/y"}, 200, "{\"id\":\"x\"}"},
	{{"GET", "/v1/things/"}, 404, "nothing at"},
	{{"GET", "/v1/things/x/"}, 404, "nothing at"},
	{{"GET", "/v1/things//parts/y"}, 404, "nothing at"},
	{{"GET", "/v1/things/x/parts"}, 404, "nothing at"},
	{{"GET", "/"}, 404, "nothing at"},
	{{"GET", "/v1/../v1/hello"}, 404, "nothing at"},
	{{"GET", "/v1/hello/"}, 404, "nothing at"},
	{{"PUT", "/v1/hello"}, 405, "only GET, HEAD"},
	{{"POST", "/v1/things/x", "{}"}, 405, "only GET, HEAD, DELETE"},
	{{"BREW", "/v1/hello"}, 405, "BREW is not possible"},
	{{"HEAD", "/v1/hello"}, 200, ""},
	{{"POST", "/v1/things", "{\"a\":[1,2.5,\"x\"]}"}, 201, "{\"a\":[1,2.5,\"x\"]}"},
	{{"POST", "/v1/things", "{\"a\":1}", "Application/JSON; charset=utf-8"}, 201, "{\"a\":1}"},
	{{"POST", "/v1/things", "{\"a\":1}", .chunked = true}, 201, "{\"a\":1}"},
	{{"POST", "/v1/things", "{\"a\":"}, 400, "is not JSON: line 1 column"},
	{{"POST", "/v1/things", "{\"a\":1} x"}, 400, "is not JSON"},
	{{"POST", "/v1/things", "{\"a\":1,\"a\":2}"}, 400, "is not JSON"},
	{{"POST", "/v1/things", "7"}, 201, "7"},
	{{"POST", "/v1/described", "7"}, 400, "body: Input should be a valid dictionary"},
	{{"POST", "/v1/things", "\xff\xfe"}, 400, "is not JSON"},
	{{"POST", "/v1/things", "a=1", "application/x-www-form-urlencoded"},
	 415,
	 "wants Content-Type"},
	{{"POST", "/v1/things", "{}", "application/jsonx"}, 415, "wants Content-Type"},
	{{"GET", "/v1/number"}, 200, "{\"n\":7,\"flag\":null}"},
	{{"GET", "/v1/number?n=100&flag"}, 200, "{\"n\":100,\"flag\":\"\"}"},
	{{"GET", "/v1/number?n=0&flag=a%2Fb"}, 200, "{\"n\":0,\"flag\":\"a/b\"}"},
	{{"GET", "/v1/number?n=101"}, 400, "wants a whole number from 0 to 100"},
	{{"GET", "/v1/number?n=-1"}, 400, "wants a whole number"},
	{{"GET", "/v1/number?n=1x"}, 400, "wants a whole number"},
	{{"GET", "/v1/number?n="}, 400, "wants a whole number"},
	{{"GET", "/v1/number?n=99999999999999999999999"}, 400, "wants a whole number"},
	{{"GET", "/v1/broken"}, 500, "Internal Server Error"},
	{{"GET", "/v1/foreign"}, 400, "bytes ??\\n\\\"quoted\\\""},
	{{"GET", "/v1/later"}, 200, "{\"later\":true}"},
	{{"GET", "/docs"}, 200, "fetch(\"openapi.json\")"},
	{{"GET", "/openapi.json"}, 200, "\"/v1/fog/described/{id}\":{\"post\":"},
	{{"POST", "/v1/described", "{\"a\":\"x\"}"}, 201, "{\"a\":\"x\"}"},
	{{"POST", "/v1/described?n=9&word=", "{\"a\":\"x\"}"}, 201, "{\"a\":\"x\"}"},
	{{"POST", "/v1/described?n=10", "{\"a\":\"x\"}"}, 400, "query.n: Input should be less"},
	{{"POST", "/v1/described?n=", "{\"a\":\"x\"}"}, 400, "query.n: Input should be a valid"},
	{{"POST", "/v1/described?word=x", "{\"a\":\"x\"}"}, 400, "query.word: Input should be one"},
	{{"POST", "/v1/described"}, 400, "\"detail\":\"body: Field required\""},
	{{"POST", "/v1/described", "{\"b\":1}"}, 400, "\"errors\":[{\"loc\":[\"body\",\"a\"]"},
	{{"POST", "/v1/described", "{\"a\":\"x\",\"of\":{\"x\":1.5}}"},
	 400,
	 "body.of.x: Input should be a valid integer"},
	{{"POST", "/v1/optional"}, 201, "{\"body\":null}"},
	{{"POST", "/v1/optional", "{\"a\":1}"}, 400, "body.a: "},
	{{"POST", "/v1/optional", "[]"}, 400, "body: Input should be a valid dictionary"},
	{{"POST", "/v1/fog/described/1?must=", "{\"a\":\"\"}"}, 201, "{\"a\":\"\"}"},
	{{"POST", "/v1/fog/described/x", "{\"list\":[{\"b\":1},{}],\"\\ud83d\\ude00\":1}"},
	 422,
	 "\"detail\":[{\"loc\":[\"path\",\"id\"],\"msg\":\"Input should be a valid integer\","
	 "\"type\":\"int_parsing\"},{\"loc\":[\"query\",\"must\"],\"msg\":\"Field required\","
	 "\"type\":\"missing\"},{\"loc\":[\"body\",\"a\"],\"msg\":\"Field required\",\"type\":"
	 "\"missing\"},{\"loc\":[\"body\",\"list\",1,\"b\"],"},
};

static void table_client(void)
{
	struct reply r;

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(table); i++) {
		call(&table[i].call, &r);
		bool good = r.rc == CURLE_OK && r.status == table[i].status &&
			    strstr(r.body, table[i].says) != NULL;
		if (!good)
			printf("case %u: curl %d status %ld %s\n", i, r.rc, r.status, r.body);
		CU_ASSERT(good);
		if (r.status < 400 || r.used == 0)
			continue;
		json_t *problem = json_loads(r.body, 0, NULL);
		CU_ASSERT_PTR_NOT_NULL(problem);
		CU_ASSERT_EQUAL(json_integer_value(json_object_get(problem, "status")), r.status);
		json_decref(problem);
		CU_ASSERT_PTR_NOT_NULL(strstr(r.headers, "application/problem+json"));
	}
	call(&(struct call){"GET", "/v1/bytes"}, &r);
	CU_ASSERT_EQUAL(r.used, 3);
	CU_ASSERT_EQUAL(memcmp(r.body, "a\0b", 3), 0);
	call(&(struct call){"PUT", "/v1/hello"}, &r);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.headers, "Allow: GET, HEAD\r\n"));
	call(&(struct call){"POST", "/v1/things", "{}"}, &r);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.headers, "Location: /v1/things/1\r\n"));
}

static void test_request_table(void)
{
	serve(table_client);
	CU_ASSERT(counts.refused != 0 && counts.refused < counts.requests);
	CU_ASSERT_EQUAL(counts.failed, 1); /* the one without memory */
}

static void limits_client(void)
{
	static char big[FOG_GATEWAY_BODY_MAX + 2], longer[1500];
	struct reply r;

	memset(big, ' ', sizeof(big) - 1);
	memcpy(big, "{}", 2);
	call(&(struct call){"POST", "/v1/things", big, .body_len = FOG_GATEWAY_BODY_MAX}, &r);
	CU_ASSERT_EQUAL(r.status, 201);
	call(&(struct call){"POST", "/v1/things", big, .body_len = FOG_GATEWAY_BODY_MAX + 1}, &r);
	CU_ASSERT_EQUAL(r.status, 413);
	call(&(struct call){"POST", "/v1/things", big, .body_len = FOG_GATEWAY_BODY_MAX + 1,
			    .chunked = true},
	     &r);
	CU_ASSERT_EQUAL(r.status, 413);
	memset(longer, 'x', sizeof(longer) - 1);
	memcpy(longer, "/v1/things/", 11);
	call(&(struct call){"GET", longer}, &r);
	CU_ASSERT_EQUAL(r.status, 404);
}

static void test_limits(void)
{
	serve(limits_client);
}

/* Bytes that are no HTTP at all, and connections cut at any point. */
static void raw_client(void)
{
	static const char *const cases[] = {
		"\r\n\r\n",
		"GET\r\n\r\n",
		"GET /v1/hello HTTP/9.9\r\nHost: x\r\n\r\n",
		"\x16\x03\x01\x02\x00",
		"GET /v1/hello HTTP/1.1\r\n\r\n",
		"POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		("POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: "
		 "99999999999999999999\r\n\r\n"),
		"POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{",
		"POST /v1/things HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"GET /v1/later HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
	};
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct reply r;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		CU_ASSERT_EQUAL(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
		(void)!send(fd, cases[i], strlen(cases[i]), MSG_NOSIGNAL);
		usleep(2000);
		close(fd);
	}
	call(&(struct call){"GET", "/v1/hello"}, &r);
	CU_ASSERT_EQUAL(r.status, 200);
}

static void test_hostile_bytes(void)
{
	serve(raw_client);
}

/* Two readers could see one request or two: refused, and what follows is not looked at. */
static void ambiguous_client(void)
{
	static const char *const cases[] = {
		"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
		"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
		"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
		"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"Host: y\r\nContent-Length: 2\r\n\r\n{}",
	};
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char text[512], answer[4096];

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		ssize_t n, used = 0;
		CU_ASSERT_EQUAL(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
		int len = snprintf(text, sizeof(text),
				   "POST /v1/things HTTP/1.1\r\nHost: x\r\n"
				   "Content-Type: application/json\r\n%s"
				   "GET /v1/hello HTTP/1.1\r\nHost: x\r\n\r\n",
				   cases[i]);
		CU_ASSERT_EQUAL(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
		while ((n = recv(fd, answer + used, sizeof(answer) - 1 - (size_t)used, 0)) > 0)
			used += n;
		answer[used] = '\0';
		CU_ASSERT_EQUAL(strncmp(answer, "HTTP/1.1 400 ", 13), 0);
		CU_ASSERT_PTR_NULL(strstr(answer, "\"hello\""));
		close(fd);
	}
}

static void test_ambiguous(void)
{
	serve(ambiguous_client);
}

static pthread_barrier_t barrier;

static void *never_thread(void *arg)
{
	struct reply *r = arg;

	call(&(struct call){"GET", "/v1/never"}, r);
	return NULL;
}

static void on_stop_soon(struct ev_loop *l, struct ev_timer *w, int revents)
{
	ev_break(l, EVBREAK_ALL);
}

/* Answers that never came are given when the gateway stops. */
static void test_stop_with_open_exchanges(void)
{
	pthread_t threads[3];
	struct reply replies[3];
	struct ev_timer timer;

	start();
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, never_thread, &replies[i]);
	ev_timer_init(&timer, on_stop_soon, 0.2, 0.0);
	ev_timer_start(loop, &timer);
	ev_run(loop, 0);
	stop();
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(replies[i].status, 503);
		CU_ASSERT_PTR_NOT_NULL(strstr(replies[i].body, "is stopping"));
	}
}

static void *many_thread(void *arg)
{
	struct reply r;

	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 10; i++) {
		call(&(struct call){"GET", i % 2 ? "/v1/later" : "/v1/hello"}, &r);
		if (r.status == 200)
			(*(int *)arg)++;
	}
	return NULL;
}

static void many_client(void)
{
	pthread_t threads[16];
	int good[16] = {0};

	pthread_barrier_init(&barrier, NULL, 16);
	for (int i = 0; i < 16; i++)
		pthread_create(&threads[i], NULL, many_thread, &good[i]);
	for (int i = 0; i < 16; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(good[i], 10);
	}
	pthread_barrier_destroy(&barrier);
}

static void test_many_at_once(void)
{
	serve(many_client);
}

/* Who waits is answered, nobody is refused, and the one that asked for it hears of it. */
static void restart_client(void)
{
	static const char head[] = "GET /v1/later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	struct reply r;
	char text[512];

	for (int i = 0; i < 20; i++) {
		int fd = client_dial(path);
		client_put(fd, head, sizeof(head) - 1);
		call(&(struct call){"GET", i % 2 != 0 ? "/v1/again" : "/v1/elsewhere"}, &r);
		CU_ASSERT_EQUAL(r.status, 200);
		call(&(struct call){"GET", "/v1/hello"}, &r);
		CU_ASSERT_EQUAL(r.status, 200);
		ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_WAITALL);
		text[FOG_MAX(n, (ssize_t)0)] = '\0';
		CU_ASSERT_EQUAL(strncmp(text, "HTTP/1.1 200 ", 13), 0);
		close(fd);
	}
}

static void test_restart(void)
{
	serve(restart_client);
	CU_ASSERT_EQUAL(counts.requests, 60);
}

static void test_status_of_errno(void)
{
	CU_ASSERT_EQUAL(fog_status_of_errno(-ENOENT), 404);
	CU_ASSERT_EQUAL(fog_status_of_errno(-EEXIST), 409);
	CU_ASSERT_EQUAL(fog_status_of_errno(-EINVAL), 400);
	CU_ASSERT_EQUAL(fog_status_of_errno(-ENOSPC), 507);
	CU_ASSERT_EQUAL(fog_status_of_errno(-EAGAIN), 503);
	CU_ASSERT_EQUAL(fog_status_of_errno(-EMSGSIZE), 413);
	CU_ASSERT_EQUAL(fog_status_of_errno(-ELIBBAD), 500);
}

FOG_TEST_MAIN("controlplane/gateway/gateway", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_request_table), FOG_TEST(test_limits), FOG_TEST(test_hostile_bytes),
	      FOG_TEST(test_ambiguous), FOG_TEST(test_stop_with_open_exchanges),
	      FOG_TEST(test_many_at_once), FOG_TEST(test_restart), FOG_TEST(test_status_of_errno))
