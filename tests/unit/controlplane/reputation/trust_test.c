/* SPDX-License-Identifier: BSD-3-Clause */
/* The bounds on what others can make us believe. tests/sim/arena_test.c plays whole attacks. */
#include "controlplane/reputation/trust.h"
#include "tests/unit/fog_test.h"

#define HOSTS 40
#define EDGES 2000

static struct fog_trust_host hosts[HOSTS];
static struct fog_trust_edge edges[EDGES], scratch[EDGES];
static u32 edge_count;

static void begin(void)
{
	memset(hosts, 0, sizeof(hosts));
	for (u32 i = 0; i < HOSTS; i++)
		hosts[i].group = i;
	edge_count = 0;
}

static void say(u32 rater, u32 subject, double good, double bad)
{
	edges[edge_count++] = (struct fog_trust_edge){rater, subject, good, bad};
}

static void compute(void)
{
	fog_trust_sort(hosts, edges, edge_count, scratch);
	fog_trust_compute(hosts, HOSTS, edges, edge_count, 0);
}

/* Raters 1..10 agree with us about hosts 11..20 and so are heard about host 30. */
static void friends(u32 count)
{
	for (u32 s = 11; s <= 20; s++) {
		hosts[s].own_good = 20;
		for (u32 r = 1; r <= count; r++)
			say(r, s, 10, 0);
	}
}

static void test_life_cycle(void)
{
	begin();
	friends(10);
	for (u32 r = 1; r <= 10; r++)
		say(r, 30, 1, 9);
	compute();
	CU_ASSERT_TRUE(hosts[1].credibility > 0.7 && hosts[1].credibility <= 1);
	CU_ASSERT_EQUAL(hosts[30].raters, 10);
	CU_ASSERT_TRUE(hosts[30].bad > 8 * hosts[30].good);
	CU_ASSERT_TRUE(hosts[30].good + hosts[30].bad > 15);
	/* Strangers are next to nobody. */
	CU_ASSERT_TRUE(hosts[25].credibility < 0.05);
}

/* However much they say and however many they are. */
static void test_bounds(void)
{
	begin();
	friends(10);
	say(1, 30, 1e6, 0);
	compute();
	CU_ASSERT_TRUE(hosts[30].good <= FOG_TRUST_RATER_MAX);
	begin();
	friends(10);
	for (u32 r = 1; r <= 10; r++) {
		hosts[r].group = 1; /* one operator */
		say(r, 30, 100, 0);
	}
	compute();
	CU_ASSERT_TRUE(hosts[30].good <= FOG_TRUST_GROUP_MAX + 1e-9);
	begin();
	friends(10);
	for (u32 r = 1; r <= 10; r++)
		say(r, 30, 100, 0);
	compute();
	CU_ASSERT_TRUE(hosts[30].good <= FOG_TRUST_TOTAL_MAX + 1e-9);
}

/* Who contradicts what we know ourselves is not heard about the rest. */
static void test_liar(void)
{
	begin();
	friends(5);
	for (u32 s = 11; s <= 20; s++)
		say(9, s, 0, 20);
	for (u32 r = 1; r <= 5; r++)
		say(r, 30, 3, 3);
	say(9, 30, 0, 20);
	compute();
	CU_ASSERT_TRUE(hosts[9].credibility < 0.02);
	CU_ASSERT_TRUE(hosts[30].bad < 1.1 * hosts[30].good);
}

/* Nobody vouches for himself, and our own word is not told to us. */
static void test_bad_arguments(void)
{
	begin();
	friends(3);
	say(1, 1, 1000, 0);
	say(0, 30, 1000, 0);
	say(HOSTS, 30, 1000, 0);
	say(1, HOSTS + 5, 1000, 0);
	fog_trust_compute(hosts, HOSTS, edges, 0, 0);
	CU_ASSERT_EQUAL(hosts[1].good, 0);
	/* Out-of-range raters cannot be sorted; they are the caller's to leave out. */
	edge_count -= 2;
	compute();
	CU_ASSERT_EQUAL(hosts[1].good, 0);
	CU_ASSERT_EQUAL(hosts[30].good, 0);
	fog_trust_compute(hosts, 0, NULL, 0, 0);
}

static void test_sort(void)
{
	begin();
	for (u32 i = 0; i < 500; i++)
		say(i * 7919 % HOSTS, i * 104729 % HOSTS, i, 0);
	for (u32 i = 0; i < HOSTS; i++)
		hosts[i].group = i % 5;
	fog_trust_sort(hosts, edges, edge_count, scratch);
	for (u32 i = 1; i < edge_count; i++) {
		CU_ASSERT_TRUE(edges[i - 1].subject <= edges[i].subject);
		if (edges[i - 1].subject == edges[i].subject)
			CU_ASSERT_TRUE(hosts[edges[i - 1].rater].group <=
				       hosts[edges[i].rater].group);
	}
}

FOG_TEST_MAIN("controlplane/reputation/trust", FOG_TEST(test_life_cycle), FOG_TEST(test_bounds),
	      FOG_TEST(test_liar), FOG_TEST(test_bad_arguments), FOG_TEST(test_sort))
