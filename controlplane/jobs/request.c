/* SPDX-License-Identifier: BSD-3-Clause */
/* Job requests, see request.h. */
#include "controlplane/jobs/request.h"

#include <errno.h>
#include <math.h>

#include "controlplane/executor/kept.h"
#include "controlplane/jobs/base64.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define MIB               (1ull << 20)
#define PREFIX_DIGITS     8
#define CPU_CORES_DEFAULT 1000 /* milli */
#define MEMORY_MB_DEFAULT 64
#define WALL_S_DEFAULT    60
#define OUTPUT_MB_DEFAULT 1
#define PIDS_DEFAULT      64
#define PIDS_MAX          32768
#define DISK_MB_MAX       (1ull << 30)
#define ARTIFACTS_MB      16
#define CHECKPOINT_MB     16
#define INTERVAL_S        60
#define GRACE_S           10
#define GO_ON_CODE        85 /* to exit with, to be begun again from the checkpoint */

static u64 optional(struct fog_json_reader *r, const char *field, u64 min, u64 max, u64 otherwise)
{
	return fog_json_has(r, field) ? fog_json_u64(r, field, min, max) : otherwise;
}

static u64 cpu_read(struct fog_json_reader *r)
{
	if (!fog_json_has(r, "cpu_cores"))
		return CPU_CORES_DEFAULT;
	double cores = fog_json_real(r, "cpu_cores", FOG_JOB_CPU_MILLI_MIN / 1000.0,
				     FOG_JOB_CPU_MILLI_MAX / 1000.0);
	return (u64)lround(cores * 1000);
}

/* The spec's "checkpoint", or NULL: the job has none, or what it says is wrong. */
static json_t *checkpoint_make(struct fog_json_reader *outer)
{
	const json_t *given = fog_json_get(outer, "checkpoint");
	struct fog_json_reader r;
	json_t *empty = json_object();

	if (given == NULL || json_is_null(given) || json_is_false(given)) {
		json_decref(empty);
		return NULL;
	}
	if (!json_is_true(given) && !json_is_object(given))
		fog_json_wrong(outer, "checkpoint", "must be true, false or an object");
	fog_json_begin(&r, json_is_object(given) ? given : empty, "checkpoint.");
	u64 interval = optional(&r, "interval_seconds", 0, FOG_EXECUTOR_INTERVAL_MS_MAX / 1000,
				INTERVAL_S);
	u64 size = optional(&r, "size_mb", 1, FOG_JOB_FILE_MAX / MIB, CHECKPOINT_MB);
	u64 grace = optional(&r, "grace_seconds", 1, FOG_EXECUTOR_GRACE_MS_MAX / 1000, GRACE_S);
	u64 code = optional(&r, "exit_code", 0, 255, GO_ON_CODE);
	const char *engine = json_string_value(json_object_get(outer->object, "engine"));
	if (code == 0 && engine != NULL && strcmp(engine, "microvm") == 0)
		fog_json_wrong(&r, "exit_code",
			       "engine microvm keeps what is there when the job exits with it");
	fog_json_end(&r);
	json_decref(empty);
	if (fog_json_ok(outer) && !fog_json_ok(&r))
		snprintf(outer->error, sizeof(outer->error), "%s", r.error);
	return json_pack("{s:I,s:I,s:I,s:I,s:i}", "bytes_max", (json_int_t)(size * MIB),
			 "interval_ms", (json_int_t)(1000 * interval), "grace_ms",
			 (json_int_t)(1000 * grace), "exit_code", (json_int_t)code, "restart", 0);
}

/* The spec's "artifacts", or NULL. The number comes with the limits. */
static json_t *artifacts_make(struct fog_json_reader *outer)
{
	const json_t *limits = json_object_get(outer->object, "limits");
	const json_t *mb = json_object_get(limits, "artifacts_mb");
	const json_t *list;

	if (!fog_json_has(outer, "artifacts"))
		return NULL;
	list = fog_json_array(outer, "artifacts", 0, FOG_EXECUTOR_PATTERNS_MAX);
	if (json_array_size(list) == 0)
		return NULL;
	json_int_t bytes = (mb != NULL ? json_integer_value(mb) : ARTIFACTS_MB) * (json_int_t)MIB;
	return json_pack("{s:I,s:O}", "bytes_max", bytes, "patterns", list);
}

static json_t *limits_make(struct fog_json_reader *outer)
{
	const json_t *object = NULL;
	struct fog_json_reader r;
	json_t *empty = json_object();

	if (fog_json_has(outer, "limits"))
		object = fog_json_object(outer, "limits");
	fog_json_begin(&r, object != NULL ? object : empty, "limits.");
	u64 cpu = cpu_read(&r);
	u64 memory = optional(&r, "memory_mb", FOG_JOB_MEMORY_MB_MIN, FOG_JOB_MEMORY_MB_MAX,
			      MEMORY_MB_DEFAULT);
	u64 wall = optional(&r, "wall_seconds", 1, FOG_JOB_WALL_MS_MAX / 1000, WALL_S_DEFAULT);
	u64 output = optional(&r, "output_mb", 0, FOG_JOB_OUTPUT_MAX / MIB, OUTPUT_MB_DEFAULT);
	u64 disk = optional(&r, "disk_mb", 0, DISK_MB_MAX, 0);
	u64 pids = optional(&r, "pids", 1, PIDS_MAX, PIDS_DEFAULT);
	(void)optional(&r, "artifacts_mb", 1, FOG_JOB_FILE_MAX / MIB, 1);
	u64 count = optional(&r, "accelerators", 0, FOG_JOB_ACCELERATORS_MAX, 0);
	u64 each = optional(&r, "accelerator_memory_mb", 0, FOG_JOB_MEMORY_MB_MAX, 0);
	const char *type =
		fog_json_has(&r, "accelerator_type")
			? fog_json_text_of(&r, "accelerator_type", FOG_JOB_ACCELERATOR_SIZE)
			: "";
	fog_json_end(&r);
	json_decref(empty);
	if (!fog_json_ok(&r)) {
		if (fog_json_ok(outer))
			snprintf(outer->error, sizeof(outer->error), "%s", r.error);
		return NULL;
	}
	json_t *out =
		json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "cpu_milli", (json_int_t)cpu, "memory_bytes",
			  (json_int_t)(memory * MIB), "wall_ms", (json_int_t)(wall * 1000),
			  "output_bytes", (json_int_t)(output * MIB), "disk_bytes",
			  (json_int_t)(disk * MIB), "pids", (json_int_t)pids);
	if (count != 0)
		json_object_set_new(out, "accelerators", json_integer((json_int_t)count));
	if (each != 0)
		json_object_set_new(out, "accelerator_memory_bytes",
				    json_integer((json_int_t)(each * MIB)));
	if (type[0] != '\0')
		json_object_set_new(out, "accelerator_type", json_string(type));
	return out;
}

/* {"K":"v"} to ["K=v"]; the object is walked in the order of its sorted keys later. */
static int text_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *env_make(struct fog_json_reader *r)
{
	const char *keys[FOG_JOB_ENV_MAX];
	const char *key;
	json_t *value, *out = json_array();
	u32 count = 0;

	if (!fog_json_has(r, "env"))
		return out;
	const json_t *object = fog_json_object(r, "env");
	if (object != NULL && json_object_size(object) > FOG_JOB_ENV_MAX) {
		fog_json_wrong(r, "env", "more than %u variables", FOG_JOB_ENV_MAX);
		return out;
	}
	json_object_foreach((json_t *)object, key, value)
	{
		if (!json_is_string(value) || strchr(key, '=') != NULL)
			fog_json_wrong(r, "env", "%.64s must be text", key);
		keys[count++] = key;
	}
	if (!fog_json_ok(r))
		return out;
	qsort(keys, count, sizeof(keys[0]), text_compare);
	for (u32 i = 0; i < count; i++) {
		const char *text = json_string_value(json_object_get(object, keys[i]));
		json_array_append_new(out, json_sprintf("%s=%s", keys[i], text));
	}
	return out;
}

static void input_add(struct fog_json_reader *r, const char *field, const char *name,
		      const json_t *base64, struct fog_job_request *out)
{
	struct fog_job_input_data *in = &out->input[out->input_count];
	size_t len = json_string_length(base64);

	if (!json_is_string(base64)) {
		fog_json_wrong(r, field, "must be base64 text");
		return;
	}
	in->data = malloc(len / 4 * 3 + 1);
	if (in->data == NULL) {
		fog_json_wrong(r, field, "no memory");
		return;
	}
	out->input_count++;
	snprintf(in->name, sizeof(in->name), "%s", name);
	long size = fog_base64_decode(json_string_value(base64), len, in->data);
	if (size < 0)
		fog_json_wrong(r, field, "is not base64");
	else if (size > FOG_JOB_INPUT_MAX)
		fog_json_wrong(r, field, "larger than %u bytes", FOG_JOB_INPUT_MAX);
	else
		in->size = (size_t)size;
}

static void inputs_read(struct fog_json_reader *r, struct fog_job_request *out)
{
	const json_t *list;
	u8 sha256[32];
	size_t i;
	json_t *v;

	if (fog_json_has(r, "stdin_base64"))
		input_add(r, "stdin_base64", FOG_JOB_STDIN, fog_json_get(r, "stdin_base64"), out);
	if (!fog_json_has(r, "inputs"))
		return;
	list = fog_json_array(r, "inputs", 0, FOG_JOB_INPUTS_MAX - out->input_count);
	json_array_foreach((json_t *)list, i, v)
	{
		const json_t *name = json_object_get(v, "name");
		if (!json_is_string(name) || !fog_job_input_name_valid(json_string_value(name))) {
			fog_json_wrong(r, "inputs",
				       "entry %zu: name must be 1 to 63 of [A-Za-z0-9._-]", i);
			return;
		}
		const char *hash = json_string_value(json_object_get(v, "sha256"));
		if (json_object_get(v, "sha256") != NULL) { /* its bytes are here: hashes_add() */
			if (hash == NULL || fog_hex_decode(hash, sha256, sizeof(sha256)) != 0)
				fog_json_wrong(r, "inputs", "%.63s: sha256 must be 64 hex digits",
					       json_string_value(name));
			continue;
		}
		input_add(r, "inputs", json_string_value(name), json_object_get(v, "data_base64"),
			  out);
	}
}

static json_t *inputs_make(const struct fog_job_request *request)
{
	json_t *list = json_array();

	for (u32 i = 0; i < request->input_count; i++) {
		const struct fog_job_input_data *in = &request->input[i];
		u8 sha256[32];
		fog_hash_sha256(sha256, in->data, in->size);
		json_array_append_new(list, json_pack("{s:s,s:o,s:I}", "name", in->name, "sha256",
						      fog_json_hex_new(sha256, 32), "size",
						      (json_int_t)in->size));
	}
	return list;
}

static bool host_text_valid(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len < FOG_JOB_HOST_SIZE && fog_job_id_valid(text);
}

/* "host", or the name of an attribute. */
static enum fog_placement_key rule_read(struct fog_json_reader *r, const char *field)
{
	if (!fog_json_has(r, field))
		return FOG_PLACEMENT_KEY_INVALID;
	const char *text = fog_json_text_of(r, field, FOG_PLACEMENT_NAME_SIZE);
	if (strcmp(text, "host") == 0)
		return FOG_JOB_APART_HOST;
	enum fog_placement_key key = fog_placement_key_parse(text);
	if (fog_json_ok(r) && key == FOG_PLACEMENT_KEY_INVALID)
		fog_json_wrong(r, field, "must be host or an attribute: operator, country, ..");
	return key;
}

static void wishes_constraints(struct fog_json_reader *outer, const json_t *object,
			       struct fog_job_wishes *out)
{
	struct fog_json_reader r;
	const char *key;
	json_t *value;
	size_t i;

	fog_json_begin(&r, object, "constraints.");
	if (fog_json_has(&r, "reputation_min"))
		out->reputation_min = fog_json_real(&r, "reputation_min", 0, 1);
	const json_t *list = NULL;
	if (fog_json_has(&r, "exclude"))
		list = fog_json_array(&r, "exclude", 0, FOG_JOB_EXCLUDES_MAX);
	json_array_foreach((json_t *)list, i, value)
	{
		if (!json_is_string(value) || !host_text_valid(json_string_value(value)))
			fog_json_wrong(&r, "exclude", "entry %zu must be a host", i);
		else
			snprintf(out->exclude[out->exclude_count++], FOG_JOB_HOST_SIZE, "%s",
				 json_string_value(value));
	}
	out->apart = rule_read(&r, "apart");
	out->spread = rule_read(&r, "spread");
	if (fog_json_has(&r, "with"))
		fog_json_copy(&r, "with", out->with, sizeof(out->with));
	const json_t *equalities = NULL;
	if (fog_json_has(&r, "attributes"))
		equalities = fog_json_object(&r, "attributes");
	if (json_object_size(equalities) > FOG_PLACEMENT_ATTRIBUTES_MAX)
		fog_json_wrong(&r, "attributes", "more than %u", FOG_PLACEMENT_ATTRIBUTES_MAX);
	json_object_foreach((json_t *)equalities, key, value)
	{
		if (!fog_json_ok(&r))
			break;
		struct fog_placement_equality *e = &out->equality[out->equality_count++];
		e->key = fog_placement_key_parse(key);
		if (e->key == FOG_PLACEMENT_KEY_INVALID)
			fog_json_wrong(&r, "attributes", "no attribute \"%.32s\"", key);
		else if (json_is_string(value) &&
			 json_string_length(value) < FOG_PLACEMENT_VALUE_SIZE)
			snprintf(e->value, sizeof(e->value), "%s", json_string_value(value));
		else if (json_is_integer(value))
			snprintf(e->value, sizeof(e->value), "%lld",
				 (long long)json_integer_value(value));
		else
			fog_json_wrong(&r, "attributes", "%.32s must be text or a number", key);
	}
	fog_json_end(&r);
	if (!fog_json_ok(&r) && fog_json_ok(outer))
		snprintf(outer->error, sizeof(outer->error), "%s", r.error);
}

/* Made by dag.c of inputs with "from". */
static void from_read(struct fog_json_reader *r, struct fog_job_wishes *out)
{
	const json_t *list = fog_json_array(r, "inputs_from", 0, FOG_JOB_INPUTS_MAX);
	size_t i;
	json_t *v;

	json_array_foreach((json_t *)list, i, v)
	{
		const char *name = json_string_value(json_object_get(v, "name"));
		const char *hash = json_string_value(json_object_get(v, "sha256"));
		const char *job = json_string_value(json_object_get(v, "job"));
		const char *artifact = json_string_value(json_object_get(v, "artifact"));
		char path[FOG_EXECUTOR_ARTIFACT_NAME_MAX + 1];
		if (name == NULL || !fog_job_input_name_valid(name) ||
		    (hash == NULL && (job == NULL || !fog_job_id_valid(job)))) {
			fog_json_wrong(r, "inputs_from", "entry %zu: must have a name and a job",
				       i);
			return;
		}
		if (artifact != NULL && !fog_kept_name_decode(artifact, path))
			fog_json_wrong(r, "inputs_from", "entry %zu: artifact is no name of one",
				       i);
		if (hash != NULL && fog_hex_decode(hash, out->from[i].sha256, 32) != 0)
			fog_json_wrong(r, "inputs", "%.63s: sha256 must be 64 hex digits", name);
		snprintf(out->from[i].name, sizeof(out->from[i].name), "%s", name);
		snprintf(out->from[i].job, sizeof(out->from[i].job), "%s", hash == NULL ? job : "");
		snprintf(out->from[i].artifact, sizeof(out->from[i].artifact), "%s",
			 artifact != NULL ? artifact : "");
		out->from_count = (u32)i + 1;
	}
}

static void wishes_read(struct fog_json_reader *r, struct fog_job_wishes *out)
{
	memset(out, 0, sizeof(*out));
	if (fog_json_has(r, "inputs_from"))
		from_read(r, out);
	if (fog_json_has(r, "target")) {
		fog_json_copy(r, "target", out->target, sizeof(out->target));
		if (fog_json_ok(r) && !host_text_valid(out->target))
			fog_json_wrong(r, "target", "must be \"self\", a node id or a host's name");
	}
	if (fog_json_has(r, "price_cap"))
		out->price_cap = fog_json_i64(r, "price_cap", 1, FOG_JOB_PRICE_MAX);
	if (fog_json_has(r, "constraints")) {
		const json_t *object = fog_json_object(r, "constraints");
		if (object != NULL)
			wishes_constraints(r, object, out);
	}
	fog_job_terms_read(r, &out->terms);
}

static void wish_copy(const json_t *body, const char *field, json_t *out)
{
	json_t *v = json_object_get(body, field);

	if (v != NULL && !json_is_null(v))
		json_object_set(out, field, v);
}

/* Inputs that are known by their hash become wishes, like those that come from other jobs. */
static void hashes_add(const json_t *body, json_t *wishes)
{
	json_t *list = json_array();
	size_t i;
	json_t *v;

	json_array_extend(list, json_object_get(wishes, "inputs_from"));
	json_array_foreach(json_object_get(body, "inputs"), i, v)
	{
		if (json_object_get(v, "sha256") != NULL)
			json_array_append_new(list, json_pack("{s:O?,s:O}", "name",
							      json_object_get(v, "name"), "sha256",
							      json_object_get(v, "sha256")));
	}
	if (json_array_size(list) != 0)
		json_object_set(wishes, "inputs_from", list);
	json_decref(list);
}

/* Keeps the fields as they were given: they have been checked. */
static json_t *wishes_make(const json_t *body)
{
	static const char *const fields[] = {"target", "constraints", "price_cap", "inputs_from"};
	json_t *out = json_object();

	for (u32 i = 0; i < FOG_ARRAY_COUNT(fields); i++)
		wish_copy(body, fields[i], out);
	for (u32 i = 0; fog_job_terms_fields[i] != NULL; i++)
		wish_copy(body, fog_job_terms_fields[i], out);
	hashes_add(body, out);
	return out;
}

int fog_job_wishes_parse(const char *text, struct fog_job_wishes *out,
			 char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_json_reader r;
	json_t *root = fog_json_parse(text, strlen(text), error);

	if (root == NULL)
		return -EINVAL;
	fog_json_begin(&r, root, "");
	wishes_read(&r, out);
	fog_json_end(&r);
	json_decref(root);
	snprintf(error, FOG_JSON_ERROR_SIZE, "%s", r.error);
	return fog_json_ok(&r) ? 0 : -EINVAL;
}

/* Takes over the values; the last two may be NULL. */
static int texts_make(const json_t *body, const json_t *argv, json_t *env, json_t *limits,
		      json_t *checkpoint, json_t *artifacts, struct fog_job_request *out)
{
	bool has_stdin = out->input_count > 0 && strcmp(out->input[0].name, FOG_JOB_STDIN) == 0;
	json_t *spec = json_pack("{s:O,s:o,s:o,s:o}", "argv", argv, "env", env, "limits", limits,
				 "inputs", inputs_make(out));
	json_t *wishes = wishes_make(body);

	const char *engine = json_string_value(json_object_get(body, "engine"));

	if (checkpoint != NULL)
		json_object_set_new(spec, "checkpoint", checkpoint);
	if (artifacts != NULL)
		json_object_set_new(spec, "artifacts", artifacts);
	if (spec != NULL && engine != NULL && strcmp(engine, "native") != 0)
		json_object_set_new(spec, "engine", json_string(engine));
	if (spec != NULL && has_stdin)
		json_object_set_new(spec, "stdin", json_string(FOG_JOB_STDIN));
	out->spec_text = spec != NULL ? fog_json_text(spec) : NULL;
	out->wishes_text = wishes != NULL ? fog_json_text(wishes) : NULL;
	json_decref(spec);
	json_decref(wishes);
	return out->spec_text != NULL && out->wishes_text != NULL ? 0 : -ENOMEM;
}

/* Inputs that are added to the spec later, the checkpoint among them, must fit. */
static bool later_fits(const struct fog_job_request *r, const struct fog_job_spec *spec,
		       const struct fog_job_wishes *w, char error[FOG_JSON_ERROR_SIZE])
{
	bool lasts = spec->checkpoint.bytes_max != 0;

	if (fog_job_spec_restored(spec) != NULL) {
		snprintf(error, FOG_JSON_ERROR_SIZE,
			 "inputs: " FOG_JOB_CHECKPOINT_FILE " is the name of the checkpoint");
		return false;
	}
	for (u32 i = 0; i < w->from_count; i++) {
		const char *name = w->from[i].name;
		bool twice = false;
		for (u32 k = 0; k < spec->input_count; k++)
			twice = twice || strcmp(spec->input[k].name, name) == 0;
		for (u32 k = 0; k < i; k++)
			twice = twice || strcmp(w->from[k].name, name) == 0;
		if (!twice && !(lasts && strcmp(name, FOG_JOB_CHECKPOINT_FILE) == 0))
			continue;
		snprintf(error, FOG_JSON_ERROR_SIZE, "inputs: %.63s %s", name,
			 twice ? "is given twice" : "is the name of the checkpoint");
		return false;
	}
	if (spec->input_count + w->from_count > FOG_JOB_INPUTS_MAX) {
		snprintf(error, FOG_JSON_ERROR_SIZE, "inputs: more than %u", FOG_JOB_INPUTS_MAX);
		return false;
	}
	size_t room = (size_t)FOG_JOB_SPEC_ROOM * (w->from_count + lasts);
	if (strlen(r->spec_text) + room > FOG_JOB_SPEC_MAX) {
		snprintf(error, FOG_JSON_ERROR_SIZE,
			 "spec: larger than %zu bytes, which leaves no room for what is added to"
			 " it later: inputs of other jobs, the checkpoint",
			 FOG_JOB_SPEC_MAX - room);
		return false;
	}
	return true;
}

int fog_job_request_parse(const json_t *body, struct fog_job_request *out,
			  char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_job_wishes wishes;
	struct fog_job_spec *spec = NULL;
	struct fog_json_reader r;

	memset(out, 0, sizeof(*out));
	fog_json_begin(&r, body, "");
	const json_t *argv = fog_json_array(&r, "argv", 1, FOG_JOB_ARGS_MAX);
	json_t *env = env_make(&r);
	json_t *limits = limits_make(&r);
	json_t *checkpoint = checkpoint_make(&r);
	json_t *artifacts = artifacts_make(&r);
	inputs_read(&r, out);
	wishes_read(&r, &wishes);
	if (fog_json_has(&r, "id")) {
		fog_json_copy(&r, "id", out->id, sizeof(out->id));
		if (fog_json_ok(&r) && !fog_job_id_valid(out->id))
			fog_json_wrong(&r, "id", "must be 1 to 64 of [A-Za-z0-9._-]");
	}
	if (fog_json_has(&r, "engine"))
		(void)fog_json_text_of(&r, "engine", FOG_JOB_ENGINE_SIZE);
	if (fog_json_has(&r, "name"))
		fog_json_copy(&r, "name", out->name, sizeof(out->name));
	fog_json_end(&r);
	if (!fog_json_ok(&r)) {
		snprintf(error, FOG_JSON_ERROR_SIZE, "%s", r.error);
		json_decref(env);
		json_decref(limits);
		json_decref(checkpoint);
		json_decref(artifacts);
		fog_job_request_free(out);
		return -EINVAL;
	}
	int rc = texts_make(body, argv, env, limits, checkpoint, artifacts, out);
	if (rc == 0) /* what the worker will check is checked here already */
		rc = fog_job_spec_parse(out->spec_text, strlen(out->spec_text), &spec, error);
	if (rc == 0)
		rc = fog_job_wishes_parse(out->wishes_text, &wishes, error);
	if (rc == 0 && !later_fits(out, spec, &wishes, error))
		rc = -EINVAL;
	fog_job_spec_free(spec);
	if (rc != 0)
		fog_job_request_free(out);
	return rc;
}

const char *fog_job_kind_name(enum fog_job_kind kind)
{
	static const char *const names[FOG_JOB_KIND_COUNT] = {"single", "array", "gang", "replica"};

	return kind < FOG_JOB_KIND_COUNT ? names[kind] : "single";
}

void fog_job_request_free(struct fog_job_request *request)
{
	for (u32 i = 0; i < request->input_count; i++)
		free(request->input[i].data);
	free(request->spec_text);
	free(request->wishes_text);
	memset(request, 0, sizeof(*request));
}

bool fog_job_host_matches(const char *text, const struct fog_placement_host *host)
{
	char id[2 * FOG_NODE_ID_SIZE + 1];
	size_t len = strlen(text);

	if (strcmp(text, "self") == 0)
		return host->local;
	if (strcmp(text, host->name) == 0)
		return true;
	if (len < PREFIX_DIGITS || fog_hex_encode(host->id, sizeof(host->id), id, sizeof(id)) != 0)
		return false;
	return strncmp(text, id, len) == 0;
}
