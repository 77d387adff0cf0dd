/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client knows of the mixnet: the mixes of each layer and the key of every host for the
 * current epoch, and how it draws paths. Pure.
 *
 *	path of a message = one mix of each layer | provider of the recipient
 *	path of a reply   = one mix of each layer | our own host
 *
 * A host takes part once in a path, and we are no mix of our own paths, as long as the layers have
 * others. Layers that cannot be filled so are left out; with no mix at all there is no path. */
#ifndef FOG_EDGE_MIX_TOPOLOGY_H
#define FOG_EDGE_MIX_TOPOLOGY_H

#include "crypto/random/random.h"
#include "crypto/sphinx/sphinx.h"

#define FOG_MIXNET_HOSTS_MAX    512 /* more: the control plane sends a sample */
#define FOG_MIXNET_LAYERS       3
#define FOG_MIXNET_NO_LAYER     255
#define FOG_MIXNET_HOPS         (FOG_MIXNET_LAYERS + 1)
#define FOG_MIXNET_DELAY_MAX_US 12000000u /* what mixes take: FOG_MIX_DELAY_MAX_NS */

struct fog_mixnet_host {
	u8 node_id[32];
	u8 key[32];
	u8 layer; /* 0 .. FOG_MIXNET_LAYERS - 1, or FOG_MIXNET_NO_LAYER: only a provider */
};

struct fog_topology {
	u64 epoch; /* 0 = none yet */
	u8 self[32];
	u32 delay_mean_us; /* at each mix */
	u32 count;
	struct fog_mixnet_host host[FOG_MIXNET_HOSTS_MAX];
};

struct fog_mixnet_path {
	unsigned hops;
	u32 mix[FOG_MIXNET_HOPS]; /* index in the topology */
	u64 delay_us;             /* of all mixes */
	struct fog_sphinx_hop hop[FOG_MIXNET_HOPS];
};

/* Draw a path that ends at `last`, delays included; its keys lie in `t`. 0; -ENOENT: that host is
 * not known; -ENETDOWN: no mix. */
int fog_topology_path(const struct fog_topology *t, struct fog_rng *rng, const u8 last[32],
		      struct fog_mixnet_path *p);
/* Index of a host, or -1. */
int fog_topology_find(const struct fog_topology *t, const u8 node_id[32]);

#endif
