/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/table/half.h"

#include <errno.h>

#include "crypto/mem.h"

int fog_half_table_init(struct fog_half_table *t, struct fog_arena *a, u32 count_max,
			const u8 seed[16])
{
	if (count_max < FOG_HALVES_MIN || count_max > FOG_HALVES_LIMIT)
		return -EINVAL;
	t->halves = fog_arena_alloc(a, (size_t)count_max * sizeof(t->halves[0]));
	if (t->halves == NULL)
		return -ENOMEM;
	t->count_max = count_max;
	t->live = 0;
	t->free_head = FOG_HALF_NONE;
	t->fresh = 0;
	t->serial = 0;
	return fog_map_init(&t->map, a, count_max, seed);
}

static void list_insert(struct fog_half_table *t, struct fog_half *h, u32 *head)
{
	u32 index = fog_half_index(t, h);

	h->head = head;
	h->prev = FOG_HALF_NONE;
	h->next = *head;
	if (h->next != FOG_HALF_NONE)
		t->halves[h->next].prev = index;
	*head = index;
}

static void list_remove(struct fog_half_table *t, struct fog_half *h)
{
	if (h->prev != FOG_HALF_NONE)
		t->halves[h->prev].next = h->next;
	else
		*h->head = h->next;
	if (h->next != FOG_HALF_NONE)
		t->halves[h->next].prev = h->prev;
}

/* Slots are used again only when no fresh one is left, or before if one was freed: the working set
 * stays as small as the number of circuits. */
static struct fog_half *take_slot(struct fog_half_table *t)
{
	if (t->free_head != FOG_HALF_NONE) {
		struct fog_half *h = &t->halves[t->free_head];
		t->free_head = h->next;
		return h;
	}
	if (t->fresh == t->count_max)
		return NULL;
	return &t->halves[t->fresh++];
}

struct fog_half *fog_half_add(struct fog_half_table *t, u32 link, u32 id, u32 *head)
{
	FOG_ASSERT(id != 0);

	u64 key = fog_half_key(link, id);
	if (fog_map_find(&t->map, key) != FOG_MAP_NONE)
		return NULL;
	struct fog_half *h = take_slot(t);
	if (h == NULL)
		return NULL;
	FOG_ASSERT(h->state == FOG_HALF_FREE);
	memset(h, 0, sizeof(*h));
	h->link = link;
	h->id = id;
	h->pending = FOG_HALF_NONE;
	h->serial = ++t->serial;
	int rc = fog_map_insert(&t->map, key, fog_half_index(t, h));
	FOG_ASSERT(rc == 0);
	list_insert(t, h, head);
	t->live++;
	return h;
}

struct fog_half *fog_half_find(const struct fog_half_table *t, u32 link, u32 id)
{
	u32 index = fog_map_find(&t->map, fog_half_key(link, id));

	return index == FOG_MAP_NONE ? NULL : &t->halves[index];
}

void fog_half_remove(struct fog_half_table *t, struct fog_half *h)
{
	FOG_ASSERT(h->state != FOG_HALF_FREE);
	FOG_ASSERT(h->pending == FOG_HALF_NONE);

	int rc = fog_map_remove(&t->map, fog_half_key(h->link, h->id));
	FOG_ASSERT(rc == 0);
	list_remove(t, h);
	fog_cell_key_wipe(&h->key);
	fog_wipe(h->former, sizeof(h->former));
	h->state = FOG_HALF_FREE;
	h->next = t->free_head;
	t->free_head = fog_half_index(t, h);
	t->live--;
}

void fog_half_move(struct fog_half_table *t, struct fog_half *h, u32 *head)
{
	list_remove(t, h);
	list_insert(t, h, head);
}

void fog_half_set_key(struct fog_half *h, const u8 seed[FOG_CELL_SEED_SIZE], u64 generation)
{
	h->generation = generation;
	fog_cell_key_init(&h->key, seed);
	h->former_held = false;
}

const struct fog_cell_key *fog_half_other_key(struct fog_half *h, u64 generation,
					      struct fog_cell_key *former)
{
	FOG_ASSERT(!h->plain);
	if (generation == h->generation + 1) {
		memcpy(h->former, h->key.uiv.seed, sizeof(h->former));
		h->former_held = true;
		fog_cell_key_ratchet(&h->key, &h->key);
		h->generation = generation;
		return &h->key;
	}
	if (generation + 1 != h->generation || !h->former_held)
		return NULL;
	fog_cell_key_init(former, h->former);
	return former;
}
