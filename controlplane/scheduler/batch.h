/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose turn it is: the order of jobs that wait, and what may start before its turn.
 *
 *	jobs --score--> order --one by one--> fits now?  yes: placed
 *	                                          no: its start is reserved, as long as there are
 *	                                              reservations; the next ones fill the gaps
 *
 * Order: the higher priority first. Within one, RESPONSE: jobs that would miss their deadline come
 * first, then by
 *	score = ln(wall) - age x ln(1 + wait / wall) + share x use
 * the least first. wall is the requested limit, wait how long it has waited: short jobs go first,
 * long ones catch up by waiting, so that nobody starves. use is what the owner has used lately
 * beyond his share of all, in 0..1: fair share.
 *
 * A reservation is the earliest time at which all members of a job fit, if whatever runs takes as
 * long as it may. Until then others may use what is free there, when they end before or when
 * enough is left over (backfill): fog_placement_filter() refuses the rest as RESERVED. With FIFO
 * order and one reservation this is EASY (Lifka 1995).
 *
 * Pure: no clock, file or allocation. Any thread. */
#ifndef FOG_BATCH_H
#define FOG_BATCH_H

#include "controlplane/scheduler/scheduler.h"

#define FOG_BATCH_MEMBERS_MAX      64  /* of a gang */
#define FOG_BATCH_RESERVATIONS_MAX 32  /* of one pass */
#define FOG_BATCH_PRIORITY_MAX     100 /* 0..100, 50 unless asked otherwise */
#define FOG_BATCH_NEVER            UINT64_MAX

enum fog_batch_order {
	FOG_BATCH_RESPONSE = 0,
	FOG_BATCH_FIFO, /* by submission */
};

struct fog_batch_policy {
	enum fog_batch_order order;
	bool blocking;                               /* nothing starts before its turn */
	u32 reservations;                            /* up to FOG_BATCH_RESERVATIONS_MAX */
	double age, share;                           /* of RESPONSE */
	const struct fog_placement_weights *weights; /* NULL = default */
};
/* RESPONSE, 4 reservations, age 1, share 2: whoever used it all waits as if for e^2 longer jobs. */
extern const struct fog_batch_policy fog_batch_policy_default;

/* Work that holds capacity of a host. */
struct fog_batch_run {
	u32 host;
	u64 left_ms; /* at most this long */
	u32 owner;   /* of reservations, keep.h */
	u64 cpu_milli;
	u64 memory_bytes;
	u64 gpu_milli;
};

struct fog_batch_job {
	const struct fog_placement_request *request; /* of each member */
	u32 members;                                 /* 1, or a gang: all start or none */
	u32 priority;
	/* Members may not share this attribute, or host (FOG_PLACEMENT_KEY_COUNT); INVALID: may. */
	enum fog_placement_key apart;
	double use;      /* in 0..1 */
	u64 sequence;    /* of submission */
	u64 wait_ms;     /* so far */
	u64 deadline_ms; /* from now; 0 = none, or over */

	/* Filled by fog_batch_sort(). */
	bool urgent;
	double score;

	/* Result. */
	bool placed;
	u64 start_ms; /* from now; 0 = now, FOG_BATCH_NEVER = no host will do, or not looked at */
	struct fog_placement placement;  /* of the last member looked at */
	u32 host[FOG_BATCH_MEMBERS_MAX]; /* index of each member's host */
	i64 price[FOG_BATCH_MEMBERS_MAX];
};

double fog_batch_score(const struct fog_batch_policy *policy, const struct fog_batch_job *job);

/* Writes into order[count] whose turn it is. O(n log n). */
void fog_batch_sort(const struct fog_batch_policy *policy, struct fog_batch_job *jobs, u32 *order,
		    u32 count);

/* Places the job now when all its members fit; hosts are committed to. False: nothing changed, and
 * placement of the job says why. */
bool fog_batch_place(struct fog_batch_job *job, struct fog_placement_host *hosts, u32 host_count,
		     const struct fog_placement_weights *weights);

/* When would it start? runs[] are sorted by left_ms and agree with what the hosts have committed.
 * With reserve, keeps the hosts free for it. Into job->start_ms. O(hosts + runs), and once more
 * the hosts for each change of what people have reserved. free: scratch of host_count. */
struct fog_batch_free {
	struct fog_amount amount; /* free, less .. */
	struct fog_amount kept;   /* .. what people have reserved */
	u64 change_ms;            /* when that changes */
	bool allowed;
};
void fog_batch_reserve(struct fog_batch_job *job, struct fog_placement_host *hosts, u32 host_count,
		       const struct fog_batch_run *runs, u32 run_count, bool reserve,
		       struct fog_batch_free *free);

/* All of them, in that order; returns how many were placed. Jobs after the last one that can be
 * looked at keep start_ms FOG_BATCH_NEVER and placement.hosts 0. */
u32 fog_batch_pass(const struct fog_batch_policy *policy, struct fog_batch_job *jobs,
		   const u32 *order, u32 count, struct fog_placement_host *hosts, u32 host_count,
		   const struct fog_batch_run *runs, u32 run_count, struct fog_batch_free *free);

#endif
