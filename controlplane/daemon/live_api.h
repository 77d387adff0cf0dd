/* SPDX-License-Identifier: BSD-3-Clause */
/* The WebSocket /ws/fog. Private to daemon/. The loop's thread. */
#ifndef FOG_DAEMON_LIVE_API_H
#define FOG_DAEMON_LIVE_API_H

#include "controlplane/daemon/host.h"

/* Once everything else runs; stopped after the gateway, whose clients it has. */
int fog_host_live_start(struct fog_host *h);
void fog_host_live_stop(struct fog_host *h);
/* What fog-edge says of a circuit; borrowed. */
void fog_host_live_circuit(struct fog_host *h, const json_t *event);
/* An alert, to those who listen; takes it over. */
void fog_host_live_alert(struct fog_host *h, json_t *alert);

#endif
