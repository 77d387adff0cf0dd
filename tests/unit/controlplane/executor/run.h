/* SPDX-License-Identifier: BSD-3-Clause */
/* Real jobs for tests: a spool in a private directory, a spec to start from, and running it to its
 * end. */
#ifndef FOG_TEST_EXECUTOR_RUN_H
#define FOG_TEST_EXECUTOR_RUN_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/executor/executor.h"
#include "controlplane/executor/file.h"

#define RUN_OUTPUT_MAX 65536
#define RUN_WAIT_MS    20000 /* no test's job may take longer, sanitizers included */

struct run {
	char base[64];
	char spool[96];
	const char *argv[8];
	const char *env[4];
	struct fog_executor_spec spec;
	struct fog_executor_status status;
	char out[RUN_OUTPUT_MAX + 1];
	char err[RUN_OUTPUT_MAX + 1];
};

/* A shell script as a job, with limits that suit it. */
__attribute__((unused)) static void run_begin(struct run *r, const char *script)
{
	memset(r, 0, sizeof(*r));
	snprintf(r->base, sizeof(r->base), "/tmp/fog-exec-test.XXXXXX");
	if (mkdtemp(r->base) == NULL) {
		perror("mkdtemp");
		exit(2);
	}
	snprintf(r->spool, sizeof(r->spool), "%s/spool", r->base);
	r->argv[0] = "/bin/sh";
	r->argv[1] = "-c";
	r->argv[2] = script;
	r->spec = (struct fog_executor_spec){
		.job = "test-1",
		.argv = r->argv,
		.argv_count = 3,
		.env = r->env,
		.limits = {.cpu_cores = 1.0,
			   .memory_bytes = 64 << 20,
			   .pids = 32,
			   .wall_ms = 15000,
			   .output_bytes = RUN_OUTPUT_MAX,
			   .disk_bytes = 64 << 20},
	};
}

__attribute__((unused)) static void run_sleep_ms(long ms)
{
	const struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

__attribute__((unused)) static u64 run_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

/* Poll until the job is in the state, or has left RUNNING; false after RUN_WAIT_MS. */
__attribute__((unused)) static bool run_wait(struct run *r, enum fog_executor_state state)
{
	u64 end = run_now_ms() + RUN_WAIT_MS;

	while (run_now_ms() < end) {
		if (fog_executor_poll(r->spool, &r->status) < 0)
			return false;
		if (r->status.state == state)
			return true;
		run_sleep_ms(5);
	}
	return false;
}

/* Wait until a stream holds text; false after RUN_WAIT_MS. */
__attribute__((unused)) static bool run_wait_output(struct run *r, const char *text)
{
	u64 end = run_now_ms() + RUN_WAIT_MS;
	size_t len;

	while (run_now_ms() < end) {
		if (fog_executor_read_output(r->spool, FOG_EXECUTOR_STDOUT, 0, r->out,
					     RUN_OUTPUT_MAX, &len) == 0) {
			r->out[len] = '\0';
			if (strstr(r->out, text) != NULL)
				return true;
		}
		run_sleep_ms(5);
	}
	return false;
}

__attribute__((unused)) static void run_read(struct run *r)
{
	size_t len = 0;

	fog_executor_read_output(r->spool, FOG_EXECUTOR_STDOUT, 0, r->out, RUN_OUTPUT_MAX, &len);
	r->out[len] = '\0';
	len = 0;
	fog_executor_read_output(r->spool, FOG_EXECUTOR_STDERR, 0, r->err, RUN_OUTPUT_MAX, &len);
	r->err[len] = '\0';
}

/* Prepare, start and wait for the result of r->spec. */
__attribute__((unused)) static int run_to_end(struct run *r)
{
	int ret = fog_executor_prepare(&r->spec, r->spool);

	if (ret == 0)
		ret = fog_executor_start(FOG_EXEC_PATH, r->spool, NULL);
	if (ret == 0 && !run_wait(r, FOG_EXECUTOR_FINISHED))
		ret = -ETIMEDOUT;
	run_read(r);
	if (ret < 0)
		printf("\n  run: %s\n", strerror(-ret));
	return ret;
}

/* The result in one line, for a test that fails. */
__attribute__((unused)) static bool run_is(struct run *r, enum fog_executor_outcome outcome,
					   int code, int signo)
{
	const struct fog_executor_result *x = &r->status.result;

	if (x->outcome == outcome && x->exit_code == code && x->signal == signo)
		return true;
	printf("\n  %s exit %d signal %d (%s), wanted %s exit %d signal %d\n  out: %s\n  err: %s\n",
	       fog_executor_outcome_name(x->outcome), x->exit_code, x->signal, x->error,
	       fog_executor_outcome_name(outcome), code, signo, r->out, r->err);
	return false;
}

__attribute__((unused)) static void run_end(struct run *r)
{
	if (fog_executor_cancel(r->spool) == 0)
		run_wait(r, FOG_EXECUTOR_FINISHED);
	for (int i = 0; i < 100 && fog_executor_remove(r->spool) == -EBUSY; i++)
		run_sleep_ms(20);
	fog_tree_remove(AT_FDCWD, r->base);
}

/* A file of the host becomes an input file of the job. */
__attribute__((unused)) static bool run_input_copy(struct run *r, const char *from,
						   const char *name)
{
	char buf[65536];
	u64 offset = 0;
	ssize_t n;

	int fd = open(from, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		if (fog_executor_input_write(r->spool, name, offset, buf, (size_t)n) < 0)
			break;
		offset += (u64)n;
	}
	close(fd);
	return n == 0;
}

/* The job has a checkpoint, and "result" in /work is an artifact. */
__attribute__((unused)) static void run_leaves(struct run *r)
{
	static const char *const artifacts[] = {"result"};

	r->spec.checkpoint = (struct fog_executor_checkpoint){
		.bytes_max = 1 << 20, .grace_ms = 20000, .exit_code = 85};
	r->spec.artifacts = (struct fog_executor_artifacts){
		.patterns = artifacts, .count = 1, .bytes_max = 4096};
}

/* Prepares the next run to go on from the newest checkpoint of another; false: there is none. */
__attribute__((unused)) static bool run_goes_on(const struct run *from, struct run *to)
{
	static char content[65536];
	struct fog_executor_kept k;
	char name[32];
	size_t len;

	if (fog_executor_kept(from->spool, &k) < 0 || k.number == 0)
		return false;
	snprintf(name, sizeof(name), "checkpoint.%u", k.number);
	to->spec.checkpoint.from = "checkpoint.tar";
	return fog_executor_kept_read(from->spool, name, 0, content, sizeof(content), &len) == 0 &&
	       len == k.checkpoint.size && fog_executor_prepare(&to->spec, to->spool) == 0 &&
	       fog_executor_input_write(to->spool, "checkpoint.tar", 0, content, len) == 0;
}

/* Is the only artifact of this size? */
__attribute__((unused)) static bool run_left(const struct run *r, u64 size)
{
	struct fog_executor_kept k;

	return fog_executor_kept(r->spool, &k) == 0 && k.artifacts == 1 && k.artifact_bytes == size;
}

/* The probe leaves something in r and finds it again in another run. begin prepares r to run it
 * with a word and an argument, run takes it to its end. */
__attribute__((unused)) static bool run_hands_on(struct run *r,
						 void (*begin)(const char *what, const char *arg),
						 void (*run)(void))
{
	struct run first;

	begin("leave", NULL);
	run_leaves(r);
	if (fog_executor_prepare(&r->spec, r->spool) < 0)
		return false;
	run();
	bool good = run_is(r, FOG_EXECUTOR_EXITED, 85, 0) && run_left(r, 5) &&
		    strcmp(r->out, "nothi errno 0\nsaved 5 errno 0\nsaved 5 errno 0\n") == 0;
	first = *r;
	begin("leave", NULL);
	run_leaves(r);
	good = good && run_goes_on(&first, r);
	run();
	good = good && strncmp(r->out, "saved errno 0\n", 14) == 0;
	run_end(&first);
	run_end(r);
	return good;
}

#endif
