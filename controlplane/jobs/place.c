/* SPDX-License-Identifier: BSD-3-Clause */
/* Placement: which of our jobs that wait get a host now, and which.
 *
 *	jobs that wait --by priority, up to a limit--> units: a job, or a gang
 *	units --order, quota, rules, filter--> placed, or why not and when (scheduler/batch.h)
 *	several plain ones placed at once --NSGA-II--> hosts that suit all of them
 *
 * A pass sees all that wait, not only those whose time to be looked at again has come: else a job
 * of low priority would take the place of one that was looked at a moment ago. */
#include <errno.h>

#include "controlplane/jobs/place.h"

/* ---- one unit ------------------------------------------------------------------------------- */

static void unit_fill(struct fog_pass *p, u32 index)
{
	struct fog_unit *u = &p->unit[index];
	struct fog_batch_job *b = &p->b[index];
	struct fog_jobs *j = p->j;
	const struct fog_job *job = u->job[0];
	u64 deadline = job->created_ms + job->terms.deadline_ms;

	fog_pass_request(j, job, &u->wishes, p->host_count, &u->request);
	*b = (struct fog_batch_job){
		.request = &u->request,
		.members = u->count,
		.priority = fog_job_precedence(job),
		.use = fog_space_share(j, job->terms.space),
		.sequence = job->created_ms,
		.wait_ms = j->now_ms - FOG_MIN(job->released_ms, j->now_ms),
		.start_ms = FOG_BATCH_NEVER,
	};
	if (job->terms.deadline_ms != 0 && deadline > j->now_ms)
		b->deadline_ms = deadline - j->now_ms;
}

/* Whether hosts need to be asked at all. */
static bool unit_ready(struct fog_pass *p, struct fog_unit *u)
{
	const struct fog_job *job = u->job[0];
	const struct fog_space *s = fog_space_find(p->j, job->terms.space);
	const char *full = fog_space_full(s, &job->limits, u->count);

	if (full != NULL)
		fog_jobs_reason(u->why, "namespace %s is at its quota of %s", s->name, full);
	else if (u->missing != 0)
		fog_jobs_reason(u->why, "%u of its gang have not come back yet", u->missing);
	return u->why[0] == '\0';
}

/* First without the hosts that failed this job; when for a while nobody else takes it, with them.
 */
static bool unit_place(struct fog_pass *p, u32 index)
{
	struct fog_unit *u = &p->unit[index];
	struct fog_batch_job *b = &p->b[index];
	struct fog_jobs *j = p->j;
	u32 excluded = u->request.exclude_count;

	b->apart = u->wishes.apart;
	fog_pass_avoids(j, u, true);
	if (fog_batch_place(b, j->hosts, p->host_count, NULL))
		return true;
	if (u->request.exclude_count == excluded ||
	    j->now_ms < u->job[0]->queued_ms + FOG_JOBS_SECOND_MS)
		return false;
	struct fog_placement first = b->placement;
	u->request.exclude_count = excluded;
	fog_pass_avoids(j, u, false);
	if (fog_batch_place(b, j->hosts, p->host_count, NULL))
		return true;
	b->placement = first; /* what it lacks among the others says more */
	return false;
}

/* ---- the outcome ---------------------------------------------------------------------------- */

static void pending(struct fog_jobs *j, struct fog_job *job, const char *reason)
{
	job->pending_ms = FOG_MIN(FOG_MAX(2 * job->pending_ms, FOG_JOBS_PENDING_MIN_MS),
				  FOG_JOBS_PENDING_MAX_MS);
	job->next_ms = j->now_ms + job->pending_ms;
	fog_job_set(j, job, FOG_JOB_QUEUED, reason);
	fog_sla_waiting(j, job);
}

static void unit_pending(struct fog_pass *p, u32 index, const char *why)
{
	struct fog_unit *u = &p->unit[index];
	u64 start = p->b[index].start_ms;

	for (u32 i = 0; i < u->count; i++) {
		u->job[i]->start_ms = start == FOG_BATCH_NEVER ? 0 : p->j->now_ms + start;
		pending(p->j, u->job[i], why);
	}
	p->j->stats.refusals += u->count;
}

/* Escrow for all members, or none. */
static bool affordable(struct fog_pass *p, u32 index, char why[FOG_JOB_REASON_SIZE])
{
	struct fog_unit *u = &p->unit[index];
	const struct fog_job *job = u->job[0];
	u32 replicas = job->kind == FOG_JOB_REPLICA ? job->members : 1;
	char account[FOG_LEDGER_ACCOUNT_SIZE];
	i64 sum = 0;

	snprintf(account, sizeof(account), "user:%s", job->user);
	for (u32 i = 0; i < u->count; i++)
		sum += p->b[index].price[i] +
		       fog_tier_premium(job->terms.tier, replicas, p->b[index].price[i]);
	if (fog_db_balance(p->j, account) >= sum)
		return true;
	fog_jobs_reason(why, "account %s cannot hold %lld mfog", account, (long long)sum);
	return false;
}

static void unit_start(struct fog_pass *p, u32 index)
{
	struct fog_unit *u = &p->unit[index];
	struct fog_batch_job *b = &p->b[index];
	char why[FOG_JOB_REASON_SIZE];

	if (!affordable(p, index, why)) {
		unit_pending(p, index, why);
		return;
	}
	for (u32 i = 0; i < u->count; i++)
		if (!fog_attempt_place(p->j, u->job[i], &p->j->hosts[b->host[i]], b->price[i])) {
			fog_jobs_reason(why, "account user:%s cannot hold %lld mfog",
					u->job[i]->user, (long long)b->price[i]);
			pending(p->j, u->job[i], why);
		}
	p->j->stats.placements += u->count;
}

void fog_pass_explain(struct fog_pass *p, u32 index, char out[FOG_JOB_REASON_SIZE])
{
	struct fog_unit *u = &p->unit[index];
	char text[FOG_PLACEMENT_EXPLAIN_SIZE];

	if (u->why[0] != '\0') {
		snprintf(out, FOG_JOB_REASON_SIZE, "%s", u->why);
		return;
	}
	fog_placement_explain(&u->request, &p->b[index].placement, text);
	if (u->count > 1)
		fog_jobs_reason(out, "%u hosts at once: %.400s", u->count, text);
	else
		fog_jobs_reason(out, "%s", text);
}

/* ---- the pass ------------------------------------------------------------------------------- */

static void unit_try(struct fog_pass *p, u32 index, u32 *reserved, u32 *estimated)
{
	struct fog_unit *u = &p->unit[index];
	struct fog_space *s = fog_space_find(p->j, u->job[0]->terms.space);

	if (!unit_ready(p, u))
		return;
	fog_pass_rules(p, u);
	if (unit_place(p, index)) {
		if (s != NULL) {
			s->jobs_now += u->count;
			s->cpu_now += u->count * u->job[0]->limits.cpu_milli;
			s->memory_now += u->count * u->job[0]->limits.memory_bytes;
		}
		return;
	}
	if (!p->dry)
		fog_pass_preempt(p, u);
	bool keep = *reserved < fog_batch_policy_default.reservations;
	if ((*estimated)++ >= FOG_JOBS_ESTIMATES_MAX)
		return;
	fog_batch_reserve(&p->b[index], p->j->hosts, p->host_count, p->runs, p->run_count, keep,
			  p->free);
	*reserved += keep && p->b[index].start_ms != FOG_BATCH_NEVER;
}

/* Decides; nothing is stored yet. */
bool fog_pass_decide(struct fog_pass *p)
{
	u32 reserved = 0, estimated = 0;

	p->host_count = fog_pass_hosts(p->j);
	if (!fog_pass_runs(p) || !fog_pass_keep(p)) {
		fog_jobs_fail(p->j, -ENOMEM);
		return false;
	}
	fog_space_count(p->j);
	for (u32 i = 0; i < p->count; i++)
		unit_fill(p, i);
	fog_batch_sort(&fog_batch_policy_default, p->b, p->order, p->count);
	for (u32 i = 0; i < p->count; i++)
		unit_try(p, p->order[i], &reserved, &estimated);
	return true;
}

static void jobs_expire(struct fog_jobs *j)
{
	char reason[FOG_JOB_REASON_SIZE];
	struct fog_job *job, *next;

	for (job = TAILQ_FIRST(&j->jobs); job != NULL; job = next) {
		next = TAILQ_NEXT(job, link);
		if (!fog_job_waits(job) || j->now_ms < job->next_ms ||
		    j->now_ms < job->released_ms + FOG_JOBS_QUEUE_MS)
			continue;
		fog_jobs_reason(reason, "not placed in a week: %s",
				job->reason != NULL ? job->reason : "");
		fog_job_end(j, job, FOG_JOB_FAILED, reason, NULL);
	}
}

void fog_queue_tick(struct fog_jobs *j)
{
	u64 begin = j->ports.cpu_ns != NULL ? j->ports.cpu_ns(j->ports.context) : 0;
	char why[FOG_JOB_REASON_SIZE];
	struct fog_pass p = {.j = j};
	u32 placed = 0;

	if (j->review)
		fog_group_review(j);
	jobs_expire(j);
	if (fog_pass_units(&p, false) && p.count != 0 && fog_pass_decide(&p)) {
		for (u32 i = 0; i < p.count; i++)
			placed += p.b[i].placed && p.unit[i].plain;
		if (placed >= 2)
			fog_pass_refine(&p);
		for (u32 i = 0; i < p.count && j->rc == 0; i++) {
			if (p.b[i].placed) {
				unit_start(&p, i);
				continue;
			}
			fog_pass_explain(&p, i, why);
			unit_pending(&p, i, why);
		}
		if (begin != 0) {
			u64 took_ns = j->ports.cpu_ns(j->ports.context) - begin;
			j->stats.took_us[j->stats.passes % FOG_ARRAY_COUNT(j->stats.took_us)] =
				(u32)(took_ns / 1000);
			fog_histogram_add(&j->totals.placement, (double)took_ns / 1e9);
		}
		j->stats.passes++;
	}
	fog_pass_free(&p);
}
