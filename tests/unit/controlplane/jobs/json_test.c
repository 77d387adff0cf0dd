/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/json.h"
#include "tests/unit/fog_test.h"

static json_t *parse(const char *text)
{
	char error[FOG_JSON_ERROR_SIZE];

	return fog_json_parse(text, strlen(text), error);
}

static void test_life_cycle(void)
{
	json_t *v = parse("{\"n\":7,\"i\":-3,\"r\":0.5,\"b\":true,\"t\":\"abc\",\"h\":\"00fF\","
			  "\"a\":[1],\"o\":{},\"z\":null}");
	struct fog_json_reader r;
	char copy[4];
	u8 hex[2];

	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	fog_json_begin(&r, v, "");
	CU_ASSERT_EQUAL(fog_json_u64(&r, "n", 0, 7), 7);
	CU_ASSERT_EQUAL(fog_json_i64(&r, "i", -3, 0), -3);
	CU_ASSERT_DOUBLE_EQUAL(fog_json_real(&r, "r", 0, 1), 0.5, 0);
	CU_ASSERT_TRUE(fog_json_bool(&r, "b"));
	fog_json_copy(&r, "t", copy, sizeof(copy));
	CU_ASSERT_STRING_EQUAL(copy, "abc");
	fog_json_hex(&r, "h", hex, 2);
	CU_ASSERT_EQUAL(hex[0] << 8 | hex[1], 0x00ff);
	CU_ASSERT_EQUAL(json_array_size(fog_json_array(&r, "a", 1, 1)), 1);
	CU_ASSERT_PTR_NOT_NULL(fog_json_object(&r, "o"));
	CU_ASSERT_FALSE(fog_json_has(&r, "z"));
	CU_ASSERT_FALSE(fog_json_has(&r, "absent"));
	fog_json_end(&r);
	CU_ASSERT_STRING_EQUAL(r.error, "");
	json_decref(v);
}

static void test_bad_arguments(void)
{
	char error[FOG_JSON_ERROR_SIZE];
	static const char *const bad[] = {"", "[]", "7", "{\"a\":1,\"a\":2}", "{\"a\":1} x", "{"};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(bad); i++) {
		CU_ASSERT_PTR_NULL(fog_json_parse(bad[i], strlen(bad[i]), error));
		CU_ASSERT(error[0] != '\0');
	}
}

/* Each case: read field x as one kind; the error names it. */
static void read_as(struct fog_json_reader *r, char kind)
{
	u8 hex[2];

	switch (kind) {
	case 'u':
		fog_json_u64(r, "x", 1, 5);
		break;
	case 'i':
		fog_json_i64(r, "x", -1, 1);
		break;
	case 'r':
		fog_json_real(r, "x", 0, 1);
		break;
	case 'b':
		fog_json_bool(r, "x");
		break;
	case 't':
		fog_json_text_of(r, "x", 4);
		break;
	case 'h':
		fog_json_hex(r, "x", hex, 2);
		break;
	case 'a':
		fog_json_array(r, "x", 1, 2);
		break;
	case 'o':
		fog_json_object(r, "x");
		break;
	case 'e':
		fog_json_expect(r, "x", "y");
		break;
	default:
		break;
	}
	fog_json_end(r);
}

static void test_wrong_fields(void)
{
	static const struct {
		char kind;
		const char *text, *error;
	} cases[] = {
		{'u', "{}", "p.x: missing"},
		{'u', "{\"x\":0}", "p.x: must be a whole number from 1 to 5"},
		{'u', "{\"x\":6}", "p.x: must be a whole number from 1 to 5"},
		{'u', "{\"x\":1.0}", "p.x: must be a whole number from 1 to 5"},
		{'u', "{\"x\":\"1\"}", "p.x: must be a whole number from 1 to 5"},
		{'i', "{\"x\":-2}", "p.x: must be a whole number from -1 to 1"},
		{'r', "{\"x\":1.5}", "p.x: must be a number from 0 to 1"},
		{'r', "{\"x\":null}", "p.x: must be a number from 0 to 1"},
		{'b', "{\"x\":1}", "p.x: must be true or false"},
		{'t', "{\"x\":\"abcd\"}", "p.x: must be text of at most 3 bytes"},
		{'t', "{\"x\":[]}", "p.x: must be text of at most 3 bytes"},
		{'h', "{\"x\":\"00f\"}", "p.x: must be 4 hex digits"},
		{'h', "{\"x\":\"00fg\"}", "p.x: must be 4 hex digits"},
		{'a', "{\"x\":[]}", "p.x: must be a list of 1 to 2 entries"},
		{'a', "{\"x\":{}}", "p.x: must be a list of 1 to 2 entries"},
		{'o', "{\"x\":[]}", "p.x: must be an object"},
		{'e', "{\"x\":\"z\"}", "p.x: must be \"y\""},
		{'-', "{\"x\":1}", "p.x: unknown field"},
	};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		json_t *v = parse(cases[i].text);
		struct fog_json_reader r;
		fog_json_begin(&r, v, "p.");
		read_as(&r, cases[i].kind);
		CU_ASSERT_STRING_EQUAL(r.error, cases[i].error);
		json_decref(v);
	}
}

FOG_TEST_MAIN("controlplane/jobs/json", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_wrong_fields))
