/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/proofs/conditions.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

struct writing {
	char *out;
	size_t used;
	char *why;
	size_t index; /* of the condition */
	bool failed;
};

static void wrong(struct writing *w, const char *what)
{
	if (!w->failed)
		snprintf(w->why, FOG_PREDICATE_WHY, "condition %zu: %s", w->index, what);
	w->failed = true;
}

static void text(struct writing *w, const char *s)
{
	size_t len = strlen(s);

	if (w->used + len >= FOG_PREDICATE_TEXT_MAX) {
		wrong(w, "more than 4095 bytes of conditions");
		return;
	}
	memcpy(w->out + w->used, s, len + 1);
	w->used += len;
}

static void value(struct writing *w, const json_t *v)
{
	char number[24];

	if (json_is_integer(v) && json_integer_value(v) >= 0) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(v));
		text(w, number);
	} else if (json_is_boolean(v)) {
		text(w, json_is_true(v) ? "true" : "false");
	} else if (json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v)) {
		text(w, "\"");
		for (const char *p = json_string_value(v); *p != '\0'; p++) {
			const char one[3] = {*p == '"' || *p == '\\' ? '\\' : *p,
					     *p == '"' || *p == '\\' ? *p : '\0', '\0'};
			text(w, one);
		}
		text(w, "\"");
	} else {
		wrong(w, "values are numbers from 0, truth values and texts");
	}
}

static void set(struct writing *w, const json_t *list)
{
	const json_t *e;
	size_t i;

	if (json_array_size(list) == 0)
		wrong(w, "a set wants a list of one value or more");
	text(w, "{");
	json_array_foreach((json_t *)list, i, e)
	{
		text(w, i != 0 ? ", " : "");
		value(w, e);
	}
	text(w, "}");
}

static void name(struct writing *w, const char *s)
{
	bool good = s != NULL && (isalpha((unsigned char)s[0]) || s[0] == '_');

	for (const char *p = s; good && *p != '\0'; p++)
		good = isalnum((unsigned char)*p) || *p == '_';
	if (!good || strlen(s) >= FOG_PREDICATE_NAME_MAX) {
		wrong(w, "a name is letters, digits and _");
		return;
	}
	text(w, s);
}

static bool operator_known(const char *op)
{
	static const char *const known[] = {"==", "=", "!=", "<", "<=", ">", ">="};

	for (u32 i = 0; op != NULL && i < FOG_ARRAY_COUNT(known); i++)
		if (strcmp(op, known[i]) == 0)
			return true;
	return false;
}

/* min, max or both. */
static void range(struct writing *w, const char *attribute, const json_t *c)
{
	const json_t *min = json_object_get(c, "min"), *max = json_object_get(c, "max");

	name(w, attribute);
	text(w, min == NULL ? " <= " : max == NULL ? " >= " : " in ");
	if (min != NULL)
		value(w, min);
	if (min != NULL && max != NULL)
		text(w, "..");
	if (max != NULL)
		value(w, max);
}

static void comparison(struct writing *w, const char *attribute, const json_t *c)
{
	const json_t *op = json_object_get(c, "operator"), *in = json_object_get(c, "in");
	const json_t *out = json_object_get(c, "not_in");

	if (json_object_get(c, "min") != NULL || json_object_get(c, "max") != NULL) {
		range(w, attribute, c);
	} else if (in != NULL || out != NULL) {
		name(w, attribute);
		text(w, in != NULL ? " in " : " not in ");
		set(w, in != NULL ? in : out);
	} else if (operator_known(json_string_value(op))) {
		name(w, attribute);
		text(w, " ");
		text(w, json_string_value(op));
		text(w, " ");
		value(w, json_object_get(c, "value"));
	} else {
		wrong(w, "wants operator and value, min or max, in, or not_in");
	}
}

/* Adds the arguments of a condition to those written. */
static void arguments(struct writing *w, const json_t *c, u32 *count)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)c, key, v)
	{
		text(w, (*count)++ != 0 ? ", " : "");
		name(w, key);
		text(w, " = ");
		if (json_is_array(v)) {
			set(w, v);
		} else if (json_is_object(v)) {
			value(w, json_object_get(v, "min"));
			text(w, "..");
			value(w, json_object_get(v, "max"));
		} else if (json_is_string(v)) {
			name(w, json_string_value(v)); /* a class of ports */
		} else {
			value(w, v);
		}
	}
}

static const char *attribute_of(const json_t *c)
{
	const json_t *v = json_object_get(c, "attribute");

	return json_string_value(v != NULL ? v : json_object_get(c, "field"));
}

static const char *predicate_of(const json_t *c)
{
	return json_string_value(json_object_get(c, "predicate"));
}

static void conditions(struct writing *w, const json_t *list, u32 *count)
{
	const json_t *c;

	json_array_foreach((json_t *)list, w->index, c)
	{
		if (attribute_of(c) == NULL && predicate_of(c) == NULL)
			continue;
		text(w, (*count)++ != 0 ? " and " : "");
		if (predicate_of(c) == NULL) {
			comparison(w, attribute_of(c), c);
			continue;
		}
		text(w, "(");
		text(w, predicate_of(c));
		text(w, ")");
	}
}

/* The library's word for it; NULL: conditions only; "": no such type. */
static const char *library_name(const char *type)
{
	static const char *const library[] = {"network_policy", "mime_type", "model_hash",
					      "compliance_check"};
	static const char *const plain[] = {"range_proof", "set_membership", "predicate"};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(library); i++)
		if (strcasecmp(type, library[i]) == 0)
			return library[i];
	for (u32 i = 0; i < FOG_ARRAY_COUNT(plain); i++)
		if (strcasecmp(type, plain[i]) == 0)
			return NULL;
	return "";
}

int fog_conditions_predicate(const char *type, const json_t *list, char out[FOG_PREDICATE_TEXT_MAX],
			     char why[FOG_PREDICATE_WHY])
{
	struct writing w = {.out = out, .why = why};
	const char *library = library_name(type);
	const json_t *c;
	u32 count = 0, given = 0;

	out[0] = why[0] = '\0';
	if (library != NULL && library[0] == '\0') {
		snprintf(why, FOG_PREDICATE_WHY,
			 "predicate_type: network_policy, mime_type, model_hash, compliance_check, "
			 "range_proof, set_membership or predicate");
		return -EINVAL;
	}
	if (!json_is_array(list) || json_array_size(list) > FOG_CONDITIONS_MAX) {
		snprintf(why, FOG_PREDICATE_WHY, "conditions wants a list of at most %d",
			 FOG_CONDITIONS_MAX);
		return -EINVAL;
	}
	if (library != NULL) {
		text(&w, library);
		text(&w, "(");
		count = 1;
	}
	json_array_foreach((json_t *)list, w.index, c)
	{
		bool plain = attribute_of(c) != NULL || predicate_of(c) != NULL;
		if (!json_is_object(c) || (!plain && library == NULL))
			wrong(&w, "wants an object with attribute or predicate");
		else if (!plain)
			arguments(&w, c, &given);
	}
	text(&w, library != NULL ? ")" : "");
	conditions(&w, list, &count);
	if (!w.failed && count == 0) {
		snprintf(why, FOG_PREDICATE_WHY, "conditions wants one condition or more");
		return -EINVAL;
	}
	return w.failed ? -EINVAL : 0;
}
