/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/verdicts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fog_verdict_say(struct fog_health_reading *r, enum fog_health_level level, const char *fmt,
		     ...)
{
	va_list ap;

	r->level = level;
	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
}

void fog_verdict_workers(struct fog_health_reading *r, u64 silent_ms, bool synced, u64 attached_ms)
{
	if (silent_ms > FOG_HEALTH_WORKER_MS)
		fog_verdict_say(r, FOG_HEALTH_OFFLINE, "a worker has shown no life for %llu ms",
				(unsigned long long)silent_ms);
	else if (!synced && attached_ms > FOG_HEALTH_WORKER_MS)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "has not taken up all commands yet");
}

void fog_verdict_edge(struct fog_health_reading *r, bool connected, u32 silent)
{
	if (!connected)
		fog_verdict_say(r, FOG_HEALTH_OFFLINE, "not connected");
	else if (silent > 1)
		fog_verdict_say(r, FOG_HEALTH_OFFLINE, "does not answer");
	else if (silent == 1)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "was late to answer");
}

void fog_verdict_store(struct fog_health_reading *r, int rc, u64 took_ms)
{
	if (rc != 0)
		fog_verdict_say(r, FOG_HEALTH_CRITICAL, "cannot write: %s", strerror(-rc));
	else if (took_ms > FOG_HEALTH_STORE_MS)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "a write took %llu ms",
				(unsigned long long)took_ms);
}

void fog_verdict_circuits(struct fog_health_reading *r, const struct fog_verdict_circuits *c)
{
	u64 tried = c->built + c->failed;
	bool enough = tried >= FOG_CIRCUITS_FEW;

	if (!c->has_dataplane || !c->has_edge)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "no circuits without %s",
				c->has_dataplane ? "fog-edge" : "the data plane");
	else if (c->links != 0 && c->links_up == 0)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "none of %u links is up", c->links);
	else if (enough && 100 * c->failed >= FOG_CIRCUITS_DEGRADED * tried)
		fog_verdict_say(r,
				100 * c->failed >= FOG_CIRCUITS_CRITICAL * tried
					? FOG_HEALTH_CRITICAL
					: FOG_HEALTH_DEGRADED,
				"%llu of %llu circuits failed", (unsigned long long)c->failed,
				(unsigned long long)tried);
}

void fog_verdict_verifier(struct fog_health_reading *r, bool asked, int result, bool has_dataplane)
{
	if (asked && result == -EBADMSG)
		fog_verdict_say(r, FOG_HEALTH_CRITICAL, "a good signature was refused");
	else if (!has_dataplane)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED,
				"no data plane: signatures are checked here");
	else if (asked && result != 0)
		fog_verdict_say(r, FOG_HEALTH_DEGRADED, "no verdict: %s", strerror(-result));
}

bool fog_verdict_reports(struct fog_health_reading *r, u64 last_ms, u64 now_ms, u64 interval_ms)
{
	if (last_ms == 0 || now_ms < last_ms + FOG_REPORTS_MISSED * interval_ms)
		return false;
	fog_verdict_say(r, FOG_HEALTH_OFFLINE, "not brought up to date for %llu s",
			(unsigned long long)((now_ms - last_ms) / 1000));
	return true;
}
