/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/curve only: scalars cut into signed digits of a fixed width, and odd sparse ones.
 */
#ifndef FOG_CRYPTO_WINDOW_H
#define FOG_CRYPTO_WINDOW_H

#include "crypto/curve/scalar.h"

#define FOG_NAF_WIDTH  5
#define FOG_NAF_TABLE  8 /* odd multiples 1, 3 .. 15 */
#define FOG_NAF_DIGITS 256

/* Digits d[i], zero or odd and below 2^4 in size, of which any five neighbours have at most one
 * that is not zero, with a = sum of d[i] 2^i. a below 2^253. */
void fog_naf_expand(signed char naf[FOG_NAF_DIGITS], const struct fog_sc *a);

static inline unsigned window_count(unsigned bits)
{
	return (256 + bits - 1) / bits;
}

/* Adds half a window, of 4 to 11 bits, to every window, for a below 2^253: window_digit() is then
 * the window less the half, and no carry runs from digit to digit. The half of a window that does
 * not fit below bit 256 is left out: that window holds too little to need it. */
void fog_window_offset(struct fog_sc *r, const struct fog_sc *a, unsigned bits);

/* Digit `i` of a scalar so prepared: from -2^(bits - 1) to 2^(bits - 1) - 1, and a = sum of
 * digit(i) 2^(bits i). */
static inline int window_digit(const struct fog_sc *a, unsigned bits, unsigned i)
{
	unsigned at = i * bits, word = at / 64, shift = at % 64;
	u64 v = a->w[word] >> shift;

	if (shift + bits > 64 && word < 3)
		v |= a->w[word + 1] << (64 - shift);
	v &= (1ull << bits) - 1;
	return (int)v - (at + bits <= 256 ? 1 << (bits - 1) : 0);
}

#endif
