/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/mix/tags.h"

#include <errno.h>

#include "crypto/cpu.h"
#include "crypto/random/random.h"
#include "tests/unit/fog_test.h"

static struct fog_mix_tags t;
static struct fog_rng rng;

static void start(u32 capacity)
{
	static void *memory;
	u8 key[32];

	free(memory);
	memory = aligned_alloc(64, fog_mix_tags_size(capacity));
	CU_ASSERT_FATAL(memory != NULL && fog_crypto_init() == 0);
	fog_mix_tags_init(&t, memory, capacity);
	fog_rng_init_u64(&rng, 7);
	fog_rng_bytes(&rng, key, sizeof(key));
	fog_mix_tags_reset(&t, key);
}

static void mark_of(u64 n, u8 mark[FOG_MIX_MARK_SIZE])
{
	u8 tag[32] = {0}, out[1][FOG_MIX_MARK_SIZE];
	const u8 *one = tag;

	fog_store_u64(tag, n * 0x9e3779b97f4a7c15ull);
	fog_mix_tags_marks(&t, out, &one, 1);
	memcpy(mark, out[0], FOG_MIX_MARK_SIZE);
}

static void test_life_cycle(void)
{
	u8 mark[FOG_MIX_MARK_SIZE];

	start(1000);
	CU_ASSERT(t.capacity >= 1000);
	for (u64 n = 0; n < 1000; n++) {
		mark_of(n, mark);
		CU_ASSERT(!fog_mix_tags_has(&t, mark));
		CU_ASSERT_EQUAL(fog_mix_tags_add(&t, mark), 0);
		CU_ASSERT_EQUAL(fog_mix_tags_add(&t, mark), -EEXIST);
	}
	for (u64 n = 0; n < 1000; n++) {
		mark_of(n, mark);
		CU_ASSERT(fog_mix_tags_has(&t, mark));
	}
	fog_mix_tags_reset(&t, (const u8[32]){1});
	mark_of(5, mark);
	CU_ASSERT(!fog_mix_tags_has(&t, mark));
}

/* Twice the capacity: never a crash, never a tag taken twice, never one forgotten. */
static void test_saturation(void)
{
	u8 mark[FOG_MIX_MARK_SIZE];
	u64 taken = 0;

	start(1 << 14);
	for (u64 n = 0; n < 2 * (u64)t.capacity; n++) {
		mark_of(n, mark);
		int rc = fog_mix_tags_add(&t, mark);
		CU_ASSERT(rc == 0 || (n >= t.capacity && rc == -ENOSPC));
		taken += rc == 0;
	}
	CU_ASSERT_EQUAL(taken, t.capacity);
	for (u64 n = 0; n < t.capacity; n++) {
		mark_of(n, mark);
		if (fog_mix_tags_add(&t, mark) != -EEXIST)
			CU_FAIL("forgotten");
	}
}

/* Ten million unseen tags against a full table. The bound of 1e-6 would allow ten; the design says
 * 0.04 of them. */
static void test_false_positives(void)
{
	u8 mark[FOG_MIX_MARK_SIZE];
	unsigned wrong = 0;

	start(1 << 18);
	for (u64 n = 0; n < t.capacity; n++) {
		mark_of(n, mark);
		(void)fog_mix_tags_add(&t, mark);
	}
	for (u64 n = 0; n < 10000000; n++) {
		mark_of(n + (1ull << 40), mark);
		wrong += fog_mix_tags_has(&t, mark);
	}
	CU_ASSERT(wrong <= 10000000 * FOG_MIX_FALSE_POSITIVE);
}

FOG_TEST_MAIN("dataplane/mix/tags", FOG_TEST(test_life_cycle), FOG_TEST(test_saturation),
	      FOG_TEST(test_false_positives))
