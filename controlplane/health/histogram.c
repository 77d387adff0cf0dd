/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/histogram.h"

const double fog_histogram_bounds[FOG_HISTOGRAM_BUCKETS] = FOG_HISTOGRAM_BOUNDS;

void fog_histogram_add(struct fog_histogram *h, double seconds)
{
	u32 i = 0;

	if (!(seconds > 0))
		seconds = 0;
	while (i < FOG_HISTOGRAM_BUCKETS && seconds > fog_histogram_bounds[i])
		i++;
	if (i < FOG_HISTOGRAM_BUCKETS)
		h->bucket[i]++;
	h->count++;
	h->sum += seconds;
}

double fog_histogram_quantile(const struct fog_histogram *h, double q)
{
	u64 seen = 0;

	if (h->count == 0)
		return 0;
	for (u32 i = 0; i < FOG_HISTOGRAM_BUCKETS; i++) {
		seen += h->bucket[i];
		if ((double)seen >= q * (double)h->count)
			return fog_histogram_bounds[i];
	}
	return fog_histogram_bounds[FOG_HISTOGRAM_BUCKETS - 1];
}
