/* SPDX-License-Identifier: BSD-3-Clause */
/* Proofs about work and about attributes, over the API: made here, checked by the data plane.
 * Private to daemon/. The loop's thread. */
#ifndef FOG_DAEMON_PROOFS_API_H
#define FOG_DAEMON_PROOFS_API_H

#include "controlplane/daemon/host.h"

struct fog_host_proofs {
	struct ev_timer prune_timer;
	u64 generated, verified, refused; /* since the start; claims among them */
	u64 verify_us_mean;               /* of the verdicts, the last ones weigh most */
	u32 checking;                     /* requests that wait for verdicts */
};

/* Opens the archive and adds the routes. Needs store and gateway. 0 or -errno with why. */
int fog_host_proofs_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
void fog_host_proofs_stop(struct fog_host *h);

#endif
