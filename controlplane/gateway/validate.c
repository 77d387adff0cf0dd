/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests against what their route says. */
#include "controlplane/gateway/exchange.h"

#define LOCATION_MAX 24 /* parts of one */

/* ["body", "limits", "cpu_cores"]; parts that are numbers become numbers. */
static json_t *location_json(const char *where, const char *path)
{
	json_t *loc = json_pack("[s]", where);

	for (u32 i = 0; *path != '\0' && i < LOCATION_MAX; i++) {
		size_t len = strcspn(path, ".");
		char *end;
		unsigned long index = strtoul(path, &end, 10);
		json_t *part = end == path + len && *path >= '0' && *path <= '9'
				       ? json_integer((json_int_t)index)
				       : json_stringn(path, len);
		json_array_append_new(loc, part != NULL ? part : json_string("?"));
		path += len + (path[len] == '.');
	}
	return loc;
}

static void errors_append(json_t *list, const char *where, const struct fog_schema_errors *e)
{
	for (u32 i = 0; i < e->count; i++) {
		/* Words of the caller may have been cut inside a character. */
		json_t *msg = json_string(e->list[i].message);
		json_array_append_new(list,
				      json_pack("{s:o, s:o, s:s}", "loc",
						location_json(where, e->list[i].path), "msg",
						msg != NULL ? msg : json_string("Input is wrong"),
						"type", e->list[i].kind));
	}
}

static void parameters_check(struct fog_exchange *x, const struct fog_schema *s, const char *where,
			     json_t *list)
{
	bool query = strcmp(where, "query") == 0;
	char name[32];

	for (const struct fog_schema *m = s != NULL ? s->first : NULL; m != NULL; m = m->next) {
		struct fog_schema_errors e = {0};
		snprintf(name, sizeof(name), "%.*s", (int)m->name.len, m->name.at);
		const char *value =
			query ? fog_exchange_query(x, name) : fog_exchange_param(x, name);
		bool text = m->type == FOG_SCHEMA_STRING || m->type == FOG_SCHEMA_WORDS;
		if (value != NULL && text && value[0] == '\0' && !m->required)
			continue;
		if (value != NULL)
			fog_schema_check_text(m, value, &e);
		else if (m->required)
			json_array_append_new(list, json_pack("{s:[s, s], s:s, s:s}", "loc", where,
							      name, "msg", "Field required", "type",
							      "missing"));
		errors_append(list, where, &e);
	}
}

/* No body is as good as an empty object where that would do. */
static void body_check(struct fog_exchange *x, json_t *list)
{
	const struct fog_entry *entry = x->entry;
	struct fog_schema_errors e = {0};
	json_t *empty = x->json == NULL ? json_object() : NULL;

	fog_schema_check(entry->request, x->json != NULL ? x->json : empty, fog_routes_schema,
			 entry->routes, &e);
	if (x->json == NULL && e.count != 0) {
		e.count = 0;
		fog_schema_check(entry->request, NULL, fog_routes_schema, entry->routes, &e);
	}
	json_decref(empty);
	errors_append(list, "body", &e);
}

/* "body.limits.cpu_cores: Input should be .." of the first one. */
static void sentence(const json_t *list, char *out, size_t size)
{
	const json_t *first = json_array_get(list, 0);
	size_t i, used = 0;
	json_t *part;

	json_array_foreach(json_object_get(first, "loc"), i, part)
	{
		int n = json_is_integer(part)
				? snprintf(out + used, size - used, "%s%lld", i != 0 ? "." : "",
					   (long long)json_integer_value(part))
				: snprintf(out + used, size - used, "%s%s", i != 0 ? "." : "",
					   json_string_value(part));
		used = FOG_MIN(used + (size_t)n, size - 1);
	}
	snprintf(out + used, size - used, ": %s", json_string_value(json_object_get(first, "msg")));
}

bool fog_exchange_valid(struct fog_exchange *x)
{
	const struct fog_entry *e = x->entry;
	json_t *list = json_array();
	char detail[512];

	parameters_check(x, e->path, "path", list);
	parameters_check(x, e->query, "query", list);
	if (e->request != NULL)
		body_check(x, list);
	bool good = json_array_size(list) == 0;
	if (!good && e->contract) {
		fog_exchange_problem_with(x, 422, "detail", json_incref(list),
					  "the request is "
					  "not valid");
	} else if (!good) {
		sentence(list, detail, sizeof(detail));
		fog_exchange_problem_with(x, 400, "errors", json_incref(list), "%s", detail);
	}
	json_decref(list);
	return good;
}
