/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/proofs/lexer.h"

#include <string.h>

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void bad(struct fog_token *out, const char *why)
{
	out->kind = FOG_TOKEN_BAD;
	snprintf(out->text, sizeof(out->text), "%s", why);
}

static int digit_value(char c, unsigned base)
{
	int v = is_digit(c)            ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : -1;

	return v >= 0 && v < (int)base ? v : -1;
}

static bool times(u64 *v, u64 factor, u64 add)
{
	return !__builtin_mul_overflow(*v, factor, v) && !__builtin_add_overflow(*v, add, v);
}

static void number(struct fog_lexer *l, struct fog_token *out)
{
	static const struct {
		const char *name;
		u64 factor;
	} units[] = {{"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}};
	const char *p = l->text + l->at;
	unsigned base = p[0] == '0' && (p[1] == 'x' || p[1] == 'X') ? 16 : 10;
	bool fits = true;
	int v;

	out->kind = FOG_TOKEN_NUMBER;
	p += base == 16 ? 2 : 0;
	if (digit_value(*p, base) < 0)
		fits = false;
	for (; (v = digit_value(*p, base)) >= 0; p++)
		fits = fits && times(&out->number, base, (u64)v);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(units); i++)
		if (strncmp(p, units[i].name, 3) == 0) {
			fits = fits && times(&out->number, units[i].factor, 0);
			p += 3;
			break;
		}
	l->at = (size_t)(p - l->text);
	if (!fits || is_letter(*p))
		bad(out, "not a number below 2^64");
}

static void string(struct fog_lexer *l, struct fog_token *out)
{
	const char *p = l->text + l->at + 1;
	size_t n = 0;

	out->kind = FOG_TOKEN_STRING;
	for (; *p != '"'; p++) {
		if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
			p++;
		if (*p == '\0') {
			bad(out, "a text without its closing quote");
			l->at = (size_t)(p - l->text);
			return;
		}
		if (n + 1 == sizeof(out->text)) {
			bad(out, "a text longer than 255 bytes");
			return;
		}
		out->text[n++] = *p;
	}
	out->text[n] = '\0';
	l->at = (size_t)(p + 1 - l->text);
}

static void name(struct fog_lexer *l, struct fog_token *out)
{
	static const struct {
		const char *word;
		enum fog_token_kind kind;
		u64 number;
	} words[] = {{"and", FOG_TOKEN_AND, 0},     {"or", FOG_TOKEN_OR, 0},
		     {"not", FOG_TOKEN_NOT, 0},     {"in", FOG_TOKEN_IN, 0},
		     {"true", FOG_TOKEN_NUMBER, 1}, {"false", FOG_TOKEN_NUMBER, 0}};
	size_t n = 0;

	out->kind = FOG_TOKEN_NAME;
	for (const char *p = l->text + l->at; is_letter(*p) || is_digit(*p); p++) {
		if (n + 1 == FOG_PREDICATE_NAME_MAX) {
			bad(out, "a name longer than 63 letters");
			return;
		}
		out->text[n++] = *p;
	}
	out->text[n] = '\0';
	l->at += n;
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(words); i++)
		if (strcmp(out->text, words[i].word) == 0) {
			out->kind = words[i].kind;
			out->number = words[i].number;
		}
}

void fog_lexer_next(struct fog_lexer *l, struct fog_token *out)
{
	/* Longer ones first. */
	static const struct {
		const char *sign;
		enum fog_token_kind kind;
	} signs[] = {
		{"&&", FOG_TOKEN_AND},  {"||", FOG_TOKEN_OR},        {"==", FOG_TOKEN_EQ},
		{"!=", FOG_TOKEN_NE},   {"<=", FOG_TOKEN_LE},        {">=", FOG_TOKEN_GE},
		{"..", FOG_TOKEN_TO},   {"<", FOG_TOKEN_LT},         {">", FOG_TOKEN_GT},
		{"=", FOG_TOKEN_EQ},    {"!", FOG_TOKEN_NOT},        {"(", FOG_TOKEN_OPEN},
		{")", FOG_TOKEN_CLOSE}, {"{", FOG_TOKEN_BRACE_OPEN}, {"}", FOG_TOKEN_BRACE_CLOSE},
		{",", FOG_TOKEN_COMMA},
	};

	while (l->text[l->at] != '\0' && strchr(" \t\r\n", l->text[l->at]) != NULL)
		l->at++;
	const char *p = l->text + l->at;
	*out = (struct fog_token){.kind = FOG_TOKEN_END, .at = l->at};
	if (*p == '\0')
		return;
	if (is_letter(*p)) {
		name(l, out);
		return;
	}
	if (is_digit(*p)) {
		number(l, out);
		return;
	}
	if (*p == '"') {
		string(l, out);
		return;
	}
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(signs); i++)
		if (strncmp(p, signs[i].sign, strlen(signs[i].sign)) == 0) {
			out->kind = signs[i].kind;
			l->at += strlen(signs[i].sign);
			return;
		}
	bad(out, "a character that means nothing here");
	l->at++;
}
