/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/ only: GF(2^255 - 19) on any 64-bit CPU, five limbs in radix 2^51. The same
 * functions as fe8.h has for eight elements, so that formulas.h serves both. Takes and gives loose
 * limbs, below 2^51 + 2^15, but for the functions called raw. Free of branches on values. */
#ifndef FOG_CRYPTO_FE_H
#define FOG_CRYPTO_FE_H

#include "crypto/types.h"

/* In front of a short loop of constant count over limbs or words, which are to live in registers.
 */
#if defined(__clang__)
#define FE_UNROLL _Pragma("unroll")
#else
#define FE_UNROLL _Pragma("GCC unroll 16")
#endif

#define FE_MASK ((1ull << 51) - 1)

struct fe {
	u64 l[5];
};

__extension__ typedef unsigned __int128 fog_u128;

/* Limbs below 2^63 become loose. */
static inline void fe_carry(struct fe *r)
{
	u64 c0 = r->l[0] >> 51, c1 = r->l[1] >> 51, c2 = r->l[2] >> 51, c3 = r->l[3] >> 51;
	u64 c4 = r->l[4] >> 51;

	r->l[0] = (r->l[0] & FE_MASK) + 19 * c4;
	r->l[1] = (r->l[1] & FE_MASK) + c0;
	r->l[2] = (r->l[2] & FE_MASK) + c1;
	r->l[3] = (r->l[3] & FE_MASK) + c2;
	r->l[4] = (r->l[4] & FE_MASK) + c3;
}

/* Sum without carry: limbs add up. */
static inline void fe_add_raw(struct fe *r, const struct fe *a, const struct fe *b)
{
	FE_UNROLL
	for (unsigned i = 0; i < 5; i++)
		r->l[i] = a->l[i] + b->l[i];
}

/* a - b + 2p without carry, for loose b and raw a: limbs below those of a plus 2^52. */
static inline void fe_sub_raw(struct fe *r, const struct fe *a, const struct fe *b)
{
	r->l[0] = a->l[0] + 2 * (FE_MASK - 18) - b->l[0];
	FE_UNROLL
	for (unsigned i = 1; i < 5; i++)
		r->l[i] = a->l[i] + 2 * FE_MASK - b->l[i];
}

static inline void fe_add(struct fe *r, const struct fe *a, const struct fe *b)
{
	fe_add_raw(r, a, b);
	fe_carry(r);
}

static inline void fe_sub(struct fe *r, const struct fe *a, const struct fe *b)
{
	fe_sub_raw(r, a, b);
	fe_carry(r);
}

/* Results of which only products are taken: fe_mul() and fe_sqr() bear limbs up to 2^54. */
static inline void fe_add_lazy(struct fe *r, const struct fe *a, const struct fe *b)
{
	fe_add_raw(r, a, b);
}

static inline void fe_sub_lazy(struct fe *r, const struct fe *a, const struct fe *b)
{
	fe_sub_raw(r, a, b);
}

/* Sums below 2^116. The carry out of the top is below 2^65 and comes back 19-fold. */
static inline void fe_fold(struct fe *r, fog_u128 t0, fog_u128 t1, fog_u128 t2, fog_u128 t3,
			   fog_u128 t4)
{
	fog_u128 c;

	t1 += t0 >> 51;
	t2 += t1 >> 51;
	t3 += t2 >> 51;
	t4 += t3 >> 51;
	c = (t0 & FE_MASK) + (t4 >> 51) * 19;
	r->l[0] = (u64)c & FE_MASK;
	r->l[1] = ((u64)t1 & FE_MASK) + (u64)(c >> 51);
	r->l[2] = (u64)t2 & FE_MASK;
	r->l[3] = (u64)t3 & FE_MASK;
	r->l[4] = (u64)t4 & FE_MASK;
	r->l[2] += r->l[1] >> 51;
	r->l[1] &= FE_MASK;
}

#define FE_WIDE(a, b) ((fog_u128)(a) * (b))

static inline void fe_mul(struct fe *r, const struct fe *a, const struct fe *b)
{
	u64 a0 = a->l[0], a1 = a->l[1], a2 = a->l[2], a3 = a->l[3], a4 = a->l[4];
	u64 b0 = b->l[0], b1 = b->l[1], b2 = b->l[2], b3 = b->l[3], b4 = b->l[4];
	u64 c1 = 19 * b1, c2 = 19 * b2, c3 = 19 * b3, c4 = 19 * b4;

	fe_fold(r,
		FE_WIDE(a0, b0) + FE_WIDE(a1, c4) + FE_WIDE(a2, c3) + FE_WIDE(a3, c2) +
			FE_WIDE(a4, c1),
		FE_WIDE(a0, b1) + FE_WIDE(a1, b0) + FE_WIDE(a2, c4) + FE_WIDE(a3, c3) +
			FE_WIDE(a4, c2),
		FE_WIDE(a0, b2) + FE_WIDE(a1, b1) + FE_WIDE(a2, b0) + FE_WIDE(a3, c4) +
			FE_WIDE(a4, c3),
		FE_WIDE(a0, b3) + FE_WIDE(a1, b2) + FE_WIDE(a2, b1) + FE_WIDE(a3, b0) +
			FE_WIDE(a4, c4),
		FE_WIDE(a0, b4) + FE_WIDE(a1, b3) + FE_WIDE(a2, b2) + FE_WIDE(a3, b1) +
			FE_WIDE(a4, b0));
}

static inline void fe_sqr(struct fe *r, const struct fe *a)
{
	u64 a0 = a->l[0], a1 = a->l[1], a2 = a->l[2], a3 = a->l[3], a4 = a->l[4];
	u64 d0 = 2 * a0, d1 = 2 * a1, d2 = 2 * a2, c3 = 19 * a3, c4 = 19 * a4;

	fe_fold(r, FE_WIDE(a0, a0) + FE_WIDE(d1, c4) + FE_WIDE(d2, c3),
		FE_WIDE(d0, a1) + FE_WIDE(d2, c4) + FE_WIDE(a3, c3),
		FE_WIDE(d0, a2) + FE_WIDE(a1, a1) + FE_WIDE(2 * a3, c4),
		FE_WIDE(d0, a3) + FE_WIDE(d1, a2) + FE_WIDE(a4, c4),
		FE_WIDE(d0, a4) + FE_WIDE(d1, a3) + FE_WIDE(a2, a2));
}

/* r = a where mask is 1; mask is 0 or 1. */
static inline void fe_select(struct fe *r, const struct fe *a, u8 mask)
{
	u64 m = -(u64)mask;

	FE_UNROLL
	for (unsigned i = 0; i < 5; i++)
		r->l[i] ^= m & (r->l[i] ^ a->l[i]);
}

static inline void fe_set(struct fe *r, u32 small)
{
	*r = (struct fe){{small}};
}

static inline void fe_constant(struct fe *r, const u64 limb[5])
{
	memcpy(r->l, limb, sizeof(r->l));
}

/* w is the little-endian encoding; bit 255 is ignored, values from p up are taken modulo p. */
static inline void fe_from_words(struct fe *r, const u64 w[4])
{
	r->l[0] = w[0] & FE_MASK;
	r->l[1] = (w[0] >> 51 | w[1] << 13) & FE_MASK;
	r->l[2] = (w[1] >> 38 | w[2] << 26) & FE_MASK;
	r->l[3] = (w[2] >> 25 | w[3] << 39) & FE_MASK;
	r->l[4] = w[3] >> 12 & FE_MASK;
}

/* The canonical encoding; fe8_to_words() says why one subtraction of p is enough. */
static inline void fe_to_words(u64 w[4], const struct fe *a)
{
	u64 q = 19, t[5];

	FE_UNROLL
	for (unsigned i = 0; i < 5; i++)
		q = (a->l[i] + q) >> 51;
	t[0] = a->l[0] + 19 * q;
	FE_UNROLL
	for (unsigned i = 1; i < 5; i++)
		t[i] = a->l[i] + (t[i - 1] >> 51);
	FE_UNROLL
	for (unsigned i = 0; i < 5; i++)
		t[i] &= FE_MASK;
	w[0] = t[0] | t[1] << 51;
	w[1] = t[1] >> 13 | t[2] << 38;
	w[2] = t[2] >> 26 | t[3] << 25;
	w[3] = t[3] >> 39 | t[4] << 12;
}

/* 1 when w is the canonical encoding of a, whatever its bit 255. */
static inline u8 fe_is_encoded(const struct fe *a, const u64 w[4])
{
	u64 t[4], diff;

	fe_to_words(t, a);
	diff = (t[0] ^ w[0]) | (t[1] ^ w[1]) | (t[2] ^ w[2]) | ((t[3] ^ w[3]) & ~(1ull << 63));
	return 1 ^ ((diff | -diff) >> 63);
}

static inline u8 fe_top_bit(const u64 w[4])
{
	return w[3] >> 63;
}

static inline u8 fe_is_odd(const struct fe *a)
{
	u64 w[4];

	fe_to_words(w, a);
	return w[0] & 1;
}

/* 1 when a is zero modulo p. */
static inline u8 fe_is_zero(const struct fe *a)
{
	u64 w[4];

	fe_to_words(w, a);
	w[0] |= w[1] | w[2] | w[3];
	return 1 ^ ((w[0] | -w[0]) >> 63);
}

#endif
