/* SPDX-License-Identifier: BSD-3-Clause */
/* Tokens of the predicate language. */
#ifndef FOG_PROOFS_LEXER_H
#define FOG_PROOFS_LEXER_H

#include "controlplane/proofs/predicate.h"

enum fog_token_kind {
	FOG_TOKEN_END = 0,
	FOG_TOKEN_NAME,
	FOG_TOKEN_NUMBER,
	FOG_TOKEN_STRING,
	FOG_TOKEN_AND, /* and, && */
	FOG_TOKEN_OR,  /* or, || */
	FOG_TOKEN_NOT, /* not, ! */
	FOG_TOKEN_IN,
	FOG_TOKEN_EQ,
	FOG_TOKEN_NE,
	FOG_TOKEN_LT,
	FOG_TOKEN_LE,
	FOG_TOKEN_GT,
	FOG_TOKEN_GE,
	FOG_TOKEN_OPEN,
	FOG_TOKEN_CLOSE,
	FOG_TOKEN_BRACE_OPEN,
	FOG_TOKEN_BRACE_CLOSE,
	FOG_TOKEN_COMMA,
	FOG_TOKEN_TO, /* .. */
	FOG_TOKEN_BAD,
};

struct fog_token {
	enum fog_token_kind kind;
	size_t at; /* of its first byte in the text */
	u64 number;
	char text[FOG_PREDICATE_STRING_MAX]; /* of names and strings; of BAD: what is wrong */
};

struct fog_lexer {
	const char *text;
	size_t at;
};

/* The next token. Numbers are decimal or 0x hexadecimal, with KiB, MiB or GiB behind; true is 1,
 * false is 0. Strings stand in double quotes, with \" and \\. */
void fog_lexer_next(struct fog_lexer *l, struct fog_token *out);

#endif
