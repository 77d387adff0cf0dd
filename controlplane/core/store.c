/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/store.h"

#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/core/store_private.h"

bool fog_store_is_url(const char *where)
{
	return where != NULL &&
	       (strncmp(where, "postgresql://", 13) == 0 || strncmp(where, "postgres://", 11) == 0);
}

static const struct fog_store_ops *ops_of(const char *where)
{
	return fog_store_is_url(where) ? &fog_store_postgres : &fog_store_sqlite;
}

static int exec(struct fog_store *st, const char *sql)
{
	return st->ops->exec(st, sql);
}

int fog_store_open(struct fog_store **out, const char *where, char why[FOG_STORE_WHY_SIZE])
{
	struct fog_store *st = calloc(1, sizeof(*st));

	why[0] = '\0';
	if (st == NULL)
		return -ENOMEM;
	st->ops = ops_of(where);
	st->broken.store = st;
	int rc = st->ops->open(st, where, why);
	if (rc != 0) {
		st->ops->close(st);
		free(st);
		return rc;
	}
	*out = st;
	return 0;
}

static void statements_drop(struct fog_store *st)
{
	for (u32 i = 0; i < st->count; i++) {
		st->ops->finalize(&st->statements[i]);
		free(st->statements[i].sql);
		memset(&st->statements[i], 0, sizeof(st->statements[i]));
	}
	st->count = 0;
}

int fog_store_reopen(struct fog_store *st, char why[FOG_STORE_WHY_SIZE])
{
	FOG_ASSERT(!fog_store_in_transaction(st));
	why[0] = '\0';
	statements_drop(st);
	return st->ops->reopen(st, why);
}

void fog_store_close(struct fog_store *st)
{
	if (st == NULL)
		return;
	statements_drop(st);
	if (fog_store_in_transaction(st))
		exec(st, "ROLLBACK");
	st->ops->close(st);
	free(st);
}

const char *fog_store_kind(const struct fog_store *st)
{
	return st->ops->name;
}

int fog_store_check(struct fog_store *st, char why[FOG_STORE_WHY_SIZE])
{
	why[0] = '\0';
	return st->ops->check(st, why);
}

int fog_store_backup(struct fog_store *st, const char *path, char why[FOG_STORE_WHY_SIZE])
{
	why[0] = '\0';
	return st->ops->backup(st, path, why);
}

int fog_store_restore(const char *where, const char *path, char why[FOG_STORE_WHY_SIZE])
{
	why[0] = '\0';
	return ops_of(where)->restore(where, path, why);
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
			 st->ops->error(st));
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
			 st->ops->error(st));
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
		fog_log(FOG_LOG_ERROR, "store", "commit failed reason=\"%s\"", st->ops->error(st));
	}
	/* Some errors (disk full, I/O) end the transaction by themselves. */
	if (fog_store_in_transaction(st))
		exec(st, "ROLLBACK");
	return rc;
}

bool fog_store_in_transaction(const struct fog_store *st)
{
	return st->ops->in_transaction(st);
}

static struct fog_stmt *prepare(struct fog_store *st, const char *sql)
{
	struct fog_stmt *q = &st->statements[st->count];
	int rc = -ENOMEM;

	q->store = st;
	q->sql = strdup(sql);
	if (q->sql != NULL)
		rc = st->ops->prepare(q);
	if (rc == 0) {
		st->count++;
		return q;
	}
	free(q->sql);
	memset(q, 0, sizeof(*q));
	st->broken.error = rc;
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

static void bind(struct fog_stmt *q, const struct fog_value *v)
{
	if (q->handle == NULL)
		return;
	int rc = q->store->ops->bind(q, ++q->bound, v);
	if (rc != 0 && q->error == 0)
		q->error = rc;
}

void fog_bind_int(struct fog_stmt *q, i64 v)
{
	bind(q, &(struct fog_value){.kind = FOG_VALUE_INT, .i = v});
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
	bind(q, &(struct fog_value){.kind = FOG_VALUE_REAL, .r = v});
}

void fog_bind_text(struct fog_stmt *q, const char *text)
{
	bind(q, &(struct fog_value){.kind = text != NULL ? FOG_VALUE_TEXT : FOG_VALUE_NULL,
				    .data = text,
				    .len = text != NULL ? strlen(text) : 0});
}

void fog_bind_blob(struct fog_stmt *q, const void *data, size_t len)
{
	bind(q, &(struct fog_value){.kind = FOG_VALUE_BLOB, .data = data, .len = len});
}

void fog_bind_null(struct fog_stmt *q)
{
	bind(q, &(struct fog_value){.kind = FOG_VALUE_NULL});
}

int fog_stmt_step(struct fog_stmt *q)
{
	int rc = q->error;

	if (rc == 0)
		rc = q->store->ops->step(q);
	if (rc == 1)
		return 1;
	if (rc != 0 && q->error == 0)
		fog_log(rc == -EEXIST ? FOG_LOG_DEBUG : FOG_LOG_ERROR, "store",
			"statement failed reason=\"%s\"", q->store->ops->error(q->store));
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
	if (q->handle != NULL)
		q->store->ops->reset(q);
}

u32 fog_store_changes(const struct fog_store *st)
{
	return st->ops->changes(st);
}

static struct fog_value column(struct fog_stmt *q, int index, enum fog_value_kind kind)
{
	struct fog_value v = {.kind = kind};

	q->store->ops->column(q, index, &v);
	return v;
}

i64 fog_column_int(struct fog_stmt *q, int index)
{
	return column(q, index, FOG_VALUE_INT).i;
}

u64 fog_column_u64(struct fog_stmt *q, int index)
{
	i64 v = fog_column_int(q, index);

	return v < 0 ? 0 : (u64)v;
}

double fog_column_real(struct fog_stmt *q, int index)
{
	return column(q, index, FOG_VALUE_REAL).r;
}

const char *fog_column_text(struct fog_stmt *q, int index)
{
	const char *text = column(q, index, FOG_VALUE_TEXT).data;

	return text != NULL ? text : "";
}

const void *fog_column_blob(struct fog_stmt *q, int index, size_t *len)
{
	struct fog_value v = column(q, index, FOG_VALUE_BLOB);

	*len = v.len;
	return v.data != NULL ? v.data : "";
}

bool fog_column_is_null(struct fog_stmt *q, int index)
{
	return column(q, index, FOG_VALUE_INT).kind == FOG_VALUE_NULL;
}

int fog_column_copy(struct fog_stmt *q, int index, void *out, size_t len)
{
	size_t have;
	const void *p = fog_column_blob(q, index, &have);

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
