/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/executor/result.h"
#include "tests/unit/fog_test.h"

static struct fog_executor_result example(void)
{
	struct fog_executor_result r = {
		.outcome = FOG_EXECUTOR_SIGNALED,
		.exit_code = -1,
		.signal = 11,
		.error = "ä \"quoted\" \\",
		.started_unix_ms = 1790000000000,
		.ended_unix_ms = 1790000000123,
		.usage = {1, 2, 3, 1ull << 40, 5, 6, 7},
		.output_truncated = true,
		.sandbox = {.namespaces = FOG_EXECUTOR_NS_PID | FOG_EXECUTOR_NS_CGROUP,
			    .no_new_privs = true,
			    .proc = true,
			    .landlock_abi = 7,
			    .cgroup_version = 2,
			    .cgroup_limits = FOG_EXECUTOR_CGROUP_PIDS,
			    .uid = 0x70000001},
	};

	for (u8 i = 0; i < 32; i++) {
		r.stdout_sha256[i] = (u8)(i * 8);
		r.stderr_sha256[i] = (u8)(255 - i);
	}
	return r;
}

static void test_life_cycle(void)
{
	struct fog_executor_result in = example();
	struct fog_executor_result out;
	char *text = NULL;

	CU_ASSERT_EQUAL_FATAL(fog_result_emit(&in, &text), 0);
	CU_ASSERT_EQUAL_FATAL(fog_result_parse(text, strlen(text), &out), 0);
	CU_ASSERT_EQUAL(memcmp(&in.usage, &out.usage, sizeof(in.usage)), 0);
	CU_ASSERT_EQUAL(memcmp(in.stdout_sha256, out.stdout_sha256, 32), 0);
	CU_ASSERT_EQUAL(memcmp(in.stderr_sha256, out.stderr_sha256, 32), 0);
	CU_ASSERT_EQUAL(out.outcome, in.outcome);
	CU_ASSERT_EQUAL(out.exit_code, -1);
	CU_ASSERT_EQUAL(out.signal, 11);
	CU_ASSERT_STRING_EQUAL(out.error, in.error);
	CU_ASSERT_EQUAL(out.started_unix_ms, in.started_unix_ms);
	CU_ASSERT_EQUAL(out.ended_unix_ms, in.ended_unix_ms);
	CU_ASSERT_TRUE(out.output_truncated);
	CU_ASSERT_EQUAL(out.sandbox.namespaces, in.sandbox.namespaces);
	CU_ASSERT_EQUAL(out.sandbox.cgroup_version, 2);
	CU_ASSERT_EQUAL(out.sandbox.cgroup_limits, in.sandbox.cgroup_limits);
	CU_ASSERT_EQUAL(out.sandbox.landlock_abi, 7);
	CU_ASSERT_EQUAL(out.sandbox.uid, in.sandbox.uid);
	CU_ASSERT_TRUE(out.sandbox.no_new_privs);
	CU_ASSERT_FALSE(out.sandbox.seccomp);
	free(text);
}

/* One replacement in a good result, each of which makes it not ours. */
static void test_bad_results(void)
{
	static const struct {
		int number;
		const char *from;
		const char *to;
	} cases[] = {
		{1, "\"signaled\"", "\"none\""},
		{2, "\"signaled\"", "\"dead\""},
		{3, "\"signaled\"", "7"},
		{4, "\"signal\": 11", "\"signal\": 256"},
		{5, "\"signal\": 11", "\"signal\": -1"},
		{6, "\"signal\": 11", "\"signal\": \"11\""},
		{7, "\"exit_code\": null", "\"exit_code\": 1.5"},
		{8, "\"wall_ms\": 1", "\"wall_ms\": -1"},
		{9, "\"wall_ms\": 1", "\"wall\": 1"},
		{10, "\"usage\": {", "\"use\": {"},
		{11, "\"stdout_sha256\": \"0", "\"stdout_sha256\": \"g"},
		{12, "\"stdout_sha256\": \"0", "\"stdout_sha256\": \""},
		{13, "\"output_truncated\": true", "\"output_truncated\": 1"},
		{14, "\"pid\"", "\"pit\""},
		{15, "\"cgroup\": \"v2\"", "\"cgroup\": \"v3\""},
		{16, "\"landlock_abi\": 7", "\"landlock_abi\": 4294967296"},
		{17, "{", "["},
	};
	struct fog_executor_result in = example();
	struct fog_executor_result out;
	char *text = NULL;
	char bad[4096];

	CU_ASSERT_EQUAL_FATAL(fog_result_emit(&in, &text), 0);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		char *at = strstr(text, cases[i].from);
		CU_ASSERT_PTR_NOT_NULL_FATAL(at);
		snprintf(bad, sizeof(bad), "%.*s%s%s", (int)(at - text), text, cases[i].to,
			 at + strlen(cases[i].from));
		int ret = fog_result_parse(bad, strlen(bad), &out);
		if (ret != -EBADMSG)
			printf("\n  case %d: %d\n", cases[i].number, ret);
		CU_ASSERT_EQUAL(ret, -EBADMSG);
		CU_ASSERT_EQUAL(out.outcome, FOG_EXECUTOR_OUTCOME_NONE);
	}
	// An error too long to hold.
	memset(bad, 'e', sizeof(bad));
	char *at = strstr(text, "\"error\": \"");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	int head = snprintf(bad, sizeof(bad), "%.*s", (int)(at - text) + 10, text);
	bad[head] = 'e';
	snprintf(bad + head + 300, sizeof(bad) - (size_t)head - 300, "%s", at + 10);
	CU_ASSERT_EQUAL(fog_result_parse(bad, strlen(bad), &out), -EBADMSG);
	CU_ASSERT_EQUAL(fog_result_parse("", 0, &out), -EBADMSG);
	free(text);
}

static void test_state(void)
{
	struct fog_executor_monitor in = {.running = true,
					  .monitor_pid = 12,
					  .monitor_start = 1234567,
					  .pid = 13,
					  .started_unix_ms = 99,
					  .leaves = 2,
					  .leaf = {"/sys/a/fog-exec.x.1", "/sys/b"}};
	struct fog_executor_monitor out;
	char *text = NULL;

	CU_ASSERT_EQUAL_FATAL(fog_state_emit(&in, &text), 0);
	CU_ASSERT_EQUAL_FATAL(fog_state_parse(text, strlen(text), &out), 0);
	CU_ASSERT_EQUAL(memcmp(&in, &out, sizeof(in)), 0);
	free(text);
	static const char *const bad[] = {
		"",
		"{}",
		"{\"state\":\"walking\",\"pid\":1,\"monitor_pid\":1,\"monitor_start\":1,\"started_"
		"ms\":1,"
		"\"cgroups\":[]}",
		"{\"state\":\"running\",\"pid\":4294967296,\"monitor_pid\":1,\"monitor_start\":1,"
		"\"started_ms\":1,\"cgroups\":[]}",
		"{\"state\":\"running\",\"pid\":-1,\"monitor_pid\":1,\"monitor_start\":1,\"started_"
		"ms\":1,"
		"\"cgroups\":[]}",
		"{\"state\":\"running\",\"pid\":1,\"monitor_pid\":1,\"monitor_start\":1,\"started_"
		"ms\":1,"
		"\"cgroups\":[1]}",
		"{\"state\":\"running\",\"pid\":1,\"monitor_pid\":1,\"monitor_start\":1,\"started_"
		"ms\":1,"
		"\"cgroups\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}",
	};
	for (size_t i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		CU_ASSERT_EQUAL(fog_state_parse(bad[i], strlen(bad[i]), &out), -EBADMSG);
}

static void test_start_time(void)
{
	u64 a = 0, b = 0;

	CU_ASSERT_EQUAL(fog_process_start_time(getpid(), &a), 0);
	CU_ASSERT_EQUAL(fog_process_start_time(getpid(), &b), 0);
	CU_ASSERT_EQUAL(a, b);
	CU_ASSERT_TRUE(a > 0);
	CU_ASSERT_EQUAL(fog_process_start_time(0x7ffffffe, &a), -ESRCH);
}

static void test_names(void)
{
	CU_ASSERT_STRING_EQUAL(fog_executor_outcome_name(FOG_EXECUTOR_OOM), "oom");
	CU_ASSERT_STRING_EQUAL(fog_executor_outcome_name((enum fog_executor_outcome)99), "unknown");
	CU_ASSERT_STRING_EQUAL(fog_executor_state_name(FOG_EXECUTOR_VANISHED), "vanished");
	CU_ASSERT_STRING_EQUAL(fog_executor_state_name((enum fog_executor_state) - 1), "unknown");
}

/* Damaged results never crash the reader. */
static void test_random_damage(void)
{
	const char *seed_text = getenv("FOG_SEED");
	unsigned seed =
		seed_text != NULL ? (unsigned)strtoul(seed_text, NULL, 0) : (unsigned)time(NULL);
	struct fog_executor_result in = example();
	struct fog_executor_result out;
	char *text = NULL;
	char copy[4096];

	printf(" seed %u ", seed);
	CU_ASSERT_EQUAL_FATAL(fog_result_emit(&in, &text), 0);
	size_t len = strlen(text);
	CU_ASSERT_FATAL(len < sizeof(copy));
	for (int round = 0; round < 5000; round++) {
		memcpy(copy, text, len + 1);
		for (int hits = rand_r(&seed) % 4; hits >= 0; hits--)
			copy[(size_t)rand_r(&seed) % len] = (char)rand_r(&seed);
		int ret = fog_result_parse(copy, len, &out);
		CU_ASSERT_TRUE(ret == 0 || ret == -EBADMSG);
		CU_ASSERT_TRUE(memchr(out.error, '\0', sizeof(out.error)) != NULL);
	}
	free(text);
}

FOG_TEST_MAIN("controlplane/executor/result", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_results),
	      FOG_TEST(test_state), FOG_TEST(test_start_time), FOG_TEST(test_names),
	      FOG_TEST(test_random_damage))
