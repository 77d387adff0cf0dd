/* SPDX-License-Identifier: BSD-3-Clause */
/* The validator's log: what was synced is there again, a torn tail is cut, damage is refused. */
#include "controlplane/validator/disk.h"
#include "tests/unit/fog_place.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/fog-disk-test.XXXXXX";
static u32 seen[FOG_QLOG_KINDS];

static struct fog_block *block(u64 height)
{
	struct fog_header h = {.height = height, .epoch = 1, .view = height};
	struct fog_app_bytes tx = {(const u8 *)"transfer", 8};
	struct fog_block *b = fog_block_make(&h, &tx, 1, NULL, 0);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	return b;
}

static int count(void *context, u8 kind, const u8 *data, u32 len)
{
	seen[kind]++;
	return 0;
}

static struct fog_qlog *open_log(int want)
{
	struct fog_qlog *l = NULL;
	char why[FOG_QLOG_WHY_SIZE] = "";
	int rc = fog_qlog_open(&l, dir, why);

	CU_ASSERT_EQUAL(rc, want);
	CU_ASSERT_EQUAL(why[0] == '\0', want == 0);
	return rc == 0 ? l : NULL;
}

static void test_life_cycle(void)
{
	struct fog_qlog *l = open_log(0);
	struct fog_certificate cert;
	u64 first, last;

	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	for (u64 h = 1; h <= 5; h++) {
		struct fog_block *b = block(h);
		CU_ASSERT_EQUAL(fog_qlog_block(l, b), 0);
		CU_ASSERT_EQUAL(fog_qlog_append(l, FOG_QLOG_VOTE, "a vote", 6), 0);
		CU_ASSERT_TRUE(fog_qlog_dirty(l));
		CU_ASSERT_EQUAL(fog_qlog_sync(l), 0);
		CU_ASSERT_EQUAL(fog_qlog_final(l, b, NULL, 0), 0);
		fog_block_unref(b);
	}
	CU_ASSERT_EQUAL(fog_qlog_sync(l), 0);
	fog_qlog_close(l);
	l = open_log(0);
	fog_qlog_heights(l, &first, &last);
	CU_ASSERT(first == 1 && last == 5);
	struct fog_block *b = fog_qlog_read(l, 3, &cert);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT(b->header.height == 3 && cert.kind == 0);
	fog_block_unref(b);
	CU_ASSERT_PTR_NULL(fog_qlog_read(l, 6, &cert));
	CU_ASSERT_PTR_NULL(fog_qlog_read(l, 0, &cert));
	memset(seen, 0, sizeof(seen));
	CU_ASSERT_EQUAL(fog_qlog_replay(l, 1, count, NULL), 0);
	CU_ASSERT(seen[FOG_QLOG_VOTE] == 5 && seen[FOG_QLOG_FINAL] == 5);
	CU_ASSERT_EQUAL(fog_qlog_replay(l, 7, count, NULL), -ENOENT);
	fog_qlog_close(l);
}

/* A crash in the middle of a write: at every length. */
static void test_torn_tail(void)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/log.000000000001", dir);
	CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
	for (off_t cut = 1; cut < 60; cut += 7) {
		CU_ASSERT_EQUAL(truncate(path, st.st_size - cut), 0);
		struct fog_qlog *l = open_log(0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(l);
		memset(seen, 0, sizeof(seen));
		CU_ASSERT_EQUAL(fog_qlog_replay(l, 1, count, NULL), 0);
		CU_ASSERT_EQUAL(seen[FOG_QLOG_FINAL], 4);
		/* It goes on where it was cut. */
		struct fog_block *b = block(5);
		CU_ASSERT_EQUAL(fog_qlog_final(l, b, NULL, 0), 0);
		CU_ASSERT_EQUAL(fog_qlog_sync(l), 0);
		fog_block_unref(b);
		fog_qlog_close(l);
		CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
	}
}

/* A flipped byte in a file that is not the last one is damage, not a crash. */
static void test_damage(void)
{
	struct fog_epoch *e = calloc(1, sizeof(*e));
	struct fog_qlog *l = open_log(0);
	char path[128];
	u8 byte;

	CU_ASSERT_FATAL(e != NULL && l != NULL);
	e->cert.kind = FOG_VOTE_FINALIZE;
	e->cert.hash[0] = 1;
	e->set.epoch = 2;
	e->set.rules.profile = FOG_PROFILE_NONE;
	e->set.count = 1;
	e->set.v[0].weight = 1;
	CU_ASSERT_EQUAL(fog_validators_finish(&e->set, NULL), 0);
	CU_ASSERT_EQUAL(fog_qlog_epoch_begin(l, e), 0);
	CU_ASSERT_EQUAL(fog_qlog_epoch_last(l), 2);
	fog_qlog_close(l);
	l = open_log(0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	CU_ASSERT_EQUAL(fog_qlog_epoch_read(l, 2, e), 0);
	CU_ASSERT_EQUAL(e->set.epoch, 2);
	CU_ASSERT_EQUAL(fog_qlog_epoch_read(l, 3, e), -ENOENT);
	CU_ASSERT_EQUAL(fog_qlog_replay(l, 2, count, NULL), 0);
	fog_qlog_close(l);
	free(e);
	snprintf(path, sizeof(path), "%s/log.000000000001", dir);
	int fd = open(path, O_RDWR);
	CU_ASSERT_EQUAL(pread(fd, &byte, 1, 100), 1);
	byte ^= 1;
	CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, 100), 1);
	close(fd);
	CU_ASSERT_PTR_NULL(open_log(-EUCLEAN));
	fog_test_tree_remove(dir);
	CU_ASSERT_PTR_NULL(open_log(-ENOENT));
}

int main(void)
{
	static const struct fog_test tests[] = {FOG_TEST(test_life_cycle), FOG_TEST(test_torn_tail),
						FOG_TEST(test_damage)};

	if (mkdtemp(dir) == NULL)
		return 2;
	return fog_test_run("controlplane/validator/disk", tests, FOG_ARRAY_COUNT(tests));
}
