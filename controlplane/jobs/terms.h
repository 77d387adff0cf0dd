/* SPDX-License-Identifier: BSD-3-Clause */
/* On what terms a job runs: namespace, class, tier, priority, deadline, what may be done to it.
 *
 *	{"namespace": "default", "class": "S" | "A" | "B", "tier": "bronze" | "silver" | "gold",
 *	 "priority": 50, "deadline_seconds": 3600, "retries": 5, "preemptible": false,
 *	 "on_preempt": "requeue" | "cancel", "on_timeout": "fail" | "resume", "checkpoint": false,
 *	 "group": "web", "webhook": "http://host/path"}
 *
 * checkpoint: see request.h. on_timeout: a job whose time is over goes on from the checkpoint it
 *made in that time, with as much time again.
 *
 * Class B is best effort; A is placed before it; S is replicated on attested hosts, of different
 * vendors where there are enough, and its results are compared. The class sets the tier unless one
 * is asked for: none, bronze, silver. A tier is a promise; breaking it is recorded and paid for
 * (sla.c):
 *
 *	        begins within   replicas of S   price   back when broken
 *	bronze  10 min          2               x 1     10 % of the price at the limits
 *	silver   2 min          2               x 2.5   25 %
 *	gold     1 min          3               x 5     100 % */
#ifndef FOG_JOBS_TERMS_H
#define FOG_JOBS_TERMS_H

#include "controlplane/jobs/json.h"
#include "controlplane/jobs/limits.h"
#include "controlplane/scheduler/nsga2_plan.h"

enum fog_tier {
	FOG_TIER_NONE = 0,
	FOG_TIER_BRONZE,
	FOG_TIER_SILVER,
	FOG_TIER_GOLD,
	FOG_TIER_COUNT
};

struct fog_tier_terms {
	const char *name;
	u32 start_ms; /* from submission (or from the end of what it waits for) to its start */
	u32 replicas; /* of class S */
	u32 price_permille; /* of the hosts' price, all replicas together */
	u32 back_permille;  /* of the price at the limits */
	u32 kept_permyriad; /* of the jobs of 30 days, what the tier aims at */
};
extern const struct fog_tier_terms fog_tiers[FOG_TIER_COUNT];

struct fog_job_terms {
	char space[FOG_JOB_NAME_SIZE]; /* namespace */
	char group[FOG_JOB_NAME_SIZE]; /* "" = its batch */
	char hook[FOG_JOB_HOOK_SIZE];  /* "" = none */
	enum fog_sla_class sla;
	enum fog_tier tier;
	u32 priority;
	u32 retries;     /* attempts that may be lost; 0 = the host's configuration */
	u64 deadline_ms; /* after submission; 0 = none */
	bool preemptible;
	bool cancel_preempted;
	bool resume_timeout;
};

/* The names of the fields above, for whoever copies them; ends with NULL. */
extern const char *const fog_job_terms_fields[];

/* Reads them; what is absent gets its default. */
void fog_job_terms_read(struct fog_json_reader *r, struct fog_job_terms *out);

/* What a job of this tier pays the fog on top of `amount` for its hosts, as one of `replicas`. */
i64 fog_tier_premium(enum fog_tier tier, u32 replicas, i64 amount);
/* What is paid back of a price. At least 1 mfog. */
i64 fog_tier_back(enum fog_tier tier, i64 price);

#endif
