/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ENVIRON_SIZE_MAX (256 * 1024) /* read of one process; a marker beyond is not seen */
#define SHELL_NOT_FOUND  127

static u64 clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

static ssize_t file_read(const char *path, char *data, size_t size)
{
	size_t used = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (used + 1 < size) {
		ssize_t n = read(fd, data + used, size - 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	close(fd);
	data[used] = '\0';
	return (ssize_t)used;
}

u64 fog_proc_start_ticks(pid_t pid)
{
	char path[64], text[1024];
	char state;
	u64 ticks;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid <= 0 || file_read(path, text, sizeof(text)) <= 0)
		return 0;
	const char *rest = strrchr(text, ')'); /* the name before may hold anything */
	if (rest == NULL ||
	    sscanf(rest,
		   ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%" SCNu64,
		   &state, &ticks) != 2)
		return 0;
	return state == 'Z' || state == 'X' ? 0 : ticks;
}

int fog_proc_signal(pid_t pid, u64 start_ticks, int number)
{
	/* The descriptor holds on to one process; what is checked after opening it stays true. */
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (start_ticks == 0 || fog_proc_start_ticks(pid) != start_ticks)
		rc = -ESRCH;
	else if (syscall(SYS_pidfd_send_signal, fd, number, NULL, 0) != 0)
		rc = -errno;
	close(fd);
	return rc;
}

static bool environ_has(const char *data, size_t size, const char *marker)
{
	for (const char *p = data; p < data + size; p += strlen(p) + 1)
		if (strcmp(p, marker) == 0)
			return true;
	return false;
}

u32 fog_proc_signal_marked(const char *marker, int number)
{
	u32 count = 0;
	struct dirent *entry;
	char *data = malloc(ENVIRON_SIZE_MAX);
	DIR *dir = opendir("/proc");

	while (data != NULL && dir != NULL && (entry = readdir(dir)) != NULL) {
		char path[sizeof(entry->d_name) + 16];
		char *end;
		pid_t pid = (pid_t)strtol(entry->d_name, &end, 10);

		if (*end != '\0' || pid <= 1 || pid == getpid())
			continue;
		u64 ticks = fog_proc_start_ticks(pid);
		snprintf(path, sizeof(path), "/proc/%s/environ", entry->d_name);
		ssize_t size = file_read(path, data, ENVIRON_SIZE_MAX);
		if (size > 0 && environ_has(data, (size_t)size, marker) &&
		    fog_proc_signal(pid, ticks, number) == 0)
			count++;
	}
	if (dir != NULL)
		closedir(dir);
	free(data);
	return count;
}

/* In the child. */
__attribute__((noreturn)) static void child_exec(const char *const *argv, int in, int out)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2)
		execvp(argv[0], (char *const *)argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(SHELL_NOT_FOUND);
}

/* Feed input and collect output until the child closed its end. 0 or -ETIMEDOUT. */
static int child_talk(int to, int from, const char *input, char *output, size_t size, u64 deadline)
{
	size_t left = strlen(input);
	size_t used = 0;
	char waste[512];

	if (left == 0) {
		close(to);
		to = -1;
	}
	for (;;) {
		struct pollfd fds[2] = {{from, POLLIN, 0}, {to, POLLOUT, 0}};
		u64 now = clock_ms();

		if (now >= deadline)
			break;
		if (poll(fds, 2, (int)FOG_MIN(deadline - now, (u64)1000)) <= 0)
			continue;
		if (to >= 0 && fds[1].revents != 0) {
			ssize_t n = write(to, input, left);
			if (n > 0) {
				input += n;
				left -= (size_t)n;
			}
			if (left == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
				close(to);
				to = -1;
			}
		}
		if (fds[0].revents != 0) {
			bool room = used + 1 < size;
			ssize_t n = read(from, room ? output + used : waste,
					 room ? size - 1 - used : sizeof(waste));
			if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
				break;
			used += room && n > 0 ? (size_t)n : 0;
		}
	}
	output[used] = '\0';
	if (to >= 0)
		close(to);
	return clock_ms() >= deadline ? -ETIMEDOUT : 0;
}

static int child_wait(pid_t pid, u64 deadline)
{
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_ms() >= deadline) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -ETIMEDOUT;
		}
		usleep(1000);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int fog_proc_run(const char *const *argv, const char *input, char *output, size_t size,
		 u32 timeout_ms)
{
	int in[2], out[2];
	u64 deadline = clock_ms() + timeout_ms;

	FOG_ASSERT(size > 0);
	output[0] = '\0';
	if (pipe2(in, O_CLOEXEC) != 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) != 0) {
		int rc = -errno;
		close(in[0]);
		close(in[1]);
		return rc;
	}
	signal(SIGPIPE, SIG_IGN);
	pid_t pid = fork();
	if (pid == 0)
		child_exec(argv, in[0], out[1]);
	int rc = pid < 0 ? -errno : 0;
	close(in[0]);
	close(out[1]);
	if (rc == 0) {
		rc = child_talk(in[1], out[0], input, output, size, deadline);
		int status = child_wait(pid, deadline);
		rc = rc != 0 ? rc : status;
	} else {
		close(in[1]);
	}
	close(out[0]);
	return rc;
}

int fog_proc_own_folder(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);

	if (n < 0)
		return -errno;
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	if (slash != NULL)
		*slash = '\0';
	return 0;
}
