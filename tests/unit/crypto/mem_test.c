/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/mem.h"

#include "crypto/cpu.h"
#include "tests/unit/crypto/vectors.h"

#include <errno.h>

static void test_life_cycle(void)
{
	u8 data[] = {0x00, 0x9f, 0xa0, 0xff}, back[4];
	char text[9];

	CU_ASSERT_EQUAL(fog_hex_encode(data, sizeof(data), text, sizeof(text)), 0);
	CU_ASSERT_STRING_EQUAL(text, "009fa0ff");
	CU_ASSERT_EQUAL(fog_hex_decode(text, back, sizeof(back)), 0);
	CU_ASSERT(fog_equal(data, back, sizeof(data)));
	CU_ASSERT_EQUAL(fog_hex_decode("009FA0fF", back, sizeof(back)), 0);
	CU_ASSERT(fog_equal(data, back, sizeof(data)));
	back[3] ^= 1;
	CU_ASSERT_FALSE(fog_equal(data, back, sizeof(data)));
	CU_ASSERT_FALSE(fog_is_zero(data, sizeof(data)));
	fog_wipe(data, sizeof(data));
	CU_ASSERT(fog_is_zero(data, sizeof(data)));
	CU_ASSERT_EQUAL(fog_hex_encode(data, 0, text, 1), 0);
	CU_ASSERT_STRING_EQUAL(text, "");
	CU_ASSERT_EQUAL(fog_hex_decode("", back, 0), 0);
}

/* What must not decode to two bytes. */
static const char *const bad[] = {
	"",     "0",     "00",    "000",  "00000", "000000",           "00:00", "00 00", "0x00",
	"00 0", " 0000", "0000 ", "000g", "00-1",  "\xff\xff\xff\xff",
};

static void test_bad_arguments(void)
{
	u8 out[2], one = 7;
	char text[5] = "keep";

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		memset(out, 0xaa, sizeof(out));
		CU_ASSERT_EQUAL(fog_hex_decode(bad[i], out, sizeof(out)), -EINVAL);
		CU_ASSERT(fog_is_zero(out, sizeof(out)));
	}
	CU_ASSERT_EQUAL(fog_hex_decode("00", out, 0), -EINVAL);
	CU_ASSERT_EQUAL(fog_hex_encode(&one, 1, text, 2), -ENOSPC);
	CU_ASSERT_EQUAL(fog_hex_encode(&one, 1, text, 0), -ENOSPC);
	CU_ASSERT_EQUAL(fog_hex_encode(&one, 0, text, 0), -ENOSPC);
	CU_ASSERT_STRING_EQUAL(text, "keep");
}

static void test_secret(void)
{
	CU_ASSERT_EQUAL_FATAL(fog_crypto_init(), 0);
	u8 *p = fog_secret_alloc(100);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	memset(p, 1, 100);
	fog_secret_free(p);
	fog_secret_free(NULL);
}

FOG_TEST_MAIN("crypto/mem", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_secret))
