/* SPDX-License-Identifier: BSD-3-Clause */
/* Submissions with payloads, as a producer and a consumer of one process. */
#include "dataplane/abi/feed.h"

#include "tests/unit/fog_test.h"

struct bench {
	struct fog_ring_head head;
	struct fog_ring_tail tail;
	struct fog_verify_feed memory;
	struct fog_feed feed;
	struct fog_ring consumer;
};

static struct bench *bench_open(void)
{
	struct bench *b = aligned_alloc(64, (sizeof(*b) + 63) & ~(size_t)63);

	if (b == NULL)
		abort();
	memset(b, 0, sizeof(*b));
	fog_feed_producer(&b->feed, &b->head, &b->tail, &b->memory);
	fog_ring_consumer(&b->consumer, &b->head, &b->tail, b->memory.submit, FOG_VERIFY_RING_COUNT,
			  sizeof(struct fog_verify_submit));
	return b;
}

static int push(struct bench *b, u64 tag, u32 length)
{
	static u8 payload[FOG_CHECK_PAYLOAD_MAX + 1];

	memset(payload, (int)tag, length);
	return fog_feed_push(&b->feed, (struct fog_verify_submit){.tag = tag}, payload, length);
}

/* Takes the next and says whether it is `tag`, whole. */
static bool take(struct bench *b, u64 tag, u32 length)
{
	struct fog_verify_submit s;

	if (fog_ring_ready(&b->consumer) == 0)
		return false;
	memcpy(&s, fog_ring_peek(&b->consumer, 0), sizeof(s));
	bool right = fog_feed_valid(&s) && s.tag == tag && s.length == length;
	for (u32 i = 0; right && i < length; i++)
		right = b->memory.arena[s.offset + i] == (u8)tag;
	fog_ring_release(&b->consumer, 1);
	return right;
}

static void test_life_cycle(void)
{
	struct bench *b = bench_open();

	CU_ASSERT_EQUAL(push(b, 1, 0), 0);
	CU_ASSERT_EQUAL(push(b, 2, 1), 0);
	CU_ASSERT_EQUAL(push(b, 3, FOG_CHECK_PAYLOAD_MAX), 0);
	CU_ASSERT_TRUE(take(b, 1, 0));
	CU_ASSERT_TRUE(take(b, 2, 1));
	CU_ASSERT_TRUE(take(b, 3, FOG_CHECK_PAYLOAD_MAX));
	CU_ASSERT_EQUAL(fog_ring_ready(&b->consumer), 0);
	free(b);
}

static void test_bad_arguments(void)
{
	struct bench *b = bench_open();
	static const struct {
		unsigned number;
		u32 offset, length;
		bool valid;
	} cases[] = {
		{1, 0, 0, true},
		{2, FOG_VERIFY_ARENA_SIZE, 0, true},
		{3, FOG_VERIFY_ARENA_SIZE - 1, 1, true},
		{4, FOG_VERIFY_ARENA_SIZE, 1, false},
		{5, ~0u, 1, false},
		{6, ~0u - 10, 20, false},
		{7, 0, FOG_CHECK_PAYLOAD_MAX, true},
		{8, 0, FOG_CHECK_PAYLOAD_MAX + 1, false},
		{9, 0, ~0u, false},
	};

	CU_ASSERT_EQUAL(push(b, 1, FOG_CHECK_PAYLOAD_MAX + 1), -EMSGSIZE);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_verify_submit s = {.offset = cases[i].offset, .length = cases[i].length};

		CU_ASSERT_EQUAL(fog_feed_valid(&s), cases[i].valid);
	}
	free(b);
}

/* Full by slots, and full by bytes; either way what was taken makes room again. */
static void test_full(void)
{
	struct bench *b = bench_open();
	u64 n = 0;

	while (push(b, n, 8) == 0)
		n++;
	CU_ASSERT_EQUAL(n, FOG_VERIFY_RING_COUNT);
	for (u64 i = 0; i < n; i++)
		CU_ASSERT_TRUE(take(b, i, 8));
	n = 0;
	while (push(b, n, FOG_CHECK_PAYLOAD_MAX) == 0)
		n++;
	/* Something lies before them, so the last does not fit in one piece. */
	CU_ASSERT_EQUAL(n, FOG_VERIFY_ARENA_SIZE / FOG_CHECK_PAYLOAD_MAX - 1);
	CU_ASSERT_TRUE(take(b, 0, FOG_CHECK_PAYLOAD_MAX));
	CU_ASSERT_EQUAL(push(b, n, FOG_CHECK_PAYLOAD_MAX), 0);
	for (u64 i = 1; i <= n; i++)
		CU_ASSERT_TRUE(take(b, i, FOG_CHECK_PAYLOAD_MAX));
	/* A consumer that claims what it never had. */
	atomic_store(&b->tail.tail, 1ull << 40);
	while (push(b, 1, FOG_CHECK_PAYLOAD_MAX) == 0)
		;
	CU_ASSERT_TRUE(b->feed.ring.broken);
	free(b);
}

/* Random sizes in random bursts, many times round the arena: nothing is overwritten before it is
 * taken. */
static void test_random(void)
{
	struct bench *b = bench_open();
	u64 sent = 0, got = 0, x = 88172645463325252ull;
	static u32 length[1 << 14];

	while (got < FOG_ARRAY_COUNT(length)) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		for (unsigned i = 0; i < x % 60 && sent < FOG_ARRAY_COUNT(length); i++) {
			u32 len = (u32)((x >> 20) * (i + 1) % (i % 9 == 0 ? 30000 : 700));

			if (push(b, sent, len) != 0)
				break;
			length[sent++] = len;
		}
		for (unsigned i = 0; i < x / 64 % 60 && got < sent; i++, got++)
			CU_ASSERT_TRUE_FATAL(take(b, got, length[got]));
	}
	free(b);
}

FOG_TEST_MAIN("dataplane/abi/feed", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_full), FOG_TEST(test_random))
