/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "configs/file.h"
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

static int file_create(const char *path)
{
	u8 bytes[FOG_EDGE_KEY_FILE_SIZE];

	memcpy(bytes, magic, sizeof(magic));
	fog_random_bytes(bytes + sizeof(magic), 32);
	int rc = fog_file_create(path, bytes, sizeof(bytes));
	fog_wipe(bytes, sizeof(bytes));
	return rc == -EEXIST ? 0 : rc; /* another process was faster */
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
