/* SPDX-License-Identifier: BSD-3-Clause */
/* Placement: sorting and NSGA-II beside pagmo2, whole placements beside what is allowed to them. */
#include "bench/bench.h"

#include <math.h>
#include <time.h>

#include "bench/peer_pagmo.h"
#include "bench/trace.h"
#include "controlplane/scheduler/nsga2_plan.h"
#include "controlplane/scheduler/nsga2_variation.h"
#include "tests/unit/controlplane/scheduler/problems.h"

#define POINTS      5000
#define POPULATION  100
#define GENERATIONS 250
#define HOSTS_ONE   10000
#define CALLS_ONE   1000
#define JOBS_BATCH  1000
#define HOSTS_BATCH 1000
#define BATCH_MS    350 /* of the 500: the search stops, choosing is left */
#define GIB         (1ull << 30)

static u64 cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

#ifdef FOG_BENCH_PAGMO

/* ---- sorting ------------------------------------------------------------------------------- */

struct sort_case {
	u32 objectives;
	double *values;
	void *peer;
	void *scratch;
	size_t scratch_size;
	struct fog_sort out;
};

static void sort_ours(void *arg, u64 rounds)
{
	struct sort_case *s = arg;

	while (rounds-- != 0)
		FOG_ASSERT(fog_sort_fronts(s->values, NULL, POINTS, s->objectives, FOG_SORT_AUTO,
					   s->scratch, s->scratch_size, &s->out) == 0);
}

static void sort_theirs(void *arg, u64 rounds)
{
	struct sort_case *s = arg;

	while (rounds-- != 0)
		FOG_ASSERT(peer_pagmo_sort(s->peer) == s->out.fronts);
}

static void suite_sort(struct bench *b, u32 objectives)
{
	static u32 rank[POINTS], order[POINTS], start[POINTS + 1];
	struct sort_case s = {.objectives = objectives,
			      .out = {.rank = rank, .order = order, .start = start}};
	char name[64];
	struct bench_case c = {.name = name,
			       .unit = "ns/sort",
			       .peer = "pagmo2 fast_non_dominated_sorting",
			       .ours = sort_ours,
			       .theirs = sort_theirs,
			       .ours_arg = &s,
			       .theirs_arg = &s};
	struct fog_random r;

	snprintf(name, sizeof(name), "scheduler.nondominated_sort_5k_%u", objectives);
	if (!bench_wanted(b, name))
		return;
	fog_random_seed(&r, objectives);
	s.values = malloc(POINTS * objectives * sizeof(*s.values));
	s.scratch_size = fog_sort_scratch_size(POINTS, objectives);
	s.scratch = malloc(s.scratch_size);
	FOG_ASSERT(s.values != NULL && s.scratch != NULL);
	for (u32 i = 0; i < POINTS * objectives; i++)
		s.values[i] = fog_random_unit(&r);
	s.peer = peer_pagmo_points(s.values, POINTS, objectives);
	sort_ours(&s, 1);
	bench_run(b, &c);
	peer_pagmo_points_free(s.peer);
	free(s.values);
	free(s.scratch);
}

/* ---- NSGA-II ------------------------------------------------------------------------------- */

#define RUN_PROBLEMS 8 /* ZDT1-4, 6, DTLZ1, 2, ZDT5: indexes of problems[] */
#define RUN_SEEDS    31
/* The operators were chosen by seeds 1 to 100; what is measured uses others. */
#define RUN_SEED_FIRST 1001

static const u32 run_problem[RUN_PROBLEMS] = {0, 1, 2, 3, 4, 5, 6, 12};

/* ZDT5's values reach 32: as parts of that. */
static double run_volume(const struct problem *p, struct vec *v, u32 count)
{
	static struct vec spare[POPULATION];

	for (u32 i = 0; p->number == 15 && i < count; i++)
		for (u32 k = 0; k < 2; k++)
			v[i].f[k] /= 32;
	return hypervolume(v, count, p->objectives, 1.1, spare);
}

/* Nanoseconds of one run; its front's hypervolume. */
static double run_ours(const struct problem *problem, u64 seed, double *volume)
{
	static double lower[GENES_MAX], upper[GENES_MAX];
	static struct vec front[POPULATION];
	struct fog_nsga2_config config = fog_nsga2_config_default;
	struct fog_nsga2_problem p = problem_make(problem, lower, upper);
	struct fog_nsga2 *n;

	config.population = POPULATION;
	config.seed = seed;
	u64 begin = cpu_ns();
	size_t size = fog_nsga2_size(&p, &config);
	void *memory = malloc(size);
	FOG_ASSERT(memory != NULL && fog_nsga2_init(&n, memory, size, &p, &config) == 0);
	fog_nsga2_run(n, GENERATIONS, NULL, NULL);
	u64 end = cpu_ns();
	*volume = run_volume(problem, front, problem_front(n, problem->objectives, front));
	free(memory);
	return (double)(end - begin);
}

static double run_theirs(const struct problem *problem, u64 seed, double *volume)
{
	static double values[POPULATION * 3];
	static struct vec front[POPULATION];
	u32 m = problem->objectives;

	u64 begin = cpu_ns();
	peer_pagmo_nsga2(problem->number < 20 ? "zdt" : "dtlz", problem->number % 10,
			 problem->number == 15 ? 11 : problem->genes, POPULATION, GENERATIONS,
			 (unsigned)seed, values);
	u64 end = cpu_ns();
	for (u32 i = 0; i < POPULATION; i++)
		memcpy(front[i].f, &values[i * m], m * sizeof(double));
	*volume = run_volume(problem, front, POPULATION);
	return (double)(end - begin);
}

static double median_of(double *v, u32 count)
{
	qsort(v, count, sizeof(*v), compare_double);
	return v[count / 2];
}

/* All problems, seed by seed: time summed, hypervolume a median per problem. The second line is how
 * much of the true fronts' volume the medians lack, on average over the problems. */
static void suite_nsga2(struct bench *b)
{
	static const double full[RUN_PROBLEMS] = {0.87616, 0.54283, 1.33137, 0.87618,
						  0.50755, 1.31017, 0.80740, 1.13529};
	static double ours[RUN_PROBLEMS][BENCH_SAMPLES_MAX];
	static double theirs[RUN_PROBLEMS][BENCH_SAMPLES_MAX];
	double time[BENCH_SAMPLES_MAX] = {0}, time_theirs[BENCH_SAMPLES_MAX] = {0};
	double missing = 0, missing_theirs = 0;
	struct bench_case c = {.name = "scheduler.nsga2_run",
			       .unit = "ns/8 runs",
			       .peer = "pagmo2 nsga2, population 100, 250 generations, CPU time"};

	if (!bench_wanted(b, c.name))
		return;
	for (u32 s = 0; s < RUN_SEEDS; s++)
		for (u32 i = 0; i < RUN_PROBLEMS; i++) {
			time[s] += run_ours(&problems[run_problem[i]], RUN_SEED_FIRST + s,
					    &ours[i][s]);
			time_theirs[s] += run_theirs(&problems[run_problem[i]], RUN_SEED_FIRST + s,
						     &theirs[i][s]);
		}
	bench_record(b, &c, time, RUN_SEEDS, median_of(time_theirs, RUN_SEEDS));
	for (u32 i = 0; i < RUN_PROBLEMS; i++) {
		double mine = median_of(ours[i], RUN_SEEDS);
		double peer = median_of(theirs[i], RUN_SEEDS);
		printf("    %-9s median hypervolume %.5f, pagmo2 %.5f\n",
		       problems[run_problem[i]].name, mine, peer);
		missing += (full[i] - mine) / RUN_PROBLEMS * 1e6;
		missing_theirs += (full[i] - peer) / RUN_PROBLEMS * 1e6;
	}
	c.name = "scheduler.nsga2_run_missing";
	c.unit = "ppm";
	c.peer = "pagmo2; hypervolume (to 1.1) short of the true front's, medians of 31 seeds";
	bench_record(b, &c, &missing, 1, missing_theirs);
}

static void suite_pagmo(struct bench *b)
{
	suite_sort(b, 5);
	suite_sort(b, 2);
	suite_nsga2(b);
}
#else
static void suite_pagmo(struct bench *b)
{
	if (bench_wanted(b, "scheduler.nondominated_sort_5k") || bench_wanted(b, "scheduler.nsga2"))
		printf("scheduler: built without libpagmo-dev, its rows are left out\n");
}
#endif

/* ---- whole placements ---------------------------------------------------------------------- */

static void hosts_make(struct fog_placement_host *h, u32 count)
{
	struct fog_random r;

	fog_random_seed(&r, 7);
	for (u32 i = 0; i < count; i++) {
		u32 cores = 2u << fog_random_below(&r, 5);
		u64 id = fog_random_next(&r);
		h[i] = (struct fog_placement_host){
			.roles = FOG_PLACEMENT_ROLE_WORKER,
			.alive = fog_random_below(&r, 50) != 0,
			.cpu_milli = 1000ull * cores,
			.memory_bytes = 2 * GIB * cores,
			.price.cpu_hour = 50 + fog_random_below(&r, 100),
			.price.memory_gb_hour = 5 + fog_random_below(&r, 10),
			.latency_ms = 1 + fog_random_below(&r, 200),
			.reputation_lower = fog_random_unit(&r),
			.cpu_milli_committed = fog_random_below(&r, 500 * cores),
		};
		for (u32 k = 0; k < 4; k++)
			memcpy(h[i].id + 8 * k, &id, 8);
		snprintf(h[i].name, sizeof(h[i].name), "h%u", i);
		snprintf(h[i].attribute[FOG_PLACEMENT_KEY_OPERATOR], FOG_PLACEMENT_VALUE_SIZE,
			 "op%u", fog_random_below(&r, 40));
		snprintf(h[i].attribute[FOG_PLACEMENT_KEY_COUNTRY], FOG_PLACEMENT_VALUE_SIZE, "%s",
			 fog_random_below(&r, 2) == 0 ? "DE" : "FR");
	}
}

static struct fog_placement_request request_make(struct fog_random *r)
{
	struct fog_placement_request q = {
		.cpu_milli = 100 + fog_random_below(r, 1500),
		.memory_bytes = GIB / 8 + fog_random_below(r, GIB),
		.wall_ms = 60000 + fog_random_below(r, 3600000),
		.reputation_min = 0.1,
		.seed = fog_random_next(r),
	};

	if (fog_random_below(r, 3) == 0) {
		q.equality_count = 1;
		q.equality[0].key = FOG_PLACEMENT_KEY_COUNTRY;
		snprintf(q.equality[0].value, sizeof(q.equality[0].value), "DE");
	}
	return q;
}

static void suite_place_one(struct bench *b)
{
	struct bench_case c = {
		.name = "scheduler.place_one_10k_p99",
		.unit = "ns",
		.peer = "the 2 ms allowed; one job among 10,000 hosts, p99 of 1,000"};
	struct fog_placement_host *h = calloc(HOSTS_ONE, sizeof(*h));
	static double took[CALLS_ONE];
	double p99[BENCH_SAMPLES_MAX];
	struct fog_placement out;
	struct fog_random r;

	FOG_ASSERT(h != NULL);
	if (!bench_wanted(b, c.name)) {
		free(h);
		return;
	}
	hosts_make(h, HOSTS_ONE);
	fog_random_seed(&r, 3);
	for (unsigned s = 0; s < b->samples; s++) {
		for (u32 i = 0; i < CALLS_ONE; i++) {
			struct fog_placement_request q = request_make(&r);
			u64 begin = cpu_ns();
			FOG_ASSERT(fog_placement_choose(&q, h, HOSTS_ONE, NULL, &out) == 0);
			took[i] = (double)(cpu_ns() - begin);
			FOG_ASSERT(out.found);
		}
		qsort(took, CALLS_ONE, sizeof(*took), compare_double);
		p99[s] = took[CALLS_ONE * 99 / 100];
	}
	bench_record(b, &c, p99, b->samples, 2e6);
	free(h);
}

static bool batch_late(void *context)
{
	return cpu_ns() - *(const u64 *)context > BATCH_MS * 1000000ull;
}

static void suite_batch(struct bench *b)
{
	struct bench_case c = {.name = "scheduler.place_batch_1k_1k",
			       .unit = "ns",
			       .peer = "the 500 ms allowed; 1,000 jobs on 1,000 hosts, anytime"};
	struct fog_nsga2_config config = fog_nsga2_config_default;
	static struct fog_placement_host hosts[HOSTS_BATCH];
	static struct fog_plan_host plan_hosts[HOSTS_BATCH];
	static struct fog_placement_request requests[JOBS_BATCH];
	static struct fog_plan_job jobs[JOBS_BATCH];
	static struct fog_placement placements[JOBS_BATCH];
	double took[BENCH_SAMPLES_MAX];
	struct fog_plan_result result;
	struct fog_plan *plan;
	struct fog_random r;

	if (!bench_wanted(b, c.name))
		return;
	hosts_make(hosts, HOSTS_BATCH);
	fog_random_seed(&r, 5);
	for (u32 i = 0; i < HOSTS_BATCH; i++)
		plan_hosts[i] = (struct fog_plan_host){&hosts[i], 100000, 5000, 8000};
	for (u32 i = 0; i < JOBS_BATCH; i++) {
		requests[i] = request_make(&r);
		jobs[i] = (struct fog_plan_job){.request = &requests[i],
						.sla = 1 + i % 3,
						.owner = i % 20,
						.input_bytes = 1u << 20};
	}
	config.population = 64;
	size_t size = fog_plan_size(JOBS_BATCH, HOSTS_BATCH, config.population);
	void *memory = malloc(size);
	FOG_ASSERT(size != 0 && memory != NULL);
	for (unsigned s = 0; s < b->samples; s++) {
		u64 begin = cpu_ns();
		config.seed = s;
		FOG_ASSERT(fog_plan_init(&plan, memory, size, jobs, JOBS_BATCH, plan_hosts,
					 HOSTS_BATCH, &config) == 0);
		fog_plan_run(plan, UINT32_MAX, batch_late, &begin);
		fog_plan_choose(plan, NULL, placements, &result);
		took[s] = (double)(cpu_ns() - begin);
		FOG_ASSERT(result.placed > JOBS_BATCH / 2);
	}
	bench_record(b, &c, took, b->samples, 5e8);
	printf("    %u placed, %u wait, %u generations, front of %u\n", result.placed,
	       result.waiting, result.generations, result.front);
	free(memory);
}

/* ---- traces -------------------------------------------------------------------------------- */

static const char *const traces[] = {"hpc2n", "metacentrum", "lublin", "alibaba"};
static struct trace_result trace_results[FOG_ARRAY_COUNT(traces)][TRACE_POLICIES];

static void trace_print(const struct trace_result *r, const char *policy)
{
	printf("    %-9s wait %8.0f s, p95 %8.0f s, slowdown %9.2f, utilisation %.3f, in time",
	       policy, r->wait_s, r->wait_p95_s, r->slowdown, r->utilisation);
	for (int k = 2; k >= 0; k--)
		if (r->sla_jobs[k] != 0)
			printf(" %c %.1f%%", "BAS"[k], 100.0 * r -> sla_hits[k] / r -> sla_jobs[k]);
	printf("\n");
}

static void replay_policy(const struct trace *t, enum trace_policy p, struct trace_result *out)
{
	struct fog_batch_policy policy = trace_policy_make(p);

	trace_replay(t, &policy, (struct trace_part){0, 0}, out);
}

static void suite_trace(struct bench *b, u32 index)
{
	char name[64], path[512], why[128];
	struct bench_case c = {
		.name = name,
		.unit = "slowdown",
		.peer = "EASY backfill in the same simulator; mean bounded slowdown"};
	struct trace *t;

	snprintf(name, sizeof(name), "scheduler.trace_%s", traces[index]);
	if (!bench_wanted(b, name))
		return;
	snprintf(path, sizeof(path), "%s/%s.csv", FOG_TRACES_DIR, traces[index]);
	if (trace_load(&t, path, why) != 0) {
		printf("%s: %s: %s\n", name, path, why);
		return;
	}
	for (u32 p = 0; p < TRACE_POLICIES; p++)
		replay_policy(t, (enum trace_policy)p, &trace_results[index][p]);
	bench_record(b, &c, &trace_results[index][TRACE_FOG].slowdown, 1,
		     trace_results[index][TRACE_EASY].slowdown);
	for (u32 p = 0; p < TRACE_POLICIES; p++)
		trace_print(&trace_results[index][p], trace_policy_name[p]);
	trace_free(t);
}

static void curve_html(FILE *f, const struct trace_result *r, const char *color)
{
	fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" points=\"", color);
	for (u32 k = 0; k < TRACE_BUCKETS; k++)
		fprintf(f, "%.1f,%.1f ", 4.0 * k, 130 - 120 * FOG_MIN(r->used[k], 1));
	fprintf(f, "\"/>\n");
}

void bench_scheduler_html(FILE *f)
{
	static const char *const colors[TRACE_POLICIES] = {"#2a6f97", "#b0b7bd", "#c1440e",
							   "#7a9e48"};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(traces); i++) {
		const struct trace_result *r = trace_results[i];
		if (r[TRACE_FOG].jobs == 0)
			continue;
		fprintf(f,
			"<h2>trace %s: %u jobs</h2><table><tr><th>policy<th>mean wait s<th>p95 "
			"wait s"
			"<th>bounded slowdown<th>utilisation<th>S in time<th>A<th>B</tr>\n",
			traces[i], r[TRACE_FOG].jobs);
		for (u32 p = 0; p < TRACE_POLICIES; p++) {
			fprintf(f,
				"<tr><td><b "
				"style=\"color:%s\">%s</b><td>%.0f<td>%.0f<td>%.2f<td>%.3f",
				colors[p], trace_policy_name[p], r[p].wait_s, r[p].wait_p95_s,
				r[p].slowdown, r[p].utilisation);
			for (int k = 2; k >= 0; k--)
				fprintf(f, "<td>%.1f %%",
					100.0 * r[p].sla_hits[k] / FOG_MAX(r[p].sla_jobs[k], 1));
			fprintf(f, "</tr>\n");
		}
		fprintf(f, "</table><p>Cores in use over the makespan of each policy:</p>"
			   "<svg width=\"800\" height=\"134\"><rect width=\"800\" height=\"120\" "
			   "y=\"10\" fill=\"#f4f4f4\"/>\n");
		for (u32 p = TRACE_POLICIES; p > 0; p--)
			curve_html(f, &r[p - 1], colors[p - 1]);
		fprintf(f, "</svg>\n");
	}
}

void bench_suite_scheduler(struct bench *b)
{
	suite_pagmo(b);
	suite_place_one(b);
	suite_batch(b);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(traces); i++)
		suite_trace(b, i);
}
