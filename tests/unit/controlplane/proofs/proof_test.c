/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/proofs/proof.h"

#include "crypto/cpu.h"
#include "tests/unit/controlplane/proofs/samples.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#define KINDS FOG_PROOF_INCLUSION

static struct samples s;
static struct fog_local_verifier *v;
static char why[FOG_PROOF_WHY];

static void setup(void)
{
	if (v == NULL && (fog_crypto_init() != 0 || fog_local_verifier_open(&v) != 0))
		abort();
	samples_open(&s);
}

static int verify(const struct fog_proof *p)
{
	return fog_proof_verify(v, p, &s.policy, why);
}

/* Both forms give the same proof back, and it is good. */
static void test_life_cycle(void)
{
	struct fog_proof p, again;
	u8 text[FOG_PROOF_ENCODED_MAX];

	setup();
	for (u32 kind = 1; kind <= KINDS; kind++) {
		sample_make(&s, kind, &p);
		CU_ASSERT_EQUAL(verify(&p), 0);
		if (why[0] != '\0')
			printf("%s: %s\n", fog_proof_kind_name(kind), why);
		int len = fog_proof_encode(&p, text, sizeof(text));
		CU_ASSERT_FATAL(len > 0);
		CU_ASSERT_EQUAL(fog_proof_decode(&again, text, (size_t)len, why), 0);
		CU_ASSERT_EQUAL(memcmp(&again, &p, sizeof(p)), 0);
		json_t *o = fog_proof_json(&p);
		CU_ASSERT_EQUAL(fog_proof_from_json(&again, o, why), 0);
		CU_ASSERT_EQUAL(memcmp(&again, &p, sizeof(p)), 0);
		CU_ASSERT_EQUAL(verify(&again), 0);
		json_decref(o);
	}
}

static void test_bad_arguments(void)
{
	struct fog_proof p, again;
	u8 text[FOG_PROOF_ENCODED_MAX + 1] = {0};

	setup();
	memset(&p, 0, sizeof(p));
	CU_ASSERT_EQUAL(fog_proof_sign(&p, s.sk), -EINVAL);
	CU_ASSERT_PTR_NULL(fog_proof_json(&p));
	CU_ASSERT_EQUAL(verify(&p), -EINVAL);
	CU_ASSERT_EQUAL(fog_proof_from_json(&p, NULL, why), -EINVAL);
	for (u32 kind = 1; kind <= KINDS; kind++) {
		sample_make(&s, kind, &p);
		int len = fog_proof_encode(&p, text, sizeof(text));
		CU_ASSERT_EQUAL(fog_proof_encode(&p, text, (size_t)len - 1), -ENOSPC);
		len = fog_proof_encode(&p, text, sizeof(text));
		for (int cut = 0; cut < len; cut++) {
			CU_ASSERT_EQUAL(fog_proof_decode(&again, text, (size_t)cut, why), -EINVAL);
			CU_ASSERT_NOT_EQUAL(why[0], '\0');
		}
		CU_ASSERT_EQUAL(fog_proof_decode(&again, text, (size_t)len + 1, why), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "too many"));
		json_t *o = fog_proof_json(&p);
		json_object_set_new(o, "extra", json_null());
		CU_ASSERT_EQUAL(fog_proof_from_json(&again, o, why), -EINVAL);
		json_object_del(o, "extra");
		const char *name;
		json_t *copy = json_deep_copy(o), *value;
		json_object_foreach(copy, name, value)
		{
			json_object_set_new(o, name, json_real(1.5));
			CU_ASSERT_EQUAL(fog_proof_from_json(&again, o, why), -EINVAL);
			CU_ASSERT_NOT_EQUAL(why[0], '\0');
			json_object_set(o, name, value);
		}
		CU_ASSERT_EQUAL(fog_proof_from_json(&again, o, why), 0);
		json_decref(copy);
		json_decref(o);
	}
}

static void test_freshness(void)
{
	static const struct {
		unsigned number;
		i64 shift;
		int rc;
	} cases[] = {
		{1, 0, 0},
		{2, FOG_PROOF_AHEAD_MAX_S, 0},
		{3, FOG_PROOF_AHEAD_MAX_S + 1, -ETIME},
		{4, -FOG_PROOF_AGE_MAX_S, 0},
		{5, -FOG_PROOF_AGE_MAX_S - 1, -ETIME},
	};
	struct fog_proof p;

	setup();
	sample_make(&s, FOG_PROOF_INCLUSION, &p);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		p.issued_s = SAMPLE_NOW_S + (u64)cases[i].shift;
		fog_proof_sign(&p, s.sk);
		CU_ASSERT_EQUAL(verify(&p), cases[i].rc);
	}
}

static void test_executions(void)
{
	struct fog_proof good, p;

	setup();
	sample_make(&s, FOG_PROOF_EXECUTION, &good);
	p = good;
	p.execution.cpu_us++; /* not signed */
	CU_ASSERT_EQUAL(verify(&p), -EBADMSG);
	p = good;
	p.execution.ended_ms = p.execution.started_ms - 1;
	CU_ASSERT_EQUAL(verify(&p), -EINVAL);
	p = good;
	p.execution.wall_us = 4000000;
	CU_ASSERT_EQUAL(verify(&p), -EINVAL);
	p = good;
	p.execution.attestation_kind = 0;
	CU_ASSERT_EQUAL(verify(&p), -EINVAL);
	s.policy.attestation = good.execution.attestation;
	CU_ASSERT_EQUAL(verify(&good), 0);
	s.policy.attestation = good.execution.code;
	CU_ASSERT_EQUAL(verify(&good), -EACCES);
	s.policy.attestation = NULL;
	s.policy.issuer = s.roster[0].key;
	CU_ASSERT_EQUAL(verify(&good), -EACCES);
	s.policy.issuer = s.pk;
	CU_ASSERT_EQUAL(verify(&good), 0);
}

static void test_audits(void)
{
	static const struct {
		unsigned number;
		int right[SAMPLE_AUDITORS]; /* 1, 0, -1 = no vote; weights 33, 34, 35 */
		int rc;
	} cases[] = {
		{1, {1, 1, 1}, 0},        {2, {0, 1, 1}, 0},       /* 69 of 102 */
		{3, {-1, 1, 1}, 0},       {4, {1, 1, 0}, -EACCES}, /* 67 of 102 */
		{5, {1, -1, 1}, -EACCES}, {6, {0, 0, 0}, -EACCES}, {7, {-1, -1, -1}, -EACCES},
	};
	struct fog_proof p;

	setup();
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		sample_make(&s, FOG_PROOF_AUDIT, &p);
		p.audit.votes = 0;
		for (unsigned k = 0; k < SAMPLE_AUDITORS; k++)
			if (cases[i].right[k] >= 0)
				sample_vote(&s, &p.audit, k, cases[i].right[k] == 1);
		fog_proof_sign(&p, s.sk);
		CU_ASSERT_EQUAL(verify(&p), cases[i].rc);
	}
	sample_make(&s, FOG_PROOF_AUDIT, &p);
	p.audit.vote[1] = p.audit.vote[0];
	fog_proof_sign(&p, s.sk);
	CU_ASSERT_EQUAL(verify(&p), -EINVAL);
	sample_make(&s, FOG_PROOF_AUDIT, &p);
	p.audit.vote[0].signature[3] ^= 1;
	fog_proof_sign(&p, s.sk);
	CU_ASSERT_EQUAL(verify(&p), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "auditor"));
	sample_make(&s, FOG_PROOF_AUDIT, &p);
	p.audit.vote[1].right = 1; /* a vote turned round */
	fog_proof_sign(&p, s.sk);
	CU_ASSERT_EQUAL(verify(&p), -EBADMSG);
	sample_make(&s, FOG_PROOF_AUDIT, &p);
	s.roster[0].weight++;
	CU_ASSERT_EQUAL(verify(&p), -EACCES);
	s.roster[0].weight--;
	s.policy.subject = p.id;
	CU_ASSERT_EQUAL(verify(&p), -EACCES);
}

static void test_slas(void)
{
	struct fog_proof p;
	u8 blinding[32] = {1};

	setup();
	sample_make(&s, FOG_PROOF_SLA, &p);
	CU_ASSERT_EQUAL(fog_proof_sla_prove(&p.sla, p.sla.limit_us + 1, blinding), -ERANGE);
	memset(blinding, 0xff, sizeof(blinding));
	CU_ASSERT_EQUAL(fog_proof_sla_prove(&p.sla, 1, blinding), -EINVAL);
	memset(blinding, 1, sizeof(blinding));
	blinding[31] = 0;
	CU_ASSERT_EQUAL(fog_proof_sla_prove(&p.sla, 1, blinding), 0); /* not what is committed */
	fog_proof_sign(&p, s.sk);
	CU_ASSERT_EQUAL(verify(&p), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "range"));
	sample_make(&s, FOG_PROOF_SLA, &p);
	p.sla.limit_us--; /* the measurer said another limit */
	fog_proof_sign(&p, s.sk);
	CU_ASSERT_EQUAL(verify(&p), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "measurer"));
	sample_make(&s, FOG_PROOF_SLA, &p);
	p.sla.within = 949;
	fog_proof_sign(&p, s.sk);
	CU_ASSERT_EQUAL(verify(&p), -EACCES);
	p.sla.permille = 949;
	CU_ASSERT_EQUAL(verify(&p), -EINVAL);
	sample_make(&s, FOG_PROOF_SLA, &p);
	memset(p.sla.commitment, 0xff, 32);
	fog_proof_sign(&p, s.sk);
	CU_ASSERT_NOT_EQUAL(verify(&p), 0);
}

/* Any one bit changed anywhere in the encoding: refused with a reason, or cut off by the decoder.
 */
static void test_mutations(void)
{
	const char *many = getenv("FOG_MUTATIONS");
	u64 rounds = many != NULL ? strtoull(many, NULL, 10) : 300, accepted = 0;
	u8 text[FOG_PROOF_ENCODED_MAX];
	struct fog_proof p;

	setup();
	for (u32 kind = 1; kind <= KINDS; kind++) {
		sample_make(&s, kind, &p);
		int len = fog_proof_encode(&p, text, sizeof(text));
		for (u64 i = 0; i < rounds; i++) {
			u64 at = fog_rng_below(&s.rng, (u64)len);
			u8 bit = (u8)(1u << fog_rng_below(&s.rng, 8));

			text[at] ^= bit;
			why[0] = '\0';
			if (fog_proof_decode(&p, text, (size_t)len, why) == 0)
				accepted += verify(&p) == 0;
			CU_ASSERT_NOT_EQUAL(why[0], '\0');
			text[at] ^= bit;
		}
	}
	CU_ASSERT_EQUAL(accepted, 0);
	fog_local_verifier_close(v);
	v = NULL;
}

FOG_TEST_MAIN("controlplane/proofs/proof", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_freshness), FOG_TEST(test_executions), FOG_TEST(test_audits),
	      FOG_TEST(test_slas), FOG_TEST(test_mutations))
