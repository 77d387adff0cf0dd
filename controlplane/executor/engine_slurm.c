/* SPDX-License-Identifier: BSD-3-Clause */
/* Engine "slurm": a site's cluster runs the job. srun starts another fog-exec on the node Slurm
 * picks, which runs it as "native" with the same limits, so that a job meets the same sandbox and
 * the same accounting there. The spool and fog-exec must be seen at the same path on every node.
 *
 *	monitor --fork--> srun ~~slurmd~~> fog-exec --echo, spool engine/inner --> the job
 *
 * Standard streams come back through srun; the inner result is read when it has ended. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/executor/engine.h"
#include "controlplane/executor/file.h"
#include "controlplane/executor/result.h"
#include "controlplane/executor/sandbox.h"
#include "controlplane/executor/spec.h"

#define SRUN       "/usr/bin/srun"
#define SCANCEL    "/usr/bin/scancel"
#define INNER      "engine/inner"
#define QUEUE_S    60 /* for the cluster to begin; then it is full, and the fog asks another host */
#define KILL_TRIES 100 /* requests to end, 5 a second, before srun itself is killed */
#define PATH_SIZE  4096
#define TEXT_SIZE  64
#define MIB        (1ull << 20)

extern char **environ;

/* One job a process. */
static struct {
	char name[FOG_EXECUTOR_JOB_MAX + 32]; /* of Slurm's job: by it scancel finds it */
	u32 kills;
} cluster;

static int inner_spec_write(struct fog_job *job, int inner)
{
	struct fog_executor_spec spec = *job->spec;
	char *text;

	spec.engine = NULL;
	int ret = fog_spec_emit(&spec, &text);
	if (ret < 0)
		return ret;
	ret = fog_file_replace(inner, "spec.json", text, strlen(text));
	free(text);
	return ret;
}

static int slurm_prepare(struct fog_job *job)
{
	if (access(SRUN, X_OK) < 0 || access(SCANCEL, X_OK) < 0) {
		fog_job_fail(job, 0, "slurm: there is no " SRUN " and " SCANCEL);
		return -ENOENT;
	}
	if ((mkdirat(job->spool_fd, "engine", 0700) < 0 && errno != EEXIST) ||
	    mkdirat(job->spool_fd, INNER, 0700) < 0)
		return -errno;
	int inner = openat(job->spool_fd, INNER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (inner < 0)
		return -errno;
	int ret = inner_spec_write(job, inner);
	// The inner spool has the files until the end; whoever has them open keeps them.
	if (ret == 0 && (renameat(job->spool_fd, "input", inner, "input") < 0 ||
			 renameat(job->spool_fd, "work", inner, "work") < 0))
		ret = -errno;
	close(inner);
	snprintf(cluster.name, sizeof(cluster.name), "fog-%s-%d", job->spec->job, (int)getpid());
	snprintf(job->sandbox.machine, sizeof(job->sandbox.machine), "slurm node");
	return ret;
}

static int inner_path(const struct fog_job *job, char out[PATH_SIZE])
{
	char link[TEXT_SIZE];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", job->spool_fd);
	ssize_t n = readlink(link, out, PATH_SIZE - sizeof(INNER) - 1);
	if (n <= 0)
		return -errno;
	snprintf(out + n, PATH_SIZE - (size_t)n, "/" INNER);
	return 0;
}

__attribute__((noreturn)) static void srun_exec(const struct fog_job *job, const char *inner)
{
	const struct fog_executor_limits *l = &job->spec->limits;
	char name[160], cpus[TEXT_SIZE], memory[TEXT_SIZE], minutes[TEXT_SIZE], queue[TEXT_SIZE];
	char self[PATH_SIZE];
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setsid();
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		_exit(1);
	self[n] = '\0';
	u32 cores = (u32)l->cpu_cores + (l->cpu_cores > (u32)l->cpu_cores);
	snprintf(name, sizeof(name), "--job-name=%s", cluster.name);
	snprintf(cpus, sizeof(cpus), "--cpus-per-task=%u", FOG_MAX(cores, 1u));
	snprintf(memory, sizeof(memory), "--mem=%lluM",
		 (unsigned long long)((l->memory_bytes + MIB - 1) / MIB));
	// A minute more than the limit inside: Slurm's own end would lose the result.
	snprintf(minutes, sizeof(minutes), "--time=%llu",
		 (unsigned long long)(l->wall_ms / 60000 + 2));
	snprintf(queue, sizeof(queue), "--immediate=%d", QUEUE_S);
	const char *const argv[] = {SRUN,        "--quiet",      "--ntasks=1",   name,
				    cpus,        memory,         minutes,        queue,
				    "--chdir=/", "--unbuffered", "--input=none", self,
				    "--echo",    "--spool",      inner,          NULL};
	int null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(job->out_fd[0], STDOUT_FILENO) < 0 ||
	    dup2(job->out_fd[1], STDERR_FILENO) < 0)
		_exit(1);
	(void)syscall(SYS_close_range, 3, ~0u, 0);
	execv(SRUN, (char *const *)argv);
	_exit(1);
}

static void slurm_release(struct fog_job *job)
{
	for (size_t i = 0; i < 2; i++) {
		if (job->out_fd[i] >= 0)
			close(job->out_fd[i]);
		job->out_fd[i] = -1;
	}
	if (job->pidfd >= 0)
		close(job->pidfd);
	job->pidfd = -1;
}

static int slurm_start(struct fog_job *job)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (u64)(uintptr_t)&job->pidfd,
		.exit_signal = SIGCHLD,
	};
	char inner[PATH_SIZE];

	int ret = inner_path(job, inner);
	if (ret == 0) {
		pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
		if (pid == 0)
			srun_exec(job, inner);
		ret = pid < 0 ? -errno : 0;
		job->pid = pid;
	}
	if (ret < 0)
		fog_job_fail(job, -ret, "slurm");
	for (size_t i = 0; i < 2; i++) {
		close(job->out_fd[i]);
		job->out_fd[i] = -1;
	}
	return ret;
}

static void slurm_report(struct fog_job *job)
{
}

/* scancel knows the job wherever it runs, and before it does. Not waited for: it may take long. */
static void slurm_signal(struct fog_job *job, int signo)
{
	char name[160];
	pid_t pid;

	if (signo == SIGKILL && ++cluster.kills > KILL_TRIES) {
		(void)pidfd_send_signal(job->pidfd, SIGKILL, NULL, 0);
		return;
	}
	// Requests pile up while limits stay broken: one in a while is enough.
	if (signo == SIGKILL && cluster.kills % 25 != 1)
		return;
	snprintf(name, sizeof(name), "--name=%s", cluster.name);
	const char *const term[] = {SCANCEL, "--quiet", "--signal=TERM", name, NULL};
	const char *const kill[] = {SCANCEL, "--quiet", name, NULL};
	(void)posix_spawn(&pid, SCANCEL, NULL, NULL,
			  (char *const *)(signo == SIGKILL ? kill : term), environ);
}

static void slurm_sample(struct fog_job *job)
{
}

static void slurm_reap(struct fog_job *job)
{
	siginfo_t si;

	while (waitid(P_PIDFD, (id_t)job->pidfd, &si, WEXITED) < 0 && errno == EINTR)
		;
}

static void result_take(struct fog_job *job, const struct fog_executor_result *r)
{
	char machine[sizeof(job->sandbox.machine)];

	memcpy(machine, job->sandbox.machine, sizeof(machine));
	job->sandbox = r->sandbox;
	memcpy(job->sandbox.machine, machine, sizeof(machine));
	job->usage = r->usage;
	job->oom = r->outcome == FOG_EXECUTOR_OOM;
	job->timed_out = r->outcome == FOG_EXECUTOR_TIMEOUT;
	if (r->outcome == FOG_EXECUTOR_FAILED)
		fog_job_fail(job, 0, "%s", r->error);
	job->has_status = r->exit_code >= 0 || r->signal > 0;
	job->wstatus = r->signal > 0 ? r->signal & 0x7f : (r->exit_code & 0xff) << 8;
}

static void slurm_finish(struct fog_job *job)
{
	struct fog_executor_result r;
	char *text;
	size_t len;

	int inner = openat(job->spool_fd, INNER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (inner < 0) {
		fog_job_fail(job, errno, "slurm: inner spool");
		return;
	}
	int ret = fog_file_read(inner, "result.json", FOG_EXECUTOR_RESULT_MAX, &text, &len);
	if (ret == 0) {
		ret = fog_result_parse(text, len, &r);
		free(text);
	}
	if (ret == 0)
		result_take(job, &r);
	else
		fog_job_fail(job, 0, "slurm: the cluster did not run the job");
	(void)renameat(inner, "input", job->spool_fd, "input");
	(void)renameat(inner, "work", job->spool_fd, "work");
	close(inner);
}

static const struct fog_engine_ops slurm_ops = {
	.start = slurm_start,
	.report = slurm_report,
	.signal = slurm_signal,
	.sample = slurm_sample,
	.reap = slurm_reap,
	.release = slurm_release,
};

const struct fog_engine fog_engine_slurm = {
	.name = "slurm",
	.ops = &slurm_ops,
	.slack_ms = QUEUE_S * 1000,
	.keeps = true,
	.prepare = slurm_prepare,
	.finish = slurm_finish,
};
