/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/wasm/artifact.h"

#include <errno.h>

#include "tests/unit/fog_test.h"

#define CODE_SIZE 100

static u8 file[FOG_WASM_HEADER_SIZE + CODE_SIZE];
static u8 pk[FOG_SIGN_PUBLIC_SIZE];

static void seal(void)
{
	u8 seed[FOG_SIGN_SEED_SIZE] = {7}, sk[FOG_SIGN_SECRET_SIZE];
	struct fog_wasm_artifact a = {.target = "test target", .code_size = CODE_SIZE};

	fog_sign_keypair(pk, sk, seed);
	for (size_t i = 0; i < CODE_SIZE; i++)
		file[FOG_WASM_HEADER_SIZE + i] = (u8)i;
	memset(a.module_sha256, 0x5a, sizeof(a.module_sha256));
	a.code = file + FOG_WASM_HEADER_SIZE;
	fog_wasm_artifact_seal(file, &a, sk);
}

static void test_life_cycle(void)
{
	struct fog_wasm_artifact a;
	const char *why;

	seal();
	CU_ASSERT_EQUAL_FATAL(fog_wasm_artifact_parse(file, sizeof(file), &a, &why), 0);
	CU_ASSERT_STRING_EQUAL(a.target, "test target");
	CU_ASSERT_EQUAL(a.module_sha256[31], 0x5a);
	CU_ASSERT_EQUAL(memcmp(a.builder, pk, sizeof(pk)), 0);
	CU_ASSERT_EQUAL(a.code_size, CODE_SIZE);
	CU_ASSERT_EQUAL(a.code[99], 99);
	CU_ASSERT_TRUE(strlen(fog_wasm_target) <= FOG_WASM_TARGET_SIZE);
}

static void test_bad_arguments(void)
{
	struct fog_wasm_artifact a;
	const char *why;

	seal();
	for (size_t size = 0; size < sizeof(file); size++)
		CU_ASSERT_EQUAL(fog_wasm_artifact_parse(file, size, &a, &why), -EBADMSG);
	for (size_t i = 0; i < sizeof(file); i++) {
		file[i] ^= 1;
		CU_ASSERT_EQUAL(fog_wasm_artifact_parse(file, sizeof(file), &a, &why), -EBADMSG);
		CU_ASSERT_PTR_NOT_NULL(why);
		file[i] ^= 1;
	}
	CU_ASSERT_EQUAL(fog_wasm_artifact_parse(file, sizeof(file), &a, &why), 0);
}

FOG_TEST_MAIN("controlplane/executor/wasm/artifact", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments))
