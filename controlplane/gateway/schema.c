/* SPDX-License-Identifier: BSD-3-Clause */
/* From text to tree, see schema.h for the language. */
#include "controlplane/gateway/schema.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>

struct parser {
	const char *text, *p;
	struct fog_schema *root;
	u32 depth;
	int rc;
	char *why;
};

static const struct {
	const char *word;
	enum fog_schema_type type;
	enum fog_schema_format format;
} types[] = {
	{"string", FOG_SCHEMA_STRING, FOG_FORMAT_NONE},
	{"integer", FOG_SCHEMA_INTEGER, FOG_FORMAT_NONE},
	{"number", FOG_SCHEMA_NUMBER, FOG_FORMAT_NONE},
	{"boolean", FOG_SCHEMA_BOOLEAN, FOG_FORMAT_NONE},
	{"object", FOG_SCHEMA_MAP, FOG_FORMAT_NONE},
	{"array", FOG_SCHEMA_ARRAY, FOG_FORMAT_NONE},
	{"any", FOG_SCHEMA_ANY, FOG_FORMAT_NONE},
	{"null", FOG_SCHEMA_NULL, FOG_FORMAT_NONE},
	{"hex", FOG_SCHEMA_STRING, FOG_FORMAT_HEX},
	{"base64", FOG_SCHEMA_STRING, FOG_FORMAT_BASE64},
	{"ms", FOG_SCHEMA_INTEGER, FOG_FORMAT_MS},
	{"node", FOG_SCHEMA_STRING, FOG_FORMAT_NODE},
};

__attribute__((format(printf, 2, 3))) static void bad(struct parser *ps, const char *fmt, ...)
{
	va_list ap;

	if (ps->rc != 0)
		return;
	ps->rc = -EINVAL;
	int used = snprintf(ps->why, FOG_SCHEMA_WHY_SIZE, "byte %zu: ", (size_t)(ps->p - ps->text));
	va_start(ap, fmt);
	vsnprintf(ps->why + used, FOG_SCHEMA_WHY_SIZE - (size_t)used, fmt, ap);
	va_end(ap);
}

static struct fog_schema *node_new(struct parser *ps)
{
	struct fog_schema *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		ps->rc = -ENOMEM;
		return NULL;
	}
	if (ps->root == NULL) {
		ps->root = s;
	} else {
		s->owned = ps->root->owned;
		ps->root->owned = s;
	}
	return s;
}

static void space_skip(struct parser *ps)
{
	while (isspace((unsigned char)*ps->p))
		ps->p++;
}

static bool take(struct parser *ps, const char *text)
{
	space_skip(ps);
	if (strncmp(ps->p, text, strlen(text)) != 0)
		return false;
	ps->p += strlen(text);
	return true;
}

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '*' || c == '/' ||
	       c == '.';
}

/* A word is over where a range begins: "string..5". */
static struct fog_slice word_take(struct parser *ps)
{
	space_skip(ps);
	bool quoted = *ps->p == '\'';
	struct fog_slice s = {ps->p + quoted, 0};
	while (quoted ? s.at[s.len] != '\'' && s.at[s.len] != '\0'
		      : word_char(s.at[s.len]) && strncmp(s.at + s.len, "..", 2) != 0)
		s.len++;
	if (s.len == 0)
		bad(ps, "a word is missing");
	ps->p = s.at + s.len + (quoted && s.at[s.len] == '\'');
	return s;
}

static double number_take(struct parser *ps)
{
	char digits[40];
	size_t n = 0;
	const char *p = ps->p;

	while (n < sizeof(digits) - 1 &&
	       (isdigit((unsigned char)*p) || *p == '-' || *p == 'e' || (*p == '.' && p[1] != '.')))
		digits[n++] = *p++;
	digits[n] = '\0';
	char *end;
	double v = strtod(digits, &end);
	if (n == 0 || *end != '\0')
		bad(ps, "a number is missing");
	ps->p = p;
	return v;
}

static bool number_next(const struct parser *ps)
{
	return isdigit((unsigned char)*ps->p) || *ps->p == '-';
}

static void range_parse(struct parser *ps, struct fog_schema *s)
{
	space_skip(ps);
	s->above_min = *ps->p == '>';
	ps->p += s->above_min;
	if (!number_next(ps) && strncmp(ps->p, "..", 2) != 0) {
		if (s->above_min)
			bad(ps, "> wants a number");
		return;
	}
	if (number_next(ps)) {
		s->has_min = true;
		s->min = number_take(ps);
	}
	if (!take(ps, ".."))
		bad(ps, "a range wants ..");
	if (number_next(ps)) {
		s->has_max = true;
		s->max = number_take(ps);
	}
}

/* Of hexN: N, else 0. */
static u32 hex_digits(struct fog_slice w)
{
	u32 n = 0, i = 3;

	if (w.len <= 3 || w.len > 6 || strncmp(w.at, "hex", 3) != 0)
		return 0;
	for (; i < w.len && isdigit((unsigned char)w.at[i]); i++)
		n = n * 10 + (u32)(w.at[i] - '0');
	return i == w.len ? n : 0;
}

static void hex_set(struct fog_schema *s, u32 digits)
{
	s->type = FOG_SCHEMA_STRING;
	s->format = FOG_FORMAT_HEX;
	s->has_min = s->has_max = true;
	s->min = s->max = digits;
}

/* A type's name, or the first of a list of words. */
static void word_parse(struct parser *ps, struct fog_schema *s)
{
	bool quoted = (space_skip(ps), *ps->p == '\'');
	struct fog_slice w = word_take(ps);
	u32 digits = quoted ? 0 : hex_digits(w);

	for (size_t i = 0; !quoted && i < FOG_ARRAY_COUNT(types); i++) {
		if (!fog_slice_is(w, types[i].word))
			continue;
		s->type = types[i].type;
		s->format = types[i].format;
		return;
	}
	if (digits != 0) {
		hex_set(s, digits);
		return;
	}
	s->type = FOG_SCHEMA_WORDS;
	s->words = w;
	while (take(ps, "|")) {
		quoted = (space_skip(ps), *ps->p == '\'');
		struct fog_slice next = word_take(ps);
		if (!quoted && fog_slice_is(next, "null"))
			s->nullable = true;
		else
			s->words.len = (u32)(next.at + next.len - w.at);
	}
}

static struct fog_schema *schema_parse(struct parser *ps);

static struct fog_slice note_take(struct parser *ps)
{
	struct fog_slice note = {ps->p, 0};
	u32 open = 1;

	for (; open != 0 && note.at[note.len] != '\0'; note.len++)
		open += (note.at[note.len] == '(') - (note.at[note.len] == ')');
	if (open != 0)
		bad(ps, "a note has no end");
	ps->p += note.len;
	note.len -= note.len != 0;
	return note;
}

static void initial_parse(struct parser *ps, struct fog_schema *s)
{
	space_skip(ps);
	s->initial.at = ps->p;
	u32 open = 0;
	while (*ps->p != '\0' && *ps->p != '(' && (open != 0 || strchr(",}]", *ps->p) == NULL)) {
		open += *ps->p == '[' || *ps->p == '{';
		open -= *ps->p == ']' || *ps->p == '}';
		ps->p++;
	}
	s->initial.len = (u32)(ps->p - s->initial.at);
	while (s->initial.len != 0 && isspace((unsigned char)s->initial.at[s->initial.len - 1]))
		s->initial.len--;
	if (s->initial.len == 0)
		bad(ps, "= wants a value");
}

/* `name?: schema` of an object, or `*: schema`; appended behind *tail. */
static struct fog_schema *member_parse(struct parser *ps, struct fog_schema *s,
				       struct fog_schema ***tail)
{
	struct fog_slice name = word_take(ps);
	bool optional = take(ps, "?");

	if (!take(ps, ":"))
		bad(ps, "\"%.*s\" wants a colon", (int)name.len, name.at);
	struct fog_schema *m = ps->rc == 0 ? schema_parse(ps) : NULL;
	if (m == NULL)
		return NULL;
	if (fog_slice_is(name, "*"))
		s->type = FOG_SCHEMA_MAP;
	m->name = name;
	m->required = !optional;
	if (m->required && m->initial.len != 0)
		bad(ps, "\"%.*s\" is required and has a default", (int)name.len, name.at);
	**tail = m;
	*tail = &m->next;
	return m;
}

static void members_parse(struct parser *ps, struct fog_schema *s, const char *end)
{
	struct fog_schema **tail = &s->first;

	s->type = FOG_SCHEMA_OBJECT;
	while (!take(ps, end) || *end == '\0') {
		space_skip(ps);
		if (*ps->p == '\0' && *end == '\0')
			return;
		if (take(ps, "..."))
			s->open = true;
		else if (member_parse(ps, s, &tail) == NULL)
			return;
		space_skip(ps);
		if (!take(ps, ",") && strncmp(ps->p, end, 1) != 0) {
			bad(ps, "a comma or the end is missing");
			return;
		}
	}
}

static void type_parse(struct parser *ps, struct fog_schema *s)
{
	if (take(ps, "{")) {
		members_parse(ps, s, "}");
	} else if (take(ps, "[")) {
		s->type = FOG_SCHEMA_ARRAY;
		s->first = schema_parse(ps);
		if (ps->rc == 0 && !take(ps, "]"))
			bad(ps, "] is missing");
	} else if (take(ps, "@")) {
		s->type = FOG_SCHEMA_REFERENCE;
		s->words = word_take(ps);
	} else {
		word_parse(ps, s);
	}
}

/* Recursion as deep as the text's braces, FOG_SCHEMA_DEPTH_MAX at most; the text is ours. */
static struct fog_schema *schema_parse(struct parser *ps)
{
	struct fog_schema *s = node_new(ps);

	if (s == NULL)
		return NULL;
	if (++ps->depth > FOG_SCHEMA_DEPTH_MAX)
		bad(ps, "too deep");
	if (ps->rc == 0)
		type_parse(ps, s);
	if (ps->rc == 0)
		range_parse(ps, s);
	if (ps->rc == 0 && take(ps, "|")) {
		if (!take(ps, "null"))
			bad(ps, "only null can be another type");
		s->nullable = true;
	}
	if (ps->rc == 0 && take(ps, "="))
		initial_parse(ps, s);
	if (ps->rc == 0 && take(ps, "("))
		s->note = note_take(ps);
	ps->depth--;
	return ps->rc == 0 ? s : NULL;
}

static int finish(struct parser *ps, struct fog_schema **out)
{
	space_skip(ps);
	if (ps->rc == 0 && *ps->p != '\0')
		bad(ps, "something follows the end");
	if (ps->rc != 0) {
		fog_schema_free(ps->root);
		ps->root = NULL;
	}
	*out = ps->root;
	return ps->rc;
}

int fog_schema_new(struct fog_schema **out, const char *text, char why[FOG_SCHEMA_WHY_SIZE])
{
	struct parser ps = {.text = text, .p = text, .why = why};

	why[0] = '\0';
	schema_parse(&ps);
	return finish(&ps, out);
}

int fog_schema_new_list(struct fog_schema **out, const char *text, char why[FOG_SCHEMA_WHY_SIZE])
{
	struct parser ps = {.text = text, .p = text, .depth = 1, .why = why};
	struct fog_schema *s = node_new(&ps);

	why[0] = '\0';
	if (s != NULL)
		members_parse(&ps, s, "");
	return finish(&ps, out);
}

void fog_schema_free(struct fog_schema *s)
{
	while (s != NULL) {
		struct fog_schema *next = s->owned;
		free(s);
		s = next;
	}
}

const struct fog_schema *fog_schema_member(const struct fog_schema *s, const char *name)
{
	for (const struct fog_schema *m = s->first; m != NULL; m = m->next)
		if (fog_slice_is(m->name, name))
			return m;
	return NULL;
}
