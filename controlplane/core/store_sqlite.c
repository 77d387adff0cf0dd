/* SPDX-License-Identifier: BSD-3-Clause */
/* SQLite: one file, nothing to install or run. WAL, synchronous = FULL. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/core/store_private.h"

#define BACKUP_PAGES 256 /* a step; other writers get their turn between two */

static sqlite3 *db(const struct fog_store *st)
{
	return st->db;
}

static int error_map(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_TOOBIG:
		return -EFBIG;
	case SQLITE_RANGE:
	case SQLITE_MISUSE:
	case SQLITE_MISMATCH:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static int lite_exec(struct fog_store *st, const char *sql)
{
	return error_map(sqlite3_exec(db(st), sql, NULL, NULL, NULL));
}

/* First column of the first row as text; "" when there is none. */
static int query_text(struct fog_store *st, const char *sql, char *out, size_t size)
{
	sqlite3_stmt *q;
	int rc = sqlite3_prepare_v2(db(st), sql, -1, &q, NULL);

	out[0] = '\0';
	if (rc != SQLITE_OK)
		return error_map(rc);
	rc = sqlite3_step(q);
	if (rc == SQLITE_ROW && sqlite3_column_text(q, 0) != NULL)
		snprintf(out, size, "%s", (const char *)sqlite3_column_text(q, 0));
	rc = error_map(rc);
	sqlite3_finalize(q);
	return rc;
}

/* Pragmas before anything is written; then the integrity of every page. */
static int setup(struct fog_store *st, bool in_memory, const char *path,
		 char why[FOG_STORE_WHY_SIZE])
{
	char text[128];

	sqlite3_busy_timeout(db(st), FOG_STORE_BUSY_MS);
	sqlite3_extended_result_codes(db(st), 1);
	int rc = query_text(st, "PRAGMA quick_check(1)", text, sizeof(text));
	if (rc == -EUCLEAN || (rc == 0 && strcmp(text, "ok") != 0)) {
		snprintf(why, FOG_STORE_WHY_SIZE,
			 "%s is damaged (%s): restore it from a backup, or move it away to start "
			 "with an empty store",
			 path, rc == 0 ? text : sqlite3_errmsg(db(st)));
		return -EUCLEAN;
	}
	if (rc == 0)
		rc = query_text(st, "PRAGMA journal_mode = WAL", text, sizeof(text));
	if (rc == 0 && !in_memory && strcmp(text, "wal") != 0) {
		snprintf(why, FOG_STORE_WHY_SIZE, "%s: this file system cannot hold a WAL store",
			 path);
		return -EOPNOTSUPP;
	}
	if (rc == 0)
		rc = lite_exec(st, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
				   "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;");
	if (rc == 0)
		rc = lite_exec(st, FOG_STORE_SCHEMA);
	if (rc != 0)
		snprintf(why, FOG_STORE_WHY_SIZE, "%s: %s", path, sqlite3_errmsg(db(st)));
	return rc;
}

/* SQLite would create it with the umask's mode. */
static int file_create(const char *path, char why[FOG_STORE_WHY_SIZE])
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		int rc = -errno;
		snprintf(why, FOG_STORE_WHY_SIZE, "%s: %s", path, strerror(-rc));
		return rc;
	}
	close(fd);
	return 0;
}

/* The file is there, or name is ":memory:". */
static int handle_open(struct fog_store *st, const char *name, char why[FOG_STORE_WHY_SIZE])
{
	sqlite3 *handle = NULL;
	int rc = sqlite3_open_v2(name, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	st->db = handle;
	if (rc != SQLITE_OK) {
		snprintf(why, FOG_STORE_WHY_SIZE, "%s: %s", name,
			 handle != NULL ? sqlite3_errmsg(handle) : "no memory");
		return error_map(rc);
	}
	return setup(st, strcmp(name, ":memory:") == 0, name, why);
}

static int lite_open(struct fog_store *st, const char *path, char why[FOG_STORE_WHY_SIZE])
{
	int rc = path != NULL ? file_create(path, why) : 0;

	return rc != 0 ? rc : handle_open(st, path != NULL ? path : ":memory:", why);
}

static void lite_close(struct fog_store *st)
{
	if (sqlite3_close(db(st)) != SQLITE_OK)
		fog_log(FOG_LOG_ERROR, "store", "close failed reason=\"%s\"",
			sqlite3_errmsg(db(st)));
}

static int lite_reopen(struct fog_store *st, char why[FOG_STORE_WHY_SIZE])
{
	const char *path = sqlite3_db_filename(db(st), "main");
	sqlite3 *before = db(st);

	if (path == NULL || path[0] == '\0')
		return 0;
	st->db = NULL;
	int rc = handle_open(st, path, why);
	if (rc == 0) {
		sqlite3_close_v2(before);
		return 0;
	}
	lite_close(st);
	st->db = before;
	return rc;
}

static const char *lite_error(const struct fog_store *st)
{
	return sqlite3_errmsg(db(st));
}

static bool lite_in_transaction(const struct fog_store *st)
{
	return sqlite3_get_autocommit(db(st)) == 0;
}

static int lite_prepare(struct fog_stmt *q)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v3(db(q->store), q->sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt,
				    NULL);

	q->handle = stmt;
	if ((rc & 0xff) == SQLITE_ERROR) {
		fprintf(stderr, "fog: bad SQL: %s: %s\n", sqlite3_errmsg(db(q->store)), q->sql);
		FOG_ASSERT(!"SQL does not compile");
	}
	return error_map(rc);
}

static void lite_finalize(struct fog_stmt *q)
{
	sqlite3_finalize(q->handle);
}

static int lite_bind(struct fog_stmt *q, u32 index, const struct fog_value *v)
{
	int i = (int)index;

	switch (v->kind) {
	case FOG_VALUE_INT:
		return error_map(sqlite3_bind_int64(q->handle, i, v->i));
	case FOG_VALUE_REAL:
		return error_map(sqlite3_bind_double(q->handle, i, v->r));
	case FOG_VALUE_TEXT:
		return error_map(sqlite3_bind_text(q->handle, i, v->data, -1, SQLITE_TRANSIENT));
	case FOG_VALUE_BLOB:
		return error_map(sqlite3_bind_blob64(q->handle, i, v->len != 0 ? v->data : "",
						     v->len, SQLITE_TRANSIENT));
	default:
		return error_map(sqlite3_bind_null(q->handle, i));
	}
}

static int lite_step(struct fog_stmt *q)
{
	/* A '?' nobody bound would silently be NULL. */
	FOG_ASSERT((int)q->bound == sqlite3_bind_parameter_count(q->handle));
	int rc = sqlite3_step(q->handle);

	return rc == SQLITE_ROW ? 1 : error_map(rc);
}

static void lite_reset(struct fog_stmt *q)
{
	sqlite3_reset(q->handle);
	sqlite3_clear_bindings(q->handle);
}

static void lite_column(struct fog_stmt *q, int column, struct fog_value *out)
{
	switch (out->kind) {
	case FOG_VALUE_INT:
		out->i = sqlite3_column_int64(q->handle, column);
		break;
	case FOG_VALUE_REAL:
		out->r = sqlite3_column_double(q->handle, column);
		break;
	case FOG_VALUE_TEXT:
		out->data = sqlite3_column_text(q->handle, column);
		break;
	default:
		out->data = sqlite3_column_blob(q->handle, column);
		out->len = (size_t)sqlite3_column_bytes(q->handle, column);
	}
	if (sqlite3_column_type(q->handle, column) == SQLITE_NULL)
		out->kind = FOG_VALUE_NULL;
}

static u32 lite_changes(const struct fog_store *st)
{
	return (u32)sqlite3_changes(db(st));
}

static int lite_check(struct fog_store *st, char why[FOG_STORE_WHY_SIZE])
{
	char text[128];
	int rc = query_text(st, "PRAGMA integrity_check(1)", text, sizeof(text));

	if (rc == 0 && strcmp(text, "ok") == 0) {
		rc = query_text(st, "PRAGMA foreign_key_check", text, sizeof(text));
		if (rc == 0 && text[0] == '\0')
			return 0;
	}
	snprintf(why, FOG_STORE_WHY_SIZE, "damaged: %s", rc != 0 ? lite_error(st) : text);
	return rc != 0 ? rc : -EUCLEAN;
}

/* Page by page while others go on writing; the copy is of one moment. */
static int copy(sqlite3 *to, sqlite3 *from)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc;

	if (b == NULL)
		return error_map(sqlite3_errcode(to));
	do {
		rc = sqlite3_backup_step(b, BACKUP_PAGES);
		if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
			sqlite3_sleep(10);
	} while (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED);
	int end = sqlite3_backup_finish(b);
	return rc != SQLITE_DONE ? error_map(rc) : error_map(end);
}

/* Into a new file beside the target, checked, then renamed: a backup is whole or not there. */
static int copy_file(sqlite3 *from, const char *path, char why[FOG_STORE_WHY_SIZE])
{
	char part[4096];
	struct fog_store copied = {.ops = &fog_store_sqlite};
	sqlite3 *to = NULL;

	if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
		return -ENAMETOOLONG;
	unlink(part);
	int rc = file_create(part, why);
	if (rc != 0)
		return rc;
	rc = error_map(
		sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
	if (rc == 0)
		rc = copy(to, from);
	copied.db = to;
	if (rc == 0)
		rc = lite_exec(&copied, "PRAGMA journal_mode = DELETE");
	if (rc == 0)
		rc = lite_check(&copied, why);
	if (rc != 0 && why[0] == '\0')
		snprintf(why, FOG_STORE_WHY_SIZE, "%.150s: %s", path, sqlite3_errmsg(to));
	sqlite3_close(to);
	if (rc == 0 && rename(part, path) != 0)
		rc = -errno;
	if (rc != 0)
		unlink(part);
	return rc;
}

static int lite_backup(struct fog_store *st, const char *path, char why[FOG_STORE_WHY_SIZE])
{
	return copy_file(db(st), path, why);
}

static int lite_restore(const char *where, const char *path, char why[FOG_STORE_WHY_SIZE])
{
	char side[4096];
	sqlite3 *from = NULL;
	int rc = error_map(
		sqlite3_open_v2(path, &from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL));

	if (rc != 0)
		snprintf(why, FOG_STORE_WHY_SIZE, "%.150s: %s", path, sqlite3_errmsg(from));
	if (rc == 0)
		rc = copy_file(from, where, why);
	sqlite3_close(from);
	/* What the old file had not yet taken in from its log must not go into the new one. */
	for (u32 i = 0; rc == 0 && i < 2; i++) {
		snprintf(side, sizeof(side), "%.4000s-%s", where, i == 0 ? "wal" : "shm");
		if (unlink(side) != 0 && errno != ENOENT)
			rc = -errno;
	}
	return rc;
}

const struct fog_store_ops fog_store_sqlite = {
	.name = "sqlite",
	.open = lite_open,
	.close = lite_close,
	.reopen = lite_reopen,
	.exec = lite_exec,
	.error = lite_error,
	.in_transaction = lite_in_transaction,
	.prepare = lite_prepare,
	.finalize = lite_finalize,
	.bind = lite_bind,
	.step = lite_step,
	.reset = lite_reset,
	.column = lite_column,
	.changes = lite_changes,
	.check = lite_check,
	.backup = lite_backup,
	.restore = lite_restore,
};
