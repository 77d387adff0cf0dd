/* SPDX-License-Identifier: BSD-3-Clause */
/* The one single-producer single-consumer ring: between processes and between workers.
 *
 * One writer per page: the producer owns the slots and its head; the consumer owns its tail and its
 * waiting flag. When producer and consumer are different processes the two cursor lines lie in
 * different regions, each mapped read-only by the other side. The other side's cursor is hostile
 * input: an impossible value reads as "full" (producer) or "empty" (consumer) and sets `broken`.
 *
 *	producer region: struct fog_ring_head | slots      consumer region: struct fog_ring_tail
 *
 * Positions are free-running u64; slot = position & (count - 1); count is a power of two.
 * Cost: one shared cache-line read per refresh of the cached cursor, about 5 ns a slot uncontended.
 */
#ifndef FOG_RING_H
#define FOG_RING_H

#include <errno.h>
#include <stdatomic.h>

#include "crypto/types.h"

struct fog_ring_head {
	_Alignas(FOG_CACHELINE) _Atomic u64 head; /* producer: wo, consumer: ro */
	u8 pad[FOG_CACHELINE - 8];
};

struct fog_ring_tail {
	_Alignas(FOG_CACHELINE) _Atomic u64 tail; /* consumer: wo, producer: ro */
	_Atomic u32 waiting; /* consumer: wo, producer: ro; 1 = blocked, wants a wake-up */
	u8 pad[FOG_CACHELINE - 12];
};

_Static_assert(sizeof(struct fog_ring_head) == FOG_CACHELINE, "");
_Static_assert(sizeof(struct fog_ring_tail) == FOG_CACHELINE, "");

/* Local handle of one side; private memory of one thread. */
struct fog_ring {
	struct fog_ring_head *head;
	struct fog_ring_tail *tail;
	u8 *slots;
	u64 pos;    /* own cursor */
	u64 cached; /* last good value of the other side's cursor */
	u32 count;
	u32 slot_size;
	bool broken; /* the other side published an impossible cursor */
};

/* Attach to memory of a ring. Both sides resume at the published cursors, so a producer or consumer
 * that reconnects to living memory continues. count: power of two. */
static inline void fog_ring_producer(struct fog_ring *r, struct fog_ring_head *head,
				     struct fog_ring_tail *tail, void *slots, u32 count,
				     u32 slot_size)
{
	FOG_ASSERT(count != 0 && (count & (count - 1)) == 0);
	*r = (struct fog_ring){
		.head = head, .tail = tail, .slots = slots, .count = count, .slot_size = slot_size};
	r->pos = atomic_load_explicit(&head->head, memory_order_relaxed);
	r->cached = r->pos >= count ? r->pos - count : 0;
}

static inline void fog_ring_consumer(struct fog_ring *r, struct fog_ring_head *head,
				     struct fog_ring_tail *tail, void *slots, u32 count,
				     u32 slot_size)
{
	FOG_ASSERT(count != 0 && (count & (count - 1)) == 0);
	*r = (struct fog_ring){
		.head = head, .tail = tail, .slots = slots, .count = count, .slot_size = slot_size};
	r->pos = atomic_load_explicit(&tail->tail, memory_order_relaxed);
	r->cached = r->pos;
}

/* Producer: free slots, at most count. A lower bound: the consumer's cursor is read again only when
 * the bound known so far is below `want`, so who needs several slots must ask for as many. */
static inline u32 fog_ring_room(struct fog_ring *r, u32 want)
{
	u32 known = r->count - (u32)FOG_MIN(r->pos - r->cached, (u64)r->count);

	if (known >= want)
		return known;
	/* pairs with the release in fog_ring_release() */
	u64 tail = atomic_load_explicit(&r->tail->tail, memory_order_acquire);
	if (r->pos - tail > r->count) {
		r->broken = true;
		return 0;
	}
	r->cached = tail;
	return r->count - (u32)(r->pos - tail);
}

static inline u32 fog_ring_free(struct fog_ring *r)
{
	return fog_ring_room(r, 1);
}

/* Producer: the slot `ahead` places after the last published one, to fill before
 * fog_ring_publish(). The caller has checked fog_ring_free() > ahead. */
static inline void *fog_ring_slot(struct fog_ring *r, u32 ahead)
{
	return r->slots + (size_t)((r->pos + ahead) & (r->count - 1)) * r->slot_size;
}

static inline void fog_ring_publish(struct fog_ring *r, u32 n)
{
	r->pos += n;
	/* pairs with the acquire in fog_ring_ready() */
	atomic_store_explicit(&r->head->head, r->pos, memory_order_release);
}

/* Producer: copy one slot in. 0, or -EAGAIN when full. */
static inline int fog_ring_push(struct fog_ring *r, const void *slot)
{
	if (fog_ring_free(r) == 0)
		return -EAGAIN;
	memcpy(fog_ring_slot(r, 0), slot, r->slot_size);
	fog_ring_publish(r, 1);
	return 0;
}

/* Producer, after publishing: does the consumer sleep and want a wake-up? Full fence, so that
 * either this sees `waiting` or the consumer's re-check sees the new head. */
static inline bool fog_ring_wants_wake(struct fog_ring *r)
{
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_load_explicit(&r->tail->waiting, memory_order_relaxed) != 0;
}

/* Consumer: slots ready to read, at most count. */
static inline u32 fog_ring_ready(struct fog_ring *r)
{
	if (r->cached != r->pos)
		return (u32)(r->cached - r->pos);
	/* pairs with the release in fog_ring_publish() */
	u64 head = atomic_load_explicit(&r->head->head, memory_order_acquire);
	if (head - r->pos > r->count) {
		r->broken = true;
		return 0;
	}
	r->cached = head;
	return (u32)(head - r->pos);
}

/* Consumer: the slot `ahead` places after the last released one. Slots written by another process
 * may change while read: copy, then validate the copy. */
static inline const void *fog_ring_peek(struct fog_ring *r, u32 ahead)
{
	return r->slots + (size_t)((r->pos + ahead) & (r->count - 1)) * r->slot_size;
}

static inline void fog_ring_release(struct fog_ring *r, u32 n)
{
	r->pos += n;
	/* pairs with the acquire in fog_ring_room() */
	atomic_store_explicit(&r->tail->tail, r->pos, memory_order_release);
}

/* Consumer: copy one slot out. 0, or -EAGAIN when empty. */
static inline int fog_ring_pop(struct fog_ring *r, void *slot)
{
	if (fog_ring_ready(r) == 0)
		return -EAGAIN;
	memcpy(slot, fog_ring_peek(r, 0), r->slot_size);
	fog_ring_release(r, 1);
	return 0;
}

/* Consumer, before blocking: announce it, then re-check with fog_ring_ready() and only then block.
 */
static inline void fog_ring_wait_begin(struct fog_ring *r)
{
	atomic_store_explicit(&r->tail->waiting, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

static inline void fog_ring_wait_end(struct fog_ring *r)
{
	atomic_store_explicit(&r->tail->waiting, 0, memory_order_relaxed);
}

#endif
