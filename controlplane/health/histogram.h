/* SPDX-License-Identifier: BSD-3-Clause */
/* Times in buckets, as Prometheus wants them: each bucket counts what took its bound or less, and
 * only sums leave the process. One thread. */
#ifndef FOG_HISTOGRAM_H
#define FOG_HISTOGRAM_H

#include "crypto/types.h"

/* Upper bounds in seconds; what took longer is only in count and sum. */
#define FOG_HISTOGRAM_BOUNDS                                                                    \
	{                                                                                       \
		0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, \
			30, 60, 300                                                             \
	}
#define FOG_HISTOGRAM_BUCKETS 17

extern const double fog_histogram_bounds[FOG_HISTOGRAM_BUCKETS];

struct fog_histogram {
	u64 bucket[FOG_HISTOGRAM_BUCKETS]; /* of this bucket alone, not cumulated */
	u64 count;
	double sum; /* seconds */
};

/* One observation of so many seconds; negative ones count as 0. */
void fog_histogram_add(struct fog_histogram *h, double seconds);
/* The bound of the bucket that holds the q-quantile (0 .. 1); 0 when there is nothing, and the
 * largest bound when it lies beyond. */
double fog_histogram_quantile(const struct fog_histogram *h, double q);

#endif
