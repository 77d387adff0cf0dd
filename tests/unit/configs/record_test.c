/* SPDX-License-Identifier: BSD-3-Clause */
#include "configs/record.h"
#include "tests/unit/fog_test.h"

static char out[512];

static const char *record(const char *text)
{
	size_t n = fog_record_json(out, sizeof(out), "T", "notice", "health", text);

	CU_ASSERT_EQUAL(n, strlen(out));
	return out;
}

#define HEAD "{\"time\":\"T\",\"level\":\"notice\",\"part\":\"health\",\"message\":"

static void test_life_cycle(void)
{
	CU_ASSERT_STRING_EQUAL(record("restarted component=edge took_ms=3"),
			       HEAD "\"restarted\",\"component\":\"edge\",\"took_ms\":\"3\"}\n");
	CU_ASSERT_STRING_EQUAL(record("no fields, at all"), HEAD "\"no fields, at all\"}\n");
	CU_ASSERT_STRING_EQUAL(record("reason=\"not there\" then words n=1"),
			       HEAD "\"\",\"reason\":\"not there\",\"n\":\"1\"}\n");
	CU_ASSERT_STRING_EQUAL(record(""), HEAD "\"\"}\n");
}

static void test_odd_texts(void)
{
	CU_ASSERT_STRING_EQUAL(record("a\\b \x01\xff x=\"open"),
			       HEAD "\"a\\\\b ??\",\"x\":\"open\"}\n");
	CU_ASSERT_STRING_EQUAL(record("a==b c= =d"), HEAD "\"\",\"a\":\"=b\",\"c\":\"\"}\n");
}

static void test_no_room(void)
{
	char text[2048], small[256];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "k=1 l=", 6);
	size_t n = fog_record_json(small, sizeof(small), "T", "notice", "health", text);
	CU_ASSERT_EQUAL(n, strlen(small));
	CU_ASSERT_STRING_EQUAL(small, HEAD "\"\",\"k\":\"1\"}\n"); /* l does not fit, and goes */
}

FOG_TEST_MAIN("configs/record", FOG_TEST(test_life_cycle), FOG_TEST(test_odd_texts),
	      FOG_TEST(test_no_room))
