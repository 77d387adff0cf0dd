/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/place.h"
#include "tests/unit/fog_test.h"

static struct fog_descriptor d[FOG_PLACE_HOSTS_MAX];

static void host(u32 i, const char *address, const char *operator_name)
{
	memset(&d[i], 0, sizeof(d[i]));
	CU_ASSERT_EQUAL(fog_address_parse(address, &d[i].link), 0);
	d[i].node_id[0] = (u8)(i + 1);
	d[i].node_id[1] = (u8)(i >> 8);
	snprintf(d[i].operator_name, sizeof(d[i].operator_name), "%s", operator_name);
}

static void test_together(void)
{
	static const struct {
		const char *a, *b;
		bool together;
	} cases[] = {
		{"8.8.8.1:1", "8.8.8.200:2", true},
		{"8.8.8.1:1", "8.8.9.1:1", false},
		{"10.0.0.1:1", "10.0.0.2:1", false}, /* private: says nothing */
		{"10.0.0.1:1", "10.0.0.1:2", true},
		{"127.0.0.1:1", "127.0.0.1:2", false},  /* hosts of a lab */
		{"172.32.0.1:1", "172.32.0.2:1", true}, /* not private any more */
		{"100.64.1.1:1", "100.64.1.2:1", false},
		{"[2001:db8:1::1]:1", "[2001:db8:1:ff::1]:1", true},
		{"[2001:db8:1::1]:1", "[2001:db8:2::1]:1", false},
		{"[fd00::1]:1", "[fd00::2]:1", false},
	};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		host(0, cases[i].a, "");
		host(1, cases[i].b, "");
		if (fog_place_together(&d[0], &d[1]) != cases[i].together)
			printf("case %u\n", i);
		CU_ASSERT_EQUAL(fog_place_together(&d[0], &d[1]), cases[i].together);
	}
	host(0, "8.8.8.1:1", "acme");
	host(1, "9.9.9.1:1", "acme");
	CU_ASSERT_TRUE(fog_place_together(&d[0], &d[1]));
	host(1, "9.9.9.1:1", "");
	CU_ASSERT_FALSE(fog_place_together(&d[0], &d[1]));
}

/* One operator in two networks joins what is in either. */
static void test_groups(void)
{
	struct fog_place_groups *g;

	host(0, "8.8.8.1:1", "");
	host(1, "9.9.9.1:1", "acme");
	host(2, "7.7.7.1:1", "");
	host(3, "8.8.8.2:1", "acme");
	host(4, "9.9.9.2:1", "");
	CU_ASSERT_EQUAL_FATAL(fog_place_groups_new(&g), 0);
	for (u32 i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(fog_place_groups_add(g, &d[i]), i);
	static const u32 want[] = {0, 0, 2, 0, 0};
	for (u32 i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(fog_place_groups_of(g, i), want[i]);
	fog_place_groups_free(g);
	fog_place_groups_free(NULL);
}

static void test_full(void)
{
	struct fog_place_groups *g;
	char address[64], name[32];

	CU_ASSERT_EQUAL_FATAL(fog_place_groups_new(&g), 0);
	for (u32 i = 0; i < FOG_PLACE_HOSTS_MAX; i++) {
		snprintf(address, sizeof(address), "%u.%u.7.1:1", 11 + i / 256, i % 256);
		snprintf(name, sizeof(name), "operator %u", i);
		host(i, address, name);
		CU_ASSERT_EQUAL(fog_place_groups_add(g, &d[i]), i);
	}
	for (u32 i = 0; i < FOG_PLACE_HOSTS_MAX; i++)
		CU_ASSERT_EQUAL(fog_place_groups_of(g, i), i);
	fog_place_groups_free(g);
}

FOG_TEST_MAIN("controlplane/directory/place", FOG_TEST(test_together), FOG_TEST(test_groups),
	      FOG_TEST(test_full))
