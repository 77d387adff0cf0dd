/* SPDX-License-Identifier: BSD-3-Clause */
/* Schemas as JSON Schema 2020-12, for the OpenAPI document. */
#include <math.h>

#include "controlplane/gateway/schema.h"

static json_t *number_json(double v)
{
	return fabs(v) < 9e15 && rint(v) == v ? json_integer((json_int_t)v) : json_real(v);
}

static void set(json_t *o, const char *name, json_t *value)
{
	json_object_set_new(o, name, value);
}

static void text_set(json_t *o, const char *name, const char *text)
{
	set(o, name, json_string(text));
}

/* One type, or the type and null. */
static void type_set(json_t *o, const struct fog_schema *s, const char *type)
{
	if (s->nullable)
		set(o, "type", json_pack("[s, s]", type, "null"));
	else
		text_set(o, "type", type);
}

static void range_set(json_t *o, const struct fog_schema *s, const char *min, const char *max)
{
	if (s->has_min)
		set(o, min, number_json(s->min));
	if (s->has_max)
		set(o, max, number_json(s->max));
}

static void string_set(json_t *o, const struct fog_schema *s)
{
	char pattern[48];

	type_set(o, s, "string");
	if (s->format == FOG_FORMAT_HEX && s->has_min)
		snprintf(pattern, sizeof(pattern), "^[0-9a-f]{%u}$", (unsigned)s->min);
	else
		snprintf(pattern, sizeof(pattern), "^([0-9a-f]{2})*$");
	if (s->format == FOG_FORMAT_HEX)
		text_set(o, "pattern", pattern);
	else
		range_set(o, s, "minLength", "maxLength");
	if (s->format == FOG_FORMAT_BASE64)
		text_set(o, "contentEncoding", "base64");
	if (s->format == FOG_FORMAT_NODE)
		text_set(o, "format", "node");
}

static void words_set(json_t *o, const struct fog_schema *s)
{
	json_t *list = json_array();
	const char *p = s->words.at, *end = p + s->words.len;

	type_set(o, s, "string");
	while (p < end) {
		size_t skip = strspn(p, " \n\t'|"), n = strcspn(p + skip, " \n\t'|");
		const char *at = p + skip;
		n = FOG_MIN(n, (size_t)(end - at));
		if (n != 0 && !(n == 4 && memcmp(at, "null", 4) == 0 && s->nullable))
			json_array_append_new(list, json_stringn(at, n));
		p = at + n;
	}
	if (s->nullable)
		json_array_append_new(list, json_null());
	set(o, "enum", list);
}

/* Recursion: as deep as the text of the schema, FOG_SCHEMA_DEPTH_MAX. */
static void members_set(json_t *o, const struct fog_schema *s)
{
	json_t *properties = json_object(), *required = json_array();

	type_set(o, s, "object");
	for (const struct fog_schema *m = s->first; m != NULL; m = m->next) {
		json_object_setn_new(properties, m->name.at, m->name.len, fog_schema_to_json(m));
		if (m->required)
			json_array_append_new(required, json_stringn(m->name.at, m->name.len));
	}
	set(o, "properties", properties);
	if (json_array_size(required) != 0)
		set(o, "required", required);
	else
		json_decref(required);
	if (!s->open)
		set(o, "additionalProperties", json_false());
}

static void reference_set(json_t *o, const struct fog_schema *s)
{
	char target[80];

	snprintf(target, sizeof(target), "#/components/schemas/%.*s", (int)s->words.len,
		 s->words.at);
	if (s->nullable)
		set(o, "anyOf", json_pack("[{s:s}, {s:s}]", "$ref", target, "type", "null"));
	else
		text_set(o, "$ref", target);
}

static void typed_set(json_t *o, const struct fog_schema *s)
{
	switch (s->type) {
	case FOG_SCHEMA_ANY:
		return;
	case FOG_SCHEMA_NULL:
		text_set(o, "type", "null");
		return;
	case FOG_SCHEMA_BOOLEAN:
		type_set(o, s, "boolean");
		return;
	case FOG_SCHEMA_INTEGER:
	case FOG_SCHEMA_NUMBER:
		type_set(o, s, s->type == FOG_SCHEMA_INTEGER ? "integer" : "number");
		range_set(o, s, s->above_min ? "exclusiveMinimum" : "minimum", "maximum");
		if (s->format == FOG_FORMAT_MS)
			text_set(o, "format", "unix-ms");
		return;
	case FOG_SCHEMA_STRING:
		string_set(o, s);
		return;
	case FOG_SCHEMA_WORDS:
		words_set(o, s);
		return;
	case FOG_SCHEMA_ARRAY:
		type_set(o, s, "array");
		range_set(o, s, "minItems", "maxItems");
		if (s->first != NULL)
			set(o, "items", fog_schema_to_json(s->first));
		return;
	case FOG_SCHEMA_OBJECT:
		members_set(o, s);
		return;
	case FOG_SCHEMA_MAP:
		type_set(o, s, "object");
		if (s->first != NULL)
			set(o, "additionalProperties", fog_schema_to_json(s->first));
		return;
	case FOG_SCHEMA_REFERENCE:
		reference_set(o, s);
		return;
	}
}

json_t *fog_schema_to_json(const struct fog_schema *s)
{
	json_t *o = json_object();

	typed_set(o, s);
	if (s->note.len != 0)
		set(o, "description", json_stringn(s->note.at, s->note.len));
	if (s->initial.len != 0) {
		json_t *v = json_loadb(s->initial.at, s->initial.len, JSON_DECODE_ANY, NULL);
		set(o, "default", v != NULL ? v : json_stringn(s->initial.at, s->initial.len));
	}
	return o;
}
