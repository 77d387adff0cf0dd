/* SPDX-License-Identifier: BSD-3-Clause */
/* What this host knows about another one's nearness and power, and how it knows: never invented.
 * The scheduler's inputs latency and energy come from here. */
#ifndef FOG_DAEMON_MEASURE_H
#define FOG_DAEMON_MEASURE_H

#include <jansson.h>

#include "controlplane/directory/report.h"

enum fog_estimate_kind {
	FOG_ESTIMATE_UNKNOWN = 0,
	FOG_ESTIMATE_SELF,        /* this host: no way to go */
	FOG_ESTIMATE_MEASURED,    /* our data plane's link to it */
	FOG_ESTIMATE_COORDINATES, /* from its coordinates and ours; see error_ppm */
};

struct fog_estimate {
	enum fog_estimate_kind kind;
	u64 rtt_ns;               /* least, without queues; 0 when unknown or self */
	u64 mean_ns;              /* what a cell finds */
	u64 rate;                 /* bit/s of the path, measured only; 0 = no figure */
	u32 loss_ppm;             /* measured only */
	u32 error_ppm;            /* relative, of a coordinate's estimate */
	struct fog_energy energy; /* as the host reports; source UNKNOWN = none */
};

struct fog_host;
/* Loop thread; about 1 us. */
void fog_host_estimate(const struct fog_host *h, const u8 node_id[32], struct fog_estimate *out);
/* {"kind":"measured","rtt_us":..,..}; members that are not known are absent. */
json_t *fog_estimate_json(const struct fog_estimate *e);

#endif
