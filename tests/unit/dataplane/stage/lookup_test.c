/* SPDX-License-Identifier: BSD-3-Clause */
/* Sequences a neighbour may and may not use on a circuit, and cells it altered. */
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

#define GEN ((u64)1 << FOG_RATCHET_SHIFT)

static struct tb tb;
static struct tb_circuit *c;
static u32 delivered;
static u8 last[FOG_DGRAM_SIZE]; /* the last DATA cell from host 0 to host 1, opened */
static bool keep;

static void count(struct tb *t, struct tb_host *h, struct tb_circuit *k, u32 handle, const u8 *data,
		  u32 length)
{
	(void)t;
	(void)h;
	(void)handle;
	(void)data;
	(void)length;
	delivered += k == NULL;
}

/* Steal what host 0 sends to host 1, in clear. */
static bool tap(void *arg, const struct fog_address *from, const struct fog_address *to, u8 *data,
		u32 *length)
{
	struct fog_session *s = &tb_peer(&tb, 0, 1)->session[FOG_SESSION_CURRENT];
	u8 cell[FOG_CELL_SIZE];

	(void)arg;
	(void)length;
	if (!keep || from->port != tb.host[0].address.port || to->port != tb.host[1].address.port ||
	    data[0] != FOG_DGRAM_DATA)
		return true;
	struct fog_gcm_job job;
	fog_session_job(&job, &s->send, data, fog_load_u64(data + 8), data + 16, cell);
	fog_gcm_open_many(&job, 1);
	if (!job.authentic || cell[4] != FOG_CELL_DATA)
		return true;
	memcpy(last, cell, sizeof(cell));
	return false;
}

static void begin(u64 seed, u32 hops)
{
	const u32 path[] = {1, 2};

	tb_init(&tb, seed, 3, 1, 64);
	tb.on_datagram = count;
	delivered = 0;
	keep = false;
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	tb_run(&tb, 200 * TB_MS);
	CU_ASSERT_TRUE_FATAL(tb_open_wait(&tb, &c, 0, path, hops));
	fog_sim_set_tap(tb.sim, tap, NULL);
}

/* A genuine cell of the client, kept back. */
static void steal(u8 cell[FOG_CELL_SIZE])
{
	keep = true;
	CU_ASSERT_EQUAL(tb_send(&tb, c, "x", 1), 0);
	tb_run(&tb, 5 * TB_MS);
	keep = false;
	memcpy(cell, last, FOG_CELL_SIZE);
}

static void give(const u8 *cell)
{
	u8 dgram[FOG_DGRAM_SIZE];

	tb_forge(&tb, 0, 1, cell, dgram);
	tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
}

static void test_life_cycle(void)
{
	u8 cell[FOG_CELL_SIZE];

	begin(1, 2);
	steal(cell);
	CU_ASSERT_EQUAL(delivered, 0);
	give(cell);
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_EQUAL(delivered, 1);
	CU_ASSERT_EQUAL(tb_drops_all(&tb, 1) + tb_drops_all(&tb, 2), 0);
	tb_free(&tb);
}

static void test_sequences(void)
{
	u8 cell[FOG_CELL_SIZE], copy[FOG_CELL_SIZE];

	begin(2, 2);
	steal(cell);
	/* 1: zero; 2: two generations ahead; 3: far ahead */
	const u64 wrong[] = {0, 2 * GEN, UINT64_MAX};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(wrong); i++) {
		memcpy(copy, cell, sizeof(copy));
		fog_store_u64(copy + 8, wrong[i]);
		give(copy);
		TB_EXPECT_DROP(&tb, 1, FOG_DROP_SEQUENCE, i + 1);
	}
	/* 4: the cell itself, 5: again */
	give(cell);
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_EQUAL(delivered, 1);
	give(cell);
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_REPLAY, 5);
	/* 6: an unknown circuit is answered by DESTROY, and harms nobody */
	memcpy(copy, cell, sizeof(copy));
	copy[0] ^= 1;
	u64 before = tb_counter(&tb, 1, dgrams_tx);
	give(copy);
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_CIRCUIT, 6);
	CU_ASSERT_TRUE(tb_counter(&tb, 1, dgrams_tx) > before);
	CU_ASSERT_EQUAL(tb_drops(&tb, 0, FOG_DROP_CIRCUIT), 1);
	CU_ASSERT_EQUAL(delivered, 1);
	CU_ASSERT_FALSE(c->closed);
	tb_free(&tb);
}

/* A neighbour flips one bit of the body, or of the number: the circuit ends at the terminus, is
 * reported there, and nothing is delivered. */
static void test_tagging(void)
{
	static const u32 bytes[] = {8, 16, 31, 32, 100, 700, 1407};

	for (u32 hops = 1; hops <= 2; hops++)
		for (u32 i = 0; i < FOG_ARRAY_COUNT(bytes); i++) {
			u8 cell[FOG_CELL_SIZE];
			begin(10 + i, hops);
			steal(cell);
			cell[bytes[i]] ^= 0x40;
			give(cell);
			u32 end = hops;
			TB_EXPECT_DROP(&tb, end, FOG_DROP_INTEGRITY, bytes[i]);
			CU_ASSERT_EQUAL(tb.host[end].event_count[FOG_EVENT_CIRCUIT_TAGGED], 1);
			CU_ASSERT_EQUAL(delivered, 0);
			CU_ASSERT_TRUE(c->closed);
			CU_ASSERT_EQUAL(c->reason, FOG_REASON_INTEGRITY);
			tb_run(&tb, TB_S);
			for (u32 h = 0; h < 3; h++)
				CU_ASSERT_EQUAL(tb_halves(&tb, h), 0);
			tb_free(&tb);
		}
}

/* A forged cell of the next generation moves a hop on; the ones under way still pass. */
static void test_pushed_generation(void)
{
	u8 cell[FOG_CELL_SIZE], forged[FOG_CELL_SIZE];

	begin(30, 2);
	steal(cell);
	memcpy(forged, cell, sizeof(forged));
	fog_store_u64(forged + 8, GEN + 5);
	/* Both in one batch: the key of the first must survive the second. */
	give(cell);
	give(forged);
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_EQUAL(delivered, 1);
	CU_ASSERT_EQUAL(tb_drops(&tb, 2, FOG_DROP_INTEGRITY), 1);
	CU_ASSERT_TRUE(c->closed);
	tb_free(&tb);
}

FOG_TEST_MAIN("dataplane/stage/lookup", FOG_TEST(test_life_cycle), FOG_TEST(test_sequences),
	      FOG_TEST(test_tagging), FOG_TEST(test_pushed_generation))
