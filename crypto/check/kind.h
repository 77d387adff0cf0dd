/* SPDX-License-Identifier: BSD-3-Clause */
/* The kinds of things that can be checked, their numbers and the layout of their payloads. Part of
 * the shared-memory ABI (dataplane/abi/abi.h). Integers are little-endian, points and scalars 32
 * bytes; "rest" runs to the end of the payload. */
#ifndef FOG_CRYPTO_CHECK_KIND_H
#define FOG_CRYPTO_CHECK_KIND_H

/* Longer ones are hashed by the submitter, by protocol. */
#define FOG_CHECK_PAYLOAD_MAX 32768
#define FOG_CHECK_CONTEXT_MAX 1024 /* bytes a range or sigma proof is bound to */

/* Admission classes. Under load each has a share of every batch, the earlier the larger
 * (dataplane/ctl/verify.h); what one does not use the next may. */
enum fog_verify_class {
	FOG_VERIFY_VOTES = 0, /* consensus */
	FOG_VERIFY_RECEIPTS = 1,
	FOG_VERIFY_MARKET = 2,
	FOG_VERIFY_BULK = 3,
};

#define FOG_VERIFY_CLASSES 4

enum fog_check_kind {
	FOG_CHECK_NONE = 0,
	/* key 32 | signature 64 | message, rest. The rule of crypto/sign/sign.h. */
	FOG_CHECK_ED25519 = 1,
	/* suite u8 (enum fog_vrf_suite) | form u8 (enum fog_check_vrf_form) | key 32 |
	 * proof 80 or 129 | alpha, rest. beta is fog_vrf_proof_to_hash() of a good proof. */
	FOG_CHECK_VRF = 2,
	/* bits u8 | count u8 | context length u16 | context | commitments, count * 32 | proof,
	 * rest. Transcript: FOG_CHECK_RANGE_LABEL, then "context". */
	FOG_CHECK_RANGE = 3,
	/* branches u8 | zero u8 | context length u16 | context | statements | proof, rest. A
	 * statement is secrets u8 | equations u8 | points u8 | terms u8 | target u8 each |
	 * equation, secret, point u8 of each term | points. Transcript: FOG_CHECK_SIGMA_LABEL,
	 * "context". */
	FOG_CHECK_SIGMA = 4,
	/* root 32 | size u64 | index u64 | leaf hash 32 | hashes, rest */
	FOG_CHECK_MERKLE_INCLUSION = 5,
	/* old root 32 | old size u64 | new root 32 | new size u64 | hashes, rest */
	FOG_CHECK_MERKLE_CONSISTENCY = 6,
	/* context length u16 | context | statement length u16 | statement | commitments, 32 for
	 * each of its attributes | proof, rest. Transcript: FOG_CHECK_STATEMENT_LABEL, "context".
	 */
	FOG_CHECK_STATEMENT = 7,
	/* Reserved; the answer is -EOPNOTSUPP until they are here. */
	FOG_CHECK_ECDSA_P256 = 8,
	FOG_CHECK_ECDSA_P384 = 9,
};

enum fog_check_vrf_form {
	FOG_CHECK_VRF_PLAIN = 1, /* 80 bytes */
	FOG_CHECK_VRF_BATCH = 2, /* 129 bytes; many are checked by one equation */
};

#define FOG_CHECK_RANGE_LABEL     "fog range proof"
#define FOG_CHECK_SIGMA_LABEL     "fog sigma proof"
#define FOG_CHECK_STATEMENT_LABEL "fog statement"

#endif
