/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/kept.h"

#include <errno.h>

#include "tests/unit/fog_test.h"

static void test_life_cycle(void)
{
	struct fog_executor_kept k = {.number = 7,
				      .checkpoint = {10, {1, 2}},
				      .manifest = {20, {3}},
				      .artifacts = 2,
				      .artifact_bytes = 30,
				      .note = "changed while it was taken"},
				 back;
	char *text, *again;

	CU_ASSERT_EQUAL_FATAL(fog_kept_emit(&k, &text), 0);
	CU_ASSERT_TRUE(strlen(text) < FOG_KEPT_INDEX_MAX);
	CU_ASSERT_EQUAL(fog_kept_parse(text, strlen(text), &back), 0);
	CU_ASSERT_EQUAL(back.number, 7);
	CU_ASSERT_EQUAL(back.checkpoint.size, 10);
	CU_ASSERT_EQUAL(memcmp(back.manifest.sha256, k.manifest.sha256, 32), 0);
	CU_ASSERT_EQUAL(back.artifact_bytes, 30);
	CU_ASSERT_STRING_EQUAL(back.note, k.note);
	CU_ASSERT_EQUAL_FATAL(fog_kept_emit(&back, &again), 0);
	CU_ASSERT_STRING_EQUAL(again, text);
	free(again);
	for (size_t len = 0; len < strlen(text); len++)
		CU_ASSERT_EQUAL(fog_kept_parse(text, len, &back), -EBADMSG);
	free(text);
}

static void test_bad_arguments(void)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		("{\"number\":-1,\"artifacts\":0,\"artifact_bytes\":0,\"note\":\"\","
		 "\"checkpoint\":{\"size\":0,\"sha256\":\"\"},\"manifest\":{}}"),
	};
	struct fog_executor_kept k;

	for (size_t i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		CU_ASSERT_EQUAL(fog_kept_parse(bad[i], strlen(bad[i]), &k), -EBADMSG);
}

static void test_names(void)
{
	static const struct {
		const char *path, *text;
	} cases[] = {
		{"a", "a"},
		{"dir/file.txt", "dir/file.txt"},
		{"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
		{"a\xff"
		 "b",
		 "a%FFb"},
		{"100%", "100%25"},
		{"new\nline", "new%0Aline"},
		{"\xed\xa0\x80", "%ED%A0%80"},        /* a surrogate */
		{"\xc0\xaf", "%C0%AF"},               /* overlong */
		{"\xf4\x90\x80\x80", "%F4%90%80%80"}, /* beyond Unicode */
		{"\xe2\x82", "%E2%82"},               /* cut off */
		{"..a/b..", "..a/b.."},
	};
	static const char *const bad[] = {"",   "/etc/passwd", "..",       "a/../b", "a//b",
					  "a/", "./a",         "%2E%2E/x", "a%00b",  "%",
					  "%4", "%GG",         "a%2F%2Fb"};
	char text[FOG_EXECUTOR_ARTIFACT_TEXT_SIZE], path[FOG_EXECUTOR_ARTIFACT_NAME_MAX + 1];
	char longest[FOG_EXECUTOR_ARTIFACT_NAME_MAX + 2];

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_TRUE(fog_kept_name_encode(cases[i].path, text));
		CU_ASSERT_STRING_EQUAL(text, cases[i].text);
		CU_ASSERT_TRUE(fog_kept_name_decode(text, path));
		CU_ASSERT_STRING_EQUAL(path, cases[i].path);
	}
	for (size_t i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		CU_ASSERT_FALSE(fog_kept_name_decode(bad[i], path));
	memset(longest, 0xff, sizeof(longest) - 1);
	longest[FOG_EXECUTOR_ARTIFACT_NAME_MAX] = '\0';
	CU_ASSERT_TRUE(fog_kept_name_encode(longest, text));
	CU_ASSERT_TRUE(fog_kept_name_decode(text, path));
	longest[FOG_EXECUTOR_ARTIFACT_NAME_MAX] = 'x';
	longest[FOG_EXECUTOR_ARTIFACT_NAME_MAX + 1] = '\0';
	CU_ASSERT_FALSE(fog_kept_name_encode(longest, text));
	CU_ASSERT_FALSE(fog_kept_name_decode(longest, path));
}

static void test_patterns(void)
{
	static const char *const bad[] = {
		"",     "/etc/passwd",       "../x",   "a/../../x", "/work/../x",
		"a//b", "*a*a*a*a*a*a*a*a*", "/work/", "."};

	CU_ASSERT_STRING_EQUAL(fog_kept_pattern("/work/a/*.txt"), "a/*.txt");
	CU_ASSERT_STRING_EQUAL(fog_kept_pattern("results"), "results");
	for (size_t i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		CU_ASSERT_PTR_NULL(fog_kept_pattern(bad[i]));
}

FOG_TEST_MAIN("controlplane/executor/kept", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_names), FOG_TEST(test_patterns))
