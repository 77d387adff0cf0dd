/* SPDX-License-Identifier: BSD-3-Clause */
/* Placement of a batch of jobs on NSGA-II: which host for each, so that no job can be moved to the
 * good of one objective without harm to another.
 *
 *	jobs x hosts --fog_placement_filter()--> allowed hosts of each job, or why there is none
 *	     --admission: by class, best fit--> what has room now; the rest waits, with the reason
 *	     --greedy answers, earlier plans--> first population --NSGA-II--> front
 *	     --weights of the SLA classes--> plan
 *
 * Objectives, all minimised, over the placed jobs:
 *	LATENCY  to the host, moving the input, 10 ms a job before it there, 50 ms x load there
 *	COST     mfog at the requested limits, as fog_price()
 *	ENERGY   of the cores while they run; waking a host with no work costs its idle power for
 *	         the longest job of the batch
 *	LOAD     variance of the hosts' load (CPU or memory, the larger)
 *	TRUST    sum of 1 - lower credible bound of the reputation
 *	PRIVACY  per owner, the squares of how many of its jobs each operator sees, summed: the
 *	         fewer see much, the smaller. Hosts without a named operator count as one operator
 * Constraint: no host beyond its CPU and memory. All sums are integers, so that a child's, made
 * from its parent's in O(changed genes), is exactly what computing it afresh gives.
 *
 * Pure: no clock, file or allocation; one block of the caller's memory. One thread at a time. */
#ifndef FOG_NSGA2_PLAN_H
#define FOG_NSGA2_PLAN_H

#include "controlplane/scheduler/nsga2.h"
#include "controlplane/scheduler/scheduler.h"
#include "controlplane/scheduler/sla.h"

#define FOG_PLAN_JOBS_MAX       1024 /* of one batch; the others wait for the next */
#define FOG_PLAN_HOSTS_MAX      1024 /* with 1024 jobs, 40 MiB of tables */
#define FOG_PLAN_QUEUE_US       10000
#define FOG_PLAN_LOAD_US        50000
#define FOG_PLAN_BANDWIDTH_KBPS 10000       /* assumed when unknown */
#define FOG_PLAN_TERM_MAX       (1ll << 53) /* one job's share of an objective is cut there */

enum fog_plan_objective {
	FOG_PLAN_LATENCY = 0,
	FOG_PLAN_COST,
	FOG_PLAN_ENERGY,
	FOG_PLAN_LOAD,
	FOG_PLAN_TRUST,
	FOG_PLAN_PRIVACY,
	FOG_PLAN_OBJECTIVES
};

/* What each class cares for; rows sum to 1. Row 0 is unused. */
extern const double fog_sla_weights[FOG_SLA_COUNT][FOG_PLAN_OBJECTIVES];

struct fog_plan_job {
	const struct fog_placement_request *request;
	enum fog_sla_class sla;
	u32 owner;       /* any number; jobs of one owner have the same */
	u64 input_bytes; /* to be moved to the host */
};

struct fog_plan_host {
	const struct fog_placement_host *host;
	u32 bandwidth_kbps; /* to it; 0 = unknown */
	u32 idle_mw;        /* draws without work */
	u32 core_mw;        /* more for each busy core */
};

/* What became of one job. Its fog_placement is as of fog_placement_choose(), so that
 * fog_placement_explain() explains it: hosts that fitted before the batch and have no room left
 * count as without CPU or memory. index is that of the hosts given. */
struct fog_plan_result {
	double value[FOG_PLAN_OBJECTIVES]; /* us, mfog, mJ, variance of permille, ppm, squares */
	u32 placed;
	u32 waiting;
	double latency_ms;   /* mean of the placed */
	double trust;        /* mean lower bound of their hosts */
	double load_balance; /* 1 - standard deviation of the hosts' load, at least 0 */
	double diversity;    /* placed / squares: 1 when no operator sees two jobs of an owner */
	u32 front;           /* solutions it was chosen from */
	u32 generations;
	u64 seed;
};

struct fog_plan;

/* Bytes for these counts, or 0 when one is out of range. Population as fog_nsga2_config. */
size_t fog_plan_size(u32 jobs, u32 hosts, u32 population);

/* Filters, admits and seeds. The jobs, hosts and what they point to outlive the plan. Returns 0, or
 * -EINVAL when a count, a request, a class or the configuration is out of range or size is too
 * small. O(jobs x hosts). */
int fog_plan_init(struct fog_plan **out, void *memory, size_t size, const struct fog_plan_job *jobs,
		  u32 job_count, const struct fog_plan_host *hosts, u32 host_count,
		  const struct fog_nsga2_config *config);

/* Adds an earlier plan to the first population: host_of[job_count], an index of a host, or
 * UINT32_MAX where it does not say; jobs that may no longer go there keep the admission's host.
 * 0, -ENOSPC, -EBUSY as fog_nsga2_seed(). */
int fog_plan_seed(struct fog_plan *plan, const u32 *host_of);

/* As fog_nsga2_run(). With nothing to place, 0 at once. */
u32 fog_plan_run(struct fog_plan *plan, u32 generations, bool (*should_stop)(void *context),
		 void *context);

/* Chooses from the front: the least of max(w z) + sum(w z) / 20, z each objective between the
 * front's best (0) and worst (1). weights NULL: the mean of the placed jobs' classes.
 * placements[job_count]. At any time after fog_plan_init(); starts when it was not started. */
void fog_plan_choose(struct fog_plan *plan, const double weights[FOG_PLAN_OBJECTIVES],
		     struct fog_placement *placements, struct fog_plan_result *result);

/* The problem as NSGA-II sees it, for tests and benchmarks. Genes: the placed jobs, in the order of
 * fog_plan_gene_job(); a value: the index into the job's allowed hosts, fog_plan_gene_host(). */
const struct fog_nsga2_problem *fog_plan_problem(const struct fog_plan *plan);
u32 fog_plan_gene_job(const struct fog_plan *plan, u32 gene);
u32 fog_plan_gene_host(const struct fog_plan *plan, u32 gene, u32 value);

#endif
