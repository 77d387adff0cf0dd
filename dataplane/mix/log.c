/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/mix/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "configs/file.h"
#include "crypto/mem.h"

static const char magic[16] = "fog-mix-epoch-1";

/* A machine that cannot tell its boots apart counts as rebooted each time. */
static void boot_id_read(u8 out[16])
{
	char text[64] = "";
	unsigned n = 0;

	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t got = read(fd, text, sizeof(text) - 1);
		close(fd);
		for (ssize_t i = 0; i < got && n < 32; i++)
			if (text[i] != '-')
				text[n++] = text[i];
	}
	text[n] = '\0';
	if (n != 32 || fog_hex_decode(text, out, 16) != 0)
		memset(out, 0, 16);
}

int fog_mix_log_open(struct fog_mix_log *l, const char *dir)
{
	char path[PATH_MAX];

	for (unsigned i = 0; i < FOG_MIX_LOGS; i++)
		l->fd[i] = -1;
	boot_id_read(l->boot_id);
	for (unsigned i = 0; dir != NULL && i < FOG_MIX_LOGS; i++) {
		if (snprintf(path, sizeof(path), "%s/mix-%u.epoch", dir, i) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		l->fd[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_APPEND, 0600);
		if (l->fd[i] < 0) {
			int rc = -errno;
			fog_mix_log_close(l);
			return rc;
		}
	}
	return 0;
}

void fog_mix_log_close(struct fog_mix_log *l)
{
	for (unsigned i = 0; i < FOG_MIX_LOGS; i++) {
		if (l->fd[i] >= 0)
			close(l->fd[i]);
		l->fd[i] = -1;
	}
}

static int read_at(int fd, void *out, size_t len, off_t at)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, (u8 *)out + done, len - done, at + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		done += (size_t)n;
	}
	return 0;
}

/* What a crash or a full disk left behind the last whole mark goes: behind it all that follow would
 * be read askew. */
static int marks_count(int fd, u64 *marks)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	*marks = ((u64)st.st_size - FOG_MIX_LOG_HEADER) / FOG_MIX_MARK_SIZE;
	off_t whole = FOG_MIX_LOG_HEADER + (off_t)(*marks * FOG_MIX_MARK_SIZE);
	return st.st_size == whole || ftruncate(fd, whole) == 0 ? 0 : -errno;
}

int fog_mix_log_read(const struct fog_mix_log *l, unsigned i, struct fog_mix_log_epoch *e)
{
	u8 header[FOG_MIX_LOG_HEADER];

	memset(e, 0, sizeof(*e));
	if (l->fd[i] < 0)
		return 0;
	int rc = read_at(l->fd[i], header, sizeof(header), 0);
	if (rc == -ENODATA)
		return 0;
	if (rc < 0)
		return rc;
	if (memcmp(header, magic, sizeof(magic)) == 0 && !fog_is_zero(l->boot_id, 16) &&
	    memcmp(header + 96, l->boot_id, 16) == 0)
		rc = marks_count(l->fd[i], &e->marks);
	else
		rc = -ENODATA;
	if (rc == 0) {
		e->epoch = fog_load_u64(header + 16);
		memcpy(e->secret, header + 32, 32);
		memcpy(e->tag_key, header + 64, 32);
	}
	fog_wipe(header, sizeof(header));
	return rc == -ENODATA ? 0 : rc;
}

int fog_mix_log_marks(const struct fog_mix_log *l, unsigned i, u64 first,
		      u8 (*mark)[FOG_MIX_MARK_SIZE], unsigned count)
{
	off_t at = FOG_MIX_LOG_HEADER + (off_t)(first * FOG_MIX_MARK_SIZE);
	ssize_t n = pread(l->fd[i], mark, (size_t)count * FOG_MIX_MARK_SIZE, at);

	return n < 0 ? -errno : (int)(n / FOG_MIX_MARK_SIZE);
}

/* O_APPEND sends every write to the end, pwrite() too: the flag is off while zeros are written.
 */
static int erase(int fd)
{
	static const u8 zeros[4096];
	struct stat st;
	int rc = 0;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (st.st_size > 0) {
		if (fcntl(fd, F_SETFL, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
			return -errno;
		for (off_t at = 0; at < st.st_size && rc == 0; at += (off_t)sizeof(zeros))
			rc = fog_file_write_all(fd, zeros,
						FOG_MIN(sizeof(zeros), (size_t)(st.st_size - at)));
		if (rc == 0 && fsync(fd) != 0)
			rc = -errno;
		if (fcntl(fd, F_SETFL, O_APPEND) != 0)
			return -errno;
	}
	if (rc == 0 && ftruncate(fd, 0) != 0)
		rc = -errno;
	return rc;
}

int fog_mix_log_start(struct fog_mix_log *l, unsigned i, const struct fog_mix_log_epoch *e)
{
	u8 header[FOG_MIX_LOG_HEADER] = {0};

	if (l->fd[i] < 0)
		return 0;
	int rc = erase(l->fd[i]);
	if (rc == 0 && e->epoch != 0) {
		memcpy(header, magic, sizeof(magic));
		fog_store_u64(header + 16, e->epoch);
		memcpy(header + 32, e->secret, 32);
		memcpy(header + 64, e->tag_key, 32);
		memcpy(header + 96, l->boot_id, 16);
		rc = fog_file_write_all(l->fd[i], header, sizeof(header));
		fog_wipe(header, sizeof(header));
	}
	if (rc == 0 && fsync(l->fd[i]) != 0)
		rc = -errno;
	return rc;
}

int fog_mix_log_append(struct fog_mix_log *l, unsigned i, const u8 (*mark)[FOG_MIX_MARK_SIZE],
		       unsigned count)
{
	u64 marks;

	if (l->fd[i] < 0 || count == 0)
		return 0;
	int rc = fog_file_write_all(l->fd[i], mark, (size_t)count * FOG_MIX_MARK_SIZE);
	if (rc < 0)
		(void)marks_count(l->fd[i], &marks);
	return rc;
}
