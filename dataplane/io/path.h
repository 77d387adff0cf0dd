/* SPDX-License-Identifier: BSD-3-Clause */
/* Ready-made headers for every peer a worker sends to, so that a frame costs one copy of at most 62
 * bytes. One worker's own; no locks.
 *
 * 4 ways a set; the path that would expire first makes way. A path is used until until_ns, then its
 * back end resolves it again. */
#ifndef FOG_PATH_H
#define FOG_PATH_H

#include "dataplane/io/frame.h"

#define FOG_PATH_SETS 1024
#define FOG_PATH_WAYS 4

struct fog_path {
	u64 until_ns; /* 0 = unused */
	struct fog_address peer;
	u8 header_size; /* 0: not resolved */
	u8 header[FOG_FRAME_HEADER_MAX];
};

struct fog_paths {
	struct fog_path path[FOG_PATH_SETS][FOG_PATH_WAYS];
};

/* The path of a peer, or a fresh one in its place with until_ns and header_size 0. Never NULL;
 * valid until the next call. */
struct fog_path *fog_path_find(struct fog_paths *p, const struct fog_address *peer);

/* Next hops on the link and their link-layer addresses, for a back end that answers ARP and ND
 * itself. Shared by the workers of a port, under a lock that nobody takes per frame. */
#define FOG_HOPS_KNOWN_MAX 1024 /* more: the oldest goes */
#define FOG_HOP_FRESH_NS   (30 * 1000000000ull)
#define FOG_HOP_DEAD_NS    (120 * 1000000000ull)
#define FOG_HOP_ASK_NS     (100 * 1000000ull) /* between two questions for one hop */

struct fog_hop {
	u64 known_ns; /* 0 = asked for, not known yet */
	u64 asked_ns;
	u8 ip[16];
	u8 mac[FOG_MAC_SIZE];
};

struct fog_hops {
	struct fog_hop hop[FOG_HOPS_KNOWN_MAX];
	u32 count;
};

/* True: mac is filled. *ask: a question is due now, and is taken as sent. */
bool fog_hop_find(struct fog_hops *h, const u8 ip[16], u64 now_ns, u8 mac[FOG_MAC_SIZE], bool *ask);
/* Somebody told where `ip` is. Unless it asked us (`asks`), only hops we asked for are learned. */
void fog_hop_learn(struct fog_hops *h, const u8 ip[16], const u8 mac[FOG_MAC_SIZE], u64 now_ns,
		   bool asks);

#endif
