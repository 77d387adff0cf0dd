/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/table/map.h"

#include <errno.h>

#include "crypto/cpu.h"

#define MAP_COUNT_LIMIT (1u << 29)

static inline u64 rotate(u64 v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static inline __attribute__((always_inline)) void sip_round(u64 v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 of the eight bytes of key: two message blocks, the second holds the length. */
u32 fog_map_hash(const struct fog_map *m, u64 key)
{
	u64 v[4] = {
		m->seed[0] ^ 0x736f6d6570736575ull,
		m->seed[1] ^ 0x646f72616e646f6dull,
		m->seed[0] ^ 0x6c7967656e657261ull,
		m->seed[1] ^ 0x7465646279746573ull,
	};
	const u64 last = 8ull << 56;

	v[3] ^= key;
	sip_round(v);
	v[0] ^= key;
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return (u32)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

#if defined(__x86_64__)

#define LANES    8
#define SPLAT(x) ((lanes){(x), (x), (x), (x), (x), (x), (x), (x)})
typedef u64 lanes __attribute__((vector_size(8 * LANES), aligned(8)));
typedef u32 narrow __attribute__((vector_size(4 * LANES), aligned(4)));

__attribute__((target("avx512f,avx512dq"))) static inline void sip_round_wide(lanes v[4])
{
	v[0] += v[1];
	v[1] = (v[1] << 13 | v[1] >> 51) ^ v[0];
	v[0] = v[0] << 32 | v[0] >> 32;
	v[2] += v[3];
	v[3] = (v[3] << 16 | v[3] >> 48) ^ v[2];
	v[0] += v[3];
	v[3] = (v[3] << 21 | v[3] >> 43) ^ v[0];
	v[2] += v[1];
	v[1] = (v[1] << 17 | v[1] >> 47) ^ v[2];
	v[2] = v[2] << 32 | v[2] >> 32;
}

/* Whole registers of keys; returns how many. */
__attribute__((target("avx512f,avx512dq"))) static u32 hash_wide(const struct fog_map *m,
								 const u64 *keys, u32 *hashes,
								 u32 count)
{
	const lanes last = SPLAT(8ull << 56);
	u32 done = 0;

	for (; done + LANES <= count; done += LANES) {
		lanes key = *(const lanes *)(keys + done);
		lanes v[4] = {
			SPLAT(m->seed[0] ^ 0x736f6d6570736575ull),
			SPLAT(m->seed[1] ^ 0x646f72616e646f6dull),
			SPLAT(m->seed[0] ^ 0x6c7967656e657261ull),
			(SPLAT(m->seed[1] ^ 0x7465646279746573ull)) ^ key,
		};
		sip_round_wide(v);
		v[0] ^= key;
		v[3] ^= last;
		sip_round_wide(v);
		v[0] ^= last;
		v[2] ^= SPLAT(0xffull);
		sip_round_wide(v);
		sip_round_wide(v);
		sip_round_wide(v);
		*(narrow *)(hashes + done) =
			__builtin_convertvector(v[0] ^ v[1] ^ v[2] ^ v[3], narrow);
	}
	return done;
}

#else

static u32 hash_wide(const struct fog_map *m, const u64 *keys, u32 *hashes, u32 count)
{
	return 0;
}

#endif

void fog_map_hash_many(const struct fog_map *m, const u64 *keys, u32 *hashes, u32 count)
{
	u32 done = m->wide ? hash_wide(m, keys, hashes, count) : 0;

	for (u32 i = done; i < count; i++)
		hashes[i] = fog_map_hash(m, keys[i]);
}

int fog_map_init(struct fog_map *m, struct fog_arena *a, u32 count_max, const u8 seed[16])
{
	u32 slots = 2;

	if (count_max == 0 || count_max > MAP_COUNT_LIMIT)
		return -EINVAL;
	while (slots < 2 * count_max)
		slots *= 2;
	m->entries = fog_arena_alloc(a, (size_t)slots * sizeof(m->entries[0]));
	if (m->entries == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < slots; i++)
		m->entries[i].value = FOG_MAP_NONE;
	m->mask = slots - 1;
	m->count = 0;
	m->count_max = count_max;
	m->wide = strcmp(fog_crypto_cpu(), "vaes") == 0;
	m->seed[0] = fog_load_u64(seed);
	m->seed[1] = fog_load_u64(seed + 8);
	return 0;
}

u32 fog_map_find(const struct fog_map *m, u64 key)
{
	return fog_map_find_hashed(m, fog_map_hash(m, key), key);
}

int fog_map_insert(struct fog_map *m, u64 key, u32 value)
{
	FOG_ASSERT(value != FOG_MAP_NONE);

	u32 hash = fog_map_hash(m, key);
	u32 i = fog_map_slot(m, hash, key);
	if (m->entries[i].value != FOG_MAP_NONE)
		return -EEXIST;
	if (m->count == m->count_max)
		return -ENOSPC;
	m->entries[i] = (struct fog_map_entry){.key = key, .value = value, .hash = hash};
	m->count++;
	return 0;
}

int fog_map_remove(struct fog_map *m, u64 key)
{
	u32 hole = fog_map_slot(m, fog_map_hash(m, key), key);

	if (m->entries[hole].value == FOG_MAP_NONE)
		return -ENOENT;
	/* Move back every later entry of the run that the hole would cut off from its home slot. */
	for (u32 i = (hole + 1) & m->mask; m->entries[i].value != FOG_MAP_NONE;
	     i = (i + 1) & m->mask) {
		u32 home = m->entries[i].hash & m->mask;
		if (((i - home) & m->mask) >= ((i - hole) & m->mask)) {
			m->entries[hole] = m->entries[i];
			hole = i;
		}
	}
	m->entries[hole].value = FOG_MAP_NONE;
	m->count--;
	return 0;
}
