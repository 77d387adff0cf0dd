/* SPDX-License-Identifier: BSD-3-Clause */
/* Pedersen commitments: value * B + blinding * B_blinding over ristretto255. Hiding whatever the
 * machine of who looks; binding as long as nobody knows log_B(B_blinding), which is why B_blinding
 * is a hash: the one-way map of SHA3-512(B), as in dalek's Bulletproofs. Any thread. */
#ifndef FOG_CRYPTO_ZK_PEDERSEN_H
#define FOG_CRYPTO_ZK_PEDERSEN_H

#include "crypto/curve/ristretto.h"

/* The two bases. */
void fog_pedersen_bases(struct fog_ristretto *base, struct fog_ristretto *blinding);

/* out = value * B + blinding * B_blinding; the blinding is uniform and used once. About 40 us. */
void fog_pedersen_commit(struct fog_ristretto *out, const struct fog_scalar *value,
			 const struct fog_scalar *blinding);

#endif
