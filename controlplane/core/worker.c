/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/queue.h>

struct work {
	fog_worker_run_fn *run;
	fog_worker_done_fn *done;
	void *job;
	TAILQ_ENTRY(work) link;
};
TAILQ_HEAD(works, work);

struct fog_worker {
	struct ev_loop *loop;
	struct ev_async woken; /* something has run */
	pthread_t thread;
	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t cond;   /* something was pushed, or stop */
	struct works queued, ran;
	u32 count; /* pushed and not ended */
	u32 queue_max;
	bool stop;
};

static void *thread_run(void *arg)
{
	struct fog_worker *w = arg;
	struct work *work;

	pthread_mutex_lock(&w->mutex);
	for (;;) {
		while (!w->stop && TAILQ_EMPTY(&w->queued))
			pthread_cond_wait(&w->cond, &w->mutex);
		if (w->stop)
			break;
		work = TAILQ_FIRST(&w->queued);
		TAILQ_REMOVE(&w->queued, work, link);
		pthread_mutex_unlock(&w->mutex);
		work->run(work->job);
		pthread_mutex_lock(&w->mutex);
		TAILQ_INSERT_TAIL(&w->ran, work, link);
		ev_async_send(w->loop, &w->woken);
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

static void end(struct works *list, bool stopped)
{
	struct work *work;

	while ((work = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, work, link);
		work->done(work->job, stopped);
		free(work);
	}
}

static void on_woken(struct ev_loop *loop, struct ev_async *watcher, int revents)
{
	struct fog_worker *w = watcher->data;
	struct works ran = TAILQ_HEAD_INITIALIZER(ran);
	struct work *work;

	pthread_mutex_lock(&w->mutex);
	TAILQ_CONCAT(&ran, &w->ran, link);
	TAILQ_FOREACH(work, &ran, link) w->count--;
	pthread_mutex_unlock(&w->mutex);
	end(&ran, false);
}

static int thread_start(struct fog_worker *w)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = -pthread_create(&w->thread, NULL, thread_run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int fog_worker_start(struct fog_worker **out, struct ev_loop *loop, u32 queue_max)
{
	struct fog_worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	w->loop = loop;
	w->queue_max = queue_max;
	TAILQ_INIT(&w->queued);
	TAILQ_INIT(&w->ran);
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->cond, NULL);
	int rc = thread_start(w);
	if (rc != 0) {
		free(w);
		return rc;
	}
	ev_async_init(&w->woken, on_woken);
	w->woken.data = w;
	ev_async_start(loop, &w->woken);
	*out = w;
	return 0;
}

int fog_worker_push(struct fog_worker *w, fog_worker_run_fn *run, fog_worker_done_fn *done,
		    void *job)
{
	struct work *work = malloc(sizeof(*work));

	if (work == NULL)
		return -ENOMEM;
	*work = (struct work){.run = run, .done = done, .job = job};
	pthread_mutex_lock(&w->mutex);
	bool room = w->count < w->queue_max;
	if (room) {
		TAILQ_INSERT_TAIL(&w->queued, work, link);
		w->count++;
		pthread_cond_signal(&w->cond);
	}
	pthread_mutex_unlock(&w->mutex);
	if (!room)
		free(work);
	return room ? 0 : -EAGAIN;
}

u32 fog_worker_count(const struct fog_worker *w)
{
	return w != NULL ? w->count : 0; /* the loop's thread alone writes it */
}

void fog_worker_stop(struct fog_worker *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->mutex);
	w->stop = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
	pthread_join(w->thread, NULL);
	ev_async_stop(w->loop, &w->woken);
	end(&w->ran, true);
	end(&w->queued, true);
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}
