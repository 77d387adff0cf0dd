/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/mix/known.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "configs/file.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define ROOM_LEAST    1024
#define IDS_AT_ONCE   1024
#define FILE_NOW      "received"
#define FILE_BEFORE   "received.before"
#define HEADER_SIZE   FOG_KNOWN_ID
#define ID_AT(number) (HEADER_SIZE + (off_t)(number)*FOG_KNOWN_ID)

static const u8 magic[8] = "fogrecv1";

/* ---- in memory ---------------------------------------------------------------------------- */

/* Where `id` is, or the free place where it would be. At most half of the places are taken. */
static u8 *place_of(const struct fog_known *k, const struct fog_known_half *h,
		    const u8 id[FOG_KNOWN_ID])
{
	u32 hash = (u32)fog_hash_siphash(k->key, id, FOG_KNOWN_ID);

	for (u32 i = hash & (h->room - 1);; i = (i + 1) & (h->room - 1))
		if (memcmp(h->place[i], id, FOG_KNOWN_ID) == 0 ||
		    fog_is_zero(h->place[i], FOG_KNOWN_ID))
			return h->place[i];
}

static bool half_has(const struct fog_known *k, const struct fog_known_half *h,
		     const u8 id[FOG_KNOWN_ID])
{
	return h->room > 0 && !fog_is_zero(place_of(k, h, id), FOG_KNOWN_ID);
}

static void half_free(struct fog_known_half *h)
{
	free(h->place);
	memset(h, 0, sizeof(*h));
}

static int half_grow(const struct fog_known *k, struct fog_known_half *h)
{
	struct fog_known_half more = *h;

	more.room = FOG_MAX(2 * h->room, (u32)ROOM_LEAST);
	more.place = calloc(more.room, FOG_KNOWN_ID);
	if (more.place == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < h->room; i++)
		if (!fog_is_zero(h->place[i], FOG_KNOWN_ID))
			memcpy(place_of(k, &more, h->place[i]), h->place[i], FOG_KNOWN_ID);
	free(h->place);
	*h = more;
	return 0;
}

static int half_add(const struct fog_known *k, struct fog_known_half *h, const u8 id[FOG_KNOWN_ID])
{
	int rc = 2 * (h->count + 1) > h->room ? half_grow(k, h) : 0;

	if (rc == 0) {
		memcpy(place_of(k, h, id), id, FOG_KNOWN_ID);
		h->count++;
	}
	return rc;
}

/* ---- on disk ------------------------------------------------------------------------------ */

static int write_at(int fd, const void *data, size_t len, off_t at)
{
	if (lseek(fd, at, SEEK_SET) < 0)
		return -errno;
	int rc = fog_file_write_all(fd, data, len);
	return rc == 0 && fdatasync(fd) != 0 ? -errno : rc;
}

/* What cannot be read is not known: the file itself is no reason to refuse all mail. */
static int half_load(const struct fog_known *k, struct fog_known_half *h, int fd)
{
	u8 header[HEADER_SIZE], id[IDS_AT_ONCE][FOG_KNOWN_ID];
	ssize_t n = pread(fd, header, sizeof(header), 0);
	int rc = 0;

	if (n != HEADER_SIZE || memcmp(header, magic, sizeof(magic)) != 0)
		return 0;
	h->begun = fog_load_u64(header + sizeof(magic));
	while (h->count < FOG_KNOWN_MAX && rc == 0) {
		n = pread(fd, id, sizeof(id), ID_AT(h->count)) / FOG_KNOWN_ID;
		for (ssize_t i = 0; i < n && rc == 0; i++)
			rc = half_add(k, h, id[i]);
		if (n <= 0)
			break;
	}
	return rc;
}

static void file_close(struct fog_known *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

/* An empty file for the half that begins. */
static int file_begin(struct fog_known *k)
{
	u8 header[HEADER_SIZE];

	memcpy(header, magic, sizeof(magic));
	fog_store_u64(header + sizeof(magic), k->now.begun);
	k->fd = openat(k->folder, FILE_NOW, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		       0600);
	if (k->fd < 0)
		return -errno;
	int rc = write_at(k->fd, header, sizeof(header), 0);
	if (rc == 0 && fsync(k->folder) != 0)
		rc = -errno;
	if (rc < 0)
		file_close(k);
	else
		k->written = 0;
	return rc;
}

static int file_load(struct fog_known *k, const char *name, struct fog_known_half *h)
{
	int fd = openat(k->folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	int rc = half_load(k, h, fd);
	if (rc < 0 || h != &k->now || h->begun == 0) {
		close(fd);
		return rc;
	}
	k->fd = fd;
	k->written = h->count;
	return 0;
}

/* ---- the interface ------------------------------------------------------------------------ */

int fog_known_open(struct fog_known *k, int folder)
{
	memset(k, 0, sizeof(*k));
	k->folder = folder;
	k->fd = -1;
	fog_random_bytes(k->key, sizeof(k->key));
	int rc = file_load(k, FILE_BEFORE, &k->before);
	if (rc == 0)
		rc = file_load(k, FILE_NOW, &k->now);
	if (rc < 0)
		fog_known_close(k);
	return rc;
}

void fog_known_close(struct fog_known *k)
{
	half_free(&k->now);
	half_free(&k->before);
	file_close(k);
}

/* The newer half becomes the older one. */
static int turn(struct fog_known *k)
{
	half_free(&k->before);
	k->before = k->now;
	memset(&k->now, 0, sizeof(k->now));
	file_close(k);
	return renameat(k->folder, FILE_NOW, k->folder, FILE_BEFORE) == 0 ? 0 : -errno;
}

int fog_known_add(struct fog_known *k, const u8 id[FOG_KNOWN_ID], u64 at_ns)
{
	struct fog_known_half *h = &k->now;
	int rc = 0;

	if (fog_known_has(k, id))
		return 0;
	bool over = h->begun != 0 && at_ns > h->begun && at_ns - h->begun > FOG_KNOWN_NS;
	if (over || h->count >= FOG_KNOWN_MAX)
		rc = turn(k);
	if (h->begun == 0)
		h->begun = FOG_MAX(at_ns, (u64)1);
	int memory = half_add(k, h, id);
	if (memory < 0)
		return memory;
	if (rc == 0 && k->fd < 0)
		rc = file_begin(k);
	if (rc == 0)
		rc = write_at(k->fd, id, FOG_KNOWN_ID, ID_AT(k->written));
	k->written += rc == 0;
	return rc;
}

bool fog_known_has(const struct fog_known *k, const u8 id[FOG_KNOWN_ID])
{
	return half_has(k, &k->now, id) || half_has(k, &k->before, id);
}
