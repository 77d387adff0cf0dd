/* SPDX-License-Identifier: BSD-3-Clause */
/* What Intel says of the firmware of a TDX platform: TCB info and the identity of the quoting
 * enclave, as its Provisioning Certification Service (version 4) sends them:
 *
 *	{"tcbInfo":{"id":"TDX","version":3,"issueDate",..,"tcbLevels":[..]},"signature":hex}
 *	{"enclaveIdentity":{"id":"TD_QE","version":2,..},"signature":hex}
 *
 * signature: r and s, over the bytes of the inner object as they are written. A platform is as good
 * as the first level, newest first, of which it reaches every part; the TDX module and the quoting
 * enclave have levels of their own, and the worst of the three counts.
 *
 * Pure; any thread. */
#ifndef FOG_TEE_TCB_H
#define FOG_TEE_TCB_H

#include "controlplane/tee/evidence.h"
#include "controlplane/tee/statement.h"

#define FOG_TEE_TCB_TEXT_MAX   (64 * 1024) /* bytes of a file */
#define FOG_TEE_TCB_LEVELS_MAX 32
#define FOG_TEE_MODULES_MAX    8
#define FOG_TEE_TCB_PARTS      16

enum fog_tee_tcb_status {
	FOG_TEE_TCB_NONE = 0, /* below every level, or nothing is known */
	FOG_TEE_TCB_UP_TO_DATE,
	FOG_TEE_TCB_SW_HARDENING,
	FOG_TEE_TCB_CONFIGURATION,
	FOG_TEE_TCB_CONFIGURATION_AND_SW,
	FOG_TEE_TCB_OUT_OF_DATE,
	FOG_TEE_TCB_OUT_OF_DATE_CONFIGURATION,
	FOG_TEE_TCB_REVOKED,
	FOG_TEE_TCB_STATUS_COUNT,
};
/* Intel's words: "UpToDate", "SWHardeningNeeded", ..; NONE: "unknown". */
const char *fog_tee_tcb_name(enum fog_tee_tcb_status status);
enum fog_tee_tcb_status fog_tee_tcb_parse(const char *name);

struct fog_tee_tcb_level {
	u8 sgx[FOG_TEE_TCB_PARTS], tdx[FOG_TEE_TCB_PARTS];
	u32 svn; /* of the PCE; of a module or enclave its only part */
	enum fog_tee_tcb_status status;
	char date[24];
	char advisories[96]; /* "INTEL-SA-00837 ..", as many as fit */
};

struct fog_tee_tcb_levels {
	u32 count;
	struct fog_tee_tcb_level one[FOG_TEE_TCB_LEVELS_MAX];
};

/* A TDX module or the quoting enclave. Bytes are those of a report, in its order. */
struct fog_tee_signed_code {
	u8 version; /* module: second byte of the TEE TCB SVN */
	u8 signer[48];
	u8 attributes[16], attributes_mask[16];
	u8 misc[4], misc_mask[4]; /* enclave */
	u32 product;              /* enclave */
	struct fog_tee_tcb_levels levels;
};

struct fog_tee_tcb_info {
	u8 fmspc[6], pceid[2]; /* which platforms */
	u64 issued_s, next_s;
	u32 evaluation;
	struct fog_tee_signed_code module0; /* where the second byte is 0 */
	u32 module_count;
	struct fog_tee_signed_code module[FOG_TEE_MODULES_MAX];
	struct fog_tee_tcb_levels levels;
};

struct fog_tee_qe_identity {
	u64 issued_s, next_s;
	struct fog_tee_signed_code qe;
};

/* Where the inner object lies in a file, and its signature. name: "tcbInfo" or "enclaveIdentity".
 * False: it is no such file. */
bool fog_tee_tcb_split(const char *text, size_t len, const char *name, const char **inner,
		       size_t *inner_len, u8 signature[64]);
/* The inner object. 0 or -EINVAL with why. */
int fog_tee_tcb_info_parse(struct fog_tee_tcb_info *out, const char *text, size_t len,
			   char why[FOG_TEE_WHY_SIZE]);
int fog_tee_qe_identity_parse(struct fog_tee_qe_identity *out, const char *text, size_t len,
			      char why[FOG_TEE_WHY_SIZE]);

/* What a quote and its PCK certificate tell of the platform. */
struct fog_tee_tdx_platform {
	u8 fmspc[6], pceid[2];
	u8 cpu[FOG_TEE_TCB_PARTS]; /* components' SVNs */
	u32 pce;
	u8 tdx[FOG_TEE_TCB_PARTS]; /* TEE TCB SVN */
	u8 module_signer[48], module_attributes[8];
	u8 qe_misc[4], qe_attributes[16], qe_signer[32];
	u32 qe_product, qe_svn;
};
/* Everything of a quote that fog_tee_tdx_verify() found valid; certs: its chain, in the quote. */
enum fog_tee_fault fog_tee_tdx_platform(const u8 *quote, size_t size,
					struct fog_tee_tdx_platform *out,
					struct fog_tee_certs *certs);

/* How it stands. why: the level's date and advisories. QE: module or enclave are not those that
 * Intel names; else VALID with the status. */
enum fog_tee_fault fog_tee_tcb_judge(const struct fog_tee_tdx_platform *p,
				     const struct fog_tee_tcb_info *info,
				     const struct fog_tee_qe_identity *qe,
				     enum fog_tee_tcb_status *status, char why[FOG_TEE_WHY_SIZE]);

#endif
