/* SPDX-License-Identifier: BSD-3-Clause */
/* Reference fronts: tests/vectors/fronts. The figures to reach are medians measured with Deb's C
 * program (5 seeds) and pagmo 2.18 (15 seeds): population 100, 250 generations (DTLZ1: 400),
 * crossover 0.9, eta 15 and 20, mutation 1/n; hypervolume against 1.1 (DTLZ1: 1.0), IGD against the
 * same fronts. Where there is no such figure, ours are guarded. */
#include "controlplane/scheduler/nsga2.h"
#include "tests/unit/controlplane/scheduler/model.h"
#include "tests/unit/controlplane/scheduler/problems.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#define MEMORY_SIZE   (8u << 20)
#define REFERENCE_MAX 10001
#define SEEDS         5

static u8 memory[MEMORY_SIZE];
static double lower[GENES_MAX], upper[GENES_MAX];
static struct vec reference[REFERENCE_MAX], points[REFERENCE_MAX], spare[REFERENCE_MAX];

static struct fog_nsga2 *open_run(const struct fog_nsga2_problem *p,
				  const struct fog_nsga2_config *c)
{
	struct fog_nsga2 *n = NULL;

	CU_ASSERT_FATAL(fog_nsga2_size(p, c) <= sizeof(memory));
	CU_ASSERT_EQUAL_FATAL(fog_nsga2_init(&n, memory, sizeof(memory), p, c), 0);
	return n;
}

static void test_life_cycle(void)
{
	struct fog_nsga2_problem p = problem_make(&problems[0], lower, upper);
	struct fog_nsga2_config c = fog_nsga2_config_default;
	struct fog_nsga2 *n;
	static double values[100][2];

	c.seed = 1;
	n = open_run(&p, &c);
	CU_ASSERT_EQUAL(fog_nsga2_start(n), 0);
	CU_ASSERT_EQUAL(fog_nsga2_start(n), -EBUSY);
	CU_ASSERT_EQUAL(fog_nsga2_stats(n).evaluations, 100);
	for (u32 g = 0; g < 20; g++)
		fog_nsga2_step(n);
	CU_ASSERT_EQUAL(fog_nsga2_stats(n).generations, 20);
	CU_ASSERT_EQUAL(fog_nsga2_stats(n).evaluations, 2100);
	CU_ASSERT_EQUAL(fog_nsga2_stats(n).evaluations_bad, 0);
	for (u32 i = 0; i < 100; i++) {
		const struct fog_nsga2_individual *x = fog_nsga2_get(n, i);
		double again[2];
		zdt(&problems[0], x->real, again);
		CU_ASSERT_EQUAL(memcmp(again, x->value, sizeof(again)), 0);
		memcpy(values[i], x->value, sizeof(again));
		CU_ASSERT(i == 0 || fog_nsga2_rank(n, i - 1) <= fog_nsga2_rank(n, i));
		CU_ASSERT_EQUAL(fog_nsga2_rank(n, i) == 0, i < fog_nsga2_front(n));
	}
	for (u32 i = 0; i < fog_nsga2_front(n); i++)
		for (u32 j = 0; j < 100; j++)
			CU_ASSERT_FALSE(model_dominates(values[0], NULL, 2, j, i));
}

static void test_bad_arguments(void)
{
	struct fog_nsga2_problem p;
	struct fog_nsga2_config c;
	struct fog_nsga2 *n;
	double nan[GENES_MAX] = {NAN};
	u32 zero[GENES_MAX] = {0};

#define REFUSED(change)                                                                       \
	do {                                                                                  \
		p = problem_make(&problems[0], lower, upper);                                 \
		c = fog_nsga2_config_default;                                                 \
		change;                                                                       \
		CU_ASSERT_EQUAL(fog_nsga2_size(&p, &c), 0);                                   \
		CU_ASSERT_EQUAL(fog_nsga2_init(&n, memory, sizeof(memory), &p, &c), -EINVAL); \
		CU_ASSERT_PTR_NULL(n);                                                        \
	} while (0)
	REFUSED(p.genes = 0);
	REFUSED(p.genes = FOG_NSGA2_GENES_MAX + 1);
	REFUSED(p.objectives = 0);
	REFUSED(p.objectives = FOG_SORT_OBJECTIVES_MAX + 1);
	REFUSED(p.state_size = FOG_NSGA2_STATE_MAX + 1);
	REFUSED(p.evaluate = NULL);
	REFUSED(p.kind = FOG_GENE_INVALID);
	REFUSED(p.kind = (enum fog_gene_kind)9);
	REFUSED(p.lower = NULL);
	REFUSED(p.upper = NULL);
	REFUSED(p.lower = nan);
	REFUSED(upper[3] = INFINITY);
	REFUSED(upper[3] = lower[3] - 1);
	REFUSED(p.kind = FOG_GENE_CHOICE);
	REFUSED(p.kind = FOG_GENE_CHOICE; p.choices = zero);
	REFUSED(c.population = 2);
	REFUSED(c.population = 5);
	REFUSED(c.population = FOG_NSGA2_POPULATION_MAX + 2);
	REFUSED(c.crossover = 1.1);
	REFUSED(c.crossover = NAN);
	REFUSED(c.mutation = -0.1);
	REFUSED(c.eta_crossover = 0);
	REFUSED(c.eta_mutation = FOG_NSGA2_ETA_MAX + 1);
#undef REFUSED
	p = problem_make(&problems[0], lower, upper);
	c = fog_nsga2_config_default;
	CU_ASSERT_EQUAL(fog_nsga2_init(&n, memory, fog_nsga2_size(&p, &c) - 1, &p, &c), -EINVAL);
	CU_ASSERT_EQUAL(fog_nsga2_init(&n, memory + 1, fog_nsga2_size(&p, &c), &p, &c), 0);
	CU_ASSERT_EQUAL(fog_nsga2_run(n, 2, NULL, NULL), 2);
}

/* Seeds of the best front: the run stays there, the ends for ever; without them it is far away. */
static void test_seeds(void)
{
	struct fog_nsga2_problem p = problem_make(&problems[0], lower, upper);
	struct fog_nsga2_config c = fog_nsga2_config_default;
	double x[GENES_MAX] = {0};
	struct fog_nsga2 *n;
	u32 ends = 0;

	c.population = 10;
	n = open_run(&p, &c);
	x[4] = 1.5;
	CU_ASSERT_EQUAL(fog_nsga2_seed(n, x), -EINVAL);
	x[4] = NAN;
	CU_ASSERT_EQUAL(fog_nsga2_seed(n, x), -EINVAL);
	x[4] = 0;
	for (u32 i = 0; i < 10; i++) {
		x[0] = i / 9.0;
		CU_ASSERT_EQUAL(fog_nsga2_seed(n, x), 0);
	}
	CU_ASSERT_EQUAL(fog_nsga2_seed(n, x), -ENOSPC);
	CU_ASSERT_EQUAL(fog_nsga2_run(n, 30, NULL, NULL), 30);
	CU_ASSERT_EQUAL(fog_nsga2_seed(n, x), -EBUSY);
	for (u32 i = 0; i < 10; i++) {
		const double *v = fog_nsga2_get(n, i)->value;
		ends += (v[0] == 0 && v[1] == 1) || (v[0] == 1 && v[1] == 0);
		CU_ASSERT(v[1] < 1 - sqrt(v[0]) + 0.05);
	}
	CU_ASSERT_EQUAL(ends, 2);
	CU_ASSERT_EQUAL(fog_nsga2_front(n), 10);
	n = open_run(&p, &c);
	CU_ASSERT_EQUAL(fog_nsga2_run(n, 30, NULL, NULL), 30);
	for (u32 i = 0; i < 10; i++) {
		const double *v = fog_nsga2_get(n, i)->value;
		CU_ASSERT(v[1] > 1 - sqrt(v[0]) + 0.05);
	}
}

static bool stop_at(void *context)
{
	u32 *left = context;
	return (*left)-- == 0;
}

static void collect(struct fog_nsga2 *n, double out[100][2])
{
	for (u32 i = 0; i < 100; i++)
		memcpy(out[i], fog_nsga2_get(n, i)->value, sizeof(out[i]));
}

static void test_deterministic_and_anytime(void)
{
	struct fog_nsga2_problem p = problem_make(&problems[3], lower, upper);
	struct fog_nsga2_config c = fog_nsga2_config_default;
	static double first[100][2], second[100][2];
	struct fog_nsga2 *n;
	u32 left = 7;

	c.seed = 42;
	n = open_run(&p, &c);
	CU_ASSERT_EQUAL(fog_nsga2_run(n, 50, NULL, NULL), 50);
	collect(n, first);
	memset(memory, 0xa5, sizeof(memory));
	n = open_run(&p, &c);
	CU_ASSERT_EQUAL(fog_nsga2_run(n, 50, stop_at, &left), 7);
	CU_ASSERT_EQUAL(fog_nsga2_run(n, 43, NULL, NULL), 43);
	collect(n, second);
	CU_ASSERT_EQUAL(memcmp(first, second, sizeof(first)), 0);
	c.seed = 43;
	n = open_run(&p, &c);
	CU_ASSERT_EQUAL(fog_nsga2_run(n, 50, NULL, NULL), 50);
	collect(n, second);
	CU_ASSERT_NOT_EQUAL(memcmp(first, second, sizeof(first)), 0);
}

/* x + y >= 1, in a square whose random points are mostly against it. */
static void evaluate_line(void *context, const struct fog_nsga2_individual *base,
			  struct fog_nsga2_individual *x)
{
	(void)context;
	(void)base;
	x->value[0] = x->real[0];
	x->value[1] = x->real[1];
	x->violation = FOG_MAX(0, 1 - x->real[0] - x->real[1]);
}

static void test_constraint(void)
{
	static const double low[2] = {-20, -20}, high[2] = {1, 1};
	struct fog_nsga2_problem p = {.kind = FOG_GENE_REAL,
				      .genes = 2,
				      .objectives = 2,
				      .lower = low,
				      .upper = high,
				      .evaluate = evaluate_line};
	struct fog_nsga2_config c = fog_nsga2_config_default;
	struct fog_nsga2 *n = open_run(&p, &c);
	double excess = 0;

	CU_ASSERT_EQUAL(fog_nsga2_start(n), 0);
	CU_ASSERT(fog_nsga2_get(n, 99)->violation > 1);
	for (u32 i = 1; i < 100; i++)
		CU_ASSERT(fog_nsga2_get(n, i)->violation >= fog_nsga2_get(n, i - 1)->violation);
	CU_ASSERT_EQUAL(fog_nsga2_run(n, 100, NULL, NULL), 100);
	for (u32 i = 0; i < fog_nsga2_front(n); i++) {
		const struct fog_nsga2_individual *x = fog_nsga2_get(n, i);
		CU_ASSERT_EQUAL(x->violation, 0);
		excess += x->value[0] + x->value[1] - 1;
	}
	CU_ASSERT(fog_nsga2_front(n) > 90);
	CU_ASSERT(excess / fog_nsga2_front(n) < 0.01);
}

/* A third of the evaluations is nonsense; it never wins. */
static void evaluate_bad(void *context, const struct fog_nsga2_individual *base,
			 struct fog_nsga2_individual *x)
{
	u32 *turn = context;

	evaluate_line(NULL, base, x);
	switch ((*turn)++ % 9) {
	case 0:
		x->value[1] = NAN;
		break;
	case 4:
		x->violation = -1;
		break;
	case 7:
		x->violation = NAN;
		break;
	}
}

static void test_bad_evaluations(void)
{
	static const double low[2] = {0, 0}, high[2] = {1, 1};
	u32 turn = 0;
	struct fog_nsga2_problem p = {.kind = FOG_GENE_REAL,
				      .genes = 2,
				      .objectives = 2,
				      .lower = low,
				      .upper = high,
				      .context = &turn,
				      .evaluate = evaluate_bad};
	struct fog_nsga2_config c = fog_nsga2_config_default;
	struct fog_nsga2 *n = open_run(&p, &c);

	CU_ASSERT_EQUAL(fog_nsga2_run(n, 44, NULL, NULL), 44);
	CU_ASSERT_EQUAL(fog_nsga2_stats(n).evaluations_bad, 1500);
	for (u32 i = 0; i < 100; i++)
		CU_ASSERT(isfinite(fog_nsga2_get(n, i)->value[1]));
}

/* Nine genes of three choices, two sums of tables: small enough to try all. state holds the sums,
 * so that a child is computed from its base. */
#define ITEMS 9
struct choice_problem {
	u32 table[2][ITEMS][3];
	u32 incremental;
};

struct choice_state {
	u32 sum[2];
};

static void evaluate_choice(void *context, const struct fog_nsga2_individual *base,
			    struct fog_nsga2_individual *x)
{
	struct choice_problem *q = context;
	struct choice_state *s = x->state;

	*s = base != NULL ? *(const struct choice_state *)base->state : (struct choice_state){{0}};
	q->incremental += base != NULL;
	for (u32 k = 0; k < 2; k++) {
		for (u32 i = 0; i < ITEMS; i++) {
			if (base != NULL)
				s->sum[k] -= q->table[k][i][base->choice[i]];
			s->sum[k] += q->table[k][i][x->choice[i]];
		}
		x->value[k] = s->sum[k];
	}
}

static void test_choice(void)
{
	static const u32 choices[ITEMS] = {3, 3, 3, 3, 3, 3, 3, 3, 3};
	static u32 best[4096];
	struct choice_problem q = {.incremental = 0};
	struct fog_nsga2_problem p = {.kind = FOG_GENE_CHOICE,
				      .genes = ITEMS,
				      .objectives = 2,
				      .state_size = sizeof(struct choice_state),
				      .choices = choices,
				      .context = &q,
				      .evaluate = evaluate_choice};
	struct fog_nsga2_config c = fog_nsga2_config_default;
	u32 exact = 0, reached = 0, low = UINT32_MAX;

	for (u32 k = 0; k < 2; k++)
		for (u32 i = 0; i < ITEMS * 3; i++)
			q.table[k][i / 3][i % 3] = k == 0 ? i * 37 % 50 : 60 - i * 37 % 50 + i % 7;
	memset(best, 0xff, sizeof(best));
	for (u32 v = 0; v < 19683; v++) {
		u32 sum[2] = {0};
		for (u32 i = 0, rest = v; i < ITEMS; i++, rest /= 3)
			for (u32 k = 0; k < 2; k++)
				sum[k] += q.table[k][i][rest % 3];
		best[sum[0]] = FOG_MIN(best[sum[0]], sum[1]);
	}
	c.seed = 3;
	struct fog_nsga2 *n = open_run(&p, &c);
	fog_nsga2_run(n, 60, NULL, NULL);
	CU_ASSERT_EQUAL(q.incremental, 60 * 100);
	for (u32 s = 0; s < FOG_ARRAY_COUNT(best); s++) {
		if (best[s] >= low)
			continue;
		low = best[s];
		exact++;
		for (u32 i = 0; i < fog_nsga2_front(n); i++) {
			const double *v = fog_nsga2_get(n, i)->value;
			if (v[0] == s && v[1] == low) {
				reached++;
				break;
			}
		}
	}
	CU_ASSERT(exact > 15);
	CU_ASSERT(reached * 10 >= exact * 9);
}

/* Weighted completion times of seven jobs in two currencies; 5040 orders. */
static void evaluate_order(void *context, const struct fog_nsga2_individual *base,
			   struct fog_nsga2_individual *x)
{
	static const u32 length[7] = {3, 8, 5, 2, 9, 4, 7};
	static const u32 weight[2][7] = {{5, 1, 9, 4, 2, 8, 3}, {2, 9, 1, 6, 8, 1, 5}};
	u32 clock = 0;

	(void)context;
	(void)base;
	x->value[0] = x->value[1] = 0;
	for (u32 i = 0; i < 7; i++) {
		clock += length[x->choice[i]];
		for (u32 k = 0; k < 2; k++)
			x->value[k] += weight[k][x->choice[i]] * clock;
	}
}

static bool next_order(u32 *x, u32 count)
{
	u32 i = count - 1;
	u32 j = count - 1;

	while (i > 0 && x[i - 1] > x[i])
		i--;
	if (i == 0)
		return false;
	while (x[j] < x[i - 1])
		j--;
	for (u32 low = i - 1, high = j, first = 1; low < high; first = 0) {
		u32 swap = x[low];
		x[low] = x[high];
		x[high] = swap;
		low = first ? i : low + 1;
		high = first ? count - 1 : high - 1;
	}
	return true;
}

static void test_order(void)
{
	static u32 best[8192];
	u32 order[7] = {0, 1, 2, 3, 4, 5, 6};
	double value[2];
	struct fog_nsga2_individual x = {.choice = order, .value = value};
	struct fog_nsga2_problem p = {
		.kind = FOG_GENE_ORDER, .genes = 7, .objectives = 2, .evaluate = evaluate_order};
	struct fog_nsga2_config c = fog_nsga2_config_default;
	u32 exact = 0, reached = 0, low = UINT32_MAX, tried = 0;

	memset(best, 0xff, sizeof(best));
	do {
		evaluate_order(NULL, NULL, &x);
		CU_ASSERT_FATAL(value[0] < FOG_ARRAY_COUNT(best));
		best[(u32)value[0]] = FOG_MIN(best[(u32)value[0]], (u32)value[1]);
		tried++;
	} while (next_order(order, 7));
	CU_ASSERT_EQUAL(tried, 5040);
	struct fog_nsga2 *n = open_run(&p, &c);
	order[0] = order[1];
	CU_ASSERT_EQUAL(fog_nsga2_seed(n, order), -EINVAL);
	fog_nsga2_run(n, 60, NULL, NULL);
	for (u32 s = 0; s < FOG_ARRAY_COUNT(best); s++) {
		if (best[s] >= low)
			continue;
		low = best[s];
		exact++;
		for (u32 i = 0; i < fog_nsga2_front(n); i++) {
			const double *v = fog_nsga2_get(n, i)->value;
			if (v[0] == s && v[1] == low) {
				reached++;
				break;
			}
		}
	}
	CU_ASSERT(exact > 10);
	CU_ASSERT(reached * 10 >= exact * 9);
}

/* All genes equal: the population is one solution and its twins, and still whole. */
static void test_twins(void)
{
	static const u32 choices[2] = {1, 2};
	struct choice_problem q = {.table = {{{0}}}};
	struct fog_nsga2_problem p = {.kind = FOG_GENE_CHOICE,
				      .genes = 2,
				      .objectives = 2,
				      .choices = choices,
				      .context = &q,
				      .evaluate = evaluate_line};
	double low[2] = {0, 0}, high[2] = {0, 1};
	struct fog_nsga2_config c = fog_nsga2_config_default;

	p.kind = FOG_GENE_REAL;
	p.lower = low;
	p.upper = low;
	struct fog_nsga2 *n = open_run(&p, &c);
	CU_ASSERT_EQUAL(fog_nsga2_run(n, 10, NULL, NULL), 10);
	CU_ASSERT_EQUAL(fog_nsga2_front(n), 1);
	p.upper = high;
	n = open_run(&p, &c);
	CU_ASSERT_EQUAL(fog_nsga2_run(n, 10, NULL, NULL), 10);
	for (u32 i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(fog_nsga2_get(n, i)->value[0], 0);
}

/* The measures themselves: inclusion and exclusion over small sets, and areas under known fronts.
 */
static double hypervolume_model(const struct vec *v, u32 count, u32 objectives, double r)
{
	double sum = 0;

	for (u32 set = 1; set < 1u << count; set++) {
		double box = -1;
		double corner[3] = {-INFINITY, -INFINITY, -INFINITY};
		for (u32 i = 0; i < count; i++) {
			if ((set >> i & 1) == 0)
				continue;
			box = -box;
			for (u32 k = 0; k < objectives; k++)
				corner[k] = FOG_MAX(corner[k], v[i].f[k]);
		}
		for (u32 k = 0; k < objectives; k++)
			box *= FOG_MAX(0, r - corner[k]);
		sum += box;
	}
	return sum;
}

static u32 reference_read(const char *name, u32 objectives)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/fronts/%s.csv", FOG_VECTORS_DIR, name);
	u32 count = front_read(path, objectives, reference, REFERENCE_MAX);
	CU_ASSERT_FATAL(count > 30);
	return count;
}

static void test_measures(void)
{
	static const struct {
		const char *name;
		double volume;
	} fronts[] = {{"ZDT1", 0.87616}, {"ZDT2", 0.54283}, {"ZDT3", 1.33137}, {"ZDT6", 0.50755}};

	for (u32 turn = 0; turn < 200; turn++) {
		u32 count = 1 + turn % 7;
		u32 objectives = 2 + turn % 2;
		struct vec v[7] = {{{0}}};
		for (u32 i = 0; i < count; i++)
			for (u32 k = 0; k < objectives; k++)
				v[i].f[k] = (turn * 31 + i * 17 + k * 7 + i * i * k) % 11 / 8.0;
		double want = hypervolume_model(v, count, objectives, 1.1);
		CU_ASSERT_DOUBLE_EQUAL(hypervolume(v, count, objectives, 1.1, spare), want, 1e-12);
	}
	for (u32 i = 0; i < FOG_ARRAY_COUNT(fronts); i++) {
		u32 count = reference_read(fronts[i].name, 2);
		CU_ASSERT_EQUAL(igd(reference, count, reference, count, 2), 0);
		CU_ASSERT_DOUBLE_EQUAL(hypervolume(reference, count, 2, 1.1, spare),
				       fronts[i].volume, 1e-5);
	}
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void test_published_problems(void)
{
	static const struct {
		u32 generations, seeds;
		double r, volume_min, igd_max;
	} goals[] = {
		{250, SEEDS, 1.1, 0.86954, 0.00472}, /* ZDT1 */
		{250, SEEDS, 1.1, 0.53627, 0.00489}, /* ZDT2 */
		{250, SEEDS, 1.1, 1.32750, 0.00536}, /* ZDT3 */
		{250, SEEDS, 1.1, 0.86591, 0.00561}, /* ZDT4, pagmo's volume */
		{250, SEEDS, 1.1, 0.49354, 0.00884}, /* ZDT6, Deb's; pagmo .49671 */
		{400, SEEDS, 1.0, 0.96973, 0.02522}, /* DTLZ1 */
		{250, SEEDS, 1.1, 0.70246, 0.06776}, /* DTLZ2 */
		{800, 3, 1.1, 0.69500, 0.07000},     /* DTLZ3 and below: ours */
		{250, SEEDS, 1.1, 0.70500, 0.06500}, {250, SEEDS, 1.1, 0.43800, 0.00450},
		{800, 3, 1.1, 0.37000, 0.05500},     {250, SEEDS, 7.0, 198.9, 0.08000},
		{250, SEEDS, 32, 930, 0.60000}, /* ZDT5, ours; 951.7 is all of it */
	};
	struct fog_nsga2_config c = fog_nsga2_config_default;

	_Static_assert(FOG_ARRAY_COUNT(goals) == FOG_ARRAY_COUNT(problems), "a goal a problem");
	c.crossover = 0.9; /* like for like */
	printf("\n");
	for (u32 i = 0; i < FOG_ARRAY_COUNT(goals); i++) {
		u32 m = problems[i].objectives;
		u32 count = reference_read(problems[i].name, m);
		double volume[SEEDS], distance[SEEDS];
		for (u32 s = 0; s < goals[i].seeds; s++) {
			struct fog_nsga2_problem p = problem_make(&problems[i], lower, upper);
			c.seed = s + 1;
			struct fog_nsga2 *n = open_run(&p, &c);
			fog_nsga2_run(n, goals[i].generations, NULL, NULL);
			u32 front = problem_front(n, m, points);
			distance[s] = igd(reference, count, points, front, m);
			volume[s] = hypervolume(points, front, m, goals[i].r, spare);
		}
		qsort(volume, goals[i].seeds, sizeof(*volume), compare_double);
		qsort(distance, goals[i].seeds, sizeof(*distance), compare_double);
		double v = volume[goals[i].seeds / 2], d = distance[goals[i].seeds / 2];
		printf("    %-9s hypervolume %.5f (%.5f)  IGD %.5f (%.5f)\n", problems[i].name, v,
		       goals[i].volume_min, d, goals[i].igd_max);
		CU_ASSERT(v >= goals[i].volume_min);
		CU_ASSERT(d <= goals[i].igd_max);
	}
}

FOG_TEST_MAIN("controlplane/scheduler/nsga2", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_seeds),
	      FOG_TEST(test_deterministic_and_anytime), FOG_TEST(test_constraint),
	      FOG_TEST(test_bad_evaluations), FOG_TEST(test_choice), FOG_TEST(test_order),
	      FOG_TEST(test_twins), FOG_TEST(test_measures), FOG_TEST(test_published_problems))
