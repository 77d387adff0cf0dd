/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "tests/unit/controlplane/cli/http_server.h"
#include "tests/unit/fog_test.h"

#define ANSWER(body) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" body
#define STATUS(dp, edge)                          \
	ANSWER("{\"dataplane\":{\"attached\":" dp \
	       ",\"attached_ms\":7},\"edge\":{\"connected\":" edge "}}")

static struct http_server server;

/* A lab of `hosts` hosts that are all the one server. */
static json_t *lab_new(u32 hosts)
{
	json_t *list = json_array();

	for (u32 i = 0; i < hosts; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", i ? "elm" : "ash",
						      "run_dir", "/tmp/x/ash", "api", server.path));
	return json_pack("{s:o}", "hosts", list);
}

static int wait(const struct http_answer *answers, size_t count, u32 hosts,
		char why[FOG_LAB_NOTE_MAX])
{
	struct fog_cli cli = {.out = stdout, .err = stdout};

	why[0] = '\0';
	CU_ASSERT_EQUAL_FATAL(http_start(&server, answers, count), 0);
	json_t *lab = lab_new(hosts);
	int rc = fog_lab_wait(&cli, lab, 300, why);
	json_decref(lab);
	http_stop(&server);
	return rc;
}

#define WAIT(hosts, why, ...)                                                                \
	wait((const struct http_answer[]){__VA_ARGS__},                                      \
	     sizeof((const struct http_answer[]){__VA_ARGS__}) / sizeof(struct http_answer), \
	     hosts, why)

static void test_life_cycle(void)
{
	char why[FOG_LAB_NOTE_MAX];

	CU_ASSERT_EQUAL(WAIT(2, why, {"GET /v1/status", STATUS("true", "true"), 0},
			     {"GET /v1/hosts", ANSWER("{\"hosts\":[{},{}]}"), 0},
			     {"GET /v1/links", ANSWER("{\"links\":[{\"state\":\"up\"}]}"), 0}),
			0);
	CU_ASSERT_STRING_EQUAL(why, "");
}

/* What is missing is named, with the log that tells more. */
static void test_missing(void)
{
	char why[FOG_LAB_NOTE_MAX];

	CU_ASSERT_EQUAL(WAIT(2, why, {"GET /v1/none", ANSWER("{}"), 0}), -ETIMEDOUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "control plane does not answer"));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "see /tmp/x/ash/controlplane.log"));

	CU_ASSERT_EQUAL(WAIT(1, why, {"GET /v1/status", STATUS("false", "true"), 0},
			     {"GET /v1/hosts", ANSWER("{\"hosts\":[{}]}"), 0},
			     {"GET /v1/links", ANSWER("{\"links\":[]}"), 0}),
			-ETIMEDOUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "not attached to a data plane"));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "dataplane.log"));

	CU_ASSERT_EQUAL(WAIT(1, why, {"GET /v1/status", STATUS("true", "false"), 0},
			     {"GET /v1/hosts", ANSWER("{\"hosts\":[{}]}"), 0},
			     {"GET /v1/links", ANSWER("{\"links\":[]}"), 0}),
			-ETIMEDOUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "edge.log"));

	CU_ASSERT_EQUAL(WAIT(2, why, {"GET /v1/status", STATUS("true", "true"), 0},
			     {"GET /v1/hosts", ANSWER("{\"hosts\":[{}]}"), 0},
			     {"GET /v1/links", ANSWER("{\"links\":[]}"), 0}),
			-ETIMEDOUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "knows 1 of 2 hosts"));

	CU_ASSERT_EQUAL(WAIT(2, why, {"GET /v1/status", STATUS("true", "true"), 0},
			     {"GET /v1/hosts", ANSWER("{\"hosts\":[{},{}]}"), 0},
			     {"GET /v1/links", ANSWER("{\"links\":[{\"state\":\"down\"}]}"), 0}),
			-ETIMEDOUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "0 of its 1 links are up"));
}

static void test_strange_answers(void)
{
	char why[FOG_LAB_NOTE_MAX];

	CU_ASSERT_EQUAL(WAIT(1, why, {"GET /v1/status", ANSWER("[1,2]"), 0},
			     {"GET /v1/hosts", ANSWER("{\"hosts\":7}"), 0},
			     {"GET /v1/links", ANSWER("null"), 0}),
			-ETIMEDOUT);
}

FOG_TEST_MAIN("controlplane/cli/lab_wait", FOG_TEST(test_life_cycle), FOG_TEST(test_missing),
	      FOG_TEST(test_strange_answers))
