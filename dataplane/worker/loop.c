/* SPDX-License-Identifier: BSD-3-Clause */
/* The threads: a worker's loop and the slow path's. */
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/worker/worker.h"

/* The slow path looks at its rings this often even if nobody wakes it: cookie secrets turn. */
#define SLOW_WAIT_MS 1000

static u64 clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * FOG_NS_PER_S + (u64)t.tv_nsec;
}

static void name_and_pin(struct fog_worker *w)
{
	char name[16];
	int cpu = w->dp->config.cpu[w->index];
	cpu_set_t set;

	snprintf(name, sizeof(name), "fog-w%u", w->index);
	pthread_setname_np(pthread_self(), name);
	prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* Not fatal: a container may forbid it. The status tells what is. */
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) == 0)
		atomic_store_explicit(&w->status->cpu, (u32)cpu, memory_order_relaxed);
}

/* Every ring this worker consumes, or only look whether one has something. */
static bool announce_wait(struct fog_worker *w, bool waiting)
{
	struct fog_ring *rings[FOG_WORKERS_MAX + 4];
	unsigned count = 0;
	bool ready = false;

	rings[count++] = &w->slow_result;
	rings[count++] = &w->mix_result;
	if (w->control.region != NULL)
		rings[count++] = &w->control.commands;
	if (w->edge.tx_region != NULL)
		rings[count++] = &w->edge.from;
	for (u32 i = 0; i < w->dp->workers; i++)
		rings[count++] = &w->in[i];
	for (unsigned i = 0; i < count; i++) {
		if (!waiting) {
			fog_ring_wait_end(rings[i]);
			continue;
		}
		fog_ring_wait_begin(rings[i]);
		ready |= fog_ring_ready(rings[i]) > 0;
	}
	return ready;
}

static void block(struct fog_worker *w)
{
	u64 value;

	/* Announce, look again, and only then sleep. */
	bool ready = announce_wait(w, true);
	u64 now = clock_now();
	if (!ready && now < w->tick_ns &&
	    !atomic_load_explicit(&w->dp->stop, memory_order_relaxed)) {
		w->counts.sleeps++;
		(void)w->ops->wait(w->io, w->tick_ns - now, w->wake_fd);
	}
	announce_wait(w, false);
	/* Only housekeeping takes commands. */
	if (w->control.region != NULL && fog_ring_ready(&w->control.commands) > 0)
		w->wake_housekeeping = true;
	if (read(w->wake_fd, &value, sizeof(value)) == sizeof(value))
		w->wake_housekeeping = true; /* commands, an attachment, or the end */
}

void *fog_worker_loop(void *worker)
{
	struct fog_worker *w = worker;
	unsigned idle = 0;

	name_and_pin(w);
	atomic_store_explicit(&w->status->state, 1, memory_order_relaxed);
	while (!atomic_load_explicit(&w->dp->stop, memory_order_relaxed)) {
		if (fog_worker_turn(w, clock_now()) > 0) {
			idle = 0;
			continue;
		}
		if (++idle < FOG_SPIN_TURNS)
			continue;
		block(w);
	}
	fog_counts_publish(w);
	atomic_store_explicit(&w->status->state, 2, memory_order_relaxed);
	return NULL;
}

static bool slow_announce_wait(struct fog_slow *s, bool waiting)
{
	bool ready = false;

	for (u32 i = 0; i < s->workers; i++) {
		if (!waiting) {
			fog_ring_wait_end(&s->request[i]);
			continue;
		}
		fog_ring_wait_begin(&s->request[i]);
		ready |= fog_ring_ready(&s->request[i]) > 0;
	}
	return ready;
}

static void wake_workers(struct fog_dp *dp)
{
	const u64 one = 1;

	for (u32 i = 0; i < dp->workers; i++)
		if (fog_ring_wants_wake(&dp->slow.result[i])) {
			ssize_t n = write(dp->worker[i]->wake_fd, &one, sizeof(one));
			(void)n; /* EAGAIN: readable already */
		}
}

void *fog_slow_loop(void *arg)
{
	struct fog_dp *dp = arg;
	struct fog_slow *s = &dp->slow;
	u64 value;

	pthread_setname_np(pthread_self(), "fog-slow");
	while (!atomic_load_explicit(&dp->stop, memory_order_relaxed)) {
		if (fog_slow_poll(s, clock_now()) > 0) {
			wake_workers(dp);
			continue;
		}
		bool ready = slow_announce_wait(s, true);
		struct pollfd p = {.fd = dp->slow_wake_fd, .events = POLLIN};
		/* When results have no room, requests stay: wait for the workers, briefly. */
		(void)poll(&p, 1, ready ? 1 : SLOW_WAIT_MS);
		slow_announce_wait(s, false);
		ssize_t n = read(dp->slow_wake_fd, &value, sizeof(value));
		(void)n; /* EAGAIN: it was the timeout */
	}
	return NULL;
}
