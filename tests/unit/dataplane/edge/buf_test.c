/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "crypto/random/random.h"
#include "dataplane/edge/buf.h"
#include "tests/unit/fog_test.h"

static struct fog_budget budget;

static void test_life_cycle(void)
{
	struct fog_buf b;
	const u8 *data;
	u8 copy[8];

	budget = (struct fog_budget){.size_max = 1 << 20};
	fog_buf_init(&b, &budget);
	CU_ASSERT_EQUAL(fog_buf_peek(&b, &data), 0);
	CU_ASSERT_EQUAL(fog_buf_cursor_peek(&b, &data), 0);
	CU_ASSERT_EQUAL(fog_buf_append(&b, "hello", 5), 0);
	CU_ASSERT_EQUAL(fog_buf_peek(&b, &data), 5);
	CU_ASSERT_EQUAL(memcmp(data, "hello", 5), 0);
	CU_ASSERT_EQUAL(fog_buf_copy(&b, copy, 3), 3);
	fog_buf_cursor_advance(&b, 2);
	CU_ASSERT_EQUAL(fog_buf_cursor_peek(&b, &data), 3);
	CU_ASSERT_EQUAL(b.unread, 3);
	fog_buf_drop(&b, 1);
	CU_ASSERT_EQUAL(b.unread, 3);
	fog_buf_drop(&b, 4);
	CU_ASSERT_EQUAL(b.unread, 0);
	CU_ASSERT_EQUAL(b.size, 0);
	CU_ASSERT_EQUAL(budget.size, 0);
}

static void test_bad_arguments(void)
{
	struct fog_buf b;
	static u8 big[4 * FOG_BUF_CHUNK];
	u8 *room;
	size_t size;

	budget = (struct fog_budget){.size_max = 2 * sizeof(struct fog_buf_chunk)};
	fog_buf_init(&b, &budget);
	CU_ASSERT_EQUAL(fog_buf_append(&b, big, sizeof(big)), -ENOBUFS);
	CU_ASSERT_EQUAL(b.size, 0);
	CU_ASSERT_EQUAL(budget.size, 0);
	CU_ASSERT_EQUAL(fog_buf_append(&b, big, 2 * FOG_BUF_CHUNK), 0);
	CU_ASSERT_EQUAL(fog_buf_append(&b, big, 1), -ENOBUFS);
	CU_ASSERT_EQUAL(fog_buf_reserve(&b, &room, &size), -ENOBUFS);
	fog_buf_drop(&b, FOG_BUF_CHUNK);
	CU_ASSERT_EQUAL(fog_buf_reserve(&b, &room, &size), 0);
	CU_ASSERT_EQUAL(size, FOG_BUF_CHUNK);
	fog_buf_commit(&b, 0);
	fog_buf_clear(&b);
	CU_ASSERT_EQUAL(budget.size, 0);
}

/* Against a model: bytes are counted, byte n is n mod 251. */
static void test_random(void)
{
	struct fog_rng rng;
	struct fog_buf b;
	u64 end = 0, start = 0, cursor = 0;
	static u8 data[40000];

	budget = (struct fog_budget){.size_max = 64 << 20};
	fog_rng_init_u64(&rng, 11);
	fog_buf_init(&b, &budget);
	for (unsigned i = 0; i < 20000; i++) {
		size_t n = fog_rng_below(&rng, 1 + fog_rng_below(&rng, sizeof(data)));
		const u8 *at;

		switch (fog_rng_below(&rng, 4)) {
		case 0:
			n = n % 9000;
			for (size_t k = 0; k < n; k++)
				data[k] = (u8)((end + k) % 251);
			CU_ASSERT_EQUAL_FATAL(fog_buf_append(&b, data, n), 0);
			end += n;
			break;
		case 1: {
			u8 *room;
			size_t size;
			CU_ASSERT_EQUAL_FATAL(fog_buf_reserve(&b, &room, &size), 0);
			n = n % 3 == 0 ? 0 : FOG_MIN(n, size);
			for (size_t k = 0; k < n; k++)
				room[k] = (u8)((end + k) % 251);
			fog_buf_commit(&b, n);
			end += n;
			break;
		}
		case 2:
			n = FOG_MIN(n, (size_t)(end - cursor));
			fog_buf_cursor_advance(&b, n);
			cursor += n;
			break;
		case 3:
			n = FOG_MIN(n, (size_t)(end - start));
			if (i % 3 != 0)
				n = FOG_MIN(n, (size_t)(cursor - start));
			fog_buf_drop(&b, n);
			start += n;
			cursor = FOG_MAX(cursor, start);
			break;
		}
		CU_ASSERT_EQUAL_FATAL(b.size, end - start);
		CU_ASSERT_EQUAL_FATAL(b.unread, end - cursor);
		n = fog_buf_peek(&b, &at);
		CU_ASSERT_EQUAL_FATAL(n != 0, end != start);
		if (n != 0)
			CU_ASSERT_EQUAL_FATAL(at[n - 1], (start + n - 1) % 251);
		n = fog_buf_cursor_peek(&b, &at);
		CU_ASSERT_EQUAL_FATAL(n != 0, end != cursor);
		if (n != 0)
			CU_ASSERT_EQUAL_FATAL(at[0], cursor % 251);
	}
	fog_buf_clear(&b);
	CU_ASSERT_EQUAL(budget.size, 0);
}

FOG_TEST_MAIN("dataplane/edge/buf", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_random))
