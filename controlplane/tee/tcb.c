/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/tcb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "controlplane/jobs/json.h"
#include "crypto/mem.h"

#define LIST_MAX   4096 /* advisories of a level, and whatever else is listed */
#define NAME_SIZE  64
#define MODULE_AT  1 /* in the TEE TCB SVN: the module's version; before it its SVN */
#define MODULE_END 2 /* parts from here on are the platform's, where the version is not 0 */

static const char *const status_names[] = {
	"unknown",
	"UpToDate",
	"SWHardeningNeeded",
	"ConfigurationNeeded",
	"ConfigurationAndSWHardeningNeeded",
	"OutOfDate",
	"OutOfDateConfigurationNeeded",
	"Revoked",
};

const char *fog_tee_tcb_name(enum fog_tee_tcb_status status)
{
	return (size_t)status < FOG_ARRAY_COUNT(status_names) ? status_names[status] : "unknown";
}

enum fog_tee_tcb_status fog_tee_tcb_parse(const char *name)
{
	for (u32 i = 1; i < FOG_TEE_TCB_STATUS_COUNT; i++)
		if (strcmp(status_names[i], name) == 0)
			return (enum fog_tee_tcb_status)i;
	return FOG_TEE_TCB_NONE;
}

/* ---- files ---------------------------------------------------------------------------------- */

bool fog_tee_tcb_split(const char *text, size_t len, const char *name, const char **inner,
		       size_t *inner_len, u8 signature[64])
{
	char head[32], hex[129];
	json_error_t error;

	size_t at = (size_t)snprintf(head, sizeof(head), "{\"%s\":", name);
	while (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > FOG_TEE_TCB_TEXT_MAX || len < at || memcmp(text, head, at) != 0)
		return false;
	json_t *value = json_loadb(text + at, len - at, JSON_DISABLE_EOF_CHECK, &error);
	if (value == NULL)
		return false;
	json_decref(value);
	*inner = text + at;
	*inner_len = (size_t)error.position;
	at += *inner_len;
	static const char middle[] = ",\"signature\":\"", end[] = "\"}";
	if (len - at != sizeof(middle) - 1 + 128 + sizeof(end) - 1 ||
	    memcmp(text + at, middle, sizeof(middle) - 1) != 0 ||
	    memcmp(text + len - 2, end, sizeof(end) - 1) != 0)
		return false;
	snprintf(hex, sizeof(hex), "%.128s", text + at + sizeof(middle) - 1);
	return fog_hex_decode(hex, signature, 64) == 0;
}

static u64 date_read(struct fog_json_reader *r, const char *field)
{
	const char *text = fog_json_text_of(r, field, NAME_SIZE);
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	if (end == NULL || *end != '\0') {
		fog_json_wrong(r, field, "is no time");
		return 0;
	}
	time_t at = timegm(&tm);
	return at > 0 ? (u64)at : 0;
}

static void up(struct fog_json_reader *r, const struct fog_json_reader *inner)
{
	if (fog_json_ok(r) && !fog_json_ok(inner))
		memcpy(r->error, inner->error, sizeof(r->error));
}

/* [{"svn":n,..}, ..]: sixteen of them. */
static void parts_read(struct fog_json_reader *r, const char *field, u8 out[FOG_TEE_TCB_PARTS])
{
	const json_t *list = fog_json_array(r, field, FOG_TEE_TCB_PARTS, FOG_TEE_TCB_PARTS), *e;
	size_t i;

	json_array_foreach(list, i, e)
	{
		struct fog_json_reader part;
		fog_json_begin(&part, e, "tcbLevels.");
		out[i] = (u8)fog_json_u64(&part, "svn", 0, 255);
		up(r, &part);
	}
}

static void advisories_read(struct fog_json_reader *r, struct fog_tee_tcb_level *l)
{
	const json_t *list, *e;
	size_t i, at = 0;

	if (!fog_json_has(r, "advisoryIDs"))
		return;
	list = fog_json_array(r, "advisoryIDs", 0, LIST_MAX);
	json_array_foreach(list, i, e)
	{
		const char *text = json_is_string(e) ? json_string_value(e) : "";
		if (at + strlen(text) + 2 >= sizeof(l->advisories))
			break;
		at += (size_t)snprintf(l->advisories + at, sizeof(l->advisories) - at, " %s", text);
	}
}

/* A level of a platform, or (alone) of something that has one SVN. */
static void level_read(struct fog_json_reader *r, struct fog_tee_tcb_level *l, bool alone)
{
	struct fog_json_reader tcb;

	fog_json_begin(&tcb, fog_json_object(r, "tcb"), "tcbLevels.tcb.");
	if (!alone) {
		parts_read(&tcb, "sgxtcbcomponents", l->sgx);
		parts_read(&tcb, "tdxtcbcomponents", l->tdx);
	}
	l->svn = (u32)fog_json_u64(&tcb, alone ? "isvsvn" : "pcesvn", 0, UINT16_MAX);
	up(r, &tcb);
	l->status = fog_tee_tcb_parse(fog_json_text_of(r, "tcbStatus", NAME_SIZE));
	if (l->status == FOG_TEE_TCB_NONE)
		fog_json_wrong(r, "tcbStatus", "is none that is known");
	fog_json_copy(r, "tcbDate", l->date, sizeof(l->date));
	advisories_read(r, l);
}

static void levels_read(struct fog_json_reader *r, struct fog_tee_tcb_levels *out, bool alone)
{
	const json_t *list = fog_json_array(r, "tcbLevels", 1, FOG_TEE_TCB_LEVELS_MAX), *e;
	size_t i;

	json_array_foreach(list, i, e)
	{
		struct fog_json_reader level;
		fog_json_begin(&level, e, "tcbLevels.");
		level_read(&level, &out->one[out->count++], alone);
		up(r, &level);
	}
}

static void module_read(struct fog_json_reader *r, struct fog_tee_signed_code *m)
{
	fog_json_hex(r, "mrsigner", m->signer, 48);
	fog_json_hex(r, "attributes", m->attributes, 8);
	fog_json_hex(r, "attributesMask", m->attributes_mask, 8);
}

static void modules_read(struct fog_json_reader *r, struct fog_tee_tcb_info *out)
{
	struct fog_json_reader m;
	const json_t *list, *e;
	size_t i;

	fog_json_begin(&m, fog_json_object(r, "tdxModule"), "tdxModule.");
	module_read(&m, &out->module0);
	up(r, &m);
	if (!fog_json_has(r, "tdxModuleIdentities"))
		return;
	list = fog_json_array(r, "tdxModuleIdentities", 0, FOG_TEE_MODULES_MAX);
	json_array_foreach(list, i, e)
	{
		struct fog_tee_signed_code *one = &out->module[out->module_count++];
		fog_json_begin(&m, e, "tdxModuleIdentities.");
		const char *id = fog_json_text_of(&m, "id", NAME_SIZE);
		u8 version[1] = {0};
		if (strncmp(id, "TDX_", 4) != 0 || fog_hex_decode(id + 4, version, 1) != 0)
			fog_json_wrong(&m, "id", "is no module's");
		one->version = version[0];
		module_read(&m, one);
		levels_read(&m, &one->levels, true);
		up(r, &m);
	}
}

int fog_tee_tcb_info_parse(struct fog_tee_tcb_info *out, const char *text, size_t len,
			   char why[FOG_TEE_WHY_SIZE])
{
	struct fog_json_reader r;
	json_t *root = fog_json_parse(text, len, why);

	memset(out, 0, sizeof(*out));
	if (root == NULL)
		return -EINVAL;
	fog_json_begin(&r, root, "tcbInfo.");
	fog_json_expect(&r, "id", "TDX");
	fog_json_u64(&r, "version", 3, 3);
	out->issued_s = date_read(&r, "issueDate");
	out->next_s = date_read(&r, "nextUpdate");
	fog_json_hex(&r, "fmspc", out->fmspc, 6);
	fog_json_hex(&r, "pceId", out->pceid, 2);
	fog_json_u64(&r, "tcbType", 0, 0);
	out->evaluation = (u32)fog_json_u64(&r, "tcbEvaluationDataNumber", 0, UINT32_MAX);
	modules_read(&r, out);
	levels_read(&r, &out->levels, false);
	snprintf(why, FOG_TEE_WHY_SIZE, "%s", r.error);
	json_decref(root);
	return why[0] == '\0' ? 0 : -EINVAL;
}

int fog_tee_qe_identity_parse(struct fog_tee_qe_identity *out, const char *text, size_t len,
			      char why[FOG_TEE_WHY_SIZE])
{
	struct fog_tee_signed_code *qe = &out->qe;
	struct fog_json_reader r;
	json_t *root = fog_json_parse(text, len, why);

	memset(out, 0, sizeof(*out));
	if (root == NULL)
		return -EINVAL;
	fog_json_begin(&r, root, "enclaveIdentity.");
	fog_json_expect(&r, "id", "TD_QE");
	fog_json_u64(&r, "version", 2, 2);
	out->issued_s = date_read(&r, "issueDate");
	out->next_s = date_read(&r, "nextUpdate");
	fog_json_hex(&r, "mrsigner", qe->signer, 32);
	fog_json_hex(&r, "attributes", qe->attributes, 16);
	fog_json_hex(&r, "attributesMask", qe->attributes_mask, 16);
	fog_json_hex(&r, "miscselect", qe->misc, 4);
	fog_json_hex(&r, "miscselectMask", qe->misc_mask, 4);
	qe->product = (u32)fog_json_u64(&r, "isvprodid", 0, UINT16_MAX);
	levels_read(&r, &qe->levels, true);
	snprintf(why, FOG_TEE_WHY_SIZE, "%s", r.error);
	json_decref(root);
	return why[0] == '\0' ? 0 : -EINVAL;
}

/* ---- levels --------------------------------------------------------------------------------- */

static bool masked_equal(const u8 *value, const u8 *want, const u8 *mask, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((value[i] & mask[i]) != want[i])
			return false;
	return true;
}

static bool reaches(const u8 *have, const u8 *want, u32 from)
{
	for (u32 i = from; i < FOG_TEE_TCB_PARTS; i++)
		if (have[i] < want[i])
			return false;
	return true;
}

static const struct fog_tee_tcb_level *platform_level(const struct fog_tee_tdx_platform *p,
						      const struct fog_tee_tcb_levels *levels)
{
	u32 from = p->tdx[MODULE_AT] != 0 ? MODULE_END : 0;

	for (u32 i = 0; i < levels->count; i++) {
		const struct fog_tee_tcb_level *l = &levels->one[i];
		if (reaches(p->cpu, l->sgx, 0) && p->pce >= l->svn && reaches(p->tdx, l->tdx, from))
			return l;
	}
	return NULL;
}

static const struct fog_tee_tcb_level *code_level(u32 svn, const struct fog_tee_tcb_levels *levels)
{
	for (u32 i = 0; i < levels->count; i++)
		if (svn >= levels->one[i].svn)
			return &levels->one[i];
	return NULL;
}

static const struct fog_tee_signed_code *module_of(const struct fog_tee_tdx_platform *p,
						   const struct fog_tee_tcb_info *info)
{
	if (p->tdx[MODULE_AT] == 0)
		return &info->module0;
	for (u32 i = 0; i < info->module_count; i++)
		if (info->module[i].version == p->tdx[MODULE_AT])
			return &info->module[i];
	return NULL;
}

/* Code that is out of date makes the platform so, whatever else it needs. */
static enum fog_tee_tcb_status worse(enum fog_tee_tcb_status platform, enum fog_tee_tcb_status code)
{
	if (code == FOG_TEE_TCB_REVOKED || platform == FOG_TEE_TCB_REVOKED)
		return FOG_TEE_TCB_REVOKED;
	if (code != FOG_TEE_TCB_OUT_OF_DATE)
		return FOG_MAX(platform, code);
	return platform == FOG_TEE_TCB_CONFIGURATION ||
			       platform == FOG_TEE_TCB_CONFIGURATION_AND_SW ||
			       platform == FOG_TEE_TCB_OUT_OF_DATE_CONFIGURATION
		       ? FOG_TEE_TCB_OUT_OF_DATE_CONFIGURATION
		       : FOG_TEE_TCB_OUT_OF_DATE;
}

static enum fog_tee_tcb_status level_add(enum fog_tee_tcb_status status,
					 const struct fog_tee_tcb_level *l, const char *what,
					 char why[FOG_TEE_WHY_SIZE])
{
	size_t at = strlen(why);
	enum fog_tee_tcb_status own = l != NULL ? l->status : FOG_TEE_TCB_NONE;

	if (own != FOG_TEE_TCB_UP_TO_DATE)
		snprintf(why + at, FOG_TEE_WHY_SIZE - at, "%s%s %s%s%.10s%.60s", at > 0 ? ", " : "",
			 what, fog_tee_tcb_name(own), l != NULL ? " of " : "",
			 l != NULL ? l->date : "", l != NULL ? l->advisories : "");
	return status == FOG_TEE_TCB_NONE || own == FOG_TEE_TCB_NONE ? FOG_TEE_TCB_NONE
								     : worse(status, own);
}

enum fog_tee_fault fog_tee_tcb_judge(const struct fog_tee_tdx_platform *p,
				     const struct fog_tee_tcb_info *info,
				     const struct fog_tee_qe_identity *qe,
				     enum fog_tee_tcb_status *status, char why[FOG_TEE_WHY_SIZE])
{
	const struct fog_tee_signed_code *module = module_of(p, info);

	why[0] = '\0';
	*status = FOG_TEE_TCB_NONE;
	if (module == NULL || memcmp(p->module_signer, module->signer, 48) != 0 ||
	    !masked_equal(p->module_attributes, module->attributes, module->attributes_mask, 8)) {
		snprintf(why, FOG_TEE_WHY_SIZE, "the TDX module is none that Intel names");
		return FOG_TEE_QE;
	}
	if (memcmp(p->qe_signer, qe->qe.signer, 32) != 0 || p->qe_product != qe->qe.product ||
	    !masked_equal(p->qe_attributes, qe->qe.attributes, qe->qe.attributes_mask, 16) ||
	    !masked_equal(p->qe_misc, qe->qe.misc, qe->qe.misc_mask, 4)) {
		snprintf(why, FOG_TEE_WHY_SIZE, "the quoting enclave is not the one Intel names");
		return FOG_TEE_QE;
	}
	*status = level_add(FOG_TEE_TCB_UP_TO_DATE, platform_level(p, &info->levels),
			    "the platform is", why);
	if (module != &info->module0)
		*status = level_add(*status, code_level(p->tdx[0], &module->levels),
				    "the TDX module is", why);
	*status = level_add(*status, code_level(p->qe_svn, &qe->qe.levels),
			    "the quoting enclave is", why);
	return FOG_TEE_VALID;
}
