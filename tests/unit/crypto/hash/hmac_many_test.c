/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hash/hmac_many.h"

#include "crypto/hash/hash.h"
#include "tests/unit/crypto/vectors.h"

#define COUNT_MAX 40

/* Every count and length against the form that takes one. */
static void hmac_one_path(void)
{
	static u8 key[COUNT_MAX][32], text[COUNT_MAX][700], out[COUNT_MAX][32], want[32];
	const u8 *keys[COUNT_MAX], *texts[COUNT_MAX];
	struct fog_rng rng;

	fog_rng_init_u64(&rng, 1);
	fog_rng_bytes(&rng, key, sizeof(key));
	fog_rng_bytes(&rng, text, sizeof(text));
	for (unsigned i = 0; i < COUNT_MAX; i++) {
		keys[i] = key[i];
		texts[i] = text[i];
	}
	for (size_t len = 0; len <= 700; len += len < 140 ? 1 : 37) {
		unsigned count = 1 + len % COUNT_MAX;
		fog_hmac_sha256_many(out, keys, texts, len, count);
		for (unsigned i = 0; i < count; i++) {
			fog_hmac_sha256(want, key[i], 32, text[i], len);
			CU_ASSERT_EQUAL(memcmp(out[i], want, 32), 0);
		}
	}
}

static void test_hmac(void)
{
	each_path(hmac_one_path);
}

/* RFC 5869, appendix A.1: the first 32 bytes; its info has no zero bytes inside, but is no text. */
static void expand_one_path(void)
{
	static const char info[] = "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9";
	u8 prk[COUNT_MAX][32], want[64], out[COUNT_MAX][64];

	fog_hex_decode("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5", prk[0],
		       32);
	fog_hex_decode("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
		       "34007208d5b887185865",
		       want, 42);
	for (unsigned i = 1; i < COUNT_MAX; i++)
		memcpy(prk[i], prk[0], 32);
	fog_hkdf_sha256_expand_many(out[0], 64, 2, (const u8(*)[32])prk, info, COUNT_MAX);
	for (unsigned i = 0; i < COUNT_MAX; i++)
		CU_ASSERT_EQUAL(memcmp(out[i], want, 42), 0);
}

static void test_expand(void)
{
	each_path(expand_one_path);
}

FOG_TEST_MAIN("crypto/hash/hmac_many", FOG_TEST(test_hmac), FOG_TEST(test_expand))
