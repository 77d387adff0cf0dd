/* SPDX-License-Identifier: BSD-3-Clause */
/* Job specs, see spec.h. */
#include "controlplane/jobs/spec.h"

#include <errno.h>

#include "controlplane/executor/accelerators.h"
#include "controlplane/executor/kept.h"
#include "crypto/hash/hash.h"

#define PIDS_MAX 32768
#define DISK_MAX (1ull << 50)
#define MIB      (1ull << 20)

static bool name_chars(const char *s, size_t size)
{
	size_t len = strnlen(s, size);

	if (len == 0 || len >= size)
		return false;
	return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
	       len;
}

bool fog_job_id_valid(const char *id)
{
	return name_chars(id, FOG_JOB_ID_SIZE) && strcmp(id, ".") != 0 && strcmp(id, "..") != 0;
}

bool fog_job_input_name_valid(const char *name)
{
	return name_chars(name, FOG_JOB_INPUT_NAME_SIZE) && name[0] != '.';
}

static void strings_read(struct fog_json_reader *r, const char *field, size_t min, size_t max,
			 const char **out, u32 *count)
{
	const json_t *list = fog_json_array(r, field, min, max);
	size_t i;
	json_t *v;

	*count = 0;
	json_array_foreach((json_t *)list, i, v)
	{
		if (!json_is_string(v)) {
			fog_json_wrong(r, field, "entry %zu must be text", i);
			return;
		}
		out[(*count)++] = json_string_value(v);
	}
	out[*count] = NULL;
}

static size_t key_len(const char *entry)
{
	return strcspn(entry, "=");
}

static bool key_valid(const char *entry)
{
	size_t len = key_len(entry);

	if (len == 0 || entry[len] != '=' || (entry[0] >= '0' && entry[0] <= '9'))
		return false;
	return strspn(entry, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
	       len;
}

/* Those that the executor sets. */
static bool key_ours(const struct fog_job_spec *s, const char *entry)
{
	return s->checkpoint.bytes_max != 0 && (strncmp(entry, "FOG_CHECKPOINT", 14) == 0 ||
						strncmp(entry, "FOG_RESTART=", 12) == 0);
}

static void env_check(struct fog_json_reader *r, const struct fog_job_spec *s)
{
	for (u32 i = 0; i < s->env_count; i++) {
		if (!key_valid(s->env[i]))
			fog_json_wrong(r, "env", "entry %u must be KEY=value", i);
		if (key_ours(s, s->env[i]))
			fog_json_wrong(r, "env", "FOG_CHECKPOINT.. and FOG_RESTART are set by fog");
		for (u32 j = 0; j < i; j++)
			if (key_len(s->env[i]) == key_len(s->env[j]) &&
			    strncmp(s->env[i], s->env[j], key_len(s->env[i])) == 0)
				fog_json_wrong(r, "env", "a key is given twice");
	}
}

static void inputs_read(struct fog_json_reader *r, struct fog_job_spec *s)
{
	const json_t *list =
		fog_json_array(r, "inputs", 0, FOG_JOB_INPUTS_MAX + (s->checkpoint.bytes_max != 0));
	size_t i;
	json_t *v;

	json_array_foreach((json_t *)list, i, v)
	{
		struct fog_job_input *in = &s->input[i];
		struct fog_json_reader e;
		fog_json_begin(&e, v, "inputs.");
		fog_json_copy(&e, "name", in->name, sizeof(in->name));
		fog_json_hex(&e, "sha256", in->sha256, sizeof(in->sha256));
		bool restored = s->checkpoint.bytes_max != 0 &&
				strcmp(in->name, FOG_JOB_CHECKPOINT_FILE) == 0;
		in->size = fog_json_u64(&e, "size", 0,
					restored ? s->checkpoint.bytes_max : FOG_JOB_INPUT_MAX);
		fog_json_end(&e);
		if (fog_json_ok(&e) && !fog_job_input_name_valid(in->name))
			fog_json_wrong(&e, "name", "must be 1 to 63 of [A-Za-z0-9._-]");
		if (!fog_json_ok(&e)) {
			fog_json_wrong(r, "inputs", "entry %zu: %s", i, e.error);
			return;
		}
		for (u32 j = 0; j < s->input_count; j++)
			if (strcmp(s->input[j].name, in->name) == 0)
				fog_json_wrong(r, "inputs", "a name is given twice");
		s->input_count++;
	}
	const struct fog_job_input *restored = fog_job_spec_restored(s);
	if (fog_job_spec_input_size(s) - (restored != NULL ? restored->size : 0) >
	    FOG_JOB_INPUTS_SUM_MAX)
		fog_json_wrong(r, "inputs", "more than %u bytes in sum", FOG_JOB_INPUTS_SUM_MAX);
}

static void accelerators_read(struct fog_json_reader *r, struct fog_job_limits *l)
{
	if (fog_json_has(r, "accelerators"))
		l->accelerators = fog_json_u64(r, "accelerators", 1, FOG_JOB_ACCELERATORS_MAX);
	if (fog_json_has(r, "accelerator_memory_bytes"))
		l->accelerator_memory_bytes =
			fog_json_u64(r, "accelerator_memory_bytes", 1, 1ull << 50);
	if (fog_json_has(r, "accelerator_type"))
		fog_json_copy(r, "accelerator_type", l->accelerator_type,
			      sizeof(l->accelerator_type));
	if (!fog_json_ok(r))
		return;
	if (l->accelerator_type[0] != '\0' && !fog_accelerator_type_valid(l->accelerator_type))
		fog_json_wrong(r, "accelerator_type", "must be 1 to 31 of [a-z0-9._-]");
	if (l->accelerators == 0 &&
	    (l->accelerator_memory_bytes != 0 || l->accelerator_type[0] != '\0'))
		fog_json_wrong(r, "accelerators", "how many is missing");
}

static void limits_read(struct fog_json_reader *r, struct fog_job_limits *l)
{
	const json_t *object = fog_json_object(r, "limits");
	struct fog_json_reader e;

	if (object == NULL)
		return;
	fog_json_begin(&e, object, "limits.");
	l->cpu_milli = fog_json_u64(&e, "cpu_milli", FOG_JOB_CPU_MILLI_MIN, FOG_JOB_CPU_MILLI_MAX);
	l->memory_bytes = fog_json_u64(&e, "memory_bytes", FOG_JOB_MEMORY_MB_MIN * MIB,
				       FOG_JOB_MEMORY_MB_MAX * MIB);
	l->wall_ms = fog_json_u64(&e, "wall_ms", 1, FOG_JOB_WALL_MS_MAX);
	l->output_bytes = fog_json_u64(&e, "output_bytes", 0, FOG_JOB_OUTPUT_MAX);
	l->disk_bytes = fog_json_u64(&e, "disk_bytes", 0, DISK_MAX);
	l->pids = fog_json_u64(&e, "pids", 1, PIDS_MAX);
	accelerators_read(&e, l);
	fog_json_end(&e);
	if (!fog_json_ok(&e))
		snprintf(r->error, sizeof(r->error), "%s", e.error);
}

static void checkpoint_read(struct fog_json_reader *r, struct fog_job_spec *s)
{
	struct fog_json_reader e;

	if (!fog_json_has(r, "checkpoint"))
		return;
	fog_json_begin(&e, fog_json_object(r, "checkpoint"), "checkpoint.");
	s->checkpoint = (struct fog_job_checkpoint){
		.bytes_max = fog_json_u64(&e, "bytes_max", 1, FOG_JOB_FILE_MAX),
		.interval_ms = fog_json_u64(&e, "interval_ms", 0, FOG_EXECUTOR_INTERVAL_MS_MAX),
		.grace_ms = fog_json_u64(&e, "grace_ms", 1, FOG_EXECUTOR_GRACE_MS_MAX),
		.exit_code = (u32)fog_json_u64(&e, "exit_code", 0, 255),
		.restart = (u32)fog_json_u64(&e, "restart", 0, FOG_JOBS_ATTEMPTS_MAX),
	};
	s->limits.checkpoint_bytes = s->checkpoint.bytes_max;
	fog_json_end(&e);
	if (fog_json_ok(r) && !fog_json_ok(&e))
		snprintf(r->error, sizeof(r->error), "%s", e.error);
}

static void artifacts_read(struct fog_json_reader *r, struct fog_job_spec *s)
{
	struct fog_json_reader e;
	size_t i;
	json_t *v;

	if (!fog_json_has(r, "artifacts"))
		return;
	fog_json_begin(&e, fog_json_object(r, "artifacts"), "artifacts.");
	s->limits.artifact_bytes = fog_json_u64(&e, "bytes_max", 1, FOG_JOB_FILE_MAX);
	const json_t *list = fog_json_array(&e, "patterns", 1, FOG_EXECUTOR_PATTERNS_MAX);
	json_array_foreach((json_t *)list, i, v)
	{
		s->artifact[i] = json_string_value(v);
		if (s->artifact[i] == NULL || fog_kept_pattern(s->artifact[i]) == NULL)
			fog_json_wrong(&e, "patterns",
				       "entry %zu must be a path below /work, without \"..\" and"
				       " with at most %d stars",
				       i, FOG_EXECUTOR_STARS_MAX);
	}
	s->artifact_count = (u32)json_array_size(list);
	fog_json_end(&e);
	if (fog_json_ok(r) && !fog_json_ok(&e))
		snprintf(r->error, sizeof(r->error), "%s", e.error);
}

static void stdin_read(struct fog_json_reader *r, struct fog_job_spec *s)
{
	if (!fog_json_has(r, "stdin"))
		return;
	s->stdin_name = fog_json_text_of(r, "stdin", FOG_JOB_INPUT_NAME_SIZE);
	for (u32 i = 0; i < s->input_count; i++)
		if (strcmp(s->input[i].name, s->stdin_name) == 0)
			return;
	fog_json_wrong(r, "stdin", "names no input");
}

int fog_job_spec_parse(const char *text, size_t len, struct fog_job_spec **out,
		       char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_json_reader r;

	*out = NULL;
	if (len > FOG_JOB_SPEC_MAX) {
		snprintf(error, FOG_JSON_ERROR_SIZE, "spec: larger than %u bytes",
			 FOG_JOB_SPEC_MAX);
		return -EINVAL;
	}
	json_t *root = fog_json_parse(text, len, error);
	if (root == NULL)
		return -EINVAL;
	struct fog_job_spec *s = calloc(1, sizeof(*s));
	if (s == NULL) {
		json_decref(root);
		snprintf(error, FOG_JSON_ERROR_SIZE, "no memory");
		return -ENOMEM;
	}
	s->root = root;
	fog_json_begin(&r, root, "");
	strings_read(&r, "argv", 1, FOG_JOB_ARGS_MAX, s->argv, &s->argv_count);
	if (fog_json_ok(&r) && s->argv[0][0] == '\0')
		fog_json_wrong(&r, "argv", "the program has no name");
	strings_read(&r, "env", 0, FOG_JOB_ENV_MAX, s->env, &s->env_count);
	limits_read(&r, &s->limits);
	checkpoint_read(&r, s);
	artifacts_read(&r, s);
	if (fog_json_ok(&r))
		env_check(&r, s);
	inputs_read(&r, s);
	stdin_read(&r, s);
	s->engine = fog_json_has(&r, "engine") ? fog_json_text_of(&r, "engine", FOG_JOB_ENGINE_SIZE)
					       : "native";
	if (fog_json_ok(&r) && s->limits.accelerators != 0 && strcmp(s->engine, "native") != 0 &&
	    strcmp(s->engine, "oci") != 0)
		fog_json_wrong(&r, "engine", "shows no accelerators: native and oci do");
	fog_json_end(&r);
	if (!fog_json_ok(&r)) {
		snprintf(error, FOG_JSON_ERROR_SIZE, "%s", r.error);
		fog_job_spec_free(s);
		return -EINVAL;
	}
	fog_hash_sha256(s->sha256, text, len);
	*out = s;
	return 0;
}

void fog_job_spec_free(struct fog_job_spec *spec)
{
	if (spec == NULL)
		return;
	json_decref(spec->root);
	free(spec);
}

const struct fog_job_input *fog_job_spec_restored(const struct fog_job_spec *spec)
{
	for (u32 i = 0; spec->checkpoint.bytes_max != 0 && i < spec->input_count; i++)
		if (strcmp(spec->input[i].name, FOG_JOB_CHECKPOINT_FILE) == 0)
			return &spec->input[i];
	return NULL;
}

u64 fog_job_spec_input_size(const struct fog_job_spec *spec)
{
	u64 sum = 0;

	for (u32 i = 0; i < spec->input_count; i++)
		sum += spec->input[i].size;
	return sum;
}
