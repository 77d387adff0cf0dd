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

FOG_TEST_MAIN("crypto/sign/sign", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_wycheproof))
