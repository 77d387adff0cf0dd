/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/core/store.h"
#include "tests/unit/fog_test.h"
#include "tests/unit/store_where.h"

static char dir[64], path[128], where[512], why[FOG_STORE_WHY_SIZE];

static bool is_file(void)
{
	return !fog_store_is_url(where);
}

static const struct fog_migration first[] = {
	{1,
	 "CREATE TABLE pair(id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b INTEGER NOT NULL) STRICT;"
	 "CREATE TABLE note(id TEXT PRIMARY KEY, v BLOB) STRICT;"},
};
static const struct fog_migration second[] = {
	{1,
	 "CREATE TABLE pair(id INTEGER PRIMARY KEY, a INTEGER NOT NULL, b INTEGER NOT NULL) STRICT;"
	 "CREATE TABLE note(id TEXT PRIMARY KEY, v BLOB) STRICT;"},
	{2, "ALTER TABLE pair ADD COLUMN c TEXT NOT NULL DEFAULT 'new'"},
};
static const struct fog_migration bad[] = {
	{1, "CREATE TABLE half(a INTEGER)"},
	{2, "CREATE TABLE other(a INTEGER); CREATE TABLE half(a INTEGER)"},
};

static void start(void)
{
	snprintf(dir, sizeof(dir), "/tmp/fog-store-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/fog.db", dir);
	snprintf(where, sizeof(where), "%s", store_where(true, path));
}

static void stop(void)
{
	char name[160];

	unlink(path);
	snprintf(name, sizeof(name), "%s-wal", path);
	unlink(name);
	snprintf(name, sizeof(name), "%s-shm", path);
	unlink(name);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static struct fog_store *open_file(void)
{
	struct fog_store *st = NULL;
	int rc;

	/* A server needs a moment to see that a killed client is gone. */
	for (unsigned tries = 0; (rc = fog_store_open(&st, where, why)) == -EBUSY && tries < 300;
	     tries++)
		usleep(10000);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	return st;
}

static i64 one(struct fog_store *st, const char *sql)
{
	struct fog_stmt *q = fog_stmt(st, sql);
	i64 v = -1;

	if (fog_stmt_step(q) == 1)
		v = fog_column_int(q, 0);
	fog_stmt_reset(q);
	return v;
}

static int pair_add(struct fog_store *st, i64 a, i64 b)
{
	struct fog_stmt *q = fog_stmt(st, "INSERT INTO pair(a, b) VALUES(?, ?)");

	fog_bind_int(q, a);
	fog_bind_int(q, b);
	return fog_stmt_run(q);
}

static void test_life_cycle(void)
{
	struct stat s;

	start();
	struct fog_store *st = open_file();
	if (is_file()) {
		CU_ASSERT_EQUAL(stat(path, &s), 0);
		CU_ASSERT_EQUAL(s.st_mode & 0777, 0600);
	}
	CU_ASSERT_STRING_EQUAL(fog_store_kind(st), is_file() ? "sqlite" : "postgresql");
	CU_ASSERT_EQUAL(fog_store_migrate(st, "test", first, 1, why), 0);
	CU_ASSERT_EQUAL(fog_store_begin(st), 0);
	CU_ASSERT(fog_store_in_transaction(st));
	CU_ASSERT_EQUAL(fog_store_end(st, pair_add(st, 1, -1)), 0);
	CU_ASSERT_EQUAL(fog_store_changes(st), 1);
	CU_ASSERT_EQUAL(fog_store_begin(st), 0);
	CU_ASSERT_EQUAL(pair_add(st, 2, -2), 0);
	CU_ASSERT_EQUAL(fog_store_end(st, -ECANCELED), -ECANCELED);
	CU_ASSERT_EQUAL(one(st, "SELECT count(*) FROM pair"), 1);
	CU_ASSERT_EQUAL(fog_store_begin(st), 0);
	CU_ASSERT_EQUAL(pair_add(st, 3, -3), 0);
	fog_store_close(st); /* rolls back */
	st = open_file();
	CU_ASSERT_EQUAL(one(st, "SELECT count(*) FROM pair"), 1);
	fog_store_close(st);
	fog_store_close(NULL);
	stop();
}

static void test_columns_and_values(void)
{
	struct fog_store *st;
	u8 blob[4] = {1, 0, 2, 0}, out[4];
	size_t len;

	CU_ASSERT_EQUAL_FATAL(fog_store_open(&st, store_where(true, NULL), why), 0);
	CU_ASSERT_EQUAL(fog_store_migrate(st, "test", first, 1, why), 0);
	struct fog_stmt *q = fog_stmt(st, "SELECT ?, ?, ?, ?, ?, ?");
	fog_bind_int(q, INT64_MIN);
	fog_bind_u64(q, INT64_MAX);
	fog_bind_real(q, 0.5);
	fog_bind_text(q, "text");
	fog_bind_blob(q, blob, sizeof(blob));
	fog_bind_null(q);
	CU_ASSERT_EQUAL(fog_stmt_step(q), 1);
	CU_ASSERT_EQUAL(fog_column_int(q, 0), INT64_MIN);
	CU_ASSERT_EQUAL(fog_column_u64(q, 0), 0);
	CU_ASSERT_EQUAL(fog_column_u64(q, 1), INT64_MAX);
	CU_ASSERT_EQUAL(fog_column_real(q, 2), 0.5);
	CU_ASSERT_STRING_EQUAL(fog_column_text(q, 3), "text");
	CU_ASSERT_EQUAL(fog_column_copy(q, 4, out, 4), 0);
	CU_ASSERT_EQUAL(memcmp(out, blob, 4), 0);
	CU_ASSERT_EQUAL(fog_column_copy(q, 4, out, 3), -EUCLEAN);
	CU_ASSERT(fog_column_is_null(q, 5));
	CU_ASSERT_STRING_EQUAL(fog_column_text(q, 5), "");
	fog_column_blob(q, 5, &len);
	CU_ASSERT_EQUAL(len, 0);
	CU_ASSERT_EQUAL(fog_stmt_step(q), 0);
	/* An empty blob is a blob, not NULL. */
	q = fog_stmt(st, "INSERT INTO note(id, v) VALUES(?, ?)");
	fog_bind_text(q, "a");
	fog_bind_blob(q, NULL, 0);
	CU_ASSERT_EQUAL(fog_stmt_run(q), 0);
	CU_ASSERT_EQUAL(one(st, "SELECT v IS NULL FROM note"), 0);
	/* Named values. */
	char buf[8];
	CU_ASSERT_EQUAL(fog_store_get(st, "x", buf, sizeof(buf), &len), -ENOENT);
	CU_ASSERT_EQUAL(fog_store_set(st, "x", "one", 3), 0);
	CU_ASSERT_EQUAL(fog_store_set(st, "x", "four", 4), 0);
	CU_ASSERT_EQUAL(fog_store_get(st, "x", buf, sizeof(buf), &len), 0);
	CU_ASSERT_EQUAL(len, 4);
	CU_ASSERT_EQUAL(memcmp(buf, "four", 4), 0);
	CU_ASSERT_EQUAL(fog_store_get(st, "x", buf, 3, &len), -ENOSPC);
	fog_store_close(st);
}

static void test_errors(void)
{
	struct fog_store *st;

	CU_ASSERT_EQUAL_FATAL(fog_store_open(&st, store_where(true, NULL), why), 0);
	CU_ASSERT_EQUAL(fog_store_migrate(st, "test", first, 1, why), 0);
	struct fog_stmt *q;
	for (int i = 0; i < 2; i++) {
		q = fog_stmt(st, "INSERT INTO note(id, v) VALUES(?, ?)");
		fog_bind_text(q, "same");
		fog_bind_null(q);
		CU_ASSERT_EQUAL(fog_stmt_run(q), i == 0 ? 0 : -EEXIST);
	}
	q = fog_stmt(st, "INSERT INTO pair(a, b) VALUES(?, ?)");
	fog_bind_u64(q, 1ull << 63);
	fog_bind_int(q, 1);
	CU_ASSERT_EQUAL(fog_stmt_run(q), -ERANGE);
	/* The error does not stick to the next use. */
	CU_ASSERT_EQUAL(pair_add(st, 1, 1), 0);
	q = fog_stmt(st, "INSERT INTO pair(a, b) VALUES(?, ?)");
	fog_bind_text(q, "no number");
	fog_bind_int(q, 1);
	CU_ASSERT_EQUAL(fog_stmt_run(q), -EEXIST); /* STRICT table: a constraint */
	fog_store_close(st);
}

static void test_bad_files(void)
{
	struct fog_store *st = NULL;
	static u8 noise[8192];

	start();
	snprintf(where, sizeof(where), "%s", path);
	CU_ASSERT_EQUAL(fog_store_open(&st, "/nonexistent/fog.db", why), -ENOENT);
	CU_ASSERT(strstr(why, "/nonexistent/fog.db") != NULL);
	CU_ASSERT(fog_store_open(&st, "/tmp", why) < 0);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	memset(noise, 0xa5, sizeof(noise));
	CU_ASSERT_EQUAL(write(fd, noise, sizeof(noise)), (ssize_t)sizeof(noise));
	close(fd);
	CU_ASSERT_EQUAL(fog_store_open(&st, path, why), -EUCLEAN);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "damaged"));
	unlink(path);
	/* A real store with a page overwritten. */
	st = open_file();
	CU_ASSERT_EQUAL(fog_store_migrate(st, "test", first, 1, why), 0);
	CU_ASSERT_EQUAL(fog_store_begin(st), 0);
	for (int i = 0; i < 5000; i++)
		pair_add(st, i, -i);
	CU_ASSERT_EQUAL(fog_store_end(st, 0), 0);
	fog_store_close(st);
	fd = open(path, O_WRONLY);
	CU_ASSERT_EQUAL(pwrite(fd, noise, sizeof(noise), 4096 * 8), (ssize_t)sizeof(noise));
	close(fd);
	CU_ASSERT_EQUAL(fog_store_open(&st, path, why), -EUCLEAN);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "restore it"));
	stop();
}

static void test_migrations(void)
{
	start();
	struct fog_store *st = open_file();
	CU_ASSERT_EQUAL(fog_store_migrate(st, "test", first, 1, why), 0);
	CU_ASSERT_EQUAL(pair_add(st, 1, -1), 0);
	CU_ASSERT_EQUAL(fog_store_migrate(st, "test", first, 1, why), 0);
	fog_store_close(st);
	st = open_file();
	CU_ASSERT_EQUAL(fog_store_migrate(st, "test", second, 2, why), 0);
	CU_ASSERT_EQUAL(one(st, "SELECT count(*) FROM pair WHERE c = 'new'"), 1);
	/* An older program meets the newer file. */
	CU_ASSERT_EQUAL(fog_store_migrate(st, "test", first, 1, why), -EPROTO);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "newer"));
	/* Components do not share numbers; a failing migration leaves nothing of itself. */
	CU_ASSERT(fog_store_migrate(st, "bad", bad, 2, why) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "migration bad 2"));
	CU_ASSERT(!fog_store_in_transaction(st));
	CU_ASSERT_EQUAL(one(st, is_file()
					? "SELECT count(*) FROM sqlite_schema WHERE name = 'other'"
					: "SELECT count(*) FROM pg_tables WHERE tablename ="
					  " 'other' AND schemaname = current_schema()"),
			0);
	CU_ASSERT_EQUAL(one(st, "SELECT version FROM schema_version WHERE component = 'bad'"), 1);
	fog_store_close(st);
	stop();
}

/* The child writes pairs (i, -i) in transactions of ten and tells each commit; it is killed at some
 * moment. What it told must be there, whole transactions only, and the file must be sound. */
static void child_write(int pipe_fd)
{
	struct fog_store *st = NULL;

	int opened;
	/* The server may not have noticed yet that the one before is gone. */
	while ((opened = fog_store_open(&st, where, why)) == -EBUSY)
		usleep(1000);
	if (opened != 0)
		_exit(1);
	for (u32 t = 0;; t++) {
		if (fog_store_begin(st) != 0)
			_exit(2);
		int rc = 0;
		for (int i = 0; rc == 0 && i < 10; i++)
			rc = pair_add(st, i, -i);
		if (fog_store_end(st, rc) != 0)
			_exit(3);
		if (write(pipe_fd, &t, sizeof(t)) != sizeof(t))
			_exit(4);
	}
}

static void kill_round(unsigned delay_us, i64 *committed)
{
	int fds[2], status;
	u32 told;

	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
	pid_t pid = fork();
	CU_ASSERT_FATAL(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		child_write(fds[1]);
	}
	close(fds[1]);
	usleep(delay_us);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	CU_ASSERT(WIFSIGNALED(status));
	while (read(fds[0], &told, sizeof(told)) == sizeof(told))
		*committed += 10;
	close(fds[0]);
}

static void test_kill_during_transactions(void)
{
	i64 committed = 0;

	start();
	struct fog_store *st = open_file();
	CU_ASSERT_EQUAL(fog_store_migrate(st, "test", first, 1, why), 0);
	fog_store_close(st);
	for (unsigned round = 0; round < 8; round++) {
		kill_round(15000 + 7001 * round, &committed);
		st = open_file();
		i64 have = one(st, "SELECT count(*) FROM pair");
		CU_ASSERT_EQUAL(have % 10, 0);
		CU_ASSERT(have >= committed);
		/* At most the one commit it could not tell any more. */
		CU_ASSERT(have <= committed + 10);
		CU_ASSERT_EQUAL(one(st, "SELECT coalesce(sum(a + b), 0) FROM pair"), 0);
		committed = have;
		fog_store_close(st);
	}
	CU_ASSERT(committed > 0);
	stop();
}

static void test_disk_full(void)
{
	struct fog_store *st;

	CU_ASSERT_EQUAL_FATAL(fog_store_open(&st, NULL, why), 0);
	CU_ASSERT_EQUAL(fog_store_migrate(st, "test", first, 1, why), 0);
	one(st, "PRAGMA max_page_count = 12");
	fog_log_set_file(fopen("/dev/null", "w"));
	CU_ASSERT_EQUAL(fog_store_begin(st), 0);
	int rc = 0;
	for (int i = 0; rc == 0 && i < 100000; i++)
		rc = pair_add(st, i, -i);
	CU_ASSERT_EQUAL(rc, -ENOSPC);
	CU_ASSERT_EQUAL(fog_store_end(st, rc), -ENOSPC);
	CU_ASSERT(!fog_store_in_transaction(st));
	CU_ASSERT_EQUAL(one(st, "SELECT count(*) FROM pair"), 0);
	CU_ASSERT_EQUAL(pair_add(st, 1, -1), 0);
	fog_store_close(st);
	fog_log_set_file(NULL);
}

/* While it is in use; restored, it is what it was; what came after is gone. */
static void test_backup(void)
{
	char copy[160];
	struct stat s;

	start();
	snprintf(copy, sizeof(copy), "%s.backup", path);
	struct fog_store *st = open_file();
	CU_ASSERT_EQUAL(fog_store_migrate(st, "test", first, 1, why), 0);
	CU_ASSERT_EQUAL(fog_store_begin(st), 0);
	for (int i = 0; i < 3000; i++)
		pair_add(st, i, -i);
	CU_ASSERT_EQUAL(fog_store_end(st, 0), 0);
	CU_ASSERT_EQUAL(fog_store_check(st, why), 0);
	CU_ASSERT_EQUAL(fog_store_backup(st, copy, why), 0);
	CU_ASSERT_EQUAL(stat(copy, &s), 0);
	CU_ASSERT_EQUAL(s.st_mode & 0777, 0600);
	CU_ASSERT(fog_store_backup(st, "/nonexistent/copy", why) < 0);
	CU_ASSERT_EQUAL(pair_add(st, 9, 9), 0);
	fog_store_close(st);
	CU_ASSERT_EQUAL(fog_store_restore(where, copy, why), 0);
	st = open_file();
	CU_ASSERT_EQUAL(one(st, "SELECT count(*) FROM pair"), 3000);
	CU_ASSERT_EQUAL(one(st, "SELECT sum(a + b) FROM pair"), 0);
	CU_ASSERT_EQUAL(fog_store_migrate(st, "test", first, 1, why), 0);
	CU_ASSERT_EQUAL(pair_add(st, 1, -1), 0);
	fog_store_close(st);
	/* What is no backup changes nothing. */
	int fd = open(copy, O_WRONLY | O_TRUNC);
	CU_ASSERT_EQUAL(write(fd, "no database", 11), 11);
	close(fd);
	CU_ASSERT(fog_store_restore(where, copy, why) < 0);
	st = open_file();
	CU_ASSERT_EQUAL(one(st, "SELECT count(*) FROM pair"), 3001);
	fog_store_close(st);
	unlink(copy);
	stop();
}

/* A refused write leaves the transaction as it was. */
static void test_refused_inside_transaction(void)
{
	start();
	struct fog_store *st = open_file();
	CU_ASSERT_EQUAL(fog_store_migrate(st, "test", first, 1, why), 0);
	CU_ASSERT_EQUAL(fog_store_begin(st), 0);
	for (int i = 0; i < 3; i++) {
		struct fog_stmt *q = fog_stmt(st, "INSERT INTO note(id) VALUES(?)");
		fog_bind_text(q, i == 2 ? "b" : "a");
		CU_ASSERT_EQUAL(fog_stmt_run(q), i == 1 ? -EEXIST : 0);
	}
	CU_ASSERT_EQUAL(fog_store_end(st, 0), 0);
	CU_ASSERT_EQUAL(one(st, "SELECT count(*) FROM note"), 2);
	fog_store_close(st);
	stop();
}

/* One works, the other waits for its turn: SQLite's lock is the state directory's. */
static void test_one_at_a_time(void)
{
	struct fog_store *other;

	start();
	struct fog_store *st = open_file();
	if (!is_file()) {
		CU_ASSERT_EQUAL(fog_store_open(&other, where, why), -EBUSY);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "takes over"));
	}
	fog_store_close(st);
	st = open_file();
	fog_store_close(st);
	CU_ASSERT_EQUAL(fog_store_open(&other, "postgresql:///x?host=/nonexistent", why),
			-ECONNREFUSED);
	CU_ASSERT(why[0] != '\0');
	stop();
}

static void test_reopen(void)
{
	struct fog_store *st;

	start();
	st = open_file();
	CU_ASSERT_EQUAL_FATAL(fog_store_migrate(st, "test", first, 1, why), 0);
	struct fog_stmt *q = fog_stmt(st, "INSERT INTO pair(id, a, b) VALUES(1, 2, 3)");
	CU_ASSERT_EQUAL(fog_stmt_run(q), 0);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(fog_store_reopen(st, why), 0);
	CU_ASSERT_EQUAL(one(st, "SELECT a FROM pair WHERE id = 1"), 2);
	CU_ASSERT_EQUAL(fog_stmt_run(fog_stmt(st, "UPDATE pair SET a = 7")), 0);
	CU_ASSERT_EQUAL(one(st, "SELECT a FROM pair WHERE id = 1"), 7);
	if (is_file()) {
		/* It is gone: no empty one takes its place, and the one we have goes on. */
		char aside[160];
		snprintf(aside, sizeof(aside), "%s-aside", path);
		CU_ASSERT_EQUAL(rename(path, aside), 0);
		CU_ASSERT_NOT_EQUAL(fog_store_reopen(st, why), 0);
		CU_ASSERT_NOT_EQUAL(why[0], '\0');
		CU_ASSERT_EQUAL(one(st, "SELECT a FROM pair WHERE id = 1"), 7);
		CU_ASSERT_EQUAL(rename(aside, path), 0);
		CU_ASSERT_EQUAL(fog_store_reopen(st, why), 0);
		CU_ASSERT_EQUAL(one(st, "SELECT a FROM pair WHERE id = 1"), 7);
	}
	fog_store_close(st);
	CU_ASSERT_EQUAL_FATAL(fog_store_open(&st, NULL, why), 0);
	CU_ASSERT_EQUAL(fog_store_set(st, "x", "y", 1), 0);
	CU_ASSERT_EQUAL(fog_store_reopen(st, why), 0);
	CU_ASSERT_EQUAL(one(st, "SELECT count(*) FROM named_value"), 1);
	fog_store_close(st);
	stop();
}

FOG_TEST_MAIN("controlplane/core/store", FOG_TEST(test_life_cycle), FOG_TEST(test_reopen),
	      FOG_TEST(test_columns_and_values), FOG_TEST(test_errors), FOG_TEST(test_bad_files),
	      FOG_TEST(test_migrations), FOG_TEST(test_kill_during_transactions),
	      FOG_TEST(test_disk_full), FOG_TEST(test_backup),
	      FOG_TEST(test_refused_inside_transaction), FOG_TEST(test_one_at_a_time))
