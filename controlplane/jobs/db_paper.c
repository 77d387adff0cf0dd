/* SPDX-License-Identifier: BSD-3-Clause */
/* SQL of receipts and settlements, of both roles. Errors stick in j->rc. */
#include <errno.h>

#include "controlplane/jobs/state.h"

#define SEQUENCE_NAME "receipt_sequence"

static void bind_key(struct fog_stmt *q, const struct fog_attempt_key *key)
{
	fog_bind_blob(q, key->submitter, sizeof(key->submitter));
	fog_bind_text(q, key->job);
	fog_bind_u64(q, key->attempt);
}

/* A second put is the same paper again: a job run here has both roles in one table. */
static void paper_put(struct fog_jobs *j, const char *sql, const struct fog_attempt_key *key,
		      const char *text, const u8 *signature, i64 amount)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(j->store, sql);
	bind_key(q, key);
	fog_bind_blob(q, key->worker, sizeof(key->worker));
	fog_bind_text(q, text);
	fog_bind_blob(q, signature, FOG_JOB_SIGNATURE_SIZE);
	fog_bind_int(q, amount);
	fog_bind_u64(q, j->now_ms);
	fog_jobs_fail(j, fog_stmt_run(q));
}

static bool paper_get(struct fog_jobs *j, const char *sql, const struct fog_attempt_key *key,
		      char **text, u8 signature[FOG_JOB_SIGNATURE_SIZE])
{
	struct fog_stmt *q = fog_stmt(j->store, sql);

	*text = NULL;
	bind_key(q, key);
	int rc = fog_stmt_step(q);
	if (rc <= 0) {
		fog_jobs_fail(j, rc);
		return false;
	}
	rc = fog_column_copy(q, 1, signature, FOG_JOB_SIGNATURE_SIZE);
	if (rc == 0)
		*text = strdup(fog_column_text(q, 0));
	fog_stmt_reset(q);
	fog_jobs_fail(j, rc != 0 ? rc : *text == NULL ? -ENOMEM : 0);
	return *text != NULL;
}

void fog_db_receipt_put(struct fog_jobs *j, const struct fog_attempt_key *key, const char *text,
			const u8 *signature, i64 amount)
{
	paper_put(j,
		  "INSERT INTO receipt(submitter, job, attempt, worker, text, signature, amount,"
		  " created_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		  key, text, signature, amount);
}

bool fog_db_receipt_get(struct fog_jobs *j, const struct fog_attempt_key *key, char **text,
			u8 signature[FOG_JOB_SIGNATURE_SIZE])
{
	return paper_get(j,
			 "SELECT text, signature FROM receipt WHERE submitter = ? AND job = ?"
			 " AND attempt = ?",
			 key, text, signature);
}

void fog_db_settlement_put(struct fog_jobs *j, const struct fog_attempt_key *key, const char *text,
			   const u8 *signature, i64 amount)
{
	paper_put(j,
		  "INSERT INTO settlement(submitter, job, attempt, worker, text, signature, amount,"
		  " created_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		  key, text, signature, amount);
}

bool fog_db_settlement_get(struct fog_jobs *j, const struct fog_attempt_key *key, char **text,
			   u8 signature[FOG_JOB_SIGNATURE_SIZE])
{
	return paper_get(j,
			 "SELECT text, signature FROM settlement WHERE submitter = ? AND job = ?"
			 " AND attempt = ?",
			 key, text, signature);
}

u64 fog_db_sequence_next(struct fog_jobs *j)
{
	u64 sequence = 0;
	size_t len = 0;
	int rc = fog_store_get(j->store, SEQUENCE_NAME, &sequence, sizeof(sequence), &len);

	if (rc != 0 && rc != -ENOENT)
		fog_jobs_fail(j, rc);
	sequence++;
	if (j->rc == 0)
		fog_jobs_fail(j,
			      fog_store_set(j->store, SEQUENCE_NAME, &sequence, sizeof(sequence)));
	return sequence;
}
