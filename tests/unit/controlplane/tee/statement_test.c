/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/statement.h"

#include <errno.h>

#include "crypto/hash/hash.h"
#include "tests/unit/fog_test.h"

static struct fog_tee_statement s, back;
static char why[FOG_TEE_WHY_SIZE];

static void fill(void)
{
	u8 digest[32] = {7};

	memset(&s, 0, sizeof(s));
	s.kind = FOG_TEE_TPM;
	s.made_ms = 1700000000000;
	s.nonce[0] = 1;
	s.node[0] = 2;
	s.verifier[0] = 3;
	s.component_count = 1;
	snprintf(s.component[0].name, sizeof(s.component[0].name), "fog-exec");
	CU_ASSERT_EQUAL(fog_tee_log_add(&s.log, FOG_TEE_EVENT_PLATFORM, "", digest), 0);
	CU_ASSERT_EQUAL(fog_tee_log_add(&s.log, FOG_TEE_EVENT_LAUNCH, "enclave_1", digest), 0);
	s.has_enclave = true;
	snprintf(s.enclave.id, sizeof(s.enclave.id), "enclave_1");
	snprintf(s.enclave.engine, sizeof(s.enclave.engine), "native");
	s.enclave.key[3] = 4;
}

static void test_life_cycle(void)
{
	u8 binding[32], other[32];

	fill();
	char *text = fog_tee_statement_text(&s);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_EQUAL(fog_tee_statement_parse(&back, text, why), 0);
	CU_ASSERT_EQUAL(memcmp(&back, &s, sizeof(s)), 0);
	fog_tee_binding(text, binding);
	s.nonce[31] = 1;
	char *changed = fog_tee_statement_text(&s);
	fog_tee_binding(changed, other);
	CU_ASSERT_NOT_EQUAL(memcmp(binding, other, 32), 0);
	free(text);
	free(changed);
}

static void test_bad_arguments(void)
{
	static const char *const bad[] = {
		"", "[]", "{}", "{\"version\":2}", "{\"version\":1,\"kind\":\"sgx\"}",
	};

	for (size_t i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		CU_ASSERT_EQUAL(fog_tee_statement_parse(&back, bad[i], why), -EINVAL);
		CU_ASSERT_NOT_EQUAL(why[0], '\0');
	}
	fill();
	char *text = fog_tee_statement_text(&s);
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		char kept = text[i];
		text[i] = '\0';
		CU_ASSERT_EQUAL(fog_tee_statement_parse(&back, text, why), -EINVAL);
		text[i] = '{';
		(void)fog_tee_statement_parse(&back, text, why); /* whatever it says, no crash */
		text[i] = kept;
	}
	free(text);
}

/* A launch that ended runs no more; one that begins again does. */
static void test_log(void)
{
	struct fog_tee_log log = {0};
	u8 a[32] = {1}, b[32] = {2}, registr[32], both[64] = {0};

	fog_tee_log_register(&log, registr);
	CU_ASSERT_EQUAL(memcmp(registr, both, 32), 0);
	CU_ASSERT_PTR_NULL(fog_tee_log_platform(&log));
	fog_tee_log_add(&log, FOG_TEE_EVENT_PLATFORM, "", a);
	fog_tee_event_digest(&log.event[0], both + 32);
	fog_hash_sha256(both, both, sizeof(both));
	fog_tee_log_register(&log, registr);
	CU_ASSERT_EQUAL(memcmp(registr, both, 32), 0);
	fog_tee_log_add(&log, FOG_TEE_EVENT_LAUNCH, "x", b);
	CU_ASSERT_PTR_EQUAL(fog_tee_log_running(&log, "x"), &log.event[1]);
	CU_ASSERT_PTR_NULL(fog_tee_log_running(&log, "y"));
	fog_tee_log_add(&log, FOG_TEE_EVENT_END, "x", b);
	CU_ASSERT_PTR_NULL(fog_tee_log_running(&log, "x"));
	fog_tee_log_add(&log, FOG_TEE_EVENT_PLATFORM, "", b);
	CU_ASSERT_PTR_EQUAL(fog_tee_log_platform(&log), &log.event[3]);
	while (log.count < FOG_TEE_LOG_MAX)
		CU_ASSERT_EQUAL(fog_tee_log_add(&log, FOG_TEE_EVENT_LAUNCH, "x", b), 0);
	CU_ASSERT_EQUAL(fog_tee_log_add(&log, FOG_TEE_EVENT_LAUNCH, "x", b), -ENOSPC);
}

/* Code, configuration, engine and what runs it: each is in the launch measurement, id and key are
 * not. */
static void test_launch(void)
{
	u8 before[32], after[32];

	fill();
	fog_tee_launch_digest(&s.enclave, before);
	s.enclave.key[0] ^= 1;
	s.enclave.id[0] ^= 1;
	fog_tee_launch_digest(&s.enclave, after);
	CU_ASSERT_EQUAL(memcmp(before, after, 32), 0);
	u8 *parts[] = {s.enclave.code, s.enclave.config, s.enclave.engine_sha256,
		       (u8 *)s.enclave.engine};
	for (size_t i = 0; i < FOG_ARRAY_COUNT(parts); i++) {
		parts[i][0] ^= 1;
		fog_tee_launch_digest(&s.enclave, after);
		CU_ASSERT_NOT_EQUAL(memcmp(before, after, 32), 0);
		parts[i][0] ^= 1;
	}
}

FOG_TEST_MAIN("controlplane/tee/statement", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_log), FOG_TEST(test_launch))
