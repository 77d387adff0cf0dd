/* SPDX-License-Identifier: BSD-3-Clause */
/* NSGA-II, see nsga2.h. Individuals stay where they are: 2N slots, of which `member` lists the N
 * of the population and `spare` the N that the next children overwrite. */
#include "controlplane/scheduler/nsga2.h"

#include <errno.h>
#include <math.h>

#include "controlplane/scheduler/carve.h"
#include "controlplane/scheduler/nsga2_variation.h"

struct fog_nsga2 {
	struct fog_nsga2_problem problem;
	struct fog_nsga2_config config;
	struct fog_random random;
	struct fog_nsga2_individual *slot; /* [2N] */
	double *values;                    /* [2N][objectives], what slot[].value points to */
	double *violation;                 /* [2N] */
	u32 *member;                       /* [N], best first */
	u32 *spare;                        /* [N] */
	u32 *mate;                         /* [N], places in member, shuffled for tournaments */
	u32 *pool;                         /* [2N], the slots of a front, or of the parents */
	double *crowding;                  /* [2N] by slot */
	double *distance;                  /* [2N] scratch */
	u8 *mark;                          /* [genes] scratch */
	u8 *twin; /* [2N] by slot: has the genes of one before; later: in use */
	void *scratch;
	size_t scratch_size;
	struct fog_sort sort; /* ranks by slot */
	u32 front;
	u32 seeded;
	bool started;
	struct fog_nsga2_stats stats;
};

const struct fog_nsga2_config fog_nsga2_config_default = {
	.population = 100,
	.crossover = 1,
	.eta_crossover = 15,
	.eta_mutation = 20,
};

static bool probability_ok(double p)
{
	return p >= 0 && p <= 1;
}

static bool genes_ok(const struct fog_nsga2_problem *p)
{
	if (p->genes == 0 || p->genes > FOG_NSGA2_GENES_MAX)
		return false;
	switch (p->kind) {
	case FOG_GENE_REAL:
		if (p->lower == NULL || p->upper == NULL)
			return false;
		for (u32 i = 0; i < p->genes; i++)
			if (!isfinite(p->lower[i]) || !isfinite(p->upper[i]) ||
			    p->lower[i] > p->upper[i])
				return false;
		return true;
	case FOG_GENE_CHOICE:
		if (p->choices == NULL)
			return false;
		for (u32 i = 0; i < p->genes; i++)
			if (p->choices[i] == 0)
				return false;
		return true;
	case FOG_GENE_ORDER:
		return true;
	default:
		return false;
	}
}

static bool arguments_ok(const struct fog_nsga2_problem *p, const struct fog_nsga2_config *c)
{
	return genes_ok(p) && p->objectives >= 1 && p->objectives <= FOG_SORT_OBJECTIVES_MAX &&
	       p->state_size <= FOG_NSGA2_STATE_MAX && p->evaluate != NULL &&
	       c->population % 2 == 0 && c->population >= FOG_NSGA2_POPULATION_MIN &&
	       c->population <= FOG_NSGA2_POPULATION_MAX && probability_ok(c->crossover) &&
	       probability_ok(c->mutation) && c->eta_crossover >= 1 &&
	       c->eta_crossover <= FOG_NSGA2_ETA_MAX && c->eta_mutation >= 1 &&
	       c->eta_mutation <= FOG_NSGA2_ETA_MAX;
}

static size_t gene_size(enum fog_gene_kind kind)
{
	return kind == FOG_GENE_REAL ? sizeof(double) : sizeof(u32);
}

/* Lays everything out from base, or only counts when it is NULL. */
static size_t lay_out(u8 *base, const struct fog_nsga2_problem *p, u32 population,
		      struct fog_nsga2 *n)
{
	u32 slots = 2 * population;
	size_t used = 0;

	fog_carve(base, &used, sizeof(*n));
	n->slot = fog_carve(base, &used, slots * sizeof(*n->slot));
	n->values = fog_carve(base, &used, (size_t)slots * p->objectives * sizeof(double));
	n->violation = fog_carve(base, &used, slots * sizeof(double));
	n->member = fog_carve(base, &used, population * sizeof(u32));
	n->spare = fog_carve(base, &used, population * sizeof(u32));
	n->mate = fog_carve(base, &used, population * sizeof(u32));
	n->pool = fog_carve(base, &used, slots * sizeof(u32));
	n->crowding = fog_carve(base, &used, slots * sizeof(double));
	n->distance = fog_carve(base, &used, slots * sizeof(double));
	n->mark = fog_carve(base, &used, p->genes);
	n->twin = fog_carve(base, &used, slots);
	n->sort.rank = fog_carve(base, &used, slots * sizeof(u32));
	n->sort.order = fog_carve(base, &used, slots * sizeof(u32));
	n->sort.start = fog_carve(base, &used, (slots + 1) * sizeof(u32));
	n->scratch_size = fog_sort_scratch_size(slots, p->objectives);
	n->scratch = fog_carve(base, &used, n->scratch_size);
	for (u32 i = 0; i < slots; i++) {
		u8 *genes = fog_carve(base, &used, p->genes * gene_size(p->kind));
		u8 *state = fog_carve(base, &used, p->state_size);
		if (base == NULL)
			continue;
		n->slot[i] = (struct fog_nsga2_individual){
			.state = state, .value = n->values + (size_t)i * p->objectives};
		if (p->kind == FOG_GENE_REAL)
			n->slot[i].real = (double *)genes;
		else
			n->slot[i].choice = (u32 *)genes;
	}
	return used;
}

size_t fog_nsga2_size(const struct fog_nsga2_problem *problem,
		      const struct fog_nsga2_config *config)
{
	struct fog_nsga2 n;

	if (!arguments_ok(problem, config))
		return 0;
	return lay_out(NULL, problem, config->population, &n) + FOG_CACHELINE;
}

int fog_nsga2_init(struct fog_nsga2 **out, void *memory, size_t size,
		   const struct fog_nsga2_problem *problem, const struct fog_nsga2_config *config)
{

	*out = NULL;
	if (!arguments_ok(problem, config) || size < fog_nsga2_size(problem, config))
		return -EINVAL;
	u8 *base = fog_carve_start(memory);
	struct fog_nsga2 *n = (struct fog_nsga2 *)base;
	memset(n, 0, sizeof(*n));
	n->problem = *problem;
	n->config = *config;
	if (n->config.mutation == 0)
		n->config.mutation = 1.0 / problem->genes;
	lay_out(base, problem, config->population, n);
	fog_random_seed(&n->random, config->seed);
	for (u32 i = 0; i < config->population; i++) {
		n->member[i] = i;
		n->spare[i] = config->population + i;
		n->mate[i] = i;
	}
	*out = n;
	return 0;
}

static bool solution_ok(struct fog_nsga2 *n, const void *genes)
{
	const struct fog_nsga2_problem *p = &n->problem;
	const double *real = genes;
	const u32 *choice = genes;

	memset(n->mark, 0, p->genes);
	for (u32 i = 0; i < p->genes; i++) {
		switch (p->kind) {
		case FOG_GENE_REAL:
			if (!(real[i] >= p->lower[i] && real[i] <= p->upper[i]))
				return false;
			break;
		case FOG_GENE_CHOICE:
			if (choice[i] >= p->choices[i])
				return false;
			break;
		default:
			if (choice[i] >= p->genes || n->mark[choice[i]])
				return false;
			n->mark[choice[i]] = 1;
		}
	}
	return true;
}

int fog_nsga2_seed(struct fog_nsga2 *n, const void *genes)
{
	if (n->started)
		return -EBUSY;
	if (n->seeded == n->config.population)
		return -ENOSPC;
	if (!solution_ok(n, genes))
		return -EINVAL;
	memcpy(n->slot[n->seeded++].choice, genes, n->problem.genes * gene_size(n->problem.kind));
	return 0;
}

static void randomize(struct fog_nsga2 *n, struct fog_nsga2_individual *x)
{
	const struct fog_nsga2_problem *p = &n->problem;

	for (u32 i = 0; i < p->genes; i++) {
		if (p->kind == FOG_GENE_REAL) {
			x->real[i] = p->lower[i] +
				     fog_random_unit(&n->random) * (p->upper[i] - p->lower[i]);
			x->real[i] = FOG_MIN(x->real[i], p->upper[i]);
		} else if (p->kind == FOG_GENE_CHOICE) {
			x->choice[i] = fog_random_below(&n->random, p->choices[i]);
		} else {
			u32 at = fog_random_below(&n->random, i + 1);
			x->choice[i] = x->choice[at];
			x->choice[at] = i;
		}
	}
}

static void evaluate(struct fog_nsga2 *n, const struct fog_nsga2_individual *base, u32 slot)
{
	struct fog_nsga2_individual *x = &n->slot[slot];
	bool bad = false;

	x->violation = 0;
	n->problem.evaluate(n->problem.context, base, x);
	n->stats.evaluations++;
	for (u32 k = 0; k < n->problem.objectives; k++)
		bad |= isnan(x->value[k]);
	if (bad || !(x->violation >= 0)) {
		n->stats.evaluations_bad++;
		x->violation = INFINITY;
		for (u32 k = 0; k < n->problem.objectives; k++)
			x->value[k] = INFINITY;
	}
	n->violation[slot] = x->violation;
}

static bool same_genes(const struct fog_nsga2 *n, u32 a, u32 b)
{
	return memcmp(n->slot[a].choice, n->slot[b].choice,
		      n->problem.genes * gene_size(n->problem.kind)) == 0;
}

/* Marks the slots below count whose genes a slot before them has. Returns how many are left. */
static u32 mark_twins(struct fog_nsga2 *n, u32 count)
{
	u32 *table = n->scratch;
	u32 size = 1;
	u32 left = count;

	while (size < 2 * count)
		size *= 2;
	FOG_ASSERT(size * sizeof(*table) + FOG_CACHELINE <= n->scratch_size);
	memset(table, 0xff, size * sizeof(*table));
	for (u32 i = 0; i < count; i++) {
		u64 hash = 0;
		for (u32 k = 0; k < n->problem.objectives; k++)
			hash = (hash ^ fog_load_u64(&n->slot[i].value[k])) * 0x9e3779b97f4a7c15ull;
		u32 at = (u32)(hash >> 32) & (size - 1);
		while (table[at] != UINT32_MAX && !same_genes(n, table[at], i))
			at = (at + 1) & (size - 1);
		n->twin[i] = table[at] != UINT32_MAX;
		left -= n->twin[i];
		if (!n->twin[i])
			table[at] = i;
	}
	return left;
}

/* The first `keep` of one front, the others being too crowded, and the crowding of those. Returns
 * how many. */
static u32 select_front(struct fog_nsga2 *n, u32 front, u32 room)
{
	u32 count = 0;

	for (u32 i = n->sort.start[front]; i < n->sort.start[front + 1]; i++)
		if (!n->twin[n->sort.order[i]])
			n->pool[count++] = n->sort.order[i];
	if (count > room) {
		fog_sort_prune(n->values, n->problem.objectives, n->pool, count, room, n->scratch);
		count = room;
	}
	fog_sort_crowding(n->values, n->problem.objectives, n->pool, count, n->scratch,
			  n->distance);
	for (u32 i = 0; i < count; i++)
		n->crowding[n->pool[i]] = n->distance[i];
	return count;
}

/* The N best of the first count slots become the population; twins only fill up. */
static void select_best(struct fog_nsga2 *n, u32 count)
{
	u32 population = n->config.population;
	u32 left = mark_twins(n, count);
	u32 chosen = 0;
	u32 spares = 0;
	int rc = fog_sort_fronts(n->values, n->violation, count, n->problem.objectives,
				 FOG_SORT_AUTO, n->scratch, n->scratch_size, &n->sort);

	FOG_ASSERT(rc == 0);
	for (u32 f = 0; f < n->sort.fronts && chosen < FOG_MIN(left, population); f++) {
		u32 taken = select_front(n, f, population - chosen);
		memcpy(n->member + chosen, n->pool, taken * sizeof(*n->member));
		chosen += taken;
		if (f == 0)
			n->front = taken;
	}
	for (u32 i = 0; i < count && chosen < population; i++) {
		if (!n->twin[i])
			continue;
		n->sort.rank[i] = n->sort.fronts;
		n->crowding[i] = 0;
		n->member[chosen++] = i;
	}
	FOG_ASSERT(chosen == population);
	memset(n->twin, 0, 2 * (size_t)population);
	for (u32 i = 0; i < population; i++)
		n->twin[n->member[i]] = 1; /* now: in use */
	for (u32 i = 0; i < 2 * population; i++)
		if (!n->twin[i])
			n->spare[spares++] = i;
}

int fog_nsga2_start(struct fog_nsga2 *n)
{
	if (n->started)
		return -EBUSY;
	n->started = true;
	for (u32 i = 0; i < n->config.population; i++) {
		if (i >= n->seeded)
			randomize(n, &n->slot[i]);
		evaluate(n, NULL, i);
	}
	select_best(n, n->config.population);
	return 0;
}

/* The winner of a crowded tournament between two slots. */
static u32 winner(struct fog_nsga2 *n, u32 a, u32 b)
{
	if (n->sort.rank[a] != n->sort.rank[b])
		return n->sort.rank[a] < n->sort.rank[b] ? a : b;
	if (n->crowding[a] != n->crowding[b])
		return n->crowding[a] > n->crowding[b] ? a : b;
	return fog_random_next(&n->random) >> 63 ? a : b;
}

/* Fills pool[N] with the parents: everybody takes part in two tournaments. */
static void hold_tournaments(struct fog_nsga2 *n)
{
	u32 population = n->config.population;

	for (u32 i = 0; i < 2 * population; i += 2) {
		if (i % population == 0)
			for (u32 j = population - 1; j > 0; j--) {
				u32 at = fog_random_below(&n->random, j + 1);
				u32 swap = n->mate[j];
				n->mate[j] = n->mate[at];
				n->mate[at] = swap;
			}
		n->pool[i / 2] = winner(n, n->member[n->mate[i % population]],
					n->member[n->mate[i % population + 1]]);
	}
}

static void vary(struct fog_nsga2 *n, const struct fog_nsga2_individual *a,
		 const struct fog_nsga2_individual *b, struct fog_nsga2_individual *x,
		 struct fog_nsga2_individual *y)
{
	const struct fog_nsga2_problem *p = &n->problem;
	const struct fog_nsga2_config *c = &n->config;
	bool cross = fog_random_unit(&n->random) < c->crossover;

	memcpy(x->choice, a->choice, p->genes * gene_size(p->kind));
	memcpy(y->choice, b->choice, p->genes * gene_size(p->kind));
	switch (p->kind) {
	case FOG_GENE_REAL:
		if (cross)
			fog_cross_real(&n->random, p->lower, p->upper, p->genes, c->eta_crossover,
				       a->real, b->real, x->real, y->real);
		fog_mutate_real(&n->random, p->lower, p->upper, p->genes, c->eta_mutation,
				c->mutation, x->real);
		fog_mutate_real(&n->random, p->lower, p->upper, p->genes, c->eta_mutation,
				c->mutation, y->real);
		break;
	case FOG_GENE_CHOICE:
		if (cross)
			fog_cross_choice(&n->random, p->genes, x->choice, y->choice);
		fog_mutate_choice(&n->random, p->choices, p->genes, c->mutation, x->choice);
		fog_mutate_choice(&n->random, p->choices, p->genes, c->mutation, y->choice);
		break;
	default:
		if (cross)
			fog_cross_order(&n->random, p->genes, a->choice, b->choice, x->choice,
					y->choice, n->mark);
		fog_mutate_order(&n->random, p->genes, c->mutation, x->choice);
		fog_mutate_order(&n->random, p->genes, c->mutation, y->choice);
	}
}

void fog_nsga2_step(struct fog_nsga2 *n)
{
	FOG_ASSERT(n->started);
	hold_tournaments(n);
	for (u32 i = 0; i < n->config.population; i += 2) {
		u32 a = n->pool[i];
		u32 b = n->pool[i + 1];
		u32 x = n->spare[i];
		u32 y = n->spare[i + 1];
		vary(n, &n->slot[a], &n->slot[b], &n->slot[x], &n->slot[y]);
		evaluate(n, &n->slot[a], x);
		evaluate(n, &n->slot[b], y);
	}
	select_best(n, 2 * n->config.population);
	n->stats.generations++;
}

u32 fog_nsga2_run(struct fog_nsga2 *n, u32 generations, bool (*should_stop)(void *context),
		  void *context)
{
	u32 made = 0;

	if (!n->started)
		fog_nsga2_start(n);
	for (; made < generations; made++) {
		if (should_stop != NULL && should_stop(context))
			break;
		fog_nsga2_step(n);
	}
	return made;
}

const struct fog_nsga2_individual *fog_nsga2_get(const struct fog_nsga2 *n, u32 i)
{
	FOG_ASSERT(n->started);
	FOG_ASSERT(i < n->config.population);
	return &n->slot[n->member[i]];
}

u32 fog_nsga2_rank(const struct fog_nsga2 *n, u32 i)
{
	FOG_ASSERT(n->started);
	FOG_ASSERT(i < n->config.population);
	return n->sort.rank[n->member[i]];
}

u32 fog_nsga2_front(const struct fog_nsga2 *n)
{
	return n->front;
}

struct fog_nsga2_stats fog_nsga2_stats(const struct fog_nsga2 *n)
{
	return n->stats;
}
