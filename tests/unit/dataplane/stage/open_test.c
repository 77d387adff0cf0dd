/* SPDX-License-Identifier: BSD-3-Clause */
/* Every malformed, altered or repeated datagram ends in the one counter meant for it. */
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

static struct tb tb;

static void ping(u8 cell[FOG_CELL_SIZE])
{
	const struct fog_cell_head head = {.command = FOG_CELL_KEEPALIVE};

	memset(cell, 0, FOG_CELL_SIZE);
	memcpy(cell, &head, sizeof(head));
}

static void test_life_cycle(void)
{
	u8 cell[FOG_CELL_SIZE], dgram[FOG_DGRAM_SIZE];

	for (u32 workers = 1; workers <= 2; workers++) {
		tb_init(&tb, 1, 2, workers, 64);
		CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
		ping(cell);
		for (u32 i = 0; i < 100; i++) {
			tb_forge(&tb, 0, 1, cell, dgram);
			tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
		}
		tb_run(&tb, 20 * TB_MS);
		CU_ASSERT_EQUAL(tb_drops_all(&tb, 1), 0);
		CU_ASSERT_EQUAL(tb_drops_all(&tb, 0), 0);
		tb_free(&tb);
	}
}

static void test_lengths(void)
{
	static const u32 lengths[] = {0, 1, 16, 32, 1439, 1441, FOG_FRAME_MAX};
	u8 cell[FOG_CELL_SIZE], dgram[FOG_FRAME_MAX] = {0};

	tb_init(&tb, 2, 2, 1, 64);
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	ping(cell);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(lengths); i++) {
		tb_forge(&tb, 0, 1, cell, dgram);
		tb_inject(&tb, 0, 1, dgram, lengths[i]);
		TB_EXPECT_DROP(&tb, 1, FOG_DROP_LENGTH, i);
	}
	tb_free(&tb);
}

/* One bit flipped at every region of a DATA datagram. */
static void test_flips(void)
{
	static const struct {
		int no;
		u32 from;
		u32 to;
		enum fog_drop want;
	} cases[] = {
		{1, 4, 8, FOG_DROP_NO_SESSION},      {2, 8, 9, FOG_DROP_LINK_AUTH},
		{3, 16, 32, FOG_DROP_LINK_AUTH},     {4, 32, 64, FOG_DROP_LINK_AUTH},
		{5, 700, 720, FOG_DROP_LINK_AUTH},   {6, 1400, 1424, FOG_DROP_LINK_AUTH},
		{7, 1424, 1440, FOG_DROP_LINK_AUTH},
	};
	u8 cell[FOG_CELL_SIZE], dgram[FOG_DGRAM_SIZE];

	tb_init(&tb, 3, 2, 1, 64);
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	tb_run(&tb, 100 * TB_MS);
	ping(cell);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++)
		for (u32 byte = cases[i].from; byte < cases[i].to; byte++) {
			u32 bit = (byte * 5) % 8;
			tb_forge(&tb, 0, 1, cell, dgram);
			dgram[byte] ^= (u8)(1u << bit);
			tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
			TB_EXPECT_DROP(&tb, 1, cases[i].want, byte);
		}
	/* The type byte and the reserved ones: every value but the four known. */
	for (u32 type = 0; type < 256; type++) {
		if (type >= FOG_DGRAM_INIT && type <= FOG_DGRAM_DATA)
			continue;
		tb_forge(&tb, 0, 1, cell, dgram);
		dgram[0] = (u8)type;
		tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
		TB_EXPECT_DROP(&tb, 1, FOG_DROP_TYPE, type);
	}
	for (u32 byte = 1; byte < 4; byte++)
		for (u32 type = 1; type <= 4; type++) {
			tb_forge(&tb, 0, 1, cell, dgram);
			dgram[0] = (u8)type;
			dgram[byte] = 1;
			tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
			TB_EXPECT_DROP(&tb, 1, FOG_DROP_TYPE, byte);
		}
	/* Another key altogether. */
	struct fog_session *s = &tb_peer(&tb, 0, 1)->session[FOG_SESSION_CURRENT];
	s->send.round[0][0] ^= 1;
	tb_forge(&tb, 0, 1, cell, dgram);
	s->send.round[0][0] ^= 1;
	tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_LINK_AUTH, 0);
	CU_ASSERT_TRUE(tb_link_up(&tb, 1, 0));
	tb_free(&tb);
}

static void test_replay(void)
{
	u8 cell[FOG_CELL_SIZE], old[FOG_DGRAM_SIZE], dgram[FOG_DGRAM_SIZE];

	tb_init(&tb, 4, 2, 1, 64);
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	tb_run(&tb, 100 * TB_MS);
	ping(cell);
	struct fog_session *s = &tb_peer(&tb, 0, 1)->session[FOG_SESSION_CURRENT];
	u64 base = s->counter;
	s->counter += 10000;
	tb_forge_counter(&tb, 0, 1, base, cell, old);
	tb_inject(&tb, 0, 1, old, sizeof(old));
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_EQUAL(tb_drops_all(&tb, 1), 0);
	/* 1: the same again; 2: the same with another content */
	tb_inject(&tb, 0, 1, old, sizeof(old));
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_LINK_REPLAY, 1);
	cell[20] = 1;
	tb_forge_counter(&tb, 0, 1, base, cell, dgram);
	tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_LINK_REPLAY, 2);
	ping(cell);
	/* 3: forged ones do not move the window */
	tb_forge_counter(&tb, 0, 1, base + 1000000, cell, dgram);
	dgram[100] ^= 1;
	tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_LINK_AUTH, 3);
	/* 4: late but in the window; 5: a step ahead; 6: now too late */
	tb_forge_counter(&tb, 0, 1, base + 2047, cell, dgram);
	tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
	tb_forge_counter(&tb, 0, 1, base + 1, cell, dgram);
	tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
	u64 all = tb_drops_all(&tb, 1);
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_EQUAL(tb_drops_all(&tb, 1), all);
	tb_forge_counter(&tb, 0, 1, base + 5000, cell, dgram);
	tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
	tb_run(&tb, 20 * TB_MS);
	tb_forge_counter(&tb, 0, 1, base + 2, cell, dgram);
	tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_LINK_REPLAY, 6);
	/* 7: the reserved counter */
	memcpy(dgram, old, sizeof(dgram));
	fog_store_u64(dgram + 8, UINT64_MAX);
	tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_LINK_REPLAY, 7);
	tb_free(&tb);
}

static void test_expired(void)
{
	u8 cell[FOG_CELL_SIZE], dgram[FOG_DGRAM_SIZE];

	tb_init(&tb, 5, 2, 1, 64);
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	tb_run(&tb, 100 * TB_MS);
	ping(cell);
	struct fog_session *mine = &tb_peer(&tb, 1, 0)->session[FOG_SESSION_CURRENT];
	/* 1: too many cells under one key */
	mine->received = FOG_SESSION_REJECT_CELLS;
	tb_forge(&tb, 0, 1, cell, dgram);
	tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_TRUE(tb_drops(&tb, 1, FOG_DROP_LINK_EXPIRED) >= 1);
	/* 2: its side has long asked for new keys by then */
	tb_run(&tb, TB_S);
	CU_ASSERT_TRUE(tb_link_up(&tb, 1, 0));
	CU_ASSERT_TRUE(tb_peer(&tb, 1, 0)->session[FOG_SESSION_CURRENT].received < 1000);
	CU_ASSERT_EQUAL(tb.host[1].event_count[FOG_EVENT_LINK_DOWN], 0);
	tb_free(&tb);
}

FOG_TEST_MAIN("dataplane/stage/open", FOG_TEST(test_life_cycle), FOG_TEST(test_lengths),
	      FOG_TEST(test_flips), FOG_TEST(test_replay), FOG_TEST(test_expired))
