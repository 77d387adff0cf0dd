/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/jobs/schedule.h"

#include <errno.h>
#include <math.h>
#include <strings.h>

#include "controlplane/jobs/place.h"
#include "crypto/mem.h"

#define GENERATIONS 30
#define POPULATION  32

static const char *const names[FOG_SCHEDULE_COUNT] = {"",        "nsga_ii", "weighted", "pack",
						      "latency", "cost",    "trust",    "load"};

const char *fog_schedule_strategy_name(enum fog_schedule_strategy s)
{
	return s < FOG_SCHEDULE_COUNT ? names[s] : "";
}

enum fog_schedule_strategy fog_schedule_strategy_parse(const char *name)
{
	for (u32 i = 1; i < FOG_SCHEDULE_COUNT; i++)
		if (strcasecmp(name, names[i]) == 0)
			return (enum fog_schedule_strategy)i;
	return FOG_SCHEDULE_INVALID;
}

/* ---- strategies ----------------------------------------------------------------------------- */

static int weighted(struct fog_jobs *j, const struct fog_schedule_wish *wish, u32 count,
		    struct fog_placement *out)
{
	static const struct fog_placement_weights one[FOG_SCHEDULE_COUNT] = {
		[FOG_SCHEDULE_LATENCY] = {.latency = 1},
		[FOG_SCHEDULE_COST] = {.cost = 1},
		[FOG_SCHEDULE_TRUST] = {.reputation = 1},
		[FOG_SCHEDULE_LOAD] = {.load = 1},
	};
	const struct fog_placement_weights *w =
		wish->strategy == FOG_SCHEDULE_WEIGHTED ? &fog_placement_weights_default
		: wish->strategy == FOG_SCHEDULE_PACK   ? &fog_placement_weights_pack
							: &one[wish->strategy];

	return fog_placement_choose(&wish->request, j->hosts, count, w, out);
}

static int search(struct fog_jobs *j, const struct fog_schedule_wish *wish, u32 count,
		  struct fog_plan_host *hosts, struct fog_placement *out, u32 *generations)
{
	const struct fog_plan_job job = {.request = &wish->request, .sla = wish->sla};
	struct fog_nsga2_config config = fog_nsga2_config_default;
	struct fog_plan_result result = {0};
	struct fog_plan *plan;

	config.population = POPULATION;
	config.seed = wish->request.seed;
	size_t size = fog_plan_size(1, count, config.population);
	void *memory = size != 0 ? malloc(size) : NULL;
	if (memory == NULL)
		return size != 0 ? -ENOMEM : -EINVAL;
	int rc = fog_plan_init(&plan, memory, size, &job, 1, hosts, count, &config);
	if (rc == 0) {
		fog_plan_run(plan, GENERATIONS, NULL, NULL);
		fog_plan_choose(plan, NULL, out, &result);
		*generations = result.generations;
	}
	free(memory);
	return rc;
}

static int nsga(struct fog_jobs *j, const struct fog_schedule_wish *wish, u32 count,
		struct fog_placement *out, u32 *generations)
{
	/* More hosts than the search holds: the sum decides. */
	if (count == 0 || count > FOG_PLAN_HOSTS_MAX)
		return fog_placement_choose(&wish->request, j->hosts, count, NULL, out);
	struct fog_plan_host *hosts = calloc(count, sizeof(*hosts));
	if (hosts == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < count; i++)
		hosts[i] = (struct fog_plan_host){.host = &j->hosts[i],
						  .bandwidth_kbps = j->hosts[i].bandwidth_kbps,
						  .idle_mw = j->hosts[i].idle_mw,
						  .core_mw = j->hosts[i].core_mw};
	int rc = search(j, wish, count, hosts, out, generations);
	free(hosts);
	return rc;
}

/* ---- result --------------------------------------------------------------------------------- */

static double load_of(const struct fog_placement_host *h)
{
	double cpu = h->cpu_milli != 0 ? (double)h->cpu_milli_committed / (double)h->cpu_milli : 0;
	double memory = h->memory_bytes != 0
				? (double)h->memory_bytes_committed / (double)h->memory_bytes
				: 0;

	return FOG_MAX(cpu, memory);
}

static bool works(const struct fog_placement_host *h)
{
	return h->alive && !h->local && (h->roles & FOG_PLACEMENT_ROLE_WORKER) != 0;
}

static void result_fill(struct fog_jobs *j, const struct fog_schedule_wish *wish, u32 count,
			struct fog_schedule *out)
{
	double sum = 0, squares = 0;

	if (out->placement.found) {
		struct fog_placement_host *h = &j->hosts[out->placement.index];
		memcpy(out->node, h->id, sizeof(out->node));
		memcpy(out->name, h->name, sizeof(out->name));
		out->latency_ms = h->latency_ms;
		out->reputation = h->reputation_lower;
		fog_placement_commit(h, &wish->request); /* of this pass only */
	}
	for (u32 i = 0; i < count; i++) {
		if (!works(&j->hosts[i]))
			continue;
		double load = load_of(&j->hosts[i]);
		out->workers++;
		sum += load;
		squares += load * load;
	}
	double n = FOG_MAX(out->workers, 1u), mean = sum / n;
	out->balance = FOG_MAX(1 - sqrt(FOG_MAX(squares / n - mean * mean, 0.0)), 0.0);
}

static void stats_note(struct fog_jobs *j, const struct fog_schedule *s, u64 took_ns)
{
	j->stats.placements += s->placement.found;
	j->stats.refusals += !s->placement.found;
	j->stats.generations += s->generations;
	j->stats.took_us[j->stats.passes++ % FOG_ARRAY_COUNT(j->stats.took_us)] =
		(u32)(took_ns / 1000);
	fog_histogram_add(&j->totals.placement, (double)took_ns / 1e9);
}

static u64 cpu_ns(const struct fog_jobs *j)
{
	return j->ports.cpu_ns != NULL ? j->ports.cpu_ns(j->ports.context) : 0;
}

int fog_jobs_schedule(struct fog_jobs *j, const struct fog_schedule_wish *wish, u64 now_ms,
		      struct fog_schedule *out)
{
	memset(out, 0, sizeof(*out));
	if (wish->strategy == FOG_SCHEDULE_INVALID || wish->strategy >= FOG_SCHEDULE_COUNT ||
	    wish->sla == FOG_SLA_INVALID || !fog_placement_request_ok(&wish->request))
		return -EINVAL;
	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	u64 begin_ns = cpu_ns(j);
	u32 count = fog_pass_hosts(j);
	int rc = wish->strategy == FOG_SCHEDULE_NSGA_II
			 ? nsga(j, wish, count, &out->placement, &out->generations)
			 : weighted(j, wish, count, &out->placement);
	if (rc == 0) {
		result_fill(j, wish, count, out);
		stats_note(j, out, cpu_ns(j) - begin_ns);
	}
	return fog_jobs_end(j) != 0 ? -EAGAIN : rc;
}
