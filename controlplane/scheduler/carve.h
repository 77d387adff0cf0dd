/* SPDX-License-Identifier: BSD-3-Clause */
/* Laying out arrays in one block of the caller's memory: run once with base NULL to count. */
#ifndef FOG_CARVE_H
#define FOG_CARVE_H

#include "crypto/types.h"

/* The next `size` bytes, on a cache line of their own; NULL when base is. */
static inline void *fog_carve(u8 *base, size_t *used, size_t size)
{
	void *p = base == NULL ? NULL : base + *used;

	*used += (size + FOG_CACHELINE - 1) / FOG_CACHELINE * FOG_CACHELINE;
	return p;
}

/* The first cache line at or after p. Callers ask for FOG_CACHELINE bytes more than they carve. */
static inline u8 *fog_carve_start(void *p)
{
	return (u8 *)p + -(uintptr_t)p % FOG_CACHELINE;
}

#endif
