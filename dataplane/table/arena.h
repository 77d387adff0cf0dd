/* SPDX-License-Identifier: BSD-3-Clause */
/* All memory of a data plane, taken before it starts and given back when it ends. Zeroed, aligned
 * to pages, kept out of core dumps. One thread, until sealed. */
#ifndef FOG_TABLE_ARENA_H
#define FOG_TABLE_ARENA_H

#include "crypto/types.h"

#define FOG_ARENA_CHUNKS_MAX 2048 /* more: NULL, as if memory were out */

struct fog_arena {
	struct {
		void *base;
		size_t size;
	} chunk[FOG_ARENA_CHUNKS_MAX];
	u32 count;
	bool sealed;
};

/* size bytes, or NULL when memory is out. Asserts that the arena is not sealed. Pages are mapped at
 * first touch, so large tables cost what they use. */
void *fog_arena_alloc(struct fog_arena *a, size_t size);
/* From now on allocation is our bug. */
void fog_arena_seal(struct fog_arena *a);
/* Unmap everything. Secrets in it: the kernel zeroes pages before anybody else sees them. */
void fog_arena_free(struct fog_arena *a);

#endif
