/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

static struct tb tb;

static void insert(struct fog_worker *w, u32 link, u32 id, u64 number)
{
	struct fog_slot *s = fog_slot_take(w);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	s->link = link;
	s->id = id;
	s->value = number;
	fog_stage_mix_insert(w, s);
}

static void test_life_cycle(void)
{
	struct fog_slot *due[FOG_BATCH_MAX];

	tb_init(&tb, 1, 1, 1, 64);
	struct fog_worker *w = tb.host[0].dp->worker[0];
	CU_ASSERT_EQUAL(fog_stage_mix_due(w, due, FOG_BATCH_MAX), 0);
	/* Around the circular buffer several times; never more than asked for. */
	for (u32 round = 0; round < 500; round++) {
		for (u32 i = 0; i < 20; i++)
			insert(w, 1, i + 1, round);
		unsigned got = 0;
		while (got < 20) {
			unsigned n = fog_stage_mix_due(w, due, 7);
			CU_ASSERT_TRUE_FATAL(n > 0 && n <= 7);
			for (unsigned i = 0; i < n; i++)
				fog_slot_give(w, due[i]);
			got += n;
		}
		CU_ASSERT_EQUAL(got, 20);
	}
	CU_ASSERT_EQUAL(tb_slots_out(&tb, 0), 0);
	tb_free(&tb);
}

/* Cells of one circuit keep their order; circuits are interleaved at random, all cells come out. */
static void test_order(void)
{
	struct fog_slot *due[FOG_BATCH_MAX];
	u32 first[4] = {0}, moved = 0;

	tb_init(&tb, 2, 1, 1, 64);
	struct fog_worker *w = tb.host[0].dp->worker[0];
	for (u32 round = 0; round < 400; round++) {
		u64 next[4] = {0};
		for (u32 i = 0; i < FOG_BATCH_MAX; i++)
			insert(w, 1 + i % 2, 10 + i % 4, i / 4);
		CU_ASSERT_EQUAL_FATAL(fog_stage_mix_due(w, due, FOG_BATCH_MAX), FOG_BATCH_MAX);
		first[due[0]->id - 10]++;
		for (u32 i = 0; i < FOG_BATCH_MAX; i++) {
			u32 k = due[i]->id - 10;
			CU_ASSERT_EQUAL_FATAL(due[i]->value, next[k]);
			next[k]++;
			moved += k != i % 4;
			fog_slot_give(w, due[i]);
		}
		for (u32 k = 0; k < 4; k++)
			CU_ASSERT_EQUAL(next[k], FOG_BATCH_MAX / 4);
	}
	/* Each circuit leads about a quarter of the time: 100 of 400, five sigma is 43. */
	for (u32 k = 0; k < 4; k++)
		CU_ASSERT_TRUE(first[k] > 57 && first[k] < 143);
	CU_ASSERT_TRUE(moved > 400 * FOG_BATCH_MAX / 2);
	tb_free(&tb);
}

static void test_full(void)
{
	struct fog_slot *due[FOG_BATCH_MAX];

	tb_init(&tb, 3, 1, 2, 64);
	struct fog_worker *w = tb.host[0].dp->worker[0], *v = tb.host[0].dp->worker[1];
	for (u32 i = 0; i < FOG_MIX_CELLS; i++)
		insert(w, 1, 1, i);
	CU_ASSERT_EQUAL(w->counts.drops[FOG_DROP_MIX_FULL], 0);
	/* No cell left at home: the slab says no first. */
	CU_ASSERT_PTR_NULL(fog_slot_take(w));
	CU_ASSERT_EQUAL(w->counts.drops[FOG_DROP_MIX_FULL], 1);
	/* One of another worker's: the mix says no, and the slot goes home. */
	struct fog_slot *s = fog_slot_take(v);
	fog_stage_mix_insert(w, s);
	CU_ASSERT_EQUAL(w->counts.drops[FOG_DROP_MIX_FULL], 2);
	fog_outbox_flush(w);
	(void)fog_inbox(v);
	CU_ASSERT_EQUAL(v->slab.free_count, v->slab.count);
	for (u32 i = 0; i < FOG_MIX_CELLS; i += FOG_BATCH_MAX) {
		CU_ASSERT_EQUAL(fog_stage_mix_due(w, due, 1000), FOG_BATCH_MAX);
		for (u32 k = 0; k < FOG_BATCH_MAX; k++)
			fog_slot_give(w, due[k]);
	}
	CU_ASSERT_EQUAL(w->slab.free_count, w->slab.count);
	tb_free(&tb);
}

FOG_TEST_MAIN("dataplane/stage/mix", FOG_TEST(test_life_cycle), FOG_TEST(test_order),
	      FOG_TEST(test_full))
