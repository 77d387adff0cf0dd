/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/executor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/executor/file.h"
#include "controlplane/executor/result.h"
#include "controlplane/executor/spec.h"

extern char **environ;

static int spool_open(const char *spool_dir)
{
	if (strlen(spool_dir) >= FOG_EXECUTOR_PATH_MAX)
		return -ENAMETOOLONG;
	int fd = open(spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool exists(int dir_fd, const char *name)
{
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Does the monitor or the job's init live? Takes the lock for an instant; a monitor that starts
 * just then tries again. */
static int lock_held(int spool_fd)
{
	int fd = openat(spool_fd, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	int ret = flock(fd, LOCK_SH | LOCK_NB) == 0 ? 0 : errno == EWOULDBLOCK ? 1 : -errno;
	close(fd);
	return ret;
}

static int subdir_make(int spool_fd, const char *name)
{
	if (mkdirat(spool_fd, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	// Whatever our umask: the sandbox comes as another user. The spool above keeps others out.
	return fchmodat(spool_fd, name, 0755, 0) < 0 ? -errno : 0;
}

static int parent_sync(const char *spool_dir)
{
	char parent[FOG_EXECUTOR_PATH_MAX];

	snprintf(parent, sizeof(parent), "%s", spool_dir);
	size_t len = strlen(parent);
	while (len > 1 && parent[len - 1] == '/')
		parent[--len] = '\0';
	char *slash = strrchr(parent, '/');
	if (slash == NULL)
		snprintf(parent, sizeof(parent), ".");
	else
		slash[slash == parent ? 1 : 0] = '\0';
	int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int ret = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

int fog_executor_prepare_explain(const struct fog_executor_spec *spec, const char *spool_dir,
				 char *error, size_t error_cap)
{
	struct fog_spec *parsed = NULL;
	char *text;

	if (error != NULL && error_cap > 0)
		error[0] = '\0';
	int ret = fog_spec_emit(spec, &text);
	if (ret < 0) {
		if (ret == -EINVAL && error != NULL)
			snprintf(error, error_cap, "spec: cannot be written as JSON");
		return ret;
	}
	ret = fog_spec_parse(text, strlen(text), &parsed, error, error_cap);
	fog_spec_free(parsed);
	if (ret < 0)
		goto out_text;
	if (strlen(spool_dir) >= FOG_EXECUTOR_PATH_MAX) {
		ret = -ENAMETOOLONG;
		goto out_text;
	}
	if (mkdir(spool_dir, 0700) < 0 && errno != EEXIST) {
		ret = -errno;
		goto out_text;
	}
	int fd = ret = spool_open(spool_dir);
	if (fd < 0)
		goto out_text;
	ret = exists(fd, "state.json") || exists(fd, "result.json") ? -EEXIST : 0;
	if (ret == 0)
		ret = subdir_make(fd, "input");
	if (ret == 0)
		ret = subdir_make(fd, "work");
	if (ret == 0)
		ret = fog_file_replace(fd, "spec.json", text, strlen(text));
	if (ret == 0)
		ret = parent_sync(spool_dir);
	close(fd);
out_text:
	free(text);
	return ret;
}

int fog_executor_prepare(const struct fog_executor_spec *spec, const char *spool_dir)
{
	return fog_executor_prepare_explain(spec, spool_dir, NULL, 0);
}

int fog_executor_input_write(const char *spool_dir, const char *name, u64 offset, const void *data,
			     size_t len)
{
	if (!fog_spec_name_valid(name) || offset > INT64_MAX - len)
		return -EINVAL;
	int spool = spool_open(spool_dir);
	if (spool < 0)
		return spool;
	int ret = exists(spool, "state.json") ? -EBUSY : 0;
	int dir = ret < 0 ? -1
			  : openat(spool, "input", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int fd = -1;
	if (ret == 0 && dir < 0)
		ret = -errno;
	if (ret == 0) {
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0755);
		if (fd < 0)
			ret = -errno;
	}
	// The sandbox reads as another user, and may be given programs to run.
	if (ret == 0 && fchmod(fd, 0755) < 0)
		ret = -errno;
	if (ret == 0 && lseek(fd, (off_t)offset, SEEK_SET) < 0)
		ret = -errno;
	if (ret == 0)
		ret = fog_file_write_all(fd, data, len);
	if (fd >= 0 && close(fd) < 0 && ret == 0)
		ret = -errno;
	if (dir >= 0)
		close(dir);
	close(spool);
	return ret;
}

static int state_read(int spool_fd, struct fog_executor_monitor *m)
{
	char *text;
	size_t len;

	memset(m, 0, sizeof(*m));
	int ret = fog_file_read(spool_fd, "state.json", FOG_EXECUTOR_RESULT_MAX, &text, &len);
	if (ret < 0)
		return ret;
	ret = fog_state_parse(text, len, m);
	free(text);
	return ret;
}

/* The caller's signal mask and ignored signals must not become the monitor's. */
static int spawn_clean(const char *program, char *const argv[], pid_t *pid)
{
	posix_spawnattr_t attr;
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	int ret = posix_spawnattr_init(&attr);
	if (ret != 0)
		return -ret;
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	ret = posix_spawn(pid, program, NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	return -ret;
}

int fog_executor_start(const char *fog_exec_path, const char *spool_dir, pid_t *monitor_pid)
{
	char *const argv[] = {(char *)fog_exec_path, (char *)"--detach", (char *)"--spool",
			      (char *)spool_dir, NULL};
	struct fog_executor_monitor m;
	siginfo_t info = {0};
	pid_t pid;

	int spool = spool_open(spool_dir);
	if (spool < 0)
		return spool;
	int ret = exists(spool, "state.json") ? -EBUSY : 0;
	if (ret == 0)
		ret = spawn_clean(fog_exec_path, argv, &pid);
	if (ret < 0)
		goto out;
	// It exits as soon as the detached monitor holds the lock.
	do
		ret = waitid(P_PID, (id_t)pid, &info, WEXITED);
	while (ret < 0 && errno == EINTR);
	if (ret == 0 && (info.si_code != CLD_EXITED || info.si_status != 0)) {
		ret = info.si_code == CLD_EXITED && info.si_status == 3 ? -EBUSY : -EIO;
		goto out;
	}
	// ECHILD: the caller ignores SIGCHLD; the state tells whether it went well.
	ret = state_read(spool, &m);
	if (ret < 0)
		ret = -EIO;
	else if (monitor_pid != NULL)
		*monitor_pid = m.monitor_pid;
out:
	close(spool);
	return ret;
}

static int result_read(int spool_fd, struct fog_executor_result *result)
{
	char *text;
	size_t len;

	int ret = fog_file_read(spool_fd, "result.json", FOG_EXECUTOR_RESULT_MAX, &text, &len);
	if (ret < 0)
		return ret;
	ret = fog_result_parse(text, len, result);
	free(text);
	return ret;
}

int fog_executor_poll(const char *spool_dir, struct fog_executor_status *status)
{
	struct fog_executor_monitor m;

	memset(status, 0, sizeof(*status));
	int spool = spool_open(spool_dir);
	if (spool < 0)
		return spool;
	// First the lock, then the result: the other way round a job that ends in between has
	// vanished. A result under a held lock is not yet reported, so that what is FINISHED can be
	// removed.
	int held = lock_held(spool);
	int ret = held < 0 ? held : held > 0 ? -ENOENT : result_read(spool, &status->result);
	if (ret == 0)
		status->state = FOG_EXECUTOR_FINISHED;
	if (ret != -ENOENT)
		goto out;
	ret = state_read(spool, &m);
	if (held)
		status->state = FOG_EXECUTOR_RUNNING;
	else
		status->state = ret == -ENOENT ? FOG_EXECUTOR_PENDING : FOG_EXECUTOR_VANISHED;
	if (ret == 0) {
		status->started_unix_ms = m.started_unix_ms;
		status->monitor_pid = held ? m.monitor_pid : 0;
		status->pid = held ? m.pid : 0;
	}
	ret = 0;
out:
	close(spool);
	return ret;
}

int fog_executor_cancel(const char *spool_dir)
{
	struct fog_executor_monitor m;
	u64 start;
	int pidfd = -1;

	int spool = spool_open(spool_dir);
	if (spool < 0)
		return spool;
	int held = lock_held(spool);
	int ret = held < 0 ? held : held == 0 ? -ESRCH : state_read(spool, &m);
	if (ret == -ENOENT || (ret == 0 && m.monitor_pid <= 1))
		ret = -ESRCH;
	if (ret < 0)
		goto out;
	// Open first, then compare: the pidfd keeps meaning the process whose start time we read.
	pidfd = pidfd_open(m.monitor_pid, 0);
	if (pidfd < 0) {
		ret = -errno;
		goto out;
	}
	ret = fog_process_start_time(m.monitor_pid, &start);
	if (ret == 0 && start != m.monitor_start)
		ret = -ESRCH;
	if (ret == 0 && pidfd_send_signal(pidfd, SIGTERM, NULL, 0) < 0)
		ret = -errno;
	close(pidfd);
out:
	close(spool);
	return ret;
}

int fog_executor_read_output(const char *spool_dir, enum fog_executor_stream which, u64 offset,
			     void *buf, size_t cap, size_t *len)
{
	*len = 0;
	if ((which != FOG_EXECUTOR_STDOUT && which != FOG_EXECUTOR_STDERR) || offset > INT64_MAX)
		return -EINVAL;
	int spool = spool_open(spool_dir);
	if (spool < 0)
		return spool;
	int ret = 0;
	int fd = openat(spool, which == FOG_EXECUTOR_STDOUT ? "stdout" : "stderr",
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		ret = errno == ENOENT ? 0 : -errno;
		goto out;
	}
	ret = fog_file_read_at(fd, offset, buf, cap, len);
	close(fd);
out:
	close(spool);
	return ret;
}

/* A monitor that was killed could not remove its control groups. rmdir there removes only an empty
 * group, so a forged path costs nothing; the checks keep it to groups that we named. */
static void leaves_remove(const struct fog_executor_monitor *m)
{
	for (u32 i = 0; i < m->leaves; i++) {
		const char *name = strrchr(m->leaf[i], '/');
		if (name == NULL || m->leaf[i][0] != '/' || strstr(m->leaf[i], "/../") != NULL)
			continue;
		if (strncmp(name + 1, FOG_EXECUTOR_LEAF_PREFIX,
			    sizeof(FOG_EXECUTOR_LEAF_PREFIX) - 1) == 0)
			(void)rmdir(m->leaf[i]);
	}
}

int fog_executor_remove(const char *spool_dir)
{
	struct fog_executor_monitor m;

	int spool = spool_open(spool_dir);
	if (spool < 0)
		return spool;
	int held = lock_held(spool);
	int ret = held < 0 ? held : held > 0 ? -EBUSY : 0;
	if (ret == 0 && state_read(spool, &m) == 0)
		leaves_remove(&m);
	close(spool);
	return ret < 0 ? ret : fog_tree_remove(AT_FDCWD, spool_dir);
}
