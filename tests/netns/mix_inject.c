/* SPDX-License-Identifier: BSD-3-Clause */
/* A hostile edge: takes the place of a host's fog-edge at its data plane and hands over mix packets
 * for a neighbour that are wrong in one way. Used by e2e_drops.py.
 *
 *	mix_inject KIND COUNT DATAPLANE_SOCKET NODE_ID MIX_KEY EPOCH
 *
 * The packets end at that neighbour. Exit status 0 once the data plane took them all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/cpu.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"
#include "crypto/sphinx/sphinx.h"
#include "dataplane/abi/attach.h"
#include "dataplane/abi/ring.h"

#define TAKEN_S 10
#define TRIES   20 /* the real edge wants its place back */

struct target {
	struct fog_sphinx_geometry geometry;
	struct fog_sphinx_hop hop;
	u8 key[32];
	struct fog_rng rng;
	u64 epoch;
};

struct kind {
	const char *name;
	bool same;       /* one packet, sent again and again */
	size_t from, to; /* bytes of the packet that are .. */
	bool zero;       /* .. zero instead of flipped */
	u64 epochs;      /* further than what is now */
	u16 length;
	u8 payload; /* its first byte */
};

#define HEADER 476
#define WHOLE  FOG_BODY_SIZE

static const struct kind kinds[] = {
	{"replayed", .same = true, .length = WHOLE},
	{"header", .from = 100, .to = 101, .length = WHOLE},
	{"tag", .from = HEADER + 3, .to = HEADER + 4, .length = WHOLE},
	{"payload", .from = WHOLE - 1, .to = WHOLE, .length = WHOLE},
	{"version", .from = 1, .to = 2, .length = WHOLE},
	{"point", .from = 2, .to = 34, .zero = true, .length = WHOLE},
	{"epoch", .epochs = 5, .length = WHOLE},
	{"cut-header", .from = 200, .to = WHOLE, .zero = true, .length = WHOLE},
	{"cut-payload", .from = 700, .to = WHOLE, .zero = true, .length = WHOLE},
	{"cut-slot", .length = 700},
	{"unknown", .payload = 99, .length = WHOLE},
};

static void packet_make(struct target *t, const struct kind *k, u8 *packet)
{
	u8 payload[FOG_BODY_SIZE] = {k->payload};

	int rc = fog_sphinx_wrap(&t->geometry, &t->rng, &t->hop, 1, payload, packet);
	FOG_ASSERT(rc == 0);
	for (size_t i = k->from; i < k->to; i++)
		packet[i] = k->zero ? 0 : packet[i] ^ 1;
}

static bool taken(const struct fog_edge_tx_region *own, const struct fog_edge_rx_region *peer)
{
	return atomic_load(&peer->tx_tail.tail) == atomic_load(&own->tx_head.head);
}

/* False: somebody else took the place before all was taken. */
static bool inject(struct target *t, const struct kind *k, unsigned count, const char *path)
{
	struct fog_attachment a;
	struct fog_ring tx;
	char why[256] = "";
	bool done = false;

	int rc = fog_attach(&a, path, FOG_HELLO_EDGE, 1, 5000, why);
	if (rc != 0) {
		fprintf(stderr, "mix_inject: %s: %s\n", path, why[0] ? why : strerror(-rc));
		return false;
	}
	struct fog_edge_tx_region *own = a.own.base;
	struct fog_edge_rx_region *peer = a.peer.base;
	fog_ring_producer(&tx, &own->tx_head, &peer->tx_tail, own->slots, FOG_EDGE_RING_COUNT,
			  sizeof(struct fog_edge_slot));
	for (unsigned i = 0; i < count; i++) {
		struct fog_edge_slot *s = fog_ring_slot(&tx, i);
		memset(s, 0, sizeof(*s));
		s->kind = FOG_EDGE_MIX;
		s->length = k->length;
		s->epoch = t->epoch + k->epochs;
		memcpy(s->node, t->hop.id, 32);
		if (k->same && i > 0)
			memcpy(s->data, own->slots[0].data, FOG_BODY_SIZE);
		else
			packet_make(t, k, s->data);
	}
	fog_ring_publish(&tx, count);
	for (unsigned i = 0; i < 1000 * TAKEN_S && !done; i++) {
		fog_attachment_wake(&a, 0);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		done = taken(own, peer);
		if (!done && i % 300 == 299)
			break;
	}
	fog_detach(&a);
	return done;
}

static const struct kind *kind_find(const char *name)
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

int main(int argc, char **argv)
{
	struct target t = {.hop.commands = {.has_recipient = true}};
	u8 seed[FOG_RNG_SEED_SIZE];

	const struct kind *k = argc == 7 ? kind_find(argv[1]) : NULL;
	unsigned long count = argc == 7 ? strtoul(argv[2], NULL, 10) : 0;
	if (k == NULL || count == 0 || count > FOG_EDGE_RING_COUNT ||
	    fog_hex_decode(argv[4], t.hop.id, 32) != 0 || fog_hex_decode(argv[5], t.key, 32) != 0) {
		fprintf(stderr, "usage: mix_inject KIND COUNT SOCKET NODE_ID MIX_KEY EPOCH\n");
		return 2;
	}
	t.hop.key = t.key;
	t.epoch = strtoull(argv[6], NULL, 10);
	FOG_ASSERT(fog_crypto_init() == 0);
	fog_random_bytes(seed, sizeof(seed));
	fog_rng_init(&t.rng, seed);
	int rc = fog_sphinx_geometry_init(&t.geometry, FOG_SPHINX_NIKE, 5, FOG_BODY_SIZE);
	FOG_ASSERT(rc == 0);
	for (unsigned i = 0; i < TRIES; i++)
		if (inject(&t, k, (unsigned)count, argv[3]))
			return 0;
	fprintf(stderr, "mix_inject: the data plane did not take them\n");
	return 1;
}
