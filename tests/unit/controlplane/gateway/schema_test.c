/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/schema.h"

#include <errno.h>

#include "tests/unit/fog_test.h"

static struct fog_schema *schema(const char *text)
{
	char why[FOG_SCHEMA_WHY_SIZE];
	struct fog_schema *s;

	if (fog_schema_new(&s, text, why) != 0)
		printf("%s: %s\n", text, why);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

static void test_life_cycle(void)
{
	char why[FOG_SCHEMA_WHY_SIZE];
	struct fog_schema *s = schema("{a: string 1..5 (what (it) is), b?: integer >0.. = 3,\n"
				      " c: {x?: [hex64] ..8, ...}, d?: up|down|null}");
	const struct fog_schema *a = fog_schema_member(s, "a"), *c = fog_schema_member(s, "c");

	CU_ASSERT_EQUAL(a->type, FOG_SCHEMA_STRING);
	CU_ASSERT(a->required && fog_slice_is(a->note, "what (it) is"));
	CU_ASSERT(a->has_min && a->min == 1 && a->has_max && a->max == 5);
	CU_ASSERT(fog_slice_is(fog_schema_member(s, "b")->initial, "3"));
	CU_ASSERT(fog_schema_member(s, "b")->above_min && !fog_schema_member(s, "b")->has_max);
	CU_ASSERT(c->open && !s->open);
	CU_ASSERT_EQUAL(c->first->first->format, FOG_FORMAT_HEX);
	CU_ASSERT_EQUAL(fog_schema_member(s, "d")->type, FOG_SCHEMA_WORDS);
	CU_ASSERT(fog_schema_member(s, "d")->nullable);
	CU_ASSERT_PTR_NULL(fog_schema_member(s, "e"));
	fog_schema_free(s);
	CU_ASSERT_EQUAL(fog_schema_new_list(&s, "a?: integer 0.. = 1, b: string", why), 0);
	CU_ASSERT_PTR_NOT_NULL(fog_schema_member(s, "b"));
	fog_schema_free(s);
	CU_ASSERT_EQUAL(fog_schema_new_list(&s, "", why), 0);
	CU_ASSERT_PTR_NULL(s->first);
	fog_schema_free(s);
	fog_schema_free(NULL);
}

static void test_bad_texts(void)
{
	static const char *const texts[] = {
		"",
		"{",
		"{a}",
		"{a:}",
		"{a: string",
		"{a: string b: string}",
		"{a: string 5}",
		"{a: string 1..x}",
		"{a: integer > }",
		"{a: string (no end}",
		"{a: string = }",
		"{a: string = x}",
		"{a: string|integer}",
		"[string",
		"@",
		"string string",
		"'",
		"{a:{a:{a:{a:{a:{a:{a:{a:{a:{a:{a:{a:{a:{a: any}}}}}}}}}}}}}}",
	};
	char why[FOG_SCHEMA_WHY_SIZE];
	struct fog_schema *s;

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(texts); i++) {
		CU_ASSERT_EQUAL(fog_schema_new(&s, texts[i], why), -EINVAL);
		CU_ASSERT_PTR_NULL(s);
		CU_ASSERT_NOT_EQUAL(why[0], '\0');
	}
}

/* NULL: good. Otherwise "path kind" of the only error. */
static const struct {
	const char *schema, *value, *error;
} cases[] = {
	{"string", "\"x\"", NULL},
	{"string", "1", " string_type"},
	{"string 2..3", "\"ab\"", NULL},
	{"string 2..3", "\"a\"", " string_too_short"},
	{"string ..3", "\"abcd\"", " string_too_long"},
	{"integer", "1", NULL},
	{"integer", "1.0", NULL},
	{"integer", "1.5", " int_type"},
	{"integer", "true", " int_type"},
	{"number 0.1..", "0.1", NULL},
	{"number 0.1..", "0.09", " greater_than_equal"},
	{"number >0..1e9", "0", " greater_than"},
	{"number >0..1e9", "1000000001", " less_than_equal"},
	{"number -1..1", "-1", NULL},
	{"boolean", "false", NULL},
	{"boolean", "0", " bool_type"},
	{"null", "null", NULL},
	{"null", "0", " none_required"},
	{"any", "[{}]", NULL},
	{"object", "{\"a\":1}", NULL},
	{"object", "[]", " dict_type"},
	{"array", "[1,\"a\"]", NULL},
	{"hex64", "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"", NULL},
	{"hex64", "\"0123\"", " string_too_short"},
	{"hex4", "\"01AF\"", " string_pattern_mismatch"},
	{"hex", "\"\"", NULL},
	{"hex", "\"abc\"", " string_pattern_mismatch"},
	{"base64", "\"YWJj\"", NULL},
	{"base64", "\"YQ==\"", NULL},
	{"base64", "\"Y===\"", " string_pattern_mismatch"},
	{"base64", "\"YWJ\"", " string_pattern_mismatch"},
	{"base64", "\"YW J\"", " string_pattern_mismatch"},
	{"S|A|B", "\"a\"", NULL},
	{"S|A|B", "\"AB\"", " enum"},
	{"S|A|B", "\"\"", " enum"},
	{"S | 'null'", "\"NULL\"", NULL},
	{"S|A|null", "null", NULL},
	{"S|A|null", "\"null\"", " enum"},
	{"'node'|relay", "\"node\"", NULL},
	{"string|null", "null", NULL},
	{"string|null", "1", " string_type"},
	{"[integer 0..]", "[1,2]", NULL},
	{"[integer 0..]", "[1,-2]", "1 greater_than_equal"},
	{"[any] 1..2", "[]", " too_short"},
	{"[any] 1..2", "[1,2,3]", " too_long"},
	{"{a: any}", "{}", "a missing"},
	{"{a?: any}", "{}", NULL},
	{"{a?: any}", "{\"b\":1}", "b extra_forbidden"},
	{"{a?: any, ...}", "{\"b\":1}", NULL},
	{"{*: integer}", "{\"x\":1,\"y\":\"z\"}", "y int_type"},
	{"{a: {b: [{c: string}]}}", "{\"a\":{\"b\":[{\"c\":\"\"},{\"c\":7}]}}",
	 "a.b.1.c string_type"},
	{"{q: @thing}", "{\"q\":{\"of\":null}}", NULL},
	{"@thing", "{\"of\":{\"of\":{\"of\":4}}}", "of.of.of dict_type"},
};

static const struct fog_schema *find(void *ctx, struct fog_slice name)
{
	CU_ASSERT(fog_slice_is(name, "thing"));
	return ctx;
}

static void test_check_table(void)
{
	struct fog_schema *thing = schema("{of: @thing|null}");

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_schema *s = schema(cases[i].schema);
		json_t *v = json_loads(cases[i].value, JSON_DECODE_ANY, NULL);
		struct fog_schema_errors e = {0};
		char found[256] = "";
		CU_ASSERT_PTR_NOT_NULL_FATAL(v);
		fog_schema_check(s, v, find, thing, &e);
		if (e.count != 0)
			snprintf(found, sizeof(found), "%s %s", e.list[0].path, e.list[0].kind);
		bool good = cases[i].error == NULL
				    ? e.count == 0
				    : e.count == 1 && strcmp(found, cases[i].error) == 0;
		if (!good)
			printf("case %u: %u errors, %s\n", i, e.count, found);
		CU_ASSERT(good);
		json_decref(v);
		fog_schema_free(s);
	}
	fog_schema_free(thing);
}

/* Values deeper than any schema, more errors than are kept, names that are long or cut. */
static void test_hostile_values(void)
{
	struct fog_schema *thing = schema("{of: @thing|null}"), *list = schema("[integer]");
	struct fog_schema_errors e = {0};
	json_t *v = json_null(), *numbers = json_array(), *long_name = json_object();
	char name[1000];

	for (int i = 0; i < 100; i++)
		v = json_pack("{s:o}", "of", v);
	fog_schema_check(thing, v, find, thing, &e);
	CU_ASSERT_EQUAL(e.count, 1);
	CU_ASSERT_STRING_EQUAL(e.list[0].kind, "too_deep");
	for (int i = 0; i < 100; i++)
		json_array_append_new(numbers, json_string("x"));
	e.count = 0;
	fog_schema_check(list, numbers, NULL, NULL, &e);
	CU_ASSERT_EQUAL(e.count, FOG_SCHEMA_ERRORS_MAX);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	json_object_set_new(long_name, name, json_null());
	e.count = 0;
	fog_schema_check(thing, long_name, find, thing, &e);
	CU_ASSERT_EQUAL(e.count, 2);
	e.count = 0;
	fog_schema_check(thing, NULL, find, thing, &e);
	CU_ASSERT_STRING_EQUAL(e.list[0].kind, "missing");
	json_decref(v);
	json_decref(numbers);
	json_decref(long_name);
	fog_schema_free(thing);
	fog_schema_free(list);
}

static const struct {
	const char *schema, *text, *kind;
} texts[] = {
	{"integer 0..9", "9", NULL},
	{"integer 0..9", "10", "less_than_equal"},
	{"integer", "1.0", "int_parsing"},
	{"integer", "", "int_parsing"},
	{"integer", " 1", "int_parsing"},
	{"integer", "99999999999999999999", "int_parsing"},
	{"number", "1e3", NULL},
	{"number", "nan", "float_parsing"},
	{"number", "inf", "float_parsing"},
	{"number >0..", "0", "greater_than"},
	{"boolean", "true", NULL},
	{"boolean", "1", "bool_parsing"},
	{"up|down", "UP", NULL},
	{"up|down", "u", "enum"},
	{"string 1..3", "abcd", "string_too_long"},
	{"any", "x", NULL},
};

static void test_parameters(void)
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(texts); i++) {
		struct fog_schema *s = schema(texts[i].schema);
		struct fog_schema_errors e = {0};
		fog_schema_check_text(s, texts[i].text, &e);
		bool good = texts[i].kind == NULL
				    ? e.count == 0
				    : e.count == 1 && strcmp(e.list[0].kind, texts[i].kind) == 0;
		if (!good)
			printf("case %u: %s\n", i, e.count != 0 ? e.list[0].kind : "good");
		CU_ASSERT(good);
		fog_schema_free(s);
	}
}

static void test_json_schema(void)
{
	static const struct {
		const char *schema, *json;
	} table[] = {
		{"string 1..5 (a note)", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":5,"
					 "\"description\":\"a note\"}"},
		{"number >0..2.5|null",
		 "{\"type\":[\"number\",\"null\"],\"exclusiveMinimum\":0,\"maximum\":2.5}"},
		{"hex4", "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{4}$\"}"},
		{"ms", "{\"type\":\"integer\",\"format\":\"unix-ms\"}"},
		{"a | b|null", "{\"type\":[\"string\",\"null\"],\"enum\":[\"a\",\"b\",null]}"},
		{"[@Job] ..3", "{\"type\":\"array\",\"maxItems\":3,\"items\":{\"$ref\":"
			       "\"#/components/schemas/Job\"}}"},
		{"{a: boolean, b?: integer = 3}", "{\"type\":\"object\",\"properties\":{\"a\":{"
						  "\"type\":\"boolean\"},\"b\":{\"type\":"
						  "\"integer\",\"default\":3}},\"required\":[\"a\"]"
						  ",\"additionalProperties\":false}"},
		{"{*: any}", "{\"type\":\"object\",\"additionalProperties\":{}}"},
		{"object", "{\"type\":\"object\"}"},
		{"any", "{}"},
	};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(table); i++) {
		struct fog_schema *s = schema(table[i].schema);
		json_t *is = fog_schema_to_json(s), *wants = json_loads(table[i].json, 0, NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(wants);
		CU_ASSERT(json_equal(is, wants));
		json_decref(is);
		json_decref(wants);
		fog_schema_free(s);
	}
}

FOG_TEST_MAIN("controlplane/gateway/schema", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_texts),
	      FOG_TEST(test_check_table), FOG_TEST(test_hostile_values), FOG_TEST(test_parameters),
	      FOG_TEST(test_json_schema))
