/* SPDX-License-Identifier: BSD-3-Clause */
/* Pull a batch of frames. In: nothing. Out: b->frame[0 .. count).
 * Thread: ingress owner. */
#include "dataplane/worker/worker.h"

unsigned fog_stage_rx(struct fog_worker *w, struct fog_batch *b)
{
	u64 start = fog_ticks();

	b->count = w->ops->rx(w->io, w->now, b->frame, FOG_BATCH_MAX);
	if (b->count == 0)
		return 0;
	for (u32 i = 0; i < b->count; i++)
		w->counts.bytes_rx += b->frame[i].length;
	w->counts.dgrams_rx += b->count;
	w->counts.batches++;
	w->counts.cycles_rx += fog_ticks() - start;
	return b->count;
}
