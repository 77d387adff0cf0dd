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

FOG_TEST_MAIN("crypto/curve/x25519", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_wycheproof))
