/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "configs/file.h"
#include "crypto/curve/x25519.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"

#define KEY_FILE_SIZE 72

static const char magic[8] = {'f', 'o', 'g', 'k', 'e', 'y', '1', '\n'};

static int file_read(const char *path, u8 out[KEY_FILE_SIZE], char why[FOG_IDENTITY_WHY_SIZE])
{
	struct stat st;
	int rc = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0) {
		rc = -errno;
		snprintf(why, FOG_IDENTITY_WHY_SIZE, "%.200s: %s", path, strerror(-rc));
		return rc;
	}
	if (fstat(fd, &st) != 0) {
		rc = -errno;
		snprintf(why, FOG_IDENTITY_WHY_SIZE, "%.200s: %s", path, strerror(-rc));
	} else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 || st.st_uid != geteuid()) {
		rc = -EPERM;
		snprintf(
			why, FOG_IDENTITY_WHY_SIZE,
			"%.170s: others may have read this key (mode %03o, wants 600 and our user)",
			path, (unsigned)(st.st_mode & 0777));
	} else if (st.st_size != KEY_FILE_SIZE || read(fd, out, KEY_FILE_SIZE) != KEY_FILE_SIZE ||
		   memcmp(out, magic, sizeof(magic)) != 0) {
		rc = -EUCLEAN;
		snprintf(why, FOG_IDENTITY_WHY_SIZE, "%.200s: not a key file of Fog", path);
	}
	close(fd);
	return rc;
}

static int new_note(const char *dir)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, FOG_IDENTITY_NEW);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0; /* the directory is synced with the key */
}

static int file_create(const char *dir, const char *path, char why[FOG_IDENTITY_WHY_SIZE])
{
	u8 data[KEY_FILE_SIZE];

	memcpy(data, magic, sizeof(magic));
	fog_random_bytes(data + sizeof(magic), sizeof(data) - sizeof(magic));
	int rc = new_note(dir);
	if (rc == 0)
		rc = fog_file_create(path, data, sizeof(data));
	fog_wipe(data, sizeof(data));
	if (rc == -EEXIST)
		rc = 0; /* another process was faster */
	if (rc != 0)
		snprintf(why, FOG_IDENTITY_WHY_SIZE, "%.200s: cannot create: %s", path,
			 strerror(-rc));
	return rc;
}

int fog_identity_load(struct fog_identity *id, const char *dir, char why[FOG_IDENTITY_WHY_SIZE])
{
	u8 data[KEY_FILE_SIZE];
	char path[4000];
	struct stat st;
	int rc;

	memset(id, 0, sizeof(*id));
	why[0] = '\0';
	if (snprintf(path, sizeof(path), "%s/identity.key", dir) >= (int)sizeof(path)) {
		snprintf(why, FOG_IDENTITY_WHY_SIZE, "the path of the state directory is too long");
		return -ENAMETOOLONG;
	}
	if (lstat(path, &st) != 0 && errno == ENOENT) {
		rc = file_create(dir, path, why);
		if (rc != 0)
			return rc;
	}
	rc = file_read(path, data, why);
	if (rc == 0) {
		fog_sign_keypair(id->node_id, id->sign_sk, data + 8);
		memcpy(id->control_sk, data + 40, 32);
		fog_x25519_base(id->control_pk, id->control_sk);
	}
	fog_wipe(data, sizeof(data));
	return rc;
}

void fog_identity_wipe(struct fog_identity *id)
{
	fog_wipe(id, sizeof(*id));
}

/* label | 0 | msg in memory of its own. NULL when out of memory. */
static u8 *labelled(const char *label, const void *msg, size_t len, size_t *total)
{
	size_t label_len = strlen(label) + 1;
	u8 *p = malloc(label_len + len);

	if (p == NULL)
		return NULL;
	memcpy(p, label, label_len);
	memcpy(p + label_len, msg, len);
	*total = label_len + len;
	return p;
}

int fog_identity_sign(const struct fog_identity *id, const char *label, const void *msg, size_t len,
		      u8 signature[64])
{
	size_t total;

	if (len > FOG_SIGN_MESSAGE_MAX)
		return -EMSGSIZE;
	u8 *p = labelled(label, msg, len, &total);
	if (p == NULL)
		return -ENOMEM;
	fog_sign(signature, p, total, id->sign_sk);
	free(p);
	return 0;
}

int fog_signature_verify(const u8 node_id[32], const char *label, const void *msg, size_t len,
			 const u8 signature[64])
{
	size_t total;

	if (len > FOG_SIGN_MESSAGE_MAX)
		return -EMSGSIZE;
	u8 *p = labelled(label, msg, len, &total);
	if (p == NULL)
		return -ENOMEM;
	int rc = fog_sign_verify(signature, p, total, node_id);
	free(p);
	return rc;
}
