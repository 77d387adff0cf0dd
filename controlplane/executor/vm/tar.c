/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/vm/tar.h"
#include "configs/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCK          512
#define READ_BYTES     (128 * BLOCK)
#define NAME_MAX_BYTES 256
#define LINK_MAX_BYTES 100

/* POSIX.1-1988 ustar, offsets as in the standard. */
struct header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[LINK_MAX_BYTES];
	char magic[6];
	char version[2];
	char owner[32];
	char group[32];
	char major[8];
	char minor[8];
	char prefix[155];
	char pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "one block");

static unsigned checksum(const struct header *h)
{
	const u8 *bytes = (const u8 *)h;
	unsigned sum = 0;

	for (size_t i = 0; i < BLOCK; i++) {
		bool own = i >= offsetof(struct header, checksum) &&
			   i < offsetof(struct header, checksum) + sizeof(h->checksum);
		sum += own ? ' ' : bytes[i];
	}
	return sum;
}

static u64 octal(const char *field, size_t len)
{
	u64 value = 0;

	for (size_t i = 0; i < len && field[i] >= '0' && field[i] <= '7'; i++)
		value = value * 8 + (u64)(field[i] - '0');
	return value;
}

static bool name_safe(const char *name)
{
	if (name[0] == '/')
		return false;
	for (const char *at = name; at != NULL; at = strchr(at, '/')) {
		at += *at == '/';
		if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
			return false;
	}
	return true;
}

static int parents_make(int dir_fd, const char *name)
{
	char part[NAME_MAX_BYTES];

	for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - name);
		memcpy(part, name, len);
		part[len] = '\0';
		if (len > 0 && mkdirat(dir_fd, part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int file_unpack(int fd, int dir_fd, const char *name, mode_t mode, u64 size)
{
	u8 block[BLOCK];

	int out = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	int ret = out < 0 ? -errno : 0;
	while (ret == 0 && size > 0) {
		size_t part = (size_t)FOG_MIN(size, (u64)BLOCK);
		ret = fog_file_read_all(fd, block, BLOCK);
		if (ret == 0)
			ret = fog_file_write_all(out, block, part);
		size -= part;
	}
	if (out >= 0)
		close(out);
	return ret;
}

static int entry_unpack(int fd, int dir_fd, const struct header *h)
{
	char name[NAME_MAX_BYTES], link[LINK_MAX_BYTES + 1];
	mode_t mode = (mode_t)octal(h->mode, sizeof(h->mode)) & 0777;

	snprintf(name, sizeof(name), "%.*s%s%.*s", (int)sizeof(h->prefix), h->prefix,
		 h->prefix[0] != '\0' ? "/" : "", (int)sizeof(h->name), h->name);
	snprintf(link, sizeof(link), "%.*s", (int)sizeof(h->link), h->link);
	if (!name_safe(name))
		return -EINVAL;
	int ret = parents_make(dir_fd, name);
	if (ret < 0)
		return ret;
	switch (h->type) {
	case '5':
		return mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST ? -errno : 0;
	case '2':
		return symlinkat(link, dir_fd, name) < 0 ? -errno : 0;
	case '1':
		return name_safe(link) && linkat(dir_fd, link, dir_fd, name, 0) == 0 ? 0 : -EINVAL;
	case '0':
	case '\0':
		return file_unpack(fd, dir_fd, name, mode, octal(h->size, sizeof(h->size)));
	default:
		return lseek(fd,
			     (off_t)((octal(h->size, sizeof(h->size)) + BLOCK - 1) / BLOCK * BLOCK),
			     SEEK_CUR) < 0
			       ? -EINVAL
			       : 0;
	}
}

int fog_tar_unpack(int fd, int dir_fd)
{
	struct header h;

	for (;;) {
		int ret = fog_file_read_all(fd, &h, sizeof(h));
		if (ret < 0)
			return ret;
		if (h.name[0] == '\0')
			return 0;
		if (memcmp(h.magic, "ustar", 5) != 0 ||
		    octal(h.checksum, sizeof(h.checksum)) != checksum(&h))
			return -EINVAL;
		ret = entry_unpack(fd, dir_fd, &h);
		if (ret < 0)
			return ret;
	}
}

/* An archive as it grows. */
struct pack {
	int fd;
	const struct fog_tar_limits *limits;
	u64 left;    /* bytes it may still grow by */
	u32 entries; /* looked at */
	u32 omitted; /* of these, not in it */
};

static bool late(const struct pack *p)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec >= p->limits->end_ns;
}

static int put(struct pack *p, const void *buf, size_t len)
{
	if (len > p->left)
		return -EFBIG;
	if (late(p))
		return -ETIME;
	p->left -= len;
	return fog_file_write_all(p->fd, buf, len);
}

/* False: it does not fit, even in two parts. */
static bool name_fill(struct header *h, const char *name)
{
	size_t len = strlen(name);

	if (len <= sizeof(h->name)) {
		memcpy(h->name, name, len);
		return true;
	}
	const char *slash = strchr(name + len - sizeof(h->name) - 1, '/');
	if (slash == NULL || (size_t)(slash - name) > sizeof(h->prefix))
		return false;
	memcpy(h->prefix, name, (size_t)(slash - name));
	memcpy(h->name, slash + 1, strlen(slash + 1));
	return true;
}

static void header_fill(struct header *h, const struct stat *st)
{
	char sum[16];

	snprintf(h->mode, sizeof(h->mode), "%07o", st->st_mode & 0777u);
	snprintf(h->uid, sizeof(h->uid), "%07o", 0u);
	snprintf(h->gid, sizeof(h->gid), "%07o", 0u);
	snprintf(h->size, sizeof(h->size), "%011llo",
		 S_ISREG(st->st_mode) ? (unsigned long long)st->st_size : 0);
	snprintf(h->mtime, sizeof(h->mtime), "%011o", 0u);
	h->type = S_ISREG(st->st_mode) ? '0' : S_ISDIR(st->st_mode) ? '5' : '2';
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	snprintf(sum, sizeof(sum), "%06o", checksum(h));
	memcpy(h->checksum, sum, 7);
	h->checksum[7] = ' ';
}

static int file_pack(struct pack *p, int in, u64 size)
{
	u8 buf[READ_BYTES];
	int ret = 0;

	while (ret == 0 && size > 0) {
		size_t part = (size_t)FOG_MIN(size, (u64)READ_BYTES);
		size_t padded = (part + BLOCK - 1) / BLOCK * BLOCK;
		memset(buf + part, 0, padded - part);
		ret = fog_file_read_all(in, buf, part);
		if (ret == 0)
			ret = put(p, buf, padded);
		size -= part;
	}
	return ret;
}

/* What is there may change as we look: what was opened is what counts. */
static int entry_pack(struct pack *p, int dir_fd, const char *entry, const char *name)
{
	struct header h = {0};
	struct stat st;
	int in = -1, ret = 0;

	bool fits = fstatat(dir_fd, entry, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode)) &&
		    name_fill(&h, name);
	if (fits && S_ISREG(st.st_mode)) {
		in = openat(dir_fd, entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		fits = in >= 0 && fstat(in, &st) == 0 && S_ISREG(st.st_mode);
	} else if (fits && S_ISLNK(st.st_mode)) {
		fits = st.st_size <= LINK_MAX_BYTES &&
		       readlinkat(dir_fd, entry, h.link, sizeof(h.link)) >= 0;
	}
	if (!fits) {
		p->omitted++;
	} else if (S_ISREG(st.st_mode) && (u64)st.st_size > p->left) {
		ret = -EFBIG;
	} else {
		header_fill(&h, &st);
		ret = put(p, &h, sizeof(h));
		if (ret == 0 && in >= 0)
			ret = file_pack(p, in, (u64)st.st_size);
	}
	if (in >= 0)
		close(in);
	return ret;
}

/* Opens what the entry is, if that is a directory; NULL: it is none, or was left out. */
static DIR *down_open(struct pack *p, int dir_fd, const char *entry, bool deep)
{
	int sub = openat(dir_fd, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *down = sub < 0 || deep ? NULL : fdopendir(sub);

	if (down == NULL) {
		p->omitted += sub >= 0 || errno == EACCES;
		if (sub >= 0)
			close(sub);
	}
	return down;
}

/* 0: more may be looked at. */
static int limits_check(const struct pack *p)
{
	return p->entries > p->limits->entries ? -E2BIG : late(p) ? -ETIME : 0;
}

/* Depth first without recursion: a stack of open directories and where each one's name ends. */
int fog_tar_pack(int fd, int dir_fd, const struct fog_tar_limits *limits)
{
	static const u8 end[2 * BLOCK];
	struct pack p = {.fd = fd, .limits = limits, .left = limits->bytes};
	DIR *stack[FOG_TAR_DEPTH_MAX];
	size_t ends[FOG_TAR_DEPTH_MAX], depth = 0;
	char name[NAME_MAX_BYTES] = "";
	struct dirent *e;
	int ret = 0;

	stack[0] = fdopendir(dir_fd);
	ends[0] = 0;
	depth = stack[0] != NULL;
	while (ret == 0 && depth > 0 && p.omitted <= limits->omitted) {
		DIR *dir = stack[depth - 1];
		size_t at = ends[depth - 1];
		e = readdir(dir);
		if (e == NULL) {
			closedir(dir);
			depth--;
			continue;
		}
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		p.entries++;
		ret = limits_check(&p);
		if (ret < 0)
			break;
		if (at + strlen(e->d_name) + 2 > sizeof(name)) {
			p.omitted++;
			continue;
		}
		snprintf(name + at, sizeof(name) - at, "%s", e->d_name);
		ret = entry_pack(&p, dirfd(dir), e->d_name, name);
		DIR *down = down_open(&p, dirfd(dir), e->d_name, depth == FOG_TAR_DEPTH_MAX);
		if (down == NULL)
			continue;
		ends[depth] = at + strlen(e->d_name) + 1;
		name[ends[depth] - 1] = '/';
		stack[depth++] = down;
	}
	while (depth > 0)
		closedir(stack[--depth]);
	if (ret == 0)
		ret = put(&p, end, sizeof(end));
	return ret < 0 ? ret : (int)FOG_MIN(p.omitted, (u32)INT_MAX);
}
