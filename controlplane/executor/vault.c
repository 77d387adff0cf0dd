/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/vault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/executor/file.h"

#define ZEROS_CHUNK (64 * 1024)

extern char **environ;

struct hello {
	i32 pid;
	u32 in_memory;
};

/* ---- the starter's half --------------------------------------------------------------------- */

static int spawn(const char *program, const char *dir, u64 bytes, int lifeline, pid_t *pid)
{
	char size[32];
	char *const argv[] = {(char *)program,   (char *)"--vault", size,
			      (char *)"--spool", (char *)dir,       NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;

	snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, lifeline, STDIN_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	int rc = posix_spawn(pid, program, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

/* A message of exactly len bytes; -EIO when the other side has ended or says something else. */
static int hear(int fd, void *out, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int rc;

	do
		rc = poll(&p, 1, FOG_VAULT_TIMEOUT_MS);
	while (rc < 0 && errno == EINTR);
	if (rc <= 0)
		return rc < 0 ? -errno : -ETIMEDOUT;
	return recv(fd, out, len, 0) == (ssize_t)len ? 0 : -EIO;
}

static int dir_find(struct fog_vault *v, const struct hello *h)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cwd", h->pid);
	v->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v->dir_fd < 0)
		return -errno;
	v->in_memory = h->in_memory != 0;
	snprintf(v->spool, sizeof(v->spool), "/proc/self/fd/%d/" FOG_VAULT_SPOOL, v->dir_fd);
	return 0;
}

int fog_vault_open(struct fog_vault *v, const char *fog_exec_path, const char *dir, u64 bytes)
{
	struct hello h = {0};
	int pair[2];
	pid_t pid;

	*v = (struct fog_vault){.lifeline = -1, .dir_fd = -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	int rc = spawn(fog_exec_path, dir, bytes, pair[1], &pid);
	close(pair[1]);
	v->lifeline = pair[0];
	if (rc == 0) {
		rc = hear(v->lifeline, &h, sizeof(h));
		/* It detaches: its first process ends before or with that. */
		if (rc != 0)
			(void)kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (rc == 0)
		rc = dir_find(v, &h);
	if (rc != 0)
		fog_vault_close(v);
	return rc;
}

int fog_vault_start(struct fog_vault *v)
{
	static const u8 go = 1;
	i32 status = -EIO;

	if (send(v->lifeline, &go, 1, MSG_NOSIGNAL) != 1)
		return -EIO;
	int rc = hear(v->lifeline, &status, sizeof(status));
	return rc != 0 ? rc : status;
}

void fog_vault_close(struct fog_vault *v)
{
	if (v->lifeline >= 0)
		close(v->lifeline);
	if (v->dir_fd >= 0)
		close(v->dir_fd);
	v->lifeline = v->dir_fd = -1;
}

/* ---- fog-exec's half ------------------------------------------------------------------------ */

static int text_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int rc = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

/* Everybody stays who he is: what matters here is the right to mount. */
static int maps_keep(uid_t uid, gid_t gid)
{
	char map[64];

	snprintf(map, sizeof(map), "%u %u 1", (unsigned)uid, (unsigned)uid);
	int rc = text_write("/proc/self/uid_map", map);
	if (rc == 0)
		rc = text_write("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", (unsigned)gid, (unsigned)gid);
	return rc == 0 ? text_write("/proc/self/gid_map", map) : rc;
}

static int namespace_make(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWNS) == 0)
		return 0;
	if (uid == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -errno;
	return maps_keep(uid, gid);
}

/* Swap would write secrets to a disk: newer kernels keep a tmpfs out of it. */
static bool memory_mount(const char *dir, u64 bytes)
{
	unsigned long flags = MS_NOSUID | MS_NODEV;
	char options[64];

	snprintf(options, sizeof(options), "size=%llu,mode=0700,noswap", (unsigned long long)bytes);
	if (mount("fog-vault", dir, "tmpfs", flags, options) == 0)
		return true;
	*strrchr(options, ',') = '\0';
	return mount("fog-vault", dir, "tmpfs", flags, options) == 0;
}

int fog_vault_enter(const char *dir, u64 bytes, bool *in_memory)
{
	*in_memory = namespace_make() == 0 &&
		     mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		     memory_mount(dir, bytes);
	return chdir(dir) < 0 ? -errno : 0;
}

int fog_vault_wait(int lifeline, bool in_memory)
{
	const struct hello h = {.pid = getpid(), .in_memory = in_memory};
	ssize_t n;
	u8 go;

	if (send(lifeline, &h, sizeof(h), MSG_NOSIGNAL) != sizeof(h))
		return -ECANCELED;
	do
		n = recv(lifeline, &go, 1, 0);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : -ECANCELED;
}

void fog_vault_tell(int lifeline, int rc)
{
	const i32 status = rc;

	(void)send(lifeline, &status, sizeof(status), MSG_NOSIGNAL);
}

bool fog_vault_is_lost(int lifeline)
{
	u8 byte;

	ssize_t n = recv(lifeline, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void fog_vault_outlast(int lifeline)
{
	u8 byte;
	ssize_t n;

	do
		n = recv(lifeline, &byte, 1, 0);
	while (n > 0 || (n < 0 && errno == EINTR));
}

/* ---- a vault on a disk ---------------------------------------------------------------------- */

/* What is a hole holds nothing, however large it is. */
static void data_wipe(int fd)
{
	static const u8 zeros[ZEROS_CHUNK];
	off_t at = 0;

	while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
		off_t end = lseek(fd, at, SEEK_HOLE);
		while (at < end) {
			ssize_t n = pwrite(fd, zeros, (size_t)FOG_MIN(end - at, ZEROS_CHUNK), at);
			if (n <= 0)
				return;
			at += n;
		}
	}
}

/* What a job may have renamed or linked is not followed. A directory is opened. */
static DIR *entry_wipe(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return NULL;
	/* Its owner may have taken the rights away. */
	if ((st.st_mode & S_IRWXU) != S_IRWXU && fchmodat(dir, name, S_IRWXU, 0) != 0)
		return NULL;
	bool is_dir = S_ISDIR(st.st_mode);
	int fd = openat(dir, name,
			(is_dir ? O_RDONLY | O_DIRECTORY : O_WRONLY) | O_NOFOLLOW | O_CLOEXEC);
	DIR *down = fd >= 0 && is_dir ? fdopendir(fd) : NULL;
	if (fd >= 0 && !is_dir)
		data_wipe(fd);
	if (fd >= 0 && down == NULL)
		close(fd);
	return down;
}

void fog_vault_wipe(int dir_fd)
{
	DIR *level[FOG_TREE_DEPTH_MAX], *down = entry_wipe(dir_fd, ".");
	u32 depth = 0, entries = 0;

	for (;;) {
		if (down != NULL && depth == FOG_TREE_DEPTH_MAX)
			closedir(down);
		else if (down != NULL)
			level[depth++] = down;
		down = NULL;
		if (depth == 0)
			break;
		struct dirent *e =
			entries++ < FOG_TREE_ENTRIES_MAX ? readdir(level[depth - 1]) : NULL;
		if (e == NULL)
			closedir(level[--depth]);
		else if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			down = entry_wipe(dirfd(level[depth - 1]), e->d_name);
	}
	/* Zeros that are not on the disk before their file is removed never get there. */
	(void)syncfs(dir_fd);
	(void)fog_tree_clear(dir_fd);
}

void fog_vault_erase(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	fog_vault_wipe(fd);
	close(fd);
	(void)rmdir(dir);
}
