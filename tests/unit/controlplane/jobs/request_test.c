/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/request.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#include "crypto/hash/hash.h"

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

FOG_TEST_MAIN("controlplane/jobs/request", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_canonical), FOG_TEST(test_spec_too_large), FOG_TEST(test_host_matches))
