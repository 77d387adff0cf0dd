/* SPDX-License-Identifier: BSD-3-Clause */
/* Workload traces replayed through the scheduler's own code (batch.h, scheduler.h) in virtual time.
 *
 * A trace is text (tests/vectors/traces, README there):
 *	h,COUNT,CPU_MILLI,MEMORY_MIB,GPU_MILLI,PLACE	so many hosts of a kind
 *	j,SUBMIT_S,RUN_S,REQUEST_S,USER,MEMBERS,CPU_MILLI,MEMORY_MIB,GPU_MILLI,CLASS,PLACE	one
 *job Lines beginning with # are notes. Resources of a job are each member's; CLASS is S, A or B;
 *PLACE is the region a job must run in, or empty. */
#ifndef FOG_BENCH_TRACE_H
#define FOG_BENCH_TRACE_H

#include "controlplane/scheduler/batch.h"

#define TRACE_BUCKETS 200 /* of the utilisation over time */

struct trace;

enum trace_policy {
	TRACE_FOG = 0, /* RESPONSE order, fair share, reservations, default weights */
	TRACE_FCFS,    /* strictly in turn */
	TRACE_EASY,    /* FIFO, one reservation, backfill */
	TRACE_FIT,     /* FIFO, whatever fits starts, on the fullest host: best fit */
	TRACE_POLICIES
};
extern const char *const trace_policy_name[TRACE_POLICIES];

struct trace_result {
	u32 jobs;        /* that ran */
	u32 impossible;  /* larger than any host: left out */
	double wait_s;   /* mean */
	double slowdown; /* mean bounded slowdown, tau 10 s */
	double slowdown_median;
	double wait_p95_s;
	double utilisation; /* of the cores, from the first submission to the last start, 0..1 */
	u32 sla_jobs[3];    /* of class B, A, S */
	u32 sla_hits[3];    /* began in time: B within 1 h, A 10 min, S 1 min */
	double used[TRACE_BUCKETS]; /* share of cores busy, over the makespan */
	double cpu_s;               /* the simulation's own processor time */
	u32 passes;
	u32 violations; /* a host beyond its capacity, a job that ran twice or never */
};

/* 0, -ENOENT, -EINVAL with why (a line number), -ENOMEM. */
int trace_load(struct trace **out, const char *path, char why[128]);
void trace_free(struct trace *t);
u32 trace_jobs(const struct trace *t);
struct trace_part {
	u32 first; /* job; those before it are left out */
	u32 count; /* 0 = all that follow */
};
/* The policy as it would be replayed, to be changed. */
struct fog_batch_policy trace_policy_make(enum trace_policy policy);
void trace_replay(const struct trace *t, const struct fog_batch_policy *policy,
		  struct trace_part part, struct trace_result *out);

#endif
