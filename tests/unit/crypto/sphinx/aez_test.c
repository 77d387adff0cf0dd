/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/sphinx/aez.h"

#include "tests/unit/crypto/vectors.h"

#include <errno.h>

#define TEXT_MAX 2048

static size_t read_ad(const json_t *list, size_t first, u8 text[][TEXT_MAX],
		      struct fog_aez_text *ad)
{
	size_t count = 0;

	for (size_t k = first; k < json_array_size(list); k++, count++) {
		ad[count].len = vectors_hex(json_array_get(list, k), text[count], TEXT_MAX);
		ad[count].data = text[count];
	}
	return count;
}

static void check_encrypt(const char *file)
{
	static u8 text[32][TEXT_MAX], key[128], nonce[64], m[TEXT_MAX], c[TEXT_MAX], out[TEXT_MAX];
	struct fog_aez_text ad[32];
	json_t *root = vectors_load(file), *v;
	size_t i;
	struct fog_aez z;

	json_array_foreach(root, i, v)
	{
		size_t key_len = vectors_member(v, "k", key, sizeof(key));
		size_t nonce_len = vectors_member(v, "nonce", nonce, sizeof(nonce));
		size_t m_len = vectors_member(v, "m", m, sizeof(m));
		size_t c_len = vectors_member(v, "c", c, sizeof(c));
		size_t count = read_ad(json_object_get(v, "data"), 0, text, ad);
		unsigned tau = (unsigned)json_integer_value(json_object_get(v, "tau"));
		fog_aez_init(&z, key, key_len);
		fog_aez_encrypt(&z, nonce, nonce_len, ad, (unsigned)count, tau, m, m_len, out);
		CU_ASSERT_EQUAL(c_len, m_len + tau);
		CU_ASSERT_EQUAL(memcmp(out, c, c_len), 0);
		CU_ASSERT_EQUAL(
			fog_aez_decrypt(&z, nonce, nonce_len, ad, (unsigned)count, tau, out, c_len),
			0);
		CU_ASSERT_EQUAL(memcmp(out, m, m_len), 0);
		if (tau == 0)
			continue;
		c[i % c_len] ^= 0x10;
		CU_ASSERT_EQUAL(
			fog_aez_decrypt(&z, nonce, nonce_len, ad, (unsigned)count, tau, c, c_len),
			-EBADMSG);
	}
	CU_ASSERT(json_array_size(root) > 0);
	json_decref(root);
}

static void check_parts(void)
{
	static u8 text[32][TEXT_MAX], key[256], want[TEXT_MAX], out[TEXT_MAX], delta[16];
	struct fog_aez_text ad[32];
	json_t *root = vectors_load("aez/hash.json"), *v;
	struct fog_aez z;
	size_t i;

	json_array_foreach(root, i, v)
	{
		u32 tau = (u32)json_integer_value(json_object_get(v, "tau"));
		fog_aez_init(&z, key, vectors_member(v, "k", key, sizeof(key)));
		size_t count = read_ad(json_object_get(v, "data"), 0, text, ad);
		vectors_member(v, "v", want, sizeof(want));
		fog_aez_hash(&z, tau, count > 0 ? ad[0].data : NULL, count > 0 ? ad[0].len : 0,
			     ad + 1, count > 0 ? (unsigned)count - 1 : 0, delta);
		CU_ASSERT_EQUAL(memcmp(delta, want, 16), 0);
	}
	json_decref(root);
	root = vectors_load("aez/prf.json");
	json_array_foreach(root, i, v)
	{
		fog_aez_init(&z, key, vectors_member(v, "k", key, sizeof(key)));
		vectors_member(v, "delta", delta, sizeof(delta));
		size_t len = vectors_member(v, "r", want, sizeof(want));
		fog_aez_prf(&z, delta, out, len);
		CU_ASSERT_EQUAL(memcmp(out, want, len), 0);
	}
	json_decref(root);
	root = vectors_load("aez/extract.json");
	json_array_foreach(root, i, v)
	{
		fog_aez_init(&z, key, vectors_member(v, "a", key, sizeof(key)));
		vectors_member(v, "b", want, sizeof(want));
		CU_ASSERT_EQUAL(memcmp(z.four[1], want, 16), 0);
		CU_ASSERT_EQUAL(memcmp(z.four[0], want + 16, 16), 0);
		CU_ASSERT_EQUAL(memcmp(z.four[2], want + 32, 16), 0);
	}
	json_decref(root);
}

static void vectors_one_path(void)
{
	check_encrypt("aez/encrypt.json");
	check_encrypt("aez/encrypt_16_byte_key.json");
	check_encrypt("aez/encrypt_33_byte_ad.json");
	check_encrypt("aez/encrypt_no_ad.json");
	check_parts();
}

static void test_vectors(void)
{
	each_path(vectors_one_path);
}

static u8 reference[4096];

static void agree_one_path(void)
{
	static u8 data[4096];
	const u8 key[48] = "a key of forty-eight bytes, as all Sphinx keys.";
	u8 delta[16] = "and a tweak";
	struct fog_aez z;

	fog_aez_init(&z, key, sizeof(key));
	for (size_t len = 1; len < sizeof(data); len += 1 + len / 7) {
		for (size_t i = 0; i < len; i++)
			data[i] = (u8)(i * 7 + len);
		fog_aez_encipher(&z, delta, data, len);
		if (strcmp(fog_crypto_cpu(), fog_crypto_path(0)) == 0)
			reference[len] = data[len / 2];
		CU_ASSERT_EQUAL(reference[len], data[len / 2]);
		fog_aez_decipher(&z, delta, data, len);
		for (size_t i = 0; i < len; i++)
			if (data[i] != (u8)(i * 7 + len))
				CU_FAIL("round trip");
	}
}

static void test_paths_agree(void)
{
	each_path(agree_one_path);
}

/* One changed bit anywhere changes about half of the bits everywhere. */
static void test_wide_block(void)
{
	static u8 one[1000], two[1000];
	const u8 key[48] = "a key of forty-eight bytes, as all Sphinx keys.";
	u8 delta[16] = {2};
	struct fog_aez z;

	fog_aez_init(&z, key, sizeof(key));
	for (unsigned bit = 0; bit < 8 * sizeof(one); bit += 131) {
		unsigned differ = 0;
		memset(one, 0, sizeof(one));
		memset(two, 0, sizeof(two));
		two[bit / 8] ^= (u8)(1 << bit % 8);
		fog_aez_decipher(&z, delta, one, sizeof(one));
		fog_aez_decipher(&z, delta, two, sizeof(two));
		for (unsigned i = 0; i < sizeof(one); i++)
			differ += (unsigned)__builtin_popcount(one[i] ^ two[i]);
		CU_ASSERT(differ > 3700 && differ < 4300);
	}
}

FOG_TEST_MAIN("crypto/sphinx/aez", FOG_TEST(test_vectors), FOG_TEST(test_paths_agree),
	      FOG_TEST(test_wide_block))
