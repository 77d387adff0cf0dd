/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/routes.h"

#include "controlplane/gateway/exchange.h"

/* ---- what routes say ------------------------------------------------------------------------ */

/* Texts of ours: a mistake in one is found by the first test that starts a gateway with it. */
static struct fog_schema *compile(const char *what, const char *text, bool list)
{
	char why[FOG_SCHEMA_WHY_SIZE];
	struct fog_schema *s = NULL;

	if (text == NULL)
		return NULL;
	if ((list ? fog_schema_new_list(&s, text, why) : fog_schema_new(&s, text, why)) != 0)
		fprintf(stderr, "fog: schema of %s: %s in \"%s\"\n", what, why, text);
	FOG_ASSERT(s != NULL);
	return s;
}

/* True when the table is there already: its owner has been restarted. */
static bool owner_change(struct fog_routes *r, const struct fog_route *routes, u32 count, void *ctx)
{
	bool found = false;

	for (u32 i = 0; i < r->entry_count; i++) {
		if (r->entries[i].route < routes || r->entries[i].route >= routes + count)
			continue;
		r->entries[i].ctx = ctx;
		found = true;
	}
	return found;
}

void fog_routes_add(struct fog_routes *r, const struct fog_route *routes, u32 count, void *ctx)
{
	if (owner_change(r, routes, count, ctx))
		return;
	FOG_ASSERT(r->entry_count + count <= FOG_GATEWAY_ROUTES_MAX);
	for (u32 i = 0; i < count; i++) {
		struct fog_entry *e = &r->entries[r->entry_count++];
		const struct fog_operation *op = routes[i].operation;
		*e = (struct fog_entry){.routes = r, .route = &routes[i], .ctx = ctx};
		e->literal = (u32)strcspn(routes[i].pattern, "{");
		e->contract = strncmp(routes[i].pattern, "/v1/fog/", 8) == 0;
		if (op == NULL)
			continue;
		e->path = compile(routes[i].pattern, op->path, true);
		e->query = compile(routes[i].pattern, op->query, true);
		e->request = compile(routes[i].pattern, op->request, false);
		e->answer = compile(routes[i].pattern, op->answer, false);
	}
}

void fog_routes_define(struct fog_routes *r, const char *name, const char *text)
{
	for (u32 i = 0; i < r->define_count; i++)
		if (r->defines[i].name == name)
			return; /* its owner has been restarted */
	FOG_ASSERT(r->define_count < FOG_GATEWAY_DEFINES_MAX);
	FOG_ASSERT(fog_routes_schema(r, (struct fog_slice){name, (u32)strlen(name)}) == NULL);
	struct fog_define *d = &r->defines[r->define_count++];
	*d = (struct fog_define){name, compile(name, text, false)};
	FOG_ASSERT(d->schema->type != FOG_SCHEMA_REFERENCE);
}

const struct fog_schema *fog_routes_schema(void *routes, struct fog_slice name)
{
	const struct fog_routes *r = routes;

	for (u32 i = 0; i < r->define_count; i++)
		if (fog_slice_is(name, r->defines[i].name))
			return r->defines[i].schema;
	return NULL;
}

void fog_routes_clear(struct fog_routes *r)
{
	for (u32 i = 0; i < r->entry_count; i++) {
		fog_schema_free(r->entries[i].path);
		fog_schema_free(r->entries[i].query);
		fog_schema_free(r->entries[i].request);
		fog_schema_free(r->entries[i].answer);
	}
	for (u32 i = 0; i < r->define_count; i++)
		fog_schema_free(r->defines[i].schema);
	r->entry_count = r->define_count = 0;
}

/* ---- finding one ---------------------------------------------------------------------------- */

/* One segment of the pattern against one of the path. */
static bool segment_match(const char *p, size_t p_len, const char *s, size_t s_len,
			  struct fog_exchange *x, u32 *literals)
{
	if (p_len < 2 || p[0] != '{') {
		(*literals)++;
		return p_len == s_len && memcmp(p, s, p_len) == 0;
	}
	FOG_ASSERT(x->param_count < FOG_GATEWAY_PARAMS_MAX);
	FOG_ASSERT(p_len - 2 < sizeof(x->param_name[0]));
	if (s_len == 0 || s_len >= FOG_GATEWAY_PARAM_SIZE)
		return false;
	u32 i = x->param_count++;
	memcpy(x->param_name[i], p + 1, p_len - 2);
	x->param_name[i][p_len - 2] = '\0';
	memcpy(x->param_value[i], s, s_len);
	x->param_value[i][s_len] = '\0';
	return true;
}

u32 fog_route_match(const char *pattern, const char *path, struct fog_exchange *x)
{
	u32 literals = 0;

	x->param_count = 0;
	for (;;) {
		bool rest = strcmp(pattern, "{path}") == 0;
		size_t p_len = strcspn(pattern, "/");
		size_t s_len = rest ? strlen(path) : strcspn(path, "/");
		if (!segment_match(pattern, p_len, path, s_len, x, &literals))
			return 0;
		pattern += p_len;
		path += s_len;
		if (*pattern != *path)
			return 0;
		if (*pattern == '\0')
			return literals + 1;
		pattern++;
		path++;
	}
}

static void allow_add(char allow[FOG_ROUTES_ALLOW_SIZE], const char *method)
{
	size_t used = strlen(allow);

	if (strstr(allow, method) == NULL)
		snprintf(allow + used, FOG_ROUTES_ALLOW_SIZE - used, "%s%s%s",
			 used != 0 ? ", " : "", method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

/* A path that MHD has decoded may hold what a pattern segment must not: a slash from %2F cannot be
 * told from a real one, so paths are matched as they are and ids never hold slashes. */
const struct fog_entry *fog_routes_find(const struct fog_routes *r, struct fog_exchange *x,
					const char *method, const char *path,
					char allow[FOG_ROUTES_ALLOW_SIZE])
{
	const struct fog_entry *best = NULL;
	u32 best_score = 0;

	allow[0] = '\0';
	if (strlen(path) > FOG_EXCHANGE_PATH_MAX)
		return NULL;
	for (u32 i = 0; i < r->entry_count; i++) {
		const struct fog_entry *e = &r->entries[i];
		if (strncmp(e->route->pattern, path, e->literal) != 0)
			continue;
		u32 score = fog_route_match(e->route->pattern, path, x);
		if (score == 0)
			continue;
		allow_add(allow, e->route->method);
		if (strcmp(e->route->method, method) == 0 && score > best_score) {
			best = e;
			best_score = score;
		}
	}
	if (best != NULL)
		fog_route_match(best->route->pattern, path, x);
	return best;
}
