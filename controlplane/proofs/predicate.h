/* SPDX-License-Identifier: BSD-3-Clause */
/* Predicates: what a holder of committed attributes proves without telling them. The language is in
 * docs/PREDICATES.md; in short
 *
 *	age >= 18 and country in {"de", "fr"}        1024 <= port and not (port in 6000..6063)
 *	owner == payer or mime_type(allowed = {"text/csv", "application/json"})
 *
 * Attributes are unsigned 64-bit numbers or texts; every comparison says which. A predicate is
 * brought to alternatives of conditions ("or" of "and") and compiled to one statement of
 * crypto/zk/statement.h. Pure; any thread. */
#ifndef FOG_PROOFS_PREDICATE_H
#define FOG_PROOFS_PREDICATE_H

#include "crypto/zk/statement.h"

#define FOG_PREDICATE_TEXT_MAX       4096 /* bytes, the terminator included */
#define FOG_PREDICATE_EXPANDED_MAX   8192 /* with library predicates written out */
#define FOG_PREDICATE_NAME_MAX       64
#define FOG_PREDICATE_STRING_MAX     256
#define FOG_PREDICATE_CONDITIONS_MAX 32
#define FOG_PREDICATE_WHY            256

enum fog_attribute_type {
	FOG_ATTRIBUTE_ANY = 0, /* compared with attributes only: both are of one type */
	FOG_ATTRIBUTE_NUMBER = 1,
	FOG_ATTRIBUTE_TEXT = 2,
};

enum fog_condition_kind {
	FOG_CONDITION_EQUAL = 1, /* a == constant */
	FOG_CONDITION_DIFFERS,   /* a != constant */
	FOG_CONDITION_SAME,      /* a == b */
	FOG_CONDITION_NOT_SAME,  /* a != b */
	FOG_CONDITION_BETWEEN,   /* low <= a <= high */
	FOG_CONDITION_AT_LEAST,  /* a >= b + low, low being 0 or 1 */
	FOG_CONDITION_IN,        /* a in set */
	FOG_CONDITION_NOT_IN,
};

struct fog_condition {
	u8 kind; /* enum fog_condition_kind */
	u8 a, b; /* attributes */
	u8 pad;
	u16 set_first, set_count; /* in statement.element */
	u64 low, high;
	struct fog_scalar constant;
};

struct fog_predicate {
	unsigned attributes;
	struct {
		char name[FOG_PREDICATE_NAME_MAX];
		u8 type; /* enum fog_attribute_type */
	} attribute[FOG_STATEMENT_ATTRIBUTES_MAX];
	unsigned conditions;
	struct fog_condition condition[FOG_PREDICATE_CONDITIONS_MAX];
	unsigned alternatives;
	u32 alternative[FOG_STATEMENT_BRANCHES_MAX]; /* conditions as bits */
	struct fog_statement statement;
};

/* 0, or -EINVAL with a sentence in `why` that says what is wrong and where. */
int fog_predicate_compile(struct fog_predicate *p, const char *text, char why[FOG_PREDICATE_WHY]);

/* Index of an attribute, or -ENOENT. */
int fog_predicate_attribute(const struct fog_predicate *p, const char *name);

/* Writes for people: attributes, alternatives, how each condition is proved, size of the proof. */
void fog_predicate_explain(const struct fog_predicate *p, FILE *out);

/* Library predicates written out. 0 or -EINVAL. */
int fog_predicate_expand(const char *text, char out[FOG_PREDICATE_EXPANDED_MAX],
			 char why[FOG_PREDICATE_WHY]);
/* The library, for people: the i-th predicate with its defaults; NULL past the end. */
const char *fog_predicate_library(unsigned i);

/* What is committed to for a value: a number is itself, a text its hash. */
void fog_attribute_number(struct fog_scalar *out, u64 value);
void fog_attribute_text(struct fog_scalar *out, const char *value);

#endif
