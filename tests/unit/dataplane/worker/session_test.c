/* SPDX-License-Identifier: BSD-3-Clause */
/* Life of links: liveness, changes of key and address, losing and finding a neighbour. */
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

static struct tb tb;

static bool both_up(struct tb *t)
{
	return tb_link_up(t, 0, 1) && tb_link_up(t, 1, 0);
}

static void begin(u64 seed, u32 workers)
{
	tb_init(&tb, seed, 2, workers, 64);
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	tb_run(&tb, 500 * TB_MS);
}

static void test_life_cycle(void)
{
	begin(1, 2);
	/* Quiet, but alive: pings only. */
	u64 sent = tb_counter(&tb, 0, dgrams_tx);
	tb_run(&tb, 10 * TB_S);
	CU_ASSERT_TRUE(both_up(&tb));
	sent = tb_counter(&tb, 0, dgrams_tx) - sent;
	/* About ten pings and ten pongs. */
	CU_ASSERT_TRUE(sent >= 14 && sent <= 24);
	CU_ASSERT_TRUE(tb_peer(&tb, 0, 1)->rtt_ns >= 2 * TB_MS);
	tb_link_delete(&tb, 0, 1);
	tb_run(&tb, TB_S);
	CU_ASSERT_FALSE(tb_link_up(&tb, 0, 1));
	CU_ASSERT_EQUAL(tb.host[0].event_count[FOG_EVENT_LINK_DOWN], 1);
	tb_run(&tb, 6 * TB_S);
	CU_ASSERT_FALSE(tb_link_up(&tb, 1, 0));
	tb_link(&tb, 0, 1);
	CU_ASSERT_TRUE(tb_run_until(&tb, both_up, 8 * TB_S));
	tb_free(&tb);
}

/* LINK_SET of a link that is up: LINK_UP again, nothing else happens. */
static void test_set_again(void)
{
	begin(2, 1);
	u64 ups = tb.host[0].event_count[FOG_EVENT_LINK_UP];
	u64 shakes = tb_counter(&tb, 0, handshakes_link);
	tb_link(&tb, 0, 1);
	tb_run(&tb, TB_S);
	CU_ASSERT_EQUAL(tb.host[0].event_count[FOG_EVENT_LINK_UP], ups + 1);
	CU_ASSERT_EQUAL(tb_counter(&tb, 0, handshakes_link), shakes);
	CU_ASSERT_EQUAL(tb_counter(&tb, 0, links_up), 1);
	tb_free(&tb);
}

/* The neighbour got new keys: the old session ends at once, a new one comes. */
static void test_new_key(void)
{
	begin(3, 1);
	u8 old[32];
	memcpy(old, tb.host[1].link_pk, 32);
	tb.host[1].link_pk[0] ^= 1; /* nobody has this one */
	tb_link(&tb, 0, 1);
	tb_run(&tb, TB_S);
	CU_ASSERT_FALSE(tb_link_up(&tb, 0, 1));
	memcpy(tb.host[1].link_pk, old, 32);
	tb_link(&tb, 0, 1);
	CU_ASSERT_TRUE(tb_run_until(&tb, both_up, 10 * TB_S));
	tb_free(&tb);
}

/* One host moves to another address; the control plane tells the other. */
static void test_new_address(void)
{
	begin(4, 1);
	tb_host_kill(&tb, 1);
	tb.host[1].address.port = 5555;
	tb_host_start(&tb, 1);
	tb_generation_begin(&tb, 1);
	tb_link(&tb, 1, 0);
	tb_link(&tb, 0, 1);
	tb_run(&tb, 4 * TB_S);
	CU_ASSERT_TRUE(both_up(&tb));
	CU_ASSERT_EQUAL(tb_peer(&tb, 0, 1)->address.port, 5555);
	tb_free(&tb);
}

/* A restarted host finds its neighbours faster than they notice, whichever side is to begin. */
static void test_restart_time(void)
{
	for (u32 victim = 0; victim < 2; victim++)
		for (u32 workers = 1; workers <= 2; workers++) {
			begin(5 + victim, workers);
			tb_host_kill(&tb, victim);
			tb_host_start(&tb, victim);
			tb_generation_begin(&tb, victim);
			u64 start = tb.now;
			tb_link(&tb, victim, 1 - victim);
			CU_ASSERT_TRUE(tb_run_until(&tb, both_up, 5 * TB_S));
			CU_ASSERT_TRUE(tb.now - start < 3 * TB_S);
			tb_run(&tb, 50 * TB_MS); /* the other side learns the boot id */
			CU_ASSERT_EQUAL(tb.host[1 - victim].event_count[FOG_EVENT_LINK_DOWN], 1);
			tb_free(&tb);
		}
}

/* One way only is no link. */
static void test_one_way(void)
{
	const struct fog_sim_path cut = {.cut = true}, good = {.delay_ns = TB_MS};

	begin(8, 1);
	fog_sim_set_path(tb.sim, 4000, 4001, &cut);
	tb_run(&tb, 12 * TB_S);
	CU_ASSERT_FALSE(tb_link_up(&tb, 1, 0));
	CU_ASSERT_FALSE(tb_link_up(&tb, 0, 1));
	fog_sim_set_path(tb.sim, 4000, 4001, &good);
	CU_ASSERT_TRUE(tb_run_until(&tb, both_up, 8 * TB_S));
	tb_free(&tb);
}

/* Handshakes come through a network that loses half of everything. */
static void test_lossy(void)
{
	const struct fog_sim_path bad = {.delay_ns = 30 * TB_MS,
					 .jitter_ns = 30 * TB_MS,
					 .loss = 500000,
					 .duplicate = 200000};

	for (u64 seed = 20; seed < 30; seed++) {
		tb_init(&tb, seed, 2, 1, 64);
		fog_sim_set_default(tb.sim, &bad);
		for (u32 i = 0; i < 2; i++) {
			tb_generation_begin(&tb, i);
			tb_link(&tb, i, 1 - i);
		}
		CU_ASSERT_TRUE(tb_run_until(&tb, both_up, 60 * TB_S));
		tb_free(&tb);
	}
}

/* More links than a table of a few: every one of many neighbours, and their going. */
static void test_many_links(void)
{
	tb_init(&tb, 40, 1, 2, 64);
	tb_generation_begin(&tb, 0);
	for (u32 i = 1; i <= FOG_LINKS_MAX; i++) {
		struct fog_command c = {.type = FOG_COMMAND_LINK_SET,
					.link_id = i,
					.generation = tb.host[0].generation,
					.port = 1};
		fog_store_u32(c.node_id, i);
		fog_store_u32(c.link_pk, i);
		c.link_pk[31] = 1;
		c.address[15] = 1;
		tb_command(&tb, 0, i % 2, &c);
		if (i % 256 == 0)
			tb_run(&tb, 200 * TB_MS);
	}
	tb_run(&tb, TB_S);
	CU_ASSERT_EQUAL(tb_counter(&tb, 0, commands_rejected), 0);
	u32 active = 0, known = 0;
	for (u32 w = 0; w < 2; w++) {
		active += tb.host[0].dp->worker[w]->active_count;
		for (u32 i = 1; i <= FOG_LINKS_MAX; i++)
			known += tb.host[0].dp->worker[w]->neighbours[i].present;
	}
	CU_ASSERT_EQUAL(active, FOG_LINKS_MAX);
	CU_ASSERT_EQUAL(known, 2 * FOG_LINKS_MAX);
	/* An empty generation sweeps them all. */
	tb_generation_begin(&tb, 0);
	tb_generation_end(&tb, 0);
	tb_run(&tb, 2 * TB_S);
	active = known = 0;
	for (u32 w = 0; w < 2; w++) {
		active += tb.host[0].dp->worker[w]->active_count;
		for (u32 i = 1; i <= FOG_LINKS_MAX; i++)
			known += tb.host[0].dp->worker[w]->neighbours[i].present;
	}
	CU_ASSERT_EQUAL(active, 0);
	CU_ASSERT_EQUAL(known, 0);
	CU_ASSERT_EQUAL(tb_slots_out(&tb, 0), 0);
	tb_free(&tb);
}

FOG_TEST_MAIN("dataplane/worker/session", FOG_TEST(test_life_cycle), FOG_TEST(test_set_again),
	      FOG_TEST(test_new_key), FOG_TEST(test_new_address), FOG_TEST(test_restart_time),
	      FOG_TEST(test_one_way), FOG_TEST(test_lossy), FOG_TEST(test_many_links))
