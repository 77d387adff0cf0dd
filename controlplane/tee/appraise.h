/* SPDX-License-Identifier: BSD-3-Clause */
/* The verifier (RFC 9334): evidence, the question it answers and a policy in; a verdict with one
 * reason out.
 *
 *	evidence = {"statement": text, "signature": hex, "quote": {..}}	at most EVIDENCE_TEXT_MAX
 *bytes
 *
 * signature is the host's node key over the statement; quote what its hardware signed:
 *
 *	software  {}			nothing
 *	tpm	  {"message","signature","ak": hex, "pcrs": [[n, hex], ..], "register": n}
 *	snp	  {"report": hex, "certs": PEM}
 *	tdx	  {"quote": hex}
 *
 * Pure; any thread. 1 to 2 ms. */
#ifndef FOG_TEE_APPRAISE_H
#define FOG_TEE_APPRAISE_H

#include <jansson.h>

#include "controlplane/tee/collateral.h"
#include "controlplane/tee/policy.h"

#define FOG_TEE_EVIDENCE_TEXT_MAX (60 * 1024)
/* The registers that an operating system may reset: ours must be one of them. */
#define FOG_TEE_REGISTER_DEBUG       16
#define FOG_TEE_REGISTER_APPLICATION 23

struct fog_tee_question {
	/* Why there is no collateral although some was named: all is refused. NULL or "": it is as
	 * it should be. */
	const char *collateral_why;
	u8 nonce[32];
	u8 node[32];     /* who was asked */
	u8 verifier[32]; /* who asks */
	u64 asked_s, now_s;
	const char *enclave; /* id, "" = the host alone */
	/* The nonce went out as a credential for this AK alone, see credential.h. */
	bool endorsed;
	u8 ak_sha256[32];              /* of its TPMT_PUBLIC */
	u8 ek_sha256[32];              /* of the key that its maker certified */
	char ek_why[FOG_TEE_WHY_SIZE]; /* why its maker does not stand behind that key any more;
					  "": it does */
	enum fog_tee_fault ek_fault;   /* REVOKED or COLLATERAL with it */
	u8 platform[32];               /* the verifier's own measurement: "same" */
};

struct fog_tee_appraisal {
	enum fog_tee_fault fault;
	char why[FOG_TEE_WHY_SIZE]; /* the reason with its particulars */
	struct fog_tee_statement statement;
	struct fog_tee_claims claims;
	u8 evidence[32]; /* SHA-256 of the text */
	u8 platform[32];
	u8 launch[32];               /* of the enclave */
	u8 hardware[32];             /* what can be revoked: AK, chip, PCK; zeros: none */
	enum fog_tee_tcb_status tcb; /* TDX: how its firmware stands; NONE: not known */
};

/* collateral: NULL where none is known. Returns out->fault. */
enum fog_tee_fault fog_tee_appraise(const char *evidence, const struct fog_tee_question *q,
				    const struct fog_tee_policy *policy,
				    const struct fog_tee_collateral *collateral,
				    struct fog_tee_appraisal *out);

/* The text of evidence, to free(); takes over quote. NULL: no memory. */
char *fog_tee_evidence_text(const char *statement, const u8 signature[64], json_t *quote);

/* Hex of any length as JSON; NULL without memory. */
json_t *fog_tee_hex_json(const u8 *data, size_t len);
/* Bytes read, or -EINVAL: no hex, or more than cap. */
long fog_tee_hex_bytes(const json_t *value, u8 *out, size_t cap);

#endif
