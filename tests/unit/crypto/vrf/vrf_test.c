/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/vrf/vrf.h"

#include "crypto/curve/scalar.h"
#include "crypto/vrf/internal.h"
#include "tests/unit/crypto/vectors.h"

#include <errno.h>

static const enum fog_vrf_suite suites[] = {FOG_VRF_TAI, FOG_VRF_ELL2};

static void test_life_cycle(void)
{
	u8 seed[32] = {5}, pk[32], sk[64], proof[FOG_VRF_PROOF_SIZE], other[FOG_VRF_PROOF_SIZE];
	u8 batch[FOG_VRF_BATCH_PROOF_SIZE];
	u8 beta[FOG_VRF_OUTPUT_SIZE], again[FOG_VRF_OUTPUT_SIZE];

	fog_sign_keypair(pk, sk, seed);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(fog_vrf_prove(suites[i], sk, "epoch 7", 7, proof), 0);
		CU_ASSERT_EQUAL(fog_vrf_prove(suites[i], sk, "epoch 7", 7, other), 0);
		CU_ASSERT(memcmp(proof, other, sizeof(proof)) == 0);
		CU_ASSERT_EQUAL(fog_vrf_verify(suites[i], pk, "epoch 7", 7, proof, beta), 0);
		CU_ASSERT_EQUAL(fog_vrf_verify(suites[i], pk, "epoch 7", 7, proof, NULL), 0);
		CU_ASSERT_EQUAL(fog_vrf_proof_to_hash(suites[i], proof, FOG_VRF_PROOF_SIZE, again),
				0);
		CU_ASSERT(memcmp(beta, again, sizeof(beta)) == 0);
		CU_ASSERT_EQUAL(fog_vrf_prove_batch(suites[i], sk, "epoch 7", 7, batch), 0);
		CU_ASSERT_EQUAL(
			fog_vrf_proof_to_hash(suites[i], batch, FOG_VRF_BATCH_PROOF_SIZE, again),
			0);
		CU_ASSERT(memcmp(beta, again, sizeof(beta)) == 0);
	}
}

/* Everything but the right proof for the right key, input and suite is refused. */
static void test_bad_arguments(void)
{
	u8 seed[32] = {6}, pk[32], sk[64], proof[FOG_VRF_PROOF_SIZE], beta[FOG_VRF_OUTPUT_SIZE];
	static u8 alpha[FOG_VRF_ALPHA_MAX + 1];
	static const u8 order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
				     0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
	u8 small[32] = {1};
	unsigned carry = 0;

	fog_sign_keypair(pk, sk, seed);
	CU_ASSERT_EQUAL(fog_vrf_prove(2, sk, alpha, 3, proof), -EINVAL);
	CU_ASSERT_EQUAL(fog_vrf_prove(FOG_VRF_TAI, sk, alpha, sizeof(alpha), proof), -EINVAL);
	CU_ASSERT_EQUAL(fog_vrf_prove(FOG_VRF_TAI, sk, alpha, sizeof(alpha) - 1, proof), 0);
	CU_ASSERT_EQUAL(fog_vrf_prove(FOG_VRF_TAI, sk, alpha, 3, proof), 0);
	CU_ASSERT_EQUAL(fog_vrf_verify(5, pk, alpha, 3, proof, beta), -EINVAL);
	CU_ASSERT_EQUAL(fog_vrf_verify(FOG_VRF_TAI, pk, alpha, sizeof(alpha), proof, beta),
			-EINVAL);
	CU_ASSERT_EQUAL(fog_vrf_verify(FOG_VRF_ELL2, pk, alpha, 3, proof, beta), -EBADMSG);
	CU_ASSERT_EQUAL(fog_vrf_verify(FOG_VRF_TAI, pk, alpha, 4, proof, beta), -EBADMSG);
	CU_ASSERT_EQUAL(fog_vrf_verify(FOG_VRF_TAI, small, alpha, 3, proof, beta), -EBADMSG);
	pk[4] ^= 1;
	CU_ASSERT_EQUAL(fog_vrf_verify(FOG_VRF_TAI, pk, alpha, 3, proof, beta), -EBADMSG);
	pk[4] ^= 1;
	for (unsigned bit = 0; bit < 8 * FOG_VRF_PROOF_SIZE; bit += 3) {
		proof[bit / 8] ^= 1 << bit % 8;
		memset(beta, 1, sizeof(beta));
		CU_ASSERT_EQUAL(fog_vrf_verify(FOG_VRF_TAI, pk, alpha, 3, proof, beta), -EBADMSG);
		CU_ASSERT(fog_is_zero(beta, sizeof(beta)));
		proof[bit / 8] ^= 1 << bit % 8;
	}
	for (unsigned i = 0; i < 32; i++) { /* s + L is the same scalar, and not the same proof */
		carry += proof[48 + i] + order[i];
		proof[48 + i] = (u8)carry;
		carry >>= 8;
	}
	CU_ASSERT_EQUAL(carry, 0);
	CU_ASSERT_EQUAL(fog_vrf_verify(FOG_VRF_TAI, pk, alpha, 3, proof, beta), -EBADMSG);
	CU_ASSERT_EQUAL(fog_vrf_proof_to_hash(FOG_VRF_TAI, proof, 79, beta), -EBADMSG);
	memset(proof, 0xff, 32);
	CU_ASSERT_EQUAL(fog_vrf_proof_to_hash(FOG_VRF_TAI, proof, 80, beta), -EBADMSG);
}

static void check_hex(const json_t *t, const char *name, const u8 *value, size_t size)
{
	u8 expect[160];

	CU_ASSERT_EQUAL_FATAL(vectors_member(t, name, expect, sizeof(expect)), size);
	CU_ASSERT(memcmp(expect, value, size) == 0);
}

static void check_input(const json_t *t, const struct fog_vrf_input *in)
{
	u8 bytes[48], encoding[32];
	struct fog_ge_affine p;
	struct fe u;
	u64 w[4];

	if (in->suite == FOG_VRF_TAI) {
		unsigned ctr = (unsigned)json_integer_value(json_object_get(t, "ctr"));
		for (unsigned i = 0; i <= ctr; i++) {
			fog_vrf_try(bytes, in, i);
			CU_ASSERT_EQUAL(fog_ge_from_bytes(&p, bytes), i < ctr ? -EBADMSG : 0);
		}
		return;
	}
	fog_elligator_uniform(bytes, in);
	check_hex(t, "uniform_bytes", bytes, 48);
	fog_elligator_field(&u, bytes);
	fe_to_words(w, &u);
	for (unsigned i = 0; i < 4; i++) /* the file has it little-endian */
		fog_store_u64(encoding + 8 * i, w[i]);
	check_hex(t, "u", encoding, 32);
}

static void check_vector(const json_t *t)
{
	const char *suite = json_string_value(json_object_get(t, "suite"));
	u8 sk[64], pk[32], alpha[64], x[32], k[32], h[32], beta[64], output[64];
	u8 proof[FOG_VRF_PROOF_SIZE], batch[FOG_VRF_BATCH_PROOF_SIZE], seed[32];
	struct fog_vrf_input in = {strstr(suite, "TAI") != NULL ? FOG_VRF_TAI : FOG_VRF_ELL2, pk,
				   alpha, 0};
	struct fog_ge_ext point;

	vectors_member(t, "SK", seed, 32);
	in.len = vectors_member(t, "alpha", alpha, sizeof(alpha));
	fog_sign_keypair(pk, sk, seed);
	check_hex(t, "PK", pk, 32);
	check_input(t, &in);
	CU_ASSERT_EQUAL(fog_vrf_hash_point(&point, &in), 0);
	fog_ge_to_bytes(h, &point);
	check_hex(t, "H", h, 32);
	fog_vrf_nonce(k, sk, h);
	check_hex(t, "k", k, 32);
	CU_ASSERT_EQUAL(fog_vrf_prove(in.suite, sk, alpha, in.len, proof), 0);
	check_hex(t, "pi", proof, sizeof(proof));
	CU_ASSERT_EQUAL(fog_vrf_prove_batch(in.suite, sk, alpha, in.len, batch), 0);
	check_hex(t, "U", batch + 33, 32);
	check_hex(t, "V", batch + 65, 32);
	check_hex(t, "pi_batchcompat_128B", batch + 1, 128);
	CU_ASSERT_EQUAL(batch[0], FOG_VRF_BATCH_VERSION);
	CU_ASSERT_EQUAL(fog_vrf_verify(in.suite, pk, alpha, in.len, proof, beta), 0);
	check_hex(t, "beta", beta, 64);
	CU_ASSERT_EQUAL(fog_vrf_proof_to_hash(in.suite, proof, sizeof(proof), output), 0);
	CU_ASSERT(memcmp(beta, output, 64) == 0);
	/* x is given clamped, ours is reduced: the same multiple of the base point. */
	fog_vrf_secret(x, sk);
	struct fog_sc ours, theirs, one = {{1}};
	u8 clamped[32];
	vectors_member(t, "x", clamped, 32);
	fog_sc_load(&ours, x);
	fog_sc_load(&theirs, clamped);
	fog_sc_mul(&theirs, &theirs, &one);
	CU_ASSERT(memcmp(&ours, &theirs, sizeof(ours)) == 0);
}

static void rfc9381_body(void)
{
	json_t *root = vectors_load("vrf/rfc9381_edwards25519.json"), *t;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(json_array_size(json_object_get(root, "vectors")), 6);
	json_array_foreach(json_object_get(root, "vectors"), i, t)
	{
		check_vector(t);
	}
	json_decref(root);
}

static void test_rfc9381(void)
{
	each_path(rfc9381_body);
}

/* Hexadecimal text as a number: "0x" and at most 64 digits, most significant first. */
static void number(const json_t *text, u64 w[4])
{
	const char *hex = json_string_value(text) + 2;
	size_t len = strlen(hex);

	memset(w, 0, 4 * sizeof(*w));
	for (size_t i = 0; i < len; i++) {
		char digit[2] = {hex[len - 1 - i], 0};
		w[i / 16] |= strtoull(digit, NULL, 16) << (4 * (i % 16));
	}
}

static void check_affine(const json_t *point, const struct fog_ge_ext *p)
{
	struct fog_ge_affine a;
	u64 expect[4], w[4];

	fog_ge_normalize(&a, p, 1);
	number(json_object_get(point, "x"), expect);
	fe_to_words(w, &a.x);
	CU_ASSERT(memcmp(w, expect, sizeof(w)) == 0);
	number(json_object_get(point, "y"), expect);
	fe_to_words(w, &a.y);
	CU_ASSERT(memcmp(w, expect, sizeof(w)) == 0);
}

/* RFC 9380 appendix J.5.2, from u on: its domain is another than ours. */
static void test_elligator(void)
{
	json_t *root = vectors_load("h2c/edwards25519_ell2_nu.json"), *t;
	json_t *list = json_object_get(root, "vectors");
	struct fog_ge_ext p;
	struct fe u;
	u64 w[4];
	size_t i;

	CU_ASSERT_EQUAL_FATAL(json_array_size(list), 5);
	json_array_foreach(list, i, t)
	{
		number(json_array_get(json_object_get(t, "u"), 0), w);
		fe_from_words(&u, w);
		fog_elligator_map(&p, &u);
		check_affine(json_object_get(t, "Q"), &p);
		fog_ge_double(&p, &p, 3);
		check_affine(json_object_get(t, "P"), &p);
	}
	/* u = 0 has s = 0 or s = -J; the map must still give a point of the curve. */
	fe_set(&u, 0);
	fog_elligator_map(&p, &u);
	CU_ASSERT_FALSE(fe_is_zero(&p.z));
	json_decref(root);
}

/* The reduction of 384 bits against schoolbook division by doubling. */
static void test_field(void)
{
	struct fog_rng rng;
	u8 bytes[48];

	rng_start(&rng);
	for (unsigned n = 0; n < 200; n++) {
		struct fe u, slow, bit;
		fog_rng_bytes(&rng, bytes, sizeof(bytes));
		if (n < 3)
			memset(bytes, n == 0 ? 0 : 0xff, sizeof(bytes));
		if (n == 2)
			bytes[16] = 0x7f;
		fog_elligator_field(&u, bytes);
		fe_set(&slow, 0);
		for (unsigned i = 0; i < 384; i++) {
			fe_add(&slow, &slow, &slow);
			fe_set(&bit, bytes[i / 8] >> (7 - i % 8) & 1);
			fe_add(&slow, &slow, &bit);
		}
		fe_sub(&slow, &slow, &u);
		CU_ASSERT(fe_is_zero(&slow));
	}
}

/* Inputs of every length class, random keys; a proof fits no other input. */
static void test_random(void)
{
	struct fog_rng rng;
	u8 seed[32], pk[32], sk[64], alpha[300], proof[FOG_VRF_PROOF_SIZE], beta[64],
		last[64] = {0};

	rng_start(&rng);
	for (unsigned n = 0; n < 60; n++) {
		enum fog_vrf_suite suite = suites[n % 2];
		size_t len = fog_rng_below(&rng, sizeof(alpha)) + 1;
		fog_rng_bytes(&rng, seed, sizeof(seed));
		fog_rng_bytes(&rng, alpha, sizeof(alpha));
		fog_sign_keypair(pk, sk, seed);
		CU_ASSERT_EQUAL(fog_vrf_prove(suite, sk, alpha, len, proof), 0);
		CU_ASSERT_EQUAL(fog_vrf_verify(suite, pk, alpha, len, proof, beta), 0);
		CU_ASSERT(memcmp(beta, last, sizeof(beta)) != 0);
		memcpy(last, beta, sizeof(last));
		alpha[fog_rng_below(&rng, len)] ^= 1;
		CU_ASSERT_EQUAL(fog_vrf_verify(suite, pk, alpha, len, proof, beta), -EBADMSG);
	}
}

FOG_TEST_MAIN("crypto/vrf/vrf", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_rfc9381), FOG_TEST(test_elligator), FOG_TEST(test_field),
	      FOG_TEST(test_random))
