/* SPDX-License-Identifier: BSD-3-Clause */
/* Engine "oci": argv[0] is an input file, a tar archive of an OCI bundle; further arguments replace
 * the bundle's. crun builds the container from a configuration of ours.
 *
 *	monitor --clone--> init (first of a pid namespace) --fork--> crun --> container
 *	   byte on go_fd -->|  SIGTERM --> the container's first process
 *	   status_fd     <--|  wait status of crun
 *
 * Init dies with the monitor, and with it everything in its namespace: crun alone would leave the
 * container running. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/executor/bundle.h"
#include "controlplane/executor/file.h"
#include "controlplane/executor/parts.h"
#include "controlplane/executor/sandbox.h"

#define PATH_SIZE 4096

#define LOG_MAX    65536
#define PID_DIGITS 16

struct oci_init {
	const struct fog_job *job;
	int go_fd;
	int status_fd;
	int input_fd;
	char state[PATH_SIZE];
	char bundle[PATH_SIZE];
	char pid_file[PATH_SIZE];
	char log[PATH_SIZE];
};

/* ---- inside: the init of the outer pid namespace --------------------------------------------- */

__attribute__((noreturn)) static void crun_exec(const struct oci_init *o)
{
	const char *const argv[] = {FOG_CRUN,          "--root",     o->state,
				    "--log",           o->log,       "--cgroup-manager",
				    "disabled",        "run",        "--bundle",
				    o->bundle,         "--pid-file", o->pid_file,
				    o->job->spec->job, NULL};
	static const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(o->input_fd, STDIN_FILENO) < 0 || dup2(o->job->out_fd[0], STDOUT_FILENO) < 0 ||
	    dup2(o->job->out_fd[1], STDERR_FILENO) < 0)
		_exit(1);
	(void)syscall(SYS_close_range, 3, ~0u, 0);
	execve(FOG_CRUN, (char *const *)argv, (char *const *)env);
	_exit(1);
}

static void container_terminate(const struct oci_init *o)
{
	char text[PID_DIGITS] = "";

	int fd = open(o->pid_file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;
	if (pid > 1)
		(void)kill((pid_t)pid, SIGTERM);
}

__attribute__((noreturn)) static void init_main(struct oci_init *o)
{
	struct signalfd_siginfo si;
	sigset_t set;
	int status;
	u8 go;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NAME, "fog-init");
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0 || read(o->go_fd, &go, 1) != 1)
		_exit(1);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		_exit(1);
	// crun refuses hosts with controllers in both hierarchies; it needs neither of them here.
	(void)umount2("/sys/fs/cgroup/unified", MNT_DETACH);
	pid_t crun = fork();
	if (crun == 0)
		crun_exec(o);
	close(o->job->out_fd[0]);
	close(o->job->out_fd[1]);
	for (;;) {
		pid_t pid;
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0 && pid != crun)
			;
		if (pid == crun || crun < 0)
			break;
		if (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si) && si.ssi_signo == SIGTERM)
			container_terminate(o);
	}
	(void)!write(o->status_fd, &status, sizeof(status));
	_exit(0);
}

/* ---- outside --------------------------------------------------------------------------------- */

static void oci_release(struct fog_job *job)
{
	for (size_t i = 0; i < 2; i++) {
		if (job->out_fd[i] >= 0)
			close(job->out_fd[i]);
		job->out_fd[i] = -1;
	}
	if (job->report_fd >= 0)
		close(job->report_fd);
	if (job->pidfd >= 0)
		close(job->pidfd);
	job->report_fd = job->pidfd = -1;
	fog_cgroup_remove(&job->cgroup);
}

static void facts_fill(struct fog_job *job)
{
	job->sandbox.namespaces = FOG_EXECUTOR_NS_USER | FOG_EXECUTOR_NS_MOUNT |
				  FOG_EXECUTOR_NS_PID | FOG_EXECUTOR_NS_NET | FOG_EXECUTOR_NS_IPC |
				  FOG_EXECUTOR_NS_UTS | FOG_EXECUTOR_NS_CGROUP;
	job->sandbox.no_new_privs = job->sandbox.seccomp = job->sandbox.proc = true;
	snprintf(job->sandbox.machine, sizeof(job->sandbox.machine), "crun container");
}

static int config_write(struct fog_job *job, struct oci_init *o)
{
	char spool[PATH_SIZE - 64], target[PATH_SIZE];
	json_t *config;
	int ret = -EIO;

	snprintf(target, sizeof(target), "/proc/self/fd/%d", job->spool_fd);
	ssize_t n = readlink(target, spool, sizeof(spool) - 1);
	if (n <= 0)
		return -errno;
	spool[n] = '\0';
	snprintf(o->bundle, sizeof(o->bundle), "%s/engine/bundle", spool);
	snprintf(o->state, sizeof(o->state), "%s/engine/crun", spool);
	snprintf(o->pid_file, sizeof(o->pid_file), "%s/engine/pid", spool);
	snprintf(o->log, sizeof(o->log), "%s/engine/log", spool);
	u32 uid = job->sandbox.uid;
	ret = fog_bundle_config(job, spool, uid, uid, &config);
	if (ret < 0)
		return ret;
	char *text = json_dumps(config, JSON_COMPACT);
	json_decref(config);
	if (text == NULL)
		return -ENOMEM;
	// The directory is the job's user's: ours again before we write, so that no link of his
	// can stand where our file goes.
	int dir = openat(job->spool_fd, "engine/bundle", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = dir < 0 || fchown(dir, 0, 0) < 0 || fchmod(dir, 0711) < 0
		      ? -errno
		      : fog_file_replace(dir, "config.json", text, strlen(text));
	if (dir >= 0)
		close(dir);
	free(text);
	return ret;
}

static int spool_share(struct fog_job *job)
{
	// The container's user must reach its root through directories that are ours alone.
	return fchmodat(job->spool_fd, "engine", 0711, 0) < 0 || fchmod(job->spool_fd, 0711) < 0
		       ? -errno
		       : 0;
}

static int input_open(struct fog_job *job)
{
	char path[FOG_EXECUTOR_NAME_MAX + 8];

	if (job->spec->stdin_name == NULL)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "input/%s", job->spec->stdin_name);
	return openat(job->spool_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static int oci_prepare(struct fog_job *job)
{
	if (access(FOG_CRUN, X_OK) < 0) {
		fog_job_fail(job, 0, "oci: there is no " FOG_CRUN);
		return -ENOENT;
	}
	if (geteuid() != 0) {
		fog_job_fail(job, 0, "oci: fog-exec must run as root for containers");
		return -EPERM;
	}
	job->sandbox.uid = fog_sandbox_uid();
	return fog_bundle_unpack(job, job->spec->argv[0], job->sandbox.uid, job->sandbox.uid);
}

static int init_clone(struct fog_job *job, struct oci_init *o, int go[2], int status[2])
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_PIDFD,
		.pidfd = (u64)(uintptr_t)&job->pidfd,
		.exit_signal = SIGCHLD,
	};

	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		o->go_fd = go[0];
		o->status_fd = status[1];
		close(go[1]);
		close(status[0]);
		init_main(o);
	}
	job->pid = pid;
	int ret = fog_cgroup_attach(&job->cgroup, pid);
	if (ret == 0 && write(go[1], "", 1) != 1)
		ret = -errno;
	if (ret < 0) {
		(void)pidfd_send_signal(job->pidfd, SIGKILL, NULL, 0);
		(void)waitpid(pid, NULL, 0);
	}
	return ret;
}

static int oci_start(struct fog_job *job)
{
	static struct oci_init o;
	int go[2] = {-1, -1}, status[2] = {-1, -1};

	o.job = job;
	fog_cgroup_create(&job->cgroup, job->cgroup_parent, job->spec->job, &job->spec->limits);
	job->sandbox.cgroup_version = job->cgroup.version;
	job->sandbox.cgroup_limits = job->cgroup.limits;
	int ret = fog_sandbox_limits_check(job);
	if (ret == 0)
		ret = config_write(job, &o);
	if (ret == 0)
		ret = fog_sandbox_give(job, job->sandbox.uid);
	if (ret == 0)
		ret = spool_share(job);
	if (ret == 0) {
		ret = o.input_fd = input_open(job);
		if (ret < 0)
			ret = -errno;
	}
	if (ret >= 0 && (pipe2(go, O_CLOEXEC) < 0 || pipe2(status, O_CLOEXEC | O_NONBLOCK) < 0))
		ret = -errno;
	if (ret >= 0)
		ret = init_clone(job, &o, go, status);
	if (o.input_fd > 0)
		close(o.input_fd);
	for (size_t i = 0; i < 2; i++)
		if (go[i] >= 0)
			close(go[i]);
	if (status[1] >= 0)
		close(status[1]);
	job->report_fd = status[0];
	if (ret < 0) {
		fog_job_fail(job, -ret, "oci");
		oci_release(job);
		return ret;
	}
	for (size_t i = 0; i < 2; i++) {
		close(job->out_fd[i]);
		job->out_fd[i] = -1;
	}
	facts_fill(job);
	return 0;
}

/* What crun says went wrong; the container's own words are on its standard error. */
static void log_take(struct fog_job *job)
{
	char *text;
	size_t len;

	int dir = openat(job->spool_fd, "engine", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	if (faccessat(dir, "pid", F_OK, 0) != 0) {
		if (fog_file_read(dir, "log", LOG_MAX, &text, &len) == 0) {
			text[strcspn(text, "\n")] = '\0';
			fog_job_fail(job, 0, "oci: %.200s", text);
			free(text);
		}
		fog_job_fail(job, 0, "oci: crun did not start the container");
	}
	close(dir);
}

static void oci_report(struct fog_job *job)
{
	int status;

	if (job->report_fd < 0)
		return;
	ssize_t n = read(job->report_fd, &status, sizeof(status));
	if (n == (ssize_t)sizeof(status)) {
		job->wstatus = status;
		job->has_status = true;
		log_take(job);
	}
	if (n == 0) {
		close(job->report_fd);
		job->report_fd = -1;
	}
}

static void oci_signal(struct fog_job *job, int signo)
{
	(void)pidfd_send_signal(job->pidfd, signo, NULL, 0);
}

static void oci_reap(struct fog_job *job)
{
	siginfo_t si;

	oci_report(job);
	while (waitid(P_PIDFD, (id_t)job->pidfd, &si, WEXITED) < 0 && errno == EINTR)
		;
	fog_sandbox_sample(job);
}

static const struct fog_engine_ops oci_ops = {
	.start = oci_start,
	.report = oci_report,
	.signal = oci_signal,
	.sample = fog_sandbox_sample,
	.reap = oci_reap,
	.release = oci_release,
};

const struct fog_engine fog_engine_oci = {
	.name = "oci",
	.ops = &oci_ops,
	.prepare = oci_prepare,
};
