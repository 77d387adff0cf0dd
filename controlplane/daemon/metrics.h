/* SPDX-License-Identifier: BSD-3-Clause */
/* Every figure of this host, for GET /metrics and for alert rules. Totals only, nothing per circuit
 * or peer. The loop's thread only. */
#ifndef FOG_DAEMON_METRICS_H
#define FOG_DAEMON_METRICS_H

#include "controlplane/daemon/host.h"
#include "controlplane/health/metrics.h"

void fog_host_metrics_collect(struct fog_host *h, struct fog_metrics *m);
/* Only those of the components: fog_component_.. */
void fog_host_metrics_components(const struct fog_host *h, struct fog_metrics *m);
int fog_host_metrics_get(struct fog_exchange *x); /* GET /metrics */

#endif
