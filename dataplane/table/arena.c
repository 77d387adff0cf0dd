/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/table/arena.h"

#include <sys/mman.h>

/* Random access to a large table costs a page walk a line with small pages. */
#define HUGE_PAGE ((size_t)2 << 20)

void *fog_arena_alloc(struct fog_arena *a, size_t size)
{
	FOG_ASSERT(!a->sealed);
	FOG_ASSERT(size != 0);

	if (a->count == FOG_ARENA_CHUNKS_MAX)
		return NULL;
	size_t lost = size >= HUGE_PAGE ? HUGE_PAGE - 1 : 0; /* at most, by aligning */
	size += lost;
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	if (lost != 0)
		(void)madvise(base, size, MADV_HUGEPAGE);
	/* Keys live here; a dump without them is as useful. Best effort: old kernels refuse. */
	(void)madvise(base, size, MADV_DONTDUMP);
	a->chunk[a->count].base = base;
	a->chunk[a->count].size = size;
	a->count++;
	return (void *)(((uintptr_t)base + lost) & ~(uintptr_t)lost);
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
