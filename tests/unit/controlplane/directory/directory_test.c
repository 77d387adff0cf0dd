/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "controlplane/core/log.h"
#include "tests/unit/controlplane/directory/hosts.h"
#include "tests/unit/fog_test.h"
#include "tests/unit/store_where.h"

static u32 changes[4];

static void on_change(void *ctx, enum fog_directory_change change,
		      const struct fog_signed_descriptor *s)
{
	changes[change]++;
	CU_ASSERT(s->text_len > 0);
	CU_ASSERT_EQUAL(strlen(s->text), s->text_len);
}

static void test_life_cycle(void)
{
	struct fog_directory *dir;
	struct fog_identity id;

	memset(changes, 0, sizeof(changes));
	CU_ASSERT_EQUAL_FATAL(fog_directory_new(&dir), 0);
	fog_directory_on_change(dir, on_change, NULL);
	CU_ASSERT_EQUAL(test_offer(dir, 1, 5, TEST_NOW_MS), 0);
	CU_ASSERT_EQUAL(test_offer(dir, 2, 5, TEST_NOW_MS), 0);
	CU_ASSERT_EQUAL(test_offer(dir, 1, 5, TEST_NOW_MS), -EALREADY);
	CU_ASSERT_EQUAL(test_offer(dir, 1, 4, TEST_NOW_MS), -EALREADY);
	CU_ASSERT_EQUAL(test_offer(dir, 1, 6, TEST_NOW_MS), 0);
	CU_ASSERT_EQUAL(fog_directory_count(dir), 2);
	test_identity(&id, 1);
	const struct fog_signed_descriptor *s = fog_directory_find(dir, id.node_id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->d.sequence, 6);
	CU_ASSERT_EQUAL(fog_directory_expire(dir, TEST_NOW_MS + 3599999), 0);
	CU_ASSERT_EQUAL(fog_directory_expire(dir, TEST_NOW_MS + 3600000), 2);
	CU_ASSERT_EQUAL(fog_directory_count(dir), 0);
	CU_ASSERT_PTR_NULL(fog_directory_find(dir, id.node_id));
	CU_ASSERT_EQUAL(changes[FOG_DIRECTORY_ADDED], 2);
	CU_ASSERT_EQUAL(changes[FOG_DIRECTORY_UPDATED], 1);
	CU_ASSERT_EQUAL(changes[FOG_DIRECTORY_REMOVED], 2);
	CU_ASSERT_EQUAL(fog_directory_counts(dir)->accepted, 3);
	CU_ASSERT_EQUAL(fog_directory_counts(dir)->stale, 2);
	fog_directory_free(dir);
	fog_directory_free(NULL);
}

static void test_bad_offers(void)
{
	struct fog_directory *dir;
	char why[FOG_DESCRIPTOR_WHY_SIZE];
	u8 signature[64] = {0};

	CU_ASSERT_EQUAL_FATAL(fog_directory_new(&dir), 0);
	CU_ASSERT_EQUAL(fog_directory_offer(dir, "{}", 2, signature, TEST_NOW_MS, why), -EINVAL);
	CU_ASSERT_EQUAL(test_offer(dir, 1, 1, TEST_NOW_MS + 4000000), -ETIME);
	CU_ASSERT_EQUAL(test_offer(dir, 1, 1, TEST_NOW_MS - 4000000), -ETIME);
	CU_ASSERT_EQUAL(fog_directory_count(dir), 0);
	CU_ASSERT_EQUAL(fog_directory_counts(dir)->refused, 3);
	fog_directory_free(dir);
}

static void test_lookup(void)
{
	struct fog_directory *dir;
	const struct fog_signed_descriptor *s;
	struct fog_identity id;
	char hex[65];

	CU_ASSERT_EQUAL_FATAL(fog_directory_new(&dir), 0);
	for (u32 n = 0; n < 50; n++)
		CU_ASSERT_EQUAL(test_offer(dir, n, 1, TEST_NOW_MS), 0);
	test_identity(&id, 7);
	fog_node_id_hex(id.node_id, hex);
	CU_ASSERT_EQUAL(fog_directory_lookup(dir, hex, &s), 0);
	CU_ASSERT_STRING_EQUAL(s->d.name, "host-7");
	hex[8] = '\0';
	CU_ASSERT_EQUAL(fog_directory_lookup(dir, hex, &s), 0);
	CU_ASSERT_STRING_EQUAL(s->d.name, "host-7");
	hex[3] = '\0';
	CU_ASSERT_EQUAL(fog_directory_lookup(dir, hex, &s), -ENOENT);
	CU_ASSERT_EQUAL(fog_directory_lookup(dir, "host-42", &s), 0);
	CU_ASSERT_STRING_EQUAL(s->d.name, "host-42");
	CU_ASSERT_EQUAL(fog_directory_lookup(dir, "host-", &s), -ENOENT);
	CU_ASSERT_EQUAL(fog_directory_lookup(dir, "", &s), -ENOENT);
	fog_directory_free(dir);
}

/* Against a plain list: offers, expiry in parts, look-ups. */
static void test_against_model(void)
{
	const char *given = getenv("FOG_SEED");
	u64 seed = given != NULL ? strtoull(given, NULL, 0) : 1;
	struct fog_rng {
		u64 s;
	} r = {seed};
	struct fog_directory *dir;
	u64 have[200] = {0};
	u32 count = 0;

	printf("seed %llu ", (unsigned long long)seed);
	CU_ASSERT_EQUAL_FATAL(fog_directory_new(&dir), 0);
	for (u32 step = 0; step < 1500; step++) {
		r.s = r.s * 6364136223846793005ull + 1442695040888963407ull;
		u32 n = (u32)(r.s >> 33) % 200;
		u64 sequence = (r.s >> 50) % 8 + 1;
		int rc = test_offer(dir, n, sequence, TEST_NOW_MS);
		CU_ASSERT_EQUAL(rc, sequence > have[n] ? 0 : -EALREADY);
		count += have[n] == 0;
		if (sequence > have[n])
			have[n] = sequence;
		CU_ASSERT_EQUAL(fog_directory_count(dir), count);
	}
	for (u32 n = 0; n < 200; n++) {
		struct fog_identity id;
		test_identity(&id, n);
		const struct fog_signed_descriptor *s = fog_directory_find(dir, id.node_id);
		CU_ASSERT_EQUAL(s != NULL ? s->d.sequence : 0, have[n]);
	}
	fog_directory_free(dir);
}

static void test_full(void)
{
	struct fog_directory *dir;

	CU_ASSERT_EQUAL_FATAL(fog_directory_new(&dir), 0);
	u32 bad = 0;
	for (u32 n = 0; n < FOG_DIRECTORY_HOSTS_MAX; n++)
		bad += test_offer(dir, n, 1, TEST_NOW_MS) != 0;
	CU_ASSERT_EQUAL(bad, 0);
	CU_ASSERT_EQUAL(test_offer(dir, FOG_DIRECTORY_HOSTS_MAX, 1, TEST_NOW_MS), -ENOSPC);
	CU_ASSERT_EQUAL(fog_directory_counts(dir)->full, 1);
	/* Known hosts go on. */
	CU_ASSERT_EQUAL(test_offer(dir, 17, 2, TEST_NOW_MS), 0);
	CU_ASSERT_EQUAL(fog_directory_expire(dir, TEST_NOW_MS + 3600000), FOG_DIRECTORY_HOSTS_MAX);
	CU_ASSERT_EQUAL(test_offer(dir, FOG_DIRECTORY_HOSTS_MAX, 1, TEST_NOW_MS), 0);
	fog_directory_free(dir);
}

static i64 rows(struct fog_store *st)
{
	struct fog_stmt *q = fog_stmt(st, "SELECT count(*) FROM descriptor");
	i64 n = fog_stmt_step(q) == 1 ? fog_column_int(q, 0) : -1;

	fog_stmt_reset(q);
	return n;
}

static void test_store(void)
{
	struct fog_directory *dir;
	struct fog_store *st;
	char why[FOG_STORE_WHY_SIZE];

	CU_ASSERT_EQUAL_FATAL(fog_store_open(&st, store_where(true, NULL), why), 0);
	CU_ASSERT_EQUAL_FATAL(fog_directory_new(&dir), 0);
	CU_ASSERT_EQUAL(fog_directory_load(dir, st, TEST_NOW_MS, why), 0);
	CU_ASSERT_EQUAL(fog_directory_count(dir), 0);
	for (u32 n = 0; n < 5; n++)
		CU_ASSERT_EQUAL(test_offer(dir, n, 1, TEST_NOW_MS), 0);
	CU_ASSERT_EQUAL(test_offer(dir, 3, 9, TEST_NOW_MS), 0);
	CU_ASSERT_EQUAL(rows(st), 5);
	fog_directory_free(dir);
	/* Somebody wrote into the file: that row is not believed, the others are. */
	struct fog_stmt *q =
		fog_stmt(st, "UPDATE descriptor SET signature = ? WHERE node_id ="
			     " (SELECT node_id FROM descriptor ORDER BY node_id LIMIT 1)");
	u8 wrong[64] = {0};
	fog_bind_blob(q, wrong, sizeof(wrong));
	CU_ASSERT_EQUAL(fog_stmt_run(q), 0);
	q = fog_stmt(st, "UPDATE descriptor SET signature = ? WHERE node_id ="
			 " (SELECT node_id FROM descriptor ORDER BY node_id DESC LIMIT 1)");
	fog_bind_blob(q, wrong, 1);
	CU_ASSERT_EQUAL(fog_stmt_run(q), 0);
	fog_log_set_level(FOG_LOG_ERROR);
	CU_ASSERT_EQUAL_FATAL(fog_directory_new(&dir), 0);
	CU_ASSERT_EQUAL(fog_directory_load(dir, st, TEST_NOW_MS, why), 0);
	CU_ASSERT_EQUAL(fog_directory_count(dir), 3);
	struct fog_identity id;
	test_identity(&id, 3);
	CU_ASSERT_EQUAL(fog_directory_find(dir, id.node_id)->d.sequence, 9);
	fog_directory_expire(dir, TEST_NOW_MS + 3600000);
	CU_ASSERT_EQUAL(rows(st), 2);
	fog_directory_free(dir);
	CU_ASSERT_EQUAL_FATAL(fog_directory_new(&dir), 0);
	CU_ASSERT_EQUAL(fog_directory_load(dir, st, TEST_NOW_MS + 3600000, why), 0);
	CU_ASSERT_EQUAL(rows(st), 0);
	fog_directory_free(dir);
	fog_store_close(st);
}

FOG_TEST_MAIN("controlplane/directory/directory", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_offers), FOG_TEST(test_lookup), FOG_TEST(test_against_model),
	      FOG_TEST(test_full), FOG_TEST(test_store))
