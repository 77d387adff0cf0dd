/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/witness.h"

#include "crypto/cpu.h"
#include "crypto/sign/sign.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#define NOW_S 1790000000ull

static struct fog_job_spec *spec_make(void)
{
	static const char text[] =
		"{\"argv\":[\"sort\"],\"env\":[],\"inputs\":[{\"name\":\"stdin\",\"sha256\":"
		"\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"size\":12}]"
		","
		"\"limits\":{\"cpu_milli\":1000,\"disk_bytes\":0,\"memory_bytes\":268435456,"
		"\"output_bytes\":1048576,\"pids\":64,\"wall_ms\":60000},\"stdin\":\"stdin\"}";
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_spec *spec = NULL;

	if (fog_job_spec_parse(text, strlen(text), &spec, error) != 0)
		printf("%s\n", error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(spec);
	return spec;
}

static struct fog_receipt receipt_make(const struct fog_job_spec *spec)
{
	struct fog_receipt r = {
		.key = {.submitter = {1}, .worker = {2}, .job = "j1", .attempt = 1},
		.outcome = FOG_OUTCOME_EXITED,
		.usage = {.wall_ms = 1500, .cpu_user_ms = 900, .cpu_system_ms = 100},
		.started_ms = NOW_S * 1000 - 2000,
		.ended_ms = NOW_S * 1000 - 500,
	};

	memcpy(r.spec_sha256, spec->sha256, sizeof(r.spec_sha256));
	return r;
}

static void test_life_cycle(void)
{
	struct fog_job_spec *spec = spec_make();
	struct fog_receipt r = receipt_make(spec);
	const struct fog_proof_policy policy = {.now_s = NOW_S};
	struct fog_local_verifier *v;
	char why[FOG_PROOF_WHY];
	u8 pk[32], sk[64], seed[32] = {9}, evidence[32] = {7};
	struct fog_proof p;

	CU_ASSERT_EQUAL_FATAL(fog_crypto_init(), 0);
	CU_ASSERT_EQUAL_FATAL(fog_local_verifier_open(&v), 0);
	fog_sign_keypair(pk, sk, seed);
	CU_ASSERT_EQUAL(fog_receipt_witness(&p, &r, "{}", spec, NULL, 0, NOW_S), 0);
	CU_ASSERT_EQUAL(fog_proof_sign(&p, sk), 0);
	CU_ASSERT_EQUAL(fog_proof_verify(v, &p, &policy, why), 0);
	CU_ASSERT_EQUAL(p.execution.cpu_us, 1000000);
	CU_ASSERT_EQUAL(p.execution.wall_us, 1500000);
	CU_ASSERT_EQUAL(memcmp(p.issuer, pk, 32), 0);
	CU_ASSERT_EQUAL(memcmp(p.execution.code, spec->sha256, 32), 0);
	CU_ASSERT_EQUAL(fog_receipt_witness(&p, &r, "{}", spec, evidence, 1, NOW_S), 0);
	CU_ASSERT_EQUAL(p.execution.attestation[0], 7);
	fog_local_verifier_close(v);
	fog_job_spec_free(spec);
}

static void test_bad_arguments(void)
{
	struct fog_job_spec *spec = spec_make();
	struct fog_receipt good = receipt_make(spec), r = good;
	u8 evidence[32] = {7};
	struct fog_proof p;

	r.spec_sha256[0] ^= 1;
	CU_ASSERT_EQUAL(fog_receipt_witness(&p, &r, "{}", spec, NULL, 0, NOW_S), -EINVAL);
	r = good;
	r.outcome = FOG_OUTCOME_FAILED;
	CU_ASSERT_EQUAL(fog_receipt_witness(&p, &r, "{}", spec, NULL, 0, NOW_S), -EINVAL);
	CU_ASSERT_EQUAL(fog_receipt_witness(&p, &good, "{}", spec, NULL, 1, NOW_S), -EINVAL);
	CU_ASSERT_EQUAL(fog_receipt_witness(&p, &good, "{}", spec, evidence, 0, NOW_S), -EINVAL);
	fog_job_spec_free(spec);
}

FOG_TEST_MAIN("controlplane/jobs/witness", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments))
