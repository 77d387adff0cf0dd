/* SPDX-License-Identifier: BSD-3-Clause */
/* NSGA-II (Deb et al. 2002): keeps a population that approaches the set of best compromises between
 * several objectives, all minimised, under constraints.
 *
 *	seed, random --evaluate--> population --tournament--> pairs --cross, mutate, evaluate-->
 *	      ^                                                                                 |
 *	      `---- the better half by front, then by crowding <---- parents and children <-----'
 *
 * Anytime: after fog_nsga2_start() the population is valid whenever no call is in progress; stop
 * when the time is up. Deterministic: one seed, problem and sequence of calls gives one result, on
 * machines with the same libm.
 *
 * Against the paper: the front that does not fit is thinned one by one (fog_sort_prune()), and
 * twins of a survivor survive only when there is nothing else.
 *
 * Pure: no clock, no file, no allocation: one block of the caller's memory. One thread at a time.
 * A generation costs O(N) evaluations, a sort of 2N points and O(N * genes). */
#ifndef FOG_NSGA2_H
#define FOG_NSGA2_H

#include "controlplane/scheduler/sort.h"

#define FOG_NSGA2_POPULATION_MIN 4
#define FOG_NSGA2_POPULATION_MAX (FOG_SORT_POINTS_MAX / 2) /* parents and children are sorted */
#define FOG_NSGA2_GENES_MAX      4096
#define FOG_NSGA2_STATE_MAX      (1u << 20)
#define FOG_NSGA2_ETA_MAX        1000

enum fog_gene_kind {
	FOG_GENE_INVALID = 0,
	FOG_GENE_REAL,   /* double, within bounds */
	FOG_GENE_CHOICE, /* u32, 0..choices[i]-1 each */
	FOG_GENE_ORDER,  /* u32, all a permutation of 0..genes-1 */
};

/* One solution, in the block's memory. */
struct fog_nsga2_individual {
	union {
		double *real;
		u32 *choice; /* ORDER too */
	};
	void *state;      /* the problem's, state_size bytes, aligned for doubles */
	double *value;    /* [objectives] */
	double violation; /* >= 0; 0 = feasible */
};

struct fog_nsga2_problem {
	enum fog_gene_kind kind;
	u32 genes;           /* 1..FOG_NSGA2_GENES_MAX */
	u32 objectives;      /* 1..FOG_SORT_OBJECTIVES_MAX */
	u32 state_size;      /* up to FOG_NSGA2_STATE_MAX */
	const double *lower; /* REAL: [genes], finite, lower <= upper */
	const double *upper;
	const u32 *choices; /* CHOICE: [genes], >= 1 */
	void *context;
	/* Fills value, violation and state of `child`. `base`, when not NULL, is an evaluated
	 * individual whose genes are mostly the child's: what has not changed need not be computed
	 * again. A value that is not a number, or a violation that is negative or none, counts as
	 * an infinite violation. */
	void (*evaluate)(void *context, const struct fog_nsga2_individual *base,
			 struct fog_nsga2_individual *child);
};

struct fog_nsga2_config {
	u32 population; /* even, POPULATION_MIN..POPULATION_MAX */
	u64 seed;
	double crossover;  /* probability that a pair is crossed; 0..1 */
	double mutation;   /* probability per gene; 0..1, 0 = 1/genes */
	u32 eta_crossover; /* REAL; 1..FOG_NSGA2_ETA_MAX */
	u32 eta_mutation;
};
/* Population 100, crossover always, mutation 1/genes, eta 15 and 20. */
extern const struct fog_nsga2_config fog_nsga2_config_default;

struct fog_nsga2;

/* Bytes of memory for this problem, or 0 when an argument is out of range. */
size_t fog_nsga2_size(const struct fog_nsga2_problem *problem,
		      const struct fog_nsga2_config *config);
/* Sets up in `memory`, of any alignment. The arrays and the context that the problem points to
 * outlive the run; the two structs are copied. 0 or -EINVAL. */
int fog_nsga2_init(struct fog_nsga2 **out, void *memory, size_t size,
		   const struct fog_nsga2_problem *problem, const struct fog_nsga2_config *config);

/* Adds a known solution to the first population, before fog_nsga2_start(): from a heuristic or an
 * earlier run. genes: double[] or u32[]. 0, -EINVAL when it is out of bounds or no permutation,
 * -ENOSPC when the population is full, -EBUSY after the start. */
int fog_nsga2_seed(struct fog_nsga2 *n, const void *genes);
/* Fills up with random solutions, evaluates and sorts. 0 or -EBUSY when it was started before. */
int fog_nsga2_start(struct fog_nsga2 *n);
/* One generation. After fog_nsga2_start(). */
void fog_nsga2_step(struct fog_nsga2 *n);
/* Up to `generations` more; starts when it was not started. should_stop, may be NULL, is asked
 * before each. Returns how many were made. */
u32 fog_nsga2_run(struct fog_nsga2 *n, u32 generations, bool (*should_stop)(void *context),
		  void *context);

/* The population, best front first. Borrowed until the next step. i < config.population. */
const struct fog_nsga2_individual *fog_nsga2_get(const struct fog_nsga2 *n, u32 i);
u32 fog_nsga2_rank(const struct fog_nsga2 *n, u32 i);
/* How many are in the first front. They are the first fog_nsga2_get() gives. */
u32 fog_nsga2_front(const struct fog_nsga2 *n);

struct fog_nsga2_stats {
	u32 generations;
	u64 evaluations;
	u64 evaluations_bad; /* not a number, or a negative violation */
};
struct fog_nsga2_stats fog_nsga2_stats(const struct fog_nsga2 *n);

#endif
