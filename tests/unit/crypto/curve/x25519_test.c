/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/x25519.h"

#include "tests/unit/crypto/vectors.h"

#include <errno.h>

static void test_life_cycle(void)
{
	u8 a[32] = {1}, b[32] = {2}, pa[32], pb[32], ab[32], ba[32];

	fog_x25519_base(pa, a);
	fog_x25519_base(pb, b);
	CU_ASSERT_EQUAL(fog_x25519(ab, a, pb), 0);
	CU_ASSERT_EQUAL(fog_x25519(ba, b, pa), 0);
	CU_ASSERT(memcmp(ab, ba, 32) == 0);
}

/* Points of low order: 1 zero, 2 one, 3 and 4 of order 8, 5 p - 1, 6 p, 7 p + 1. */
static const char *const low_order[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static void test_bad_arguments(void)
{
	u8 point[32], out[32], scalar[32] = {77, 1, 2, 3};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(low_order); i++) {
		CU_ASSERT_EQUAL_FATAL(fog_hex_decode(low_order[i], point, 32), 0);
		for (unsigned top = 0; top < 2; top++) {
			point[31] |= top << 7; /* the top bit is ignored */
			memset(out, 0xaa, sizeof(out));
			CU_ASSERT_EQUAL(fog_x25519(out, scalar, point), -EBADMSG);
			CU_ASSERT(fog_is_zero(out, sizeof(out)));
		}
	}
}

static void test_wycheproof(void)
{
	json_t *root = vectors_load("wycheproof/x25519_test.json"), *group, *t;
	u8 point[32], scalar[32], expect[32], out[32];
	size_t i, j;
	unsigned done = 0, zero = 0;

	json_array_foreach(json_object_get(root, "testGroups"), i, group)
	{
		json_array_foreach(json_object_get(group, "tests"), j, t)
		{
			CU_ASSERT_EQUAL(vectors_member(t, "public", point, 32), 32);
			CU_ASSERT_EQUAL(vectors_member(t, "private", scalar, 32), 32);
			CU_ASSERT_EQUAL(vectors_member(t, "shared", expect, 32), 32);
			bool refuse = fog_is_zero(expect, 32);
			CU_ASSERT_EQUAL(fog_x25519(out, scalar, point), refuse ? -EBADMSG : 0);
			CU_ASSERT(memcmp(out, expect, 32) == 0);
			zero += refuse;
			done++;
		}
	}
	CU_ASSERT_EQUAL(done, 518);
	CU_ASSERT(zero > 0);
	json_decref(root);
}

/* Every count around the lanes' and groups' edges, every lane, in place or not. */
#define MANY 131

static void many_random(void)
{
	static u8 scalar[MANY][32], point[MANY][32], out[MANY][32], expect[MANY][32];
	static const unsigned counts[] = {0, 1, 2, 7, 8, 9, 16, 63, 64, 65, 73, 130, MANY};
	struct fog_rng rng;
	int result[MANY];

	rng_start(&rng);
	fog_rng_bytes(&rng, scalar, sizeof(scalar));
	fog_rng_bytes(&rng, point, sizeof(point));
	for (unsigned i = 0; i < 40; i++)
		memset(point[i] + fog_rng_below(&rng, 30), i & 1 ? 0xff : 0, 2);
	for (unsigned i = 0; i < MANY; i++)
		(void)fog_x25519(expect[i], scalar[i], point[i]);
	for (unsigned c = 0; c < FOG_ARRAY_COUNT(counts); c++) {
		unsigned n = counts[c], first = MANY - n;
		memset(out, 0xaa, sizeof(out));
		fog_x25519_many(out, (const u8(*)[32])scalar + first,
				(const u8(*)[32])point + first, result, n);
		CU_ASSERT(n == 0 || memcmp(out, expect[first], 32 * n) == 0);
		for (unsigned i = 0; i < n; i++)
			CU_ASSERT_EQUAL(result[i], 0);
		CU_ASSERT(n == MANY || out[n][0] == 0xaa);
	}
	fog_x25519_many(point, (const u8(*)[32])scalar, (const u8(*)[32])point, result, MANY);
	CU_ASSERT(memcmp(point, expect, sizeof(point)) == 0);
}

static void test_many_random(void)
{
	each_path(many_random);
}

/* Points that are refused beside points that are not, in every lane and group. */
static void many_low_order(void)
{
	static u8 scalar[72][32], point[72][32], out[72][32], expect[32];
	u8 base[32] = {9};
	int result[72];

	for (unsigned i = 0; i < 72; i++) {
		memset(scalar[i], i + 1, 32);
		memcpy(point[i], base, 32);
		if (i % 3 == 1)
			fog_hex_decode(low_order[i / 3 % FOG_ARRAY_COUNT(low_order)], point[i], 32);
		point[i][31] |= i % 2 << 7;
	}
	memset(out, 0xaa, sizeof(out));
	fog_x25519_many(out, (const u8(*)[32])scalar, (const u8(*)[32])point, result, 72);
	for (unsigned i = 0; i < 72; i++) {
		CU_ASSERT_EQUAL(result[i], i % 3 == 1 ? -EBADMSG : 0);
		memset(expect, 0, 32);
		if (i % 3 != 1)
			fog_x25519_base(expect, scalar[i]);
		CU_ASSERT(memcmp(out[i], expect, 32) == 0);
	}
}

static void test_many_low_order(void)
{
	each_path(many_low_order);
}

#define WYCHEPROOF 518

static void many_wycheproof(void)
{
	static u8 point[WYCHEPROOF][32], scalar[WYCHEPROOF][32], expect[WYCHEPROOF][32];
	static u8 out[WYCHEPROOF][32];
	json_t *root = vectors_load("wycheproof/x25519_test.json"), *group, *t;
	int result[WYCHEPROOF];
	unsigned n = 0;
	size_t i, j;

	json_array_foreach(json_object_get(root, "testGroups"), i, group)
	{
		json_array_foreach(json_object_get(group, "tests"), j, t)
		{
			CU_ASSERT_FATAL(n < WYCHEPROOF);
			CU_ASSERT_EQUAL(vectors_member(t, "public", point[n], 32), 32);
			CU_ASSERT_EQUAL(vectors_member(t, "private", scalar[n], 32), 32);
			CU_ASSERT_EQUAL(vectors_member(t, "shared", expect[n], 32), 32);
			n++;
		}
	}
	CU_ASSERT_EQUAL(n, WYCHEPROOF);
	fog_x25519_many(out, (const u8(*)[32])scalar, (const u8(*)[32])point, result, n);
	CU_ASSERT(memcmp(out, expect, sizeof(out)) == 0);
	for (unsigned k = 0; k < n; k++)
		CU_ASSERT_EQUAL(result[k], fog_is_zero(expect[k], 32) ? -EBADMSG : 0);
	json_decref(root);
}

static void test_many_wycheproof(void)
{
	each_path(many_wycheproof);
}

/* RFC 7748 section 5.2: k starts as 9, and k, u = X25519(k, u), k over and over. */
static const struct {
	unsigned rounds;
	const char *k;
} iterated[] = {
	{1, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"},
	{1000, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"},
	{1000000, "7c3911e0ab2586fd864497297e575e6f3bc601c0883c30df5f4dd2d24f665424"},
};

/* Equal chains in all lanes of a path. The million takes half a minute on the ifma path, more than
 * one on the avx2 path, and is run when FOG_SLOW is set; without lanes one chain is followed as far
 * as the thousand. */
static void many_iterated(void)
{
	static u8 k[8][32], u[8][32], t[8][32];
	unsigned width = strcmp(fog_crypto_cpu(), "vaes") == 0    ? 8
			 : strcmp(fog_crypto_cpu(), "aesni") == 0 ? 4
								  : 1;
	unsigned round = 0;
	u8 expect[32];
	int result[8];

	memset(k, 0, sizeof(k));
	for (unsigned i = 0; i < 8; i++)
		k[i][0] = 9;
	memcpy(u, k, sizeof(u));
	for (unsigned c = 0; c < FOG_ARRAY_COUNT(iterated); c++) {
		if (iterated[c].rounds > 1000 && (getenv("FOG_SLOW") == NULL || width == 1))
			break;
		for (; round < iterated[c].rounds; round++) {
			fog_x25519_many(t, (const u8(*)[32])k, (const u8(*)[32])u, result, width);
			memcpy(u, k, sizeof(u));
			memcpy(k, t, sizeof(k));
		}
		fog_hex_decode(iterated[c].k, expect, 32);
		for (unsigned i = 0; i < width; i++)
			CU_ASSERT(memcmp(k[i], expect, 32) == 0);
	}
}

static void test_many_iterated(void)
{
	each_path(many_iterated);
}

/* Both products of any number of rows are the single ones; one of low order harms no other. */
static void exchange(void)
{
	static u8 scalar[FOG_X25519_EXCHANGES][32], point[FOG_X25519_EXCHANGES][32];
	static u8 element[FOG_X25519_EXCHANGES][32], shared[FOG_X25519_EXCHANGES][32];
	int result[FOG_X25519_EXCHANGES];
	struct fog_rng rng;
	u8 want[32];

	fog_rng_init_u64(&rng, 3);
	for (unsigned count = 0; count <= FOG_X25519_EXCHANGES; count += 1 + count / 2) {
		fog_rng_bytes(&rng, scalar, sizeof(scalar));
		fog_rng_bytes(&rng, point, sizeof(point));
		memset(point[count / 2], 0, 32);
		fog_x25519_exchange_many(element, shared, (const u8(*)[32])scalar,
					 (const u8(*)[32])point, result, count);
		for (unsigned i = 0; i < count; i++) {
			fog_x25519_base(want, scalar[i]);
			CU_ASSERT(memcmp(element[i], want, 32) == 0);
			CU_ASSERT_EQUAL(result[i], fog_x25519(want, scalar[i], point[i]));
			CU_ASSERT_EQUAL(result[i] != 0, i == count / 2);
			CU_ASSERT(memcmp(shared[i], want, 32) == 0);
		}
	}
}

static void test_exchange(void)
{
	each_path(exchange);
}

FOG_TEST_MAIN("crypto/curve/x25519", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_wycheproof), FOG_TEST(test_many_random), FOG_TEST(test_many_low_order),
	      FOG_TEST(test_many_wycheproof), FOG_TEST(test_many_iterated), FOG_TEST(test_exchange))
