/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/idempotency.h"

#include "tests/unit/fog_test.h"
#include "tests/unit/store_where.h"

#define NOW 1700000000u

static struct fog_store *st;
static const u8 one[32] = {1}, two[32] = {2};

static void open_store(void)
{
	char why[FOG_STORE_WHY_SIZE];

	CU_ASSERT_EQUAL_FATAL(fog_store_open(&st, store_where(true, NULL), why), 0);
	CU_ASSERT_EQUAL_FATAL(fog_idempotency_migrate(st, why), 0);
}

static int begin(const char *owner, const char *key, const u8 *digest, u64 run, u64 now_s)
{
	struct fog_idempotency_answer a;
	int rc = fog_idempotency_begin(st, owner, key, digest, run, now_s, &a);

	free(a.body);
	return rc;
}

static void test_life_cycle(void)
{
	struct fog_idempotency_answer a = {201, "application/json", "/v1/jobs/1", (char *)"{}\n",
					   3},
				      b;

	open_store();
	CU_ASSERT_EQUAL(begin("alice", "k", one, 1, NOW), FOG_IDEMPOTENCY_NEW);
	CU_ASSERT_EQUAL(begin("alice", "k", one, 1, NOW), FOG_IDEMPOTENCY_UNDERWAY);
	CU_ASSERT_EQUAL(begin("alice", "k", two, 1, NOW), FOG_IDEMPOTENCY_OTHER);
	CU_ASSERT_EQUAL(begin("bob", "k", two, 1, NOW), FOG_IDEMPOTENCY_NEW);
	CU_ASSERT_EQUAL(fog_idempotency_end(st, "alice", "k", &a, true), 0);
	CU_ASSERT_EQUAL(fog_idempotency_begin(st, "alice", "k", one, 2, NOW, &b),
			FOG_IDEMPOTENCY_AGAIN);
	CU_ASSERT(b.status == 201 && b.len == 3 && memcmp(b.body, "{}\n", 3) == 0);
	CU_ASSERT_STRING_EQUAL(b.type, a.type);
	CU_ASSERT_STRING_EQUAL(b.location, a.location);
	free(b.body);
	CU_ASSERT_EQUAL(begin("alice", "k", two, 2, NOW), FOG_IDEMPOTENCY_OTHER);
	/* Another life of the process: what had no answer never gets one. */
	CU_ASSERT_EQUAL(begin("bob", "k", two, 2, NOW), FOG_IDEMPOTENCY_LOST);
	CU_ASSERT_EQUAL(fog_idempotency_end(st, "bob", "k", &a, false), 0);
	CU_ASSERT_EQUAL(begin("bob", "k", two, 2, NOW), FOG_IDEMPOTENCY_NEW);
	fog_store_close(st);
}

static void test_limits(void)
{
	char key[32];

	open_store();
	CU_ASSERT_EQUAL(begin("a", "old", one, 1, NOW), FOG_IDEMPOTENCY_NEW);
	CU_ASSERT_EQUAL(begin("a", "old", two, 1, NOW + FOG_IDEMPOTENCY_LIFE_S),
			FOG_IDEMPOTENCY_NEW);
	CU_ASSERT_EQUAL(fog_store_begin(st), 0); /* one transaction, to be quick */
	struct fog_stmt *q;
	for (int i = 0; i < FOG_IDEMPOTENCY_KEYS_MAX + 5; i++) {
		snprintf(key, sizeof(key), "%d", i);
		q = fog_stmt(st, "INSERT INTO idempotency(owner, name, digest, run, at_s, status) "
				 "VALUES('f', ?, ?, 1, ?, 200)");
		fog_bind_text(q, key);
		fog_bind_blob(q, one, 32);
		fog_bind_int(q, NOW + FOG_IDEMPOTENCY_LIFE_S + i);
		CU_ASSERT_EQUAL(fog_stmt_run(q), 0);
	}
	CU_ASSERT_EQUAL(fog_store_end(st, 0), 0);
	CU_ASSERT_EQUAL(begin("a", "new", one, 1, NOW + FOG_IDEMPOTENCY_LIFE_S + 20000),
			FOG_IDEMPOTENCY_NEW);
	q = fog_stmt(st, "SELECT COUNT(*) FROM idempotency");
	CU_ASSERT_EQUAL(fog_stmt_step(q), 1);
	CU_ASSERT_EQUAL(fog_column_int(q, 0), FOG_IDEMPOTENCY_KEYS_MAX);
	fog_stmt_reset(q);
	CU_ASSERT_EQUAL(begin("f", "0", one, 1, NOW + FOG_IDEMPOTENCY_LIFE_S + 20000),
			FOG_IDEMPOTENCY_NEW);
	fog_store_close(st);
}

FOG_TEST_MAIN("controlplane/gateway/idempotency", FOG_TEST(test_life_cycle), FOG_TEST(test_limits))
