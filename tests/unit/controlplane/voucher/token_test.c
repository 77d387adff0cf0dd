/* SPDX-License-Identifier: BSD-3-Clause */
/* The tokens published with NUT-00 (tests/vectors/cashu/nut00.json), and damaged ones. */
#include "controlplane/voucher/token.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

static json_t *vectors(void)
{
	json_t *root = json_load_file(FOG_VECTORS_DIR "/cashu/nut00.json", 0, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	return root;
}

static void test_life_cycle(void)
{
	json_t *root = vectors(), *row;
	struct fog_token *t = calloc(1, sizeof(*t));
	const char *why;
	size_t i;

	json_array_foreach(json_object_get(root, "v4"), i, row)
	{
		CU_ASSERT_EQUAL(fog_token_read(t, json_string_value(row), &why), 0);
		CU_ASSERT_STRING_EQUAL(t->mint, "http://localhost:3338");
		CU_ASSERT_STRING_EQUAL(t->unit, "sat");
		CU_ASSERT_EQUAL(fog_token_amount(t), i == 0 ? 1 : 4);
		char *text = fog_token_write(t);
		if (i == 0) { /* the fields of the other stand in another order */
			CU_ASSERT_STRING_EQUAL(text, json_string_value(row));
			CU_ASSERT_STRING_EQUAL(t->memo, "Thank you");
		}
		struct fog_token *again = calloc(1, sizeof(*again));
		CU_ASSERT_EQUAL(fog_token_read(again, text, &why), 0);
		CU_ASSERT(memcmp(again, t, sizeof(*t)) == 0);
		free(again);
		free(text);
	}
	CU_ASSERT_EQUAL(i, 2);
	row = json_array_get(json_object_get(root, "v3"), 0);
	CU_ASSERT_EQUAL(fog_token_read(t, json_string_value(row), &why), 0);
	CU_ASSERT_EQUAL(fog_token_amount(t), 10);
	CU_ASSERT_EQUAL(t->count, 2);
	CU_ASSERT_STRING_EQUAL(t->memo, "Thank you.");
	CU_ASSERT_STRING_EQUAL(t->proof[1].id, "009a1f293253e41e");
	json_array_foreach(json_object_get(root, "v3_wrong"), i, row)
		CU_ASSERT_EQUAL(fog_token_read(t, json_string_value(row), &why), -EINVAL);
	free(t);
	json_decref(root);
}

/* Anything may come in by copy and paste. */
static void test_damaged(void)
{
	json_t *root = vectors();
	struct fog_token *t = calloc(1, sizeof(*t));
	const char *good = json_string_value(json_array_get(json_object_get(root, "v4"), 1)), *why;
	char *text = strdup(good);
	size_t len = strlen(good);
	u64 x = 88172645463325252ull;

	for (size_t cut = 0; cut < len - 4; cut++) {
		memcpy(text, good, cut);
		text[cut] = '\0';
		CU_ASSERT_EQUAL(fog_token_read(t, text, &why), -EINVAL);
		CU_ASSERT(why[0] != '\0');
	}
	for (u32 i = 0; i < 30000; i++) {
		memcpy(text, good, len + 1);
		for (u32 n = 0; n < 1 + i % 3; n++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			text[x % len] = "ABCxyz059-_=+/"[(x >> 32) % 14];
		}
		if (fog_token_read(t, text, &why) == 0)
			CU_ASSERT(t->count <= FOG_VOUCHERS_MAX);
	}
	free(text);
	free(t);
	json_decref(root);
}

FOG_TEST_MAIN("controlplane/voucher/token", FOG_TEST(test_life_cycle), FOG_TEST(test_damaged))
