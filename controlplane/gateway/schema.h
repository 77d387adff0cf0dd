/* SPDX-License-Identifier: BSD-3-Clause */
/* The language in which routes say what they take and give. One short text becomes the check of
 * requests, the JSON Schema of /openapi.json and the page /docs.
 *
 *	{ job_id: string 1..128 (what you call it),      a member that must be there, with its note
 *	  namespace?: string 1..63 = default,            one that need not, with what it is then
 *	  cpu_cores?: number 0.1.. = 1,                  at least 0.1
 *	  price?: number >0..1e9|null,                   above 0, at most 1e9; null is fine
 *	  job_class?: S|A|B,                             one of these words, in any letter case
 *	  tags: [string 1..63] ..8,                      an array of at most 8
 *	  limits?: {wall_seconds?: integer 1..3600},     an object in an object
 *	  quotas: {*: integer},                          an object of any names
 *	  job: @job,                                     what fog_gateway_define() calls "job"
 *	  ... }                                          other members are fine, too
 *
 * Types: string, integer, number, boolean, object (any), array (any), any, null; hex (even number
 * of digits), hexN (exactly N lower-case digits, hex64 for ids and keys), base64, ms (Unix
 * milliseconds), node (a host: id, at least 4 digits of one, or name). Anything else is a list of
 * words; quote a word that is also a type: 'node'|relay. A range N.., N..M, ..M or >N.. is about
 *the value of numbers, the bytes of strings and the length of arrays. Lists of query and path
 * parameters are written without the outer braces.
 *
 * A note in parentheses may stand behind any schema; it may hold pairs of them. */
#ifndef FOG_GATEWAY_SCHEMA_H
#define FOG_GATEWAY_SCHEMA_H

#include <jansson.h>

#include "crypto/types.h"

#define FOG_SCHEMA_DEPTH_MAX  12 /* of schemas and, where they recur by reference, of values */
#define FOG_SCHEMA_ERRORS_MAX 16 /* reported of one value; the rest is not looked for */
#define FOG_SCHEMA_WHY_SIZE   160
#define FOG_SCHEMA_PATH_SIZE  160 /* bytes of a location with its zero; longer ones are cut */

enum fog_schema_type {
	FOG_SCHEMA_ANY = 1,
	FOG_SCHEMA_NULL,
	FOG_SCHEMA_BOOLEAN,
	FOG_SCHEMA_INTEGER,
	FOG_SCHEMA_NUMBER,
	FOG_SCHEMA_STRING,
	FOG_SCHEMA_WORDS,
	FOG_SCHEMA_ARRAY,     /* first: the items; NULL = any */
	FOG_SCHEMA_OBJECT,    /* first: the members */
	FOG_SCHEMA_MAP,       /* first: every member */
	FOG_SCHEMA_REFERENCE, /* words: the name */
};

enum fog_schema_format {
	FOG_FORMAT_NONE = 0,
	FOG_FORMAT_HEX,
	FOG_FORMAT_BASE64,
	FOG_FORMAT_MS,
	FOG_FORMAT_NODE,
};

/* Part of the text it was compiled from. */
struct fog_slice {
	const char *at;
	u32 len;
};

struct fog_schema {
	struct fog_schema *owned; /* every node of one text, from its root; for freeing */
	struct fog_schema *next;  /* member after this one */
	struct fog_schema *first;
	struct fog_slice name, note, words, initial; /* initial: the value when absent */
	enum fog_schema_type type;
	enum fog_schema_format format;
	bool required, nullable;
	bool open; /* an object may have members that are not named */
	bool has_min, has_max, above_min;
	double min, max;
};

/* Finds the schema of a @name; NULL: none, which is our bug. */
typedef const struct fog_schema *(*fog_schema_find_fn)(void *ctx, struct fog_slice name);

/* Where a value is wrong, how, and in which of pydantic's kinds of error. */
struct fog_schema_error {
	char path[FOG_SCHEMA_PATH_SIZE]; /* "limits.cpu_cores", "items.3"; "" = the value itself */
	char message[160];
	const char *kind;
};

struct fog_schema_errors {
	u32 count;
	struct fog_schema_error list[FOG_SCHEMA_ERRORS_MAX];
};

/* Compile `text`, which must outlive the result. 0, -ENOMEM, or -EINVAL with `why`. */
int fog_schema_new(struct fog_schema **out, const char *text, char why[FOG_SCHEMA_WHY_SIZE]);
/* The same of a list of parameters: an object. */
int fog_schema_new_list(struct fog_schema **out, const char *text, char why[FOG_SCHEMA_WHY_SIZE]);
void fog_schema_free(struct fog_schema *s); /* NULL is fine */

/* Look at `value` (NULL: absent) and append to *e what is wrong with it. find may be NULL when no
 * reference occurs. */
void fog_schema_check(const struct fog_schema *s, const json_t *value, fog_schema_find_fn find,
		      void *ctx, struct fog_schema_errors *e);
/* The same of a parameter, which is text: numbers are decimal, booleans true or false. */
void fog_schema_check_text(const struct fog_schema *s, const char *text,
			   struct fog_schema_errors *e);

/* The JSON Schema (2020-12) of it: new; references become "#/components/schemas/NAME". */
json_t *fog_schema_to_json(const struct fog_schema *s);

/* The member of an object by name; NULL. */
const struct fog_schema *fog_schema_member(const struct fog_schema *s, const char *name);

static inline bool fog_slice_is(struct fog_slice s, const char *text)
{
	return strlen(text) == s.len && memcmp(s.at, text, s.len) == 0;
}

#endif
