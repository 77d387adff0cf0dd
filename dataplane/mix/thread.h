/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread of a mix, "fog-mix": polls it, and sleeps until a request comes or a message is due.
 *
 * It asks for the lowest real-time priority (SCHED_FIFO 1), because a message that is released when
 * the scheduler finds the time tells of the load of the host; beside four busy processes on two
 * cores that is the difference between 0.04 and 10 ms at p99. It can not starve the host: it
 * has no work but what the workers, which have no such priority, hand it in rings of bounded
 * length. Where that is not allowed (no CAP_SYS_NICE, RLIMIT_RTPRIO of 0) it runs like any other
 * thread. */
#ifndef FOG_MIX_THREAD_H
#define FOG_MIX_THREAD_H

#include <pthread.h>

#include "dataplane/mix/mix.h"

struct fog_mix_thread {
	/* the caller's, before start */
	struct fog_mixnet *mixnet;
	int cpu;                        /* to run on, or -1 */
	int wake_fd;                    /* eventfd, written when requests wait */
	int worker_fd[FOG_WORKERS_MAX]; /* eventfds, written when results wait */
	/* the thread's */
	bool running;
	_Atomic bool stop;
	pthread_t id;
};

/* 0 or -errno. */
int fog_mix_thread_start(struct fog_mix_thread *t);
/* Waits for its end. Nothing when it does not run. */
void fog_mix_thread_stop(struct fog_mix_thread *t);

#endif
