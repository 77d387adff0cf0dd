/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/table/half.h"

#include <errno.h>

#include "crypto/random/random.h"
#include "tests/unit/fog_test.h"

#define GEN ((u64)1 << FOG_RATCHET_SHIFT)

static const u8 seed[16] = {9};

static void test_life_cycle(void)
{
	struct fog_arena a = {0};
	struct fog_half_table t;
	u32 head = FOG_HALF_NONE, other = FOG_HALF_NONE;

	CU_ASSERT_EQUAL(fog_half_table_init(&t, &a, 16, seed), 0);
	struct fog_half *h = fog_half_add(&t, 3, 77, &head);
	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	h->state = FOG_HALF_OPEN;
	CU_ASSERT_EQUAL(h->link, 3);
	CU_ASSERT_EQUAL(h->id, 77);
	CU_ASSERT_EQUAL(h->pending, FOG_HALF_NONE);
	CU_ASSERT_EQUAL(head, fog_half_index(&t, h));
	CU_ASSERT_PTR_EQUAL(fog_half_find(&t, 3, 77), h);
	CU_ASSERT_PTR_NULL(fog_half_find(&t, 77, 3));
	CU_ASSERT_PTR_NULL(fog_half_add(&t, 3, 77, &head));
	u32 serial = h->serial;
	fog_half_move(&t, h, &other);
	CU_ASSERT_EQUAL(head, FOG_HALF_NONE);
	CU_ASSERT_EQUAL(other, fog_half_index(&t, h));
	fog_half_remove(&t, h);
	CU_ASSERT_EQUAL(other, FOG_HALF_NONE);
	CU_ASSERT_PTR_NULL(fog_half_find(&t, 3, 77));
	CU_ASSERT_EQUAL(t.live, 0);
	h = fog_half_add(&t, 3, 77, &head);
	CU_ASSERT_NOT_EQUAL(h->serial, serial);
	fog_arena_free(&a);
}

static void test_bad_arguments(void)
{
	struct fog_arena a = {0}, full = {.count = FOG_ARENA_CHUNKS_MAX};
	struct fog_half_table t;

	CU_ASSERT_EQUAL(fog_half_table_init(&t, &a, 0, seed), -EINVAL);
	CU_ASSERT_EQUAL(fog_half_table_init(&t, &a, FOG_HALVES_MIN - 1, seed), -EINVAL);
	CU_ASSERT_EQUAL(fog_half_table_init(&t, &a, FOG_HALVES_LIMIT + 1, seed), -EINVAL);
	CU_ASSERT_EQUAL(fog_half_table_init(&t, &full, 16, seed), -ENOMEM);
	full.count--;
	CU_ASSERT_EQUAL(fog_half_table_init(&t, &full, 16, seed), -ENOMEM);
	fog_arena_free(&full);
}

/* Lists and slots against a plain array, at a table that is often full. */
static void test_model(void)
{
	struct fog_arena a = {0};
	struct fog_half_table t;
	struct fog_rng rng;
	u32 heads[4] = {FOG_HALF_NONE, FOG_HALF_NONE, FOG_HALF_NONE, FOG_HALF_NONE};
	u8 where[64] = {0}; /* list of id + 1, 0 = absent */
	u32 live = 0;

	fog_rng_init_u64(&rng, 5);
	CU_ASSERT_EQUAL(fog_half_table_init(&t, &a, 32, seed), 0);
	for (u32 step = 0; step < 20000; step++) {
		u32 id = 1 + (u32)fog_rng_below(&rng, 63), list = (u32)fog_rng_below(&rng, 4);
		struct fog_half *h = fog_half_find(&t, 1, id);
		CU_ASSERT_EQUAL_FATAL(h != NULL, where[id] != 0);
		switch (fog_rng_below(&rng, 3)) {
		case 0: {
			bool ok = h == NULL && live < 32;
			struct fog_half *n = fog_half_add(&t, 1, id, &heads[list]);
			CU_ASSERT_EQUAL_FATAL(n != NULL, ok);
			if (ok) {
				n->state = FOG_HALF_OPEN;
				where[id] = (u8)(list + 1);
				live++;
			}
			break;
		}
		case 1:
			if (h != NULL) {
				fog_half_move(&t, h, &heads[list]);
				where[id] = (u8)(list + 1);
			}
			break;
		default:
			if (h != NULL) {
				fog_half_remove(&t, h);
				where[id] = 0;
				live--;
			}
		}
		CU_ASSERT_EQUAL_FATAL(t.live, live);
		u32 counted = 0;
		for (u32 k = 0; k < 4; k++)
			for (u32 i = heads[k]; i != FOG_HALF_NONE; i = t.halves[i].next) {
				CU_ASSERT_EQUAL_FATAL(where[t.halves[i].id], k + 1);
				CU_ASSERT_TRUE_FATAL(++counted <= 32);
			}
		CU_ASSERT_EQUAL_FATAL(counted, live);
	}
	fog_arena_free(&a);
}

/* Which sequences pass, with keys of generations 4 (current) and 3 (previous). */
static struct fog_cell_key former;

static const struct fog_cell_key *use(struct fog_half *h, u64 sequence)
{
	return fog_half_use_key(h, sequence, &former);
}

static void test_admit(void)
{
	static const struct {
		int no;
		u64 sequence;
		int want;
	} cases[] = {
		{1, 4 * GEN, 0},       {2, 4 * GEN + 5, 0},       {3, 5 * GEN - 1, 0},
		{4, 5 * GEN, 0},       {5, 6 * GEN - 1, 0},       {6, 6 * GEN, -ERANGE},
		{7, 4 * GEN - 1, 0},   {8, 3 * GEN - 1, -ERANGE}, {9, 2 * GEN, -ERANGE},
		{10, 0, -ERANGE},      {11, UINT64_MAX, -ERANGE}, {12, 4 * GEN + 100, -EEXIST},
		{13, 4 * GEN + 99, 0},
	};
	static struct fog_half h;
	u8 key[FOG_CELL_SEED_SIZE] = {7};

	memset(&h, 0, sizeof(h));
	fog_half_set_key(&h, key, 3);
	CU_ASSERT_EQUAL(fog_half_admit(&h, 2 * GEN + 1), -ERANGE); /* nothing before the first */
	CU_ASSERT_TRUE(fog_half_ratchets(&h, 4 * GEN));
	CU_ASSERT_PTR_NOT_NULL(use(&h, 4 * GEN));
	CU_ASSERT_EQUAL(h.generation, 4);
	CU_ASSERT_EQUAL(fog_replay_commit(&h.replay, 4 * GEN + 100), 0);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		static struct fog_half copy;
		copy = h;
		CU_ASSERT_EQUAL(fog_half_admit(&copy, cases[i].sequence), cases[i].want);
		if (cases[i].want == 0)
			CU_ASSERT_EQUAL(fog_half_admit(&copy, cases[i].sequence), -EEXIST);
	}
	/* Too old for the window, though the key is there. */
	CU_ASSERT_EQUAL(fog_replay_commit(&h.replay, 4 * GEN + 5000), 0);
	CU_ASSERT_EQUAL(fog_half_admit(&h, 4 * GEN + 101), -EEXIST);
	h.plain = true;
	CU_ASSERT_EQUAL(fog_half_admit(&h, 99 * GEN), 0);
	CU_ASSERT_FALSE(fog_half_ratchets(&h, 5 * GEN));
}

static void test_ratchet(void)
{
	static struct fog_half h;
	static struct fog_cell_key want[4];
	u8 key[FOG_CELL_SEED_SIZE] = {8};

	memset(&h, 0, sizeof(h));
	fog_half_set_key(&h, key, 0);
	fog_cell_key_init(&want[0], key);
	for (u32 i = 1; i < 4; i++)
		fog_cell_key_ratchet(&want[i], &want[i - 1]);
	CU_ASSERT_EQUAL(memcmp(use(&h, 5), &want[0], sizeof(want[0])), 0);
	CU_ASSERT_EQUAL(memcmp(use(&h, GEN + 5), &want[1], sizeof(want[0])), 0);
	CU_ASSERT_EQUAL(memcmp(use(&h, 6), &want[0], sizeof(want[0])), 0);
	CU_ASSERT_EQUAL(h.generation, 1);
	CU_ASSERT_EQUAL(memcmp(use(&h, 2 * GEN), &want[2], sizeof(want[0])), 0);
	/* Generation 0 gave its place to 2. */
	CU_ASSERT_PTR_NULL(use(&h, 7));
	CU_ASSERT_EQUAL(memcmp(use(&h, GEN), &want[1], sizeof(want[0])), 0);
	CU_ASSERT_PTR_NULL(use(&h, 4 * GEN));
}

FOG_TEST_MAIN("dataplane/table/half", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_model), FOG_TEST(test_admit), FOG_TEST(test_ratchet))
