/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/window.h"

#include "crypto/curve/fe.h"

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

/* The highest bit of every window, by their width from WINDOW_MIN on. */
#define WINDOW_MIN 4
static const u64 halves[][4] = {
	{0x8888888888888888, 0x8888888888888888, 0x8888888888888888, 0x8888888888888888},
	{0x0842108421084210, 0x1084210842108421, 0x2108421084210842, 0x4210842108421084},
	{0x0820820820820820, 0x2082082082082082, 0x8208208208208208, 0x0820820820820820},
	{0x4081020408102040, 0x2040810204081020, 0x1020408102040810, 0x0810204081020408},
	{0x8080808080808080, 0x8080808080808080, 0x8080808080808080, 0x8080808080808080},
	{0x4020100804020100, 0x2010080402010080, 0x1008040201008040, 0x0804020100804020},
	{0x0802008020080200, 0x0080200802008020, 0x2008020080200802, 0x0200802008020080},
	{0x0040080100200400, 0x0100200400801002, 0x0400801002004008, 0x1002004008010020},
};

void fog_window_offset(struct fog_sc *r, const struct fog_sc *a, unsigned bits)
{
	const u64 *half = halves[bits - WINDOW_MIN];
	unsigned carry = 0;

	FOG_ASSERT(bits >= WINDOW_MIN && bits - WINDOW_MIN < FOG_ARRAY_COUNT(halves));
	FE_UNROLL
	for (unsigned i = 0; i < 4; i++) {
		u64 t = a->w[i] + half[i], s = t + carry;
		carry = (t < half[i]) | (s < t);
		r->w[i] = s;
	}
}
