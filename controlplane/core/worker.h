/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread for work that would hold up the loop. What is pushed runs there, one after the other in
 * the order it came, and ends on the loop.
 *
 *	rc = fog_worker_push(w, prove, proved, job);
 *	if (rc == -EAGAIN)
 *		return fog_exchange_problem(x, 503, "..");
 *
 * While it runs the job is the thread's alone: nothing that the loop touches may hang on it (a
 * json_t has a count of references that is not atomic). */
#ifndef FOG_CORE_WORKER_H
#define FOG_CORE_WORKER_H

#include "controlplane/core/loop.h"

struct fog_worker;

/* On the thread. */
typedef void fog_worker_run_fn(void *job);
/* On the loop, exactly once. stopped: the worker ends, and the job may not have run. */
typedef void fog_worker_done_fn(void *job, bool stopped);

/* queue_max: jobs pushed and not ended; more: -EAGAIN. 0 or -errno. Signals stay with the other
 * threads. */
int fog_worker_start(struct fog_worker **out, struct ev_loop *loop, u32 queue_max);
/* 0; -EAGAIN: full; -ENOMEM. Not 0: the job stays the caller's. */
int fog_worker_push(struct fog_worker *w, fog_worker_run_fn *run, fog_worker_done_fn *done,
		    void *job);
/* Pushed and not ended; NULL: 0. */
u32 fog_worker_count(const struct fog_worker *w);
/* Waits for what runs. All that has not ended ends, from in here. NULL is fine. */
void fog_worker_stop(struct fog_worker *w);

#endif
