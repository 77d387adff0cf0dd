/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-bench: suites of measurements, each pairing one of our operations with a peer's or with a
 * limit of the machine, sampled alternately in the same run so that noise hits both alike. A figure
 * is the median of its samples. Single-threaded but for the ring suite. */
#ifndef FOG_BENCH_H
#define FOG_BENCH_H

#include "crypto/types.h"

#define BENCH_SAMPLES_MAX 64
#define BENCH_RESULTS_MAX 256
#define BENCH_MEDIAN_MAX  1024

/* One operation: run it `rounds` times. */
typedef void (*bench_fn)(void *arg, u64 rounds);

struct bench_case {
	const char *name; /* "cell.encrypt.aesni" */
	const char *unit; /* "ns/cell": lower is better */
	const char *peer; /* what the other side is, for people */
	bench_fn ours;
	bench_fn theirs;
	void *ours_arg;
	void *theirs_arg;
	double ours_divisor;   /* operations per round, e.g. batch size; 0 = 1 */
	double theirs_divisor; /* likewise */
	double recorded;       /* not 0: the peer's figure, measured elsewhere; theirs is not run */
	bool peer_recorded;    /* the peer's figure was not measured in this run */
	bool more_is_better;   /* a rate: the ratio is the other way round */
};

struct bench_result {
	char name[64];
	char unit[24];
	char peer[96];
	double value;      /* median */
	double peer_value; /* median */
	double ratio;      /* how many times better we are */
	double spread;     /* (max - min) / median of our samples */
	unsigned samples;
	bool peer_recorded;
};

struct bench {
	unsigned samples; /* per side */
	double seconds;   /* aimed at per sample */
	const char *only; /* run names that contain one of these, with commas; or NULL */
	struct bench_result results[BENCH_RESULTS_MAX];
	unsigned count;
	double raw[BENCH_RESULTS_MAX][BENCH_SAMPLES_MAX]; /* our samples, for the plots */
};

/* count <= BENCH_MEDIAN_MAX. */
double bench_median(const double *samples, unsigned count);
/* Whether --only, a list of parts of names with commas, lets this case run. */
bool bench_wanted(const struct bench *b, const char *name);
/* Measure one case and print its line. Skipped when --only does not match. */
void bench_run(struct bench *b, const struct bench_case *c);
/* The same with a peer's figure that was measured by other means. */
void bench_run_alone(struct bench *b, const struct bench_case *c, double peer_value);
/* A figure measured by other means, lower is better: `ours` holds `samples` of it, at most
 * BENCH_SAMPLES_MAX. Prints and keeps its line; asks bench_wanted() too. */
void bench_record(struct bench *b, const struct bench_case *c, const double *ours, unsigned samples,
		  double peer_value);

/* The suites; each calls bench_run() for its cases. */
void bench_suite_cell(struct bench *b);
void bench_suite_curve(struct bench *b);
void bench_suite_executor(struct bench *b);
void bench_suite_gateway(struct bench *b);
void bench_suite_gateway_restart(struct bench *b);
void bench_suite_handshake(struct bench *b);
void bench_suite_link(struct bench *b);
void bench_suite_quorum(struct bench *b);
void bench_suite_market(struct bench *b);
void bench_suite_mix(struct bench *b);
void bench_suite_pipeline(struct bench *b);
void bench_suite_proofs(struct bench *b);
void bench_suite_relay(struct bench *b);
void bench_suite_reputation(struct bench *b);
void bench_suite_ring(struct bench *b);
void bench_suite_scheduler(struct bench *b);
void bench_suite_tee(struct bench *b);
void bench_suite_zk(struct bench *b);

/* Tables and curves of the traces that the scheduler's suite replayed, if it did. */
void bench_scheduler_html(FILE *f);

/* {"version","machine","results":[..]}; 0 or -errno. */
int bench_report_json(const struct bench *b, const char *path);
/* index.html with a table, a bar plot per suite and the traces, no outside resources; 0 or -errno.
 */
int bench_report_html(const struct bench *b, const char *dir);

#endif
