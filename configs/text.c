/* SPDX-License-Identifier: BSD-3-Clause */
#include "configs/text.h"

#include <ctype.h>
#include <errno.h>

struct scan {
	const char *in;
	char *out;
	unsigned line;
};

static void copy(struct scan *s, size_t n)
{
	for (; n > 0; n--) {
		s->line += *s->in == '\n';
		*s->out++ = *s->in++;
	}
}

static size_t string_length(const char *p)
{
	size_t n = 1;

	while (p[n] != '\0' && p[n] != '"')
		n += p[n] == '\\' && p[n + 1] != '\0' ? 2 : 1;
	return p[n] == '"' ? n + 1 : n;
}

/* 0 when no comment starts here. */
static size_t comment_length(const char *p)
{
	if (p[0] == '#' || (p[0] == '/' && p[1] == '/'))
		return strcspn(p, "\n");
	if (p[0] != '/' || p[1] != '*')
		return 0;
	const char *end = strstr(p + 2, "*/");
	return end != NULL ? (size_t)(end + 2 - p) : strlen(p);
}

/* A word that starts with a digit: a number, if it is anything. */
static int number(struct scan *s, const char **why)
{
	bool hex = s->in[0] == '0' && (s->in[1] == 'x' || s->in[1] == 'X');
	size_t n = hex ? 2 : 0;

	while (hex ? isxdigit((unsigned char)s->in[n]) : isdigit((unsigned char)s->in[n]))
		n++;
	/* A fraction, an exponent or an L: libconfig reads these right or refuses them. */
	bool whole = strchr(".eEL", s->in[n]) == NULL || s->in[n] == '\0';
	bool fraction = s->in[n] == '.' || s->in[n] == 'e' || s->in[n] == 'E';
	if (!fraction && n > (hex ? FOG_CONFIG_DIGITS_MAX - 1 : FOG_CONFIG_DIGITS_MAX)) {
		*why = "this number is too long";
		return -EINVAL;
	}
	copy(s, n);
	if (whole && n > 9)
		*s->out++ = 'L';
	/* The rest of the word, so that its digits are not taken for numbers. */
	for (n = 0; isalnum((unsigned char)s->in[n]) || s->in[n] == '.'; n++)
		;
	copy(s, n);
	return 0;
}

static int scan_all(struct scan *s, const char **why)
{
	while (*s->in != '\0') {
		size_t n = comment_length(s->in);
		if (n == 0 && *s->in == '"')
			n = string_length(s->in);
		if (n == 0 && *s->in == '@') {
			*why = "@include is not supported";
			return -EINVAL;
		}
		if (n == 0 && isdigit((unsigned char)*s->in)) {
			int rc = number(s, why);
			if (rc != 0)
				return rc;
			continue;
		}
		if (n == 0 && (isalpha((unsigned char)*s->in) || *s->in == '_'))
			while (isalnum((unsigned char)s->in[n]) || s->in[n] == '_' ||
			       s->in[n] == '-')
				n++;
		copy(s, n != 0 ? n : 1);
	}
	*s->out = '\0';
	return 0;
}

int fog_config_text_prepare(const char *text, char **out, unsigned *line, const char **why)
{
	size_t len = strlen(text);
	/* One L is added to at least ten digits. */
	char *buf = malloc(len + len / 10 + 2);
	struct scan s = {.in = text, .out = buf, .line = 1};

	if (buf == NULL)
		return -ENOMEM;
	int rc = scan_all(&s, why);
	*line = s.line;
	if (rc != 0) {
		free(buf);
		return rc;
	}
	*out = buf;
	return 0;
}
