/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/scheduler/nsga2_plan.h"
#include "controlplane/scheduler/nsga2_variation.h"
#include "tests/unit/controlplane/scheduler/model.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#define GIB         (1ull << 30)
#define HOUR        3600000ull
#define JOBS_MAX    64
#define HOSTS_MAX   40
#define MEMORY_SIZE (8u << 20)

static u8 memory[MEMORY_SIZE];
static struct fog_placement_request request[JOBS_MAX];
static struct fog_plan_job job[JOBS_MAX];
static struct fog_placement_host host[HOSTS_MAX];
static struct fog_plan_host plan_host[HOSTS_MAX];
static struct fog_placement placement[JOBS_MAX];
static struct fog_plan_result result;

/* Hosts of 4 cores and 8 GiB that differ in price, latency, reputation, operator, power. */
static void world_make(u32 jobs, u32 hosts)
{
	memset(host, 0, sizeof(host));
	memset(request, 0, sizeof(request));
	for (u32 i = 0; i < hosts; i++) {
		struct fog_placement_host *h = &host[i];
		memset(h->id, (int)i + 1, sizeof(h->id));
		h->roles = FOG_PLACEMENT_ROLE_WORKER;
		h->alive = true;
		h->cpu_milli = 4000;
		h->memory_bytes = 8 * GIB;
		h->price.cpu_hour = 100 + 37 * i % 90;
		h->price.memory_gb_hour = 20 + 13 * i % 30;
		h->latency_ms = 5 + 29 * i % 60;
		h->reputation_lower = 0.4 + 0.01 * (i * 17 % 50);
		snprintf(h->attribute[FOG_PLACEMENT_KEY_OPERATOR], FOG_PLACEMENT_VALUE_SIZE, "op%u",
			 i % 3);
		snprintf(h->attribute[FOG_PLACEMENT_KEY_COUNTRY], FOG_PLACEMENT_VALUE_SIZE,
			 i % 2 ? "DE" : "FR");
		plan_host[i] = (struct fog_plan_host){
			.host = h, .idle_mw = 30000 + i * 700, .core_mw = 9000 - i * 100};
	}
	for (u32 i = 0; i < jobs; i++) {
		request[i].cpu_milli = 250 * (1 + i % 4);
		request[i].memory_bytes = GIB / 2 * (1 + i % 3);
		request[i].wall_ms = HOUR / (1 + i % 5);
		job[i] = (struct fog_plan_job){.request = &request[i],
					       .sla = (enum fog_sla_class)(1 + i % 3),
					       .owner = 70 + i % 4,
					       .input_bytes = (u64)i << 20};
	}
}

static struct fog_plan *open_plan(u32 jobs, u32 hosts, u32 population, u64 seed)
{
	struct fog_nsga2_config c = fog_nsga2_config_default;
	struct fog_plan *p = NULL;

	c.population = population;
	c.seed = seed;
	CU_ASSERT_FATAL(fog_plan_size(jobs, hosts, population) <= sizeof(memory));
	CU_ASSERT_EQUAL_FATAL(
		fog_plan_init(&p, memory, sizeof(memory), job, jobs, plan_host, hosts, &c), 0);
	return p;
}

/* No host is beyond what it has, and every constraint of every job holds. */
static void check_allowed(u32 jobs, u32 hosts)
{
	u64 cpu[HOSTS_MAX] = {0}, bytes[HOSTS_MAX] = {0};

	for (u32 i = 0; i < jobs; i++) {
		if (!placement[i].found)
			continue;
		CU_ASSERT_FATAL(placement[i].index < hosts);
		const struct fog_placement_host *h = &host[placement[i].index];
		CU_ASSERT_EQUAL(fog_placement_filter(job[i].request, h), FOG_PLACEMENT_FITS);
		CU_ASSERT_EQUAL(placement[i].price,
				fog_price(job[i].request->cpu_milli, job[i].request->memory_bytes,
					  job[i].request->gpu_milli, job[i].request->wall_ms,
					  &h->price));
		cpu[placement[i].index] += job[i].request->cpu_milli;
		bytes[placement[i].index] += job[i].request->memory_bytes;
	}
	for (u32 i = 0; i < hosts; i++) {
		CU_ASSERT(cpu[i] == 0 || cpu[i] + host[i].cpu_milli_committed <= host[i].cpu_milli);
		CU_ASSERT(bytes[i] == 0 ||
			  bytes[i] + host[i].memory_bytes_committed <= host[i].memory_bytes);
	}
}

static void test_life_cycle(void)
{
	world_make(20, 10);
	struct fog_plan *p = open_plan(20, 10, 40, 5);
	CU_ASSERT_EQUAL(fog_plan_run(p, 50, NULL, NULL), 50);
	fog_plan_choose(p, NULL, placement, &result);
	CU_ASSERT_EQUAL(result.placed, 20);
	CU_ASSERT_EQUAL(result.waiting, 0);
	CU_ASSERT_EQUAL(result.generations, 50);
	CU_ASSERT_EQUAL(result.seed, 5);
	CU_ASSERT(result.front > 5);
	CU_ASSERT(result.latency_ms > 5 && result.latency_ms < 20000);
	CU_ASSERT(result.trust >= 0.4 && result.trust <= 0.9);
	CU_ASSERT(result.load_balance > 0 && result.load_balance <= 1);
	CU_ASSERT(result.diversity > 0 && result.diversity <= 1);
	check_allowed(20, 10);
	i64 sum = 0;
	for (u32 i = 0; i < 20; i++) {
		CU_ASSERT_TRUE(placement[i].found);
		CU_ASSERT_EQUAL(placement[i].feasible, 10);
		sum += placement[i].price;
	}
	CU_ASSERT_EQUAL((double)sum, result.value[FOG_PLAN_COST]);
}

static void test_bad_arguments(void)
{
	struct fog_nsga2_config c = fog_nsga2_config_default;
	struct fog_plan *p;

	world_make(4, 3);
	CU_ASSERT_EQUAL(fog_plan_size(FOG_PLAN_JOBS_MAX + 1, 1, 100), 0);
	CU_ASSERT_EQUAL(fog_plan_size(1, FOG_PLAN_HOSTS_MAX + 1, 100), 0);
	CU_ASSERT_EQUAL(fog_plan_size(1, 1, 3), 0);
	CU_ASSERT_NOT_EQUAL(fog_plan_size(FOG_PLAN_JOBS_MAX, FOG_PLAN_HOSTS_MAX, 100), 0);
#define INIT(size) fog_plan_init(&p, memory, size, job, 4, plan_host, 3, &c)
	CU_ASSERT_EQUAL(INIT(fog_plan_size(4, 3, 100) - 1), -EINVAL);
	CU_ASSERT_PTR_NULL(p);
	CU_ASSERT_EQUAL(INIT(fog_plan_size(4, 3, 100)), 0);
	c.population = 7;
	CU_ASSERT_EQUAL(INIT(MEMORY_SIZE), -EINVAL);
	c.population = 100;
	c.crossover = 2;
	CU_ASSERT_EQUAL(INIT(MEMORY_SIZE), -EINVAL);
	c.crossover = 0.9;
	job[3].sla = FOG_SLA_INVALID;
	CU_ASSERT_EQUAL(INIT(MEMORY_SIZE), -EINVAL);
	job[3].sla = FOG_SLA_COUNT;
	CU_ASSERT_EQUAL(INIT(MEMORY_SIZE), -EINVAL);
	job[3].sla = FOG_SLA_S;
	request[2].price_cap = -1;
	CU_ASSERT_EQUAL(INIT(MEMORY_SIZE), -EINVAL);
#undef INIT
	for (u32 s = FOG_SLA_B; s < FOG_SLA_COUNT; s++) {
		double sum = 0;
		for (u32 k = 0; k < FOG_PLAN_OBJECTIVES; k++)
			sum += fog_sla_weights[s][k];
		CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-12);
	}
}

/* No hosts, no jobs, no room: answers, not errors. */
static void test_nothing_to_place(void)
{
	char text[FOG_PLACEMENT_EXPLAIN_SIZE];

	world_make(3, 2);
	struct fog_plan *p = open_plan(3, 0, 10, 1);
	CU_ASSERT_EQUAL(fog_plan_run(p, 10, NULL, NULL), 0);
	fog_plan_choose(p, NULL, placement, &result);
	CU_ASSERT_EQUAL(result.waiting, 3);
	fog_placement_explain(&request[0], &placement[0], text);
	CU_ASSERT_STRING_EQUAL(text, "no host is known");
	p = open_plan(0, 2, 10, 1);
	fog_plan_choose(p, NULL, placement, &result);
	CU_ASSERT_EQUAL(result.placed + result.waiting, 0);
	host[0].alive = host[1].alive = false;
	p = open_plan(3, 2, 10, 1);
	CU_ASSERT_EQUAL(fog_plan_seed(p, (u32[]){0, 0, 0}), 0);
	fog_plan_choose(p, NULL, placement, &result);
	CU_ASSERT_EQUAL(result.placed, 0);
	fog_placement_explain(&request[0], &placement[0], text);
	CU_ASSERT_STRING_EQUAL(text, "of 2 hosts: 2 not alive");
}

/* More jobs than room: the higher class goes first, and the rest is told why. */
static void test_admission(void)
{
	char text[FOG_PLACEMENT_EXPLAIN_SIZE];
	u32 placed[FOG_SLA_COUNT] = {0};

	world_make(12, 3);
	for (u32 i = 0; i < 12; i++) {
		request[i].cpu_milli = 1500;
		request[i].memory_bytes = GIB;
	}
	request[0].memory_bytes = 9 * GIB;
	request[3].equality_count = 1;
	request[3].equality[0].key = FOG_PLACEMENT_KEY_COUNTRY;
	snprintf(request[3].equality[0].value, FOG_PLACEMENT_VALUE_SIZE, "US");
	host[2].memory_bytes_committed = 7 * GIB + 1;
	struct fog_plan *p = open_plan(12, 3, 20, 9);
	fog_plan_run(p, 30, NULL, NULL);
	fog_plan_choose(p, NULL, placement, &result);
	check_allowed(12, 3);
	for (u32 i = 0; i < 12; i++)
		placed[job[i].sla] += placement[i].found;
	CU_ASSERT_EQUAL(result.placed, 4);
	CU_ASSERT_EQUAL(placed[FOG_SLA_S], 4);
	fog_placement_explain(&request[0], &placement[0], text);
	CU_ASSERT_STRING_EQUAL(text, "of 3 hosts: 3 without enough memory");
	fog_placement_explain(&request[3], &placement[3], text);
	CU_ASSERT_STRING_EQUAL(text, "of 3 hosts: 3 without the required attributes");
	fog_placement_explain(&request[6], &placement[6], text);
	CU_ASSERT_STRING_EQUAL(text, "of 3 hosts: 2 without enough CPU, 1 without enough memory");
}

/* The objectives straight from their definitions. */
static void model_values(const struct fog_plan *p, u32 genes, const u32 *gene, u32 hosts,
			 double value[FOG_PLAN_OBJECTIVES], double *violation)
{
	u64 cpu[HOSTS_MAX] = {0}, bytes[HOSTS_MAX] = {0};
	u32 count[HOSTS_MAX] = {0};
	u64 horizon = 0;
	double mean = 0, squares = 0;

	memset(value, 0, FOG_PLAN_OBJECTIVES * sizeof(*value));
	*violation = 0;
	for (u32 g = 0; g < genes; g++)
		horizon = FOG_MAX(horizon, job[fog_plan_gene_job(p, g)].request->wall_ms);
	for (u32 g = 0; g < genes; g++) {
		const struct fog_plan_job *j = &job[fog_plan_gene_job(p, g)];
		u32 at = fog_plan_gene_host(p, g, gene[g]);
		const struct fog_placement_request *r = j->request;
		value[FOG_PLAN_LATENCY] +=
			host[at].latency_ms * 1000 +
			(double)(j->input_bytes * 8000 / FOG_PLAN_BANDWIDTH_KBPS);
		value[FOG_PLAN_COST] += (double)fog_price(
			r->cpu_milli, r->memory_bytes, r->gpu_milli, r->wall_ms, &host[at].price);
		value[FOG_PLAN_ENERGY] +=
			(double)(plan_host[at].core_mw * r->wall_ms * r->cpu_milli / 1000000);
		value[FOG_PLAN_TRUST] += round((1 - host[at].reputation_lower) * 1e6);
		cpu[at] += r->cpu_milli;
		bytes[at] += r->memory_bytes;
		count[at]++;
		for (u32 h = 0; h < genes; h++)
			value[FOG_PLAN_PRIVACY] += job[fog_plan_gene_job(p, h)].owner == j->owner &&
						   fog_plan_gene_host(p, h, gene[h]) % 3 == at % 3;
	}
	for (u32 i = 0; i < hosts; i++) {
		double c = (double)(cpu[i] + host[i].cpu_milli_committed) / 4000;
		double m = (double)(bytes[i] + host[i].memory_bytes_committed) / (8.0 * GIB);
		double load = floor(FOG_MAX(c, m) * 1000);
		mean += load / hosts;
		squares += load * load / hosts;
		*violation += c > 1 ? 1 + floor(c * 1000 - 1000) : 0;
		*violation += m > 1 ? 1 + floor(m * 1000 - 1000) : 0;
		if (count[i] == 0)
			continue;
		value[FOG_PLAN_LATENCY] +=
			count[i] * ((host[i].jobs_committed + count[i] - 1) * 10000.0 + load * 50);
		if (host[i].jobs_committed == 0)
			value[FOG_PLAN_ENERGY] += (double)(plan_host[i].idle_mw * horizon / 1000);
	}
	value[FOG_PLAN_LOAD] = squares - mean * mean;
}

static struct fog_random seeded(void)
{
	const char *text = getenv("FOG_SEED");
	u64 seed = text != NULL ? strtoull(text, NULL, 0) : 11;
	struct fog_random r;

	printf("\nFOG_SEED=%llu ", (unsigned long long)seed);
	fog_random_seed(&r, seed);
	return r;
}

/* A child computed from its parent is, bit for bit, what it is computed afresh, and what the
 * definitions say. */
static void test_incremental(void)
{
	static u32 genes[2][JOBS_MAX];
	static u8 state[3][8192];
	double value[3][FOG_PLAN_OBJECTIVES], model[FOG_PLAN_OBJECTIVES], violation;
	struct fog_random r = seeded();

	world_make(30, 7);
	for (u32 i = 0; i < 7; i++) {
		host[i].cpu_milli_committed = 125 * i;
		host[i].memory_bytes_committed = GIB / 8 * i;
		host[i].jobs_committed = i / 2;
	}
	struct fog_plan *p = open_plan(30, 7, 10, 1);
	const struct fog_nsga2_problem *q = fog_plan_problem(p);
	CU_ASSERT_FATAL(q->state_size <= sizeof(state[0]));
	CU_ASSERT_EQUAL_FATAL(q->genes, 30);
	struct fog_nsga2_individual a = {.choice = genes[0], .state = state[0], .value = value[0]};
	struct fog_nsga2_individual b = {.choice = genes[1], .state = state[1], .value = value[1]};
	struct fog_nsga2_individual c = {.choice = genes[1], .state = state[2], .value = value[2]};
	u32 over = 0;
	for (u32 g = 0; g < 30; g++)
		genes[0][g] = fog_random_below(&r, q->choices[g]);
	q->evaluate(q->context, NULL, &a);
	for (u32 turn = 0; turn < 500; turn++) {
		memcpy(genes[1], genes[0], sizeof(genes[0]));
		fog_mutate_choice(&r, q->choices, 30, fog_random_unit(&r), genes[1]);
		q->evaluate(q->context, &a, &b);
		q->evaluate(q->context, NULL, &c);
		CU_ASSERT_EQUAL_FATAL(memcmp(state[1], state[2], q->state_size), 0);
		CU_ASSERT_EQUAL_FATAL(memcmp(value[1], value[2], sizeof(value[1])), 0);
		CU_ASSERT_EQUAL_FATAL(b.violation, c.violation);
		model_values(p, 30, genes[1], 7, model, &violation);
		for (u32 k = 0; k < FOG_PLAN_OBJECTIVES; k++)
			CU_ASSERT_DOUBLE_EQUAL(model[k], value[1][k],
					       1e-9 + 1e-12 * fabs(model[k]));
		CU_ASSERT_EQUAL(violation, b.violation);
		over += violation > 0;
		memcpy(genes[0], genes[1], sizeof(genes[0]));
		memcpy(state[0], state[1], sizeof(state[0]));
	}
	CU_ASSERT(over > 50 && over < 500);
}

/* Six jobs on four hosts, all 4096 plans: what the run calls its front is truly optimal, and it
 * finds nearly all there is. */
static void test_exhaustive(void)
{
	static double all[4096][FOG_PLAN_OBJECTIVES], violation[4096];
	static u8 scratch[8u << 20], state[4096];
	static u32 rank[4096], order[4096], start[4097], left = 0;
	struct fog_sort sort = {.rank = rank, .order = order, .start = start};
	u32 genes[6];

	world_make(6, 4);
	for (u32 i = 0; i < 6; i++)
		request[i].cpu_milli = 1500;
	struct fog_plan *p = open_plan(6, 4, 400, 3);
	const struct fog_nsga2_problem *q = fog_plan_problem(p);
	CU_ASSERT_EQUAL_FATAL(q->genes, 6);
	CU_ASSERT_FATAL(q->state_size <= sizeof(state));
	for (u32 v = 0; v < 4096; v++) {
		struct fog_nsga2_individual x = {.choice = genes, .state = state, .value = all[v]};
		for (u32 g = 0; g < 6; g++)
			genes[g] = v >> (2 * g) & 3;
		q->evaluate(q->context, NULL, &x);
		violation[v] = x.violation;
	}
	CU_ASSERT_EQUAL_FATAL(fog_sort_fronts(all[0], violation, 4096, FOG_PLAN_OBJECTIVES,
					      FOG_SORT_AUTO, scratch, sizeof(scratch), &sort),
			      0);
	CU_ASSERT(start[1] > 50 && start[1] < 400);
	fog_plan_run(p, 60, NULL, NULL);
	for (u32 k = 0; k < FOG_PLAN_OBJECTIVES; k++) {
		/* All weight on one objective: its true minimum. */
		double weights[FOG_PLAN_OBJECTIVES] = {0};
		double least = INFINITY;
		weights[k] = 1;
		fog_plan_choose(p, weights, placement, &result);
		check_allowed(6, 4);
		for (u32 i = 0; i < start[1]; i++)
			least = FOG_MIN(least, all[order[i]][k]);
		CU_ASSERT_EQUAL(result.value[k], least);
		u32 i = 0;
		while (i < start[1] &&
		       memcmp(all[order[i]], result.value, sizeof(result.value)) != 0)
			i++;
		CU_ASSERT(i < start[1]);
	}
	left = result.front;
	CU_ASSERT(left * 100 >= start[1] * 90 && left <= start[1]);
}

/* With capacity short, attributes and caps about, many seeds: nothing is ever broken. */
static void test_random_worlds(void)
{
	struct fog_random r = seeded();

	for (u32 turn = 0; turn < 60; turn++) {
		u32 jobs = 1 + fog_random_below(&r, JOBS_MAX);
		u32 hosts = 1 + fog_random_below(&r, HOSTS_MAX);
		world_make(jobs, hosts);
		for (u32 i = 0; i < hosts; i++) {
			host[i].cpu_milli = 500 + fog_random_below(&r, 8000);
			host[i].memory_bytes = fog_random_below(&r, 16) * GIB;
			host[i].cpu_milli_committed = fog_random_below(&r, 2000);
			host[i].alive = fog_random_below(&r, 8) != 0;
			host[i].latency_ms = fog_random_below(&r, 300);
		}
		for (u32 i = 0; i < jobs; i++) {
			request[i].reputation_min = fog_random_below(&r, 3) * 0.3;
			request[i].price_cap = fog_random_below(&r, 4) == 0 ? 150 : 0;
			request[i].equality_count = fog_random_below(&r, 4) == 0;
			request[i].equality[0].key = FOG_PLACEMENT_KEY_COUNTRY;
			memcpy(request[i].equality[0].value, "DE", 3);
		}
		struct fog_plan *p = open_plan(jobs, hosts, 16, turn);
		fog_plan_run(p, turn % 20, NULL, NULL);
		fog_plan_choose(p, NULL, placement, &result);
		check_allowed(jobs, hosts);
		u32 placed = 0;
		for (u32 i = 0; i < jobs; i++) {
			u32 sum = placement[i].feasible;
			for (u32 k = 1; k < FOG_PLACEMENT_REASON_COUNT; k++)
				sum += placement[i].rejected[k];
			CU_ASSERT_EQUAL(sum, hosts);
			CU_ASSERT_EQUAL(placement[i].found, placement[i].feasible > 0);
			placed += placement[i].found;
		}
		CU_ASSERT_EQUAL(placed, result.placed);
		CU_ASSERT_EQUAL(jobs - placed, result.waiting);
	}
}

/* The search improves on the greedy answers; an earlier plan is a start, moved or not; one seed,
 * one plan. */
static void test_search_and_seeds(void)
{
	u32 host_of[40];
	struct fog_plan_result first, again;

	world_make(40, 20);
	struct fog_plan *p = open_plan(40, 20, 60, 8);
	fog_plan_choose(p, NULL, placement, &first);
	CU_ASSERT_EQUAL(first.generations, 0);
	fog_plan_run(p, 80, NULL, NULL);
	fog_plan_choose(p, fog_sla_weights[FOG_SLA_B], placement, &first);
	p = open_plan(40, 20, 60, 8);
	fog_plan_run(p, 80, NULL, NULL);
	fog_plan_choose(p, fog_sla_weights[FOG_SLA_B], placement, &again);
	CU_ASSERT_EQUAL(memcmp(&first, &again, sizeof(first)), 0);
	for (u32 i = 0; i < 40; i++)
		host_of[i] = i % 5 == 0 ? UINT32_MAX : placement[i].index;
	fog_plan_choose(p, fog_sla_weights[FOG_SLA_S], placement, &again);
	CU_ASSERT(again.value[FOG_PLAN_COST] > first.value[FOG_PLAN_COST]);
	CU_ASSERT(again.trust > first.trust);
	host[host_of[1]].alive = false;
	p = open_plan(40, 20, 60, 8);
	CU_ASSERT_EQUAL(fog_plan_seed(p, host_of), 0);
	fog_plan_run(p, 5, NULL, NULL);
	CU_ASSERT_EQUAL(fog_plan_seed(p, host_of), -EBUSY);
	fog_plan_choose(p, fog_sla_weights[FOG_SLA_B], placement, &again);
	check_allowed(40, 20);
	CU_ASSERT(again.value[FOG_PLAN_COST] < 1.15 * first.value[FOG_PLAN_COST]);
}

FOG_TEST_MAIN("controlplane/scheduler/nsga2_plan", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_nothing_to_place),
	      FOG_TEST(test_admission), FOG_TEST(test_incremental), FOG_TEST(test_exhaustive),
	      FOG_TEST(test_random_worlds), FOG_TEST(test_search_and_seeds))
