/* SPDX-License-Identifier: BSD-3-Clause */
/* A relay worker by itself, driven by cells made in memory. */
#ifndef FOG_BENCH_PIPELINE_H
#define FOG_BENCH_PIPELINE_H

#include "dataplane/worker/worker.h"

#define PIPELINE_BURST FOG_BATCH_MAX

/* One burst of sealed cells on their way in, and room for those on their way out. */
struct pipeline_burst {
	FOG_CACHE_ALIGNED u8 in[PIPELINE_BURST][1472];
	u8 out[PIPELINE_BURST][1472];
	u8 slab[PIPELINE_BURST][1472];
};

struct pipeline {
	struct fog_dp *dp;
	struct fog_worker *worker;
	struct fog_data_region *region;
	struct pipeline_burst *burst;
	u32 circuits; /* each two halves */
	u32 at;       /* next place in order */
	u32 *order;
	u32 *id[2]; /* of circuit i, as it arrives on link 1 and 2 */
	u64 sequence;
	u64 now_ns;
	u64 sent; /* counted by the back end */
	struct fog_rng rng;
};

enum {
#define X(name, text) PIPELINE_##name,
#include "bench/stages.def"
#undef X
	PIPELINE_HOP,        /* the whole turn */
	PIPELINE_OVERHEAD,   /* of it, outside the ciphers */
	PIPELINE_PRIMITIVES, /* the ciphers by themselves */
	PIPELINE_FIGURES,
};

/* Ticks of the time stamp counter, for one burst of cells. */
struct pipeline_ticks {
	u64 of[PIPELINE_FIGURES];
};

/* A worker with two links and its circuits open. 2.3 GiB for a million. 0 or -errno. */
int pipeline_init(struct pipeline *p, u32 circuits);
void pipeline_free(struct pipeline *p);

/* 64 cells through the worker; asserts that each left it. Then 64 more through the ciphers alone.
 */
void pipeline_run(struct pipeline *p, struct pipeline_ticks *t);

double pipeline_seconds(void);
double pipeline_ns_per_tick(void);
/* Core cycles to a tick, found by a chain of additions. */
double pipeline_cycles_per_tick(void);

#endif
