/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/executor/bundle.h"
#include "controlplane/executor/file.h"
#include "controlplane/executor/kept.h"
#include "controlplane/executor/sandbox.h"
#include "controlplane/executor/vm/tar.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define COPY_BYTES 65536
#define NAME_SIZE  32
#define TMP_NAME   ".new"
#define NS_PER_MS  1000000ull
#define NS_PER_S   1000000000ull

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NS_PER_S + (u64)ts.tv_nsec;
}

static int dir_make(int parent, const char *name, mode_t mode)
{
	if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static int index_write(struct fog_keep *k)
{
	char *text;

	int ret = fog_kept_emit(&k->kept, &text);
	if (ret < 0)
		return ret;
	ret = fog_file_replace(k->kept_fd, "index.json", text, strlen(text));
	free(text);
	return ret;
}

static void note(struct fog_keep *k, const char *text)
{
	if (strcmp(k->kept.note, text) == 0)
		return;
	snprintf(k->kept.note, sizeof(k->kept.note), "%s", text);
	(void)index_write(k);
}

/* ---- checkpoints ---------------------------------------------------------------------------- */

/* A file and nothing else: the job still runs, and a tree of its could grow as fast as we remove.
 */
static void unmark(const struct fog_keep *k)
{
	(void)unlinkat(k->checkpoint_fd, FOG_KEEP_MARKER, 0);
}

static int restore(struct fog_keep *k, const char *from)
{
	struct fog_job *job = k->job;
	u32 uid = fog_sandbox_uid();

	int dir = openat(job->spool_fd, "input", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int archive = dir < 0 ? -1 : openat(dir, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int ret = archive < 0 ? -errno : fchown(k->checkpoint_fd, uid, uid) < 0 ? -errno : 0;
	if (ret == 0)
		ret = fog_unpack(archive, k->checkpoint_fd, uid, uid);
	if (ret == -EBADMSG)
		fog_job_fail(job, 0, "checkpoint: it cannot be restored");
	else if (ret < 0)
		fog_job_fail(job, -ret, "spool: the checkpoint cannot be restored");
	else
		unmark(k);
	if (archive >= 0)
		close(archive);
	if (dir >= 0)
		close(dir);
	return ret;
}

/* The size and hash of what was written to fd, which is then on disk under the name. */
static int file_finish(struct fog_keep *k, int fd, const char *name, u64 end_ns,
		       struct fog_executor_file *out)
{
	struct fog_sha256 hash;
	u8 buf[COPY_BYTES];
	size_t len;

	*out = (struct fog_executor_file){0};
	fog_sha256_init(&hash);
	do {
		len = 0;
		int ret = now_ns() >= end_ns
				  ? -ETIME
				  : fog_file_read_at(fd, out->size, buf, sizeof(buf), &len);
		if (ret < 0)
			return ret;
		fog_sha256_update(&hash, buf, len);
		out->size += len;
	} while (len > 0);
	fog_sha256_final(&hash, out->sha256);
	if (fsync(fd) < 0 || renameat(k->kept_fd, TMP_NAME, k->kept_fd, name) < 0)
		return -errno;
	return 0;
}

static int file_new(struct fog_keep *k)
{
	(void)unlinkat(k->kept_fd, TMP_NAME, 0);
	int fd = openat(k->kept_fd, TMP_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			0600);
	return fd < 0 ? -errno : fd;
}

/* The number comes last: until index.json has it, there is no such checkpoint. */
static int take(struct fog_keep *k, u64 end_ns, char name[NAME_SIZE])
{
	const struct fog_tar_limits limits = {.bytes = k->job->spec->checkpoint.bytes_max,
					      .entries = FOG_TREE_ENTRIES_MAX,
					      .omitted = 0,
					      .end_ns = end_ns};
	struct fog_executor_kept before = k->kept;
	int fd = file_new(k), ret = fd;
	int dir = fd < 0 ? -1 : openat(k->checkpoint_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		ret = dir < 0 ? -errno : fog_tar_pack(fd, dir, &limits);
	if (ret > 0)
		ret = -ENAMETOOLONG;
	snprintf(name, NAME_SIZE, "checkpoint.%u", k->kept.number + 1);
	if (ret == 0)
		ret = file_finish(k, fd, name, end_ns, &k->kept.checkpoint);
	if (ret == 0) {
		k->kept.number++;
		k->kept.note[0] = '\0';
		ret = index_write(k);
	}
	if (ret < 0)
		k->kept = before;
	if (fd >= 0)
		close(fd);
	return ret;
}

static int checkpoint_take(struct fog_keep *k, u64 end_ns)
{
	char name[NAME_SIZE], text[sizeof(k->kept.note)];
	u32 before = k->kept.number;

	int ret = take(k, end_ns, name);
	if (ret == -EFBIG)
		snprintf(text, sizeof(text), "larger than %llu bytes",
			 (unsigned long long)k->job->spec->checkpoint.bytes_max);
	else if (ret == -ENAMETOOLONG)
		snprintf(text, sizeof(text),
			 "holds what cannot be archived: names beyond 255 "
			 "bytes, sockets, directories too deep or closed to us");
	else if (ret == -E2BIG)
		snprintf(text, sizeof(text), "holds more than %u files", FOG_TREE_ENTRIES_MAX);
	else if (ret == -ETIME)
		snprintf(text, sizeof(text), "taking it took too long");
	else if (ret == -ENODATA)
		snprintf(text, sizeof(text), "changed while it was taken");
	else if (ret < 0)
		snprintf(text, sizeof(text), "%s", strerror(-ret));
	if (ret < 0) {
		(void)unlinkat(k->kept_fd, name, 0);
		(void)unlinkat(k->kept_fd, TMP_NAME, 0);
		note(k, text);
	} else if (before != 0) {
		snprintf(name, sizeof(name), "checkpoint.%u", before);
		(void)unlinkat(k->kept_fd, name, 0);
	}
	return ret;
}

static bool marked(struct fog_keep *k)
{
	struct stat st;

	if (fstatat(k->checkpoint_fd, FOG_KEEP_MARKER, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (!S_ISREG(st.st_mode))
		note(k, FOG_KEEP_MARKER " is not a file");
	return S_ISREG(st.st_mode);
}

void fog_keep_tick(struct fog_keep *k, u64 end_ns)
{
	u64 begin = now_ns();

	if (k->checkpoint_fd < 0 || begin < k->next_ns || begin >= end_ns || !marked(k))
		return;
	int ret = checkpoint_take(k, FOG_MIN(end_ns, begin + FOG_KEEP_TAKE_MS * NS_PER_MS));
	u64 now = now_ns();
	if (ret != -ETIME || now < end_ns)
		unmark(k);
	u64 wait_ms = FOG_MAX(k->job->spec->checkpoint.interval_ms, (u64)FOG_KEEP_INTERVAL_MS);
	k->next_ns = now + FOG_MAX(wait_ms * NS_PER_MS, (now - begin) * FOG_KEEP_PAUSE);
}

bool fog_keep_full(const struct fog_keep *k)
{
	u64 bytes = 0;

	if (k->checkpoint_fd < 0)
		return false;
	int ret = fog_tree_measure(k->checkpoint_fd, &bytes);
	return ret == -E2BIG || bytes > 2 * k->job->spec->checkpoint.bytes_max;
}

/* ---- artifacts ------------------------------------------------------------------------------ */

/* What there is to take, by name, so that the same files give the same artifacts. */
struct gather {
	const struct fog_executor_artifacts *rules;
	bool matched[FOG_EXECUTOR_PATTERNS_MAX];
	u32 count;
	char *name[FOG_EXECUTOR_ARTIFACTS_MAX];
	json_t *files, *left_out;
	u32 left_out_count;
	u64 left; /* bytes */
	u64 end_ns;
};

static void leave_out(struct gather *g, const char *path, const char *why)
{
	char text[FOG_EXECUTOR_ARTIFACT_TEXT_SIZE];

	if (g->left_out_count++ >= FOG_EXECUTOR_LEFT_OUT_MAX)
		return;
	if (!fog_kept_name_encode(path, text))
		snprintf(text, sizeof(text), "(a name beyond %u bytes)",
			 FOG_EXECUTOR_ARTIFACT_NAME_MAX);
	json_array_append_new(g->left_out, json_pack("{s:s,s:s}", "name", text, "why", why));
}

static bool wanted(struct gather *g, const char *path)
{
	bool any = false;

	for (size_t i = 0; i < g->rules->count; i++) {
		const char *pattern = fog_kept_pattern(g->rules->patterns[i]);
		if (pattern == NULL || fnmatch(pattern, path, FNM_PATHNAME | FNM_LEADING_DIR) != 0)
			continue;
		g->matched[i] = any = true;
	}
	return any;
}

static void entry_gather(struct gather *g, int dir_fd, const char *entry, const char *path)
{
	struct stat st;

	if (fstatat(dir_fd, entry, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode) ||
	    !wanted(g, path))
		return;
	if (!S_ISREG(st.st_mode))
		leave_out(g, path, "not a file");
	else if (strlen(path) > FOG_EXECUTOR_ARTIFACT_NAME_MAX)
		leave_out(g, path, "its name is too long");
	else if (g->count == FOG_EXECUTOR_ARTIFACTS_MAX)
		leave_out(g, path, "too many files");
	else if ((g->name[g->count] = strdup(path)) != NULL)
		g->count++;
	else
		leave_out(g, path, "no memory");
}

/* A stack of open directories and where each one's name ends. */
static void walk(struct gather *g, int dir_fd)
{
	DIR *stack[FOG_TREE_DEPTH_MAX];
	size_t ends[FOG_TREE_DEPTH_MAX] = {0}, depth;
	char path[2 * FOG_EXECUTOR_ARTIFACT_NAME_MAX + 2] = "";
	u32 entries = 0;

	int top = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stack[0] = top < 0 ? NULL : fdopendir(top);
	depth = stack[0] != NULL;
	while (depth > 0) {
		DIR *dir = stack[depth - 1];
		size_t at = ends[depth - 1];
		struct dirent *e = readdir(dir);
		if (e == NULL || ++entries > FOG_TREE_ENTRIES_MAX || now_ns() >= g->end_ns) {
			closedir(stack[--depth]);
			continue;
		}
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    at + strlen(e->d_name) + 2 > sizeof(path))
			continue;
		snprintf(path + at, sizeof(path) - at, "%s", e->d_name);
		entry_gather(g, dirfd(dir), e->d_name, path);
		int sub = openat(dirfd(dir), e->d_name,
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0)
			continue;
		DIR *down = depth < FOG_TREE_DEPTH_MAX ? fdopendir(sub) : NULL;
		if (down == NULL) {
			close(sub);
			continue;
		}
		ends[depth] = at + strlen(e->d_name) + 1;
		path[ends[depth] - 1] = '/';
		stack[depth++] = down;
	}
	if (entries > FOG_TREE_ENTRIES_MAX)
		leave_out(g, "...", "too many files in /work");
}

static int work_file_open(const struct fog_keep *k, const char *path, struct stat *st)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	int work =
		openat(k->job->spool_fd, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int fd = work < 0 ? -1 : (int)syscall(SYS_openat2, work, path, &how, sizeof(how));

	if (work >= 0)
		close(work);
	if (fd >= 0 && (fstat(fd, st) < 0 || !S_ISREG(st->st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int copy(int from, int to, u64 size)
{
	u8 buf[COPY_BYTES];

	for (u64 at = 0; at < size;) {
		size_t len = 0;
		int ret = fog_file_read_at(from, at, buf, (size_t)FOG_MIN(size - at, sizeof(buf)),
					   &len);
		if (ret == 0 && len == 0)
			ret = -EIO; /* shorter than it said */
		if (ret == 0)
			ret = fog_file_write_all(to, buf, len);
		if (ret < 0)
			return ret;
		at += len;
	}
	return 0;
}

static void artifact_take(struct fog_keep *k, struct gather *g, const char *path)
{
	char name[NAME_SIZE], text[FOG_EXECUTOR_ARTIFACT_TEXT_SIZE], hex[65];
	struct fog_executor_file file;
	struct stat st;
	int from = work_file_open(k, path, &st), to = -1;

	if (from < 0) {
		leave_out(g, path, "cannot be read");
		return;
	}
	if ((u64)st.st_size > g->left || now_ns() >= g->end_ns) {
		leave_out(g, path,
			  (u64)st.st_size > g->left ? "over the limit of all together"
						    : "taking them all took too long");
		goto out;
	}
	snprintf(name, sizeof(name), "artifact.%u", k->kept.artifacts);
	to = file_new(k);
	if (to < 0 || copy(from, to, (u64)st.st_size) < 0 ||
	    file_finish(k, to, name, UINT64_MAX, &file) < 0) {
		leave_out(g, path, "could not be stored");
		goto out;
	}
	(void)fog_hex_encode(file.sha256, sizeof(file.sha256), hex, sizeof(hex));
	(void)fog_kept_name_encode(path, text);
	json_array_append_new(g->files, json_pack("{s:b,s:s,s:s,s:I}", "executable",
						  (st.st_mode & 0100) != 0, "name", text, "sha256",
						  hex, "size", (json_int_t)file.size));
	g->left -= file.size;
	k->kept.artifacts++;
	k->kept.artifact_bytes += file.size;
out:
	if (to >= 0)
		close(to);
	close(from);
}

static int manifest_write(struct fog_keep *k, struct gather *g)
{
	json_t *root = json_pack("{s:O,s:O,s:I}", "files", g->files, "left_out", g->left_out,
				 "left_out_count", (json_int_t)g->left_out_count);
	char *text = root != NULL ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int fd = file_new(k);
	int ret = text == NULL ? -ENOMEM : fd < 0 ? fd : fog_file_write_all(fd, text, strlen(text));

	if (ret == 0)
		ret = file_finish(k, fd, "manifest", UINT64_MAX, &k->kept.manifest);
	if (fd >= 0)
		close(fd);
	free(text);
	json_decref(root);
	return ret;
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void artifacts_take(struct fog_keep *k)
{
	static struct gather g;

	g = (struct gather){.rules = &k->job->spec->artifacts,
			    .files = json_array(),
			    .left_out = json_array(),
			    .left = k->job->spec->artifacts.bytes_max,
			    .end_ns = now_ns() + FOG_KEEP_ARTIFACT_S * NS_PER_S};
	int work =
		openat(k->job->spool_fd, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (work >= 0) {
		walk(&g, work);
		close(work);
	}
	qsort(g.name, g.count, sizeof(g.name[0]), name_compare);
	for (u32 i = 0; i < g.count; i++) {
		artifact_take(k, &g, g.name[i]);
		free(g.name[i]);
	}
	for (size_t i = 0; i < g.rules->count; i++)
		if (!g.matched[i])
			leave_out(&g, g.rules->patterns[i], "nothing matches");
	int ret = manifest_write(k, &g);
	if (ret == 0)
		ret = index_write(k);
	if (ret < 0)
		fog_job_fail(k->job, -ret, "artifacts: they could not be stored");
	json_decref(g.files);
	json_decref(g.left_out);
}

/* ---- life cycle ----------------------------------------------------------------------------- */

int fog_keep_open(struct fog_keep *k, struct fog_job *job)
{
	const struct fog_executor_spec *spec = job->spec;
	int ret = 0;

	k->job = job;
	k->checkpoint_fd = k->kept_fd = -1;
	if (spec->checkpoint.bytes_max == 0 && spec->artifacts.count == 0)
		return 0;
	ret = k->kept_fd = dir_make(job->spool_fd, "kept", 0700);
	if (ret >= 0 && spec->checkpoint.bytes_max != 0)
		ret = k->checkpoint_fd = dir_make(job->spool_fd, "checkpoint", 0755);
	if (ret >= 0 && k->checkpoint_fd >= 0)
		ret = fchmod(k->checkpoint_fd, 0755) < 0 ? -errno : 0;
	if (ret < 0)
		fog_job_fail(job, -ret, "spool");
	else if (spec->checkpoint.from != NULL)
		ret = restore(k, spec->checkpoint.from);
	return FOG_MIN(ret, 0);
}

void fog_keep_close(struct fog_keep *k)
{
	if (k->checkpoint_fd >= 0)
		close(k->checkpoint_fd);
	if (k->kept_fd >= 0)
		close(k->kept_fd);
	k->checkpoint_fd = k->kept_fd = -1;
}

void fog_keep_end(struct fog_keep *k, int exit_code, bool artifacts)
{
	const struct fog_executor_spec *spec = k->job->spec;

	if (k->checkpoint_fd >= 0 && (marked(k) || (spec->checkpoint.exit_code != 0 &&
						    exit_code == spec->checkpoint.exit_code)))
		(void)checkpoint_take(k, now_ns() + FOG_KEEP_END_S * NS_PER_S);
	if (k->kept_fd >= 0 && artifacts && spec->artifacts.count != 0)
		artifacts_take(k);
}
