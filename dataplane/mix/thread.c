/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/mix/thread.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* It looks at its rings this often even if nobody wakes it. */
#define WAIT_NS 1000000000ull
/* Empty turns before it blocks. */
#define SPIN_TURNS 16
#define NS_PER_S   1000000000ull

static u64 clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * NS_PER_S + (u64)t.tv_nsec;
}

static void wake_workers(struct fog_mix_thread *t)
{
	const u64 one = 1;

	for (u32 i = 0; i < t->mixnet->workers; i++)
		if (fog_ring_wants_wake(&t->mixnet->result[i])) {
			ssize_t n = write(t->worker_fd[i], &one, sizeof(one));
			(void)n; /* EAGAIN: readable already */
		}
}

static bool announce_wait(struct fog_mixnet *m, bool waiting)
{
	bool ready = false;

	for (u32 i = 0; i < m->workers; i++) {
		if (!waiting) {
			fog_ring_wait_end(&m->request[i]);
			continue;
		}
		fog_ring_wait_begin(&m->request[i]);
		ready |= fog_ring_ready(&m->request[i]) > 0;
	}
	return ready;
}

/* Until a request comes or the next message is due. */
static void block(struct fog_mix_thread *t)
{
	bool ready = announce_wait(t->mixnet, true);
	u64 now = clock_now(), next = FOG_MIN(fog_mix_next(t->mixnet), now + WAIT_NS);
	/* Requests that wait for room in the results: look again in a moment. */
	u64 wait = ready ? FOG_MIX_TICK_NS : next > now ? next - now : 0;
	struct timespec s = {.tv_sec = (time_t)(wait / NS_PER_S),
			     .tv_nsec = (long)(wait % NS_PER_S)};
	struct pollfd p = {.fd = t->wake_fd, .events = POLLIN};
	u64 value;

	if (wait > 0)
		(void)ppoll(&p, 1, &s, NULL);
	announce_wait(t->mixnet, false);
	ssize_t n = read(t->wake_fd, &value, sizeof(value));
	(void)n; /* EAGAIN: it was the time */
}

static void name_and_pin(const struct fog_mix_thread *t)
{
	cpu_set_t set;

	pthread_setname_np(pthread_self(), "fog-mix");
	prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
	if (t->cpu < 0 || t->cpu >= CPU_SETSIZE)
		return;
	CPU_ZERO(&set);
	CPU_SET(t->cpu, &set);
	/* Not fatal: a container may forbid it. */
	(void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *loop(void *arg)
{
	struct fog_mix_thread *t = arg;
	unsigned idle = 0;

	name_and_pin(t);
	while (!atomic_load_explicit(&t->stop, memory_order_relaxed)) {
		if (fog_mix_poll(t->mixnet, clock_now()) > 0) {
			wake_workers(t);
			idle = 0;
		} else if (++idle >= SPIN_TURNS) {
			block(t);
		}
	}
	return NULL;
}

static int start(struct fog_mix_thread *t, bool real_time)
{
	const struct sched_param lowest = {.sched_priority = 1};
	pthread_attr_t attr;

	int rc = -pthread_attr_init(&attr);
	if (rc < 0)
		return rc;
	if (real_time) {
		rc = -pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
		if (rc == 0)
			rc = -pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
		if (rc == 0)
			rc = -pthread_attr_setschedparam(&attr, &lowest);
	}
	if (rc == 0)
		rc = -pthread_create(&t->id, &attr, loop, t);
	pthread_attr_destroy(&attr);
	return rc;
}

int fog_mix_thread_start(struct fog_mix_thread *t)
{
	int rc = start(t, true);

	if (rc == -EPERM)
		rc = start(t, false);
	t->running = rc == 0;
	return rc;
}

void fog_mix_thread_stop(struct fog_mix_thread *t)
{
	const u64 one = 1;

	if (!t->running)
		return;
	atomic_store_explicit(&t->stop, true, memory_order_relaxed);
	ssize_t n = write(t->wake_fd, &one, sizeof(one));
	(void)n;
	pthread_join(t->id, NULL);
	atomic_store_explicit(&t->stop, false, memory_order_relaxed);
	t->running = false;
}
