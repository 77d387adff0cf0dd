/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/appraise.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/core/identity.h"
#include "controlplane/jobs/json.h"
#include "controlplane/tee/credential.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define MESSAGE_MAX 1024 /* of a TPM's quote, and of its signature */
#define SPKI_MAX    256

struct work {
	const struct fog_tee_question *q;
	const struct fog_tee_policy *p;
	const struct fog_tee_collateral *c;
	struct fog_tee_appraisal *a;
	u8 pcr[FOG_TEE_PCRS][32]; /* TPM: what the quote says they hold */
	u32 pcrs;
	u32 registr; /* TPM: which of them is Fog's */
};

__attribute__((format(printf, 3, 4))) static enum fog_tee_fault refuse(struct work *w,
								       enum fog_tee_fault fault,
								       const char *fmt, ...)
{
	char detail[FOG_TEE_WHY_SIZE - 100];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	snprintf(w->a->why, sizeof(w->a->why), "%s%s%s", fog_tee_fault_name(fault),
		 detail[0] != '\0' ? ": " : "", detail);
	w->a->fault = fault;
	return fault;
}

/* ---- hex ------------------------------------------------------------------------------------ */

json_t *fog_tee_hex_json(const u8 *data, size_t len)
{
	char *text = malloc(2 * len + 1);
	json_t *v = NULL;

	if (text != NULL && fog_hex_encode(data, len, text, 2 * len + 1) == 0)
		v = json_string(text);
	free(text);
	return v;
}

long fog_tee_hex_bytes(const json_t *value, u8 *out, size_t cap)
{
	const char *text = json_string_value(value);
	size_t len = text != NULL ? strlen(text) : 0;

	if (text == NULL || len % 2 != 0 || len / 2 > cap ||
	    fog_hex_decode(text, out, len / 2) != 0)
		return -EINVAL;
	return (long)(len / 2);
}

static long member(const json_t *o, const char *name, u8 *out, size_t cap)
{
	return fog_tee_hex_bytes(json_object_get(o, name), out, cap);
}

char *fog_tee_evidence_text(const char *statement, const u8 signature[64], json_t *quote)
{
	json_t *o = json_pack("{s:s, s:o, s:o}", "statement", statement, "signature",
			      fog_json_hex_new(signature, 64), "quote", quote);
	char *text = o != NULL ? fog_json_text(o) : NULL;

	json_decref(o);
	return text;
}

/* ---- the quote ------------------------------------------------------------------------------ */

/* The register of an event log is the application's; the others are the machine's. */
static bool pcrs_read(struct work *w, const json_t *quote)
{
	const json_t *list = json_object_get(quote, "pcrs"), *e;
	json_int_t registr = json_integer_value(json_object_get(quote, "register"));
	size_t i;

	if (registr != FOG_TEE_REGISTER_DEBUG && registr != FOG_TEE_REGISTER_APPLICATION)
		return false;
	w->registr = (u32)registr;
	json_array_foreach(list, i, e)
	{
		json_int_t n = json_integer_value(json_array_get(e, 0));
		/* In order, as they were hashed. */
		if (n < 0 || n >= FOG_TEE_PCRS || w->pcrs >> n != 0 ||
		    fog_tee_hex_bytes(json_array_get(e, 1), w->pcr[i], 32) != 32)
			return false;
		w->pcrs |= 1u << n;
	}
	return (w->pcrs & 1u << w->registr) != 0;
}

/* What register n holds: its place in the list. */
static const u8 *pcr_find(const struct work *w, u32 n)
{
	return w->pcr[__builtin_popcount(w->pcrs & ((1u << n) - 1))];
}

static enum fog_tee_fault tpm_check(struct work *w, const json_t *quote)
{
	u8 message[MESSAGE_MAX], signature[MESSAGE_MAX], ak[FOG_TEE_AK_MAX], key[SPKI_MAX];
	u8 name[FOG_TEE_NAME_SIZE], ak_sha256[32];
	struct fog_tee_tpm_quote t = {.message = message,
				      .signature = signature,
				      .ak = key,
				      .pcr = (const u8(*)[32])w->pcr};
	long len = member(quote, "message", message, sizeof(message));
	long sig = member(quote, "signature", signature, sizeof(signature));
	long ak_len = member(quote, "ak", ak, sizeof(ak));

	if (len < 0 || sig < 0 || ak_len < 0 || !pcrs_read(w, quote))
		return refuse(w, FOG_TEE_FORMAT, "not a quote of a TPM");
	int key_len = fog_tee_ak_parse(ak, (size_t)ak_len, key, sizeof(key), name);
	if (key_len < 0)
		return refuse(w, FOG_TEE_CREDENTIAL, "the key is no attestation key");
	t.message_size = (size_t)len;
	t.signature_size = (size_t)sig;
	t.ak_size = (size_t)key_len;
	t.pcr_count = (u32)__builtin_popcount(w->pcrs);
	enum fog_tee_fault fault = fog_tee_tpm_verify(&t, &w->a->claims);
	if (fault == FOG_TEE_VALID && w->a->claims.pcrs != w->pcrs)
		fault = FOG_TEE_PCR;
	if (fault != FOG_TEE_VALID)
		return refuse(w, fault, "%s", "");
	fog_hash_sha256(ak_sha256, ak, (size_t)ak_len);
	if (w->q->endorsed && memcmp(ak_sha256, w->q->ak_sha256, 32) != 0)
		return refuse(w, FOG_TEE_CREDENTIAL, "another key signed");
	return FOG_TEE_VALID;
}

static bool required(const struct work *w, enum fog_tee_kind kind)
{
	return (w->p->collateral & 1u << kind) != 0;
}

static enum fog_tee_fault snp_check(struct work *w, const json_t *quote)
{
	char why[FOG_TEE_WHY_SIZE];
	const json_t *pem = json_object_get(quote, "certs");
	struct fog_tee_certs certs = {json_string_value(pem), json_string_length(pem)};
	u8 report[2048];
	long len = member(quote, "report", report, sizeof(report));

	if (len < 0 || certs.data == NULL)
		return refuse(w, FOG_TEE_FORMAT, "not a report of SEV-SNP");
	enum fog_tee_fault fault =
		fog_tee_snp_verify(report, (size_t)len, &certs, w->q->now_s, &w->a->claims);
	if (fault != FOG_TEE_VALID)
		return refuse(w, fault, "%s", "");
	fault = fog_tee_collateral_snp(w->c, &certs, required(w, FOG_TEE_SNP), w->q->now_s, why);
	return fault != FOG_TEE_VALID ? refuse(w, fault, "%.150s", why) : FOG_TEE_VALID;
}

static enum fog_tee_fault tdx_check(struct work *w, const json_t *quote)
{
	u8 data[FOG_TEE_EVIDENCE_MAX];
	char why[FOG_TEE_WHY_SIZE];
	long len = member(quote, "quote", data, sizeof(data));

	if (len < 0)
		return refuse(w, FOG_TEE_FORMAT, "not a quote of TDX");
	enum fog_tee_fault fault =
		fog_tee_tdx_verify(data, (size_t)len, w->q->now_s, &w->a->claims);
	if (fault != FOG_TEE_VALID)
		return refuse(w, fault, "%s", "");
	bool must = required(w, FOG_TEE_TDX);
	fault = fog_tee_collateral_tdx(w->c, data, (size_t)len, must, w->q->now_s, &w->a->tcb, why);
	if (fault != FOG_TEE_VALID)
		return refuse(w, fault, "%.150s", why);
	if (w->a->tcb != FOG_TEE_TCB_NONE && (w->p->tcb_status & 1u << w->a->tcb) == 0)
		return refuse(w, FOG_TEE_OLD, "%.150s", why);
	return FOG_TEE_VALID;
}

static enum fog_tee_fault quote_check(struct work *w, const char *statement, const json_t *quote)
{
	struct fog_tee_claims *c = &w->a->claims;
	u8 binding[FOG_TEE_DATA_SIZE] = {0};
	enum fog_tee_fault fault;

	switch (w->a->statement.kind) {
	case FOG_TEE_SOFTWARE:
		c->kind = FOG_TEE_SOFTWARE;
		return FOG_TEE_VALID;
	case FOG_TEE_TPM:
		fault = tpm_check(w, quote);
		break;
	case FOG_TEE_SNP:
		fault = snp_check(w, quote);
		break;
	case FOG_TEE_TDX:
		fault = tdx_check(w, quote);
		break;
	default:
		return refuse(w, FOG_TEE_KIND, "%s", "");
	}
	if (fault != FOG_TEE_VALID)
		return fault;
	fog_hash_sha256(w->a->hardware, c->chip, c->kind == FOG_TEE_SNP ? 64 : 32);
	fog_tee_binding(statement, binding);
	return memcmp(binding, c->data, sizeof(binding)) == 0
		       ? FOG_TEE_VALID
		       : refuse(w, FOG_TEE_BINDING, "%s", "");
}

/* ---- the statement -------------------------------------------------------------------------- */

static enum fog_tee_fault question_check(struct work *w)
{
	const struct fog_tee_statement *s = &w->a->statement;
	const struct fog_tee_question *q = w->q;

	if (memcmp(s->node, q->node, 32) != 0)
		return refuse(w, FOG_TEE_RELAYED, "it speaks of another host");
	if (memcmp(s->verifier, q->verifier, 32) != 0)
		return refuse(w, FOG_TEE_RELAYED, "it was made for another verifier");
	if (!fog_equal(s->nonce, q->nonce, 32))
		return refuse(w, FOG_TEE_NONCE, "%s", "");
	if (q->now_s > q->asked_s + FOG_TEE_NONCE_S || q->now_s + FOG_TEE_NONCE_S < q->asked_s)
		return refuse(w, FOG_TEE_STALE, "more than %d s ago", FOG_TEE_NONCE_S);
	return FOG_TEE_VALID;
}

static enum fog_tee_fault log_check(struct work *w)
{
	const struct fog_tee_statement *s = &w->a->statement;
	const struct fog_tee_event *platform = fog_tee_log_platform(&s->log), *launch;
	u8 registr[32];

	fog_tee_log_register(&s->log, registr);
	if (s->kind == FOG_TEE_TPM && memcmp(registr, pcr_find(w, w->registr), 32) != 0)
		return refuse(w, FOG_TEE_LOG, "register %u holds something else", w->registr);
	fog_tee_platform(s->component, s->component_count, w->a->platform);
	if (platform == NULL || memcmp(platform->digest, w->a->platform, 32) != 0)
		return refuse(w, FOG_TEE_LOG, "it tells of another platform");
	if ((w->q->enclave[0] != '\0') != s->has_enclave)
		return refuse(w, FOG_TEE_LAUNCH, "it speaks %s enclave",
			      s->has_enclave ? "of an" : "of no");
	if (!s->has_enclave)
		return FOG_TEE_VALID;
	fog_tee_launch_digest(&s->enclave, w->a->launch);
	launch = fog_tee_log_running(&s->log, s->enclave.id);
	if (strcmp(s->enclave.id, w->q->enclave) != 0)
		return refuse(w, FOG_TEE_LAUNCH, "it speaks of %s", s->enclave.id);
	if (launch == NULL || memcmp(launch->digest, w->a->launch, 32) != 0 ||
	    memcmp(s->enclave.engine_sha256, w->a->platform, 32) != 0)
		return refuse(w, FOG_TEE_LAUNCH, "%s", s->enclave.id);
	return FOG_TEE_VALID;
}

/* ---- policy --------------------------------------------------------------------------------- */

/* By the policy, or by a list of the collateral, which says why. */
static enum fog_tee_fault revoked_check(struct work *w, const u8 id[32], const char *what)
{
	const char *why = fog_tee_collateral_revoked(w->c, id);

	if (why != NULL)
		return refuse(w, FOG_TEE_REVOKED, "%s%s%s", what, why[0] != '\0' ? ": " : "", why);
	if (fog_tee_revoked(w->p, id, 32))
		return refuse(w, FOG_TEE_REVOKED, "%s, by the policy", what);
	return FOG_TEE_VALID;
}

static enum fog_tee_fault registers_check(struct work *w)
{
	for (u32 n = 0; n < FOG_TEE_PCRS; n++) {
		if (w->p->pcr[n].count == 0)
			continue;
		if ((w->pcrs & 1u << n) == 0)
			return refuse(w, FOG_TEE_REFERENCE, "register %u is not quoted", n);
		if (!fog_tee_reference_holds(&w->p->pcr[n], pcr_find(w, n), 32))
			return refuse(w, FOG_TEE_REFERENCE, "register %u", n);
	}
	if (w->q->ek_why[0] != '\0' && w->q->ek_fault == FOG_TEE_REVOKED)
		return refuse(w, FOG_TEE_REVOKED, "its endorsement key: %.120s", w->q->ek_why);
	if (w->q->ek_why[0] != '\0' && required(w, FOG_TEE_TPM))
		return refuse(w, FOG_TEE_COLLATERAL, "its endorsement key: %.120s", w->q->ek_why);
	if (w->p->endorsed && !w->q->endorsed)
		return refuse(w, FOG_TEE_CREDENTIAL, "%s", "");
	return w->q->endorsed ? revoked_check(w, w->q->ek_sha256, "its endorsement key")
			      : FOG_TEE_VALID;
}

static enum fog_tee_fault policy_check(struct work *w)
{
	const struct fog_tee_appraisal *a = w->a;

	if ((w->p->accept & 1u << a->claims.kind) == 0)
		return refuse(w, FOG_TEE_KIND, "%s", fog_tee_kind_name(a->claims.kind));
	enum fog_tee_fault fault = revoked_check(w, a->statement.node, "the host");
	if (fault == FOG_TEE_VALID && a->claims.kind != FOG_TEE_SOFTWARE)
		fault = revoked_check(w, a->hardware, "its attestation key or chip");
	if (fault != FOG_TEE_VALID)
		return fault;
	fault = fog_tee_policy_guest(w->p, &a->claims);
	if (fault != FOG_TEE_VALID)
		return refuse(w, fault, "the guest's");
	fault = a->claims.kind == FOG_TEE_TPM ? registers_check(w) : FOG_TEE_VALID;
	if (fault != FOG_TEE_VALID)
		return fault;
	if (!(w->p->platform_same && memcmp(a->platform, w->q->platform, 32) == 0) &&
	    !fog_tee_reference_holds(&w->p->platform, a->platform, 32))
		return refuse(w, FOG_TEE_REFERENCE, "the platform's: it runs other programs");
	if (a->statement.has_enclave && !fog_tee_reference_holds(&w->p->code, a->launch, 32))
		return refuse(w, FOG_TEE_REFERENCE, "the enclave's");
	return FOG_TEE_VALID;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static enum fog_tee_fault appraise(struct work *w, const json_t *root)
{
	const char *text = json_string_value(json_object_get(root, "statement"));
	char why[FOG_TEE_WHY_SIZE];
	u8 signature[64];

	if (text == NULL || member(root, "signature", signature, 64) != 64)
		return refuse(w, FOG_TEE_FORMAT, "it has no statement or signature");
	if (fog_tee_statement_parse(&w->a->statement, text, why) != 0)
		return refuse(w, FOG_TEE_FORMAT, "%.150s", why);
	enum fog_tee_fault fault = question_check(w);
	if (fault != FOG_TEE_VALID)
		return fault;
	if (fog_signature_verify(w->a->statement.node, FOG_TEE_LABEL, text, strlen(text),
				 signature) != 0)
		return refuse(w, FOG_TEE_SIGNATURE, "of the host");
	if (w->q->collateral_why != NULL && w->q->collateral_why[0] != '\0')
		return refuse(w, FOG_TEE_COLLATERAL, "%.150s", w->q->collateral_why);
	fault = quote_check(w, text, json_object_get(root, "quote"));
	if (fault == FOG_TEE_VALID)
		fault = log_check(w);
	return fault == FOG_TEE_VALID ? policy_check(w) : fault;
}

enum fog_tee_fault fog_tee_appraise(const char *evidence, const struct fog_tee_question *q,
				    const struct fog_tee_policy *policy,
				    const struct fog_tee_collateral *collateral,
				    struct fog_tee_appraisal *out)
{
	struct work w = {.q = q, .p = policy, .c = collateral, .a = out};
	char error[FOG_JSON_ERROR_SIZE];
	size_t len = strlen(evidence);

	memset(out, 0, sizeof(*out));
	fog_hash_sha256(out->evidence, evidence, len);
	if (len > FOG_TEE_EVIDENCE_TEXT_MAX)
		return refuse(&w, FOG_TEE_FORMAT, "longer than %d bytes",
			      FOG_TEE_EVIDENCE_TEXT_MAX);
	json_t *root = fog_json_parse(evidence, len, error);
	if (root == NULL)
		return refuse(&w, FOG_TEE_TRUNCATED, "%.150s", error);
	enum fog_tee_fault fault = appraise(&w, root);
	if (fault == FOG_TEE_VALID)
		snprintf(out->why, sizeof(out->why), "%s", fog_tee_fault_name(fault));
	json_decref(root);
	return fault;
}
