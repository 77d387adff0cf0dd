/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/cell/cipher.h"

#include "crypto/cell/uiv.h"
#include "tests/unit/crypto/vectors.h"

static void hex(const char *text, u8 *out, size_t len)
{
	CU_ASSERT_EQUAL_FATAL(fog_hex_decode(text, out, len), 0);
}

/* FIPS 197 appendix C: 1 AES-128, 2 AES-256; 3 the all-zero AES-128 block. */
static const struct {
	unsigned rounds;
	const char *key, *plain, *cipher;
} blocks[] = {
	{10, "000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
	 "69c4e0d86a7b0430d8cdb78070b4c55a"},
	{14, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	 "00112233445566778899aabbccddeeff", "8ea2b7ca516745bfeafc49904b496089"},
	{10, "00000000000000000000000000000000", "00000000000000000000000000000000",
	 "66e94bd4ef8a2c3b884cfa59ca342b2e"},
};

static void blocks_body(void)
{
	u8 round[15][16], key[32], plain[16], cipher[16], out[16];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(blocks); i++) {
		hex(blocks[i].key, key, strlen(blocks[i].key) / 2);
		hex(blocks[i].plain, plain, 16);
		hex(blocks[i].cipher, cipher, 16);
		fog_cipher->aes_expand(round, blocks[i].rounds, key);
		fog_cipher->aes_encrypt(round, blocks[i].rounds, plain, out);
		CU_ASSERT(memcmp(out, cipher, 16) == 0);
		fog_cipher->aes_decrypt(round, blocks[i].rounds, cipher, out);
		CU_ASSERT(memcmp(out, plain, 16) == 0);
	}
}

static void test_life_cycle(void)
{
	each_path(blocks_body);
}

/* FIPS 197 appendix A: last round keys of both example keys. */
static void expand_body(void)
{
	u8 round[15][16], key[32], last[16];

	hex("2b7e151628aed2a6abf7158809cf4f3c", key, 16);
	hex("d014f9a8c9ee2589e13f0cc8b6630ca6", last, 16);
	fog_cipher->aes_expand(round, 10, key);
	CU_ASSERT(memcmp(round[10], last, 16) == 0);
	hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", key, 32);
	hex("fe4890d1e6188d0b046df344706c631e", last, 16);
	fog_cipher->aes_expand(round, 14, key);
	CU_ASSERT(memcmp(round[14], last, 16) == 0);
}

static void test_expand(void)
{
	each_path(expand_body);
}

/* NIST SP 800-38A F.5.1, which increments a 128-bit counter. */
static void ctr_body(void)
{
	u8 round[11][16], key[16], counter[16], data[64], expect[64];

	hex("2b7e151628aed2a6abf7158809cf4f3c", key, 16);
	hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", counter, 16);
	hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
	    data, 64);
	hex("874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
	    "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee",
	    expect, 64);
	fog_cipher->aes_expand(round, 10, key);
	fog_cipher->aes_ctr(round, 10, counter, data, data, 64);
	CU_ASSERT(memcmp(data, expect, 64) == 0);
}

static void test_ctr(void)
{
	each_path(ctr_body);
}

/* Counter mode over every length up to `len` against the block function, with counters that wrap
 * in their low half, and in all 128 bits, at every place. */
static void wrap_body(void)
{
	enum { LEN = 40 * 16 + 5 };
	u8 round[11][16], key[16] = {7}, counter[16], zero[LEN] = {0}, out[LEN], block[16];

	fog_cipher->aes_expand(round, 10, key);
	for (unsigned start = 0; start < 40; start++) {
		memset(counter, start % 2 ? 0xff : 0x35, 8);
		memset(counter + 8, 0xff, 8);
		counter[15] -= start;
		for (size_t len = 0; len <= LEN; len += start == 0 ? 1 : LEN) {
			u8 moving[16];
			memcpy(moving, counter, 16);
			memset(out, 0xaa, sizeof(out));
			fog_cipher->aes_ctr(round, 10, counter, zero, out, len);
			for (size_t at = 0; at < len; at += 16) {
				fog_cipher->aes_encrypt(round, 10, moving, block);
				CU_ASSERT_FATAL(memcmp(block, out + at, FOG_MIN(16, len - at)) ==
						0);
				for (int i = 15; i >= 0 && ++moving[i] == 0; i--)
					;
			}
			CU_ASSERT_FATAL(len == LEN || out[len] == 0xaa);
		}
	}
}

static void test_ctr_wrap(void)
{
	each_path(wrap_body);
}

static void polyval_body(void)
{
	json_t *root = vectors_load("tor/polyval_rfc8452.json");
	u8 h[16], power[FOG_UIV_POWERS][16], input[32], expect[16], acc[16] = {0};

	vectors_member(root, "key", h, sizeof(h));
	CU_ASSERT_EQUAL_FATAL(vectors_member(root, "input", input, sizeof(input)), 32);
	vectors_member(root, "polyval", expect, sizeof(expect));
	fog_cipher->hash_powers(power, h);
	CU_ASSERT(memcmp(power[FOG_UIV_POWERS - 1], h, 16) == 0);
	fog_cipher->hash_update(power, acc, input, 2);
	CU_ASSERT(memcmp(acc, expect, 16) == 0);
	json_decref(root);
}

static void test_polyval(void)
{
	each_path(polyval_body);
}

/* All paths give the same bytes: the portable one is the model. */
static const struct fog_cipher *model = &fog_cipher_portable;
static struct fog_rng rng;

static void model_body(void)
{
	enum { LEN = 100 * 16 };
	u8 key[32], in[LEN], a[LEN], b[LEN], ra[15][16], rb[15][16];
	u8 pa[FOG_UIV_POWERS][16], pb[FOG_UIV_POWERS][16];

	for (unsigned i = 0; i < 150; i++) {
		unsigned rounds = i % 2 ? 10 : 14;
		size_t len = fog_rng_below(&rng, LEN + 1), count = len / 16;
		fog_rng_bytes(&rng, key, sizeof(key));
		fog_rng_bytes(&rng, in, sizeof(in));
		model->aes_expand(ra, rounds, key);
		fog_cipher->aes_expand(rb, rounds, key);
		CU_ASSERT_FATAL(memcmp(ra, rb, (rounds + 1) * 16) == 0);
		model->aes_encrypt(ra, rounds, in, a);
		fog_cipher->aes_encrypt(rb, rounds, in, b);
		CU_ASSERT_FATAL(memcmp(a, b, 16) == 0);
		model->aes_decrypt(ra, rounds, in, a);
		fog_cipher->aes_decrypt(rb, rounds, in, b);
		CU_ASSERT_FATAL(memcmp(a, b, 16) == 0);
		model->aes_ctr(ra, rounds, key, in, a, len);
		fog_cipher->aes_ctr(rb, rounds, key, in, b, len);
		CU_ASSERT_FATAL(memcmp(a, b, len) == 0);
		model->hash_powers(pa, key);
		fog_cipher->hash_powers(pb, key);
		CU_ASSERT_FATAL(memcmp(pa, pb, sizeof(pa)) == 0);
		memcpy(a, key + 16, 16);
		memcpy(b, key + 16, 16);
		model->hash_update(pa, a, in, count);
		fog_cipher->hash_update(pb, b, in, count);
		CU_ASSERT_FATAL(memcmp(a, b, 16) == 0);
		model->hash_dot(a, key, in);
		fog_cipher->hash_dot(b, key, in);
		CU_ASSERT_FATAL(memcmp(a, b, 16) == 0);
	}
}

static void test_model(void)
{
	rng_start(&rng);
	each_path(model_body);
}

FOG_TEST_MAIN("crypto/cell/cipher", FOG_TEST(test_life_cycle), FOG_TEST(test_expand),
	      FOG_TEST(test_ctr), FOG_TEST(test_ctr_wrap), FOG_TEST(test_polyval),
	      FOG_TEST(test_model))
