/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/enclave_run.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/executor/executor.h"
#include "controlplane/executor/file.h"
#include "controlplane/jobs/json.h"
#include "controlplane/jobs/papers.h"
#include "controlplane/proofs/archive.h"
#include "controlplane/tee/appraise.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define POLL_S      0.1
#define PIDS_MAX    64
#define STORE_SIZE  "size=256m,mode=0700"
#define ENV_MAX     32
#define PATH_SIZE   256
#define STDIN_NAME  "stdin"
#define CODE_NAME   "code"
#define ZEROS_CHUNK 4096

struct fog_enclave_run {
	LIST_ENTRY(fog_enclave_run) link;
	struct fog_host *h;
	char spool[PATH_SIZE];
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

static bool in_memory(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

const char *fog_enclave_store_name(const struct fog_host *h)
{
	char path[PATH_SIZE];

	store_path(h, path);
	return access(path, F_OK) != 0 ? "none" : in_memory(path) ? "tmpfs" : "disk";
}

/* Swap would write secrets to a disk: newer kernels keep a tmpfs out of it. */
static void mount_memory(const char *path)
{
	unsigned long flags = MS_NOSUID | MS_NODEV;

	if (mount("fog-enclaves", path, "tmpfs", flags, STORE_SIZE ",noswap") != 0)
		(void)mount("fog-enclaves", path, "tmpfs", flags, STORE_SIZE);
}

int fog_enclave_store_open(struct fog_host *h, char why[FOG_TEE_WHY_SIZE])
{
	char path[PATH_SIZE];

	store_path(h, path);
	if (access(path, F_OK) == 0)
		return 0;
	if (mkdir(path, 0700) != 0) {
		int rc = -errno;
		snprintf(why, FOG_TEE_WHY_SIZE, "%.200s: %s", path, strerror(-rc));
		return rc;
	}
	if (!in_memory(path))
		mount_memory(path);
	if (!in_memory(path))
		fog_log(FOG_LOG_WARNING, "tee",
			"no tmpfs for enclaves: their secrets touch the disk while they run");
	return 0;
}

/* What a job may have renamed or linked is not followed: only files of input/ hold secrets. */
static void file_wipe(int dir, const char *name)
{
	static const u8 zeros[ZEROS_CHUNK];
	int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		for (off_t at = 0; at < st.st_size; at += ZEROS_CHUNK)
			if (pwrite(fd, zeros, (size_t)FOG_MIN(st.st_size - at, ZEROS_CHUNK), at) <
			    0)
				break;
		(void)fdatasync(fd);
	}
	close(fd);
}

static void input_wipe(const char *spool)
{
	char path[PATH_SIZE + 8];
	struct dirent *e;

	snprintf(path, sizeof(path), "%s/input", spool);
	DIR *dir = opendir(path);
	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			file_wipe(dirfd(dir), e->d_name);
	if (dir != NULL)
		closedir(dir);
}

static void leftover_end(const char *store, const char *name)
{
	char spool[PATH_SIZE + 256];

	snprintf(spool, sizeof(spool), "%s/%s", store, name);
	(void)fog_executor_cancel(spool);
	input_wipe(spool);
}

void fog_enclave_store_clean(struct fog_host *h)
{
	struct fog_enclave_run *r;
	char path[PATH_SIZE];
	struct dirent *e;

	while ((r = LIST_FIRST(&h->tee->runs)) != NULL) {
		LIST_REMOVE(r, link);
		ev_timer_stop(h->loop, &r->poll);
		free(r);
	}
	store_path(h, path);
	DIR *dir = opendir(path);
	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			leftover_end(path, e->d_name);
	if (dir != NULL)
		closedir(dir);
	/* Gone with the last process that runs in it. */
	(void)umount2(path, MNT_DETACH);
	(void)fog_tree_remove(AT_FDCWD, path);
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
	return strcmp(p->engine, "wasm") == 0 ? json_pack("[s]", CODE_NAME)
					      : json_pack("[s, s]", "/bin/sh", "/input/" CODE_NAME);
}

/* What is measured is what runs: with the defaults in it, however it was written. */
static void config_hash(struct fog_enclave_program *p)
{
	json_t *o = json_pack("{s:O, s:O, s:i, s:s, s:I, s:I}", "argv", p->argv, "env", p->env,
			      "cpu_cores", (int)p->cpu, "engine", p->engine, "memory_mb",
			      (json_int_t)p->memory_mb, "wall_seconds", (json_int_t)p->wall_s);
	char *text = o != NULL ? fog_json_text(o) : NULL;

	if (text != NULL)
		fog_hash_sha256(p->config_sha256, text, strlen(text));
	free(text);
	json_decref(o);
}

/* Of the engines that end as a process of this host, the two that need no bundle. */
static bool engine_allowed(const struct fog_host *h, const char *name)
{
	if (strcmp(name, "native") == 0)
		return true;
	return strcmp(name, "wasm") == 0 && fog_config_list_has(&h->config.worker_engines, "wasm");
}

int fog_enclave_program_read(struct fog_enclave_program *p, const json_t *body,
			     char why[FOG_TEE_WHY_SIZE])
{
	const json_t *config = json_object_get(body, "config");
	const char *engine = json_string_value(json_object_get(config, "engine"));
	const json_t *env = config_get(config, "env", JSON_ARRAY);

	snprintf(p->engine, sizeof(p->engine), "%.15s", engine != NULL ? engine : "native");
	int rc = code_read(p, body, config, why);
	if (rc != 0)
		return rc;
	p->memory_mb = number_get(config, "memory_mb", FOG_ENCLAVE_MEMORY);
	p->cpu = (u32)number_get(config, "cpu_cores", 1);
	p->wall_s = number_get(config, "wall_seconds", FOG_ENCLAVE_WALL_S);
	p->argv = argv_read(p, config);
	p->env = env != NULL ? json_deep_copy(env) : json_array();
	if (p->argv == NULL || p->env == NULL)
		return -ENOMEM;
	snprintf(why, FOG_TEE_WHY_SIZE, "config.argv and config.env want texts");
	if (json_array_size(p->argv) == 0 || !texts(p->argv, FOG_ENCLAVE_ARGS_MAX) ||
	    !texts(p->env, ENV_MAX))
		return -EINVAL;
	config_hash(p);
	why[0] = '\0';
	return 0;
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

static void finish(struct fog_enclave_run *r)
{
	LIST_REMOVE(r, link);
	ev_timer_stop(r->h->loop, &r->poll);
	input_wipe(r->spool);
	(void)fog_executor_remove(r->spool);
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
	(void)fog_executor_read_output(r->spool, stream, 0, data, FOG_ENCLAVE_OUTPUT_MAX, &len);
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
	fog_hash_sha256(e->job, r->spool, strlen(r->spool));
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
	int rc = fog_executor_poll(r->spool, &status);

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
	return fog_executor_input_write(r->spool, name, 0, data, size);
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
	return fog_executor_prepare_explain(&spec, r->spool, why, FOG_TEE_WHY_SIZE);
}

/* fog-exec as the attested measurement has it. */
static const char *exec_path(const struct fog_host *h)
{
	for (u32 i = 0; i < h->tee->component_count; i++)
		if (strcmp(h->tee->component[i].name, "fog-exec") == 0)
			return h->tee->path[i];
	FOG_UNREACHABLE();
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
	snprintf(why, FOG_TEE_WHY_SIZE, "this host does not offer the engine %s", p->engine);
	r->h = h;
	r->done = order->done;
	r->ctx = order->ctx;
	r->kind = order->kind;
	memcpy(r->measurement, order->measurement, 32);
	memcpy(r->evidence, order->evidence, 32);
	store_path(h, store);
	snprintf(r->spool, sizeof(r->spool), "%.220s/%.24s.%u", store, order->id,
		 (u32)order->number);
	LIST_INSERT_HEAD(&h->tee->runs, r, link);
	ev_timer_init(&r->poll, on_poll, POLL_S, POLL_S);
	r->poll.data = r;
	if (engine_allowed(h, p->engine)) {
		snprintf(why, FOG_TEE_WHY_SIZE, "it cannot be started");
		rc = prepare(r, p, order, why);
	}
	if (rc == 0)
		rc = inputs_write(r, p, order->inputs);
	if (rc == 0)
		rc = fog_executor_start(exec_path(h), r->spool, NULL);
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
	if (r == NULL)
		return;
	/* Its files go once it has ended. */
	r->done = NULL;
	(void)fog_executor_cancel(r->spool);
}
