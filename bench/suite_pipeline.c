/* SPDX-License-Identifier: BSD-3-Clause */
/* One relay worker from receive to transmit, on cells that a back end makes in memory, and beside
 *it the three ciphers a cell passes on its way, called by themselves on cells of the same kind:
 *
 *	pipeline.hop.circuits_N.of_primitives	a cell, beside open + onion layer + seal
 *	pipeline.hop.circuits_N.overhead	core cycles a cell outside the ciphers, beside the
 *limit
 *
 * Two links, half of the cells each way; circuits are drawn in random order, so that each cell of a
 * batch needs other keys. What the generator costs is not in the figures.
 *pipeline.hop.of_primitives without a number is the row of a thousand circuits. */
#include "bench/bench.h"

#include <sys/mman.h>

#include "bench/pipeline.h"

#define OVERHEAD_LIMIT 120.0 /* core cycles a cell */
#define BURSTS         1000  /* of one sample */

struct figures {
	double ticks[PIPELINE_FIGURES][BENCH_SAMPLES_MAX]; /* a cell */
};

static const char *const stage_name[] = {
#define X(name, text) text,
#include "bench/stages.def"
#undef X
};

/* A sample is the median over bursts: what the machine takes away for others falls out. */
static void measure(struct bench *b, struct pipeline *p, struct figures *f)
{
	static struct pipeline_ticks t[BURSTS];
	static double column[BURSTS];

	for (unsigned i = 0; i < BURSTS / 10; i++)
		pipeline_run(p, &t[i]);
	for (unsigned sample = 0; sample < b->samples; sample++) {
		for (unsigned i = 0; i < BURSTS; i++)
			pipeline_run(p, &t[i]);
		for (unsigned k = 0; k < PIPELINE_FIGURES; k++) {
			for (unsigned i = 0; i < BURSTS; i++)
				column[i] = (double)t[i].of[k] / PIPELINE_BURST;
			f->ticks[k][sample] = bench_median(column, BURSTS);
		}
	}
}

static void print_stages(const struct figures *f, unsigned samples, double cycles_per_tick)
{
	printf("  core cycles a cell, capitals inside a cipher:");
	for (unsigned k = 0; k < FOG_ARRAY_COUNT(stage_name); k++)
		printf(" %s %.0f", stage_name[k],
		       bench_median(f->ticks[k], samples) * cycles_per_tick);
	printf("\n");
}

static void scale(double *v, unsigned count, double factor)
{
	for (unsigned i = 0; i < count; i++)
		v[i] *= factor;
}

static void by_circuits(struct bench *b, u32 circuits, const char *label, bool headline)
{
	static struct figures f;
	struct pipeline p;
	char names[3][64], all[256];
	struct bench_case c = {.unit = "ns/cell",
			       .peer = "link open + onion layer + link seal, by themselves"};

	snprintf(names[0], sizeof(names[0]), "pipeline.hop.circuits_%s.of_primitives", label);
	snprintf(names[1], sizeof(names[1]), "pipeline.hop.circuits_%s.overhead", label);
	snprintf(names[2], sizeof(names[2]), headline ? "pipeline.hop.of_primitives" : "");
	snprintf(all, sizeof(all), "%s %s %s", names[0], names[1], names[2]);
	if (!bench_wanted(b, all))
		return; /* the tables are large */
	double cycles = pipeline_cycles_per_tick(), ns = pipeline_ns_per_tick();
	int rc = pipeline_init(&p, circuits);
	if (rc != 0) {
		fprintf(stderr, "fog-bench: no worker of %u circuits: %s\n", circuits,
			strerror(-rc));
		return;
	}
	measure(b, &p, &f);
	print_stages(&f, b->samples, cycles);
	scale(f.ticks[PIPELINE_HOP], b->samples, ns);
	scale(f.ticks[PIPELINE_PRIMITIVES], b->samples, ns);
	scale(f.ticks[PIPELINE_OVERHEAD], b->samples, cycles);
	double peer = bench_median(f.ticks[PIPELINE_PRIMITIVES], b->samples);
	c.name = names[0];
	bench_record(b, &c, f.ticks[PIPELINE_HOP], b->samples, peer);
	if (headline) {
		c.name = names[2];
		bench_record(b, &c, f.ticks[PIPELINE_HOP], b->samples, peer);
	}
	c.name = names[1];
	c.unit = "cycles";
	c.peer = "limit: core cycles a cell outside the ciphers";
	bench_record(b, &c, f.ticks[PIPELINE_OVERHEAD], b->samples, OVERHEAD_LIMIT);
	pipeline_free(&p);
}

void bench_suite_pipeline(struct bench *b)
{
	by_circuits(b, 1000, "1k", true);
	by_circuits(b, 100000, "100k", false);
	by_circuits(b, 1000000, "1m", false);
}
