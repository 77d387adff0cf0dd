/* SPDX-License-Identifier: BSD-3-Clause */
/* The XDP filter run by the kernel on fixtures (BPF_PROG_TEST_RUN): frame in, verdict and counter
 * out. Needs the right to load programs; says so and passes nothing off as tested otherwise. */
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "crypto/types.h"
#include "dataplane/abi/wire.h"
#include "ebpf/fog_maps.h"

_Static_assert(FOG_XDP_DGRAM_SIZE == FOG_DGRAM_SIZE, "the filter must know the datagram size");

#define PORT 9000

static struct bpf_object *object;
static int prog_fd;

struct fixture {
	_Alignas(16) u8 pad[2]; /* so that the IP header behind the 14 bytes is aligned */
	u8 bytes[2048];
	u32 size;
};

static int map_fd(const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}

static int program_load(void)
{
	object = bpf_object__open_file(FOG_XDP_OBJECT, NULL);
	if (object == NULL)
		return -errno;
	int rc = bpf_object__load(object);
	if (rc != 0)
		return rc;
	prog_fd = bpf_program__fd(bpf_object__find_program_by_name(object, "fog_xdp"));
	return prog_fd >= 0 ? 0 : -ENOENT;
}

static void configure(u32 enabled, u64 interval_ns, u64 burst_ns)
{
	u32 zero = 0;
	struct fog_xdp_config c = {.enabled = enabled,
				   .port = htons(PORT),
				   .handshake_interval_ns = interval_ns,
				   .handshake_burst_ns = burst_ns};
	CU_ASSERT_EQUAL(bpf_map_update_elem(map_fd("fog_xdp_config"), &zero, &c, BPF_ANY), 0);
}

static u64 counter(u32 index)
{
	u64 values[1024] = {0};
	u64 sum = 0;
	int cpus = libbpf_num_possible_cpus();

	CU_ASSERT_EQUAL(bpf_map_lookup_elem(map_fd("fog_xdp_counters"), &index, values), 0);
	for (int i = 0; i < cpus && i < 1024; i++)
		sum += values[i];
	return sum;
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
		{false, PORT, 4, 1440, XDP_PASS, FOG_XDP_PASS_LINK},
		{true, PORT, 4, 1440, XDP_PASS, FOG_XDP_PASS_LINK},
		{false, PORT + 1, 4, 1440, XDP_PASS, FOG_XDP_PASS_OTHER},
		{false, PORT, 4, 1439, XDP_DROP, FOG_XDP_DROP_LENGTH},
		{false, PORT, 4, 1441, XDP_DROP, FOG_XDP_DROP_LENGTH},
		{false, PORT, 4, 1, XDP_DROP, FOG_XDP_DROP_LENGTH},
		{false, PORT, 0, 1440, XDP_DROP, FOG_XDP_DROP_TYPE},
		{true, PORT, 5, 1440, XDP_DROP, FOG_XDP_DROP_TYPE},
	};
	struct fixture f;

	configure(1, 0, 0);
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

	configure(1, 0, 0);
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

static void test_rules(void)
{
	struct fog_xdp_prefix net = {.length = 96 + 24};
	struct fog_xdp_prefix one = {.length = 128};
	u32 deny = FOG_XDP_RULE_DENY;
	u32 allow = FOG_XDP_RULE_ALLOW;
	int rules = map_fd("fog_xdp_rules");
	struct fixture f;

	configure(1, 1000000000, 1);
	memset(net.address + 10, 0xff, 2);
	memcpy(net.address + 12, "\x0a\x4d\x00\x00", 4);
	memcpy(one.address, net.address, 16);
	one.address[15] = 9;
	CU_ASSERT_EQUAL(bpf_map_update_elem(rules, &net, &deny, BPF_ANY), 0);
	CU_ASSERT_EQUAL(bpf_map_update_elem(rules, &one, &allow, BPF_ANY), 0);
	build(&f, false, 8, PORT, 4, 1440);
	CU_ASSERT_EQUAL(run(&f), XDP_DROP);
	build(&f, false, 9, PORT, 1, 1440); /* the longer prefix wins, and is not limited */
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(run(&f), XDP_PASS);
	CU_ASSERT_EQUAL(bpf_map_delete_elem(rules, &net), 0);
	CU_ASSERT_EQUAL(bpf_map_delete_elem(rules, &one), 0);
}

static void test_handshake_rate(void)
{
	struct fixture f;
	u64 before = counter(FOG_XDP_DROP_RATE);

	configure(1, 3600000000000ull, 3 * 3600000000000ull);
	build(&f, false, 20, PORT, 1, 1440);
	for (unsigned i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(run(&f), i < 3 ? XDP_PASS : XDP_DROP);
	CU_ASSERT_EQUAL(counter(FOG_XDP_DROP_RATE), before + 2);
	build(&f, false, 21, PORT, 1, 1440); /* another source has its own bucket */
	CU_ASSERT_EQUAL(run(&f), XDP_PASS);
	build(&f, false, 20, PORT, 4, 1440); /* data is not limited here */
	CU_ASSERT_EQUAL(run(&f), XDP_PASS);
}

static void test_fails_open(void)
{
	struct fixture f;

	configure(0, 0, 0);
	build(&f, false, 7, PORT, 0, 3);
	CU_ASSERT_EQUAL(run(&f), XDP_PASS);
}

static const struct fog_test tests[] = {
	FOG_TEST(test_verdicts),   FOG_TEST(test_odd_frames_pass_to_the_kernel),
	FOG_TEST(test_rules),      FOG_TEST(test_handshake_rate),
	FOG_TEST(test_fails_open),
};

int main(void)
{
	int rc = program_load();

	if (rc == -EPERM) {
		printf("not allowed to load BPF programs here: skipped\n");
		return 77;
	}
	if (rc != 0) {
		printf("the verifier refused fog_xdp: %d\n", rc);
		return 1;
	}
	rc = fog_test_run("ebpf/fog_xdp", tests, FOG_ARRAY_COUNT(tests));
	bpf_object__close(object);
	return rc;
}
