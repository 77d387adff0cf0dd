/* SPDX-License-Identifier: BSD-3-Clause */
/* Pull a batch of frames. In: nothing. Out: b->frame[0 .. count).
 * Thread: ingress owner. */
#include "dataplane/worker/worker.h"

static void count_fill(struct fog_counts *c, u32 count)
{
	c->batches++;
	if (count == 1)
		c->batches_1++;
	else if (count < 8)
		c->batches_2_7++;
	else if (count < 32)
		c->batches_8_31++;
	else if (count < FOG_BATCH_MAX)
		c->batches_32_63++;
	else
		c->batches_64++;
}

unsigned fog_stage_rx(struct fog_worker *w, struct fog_batch *b)
{
	b->count = w->ops->rx(w->io, w->now, b->frame, FOG_BATCH_MAX);
	if (b->count == 0)
		return 0;
	for (u32 i = 0; i < b->count; i++)
		w->counts.bytes_rx += b->frame[i].length;
	w->counts.dgrams_rx += b->count;
	count_fill(&w->counts, b->count);
	fog_lap(w, &w->counts.cycles_rx);
	return b->count;
}
