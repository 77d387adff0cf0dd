/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Maps of the XDP filter: the one header that the kernel program and user space both include, so
 * that neither can drift. Only fog-controlplane writes the maps; counters flow back.
 *
 * Generations. Everything that belongs together lies in slot (generation & 1): configuration, rules
 * and links. The control plane fills the other slot with fresh inner maps and then stores the next
 * generation in fog_xdp_switch: one 8-byte store, so a packet sees all of the old or all of the
 * new.
 *
 * Fail open. Without a generation, or once the lease is over because the control plane hangs, every
 * frame passes to the kernel. When the control plane is gone the kernel detaches the program
 * itself.
 *
 * Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d, so one trie serves both families (an IPv4 prefix
 * /n is /(96 + n)). */
#ifndef FOG_MAPS_H
#define FOG_MAPS_H

#include <linux/types.h>

#define FOG_XDP_RULES_MAX   16384 /* prefixes in the rule trie; more: the control plane refuses */
#define FOG_XDP_SOURCES_MAX 65536 /* sources with a token bucket; LRU beyond that */
#define FOG_XDP_LINKS_MAX   1024  /* FOG_LINKS_MAX of dataplane/abi/abi.h */
#define FOG_XDP_SOCKETS_MAX 16    /* AF_XDP sockets, by queue: FOG_WORKERS_MAX */
#define FOG_XDP_DGRAM_SIZE  1440  /* FOG_DGRAM_SIZE of dataplane/abi/wire.h */
#define FOG_XDP_COST_SHIFT  10    /* datagrams of strangers cost 1/1024 of a handshake */

/* fog_xdp_switch, ARRAY of 1. Each word is stored at once. */
struct fog_xdp_switch {
	__u64 generation; /* 0 = none yet: everything passes */
	__u64 lease_ns;   /* CLOCK_MONOTONIC; past it everything passes */
};

/* fog_xdp_config, ARRAY of 2. */
struct fog_xdp_config {
	__u8 address[16]; /* of the links; all zero = any of this host's */
	__u16 port;       /* UDP port of the links, network order */
	__u16 steer;      /* 1: to the AF_XDP socket of the queue, where there is one */
	__u32 pad;
	__u64 handshake_interval_ns; /* one INIT a source per interval .. */
	__u64 handshake_burst_ns;    /* .. with this much saved up; 0 = no limit */
};

struct fog_xdp_prefix {
	__u32 length; /* 0 .. 128 */
	__u8 address[16];
};

enum fog_xdp_rule {
	FOG_XDP_RULE_NONE = 0,
	FOG_XDP_RULE_ALLOW = 1, /* never limited */
	FOG_XDP_RULE_DENY = 2,
};

/* A neighbour: its data is not limited. Value: struct fog_xdp_link. */
struct fog_xdp_peer {
	__u8 address[16];
	__u16 port; /* network order */
	__u16 pad;
};

struct fog_xdp_link {
	__u32 link_id;
	__u32 worker; /* that owns it: its queue is where the NIC should put it */
};

/* Why a frame passed or was dropped: X(NAME, "text"), index of fog_xdp_counters, a PERCPU_ARRAY of
 * __u64. */
#define FOG_XDP_COUNTERS_LIST(X)                                          \
	X(PASS_OPEN, "passed: no generation or the lease is over")        \
	X(PASS_OTHER, "passed: not for the link port")                    \
	X(PASS_KERNEL, "datagram to the UDP socket of the data plane")    \
	X(PASS_STEERED, "datagram to an AF_XDP socket of the data plane") \
	X(PASS_ASTRAY, "of these, on a queue of another worker")          \
	X(DROP_LENGTH, "dropped: wrong length")                           \
	X(DROP_TYPE, "dropped: unknown type or version")                  \
	X(DROP_DENIED, "dropped: source is denied by a rule")             \
	X(DROP_RATE, "dropped: source is over its rate")

enum fog_xdp_counter {
#define X(name, text) FOG_XDP_##name,
	FOG_XDP_COUNTERS_LIST(X)
#undef X
		FOG_XDP_COUNTERS
};

#endif
