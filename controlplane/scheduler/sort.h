/* SPDX-License-Identifier: BSD-3-Clause */
/* Non-dominated sorting and crowding distance, the two hot functions of NSGA-II.
 *
 * A point dominates another when it is nowhere worse and somewhere better; objectives are
 * minimised. Front 0 is what nothing dominates, front k what only points of fronts below k
 * dominate. Equal points share a front. Under constraints (Deb 2002, section VI) every feasible
 * point dominates every infeasible one, and among the infeasible the smaller violation dominates.
 *
 *	values --sort by the first objective, twins merged--> unique points --method--> ranks
 *
 * Methods, all with the same result:
 *	SWEEP   two objectives: binary search over the last member of each front, O(N log N)
 *	STAIRS  three: per front the staircase of the other two objectives, binary search over
 *	        fronts and steps; O(N log^2 N) but for the moves inside one array
 *	BITSET  any: row i holds who is no worse than i; one sweep per objective ands them together,
 *	        O(M N^2 / 64) word operations, N^2/8 bytes
 *	SEARCH  any: ENS-BS (Zhang 2015), binary search over fronts, members newest first: few
 *	        comparisons when the fronts are many and small, N^2 when there is one
 *
 * Microseconds on uniform points / on points of one front (one core of a cloud machine, gcc 12;
 * `fog-bench --only sort` measures again, beside the method of Deb 2002):
 *	             N = 200      N = 1000        N = 5000
 *	M = 2 SWEEP    7 / 5       37 / 21        203 / 106
 *	M = 3 STAIRS   7 / 8       37 / 43        526 / 258
 *	M = 5 BITSET  16 / 16      82 / 78        935 / 686
 *	M = 5 SEARCH  18 / 32     735 / 1382    14898 / 48004
 *
 * Pure: no allocation; the caller's memory only. Any thread. */
#ifndef FOG_SORT_H
#define FOG_SORT_H

#include "crypto/types.h"

#define FOG_SORT_POINTS_MAX     8192 /* the bitset is 8 MiB then */
#define FOG_SORT_OBJECTIVES_MAX 16

enum fog_sort_method {
	FOG_SORT_AUTO = 0,
	FOG_SORT_SWEEP,
	FOG_SORT_STAIRS,
	FOG_SORT_BITSET,
	FOG_SORT_SEARCH,
};

/* Results; the arrays are the caller's. */
struct fog_sort {
	u32 *rank;   /* [count] front of each point */
	u32 *order;  /* [count] points by front, inside a front by index */
	u32 *start;  /* [count + 1] where each front starts in order; start[fronts] = count */
	u32 fronts;  /* how many */
	u32 allowed; /* points without violation; they fill the first fronts */
};

/* Bytes of scratch that fog_sort_fronts() and fog_sort_crowding() need for up to `count` points;
 * any alignment will do. Both arguments are in range. */
size_t fog_sort_scratch_size(u32 count, u32 objectives);

/* Sorts values[count][objectives]. violation[count] >= 0, 0 = feasible, or NULL: all are. Returns
 * 0, or -EINVAL when a count is out of range, the scratch is too small, the method does not fit the
 * number of objectives, or a value is not a number (infinities are fine). */
int fog_sort_fronts(const double *values, const double *violation, u32 count, u32 objectives,
		    enum fog_sort_method method, void *scratch, size_t scratch_size,
		    struct fog_sort *out);

/* Crowding distance (Deb 2002, III.B) of the points member[count], indices into values: infinite at
 * both ends of each objective, elsewhere the sum over objectives of the gap between the neighbours
 * divided by the range among the members; an objective of zero range adds nothing. Equal values are
 * neighbours in the order of `member`. distance[i] is that of member[i]. Arguments as checked by
 * fog_sort_fronts(). */
void fog_sort_crowding(const double *values, u32 objectives, const u32 *member, u32 count,
		       void *scratch, double *distance);

/* Chooses `keep` of the members one by one: takes away the most crowded and measures its neighbours
 * again until `keep` are left (Kukkonen and Deb 2006), which leaves an evener front than cutting
 * once. Between equals the later member goes. Moves the kept to the front of `member`, in their
 * order. O(count^2 + count M). 1 <= keep <= count. */
void fog_sort_prune(const double *values, u32 objectives, u32 *member, u32 count, u32 keep,
		    void *scratch);

#endif
