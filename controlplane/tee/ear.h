/* SPDX-License-Identifier: BSD-3-Clause */
/* Attestation results: claims of EAT (RFC 9711) as EAR arranges them (draft-ietf-rats-ear), in a
 *JSON web token signed by the verifier's node key (JWS compact, alg EdDSA):
 *
 *	{"alg":"EdDSA","kid":NODE,"typ":"JWT"} . claims . signature
 *
 *	claims: eat_profile, jti "att_..", iat, exp, eat_nonce, ueid (1 and the node id),
 *		ear.verifier-id {developer, build}, submods.{host or the enclave's id} {
 *		ear.status, ear.trustworthiness-vector {instance-identity, configuration,
 *executables, hardware}, ear.appraisal-policy-id, fog.* }
 *
 * A status says how far a relying party may go: affirming where hardware that the policy accepts
 *stands behind it, warning where only the host's word does, contraindicated where it was refused.
 *Pure. */
#ifndef FOG_TEE_EAR_H
#define FOG_TEE_EAR_H

#include "controlplane/tee/appraise.h"

#define FOG_TEE_EAR_MAX 4096 /* bytes of a token */

/* AR4SI's tiers. */
enum fog_tee_status {
	FOG_TEE_STATUS_NONE = 0,
	FOG_TEE_STATUS_AFFIRMING = 2,
	FOG_TEE_STATUS_WARNING = 32,
	FOG_TEE_STATUS_CONTRAINDICATED = 96,
};
const char *fog_tee_status_name(enum fog_tee_status status);

struct fog_tee_ear {
	char id[FOG_TEE_ID_SIZE]; /* "att_" and 16 digits */
	u8 verifier[32], node[32];
	u64 issued_s, expires_s;
	enum fog_tee_kind kind;
	enum fog_tee_status status;
	enum fog_tee_fault fault;
	char why[FOG_TEE_WHY_SIZE];
	u8 nonce[32], policy[32], platform[32], hardware[32];
	u8 evidence[32];             /* SHA-256 of the evidence: proofs of execution name it */
	enum fog_tee_tcb_status tcb; /* TDX: how its firmware stood; NONE: not known */
	bool endorsed;               /* hardware: its maker certifies the key */
	bool has_enclave;
	char enclave[FOG_TEE_ID_SIZE];
	u8 launch[32], key[32];
};

/* What an appraisal comes to. */
void fog_tee_ear_of(struct fog_tee_ear *out, const struct fog_tee_appraisal *a,
		    const struct fog_tee_question *q, const struct fog_tee_policy *p);
/* Token to free(); NULL without memory. sk: the verifier's. */
char *fog_tee_ear_sign(const struct fog_tee_ear *e, const u8 sk[64]);
/* Signature and times; who the verifier is to be believed is the caller's business. 0; -EINVAL: not
 * such a token; -EBADMSG: signature; -ETIME: expired or from the future; with why. */
int fog_tee_ear_verify(struct fog_tee_ear *out, const char *token, u64 now_s,
		       char why[FOG_TEE_WHY_SIZE]);
/* For the API: everything in it, a new reference. */
json_t *fog_tee_ear_json(const struct fog_tee_ear *e);

#endif
