/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/table/slab.h"

#include <errno.h>

#define AHEAD 8u /* slots asked for before they are taken */

int fog_slab_init(struct fog_slab *s, struct fog_arena *a, u32 count, u8 home)
{
	FOG_ASSERT(count != 0);

	s->slots = fog_arena_alloc(a, (size_t)count * sizeof(s->slots[0]));
	s->free_slots = fog_arena_alloc(a, (size_t)count * sizeof(s->free_slots[0]));
	if (s->slots == NULL || s->free_slots == NULL)
		return -ENOMEM;
	s->count = count;
	s->free_count = count;
	for (u32 i = 0; i < count; i++) {
		s->slots[i].index = i;
		s->slots[i].home = home;
		s->free_slots[i] = count - 1 - i;
	}
	return 0;
}

struct fog_slot *fog_slab_take(struct fog_slab *s)
{
	if (s->free_count == 0)
		return NULL;
	struct fog_slot *slot = &s->slots[s->free_slots[--s->free_count]];
	if (s->free_count > AHEAD)
		__builtin_prefetch(&s->slots[s->free_slots[s->free_count - AHEAD]], 1);
	FOG_ASSERT(slot->kind == FOG_SLOT_FREE);
	slot->kind = FOG_SLOT_CELL;
	slot->reason = 0;
	slot->flag = 0;
	slot->link = 0;
	slot->id = 0;
	slot->from_link = 0;
	slot->from_id = 0;
	slot->length = 0;
	slot->value = 0;
	return slot;
}

void fog_slab_give(struct fog_slab *s, struct fog_slot *slot)
{
	FOG_ASSERT(slot->kind != FOG_SLOT_FREE);
	FOG_ASSERT(s->free_count < s->count);
	slot->kind = FOG_SLOT_FREE;
	s->free_slots[s->free_count++] = slot->index;
}
