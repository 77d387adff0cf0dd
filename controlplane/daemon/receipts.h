/* SPDX-License-Identifier: BSD-3-Clause */
/* Proofs of execution of the receipts of jobs: ports of the job engine (jobs/engine.h). The worker
 * makes one for each receipt, bound to the evidence by which the submitter attested it, and keeps
 * it in its archive; the submitter checks it and keeps it in its own. Context: the host. */
#ifndef FOG_DAEMON_RECEIPTS_H
#define FOG_DAEMON_RECEIPTS_H

#include "controlplane/daemon/host.h"
#include "controlplane/jobs/papers.h"

void fog_host_receipted(void *host, const struct fog_receipt *receipt, const char *text,
			const struct fog_job_spec *spec);
char *fog_host_proof(void *host, const char *receipt_text);
bool fog_host_proven(void *host, const struct fog_receipt *receipt, const char *text,
		     const struct fog_job_spec *spec, const char *proof, bool attested,
		     char error[FOG_JSON_ERROR_SIZE]);

#endif
