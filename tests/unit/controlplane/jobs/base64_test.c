/* SPDX-License-Identifier: BSD-3-Clause */
/* Cases: RFC 4648 section 10. */
#include "controlplane/jobs/base64.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

static const struct {
	const char *text, *data;
} good[] = {
	{"", ""},
	{"Zg==", "f"},
	{"Zm8=", "fo"},
	{"Zm9v", "foo"},
	{"Zm9vYg==", "foob"},
	{"Zm9vYmE=", "fooba"},
	{"Zm9vYmFy", "foobar"},
};

static void test_life_cycle(void)
{
	u8 out[16];

	for (u32 i = 0; i < FOG_ARRAY_COUNT(good); i++) {
		long n = fog_base64_decode(good[i].text, strlen(good[i].text), out);
		CU_ASSERT_EQUAL(n, (long)strlen(good[i].data));
		CU_ASSERT_EQUAL(memcmp(out, good[i].data, strlen(good[i].data)), 0);
	}
	CU_ASSERT_EQUAL(fog_base64_decode("/+8A", 4, out), 3);
	CU_ASSERT_EQUAL(memcmp(out, "\xff\xef\x00", 3), 0);
}

static void test_bad_arguments(void)
{
	static const char *const bad[] = {"Z",    "Zg",       "Zg=",    "Zh==",    "Zm9=", "Z===",
					  "====", "Zg==Zg==", "Zm9v\n", "Zm9\x80", "Zm-_", "=AAA"};
	u8 out[16];

	for (u32 i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		CU_ASSERT_EQUAL(fog_base64_decode(bad[i], strlen(bad[i]), out), -EINVAL);
}

FOG_TEST_MAIN("controlplane/jobs/base64", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments))
