/* SPDX-License-Identifier: BSD-3-Clause */
/* Link handshakes between hosts on the simulated network: what is forged, replayed, too fast or
 * simultaneous. Host 0 is made to be attacked. */
#include "dataplane/worker/slow_wire.h"
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

static struct tb tb;

/* What the tap kept. */
static u8 kept[5][FOG_DGRAM_SIZE]; /* by datagram type: the last to host 0 */
static u32 count[5];               /* by type, everywhere */
static bool block_response, block_init;

static bool tap(void *arg, const struct fog_address *from, const struct fog_address *to, u8 *data,
		u32 *length)
{
	(void)arg;
	(void)from;
	(void)length;
	if (data[0] > FOG_DGRAM_DATA)
		return true;
	count[data[0]]++;
	if (to->port == tb.host[0].address.port)
		memcpy(kept[data[0]], data, FOG_DGRAM_SIZE);
	return !(block_response && data[0] == FOG_DGRAM_RESPONSE) &&
	       !(block_init && data[0] == FOG_DGRAM_INIT);
}

static void begin(u64 seed)
{
	tb_init(&tb, seed, 2, 1, 64);
	memset(kept, 0, sizeof(kept));
	memset(count, 0, sizeof(count));
	block_response = block_init = false;
	fog_sim_set_tap(tb.sim, tap, NULL);
	for (u32 i = 0; i < 2; i++)
		tb_generation_begin(&tb, i);
	tb_run(&tb, 20 * TB_MS);
}

static bool both_up(struct tb *t)
{
	return tb_link_up(t, 0, 1) && tb_link_up(t, 1, 0);
}

static void links(void)
{
	tb_link(&tb, 0, 1);
	tb_link(&tb, 1, 0);
}

static void test_life_cycle(void)
{
	begin(1);
	/* Each worker looks at its commands when its housekeeping is due: the one that answers must
	 * know of the other before the other begins. */
	tb_link(&tb, 1, 0);
	tb_run(&tb, 100 * TB_MS);
	memset(count, 0, sizeof(count));
	tb_link(&tb, 0, 1);
	u64 start = tb.now;
	CU_ASSERT_TRUE(tb_run_until(&tb, both_up, TB_S));
	CU_ASSERT_TRUE(tb.now - start < 50 * TB_MS);
	CU_ASSERT_EQUAL(count[FOG_DGRAM_INIT], 1);
	CU_ASSERT_EQUAL(count[FOG_DGRAM_RESPONSE], 1);
	CU_ASSERT_EQUAL(tb_counter(&tb, 0, handshakes_link), 1);
	CU_ASSERT_EQUAL(tb_counter(&tb, 1, handshakes_link), 1);
	CU_ASSERT_EQUAL(tb_counter(&tb, 0, links_up), 1);
	CU_ASSERT_EQUAL(tb_drops_all(&tb, 0) + tb_drops_all(&tb, 1), 0);
	tb_free(&tb);
}

/* An INIT of host 1 that host 0 has not seen. */
static void fresh_init(u8 init[FOG_DGRAM_SIZE])
{
	struct fog_slow *s = &tb.host[1].dp->slow;
	static struct fog_slow_msg m;

	/* Asked for behind the worker's back: its answer goes through the ring as usual. */
	memset(&m, 0, sizeof(m));
	m.type = FOG_SLOW_START;
	m.link = 1;
	m.address = tb.host[0].address;
	block_init = true;
	fog_slow_link_start(s, &m, tb.now);
	tb_run(&tb, 5 * TB_MS);
	block_init = false;
	memcpy(init, kept[FOG_DGRAM_INIT], FOG_DGRAM_SIZE);
}

static void test_forged_init(void)
{
	u8 init[FOG_DGRAM_SIZE], bad[FOG_DGRAM_SIZE];

	begin(2);
	links();
	CU_ASSERT_TRUE_FATAL(tb_run_until(&tb, both_up, TB_S));
	tb_run(&tb, 100 * TB_MS);
	fresh_init(init);
	/* Any byte under mac1 but the type. */
	for (u32 i = 4; i < FOG_INIT_MAC2; i += i < 200 ? 3 : 111) {
		memcpy(bad, init, sizeof(bad));
		bad[i] ^= 1;
		tb_inject(&tb, 1, 0, bad, sizeof(bad));
		TB_EXPECT_DROP(&tb, 0, FOG_DROP_HANDSHAKE_AUTH, i);
	}
	/* mac1 is right (everybody can compute it), the rest is not. */
	for (u32 i = FOG_INIT_NOISE; i < FOG_INIT_NOISE + FOG_INIT_NOISE_SIZE; i += 5) {
		memcpy(bad, init, sizeof(bad));
		bad[i] ^= 1;
		fog_guard_mac(bad + FOG_INIT_MAC1, 16, tb.host[0].dp->slow.mac_key, 32, bad,
			      FOG_INIT_MAC1);
		tb_inject(&tb, 1, 0, bad, sizeof(bad));
		TB_EXPECT_DROP(&tb, 0, FOG_DROP_HANDSHAKE_AUTH, i);
	}
	/* The index in clear is another than the one in the sealed part. */
	memcpy(bad, init, sizeof(bad));
	bad[FOG_INIT_SENDER] ^= 1;
	fog_guard_mac(bad + FOG_INIT_MAC1, 16, tb.host[0].dp->slow.mac_key, 32, bad, FOG_INIT_MAC1);
	tb_inject(&tb, 1, 0, bad, sizeof(bad));
	TB_EXPECT_DROP(&tb, 0, FOG_DROP_HANDSHAKE_AUTH, 1);
	/* Untouched it is accepted, once. */
	u64 before = tb_drops_all(&tb, 0), done = tb_counter(&tb, 0, handshakes_link);
	tb_inject(&tb, 1, 0, init, sizeof(init));
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_EQUAL(tb_drops_all(&tb, 0), before);
	CU_ASSERT_EQUAL(tb_counter(&tb, 0, handshakes_link), done + 1);
	tb_inject(&tb, 1, 0, init, sizeof(init));
	TB_EXPECT_DROP(&tb, 0, FOG_DROP_HANDSHAKE_REPLAY, 2);
	CU_ASSERT_TRUE(both_up(&tb));
	CU_ASSERT_EQUAL(tb.host[0].event_count[FOG_EVENT_LINK_DOWN], 0);
	tb_free(&tb);
}

/* An old INIT after a newer one; the link keeps its session. */
static void test_replayed_init(void)
{
	u8 first[FOG_DGRAM_SIZE], second[FOG_DGRAM_SIZE];

	begin(3);
	links();
	CU_ASSERT_TRUE_FATAL(tb_run_until(&tb, both_up, TB_S));
	fresh_init(first);
	tb_run(&tb, 20 * TB_MS);
	fresh_init(second);
	tb_inject(&tb, 1, 0, second, sizeof(second));
	tb_run(&tb, 20 * TB_MS);
	tb_inject(&tb, 1, 0, first, sizeof(first));
	TB_EXPECT_DROP(&tb, 0, FOG_DROP_HANDSHAKE_REPLAY, 1);
	tb_run(&tb, 3 * TB_S);
	CU_ASSERT_TRUE(both_up(&tb));
	tb_free(&tb);
}

static void test_unknown(void)
{
	begin(4);
	tb_link(&tb, 1, 0); /* only one of them wants the link */
	tb_run(&tb, 10 * TB_S);
	CU_ASSERT_FALSE(tb_link_up(&tb, 1, 0));
	u64 n = tb_drops(&tb, 0, FOG_DROP_HANDSHAKE_UNKNOWN);
	/* Retries come with growing pauses: ten seconds are not a hundred tries. */
	CU_ASSERT_TRUE(n >= 2 && n <= 8);
	CU_ASSERT_EQUAL(tb_drops_all(&tb, 0), n);
	/* Once it is wanted, it comes up by itself. */
	tb_link(&tb, 0, 1);
	CU_ASSERT_TRUE(tb_run_until(&tb, both_up, 8 * TB_S));
	tb_free(&tb);
}

static void test_forged_response(void)
{
	u8 response[FOG_DGRAM_SIZE], bad[FOG_DGRAM_SIZE];

	/* The INIT must come from host 0: it needs the smaller key. */
	u64 seed = 5;
	for (;; seed++) {
		begin(seed);
		if (memcmp(tb.host[0].link_pk, tb.host[1].link_pk, 32) < 0)
			break;
		tb_free(&tb);
	}
	block_response = true;
	links();
	tb_run(&tb, 50 * TB_MS);
	memcpy(response, kept[FOG_DGRAM_RESPONSE], sizeof(response));
	CU_ASSERT_EQUAL_FATAL(response[0], FOG_DGRAM_RESPONSE);
	for (u32 i = 8; i < FOG_DGRAM_SIZE; i += i < 100 ? 3 : 97) {
		memcpy(bad, response, sizeof(bad));
		bad[i] ^= 1;
		tb_inject(&tb, 1, 0, bad, sizeof(bad));
		tb_run(&tb, 5 * TB_MS);
	}
	CU_ASSERT_EQUAL(tb_drops(&tb, 0, FOG_DROP_HANDSHAKE_AUTH), tb_drops_all(&tb, 0));
	CU_ASSERT_TRUE(tb_drops_all(&tb, 0) > 30);
	memcpy(bad, response, sizeof(bad));
	bad[4] ^= 1;
	tb_inject(&tb, 1, 0, bad, sizeof(bad));
	TB_EXPECT_DROP(&tb, 0, FOG_DROP_NO_SESSION, 4);
	CU_ASSERT_FALSE(tb_link_up(&tb, 0, 1));
	/* None of them spoilt the handshake under way. */
	tb_inject(&tb, 1, 0, response, sizeof(response));
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_TRUE(both_up(&tb));
	/* The same again: that handshake is over. */
	tb_inject(&tb, 1, 0, response, sizeof(response));
	TB_EXPECT_DROP(&tb, 0, FOG_DROP_NO_SESSION, 5);
	tb_free(&tb);
}

/* Both send INIT at the same moment, again and again: they agree, and on one session. */
static void test_simultaneous(void)
{
	for (u64 seed = 50; seed < 60; seed++) {
		begin(seed);
		links();
		tb_run(&tb, 5 * TB_MS); /* commands taken, nothing arrived yet */
		for (u32 i = 0; i < 2; i++)
			tb_peer(&tb, i, 1 - i)->handshake_ns = 0;
		CU_ASSERT_TRUE(tb_run_until(&tb, both_up, 2 * TB_S));
		for (u32 round = 0; round < 5; round++) {
			for (u32 i = 0; i < 2; i++)
				tb_peer(&tb, i, 1 - i)->session[FOG_SESSION_CURRENT].rekey_ns =
					tb.now;
			tb_run(&tb, TB_S);
		}
		const struct fog_session *a = &tb_peer(&tb, 0, 1)->session[FOG_SESSION_CURRENT],
					 *b = &tb_peer(&tb, 1, 0)->session[FOG_SESSION_CURRENT];
		CU_ASSERT_EQUAL(a->remote, b->local);
		CU_ASSERT_EQUAL(b->remote, a->local);
		CU_ASSERT_EQUAL(memcmp(&a->send, &b->recv, sizeof(a->send)), 0);
		CU_ASSERT_EQUAL(tb.host[0].event_count[FOG_EVENT_LINK_DOWN], 0);
		CU_ASSERT_EQUAL(tb_drops(&tb, 0, FOG_DROP_NO_SESSION), 0);
		tb_free(&tb);
	}
}

/* A flood of INITs with a right mac1 from one address: few reach Diffie-Hellman, the rest is
 * answered by cookies; a genuine neighbour at another address comes through. */
static void test_flood(void)
{
	u8 init[FOG_DGRAM_SIZE];
	struct fog_address stranger = {.port = 9};

	begin(70);
	tb.host[0].policy.handshakes_per_second = 10;
	tb_policy(&tb, 0);
	tb_run(&tb, 20 * TB_MS);
	for (u32 i = 0; i < 3000; i++) {
		fog_rng_bytes(&tb.rng, init, sizeof(init));
		memset(init, 0, 16);
		init[0] = FOG_DGRAM_INIT;
		fog_store_u32(init + FOG_INIT_SENDER, i + 1);
		fog_guard_mac(init + FOG_INIT_MAC1, 16, tb.host[0].dp->slow.mac_key, 32, init,
			      FOG_INIT_MAC1);
		fog_sim_inject(tb.sim, tb.now, &stranger, &tb.host[0].address, init, sizeof(init));
	}
	tb_run(&tb, 100 * TB_MS);
	CU_ASSERT_TRUE(tb_drops(&tb, 0, FOG_DROP_HANDSHAKE_AUTH) <= FOG_HANDSHAKE_BURST + 2);
	CU_ASSERT_TRUE(count[FOG_DGRAM_COOKIE] > 100);
	CU_ASSERT_EQUAL(count[FOG_DGRAM_COOKIE], tb_drops(&tb, 0, FOG_DROP_HANDSHAKE_RATE));
	CU_ASSERT_EQUAL(tb_drops(&tb, 0, FOG_DROP_HANDSHAKE_AUTH) +
				tb_drops(&tb, 0, FOG_DROP_HANDSHAKE_RATE) +
				tb_drops(&tb, 0, FOG_DROP_HANDSHAKE_FULL),
			3000);
	links();
	CU_ASSERT_TRUE(tb_run_until(&tb, both_up, 5 * TB_S));
	tb_free(&tb);
}

/* Somebody spends the neighbour's own bucket with its address: the cookie lets the neighbour in. */
static void test_spoofed_flood(void)
{
	u8 init[FOG_DGRAM_SIZE];

	begin(71);
	tb.host[0].policy.handshakes_per_second = 1;
	tb.host[1].policy.handshakes_per_second = 1;
	tb_policy(&tb, 0);
	tb_policy(&tb, 1);
	tb_run(&tb, 20 * TB_MS);
	links();
	for (u32 round = 0; round < 400 && !both_up(&tb); round++) {
		for (u32 i = 0; i < 20; i++) {
			fog_rng_bytes(&tb.rng, init, sizeof(init));
			memset(init, 0, 16);
			init[0] = FOG_DGRAM_INIT;
			fog_store_u32(init + FOG_INIT_SENDER, 1);
			for (u32 k = 0; k < 2; k++) {
				fog_guard_mac(init + FOG_INIT_MAC1, 16, tb.host[k].dp->slow.mac_key,
					      32, init, FOG_INIT_MAC1);
				tb_inject(&tb, 1 - k, k, init, sizeof(init));
			}
		}
		tb_run(&tb, 10 * TB_MS);
	}
	CU_ASSERT_TRUE(both_up(&tb));
	CU_ASSERT_TRUE(count[FOG_DGRAM_COOKIE] > 0);
	tb_free(&tb);
}

FOG_TEST_MAIN("dataplane/worker/slow_link", FOG_TEST(test_life_cycle), FOG_TEST(test_forged_init),
	      FOG_TEST(test_replayed_init), FOG_TEST(test_unknown), FOG_TEST(test_forged_response),
	      FOG_TEST(test_simultaneous), FOG_TEST(test_flood), FOG_TEST(test_spoofed_flood))
