/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs and spools, see runner.h. */
#include "controlplane/jobs/runner.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/core/log.h"

#define ENV_TEXT_SIZE 64
#define ENV_OURS      3
#define SPOOL_SIZE    (FOG_RUNNER_PATH_SIZE + FOG_WORK_RUN_SIZE + 1)

static void spool_path(const struct fog_runner *r, const char *run, char out[SPOOL_SIZE])
{
	snprintf(out, SPOOL_SIZE, "%s/%s", r->spool_dir, run);
}

static int beside_program(char out[FOG_RUNNER_PATH_SIZE])
{
	static const char name[] = "fog-exec";
	ssize_t n = readlink("/proc/self/exe", out, FOG_RUNNER_PATH_SIZE - sizeof(name));

	if (n < 0)
		return -errno;
	out[n] = '\0';
	char *slash = strrchr(out, '/');
	if (slash == NULL)
		return -ENOENT;
	memcpy(slash + 1, name, sizeof(name));
	/* In the build tree it lies in its own folder. */
	if (access(out, X_OK) != 0) {
		static const char built[] = "executor/fog-exec";
		if ((size_t)(slash + 1 - out) + sizeof(built) > FOG_RUNNER_PATH_SIZE)
			return -ENAMETOOLONG;
		memcpy(slash + 1, built, sizeof(built));
	}
	return 0;
}

int fog_runner_init(struct fog_runner *r, const char *spool_dir, const char *exec_path,
		    char why[FOG_JSON_ERROR_SIZE])
{
	int rc = 0;

	memset(r, 0, sizeof(*r));
	if (strlen(spool_dir) >= sizeof(r->spool_dir) ||
	    (exec_path != NULL && strlen(exec_path) >= sizeof(r->exec_path))) {
		snprintf(why, FOG_JSON_ERROR_SIZE, "a path of the executor is too long");
		return -ENAMETOOLONG;
	}
	memcpy(r->spool_dir, spool_dir, strlen(spool_dir) + 1);
	if (exec_path != NULL)
		memcpy(r->exec_path, exec_path, strlen(exec_path) + 1);
	else
		rc = beside_program(r->exec_path);
	if (rc == 0 && mkdir(spool_dir, 0700) != 0 && errno != EEXIST)
		rc = -errno;
	if (rc != 0)
		snprintf(why, FOG_JSON_ERROR_SIZE, "%.160s: %s", spool_dir, strerror(-rc));
	return rc;
}

static bool engine_allowed(const struct fog_runner *r, const char *engine)
{
	bool found = r->engine_count == 0 && strcmp(engine, "native") == 0;

	for (u32 i = 0; i < r->engine_count; i++)
		found |= strcmp(engine, r->engine[i]) == 0;
	return found;
}

/* What the job is told of its checkpoint; its own variables are none of these. */
struct environment {
	const char *list[FOG_JOB_ENV_MAX + ENV_OURS];
	size_t count;
	char text[ENV_OURS][ENV_TEXT_SIZE];
};

static void environment_fill(struct environment *e, const struct fog_job_spec *spec)
{
	for (e->count = 0; e->count < spec->env_count; e->count++)
		e->list[e->count] = spec->env[e->count];
	if (spec->checkpoint.bytes_max == 0)
		return;
	snprintf(e->text[0], ENV_TEXT_SIZE, "FOG_CHECKPOINT=/checkpoint");
	snprintf(e->text[1], ENV_TEXT_SIZE, "FOG_CHECKPOINT_INTERVAL=%llu",
		 (unsigned long long)(spec->checkpoint.interval_ms / 1000));
	snprintf(e->text[2], ENV_TEXT_SIZE, "FOG_RESTART=%u", spec->checkpoint.restart);
	for (size_t i = 0; i < ENV_OURS; i++)
		e->list[e->count++] = e->text[i];
}

int fog_runner_prepare(void *context, const char *run, const struct fog_job_spec *spec,
		       u64 accelerators, char error[FOG_JSON_ERROR_SIZE])
{
	const struct fog_runner *r = context;
	const char *devices[FOG_ACCELERATOR_DEVICES_MAX];
	char spool[SPOOL_SIZE], trace[FOG_TRACEPARENT_SIZE];
	struct environment env;
	environment_fill(&env, spec);
	struct fog_executor_spec e = {
		.job = run,
		.engine = spec->engine,
		.builders = r->builder,
		.builder_count = r->builder_count,
		.argv = spec->argv,
		.argv_count = spec->argv_count,
		.env = env.list,
		.env_count = env.count,
		.stdin_name = spec->stdin_name,
		.limits =
			{
				.cpu_cores = (double)spec->limits.cpu_milli / 1000,
				.memory_bytes = spec->limits.memory_bytes,
				.pids = (u32)spec->limits.pids,
				.wall_ms = spec->limits.wall_ms,
				.output_bytes = spec->limits.output_bytes,
				.disk_bytes = spec->limits.disk_bytes != 0 ? spec->limits.disk_bytes
									   : r->disk_bytes,
			},
		.checkpoint =
			{
				.bytes_max = spec->checkpoint.bytes_max,
				.interval_ms = spec->checkpoint.interval_ms,
				.grace_ms = spec->checkpoint.grace_ms,
				.exit_code = (int)spec->checkpoint.exit_code,
				.from = fog_job_spec_restored(spec) != NULL
						? FOG_JOB_CHECKPOINT_FILE
						: NULL,
			},
		.artifacts =
			{
				.patterns = spec->artifact,
				.count = spec->artifact_count,
				.bytes_max = spec->limits.artifact_bytes,
			},
	};

	if (!engine_allowed(r, spec->engine)) {
		snprintf(error, FOG_JSON_ERROR_SIZE, "engine: this host does not run \"%s\"",
			 spec->engine);
		return -EINVAL;
	}
	if (fog_trace_current() != NULL)
		e.traceparent = fog_trace_format(fog_trace_current(), trace);
	e.devices = devices;
	e.device_count = fog_accelerators_devices(&r->accelerators, accelerators, devices);
	spool_path(r, run, spool);
	return fog_executor_prepare_explain(&e, spool, error, FOG_JSON_ERROR_SIZE);
}

int fog_runner_input(void *context, const char *run, const char *name, u64 offset, const void *data,
		     size_t len)
{
	char spool[SPOOL_SIZE];

	spool_path(context, run, spool);
	return fog_executor_input_write(spool, name, offset, data, len);
}

static u64 file_size(const char *spool, const char *name)
{
	char path[SPOOL_SIZE + 16];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", spool, name);
	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 ? (u64)st.st_size : 0;
}

/* What the executor could not run for a reason that lies in the job is the job's own failure; every
 * other failure is the host's. */
static enum fog_outcome outcome_of(const struct fog_executor_result *r)
{
	switch (r->outcome) {
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
		if (strncmp(r->error, "disk limit", 10) == 0)
			return FOG_OUTCOME_DISK;
		if (strncmp(r->error, "exec ", 5) == 0)
			return FOG_OUTCOME_NOEXEC;
		return FOG_OUTCOME_FAILED;
	}
}

static void sandbox_text(const struct fog_executor_sandbox *s, char out[FOG_JOB_SANDBOX_SIZE])
{
	static const char *const namespaces[] = {"user", "mount", "pid",   "net",
						 "ipc",  "uts",   "cgroup"};
	static const char *const limits[] = {"memory", "pids", "cpu"};
	json_t *ns = json_array(), *cgroup = json_array();

	for (u32 i = 0; i < FOG_ARRAY_COUNT(namespaces); i++)
		if (s->namespaces & 1u << i)
			json_array_append_new(ns, json_string(namespaces[i]));
	for (u32 i = 0; i < FOG_ARRAY_COUNT(limits); i++)
		if (s->cgroup_limits & 1u << i)
			json_array_append_new(cgroup, json_string(limits[i]));
	json_t *o = json_pack("{s:o,s:b,s:b,s:b,s:I,s:I,s:o,s:I,s:s}", "namespaces", ns,
			      "no_new_privs", s->no_new_privs, "seccomp", s->seccomp, "proc",
			      s->proc, "landlock_abi", (json_int_t)s->landlock_abi,
			      "cgroup_version", (json_int_t)s->cgroup_version, "cgroup_limits",
			      cgroup, "uid", (json_int_t)s->uid, "machine", s->machine);
	char *text = o != NULL ? fog_json_text(o) : NULL;
	bool fits = text != NULL && strlen(text) < FOG_JOB_SANDBOX_SIZE;
	snprintf(out, FOG_JOB_SANDBOX_SIZE, "%s", fits ? text : "{}");
	free(text);
	json_decref(o);
}

static void result_fill(const struct fog_executor_result *r, struct fog_run_status *out)
{
	out->outcome = outcome_of(r);
	out->exit_code = r->outcome == FOG_EXECUTOR_EXITED ? r->exit_code : -1;
	if (out->outcome == FOG_OUTCOME_EXITED && r->exit_code < 0)
		out->outcome = FOG_OUTCOME_FAILED;
	out->signal = r->signal > 0 && r->signal <= 128 ? (u32)r->signal : 0;
	snprintf(out->error, sizeof(out->error), "%s", r->error);
	out->started_ms = r->started_unix_ms;
	out->ended_ms = r->ended_unix_ms;
	out->usage = (struct fog_job_usage){
		.wall_ms = r->usage.wall_ms,
		.cpu_user_ms = r->usage.cpu_user_ms,
		.cpu_system_ms = r->usage.cpu_system_ms,
		.memory_peak_bytes = r->usage.memory_peak_bytes,
		.io_read_bytes = r->usage.io_read_bytes,
		.io_write_bytes = r->usage.io_write_bytes,
	};
	memcpy(out->output_sha256[0], r->stdout_sha256, 32);
	memcpy(out->output_sha256[1], r->stderr_sha256, 32);
	out->truncated = r->output_truncated;
	sandbox_text(&r->sandbox, out->sandbox);
}

int fog_runner_poll(void *context, const char *run, struct fog_run_status *out)
{
	struct fog_executor_status status;
	char spool[SPOOL_SIZE];

	memset(out, 0, sizeof(*out));
	spool_path(context, run, spool);
	int rc = fog_executor_poll(spool, &status);
	if (rc == -ENOENT)
		return 0; /* ABSENT */
	if (rc != 0)
		return rc;
	out->output_size[0] = file_size(spool, "stdout");
	out->output_size[1] = file_size(spool, "stderr");
	out->started_ms = status.started_unix_ms;
	if (status.state == FOG_EXECUTOR_RUNNING || status.state == FOG_EXECUTOR_FINISHED) {
		rc = fog_executor_kept(spool, &out->kept);
		if (rc != 0)
			return rc;
	}
	switch (status.state) {
	case FOG_EXECUTOR_PENDING:
		out->state = FOG_RUN_PENDING;
		break;
	case FOG_EXECUTOR_RUNNING:
		out->state = FOG_RUN_RUNNING;
		break;
	case FOG_EXECUTOR_FINISHED:
		out->state = FOG_RUN_FINISHED;
		result_fill(&status.result, out);
		break;
	default:
		out->state = FOG_RUN_VANISHED;
	}
	return 0;
}

int fog_runner_output(void *context, const char *run, u32 stream, u64 offset, void *buf, size_t cap,
		      size_t *len)
{
	char spool[SPOOL_SIZE];

	spool_path(context, run, spool);
	return fog_executor_read_output(spool,
					stream == 0 ? FOG_EXECUTOR_STDOUT : FOG_EXECUTOR_STDERR,
					offset, buf, cap, len);
}

int fog_runner_kept(void *context, const char *run, const char *name, u64 offset, void *buf,
		    size_t cap, size_t *len)
{
	char spool[SPOOL_SIZE];

	spool_path(context, run, spool);
	return fog_executor_kept_read(spool, name, offset, buf, cap, len);
}

void fog_runner_start(struct fog_runner *r, const char *run)
{
	char spool[SPOOL_SIZE];

	spool_path(r, run, spool);
	int rc = fog_executor_start(r->exec_path, spool, NULL);
	/* -EBUSY: started before; the engine asks again when it does not see it. */
	if (rc != 0 && rc != -EBUSY)
		fog_log(FOG_LOG_WARNING, "jobs", "fog-exec does not start reason=\"%s\"",
			strerror(-rc));
}

void fog_runner_cancel(struct fog_runner *r, const char *run)
{
	char spool[SPOOL_SIZE];

	spool_path(r, run, spool);
	(void)fog_executor_cancel(spool); /* -ESRCH: it has ended */
}

void fog_runner_remove(struct fog_runner *r, const char *run)
{
	char spool[SPOOL_SIZE];

	spool_path(r, run, spool);
	int rc = fog_executor_remove(spool);
	if (rc == 0 || rc == -ENOENT)
		return;
	if (r->removal_count == FOG_RUNNER_REMOVALS_MAX) {
		fog_log(FOG_LOG_WARNING, "jobs", "a spool stays until the next start");
		return;
	}
	snprintf(r->removal[r->removal_count++], FOG_WORK_RUN_SIZE, "%s", run);
}

void fog_runner_tick(struct fog_runner *r)
{
	u32 count = r->removal_count;
	char run[FOG_WORK_RUN_SIZE];

	/* Those that are still busy go to the end of the list again. */
	for (u32 i = 0; i < count; i++) {
		memcpy(run, r->removal[0], sizeof(run));
		memmove(r->removal[0], r->removal[1], --r->removal_count * sizeof(r->removal[0]));
		fog_runner_cancel(r, run);
		fog_runner_remove(r, run);
	}
}

void fog_runner_reconcile(struct fog_runner *r, struct fog_jobs *jobs)
{
	DIR *dir = opendir(r->spool_dir);
	struct dirent *e;

	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.' || strlen(e->d_name) >= FOG_WORK_RUN_SIZE ||
		    fog_jobs_run_live(jobs, e->d_name))
			continue;
		fog_runner_cancel(r, e->d_name);
		fog_runner_remove(r, e->d_name);
	}
	closedir(dir);
}
