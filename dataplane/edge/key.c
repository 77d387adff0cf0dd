/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

static const char magic[16] = "fog-edge-1\n";

static int why_set(char why[256], const char *path, const char *text, int rc)
{
	snprintf(why, 256, "%s: %s", path, text);
	return rc;
}

static int file_read(u8 bytes[FOG_EDGE_KEY_FILE_SIZE], const char *path, char why[256])
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	int rc = 0;

	if (fd < 0) {
		rc = -errno;
		return why_set(why, path, strerror(-rc), rc);
	}
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size != FOG_EDGE_KEY_FILE_SIZE)
		rc = -EINVAL;
	else if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		rc = -EPERM;
	else if (read(fd, bytes, FOG_EDGE_KEY_FILE_SIZE) != FOG_EDGE_KEY_FILE_SIZE)
		rc = -EIO;
	else if (memcmp(bytes, magic, sizeof(magic)) != 0)
		rc = -EINVAL;
	close(fd);
	if (rc == -EINVAL)
		return why_set(why, path, "is not a key file of an edge", rc);
	if (rc == -EPERM)
		return why_set(why, path, "must be ours and of mode 0600", rc);
	return rc == 0 ? 0 : why_set(why, path, strerror(-rc), rc);
}

static int folder_sync(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');

	snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
		 slash != NULL ? path : ".");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	return rc;
}

/* Beside, synced, then linked into place: complete or not there, and never over another's. */
static int file_create(const char *path)
{
	char beside[PATH_MAX];
	u8 bytes[FOG_EDGE_KEY_FILE_SIZE];
	int rc = 0;

	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	int fd = mkostemp(beside, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return -errno;
	memcpy(bytes, magic, sizeof(magic));
	fog_random_bytes(bytes + sizeof(magic), 32);
	if (write(fd, bytes, sizeof(bytes)) != sizeof(bytes))
		rc = errno != 0 ? -errno : -EIO;
	fog_wipe(bytes, sizeof(bytes));
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	close(fd);
	if (rc == 0 && link(beside, path) != 0 && errno != EEXIST)
		rc = -errno;
	unlink(beside);
	return rc == 0 ? folder_sync(path) : rc;
}

int fog_edge_key_load(u8 seed[32], const char *path, char why[256])
{
	u8 bytes[FOG_EDGE_KEY_FILE_SIZE];
	int rc = file_read(bytes, path, why);

	if (rc == -ENOENT) {
		rc = file_create(path);
		rc = rc == 0 ? file_read(bytes, path, why) : why_set(why, path, strerror(-rc), rc);
	}
	if (rc == 0)
		memcpy(seed, bytes + sizeof(magic), 32);
	fog_wipe(bytes, sizeof(bytes));
	return rc;
}

void fog_edge_key_derive(u8 out[32], const u8 seed[32], const char *label)
{
	fog_hash_blake2b(out, 32, seed, 32, label, strlen(label));
}
