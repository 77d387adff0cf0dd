/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hash/keccak.h"

#include "tests/unit/crypto/vectors.h"

/* FIPS 202 examples: 1 empty, 2 "abc", 3 the 448-bit message, 4 a million times "a". */
static const struct {
	const char *text;
	unsigned repeat;
	const char *sha3, *shake;
} cases[] = {
	{"", 1, "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a",
	 "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f"},
	{"abc", 1, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
	 "483366601360a8771c6863080cc4114d8db44530f8f1e1ee4f94ea37e78b5739"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
	 "41c0dba2a9d6240849100376a8235e2c82e1b9998a999e21db32dd97496d3376",
	 "4d8c2dd2435a0128eefbb8c36f6f87133a7911e18d979ee1ae6be5d4fd2e3329"},
	{"a", 1000000, "5c8875ae474a3634ba4fd55ec85bffd661f32aca75c6d699d0cdcb6c115891c1",
	 "3578a7a4ca9137569cdf76ed617d31bb994fca9c1bbf8b184013de8234dfd13a"},
};

static void test_life_cycle(void)
{
	struct fog_keccak k, shake;
	u8 out[32], expect[32];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		fog_keccak_init(&k);
		for (unsigned r = 0; r < cases[i].repeat; r++)
			fog_keccak_update(&k, cases[i].text, strlen(cases[i].text));
		shake = k;
		fog_sha3_256_final(&k, out);
		CU_ASSERT_EQUAL(fog_hex_decode(cases[i].sha3, expect, 32), 0);
		CU_ASSERT(memcmp(out, expect, 32) == 0);
		fog_shake256_squeeze(&shake, out, sizeof(out));
		CU_ASSERT_EQUAL(fog_hex_decode(cases[i].shake, expect, 32), 0);
		CU_ASSERT(memcmp(out, expect, 32) == 0);
	}
}

/* Absorbing and squeezing in pieces gives what one call gives, at every length round the rate. */
static void test_pieces(void)
{
	u8 data[300], one[300], two[300], hash_one[32], hash_two[32];
	struct fog_keccak k;

	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = i * 7;
	for (size_t len = 0; len <= sizeof(data); len++) {
		fog_hash_shake256(one, sizeof(one), data, len);
		fog_keccak_init(&k);
		fog_keccak_update(&k, data, len / 3);
		fog_keccak_update(&k, data + len / 3, len - len / 3);
		fog_shake256_squeeze(&k, two, len);
		fog_shake256_squeeze(&k, two + len, sizeof(two) - len);
		CU_ASSERT(memcmp(one, two, sizeof(one)) == 0);
		fog_hash_sha3_256(hash_one, data, len);
		fog_keccak_init(&k);
		for (size_t i = 0; i < len; i++)
			fog_keccak_update(&k, data + i, 1);
		fog_sha3_256_final(&k, hash_two);
		CU_ASSERT(memcmp(hash_one, hash_two, 32) == 0);
		CU_ASSERT(memcmp(hash_one, one, 32) != 0);
	}
}

FOG_TEST_MAIN("crypto/hash/keccak", FOG_TEST(test_life_cycle), FOG_TEST(test_pieces))
