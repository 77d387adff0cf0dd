/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/window.h"

void fog_naf_expand(signed char naf[FOG_NAF_DIGITS], const struct fog_sc *a)
{
	u64 w[5] = {a->w[0], a->w[1], a->w[2], a->w[3], 0};
	unsigned carry = 0, i = 0;

	memset(naf, 0, FOG_NAF_DIGITS);
	while (i < FOG_NAF_DIGITS) {
		u64 bits = w[i / 64] >> (i % 64);
		if (i % 64 > 64 - FOG_NAF_WIDTH)
			bits |= w[i / 64 + 1] << (64 - i % 64);
		unsigned digit = (unsigned)(bits & ((1 << FOG_NAF_WIDTH) - 1)) + carry;
		if ((digit & 1) == 0) {
			i++; /* a carry stays: one and one, or none */
			continue;
		}
		carry = digit > 1 << (FOG_NAF_WIDTH - 1);
		naf[i] = (signed char)((int)digit - (int)(carry << FOG_NAF_WIDTH));
		i += FOG_NAF_WIDTH;
	}
}

void fog_window_offset(struct fog_sc *r, const struct fog_sc *a, unsigned bits)
{
	struct fog_sc half = {{0}};
	unsigned carry = 0;

	for (unsigned i = bits - 1; i < 256; i += bits)
		half.w[i / 64] |= 1ull << (i % 64);
	for (unsigned i = 0; i < 4; i++) {
		u64 t = a->w[i] + half.w[i], s = t + carry;
		carry = (t < half.w[i]) | (s < t);
		r->w[i] = s;
	}
}
