/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/mix/wheel.h"

#include "crypto/random/random.h"
#include "tests/unit/fog_test.h"

#define COUNT 5000

static struct fog_mix_wheel w;
static struct fog_mix_held held[COUNT];

static void test_life_cycle(void)
{
	fog_mix_wheel_init(&w, held, 3, 0);
	u32 a = fog_mix_held_take(&w), b = fog_mix_held_take(&w), c = fog_mix_held_take(&w);
	CU_ASSERT_EQUAL(fog_mix_held_take(&w), FOG_MIX_HELD_NONE);
	CU_ASSERT_EQUAL(fog_mix_wheel_next(&w), UINT64_MAX);
	fog_mix_wheel_put(&w, a, 5 * FOG_MIX_TICK_NS);
	fog_mix_wheel_put(&w, b, 3 * FOG_MIX_TICK_NS + 1);
	fog_mix_wheel_put(&w, c, 0);
	CU_ASSERT_EQUAL(fog_mix_wheel_due(&w, 0), c);
	CU_ASSERT_EQUAL(fog_mix_wheel_due(&w, 0), FOG_MIX_HELD_NONE);
	CU_ASSERT_EQUAL(fog_mix_wheel_next(&w), 4 * FOG_MIX_TICK_NS);
	CU_ASSERT_EQUAL(fog_mix_wheel_due(&w, 4 * FOG_MIX_TICK_NS - 1), FOG_MIX_HELD_NONE);
	CU_ASSERT_EQUAL(fog_mix_wheel_due(&w, 9 * FOG_MIX_TICK_NS), b);
	CU_ASSERT_EQUAL(fog_mix_wheel_due(&w, 9 * FOG_MIX_TICK_NS), a);
	CU_ASSERT_EQUAL(fog_mix_wheel_due(&w, 9 * FOG_MIX_TICK_NS), FOG_MIX_HELD_NONE);
	fog_mix_held_give(&w, b);
	CU_ASSERT_EQUAL(fog_mix_held_take(&w), b);
}

/* Against a list: never early, never later than a tick after the first look. */
static void test_random(void)
{
	static u64 due[COUNT];
	struct fog_rng rng;
	u64 now = 1ull << 50;
	unsigned inside = 0, out = 0;

	fog_rng_init_u64(&rng, 3);
	fog_mix_wheel_init(&w, held, COUNT, now);
	while (out < 4 * COUNT) {
		u32 i = fog_mix_held_take(&w);
		if (i != FOG_MIX_HELD_NONE) {
			due[i] = now + fog_rng_below(&rng, FOG_MIX_DELAY_MAX_NS);
			fog_mix_wheel_put(&w, i, due[i]);
			inside++;
		}
		now += fog_rng_below(&rng, 5000000);
		while ((i = fog_mix_wheel_due(&w, now)) != FOG_MIX_HELD_NONE) {
			CU_ASSERT(due[i] <= now);
			CU_ASSERT(due[i] + 5000000 + FOG_MIX_TICK_NS >= now);
			fog_mix_held_give(&w, i);
			inside--;
			out++;
		}
		u64 next = fog_mix_wheel_next(&w);
		CU_ASSERT_EQUAL(next == UINT64_MAX, inside == 0);
		CU_ASSERT(next > now);
	}
}

FOG_TEST_MAIN("dataplane/mix/wheel", FOG_TEST(test_life_cycle), FOG_TEST(test_random))
