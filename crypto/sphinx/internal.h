/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/sphinx only. */
#ifndef FOG_CRYPTO_SPHINX_INTERNAL_H
#define FOG_CRYPTO_SPHINX_INTERNAL_H

#include "crypto/sphinx/sphinx.h"

#define SPHINX_ELEMENT_AT  2
#define SPHINX_KDF_BLOCKS  5
#define SPHINX_ROUTING_MAX ((FOG_SPHINX_HOPS_MAX + 1) * FOG_SPHINX_BLOCK_MAX) /* and one more */

/* In the order of HKDF's output. */
struct sphinx_keys {
	u8 mac[32];
	u8 stream[32];
	u8 layer[FOG_SPHINX_LAYER_SIZE]; /* iv 16 | AEZ key 48: the iv is AEZ's nonce too */
	u8 seed[32];
};
_Static_assert(sizeof(struct sphinx_keys) == 32 * SPHINX_KDF_BLOCKS, "HKDF output");

static inline size_t sphinx_routing_at(const struct fog_sphinx_geometry *g)
{
	return SPHINX_ELEMENT_AT + g->element;
}

static inline const u8 *sphinx_iv(const struct sphinx_keys *k)
{
	return k->layer;
}

void sphinx_keys_derive(struct sphinx_keys *keys, const u8 (*secret)[32], unsigned count);
void sphinx_blind_scalar(u8 scalar[32], const struct sphinx_keys *k);
/* to ^= or = key stream of the routing blocks. */
void sphinx_stream(const struct sphinx_keys *k, const u8 *in, u8 *out, size_t len);
/* One layer of the payload under a nonce and a key. */
void sphinx_layer(const u8 iv[16], const u8 key[48], bool encrypt, u8 *data, size_t len);

#endif
