/* SPDX-License-Identifier: BSD-3-Clause */
/* What jobs printed or left behind, as inputs of others. */
#include <errno.h>

#include "controlplane/jobs/state.h"

void fog_input_spec_without(json_t *spec, const char *name)
{
	json_t *inputs = json_object_get(spec, "inputs");

	for (size_t i = json_array_size(inputs); i > 0; i--) {
		const char *have =
			json_string_value(json_object_get(json_array_get(inputs, i - 1), "name"));
		if (have != NULL && strcmp(have, name) == 0)
			json_array_remove(inputs, i - 1);
	}
}

void fog_input_spec_with(json_t *spec, const char *name, const u8 sha256[32], u64 size)
{
	fog_input_spec_without(spec, name);
	json_array_append_new(json_object_get(spec, "inputs"),
			      json_pack("{s:s,s:o,s:I}", "name", name, "sha256",
					fog_json_hex_new(sha256, 32), "size", (json_int_t)size));
}

bool fog_input_spec_set(struct fog_jobs *j, struct fog_job *job, const char *text)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_spec *spec;

	if (fog_job_spec_parse(text, strlen(text), &spec, error) != 0)
		return false;
	fog_job_spec_take(job, spec);
	fog_job_spec_free(spec);
	fog_db_spec_put(j, job->id, text);
	return true;
}

json_t *fog_input_spec(struct fog_jobs *j, const struct fog_job *job)
{
	char error[FOG_JSON_ERROR_SIZE], *text, *wishes;
	json_t *spec = NULL;

	if (fog_db_job_texts(j, job->id, &text, &wishes) != 1)
		return NULL;
	if (text != NULL)
		spec = fog_json_parse(text, strlen(text), error);
	free(text);
	free(wishes);
	return spec;
}

static bool spec_change(struct fog_jobs *j, struct fog_job *job, const char *name, const u8 *data,
			size_t size)
{
	u8 sha256[FOG_SHA256_SIZE];
	json_t *spec = fog_input_spec(j, job);

	fog_hash_sha256(sha256, data, size);
	fog_input_spec_with(spec, name, sha256, size);
	char *text = spec != NULL ? fog_json_text(spec) : NULL;
	json_decref(spec);
	bool ok = text != NULL && fog_input_spec_set(j, job, text);
	if (ok)
		fog_db_input_put(j, job->id, name, data, size);
	free(text);
	return ok;
}

static u8 *file_read(struct fog_jobs *j, const char *job, const struct fog_bring_file *f,
		     size_t *size)
{
	u8 *data = f->size <= FOG_JOB_INPUT_MAX ? malloc(f->size + 1) : NULL;
	u32 len = 0;

	if (data != NULL)
		fog_db_file_read(j, job, f, 0, data, (u32)f->size, &len);
	*size = len;
	return data;
}

bool fog_input_by_hash(struct fog_jobs *j, struct fog_job *job, const char *name,
		       const struct fog_held *held)
{
	size_t size = 0;
	u8 *data = held->file.kind != FOG_BRING_NONE
			   ? file_read(j, held->job, &held->file, &size)
			   : fog_db_output_read(j, held->job, held->attempt, held->stream, &size);
	bool ok = data != NULL && spec_change(j, job, name, data, size);

	free(data);
	return ok && j->rc == 0;
}

bool fog_input_from_job(struct fog_jobs *j, struct fog_job *job, const char *name,
			const char *source, const char *artifact)
{
	struct fog_bring_file f;
	size_t size = 0;
	u8 *data = NULL;

	if (artifact[0] == '\0')
		data = fog_db_output_read(j, source, 0, 0, &size);
	else if (fog_db_artifact_find(j, source, artifact, &f))
		data = file_read(j, source, &f, &size);
	bool ok = data != NULL && spec_change(j, job, name, data, size);

	free(data);
	return ok && j->rc == 0;
}
