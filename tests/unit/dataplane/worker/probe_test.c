/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers find out about a link, against a network whose delay and rate are known. */
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

#define PROBE_MS 5000

static struct tb tb;

static void begin(u64 seed, u64 rate, u32 probe_ms)
{
	struct fog_sim_path path = {.delay_ns = 7 * TB_MS, .rate = rate};

	tb_init(&tb, seed, 2, 2, 64);
	fog_sim_set_path(tb.sim, tb.host[0].address.port, tb.host[1].address.port, &path);
	fog_sim_set_path(tb.sim, tb.host[1].address.port, tb.host[0].address.port, &path);
	for (u32 i = 0; i < 2; i++) {
		tb.host[i].policy.probe_ms = probe_ms;
		tb_policy(&tb, i);
	}
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
}

/* The newest event of the type at host 0, or NULL. */
static const struct fog_event *event_of(enum fog_event_type type)
{
	u32 n = FOG_MIN(tb.host[0].event_total, TB_EVENTS_MAX);

	for (u32 i = n; i-- > 0;)
		if (tb.host[0].event[i].type == type)
			return &tb.host[0].event[i];
	return NULL;
}

static void test_life_cycle(void)
{
	begin(1, 0, PROBE_MS);
	tb_run(&tb, 2 * TB_S);
	const struct fog_event *e = event_of(FOG_EVENT_LINK_RTT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e); /* the first answer is told at once */
	CU_ASSERT_EQUAL(e->link_id, 2);
	CU_ASSERT_EQUAL(memcmp(e->node_id, tb.host[1].node_id, 32), 0);
	CU_ASSERT_TRUE(e->value >= 14 * TB_MS && e->value < 20 * TB_MS);
	CU_ASSERT_TRUE(e->circuit_id >= e->value / 1000 && e->circuit_id < 20000);
	u64 before = tb.host[0].event_count[FOG_EVENT_LINK_RTT];
	tb_run(&tb, 60 * TB_S);
	u64 told = tb.host[0].event_count[FOG_EVENT_LINK_RTT] - before;
	CU_ASSERT_TRUE(told >= 5 && told <= 8); /* not one a ping */
	tb_free(&tb);
}

/* 20 Mbit/s, 200 Mbit/s: found within a fifth. */
static void test_bandwidth(void)
{
	static const u64 rates[] = {20000000, 200000000};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(rates); i++) {
		begin(2 + i, rates[i], PROBE_MS);
		tb_run(&tb, 30 * TB_S);
		const struct fog_event *e = event_of(FOG_EVENT_LINK_BANDWIDTH);
		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		if (e->value < rates[i] * 4 / 5 || e->value > rates[i] * 6 / 5)
			printf("case %u: found %llu\n", i, (unsigned long long)e->value);
		CU_ASSERT_TRUE(e->value >= rates[i] * 4 / 5 && e->value <= rates[i] * 6 / 5);
		/* Each link at most once an interval. */
		CU_ASSERT_TRUE(tb_counter(&tb, 0, probe_trains) <= 30000 / PROBE_MS + 1);
		tb_free(&tb);
	}
}

/* No limit in the way: all cells come at once, and that is what is said. */
static void test_no_figure(void)
{
	begin(5, 0, PROBE_MS);
	tb_run(&tb, 10 * TB_S);
	const struct fog_event *e = event_of(FOG_EVENT_LINK_BANDWIDTH);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_TRUE(e->value == 0 || e->value > 1000000000ull);
	tb_free(&tb);
}

static void test_off(void)
{
	begin(6, 20000000, 0);
	tb_run(&tb, 30 * TB_S);
	CU_ASSERT_PTR_NULL(event_of(FOG_EVENT_LINK_BANDWIDTH));
	CU_ASSERT_EQUAL(tb_counter(&tb, 0, probe_trains), 0);
	CU_ASSERT_PTR_NOT_NULL(event_of(FOG_EVENT_LINK_RTT)); /* pings go on */
	tb_free(&tb);
}

/* What a neighbour may send, and what comes of it: nothing that we did not ask for. */
static void test_bad_bodies(void)
{
	begin(7, 0, 0);
	tb_run(&tb, TB_S);
	struct fog_worker *w = tb_worker(&tb, 0, 1);
	struct fog_link *l = tb_peer(&tb, 0, 1);
	u8 body[FOG_BODY_SIZE] = {FOG_KEEPALIVE_ARRIVED};
	fog_link_keepalive(w, l, body); /* of no train */
	memset(body, 0xff, sizeof(body));
	u64 format = w->counts.drops[FOG_DROP_FORMAT];
	fog_link_keepalive(w, l, body);
	CU_ASSERT_EQUAL(w->counts.drops[FOG_DROP_FORMAT], format + 1);
	/* An answer that boasts: more cells than were sent. */
	l->probe.train_id = 7;
	memset(body, 0, sizeof(body));
	body[0] = FOG_KEEPALIVE_ARRIVED;
	fog_store_u64(body + 1, 7);
	fog_store_u16(body + 9, UINT16_MAX);
	fog_store_u64(body + 11, 1);
	fog_link_keepalive(w, l, body);
	CU_ASSERT_EQUAL(l->probe.train_id, 0);
	/* A train that never ends, or ends at once. */
	memset(body, 0, sizeof(body));
	body[0] = FOG_KEEPALIVE_TRAIN;
	for (u32 i = 0; i < 1000; i++)
		fog_link_keepalive(w, l, body);
	tb_run(&tb, TB_S);
	CU_ASSERT_PTR_NULL(event_of(FOG_EVENT_LINK_BANDWIDTH));
	tb_free(&tb);
}

FOG_TEST_MAIN("dataplane/worker/probe", FOG_TEST(test_life_cycle), FOG_TEST(test_bandwidth),
	      FOG_TEST(test_no_figure), FOG_TEST(test_off), FOG_TEST(test_bad_bodies))
