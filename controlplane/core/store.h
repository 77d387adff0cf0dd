/* SPDX-License-Identifier: BSD-3-Clause */
/* The store: one database that holds everything the control plane promised; what was committed
 * survives a crash of process and machine. SQLite (one file, WAL, synchronous = FULL) by default;
 * PostgreSQL (synchronous_commit = on) where `where` is a URL, for a site with several gateways:
 *they share one store, one of them works and holds its lock, the others take over when it is gone.
 *The SQL is one dialect, SQLite's; store_postgres.c translates the few words that differ.
 *
 * One store, one thread: the loop's. A write costs one fsync (a few ms on a disk), so group writes
 *of one event in one transaction.
 *
 * Use:
 *	int rc = fog_store_begin(st);
 *	if (rc != 0)
 *		return rc;
 *	struct fog_stmt *q = fog_stmt(st, "INSERT INTO job(id, state) VALUES(?, ?)");
 *	fog_bind_text(q, id);
 *	fog_bind_int(q, state);
 *	rc = fog_stmt_run(q);
 *	return fog_store_end(st, rc);
 */
#ifndef FOG_CORE_STORE_H
#define FOG_CORE_STORE_H

#include "crypto/types.h"

#define FOG_STORE_STATEMENTS_MAX 256  /* distinct SQL texts kept prepared; more is our bug */
#define FOG_STORE_BUSY_MS        2000 /* wait for another process's lock, then -EBUSY */
#define FOG_STORE_WHY_SIZE       256

struct fog_store;
struct fog_stmt;

/* Migration n of one component takes its tables from version n - 1 to n. Numbers are 1, 2, 3 ..;
 * a published one never changes. */
struct fog_migration {
	u32 number;
	const char *sql; /* one or more statements */
};

/* "postgresql://..." or "postgres://...": for PostgreSQL; anything else is a file's path. */
bool fog_store_is_url(const char *where);

/* Open or create the database file (mode 0600) and check its integrity, or connect to the server
 * (the schema of the URL's search_path is made if it is not there). NULL = in memory, for tests. On
 * failure `why` says what is wrong and what to do. Returns 0; -EUCLEAN: damaged or no database;
 * -EBUSY: locked by another process; -ECONNREFUSED: no server; else -errno. */
int fog_store_open(struct fog_store **out, const char *where, char why[FOG_STORE_WHY_SIZE]);
const char *fog_store_kind(const struct fog_store *st); /* "sqlite" or "postgresql" */

/* Gives up the connection and what it holds, and takes a new one to the same store, which must be
 * there. No transaction is open, no statement under way. 0; -errno with why: the former one stays
 * (PostgreSQL: the next begin tries again). A store in memory stays as it is. */
int fog_store_reopen(struct fog_store *st, char why[FOG_STORE_WHY_SIZE]);

/* Looks at every page and reference (PostgreSQL: every index the server can check, and reads every
 * row). 0, or -EUCLEAN with why. */
int fog_store_check(struct fog_store *st, char why[FOG_STORE_WHY_SIZE]);
/* Copies the store as of one moment into a file while it is in use; the file is there whole or not
 * at all, mode 0600. SQLite: a database; PostgreSQL: an archive of pg_dump, which must be
 * installed. */
int fog_store_backup(struct fog_store *st, const char *path, char why[FOG_STORE_WHY_SIZE]);
/* Replaces the store by a backup, checked before. No process may have it open (PostgreSQL: its lock
 * is taken for it). */
int fog_store_restore(const char *where, const char *path, char why[FOG_STORE_WHY_SIZE]);

/* Checkpoints and closes. An open transaction is rolled back. NULL is fine. */
void fog_store_close(struct fog_store *st);

/* Bring the tables of `component` up to date, each migration in a transaction of its own. Returns
 * 0, -EPROTO when the file is newer than this program, or the error of the SQL. */
int fog_store_migrate(struct fog_store *st, const char *component, const struct fog_migration *list,
		      u32 count, char why[FOG_STORE_WHY_SIZE]);

/* Transactions do not nest: a second begin is our bug. 0 or -errno. */
int fog_store_begin(struct fog_store *st);
/* COMMIT when rc is 0, else ROLLBACK. Returns rc, or the error of the commit (then rolled back). */
int fog_store_end(struct fog_store *st, int rc);
bool fog_store_in_transaction(const struct fog_store *st);

/* The prepared statement of this SQL text, kept for the life of the store, reset, with nothing
 * bound. Never NULL: an error waits in the statement and fog_stmt_run() or fog_stmt_step() returns
 * it. Wrong SQL is our bug. Do not use one text twice at the same time. */
struct fog_stmt *fog_stmt(struct fog_store *st, const char *sql);

/* Bind the next '?'. The memory may go at once (it is copied). u64 above INT64_MAX: -ERANGE. */
void fog_bind_int(struct fog_stmt *q, i64 v);
void fog_bind_u64(struct fog_stmt *q, u64 v);
void fog_bind_real(struct fog_stmt *q, double v);
void fog_bind_text(struct fog_stmt *q, const char *text); /* NULL binds NULL */
void fog_bind_blob(struct fog_stmt *q, const void *data, size_t len);
void fog_bind_null(struct fog_stmt *q);

/* Run to the end, ignoring rows; resets. 0; -EEXIST: a constraint refused it; -ENOSPC, -EIO .. */
int fog_stmt_run(struct fog_stmt *q);
/* 1: a row is there to read; 0: no more (and reset); else -errno (and reset). A loop left early
 * ends with fog_stmt_reset(). */
int fog_stmt_step(struct fog_stmt *q);
void fog_stmt_reset(struct fog_stmt *q);
/* Rows changed by the last fog_stmt_run() of the store. */
u32 fog_store_changes(const struct fog_store *st);

/* Columns of the current row, from 0. Text and blob stay valid until the next step or reset. NULL
 * reads as 0, "" or length 0. */
i64 fog_column_int(struct fog_stmt *q, int index);
u64 fog_column_u64(struct fog_stmt *q, int index); /* negative reads as 0 */
double fog_column_real(struct fog_stmt *q, int index);
const char *fog_column_text(struct fog_stmt *q, int index);
const void *fog_column_blob(struct fog_stmt *q, int index, size_t *len);
bool fog_column_is_null(struct fog_stmt *q, int index);
/* Copy a blob of exactly `len` bytes. 0, or -EUCLEAN when the length differs. */
int fog_column_copy(struct fog_stmt *q, int index, void *out, size_t len);

/* Named small values that need no table of their own. get: -ENOENT when absent, -ENOSPC when `cap`
 * is too small. */
int fog_store_set(struct fog_store *st, const char *name, const void *value, size_t len);
int fog_store_get(struct fog_store *st, const char *name, void *out, size_t cap, size_t *len);

#endif
