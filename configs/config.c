/* SPDX-License-Identifier: BSD-3-Clause */
#include "configs/config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

#include <libconfig.h>
#include <sys/stat.h>

#include "configs/address.h"
#include "configs/check.h"
#include "configs/text.h"

#define STR(group, key, d, h)                                                                    \
	{#group,         #key,       FOG_CONFIG_STR, offsetof(struct fog_config, group##_##key), \
	 .def_str = (d), .help = (h)},
#define INT(group, key, d, lo, hi, h)                                                         \
	{#group,     #key,        FOG_CONFIG_INT, offsetof(struct fog_config, group##_##key), \
	 .def = (d), .min = (lo), .max = (hi),    .help = (h)},
#define BOOL(group, key, d, h)                                                                \
	{#group,     #key,       FOG_CONFIG_BOOL, offsetof(struct fog_config, group##_##key), \
	 .def = (d), .help = (h)},
#define LIST(group, key, h) \
	{#group, #key, FOG_CONFIG_LIST, offsetof(struct fog_config, group##_##key), .help = (h)},
/* clang-format off */
const struct fog_config_key fog_config_keys[] = {
#include "configs/config.def"
};
/* clang-format on */
#undef STR
#undef INT
#undef BOOL
#undef LIST

const unsigned fog_config_key_count = FOG_ARRAY_COUNT(fog_config_keys);

struct reader {
	const char *path;
	FILE *errors;
	unsigned error_count;
};

static char **member_str(const struct fog_config *c, const struct fog_config_key *k)
{
	return (char **)((char *)c + k->offset);
}

static i64 *member_int(const struct fog_config *c, const struct fog_config_key *k)
{
	return (i64 *)((char *)c + k->offset);
}

static bool *member_bool(const struct fog_config *c, const struct fog_config_key *k)
{
	return (bool *)((char *)c + k->offset);
}

static struct fog_config_list *member_list(const struct fog_config *c,
					   const struct fog_config_key *k)
{
	return (struct fog_config_list *)((char *)c + k->offset);
}

__attribute__((format(printf, 3, 4))) static void report(struct reader *r,
							 const config_setting_t *at,
							 const char *fmt, ...)
{
	va_list ap;

	if (r->error_count++ >= FOG_CONFIG_ERRORS_MAX || r->errors == NULL)
		return;
	fprintf(r->errors, "%s:", r->path);
	if (at != NULL)
		fprintf(r->errors, "%u:", config_setting_source_line(at));
	fputc(' ', r->errors);
	va_start(ap, fmt);
	vfprintf(r->errors, fmt, ap);
	va_end(ap);
	fputc('\n', r->errors);
}

static const char *type_name(int type)
{
	switch (type) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "a whole number";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "a boolean";
	case CONFIG_TYPE_GROUP:
		return "a group";
	default:
		return "a list";
	}
}

/* Length, characters, then what the key itself demands. */
static bool string_check(struct reader *r, const config_setting_t *at,
			 const struct fog_config_key *k, const char *v)
{
	char why[160];

	if (strlen(v) > FOG_CONFIG_STRING_MAX) {
		report(r, at, "%s.%s: longer than %d bytes", k->group, k->key,
		       FOG_CONFIG_STRING_MAX);
		return false;
	}
	for (const char *p = v; *p != '\0'; p++) {
		if (iscntrl((unsigned char)*p)) {
			report(r, at, "%s.%s: control characters are not allowed", k->group,
			       k->key);
			return false;
		}
	}
	if (fog_config_check_value(k, v, why) != 0) {
		report(r, at, "%s.%s: \"%s\": %s", k->group, k->key, v, why);
		return false;
	}
	return true;
}

static int set_str(struct reader *r, struct fog_config *c, const struct fog_config_key *k,
		   const config_setting_t *s)
{
	if (config_setting_type(s) != CONFIG_TYPE_STRING) {
		report(r, s, "%s.%s: wants a string, this is %s", k->group, k->key,
		       type_name(config_setting_type(s)));
		return 0;
	}
	const char *v = config_setting_get_string(s);
	if (!string_check(r, s, k, v))
		return 0;
	char *copy = strdup(v);
	if (copy == NULL)
		return -ENOMEM;
	free(*member_str(c, k));
	*member_str(c, k) = copy;
	return 0;
}

static void set_int(struct reader *r, struct fog_config *c, const struct fog_config_key *k,
		    const config_setting_t *s)
{
	int type = config_setting_type(s);

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		report(r, s, "%s.%s: wants a whole number, this is %s", k->group, k->key,
		       type_name(type));
		return;
	}
	i64 v = type == CONFIG_TYPE_INT ? config_setting_get_int(s) : config_setting_get_int64(s);
	if (v < k->min || v > k->max) {
		report(r, s, "%s.%s: %" PRId64 " is out of range, wants %" PRId64 " to %" PRId64,
		       k->group, k->key, v, k->min, k->max);
		return;
	}
	*member_int(c, k) = v;
}

static void set_bool(struct reader *r, struct fog_config *c, const struct fog_config_key *k,
		     const config_setting_t *s)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		report(r, s, "%s.%s: wants true or false, this is %s", k->group, k->key,
		       type_name(config_setting_type(s)));
	else
		*member_bool(c, k) = config_setting_get_bool(s);
}

static void list_free(struct fog_config_list *l)
{
	for (u32 i = 0; i < l->count; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct fog_config_list){0};
}

static int set_list(struct reader *r, struct fog_config *c, const struct fog_config_key *k,
		    const config_setting_t *s)
{
	struct fog_config_list *l = member_list(c, k);
	int type = config_setting_type(s);

	if (type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST) {
		report(r, s, "%s.%s: wants a list of strings, this is %s", k->group, k->key,
		       type_name(type));
		return 0;
	}
	int count = config_setting_length(s);
	if (count > FOG_CONFIG_LIST_MAX) {
		report(r, s, "%s.%s: more than %d entries", k->group, k->key, FOG_CONFIG_LIST_MAX);
		return 0;
	}
	l->items = calloc((size_t)count + 1, sizeof(*l->items));
	if (l->items == NULL)
		return -ENOMEM;
	for (int i = 0; i < count; i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		if (config_setting_type(e) != CONFIG_TYPE_STRING) {
			report(r, e, "%s.%s: entry %d: wants a string, this is %s", k->group,
			       k->key, i + 1, type_name(config_setting_type(e)));
			continue;
		}
		const char *v = config_setting_get_string(e);
		if (!string_check(r, e, k, v))
			continue;
		l->items[l->count] = strdup(v);
		if (l->items[l->count] == NULL)
			return -ENOMEM;
		l->count++;
	}
	return 0;
}

static int set_defaults(struct fog_config *c)
{
	for (unsigned i = 0; i < fog_config_key_count; i++) {
		const struct fog_config_key *k = &fog_config_keys[i];
		if (k->type == FOG_CONFIG_INT)
			*member_int(c, k) = k->def;
		if (k->type == FOG_CONFIG_BOOL)
			*member_bool(c, k) = k->def != 0;
		if (k->type == FOG_CONFIG_STR && k->def_str != NULL) {
			*member_str(c, k) = strdup(k->def_str);
			if (*member_str(c, k) == NULL)
				return -ENOMEM;
		}
	}
	return 0;
}

static const struct fog_config_key *key_find(const char *group, const char *key)
{
	for (unsigned i = 0; i < fog_config_key_count; i++) {
		const struct fog_config_key *k = &fog_config_keys[i];
		if (strcmp(k->group, group) == 0 && (key == NULL || strcmp(k->key, key) == 0))
			return k;
	}
	return NULL;
}

static int set_key(struct reader *r, struct fog_config *c, const struct fog_config_key *k,
		   const config_setting_t *s)
{
	switch (k->type) {
	case FOG_CONFIG_STR:
		return set_str(r, c, k, s);
	case FOG_CONFIG_INT:
		set_int(r, c, k, s);
		return 0;
	case FOG_CONFIG_BOOL:
		set_bool(r, c, k, s);
		return 0;
	case FOG_CONFIG_LIST:
		return set_list(r, c, k, s);
	}
	FOG_UNREACHABLE();
}

static int read_group(struct reader *r, struct fog_config *c, const config_setting_t *group)
{
	const char *name = config_setting_name(group);

	if (key_find(name, NULL) == NULL) {
		report(r, group, "unknown group \"%s\"", name);
		return 0;
	}
	if (config_setting_type(group) != CONFIG_TYPE_GROUP) {
		report(r, group, "\"%s\" wants a group: %s = { ... };", name, name);
		return 0;
	}
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const struct fog_config_key *k = key_find(name, config_setting_name(s));
		if (k == NULL) {
			report(r, s, "unknown key \"%s\" in group \"%s\"", config_setting_name(s),
			       name);
			continue;
		}
		int rc = set_key(r, c, k, s);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static void check_required(struct reader *r, const config_t *file)
{
	char path[128];

	for (unsigned i = 0; i < fog_config_key_count; i++) {
		const struct fog_config_key *k = &fog_config_keys[i];
		if (k->type != FOG_CONFIG_STR || k->def_str != NULL)
			continue;
		snprintf(path, sizeof(path), "%s.%s", k->group, k->key);
		if (config_lookup(file, path) == NULL)
			report(r, NULL, "%s is missing: %s", path, k->help);
	}
}

/* The whole file as a string. 0, or -errno: the file is there, is a file and is of a sane size. */
static int file_load(const char *path, char **out)
{
	struct stat st;
	int rc = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return -errno;
	if (fstat(fileno(f), &st) != 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = -EISDIR;
	else if (st.st_size > FOG_CONFIG_FILE_SIZE_MAX)
		rc = -EFBIG;
	char *text = rc == 0 ? malloc((size_t)st.st_size + 1) : NULL;
	if (rc == 0 && text == NULL)
		rc = -ENOMEM;
	if (rc == 0) {
		size_t n = fread(text, 1, (size_t)st.st_size, f);
		text[n] = '\0';
		if (ferror(f))
			rc = -EIO;
		else if (strlen(text) != n)
			rc = -EILSEQ;
	}
	fclose(f);
	if (rc != 0)
		free(text);
	else
		*out = text;
	return rc;
}

static const char *load_error(int rc)
{
	if (rc == -EISDIR)
		return "not a file";
	if (rc == -EFBIG)
		return "larger than 1 MiB";
	return rc == -EILSEQ ? "not a text file" : strerror(-rc);
}

static void read_settings(struct reader *r, struct fog_config *c, const config_t *file, int *rc)
{
	const config_setting_t *root = config_root_setting(file);

	*rc = set_defaults(c);
	for (int i = 0; *rc == 0 && i < config_setting_length(root); i++)
		*rc = read_group(r, c, config_setting_get_elem(root, (unsigned)i));
	check_required(r, file);
}

static int read_text(struct reader *r, struct fog_config *c, const char *text)
{
	config_t file;
	char *prepared = NULL;
	const char *why = "";
	unsigned line;
	int rc = fog_config_text_prepare(text, &prepared, &line, &why);

	if (rc != 0) {
		if (r->errors != NULL)
			fprintf(r->errors, "%s:%u: %s\n", r->path, line, why);
		return rc;
	}
	config_init(&file);
	if (config_read_string(&file, prepared) != CONFIG_TRUE) {
		if (r->errors != NULL)
			fprintf(r->errors, "%s:%d: %s\n", r->path, config_error_line(&file),
				config_error_text(&file));
		rc = -EINVAL;
	} else {
		read_settings(r, c, &file, &rc);
	}
	config_destroy(&file);
	free(prepared);
	return rc;
}

int fog_config_read(struct fog_config *c, const char *path, FILE *errors)
{
	struct reader r = {.path = path, .errors = errors};
	char *text = NULL;

	memset(c, 0, sizeof(*c));
	int rc = file_load(path, &text);
	if (rc != 0) {
		if (errors != NULL)
			fprintf(errors, "%s: %s\n", path, load_error(rc));
		return rc;
	}
	rc = read_text(&r, c, text);
	free(text);
	if (r.error_count > FOG_CONFIG_ERRORS_MAX && errors != NULL)
		fprintf(errors, "%s: and %u errors more\n", path,
			r.error_count - FOG_CONFIG_ERRORS_MAX);
	if (rc == 0 && r.error_count != 0)
		rc = -EINVAL;
	if (rc != 0)
		fog_config_free(c);
	return rc;
}

void fog_config_free(struct fog_config *c)
{
	for (unsigned i = 0; i < fog_config_key_count; i++) {
		const struct fog_config_key *k = &fog_config_keys[i];
		if (k->type == FOG_CONFIG_STR)
			free(*member_str(c, k));
		if (k->type == FOG_CONFIG_LIST)
			list_free(member_list(c, k));
	}
	memset(c, 0, sizeof(*c));
}

bool fog_config_equal(const struct fog_config *a, const struct fog_config *b,
		      const struct fog_config_key *k)
{
	const struct fog_config_list *la, *lb;

	switch (k->type) {
	case FOG_CONFIG_STR:
		return strcmp(*member_str(a, k), *member_str(b, k)) == 0;
	case FOG_CONFIG_INT:
		return *member_int(a, k) == *member_int(b, k);
	case FOG_CONFIG_BOOL:
		return *member_bool(a, k) == *member_bool(b, k);
	case FOG_CONFIG_LIST:
		la = member_list(a, k);
		lb = member_list(b, k);
		if (la->count != lb->count)
			return false;
		for (u32 i = 0; i < la->count; i++)
			if (strcmp(la->items[i], lb->items[i]) != 0)
				return false;
		return true;
	}
	FOG_UNREACHABLE();
}

void fog_config_swap(struct fog_config *a, struct fog_config *b, const struct fog_config_key *k)
{
	static const size_t sizes[] = {
		[FOG_CONFIG_STR] = sizeof(char *),
		[FOG_CONFIG_INT] = sizeof(i64),
		[FOG_CONFIG_BOOL] = sizeof(bool),
		[FOG_CONFIG_LIST] = sizeof(struct fog_config_list),
	};
	char tmp[sizeof(struct fog_config_list)];
	char *pa = (char *)a + k->offset, *pb = (char *)b + k->offset;

	memcpy(tmp, pa, sizes[k->type]);
	memcpy(pa, pb, sizes[k->type]);
	memcpy(pb, tmp, sizes[k->type]);
}

bool fog_config_list_has(const struct fog_config_list *l, const char *item)
{
	for (u32 i = 0; i < l->count; i++)
		if (strcmp(l->items[i], item) == 0)
			return true;
	return false;
}
