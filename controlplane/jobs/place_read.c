/* SPDX-License-Identifier: BSD-3-Clause */
/* What a pass looks at: hosts, what runs there, and the jobs that wait. */
#include <errno.h>

#include "controlplane/jobs/place.h"
#include "crypto/mem.h"

/* ---- hosts ---------------------------------------------------------------------------------- */

static int host_compare(const void *a, const void *b)
{
	return memcmp(((const struct fog_placement_host *)a)->id,
		      ((const struct fog_placement_host *)b)->id, FOG_NODE_ID_SIZE);
}

struct fog_placement_host *fog_pass_host(struct fog_jobs *j, u32 count, const u8 *node)
{
	struct fog_placement_host key;

	memcpy(key.id, node, sizeof(key.id));
	return bsearch(&key, j->hosts, count, sizeof(key), host_compare);
}

static void host_commit(struct fog_placement_host *h, const struct fog_job_limits *limits)
{
	if (h == NULL)
		return;
	h->cpu_milli_committed += limits->cpu_milli;
	h->memory_bytes_committed += limits->memory_bytes;
	h->gpu_milli_committed += 1000 * limits->accelerators;
	h->jobs_committed++;
}

/* This host can run what it is asked to run here before, and without, any directory. */
static u32 self_add(struct fog_jobs *j, u32 count)
{
	struct fog_placement_host *h = &j->hosts[count];

	for (u32 i = 0; i < count; i++)
		if (memcmp(j->hosts[i].id, j->config.node_id, FOG_NODE_ID_SIZE) == 0)
			return count;
	if (count == FOG_PLACEMENT_HOSTS_MAX)
		return count;
	*h = (struct fog_placement_host){
		.name = "self",
		.roles = j->config.worker ? FOG_PLACEMENT_ROLE_WORKER : 0,
		.alive = true,
		.cpu_milli = j->config.cpu_milli,
		.memory_bytes = j->config.memory_bytes,
		.gpu_milli = 1000ull * j->config.accelerators.count,
		.gpu_memory_bytes = j->config.accelerators.memory_bytes,
		.price = j->config.price,
	};
	memcpy(h->id, j->config.node_id, sizeof(h->id));
	memcpy(h->gpu_type, j->config.accelerators.type, sizeof(h->gpu_type));
	return count + 1;
}

/* The directory, with what we know of each host. */
u32 fog_pass_hosts(struct fog_jobs *j)
{
	const struct fog_attempt *a;
	struct fog_host_hold hold;
	u32 count = j->ports.hosts(j->ports.context, j->hosts, FOG_PLACEMENT_HOSTS_MAX, j->now_ms);

	FOG_ASSERT(count <= FOG_PLACEMENT_HOSTS_MAX);
	count = self_add(j, count);
	qsort(j->hosts, count, sizeof(*j->hosts), host_compare);
	for (u32 i = 0; i < count; i++) {
		struct fog_placement_host *h = &j->hosts[i];
		h->local = memcmp(h->id, j->config.node_id, sizeof(h->id)) == 0;
		h->cpu_milli_committed = 0;
		h->memory_bytes_committed = 0;
		h->jobs_committed = 0;
		h->gpu_milli_committed = 0;
		h->reserved_ms = 0;
		h->keep = NULL;
		h->mark = FOG_PLACEMENT_MARK_NONE;
		h->crowd = 0;
		h->cordoned = fog_hold_find(j, h->id, &hold);
		h->reputation_lower = fog_bound_get(j, h->id);
	}
	TAILQ_FOREACH(a, &j->attempts, link)
	if (a->state <= FOG_ATTEMPT_RECEIVED)
		host_commit(fog_pass_host(j, count, a->key.worker), &a->limits);
	return count;
}

/* ---- what runs ------------------------------------------------------------------------------ */

static int run_compare(const void *a, const void *b)
{
	const struct fog_batch_run *x = a, *y = b;

	return x->left_ms < y->left_ms ? -1 : x->left_ms > y->left_ms;
}

bool fog_pass_runs(struct fog_pass *p)
{
	struct fog_jobs *j = p->j;
	const struct fog_attempt *a;
	u32 count = 0;

	TAILQ_FOREACH(a, &j->attempts, link)
	count++;
	p->runs = calloc(count + 1, sizeof(*p->runs));
	p->free = calloc(p->host_count + 1, sizeof(*p->free));
	if (p->runs == NULL || p->free == NULL)
		return false;
	TAILQ_FOREACH(a, &j->attempts, link)
	{
		struct fog_placement_host *h = fog_pass_host(j, p->host_count, a->key.worker);
		u64 end = (a->offered_ms != 0 ? a->offered_ms : j->now_ms) + a->limits.wall_ms;
		if (a->state > FOG_ATTEMPT_RECEIVED || h == NULL)
			continue;
		p->runs[p->run_count++] = (struct fog_batch_run){
			.host = (u32)(h - j->hosts),
			.left_ms = end > j->now_ms ? end - j->now_ms : 1000,
			.cpu_milli = a->limits.cpu_milli,
			.owner = a->job != NULL ? fog_reserve_owner(j, a->job->terms.space) : 0,
			.gpu_milli = 1000 * a->limits.accelerators,
			.memory_bytes = a->limits.memory_bytes};
	}
	qsort(p->runs, p->run_count, sizeof(*p->runs), run_compare);
	return true;
}

/* ---- units ---------------------------------------------------------------------------------- */

/* The class goes before the wish. */
u32 fog_job_precedence(const struct fog_job *job)
{
	return job->terms.priority +
	       (u32)(job->terms.sla - FOG_SLA_B) * (FOG_BATCH_PRIORITY_MAX + 1);
}

/* Highest priority first, then first come. */
static int job_compare(const void *a, const void *b)
{
	const struct fog_job *x = *(struct fog_job *const *)a, *y = *(struct fog_job *const *)b;

	if (fog_job_precedence(x) != fog_job_precedence(y))
		return fog_job_precedence(x) > fog_job_precedence(y) ? -1 : 1;
	if (x->released_ms != y->released_ms)
		return x->released_ms < y->released_ms ? -1 : 1;
	if (x->created_ms != y->created_ms)
		return x->created_ms < y->created_ms ? -1 : 1;
	int c = strcmp(x->batch, y->batch);
	if (c == 0)
		c = strcmp(x->stage, y->stage);
	return c != 0 ? c : x->rank < y->rank ? -1 : x->rank > y->rank;
}

static struct fog_unit *gang_find(struct fog_pass *p, const struct fog_job *job)
{
	for (u32 i = p->count; i > 0; i--) {
		const struct fog_job *first = p->unit[i - 1].job[0];
		if (first->kind == FOG_JOB_GANG && strcmp(first->batch, job->batch) == 0 &&
		    strcmp(first->stage, job->stage) == 0)
			return &p->unit[i - 1];
	}
	return NULL;
}

/* Members that have a host but have not run: until they come back or begin, nobody starts. */
static u32 gang_missing(const struct fog_jobs *j, const struct fog_job *job)
{
	const struct fog_attempt *a;
	u32 missing = 0;

	TAILQ_FOREACH(a, &j->attempts, link)
	missing += a->job != NULL && a->job->kind == FOG_JOB_GANG && !a->job->began &&
		   strcmp(a->job->batch, job->batch) == 0 && strcmp(a->job->stage, job->stage) == 0;
	return missing;
}

static void unit_add(struct fog_pass *p, struct fog_job *job)
{
	struct fog_unit *u = job->kind == FOG_JOB_GANG ? gang_find(p, job) : NULL;
	char error[FOG_JSON_ERROR_SIZE];

	if (u != NULL) {
		if (u->count < FOG_BATCH_MEMBERS_MAX)
			u->job[u->count++] = job;
		return;
	}
	if (p->count == FOG_JOBS_PLACEMENTS_MAX)
		return;
	u = &p->unit[p->count];
	memset(u, 0, sizeof(*u));
	if (fog_job_wishes_parse(job->wishes, &u->wishes, error) != 0) {
		fog_jobs_fail(p->j, -EUCLEAN);
		return;
	}
	u->job[0] = job;
	u->count = 1;
	u->missing = job->kind == FOG_JOB_GANG && !job->began ? gang_missing(p->j, job) : 0;
	p->count++;
}

bool fog_job_waits(const struct fog_job *job)
{
	return job->state == FOG_JOB_QUEUED && !job->held && job->attempt == NULL;
}

/* All that wait, if it is time to look at one of them. */
bool fog_pass_units(struct fog_pass *p, bool force)
{
	struct fog_jobs *j = p->j;
	struct fog_job **list = calloc(j->job_count + 1, sizeof(*list));
	struct fog_job *job;
	u32 count = 0;
	bool due = force;

	if (list == NULL) {
		fog_jobs_fail(j, -ENOMEM);
		return false;
	}
	TAILQ_FOREACH(job, &j->jobs, link)
	{
		if (!fog_job_waits(job))
			continue;
		due = due || j->now_ms >= job->next_ms;
		list[count++] = job;
	}
	qsort(list, due ? count : 0, sizeof(struct fog_job *), job_compare);
	p->unit =
		due ? calloc(FOG_MIN(count, FOG_JOBS_PLACEMENTS_MAX) + 1, sizeof(*p->unit)) : NULL;
	p->b = due ? calloc(FOG_MIN(count, FOG_JOBS_PLACEMENTS_MAX) + 1, sizeof(*p->b)) : NULL;
	p->order = due ? calloc(FOG_MIN(count, FOG_JOBS_PLACEMENTS_MAX) + 1, sizeof(u32)) : NULL;
	if (due && (p->unit == NULL || p->b == NULL || p->order == NULL))
		fog_jobs_fail(j, -ENOMEM);
	for (u32 i = 0; due && j->rc == 0 && i < count; i++)
		unit_add(p, list[i]);
	free(list);
	return due && j->rc == 0;
}

void fog_pass_free(struct fog_pass *p)
{
	free(p->unit);
	free(p->b);
	free(p->order);
	free(p->runs);
	free(p->free);
	free(p->keeps);
}
