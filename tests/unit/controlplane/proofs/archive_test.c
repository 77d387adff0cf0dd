/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/proofs/archive.h"

#include "crypto/cpu.h"
#include "tests/unit/controlplane/proofs/samples.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

static void test_life_cycle(void)
{
	char why[FOG_STORE_WHY_SIZE];
	struct fog_store *st;
	struct fog_proof p, again;
	struct samples s;

	CU_ASSERT_EQUAL_FATAL(fog_crypto_init(), 0);
	samples_open(&s);
	CU_ASSERT_EQUAL_FATAL(fog_store_open(&st, NULL, why), 0);
	CU_ASSERT_EQUAL_FATAL(fog_proof_archive_open(st, why), 0);
	sample_make(&s, FOG_PROOF_EXECUTION, &p);
	CU_ASSERT_EQUAL(fog_proof_archive_get(st, p.id, &again), -ENOENT);
	CU_ASSERT_EQUAL(fog_proof_archive_put(st, &p, 1000), 0);
	CU_ASSERT_EQUAL(fog_proof_archive_put(st, &p, 2000), -EALREADY);
	CU_ASSERT_EQUAL(fog_proof_archive_get(st, p.id, &again), 0);
	CU_ASSERT_EQUAL(memcmp(&p, &again, sizeof(p)), 0);
	p.issuer[0] ^= 1; /* somebody else may use the same id */
	CU_ASSERT_EQUAL(fog_proof_archive_put(st, &p, 3000), 0);
	CU_ASSERT_EQUAL(fog_proof_archive_count(st), 2);
	CU_ASSERT_EQUAL(fog_proof_archive_prune(st, 1000 + FOG_PROOF_RETENTION_S), 0);
	CU_ASSERT_EQUAL(fog_proof_archive_count(st), 2);
	CU_ASSERT_EQUAL(fog_proof_archive_prune(st, 1001 + FOG_PROOF_RETENTION_S), 0);
	CU_ASSERT_EQUAL(fog_proof_archive_count(st), 1);
	fog_store_close(st);
}

static void test_bad_arguments(void)
{
	char why[FOG_STORE_WHY_SIZE];
	struct fog_store *st;
	struct fog_proof p = {0};

	CU_ASSERT_EQUAL_FATAL(fog_store_open(&st, NULL, why), 0);
	CU_ASSERT_EQUAL_FATAL(fog_proof_archive_open(st, why), 0);
	CU_ASSERT_EQUAL(fog_proof_archive_put(st, &p, 1), -EINVAL);
	CU_ASSERT_EQUAL(fog_proof_archive_prune(st, 1), 0);
	fog_store_close(st);
}

FOG_TEST_MAIN("controlplane/proofs/archive", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments))
