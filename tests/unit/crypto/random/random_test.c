/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/random/random.h"

#include "tests/unit/crypto/vectors.h"

#include <math.h>

static void test_life_cycle(void)
{
	u8 seed[FOG_RNG_SEED_SIZE] = {1}, a[3000], b[3000];
	struct fog_rng one, two;

	fog_rng_init(&one, seed);
	fog_rng_init_u64(&two, 1);
	fog_rng_bytes(&one, a, sizeof(a));
	for (size_t at = 0; at < sizeof(b); at += 100)
		fog_rng_bytes(&two, b + at, 100);
	CU_ASSERT(memcmp(a, b, sizeof(a)) == 0);
	CU_ASSERT_EQUAL(fog_rng_u64(&one), fog_rng_u64(&two));
	fog_rng_wipe(&one);
	CU_ASSERT(fog_is_zero(&one, sizeof(one)));
	fog_random_bytes(a, 64);
	CU_ASSERT_FALSE(fog_is_zero(a, 64));
	fog_random_bytes(b, 64);
	CU_ASSERT(memcmp(a, b, 64) != 0);
}

/* RFC 8439 appendix A.1: with an all-zero key and nonce ChaCha20's second block half is bytes
 * 32..63 of test vector 1; the first 32 bytes became the next key. */
static void test_stream(void)
{
	u8 seed[FOG_RNG_SEED_SIZE] = {0}, out[32], expect[32];
	struct fog_rng rng;

	fog_rng_init(&rng, seed);
	fog_rng_bytes(&rng, out, sizeof(out));
	CU_ASSERT_EQUAL(
		fog_hex_decode("da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
			       expect, 32),
		0);
	CU_ASSERT(memcmp(out, expect, 32) == 0);
}

/* What was given out is gone from the state. */
static void test_erased(void)
{
	struct fog_rng rng;
	u8 out[64];

	fog_rng_init_u64(&rng, 4);
	for (unsigned i = 0; i < 40; i++) {
		fog_rng_bytes(&rng, out, sizeof(out));
		CU_ASSERT_PTR_NULL(memmem(&rng, sizeof(rng), out + 40, 24));
	}
}

static void test_below(void)
{
	struct fog_rng rng;
	unsigned bin[6] = {0};

	rng_start(&rng);
	for (unsigned i = 0; i < 60000; i++)
		bin[fog_rng_below(&rng, 6)]++;
	for (unsigned i = 0; i < 6; i++) /* 10,000 +- 7 standard deviations of 91 */
		CU_ASSERT(bin[i] > 9360 && bin[i] < 10640);
	for (unsigned i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(fog_rng_below(&rng, 1), 0);
		CU_ASSERT(fog_rng_below(&rng, UINT64_MAX) < UINT64_MAX);
		CU_ASSERT(fog_rng_below(&rng, (1ull << 63) + 1) <= 1ull << 63);
	}
}

static void test_unit(void)
{
	struct fog_rng rng;
	double sum = 0, squares = 0;

	rng_start(&rng);
	for (unsigned i = 0; i < 20000; i++) {
		double x = fog_rng_unit(&rng);
		CU_ASSERT_FATAL(x >= 0);
		CU_ASSERT_FATAL(x < 1);
		sum += x;
		squares += x * x;
	}
	CU_ASSERT(fabs(sum / 20000 - 0.5) < 0.015);
	CU_ASSERT(fabs(squares / 20000 - 1.0 / 3) < 0.015);
}

FOG_TEST_MAIN("crypto/random/random", FOG_TEST(test_life_cycle), FOG_TEST(test_stream),
	      FOG_TEST(test_erased), FOG_TEST(test_below), FOG_TEST(test_unit))
