/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* XDP filter of a fog host: drops what cannot be a link datagram before it costs a socket buffer,
 * holds each source that is no neighbour to a rate, applies the rule trie, gives datagrams to the
 * AF_XDP socket of their queue, and passes everything else to the kernel. Fails open. */
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
	__type(value, struct fog_xdp_switch);
} fog_xdp_switch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct fog_xdp_config);
} fog_xdp_config SEC(".maps");

struct rules {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, FOG_XDP_RULES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct fog_xdp_prefix));
	__uint(value_size, sizeof(__u32));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct rules);
} fog_xdp_rules SEC(".maps");

struct links {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FOG_XDP_LINKS_MAX);
	__uint(key_size, sizeof(struct fog_xdp_peer));
	__uint(value_size, sizeof(struct fog_xdp_link));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct links);
} fog_xdp_links SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, FOG_XDP_SOCKETS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} fog_xdp_sockets SEC(".maps");

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
	_Alignas(8) __u8 source[16];
	_Alignas(8) __u8 target[16];
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
		f->target[10] = 0xff;
		f->target[11] = 0xff;
		__builtin_memcpy(f->target + 12, &ip->daddr, 4);
		f->udp = (void *)(ip + 1);
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = (void *)(eth + 1);
		if ((void *)(ip6 + 1) > end || ip6->nexthdr != IPPROTO_UDP)
			return 0;
		__builtin_memcpy(f->source, &ip6->saddr, 16);
		__builtin_memcpy(f->target, &ip6->daddr, 16);
		f->udp = (void *)(ip6 + 1);
	} else {
		return 0;
	}
	return (void *)(f->udp + 1) <= end;
}

static __always_inline int same_address(const __u8 *a, const __u8 *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1];
}

static __always_inline int is_zero(const __u8 *a)
{
	const __u64 *x = (const __u64 *)a;

	return (x[0] | x[1]) == 0;
}

/* GCRA: a datagram costs some of the source's time; at most `burst` may be owed. */
static __always_inline int over_rate(const struct fog_xdp_config *c, const __u8 *source, __u64 now,
				     int handshake)
{
	__u64 *used = bpf_map_lookup_elem(&fog_xdp_sources, source);
	__u64 next = used != 0 && *used > now ? *used : now;

	if (c->handshake_burst_ns == 0)
		return 0;
	next += handshake ? c->handshake_interval_ns
			  : c->handshake_interval_ns >> FOG_XDP_COST_SHIFT;
	if (next - now > c->handshake_burst_ns)
		return 1;
	bpf_map_update_elem(&fog_xdp_sources, source, &next, BPF_ANY);
	return 0;
}

static __always_inline __u32 rule_of(__u32 slot, const __u8 *source)
{
	struct fog_xdp_prefix prefix = {.length = 128};
	void *rules = bpf_map_lookup_elem(&fog_xdp_rules, &slot);

	if (rules == 0)
		return FOG_XDP_RULE_NONE;
	__builtin_memcpy(prefix.address, source, 16);
	__u32 *rule = bpf_map_lookup_elem(rules, &prefix);
	return rule != 0 ? *rule : FOG_XDP_RULE_NONE;
}

static __always_inline const struct fog_xdp_link *link_of(__u32 slot, const struct frame *f)
{
	struct fog_xdp_peer peer = {.port = f->udp->source};
	void *links = bpf_map_lookup_elem(&fog_xdp_links, &slot);

	if (links == 0)
		return 0;
	__builtin_memcpy(peer.address, f->source, 16);
	return bpf_map_lookup_elem(links, &peer);
}

static __always_inline int steer(struct xdp_md *ctx, const struct fog_xdp_link *link)
{
	__u32 queue = ctx->rx_queue_index;

	if (link != 0 && link->worker != queue)
		verdict(FOG_XDP_PASS_ASTRAY, 0);
	int action = bpf_redirect_map(&fog_xdp_sockets, queue, XDP_PASS);
	return verdict(action == XDP_REDIRECT ? FOG_XDP_PASS_STEERED : FOG_XDP_PASS_KERNEL, action);
}

SEC("xdp")
int fog_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct frame f = {};
	__u32 zero = 0;
	struct fog_xdp_switch *s = bpf_map_lookup_elem(&fog_xdp_switch, &zero);
	__u64 now = bpf_ktime_get_ns();

	if (s == 0 || s->generation == 0 || now > s->lease_ns)
		return verdict(FOG_XDP_PASS_OPEN, XDP_PASS);
	__u32 slot = s->generation & 1;
	const struct fog_xdp_config *c = bpf_map_lookup_elem(&fog_xdp_config, &slot);
	if (c == 0 || !parse(data, end, &f) || f.udp->dest != c->port ||
	    !(is_zero(c->address) || same_address(c->address, f.target)))
		return verdict(FOG_XDP_PASS_OTHER, XDP_PASS);
	const __u8 *payload = (const __u8 *)(f.udp + 1);
	if (f.udp->len != bpf_htons(FOG_XDP_DGRAM_SIZE + sizeof(struct udphdr)) ||
	    (void *)(payload + FOG_XDP_DGRAM_SIZE) > end)
		return verdict(FOG_XDP_DROP_LENGTH, XDP_DROP);
	if (payload[0] < DGRAM_INIT || payload[0] > DGRAM_LAST || payload[1] != 0 ||
	    payload[2] != 0 || payload[3] != 0)
		return verdict(FOG_XDP_DROP_TYPE, XDP_DROP);
	__u32 rule = rule_of(slot, f.source);
	if (rule == FOG_XDP_RULE_DENY)
		return verdict(FOG_XDP_DROP_DENIED, XDP_DROP);
	const struct fog_xdp_link *link = link_of(slot, &f);
	int handshake = payload[0] == DGRAM_INIT;
	if (rule != FOG_XDP_RULE_ALLOW && (link == 0 || handshake) &&
	    over_rate(c, f.source, now, handshake))
		return verdict(FOG_XDP_DROP_RATE, XDP_DROP);
	return c->steer != 0 ? steer(ctx, link) : verdict(FOG_XDP_PASS_KERNEL, XDP_PASS);
}

char fog_xdp_license[] SEC("license") = "Dual BSD/GPL";
