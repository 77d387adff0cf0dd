/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "controlplane/executor/file.h"

#define TMP_BYTES_MAX   (64ull << 20)
#define TMP_INODES      "16384"
#define ROOT_BYTES      (1ull << 20)
#define ROOT_INODES     "256"
#define MOUNT_SAFE      (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define MOUNT_READ_ONLY (MOUNT_SAFE | MOUNT_ATTR_RDONLY)

static const char *const dir_names[FOG_ROOTFS_DIRS] = {"usr",   "bin",   "sbin",  "lib",
						       "lib32", "lib64", "libx32"};
/* What programs need of the host's /etc: nothing that tells which host it is. */
static const char *const etc_names[FOG_ROOTFS_ETC] = {"ld.so.cache", "alternatives"};
static const char *const dev_names[FOG_ROOTFS_DEVS] = {"null", "zero", "full", "random", "urandom"};

static const struct {
	const char *path;
	const char *text;
} files[] = {
	{"etc/passwd",
	 "job:x:1000:1000::/work:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n"},
	{"etc/group", "job:x:1000:\nnogroup:x:65534:\n"},
	{"etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"},
	{"etc/hostname", "fog-job\n"},
	{"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"},
};
static const struct {
	const char *path;
	const char *to;
} links[] = {
	{"dev/fd", "/proc/self/fd"},
	{"dev/stdin", "/proc/self/fd/0"},
	{"dev/stdout", "/proc/self/fd/1"},
	{"dev/stderr", "/proc/self/fd/2"},
};

static int tree_open(const char *path, int flags)
{
	int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (unsigned)flags);

	return fd < 0 ? -errno : fd;
}

static int dirs_open(struct fog_rootfs *r)
{
	for (size_t i = 0; i < FOG_ROOTFS_DIRS; i++) {
		struct stat st;
		char path[64];
		snprintf(path, sizeof(path), "/%s", dir_names[i]);
		if (lstat(path, &st) < 0)
			continue;
		if (S_ISLNK(st.st_mode)) {
			ssize_t n = readlink(path, r->dir_link[i], FOG_ROOTFS_LINK - 1);
			if (n < 0)
				return -errno;
			r->dir_link[i][n] = '\0';
			continue;
		}
		// Recursive: mounts below were locked to theirs when this namespace was made.
		r->dir_fd[i] = tree_open(path, AT_RECURSIVE);
		if (r->dir_fd[i] < 0)
			return r->dir_fd[i];
	}
	return 0;
}

int fog_rootfs_open(struct fog_rootfs *r, const struct fog_executor_spec *spec,
		    const struct fog_launch *launch, const char **what)
{
	char path[64];

	memset(r, 0xff, sizeof(*r));
	memset(r->dir_link, 0, sizeof(r->dir_link));
	*what = "mount: private propagation";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	*what = "mount: system directories";
	int ret = dirs_open(r);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < FOG_ROOTFS_ETC; i++) {
		snprintf(path, sizeof(path), "/etc/%s", etc_names[i]);
		r->etc_fd[i] = tree_open(path, AT_RECURSIVE);
	}
	*what = "mount: devices";
	for (size_t i = 0; i < FOG_ROOTFS_DEVS; i++) {
		snprintf(path, sizeof(path), "/dev/%s", dev_names[i]);
		r->dev_fd[i] = tree_open(path, 0);
		if (r->dev_fd[i] < 0)
			return r->dev_fd[i];
	}
	*what = "mount: /dev/kvm";
	r->kvm_fd = launch->kvm ? tree_open("/dev/kvm", 0) : -1;
	if (launch->kvm && r->kvm_fd < 0)
		return r->kvm_fd;
	*what = "mount: accelerators";
	for (size_t i = 0; i < spec->device_count; i++) {
		r->device_fd[i] = tree_open(spec->devices[i], AT_SYMLINK_NOFOLLOW);
		if (r->device_fd[i] < 0)
			return r->device_fd[i];
	}
	*what = "mount: engine";
	r->engine_fd = launch->engine_dir ? tree_open("engine", AT_SYMLINK_NOFOLLOW) : -1;
	if (launch->engine_dir && r->engine_fd < 0)
		return r->engine_fd;
	*what = "mount: input";
	r->input_fd = tree_open("input", AT_SYMLINK_NOFOLLOW | AT_RECURSIVE);
	if (r->input_fd < 0)
		return r->input_fd;
	*what = "mount: checkpoint";
	bool kept = spec->checkpoint.bytes_max != 0;
	r->checkpoint_fd = kept ? tree_open("checkpoint", AT_SYMLINK_NOFOLLOW | AT_RECURSIVE) : -1;
	if (kept && r->checkpoint_fd < 0)
		return r->checkpoint_fd;
	*what = "mount: work";
	r->work_fd = tree_open("work", AT_SYMLINK_NOFOLLOW | AT_RECURSIVE);
	return r->work_fd < 0 ? r->work_fd : 0;
}

static int option_set(int fs_fd, const char *key, const char *value)
{
	return fsconfig(fs_fd, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

/* A tmpfs not yet attached anywhere. */
static int tmpfs_make(u64 bytes, const char *inodes, const char *mode, uid_t uid, unsigned attr)
{
	char size[32], owner[16];
	int ret;

	int fs_fd = fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs_fd < 0)
		return -errno;
	snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);
	snprintf(owner, sizeof(owner), "%u", (unsigned)uid);
	ret = option_set(fs_fd, "size", size);
	if (ret == 0)
		ret = option_set(fs_fd, "nr_inodes", inodes);
	if (ret == 0)
		ret = option_set(fs_fd, "mode", mode);
	if (ret == 0)
		ret = option_set(fs_fd, "uid", owner);
	if (ret == 0)
		ret = option_set(fs_fd, "gid", owner);
	if (ret == 0 && fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		ret = -errno;
	if (ret == 0) {
		ret = fsmount(fs_fd, FSMOUNT_CLOEXEC, attr);
		if (ret < 0)
			ret = -errno;
	}
	close(fs_fd);
	return ret;
}

/* Hang a detached mount at path, with attr on it and all below it; takes fd. */
static int attach(int fd, const char *path, u64 attr)
{
	struct mount_attr set = {.attr_set = attr};
	int ret = 0;

	if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &set, sizeof(set)) < 0)
		ret = -errno;
	else if (move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int dir_make(const char *path)
{
	return mkdir(path, 0755) < 0 ? -errno : 0;
}

static int file_make(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	int ret = fog_file_write_all(fd, text, strlen(text));
	close(fd);
	return ret;
}

/* attach() on a new mount point of the kind the mount has. */
static int attach_new(int fd, const char *path, u64 attr)
{
	struct stat st;

	int ret = fstat(fd, &st) < 0 ? -errno : 0;
	if (ret == 0)
		ret = S_ISDIR(st.st_mode) ? dir_make(path) : file_make(path, "");
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return attach(fd, path, attr);
}

static int system_fill(struct fog_rootfs *r)
{
	char path[64];
	int ret = dir_make("etc");

	for (size_t i = 0; ret == 0 && i < FOG_ROOTFS_DIRS; i++) {
		if (r->dir_fd[i] >= 0)
			ret = attach_new(r->dir_fd[i], dir_names[i], MOUNT_READ_ONLY);
		else if (r->dir_link[i][0] != '\0' && symlink(r->dir_link[i], dir_names[i]) < 0)
			ret = -errno;
	}
	for (size_t i = 0; ret == 0 && i < FOG_ROOTFS_ETC; i++) {
		snprintf(path, sizeof(path), "etc/%s", etc_names[i]);
		if (r->etc_fd[i] >= 0)
			ret = attach_new(r->etc_fd[i], path, MOUNT_READ_ONLY);
	}
	for (size_t i = 0; ret == 0 && i < FOG_ARRAY_COUNT(files); i++)
		ret = file_make(files[i].path, files[i].text);
	return ret;
}

static int private_attach(const char *path, u64 bytes, uid_t uid)
{
	int fd = tmpfs_make(bytes, TMP_INODES, "1777", uid, MOUNT_SAFE);

	return fd < 0 ? fd : attach_new(fd, path, MOUNT_SAFE);
}

/* Below /dev, in a folder of its own where it has one. */
static int device_attach(int fd, const char *path)
{
	char folder[FOG_ACCELERATOR_DEVICE_SIZE];
	const char *slash = strrchr(path, '/');

	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path - 1), path + 1);
	if (strcmp(folder, "dev") != 0 && mkdir(folder, 0755) < 0 && errno != EEXIST)
		return -errno;
	return attach_new(fd, path + 1, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

static int dev_fill(struct fog_rootfs *r, const struct fog_executor_spec *spec, u64 bytes,
		    uid_t uid)
{
	char path[64];

	// Part of the root's tmpfs, which becomes read-only; device nodes are mounts of their own.
	int ret = dir_make("dev");
	for (size_t i = 0; ret == 0 && i < FOG_ROOTFS_DEVS; i++) {
		snprintf(path, sizeof(path), "dev/%s", dev_names[i]);
		ret = attach_new(r->dev_fd[i], path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	}
	for (size_t i = 0; ret == 0 && i < FOG_ARRAY_COUNT(links); i++)
		ret = symlink(links[i].to, links[i].path) < 0 ? -errno : 0;
	if (ret == 0 && r->kvm_fd >= 0)
		ret = attach_new(r->kvm_fd, "dev/kvm", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	for (size_t i = 0; ret == 0 && i < spec->device_count; i++)
		ret = device_attach(r->device_fd[i], spec->devices[i]);
	return ret < 0 ? ret : private_attach("dev/shm", bytes, uid);
}

/* Only processes, no knobs or host facts; a kernel that refuses leaves /proc empty. */
static int proc_attach(bool *mounted)
{
	*mounted = false;
	int ret = dir_make("proc");
	if (ret < 0)
		return ret;
	int fs_fd = fsopen("proc", FSOPEN_CLOEXEC);
	if (fs_fd < 0)
		return 0;
	(void)option_set(fs_fd, "subset", "pid");
	if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
		int fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_SAFE | MOUNT_ATTR_NOEXEC);
		*mounted = fd >= 0 && attach(fd, "proc", MOUNT_SAFE | MOUNT_ATTR_NOEXEC) == 0;
	}
	close(fs_fd);
	return 0;
}

/* The old root ends up stacked on the new one and is taken off: nothing of it can be reached. */
static int root_switch(void)
{
	struct mount_attr set = {.attr_set = MOUNT_READ_ONLY};

	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	if (mount_setattr(AT_FDCWD, "/", 0, &set, sizeof(set)) < 0)
		return -errno;
	return chdir("/work") < 0 ? -errno : 0;
}

int fog_rootfs_enter(struct fog_rootfs *r, const struct fog_executor_spec *spec, uid_t uid,
		     bool *proc, const char **what)
{
	u64 tmp_bytes = FOG_MIN(TMP_BYTES_MAX, spec->limits.memory_bytes / 2);

	*what = "mount: root";
	int ret = tmpfs_make(ROOT_BYTES, ROOT_INODES, "0755", uid, MOUNT_SAFE);
	if (ret < 0)
		return ret;
	// Any directory that surely exists does: pivot_root takes the place away again.
	int root_fd = ret;
	if (move_mount(root_fd, "", AT_FDCWD, "/usr", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    fchdir(root_fd) < 0)
		ret = -errno;
	else
		ret = 0;
	close(root_fd);
	if (ret < 0)
		return ret;
	*what = "mount: system directories";
	ret = system_fill(r);
	if (ret < 0)
		return ret;
	*what = "mount: /dev";
	ret = dev_fill(r, spec, tmp_bytes, uid);
	if (ret < 0)
		return ret;
	*what = "mount: /tmp";
	ret = private_attach("tmp", tmp_bytes, uid);
	if (ret < 0)
		return ret;
	*what = "mount: /proc";
	ret = proc_attach(proc);
	if (ret < 0)
		return ret;
	*what = "mount: /engine";
	if (r->engine_fd >= 0)
		ret = attach_new(r->engine_fd, "engine", MOUNT_READ_ONLY);
	if (ret < 0)
		return ret;
	*what = "mount: /input";
	ret = attach_new(r->input_fd, "input", MOUNT_READ_ONLY);
	if (ret < 0)
		return ret;
	*what = "mount: /checkpoint";
	if (r->checkpoint_fd >= 0)
		ret = attach_new(r->checkpoint_fd, "checkpoint", MOUNT_SAFE);
	if (ret < 0)
		return ret;
	*what = "mount: /work";
	ret = attach_new(r->work_fd, "work", MOUNT_SAFE);
	if (ret < 0)
		return ret;
	*what = "mount: switch root";
	return root_switch();
}
