/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/io/path.h"

#include "tests/unit/fog_test.h"

static struct fog_address peer(u32 i)
{
	struct fog_address a = {.port = (u16)(1 + i % 7)};

	fog_store_u32(a.ip + 12, i);
	return a;
}

static void test_life_cycle(void)
{
	static struct fog_paths paths;

	for (u32 i = 0; i < 1024; i++) {
		struct fog_address a = peer(i);
		struct fog_path *p = fog_path_find(&paths, &a);
		CU_ASSERT_EQUAL(p->until_ns, 0);
		p->until_ns = 1000 + i;
		p->header_size = 42;
	}
	/* Neighbours at their most: nearly all still there. */
	u32 kept = 0;
	for (u32 i = 0; i < 1024; i++) {
		struct fog_address a = peer(i);
		struct fog_path *p = fog_path_find(&paths, &a);
		kept += p->until_ns == 1000 + i;
		CU_ASSERT_TRUE(fog_address_equal(&p->peer, &a));
	}
	CU_ASSERT_TRUE(kept > 1000);
}

static void test_hops(void)
{
	static struct fog_hops hops;
	const u8 ip[16] = {1}, mac[6] = {2, 3};
	u8 out[6];
	bool ask;
	u64 now = 1000000000;

	fog_hop_learn(&hops, ip, mac, now, false); /* nobody asked */
	CU_ASSERT_EQUAL(hops.count, 0);
	CU_ASSERT_FALSE(fog_hop_find(&hops, ip, now, out, &ask));
	CU_ASSERT_TRUE(ask);
	CU_ASSERT_FALSE(fog_hop_find(&hops, ip, now + 1, out, &ask));
	CU_ASSERT_FALSE(ask); /* not again so soon */
	CU_ASSERT_FALSE(fog_hop_find(&hops, ip, now + FOG_HOP_ASK_NS, out, &ask));
	CU_ASSERT_TRUE(ask);
	fog_hop_learn(&hops, ip, mac, now, false);
	CU_ASSERT_TRUE(fog_hop_find(&hops, ip, now + 1, out, &ask));
	CU_ASSERT_FALSE(ask);
	CU_ASSERT_EQUAL(memcmp(out, mac, 6), 0);
	CU_ASSERT_TRUE(fog_hop_find(&hops, ip, now + FOG_HOP_FRESH_NS, out, &ask));
	CU_ASSERT_TRUE(ask); /* still good, asked anew */
	CU_ASSERT_FALSE(fog_hop_find(&hops, ip, now + FOG_HOP_DEAD_NS, out, &ask));
}

/* A table full of strangers stays bounded and still takes the next one. */
static void test_full(void)
{
	static struct fog_hops hops;
	const u8 mac[6] = {9};
	u8 out[6];
	bool ask;

	for (u32 i = 0; i < 3 * FOG_HOPS_KNOWN_MAX; i++) {
		struct fog_address a = peer(i);
		fog_hop_learn(&hops, a.ip, mac, 1 + i, true);
		CU_ASSERT_TRUE(fog_hop_find(&hops, a.ip, 2 + i, out, &ask));
	}
	CU_ASSERT_EQUAL(hops.count, FOG_HOPS_KNOWN_MAX);
}

FOG_TEST_MAIN("dataplane/io/path", FOG_TEST(test_life_cycle), FOG_TEST(test_hops),
	      FOG_TEST(test_full))
