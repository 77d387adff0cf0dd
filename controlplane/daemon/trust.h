/* SPDX-License-Identifier: BSD-3-Clause */
/* Reputation in the daemon: our first-hand evidence as others hear it, theirs as we believe it, and
 * the entry points of those who observe. Loop thread. */
#ifndef FOG_DAEMON_TRUST_H
#define FOG_DAEMON_TRUST_H

#include "controlplane/daemon/host.h"
#include "controlplane/reputation/reputation.h"

/* What came of all reports about one host. */
struct fog_told {
	u8 node_id[32];
	double good, bad;   /* pieces of evidence, bounded */
	double credibility; /* as a rater */
	u32 raters;
};

struct fog_host_trust {
	u32 count;
	struct fog_told told[FOG_DIRECTORY_HOSTS_MAX]; /* sorted by node id */
};

int fog_host_trust_start(struct fog_host *h);
void fog_host_trust_stop(struct fog_host *h);
void fog_host_trust_routes(struct fog_host *h);
/* Sums up anew and writes our own opinions into `r`. Before each report. */
void fog_host_trust_update(struct fog_host *h, struct fog_report *r);
/* As the port of the job engine. NULL: nothing. */
void fog_host_told(void *host, const u8 node[32], double *good, double *bad);
const struct fog_told *fog_host_told_find(const struct fog_host *h, const u8 node[32]);

/* ---- for those who observe ------------------------------------------------------------------ */

/* Mix monitoring of one relay in one epoch: how many of the packets sent through it came out.
 * Once per host and epoch. `proof` says how it is known. 0 or as fog_jobs_evidence(). */
int fog_host_observed_mix(struct fog_host *h, const u8 node[32], u64 epoch, u32 sent, u32 came_out,
			  const char *proof);
/* An attestation of a host was checked. Once per host and digest of the evidence. */
int fog_host_observed_attestation(struct fog_host *h, const u8 node[32], const u8 digest[32],
				  bool valid, const char *why);

#endif
