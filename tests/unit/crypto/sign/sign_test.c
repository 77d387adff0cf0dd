/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/sign/sign.h"

#include "tests/unit/crypto/vectors.h"

#include <errno.h>

/* RFC 8032 section 7.1, test 2. */
static void test_life_cycle(void)
{
	u8 seed[32], pk[32], sk[64], sig[64], expect[64], msg = 0x72;

	fog_hex_decode("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", seed,
		       32);
	fog_sign_keypair(pk, sk, seed);
	fog_hex_decode("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", expect,
		       32);
	CU_ASSERT(memcmp(pk, expect, 32) == 0);
	fog_sign(sig, &msg, 1, sk);
	fog_hex_decode("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
		       "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
		       expect, 64);
	CU_ASSERT(memcmp(sig, expect, 64) == 0);
	CU_ASSERT_EQUAL(fog_sign_verify(sig, &msg, 1, pk), 0);
}

static void test_bad_arguments(void)
{
	u8 seed[32] = {3}, pk[32], sk[64], sig[64], msg[20] = "message", zero[64] = {0};

	fog_sign_keypair(pk, sk, seed);
	fog_sign(sig, msg, sizeof(msg), sk);
	CU_ASSERT_EQUAL(fog_sign_verify(sig, msg, sizeof(msg), pk), 0);
	CU_ASSERT_EQUAL(fog_sign_verify(sig, msg, sizeof(msg) - 1, pk), -EBADMSG);
	CU_ASSERT_EQUAL(fog_sign_verify(sig, NULL, 0, pk), -EBADMSG);
	CU_ASSERT_EQUAL(fog_sign_verify(zero, msg, sizeof(msg), pk), -EBADMSG);
	CU_ASSERT_EQUAL(fog_sign_verify(sig, msg, sizeof(msg), zero), -EBADMSG);
	CU_ASSERT_EQUAL(fog_sign_verify(zero, msg, sizeof(msg), zero), -EBADMSG);
	for (unsigned bit = 0; bit < 512; bit += 3) {
		sig[bit / 8] ^= 1 << bit % 8;
		CU_ASSERT_EQUAL(fog_sign_verify(sig, msg, sizeof(msg), pk), -EBADMSG);
		sig[bit / 8] ^= 1 << bit % 8;
	}
}

static void test_wycheproof(void)
{
	json_t *root = vectors_load("wycheproof/ed25519_test.json"), *group, *t;
	u8 pk[32], msg[1024], sig[256];
	size_t i, j;
	unsigned done = 0;

	json_array_foreach(json_object_get(root, "testGroups"), i, group)
	{
		vectors_member(json_object_get(group, "publicKey"), "pk", pk, 32);
		json_array_foreach(json_object_get(group, "tests"), j, t)
		{
			size_t msg_len = vectors_member(t, "msg", msg, sizeof(msg));
			size_t sig_len = vectors_member(t, "sig", sig, sizeof(sig));
			bool valid = strcmp(json_string_value(json_object_get(t, "result")),
					    "valid") == 0;
			done++;
			/* Our interface takes 64 bytes and nothing else. */
			if (sig_len != FOG_SIGN_SIZE) {
				CU_ASSERT_FALSE(valid);
				continue;
			}
			CU_ASSERT_EQUAL(fog_sign_verify(sig, msg, msg_len, pk),
					valid ? 0 : -EBADMSG);
		}
	}
	CU_ASSERT_EQUAL(done, 151);
	json_decref(root);
}

#define CCTV 914

static struct fog_sign_item cctv_item[CCTV];

static json_t *cctv_load(void)
{
	static u8 key[CCTV][32], sig[CCTV][64];
	json_t *root = vectors_load("ed25519/cctv_ed25519vectors.json"), *t;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(json_array_size(root), CCTV);
	json_array_foreach(root, i, t)
	{
		const char *msg = json_string_value(json_object_get(t, "msg"));
		CU_ASSERT_EQUAL(vectors_member(t, "key", key[i], 32), 32);
		CU_ASSERT_EQUAL(vectors_member(t, "sig", sig[i], 64), 64);
		cctv_item[i] = (struct fog_sign_item){sig[i], key[i], msg, strlen(msg)};
	}
	return root;
}

/* One by one, all at once, and in batches of every small size, against the same bits. */
static void cctv_body(void)
{
	json_t *root = cctv_load();
	json_t *file = vectors_load("ed25519/cctv_expected_by_implementation.json");
	const char *expect =
		json_string_value(json_object_get(file, "strict_encoding_cofactored(model)"));
	const char *sodium = json_string_value(json_object_get(file, "libsodium1.0.18"));
	int result[CCTV];
	unsigned accepted = 0;

	CU_ASSERT_EQUAL_FATAL(strlen(expect), CCTV);
	for (unsigned i = 0; i < CCTV; i++) {
		const struct fog_sign_item *t = &cctv_item[i];
		int rc = fog_sign_verify(t->sig, t->msg, t->len, t->pk);
		CU_ASSERT_EQUAL(rc, expect[i] == '1' ? 0 : -EBADMSG);
		CU_ASSERT(rc == 0 || sodium[i] == '0');
		accepted += rc == 0;
	}
	CU_ASSERT_EQUAL(accepted, 106);
	fog_sign_verify_many(cctv_item, CCTV, result);
	for (unsigned i = 0; i < CCTV; i++)
		CU_ASSERT_EQUAL(result[i], expect[i] == '1' ? 0 : -EBADMSG);
	for (unsigned batch = 1; batch < 700; batch += 1 + 3 * batch / 2) {
		u8 *memory = aligned_alloc(64, fog_sign_memory_size(batch));
		CU_ASSERT_FATAL(memory != NULL);
		memset(result, 1, sizeof(result));
		fog_sign_verify_in(memory, batch, cctv_item, CCTV, result);
		free(memory);
		for (unsigned i = 0; i < CCTV; i++)
			CU_ASSERT_EQUAL(result[i], expect[i] == '1' ? 0 : -EBADMSG);
	}
	json_decref(file);
	json_decref(root);
}

static void test_cctv(void)
{
	each_path(cctv_body);
}

/* Those with a part of small order that cancels out only under the factor of eight, and nothing
 * else, in batches of one kind: an equation without the factor would answer by chance. */
static void cctv_accepted_body(void)
{
	json_t *root = cctv_load();
	struct fog_sign_item item[CCTV];
	int result[CCTV];
	unsigned n = 0;

	for (unsigned i = 0; i < CCTV; i++) {
		const struct fog_sign_item *t = &cctv_item[i];
		if (fog_sign_verify(t->sig, t->msg, t->len, t->pk) == 0)
			item[n++] = *t;
	}
	CU_ASSERT_EQUAL(n, 106);
	for (unsigned round = 0; round < 3; round++) {
		fog_sign_verify_many(item, n, result);
		for (unsigned i = 0; i < n; i++)
			CU_ASSERT_EQUAL(result[i], 0);
	}
	json_decref(root);
}

static void test_cctv_accepted(void)
{
	each_path(cctv_accepted_body);
}

static void test_speccheck(void)
{
	static const char expect[] = "000111000000";
	json_t *root = vectors_load("ed25519/speccheck_cases.json"), *t;
	u8 msg[64], pk[32], sig[64];
	size_t i;

	CU_ASSERT_EQUAL_FATAL(json_array_size(root), strlen(expect));
	json_array_foreach(root, i, t)
	{
		size_t len = vectors_member(t, "message", msg, sizeof(msg));
		CU_ASSERT_EQUAL(vectors_member(t, "pub_key", pk, 32), 32);
		CU_ASSERT_EQUAL(vectors_member(t, "signature", sig, 64), 64);
		CU_ASSERT_EQUAL(fog_sign_verify(sig, msg, len, pk),
				expect[i] == '1' ? 0 : -EBADMSG);
	}
	json_decref(root);
}

#define MANY      300
#define UNTOUCHED 0x01010101 /* after memset(.., 1, ..) */

struct many {
	u8 pk[MANY][32], sig[MANY][64], msg[MANY][400];
	struct fog_sign_item item[MANY];
};

/* Signatures by a few signers over messages of every length class. */
static void many_init(struct many *m, struct fog_rng *rng, unsigned signers)
{
	u8 seed[32] = {0}, sk[64];

	fog_rng_bytes(rng, m->msg, sizeof(m->msg));
	for (unsigned i = 0; i < MANY; i++) {
		size_t len = i < 260 ? i : fog_rng_below(rng, sizeof(m->msg[i]) + 1);
		seed[0] = (u8)(i % signers);
		seed[1] = (u8)(i % signers >> 8);
		fog_sign_keypair(m->pk[i], sk, seed);
		fog_sign(m->sig[i], m->msg[i], len, sk);
		m->item[i] = (struct fog_sign_item){m->sig[i], m->pk[i], m->msg[i], len};
	}
}

static void many_copy(struct many *to, const struct many *from)
{
	*to = *from;
	for (unsigned i = 0; i < MANY; i++)
		to->item[i] = (struct fog_sign_item){to->sig[i], to->pk[i], to->msg[i],
						     from->item[i].len};
}

/* Spoils a signature in one of five ways. */
static void spoil(struct many *m, unsigned i, u64 how)
{
	switch (how % 5) {
	case 0: /* another R, hence mostly no point or another challenge */
		m->sig[i][how % 31] ^= 1;
		break;
	case 1: /* another S, still below the order */
		m->sig[i][32 + how % 30] ^= 1;
		break;
	case 2: /* S above the order */
		m->sig[i][63] |= 0x20;
		break;
	case 3: /* of another message */
		memcpy(m->sig[i], m->sig[(i + 1) % MANY], 64);
		break;
	default:
		m->pk[i][how % 32] ^= 4;
	}
}

static void many_body(void)
{
	static struct many m, fresh[2];
	static const unsigned counts[] = {0, 1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 130, MANY};
	u8 *memory = aligned_alloc(64, fog_sign_memory_size(MANY));
	struct fog_rng rng;
	int result[MANY], expect[MANY];

	CU_ASSERT_FATAL(memory != NULL);

	rng_start(&rng);
	many_init(&fresh[0], &rng, 7);
	many_init(&fresh[1], &rng, MANY);
	for (unsigned c = 0; c < 3 * FOG_ARRAY_COUNT(counts); c++) {
		unsigned n = counts[c / 3], bad = c % 3 == 0 ? 0 : c % 3 == 1 ? 1 : n / 2 + 1;
		many_copy(&m, &fresh[c % 2]);
		memset(expect, 0, sizeof(expect));
		for (unsigned i = 0; i < bad && n > 0; i++) {
			unsigned victim = (unsigned)fog_rng_below(&rng, n);
			if (expect[victim] == 0)
				spoil(&m, victim, fog_rng_u64(&rng));
			expect[victim] = -EBADMSG;
		}
		memset(result, 1, sizeof(result));
		fog_sign_verify_many(m.item, n, result);
		CU_ASSERT(n == 0 || memcmp(result, expect, n * sizeof(*result)) == 0);
		memset(result, 1, sizeof(result));
		fog_sign_verify_in(memory, MANY, m.item, n, result);
		CU_ASSERT(n == 0 || memcmp(result, expect, n * sizeof(*result)) == 0);
		CU_ASSERT(n == MANY || result[n] == UNTOUCHED);
	}
	free(memory);
}

static void test_many(void)
{
	each_path(many_body);
}

/* One false signature in every place of a batch. */
static void one_false_body(void)
{
	static struct many m;
	struct fog_rng rng;
	int result[64];

	rng_start(&rng);
	many_init(&m, &rng, MANY);
	for (unsigned i = 0; i < 64; i++) {
		m.sig[i][40] ^= 1;
		fog_sign_verify_many(m.item, 64, result);
		for (unsigned k = 0; k < 64; k++)
			CU_ASSERT_EQUAL(result[k], k == i ? -EBADMSG : 0);
		m.sig[i][40] ^= 1;
	}
}

static void test_one_false(void)
{
	each_path(one_false_body);
}

FOG_TEST_MAIN("crypto/sign/sign", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_wycheproof), FOG_TEST(test_cctv), FOG_TEST(test_cctv_accepted),
	      FOG_TEST(test_speccheck), FOG_TEST(test_many), FOG_TEST(test_one_false))
