/* SPDX-License-Identifier: BSD-3-Clause */
/* How well the parts of a host are, and when one of them is to be restarted. Pure: the owner looks
 * at the components, tells what it saw, and does what is due.
 *
 *	fog_health_observe(h, i, &reading, now);	at each check, and when something happens
 *	while ((i = fog_health_due(h, now)) >= 0)
 *		fog_health_restarted(h, i, restart(i), now);
 *
 *	HEALTHY   does its work
 *	DEGRADED  does it, but slower, partly or with errors
 *	CRITICAL  runs, but does not do its work
 *	OFFLINE   does not run, or has shown no life for its time
 *
 * Restarts: at once when a component goes OFFLINE, and when max_errors checks in a row found it
 * CRITICAL; then again after FOG_HEALTH_BACKOFF_MS, doubling up to the recovery interval. A
 * component that was well for a recovery interval starts from the beginning. In the first
 * FOG_HEALTH_BACKOFF_MS everything may still be starting, and nothing is restarted. */
#ifndef FOG_HEALTH_H
#define FOG_HEALTH_H

#include "crypto/types.h"

#define FOG_HEALTH_COMPONENTS_MAX 32
#define FOG_HEALTH_WHY_SIZE       160
#define FOG_HEALTH_BACKOFF_MS     10000  /* before the second restart */
#define FOG_HEALTH_FRESH_MS       120000 /* a heartbeat older than this is none */

enum fog_health_level {
	FOG_HEALTH_HEALTHY = 1,
	FOG_HEALTH_DEGRADED,
	FOG_HEALTH_CRITICAL,
	FOG_HEALTH_OFFLINE,
};
const char *fog_health_level_name(enum fog_health_level level); /* "healthy" .. */

enum fog_health_status {
	FOG_HEALTH_RUNNING = 1,
	FOG_HEALTH_STARTING,
	FOG_HEALTH_STOPPED, /* not wanted by the configuration */
	FOG_HEALTH_ERROR,
};
const char *fog_health_status_name(enum fog_health_status status);

struct fog_health_config {
	u32 check_ms;    /* between two looks at each component */
	u32 recovery_ms; /* longest time between two restarts */
	u32 max_errors;  /* CRITICAL checks in a row before a restart */
	bool recovery;   /* restart at all */
};

/* What one look at a component found. */
struct fog_health_reading {
	enum fog_health_level level; /* 0 = not wanted by the configuration */
	u64 heartbeat_ms;            /* Unix time of its last sign of life; 0 = now */
	u64 since_ms;                /* when it began to run; 0 = when it was first seen running */
	char why[FOG_HEALTH_WHY_SIZE]; /* one line for people; empty when HEALTHY */
};

struct fog_component {
	const char *name; /* the owner's, a constant */
	bool vital;       /* OFFLINE or CRITICAL: so is the host */
	bool restartable;
	u32 life_ms; /* silence of its heartbeat after which it is OFFLINE; 0: any */
	enum fog_health_status status;
	enum fog_health_level level; /* OFFLINE before the first look and when STOPPED */
	char why[FOG_HEALTH_WHY_SIZE];
	u64 heartbeat_ms, since_ms; /* Unix; 0 = never */
	u64 changed_ms;             /* of the level */
	u64 error_count;            /* looks that found it CRITICAL or OFFLINE, since the start */
	u32 errors_in_row;
	/* restarts */
	u64 restarts, restart_failures;
	u64 restarted_ms, well_ms; /* last restart; well since; 0 = never */
	u64 next_ms;               /* not before; 0 = at once */
	u32 tries;                 /* since it was last well for long */
	u64 recovery_ms;           /* from the last restart until it was well again */
	bool recovering;
	bool settled; /* has run, or had the time to; before that nothing is said against it */
};

struct fog_health {
	struct fog_health_config config;
	u64 started_ms;
	u32 count;
	struct fog_component component[FOG_HEALTH_COMPONENTS_MAX];
};

void fog_health_init(struct fog_health *h, const struct fog_health_config *config, u64 now_ms);
/* Its number, from 0. More than FOG_HEALTH_COMPONENTS_MAX is our bug. */
u32 fog_health_add(struct fog_health *h, const char *name, bool vital, bool restartable,
		   u32 life_ms);
/* The component of this name; -1: none. */
int fog_health_find(const struct fog_health *h, const char *name);

/* Take in what a look found. True when its level changed. */
bool fog_health_observe(struct fog_health *h, u32 i, const struct fog_health_reading *r,
			u64 now_ms);
/* A component whose restart is due, or -1. It counts as STARTING until fog_health_restarted(). */
int fog_health_due(struct fog_health *h, u64 now_ms);
/* How the restart began: 0, or -errno: tried again after the backoff. Look at it soon. */
void fog_health_restarted(struct fog_health *h, u32 i, int rc, u64 now_ms);

/* RUNNING, HEALTHY or DEGRADED, and heard of in the last FOG_HEALTH_FRESH_MS. */
bool fog_component_is_healthy(const struct fog_component *c, u64 now_ms);

struct fog_health_summary {
	enum fog_health_level level;
	u32 total, healthy; /* of those that the configuration wants */
	u64 errors, restarts;
};
/* The host: CRITICAL when a vital component is OFFLINE or any is CRITICAL, or when less than 60 %
 * are healthy; DEGRADED when any component is not HEALTHY; OFFLINE when all are. */
void fog_health_summary(const struct fog_health *h, u64 now_ms, struct fog_health_summary *out);

#endif
