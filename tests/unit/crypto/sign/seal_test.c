/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/sign/seal.h"

#include "tests/unit/crypto/vectors.h"

#include <errno.h>

static void test_life_cycle(void)
{
	struct fog_seal_keys mine, other;
	u8 text[100] = "a message", sealed[148], out[100], signature[64];

	fog_seal_keys(&mine, (const u8[32]){1});
	fog_seal_keys(&other, (const u8[32]){2});
	CU_ASSERT_EQUAL(fog_seal(sealed, text, sizeof(text), mine.id), 0);
	CU_ASSERT_EQUAL(fog_seal_open(out, sealed, sizeof(sealed), &mine), 0);
	CU_ASSERT_EQUAL(memcmp(out, text, sizeof(text)), 0);
	CU_ASSERT_EQUAL(fog_seal_open(out, sealed, sizeof(sealed), &other), -EBADMSG);
	sealed[60] ^= 1;
	CU_ASSERT_EQUAL(fog_seal_open(out, sealed, sizeof(sealed), &mine), -EBADMSG);
	CU_ASSERT_EQUAL(fog_seal_open(out, sealed, 47, &mine), -EBADMSG);
	fog_sign(signature, text, sizeof(text), mine.sign);
	CU_ASSERT_EQUAL(fog_sign_verify(signature, text, sizeof(text), mine.id), 0);
	CU_ASSERT_NOT_EQUAL(fog_sign_verify(signature, text, sizeof(text), other.id), 0);
}

static void test_bad_arguments(void)
{
	u8 sealed[148], text[100] = {0}, id[32] = {0};

	CU_ASSERT_EQUAL(fog_seal(sealed, text, sizeof(text), id), -EINVAL);
	memset(id, 0xff, sizeof(id));
	CU_ASSERT_EQUAL(fog_seal(sealed, text, sizeof(text), id), -EINVAL);
}

FOG_TEST_MAIN("crypto/sign/seal", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments))
