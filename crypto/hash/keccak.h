/* SPDX-License-Identifier: BSD-3-Clause */
/* SHA3-256 and SHAKE256 (FIPS 202): a sponge over Keccak-f[1600] with a rate of 136 bytes. Own
 * code, because libsodium 1.0.18 has neither. Constant time in the contents. */
#ifndef FOG_CRYPTO_KECCAK_H
#define FOG_CRYPTO_KECCAK_H

#include "crypto/types.h"

#define FOG_SHA3_256_SIZE 32
#define FOG_KECCAK_RATE   136

struct fog_keccak {
	u64 lane[25];
	u32 offset;    /* bytes of the current block absorbed or squeezed */
	u32 squeezing; /* 0 while absorbing */
};

/* init, update any number of times, then squeeze any number of times (SHAKE256) or final once
 * (SHA3-256). Updating after the first squeeze is our bug. */
void fog_keccak_init(struct fog_keccak *k);
void fog_keccak_update(struct fog_keccak *k, const void *data, size_t len);
void fog_shake256_squeeze(struct fog_keccak *k, u8 *out, size_t len);
void fog_sha3_256_final(struct fog_keccak *k, u8 out[FOG_SHA3_256_SIZE]);
void fog_keccak_wipe(struct fog_keccak *k);

/* The bare permutation Keccak-f[1600]; lane (x, y) is lane[x + 5 * y]. For other duplexes over it.
 */
void fog_keccak_permute(u64 lane[25]);

void fog_hash_sha3_256(u8 out[FOG_SHA3_256_SIZE], const void *data, size_t len);
void fog_hash_shake256(u8 *out, size_t out_len, const void *data, size_t len);

#endif
