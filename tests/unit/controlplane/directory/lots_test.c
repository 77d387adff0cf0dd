/* SPDX-License-Identifier: BSD-3-Clause */
/* Lots that come early, late, false or from a key that was made for the beacon; and what senders
 * with different directories make of them. */
#include <stdlib.h>

#include "controlplane/directory/lots.h"
#include "crypto/mem.h"
#include "tests/unit/fog_test.h"

enum { HOSTS = 36 };

static struct {
	u8 id[32], sk[FOG_SIGN_SECRET_SIZE];
} hosts[HOSTS];

static void fill(void)
{
	for (u32 i = 0; i < HOSTS; i++) {
		u8 seed[32] = {(u8)i, 9};
		fog_sign_keypair(hosts[i].id, hosts[i].sk, seed);
	}
}

static u64 begin_ms(u64 epoch)
{
	return (epoch - 1) * FOG_EPOCH_MS;
}

static struct fog_report shown(u32 host, u64 epoch)
{
	struct fog_report r = {.draw_epoch = epoch, .has_committee_lot = true, .has_mix_lot = true};
	struct fog_lot l = {.kind = FOG_DRAW_COMMITTEE};

	fog_beacon_derive(epoch, &l.beacon);
	memcpy(l.node_id, hosts[host].id, 32);
	CU_ASSERT_EQUAL(fog_lot_draw(&l, hosts[host].sk), 0);
	memcpy(r.committee_lot, l.proof, sizeof(l.proof));
	l.kind = FOG_DRAW_MIX;
	CU_ASSERT_EQUAL(fog_lot_draw(&l, hosts[host].sk), 0);
	memcpy(r.mix_lot, l.proof, sizeof(l.proof));
	return r;
}

static void beacon(struct fog_lots *l, u64 epoch)
{
	struct fog_beacon b;

	fog_beacon_derive(epoch, &b);
	fog_lots_beacon(l, &b);
}

static bool counts(const struct fog_lots *l, u64 epoch, u32 host)
{
	u8 beta[FOG_VRF_OUTPUT_SIZE];

	return fog_lots_find(l, FOG_DRAW_MIX, epoch, hosts[host].id, NULL, beta);
}

static void test_life_cycle(void)
{
	u8 beta[FOG_VRF_OUTPUT_SIZE], again[1][FOG_VRF_OUTPUT_SIZE];
	struct fog_report r = shown(0, 10);
	struct fog_lots *l;
	struct fog_lot out;
	int rc;

	CU_ASSERT_EQUAL_FATAL(fog_lots_new(&l), 0);
	CU_ASSERT_EQUAL(fog_lots_epoch(l, FOG_DRAW_MIX, 1, begin_ms(10)), 0);
	/* Nothing can be said of it before its beacon is known. */
	fog_lots_offer(l, hosts[0].id, &r, 0);
	CU_ASSERT_EQUAL(fog_lots_check(l), 0);
	beacon(l, 10);
	fog_lots_offer(l, hosts[0].id, &r, 0);
	CU_ASSERT_FALSE(counts(l, 10, 0)); /* not checked yet */
	CU_ASSERT_EQUAL(fog_lots_check(l), 2);
	CU_ASSERT_TRUE(counts(l, 10, 0));
	fog_lots_offer(l, hosts[0].id, &r, 0); /* known */
	CU_ASSERT_EQUAL(fog_lots_check(l), 0);
	CU_ASSERT_TRUE(fog_lots_find(l, FOG_DRAW_MIX, 10, hosts[0].id, &out, beta));
	fog_lots_verify(&out, 1, again, &rc);
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_EQUAL(memcmp(again[0], beta, sizeof(beta)), 0);
	CU_ASSERT_FALSE(fog_lots_find(l, FOG_DRAW_MIX, 9, hosts[0].id, &out, beta));
	CU_ASSERT_FALSE(fog_lots_find(l, FOG_DRAW_MIX, 10, hosts[1].id, &out, beta));
	CU_ASSERT_EQUAL(fog_lots_false(l), 0);
	fog_lots_forget(l, hosts[1].id);
	fog_lots_forget(l, hosts[0].id);
	CU_ASSERT_FALSE(counts(l, 10, 0));
	fog_lots_free(l);
	fog_lots_free(NULL);
}

/* The lots of the epoch before stay in force until those of this one are known to nearly all. */
static void test_change(void)
{
	struct fog_lots *l;

	CU_ASSERT_EQUAL_FATAL(fog_lots_new(&l), 0);
	beacon(l, 10);
	for (u32 i = 0; i < 4; i++) {
		struct fog_report r = shown(i, 10);
		fog_lots_offer(l, hosts[i].id, &r, 0);
	}
	while (fog_lots_check(l) != 0)
		;
	/* None of epoch 9 is known: those of 10 at once. */
	CU_ASSERT_EQUAL(fog_lots_epoch(l, FOG_DRAW_MIX, 3, begin_ms(10) + 1), 10);
	CU_ASSERT_EQUAL(fog_lots_epoch(l, FOG_DRAW_MIX, 5, begin_ms(10) + 1), 0);
	beacon(l, 11);
	for (u32 i = 0; i < 3; i++) {
		struct fog_report r = shown(i, 11);
		fog_lots_offer(l, hosts[i].id, &r, 0);
	}
	while (fog_lots_check(l) != 0)
		;
	CU_ASSERT_EQUAL(fog_lots_epoch(l, FOG_DRAW_MIX, 3, begin_ms(11)), 10);
	CU_ASSERT_EQUAL(fog_lots_epoch(l, FOG_DRAW_MIX, 3, begin_ms(11) + FOG_LOTS_LAG_MS - 1), 10);
	CU_ASSERT_EQUAL(fog_lots_epoch(l, FOG_DRAW_MIX, 3, begin_ms(11) + FOG_LOTS_LAG_MS), 11);
	/* Too few of this one: the former ones go on. */
	CU_ASSERT_EQUAL(fog_lots_epoch(l, FOG_DRAW_MIX, 4, begin_ms(11) + FOG_LOTS_LAG_MS), 10);
	/* Their beacon is not kept for ever. */
	beacon(l, 12);
	CU_ASSERT_FALSE(counts(l, 10, 0));
	CU_ASSERT_TRUE(counts(l, 11, 0));
	CU_ASSERT_EQUAL(fog_lots_epoch(l, FOG_DRAW_MIX, 3, begin_ms(12) + FOG_LOTS_LAG_MS), 11);
	fog_lots_free(l);
}

static void test_choice(void)
{
	struct fog_report good = shown(0, 10), bad = good, early = shown(1, 10);
	struct fog_lots *l;

	CU_ASSERT_EQUAL_FATAL(fog_lots_new(&l), 0);
	beacon(l, 10);
	/* Somebody else's, or a damaged one: false, until he shows his own. */
	bad.mix_lot[50] ^= 1;
	fog_lots_offer(l, hosts[0].id, &bad, 0);
	fog_lots_offer(l, hosts[2].id, &good, 0);
	fog_lots_check(l);
	CU_ASSERT_EQUAL(fog_lots_false(l), 3);
	CU_ASSERT_FALSE(counts(l, 10, 0));
	CU_ASSERT_FALSE(counts(l, 10, 2));
	fog_lots_offer(l, hosts[0].id, &good, 0);
	fog_lots_check(l);
	CU_ASSERT_TRUE(counts(l, 10, 0));
	fog_lots_offer(l, hosts[0].id, &bad, 0); /* a good one is not lost for it */
	CU_ASSERT_EQUAL(fog_lots_check(l), 0);
	CU_ASSERT_TRUE(counts(l, 10, 0));
	/* Whose key may have been made for this beacon waits for the next one. */
	fog_lots_offer(l, hosts[1].id, &early, 10);
	fog_lots_check(l);
	CU_ASSERT_FALSE(counts(l, 10, 1));
	beacon(l, 11);
	early = shown(1, 11);
	fog_lots_offer(l, hosts[1].id, &early, 11);
	fog_lots_check(l);
	CU_ASSERT_TRUE(counts(l, 11, 1));
	/* Going and coming again does not help: it is new. */
	fog_lots_forget(l, hosts[1].id);
	fog_lots_offer(l, hosts[1].id, &early, 11);
	fog_lots_check(l);
	CU_ASSERT_FALSE(counts(l, 11, 1));
	fog_lots_free(l);
}

/* A beacon may be known somewhere before our clock says that its epoch began. */
static void test_margin(void)
{
	static const struct {
		u64 before_ms;
		bool counts;
	} cases[] = {{1, false}, {20000, false}, {20001, true}, {FOG_EPOCH_MS, true}};
	struct fog_report r = shown(0, 11);

	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_lots *l;
		CU_ASSERT_EQUAL_FATAL(fog_lots_new(&l), 0);
		beacon(l, 11);
		fog_lots_offer(l, hosts[0].id, &r,
			       fog_lots_came(begin_ms(11) - cases[i].before_ms));
		fog_lots_check(l);
		CU_ASSERT_EQUAL(counts(l, 11, 0), cases[i].counts);
		fog_lots_free(l);
	}
}

static void test_full(void)
{
	struct fog_report r = shown(0, 10);
	struct fog_lots *l;

	CU_ASSERT_EQUAL_FATAL(fog_lots_new(&l), 0);
	beacon(l, 10);
	for (u32 i = 0; i < FOG_LOTS_HOSTS_MAX; i++) {
		u8 id[32] = {(u8)i, (u8)(i >> 8), 1};
		fog_lots_offer(l, id, &r, 0);
	}
	fog_lots_offer(l, hosts[0].id, &r, 0);
	CU_ASSERT_EQUAL(fog_lots_check(l), FOG_LOTS_CHECK_MAX);
	CU_ASSERT_EQUAL(fog_lots_false(l), FOG_LOTS_CHECK_MAX);
	CU_ASSERT_FALSE(counts(l, 10, 0));
	fog_lots_free(l);
}

/* Hosts that come first by their ids show another false proof before each check: the others have
 * their turn, and only so many false ones are looked at. */
static void test_flood(void)
{
	enum { SYBILS = 2 * FOG_LOTS_CHECK_MAX, ROUNDS = 12 };
	struct fog_report good = shown(0, 10), bad = good;
	struct fog_lots *l;
	u32 took = 0;

	CU_ASSERT_EQUAL_FATAL(fog_lots_new(&l), 0);
	beacon(l, 10);
	fog_lots_offer(l, hosts[0].id, &good, 0);
	for (u32 round = 0; round < ROUNDS; round++) {
		bad.mix_lot[50] = bad.committee_lot[50] = (u8)round;
		for (u32 i = 0; i < SYBILS; i++) {
			u8 id[32] = {0, (u8)i};
			fog_lots_offer(l, id, &bad, 0);
		}
		fog_lots_check(l);
		took += !counts(l, 10, 0);
	}
	CU_ASSERT_TRUE(hosts[0].id[0] != 0); /* it is behind them */
	CU_ASSERT_TRUE(took <= 2 * (SYBILS + 1) / FOG_LOTS_CHECK_MAX);
	while (fog_lots_check(l) != 0)
		;
	CU_ASSERT_TRUE(fog_lots_false(l) <= 2 * SYBILS * (1 + FOG_LOTS_RETRIES_MAX));
	/* Which of them is not asked: one that has had its tries. */
	for (u32 round = 0; round < ROUNDS; round++) {
		bad.mix_lot[51] = (u8)(round + 1);
		fog_lots_offer(l, hosts[1].id, &bad, 0);
		CU_ASSERT_EQUAL(fog_lots_check(l) != 0, round <= FOG_LOTS_RETRIES_MAX);
	}
	/* Another epoch, other tries. */
	beacon(l, 11);
	good = shown(1, 11);
	fog_lots_offer(l, hosts[1].id, &good, 0);
	CU_ASSERT_EQUAL(fog_lots_check(l), 2);
	CU_ASSERT_TRUE(counts(l, 11, 1));
	fog_lots_free(l);
}

/* ---- many epochs: two senders, one of whom does not know every tenth mix --------------------- */

struct ranked {
	u8 beta[FOG_VRF_OUTPUT_SIZE];
	u32 host;
};

static int by_beta(const void *a, const void *b)
{
	return memcmp(((const struct ranked *)a)->beta, ((const struct ranked *)b)->beta,
		      FOG_VRF_OUTPUT_SIZE);
}

static void layers(const struct fog_lots *l, u64 epoch, u8 layer[HOSTS])
{
	struct ranked mixes[HOSTS];
	u32 n = 0;

	memset(layer, 255, HOSTS);
	for (u32 i = 0; i < HOSTS; i++)
		if (fog_lots_find(l, FOG_DRAW_MIX, epoch, hosts[i].id, NULL, mixes[n].beta))
			mixes[n++].host = i;
	qsort(mixes, n, sizeof(mixes[0]), by_beta);
	for (u32 i = 0; i < n; i++)
		layer[mixes[i].host] = (u8)fog_mix_layer(i, n);
}

static void test_senders(void)
{
	u32 epochs = 30, same = 0, both = 0, first = 0, size[FOG_DRAW_LAYERS];
	u8 a[HOSTS], b[HOSTS];
	struct fog_lots *all, *most;

	CU_ASSERT_EQUAL_FATAL(fog_lots_new(&all), 0);
	CU_ASSERT_EQUAL_FATAL(fog_lots_new(&most), 0);
	for (u64 e = 1; e <= epochs; e++) {
		beacon(all, e);
		beacon(most, e);
		for (u32 i = 0; i < HOSTS; i++) {
			struct fog_report r = shown(i, e);
			fog_lots_offer(all, hosts[i].id, &r, 0);
			if (i % 10 != e % 10)
				fog_lots_offer(most, hosts[i].id, &r, 0);
		}
		while (fog_lots_check(all) + fog_lots_check(most) != 0)
			;
		layers(all, e, a);
		layers(most, e, b);
		memset(size, 0, sizeof(size));
		for (u32 i = 0; i < HOSTS; i++) {
			size[a[i]]++;
			both += b[i] != 255;
			same += b[i] == a[i];
		}
		for (u32 i = 0; i < FOG_DRAW_LAYERS; i++)
			CU_ASSERT_EQUAL(size[i], HOSTS / FOG_DRAW_LAYERS);
		first += a[0] == 0;
	}
	CU_ASSERT_EQUAL(fog_lots_false(all) + fog_lots_false(most), 0);
	CU_ASSERT_TRUE(both > epochs * HOSTS * 85 / 100);
	CU_ASSERT_TRUE(same > both * 90 / 100);  /* they agree, but at the borders */
	CU_ASSERT_TRUE(first > 2 && first < 20); /* nobody stays where he is */
	fog_lots_free(all);
	fog_lots_free(most);
}

FOG_TEST_MAIN("controlplane/directory/lots", FOG_TEST(fill), FOG_TEST(test_life_cycle),
	      FOG_TEST(test_change), FOG_TEST(test_choice), FOG_TEST(test_margin),
	      FOG_TEST(test_full), FOG_TEST(test_flood), FOG_TEST(test_senders))
