/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/ear.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/jobs/json.h"
#include "crypto/base64.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/sign/sign.h"

#define PROFILE  "tag:github.com,2023:veraison/ear"
#define SKEW_S   300 /* a verifier's clock may be so far ahead */
#define ATT_SIZE 8   /* bytes of an id */

const char *fog_tee_status_name(enum fog_tee_status status)
{
	switch (status) {
	case FOG_TEE_STATUS_AFFIRMING:
		return "affirming";
	case FOG_TEE_STATUS_WARNING:
		return "warning";
	case FOG_TEE_STATUS_CONTRAINDICATED:
		return "contraindicated";
	default:
		return "none";
	}
}

static enum fog_tee_status status_parse(const char *name)
{
	static const enum fog_tee_status all[] = {FOG_TEE_STATUS_AFFIRMING, FOG_TEE_STATUS_WARNING,
						  FOG_TEE_STATUS_CONTRAINDICATED};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(all); i++)
		if (strcmp(fog_tee_status_name(all[i]), name) == 0)
			return all[i];
	return FOG_TEE_STATUS_NONE;
}

void fog_tee_ear_of(struct fog_tee_ear *e, const struct fog_tee_appraisal *a,
		    const struct fog_tee_question *q, const struct fog_tee_policy *p)
{
	char hex[2 * ATT_SIZE + 1];
	u8 id[32], both[64];

	memset(e, 0, sizeof(*e));
	memcpy(both, q->nonce, 32);
	memcpy(both + 32, a->evidence, 32);
	fog_hash_sha256(id, both, sizeof(both));
	fog_hex_encode(id, ATT_SIZE, hex, sizeof(hex));
	snprintf(e->id, sizeof(e->id), "att_%s", hex);
	memcpy(e->verifier, q->verifier, 32);
	memcpy(e->node, q->node, 32);
	e->issued_s = q->now_s;
	e->expires_s = q->now_s + p->result_s;
	e->kind = a->claims.kind;
	e->fault = a->fault;
	e->status = a->fault != FOG_TEE_VALID     ? FOG_TEE_STATUS_CONTRAINDICATED
		    : e->kind == FOG_TEE_SOFTWARE ? FOG_TEE_STATUS_WARNING
						  : FOG_TEE_STATUS_AFFIRMING;
	snprintf(e->why, sizeof(e->why), "%s", a->why);
	memcpy(e->nonce, q->nonce, 32);
	memcpy(e->policy, p->digest, 32);
	memcpy(e->platform, a->platform, 32);
	memcpy(e->hardware, a->hardware, 32);
	memcpy(e->evidence, a->evidence, 32);
	e->tcb = a->tcb;
	e->endorsed = q->endorsed || e->kind == FOG_TEE_SNP || e->kind == FOG_TEE_TDX;
	e->has_enclave = a->statement.has_enclave;
	if (!e->has_enclave)
		return;
	snprintf(e->enclave, sizeof(e->enclave), "%s", a->statement.enclave.id);
	memcpy(e->launch, a->launch, 32);
	memcpy(e->key, a->statement.enclave.key, 32);
}

/* ---- claims --------------------------------------------------------------------------------- */

/* Who it is, what it runs, on what: no claim is made of hardware where there is none. */
static json_t *vector_json(const struct fog_tee_ear *e)
{
	int tier = (int)e->status;
	bool hardware = e->kind != FOG_TEE_SOFTWARE && e->kind != FOG_TEE_NONE;

	return json_pack("{s:i, s:i, s:i, s:i}", "instance-identity", tier, "configuration", tier,
			 "executables", tier, "hardware", hardware ? tier : 0);
}

static json_t *submod_json(const struct fog_tee_ear *e)
{
	json_t *o = json_pack(
		"{s:s, s:o, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:b}", "ear.status",
		fog_tee_status_name(e->status), "ear.trustworthiness-vector", vector_json(e),
		"ear.appraisal-policy-id", fog_json_hex_new(e->policy, 32), "fog.kind",
		fog_tee_kind_name(e->kind), "fog.code", fog_tee_fault_code(e->fault), "fog.reason",
		e->why, "fog.platform", fog_json_hex_new(e->platform, 32), "fog.hardware",
		fog_json_hex_new(e->hardware, 32), "fog.evidence",
		fog_json_hex_new(e->evidence, 32), "fog.endorsed", (int)e->endorsed);

	if (o != NULL && e->tcb != FOG_TEE_TCB_NONE)
		json_object_set_new(o, "fog.tcb_status", json_string(fog_tee_tcb_name(e->tcb)));
	if (o != NULL && e->has_enclave) {
		json_object_set_new(o, "fog.launch", fog_json_hex_new(e->launch, 32));
		json_object_set_new(o, "fog.key", fog_json_hex_new(e->key, 32));
	}
	return o;
}

static json_t *base64_json(const u8 *data, size_t len)
{
	char text[FOG_BASE64URL_SIZE(64)];

	fog_base64url_encode(text, data, len);
	return json_string(text);
}

static json_t *claims_json(const struct fog_tee_ear *e)
{
	u8 ueid[33] = {1}; /* type RAND (RFC 9711, section 4.2.1): a key is a random id */

	memcpy(ueid + 1, e->node, 32);
	return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:{s:s, s:s}, s:{s:o}}", "eat_profile",
			 PROFILE, "jti", e->id, "iat", (json_int_t)e->issued_s, "exp",
			 (json_int_t)e->expires_s, "eat_nonce", base64_json(e->nonce, 32), "ueid",
			 base64_json(ueid, sizeof(ueid)), "ear.verifier-id", "developer", "fog",
			 "build", "fog-controlplane " FOG_VERSION, "submods",
			 e->has_enclave ? e->enclave : "host", submod_json(e));
}

static bool part_append(char *out, size_t cap, size_t *at, json_t *o)
{
	char *text = o != NULL ? fog_json_text(o) : NULL;
	size_t len = text != NULL ? strlen(text) : 0;
	bool good = text != NULL && *at + FOG_BASE64URL_SIZE(len) < cap;

	if (good) {
		fog_base64url_encode(out + *at, text, len);
		*at += strlen(out + *at);
	}
	json_decref(o);
	free(text);
	return good;
}

char *fog_tee_ear_sign(const struct fog_tee_ear *e, const u8 sk[64])
{
	char hex[65], *out = malloc(FOG_TEE_EAR_MAX);
	u8 signature[FOG_SIGN_SIZE];
	size_t at = 0;

	fog_hex_encode(e->verifier, 32, hex, sizeof(hex));
	if (out == NULL ||
	    !part_append(out, FOG_TEE_EAR_MAX - 128, &at,
			 json_pack("{s:s, s:s, s:s}", "alg", "EdDSA", "kid", hex, "typ", "JWT"))) {
		free(out);
		return NULL;
	}
	out[at++] = '.';
	if (!part_append(out, FOG_TEE_EAR_MAX - 128, &at, claims_json(e))) {
		free(out);
		return NULL;
	}
	fog_sign(signature, out, at, sk);
	out[at++] = '.';
	fog_base64url_encode(out + at, signature, sizeof(signature));
	return out;
}

/* ---- reading -------------------------------------------------------------------------------- */

static json_t *part_parse(const char *text, size_t len)
{
	u8 data[FOG_TEE_EAR_MAX];
	int n = fog_base64url_decode(data, sizeof(data), text, len);

	return n > 0 ? json_loadb((const char *)data, (size_t)n, JSON_REJECT_DUPLICATES, NULL)
		     : NULL;
}

static bool base64_read(struct fog_json_reader *r, const char *field, u8 *out, size_t size)
{
	const char *text = fog_json_text_of(r, field, 128);

	if (fog_base64url_decode(out, size, text, strlen(text)) == (int)size)
		return true;
	fog_json_wrong(r, field, "is not %zu bytes in base64url", size);
	return false;
}

static void submod_read(struct fog_json_reader *r, struct fog_tee_ear *e)
{
	const json_t *submods = fog_json_object(r, "submods");
	const char *name = json_object_iter_key(json_object_iter((json_t *)submods));
	struct fog_json_reader s;

	fog_json_begin(&s, json_object_get(submods, name != NULL ? name : ""), "submods.");
	e->status = status_parse(fog_json_text_of(&s, "ear.status", 32));
	e->kind = fog_tee_kind_parse(fog_json_text_of(&s, "fog.kind", 16));
	fog_json_hex(&s, "ear.appraisal-policy-id", e->policy, 32);
	const char *code = fog_json_text_of(&s, "fog.code", 32);
	for (u32 i = 0; i < FOG_TEE_FAULT_COUNT; i++)
		if (strcmp(code, fog_tee_fault_code((enum fog_tee_fault)i)) == 0)
			e->fault = (enum fog_tee_fault)i;
	fog_json_copy(&s, "fog.reason", e->why, sizeof(e->why));
	fog_json_hex(&s, "fog.platform", e->platform, 32);
	fog_json_hex(&s, "fog.hardware", e->hardware, 32);
	fog_json_hex(&s, "fog.evidence", e->evidence, 32);
	e->endorsed = fog_json_bool(&s, "fog.endorsed");
	if (fog_json_has(&s, "fog.tcb_status"))
		e->tcb = fog_tee_tcb_parse(fog_json_text_of(&s, "fog.tcb_status", 64));
	e->has_enclave = fog_json_has(&s, "fog.launch");
	if (e->has_enclave) {
		snprintf(e->enclave, sizeof(e->enclave), "%s", name);
		fog_json_hex(&s, "fog.launch", e->launch, 32);
		fog_json_hex(&s, "fog.key", e->key, 32);
	}
	if (json_object_size(submods) != 1)
		fog_json_wrong(r, "submods", "must have one member");
	if (fog_json_ok(r) && !fog_json_ok(&s))
		memcpy(r->error, s.error, sizeof(r->error));
}

static int claims_read(const json_t *root, struct fog_tee_ear *e, char why[FOG_TEE_WHY_SIZE])
{
	struct fog_json_reader r;
	u8 ueid[33] = {0};

	fog_json_begin(&r, root, "");
	fog_json_expect(&r, "eat_profile", PROFILE);
	fog_json_copy(&r, "jti", e->id, sizeof(e->id));
	e->issued_s = fog_json_u64(&r, "iat", 1, 1ull << 40);
	e->expires_s = fog_json_u64(&r, "exp", 1, 1ull << 40);
	base64_read(&r, "eat_nonce", e->nonce, 32);
	if (base64_read(&r, "ueid", ueid, sizeof(ueid)))
		memcpy(e->node, ueid + 1, 32);
	submod_read(&r, e);
	snprintf(why, FOG_TEE_WHY_SIZE, "%s", r.error);
	return fog_json_ok(&r) ? 0 : -EINVAL;
}

/* Exactly the header that is written: there is one algorithm. */
static int header_read(const json_t *root, u8 verifier[32])
{
	const char *alg = json_string_value(json_object_get(root, "alg"));
	const char *kid = json_string_value(json_object_get(root, "kid"));

	return json_object_size(root) == 3 && alg != NULL && strcmp(alg, "EdDSA") == 0 &&
			       kid != NULL && fog_hex_decode(kid, verifier, 32) == 0
		       ? 0
		       : -EINVAL;
}

static int token_check(struct fog_tee_ear *out, const char *token, const char *body,
		       const char *tail, char why[FOG_TEE_WHY_SIZE])
{
	json_t *header = part_parse(token, (size_t)(body - token) - 1);
	json_t *claims = part_parse(body, (size_t)(tail - body) - 1);
	u8 signature[FOG_SIGN_SIZE];
	int rc = -EINVAL;

	snprintf(why, FOG_TEE_WHY_SIZE, "not a token of this kind");
	if (header != NULL && claims != NULL && header_read(header, out->verifier) == 0 &&
	    fog_base64url_decode(signature, sizeof(signature), tail, strlen(tail)) ==
		    (int)sizeof(signature)) {
		rc = fog_sign_verify(signature, token, (size_t)(tail - token) - 1, out->verifier);
		snprintf(why, FOG_TEE_WHY_SIZE, "the signature of the verifier is wrong");
	}
	if (rc == 0)
		rc = claims_read(claims, out, why);
	json_decref(header);
	json_decref(claims);
	return rc;
}

int fog_tee_ear_verify(struct fog_tee_ear *out, const char *token, u64 now_s,
		       char why[FOG_TEE_WHY_SIZE])
{
	const char *body = strchr(token, '.');
	const char *tail = body != NULL ? strchr(body + 1, '.') : NULL;

	memset(out, 0, sizeof(*out));
	snprintf(why, FOG_TEE_WHY_SIZE, "not a token of three parts");
	if (tail == NULL || strlen(token) >= FOG_TEE_EAR_MAX)
		return -EINVAL;
	int rc = token_check(out, token, body + 1, tail + 1, why);
	if (rc != 0)
		return rc;
	if (now_s < out->expires_s && out->issued_s <= now_s + SKEW_S)
		return 0;
	snprintf(why, FOG_TEE_WHY_SIZE, "the result has expired or is from the future");
	return -ETIME;
}

json_t *fog_tee_ear_json(const struct fog_tee_ear *e)
{
	json_t *o = json_pack("{s:s, s:o, s:o, s:I, s:I}", "id", e->id, "verifier",
			      fog_json_hex_new(e->verifier, 32), "node_id",
			      fog_json_hex_new(e->node, 32), "issued_s", (json_int_t)e->issued_s,
			      "expires_s", (json_int_t)e->expires_s);

	json_t *more = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:b}", "status",
				 fog_tee_status_name(e->status), "kind", fog_tee_kind_name(e->kind),
				 "code", fog_tee_fault_code(e->fault), "reason", e->why, "platform",
				 fog_json_hex_new(e->platform, 32), "hardware",
				 fog_json_hex_new(e->hardware, 32), "evidence",
				 fog_json_hex_new(e->evidence, 32), "policy",
				 fog_json_hex_new(e->policy, 32), "endorsed", (int)e->endorsed);
	if (more != NULL && e->tcb != FOG_TEE_TCB_NONE)
		json_object_set_new(more, "tcb_status", json_string(fog_tee_tcb_name(e->tcb)));
	if (more != NULL && e->has_enclave) {
		json_object_set_new(more, "enclave", json_string(e->enclave));
		json_object_set_new(more, "launch", fog_json_hex_new(e->launch, 32));
		json_object_set_new(more, "key", fog_json_hex_new(e->key, 32));
	}
	json_object_update_missing(o, more);
	json_decref(more);
	return o;
}
