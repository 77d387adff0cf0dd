/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/worker/worker.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "crypto/mem.h"

/* Map keys of sessions: every slot of every link, and one more while a slot is replaced. */
#define SESSIONS_MAX (FOG_LINKS_MAX * FOG_SESSION_COUNT + 1)

static int tables_init(struct fog_worker *w, struct fog_arena *a)
{
	u8 seed[16];

	fog_rng_bytes(&w->rng, seed, sizeof(seed));
	int rc = fog_half_table_init(&w->halves, a, w->halves_max, seed);
	if (rc < 0)
		return rc;
	fog_rng_bytes(&w->rng, seed, sizeof(seed));
	rc = fog_map_init(&w->sessions, a, SESSIONS_MAX, seed);
	if (rc < 0)
		return rc;
	rc = fog_slab_init(&w->slab, a, FOG_SLAB_CELLS, (u8)w->index);
	if (rc < 0)
		return rc;
	w->links = fog_arena_alloc(a, FOG_LINK_SLOTS * sizeof(w->links[0]));
	w->neighbours = fog_arena_alloc(a, FOG_LINK_SLOTS * sizeof(w->neighbours[0]));
	w->mix.due = fog_arena_alloc(a, FOG_MIX_CELLS * sizeof(w->mix.due[0]));
	w->mix_dirty = fog_arena_alloc(a, FOG_LINK_SLOTS);
	if (w->links == NULL || w->neighbours == NULL || w->mix_dirty == NULL || w->mix.due == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < FOG_LINK_SLOTS; i++)
		w->links[i].halves = FOG_HALF_NONE;
	for (u32 i = 0; i < w->dp->workers; i++) {
		w->neighbour_dirty[i] = fog_arena_alloc(a, FOG_LINK_SLOTS);
		if (w->neighbour_dirty[i] == NULL)
			return -ENOMEM;
	}
	return fog_pending_init(w, a);
}

int fog_worker_init(struct fog_worker *w, struct fog_dp *dp, u32 index)
{
	w->dp = dp;
	w->index = index;
	w->ops = dp->config.io;
	w->halves_max = dp->config.circuits_max != 0 ? dp->config.circuits_max : FOG_HALVES_DEFAULT;
	w->closing = FOG_HALF_NONE;
	w->wake_fd = -1;
	w->status = &dp->region->status[index];
	w->counters = &dp->region->counters[index];
	int rc = tables_init(w, &dp->arena);
	if (rc < 0)
		return rc;
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->wake_fd < 0)
		return -errno;
	const struct fog_io_open open = {
		.arg = dp->config.io_arg,
		.worker = index,
		.workers = dp->workers,
		.listen = &dp->listen,
	};
	rc = w->ops->open(&w->io, &open);
	if (rc < 0)
		return rc;
	atomic_store_explicit(&w->status->cpu, ~0u, memory_order_relaxed);
	return 0;
}

void fog_worker_wipe(struct fog_worker *w)
{
	if (w->io != NULL)
		w->ops->close(w->io);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	if (w->halves.halves != NULL)
		for (u32 i = 0; i < w->halves.fresh; i++)
			fog_wipe(&w->halves.halves[i], sizeof(w->halves.halves[i]));
	if (w->links != NULL)
		for (u32 i = 0; i < w->active_count; i++)
			fog_wipe(&w->links[w->active[i]], sizeof(w->links[0]));
	fog_rng_wipe(&w->rng);
}

void fog_pipeline(struct fog_worker *w, struct fog_batch *b)
{
	fog_stage_open(w, b);
	fog_stage_parse(w, b);
	fog_stage_lookup(w, b);
	fog_stage_crypt(w, b);
	fog_stage_deliver(w, b);
	fog_stage_control(w, b);
}

static unsigned pipeline_in(struct fog_worker *w)
{
	unsigned n = fog_stage_rx(w, &w->batch);

	if (n == 0)
		return 0;
	fog_pipeline(w, &w->batch);
	w->ops->release(w->io, w->batch.frame, n);
	return n;
}

static unsigned pipeline_out(struct fog_worker *w)
{
	struct fog_slot *due[FOG_BATCH_MAX];
	unsigned done = 0;

	/* All that waited at the start, no more: the next turn must come. */
	for (unsigned left = w->mix.count; left > 0;) {
		unsigned n = fog_stage_mix_due(w, due, FOG_MIN(left, (unsigned)FOG_BATCH_MAX));
		fog_stage_seal(w, due, n);
		left -= n;
		done += n;
	}
	return done;
}

unsigned fog_worker_turn(struct fog_worker *w, u64 now_ns)
{
	unsigned work = 0;

	w->now = now_ns;
	w->lap = fog_ticks();
	work += pipeline_in(w);
	fog_outbox_flush(w); /* own cells leave in the turn they came in */
	work += fog_slow_results(w);
	work += fog_mixport_results(w);
	work += fog_inbox(w);
	if (w->index == FOG_EDGE_WORKER)
		work += fog_edge_take(w);
	fog_batch2_run(w);
	if (work > 0)
		fog_lap(w, &w->counts.cycles_handoff);
	work += pipeline_out(w);
	w->counts.polls++;
	if (work == 0)
		w->counts.polls_idle++;
	if (now_ns >= w->tick_ns || w->wake_housekeeping)
		fog_housekeep(w);
	fog_outbox_flush(w);
	fog_wake_others(w);
	fog_lap(w, work == 0 ? &w->counts.cycles_idle : &w->counts.cycles_handoff);
	return work;
}
