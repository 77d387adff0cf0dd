/* SPDX-License-Identifier: BSD-3-Clause */
/* Attestation and enclaves over the API. Private to daemon/. */
#ifndef FOG_DAEMON_TEE_API_H
#define FOG_DAEMON_TEE_API_H

#include "controlplane/daemon/host.h"

/* After fog_host_tee_start(). */
void fog_host_tee_routes(struct fog_host *h);

#endif
