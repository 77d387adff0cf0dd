/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/sigma.h"

#include "crypto/zk/pedersen.h"
#include "tests/unit/crypto/vectors.h"

#include <errno.h>

static struct fog_rng rng;
static u8 proof[FOG_SIGMA_PROOF_MAX];
static size_t proof_len;

static void scalar_random(struct fog_scalar *out)
{
	u8 wide[FOG_UNIFORM_SIZE];

	fog_rng_bytes(&rng, wide, sizeof(wide));
	fog_scalar_reduce(out, wide);
}

static void point_random(struct fog_ristretto *out)
{
	u8 wide[FOG_UNIFORM_SIZE];

	fog_rng_bytes(&rng, wide, sizeof(wide));
	fog_ristretto_from_uniform(out, wide);
}

static int prove(const char *context, const struct fog_sigma *s, unsigned count, unsigned known,
		 const struct fog_scalar *witness)
{
	struct fog_merlin t;
	u8 random[32];

	fog_rng_bytes(&rng, random, sizeof(random));
	fog_merlin_init(&t, "sigma test");
	fog_merlin_append(&t, "context", context, strlen(context));
	return fog_sigma_prove(&t, s, count, known, witness, random, proof, sizeof(proof),
			       &proof_len);
}

static int verify(const char *context, const struct fog_sigma *s, unsigned count)
{
	struct fog_merlin t;

	fog_merlin_init(&t, "sigma test");
	fog_merlin_append(&t, "context", context, strlen(context));
	return fog_sigma_verify(&t, s, count, proof, proof_len);
}

/* The kinds of statement, each with its witness: 0 Schnorr, 1 Pedersen opening, 2 DLEQ, 3 equal
 * values in two commitments, 4 all of these at once with the DLEQ over the committed value. */
#define KINDS 5

static void statement(unsigned kind, struct fog_sigma *s, struct fog_scalar *witness)
{
	struct fog_ristretto p[6];
	unsigned value, r1, r2;

	memset(witness, 0, FOG_SIGMA_SECRETS_MAX * sizeof(*witness));
	for (unsigned i = 0; i < 3; i++)
		scalar_random(&witness[i]);
	fog_sigma_init(s);
	value = fog_sigma_secret(s);
	if (kind == 0 || kind == 4) {
		point_random(&p[0]);
		fog_ristretto_mul(&p[1], &witness[0], &p[0]);
		fog_sigma_schnorr(s, value, &p[0], &p[1]);
	}
	if (kind == 2 || kind == 4) {
		point_random(&p[0]);
		point_random(&p[2]);
		fog_ristretto_mul(&p[1], &witness[0], &p[0]);
		fog_ristretto_mul(&p[3], &witness[0], &p[2]);
		fog_sigma_dleq(s, value, &p[0], &p[1], &p[2], &p[3]);
	}
	if (kind == 1 || kind == 3 || kind == 4) {
		r1 = fog_sigma_secret(s);
		fog_pedersen_commit(&p[4], &witness[0], &witness[1]);
		fog_sigma_pedersen(s, value, r1, &p[4]);
	}
	if (kind == 3 || kind == 4) {
		r2 = fog_sigma_secret(s);
		fog_pedersen_commit(&p[5], &witness[0], &witness[2]);
		fog_sigma_pedersen(s, value, r2, &p[5]);
	}
}

static void test_life_cycle(void)
{
	static const size_t lengths[KINDS] = {64, 96, 64, 128, 128};
	struct fog_scalar witness[FOG_SIGMA_SECRETS_MAX];
	struct fog_sigma s;

	rng_start(&rng);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		statement(kind, &s, witness);
		CU_ASSERT_EQUAL(prove("a", &s, 1, 0, witness), 0);
		CU_ASSERT_EQUAL(proof_len, lengths[kind]);
		CU_ASSERT_EQUAL(verify("a", &s, 1), 0);
		CU_ASSERT_EQUAL(verify("b", &s, 1), -EBADMSG);
		for (size_t i = 0; i < proof_len; i += 7) {
			proof[i] ^= 1u << (i % 8);
			CU_ASSERT_EQUAL(verify("a", &s, 1), -EBADMSG);
			proof[i] ^= 1u << (i % 8);
		}
		/* Each point exchanged for another spoils the proof: the statement is bound. */
		for (unsigned i = 0; i < s.points; i++) {
			struct fog_sigma other = s;
			point_random(&other.point[i]);
			CU_ASSERT_EQUAL(verify("a", &other, 1), -EBADMSG);
		}
		/* A witness wrong in any one scalar proves nothing. */
		for (unsigned i = 0; i < s.secrets; i++) {
			struct fog_scalar kept = witness[i];
			fog_scalar_add(&witness[i], &witness[i], &fog_scalar_one);
			CU_ASSERT_EQUAL(prove("a", &s, 1, 0, witness), 0);
			CU_ASSERT_EQUAL(verify("a", &s, 1), -EBADMSG);
			witness[i] = kept;
		}
	}
}

static void test_bad_arguments(void)
{
	struct fog_scalar witness[FOG_SIGMA_SECRETS_MAX];
	struct fog_sigma s, bad;
	struct fog_merlin t;
	u8 random[32] = {0};

	rng_start(&rng);
	statement(1, &s, witness);
	fog_sigma_init(&bad);
	CU_ASSERT_EQUAL(prove("a", &bad, 1, 0, witness), -EINVAL);
	(void)fog_sigma_secret(&bad);
	(void)fog_sigma_equation(&bad, fog_sigma_point(&bad, &s.point[0]));
	CU_ASSERT_EQUAL(prove("a", &bad, 1, 0, witness), -EINVAL); /* no term */
	bad = s;
	fog_ristretto_identity(&bad.point[1]);
	CU_ASSERT_EQUAL(prove("a", &bad, 1, 0, witness), -EINVAL);
	CU_ASSERT_EQUAL(verify("a", &bad, 1), -EINVAL);
	CU_ASSERT_EQUAL(prove("a", &s, 0, 0, witness), -EINVAL);
	CU_ASSERT_EQUAL(prove("a", &s, FOG_SIGMA_BRANCHES_MAX + 1, 0, witness), -EINVAL);
	CU_ASSERT_EQUAL(prove("a", &s, 1, 1, witness), -EINVAL);
	CU_ASSERT_EQUAL(fog_sigma_proof_len(&s, 0), 0);
	fog_merlin_init(&t, "x");
	CU_ASSERT_EQUAL(fog_sigma_prove(&t, &s, 1, 0, witness, random, proof, 95, &proof_len),
			-ENOSPC);
	CU_ASSERT_EQUAL(prove("a", &s, 1, 0, witness), 0);
	proof_len--;
	CU_ASSERT_EQUAL(verify("a", &s, 1), -EBADMSG);
	proof_len++;
	CU_ASSERT_EQUAL(verify("a", &s, 0), -EINVAL);
	memset(proof + 32, 0xff, 32);
	CU_ASSERT_EQUAL(verify("a", &s, 1), -EBADMSG);
}

/* One of the kinds is true, the others are not (a foreign witness): the proof verifies whichever it
 * is, and with none it does not. */
static void test_or(void)
{
	struct fog_scalar witness[KINDS][FOG_SIGMA_SECRETS_MAX];
	struct fog_sigma s[KINDS], turned[KINDS];

	rng_start(&rng);
	for (unsigned i = 0; i < KINDS; i++)
		statement(i, &s[i], witness[i]);
	for (unsigned known = 0; known < KINDS; known++) {
		CU_ASSERT_EQUAL(prove("a", s, KINDS, known, witness[known]), 0);
		CU_ASSERT_EQUAL(proof_len, 32 * (KINDS + 1 + 2 + 1 + 3 + 3));
		CU_ASSERT_EQUAL(verify("a", s, KINDS), 0);
		CU_ASSERT_EQUAL(verify("a", s, KINDS - 1), -EBADMSG);
		for (unsigned i = 0; i < KINDS; i++)
			turned[i] = s[(i + 1) % KINDS];
		CU_ASSERT_EQUAL(verify("a", turned, KINDS), -EBADMSG);
		for (unsigned i = 0; i < KINDS; i++) {
			proof[32 * i] ^= 4; /* a challenge */
			CU_ASSERT_EQUAL(verify("a", s, KINDS), -EBADMSG);
			proof[32 * i] ^= 4;
		}
		CU_ASSERT_EQUAL(prove("a", s, KINDS, known, witness[(known + 1) % KINDS]), 0);
		CU_ASSERT_EQUAL(verify("a", s, KINDS), -EBADMSG);
	}
}

/* With an honest prover challenges of all branches look alike: none is zero, none repeats. */
static void test_hiding(void)
{
	struct fog_scalar witness[2][FOG_SIGMA_SECRETS_MAX];
	struct fog_sigma s[2];
	u8 first[64];

	rng_start(&rng);
	statement(0, &s[0], witness[0]);
	statement(0, &s[1], witness[1]);
	CU_ASSERT_EQUAL(prove("a", s, 2, 0, witness[0]), 0);
	memcpy(first, proof, sizeof(first));
	CU_ASSERT_EQUAL(prove("a", s, 2, 0, witness[0]), 0);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_FALSE(fog_is_zero(proof + 32 * i, 32));
		CU_ASSERT_FALSE(fog_equal(proof + 32 * i, first + 32 * i, 32));
	}
	CU_ASSERT_FALSE(fog_equal(proof, proof + 32, 32));
}

FOG_TEST_MAIN("crypto/zk/sigma", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_or), FOG_TEST(test_hiding))
