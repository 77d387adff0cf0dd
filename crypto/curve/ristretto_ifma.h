/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/curve only: what ristretto.h promises, in lanes of eight, for when fog_curve is the
 * ifma path. Constant time as there. On other machines than x86-64 these are never called. */
#ifndef FOG_CRYPTO_RISTRETTO_IFMA_H
#define FOG_CRYPTO_RISTRETTO_IFMA_H

#include "crypto/curve/ristretto.h"

/* good[i]: whether in[i] is an encoding; out[i] is set only then. */
void fog_ifma_ristretto_decode_many(struct fog_ge_niels *out, bool *good, const u8 *const *in,
				    unsigned count);
void fog_ifma_ristretto_msm(struct fog_ristretto *out, const struct fog_scalar *s,
			    const struct fog_ristretto *p, unsigned count);
#endif
