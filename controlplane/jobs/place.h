/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to placement: one pass over all jobs that wait, as its files share it.
 *
 *	place_read.c   hosts, what runs there, the jobs that wait
 *	place_rules.c  what a job asks for, and what rules tie it to others
 *	place.c        the pass, and its outcome
 *	place_room.c   stopping what runs
 *	place_plan.c   several jobs at once
 *	place_why.c    the same, to know only */
#ifndef FOG_JOBS_PLACE_H
#define FOG_JOBS_PLACE_H

#include "controlplane/jobs/state.h"
#include "controlplane/scheduler/batch.h"

/* A job, or the members of a gang that wait. */
struct fog_unit {
	struct fog_placement_request request;
	struct fog_job_wishes wishes;
	struct fog_job *job[FOG_BATCH_MEMBERS_MAX];
	u32 count;
	u32 missing;                   /* members that neither wait nor have run */
	bool plain;                    /* no rule ties it to other jobs */
	char why[FOG_JOB_REASON_SIZE]; /* not placed for this reason, before hosts were asked */
};

struct fog_pass {
	struct fog_jobs *j;
	u32 host_count;
	u32 count;
	struct fog_unit *unit;
	struct fog_batch_job *b; /* [count] */
	u32 *order;
	struct fog_batch_run *runs;
	u32 run_count;
	struct fog_batch_free *free;
	struct fog_keep *keeps; /* by host, where anything is reserved at all; NULL: nothing is */
	bool marked;            /* marks of hosts are not all NONE */
	bool dry;               /* only to know: nobody is stopped for it */
};

/* ---- place_read.c --------------------------------------------------------------------------- */
/* The directory into j->hosts, by id, with what we know of each; their count. */
u32 fog_pass_hosts(struct fog_jobs *j);
struct fog_placement_host *fog_pass_host(struct fog_jobs *j, u32 count, const u8 *node);
bool fog_pass_runs(struct fog_pass *p); /* false: no memory */
/* All that wait, if it is time to look at one of them, or with force. */
bool fog_pass_units(struct fog_pass *p, bool force);
void fog_pass_free(struct fog_pass *p);
bool fog_job_waits(const struct fog_job *job);
/* The class goes before the wish. */
u32 fog_job_precedence(const struct fog_job *job);

/* ---- place_rules.c -------------------------------------------------------------------------- */
void fog_pass_request(struct fog_jobs *j, const struct fog_job *job,
		      const struct fog_job_wishes *wishes, u32 count,
		      struct fog_placement_request *r);
/* Hosts that failed one of its jobs (`failed`), lied about it, or will not have it for now. A
 * requested host gets every attempt: its failures do not count against it. */
void fog_pass_avoids(struct fog_jobs *j, struct fog_unit *u, bool failed);
/* Marks hosts by where the unit's group is. */
void fog_pass_rules(struct fog_pass *p, struct fog_unit *u);

/* ---- reserve.c ------------------------------------------------------------------------------ */
/* What people have reserved on the hosts of the pass, after its runs. False: no memory. */
bool fog_pass_keep(struct fog_pass *p);

/* ---- place.c -------------------------------------------------------------------------------- */
/* Decides; nothing is stored yet. */
bool fog_pass_decide(struct fog_pass *p);
void fog_pass_explain(struct fog_pass *p, u32 index, char out[FOG_JOB_REASON_SIZE]);

/* ---- place_room.c, place_plan.c ------------------------------------------------------------- */
/* Stops the fewest of lower priority that make room for the unit. */
void fog_pass_preempt(struct fog_pass *p, struct fog_unit *u);
/* The search begins from what the quick path chose. */
void fog_pass_refine(struct fog_pass *p);

#endif
