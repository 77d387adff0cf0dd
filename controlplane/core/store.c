/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/core/log.h"

struct fog_stmt {
	struct fog_store *store;
	sqlite3_stmt *stmt; /* NULL when preparing failed; error says why */
	char *sql;
	int bound; /* parameters bound so far */
	int error; /* first error since the statement was taken */
};

struct fog_store {
	sqlite3 *db;
	u32 count;
	struct fog_stmt broken; /* handed out when a statement cannot be prepared */
	struct fog_stmt statements[FOG_STORE_STATEMENTS_MAX];
};

static const char schema[] = "CREATE TABLE IF NOT EXISTS schema_version("
			     " component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT;"
			     "CREATE TABLE IF NOT EXISTS named_value("
			     " name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;";

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

static int exec(struct fog_store *st, const char *sql)
{
	return error_map(sqlite3_exec(st->db, sql, NULL, NULL, NULL));
}

/* First column of the first row as text; "" when there is none. */
static int query_text(struct fog_store *st, const char *sql, char *out, size_t size)
{
	sqlite3_stmt *q;
	int rc = sqlite3_prepare_v2(st->db, sql, -1, &q, NULL);

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

	sqlite3_busy_timeout(st->db, FOG_STORE_BUSY_MS);
	sqlite3_extended_result_codes(st->db, 1);
	int rc = query_text(st, "PRAGMA quick_check(1)", text, sizeof(text));
	if (rc == -EUCLEAN || (rc == 0 && strcmp(text, "ok") != 0)) {
		snprintf(why, FOG_STORE_WHY_SIZE,
			 "%s is damaged (%s): restore it from a backup, or move it away to start "
			 "with an empty store",
			 path, rc == 0 ? text : sqlite3_errmsg(st->db));
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
		rc = exec(st, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
			      "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;");
	if (rc == 0)
		rc = exec(st, schema);
	if (rc != 0)
		snprintf(why, FOG_STORE_WHY_SIZE, "%s: %s", path, sqlite3_errmsg(st->db));
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

int fog_store_open(struct fog_store **out, const char *path, char why[FOG_STORE_WHY_SIZE])
{
	int rc;

	why[0] = '\0';
	if (path != NULL && (rc = file_create(path, why)) != 0)
		return rc;
	struct fog_store *st = calloc(1, sizeof(*st));
	if (st == NULL)
		return -ENOMEM;
	st->broken.store = st;
	const char *name = path != NULL ? path : ":memory:";
	rc = sqlite3_open_v2(name, &st->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK) {
		snprintf(why, FOG_STORE_WHY_SIZE, "%s: %s", name,
			 st->db != NULL ? sqlite3_errmsg(st->db) : "no memory");
		rc = error_map(rc);
		goto err_close;
	}
	rc = setup(st, path == NULL, name, why);
	if (rc != 0)
		goto err_close;
	*out = st;
	return 0;

err_close:
	sqlite3_close(st->db);
	free(st);
	return rc;
}

void fog_store_close(struct fog_store *st)
{
	if (st == NULL)
		return;
	for (u32 i = 0; i < st->count; i++) {
		sqlite3_finalize(st->statements[i].stmt);
		free(st->statements[i].sql);
	}
	if (fog_store_in_transaction(st))
		exec(st, "ROLLBACK");
	if (sqlite3_close(st->db) != SQLITE_OK)
		fog_log(FOG_LOG_ERROR, "store", "close failed reason=\"%s\"",
			sqlite3_errmsg(st->db));
	free(st);
}

static int version_get(struct fog_store *st, const char *component, u32 *version)
{
	struct fog_stmt *q = fog_stmt(st, "SELECT version FROM schema_version WHERE component = ?");

	*version = 0;
	fog_bind_text(q, component);
	int rc = fog_stmt_step(q);
	if (rc == 1) {
		*version = (u32)fog_column_u64(q, 0);
		fog_stmt_reset(q);
		return 0;
	}
	return rc;
}

static int migration_apply(struct fog_store *st, const char *component,
			   const struct fog_migration *m, char why[FOG_STORE_WHY_SIZE])
{
	int rc = fog_store_begin(st);

	if (rc != 0)
		return rc;
	rc = exec(st, m->sql);
	if (rc != 0) {
		snprintf(why, FOG_STORE_WHY_SIZE, "migration %s %u: %s", component, m->number,
			 sqlite3_errmsg(st->db));
		return fog_store_end(st, rc);
	}
	struct fog_stmt *q = fog_stmt(st, "INSERT INTO schema_version(component, version)"
					  " VALUES(?, ?) ON CONFLICT(component)"
					  " DO UPDATE SET version = excluded.version");
	fog_bind_text(q, component);
	fog_bind_u64(q, m->number);
	return fog_store_end(st, fog_stmt_run(q));
}

int fog_store_migrate(struct fog_store *st, const char *component, const struct fog_migration *list,
		      u32 count, char why[FOG_STORE_WHY_SIZE])
{
	u32 version;
	int rc = version_get(st, component, &version);

	why[0] = '\0';
	if (rc == 0 && version > count) {
		snprintf(why, FOG_STORE_WHY_SIZE,
			 "the store's %s tables have version %u, this program knows %u: it was "
			 "written by a newer one",
			 component, version, count);
		return -EPROTO;
	}
	for (u32 i = version; rc == 0 && i < count; i++) {
		FOG_ASSERT(list[i].number == i + 1);
		rc = migration_apply(st, component, &list[i], why);
	}
	if (rc != 0 && why[0] == '\0')
		snprintf(why, FOG_STORE_WHY_SIZE, "migration of %s: %s", component,
			 sqlite3_errmsg(st->db));
	return rc;
}

int fog_store_begin(struct fog_store *st)
{
	FOG_ASSERT(!fog_store_in_transaction(st));
	return exec(st, "BEGIN IMMEDIATE");
}

int fog_store_end(struct fog_store *st, int rc)
{
	if (rc == 0) {
		FOG_ASSERT(fog_store_in_transaction(st));
		rc = exec(st, "COMMIT");
		if (rc == 0)
			return 0;
		fog_log(FOG_LOG_ERROR, "store", "commit failed reason=\"%s\"",
			sqlite3_errmsg(st->db));
	}
	/* Some errors (disk full, I/O) end the transaction by themselves. */
	if (fog_store_in_transaction(st))
		exec(st, "ROLLBACK");
	return rc;
}

bool fog_store_in_transaction(const struct fog_store *st)
{
	return sqlite3_get_autocommit(st->db) == 0;
}

static struct fog_stmt *prepare(struct fog_store *st, const char *sql)
{
	struct fog_stmt *q = &st->statements[st->count];
	int rc = sqlite3_prepare_v3(st->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL);

	if (rc == SQLITE_OK) {
		q->sql = strdup(sql);
		if (q->sql != NULL) {
			q->store = st;
			st->count++;
			return q;
		}
		sqlite3_finalize(q->stmt);
		rc = SQLITE_NOMEM;
	}
	q->stmt = NULL;
	if ((rc & 0xff) == SQLITE_ERROR) {
		fprintf(stderr, "fog: bad SQL: %s: %s\n", sqlite3_errmsg(st->db), sql);
		FOG_ASSERT(!"SQL does not compile");
	}
	st->broken.error = error_map(rc);
	return &st->broken;
}

struct fog_stmt *fog_stmt(struct fog_store *st, const char *sql)
{
	for (u32 i = 0; i < st->count; i++) {
		struct fog_stmt *q = &st->statements[i];
		if (q->sql != sql && strcmp(q->sql, sql) != 0)
			continue;
		fog_stmt_reset(q);
		return q;
	}
	FOG_ASSERT(st->count < FOG_STORE_STATEMENTS_MAX);
	return prepare(st, sql);
}

static void bound(struct fog_stmt *q, int rc)
{
	if (rc != SQLITE_OK && q->error == 0)
		q->error = error_map(rc);
}

void fog_bind_int(struct fog_stmt *q, i64 v)
{
	if (q->stmt != NULL)
		bound(q, sqlite3_bind_int64(q->stmt, ++q->bound, v));
}

void fog_bind_u64(struct fog_stmt *q, u64 v)
{
	if (v > INT64_MAX) {
		q->error = -ERANGE;
		v = 0;
	}
	fog_bind_int(q, (i64)v);
}

void fog_bind_real(struct fog_stmt *q, double v)
{
	if (q->stmt != NULL)
		bound(q, sqlite3_bind_double(q->stmt, ++q->bound, v));
}

void fog_bind_text(struct fog_stmt *q, const char *text)
{
	if (q->stmt != NULL)
		bound(q, sqlite3_bind_text(q->stmt, ++q->bound, text, -1, SQLITE_TRANSIENT));
}

void fog_bind_blob(struct fog_stmt *q, const void *data, size_t len)
{
	if (q->stmt != NULL)
		bound(q, sqlite3_bind_blob64(q->stmt, ++q->bound, len != 0 ? data : "", len,
					     SQLITE_TRANSIENT));
}

void fog_bind_null(struct fog_stmt *q)
{
	if (q->stmt != NULL)
		bound(q, sqlite3_bind_null(q->stmt, ++q->bound));
}

int fog_stmt_step(struct fog_stmt *q)
{
	int rc = q->error;

	if (rc != 0) {
		fog_stmt_reset(q);
		return rc;
	}
	/* A '?' nobody bound would silently be NULL. */
	FOG_ASSERT(q->bound == sqlite3_bind_parameter_count(q->stmt));
	int s = sqlite3_step(q->stmt);
	if (s == SQLITE_ROW)
		return 1;
	if (s != SQLITE_DONE) {
		rc = error_map(s);
		fog_log(rc == -EEXIST ? FOG_LOG_DEBUG : FOG_LOG_ERROR, "store",
			"statement failed reason=\"%s\"", sqlite3_errmsg(q->store->db));
	}
	fog_stmt_reset(q);
	return rc;
}

int fog_stmt_run(struct fog_stmt *q)
{
	int rc;

	do {
		rc = fog_stmt_step(q);
	} while (rc == 1);
	return rc;
}

void fog_stmt_reset(struct fog_stmt *q)
{
	q->bound = 0;
	q->error = 0;
	if (q->stmt == NULL)
		return;
	sqlite3_reset(q->stmt);
	sqlite3_clear_bindings(q->stmt);
}

u32 fog_store_changes(const struct fog_store *st)
{
	return (u32)sqlite3_changes(st->db);
}

i64 fog_store_last_id(const struct fog_store *st)
{
	return sqlite3_last_insert_rowid(st->db);
}

i64 fog_column_int(struct fog_stmt *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

u64 fog_column_u64(struct fog_stmt *q, int column)
{
	i64 v = fog_column_int(q, column);

	return v < 0 ? 0 : (u64)v;
}

double fog_column_real(struct fog_stmt *q, int column)
{
	return sqlite3_column_double(q->stmt, column);
}

const char *fog_column_text(struct fog_stmt *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q->stmt, column);

	return text != NULL ? text : "";
}

const void *fog_column_blob(struct fog_stmt *q, int column, size_t *len)
{
	const void *p = sqlite3_column_blob(q->stmt, column);

	*len = (size_t)sqlite3_column_bytes(q->stmt, column);
	return p != NULL ? p : "";
}

bool fog_column_is_null(struct fog_stmt *q, int column)
{
	return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

int fog_column_copy(struct fog_stmt *q, int column, void *out, size_t len)
{
	size_t have;
	const void *p = fog_column_blob(q, column, &have);

	if (have != len)
		return -EUCLEAN;
	memcpy(out, p, len);
	return 0;
}

int fog_store_set(struct fog_store *st, const char *name, const void *value, size_t len)
{
	struct fog_stmt *q = fog_stmt(st, "INSERT INTO named_value(name, value) VALUES(?, ?)"
					  " ON CONFLICT(name) DO UPDATE SET value ="
					  " excluded.value");

	fog_bind_text(q, name);
	fog_bind_blob(q, value, len);
	return fog_stmt_run(q);
}

int fog_store_get(struct fog_store *st, const char *name, void *out, size_t cap, size_t *len)
{
	struct fog_stmt *q = fog_stmt(st, "SELECT value FROM named_value WHERE name = ?");

	fog_bind_text(q, name);
	int rc = fog_stmt_step(q);
	if (rc <= 0)
		return rc == 0 ? -ENOENT : rc;
	size_t have;
	const void *p = fog_column_blob(q, 0, &have);
	if (have > cap) {
		rc = -ENOSPC;
	} else {
		memcpy(out, p, have);
		*len = have;
		rc = 0;
	}
	fog_stmt_reset(q);
	return rc;
}
