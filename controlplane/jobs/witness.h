/* SPDX-License-Identifier: BSD-3-Clause */
/* A receipt as a proof of execution: what the worker signs for the submitter's books, made fit to
 * be shown to others, audited and put into a log. Pure. */
#ifndef FOG_JOBS_WITNESS_H
#define FOG_JOBS_WITNESS_H

#include "controlplane/jobs/papers.h"
#include "controlplane/proofs/proof.h"

/* Fills everything but issuer and signature, which fog_proof_sign() with the worker's key sets:
 *
 *	id		first 16 bytes of SHA-256 of the receipt's text: one proof per receipt
 *	job		SHA-256 of the job's id
 *	code		digest of the spec: program, arguments, environment, names and digests of
 *inputs input		digest over the inputs' digests in order; zero when there are none output
 *SHA-256 of both outputs' digests attestation	evidence for the slot, of that kind; NULL and 0 when
 *there is none
 *
 * 0 or -EINVAL: the receipt is of another spec, or of a run that never was. */
int fog_receipt_witness(struct fog_proof *p, const struct fog_receipt *receipt, const char *text,
			const struct fog_job_spec *spec, const u8 attestation[32],
			u32 attestation_kind, u64 issued_s);

#endif
