/* SPDX-License-Identifier: BSD-3-Clause */
/* A chain of relays in memory, made of crypto/ primitives only: what the data planes of a circuit
 * do to its cells. Independent of the client code under test. */
#ifndef FOG_TEST_RELAYS_H
#define FOG_TEST_RELAYS_H

#include "crypto/cell/cell.h"
#include "crypto/curve/x25519.h"
#include "crypto/mem.h"
#include "crypto/ntor/ntor.h"
#include "crypto/random/random.h"
#include "dataplane/abi/wire.h"
#include "dataplane/edge/circuit.h"

struct relay_direction {
	struct fog_cell_key key[2]; /* [0] current, [1] previous generation */
	u32 generation;
	bool has_previous;
};

struct relay {
	u8 node_id[32];
	u8 sk[32], pk[32];
	bool keyed;
	u64 backward_next;
	struct relay_direction forward, backward;
};

struct chain {
	struct fog_rng rng;
	unsigned count;
	unsigned keyed; /* hops that finished their handshake */
	u32 handle;
	struct relay relay[FOG_HOPS_MAX];
};

static void chain_init(struct chain *n, unsigned count, u64 seed)
{
	memset(n, 0, sizeof(*n));
	fog_rng_init_u64(&n->rng, seed);
	n->count = count;
	for (unsigned i = 0; i < count; i++) {
		fog_rng_bytes(&n->rng, n->relay[i].node_id, 32);
		fog_rng_bytes(&n->rng, n->relay[i].sk, 32);
		fog_x25519_base(n->relay[i].pk, n->relay[i].sk);
	}
}

static void chain_path(const struct chain *n, struct fog_circuit_hop *path)
{
	for (unsigned i = 0; i < n->count; i++) {
		memcpy(path[i].node_id, n->relay[i].node_id, 32);
		memcpy(path[i].onion_pk, n->relay[i].pk, 32);
	}
}

/* The key of a generation, as a relay keeps it: current, previous, or one step ahead. */
static const struct fog_cell_key *relay_key(struct relay_direction *d, u64 sequence)
{
	u64 g = sequence >> FOG_RATCHET_SHIFT;

	if (g == (u64)d->generation + 1) {
		d->key[1] = d->key[0];
		fog_cell_key_ratchet(&d->key[0], &d->key[0]);
		d->generation++;
		d->has_previous = true;
	}
	if (g == d->generation)
		return &d->key[0];
	if (d->has_previous && g + 1 == d->generation)
		return &d->key[1];
	return NULL;
}

static bool relay_layer(struct relay *r, u8 *cell, u8 direction)
{
	u64 sequence = fog_load_u64(cell + 8);
	struct fog_cell_job job = {
		.key = relay_key(direction == FOG_CELL_FORWARD ? &r->forward : &r->backward,
				 sequence),
		.in = cell + FOG_CELL_HEADER_SIZE,
		.out = cell + FOG_CELL_HEADER_SIZE,
		.sequence = sequence,
		.direction = direction,
		.command = FOG_CELL_DATA};

	if (job.key == NULL)
		return false;
	fog_cell_encrypt_many(&job, 1);
	return true;
}

static void cell_make(struct chain *n, u8 *cell, u8 command, u64 sequence)
{
	memset(cell, 0, FOG_CELL_SIZE);
	fog_store_u32(cell, n->handle);
	cell[4] = command;
	fog_store_u64(cell + 8, sequence);
}

/* A message from hop `from` towards the client, through all layers. */
static void chain_originate(struct chain *n, unsigned from, u8 command, const void *payload,
			    size_t length, u8 *cell)
{
	u8 *body = cell + FOG_CELL_HEADER_SIZE;

	cell_make(n, cell, FOG_CELL_DATA, n->relay[from].backward_next++);
	body[16] = command;
	fog_store_u16(body + 18, (u16)length);
	memcpy(body + 24, payload, length);
	for (unsigned h = from + 1; h-- > 0;)
		relay_layer(&n->relay[h], cell, FOG_CELL_BACKWARD);
}

/* Answer an onionskin as hop `i`; out: struct fog_created bytes. Returns false when refused. */
static bool relay_handshake(struct chain *n, unsigned i, const struct fog_create *create,
			    struct fog_created *created)
{
	struct relay *r = &n->relay[i];
	struct fog_circuit_params params;
	u8 keys[FOG_NTOR_CIRCUIT_KEYS], secret[32];
	size_t message_len, length;

	memset(created, 0, sizeof(*created));
	fog_rng_bytes(&n->rng, secret, sizeof(secret));
	if (create->handshake != FOG_HANDSHAKE_NTOR3 || create->length > FOG_ONIONSKIN_MAX)
		return false;
	if (fog_ntor_server(r->node_id, r->sk, r->pk, NULL, 0, create->skin, create->length, NULL,
			    0, (u8 *)&params, sizeof(params), &message_len, secret, created->skin,
			    sizeof(created->skin), &length, keys, sizeof(keys)) != 0)
		return false;
	if (message_len != sizeof(params) || params.version != 1 || params.backward_first == 0 ||
	    params.backward_first > 32767)
		return false;
	created->length = (u16)length;
	r->keyed = true;
	r->backward_next = params.backward_first;
	fog_cell_key_init(&r->forward.key[0], keys);
	fog_cell_key_init(&r->backward.key[0], keys + FOG_CELL_SEED_SIZE);
	n->keyed = i + 1;
	return true;
}

enum chain_result {
	CHAIN_DROP = 0,     /* nothing came out */
	CHAIN_REPLY = 1,    /* reply holds a cell for the client */
	CHAIN_DATAGRAM = 2, /* the terminus got payload, length */
	CHAIN_DESTROYED = 3,
	CHAIN_COVER = 4,
};

static enum chain_result chain_message(struct chain *n, unsigned hop, const u8 *body, u8 *reply,
				       const u8 **payload, u16 *length)
{
	struct fog_extend extend;
	struct fog_created created;

	*length = fog_load_u16(body + 18);
	*payload = body + 24;
	switch (body[16]) {
	case FOG_MSG_DATAGRAM:
		return CHAIN_DATAGRAM;
	case FOG_MSG_DROP:
		return CHAIN_COVER;
	case FOG_MSG_EXTEND:
		memcpy(&extend, *payload, sizeof(extend));
		if (hop + 1 >= n->count || n->relay[hop + 1].keyed ||
		    memcmp(extend.next_hop, n->relay[hop + 1].node_id, 32) != 0 ||
		    !relay_handshake(n, hop + 1, &extend.create, &created)) {
			cell_make(n, reply, FOG_CELL_DESTROY, 0);
			reply[FOG_CELL_HEADER_SIZE] = FOG_REASON_HANDSHAKE;
			return CHAIN_REPLY;
		}
		chain_originate(n, hop, FOG_MSG_EXTENDED, &created, sizeof(created), reply);
		return CHAIN_REPLY;
	}
	return CHAIN_DROP;
}

/* One cell from the client through the chain. `cell` is changed. */
static enum chain_result chain_forward(struct chain *n, u8 *cell, u8 *reply, const u8 **payload,
				       u16 *length)
{
	u8 *body = cell + FOG_CELL_HEADER_SIZE;
	struct fog_create_via via;
	struct fog_created created;

	n->handle = fog_load_u32(cell);
	switch (cell[4]) {
	case FOG_CELL_CREATE_VIA:
		memcpy(&via, body, sizeof(via));
		if (memcmp(via.first_hop, n->relay[0].node_id, 32) != 0 ||
		    !relay_handshake(n, 0, &via.create, &created))
			return CHAIN_DROP;
		cell_make(n, reply, FOG_CELL_CREATED, 0);
		memcpy(reply + FOG_CELL_HEADER_SIZE, &created, sizeof(created));
		return CHAIN_REPLY;
	case FOG_CELL_DESTROY:
		return CHAIN_DESTROYED;
	case FOG_CELL_DATA:
		break;
	default:
		return CHAIN_DROP;
	}
	for (unsigned h = 0; h < n->keyed; h++) {
		if (!relay_layer(&n->relay[h], cell, FOG_CELL_FORWARD))
			return CHAIN_DROP;
		if (fog_cell_recognized(body))
			return h + 1 == n->keyed ? chain_message(n, h, body, reply, payload, length)
						 : CHAIN_DROP;
	}
	return CHAIN_DROP;
}

#endif
