/* SPDX-License-Identifier: BSD-3-Clause */
/* BLAKE2s (RFC 7693), keyed and unkeyed, and HMAC over it as Noise needs. Own code, because
 * libsodium has BLAKE2b only. Constant time in the contents. */
#ifndef FOG_CRYPTO_BLAKE2S_H
#define FOG_CRYPTO_BLAKE2S_H

#include "crypto/types.h"

#define FOG_BLAKE2S_SIZE    32
#define FOG_BLAKE2S_BLOCK   64
#define FOG_BLAKE2S_KEY_MAX 32

struct fog_blake2s {
	u32 h[8];
	u64 total; /* bytes compressed so far */
	u32 used;  /* bytes waiting in block */
	u32 out_len;
	u8 block[FOG_BLAKE2S_BLOCK];
};

/* out_len 1..32, key_len 0..32 (key may be NULL when 0); anything else is our bug. */
void fog_blake2s_init(struct fog_blake2s *b, size_t out_len, const u8 *key, size_t key_len);
void fog_blake2s_update(struct fog_blake2s *b, const void *data, size_t len);
/* Writes out_len bytes and wipes the state. */
void fog_blake2s_final(struct fog_blake2s *b, u8 *out);

void fog_hash_blake2s(u8 *out, size_t out_len, const u8 *key, size_t key_len, const void *data,
		      size_t len);

/* HMAC (RFC 2104) with BLAKE2s-256, over the concatenation of two parts; either may be empty.
 * Keys of up to FOG_BLAKE2S_BLOCK bytes. */
void fog_hmac_blake2s(u8 out[FOG_BLAKE2S_SIZE], const u8 *key, size_t key_len, const void *a,
		      size_t a_len, const void *b, size_t b_len);

#endif
