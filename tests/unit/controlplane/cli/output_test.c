/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/output.h"
#include "tests/unit/fog_test.h"

#define NOW 1000000000ull

struct cell_case {
	const char *json;
	enum fog_format format;
	const char *text;
};

static const struct cell_case cell_cases[] = {
	/*  1 */ {"\"ash\"", FOG_FORMAT_TEXT, "ash"},
	/*  2 */ {"null", FOG_FORMAT_TEXT, "-"},
	/*  3 */ {"12", FOG_FORMAT_TEXT, "12"},
	/*  4 */ {"1.5", FOG_FORMAT_TEXT, "1.5"},
	/*  5 */ {"true", FOG_FORMAT_TEXT, "yes"},
	/*  6 */ {"{}", FOG_FORMAT_TEXT, "-"},
	/*  7 */ {"\"0123456789abcdef\"", FOG_FORMAT_ID, "01234567"},
	/*  8 */ {"\"short\"", FOG_FORMAT_ID, "short"},
	/*  9 */ {"7", FOG_FORMAT_ID, "7"},
	/* 10 */ {"999940000", FOG_FORMAT_AGE, "1m00s"},
	/* 11 */ {"2000000000", FOG_FORMAT_AGE, "0ms"},
	/* 12 */ {"-5", FOG_FORMAT_MS, "0ms"},
	/* 13 */ {"1500", FOG_FORMAT_MS, "1.5s"},
	/* 14 */ {"1048576", FOG_FORMAT_SIZE, "1M"},
	/* 15 */ {"\"big\"", FOG_FORMAT_SIZE, "big"},
	/* 16 */ {"0.5", FOG_FORMAT_FIXED3, "0.500"},
	/* 17 */ {"1500", FOG_FORMAT_CORES, "1.5"},
	/* 18 */ {"[\"relay\", \"exit\"]", FOG_FORMAT_LIST, "relay, exit"},
	/* 19 */ {"[]", FOG_FORMAT_LIST, "-"},
	/* 20 */ {"[\"0123456789\", \"abcdefghij\"]", FOG_FORMAT_PATH, "01234567 > abcdefgh"},
	/* 21 */ {"[1, 2, 3]", FOG_FORMAT_COUNT, "3"},
	/* 22 */ {"\"a\\u001b[31m\\nb\"", FOG_FORMAT_TEXT, "a?[31m?b"},
	/* 23 */
	{"[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]", FOG_FORMAT_LIST,
	 "0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 +2"},
	/* 24 */ {"\"\"", FOG_FORMAT_TEXT, "-"},
	/* 25 */ {"\"host:0123456789abcdef\"", FOG_FORMAT_ACCOUNT, "host:01234567"},
	/* 26 */ {"\"user:local\"", FOG_FORMAT_ACCOUNT, "user:local"},
	/* 27 */ {"\"issuer\"", FOG_FORMAT_ACCOUNT, "issuer"},
	/* 28 */ {"\"escrow:nightly-build\"", FOG_FORMAT_ACCOUNT, "escrow:nightly-build"},
};

static void test_cells(void)
{
	char text[FOG_CELL_TEXT_SIZE];

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cell_cases); i++) {
		const struct cell_case *c = &cell_cases[i];
		json_t *value = json_loads(c->json, JSON_DECODE_ANY, NULL);

		fog_cell_format(value, c->format, NOW, text);
		CU_ASSERT_STRING_EQUAL(text, c->text);
		if (strcmp(text, c->text) != 0)
			printf("case %zu: \"%s\"\n", i + 1, text);
		json_decref(value);
	}
	fog_cell_format(NULL, FOG_FORMAT_TEXT, NOW, text);
	CU_ASSERT_STRING_EQUAL(text, "-");
}

static void test_pick(void)
{
	json_t *o =
		json_loads("{\"a\":{\"b\":{\"c\":7,\"d\":\"x\",\"r\":1.9}},\"n\":null}", 0, NULL);

	CU_ASSERT_EQUAL(fog_pick_number(o, "a.b.c", -1), 7);
	CU_ASSERT_EQUAL(fog_pick_number(o, "a.b.r", -1), 1);
	CU_ASSERT_EQUAL(fog_pick_number(o, "a.b.d", -1), -1);
	CU_ASSERT_EQUAL(fog_pick_number(o, "a.b.z", -1), -1);
	CU_ASSERT_EQUAL(fog_pick_number(NULL, "a", -1), -1);
	CU_ASSERT_STRING_EQUAL(fog_pick_text(o, "a.b.d", "def"), "x");
	CU_ASSERT_STRING_EQUAL(fog_pick_text(o, "a.b.c", "def"), "def");
	CU_ASSERT_STRING_EQUAL(fog_pick_text(o, "n", "def"), "def");
	CU_ASSERT_PTR_NULL(fog_pick(o, "a.b.c.d"));
	CU_ASSERT_PTR_NULL(fog_pick(
		o, "a_key_of_more_than_sixty_three_bytes_that_is_not_worth_looking_for_at_all"));
	json_decref(o);
}

static const struct fog_column columns[] = {
	{"NAME", "name", FOG_FORMAT_TEXT, false},
	{"STATE", "state", FOG_FORMAT_STATE, false},
	{"SIZE", "size", FOG_FORMAT_SIZE, true},
};

static char *table(const char *rows, bool color)
{
	char *text;
	size_t size;
	json_t *array = json_loads(rows, 0, NULL);
	struct fog_cli cli = {.out = open_memstream(&text, &size), .color = color};

	CU_ASSERT_EQUAL(fog_table_print(&cli, array, columns, FOG_ARRAY_COUNT(columns), "none"), 0);
	fclose(cli.out);
	json_decref(array);
	return text;
}

static void test_table(void)
{
	const char *rows = "[{\"name\":\"ash\",\"state\":\"up\",\"size\":2048},"
			   "{\"name\":\"cottonwood\",\"state\":\"down\"}]";
	char *text = table(rows, false);

	CU_ASSERT_STRING_EQUAL(text, "NAME       STATE SIZE\n"
				     "ash        up      2K\n"
				     "cottonwood down     -\n");
	free(text);
	text = table(rows, true);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\033[32m"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\033[31m"));
	free(text);
	text = table("[]", true);
	CU_ASSERT_STRING_EQUAL(text, "none\n");
	free(text);
	text = table("[1, \"x\", null]", false);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "-"));
	free(text);
}

static void test_sheet(void)
{
	char *text;
	size_t size;
	json_t *object = json_loads("{\"name\":\"ash\",\"state\":\"up\"}", 0, NULL);
	struct fog_cli cli = {.out = open_memstream(&text, &size), .color = true};

	fog_sheet_print(&cli, object, columns, FOG_ARRAY_COUNT(columns));
	fclose(cli.out);
	CU_ASSERT_STRING_EQUAL(text, "NAME   ash\nSTATE  \033[32mup\033[0m\nSIZE   -\n");
	free(text);
	json_decref(object);
}

FOG_TEST_MAIN("controlplane/cli/output", FOG_TEST(test_cells), FOG_TEST(test_pick),
	      FOG_TEST(test_table), FOG_TEST(test_sheet))
