/* SPDX-License-Identifier: BSD-3-Clause */
/* A TPM 2.0 through tpm2-tss. Both keys are primary keys of the endorsement hierarchy: made anew
 *from its seed at each start, the same ones for the life of the TPM, and nothing of them is stored.
 *
 *	EK	RSA-2048, the template its maker's certificate is for (TCG EK Credential Profile,
 *L-1); the certificate lies in NV at 0x01c00002 AK	ECDSA P-256, restricted: it signs nothing
 *but what the TPM itself made
 *
 * Quoted are the registers of the boot (0 to 9, 14) and the application's, into which the event log
 * goes. */
#include "controlplane/tee/provider.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "controlplane/tee/appraise.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define NV_EK_CERT    0x01c00002
#define NV_CHUNK      512 /* every TPM reads as much at once */
#define BOOT_REGISTER 0x43ffu
/* The first transient object and the first session (part 2, TPM_HT); the library's own names for
 * them shift into a sign. */
#define HANDLES_KEYS     0x80000000u
#define HANDLES_SESSIONS 0x02000000u
#define NO_SESSIONS      ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE
#define ONE_PASSWORD     ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE

struct tpm {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR ek, ak;
	u32 pcr;
	u8 ak_public[FOG_TEE_AK_MAX];
	size_t ak_size;
	u8 ek_cert[FOG_TEE_EK_CERT_MAX];
	size_t ek_cert_size; /* 0: its maker put none there */
};

static int fail(TSS2_RC rc, char why[FOG_TEE_WHY_SIZE], const char *what)
{
	snprintf(why, FOG_TEE_WHY_SIZE, "the TPM: %s: %.160s", what, Tss2_RC_Decode(rc));
	return -EIO;
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* PolicySecret(endorsement): the policy of every EK of this profile. */
static const u8 ek_policy[32] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
				 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
				 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};

static void ek_template(TPM2B_PUBLIC *t)
{
	TPMT_PUBLIC *p = &t->publicArea;

	*t = (TPM2B_PUBLIC){0};
	p->type = TPM2_ALG_RSA;
	p->nameAlg = TPM2_ALG_SHA256;
	p->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
			      TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
			      TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
	p->authPolicy.size = sizeof(ek_policy);
	memcpy(p->authPolicy.buffer, ek_policy, sizeof(ek_policy));
	p->parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_AES;
	p->parameters.rsaDetail.symmetric.keyBits.aes = 128;
	p->parameters.rsaDetail.symmetric.mode.aes = TPM2_ALG_CFB;
	p->parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
	p->parameters.rsaDetail.keyBits = 2048;
	p->unique.rsa.size = 256;
}

static void ak_template(TPM2B_PUBLIC *t)
{
	TPMT_PUBLIC *p = &t->publicArea;

	*t = (TPM2B_PUBLIC){0};
	p->type = TPM2_ALG_ECC;
	p->nameAlg = TPM2_ALG_SHA256;
	p->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
			      TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
			      TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT;
	p->parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
	p->parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
	p->parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
	p->parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
	p->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
}

static TSS2_RC primary_make(struct tpm *t, const TPM2B_PUBLIC *public, ESYS_TR *out,
			    TPM2B_PUBLIC **made)
{
	static const TPM2B_SENSITIVE_CREATE sensitive;
	static const TPM2B_DATA outside;
	static const TPML_PCR_SELECTION pcrs;

	return Esys_CreatePrimary(t->esys, ESYS_TR_RH_ENDORSEMENT, ONE_PASSWORD, &sensitive, public,
				  &outside, &pcrs, out, made, NULL, NULL, NULL);
}

static int keys_make(struct tpm *t, char why[FOG_TEE_WHY_SIZE])
{
	TPM2B_PUBLIC template, *made = NULL;
	size_t at = 0;

	ak_template(&template);
	TSS2_RC rc = primary_make(t, &template, &t->ak, &made);
	if (rc != TSS2_RC_SUCCESS)
		return fail(rc, why, "attestation key");
	rc = Tss2_MU_TPMT_PUBLIC_Marshal(&made->publicArea, t->ak_public, sizeof(t->ak_public),
					 &at);
	Esys_Free(made);
	if (rc != TSS2_RC_SUCCESS)
		return fail(rc, why, "attestation key");
	t->ak_size = at;
	ek_template(&template);
	rc = primary_make(t, &template, &t->ek, NULL);
	return rc != TSS2_RC_SUCCESS ? fail(rc, why, "endorsement key") : 0;
}

/* None is not an error: TPMs of virtual machines often have none. */
static void ek_cert_read(struct tpm *t)
{
	TPM2B_NV_PUBLIC *public = NULL;
	ESYS_TR nv = ESYS_TR_NONE;
	u16 size = 0;

	if (Esys_TR_FromTPMPublic(t->esys, NV_EK_CERT, NO_SESSIONS, &nv) != TSS2_RC_SUCCESS)
		return;
	if (Esys_NV_ReadPublic(t->esys, nv, NO_SESSIONS, &public, NULL) == TSS2_RC_SUCCESS)
		size = public->nvPublic.dataSize;
	Esys_Free(public);
	for (u16 at = 0; size <= sizeof(t->ek_cert) && at < size;) {
		TPM2B_MAX_NV_BUFFER *part = NULL;
		u16 len = (u16)FOG_MIN(size - at, NV_CHUNK);
		if (Esys_NV_Read(t->esys, nv, nv, ONE_PASSWORD, len, at, &part) !=
			    TSS2_RC_SUCCESS ||
		    part->size != len) {
			Esys_Free(part);
			at = 0;
			break;
		}
		memcpy(t->ek_cert + at, part->buffer, len);
		Esys_Free(part);
		at = (u16)(at + len);
		t->ek_cert_size = at;
	}
	Esys_TR_Close(t->esys, &nv);
	/* A certificate may be padded: its length is in its first bytes (DER, long form). */
	if (t->ek_cert_size < size || size < 4 || t->ek_cert[0] != 0x30 || t->ek_cert[1] != 0x82)
		t->ek_cert_size = 0;
	else
		t->ek_cert_size =
			FOG_MIN((size_t)size, 4u + ((size_t)t->ek_cert[2] << 8 | t->ek_cert[3]));
}

/* ---- life ----------------------------------------------------------------------------------- */

static void tpm_close(struct fog_tee_provider *p)
{
	struct tpm *t = p->state;

	if (t->ak != ESYS_TR_NONE)
		Esys_FlushContext(t->esys, t->ak);
	if (t->ek != ESYS_TR_NONE)
		Esys_FlushContext(t->esys, t->ek);
	if (t->esys != NULL)
		Esys_Finalize(&t->esys);
	if (t->tcti != NULL)
		Tss2_TctiLdr_Finalize(&t->tcti);
	free(t);
}

static void about(struct fog_tee_provider *p, const char *tcti)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	struct tpm *t = p->state;
	char maker[5] = "";
	TPMI_YES_NO more;

	if (Esys_GetCapability(t->esys, NO_SESSIONS, TPM2_CAP_TPM_PROPERTIES, TPM2_PT_MANUFACTURER,
			       1, &more, &data) == TSS2_RC_SUCCESS &&
	    data->data.tpmProperties.count == 1)
		for (u32 i = 0; i < 4; i++) {
			u8 c = (u8)(data->data.tpmProperties.tpmProperty[0].value >> (24 - 8 * i));
			maker[i] = c > ' ' && c < 127 ? (char)c : '\0';
		}
	Esys_Free(data);
	snprintf(p->about, sizeof(p->about), "TPM 2.0 made by %s, by %.80s%s", maker, tcti,
		 t->ek_cert_size != 0 ? "" : ", without a certificate of its maker's");
}

static void handles_flush(struct tpm *t, TSS2_SYS_CONTEXT *sys, u32 first)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;

	if (Esys_GetCapability(t->esys, NO_SESSIONS, TPM2_CAP_HANDLES, first, TPM2_MAX_CAP_HANDLES,
			       &more, &data) != TSS2_RC_SUCCESS)
		return;
	for (u32 i = 0; i < data->data.handles.count; i++)
		(void)Tss2_Sys_FlushContext(sys, data->data.handles.handle[i]);
	Esys_Free(data);
}

/* The kernel takes back what a killed process had in the TPM; an emulator without it has one user,
 * and room for three keys. */
static void leftovers_flush(struct tpm *t, const char *tcti)
{
	TSS2_SYS_CONTEXT *sys;

	if (strncmp(tcti, "swtpm", 5) != 0 || Esys_GetSysContext(t->esys, &sys) != TSS2_RC_SUCCESS)
		return;
	handles_flush(t, sys, HANDLES_KEYS);
	handles_flush(t, sys, HANDLES_SESSIONS);
}

static int begin(struct tpm *t, const char *tcti, char why[FOG_TEE_WHY_SIZE])
{
	TSS2_RC rc = Tss2_TctiLdr_Initialize(tcti, &t->tcti);

	if (rc != TSS2_RC_SUCCESS)
		return fail(rc, why, tcti);
	rc = Esys_Initialize(&t->esys, t->tcti, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return fail(rc, why, tcti);
	rc = Esys_Startup(t->esys, TPM2_SU_CLEAR);
	if (rc != TSS2_RC_SUCCESS && rc != TPM2_RC_INITIALIZE)
		return fail(rc, why, "start");
	leftovers_flush(t, tcti);
	return keys_make(t, why);
}

static int tpm_open(struct fog_tee_provider *p, const struct fog_tee_provider_config *c,
		    char why[FOG_TEE_WHY_SIZE])
{
	const char *tcti = c->tpm[0] != '\0' ? c->tpm : FOG_TEE_TPM_TCTI;
	struct tpm *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->ak = t->ek = ESYS_TR_NONE;
	t->pcr = c->pcr;
	p->kind = FOG_TEE_TPM;
	p->state = t;
	/* What is absent is a sentence of ours; the library would print several of its own. */
	setenv("TSS2_LOG", "all+NONE", 0);
	int rc = begin(t, tcti, why);
	if (rc != 0) {
		tpm_close(p);
		return rc;
	}
	ek_cert_read(t);
	about(p, tcti);
	return 0;
}

static int tpm_identity(struct fog_tee_provider *p, json_t **out, char why[FOG_TEE_WHY_SIZE])
{
	const struct tpm *t = p->state;

	*out = json_pack("{s:o, s:o}", "ak", fog_tee_hex_json(t->ak_public, t->ak_size), "ek_cert",
			 fog_tee_hex_json(t->ek_cert, t->ek_cert_size));
	return *out != NULL ? 0 : -ENOMEM;
}

/* ---- register and quote --------------------------------------------------------------------- */

static int tpm_reset(struct fog_tee_provider *p, char why[FOG_TEE_WHY_SIZE])
{
	struct tpm *t = p->state;
	TSS2_RC rc = Esys_PCR_Reset(t->esys, ESYS_TR_PCR0 + t->pcr, ONE_PASSWORD);

	return rc != TSS2_RC_SUCCESS ? fail(rc, why, "reset of the register") : 0;
}

static int tpm_extend(struct fog_tee_provider *p, const u8 digest[32], char why[FOG_TEE_WHY_SIZE])
{
	TPML_DIGEST_VALUES values = {.count = 1, .digests[0].hashAlg = TPM2_ALG_SHA256};
	struct tpm *t = p->state;

	memcpy(values.digests[0].digest.sha256, digest, 32);
	TSS2_RC rc = Esys_PCR_Extend(t->esys, ESYS_TR_PCR0 + t->pcr, ONE_PASSWORD, &values);
	return rc != TSS2_RC_SUCCESS ? fail(rc, why, "extend") : 0;
}

static void selection(const struct tpm *t, u32 which, TPML_PCR_SELECTION *out)
{
	*out = (TPML_PCR_SELECTION){.count = 1};
	out->pcrSelections[0].hash = TPM2_ALG_SHA256;
	out->pcrSelections[0].sizeofSelect = 3;
	for (u32 i = 0; i < 3; i++)
		out->pcrSelections[0].pcrSelect[i] = (u8)(which >> (8 * i));
}

/* A TPM gives eight at a time, in order: whatever it left out is asked for again. */
static TSS2_RC registers_read(struct tpm *t, u32 which, json_t *out)
{
	TSS2_RC rc = TSS2_RC_SUCCESS;

	while (rc == TSS2_RC_SUCCESS && which != 0) {
		TPML_PCR_SELECTION want, *got = NULL;
		TPML_DIGEST *values = NULL;
		u32 next = 0, given = 0;
		selection(t, which, &want);
		rc = Esys_PCR_Read(t->esys, NO_SESSIONS, &want, NULL, &got, &values);
		for (u32 i = 0; rc == TSS2_RC_SUCCESS && i < 3 && got->count == 1; i++)
			given |= (u32)got->pcrSelections[0].pcrSelect[i] << (8 * i);
		for (u32 n = 0; rc == TSS2_RC_SUCCESS && n < FOG_TEE_PCRS; n++)
			if ((given & which & 1u << n) != 0 && next < values->count) {
				const TPM2B_DIGEST *d = &values->digests[next++];
				json_array_append_new(
					out, json_pack("[i, o]", (int)n,
						       fog_tee_hex_json(d->buffer, d->size)));
				which &= ~(1u << n);
			}
		if (rc == TSS2_RC_SUCCESS && next == 0)
			rc = TPM2_RC_FAILURE; /* no bank of SHA-256 */
		Esys_Free(got);
		Esys_Free(values);
	}
	return rc;
}

static json_t *quote_json(const struct tpm *t, const TPM2B_ATTEST *message,
			  const TPMT_SIGNATURE *signature, json_t *pcrs)
{
	u8 bytes[sizeof(TPMT_SIGNATURE)];
	size_t len = 0;

	if (Tss2_MU_TPMT_SIGNATURE_Marshal(signature, bytes, sizeof(bytes), &len) !=
	    TSS2_RC_SUCCESS)
		return NULL;
	return json_pack("{s:o, s:o, s:o, s:O, s:i}", "message",
			 fog_tee_hex_json(message->attestationData, message->size), "signature",
			 fog_tee_hex_json(bytes, len), "ak",
			 fog_tee_hex_json(t->ak_public, t->ak_size), "pcrs", pcrs, "register",
			 (int)t->pcr);
}

static int tpm_quote(struct fog_tee_provider *p, const u8 binding[32], json_t **out,
		     char why[FOG_TEE_WHY_SIZE])
{
	struct tpm *t = p->state;
	u32 which = BOOT_REGISTER | 1u << t->pcr;
	TPM2B_DATA data = {.size = 32};
	TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_NULL}; /* the key's own */
	TPML_PCR_SELECTION pcrs;
	TPM2B_ATTEST *message = NULL;
	TPMT_SIGNATURE *signature = NULL;
	json_t *values = json_array();

	memcpy(data.buffer, binding, 32);
	selection(t, which, &pcrs);
	TSS2_RC rc = Esys_Quote(t->esys, t->ak, ONE_PASSWORD, &data, &scheme, &pcrs, &message,
				&signature);
	if (rc == TSS2_RC_SUCCESS)
		rc = registers_read(t, which, values);
	if (rc == TSS2_RC_SUCCESS)
		*out = quote_json(t, message, signature, values);
	Esys_Free(message);
	Esys_Free(signature);
	json_decref(values);
	if (rc != TSS2_RC_SUCCESS)
		return fail(rc, why, "quote");
	return *out != NULL ? 0 : -ENOMEM;
}

/* ---- credential ----------------------------------------------------------------------------- */

static TSS2_RC session_open(struct tpm *t, ESYS_TR *session)
{
	static const TPMT_SYM_DEF none = {.algorithm = TPM2_ALG_NULL};
	TSS2_RC rc = Esys_StartAuthSession(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, NO_SESSIONS, NULL,
					   TPM2_SE_POLICY, &none, TPM2_ALG_SHA256, session);

	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_PolicySecret(t->esys, ESYS_TR_RH_ENDORSEMENT, *session, ONE_PASSWORD,
				       NULL, NULL, NULL, 0, NULL, NULL);
	return rc;
}

static int tpm_activate(struct fog_tee_provider *p, const struct fog_tee_credential *c, u8 out[32],
			char why[FOG_TEE_WHY_SIZE])
{
	TPM2B_ENCRYPTED_SECRET seed = {.size = FOG_TEE_SEED_SIZE};
	TPM2B_ID_OBJECT blob = {.size = FOG_TEE_BLOB_SIZE};
	ESYS_TR session = ESYS_TR_NONE;
	TPM2B_DIGEST *secret = NULL;
	struct tpm *t = p->state;

	memcpy(seed.secret, c->seed, FOG_TEE_SEED_SIZE);
	memcpy(blob.credential, c->blob, FOG_TEE_BLOB_SIZE);
	TSS2_RC rc = session_open(t, &session);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_ActivateCredential(t->esys, t->ak, t->ek, ESYS_TR_PASSWORD, session,
					     ESYS_TR_NONE, &blob, &seed, &secret);
	if (session != ESYS_TR_NONE)
		Esys_FlushContext(t->esys, session);
	bool good = rc == TSS2_RC_SUCCESS && secret->size == 32;
	if (good) {
		memcpy(out, secret->buffer, 32);
		fog_wipe(secret->buffer, 32);
	}
	Esys_Free(secret);
	if (!good)
		return fail(rc, why, "credential");
	return 0;
}

const struct fog_tee_provider_ops fog_tee_provider_tpm = {
	.name = "tpm",
	.open = tpm_open,
	.identity = tpm_identity,
	.reset = tpm_reset,
	.extend = tpm_extend,
	.quote = tpm_quote,
	.activate = tpm_activate,
	.close = tpm_close,
};
