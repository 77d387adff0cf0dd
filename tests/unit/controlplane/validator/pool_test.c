/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool: order, doubles, limits of a block and of the pool, age. */
#include "controlplane/validator/pool.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

static int add(struct fog_pool *p, const void *tx, u32 len, u64 now_ms)
{
	u8 id[32];

	fog_pool_id(tx, len, id);
	return fog_pool_add(p, id, tx, len, now_ms);
}

static int add_number(struct fog_pool *p, u32 n, u64 now_ms)
{
	return add(p, &n, sizeof(n), now_ms);
}

static void remove_number(struct fog_pool *p, u32 n)
{
	u8 id[32];

	fog_pool_id(&n, sizeof(n), id);
	fog_pool_remove(p, id);
	CU_ASSERT_FALSE(fog_pool_has(p, id));
}

static u32 number(const struct fog_app_bytes *tx)
{
	u32 n;

	memcpy(&n, tx->data, sizeof(n));
	return n;
}

static void test_order(void)
{
	static struct fog_app_bytes out[FOG_APP_BLOCK_TX_MAX];
	struct fog_pool *p;

	CU_ASSERT_EQUAL_FATAL(fog_pool_new(&p), 0);
	CU_ASSERT_EQUAL(fog_pool_pick(p, NULL, 0, out), 0);
	for (u32 i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(add_number(p, i, 0), 0);
	CU_ASSERT_EQUAL(add_number(p, 3, 0), -EEXIST);
	CU_ASSERT_EQUAL(fog_pool_count(p), 5);
	CU_ASSERT_EQUAL(fog_pool_bytes(p), 20);
	remove_number(p, 0);
	remove_number(p, 2);
	remove_number(p, 4);
	remove_number(p, 4);
	CU_ASSERT_EQUAL(add_number(p, 0, 0), 0);
	CU_ASSERT_EQUAL_FATAL(fog_pool_pick(p, NULL, 0, out), 3);
	CU_ASSERT_EQUAL(number(&out[0]), 1);
	CU_ASSERT_EQUAL(number(&out[1]), 3);
	CU_ASSERT_EQUAL(number(&out[2]), 0);
	fog_pool_free(p);
	fog_pool_free(NULL);
}

/* What an unfinal ancestor has already is not proposed again, but stays. */
static void test_except(void)
{
	static struct fog_app_bytes out[FOG_APP_BLOCK_TX_MAX];
	struct fog_header h = {.epoch = 1};
	const u32 in_block[2] = {1, 77};
	const struct fog_app_bytes tx[2] = {{(const u8 *)&in_block[0], 4},
					    {(const u8 *)&in_block[1], 4}};
	bool known[2];
	struct fog_pool *p;

	struct fog_block *b = fog_block_make(&h, tx, 2, NULL, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_EQUAL_FATAL(fog_pool_new(&p), 0);
	for (u32 i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(add_number(p, i, 0), 0);
	CU_ASSERT_EQUAL_FATAL(fog_pool_pick(p, &b, 1, out), 2);
	CU_ASSERT_EQUAL(number(&out[0]), 0);
	CU_ASSERT_EQUAL(number(&out[1]), 2);
	CU_ASSERT_EQUAL(fog_pool_pick(p, NULL, 0, out), 3);
	fog_pool_known(p, b, known);
	CU_ASSERT_TRUE(known[0]);
	CU_ASSERT_FALSE(known[1]);
	fog_block_unref(b);
	fog_pool_free(p);
}

static void test_full(void)
{
	static struct fog_app_bytes out[FOG_APP_BLOCK_TX_MAX];
	static u8 big[FOG_APP_TX_MAX];
	struct fog_pool *p;
	u32 n = 0;

	CU_ASSERT_EQUAL_FATAL(fog_pool_new(&p), 0);
	for (u32 i = 0; i < FOG_POOL_COUNT_MAX; i++)
		n += add_number(p, i, 0) == 0;
	CU_ASSERT_EQUAL(n, FOG_POOL_COUNT_MAX);
	CU_ASSERT_EQUAL(add_number(p, n, 0), -EAGAIN);
	CU_ASSERT_EQUAL(fog_pool_pick(p, NULL, 0, out), FOG_APP_BLOCK_TX_MAX);
	remove_number(p, 7);
	CU_ASSERT_EQUAL(add_number(p, n, 0), 0);
	fog_pool_free(p);
	/* By bytes. */
	CU_ASSERT_EQUAL_FATAL(fog_pool_new(&p), 0);
	for (n = 0; n <= FOG_POOL_BYTES_MAX / sizeof(big); n++) {
		fog_store_u32(big, n);
		if (add(p, big, sizeof(big), 0) != 0)
			break;
	}
	CU_ASSERT_EQUAL(n, FOG_POOL_BYTES_MAX / sizeof(big));
	CU_ASSERT_EQUAL(fog_pool_bytes(p), FOG_POOL_BYTES_MAX);
	CU_ASSERT_EQUAL(fog_pool_pick(p, NULL, 0, out), FOG_APP_BLOCK_BYTES_MAX / sizeof(big));
	fog_pool_free(p);
}

static void test_age(void)
{
	struct fog_pool *p;

	CU_ASSERT_EQUAL_FATAL(fog_pool_new(&p), 0);
	CU_ASSERT_EQUAL(add_number(p, 1, 1000), 0);
	CU_ASSERT_EQUAL(add_number(p, 2, 2000), 0);
	fog_pool_expire(p, 1000 + FOG_POOL_AGE_MS);
	CU_ASSERT_EQUAL(fog_pool_count(p), 2);
	fog_pool_expire(p, 1001 + FOG_POOL_AGE_MS);
	CU_ASSERT_EQUAL(fog_pool_count(p), 1);
	fog_pool_expire(p, 2001 + FOG_POOL_AGE_MS);
	CU_ASSERT_EQUAL(fog_pool_count(p), 0);
	CU_ASSERT_EQUAL(fog_pool_bytes(p), 0);
	fog_pool_free(p);
}

FOG_TEST_MAIN("controlplane/validator/pool", FOG_TEST(test_order), FOG_TEST(test_except),
	      FOG_TEST(test_full), FOG_TEST(test_age))
