/* SPDX-License-Identifier: BSD-3-Clause */
/* pagmo2, a library of optimisers in C++, behind C: the peer of the scheduler's measurements. Only
 * fog-bench links it, and only where Debian's libpagmo-dev is installed. */
#ifndef FOG_BENCH_PEER_PAGMO_H
#define FOG_BENCH_PEER_PAGMO_H

#ifdef __cplusplus
extern "C" {
#endif

/* Points for fast_non_dominated_sorting(); copied. NULL when there is no memory. */
void *peer_pagmo_points(const double *values, unsigned count, unsigned objectives);
void peer_pagmo_points_free(void *points);
/* Sorts; the number of fronts. */
unsigned peer_pagmo_sort(const void *points);

/* One run of its NSGA-II (crossover 0.9, eta 15, mutation 1/genes, eta 20) on its own `suite`
 * ("zdt" or "dtlz", three objectives) number `problem`. front[population x objectives] receives the
 * last population's values. */
void peer_pagmo_nsga2(const char *suite, unsigned problem, unsigned genes, unsigned population,
		      unsigned generations, unsigned seed, double *front);

#ifdef __cplusplus
}
#endif

#endif
