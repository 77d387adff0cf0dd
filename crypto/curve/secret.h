/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/ only: sums of multiples of points known in advance, for secret scalars. Every
 * entry of a table is looked at, nothing is addressed by a scalar and no branch depends on one. */
#ifndef FOG_CRYPTO_CURVE_SECRET_H
#define FOG_CRYPTO_CURVE_SECRET_H

#include "crypto/curve/known.h"
#include "crypto/curve/straus.h"

/* Terms of one sum. */
#define FOG_SECRET_KNOWN_MAX 2

/* sum = scalar[0] * the point of table[0] + .., for at most FOG_SECRET_KNOWN_MAX. With lanes 3 us a
 * product, without 12 us: no doublings. */
void fog_secret_known_sum(struct fog_ge_ext *sum, const struct fog_known_table *const *table,
			  const struct fog_sc *scalar, unsigned count);

/* The sum of at most FOG_STRAUS_FIXED_MAX terms, by the first few multiples of their tables. With
 * lanes 30 us and 2 us a term, without 12 us a term. */
void fog_secret_fixed_sum(struct fog_ge_ext *sum, const struct fog_fixed_term *term,
			  unsigned count);

/* The same in lanes of eight, see curve.h. */
void fog_ifma_secret_known_sum(struct fog_ge_ext *sum, const struct fog_known_table *const *table,
			       const struct fog_sc *scalar, unsigned count);
void fog_ifma_secret_fixed_sum(struct fog_ge_ext *sum, const struct fog_fixed_term *term,
			       unsigned count);

#endif
