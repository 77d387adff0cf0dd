/* SPDX-License-Identifier: BSD-3-Clause */
/* Reservations that people make: hosts, or so much of all of them, for one namespace and a time.
 *
 *	{"namespace": "render", "hosts": ["elm", "oak"],          or cpu_cores, memory_mb,
 *accelerators "start_ms": 1764367200000, "duration_seconds": 7200,     start: now when absent
 *	 "every_seconds": 86400, "until_ms": 1766959200000,       when it comes again
 *	 "submitter": "birch",                                    of this host alone: whose jobs,
 *too "note": "nightly film"}
 *
 * While it lasts only jobs of the namespace get what is kept; before, others get it as long as they
 * must have ended when it begins (backfill). What runs when it is made may run on. A reservation by
 * hosts keeps all of them, or the amounts on each; one by amounts alone takes what is free wherever
 * it is, and moves when a host dies. It binds the jobs of the fog host it is made at. One that
 *keeps that host itself whole binds everybody: the host says so in its descriptor, others plan
 *around it, and who does not is declined; but to jobs of the submitting host it names it is open.
 */
#ifndef FOG_JOBS_RESERVE_H
#define FOG_JOBS_RESERVE_H

#include "controlplane/jobs/engine.h"
#include "controlplane/scheduler/keep.h"

#define FOG_RESERVE_ID_SIZE     17
#define FOG_RESERVE_NOTE_SIZE   65
#define FOG_RESERVE_HOSTS_MAX   32                          /* of one reservation */
#define FOG_RESERVE_DURATION_MS (366ull * 24 * 3600 * 1000) /* at most; a period, too */
#define FOG_RESERVE_CHECKED     1000 /* times of one that are compared with another */

struct fog_reservation {
	char id[FOG_RESERVE_ID_SIZE];  /* made by fog_jobs_reserve() */
	char owner[FOG_JOB_USER_SIZE]; /* who made it, or bought it */
	char space[FOG_JOB_NAME_SIZE];
	char note[FOG_RESERVE_NOTE_SIZE];
	u8 submitter[FOG_JOB_NODE_SIZE]; /* whose jobs may use it, too; zero: ours alone */
	u32 host_count;                  /* 0: by amounts */
	u8 host[FOG_RESERVE_HOSTS_MAX][FOG_JOB_NODE_SIZE];
	struct fog_amount amount;
	u64 start_ms;    /* Unix, of the first time */
	u64 duration_ms; /* of each */
	u64 every_ms;    /* from one begin to the next; 0 = once */
	u64 until_ms;    /* none begins later; 0 = for ever */
	u64 created_ms;
	struct fog_amount kept; /* for the time at hand or the next, as of the last look */
};

/* Checks and reads the body above, all but the owner; hosts are those the directory knows now. 0 or
 * -EINVAL. */
int fog_reservation_parse(struct fog_jobs *j, const json_t *body, u64 now_ms,
			  struct fog_reservation *out, char error[FOG_JSON_ERROR_SIZE]);

/* Stored before it returns; id is filled. 0; -EEXIST with error: another has one of the hosts in
 * that time; -ENOSPC, -EAGAIN. */
int fog_jobs_reserve(struct fog_jobs *j, struct fog_reservation *r, u64 now_ms,
		     char error[FOG_JSON_ERROR_SIZE]);
/* The same within a step of fog_jobs_book(). */
int fog_reserve_add(struct fog_jobs *j, struct fog_reservation *r, char error[FOG_JSON_ERROR_SIZE]);
/* 0, -ENOENT, -EAGAIN. */
int fog_jobs_unreserve(struct fog_jobs *j, const char *id, u64 now_ms);

/* The time at hand or the next one from now on: false when all are over. */
bool fog_reservation_next(const struct fog_reservation *r, u64 now_ms, u64 *begin_ms);

/* The i-th; NULL: no more. What is kept for it is looked up again first. */
const struct fog_reservation *fog_jobs_reservation(const struct fog_jobs *j, u32 index);
/* When this host is closed to others, the nearest times; their number. */
u32 fog_jobs_closed(const struct fog_jobs *j, struct fog_closed out[FOG_CLOSED_MAX], u64 now_ms);
/* Looks up again what is kept. 0 or -EAGAIN. */
int fog_jobs_reservations_look(struct fog_jobs *j, u64 now_ms);

#endif
