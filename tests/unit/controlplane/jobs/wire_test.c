/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/wire.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

static const struct fog_trace no_trace;

/* Builds every message and reads it back. */
static void test_life_cycle(void)
{
	u8 node[32], signature[64];
	const u64 size[2] = {10, 20};
	const struct fog_executor_kept kept = {
		.number = 7, .checkpoint = {300, {1, 2}}, .note = "too large"};
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_message m;

	memset(node, 7, sizeof(node));
	memset(signature, 9, sizeof(signature));
	struct {
		enum fog_job_op op;
		char *text;
	} cases[] = {
		{FOG_JOB_OP_HELLO, fog_job_hello(node)},
		{FOG_JOB_OP_HELLO, fog_job_hello(NULL)},
		{FOG_JOB_OP_OFFER,
		 fog_job_offer("{}", signature, "{\"a\":\"\\n\"}", true, true, &no_trace)},
		{FOG_JOB_OP_GO, fog_job_go()},
		{FOG_JOB_OP_ACCEPT, fog_job_accept(FOG_WORK_RUNNING, 1)},
		{FOG_JOB_OP_DECLINE, fog_job_decline(FOG_DECLINE_CAPACITY, "full")},
		{FOG_JOB_OP_NEED, fog_job_need("stdin", 65536, 262144)},
		{FOG_JOB_OP_BLOB, fog_job_blob("stdin", 65536, 65536)},
		{FOG_JOB_OP_STATUS, fog_job_status(FOG_WORK_FINISHED, 2, size)},
		{FOG_JOB_OP_FOLLOW, fog_job_follow(size)},
		{FOG_JOB_OP_KEPT, fog_job_kept(&kept, "checkpoint.6")},
		{FOG_JOB_OP_LOG, fog_job_log(1, 5, 6)},
		{FOG_JOB_OP_RESULT, fog_job_result("{}", signature, "{}")},
		{FOG_JOB_OP_SETTLE, fog_job_settle("{}", signature)},
		{FOG_JOB_OP_SETTLED, fog_job_settled()},
		{FOG_JOB_OP_CANCEL, fog_job_cancel(true)},
		{FOG_JOB_OP_CLOSED, fog_job_closed("why")},
		{FOG_JOB_OP_ERROR, fog_job_error("why")},
	};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(cases[i].text);
		int rc = fog_job_message_parse((u8 *)cases[i].text, strlen(cases[i].text), &m,
					       error);
		CU_ASSERT_EQUAL_FATAL(rc, 0);
		CU_ASSERT_EQUAL(m.op, cases[i].op);
		if (m.op == FOG_JOB_OP_OFFER) {
			CU_ASSERT_STRING_EQUAL(m.spec, "{\"a\":\"\\n\"}");
			CU_ASSERT_TRUE(m.flag && m.hold);
			CU_ASSERT_EQUAL(memcmp(m.signature, signature, 64), 0);
		}
		if (m.op == FOG_JOB_OP_STATUS) {
			CU_ASSERT_EQUAL(m.size[1], 20);
			CU_ASSERT_EQUAL(m.run, 2);
		}
		if (m.op == FOG_JOB_OP_LOG)
			CU_ASSERT_EQUAL(m.stream, 1);
		if (m.op == FOG_JOB_OP_KEPT) {
			CU_ASSERT_EQUAL(m.number, 7);
			CU_ASSERT_EQUAL(m.bytes, 300);
			CU_ASSERT_EQUAL(m.sha256[1], 2);
			CU_ASSERT_STRING_EQUAL(m.note, "too large");
			CU_ASSERT_STRING_EQUAL(m.gone, "checkpoint.6");
		}
		fog_job_message_free(&m);
		free(cases[i].text);
	}
}

/* A trace goes with the offer; one that cannot be read is none, and none is no member. */
static void test_traces(void)
{
	static const char parent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
	static const char *const others[] = {"\"traceparent\":\"ff\",", "\"traceparent\":7,",
					     "\"traceparent\":null,", ""};
	char error[FOG_JSON_ERROR_SIZE], text[512], hex[129] = "";
	u8 signature[64] = {0};
	struct fog_job_message m;
	struct fog_trace t;

	CU_ASSERT_EQUAL(fog_trace_parse(parent, &t), 0);
	char *offer = fog_job_offer("{}", signature, "{}", false, false, &t);
	CU_ASSERT_EQUAL_FATAL(fog_job_message_parse((u8 *)offer, strlen(offer), &m, error), 0);
	CU_ASSERT_EQUAL(memcmp(&m.trace, &t, sizeof(t)), 0);
	fog_job_message_free(&m);
	free(offer);
	offer = fog_job_offer("{}", signature, "{}", false, false, &no_trace);
	CU_ASSERT_PTR_NULL(strstr(offer, "traceparent"));
	free(offer);
	memset(hex, '0', sizeof(hex) - 1);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(others); i++) {
		snprintf(text, sizeof(text),
			 "{\"op\":\"offer\",\"text\":\"{}\",\"spec\":\"{}\",\"query\":false,%s"
			 "\"signature\":\"%s\"}",
			 others[i], hex);
		CU_ASSERT_EQUAL_FATAL(fog_job_message_parse((u8 *)text, strlen(text), &m, error),
				      0);
		CU_ASSERT_FALSE(fog_trace_is(&m.trace));
		fog_job_message_free(&m);
	}
}

static void test_bad_arguments(void)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"op\":\"bye\"}",
		"{\"op\":7}",
		"{\"op\":\"invalid\"}",
		"{\"op\":\"hello\"}",
		"{\"op\":\"hello\",\"version\":2}",
		"{\"op\":\"hello\",\"version\":1,\"node_id\":\"00\"}",
		"{\"op\":\"offer\",\"text\":\"{}\",\"signature\":\"00\",\"spec\":\"\"}",
		"{\"op\":\"accept\",\"state\":\"asleep\",\"run\":1}",
		"{\"op\":\"accept\",\"state\":\"running\",\"run\":3}",
		"{\"op\":\"decline\",\"code\":\"capacity\"}",
		"{\"op\":\"need\",\"name\":\"x\",\"offset\":-1,\"length\":1}",
		"{\"op\":\"need\",\"name\":\"x\",\"offset\":0,\"length\":0}",
		"{\"op\":\"need\",\"name\":\"x\",\"offset\":0,\"length\":262145}",
		"{\"op\":\"blob\",\"name\":\"x\",\"offset\":0,\"length\":65537}",
		"{\"op\":\"log\",\"stream\":\"stdlog\",\"offset\":0,\"length\":1}",
		"{\"op\":\"log\",\"stream\":\"\",\"offset\":0,\"length\":1}",
		"{\"op\":\"follow\",\"stdout\":9000000,\"stderr\":0}",
		"{\"op\":\"cancel\"}",
		("{\"op\":\"kept\",\"number\":1,\"sha256\":\"00\",\"size\":1,\"note\":\"\","
		 "\"gone\":"
		 "\"\"}"),
		"{\"op\":\"kept\",\"number\":-1}",
		"{\"op\":\"need\",\"name\":\"x\",\"offset\":268435457,\"length\":1}",
	};
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_message m;

	for (u32 i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		int rc = fog_job_message_parse((const u8 *)bad[i], strlen(bad[i]), &m, error);
		if (rc == 0)
			printf("\ncase %u was taken\n", i);
		CU_ASSERT_EQUAL(rc, -EPROTO);
		CU_ASSERT(error[0] != '\0');
	}
	u8 *large = calloc(1, FOG_JOB_MESSAGE_MAX + 1);
	CU_ASSERT_EQUAL(fog_job_message_parse(large, FOG_JOB_MESSAGE_MAX + 1, &m, error), -EPROTO);
	free(large);
}

/* Bytes of a good message changed at random: never a crash, never more than the limits. */
static void test_random(void)
{
	const char *text = getenv("FOG_SEED");
	u64 seed = text != NULL ? strtoull(text, NULL, 0) : 99;
	u8 signature[64] = {0};
	char *good = fog_job_offer("{}", signature, "{\"argv\":[\"x\"]}", false, false, &no_trace);
	size_t len = strlen(good);
	u32 taken = 0;

	printf("seed %llu ", (unsigned long long)seed);
	for (u32 i = 0; i < 20000; i++) {
		char error[FOG_JSON_ERROR_SIZE];
		struct fog_job_message m;
		u8 copy[512];
		memcpy(copy, good, len);
		for (u32 k = 0; k < 1 + i % 3; k++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			copy[(seed >> 33) % len] = (u8)(seed >> 20);
		}
		if (fog_job_message_parse(copy, len, &m, error) == 0) {
			taken++;
			fog_job_message_free(&m);
		}
	}
	CU_ASSERT(taken < 20000);
	free(good);
}

FOG_TEST_MAIN("controlplane/jobs/wire", FOG_TEST(test_life_cycle), FOG_TEST(test_traces),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_random))
