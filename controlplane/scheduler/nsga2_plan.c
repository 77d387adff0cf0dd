/* SPDX-License-Identifier: BSD-3-Clause */
/* Placement of a batch, see nsga2_plan.h. */
#include "controlplane/scheduler/nsga2_plan.h"

#include <errno.h>
#include <math.h>

#include "controlplane/scheduler/carve.h"

#define NONE          UINT32_MAX
#define OFFER_MAX     (1ull << 60) /* more is not told apart; a job is at most 2^50 (fog_price()) */
#define OVERUSE_MAX   1000000
#define PERMILLE      1000.0
#define CHEBYSHEV_SUM 0.05

/* A job on an allowed host. */
struct entry {
	u32 site;
	u32 pad;
	i64 latency_us;
	i64 cost;
	i64 energy_mj;
};

/* A host that is allowed for some job. */
struct site {
	u32 host;    /* index given by the caller */
	u32 seen_by; /* number of its operator */
	u32 distrust_ppm;
	u32 jobs_committed;
	u64 offer[2]; /* CPU, memory */
	u64 committed[2];
	double permille[2]; /* 1000 / offer */
	i64 wake_mj;
};

/* An individual's state: totals, then what each site has been given, then each owner's squares. */
struct load {
	u64 used[2];
	u32 jobs;
	u32 pad;
};

struct state {
	i64 sum[FOG_PLAN_OBJECTIVES]; /* LOAD: of the load; PRIVACY: of the squares */
	i64 load_squares;
	i64 overuse;
	struct load load[];
};

/* What a site with a given load adds to the totals. */
struct share {
	i64 latency_us;
	i64 energy_mj;
	i64 load;
	i64 overuse;
};

struct fog_plan {
	const struct fog_plan_job *jobs;
	const struct fog_plan_host *hosts;
	u32 job_count;
	u32 host_count;
	u32 genes;
	u32 sites;
	u32 owners;
	struct fog_placement *placement; /* [jobs]: who was refused and why */
	struct site *site;
	struct entry *entry;
	u32 *entry_start; /* [jobs + 1] */
	u32 *order;       /* [jobs], admission's; then the first `genes` are the genes' jobs */
	u32 *admitted;    /* [jobs] by gene: index among the job's entries */
	u32 *choices;     /* [genes] */
	u32 *scratch;     /* [jobs] */
	u32 *owner;       /* [genes], 0..owners-1 */
	u32 *owner_start; /* [owners + 1] in owner_gene */
	u32 *owner_gene;  /* [genes] */
	u32 *site_of;     /* [hosts]: the site, or NONE */
	u32 *seen;        /* [sites], by operator: zero between uses */
	u8 *dirty;        /* [owners], zero between uses */
	struct state *empty;
	void *memory; /* of nsga2 */
	size_t memory_size;
	struct fog_nsga2_problem problem;
	struct fog_nsga2_config config;
	struct fog_nsga2 *nsga2; /* NULL when nothing is placed */
};

const double fog_sla_weights[FOG_SLA_COUNT][FOG_PLAN_OBJECTIVES] = {
	/*            latency cost  energy load  trust privacy */
	[FOG_SLA_B] = {0.10, 0.45, 0.15, 0.10, 0.10, 0.10},
	[FOG_SLA_A] = {0.20, 0.20, 0.10, 0.15, 0.20, 0.15},
	[FOG_SLA_S] = {0.30, 0.05, 0.05, 0.10, 0.30, 0.20},
};

static size_t state_size(u32 sites, u32 owners)
{
	return sizeof(struct state) + sites * sizeof(struct load) + owners * sizeof(u32);
}

/* Lays everything out from base, or only counts when it is NULL. */
static size_t lay_out(u8 *base, u32 jobs, u32 hosts, struct fog_plan *p)
{
	size_t used = 0;

	fog_carve(base, &used, sizeof(*p));
	p->placement = fog_carve(base, &used, jobs * sizeof(*p->placement));
	p->site = fog_carve(base, &used, hosts * sizeof(*p->site));
	p->entry = fog_carve(base, &used, (size_t)jobs * hosts * sizeof(*p->entry));
	p->entry_start = fog_carve(base, &used, (jobs + 1) * sizeof(u32));
	p->order = fog_carve(base, &used, jobs * sizeof(u32));
	p->admitted = fog_carve(base, &used, jobs * sizeof(u32));
	p->choices = fog_carve(base, &used, jobs * sizeof(u32));
	p->scratch = fog_carve(base, &used, jobs * sizeof(u32));
	p->owner = fog_carve(base, &used, jobs * sizeof(u32));
	p->owner_start = fog_carve(base, &used, (jobs + 1) * sizeof(u32));
	p->owner_gene = fog_carve(base, &used, jobs * sizeof(u32));
	p->site_of = fog_carve(base, &used, hosts * sizeof(u32));
	p->seen = fog_carve(base, &used, hosts * sizeof(u32));
	p->dirty = fog_carve(base, &used, jobs);
	p->empty = fog_carve(base, &used, state_size(hosts, jobs));
	p->memory = base == NULL ? NULL : base + used;
	return used;
}

static void evaluate_nothing(void *context, const struct fog_nsga2_individual *base,
			     struct fog_nsga2_individual *child)
{
	(void)context;
	(void)base;
	(void)child;
}

size_t fog_plan_size(u32 jobs, u32 hosts, u32 population)
{
	struct fog_plan p;
	struct fog_nsga2_config config = fog_nsga2_config_default;
	/* The largest problem there can be; permutations need no tables and as much room. */
	struct fog_nsga2_problem problem = {.kind = FOG_GENE_ORDER,
					    .genes = FOG_MAX(jobs, 1),
					    .objectives = FOG_PLAN_OBJECTIVES,
					    .state_size = (u32)state_size(hosts, jobs),
					    .evaluate = evaluate_nothing};

	if (jobs > FOG_PLAN_JOBS_MAX || hosts > FOG_PLAN_HOSTS_MAX)
		return 0;
	config.population = population;
	size_t inner = fog_nsga2_size(&problem, &config);
	return inner == 0 ? 0 : lay_out(NULL, jobs, hosts, &p) + inner + FOG_CACHELINE;
}

/* ---- hosts ---------------------------------------------------------------------------------- */

/* The number of the first site with the same operator. */
static u32 operator_of(const struct fog_plan *p, u32 site)
{
	const char *name = p->hosts[p->site[site].host].host->attribute[FOG_PLACEMENT_KEY_OPERATOR];

	for (u32 i = 0; i < site; i++)
		if (strcmp(name,
			   p->hosts[p->site[i].host].host->attribute[FOG_PLACEMENT_KEY_OPERATOR]) ==
		    0)
			return p->site[i].seen_by;
	return site;
}

/* mJ = mW x ms / 1000, cut at FOG_PLAN_TERM_MAX. */
static i64 energy_mj(u64 mw, u64 ms, u64 milli)
{
	unsigned __int128 v = (unsigned __int128)mw * ms * milli / 1000000;

	return v > FOG_PLAN_TERM_MAX ? FOG_PLAN_TERM_MAX : (i64)v;
}

static u32 site_add(struct fog_plan *p, u32 host, u64 horizon_ms)
{
	const struct fog_plan_host *h = &p->hosts[host];
	struct site *s = &p->site[p->sites];
	double distrust = 1 - h->host->reputation_lower;

	*s = (struct site){
		.host = host,
		.jobs_committed = h->host->jobs_committed,
		.offer = {FOG_MIN(h->host->cpu_milli, OFFER_MAX),
			  FOG_MIN(h->host->memory_bytes, OFFER_MAX)},
	};
	s->committed[0] = FOG_MIN(h->host->cpu_milli_committed, s->offer[0]);
	s->committed[1] = FOG_MIN(h->host->memory_bytes_committed, s->offer[1]);
	for (u32 k = 0; k < 2; k++)
		s->permille[k] = s->offer[k] == 0 ? 0 : PERMILLE / (double)s->offer[k];
	s->distrust_ppm = distrust > 0 ? (u32)(FOG_MIN(distrust, 1) * 1e6 + 0.5) : 0;
	s->wake_mj = s->jobs_committed == 0 ? energy_mj(h->idle_mw, horizon_ms, 1000) : 0;
	s->seen_by = operator_of(p, p->sites);
	p->site_of[host] = p->sites;
	return p->sites++;
}

static i64 latency_us(const struct fog_plan_job *job, const struct fog_plan_host *h)
{
	u32 kbps = h->bandwidth_kbps != 0 ? h->bandwidth_kbps : FOG_PLAN_BANDWIDTH_KBPS;
	u64 ms = h->host->latency_ms != 0 ? h->host->latency_ms : FOG_PLACEMENT_LATENCY_UNKNOWN_MS;
	unsigned __int128 v = ms * 1000 + (unsigned __int128)job->input_bytes * 8000 / kbps;

	return v > FOG_PLAN_TERM_MAX ? FOG_PLAN_TERM_MAX : (i64)v;
}

static void filter_job(struct fog_plan *p, u32 job, u64 horizon_ms)
{
	const struct fog_plan_job *j = &p->jobs[job];
	const struct fog_placement_request *r = j->request;
	struct fog_placement *out = &p->placement[job];
	u32 at = p->entry_start[job];

	*out = (struct fog_placement){.hosts = p->host_count};
	for (u32 i = 0; i < p->host_count; i++) {
		const struct fog_placement_host *h = p->hosts[i].host;
		enum fog_placement_reason reason = fog_placement_filter(r, h);
		if (reason != FOG_PLACEMENT_FITS) {
			out->rejected[reason]++;
			continue;
		}
		u32 site = p->site_of[i] != NONE ? p->site_of[i] : site_add(p, i, horizon_ms);
		i64 cost = fog_price(r->cpu_milli, r->memory_bytes, r->gpu_milli, r->wall_ms,
				     &h->price);
		p->entry[at++] = (struct entry){
			.site = site,
			.latency_us = latency_us(j, &p->hosts[i]),
			.cost = FOG_MIN(cost, FOG_PLAN_TERM_MAX),
			.energy_mj = energy_mj(p->hosts[i].core_mw, r->wall_ms, r->cpu_milli)};
		out->feasible++;
	}
	p->entry_start[job + 1] = at;
}

/* ---- totals --------------------------------------------------------------------------------- */

static struct share share_of(const struct site *s, const struct load *l)
{
	struct share out = {0};
	double load = 0;

	for (u32 k = 0; k < 2; k++) {
		u64 used = s->committed[k] + l->used[k];
		double here = (double)used * s->permille[k];
		load = FOG_MAX(load, here);
		if (used > s->offer[k])
			out.overuse += 1 + (i64)FOG_MIN(here - PERMILLE, OVERUSE_MAX);
	}
	out.load = (i64)FOG_MIN(load, OVERUSE_MAX);
	if (l->jobs == 0)
		return out;
	u64 before = (u64)s->jobs_committed + l->jobs - 1;
	out.latency_us = (i64)l->jobs *
			 ((i64)before * FOG_PLAN_QUEUE_US + out.load * (FOG_PLAN_LOAD_US / 1000));
	out.energy_mj = s->wake_mj;
	return out;
}

static void share_count(struct state *t, const struct share *s, i64 sign)
{
	t->sum[FOG_PLAN_LATENCY] += sign * s->latency_us;
	t->sum[FOG_PLAN_ENERGY] += sign * s->energy_mj;
	t->sum[FOG_PLAN_LOAD] += sign * s->load;
	t->load_squares += sign * s->load * s->load;
	t->overuse += sign * s->overuse;
}

/* Puts a job on a site (sign 1) or takes it away (-1). */
static void shift(const struct fog_plan *p, struct state *t, u32 job, const struct entry *e,
		  i64 sign)
{
	const struct site *s = &p->site[e->site];
	const struct fog_placement_request *r = p->jobs[job].request;
	struct load *l = &t->load[e->site];
	struct share before = share_of(s, l);

	l->jobs += (u32)sign;
	l->used[0] += (u64)sign * r->cpu_milli;
	l->used[1] += (u64)sign * r->memory_bytes;
	struct share after = share_of(s, l);
	share_count(t, &before, -1);
	share_count(t, &after, 1);
	t->sum[FOG_PLAN_LATENCY] += sign * e->latency_us;
	t->sum[FOG_PLAN_COST] += sign * e->cost;
	t->sum[FOG_PLAN_ENERGY] += sign * e->energy_mj;
	t->sum[FOG_PLAN_TRUST] += sign * (i64)s->distrust_ppm;
}

static const struct entry *entry_of(const struct fog_plan *p, u32 gene, u32 value)
{
	return &p->entry[p->entry_start[p->order[gene]] + value];
}

/* The squares of an owner whose jobs moved: 1 + 3 + 5 .. for each operator. */
static void owner_count(struct fog_plan *p, struct state *t, u32 *squares, u32 owner,
			const u32 *genes)
{
	u32 sum = 0;

	for (u32 i = p->owner_start[owner]; i < p->owner_start[owner + 1]; i++) {
		u32 g = p->owner_gene[i];
		u32 by = p->site[entry_of(p, g, genes[g])->site].seen_by;
		sum += 2 * p->seen[by]++ + 1;
	}
	for (u32 i = p->owner_start[owner]; i < p->owner_start[owner + 1]; i++) {
		u32 g = p->owner_gene[i];
		p->seen[p->site[entry_of(p, g, genes[g])->site].seen_by] = 0;
	}
	t->sum[FOG_PLAN_PRIVACY] += (i64)sum - (i64)squares[owner];
	squares[owner] = sum;
}

static void evaluate(void *context, const struct fog_nsga2_individual *base,
		     struct fog_nsga2_individual *x)
{
	struct fog_plan *p = context;
	struct state *t = x->state;
	u32 *squares = (u32 *)(t->load + p->sites);

	memcpy(t, base != NULL ? base->state : p->empty, state_size(p->sites, p->owners));
	for (u32 g = 0; g < p->genes; g++) {
		if (base != NULL && base->choice[g] == x->choice[g])
			continue;
		if (base != NULL)
			shift(p, t, p->order[g], entry_of(p, g, base->choice[g]), -1);
		shift(p, t, p->order[g], entry_of(p, g, x->choice[g]), 1);
		p->dirty[p->owner[g]] = 1;
	}
	for (u32 o = 0; o < p->owners; o++) {
		if (!p->dirty[o])
			continue;
		p->dirty[o] = 0;
		owner_count(p, t, squares, o, x->choice);
	}
	for (u32 k = 0; k < FOG_PLAN_OBJECTIVES; k++)
		x->value[k] = (double)t->sum[k];
	double mean = x->value[FOG_PLAN_LOAD] / p->sites;
	x->value[FOG_PLAN_LOAD] = (double)t->load_squares / p->sites - mean * mean;
	x->violation = (double)t->overuse;
}

/* ---- admission and greedy answers ----------------------------------------------------------- */

static bool has_room(const struct fog_plan *p, const struct state *t, u32 job, u32 site, u32 k)
{
	const struct fog_placement_request *r = p->jobs[job].request;
	const struct site *s = &p->site[site];
	u64 need = k == 0 ? r->cpu_milli : r->memory_bytes;

	return s->committed[k] + t->load[site].used[k] + need <= s->offer[k];
}

/* How much one more job on this host costs in this objective, roughly. */
static double greedy_score(const struct fog_plan *p, const struct state *t, u32 job,
			   const struct entry *e, u32 objective)
{
	const struct load *l = &t->load[e->site];
	struct share after;
	struct load then = *l;

	then.jobs++;
	then.used[0] += p->jobs[job].request->cpu_milli;
	then.used[1] += p->jobs[job].request->memory_bytes;
	after = share_of(&p->site[e->site], &then);
	switch (objective) {
	case FOG_PLAN_LATENCY:
		return (double)(e->latency_us + after.latency_us);
	case FOG_PLAN_COST:
		return (double)e->cost;
	case FOG_PLAN_ENERGY:
		return (double)(e->energy_mj + (l->jobs == 0 ? after.energy_mj : 0));
	case FOG_PLAN_LOAD:
		return (double)after.load;
	case FOG_PLAN_TRUST:
		return p->site[e->site].distrust_ppm;
	case FOG_PLAN_PRIVACY: /* spread over hosts; operators are told apart by the search */
		return l->jobs;
	default: /* admission: the fullest that has room */
		return -(double)after.load;
	}
}

/* The entry of the job with room and the least score, or NONE. */
static u32 greedy_pick(const struct fog_plan *p, const struct state *t, u32 job, u32 objective)
{
	u32 best = NONE;
	double least = INFINITY;

	for (u32 i = p->entry_start[job]; i < p->entry_start[job + 1]; i++) {
		const struct entry *e = &p->entry[i];
		if (!has_room(p, t, job, e->site, 0) || !has_room(p, t, job, e->site, 1))
			continue;
		double s = greedy_score(p, t, job, e, objective);
		if (s >= least)
			continue;
		least = s;
		best = i - p->entry_start[job];
	}
	return best;
}

/* a before b: the higher class, then who has fewer hosts to go to, then who needs more. */
static bool goes_before(const struct fog_plan *p, u32 a, u32 b)
{
	const struct fog_plan_job *x = &p->jobs[a], *y = &p->jobs[b];

	if (x->sla != y->sla)
		return x->sla > y->sla;
	if (p->placement[a].feasible != p->placement[b].feasible)
		return p->placement[a].feasible < p->placement[b].feasible;
	if (x->request->cpu_milli != y->request->cpu_milli)
		return x->request->cpu_milli > y->request->cpu_milli;
	return x->request->memory_bytes > y->request->memory_bytes;
}

/* No host has room: those that the filter let pass are told by what they lack. */
static void refuse(struct fog_plan *p, const struct state *t, u32 job)
{
	struct fog_placement *out = &p->placement[job];

	for (u32 i = p->entry_start[job]; i < p->entry_start[job + 1]; i++) {
		bool cpu = has_room(p, t, job, p->entry[i].site, 0);
		out->rejected[cpu ? FOG_PLACEMENT_MEMORY : FOG_PLACEMENT_CPU]++;
	}
	out->feasible = 0;
}

/* Fills order[], admitted[] and choices[]: who is placed, best fit. t: an empty state to fill. */
static void admit(struct fog_plan *p, struct state *t)
{
	for (u32 i = 0; i < p->job_count; i++) {
		u32 at = i;
		for (; at > 0 && goes_before(p, i, p->scratch[at - 1]); at--)
			p->scratch[at] = p->scratch[at - 1];
		p->scratch[at] = i;
	}
	for (u32 i = 0; i < p->job_count; i++) {
		u32 job = p->scratch[i];
		u32 pick = greedy_pick(p, t, job, FOG_PLAN_OBJECTIVES);
		if (pick == NONE) {
			refuse(p, t, job);
			continue;
		}
		shift(p, t, job, &p->entry[p->entry_start[job] + pick], 1);
		p->order[p->genes] = job;
		p->admitted[p->genes] = pick;
		p->choices[p->genes] = p->entry_start[job + 1] - p->entry_start[job];
		p->genes++;
	}
}

/* Numbers the owners and lists the genes of each. */
static void owners_list(struct fog_plan *p)
{
	p->owners = 0;
	for (u32 g = 0; g < p->genes; g++) {
		u32 i = 0;
		while (i < g && p->jobs[p->order[i]].owner != p->jobs[p->order[g]].owner)
			i++;
		p->owner[g] = i < g ? p->owner[i] : p->owners++;
	}
	p->owner_start[0] = 0;
	for (u32 o = 0, at = 0; o < p->owners; o++) {
		for (u32 g = 0; g < p->genes; g++)
			if (p->owner[g] == o)
				p->owner_gene[at++] = g;
		p->owner_start[o + 1] = at;
	}
}

/* The state without any job of the batch, and as many zeroes for owners. */
static void empty_make(struct fog_plan *p, struct state *t)
{
	memset(t, 0, state_size(p->sites, p->job_count));
	for (u32 s = 0; s < p->sites; s++) {
		struct share share = share_of(&p->site[s], &t->load[s]);
		share_count(t, &share, 1);
	}
}

static void seed_greedy(struct fog_plan *p)
{
	struct state *t = p->empty;

	(void)fog_nsga2_seed(p->nsga2, p->admitted);
	for (u32 k = 0; k < FOG_PLAN_OBJECTIVES; k++) {
		empty_make(p, t);
		for (u32 g = 0; g < p->genes; g++) {
			u32 pick = greedy_pick(p, t, p->order[g], k);
			p->scratch[g] = pick == NONE ? p->admitted[g] : pick;
			shift(p, t, p->order[g], entry_of(p, g, p->scratch[g]), 1);
		}
		(void)fog_nsga2_seed(p->nsga2, p->scratch); /* a small population takes the first */
	}
	empty_make(p, t);
}

/* ---- the interface -------------------------------------------------------------------------- */

static bool jobs_ok(const struct fog_plan_job *jobs, u32 job_count)
{
	for (u32 i = 0; i < job_count; i++)
		if (!fog_placement_request_ok(jobs[i].request) || jobs[i].sla <= FOG_SLA_INVALID ||
		    jobs[i].sla >= FOG_SLA_COUNT)
			return false;
	return true;
}

static int search_init(struct fog_plan *p)
{
	owners_list(p);
	p->problem = (struct fog_nsga2_problem){.kind = FOG_GENE_CHOICE,
						.genes = p->genes,
						.objectives = FOG_PLAN_OBJECTIVES,
						.state_size = (u32)state_size(p->sites, p->owners),
						.choices = p->choices,
						.context = p,
						.evaluate = evaluate};
	if (p->genes == 0)
		return 0;
	int rc = fog_nsga2_init(&p->nsga2, p->memory, p->memory_size, &p->problem, &p->config);
	if (rc != 0)
		return rc;
	seed_greedy(p);
	return 0;
}

int fog_plan_init(struct fog_plan **out, void *memory, size_t size, const struct fog_plan_job *jobs,
		  u32 job_count, const struct fog_plan_host *hosts, u32 host_count,
		  const struct fog_nsga2_config *config)
{
	size_t need = fog_plan_size(job_count, host_count, config->population);
	u64 horizon_ms = 0;

	*out = NULL;
	if (need == 0 || size < need || !jobs_ok(jobs, job_count))
		return -EINVAL;
	u8 *base = fog_carve_start(memory);
	struct fog_plan *p = (struct fog_plan *)base;
	memset(p, 0, sizeof(*p));
	size_t used = lay_out(base, job_count, host_count, p);
	p->memory_size = size - FOG_CACHELINE - used;
	p->jobs = jobs;
	p->hosts = hosts;
	p->job_count = job_count;
	p->host_count = host_count;
	p->config = *config;
	memset(p->site_of, 0xff, host_count * sizeof(*p->site_of));
	memset(p->seen, 0, host_count * sizeof(*p->seen));
	memset(p->dirty, 0, job_count);
	p->entry_start[0] = 0;
	for (u32 i = 0; i < job_count; i++)
		horizon_ms = FOG_MAX(horizon_ms, jobs[i].request->wall_ms);
	for (u32 i = 0; i < job_count; i++)
		filter_job(p, i, horizon_ms);
	empty_make(p, p->empty);
	admit(p, p->empty);
	int rc = search_init(p);
	if (rc != 0)
		return rc;
	*out = p;
	return 0;
}

int fog_plan_seed(struct fog_plan *p, const u32 *host_of)
{
	if (p->nsga2 == NULL)
		return 0;
	for (u32 g = 0; g < p->genes; g++) {
		u32 job = p->order[g];
		p->scratch[g] = p->admitted[g];
		for (u32 i = p->entry_start[job]; i < p->entry_start[job + 1]; i++)
			if (p->site[p->entry[i].site].host == host_of[job])
				p->scratch[g] = i - p->entry_start[job];
	}
	return fog_nsga2_seed(p->nsga2, p->scratch);
}

u32 fog_plan_run(struct fog_plan *p, u32 generations, bool (*should_stop)(void *context),
		 void *context)
{
	return p->nsga2 == NULL ? 0 : fog_nsga2_run(p->nsga2, generations, should_stop, context);
}

static void weigh_classes(const struct fog_plan *p, double weights[FOG_PLAN_OBJECTIVES])
{
	memset(weights, 0, FOG_PLAN_OBJECTIVES * sizeof(*weights));
	for (u32 g = 0; g < p->genes; g++)
		for (u32 k = 0; k < FOG_PLAN_OBJECTIVES; k++)
			weights[k] += fog_sla_weights[p->jobs[p->order[g]].sla][k] / p->genes;
}

/* The chosen of the front and its score. */
static const struct fog_nsga2_individual *pick_of_front(const struct fog_plan *p,
							const double *weights, double *score)
{
	double low[FOG_PLAN_OBJECTIVES], high[FOG_PLAN_OBJECTIVES];
	const struct fog_nsga2_individual *best = NULL;
	u32 front = fog_nsga2_front(p->nsga2);

	for (u32 k = 0; k < FOG_PLAN_OBJECTIVES; k++) {
		low[k] = INFINITY;
		high[k] = -INFINITY;
		for (u32 i = 0; i < front; i++) {
			double v = fog_nsga2_get(p->nsga2, i)->value[k];
			low[k] = FOG_MIN(low[k], v);
			high[k] = FOG_MAX(high[k], v);
		}
	}
	for (u32 i = 0; i < front; i++) {
		const struct fog_nsga2_individual *x = fog_nsga2_get(p->nsga2, i);
		double worst = 0, sum = 0;
		for (u32 k = 0; k < FOG_PLAN_OBJECTIVES; k++) {
			double range = high[k] - low[k];
			double z = range > 0 ? weights[k] * (x->value[k] - low[k]) / range : 0;
			worst = FOG_MAX(worst, z);
			sum += z;
		}
		double s = worst + CHEBYSHEV_SUM * sum;
		if (best != NULL && s >= *score)
			continue;
		best = x;
		*score = s;
	}
	return best;
}

static void summarize(const struct fog_plan *p, const struct fog_nsga2_individual *x,
		      struct fog_plan_result *out)
{
	memcpy(out->value, x->value, sizeof(out->value));
	out->latency_ms = x->value[FOG_PLAN_LATENCY] / 1000 / p->genes;
	out->trust = 1 - x->value[FOG_PLAN_TRUST] / 1e6 / p->genes;
	out->load_balance = FOG_MAX(0, 1 - sqrt(FOG_MAX(0, x->value[FOG_PLAN_LOAD])) / PERMILLE);
	out->diversity = p->genes / x->value[FOG_PLAN_PRIVACY];
	out->front = fog_nsga2_front(p->nsga2);
	out->generations = fog_nsga2_stats(p->nsga2).generations;
}

void fog_plan_choose(struct fog_plan *p, const double weights[FOG_PLAN_OBJECTIVES],
		     struct fog_placement *placements, struct fog_plan_result *result)
{
	double own[FOG_PLAN_OBJECTIVES];
	double score = 0;

	memcpy(placements, p->placement, p->job_count * sizeof(*placements));
	*result = (struct fog_plan_result){
		.placed = p->genes, .waiting = p->job_count - p->genes, .seed = p->config.seed};
	if (p->nsga2 == NULL)
		return;
	fog_nsga2_run(p->nsga2, 0, NULL, NULL);
	if (weights == NULL) {
		weigh_classes(p, own);
		weights = own;
	}
	const struct fog_nsga2_individual *x = pick_of_front(p, weights, &score);
	FOG_ASSERT(x != NULL && x->violation == 0); /* the admission's answer is allowed */
	for (u32 g = 0; g < p->genes; g++) {
		const struct entry *e = entry_of(p, g, x->choice[g]);
		struct fog_placement *out = &placements[p->order[g]];
		out->found = true;
		out->index = p->site[e->site].host;
		out->price = e->cost;
		out->score = score;
	}
	summarize(p, x, result);
}

const struct fog_nsga2_problem *fog_plan_problem(const struct fog_plan *p)
{
	return &p->problem;
}

u32 fog_plan_gene_job(const struct fog_plan *p, u32 gene)
{
	FOG_ASSERT(gene < p->genes);
	return p->order[gene];
}

u32 fog_plan_gene_host(const struct fog_plan *p, u32 gene, u32 value)
{
	FOG_ASSERT(gene < p->genes);
	FOG_ASSERT(value < p->choices[gene]);
	return p->site[entry_of(p, gene, value)->site].host;
}
