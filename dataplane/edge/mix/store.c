/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/mix/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/mem.h"

#define NAME_MAX_HEX 65

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

static void count_one(void *arg, const char *name)
{
	(void)name;
	++*(u64 *)arg;
}

static void highest(void *arg, const char *name)
{
	u64 v = strtoull(name, NULL, 16), *most = arg;

	*most = FOG_MAX(*most, v);
}

struct boxes {
	struct fog_mailstore *store;
	u64 count;
};

static void box_scan(void *arg, const char *name)
{
	struct boxes *b = arg;

	int fd = openat(b->store->held, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	(void)folder_each(fd, highest, &b->store->sequence);
	(void)folder_each(fd, count_one, &b->store->held_count);
	close(fd);
}

int fog_mailstore_open(struct fog_mailstore *s, const char *dir)
{
	struct boxes b = {.store = s};

	memset(s, 0, sizeof(*s));
	s->held = s->inbox = s->outbox = s->root = -1;
	int at = folder_open(AT_FDCWD, dir);
	if (at < 0)
		return at;
	s->held = folder_open(at, "held");
	s->inbox = folder_open(at, "inbox");
	s->outbox = folder_open(at, "outbox");
	s->root = at;
	int rc = FOG_MIN(FOG_MIN(s->held, s->inbox), s->outbox);
	if (rc >= 0)
		rc = folder_each(s->held, box_scan, &b);
	if (rc >= 0)
		rc = folder_each(s->inbox, count_one, &s->inbox_count);
	if (rc >= 0)
		rc = folder_each(s->outbox, count_one, &s->outbox_count);
	if (rc < 0)
		fog_mailstore_close(s);
	return rc < 0 ? rc : 0;
}

void fog_mailstore_close(struct fog_mailstore *s)
{
	int *fd[] = {&s->held, &s->inbox, &s->outbox, &s->root};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(fd); i++) {
		if (*fd[i] >= 0)
			close(*fd[i]);
		*fd[i] = -1;
	}
}

/* Write beside, sync, rename, sync the folder. */
static int file_put(int folder, const char *name, const void *data, size_t len)
{
	char beside[NAME_MAX_HEX + 2];
	int rc = 0;

	snprintf(beside, sizeof(beside), ".%s", name);
	int fd =
		openat(folder, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < len && rc == 0;) {
		ssize_t n = write(fd, (const u8 *)data + done, len - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			rc = -errno;
	}
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

/* ---- provider ----------------------------------------------------------------------------- */

static int box_open(struct fog_mailstore *s, const u8 mailbox[32], bool make)
{
	char name[NAME_MAX_HEX];
	u64 boxes = 0;

	fog_hex_encode(mailbox, 32, name, sizeof(name));
	int fd = openat(s->held, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT || !make)
		return -errno;
	int rc = folder_each(s->held, count_one, &boxes);
	if (rc < 0)
		return rc;
	if (boxes >= FOG_STORE_BOXES_MAX)
		return -ENOSPC;
	fd = folder_open(s->held, name);
	if (fd >= 0)
		(void)fsync(s->held);
	return fd;
}

/* Sequences follow the clock, so that they grow even over an emptied folder and a restart: owners
 * ask for what comes after the last one they saw. */
static u64 wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

int fog_mailstore_hold(struct fog_mailstore *s, const u8 mailbox[32], const void *data, size_t len)
{
	char name[17];
	u64 count = 0;

	int box = box_open(s, mailbox, true);
	if (box < 0)
		return box;
	int rc = folder_each(box, count_one, &count);
	if (rc == 0 && count >= FOG_STORE_HELD_MAX)
		rc = -ENOSPC;
	if (rc == 0) {
		s->sequence = FOG_MAX(s->sequence + 1, wall_ns());
		snprintf(name, sizeof(name), "%016llx", (unsigned long long)s->sequence);
		rc = file_put(box, name, data, len);
	}
	if (rc == 0)
		s->held_count++;
	close(box);
	return rc;
}

struct after {
	u64 after, first;
	u32 more;
};

static void find_after(void *arg, const char *name)
{
	struct after *a = arg;
	u64 v = strtoull(name, NULL, 16);

	if (v <= a->after)
		return;
	a->more++;
	if (a->first == 0 || v < a->first)
		a->first = v;
}

int fog_mailstore_next(struct fog_mailstore *s, const u8 mailbox[32], u64 after, u64 *sequence,
		       void *data, size_t cap, size_t *len, u32 *more)
{
	struct after a = {.after = after};
	char name[17];

	int box = box_open(s, mailbox, false);
	if (box < 0)
		return box;
	int rc = folder_each(box, find_after, &a);
	if (rc == 0 && a.first == 0)
		rc = -ENOENT;
	if (rc == 0) {
		snprintf(name, sizeof(name), "%016llx", (unsigned long long)a.first);
		rc = file_get(box, name, data, cap, len);
		*sequence = a.first;
		*more = a.more - 1;
	}
	close(box);
	return rc;
}

struct release {
	int box;
	u64 upto;
	u64 gone;
};

static void release_one(void *arg, const char *name)
{
	struct release *r = arg;

	if (strtoull(name, NULL, 16) <= r->upto && unlinkat(r->box, name, 0) == 0)
		r->gone++;
}

int fog_mailstore_release(struct fog_mailstore *s, const u8 mailbox[32], u64 upto)
{
	struct release r = {.upto = upto, .box = box_open(s, mailbox, false)};
	char name[NAME_MAX_HEX];

	if (r.box < 0)
		return r.box == -ENOENT ? 0 : r.box;
	int rc = folder_each(r.box, release_one, &r);
	close(r.box);
	s->held_count -= r.gone;
	/* An empty box makes room for others; one that is not empty stays. */
	fog_hex_encode(mailbox, 32, name, sizeof(name));
	(void)unlinkat(s->held, name, AT_REMOVEDIR);
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

int fog_mailstore_done_save(struct fog_mailstore *s, const void *ids, size_t size)
{
	return file_put(s->root, "done", ids, size);
}

int fog_mailstore_done_load(struct fog_mailstore *s, void *ids, size_t size)
{
	size_t len;

	memset(ids, 0, size);
	int rc = file_get(s->root, "done", ids, size, &len);
	return rc == -ENOENT ? 0 : rc;
}
