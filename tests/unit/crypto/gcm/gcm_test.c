/* SPDX-License-Identifier: BSD-3-Clause */
/* AES-128-GCM on every path: Wycheproof's cases, OpenSSL on random messages, forgeries. */
#include "crypto/gcm/gcm.h"

#include "tests/unit/crypto/vectors.h"

#include <openssl/evp.h>

#define JOBS 9
#define ROOM (FOG_GCM_TEXT_MAX + FOG_GCM_TAG_SIZE)

static u8 text[JOBS][ROOM], sealed[JOBS][ROOM], opened[JOBS][ROOM], ad[FOG_GCM_AD_MAX];

static void body_life(void)
{
	struct fog_gcm_key key;
	u8 secret[FOG_GCM_KEY_SIZE] = {1}, iv[FOG_GCM_IV_SIZE] = {2};
	struct fog_gcm_job job = {
		.key = &key, .ad = ad, .ad_len = 16, .in = text[0], .out = sealed[0], .len = 1408};

	fog_gcm_key_init(&key, secret, iv);
	fog_gcm_seal_many(&job, 1);
	job.in = sealed[0];
	job.out = opened[0];
	fog_gcm_open_many(&job, 1);
	CU_ASSERT_TRUE(job.authentic);
	CU_ASSERT_EQUAL(memcmp(text[0], opened[0], 1408), 0);
	fog_gcm_seal_many(NULL, 0);
	fog_gcm_open_many(NULL, 0);
	fog_gcm_key_wipe(&key);
	CU_ASSERT_TRUE(fog_is_zero((const u8 *)&key, sizeof(key)));
}

static void test_life(void)
{
	each_path(body_life);
}

static void one_case(const json_t *t)
{
	struct fog_gcm_key key;
	u8 secret[16], iv[12], tag[16];
	size_t len, ad_len;
	bool valid = strcmp(json_string_value(json_object_get(t, "result")), "invalid") != 0;

	(void)vectors_member(t, "key", secret, sizeof(secret));
	(void)vectors_member(t, "iv", iv, sizeof(iv));
	len = vectors_member(t, "ct", sealed[0], sizeof(sealed[0]));
	(void)vectors_member(t, "tag", tag, sizeof(tag));
	(void)vectors_member(t, "msg", text[0], sizeof(text[0]));
	ad_len = vectors_member(t, "aad", ad, sizeof(ad));
	memcpy(sealed[0] + len, tag, sizeof(tag));
	fog_gcm_key_init(&key, secret, iv);
	struct fog_gcm_job job = {.key = &key,
				  .ad = ad,
				  .ad_len = (u32)ad_len,
				  .in = sealed[0],
				  .out = opened[0],
				  .len = (u32)len};
	fog_gcm_open_many(&job, 1);
	CU_ASSERT_EQUAL(job.authentic, valid);
	CU_ASSERT_TRUE(valid ? memcmp(opened[0], text[0], len) == 0 : fog_is_zero(opened[0], len));
	job.in = text[0];
	job.out = opened[0];
	fog_gcm_seal_many(&job, 1);
	CU_ASSERT_EQUAL(memcmp(opened[0], sealed[0], len), 0);
	CU_ASSERT_EQUAL(memcmp(opened[0] + len, tag, 16) == 0, valid);
}

static void body_wycheproof(void)
{
	json_t *root = vectors_load("wycheproof/aes_gcm_subset.json"), *group, *t;
	size_t i, j, count = 0;

	json_array_foreach(json_object_get(root, "testGroups"), i, group)
		json_array_foreach(json_object_get(group, "tests"), j, t)
	{
		one_case(t);
		count++;
	}
	CU_ASSERT_EQUAL(count, 67);
	json_decref(root);
}

static void test_wycheproof(void)
{
	each_path(body_wycheproof);
}

static void openssl_seal(const u8 secret[16], const u8 iv[12], const struct fog_gcm_job *job,
			 u8 *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	u8 nonce[12];
	int n;

	memcpy(nonce, iv, 12);
	for (unsigned i = 0; i < 8; i++)
		nonce[4 + i] ^= (u8)(job->counter >> (56 - 8 * i));
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL_FATAL(EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, secret, nonce), 1);
	EVP_EncryptUpdate(c, NULL, &n, job->ad, (int)job->ad_len);
	EVP_EncryptUpdate(c, out, &n, job->in, (int)job->len);
	EVP_EncryptFinal_ex(c, out + n, &n);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, out + job->len);
	EVP_CIPHER_CTX_free(c);
}

/* Batches of random keys, lengths and counters; every third length is that of a link's cell. */
static void body_openssl(void)
{
	static u8 want[ROOM];
	struct fog_gcm_key key[JOBS];
	u8 secret[JOBS][16], iv[JOBS][12];
	struct fog_gcm_job job[JOBS];
	struct fog_rng rng;

	rng_start(&rng);
	fog_rng_bytes(&rng, ad, sizeof(ad));
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < JOBS; i++) {
			fog_rng_bytes(&rng, secret[i], 16);
			fog_rng_bytes(&rng, iv[i], 12);
			fog_rng_bytes(&rng, text[i], FOG_GCM_TEXT_MAX);
			fog_gcm_key_init(&key[i], secret[i], iv[i]);
			job[i] = (struct fog_gcm_job){
				.key = &key[i],
				.ad = ad,
				.in = text[i],
				.out = sealed[i],
				.counter = fog_rng_u64(&rng) >> fog_rng_below(&rng, 64),
				.ad_len = (u32)fog_rng_below(&rng, round % 4 ? 80 : sizeof(ad) + 1),
				.len = (u32)fog_rng_below(&rng, FOG_GCM_TEXT_MAX + 1),
			};
			if (i % 3 == 0) {
				job[i].len = 1408;
				job[i].ad_len = 16;
			}
		}
		fog_gcm_seal_many(job, JOBS);
		for (unsigned i = 0; i < JOBS; i++) {
			openssl_seal(secret[i], iv[i], &job[i], want);
			CU_ASSERT_EQUAL(memcmp(want, sealed[i], job[i].len + 16), 0);
			job[i].in = sealed[i];
			job[i].out = round % 2 ? sealed[i] : opened[i];
		}
		fog_gcm_open_many(job, JOBS);
		for (unsigned i = 0; i < JOBS; i++) {
			CU_ASSERT_TRUE(job[i].authentic);
			CU_ASSERT_EQUAL(memcmp(job[i].out, text[i], job[i].len), 0);
		}
	}
}

static void test_openssl(void)
{
	each_path(body_openssl);
}

/* One flipped bit anywhere, another counter, another iv: forged, and only that row. */
static void body_forged(void)
{
	struct fog_gcm_key key, other;
	u8 secret[16], iv[12];
	struct fog_gcm_job job[JOBS];
	struct fog_rng rng;

	rng_start(&rng);
	fog_rng_bytes(&rng, secret, 16);
	fog_rng_bytes(&rng, iv, 12);
	fog_gcm_key_init(&key, secret, iv);
	iv[11] ^= 1;
	fog_gcm_key_init(&other, secret, iv);
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < JOBS; i++) {
			job[i] = (struct fog_gcm_job){.key = &key,
						      .ad = ad,
						      .ad_len = 16,
						      .in = text[i],
						      .out = sealed[i],
						      .counter = 64 + i,
						      .len = i % 2 ? 1408 : 100 + i};
		}
		fog_gcm_seal_many(job, JOBS);
		for (unsigned i = 0; i < JOBS; i++) {
			job[i].in = sealed[i];
			job[i].out = opened[i];
		}
		unsigned bad = (unsigned)fog_rng_below(&rng, JOBS);
		u64 bit = fog_rng_below(&rng, 8 * (job[bad].len + 16));
		if (round == 0)
			job[bad].counter ^= 1ull << 63;
		else if (round == 1)
			job[bad].key = &other;
		else if (round == 2)
			job[bad].ad_len = 15;
		else
			sealed[bad][bit / 8] ^= (u8)(1 << bit % 8);
		fog_gcm_open_many(job, JOBS);
		for (unsigned i = 0; i < JOBS; i++) {
			CU_ASSERT_EQUAL(job[i].authentic, i != bad);
			if (i == bad)
				CU_ASSERT_TRUE(fog_is_zero(opened[i], job[i].len));
		}
	}
}

static void test_forged(void)
{
	each_path(body_forged);
}

FOG_TEST_MAIN("crypto/gcm", FOG_TEST(test_life), FOG_TEST(test_wycheproof), FOG_TEST(test_openssl),
	      FOG_TEST(test_forged))
