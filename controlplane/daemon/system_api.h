/* SPDX-License-Identifier: BSD-3-Clause */
/* The host as a whole, as the published contract shows it. Private to daemon/. */
#ifndef FOG_DAEMON_SYSTEM_API_H
#define FOG_DAEMON_SYSTEM_API_H

#include "controlplane/daemon/host.h"

/* Once everything else runs. */
void fog_host_system_routes(struct fog_host *h);
/* The data of GET /v1/fog/system/status: new. */
json_t *fog_host_system_json(struct fog_host *h);

#endif
