/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* XDP filter of a fog host: drops what cannot be a link datagram before it costs a socket buffer,
 * holds handshakes of each source to a rate, applies the rule trie, and passes everything else to
 * the kernel. Fails open: without configuration every frame passes. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "ebpf/fog_maps.h"

#define DGRAM_INIT 1 /* enum fog_dgram_type */
#define DGRAM_LAST 4

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fog_xdp_config);
} fog_xdp_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, FOG_XDP_RULES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct fog_xdp_prefix);
	__type(value, __u32);
} fog_xdp_rules SEC(".maps");

/* Value: the time at which this source has used up what it may send. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FOG_XDP_SOURCES_MAX);
	__type(key, __u8[16]);
	__type(value, __u64);
} fog_xdp_sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FOG_XDP_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} fog_xdp_counters SEC(".maps");

struct frame {
	__u8 source[16];
	const struct udphdr *udp;
};

static __always_inline int verdict(__u32 why, int action)
{
	__u64 *n = bpf_map_lookup_elem(&fog_xdp_counters, &why);

	if (n != 0)
		*n += 1;
	return action;
}

/* Finds the UDP header of an unfragmented IPv4 or IPv6 packet. 0 when it is something else. */
static __always_inline int parse(void *data, void *end, struct frame *f)
{
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return 0;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = (void *)(eth + 1);
		if ((void *)(ip + 1) > end || ip->ihl != 5 || ip->protocol != IPPROTO_UDP)
			return 0;
		if ((ip->frag_off & bpf_htons(0x3fff)) != 0)
			return 0;
		f->source[10] = 0xff;
		f->source[11] = 0xff;
		__builtin_memcpy(f->source + 12, &ip->saddr, 4);
		f->udp = (void *)(ip + 1);
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = (void *)(eth + 1);
		if ((void *)(ip6 + 1) > end || ip6->nexthdr != IPPROTO_UDP)
			return 0;
		__builtin_memcpy(f->source, &ip6->saddr, 16);
		f->udp = (void *)(ip6 + 1);
	} else {
		return 0;
	}
	return (void *)(f->udp + 1) <= end;
}

/* GCRA: a handshake costs one interval of the source's time; at most `burst` may be owed. */
static __always_inline int over_rate(const struct fog_xdp_config *c, const __u8 *source)
{
	__u64 now = bpf_ktime_get_ns();
	__u64 *used = bpf_map_lookup_elem(&fog_xdp_sources, source);
	__u64 next = used != 0 && *used > now ? *used : now;

	if (c->handshake_burst_ns == 0)
		return 0;
	next += c->handshake_interval_ns;
	if (next - now > c->handshake_burst_ns)
		return 1;
	bpf_map_update_elem(&fog_xdp_sources, source, &next, BPF_ANY);
	return 0;
}

SEC("xdp")
int fog_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct fog_xdp_prefix prefix = {.length = 128};
	struct frame f = {};
	__u32 zero = 0;
	struct fog_xdp_config *c = bpf_map_lookup_elem(&fog_xdp_config, &zero);

	if (c == 0 || c->enabled == 0 || !parse(data, end, &f) || f.udp->dest != c->port)
		return verdict(FOG_XDP_PASS_OTHER, XDP_PASS);
	const __u8 *payload = (const __u8 *)(f.udp + 1);
	if (f.udp->len != bpf_htons(FOG_XDP_DGRAM_SIZE + sizeof(struct udphdr)) ||
	    (void *)(payload + FOG_XDP_DGRAM_SIZE) > end)
		return verdict(FOG_XDP_DROP_LENGTH, XDP_DROP);
	if (payload[0] < DGRAM_INIT || payload[0] > DGRAM_LAST || payload[1] != 0 ||
	    payload[2] != 0 || payload[3] != 0)
		return verdict(FOG_XDP_DROP_TYPE, XDP_DROP);
	__builtin_memcpy(prefix.address, f.source, 16);
	__u32 *rule = bpf_map_lookup_elem(&fog_xdp_rules, &prefix);
	__u32 what = rule != 0 ? *rule : FOG_XDP_RULE_NONE;
	if (what == FOG_XDP_RULE_DENY)
		return verdict(FOG_XDP_DROP_DENIED, XDP_DROP);
	if (what != FOG_XDP_RULE_ALLOW && payload[0] == DGRAM_INIT && over_rate(c, f.source))
		return verdict(FOG_XDP_DROP_RATE, XDP_DROP);
	return verdict(FOG_XDP_PASS_LINK, XDP_PASS);
}

char fog_xdp_license[] SEC("license") = "Dual BSD/GPL";
