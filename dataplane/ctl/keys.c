/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ctl/keys.h"

#include "configs/file.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHY_SIZE 256

static const char keys_magic[16] = {'f', 'o', 'g', '-', 'd', 'a', 't', 'a',
				    'p', 'l', 'a', 'n', 'e', '-', '1', '\n'};

__attribute__((format(printf, 2, 3))) static void why_set(char why[WHY_SIZE], const char *format,
							  ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, WHY_SIZE, format, ap);
	va_end(ap);
}

static int file_check(int fd, const char *path, char why[WHY_SIZE])
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		why_set(why, "%s is not a regular file", path);
		return -EINVAL;
	}
	if (st.st_uid != geteuid()) {
		why_set(why, "%s belongs to uid %u, not to us", path, st.st_uid);
		return -EPERM;
	}
	if ((st.st_mode & 077) != 0) {
		why_set(why, "%s has mode %04o; others may use it: chmod 600 it", path,
			st.st_mode & 07777);
		return -EPERM;
	}
	if (st.st_size != FOG_KEYS_FILE_SIZE) {
		why_set(why, "%s is %lld bytes, not %d", path, (long long)st.st_size,
			FOG_KEYS_FILE_SIZE);
		return -EINVAL;
	}
	return 0;
}

static int keys_read(struct fog_keys *k, const char *path, char why[WHY_SIZE])
{
	u8 bytes[FOG_KEYS_FILE_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		int rc = -errno;
		why_set(why, "%s: %s", path, strerror(-rc));
		return rc;
	}
	int rc = file_check(fd, path, why);
	if (rc == 0)
		rc = fog_file_read_all(fd, bytes, sizeof(bytes));
	close(fd);
	if (rc != 0)
		goto out;
	memcpy(k->link_sk, bytes + 16, 32);
	memcpy(k->onion_sk, bytes + 48, 32);
	if (memcmp(bytes, keys_magic, 16) != 0 || fog_is_zero(k->link_sk, 32) ||
	    fog_is_zero(k->onion_sk, 32)) {
		why_set(why, "%s is not a key file of a data plane", path);
		rc = -EINVAL;
	}
out:
	fog_wipe(bytes, sizeof(bytes));
	return rc;
}

static int keys_create(const char *path)
{
	u8 bytes[FOG_KEYS_FILE_SIZE];

	memcpy(bytes, keys_magic, 16);
	fog_random_bytes(bytes + 16, 64);
	int rc = fog_file_create(path, bytes, sizeof(bytes));
	fog_wipe(bytes, sizeof(bytes));
	return rc == -EEXIST ? 0 : rc; /* another process was faster */
}

int fog_keys_load(struct fog_keys *k, const char *path, char why[WHY_SIZE])
{
	why[0] = '\0';
	int rc = keys_read(k, path, why);
	if (rc == -ENOENT) {
		rc = keys_create(path);
		if (rc != 0)
			why_set(why, "cannot create %s: %s", path, strerror(-rc));
		else
			rc = keys_read(k, path, why);
	}
	if (rc != 0)
		fog_keys_wipe(k);
	return rc;
}

void fog_keys_wipe(struct fog_keys *k)
{
	fog_wipe(k, sizeof(*k));
}
