/* SPDX-License-Identifier: BSD-3-Clause */
/* The XDP filter as the control plane loads and programs it, run by the kernel on fixtures
 * (BPF_PROG_TEST_RUN): frame in, verdict and counter out. In a network namespace of its own. Needs
 * the right to load programs; says so and passes nothing off as tested otherwise. */
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "controlplane/xdp/xdp.h"
#include "dataplane/abi/abi.h"
#include "dataplane/abi/wire.h"

_Static_assert(FOG_XDP_DGRAM_SIZE == FOG_DGRAM_SIZE, "the filter must know the datagram size");
_Static_assert(FOG_XDP_LINKS_MAX == FOG_LINKS_MAX, "every link has a place");
_Static_assert(FOG_XDP_SOCKETS_MAX == FOG_WORKERS_MAX, "every worker has a place");

#define PORT 9000
#define HOUR 3600000000000ull

static struct fog_xdp *xdp;
static int prog_fd;

struct fixture {
	_Alignas(16) u8 pad[2]; /* so that the IP header behind the 14 bytes is aligned */
	u8 bytes[2048];
	u32 size;
};

static u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

/* Attach anew with this limit; nothing is in force before the first apply. */
static int start(u64 interval_ns, u64 burst_ns, const char *interface)
{
	struct fog_xdp_settings s = {.interface = interface,
				     .mode = "auto",
				     .listen.port = PORT,
				     .handshake_interval_ns = interval_ns,
				     .handshake_burst_ns = burst_ns,
				     .steer = true};
	struct fog_xdp_status status;
	char why[FOG_XDP_WHY_SIZE];

	if (xdp != NULL)
		close(prog_fd);
	fog_xdp_close(xdp);
	xdp = NULL;
	int rc = fog_xdp_open(&xdp, &s, why);
	if (rc != 0) {
		printf("%s\n", why);
		return rc;
	}
	fog_xdp_status(xdp, &status);
	prog_fd = bpf_prog_get_fd_by_id(status.program_id);
	return prog_fd < 0 ? -errno : 0;
}

static void ready(u64 interval_ns, u64 burst_ns)
{
	CU_ASSERT_EQUAL_FATAL(start(interval_ns, burst_ns, "lo"), 0);
	CU_ASSERT_EQUAL(fog_xdp_renew(xdp, now_ns()), 0);
	CU_ASSERT_EQUAL(fog_xdp_apply(xdp, NULL, 0, NULL, 0), 0);
}

static u64 counter(u32 index)
{
	struct fog_xdp_status status;

	fog_xdp_status(xdp, &status);
	return status.counters[index];
}

static void build(struct fixture *f, bool v6, u8 host, u16 port, u8 type, u32 payload)
{
	struct ethhdr *eth = (void *)f->bytes;
	struct udphdr *udp;

	memset(f, 0, sizeof(*f));
	eth->h_proto = htons(v6 ? ETH_P_IPV6 : ETH_P_IP);
	if (v6) {
		struct ipv6hdr *ip = (void *)(eth + 1);
		ip->version = 6;
		ip->nexthdr = IPPROTO_UDP;
		ip->saddr.s6_addr[0] = 0xfd;
		ip->saddr.s6_addr[15] = host;
		udp = (void *)(ip + 1);
	} else {
		struct iphdr *ip = (void *)(eth + 1);
		ip->version = 4;
		ip->ihl = 5;
		ip->protocol = IPPROTO_UDP;
		ip->saddr = htonl(0x0a4d0000u | host);
		udp = (void *)(ip + 1);
	}
	udp->dest = htons(port);
	udp->len = htons((u16)(payload + sizeof(*udp)));
	((u8 *)(udp + 1))[0] = type;
	f->size = (u32)((u8 *)(udp + 1) - f->bytes) + payload;
}

static int run(const struct fixture *f)
{
	struct bpf_test_run_opts opts = {
		.sz = sizeof(opts), .data_in = f->bytes, .data_size_in = f->size, .repeat = 1};
	if (bpf_prog_test_run_opts(prog_fd, &opts) != 0)
		return -errno;
	return (int)opts.retval;
}

static void test_verdicts(void)
{
	static const struct {
		bool v6;
		u16 port;
		u8 type;
		u32 payload;
		int verdict;
		u32 counter;
	} cases[] = {
		{false, PORT, 4, 1440, XDP_PASS, FOG_XDP_PASS_KERNEL},
		{true, PORT, 4, 1440, XDP_PASS, FOG_XDP_PASS_KERNEL},
		{false, PORT + 1, 4, 1440, XDP_PASS, FOG_XDP_PASS_OTHER},
		{false, PORT, 4, 1439, XDP_DROP, FOG_XDP_DROP_LENGTH},
		{false, PORT, 4, 1441, XDP_DROP, FOG_XDP_DROP_LENGTH},
		{false, PORT, 4, 1, XDP_DROP, FOG_XDP_DROP_LENGTH},
		{false, PORT, 0, 1440, XDP_DROP, FOG_XDP_DROP_TYPE},
		{true, PORT, 5, 1440, XDP_DROP, FOG_XDP_DROP_TYPE},
	};
	struct fixture f;

	ready(0, 0);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		u64 before = counter(cases[i].counter);
		build(&f, cases[i].v6, 7, cases[i].port, cases[i].type, cases[i].payload);
		CU_ASSERT_EQUAL(run(&f), cases[i].verdict);
		CU_ASSERT_EQUAL(counter(cases[i].counter), before + 1);
	}
}

static void test_odd_frames_pass_to_the_kernel(void)
{
	struct fixture f;
	struct iphdr *ip = (void *)(f.bytes + sizeof(struct ethhdr));

	ready(0, 0);
	build(&f, false, 7, PORT, 4, 1440);
	ip->frag_off = htons(0x2000);
	CU_ASSERT_EQUAL(run(&f), XDP_PASS);
	build(&f, false, 7, PORT, 4, 1440);
	ip->protocol = IPPROTO_TCP;
	CU_ASSERT_EQUAL(run(&f), XDP_PASS);
	build(&f, false, 7, PORT, 4, 1440);
	f.size = sizeof(struct ethhdr) + 8;
	CU_ASSERT_EQUAL(run(&f), XDP_PASS);
}

static struct fog_xdp_rule_entry rule(const char *prefix, enum fog_xdp_rule what)
{
	struct fog_xdp_rule_entry e = {.rule = what};

	CU_ASSERT_EQUAL(fog_xdp_prefix_parse(prefix, &e.prefix), 0);
	return e;
}

static void test_rules(void)
{
	struct fixture f;

	ready(HOUR, 1);
	const struct fog_xdp_rule_entry rules[] = {
		rule("10.77.0.0/24", FOG_XDP_RULE_DENY), rule("10.77.0.9/32", FOG_XDP_RULE_ALLOW),
		rule("[fd00::]/8", FOG_XDP_RULE_DENY), rule("[fd00::9]/128", FOG_XDP_RULE_ALLOW)};
	CU_ASSERT_EQUAL(fog_xdp_apply(xdp, rules, FOG_ARRAY_COUNT(rules), NULL, 0), 0);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		build(&f, v6 != 0, 8, PORT, 4, 1440);
		CU_ASSERT_EQUAL(run(&f), XDP_DROP);
		build(&f, v6 != 0, 9, PORT, 1, 1440); /* the longer prefix wins, is not limited */
		for (unsigned i = 0; i < 4; i++)
			CU_ASSERT_EQUAL(run(&f), XDP_PASS);
	}
	CU_ASSERT_EQUAL(counter(FOG_XDP_DROP_DENIED), 2);
	/* The next generation has none of them. */
	CU_ASSERT_EQUAL(fog_xdp_apply(xdp, rules + 1, 1, NULL, 0), 0);
	build(&f, true, 8, PORT, 4, 1440);
	CU_ASSERT_EQUAL(run(&f), XDP_DROP); /* over its rate: burst of 1 ns */
	CU_ASSERT_EQUAL(counter(FOG_XDP_DROP_DENIED), 2);
	CU_ASSERT_EQUAL(counter(FOG_XDP_DROP_RATE), 1);
}

static void test_handshake_rate(void)
{
	struct fixture f;

	ready(HOUR, 3 * HOUR);
	build(&f, false, 20, PORT, 1, 1440);
	for (unsigned i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(run(&f), i < 3 ? XDP_PASS : XDP_DROP);
	CU_ASSERT_EQUAL(counter(FOG_XDP_DROP_RATE), 2);
	build(&f, false, 21, PORT, 1, 1440); /* another source has its own bucket */
	CU_ASSERT_EQUAL(run(&f), XDP_PASS);
}

/* A stranger's data costs 1/1024 of a handshake, a neighbour's nothing. */
static void test_strangers(void)
{
	struct fog_xdp_link_entry link = {.address = {.port = 777}, .link = {5, 0}};
	struct fixture f;
	unsigned passed = 0;

	ready(HOUR, 2 * HOUR);
	build(&f, false, 30, PORT, 4, 1440);
	for (unsigned i = 0; i < 4096; i++)
		passed += run(&f) == XDP_PASS;
	CU_ASSERT_EQUAL(passed, 2048);
	memcpy(link.address.ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x4d\x00\x1e", 16);
	CU_ASSERT_EQUAL(fog_xdp_apply(xdp, NULL, 0, &link, 1), 0);
	CU_ASSERT_EQUAL(run(&f), XDP_DROP); /* another port is another neighbour */
	((struct udphdr *)(f.bytes + sizeof(struct ethhdr) + sizeof(struct iphdr)))->source =
		htons(777);
	for (unsigned i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(run(&f), XDP_PASS);
}

static void test_fails_open(void)
{
	struct fixture f;

	build(&f, false, 7, PORT, 0, 3);
	CU_ASSERT_EQUAL_FATAL(start(0, 0, "lo"), 0);
	CU_ASSERT_EQUAL(run(&f), XDP_PASS); /* no generation, no lease */
	CU_ASSERT_EQUAL(fog_xdp_apply(xdp, NULL, 0, NULL, 0), 0);
	CU_ASSERT_EQUAL(run(&f), XDP_PASS); /* a generation, no lease */
	CU_ASSERT_EQUAL(fog_xdp_renew(xdp, now_ns()), 0);
	CU_ASSERT_EQUAL(run(&f), XDP_DROP);
	CU_ASSERT_EQUAL(fog_xdp_renew(xdp, now_ns() - FOG_XDP_LEASE_MS * 1000000ull), 0);
	CU_ASSERT_EQUAL(run(&f), XDP_PASS); /* the control plane hangs */
	CU_ASSERT_EQUAL(counter(FOG_XDP_PASS_OPEN), 3);
}

/* Lists change while packets come: each packet sees one generation whole. Slot parity decides
 * between two lists that deny different hosts; some packet that saw a mixture would be denied, or
 * passed, twice. */
static void test_generations(void)
{
	struct fixture a, b;
	u64 before;

	ready(0, 0);
	const struct fog_xdp_rule_entry one[] = {rule("10.77.0.1/32", FOG_XDP_RULE_DENY)};
	const struct fog_xdp_rule_entry two[] = {rule("10.77.0.2/32", FOG_XDP_RULE_DENY)};
	build(&a, false, 1, PORT, 4, 1440);
	build(&b, false, 2, PORT, 4, 1440);
	for (unsigned i = 0; i < 50; i++) {
		CU_ASSERT_EQUAL(fog_xdp_apply(xdp, i % 2 == 0 ? one : two, 1, NULL, 0), 0);
		before = counter(FOG_XDP_DROP_DENIED);
		CU_ASSERT_EQUAL(run(&a), i % 2 == 0 ? XDP_DROP : XDP_PASS);
		CU_ASSERT_EQUAL(run(&b), i % 2 == 0 ? XDP_PASS : XDP_DROP);
		CU_ASSERT_EQUAL(counter(FOG_XDP_DROP_DENIED), before + 1);
	}
	struct fog_xdp_status status;
	fog_xdp_status(xdp, &status);
	CU_ASSERT_EQUAL(status.generation, 51);
	CU_ASSERT_EQUAL(status.rules, 1);
}

static void test_bad_arguments(void)
{
	static const char *const prefixes[] = {
		"", "nowhere", "10.0.0.1/8", "10.0.0.0/33", "fd::/8", "10.0.0.0/8:80"};
	struct fog_xdp_prefix p;
	const int no_socket = 0;

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(prefixes); i++)
		CU_ASSERT_EQUAL(fog_xdp_prefix_parse(prefixes[i], &p), -EINVAL);
	ready(0, 0);
	CU_ASSERT_EQUAL(fog_xdp_apply(xdp, NULL, FOG_XDP_RULES_MAX + 1, NULL, 0), -E2BIG);
	CU_ASSERT_EQUAL(fog_xdp_apply(xdp, NULL, 0, NULL, FOG_XDP_LINKS_MAX + 1), -E2BIG);
	CU_ASSERT_EQUAL(fog_xdp_steer(xdp, NULL, FOG_XDP_SOCKETS_MAX + 1), -E2BIG);
	CU_ASSERT_NOT_EQUAL(fog_xdp_steer(xdp, &no_socket, 1), 0);
	CU_ASSERT_STRING_EQUAL(fog_xdp_counter_name(FOG_XDP_DROP_RATE), "drop_rate");
	CU_ASSERT_STRING_EQUAL(fog_xdp_counter_name(FOG_XDP_COUNTERS), "unknown");
	CU_ASSERT_EQUAL(start(0, 0, "nosuch0"), -ENODEV);
}

/* What the verifier says; far from its limit of a million instructions. */
static void test_verifier(void)
{
	static char log[1 << 16];
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = log,
		    .kernel_log_size = sizeof(log), .kernel_log_level = 4);
	struct bpf_object *o = bpf_object__open_file(FOG_XDP_OBJECT, &opts);
	struct fog_xdp_status status;
	unsigned processed = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	CU_ASSERT_EQUAL(bpf_object__load(o), 0);
	ready(0, 0);
	fog_xdp_status(xdp, &status);
	const char *line = strstr(log, "processed ");
	CU_ASSERT_PTR_NOT_NULL_FATAL(line);
	sscanf(line, "processed %u", &processed);
	printf("\n  verifier: %.*s\n  jited: %u bytes\n  ", (int)strcspn(line, "\n"), line,
	       status.jited_bytes);
	CU_ASSERT_TRUE(processed > 0 && processed < 20000);
	CU_ASSERT_EQUAL(processed, status.verified_instructions);
	bpf_object__close(o);
}

static const struct fog_test tests[] = {
	FOG_TEST(test_verdicts),       FOG_TEST(test_odd_frames_pass_to_the_kernel),
	FOG_TEST(test_bad_arguments),  FOG_TEST(test_rules),
	FOG_TEST(test_handshake_rate), FOG_TEST(test_strangers),
	FOG_TEST(test_fails_open),     FOG_TEST(test_generations),
	FOG_TEST(test_verifier),
};

int main(void)
{
	int rc = unshare(CLONE_NEWNET) == 0 ? start(0, 0, "lo") : -errno;

	if (rc == -EPERM || rc == -ENOTSUP) {
		printf("not allowed to load BPF programs here: skipped\n");
		return 77;
	}
	if (rc != 0) {
		printf("fog_xdp is refused: %s\n", strerror(-rc));
		return 1;
	}
	rc = fog_test_run("ebpf/fog_xdp", tests, FOG_ARRAY_COUNT(tests));
	fog_xdp_close(xdp);
	return rc;
}
