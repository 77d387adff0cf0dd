/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/sign/known.h"

#include "crypto/random/random.h"
#include "tests/unit/crypto/vectors.h"

#include <errno.h>

#define KEYS  8
#define ITEMS 200
#define CCTV  914

static struct fog_sign_known *set_open(unsigned keys)
{
	void *memory = aligned_alloc(64, (fog_sign_known_size(keys) + 63) & ~(size_t)63);

	if (memory == NULL)
		abort();
	return fog_sign_known_init(memory, keys);
}

struct many {
	u8 pk[2 * KEYS][32], sk[2 * KEYS][64], sig[ITEMS][64], msg[ITEMS][40];
	struct fog_sign_item item[ITEMS];
	bool damaged[ITEMS];
};

/* Signers KEYS.. are strangers; every fifth signature is damaged somewhere. */
static void many_init(struct many *m)
{
	struct fog_rng rng;
	u8 seed[32];

	fog_rng_init_u64(&rng, 3);
	for (unsigned i = 0; i < 2 * KEYS; i++) {
		fog_rng_bytes(&rng, seed, sizeof(seed));
		fog_sign_keypair(m->pk[i], m->sk[i], seed);
	}
	for (unsigned i = 0; i < ITEMS; i++) {
		unsigned signer = (unsigned)fog_rng_below(&rng, 2 * KEYS);

		fog_rng_bytes(&rng, m->msg[i], sizeof(m->msg[i]));
		fog_sign(m->sig[i], m->msg[i], sizeof(m->msg[i]), m->sk[signer]);
		m->damaged[i] = i % 5 == 4;
		if (m->damaged[i])
			m->sig[i][fog_rng_below(&rng, 64)] ^= 1u << i % 8;
		m->item[i] = (struct fog_sign_item){m->sig[i], m->pk[signer], m->msg[i],
						    sizeof(m->msg[i])};
	}
}

static void life_cycle_body(void)
{
	static struct many m;
	struct fog_sign_known *k = set_open(KEYS);
	int result[ITEMS];

	many_init(&m);
	for (unsigned i = 0; i < KEYS; i++) {
		CU_ASSERT_FALSE(fog_sign_known_has(k, m.pk[i]));
		CU_ASSERT_EQUAL(fog_sign_known_add(k, m.pk[i]), 0);
		CU_ASSERT_EQUAL(fog_sign_known_add(k, m.pk[i]), 0);
		CU_ASSERT_TRUE(fog_sign_known_has(k, m.pk[i]));
	}
	for (unsigned count = 0; count <= ITEMS; count += 1 + count) {
		memset(result, 1, sizeof(result));
		fog_sign_known_verify(k, m.item, count, result);
		for (unsigned i = 0; i < count; i++)
			CU_ASSERT_EQUAL(result[i], m.damaged[i] ? -EBADMSG : 0);
	}
	fog_sign_known_verify(k, m.item, ITEMS, result);
	for (unsigned i = 0; i < ITEMS; i++)
		CU_ASSERT_EQUAL(result[i], m.damaged[i] ? -EBADMSG : 0);
	free(k);
}

static void test_life_cycle(void)
{
	each_path(life_cycle_body);
}

static void test_bad_arguments(void)
{
	struct fog_sign_known *k = set_open(1);
	u8 zero[32] = {0}, ones[32], off[32] = {2};

	memset(ones, 0xff, sizeof(ones));
	CU_ASSERT_EQUAL(fog_sign_known_add(k, zero), -EBADMSG);
	CU_ASSERT_EQUAL(fog_sign_known_add(k, ones), -EBADMSG);
	CU_ASSERT_EQUAL(fog_sign_known_add(k, off), -EBADMSG);
	CU_ASSERT_FALSE(fog_sign_known_has(k, zero));
	free(k);
}

/* The least recently used makes way. */
static void test_eviction(void)
{
	static struct many m;
	struct fog_sign_known *k = set_open(2);
	int result;

	many_init(&m);
	CU_ASSERT_EQUAL(fog_sign_known_add(k, m.pk[0]), 0);
	CU_ASSERT_EQUAL(fog_sign_known_add(k, m.pk[1]), 0);
	const struct fog_sign_item first = {m.sig[0], m.pk[0], "", 0};
	fog_sign_known_verify(k, &first, 1, &result);
	CU_ASSERT_EQUAL(fog_sign_known_add(k, m.pk[2]), 0);
	CU_ASSERT_TRUE(fog_sign_known_has(k, m.pk[0]));
	CU_ASSERT_FALSE(fog_sign_known_has(k, m.pk[1]));
	CU_ASSERT_TRUE(fog_sign_known_has(k, m.pk[2]));
	free(k);
}

/* The 914 cases, each with its key's table where it can have one: the answers of the one rule. */
static void cctv_body(void)
{
	json_t *root = vectors_load("ed25519/cctv_ed25519vectors.json"), *t;
	json_t *file = vectors_load("ed25519/cctv_expected_by_implementation.json");
	const char *expect =
		json_string_value(json_object_get(file, "strict_encoding_cofactored(model)"));
	struct fog_sign_known *k = set_open(64);
	unsigned tables = 0;
	u8 key[32], sig[64];
	size_t i;

	CU_ASSERT_EQUAL_FATAL(json_array_size(root), CCTV);
	json_array_foreach(root, i, t)
	{
		const char *msg = json_string_value(json_object_get(t, "msg"));
		int result;

		CU_ASSERT_EQUAL(vectors_member(t, "key", key, 32), 32);
		CU_ASSERT_EQUAL(vectors_member(t, "sig", sig, 64), 64);
		tables += fog_sign_known_add(k, key) == 0;
		const struct fog_sign_item item = {sig, key, msg, strlen(msg)};
		fog_sign_known_verify(k, &item, 1, &result);
		CU_ASSERT_EQUAL(result, expect[i] == '1' ? 0 : -EBADMSG);
	}
	CU_ASSERT(tables > 106);
	json_decref(file);
	json_decref(root);
	free(k);
}

static void test_cctv(void)
{
	each_path(cctv_body);
}

static void wycheproof_body(void)
{
	json_t *root = vectors_load("wycheproof/ed25519_test.json"), *group, *t;
	struct fog_sign_known *k = set_open(4);
	u8 pk[32], msg[1024], sig[256];
	size_t i, j;

	json_array_foreach(json_object_get(root, "testGroups"), i, group)
	{
		vectors_member(json_object_get(group, "publicKey"), "pk", pk, 32);
		CU_ASSERT_EQUAL(fog_sign_known_add(k, pk), 0);
		json_array_foreach(json_object_get(group, "tests"), j, t)
		{
			size_t len = vectors_member(t, "msg", msg, sizeof(msg));
			bool valid = strcmp(json_string_value(json_object_get(t, "result")),
					    "valid") == 0;
			const struct fog_sign_item item = {sig, pk, msg, len};
			int result;

			if (vectors_member(t, "sig", sig, sizeof(sig)) != FOG_SIGN_SIZE)
				continue;
			fog_sign_known_verify(k, &item, 1, &result);
			CU_ASSERT_EQUAL(result, valid ? 0 : -EBADMSG);
		}
	}
	json_decref(root);
	free(k);
}

static void test_wycheproof(void)
{
	each_path(wycheproof_body);
}

FOG_TEST_MAIN("crypto/sign/known", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_eviction), FOG_TEST(test_cctv), FOG_TEST(test_wycheproof))
