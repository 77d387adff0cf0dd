/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/jobs/json.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

/* configs/tee-policy.json, as meson makes a C string of it. */
extern const char fog_tee_policy_shipped[];

static bool hex_read(const char *text, struct fog_tee_reference *out)
{
	size_t len = strlen(text);

	out->size = (u32)(len / 2);
	return len != 0 && len <= 2 * sizeof(out->value) &&
	       fog_hex_decode(text, out->value, len / 2) == 0;
}

/* A list of hex texts; word, where not NULL, stands for something else. True: the word was there.
 */
static bool list_read(struct fog_json_reader *r, const char *field, const char *word,
		      struct fog_tee_reference *out, u32 max, u32 *count)
{
	const json_t *list = fog_json_array(r, field, 0, max), *v;
	bool found = false;
	size_t i;

	*count = 0;
	json_array_foreach(list, i, v)
	{
		const char *text = json_is_string(v) ? json_string_value(v) : "";
		if (word != NULL && strcmp(text, word) == 0)
			found = true;
		else if (strcmp(text, "any") == 0)
			out[(*count)++].size = 0;
		else if (!hex_read(text, &out[(*count)++]))
			fog_json_wrong(r, field, "wants hex digits%s%s%s",
				       word != NULL ? " or \"" : "", word != NULL ? word : "",
				       word != NULL ? "\"" : "");
	}
	return found;
}

static void references_read(struct fog_json_reader *r, const char *field,
			    struct fog_tee_references *out)
{
	list_read(r, field, NULL, out->one, FOG_TEE_REFERENCES_MAX, &out->count);
}

static void inner_end(struct fog_json_reader *r, struct fog_json_reader *inner)
{
	fog_json_end(inner);
	if (fog_json_ok(r) && !fog_json_ok(inner))
		memcpy(r->error, inner->error, sizeof(r->error));
}

static u32 status_read(struct fog_json_reader *r)
{
	const json_t *list, *v;
	u32 accepted = 0;
	size_t i;

	if (!fog_json_has(r, "tcb_status"))
		return 1u << FOG_TEE_TCB_UP_TO_DATE | 1u << FOG_TEE_TCB_SW_HARDENING;
	list = fog_json_array(r, "tcb_status", 0, FOG_TEE_TCB_STATUS_COUNT);
	json_array_foreach(list, i, v)
	{
		const char *name = json_is_string(v) ? json_string_value(v) : "";
		enum fog_tee_tcb_status status = fog_tee_tcb_parse(name);
		if (status == FOG_TEE_TCB_NONE || status == FOG_TEE_TCB_REVOKED)
			fog_json_wrong(r, "tcb_status", "wants UpToDate, OutOfDate, ..");
		accepted |= 1u << status;
	}
	return accepted;
}

/* status: NULL where there is none. */
static void guest_read(struct fog_json_reader *r, const char *field, const char *prefix,
		       struct fog_tee_references *measurements, u8 tcb[8], u32 *status)
{
	struct fog_json_reader g;

	fog_json_begin(&g, fog_json_object(r, field), prefix);
	references_read(&g, "measurements", measurements);
	fog_json_hex(&g, "tcb_min", tcb, 8);
	if (status != NULL)
		*status = status_read(&g);
	inner_end(r, &g);
}

static void tpm_read(struct fog_json_reader *r, struct fog_tee_policy *p)
{
	struct fog_json_reader t, pcrs;
	const char *name;
	json_t *list;

	fog_json_begin(&t, fog_json_object(r, "tpm"), "tpm.");
	p->endorsed = fog_json_bool(&t, "endorsed");
	const json_t *object = fog_json_object(&t, "pcrs");
	fog_json_begin(&pcrs, object, "tpm.pcrs.");
	json_object_foreach((json_t *)object, name, list)
	{
		char *end;
		unsigned long n = strtoul(name, &end, 10);
		if (*end != '\0' || end == name || n >= FOG_TEE_PCRS || list == NULL)
			fog_json_wrong(&pcrs, name, "is no register");
		else
			references_read(&pcrs, name, &p->pcr[n]);
	}
	inner_end(&t, &pcrs);
	inner_end(r, &t);
}

static u32 kinds_read(struct fog_json_reader *r, const char *field)
{
	const json_t *list = fog_json_array(r, field, 0, 8), *v;
	u32 kinds = 0;
	size_t i;

	json_array_foreach(list, i, v)
	{
		enum fog_tee_kind kind =
			fog_tee_kind_parse(json_is_string(v) ? json_string_value(v) : "");
		if (kind == FOG_TEE_NONE)
			fog_json_wrong(r, field, "wants snp, tdx, tpm or software");
		kinds |= 1u << kind;
	}
	return kinds;
}

int fog_tee_policy_parse(struct fog_tee_policy *out, const char *text, char why[FOG_TEE_WHY_SIZE])
{
	struct fog_json_reader r;
	json_t *root = fog_json_parse(text, strlen(text), why);

	memset(out, 0, sizeof(*out));
	if (root == NULL)
		return -EINVAL;
	fog_hash_sha256(out->digest, text, strlen(text));
	fog_json_begin(&r, root, "policy.");
	fog_json_u64(&r, "version", 1, 1);
	out->accept = kinds_read(&r, "accept");
	out->collateral = fog_json_has(&r, "collateral") ? kinds_read(&r, "collateral")
							 : 1u << FOG_TEE_SNP | 1u << FOG_TEE_TDX;
	out->platform_same = list_read(&r, "platform", "same", out->platform.one,
				       FOG_TEE_REFERENCES_MAX, &out->platform.count);
	references_read(&r, "code", &out->code);
	list_read(&r, "revoked", NULL, out->revoked, FOG_TEE_REVOKED_MAX, &out->revoked_count);
	out->debug = fog_json_bool(&r, "debug");
	out->result_s = fog_json_u64(&r, "result_seconds", 1, FOG_TEE_RESULT_S_MAX);
	guest_read(&r, "snp", "snp.", &out->snp, out->snp_tcb, NULL);
	guest_read(&r, "tdx", "tdx.", &out->tdx, out->tdx_tcb, &out->tcb_status);
	tpm_read(&r, out);
	fog_json_end(&r);
	memcpy(why, r.error, sizeof(r.error));
	json_decref(root);
	return why[0] == '\0' ? 0 : -EINVAL;
}

static char *file_read(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = in != NULL ? malloc(FOG_TEE_POLICY_SIZE_MAX + 1) : NULL;

	if (text != NULL) {
		size_t len = fread(text, 1, FOG_TEE_POLICY_SIZE_MAX, in);
		text[len] = '\0';
	}
	if (in != NULL)
		fclose(in);
	return text;
}

int fog_tee_policy_load(struct fog_tee_policy *out, const char *path, char why[FOG_TEE_WHY_SIZE])
{
	char inner[FOG_TEE_WHY_SIZE];

	if (path == NULL || path[0] == '\0')
		return fog_tee_policy_parse(out, fog_tee_policy_shipped, why);
	char *text = file_read(path);
	if (text == NULL) {
		int rc = errno != 0 ? -errno : -ENOMEM;
		snprintf(why, FOG_TEE_WHY_SIZE, "%.180s: %s", path, strerror(-rc));
		return rc;
	}
	int rc = fog_tee_policy_parse(out, text, inner);
	snprintf(why, FOG_TEE_WHY_SIZE, "%.100s: %.140s", path, inner);
	free(text);
	return rc;
}

bool fog_tee_reference_holds(const struct fog_tee_references *r, const u8 *value, u32 size)
{
	for (u32 i = 0; i < r->count; i++)
		if (r->one[i].size == 0 ||
		    (r->one[i].size == size && memcmp(r->one[i].value, value, size) == 0))
			return true;
	return false;
}

bool fog_tee_revoked(const struct fog_tee_policy *p, const u8 *value, u32 size)
{
	for (u32 i = 0; i < p->revoked_count; i++)
		if (p->revoked[i].size == size && memcmp(p->revoked[i].value, value, size) == 0)
			return true;
	return false;
}

/* The TCB of a report is older where any of its parts is. */
static bool older(u64 firmware, const u8 min[8])
{
	for (u32 i = 0; i < 8; i++)
		if ((u8)(firmware >> (8 * i)) < min[i])
			return true;
	return false;
}

enum fog_tee_fault fog_tee_policy_guest(const struct fog_tee_policy *p,
					const struct fog_tee_claims *c)
{
	bool snp = c->kind == FOG_TEE_SNP;

	if (!snp && c->kind != FOG_TEE_TDX)
		return FOG_TEE_VALID;
	if (c->debug && !p->debug)
		return FOG_TEE_DEBUG;
	if (older(c->firmware, snp ? p->snp_tcb : p->tdx_tcb))
		return FOG_TEE_OLD;
	return fog_tee_reference_holds(snp ? &p->snp : &p->tdx, c->measurement, c->measurement_size)
		       ? FOG_TEE_VALID
		       : FOG_TEE_REFERENCE;
}
