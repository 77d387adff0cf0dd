/* SPDX-License-Identifier: BSD-3-Clause */
/* The sandbox: see inside.c for its inner half. */
#include "controlplane/executor/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/executor/file.h"
#include "controlplane/executor/inside.h"
#include "controlplane/executor/sandbox.h"

/* As root every running job has a host user id of its own: this plus the monitor's pid (at most
 * 2^22). No distribution hands out ids from here (systemd, "Users, Groups, UIDs and GIDs": unused).
 */
#define UID_BASE     0x70000000u
#define UID_FALLBACK 65534u /* where that id is not mapped to us: in a container */
#define OOM_SCORE    "1000" /* the host kills jobs before it kills anything of its own */
#define BLOCK_BYTES  512    /* of ru_inblock and ru_oublock */

#define NS_BASE (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)
#define NS_BASE_BITS                                                                               \
	(FOG_EXECUTOR_NS_MOUNT | FOG_EXECUTOR_NS_PID | FOG_EXECUTOR_NS_NET | FOG_EXECUTOR_NS_IPC | \
	 FOG_EXECUTOR_NS_UTS)

static bool uid_mapped(u32 uid)
{
	unsigned first, outside, count;
	bool mapped = false;

	FILE *f = fopen("/proc/self/uid_map", "re");
	if (f == NULL)
		return false;
	while (!mapped && fscanf(f, "%u %u %u", &first, &outside, &count) == 3)
		mapped = uid >= first && uid - first < count;
	fclose(f);
	return mapped;
}

u32 fog_sandbox_uid(void)
{
	if (geteuid() != 0)
		return geteuid();
	u32 uid = UID_BASE + (u32)getpid();
	if (!uid_mapped(uid))
		uid = UID_FALLBACK;
	// The root of a container with one id: like an unprivileged user, it can only be itself.
	return uid_mapped(uid) ? uid : geteuid();
}

int fog_sandbox_give(const struct fog_job *job, u32 uid)
{
	static const char *const names[] = {"work", "checkpoint"};

	if (uid == geteuid())
		return 0;
	for (size_t i = 0; i < FOG_ARRAY_COUNT(job->out_fd); i++)
		if (fchown(job->out_fd[i], uid, uid) < 0)
			return -errno;
	for (size_t i = 0; i < FOG_ARRAY_COUNT(names); i++) {
		int fd = openat(job->spool_fd, names[i],
				O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 && i > 0 && errno == ENOENT)
			continue; /* not every job has one */
		int ret = fd < 0 ? -errno : fog_tree_chown(fd, uid, uid);
		if (fd >= 0)
			close(fd);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int child_file_write(pid_t pid, const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static int maps_write(pid_t pid, u32 uid, gid_t gid)
{
	char map[64];

	snprintf(map, sizeof(map), "%d %u 1", FOG_INSIDE_ID, (unsigned)gid);
	int ret = child_file_write(pid, "gid_map", map);
	// An unprivileged owner may map his group only after giving up changes of groups.
	if (ret == -EPERM) {
		ret = child_file_write(pid, "setgroups", "deny");
		if (ret == 0)
			ret = child_file_write(pid, "gid_map", map);
	}
	if (ret < 0)
		return ret;
	snprintf(map, sizeof(map), "%d %u 1", FOG_INSIDE_ID, (unsigned)uid);
	return child_file_write(pid, "uid_map", map);
}

/* The job's group: of its own number as its user, or ours where it must be us. */
static gid_t job_gid(const struct fog_job *job)
{
	return job->sandbox.uid == geteuid() ? getegid() : (gid_t)job->sandbox.uid;
}

int fog_sandbox_limits_check(struct fog_job *job)
{
	static const struct {
		u32 require;
		u32 limit;
		const char *name;
	} pairs[] = {
		{FOG_EXECUTOR_REQUIRE_MEMORY, FOG_EXECUTOR_CGROUP_MEMORY, "memory"},
		{FOG_EXECUTOR_REQUIRE_PIDS, FOG_EXECUTOR_CGROUP_PIDS, "pids"},
		{FOG_EXECUTOR_REQUIRE_CPU, FOG_EXECUTOR_CGROUP_CPU, "cpu"},
	};

	for (size_t i = 0; i < FOG_ARRAY_COUNT(pairs); i++) {
		if ((job->spec->require & pairs[i].require) &&
		    !(job->cgroup.limits & pairs[i].limit)) {
			fog_job_fail(job, 0,
				     "required but not available: %s limit by control group",
				     pairs[i].name);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

/* clone3 with the most namespaces we can have. Returns like fork; *in says what it became. */
static pid_t job_clone(struct fog_job *job, struct fog_inside *in)
{
	const u64 levels[] = {NS_BASE | CLONE_NEWUSER, NS_BASE, 0};
	struct clone_args args = {.exit_signal = SIGCHLD};
	int first_error = 0;

	for (size_t i = 0; i < FOG_ARRAY_COUNT(levels); i++) {
		// A new mount namespace without a user namespace is root's alone.
		if (levels[i] == NS_BASE && geteuid() != 0)
			continue;
		// What an engine brings along is only seen in a tree of the job's own.
		if (levels[i] == 0 &&
		    ((job->spec->require & FOG_EXECUTOR_REQUIRE_NAMESPACES) ||
		     job->launch.engine_dir || job->spec->checkpoint.bytes_max != 0))
			break;
		in->user = (levels[i] & CLONE_NEWUSER) != 0;
		in->namespaces = levels[i] != 0;
		in->uid = in->user ? FOG_INSIDE_ID : job->sandbox.uid;
		in->gid = in->user ? FOG_INSIDE_ID : job_gid(job);
		in->facts = job->sandbox;
		in->facts.namespaces =
			(in->namespaces ? NS_BASE_BITS : 0) | (in->user ? FOG_EXECUTOR_NS_USER : 0);
		args.flags = levels[i] | CLONE_PIDFD;
		args.pidfd = (u64)(uintptr_t)&job->pidfd;
		pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
		if (pid >= 0)
			return pid;
		first_error = first_error == 0 ? errno : first_error;
	}
	fog_job_fail(job, first_error, "namespaces");
	return -first_error;
}

static void send_inside(struct fog_job *job, u32 type, int value)
{
	struct fog_inside_message m = {.type = type, .value = value};

	if (job->report_fd >= 0)
		(void)send(job->report_fd, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void out_close(struct fog_job *job)
{
	for (size_t i = 0; i < 2; i++) {
		if (job->out_fd[i] >= 0)
			close(job->out_fd[i]);
		job->out_fd[i] = -1;
	}
}

/* The child waits for GO; put it where it belongs first. */
static int child_place(struct fog_job *job, const struct fog_inside *in)
{
	(void)child_file_write(job->pid, "oom_score_adj", OOM_SCORE);
	int ret = fog_cgroup_attach(&job->cgroup, job->pid);
	if (ret < 0) {
		fog_job_fail(job, -ret, "control group");
		return ret;
	}
	if (in->user) {
		ret = maps_write(job->pid, job->sandbox.uid, job_gid(job));
		if (ret < 0)
			fog_job_fail(job, -ret, "user namespace map");
	}
	return ret;
}

static void sandbox_release(struct fog_job *job)
{
	out_close(job);
	if (job->report_fd >= 0)
		close(job->report_fd);
	if (job->pidfd >= 0)
		close(job->pidfd);
	job->report_fd = job->pidfd = -1;
	fog_cgroup_remove(&job->cgroup);
}

static int sandbox_start(struct fog_job *job)
{
	struct fog_inside in = {.job = job};
	int pair[2];

	fog_cgroup_create(&job->cgroup, job->cgroup_parent, job->spec->job, &job->spec->limits);
	job->sandbox.cgroup_version = job->cgroup.version;
	job->sandbox.cgroup_limits = job->cgroup.limits;
	job->sandbox.uid = fog_sandbox_uid();
	int ret = fog_sandbox_limits_check(job);
	if (ret < 0)
		goto err_release;
	ret = fog_sandbox_give(job, job->sandbox.uid);
	if (ret < 0) {
		fog_job_fail(job, -ret, "give the job its files");
		goto err_release;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		ret = -errno;
		fog_job_fail(job, errno, "socketpair");
		goto err_release;
	}
	in.socket_fd = pair[1];
	job->report_fd = pair[0];
	ret = job->pid = job_clone(job, &in);
	if (ret == 0)
		fog_inside_main(&in);
	close(pair[1]);
	if (ret < 0)
		goto err_release;
	out_close(job);
	job->sandbox.namespaces = in.facts.namespaces;
	ret = child_place(job, &in);
	if (ret < 0)
		goto err_kill;
	send_inside(job, FOG_INSIDE_GO, 0);
	return 0;
err_kill:
	(void)pidfd_send_signal(job->pidfd, SIGKILL, NULL, 0);
	(void)waitpid(job->pid, NULL, 0);
err_release:
	sandbox_release(job);
	return ret;
}

static void sandbox_report(struct fog_job *job)
{
	struct fog_inside_message m;
	ssize_t n;

	if (job->report_fd < 0)
		return;
	while ((n = recv(job->report_fd, &m, sizeof(m), MSG_DONTWAIT)) == (ssize_t)sizeof(m)) {
		m.text[sizeof(m.text) - 1] = '\0';
		if (m.type == FOG_INSIDE_READY) {
			// What the monitor set up itself stays as it knows it.
			job->sandbox.namespaces |= m.facts.namespaces & FOG_EXECUTOR_NS_CGROUP;
			job->sandbox.no_new_privs = m.facts.no_new_privs;
			job->sandbox.seccomp = m.facts.seccomp;
			job->sandbox.landlock_abi = m.facts.landlock_abi;
			job->sandbox.proc = m.facts.proc;
		} else if (m.type == FOG_INSIDE_FAILED) {
			fog_job_fail(job, m.value, "%s", m.text);
		} else if (m.type == FOG_INSIDE_EXITED) {
			job->wstatus = m.value;
			job->has_status = true;
		}
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(job->report_fd);
		job->report_fd = -1;
	}
}

static void sandbox_signal(struct fog_job *job, int signo)
{
	// Init's death takes its whole pid namespace along; without one init must do it.
	if (signo == SIGKILL && (job->sandbox.namespaces & FOG_EXECUTOR_NS_PID))
		(void)pidfd_send_signal(job->pidfd, SIGKILL, NULL, 0);
	else
		send_inside(job, FOG_INSIDE_SIGNAL, signo);
}

void fog_sandbox_sample(struct fog_job *job)
{
	fog_cgroup_usage(&job->cgroup, &job->usage);
	if (fog_cgroup_oom_count(&job->cgroup) > 0)
		job->oom = true;
}

static u64 timeval_ms(struct timeval tv)
{
	return (u64)tv.tv_sec * 1000 + (u64)tv.tv_usec / 1000;
}

static void sandbox_reap(struct fog_job *job)
{
	struct rusage ru = {0};
	siginfo_t si;

	sandbox_report(job);
	// The C library's waitid hides the usage, wait4 may take another process of the same
	// number.
	while (syscall(SYS_waitid, P_PIDFD, job->pidfd, &si, WEXITED, &ru) < 0 && errno == EINTR)
		;
	job->usage.cpu_user_ms = timeval_ms(ru.ru_utime);
	job->usage.cpu_system_ms = timeval_ms(ru.ru_stime);
	job->usage.memory_peak_bytes = (u64)ru.ru_maxrss * 1024;
	job->usage.io_read_bytes = (u64)ru.ru_inblock * BLOCK_BYTES;
	job->usage.io_write_bytes = (u64)ru.ru_oublock * BLOCK_BYTES;
	fog_sandbox_sample(job);
}

const struct fog_engine_ops fog_sandbox_ops = {
	.start = sandbox_start,
	.report = sandbox_report,
	.signal = sandbox_signal,
	.sample = fog_sandbox_sample,
	.reap = sandbox_reap,
	.release = sandbox_release,
};
