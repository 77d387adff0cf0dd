/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests/api asks of real answers is not repeated here. */
#include "controlplane/gateway/range.h"

#include <errno.h>

#include "tests/unit/fog_test.h"

static void test_life_cycle(void)
{
	static const struct {
		const char *text;
		u64 size;
		int rc;
		u64 offset, len;
	} cases[] = {
		{"bytes=0-0", 10, 1, 0, 1},
		{"bytes=0-9", 10, 1, 0, 10},
		{"bytes=3-5", 10, 1, 3, 3},
		{"BYTES=3-", 10, 1, 3, 7},
		{"bytes=-4", 10, 1, 6, 4},
		{"bytes=-40", 10, 1, 0, 10},
		{"bytes=5-999999999999999999", 10, 1, 5, 5},
		{"bytes=10-", 10, -ERANGE, 0, 0},
		{"bytes=10-20", 10, -ERANGE, 0, 0},
		{"bytes=-0", 10, -ERANGE, 0, 0},
		{"bytes=0-", 0, -ERANGE, 0, 0},
		{"bytes=-1", 0, -ERANGE, 0, 0},
	};

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		u64 offset = 0, len = 0;
		CU_ASSERT_EQUAL(fog_http_range(cases[i].text, cases[i].size, &offset, &len),
				cases[i].rc);
		CU_ASSERT_EQUAL(offset, cases[i].offset);
		CU_ASSERT_EQUAL(len, cases[i].len);
	}
}

static void test_bad_arguments(void)
{
	static const char *const bad[] = {
		"",
		"bytes",
		"bytes=",
		"bytes=-",
		"bytes=a-b",
		"bytes=5-3",
		"bytes=1-2,4",
		"items=0-1",
		"bytes=1-2 ",
		"bytes= 1-2",
		"bytes=+1-2",
		"bytes=1--2",
		"bytes=1",
		"bytes=18446744073709551616-",
	};
	u64 offset, len;

	for (size_t i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		CU_ASSERT_EQUAL(fog_http_range(bad[i], 10, &offset, &len), 0);
}

FOG_TEST_MAIN("controlplane/gateway/range", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments))
