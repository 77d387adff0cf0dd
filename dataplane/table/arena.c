/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/table/arena.h"

#include <sys/mman.h>

void *fog_arena_alloc(struct fog_arena *a, size_t size)
{
	FOG_ASSERT(!a->sealed);
	FOG_ASSERT(size != 0);

	if (a->count == FOG_ARENA_CHUNKS_MAX)
		return NULL;
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	/* Keys live here; a dump without them is as useful. Best effort: old kernels refuse. */
	(void)madvise(base, size, MADV_DONTDUMP);
	a->chunk[a->count].base = base;
	a->chunk[a->count].size = size;
	a->count++;
	return base;
}

void fog_arena_seal(struct fog_arena *a)
{
	a->sealed = true;
}

void fog_arena_free(struct fog_arena *a)
{
	while (a->count > 0) {
		a->count--;
		munmap(a->chunk[a->count].base, a->chunk[a->count].size);
	}
	a->sealed = false;
}
