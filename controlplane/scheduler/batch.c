/* SPDX-License-Identifier: BSD-3-Clause */
/* Order, gangs and backfill, see batch.h. */
#include "controlplane/scheduler/batch.h"

#include <math.h>

const struct fog_batch_policy fog_batch_policy_default = {
	.order = FOG_BATCH_RESPONSE, .reservations = 4, .age = 1, .share = 2};

double fog_batch_score(const struct fog_batch_policy *policy, const struct fog_batch_job *job)
{
	double wall = (double)FOG_MAX(job->request->wall_ms, 1);

	return log(wall) - policy->age * log1p((double)job->wait_ms / wall) +
	       policy->share * FOG_MIN(FOG_MAX(job->use, 0), 1);
}

/* Would miss its deadline if as much time passed again as it may take. */
static bool urgent(const struct fog_batch_job *job)
{
	return job->deadline_ms != 0 && job->deadline_ms < 2 * job->request->wall_ms;
}

struct turns {
	const struct fog_batch_job *jobs;
	enum fog_batch_order order;
};

static int turn_compare(const void *a, const void *b, void *context)
{
	const struct turns *t = context;
	const struct fog_batch_job *x = &t->jobs[*(const u32 *)a], *y = &t->jobs[*(const u32 *)b];

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	if (t->order == FOG_BATCH_RESPONSE && x->urgent != y->urgent)
		return x->urgent ? -1 : 1;
	if (t->order == FOG_BATCH_RESPONSE && x->score != y->score)
		return x->score < y->score ? -1 : 1;
	return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

void fog_batch_sort(const struct fog_batch_policy *policy, struct fog_batch_job *jobs, u32 *order,
		    u32 count)
{
	struct turns t = {jobs, policy->order};

	for (u32 i = 0; i < count; i++) {
		order[i] = i;
		jobs[i].urgent = urgent(&jobs[i]);
		jobs[i].score = fog_batch_score(policy, &jobs[i]);
	}
	qsort_r(order, count, sizeof(*order), turn_compare, &t);
}

/* What a host had before a member came. */
struct before {
	u64 committed[3], spare[3];
	u32 jobs, crowd;
};

static struct before remember(const struct fog_placement_host *h)
{
	return (struct before){
		.committed = {h->cpu_milli_committed, h->memory_bytes_committed,
			      h->gpu_milli_committed},
		.spare = {h->cpu_milli_spare, h->memory_bytes_spare, h->gpu_milli_spare},
		.jobs = h->jobs_committed,
		.crowd = h->crowd,
	};
}

static void undo(struct fog_placement_host *h, const struct before *b,
		 const struct fog_placement_request *r)
{
	h->cpu_milli_committed = b->committed[0];
	h->memory_bytes_committed = b->committed[1];
	h->gpu_milli_committed = b->committed[2];
	h->cpu_milli_spare = b->spare[0];
	h->memory_bytes_spare = b->spare[1];
	h->gpu_milli_spare = b->spare[2];
	h->jobs_committed = b->jobs;
	h->crowd = b->crowd;
	if (h->keep != NULL)
		fog_keep_unuse(h->keep, r->owner, r->wall_ms,
			       &(struct fog_amount){r->cpu_milli, r->memory_bytes, r->gpu_milli});
}

/* Hosts the next members may not have; or, with NULL, the end of it. */
static void take(struct fog_placement_host *hosts, u32 count, const struct fog_placement_host *by,
		 enum fog_placement_key key)
{
	for (u32 i = 0; i < count; i++) {
		if (by == NULL && hosts[i].mark == FOG_PLACEMENT_MARK_TAKEN)
			hosts[i].mark = FOG_PLACEMENT_MARK_NONE;
		else if (by != NULL && hosts[i].mark == FOG_PLACEMENT_MARK_NONE &&
			 fog_placement_near(&hosts[i], by, key))
			hosts[i].mark = FOG_PLACEMENT_MARK_TAKEN;
	}
}

bool fog_batch_place(struct fog_batch_job *job, struct fog_placement_host *hosts, u32 host_count,
		     const struct fog_placement_weights *weights)
{
	struct before before[FOG_BATCH_MEMBERS_MAX];
	u32 placed = 0;

	FOG_ASSERT(job->members >= 1 && job->members <= FOG_BATCH_MEMBERS_MAX);
	for (; placed < job->members; placed++) {
		if (fog_placement_choose(job->request, hosts, host_count, weights,
					 &job->placement) != 0)
			FOG_UNREACHABLE();
		if (!job->placement.found)
			break;
		struct fog_placement_host *h = &hosts[job->placement.index];
		before[placed] = remember(h);
		job->host[placed] = job->placement.index;
		job->price[placed] = job->placement.price;
		fog_placement_commit(h, job->request);
		if (job->apart != FOG_PLACEMENT_KEY_INVALID && job->members > 1)
			take(hosts, host_count, h, job->apart);
	}
	if (job->apart != FOG_PLACEMENT_KEY_INVALID && job->members > 1)
		take(hosts, host_count, NULL, job->apart);
	job->placed = placed == job->members;
	if (job->placed)
		job->start_ms = 0;
	while (!job->placed && placed-- > 0)
		undo(&hosts[job->host[placed]], &before[placed], job->request);
	return job->placed;
}

/* ---- when ----------------------------------------------------------------------------------- */

/* How many members fit into what is free there. */
static u32 room(const struct fog_placement_request *r, const struct fog_batch_free *f)
{
	struct fog_amount free = fog_amount_minus(&f->amount, &f->kept);
	u64 count = FOG_BATCH_MEMBERS_MAX;

	if (!f->allowed)
		return 0;
	if (r->cpu_milli != 0)
		count = FOG_MIN(count, free.cpu_milli / r->cpu_milli);
	if (r->memory_bytes != 0)
		count = FOG_MIN(count, free.memory_bytes / r->memory_bytes);
	if (r->gpu_milli != 0)
		count = FOG_MIN(count, free.gpu_milli / r->gpu_milli);
	return (u32)count;
}

static void kept_look(const struct fog_placement_request *r, const struct fog_placement_host *h,
		      u64 at_ms, struct fog_batch_free *f)
{
	if (h->keep == NULL)
		return;
	f->kept = fog_keep_most(h->keep, r->owner, at_ms, at_ms + r->wall_ms);
	f->change_ms = fog_keep_change(h->keep, r->wall_ms, at_ms);
}

/* What is free for the job from now on; nothing on hosts that are kept for another. */
static void free_fill(const struct fog_batch_job *job, const struct fog_placement_host *hosts,
		      u32 host_count, struct fog_batch_free *free)
{
	for (u32 i = 0; i < host_count; i++) {
		const struct fog_placement_host *h = &hosts[i];
		struct fog_amount offered = {h->cpu_milli, h->memory_bytes, h->gpu_milli};
		struct fog_amount committed = {h->cpu_milli_committed, h->memory_bytes_committed,
					       h->gpu_milli_committed};
		free[i] = (struct fog_batch_free){
			.amount = fog_amount_minus(&offered, &committed),
			.change_ms = UINT64_MAX,
			.allowed =
				h->reserved_ms == 0 &&
				fog_placement_filter_empty(job->request, h) == FOG_PLACEMENT_FITS,
		};
		kept_look(job->request, h, 0, &free[i]);
	}
}

/* Looks again where what is kept changes at this time. How many members fit. */
static u32 kept_pass(const struct fog_placement_request *r, const struct fog_placement_host *hosts,
		     u32 host_count, u64 at_ms, struct fog_batch_free *free, u64 *change_ms)
{
	u32 total = 0;

	*change_ms = UINT64_MAX;
	for (u32 i = 0; i < host_count; i++) {
		if (free[i].change_ms <= at_ms)
			kept_look(r, &hosts[i], at_ms, &free[i]);
		if (free[i].allowed)
			*change_ms = FOG_MIN(*change_ms, free[i].change_ms);
		total += room(r, &free[i]);
	}
	return total;
}

static void keep(struct fog_batch_job *job, struct fog_placement_host *hosts, u32 host_count,
		 const struct fog_batch_free *free)
{
	const struct fog_placement_request *r = job->request;
	u32 members = job->members;

	for (u32 i = 0; i < host_count && members != 0; i++) {
		u32 here = FOG_MIN(room(r, &free[i]), members);
		if (here == 0)
			continue;
		members -= here;
		hosts[i].reserved_ms = FOG_MAX(job->start_ms, 1);
		hosts[i].cpu_milli_spare = free[i].amount.cpu_milli - here * r->cpu_milli;
		hosts[i].memory_bytes_spare = free[i].amount.memory_bytes - here * r->memory_bytes;
		hosts[i].gpu_milli_spare = free[i].amount.gpu_milli - here * r->gpu_milli;
	}
}

void fog_batch_reserve(struct fog_batch_job *job, struct fog_placement_host *hosts, u32 host_count,
		       const struct fog_batch_run *runs, u32 run_count, bool reserve,
		       struct fog_batch_free *free)
{
	const struct fog_placement_request *r = job->request;
	u64 change_ms;
	u32 at = 0;

	free_fill(job, hosts, host_count, free);
	u32 total = kept_pass(r, hosts, host_count, 0, free, &change_ms);
	job->start_ms = 0;
	while (total < job->members && (at < run_count || change_ms != UINT64_MAX)) {
		job->start_ms = FOG_MIN(at < run_count ? runs[at].left_ms : UINT64_MAX, change_ms);
		/* What ends at the same time is free at the same time. */
		for (; at < run_count && runs[at].left_ms <= job->start_ms; at++) {
			struct fog_batch_free *f = &free[runs[at].host];
			struct fog_amount more = {runs[at].cpu_milli, runs[at].memory_bytes,
						  runs[at].gpu_milli};
			total -= room(r, f);
			f->amount = fog_amount_plus(&f->amount, &more);
			total += room(r, f);
		}
		if (change_ms <= job->start_ms)
			total = kept_pass(r, hosts, host_count, job->start_ms, free, &change_ms);
	}
	if (total < job->members)
		job->start_ms = FOG_BATCH_NEVER;
	else if (reserve)
		keep(job, hosts, host_count, free);
}

u32 fog_batch_pass(const struct fog_batch_policy *policy, struct fog_batch_job *jobs,
		   const u32 *order, u32 count, struct fog_placement_host *hosts, u32 host_count,
		   const struct fog_batch_run *runs, u32 run_count, struct fog_batch_free *free)
{
	u32 placed = 0, reserved = 0;

	for (u32 i = 0; i < count; i++) {
		struct fog_batch_job *job = &jobs[order[i]];
		if (fog_batch_place(job, hosts, host_count, policy->weights)) {
			placed++;
			continue;
		}
		job->start_ms = FOG_BATCH_NEVER;
		if (policy->blocking)
			break;
		if (reserved >= policy->reservations)
			continue;
		fog_batch_reserve(job, hosts, host_count, runs, run_count, true, free);
		reserved += job->start_ms != FOG_BATCH_NEVER;
	}
	return placed;
}
