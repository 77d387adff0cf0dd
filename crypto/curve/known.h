/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/ only: multiples of a fixed point, for sums without doublings. */
#ifndef FOG_CRYPTO_CURVE_KNOWN_H
#define FOG_CRYPTO_CURVE_KNOWN_H

#include "crypto/curve/edwards.h"
#include "crypto/curve/scalar.h"

/* Signed windows of five bits, as in window.h; 51 of them hold a scalar below 2^253 and its carry.
 */
#define FOG_KNOWN_BITS     5
#define FOG_KNOWN_WINDOWS  51
#define FOG_KNOWN_MULTIPLE (1 << (FOG_KNOWN_BITS - 1))

/* multiple[i][j] = (j + 1) 32^i P. */
struct fog_known_table {
	struct fog_ge_niels multiple[FOG_KNOWN_WINDOWS][FOG_KNOWN_MULTIPLE];
};

/* One equation: 8 (s B + k A' - R) = 0, where A' is what its table is of. */
struct fog_known_check {
	const struct fog_known_table *key;
	struct fog_sc s, k;
	struct fog_ge_niels r;
};

void fog_known_table_init(struct fog_known_table *t, const struct fog_ge_ext *point);

/* good[i] for each check; with lanes eight at a time. Variable time. */
void fog_portable_known_many(bool *good, const struct fog_known_table *base,
			     const struct fog_known_check *check, unsigned count);
void fog_ifma_known_many(bool *good, const struct fog_known_table *base,
			 const struct fog_known_check *check, unsigned count);

#endif
