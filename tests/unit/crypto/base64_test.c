/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/base64.h"

#include <errno.h>

#include "tests/unit/fog_test.h"

/* RFC 4648 section 10, without padding; and the two characters of the URL alphabet. */
static void test_life_cycle(void)
{
	static const struct {
		const char *data, *text;
	} cases[] = {{"", ""},
		     {"f", "Zg"},
		     {"fo", "Zm8"},
		     {"foo", "Zm9v"},
		     {"foob", "Zm9vYg"},
		     {"fooba", "Zm9vYmE"},
		     {"foobar", "Zm9vYmFy"},
		     {"\xfb\xff", "-_8"}};
	char text[32];
	u8 data[32];

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		size_t len = strlen(cases[i].data);
		fog_base64url_encode(text, cases[i].data, len);
		CU_ASSERT_STRING_EQUAL(text, cases[i].text);
		CU_ASSERT_EQUAL(strlen(text) + 1, FOG_BASE64URL_SIZE(len));
		int n = fog_base64url_decode(data, sizeof(data), text, strlen(text));
		CU_ASSERT_EQUAL(n, (int)len);
		CU_ASSERT_EQUAL(memcmp(data, cases[i].data, len), 0);
	}
}

static void test_bad_arguments(void)
{
	static const char *const bad[] = {"Zg==", "Z", "Zm+v", "Zm9v ", "Zh", "Zm9vYmFy\n"};
	u8 data[32];

	for (size_t i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		CU_ASSERT_EQUAL(fog_base64url_decode(data, sizeof(data), bad[i], strlen(bad[i])),
				-EINVAL);
	CU_ASSERT_EQUAL(fog_base64url_decode(data, 2, "Zm9v", 4), -EINVAL);
}

FOG_TEST_MAIN("crypto/base64", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments))
