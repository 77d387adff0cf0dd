/* SPDX-License-Identifier: BSD-3-Clause */
/* SQL of what attempts left behind: files and their bytes. Errors stick in j->rc. */
#include <errno.h>

#include "controlplane/jobs/state.h"

#define FILE_COLUMNS "attempt, kind, number, sha256, size"

/* Of a row that begins with FILE_COLUMNS. */
static void file_read(struct fog_jobs *j, struct fog_stmt *q, struct fog_bring_file *out)
{
	*out = (struct fog_bring_file){
		.attempt = (u32)fog_column_u64(q, 0),
		.kind = (enum fog_bring_kind)fog_column_int(q, 1),
		.number = (u32)fog_column_u64(q, 2),
		.size = fog_column_u64(q, 4),
	};
	fog_jobs_fail(j, fog_column_copy(q, 3, out->sha256, sizeof(out->sha256)));
}

static bool file_one(struct fog_jobs *j, struct fog_stmt *q, struct fog_bring_file *out)
{
	if (!fog_db_row(j, q))
		return false;
	file_read(j, q, out);
	fog_stmt_reset(q);
	return j->rc == 0;
}

/* job, attempt and name of a file: the first three parameters. */
static void key_bind(struct fog_stmt *q, const char *job, const struct fog_bring_file *f)
{
	char name[FOG_JOB_FILE_NAME_SIZE];

	fog_bring_name(f, name);
	fog_bind_text(q, job);
	fog_bind_u64(q, f->attempt);
	fog_bind_text(q, name);
}

void fog_db_file_add(struct fog_jobs *j, const char *job, const struct fog_bring_file *f,
		     const char *path, bool executable)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(
		j->store, "INSERT INTO job_file(job, attempt, name, kind, number, path, executable,"
			  " sha256, size, done, created_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
			  " ON CONFLICT DO NOTHING");
	key_bind(q, job, f);
	fog_bind_int(q, f->kind);
	fog_bind_u64(q, f->number);
	fog_bind_text(q, path);
	fog_bind_int(q, executable);
	fog_bind_blob(q, f->sha256, sizeof(f->sha256));
	fog_bind_u64(q, f->size);
	fog_bind_int(q, f->size == 0);
	fog_bind_u64(q, j->now_ms);
	fog_db_run(j, q);
}

bool fog_db_file_next(struct fog_jobs *j, const struct fog_attempt *a, struct fog_bring_file *out,
		      u64 *have)
{
	struct fog_stmt *q = fog_stmt(
		j->store,
		"SELECT " FILE_COLUMNS ", (SELECT max(p.offset + length(p.data))"
		" FROM job_file_part p WHERE p.job = f.job AND p.attempt = f.attempt"
		" AND p.name = f.name) FROM job_file f WHERE job = ? AND attempt = ? AND done = 0"
		" ORDER BY kind, number LIMIT 1");

	fog_bind_text(q, a->key.job);
	fog_bind_u64(q, a->key.attempt);
	if (!fog_db_row(j, q))
		return false;
	file_read(j, q, out);
	*have = fog_column_u64(q, 5);
	fog_stmt_reset(q);
	return j->rc == 0;
}

void fog_db_file_append(struct fog_jobs *j, const char *job, const struct fog_bring_file *f,
			u64 offset, const void *data, u32 len)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(j->store, "INSERT INTO job_file_part(job, attempt, name,"
						" offset, data) VALUES(?, ?, ?, ?, ?)");
	key_bind(q, job, f);
	fog_bind_u64(q, offset);
	fog_bind_blob(q, data, len);
	fog_db_run(j, q);
}

void fog_db_file_done(struct fog_jobs *j, const char *job, const struct fog_bring_file *f)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q =
		fog_stmt(j->store,
			 "UPDATE job_file SET done = 1 WHERE job = ? AND attempt = ? AND name = ?");
	key_bind(q, job, f);
	fog_db_run(j, q);
}

void fog_db_file_drop(struct fog_jobs *j, const char *job, const struct fog_bring_file *f)
{
	static const char *const sql[] = {
		"DELETE FROM job_file_part WHERE job = ? AND attempt = ? AND name = ?",
		"DELETE FROM job_file WHERE job = ? AND attempt = ? AND name = ?"};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(sql) && j->rc == 0; i++) {
		struct fog_stmt *q = fog_stmt(j->store, sql[i]);
		key_bind(q, job, f);
		fog_db_run(j, q);
	}
}

void fog_db_file_hash(struct fog_jobs *j, const char *job, const struct fog_bring_file *f,
		      struct fog_sha256 *state)
{
	struct fog_stmt *q =
		fog_stmt(j->store, "SELECT data FROM job_file_part WHERE job = ? AND attempt = ?"
				   " AND name = ? ORDER BY offset");

	fog_sha256_init(state);
	key_bind(q, job, f);
	while (fog_db_row(j, q)) {
		size_t len;
		const void *data = fog_column_blob(q, 0, &len);
		fog_sha256_update(state, data, len);
	}
}

void fog_db_file_read(struct fog_jobs *j, const char *job, const struct fog_bring_file *f,
		      u64 offset, void *buf, u32 cap, u32 *len)
{
	struct fog_stmt *q = fog_stmt(
		j->store, "SELECT offset, data FROM job_file_part WHERE job = ? AND attempt = ?"
			  " AND name = ? AND offset + length(data) > ? AND offset < ?"
			  " ORDER BY offset");

	*len = 0;
	key_bind(q, job, f);
	fog_bind_u64(q, offset);
	fog_bind_u64(q, offset + cap);
	while (fog_db_row(j, q)) {
		size_t size;
		u64 at = fog_column_u64(q, 0);
		const u8 *data = fog_column_blob(q, 1, &size);
		u64 skip = offset + *len > at ? offset + *len - at : 0;
		u64 take = FOG_MIN(size - FOG_MIN(skip, size), (u64)(cap - *len));
		memcpy((u8 *)buf + *len, data + skip, take);
		*len += (u32)take;
	}
}

bool fog_db_checkpoint_get(struct fog_jobs *j, const char *job, u32 skip,
			   struct fog_bring_file *out)
{
	struct fog_stmt *q = fog_stmt(
		j->store, "SELECT " FILE_COLUMNS " FROM job_file WHERE job = ? AND kind = 1"
			  " AND done = 1 ORDER BY attempt DESC, number DESC LIMIT 1 OFFSET ?");

	_Static_assert(FOG_BRING_CHECKPOINT == 1, "named in the SQL above and below");
	fog_bind_text(q, job);
	fog_bind_u64(q, skip);
	return file_one(j, q, out);
}

bool fog_db_checkpoint_find(struct fog_jobs *j, const char *job, const u8 sha256[32],
			    struct fog_bring_file *out)
{
	struct fog_stmt *q =
		fog_stmt(j->store, "SELECT " FILE_COLUMNS " FROM job_file WHERE job = ?"
				   " AND sha256 = ? AND kind = 1 AND done = 1 LIMIT 1");

	fog_bind_text(q, job);
	fog_bind_blob(q, sha256, 32);
	return file_one(j, q, out);
}

bool fog_db_reason_found(struct fog_jobs *j, const struct fog_attempt *a, const char *reason)
{
	struct fog_stmt *q =
		fog_stmt(j->store, "SELECT 1 FROM attempt WHERE job = ? AND worker <> ?"
				   " AND reason = ? LIMIT 1");

	fog_bind_text(q, a->key.job);
	fog_bind_blob(q, a->key.worker, sizeof(a->key.worker));
	fog_bind_text(q, reason);
	bool found = fog_db_row(j, q);
	if (found)
		fog_stmt_reset(q);
	return found;
}

u32 fog_db_checkpoint_of(struct fog_jobs *j, const struct fog_attempt *a)
{
	struct fog_stmt *q = fog_stmt(j->store, "SELECT max(number) FROM job_file WHERE job = ?"
						" AND attempt = ? AND kind = 1 AND done = 1");
	u32 number = 0;

	fog_bind_text(q, a->key.job);
	fog_bind_u64(q, a->key.attempt);
	if (fog_db_row(j, q)) {
		number = (u32)fog_column_u64(q, 0);
		fog_stmt_reset(q);
	}
	return number;
}

void fog_db_checkpoints_undone_drop(struct fog_jobs *j, const struct fog_attempt *a,
				    const struct fog_bring_file *but)
{
	static const char *const sql[] = {
		"DELETE FROM job_file_part WHERE job = ?1 AND attempt = ?2 AND name IN (SELECT name"
		" FROM job_file f WHERE f.job = ?1 AND f.attempt = ?2 AND f.kind = 1"
		" AND f.done = 0 AND f.number <> ?3)",
		"DELETE FROM job_file WHERE job = ?1 AND attempt = ?2 AND kind = 1 AND done = 0"
		" AND number <> ?3"};
	bool kept = but != NULL && but->kind == FOG_BRING_CHECKPOINT;

	for (u32 i = 0; i < FOG_ARRAY_COUNT(sql) && j->rc == 0; i++) {
		struct fog_stmt *q = fog_stmt(j->store, sql[i]);
		fog_bind_text(q, a->key.job);
		fog_bind_u64(q, a->key.attempt);
		fog_bind_u64(q, kept ? but->number : 0);
		fog_db_run(j, q);
	}
}

void fog_db_files_lost(struct fog_jobs *j, const struct fog_attempt *a)
{
	static const char *const sql[] = {
		"DELETE FROM job_file_part WHERE job = ?1 AND attempt = ?2 AND name IN (SELECT name"
		" FROM job_file f WHERE f.job = ?1 AND f.attempt = ?2"
		" AND (f.kind <> 1 OR f.done = 0))",
		"DELETE FROM job_file WHERE job = ?1 AND attempt = ?2 AND (kind <> 1 OR done = 0)"};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(sql) && j->rc == 0; i++) {
		struct fog_stmt *q = fog_stmt(j->store, sql[i]);
		fog_bind_text(q, a->key.job);
		fog_bind_u64(q, a->key.attempt);
		fog_db_run(j, q);
	}
}

static void job_run(struct fog_jobs *j, const char *sql, const char *job)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(j->store, sql);
	fog_bind_text(q, job);
	fog_db_run(j, q);
}

void fog_db_files_ended(struct fog_jobs *j, const char *job)
{
	job_run(j,
		"DELETE FROM job_file_part WHERE job = ?1 AND EXISTS (SELECT 1 FROM job_file f"
		" WHERE f.job = ?1 AND f.attempt = job_file_part.attempt"
		" AND f.name = job_file_part.name AND f.kind = 1)",
		job);
	job_run(j, "DELETE FROM job_file WHERE job = ? AND kind = 1", job);
}

void fog_db_files_forget(struct fog_jobs *j, const char *job)
{
	job_run(j, "DELETE FROM job_file_part WHERE job = ?", job);
	job_run(j, "DELETE FROM job_file WHERE job = ?", job);
}

static u64 size_sum(struct fog_jobs *j, const char *sql)
{
	struct fog_stmt *q = fog_stmt(j->store, sql);
	u64 size = UINT64_MAX; /* not known: full */

	if (fog_db_row(j, q)) {
		size = fog_column_u64(q, 0);
		fog_stmt_reset(q);
	}
	return size;
}

u64 fog_db_checkpoints_size(struct fog_jobs *j)
{
	return size_sum(j, "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM job_file"
			   " WHERE kind = 1");
}

u64 fog_db_files_size(struct fog_jobs *j)
{
	return size_sum(j, "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM job_file"
			   " WHERE kind <> 1");
}

bool fog_db_files_oldest(struct fog_jobs *j, u64 before_ms, u64 bytes, char job[FOG_JOB_ID_SIZE])
{
	struct fog_stmt *q = fog_stmt(
		j->store, "SELECT j.id FROM job j WHERE j.ended_ms <> 0"
			  " AND EXISTS (SELECT 1 FROM job_file f WHERE f.job = j.id)"
			  " AND (j.ended_ms < ?1"
			  " OR (SELECT coalesce(sum(size), 0) FROM job_file WHERE kind <> 1) > ?2)"
			  " ORDER BY j.ended_ms LIMIT 1");

	fog_bind_u64(q, before_ms);
	fog_bind_u64(q, bytes);
	if (!fog_db_row(j, q))
		return false;
	snprintf(job, FOG_JOB_ID_SIZE, "%s", fog_column_text(q, 0));
	fog_stmt_reset(q);
	return true;
}

static bool held_file(struct fog_jobs *j, const char *owner, const u8 sha256[32],
		      struct fog_held *out)
{
	struct fog_stmt *q = fog_stmt(
		j->store, "SELECT " FILE_COLUMNS ", job FROM job_file f WHERE sha256 = ?1"
			  " AND kind = 3 AND done = 1 AND (?2 = '' OR EXISTS (SELECT 1 FROM job j"
			  " WHERE j.id = f.job AND j.user = ?2)) LIMIT 1");

	fog_bind_blob(q, sha256, 32);
	fog_bind_text(q, owner);
	if (!fog_db_row(j, q))
		return false;
	file_read(j, q, &out->file);
	snprintf(out->job, sizeof(out->job), "%s", fog_column_text(q, 5));
	out->attempt = out->file.attempt;
	out->size = out->file.size;
	fog_stmt_reset(q);
	return j->rc == 0;
}

bool fog_db_held_find(struct fog_jobs *j, const char *owner, const u8 sha256[32],
		      struct fog_held *out)
{
	struct fog_stmt *q = fog_stmt(
		j->store, "SELECT job, attempt, stream, size FROM artifact a WHERE sha256 = ?1"
			  " AND (?2 = '' OR EXISTS (SELECT 1 FROM job j WHERE j.id = a.job"
			  " AND j.user = ?2)) LIMIT 1");

	*out = (struct fog_held){0};
	owner = owner != NULL ? owner : "";
	fog_bind_blob(q, sha256, 32);
	fog_bind_text(q, owner);
	if (!fog_db_row(j, q))
		return held_file(j, owner, sha256, out);
	snprintf(out->job, sizeof(out->job), "%s", fog_column_text(q, 0));
	out->attempt = (u32)fog_column_u64(q, 1);
	out->stream = (u32)fog_column_u64(q, 2);
	out->size = fog_column_u64(q, 3);
	fog_stmt_reset(q);
	return true;
}

bool fog_db_artifact_find(struct fog_jobs *j, const char *job, const char *path,
			  struct fog_bring_file *out)
{
	struct fog_stmt *q =
		fog_stmt(j->store, "SELECT " FILE_COLUMNS " FROM job_file WHERE job = ?"
				   " AND path = ? AND kind = 3 AND done = 1"
				   " ORDER BY attempt DESC LIMIT 1");

	_Static_assert(FOG_BRING_ARTIFACT == 3, "named in the SQL above");
	fog_bind_text(q, job);
	fog_bind_text(q, path);
	return file_one(j, q, out);
}
