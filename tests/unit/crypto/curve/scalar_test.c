/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/scalar.h"

#include "crypto/curve/msm.h"
#include "crypto/curve/window.h"
#include "tests/unit/crypto/vectors.h"

#include <sodium.h>

static const u8 order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
			     0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};

static void test_life_cycle(void)
{
	u8 bytes[32] = {7, 1, [31] = 0x0f}, out[32];
	struct fog_sc a;

	CU_ASSERT(fog_sc_is_canonical(bytes));
	fog_sc_load(&a, bytes);
	fog_sc_store(out, &a);
	CU_ASSERT(memcmp(out, bytes, 32) == 0);
}

/* 1 the order, 2 one more, 3 one less, 4 all ones, 5 zero, 6 and 7 with bits above. */
static void test_bad_arguments(void)
{
	u8 a[32];

	memcpy(a, order, 32);
	CU_ASSERT_FALSE(fog_sc_is_canonical(a));
	a[0]++;
	CU_ASSERT_FALSE(fog_sc_is_canonical(a));
	a[0] -= 2;
	CU_ASSERT(fog_sc_is_canonical(a));
	memset(a, 0xff, 32);
	CU_ASSERT_FALSE(fog_sc_is_canonical(a));
	memset(a, 0, 32);
	CU_ASSERT(fog_sc_is_canonical(a));
	a[31] = 0x20;
	CU_ASSERT_FALSE(fog_sc_is_canonical(a));
	a[31] = 0x80;
	CU_ASSERT_FALSE(fog_sc_is_canonical(a));
}

static void number_random(u8 *out, size_t len, unsigned i, struct fog_rng *rng)
{
	fog_rng_bytes(rng, out, len);
	if (i % 5 == 1)
		memset(out, 0xff, len);
	if (i % 5 == 2)
		memset(out + fog_rng_below(rng, len), 0, 1);
	if (i % 5 == 3) /* near a multiple of the order */
		memcpy(out, order, 32);
	if (i % 5 == 4)
		memset(out + len / 2, 0, len - len / 2);
}

/* Against libsodium. */
static void test_random(void)
{
	u8 wide[64], a[32], b[32], expect[32], out[32];
	struct fog_sc x, y, z;
	struct fog_rng rng;

	rng_start(&rng);
	for (unsigned i = 0; i < 2000; i++) {
		number_random(wide, 64, i, &rng);
		crypto_core_ed25519_scalar_reduce(expect, wide);
		fog_sc_reduce_bytes(&x, wide);
		fog_sc_store(out, &x);
		CU_ASSERT(memcmp(out, expect, 32) == 0);
		memcpy(a, expect, 32);
		number_random(wide, 64, i / 5, &rng);
		crypto_core_ed25519_scalar_reduce(b, wide);
		fog_sc_load(&y, b);
		crypto_core_ed25519_scalar_mul(expect, a, b);
		fog_sc_mul(&z, &x, &y);
		fog_sc_store(out, &z);
		CU_ASSERT(memcmp(out, expect, 32) == 0);
		crypto_core_ed25519_scalar_add(expect, expect, b);
		fog_sc_muladd(&z, &x, &y, &y);
		fog_sc_store(out, &z);
		CU_ASSERT(memcmp(out, expect, 32) == 0);
		crypto_core_ed25519_scalar_add(expect, a, b);
		fog_sc_add(&z, &x, &y);
		fog_sc_store(out, &z);
		CU_ASSERT(memcmp(out, expect, 32) == 0);
		crypto_core_ed25519_scalar_negate(expect, a);
		fog_sc_negate(&z, &x);
		fog_sc_store(out, &z);
		CU_ASSERT(memcmp(out, expect, 32) == 0);
		CU_ASSERT(fog_sc_is_canonical(out));
	}
	memset(&x, 0, sizeof(x));
	fog_sc_negate(&z, &x);
	CU_ASSERT(fog_is_zero(&z, sizeof(z)));
}

/* Around multiples of 2^252, where the remainders of a reduction are largest and smallest, and
 * around multiples of the order; against libsodium. */
static void test_edges(void)
{
	u8 wide[64], expect[32], out[32];
	struct fog_sc x;
	struct fog_rng rng;

	rng_start(&rng);
	for (unsigned i = 0; i < 4096; i++) {
		memset(wide, i & 1 ? 0xff : 0, sizeof(wide));
		if (i & 2)
			fog_rng_bytes(&rng, wide + 32, 32);
		if (i & 4)
			memcpy(wide, order, 32);
		if (i & 8) /* bits 252 and up only */
			memset(wide, i & 16 ? 0xff : 0, 31);
		wide[31] ^= (u8)(i >> 5);
		wide[0] += (u8)(i >> 10);
		crypto_core_ed25519_scalar_reduce(expect, wide);
		fog_sc_reduce_bytes(&x, wide);
		fog_sc_store(out, &x);
		CU_ASSERT(memcmp(out, expect, 32) == 0);
	}
}

/* Sum of digit[i] 2^(step i), modulo the order, by Horner's rule. */
static void digits_join(struct fog_sc *r, const int *digit, unsigned count, unsigned step)
{
	memset(r, 0, sizeof(*r));
	for (unsigned i = count; i-- > 0;) {
		struct fog_sc t = {{(u64)abs(digit[i])}};
		for (unsigned k = 0; k < step; k++)
			fog_sc_add(r, r, r);
		if (digit[i] < 0)
			fog_sc_negate(&t, &t);
		fog_sc_add(r, r, &t);
	}
}

static void check_digits(const struct fog_sc *a)
{
	signed char naf[FOG_NAF_DIGITS];
	int digit[FOG_NAF_DIGITS];
	struct fog_sc one = {{1}}, reduced, sum, offset;
	unsigned since = FOG_NAF_WIDTH;

	fog_sc_mul(&reduced, a, &one);
	fog_naf_expand(naf, a);
	for (unsigned i = 0; i < FOG_NAF_DIGITS; i++, since++) {
		digit[i] = naf[i];
		if (naf[i] == 0)
			continue;
		CU_ASSERT(naf[i] & 1);
		CU_ASSERT(abs(naf[i]) < 2 * FOG_NAF_TABLE);
		CU_ASSERT(since >= FOG_NAF_WIDTH);
		since = 0;
	}
	digits_join(&sum, digit, FOG_NAF_DIGITS, 1);
	CU_ASSERT(memcmp(&sum, &reduced, sizeof(sum)) == 0);
	for (unsigned bits = 4; bits <= FOG_MSM_WINDOW_MAX; bits++) {
		fog_window_offset(&offset, a, bits);
		for (unsigned i = 0; i < window_count(bits); i++) {
			digit[i] = window_digit(&offset, bits, i);
			CU_ASSERT(abs(digit[i]) <= 1 << (bits - 1));
		}
		digits_join(&sum, digit, window_count(bits), bits);
		CU_ASSERT(memcmp(&sum, &reduced, sizeof(sum)) == 0);
	}
}

/* Both ways to cut a scalar into digits give it back, up to the largest that is allowed. */
static void test_digits(void)
{
	struct fog_sc a = {{0}};
	struct fog_rng rng;

	check_digits(&a);
	memset(&a, 0xff, sizeof(a));
	a.w[3] >>= 11;
	check_digits(&a);
	memset(&a, 0x88, sizeof(a));
	a.w[3] >>= 11;
	check_digits(&a);
	rng_start(&rng);
	for (unsigned i = 0; i < 100; i++) {
		number_random((u8 *)a.w, 32, i, &rng);
		a.w[3] &= ~0ull >> 11;
		check_digits(&a);
	}
}

/* Both ways to invert agree, and a number times its inverse is one; powers of two, whose halving
 * crosses words, and zero among them. */
static void test_invert(void)
{
	struct fog_sc a, b, c;
	struct fog_rng rng;
	u8 wide[64];

	rng_start(&rng);
	for (unsigned i = 0; i < 3000; i++) {
		fog_rng_bytes(&rng, wide, sizeof(wide));
		fog_sc_reduce_bytes(&a, wide);
		if (i < 252)
			a = (struct fog_sc){{0}}, a.w[i / 64] = 1ull << i % 64;
		else if (i < 300)
			a = (struct fog_sc){{i - 252}};
		else if (i < 400)
			fog_sc_negate(&a, &(struct fog_sc){{i - 300}});
		fog_sc_invert(&b, &a);
		fog_sc_invert_vartime(&c, &a);
		CU_ASSERT(memcmp(&b, &c, sizeof(b)) == 0);
		fog_sc_mul(&c, &c, &a);
		CU_ASSERT_EQUAL(c.w[0], i != 252 && i != 300);
		CU_ASSERT_EQUAL(c.w[1] | c.w[2] | c.w[3], 0);
	}
}

FOG_TEST_MAIN("crypto/curve/scalar", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_random), FOG_TEST(test_edges), FOG_TEST(test_digits),
	      FOG_TEST(test_invert))
