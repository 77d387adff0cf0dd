/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/sphinx only. */
#ifndef FOG_CRYPTO_SPHINX_INTERNAL_H
#define FOG_CRYPTO_SPHINX_INTERNAL_H

#include "crypto/sphinx/sphinx.h"

#define SPHINX_POINT_AT   2
#define SPHINX_ROUTING_AT 34
#define SPHINX_KDF_BLOCKS 5

/* In the order of HKDF's output. */
struct sphinx_keys {
	u8 mac[32];
	u8 stream[32];
	u8 layer[FOG_SPHINX_LAYER_SIZE]; /* iv 16 | AEZ key 48: the iv is AEZ's nonce too */
	u8 seed[32];
};
_Static_assert(sizeof(struct sphinx_keys) == 32 * SPHINX_KDF_BLOCKS, "HKDF output");

static inline const u8 *sphinx_iv(const struct sphinx_keys *k)
{
	return k->layer;
}

void sphinx_keys_derive(struct sphinx_keys *keys, const u8 (*secret)[32], unsigned count);
/* The shared secrets of the KEM profile from X25519's outputs, in place. both = the recipient's
 * public key, then the element. */
void sphinx_kem_secrets(u8 (*secret)[32], const u8 (*both)[64], unsigned count);
void sphinx_blind_scalar(u8 scalar[32], const struct sphinx_keys *k);
/* to ^= or = key stream of the routing blocks. */
void sphinx_stream(const struct sphinx_keys *k, const u8 *in, u8 *out, size_t len);
/* One layer of the payload under a nonce and a key. */
void sphinx_layer(const u8 iv[16], const u8 key[48], bool encrypt, u8 *data, size_t len);

#endif
