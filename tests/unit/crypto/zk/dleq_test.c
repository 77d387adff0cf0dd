/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/dleq.h"

#include "tests/unit/crypto/vectors.h"

#include <errno.h>

#define PAIRS_MAX 8

static struct fog_ristretto c[PAIRS_MAX], d[PAIRS_MAX];

static void scalar_random(struct fog_rng *rng, struct fog_scalar *out)
{
	u8 wide[FOG_UNIFORM_SIZE];

	fog_rng_bytes(rng, wide, sizeof(wide));
	fog_scalar_reduce(out, wide);
}

static void statement_random(struct fog_rng *rng, struct fog_dleq_statement *s,
			     const struct fog_scalar *k, unsigned count)
{
	struct fog_scalar x;

	*s = (struct fog_dleq_statement){.c = c, .d = d, .count = count, .context = "test"};
	fog_ristretto_base(&s->a);
	fog_ristretto_mul_base(&s->b, k);
	for (unsigned i = 0; i < count; i++) {
		scalar_random(rng, &x);
		fog_ristretto_mul_base(&c[i], &x);
		fog_ristretto_mul(&d[i], k, &c[i]);
	}
}

static void test_life_cycle(void)
{
	struct fog_dleq_statement s;
	struct fog_scalar k, r;
	struct fog_rng rng;
	u8 proof[FOG_DLEQ_PROOF_SIZE];

	rng_start(&rng);
	for (unsigned count = 1; count <= PAIRS_MAX; count++) {
		scalar_random(&rng, &k);
		scalar_random(&rng, &r);
		statement_random(&rng, &s, &k, count);
		CU_ASSERT_EQUAL(fog_dleq_prove(proof, &s, &k, &r), 0);
		CU_ASSERT_EQUAL(fog_dleq_verify(&s, proof), 0);
		s.context = "tesT";
		CU_ASSERT_EQUAL(fog_dleq_verify(&s, proof), -EBADMSG);
		s.context = "test";
		/* Other d of the same sum do not pass: the weights see each. */
		if (count > 1) {
			fog_ristretto_add(&d[0], &d[0], &s.a);
			fog_ristretto_sub(&d[1], &d[1], &s.a);
			CU_ASSERT_EQUAL(fog_dleq_verify(&s, proof), -EBADMSG);
			CU_ASSERT_EQUAL(fog_dleq_prove(proof, &s, &k, &r), 0);
			CU_ASSERT_EQUAL(fog_dleq_verify(&s, proof), -EBADMSG);
		}
	}
}

static void test_bad_arguments(void)
{
	static char long_context[FOG_DLEQ_CONTEXT_MAX + 2];
	struct fog_dleq_statement s;
	struct fog_scalar k = fog_scalar_one, r = fog_scalar_one;
	struct fog_rng rng;
	u8 proof[FOG_DLEQ_PROOF_SIZE];

	rng_start(&rng);
	statement_random(&rng, &s, &k, 1);
	CU_ASSERT_EQUAL(fog_dleq_prove(proof, &s, &k, &r), 0);
	s.count = 0;
	CU_ASSERT_EQUAL(fog_dleq_prove(proof, &s, &k, &r), -EINVAL);
	CU_ASSERT_EQUAL(fog_dleq_verify(&s, proof), -EINVAL);
	s.count = FOG_DLEQ_PAIRS_MAX + 1;
	CU_ASSERT_EQUAL(fog_dleq_verify(&s, proof), -EINVAL);
	s.count = 1;
	memset(long_context, 'x', FOG_DLEQ_CONTEXT_MAX + 1);
	s.context = long_context;
	CU_ASSERT_EQUAL(fog_dleq_verify(&s, proof), -EINVAL);
	s.context = "test";
	CU_ASSERT_EQUAL(fog_dleq_verify(&s, proof), 0);
	for (unsigned i = 0; i < sizeof(proof); i++) {
		proof[i] ^= 1u << (i % 8);
		CU_ASSERT_EQUAL(fog_dleq_verify(&s, proof), -EBADMSG);
		proof[i] ^= 1u << (i % 8);
	}
}

/* Texts of the form hex,hex,..; returns how many. */
static unsigned points_member(json_t *v, const char *name, struct fog_ristretto *out)
{
	const char *text = json_string_value(json_object_get(v, name));
	unsigned count = (strlen(text) + 1) / 65;
	char one[65] = {0};
	u8 bytes[32];

	for (unsigned i = 0; i < count && i < PAIRS_MAX; i++) {
		memcpy(one, text + (size_t)65 * i, 64);
		CU_ASSERT_EQUAL(fog_hex_decode(one, bytes, 32), 0);
		CU_ASSERT_EQUAL(fog_ristretto_decode(&out[i], bytes), 0);
	}
	return count;
}

static void scalar_member(json_t *v, const char *name, struct fog_scalar *out)
{
	u8 bytes[32];

	CU_ASSERT_EQUAL(vectors_member(v, name, bytes, sizeof(bytes)), 32);
	CU_ASSERT_EQUAL(fog_scalar_decode(out, bytes), 0);
}

/* POPRF, RFC 9497 section 3.3.3: the key is tweaked by a hash of the public info, and the proof
 * says that the tweaked key takes the evaluated element back to the blinded one. */
static void key_tweak(json_t *v, struct fog_scalar *k)
{
	u8 framed[64] = "Info";
	struct fog_scalar tweak;
	size_t len = vectors_member(v, "Info", framed + 6, sizeof(framed) - 6);

	framed[4] = len >> 8;
	framed[5] = len;
	fog_dleq_hash_to_scalar(&tweak, framed, len + 6, "HashToScalar-", FOG_DLEQ_CONTEXT_POPRF);
	fog_scalar_add(k, k, &tweak);
}

/* RFC 9497 appendix A.1.2 and A.1.3: 3 proofs each, the last over two pairs, byte for byte. */
static void test_vectors(void)
{
	json_t *root = vectors_load("voprf/rfc9497_ristretto255_sha512.json"), *suite, *v;
	u8 proof[FOG_DLEQ_PROOF_SIZE], expect[FOG_DLEQ_PROOF_SIZE], out[32], key[32];
	unsigned seen = 0;
	size_t i, n;

	json_array_foreach(root, i, suite)
	{
		long mode = json_integer_value(json_object_get(suite, "mode"));
		if (mode == 0)
			continue; /* no proofs */
		json_array_foreach(json_object_get(suite, "vectors"), n, v)
		{
			struct fog_dleq_statement s = {.c = mode == 1 ? c : d,
						       .d = mode == 1 ? d : c};
			struct fog_scalar k, r;
			s.context = mode == 1 ? FOG_DLEQ_CONTEXT_VOPRF : FOG_DLEQ_CONTEXT_POPRF;
			s.count = points_member(v, "BlindedElement", c);
			CU_ASSERT_EQUAL(points_member(v, "EvaluationElement", d), s.count);
			CU_ASSERT_EQUAL(s.count, json_integer_value(json_object_get(v, "Batch")));
			scalar_member(suite, "skSm", &k);
			scalar_member(json_object_get(v, "Proof"), "r", &r);
			fog_ristretto_base(&s.a);
			fog_ristretto_mul_base(&s.b, &k);
			fog_ristretto_encode(out, &s.b);
			CU_ASSERT_EQUAL(vectors_member(suite, "pkSm", key, 32), 32);
			CU_ASSERT(memcmp(out, key, 32) == 0);
			if (mode == 2)
				key_tweak(v, &k);
			fog_ristretto_mul_base(&s.b, &k);
			CU_ASSERT_EQUAL(vectors_member(json_object_get(v, "Proof"), "proof", expect,
						       sizeof(expect)),
					sizeof(expect));
			CU_ASSERT_EQUAL(fog_dleq_prove(proof, &s, &k, &r), 0);
			CU_ASSERT(memcmp(proof, expect, sizeof(proof)) == 0);
			CU_ASSERT_EQUAL(fog_dleq_verify(&s, expect), 0);
			seen++;
		}
	}
	CU_ASSERT_EQUAL(seen, 6);
	json_decref(root);
}

FOG_TEST_MAIN("crypto/zk/dleq", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_vectors))
