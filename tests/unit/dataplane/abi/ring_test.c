/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/abi/ring.h"
#include "tests/unit/fog_test.h"

#define COUNT 8

static struct fog_ring_head head;
static struct fog_ring_tail tail;
static u64 slots[COUNT];
static struct fog_ring p, c;

static void reset(u64 position)
{
	memset(slots, 0, sizeof(slots));
	atomic_store(&head.head, position);
	atomic_store(&tail.tail, position);
	atomic_store(&tail.waiting, 0);
	fog_ring_producer(&p, &head, &tail, slots, COUNT, sizeof(u64));
	fog_ring_consumer(&c, &head, &tail, slots, COUNT, sizeof(u64));
}

static void test_life_cycle(void)
{
	u64 v;

	reset(0);
	CU_ASSERT_EQUAL(fog_ring_free(&p), COUNT);
	CU_ASSERT_EQUAL(fog_ring_ready(&c), 0);
	CU_ASSERT_EQUAL(fog_ring_pop(&c, &v), -EAGAIN);
	for (u64 i = 0; i < COUNT; i++)
		CU_ASSERT_EQUAL(fog_ring_push(&p, &i), 0);
	v = 99;
	CU_ASSERT_EQUAL(fog_ring_push(&p, &v), -EAGAIN);
	for (u64 i = 0; i < COUNT; i++) {
		CU_ASSERT_EQUAL(fog_ring_pop(&c, &v), 0);
		CU_ASSERT_EQUAL(v, i);
	}
	CU_ASSERT_EQUAL(fog_ring_pop(&c, &v), -EAGAIN);
	CU_ASSERT_FALSE(p.broken || c.broken);
}

/* Positions a peer must never publish, and what each side makes of them. */
static void test_impossible_cursors(void)
{
	static const struct {
		unsigned number;
		u64 start;
		u64 head, tail; /* what the other side claims */
		bool producer_broken, consumer_broken;
	} cases[] = {
		{1, 0, 8, 0, false, false},
		{2, 0, 9, 0, false, true},
		{3, 0, ~0ull, 0, false, true},
		{4, 0, 0, 1, true, false},
		{5, 100, 99, 100, false, true},
		{6, 100, 100, 101, true, false},
		{7, 100, 100, 91, true, false},
		{8, 100, 108, 92, false, false},
		{9, ~0ull - 3, 4, ~0ull - 3, false, false},
		{10, ~0ull - 3, 5, ~0ull - 3, false, true},
	};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		reset(cases[i].start);
		c.cached = c.pos;
		p.cached = p.pos - COUNT; /* forces a refresh */
		atomic_store(&head.head, cases[i].head);
		atomic_store(&tail.tail, cases[i].tail);
		u32 ready = fog_ring_ready(&c);
		u32 room = fog_ring_free(&p);

		CU_ASSERT_EQUAL(c.broken, cases[i].consumer_broken);
		CU_ASSERT_EQUAL(p.broken, cases[i].producer_broken);
		CU_ASSERT(ready <= COUNT && room <= COUNT);
		if (c.broken)
			CU_ASSERT_EQUAL(ready, 0);
		if (p.broken)
			CU_ASSERT_EQUAL(room, 0);
	}
}

/* Against a plain queue, across the wrap of the 64-bit position. */
static void test_random_against_model(void)
{
	const char *env = getenv("FOG_SEED");
	u64 seed = env != NULL ? strtoull(env, NULL, 0) : 20240229;
	u64 model[COUNT], next = 1, x = seed | 1;
	unsigned used = 0;

	printf("seed %llu ", (unsigned long long)seed);
	reset(0 - 1000ull);
	for (unsigned i = 0; i < 200000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		u32 n = (u32)(x >> 8) % (COUNT + 1);

		if (x & 1) {
			u32 room = fog_ring_free(&p);
			/* The producer's view may be old, never optimistic. */
			CU_ASSERT_FATAL(room <= COUNT - used);
			n = FOG_MIN(n, room);
			for (u32 k = 0; k < n; k++) {
				memcpy(fog_ring_slot(&p, k), &next, sizeof(next));
				model[used++] = next++;
			}
			fog_ring_publish(&p, n);
		} else {
			u32 ready = fog_ring_ready(&c);
			CU_ASSERT_FATAL(ready <= used);
			n = FOG_MIN(n, ready);
			for (u32 k = 0; k < n; k++) {
				u64 v;
				memcpy(&v, fog_ring_peek(&c, k), sizeof(v));
				CU_ASSERT_EQUAL_FATAL(v, model[k]);
			}
			fog_ring_release(&c, n);
			memmove(model, model + n, (used - n) * sizeof(model[0]));
			used -= n;
		}
	}
	CU_ASSERT(next > 10000);
	CU_ASSERT_FALSE(p.broken || c.broken);
}

static void test_waiting_flag(void)
{
	u64 v = 1;

	reset(0);
	CU_ASSERT_FALSE(fog_ring_wants_wake(&p));
	fog_ring_wait_begin(&c);
	CU_ASSERT_EQUAL(fog_ring_ready(&c), 0);
	CU_ASSERT_EQUAL(fog_ring_push(&p, &v), 0);
	CU_ASSERT_TRUE(fog_ring_wants_wake(&p));
	fog_ring_wait_end(&c);
	CU_ASSERT_FALSE(fog_ring_wants_wake(&p));
	CU_ASSERT_EQUAL(fog_ring_ready(&c), 1);
}

/* Either side may be built anew over living memory and goes on where the ring is. */
static void test_resume(void)
{
	u64 v;

	reset(5);
	for (u64 i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(fog_ring_push(&p, &i), 0);
	CU_ASSERT_EQUAL(fog_ring_pop(&c, &v), 0);
	fog_ring_producer(&p, &head, &tail, slots, COUNT, sizeof(u64));
	fog_ring_consumer(&c, &head, &tail, slots, COUNT, sizeof(u64));
	CU_ASSERT_EQUAL(fog_ring_ready(&c), 5);
	CU_ASSERT_EQUAL(fog_ring_free(&p), 3);
	CU_ASSERT_EQUAL(fog_ring_pop(&c, &v), 0);
	CU_ASSERT_EQUAL(v, 1);
}

/* Who asks for several slots must not be told for ever what was free long ago. */
static void test_room_is_looked_up_again(void)
{
	u64 value = 0;

	reset(0);
	while (fog_ring_room(&p, 2) >= 2)
		CU_ASSERT_EQUAL_FATAL(fog_ring_push(&p, &value), 0);
	CU_ASSERT_EQUAL(fog_ring_room(&p, 2), 1);
	while (fog_ring_pop(&c, &value) == 0)
		;
	CU_ASSERT_EQUAL(fog_ring_room(&p, 1), 1); /* the bound known is enough: not read again */
	CU_ASSERT_EQUAL(fog_ring_room(&p, 2), COUNT);
}

FOG_TEST_MAIN("dataplane/abi/ring", FOG_TEST(test_life_cycle), FOG_TEST(test_impossible_cursors),
	      FOG_TEST(test_random_against_model), FOG_TEST(test_waiting_flag),
	      FOG_TEST(test_resume), FOG_TEST(test_room_is_looked_up_again))
