/* SPDX-License-Identifier: BSD-3-Clause */
#include "configs/record.h"

#include <ctype.h>

#define END_SIZE 3 /* "}\n" and its zero */

struct writer {
	char *out;
	size_t used, size;
};

static void put(struct writer *w, char c)
{
	if (w->used < w->size)
		w->out[w->used] = c;
	w->used++;
}

static void put_text(struct writer *w, const char *text, size_t len)
{
	put(w, '"');
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == '"' || c == '\\')
			put(w, '\\');
		put(w, c >= ' ' && c <= '~' ? c : '?');
	}
	put(w, '"');
}

/* A member, or nothing when there is no room for all of it. */
static void member(struct writer *w, const char *name, size_t name_len, const char *value,
		   size_t value_len)
{
	size_t before = w->used;

	put(w, before == 0 ? '{' : ',');
	put_text(w, name, name_len);
	put(w, ':');
	put_text(w, value, value_len);
	if (w->used > w->size)
		w->used = before;
}

static size_t name_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n != 0 && p[n] == '=' ? n : 0;
}

/* Where the first key=value begins; the end when there is none. */
static const char *fields_find(const char *text)
{
	const char *p = text;

	while (*p != '\0') {
		if (name_length(p) != 0 && (p == text || p[-1] == ' '))
			return p;
		p++;
	}
	return p;
}

static void fields_write(struct writer *w, const char *p)
{
	while (*p != '\0') {
		size_t n = name_length(p);
		if (n == 0) { /* words between fields */
			p += strcspn(p, " ");
			p += strspn(p, " ");
			continue;
		}
		const char *value = p + n + 1;
		bool quoted = *value == '"';
		value += quoted;
		size_t len = strcspn(value, quoted ? "\"" : " ");
		member(w, p, n, value, len);
		p = value + len + (quoted && value[len] == '"');
		p += strspn(p, " ");
	}
}

size_t fog_record_json(char *out, size_t size, const char *time, const char *level,
		       const char *part, const char *text)
{
	struct writer w = {.out = out, .size = size - END_SIZE};
	const char *fields = fields_find(text);
	size_t words = (size_t)(fields - text);

	while (words != 0 && text[words - 1] == ' ')
		words--;
	member(&w, "time", 4, time, strlen(time));
	member(&w, "level", 5, level, strlen(level));
	member(&w, "part", 4, part, strlen(part));
	member(&w, "message", 7, text, words);
	fields_write(&w, fields);
	memcpy(out + w.used, "}\n", END_SIZE);
	return w.used + 2;
}
