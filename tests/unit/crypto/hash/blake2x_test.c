/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hash/blake2x.h"

#include "tests/unit/crypto/vectors.h"

#define COUNT 20

static u8 key[COUNT][32], data[COUNT][64];

static void inputs_fill(void)
{
	for (unsigned i = 0; i < COUNT; i++) {
		for (unsigned j = 0; j < 32; j++)
			key[i][j] = (u8)(i + j);
		for (unsigned j = 0; j < 64; j++)
			data[i][j] = (u8)(3 * i + 5 * j);
	}
}

/* By a program of its own, written from the paper and checked against hashlib's BLAKE2b. What the
 * KEM makes of it is in Katzenpost's vectors (crypto/sphinx). */
static const struct {
	unsigned row;
	const char *out;
} expected[] = {
	{0, "b17c2223b449eee47f93c5c125b48635bb915eb90705119b8c427b4407ed96f0"},
	{7, "e0a6470397291a731b5abeb1e9f3c701909fd3edba58ede74018010b1cab8358"},
	{19, "adf014e5acb0500738b47af816b2e839400cf7777fda1b313c687cb8e0a02ff1"},
};

static void known_body(void)
{
	u8 out[COUNT][32], want[32];

	inputs_fill();
	fog_blake2xb_32_many(out, (const u8(*)[32])key, (const u8(*)[64])data, COUNT);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(expected); i++) {
		CU_ASSERT_EQUAL_FATAL(fog_hex_decode(expected[i].out, want, 32), 0);
		CU_ASSERT_EQUAL(memcmp(out[expected[i].row], want, 32), 0);
	}
}

static void test_life_cycle(void)
{
	each_path(known_body);
}

/* Every count gives what one at a time gives, in place too, and writes no further. */
static void counts_body(void)
{
	u8 all[COUNT + 1][32], one[1][32];

	inputs_fill();
	for (unsigned count = 0; count <= COUNT; count++) {
		memset(all, 0xa5, sizeof(all));
		memcpy(all, key, 32 * count);
		fog_blake2xb_32_many(all, (const u8(*)[32])all, (const u8(*)[64])data, count);
		for (unsigned i = 0; i < count; i++) {
			fog_blake2xb_32_many(one, (const u8(*)[32])key + i,
					     (const u8(*)[64])data + i, 1);
			CU_ASSERT_EQUAL(memcmp(all[i], one[0], 32), 0);
		}
		CU_ASSERT_EQUAL(all[count][0], 0xa5);
		CU_ASSERT_EQUAL(all[count][31], 0xa5);
	}
}

static void test_counts(void)
{
	each_path(counts_body);
}

FOG_TEST_MAIN("crypto/hash/blake2x", FOG_TEST(test_life_cycle), FOG_TEST(test_counts))
