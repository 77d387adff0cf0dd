/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/result.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <unistd.h>

static const char *const outcome_names[] = {
	[FOG_EXECUTOR_OUTCOME_NONE] = "none", [FOG_EXECUTOR_EXITED] = "exited",
	[FOG_EXECUTOR_SIGNALED] = "signaled", [FOG_EXECUTOR_TIMEOUT] = "timeout",
	[FOG_EXECUTOR_OOM] = "oom",           [FOG_EXECUTOR_CANCELLED] = "cancelled",
	[FOG_EXECUTOR_FAILED] = "failed",
};
static const char *const state_names[] = {
	[FOG_EXECUTOR_STATE_NONE] = "none",   [FOG_EXECUTOR_PENDING] = "pending",
	[FOG_EXECUTOR_RUNNING] = "running",   [FOG_EXECUTOR_FINISHED] = "finished",
	[FOG_EXECUTOR_VANISHED] = "vanished",
};
static const char *const namespace_names[] = {"user", "mount", "pid",   "net",
					      "ipc",  "uts",   "cgroup"};
static const char *const limit_names[] = {"memory", "pids", "cpu"};
static const char *const cgroup_names[] = {"none", "v1", "v2"};

static const struct {
	const char *key;
	size_t offset;
} usage_fields[] = {
	{"wall_ms", offsetof(struct fog_executor_usage, wall_ms)},
	{"cpu_user_ms", offsetof(struct fog_executor_usage, cpu_user_ms)},
	{"cpu_system_ms", offsetof(struct fog_executor_usage, cpu_system_ms)},
	{"memory_peak_bytes", offsetof(struct fog_executor_usage, memory_peak_bytes)},
	{"output_bytes", offsetof(struct fog_executor_usage, output_bytes)},
	{"io_read_bytes", offsetof(struct fog_executor_usage, io_read_bytes)},
	{"io_write_bytes", offsetof(struct fog_executor_usage, io_write_bytes)},
};

const char *fog_executor_outcome_name(enum fog_executor_outcome outcome)
{
	return (size_t)outcome < FOG_ARRAY_COUNT(outcome_names) ? outcome_names[outcome]
								: "unknown";
}

const char *fog_executor_state_name(enum fog_executor_state state)
{
	return (size_t)state < FOG_ARRAY_COUNT(state_names) ? state_names[state] : "unknown";
}

static json_t *hex_new(const u8 digest[32])
{
	char text[65];

	for (size_t i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return json_string(text);
}

static json_t *bits_new(u32 bits, const char *const *names, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		if (bits & 1u << i)
			json_array_append_new(array, json_string(names[i]));
	return array;
}

static json_t *sandbox_new(const struct fog_executor_sandbox *s)
{
	json_t *o = json_object();

	json_object_set_new(
		o, "namespaces",
		bits_new(s->namespaces, namespace_names, FOG_ARRAY_COUNT(namespace_names)));
	json_object_set_new(o, "no_new_privs", json_boolean(s->no_new_privs));
	json_object_set_new(o, "seccomp", json_boolean(s->seccomp));
	json_object_set_new(o, "proc", json_boolean(s->proc));
	json_object_set_new(o, "landlock_abi", json_integer(s->landlock_abi));
	json_object_set_new(o, "cgroup", json_string(cgroup_names[s->cgroup_version]));
	json_object_set_new(o, "cgroup_limits",
			    bits_new(s->cgroup_limits, limit_names, FOG_ARRAY_COUNT(limit_names)));
	json_object_set_new(o, "uid", json_integer(s->uid));
	json_object_set_new(o, "machine", json_string(s->machine));
	return o;
}

/* The error may quote names a job's owner chose: cut at a limit it may end inside a character. */
static json_t *text_new(const char *text)
{
	json_t *s = json_string(text);

	return s != NULL ? s : json_string("(not UTF-8)");
}

int fog_result_emit(const struct fog_executor_result *r, char **text)
{
	json_t *o = json_object();
	json_t *usage = json_object();

	FOG_ASSERT(r->sandbox.cgroup_version < FOG_ARRAY_COUNT(cgroup_names));
	json_object_set_new(o, "state", json_string(fog_executor_outcome_name(r->outcome)));
	json_object_set_new(o, "exit_code",
			    r->exit_code < 0 ? json_null() : json_integer(r->exit_code));
	json_object_set_new(o, "signal", r->signal == 0 ? json_null() : json_integer(r->signal));
	json_object_set_new(o, "error", r->error[0] == '\0' ? json_null() : text_new(r->error));
	json_object_set_new(o, "started_unix_ms", json_integer((json_int_t)r->started_unix_ms));
	json_object_set_new(o, "ended_unix_ms", json_integer((json_int_t)r->ended_unix_ms));
	for (size_t i = 0; i < FOG_ARRAY_COUNT(usage_fields); i++)
		json_object_set_new(usage, usage_fields[i].key,
				    json_integer((json_int_t)fog_load_u64((const u8 *)&r->usage +
									  usage_fields[i].offset)));
	json_object_set_new(o, "usage", usage);
	json_object_set_new(o, "stdout_sha256", hex_new(r->stdout_sha256));
	json_object_set_new(o, "stderr_sha256", hex_new(r->stderr_sha256));
	json_object_set_new(o, "output_truncated", json_boolean(r->output_truncated));
	json_object_set_new(o, "sandbox", sandbox_new(&r->sandbox));
	*text = json_dumps(o, JSON_INDENT(1));
	json_decref(o);
	return *text == NULL ? -ENOMEM : 0;
}

/* Readers: each returns false when the value is missing or of another kind. */
static bool get_u64(const json_t *o, const char *key, u64 max, u64 *out)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0 || (u64)json_integer_value(v) > max)
		return false;
	*out = (u64)json_integer_value(v);
	return true;
}

static bool get_bool(const json_t *o, const char *key, bool *out)
{
	const json_t *v = json_object_get(o, key);

	*out = json_is_true(v);
	return json_is_boolean(v);
}

/* An integer 0..255, or null: keeps what is there. */
static bool get_small(const json_t *o, const char *key, int *out)
{
	u64 n;

	if (json_is_null(json_object_get(o, key)))
		return true;
	if (!get_u64(o, key, 255, &n))
		return false;
	*out = (int)n;
	return true;
}

static bool get_text(const json_t *o, const char *key, char *out, size_t cap)
{
	const json_t *v = json_object_get(o, key);

	out[0] = '\0';
	if (json_is_null(v))
		return true;
	if (!json_is_string(v) || json_string_length(v) >= cap)
		return false;
	memcpy(out, json_string_value(v), json_string_length(v) + 1);
	return true;
}

static bool get_hex(const json_t *o, const char *key, u8 out[32])
{
	static const char digits[] = "0123456789abcdef";
	const json_t *v = json_object_get(o, key);

	if (!json_is_string(v) || json_string_length(v) != 64)
		return false;
	for (size_t i = 0; i < 64; i++) {
		const char *d = strchr(digits, json_string_value(v)[i]);
		if (d == NULL)
			return false;
		out[i / 2] = (u8)(out[i / 2] << 4 | (d - digits));
	}
	return true;
}

static bool get_word(const json_t *v, const char *const *names, size_t count, u32 *out)
{
	for (u32 i = 0; json_is_string(v) && i < count; i++) {
		if (strcmp(json_string_value(v), names[i]) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool get_bits(const json_t *o, const char *key, const char *const *names, size_t count,
		     u32 *out)
{
	const json_t *array = json_object_get(o, key);
	u32 which;

	*out = 0;
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (!get_word(json_array_get(array, i), names, count, &which))
			return false;
		*out |= 1u << which;
	}
	return json_is_array(array);
}

static bool get_sandbox(const json_t *o, struct fog_executor_sandbox *s)
{
	u64 abi, uid;

	if (!get_bits(o, "namespaces", namespace_names, FOG_ARRAY_COUNT(namespace_names),
		      &s->namespaces) ||
	    !get_bits(o, "cgroup_limits", limit_names, FOG_ARRAY_COUNT(limit_names),
		      &s->cgroup_limits))
		return false;
	if (!get_bool(o, "no_new_privs", &s->no_new_privs) ||
	    !get_bool(o, "seccomp", &s->seccomp) || !get_bool(o, "proc", &s->proc))
		return false;
	if (!get_word(json_object_get(o, "cgroup"), cgroup_names, FOG_ARRAY_COUNT(cgroup_names),
		      &s->cgroup_version))
		return false;
	if (!get_u64(o, "landlock_abi", UINT32_MAX, &abi) || !get_u64(o, "uid", UINT32_MAX, &uid))
		return false;
	s->landlock_abi = (u32)abi;
	s->uid = (u32)uid;
	const char *machine = json_string_value(json_object_get(o, "machine"));
	if (machine == NULL || strlen(machine) >= sizeof(s->machine))
		return false;
	memcpy(s->machine, machine, strlen(machine) + 1);
	return true;
}

static bool get_result(const json_t *o, struct fog_executor_result *r)
{
	const json_t *usage = json_object_get(o, "usage");
	u32 outcome;

	r->exit_code = -1;
	if (!get_word(json_object_get(o, "state"), outcome_names, FOG_ARRAY_COUNT(outcome_names),
		      &outcome) ||
	    outcome == FOG_EXECUTOR_OUTCOME_NONE)
		return false;
	r->outcome = outcome;
	for (size_t i = 0; i < FOG_ARRAY_COUNT(usage_fields); i++) {
		u64 n;
		if (!get_u64(usage, usage_fields[i].key, INT64_MAX, &n))
			return false;
		fog_store_u64((u8 *)&r->usage + usage_fields[i].offset, n);
	}
	return get_small(o, "exit_code", &r->exit_code) && get_small(o, "signal", &r->signal) &&
	       get_text(o, "error", r->error, sizeof(r->error)) &&
	       get_u64(o, "started_unix_ms", INT64_MAX, &r->started_unix_ms) &&
	       get_u64(o, "ended_unix_ms", INT64_MAX, &r->ended_unix_ms) &&
	       get_hex(o, "stdout_sha256", r->stdout_sha256) &&
	       get_hex(o, "stderr_sha256", r->stderr_sha256) &&
	       get_bool(o, "output_truncated", &r->output_truncated) &&
	       get_sandbox(json_object_get(o, "sandbox"), &r->sandbox);
}

int fog_result_parse(const char *text, size_t len, struct fog_executor_result *r)
{
	memset(r, 0, sizeof(*r));
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	int ret = o != NULL && get_result(o, r) ? 0 : -EBADMSG;
	if (ret < 0)
		memset(r, 0, sizeof(*r));
	json_decref(o);
	return ret;
}

int fog_state_emit(const struct fog_executor_monitor *m, char **text)
{
	json_t *o = json_object();
	json_t *leaves = json_array();

	json_object_set_new(o, "state", json_string(m->running ? "running" : "starting"));
	json_object_set_new(o, "pid", json_integer(m->pid));
	json_object_set_new(o, "monitor_pid", json_integer(m->monitor_pid));
	json_object_set_new(o, "monitor_start", json_integer((json_int_t)m->monitor_start));
	json_object_set_new(o, "started_ms", json_integer((json_int_t)m->started_unix_ms));
	for (u32 i = 0; i < m->leaves; i++)
		json_array_append_new(leaves, text_new(m->leaf[i]));
	json_object_set_new(o, "cgroups", leaves);
	*text = json_dumps(o, JSON_INDENT(1));
	json_decref(o);
	return *text == NULL ? -ENOMEM : 0;
}

static bool get_state(const json_t *o, struct fog_executor_monitor *m)
{
	static const char *const words[] = {"starting", "running"};
	const json_t *leaves = json_object_get(o, "cgroups");
	u64 pid, monitor_pid;
	u32 word;

	if (!get_word(json_object_get(o, "state"), words, FOG_ARRAY_COUNT(words), &word) ||
	    !get_u64(o, "pid", INT_MAX, &pid) ||
	    !get_u64(o, "monitor_pid", INT_MAX, &monitor_pid) ||
	    !get_u64(o, "monitor_start", INT64_MAX, &m->monitor_start) ||
	    !get_u64(o, "started_ms", INT64_MAX, &m->started_unix_ms) || !json_is_array(leaves) ||
	    json_array_size(leaves) > FOG_EXECUTOR_LEAVES_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(leaves); i++) {
		const json_t *leaf = json_array_get(leaves, i);
		if (!json_is_string(leaf) || json_string_length(leaf) >= FOG_EXECUTOR_LEAF_MAX)
			return false;
		memcpy(m->leaf[i], json_string_value(leaf), json_string_length(leaf) + 1);
	}
	m->leaves = (u32)json_array_size(leaves);
	m->running = word == 1;
	m->pid = (pid_t)pid;
	m->monitor_pid = (pid_t)monitor_pid;
	return true;
}

int fog_state_parse(const char *text, size_t len, struct fog_executor_monitor *m)
{
	memset(m, 0, sizeof(*m));
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	int ret = o != NULL && get_state(o, m) ? 0 : -EBADMSG;
	if (ret < 0)
		memset(m, 0, sizeof(*m));
	json_decref(o);
	return ret;
}

int fog_process_start_time(pid_t pid, u64 *ticks)
{
	char path[64];
	char buf[1024];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH;
	buf[n] = '\0';
	// The name, field 2, may hold anything: count fields from its last parenthesis, field 3
	// next.
	char *at = strrchr(buf, ')');
	if (at == NULL)
		return -EBADMSG;
	for (int field = 2; field < 22; field++) {
		at = strchr(at + 1, ' ');
		if (at == NULL)
			return -EBADMSG;
	}
	*ticks = strtoull(at + 1, NULL, 10);
	return 0;
}
