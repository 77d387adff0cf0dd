/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/limit.h"

#include "tests/unit/fog_test.h"

static struct fog_limiter l;
static const struct fog_limit_rate rates[FOG_RATE_COUNT] = {{3, 5}, {0, 2}, {0, 0}};

static u64 key(const char *name)
{
	return fog_limit_key(&l, 'u', name, strlen(name));
}

static void test_life_cycle(void)
{
	struct fog_limit_left left;

	fog_limiter_init(&l, 7, 1000000);
	fog_limiter_rates(&l, rates);
	CU_ASSERT(fog_limiter_take(&l, key("a"), FOG_RATE_STANDARD, 1000000, &left));
	CU_ASSERT(left.limit == 3 && left.remaining == 2 && left.reset_s == 60);
	CU_ASSERT(fog_limiter_take(&l, key("a"), FOG_RATE_STANDARD, 1000010, &left));
	CU_ASSERT(fog_limiter_take(&l, key("a"), FOG_RATE_STANDARD, 1000020, &left));
	CU_ASSERT(left.remaining == 0);
	CU_ASSERT_FALSE(fog_limiter_take(&l, key("a"), FOG_RATE_STANDARD, 1000059, &left));
	CU_ASSERT(left.limit == 3 && left.remaining == 0 && left.reset_s == 1);
	/* Others do not notice; a new minute; then the hour is used up. */
	CU_ASSERT(fog_limiter_take(&l, key("b"), FOG_RATE_STANDARD, 1000059, &left));
	CU_ASSERT(fog_limiter_take(&l, key("a"), FOG_RATE_STANDARD, 1000060, &left));
	CU_ASSERT(left.limit == 5 && left.remaining == 1);
	CU_ASSERT(fog_limiter_take(&l, key("a"), FOG_RATE_STANDARD, 1000061, &left));
	CU_ASSERT_FALSE(fog_limiter_take(&l, key("a"), FOG_RATE_STANDARD, 1000200, &left));
	CU_ASSERT(left.limit == 5 && left.reset_s == 3400);
	CU_ASSERT(fog_limiter_take(&l, key("a"), FOG_RATE_STANDARD, 1003600, &left));
}

static void test_tiers(void)
{
	struct fog_limit_left left;

	fog_limiter_init(&l, 7, 1000000);
	fog_limiter_rates(&l, rates);
	for (int i = 0; i < 1000; i++)
		CU_ASSERT(fog_limiter_take(&l, key("e"), FOG_RATE_ENTERPRISE, 1000000, &left));
	CU_ASSERT_EQUAL(left.limit, 0);
	CU_ASSERT(fog_limiter_take(&l, key("p"), FOG_RATE_PREMIUM, 1000000, &left));
	CU_ASSERT(fog_limiter_take(&l, key("p"), FOG_RATE_PREMIUM, 1000000, &left));
	CU_ASSERT_FALSE(fog_limiter_take(&l, key("p"), FOG_RATE_PREMIUM, 1003599, &left));
	CU_ASSERT(left.limit == 2 && left.reset_s == 1);
}

/* More callers than there is room for; a clock that goes back. */
static void test_hostile(void)
{
	struct fog_limit_left left;
	char name[16];
	u32 refused = 0;

	fog_limiter_init(&l, 7, 1000000);
	fog_limiter_rates(&l, rates);
	for (u32 i = 0; i < 200000; i++) {
		snprintf(name, sizeof(name), "%u", i);
		refused += !fog_limiter_take(&l, key(name), FOG_RATE_STANDARD, 1000000 + i / 1000,
					     &left);
	}
	CU_ASSERT_EQUAL(refused, 0);
	(void)fog_limiter_take(&l, key("x"), FOG_RATE_STANDARD, 1000000, &left);
	(void)fog_limiter_take(&l, key("x"), FOG_RATE_STANDARD, 5, &left);
	CU_ASSERT(left.remaining <= 3);
	CU_ASSERT_NOT_EQUAL(fog_limit_key(&l, 'u', "x", 1), fog_limit_key(&l, 'a', "x", 1));
}

FOG_TEST_MAIN("controlplane/gateway/limit", FOG_TEST(test_life_cycle), FOG_TEST(test_tiers),
	      FOG_TEST(test_hostile))
