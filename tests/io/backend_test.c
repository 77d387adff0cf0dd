/* SPDX-License-Identifier: BSD-3-Clause */
/* What every back end must do, by the same cases with the same assertions: sockets, io_uring with
 * each option, AF_XDP between two network namespaces with the XDP filter attached, DPDK over memif,
 * taps on a bridge and with flow rules, AF_XDP and a ring. Ends are the test's own; what this
 * kernel or user may not have is named and left out. FOG_TEST_BACKEND=name runs one. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/xdp/xdp.h"
#include "dataplane/io/io.h"
#include "tests/unit/fog_test.h"

#define ROUNDS     10
#define FRAMES     200
#define WARM_UP_NS 5000000000ull
#define COLLECT_NS 3000000000ull
#define PORT       4000
#define RX_FRAMES  64

/* DPDK's AF_XDP driver does not give its packet memory's handle back. Were it ours, the queue would
 * stay busy and test_open_again fail. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:xsk_umem__create\n";
}

struct end {
	const struct fog_io_ops *ops;
	struct fog_io *io;
	struct fog_io_settings settings;
	struct fog_address address;
	struct fog_xdp *xdp;
	int netns; /* fd, or -1: where we are */
	int wake;  /* eventfd */
	int rc;
};

/* A pair of ends that reach each other; b may be a itself (a looped port). */
struct pair {
	const char *name;
	const char *io;
	const char *ip[2];
	const char *device[2];
	bool sqpoll, zero_copy, looped, xdp;
	bool blind;        /* this driver does not count what it misses */
	const char *setup; /* shell, in our namespace; NULL = nothing */
	bool (*possible)(void);
};

static const char *const eal_args[] = {"--no-huge", "-m", "256", "--no-pci"};
static int home_netns = -1, far_netns = -1;
static bool privileged;

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

static u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

static void enter(int netns)
{
	if (netns >= 0)
		FOG_ASSERT(setns(netns, CLONE_NEWNET) == 0);
}

static bool always(void)
{
	return true;
}

static bool has_uring(void)
{
	return fog_io_find("auto") == &fog_io_uring;
}

static bool has_namespaces(void)
{
	return privileged;
}

static bool has_dpdk(void)
{
	return privileged && fog_io_find("dpdk") != NULL;
}

#define VETH(a, b)                                                                              \
	"ip link add " a " type veth peer name " b " && ip link set " a " up && ip link set " b \
	" up"

static const struct pair pairs[] = {
	{.name = "socket", .io = "socket", .ip = {"127.0.0.1", "127.0.0.1"}, .possible = always},
	{.name = "socket6", .io = "socket", .ip = {"::1", "::1"}, .possible = has_namespaces},
	{.name = "io_uring",
	 .io = "uring",
	 .ip = {"127.0.0.1", "127.0.0.1"},
	 .possible = has_uring},
	{.name = "io_uring6", .io = "uring", .ip = {"::1", "::1"}, .possible = has_uring},
	{.name = "io_uring.sqpoll",
	 .io = "uring",
	 .ip = {"127.0.0.1", "127.0.0.1"},
	 .sqpoll = true,
	 .possible = has_uring},
	{.name = "io_uring.zero_copy",
	 .io = "uring",
	 .ip = {"127.0.0.1", "127.0.0.1"},
	 .zero_copy = true,
	 .possible = has_uring},
	{.name = "af_xdp",
	 .io = "af_xdp",
	 .ip = {"10.81.0.1", "10.81.0.2"},
	 .device = {"xa", "xb"},
	 .xdp = true,
	 .possible = has_namespaces},
	{.name = "af_xdp6",
	 .io = "af_xdp",
	 .ip = {"fd81::1", "fd81::2"},
	 .device = {"xa", "xb"},
	 .xdp = true,
	 .possible = has_namespaces},
	{.name = "af_xdp.open", /* nobody attached the filter: all of it by the socket beside */
	 .io = "af_xdp",
	 .ip = {"10.81.0.1", "10.81.0.2"},
	 .device = {"xa", "xb"},
	 .possible = has_namespaces},
	{.name = "dpdk.memif",
	 .io = "dpdk",
	 .ip = {"10.82.0.1", "10.82.0.2"},
	 .device = {"net_memif0,role=server,socket-abstract=no,socket=/tmp/fog-backend.sock,id=1",
		    "net_memif1,role=client,socket-abstract=no,socket=/tmp/fog-backend.sock,id=1"},
	 .setup = "rm -f /tmp/fog-backend.sock",
	 .possible = has_dpdk},
	{.name = "dpdk.memif6",
	 .io = "dpdk",
	 .ip = {"fd82::1", "fd82::2"},
	 .device = {"net_memif2,role=server,socket-abstract=no,socket=/tmp/fog-backend.sock,id=2",
		    "net_memif3,role=client,socket-abstract=no,socket=/tmp/fog-backend.sock,id=2"},
	 .possible = has_dpdk},
	{.name = "dpdk.af_xdp",
	 .io = "dpdk",
	 .ip = {"10.83.0.1", "10.83.0.2"},
	 .device = {"net_af_xdp0,iface=da", "net_af_xdp1,iface=db"},
	 .setup = VETH("da", "db"),
	 .blind = true,
	 .possible = has_dpdk},
	{.name = "dpdk.tap",
	 .io = "dpdk",
	 .ip = {"10.84.0.1", "10.84.0.2"},
	 .device = {"net_tap0,iface=ta", "net_tap1,iface=tb"},
	 .possible = has_dpdk},
	{.name = "dpdk.ring",
	 .io = "dpdk",
	 .ip = {"10.85.0.1", "10.85.0.1"},
	 .device = {"net_ring0", NULL},
	 .looped = true,
	 .possible = has_dpdk},
};

static const struct pair *pair_now;
static char why_last[1024];
static struct end ends[2];
static struct end *a, *b;

static int end_filter(struct end *e)
{
	struct fog_xdp_settings s = {.interface = e->settings.device,
				     .mode = "auto",
				     .listen = e->address,
				     .steer = true};
	char why[FOG_XDP_WHY_SIZE];
	const int fd = e->ops->steer_fd(e->io);

	int rc = fog_xdp_open(&e->xdp, &s, why);
	if (rc == 0)
		rc = fog_xdp_renew(e->xdp, now_ns() + 60000000000ull);
	if (rc == 0)
		rc = fog_xdp_apply(e->xdp, NULL, 0, NULL, 0);
	if (rc == 0)
		rc = fog_xdp_steer(e->xdp, &fd, 1);
	if (rc != 0)
		printf("    filter: %s\n", why);
	return rc;
}

static void end_open_worker(struct end *e, unsigned side, u16 port, u32 worker, u32 workers)
{
	const struct pair *p = pair_now;

	memset(e, 0, sizeof(*e));
	e->ops = fog_io_find(p->io);
	e->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e->netns = side == 1 && strcmp(p->io, "af_xdp") == 0 ? far_netns : -1;
	e->address.port = port;
	FOG_ASSERT(fog_ip_parse(p->ip[side], e->address.ip) == 0);
	if (p->device[side] != NULL)
		snprintf(e->settings.device, sizeof(e->settings.device), "%s", p->device[side]);
	e->settings.sqpoll = p->sqpoll;
	e->settings.zero_copy = p->zero_copy;
	if (strcmp(p->io, "dpdk") == 0) {
		for (u32 i = 0; i < FOG_ARRAY_COUNT(eal_args); i++)
			snprintf(e->settings.args[i], FOG_IO_ARG_SIZE, "%s", eal_args[i]);
		e->settings.arg_count = FOG_ARRAY_COUNT(eal_args);
	}
	const struct fog_io_open o = {
		.arg = &e->settings, .worker = worker, .workers = workers, .listen = &e->address};
	enter(e->netns);
	e->rc = e->ops->open(&e->io, &o);
	if (e->rc == 0 && p->xdp)
		e->rc = end_filter(e);
	enter(e->netns >= 0 ? home_netns : -1);
	if (e->rc != 0)
		snprintf(why_last, sizeof(why_last), "%s %s", strerror(-e->rc), e->settings.why);
}

static void end_open(struct end *e, unsigned side, u16 port)
{
	end_open_worker(e, side, port, 0, 1);
}

static void end_close(struct end *e)
{
	fog_xdp_close(e->xdp);
	if (e->io != NULL)
		e->ops->close(e->io);
	close(e->wake);
	memset(e, 0, sizeof(*e));
}

/* One turn that takes nothing: sends of the last one go out, finished ones come back. */
static void turn(struct end *e)
{
	struct fog_frame f[RX_FRAMES];
	unsigned n = e->ops->rx(e->io, now_ns(), f, e == a && b == a ? 0 : RX_FRAMES);

	e->ops->release(e->io, f, n);
}

/* Frames until `want` came or the time is over; checked, counted by their fifth byte. */
static u32 collect(struct end *e, u32 want, u32 *seen, const struct fog_address *from, u64 limit_ns)
{
	struct fog_frame f[RX_FRAMES];
	u64 end = now_ns() + limit_ns;
	u32 got = 0;

	while (got < want && now_ns() < end) {
		unsigned n = e->ops->rx(e->io, now_ns(), f, RX_FRAMES);
		for (unsigned i = 0; i < n; i++) {
			CU_ASSERT_EQUAL(f[i].length, FOG_DGRAM_SIZE);
			CU_ASSERT_TRUE(fog_address_equal(&f[i].peer, from));
			for (u32 k = 5; k < f[i].length; k++)
				if (f[i].data[k] != (u8)(f[i].data[4] + k)) {
					CU_FAIL("changed on the way");
					break;
				}
			CU_ASSERT_EQUAL(fog_load_u32(f[i].data), FOG_DGRAM_DATA);
			seen[f[i].data[4]]++;
		}
		got += n;
		e->ops->release(e->io, f, n);
		if (n != 0)
			continue;
		if (a != b)
			turn(e == a ? b : a); /* the sender may have to try again */
		CU_ASSERT_EQUAL(e->ops->wait(e->io, 1000000, e->wake), 0);
	}
	return got;
}

/* Returns how many had a buffer. */
static u32 send_some(struct end *e, u32 first, u32 count, const struct fog_address *to)
{
	struct fog_frame f[FOG_IO_BURST_MAX];
	unsigned n = e->ops->tx_reserve(e->io, f, FOG_MIN(count, (u32)FOG_IO_BURST_MAX));

	for (unsigned i = 0; i < n; i++) {
		fog_store_u32(f[i].data, FOG_DGRAM_DATA);
		f[i].data[4] = (u8)(first + i);
		for (u32 k = 5; k < FOG_DGRAM_SIZE; k++)
			f[i].data[k] = (u8)(first + i + k);
		f[i].length = FOG_DGRAM_SIZE;
		f[i].peer = *to;
	}
	e->ops->tx_submit(e->io, now_ns(), f, n);
	return n;
}

/* Ends find each other's link-layer addresses, devices their link. */
static bool warm_up(struct end *from, struct end *to)
{
	u32 seen[256];
	u64 end = now_ns() + WARM_UP_NS;

	while (now_ns() < end) {
		memset(seen, 0, sizeof(seen));
		(void)send_some(from, 0, 1, &to->address);
		turn(from);
		if (collect(to, 1, seen, &from->address, 20000000) != 0)
			return true;
	}
	return false;
}

static void drain(struct end *e)
{
	struct fog_frame f[RX_FRAMES];
	u64 quiet = now_ns() + 30000000;

	while (now_ns() < quiet) {
		unsigned n = e->ops->rx(e->io, now_ns(), f, RX_FRAMES);
		e->ops->release(e->io, f, n);
		if (n != 0)
			quiet = now_ns() + 30000000;
	}
}

static void pass(struct end *from, struct end *to)
{
	u32 seen[256];

	for (u32 round = 0; round < ROUNDS; round++) {
		memset(seen, 0, sizeof(seen));
		u32 got = 0;
		for (u32 sent = 0; sent < FRAMES;) {
			u32 n = send_some(from, sent, FOG_MIN(FRAMES - sent, 32u), &to->address);
			if (from != to)
				turn(from);
			got += collect(to, n, seen, &from->address, COLLECT_NS);
			sent += n;
		}
		CU_ASSERT_EQUAL(got, FRAMES);
		for (u32 i = 0; i < FRAMES; i++)
			CU_ASSERT_EQUAL(seen[i], 1);
	}
}

static void test_pass_both_ways(void)
{
	CU_ASSERT_TRUE_FATAL(warm_up(a, b));
	CU_ASSERT_TRUE_FATAL(warm_up(b, a));
	drain(a);
	drain(b);
	pass(a, b);
	pass(b, a);
}

/* Buffers that are given back unused are all there again. */
static void test_buffers_come_back(void)
{
	struct fog_frame f[FOG_IO_BURST_MAX];

	for (u32 i = 0; i < 2000; i++) {
		unsigned n = a->ops->tx_reserve(a->io, f, FOG_IO_BURST_MAX);
		CU_ASSERT_EQUAL(n, FOG_IO_BURST_MAX);
		for (unsigned k = 0; k < n; k++)
			f[k].length = 0;
		a->ops->tx_submit(a->io, now_ns(), f, n);
	}
	pass(a, b);
}

static u64 lost(struct end *e)
{
	u64 drops[FOG_DROP_COUNT] = {0}, sum = 0;

	e->ops->drops(e->io, drops);
	for (u32 i = 0; i < FOG_DROP_COUNT; i++)
		sum += drops[i];
	for (u32 i = 0; i < FOG_DROP_PADDING; i++)
		CU_ASSERT_EQUAL(drops[i], 0); /* only rows of its own */
	return sum;
}

/* Much more than anybody takes: nothing blocks, what is lost is counted, the rest is whole. */
static void test_flood(void)
{
	u32 seen[256] = {0}, sent = 0;
	u64 before = lost(a) + (b != a ? lost(b) : 0);

	for (u32 i = 0; i < 400; i++) {
		sent += send_some(a, 0, FOG_IO_BURST_MAX, &b->address);
		if (a != b)
			turn(a);
	}
	u32 got = collect(b, sent, seen, &a->address, 200000000);
	for (u32 i = 0; i < 20; i++)
		got += collect(b, sent, seen, &a->address, 10000000);
	u64 missed = lost(a) + (b != a ? lost(b) : 0) - before;
	printf("    %s: flood of %u, %u came, %llu counted as lost\n", pair_now->name, sent, got,
	       (unsigned long long)missed);
	CU_ASSERT_TRUE(got > 0 && got <= sent);
	CU_ASSERT_TRUE(missed > 0 || got == sent || pair_now->blind);
	drain(b);
	pass(a, b);
}

/* Buffers may all be on their way for a while, not for good. */
static u32 send_patiently(struct end *e, const struct fog_address *to)
{
	u64 end = now_ns() + COLLECT_NS;
	u32 n;

	while ((n = send_some(e, 0, 16, to)) == 0 && now_ns() < end)
		turn(e);
	if (a != b)
		turn(e);
	return n;
}

/* To where nobody is, and to the other family: lost, not stuck, and others go on. */
static void test_unreachable(void)
{
	struct fog_address nowhere = a->address, other = {.port = 9};

	nowhere.ip[15] ^= 0x70;
	other.ip[0] = 0xfd;
	other.ip[15] = 9;
	for (u32 i = 0; i < 50; i++) {
		CU_ASSERT_TRUE(send_patiently(a, &nowhere) > 0);
		CU_ASSERT_TRUE(send_patiently(a, &other) > 0);
	}
	drain(b);
	if (b == a)
		return; /* a looped port gets it all back, as frames for somebody else */
	pass(a, b);
}

static void test_wait(void)
{
	const u64 one = 1;
	u64 value;
	u32 seen[256] = {0};

	turn(b);
	CU_ASSERT_EQUAL(write(b->wake, &one, sizeof(one)), sizeof(one));
	u64 start = now_ns();
	CU_ASSERT_EQUAL(b->ops->wait(b->io, 5000000000ull, b->wake), 0);
	CU_ASSERT_TRUE(now_ns() - start < 4000000000ull);
	CU_ASSERT_EQUAL(read(b->wake, &value, sizeof(value)), sizeof(value));
	turn(b);
	CU_ASSERT_TRUE(send_some(a, 3, 1, &b->address) == 1);
	if (a != b)
		turn(a);
	start = now_ns();
	CU_ASSERT_EQUAL(b->ops->wait(b->io, 5000000000ull, b->wake), 0);
	CU_ASSERT_TRUE(now_ns() - start < 4000000000ull);
	CU_ASSERT_EQUAL(collect(b, 1, seen, &a->address, COLLECT_NS), 1);
}

/* A data plane that restarts gets its place back, and the second of two does not. */
static void test_open_again(void)
{
	struct end second;
	struct fog_address address = a->address;

	if (pair_now->looped || strcmp(pair_now->io, "dpdk") == 0)
		return; /* a virtual device belongs to its process */
	end_open(&second, 0, address.port);
	CU_ASSERT_NOT_EQUAL(second.rc, 0);
	end_close(a);
	/* io_uring gives its socket back some time after it was closed. */
	for (u64 end = now_ns() + COLLECT_NS; now_ns() < end;) {
		end_open(a, 0, address.port);
		if (a->rc != -EADDRINUSE)
			break;
		end_close(a);
	}
	CU_ASSERT_EQUAL_FATAL(a->rc, 0);
	CU_ASSERT_TRUE(warm_up(b, a));
	CU_ASSERT_TRUE(warm_up(a, b));
	drain(a);
	drain(b);
	pass(b, a);
}

static const struct fog_test tests[] = {
	FOG_TEST(test_pass_both_ways), FOG_TEST(test_buffers_come_back),
	FOG_TEST(test_flood),          FOG_TEST(test_unreachable),
	FOG_TEST(test_wait),           FOG_TEST(test_open_again),
};

/* A namespace of our own, a second one, and a veth between them. */
static bool namespaces_make(void)
{
	char command[512];

	if (unshare(CLONE_NEWNET) != 0)
		return false;
	far_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (shell("ip link set lo up") != 0 || unshare(CLONE_NEWNET) != 0)
		return false;
	home_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	snprintf(command, sizeof(command),
		 "ip link set lo up && ip link add xa type veth peer name xb && "
		 "ip addr add 10.81.0.1/24 dev xa && ip -6 addr add fd81::1/64 dev xa nodad && "
		 "ip link set xb netns /proc/%d/fd/%d && ip link set xa up",
		 getpid(), far_netns);
	if (shell(command) != 0)
		return false;
	if (setns(far_netns, CLONE_NEWNET) != 0 ||
	    shell("ip addr add 10.81.0.2/24 dev xb && ip -6 addr add fd81::2/64 dev xb nodad && "
		  "ip link set xb up") != 0)
		return false;
	return setns(home_netns, CLONE_NEWNET) == 0;
}

static int run_pair(const struct pair *p)
{
	pair_now = p;
	a = &ends[0];
	b = p->looped ? a : &ends[1];
	if (p->setup != NULL && shell(p->setup) != 0)
		return 1;
	/* Ports of their own: what the last pair closed may still be closing. */
	u16 port = (u16)(PORT + 2 * (p - pairs));
	end_open(a, 0, port);
	if (b != a)
		end_open(b, 1, (u16)(port + 1));
	if (strcmp(p->name, "dpdk.tap") == 0 && a->rc == 0 && b->rc == 0 &&
	    shell("ip link add tapbr type bridge && ip link set ta master tapbr && "
		  "ip link set tb master tapbr && ip link set tapbr up && "
		  /* The kernel's end of a tap must not look like the other end of it. */
		  "ip link set ta address 02:00:00:00:00:0a up && "
		  "ip link set tb address 02:00:00:00:00:0b up") != 0)
		return 1;
	int rc = 1;
	if (a->rc == 0 && b->rc == 0)
		rc = fog_test_run(p->name, tests, FOG_ARRAY_COUNT(tests));
	else
		printf("%s: %s\n", p->name, why_last);
	if (b != a)
		end_close(b);
	end_close(a);
	return rc;
}

#define NEIGHBOURS 8
#define FLOW_PORT  6000

static int flow_socket(unsigned i, struct fog_address *address)
{
	struct sockaddr_in from = {.sin_family = AF_INET,
				   .sin_port = htons((u16)(FLOW_PORT + 1 + i))};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(FLOW_PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	FOG_ASSERT(inet_pton(AF_INET, "10.88.0.2", &from.sin_addr) == 1);
	FOG_ASSERT(inet_pton(AF_INET, "10.88.0.1", &to.sin_addr) == 1);
	FOG_ASSERT(bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0);
	FOG_ASSERT(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	address->port = (u16)(FLOW_PORT + 1 + i);
	FOG_ASSERT(fog_ip_parse("10.88.0.2", address->ip) == 0);
	return fd;
}

/* Neighbour i has its link at worker i % 2. Counts datagrams that came to that one and others. */
static void flow_pass(struct end w[2], u32 seen[2])
{
	const u8 datagram[FOG_DGRAM_SIZE] = {FOG_DGRAM_DATA};
	struct fog_address peer[NEIGHBOURS];
	struct fog_frame f[RX_FRAMES];
	int fd[NEIGHBOURS];

	memset(peer, 0, sizeof(peer));
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		fd[i] = flow_socket(i, &peer[i]);
		w[i % 2].ops->neighbour(w[i % 2].io, &peer[i], true);
	}
	for (u64 end = now_ns() + COLLECT_NS; seen[0] + seen[1] < FRAMES && now_ns() < end;) {
		for (unsigned i = 0; i < NEIGHBOURS; i++)
			(void)send(fd[i], datagram, sizeof(datagram), MSG_DONTWAIT);
		for (unsigned k = 0; k < 2; k++) {
			unsigned n = w[k].ops->rx(w[k].io, now_ns(), f, RX_FRAMES);
			for (unsigned i = 0; i < n; i++)
				seen[(f[i].peer.port - FLOW_PORT - 1u) % 2 != k]++;
			w[k].ops->release(w[k].io, f, n);
		}
	}
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		w[i % 2].ops->neighbour(w[i % 2].io, &peer[i], false);
		close(fd[i]);
	}
}

/* A tap with two workers: where it takes flow rules a neighbour's datagrams come to the worker that
 * has its link, else anywhere. */
static int run_flows(void)
{
	static const struct pair p = {
		.io = "dpdk", .ip = {"10.88.0.1"}, .device = {"net_tap8,iface=tf"}};
	static struct end w[2];
	u32 seen[2] = {0};

	pair_now = &p;
	for (u32 k = 0; k < 2; k++)
		end_open_worker(&w[k], 0, FLOW_PORT, k, 2);
	int rc = w[0].rc != 0 || w[1].rc != 0;
	if (rc != 0)
		printf("dpdk.flows: %s\n", why_last);
	else if (shell("ip link set tf address 02:00:00:00:00:0c && ip addr add 10.88.0.2/24 dev "
		       "tf && ip link set tf up") != 0)
		rc = 1;
	if (rc == 0) {
		bool rules = strstr(w[0].ops->detail(w[0].io), "flows") != NULL;
		flow_pass(w, seen);
		printf("dpdk.flows: %s: %u at their worker, %u elsewhere\n",
		       w[0].ops->detail(w[0].io), seen[0], seen[1]);
		rc = seen[0] + seen[1] < FRAMES || (rules && seen[1] != 0);
	}
	end_close(&w[1]);
	end_close(&w[0]);
	return rc;
}

int main(void)
{
	const char *only = getenv("FOG_TEST_BACKEND");
	int failed = 0;
	unsigned ran = 0, skipped = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	privileged = namespaces_make();
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(pairs); i++) {
		if (only != NULL && strcmp(only, pairs[i].name) != 0)
			continue;
		if (!pairs[i].possible()) {
			printf("%s: not possible here\n", pairs[i].name);
			skipped++;
			continue;
		}
		int rc = run_pair(&pairs[i]);
		printf("%s: %s\n", pairs[i].name, rc == 0 ? "good" : "FAILED");
		failed += rc != 0;
		ran++;
	}
	if (has_dpdk() && (only == NULL || strcmp(only, "dpdk.flows") == 0)) {
		int rc = run_flows();
		printf("dpdk.flows: %s\n", rc == 0 ? "good" : "FAILED");
		failed += rc != 0;
		ran++;
	}
	printf("%u back ends not possible here\n", skipped);
	printf("%u passed, %d failed\n", ran - (unsigned)failed, failed);
	return failed != 0;
}
