/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/enclave_run.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/executor/executor.h"
#include "controlplane/executor/file.h"
#include "controlplane/executor/parts.h"
#include "controlplane/executor/vault.h"
#include "controlplane/jobs/json.h"
#include "controlplane/jobs/papers.h"
#include "controlplane/proofs/archive.h"
#include "controlplane/tee/appraise.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define POLL_S     0.1
#define PIDS_MAX   64
#define ENV_MAX    32
#define PATH_SIZE  256
#define STDIN_NAME "stdin"
#define CODE_NAME  "code"

struct fog_enclave_run {
	struct fog_host *h;
	char dir[PATH_SIZE]; /* of its vault; names the run, too */
	struct fog_vault vault;
	struct ev_timer poll;
	u8 measurement[32], evidence[32], input[32];
	u32 kind;
	void (*done)(void *ctx, json_t *result, const char *why);
	void *ctx;
};

/* ---- where its files are -------------------------------------------------------------------- */

static void store_path(const struct fog_host *h, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%.200s/enclaves", h->config.host_run_dir);
}

/* A process that was killed with its fog-exec, where no memory could be mounted, leaves files. */
static void leftover_wipe(int store, const char *name)
{
	int fd = openat(store, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	fog_vault_wipe(fd);
	close(fd);
}

void fog_enclave_store_clean(struct fog_host *h)
{
	char path[PATH_SIZE];
	struct dirent *e;

	store_path(h, path);
	DIR *dir = opendir(path);
	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			leftover_wipe(dirfd(dir), e->d_name);
	if (dir != NULL)
		closedir(dir);
	(void)fog_tree_remove(AT_FDCWD, path);
}

/* fog-exec as the attested measurement has it. */
static const char *exec_path(const struct fog_host *h)
{
	for (u32 i = 0; i < h->tee->component_count; i++)
		if (strcmp(h->tee->component[i].name, "fog-exec") == 0)
			return h->tee->path[i];
	FOG_UNREACHABLE();
}

static int vault_open(struct fog_enclave_run *r, const struct fog_enclave_program *p,
		      char why[FOG_TEE_WHY_SIZE])
{
	char store[PATH_SIZE];
	int rc = 0;

	store_path(r->h, store);
	if ((mkdir(store, 0700) < 0 && errno != EEXIST) || mkdir(r->dir, 0700) < 0)
		rc = -errno;
	if (rc == 0)
		rc = fog_vault_open(&r->vault, exec_path(r->h), r->dir,
				    ((u64)p->memory_mb << 20) + FOG_VAULT_SLACK);
	if (rc != 0) {
		snprintf(why, FOG_TEE_WHY_SIZE, "%.150s: %s", r->dir, strerror(-rc));
		return rc;
	}
	r->h->tee->enclave_store = r->vault.in_memory ? "tmpfs" : "disk";
	if (!r->vault.in_memory)
		fog_log(FOG_LOG_WARNING, "tee",
			"no tmpfs for enclaves: their secrets touch the disk while they run");
	return 0;
}

/* ---- the program ---------------------------------------------------------------------------- */

bool fog_enclave_name_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > 63 || name[0] == '.' || strcmp(name, CODE_NAME) == 0 ||
	    strcmp(name, STDIN_NAME) == 0)
		return false;
	for (const char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("._-", *p) == NULL)
			return false;
	return true;
}

static const json_t *config_get(const json_t *config, const char *name, json_type type)
{
	const json_t *v = json_object_get(config, name);

	return v != NULL && json_typeof(v) == type ? v : NULL;
}

static u64 number_get(const json_t *config, const char *name, u64 otherwise)
{
	const json_t *v = config_get(config, name, JSON_INTEGER);

	return v != NULL ? (u64)json_integer_value(v) : otherwise;
}

static bool texts(const json_t *list, size_t max)
{
	const json_t *e;
	size_t i;

	json_array_foreach(list, i,
			   e) if (!json_is_string(e) || strlen(json_string_value(e)) !=
								json_string_length(e)) return false;
	return json_array_size(list) <= max;
}

static int code_read(struct fog_enclave_program *p, const json_t *body, const json_t *config,
		     char why[FOG_TEE_WHY_SIZE])
{
	const json_t *code = json_object_get(body, "code");
	const char *text = json_string_value(code);
	const char *encoding = json_string_value(json_object_get(config, "encoding"));
	bool hex = encoding != NULL && strcmp(encoding, "hex") == 0;
	size_t len = hex ? json_string_length(code) / 2 : json_string_length(code);

	snprintf(why, FOG_TEE_WHY_SIZE, "code: a program of 1 to %u bytes", FOG_ENCLAVE_CODE_MAX);
	if (text == NULL || len == 0 || len > FOG_ENCLAVE_CODE_MAX)
		return -EINVAL;
	p->code = malloc(len);
	if (p->code == NULL)
		return -ENOMEM;
	p->code_size = len;
	if (!hex)
		memcpy(p->code, text, len);
	else if (fog_hex_decode(text, p->code, len) != 0)
		return -EINVAL;
	fog_hash_sha256(p->code_sha256, p->code, len);
	return 0;
}

static json_t *argv_read(const struct fog_enclave_program *p, const json_t *config)
{
	const json_t *argv = config_get(config, "argv", JSON_ARRAY);

	if (argv != NULL)
		return json_deep_copy(argv);
	if (strcmp(p->engine, "native") == 0)
		return json_pack("[s, s]", "/bin/sh", "/input/" CODE_NAME);
	return json_pack("[s]",
			 strcmp(p->engine, "microvm") == 0 ? "/input/" CODE_NAME : CODE_NAME);
}

/* {path: SHA-256}; NULL with why where the machine lacks the engine. */
static json_t *parts_hash(const char *engine, char why[FOG_TEE_WHY_SIZE])
{
	char path[FOG_PARTS_MAX][FOG_PART_SIZE];
	int count = fog_executor_parts(engine, path);
	json_t *o = json_object();
	u8 digest[32];

	snprintf(why, FOG_TEE_WHY_SIZE, "this machine lacks what the engine %s needs", engine);
	for (int i = 0; i < count; i++) {
		if (fog_host_file_hash(path[i], digest) != 0) {
			count = -EIO;
			break;
		}
		json_object_set_new(o, path[i], fog_json_hex_new(digest, 32));
	}
	if (count >= 0)
		return o;
	json_decref(o);
	return NULL;
}

static int parts_digest(const char *engine, json_t **parts, u8 digest[32],
			char why[FOG_TEE_WHY_SIZE])
{
	*parts = parts_hash(engine, why);
	char *text = *parts != NULL ? fog_json_text(*parts) : NULL;

	memset(digest, 0, 32);
	if (text != NULL && json_object_size(*parts) != 0)
		fog_hash_sha256(digest, text, strlen(text));
	free(text);
	return text != NULL ? 0 : -ENOENT;
}

/* What is measured is what runs: with the defaults in it, however it was written. */
static void config_hash(struct fog_enclave_program *p, const json_t *parts)
{
	json_t *o = json_pack("{s:O, s:O, s:i, s:s, s:I, s:I}", "argv", p->argv, "env", p->env,
			      "cpu_cores", (int)p->cpu, "engine", p->engine, "memory_mb",
			      (json_int_t)p->memory_mb, "wall_seconds", (json_int_t)p->wall_s);
	if (json_object_size(parts) != 0)
		json_object_set(o, "parts", (json_t *)parts);
	char *text = o != NULL ? fog_json_text(o) : NULL;

	if (text != NULL)
		fog_hash_sha256(p->config_sha256, text, strlen(text));
	free(text);
	json_decref(o);
}

/* Those that end as a process of this host; what a cluster's node runs is not measured here. */
static bool engine_allowed(const struct fog_config_list *engines, const char *name)
{
	static const char *const kinds[] = {"wasm", "oci", "microvm"};

	if (strcmp(name, "native") == 0)
		return true;
	for (u32 i = 0; i < FOG_ARRAY_COUNT(kinds); i++)
		if (strcmp(name, kinds[i]) == 0)
			return fog_config_list_has(engines, name);
	return false;
}

static int limits_read(struct fog_enclave_program *p, const json_t *config,
		       char why[FOG_TEE_WHY_SIZE])
{
	const json_t *env = config_get(config, "env", JSON_ARRAY);

	p->memory_mb = number_get(config, "memory_mb", FOG_ENCLAVE_MEMORY);
	p->cpu = (u32)number_get(config, "cpu_cores", 1);
	p->wall_s = number_get(config, "wall_seconds", FOG_ENCLAVE_WALL_S);
	p->argv = argv_read(p, config);
	p->env = env != NULL ? json_deep_copy(env) : json_array();
	if (p->argv == NULL || p->env == NULL)
		return -ENOMEM;
	snprintf(why, FOG_TEE_WHY_SIZE, "config.argv and config.env want texts");
	return json_array_size(p->argv) == 0 || !texts(p->argv, FOG_ENCLAVE_ARGS_MAX) ||
			       !texts(p->env, ENV_MAX)
		       ? -EINVAL
		       : 0;
}

int fog_enclave_program_read(struct fog_enclave_program *p, const json_t *body,
			     const struct fog_config_list *engines, char why[FOG_TEE_WHY_SIZE])
{
	const json_t *config = json_object_get(body, "config");
	const char *engine = json_string_value(json_object_get(config, "engine"));
	json_t *parts = NULL;

	snprintf(p->engine, sizeof(p->engine), "%.15s", engine != NULL ? engine : "native");
	snprintf(why, FOG_TEE_WHY_SIZE, "this host does not offer the engine %s", p->engine);
	if (!engine_allowed(engines, p->engine))
		return -EINVAL;
	int rc = code_read(p, body, config, why);
	if (rc == 0)
		rc = limits_read(p, config, why);
	if (rc == 0)
		rc = parts_digest(p->engine, &parts, p->parts_sha256, why);
	if (rc == 0) {
		config_hash(p, parts);
		why[0] = '\0';
	}
	json_decref(parts);
	return rc;
}

void fog_enclave_program_wipe(struct fog_enclave_program *p)
{
	for (u32 i = 0; i < p->secret_count; i++)
		fog_secret_free(p->secret[i].data);
	if (p->code != NULL)
		fog_wipe(p->code, p->code_size);
	free(p->code);
	json_decref(p->argv);
	json_decref(p->env);
	fog_wipe(p, sizeof(*p));
}

int fog_enclave_secret_add(struct fog_enclave_program *p, const char *name, u8 *data, size_t size,
			   char why[FOG_TEE_WHY_SIZE])
{
	u32 i = 0;

	while (i < p->secret_count && strcmp(p->secret[i].name, name) != 0)
		i++;
	if (i == FOG_ENCLAVE_SECRETS_MAX) {
		snprintf(why, FOG_TEE_WHY_SIZE, "an enclave holds at most %d secrets",
			 FOG_ENCLAVE_SECRETS_MAX);
		return -ENOSPC;
	}
	struct fog_enclave_secret *s = &p->secret[i];
	if (i == p->secret_count)
		p->secret_count++;
	else
		fog_secret_free(s->data);
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->data = data;
	s->size = size;
	return 0;
}

/* ---- a run ---------------------------------------------------------------------------------- */

/* Nothing here may hold up the loop: fog-exec wipes what is on a disk, unless it was killed. */
static void finish(struct fog_enclave_run *r)
{
	bool lost = fog_vault_is_lost(r->vault.lifeline);

	ev_timer_stop(r->h->loop, &r->poll);
	fog_vault_close(&r->vault);
	if (r->vault.in_memory)
		(void)rmdir(r->dir);
	else if (lost)
		fog_vault_erase(r->dir);
	free(r);
}

/* Text where it is text, else hex. */
static void output_add(json_t *o, const struct fog_enclave_run *r, enum fog_executor_stream stream,
		       const char *name)
{
	u8 *data = malloc(FOG_ENCLAVE_OUTPUT_MAX);
	size_t len = 0;
	char hex_name[16];

	if (data == NULL)
		return;
	(void)fog_executor_read_output(r->vault.spool, stream, 0, data, FOG_ENCLAVE_OUTPUT_MAX,
				       &len);
	json_t *text = json_stringn((const char *)data, len);
	snprintf(hex_name, sizeof(hex_name), "%s_hex", name);
	if (text != NULL)
		json_object_set_new(o, name, text);
	else
		json_object_set_new(o, hex_name, fog_tee_hex_json(data, len));
	fog_wipe(data, len);
	free(data);
}

static enum fog_outcome outcome_of(enum fog_executor_outcome o)
{
	switch (o) {
	case FOG_EXECUTOR_EXITED:
		return FOG_OUTCOME_EXITED;
	case FOG_EXECUTOR_SIGNALED:
		return FOG_OUTCOME_SIGNALED;
	case FOG_EXECUTOR_TIMEOUT:
		return FOG_OUTCOME_TIMEOUT;
	case FOG_EXECUTOR_OOM:
		return FOG_OUTCOME_OOM;
	case FOG_EXECUTOR_CANCELLED:
		return FOG_OUTCOME_CANCELLED;
	default:
		return FOG_OUTCOME_FAILED;
	}
}

/* As of a job's receipt (jobs/witness.h): the code is the launch measurement, the submitter this
 * host. */
static json_t *proof_make(const struct fog_enclave_run *r, const struct fog_executor_result *t)
{
	struct fog_host *h = r->h;
	u64 now_s = fog_loop_now_ms(h->loop) / 1000;
	struct fog_proof p = {.kind = FOG_PROOF_EXECUTION, .issued_s = now_s};
	struct fog_proof_execution *e = &p.execution;
	u8 both[64];

	fog_random_bytes(p.id, sizeof(p.id));
	fog_hash_sha256(e->job, r->dir, strlen(r->dir));
	memcpy(e->submitter, h->id.node_id, 32);
	memcpy(e->code, r->measurement, 32);
	memcpy(e->input, r->input, 32);
	memcpy(both, t->stdout_sha256, 32);
	memcpy(both + 32, t->stderr_sha256, 32);
	fog_hash_sha256(e->output, both, sizeof(both));
	memcpy(e->attestation, r->evidence, 32);
	e->attestation_kind = r->kind;
	e->exit_code = t->exit_code;
	e->outcome = outcome_of(t->outcome);
	e->cpu_us = (t->usage.cpu_user_ms + t->usage.cpu_system_ms) * 1000;
	e->wall_us = t->usage.wall_ms * 1000;
	e->memory_peak = t->usage.memory_peak_bytes;
	e->io_bytes = t->usage.io_read_bytes + t->usage.io_write_bytes;
	e->started_ms = t->started_unix_ms;
	e->ended_ms = t->ended_unix_ms;
	if (fog_proof_sign(&p, h->id.sign_sk) != 0 ||
	    fog_proof_archive_put(h->store, &p, now_s) != 0)
		return json_null();
	return fog_proof_json(&p);
}

static json_t *result_json(const struct fog_enclave_run *r, const struct fog_executor_result *t)
{
	json_t *o = json_pack(
		"{s:s, s:i, s:i, s:s, s:I, s:I, s:I, s:I, s:b, s:s}", "outcome",
		fog_executor_outcome_name(t->outcome), "exit_code", t->exit_code, "signal",
		t->signal, "error", t->error, "started_ms", (json_int_t)t->started_unix_ms,
		"wall_ms", (json_int_t)t->usage.wall_ms, "cpu_ms",
		(json_int_t)(t->usage.cpu_user_ms + t->usage.cpu_system_ms), "memory_peak_bytes",
		(json_int_t)t->usage.memory_peak_bytes, "output_truncated",
		(int)t->output_truncated, "machine", t->sandbox.machine);

	if (o == NULL)
		return NULL;
	output_add(o, r, FOG_EXECUTOR_STDOUT, "stdout");
	output_add(o, r, FOG_EXECUTOR_STDERR, "stderr");
	json_object_set_new(o, "proof", proof_make(r, t));
	return o;
}

static void on_poll(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct fog_enclave_run *r = w->data;
	struct fog_executor_status status;
	int rc = fog_executor_poll(r->vault.spool, &status);

	if (rc == 0 &&
	    (status.state == FOG_EXECUTOR_RUNNING || status.state == FOG_EXECUTOR_PENDING))
		return;
	if (r->done != NULL && rc == 0 && status.state == FOG_EXECUTOR_FINISHED)
		r->done(r->ctx, result_json(r, &status.result), "no memory");
	else if (r->done != NULL)
		r->done(r->ctx, NULL, "its executor was lost");
	finish(r);
}

static int input_write(struct fog_enclave_run *r, struct fog_sha256 *hash, const char *name,
		       const void *data, size_t size)
{
	u8 digest[32];

	fog_hash_sha256(digest, data, size);
	fog_sha256_update(hash, name, strlen(name) + 1);
	fog_sha256_update(hash, digest, 32);
	return fog_executor_input_write(r->vault.spool, name, 0, data, size);
}

static int inputs_write(struct fog_enclave_run *r, const struct fog_enclave_program *p,
			const json_t *inputs)
{
	const json_t *in = json_object_get(inputs, STDIN_NAME);
	struct fog_sha256 hash;
	int rc;

	fog_sha256_init(&hash);
	rc = input_write(r, &hash, CODE_NAME, p->code, p->code_size);
	if (rc == 0)
		rc = input_write(r, &hash, STDIN_NAME,
				 json_is_string(in) ? json_string_value(in) : "",
				 json_string_length(in));
	for (u32 i = 0; rc == 0 && i < p->secret_count; i++)
		rc = input_write(r, &hash, p->secret[i].name, p->secret[i].data, p->secret[i].size);
	fog_sha256_final(&hash, r->input);
	return rc;
}

static size_t words_add(const char **words, size_t used, size_t cap, const json_t *list)
{
	const json_t *e;
	size_t i;

	json_array_foreach(list, i, e) if (used < cap) words[used++] = json_string_value(e);
	return used;
}

static u32 builders_read(const struct fog_host *h, u8 (*out)[32])
{
	const struct fog_config_list *l = &h->config.worker_wasm_builders;
	u32 count = FOG_MIN(l->count, (u32)FOG_EXECUTOR_BUILDERS_MAX);

	for (u32 i = 0; i < count; i++)
		(void)fog_hex_decode(l->items[i], out[i], 32);
	return count;
}

static int prepare(struct fog_enclave_run *r, const struct fog_enclave_program *p,
		   const struct fog_enclave_order *order, char why[FOG_TEE_WHY_SIZE])
{
	const char *argv[2 * FOG_ENCLAVE_ARGS_MAX], *env[ENV_MAX];
	u8 builders[FOG_EXECUTOR_BUILDERS_MAX][32];
	struct fog_executor_spec spec = {
		.job = order->id,
		.engine = p->engine,
		.argv = argv,
		.env = env,
		.stdin_name = STDIN_NAME,
		.builders = (const u8(*)[32])builders,
		.limits = {.cpu_cores = p->cpu,
			   .memory_bytes = p->memory_mb << 20,
			   .pids = PIDS_MAX,
			   .wall_ms = p->wall_s * 1000,
			   .output_bytes = FOG_ENCLAVE_OUTPUT_MAX,
			   .disk_bytes = (u64)p->memory_mb << 20},
	};

	spec.argv_count = words_add(argv, 0, FOG_ARRAY_COUNT(argv), p->argv);
	spec.argv_count = words_add(argv, spec.argv_count, FOG_ARRAY_COUNT(argv),
				    json_object_get(order->inputs, "args"));
	spec.env_count = words_add(env, 0, FOG_ARRAY_COUNT(env), p->env);
	spec.builder_count = builders_read(r->h, builders);
	return fog_executor_prepare_explain(&spec, r->vault.spool, why, FOG_TEE_WHY_SIZE);
}

/* What was measured at the launch is what runs. */
static int parts_same(const struct fog_enclave_program *p, char why[FOG_TEE_WHY_SIZE])
{
	json_t *parts = NULL;
	u8 digest[32];
	int rc = parts_digest(p->engine, &parts, digest, why);

	json_decref(parts);
	if (rc != 0 || memcmp(digest, p->parts_sha256, 32) == 0)
		return rc;
	snprintf(why, FOG_TEE_WHY_SIZE, "what the engine %s needs has changed since the launch",
		 p->engine);
	return -EPERM;
}

int fog_enclave_run_start(struct fog_enclave_run **out, struct fog_host *h,
			  const struct fog_enclave_program *p,
			  const struct fog_enclave_order *order, char why[FOG_TEE_WHY_SIZE])
{
	struct fog_enclave_run *r = calloc(1, sizeof(*r));
	char store[PATH_SIZE];
	int rc = -EINVAL;

	snprintf(why, FOG_TEE_WHY_SIZE, "inputs.args: at most %d texts", FOG_ENCLAVE_ARGS_MAX);
	const json_t *args = json_object_get(order->inputs, "args");
	if (r == NULL || (args != NULL && !texts(args, FOG_ENCLAVE_ARGS_MAX))) {
		free(r);
		return rc;
	}
	r->h = h;
	r->done = order->done;
	r->ctx = order->ctx;
	r->kind = order->kind;
	memcpy(r->measurement, order->measurement, 32);
	memcpy(r->evidence, order->evidence, 32);
	store_path(h, store);
	snprintf(r->dir, sizeof(r->dir), "%.200s/%.24s.%u", store, order->id, (u32)order->number);
	r->vault.lifeline = r->vault.dir_fd = -1;
	ev_timer_init(&r->poll, on_poll, POLL_S, POLL_S);
	r->poll.data = r;
	rc = parts_same(p, why);
	if (rc == 0)
		rc = vault_open(r, p, why);
	if (rc == 0) {
		snprintf(why, FOG_TEE_WHY_SIZE, "it cannot be started");
		rc = prepare(r, p, order, why);
	}
	if (rc == 0)
		rc = inputs_write(r, p, order->inputs);
	if (rc == 0)
		rc = fog_vault_start(&r->vault);
	if (rc != 0) {
		finish(r);
		return rc;
	}
	ev_timer_start(h->loop, &r->poll);
	*out = r;
	return 0;
}

void fog_enclave_run_end(struct fog_enclave_run *r)
{
	if (r != NULL)
		finish(r);
}
