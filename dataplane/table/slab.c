/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/table/slab.h"

#include <errno.h>

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
