/* SPDX-License-Identifier: BSD-3-Clause */
/* What an enclave may be: bodies of a create, good, bad and at random; secrets; names. Runs are in
 * enclave_test.c. */
#include "controlplane/daemon/enclave_run.h"

#include <errno.h>

#include "controlplane/proofs/archive.h"
#include "crypto/cpu.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"
#include "tests/unit/fog_test.h"

static struct fog_enclave_program program;
static char why[FOG_TEE_WHY_SIZE];
static u8 part; /* what the host's files hold */

int fog_host_file_hash(const char *path, u8 out[32])
{
	memset(out, part, 32);
	return 0;
}

int fog_proof_archive_put(struct fog_store *st, const struct fog_proof *p, u64 now_s)
{
	return 0;
}

static int read_text(const char *text)
{
	static char *names[] = {(char *)"wasm", (char *)"microvm"};
	static const struct fog_config_list engines = {.items = names, .count = 2};
	json_t *body = json_loads(text, JSON_ALLOW_NUL, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(body);
	fog_enclave_program_wipe(&program);
	int rc = fog_enclave_program_read(&program, body, &engines, why);
	json_decref(body);
	return rc;
}

static void test_life_cycle(void)
{
	u8 config[32], code[32];

	CU_ASSERT_EQUAL_FATAL(fog_crypto_init(), 0);
	CU_ASSERT_EQUAL(read_text("{\"code\":\"echo\"}"), 0);
	CU_ASSERT_STRING_EQUAL(program.engine, "native");
	CU_ASSERT_EQUAL(program.memory_mb, FOG_ENCLAVE_MEMORY);
	CU_ASSERT_EQUAL(program.wall_s, FOG_ENCLAVE_WALL_S);
	CU_ASSERT_EQUAL(program.cpu, 1);
	CU_ASSERT_EQUAL(json_array_size(program.argv), 2);
	fog_hash_sha256(code, "echo", 4);
	CU_ASSERT_EQUAL(memcmp(code, program.code_sha256, 32), 0);
	memcpy(config, program.config_sha256, 32);
	/* The defaults written out, and the code in hex, are the same enclave. */
	CU_ASSERT_EQUAL(
		read_text("{\"config\":{\"wall_seconds\":60,\"encoding\":\"hex\",\"memory_mb\":512,"
			  "\"env\":[],\"argv\":[\"/bin/sh\",\"/input/code\"],\"cpu_cores\":1},"
			  "\"code\":\"6563686f\"}"),
		0);
	CU_ASSERT_EQUAL(memcmp(config, program.config_sha256, 32), 0);
	CU_ASSERT_EQUAL(memcmp(code, program.code_sha256, 32), 0);
}

/* Every member of the configuration is measured. */
static void test_measured(void)
{
	static const char *const others[] = {
		"\"memory_mb\":64",
		"\"cpu_cores\":2",
		"\"wall_seconds\":61",
		"\"argv\":[\"/bin/sh\"]",
		"\"env\":[\"A=1\"]",
		"\"engine\":\"wasm\"",
		"\"argv\":[\"/bin/sh\",\"/input/code\",\"\"]",
	};
	u8 seen[FOG_ARRAY_COUNT(others) + 1][32];
	char text[256];

	CU_ASSERT_EQUAL(read_text("{\"code\":\"x\"}"), 0);
	memcpy(seen[0], program.config_sha256, 32);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(others); i++) {
		snprintf(text, sizeof(text), "{\"code\":\"x\",\"config\":{%s}}", others[i]);
		CU_ASSERT_EQUAL(read_text(text), 0);
		memcpy(seen[i + 1], program.config_sha256, 32);
		for (size_t j = 0; j <= i; j++)
			CU_ASSERT_NOT_EQUAL(memcmp(seen[i + 1], seen[j], 32), 0);
	}
}

/* A machine's QEMU and kernel are part of what is launched. */
static void test_parts(void)
{
	u8 before[32], digest[32];
	static const u8 none[32];

	CU_ASSERT_EQUAL(read_text("{\"code\":\"x\",\"config\":{\"engine\":\"wasm\"}}"), 0);
	CU_ASSERT_EQUAL(memcmp(program.parts_sha256, none, 32), 0);
	part = 1;
	int rc = read_text("{\"code\":\"x\",\"config\":{\"engine\":\"microvm\"}}");
	if (rc == -ENOENT) {
		printf("\n  no virtual machines here: %s ", why);
		return;
	}
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(program.argv, 0)), "/input/code");
	memcpy(before, program.config_sha256, 32);
	memcpy(digest, program.parts_sha256, 32);
	part = 2;
	CU_ASSERT_EQUAL(read_text("{\"code\":\"x\",\"config\":{\"engine\":\"microvm\"}}"), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(before, program.config_sha256, 32), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(digest, program.parts_sha256, 32), 0);
}

static void test_bad_arguments(void)
{
	static const char *const bad[] = {
		"{}",
		"{\"code\":null}",
		"{\"code\":7}",
		"{\"code\":\"\"}",
		"{\"code\":\"6\",\"config\":{\"encoding\":\"hex\"}}",
		"{\"code\":\"zz\",\"config\":{\"encoding\":\"hex\"}}",
		"{\"code\":\"x\",\"config\":{\"engine\":\"oci\"}}", /* not offered here */
		"{\"code\":\"x\",\"config\":{\"engine\":\"slurm\"}}",
		"{\"code\":\"x\",\"config\":{\"engine\":\"\"}}",
		"{\"code\":\"x\",\"config\":{\"argv\":[]}}",
		"{\"code\":\"x\",\"config\":{\"argv\":[7]}}",
		"{\"code\":\"x\",\"config\":{\"argv\":[\"a\\u0000b\"]}}",
		"{\"code\":\"x\",\"config\":{\"env\":[null]}}",
	};

	for (size_t i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		int rc = read_text(bad[i]);
		if (rc != -EINVAL || why[0] == '\0')
			printf("\n  case %zu: %d %s\n", i, rc, why);
		CU_ASSERT_EQUAL(rc, -EINVAL);
		CU_ASSERT_NOT_EQUAL(why[0], '\0');
	}
	fog_enclave_program_wipe(&program);
	fog_enclave_run_end(NULL);
}

static void test_names(void)
{
	static const char *const good[] = {"key", "a", "api.key", "A-b_c.9"};
	static const char *const bad[] = {"",    ".",   "..",  ".x",       "code", "stdin",
					  "a/b", "a b", "a\n", "\xc3\xa4", "a;b"};
	char longest[65];

	for (size_t i = 0; i < FOG_ARRAY_COUNT(good); i++)
		CU_ASSERT_TRUE(fog_enclave_name_valid(good[i]));
	for (size_t i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		CU_ASSERT_FALSE(fog_enclave_name_valid(bad[i]));
	memset(longest, 'a', sizeof(longest));
	longest[64] = '\0';
	CU_ASSERT_FALSE(fog_enclave_name_valid(longest));
	longest[63] = '\0';
	CU_ASSERT_TRUE(fog_enclave_name_valid(longest));
}

static u8 *secret(const char *value)
{
	u8 *data = fog_secret_alloc(strlen(value));

	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	memcpy(data, value, strlen(value));
	return data;
}

static void test_secrets(void)
{
	char name[16];

	CU_ASSERT_EQUAL(read_text("{\"code\":\"x\"}"), 0);
	for (u32 i = 0; i < FOG_ENCLAVE_SECRETS_MAX; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		CU_ASSERT_EQUAL(fog_enclave_secret_add(&program, name, secret("one"), 3, why), 0);
	}
	u8 *more = secret("more");
	CU_ASSERT_EQUAL(fog_enclave_secret_add(&program, "s99", more, 4, why), -ENOSPC);
	fog_secret_free(more);
	/* One of the same name takes its place. */
	CU_ASSERT_EQUAL(fog_enclave_secret_add(&program, "s3", secret("three"), 5, why), 0);
	CU_ASSERT_EQUAL(program.secret_count, FOG_ENCLAVE_SECRETS_MAX);
	CU_ASSERT_EQUAL(program.secret[3].size, 5);
	fog_enclave_program_wipe(&program);
	CU_ASSERT_EQUAL(program.secret_count, 0);
	CU_ASSERT_PTR_NULL(program.code);
}

/* Anything in any place: read or refused, nothing lost. */
static void test_random(void)
{
	static const char *const values[] = {"null",
					     "7",
					     "-1",
					     "\"x\"",
					     "[]",
					     "{}",
					     "[\"a\"]",
					     "[[]]",
					     "true",
					     "1e9",
					     "\"hex\"",
					     "\"microvm\"",
					     "18446744073709551615"};
	static const char *const names[] = {"engine",       "argv",      "env",
					    "encoding",     "memory_mb", "cpu_cores",
					    "wall_seconds", "name",      "x"};
	const char *given = getenv("FOG_SEED");
	u64 seed = given != NULL ? strtoull(given, NULL, 0) : 11;
	struct fog_rng rng;
	char text[1024];

	printf("seed %llu ", (unsigned long long)seed);
	fog_rng_init_u64(&rng, seed);
	for (u32 round = 0; round < 3000; round++) {
		json_t *o = json_object(), *config = json_object();
		for (u64 i = fog_rng_below(&rng, 6); i > 0; i--)
			json_object_set_new(
				config, names[fog_rng_below(&rng, FOG_ARRAY_COUNT(names))],
				json_loads(values[fog_rng_below(&rng, FOG_ARRAY_COUNT(values))],
					   JSON_DECODE_ANY, NULL));
		json_object_set_new(o, "code", json_string("6563"));
		json_object_set_new(o, "config", config);
		char *body = json_dumps(o, JSON_COMPACT);
		snprintf(text, sizeof(text), "%s", body);
		free(body);
		json_decref(o);
		int rc = read_text(text);
		CU_ASSERT_TRUE(rc == 0 || rc == -EINVAL || rc == -ENOENT);
	}
	fog_enclave_program_wipe(&program);
}

FOG_TEST_MAIN("controlplane/daemon/enclave_run", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_measured), FOG_TEST(test_parts),
	      FOG_TEST(test_names), FOG_TEST(test_secrets), FOG_TEST(test_random))
