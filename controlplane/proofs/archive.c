/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/proofs/archive.h"

#include <errno.h>

_Static_assert(FOG_PROOF_RETENTION_S > FOG_PROOF_AGE_MAX_S + FOG_PROOF_AHEAD_MAX_S,
	       "a proof is remembered for longer than it is fresh");

static const struct fog_migration migrations[] = {
	{1, "CREATE TABLE proof(issuer BLOB NOT NULL, id BLOB NOT NULL, kind INTEGER NOT NULL,"
	    " taken_s INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(issuer, id));"
	    "CREATE INDEX proof_id ON proof(id);"
	    "CREATE INDEX proof_taken ON proof(taken_s);"},
};

int fog_proof_archive_open(struct fog_store *st, char why[FOG_STORE_WHY_SIZE])
{
	return fog_store_migrate(st, "proofs", migrations, FOG_ARRAY_COUNT(migrations), why);
}

i64 fog_proof_archive_count(struct fog_store *st)
{
	struct fog_stmt *q = fog_stmt(st, "SELECT count(*) FROM proof");
	int rc = fog_stmt_step(q);

	if (rc != 1)
		return rc != 0 ? rc : -EIO;
	i64 n = fog_column_int(q, 0);
	fog_stmt_reset(q);
	return n;
}

int fog_proof_archive_put(struct fog_store *st, const struct fog_proof *p, u64 now_s)
{
	u8 body[FOG_PROOF_ENCODED_MAX];
	int len = fog_proof_encode(p, body, sizeof(body));
	i64 count = fog_proof_archive_count(st);

	if (len < 0 || count < 0)
		return len < 0 ? len : (int)count;
	if (count >= FOG_PROOF_ARCHIVE_MAX)
		return -ENOSPC;
	struct fog_stmt *q = fog_stmt(st, "INSERT INTO proof(issuer, id, kind, taken_s, body)"
					  " VALUES(?, ?, ?, ?, ?)");
	fog_bind_blob(q, p->issuer, sizeof(p->issuer));
	fog_bind_blob(q, p->id, sizeof(p->id));
	fog_bind_int(q, p->kind);
	fog_bind_u64(q, now_s);
	fog_bind_blob(q, body, (size_t)len);
	int rc = fog_stmt_run(q);
	return rc == -EEXIST ? -EALREADY : rc;
}

int fog_proof_archive_get(struct fog_store *st, const u8 id[FOG_PROOF_ID_SIZE],
			  struct fog_proof *out)
{
	struct fog_stmt *q =
		fog_stmt(st, "SELECT body FROM proof WHERE id = ? ORDER BY taken_s DESC LIMIT 1");
	char why[FOG_PROOF_WHY];
	size_t len;

	fog_bind_blob(q, id, FOG_PROOF_ID_SIZE);
	int rc = fog_stmt_step(q);
	if (rc != 1)
		return rc == 0 ? -ENOENT : rc;
	const void *body = fog_column_blob(q, 0, &len);
	rc = fog_proof_decode(out, body, len, why);
	fog_stmt_reset(q);
	return rc != 0 ? -EUCLEAN : 0;
}

int fog_proof_archive_prune(struct fog_store *st, u64 now_s)
{
	struct fog_stmt *q = fog_stmt(st, "DELETE FROM proof WHERE taken_s < ?");

	fog_bind_u64(q, now_s < FOG_PROOF_RETENTION_S ? 0 : now_s - FOG_PROOF_RETENTION_S);
	return fog_stmt_run(q);
}
