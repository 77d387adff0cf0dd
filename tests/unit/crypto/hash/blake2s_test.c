/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hash/blake2s.h"

#include "tests/unit/crypto/vectors.h"

static void check(const u8 *out, const char *hex, size_t len)
{
	u8 expect[32];

	CU_ASSERT_EQUAL_FATAL(fog_hex_decode(hex, expect, len), 0);
	CU_ASSERT(memcmp(out, expect, len) == 0);
}

/* RFC 7693 appendix B. */
static void test_life_cycle(void)
{
	u8 out[32];

	fog_hash_blake2s(out, 32, NULL, 0, "abc", 3);
	check(out, "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982", 32);
}

/* The deterministic sequence of RFC 7693 appendix E: a Fibonacci generator over 32 bits. */
static void sequence(u8 *out, size_t len, u32 seed)
{
	u32 a = 0xdead4bad * seed, b = 1;

	for (size_t i = 0; i < len; i++) {
		u32 t = a + b;
		a = b;
		b = t;
		out[i] = t >> 24;
	}
}

/* RFC 7693 appendix E, whole: 4 output lengths, 6 input lengths, unkeyed and keyed. */
static void test_self(void)
{
	static const size_t out_len[4] = {16, 20, 28, 32}, in_len[6] = {0, 3, 64, 65, 255, 1024};
	u8 in[1024], out[32], key[32];
	struct fog_blake2s total;

	fog_blake2s_init(&total, 32, NULL, 0);
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned j = 0; j < 6; j++) {
			sequence(in, in_len[j], in_len[j]);
			fog_hash_blake2s(out, out_len[i], NULL, 0, in, in_len[j]);
			fog_blake2s_update(&total, out, out_len[i]);
			sequence(key, out_len[i], out_len[i]);
			fog_hash_blake2s(out, out_len[i], key, out_len[i], in, in_len[j]);
			fog_blake2s_update(&total, out, out_len[i]);
		}
	}
	fog_blake2s_final(&total, out);
	check(out, "6a411f08ce25adcdfb02aba641451cec53c598b24f4fc787fbdc88797f4c1dfe", 32);
}

static void test_pieces(void)
{
	u8 data[200], one[32], two[32];
	struct fog_blake2s b;

	sequence(data, sizeof(data), 5);
	for (size_t len = 0; len <= sizeof(data); len++) {
		for (size_t cut = 0; cut <= len; cut += 7) {
			fog_hash_blake2s(one, 32, NULL, 0, data, len);
			fog_blake2s_init(&b, 32, NULL, 0);
			fog_blake2s_update(&b, data, cut);
			fog_blake2s_update(&b, data + cut, len - cut);
			fog_blake2s_final(&b, two);
			CU_ASSERT(memcmp(one, two, 32) == 0);
		}
	}
	CU_ASSERT(fog_is_zero(&b, sizeof(b)));
}

/* Values of Python's hmac with hashlib.blake2s: 1 short key, 2 key of a whole block. */
static void test_hmac(void)
{
	u8 key[64], out[32], joined[32];

	memset(key, 0x0b, sizeof(key));
	fog_hmac_blake2s(out, key, 20, "Hi There", 8, NULL, 0);
	check(out, "65a8b7c5cc9136d424e82c37e2707e74e913c0655b99c75f40edf387453a3260", 32);
	fog_hmac_blake2s(out, key, 64, "Hi There", 8, NULL, 0);
	check(out, "bdb482d379fd9562ebac2edeb167a801c798d43053f2630b2bb41de57d2ef165", 32);
	fog_hmac_blake2s(joined, key, 64, "Hi ", 3, "There", 5);
	CU_ASSERT(memcmp(out, joined, 32) == 0);
}

FOG_TEST_MAIN("crypto/hash/blake2s", FOG_TEST(test_life_cycle), FOG_TEST(test_self),
	      FOG_TEST(test_pieces), FOG_TEST(test_hmac))
