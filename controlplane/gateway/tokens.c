/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/tokens.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>
#include <time.h>

#include "crypto/mem.h"

#define LIFE_S 86400 /* where none is asked for */

static u64 now_s(void)
{
	return (u64)time(NULL);
}

static json_t *scopes_json(enum fog_scope scope)
{
	json_t *list = json_array();

	if (scope >= FOG_SCOPE_READ)
		json_array_append_new(list, json_string("read"));
	if (scope >= FOG_SCOPE_WRITE)
		json_array_append_new(list, json_string("write"));
	if (scope >= FOG_SCOPE_ADMIN)
		json_array_append_new(list, json_string("admin"));
	return list;
}

static json_t *issued_json(const struct fog_issued *i)
{
	const struct fog_claims *c = &i->claims;

	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:I, s:I, s:o}", "id", c->id, "kind",
			 i->kind == FOG_CREDENTIAL_KEY ? "key" : "token", "subject", c->subject,
			 "scope", scopes_json(c->scope), "tier", fog_rate_names[c->tier],
			 "issued_ms", (json_int_t)c->issued_s * 1000, "expires_ms",
			 (json_int_t)c->expires_s * 1000, "revoked_ms",
			 i->revoked_s != 0 ? json_integer((json_int_t)i->revoked_s * 1000)
					   : json_null());
}

/* A subject is a name of an account: what names of those may hold. */
static bool subject_good(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("-_.", *p) == NULL)
			return false;
	return text[0] != '\0';
}

static int failed(struct fog_exchange *x, int rc)
{
	if (rc == -ENOSPC)
		return fog_exchange_problem(x, 507,
					    "%d tokens and keys are kept, the most there "
					    "can be: revoked ones go when they expire",
					    FOG_ACCESS_ISSUED_MAX);
	if (rc == -EINVAL)
		return fog_exchange_problem(x, 400,
					    "nothing good for longer than ten years, or "
					    "without an id");
	return fog_exchange_problem(x, 503, "the store does not take it now");
}

static int token_post(struct fog_exchange *x)
{
	const json_t *body = fog_exchange_body(x), *life = json_object_get(body, "expires_seconds");
	const char *kind = json_string_value(json_object_get(body, "kind"));
	const char *algorithm = json_string_value(json_object_get(body, "algorithm"));
	const json_t *scope = json_object_get(body, "scope");
	struct fog_issued i = {.kind = FOG_CREDENTIAL_TOKEN};
	struct fog_claims *c = &i.claims;
	char text[FOG_JWT_SIZE];

	if (kind != NULL && strcasecmp(kind, "key") == 0)
		i.kind = FOG_CREDENTIAL_KEY;
	snprintf(c->subject, sizeof(c->subject), "%s",
		 json_string_value(json_object_get(body, "subject")));
	if (!subject_good(c->subject))
		return fog_exchange_problem(x, 400, "subject: wants letters, digits, - _ and .");
	c->scope = scope != NULL ? fog_scope_parse(scope) : FOG_SCOPE_READ;
	(void)fog_rate_parse(json_string_value(json_object_get(body, "tier")), &c->tier);
	c->expires_s = now_s() + (life != NULL ? (u64)json_number_value(life) : LIFE_S);
	int rc = fog_access_issue(fog_exchange_ctx(x), i.kind,
				  algorithm != NULL && strcasecmp(algorithm, "EdDSA") == 0, now_s(),
				  c, text);
	if (rc != 0)
		return failed(x, rc);
	json_t *o = issued_json(&i);
	json_object_set_new(o, i.kind == FOG_CREDENTIAL_KEY ? "key" : "token", json_string(text));
	fog_wipe(text, sizeof(text));
	return fog_exchange_json(x, 201, o);
}

static void row_add(void *ctx, const struct fog_issued *i)
{
	json_array_append_new(ctx, issued_json(i));
}

static int tokens_get(struct fog_exchange *x)
{
	json_t *list = json_array();
	int rc = fog_access_list(fog_exchange_ctx(x), now_s(), row_add, list);

	if (rc != 0) {
		json_decref(list);
		return failed(x, rc);
	}
	return fog_exchange_list(x, json_pack("{s:o}", "tokens", list), "tokens");
}

static int token_delete(struct fog_exchange *x)
{
	int rc = fog_access_revoke(fog_exchange_ctx(x), fog_exchange_param(x, "id"), now_s());

	return rc != 0 ? failed(x, rc)
		       : fog_exchange_json(x, 200, json_pack("{s:b}", "revoked", 1));
}

/* No idempotency key for making one: it would keep the secret, which is nowhere else. */
static const struct fog_route routes[] = {
	{"POST", "/v1/tokens", token_post,
	 FOG_DESCRIBE("Make a token or an API key", .scope = FOG_SCOPE_ADMIN, .status = 201,
		      .text = "Its text is in this answer and nowhere else. Send a token as "
			      "`Authorization: Bearer`, a key as `X-API-Key`.",
		      .request =
			      "{subject: string 1..63 (whose: name of its account and namespace),"
			      " kind?: token|key = token,"
			      " scope?: [read|write|admin] 1..3 = [\"read\"],"
			      " tier?: standard|premium|enterprise = standard,"
			      " expires_seconds?: integer 1..315360000 = 86400,"
			      " algorithm?: HS256|EdDSA = HS256 (of a token)}",
		      .answer = "@Token")},
	{"GET", "/v1/tokens", tokens_get,
	 FOG_DESCRIBE("List tokens and keys", .scope = FOG_SCOPE_ADMIN,
		      .text = "Those made here that have not expired, and all that were revoked.",
		      .query = FOG_PAGE_QUERY, .answer = "{tokens: [@Token], next: integer|null}")},
	{"DELETE", "/v1/tokens/{id}", token_delete,
	 FOG_DESCRIBE("Revoke a token or key", .scope = FOG_SCOPE_ADMIN,
		      .text = "By its id, the `jti` of a token; it need not have been made here.",
		      .path = "id: string 1..47", .answer = "{revoked: boolean}")},
};

void fog_tokens_routes(struct fog_access *a, struct fog_gateway *gw)
{
	fog_gateway_define(
		gw, "Token",
		"{id: string, kind: token|key, subject: string, scope: [read|write|admin],"
		" tier: standard|premium|enterprise, issued_ms: ms, expires_ms: ms,"
		" revoked_ms: ms|null, token?: string (only when it is made),"
		" key?: string (only when it is made)}");
	fog_gateway_add(gw, routes, FOG_ARRAY_COUNT(routes), a);
}
