/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/receipts.h"

#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/proofs_api.h"
#include "controlplane/daemon/tee.h"
#include "controlplane/jobs/witness.h"
#include "controlplane/proofs/archive.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/sign/sign.h"

static u64 now_s(const struct fog_host *h)
{
	return fog_loop_now_ms(h->loop) / 1000;
}

void fog_host_receipted(void *host, const struct fog_receipt *receipt, const char *text,
			const struct fog_job_spec *spec)
{
	struct fog_host *h = host;
	u32 kind = FOG_TEE_NONE;
	struct fog_proof p;
	u8 evidence[32];

	bool attested = fog_host_evidence_for(h, receipt->key.submitter, evidence, &kind);
	/* A run that never was is not proven. */
	if (fog_receipt_witness(&p, receipt, text, spec, attested ? evidence : NULL, kind,
				now_s(h)) != 0)
		return;
	int rc = fog_proof_sign(&p, h->id.sign_sk);
	if (rc == 0)
		rc = fog_proof_archive_put(h->store, &p, now_s(h));
	if (rc != 0 && rc != -EALREADY)
		fog_log(FOG_LOG_WARNING, "proofs", "a receipt has no proof reason=\"%s\"",
			strerror(-rc));
	else if (h->proofs != NULL)
		h->proofs->generated++;
}

char *fog_host_proof(void *host, const char *receipt_text)
{
	struct fog_host *h = host;
	u8 digest[FOG_SHA256_SIZE];
	struct fog_proof p;

	fog_hash_sha256(digest, receipt_text, strlen(receipt_text));
	if (fog_proof_archive_get(h->store, digest, &p) != 0)
		return NULL;
	json_t *o = fog_proof_json(&p);
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
}

/* Is it, byte for byte, what follows from the receipt, and signed by the worker? */
static bool matches(const struct fog_receipt *receipt, const char *text,
		    const struct fog_job_spec *spec, const struct fog_proof *p)
{
	const struct fog_proof_execution *e = &p->execution;
	const u8 *evidence = e->attestation_kind != FOG_TEE_NONE ? e->attestation : NULL;
	u8 bytes[FOG_PROOF_ENCODED_MAX];
	struct fog_proof expected;

	if (fog_receipt_witness(&expected, receipt, text, spec, evidence, e->attestation_kind,
				p->issued_s) != 0)
		return false;
	memcpy(expected.issuer, receipt->key.worker, 32);
	memcpy(expected.signature, p->signature, 64);
	int len = fog_proof_encode(&expected, bytes, sizeof(bytes));
	return len > FOG_SIGN_SIZE && memcmp(expected.issuer, p->issuer, 32) == 0 &&
	       fog_sign_verify(p->signature, bytes, (size_t)len - FOG_SIGN_SIZE, p->issuer) == 0;
}

static const char *check(struct fog_host *h, const struct fog_receipt *receipt, const char *text,
			 const struct fog_job_spec *spec, const char *proof, bool attested)
{
	json_t *o = proof != NULL ? json_loads(proof, JSON_REJECT_DUPLICATES, NULL) : NULL;
	char why[FOG_PROOF_WHY];
	struct fog_proof p;

	if (proof == NULL)
		return attested ? "no proof of execution came with the receipt" : NULL;
	int rc = o != NULL ? fog_proof_from_json(&p, o, why) : -EINVAL;
	json_decref(o);
	if (rc != 0 || p.kind != FOG_PROOF_EXECUTION || !matches(receipt, text, spec, &p))
		return "the proof of execution is not that of the receipt";
	if (attested && !fog_host_attested_by(h, receipt->key.worker, p.execution.attestation))
		return "it is not attested, or not any more: the proof names other evidence";
	rc = fog_proof_archive_put(h->store, &p, now_s(h));
	if (rc != 0 && rc != -EALREADY)
		fog_log(FOG_LOG_WARNING, "proofs", "a proof is not kept reason=\"%s\"",
			strerror(-rc));
	return NULL;
}

bool fog_host_proven(void *host, const struct fog_receipt *receipt, const char *text,
		     const struct fog_job_spec *spec, const char *proof, bool attested,
		     char error[FOG_JSON_ERROR_SIZE])
{
	const char *why = check(host, receipt, text, spec, proof, attested);

	snprintf(error, FOG_JSON_ERROR_SIZE, "%s", why != NULL ? why : "");
	return why == NULL;
}
