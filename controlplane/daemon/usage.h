/* SPDX-License-Identifier: BSD-3-Clause */
/* What this host's processes use and how much they do, over the last minute: sampled every
 * FOG_USAGE_SAMPLE_S. Private to daemon/. The loop's thread. */
#ifndef FOG_DAEMON_USAGE_H
#define FOG_DAEMON_USAGE_H

#include "controlplane/daemon/host.h"

#define FOG_USAGE_SAMPLE_S 5.0
#define FOG_USAGE_SAMPLES  13 /* a minute */

struct fog_usage_sample {
	u64 mono_ms;
	u64 requests; /* answered by the gateway */
	u64 cpu_ms;   /* of the processes */
	u64 bytes;    /* sent and received by the data plane */
	u64 memory_bytes;
	u32 processes;
};

struct fog_host_usage {
	struct ev_timer timer;
	u64 taken; /* samples; number n at n % FOG_USAGE_SAMPLES */
	struct fog_usage_sample sample[FOG_USAGE_SAMPLES];
};

struct fog_usage {
	u64 memory_bytes;           /* resident, of control plane, data plane and edge */
	double cpu_percent;         /* of one core */
	double requests_per_second; /* by the gateway */
	double bits_per_second;     /* on the wire, both ways */
	u32 processes;              /* that could be looked at */
};

int fog_host_usage_start(struct fog_host *h);
void fog_host_usage_stop(struct fog_host *h);
/* Memory is read now; rates are since the oldest sample. */
void fog_host_usage(const struct fog_host *h, struct fog_usage *out);
/* The sum over the workers of one of the data plane's counters, by its name; 0 without one. */
u64 fog_host_counter(const struct fog_host *h, const char *name);

#endif
