/* SPDX-License-Identifier: BSD-3-Clause */
/* Strict reading of JSON, see json.h. */
#include "controlplane/jobs/json.h"

#include <stdarg.h>

#include "crypto/mem.h"

json_t *fog_json_parse(const char *text, size_t len, char error[FOG_JSON_ERROR_SIZE])
{
	json_error_t e;
	json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);

	error[0] = '\0';
	if (value == NULL) {
		snprintf(error, FOG_JSON_ERROR_SIZE, "not JSON: %s", e.text);
		return NULL;
	}
	if (!json_is_object(value)) {
		snprintf(error, FOG_JSON_ERROR_SIZE, "not a JSON object");
		json_decref(value);
		return NULL;
	}
	return value;
}

char *fog_json_text(const json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
}

void fog_json_begin(struct fog_json_reader *r, const json_t *object, const char *prefix)
{
	memset(r, 0, sizeof(*r));
	r->object = object;
	r->prefix = prefix;
	if (!json_is_object(object))
		snprintf(r->error, sizeof(r->error), "%s: must be an object",
			 prefix[0] != '\0' ? prefix : "body");
}

void fog_json_wrong(struct fog_json_reader *r, const char *field, const char *format, ...)
{
	va_list args;

	if (!fog_json_ok(r))
		return;
	int used = snprintf(r->error, sizeof(r->error), "%s%.64s: ", r->prefix, field);
	if (used < 0 || (size_t)used >= sizeof(r->error))
		return;
	va_start(args, format);
	vsnprintf(r->error + used, sizeof(r->error) - (size_t)used, format, args);
	va_end(args);
}

void fog_json_end(struct fog_json_reader *r)
{
	const char *key;
	json_t *value;

	if (!fog_json_ok(r))
		return;
	json_object_foreach((json_t *)r->object, key, value)
	{
		bool known = false;
		for (u32 i = 0; i < r->seen_count && !known; i++)
			known = strcmp(r->seen[i], key) == 0;
		if (!known) {
			fog_json_wrong(r, key, "unknown field");
			return;
		}
	}
}

static void seen(struct fog_json_reader *r, const char *field)
{
	FOG_ASSERT(r->seen_count < FOG_JSON_FIELDS_MAX);
	r->seen[r->seen_count++] = field;
}

bool fog_json_has(struct fog_json_reader *r, const char *field)
{
	const json_t *v = fog_json_get(r, field);

	return v != NULL && !json_is_null(v);
}

const json_t *fog_json_get(struct fog_json_reader *r, const char *field)
{
	if (!fog_json_ok(r))
		return NULL;
	seen(r, field);
	return json_object_get(r->object, field);
}

static const json_t *required(struct fog_json_reader *r, const char *field)
{
	const json_t *v = fog_json_get(r, field);

	if (v == NULL)
		fog_json_wrong(r, field, "missing");
	return v;
}

i64 fog_json_i64(struct fog_json_reader *r, const char *field, i64 min, i64 max)
{
	const json_t *v = required(r, field);

	if (v == NULL)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max) {
		fog_json_wrong(r, field, "must be a whole number from %lld to %lld", (long long)min,
			       (long long)max);
		return 0;
	}
	return json_integer_value(v);
}

u64 fog_json_u64(struct fog_json_reader *r, const char *field, u64 min, u64 max)
{
	FOG_ASSERT(min <= max && max <= INT64_MAX);
	return (u64)fog_json_i64(r, field, (i64)min, (i64)max);
}

double fog_json_real(struct fog_json_reader *r, const char *field, double min, double max)
{
	const json_t *v = required(r, field);
	double number = json_number_value(v);

	if (v == NULL)
		return 0;
	if (!json_is_number(v) || !(number >= min && number <= max)) {
		fog_json_wrong(r, field, "must be a number from %g to %g", min, max);
		return 0;
	}
	return number;
}

bool fog_json_bool(struct fog_json_reader *r, const char *field)
{
	const json_t *v = required(r, field);

	if (v != NULL && !json_is_boolean(v))
		fog_json_wrong(r, field, "must be true or false");
	return json_is_true(v);
}

const char *fog_json_text_of(struct fog_json_reader *r, const char *field, size_t size)
{
	const json_t *v = required(r, field);

	if (v == NULL)
		return "";
	/* jansson refuses \u0000 by default, so length and strlen agree; checked all the same. */
	if (!json_is_string(v) || json_string_length(v) >= size ||
	    strlen(json_string_value(v)) != json_string_length(v)) {
		fog_json_wrong(r, field, "must be text of at most %zu bytes", size - 1);
		return "";
	}
	return json_string_value(v);
}

void fog_json_copy(struct fog_json_reader *r, const char *field, char *out, size_t size)
{
	const char *text = fog_json_text_of(r, field, size);

	memcpy(out, text, strlen(text) + 1);
}

void fog_json_hex(struct fog_json_reader *r, const char *field, u8 *out, size_t len)
{
	const char *text = fog_json_text_of(r, field, 2 * len + 1);

	if (fog_json_ok(r) && fog_hex_decode(text, out, len) != 0)
		fog_json_wrong(r, field, "must be %zu hex digits", 2 * len);
}

const json_t *fog_json_array(struct fog_json_reader *r, const char *field, size_t min, size_t max)
{
	const json_t *v = required(r, field);

	if (v == NULL)
		return NULL;
	if (!json_is_array(v) || json_array_size(v) < min || json_array_size(v) > max) {
		fog_json_wrong(r, field, "must be a list of %zu to %zu entries", min, max);
		return NULL;
	}
	return v;
}

const json_t *fog_json_object(struct fog_json_reader *r, const char *field)
{
	const json_t *v = required(r, field);

	if (v != NULL && !json_is_object(v)) {
		fog_json_wrong(r, field, "must be an object");
		return NULL;
	}
	return v;
}

void fog_json_expect(struct fog_json_reader *r, const char *field, const char *value)
{
	const json_t *v = required(r, field);

	if (v != NULL && (!json_is_string(v) || strcmp(json_string_value(v), value) != 0))
		fog_json_wrong(r, field, "must be \"%s\"", value);
}

json_t *fog_json_hex_new(const u8 *data, size_t len)
{
	char text[2 * 64 + 1];

	if (len > 64 || fog_hex_encode(data, len, text, sizeof(text)) != 0)
		FOG_UNREACHABLE();
	return json_string(text);
}
