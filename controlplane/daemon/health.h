/* SPDX-License-Identifier: BSD-3-Clause */
/* The integration manager: looks at every component of this host, restarts what does not work, and
 * tells how all of them are. docs/design/health.md. The loop's thread only.
 *
 * A component inside this process is restarted by stopping and starting it: what it promised is in
 * the store. When it does not start again, this process ends and its supervisor starts it. The data
 * plane and fog-edge are ended when they show no life; their supervisor starts them. */
#ifndef FOG_DAEMON_HEALTH_H
#define FOG_DAEMON_HEALTH_H

#include "controlplane/daemon/host.h"
#include "controlplane/health/health.h"

#define FOG_HEALTH_FIRST_S 1.0  /* from the start to the first look */
#define FOG_HEALTH_LOOP_MS 1000 /* the loop was late by more: DEGRADED */

struct fog_host_part;

/* What the looks need to remember. */
struct fog_host_health {
	struct fog_health h;
	const struct fog_host_part *parts; /* by component number */
	struct ev_timer timer, recovery;
	u64 due_ms, late_ms; /* monotonic: of the next look; how late the last one was */
	/* edge */
	bool edge_asked;
	u32 edge_silent; /* pings in a row without an answer */
	u64 edge_pong_ms;
	/* a signature that the data plane checks */
	bool verify_asked;
	int verify_result;
	u64 verify_ms; /* Unix: of the last verdict */
	/* counters as of the last look */
	u64 circuits_built, circuits_failed, runs_vanished;
};

int fog_host_health_start(struct fog_host *h); /* last of all: everything else runs */
void fog_host_health_stop(struct fog_host *h);
void fog_host_health_reload(struct fog_host *h);
/* Looks at one component now: something happened to it. Unknown names are our bug. */
void fog_host_health_look(struct fog_host *h, const char *name);
/* Stops and starts a component. 0, -ENOENT, -ENOTSUP (not configured) or -errno. */
int fog_host_restart(struct fog_host *h, const char *name, char why[FOG_HOST_WHY_SIZE]);

/* New references. status: {"overall_health","is_running","healthy_components","total_components",
 * "components":{NAME:{"status","health","last_heartbeat","error_count","uptime_seconds",
 * "is_healthy","reason","restarts",..}},"timestamp"}. services: {SERVICE:{"status","health",
 * "available"}} of the nine services of the published contract. */
json_t *fog_host_health_json(const struct fog_host *h);
json_t *fog_host_services_json(const struct fog_host *h);

/* ---- between health.c and probes.c ---------------------------------------------------------- */

struct fog_host_part {
	const char *name;
	const char *service; /* in the published contract; NULL: not one of them */
	bool vital;
	bool process; /* not this one: its supervisor starts it */
	u32 life_ms;  /* as fog_health_add() */
	void (*look)(struct fog_host *h, struct fog_health_reading *r);
	int (*restart)(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
};
extern const struct fog_host_part fog_host_parts[];
extern const u32 fog_host_parts_count;
/* Questions whose answers the next looks need. */
void fog_host_probes_ask(struct fog_host *h);

#endif
