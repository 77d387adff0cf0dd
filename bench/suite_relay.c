/* SPDX-License-Identifier: BSD-3-Clause */
/* One real fog-dataplane as a relay in a network namespace, on a processor of its own; its
 *neighbour in another builds circuits through it and back (relay_gen.h). What a gigabyte of goodput
 *costs the relay in processor time, kernel included, beside the same of a real tor middle relay
 *(tor-relay):
 *
 *	relay.goodput_per_cpu.BACKEND	CPU-s/GB of payload; the peer is tor
 *	relay.overload.BACKEND		time a cell that gets through at twice the rate it can take,
 *					beside the same at its limit
 *	relay.af_xdp.of_testpmd		time a cell, beside testpmd swapping addresses on the same
 *veth
 *
 * The processor time is that of the relay's process: interrupts and the receiving end's part of the
 * network stack that run inside its send calls count as its own; likewise what it receives was
 * brought to its queue by the sender. A back end that polls is charged all of its core. Needs root
 *and two processors. Each back end is measured in a child of its own. */
#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/relay_lab.h"

#define TOR_RECORDED \
	8.2 /* CPU-s/GB: 4.1 us a cell of 498 bytes, tor 0.4.9.11 on this class of machine */
#define OVERLOAD 2.0

static const struct relay_backend backends[] = {
	{.name = "dpdk_memif",
	 .io = "dpdk",
	 .gen_io = "dpdk",
	 .relay_device = "net_memif0,role=client,socket-abstract=no,rsize=8,socket=%s/memif.sock",
	 .gen_device = "net_memif0,role=server,socket-abstract=no,rsize=8,socket=%s/memif.sock",
	 .polls = true},
	{.name = "af_xdp",
	 .io = "af_xdp",
	 .gen_io = "af_xdp",
	 .relay_device = "rb",
	 .gen_device = "rg",
	 .xdp = true},
	{.name = "io_uring", .io = "uring", .gen_io = "uring"},
	{.name = "socket", .io = "socket", .gen_io = "uring"},
};

/* Run fn in a child; its result comes back through a pipe. 0, or -errno of the child. */
static int in_child(int (*fn)(const struct relay_backend *, unsigned, struct relay_figures *),
		    const struct relay_backend *be, unsigned samples, struct relay_figures *out)
{
	int ends[2], status = 0;

	fflush(stdout);
	if (pipe(ends) != 0)
		return -errno;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close(ends[0]);
		memset(out, 0, sizeof(*out));
		out->rc = fn(be, samples, out);
		ssize_t n = write(ends[1], out, sizeof(*out));
		_exit(n == sizeof(*out) ? 0 : 1);
	}
	close(ends[1]);
	ssize_t n = read(ends[0], out, sizeof(*out));
	close(ends[0]);
	(void)waitpid(pid, &status, 0);
	if (n != sizeof(*out))
		return -ECHILD;
	return out->rc;
}

/* bench/tor-relay prints "CPU-s/GB N". Negative: no tor, or it did not work. */
static double tor_measure(void)
{
	char path[4096], line[256];
	double value = -1;

	relay_lab_program("bench/tor-relay", path, sizeof(path));
	if (access(path, X_OK) != 0)
		return -1;
	printf("  a private tor network is measured, about a minute ..\n");
	fflush(stdout);
	int ends[2], status = -1;
	if (pipe(ends) != 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	FILE *f = fdopen(ends[0], "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "CPU-s/GB %lf", &value) != 1)
			printf("  tor: %s", line);
	if (f != NULL)
		fclose(f);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		value = -1;
	return value;
}

static void print_figures(const struct relay_backend *be, const struct relay_figures *f)
{
	printf("  %s: limit %.0f cells/s (%.2f Gbit/s of payload); at %.2f times that %.0f "
	       "cells/s;",
	       be->name, f->rate_max, f->rate_max * GEN_PAYLOAD * 8e-9, f->overload_offered,
	       f->rate_overload);
	printf(" lost there:");
	for (unsigned d = 0; d < FOG_DROP_COUNT; d++)
		if (f->drops[d] != 0)
			printf(" %s %llu", fog_drop_name(d), (unsigned long long)f->drops[d]);
	printf(" of %llu\n", (unsigned long long)(f->overload_sent - f->overload_delivered));
	printf("  %s: ticks a cell: rx %.0f open %.0f lookup %.0f crypt %.0f seal %.0f tx %.0f; "
	       "cells "
	       "a batch %.1f\n",
	       be->name, f->stage[0], f->stage[1], f->stage[2], f->stage[3], f->stage[4],
	       f->stage[5], f->batch_fill);
}

static void one(struct bench *b, const struct relay_backend *be, double *tor, bool *recorded)
{
	static struct relay_figures f, t;
	char names[3][64], all[256];
	struct bench_case c = {.unit = "CPU-s/GB"};
	bool testpmd = be->xdp;

	snprintf(names[0], sizeof(names[0]), "relay.goodput_per_cpu.%s", be->name);
	snprintf(names[1], sizeof(names[1]), "relay.overload.%s", be->name);
	snprintf(names[2], sizeof(names[2]), testpmd ? "relay.af_xdp.of_testpmd" : "");
	snprintf(all, sizeof(all), "%s %s %s", names[0], names[1], names[2]);
	if (!bench_wanted(b, all))
		return;
	int rc = in_child(relay_lab_measure, be, FOG_MIN(b->samples, 7u), &f);
	if (rc != 0) {
		printf("  %s: not measured: %s: %s\n", be->name, f.why, strerror(-rc));
		return;
	}
	print_figures(be, &f);
	if (*tor == 0) {
		*tor = tor_measure();
		*recorded = *tor < 0;
		if (*recorded)
			*tor = TOR_RECORDED;
	}
	c.name = names[0];
	c.peer = *recorded ? "tor 0.4.9.11 middle relay, recorded"
			   : "tor middle relay, same machine";
	c.peer_recorded = *recorded;
	bench_record(b, &c, f.cpu_s_per_gb, f.samples, *tor);
	c.unit = "ns/cell";
	c.peer_recorded = false;
	c.name = names[1];
	c.peer = "the same relay at its limit";
	const double over = 1e9 / f.rate_overload;
	bench_record(b, &c, &over, 1, 1e9 / f.rate_max);
	if (!testpmd)
		return;
	rc = in_child(relay_lab_testpmd, be, 3, &t);
	if (rc != 0) {
		printf("  testpmd: not measured: %s: %s\n", t.why, strerror(-rc));
		return;
	}
	c.name = names[2];
	c.peer = "dpdk-testpmd 5tswap on the same veth";
	const double ours = 1e9 / f.rate_max;
	bench_record(b, &c, &ours, 1, 1e9 / t.rate_max);
}

void bench_suite_relay(struct bench *b)
{
	double tor = 0;
	bool recorded = false;

	if (!bench_wanted(b, "relay.goodput_per_cpu. relay.overload. relay.af_xdp.of_testpmd "
			     "relay.goodput_per_cpu.dpdk_memif relay.goodput_per_cpu.af_xdp "
			     "relay.goodput_per_cpu.io_uring relay.goodput_per_cpu.socket"))
		return;
	if (geteuid() != 0 || sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		printf("  relay: needs root (network namespaces) and two processors\n");
		return;
	}
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(backends); i++)
		one(b, &backends[i], &tor, &recorded);
	if (access("/sys/module/wireguard", F_OK) != 0)
		printf("  kernel WireGuard: not in this kernel, not compared\n");
}
