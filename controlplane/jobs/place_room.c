/* SPDX-License-Identifier: BSD-3-Clause */
/* Stopping what runs: for a job of higher priority, a drained host, a gang that cannot start. */
#include "controlplane/jobs/place.h"

#define FINISH_DELAY_MS 1000
#define REGATHER_MS     2000

/* ---- preemption ----------------------------------------------------------------------------- */

static bool victim(const struct fog_attempt *a, const struct fog_job *job)
{
	return a->job != NULL && a->state == FOG_ATTEMPT_ACCEPTED && a->job->terms.preemptible &&
	       fog_job_precedence(a->job) < fog_job_precedence(job);
}

/* The least of them on this host that make room, lowest priority first. Returns how many must be
 * stopped, UINT32_MAX when all of them are not enough; stops them when told so. */
static u32 make_room(struct fog_pass *p, const struct fog_unit *u,
		     const struct fog_placement_host *h, bool stop)
{
	const struct fog_placement_request *r = &u->request;
	struct fog_amount need = {r->cpu_milli, r->memory_bytes, r->gpu_milli};
	struct fog_amount all = {h->cpu_milli, h->memory_bytes, h->gpu_milli};
	struct fog_amount free = fog_amount_minus(
		&all, &(struct fog_amount){h->cpu_milli_committed, h->memory_bytes_committed,
					   h->gpu_milli_committed});
	struct fog_attempt *a;
	u32 count = 0;

	for (u32 level = 0; level < fog_job_precedence(u->job[0]); level++)
		TAILQ_FOREACH(a, &p->j->attempts, link)
		{
			if (fog_amount_within(&need, &free))
				return count;
			if (!victim(a, u->job[0]) || fog_job_precedence(a->job) != level ||
			    memcmp(a->key.worker, h->id, FOG_JOB_NODE_SIZE) != 0)
				continue;
			free = fog_amount_plus(&free,
					       &(struct fog_amount){a->limits.cpu_milli,
								    a->limits.memory_bytes,
								    1000 * a->limits.accelerators});
			count += a->stop == FOG_STOP_NONE;
			if (stop && a->stop == FOG_STOP_NONE)
				fog_attempt_stop(p->j, a, FOG_STOP_PREEMPT);
		}
	return fog_amount_within(&need, &free) ? count : UINT32_MAX;
}

void fog_pass_preempt(struct fog_pass *p, struct fog_unit *u)
{
	const struct fog_placement_host *best = NULL;
	const struct fog_attempt *a;
	u32 least = UINT32_MAX;
	bool any = false;

	TAILQ_FOREACH(a, &p->j->attempts, link)
	any = any || victim(a, u->job[0]);
	if (!any || u->count != 1)
		return;
	for (u32 i = 0; i < p->host_count; i++) {
		const struct fog_placement_host *h = &p->j->hosts[i];
		if (fog_placement_filter_empty(&u->request, h) != FOG_PLACEMENT_FITS)
			continue;
		if (fog_placement_kept(&u->request, h))
			continue;
		u32 count = make_room(p, u, h, false);
		if (count >= least)
			continue;
		least = count;
		best = h;
	}
	if (best == NULL)
		return;
	make_room(p, u, best, true);
	fog_jobs_reason(u->why, "%s is being cleared of jobs of lower priority for it", best->name);
}

/* ---- stopping what runs --------------------------------------------------------------------- */

void fog_attempt_stop(struct fog_jobs *j, struct fog_attempt *a, enum fog_stop why)
{
	a->stop = why;
	a->stop_ms = j->now_ms;
	fog_db_attempt_update(j, a, "");
	fog_attempt_cancel(j, a);
	j->stats.preemptions += why == FOG_STOP_PREEMPT;
}

void fog_job_stopped(struct fog_jobs *j, struct fog_job *job, enum fog_stop why)
{
	switch (why) {
	case FOG_STOP_PREEMPT:
		if (job->terms.cancel_preempted)
			fog_job_end(j, job, FOG_JOB_CANCELLED, "preempted, as it wished", NULL);
		else
			fog_job_requeue(j, job, "preempted by a job of higher priority; runs again",
					FINISH_DELAY_MS);
		break;
	case FOG_STOP_DRAIN:
		fog_job_requeue(j, job, "its host is drained; runs again elsewhere", 0);
		break;
	case FOG_STOP_YIELD:
		fog_job_requeue(j, job, "it exited to go on from its checkpoint", 0);
		break;
	case FOG_STOP_TIMEOUT:
		fog_job_requeue(j, job, "its time was over; goes on from its checkpoint", 0);
		break;
	default:
		fog_job_requeue(j, job, "its gang could not start whole; tried again", REGATHER_MS);
	}
}
