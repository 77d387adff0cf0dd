/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/member.h"

#include "crypto/zk/pedersen.h"
#include "tests/unit/crypto/vectors.h"

#include <errno.h>

static struct fog_member_work work;
static struct fog_ristretto list[FOG_MEMBER_COUNT_MAX];
static struct fog_rng rng;
static u8 proof[FOG_MEMBER_PROOF_MAX];
static size_t proof_len;

static void scalar_random(struct fog_scalar *out)
{
	u8 wide[FOG_UNIFORM_SIZE];

	fog_rng_bytes(&rng, wide, sizeof(wide));
	fog_scalar_reduce(out, wide);
}

static int prove(const struct fog_member_statement *s, unsigned index,
		 const struct fog_scalar *secret)
{
	struct fog_merlin t;
	u8 random[32];

	fog_rng_bytes(&rng, random, sizeof(random));
	fog_merlin_init(&t, "member test");
	int rc = fog_member_prove(&work, &t, s, index, secret, random, proof, sizeof(proof),
				  &proof_len);
	CU_ASSERT(rc != 0 || fog_is_zero(&work, sizeof(work)));
	return rc;
}

static int verify(const char *label, const struct fog_member_statement *s)
{
	struct fog_merlin t;
	u8 random[32];

	fog_rng_bytes(&rng, random, sizeof(random));
	fog_merlin_init(&t, label);
	return fog_member_verify(&work, &t, s, proof, proof_len, random);
}

/* A list of random keys but for one, whose secret is returned. */
static void keys(unsigned count, unsigned index, struct fog_scalar *secret)
{
	u8 wide[FOG_UNIFORM_SIZE];

	for (unsigned i = 0; i < count; i++) {
		fog_rng_bytes(&rng, wide, sizeof(wide));
		fog_ristretto_from_uniform(&list[i], wide);
	}
	scalar_random(secret);
	fog_ristretto_mul_base(&list[index], secret);
}

/* Every place in lists of every length up to 9, powers of two or not. */
static void test_life_cycle(void)
{
	struct fog_member_statement s = {list, 0, FOG_MEMBER_KEY};
	struct fog_scalar secret;

	rng_start(&rng);
	for (s.count = 2; s.count <= 9; s.count++) {
		for (unsigned i = 0; i < s.count; i++) {
			keys(s.count, i, &secret);
			CU_ASSERT_EQUAL(prove(&s, i, &secret), 0);
			CU_ASSERT_EQUAL(proof_len, fog_member_proof_len(s.count));
			CU_ASSERT_EQUAL(verify("member test", &s), 0);
			if (i != 1)
				continue;
			CU_ASSERT_EQUAL(verify("member tesT", &s), -EBADMSG);
			CU_ASSERT_EQUAL(prove(&s, 0, &secret), 0); /* secret of another */
			CU_ASSERT_EQUAL(verify("member test", &s), -EBADMSG);
			fog_scalar_add(&secret, &secret, &fog_scalar_one);
			CU_ASSERT_EQUAL(prove(&s, i, &secret), 0);
			CU_ASSERT_EQUAL(verify("member test", &s), -EBADMSG);
		}
	}
}

static void test_bad_arguments(void)
{
	static const struct {
		unsigned count;
		size_t len;
	} lengths[] = {{0, 0},   {1, 0},   {2, 256},     {3, 480},
		       {4, 480}, {5, 704}, {1024, 2272}, {1025, 0}};
	struct fog_member_statement s = {list, 4, FOG_MEMBER_KEY}, bad = s;
	struct fog_scalar secret;
	struct fog_merlin t;
	u8 random[32] = {0};

	rng_start(&rng);
	keys(4, 2, &secret);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(lengths); i++) {
		CU_ASSERT_EQUAL(fog_member_proof_len(lengths[i].count), lengths[i].len);
		bad.count = lengths[i].count;
		if (lengths[i].len == 0) {
			CU_ASSERT_EQUAL(prove(&bad, 0, &secret), -EINVAL);
			CU_ASSERT_EQUAL(verify("member test", &bad), -EINVAL);
		}
	}
	bad = s;
	bad.base = 0;
	CU_ASSERT_EQUAL(prove(&bad, 2, &secret), -EINVAL);
	CU_ASSERT_EQUAL(verify("member test", &bad), -EINVAL);
	CU_ASSERT_EQUAL(prove(&s, 4, &secret), -EINVAL);
	fog_merlin_init(&t, "x");
	CU_ASSERT_EQUAL(fog_member_prove(&work, &t, &s, 2, &secret, random, proof, 479, &proof_len),
			-ENOSPC);
	CU_ASSERT_EQUAL(prove(&s, 2, &secret), 0);
	proof_len--;
	CU_ASSERT_EQUAL(verify("member test", &s), -EBADMSG);
}

/* One bit of every item turned; every item zero; every element of the list exchanged; other base.
 */
static void test_tampering(void)
{
	struct fog_member_statement s = {list, 7, FOG_MEMBER_KEY}, other = s;
	struct fog_ristretto kept;
	struct fog_scalar secret;
	u8 item[32];

	rng_start(&rng);
	keys(7, 5, &secret);
	CU_ASSERT_EQUAL(prove(&s, 5, &secret), 0);
	for (size_t i = 0; i < proof_len; i += 32) {
		memcpy(item, proof + i, 32);
		proof[i + i / 32] ^= 2;
		CU_ASSERT_EQUAL(verify("member test", &s), -EBADMSG);
		memset(proof + i, 0, 32);
		CU_ASSERT_EQUAL(verify("member test", &s), -EBADMSG);
		memcpy(proof + i, item, 32);
	}
	for (unsigned i = 0; i < 7; i++) {
		kept = list[i];
		fog_ristretto_add(&list[i], &list[i], &list[(i + 1) % 7]);
		CU_ASSERT_EQUAL(verify("member test", &s), -EBADMSG);
		list[i] = kept;
	}
	other.base = FOG_MEMBER_BLINDING;
	CU_ASSERT_EQUAL(verify("member test", &other), -EBADMSG);
	other = s;
	other.count = 6;
	CU_ASSERT_EQUAL(verify("member test", &other), -EBADMSG);
	CU_ASSERT_EQUAL(verify("member test", &s), 0);
}

/* The committed value is one of a set of 40; with a value outside no opening helps. */
static void test_values(void)
{
	struct fog_member_statement s = {list, 40, FOG_MEMBER_BLINDING};
	struct fog_scalar set[40], value, blinding;
	struct fog_ristretto c;

	rng_start(&rng);
	for (unsigned i = 0; i < 40; i++)
		fog_scalar_from_u64(&set[i], 100 + 3 * i);
	scalar_random(&blinding);
	fog_scalar_from_u64(&value, 100 + 3 * 23);
	fog_pedersen_commit(&c, &value, &blinding);
	fog_member_values(list, &c, set, 40);
	CU_ASSERT_EQUAL(prove(&s, 23, &blinding), 0);
	CU_ASSERT_EQUAL(verify("member test", &s), 0);
	fog_scalar_from_u64(&value, 101);
	fog_pedersen_commit(&c, &value, &blinding);
	fog_member_values(list, &c, set, 40);
	for (unsigned i = 0; i < 40; i += 13) {
		CU_ASSERT_EQUAL(prove(&s, i, &blinding), 0);
		CU_ASSERT_EQUAL(verify("member test", &s), -EBADMSG);
	}
}

FOG_TEST_MAIN("crypto/zk/member", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_tampering), FOG_TEST(test_values))
