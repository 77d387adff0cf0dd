/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/verifier.h"

#include "crypto/cpu.h"
#include "tests/unit/crypto/check/proofs.h"
#include "tests/unit/fog_test.h"

struct seen {
	struct fog_local_verifier *again; /* submit once more from the callback */
	unsigned count;
	int result;
};

static u8 payload[FOG_CHECK_PAYLOAD_MAX];

static void on_verdict(void *arg, int result);

static int submit(struct fog_local_verifier *v, u16 kind, u8 class, u32 length, u64 deadline_ns,
		  struct seen *s)
{
	struct fog_verifier verifier = fog_local_verifier(v);
	struct fog_verifier_request r = {.kind = kind,
					 .class = class,
					 .length = length,
					 .payload = payload,
					 .deadline_ns = deadline_ns};

	return fog_verifier_submit(&verifier, &r, on_verdict, s, 1000);
}

static void on_verdict(void *arg, int result)
{
	struct seen *s = arg;

	s->count++;
	s->result = result;
	if (s->again != NULL && s->count == 1) {
		int rc = submit(s->again, FOG_CHECK_ED25519, 0, 10, 0, s);
		CU_ASSERT(rc == 0 || rc == -ECANCELED);
	}
}

static void test_life_cycle(void)
{
	struct proof_maker *m = proof_maker_open(7);
	struct fog_local_verifier *v;
	struct seen good[PROOF_FORMS] = {0}, bad[PROOF_FORMS] = {0};

	CU_ASSERT_EQUAL_FATAL(fog_local_verifier_open(&v), 0);
	for (unsigned form = 0; form < PROOF_FORMS; form++) {
		u32 len = proof_make(m, form, payload);

		CU_ASSERT_EQUAL(fog_local_verifier_check(v, proof_kind[form], payload, len), 0);
		CU_ASSERT_EQUAL(submit(v, proof_kind[form], form % 4, len, 0, &good[form]), 0);
		payload[len - 1] ^= 1;
		CU_ASSERT_EQUAL(submit(v, proof_kind[form], 3 - form % 4, len, 0, &bad[form]), 0);
		CU_ASSERT_EQUAL(good[form].count, 0);
	}
	CU_ASSERT_EQUAL(fog_local_verifier_step(v, 2000), 2 * PROOF_FORMS);
	for (unsigned form = 0; form < PROOF_FORMS; form++) {
		CU_ASSERT(good[form].count == 1 && good[form].result == 0);
		CU_ASSERT_EQUAL(bad[form].count, 1);
		CU_ASSERT(bad[form].result == -EBADMSG || bad[form].result == -EINVAL);
	}
	CU_ASSERT_EQUAL(fog_local_verifier_step(v, 2000), 0);
	fog_local_verifier_close(v);
	fog_local_verifier_close(NULL);
	free(m);
}

static void test_bad_arguments(void)
{
	struct fog_local_verifier *v;
	struct seen s = {0};
	struct fog_verifier_request r = {.kind = 1, .payload = payload, .length = 10};

	CU_ASSERT_EQUAL_FATAL(fog_local_verifier_open(&v), 0);
	struct fog_verifier verifier = fog_local_verifier(v);
	CU_ASSERT_EQUAL(fog_verifier_submit(&verifier, &r, NULL, NULL, 0), -EINVAL);
	CU_ASSERT_EQUAL(submit(v, 1, FOG_VERIFY_CLASSES, 10, 0, &s), -EINVAL);
	CU_ASSERT_EQUAL(submit(v, 1, 0, FOG_CHECK_PAYLOAD_MAX + 1, 0, &s), -EMSGSIZE);
	CU_ASSERT_EQUAL(submit(v, 1, 0, 10, 1000, &s), -ETIMEDOUT);
	r.payload = NULL;
	CU_ASSERT_EQUAL(fog_verifier_submit(&verifier, &r, on_verdict, &s, 0), -EINVAL);
	CU_ASSERT_EQUAL(submit(v, 77, 0, 10, 0, &s), 0);
	CU_ASSERT_EQUAL(fog_local_verifier_step(v, 2000), 1);
	CU_ASSERT_EQUAL(s.result, -EOPNOTSUPP);
	CU_ASSERT_EQUAL(submit(v, 1, 0, 10, 1500, &s), 0);
	CU_ASSERT_EQUAL(fog_local_verifier_step(v, 1500), 1);
	CU_ASSERT_EQUAL(s.result, -ETIMEDOUT);
	CU_ASSERT_EQUAL(s.count, 2);
	fog_local_verifier_close(v);
}

/* A full class refuses, the others do not; callbacks may submit; what is left is cancelled. */
static void test_back_pressure(void)
{
	struct fog_local_verifier *v;
	struct seen s = {0}, other = {0}, again = {0}, last = {0};

	CU_ASSERT_EQUAL_FATAL(fog_local_verifier_open(&v), 0);
	for (unsigned i = 0; i < FOG_VERIFIER_CLASS_MAX; i++)
		CU_ASSERT_EQUAL(submit(v, FOG_CHECK_ED25519, 3, 10, 0, &s), 0);
	CU_ASSERT_EQUAL(submit(v, FOG_CHECK_ED25519, 3, 10, 0, &s), -EAGAIN);
	CU_ASSERT_EQUAL(submit(v, FOG_CHECK_ED25519, 0, 10, 0, &other), 0);
	again.again = v;
	CU_ASSERT_EQUAL(submit(v, FOG_CHECK_ED25519, 1, 10, 0, &again), 0);
	CU_ASSERT_EQUAL(fog_local_verifier_step(v, 2000), FOG_VERIFIER_CLASS_MAX + 2);
	CU_ASSERT(s.count == FOG_VERIFIER_CLASS_MAX && other.count == 1 && again.count == 1);
	CU_ASSERT_EQUAL(s.result, -EINVAL);
	CU_ASSERT_EQUAL(submit(v, FOG_CHECK_ED25519, 3, 10, 0, &s), 0);
	last.again = v;
	CU_ASSERT_EQUAL(submit(v, FOG_CHECK_ED25519, 3, 10, 0, &last), 0);
	fog_local_verifier_close(v);
	CU_ASSERT(again.count == 2 && again.result == -ECANCELED);
	CU_ASSERT(last.count == 1 && last.result == -ECANCELED);
}

FOG_TEST_MAIN("controlplane/core/verifier", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_back_pressure))
