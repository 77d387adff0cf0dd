/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/ only: SHA-256's compression of sixteen blocks side by side. */
#ifndef FOG_CRYPTO_SHA256_LANES_H
#define FOG_CRYPTO_SHA256_LANES_H

#include "crypto/types.h"

#define FOG_SHA256_LANES 16

/* Word w of lane k's state is state[w][k]. A member of struct fog_cipher on the vaes path. */
void fog_sha256_sixteen(u32 state[8][FOG_SHA256_LANES], const u8 *const block[FOG_SHA256_LANES]);

#endif
