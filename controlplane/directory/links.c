/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/links.h"

#include <errno.h>

#include "controlplane/core/log.h"
#include "crypto/random/random.h"

/* Open addressing from node id to link id; at most a quarter full. */
#define SLOTS 4096

_Static_assert(SLOTS >= 4 * FOG_LINKS_MAX, "");
_Static_assert((SLOTS & (SLOTS - 1)) == 0, "");

struct neighbour {
	bool set;
	bool up;
	bool known; /* the data plane spoke of it since the last forget */
	u64 changed_ms;
	u8 node_id[32];
	struct fog_quality quality;
};

struct fog_links {
	u8 self[32];
	u32 own_roles;
	struct fog_links_sink sink;
	void *ctx;
	bool full_logged;
	u64 hash_key;     /* random, so that nobody can choose colliding ids */
	u16 slots[SLOTS]; /* link id, 0 = empty */
	u32 preferred_count;
	u8 preferred[FOG_LINKS_PREFERRED_MAX][32];
	struct neighbour ids[FOG_LINKS_MAX + 1]; /* by link_id; 0 stays unused */
};

int fog_links_new(struct fog_links **out, const u8 self[32], u32 own_roles,
		  const struct fog_links_sink *sink, void *ctx)
{
	struct fog_links *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	memcpy(l->self, self, 32);
	l->own_roles = own_roles;
	l->sink = *sink;
	l->ctx = ctx;
	fog_random_bytes(&l->hash_key, sizeof(l->hash_key));
	*out = l;
	return 0;
}

void fog_links_free(struct fog_links *l)
{
	free(l);
}

/* The slot that holds the id, or the empty one where it would go. */
static u32 slot_find(const struct fog_links *l, const u8 node_id[32])
{
	u64 h = l->hash_key;

	for (int i = 0; i < 32; i += 8) {
		h ^= fog_load_u64(node_id + i);
		h *= 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	u32 at = (u32)h & (SLOTS - 1);
	while (l->slots[at] != 0 && memcmp(l->ids[l->slots[at]].node_id, node_id, 32) != 0)
		at = (at + 1) & (SLOTS - 1);
	return at;
}

static u32 id_find(const struct fog_links *l, const u8 node_id[32])
{
	return l->slots[slot_find(l, node_id)];
}

/* After a removal, which is rare. */
static void slots_rebuild(struct fog_links *l)
{
	memset(l->slots, 0, sizeof(l->slots));
	for (u32 i = 1; i <= FOG_LINKS_MAX; i++)
		if (l->ids[i].set)
			l->slots[slot_find(l, l->ids[i].node_id)] = (u16)i;
}

static bool wanted(const struct fog_links *l, const struct fog_descriptor *d)
{
	return memcmp(d->node_id, l->self, 32) != 0 &&
	       ((d->roles | l->own_roles) & FOG_ROLE_RELAY) != 0;
}

static bool is_preferred(const struct fog_links *l, const u8 node_id[32])
{
	for (u32 i = 0; i < l->preferred_count; i++)
		if (memcmp(l->preferred[i], node_id, 32) == 0)
			return true;
	return false;
}

/* Takes an id from a host that is not preferred. */
static bool make_room(struct fog_links *l)
{
	for (u32 id = 1; id <= FOG_LINKS_MAX; id++) {
		struct neighbour *n = &l->ids[id];
		if (!n->set || is_preferred(l, n->node_id))
			continue;
		l->sink.remove(l->ctx, n->node_id);
		*n = (struct neighbour){0};
		slots_rebuild(l);
		return true;
	}
	return false;
}

static void host_wanted(struct fog_links *l, const struct fog_descriptor *d)
{
	int id = l->sink.set(l->ctx, d);

	if (id == -ENOSPC && is_preferred(l, d->node_id) && make_room(l))
		id = l->sink.set(l->ctx, d);

	if (id < 0) {
		if (!l->full_logged)
			fog_log(FOG_LOG_WARNING, "directory",
				"some hosts get no link limit=%d reason=\"%s\"", FOG_LINKS_MAX,
				strerror(-id));
		l->full_logged = true;
		return;
	}
	FOG_ASSERT(id >= 1);
	FOG_ASSERT(id <= FOG_LINKS_MAX);
	struct neighbour *n = &l->ids[id];
	if (n->set)
		return;
	*n = (struct neighbour){.set = true};
	memcpy(n->node_id, d->node_id, 32);
	l->slots[slot_find(l, d->node_id)] = (u16)id;
}

static void host_unwanted(struct fog_links *l, const struct fog_descriptor *d)
{
	u32 id = id_find(l, d->node_id);

	if (id == 0)
		return;
	l->sink.remove(l->ctx, d->node_id);
	l->ids[id] = (struct neighbour){0};
	slots_rebuild(l);
	l->full_logged = false;
}

void fog_links_prefer(struct fog_links *l, const u8 (*node_ids)[32], u32 count)
{
	l->preferred_count = FOG_MIN(count, (u32)FOG_LINKS_PREFERRED_MAX);
	if (l->preferred_count != 0)
		memcpy(l->preferred, node_ids, 32 * (size_t)l->preferred_count);
}

void fog_links_host(struct fog_links *l, enum fog_directory_change change,
		    const struct fog_descriptor *d)
{
	if (change != FOG_DIRECTORY_REMOVED && wanted(l, d))
		host_wanted(l, d);
	else
		host_unwanted(l, d);
}

void fog_links_forget(struct fog_links *l)
{
	for (u32 i = 1; i <= FOG_LINKS_MAX; i++) {
		l->ids[i].known = l->ids[i].up = false;
		l->ids[i].changed_ms = 0;
	}
}

void fog_links_event(struct fog_links *l, u32 link_id, bool up, u64 now_mono_ms)
{
	if (link_id == 0 || link_id > FOG_LINKS_MAX || !l->ids[link_id].set)
		return;
	struct neighbour *n = &l->ids[link_id];
	if (!n->known || n->up != up)
		n->changed_ms = now_mono_ms;
	n->known = true;
	n->up = up;
}

struct fog_quality *fog_links_quality(struct fog_links *l, u32 link_id, u8 node_id[32])
{
	if (link_id == 0 || link_id > FOG_LINKS_MAX || !l->ids[link_id].set)
		return NULL;
	memcpy(node_id, l->ids[link_id].node_id, 32);
	return &l->ids[link_id].quality;
}

const struct fog_quality *fog_links_measured(const struct fog_links *l, const u8 node_id[32],
					     u64 now_ms)
{
	const struct fog_quality *q = &l->ids[id_find(l, node_id)].quality;

	if (q->updated_ms == 0 || q->at_rtt == 0 || now_ms > q->updated_ms + FOG_LINKS_QUALITY_MS)
		return NULL;
	return q;
}

enum fog_link_state fog_links_state(const struct fog_links *l, const u8 node_id[32],
				    u64 now_mono_ms)
{
	u32 id = id_find(l, node_id);

	if (id == 0)
		return FOG_LINK_NONE;
	const struct neighbour *n = &l->ids[id];
	if (n->up)
		return FOG_LINK_UP;
	if (!n->known)
		return FOG_LINK_DOWN;
	return now_mono_ms - n->changed_ms < FOG_LINK_RECENT_MS ? FOG_LINK_RECENT : FOG_LINK_DOWN;
}

u32 fog_links_count(const struct fog_links *l, u32 *up)
{
	u32 count = 0;

	*up = 0;
	for (u32 i = 1; i <= FOG_LINKS_MAX; i++) {
		count += l->ids[i].set;
		*up += l->ids[i].set && l->ids[i].up;
	}
	return count;
}

bool fog_links_at(const struct fog_links *l, u32 i, struct fog_link_info *out)
{
	for (u32 id = 1; id <= FOG_LINKS_MAX; id++) {
		const struct neighbour *n = &l->ids[id];
		if (!n->set || i-- != 0)
			continue;
		*out = (struct fog_link_info){.link_id = id,
					      .up = n->up,
					      .changed_ms = n->changed_ms,
					      .quality = n->quality};
		memcpy(out->node_id, n->node_id, 32);
		return true;
	}
	return false;
}
