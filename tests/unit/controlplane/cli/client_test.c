/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/client.h"
#include "tests/unit/controlplane/cli/http_server.h"
#include "tests/unit/fog_test.h"

#define OK_JSON(body_size, body)                                                           \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " #body_size \
	"\r\n\r\n" body

static const struct http_answer answers[] = {
	{"GET /json", OK_JSON(9, "{\"a\": 41}"), 0},
	{"GET /notjson", OK_JSON(4, "oops"), 0},
	{"GET /empty", "HTTP/1.1 204 No Content\r\n\r\n", 0},
	{"GET /bytes", OK_JSON(5, "a\nb\xff!"), 0},
	{"POST /jobs", "HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{\"id\":\"abc\"}", 0},
	{"GET /missing",
	 "HTTP/1.1 404 Not Found\r\nContent-Length: 47\r\n\r\n"
	 "{\"title\":\"Not Found\",\"detail\":\"no job \\\"abc\\\"\"}",
	 0},
	{"GET /titled", "HTTP/1.1 409 C\r\nContent-Length: 15\r\n\r\n{\"title\":\"hmm\"}", 0},
	{"GET /busy", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", 0},
	{"GET /broken", "HTTP/1.1 500 Broken\r\nContent-Length: 3\r\n\r\n<p>", 0},
	{"GET /bad", "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", 0},
	{"GET /short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", 0},
	{"GET /garbage", "not http at all\r\n\r\n", 0},
	{"GET /hangup", "", 0},
	{"GET /huge", "HTTP/1.1 200 OK\r\n\r\n", FOG_CLIENT_BODY_MAX + 10},
};

static struct http_server server;

static void test_life_cycle(void)
{
	struct fog_client c;
	json_t *out;
	char *data;
	size_t size;

	CU_ASSERT_EQUAL_FATAL(http_start(&server, answers, FOG_ARRAY_COUNT(answers)), 0);
	CU_ASSERT_EQUAL_FATAL(fog_client_open(&c, server.path), 0);
	CU_ASSERT_EQUAL(fog_client_call(&c, "GET", "/json", NULL, &out), 0);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(out, "a")), 41);
	CU_ASSERT_EQUAL(c.status, 200);
	json_decref(out);

	CU_ASSERT_EQUAL(fog_client_call(&c, "GET", "/empty", NULL, &out), 0);
	CU_ASSERT_PTR_NULL(out);

	json_t *body = json_pack("{s:[s]}", "argv", "sort");
	CU_ASSERT_EQUAL(fog_client_call(&c, "POST", "/jobs", body, &out), 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(out, "id")), "abc");
	CU_ASSERT_PTR_NOT_NULL(strstr(server.request, "Content-Type: application/json"));
	CU_ASSERT_PTR_NOT_NULL(strstr(server.request, "\r\n\r\n{\"argv\":[\"sort\"]}"));
	json_decref(body);
	json_decref(out);

	CU_ASSERT_EQUAL(fog_client_bytes(&c, "/bytes", &data, &size), 0);
	CU_ASSERT_EQUAL(size, 5);
	CU_ASSERT_EQUAL(memcmp(data, "a\nb\xff!", 6), 0);
	free(data);
	CU_ASSERT_EQUAL(fog_client_bytes(&c, "/empty", &data, &size), 0);
	CU_ASSERT_EQUAL(size, 0);
	CU_ASSERT_EQUAL(data[0], '\0');
	free(data);
	fog_client_close(&c);
	http_stop(&server);
}

static void test_bad_arguments(void)
{
	struct fog_client c;
	json_t *out;
	char path[FOG_CLIENT_PATH_MAX + 10];

	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	CU_ASSERT_EQUAL(fog_client_open(&c, path), -ENAMETOOLONG);
	CU_ASSERT_EQUAL_FATAL(fog_client_open(&c, "/tmp/fog-there-is-no-such-socket"), 0);
	CU_ASSERT_EQUAL(fog_client_call(&c, "GET", "/x", NULL, &out), -ECONNREFUSED);
	CU_ASSERT_PTR_NULL(out);
	CU_ASSERT_PTR_NOT_NULL(strstr(c.error, "no control plane answers on /tmp/fog-there"));
	CU_ASSERT_EQUAL(fog_client_call(&c, "GET", path, NULL, &out), -ENAMETOOLONG);
	fog_client_close(&c);
}

struct error_case {
	const char *path;
	int rc;
	long status;
	const char *text;
};

static const struct error_case error_cases[] = {
	/*  1 */ {"/missing", -ENOENT, 404, "no job \"abc\""},
	/*  2 */ {"/titled", -EEXIST, 409, "hmm"},
	/*  3 */ {"/busy", -EAGAIN, 503, "HTTP 503"},
	/*  4 */ {"/broken", -EIO, 500, "HTTP 500"},
	/*  5 */ {"/bad", -EINVAL, 400, "HTTP 400"},
	/*  6 */ {"/nowhere", -ENOENT, 404, "HTTP 404"},
	/*  7 */ {"/notjson", -EPROTO, 200, "not JSON"},
	/*  8 */ {"/short", -EIO, 0, "control plane on"},
	/*  9 */ {"/garbage", -EIO, 0, "control plane on"},
	/* 10 */ {"/hangup", -EIO, 0, "control plane on"},
	/* 11 */ {"/huge", -EMSGSIZE, 0, "more than"},
};

static void test_errors(void)
{
	struct fog_client c;
	json_t *out;

	CU_ASSERT_EQUAL_FATAL(http_start(&server, answers, FOG_ARRAY_COUNT(answers)), 0);
	CU_ASSERT_EQUAL_FATAL(fog_client_open(&c, server.path), 0);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(error_cases); i++) {
		const struct error_case *e = &error_cases[i];
		int rc = fog_client_call(&c, "GET", e->path, NULL, &out);

		CU_ASSERT_EQUAL(rc, e->rc);
		CU_ASSERT_EQUAL(c.status, e->status);
		CU_ASSERT_PTR_NULL(out);
		CU_ASSERT_PTR_NOT_NULL(strstr(c.error, e->text));
		if (rc != e->rc || strstr(c.error, e->text) == NULL)
			printf("case %zu: %d %s\n", i + 1, rc, c.error);
	}
	fog_client_close(&c);
	http_stop(&server);
}

FOG_TEST_MAIN("controlplane/cli/client", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_errors))
