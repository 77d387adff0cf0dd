/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

#include "controlplane/cli/job.h"
#include "controlplane/cli/output.h"
#include "tests/unit/fog_test.h"

static void test_life_cycle(void)
{
	char why[FOG_JOB_WHY_SIZE];
	struct fog_cli cli = {.args = {"sh", "-c", "exit 0"}, .args_count = 3};

	json_t *body = fog_job_body(&cli, why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(body);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(body, "argv")), 3);
	CU_ASSERT_EQUAL(fog_pick_number(body, "limits.memory_mb", 0), 256);
	CU_ASSERT_EQUAL(fog_pick_number(body, "limits.wall_seconds", 0), 60);
	CU_ASSERT_PTR_NULL(json_object_get(body, "name"));
	CU_ASSERT_PTR_NULL(json_object_get(body, "stdin_base64"));
	json_decref(body);

	cli.option[FOG_OPTION_CPU] = "250m";
	cli.option[FOG_OPTION_MEMORY] = "1G";
	cli.option[FOG_OPTION_WALL] = "5m";
	cli.option[FOG_OPTION_NAME] = "nightly";
	cli.option[FOG_OPTION_TARGET] = "fir";
	body = fog_job_body(&cli, why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(body);
	CU_ASSERT_EQUAL(json_number_value(fog_pick(body, "limits.cpu_cores")), 0.25);
	CU_ASSERT_EQUAL(fog_pick_number(body, "limits.memory_mb", 0), 1024);
	CU_ASSERT_EQUAL(fog_pick_number(body, "limits.wall_seconds", 0), 300);
	CU_ASSERT_STRING_EQUAL(fog_pick_text(body, "name", ""), "nightly");
	CU_ASSERT_STRING_EQUAL(fog_pick_text(body, "target", ""), "fir");
	json_decref(body);
}

struct wrong_case {
	enum fog_option option;
	const char *value;
};

static const struct wrong_case wrong_cases[] = {
	/*  1 */ {FOG_OPTION_CPU, "0"},
	/*  2 */ {FOG_OPTION_CPU, "two"},
	/*  3 */ {FOG_OPTION_MEMORY, "0M"},
	/*  4 */ {FOG_OPTION_MEMORY, "100K"},
	/*  5 */ {FOG_OPTION_MEMORY, "1MB"},
	/*  6 */ {FOG_OPTION_WALL, "60"},
	/*  7 */ {FOG_OPTION_WALL, "0s"},
	/*  8 */ {FOG_OPTION_WALL, "1500ms"},
	/*  9 */ {FOG_OPTION_NAME, "\xff\xfe"},
	/* 10 */ {FOG_OPTION_TARGET, "\xff\xfe"},
	/* 11 */ {FOG_OPTION_STDIN, "/nowhere/to/be/found"},
	/* 12 */ {FOG_OPTION_STDIN, "/tmp"},
};

static void test_bad_arguments(void)
{
	for (size_t i = 0; i < FOG_ARRAY_COUNT(wrong_cases); i++) {
		struct fog_cli cli = {.args = {"true"}, .args_count = 1};
		char why[FOG_JOB_WHY_SIZE] = "";

		cli.option[wrong_cases[i].option] = wrong_cases[i].value;
		json_t *body = fog_job_body(&cli, why);
		CU_ASSERT_PTR_NULL(body);
		CU_ASSERT(why[0] != '\0');
		json_decref(body);
	}
	struct fog_cli cli = {.args = {"\xff"}, .args_count = 1};
	char why[FOG_JOB_WHY_SIZE];
	CU_ASSERT_PTR_NULL(fog_job_body(&cli, why));
}

/* RFC 4648 section 10. */
static void test_base64(void)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
	};
	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		char *text = fog_base64_text((const u8 *)cases[i][0], strlen(cases[i][0]));
		CU_ASSERT_STRING_EQUAL(text, cases[i][1]);
		free(text);
	}
	char *text = fog_base64_text((const u8 *)"\xfb\xff\xfe", 3);
	CU_ASSERT_STRING_EQUAL(text, "+//+");
	free(text);
}

static void test_stdin(void)
{
	char name[] = "/tmp/fog-stdin-XXXXXX";
	char why[FOG_JOB_WHY_SIZE] = "";
	int fd = mkstemp(name);
	struct fog_cli cli = {.args = {"sort"}, .args_count = 1};

	CU_ASSERT_EQUAL(write(fd, "a\0b", 3), 3);
	cli.option[FOG_OPTION_STDIN] = name;
	json_t *body = fog_job_body(&cli, why);
	CU_ASSERT_STRING_EQUAL(fog_pick_text(body, "stdin_base64", ""), "YQBi");
	json_decref(body);
	CU_ASSERT_EQUAL(ftruncate(fd, FOG_JOB_STDIN_MAX), 0);
	body = fog_job_body(&cli, why);
	CU_ASSERT_PTR_NOT_NULL(body);
	json_decref(body);
	CU_ASSERT_EQUAL(ftruncate(fd, FOG_JOB_STDIN_MAX + 1), 0);
	CU_ASSERT_PTR_NULL(fog_job_body(&cli, why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "more than"));
	close(fd);
	unlink(name);
}

static void test_path_and_state(void)
{
	char path[64], tiny[16];
	static const char *const states[] = {"succeeded", "failed", "cancelled", "running", ""};

	CU_ASSERT_EQUAL(fog_job_path(path, sizeof(path), "a/b?c", "/logs"), 0);
	CU_ASSERT_STRING_EQUAL(path, "/v1/jobs/a%2Fb%3Fc/logs");
	CU_ASSERT(fog_job_path(tiny, sizeof(tiny), "0123456789", "") != 0);
	CU_ASSERT(fog_job_path(tiny, sizeof(tiny), "0", "/logs?x=y") != 0);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(states); i++) {
		json_t *job = json_pack("{s:s}", "state", states[i]);
		CU_ASSERT_EQUAL(fog_job_ended(job), i < 3);
		json_decref(job);
	}
}

FOG_TEST_MAIN("controlplane/cli/job", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_base64), FOG_TEST(test_stdin), FOG_TEST(test_path_and_state))
