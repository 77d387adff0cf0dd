/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/cell/uiv.h"

#include "tests/unit/crypto/vectors.h"

#define DATA_MAX (FOG_UIV_BLOCK + FOG_UIV_RIGHT_MAX)

static json_t *vectors;

static void life_cycle_body(void)
{
	struct fog_uiv_key key, zero;
	u8 seed[FOG_UIV_SEED_SIZE] = {1, 2, 3}, data[100] = {4, 5, 6}, out[100];

	fog_uiv_key_init(&key, seed);
	fog_uiv_encrypt(&key, "tweak", 5, data, out, sizeof(data));
	CU_ASSERT(memcmp(out, data, sizeof(data)) != 0);
	fog_uiv_decrypt(&key, "tweak", 5, out, out, sizeof(data));
	CU_ASSERT(memcmp(out, data, sizeof(data)) == 0);
	fog_uiv_key_wipe(&key);
	memset(&zero, 0, sizeof(zero));
	CU_ASSERT(memcmp(&key, &zero, sizeof(key)) == 0);
}

static void test_life_cycle(void)
{
	each_path(life_cycle_body);
}

static void et_body(void)
{
	json_t *list = json_object_get(json_object_get(vectors, "vectors"), "ET_TESTVECS"), *v;
	u8 seed[FOG_UIV_SEED_SIZE] = {0}, tweak[1024], x[16], expect[16], out[16];
	struct fog_uiv_key key;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(json_array_size(list), 4);
	json_array_foreach(list, i, v)
	{
		bool encrypt = json_is_true(json_array_get(v, 0));
		vectors_hex(json_array_get(v, 1), seed, 32);
		size_t tweak_len = vectors_hex(json_array_get(v, 2), tweak, sizeof(tweak));
		vectors_hex(json_array_get(v, 3), x, 16);
		vectors_hex(json_array_get(v, 4), expect, 16);
		fog_uiv_key_init(&key, seed);
		if (encrypt)
			fog_uiv_et_encrypt(&key, tweak, tweak_len, x, out);
		else
			fog_uiv_et_decrypt(&key, tweak, tweak_len, x, out);
		CU_ASSERT(memcmp(out, expect, 16) == 0);
	}
}

static void test_et(void)
{
	each_path(et_body);
}

static void prf_body(void)
{
	json_t *list = json_object_get(json_object_get(vectors, "vectors"), "PRF_TESTVECS"), *v;
	u8 seed[FOG_UIV_SEED_SIZE] = {0}, x[16], expect[512], out[512];
	struct fog_uiv_key key;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(json_array_size(list), 10);
	json_array_foreach(list, i, v)
	{
		unsigned t = json_integer_value(json_array_get(v, 1));
		vectors_hex(json_array_get(v, 0), seed + 32, 32);
		vectors_hex(json_array_get(v, 2), x, 16);
		size_t len = vectors_hex(json_array_get(v, 3), expect, sizeof(expect));
		CU_ASSERT_FATAL(len > 0);
		fog_uiv_key_init(&key, seed);
		fog_uiv_prf(&key, x, t * FOG_UIV_UPDATE_OFFSET, out, len);
		CU_ASSERT(memcmp(out, expect, len) == 0);
	}
}

static void test_prf(void)
{
	each_path(prf_body);
}

static void uiv_body(void)
{
	json_t *list = json_object_get(json_object_get(vectors, "vectors"), "UIV_TESTVECS"), *v;
	u8 seed[FOG_UIV_SEED_SIZE], tweak[64], data[DATA_MAX], expect[DATA_MAX], out[DATA_MAX];
	struct fog_uiv_key key;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(json_array_size(list), 8);
	json_array_foreach(list, i, v)
	{
		bool encrypt = json_is_true(json_array_get(v, 0));
		vectors_hex(json_array_get(v, 1), seed, sizeof(seed));
		size_t tweak_len = vectors_hex(json_array_get(v, 2), tweak, sizeof(tweak));
		vectors_hex(json_array_get(v, 3), data, 16);
		size_t len = 16 + vectors_hex(json_array_get(v, 4), data + 16, DATA_MAX - 16);
		json_t *result = json_array_get(v, 5);
		vectors_hex(json_array_get(result, 0), expect, 16);
		vectors_hex(json_array_get(result, 1), expect + 16, DATA_MAX - 16);
		fog_uiv_key_init(&key, seed);
		if (encrypt)
			fog_uiv_encrypt(&key, tweak, tweak_len, data, out, len);
		else
			fog_uiv_decrypt(&key, tweak, tweak_len, data, out, len);
		CU_ASSERT(memcmp(out, expect, len) == 0);
		if (encrypt)
			fog_uiv_decrypt(&key, tweak, tweak_len, out, out, len);
		else
			fog_uiv_encrypt(&key, tweak, tweak_len, out, out, len);
		CU_ASSERT(memcmp(out, data, len) == 0);
	}
}

static void test_uiv(void)
{
	each_path(uiv_body);
}

static void update_body(void)
{
	json_t *list = json_object_get(json_object_get(vectors, "vectors"), "UIV_UPDATE_TESTVECS");
	u8 seed[FOG_UIV_SEED_SIZE], nonce[16], expect_seed[FOG_UIV_SEED_SIZE], expect_nonce[16];
	struct fog_uiv_key key, expect;
	json_t *v;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(json_array_size(list), 5);
	json_array_foreach(list, i, v)
	{
		vectors_hex(json_array_get(v, 0), seed, sizeof(seed));
		vectors_hex(json_array_get(v, 1), nonce, sizeof(nonce));
		json_t *result = json_array_get(v, 2);
		vectors_hex(json_array_get(result, 0), expect_seed, sizeof(expect_seed));
		vectors_hex(json_array_get(result, 1), expect_nonce, sizeof(expect_nonce));
		fog_uiv_key_init(&key, seed);
		fog_uiv_update(&key, nonce);
		fog_uiv_key_init(&expect, expect_seed);
		CU_ASSERT(memcmp(&key, &expect, sizeof(key)) == 0);
		CU_ASSERT(memcmp(nonce, expect_nonce, sizeof(nonce)) == 0);
	}
}

static void test_update(void)
{
	each_path(update_body);
}

/* Every tweak length up to 40 and some right lengths: decryption inverts, in place too, and the
 * result does not depend on the path. */
static struct fog_rng rng;
static u8 model[41][DATA_MAX];

static void lengths_body(void)
{
	u8 seed[FOG_UIV_SEED_SIZE], tweak[40], data[DATA_MAX], out[DATA_MAX];
	struct fog_uiv_key key;

	fog_rng_init_u64(&rng, 11);
	for (unsigned i = 0; i <= 40; i++) {
		size_t len = 16 + fog_rng_below(&rng, FOG_UIV_RIGHT_MAX + 1);
		fog_rng_bytes(&rng, seed, sizeof(seed));
		fog_rng_bytes(&rng, tweak, sizeof(tweak));
		fog_rng_bytes(&rng, data, len);
		fog_uiv_key_init(&key, seed);
		memcpy(out, data, len);
		fog_uiv_encrypt(&key, tweak, i, out, out, len);
		if (strcmp(fog_crypto_cpu(), "portable") == 0)
			memcpy(model[i], out, len);
		CU_ASSERT(memcmp(model[i], out, len) == 0);
		fog_uiv_decrypt(&key, tweak, i, out, out, len);
		CU_ASSERT(memcmp(data, out, len) == 0);
	}
}

static void test_lengths(void)
{
	each_path(lengths_body);
}

int main(void)
{
	static const struct fog_test tests[] = {
		FOG_TEST(test_life_cycle), FOG_TEST(test_et),     FOG_TEST(test_prf),
		FOG_TEST(test_uiv),        FOG_TEST(test_update), FOG_TEST(test_lengths),
	};

	vectors = vectors_load("tor/cgo_vectors.json");
	int rc = fog_test_run("crypto/cell/uiv", tests, FOG_ARRAY_COUNT(tests));
	json_decref(vectors);
	return rc;
}
