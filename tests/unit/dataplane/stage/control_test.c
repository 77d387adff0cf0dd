/* SPDX-License-Identifier: BSD-3-Clause */
/* CREATE, CREATED and DESTROY of a neighbour that does not follow the rules. */
#include "crypto/ntor/ntor.h"
#include "tests/sim/testbed.h"
#include "tests/unit/fog_test.h"

static struct tb tb;

static void cell_of(u8 cell[FOG_CELL_SIZE], u32 id, u8 command, const void *body, size_t length)
{
	const struct fog_cell_head head = {.id = id, .command = command};

	memset(cell, 0, FOG_CELL_SIZE);
	memcpy(cell, &head, sizeof(head));
	memcpy(cell + sizeof(head), body, length);
}

static void give(const u8 *cell)
{
	u8 dgram[FOG_DGRAM_SIZE];

	tb_forge(&tb, 0, 1, cell, dgram);
	tb_inject(&tb, 0, 1, dgram, sizeof(dgram));
}

/* An id host 0 may choose towards host 1. */
static u32 id_of(u32 n)
{
	return n | fog_link_side_bit(tb_peer(&tb, 0, 1));
}

static void create_of(struct fog_create *create, const void *message, size_t length)
{
	struct fog_ntor_client client;
	size_t out_len;
	u8 secret[32];

	memset(create, 0, sizeof(*create));
	fog_rng_bytes(&tb.rng, secret, sizeof(secret));
	int rc = fog_ntor_client_start(&client, tb.host[1].node_id, tb.host[1].onion_pk, NULL, 0,
				       message, length, secret, create->skin, sizeof(create->skin),
				       &out_len);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	create->handshake = FOG_HANDSHAKE_NTOR3;
	create->length = (u16)out_len;
}

static void begin(u64 seed)
{
	tb_init(&tb, seed, 2, 1, 64);
	CU_ASSERT_TRUE_FATAL(tb_mesh(&tb));
	tb_run(&tb, 200 * TB_MS);
}

static const struct fog_circuit_params good = {.version = 1, .backward_first = 7};

static void test_life_cycle(void)
{
	struct fog_create create;
	u8 cell[FOG_CELL_SIZE];
	const u8 reason = FOG_REASON_REQUESTED;

	begin(1);
	create_of(&create, &good, sizeof(good));
	cell_of(cell, id_of(5), FOG_CELL_CREATE, &create, sizeof(create));
	give(cell);
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_EQUAL(tb_halves(&tb, 1), 2);
	CU_ASSERT_EQUAL(tb.host[1].event_count[FOG_EVENT_CIRCUIT_OPENED], 1);
	/* Host 0 never asked: it counts our CREATED. */
	CU_ASSERT_EQUAL(tb_drops(&tb, 0, FOG_DROP_CIRCUIT), 1);
	/* The same CREATE again is answered again, and opens nothing. */
	give(cell);
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_EQUAL(tb_halves(&tb, 1), 2);
	CU_ASSERT_EQUAL(tb_drops(&tb, 0, FOG_DROP_CIRCUIT), 2);
	CU_ASSERT_EQUAL(tb_drops_all(&tb, 1), 0);
	cell_of(cell, id_of(5), FOG_CELL_DESTROY, &reason, 1);
	give(cell);
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_EQUAL(tb_halves(&tb, 1), 0);
	CU_ASSERT_EQUAL(tb_pending(&tb, 1), 0);
	CU_ASSERT_EQUAL(tb_slots_out(&tb, 1), 0);
	tb_free(&tb);
}

static void test_bad_creates(void)
{
	static const struct fog_circuit_params version = {.version = 2, .backward_first = 7},
					       none = {.version = 1},
					       high = {.version = 1, .backward_first = 32768},
					       reserved = {.version = 1,
							   .zero = {1},
							   .backward_first = 7};
	struct fog_create create, other;
	u8 cell[FOG_CELL_SIZE];

	begin(2);
	create_of(&create, &good, sizeof(good));
	/* 1: an id that is ours to choose */
	cell_of(cell, id_of(5) ^ FOG_CIRCUIT_ID_HIGH, FOG_CELL_CREATE, &create, sizeof(create));
	give(cell);
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_COMMAND, 1);
	/* 2: no such handshake; 3, 4: length; 5: short skin */
	other = create;
	other.handshake = 2;
	cell_of(cell, id_of(5), FOG_CELL_CREATE, &other, sizeof(other));
	give(cell);
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_CREATE_AUTH, 2);
	const u16 lengths[] = {0, FOG_ONIONSKIN_MAX + 1, 50};
	for (u32 i = 0; i < 3; i++) {
		other = create;
		other.length = lengths[i];
		cell_of(cell, id_of(5), FOG_CELL_CREATE, &other, sizeof(other));
		give(cell);
		TB_EXPECT_DROP(&tb, 1, FOG_DROP_CREATE_AUTH, 3 + i);
	}
	/* 6: one bit of the skin, at every region */
	for (u32 i = 0; i < create.length; i += 7) {
		other = create;
		other.skin[i] ^= 1;
		cell_of(cell, id_of(5), FOG_CELL_CREATE, &other, sizeof(other));
		give(cell);
		TB_EXPECT_DROP(&tb, 1, FOG_DROP_CREATE_AUTH, 6);
	}
	/* 7..11: authentic, but asking for what cannot be */
	const struct fog_circuit_params *params[] = {&version, &none, &high, &reserved};
	for (u32 i = 0; i < 4; i++) {
		create_of(&other, params[i], sizeof(*params[i]));
		cell_of(cell, id_of(5), FOG_CELL_CREATE, &other, sizeof(other));
		give(cell);
		TB_EXPECT_DROP(&tb, 1, FOG_DROP_CREATE_AUTH, 7 + i);
	}
	create_of(&other, &good, 4);
	cell_of(cell, id_of(5), FOG_CELL_CREATE, &other, sizeof(other));
	give(cell);
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_CREATE_AUTH, 11);
	CU_ASSERT_EQUAL(tb_halves(&tb, 1), 0);
	/* 12: another CREATE for an id in use changes nothing */
	cell_of(cell, id_of(5), FOG_CELL_CREATE, &create, sizeof(create));
	give(cell);
	tb_run(&tb, 20 * TB_MS);
	create_of(&other, &good, sizeof(good));
	cell_of(cell, id_of(5), FOG_CELL_CREATE, &other, sizeof(other));
	give(cell);
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_CREATE_REFUSED, 12);
	CU_ASSERT_EQUAL(tb_halves(&tb, 1), 2);
	tb_free(&tb);
}

/* More handshakes than fit: each is refused or dropped by a counted reason, nothing leaks. */
static void test_flood(void)
{
	struct fog_create create;
	u8 cell[FOG_CELL_SIZE];

	begin(3);
	create_of(&create, &good, sizeof(good));
	for (u32 i = 0; i < 2000; i++) {
		create.skin[100] = (u8)i; /* most of them invalid */
		cell_of(cell, id_of(100 + i), FOG_CELL_CREATE, &create, sizeof(create));
		give(cell);
	}
	tb_run(&tb, TB_S);
	u64 sum = tb_drops(&tb, 1, FOG_DROP_CREATE_AUTH) + tb_drops(&tb, 1, FOG_DROP_CIRCUIT_FULL) +
		  tb_drops(&tb, 1, FOG_DROP_HANDSHAKE_FULL) +
		  tb_drops(&tb, 1, FOG_DROP_CREATE_REFUSED);
	CU_ASSERT_EQUAL(sum, tb_drops_all(&tb, 1));
	CU_ASSERT_EQUAL(sum + tb.host[1].event_count[FOG_EVENT_CIRCUIT_OPENED], 2000);
	CU_ASSERT_TRUE(tb_drops(&tb, 1, FOG_DROP_CIRCUIT_FULL) > 0);
	CU_ASSERT_EQUAL(tb_slots_out(&tb, 1), 0);
	CU_ASSERT_TRUE(tb_link_up(&tb, 1, 0));
	tb_free(&tb);
}

static void test_keepalive(void)
{
	u8 cell[FOG_CELL_SIZE], body[9] = {4};

	begin(4);
	cell_of(cell, 0, FOG_CELL_KEEPALIVE, body, sizeof(body));
	give(cell);
	TB_EXPECT_DROP(&tb, 1, FOG_DROP_FORMAT, 1);
	/* A pong nobody asked for is ignored. */
	u64 rtt = tb_peer(&tb, 1, 0)->rtt_ns;
	CU_ASSERT_TRUE(rtt >= 2 * TB_MS && rtt < 10 * TB_MS);
	body[0] = 1;
	cell_of(cell, 0, FOG_CELL_KEEPALIVE, body, sizeof(body));
	give(cell);
	tb_run(&tb, 20 * TB_MS);
	CU_ASSERT_EQUAL(tb_drops_all(&tb, 1), 1);
	tb_free(&tb);
}

FOG_TEST_MAIN("dataplane/stage/control", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_creates),
	      FOG_TEST(test_flood), FOG_TEST(test_keepalive))
