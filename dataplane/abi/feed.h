/* SPDX-License-Identifier: BSD-3-Clause */
/* Submissions with payloads of any size through one ring: the verify rings of abi.h.
 *
 *	submit[]  | tag deadline offset length kind | ...      slots of a fog_ring
 *	arena[]   | payload .. | payload | (skipped) |          bytes, in the same order
 *
 * The arena needs no cursor of its own: the consumer copies a payload before it moves the ring's
 * tail, so what lies before the tail's payload is free. The producer remembers where each payload
 * ends. Both the slot and its payload may change while the consumer reads: copy, then validate. */
#ifndef FOG_FEED_H
#define FOG_FEED_H

#include "dataplane/abi/abi.h"

#define FOG_FEED_ALIGN 8

/* The producer's handle; private memory of one thread. */
struct fog_feed {
	struct fog_ring ring;
	u8 *arena;
	u64 at;                         /* free-running position behind the last payload */
	u64 end[FOG_VERIFY_RING_COUNT]; /* of the payload in slot i */
};

/* Attaches to a feed at position zero, as after HELLO. */
static inline void fog_feed_producer(struct fog_feed *f, struct fog_ring_head *head,
				     struct fog_ring_tail *tail, struct fog_verify_feed *memory)
{
	fog_ring_producer(&f->ring, head, tail, memory->submit, FOG_VERIFY_RING_COUNT,
			  sizeof(struct fog_verify_submit));
	f->arena = memory->arena;
	f->at = 0;
}

/* Bytes of the arena in use, by the tail known so far. */
static inline u64 fog_feed_used(const struct fog_feed *f)
{
	u64 tail = f->ring.cached;

	return f->at - (tail == 0 ? 0 : f->end[(tail - 1) & (f->ring.count - 1)]);
}

/* Where a payload goes and where it ends; false when it does not fit now. */
static inline bool fog_feed_place(const struct fog_feed *f, u32 length, u64 *start)
{
	u64 size = ((u64)length + FOG_FEED_ALIGN - 1) & ~(u64)(FOG_FEED_ALIGN - 1);
	u64 left = FOG_VERIFY_ARENA_SIZE - f->at % FOG_VERIFY_ARENA_SIZE;

	*start = f->at + (left < size ? left : 0);
	return *start + size - f->at <= FOG_VERIFY_ARENA_SIZE - fog_feed_used(f);
}

/* Copies the payload and the submission in; offset and length are filled in here. 0, -EAGAIN (no
 * slot or no room in the arena now) or -EMSGSIZE. */
static inline int fog_feed_push(struct fog_feed *f, struct fog_verify_submit submit,
				const void *payload, u32 length)
{
	u64 start;

	if (length > FOG_CHECK_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (fog_ring_free(&f->ring) == 0)
		return -EAGAIN;
	if (!fog_feed_place(f, length, &start)) {
		/* Asks for all slots, so that the tail is read anew. */
		(void)fog_ring_room(&f->ring, f->ring.count);
		if (f->ring.broken || !fog_feed_place(f, length, &start))
			return -EAGAIN;
	}
	submit.offset = (u32)(start % FOG_VERIFY_ARENA_SIZE);
	submit.length = length;
	if (length != 0)
		memcpy(f->arena + submit.offset, payload, length);
	f->at = (start + length + FOG_FEED_ALIGN - 1) & ~(u64)(FOG_FEED_ALIGN - 1);
	f->end[f->ring.pos & (f->ring.count - 1)] = f->at;
	return fog_ring_push(&f->ring, &submit);
}

/* Consumer: whether a copied submission points at a payload that is there. */
static inline bool fog_feed_valid(const struct fog_verify_submit *submit)
{
	return submit->length <= FOG_CHECK_PAYLOAD_MAX &&
	       submit->offset <= FOG_VERIFY_ARENA_SIZE - submit->length;
}

#endif
