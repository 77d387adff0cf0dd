/* SPDX-License-Identifier: BSD-3-Clause */
/* Namespaces, the relay's process and its control plane, for the relay suite. */
#ifndef FOG_BENCH_RELAY_LAB_H
#define FOG_BENCH_RELAY_LAB_H

#include "bench/bench.h"
#include "bench/relay_gen.h"

struct relay_backend {
	const char *name;         /* as in the rows */
	const char *io;           /* dataplane.io */
	const char *gen_io;       /* the neighbour's */
	const char *relay_device; /* may hold one %s: the run directory */
	const char *gen_device;
	const char *testpmd_device; /* NULL: not compared; may hold one %s */
	const char *testpmd_target; /* where its swap of addresses brings frames back from */
	bool xdp;                   /* attach the filter */
	bool polls;                 /* charged the whole core */
	bool forward;               /* compared with the kernel's IPv4 forwarding */
};

struct relay_figures {
	int rc;
	char why[512];
	unsigned samples;
	double cpu_s_per_gb[BENCH_SAMPLES_MAX];
	double rate_max; /* cells/s that came through when a little more was sent */
	double overload_ns[BENCH_SAMPLES_MAX]; /* a cell that came through of twice as many */
	double overload_offered;               /* how many times rate_max that really was */
	u64 overload_sent, overload_delivered;
	u64 drops[FOG_DROP_COUNT]; /* of the relay during the overload */
	double stage[6];           /* ticks a cell: rx open lookup crypt seal tx */
	double batch_fill;
};

/* Each for a child of its own: they enter namespaces and leave them to the kernel. 0 or -errno with
 * `why`. */
int relay_lab_measure(const struct relay_backend *be, unsigned samples, struct relay_figures *out);
int relay_lab_testpmd(const struct relay_backend *be, unsigned samples, struct relay_figures *out);
/* The kernel forwards the generator's datagrams between two veth pairs. Its receive work is a
 * kernel thread on the relay's processor; cpu_s_per_gb is that thread's time, the way to the far
 * end of the second pair included. */
int relay_lab_forward(const struct relay_backend *be, unsigned samples, struct relay_figures *out);

/* A program of this build or installation: "dataplane/fog-dataplane", "bench/tor-relay". */
void relay_lab_program(const char *name, char *out, size_t size);

#endif
