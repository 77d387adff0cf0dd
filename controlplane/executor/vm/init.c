/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-vm-init: the first process of a microVM. Static, since the guest has no libraries. It sets up
 * the guest, runs the job, says how it ended and switches the machine off; see guest.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/reboot.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/executor/vm/guest.h"
#include "controlplane/executor/vm/tar.h"

#define STRINGS_MAX 512
#define JOB_MAX     (256u << 10)
#define MODULES_MAX 16
#define WAIT_NS     10000000

static char job_text[JOB_MAX + 4];
static char *job_argv[STRINGS_MAX + 1], *job_env[STRINGS_MAX + 1];
static char *job_stdin, *job_checkpoint;
static int port_fd[FOG_GUEST_PORTS_END];

__attribute__((noreturn)) static void power_off(void)
{
	sync();
	for (int i = FOG_GUEST_STDOUT; i < FOG_GUEST_PORTS_END; i++)
		if (port_fd[i] > 0)
			close(port_fd[i]);
	// The machine has no reset but this, and the host takes it for an end.
	(void)reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

__attribute__((format(printf, 1, 2))) static void control(const char *fmt, ...)
{
	char line[FOG_GUEST_LINE_MAX + 2];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	n = FOG_MIN(n, FOG_GUEST_LINE_MAX);
	line[n++] = '\n';
	(void)!write(port_fd[FOG_GUEST_CONTROL], line, (size_t)n);
}

__attribute__((noreturn)) static void fail(const char *what)
{
	if (port_fd[FOG_GUEST_CONTROL] > 0)
		control("failed %s: %s", what, strerror(errno));
	power_off();
}

static void module_load(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "/modules/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (syscall(SYS_finit_module, fd, "", 0) < 0)
		perror(path); // To the board's console, if it was given one.
	close(fd);
}

static void modules_load(void)
{
	struct dirent **list;

	int count = scandir("/modules", &list, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (list[i]->d_name[0] != '.')
			module_load(list[i]->d_name);
		free(list[i]);
	}
	if (count >= 0)
		free(list);
}

static void ports_open(void)
{
	const struct timespec wait = {.tv_nsec = WAIT_NS};
	char path[32];

	for (int i = FOG_GUEST_STDOUT; i < FOG_GUEST_PORTS_END; i++) {
		snprintf(path, sizeof(path), "/dev/vport0p%d", i);
		for (int t = 0; t < FOG_GUEST_PORT_WAIT_MS; t += WAIT_NS / 1000000) {
			port_fd[i] = open(path, O_WRONLY | O_CLOEXEC);
			if (port_fd[i] >= 0)
				break;
			nanosleep(&wait, NULL);
		}
		if (port_fd[i] < 0)
			power_off();
	}
}

/* One list of strings; returns what follows. */
static char *strings_take(char *at, const char *end, char **list)
{
	size_t count = 0;

	while (at < end && *at != '\0') {
		if (count < STRINGS_MAX)
			list[count++] = at;
		at += strlen(at) + 1;
	}
	list[count] = NULL;
	return at + 1;
}

static void job_read(void)
{
	int fd = open(FOG_GUEST_JOB_PATH, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, job_text, JOB_MAX);

	if (n <= 0)
		fail(FOG_GUEST_JOB_PATH);
	close(fd);
	char *at = strings_take(job_text, job_text + n, job_argv);
	at = strings_take(at, job_text + n, job_env);
	job_stdin = at;
	job_checkpoint = at + strlen(at) + 1;
}

static void filesystems_mount(void)
{
	(void)mkdir("/proc", 0755);
	(void)mkdir("/sys", 0755);
	(void)mkdir("/dev", 0755);
	(void)mkdir("/tmp", 01777);
	(void)mkdir("/work", 0755);
	(void)mount("proc", "/proc", "proc", 0, NULL);
	(void)mount("sysfs", "/sys", "sysfs", 0, NULL);
	(void)mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	(void)mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	(void)mount("tmpfs", "/work", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
	(void)!chown("/work", FOG_GUEST_ID, FOG_GUEST_ID);
	(void)mkdir("/checkpoint", 0755);
	(void)mount("tmpfs", "/checkpoint", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
	(void)!chown("/checkpoint", FOG_GUEST_ID, FOG_GUEST_ID);
}

/* A file tree the job brought becomes its root. */
static void rootfs_enter(void)
{
	static const char *const shown[] = {"proc", "dev", "tmp", "work", "input", "checkpoint"};
	char path[32];

	int fd = open("/input/" FOG_GUEST_ROOTFS, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (mkdir("/root", 0755) < 0 || mount("tmpfs", "/root", "tmpfs", 0, "mode=0755") < 0)
		fail("/root");
	int dir = open("/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = dir < 0 ? -errno : fog_tar_unpack(fd, dir);
	if (ret < 0) {
		errno = -ret;
		fail(FOG_GUEST_ROOTFS);
	}
	close(dir);
	close(fd);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(shown); i++) {
		snprintf(path, sizeof(path), "/root/%s", shown[i]);
		(void)mkdir(path, 0755);
		if (mount(path + 5, path, NULL, MS_BIND, NULL) < 0)
			fail(path);
	}
	if (chroot("/root") < 0)
		fail("chroot");
}

static bool user_become(void)
{
	return setgroups(0, NULL) == 0 &&
	       setresgid(FOG_GUEST_ID, FOG_GUEST_ID, FOG_GUEST_ID) == 0 &&
	       setresuid(FOG_GUEST_ID, FOG_GUEST_ID, FOG_GUEST_ID) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* What is in the archive shall be the job's: its user unpacks it. */
static void checkpoint_restore(void)
{
	char path[300];
	int status = -1;

	if (job_checkpoint[0] == '\0')
		return;
	snprintf(path, sizeof(path), "/input/%s", job_checkpoint);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		int dir = open("/checkpoint", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		_exit(user_become() && fd >= 0 && fog_tar_unpack(fd, dir) == 0 ? 0 : 1);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		fail("checkpoint");
	(void)unlink("/checkpoint/" FOG_GUEST_MARKER);
}

__attribute__((noreturn)) static void job_main(void)
{
	char path[300];

	snprintf(path, sizeof(path), "/input/%s", job_stdin);
	int in = open(job_stdin[0] == '\0' ? "/dev/null" : path, O_RDONLY | O_CLOEXEC);
	if (in < 0 || dup2(in, 0) < 0 || dup2(port_fd[FOG_GUEST_STDOUT], 1) < 0 ||
	    dup2(port_fd[FOG_GUEST_STDERR], 2) < 0)
		fail("standard streams");
	if (chdir("/work") < 0)
		fail("/work");
	if (!user_become())
		fail("change user");
	environ = job_env;
	execvp(job_argv[0], job_argv);
	control("failed exec %.200s: %s", job_argv[0], strerror(errno));
	_exit(127);
}

int main(void)
{
	/* The host bounds what it takes of it, and when. */
	static const struct fog_tar_limits all = {UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX};
	int status;

	if (getpid() != 1) {
		fputs("fog-vm-init: only for the first process of a microVM\n", stderr);
		return 2;
	}
	filesystems_mount();
	modules_load();
	ports_open();
	job_read();
	int work = open("/work", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int kept = open("/checkpoint", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	checkpoint_restore();
	rootfs_enter();
	pid_t job = fork();
	if (job == 0)
		job_main();
	pid_t pid;
	while ((pid = wait(&status)) != job)
		if (pid < 0 && errno != EINTR)
			fail("wait");
	if (WIFEXITED(status))
		control("exit %d", WEXITSTATUS(status));
	else
		control("signal %d", WTERMSIG(status));
	(void)fog_tar_pack(port_fd[FOG_GUEST_WORK], work, &all);
	(void)fog_tar_pack(port_fd[FOG_GUEST_CHECKPOINT], kept, &all);
	power_off();
}
