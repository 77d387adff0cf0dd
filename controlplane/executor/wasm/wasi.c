/* SPDX-License-Identifier: BSD-3-Clause */
/* WASI calls on arguments, clocks and open files. Prototypes are wasm2c's: it declares them in each
 * module's header, so there is no header of ours for them. */
#include "controlplane/executor/wasm/wasi.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <wasm-rt-impl.h>

#include "controlplane/executor/wasm/wasi_calls.h"

#define ESUCCESS   0
#define EBADF_W    8
#define EFAULT_W   21
#define EINVAL_W   28
#define EMFILE_W   33
#define ENOSYS_W   52
#define ENOTDIR_W  54
#define RIGHTS_ALL ((1ull << 30) - 1)

#define TYPE_UNKNOWN   0
#define TYPE_BLOCK     1
#define TYPE_CHARACTER 2
#define TYPE_DIRECTORY 3
#define TYPE_REGULAR   4
#define TYPE_SOCKET    6
#define TYPE_LINK      7

#define DIRENT_SIZE    24
#define EVENT_SIZE     32
#define SUB_SIZE       48
#define EVENT_CLOCK    0
#define EVENT_READ     1
#define EVENT_WRITE    2
#define CLOCK_ABSOLUTE 1
#define NS_PER_S       1000000000ull

u32 fog_wasi_errno(int err)
{
	static const struct {
		int host;
		u32 wasi;
	} map[] = {
		{0, 0},           {E2BIG, 1},      {EACCES, 2},   {EAGAIN, 6},
		{EBADF, 8},       {EBUSY, 10},     {EEXIST, 20},  {EFAULT, 21},
		{EFBIG, 22},      {EINTR, 27},     {EINVAL, 28},  {EIO, 29},
		{EISDIR, 31},     {ELOOP, 32},     {EMFILE, 33},  {ENAMETOOLONG, 37},
		{ENFILE, 41},     {ENODEV, 43},    {ENOENT, 44},  {ENOMEM, 48},
		{ENOSPC, 51},     {ENOSYS, 52},    {ENOTDIR, 54}, {ENOTEMPTY, 55},
		{ENOTTY, 59},     {EOVERFLOW, 61}, {EPERM, 63},   {EPIPE, 64},
		{EROFS, 69},      {ESPIPE, 70},    {EXDEV, 75},   {EDQUOT, 19},
		{EOPNOTSUPP, 58}, {ENXIO, 60},     {ETXTBSY, 74},
	};

	for (size_t i = 0; i < FOG_ARRAY_COUNT(map); i++)
		if (map[i].host == err)
			return map[i].wasi;
	return 29; // EIO
}

void *fog_wasi_at(FOG_WASI *w, u32 ptr, u64 len)
{
	u64 size = w->memory->size;

	return ptr <= size && len <= size - ptr ? w->memory->data + ptr : NULL;
}

struct fog_wasi_file *fog_wasi_file(FOG_WASI *w, u32 fd)
{
	return fd < FOG_WASI_FDS_MAX && w->file[fd].fd >= 0 ? &w->file[fd] : NULL;
}

int fog_wasi_file_new(FOG_WASI *w)
{
	for (int i = 0; i < FOG_WASI_FDS_MAX; i++)
		if (w->file[i].fd < 0)
			return i;
	return -1;
}

void fog_wasi_init(FOG_WASI *w, char **argv, char **envp)
{
	memset(w, 0, sizeof(*w));
	w->argv = argv;
	w->envp = envp;
	while (argv[w->argc] != NULL)
		w->argc++;
	while (envp[w->envc] != NULL)
		w->envc++;
	for (int i = 0; i < FOG_WASI_FDS_MAX; i++)
		w->file[i].fd = i <= STDERR_FILENO ? i : -1;
	for (int i = 0; i <= STDERR_FILENO; i++)
		w->file[i].rights = RIGHTS_ALL;
}

int fog_wasi_preopen(FOG_WASI *w, const char *path, const char *name)
{
	int slot = fog_wasi_file_new(w);
	if (slot < 0)
		return -EMFILE;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	w->file[slot] = (struct fog_wasi_file){
		.fd = fd, .preopen = name, .rights = RIGHTS_ALL, .rights_inheriting = RIGHTS_ALL};
	return 0;
}

/* ---- arguments, environment ------------------------------------------------------------------ */

static u32 strings_sizes(FOG_WASI *w, char **list, u32 count, u32 count_ptr, u32 size_ptr)
{
	u8 *count_out = fog_wasi_at(w, count_ptr, 4);
	u8 *size_out = fog_wasi_at(w, size_ptr, 4);
	size_t sum = 0;

	if (count_out == NULL || size_out == NULL)
		return EFAULT_W;
	for (u32 i = 0; i < count; i++)
		sum += strlen(list[i]) + 1;
	fog_store_u32(count_out, count);
	fog_store_u32(size_out, (u32)sum);
	return ESUCCESS;
}

static u32 strings_get(FOG_WASI *w, char **list, u32 count, u32 pointers, u32 buf)
{
	u8 *out = fog_wasi_at(w, pointers, 4ull * count);

	if (out == NULL)
		return EFAULT_W;
	for (u32 i = 0; i < count; i++) {
		size_t len = strlen(list[i]) + 1;
		void *to = fog_wasi_at(w, buf, len);
		if (to == NULL)
			return EFAULT_W;
		memcpy(to, list[i], len);
		fog_store_u32(out + 4ull * i, buf);
		buf += (u32)len;
	}
	return ESUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_args_sizes_get(FOG_WASI *w, u32 count_ptr, u32 size_ptr)
{
	return strings_sizes(w, w->argv, w->argc, count_ptr, size_ptr);
}

u32 Z_wasi_snapshot_preview1Z_args_get(FOG_WASI *w, u32 pointers, u32 buf)
{
	return strings_get(w, w->argv, w->argc, pointers, buf);
}

u32 Z_wasi_snapshot_preview1Z_environ_sizes_get(FOG_WASI *w, u32 count_ptr, u32 size_ptr)
{
	return strings_sizes(w, w->envp, w->envc, count_ptr, size_ptr);
}

u32 Z_wasi_snapshot_preview1Z_environ_get(FOG_WASI *w, u32 pointers, u32 buf)
{
	return strings_get(w, w->envp, w->envc, pointers, buf);
}

/* ---- clocks, randomness, the process --------------------------------------------------------- */

static bool clock_of(u32 id, clockid_t *clock)
{
	static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC,
					   CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};

	if (id >= FOG_ARRAY_COUNT(clocks))
		return false;
	*clock = clocks[id];
	return true;
}

static u64 clock_now(clockid_t clock)
{
	struct timespec ts = {0};

	clock_gettime(clock, &ts);
	return (u64)ts.tv_sec * NS_PER_S + (u64)ts.tv_nsec;
}

u32 Z_wasi_snapshot_preview1Z_clock_res_get(FOG_WASI *w, u32 id, u32 ptr)
{
	u8 *out = fog_wasi_at(w, ptr, 8);
	clockid_t clock;

	if (!clock_of(id, &clock))
		return EINVAL_W;
	if (out == NULL)
		return EFAULT_W;
	fog_store_u64(out, 1);
	return ESUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_clock_time_get(FOG_WASI *w, u32 id, u64 precision, u32 ptr)
{
	u8 *out = fog_wasi_at(w, ptr, 8);
	clockid_t clock;

	if (!clock_of(id, &clock))
		return EINVAL_W;
	if (out == NULL)
		return EFAULT_W;
	fog_store_u64(out, clock_now(clock));
	return ESUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_random_get(FOG_WASI *w, u32 ptr, u32 len)
{
	u8 *out = fog_wasi_at(w, ptr, len);

	if (out == NULL)
		return EFAULT_W;
	while (len > 0) {
		ssize_t n = getrandom(out, len, 0);
		if (n < 0 && errno != EINTR)
			return fog_wasi_errno(errno);
		if (n > 0) {
			out += n;
			len -= (u32)n;
		}
	}
	return ESUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_sched_yield(FOG_WASI *w)
{
	sched_yield();
	return ESUCCESS;
}

void Z_wasi_snapshot_preview1Z_proc_exit(FOG_WASI *w, u32 code)
{
	w->exit_code = (int)(code & 0xff);
	WASM_RT_LONGJMP(wasm_rt_jmp_buf, FOG_WASI_EXIT_TRAP);
}

/* ---- reading and writing --------------------------------------------------------------------- */

/* Returns the number of pieces, or -1 when one is not within the memory. */
static int iovs_get(FOG_WASI *w, u32 ptr, u32 count, struct iovec out[FOG_WASI_IOVS_MAX])
{
	count = FOG_MIN(count, (u32)FOG_WASI_IOVS_MAX);
	const u8 *list = fog_wasi_at(w, ptr, 8ull * count);
	if (list == NULL)
		return -1;
	for (u32 i = 0; i < count; i++) {
		out[i].iov_len = fog_load_u32(list + 8 * i + 4);
		out[i].iov_base = fog_wasi_at(w, fog_load_u32(list + 8 * i), out[i].iov_len);
		if (out[i].iov_base == NULL)
			return -1;
	}
	return (int)count;
}

enum transfer {
	TRANSFER_READ = 1,
	TRANSFER_WRITE,
	TRANSFER_PREAD,
	TRANSFER_PWRITE,
};

static u32 transfer(FOG_WASI *w, enum transfer how, u32 fd, u32 iovs, u32 count, u64 offset,
		    u32 done_ptr)
{
	const struct fog_wasi_file *f = fog_wasi_file(w, fd);
	u8 *done = fog_wasi_at(w, done_ptr, 4);
	struct iovec iov[FOG_WASI_IOVS_MAX];
	ssize_t n;

	if (f == NULL)
		return EBADF_W;
	int pieces = iovs_get(w, iovs, count, iov);
	if (pieces < 0 || done == NULL)
		return EFAULT_W;
	do {
		if (how == TRANSFER_READ)
			n = readv(f->fd, iov, pieces);
		else if (how == TRANSFER_WRITE)
			n = writev(f->fd, iov, pieces);
		else if (how == TRANSFER_PREAD)
			n = preadv(f->fd, iov, pieces, (off_t)offset);
		else
			n = pwritev(f->fd, iov, pieces, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return fog_wasi_errno(errno);
	fog_store_u32(done, (u32)n);
	return ESUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_fd_read(FOG_WASI *w, u32 fd, u32 iovs, u32 count, u32 done)
{
	return transfer(w, TRANSFER_READ, fd, iovs, count, 0, done);
}

u32 Z_wasi_snapshot_preview1Z_fd_write(FOG_WASI *w, u32 fd, u32 iovs, u32 count, u32 done)
{
	return transfer(w, TRANSFER_WRITE, fd, iovs, count, 0, done);
}

u32 Z_wasi_snapshot_preview1Z_fd_pread(FOG_WASI *w, u32 fd, u32 iovs, u32 count, u64 offset,
				       u32 done)
{
	return transfer(w, TRANSFER_PREAD, fd, iovs, count, offset, done);
}

u32 Z_wasi_snapshot_preview1Z_fd_pwrite(FOG_WASI *w, u32 fd, u32 iovs, u32 count, u64 offset,
					u32 done)
{
	return transfer(w, TRANSFER_PWRITE, fd, iovs, count, offset, done);
}

u32 Z_wasi_snapshot_preview1Z_fd_seek(FOG_WASI *w, u32 fd, u64 offset, u32 whence, u32 ptr)
{
	static const int hows[] = {SEEK_SET, SEEK_CUR, SEEK_END};
	const struct fog_wasi_file *f = fog_wasi_file(w, fd);
	u8 *out = fog_wasi_at(w, ptr, 8);

	if (f == NULL)
		return EBADF_W;
	if (whence >= FOG_ARRAY_COUNT(hows))
		return EINVAL_W;
	if (out == NULL)
		return EFAULT_W;
	off_t at = lseek(f->fd, (off_t)offset, hows[whence]);
	if (at < 0)
		return fog_wasi_errno(errno);
	fog_store_u64(out, (u64)at);
	return ESUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_fd_tell(FOG_WASI *w, u32 fd, u32 ptr)
{
	return Z_wasi_snapshot_preview1Z_fd_seek(w, fd, 0, 1, ptr);
}

u32 Z_wasi_snapshot_preview1Z_fd_close(FOG_WASI *w, u32 fd)
{
	struct fog_wasi_file *f = fog_wasi_file(w, fd);

	if (f == NULL)
		return EBADF_W;
	int ret = close(f->fd);
	f->fd = -1;
	return ret < 0 ? fog_wasi_errno(errno) : ESUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_fd_renumber(FOG_WASI *w, u32 from, u32 to)
{
	struct fog_wasi_file *a = fog_wasi_file(w, from);
	struct fog_wasi_file *b = fog_wasi_file(w, to);

	if (a == NULL || b == NULL)
		return EBADF_W;
	if (a != b) {
		close(b->fd);
		*b = *a;
		a->fd = -1;
	}
	return ESUCCESS;
}

static u32 file_do(FOG_WASI *w, u32 fd, int (*act)(int))
{
	const struct fog_wasi_file *f = fog_wasi_file(w, fd);

	if (f == NULL)
		return EBADF_W;
	return act(f->fd) < 0 ? fog_wasi_errno(errno) : ESUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_fd_sync(FOG_WASI *w, u32 fd)
{
	return file_do(w, fd, fsync);
}

u32 Z_wasi_snapshot_preview1Z_fd_datasync(FOG_WASI *w, u32 fd)
{
	return file_do(w, fd, fdatasync);
}

/* ---- about files ----------------------------------------------------------------------------- */

static u8 type_of(mode_t mode)
{
	return S_ISREG(mode)    ? TYPE_REGULAR
	       : S_ISDIR(mode)  ? TYPE_DIRECTORY
	       : S_ISCHR(mode)  ? TYPE_CHARACTER
	       : S_ISLNK(mode)  ? TYPE_LINK
	       : S_ISBLK(mode)  ? TYPE_BLOCK
	       : S_ISSOCK(mode) ? TYPE_SOCKET
				: TYPE_UNKNOWN;
}

static u64 ns_of(struct timespec ts)
{
	return (u64)ts.tv_sec * NS_PER_S + (u64)ts.tv_nsec;
}

void fog_wasi_filestat(u8 out[64], const struct stat *st)
{
	memset(out, 0, 64);
	fog_store_u64(out, (u64)st->st_dev);
	fog_store_u64(out + 8, (u64)st->st_ino);
	out[16] = type_of(st->st_mode);
	fog_store_u64(out + 24, (u64)st->st_nlink);
	fog_store_u64(out + 32, (u64)st->st_size);
	fog_store_u64(out + 40, ns_of(st->st_atim));
	fog_store_u64(out + 48, ns_of(st->st_mtim));
	fog_store_u64(out + 56, ns_of(st->st_ctim));
}

u32 Z_wasi_snapshot_preview1Z_fd_filestat_get(FOG_WASI *w, u32 fd, u32 ptr)
{
	const struct fog_wasi_file *f = fog_wasi_file(w, fd);
	u8 *out = fog_wasi_at(w, ptr, 64);
	struct stat st;

	if (f == NULL)
		return EBADF_W;
	if (out == NULL)
		return EFAULT_W;
	if (fstat(f->fd, &st) < 0)
		return fog_wasi_errno(errno);
	fog_wasi_filestat(out, &st);
	return ESUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_fd_filestat_set_size(FOG_WASI *w, u32 fd, u64 size)
{
	const struct fog_wasi_file *f = fog_wasi_file(w, fd);

	if (f == NULL)
		return EBADF_W;
	return ftruncate(f->fd, (off_t)size) < 0 ? fog_wasi_errno(errno) : ESUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_fd_fdstat_get(FOG_WASI *w, u32 fd, u32 ptr)
{
	const struct fog_wasi_file *f = fog_wasi_file(w, fd);
	u8 *out = fog_wasi_at(w, ptr, 24);
	struct stat st;

	if (f == NULL)
		return EBADF_W;
	if (out == NULL)
		return EFAULT_W;
	if (fstat(f->fd, &st) < 0)
		return fog_wasi_errno(errno);
	memset(out, 0, 24);
	out[0] = type_of(st.st_mode);
	fog_store_u16(out + 2, (u16)f->flags);
	fog_store_u64(out + 8, f->rights);
	fog_store_u64(out + 16, f->rights_inheriting);
	return ESUCCESS;
}

/* Only APPEND (1) and NONBLOCK (4) can be changed on an open file. */
u32 Z_wasi_snapshot_preview1Z_fd_fdstat_set_flags(FOG_WASI *w, u32 fd, u32 flags)
{
	struct fog_wasi_file *f = fog_wasi_file(w, fd);
	int host = ((flags & 1) ? O_APPEND : 0) | ((flags & 4) ? O_NONBLOCK : 0);

	if (f == NULL)
		return EBADF_W;
	if (fcntl(f->fd, F_SETFL, host) < 0)
		return fog_wasi_errno(errno);
	f->flags = flags;
	return ESUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_fd_advise(FOG_WASI *w, u32 fd, u64 offset, u64 len, u32 advice)
{
	return fog_wasi_file(w, fd) == NULL ? EBADF_W : ESUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_fd_prestat_get(FOG_WASI *w, u32 fd, u32 ptr)
{
	const struct fog_wasi_file *f = fog_wasi_file(w, fd);
	u8 *out = fog_wasi_at(w, ptr, 8);

	if (f == NULL || f->preopen == NULL)
		return EBADF_W;
	if (out == NULL)
		return EFAULT_W;
	fog_store_u32(out, 0);
	fog_store_u32(out + 4, (u32)strlen(f->preopen));
	return ESUCCESS;
}

u32 Z_wasi_snapshot_preview1Z_fd_prestat_dir_name(FOG_WASI *w, u32 fd, u32 ptr, u32 len)
{
	const struct fog_wasi_file *f = fog_wasi_file(w, fd);

	if (f == NULL || f->preopen == NULL)
		return EBADF_W;
	size_t name_len = FOG_MIN(strlen(f->preopen), (size_t)len);
	u8 *out = fog_wasi_at(w, ptr, name_len);
	if (out == NULL)
		return EFAULT_W;
	memcpy(out, f->preopen, name_len);
	return ESUCCESS;
}

/* One entry behind the last that fitted; a caller whose buffer is full asks again from there. */
static u32 dirent_put(u8 *buf, u32 room, const struct dirent *e, u64 next)
{
	u8 head[DIRENT_SIZE] = {0};
	u32 name_len = (u32)strlen(e->d_name);
	u32 head_len = FOG_MIN(room, (u32)DIRENT_SIZE);

	fog_store_u64(head, next);
	fog_store_u64(head + 8, e->d_ino);
	fog_store_u32(head + 16, name_len);
	head[20] = type_of(DTTOIF(e->d_type));
	memcpy(buf, head, head_len);
	u32 tail = FOG_MIN(room - head_len, name_len);
	memcpy(buf + head_len, e->d_name, tail);
	return head_len + tail;
}

u32 Z_wasi_snapshot_preview1Z_fd_readdir(FOG_WASI *w, u32 fd, u32 ptr, u32 len, u64 cookie,
					 u32 used_ptr)
{
	const struct fog_wasi_file *f = fog_wasi_file(w, fd);
	u8 *buf = fog_wasi_at(w, ptr, len);
	u8 *used = fog_wasi_at(w, used_ptr, 4);
	struct dirent *e;
	u32 done = 0;

	if (f == NULL)
		return EBADF_W;
	if (buf == NULL || used == NULL)
		return EFAULT_W;
	int again = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	if (dir == NULL) {
		int err = errno;
		if (again >= 0)
			close(again);
		return err == ENOTDIR ? ENOTDIR_W : fog_wasi_errno(err);
	}
	for (u64 i = 1; done < len && (e = readdir(dir)) != NULL; i++)
		if (i > cookie)
			done += dirent_put(buf + done, len - done, e, i);
	closedir(dir);
	fog_store_u32(used, done);
	return ESUCCESS;
}

/* ---- waiting --------------------------------------------------------------------------------- */

struct subscription {
	u64 userdata;
	u8 type;
	u64 due_ns; /* monotonic; EVENT_CLOCK */
	int poll;   /* index of pollfd; the others */
};

static u32 subscription_get(FOG_WASI *w, const u8 *in, struct subscription *s, struct pollfd *p,
			    u32 *polls)
{
	clockid_t clock;

	s->userdata = fog_load_u64(in);
	s->type = in[8];
	if (s->type == EVENT_CLOCK) {
		u64 ns = fog_load_u64(in + 24);
		if (!clock_of(fog_load_u32(in + 16), &clock))
			return EINVAL_W;
		u64 now = clock_now(clock);
		if (fog_load_u16(in + 40) & CLOCK_ABSOLUTE)
			ns = ns > now ? ns - now : 0;
		s->due_ns = clock_now(CLOCK_MONOTONIC) + FOG_MIN(ns, UINT64_MAX / 4);
		return ESUCCESS;
	}
	if (s->type != EVENT_READ && s->type != EVENT_WRITE)
		return EINVAL_W;
	const struct fog_wasi_file *f = fog_wasi_file(w, fog_load_u32(in + 16));
	if (f == NULL)
		return EBADF_W;
	s->poll = (int)*polls;
	p[(*polls)++] =
		(struct pollfd){.fd = f->fd, .events = s->type == EVENT_READ ? POLLIN : POLLOUT};
	return ESUCCESS;
}

static u32 events_put(u8 *out, const struct subscription *s, u32 count, const struct pollfd *p)
{
	u64 now = clock_now(CLOCK_MONOTONIC);
	u32 events = 0;

	for (u32 i = 0; i < count; i++) {
		bool clock = s[i].type == EVENT_CLOCK;
		if (clock ? s[i].due_ns > now : p[s[i].poll].revents == 0)
			continue;
		u8 *event = out + (size_t)EVENT_SIZE * events++;
		memset(event, 0, EVENT_SIZE);
		fog_store_u64(event, s[i].userdata);
		event[10] = s[i].type;
		if (!clock && (p[s[i].poll].revents & (POLLHUP | POLLERR)))
			fog_store_u16(event + 24, 1);
	}
	return events;
}

u32 Z_wasi_snapshot_preview1Z_poll_oneoff(FOG_WASI *w, u32 in_ptr, u32 out_ptr, u32 count,
					  u32 events_ptr)
{
	const u8 *in = fog_wasi_at(w, in_ptr, (u64)SUB_SIZE * count);
	u8 *out = fog_wasi_at(w, out_ptr, (u64)EVENT_SIZE * count);
	u8 *events = fog_wasi_at(w, events_ptr, 4);
	struct subscription s[FOG_WASI_EVENTS_MAX];
	struct pollfd p[FOG_WASI_EVENTS_MAX];
	u32 polls = 0, made = 0;
	u64 due = UINT64_MAX;

	if (in == NULL || out == NULL || events == NULL)
		return EFAULT_W;
	if (count == 0 || count > FOG_WASI_EVENTS_MAX)
		return EINVAL_W;
	for (u32 i = 0; i < count; i++) {
		u32 ret = subscription_get(w, in + (size_t)SUB_SIZE * i, &s[i], p, &polls);
		if (ret != ESUCCESS)
			return ret;
		if (s[i].type == EVENT_CLOCK)
			due = FOG_MIN(due, s[i].due_ns);
	}
	while (made == 0) {
		u64 now = clock_now(CLOCK_MONOTONIC);
		u64 left = due > now ? due - now : 0;
		const struct timespec wait = {(time_t)(left / NS_PER_S), (long)(left % NS_PER_S)};
		if (ppoll(p, polls, due == UINT64_MAX ? NULL : &wait, NULL) < 0 && errno != EINTR)
			return fog_wasi_errno(errno);
		made = events_put(out, s, count, p);
	}
	fog_store_u32(events, made);
	return ESUCCESS;
}
