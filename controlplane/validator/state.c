/* SPDX-License-Identifier: BSD-3-Clause */
/* Snapshots: written at the begin of an epoch, a chunk a turn; read at the start; fetched from a
 * peer that keeps no blocks as old as we need.
 *
 *	file	"fogsnap1" | epoch u64 | height u64 | chunks u32 | root 32 | digest 32 |
 *		{length u32 | bytes} a chunk */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "configs/file.h"
#include "controlplane/core/log.h"
#include "controlplane/validator/node_private.h"

#define MAGIC           "fogsnap1"
#define FILE_HEADER     (8 + META_SIZE)
#define META_SIZE       (8 + 8 + 4 + 32 + 32)
#define WRITE_EVERY_S   0.002
#define EPOCHS_A_TIME   64
#define RESTORE_WAIT_MS 5000 /* without an answer: from the start, with another peer */

static void meta_encode(u64 epoch, const struct fog_app_snapshot *s, u8 out[META_SIZE])
{
	fog_store_u64(out, epoch);
	fog_store_u64(out + 8, s->height);
	fog_store_u32(out + 16, s->chunk_count);
	memcpy(out + 20, s->root, 32);
	memcpy(out + 52, s->digest, 32);
}

static u64 meta_decode(struct fog_app_snapshot *s, const u8 in[META_SIZE])
{
	s->height = fog_load_u64(in + 8);
	s->chunk_count = fog_load_u32(in + 16);
	memcpy(s->root, in + 20, 32);
	memcpy(s->digest, in + 52, 32);
	return fog_load_u64(in);
}

static void path_make(const struct fog_node *n, u64 epoch, const char *end, char out[4096])
{
	snprintf(out, 4096, "%s/snapshot.%012llu%s", n->dir, (unsigned long long)epoch, end);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void snapshot_give_up(struct fog_node *n, const char *what, int rc)
{
	char path[4096];

	fog_log(FOG_LOG_WARNING, "quorum", "snapshot not written step=%s reason=\"%s\"", what,
		strerror(-rc));
	ev_timer_stop(n->loop, &n->snapshot_timer);
	close(n->snapshot_fd);
	n->snapshot_fd = -1;
	path_make(n, n->snapshot_epoch, ".new", path);
	unlink(path);
}

/* The one before stays: a crash while this one is new finds it. */
static void snapshots_old_unlink(const struct fog_node *n, u64 keep)
{
	DIR *d = opendir(n->dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		unsigned long long epoch;
		if (sscanf(e->d_name, "snapshot.%12llu", &epoch) == 1 && epoch < keep)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d != NULL)
		closedir(d);
}

static int snapshot_publish(struct fog_node *n)
{
	char from[4096], to[4096];

	path_make(n, n->snapshot_epoch, ".new", from);
	path_make(n, n->snapshot_epoch, "", to);
	int rc = fsync(n->snapshot_fd) == 0 && rename(from, to) == 0 ? 0 : -errno;
	return rc == 0 ? fog_dir_sync(n->dir) : rc;
}

static void snapshot_finish(struct fog_node *n)
{
	int rc = snapshot_publish(n);

	if (rc != 0) {
		snapshot_give_up(n, "publish", rc);
		return;
	}
	ev_timer_stop(n->loop, &n->snapshot_timer);
	close(n->snapshot_fd);
	n->snapshot_fd = -1;
	u64 before = n->offer_epoch;
	n->offer_epoch = n->snapshot_epoch;
	n->offer_height = n->snapshot.height;
	snapshots_old_unlink(n, before != 0 ? before : n->offer_epoch);
	fog_qlog_prune(n->log, before != 0 ? before : 1,
		       n->config.log_keep != 0 ? n->config.log_keep : FOG_QLOG_KEEP);
	fog_log(FOG_LOG_INFO, "quorum", "snapshot epoch=%llu height=%llu chunks=%u",
		(unsigned long long)n->snapshot_epoch, (unsigned long long)n->snapshot.height,
		n->snapshot.chunk_count);
}

static void on_snapshot(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	static u8 chunk[FOG_APP_CHUNK_MAX];
	struct fog_node *n = w->data;
	u8 size[4];
	u32 len;

	if (n->snapshot_chunk == n->snapshot.chunk_count) {
		snapshot_finish(n);
		return;
	}
	int rc = n->app.snapshot_read(n->app.context, n->snapshot.height, n->snapshot_chunk, chunk,
				      &len);
	if (rc == 0) {
		fog_store_u32(size, len);
		rc = fog_file_write_all(n->snapshot_fd, size, 4);
	}
	if (rc == 0)
		rc = fog_file_write_all(n->snapshot_fd, chunk, len);
	if (rc != 0)
		snapshot_give_up(n, "write", rc);
	n->snapshot_chunk++;
}

void fog_node_snapshot_begin(struct fog_node *n, u64 epoch)
{
	u8 header[FILE_HEADER] = MAGIC;
	char path[4096];

	if (n->snapshot_fd >= 0)
		return; /* the last one is still being written: a short epoch */
	int rc = n->app.snapshot_make(n->app.context, &n->snapshot);
	path_make(n, epoch, ".new", path);
	if (rc == 0) {
		n->snapshot_fd =
			open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
		rc = n->snapshot_fd < 0 ? -errno : 0;
	}
	meta_encode(epoch, &n->snapshot, header + 8);
	if (rc == 0)
		rc = fog_file_write_all(n->snapshot_fd, header, sizeof(header));
	n->snapshot_epoch = epoch;
	n->snapshot_chunk = 0;
	ev_timer_init(&n->snapshot_timer, on_snapshot, WRITE_EVERY_S, WRITE_EVERY_S);
	n->snapshot_timer.data = n;
	if (rc != 0)
		snapshot_give_up(n, "begin", rc);
	else
		ev_timer_start(n->loop, &n->snapshot_timer);
}

/* ---- reading -------------------------------------------------------------------------------- */

static int chunk_next(int fd, u8 *out, u32 *len)
{
	u8 size[4];

	if (read(fd, size, 4) != 4)
		return -EUCLEAN;
	*len = fog_load_u32(size);
	if (*len > FOG_APP_CHUNK_MAX || read(fd, out, *len) != (ssize_t)*len)
		return -EUCLEAN;
	return 0;
}

static int snapshot_open(const struct fog_node *n, u64 epoch, struct fog_app_snapshot *out)
{
	u8 header[FILE_HEADER];
	char path[4096];

	path_make(n, epoch, "", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (read(fd, header, sizeof(header)) == (ssize_t)sizeof(header) &&
	    memcmp(header, MAGIC, 8) == 0 && meta_decode(out, header + 8) == epoch)
		return fd;
	close(fd);
	return -EUCLEAN;
}

static int restore_file(struct fog_node *n, int fd, const struct fog_app_snapshot *s)
{
	static u8 chunk[FOG_APP_CHUNK_MAX];
	u32 len;
	int rc = n->app.restore_begin(n->app.context, s);

	for (u32 i = 0; i < s->chunk_count && rc == 0; i++) {
		rc = chunk_next(fd, chunk, &len);
		if (rc == 0)
			rc = n->app.restore_chunk(n->app.context, i, chunk, len);
	}
	return rc == 0 ? n->app.restore_end(n->app.context) : rc;
}

static u64 snapshot_newest(const struct fog_node *n, u64 below)
{
	DIR *d = opendir(n->dir);
	struct dirent *e;
	u64 best = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		unsigned long long epoch;
		char end;
		if (sscanf(e->d_name, "snapshot.%12llu%c", &epoch, &end) == 1 && epoch < below &&
		    epoch > best)
			best = epoch;
	}
	if (d != NULL)
		closedir(d);
	return best;
}

/* The newest one that is good; without one, genesis. */
int fog_node_snapshot_load(struct fog_node *n, u64 *epoch, char why[FOG_NODE_WHY_SIZE])
{
	struct fog_epoch *e = calloc(1, sizeof(*e));
	int rc = e != NULL ? 0 : -ENOMEM;

	*epoch = 1;
	for (u64 at = ~0ull; rc == 0 && (at = snapshot_newest(n, at)) != 0;) {
		struct fog_app_snapshot s;
		int fd = snapshot_open(n, at, &s);
		int bad = fd < 0 ? fd : 0;
		if (bad == 0)
			bad = fog_qlog_epoch_read(n->log, at, e);
		if (bad == 0 && (e->last.height != s.height || memcmp(e->root, s.root, 32) != 0))
			bad = -EUCLEAN;
		if (bad == 0)
			bad = restore_file(n, fd, &s);
		if (fd >= 0)
			close(fd);
		if (bad == 0) {
			*epoch = n->offer_epoch = at;
			n->offer_height = s.height;
			break;
		}
		fog_log(FOG_LOG_WARNING, "quorum", "snapshot not used epoch=%llu reason=\"%s\"",
			(unsigned long long)at, strerror(-bad));
	}
	free(e);
	if (rc != 0)
		snprintf(why, FOG_NODE_WHY_SIZE, "snapshot: %s", strerror(-rc));
	return rc;
}

/* ---- giving --------------------------------------------------------------------------------- */

static void epochs_give(struct fog_node *n, u32 peer, u64 from)
{
	struct fog_epoch *e = malloc(sizeof(*e));
	u8 *bytes = malloc(EPOCHS_A_TIME * (4 + FOG_EPOCH_SIZE_MAX));
	u32 at = 0;

	for (u32 i = 0; e != NULL && bytes != NULL && i < EPOCHS_A_TIME; i++) {
		if (fog_qlog_epoch_read(n->log, from + i, e) != 0)
			break;
		u32 len = fog_epoch_encode(e, bytes + at + 4);
		fog_store_u32(bytes + at, len);
		at += 4 + len;
	}
	if (at != 0)
		fog_node_send(n, peer, NODE_EPOCHS, bytes, at);
	free(bytes);
	free(e);
}

static void snapshot_give(struct fog_node *n, u32 peer, u64 epoch)
{
	struct fog_app_snapshot s;
	u8 meta[META_SIZE];
	int fd = snapshot_open(n, epoch, &s);

	if (fd < 0) {
		fog_node_send(n, peer, NODE_GONE, NULL, 0);
		return;
	}
	close(fd);
	meta_encode(epoch, &s, meta);
	fog_node_send(n, peer, NODE_SNAPSHOT, meta, sizeof(meta));
}

static void chunk_give(struct fog_node *n, u32 peer, u64 epoch, u32 chunk)
{
	static u8 out[12 + FOG_APP_CHUNK_MAX];
	struct fog_app_snapshot s;
	u8 size[4];
	u32 len = 0;
	int fd = snapshot_open(n, epoch, &s), rc = fd < 0 || chunk >= s.chunk_count ? -ENOENT : 0;

	for (u32 i = 0; i < chunk && rc == 0; i++)
		if (read(fd, size, 4) != 4 || lseek(fd, fog_load_u32(size), SEEK_CUR) < 0)
			rc = -EUCLEAN;
	if (rc == 0)
		rc = chunk_next(fd, out + 12, &len);
	if (fd >= 0)
		close(fd);
	if (rc != 0) {
		fog_node_send(n, peer, NODE_GONE, NULL, 0);
		return;
	}
	fog_store_u64(out, epoch);
	fog_store_u32(out + 8, chunk);
	fog_node_send(n, peer, NODE_CHUNK, out, 12 + len);
}

/* ---- fetching ------------------------------------------------------------------------------- */

static void restore_end(struct fog_node *n)
{
	free(n->restore.e);
	memset(&n->restore, 0, sizeof(n->restore));
}

static void restore_refuse(struct fog_node *n, const char *what)
{
	fog_log(FOG_LOG_WARNING, "quorum", "snapshot of a peer refused reason=\"%s\"", what);
	restore_end(n);
}

void fog_node_restore_lost(struct fog_node *n, u32 peer, const char *what)
{
	if (n->restore.on && peer == n->restore.peer)
		restore_refuse(n, what);
}

static void ask(struct fog_node *n, u8 type, u64 first, u32 second, u32 len)
{
	u8 bytes[12];

	fog_store_u64(bytes, first);
	fog_store_u32(bytes + 8, second);
	n->restore.asked_ms = fog_monotonic_ms();
	fog_node_send(n, n->restore.peer, type, bytes, len);
}

void fog_node_restore_begin(struct fog_node *n, u32 peer, const struct fog_sync_status *s)
{
	struct restore *r = &n->restore;

	if (s->snapshot == 0)
		return;
	restore_end(n);
	r->e = calloc(1, sizeof(*r->e));
	if (r->e == NULL)
		return;
	r->on = true;
	r->peer = peer;
	r->height = s->snapshot;
	r->set = *fog_quorum_set(n->q);
	fog_log(FOG_LOG_NOTICE, "quorum", "fetching a snapshot height=%llu",
		(unsigned long long)s->snapshot);
	ask(n, NODE_EPOCHS_ASK, r->set.epoch + 1, 0, 8);
}

static void epochs_take(struct fog_node *n, const u8 *data, u32 len)
{
	struct restore *r = &n->restore;
	u32 taken = 0;

	for (u32 at = 0; len - at >= 4;) {
		u32 size = fog_load_u32(data + at);
		at += 4;
		if (size > len - at || fog_epoch_decode(r->e, data + at, size) != 0 ||
		    fog_epoch_follows(r->e, &r->set, n->chain) != 0) {
			restore_refuse(n, "an epoch does not follow from the one before");
			return;
		}
		at += size;
		r->set = r->e->set;
		taken++;
		if (fog_qlog_epoch_last(n->log) < r->set.epoch &&
		    fog_qlog_epoch_note(n->log, r->e) != 0) {
			restore_refuse(n, "cannot write the epochs");
			return;
		}
		if (r->e->last.height == r->height) {
			r->epoch = r->set.epoch;
			ask(n, NODE_SNAPSHOT_ASK, r->epoch, 0, 8);
			return;
		}
	}
	if (taken == EPOCHS_A_TIME)
		ask(n, NODE_EPOCHS_ASK, r->set.epoch + 1, 0, 8);
	else
		restore_refuse(n, "no epoch begins where it was made");
}

static void snapshot_take(struct fog_node *n, const u8 *data, u32 len)
{
	struct restore *r = &n->restore;

	if (len != META_SIZE || r->root_known || meta_decode(&r->meta, data) != r->epoch ||
	    r->meta.height != r->e->last.height || r->meta.chunk_count == 0 ||
	    r->meta.chunk_count > FOG_APP_CHUNKS_MAX) {
		restore_refuse(n, "it is of another height");
		return;
	}
	/* The first block of the epoch says what the root must be. */
	ask(n, NODE_RANGE_ASK, r->meta.height + 1, 0, 8);
}

bool fog_node_restore_range(struct fog_node *n, u32 peer, const struct fog_sync_range *range)
{
	struct restore *r = &n->restore;
	u8 hash[32];

	if (!r->on)
		return false;
	const struct fog_header *h = &range->block[0]->header;
	fog_header_hash(&r->e->last, hash);
	if (r->meta.height == 0 || r->root_known || peer != r->peer ||
	    range->cert.epoch != r->epoch || h->height != r->meta.height + 1 ||
	    h->state_height != r->meta.height || memcmp(h->parent, hash, 32) != 0)
		return true;
	if (memcmp(h->state_root, r->meta.root, 32) != 0) {
		restore_refuse(n, "its root is not the one agreed on");
		return true;
	}
	memcpy(r->e->root, h->state_root, 32);
	r->root_known = true;
	if (n->app.restore_begin(n->app.context, &r->meta) != 0)
		restore_refuse(n, "the application refuses it");
	else
		ask(n, NODE_CHUNK_ASK, r->epoch, 0, 12);
	return true;
}

/* The application has the state: everything else begins anew there. */
static void restored(struct fog_node *n)
{
	struct restore *r = &n->restore;
	char why[FOG_NODE_WHY_SIZE];
	u64 epoch = r->epoch;
	int rc = fog_qlog_epoch_begin(n->log, r->e);

	restore_end(n);
	if (rc == 0)
		rc = fog_node_core_start(n, epoch, why);
	if (rc != 0) {
		fog_node_fail(n, "cannot begin at the snapshot: %s", strerror(-rc));
		return;
	}
	fog_log(FOG_LOG_NOTICE, "quorum", "restored from a snapshot epoch=%llu",
		(unsigned long long)epoch);
	fog_node_snapshot_begin(n, epoch);
}

static void chunk_take(struct fog_node *n, const u8 *data, u32 len)
{
	struct restore *r = &n->restore;

	if (len < 12 || !r->root_known || fog_load_u64(data) != r->epoch ||
	    fog_load_u32(data + 8) != r->chunk)
		return;
	if (n->app.restore_chunk(n->app.context, r->chunk, data + 12, len - 12) != 0) {
		restore_refuse(n, "a chunk is bad");
		return;
	}
	r->chunk++;
	if (r->chunk < r->meta.chunk_count) {
		ask(n, NODE_CHUNK_ASK, r->epoch, r->chunk, 12);
		return;
	}
	if (n->app.restore_end(n->app.context) != 0)
		restore_refuse(n, "it does not have the root agreed on");
	else
		restored(n);
}

void fog_node_state_message(struct fog_node *n, u32 peer, const u8 *data, u32 len)
{
	const u8 *body = data + 1;
	u32 size = len - 1;

	if (data[0] == NODE_EPOCHS_ASK && size == 8)
		epochs_give(n, peer, fog_load_u64(body));
	else if (data[0] == NODE_SNAPSHOT_ASK && size == 8)
		snapshot_give(n, peer, fog_load_u64(body));
	else if (data[0] == NODE_CHUNK_ASK && size == 12)
		chunk_give(n, peer, fog_load_u64(body), fog_load_u32(body + 8));
	if (!n->restore.on || peer != n->restore.peer)
		return;
	if (data[0] == NODE_EPOCHS)
		epochs_take(n, body, size);
	else if (data[0] == NODE_SNAPSHOT)
		snapshot_take(n, body, size);
	else if (data[0] == NODE_CHUNK)
		chunk_take(n, body, size);
	else if (data[0] == NODE_GONE)
		restore_refuse(n, "its owner has it no more");
}

void fog_node_restore_check(struct fog_node *n)
{
	if (n->restore.on && fog_monotonic_ms() >= n->restore.asked_ms + RESTORE_WAIT_MS)
		restore_refuse(n, "its owner fell silent");
}
