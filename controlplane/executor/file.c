/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TMP_NAME_MAX 64

int fog_file_read_at(int fd, u64 offset, void *buf, size_t cap, size_t *len)
{
	while (*len < cap) {
		ssize_t n = pread(fd, (u8 *)buf + *len, cap - *len, (off_t)(offset + *len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		*len += (size_t)n;
	}
	return 0;
}

int fog_file_read(int dir_fd, const char *name, size_t size_max, char **text, size_t *len)
{
	struct stat st;
	char *buf = NULL;
	size_t have = 0;
	int ret;

	// O_NONBLOCK: a FIFO in the place of the file must not hang us.
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) < 0 ? -errno : !S_ISREG(st.st_mode) ? -EINVAL : 0;
	if (ret == 0 && (u64)st.st_size > size_max)
		ret = -EFBIG;
	if (ret < 0)
		goto out;
	buf = malloc((size_t)st.st_size + 1);
	if (buf == NULL) {
		ret = -ENOMEM;
		goto out;
	}
	while (have < (size_t)st.st_size) {
		ssize_t n = read(fd, buf + have, (size_t)st.st_size - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ret = -errno;
			goto out;
		}
		if (n == 0)
			break;
		have += (size_t)n;
	}
	buf[have] = '\0';
	*text = buf;
	*len = have;
	buf = NULL;
out:
	free(buf);
	close(fd);
	return ret;
}

int fog_file_replace(int dir_fd, const char *name, const char *text, size_t len)
{
	char tmp[TMP_NAME_MAX];

	int n = snprintf(tmp, sizeof(tmp), ".%s.tmp", name);
	FOG_ASSERT(n > 0);
	FOG_ASSERT((size_t)n < sizeof(tmp));
	if (unlinkat(dir_fd, tmp, 0) < 0 && errno != ENOENT)
		return -errno;
	int fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int ret = fog_file_write_all(fd, text, len);
	if (ret == 0 && fsync(fd) < 0)
		ret = -errno;
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	if (ret == 0 && renameat(dir_fd, tmp, dir_fd, name) < 0)
		ret = -errno;
	if (ret < 0)
		goto err_unlink;
	// The rename is durable only once the directory is.
	return fsync(dir_fd) < 0 ? -errno : 0;
err_unlink:
	unlinkat(dir_fd, tmp, 0);
	return ret;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *open_dir(int parent_fd, const char *name)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	DIR *dir = fdopendir(fd);
	if (dir == NULL)
		close(fd);
	return dir;
}

/* What a walk does with one entry. */
struct visit {
	int (*entry)(struct visit *v, int dir_fd, const char *name, const struct stat *st);
	u64 bytes;
	uid_t uid;
	gid_t gid;
};

/* Returns 1 if name was entered, that is, *down is open. */
static int visit_one(struct visit *v, DIR *at, const char *name, DIR **down)
{
	struct stat st;

	if (fstatat(dirfd(at), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	int ret = v->entry(v, dirfd(at), name, &st);
	if (ret < 0 || !S_ISDIR(st.st_mode))
		return ret;
	*down = open_dir(dirfd(at), name);
	if (*down != NULL)
		return 1;
	// The job may rename as we look: gone or changed is not our error.
	return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
}

static int tree_walk(int dir_fd, struct visit *v)
{
	DIR *stack[FOG_TREE_DEPTH_MAX];
	size_t depth = 0;
	u32 entries = 0;
	int ret = 0;

	stack[0] = open_dir(dir_fd, ".");
	if (stack[0] == NULL)
		return -errno;
	depth = 1;
	while (depth > 0 && ret == 0) {
		DIR *down = NULL;
		struct dirent *e = readdir(stack[depth - 1]);
		if (e == NULL) {
			closedir(stack[--depth]);
			continue;
		}
		if (is_dots(e->d_name))
			continue;
		if (++entries > FOG_TREE_ENTRIES_MAX) {
			ret = -E2BIG;
			break;
		}
		ret = visit_one(v, stack[depth - 1], e->d_name, &down);
		if (ret <= 0)
			continue;
		ret = 0;
		if (depth == FOG_TREE_DEPTH_MAX) {
			closedir(down);
			ret = -E2BIG;
			break;
		}
		stack[depth++] = down;
	}
	while (depth > 0)
		closedir(stack[--depth]);
	return ret;
}

static int entry_measure(struct visit *v, int dir_fd, const char *name, const struct stat *st)
{
	v->bytes += (u64)st->st_blocks * 512;
	return 0;
}

int fog_tree_measure(int dir_fd, u64 *bytes)
{
	struct visit v = {.entry = entry_measure};

	int ret = tree_walk(dir_fd, &v);
	*bytes = v.bytes;
	return ret;
}

static int entry_chown(struct visit *v, int dir_fd, const char *name, const struct stat *st)
{
	return fchownat(dir_fd, name, v->uid, v->gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int fog_tree_chown(int dir_fd, uid_t uid, gid_t gid)
{
	struct visit v = {.entry = entry_chown, .uid = uid, .gid = gid};

	if (fchownat(dir_fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return -errno;
	return tree_walk(dir_fd, &v);
}

/* Remove what is no directory, or an empty one. 1: a directory with something in it. */
static int remove_leaf(int dir_fd, const char *name)
{
	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return errno == ENOTEMPTY || errno == EEXIST ? 1 : -errno;
}

/* A directory with all rights for us, whatever its owner left of them, as an O_PATH descriptor:
 * what was looked at is what is changed, even if the name leads elsewhere by then. fchmod() refuses
 * such a descriptor, and fchmodat2() is younger than our oldest kernel. */
static int take_rights(int parent_fd, const char *name)
{
	char path[sizeof("/proc/self/fd/") + 10];
	struct stat st;

	int fd = openat(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int ret = fstat(fd, &st) < 0 ? -errno : 0;
	if (ret == 0 && (st.st_mode & 0700) != 0700 && chmod(path, 0700) < 0)
		ret = -errno;
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

/* Open a directory to empty it. */
static DIR *open_dir_forced(int parent_fd, const char *name)
{
	int fd = take_rights(parent_fd, name);
	DIR *dir = fd < 0 ? NULL : open_dir(fd, ".");
	int err = fd < 0 ? -fd : errno;

	if (fd >= 0)
		close(fd);
	errno = err;
	return dir;
}

/* Move the directories below top/name up into top, remove the rest of it and itself. */
static int lift(int top_fd, const char *name, u64 *serial)
{
	char up[TMP_NAME_MAX];
	struct dirent *e;
	int ret = 0;

	DIR *dir = open_dir_forced(top_fd, name);
	if (dir == NULL)
		return -errno;
	while (ret >= 0 && (e = readdir(dir)) != NULL) {
		if (is_dots(e->d_name))
			continue;
		ret = remove_leaf(dirfd(dir), e->d_name);
		if (ret <= 0)
			continue;
		// Moving a directory rewrites its "..", which needs the right to write in it.
		int moved = take_rights(dirfd(dir), e->d_name);
		if (moved < 0) {
			ret = moved;
			break;
		}
		close(moved);
		do {
			snprintf(up, sizeof(up), "fog.rm.%llu", (unsigned long long)++*serial);
			ret = renameat2(dirfd(dir), e->d_name, top_fd, up, RENAME_NOREPLACE);
		} while (ret < 0 && errno == EEXIST);
		ret = ret < 0 ? -errno : 0;
	}
	closedir(dir);
	// Entries that readdir skipped while we removed others: the next pass sees name again.
	if (ret >= 0 && unlinkat(top_fd, name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY)
		ret = -errno;
	return ret;
}

int fog_tree_remove(int parent_fd, const char *name)
{
	u64 serial = 0;
	u32 seen;

	int ret = remove_leaf(parent_fd, name);
	if (ret <= 0)
		return ret;
	DIR *top = open_dir_forced(parent_fd, name);
	if (top == NULL)
		return -errno;
	// Every pass takes one level away, so this ends with the tree; an error ends it at once.
	do {
		struct dirent *e;
		seen = 0;
		rewinddir(top);
		while (ret >= 0 && (e = readdir(top)) != NULL) {
			if (is_dots(e->d_name))
				continue;
			seen++;
			ret = remove_leaf(dirfd(top), e->d_name);
			if (ret > 0)
				ret = lift(dirfd(top), e->d_name, &serial);
		}
	} while (ret >= 0 && seen > 0);
	closedir(top);
	if (ret < 0)
		return ret;
	return unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int fog_tree_clear(int dir_fd)
{
	struct dirent *e;
	int ret = 0;

	DIR *dir = open_dir(dir_fd, ".");
	if (dir == NULL)
		return -errno;
	while (ret == 0 && (e = readdir(dir)) != NULL)
		if (!is_dots(e->d_name))
			ret = fog_tree_remove(dir_fd, e->d_name);
	closedir(dir);
	return ret;
}
