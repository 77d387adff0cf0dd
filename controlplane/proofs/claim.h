/* SPDX-License-Identifier: BSD-3-Clause */
/* Claims: a predicate, the commitments it speaks of, and the proof that it is true of them, bound
 *to a domain (which application asks), a context (which question: a nonce, a job, an order) and a
 *time after which nobody takes it. As JSON:
 *
 *	secrets  {"attributes": {"age": {"value": 25, "blinding": hex, "commitment": hex}, ..}}
 *	claim    {"type": "fog.claim.v1", "predicate": "age >= 18", "domain": "..", "context": "..",
 *		  "expires": seconds, "commitments": {"age": hex}, "proof": hex}
 *
 * Secrets stay with the prover. The verifier learns from a claim that the predicate is true of what
 * is in the commitments; that those are the right ones it knows from elsewhere (a credential, a
 * descriptor) and says so with fog_claim_expected. Every refusal has a reason in words. */
#ifndef FOG_PROOFS_CLAIM_H
#define FOG_PROOFS_CLAIM_H

#include <jansson.h>

#include "controlplane/core/verifier.h"
#include "controlplane/proofs/predicate.h"

#define FOG_CLAIM_TYPE       "fog.claim.v1"
#define FOG_CLAIM_NAME_MAX   256    /* bytes of domain and of context */
#define FOG_CLAIM_LIFE_MAX_S 604800 /* a week; longer is refused */

/* Commits to values: {"age": 25, "country": "de"} with fresh blindings. *secrets is the caller's.
 * 0, -EINVAL or -ENOMEM. */
int fog_claim_commit(const json_t *values, json_t **secrets, char why[FOG_PREDICATE_WHY]);

struct fog_claim_question {
	const char *predicate;
	const char *domain;
	const char *context;
	u64 expires_s; /* Unix time */
};

/* Proves. *claim is the caller's. 0; -EINVAL (question or secrets); -EDOM: the predicate is not
 * true of the values; -ENOMEM. About 5 ms and 4 MiB for one comparison. */
int fog_claim_prove(const struct fog_claim_question *q, const json_t *secrets, json_t **claim,
		    char why[FOG_PREDICATE_WHY]);

/* What the verifier insists on; NULL members do not matter to it. */
struct fog_claim_expected {
	const char *predicate;
	const char *domain;
	const char *context;
	const json_t *commitments; /* {"age": hex}: those named must be these */
	u64 now_s;
};

/* A claim made ready for a struct fog_verifier: kind FOG_CHECK_STATEMENT. */
struct fog_claim_payload {
	u32 length;
	u8 bytes[FOG_CHECK_PAYLOAD_MAX];
};

/* Everything but the proof itself. 0; -EINVAL: malformed or not what is expected; -ETIME: expired;
 * why says which. */
int fog_claim_open(const json_t *claim, const struct fog_claim_expected *expected,
		   struct fog_claim_payload *out, char why[FOG_PREDICATE_WHY]);

/* The same and the proof, in this process. Also -EBADMSG: the proof is false. */
int fog_claim_verify(struct fog_local_verifier *v, const json_t *claim,
		     const struct fog_claim_expected *expected, char why[FOG_PREDICATE_WHY]);

#endif
