/* SPDX-License-Identifier: BSD-3-Clause */
/* Owner table: u64 key -> u32 value, open addressing with linear probing under a keyed hash
 * (SipHash-1-3, so that a peer who picks keys cannot make chains), deletion by moving later entries
 * back (no tombstones, no rebuild), fixed size. One thread owns a table.
 * Cost: hash about 12 ns, one or two cache lines a lookup at the half-full limit. */
#ifndef FOG_TABLE_MAP_H
#define FOG_TABLE_MAP_H

#include "crypto/types.h"
#include "dataplane/table/arena.h"

#define FOG_MAP_NONE UINT32_MAX /* never a value */

struct fog_map_entry {
	u64 key;
	u32 value; /* FOG_MAP_NONE = empty */
	u32 hash;
};

struct fog_map {
	struct fog_map_entry *entries;
	u32 mask;
	u32 count;
	u32 count_max; /* half of the slots */
	u64 seed[2];
	bool wide; /* the CPU path in use has 512-bit registers */
};

/* Room for count_max entries (1 .. 2^29). seed: secret random. 0, -EINVAL or -ENOMEM. */
int fog_map_init(struct fog_map *m, struct fog_arena *a, u32 count_max, const u8 seed[16]);

u32 fog_map_hash(const struct fog_map *m, u64 key);
/* The same of many keys: with AVX-512 eight at a time, at a third of the cost. */
void fog_map_hash_many(const struct fog_map *m, const u64 *keys, u32 *hashes, u32 count);
static inline __attribute__((always_inline)) void fog_map_prefetch(const struct fog_map *m,
								   u32 hash)
{
	__builtin_prefetch(&m->entries[hash & m->mask]);
}

/* The slot of key, or the empty slot where its chain ends. */
static inline u32 fog_map_slot(const struct fog_map *m, u32 hash, u64 key)
{
	u32 i = hash & m->mask;

	while (m->entries[i].value != FOG_MAP_NONE && m->entries[i].key != key)
		i = (i + 1) & m->mask;
	return i;
}

/* The value, or FOG_MAP_NONE. The second form for batches: hash all, prefetch all, then find. */
u32 fog_map_find(const struct fog_map *m, u64 key);
static inline u32 fog_map_find_hashed(const struct fog_map *m, u32 hash, u64 key)
{
	return m->entries[fog_map_slot(m, hash, key)].value;
}

/* 0, -EEXIST (table unchanged) or -ENOSPC. */
int fog_map_insert(struct fog_map *m, u64 key, u32 value);
/* 0 or -ENOENT. */
int fog_map_remove(struct fog_map *m, u64 key);

#endif
