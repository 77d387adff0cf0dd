/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/openapi.h"

#include <ctype.h>

static const char about[] =
	"The API of one Fog host. Enumerations are taken in any letter case. Lists are read in "
	"pages: `limit` of them `after` what the page before said as `next`, which is also in "
	"its `Link` header. Errors are problem details (RFC 9457).";

static void set(json_t *o, const char *name, json_t *value)
{
	json_object_set_new(o, name, value);
}

/* "jobs" of /v1/jobs/{id} and "pricing" of /v1/fog/pricing/quote. */
static json_t *tag_json(const struct fog_entry *e)
{
	const char *p = e->route->pattern + 1;

	if (strncmp(p, "v1/", 3) == 0)
		p += e->contract ? 7 : 3;
	size_t len = strcspn(p, "/");
	return len != 0 ? json_stringn(p, len) : json_string("gateway");
}

/* "get_v1_jobs_id" */
static json_t *id_json(const struct fog_route *r)
{
	char id[160];
	size_t n = 0;

	for (const char *p = r->method; *p != '\0' && n < 16; p++)
		id[n++] = (char)tolower((unsigned char)*p);
	for (const char *p = r->pattern; *p != '\0' && n < sizeof(id); p++) {
		if (isalnum((unsigned char)*p))
			id[n++] = *p;
		else if (id[n - 1] != '_')
			id[n++] = '_';
	}
	while (id[n - 1] == '_')
		n--;
	return json_stringn(id, n);
}

static json_t *parameter_json(const char *where, const char *name, size_t len, bool required,
			      const struct fog_schema *s)
{
	json_t *o = json_pack("{s:o, s:s, s:b}", "name", json_stringn(name, len), "in", where,
			      "required", required);
	json_t *schema = s != NULL ? fog_schema_to_json(s) : json_pack("{s:s}", "type", "string");
	json_t *note = json_object_get(schema, "description");

	if (note != NULL)
		json_object_set(o, "description", note);
	json_object_del(schema, "description");
	set(o, "schema", schema);
	return o;
}

static json_t *parameters_json(const struct fog_entry *e)
{
	json_t *list = json_array();
	const char *p = e->route->pattern;
	char name[32];

	while ((p = strchr(p, '{')) != NULL) {
		size_t len = strcspn(++p, "}");
		snprintf(name, sizeof(name), "%.*s", (int)len, p);
		json_array_append_new(
			list,
			parameter_json("path", name, len, true,
				       e->path != NULL ? fog_schema_member(e->path, name) : NULL));
	}
	for (const struct fog_schema *m = e->query != NULL ? e->query->first : NULL; m != NULL;
	     m = m->next)
		json_array_append_new(
			list, parameter_json("query", m->name.at, m->name.len, m->required, m));
	if (e->route->operation->creates)
		json_array_append_new(
			list, json_pack("{s:s}", "$ref", "#/components/parameters/IdempotencyKey"));
	return list;
}

static bool body_required(const struct fog_schema *s)
{
	bool required = s->type != FOG_SCHEMA_OBJECT;

	for (const struct fog_schema *m = s->first; m != NULL; m = m->next)
		required |= m->required;
	return required;
}

/* The published envelope around what is under /v1/fog/. */
static json_t *answer_json(const struct fog_entry *e)
{
	json_t *data = e->answer != NULL ? fog_schema_to_json(e->answer) : json_object();

	if (!e->contract)
		return data;
	return json_pack("{s:[{s:s}, {s:{s:o}}]}", "allOf", "$ref", "#/components/schemas/Envelope",
			 "properties", "data", data);
}

static json_t *responses_json(const struct fog_entry *e)
{
	const struct fog_operation *op = e->route->operation;
	const char *type = op->type != NULL ? op->type : "application/json";
	char status[16];
	json_t *o = json_object();
	json_t *schema = op->type == NULL ? answer_json(e) : json_pack("{s:s}", "type", "string");

	snprintf(status, sizeof(status), "%u", op->status != 0 ? op->status : 200);
	set(o, status,
	    json_pack("{s:s, s:{s:{s:o}}}", "description", op->summary, "content", type, "schema",
		      schema));
	if (e->contract)
		set(o, "422", json_pack("{s:s}", "$ref", "#/components/responses/Invalid"));
	set(o, "default", json_pack("{s:s}", "$ref", "#/components/responses/Problem"));
	return o;
}

const char *fog_scope_name(enum fog_scope scope)
{
	static const char *const names[] = {"", "", "read", "write", "admin"};

	return names[scope];
}

enum fog_scope fog_entry_scope(const struct fog_entry *e)
{
	enum fog_scope scope =
		e->route->operation != NULL ? e->route->operation->scope : FOG_SCOPE_BY_METHOD;

	if (scope != FOG_SCOPE_BY_METHOD)
		return scope;
	return strcmp(e->route->method, "GET") == 0 ? FOG_SCOPE_READ : FOG_SCOPE_WRITE;
}

static json_t *operation_json(const struct fog_entry *e)
{
	const struct fog_operation *op = e->route->operation;
	enum fog_scope scope = fog_entry_scope(e);
	json_t *o = json_pack("{s:s, s:o, s:[o], s:o, s:o}", "summary", op->summary, "operationId",
			      id_json(e->route), "tags", tag_json(e), "parameters",
			      parameters_json(e), "responses", responses_json(e));

	if (op->text != NULL)
		set(o, "description", json_string(op->text));
	if (scope == FOG_SCOPE_NONE)
		set(o, "security", json_array());
	else
		set(o, "security",
		    json_pack("[{s:[s]}, {s:[s]}]", "token", fog_scope_name(scope), "key",
			      fog_scope_name(scope)));
	if (e->request != NULL)
		set(o, "requestBody",
		    json_pack("{s:b, s:{s:{s:o}}}", "required", body_required(e->request),
			      "content", "application/json", "schema",
			      fog_schema_to_json(e->request)));
	return o;
}

static json_t *schemas_json(const struct fog_routes *r)
{
	json_t *o = json_pack(
		"{s:{s:s, s:{s:{s:s}, s:{}, s:{s:s}, s:{s:[s, s]}, s:{s:s, s:s}, s:{s:[s, s]}}, "
		"s:[s, s, s]}}",
		"Envelope", "type", "object", "properties", "success", "type", "boolean", "data",
		"message", "type", "string", "error_code", "type", "string", "null", "timestamp",
		"type", "string", "format", "date-time", "request_id", "type", "string", "null",
		"required", "success", "data", "timestamp");

	set(o, "Problem",
	    json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}},"
		      " s:[s, s, s]}",
		      "type", "object", "properties", "type", "type", "string", "title", "type",
		      "string", "status", "type", "integer", "detail", "description",
		      "a sentence; under /v1/fog/ with status 422 a list of {loc, msg, type}",
		      "request_id", "type", "string", "trace_id", "type", "string", "required",
		      "title", "status", "detail"));
	for (u32 i = 0; i < r->define_count; i++)
		set(o, r->defines[i].name, fog_schema_to_json(r->defines[i].schema));
	return o;
}

static json_t *problem_json(const char *what)
{
	return json_pack("{s:s, s:{s:{s:{s:s}}}}", "description", what, "content",
			 "application/problem+json", "schema", "$ref",
			 "#/components/schemas/Problem");
}

static json_t *components_json(const struct fog_routes *r)
{
	json_t *key = json_pack("{s:s, s:s, s:b, s:s, s:{s:s, s:i, s:i}}", "name",
				"Idempotency-Key", "in", "header", "required", 0, "description",
				"the same key and body again give the first answer again", "schema",
				"type", "string", "minLength", 1, "maxLength", 255);

	return json_pack("{s:o, s:{s:o}, s:{s:o, s:o}, s:{s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}}}",
			 "schemas", schemas_json(r), "parameters", "IdempotencyKey", key,
			 "responses", "Problem", problem_json("what went wrong"), "Invalid",
			 problem_json("the request does not fit"), "securitySchemes", "token",
			 "type", "http", "scheme", "bearer", "bearerFormat", "JWT", "key", "type",
			 "apiKey", "in", "header", "name", "X-API-Key");
}

json_t *fog_openapi(const struct fog_routes *r)
{
	json_t *paths = json_object();
	char method[16];

	for (u32 i = 0; i < r->entry_count; i++) {
		const struct fog_entry *e = &r->entries[i];
		if (e->route->operation == NULL)
			continue;
		json_t *path = json_object_get(paths, e->route->pattern);
		if (path == NULL)
			set(paths, e->route->pattern, path = json_object());
		size_t n = 0;
		for (; e->route->method[n] != '\0' && n < sizeof(method) - 1; n++)
			method[n] = (char)tolower((unsigned char)e->route->method[n]);
		method[n] = '\0';
		set(path, method, operation_json(e));
	}
	return json_pack("{s:s, s:{s:s, s:s, s:s}, s:[{s:s}], s:o, s:o}", "openapi", "3.1.0",
			 "info", "title", "Fog", "version", FOG_VERSION, "description", about,
			 "servers", "url", "/", "paths", paths, "components", components_json(r));
}
