/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/io/path.h"

static u32 set_of(const struct fog_address *a)
{
	u64 high, low;

	memcpy(&high, a->ip, 8);
	memcpy(&low, a->ip + 8, 8);
	u64 h = (low ^ (u64)a->port << 16 ^ high * 0xff51afd7ed558ccdull) * 0x9e3779b97f4a7c15ull;
	return (u32)(h >> 32) % FOG_PATH_SETS;
}

struct fog_path *fog_path_find(struct fog_paths *p, const struct fog_address *peer)
{
	struct fog_path *set = p->path[set_of(peer)], *oldest = set;

	for (u32 i = 0; i < FOG_PATH_WAYS; i++) {
		if (set[i].until_ns != 0 && fog_address_equal(&set[i].peer, peer))
			return &set[i];
		if (set[i].until_ns < oldest->until_ns)
			oldest = &set[i];
	}
	*oldest = (struct fog_path){.peer = *peer};
	return oldest;
}

static struct fog_hop *hop_get(struct fog_hops *h, const u8 ip[16], bool make)
{
	struct fog_hop *oldest = &h->hop[0];

	for (u32 i = 0; i < h->count; i++) {
		struct fog_hop *e = &h->hop[i];
		if (memcmp(e->ip, ip, 16) == 0)
			return e;
		if (FOG_MAX(e->known_ns, e->asked_ns) < FOG_MAX(oldest->known_ns, oldest->asked_ns))
			oldest = e;
	}
	if (!make)
		return NULL;
	if (h->count < FOG_HOPS_KNOWN_MAX)
		oldest = &h->hop[h->count++];
	memset(oldest, 0, sizeof(*oldest));
	memcpy(oldest->ip, ip, 16);
	return oldest;
}

bool fog_hop_find(struct fog_hops *h, const u8 ip[16], u64 now_ns, u8 mac[FOG_MAC_SIZE], bool *ask)
{
	struct fog_hop *e = hop_get(h, ip, true);
	u64 age_ns = now_ns - e->known_ns;
	bool known = e->known_ns != 0 && age_ns < FOG_HOP_DEAD_NS;

	*ask = (!known || age_ns >= FOG_HOP_FRESH_NS) &&
	       (e->asked_ns == 0 || now_ns - e->asked_ns >= FOG_HOP_ASK_NS);
	if (*ask)
		e->asked_ns = now_ns;
	if (known)
		memcpy(mac, e->mac, FOG_MAC_SIZE);
	return known;
}

void fog_hop_learn(struct fog_hops *h, const u8 ip[16], const u8 mac[FOG_MAC_SIZE], u64 now_ns,
		   bool asks)
{
	struct fog_hop *e = hop_get(h, ip, asks);

	if (e == NULL)
		return;
	memcpy(e->mac, mac, FOG_MAC_SIZE);
	e->known_ns = now_ns;
}
