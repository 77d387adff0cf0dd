/* SPDX-License-Identifier: BSD-3-Clause */
/* What jobs printed or left behind, as inputs of others. */
#include "controlplane/jobs/state.h"
#include "crypto/mem.h"

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

bool fog_input_spec_set(struct fog_jobs *j, struct fog_job *job, const char *text,
			char error[FOG_JSON_ERROR_SIZE])
{
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

/* want: what the bytes must be. NULL: whatever they are. */
static bool spec_change(struct fog_jobs *j, struct fog_job *job, const char *name, const u8 *data,
			size_t size, const u8 *want)
{
	char error[FOG_JSON_ERROR_SIZE];
	u8 sha256[FOG_SHA256_SIZE];

	fog_hash_sha256(sha256, data, size);
	if (want != NULL && !fog_equal(sha256, want, sizeof(sha256)))
		return false;
	json_t *spec = fog_input_spec(j, job);
	fog_input_spec_with(spec, name, sha256, size);
	char *text = spec != NULL ? fog_json_text(spec) : NULL;
	json_decref(spec);
	bool ok = text != NULL && fog_input_spec_set(j, job, text, error);
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

static bool by_hash(struct fog_jobs *j, struct fog_job *job, const char *name, const u8 sha256[32])
{
	struct fog_held held;
	size_t size = 0;

	if (!fog_db_held_find(j, job->user, sha256, &held))
		return false;
	u8 *data = held.file.kind != FOG_BRING_NONE
			   ? file_read(j, held.job, &held.file, &size)
			   : fog_db_output_read(j, held.job, held.attempt, held.stream, &size);
	bool ok =
		data != NULL && size == held.size && spec_change(j, job, name, data, size, sha256);

	free(data);
	return ok;
}

bool fog_input_from_job(struct fog_jobs *j, struct fog_job *job, const char *name,
			const char *source, const char *artifact)
{
	bool output = artifact[0] == '\0';
	struct fog_bring_file f = {0};
	size_t size = 0;
	u8 *data = NULL;

	if (!fog_jobs_has(j, job->user, source))
		return false;
	if (output)
		data = fog_db_output_read(j, source, 0, 0, &size);
	else if (fog_db_artifact_find(j, source, artifact, &f))
		data = file_read(j, source, &f, &size);
	bool ok = data != NULL && spec_change(j, job, name, data, size, output ? NULL : f.sha256);

	free(data);
	return ok && j->rc == 0;
}

bool fog_input_hashes_there(struct fog_jobs *j, const char *user, const struct fog_job_spec *spec,
			    const struct fog_job_wishes *w, char error[FOG_JSON_ERROR_SIZE])
{
	u64 sum = fog_job_spec_input_size(spec);
	struct fog_held held;

	for (u32 i = 0; i < w->from_count; i++) {
		if (w->from[i].job[0] != '\0')
			continue;
		bool found = fog_db_held_find(j, user, w->from[i].sha256, &held);
		if (!found || held.size > FOG_JOB_INPUT_MAX) {
			snprintf(error, FOG_JSON_ERROR_SIZE, "inputs: %.63s: %s", w->from[i].name,
				 found ? "it is too large for an input"
				       : "no output or artifact of yours has that hash");
			return false;
		}
		sum += held.size;
	}
	if (sum > FOG_JOB_INPUTS_SUM_MAX)
		snprintf(error, FOG_JSON_ERROR_SIZE, "inputs: more than %u bytes in sum",
			 FOG_JOB_INPUTS_SUM_MAX);
	return sum <= FOG_JOB_INPUTS_SUM_MAX;
}

const char *fog_input_hashes_take(struct fog_jobs *j, struct fog_job *job,
				  const struct fog_job_wishes *w)
{
	for (u32 i = 0; i < w->from_count && j->rc == 0; i++)
		if (w->from[i].job[0] == '\0' &&
		    !by_hash(j, job, w->from[i].name, w->from[i].sha256))
			return w->from[i].name;
	return NULL;
}
