/* SPDX-License-Identifier: BSD-3-Clause */
/* Values against schemas. Messages and kinds are those of pydantic, which clients of the original
 * know. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <strings.h>

#include "controlplane/gateway/schema.h"

struct check {
	fog_schema_find_fn find;
	void *ctx;
	struct fog_schema_errors *errors;
	u32 depth;
	size_t used; /* of path */
	char path[FOG_SCHEMA_PATH_SIZE];
};

__attribute__((format(printf, 3, 4))) static void wrong(struct check *c, const char *kind,
							const char *fmt, ...)
{
	if (c->errors->count == FOG_SCHEMA_ERRORS_MAX)
		return;
	struct fog_schema_error *e = &c->errors->list[c->errors->count++];
	va_list ap;

	e->kind = kind;
	memcpy(e->path, c->path, sizeof(e->path));
	va_start(ap, fmt);
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
	va_end(ap);
}

/* Returns what path_pop() takes back. A name that is cut or no UTF-8 is for reading only. */
static size_t path_push(struct check *c, const char *name, size_t len)
{
	size_t before = c->used;

	int n = snprintf(c->path + before, sizeof(c->path) - before, "%s%.*s",
			 before != 0 ? "." : "", (int)FOG_MIN(len, 64u), name);
	c->used = FOG_MIN(before + (size_t)n, sizeof(c->path) - 1);
	return before;
}

static void path_pop(struct check *c, size_t before)
{
	c->used = before;
	c->path[before] = '\0';
}

static const char *type_name(const struct fog_schema *s)
{
	static const char *const names[] = {
		[FOG_SCHEMA_NULL] = "null",       [FOG_SCHEMA_BOOLEAN] = "boolean",
		[FOG_SCHEMA_INTEGER] = "integer", [FOG_SCHEMA_NUMBER] = "number",
		[FOG_SCHEMA_STRING] = "string",   [FOG_SCHEMA_WORDS] = "string",
		[FOG_SCHEMA_ARRAY] = "list",      [FOG_SCHEMA_OBJECT] = "dictionary",
		[FOG_SCHEMA_MAP] = "dictionary",
	};

	return names[s->type];
}

static const char *type_kind(const struct fog_schema *s)
{
	static const char *const kinds[] = {
		[FOG_SCHEMA_NULL] = "none_required", [FOG_SCHEMA_BOOLEAN] = "bool_type",
		[FOG_SCHEMA_INTEGER] = "int_type",   [FOG_SCHEMA_NUMBER] = "float_type",
		[FOG_SCHEMA_STRING] = "string_type", [FOG_SCHEMA_WORDS] = "string_type",
		[FOG_SCHEMA_ARRAY] = "list_type",    [FOG_SCHEMA_OBJECT] = "dict_type",
		[FOG_SCHEMA_MAP] = "dict_type",
	};

	return kinds[s->type];
}

static bool type_fits(const struct fog_schema *s, const json_t *v)
{
	switch (s->type) {
	case FOG_SCHEMA_NULL:
		return json_is_null(v);
	case FOG_SCHEMA_BOOLEAN:
		return json_is_boolean(v);
	case FOG_SCHEMA_INTEGER:
		return json_is_integer(v) ||
		       (json_is_real(v) && rint(json_real_value(v)) == json_real_value(v));
	case FOG_SCHEMA_NUMBER:
		return json_is_number(v);
	case FOG_SCHEMA_STRING:
	case FOG_SCHEMA_WORDS:
		return json_is_string(v);
	case FOG_SCHEMA_ARRAY:
		return json_is_array(v);
	case FOG_SCHEMA_OBJECT:
	case FOG_SCHEMA_MAP:
		return json_is_object(v);
	default:
		return true;
	}
}

static void number_check(struct check *c, const struct fog_schema *s, double v)
{
	if (s->has_min && s->above_min && !(v > s->min))
		wrong(c, "greater_than", "Input should be greater than %.15g", s->min);
	else if (s->has_min && v < s->min)
		wrong(c, "greater_than_equal", "Input should be greater than or equal to %.15g",
		      s->min);
	else if (s->has_max && v > s->max)
		wrong(c, "less_than_equal", "Input should be less than or equal to %.15g", s->max);
}

static bool format_fits(enum fog_schema_format format, const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	static const char base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (strlen(text) != len)
		return false;
	if (format == FOG_FORMAT_HEX)
		return len % 2 == 0 && strspn(text, hex) == len;
	size_t n = strspn(text, base64);
	return len % 4 == 0 && n + 2 >= len && strspn(text + n, "=") == len - n;
}

static void string_check(struct check *c, const struct fog_schema *s, const char *text, size_t len)
{
	if (s->has_min && (double)len < s->min)
		wrong(c, "string_too_short", "String should have at least %.15g characters",
		      s->min);
	else if (s->has_max && (double)len > s->max)
		wrong(c, "string_too_long", "String should have at most %.15g characters", s->max);
	else if (s->format == FOG_FORMAT_HEX && !format_fits(s->format, text, len))
		wrong(c, "string_pattern_mismatch", "String should be lower-case hex digits");
	else if (s->format == FOG_FORMAT_BASE64 && !format_fits(s->format, text, len))
		wrong(c, "string_pattern_mismatch", "String should be base64");
}

static void words_check(struct check *c, const struct fog_schema *s, const char *text)
{
	const char *p = s->words.at, *end = p + s->words.len;

	while (p < end) {
		size_t n = 0;
		while (p + n < end && p[n] != '|')
			n++;
		struct fog_slice w = {p, (u32)n};
		while (w.len != 0 && strchr(" \n\t'", w.at[0]) != NULL)
			w.at++, w.len--;
		while (w.len != 0 && strchr(" \n\t'", w.at[w.len - 1]) != NULL)
			w.len--;
		if (w.len == strlen(text) && strncasecmp(w.at, text, w.len) == 0)
			return;
		p += n + 1;
	}
	wrong(c, "enum", "Input should be one of %.*s", (int)s->words.len, s->words.at);
}

static void value_check(struct check *c, const struct fog_schema *s, const json_t *v);

static void items_check(struct check *c, const struct fog_schema *s, const json_t *v)
{
	size_t n = json_array_size(v);
	char index[24];

	if (s->has_min && (double)n < s->min)
		wrong(c, "too_short", "List should have at least %.15g items, not %zu", s->min, n);
	else if (s->has_max && (double)n > s->max)
		wrong(c, "too_long", "List should have at most %.15g items, not %zu", s->max, n);
	else if (s->first != NULL)
		for (size_t i = 0; i < n && c->errors->count < FOG_SCHEMA_ERRORS_MAX; i++) {
			int len = snprintf(index, sizeof(index), "%zu", i);
			size_t before = path_push(c, index, (size_t)len);
			value_check(c, s->first, json_array_get(v, i));
			path_pop(c, before);
		}
}

/* Members the schema names, then whether there are others. */
static void members_check(struct check *c, const struct fog_schema *s, const json_t *v)
{
	size_t known = 0;
	const char *key;
	json_t *e;

	for (const struct fog_schema *m = s->first; m != NULL; m = m->next) {
		const json_t *value = json_object_getn(v, m->name.at, m->name.len);
		size_t before = path_push(c, m->name.at, m->name.len);
		known += value != NULL;
		if (value != NULL)
			value_check(c, m, value);
		else if (m->required)
			wrong(c, "missing", "Field required");
		path_pop(c, before);
	}
	if (s->open || known == json_object_size(v))
		return;
	json_object_foreach((json_t *)v, key, e)
	{
		if (fog_schema_member(s, key) != NULL)
			continue;
		size_t before = path_push(c, key, strlen(key));
		wrong(c, "extra_forbidden", "Extra inputs are not permitted");
		path_pop(c, before);
	}
}

static void map_check(struct check *c, const struct fog_schema *s, const json_t *v)
{
	const char *key;
	json_t *e;

	if (s->first == NULL)
		return;
	json_object_foreach((json_t *)v, key, e)
	{
		size_t before = path_push(c, key, strlen(key));
		value_check(c, s->first, e);
		path_pop(c, before);
	}
}

static void typed_check(struct check *c, const struct fog_schema *s, const json_t *v)
{
	if (!type_fits(s, v)) {
		wrong(c, type_kind(s), "Input should be a valid %s", type_name(s));
		return;
	}
	switch (s->type) {
	case FOG_SCHEMA_INTEGER:
	case FOG_SCHEMA_NUMBER:
		number_check(c, s, json_number_value(v));
		return;
	case FOG_SCHEMA_STRING:
		string_check(c, s, json_string_value(v), json_string_length(v));
		return;
	case FOG_SCHEMA_WORDS:
		words_check(c, s, json_string_value(v));
		return;
	case FOG_SCHEMA_ARRAY:
		items_check(c, s, v);
		return;
	case FOG_SCHEMA_OBJECT:
		members_check(c, s, v);
		return;
	case FOG_SCHEMA_MAP:
		map_check(c, s, v);
		return;
	default:
		return;
	}
}

/* Recursion: the depth of schemas is bounded, references add one at most as often. */
static void value_check(struct check *c, const struct fog_schema *s, const json_t *v)
{
	if (s->nullable && json_is_null(v))
		return;
	if (s->type == FOG_SCHEMA_REFERENCE)
		s = c->find(c->ctx, s->words);
	FOG_ASSERT(s != NULL && s->type != FOG_SCHEMA_REFERENCE);
	if (c->depth == FOG_SCHEMA_DEPTH_MAX) {
		wrong(c, "too_deep", "Input should not be as deep as this");
		return;
	}
	c->depth++;
	typed_check(c, s, v);
	c->depth--;
}

void fog_schema_check(const struct fog_schema *s, const json_t *value, fog_schema_find_fn find,
		      void *ctx, struct fog_schema_errors *e)
{
	struct check c = {.find = find, .ctx = ctx, .errors = e};

	if (value == NULL)
		wrong(&c, "missing", "Field required");
	else
		value_check(&c, s, value);
}

static void number_text_check(struct check *c, const struct fog_schema *s, const char *text)
{
	char *end;

	errno = 0;
	double v = s->type == FOG_SCHEMA_INTEGER ? (double)strtoll(text, &end, 10)
						 : strtod(text, &end);
	if (errno != 0 || end == text || *end != '\0' || !isfinite(v) ||
	    isspace((unsigned char)*text))
		wrong(c, s->type == FOG_SCHEMA_INTEGER ? "int_parsing" : "float_parsing",
		      "Input should be a valid %s", type_name(s));
	else
		number_check(c, s, v);
}

void fog_schema_check_text(const struct fog_schema *s, const char *text,
			   struct fog_schema_errors *e)
{
	struct check c = {.errors = e};

	path_push(&c, s->name.at, s->name.len);
	switch (s->type) {
	case FOG_SCHEMA_INTEGER:
	case FOG_SCHEMA_NUMBER:
		number_text_check(&c, s, text);
		return;
	case FOG_SCHEMA_BOOLEAN:
		if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
			wrong(&c, "bool_parsing", "Input should be true or false");
		return;
	case FOG_SCHEMA_WORDS:
		words_check(&c, s, text);
		return;
	default:
		string_check(&c, s, text, strlen(text));
	}
}
