/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/idempotency.h"

#include <errno.h>

static const struct fog_migration migrations[] = {
	{1, "CREATE TABLE idempotency("
	    "owner TEXT NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL, run INTEGER NOT NULL, "
	    "at_s INTEGER NOT NULL, status INTEGER NOT NULL, type TEXT, location TEXT, body BLOB, "
	    "PRIMARY KEY(owner, name));"
	    "CREATE INDEX idempotency_at ON idempotency(at_s);"},
};

int fog_idempotency_migrate(struct fog_store *st, char why[FOG_STORE_WHY_SIZE])
{
	return fog_store_migrate(st, "idempotency", migrations, FOG_ARRAY_COUNT(migrations), why);
}

static int room_make(struct fog_store *st, u64 now_s)
{
	struct fog_stmt *q = fog_stmt(st, "DELETE FROM idempotency WHERE at_s <= ?");

	fog_bind_u64(q, now_s > FOG_IDEMPOTENCY_LIFE_S ? now_s - FOG_IDEMPOTENCY_LIFE_S : 0);
	int rc = fog_stmt_run(q);
	if (rc != 0)
		return rc;
	q = fog_stmt(st, "DELETE FROM idempotency WHERE at_s <= (SELECT at_s FROM idempotency "
			 "ORDER BY at_s DESC LIMIT 1 OFFSET ?)");
	fog_bind_int(q, FOG_IDEMPOTENCY_KEYS_MAX - 1);
	return fog_stmt_run(q);
}

static int insert(struct fog_store *st, const char *owner, const char *key, const u8 digest[32],
		  u64 run, u64 now_s)
{
	struct fog_stmt *q =
		fog_stmt(st, "INSERT INTO idempotency(owner, name, digest, run, at_s, status) "
			     "VALUES(?, ?, ?, ?, ?, 0)");

	fog_bind_text(q, owner);
	fog_bind_text(q, key);
	fog_bind_blob(q, digest, 32);
	fog_bind_u64(q, run);
	fog_bind_u64(q, now_s);
	return fog_stmt_run(q);
}

static int answer_read(struct fog_stmt *q, struct fog_idempotency_answer *out)
{
	const void *body = fog_column_blob(q, 5, &out->len);

	out->status = (unsigned)fog_column_int(q, 2);
	snprintf(out->type, sizeof(out->type), "%s", fog_column_text(q, 3));
	snprintf(out->location, sizeof(out->location), "%s", fog_column_text(q, 4));
	out->body = malloc(out->len + 1);
	if (out->body == NULL)
		return -ENOMEM;
	if (out->len != 0)
		memcpy(out->body, body, out->len);
	return FOG_IDEMPOTENCY_AGAIN;
}

/* -ENOENT: there is no such key. */
static int find(struct fog_store *st, const char *owner, const char *key, const u8 digest[32],
		u64 run, u64 now_s, struct fog_idempotency_answer *out)
{
	struct fog_stmt *q = fog_stmt(st, "SELECT digest, run, status, type, location, body FROM "
					  "idempotency WHERE owner = ? AND name = ? AND at_s > ?");
	u8 was[32];

	fog_bind_text(q, owner);
	fog_bind_text(q, key);
	fog_bind_u64(q, now_s > FOG_IDEMPOTENCY_LIFE_S ? now_s - FOG_IDEMPOTENCY_LIFE_S : 0);
	int rc = fog_stmt_step(q);
	if (rc == 0)
		return -ENOENT;
	if (rc < 0)
		return rc;
	rc = fog_column_copy(q, 0, was, 32);
	if (rc == 0 && memcmp(was, digest, 32) != 0)
		rc = FOG_IDEMPOTENCY_OTHER;
	else if (rc == 0 && fog_column_int(q, 2) != 0)
		rc = answer_read(q, out);
	else if (rc == 0)
		rc = fog_column_u64(q, 1) == run ? FOG_IDEMPOTENCY_UNDERWAY : FOG_IDEMPOTENCY_LOST;
	fog_stmt_reset(q);
	return rc;
}

int fog_idempotency_begin(struct fog_store *st, const char *owner, const char *key,
			  const u8 digest[32], u64 run, u64 now_s,
			  struct fog_idempotency_answer *out)
{
	memset(out, 0, sizeof(*out));
	int rc = find(st, owner, key, digest, run, now_s, out);
	if (rc != -ENOENT)
		return rc;
	rc = fog_store_begin(st);
	if (rc != 0)
		return rc;
	rc = room_make(st, now_s);
	if (rc == 0)
		rc = insert(st, owner, key, digest, run, now_s);
	return fog_store_end(st, rc);
}

int fog_idempotency_end(struct fog_store *st, const char *owner, const char *key,
			const struct fog_idempotency_answer *a, bool keep)
{
	struct fog_stmt *q;

	if (keep) {
		q = fog_stmt(st, "UPDATE idempotency SET status = ?, type = ?, location = ?, "
				 "body = ? WHERE owner = ? AND name = ?");
		fog_bind_int(q, a->status);
		fog_bind_text(q, a->type);
		fog_bind_text(q, a->location);
		fog_bind_blob(q, a->body, a->len <= FOG_IDEMPOTENCY_ANSWER_MAX ? a->len : 0);
	} else {
		q = fog_stmt(st, "DELETE FROM idempotency WHERE owner = ? AND name = ?");
	}
	fog_bind_text(q, owner);
	fog_bind_text(q, key);
	return fog_stmt_run(q);
}
