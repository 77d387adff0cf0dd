/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/table/slab.h"

#include <errno.h>

#include "tests/unit/fog_test.h"

static void test_life_cycle(void)
{
	struct fog_arena a = {0};
	struct fog_slab s;
	struct fog_slot *slot[8];

	CU_ASSERT_EQUAL(fog_slab_init(&s, &a, 8, 3), 0);
	for (u32 round = 0; round < 3; round++) {
		for (u32 i = 0; i < 8; i++) {
			slot[i] = fog_slab_take(&s);
			CU_ASSERT_PTR_NOT_NULL_FATAL(slot[i]);
			CU_ASSERT_EQUAL(slot[i]->home, 3);
			CU_ASSERT_EQUAL(slot[i]->kind, FOG_SLOT_CELL);
			CU_ASSERT_EQUAL(slot[i]->link + slot[i]->id + slot[i]->from_link +
						slot[i]->from_id + slot[i]->length + slot[i]->flag,
					0);
			slot[i]->link = slot[i]->id = slot[i]->from_link = 9;
			slot[i]->flag = 1;
			slot[i]->value = 1;
			for (u32 k = 0; k < i; k++)
				CU_ASSERT_PTR_NOT_EQUAL(slot[i], slot[k]);
		}
		CU_ASSERT_PTR_NULL(fog_slab_take(&s));
		for (u32 i = 0; i < 8; i++)
			fog_slab_give(&s, slot[(i * 3 + round) % 8]);
		CU_ASSERT_EQUAL(s.free_count, 8);
	}
	fog_arena_free(&a);
}

static void test_bad_arguments(void)
{
	struct fog_arena full = {.count = FOG_ARENA_CHUNKS_MAX};
	struct fog_slab s;

	CU_ASSERT_EQUAL(fog_slab_init(&s, &full, 8, 0), -ENOMEM);
	full.count = FOG_ARENA_CHUNKS_MAX - 1;
	CU_ASSERT_EQUAL(fog_slab_init(&s, &full, 8, 0), -ENOMEM);
}

FOG_TEST_MAIN("dataplane/table/slab", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments))
