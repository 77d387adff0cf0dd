/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/ only: integers modulo the group order L = 2^252 +
 * 277423177773723535358519377908836 48493, as four little-endian 64-bit words. Variable time
 * nowhere, but meant for public numbers: secrets stay with libsodium's scalar functions. */
#ifndef FOG_CRYPTO_SCALAR_H
#define FOG_CRYPTO_SCALAR_H

#include "crypto/types.h"

#define FOG_SC_SIZE 32

struct fog_sc {
	u64 w[4];
};

/* True when the 32 bytes are a number below L. */
bool fog_sc_is_canonical(const u8 in[FOG_SC_SIZE]);
/* No reduction. */
void fog_sc_load(struct fog_sc *r, const u8 in[FOG_SC_SIZE]);
void fog_sc_store(u8 out[FOG_SC_SIZE], const struct fog_sc *a);

/* r = the 512-bit number modulo L. About 20 ns. */
void fog_sc_reduce(struct fog_sc *r, const u64 wide[8]);
/* From bytes, as a SHA-512 digest. */
void fog_sc_reduce_bytes(struct fog_sc *r, const u8 in[64]);
/* r = a * b modulo L, any a and b. */
void fog_sc_mul(struct fog_sc *r, const struct fog_sc *a, const struct fog_sc *b);
/* r = a * b + c modulo L, any a, b and c. */
void fog_sc_muladd(struct fog_sc *r, const struct fog_sc *a, const struct fog_sc *b,
		   const struct fog_sc *c);
/* r = a + b, a - b and -a modulo L, for a and b below L. */
void fog_sc_add(struct fog_sc *r, const struct fog_sc *a, const struct fog_sc *b);
void fog_sc_sub(struct fog_sc *r, const struct fog_sc *a, const struct fog_sc *b);
void fog_sc_negate(struct fog_sc *r, const struct fog_sc *a);
/* r = 1 / a modulo L, and 0 for 0. About 10 us. */
void fog_sc_invert(struct fog_sc *r, const struct fog_sc *a);
/* The same of a public number below L, in variable time. About 4 us. */
void fog_sc_invert_vartime(struct fog_sc *r, const struct fog_sc *a);

#endif
