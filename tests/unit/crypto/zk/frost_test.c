/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/frost.h"

#include "tests/unit/crypto/vectors.h"

#include <errno.h>

#define SIGNERS 5

static const enum fog_frost_suite suites[] = {FOG_FROST_ED25519, FOG_FROST_RISTRETTO255};
static struct fog_rng rng;

struct group {
	struct fog_frost_share share[SIGNERS];
	u8 vss[SIGNERS][FOG_FROST_POINT_SIZE];
	struct fog_frost_nonces nonces[SIGNERS];
	struct fog_frost_commitment commitment[SIGNERS]; /* of those who take part, in order */
	struct fog_scalar z[SIGNERS];
	u8 sig[FOG_FROST_SIZE];
	struct fog_frost_session session;
};

static void group_deal(struct group *g, enum fog_frost_suite suite, unsigned threshold)
{
	struct fog_scalar coefficient[SIGNERS];
	u8 wide[64];

	for (unsigned k = 0; k < threshold; k++) {
		fog_rng_bytes(&rng, wide, sizeof(wide));
		fog_scalar_reduce(&coefficient[k], wide);
	}
	CU_ASSERT_EQUAL(fog_frost_deal(suite, coefficient, threshold, SIGNERS, g->share, g->vss),
			0);
	g->session = (struct fog_frost_session){suite, g->share[0].group, "a message",
						9,     g->commitment,     0};
}

/* Round one of the signers in the mask. */
static void group_commit(struct group *g, unsigned mask)
{
	u8 random[FOG_FROST_RANDOM_SIZE];
	unsigned at = 0;

	for (unsigned i = 0; i < SIGNERS; i++) {
		if ((mask >> i & 1) == 0)
			continue;
		fog_rng_bytes(&rng, random, sizeof(random));
		fog_frost_commit(&g->share[i], random, &g->nonces[i], &g->commitment[at++]);
	}
	g->session.count = at;
}

static void group_sign(struct group *g)
{
	for (unsigned k = 0; k < g->session.count; k++) {
		unsigned i = g->commitment[k].id - 1;
		CU_ASSERT_EQUAL(fog_frost_sign(&g->share[i], &g->nonces[i], &g->session, &g->z[k]),
				0);
		CU_ASSERT(fog_is_zero(&g->nonces[i], sizeof(g->nonces[i])));
		CU_ASSERT_EQUAL(
			fog_frost_share_check(&g->session, i + 1, g->share[i].public, &g->z[k]), 0);
	}
}

/* Any three or more of five, in every combination, sign for one and the same key. */
static void test_life_cycle(void)
{
	struct group g;

	rng_start(&rng);
	for (unsigned n = 0; n < FOG_ARRAY_COUNT(suites); n++) {
		group_deal(&g, suites[n], 3);
		for (unsigned i = 0; i < SIGNERS; i++)
			CU_ASSERT_EQUAL(fog_frost_share_verify(&g.share[i], g.vss), 0);
		for (unsigned mask = 0; mask < 1u << SIGNERS; mask++) {
			if (__builtin_popcount(mask) < 3)
				continue;
			group_commit(&g, mask);
			group_sign(&g);
			CU_ASSERT_EQUAL(fog_frost_aggregate(&g.session, g.z, g.sig), 0);
			CU_ASSERT_EQUAL(fog_frost_verify(suites[n], g.share[0].group, "a message",
							 9, g.sig),
					0);
			CU_ASSERT_EQUAL(fog_frost_verify(suites[n], g.share[0].group, "b message",
							 9, g.sig),
					-EBADMSG);
		}
	}
}

static void test_bad_arguments(void)
{
	struct fog_scalar coefficient[3] = {fog_scalar_one, fog_scalar_one, fog_scalar_one}, z;
	struct group g, kept;

	rng_start(&rng);
	CU_ASSERT_EQUAL(fog_frost_deal(0, coefficient, 2, 3, g.share, g.vss), -EINVAL);
	CU_ASSERT_EQUAL(fog_frost_deal(3, coefficient, 2, 3, g.share, g.vss), -EINVAL);
	CU_ASSERT_EQUAL(fog_frost_deal(1, coefficient, 1, 3, g.share, g.vss), -EINVAL);
	CU_ASSERT_EQUAL(fog_frost_deal(1, coefficient, 3, 2, g.share, g.vss), -EINVAL);
	CU_ASSERT_EQUAL(fog_frost_deal(1, coefficient, 2, 65, g.share, g.vss), -EINVAL);
	coefficient[0] = fog_scalar_zero;
	CU_ASSERT_EQUAL(fog_frost_deal(1, coefficient, 2, 3, g.share, g.vss), -EINVAL);
	CU_ASSERT_EQUAL(fog_frost_verify(0, g.vss[0], "", 0, g.sig), -EINVAL);
	for (unsigned n = 0; n < FOG_ARRAY_COUNT(suites); n++) {
		group_deal(&g, suites[n], 3);
		group_commit(&g, 7);
		kept = g;
#define refused(expect)                                                                    \
	do {                                                                               \
		g.session.commitment = g.commitment;                                       \
		CU_ASSERT_EQUAL(fog_frost_sign(&g.share[0], &g.nonces[0], &g.session, &z), \
				expect);                                                   \
		CU_ASSERT(fog_is_zero(&g.nonces[0], sizeof(g.nonces[0])));                 \
		CU_ASSERT(fog_scalar_is_zero(&z));                                         \
		g = kept;                                                                  \
	} while (0)
		g.session.count = 2; /* below the threshold */
		refused(-EINVAL);
		g.session.suite = suites[1 - n];
		refused(-EINVAL);
		g.session.group = g.share[1].public;
		refused(-EINVAL);
		g.commitment[1].id = 1; /* twice */
		refused(-EINVAL);
		g.commitment[0].id = 0;
		refused(-EINVAL);
		g.commitment[2].id = 2;
		refused(-EINVAL);
		memset(g.commitment[2].hiding, 0, 32);
		refused(-EBADMSG);
		memset(g.commitment[2].binding, 0xff, 32);
		refused(-EBADMSG);
		memcpy(g.commitment[0].hiding, g.commitment[1].hiding, 32); /* not ours */
		refused(-EBADMSG);
		for (unsigned i = 0; i < 3; i++)
			g.commitment[i].id += 3; /* we are not in it */
		refused(-EBADMSG);
		g.session.commitment = g.commitment;
		g.session.group = g.share[0].group;
		CU_ASSERT_EQUAL(fog_frost_share_check(&g.session, 4, g.share[3].public, &z),
				-EINVAL);
#undef refused
	}
}

/* Whoever sends a wrong share is named; a wrong share makes no signature; nor do two of three. */
static void test_cheating(void)
{
	struct group g;

	rng_start(&rng);
	for (unsigned n = 0; n < FOG_ARRAY_COUNT(suites); n++) {
		group_deal(&g, suites[n], 3);
		group_commit(&g, 0x15); /* 1, 3, 5 */
		group_sign(&g);
		fog_scalar_add(&g.z[1], &g.z[1], &fog_scalar_one);
		CU_ASSERT_EQUAL(fog_frost_share_check(&g.session, 1, g.share[0].public, &g.z[0]),
				0);
		CU_ASSERT_EQUAL(fog_frost_share_check(&g.session, 3, g.share[2].public, &g.z[1]),
				-EBADMSG);
		CU_ASSERT_EQUAL(fog_frost_share_check(&g.session, 5, g.share[0].public, &g.z[2]),
				-EBADMSG);
		CU_ASSERT_EQUAL(fog_frost_aggregate(&g.session, g.z, g.sig), -EBADMSG);
		/* Two who lower their own threshold still hold points of a parabola. */
		g.share[0].threshold = g.share[1].threshold = 2;
		group_commit(&g, 3);
		group_sign(&g);
		CU_ASSERT_EQUAL(fog_frost_aggregate(&g.session, g.z, g.sig), -EBADMSG);
		/* A dealer's share that does not fit. */
		fog_scalar_add(&g.share[3].secret, &g.share[3].secret, &fog_scalar_one);
		CU_ASSERT_EQUAL(fog_frost_share_verify(&g.share[3], g.vss), -EBADMSG);
		CU_ASSERT_EQUAL(fog_frost_share_verify(&g.share[4], g.vss), 0);
		memcpy(g.vss[1], g.vss[2], 32);
		CU_ASSERT_EQUAL(fog_frost_share_verify(&g.share[4], g.vss), -EBADMSG);
	}
}

static void scalar_member(json_t *v, const char *name, struct fog_scalar *out)
{
	u8 bytes[32];

	CU_ASSERT_EQUAL(vectors_member(v, name, bytes, sizeof(bytes)), 32);
	CU_ASSERT_EQUAL(fog_scalar_decode(out, bytes), 0);
}

static void scalar_expect(json_t *v, const char *name, const struct fog_scalar *s)
{
	struct fog_scalar expect;

	scalar_member(v, name, &expect);
	CU_ASSERT(fog_scalar_equal(&expect, s));
}

static void bytes_expect(json_t *v, const char *name, const u8 *bytes, size_t len)
{
	u8 expect[64];

	CU_ASSERT_EQUAL(vectors_member(v, name, expect, sizeof(expect)), len);
	CU_ASSERT(memcmp(expect, bytes, len) == 0);
}

/* RFC 9591 appendix E.1 or E.3: shares from the polynomial, nonces from their randomness, shares of
 * the signature and the signature, all byte for byte. */
static void vector_run(const char *path, enum fog_frost_suite suite)
{
	json_t *root = vectors_load(path), *v;
	json_t *in = json_object_get(root, "inputs");
	json_t *one = json_object_get(json_object_get(root, "round_one_outputs"), "outputs");
	json_t *two = json_object_get(json_object_get(root, "round_two_outputs"), "outputs");
	struct fog_scalar coefficient[2];
	u8 msg[16], random[FOG_FROST_RANDOM_SIZE], text[32];
	struct group g = {0};
	size_t i;

	scalar_member(in, "group_secret_key", &coefficient[0]);
	CU_ASSERT_EQUAL(
		vectors_hex(json_array_get(json_object_get(in, "share_polynomial_coefficients"), 0),
			    text, 32),
		32);
	CU_ASSERT_EQUAL(fog_scalar_decode(&coefficient[1], text), 0);
	CU_ASSERT_EQUAL(fog_frost_deal(suite, coefficient, 2, 3, g.share, g.vss), 0);
	json_array_foreach(json_object_get(in, "participant_shares"), i, v)
		scalar_expect(v, "participant_share", &g.share[i].secret);
	bytes_expect(in, "group_public_key", g.share[0].group, 32);

	g.session = (struct fog_frost_session){suite, g.share[0].group, msg, 0, g.commitment, 2};
	g.session.msg_len = vectors_member(in, "message", msg, sizeof(msg));
	json_array_foreach(one, i, v)
	{
		unsigned at = json_integer_value(json_object_get(v, "identifier")) - 1;
		CU_ASSERT_EQUAL(vectors_member(v, "hiding_nonce_randomness", random, 32), 32);
		CU_ASSERT_EQUAL(vectors_member(v, "binding_nonce_randomness", random + 32, 32), 32);
		fog_frost_commit(&g.share[at], random, &g.nonces[at], &g.commitment[i]);
		scalar_expect(v, "hiding_nonce", &g.nonces[at].hiding);
		scalar_expect(v, "binding_nonce", &g.nonces[at].binding);
		bytes_expect(v, "hiding_nonce_commitment", g.commitment[i].hiding, 32);
		bytes_expect(v, "binding_nonce_commitment", g.commitment[i].binding, 32);
	}
	CU_ASSERT_EQUAL(json_array_size(two), 2);
	json_array_foreach(two, i, v)
	{
		unsigned at = json_integer_value(json_object_get(v, "identifier")) - 1;
		CU_ASSERT_EQUAL(fog_frost_sign(&g.share[at], &g.nonces[at], &g.session, &g.z[i]),
				0);
		scalar_expect(v, "sig_share", &g.z[i]);
	}
	CU_ASSERT_EQUAL(fog_frost_aggregate(&g.session, g.z, g.sig), 0);
	bytes_expect(json_object_get(root, "final_output"), "sig", g.sig, sizeof(g.sig));
	json_decref(root);
}

static void test_vectors(void)
{
	vector_run("frost/frost-ed25519-sha512.json", FOG_FROST_ED25519);
	vector_run("frost/frost-ristretto255-sha512.json", FOG_FROST_RISTRETTO255);
}

FOG_TEST_MAIN("crypto/zk/frost", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_cheating), FOG_TEST(test_vectors))
