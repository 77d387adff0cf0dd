/* SPDX-License-Identifier: BSD-3-Clause */
/* The XDP filter of this host: loads and attaches ebpf/fog_xdp.bpf.c, programs its maps, reads its
 * counters. The only writer of the maps. Needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; the data
 * plane needs none of them.
 *
 * The attachment lives as long as this object: when the process ends, however it ends, the kernel
 * detaches the program and traffic goes the kernel's way. The loop's thread only. */
#ifndef FOG_XDP_H
#define FOG_XDP_H

#include "configs/address.h"
#include "ebpf/fog_maps.h"

#define FOG_XDP_WHY_SIZE 256
#define FOG_XDP_LEASE_MS 10000 /* renew at least every third of it */

struct fog_xdp;

struct fog_xdp_settings {
	const char *interface;
	const char *mode;          /* "native", "generic", or "auto": native where the driver can */
	struct fog_address listen; /* address and port of the links */
	u64 handshake_interval_ns;
	u64 handshake_burst_ns; /* 0 = no limit */
	bool steer;
};

struct fog_xdp_rule_entry {
	struct fog_xdp_prefix prefix;
	enum fog_xdp_rule rule;
};

struct fog_xdp_link_entry {
	struct fog_address address;
	struct fog_xdp_link link;
};

/* 0, or -errno with a line for people: -ENOTSUP (built without clang), -ENODEV (no interface),
 * -EPERM (capabilities), -EBUSY (somebody else's program is attached), the verifier's -EINVAL .. */
int fog_xdp_open(struct fog_xdp **out, const struct fog_xdp_settings *settings,
		 char why[FOG_XDP_WHY_SIZE]);
void fog_xdp_close(struct fog_xdp *x);

/* Build the next generation from all rules and links and switch to it. 0, -E2BIG (over a limit of
 * fog_maps.h), or -errno; then the former generation stays in force. */
int fog_xdp_apply(struct fog_xdp *x, const struct fog_xdp_rule_entry *rules, u32 rule_count,
		  const struct fog_xdp_link_entry *links, u32 link_count);
/* AF_XDP sockets of workers 0 .. count - 1, each bound to the queue of its number. The map forgets
 * a socket by itself when its owner closes it; the fds stay the caller's. 0 or -errno. */
int fog_xdp_steer(struct fog_xdp *x, const int *fds, u32 count);
/* The filter is in force until now_ns + FOG_XDP_LEASE_MS. 0 or -errno. */
int fog_xdp_renew(struct fog_xdp *x, u64 now_ns);

struct fog_xdp_status {
	char interface[16];
	bool native; /* in the driver; else generic, after the socket buffer was made */
	u64 generation;
	u32 rules, links, sockets;
	u64 counters[FOG_XDP_COUNTERS];
	u32 program_id, verified_instructions, jited_bytes;
};
void fog_xdp_status(const struct fog_xdp *x, struct fog_xdp_status *out);

/* "drop_rate" and what it means; "unknown" out of range. */
const char *fog_xdp_counter_name(u32 counter);
const char *fog_xdp_counter_text(u32 counter);

/* "10.0.0.0/8" or "[fd00::]/8". 0 or -EINVAL. */
int fog_xdp_prefix_parse(const char *text, struct fog_xdp_prefix *out);

#endif
