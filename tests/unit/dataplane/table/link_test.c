/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/table/link.h"

#include <errno.h>

#include "crypto/mem.h"
#include "tests/unit/fog_test.h"

static const u8 seed[16] = {4};

static struct fog_session session(u32 local)
{
	struct fog_session s = {.local = local, .remote = local + 1, .live = true};

	memset(&s.send, (int)local, sizeof(s.send));
	return s;
}

static void test_life_cycle(void)
{
	struct fog_arena a = {0};
	struct fog_map m;
	struct fog_link l = {.id = 5};
	struct fog_session s = session(10), t = session(20), u = session(30);

	CU_ASSERT_EQUAL(fog_map_init(&m, &a, 8, seed), 0);
	CU_ASSERT_EQUAL(fog_session_install(&l, FOG_SESSION_NEXT, &m, &s), 0);
	CU_ASSERT_EQUAL(fog_map_find(&m, 10), 5);
	CU_ASSERT_PTR_EQUAL(fog_link_session(&l, 10), &l.session[FOG_SESSION_NEXT]);
	fog_session_promote(&l, FOG_SESSION_NEXT, &m);
	CU_ASSERT_PTR_EQUAL(fog_link_session(&l, 10), &l.session[FOG_SESSION_CURRENT]);
	CU_ASSERT_TRUE(fog_is_zero(&l.session[FOG_SESSION_NEXT], sizeof(s)));
	CU_ASSERT_EQUAL(fog_session_install(&l, FOG_SESSION_NEXT, &m, &t), 0);
	fog_session_promote(&l, FOG_SESSION_NEXT, &m);
	CU_ASSERT_PTR_EQUAL(fog_link_session(&l, 10), &l.session[FOG_SESSION_PREVIOUS]);
	CU_ASSERT_PTR_EQUAL(fog_link_session(&l, 20), &l.session[FOG_SESSION_CURRENT]);
	CU_ASSERT_EQUAL(fog_session_install(&l, FOG_SESSION_NEXT, &m, &u), 0);
	fog_session_promote(&l, FOG_SESSION_NEXT, &m);
	/* The first has gone for good. */
	CU_ASSERT_PTR_NULL(fog_link_session(&l, 10));
	CU_ASSERT_EQUAL(fog_map_find(&m, 10), FOG_MAP_NONE);
	CU_ASSERT_EQUAL(m.count, 2);
	for (unsigned i = 0; i < FOG_SESSION_COUNT; i++)
		fog_session_drop(&l, i, &m);
	CU_ASSERT_EQUAL(m.count, 0);
	CU_ASSERT_TRUE(fog_is_zero(l.session, sizeof(l.session)));
	fog_arena_free(&a);
}

static void test_bad_arguments(void)
{
	struct fog_arena a = {0};
	struct fog_map m;
	struct fog_link l = {.id = 5}, k = {.id = 6};
	struct fog_session s = session(10), t = session(11);

	CU_ASSERT_EQUAL(fog_map_init(&m, &a, 2, seed), 0);
	CU_ASSERT_EQUAL(fog_session_install(&l, FOG_SESSION_NEXT, &m, &s), 0);
	/* An index in use: the session there stays as it is. */
	CU_ASSERT_EQUAL(fog_session_install(&k, FOG_SESSION_NEXT, &m, &s), -EEXIST);
	CU_ASSERT_EQUAL(fog_session_install(&l, FOG_SESSION_NEXT, &m, &s), -EEXIST);
	CU_ASSERT_TRUE(l.session[FOG_SESSION_NEXT].live);
	CU_ASSERT_EQUAL(fog_session_install(&k, FOG_SESSION_NEXT, &m, &t), 0);
	t.local = 12;
	CU_ASSERT_EQUAL(fog_session_install(&k, FOG_SESSION_NEXT, &m, &t), -ENOSPC);
	CU_ASSERT_EQUAL(k.session[FOG_SESSION_NEXT].local, 11);
	fog_session_drop(&k, FOG_SESSION_PREVIOUS, &m); /* empty: nothing happens */
	fog_arena_free(&a);
}

static void test_side(void)
{
	struct fog_link l = {.smaller = true};

	CU_ASSERT_EQUAL(fog_link_side_bit(&l), 0);
	l.smaller = false;
	CU_ASSERT_EQUAL(fog_link_side_bit(&l), FOG_CIRCUIT_ID_HIGH);
}

static void test_tokens(void)
{
	struct fog_link l = {0};
	u64 now = 1000 * FOG_NS_PER_S;
	u32 granted = 0;

	CU_ASSERT_TRUE(fog_link_take_create(&l, now, 0, 0)); /* no limit */
	for (u32 i = 0; i < 20; i++)
		granted += fog_link_take_create(&l, now, 10, 5);
	CU_ASSERT_EQUAL(granted, 5);
	/* Ten a second, however finely time is cut. */
	granted = 0;
	for (u32 i = 0; i < 3000; i++) {
		now += FOG_NS_PER_MS;
		granted += fog_link_take_create(&l, now, 10, 5);
	}
	CU_ASSERT_TRUE(granted >= 29);
	CU_ASSERT_TRUE(granted <= 30);
	now += 10000 * FOG_NS_PER_S; /* no overflow, no more than the burst */
	granted = 0;
	for (u32 i = 0; i < 20; i++)
		granted += fog_link_take_create(&l, now, UINT32_MAX, 5);
	CU_ASSERT_EQUAL(granted, 5);
	/* A rate below one a second still comes through. */
	memset(&l, 0, sizeof(l));
	CU_ASSERT_TRUE(fog_link_take_create(&l, now, 1, 1));
	CU_ASSERT_FALSE(fog_link_take_create(&l, now + FOG_NS_PER_S / 2, 1, 1));
	CU_ASSERT_TRUE(fog_link_take_create(&l, now + FOG_NS_PER_S, 1, 1));
}

FOG_TEST_MAIN("dataplane/table/link", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_side), FOG_TEST(test_tokens))
