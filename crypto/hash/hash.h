/* SPDX-License-Identifier: BSD-3-Clause */
/* SHA-256, SHA-512, BLAKE2b and SipHash over libsodium. */
#ifndef FOG_CRYPTO_HASH_H
#define FOG_CRYPTO_HASH_H

#include "crypto/types.h"

#define FOG_SHA256_SIZE      32
#define FOG_SHA512_SIZE      64
#define FOG_BLAKE2B_SIZE_MAX 64
#define FOG_BLAKE2B_KEY_MAX  64
#define FOG_SIPHASH_KEY      16

void fog_hash_sha256(u8 out[FOG_SHA256_SIZE], const void *data, size_t len);
void fog_hash_sha512(u8 out[FOG_SHA512_SIZE], const void *data, size_t len);

/* BLAKE2b (RFC 7693). out_len 16..64; key_len 0 or 16..64 (key may be NULL when 0): libsodium
 * refuses shorter ones as too weak. Other lengths are our bug. */
void fog_hash_blake2b(u8 *out, size_t out_len, const u8 *key, size_t key_len, const void *data,
		      size_t len);

/* SipHash-2-4, for tables whose keys others choose; key: secret random. */
u64 fog_hash_siphash(const u8 key[FOG_SIPHASH_KEY], const void *data, size_t len);

/* HMAC-SHA256 (RFC 2104); any key length. */
void fog_hmac_sha256(u8 out[FOG_SHA256_SIZE], const u8 *key, size_t key_len, const void *data,
		     size_t len);

struct fog_sha256 {
	_Alignas(8) u8 state[104]; /* libsodium's state, checked at compile time in hash.c */
};

/* init, update any number of times, final once. Final wipes the state. */
void fog_sha256_init(struct fog_sha256 *s);
void fog_sha256_update(struct fog_sha256 *s, const void *data, size_t len);
void fog_sha256_final(struct fog_sha256 *s, u8 out[FOG_SHA256_SIZE]);

#endif
