/* SPDX-License-Identifier: BSD-3-Clause */
/* Between store.c (statements kept, migrations, named values) and its back ends: SQLite,
 * PostgreSQL. <sqlite3.h> and <libpq-fe.h> stay in those. Private to core/. */
#ifndef FOG_CORE_STORE_PRIVATE_H
#define FOG_CORE_STORE_PRIVATE_H

#include "controlplane/core/store.h"

enum fog_value_kind {
	FOG_VALUE_NULL = 0,
	FOG_VALUE_INT,
	FOG_VALUE_REAL,
	FOG_VALUE_TEXT,
	FOG_VALUE_BLOB,
};

struct fog_value {
	enum fog_value_kind kind;
	i64 i;
	double r;
	const void *data; /* TEXT: zero-terminated */
	size_t len;
};

struct fog_stmt {
	struct fog_store *store;
	void *handle; /* of the back end; NULL when preparing failed; error says why */
	char *sql;
	u32 bound; /* parameters bound so far */
	int error; /* first error since the statement was taken */
};

/* One back end. All return 0 or -errno where int. */
struct fog_store_ops {
	const char *name;
	/* Connects, checks, makes the tables of store.c. Sets st->db. */
	int (*open)(struct fog_store *st, const char *where, char why[FOG_STORE_WHY_SIZE]);
	void (*close)(struct fog_store *st);
	/* No statement is left. */
	int (*reopen)(struct fog_store *st, char why[FOG_STORE_WHY_SIZE]);
	int (*exec)(struct fog_store *st, const char *sql); /* statements without parameters */
	const char *(*error)(const struct fog_store *st);   /* of the last failure */
	bool (*in_transaction)(const struct fog_store *st);
	int (*prepare)(struct fog_stmt *q);
	void (*finalize)(struct fog_stmt *q);
	int (*bind)(struct fog_stmt *q, u32 index, const struct fog_value *v); /* from 1; copies */
	/* 1: a row, 0: no more, else -errno. Reset by the caller after 0 and errors. */
	int (*step)(struct fog_stmt *q);
	void (*reset)(struct fog_stmt *q);
	/* Reads as out->kind asks; NULL reads as 0 or nothing, and sets kind to NULL. */
	void (*column)(struct fog_stmt *q, int column, struct fog_value *out);
	u32 (*changes)(const struct fog_store *st);
	int (*check)(struct fog_store *st, char why[FOG_STORE_WHY_SIZE]);
	int (*backup)(struct fog_store *st, const char *path, char why[FOG_STORE_WHY_SIZE]);
	int (*restore)(const char *where, const char *path, char why[FOG_STORE_WHY_SIZE]);
};

struct fog_store {
	const struct fog_store_ops *ops;
	void *db;
	u32 count;
	struct fog_stmt broken; /* handed out when a statement cannot be prepared */
	struct fog_stmt statements[FOG_STORE_STATEMENTS_MAX];
};

extern const struct fog_store_ops fog_store_sqlite;
extern const struct fog_store_ops fog_store_postgres;

/* Tables every store has. */
#define FOG_STORE_SCHEMA                                                 \
	"CREATE TABLE IF NOT EXISTS schema_version("                     \
	" component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT;" \
	"CREATE TABLE IF NOT EXISTS named_value("                        \
	" name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"

#endif
