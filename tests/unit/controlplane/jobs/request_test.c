/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/request.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#include "crypto/hash/hash.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int parse(const char *text, struct fog_job_request *out, char error[FOG_JSON_ERROR_SIZE])
{
	json_t *body = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	int rc = fog_job_request_parse(body, out, error);

	json_decref(body);
	return rc;
}

static void test_life_cycle(void)
{
	static const char body[] =
		"{\"argv\":[\"sort\",\"-n\"],\"env\":{\"B\":\"2\",\"A\":\"1\"},"
		"\"stdin_base64\":\"Zm9v\",\"inputs\":[{\"name\":\"x.txt\",\"data_base64\":\"\"}],"
		"\"limits\":{\"cpu_cores\":0.5,\"memory_mb\":32,\"wall_seconds\":9,\"output_mb\":2}"
		","
		"\"target\":\"h2\",\"constraints\":{\"exclude\":[\"h3\"],\"reputation_min\":0.25,"
		"\"attributes\":{\"country\":\"DE\",\"as\":64500}},\"price_cap\":77,"
		"\"name\":\"my job\",\"id\":\"a-1\"}";
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_request r;
	struct fog_job_wishes w;
	struct fog_job_spec *s;
	u8 hash[32];

	CU_ASSERT_EQUAL_FATAL(parse(body, &r, error), 0);
	CU_ASSERT_STRING_EQUAL(r.id, "a-1");
	CU_ASSERT_STRING_EQUAL(r.name, "my job");
	CU_ASSERT_EQUAL(r.input_count, 2);
	CU_ASSERT_EQUAL_FATAL(fog_job_spec_parse(r.spec_text, strlen(r.spec_text), &s, error), 0);
	CU_ASSERT_EQUAL(s->argv_count, 2);
	CU_ASSERT_STRING_EQUAL(s->argv[1], "-n");
	CU_ASSERT_STRING_EQUAL(s->env[0], "A=1");
	CU_ASSERT_STRING_EQUAL(s->env[1], "B=2");
	CU_ASSERT_STRING_EQUAL(s->stdin_name, "stdin");
	CU_ASSERT_EQUAL(s->limits.cpu_milli, 500);
	CU_ASSERT_EQUAL(s->limits.memory_bytes, 32u << 20);
	CU_ASSERT_EQUAL(s->limits.wall_ms, 9000);
	CU_ASSERT_EQUAL(s->limits.output_bytes, 2u << 20);
	CU_ASSERT_EQUAL(s->input[0].size, 3);
	fog_hash_sha256(hash, "foo", 3);
	CU_ASSERT_EQUAL(memcmp(hash, s->input[0].sha256, 32), 0);
	CU_ASSERT_EQUAL(fog_job_spec_input_size(s), 3);
	fog_job_spec_free(s);
	CU_ASSERT_EQUAL_FATAL(fog_job_wishes_parse(r.wishes_text, &w, error), 0);
	CU_ASSERT_STRING_EQUAL(w.target, "h2");
	CU_ASSERT_STRING_EQUAL(w.exclude[0], "h3");
	CU_ASSERT_EQUAL(w.equality_count, 2);
	CU_ASSERT_EQUAL(w.price_cap, 77);
	CU_ASSERT_DOUBLE_EQUAL(w.reputation_min, 0.25, 0);
	fog_job_request_free(&r);
}

/* The canonical text does not depend on the order in which things were written. */
static void test_canonical(void)
{
	struct fog_job_request a, b;
	char error[FOG_JSON_ERROR_SIZE];

	CU_ASSERT_EQUAL_FATAL(
		parse("{\"argv\":[\"x\"],\"env\":{\"A\":\"1\",\"B\":\"2\"}}", &a, error), 0);
	CU_ASSERT_EQUAL_FATAL(parse("{\"env\":{\"B\":\"2\",\"A\":\"1\"},\"argv\":[\"x\"],"
				    "\"limits\":{\"cpu_cores\":1},\"id\":null}",
				    &b, error),
			      0);
	CU_ASSERT_STRING_EQUAL(a.spec_text, b.spec_text);
	CU_ASSERT_STRING_EQUAL(a.wishes_text, "{}");
	CU_ASSERT_STRING_EQUAL(a.id, "");
	fog_job_request_free(&a);
	fog_job_request_free(&b);
}

static void test_bad_arguments(void)
{
	/* Text and the field the error starts with. */
	static const struct {
		const char *text, *field;
	} cases[] = {
		{"[]", "body: must be an object"},
		{"{}", "argv: missing"},
		{"{\"argv\":[]}", "argv: must be a list"},
		{"{\"argv\":[\"\"]}", "argv: the program has no name"},
		{"{\"argv\":[1]}", "argv: entry 0 must be text"},
		{"{\"argv\":[\"x\"],\"what\":1}", "what: unknown field"},
		{"{\"argv\":[\"x\"],\"env\":[]}", "env: must be an object"},
		{"{\"argv\":[\"x\"],\"env\":{\"A\":1}}", "env: A must be text"},
		{"{\"argv\":[\"x\"],\"env\":{\"1A\":\"\"}}", "env: entry 0 must be KEY=value"},
		{"{\"argv\":[\"x\"],\"limits\":{\"cpu_cores\":0}}", "limits.cpu_cores: must be"},
		{"{\"argv\":[\"x\"],\"limits\":{\"cpu_cores\":\"1\"}}",
		 "limits.cpu_cores: must be"},
		{"{\"argv\":[\"x\"],\"limits\":{\"memory_mb\":3}}", "limits.memory_mb: must be"},
		{"{\"argv\":[\"x\"],\"limits\":{\"wall_seconds\":0}}", "limits.wall_seconds: must"},
		{"{\"argv\":[\"x\"],\"limits\":{\"wall_seconds\":2592001}}",
		 "limits.wall_seconds:"},
		{"{\"argv\":[\"x\"],\"limits\":{\"output_mb\":9}}", "limits.output_mb: must be"},
		{"{\"argv\":[\"x\"],\"limits\":{\"gpu\":1}}", "limits.gpu: unknown field"},
		{"{\"argv\":[\"x\"],\"stdin_base64\":\"x\"}", "stdin_base64: is not base64"},
		{"{\"argv\":[\"x\"],\"stdin_base64\":7}", "stdin_base64: must be base64 text"},
		{"{\"argv\":[\"x\"],\"inputs\":[{\"name\":\"../x\",\"data_base64\":\"\"}]}",
		 "inputs: entry 0: name"},
		{"{\"argv\":[\"x\"],\"inputs\":[{\"name\":\".x\",\"data_base64\":\"\"}]}",
		 "inputs: entry 0: name"},
		{"{\"argv\":[\"x\"],\"stdin_base64\":\"\","
		 "\"inputs\":[{\"name\":\"stdin\",\"data_base64\":\"\"}]}",
		 "inputs: a name is given twice"},
		{"{\"argv\":[\"x\"],\"target\":\"a b\"}", "target: must be"},
		{"{\"argv\":[\"x\"],\"target\":\"\"}", "target: must be"},
		{"{\"argv\":[\"x\"],\"price_cap\":0}", "price_cap: must be"},
		{"{\"argv\":[\"x\"],\"id\":\"a/b\"}", "id: must be 1 to 64"},
		{"{\"argv\":[\"x\"],\"id\":\"..\"}", "id: must be 1 to 64"},
		{"{\"argv\":[\"x\"],\"constraints\":{\"reputation_min\":2}}",
		 "constraints.reputation_min: must be"},
		{"{\"argv\":[\"x\"],\"constraints\":{\"attributes\":{\"colour\":\"x\"}}}",
		 "constraints.attributes: no attribute \"colour\""},
		{"{\"argv\":[\"x\"],\"constraints\":{\"exclude\":[7]}}",
		 "constraints.exclude: entry 0"},
		{"{\"argv\":[\"x\"],\"constraints\":{\"near\":\"me\"}}",
		 "constraints.near: unknown"},
		{"{\"argv\":[\"x\"],\"checkpoint\":7}", "checkpoint: must be true, false"},
		{"{\"argv\":[\"x\"],\"checkpoint\":true,\"inputs\":[{\"name\":\"checkpoint.tar\","
		 "\"sha256\":\"" HASH "\"}]}",
		 "inputs: checkpoint.tar is the name of the checkpoint"},
		{"{\"argv\":[\"x\"],\"inputs\":[{\"name\":\"a\",\"data_base64\":\"\"},"
		 "{\"name\":\"a\",\"sha256\":\"" HASH "\"}]}",
		 "inputs: a is given twice"},
		{"{\"argv\":[\"x\"],\"inputs\":[{\"name\":\"a\",\"sha256\":\"" HASH "\"},"
		 "{\"name\":\"a\",\"sha256\":\"" HASH "\"}]}",
		 "inputs: a is given twice"},
		{"{\"argv\":[\"x\"],\"checkpoint\":{\"size_mb\":257}}", "checkpoint.size_mb:"},
		{"{\"argv\":[\"x\"],\"checkpoint\":{\"grace_seconds\":0}}",
		 "checkpoint.grace_seconds:"},
		{"{\"argv\":[\"x\"],\"checkpoint\":{\"exit_code\":256}}", "checkpoint.exit_code:"},
		{"{\"argv\":[\"x\"],\"checkpoint\":{\"often\":1}}", "checkpoint.often: unknown"},
		{"{\"argv\":[\"x\"],\"checkpoint\":true,\"env\":{\"FOG_RESTART\":\"1\"}}",
		 "env: FOG_CHECKPOINT.. and FOG_RESTART"},
		{"{\"argv\":[\"x\"],\"checkpoint\":true,\"inputs\":[{\"name\":"
		 "\"checkpoint.tar\",\"data_base64\":\"\"}]}",
		 "inputs: checkpoint.tar is the name"},
		{"{\"argv\":[\"x\"],\"checkpoint\":{\"exit_code\":0},\"engine\":\"microvm\"}",
		 "checkpoint.exit_code: engine microvm"},
		{"{\"argv\":[\"x\"],\"on_timeout\":\"resume\"}", "on_timeout: a job without"},
		{"{\"argv\":[\"x\"],\"on_timeout\":\"never\"}", "on_timeout: must be fail"},
		{"{\"argv\":[\"x\"],\"artifacts\":[\"../x\"]}", "artifacts.patterns: entry 0"},
		{"{\"argv\":[\"x\"],\"artifacts\":[\"/etc/passwd\"]}",
		 "artifacts.patterns: entry 0"},
		{"{\"argv\":[\"x\"],\"artifacts\":[7]}", "artifacts.patterns: entry 0"},
		{"{\"argv\":[\"x\"],\"artifacts\":\"x\"}", "artifacts: must be a list"},
		{"{\"argv\":[\"x\"],\"artifacts\":[\"x\"],\"limits\":{\"artifacts_mb\":257}}",
		 "limits.artifacts_mb:"},
		{"{\"argv\":[\"x\"],\"inputs\":[{\"name\":\"a\",\"sha256\":\"00\"}]}",
		 "inputs: a: sha256 must be 64 hex digits"},
	};
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_request r;

	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(parse(cases[i].text, &r, error), -EINVAL);
		if (strncmp(error, cases[i].field, strlen(cases[i].field)) != 0) {
			printf("\ncase %u: \"%s\"\n", i, error);
			CU_FAIL("another error");
		}
	}
}

/* What a job leaves behind: in the spec, for the worker. */
static void test_leavings(void)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_request r;
	struct fog_job_wishes w;
	struct fog_job_spec *s;

	CU_ASSERT_EQUAL_FATAL(parse("{\"argv\":[\"x\"],\"checkpoint\":{\"interval_seconds\":5},"
				    "\"on_timeout\":\"resume\",\"artifacts\":[\"/work/a\",\"b/*\"],"
				    "\"limits\":{\"artifacts_mb\":2}}",
				    &r, error),
			      0);
	CU_ASSERT_EQUAL_FATAL(fog_job_spec_parse(r.spec_text, strlen(r.spec_text), &s, error), 0);
	CU_ASSERT_EQUAL(s->checkpoint.bytes_max, 16u << 20);
	CU_ASSERT_EQUAL(s->limits.checkpoint_bytes, 16u << 20);
	CU_ASSERT_EQUAL(s->checkpoint.interval_ms, 5000);
	CU_ASSERT_EQUAL(s->checkpoint.grace_ms, 10000);
	CU_ASSERT_EQUAL(s->checkpoint.exit_code, 85);
	CU_ASSERT_EQUAL(s->checkpoint.restart, 0);
	CU_ASSERT_PTR_NULL(fog_job_spec_restored(s));
	CU_ASSERT_EQUAL(s->artifact_count, 2);
	CU_ASSERT_EQUAL(s->limits.artifact_bytes, 2u << 20);
	fog_job_spec_free(s);
	CU_ASSERT_EQUAL(fog_job_wishes_parse(r.wishes_text, &w, error), 0);
	CU_ASSERT_TRUE(w.terms.resume_timeout);
	fog_job_request_free(&r);
	CU_ASSERT_EQUAL_FATAL(
		parse("{\"argv\":[\"x\"],\"checkpoint\":false,\"artifacts\":[]}", &r, error), 0);
	CU_ASSERT_PTR_NULL(strstr(r.spec_text, "checkpoint"));
	CU_ASSERT_PTR_NULL(strstr(r.spec_text, "artifacts"));
	fog_job_request_free(&r);
}

/* Inputs known by their hash are no inputs yet: their bytes come when the job is taken. */
static void test_by_hash(void)
{
	char text[160], error[FOG_JSON_ERROR_SIZE];
	struct fog_job_request r;
	struct fog_job_wishes w;

	snprintf(text, sizeof(text),
		 "{\"argv\":[\"x\"],\"inputs\":[{\"name\":\"a\",\"sha256\":\"%064d\"},"
		 "{\"name\":\"b\",\"data_base64\":\"\"}]}",
		 7);
	CU_ASSERT_EQUAL_FATAL(parse(text, &r, error), 0);
	CU_ASSERT_EQUAL(r.input_count, 1);
	CU_ASSERT_EQUAL_FATAL(fog_job_wishes_parse(r.wishes_text, &w, error), 0);
	CU_ASSERT_EQUAL(w.from_count, 1);
	CU_ASSERT_STRING_EQUAL(w.from[0].name, "a");
	CU_ASSERT_STRING_EQUAL(w.from[0].job, "");
	CU_ASSERT_EQUAL(w.from[0].sha256[31], 7);
	fog_job_request_free(&r);
}

static void test_spec_too_large(void)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_request r;
	char *text = malloc(FOG_JOB_SPEC_MAX + 64);

	memset(text, 'x', FOG_JOB_SPEC_MAX + 63);
	memcpy(text, "{\"argv\":[\"", 10);
	memcpy(text + FOG_JOB_SPEC_MAX + 60, "\"]}", 4);
	CU_ASSERT_EQUAL(parse(text, &r, error), -EINVAL);
	CU_ASSERT_STRING_EQUAL(error, "spec: larger than 65536 bytes");
	free(text);
}

static void test_host_matches(void)
{
	struct fog_placement_host h = {.name = "lab1", .local = true};

	memset(h.id, 0xab, sizeof(h.id));
	CU_ASSERT_TRUE(fog_job_host_matches("self", &h));
	CU_ASSERT_TRUE(fog_job_host_matches("lab1", &h));
	CU_ASSERT_TRUE(fog_job_host_matches("abababab", &h));
	CU_ASSERT_FALSE(fog_job_host_matches("abab", &h));
	CU_ASSERT_FALSE(fog_job_host_matches("abababac", &h));
	CU_ASSERT_FALSE(fog_job_host_matches("lab", &h));
	h.local = false;
	CU_ASSERT_FALSE(fog_job_host_matches("self", &h));
}

/* Of a text of nearly FOG_JOB_SPEC_MAX: a job that goes on from checkpoints needs room in it. */
static void test_room(void)
{
	static const struct {
		const char *rest;
		u32 room;
	} cases[] = {
		{"}", 0},
		{",\"checkpoint\":true}", FOG_JOB_SPEC_ROOM},
		{",\"inputs\":[{\"name\":\"a\",\"sha256\":\"" HASH "\"}]}", FOG_JOB_SPEC_ROOM},
		{",\"checkpoint\":true,\"inputs\":[{\"name\":\"a\",\"sha256\":\"" HASH "\"}]}",
		 2 * FOG_JOB_SPEC_ROOM},
	};
	static char text[FOG_JOB_SPEC_MAX + 512], long_word[FOG_JOB_SPEC_MAX];
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_request r;

	memset(long_word, 'x', sizeof(long_word) - 1);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		snprintf(text, sizeof(text), "{\"argv\":[\"x\"]%s", cases[i].rest);
		CU_ASSERT_EQUAL_FATAL(parse(text, &r, error), 0);
		int most = (int)(FOG_JOB_SPEC_MAX - cases[i].room - strlen(r.spec_text) + 1);
		fog_job_request_free(&r);
		for (int over = 0; over < 2; over++) {
			snprintf(text, sizeof(text), "{\"argv\":[\"%.*s\"]%s", most + over,
				 long_word, cases[i].rest);
			CU_ASSERT_EQUAL(parse(text, &r, error), over == 0 ? 0 : -EINVAL);
			if (over == 0)
				fog_job_request_free(&r);
			else
				CU_ASSERT_PTR_NOT_NULL(strstr(error, "spec: larger than"));
		}
	}
}

FOG_TEST_MAIN("controlplane/jobs/request", FOG_TEST(test_life_cycle), FOG_TEST(test_room),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_canonical), FOG_TEST(test_leavings),
	      FOG_TEST(test_by_hash), FOG_TEST(test_spec_too_large), FOG_TEST(test_host_matches))
