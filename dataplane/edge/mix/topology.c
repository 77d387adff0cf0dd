/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/mix/topology.h"

#include <errno.h>
#include <math.h>

int fog_topology_find(const struct fog_topology *t, const u8 node_id[32])
{
	for (u32 i = 0; i < t->count; i++)
		if (memcmp(t->host[i].node_id, node_id, 32) == 0)
			return (int)i;
	return -1;
}

static bool usable(const struct fog_topology *t, const struct fog_mixnet_path *p, u32 i, u8 layer,
		   const u8 last[32])
{
	const struct fog_mixnet_host *h = &t->host[i];

	if (h->layer != layer || memcmp(h->node_id, last, 32) == 0 ||
	    memcmp(h->node_id, t->self, 32) == 0)
		return false;
	for (unsigned k = 0; k < p->hops; k++)
		if (p->mix[k] == i)
			return false;
	return true;
}

static u32 delay_draw(const struct fog_topology *t, struct fog_rng *rng)
{
	double us = -log1p(-fog_rng_unit(rng)) * t->delay_mean_us;

	return us < FOG_MIXNET_DELAY_MAX_US ? (u32)us : FOG_MIXNET_DELAY_MAX_US;
}

static void hop_add(const struct fog_topology *t, struct fog_mixnet_path *p, u32 i)
{
	struct fog_sphinx_hop *hop = &p->hop[p->hops];

	memset(hop, 0, sizeof(*hop));
	memcpy(hop->id, t->host[i].node_id, 32);
	hop->key = t->host[i].key;
	p->mix[p->hops++] = i;
}

int fog_topology_path(const struct fog_topology *t, struct fog_rng *rng, const u8 last[32],
		      struct fog_mixnet_path *p)
{
	int end = fog_topology_find(t, last);

	p->hops = 0;
	p->delay_us = 0;
	if (end < 0)
		return -ENOENT;
	for (u8 layer = 0; layer < FOG_MIXNET_LAYERS; layer++) {
		u32 pool[FOG_MIXNET_HOSTS_MAX], count = 0;
		for (u32 i = 0; i < t->count; i++)
			if (usable(t, p, i, layer, last))
				pool[count++] = i;
		if (count == 0)
			continue;
		hop_add(t, p, pool[fog_rng_below(rng, count)]);
		struct fog_sphinx_commands *c = &p->hop[p->hops - 1].commands;
		c->has_delay = true;
		c->delay = delay_draw(t, rng);
		p->delay_us += c->delay;
	}
	if (p->hops == 0)
		return -ENETDOWN;
	hop_add(t, p, (u32)end);
	return 0;
}
