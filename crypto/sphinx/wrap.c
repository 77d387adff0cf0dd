/* SPDX-License-Identifier: BSD-3-Clause */
/* A client's side: headers, packets, reply blocks. */
#include "crypto/sphinx/internal.h"

#include "crypto/curve/x25519.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#include <errno.h>

#define HOPS        FOG_SPHINX_HOPS_MAX
#define ROUTING_MAX ((HOPS + 1) * (FOG_SPHINX_COMMANDS + FOG_SPHINX_POINT_SIZE))

/* Group element and keys of every hop. */
struct course {
	u8 element[HOPS][32];
	u8 secret[HOPS][32];
	struct sphinx_keys keys[HOPS];
};

/* One secret for all hops. The factors of hops before are applied to the shared secrets one by one,
 * as their clamping does not multiply: hop by hop, to all that come after it side by side. */
static int course_nike(struct course *c, struct fog_rng *rng, const struct fog_sphinx_hop *path,
		       unsigned hops)
{
	u8 factor[HOPS + 1][32], point[HOPS + 1][32], product[HOPS + 1][32];
	int result[HOPS + 1], rc = 0;

	fog_rng_bytes(rng, factor[0], sizeof(factor[0]));
	fog_x25519_base(c->element[0], factor[0]);
	for (unsigned i = 0; i < hops; i++)
		memcpy(c->secret[i], path[i].key, 32);
	for (unsigned i = 0; i < hops; i++) {
		/* Secrets of this hop and later ones, and the element of this hop when blinded. */
		unsigned count = hops - i, all = count + (i > 0);
		memcpy(point, c->secret[i], count * sizeof(point[0]));
		if (i > 0)
			memcpy(point[count], c->element[i - 1], sizeof(point[0]));
		for (unsigned k = 1; k < all; k++)
			memcpy(factor[k], factor[0], sizeof(factor[0]));
		fog_x25519_many(product, (const u8(*)[32])factor, (const u8(*)[32])point, result,
				all);
		for (unsigned k = 0; k < all; k++)
			rc |= result[k];
		memcpy(c->secret[i], product, count * sizeof(product[0]));
		if (i > 0)
			memcpy(c->element[i], product[count], sizeof(product[0]));
		sphinx_keys_derive(&c->keys[i], (const u8(*)[32])c->secret[i], 1);
		sphinx_blind_scalar(factor[0], &c->keys[i]);
	}
	fog_wipe(factor, sizeof(factor));
	fog_wipe(point, sizeof(point));
	fog_wipe(product, sizeof(product));
	return rc == 0 ? 0 : -EKEYREJECTED;
}

static int course_kem(struct course *c, struct fog_rng *rng, const struct fog_sphinx_hop *path,
		      unsigned hops)
{
	u8 x[32], both[HOPS][64];
	int rc = 0;

	for (unsigned i = 0; i < hops && rc == 0; i++) {
		fog_rng_bytes(rng, x, sizeof(x));
		fog_x25519_base(c->element[i], x);
		rc = fog_x25519(c->secret[i], x, path[i].key);
		memcpy(both[i], path[i].key, 32);
		memcpy(both[i] + 32, c->element[i], 32);
	}
	sphinx_kem_secrets(c->secret, (const u8(*)[64])both, hops);
	sphinx_keys_derive(c->keys, (const u8(*)[32])c->secret, hops);
	fog_wipe(x, sizeof(x));
	return rc == 0 ? 0 : -EKEYREJECTED;
}

static void xor_bytes(u8 *to, const u8 *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] ^= from[i];
}

static void header_mac(const struct fog_sphinx_geometry *g, const struct course *c, unsigned i,
		       const u8 *routing, u8 mac[32])
{
	u8 text[FOG_SPHINX_HEADER_MAX];

	memset(text, 0, 2);
	memcpy(text + SPHINX_POINT_AT, c->element[i], 32);
	memcpy(text + SPHINX_ROUTING_AT, routing, g->routing);
	fog_hmac_sha256(mac, c->keys[i].mac, 32, text, SPHINX_ROUTING_AT + g->routing);
}

/* Every hop appends a block of zeros before it decrypts, so what hop i sees beyond the sender's
 * blocks is a sum of key streams: pad. */
static int header_blocks(const struct fog_sphinx_geometry *g, struct fog_rng *rng,
			 const struct course *c, const struct fog_sphinx_hop *path, unsigned hops,
			 u8 *header)
{
	u8 stream[HOPS][ROUTING_MAX], pad[HOPS][ROUTING_MAX], routing[ROUTING_MAX], mac[32];
	const size_t whole = g->routing + g->block;
	int rc = 0;

	memset(pad, 0, sizeof(pad));
	memset(stream, 0, sizeof(stream));
	for (unsigned i = 0; i < hops; i++) {
		sphinx_stream(&c->keys[i], stream[i], stream[i], whole);
		/* pad[i]: what hop i + 1 finds in its last i + 1 blocks. */
		memcpy(pad[i], stream[i] + whole - (i + 1) * g->block, (i + 1) * g->block);
		if (i > 0)
			xor_bytes(pad[i], pad[i - 1], i * g->block);
	}
	fog_rng_bytes(rng, routing, sizeof(routing));
	for (unsigned i = hops; i-- > 0 && rc == 0;) {
		struct fog_sphinx_commands own = path[i].commands;
		memmove(routing + g->block, routing, g->routing);
		own.has_next = i + 1 < hops;
		if (own.has_next) {
			memcpy(own.next, path[i + 1].id, sizeof(own.next));
			memcpy(own.next_mac, mac, sizeof(own.next_mac));
		}
		rc = fog_sphinx_commands_write(&own, routing, FOG_SPHINX_COMMANDS);
		if (g->profile == FOG_SPHINX_KEM && own.has_next)
			memcpy(routing + FOG_SPHINX_COMMANDS, c->element[i + 1], 32);
		else if (g->profile == FOG_SPHINX_KEM)
			memset(routing + FOG_SPHINX_COMMANDS, 0, 32);
		xor_bytes(routing, stream[i], g->routing - i * g->block);
		if (i > 0)
			memcpy(routing + g->routing - i * g->block, pad[i - 1], i * g->block);
		header_mac(g, c, i, routing, mac);
	}
	memset(header, 0, 2);
	memcpy(header + SPHINX_POINT_AT, c->element[0], 32);
	memcpy(header + SPHINX_ROUTING_AT, routing, g->routing);
	memcpy(header + SPHINX_ROUTING_AT + g->routing, mac, sizeof(mac));
	fog_wipe(stream, sizeof(stream));
	fog_wipe(pad, sizeof(pad));
	return rc == 0 ? 0 : -EINVAL;
}

static int header_create(const struct fog_sphinx_geometry *g, struct fog_rng *rng,
			 const struct fog_sphinx_hop *path, unsigned hops, u8 *header,
			 struct course *c)
{
	int rc;

	if (hops < 1 || hops > g->hops)
		return -EINVAL;
	rc = g->profile == FOG_SPHINX_KEM ? course_kem(c, rng, path, hops)
					  : course_nike(c, rng, path, hops);
	if (rc == 0)
		rc = header_blocks(g, rng, c, path, hops, header);
	return rc;
}

int fog_sphinx_wrap(const struct fog_sphinx_geometry *g, struct fog_rng *rng,
		    const struct fog_sphinx_hop *path, unsigned hops, const u8 *payload, u8 *packet)
{
	u8 *body = packet + g->header;
	struct course c;

	int rc = header_create(g, rng, path, hops, packet, &c);
	if (rc == 0) {
		memset(body, 0, FOG_SPHINX_TAG_SIZE);
		memcpy(body + FOG_SPHINX_TAG_SIZE, payload, g->payload);
		for (unsigned i = hops; i-- > 0;)
			sphinx_layer(sphinx_iv(&c.keys[i]), c.keys[i].layer + 16, true, body,
				     g->packet - g->header);
	}
	fog_wipe(&c, sizeof(c));
	return rc;
}

/* Katzenpost writes layers as key then nonce. */
static void layer_store(u8 layer[FOG_SPHINX_LAYER_SIZE], const struct sphinx_keys *k)
{
	memcpy(layer, k->layer + 16, 48);
	memcpy(layer + 48, sphinx_iv(k), 16);
}

int fog_sphinx_surb_create(const struct fog_sphinx_geometry *g, struct fog_rng *rng,
			   const struct fog_sphinx_hop *path, unsigned hops, u8 *surb,
			   struct fog_sphinx_surb_keys *keys)
{
	struct course c;

	int rc = header_create(g, rng, path, hops, surb, &c);
	if (rc == 0) {
		keys->count = hops + 1;
		for (unsigned i = 0; i < hops; i++)
			layer_store(keys->layer[hops - 1 - i], &c.keys[i]);
		fog_rng_bytes(rng, keys->layer[hops], FOG_SPHINX_LAYER_SIZE);
		memcpy(surb + g->header, path[0].id, FOG_SPHINX_ID_SIZE);
		memcpy(surb + g->header + FOG_SPHINX_ID_SIZE, keys->layer[hops],
		       FOG_SPHINX_LAYER_SIZE);
	}
	fog_wipe(&c, sizeof(c));
	return rc;
}

void fog_sphinx_surb_use(const struct fog_sphinx_geometry *g, const u8 *surb, const u8 *payload,
			 u8 *packet, u8 next[FOG_SPHINX_ID_SIZE])
{
	const u8 *layer = surb + g->header + FOG_SPHINX_ID_SIZE;
	u8 *body = packet + g->header;

	memcpy(packet, surb, g->header);
	memcpy(next, surb + g->header, FOG_SPHINX_ID_SIZE);
	memset(body, 0, FOG_SPHINX_TAG_SIZE);
	memcpy(body + FOG_SPHINX_TAG_SIZE, payload, g->payload);
	sphinx_layer(layer + 48, layer, true, body, g->packet - g->header);
}

int fog_sphinx_surb_open(struct fog_sphinx_surb_keys *keys, u8 *data, size_t len)
{
	FOG_ASSERT(keys->count >= 1);
	FOG_ASSERT(keys->count <= FOG_ARRAY_COUNT(keys->layer));
	/* Each hop took a layer off that was never put on: put it back. */
	for (unsigned i = 0; i + 1 < keys->count; i++)
		sphinx_layer(keys->layer[i] + 48, keys->layer[i], true, data, len);
	const u8 *own = keys->layer[keys->count - 1];
	sphinx_layer(own + 48, own, false, data, len);
	fog_wipe(keys, sizeof(*keys));
	return fog_is_zero(data, FOG_SPHINX_TAG_SIZE) ? 0 : -EILSEQ;
}
