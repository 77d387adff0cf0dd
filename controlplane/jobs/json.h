/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading JSON that strangers wrote: each call checks one field completely and names it when it is
 * wrong. The first error is kept, later calls do nothing, so that a parser reads straight down:
 *
 *	struct fog_json_reader r;
 *	fog_json_begin(&r, object, "limits.");
 *	wall = fog_json_u64(&r, "wall_ms", 1, WALL_MAX);
 *	fog_json_end(&r);        unknown fields are an error
 *	if (r.error[0] != 0) ..
 */
#ifndef FOG_JOBS_JSON_H
#define FOG_JOBS_JSON_H

#include <jansson.h>

#include "crypto/types.h"

#define FOG_JSON_ERROR_SIZE 256
#define FOG_JSON_FIELDS_MAX 64

struct fog_json_reader {
	const json_t *object;
	const char *prefix; /* put before field names in errors */
	char error[FOG_JSON_ERROR_SIZE];
	u32 seen_count;
	const char *seen[FOG_JSON_FIELDS_MAX];
};

/* Parses text of len bytes: one object, no duplicate keys. NULL and error on failure. */
json_t *fog_json_parse(const char *text, size_t len, char error[FOG_JSON_ERROR_SIZE]);
/* Compact, keys sorted, freed by the caller with free(). NULL: no memory. */
char *fog_json_text(const json_t *value);

void fog_json_begin(struct fog_json_reader *r, const json_t *object, const char *prefix);
/* Fields nobody asked for are an error. */
void fog_json_end(struct fog_json_reader *r);
__attribute__((format(printf, 3, 4))) void fog_json_wrong(struct fog_json_reader *r,
							  const char *field, const char *format,
							  ...);
static inline bool fog_json_ok(const struct fog_json_reader *r)
{
	return r->error[0] == '\0';
}

/* Present and not null; marks the field as seen, so that null is the same as absent. */
bool fog_json_has(struct fog_json_reader *r, const char *field);
/* The value or NULL; marks the field as seen. */
const json_t *fog_json_get(struct fog_json_reader *r, const char *field);

/* Required. On error they return 0, false, "" or NULL. */
u64 fog_json_u64(struct fog_json_reader *r, const char *field, u64 min, u64 max);
i64 fog_json_i64(struct fog_json_reader *r, const char *field, i64 min, i64 max);
double fog_json_real(struct fog_json_reader *r, const char *field, double min, double max);
bool fog_json_bool(struct fog_json_reader *r, const char *field);
/* Text of at most size - 1 bytes without zero bytes, borrowed. */
const char *fog_json_text_of(struct fog_json_reader *r, const char *field, size_t size);
/* The same copied into out[size]. */
void fog_json_copy(struct fog_json_reader *r, const char *field, char *out, size_t size);
/* Exactly len bytes in hex. */
void fog_json_hex(struct fog_json_reader *r, const char *field, u8 *out, size_t len);
const json_t *fog_json_array(struct fog_json_reader *r, const char *field, size_t min, size_t max);
const json_t *fog_json_object(struct fog_json_reader *r, const char *field);
/* Must equal. */
void fog_json_expect(struct fog_json_reader *r, const char *field, const char *value);

/* The hex text of up to 64 bytes as a new JSON string. */
json_t *fog_json_hex_new(const u8 *data, size_t len);

#endif
