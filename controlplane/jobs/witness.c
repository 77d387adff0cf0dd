/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/witness.h"

#include <errno.h>

#include "crypto/hash/hash.h"

/* One digest over several, in order. */
static void digests_hash(u8 out[FOG_SHA256_SIZE], const u8 *first, size_t stride, u32 count)
{
	struct fog_sha256 h;

	fog_sha256_init(&h);
	for (u32 i = 0; i < count; i++)
		fog_sha256_update(&h, first + i * stride, FOG_SHA256_SIZE);
	fog_sha256_final(&h, out);
}

int fog_receipt_witness(struct fog_proof *p, const struct fog_receipt *receipt, const char *text,
			const struct fog_job_spec *spec, const u8 attestation[32],
			u32 attestation_kind, u64 issued_s)
{
	struct fog_proof_execution *e = &p->execution;
	u8 digest[FOG_SHA256_SIZE];

	memset(p, 0, sizeof(*p));
	if (memcmp(receipt->spec_sha256, spec->sha256, sizeof(spec->sha256)) != 0 ||
	    receipt->outcome == FOG_OUTCOME_INVALID || receipt->outcome == FOG_OUTCOME_FAILED ||
	    (attestation == NULL) != (attestation_kind == 0))
		return -EINVAL;
	fog_hash_sha256(digest, text, strlen(text));
	memcpy(p->id, digest, sizeof(p->id));
	p->kind = FOG_PROOF_EXECUTION;
	p->issued_s = issued_s;
	fog_hash_sha256(e->job, receipt->key.job, strlen(receipt->key.job));
	memcpy(e->submitter, receipt->key.submitter, sizeof(e->submitter));
	memcpy(e->code, spec->sha256, sizeof(e->code));
	if (spec->input_count != 0)
		digests_hash(e->input, spec->input[0].sha256, sizeof(spec->input[0]),
			     spec->input_count);
	digests_hash(e->output, receipt->output[0].sha256, sizeof(receipt->output[0]), 2);
	if (attestation != NULL)
		memcpy(e->attestation, attestation, sizeof(e->attestation));
	e->attestation_kind = attestation_kind;
	e->exit_code = receipt->exit_code;
	e->outcome = (u32)receipt->outcome;
	e->cpu_us = (receipt->usage.cpu_user_ms + receipt->usage.cpu_system_ms) * 1000;
	e->wall_us = receipt->usage.wall_ms * 1000;
	e->memory_peak = receipt->usage.memory_peak_bytes;
	e->io_bytes = receipt->usage.io_read_bytes + receipt->usage.io_write_bytes;
	e->started_ms = receipt->started_ms;
	e->ended_ms = receipt->ended_ms;
	return 0;
}
