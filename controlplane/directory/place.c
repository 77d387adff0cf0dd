/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/place.h"

#include <errno.h>

#include "crypto/hash/hash.h"
#include "crypto/random/random.h"

#define SLOTS (4 * FOG_PLACE_HOSTS_MAX) /* two keys a host, at most half full */

_Static_assert((SLOTS & (SLOTS - 1)) == 0, "");

static bool is_v4(const u8 ip[16])
{
	static const u8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return memcmp(ip, mapped, 12) == 0;
}

static bool is_loopback(const u8 ip[16])
{
	static const u8 one[16] = {[15] = 1};

	return is_v4(ip) ? ip[12] == 127 : memcmp(ip, one, 16) == 0;
}

void fog_place_net(const struct fog_descriptor *d, u8 net[16])
{
	const u8 *ip = d->link.ip;

	memcpy(net, is_loopback(ip) ? d->node_id : ip, 16);
	if (is_loopback(ip))
		return;
	if (!fog_ip_is_public(ip))
		return;
	if (is_v4(ip))
		net[15] = 0;
	else
		memset(net + 6, 0, 10);
}

bool fog_place_together(const struct fog_descriptor *a, const struct fog_descriptor *b)
{
	u8 x[16], y[16];

	/* An operator nobody named is not the same as another nobody named. */
	if (a->operator_name[0] != '\0' && strcmp(a->operator_name, b->operator_name) == 0)
		return true;
	fog_place_net(a, x);
	fog_place_net(b, y);
	return memcmp(x, y, 16) == 0;
}

struct slot {
	u8 key[16];
	u32 host; /* + 1; 0 = empty */
};

struct fog_place_groups {
	u8 secret[32]; /* so that nobody can choose keys that collide */
	u32 count;
	u32 parent[FOG_PLACE_HOSTS_MAX];
	struct slot slot[SLOTS];
};

int fog_place_groups_new(struct fog_place_groups **out)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return -ENOMEM;
	fog_random_bytes((*out)->secret, sizeof((*out)->secret));
	return 0;
}

void fog_place_groups_free(struct fog_place_groups *g)
{
	free(g);
}

/* The smallest number of the set stands for it: the order of adding decides, nothing else. */
static u32 root(struct fog_place_groups *g, u32 i)
{
	while (g->parent[i] != i) {
		g->parent[i] = g->parent[g->parent[i]];
		i = g->parent[i];
	}
	return i;
}

static void join(struct fog_place_groups *g, u32 a, u32 b)
{
	u32 x = root(g, a), y = root(g, b);

	g->parent[FOG_MAX(x, y)] = FOG_MIN(x, y);
}

static void key_add(struct fog_place_groups *g, u32 host, const void *data, size_t len)
{
	u8 key[16];

	fog_hash_blake2b(key, sizeof(key), g->secret, sizeof(g->secret), data, len);
	u32 at = fog_load_u32(key) & (SLOTS - 1);
	while (g->slot[at].host != 0 && memcmp(g->slot[at].key, key, sizeof(key)) != 0)
		at = (at + 1) & (SLOTS - 1);
	if (g->slot[at].host != 0) {
		join(g, host, g->slot[at].host - 1);
		return;
	}
	memcpy(g->slot[at].key, key, sizeof(key));
	g->slot[at].host = host + 1;
}

u32 fog_place_groups_add(struct fog_place_groups *g, const struct fog_descriptor *d)
{
	u32 host = g->count++;
	u8 net[17] = {1};

	FOG_ASSERT(host < FOG_PLACE_HOSTS_MAX);
	g->parent[host] = host;
	fog_place_net(d, net + 1);
	key_add(g, host, net, sizeof(net));
	if (d->operator_name[0] != '\0')
		key_add(g, host, d->operator_name, strlen(d->operator_name));
	return host;
}

u32 fog_place_groups_of(struct fog_place_groups *g, u32 i)
{
	FOG_ASSERT(i < g->count);
	return root(g, i);
}
