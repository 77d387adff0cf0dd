/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hash/hash.h"

#include "tests/unit/crypto/vectors.h"

static void check(const u8 *out, const char *hex)
{
	u8 expect[64];

	CU_ASSERT_EQUAL_FATAL(fog_hex_decode(hex, expect, strlen(hex) / 2), 0);
	CU_ASSERT(memcmp(out, expect, strlen(hex) / 2) == 0);
}

/* FIPS 180 and RFC 7693 examples for "abc". */
static void test_life_cycle(void)
{
	u8 out[64];

	fog_hash_sha256(out, "abc", 3);
	check(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	fog_hash_sha256(out, NULL, 0);
	check(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	fog_hash_sha512(out, "abc", 3);
	check(out, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		   "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
	fog_hash_blake2b(out, 64, NULL, 0, "abc", 3);
	check(out, "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
		   "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
	fog_hash_blake2b(out, 16, (const u8 *)"kkkkkkkkkkkkkkkk", 16, "abc", 3);
	check(out, "afec5971bc113d6df7d55ca0df1aba7f");
}

/* The example of the SipHash paper, appendix A. */
static void test_siphash(void)
{
	u8 key[16], text[15];

	for (u8 i = 0; i < 16; i++)
		key[i] = i;
	memcpy(text, key, sizeof(text));
	CU_ASSERT_EQUAL(fog_hash_siphash(key, text, sizeof(text)), 0xa129ca6149be45e5ull);
}

/* RFC 4231: 1 case 1, 2 case 2, 3 case 6 (key longer than a block). */
static void test_hmac(void)
{
	u8 key[131], out[32];

	memset(key, 0x0b, 20);
	fog_hmac_sha256(out, key, 20, "Hi There", 8);
	check(out, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	fog_hmac_sha256(out, (const u8 *)"Jefe", 4, "what do ya want for nothing?", 28);
	check(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	fog_hmac_sha256(out, key, sizeof(key),
			"Test Using Larger Than Block-Size Key - Hash Key First", 54);
	check(out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_pieces(void)
{
	u8 data[200] = {1, 2, 3}, one[32], two[32];
	struct fog_sha256 s;

	for (size_t len = 0; len <= sizeof(data); len++) {
		fog_hash_sha256(one, data, len);
		fog_sha256_init(&s);
		fog_sha256_update(&s, data, len / 2);
		fog_sha256_update(&s, data + len / 2, len - len / 2);
		fog_sha256_final(&s, two);
		CU_ASSERT(memcmp(one, two, 32) == 0);
		CU_ASSERT(fog_is_zero(&s, sizeof(s)));
	}
}

FOG_TEST_MAIN("crypto/hash/hash", FOG_TEST(test_life_cycle), FOG_TEST(test_siphash),
	      FOG_TEST(test_hmac), FOG_TEST(test_pieces))
