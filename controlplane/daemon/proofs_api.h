/* SPDX-License-Identifier: BSD-3-Clause */
/* Proofs about work and about attributes, over the API: made here, checked by the data plane.
 * Private to daemon/. The loop's thread. */
#ifndef FOG_DAEMON_PROOFS_API_H
#define FOG_DAEMON_PROOFS_API_H

#include "controlplane/core/worker.h"
#include "controlplane/daemon/host.h"
#include "controlplane/proofs/claim.h"

#define FOG_HOST_MAKING_MAX 32 /* proofs that are asked for and not made; more: 503 */

struct fog_host_proofs {
	struct fog_worker *worker; /* makes them */
	struct ev_timer prune_timer;
	u64 generated, verified, refused; /* since the start; claims among them */
	u64 verify_us_mean;               /* of the verdicts, the last ones weigh most */
	u32 checking;                     /* requests that wait for verdicts */
};

/* Opens the archive and adds the routes. Needs store and gateway. 0 or -errno with why. */
int fog_host_proofs_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
/* After fog_host_making_stop(). */
void fog_host_proofs_stop(struct fog_host *h);

/* Answers with the verdict of the data plane about a claim, in `data`, which it takes over. 0. */
int fog_host_claim_check(struct fog_exchange *x, const json_t *claim,
			 const struct fog_claim_expected *expected, json_t *data,
			 const char *message);

/* ---- proofs_make.c -------------------------------------------------------------------------- */

/* The thread that makes proofs, and its routes. 0 or -errno. Stopped while the gateway is there:
 * who waits is answered 503. */
int fog_host_making_start(struct fog_host *h);
void fog_host_making_stop(struct fog_host *h);

#endif
