/* SPDX-License-Identifier: BSD-3-Clause */
/* Random numbers and the operators that make children: simulated binary crossover and polynomial
 * mutation for real genes (Deb and Agrawal 1995; Deb 2001, section 4.3), uniform and
 * two-point crossover and random resetting for choices, order crossover (Davis 1985) and swaps for
 * permutations.
 *
 * The generator is xoshiro256++ (Blackman and Vigna 2018), seeded by splitmix64: not for secrets.
 * Pure; any thread; costs O(genes). */
#ifndef FOG_NSGA2_VARIATION_H
#define FOG_NSGA2_VARIATION_H

#include "crypto/types.h"

struct fog_random {
	u64 s[4];
};

void fog_random_seed(struct fog_random *r, u64 seed);
u64 fog_random_next(struct fog_random *r);
/* In [0,1), 53 bits. */
double fog_random_unit(struct fog_random *r);
/* In 0..bound-1; bound >= 1. The bias is below bound / 2^64. */
u32 fog_random_below(struct fog_random *r, u32 bound);

/* Crosses two parents, lower <= gene <= upper, into two children within the same bounds; each gene
 * with probability 1/2, the children's genes swapped with probability 1/2. eta, the distribution
 * index, is at least 1: large ones keep children near. The children may be the parents' memory. */
void fog_cross_real(struct fog_random *r, const double *lower, const double *upper, u32 genes,
		    u32 eta, const double *a, const double *b, double *child_a, double *child_b);
/* Changes each gene with the given probability. A gene whose bounds are equal never changes. */
void fog_mutate_real(struct fog_random *r, const double *lower, const double *upper, u32 genes,
		     u32 eta, double probability, double *gene);

/* Swaps a random segment of the genes, so that neighbours that go well together stay together. */
void fog_cross_choice(struct fog_random *r, u32 genes, u32 *a, u32 *b);
/* Draws each gene anew, in 0..choices[i]-1 and another than it was, with the given probability. */
void fog_mutate_choice(struct fog_random *r, const u32 *choices, u32 genes, double probability,
		       u32 *gene);

/* Each child keeps a segment of its own parent and takes the rest in the other's order. mark:
 * [genes] scratch. The children do not overlap the parents. */
void fog_cross_order(struct fog_random *r, u32 genes, const u32 *a, const u32 *b, u32 *child_a,
		     u32 *child_b, u8 *mark);
/* Swaps each place with a random one with the given probability. */
void fog_mutate_order(struct fog_random *r, u32 genes, double probability, u32 *gene);

#endif
