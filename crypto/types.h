/* SPDX-License-Identifier: BSD-3-Clause */
/* Fixed-width names, unaligned little-endian access and the four assertion words, for every layer.
 * Leaf header: includes nothing of Fog. */
#ifndef FOG_TYPES_H
#define FOG_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

#define FOG_ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FOG_CACHELINE      64
#define FOG_CACHE_ALIGNED  _Alignas(FOG_CACHELINE)
#define FOG_MIN(a, b)      ((a) < (b) ? (a) : (b))
#define FOG_MAX(a, b)      ((a) > (b) ? (a) : (b))

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the wire and shared-memory code assumes a little-endian host"
#endif

/* Little-endian load and store at any alignment. */
static inline u16 fog_load_u16(const void *p)
{
	u16 v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline u32 fog_load_u32(const void *p)
{
	u32 v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline u64 fog_load_u64(const void *p)
{
	u64 v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void fog_store_u16(void *p, u16 v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void fog_store_u32(void *p, u32 v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void fog_store_u64(void *p, u64 v)
{
	memcpy(p, &v, sizeof(v));
}

/* Our bug: say where and die, in release builds too. Never for bytes from a peer, a file or the
 * other process: those are validated, counted and dropped. */
#define FOG_ASSERT(cond)                                            \
	do {                                                        \
		if (__builtin_expect(!(cond), 0))                   \
			fog_assert_fail(#cond, __FILE__, __LINE__); \
	} while (0)

/* Too slow for release: compiled only with -DFOG_DEBUG_CHECKS. */
#ifdef FOG_DEBUG_CHECKS
#define FOG_CHECK(cond) FOG_ASSERT(cond)
#else
#define FOG_CHECK(cond) ((void)sizeof(!(cond)))
#endif

#define FOG_UNREACHABLE() fog_assert_fail("unreachable", __FILE__, __LINE__)

__attribute__((noreturn, cold, unused)) static void fog_assert_fail(const char *what,
								    const char *file, int line)
{
	fprintf(stderr, "fog: assertion failed: %s at %s:%d\n", what, file, line);
	abort();
}

#endif
