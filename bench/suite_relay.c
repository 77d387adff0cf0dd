/* SPDX-License-Identifier: BSD-3-Clause */
/* One real fog-dataplane as a relay in a network namespace, on a processor of its own; its
 * neighbour in another builds circuits through it and back (relay_gen.h). What a gigabyte of
 *goodput costs the relay in processor time, kernel included, beside the same of a real tor middle
 *relay (tor-relay):
 *
 *	relay.goodput_per_cpu.BACKEND	CPU-s/GB of payload; the peer is tor
 *	relay.overload.BACKEND		time a cell that gets through at twice the rate it can take,
 *					beside the same at its limit
 *	relay.BACKEND.of_testpmd	time a cell, beside testpmd swapping addresses on the same
 *					device: af_xdp on a veth, dpdk_memif
 *	relay.io_uring.of_ipv4_forward	CPU-s/GB, beside the kernel's IPv4 forwarding: the ceiling
 *
 * The processor time is that of the relay's process: interrupts and the receiving end's part of the
 * network stack that run inside its send calls count as its own; likewise what it receives was
 * brought to its queue by the sender. A back end that polls is charged all of its core. Needs root
 * and two processors. Each back end is measured in a child of its own. */
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

static const struct relay_backend backends[] = {
	{.name = "dpdk_memif",
	 .io = "dpdk",
	 .gen_io = "dpdk",
	 .relay_device = "net_memif0,role=client,socket-abstract=no,rsize=8,socket=%s/memif.sock",
	 .gen_device = "net_memif0,role=server,socket-abstract=no,rsize=8,socket=%s/memif.sock",
	 .testpmd_device = "net_memif0,role=client,socket-abstract=no,rsize=8,socket=%s/memif.sock",
	 .testpmd_target = "10.86.0.1:7000", /* it answers no ARP: the generator's own */
	 .polls = true},
	{.name = "af_xdp",
	 .io = "af_xdp",
	 .gen_io = "af_xdp",
	 .relay_device = "rb",
	 .gen_device = "rg",
	 .testpmd_device = "net_af_xdp0,iface=rb",
	 .testpmd_target = "10.86.0.2:7000",
	 .xdp = true},
	{.name = "io_uring", .io = "uring", .gen_io = "uring", .forward = true},
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
	       1e9 / bench_median(f->overload_ns, f->samples));
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

static void against_testpmd(struct bench *b, const struct relay_backend *be, const char *name,
			    double rate)
{
	static struct relay_figures t;
	struct bench_case c = {
		.name = name, .unit = "ns/cell", .peer = "dpdk-testpmd 5tswap on the same device"};
	const double ours = 1e9 / rate;
	int rc = in_child(relay_lab_testpmd, be, 3, &t);

	if (rc != 0)
		printf("  testpmd: not measured: %s: %s\n", t.why, strerror(-rc));
	else
		bench_record(b, &c, &ours, 1, 1e9 / t.rate_max);
}

static void against_forwarding(struct bench *b, const struct relay_backend *be, const char *name,
			       const struct relay_figures *ours)
{
	static struct relay_figures t;
	struct bench_case c = {.name = name,
			       .unit = "CPU-s/GB",
			       .peer = "the kernel's IPv4 forwarding between two veth"};
	int rc = in_child(relay_lab_forward, be, FOG_MIN(b->samples, 5u), &t);

	if (rc != 0)
		printf("  IPv4 forwarding: not measured: %s: %s\n", t.why, strerror(-rc));
	else
		bench_record(b, &c, ours->cpu_s_per_gb, ours->samples,
			     bench_median(t.cpu_s_per_gb, t.samples));
}

static void peers(struct bench *b, const struct relay_backend *be, const struct relay_figures *f,
		  const char *testpmd, const char *forward)
{
	if (be->testpmd_device != NULL && bench_wanted(b, testpmd))
		against_testpmd(b, be, testpmd, f->rate_max);
	if (be->forward && bench_wanted(b, forward))
		against_forwarding(b, be, forward, f);
}

static void against_tor(struct bench *b, const char *name, const struct relay_figures *f,
			double *tor, bool *recorded)
{
	struct bench_case c = {.name = name, .unit = "CPU-s/GB"};

	if (!bench_wanted(b, name))
		return;
	if (*tor == 0) {
		*tor = tor_measure();
		*recorded = *tor < 0;
		if (*recorded)
			*tor = TOR_RECORDED;
	}
	c.peer = *recorded ? "tor 0.4.9.11 middle relay, recorded"
			   : "tor middle relay, same machine";
	c.peer_recorded = *recorded;
	bench_record(b, &c, f->cpu_s_per_gb, f->samples, *tor);
}

static void one(struct bench *b, const struct relay_backend *be, double *tor, bool *recorded)
{
	static struct relay_figures f;
	char names[4][64], all[300];
	struct bench_case c = {.unit = "ns/cell", .peer = "the same relay at its limit"};

	snprintf(names[0], sizeof(names[0]), "relay.goodput_per_cpu.%s", be->name);
	snprintf(names[1], sizeof(names[1]), "relay.overload.%s", be->name);
	snprintf(names[2], sizeof(names[2]), "relay.%s.of_testpmd", be->name);
	snprintf(names[3], sizeof(names[3]), "relay.%s.of_ipv4_forward", be->name);
	snprintf(all, sizeof(all), "%s %s %s %s", names[0], names[1],
		 be->testpmd_device != NULL ? names[2] : "", be->forward ? names[3] : "");
	if (!bench_wanted(b, all))
		return;
	int rc = in_child(relay_lab_measure, be, FOG_MIN(b->samples, 7u), &f);
	if (rc != 0) {
		printf("  %s: not measured: %s: %s\n", be->name, f.why, strerror(-rc));
		return;
	}
	print_figures(be, &f);
	against_tor(b, names[0], &f, tor, recorded);
	c.name = names[1];
	bench_record(b, &c, f.overload_ns, f.samples, 1e9 / f.rate_max);
	peers(b, be, &f, names[2], names[3]);
}

void bench_suite_relay(struct bench *b)
{
	double tor = 0;
	bool recorded = false;

	if (!bench_wanted(b,
			  "relay.overload.dpdk_memif relay.overload.af_xdp "
			  "relay.overload.io_uring relay.overload.socket relay.af_xdp.of_testpmd "
			  "relay.dpdk_memif.of_testpmd relay.io_uring.of_ipv4_forward "
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
