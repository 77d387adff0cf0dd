/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Maps of the XDP filter: the one header that the kernel program and user space both include, so
 * that neither can drift. Only fog-controlplane writes the maps; counters flow back.
 *
 * Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d, so one trie serves both families (an IPv4 prefix
 * /n is /(96 + n)). */
#ifndef FOG_MAPS_H
#define FOG_MAPS_H

#include <linux/types.h>

#define FOG_XDP_RULES_MAX   16384 /* prefixes in the rule trie; more: the control plane refuses */
#define FOG_XDP_SOURCES_MAX 65536 /* sources with a token bucket; LRU beyond that */
#define FOG_XDP_DGRAM_SIZE  1440  /* FOG_DGRAM_SIZE of dataplane/abi/wire.h */

/* fog_xdp_config, ARRAY of 1. enabled = 0: everything passes (fail open). */
struct fog_xdp_config {
	__u32 enabled;
	__u16 port; /* UDP port of the links, network order */
	__u16 pad;
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

/* Why a frame passed or was dropped: index of fog_xdp_counters, a PERCPU_ARRAY of __u64. */
enum fog_xdp_counter {
	FOG_XDP_PASS_OTHER = 0, /* not for the link port: the kernel's business */
	FOG_XDP_PASS_LINK = 1,
	FOG_XDP_DROP_LENGTH = 2,
	FOG_XDP_DROP_TYPE = 3,
	FOG_XDP_DROP_DENIED = 4,
	FOG_XDP_DROP_RATE = 5,
	FOG_XDP_COUNTERS = 6,
};

#endif
