/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of a client that does not follow the rules: its layers are right, what is in them not.
 */
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

static struct tb tb;
static struct tb_circuit *c;
static u32 delivered, delivered_length;

static void count(struct tb *t, struct tb_host *h, struct tb_circuit *k, u32 handle, const u8 *data,
		  u32 length)
{
	(void)t;
	(void)h;
	(void)handle;
	(void)data;
	delivered += k == NULL;
	delivered_length = length;
}

static void begin(u64 seed)
{
	const u32 path[] = {1, 2};

	tb_init(&tb, seed, 3, 1, 64);
	tb.on_datagram = count;
	delivered = 0;
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	tb_run(&tb, 200 * TB_MS);
	CU_ASSERT_TRUE_FATAL(tb_open_wait(&tb, &c, 0, path, 2));
}

static void body_of(u8 body[FOG_BODY_SIZE], u8 command, u8 flags, u16 length, u32 zero)
{
	memset(body, 0, FOG_BODY_SIZE);
	body[16] = command;
	body[17] = flags;
	fog_store_u16(body + 18, length);
	fog_store_u32(body + 20, zero);
}

static void test_life_cycle(void)
{
	u8 body[FOG_BODY_SIZE];

	begin(1);
	const u16 lengths[] = {1, 100, FOG_MSG_PAYLOAD_MAX};
	for (u32 i = 0; i < 3; i++) {
		body_of(body, FOG_MSG_DATAGRAM, 0, lengths[i], 0);
		tb_send_body(&tb, c, body, 2);
		tb_run(&tb, 20 * TB_MS);
		CU_ASSERT_EQUAL(delivered, i + 1);
		CU_ASSERT_EQUAL(delivered_length, lengths[i]);
	}
	/* Long-range cover, for the last hop and for one on the way. */
	body_of(body, FOG_MSG_DROP, 0, 0, 0);
	tb_send_body(&tb, c, body, 2);
	TB_EXPECT_DROP(&tb, 2, FOG_DROP_PADDING, 1);
	tb_send_body(&tb, c, body, 1);
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_PADDING, 2);
	CU_ASSERT_FALSE(c->closed);
	tb_free(&tb);
}

static void test_malformed(void)
{
	static const struct {
		int no;
		u8 command;
		u8 flags;
		u16 length;
		u32 zero;
		u32 hops; /* to which hop */
	} cases[] = {
		{1, 0, 0, 1, 0, 2},
		{2, 5, 0, 1, 0, 2},
		{3, 255, 0, 1, 0, 2},
		{4, FOG_MSG_DATAGRAM, 1, 1, 0, 2},
		{5, FOG_MSG_DATAGRAM, 0, 1, 1, 2},
		{6, FOG_MSG_DATAGRAM, 0, 0, 0, 2},
		{7, FOG_MSG_DATAGRAM, 0, FOG_MSG_PAYLOAD_MAX + 1, 0, 2},
		{8, FOG_MSG_DATAGRAM, 0, UINT16_MAX, 0, 2},
		{9, FOG_MSG_EXTENDED, 0, 1, 0, 2},   /* goes the other way only */
		{10, FOG_MSG_EXTEND, 0, 0, 0, 2},    /* lengths */
		{11, FOG_MSG_EXTEND, 0, 100, 0, 2},  /* */
		{12, FOG_MSG_EXTEND, 0, 1368, 0, 2}, /* */
		{13, FOG_MSG_EXTEND, 0, sizeof(struct fog_extend), 0, 2}, /* handshake 0 */
		{14, FOG_MSG_EXTEND, 0, sizeof(struct fog_extend), 0, 1}, /* is extended */
		{15, FOG_MSG_DATAGRAM, 0, 1, 0, 1},                       /* is no terminus */
		{16, FOG_MSG_DROP, 1, 0, 0, 1},
	};
	u8 body[FOG_BODY_SIZE];

	begin(2);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		body_of(body, cases[i].command, cases[i].flags, cases[i].length, cases[i].zero);
		tb_send_body(&tb, c, body, cases[i].hops);
		TB_EXPECT_DROP(&tb, cases[i].hops, FOG_DROP_MESSAGE, cases[i].no);
	}
	CU_ASSERT_EQUAL(delivered, 0);
	CU_ASSERT_FALSE(c->closed);
	for (u32 h = 0; h < 3; h++)
		CU_ASSERT_EQUAL(tb_slots_out(&tb, h), 0);
	tb_free(&tb);
}

static void extend_of(u8 body[FOG_BODY_SIZE], const u8 *node_id)
{
	struct fog_extend e = {.create = {.handshake = FOG_HANDSHAKE_NTOR3, .length = 200}};

	memcpy(e.next_hop, node_id, 32);
	body_of(body, FOG_MSG_EXTEND, 0, sizeof(e), 0);
	memcpy(body + 24, &e, sizeof(e));
}

static void test_bad_extends(void)
{
	const u8 nobody[32] = {1};
	u8 body[FOG_BODY_SIZE];

	/* 1: back to where the circuit came from */
	begin(3);
	extend_of(body, tb.host[1].node_id);
	tb_send_body(&tb, c, body, 2);
	tb_run(&tb, 100 * TB_MS);
	CU_ASSERT_TRUE(c->closed);
	CU_ASSERT_EQUAL(c->reason, FOG_REASON_PROTOCOL);
	tb_free(&tb);
	/* 2: to itself, which is no neighbour; 3: to nobody */
	for (u32 i = 0; i < 2; i++) {
		begin(4);
		extend_of(body, i == 0 ? tb.host[2].node_id : nobody);
		tb_send_body(&tb, c, body, 2);
		tb_run(&tb, 100 * TB_MS);
		CU_ASSERT_TRUE(c->closed);
		CU_ASSERT_EQUAL(c->reason, FOG_REASON_NO_LINK);
		CU_ASSERT_EQUAL(tb.host[2].event_count[FOG_EVENT_LINK_WANTED], 1);
		tb_free(&tb);
	}
	/* 4: a skin the next hop cannot read; meanwhile the same EXTEND again is ignored, another
	 * one refused */
	begin(5);
	extend_of(body, tb.host[0].node_id);
	tb_send_body(&tb, c, body, 2);
	tb_send_body(&tb, c, body, 2);
	body[100] ^= 1;
	tb_send_body(&tb, c, body, 2);
	tb_run(&tb, TB_S);
	CU_ASSERT_EQUAL(tb_drops(&tb, 2, FOG_DROP_MESSAGE), 1);
	CU_ASSERT_EQUAL(tb_drops(&tb, 0, FOG_DROP_CREATE_AUTH), 1);
	CU_ASSERT_TRUE(c->closed);
	CU_ASSERT_EQUAL(c->reason, FOG_REASON_HANDSHAKE);
	for (u32 h = 0; h < 3; h++) {
		CU_ASSERT_EQUAL(tb_halves(&tb, h), 0);
		CU_ASSERT_EQUAL(tb_pending(&tb, h), 0);
	}
	tb_free(&tb);
}

FOG_TEST_MAIN("dataplane/stage/message", FOG_TEST(test_life_cycle), FOG_TEST(test_malformed),
	      FOG_TEST(test_bad_extends))
