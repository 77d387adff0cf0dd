/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "controlplane/cli/units.h"
#include "tests/unit/fog_test.h"

struct parse_case {
	const char *text;
	int rc;
	u64 value;
};

static const struct parse_case sizes[] = {
	/*  1 */ {"0", 0, 0},
	/*  2 */ {"512", 0, 512},
	/*  3 */ {"1K", 0, 1024},
	/*  4 */ {"256M", 0, 268435456},
	/*  5 */ {"2G", 0, 2147483648},
	/*  6 */ {"1T", 0, 1099511627776},
	/*  7 */ {"18446744073709551615", 0, UINT64_MAX},
	/*  8 */ {"18446744073709551616", -ERANGE, 0},
	/*  9 */ {"16777216T", -ERANGE, 0},
	/* 10 */ {"", -EINVAL, 0},
	/* 11 */ {"M", -EINVAL, 0},
	/* 12 */ {"1 M", -EINVAL, 0},
	/* 13 */ {" 1M", -EINVAL, 0},
	/* 14 */ {"-1M", -EINVAL, 0},
	/* 15 */ {"+1M", -EINVAL, 0},
	/* 16 */ {"1.5G", -EINVAL, 0},
	/* 17 */ {"1m", -EINVAL, 0},
	/* 18 */ {"1MB", -EINVAL, 0},
	/* 19 */ {"0x10", -EINVAL, 0},
};

static const struct parse_case durations[] = {
	/*  1 */ {"500ms", 0, 500},
	/*  2 */ {"60s", 0, 60000},
	/*  3 */ {"5m", 0, 300000},
	/*  4 */ {"2h", 0, 7200000},
	/*  5 */ {"1d", 0, 86400000},
	/*  6 */ {"0s", 0, 0},
	/*  7 */ {"60", -EINVAL, 0},
	/*  8 */ {"s", -EINVAL, 0},
	/*  9 */ {"1h30m", -EINVAL, 0},
	/* 10 */ {"1S", -EINVAL, 0},
	/* 11 */ {"1w", -EINVAL, 0},
	/* 12 */ {"213503982335d", -ERANGE, 0},
};

static const struct parse_case cpus[] = {
	/*  1 */ {"1", 0, 1000},
	/*  2 */ {"0.5", 0, 500},
	/*  3 */ {"0.25", 0, 250},
	/*  4 */ {"0.125", 0, 125},
	/*  5 */ {"250m", 0, 250},
	/*  6 */ {"1024", 0, 1024000},
	/*  7 */ {"1025", -ERANGE, 0},
	/*  8 */ {"0", -ERANGE, 0},
	/*  9 */ {"0.000", -ERANGE, 0},
	/* 10 */ {"0.1234", -EINVAL, 0},
	/* 11 */ {"1.", -EINVAL, 0},
	/* 12 */ {".5", -EINVAL, 0},
	/* 13 */ {"1,5", -EINVAL, 0},
	/* 14 */ {"1.5m", -EINVAL, 0},
	/* 15 */ {"99999999999999999999", -ERANGE, 0},
	/* 16 */ {"1024.5", -ERANGE, 0},
};

static void check(const struct parse_case *cases, size_t count,
		  int (*parse)(const char *text, u64 *out))
{
	for (size_t i = 0; i < count; i++) {
		u64 value = 77;
		int rc = parse(cases[i].text, &value);

		CU_ASSERT_EQUAL(rc, cases[i].rc);
		CU_ASSERT_EQUAL(value, cases[i].rc == 0 ? cases[i].value : 77);
		if (rc != cases[i].rc)
			printf("case %zu \"%s\": %d, not %d\n", i + 1, cases[i].text, rc,
			       cases[i].rc);
	}
}

static int cpu_parse(const char *text, u64 *out)
{
	u32 value;
	int rc = fog_cpu_parse(text, &value);

	if (rc == 0)
		*out = value;
	return rc;
}

static void test_parse(void)
{
	check(sizes, FOG_ARRAY_COUNT(sizes), fog_size_parse);
	check(durations, FOG_ARRAY_COUNT(durations), fog_duration_parse);
	check(cpus, FOG_ARRAY_COUNT(cpus), cpu_parse);
}

static void test_count(void)
{
	u64 value;

	CU_ASSERT_EQUAL(fog_count_parse("7", 1, 64, &value), 0);
	CU_ASSERT_EQUAL(value, 7);
	CU_ASSERT_EQUAL(fog_count_parse("0", 1, 64, &value), -ERANGE);
	CU_ASSERT_EQUAL(fog_count_parse("65", 1, 64, &value), -ERANGE);
	CU_ASSERT_EQUAL(fog_count_parse("7x", 1, 64, &value), -EINVAL);
	CU_ASSERT_EQUAL(fog_count_parse("", 1, 64, &value), -EINVAL);
	CU_ASSERT_EQUAL(value, 7);
}

struct format_case {
	u64 value;
	const char *text;
};

static void test_format(void)
{
	static const struct format_case size_cases[] = {
		{0, "0"},
		{1023, "1023"},
		{1024, "1K"},
		{1536, "1.5K"},
		{268435456, "256M"},
		{1099511627776, "1T"},
		{2252341248, "2G"},
		{UINT64_MAX, "16777215T"},
	};
	static const struct format_case duration_cases[] = {
		{0, "0ms"},          {999, "999ms"},       {1000, "1.0s"},     {59999, "59.9s"},
		{60000, "1m00s"},    {125000, "2m05s"},    {3600000, "1h00m"}, {12000000, "3h20m"},
		{86400000, "1d00h"}, {367200000, "4d06h"},
	};
	char text[FOG_UNITS_TEXT_SIZE];

	for (size_t i = 0; i < FOG_ARRAY_COUNT(size_cases); i++)
		CU_ASSERT_STRING_EQUAL(fog_size_format(size_cases[i].value, text),
				       size_cases[i].text);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(duration_cases); i++)
		CU_ASSERT_STRING_EQUAL(fog_duration_format(duration_cases[i].value, text),
				       duration_cases[i].text);
	fog_duration_format(UINT64_MAX, text);
	CU_ASSERT(strlen(text) < sizeof(text));
}

static void test_amounts(void)
{
	static const struct {
		i64 ufog;
		const char *text;
	} rows[] = {{0, "0"},
		    {1, "0.000001"},
		    {-1, "-0.000001"},
		    {1000000, "1"},
		    {1500000, "1.5"},
		    {250000000, "250"},
		    {-12345678, "-12.345678"},
		    {INT64_MAX, "9223372036854.775807"},
		    {INT64_MIN, "-9223372036854.775808"}};
	char text[FOG_UNITS_TEXT_SIZE];
	u64 back;

	for (u32 i = 0; i < FOG_ARRAY_COUNT(rows); i++) {
		CU_ASSERT_STRING_EQUAL(fog_amount_format(rows[i].ufog, text), rows[i].text);
		if (rows[i].ufog < 0 || rows[i].ufog == INT64_MAX)
			continue;
		CU_ASSERT_EQUAL(fog_amount_parse(text, &back), 0);
		CU_ASSERT_EQUAL((i64)back, rows[i].ufog);
	}
	CU_ASSERT_EQUAL(fog_amount_parse("1.0000001", &back), -EINVAL);
	CU_ASSERT_EQUAL(fog_amount_parse("-1", &back), -EINVAL);
	CU_ASSERT_EQUAL(fog_amount_parse("1.", &back), -EINVAL);
	CU_ASSERT_EQUAL(fog_amount_parse("", &back), -EINVAL);
	CU_ASSERT_EQUAL(fog_amount_parse("99999999999999999999", &back), -ERANGE);
}

FOG_TEST_MAIN("controlplane/cli/units", FOG_TEST(test_parse), FOG_TEST(test_count),
	      FOG_TEST(test_amounts), FOG_TEST(test_format))
