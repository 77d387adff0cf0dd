/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/edwards.h"

#include "crypto/curve/curve.h"
#include "tests/unit/crypto/vectors.h"

#include <sodium.h>

#include <errno.h>

static void point_random(struct fog_ge_affine *p, u8 bytes[32], struct fog_rng *rng)
{
	do
		fog_rng_bytes(rng, bytes, 32);
	while (fog_ge_from_bytes(p, bytes) < 0);
}

static void test_life_cycle(void)
{
	struct fog_ge_affine p;
	struct fog_ge_ext e;
	u8 bytes[32], base[32] = {0x58};

	memset(base + 1, 0x66, 31);
	CU_ASSERT_EQUAL(fog_ge_from_bytes(&p, base), 0);
	fog_ge_ext_from_affine(&e, &p);
	fog_ge_to_bytes(bytes, &e);
	CU_ASSERT(memcmp(bytes, base, 32) == 0);
	CU_ASSERT_FALSE(fog_ge_is_zero(&e));
	fog_ge_ext_zero(&e);
	CU_ASSERT(fog_ge_is_zero(&e));
}

/* Encodings that no decoder may take: 1 p, for 0; 2 p + 1, for 1; 3 all ones; 4 and 5 "minus zero"
 * with y = 1 and y = -1; 6 and 7 no point (y = 2, y = 7). */
static const char *const refused[] = {
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"0200000000000000000000000000000000000000000000000000000000000000",
	"0700000000000000000000000000000000000000000000000000000000000000",
};

static void test_bad_arguments(void)
{
	struct fog_ge_affine p;
	u8 bytes[32];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(refused); i++) {
		fog_hex_decode(refused[i], bytes, 32);
		CU_ASSERT_EQUAL(fog_ge_from_bytes(&p, bytes), -EBADMSG);
	}
}

/* The points of order 1, 2, 4 and 8 by their smallest multiple that is zero. */
static const struct {
	const char *y;
	unsigned doublings;
} small_order[] = {
	{"0100000000000000000000000000000000000000000000000000000000000000", 0},
	{"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", 1},
	{"0000000000000000000000000000000000000000000000000000000000000000", 2},
	{"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", 3},
	{"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", 3},
};

static void test_small_order(void)
{
	struct fog_ge_affine p;
	struct fog_ge_ext e;
	struct fog_rng rng;
	u8 bytes[32];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(small_order); i++) {
		for (unsigned sign = 0; sign < 2; sign++) {
			fog_hex_decode(small_order[i].y, bytes, 32);
			bytes[31] |= sign << 7;
			CU_ASSERT(fog_ge_is_small_order(bytes));
			if (sign == 1 && small_order[i].doublings < 2) {
				CU_ASSERT_EQUAL(fog_ge_from_bytes(&p, bytes), -EBADMSG);
				continue;
			}
			CU_ASSERT_EQUAL(fog_ge_from_bytes(&p, bytes), 0);
			fog_ge_ext_from_affine(&e, &p);
			for (unsigned k = 0; k < small_order[i].doublings; k++) {
				CU_ASSERT_FALSE(fog_ge_is_zero(&e));
				fog_ge_double(&e, &e, 1);
			}
			CU_ASSERT(fog_ge_is_zero(&e));
		}
	}
	rng_start(&rng);
	for (unsigned i = 0; i < 100; i++) {
		point_random(&p, bytes, &rng);
		CU_ASSERT_FALSE(fog_ge_is_small_order(bytes));
	}
}

/* Every way to add, against libsodium. */
static void test_add(void)
{
	struct fog_ge_affine p, q;
	struct fog_ge_niels niels;
	struct fog_ge_ext e, f, sum;
	struct fog_rng rng;
	u8 a[32], b[32], expect[32], bytes[32];

	rng_start(&rng);
	for (unsigned i = 0; i < 200; i++) {
		point_random(&p, a, &rng);
		point_random(&q, b, &rng);
		if (i % 8 == 0) {
			q = p;
			memcpy(b, a, 32);
		}
		CU_ASSERT_EQUAL(crypto_core_ed25519_add(expect, a, b), 0);
		fog_ge_niels_from_affine(&niels, &q);
		fog_ge_ext_from_affine(&e, &p);
		fog_ge_ext_from_niels(&f, &niels);
		fog_ge_add(&sum, &e, &f);
		fog_ge_to_bytes(bytes, &sum);
		CU_ASSERT(memcmp(bytes, expect, 32) == 0);
		fog_ge_add_niels(&sum, &e, &niels);
		fog_ge_to_bytes(bytes, &sum);
		CU_ASSERT(memcmp(bytes, expect, 32) == 0);
		if (i % 8 == 0) {
			fog_ge_double(&sum, &e, 1);
			fog_ge_to_bytes(bytes, &sum);
			CU_ASSERT(memcmp(bytes, expect, 32) == 0);
		}
		CU_ASSERT_EQUAL(crypto_core_ed25519_sub(expect, a, b), 0);
		fog_ge_niels_negate(&niels, 1);
		fog_ge_add_niels(&sum, &e, &niels);
		fog_ge_to_bytes(bytes, &sum);
		CU_ASSERT(memcmp(bytes, expect, 32) == 0);
		CU_ASSERT_EQUAL(fog_ge_is_zero(&sum), i % 8 == 0);
	}
}

/* One inversion for many gives what one each gives. */
static void test_normalize(void)
{
	struct fog_ge_affine p, out[20];
	struct fog_ge_ext e[20];
	struct fog_rng rng;
	u8 bytes[32], expect[32];

	rng_start(&rng);
	for (unsigned i = 0; i < 20; i++) {
		point_random(&p, bytes, &rng);
		fog_ge_ext_from_affine(&e[i], &p);
		fog_ge_double(&e[i], &e[i], 1 + i % 4);
	}
	for (unsigned n = 0; n <= 20; n++) {
		fog_ge_normalize(out, e, n);
		for (unsigned i = 0; i < n; i++) {
			fog_ge_affine_to_bytes(bytes, &out[i]);
			fog_ge_to_bytes(expect, &e[i]);
			CU_ASSERT(memcmp(bytes, expect, 32) == 0);
		}
	}
}

static void test_mul_secret(void)
{
	struct fog_ge_ext base, e;
	struct fog_rng rng;
	u8 scalar[32], expect[32], bytes[32];

	rng_start(&rng);
	fog_ge_ext_from_niels(&base, &fog_ge_base_multiple[0]);
	for (unsigned i = 0; i < 50; i++) {
		fog_rng_bytes(&rng, scalar, 32);
		if (i < 10)
			memset(scalar, i % 2 ? 0xff : 0x88, 32);
		scalar[31] &= 0x1f >> (i % 3);
		CU_ASSERT_EQUAL(crypto_scalarmult_ed25519_base_noclamp(expect, scalar), 0);
		fog_ge_mul_secret(&e, &base, scalar);
		fog_ge_to_bytes(bytes, &e);
		CU_ASSERT(memcmp(bytes, expect, 32) == 0);
	}
	memset(scalar, 0, 32);
	fog_ge_mul_secret(&e, &base, scalar);
	CU_ASSERT(fog_ge_is_zero(&e));
}

static void test_base_table(void)
{
	u8 scalar[32] = {0}, expect[32], bytes[32];
	struct fog_ge_ext e;

	for (unsigned i = 0; i < FOG_GE_BASE_MULTIPLES; i++) {
		scalar[0] = (u8)(i + 1);
		CU_ASSERT_EQUAL(crypto_scalarmult_ed25519_base_noclamp(expect, scalar), 0);
		fog_ge_ext_from_niels(&e, &fog_ge_base_multiple[i]);
		fog_ge_to_bytes(bytes, &e);
		CU_ASSERT(memcmp(bytes, expect, 32) == 0);
		/* Adding takes the third coordinate, which the line above did not use. */
		fog_ge_ext_zero(&e);
		fog_ge_add_niels(&e, &e, &fog_ge_base_multiple[i]);
		fog_ge_add_niels(&e, &e, &fog_ge_base_multiple[0]);
		scalar[0]++;
		CU_ASSERT_EQUAL(crypto_scalarmult_ed25519_base_noclamp(expect, scalar), 0);
		fog_ge_to_bytes(bytes, &e);
		CU_ASSERT(memcmp(bytes, expect, 32) == 0);
	}
}

/* Every count around the lanes' edges; bad encodings beside good ones; the same points and answers
 * as one by one. */
static void decode_many_body(void)
{
	static struct fog_ge_niels out[40], expect;
	static u8 bytes[40][32];
	const u8 *in[40];
	struct fog_ge_affine p;
	struct fog_ge_ext a, b;
	struct fog_rng rng;
	bool good[40];

	rng_start(&rng);
	for (unsigned i = 0; i < 40; i++) {
		in[i] = bytes[i];
		fog_rng_bytes(&rng, bytes[i], 32); /* half of them are no point */
		if (i % 3 == 0)
			fog_hex_decode(refused[i / 3 % FOG_ARRAY_COUNT(refused)], bytes[i], 32);
		if (i % 7 == 0)
			fog_hex_decode(small_order[i / 7 % FOG_ARRAY_COUNT(small_order)].y,
				       bytes[i], 32);
	}
	for (unsigned n = 0; n <= 40; n++) {
		fog_curve->decode_many(out, good, in, n);
		for (unsigned i = 0; i < n; i++) {
			bool one = fog_ge_from_bytes(&p, bytes[i]) == 0;
			CU_ASSERT_EQUAL(good[i], one);
			if (!one)
				continue;
			fog_ge_niels_from_affine(&expect, &p);
			fog_ge_niels_negate(&expect, 1);
			fog_ge_ext_from_niels(&a, &out[i]);
			fog_ge_add_niels(&b, &a, &expect);
			CU_ASSERT(fog_ge_is_zero(&b));
		}
	}
}

static void test_decode_many(void)
{
	each_path(decode_many_body);
}

FOG_TEST_MAIN("crypto/curve/edwards", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_small_order), FOG_TEST(test_add), FOG_TEST(test_normalize),
	      FOG_TEST(test_mul_secret), FOG_TEST(test_base_table), FOG_TEST(test_decode_many))
