/* SPDX-License-Identifier: BSD-3-Clause */
/* Outputs that become inputs: of the next stage, or of the next attempt of a job that was stopped.
 */
#include <errno.h>

#include "controlplane/jobs/state.h"

/* The inputs of the spec with this one in place of any of its name; new text or NULL. */
static char *spec_with(struct fog_jobs *j, const char *text, const char *name, const u8 *data,
		       size_t size)
{
	char error[FOG_JSON_ERROR_SIZE];
	json_t *spec = fog_json_parse(text, strlen(text), error);
	json_t *inputs = json_object_get(spec, "inputs");
	u8 sha256[FOG_SHA256_SIZE];
	char *out = NULL;

	for (size_t i = json_array_size(inputs); i > 0; i--) {
		const char *have =
			json_string_value(json_object_get(json_array_get(inputs, i - 1), "name"));
		if (have != NULL && strcmp(have, name) == 0)
			json_array_remove(inputs, i - 1);
	}
	fog_hash_sha256(sha256, data, size);
	if (inputs != NULL &&
	    json_array_append_new(inputs, json_pack("{s:s,s:o,s:I}", "name", name, "sha256",
						    fog_json_hex_new(sha256, sizeof(sha256)),
						    "size", (json_int_t)size)) == 0)
		out = fog_json_text(spec);
	json_decref(spec);
	if (out == NULL)
		fog_jobs_fail(j, -ENOMEM);
	return out;
}

static bool spec_change(struct fog_jobs *j, struct fog_job *job, const char *name, const u8 *data,
			size_t size)
{
	char error[FOG_JSON_ERROR_SIZE], *old, *wishes;
	struct fog_job_spec *spec;

	if (fog_db_job_texts(j, job->id, &old, &wishes) != 1)
		return false;
	char *text = old != NULL ? spec_with(j, old, name, data, size) : NULL;
	bool ok = text != NULL && fog_job_spec_parse(text, strlen(text), &spec, error) == 0;
	if (ok) {
		memcpy(job->spec_sha256, spec->sha256, sizeof(job->spec_sha256));
		job->input_size = fog_job_spec_input_size(spec);
		fog_job_spec_free(spec);
		fog_db_input_put(j, job->id, text, name, data, size);
	}
	free(text);
	free(old);
	free(wishes);
	return ok;
}

bool fog_input_from_output(struct fog_jobs *j, struct fog_job *job, const char *name,
			   const char *source)
{
	size_t size = 0;
	u8 *data = fog_db_output_read(j, source, &size);
	bool ok = data != NULL && spec_change(j, job, name, data, size);

	free(data);
	return ok && j->rc == 0;
}
