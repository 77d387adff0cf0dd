/* SPDX-License-Identifier: BSD-3-Clause */
/* BLAKE2Xb (Aumasson et al., "BLAKE2X", 2016) in the one form that the KEM of Sphinx needs: a key
 * and an output of 32 bytes, 64 bytes of data. libsodium cannot set the parameters that make it
 * different from BLAKE2b. */
#ifndef FOG_CRYPTO_BLAKE2X_H
#define FOG_CRYPTO_BLAKE2X_H

#include "crypto/types.h"

/* out[i] of key[i] and data[i], eight side by side. out may be key. Per item about 0.1 us in eights
 * on the vaes path. */
void fog_blake2xb_32_many(u8 (*out)[32], const u8 (*key)[32], const u8 (*data)[64], unsigned count);

/* Inside crypto/ only: BLAKE2b's compression in eight lanes, for struct fog_cipher. */
void fog_blake2b_eight(u64 state[8][8], const u64 block[16][8], u64 bytes, bool last);
void fog_vaes_blake2b_eight(u64 state[8][8], const u64 block[16][8], u64 bytes, bool last);

#endif
