/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/batch.h"

/* Open ranges are disjoint and each at most half of the one below it on the stack. */
#define RANGES_MAX 32

void fog_batch_solve(const struct fog_batch_solver *s, unsigned count)
{
	struct range {
		unsigned first, count;
	} open[RANGES_MAX] = {{0, count}};
	unsigned depth = 1;
	u64 work = 0;

	FOG_ASSERT(s->leaf >= 2);
	while (depth > 0) {
		struct range r = open[--depth];
		if (r.count < s->leaf || work + r.count > FOG_BATCH_RETRY_FACTOR * (u64)count) {
			s->check(s->batch, r.first, r.count);
			continue;
		}
		work += r.count;
		if (s->holds(s->batch, r.first, r.count)) {
			s->all_good(s->batch, r.first, r.count);
			continue;
		}
		FOG_ASSERT(depth + 2 <= RANGES_MAX);
		open[depth++] = (struct range){r.first, r.count / 2};
		open[depth++] = (struct range){r.first + r.count / 2, r.count - r.count / 2};
	}
}

size_t fog_batch_take(size_t *at, size_t size)
{
	size_t start = *at;

	*at = (start + size + 63) & ~(size_t)63;
	return start;
}
