/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/mix/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "configs/file.h"
#include "crypto/mem.h"

#define NAME_MAX_HEX    65
#define SEQUENCE_DIGITS 16
#define PATH_SIZE       (64 + 1 + SEQUENCE_DIGITS + 1) /* MAILBOX/SEQUENCE */

static int folder_open(int at, const char *name)
{
	if (mkdirat(at, name, 0700) != 0 && errno != EEXIST)
		return -errno;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* Calls visit for every entry that is no dot file. */
static int folder_each(int folder, void (*visit)(void *arg, const char *name), void *arg)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;

	if (fd < 0)
		return -errno;
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			visit(arg, e->d_name);
	closedir(d);
	return 0;
}

/* Write beside, sync, rename, sync the folder. */
static int file_put(int folder, const char *name, const void *data, size_t len)
{
	char beside[NAME_MAX_HEX + 2];

	snprintf(beside, sizeof(beside), ".%s", name);
	int fd =
		openat(folder, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int rc = fog_file_write_all(fd, data, len);
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	close(fd);
	if (rc == 0 && renameat(folder, beside, folder, name) != 0)
		rc = -errno;
	if (rc == 0 && fsync(folder) != 0)
		rc = -errno;
	if (rc != 0)
		unlinkat(folder, beside, 0);
	return rc;
}

static int file_get(int folder, const char *name, void *data, size_t cap, size_t *len)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int rc = 0;

	*len = 0;
	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(fd, (u8 *)data + *len, cap - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = -errno;
		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	close(fd);
	return rc;
}

static void count_one(void *arg, const char *name)
{
	(void)name;
	++*(u64 *)arg;
}

static struct fog_mailstore_box *box_find(const struct fog_mailstore *s, const u8 mailbox[32])
{
	for (u32 i = 0; i < s->boxes; i++)
		if (memcmp(s->box[i].mailbox, mailbox, 32) == 0)
			return &s->box[i];
	return NULL;
}

static struct fog_mailstore_box *box_add(struct fog_mailstore *s, const u8 mailbox[32])
{
	if (s->boxes >= FOG_STORE_BOXES_MAX)
		return NULL;
	struct fog_mailstore_box *b = &s->box[s->boxes++];
	memset(b, 0, sizeof(*b));
	memcpy(b->mailbox, mailbox, 32);
	return b;
}

static void box_drop(struct fog_mailstore *s, struct fog_mailstore_box *b)
{
	free(b->sequence);
	*b = s->box[--s->boxes];
}

static int sequence_add(struct fog_mailstore *s, struct fog_mailstore_box *b, u64 sequence)
{
	if (b->count >= FOG_STORE_HELD_MAX)
		return -ENOSPC;
	if (b->count == b->room) {
		u32 room = FOG_MAX(2 * b->room, 8u);
		u64 *more = realloc(b->sequence, room * sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		b->sequence = more;
		b->room = room;
	}
	b->sequence[b->count++] = sequence;
	s->held_count++;
	return 0;
}

struct scan {
	struct fog_mailstore *store;
	struct fog_mailstore_box *box;
	int rc;
};

static void scan_fragment(void *arg, const char *name)
{
	struct scan *c = arg;
	char *end;
	u64 sequence = strtoull(name, &end, 16);

	if (end != name + SEQUENCE_DIGITS || *end != '\0')
		return;
	int rc = sequence_add(c->store, c->box, sequence);
	if (c->rc == 0)
		c->rc = rc;
}

static int compare_sequences(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

static void scan_box(void *arg, const char *name)
{
	struct scan *c = arg;
	struct fog_mailstore *s = c->store;
	u8 mailbox[32];

	if (strlen(name) != 64 || fog_hex_decode(name, mailbox, 32) != 0)
		return;
	/* An empty one is what a crash left. */
	if (unlinkat(s->held, name, AT_REMOVEDIR) == 0)
		return;
	int fd = openat(s->held, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	c->box = fd >= 0 ? box_add(s, mailbox) : NULL;
	int rc = fd < 0 ? -errno : c->box == NULL ? -ENOSPC : folder_each(fd, scan_fragment, c);
	if (c->rc == 0)
		c->rc = rc;
	if (fd >= 0)
		close(fd);
	if (c->box == NULL || c->box->count == 0)
		return;
	qsort(c->box->sequence, c->box->count, sizeof(u64), compare_sequences);
	s->sequence = FOG_MAX(s->sequence, c->box->sequence[c->box->count - 1]);
}

static u64 wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

/* A crash may have come between a message and the note that it came. Nothing is forgotten for it,
 * however long ago the newer half began. */
static void know_again(void *arg, const char *name)
{
	struct fog_mailstore *s = arg;
	u64 begun = s->known.now.begun;
	u8 id[FOG_STORE_ID];

	if (strlen(name) == 2 * FOG_STORE_ID && fog_hex_decode(name, id, FOG_STORE_ID) == 0)
		(void)fog_known_add(&s->known, id, begun != 0 ? begun : wall_ns());
}

static int scan(struct fog_mailstore *s)
{
	struct scan c = {.store = s};

	int rc = folder_each(s->held, scan_box, &c);
	if (rc == 0)
		rc = c.rc;
	if (rc == 0)
		rc = folder_each(s->inbox, count_one, &s->inbox_count);
	if (rc == 0)
		rc = folder_each(s->outbox, count_one, &s->outbox_count);
	return rc;
}

int fog_mailstore_open(struct fog_mailstore *s, const char *dir)
{
	memset(s, 0, sizeof(*s));
	s->held = s->inbox = s->outbox = s->root = s->known.fd = -1;
	int at = folder_open(AT_FDCWD, dir);
	if (at < 0)
		return at;
	s->held = folder_open(at, "held");
	s->inbox = folder_open(at, "inbox");
	s->outbox = folder_open(at, "outbox");
	s->root = at;
	s->box = calloc(FOG_STORE_BOXES_MAX, sizeof(*s->box));
	int rc = FOG_MIN(FOG_MIN(s->held, s->inbox), s->outbox);
	if (rc >= 0)
		rc = s->box != NULL ? scan(s) : -ENOMEM;
	if (rc == 0)
		rc = fog_known_open(&s->known, s->root);
	if (rc == 0)
		rc = folder_each(s->inbox, know_again, s);
	if (rc < 0)
		fog_mailstore_close(s);
	return rc;
}

void fog_mailstore_close(struct fog_mailstore *s)
{
	int *fd[] = {&s->held, &s->inbox, &s->outbox, &s->root};

	while (s->boxes > 0)
		box_drop(s, &s->box[s->boxes - 1]);
	free(s->box);
	s->box = NULL;
	fog_known_close(&s->known);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(fd); i++) {
		if (*fd[i] >= 0)
			close(*fd[i]);
		*fd[i] = -1;
	}
}

/* ---- provider ----------------------------------------------------------------------------- */

static void fragment_path(char path[PATH_SIZE], const u8 mailbox[32], u64 sequence)
{
	fog_hex_encode(mailbox, 32, path, 65);
	snprintf(path + 64, PATH_SIZE - 64, "/%016llx", (unsigned long long)sequence);
}

/* Sequences follow the clock, so that they grow even over an emptied folder and a restart: owners
 * ask for what comes after the last one they saw. */
static int fragment_put(struct fog_mailstore *s, struct fog_mailstore_box *b, const void *data,
			size_t len)
{
	u64 sequence = FOG_MAX(s->sequence + 1, wall_ns());
	char path[PATH_SIZE];

	fragment_path(path, b->mailbox, sequence);
	path[64] = '\0';
	int folder = folder_open(s->held, path);
	if (folder < 0)
		return folder;
	int rc = b->count == 0 && fsync(s->held) != 0 ? -errno : 0;
	if (rc == 0)
		rc = sequence_add(s, b, sequence);
	if (rc == 0) {
		rc = file_put(folder, path + 65, data, len);
		if (rc < 0) {
			b->count--;
			s->held_count--;
		}
	}
	close(folder);
	if (rc == 0)
		s->sequence = sequence;
	return rc;
}

int fog_mailstore_hold(struct fog_mailstore *s, const u8 mailbox[32], const void *data, size_t len)
{
	struct fog_mailstore_box *b = box_find(s, mailbox);

	if (b == NULL)
		b = box_add(s, mailbox);
	if (b == NULL)
		return -ENOSPC;
	int rc = fragment_put(s, b, data, len);
	if (b->count == 0)
		box_drop(s, b);
	return rc;
}

/* How many have a sequence up to and with `upto`. */
static u32 count_upto(const struct fog_mailstore_box *b, u64 upto)
{
	u32 low = 0, high = b->count;

	while (low < high) {
		u32 middle = (low + high) / 2;
		if (b->sequence[middle] <= upto)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int fog_mailstore_held(struct fog_mailstore *s, const u8 mailbox[32], u64 after, u32 skip,
		       struct fog_mailstore_fragment *out)
{
	const struct fog_mailstore_box *b = box_find(s, mailbox);
	char path[PATH_SIZE];

	u64 at = b != NULL ? (u64)count_upto(b, after) + skip : 0;
	if (b == NULL || at >= b->count)
		return -ENOENT;
	out->sequence = b->sequence[at];
	out->before = at > 0 ? b->sequence[at - 1] : 0;
	out->more = b->count - (u32)at - 1;
	fragment_path(path, mailbox, out->sequence);
	return file_get(s->held, path, out->data, out->room, &out->len);
}

int fog_mailstore_release(struct fog_mailstore *s, const u8 mailbox[32], u64 upto)
{
	struct fog_mailstore_box *b = box_find(s, mailbox);
	u32 gone = b != NULL ? count_upto(b, upto) : 0, i;
	char path[PATH_SIZE];
	int rc = 0;

	for (i = 0; i < gone && rc == 0; i++) {
		fragment_path(path, mailbox, b->sequence[i]);
		if (unlinkat(s->held, path, 0) != 0 && errno != ENOENT)
			rc = -errno;
	}
	gone = rc == 0 ? i : i - 1;
	if (gone == 0)
		return rc;
	b->count -= gone;
	s->held_count -= gone;
	memmove(b->sequence, b->sequence + gone, b->count * sizeof(u64));
	if (b->count == 0) {
		/* Makes room for others. */
		path[64] = '\0';
		(void)unlinkat(s->held, path, AT_REMOVEDIR);
		box_drop(s, b);
	}
	return rc;
}

/* ---- inbox and outbox --------------------------------------------------------------------- */

static int side_folder(const struct fog_mailstore *s, enum fog_mailbox_side side)
{
	return side == FOG_MAILSTORE_INBOX ? s->inbox : s->outbox;
}

static u64 *side_count(struct fog_mailstore *s, enum fog_mailbox_side side)
{
	return side == FOG_MAILSTORE_INBOX ? &s->inbox_count : &s->outbox_count;
}

int fog_mailstore_put(struct fog_mailstore *s, enum fog_mailbox_side side,
		      const u8 id[FOG_STORE_ID], const void *data, size_t len)
{
	u64 max = side == FOG_MAILSTORE_INBOX ? FOG_STORE_INBOX_MAX : FOG_STORE_OUTBOX_MAX;
	char name[NAME_MAX_HEX];

	fog_hex_encode(id, FOG_STORE_ID, name, sizeof(name));
	if (faccessat(side_folder(s, side), name, F_OK, 0) == 0)
		return -EEXIST;
	if (*side_count(s, side) >= max)
		return -ENOSPC;
	int rc = file_put(side_folder(s, side), name, data, len);
	if (rc == 0)
		++*side_count(s, side);
	return rc;
}

int fog_mailstore_get(struct fog_mailstore *s, enum fog_mailbox_side side,
		      const u8 id[FOG_STORE_ID], void *data, size_t cap, size_t *len)
{
	char name[NAME_MAX_HEX];

	fog_hex_encode(id, FOG_STORE_ID, name, sizeof(name));
	return file_get(side_folder(s, side), name, data, cap, len);
}

int fog_mailstore_delete(struct fog_mailstore *s, enum fog_mailbox_side side,
			 const u8 id[FOG_STORE_ID])
{
	char name[NAME_MAX_HEX];

	fog_hex_encode(id, FOG_STORE_ID, name, sizeof(name));
	if (unlinkat(side_folder(s, side), name, 0) != 0)
		return -errno;
	--*side_count(s, side);
	return 0;
}

struct listing {
	u8 (*id)[FOG_STORE_ID];
	unsigned count, max;
};

static void list_one(void *arg, const char *name)
{
	struct listing *l = arg;

	if (l->count < l->max && strlen(name) == 2 * FOG_STORE_ID &&
	    fog_hex_decode(name, l->id[l->count], FOG_STORE_ID) == 0)
		l->count++;
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, FOG_STORE_ID);
}

int fog_mailstore_list(struct fog_mailstore *s, enum fog_mailbox_side side, u8 (*id)[FOG_STORE_ID],
		       unsigned max)
{
	struct listing l = {.id = id, .max = max};

	int rc = folder_each(side_folder(s, side), list_one, &l);
	if (rc < 0)
		return rc;
	qsort(id, l.count, FOG_STORE_ID, compare_ids);
	return (int)l.count;
}
