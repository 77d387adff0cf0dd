/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/pedersen.h"

#include "crypto/hash/keccak.h"
#include "tests/unit/crypto/vectors.h"

static void scalar_random(struct fog_rng *rng, struct fog_scalar *out)
{
	u8 wide[FOG_UNIFORM_SIZE];

	fog_rng_bytes(rng, wide, sizeof(wide));
	fog_scalar_reduce(out, wide);
}

/* Commitments add up as values and blindings do, and zero and zero give the identity. */
static void test_life_cycle(void)
{
	struct fog_scalar v[2], r[2], value, blinding;
	struct fog_ristretto c[2], sum, both;
	struct fog_rng rng;

	rng_start(&rng);
	for (unsigned i = 0; i < 2; i++) {
		scalar_random(&rng, &v[i]);
		scalar_random(&rng, &r[i]);
		fog_pedersen_commit(&c[i], &v[i], &r[i]);
	}
	fog_scalar_add(&value, &v[0], &v[1]);
	fog_scalar_add(&blinding, &r[0], &r[1]);
	fog_pedersen_commit(&both, &value, &blinding);
	fog_ristretto_add(&sum, &c[0], &c[1]);
	CU_ASSERT(fog_ristretto_equal(&sum, &both));
	fog_pedersen_commit(&both, &blinding, &value);
	CU_ASSERT_FALSE(fog_ristretto_equal(&sum, &both));
	fog_pedersen_commit(&both, &fog_scalar_zero, &fog_scalar_zero);
	CU_ASSERT(fog_ristretto_is_identity(&both));
	fog_pedersen_commit(&both, &v[0], &fog_scalar_zero);
	fog_ristretto_mul_base(&sum, &v[0]);
	CU_ASSERT(fog_ristretto_equal(&sum, &both));
}

/* SHA3-512 has a rate of 72 bytes; its whole output is in the first eight lanes. */
static void test_base_is_a_hash(void)
{
	struct fog_ristretto base, blinding, derived;
	u64 lane[25] = {0};

	fog_pedersen_bases(&base, &blinding);
	fog_ristretto_encode((u8 *)lane, &base);
	((u8 *)lane)[32] = 0x06;
	((u8 *)lane)[71] = 0x80;
	fog_keccak_permute(lane);
	fog_ristretto_from_uniform(&derived, (u8 *)lane);
	CU_ASSERT(fog_ristretto_equal(&derived, &blinding));
}

FOG_TEST_MAIN("crypto/zk/pedersen", FOG_TEST(test_life_cycle), FOG_TEST(test_base_is_a_hash))
