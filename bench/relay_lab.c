/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/relay_lab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/xdp/xdp.h"
#include "crypto/random/random.h"

#define RELAY_IP     "10.86.0.2"
#define GEN_IP       "10.86.0.1"
#define PORT         7000
#define RELAY_CPU    1
#define GEN_CPU      0
#define RELAY_MAC    "02:00:00:00:86:02"
#define GEN_MAC      "02:00:00:00:86:01"
#define SINK_NET     "10.87.0.0/24"
#define SINK_GW      "10.87.0.1"
#define SINK_IP      "10.87.0.2"
#define SINK_MAC     "02:00:00:00:87:02"
#define LEASE_NS     3600000000000ull
#define LINK_MS      600000
#define OVERLOAD     2.0  /* times the limit */
#define PRESSURE     1.15 /* times the limit, so that the relay never waits */
#define WARM_UPS     4
#define WAIT_NS      15000000000ull
#define VERIFY_CELLS 2000
#define STEP_NS      500000ull

struct lab {
	const struct relay_backend *be;
	struct relay_figures *out;
	char dir[64];
	int gen_ns, relay_ns;
	pid_t relay_pid;
	clockid_t relay_clock;
	struct fog_dpclient *client;
	u64 stepped_ns;
	struct gen gen;
	struct gen_relay relay;
	struct fog_xdp *filter[2];
};

static int fail(struct lab *l, int rc, const char *what)
{
	snprintf(l->out->why, sizeof(l->out->why), "%s", what);
	return rc != 0 ? rc : -EIO;
}

static int shell(const char *command)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

void relay_lab_program(const char *name, char *out, size_t size)
{
	char self[2048];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct stat st;

	self[n > 0 ? n : 0] = '\0';
	for (int up = 0; up < 2; up++) { /* fog-bench, then its folder */
		char *slash = strrchr(self, '/');
		if (slash != NULL)
			*slash = '\0';
	}
	snprintf(out, size, "%s/%s", self, name);
	if (stat(out, &st) != 0) /* installed: all in one folder */
		snprintf(out, size, "%s/bin/%s", self, strrchr(name, '/') + 1);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void enter(int ns)
{
	FOG_ASSERT(setns(ns, CLONE_NEWNET) == 0);
}

/* Two namespaces and a veth; returns in the generator's. */
static int namespaces_make(struct lab *l)
{
	char command[512];

	if (unshare(CLONE_NEWNET) != 0)
		return fail(l, -errno, "network namespaces");
	l->relay_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWNET) != 0)
		return fail(l, -errno, "network namespaces");
	l->gen_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	snprintf(command, sizeof(command),
		 "ip link set lo up && ip link add rg address " GEN_MAC
		 " type veth peer name rb address " RELAY_MAC " && ip link set rb netns "
		 "/proc/%d/fd/%d && ip addr add " GEN_IP "/24 dev rg && ip link set rg up && "
		 "ip neigh add " RELAY_IP " lladdr " RELAY_MAC " dev rg nud permanent",
		 getpid(), l->relay_ns);
	if (shell(command) != 0)
		return fail(l, -EIO, "veth pair");
	enter(l->relay_ns);
	if (shell("ip link set lo up && ip addr add " RELAY_IP "/24 dev rb && ip link set rb up && "
		  "ip neigh add " GEN_IP " lladdr " GEN_MAC " dev rb nud permanent") != 0)
		return fail(l, -EIO, "veth pair");
	enter(l->gen_ns);
	return 0;
}

static void device_text(const struct lab *l, const char *format, char *out, size_t size)
{
	const char *mark = format != NULL ? strstr(format, "%s") : NULL;

	if (mark == NULL)
		snprintf(out, size, "%s", format != NULL ? format : "");
	else
		snprintf(out, size, "%.*s%s%s", (int)(mark - format), format, l->dir, mark + 2);
}

/* ---- the relay ------------------------------------------------------------------------------ */

static int conf_write(const struct lab *l, const char *path)
{
	char device[FOG_IO_DEVICE_MAX];
	FILE *f = fopen(path, "we");

	if (f == NULL)
		return -errno;
	device_text(l, l->be->relay_device, device, sizeof(device));
	fprintf(f,
		"host: { name = \"relay\"; run_dir = \"%s\"; state_dir = \"%s\"; log_level = "
		"\"warning\"; };\n"
		"dataplane: { listen = \"" RELAY_IP ":%d\"; io = \"%s\"; workers = 1; pin = false; "
		"device = \"%s\"; busy_poll = %s; dpdk_args = (\"--no-huge\", \"-m\", \"256\", "
		"\"--no-pci\"); };\n"
		"control: { listen = \"" RELAY_IP ":7001\"; };\n",
		l->dir, l->dir, PORT, l->be->io, device, l->be->polls ? "true" : "false");
	return fclose(f) == 0 ? 0 : -errno;
}

static int relay_start(struct lab *l)
{
	char conf[128], program[4096];

	snprintf(conf, sizeof(conf), "%s/fog.conf", l->dir);
	relay_lab_program("dataplane/fog-dataplane", program, sizeof(program));
	int rc = conf_write(l, conf);
	if (rc != 0)
		return fail(l, rc, conf);
	l->relay_pid = fork();
	if (l->relay_pid < 0)
		return fail(l, -errno, "fork");
	if (l->relay_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		enter(l->relay_ns);
		pin(RELAY_CPU);
		execl(program, "fog-dataplane", "--config", conf, (char *)NULL);
		_exit(127);
	}
	return -clock_getcpuclockid(l->relay_pid, &l->relay_clock);
}

static int filter_attach(struct lab *l, unsigned side, const char *interface,
			 const struct fog_address *listen, const int *fds, u32 count)
{
	struct fog_xdp_settings s = {
		.interface = interface, .mode = "auto", .listen = *listen, .steer = true};
	char why[FOG_XDP_WHY_SIZE];
	int rc = fog_xdp_open(&l->filter[side], &s, why);

	if (rc == 0)
		rc = fog_xdp_renew(l->filter[side], gen_now() + LEASE_NS);
	if (rc == 0)
		rc = fog_xdp_apply(l->filter[side], NULL, 0, NULL, 0);
	if (rc == 0)
		rc = fog_xdp_steer(l->filter[side], fds, count);
	return rc != 0 ? fail(l, rc, why) : 0;
}

static void on_state(void *arg, enum fog_dpclient_state state, const char *why)
{
	struct lab *l = arg;
	const int *fds;

	if (state != FOG_DPCLIENT_UP || !l->be->xdp)
		return;
	u32 count = fog_dpclient_steer(l->client, &fds);
	enter(l->relay_ns);
	l->out->rc = filter_attach(l, 0, l->be->relay_device, &l->relay.address, fds, count);
	enter(l->gen_ns);
}

static void turn(void *arg)
{
	struct lab *l = arg;
	u64 now = gen_now();

	if (now - l->stepped_ns < STEP_NS)
		return;
	l->stepped_ns = now;
	(void)fog_dpclient_step(l->client, now);
}

static int relay_attach(struct lab *l)
{
	char path[128];
	struct fog_dpclient_config c = {
		.socket_path = path, .boot_id = 3, .lease_ms = 600000, .state = on_state, .arg = l};
	struct fog_snapshot policy = {.epoch = 1,
				      .handshakes_per_second = 1000,
				      .keepalive_ms = LINK_MS / 4,
				      .link_dead_ms = LINK_MS,
				      .rekey_ms = LINK_MS};
	struct fog_dpclient_info info;
	u64 end = gen_now() + WAIT_NS;

	snprintf(path, sizeof(path), "%s/dataplane.sock", l->dir);
	fog_random_bytes(l->relay.node_id, 32);
	FOG_ASSERT(fog_address_parse(RELAY_IP ":7000", &l->relay.address) == 0);
	memcpy(policy.node_id, l->relay.node_id, 32);
	int rc = fog_dpclient_open(&l->client, &c);
	if (rc != 0)
		return fail(l, rc, "control plane's client");
	fog_dpclient_policy(l->client, &policy, gen_now());
	while (fog_dpclient_state(l->client) != FOG_DPCLIENT_UP && gen_now() < end) {
		turn(l);
		if (waitpid(l->relay_pid, NULL, WNOHANG) == l->relay_pid)
			return fail(l, -ECHILD, "the relay ended; its words are above");
	}
	if (fog_dpclient_info(l->client, &info) != 0)
		return fail(l, -ETIMEDOUT, "the relay does not answer");
	memcpy(l->relay.link_pk, info.link_pk, 32);
	memcpy(l->relay.onion_pk, info.onion_pk, 32);
	return l->out->rc;
}

/* ---- the generator -------------------------------------------------------------------------- */

static int gen_start(struct lab *l)
{
	static const char *const args[] = {"--no-huge", "-m", "512", "--no-pci"};
	struct fog_io_settings s = {.busy_poll = l->be->polls};
	struct fog_address listen;

	for (u32 i = 0; i < FOG_ARRAY_COUNT(args); i++)
		snprintf(s.args[s.arg_count++], FOG_IO_ARG_SIZE, "%s", args[i]);
	device_text(l, l->be->gen_device, s.device, sizeof(s.device));
	FOG_ASSERT(fog_address_parse(GEN_IP ":7000", &listen) == 0);
	int rc = gen_open(&l->gen, l->be->gen_io, &s, &listen);
	if (rc != 0)
		return fail(l, rc, l->gen.settings.why);
	if (gen_steer_fd(&l->gen) < 0)
		return 0;
	const int fd = gen_steer_fd(&l->gen);
	return filter_attach(l, 1, l->be->gen_device, &listen, &fd, 1);
}

static int link_up(struct lab *l)
{
	u64 end = gen_now() + WAIT_NS;

	for (unsigned k = 0; k < 2; k++) {
		struct fog_dpclient_link link = {.port = l->gen.address.port};
		memcpy(link.node_id, l->gen.side[k].node_id, 32);
		memcpy(link.link_pk, l->gen.side[k].link_pk, 32);
		memcpy(link.address, l->gen.address.ip, 16);
		int id = fog_dpclient_link_set(l->client, &link);
		if (id < 0)
			return fail(l, id, "link at the relay");
	}
	gen_link(&l->gen, &l->relay);
	while (!(gen_links_up(&l->gen) && fog_dpclient_synced(l->client)) && gen_now() < end) {
		turn(l);
		gen_poll(&l->gen);
	}
	if (!gen_links_up(&l->gen))
		return fail(l, -ETIMEDOUT, "no link to the relay");
	if (!gen_circuits(&l->gen, &l->relay, turn, l))
		return fail(l, -ETIMEDOUT, "no circuits through the relay");
	return gen_verify(&l->gen, VERIFY_CELLS, turn, l)
		       ? 0
		       : fail(l, -EBADMSG, "cells do not come through whole");
}

/* ---- figures -------------------------------------------------------------------------------- */

static double relay_seconds(const struct lab *l)
{
	struct timespec t = {0};

	(void)clock_gettime(l->relay_clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void pass(struct lab *l, u32 cells, double rate, struct gen_run *r, double *cpu)
{
	gen_make(&l->gen, cells);
	double before = relay_seconds(l);
	gen_run(&l->gen, rate, r);
	*cpu = l->be->polls ? r->seconds : relay_seconds(l) - before;
	for (u64 end = gen_now() + 100000000ull; gen_now() < end;)
		turn(l); /* counters come with housekeeping */
}

static u64 counter(const struct fog_dpclient_counters *c, const char *name)
{
	const char *each;

	for (unsigned i = 0; i < FOG_DPCLIENT_COUNTERS; i++)
		if (fog_counter_info(i, &each, NULL, NULL) && strcmp(each, name) == 0)
			return c->counter_sum[i];
	return 0;
}

static void stages(struct relay_figures *f, const struct fog_dpclient_counters *a,
		   const struct fog_dpclient_counters *b)
{
	static const char *const names[] = {"cycles_rx",    "cycles_open", "cycles_lookup",
					    "cycles_crypt", "cycles_seal", "cycles_tx"};
	double cells = (double)(counter(b, "cells_forward") - counter(a, "cells_forward"));

	for (unsigned i = 0; cells > 0 && i < FOG_ARRAY_COUNT(names); i++)
		f->stage[i] = (double)(counter(b, names[i]) - counter(a, names[i])) / cells;
	double batches = (double)(counter(b, "batches") - counter(a, "batches"));
	f->batch_fill = batches > 0 ? cells / batches : 0;
}

static void overload(struct lab *l, unsigned samples)
{
	static struct fog_dpclient_counters before, after;
	struct relay_figures *f = l->out;
	double offered[BENCH_SAMPLES_MAX], cpu;
	struct gen_run r;

	(void)fog_dpclient_counters(l->client, &before);
	for (unsigned i = 0; i < samples; i++) {
		pass(l, GEN_CELLS, OVERLOAD * f->rate_max, &r, &cpu);
		f->overload_ns[i] = 1e9 * r.seconds / (double)FOG_MAX(r.delivered, 1u);
		f->overload_sent += r.sent;
		f->overload_delivered += r.delivered;
		offered[i] = (double)r.sent / r.seconds / f->rate_max;
	}
	(void)fog_dpclient_counters(l->client, &after);
	f->overload_offered = bench_median(offered, samples);
	for (unsigned d = 0; d < FOG_DROP_COUNT; d++)
		f->drops[d] = after.drop_sum[d] - before.drop_sum[d];
}

static int figures(struct lab *l, unsigned samples)
{
	static struct fog_dpclient_counters before, after;
	struct relay_figures *f = l->out;
	double rates[BENCH_SAMPLES_MAX], cpu, limit;
	struct gen_run r;

	/* The first passes find cold memory. */
	limit = 0;
	for (unsigned i = 0; i < WARM_UPS; i++) {
		pass(l, GEN_CELLS / 2, 0, &r, &cpu);
		limit = FOG_MAX(limit, (double)r.delivered / r.seconds);
	}
	(void)fog_dpclient_counters(l->client, &before);
	for (unsigned i = 0; i < samples; i++) {
		pass(l, GEN_CELLS, PRESSURE * limit, &r, &cpu);
		if (r.delivered == 0)
			return fail(l, -EIO, "nothing came through");
		f->cpu_s_per_gb[i] = cpu * 1e9 / ((double)r.delivered * GEN_PAYLOAD);
		rates[i] = (double)r.delivered / r.seconds;
		f->samples++;
	}
	(void)fog_dpclient_counters(l->client, &after);
	stages(f, &before, &after);
	f->rate_max = bench_median(rates, samples);
	overload(l, samples);
	return 0;
}

static int lab_init(struct lab *l, const struct relay_backend *be, struct relay_figures *out)
{
	memset(l, 0, sizeof(*l));
	l->be = be;
	l->out = out;
	snprintf(l->dir, sizeof(l->dir), "/tmp/fog-bench-relay-XXXXXX");
	if (mkdtemp(l->dir) == NULL)
		return fail(l, -errno, "temporary folder");
	pin(GEN_CPU);
	return namespaces_make(l);
}

static void lab_end(struct lab *l)
{
	char command[128];

	if (l->relay_pid > 0) {
		kill(l->relay_pid, SIGKILL);
		(void)waitpid(l->relay_pid, NULL, 0);
	}
	snprintf(command, sizeof(command), "rm -rf %s", l->dir);
	(void)shell(command);
}

int relay_lab_measure(const struct relay_backend *be, unsigned samples, struct relay_figures *out)
{
	static struct lab l;
	int rc = lab_init(&l, be, out);

	/* memif: the server's socket first. */
	if (rc == 0)
		rc = gen_start(&l);
	if (rc == 0)
		rc = relay_start(&l);
	if (rc == 0)
		rc = relay_attach(&l);
	if (rc == 0)
		rc = link_up(&l);
	if (rc == 0)
		rc = figures(&l, samples);
	lab_end(&l);
	return rc;
}

/* ---- testpmd -------------------------------------------------------------------------------- */

/* Its standard input stays open as long as we live. */
static int testpmd_start(struct lab *l)
{
	char device[FOG_IO_DEVICE_MAX], vdev[FOG_IO_DEVICE_MAX + 8];
	int ends[2];

	device_text(l, l->be->testpmd_device, device, sizeof(device));
	snprintf(vdev, sizeof(vdev), "--vdev=%s", device);
	if (pipe(ends) != 0)
		return -errno;
	l->relay_pid = fork();
	if (l->relay_pid < 0)
		return -errno;
	if (l->relay_pid == 0) {
		int log = open("/dev/null", O_WRONLY);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		enter(l->relay_ns);
		dup2(ends[0], 0);
		dup2(log, 1);
		dup2(log, 2);
		execlp("dpdk-testpmd", "dpdk-testpmd", "--lcores=0@0,1@1", "--no-huge", "-m", "256",
		       "--no-pci", "--no-telemetry", "--no-shconf", vdev, "--",
		       "--forward-mode=5tswap", "--auto-start", "--total-num-mbufs=16384",
		       (char *)NULL);
		_exit(127);
	}
	close(ends[0]);
	return 0;
}

int relay_lab_testpmd(const struct relay_backend *be, unsigned samples, struct relay_figures *out)
{
	static struct lab l;
	double rates[BENCH_SAMPLES_MAX];
	struct gen_run r = {0};
	int rc = lab_init(&l, be, out);

	if (rc == 0)
		rc = gen_start(&l);
	if (rc == 0)
		rc = testpmd_start(&l) != 0 ? fail(&l, -EIO, "dpdk-testpmd") : 0;
	if (rc == 0) {
		FOG_ASSERT(fog_address_parse(be->testpmd_target, &l.gen.target) == 0);
		gen_blank(&l.gen, GEN_CELLS);
		/* It takes some seconds to start. */
		for (u64 end = gen_now() + WAIT_NS; r.delivered == 0 && gen_now() < end;)
			gen_run(&l.gen, 200000, &r);
		if (r.delivered == 0)
			rc = fail(&l, -ETIMEDOUT,
				  "dpdk-testpmd forwards nothing (is it installed?)");
	}
	for (unsigned i = 0; rc == 0 && i < samples; i++) {
		gen_run(&l.gen, 0, &r);
		rates[i] = (double)r.delivered / r.seconds;
	}
	if (rc == 0)
		out->rate_max = bench_median(rates, samples);
	lab_end(&l);
	return rc;
}

/* ---- IPv4 forwarding ------------------------------------------------------------------------ */

static void offload(const char *interface, u32 command, u32 value)
{
	struct ethtool_value v = {.cmd = command, .data = value};
	struct ifreq r = {.ifr_data = (char *)&v};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", interface);
	(void)ioctl(fd, SIOCETHTOOL, &r); /* refused: no thread comes, which is said */
	close(fd);
}

/* Has an interface's receive work done by a kernel thread. -1 or its pid. */
static pid_t napi_thread(const char *interface)
{
	char command[160], want[IFNAMSIZ + 8], path[300], comm[32];
	struct dirent *e;
	pid_t found = -1;
	char *rest;

	snprintf(command, sizeof(command),
		 "unshare -m sh -c 'mount -t sysfs none /sys && echo 1 > "
		 "/sys/class/net/%s/threaded'",
		 interface);
	snprintf(want, sizeof(want), "napi/%s-", interface);
	DIR *d = shell(command) == 0 ? opendir("/proc") : NULL;
	while (d != NULL && found < 0 && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		pid_t pid = (pid_t)strtoul(e->d_name, &rest, 10);
		FILE *f = pid > 0 && *rest == '\0' ? fopen(path, "re") : NULL;
		if (f == NULL)
			continue;
		if (fgets(comm, sizeof(comm), f) != NULL && strncmp(comm, want, strlen(want)) == 0)
			found = pid;
		fclose(f);
	}
	if (d != NULL)
		closedir(d);
	return found;
}

/* The second pair behind the relay; the datagrams end at its far side, which has no address. */
static int sink_make(struct lab *l, pid_t *thread)
{
	char command[512];
	cpu_set_t set;

	if (shell("ip route add " SINK_NET " via " RELAY_IP) != 0)
		return fail(l, -EIO, "route");
	if (unshare(CLONE_NEWNET) != 0)
		return fail(l, -errno, "network namespaces");
	int sink_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	enter(l->relay_ns);
	snprintf(command, sizeof(command),
		 "ip link add rs type veth peer name rk address " SINK_MAC
		 " && ip link set rk netns /proc/%d/fd/%d && ip addr add " SINK_GW
		 "/24 dev rs && ip link set rs up && ip neigh add " SINK_IP " lladdr " SINK_MAC
		 " dev rs nud permanent && echo 1 > /proc/sys/net/ipv4/ip_forward",
		 getpid(), sink_ns);
	if (shell(command) != 0)
		return fail(l, -EIO, "second veth pair");
	enter(sink_ns);
	if (shell("ip link set rk up") != 0)
		return fail(l, -EIO, "second veth pair");
	enter(l->relay_ns);
	offload("rb", ETHTOOL_SGRO, 1);
	*thread = napi_thread("rb");
	enter(l->gen_ns);
	offload("rg", ETHTOOL_STSO, 0); /* else veth passes the thread by */
	if (*thread < 0)
		return fail(l, -ENOTSUP, "this kernel has no threaded NAPI for veth");
	CPU_ZERO(&set);
	CPU_SET(RELAY_CPU, &set);
	if (sched_setaffinity(*thread, sizeof(set), &set) != 0)
		return fail(l, -errno, "NAPI thread");
	return -clock_getcpuclockid(*thread, &l->relay_clock);
}

/* UDP payload that left by an interface of the relay; joined datagrams have one header. */
static double forwarded(const struct lab *l, const char *interface)
{
	unsigned long long v[10] = {0};
	char line[512], name[IFNAMSIZ];

	enter(l->relay_ns);
	FILE *f = fopen("/proc/thread-self/net/dev", "re");
	enter(l->gen_ns);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, " %15[^:]: %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu",
			   name, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8],
			   &v[9]) == 11 &&
		    strcmp(name, interface) == 0)
			break;
	if (f != NULL)
		fclose(f);
	return (double)v[8] - 42.0 * (double)v[9];
}

int relay_lab_forward(const struct relay_backend *be, unsigned samples, struct relay_figures *out)
{
	static struct lab l;
	struct gen_run r;
	pid_t thread;
	int rc = lab_init(&l, be, out);

	if (rc == 0)
		rc = gen_start(&l);
	if (rc == 0)
		rc = sink_make(&l, &thread);
	if (rc == 0) {
		FOG_ASSERT(fog_address_parse(SINK_IP ":7000", &l.gen.target) == 0);
		gen_blank(&l.gen, GEN_CELLS);
		gen_run(&l.gen, 0, &r);
	}
	for (unsigned i = 0; rc == 0 && i < samples; i++) {
		double cpu = relay_seconds(&l), bytes = forwarded(&l, "rs");
		gen_run(&l.gen, 0, &r);
		cpu = relay_seconds(&l) - cpu;
		bytes = forwarded(&l, "rs") - bytes;
		if (bytes <= 0 || cpu <= 0)
			rc = fail(&l, -EIO, "nothing was forwarded by the thread");
		out->cpu_s_per_gb[out->samples++] =
			cpu * 1e9 / (bytes * GEN_PAYLOAD / FOG_DGRAM_SIZE);
	}
	lab_end(&l);
	return rc;
}
