/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/ear.h"

#include <errno.h>

#include "crypto/base64.h"
#include "crypto/cpu.h"
#include "crypto/sign/sign.h"
#include "tests/unit/fog_test.h"

#define NOW_S 1800000000ull

static struct fog_tee_ear ear, back;
static char why[FOG_TEE_WHY_SIZE];
static u8 sk[64];

static void fill(void)
{
	u8 seed[32] = {5};

	CU_ASSERT_EQUAL_FATAL(fog_crypto_init(), 0);
	memset(&ear, 0, sizeof(ear));
	fog_sign_keypair(ear.verifier, sk, seed);
	snprintf(ear.id, sizeof(ear.id), "att_0123456789abcdef");
	ear.issued_s = NOW_S;
	ear.expires_s = NOW_S + FOG_TEE_RESULT_S;
	ear.kind = FOG_TEE_TPM;
	ear.status = FOG_TEE_STATUS_AFFIRMING;
	snprintf(ear.why, sizeof(ear.why), "valid");
	ear.node[1] = 1;
	ear.nonce[2] = 2;
	ear.evidence[3] = 3;
	ear.endorsed = true;
	ear.has_enclave = true;
	snprintf(ear.enclave, sizeof(ear.enclave), "enclave_0123456789ab");
	ear.key[4] = 4;
}

static void test_life_cycle(void)
{
	fill();
	for (int i = 0; i < 2; i++) {
		char *token = fog_tee_ear_sign(&ear, sk);
		CU_ASSERT_PTR_NOT_NULL_FATAL(token);
		CU_ASSERT_EQUAL(fog_tee_ear_verify(&back, token, NOW_S, why), 0);
		CU_ASSERT_EQUAL(memcmp(&back, &ear, sizeof(ear)), 0);
		free(token);
		/* Once of an enclave, once of a host that was refused. */
		ear.has_enclave = false;
		memset(ear.enclave, 0, sizeof(ear.enclave));
		memset(ear.key, 0, sizeof(ear.key));
		ear.status = FOG_TEE_STATUS_CONTRAINDICATED;
		ear.fault = FOG_TEE_REFERENCE;
	}
}

static void test_bad_arguments(void)
{
	static const char *const bad[] = {"", ".", "..", "a.b.c", "e30.e30.e30"};

	fill();
	for (size_t i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		CU_ASSERT_EQUAL(fog_tee_ear_verify(&back, bad[i], NOW_S, why), -EINVAL);
	char *token = fog_tee_ear_sign(&ear, sk);
	size_t len = strlen(token);
	for (size_t i = 0; i < len; i++) {
		char kept = token[i];
		token[i] = kept == 'A' ? 'B' : 'A';
		CU_ASSERT_NOT_EQUAL(fog_tee_ear_verify(&back, token, NOW_S, why), 0);
		token[i] = '\0';
		CU_ASSERT_NOT_EQUAL(fog_tee_ear_verify(&back, token, NOW_S, why), 0);
		token[i] = kept;
	}
	CU_ASSERT_EQUAL(fog_tee_ear_verify(&back, token, NOW_S + FOG_TEE_RESULT_S, why), -ETIME);
	CU_ASSERT_EQUAL(fog_tee_ear_verify(&back, token, NOW_S - 301, why), -ETIME);
	free(token);
}

/* The names of the drafts, as other software looks for them. */
static void test_claims(void)
{
	u8 text[FOG_TEE_EAR_MAX];

	fill();
	char *token = fog_tee_ear_sign(&ear, sk);
	char *body = strchr(token, '.') + 1;
	int len =
		fog_base64url_decode(text, sizeof(text), body, (size_t)(strchr(body, '.') - body));
	json_t *o = json_loadb((const char *)text, (size_t)len, 0, NULL), *sub;
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "eat_profile")),
			       "tag:github.com,2023:veraison/ear");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "iat")), NOW_S);
	sub = json_object_get(json_object_get(o, "submods"), "enclave_0123456789ab");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(sub, "ear.status")), "affirming");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(
				json_object_get(sub, "ear.trustworthiness-vector"), "hardware")),
			2);
	json_decref(o);
	free(token);
}

FOG_TEST_MAIN("controlplane/tee/ear", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_claims))
