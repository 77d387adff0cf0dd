/* SPDX-License-Identifier: BSD-3-Clause */
/* Which host would suit a demand best, now: a decision of its own, for POST /v1/fog/jobs/schedule.
 * It sees the hosts as placement does, with what is committed there and our reputation of them, and
 * counts among the scheduler's placements. Nothing is held: whoever wants the place submits a job
 * with the host as target. Jobs that wait and reservations are not looked at. */
#ifndef FOG_JOBS_SCHEDULE_H
#define FOG_JOBS_SCHEDULE_H

#include "controlplane/jobs/engine.h"
#include "controlplane/scheduler/nsga2_plan.h"

enum fog_schedule_strategy {
	FOG_SCHEDULE_INVALID = 0,
	FOG_SCHEDULE_NSGA_II,  /* the front of all objectives, by the weights of the class */
	FOG_SCHEDULE_WEIGHTED, /* one weighted sum, as single jobs are placed */
	FOG_SCHEDULE_PACK,     /* best fit */
	FOG_SCHEDULE_LATENCY,  /* the least of one term */
	FOG_SCHEDULE_COST,
	FOG_SCHEDULE_TRUST,
	FOG_SCHEDULE_LOAD,
	FOG_SCHEDULE_COUNT
};
const char *fog_schedule_strategy_name(enum fog_schedule_strategy s); /* "nsga_ii" */
/* In any letter case; INVALID when there is none. */
enum fog_schedule_strategy fog_schedule_strategy_parse(const char *name);

struct fog_schedule_wish {
	enum fog_schedule_strategy strategy;
	enum fog_sla_class sla;
	struct fog_placement_request request;
};

struct fog_schedule {
	struct fog_placement placement; /* found, price, counts of the reasons */
	u32 workers; /* hosts that are alive and take jobs, this one not counted */
	u8 node[FOG_JOB_NODE_SIZE];
	char name[FOG_PLACEMENT_NAME_SIZE];
	u32 latency_ms;    /* to it; 0 = unknown */
	double reputation; /* its lower bound */
	double balance;    /* 1 - standard deviation of the hosts' load with the job, at least 0 */
	u32 generations;   /* of NSGA-II */
};

/* 0 (out->placement.found says whether there is one), -EINVAL (the request is out of range),
 * -EAGAIN or -ENOMEM. O(hosts), with NSGA_II some ms. */
int fog_jobs_schedule(struct fog_jobs *j, const struct fog_schedule_wish *wish, u64 now_ms,
		      struct fog_schedule *out);

#endif
