/* SPDX-License-Identifier: BSD-3-Clause */
/* From what a look saw to how a component is. Pure; a reading that is not touched says healthy. */
#ifndef FOG_DAEMON_VERDICTS_H
#define FOG_DAEMON_VERDICTS_H

#include "controlplane/health/health.h"

#define FOG_HEALTH_WORKER_MS  5000 /* silence of a worker of the data plane: OFFLINE */
#define FOG_HEALTH_STORE_MS   1000 /* a write that takes longer: DEGRADED */
#define FOG_CIRCUITS_FEW      5    /* tried since the last look; fewer say nothing */
#define FOG_CIRCUITS_DEGRADED 50   /* percent of them that failed */
#define FOG_CIRCUITS_CRITICAL 95
#define FOG_REPORTS_MISSED    4 /* that did not come before trust and draws count as stuck */

__attribute__((format(printf, 3, 4))) void fog_verdict_say(struct fog_health_reading *r,
							   enum fog_health_level level,
							   const char *fmt, ...);

/* The longest silence of a worker; whether all commands were taken up, and since when it is
 * attached. */
void fog_verdict_workers(struct fog_health_reading *r, u64 silent_ms, bool synced, u64 attached_ms);
/* Pings in a row without an answer. */
void fog_verdict_edge(struct fog_health_reading *r, bool connected, u32 silent);
/* Of a write: 0 or -errno. */
void fog_verdict_store(struct fog_health_reading *r, int rc, u64 took_ms);

struct fog_verdict_circuits {
	u64 built, failed; /* since the last look */
	u32 links, links_up;
	bool has_dataplane, has_edge;
};
void fog_verdict_circuits(struct fog_health_reading *r, const struct fog_verdict_circuits *c);
/* What the data plane said last of a good signature: 0, -EBADMSG, -errno. */
void fog_verdict_verifier(struct fog_health_reading *r, bool asked, int result, bool has_dataplane);
/* True: trust and draws are stuck; last_ms 0: there was no report yet. */
bool fog_verdict_reports(struct fog_health_reading *r, u64 last_ms, u64 now_ms, u64 interval_ms);

#endif
