/* SPDX-License-Identifier: BSD-3-Clause */
/* AES by bit slicing: no tables, no branches on data, any CPU. The contract of each function is in
 * cipher.h. About 10 cycles a byte in counter mode where the compiler has 128-bit vectors. */
#ifndef FOG_CRYPTO_AES_PORTABLE_H
#define FOG_CRYPTO_AES_PORTABLE_H

#include "crypto/types.h"

void fog_aes_portable_expand(u8 (*round)[16], unsigned rounds, const u8 *key);
void fog_aes_portable_encrypt(const u8 (*round)[16], unsigned rounds, const u8 in[16], u8 out[16]);
void fog_aes_portable_decrypt(const u8 (*round)[16], unsigned rounds, const u8 in[16], u8 out[16]);
void fog_aes_portable_ctr(const u8 (*round)[16], unsigned rounds, const u8 counter[16],
			  const u8 *in, u8 *out, size_t len);
void fog_aes_portable_rounds(const u8 (*round)[16], unsigned rounds, u8 (*block)[16],
			     unsigned count);

#endif
