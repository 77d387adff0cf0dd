/* SPDX-License-Identifier: BSD-3-Clause */
/* Models of non-dominated sorting and crowding, straight from the definitions; the tests compare
 * with them and fog-bench takes them as the peer. */
#ifndef FOG_SCHEDULER_MODEL_H
#define FOG_SCHEDULER_MODEL_H

#include "crypto/types.h"

#include <math.h>

static inline bool model_dominates(const double *values, const double *violation, u32 objectives,
				   u32 a, u32 b)
{
	double va = violation != NULL ? violation[a] : 0;
	double vb = violation != NULL ? violation[b] : 0;
	bool better = false;

	if (va > 0 || vb > 0)
		return va < vb;
	for (u32 k = 0; k < objectives; k++) {
		double x = values[(size_t)a * objectives + k];
		double y = values[(size_t)b * objectives + k];
		if (x > y)
			return false;
		better |= x < y;
	}
	return better;
}

/* Deb's fast non-dominated sort, O(M N^2): counts who dominates, peels front by front. dominated:
 * [count * count] bytes; left: [count]. Returns the number of fronts. */
static inline u32 model_fronts(const double *values, const double *violation, u32 count,
			       u32 objectives, u8 *dominated, u32 *left, u32 *rank)
{
	u32 fronts = 0;

	memset(left, 0, count * sizeof(*left));
	for (u32 i = 0; i < count; i++) {
		rank[i] = UINT32_MAX;
		for (u32 j = 0; j < count; j++) {
			bool d = model_dominates(values, violation, objectives, j, i);
			dominated[(size_t)j * count + i] = d;
			left[i] += d;
		}
	}
	for (u32 done = 0; done < count; fronts++) {
		for (u32 i = 0; i < count; i++)
			if (rank[i] == UINT32_MAX && left[i] == 0)
				rank[i] = fronts;
		for (u32 i = 0; i < count; i++) {
			if (rank[i] != fronts)
				continue;
			done++;
			for (u32 j = 0; j < count; j++)
				left[j] -= dominated[(size_t)i * count + j];
		}
	}
	return fronts;
}

/* Crowding by insertion sort. spare: [count]. */
static inline void model_crowding(const double *values, u32 objectives, const u32 *member,
				  u32 count, u32 *spare, double *distance)
{
	for (u32 i = 0; i < count; i++)
		distance[i] = 0;
	for (u32 k = 0; k < objectives && count > 0; k++) {
#define AT(i) values[(size_t)member[spare[i]] * objectives + k]
		for (u32 i = 0; i < count; i++) {
			u32 at = i;
			double v = values[(size_t)member[i] * objectives + k];
			while (at > 0 && AT(at - 1) > v) {
				spare[at] = spare[at - 1];
				at--;
			}
			spare[at] = i;
		}
		distance[spare[0]] = distance[spare[count - 1]] = INFINITY;
		double range = AT(count - 1) - AT(0);
		for (u32 i = 1; i + 1 < count && range > 0; i++)
			distance[spare[i]] += (AT(i + 1) - AT(i - 1)) / range;
#undef AT
	}
}

#endif
