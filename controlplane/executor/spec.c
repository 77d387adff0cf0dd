/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/spec.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>

#include "controlplane/executor/kept.h"
#include "crypto/mem.h"

struct reject {
	char *text;
	size_t cap;
};

struct integer_rule {
	const char *key;
	size_t offset;
	bool wide;     /* u64, else u32 */
	bool optional; /* absent or null: 0 */
	u64 min;
	u64 max;
};

#define WIDE(field)     .offset = offsetof(struct fog_executor_limits, field), .wide = true
#define TRACEPARENT_LEN 55

static const struct integer_rule integer_rules[] = {
	{"memory_bytes", WIDE(memory_bytes), false, FOG_EXECUTOR_MEMORY_MIN,
	 FOG_EXECUTOR_MEMORY_MAX},
	{"pids", offsetof(struct fog_executor_limits, pids), false, false, FOG_EXECUTOR_PIDS_MIN,
	 FOG_EXECUTOR_PIDS_MAX},
	{"wall_ms", WIDE(wall_ms), false, 1, FOG_EXECUTOR_WALL_MS_MAX},
	{"cpu_ms", WIDE(cpu_ms), true, 0, FOG_EXECUTOR_CPU_MS_MAX},
	{"output_bytes", WIDE(output_bytes), false, 0, FOG_EXECUTOR_OUTPUT_MAX},
	{"disk_bytes", WIDE(disk_bytes), true, 0, FOG_EXECUTOR_DISK_MAX},
};

static const struct {
	const char *name;
	u32 bit;
} require_names[] = {
	{"namespaces", FOG_EXECUTOR_REQUIRE_NAMESPACES},
	{"no_new_privs", FOG_EXECUTOR_REQUIRE_NO_NEW_PRIVS},
	{"seccomp", FOG_EXECUTOR_REQUIRE_SECCOMP},
	{"landlock", FOG_EXECUTOR_REQUIRE_LANDLOCK},
	{"user", FOG_EXECUTOR_REQUIRE_USER},
	{"memory", FOG_EXECUTOR_REQUIRE_MEMORY},
	{"pids", FOG_EXECUTOR_REQUIRE_PIDS},
	{"cpu", FOG_EXECUTOR_REQUIRE_CPU},
};

__attribute__((format(printf, 2, 3))) static int refuse(struct reject *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (r->text != NULL && r->cap > 0)
		vsnprintf(r->text, r->cap, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

bool fog_spec_job_valid(const char *job)
{
	size_t len = strlen(job);

	if (len == 0 || len > FOG_EXECUTOR_JOB_MAX)
		return false;
	if (strcmp(job, ".") == 0 || strcmp(job, "..") == 0)
		return false;
	return strspn(job, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
	       len;
}

bool fog_spec_name_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= FOG_EXECUTOR_NAME_MAX && name[0] != '.' &&
	       strchr(name, '/') == NULL;
}

static int check_keys(const json_t *object, const char *where, const char *const *known,
		      struct reject *r)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		size_t i = 0;
		while (known[i] != NULL && strcmp(known[i], key) != 0)
			i++;
		if (known[i] == NULL)
			return refuse(r, "%s%.64s: unknown key", where, key);
	}
	return 0;
}

static int parse_argv(struct fog_spec *s, size_t *strings, struct reject *r)
{
	const json_t *argv = json_object_get(s->root, "argv");

	if (!json_is_array(argv))
		return refuse(r, "argv: must be an array of strings");
	size_t count = json_array_size(argv);
	if (count == 0 || count > FOG_EXECUTOR_ARGS_MAX)
		return refuse(r, "argv: must have 1 to %d strings, has %zu", FOG_EXECUTOR_ARGS_MAX,
			      count);
	for (size_t i = 0; i < count; i++) {
		const char *arg = json_string_value(json_array_get(argv, i));
		if (arg == NULL)
			return refuse(r, "argv[%zu]: must be a string", i);
		s->argv[i] = arg;
		*strings += strlen(arg) + 1;
	}
	if (s->argv[0][0] == '\0')
		return refuse(r, "argv[0]: must not be empty");
	s->spec.argv = s->argv;
	s->spec.argv_count = count;
	return 0;
}

static bool env_key_valid(const char *key)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	size_t len = strlen(key);

	if (len == 0 || strchr(first, key[0]) == NULL)
		return false;
	for (size_t i = 1; i < len; i++)
		if (strchr(first, key[i]) == NULL && (key[i] < '0' || key[i] > '9'))
			return false;
	return true;
}

static int parse_env(struct fog_spec *s, size_t *strings, struct reject *r)
{
	json_t *env = json_object_get(s->root, "env");
	const char *key;
	json_t *value;
	size_t bytes = 0;
	size_t at = 0;
	size_t i = 0;

	s->spec.env = s->env;
	if (env == NULL || json_is_null(env))
		return 0;
	if (!json_is_object(env))
		return refuse(r, "env: must be an object of strings");
	if (json_object_size(env) > FOG_EXECUTOR_ENV_MAX)
		return refuse(r, "env: must have at most %d variables, has %zu",
			      FOG_EXECUTOR_ENV_MAX, json_object_size(env));
	json_object_foreach(env, key, value)
	{
		if (!env_key_valid(key))
			return refuse(r, "env: \"%.64s\" is not a variable's name", key);
		if (!json_is_string(value))
			return refuse(r, "env.%.64s: must be a string", key);
		bytes += strlen(key) + strlen(json_string_value(value)) + 2;
	}
	*strings += bytes;
	s->env_text = malloc(bytes + 1);
	if (s->env_text == NULL)
		return -ENOMEM;
	json_object_foreach(env, key, value)
	{
		s->env[i++] = s->env_text + at;
		at += (size_t)snprintf(s->env_text + at, bytes + 1 - at, "%s=%s", key,
				       json_string_value(value)) +
		      1;
	}
	s->spec.env_count = i;
	return 0;
}

static int parse_integer(struct fog_executor_limits *limits, const json_t *object,
			 const struct integer_rule *rule, struct reject *r)
{
	const json_t *value = json_object_get(object, rule->key);
	u8 *field = (u8 *)limits + rule->offset;

	if (value == NULL && !rule->optional)
		return refuse(r, "limits.%s: missing", rule->key);
	if (value == NULL || (rule->optional && json_is_null(value)))
		return 0;
	if (!json_is_integer(value))
		return refuse(r, "limits.%s: must be an integer", rule->key);
	json_int_t n = json_integer_value(value);
	if (n < 0 || (u64)n < rule->min || (u64)n > rule->max)
		return refuse(r, "limits.%s: must be %llu to %llu", rule->key,
			      (unsigned long long)rule->min, (unsigned long long)rule->max);
	if (rule->wide)
		fog_store_u64(field, (u64)n);
	else
		fog_store_u32(field, (u32)n);
	return 0;
}

static int parse_limits(struct fog_spec *s, struct reject *r)
{
	static const char *const known[] = {"cpu_cores", "memory_bytes", "pids",       "wall_ms",
					    "cpu_ms",    "output_bytes", "disk_bytes", NULL};
	const json_t *limits = json_object_get(s->root, "limits");

	if (!json_is_object(limits))
		return refuse(r, "limits: must be an object");
	int ret = check_keys(limits, "limits.", known, r);
	const json_t *cores = json_object_get(limits, "cpu_cores");
	if (ret == 0 && !json_is_number(cores))
		return refuse(r, "limits.cpu_cores: must be a number");
	s->spec.limits.cpu_cores = json_number_value(cores);
	if (ret == 0 && !(s->spec.limits.cpu_cores >= FOG_EXECUTOR_CPU_CORES_MIN &&
			  s->spec.limits.cpu_cores <= FOG_EXECUTOR_CPU_CORES_MAX))
		return refuse(r, "limits.cpu_cores: must be %g to %g", FOG_EXECUTOR_CPU_CORES_MIN,
			      FOG_EXECUTOR_CPU_CORES_MAX);
	for (size_t i = 0; ret == 0 && i < FOG_ARRAY_COUNT(integer_rules); i++)
		ret = parse_integer(&s->spec.limits, limits, &integer_rules[i], r);
	return ret;
}

static int parse_require(struct fog_spec *s, struct reject *r)
{
	const json_t *require = json_object_get(s->root, "require");

	if (require == NULL || json_is_null(require)) {
		s->spec.require = FOG_EXECUTOR_REQUIRE_DEFAULT;
		return 0;
	}
	if (!json_is_array(require))
		return refuse(r, "require: must be an array of strings");
	s->spec.require = json_array_size(require) == 0 ? FOG_EXECUTOR_REQUIRE_NOTHING : 0;
	for (size_t i = 0; i < json_array_size(require); i++) {
		const char *word = json_string_value(json_array_get(require, i));
		size_t k = 0;
		while (word != NULL && k < FOG_ARRAY_COUNT(require_names) &&
		       strcmp(word, require_names[k].name) != 0)
			k++;
		if (word == NULL || k == FOG_ARRAY_COUNT(require_names))
			return refuse(r, "require[%zu]: not a kind of confinement", i);
		s->spec.require |= require_names[k].bit;
	}
	return 0;
}

static int parse_names(struct fog_spec *s, struct reject *r)
{
	const json_t *engine = json_object_get(s->root, "engine");
	const json_t *input = json_object_get(s->root, "stdin");
	const json_t *network = json_object_get(s->root, "network");
	const json_t *trace = json_object_get(s->root, "traceparent");

	s->spec.job = json_string_value(json_object_get(s->root, "job"));
	if (s->spec.job == NULL || !fog_spec_job_valid(s->spec.job))
		return refuse(r, "job: must be 1 to %d of A-Z a-z 0-9 . _ -", FOG_EXECUTOR_JOB_MAX);
	s->spec.engine = "native";
	if (engine != NULL)
		s->spec.engine = json_string_value(engine);
	if (s->spec.engine == NULL || strlen(s->spec.engine) > FOG_EXECUTOR_ENGINE_MAX)
		return refuse(r, "engine: must be a string of at most %d bytes",
			      FOG_EXECUTOR_ENGINE_MAX);
	if (input != NULL && !json_is_null(input)) {
		s->spec.stdin_name = json_string_value(input);
		if (s->spec.stdin_name == NULL || !fog_spec_name_valid(s->spec.stdin_name))
			return refuse(r, "stdin: must be null or the name of a file in input/, "
					 "without a slash or a leading dot");
	}
	if (trace != NULL) {
		s->spec.traceparent = json_string_value(trace);
		if (s->spec.traceparent == NULL || strlen(s->spec.traceparent) != TRACEPARENT_LEN)
			return refuse(r, "traceparent: must be a string of %d bytes",
				      TRACEPARENT_LEN);
	}
	if (network != NULL && !json_is_boolean(network))
		return refuse(r, "network: must be true or false");
	s->spec.network = json_is_true(network);
	return 0;
}

static int parse_builders(struct fog_spec *s, struct reject *r)
{
	const json_t *list = json_object_get(s->root, "builders");

	if (list == NULL)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > FOG_EXECUTOR_BUILDERS_MAX)
		return refuse(r, "builders: must be an array of at most %d keys",
			      FOG_EXECUTOR_BUILDERS_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *hex = json_string_value(json_array_get(list, i));
		if (hex == NULL || fog_hex_decode(hex, s->builders[i], 32) < 0)
			return refuse(r, "builders[%zu]: must be 64 hex digits", i);
	}
	s->spec.builders = s->builders;
	s->spec.builder_count = json_array_size(list);
	return 0;
}

/* A file below /dev, or one folder deeper. */
static bool device_valid(const char *path)
{
	return path != NULL && strncmp(path, "/dev/", 5) == 0 &&
	       strlen(path) < FOG_ACCELERATOR_DEVICE_SIZE && strstr(path, "..") == NULL &&
	       strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_-.") ==
		       strlen(path);
}

static int parse_devices(struct fog_spec *s, struct reject *r)
{
	const json_t *list = json_object_get(s->root, "devices");

	if (list == NULL)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > FOG_ACCELERATOR_DEVICES_MAX)
		return refuse(r, "devices: must be an array of at most %d paths",
			      FOG_ACCELERATOR_DEVICES_MAX);
	if (json_array_size(list) != 0 && strcmp(s->spec.engine, "native") != 0 &&
	    strcmp(s->spec.engine, "oci") != 0)
		return refuse(r, "devices: engine \"%s\" cannot show any", s->spec.engine);
	for (size_t i = 0; i < json_array_size(list); i++) {
		s->devices[i] = json_string_value(json_array_get(list, i));
		if (!device_valid(s->devices[i]))
			return refuse(r, "devices[%zu]: must be a path in /dev", i);
	}
	s->spec.devices = s->devices;
	s->spec.device_count = json_array_size(list);
	return 0;
}

static bool number_in(const json_t *object, const char *key, u64 min, u64 max, u64 *out)
{
	const json_t *v = json_object_get(object, key);
	json_int_t n = json_integer_value(v);

	*out = (u64)n;
	return json_is_integer(v) && n >= 0 && (u64)n >= min && (u64)n <= max;
}

static int parse_checkpoint(struct fog_spec *s, struct reject *r)
{
	static const char *const known[] = {"bytes_max", "interval_ms", "grace_ms",
					    "exit_code", "from",        NULL};
	const json_t *object = json_object_get(s->root, "checkpoint");
	struct fog_executor_checkpoint *c = &s->spec.checkpoint;
	u64 exit_code;

	if (object == NULL)
		return 0;
	if (!json_is_object(object))
		return refuse(r, "checkpoint: must be an object");
	int ret = check_keys(object, "checkpoint.", known, r);
	if (ret < 0)
		return ret;
	if (!number_in(object, "bytes_max", 1, FOG_EXECUTOR_CHECKPOINT_MAX, &c->bytes_max))
		return refuse(r, "checkpoint.bytes_max: must be 1 to %llu",
			      FOG_EXECUTOR_CHECKPOINT_MAX);
	if (!number_in(object, "interval_ms", 0, FOG_EXECUTOR_INTERVAL_MS_MAX, &c->interval_ms))
		return refuse(r, "checkpoint.interval_ms: must be at most %u",
			      FOG_EXECUTOR_INTERVAL_MS_MAX);
	if (!number_in(object, "grace_ms", 1, FOG_EXECUTOR_GRACE_MS_MAX, &c->grace_ms))
		return refuse(r, "checkpoint.grace_ms: must be 1 to %u", FOG_EXECUTOR_GRACE_MS_MAX);
	if (!number_in(object, "exit_code", 0, 255, &exit_code))
		return refuse(r, "checkpoint.exit_code: must be 0 to 255");
	c->exit_code = (int)exit_code;
	const json_t *from = json_object_get(object, "from");
	c->from = json_string_value(from);
	if (from != NULL && (c->from == NULL || !fog_spec_name_valid(c->from)))
		return refuse(r, "checkpoint.from: must be the name of a file in input/");
	return 0;
}

static int parse_artifacts(struct fog_spec *s, struct reject *r)
{
	static const char *const known[] = {"bytes_max", "patterns", NULL};
	const json_t *object = json_object_get(s->root, "artifacts");
	const json_t *list = json_object_get(object, "patterns");
	struct fog_executor_artifacts *a = &s->spec.artifacts;

	if (object == NULL)
		return 0;
	if (!json_is_object(object))
		return refuse(r, "artifacts: must be an object");
	int ret = check_keys(object, "artifacts.", known, r);
	if (ret < 0)
		return ret;
	if (!number_in(object, "bytes_max", 0, FOG_EXECUTOR_ARTIFACTS_BYTES_MAX, &a->bytes_max))
		return refuse(r, "artifacts.bytes_max: must be at most %llu",
			      FOG_EXECUTOR_ARTIFACTS_BYTES_MAX);
	if (!json_is_array(list) || json_array_size(list) > FOG_EXECUTOR_PATTERNS_MAX)
		return refuse(r, "artifacts.patterns: must be an array of at most %d",
			      FOG_EXECUTOR_PATTERNS_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		s->patterns[i] = json_string_value(json_array_get(list, i));
		if (s->patterns[i] == NULL || fog_kept_pattern(s->patterns[i]) == NULL)
			return refuse(r,
				      "artifacts.patterns[%zu]: must be a path below /work without "
				      "\"..\" and with at most %d stars",
				      i, FOG_EXECUTOR_STARS_MAX);
	}
	a->patterns = s->patterns;
	a->count = json_array_size(list);
	return 0;
}

int fog_spec_parse(const char *text, size_t len, struct fog_spec **out, char *error,
		   size_t error_cap)
{
	static const char *const known[] = {"job",         "engine",  "argv",       "env",
					    "stdin",       "limits",  "network",    "require",
					    "builders",    "devices", "checkpoint", "artifacts",
					    "traceparent", NULL};
	struct reject r = {error, error_cap};
	size_t strings = 0;
	json_error_t je;
	int ret;

	if (len > FOG_EXECUTOR_SPEC_MAX)
		return refuse(&r, "spec: more than %u bytes", FOG_EXECUTOR_SPEC_MAX);
	struct fog_spec *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	if (s->root == NULL)
		ret = refuse(&r, "spec: line %d column %d: %.128s", je.line, je.column, je.text);
	else if (!json_is_object(s->root))
		ret = refuse(&r, "spec: must be an object");
	else
		ret = check_keys(s->root, "", known, &r);
	if (ret == 0)
		ret = parse_names(s, &r);
	if (ret == 0)
		ret = parse_argv(s, &strings, &r);
	if (ret == 0)
		ret = parse_env(s, &strings, &r);
	if (ret == 0 && strings > FOG_EXECUTOR_STRINGS_MAX)
		ret = refuse(&r, "argv and env: more than %u bytes", FOG_EXECUTOR_STRINGS_MAX);
	if (ret == 0)
		ret = parse_limits(s, &r);
	if (ret == 0)
		ret = parse_require(s, &r);
	if (ret == 0)
		ret = parse_builders(s, &r);
	if (ret == 0)
		ret = parse_devices(s, &r);
	if (ret == 0)
		ret = parse_checkpoint(s, &r);
	if (ret == 0)
		ret = parse_artifacts(s, &r);
	if (ret < 0)
		goto err_free;
	*out = s;
	return 0;
err_free:
	fog_spec_free(s);
	return ret;
}

void fog_spec_free(struct fog_spec *s)
{
	if (s == NULL)
		return;
	json_decref(s->root);
	free(s->env_text);
	free(s);
}

static int emit_env(json_t *root, const struct fog_executor_spec *spec)
{
	json_t *env = json_object();

	if (json_object_set_new(root, "env", env) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < spec->env_count; i++) {
		const char *eq = spec->env[i] == NULL ? NULL : strchr(spec->env[i], '=');
		if (eq == NULL)
			return -EINVAL;
		char *key = strndup(spec->env[i], (size_t)(eq - spec->env[i]));
		if (key == NULL)
			return -ENOMEM;
		int ret = json_object_get(env, key) != NULL ||
					  json_object_set_new(env, key, json_string(eq + 1)) < 0
				  ? -EINVAL
				  : 0;
		free(key);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static json_t *emit_limits(const struct fog_executor_limits *l)
{
	json_t *limits = json_object();

	json_object_set_new(limits, "cpu_cores", json_real(l->cpu_cores));
	for (size_t i = 0; i < FOG_ARRAY_COUNT(integer_rules); i++) {
		const u8 *field = (const u8 *)l + integer_rules[i].offset;
		u64 n = integer_rules[i].wide ? fog_load_u64(field) : fog_load_u32(field);
		// Above the signed range it turns negative, which the parser refuses as well.
		json_object_set_new(limits, integer_rules[i].key, json_integer((json_int_t)n));
	}
	return limits;
}

static json_t *emit_builders(const struct fog_executor_spec *spec)
{
	json_t *list = json_array();
	char hex[65];

	for (size_t i = 0; i < spec->builder_count; i++) {
		(void)fog_hex_encode(spec->builders[i], 32, hex, sizeof(hex));
		json_array_append_new(list, json_string(hex));
	}
	return list;
}

static void emit_leavings(json_t *root, const struct fog_executor_spec *spec)
{
	const struct fog_executor_checkpoint *c = &spec->checkpoint;
	const struct fog_executor_artifacts *a = &spec->artifacts;
	json_t *patterns;

	if (c->bytes_max != 0) {
		json_t *o = json_pack("{s:I,s:I,s:I,s:i}", "bytes_max", (json_int_t)c->bytes_max,
				      "interval_ms", (json_int_t)c->interval_ms, "grace_ms",
				      (json_int_t)c->grace_ms, "exit_code", c->exit_code);
		if (c->from != NULL)
			json_object_set_new(o, "from", json_string(c->from));
		json_object_set_new(root, "checkpoint", o);
	}
	if (a->count == 0)
		return;
	patterns = json_array();
	for (size_t i = 0; i < a->count; i++)
		json_array_append_new(patterns, json_string(a->patterns[i]));
	json_object_set_new(root, "artifacts",
			    json_pack("{s:I,s:o}", "bytes_max", (json_int_t)a->bytes_max,
				      "patterns", patterns));
}

int fog_spec_emit(const struct fog_executor_spec *spec, char **text)
{
	if (spec->job == NULL || spec->argv == NULL || !isfinite(spec->limits.cpu_cores) ||
	    spec->argv_count > FOG_EXECUTOR_ARGS_MAX || spec->env_count > FOG_EXECUTOR_ENV_MAX ||
	    (spec->env_count > 0 && spec->env == NULL))
		return -EINVAL;
	json_t *root = json_object();
	json_t *argv = json_array();
	int ret = json_object_set_new(root, "argv", argv) < 0 ? -ENOMEM : 0;

	for (size_t i = 0; ret == 0 && i < spec->argv_count; i++)
		if (spec->argv[i] == NULL ||
		    json_array_append_new(argv, json_string(spec->argv[i])) < 0)
			ret = -EINVAL;
	if (ret == 0)
		ret = emit_env(root, spec);
	if (ret < 0)
		goto out;
	ret = -EINVAL;
	if (json_object_set_new(root, "job", json_string(spec->job)) < 0)
		goto out;
	if (spec->engine != NULL &&
	    json_object_set_new(root, "engine", json_string(spec->engine)) < 0)
		goto out;
	if (json_object_set_new(root, "stdin",
				spec->stdin_name == NULL ? json_null()
							 : json_string(spec->stdin_name)) < 0)
		goto out;
	if (spec->traceparent != NULL)
		json_object_set_new(root, "traceparent", json_string(spec->traceparent));
	json_object_set_new(root, "network", json_boolean(spec->network));
	json_object_set_new(root, "limits", emit_limits(&spec->limits));
	if (spec->builder_count > 0)
		json_object_set_new(root, "builders", emit_builders(spec));
	if (spec->device_count > 0) {
		json_t *devices = json_array();
		for (size_t k = 0; k < spec->device_count; k++)
			json_array_append_new(devices, json_string(spec->devices[k]));
		json_object_set_new(root, "devices", devices);
	}
	emit_leavings(root, spec);
	if (spec->require != 0) {
		json_t *require = json_array();
		for (size_t k = 0; k < FOG_ARRAY_COUNT(require_names); k++)
			if (spec->require & require_names[k].bit)
				json_array_append_new(require, json_string(require_names[k].name));
		json_object_set_new(root, "require", require);
	}
	*text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
	ret = *text == NULL ? -ENOMEM : 0;
out:
	json_decref(root);
	return ret;
}
