/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/table/map.h"

#include <errno.h>

#include "crypto/random/random.h"
#include "crypto/cpu.h"
#include "tests/unit/fog_test.h"

static const u8 seed[16] = {1, 2, 3};

static void test_life_cycle(void)
{
	struct fog_arena a = {0};
	struct fog_map m;

	CU_ASSERT_EQUAL(fog_map_init(&m, &a, 100, seed), 0);
	CU_ASSERT_EQUAL(fog_map_find(&m, 7), FOG_MAP_NONE);
	CU_ASSERT_EQUAL(fog_map_insert(&m, 7, 70), 0);
	CU_ASSERT_EQUAL(fog_map_insert(&m, 7, 71), -EEXIST);
	CU_ASSERT_EQUAL(fog_map_find(&m, 7), 70);
	CU_ASSERT_EQUAL(fog_map_find_hashed(&m, fog_map_hash(&m, 7), 7), 70);
	CU_ASSERT_EQUAL(fog_map_remove(&m, 7), 0);
	CU_ASSERT_EQUAL(fog_map_remove(&m, 7), -ENOENT);
	CU_ASSERT_EQUAL(fog_map_find(&m, 7), FOG_MAP_NONE);
	for (u32 i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(fog_map_insert(&m, i, i), 0);
	CU_ASSERT_EQUAL(fog_map_insert(&m, 100, 1), -ENOSPC);
	CU_ASSERT_EQUAL(m.count, 100);
	fog_arena_free(&a);
}

static void test_bad_arguments(void)
{
	struct fog_arena a = {0}, full = {.count = FOG_ARENA_CHUNKS_MAX};
	struct fog_map m;

	CU_ASSERT_EQUAL(fog_map_init(&m, &a, 0, seed), -EINVAL);
	CU_ASSERT_EQUAL(fog_map_init(&m, &a, UINT32_MAX, seed), -EINVAL);
	CU_ASSERT_EQUAL(fog_map_init(&m, &full, 8, seed), -ENOMEM);
	fog_arena_free(&a);
}

/* The SipHash-1-3 of eight bytes, as its authors' C reference computes it with 1 and 3 rounds;
 * recomputed here the long way, byte by byte. */
static u64 rotl(u64 v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static u32 siphash13(u64 k0, u64 k1, u64 message)
{
	u64 a = k0 ^ 0x736f6d6570736575ull, b = k1 ^ 0x646f72616e646f6dull,
	    c = k0 ^ 0x6c7967656e657261ull, d = k1 ^ 0x7465646279746573ull;
	const u64 words[2] = {message, 8ull << 56};

	for (int i = 0; i < 5; i++) {
		if (i < 2)
			d ^= words[i];
		if (i == 2)
			c ^= 0xff;
		a += b, b = rotl(b, 13), b ^= a, a = rotl(a, 32);
		c += d, d = rotl(d, 16), d ^= c;
		a += d, d = rotl(d, 21), d ^= a;
		c += b, b = rotl(b, 17), b ^= c, c = rotl(c, 32);
		if (i < 2)
			a ^= words[i];
	}
	return (u32)(a ^ b ^ c ^ d);
}

static void test_hash(void)
{
	struct fog_arena a = {0};
	struct fog_map m;
	u8 key[16];

	for (u32 i = 0; i < 16; i++)
		key[i] = (u8)i;
	CU_ASSERT_EQUAL(fog_map_init(&m, &a, 8, key), 0);
	for (u64 k = 0; k < 1000; k++)
		CU_ASSERT_EQUAL(fog_map_hash(&m, k * k * k),
				siphash13(fog_load_u64(key), fog_load_u64(key + 8), k * k * k));
	fog_arena_free(&a);
}

#define KEYS 300 /* few keys, many operations: long runs and much deletion */

static void test_model(void)
{
	const char *text = getenv("FOG_SEED");
	u64 number = text != NULL ? strtoull(text, NULL, 0) : 42;
	u32 model[KEYS];
	struct fog_arena a = {0};
	struct fog_map m;
	struct fog_rng rng;
	u8 s[16];

	printf("FOG_SEED=%llu ", (unsigned long long)number);
	fog_rng_init_u64(&rng, number);
	fog_rng_bytes(&rng, s, sizeof(s));
	CU_ASSERT_EQUAL(fog_map_init(&m, &a, 128, s), 0);
	memset(model, 0xff, sizeof(model));
	u32 count = 0;
	for (u32 step = 0; step < 200000; step++) {
		u32 k = (u32)fog_rng_below(&rng, KEYS), v = (u32)fog_rng_below(&rng, 1000);
		/* Keys that differ in the upper half only, as circuit ids of many links do. */
		u64 key = (u64)k << 32 | 5;
		if (fog_rng_below(&rng, 100) < 52) {
			int want = model[k] != UINT32_MAX ? -EEXIST : count == 128 ? -ENOSPC : 0;
			CU_ASSERT_EQUAL_FATAL(fog_map_insert(&m, key, v), want);
			if (want == 0) {
				model[k] = v;
				count++;
			}
		} else {
			int want = model[k] == UINT32_MAX ? -ENOENT : 0;
			CU_ASSERT_EQUAL_FATAL(fog_map_remove(&m, key), want);
			if (want == 0) {
				model[k] = UINT32_MAX;
				count--;
			}
		}
		CU_ASSERT_EQUAL_FATAL(m.count, count);
		if (step % 64 == 0)
			for (u32 i = 0; i < KEYS; i++)
				CU_ASSERT_EQUAL_FATAL(fog_map_find(&m, (u64)i << 32 | 5), model[i]);
	}
	fog_arena_free(&a);
}

/* Eight at a time or one by one: the same. */
static void test_hash_many(void)
{
	struct fog_arena a = {0};
	struct fog_map m;
	u64 keys[37];
	u32 hashes[37];

	for (unsigned path = 0; fog_crypto_path(path) != NULL; path++) {
		if (fog_crypto_select(fog_crypto_path(path)) < 0)
			continue;
		CU_ASSERT_EQUAL(fog_map_init(&m, &a, 8, (const u8 *)"0123456789abcdef"), 0);
		for (u32 i = 0; i < 37; i++)
			keys[i] = i * 0x9e3779b97f4a7c15ull;
		for (u32 count = 0; count <= 37; count++) {
			memset(hashes, 0, sizeof(hashes));
			fog_map_hash_many(&m, keys, hashes, count);
			for (u32 i = 0; i < 37; i++)
				CU_ASSERT_EQUAL(hashes[i],
						i < count ? fog_map_hash(&m, keys[i]) : 0);
		}
	}
	fog_arena_free(&a);
}

FOG_TEST_MAIN("dataplane/table/map", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_hash), FOG_TEST(test_model), FOG_TEST(test_hash_many))
