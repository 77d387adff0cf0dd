/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/worker.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

#include "tests/unit/fog_test.h"

#define JOBS      100
#define QUEUE_MAX 32

struct job {
	pthread_t ran_on;
	u32 order; /* when it ran, from 1; 0: not */
	sem_t *until;
	bool done, stopped;
};

static struct ev_loop *loop;
static struct fog_worker *worker;
static u32 ran, ended; /* of the thread, of the loop */
static sem_t gate;

static void on_run(void *p)
{
	struct job *j = p;

	if (j->until != NULL)
		sem_wait(j->until);
	j->ran_on = pthread_self();
	j->order = ++ran;
}

static void on_done(void *p, bool stopped)
{
	struct job *j = p;

	CU_ASSERT_FALSE(j->done);
	j->done = true;
	j->stopped = stopped;
	ended++;
}

static void start(void)
{
	loop = ev_loop_new(EVFLAG_AUTO);
	ran = ended = 0;
	sem_init(&gate, 0, 0);
	CU_ASSERT_EQUAL_FATAL(fog_worker_start(&worker, loop, QUEUE_MAX), 0);
}

static void stop(void)
{
	fog_worker_stop(worker);
	sem_destroy(&gate);
	ev_loop_destroy(loop);
}

static void test_life_cycle(void)
{
	static struct job jobs[JOBS];

	fog_worker_stop(NULL);
	start();
	for (u32 i = 0; i < JOBS; i++) {
		while (fog_worker_push(worker, on_run, on_done, &jobs[i]) == -EAGAIN)
			ev_run(loop, EVRUN_ONCE);
	}
	while (ended < JOBS)
		ev_run(loop, EVRUN_ONCE);
	for (u32 i = 0; i < JOBS; i++) {
		CU_ASSERT_EQUAL(jobs[i].order, i + 1);
		CU_ASSERT(jobs[i].done && !jobs[i].stopped);
		CU_ASSERT_FALSE(pthread_equal(jobs[i].ran_on, pthread_self()));
	}
	stop();
}

static void on_timer(struct ev_loop *l, struct ev_timer *w, int revents)
{
	sem_post(&gate);
}

/* The job waits for what only the loop can do. */
static void test_loop_goes_on(void)
{
	struct job slow = {.until = &gate};
	struct ev_timer timer;

	start();
	ev_timer_init(&timer, on_timer, 0.001, 0);
	ev_timer_start(loop, &timer);
	CU_ASSERT_EQUAL(fog_worker_push(worker, on_run, on_done, &slow), 0);
	while (ended == 0)
		ev_run(loop, EVRUN_ONCE);
	CU_ASSERT_EQUAL(slow.order, 1);
	stop();
}

static void test_full(void)
{
	static struct job jobs[QUEUE_MAX + 1];

	memset(jobs, 0, sizeof(jobs));
	jobs[0].until = &gate;
	start();
	for (u32 i = 0; i < QUEUE_MAX; i++)
		CU_ASSERT_EQUAL(fog_worker_push(worker, on_run, on_done, &jobs[i]), 0);
	CU_ASSERT_EQUAL(fog_worker_push(worker, on_run, on_done, &jobs[QUEUE_MAX]), -EAGAIN);
	sem_post(&gate);
	while (ended < QUEUE_MAX)
		ev_run(loop, EVRUN_ONCE);
	CU_ASSERT_FALSE(jobs[QUEUE_MAX].done);
	CU_ASSERT_EQUAL(fog_worker_push(worker, on_run, on_done, &jobs[QUEUE_MAX]), 0);
	while (ended <= QUEUE_MAX)
		ev_run(loop, EVRUN_ONCE);
	stop();
}

/* What waits when it stops is told, once. */
static void test_stop(void)
{
	static struct job jobs[8];

	memset(jobs, 0, sizeof(jobs));
	jobs[0].until = &gate;
	start();
	for (u32 i = 0; i < FOG_ARRAY_COUNT(jobs); i++)
		CU_ASSERT_EQUAL(fog_worker_push(worker, on_run, on_done, &jobs[i]), 0);
	sem_post(&gate);
	stop();
	CU_ASSERT_EQUAL(ended, FOG_ARRAY_COUNT(jobs));
	for (u32 i = 0; i < FOG_ARRAY_COUNT(jobs); i++)
		CU_ASSERT(jobs[i].done && jobs[i].stopped);
}

FOG_TEST_MAIN("controlplane/core/worker", FOG_TEST(test_life_cycle), FOG_TEST(test_loop_goes_on),
	      FOG_TEST(test_full), FOG_TEST(test_stop))
