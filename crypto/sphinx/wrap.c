/* SPDX-License-Identifier: BSD-3-Clause */
/* A client's side: headers, packets, reply blocks. */
#include "crypto/sphinx/internal.h"

#include "crypto/curve/x25519.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#include <errno.h>

#define HOPS        FOG_SPHINX_HOPS_MAX
#define ROUTES      FOG_SPHINX_ROUTES_MAX
#define ROWS_MAX    (ROUTES * (HOPS + 1)) /* of a hop */
#define ROUTING_MAX SPHINX_ROUTING_MAX
_Static_assert(ROUTES *HOPS <= FOG_SPHINX_BATCH_MAX, "sealed in one go");

/* Element and keys of every hop. Elements are public, and large: not wiped with the rest. */
struct course {
	struct fog_sphinx_route *route;
	u8 (*element)[FOG_SPHINX_ELEMENT_MAX];
	u8 secret[HOPS][32];
	struct sphinx_keys keys[HOPS];
};

/* What goes through X25519 together, of all courses in hand. */
struct products {
	unsigned count;
	u8 factor[ROWS_MAX][32];
	u8 point[ROWS_MAX][32];
	u8 product[ROWS_MAX][32];
	int result[ROWS_MAX];
};

static void product_add(struct products *p, const u8 factor[32], const u8 point[32])
{
	FOG_ASSERT(p->count < ROWS_MAX);
	memcpy(p->factor[p->count], factor, 32);
	memcpy(p->point[p->count++], point, 32);
}

static void products_run(struct products *p)
{
	fog_x25519_many(p->product, (const u8(*)[32])p->factor, (const u8(*)[32])p->point,
			p->result, p->count);
}

/* Takes the next product. */
static int product_take(struct products *p, unsigned *next, u8 out[32])
{
	memcpy(out, p->product[*next], 32);
	return p->result[(*next)++] == 0 ? 0 : -EKEYREJECTED;
}

/* Keys of hop `hop` of all courses that are that long, and the factors that go on from it. */
static void keys_derive(struct course *c, unsigned count, unsigned hop, u8 (*factor)[32])
{
	struct sphinx_keys keys[ROUTES];
	u8 secret[ROUTES][32];
	unsigned n = 0;

	for (unsigned k = 0; k < count; k++)
		if (hop < c[k].route->hops)
			memcpy(secret[n++], c[k].secret[hop], 32);
	sphinx_keys_derive(keys, (const u8(*)[32])secret, n);
	n = 0;
	for (unsigned k = 0; k < count; k++)
		if (hop < c[k].route->hops) {
			c[k].keys[hop] = keys[n++];
			sphinx_blind_scalar(factor[k], &c[k].keys[hop]);
		}
	fog_wipe(keys, sizeof(keys));
	fog_wipe(secret, sizeof(secret));
}

/* One secret for all hops. The factors of hops before are applied to the shared secrets one by one,
 * as their clamping does not multiply: hop by hop, to all that come after it side by side. The
 * element of the first hop is the factor times the base, of later ones the one before blinded. */
static void courses_nike(struct course *c, unsigned count, struct fog_rng *rng)
{
	static const u8 base[32] = {9};
	u8 factor[ROUTES][32];
	struct products p;

	fog_rng_bytes(rng, factor, 32 * count);
	for (unsigned k = 0; k < count; k++)
		for (unsigned i = 0; i < c[k].route->hops; i++)
			memcpy(c[k].secret[i], c[k].route->path[i].key, 32);
	for (unsigned hop = 0; hop < HOPS; hop++) {
		unsigned next = 0;
		p.count = 0;
		for (unsigned k = 0; k < count; k++) {
			for (unsigned i = hop; i < c[k].route->hops; i++)
				product_add(&p, factor[k], c[k].secret[i]);
			if (hop < c[k].route->hops)
				product_add(&p, factor[k], hop > 0 ? c[k].element[hop - 1] : base);
		}
		products_run(&p);
		for (unsigned k = 0; k < count; k++) {
			for (unsigned i = hop; i < c[k].route->hops; i++)
				c[k].route->result |= product_take(&p, &next, c[k].secret[i]);
			if (hop < c[k].route->hops)
				c[k].route->result |= product_take(&p, &next, c[k].element[hop]);
		}
		keys_derive(c, count, hop, factor);
	}
	fog_wipe(factor, sizeof(factor));
	fog_wipe(&p, sizeof(p));
}

/* A secret for each hop, of all courses in one go. */
static void courses_kem(const struct fog_sphinx_kem *kem, struct course *c, unsigned count,
			struct fog_rng *rng)
{
	u8 shared[ROUTES * HOPS][32], *element[ROUTES * HOPS] = {NULL};
	const u8 *key[ROUTES * HOPS] = {NULL};
	int result[ROUTES * HOPS];
	unsigned n = 0;

	for (unsigned k = 0; k < count; k++)
		for (unsigned i = 0; i < c[k].route->hops; i++, n++) {
			element[n] = c[k].element[i];
			key[n] = c[k].route->path[i].key;
		}
	kem->seal_many(shared, element, result, key, rng, n);
	n = 0;
	for (unsigned k = 0; k < count; k++) {
		sphinx_keys_derive(c[k].keys, (const u8(*)[32])(shared + n), c[k].route->hops);
		for (unsigned i = 0; i < c[k].route->hops; i++)
			if (result[n++] != 0)
				c[k].route->result = -EKEYREJECTED;
	}
	fog_wipe(shared, sizeof(shared));
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
	memcpy(text + SPHINX_ELEMENT_AT, c->element[i], g->element);
	memcpy(text + sphinx_routing_at(g), routing, g->routing);
	fog_hmac_sha256(mac, c->keys[i].mac, 32, text, sphinx_routing_at(g) + g->routing);
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

	for (unsigned i = 0; i < hops; i++) {
		memset(stream[i], 0, whole);
		sphinx_stream(&c->keys[i], stream[i], stream[i], whole);
		/* pad[i]: what hop i + 1 finds in its last i + 1 blocks. */
		memcpy(pad[i], stream[i] + whole - (i + 1) * g->block, (i + 1) * g->block);
		if (i > 0)
			xor_bytes(pad[i], pad[i - 1], i * g->block);
	}
	fog_rng_bytes(rng, routing, whole);
	for (unsigned i = hops; i-- > 0 && rc == 0;) {
		struct fog_sphinx_commands own = path[i].commands;
		memmove(routing + g->block, routing, g->routing);
		own.has_next = i + 1 < hops;
		if (own.has_next) {
			memcpy(own.next, path[i + 1].id, sizeof(own.next));
			memcpy(own.next_mac, mac, sizeof(own.next_mac));
		}
		rc = fog_sphinx_commands_write(&own, routing, FOG_SPHINX_COMMANDS);
		if (g->kem != FOG_SPHINX_NIKE && own.has_next)
			memcpy(routing + FOG_SPHINX_COMMANDS, c->element[i + 1], g->element);
		else if (g->kem != FOG_SPHINX_NIKE)
			memset(routing + FOG_SPHINX_COMMANDS, 0, g->element);
		xor_bytes(routing, stream[i], g->routing - i * g->block);
		if (i > 0)
			memcpy(routing + g->routing - i * g->block, pad[i - 1], i * g->block);
		header_mac(g, c, i, routing, mac);
	}
	memset(header, 0, 2);
	memcpy(header + SPHINX_ELEMENT_AT, c->element[0], g->element);
	memcpy(header + sphinx_routing_at(g), routing, g->routing);
	memcpy(header + sphinx_routing_at(g) + g->routing, mac, sizeof(mac));
	for (unsigned i = 0; i < hops; i++) {
		fog_wipe(stream[i], whole);
		fog_wipe(pad[i], (i + 1) * g->block);
	}
	return rc == 0 ? 0 : -EINVAL;
}

/* The layers as Katzenpost writes them, key then nonce. */
static void layer_store(u8 layer[FOG_SPHINX_LAYER_SIZE], const struct sphinx_keys *k)
{
	memcpy(layer, k->layer + 16, 48);
	memcpy(layer + 48, sphinx_iv(k), 16);
}

static void routes_some(const struct fog_sphinx_geometry *g, struct fog_rng *rng,
			struct fog_sphinx_route *route, unsigned count)
{
	u8 element[ROUTES][HOPS][FOG_SPHINX_ELEMENT_MAX];
	struct course c[ROUTES];
	unsigned n = 0;

	for (unsigned k = 0; k < count; k++) {
		bool good = route[k].hops >= 1 && route[k].hops <= g->hops;
		route[k].result = good ? 0 : -EINVAL;
		c[n].element = element[n];
		c[n].route = &route[k];
		n += good;
	}
	if (g->kem != FOG_SPHINX_NIKE)
		courses_kem(g->kem, c, n, rng);
	else
		courses_nike(c, n, rng);
	for (unsigned k = 0; k < n; k++) {
		struct fog_sphinx_route *r = c[k].route;
		for (unsigned i = 0; i < r->hops; i++)
			layer_store(r->layer[i], &c[k].keys[i]);
		if (r->result == 0)
			r->result = header_blocks(g, rng, &c[k], r->path, r->hops, r->header);
		if (r->result != 0)
			fog_wipe(r->layer, sizeof(r->layer));
	}
	fog_wipe(c, sizeof(c));
}

void fog_sphinx_routes(const struct fog_sphinx_geometry *g, struct fog_rng *rng,
		       struct fog_sphinx_route *route, unsigned count)
{
	for (unsigned i = 0; i < count; i += ROUTES)
		routes_some(g, rng, route + i, FOG_MIN(count - i, (unsigned)ROUTES));
}

void fog_sphinx_route_packet(const struct fog_sphinx_geometry *g, struct fog_sphinx_route *r,
			     const u8 *payload, u8 *packet)
{
	u8 *body = packet + g->header;

	FOG_ASSERT(r->result == 0);
	memcpy(packet, r->header, g->header);
	memset(body, 0, FOG_SPHINX_TAG_SIZE);
	memcpy(body + FOG_SPHINX_TAG_SIZE, payload, g->payload);
	for (unsigned i = r->hops; i-- > 0;)
		sphinx_layer(r->layer[i] + 48, r->layer[i], true, body, g->packet - g->header);
	fog_wipe(r->layer, sizeof(r->layer));
}

void fog_sphinx_route_surb(const struct fog_sphinx_geometry *g, struct fog_rng *rng,
			   struct fog_sphinx_route *r, u8 *surb, struct fog_sphinx_surb_keys *keys)
{
	FOG_ASSERT(r->result == 0);
	keys->count = r->hops + 1;
	for (unsigned i = 0; i < r->hops; i++)
		memcpy(keys->layer[r->hops - 1 - i], r->layer[i], FOG_SPHINX_LAYER_SIZE);
	fog_rng_bytes(rng, keys->layer[r->hops], FOG_SPHINX_LAYER_SIZE);
	memcpy(surb, r->header, g->header);
	memcpy(surb + g->header, r->path[0].id, FOG_SPHINX_ID_SIZE);
	memcpy(surb + g->header + FOG_SPHINX_ID_SIZE, keys->layer[r->hops], FOG_SPHINX_LAYER_SIZE);
	fog_wipe(r->layer, sizeof(r->layer));
}

int fog_sphinx_wrap(const struct fog_sphinx_geometry *g, struct fog_rng *rng,
		    const struct fog_sphinx_hop *path, unsigned hops, const u8 *payload, u8 *packet)
{
	struct fog_sphinx_route r = {.path = path, .hops = hops};

	fog_sphinx_routes(g, rng, &r, 1);
	if (r.result == 0)
		fog_sphinx_route_packet(g, &r, payload, packet);
	return r.result;
}

int fog_sphinx_surb_create(const struct fog_sphinx_geometry *g, struct fog_rng *rng,
			   const struct fog_sphinx_hop *path, unsigned hops, u8 *surb,
			   struct fog_sphinx_surb_keys *keys)
{
	struct fog_sphinx_route r = {.path = path, .hops = hops};

	fog_sphinx_routes(g, rng, &r, 1);
	if (r.result == 0)
		fog_sphinx_route_surb(g, rng, &r, surb, keys);
	return r.result;
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
