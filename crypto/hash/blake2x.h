/* SPDX-License-Identifier: BSD-3-Clause */
/* BLAKE2Xb (Aumasson et al., "BLAKE2X", 2016) in the one form that the KEM of Sphinx needs: a key
 * and an output of 32 bytes. libsodium cannot set the parameters that make it different from
 * BLAKE2b. */
#ifndef FOG_CRYPTO_BLAKE2X_H
#define FOG_CRYPTO_BLAKE2X_H

#include "crypto/types.h"

#define FOG_BLAKE2X_DATA_MAX 128

/* len 1 .. FOG_BLAKE2X_DATA_MAX. About 0.3 us. */
void fog_blake2xb_32(u8 out[32], const u8 key[32], const void *data, size_t len);

#endif
