/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/curve only: points in memory as lanes of any width load and store them. */
#ifndef FOG_CRYPTO_ROWS_H
#define FOG_CRYPTO_ROWS_H

#include "crypto/curve/edwards.h"

/* Three rows: an ext or a cached point, twenty words. */
struct fog_ge_row3 {
	_Alignas(64) u64 word[24];
};

/* One point of three rows, for the code without lanes. */
static inline void lanes_get_ext(struct fog_ge_ext *e, const struct fog_ge_row3 *row)
{
	memcpy(e, row, sizeof(*e));
}
_Static_assert(sizeof(struct fog_ge_ext) == 20 * sizeof(u64), "order of words");

#endif
