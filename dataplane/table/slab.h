/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting cells. A slot is taken by the worker a cell came in at, filled by its crypt stage, handed
 * to the worker of the link it leaves by, waits in that one's mix, and travels home when sent, so
 * that each free list has one user. The same slots carry what workers tell each other. */
#ifndef FOG_TABLE_SLAB_H
#define FOG_TABLE_SLAB_H

#include "dataplane/abi/wire.h"
#include "dataplane/table/arena.h"
#include "dataplane/worker/dp.h"
#include "dataplane/worker/limits.h"

enum fog_slot_kind {
	FOG_SLOT_FREE = 0,
	FOG_SLOT_CELL = 1,    /* cell, to leave by `link` */
	FOG_SLOT_FRAME = 2,   /* datagram of a session the receiver owns; from, length */
	FOG_SLOT_OPEN = 3,    /* open a next hop on `link` for the half from_link, from_id */
	FOG_SLOT_OPENED = 4,  /* half `link`, `id`: its twin is from_link, from_id; CREATED body */
	FOG_SLOT_CLOSE = 5,   /* close half `link`, `id`; reason */
	FOG_SLOT_IDLE = 6,    /* half `link`, `id`: its twin is idle, are you? */
	FOG_SLOT_PAYLOAD = 7, /* edge -> TERMINUS half `id`: datagram to send back, length */
	FOG_SLOT_DELIVER = 8, /* TERMINUS half `id` -> edge: datagram, length */
	FOG_SLOT_GONE = 9,    /* TERMINUS half `id` -> edge: closed; reason */
	FOG_SLOT_NEIGHBOUR = 10, /* directory entry of `link`: node id, or none */
};

struct fog_slot {
	FOG_CACHE_ALIGNED u32 index; /* in its slab */
	u8 home;                     /* worker whose slab it is */
	u8 kind;                     /* enum fog_slot_kind */
	u8 reason;
	u8 flag;
	u32 link;
	u32 id;
	u32 from_link;
	u32 from_id;
	u32 length;
	u32 pad;
	u64 value;
	struct fog_address from;
	FOG_CACHE_ALIGNED u8 data[FOG_DGRAM_SIZE + 32];
	u8 spread[FOG_CACHELINE]; /* an odd number of lines: headers fall into all sets of a cache
				   */
};

/* A cell lies where it would lie in a datagram. */
static inline u8 *fog_slot_cell(struct fog_slot *s)
{
	return s->data + FOG_LINK_HEADER_SIZE;
}

static inline u8 *fog_slot_body(struct fog_slot *s)
{
	return s->data + FOG_LINK_HEADER_SIZE + FOG_CELL_HEADER_SIZE;
}

#define FOG_SLAB_AHEAD 8u /* slots asked for before they are taken */

struct fog_slab {
	struct fog_slot *slots;
	u32 *free_slots;
	u32 count;
	u32 free_count;
};

/* 0 or -ENOMEM. */
int fog_slab_init(struct fog_slab *s, struct fog_arena *a, u32 count, u8 home);

/* NULL when empty. Only link, id and so on are cleared, not data. */
static inline struct fog_slot *fog_slab_take(struct fog_slab *s)
{
	if (s->free_count == 0)
		return NULL;
	struct fog_slot *slot = &s->slots[s->free_slots[--s->free_count]];
	if (s->free_count > FOG_SLAB_AHEAD)
		__builtin_prefetch(&s->slots[s->free_slots[s->free_count - FOG_SLAB_AHEAD]], 1);
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

static inline void fog_slab_give(struct fog_slab *s, struct fog_slot *slot)
{
	FOG_ASSERT(slot->kind != FOG_SLOT_FREE);
	FOG_ASSERT(s->free_count < s->count);
	slot->kind = FOG_SLOT_FREE;
	s->free_slots[s->free_count++] = slot->index;
}

#endif
