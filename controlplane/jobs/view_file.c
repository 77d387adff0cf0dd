/* SPDX-License-Identifier: BSD-3-Clause */
/* What jobs left behind, as the API shows it; see view.h. */
#include <errno.h>

#include "controlplane/jobs/state.h"
#include "controlplane/jobs/view.h"
#include "crypto/mem.h"

static json_t *hash_json(struct fog_stmt *q, int column)
{
	u8 sha256[32];

	return fog_column_copy(q, column, sha256, sizeof(sha256)) == 0
		       ? fog_json_hex_new(sha256, sizeof(sha256))
		       : json_null();
}

/* The last attempt that left a list, and that list; false: none. */
static bool manifest_find(struct fog_jobs *j, const char *id, struct fog_bring_file *out)
{
	struct fog_stmt *q =
		fog_stmt(fog_jobs_store(j), "SELECT attempt, size FROM job_file WHERE job = ?"
					    " AND kind = 2 AND done = 1 ORDER BY attempt DESC"
					    " LIMIT 1");

	_Static_assert(FOG_BRING_MANIFEST == 2, "named in the SQL above");
	fog_bind_text(q, id);
	if (fog_stmt_step(q) != 1)
		return false;
	*out = (struct fog_bring_file){.attempt = (u32)fog_column_u64(q, 0),
				       .kind = FOG_BRING_MANIFEST,
				       .size = fog_column_u64(q, 1)};
	fog_stmt_reset(q);
	return true;
}

/* What could not be taken, as the host that ran it tells. */
static void left_out_add(struct fog_jobs *j, const char *id, const struct fog_bring_file *f,
			 json_t *o)
{
	char *text = malloc(f->size + 1);
	json_t *list = json_array(), *v;
	u32 len = 0;
	size_t i;

	if (text != NULL)
		fog_db_file_read(j, id, f, 0, text, (u32)f->size, &len);
	json_t *root = text != NULL ? json_loadb(text, len, 0, NULL) : NULL;
	json_array_foreach(json_object_get(root, "left_out"), i, v)
	{
		const char *name = json_string_value(json_object_get(v, "name"));
		const char *why = json_string_value(json_object_get(v, "why"));
		if (name != NULL && why != NULL && i < FOG_EXECUTOR_LEFT_OUT_MAX)
			json_array_append_new(list,
					      json_pack("{s:s,s:s}", "name", name, "why", why));
	}
	json_int_t count = json_integer_value(json_object_get(root, "left_out_count"));
	json_object_set_new(o, "left_out", list);
	json_object_set_new(o, "left_out_count", json_integer(FOG_MAX(count, 0)));
	json_decref(root);
	free(text);
}

json_t *fog_view_artifacts(struct fog_jobs *j, const char *id)
{
	struct fog_bring_file manifest;
	json_t *list = json_array();
	json_t *o = json_pack("{s:s,s:o,s:[],s:i}", "id", id, "artifacts", list, "left_out",
			      "left_out_count", 0);
	int rc;

	if (!manifest_find(j, id, &manifest))
		return o;
	struct fog_stmt *q =
		fog_stmt(fog_jobs_store(j), "SELECT path, size, sha256, executable, created_ms"
					    " FROM job_file WHERE job = ? AND attempt = ?"
					    " AND kind = 3 AND done = 1 ORDER BY number");
	fog_bind_text(q, id);
	fog_bind_u64(q, manifest.attempt);
	while ((rc = fog_stmt_step(q)) == 1)
		json_array_append_new(
			list, json_pack("{s:s,s:I,s:o,s:b,s:I,s:I}", "name", fog_column_text(q, 0),
					"size", (json_int_t)fog_column_int(q, 1), "sha256",
					hash_json(q, 2), "executable", fog_column_int(q, 3) != 0,
					"attempt", (json_int_t)manifest.attempt, "at_ms",
					(json_int_t)fog_column_int(q, 4)));
	if (rc < 0) {
		json_decref(o);
		return NULL;
	}
	left_out_add(j, id, &manifest, o);
	return o;
}

json_t *fog_view_checkpoints(struct fog_jobs *j, const char *id)
{
	struct fog_stmt *q =
		fog_stmt(fog_jobs_store(j), "SELECT attempt, number, size, sha256, created_ms, done"
					    " FROM job_file WHERE job = ? AND kind = 1"
					    " ORDER BY attempt DESC, number DESC");
	json_t *list = json_array();

	fog_bind_text(q, id);
	while (fog_stmt_step(q) == 1)
		json_array_append_new(list, json_pack("{s:I,s:I,s:I,s:o,s:I,s:b}", "attempt",
						      (json_int_t)fog_column_int(q, 0), "number",
						      (json_int_t)fog_column_int(q, 1), "size",
						      (json_int_t)fog_column_int(q, 2), "sha256",
						      hash_json(q, 3), "at_ms",
						      (json_int_t)fog_column_int(q, 4), "whole",
						      fog_column_int(q, 5) != 0));
	return list;
}

bool fog_view_file_named(struct fog_jobs *j, const char *id, const char *name,
			 struct fog_view_file *out)
{
	struct fog_bring_file f;

	if (!fog_db_artifact_find(j, id, name, &f))
		return false;
	*out = (struct fog_view_file){
		.attempt = f.attempt, .stream = -1, .number = f.number, .size = f.size};
	snprintf(out->job, sizeof(out->job), "%s", id);
	memcpy(out->sha256, f.sha256, sizeof(out->sha256));
	return true;
}

bool fog_view_file_hashed(struct fog_jobs *j, const char *owner, const u8 sha256[32],
			  struct fog_view_file *out)
{
	struct fog_held held;

	if (!fog_db_held_find(j, owner, sha256, &held))
		return false;
	*out = (struct fog_view_file){
		.attempt = held.attempt, .number = held.file.number, .size = held.size};
	out->stream = held.file.kind == FOG_BRING_NONE ? (int)held.stream : -1;
	snprintf(out->job, sizeof(out->job), "%s", held.job);
	memcpy(out->sha256, sha256, sizeof(out->sha256));
	return true;
}

int fog_view_file_read(struct fog_jobs *j, const struct fog_view_file *f, u64 offset, u32 len,
		       u8 **data)
{
	const struct fog_bring_file file = {
		.attempt = f->attempt, .kind = FOG_BRING_ARTIFACT, .number = f->number};
	u32 have = 0;
	int rc = 0;

	if (f->stream >= 0) {
		rc = fog_view_log(j, f->job, f->attempt, (u32)f->stream, offset, len, data, &have);
	} else {
		*data = malloc(len + 1);
		if (*data == NULL)
			return -ENOMEM;
		fog_db_file_read(j, f->job, &file, offset, *data, len, &have);
	}
	if (rc != 0 || have == len)
		return rc;
	free(*data);
	return -EIO;
}
