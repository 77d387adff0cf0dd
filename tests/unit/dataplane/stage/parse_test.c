/* SPDX-License-Identifier: BSD-3-Clause */
/* Cell headers of an authenticated but misbehaving neighbour. */
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

static struct tb tb;

static void cell_of(u8 cell[FOG_CELL_SIZE], u32 id, u8 command, u8 flags, u16 zero, u64 sequence)
{
	const struct fog_cell_head head = {
		.id = id, .command = command, .flags = flags, .zero = zero, .sequence = sequence};

	memset(cell, 0, FOG_CELL_SIZE);
	memcpy(cell, &head, sizeof(head));
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

	tb_init(&tb, 1, 2, 1, 64);
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	cell_of(cell, 0, FOG_CELL_KEEPALIVE, 0, 0, 0);
	give(cell);
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_EQUAL(tb_drops_all(&tb, 1), 0);
	cell_of(cell, 0, FOG_CELL_PADDING, 0, 0, 0);
	give(cell);
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_PADDING, 0);
	tb_free(&tb);
}

/* A mix packet cut short or grown on its way, anywhere: a counted drop, never a shorter packet. */
static void test_truncated_mix(void)
{
	static const size_t lengths[] = {0, 1, 47, 48, 720, FOG_DGRAM_SIZE - 1, FOG_DGRAM_SIZE + 1};
	u8 cell[FOG_CELL_SIZE], dgram[FOG_DGRAM_SIZE + 1] = {0};

	tb_init(&tb, 1, 2, 1, 64);
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	cell_of(cell, 0, FOG_CELL_MIX, 0, 0, 1);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(lengths); i++) {
		tb_forge(&tb, 0, 1, cell, dgram);
		tb_inject(&tb, 0, 1, dgram, lengths[i]);
		TB_EXPECT_DROP(&tb, 1, FOG_DROP_LENGTH, i);
	}
	tb_free(&tb);
}

static void test_headers(void)
{
	static const struct {
		int no;
		u32 id;
		u8 command;
		u8 flags;
		u16 zero;
		u64 sequence;
		enum fog_drop want;
	} cases[] = {
		{1, 0, FOG_CELL_KEEPALIVE, 1, 0, 0, FOG_DROP_FORMAT},
		{2, 0, FOG_CELL_KEEPALIVE, 0, 1, 0, FOG_DROP_FORMAT},
		{3, 0, FOG_CELL_KEEPALIVE, 0, 0, 1, FOG_DROP_FORMAT},
		{4, 7, FOG_CELL_DATA, 0x80, 0, 1, FOG_DROP_FORMAT},
		{5, 7, FOG_CELL_DATA, 0, 0x8000, 1, FOG_DROP_FORMAT},
		{6, 7, FOG_CELL_CREATE, 0, 0, 1, FOG_DROP_FORMAT},
		{7, 0, 0, 0, 0, 0, FOG_DROP_COMMAND},
		{8, 7, 0, 0, 0, 0, FOG_DROP_COMMAND},
		{9, 7, FOG_CELL_PADDING, 0, 0, 0, FOG_DROP_COMMAND},
		{10, 7, FOG_CELL_KEEPALIVE, 0, 0, 0, FOG_DROP_COMMAND},
		{11, 0, FOG_CELL_CREATE, 0, 0, 0, FOG_DROP_COMMAND},
		{12, 0, FOG_CELL_CREATED, 0, 0, 0, FOG_DROP_COMMAND},
		{13, 0, FOG_CELL_DATA, 0, 0, 1, FOG_DROP_COMMAND},
		{14, 0, FOG_CELL_DESTROY, 0, 0, 0, FOG_DROP_COMMAND},
		{15, 0, FOG_CELL_MIX, 0, 0, 0, FOG_DROP_MIX_EPOCH},
		{16, 7, FOG_CELL_MIX, 0, 0, 0, FOG_DROP_COMMAND},
		{17, 7, FOG_CELL_CREATE_VIA, 0, 0, 0, FOG_DROP_COMMAND},
		{18, 7, 9, 0, 0, 0, FOG_DROP_COMMAND},
		{19, 7, 255, 0, 0, 0, FOG_DROP_COMMAND},
		{20, 7, FOG_CELL_DATA, 0, 0, 1, FOG_DROP_CIRCUIT},
		{21, 7, FOG_CELL_CREATED, 0, 0, 0, FOG_DROP_CIRCUIT},
		{22, 7, FOG_CELL_DESTROY, 0, 0, 0, FOG_DROP_CIRCUIT},
	};
	u8 cell[FOG_CELL_SIZE];

	tb_init(&tb, 2, 2, 1, 64);
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	tb_run(&tb, 100 * TB_MS);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		cell_of(cell, cases[i].id, cases[i].command, cases[i].flags, cases[i].zero,
			cases[i].sequence);
		give(cell);
		TB_EXPECT_DROP(&tb, 1, cases[i].want, cases[i].no);
	}
	CU_ASSERT_EQUAL(tb_slots_out(&tb, 1), 0);
	tb_free(&tb);
}

static u64 seed_of(u64 otherwise)
{
	const char *text = getenv("FOG_SEED");
	u64 seed = text != NULL ? strtoull(text, NULL, 0) : otherwise;

	printf("FOG_SEED=%llu ", (unsigned long long)seed);
	return seed;
}

/* Garbage of an authenticated neighbour, from pure noise to almost right, while a circuit lives. */
static void test_random(void)
{
	static const u8 commands[] = {FOG_CELL_PADDING, FOG_CELL_KEEPALIVE, FOG_CELL_CREATE,
				      FOG_CELL_CREATED, FOG_CELL_DATA,      FOG_CELL_DESTROY};
	struct fog_rng rng;
	struct tb_circuit *c;
	u8 cell[FOG_CELL_SIZE];

	fog_rng_init_u64(&rng, seed_of(11));
	tb_init(&tb, 3, 3, 1, 64);
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	CU_ASSERT_TRUE_FATAL(tb_open_wait(&tb, &c, 2, (const u32[]){1}, 1));
	u32 live = 0;
	for (u32 i = 0; i < 20000; i++) {
		fog_rng_bytes(&rng, cell, sizeof(cell));
		switch (fog_rng_below(&rng, 4)) {
		case 0:
			break;
		case 1:
			memset(cell + 5, 0, 11);
			cell[4] = commands[fog_rng_below(&rng, sizeof(commands))];
			break;
		case 2:
			memset(cell + 5, 0, 3);
			memset(cell, 0, 3);
			cell[4] = FOG_CELL_DATA;
			fog_store_u64(cell + 8, fog_rng_below(&rng, 100));
			break;
		default:
			/* Few ids, so that CREATE and DESTROY meet. */
			memset(cell, 0, 16);
			cell[0] = (u8)(1 + fog_rng_below(&rng, 4));
			cell[3] = (u8)(fog_rng_below(&rng, 2) << 7);
			cell[4] = commands[fog_rng_below(&rng, sizeof(commands))];
			fog_store_u16(cell + 16, 1);
			fog_store_u16(cell + 18, (u16)fog_rng_below(&rng, 1100));
			break;
		}
		give(cell);
		if (i % 50 == 0)
			tb_run(&tb, TB_MS);
	}
	tb_run(&tb, 10 * TB_S);
	CU_ASSERT_TRUE(tb_link_up(&tb, 1, 0));
	CU_ASSERT_EQUAL(tb_slots_out(&tb, 1), 0);
	CU_ASSERT_EQUAL(tb_pending(&tb, 1), 0);
	CU_ASSERT_FALSE(c->closed);
	for (u32 i = 0; i < 3; i++)
		live += (u32)tb_halves(&tb, i);
	CU_ASSERT_EQUAL(live, 4); /* of the one circuit */
	tb_free(&tb);
}

/* Garbage of strangers, with every type a datagram can have. */
static void test_random_datagrams(void)
{
	struct fog_rng rng;
	u8 dgram[FOG_DGRAM_SIZE];

	fog_rng_init_u64(&rng, seed_of(12));
	tb_init(&tb, 4, 2, 2, 64);
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	tb_run(&tb, 100 * TB_MS);
	CU_ASSERT_EQUAL(tb_drops_all(&tb, 1), 0);
	for (u32 i = 0; i < 20000; i++) {
		u32 length = FOG_DGRAM_SIZE;
		fog_rng_bytes(&rng, dgram, sizeof(dgram));
		if (fog_rng_below(&rng, 4) != 0) {
			memset(dgram, 0, 4);
			dgram[0] = (u8)fog_rng_below(&rng, 6);
		}
		if (fog_rng_below(&rng, 16) == 0)
			length = (u32)fog_rng_below(&rng, FOG_DGRAM_SIZE);
		tb_inject(&tb, 0, 1, dgram, length);
		if (i % 50 == 0)
			tb_run(&tb, TB_MS);
	}
	tb_run(&tb, TB_S);
	/* Each is one counted drop, whichever. */
	CU_ASSERT_EQUAL(tb_drops_all(&tb, 1), 20000);
	CU_ASSERT_EQUAL(tb_slots_out(&tb, 1), 0);
	CU_ASSERT_TRUE(tb_link_up(&tb, 1, 0));
	tb_free(&tb);
}

FOG_TEST_MAIN("dataplane/stage/parse", FOG_TEST(test_life_cycle), FOG_TEST(test_truncated_mix),
	      FOG_TEST(test_headers), FOG_TEST(test_random), FOG_TEST(test_random_datagrams))
