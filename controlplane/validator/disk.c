/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/validator/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash/hash.h"

#define HEADER_SIZE  13
#define SEGMENTS_MAX 65536u
#define PENDING_COUNT \
	2048 /* blocks not yet final whose place is known; older ones are read no more */

struct segment {
	u64 number, bytes, epoch; /* epoch that begins in it, 0 = none */
};

struct place {
	u64 segment, offset;
	u32 len;
};

struct pending {
	u8 hash[32];
	struct place at;
};

struct final {
	struct place block, cert;
};

struct fog_qlog {
	char dir[3900];
	int fd, dir_fd, epochs_fd;
	struct segment *segments;
	u32 segment_count, segment_cap;
	u8 *buffer;
	u32 used, cap;
	bool dirty; /* written, not synced */

	struct pending pending[PENDING_COUNT];
	u32 pending_next;
	u64 first; /* height of finals[0] */
	struct final *finals;
	u64 final_count, final_cap;

	struct place *epochs; /* in the file `epochs`: of epoch i + 2 */
	u64 epoch_count, epoch_cap, epochs_bytes;
	u64 syncs, bytes;
};

static void record_header(u8 out[HEADER_SIZE], u8 kind, const u8 *data, u32 len)
{
	fog_store_u32(out, len);
	out[4] = kind;
	u8 hash[32];
	/* The kind is the key's first byte: no second buffer for kind and payload. */
	u8 key[16] = {kind};
	fog_hash_blake2b(hash, 32, key, sizeof(key), data, len);
	memcpy(out + 5, hash, 8);
}

static bool record_good(const u8 header[HEADER_SIZE], const u8 *data)
{
	u8 want[HEADER_SIZE];

	record_header(want, header[4], data, fog_load_u32(header));
	return memcmp(want, header, HEADER_SIZE) == 0;
}

static int grow(void **p, u64 *cap, u64 count, size_t size)
{
	if (count < *cap)
		return 0;
	u64 more = FOG_MAX(64ull, 2 * *cap);
	void *fresh = realloc(*p, more * size);
	if (fresh == NULL)
		return -ENOMEM;
	*p = fresh;
	*cap = more;
	return 0;
}

static void segment_path(const struct fog_qlog *l, u64 number, char out[4096])
{
	snprintf(out, 4096, "%s/log.%012llu", l->dir, (unsigned long long)number);
}

static struct segment *tail(struct fog_qlog *l)
{
	return &l->segments[l->segment_count - 1];
}

static int segment_open(struct fog_qlog *l, u64 number)
{
	char path[4096];

	if (l->segment_count == l->segment_cap) {
		u32 cap = FOG_MAX(16u, 2 * l->segment_cap);
		void *p = realloc(l->segments, cap * sizeof(*l->segments));
		if (p == NULL || cap > SEGMENTS_MAX)
			return -ENOMEM;
		l->segments = p;
		l->segment_cap = cap;
	}
	segment_path(l, number, path);
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = fd;
	l->segments[l->segment_count++] = (struct segment){number, 0, 0};
	return fsync(l->dir_fd) == 0 ? 0 : -errno;
}

/* ---- the index ------------------------------------------------------------------------------ */

static int index_block(struct fog_qlog *l, const u8 *data, u32 len, u64 segment, u64 offset)
{
	struct pending *p = &l->pending[l->pending_next++ % PENDING_COUNT];

	if (len < FOG_HEADER_SIZE)
		return -EUCLEAN;
	fog_hash_sha256(p->hash, data, FOG_HEADER_SIZE);
	p->at = (struct place){segment, offset, len};
	return 0;
}

static int index_final(struct fog_qlog *l, const u8 *data, u32 len, u64 segment, u64 offset)
{
	struct final f = {.cert = {segment, offset + 40, len - 40}};

	if (len < 40)
		return -EUCLEAN;
	u64 height = fog_load_u64(data);
	for (u32 i = 1; i <= PENDING_COUNT && f.block.len == 0; i++) {
		const struct pending *p = &l->pending[(l->pending_next - i) % PENDING_COUNT];
		if (p->at.len != 0 && memcmp(p->hash, data + 8, 32) == 0)
			f.block = p->at;
	}
	/* After state sync heights begin anew, further up. */
	if (l->final_count != 0 && height != l->first + l->final_count)
		l->final_count = 0;
	if (l->final_count == 0)
		l->first = height;
	if (f.block.len == 0 ||
	    grow((void **)&l->finals, &l->final_cap, l->final_count, sizeof(*l->finals)) != 0)
		return -EUCLEAN;
	l->finals[l->final_count++] = f;
	return 0;
}

static int index_record(struct fog_qlog *l, u8 kind, const u8 *data, u32 len, u64 segment,
			u64 offset)
{
	if (kind == FOG_QLOG_BLOCK)
		return index_block(l, data, len, segment, offset);
	if (kind == FOG_QLOG_FINAL)
		return index_final(l, data, len, segment, offset);
	if (kind == FOG_QLOG_EPOCH && len == 8)
		for (u32 i = 0; i < l->segment_count; i++)
			if (l->segments[i].number == segment)
				l->segments[i].epoch = fog_load_u64(data);
	return kind >= FOG_QLOG_VOTE && kind < FOG_QLOG_KINDS ? 0 : -EUCLEAN;
}

/* ---- reading files -------------------------------------------------------------------------- */

struct walk {
	struct fog_qlog *l;
	u64 segment;
	int (*fn)(void *context, u8 kind, const u8 *data, u32 len);
	void *context;
	bool index;
};

static int walk_record(struct walk *w, u8 kind, const u8 *data, u32 len, u64 offset)
{
	if (w->index)
		return index_record(w->l, kind, data, len, w->segment, offset);
	return w->fn(w->context, kind, data, len);
}

/* Every good record from the start of `fd`; *good: bytes up to the first bad one. */
static int file_walk(int fd, struct walk *w, u64 *good)
{
	u8 header[HEADER_SIZE], *data = malloc(FOG_QLOG_RECORD_MAX);
	int rc = data == NULL ? -ENOMEM : 0;

	*good = 0;
	while (rc == 0 && pread(fd, header, HEADER_SIZE, (off_t)*good) == HEADER_SIZE) {
		u32 len = fog_load_u32(header);
		if (len > FOG_QLOG_RECORD_MAX ||
		    pread(fd, data, len, (off_t)*good + HEADER_SIZE) != (ssize_t)len ||
		    !record_good(header, data))
			break;
		rc = walk_record(w, header[4], data, len, *good + HEADER_SIZE);
		if (rc == 0)
			*good += HEADER_SIZE + len;
	}
	free(data);
	return rc;
}

static int by_number(const void *x, const void *y)
{
	u64 a = *(const u64 *)x, b = *(const u64 *)y;

	return a < b ? -1 : a > b;
}

static int segments_list(const char *dir, u64 **out, u64 *count)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	u64 cap = 0;
	int rc = 0;

	*out = NULL;
	*count = 0;
	if (d == NULL)
		return -errno;
	while (rc == 0 && (e = readdir(d)) != NULL) {
		unsigned long long number;
		char end;
		if (sscanf(e->d_name, "log.%12llu%c", &number, &end) != 1)
			continue;
		rc = grow((void **)out, &cap, *count, sizeof(**out));
		if (rc == 0)
			(*out)[(*count)++] = number;
	}
	closedir(d);
	if (*count != 0)
		qsort(*out, *count, sizeof(**out), by_number);
	return rc;
}

static int refuse(char why[FOG_QLOG_WHY_SIZE], int rc, const char *what)
{
	snprintf(why, FOG_QLOG_WHY_SIZE, "quorum log: %.160s: %s", what,
		 rc == -EUCLEAN ? "damaged" : strerror(-rc));
	return rc;
}

/* A tail that was not synced may be torn; what is cut was promised to nobody. */
static int tail_cut(int fd, u64 good)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if ((u64)st.st_size == good)
		return 0;
	return ftruncate(fd, (off_t)good) == 0 && fsync(fd) == 0 ? 0 : -errno;
}

static int segments_load(struct fog_qlog *l, char why[FOG_QLOG_WHY_SIZE])
{
	u64 *numbers, count;
	int rc = segments_list(l->dir, &numbers, &count);

	for (u64 i = 0; i < count && rc == 0; i++) {
		struct walk w = {l, numbers[i], NULL, NULL, true};
		struct stat st;
		u64 good = 0;
		rc = segment_open(l, numbers[i]);
		if (rc == 0)
			rc = file_walk(l->fd, &w, &good);
		if (rc == 0 && i + 1 < count && (fstat(l->fd, &st) != 0 || (u64)st.st_size != good))
			rc = -EUCLEAN;
		if (rc == 0 && i + 1 == count)
			rc = tail_cut(l->fd, good);
		if (rc == 0)
			tail(l)->bytes = good;
	}
	if (rc == 0 && count == 0)
		rc = segment_open(l, 1);
	free(numbers);
	return rc == 0 ? 0 : refuse(why, rc, "log");
}

static int on_epoch(void *context, u8 kind, const u8 *data, u32 len)
{
	struct fog_qlog *l = context;
	int rc = grow((void **)&l->epochs, &l->epoch_cap, l->epoch_count, sizeof(*l->epochs));

	if (rc != 0)
		return rc;
	l->epochs[l->epoch_count++] = (struct place){0, l->epochs_bytes + HEADER_SIZE, len};
	l->epochs_bytes += HEADER_SIZE + len;
	return 0;
}

int fog_qlog_open(struct fog_qlog **out, const char *dir, char why[FOG_QLOG_WHY_SIZE])
{
	struct fog_qlog *l = calloc(1, sizeof(*l));
	char path[4096];
	u64 good;
	int rc;

	if (l == NULL || strlen(dir) >= sizeof(l->dir)) {
		free(l);
		return refuse(why, -ENOMEM, dir);
	}
	snprintf(l->dir, sizeof(l->dir), "%s", dir);
	l->fd = l->epochs_fd = -1;
	l->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/epochs", dir);
	if (l->dir_fd >= 0)
		l->epochs_fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	rc = l->epochs_fd < 0 ? refuse(why, -errno, dir) : 0;
	if (rc == 0) {
		struct walk w = {l, 0, on_epoch, l, false};
		rc = file_walk(l->epochs_fd, &w, &good);
		if (rc == 0)
			rc = tail_cut(l->epochs_fd, good);
		if (rc != 0)
			refuse(why, rc, "epochs");
	}
	if (rc == 0)
		rc = segments_load(l, why);
	if (rc != 0) {
		fog_qlog_close(l);
		return rc;
	}
	*out = l;
	return 0;
}

int fog_qlog_exists(const char *dir)
{
	u64 *numbers, count;
	int rc = segments_list(dir, &numbers, &count);

	free(numbers);
	return rc == 0 ? count != 0 : rc;
}

void fog_qlog_close(struct fog_qlog *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0)
		close(l->fd);
	if (l->epochs_fd >= 0)
		close(l->epochs_fd);
	if (l->dir_fd >= 0)
		close(l->dir_fd);
	free(l->segments);
	free(l->buffer);
	free(l->finals);
	free(l->epochs);
	free(l);
}

int fog_qlog_replay(struct fog_qlog *l, u64 epoch,
		    int (*fn)(void *context, u8 kind, const u8 *data, u32 len), void *context)
{
	u32 i = 0;
	int rc = 0;

	while (i < l->segment_count && l->segments[i].epoch != epoch &&
	       !(epoch == 1 && l->segments[i].number == 1))
		i++;
	if (i == l->segment_count)
		return -ENOENT;
	for (; i < l->segment_count && rc == 0; i++) {
		struct walk w = {l, l->segments[i].number, fn, context, false};
		char path[4096];
		u64 good;
		segment_path(l, l->segments[i].number, path);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		rc = file_walk(fd, &w, &good);
		close(fd);
	}
	return rc;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int flush(struct fog_qlog *l)
{
	for (u32 done = 0; done < l->used;) {
		ssize_t n = write(l->fd, l->buffer + done, l->used - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (u32)n;
	}
	l->dirty |= l->used != 0;
	l->bytes += l->used;
	l->used = 0;
	return 0;
}

int fog_qlog_append(struct fog_qlog *l, u8 kind, const void *data, u32 len)
{
	u32 need = HEADER_SIZE + len;

	FOG_ASSERT(len <= FOG_QLOG_RECORD_MAX);
	if (l->used + need > l->cap) {
		u32 cap = FOG_MAX(2 * l->cap, l->used + need);
		u8 *p = realloc(l->buffer, cap);
		if (p == NULL)
			return -ENOMEM;
		l->buffer = p;
		l->cap = cap;
	}
	record_header(l->buffer + l->used, kind, data, len);
	memcpy(l->buffer + l->used + HEADER_SIZE, data, len);
	l->used += need;
	u64 offset = tail(l)->bytes + HEADER_SIZE;
	tail(l)->bytes += need;
	return index_record(l, kind, data, len, tail(l)->number, offset);
}

int fog_qlog_block(struct fog_qlog *l, const struct fog_block *b)
{
	return fog_qlog_append(l, FOG_QLOG_BLOCK, b->bytes, b->len);
}

int fog_qlog_final(struct fog_qlog *l, const struct fog_block *b, const u8 *cert, u32 cert_len)
{
	u8 bytes[40 + FOG_CERTIFICATE_SIZE_MAX];

	FOG_ASSERT(cert_len <= FOG_CERTIFICATE_SIZE_MAX);
	fog_store_u64(bytes, b->header.height);
	memcpy(bytes + 8, b->hash, 32);
	if (cert_len != 0)
		memcpy(bytes + 40, cert, cert_len);
	return fog_qlog_append(l, FOG_QLOG_FINAL, bytes, 40 + cert_len);
}

bool fog_qlog_dirty(const struct fog_qlog *l)
{
	return l->dirty || l->used != 0;
}

int fog_qlog_sync(struct fog_qlog *l)
{
	int rc = flush(l);

	if (rc == 0 && l->dirty && fdatasync(l->fd) != 0)
		rc = -errno;
	if (rc != 0)
		return rc;
	l->syncs += l->dirty;
	l->dirty = false;
	/* Between two syncs only: no record lies in two files. */
	return tail(l)->bytes < FOG_QLOG_SEGMENT ? 0 : segment_open(l, tail(l)->number + 1);
}

void fog_qlog_counts(const struct fog_qlog *l, u64 *syncs, u64 *bytes)
{
	*syncs = l->syncs;
	*bytes = l->bytes;
}

/* ---- final blocks --------------------------------------------------------------------------- */

void fog_qlog_heights(const struct fog_qlog *l, u64 *first, u64 *last)
{
	*first = l->final_count != 0 ? l->first : 0;
	*last = l->final_count != 0 ? l->first + l->final_count - 1 : 0;
}

static int place_read(struct fog_qlog *l, const struct place *p, u8 *out)
{
	char path[4096];
	int rc = p->segment == tail(l)->number ? flush(l) : 0, fd = l->fd;

	if (rc != 0)
		return rc;
	if (p->segment != tail(l)->number) {
		segment_path(l, p->segment, path);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	}
	rc = pread(fd, out, p->len, (off_t)p->offset) == (ssize_t)p->len ? 0 : -EIO;
	if (fd != l->fd)
		close(fd);
	return rc;
}

struct fog_block *fog_qlog_read(struct fog_qlog *l, u64 height, struct fog_certificate *cert)
{
	struct fog_block *b = NULL;
	u8 bytes[FOG_CERTIFICATE_SIZE_MAX];

	cert->kind = 0;
	if (height < l->first || height - l->first >= l->final_count)
		return NULL;
	const struct final *f = &l->finals[height - l->first];
	u8 *data = malloc(f->block.len);
	if (data != NULL && place_read(l, &f->block, data) == 0 &&
	    fog_block_decode(&b, data, f->block.len) != 0)
		b = NULL;
	free(data);
	if (b != NULL && f->cert.len >= FOG_CERTIFICATE_SIZE_MIN && f->cert.len <= sizeof(bytes) &&
	    place_read(l, &f->cert, bytes) == 0 &&
	    fog_certificate_decode(cert, bytes, f->cert.len) < 0)
		cert->kind = 0;
	return b;
}

/* ---- epochs --------------------------------------------------------------------------------- */

u64 fog_qlog_epoch_last(const struct fog_qlog *l)
{
	return l->epoch_count + 1;
}

int fog_qlog_epoch_read(struct fog_qlog *l, u64 epoch, struct fog_epoch *out)
{
	u8 bytes[FOG_EPOCH_SIZE_MAX];

	if (epoch < 2 || epoch - 2 >= l->epoch_count)
		return -ENOENT;
	const struct place *p = &l->epochs[epoch - 2];
	if (p->len > sizeof(bytes) ||
	    pread(l->epochs_fd, bytes, p->len, (off_t)p->offset) != (ssize_t)p->len ||
	    fog_epoch_decode(out, bytes, p->len) != 0)
		return -EUCLEAN;
	return 0;
}

int fog_qlog_epoch_note(struct fog_qlog *l, const struct fog_epoch *e)
{
	u8 bytes[HEADER_SIZE + FOG_EPOCH_SIZE_MAX];
	u32 len = fog_epoch_encode(e, bytes + HEADER_SIZE);

	if (e->set.epoch != l->epoch_count + 2)
		return 0; /* known: executed again after a restart */
	record_header(bytes, FOG_QLOG_EPOCH, bytes + HEADER_SIZE, len);
	if (write(l->epochs_fd, bytes, HEADER_SIZE + len) != (ssize_t)(HEADER_SIZE + len) ||
	    fdatasync(l->epochs_fd) != 0)
		return -errno;
	return on_epoch(l, FOG_QLOG_EPOCH, bytes, len);
}

int fog_qlog_epoch_begin(struct fog_qlog *l, const struct fog_epoch *e)
{
	u8 number[8];
	int rc = fog_qlog_epoch_note(l, e);

	if (rc == 0)
		rc = fog_qlog_sync(l);
	if (rc == 0)
		rc = segment_open(l, tail(l)->number + 1);
	fog_store_u64(number, e->set.epoch);
	if (rc == 0)
		rc = fog_qlog_append(l, FOG_QLOG_EPOCH, number, 8);
	return rc == 0 ? fog_qlog_sync(l) : rc;
}

void fog_qlog_prune(struct fog_qlog *l, u64 epoch, u64 keep_bytes)
{
	u64 sum = 0, height = 0;
	u32 keep = l->segment_count, drop = 0;
	char path[4096];

	/* The files from the snapshot's epoch on stay in any case. */
	while (keep > 0 &&
	       !(l->segments[keep - 1].epoch != 0 && l->segments[keep - 1].epoch <= epoch))
		sum += l->segments[--keep].bytes;
	if (keep > 0)
		keep--;
	for (drop = keep; drop > 0 && sum < keep_bytes; drop--)
		sum += l->segments[drop - 1].bytes;
	/* Whole epochs: what remains begins with one. */
	while (drop > 0 && l->segments[drop].epoch == 0)
		drop--;
	if (drop == 0)
		return;
	for (u32 i = 0; i < drop; i++) {
		segment_path(l, l->segments[i].number, path);
		unlink(path);
	}
	u64 gone = l->segments[drop - 1].number;
	l->segment_count -= drop;
	memmove(l->segments, l->segments + drop, l->segment_count * sizeof(*l->segments));
	while (height < l->final_count && l->finals[height].block.segment <= gone)
		height++;
	l->first += height;
	l->final_count -= height;
	memmove(l->finals, l->finals + height, l->final_count * sizeof(*l->finals));
}
