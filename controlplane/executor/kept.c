/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "controlplane/executor/file.h"
#include "crypto/mem.h"

#define NAME_SIZE 32
#define SENDING   "sending."

static const char digits[] = "0123456789ABCDEF";

/* ---- index ---------------------------------------------------------------------------------- */

static json_t *file_json(const struct fog_executor_file *f)
{
	char hex[65];

	(void)fog_hex_encode(f->sha256, sizeof(f->sha256), hex, sizeof(hex));
	return json_pack("{s:I,s:s}", "size", (json_int_t)f->size, "sha256", hex);
}

int fog_kept_emit(const struct fog_executor_kept *k, char **text)
{
	json_t *root = json_pack("{s:I,s:o,s:o,s:I,s:I,s:s}", "number", (json_int_t)k->number,
				 "checkpoint", file_json(&k->checkpoint), "manifest",
				 file_json(&k->manifest), "artifacts", (json_int_t)k->artifacts,
				 "artifact_bytes", (json_int_t)k->artifact_bytes, "note", k->note);

	*text = root != NULL ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(root);
	return *text != NULL ? 0 : -ENOMEM;
}

static bool number_get(const json_t *object, const char *key, u64 max, u64 *out)
{
	const json_t *v = json_object_get(object, key);
	json_int_t n = json_integer_value(v);

	*out = (u64)n;
	return json_is_integer(v) && n >= 0 && (u64)n <= max;
}

static bool file_get(const json_t *root, const char *key, u64 max, struct fog_executor_file *out)
{
	const json_t *object = json_object_get(root, key);
	const char *hex = json_string_value(json_object_get(object, "sha256"));

	return number_get(object, "size", max, &out->size) && hex != NULL &&
	       fog_hex_decode(hex, out->sha256, sizeof(out->sha256)) == 0;
}

int fog_kept_parse(const char *text, size_t len, struct fog_executor_kept *k)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const char *note = json_string_value(json_object_get(root, "note"));
	u64 number, artifacts;

	memset(k, 0, sizeof(*k));
	bool good = number_get(root, "number", UINT32_MAX, &number) &&
		    number_get(root, "artifacts", FOG_EXECUTOR_ARTIFACTS_MAX, &artifacts) &&
		    number_get(root, "artifact_bytes", FOG_EXECUTOR_ARTIFACTS_BYTES_MAX,
			       &k->artifact_bytes) &&
		    file_get(root, "checkpoint", FOG_EXECUTOR_CHECKPOINT_MAX, &k->checkpoint) &&
		    file_get(root, "manifest", FOG_EXECUTOR_MANIFEST_MAX, &k->manifest) &&
		    note != NULL && strlen(note) < sizeof(k->note);
	if (good) {
		k->number = (u32)number;
		k->artifacts = (u32)artifacts;
		memcpy(k->note, note, strlen(note) + 1);
	} else {
		memset(k, 0, sizeof(*k));
	}
	json_decref(root);
	return good ? 0 : -EBADMSG;
}

/* ---- names ---------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at s, 0 when there is none: RFC 3629. */
static size_t utf8_len(const u8 *s)
{
	static const u32 least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	u32 value = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));

	if (s[0] >= 0xf8 || (s[0] >= 0x80 && s[0] < 0xc0))
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (s[i] & 0x3fu);
	}
	if (value < least[len] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 0;
	return len;
}

bool fog_kept_name_encode(const char *path, char out[FOG_EXECUTOR_ARTIFACT_TEXT_SIZE])
{
	size_t at = 0;

	if (strlen(path) > FOG_EXECUTOR_ARTIFACT_NAME_MAX)
		return false;
	for (const u8 *s = (const u8 *)path; *s != '\0';) {
		size_t len = utf8_len(s);
		if (len == 0 || *s < ' ' || *s == 0x7f || *s == '%') {
			out[at++] = '%';
			out[at++] = digits[*s >> 4];
			out[at++] = digits[*s & 15];
			s++;
			continue;
		}
		memcpy(out + at, s, len);
		at += len;
		s += len;
	}
	out[at] = '\0';
	return true;
}

static bool path_inside(const char *path)
{
	for (const char *at = path;; at++) {
		size_t len = strcspn(at, "/");
		if (len == 0 || (len == 1 && at[0] == '.') ||
		    (len == 2 && memcmp(at, "..", 2) == 0))
			return false;
		at += len;
		if (*at == '\0')
			return true;
	}
}

bool fog_kept_name_decode(const char *text, char out[FOG_EXECUTOR_ARTIFACT_NAME_MAX + 1])
{
	size_t at = 0;

	for (const char *s = text; *s != '\0'; s++) {
		char c = *s;
		if (at == FOG_EXECUTOR_ARTIFACT_NAME_MAX)
			return false;
		if (c == '%') {
			const char *high = s[1] != '\0' ? strchr(digits, s[1]) : NULL;
			const char *low =
				high != NULL && s[2] != '\0' ? strchr(digits, s[2]) : NULL;
			if (low == NULL)
				return false;
			c = (char)((high - digits) << 4 | (low - digits));
			s += 2;
		}
		if (c == '\0')
			return false;
		out[at++] = c;
	}
	out[at] = '\0';
	return path_inside(out);
}

const char *fog_kept_pattern(const char *text)
{
	size_t stars = 0;

	if (strncmp(text, "/work/", 6) == 0)
		text += 6;
	for (const char *at = text; *at != '\0'; at++)
		stars += *at == '*';
	size_t len = strlen(text);
	if (len > FOG_EXECUTOR_PATTERN_MAX || stars > FOG_EXECUTOR_STARS_MAX || !path_inside(text))
		return NULL;
	return text;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* 0 and *dir, which is -1 when the job leaves nothing. */
static int kept_open(const char *spool_dir, int *dir)
{
	static const char *const places[] = {"kept", "engine/inner/kept"};

	*dir = -1;
	if (strlen(spool_dir) >= FOG_EXECUTOR_PATH_MAX)
		return -ENAMETOOLONG;
	int spool = open(spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool < 0)
		return -errno;
	for (size_t i = 0; *dir < 0 && i < FOG_ARRAY_COUNT(places); i++)
		*dir = openat(spool, places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	close(spool);
	return 0;
}

int fog_executor_kept(const char *spool_dir, struct fog_executor_kept *out)
{
	char *text;
	size_t len;
	int dir;

	memset(out, 0, sizeof(*out));
	int ret = kept_open(spool_dir, &dir);
	if (ret < 0 || dir < 0)
		return ret;
	ret = fog_file_read(dir, "index.json", FOG_KEPT_INDEX_MAX, &text, &len);
	if (ret == 0) {
		ret = fog_kept_parse(text, len, out);
		free(text);
	}
	close(dir);
	return ret == -ENOENT ? 0 : ret;
}

/* The one that was sent before is not wanted any more. */
static void pins_drop(int dir_fd, const char *but)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (strncmp(e->d_name, SENDING, strlen(SENDING)) == 0 &&
		    strcmp(e->d_name, but) != 0)
			(void)unlinkat(dir_fd, e->d_name, 0);
	if (dir != NULL)
		closedir(dir);
}

/* A checkpoint gets a second name, so that a newer one does not take it away from us. */
static int file_open(int dir, const char *name)
{
	const char *number = strncmp(name, "checkpoint.", 11) == 0 ? name + 11 : NULL;
	char pin[NAME_SIZE];

	if (number != NULL) {
		snprintf(pin, sizeof(pin), SENDING "%s", number);
		if (linkat(dir, name, dir, pin, 0) == 0)
			pins_drop(dir, pin);
		name = pin;
	}
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static bool name_valid(const char *name)
{
	const char *dot = strchr(name, '.');
	size_t len = dot != NULL ? (size_t)(dot - name) : 0;

	if (strcmp(name, "manifest") == 0)
		return true;
	return ((len == 10 && memcmp(name, "checkpoint", 10) == 0) ||
		(len == 8 && memcmp(name, "artifact", 8) == 0)) &&
	       dot[1] != '\0' && strlen(dot + 1) <= 10 &&
	       strspn(dot + 1, "0123456789") == strlen(dot + 1);
}

int fog_executor_kept_read(const char *spool_dir, const char *name, u64 offset, void *buf,
			   size_t cap, size_t *len)
{
	int dir;

	*len = 0;
	if (!name_valid(name) || offset > INT64_MAX)
		return -EINVAL;
	int ret = kept_open(spool_dir, &dir);
	if (ret < 0 || dir < 0)
		return ret < 0 ? ret : -ENOENT;
	int fd = file_open(dir, name);
	close(dir);
	if (fd < 0)
		return fd;
	ret = fog_file_read_at(fd, offset, buf, cap, len);
	close(fd);
	return ret;
}
