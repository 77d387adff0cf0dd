/* SPDX-License-Identifier: BSD-3-Clause */
/* WASI calls on names. */
#include "controlplane/executor/wasm/wasi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "controlplane/executor/wasm/wasi_calls.h"

#define ESUCCESS 0
#define EBADF_W  8
#define EFAULT_W 21
#define EINVAL_W 28
#define EMFILE_W 33
#define ENAME_W  37

#define LOOKUP_FOLLOW 1u
#define OPEN_CREAT    1u
#define OPEN_DIR      2u
#define OPEN_EXCL     4u
#define OPEN_TRUNC    8u
#define FD_APPEND     1u
#define FD_DSYNC      2u
#define FD_NONBLOCK   4u
#define FD_SYNC       16u
#define RIGHT_READ    (1ull << 1)
#define RIGHT_WRITE   (1ull << 6)

/* A name copied out of the module's memory. WASI errno. */
static u32 name_get(FOG_WASI *w, u32 ptr, u32 len, char out[FOG_WASI_PATH_MAX])
{
	const char *name = fog_wasi_at(w, ptr, len);

	if (name == NULL)
		return EFAULT_W;
	if (len >= FOG_WASI_PATH_MAX)
		return ENAME_W;
	if (memchr(name, '\0', len) != NULL)
		return EINVAL_W;
	memcpy(out, name, len);
	out[len] = '\0';
	return ESUCCESS;
}

static int open_beneath(int dir, const char *name, u64 flags, u64 mode)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = (flags & O_CREAT) ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
}

/* The directory that holds the last component of name: every other call is made there, where a
 * single component without ".." cannot lead out. *last points into name. */
static int parent_open(int dir, char *name, const char **last)
{
	size_t len = strlen(name);

	while (len > 1 && name[len - 1] == '/')
		name[--len] = '\0';
	char *slash = strrchr(name, '/');
	*last = slash == NULL ? name : slash + 1;
	if (strcmp(*last, "..") == 0 || (*last)[0] == '\0') {
		errno = EPERM;
		return -1;
	}
	if (slash == NULL)
		return open_beneath(dir, ".", O_PATH | O_DIRECTORY, 0);
	if (slash == name) {
		errno = EXDEV; // Absolute: what RESOLVE_BENEATH says.
		return -1;
	}
	*slash = '\0';
	return open_beneath(dir, name, O_PATH | O_DIRECTORY, 0);
}

/* Look up fd and name, open the parent. WASI errno; *parent is open on success. */
static u32 begin(FOG_WASI *w, u32 fd, u32 ptr, u32 len, char name[FOG_WASI_PATH_MAX], int *parent,
		 const char **last)
{
	const struct fog_wasi_file *f = fog_wasi_file(w, fd);

	if (f == NULL)
		return EBADF_W;
	u32 ret = name_get(w, ptr, len, name);
	if (ret != ESUCCESS)
		return ret;
	*parent = parent_open(f->fd, name, last);
	return *parent < 0 ? fog_wasi_errno(errno) : ESUCCESS;
}

static u32 finish(int parent, int ret)
{
	u32 code = ret < 0 ? fog_wasi_errno(errno) : ESUCCESS;

	close(parent);
	return code;
}

static u64 open_flags(u32 lookup, u32 open, u32 fdflags, u64 rights)
{
	bool read = (rights & RIGHT_READ) != 0;
	bool write = (rights & RIGHT_WRITE) != 0;
	u64 flags = write ? (read ? O_RDWR : O_WRONLY) : O_RDONLY;

	flags |= (open & OPEN_CREAT) ? O_CREAT : 0;
	flags |= (open & OPEN_DIR) ? O_DIRECTORY : 0;
	flags |= (open & OPEN_EXCL) ? O_EXCL : 0;
	flags |= (open & OPEN_TRUNC) ? O_TRUNC : 0;
	flags |= (fdflags & FD_APPEND) ? O_APPEND : 0;
	flags |= (fdflags & FD_DSYNC) ? O_DSYNC : 0;
	flags |= (fdflags & FD_NONBLOCK) ? O_NONBLOCK : 0;
	flags |= (fdflags & FD_SYNC) ? O_SYNC : 0;
	flags |= (lookup & LOOKUP_FOLLOW) ? 0 : O_NOFOLLOW;
	return (open & OPEN_DIR) ? flags & ~(u64)(O_RDWR | O_WRONLY) : flags;
}

u32 Z_wasi_snapshot_preview1Z_path_open(FOG_WASI *w, u32 dir, u32 lookup, u32 ptr, u32 len,
					u32 open, u64 rights, u64 inheriting, u32 fdflags,
					u32 fd_ptr)
{
	const struct fog_wasi_file *f = fog_wasi_file(w, dir);
	u8 *out = fog_wasi_at(w, fd_ptr, 4);
	char name[FOG_WASI_PATH_MAX];

	if (f == NULL)
		return EBADF_W;
	if (out == NULL)
		return EFAULT_W;
	u32 ret = name_get(w, ptr, len, name);
	if (ret != ESUCCESS)
		return ret;
	int slot = fog_wasi_file_new(w);
	if (slot < 0)
		return EMFILE_W;
	rights &= f->rights_inheriting;
	int fd = open_beneath(f->fd, name, open_flags(lookup, open, fdflags, rights), 0666);
	if (fd < 0)
		return fog_wasi_errno(errno);
	w->file[slot] = (struct fog_wasi_file){
		.fd = fd,
		.flags = fdflags,
		.rights = rights,
		.rights_inheriting = inheriting & f->rights_inheriting,
	};
	fog_store_u32(out, (u32)slot);
	return ESUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_path_filestat_get(FOG_WASI *w, u32 dir, u32 lookup, u32 ptr, u32 len,
						u32 stat_ptr)
{
	const struct fog_wasi_file *f = fog_wasi_file(w, dir);
	u8 *out = fog_wasi_at(w, stat_ptr, 64);
	char name[FOG_WASI_PATH_MAX];
	struct stat st;

	if (f == NULL)
		return EBADF_W;
	if (out == NULL)
		return EFAULT_W;
	u32 ret = name_get(w, ptr, len, name);
	if (ret != ESUCCESS)
		return ret;
	int fd = open_beneath(f->fd, name,
			      O_PATH | ((lookup & LOOKUP_FOLLOW) ? 0 : (u64)O_NOFOLLOW), 0);
	if (fd < 0)
		return fog_wasi_errno(errno);
	ret = finish(fd, fstat(fd, &st));
	if (ret == ESUCCESS)
		fog_wasi_filestat(out, &st);
	return ret;
}

u32 Z_wasi_snapshot_preview1Z_path_create_directory(FOG_WASI *w, u32 dir, u32 ptr, u32 len)
{
	char name[FOG_WASI_PATH_MAX];
	const char *last;
	int parent;

	u32 ret = begin(w, dir, ptr, len, name, &parent, &last);
	return ret != ESUCCESS ? ret : finish(parent, mkdirat(parent, last, 0777));
}

u32 Z_wasi_snapshot_preview1Z_path_remove_directory(FOG_WASI *w, u32 dir, u32 ptr, u32 len)
{
	char name[FOG_WASI_PATH_MAX];
	const char *last;
	int parent;

	u32 ret = begin(w, dir, ptr, len, name, &parent, &last);
	return ret != ESUCCESS ? ret : finish(parent, unlinkat(parent, last, AT_REMOVEDIR));
}

u32 Z_wasi_snapshot_preview1Z_path_unlink_file(FOG_WASI *w, u32 dir, u32 ptr, u32 len)
{
	char name[FOG_WASI_PATH_MAX];
	const char *last;
	int parent;

	u32 ret = begin(w, dir, ptr, len, name, &parent, &last);
	return ret != ESUCCESS ? ret : finish(parent, unlinkat(parent, last, 0));
}

u32 Z_wasi_snapshot_preview1Z_path_rename(FOG_WASI *w, u32 from_dir, u32 from, u32 from_len,
					  u32 to_dir, u32 to, u32 to_len)
{
	char from_name[FOG_WASI_PATH_MAX], to_name[FOG_WASI_PATH_MAX];
	const char *from_last, *to_last;
	int from_parent, to_parent;

	u32 ret = begin(w, from_dir, from, from_len, from_name, &from_parent, &from_last);
	if (ret != ESUCCESS)
		return ret;
	ret = begin(w, to_dir, to, to_len, to_name, &to_parent, &to_last);
	if (ret == ESUCCESS)
		ret = finish(to_parent, renameat(from_parent, from_last, to_parent, to_last));
	close(from_parent);
	return ret;
}

u32 Z_wasi_snapshot_preview1Z_path_readlink(FOG_WASI *w, u32 dir, u32 ptr, u32 len, u32 buf,
					    u32 buf_len, u32 used_ptr)
{
	char name[FOG_WASI_PATH_MAX];
	u8 *out = fog_wasi_at(w, buf, buf_len);
	u8 *used = fog_wasi_at(w, used_ptr, 4);
	const char *last;
	int parent;

	if (out == NULL || used == NULL)
		return EFAULT_W;
	u32 ret = begin(w, dir, ptr, len, name, &parent, &last);
	if (ret != ESUCCESS)
		return ret;
	ssize_t n = readlinkat(parent, last, (char *)out, buf_len);
	if (n >= 0)
		fog_store_u32(used, (u32)n);
	return finish(parent, n < 0 ? -1 : 0);
}
