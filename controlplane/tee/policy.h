/* SPDX-License-Identifier: BSD-3-Clause */
/* The appraisal policy: what a verifier accepts. A JSON file; configs/tee-policy.json is the one
 * that is shipped, and what applies without a file:
 *
 *	{"version": 1,
 *	 "accept": ["snp", "tdx", "tpm"],	kinds that make a host fit for class S, best first
 *	 "platform": ["same"],			measurements: hex, "same" (the verifier's), "any"
 *	 "code": ["any"],			of enclaves: launch measurements, hex or "any"
 *	 "revoked": [],				hex: node ids, and hardware as results tell it
 *	 "collateral": ["snp", "tdx"],		kinds of which current lists must be there
 *	 "debug": false,			accept guests their host may look into
 *	 "result_seconds": 1800,		how long a result holds
 *	 "snp": {"measurements": [], "tcb_min": "0000000000000000"},
 *	 "tdx": {"measurements": [], "tcb_min": "0000000000000000",
 *		 "tcb_status": ["UpToDate", "SWHardeningNeeded"]},
 *	 "tpm": {"endorsed": true, "pcrs": {"7": [hex, ..]}}}
 *
 * measurements are those of the guest's launch (96 hex digits) or "any"; an empty list accepts
 * none: somebody must say what the right guest is. tcb_min: eight bytes, each the least that the
 * byte of the report's TCB may be (SNP: boot loader first; TDX: TEE TCB SVN). endorsed: the
 * attestation key must be proven to live in a TPM whose endorsement certificate ends at one of the
 * verifier's roots. pcrs: registers that must hold one of these values.
 *
 * collateral: evidence of these kinds is refused without revocation lists that hold now (tpm: of
 * the makers of its endorsement key) and, of TDX, Intel's word on the firmware, see collateral.h;
 * lists that are there count in any case. tcb_status: how the firmware of a TDX platform may stand;
 * what Intel revokes is never accepted. Both may be left out and then are as above.
 *
 * Pure. */
#ifndef FOG_TEE_POLICY_H
#define FOG_TEE_POLICY_H

#include "controlplane/tee/tcb.h"

#define FOG_TEE_POLICY_SIZE_MAX (256 * 1024)
#define FOG_TEE_REFERENCES_MAX  64
#define FOG_TEE_REVOKED_MAX     1024
#define FOG_TEE_RESULT_S        1800 /* half an hour */
#define FOG_TEE_RESULT_S_MAX    86400
#define FOG_TEE_NONCE_S         600 /* an answer that takes longer is stale */

struct fog_tee_reference {
	u32 size; /* bytes; 0: any */
	u8 value[FOG_TEE_MEASUREMENT_MAX];
};

struct fog_tee_references {
	u32 count;
	struct fog_tee_reference one[FOG_TEE_REFERENCES_MAX];
};

struct fog_tee_policy {
	u8 digest[32];  /* of the file's text: which policy a result was made by */
	u32 accept;     /* bit 1 << kind */
	u32 collateral; /* likewise: must have current lists */
	u32 tcb_status; /* bit 1 << enum fog_tee_tcb_status */
	bool debug, endorsed;
	bool platform_same;
	u64 result_s;
	struct fog_tee_references platform, code, snp, tdx;
	u8 snp_tcb[8], tdx_tcb[8];
	struct fog_tee_references pcr[FOG_TEE_PCRS]; /* count 0: not looked at */
	u32 revoked_count;
	struct fog_tee_reference revoked[FOG_TEE_REVOKED_MAX];
};

/* The text of a file. 0 or -EINVAL with why. */
int fog_tee_policy_parse(struct fog_tee_policy *out, const char *text, char why[FOG_TEE_WHY_SIZE]);
/* NULL or "": the shipped one. Reads the file. 0 or -errno with why. */
int fog_tee_policy_load(struct fog_tee_policy *out, const char *path, char why[FOG_TEE_WHY_SIZE]);

/* Is the guest of SEV-SNP or TDX as the policy wants it: DEBUG, OLD or REFERENCE. Of other kinds it
 * says nothing: VALID. */
enum fog_tee_fault fog_tee_policy_guest(const struct fog_tee_policy *p,
					const struct fog_tee_claims *c);
bool fog_tee_reference_holds(const struct fog_tee_references *r, const u8 *value, u32 size);
bool fog_tee_revoked(const struct fog_tee_policy *p, const u8 *value, u32 size);

#endif
