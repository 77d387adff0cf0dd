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

#include "controlplane/jobs/state.h"
#include "controlplane/scheduler/batch.h"
#include "crypto/mem.h"

#define PLAN_GENERATIONS 60
#define PLAN_POPULATION  32
#define PLAN_MS          20
#define FINISH_DELAY_MS  1000
#define REGATHER_MS      2000

/* A job, or the members of a gang that wait. */
struct unit {
	struct fog_placement_request request;
	struct fog_job_wishes wishes;
	struct fog_job *job[FOG_BATCH_MEMBERS_MAX];
	u32 count;
	u32 missing;                   /* members that neither wait nor have run */
	bool plain;                    /* no rule ties it to other jobs */
	bool again;                    /* with hosts that failed it */
	char why[FOG_JOB_REASON_SIZE]; /* not placed for this reason, before hosts were asked */
};

struct pass {
	struct fog_jobs *j;
	u32 host_count;
	u32 count;
	struct unit *unit;
	struct fog_batch_job *b; /* [count] */
	u32 *order;
	struct fog_batch_run *runs;
	u32 run_count;
	struct fog_batch_free *free;
	bool marked; /* marks of hosts are not all NONE */
	bool dry;    /* only to know: nobody is stopped for it */
};

/* ---- hosts ---------------------------------------------------------------------------------- */

static int host_compare(const void *a, const void *b)
{
	return memcmp(((const struct fog_placement_host *)a)->id,
		      ((const struct fog_placement_host *)b)->id, FOG_NODE_ID_SIZE);
}

static struct fog_placement_host *host_find(struct fog_jobs *j, u32 count, const u8 *node)
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
		.price_cpu_hour = j->config.price_cpu_hour,
		.price_memory_gb_hour = j->config.price_memory_gb_hour,
	};
	memcpy(h->id, j->config.node_id, sizeof(h->id));
	return count + 1;
}

/* The directory, with what we know of each host. */
static u32 hosts_read(struct fog_jobs *j)
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
		h->mark = FOG_PLACEMENT_MARK_NONE;
		h->crowd = 0;
		h->cordoned = fog_hold_find(j, h->id, &hold);
		h->reputation_lower = fog_bound_get(j, h->id);
	}
	TAILQ_FOREACH(a, &j->attempts, link)
	if (a->state <= FOG_ATTEMPT_RECEIVED)
		host_commit(host_find(j, count, a->key.worker), &a->limits);
	return count;
}

/* ---- what runs ------------------------------------------------------------------------------ */

static int run_compare(const void *a, const void *b)
{
	const struct fog_batch_run *x = a, *y = b;

	return x->left_ms < y->left_ms ? -1 : x->left_ms > y->left_ms;
}

static bool runs_read(struct pass *p)
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
		struct fog_placement_host *h = host_find(j, p->host_count, a->key.worker);
		u64 end = (a->offered_ms != 0 ? a->offered_ms : j->now_ms) + a->limits.wall_ms;
		if (a->state > FOG_ATTEMPT_RECEIVED || h == NULL)
			continue;
		p->runs[p->run_count++] =
			(struct fog_batch_run){.host = (u32)(h - j->hosts),
					       .left_ms = end > j->now_ms ? end - j->now_ms : 1000,
					       .cpu_milli = a->limits.cpu_milli,
					       .memory_bytes = a->limits.memory_bytes};
	}
	qsort(p->runs, p->run_count, sizeof(*p->runs), run_compare);
	return true;
}

/* ---- units ---------------------------------------------------------------------------------- */

/* The class goes before the wish. */
static u32 precedence(const struct fog_job *job)
{
	return job->terms.priority +
	       (u32)(job->terms.sla - FOG_SLA_B) * (FOG_BATCH_PRIORITY_MAX + 1);
}

/* Highest priority first, then first come. */
static int job_compare(const void *a, const void *b)
{
	const struct fog_job *x = *(struct fog_job *const *)a, *y = *(struct fog_job *const *)b;

	if (precedence(x) != precedence(y))
		return precedence(x) > precedence(y) ? -1 : 1;
	if (x->released_ms != y->released_ms)
		return x->released_ms < y->released_ms ? -1 : 1;
	if (x->created_ms != y->created_ms)
		return x->created_ms < y->created_ms ? -1 : 1;
	int c = strcmp(x->batch, y->batch);
	if (c == 0)
		c = strcmp(x->stage, y->stage);
	return c != 0 ? c : x->rank < y->rank ? -1 : x->rank > y->rank;
}

static struct unit *gang_find(struct pass *p, const struct fog_job *job)
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

static void unit_add(struct pass *p, struct fog_job *job)
{
	struct unit *u = job->kind == FOG_JOB_GANG ? gang_find(p, job) : NULL;
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

static bool waits(const struct fog_job *job)
{
	return job->state == FOG_JOB_QUEUED && !job->held && job->attempt == NULL;
}

/* All that wait, if it is time to look at one of them. */
static bool units_read(struct pass *p, bool force)
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
		if (!waits(job))
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

static void pass_free(struct pass *p)
{
	free(p->unit);
	free(p->b);
	free(p->order);
	free(p->runs);
	free(p->free);
}

/* ---- requests and rules --------------------------------------------------------------------- */

/* A wish that names no known host stays a target nobody is. */
static void target_resolve(struct fog_jobs *j, u32 count, const char *text,
			   struct fog_placement_request *r)
{
	r->target_set = true;
	for (u32 i = 0; i < count; i++)
		if (fog_job_host_matches(text, &j->hosts[i]))
			memcpy(r->target, j->hosts[i].id, sizeof(r->target));
}

static void request_make(struct fog_jobs *j, const struct fog_job *job,
			 const struct fog_job_wishes *wishes, u32 count,
			 struct fog_placement_request *r)
{
	*r = (struct fog_placement_request){
		.cpu_milli = job->limits.cpu_milli,
		.memory_bytes = job->limits.memory_bytes,
		.wall_ms = job->limits.wall_ms,
		.reputation_min = wishes->reputation_min,
		.price_cap = wishes->price_cap,
		.equality_count = wishes->equality_count,
		.seed = fog_load_u64(job->spec_sha256) ^ fog_job_hash(job->id) ^ job->attempt_count,
	};
	memcpy(r->equality, wishes->equality, sizeof(r->equality));
	if (wishes->target[0] != '\0')
		target_resolve(j, count, wishes->target, r);
	for (u32 i = 0; i < wishes->exclude_count; i++)
		for (u32 h = 0; h < count && r->exclude_count < FOG_JOB_EXCLUDES_MAX; h++)
			if (fog_job_host_matches(wishes->exclude[i], &j->hosts[h]))
				memcpy(r->exclude[r->exclude_count++], j->hosts[h].id,
				       FOG_NODE_ID_SIZE);
}

/* Hosts that failed one of its jobs (`failed`), lied about it, or will not have it for now. A
 * requested host gets every attempt: its failures do not count against it. */
static void avoids_add(struct fog_jobs *j, struct unit *u, bool failed)
{
	struct fog_placement_request *r = &u->request;

	for (u32 n = 0; n < u->count; n++)
		for (u32 i = 0; i < u->job[n]->avoid_count; i++) {
			const struct fog_job_avoid *a = &u->job[n]->avoid[i];
			bool avoid = a->until_ms > j->now_ms;
			if (a->until_ms >= FOG_AVOID_FAILED)
				avoid = !r->target_set && (failed || a->until_ms == FOG_AVOID_LIED);
			if (avoid && r->exclude_count < FOG_PLACEMENT_EXCLUDE_MAX)
				memcpy(r->exclude[r->exclude_count++], a->node, FOG_NODE_ID_SIZE);
		}
}

/* The values of an attribute among workers that live. */
static u32 values_count(const struct pass *p, enum fog_placement_key key, u32 enough)
{
	const char *seen[FOG_BATCH_MEMBERS_MAX];
	u32 count = 0;

	for (u32 i = 0; i < p->host_count && count < enough; i++) {
		const struct fog_placement_host *h = &p->j->hosts[i];
		u32 k = 0;
		if (!h->alive || h->roles == 0 || h->attribute[key][0] == '\0')
			continue;
		while (k < count && strcmp(seen[k], h->attribute[key]) != 0)
			k++;
		if (k == count)
			seen[count++] = h->attribute[key];
	}
	return count;
}

/* Replicas are kept apart by what attests them, where there are kinds enough; else by who runs
 * them; at least by host. */
static enum fog_placement_key replicas_apart(const struct pass *p, u32 members)
{
	static const enum fog_placement_key keys[] = {FOG_PLACEMENT_KEY_TEE_VENDOR,
						      FOG_PLACEMENT_KEY_OPERATOR};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(keys); i++)
		if (values_count(p, keys[i], members) >= members)
			return keys[i];
	return FOG_JOB_APART_HOST;
}

static void rules_about(struct pass *p, const struct unit *u, const struct fog_attempt *a)
{
	const struct fog_job_wishes *w = &u->wishes;
	struct fog_placement_host *there = host_find(p->j, p->host_count, a->key.worker);
	const char *group = fog_job_group(a->job);
	bool same = group[0] != '\0' && strcmp(group, fog_job_group(u->job[0])) == 0;

	for (u32 i = 0; there != NULL && i < p->host_count; i++) {
		struct fog_placement_host *h = &p->j->hosts[i];
		if (same && w->apart != FOG_PLACEMENT_KEY_INVALID &&
		    fog_placement_near(h, there, w->apart))
			h->mark = FOG_PLACEMENT_MARK_APART;
		if (same && w->spread != FOG_PLACEMENT_KEY_INVALID &&
		    fog_placement_near(h, there, w->spread))
			h->crowd++;
		if (h == there && h->mark == FOG_PLACEMENT_MARK_AWAY && strcmp(group, w->with) == 0)
			h->mark = FOG_PLACEMENT_MARK_NONE;
	}
}

/* Marks hosts by where the unit's group is. */
static void rules_apply(struct pass *p, struct unit *u)
{
	struct fog_job_wishes *w = &u->wishes;
	const struct fog_attempt *a;

	if (u->job[0]->kind == FOG_JOB_REPLICA && w->apart == FOG_PLACEMENT_KEY_INVALID)
		w->apart = replicas_apart(p, u->job[0]->members);
	u->plain = w->apart == FOG_PLACEMENT_KEY_INVALID &&
		   w->spread == FOG_PLACEMENT_KEY_INVALID && w->with[0] == '\0' && u->count == 1;
	if (u->plain && !p->marked)
		return;
	for (u32 i = 0; i < p->host_count; i++) {
		p->j->hosts[i].mark =
			w->with[0] != '\0' ? FOG_PLACEMENT_MARK_AWAY : FOG_PLACEMENT_MARK_NONE;
		p->j->hosts[i].crowd = 0;
	}
	p->marked = !u->plain;
	if (u->plain)
		return;
	TAILQ_FOREACH(a, &p->j->attempts, link)
	if (a->job != NULL && a->state <= FOG_ATTEMPT_RECEIVED)
		rules_about(p, u, a);
}

/* ---- one unit ------------------------------------------------------------------------------- */

static void unit_fill(struct pass *p, u32 index)
{
	struct unit *u = &p->unit[index];
	struct fog_batch_job *b = &p->b[index];
	struct fog_jobs *j = p->j;
	const struct fog_job *job = u->job[0];
	u64 deadline = job->created_ms + job->terms.deadline_ms;

	request_make(j, job, &u->wishes, p->host_count, &u->request);
	*b = (struct fog_batch_job){
		.request = &u->request,
		.members = u->count,
		.priority = precedence(job),
		.use = fog_space_share(j, job->terms.space),
		.sequence = job->created_ms,
		.wait_ms = j->now_ms - FOG_MIN(job->released_ms, j->now_ms),
		.start_ms = FOG_BATCH_NEVER,
	};
	if (job->terms.deadline_ms != 0 && deadline > j->now_ms)
		b->deadline_ms = deadline - j->now_ms;
}

/* Whether hosts need to be asked at all. */
static bool unit_ready(struct pass *p, struct unit *u)
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
static bool unit_place(struct pass *p, u32 index)
{
	struct unit *u = &p->unit[index];
	struct fog_batch_job *b = &p->b[index];
	struct fog_jobs *j = p->j;
	u32 excluded = u->request.exclude_count;

	b->apart = u->wishes.apart;
	avoids_add(j, u, true);
	if (fog_batch_place(b, j->hosts, p->host_count, NULL))
		return true;
	if (u->request.exclude_count == excluded ||
	    j->now_ms < u->job[0]->queued_ms + FOG_JOBS_SECOND_MS)
		return false;
	struct fog_placement first = b->placement;
	u->request.exclude_count = excluded;
	avoids_add(j, u, false);
	if (fog_batch_place(b, j->hosts, p->host_count, NULL))
		return true;
	b->placement = first; /* what it lacks among the others says more */
	return false;
}

/* ---- preemption ----------------------------------------------------------------------------- */

static bool victim(const struct fog_attempt *a, const struct fog_job *job)
{
	return a->job != NULL && a->state == FOG_ATTEMPT_ACCEPTED && a->job->terms.preemptible &&
	       precedence(a->job) < precedence(job);
}

/* The least of them on this host that make room, lowest priority first. Returns how many must be
 * stopped, UINT32_MAX when all of them are not enough; stops them when told so. */
static u32 make_room(struct pass *p, const struct unit *u, const struct fog_placement_host *h,
		     bool stop)
{
	const struct fog_placement_request *r = &u->request;
	u64 cpu = h->cpu_milli - FOG_MIN(h->cpu_milli_committed, h->cpu_milli);
	u64 memory = h->memory_bytes - FOG_MIN(h->memory_bytes_committed, h->memory_bytes);
	struct fog_attempt *a;
	u32 count = 0;

	for (u32 level = 0; level < precedence(u->job[0]); level++)
		TAILQ_FOREACH(a, &p->j->attempts, link)
		{
			if (cpu >= r->cpu_milli && memory >= r->memory_bytes)
				return count;
			if (!victim(a, u->job[0]) || precedence(a->job) != level ||
			    memcmp(a->key.worker, h->id, FOG_JOB_NODE_SIZE) != 0)
				continue;
			cpu += a->limits.cpu_milli;
			memory += a->limits.memory_bytes;
			count += a->stop == FOG_STOP_NONE;
			if (stop && a->stop == FOG_STOP_NONE)
				fog_attempt_stop(p->j, a, FOG_STOP_PREEMPT);
		}
	return cpu >= r->cpu_milli && memory >= r->memory_bytes ? count : UINT32_MAX;
}

static void preempt(struct pass *p, struct unit *u)
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

/* ---- several at once ------------------------------------------------------------------------ */

struct hurry {
	struct fog_jobs *j;
	u64 end_ns;
};

static bool late(void *context)
{
	struct hurry *h = context;

	return h->end_ns != 0 && h->j->ports.cpu_ns(h->j->ports.context) >= h->end_ns;
}

struct plan_input {
	u32 count;
	u32 index[FOG_JOBS_PLACEMENTS_MAX]; /* of units */
	u32 host_of[FOG_JOBS_PLACEMENTS_MAX];
	struct fog_plan_job job[FOG_JOBS_PLACEMENTS_MAX];
	struct fog_placement placement[FOG_JOBS_PLACEMENTS_MAX];
	struct fog_plan_host host[FOG_PLAN_HOSTS_MAX];
};

static u32 owner_of(const char *user)
{
	u32 h = 2166136261u;

	for (; *user != '\0'; user++)
		h = (h ^ (u8)*user) * 16777619u;
	return h;
}

/* Jobs whose host may be any: no rule, nothing kept free for another there. */
static void plan_jobs(struct pass *p, struct plan_input *in)
{
	for (u32 i = 0; i < p->count; i++) {
		struct unit *u = &p->unit[i];
		if (!p->b[i].placed || !u->plain || p->j->hosts[p->b[i].host[0]].reserved_ms != 0)
			continue;
		in->index[in->count] = i;
		in->host_of[in->count] = p->b[i].host[0];
		in->job[in->count++] = (struct fog_plan_job){.request = &u->request,
							     .sla = u->job[0]->terms.sla,
							     .owner = owner_of(u->job[0]->user),
							     .input_bytes = u->job[0]->input_size};
	}
}

/* The search begins from what the quick path chose, and is used when it places as many. */
static void plan_search(struct pass *p, struct plan_input *in,
			const struct fog_nsga2_config *config)
{
	struct fog_jobs *j = p->j;
	size_t size = fog_plan_size(in->count, p->host_count, config->population);
	void *memory = size != 0 ? malloc(size) : NULL;
	struct hurry hurry = {.j = j};
	struct fog_plan_result result;
	struct fog_plan *plan;

	if (memory == NULL)
		return; /* what the quick path chose stands */
	if (j->ports.cpu_ns != NULL)
		hurry.end_ns = j->ports.cpu_ns(j->ports.context) +
			       1000000ull * (j->config.plan_ms != 0 ? j->config.plan_ms : PLAN_MS);
	if (fog_plan_init(&plan, memory, size, in->job, in->count, in->host, p->host_count,
			  config) == 0) {
		(void)fog_plan_seed(plan, in->host_of);
		fog_plan_run(plan,
			     j->config.plan_generations != 0 ? j->config.plan_generations
							     : PLAN_GENERATIONS,
			     late, &hurry);
		fog_plan_choose(plan, NULL, in->placement, &result);
		j->stats.batches++;
		j->stats.generations += result.generations;
		for (u32 i = 0; result.placed == in->count && i < in->count; i++) {
			struct fog_batch_job *b = &p->b[in->index[i]];
			b->host[0] = in->placement[i].index;
			b->price[0] = in->placement[i].price;
		}
	}
	free(memory);
}

static void plan_refine(struct pass *p)
{
	struct fog_nsga2_config config = fog_nsga2_config_default;
	struct fog_jobs *j = p->j;
	struct plan_input *in;

	if (p->host_count > FOG_PLAN_HOSTS_MAX || (in = calloc(1, sizeof(*in))) == NULL)
		return;
	plan_jobs(p, in);
	for (u32 i = 0; i < in->count; i++)
		fog_placement_uncommit(&j->hosts[in->host_of[i]], in->job[i].request);
	for (u32 i = 0; i < p->host_count; i++) {
		j->hosts[i].mark = FOG_PLACEMENT_MARK_NONE;
		in->host[i] = (struct fog_plan_host){.host = &j->hosts[i],
						     .bandwidth_kbps = j->hosts[i].bandwidth_kbps,
						     .idle_mw = j->hosts[i].idle_mw,
						     .core_mw = j->hosts[i].core_mw};
	}
	config.population = PLAN_POPULATION;
	config.seed = j->now_ms;
	if (in->count >= 2)
		plan_search(p, in, &config);
	for (u32 i = 0; i < in->count; i++)
		fog_placement_commit(&j->hosts[p->b[in->index[i]].host[0]], in->job[i].request);
	free(in);
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

static void unit_pending(struct pass *p, u32 index, const char *why)
{
	struct unit *u = &p->unit[index];
	u64 start = p->b[index].start_ms;

	for (u32 i = 0; i < u->count; i++) {
		u->job[i]->start_ms = start == FOG_BATCH_NEVER ? 0 : p->j->now_ms + start;
		pending(p->j, u->job[i], why);
	}
	p->j->stats.refusals += u->count;
}

/* Escrow for all members, or none. */
static bool affordable(struct pass *p, u32 index, char why[FOG_JOB_REASON_SIZE])
{
	struct unit *u = &p->unit[index];
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

static void unit_start(struct pass *p, u32 index)
{
	struct unit *u = &p->unit[index];
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

static void unit_explain(struct pass *p, u32 index, char out[FOG_JOB_REASON_SIZE])
{
	struct unit *u = &p->unit[index];
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

static void unit_try(struct pass *p, u32 index, u32 *reserved, u32 *estimated)
{
	struct unit *u = &p->unit[index];
	struct fog_space *s = fog_space_find(p->j, u->job[0]->terms.space);

	if (!unit_ready(p, u))
		return;
	rules_apply(p, u);
	if (unit_place(p, index)) {
		if (s != NULL) {
			s->jobs_now += u->count;
			s->cpu_now += u->count * u->job[0]->limits.cpu_milli;
			s->memory_now += u->count * u->job[0]->limits.memory_bytes;
		}
		return;
	}
	if (!p->dry)
		preempt(p, u);
	bool keep = *reserved < fog_batch_policy_default.reservations;
	if ((*estimated)++ >= FOG_JOBS_ESTIMATES_MAX)
		return;
	fog_batch_reserve(&p->b[index], p->j->hosts, p->host_count, p->runs, p->run_count, keep,
			  p->free);
	*reserved += keep && p->b[index].start_ms != FOG_BATCH_NEVER;
}

/* Decides; nothing is stored yet. */
static bool pass_decide(struct pass *p)
{
	u32 reserved = 0, estimated = 0;

	p->host_count = hosts_read(p->j);
	if (!runs_read(p)) {
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
		if (!waits(job) || j->now_ms < job->next_ms ||
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
	struct pass p = {.j = j};
	u32 placed = 0;

	if (j->review)
		fog_group_review(j);
	jobs_expire(j);
	if (units_read(&p, false) && p.count != 0 && pass_decide(&p)) {
		for (u32 i = 0; i < p.count; i++)
			placed += p.b[i].placed && p.unit[i].plain;
		if (placed >= 2)
			plan_refine(&p);
		for (u32 i = 0; i < p.count && j->rc == 0; i++) {
			if (p.b[i].placed) {
				unit_start(&p, i);
				continue;
			}
			unit_explain(&p, i, why);
			unit_pending(&p, i, why);
		}
		if (begin != 0)
			j->stats.took_us[j->stats.passes % FOG_ARRAY_COUNT(j->stats.took_us)] =
				(u32)((j->ports.cpu_ns(j->ports.context) - begin) / 1000);
		j->stats.passes++;
	}
	pass_free(&p);
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
	/* Too large a checkpoint is none: the job begins anew. */
	if (job->terms.checkpoint)
		(void)fog_input_from_output(j, job, FOG_JOB_CHECKPOINT, job->id);
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
	default:
		fog_job_requeue(j, job, "its gang could not start whole; tried again", REGATHER_MS);
	}
}

/* ---- why ------------------------------------------------------------------------------------ */

static void why_fill(struct pass *p, u32 index, struct fog_job_why *out)
{
	struct fog_batch_job *b = &p->b[index];
	struct fog_jobs *j = p->j;

	out->members = p->unit[index].count;
	out->placement = b->placement;
	out->full = p->unit[index].why[0] != '\0';
	for (u32 i = 0; i < p->host_count && !out->possible; i++)
		out->possible = fog_placement_filter_empty(&p->unit[index].request, &j->hosts[i]) ==
				FOG_PLACEMENT_FITS;
	while (out->ahead < p->count && p->order[out->ahead] != index)
		out->ahead++;
	out->start_ms = b->placed                        ? j->now_ms
			: b->start_ms == FOG_BATCH_NEVER ? 0
							 : j->now_ms + b->start_ms;
	if (!b->placed) {
		unit_explain(p, index, out->text);
		return;
	}
	snprintf(out->host, sizeof(out->host), "%s", j->hosts[b->host[0]].name);
	snprintf(out->text, sizeof(out->text), "it is its turn: %.63s", out->host);
}

/* A pass that stores nothing, with this job among those that wait. */
static void why_ask(struct fog_jobs *j, const struct fog_job *job, struct fog_job_why *out)
{
	struct pass p = {.j = j, .dry = true};

	if (units_read(&p, true) && pass_decide(&p)) {
		for (u32 i = 0; i < p.count; i++)
			for (u32 k = 0; k < p.unit[i].count; k++)
				if (p.unit[i].job[k] == job)
					why_fill(&p, i, out);
	}
	pass_free(&p);
}

static int why_locked(struct fog_jobs *j, const char *id, struct fog_job_why *out)
{
	const struct fog_job *job = fog_job_find(j, id);

	out->found = job != NULL;
	if (job == NULL)
		return 0;
	out->pending = job->state == FOG_JOB_QUEUED;
	out->held = job->held;
	snprintf(out->text, sizeof(out->text), "%s", job->reason != NULL ? job->reason : "");
	if (waits(job))
		why_ask(j, job, out);
	return 0;
}

int fog_jobs_why(struct fog_jobs *j, const char *id, u64 now_ms, struct fog_job_why *out)
{
	memset(out, 0, sizeof(*out));
	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	why_locked(j, id, out);
	return fog_jobs_end(j);
}

int fog_jobs_plan(struct fog_jobs *j, const char *user, const struct fog_job_request *requests,
		  u32 count, u64 now_ms, struct fog_job_why *out, char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_job **list = calloc(count, sizeof(*list));
	int rc = 0;

	memset(out, 0, (size_t)count * sizeof(*out));
	if (list == NULL)
		return -ENOMEM;
	if (!fog_jobs_begin(j, now_ms)) {
		free(list);
		return -EAGAIN;
	}
	for (u32 i = 0; rc == 0 && i < count; i++)
		rc = fog_job_dry(j, user, &requests[i], &list[i], error);
	for (u32 i = 0; rc == 0 && i < count; i++) {
		out[i].held = list[i]->held;
		out[i].pending = true;
		if (list[i]->held)
			fog_jobs_reason(out[i].text, "waits for stages: %.400s", list[i]->after);
		else if (i == 0 || list[i]->kind != FOG_JOB_GANG ||
			 strcmp(list[i]->stage, list[i - 1]->stage) != 0)
			why_ask(j, list[i], &out[i]);
		else
			out[i] = out[i - 1]; /* a gang is asked about once */
	}
	for (u32 i = 0; i < count; i++)
		if (list[i] != NULL)
			fog_job_free(j, list[i]);
	free(list);
	return fog_jobs_end(j) != 0 ? -EAGAIN : rc;
}
