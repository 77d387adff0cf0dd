/* SPDX-License-Identifier: BSD-3-Clause */
/* Several jobs at once: NSGA-II from what the quick path chose. */
#include "controlplane/jobs/place.h"

#define PLAN_GENERATIONS 60
#define PLAN_POPULATION  32
#define PLAN_MS          20

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

/* For somebody, at some time: the search does not look at when. */
static bool held(const struct fog_placement_host *h)
{
	return h->reserved_ms != 0 || h->keep != NULL;
}

/* Jobs whose host may be any: no rule, nothing kept free for another there. */
static void plan_jobs(struct fog_pass *p, struct plan_input *in)
{
	for (u32 i = 0; i < p->count; i++) {
		struct fog_unit *u = &p->unit[i];
		if (!p->b[i].placed || !u->plain || held(&p->j->hosts[p->b[i].host[0]]))
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
static void plan_search(struct fog_pass *p, struct plan_input *in,
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

void fog_pass_refine(struct fog_pass *p)
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
		j->hosts[i].mark =
			held(&j->hosts[i]) ? FOG_PLACEMENT_MARK_TAKEN : FOG_PLACEMENT_MARK_NONE;
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
