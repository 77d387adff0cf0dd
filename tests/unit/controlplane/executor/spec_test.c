/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <time.h>

#include "controlplane/executor/spec.h"
#include "tests/unit/fog_test.h"

#define LIMITS                                                                                   \
	"\"limits\":{\"cpu_cores\":1.5,\"memory_bytes\":67108864,\"pids\":64,\"wall_ms\":60000," \
	"\"cpu_ms\":null,\"output_bytes\":16777216,\"disk_bytes\":1048576}"
#define ARGV "\"argv\":[\"/bin/sh\",\"-c\",\"true\"]"
#define HEAD "\"job\":\"j1\","

static int parse(const char *text, char *error)
{
	struct fog_spec *s = NULL;

	error[0] = '\0';
	int ret = fog_spec_parse(text, strlen(text), &s, error, 256);
	if (ret == 0)
		fog_spec_free(s);
	return ret;
}

static struct fog_executor_spec example(void)
{
	static const char *const argv[] = {"/bin/echo", "ä\"\\\n", ""};
	static const char *const env[] = {"A=1", "B_2=x=y", "C="};

	return (struct fog_executor_spec){
		.job = "a-B_c.9",
		.argv = argv,
		.argv_count = 3,
		.env = env,
		.env_count = 3,
		.stdin_name = "in.txt",
		.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		.network = true,
		.require = FOG_EXECUTOR_REQUIRE_LANDLOCK | FOG_EXECUTOR_REQUIRE_PIDS,
		.limits = {.cpu_cores = 0.25,
			   .memory_bytes = FOG_EXECUTOR_MEMORY_MAX,
			   .pids = 7,
			   .wall_ms = 1,
			   .cpu_ms = 9,
			   .output_bytes = 0,
			   .disk_bytes = 3},
	};
}

static void test_life_cycle(void)
{
	struct fog_executor_spec in = example();
	struct fog_spec *s = NULL;
	char error[256];
	char *text = NULL;

	CU_ASSERT_EQUAL_FATAL(fog_spec_emit(&in, &text), 0);
	CU_ASSERT_EQUAL_FATAL(fog_spec_parse(text, strlen(text), &s, error, sizeof(error)), 0);
	CU_ASSERT_STRING_EQUAL(s->spec.job, in.job);
	CU_ASSERT_STRING_EQUAL(s->spec.engine, "native");
	CU_ASSERT_EQUAL(s->spec.argv_count, in.argv_count);
	for (size_t i = 0; i < in.argv_count; i++)
		CU_ASSERT_STRING_EQUAL(s->spec.argv[i], in.argv[i]);
	CU_ASSERT_PTR_NULL(s->argv[in.argv_count]);
	CU_ASSERT_EQUAL_FATAL(s->spec.env_count, in.env_count);
	for (size_t i = 0; i < in.env_count; i++)
		CU_ASSERT_STRING_EQUAL(s->spec.env[i], in.env[i]);
	CU_ASSERT_PTR_NULL(s->env[in.env_count]);
	CU_ASSERT_STRING_EQUAL(s->spec.stdin_name, in.stdin_name);
	CU_ASSERT_STRING_EQUAL(s->spec.traceparent, in.traceparent);
	CU_ASSERT_EQUAL(memcmp(&s->spec.limits, &in.limits, sizeof(in.limits)), 0);
	CU_ASSERT_TRUE(s->spec.network);
	CU_ASSERT_EQUAL(s->spec.require, in.require);
	fog_spec_free(s);
	fog_spec_free(NULL);
	free(text);
}

static void test_defaults(void)
{
	const char *text = "{" HEAD ARGV "," LIMITS "}";
	struct fog_spec *s = NULL;
	char error[256];

	CU_ASSERT_EQUAL_FATAL(fog_spec_parse(text, strlen(text), &s, error, sizeof(error)), 0);
	CU_ASSERT_EQUAL(s->spec.require, FOG_EXECUTOR_REQUIRE_DEFAULT);
	CU_ASSERT_FALSE(s->spec.network);
	CU_ASSERT_PTR_NULL(s->spec.stdin_name);
	CU_ASSERT_EQUAL(s->spec.env_count, 0);
	CU_ASSERT_EQUAL(s->spec.limits.cpu_ms, 0);
	fog_spec_free(s);
}

/* Every bad spec is refused with a text that names the key. */
static void test_bad_specs(void)
{
	static const struct {
		int number;
		const char *text;
		const char *names;
	} cases[] = {
		{1, "", "spec: line"},
		{2, "[]", "spec: must be an object"},
		{3, "{", "spec: line"},
		{4, "{" HEAD ARGV "," LIMITS "} x", "spec: line"},
		{5, "{" ARGV "," LIMITS "}", "job:"},
		{6, "{\"job\":1," ARGV "," LIMITS "}", "job:"},
		{7, "{\"job\":\"\"," ARGV "," LIMITS "}", "job:"},
		{8, "{\"job\":\"..\"," ARGV "," LIMITS "}", "job:"},
		{9, "{\"job\":\"../x\"," ARGV "," LIMITS "}", "job:"},
		{10, "{\"job\":\"a b\"," ARGV "," LIMITS "}", "job:"},
		{11,
		 "{\"job\":"
		 "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"," ARGV
		 "," LIMITS "}",
		 "job:"},
		{12, "{" HEAD LIMITS "}", "argv:"},
		{13, "{" HEAD "\"argv\":\"ls\"," LIMITS "}", "argv:"},
		{14, "{" HEAD "\"argv\":[]," LIMITS "}", "argv:"},
		{15, "{" HEAD "\"argv\":[\"a\",1]," LIMITS "}", "argv[1]:"},
		{16, "{" HEAD "\"argv\":[\"\"]," LIMITS "}", "argv[0]:"},
		{17, "{" HEAD "\"argv\":[\"a\\u0000b\"]," LIMITS "}", "spec: line"},
		{18, "{" HEAD ARGV ",\"env\":[]," LIMITS "}", "env:"},
		{19, "{" HEAD ARGV ",\"env\":{\"A\":1}," LIMITS "}", "env.A:"},
		{20, "{" HEAD ARGV ",\"env\":{\"A=B\":\"1\"}," LIMITS "}", "env:"},
		{21, "{" HEAD ARGV ",\"env\":{\"1A\":\"1\"}," LIMITS "}", "env:"},
		{22, "{" HEAD ARGV ",\"env\":{\"\":\"1\"}," LIMITS "}", "env:"},
		{23, "{" HEAD ARGV ",\"stdin\":5," LIMITS "}", "stdin:"},
		{24, "{" HEAD ARGV ",\"stdin\":\"\"," LIMITS "}", "stdin:"},
		{25, "{" HEAD ARGV ",\"stdin\":\"../../etc/shadow\"," LIMITS "}", "stdin:"},
		{26, "{" HEAD ARGV ",\"stdin\":\"/etc/shadow\"," LIMITS "}", "stdin:"},
		{27, "{" HEAD ARGV ",\"stdin\":\"..\"," LIMITS "}", "stdin:"},
		{28, "{" HEAD ARGV "}", "limits:"},
		{29, "{" HEAD ARGV ",\"limits\":[]}", "limits:"},
		{30, "{" HEAD ARGV ",\"limits\":{}}", "limits.cpu_cores:"},
		{31, "{" HEAD ARGV ",\"network\":1," LIMITS "}", "network:"},
		{32, "{" HEAD ARGV ",\"netwrok\":false," LIMITS "}", "netwrok: unknown"},
		{33, "{" HEAD ARGV ",\"engine\":7," LIMITS "}", "engine:"},
		{34, "{" HEAD ARGV ",\"engine\":\"0123456789abcdef\"," LIMITS "}", "engine:"},
		{35, "{" HEAD ARGV ",\"require\":\"seccomp\"," LIMITS "}", "require:"},
		{36, "{" HEAD ARGV ",\"require\":[\"sekkomp\"]," LIMITS "}", "require[0]:"},
		{37, "{" HEAD ARGV ",\"require\":[\"seccomp\",3]," LIMITS "}", "require[1]:"},
		{38, "{" HEAD ARGV "," ARGV "," LIMITS "}", "spec: line"},
		{39, "{" HEAD ARGV "," LIMITS ",\"job\":\"j2\"}", "spec: line"},
		{40, "{" HEAD ARGV ",\"traceparent\":\"00\"," LIMITS "}", "traceparent:"},
		{41, "{" HEAD ARGV ",\"traceparent\":1," LIMITS "}", "traceparent:"},
	};
	char error[256];

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		int ret = parse(cases[i].text, error);
		if (ret != -EINVAL || strstr(error, cases[i].names) != error)
			printf("\n  case %d: %d \"%s\"\n", cases[i].number, ret, error);
		CU_ASSERT_EQUAL(ret, -EINVAL);
		CU_ASSERT_PTR_EQUAL(strstr(error, cases[i].names), error);
	}
}

/* Each limit at its edges, one past them, and of a wrong type. */
static void test_limits(void)
{
	static const struct {
		int number;
		const char *key;
		const char *value;
		int want;
	} cases[] = {
		{1, "cpu_cores", "0.01", 0},
		{2, "cpu_cores", "4096", 0},
		{3, "cpu_cores", "0.009", -EINVAL},
		{4, "cpu_cores", "4096.1", -EINVAL},
		{5, "cpu_cores", "-1", -EINVAL},
		{6, "cpu_cores", "\"1\"", -EINVAL},
		{7, "cpu_cores", "1e999", -EINVAL},
		{8, "memory_bytes", "4194304", 0},
		{9, "memory_bytes", "4194303", -EINVAL},
		{10, "memory_bytes", "1125899906842624", 0},
		{11, "memory_bytes", "1125899906842625", -EINVAL},
		{12, "memory_bytes", "9223372036854775808", -EINVAL},
		{13, "memory_bytes", "67108864.0", -EINVAL},
		{14, "pids", "1", 0},
		{15, "pids", "0", -EINVAL},
		{16, "pids", "32768", 0},
		{17, "pids", "32769", -EINVAL},
		{18, "pids", "4294967297", -EINVAL},
		{19, "wall_ms", "1", 0},
		{20, "wall_ms", "0", -EINVAL},
		{21, "wall_ms", "null", -EINVAL},
		{22, "wall_ms", "2592000000", 0},
		{23, "wall_ms", "2592000001", -EINVAL},
		{24, "cpu_ms", "0", 0},
		{25, "cpu_ms", "-1", -EINVAL},
		{26, "output_bytes", "0", 0},
		{27, "output_bytes", "1073741824", 0},
		{28, "output_bytes", "1073741825", -EINVAL},
		{29, "disk_bytes", "null", 0},
		{30, "disk_bytes", "true", -EINVAL},
		{31, "memory_byte", "67108864", -EINVAL},
	};
	static const char *const base[][2] = {
		{"cpu_cores", "1"}, {"memory_bytes", "67108864"}, {"pids", "9"},
		{"wall_ms", "5"},   {"output_bytes", "5"},
	};
	char text[1024];
	char error[256];

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		int n = snprintf(text, sizeof(text), "{" HEAD ARGV ",\"limits\":{\"%s\":%s",
				 cases[i].key, cases[i].value);
		for (size_t b = 0; b < FOG_ARRAY_COUNT(base); b++)
			if (strcmp(base[b][0], cases[i].key) != 0)
				n += snprintf(text + n, sizeof(text) - (size_t)n, ",\"%s\":%s",
					      base[b][0], base[b][1]);
		snprintf(text + n, sizeof(text) - (size_t)n, "}}");
		int ret = parse(text, error);
		if (ret != cases[i].want)
			printf("\n  case %d: %d \"%s\"\n", cases[i].number, ret, error);
		CU_ASSERT_EQUAL(ret, cases[i].want);
	}
}

/* Counts and sizes of strings at the edge and one past it. */
static void test_sizes(void)
{
	static const char *argv[FOG_EXECUTOR_ARGS_MAX + 1];
	static char names[FOG_EXECUTOR_ENV_MAX + 1][16];
	static const char *env[FOG_EXECUTOR_ENV_MAX + 1];
	static char big[FOG_EXECUTOR_STRINGS_MAX + 1];
	struct fog_executor_spec in = example();
	char error[256];
	char *text;

	for (size_t i = 0; i <= FOG_EXECUTOR_ARGS_MAX; i++)
		argv[i] = "a";
	for (size_t i = 0; i <= FOG_EXECUTOR_ENV_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "V%zu=", i);
		env[i] = names[i];
	}
	in.argv = argv;
	in.env = env;
	in.argv_count = FOG_EXECUTOR_ARGS_MAX;
	in.env_count = FOG_EXECUTOR_ENV_MAX;
	CU_ASSERT_EQUAL_FATAL(fog_spec_emit(&in, &text), 0);
	CU_ASSERT_EQUAL(parse(text, error), 0);
	free(text);
	in.argv_count++;
	CU_ASSERT_EQUAL(fog_spec_emit(&in, &text), -EINVAL);
	in.argv_count = 1;
	in.env_count++;
	CU_ASSERT_EQUAL(fog_spec_emit(&in, &text), -EINVAL);
	in.env_count = 0;
	// Alone in argv, with its NUL exactly the limit.
	memset(big, '"', sizeof(big));
	big[FOG_EXECUTOR_STRINGS_MAX - 1] = '\0';
	argv[0] = big;
	CU_ASSERT_EQUAL_FATAL(fog_spec_emit(&in, &text), 0);
	CU_ASSERT_EQUAL(parse(text, error), 0);
	free(text);
	big[FOG_EXECUTOR_STRINGS_MAX - 1] = '"';
	big[FOG_EXECUTOR_STRINGS_MAX] = '\0';
	CU_ASSERT_EQUAL_FATAL(fog_spec_emit(&in, &text), 0);
	CU_ASSERT_EQUAL(parse(text, error), -EINVAL);
	free(text);
}

static void test_bad_structs(void)
{
	static const char *const twice[] = {"A=1", "A=2"};
	static const char *const bare[] = {"A"};
	static const char *const latin[] = {"\xe4"};
	struct fog_executor_spec in;
	char *text;

	in = example();
	in.job = NULL;
	CU_ASSERT_EQUAL(fog_spec_emit(&in, &text), -EINVAL);
	in = example();
	in.argv = NULL;
	CU_ASSERT_EQUAL(fog_spec_emit(&in, &text), -EINVAL);
	in = example();
	in.argv = latin;
	in.argv_count = 1;
	CU_ASSERT_EQUAL(fog_spec_emit(&in, &text), -EINVAL);
	in = example();
	in.env = twice;
	in.env_count = 2;
	CU_ASSERT_EQUAL(fog_spec_emit(&in, &text), -EINVAL);
	in = example();
	in.env = bare;
	in.env_count = 1;
	CU_ASSERT_EQUAL(fog_spec_emit(&in, &text), -EINVAL);
	in = example();
	in.limits.cpu_cores = 0.0 / 0.0;
	CU_ASSERT_EQUAL(fog_spec_emit(&in, &text), -EINVAL);
}

/* Damaged specs never crash the parser, and what still parses obeys the limits. */
static void test_random_damage(void)
{
	const char *seed_text = getenv("FOG_SEED");
	unsigned seed =
		seed_text != NULL ? (unsigned)strtoul(seed_text, NULL, 0) : (unsigned)time(NULL);
	struct fog_executor_spec in = example();
	char error[256];
	char *text = NULL;

	printf(" seed %u ", seed);
	CU_ASSERT_EQUAL_FATAL(fog_spec_emit(&in, &text), 0);
	size_t len = strlen(text);
	char *copy = malloc(len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	for (int round = 0; round < 5000; round++) {
		struct fog_spec *s = NULL;
		size_t part = len - (rand_r(&seed) % 4 == 0 ? (size_t)rand_r(&seed) % len : 0);
		memcpy(copy, text, part);
		for (int hits = rand_r(&seed) % 4; hits >= 0; hits--)
			copy[(size_t)rand_r(&seed) % part] = (char)rand_r(&seed);
		int ret = fog_spec_parse(copy, part, &s, error, sizeof(error));
		if (ret < 0) {
			CU_ASSERT_EQUAL(ret, -EINVAL);
			continue;
		}
		CU_ASSERT_TRUE(fog_spec_job_valid(s->spec.job));
		CU_ASSERT_TRUE(s->spec.limits.pids >= 1 && s->spec.limits.pids <= 32768);
		CU_ASSERT_TRUE(s->spec.limits.wall_ms <= FOG_EXECUTOR_WALL_MS_MAX);
		fog_spec_free(s);
	}
	free(copy);
	free(text);
}

FOG_TEST_MAIN("controlplane/executor/spec", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_specs),
	      FOG_TEST(test_defaults), FOG_TEST(test_limits), FOG_TEST(test_sizes),
	      FOG_TEST(test_bad_structs), FOG_TEST(test_random_damage))
