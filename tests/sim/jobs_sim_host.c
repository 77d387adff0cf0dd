/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts of the simulation: directory, keys, executor, crash and restart. */
#include "tests/unit/store_where.h"
#include "tests/sim/jobs_sim.h"

#include <errno.h>

#include "crypto/hash/hash.h"
#include "crypto/mem.h"

u8 sim_output_byte(u64 seed, u32 stream, u64 offset)
{
	u64 v = (seed + stream * 977 + offset / 8) * 0x9e3779b97f4a7c15ull;

	v ^= v >> 29;
	return (u8)(v >> (8 * (offset % 8)));
}

static struct sim_run *run_find(struct sim_host *h, const char *name)
{
	for (u32 i = 0; i < h->run_count; i++)
		if (!h->run[i].removed && strcmp(h->run[i].name, name) == 0)
			return &h->run[i];
	return NULL;
}

static u32 hosts_list(void *context, struct fog_placement_host *out, u32 cap, u64 now_ms)
{
	struct sim_host *h = context;

	for (u32 i = 0; i < h->sim->host_count; i++) {
		const struct sim_host *o = &h->sim->host[i];
		struct fog_placement_host *p = &out[i];
		memset(p, 0, sizeof(*p));
		memcpy(p->id, o->id, sizeof(p->id));
		snprintf(p->name, sizeof(p->name), "h%u", i);
		p->roles = o->config.worker ? FOG_PLACEMENT_ROLE_WORKER : 0;
		p->alive = p->attested = true;
		p->cpu_milli = o->config.cpu_milli;
		p->memory_bytes = o->config.memory_bytes;
		p->price.cpu_hour = o->config.price.cpu_hour;
		p->price.memory_gb_hour = o->config.price.memory_gb_hour;
		p->latency_ms = 10 + 5 * i;
	}
	return h->sim->host_count;
}

static void text_sign(void *context, const void *text, size_t len,
		      u8 signature[FOG_JOB_SIGNATURE_SIZE])
{
	fog_sign(signature, text, len, ((struct sim_host *)context)->secret);
}

u64 sim_artifact_size(u64 seed, u32 number)
{
	return number == 0 ? 0 : (seed * 7919 + number * 104729) % 300000;
}

/* argv: "sim" duration_ms exit_code stdout_size stderr_size seed exits_at */
static void run_program(struct sim_run *r, const struct fog_job_spec *spec)
{
	FOG_ASSERT(spec->argv_count == 7);
	r->exits_at = (u32)strtoul(spec->argv[6], NULL, 10);
	r->checkpoints = spec->checkpoint.bytes_max != 0;
	r->artifacts = spec->artifact_count != 0;
	FOG_ASSERT(r->checkpoints || fog_job_spec_restored(spec) == NULL);
	r->duration_ms = strtoull(spec->argv[1], NULL, 10);
	r->exit_code = (u32)strtoul(spec->argv[2], NULL, 10);
	r->size[0] = FOG_MIN(strtoull(spec->argv[3], NULL, 10), spec->limits.output_bytes);
	r->size[1] = FOG_MIN(strtoull(spec->argv[4], NULL, 10), spec->limits.output_bytes);
	r->seed = strtoull(spec->argv[5], NULL, 10);
	r->limits = spec->limits;
	r->has_input = spec->input_count != 0;
}

static int run_prepare(void *context, const char *name, const struct fog_job_spec *spec,
		       u64 accelerators, char error[FOG_JSON_ERROR_SIZE])
{
	struct sim_host *h = context;
	struct sim_run *r = run_find(h, name);

	if (r != NULL)
		return r->started ? -EEXIST : 0;
	if (h->run_count == SIM_RUNS_MAX)
		sim_fail(h->sim, "too many runs");
	r = &h->run[h->run_count++];
	memset(r, 0, sizeof(*r));
	snprintf(r->name, sizeof(r->name), "%s", name);
	run_program(r, spec);
	return 0;
}

/* ---- what runs leave behind ----------------------------------------------------------------- */

/* A checkpoint says whose it is and how far that had come, and more than fits one frame. */
static u64 checkpoint_size(u64 seed, u64 progress)
{
	return 16 + (seed * 31 + progress * 17) % 250000;
}

static u8 checkpoint_byte(u64 seed, u64 progress, u64 offset)
{
	if (offset < 16)
		return (u8)((offset < 8 ? seed : progress) >> (8 * (offset % 8)));
	return sim_output_byte(seed ^ progress, 9, offset);
}

static void checkpoint_fill(u64 seed, u64 progress, u64 offset, u8 *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = checkpoint_byte(seed, progress, offset + i);
}

static int restore_input(struct sim_run *r, u64 offset, const void *data, size_t len)
{
	if (r->restore == NULL && (r->restore = calloc(1, SIM_INPUT_MAX)) == NULL)
		return -ENOMEM;
	FOG_ASSERT(offset + len <= SIM_INPUT_MAX);
	memcpy(r->restore + offset, data, len);
	r->restore_len = FOG_MAX(r->restore_len, offset + len);
	return 0;
}

/* What a run begins with was whole when its job left it. */
static void restore_check(struct sim_host *h, struct sim_run *r)
{
	u64 seed = 0, progress = 0;

	if (r->restore_len == 0)
		return;
	for (u32 i = 0; i < 8; i++) {
		seed |= (u64)r->restore[i] << (8 * i);
		progress |= (u64)r->restore[8 + i] << (8 * i);
	}
	if (seed != r->seed || progress == 0 || progress % SIM_CHECKPOINT_MS != 0 ||
	    r->restore_len != checkpoint_size(seed, progress))
		sim_fail(h->sim, "run %s began with a checkpoint that is none", r->name);
	for (u64 i = 0; i < r->restore_len; i++)
		if (r->restore[i] != checkpoint_byte(seed, progress, i))
			sim_fail(h->sim, "run %s began with an unfinished checkpoint", r->name);
	r->base = progress;
	h->sim->restored++;
}

/* The size, which is 0 where the run left no such file; its bytes when asked for. */
static u64 leaving(const struct sim_run *r, const char *name, u64 offset, u8 *buf, size_t len)
{
	char text[1024];
	u32 number;

	if (sscanf(name, "checkpoint.%u", &number) == 1) {
		u64 progress = r->base + (u64)number * SIM_CHECKPOINT_MS;
		checkpoint_fill(r->seed, progress, offset, buf, len);
		return checkpoint_size(r->seed, progress);
	}
	if (sscanf(name, "artifact.%u", &number) == 1) {
		for (size_t i = 0; i < len; i++)
			buf[i] = sim_output_byte(r->seed, SIM_ARTIFACT_STREAM + number, offset + i);
		return sim_artifact_size(r->seed, number);
	}
	size_t at = (size_t)snprintf(text, sizeof(text), "{\"files\":[");
	for (u32 i = 0; i < SIM_ARTIFACTS; i++) {
		struct fog_sha256 state;
		u8 byte, sha256[32];
		char hex[65];
		fog_sha256_init(&state);
		for (u64 k = 0; k < sim_artifact_size(r->seed, i); k++) {
			byte = sim_output_byte(r->seed, SIM_ARTIFACT_STREAM + i, k);
			fog_sha256_update(&state, &byte, 1);
		}
		fog_sha256_final(&state, sha256);
		(void)fog_hex_encode(sha256, 32, hex, sizeof(hex));
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "%s{\"executable\":false,\"name\":\"out/%u\",\"sha256\":"
				       "\"%s\",\"size\":%llu}",
				       i > 0 ? "," : "", i, hex,
				       (unsigned long long)sim_artifact_size(r->seed, i));
	}
	at += (size_t)snprintf(text + at, sizeof(text) - at, "],\"left_out\":[]}");
	if (offset < at)
		memcpy(buf, text + offset, FOG_MIN(len, at - offset));
	return at;
}

static void leaving_hash(const struct sim_run *r, const char *name, struct fog_executor_file *out)
{
	u8 *buf = malloc(SIM_INPUT_MAX);

	FOG_ASSERT(buf != NULL);
	out->size = leaving(r, name, 0, buf, 0);
	(void)leaving(r, name, 0, buf, out->size);
	fog_hash_sha256(out->sha256, buf, out->size);
	free(buf);
}

static int run_kept(void *context, const char *name, const char *file, u64 offset, void *buf,
		    size_t cap, size_t *len)
{
	struct sim_host *h = context;
	struct sim_run *r = run_find(h, name);
	u32 number;

	*len = 0;
	if (r == NULL || !r->started)
		return -ENOENT;
	/* Fetched from now on it may be gone at any time. */
	if (sscanf(file, "checkpoint.%u", &number) == 1 &&
	    (number > r->kept.number || (number < r->kept.number && sim_chance(h->sim, 300))))
		return -ENOENT;
	u64 size = leaving(r, file, offset, buf, 0);
	if (offset >= size)
		return 0;
	*len = FOG_MIN(cap, size - offset);
	(void)leaving(r, file, offset, buf, *len);
	if (h->liar)
		*(u8 *)buf ^= 1;
	return 0;
}

static void kept_update(struct sim_host *h, struct sim_run *r, bool ended)
{
	char name[32];
	u64 ran = FOG_MIN(h->sim->now_ms, r->end_ms) - r->start_ms;
	u32 number = (u32)(ran / SIM_CHECKPOINT_MS);

	if (r->checkpoints && number != r->kept.number) {
		r->kept.number = number;
		snprintf(name, sizeof(name), "checkpoint.%u", number);
		leaving_hash(r, name, &r->kept.checkpoint);
	}
	if (ended && r->artifacts && !r->cancelled && r->kept.manifest.size == 0) {
		r->kept.artifacts = SIM_ARTIFACTS;
		for (u32 i = 0; i < SIM_ARTIFACTS; i++)
			r->kept.artifact_bytes += sim_artifact_size(r->seed, i);
		leaving_hash(r, "manifest", &r->kept.manifest);
	}
}

static int run_input(void *context, const char *name, const char *file, u64 offset,
		     const void *data, size_t len)
{
	struct sim_run *r = run_find(context, name);

	if (r == NULL)
		return -ENOENT;
	if (r->started)
		return -EBUSY;
	if (strcmp(file, FOG_JOB_CHECKPOINT_FILE) == 0)
		return restore_input(r, offset, data, len);
	if (strcmp(file, FOG_JOB_STDIN) != 0)
		return 0; /* of another job: the engine has checked its hash */
	if (r->input == NULL && (r->input = calloc(1, SIM_INPUT_MAX)) == NULL)
		return -ENOMEM;
	FOG_ASSERT(offset + len <= SIM_INPUT_MAX);
	memcpy(r->input + offset, data, len);
	r->input_len = FOG_MAX(r->input_len, offset + len);
	return 0;
}

static u64 size_at(const struct sim_run *r, u32 stream, u64 now_ms)
{
	u64 ran = FOG_MIN(now_ms, r->end_ms) - r->start_ms;

	if (ran >= r->duration_ms)
		return r->size[stream];
	return r->size[stream] * ran / r->duration_ms;
}

static void output_hash(const struct sim_run *r, u32 stream, u64 size, u8 sha256[32])
{
	struct fog_sha256 state;
	u8 buf[4096];

	fog_sha256_init(&state);
	for (u64 at = 0; at < size;) {
		u32 n = (u32)FOG_MIN(size - at, sizeof(buf));
		for (u32 i = 0; i < n; i++)
			buf[i] = sim_output_byte(r->seed, stream, at + i);
		fog_sha256_update(&state, buf, n);
		at += n;
	}
	fog_sha256_final(&state, sha256);
}

static void run_result(struct sim_host *h, struct sim_run *r, struct fog_run_status *out)
{
	out->state = FOG_RUN_FINISHED;
	out->exit_code = -1;
	if (r->cancelled) {
		out->outcome = FOG_OUTCOME_CANCELLED;
	} else if (r->exits_at != 0) {
		out->outcome = FOG_OUTCOME_EXITED;
		out->exit_code = SIM_GO_ON_CODE;
	} else if (r->duration_ms > r->limits.wall_ms) {
		out->outcome = FOG_OUTCOME_TIMEOUT;
	} else {
		out->outcome = FOG_OUTCOME_EXITED;
		out->exit_code = (i32)r->exit_code;
	}
	out->ended_ms = r->end_ms;
	out->usage.wall_ms = r->end_ms - r->start_ms;
	out->usage.cpu_user_ms = out->usage.wall_ms / 2;
	for (u32 i = 0; i < 2; i++)
		output_hash(r, i, out->output_size[i], out->output_sha256[i]);
	if (h->liar && out->output_size[0] + out->output_size[1] > 0)
		out->output_sha256[out->output_size[0] > 0 ? 0 : 1][0] ^= 1;
	snprintf(out->sandbox, sizeof(out->sandbox), "{\"seccomp\":true}");
}

static int run_poll(void *context, const char *name, struct fog_run_status *out)
{
	struct sim_host *h = context;
	struct sim_run *r = run_find(h, name);

	memset(out, 0, sizeof(*out));
	if (r == NULL)
		return 0;
	out->started_ms = r->start_ms;
	out->state = !r->started   ? FOG_RUN_PENDING
		     : r->vanished ? FOG_RUN_VANISHED
				   : FOG_RUN_RUNNING;
	if (out->state != FOG_RUN_RUNNING)
		return 0;
	for (u32 i = 0; i < 2; i++)
		out->output_size[i] = size_at(r, i, h->sim->now_ms);
	kept_update(h, r, h->sim->now_ms >= r->end_ms);
	out->kept = r->kept;
	if (h->sim->now_ms >= r->end_ms)
		run_result(h, r, out);
	return 0;
}

static int run_output(void *context, const char *name, u32 stream, u64 offset, void *buf,
		      size_t cap, size_t *len)
{
	struct sim_host *h = context;
	struct sim_run *r = run_find(h, name);

	*len = 0;
	if (r == NULL)
		return -ENOENT;
	u64 size = r->started ? size_at(r, stream, h->sim->now_ms) : 0;
	while (*len < cap && offset + *len < size) {
		((u8 *)buf)[*len] = sim_output_byte(r->seed, stream, offset + *len);
		++*len;
	}
	return 0;
}

/* A program that reads its input fails when that is not what the job sent. */
static void input_check(struct sim_host *h, const struct sim_run *r)
{
	u64 want = 0;

	for (u32 i = 0; i < h->sim->job_count; i++)
		if (h->sim->job[i].seed == r->seed)
			want = h->sim->job[i].input;
	if (r->input_len != want)
		sim_fail(h->sim, "run %s started without its input", r->name);
	for (u64 i = 0; i < r->input_len; i++)
		if (r->input[i] != sim_output_byte(r->seed, 7, i))
			sim_fail(h->sim, "run %s started with a wrong input", r->name);
}

void sim_run_start(struct sim_host *h, const char *name)
{
	struct sim_run *r = run_find(h, name);

	if (r == NULL || r->started || sim_chance(h->sim, 20))
		return;
	input_check(h, r);
	restore_check(h, r);
	r->started = true;
	r->duration_ms -= FOG_MIN(r->base, r->duration_ms - 1);
	if (r->exits_at != 0 &&
	    (r->base != 0 ||
	     r->exits_at * SIM_CHECKPOINT_MS >= FOG_MIN(r->duration_ms, r->limits.wall_ms)))
		r->exits_at = 0;
	r->start_ms = h->sim->now_ms;
	r->end_ms = r->start_ms + FOG_MIN(r->duration_ms, r->limits.wall_ms);
	if (r->exits_at != 0)
		r->end_ms = r->start_ms + r->exits_at * SIM_CHECKPOINT_MS;
	for (u32 i = 0; i < h->sim->job_count; i++)
		if (h->sim->job[i].seed == r->seed && r->exit_code == 0)
			h->sim->job[i].successes++;
}

void sim_run_cancel(struct sim_host *h, const char *name)
{
	struct sim_run *r = run_find(h, name);

	if (r == NULL || !r->started || h->sim->now_ms >= r->end_ms || r->vanished)
		return;
	r->cancelled = true;
	r->end_ms = h->sim->now_ms;
}

void sim_run_remove(struct sim_host *h, const char *name)
{
	struct sim_run *r = run_find(h, name);

	if (r == NULL)
		return;
	free(r->input);
	free(r->restore);
	r->input = r->restore = NULL;
	r->removed = true;
}

void sim_host_start(struct sim_host *h)
{
	const struct fog_jobs_ports ports = {h,         hosts_list, text_sign,  run_prepare,
					     run_input, run_poll,   run_output, run_kept};
	char why[FOG_STORE_WHY_SIZE];
	struct sim *s = h->sim;

	h->config.seed = sim_below(s, UINT64_MAX);
	s->current = NULL;
	int rc = fog_jobs_new(&h->jobs, &h->config, &ports, h->store, s->now_ms, why);
	if (rc != 0)
		sim_fail(s, "host %u does not start: %d %s", h->index, rc, why);
}

void sim_host_crash(struct sim_host *h, bool reboot)
{
	struct sim *s = h->sim;

	fog_jobs_free(h->jobs);
	h->jobs = NULL;
	h->crashes++;
	h->up_ms = s->now_ms + 100 + sim_below(s, 20000);
	sim_net_break_host(s, h->index);
	for (u32 i = 0; i < s->verify_count; i++)
		if (s->verify[i].host == h->index)
			s->verify[i].tag = 0;
	for (u32 i = 0; reboot && i < h->run_count; i++)
		if (h->run[i].started && s->now_ms < h->run[i].end_ms)
			h->run[i].vanished = true;
}

void sim_host_new(struct sim *s, u32 index)
{
	struct sim_host *h = &s->host[index];
	u8 seed[FOG_SIGN_SEED_SIZE];
	char why[FOG_STORE_WHY_SIZE];

	h->sim = s;
	h->index = index;
	fog_rng_bytes(&s->rng, seed, sizeof(seed));
	fog_sign_keypair(h->id, h->secret, seed);
	h->run = calloc(SIM_RUNS_MAX, sizeof(*h->run));
	if (h->run == NULL || fog_store_open(&h->store, store_where(true, NULL), why) != 0)
		sim_fail(s, "no store");
	h->config = (struct fog_jobs_config){
		.attempts_max = 16,
		.queue_max = SIM_JOBS_MAX,
		.absent_ms = 8000,
		.user_grant = SIM_GRANT,
		.worker = index != 0 || s->host_count < 3,
		.cpu_milli = 2000 + 1000 * sim_below(s, 4),
		.memory_bytes = 1ull << 30,
		.works_max = 2 + (u32)sim_below(s, 6),
		.price.cpu_hour = 1000 + sim_below(s, 100000),
		.price.memory_gb_hour = sim_below(s, 50000),
	};
	memcpy(h->config.node_id, h->id, sizeof(h->id));
	sim_host_start(h);
}

void sim_host_free(struct sim_host *h)
{
	fog_jobs_free(h->jobs);
	fog_store_close(h->store);
	for (u32 i = 0; i < h->run_count; i++) {
		free(h->run[i].input);
		free(h->run[i].restore);
	}
	free(h->run);
}
