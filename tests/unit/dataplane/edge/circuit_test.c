/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "tests/unit/dataplane/edge/relays.h"
#include "tests/unit/fog_test.h"

#define HANDLE 0x1234567u

static struct fog_circuit circuit;
static struct chain chain;
static struct fog_rng rng;

static u64 seed(void)
{
	static u64 value;

	if (value == 0) {
		const char *text = getenv("FOG_SEED");

		fog_random_bytes(&value, sizeof(value));
		value = text != NULL ? strtoull(text, NULL, 0) : value >> 32 | 1;
		printf("seed %llu ", (unsigned long long)value);
	}
	return value;
}

static void prepare(unsigned hops)
{
	struct fog_circuit_hop path[FOG_HOPS_MAX];

	fog_rng_init_u64(&rng, seed());
	chain_init(&chain, hops, seed() + 1);
	chain_path(&chain, path);
	CU_ASSERT_EQUAL_FATAL(fog_circuit_init(&circuit, HANDLE, path, hops, &rng), 0);
}

/* Drive the build to its end; the last event. */
static struct fog_circuit_event build(unsigned hops)
{
	u8 cell[FOG_CELL_SIZE], reply[FOG_CELL_SIZE];
	struct fog_circuit_event event = {0};
	const u8 *payload;
	u16 length;
	unsigned steps = 0;

	prepare(hops);
	CU_ASSERT_EQUAL_FATAL(fog_circuit_start(&circuit, 0, cell), 0);
	for (;;) {
		CU_ASSERT_EQUAL_FATAL(chain_forward(&chain, cell, reply, &payload, &length),
				      CHAIN_REPLY);
		steps++;
		int n = fog_circuit_receive(&circuit, 0, reply, &event, cell);
		if (event.type != FOG_CIRCUIT_NOTHING || n == 0)
			break;
	}
	CU_ASSERT_EQUAL(steps, hops);
	return event;
}

static void send_and_check(const u8 *data, size_t size)
{
	u8 cell[FOG_CELL_SIZE], reply[FOG_CELL_SIZE];
	const u8 *payload;
	u16 length;

	CU_ASSERT_EQUAL_FATAL(fog_circuit_send(&circuit, data, size, cell), 0);
	CU_ASSERT_EQUAL(fog_load_u32(cell), HANDLE);
	CU_ASSERT_EQUAL_FATAL(chain_forward(&chain, cell, reply, &payload, &length),
			      CHAIN_DATAGRAM);
	CU_ASSERT_EQUAL_FATAL(length, size);
	CU_ASSERT_EQUAL(memcmp(payload, data, size), 0);
}

static struct fog_circuit_event receive(u8 *cell)
{
	struct fog_circuit_event event;
	u8 reply[FOG_CELL_SIZE];
	int n = fog_circuit_receive(&circuit, 0, cell, &event, reply);

	if (n != 0)
		CU_ASSERT_EQUAL(reply[4], FOG_CELL_DESTROY);
	CU_ASSERT_EQUAL(n, event.type == FOG_CIRCUIT_FAILED && event.reason != FOG_REASON_NONE &&
				   cell[4] != FOG_CELL_DESTROY);
	return event;
}

static void test_life_cycle(void)
{
	for (unsigned hops = 1; hops <= FOG_HOPS_MAX; hops++) {
		u8 data[FOG_MSG_PAYLOAD_MAX], cell[FOG_CELL_SIZE], reply[FOG_CELL_SIZE];
		const u8 *payload;
		u16 length;

		CU_ASSERT_EQUAL(build(hops).type, FOG_CIRCUIT_BUILT);
		CU_ASSERT_EQUAL_FATAL(circuit.state, FOG_CIRCUIT_OPEN);
		fog_rng_bytes(&chain.rng, data, sizeof(data));
		send_and_check(data, 1);
		send_and_check(data, 600);
		send_and_check(data, sizeof(data));
		chain_originate(&chain, hops - 1, FOG_MSG_DATAGRAM, data, 1368, cell);
		struct fog_circuit_event e = receive(cell);
		CU_ASSERT_EQUAL(e.type, FOG_CIRCUIT_DATAGRAM);
		CU_ASSERT_EQUAL_FATAL(e.length, 1368);
		CU_ASSERT_EQUAL(memcmp(e.payload, data, 1368), 0);
		CU_ASSERT_EQUAL(fog_circuit_send_cover(&circuit, cell), 0);
		CU_ASSERT_EQUAL(chain_forward(&chain, cell, reply, &payload, &length), CHAIN_COVER);
		CU_ASSERT_EQUAL(fog_circuit_deadline(&circuit), UINT64_MAX);
		CU_ASSERT_EQUAL(fog_circuit_close(&circuit, FOG_REASON_REQUESTED, cell), 1);
		CU_ASSERT_EQUAL(chain_forward(&chain, cell, reply, &payload, &length),
				CHAIN_DESTROYED);
		CU_ASSERT_EQUAL(cell[FOG_CELL_HEADER_SIZE], FOG_REASON_REQUESTED);
		CU_ASSERT_EQUAL(fog_circuit_close(&circuit, FOG_REASON_REQUESTED, cell), 0);
		CU_ASSERT_EQUAL(fog_circuit_send(&circuit, data, 1, cell), -ENOTCONN);
		CU_ASSERT(fog_is_zero(circuit.keys, sizeof(circuit.keys)));
		fog_circuit_wipe(&circuit);
		CU_ASSERT(fog_is_zero(&circuit, sizeof(circuit)));
	}
}

static void test_bad_arguments(void)
{
	struct fog_circuit_hop path[FOG_HOPS_MAX + 1];
	u8 cell[FOG_CELL_SIZE], data[FOG_MSG_PAYLOAD_MAX + 1] = {0};

	fog_rng_init_u64(&rng, seed());
	fog_rng_bytes(&rng, path, sizeof(path));
	CU_ASSERT_EQUAL(fog_circuit_init(&circuit, 0, path, 3, &rng), -EINVAL);
	CU_ASSERT_EQUAL(fog_circuit_init(&circuit, 0x80000001u, path, 3, &rng), -EINVAL);
	CU_ASSERT_EQUAL(fog_circuit_init(&circuit, 1, path, 0, &rng), -EINVAL);
	CU_ASSERT_EQUAL(fog_circuit_start(&circuit, 0, cell), -EALREADY);
	CU_ASSERT_EQUAL(fog_circuit_init(&circuit, 1, path, FOG_HOPS_MAX + 1, &rng), -EINVAL);
	memcpy(path[2].node_id, path[0].node_id, 32);
	CU_ASSERT_EQUAL(fog_circuit_init(&circuit, 1, path, 3, &rng), -EINVAL);
	memset(path[0].onion_pk, 0, 32); /* low order */
	CU_ASSERT_EQUAL(fog_circuit_init(&circuit, 1, path, 2, &rng), 0);
	CU_ASSERT_EQUAL(fog_circuit_start(&circuit, 0, cell), -EBADMSG);
	CU_ASSERT_EQUAL(circuit.state, FOG_CIRCUIT_CLOSED);
	build(2);
	CU_ASSERT_EQUAL(fog_circuit_start(&circuit, 0, cell), -EALREADY);
	CU_ASSERT_EQUAL(fog_circuit_send(&circuit, data, 0, cell), -EMSGSIZE);
	CU_ASSERT_EQUAL(fog_circuit_send(&circuit, data, sizeof(data), cell), -EMSGSIZE);
	CU_ASSERT_STRING_EQUAL(fog_circuit_reason_name(FOG_REASON_NO_LINK), "no link");
	CU_ASSERT_STRING_EQUAL(fog_circuit_reason_name(250), "unknown");
}

/* Cells that are dropped and counted, and leave the circuit as it was. */
static void test_dropped(void)
{
	static const struct {
		u8 offset, value;
		const char *what;
	} table[] = {
		{0, 0x99, "another circuit id"},
		{4, FOG_CELL_PADDING, "padding"},
		{4, FOG_CELL_CREATE, "create"},
		{4, FOG_CELL_CREATE_VIA, "create via"},
		{4, 200, "unknown command"},
		{4, FOG_CELL_CREATED, "created when open"},
		{5, 1, "flags"},
		{6, 1, "reserved"},
		{15, 1, "generation far ahead"},
		{10, 2, "generation two ahead"},
	};
	u8 good[FOG_CELL_SIZE], cell[FOG_CELL_SIZE], text[] = "hello";

	build(3);
	chain_originate(&chain, 2, FOG_MSG_DATAGRAM, text, sizeof(text), good);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(table); i++) {
		u64 before = circuit.drops.header + circuit.drops.state + circuit.drops.replay +
			     circuit.drops.generation;

		memcpy(cell, good, sizeof(cell));
		cell[table[i].offset] = table[i].value;
		if (receive(cell).type != FOG_CIRCUIT_NOTHING)
			CU_FAIL(table[i].what);
		CU_ASSERT_EQUAL(circuit.drops.header + circuit.drops.state + circuit.drops.replay +
					circuit.drops.generation,
				before + 1);
		CU_ASSERT_EQUAL(circuit.state, FOG_CIRCUIT_OPEN);
	}
	memcpy(cell, good, sizeof(cell));
	fog_store_u64(cell + 8, circuit.backward_lowest - 1);
	CU_ASSERT_EQUAL(receive(cell).type, FOG_CIRCUIT_NOTHING);
	CU_ASSERT_EQUAL(circuit.drops.replay, 1);
	memcpy(cell, good, sizeof(cell));
	CU_ASSERT_EQUAL(receive(cell).type, FOG_CIRCUIT_DATAGRAM);
}

/* Messages that only a broken or hostile terminus sends: the circuit ends. */
static void test_bad_messages(void)
{
	static const struct {
		u8 command, flags;
		u16 length;
		u8 zero;
		const char *what;
	} table[] = {
		{FOG_MSG_DATAGRAM, 0, 0, 0, "empty datagram"},
		{FOG_MSG_DATAGRAM, 0, 1369, 0, "too long"},
		{FOG_MSG_DATAGRAM, 0, 65535, 0, "far too long"},
		{FOG_MSG_DATAGRAM, 1, 10, 0, "flags"},
		{FOG_MSG_DATAGRAM, 0, 10, 1, "reserved"},
		{FOG_MSG_EXTEND, 0, 1000, 0, "extend to the client"},
		{FOG_MSG_EXTENDED, 0, 1000, 0, "extended when open"},
		{0, 0, 0, 0, "no command"},
		{99, 0, 0, 0, "unknown command"},
	};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(table); i++) {
		u8 cell[FOG_CELL_SIZE];
		u8 *body = cell + FOG_CELL_HEADER_SIZE;

		build(2);
		cell_make(&chain, cell, FOG_CELL_DATA, chain.relay[1].backward_next++);
		body[16] = table[i].command;
		body[17] = table[i].flags;
		fog_store_u16(body + 18, table[i].length);
		body[20] = table[i].zero;
		relay_layer(&chain.relay[1], cell, FOG_CELL_BACKWARD);
		relay_layer(&chain.relay[0], cell, FOG_CELL_BACKWARD);
		struct fog_circuit_event e = receive(cell);
		if (e.type != FOG_CIRCUIT_FAILED || e.reason != FOG_REASON_PROTOCOL || e.hop != 1)
			CU_FAIL(table[i].what);
		CU_ASSERT_EQUAL(circuit.state, FOG_CIRCUIT_CLOSED);
	}
}

/* A relay flips a bit, a middle hop speaks, a stranger guesses: all end the circuit. */
static void test_integrity(void)
{
	u8 cell[FOG_CELL_SIZE], text[] = "hello";
	struct fog_circuit_event e;

	for (unsigned i = 0; i < 40; i++) {
		build(3);
		chain_originate(&chain, 2, FOG_MSG_DATAGRAM, text, sizeof(text), cell);
		u64 at = fog_rng_below(&chain.rng, FOG_BODY_SIZE * 8);
		cell[FOG_CELL_HEADER_SIZE + at / 8] ^= (u8)(1 << at % 8);
		e = receive(cell);
		CU_ASSERT_EQUAL(e.type, FOG_CIRCUIT_FAILED);
		CU_ASSERT_EQUAL(e.reason, FOG_REASON_INTEGRITY);
	}
	build(3);
	chain.relay[1].backward_next = chain.relay[2].backward_next;
	chain_originate(&chain, 1, FOG_MSG_DATAGRAM, text, sizeof(text), cell);
	CU_ASSERT_EQUAL(receive(cell).reason, FOG_REASON_INTEGRITY);
	build(3);
	chain_originate(&chain, 2, FOG_MSG_DATAGRAM, text, sizeof(text), cell);
	fog_store_u64(cell + 8, fog_load_u64(cell + 8) + 1); /* another number */
	CU_ASSERT_EQUAL(receive(cell).reason, FOG_REASON_INTEGRITY);
	CU_ASSERT_EQUAL(receive(cell).type, FOG_CIRCUIT_NOTHING); /* closed: dropped */
	CU_ASSERT_EQUAL(circuit.drops.state, 1);
}

/* Handshake answers that must fail the build, and whom they blame. */
static void test_bad_handshakes(void)
{
	for (unsigned hop = 0; hop < 3; hop++) {
		for (unsigned kind = 0; kind < 4; kind++) {
			u8 cell[FOG_CELL_SIZE], reply[FOG_CELL_SIZE];
			struct fog_circuit_event e = {0};
			const u8 *payload;
			u16 length;

			prepare(3);
			if (kind == 0) /* the hop holds another key than the directory says */
				chain.relay[hop].pk[3] ^= 1;
			if (kind == 1)
				circuit.path[hop].onion_pk[0] ^= 4;
			if (kind == 2)
				memset(circuit.path[hop].onion_pk, 0, 32);
			int rc = fog_circuit_start(&circuit, 0, cell);
			if (kind == 2 && hop == 0) {
				CU_ASSERT_EQUAL(rc, -EBADMSG);
				continue;
			}
			while (e.type == FOG_CIRCUIT_NOTHING) {
				if (chain_forward(&chain, cell, reply, &payload, &length) !=
				    CHAIN_REPLY) {
					cell_make(&chain, reply, FOG_CELL_DESTROY, 0);
					reply[FOG_CELL_HEADER_SIZE] = FOG_REASON_HANDSHAKE;
				}
				if (kind == 3 && circuit.ready == hop) {
					cell_make(&chain, reply, FOG_CELL_DESTROY, 0);
					reply[FOG_CELL_HEADER_SIZE] = FOG_REASON_NO_LINK;
				}
				fog_circuit_receive(&circuit, 0, reply, &e, cell);
			}
			CU_ASSERT_EQUAL(e.type, FOG_CIRCUIT_FAILED);
			CU_ASSERT_EQUAL(e.hop, hop);
			CU_ASSERT_EQUAL(e.reason,
					kind == 3 ? FOG_REASON_NO_LINK : FOG_REASON_HANDSHAKE);
			CU_ASSERT_EQUAL(circuit.state, FOG_CIRCUIT_CLOSED);
		}
	}
}

/* CREATED with every kind of wrong length, truncated and random. */
static void test_bad_created(void)
{
	static const u16 lengths[] = {0, 1, 63, 65, 1024, 1025, 65535};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(lengths); i++) {
		u8 cell[FOG_CELL_SIZE], reply[FOG_CELL_SIZE];
		const u8 *payload;
		u16 length;

		prepare(1);
		fog_circuit_start(&circuit, 0, cell);
		chain_forward(&chain, cell, reply, &payload, &length);
		fog_store_u16(reply + FOG_CELL_HEADER_SIZE, lengths[i]);
		struct fog_circuit_event e = receive(reply);
		CU_ASSERT_EQUAL(e.type, FOG_CIRCUIT_FAILED);
		CU_ASSERT(e.reason == FOG_REASON_HANDSHAKE || e.reason == FOG_REASON_PROTOCOL);
	}
	/* EXTENDED too short to hold its length */
	u8 cell[FOG_CELL_SIZE], reply[FOG_CELL_SIZE], one = 0;
	struct fog_circuit_event e;
	const u8 *payload;
	u16 length;
	prepare(2);
	fog_circuit_start(&circuit, 0, cell);
	chain_forward(&chain, cell, reply, &payload, &length);
	CU_ASSERT_EQUAL(fog_circuit_receive(&circuit, 0, reply, &e, cell), 1);
	chain_originate(&chain, 0, FOG_MSG_EXTENDED, &one, 1, reply);
	e = receive(reply);
	CU_ASSERT_EQUAL(e.type, FOG_CIRCUIT_FAILED);
	CU_ASSERT_EQUAL(e.reason, FOG_REASON_PROTOCOL);
}

static void test_timeouts(void)
{
	u8 cell[FOG_CELL_SIZE], reply[FOG_CELL_SIZE];
	struct fog_circuit_event e;
	const u8 *payload;
	u64 now = 1000;
	u16 length;

	prepare(3);
	fog_circuit_start(&circuit, now, cell);
	CU_ASSERT_EQUAL(fog_circuit_deadline(&circuit), now + FOG_CIRCUIT_STEP_NS);
	CU_ASSERT_EQUAL(fog_circuit_expire(&circuit, now, &e, reply), 0);
	chain_forward(&chain, cell, reply, &payload, &length);
	now += FOG_CIRCUIT_STEP_NS - 1;
	CU_ASSERT_EQUAL(fog_circuit_receive(&circuit, now, reply, &e, cell), 1);
	CU_ASSERT_EQUAL(fog_circuit_expire(&circuit, now + 1, &e, reply), 0);
	/* the EXTEND was lost: sent again, and again */
	for (unsigned i = 0; i < 3; i++) {
		now += FOG_CIRCUIT_RETRY_NS;
		CU_ASSERT_EQUAL(fog_circuit_deadline(&circuit), now);
		CU_ASSERT_EQUAL(fog_circuit_expire(&circuit, now, &e, cell), 1);
		CU_ASSERT_EQUAL(e.type, FOG_CIRCUIT_NOTHING);
	}
	CU_ASSERT_EQUAL(chain_forward(&chain, cell, reply, &payload, &length), CHAIN_REPLY);
	CU_ASSERT_EQUAL(fog_circuit_receive(&circuit, now, reply, &e, cell), 1);
	CU_ASSERT_EQUAL(circuit.ready, 2);
	now += FOG_CIRCUIT_STEP_NS;
	CU_ASSERT_EQUAL(fog_circuit_expire(&circuit, now, &e, reply), 1);
	CU_ASSERT_EQUAL(e.type, FOG_CIRCUIT_FAILED);
	CU_ASSERT_EQUAL(e.reason, FOG_REASON_TIMEOUT);
	CU_ASSERT_EQUAL(e.hop, 2);
	CU_ASSERT_EQUAL(reply[4], FOG_CELL_DESTROY);
	CU_ASSERT_EQUAL(fog_circuit_deadline(&circuit), UINT64_MAX);
}

static void test_destroyed(void)
{
	u8 cell[FOG_CELL_SIZE];
	struct fog_circuit_event e;

	build(3);
	cell_make(&chain, cell, FOG_CELL_DESTROY, 0);
	cell[FOG_CELL_HEADER_SIZE] = FOG_REASON_LINK_LOST;
	e = receive(cell);
	CU_ASSERT_EQUAL(e.type, FOG_CIRCUIT_ENDED);
	CU_ASSERT_EQUAL(e.reason, FOG_REASON_LINK_LOST);
	CU_ASSERT_EQUAL(e.hop, FOG_HOPS_MAX);
	CU_ASSERT_EQUAL(receive(cell).type, FOG_CIRCUIT_NOTHING);
}

/* Loss, reordering and duplicates within the window: each number is delivered at most once. */
static void test_reordering(void)
{
	enum { COUNT = 600 };
	static u8 cells[COUNT][FOG_CELL_SIZE];
	static unsigned got[COUNT];
	u8 copy[FOG_CELL_SIZE];
	unsigned delivered = 0;

	build(3);
	memset(got, 0, sizeof(got));
	for (u32 i = 0; i < COUNT; i++)
		chain_originate(&chain, 2, FOG_MSG_DATAGRAM, &i, sizeof(i), cells[i]);
	for (unsigned i = 0; i < 4 * COUNT; i++) {
		u64 pick = fog_rng_below(&chain.rng, COUNT);

		memcpy(copy, cells[pick], sizeof(copy));
		struct fog_circuit_event e = receive(copy);
		CU_ASSERT_EQUAL(e.type,
				got[pick] == 0 ? FOG_CIRCUIT_DATAGRAM : FOG_CIRCUIT_NOTHING);
		if (e.type == FOG_CIRCUIT_DATAGRAM) {
			CU_ASSERT_EQUAL(fog_load_u32(e.payload), pick);
			delivered++;
		}
		got[pick]++;
	}
	CU_ASSERT(delivered > COUNT / 2);
	CU_ASSERT_EQUAL(circuit.drops.replay, 4 * COUNT - delivered);
}

/* Both directions across a key generation, with reordering over the boundary. */
static void test_ratchet(void)
{
	enum { COUNT = 64 };
	static u8 cells[COUNT][FOG_CELL_SIZE];
	u8 data[32], *order[FOG_CIRCUIT_BATCH], reply[FOG_CELL_SIZE];
	struct fog_circuit_event events[FOG_CIRCUIT_BATCH];

	build(3);
	/* As if 2^16 - 32 cells had gone by. */
	circuit.forward_sequence = (1u << FOG_RATCHET_SHIFT) - COUNT / 2;
	chain.relay[2].backward_next = (1u << FOG_RATCHET_SHIFT) - COUNT / 2;
	for (u32 i = 0; i < COUNT; i++) {
		fog_rng_bytes(&chain.rng, data, sizeof(data));
		send_and_check(data, sizeof(data));
		chain_originate(&chain, 2, FOG_MSG_DATAGRAM, &i, sizeof(i), cells[i]);
	}
	CU_ASSERT_EQUAL(circuit.forward_generation, 1);
	/* Newest first within batches that straddle the boundary. */
	for (unsigned half = 0; half < 2; half++) {
		for (unsigned i = 0; i < FOG_CIRCUIT_BATCH; i++)
			order[i] = cells[COUNT - 1 - 2 * i - half];
		CU_ASSERT_EQUAL(fog_circuit_receive_many(&circuit, 0, order, FOG_CIRCUIT_BATCH,
							 events, reply),
				0);
		for (unsigned i = 0; i < FOG_CIRCUIT_BATCH; i++) {
			CU_ASSERT_EQUAL_FATAL(events[i].type, FOG_CIRCUIT_DATAGRAM);
			CU_ASSERT_EQUAL(fog_load_u32(events[i].payload), COUNT - 1 - 2 * i - half);
		}
	}
	CU_ASSERT_EQUAL(circuit.backward_generation, 1);
	/* Two generations on, the first is gone. */
	chain.relay[2].backward_next = 2u << FOG_RATCHET_SHIFT;
	u8 cell[FOG_CELL_SIZE];
	chain_originate(&chain, 2, FOG_MSG_DATAGRAM, data, 4, cell);
	CU_ASSERT_EQUAL(receive(cell).type, FOG_CIRCUIT_DATAGRAM);
	CU_ASSERT_EQUAL(circuit.backward_generation, 2);
	memset(cell, 0, sizeof(cell));
	cell_make(&chain, cell, FOG_CELL_DATA, 40000);
	CU_ASSERT_EQUAL(receive(cell).type, FOG_CIRCUIT_NOTHING);
	CU_ASSERT_EQUAL(circuit.drops.generation, 1);
	/* A forged number of the next generation does not move the keys. */
	cell_make(&chain, cell, FOG_CELL_DATA, 3ull << FOG_RATCHET_SHIFT);
	CU_ASSERT_EQUAL(receive(cell).reason, FOG_REASON_INTEGRITY);
	CU_ASSERT_EQUAL(circuit.backward_generation, 2);
}

/* A batch is the same as its cells one by one, control cells included. */
static void test_batches(void)
{
	static u8 cells[FOG_CIRCUIT_BATCH][FOG_CELL_SIZE];
	static u8 sent[FOG_CIRCUIT_BATCH][FOG_CELL_SIZE];
	u8 *at[FOG_CIRCUIT_BATCH], *out[FOG_CIRCUIT_BATCH], reply[FOG_CELL_SIZE];
	u8 data[FOG_CIRCUIT_BATCH][100];
	struct fog_circuit_event events[FOG_CIRCUIT_BATCH];
	struct fog_circuit_payload payloads[FOG_CIRCUIT_BATCH];
	const u8 *payload;
	u16 length;

	build(3);
	circuit.forward_sequence = (1u << FOG_RATCHET_SHIFT) - 10; /* split inside the batch */
	fog_rng_bytes(&chain.rng, data, sizeof(data));
	for (unsigned i = 0; i < FOG_CIRCUIT_BATCH; i++) {
		payloads[i] = (struct fog_circuit_payload){data[i], 1 + i * 3};
		out[i] = sent[i];
		at[i] = cells[i];
		chain_originate(&chain, 2, FOG_MSG_DATAGRAM, data[i], 1 + i, cells[i]);
	}
	CU_ASSERT_EQUAL(fog_circuit_send_many(&circuit, payloads, FOG_CIRCUIT_BATCH, out), 0);
	for (unsigned i = 0; i < FOG_CIRCUIT_BATCH; i++) {
		CU_ASSERT_EQUAL(chain_forward(&chain, sent[i], reply, &payload, &length),
				CHAIN_DATAGRAM);
		CU_ASSERT_EQUAL(length, payloads[i].length);
		CU_ASSERT_EQUAL(memcmp(payload, data[i], length), 0);
	}
	cells[3][4] = 77;                          /* unknown command */
	memcpy(cells[6], cells[5], FOG_CELL_SIZE); /* duplicate inside the batch */
	cell_make(&chain, cells[20], FOG_CELL_DESTROY, 0);
	CU_ASSERT_EQUAL(fog_circuit_receive_many(&circuit, 0, at, FOG_CIRCUIT_BATCH, events, reply),
			0);
	for (unsigned i = 0; i < FOG_CIRCUIT_BATCH; i++) {
		u8 want = i == 20                      ? FOG_CIRCUIT_ENDED
			  : i == 3 || i == 6 || i > 20 ? FOG_CIRCUIT_NOTHING
						       : FOG_CIRCUIT_DATAGRAM;

		CU_ASSERT_EQUAL(events[i].type, want);
		if (want == FOG_CIRCUIT_DATAGRAM) {
			CU_ASSERT_EQUAL(events[i].length, 1 + i);
			CU_ASSERT_EQUAL(memcmp(events[i].payload, data[i], 1 + i), 0);
		}
	}
	CU_ASSERT_EQUAL(circuit.drops.header, 1);
	CU_ASSERT_EQUAL(circuit.drops.replay, 1);
	CU_ASSERT_EQUAL(circuit.drops.state, FOG_CIRCUIT_BATCH - 21);
}

/* Backward numbers: each hop above all its predecessors could use, in range, never the same gap. */
static void test_backward_first(void)
{
	u64 first[2][FOG_HOPS_MAX];

	for (unsigned k = 0; k < 2; k++) {
		build(FOG_HOPS_MAX);
		for (unsigned i = 0; i < FOG_HOPS_MAX; i++) {
			first[k][i] = chain.relay[i].backward_next;
			CU_ASSERT(first[k][i] <= 32767 + 1);
			if (i != 0)
				CU_ASSERT(first[k][i] >= first[k][i - 1] + FOG_EXTEND_MAX);
		}
	}
	CU_ASSERT_EQUAL(first[0][7], first[1][7]); /* same seed, same run */
}

/* Random cells in every state: no crash, no datagram. */
static void test_random_cells(void)
{
	for (unsigned round = 0; round < 30; round++) {
		u8 cell[FOG_CELL_SIZE], reply[FOG_CELL_SIZE];
		struct fog_circuit_event e;

		if (round % 2 == 0) {
			build(1 + round % 4);
		} else {
			prepare(3);
			fog_circuit_start(&circuit, 0, cell);
		}
		for (unsigned i = 0; i < 50; i++) {
			fog_rng_bytes(&chain.rng, cell, sizeof(cell));
			if (i % 2 == 0) {
				fog_store_u32(cell, HANDLE);
				cell[4] = (u8)(1 + fog_rng_below(&chain.rng, 8));
				cell[5] = 0;
				fog_store_u16(cell + 6, 0);
				fog_store_u64(cell + 8, fog_rng_below(&chain.rng, 70000));
			}
			fog_circuit_receive(&circuit, 0, cell, &e, reply);
			CU_ASSERT(e.type != FOG_CIRCUIT_DATAGRAM && e.type != FOG_CIRCUIT_BUILT);
		}
	}
}

FOG_TEST_MAIN("dataplane/edge/circuit", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_dropped), FOG_TEST(test_bad_messages), FOG_TEST(test_integrity),
	      FOG_TEST(test_bad_handshakes), FOG_TEST(test_bad_created), FOG_TEST(test_timeouts),
	      FOG_TEST(test_destroyed), FOG_TEST(test_reordering), FOG_TEST(test_ratchet),
	      FOG_TEST(test_batches), FOG_TEST(test_backward_first), FOG_TEST(test_random_cells))
