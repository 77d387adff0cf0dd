/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/curve only: eight elements of GF(2^255 - 19) side by side, one per 64-bit lane of
 * AVX-512 registers, multiplied with the 52-bit multiply-add instructions (IFMA).
 *
 * An element is five limbs in radix 2^51. Every function takes and gives limbs below 2^51 + 2^15,
 * called loose; the instructions read 52 bits of a limb, so a loose limb fits and a sum of two does
 * not: sums are carried at once. Nothing here branches or indexes by a value.
 *
 * Costs, cycles per eight lanes on Zen 4: product 61 (clang) or 72 (gcc), square 50 or 66; the
 * bound is 50 multiply-adds, one per cycle. */
#ifndef FOG_CRYPTO_FE8_H
#define FOG_CRYPTO_FE8_H

#include "crypto/curve/fe.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define FOG_IFMA        __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512ifma")))
#define FOG_IFMA_INLINE FOG_IFMA __attribute__((always_inline)) static inline

#define FE8_LANES 8
#define FE8_MASK  ((1ll << 51) - 1)

struct fe8 {
	__m512i l[5];
};

FOG_IFMA_INLINE __m512i fe8_low(__m512i acc, __m512i a, __m512i b)
{
	return _mm512_madd52lo_epu64(acc, a, b);
}

FOG_IFMA_INLINE __m512i fe8_high(__m512i acc, __m512i a, __m512i b)
{
	return _mm512_madd52hi_epu64(acc, a, b);
}

FOG_IFMA_INLINE __m512i fe8_twice(__m512i a)
{
	return _mm512_add_epi64(a, a);
}

/* One parallel carry: limbs below 2^60 become loose. The carry out of the top, below 2^9, comes
 * back 19-fold. */
FOG_IFMA_INLINE void fe8_carry_to(struct fe8 *r, __m512i r0, __m512i r1, __m512i r2, __m512i r3,
				  __m512i r4)
{
	const __m512i mask = _mm512_set1_epi64(FE8_MASK);
	const __m512i nineteen = _mm512_set1_epi64(19);
	__m512i c0 = _mm512_srli_epi64(r0, 51);
	__m512i c1 = _mm512_srli_epi64(r1, 51);
	__m512i c2 = _mm512_srli_epi64(r2, 51);
	__m512i c3 = _mm512_srli_epi64(r3, 51);
	__m512i c4 = _mm512_srli_epi64(r4, 51);

	r->l[0] = fe8_low(_mm512_and_si512(r0, mask), c4, nineteen);
	r->l[1] = _mm512_add_epi64(_mm512_and_si512(r1, mask), c0);
	r->l[2] = _mm512_add_epi64(_mm512_and_si512(r2, mask), c1);
	r->l[3] = _mm512_add_epi64(_mm512_and_si512(r3, mask), c2);
	r->l[4] = _mm512_add_epi64(_mm512_and_si512(r4, mask), c3);
}

FOG_IFMA_INLINE void fe8_carry(struct fe8 *r)
{
	fe8_carry_to(r, r->l[0], r->l[1], r->l[2], r->l[3], r->l[4]);
}

/* Sum without carry: limbs add up. Good for the left side of fe8_sub() and for fe8_add(). */
FOG_IFMA_INLINE void fe8_add_raw(struct fe8 *r, const struct fe8 *a, const struct fe8 *b)
{
	FE_UNROLL
	for (unsigned i = 0; i < 5; i++)
		r->l[i] = _mm512_add_epi64(a->l[i], b->l[i]);
}

FOG_IFMA_INLINE void fe8_add(struct fe8 *r, const struct fe8 *a, const struct fe8 *b)
{
	fe8_carry_to(r, _mm512_add_epi64(a->l[0], b->l[0]), _mm512_add_epi64(a->l[1], b->l[1]),
		     _mm512_add_epi64(a->l[2], b->l[2]), _mm512_add_epi64(a->l[3], b->l[3]),
		     _mm512_add_epi64(a->l[4], b->l[4]));
}

/* a - b + 2p, whose limbs stay positive for loose b; a may be raw. */
FOG_IFMA_INLINE void fe8_sub(struct fe8 *r, const struct fe8 *a, const struct fe8 *b)
{
	const __m512i bias0 = _mm512_set1_epi64(2 * (FE8_MASK - 18));
	const __m512i bias = _mm512_set1_epi64(2 * FE8_MASK);
	__m512i t0 = _mm512_add_epi64(a->l[0], bias0);
	__m512i t1 = _mm512_add_epi64(a->l[1], bias);
	__m512i t2 = _mm512_add_epi64(a->l[2], bias);
	__m512i t3 = _mm512_add_epi64(a->l[3], bias);
	__m512i t4 = _mm512_add_epi64(a->l[4], bias);

	fe8_carry_to(r, _mm512_sub_epi64(t0, b->l[0]), _mm512_sub_epi64(t1, b->l[1]),
		     _mm512_sub_epi64(t2, b->l[2]), _mm512_sub_epi64(t3, b->l[3]),
		     _mm512_sub_epi64(t4, b->l[4]));
}

/* Results of which only products are taken; here those need loose limbs too. */
FOG_IFMA_INLINE void fe8_add_lazy(struct fe8 *r, const struct fe8 *a, const struct fe8 *b)
{
	fe8_add(r, a, b);
}

FOG_IFMA_INLINE void fe8_sub_lazy(struct fe8 *r, const struct fe8 *a, const struct fe8 *b)
{
	fe8_sub(r, a, b);
}

/* lo and hi are the sums of low and high halves of limb products of one weight; a high half weighs
 * 2^52, that is twice the next limb. All limbs of weight 2^255 and up come back 19-fold: below
 * 5 * 2^52 + 2 * 5 * 2^51 < 2^56, times 20 below 2^60. */
FOG_IFMA_INLINE void fe8_fold(struct fe8 *r, const __m512i lo[9], const __m512i hi[9])
{
	__m512i nineteen = _mm512_set1_epi64(19);
	__m512i r0 = lo[0];
	__m512i r1 = _mm512_add_epi64(lo[1], fe8_twice(hi[0]));
	__m512i r2 = _mm512_add_epi64(lo[2], fe8_twice(hi[1]));
	__m512i r3 = _mm512_add_epi64(lo[3], fe8_twice(hi[2]));
	__m512i r4 = _mm512_add_epi64(lo[4], fe8_twice(hi[3]));
	__m512i r5 = _mm512_add_epi64(lo[5], fe8_twice(hi[4]));
	__m512i r6 = _mm512_add_epi64(lo[6], fe8_twice(hi[5]));
	__m512i r7 = _mm512_add_epi64(lo[7], fe8_twice(hi[6]));
	__m512i r8 = _mm512_add_epi64(lo[8], fe8_twice(hi[7]));
	__m512i r9 = fe8_twice(hi[8]);

	/* Hides the constant from gcc, which would make shifts and sums of it: 30 of them where five
	 * multiplications do, a tenth of the time on Zen 4 and 5. */
	__asm__("" : "+v"(nineteen));
	r0 = _mm512_add_epi64(r0, _mm512_mullo_epi64(r5, nineteen));
	r1 = _mm512_add_epi64(r1, _mm512_mullo_epi64(r6, nineteen));
	r2 = _mm512_add_epi64(r2, _mm512_mullo_epi64(r7, nineteen));
	r3 = _mm512_add_epi64(r3, _mm512_mullo_epi64(r8, nineteen));
	r4 = _mm512_add_epi64(r4, _mm512_mullo_epi64(r9, nineteen));
	fe8_carry_to(r, r0, r1, r2, r3, r4);
}

/* Adds limb i of a times all of b. */
#define FE8_ROW(i)                                                 \
	do {                                                       \
		lo[i] = fe8_low(lo[i], a->l[i], b->l[0]);          \
		hi[i] = fe8_high(hi[i], a->l[i], b->l[0]);         \
		lo[i + 1] = fe8_low(lo[i + 1], a->l[i], b->l[1]);  \
		hi[i + 1] = fe8_high(hi[i + 1], a->l[i], b->l[1]); \
		lo[i + 2] = fe8_low(lo[i + 2], a->l[i], b->l[2]);  \
		hi[i + 2] = fe8_high(hi[i + 2], a->l[i], b->l[2]); \
		lo[i + 3] = fe8_low(lo[i + 3], a->l[i], b->l[3]);  \
		hi[i + 3] = fe8_high(hi[i + 3], a->l[i], b->l[3]); \
		lo[i + 4] = fe8_low(lo[i + 4], a->l[i], b->l[4]);  \
		hi[i + 4] = fe8_high(hi[i + 4], a->l[i], b->l[4]); \
	} while (0)

FOG_IFMA_INLINE void fe8_mul(struct fe8 *r, const struct fe8 *a, const struct fe8 *b)
{
	const __m512i z = _mm512_setzero_si512();
	__m512i lo[9] = {z, z, z, z, z, z, z, z, z};
	__m512i hi[9] = {z, z, z, z, z, z, z, z, z};

	FE8_ROW(0);
	FE8_ROW(1);
	FE8_ROW(2);
	FE8_ROW(3);
	FE8_ROW(4);
	fe8_fold(r, lo, hi);
}

/* Adds the product of limbs i and j. */
#define FE8_CROSS(i, j)                                            \
	do {                                                       \
		lo[i + j] = fe8_low(lo[i + j], a->l[i], a->l[j]);  \
		hi[i + j] = fe8_high(hi[i + j], a->l[i], a->l[j]); \
	} while (0)

/* Doubling a limb before the product would lose its 53rd bit, so sums are doubled instead. */
FOG_IFMA_INLINE void fe8_sqr(struct fe8 *r, const struct fe8 *a)
{
	const __m512i z = _mm512_setzero_si512();
	__m512i lo[9] = {z, z, z, z, z, z, z, z, z};
	__m512i hi[9] = {z, z, z, z, z, z, z, z, z};

	FE8_CROSS(0, 1);
	FE8_CROSS(0, 2);
	FE8_CROSS(0, 3);
	FE8_CROSS(0, 4);
	FE8_CROSS(1, 4);
	FE8_CROSS(2, 4);
	FE8_CROSS(3, 4);
	FE8_CROSS(1, 2);
	FE8_CROSS(1, 3);
	FE8_CROSS(2, 3);
	FE_UNROLL
	for (unsigned i = 1; i < 8; i++) {
		lo[i] = fe8_twice(lo[i]);
		hi[i] = fe8_twice(hi[i]);
	}
	FE8_CROSS(0, 0);
	FE8_CROSS(1, 1);
	FE8_CROSS(2, 2);
	FE8_CROSS(3, 3);
	FE8_CROSS(4, 4);
	fe8_fold(r, lo, hi);
}

/* r = a + b * small, for small below 2^20. */
FOG_IFMA_INLINE void fe8_mul_small_add(struct fe8 *r, const struct fe8 *a, const struct fe8 *b,
				       u32 small)
{
	const __m512i z = _mm512_setzero_si512();
	const __m512i c = _mm512_set1_epi64(small);
	const __m512i thirty_eight = _mm512_set1_epi64(38);
	__m512i t[5], h[5];

	FE_UNROLL
	for (unsigned i = 0; i < 5; i++) {
		t[i] = fe8_low(a->l[i], b->l[i], c);
		h[i] = fe8_high(z, b->l[i], c);
	}
	FE_UNROLL
	for (unsigned i = 1; i < 5; i++)
		t[i] = _mm512_add_epi64(t[i], fe8_twice(h[i - 1]));
	t[0] = fe8_low(t[0], h[4], thirty_eight);
	fe8_carry_to(r, t[0], t[1], t[2], t[3], t[4]);
}

/* Exchanges a and b in the lanes of mask. */
FOG_IFMA_INLINE void fe8_swap(struct fe8 *a, struct fe8 *b, __mmask8 mask)
{
	FE_UNROLL
	for (unsigned i = 0; i < 5; i++) {
		__m512i t = a->l[i];
		a->l[i] = _mm512_mask_mov_epi64(a->l[i], mask, b->l[i]);
		b->l[i] = _mm512_mask_mov_epi64(b->l[i], mask, t);
	}
}

/* r = a in the lanes of mask. */
FOG_IFMA_INLINE void fe8_select(struct fe8 *r, const struct fe8 *a, __mmask8 mask)
{
	FE_UNROLL
	for (unsigned i = 0; i < 5; i++)
		r->l[i] = _mm512_mask_mov_epi64(r->l[i], mask, a->l[i]);
}

FOG_IFMA_INLINE void fe8_set(struct fe8 *r, u32 small)
{
	r->l[0] = _mm512_set1_epi64(small);
	FE_UNROLL
	for (unsigned i = 1; i < 5; i++)
		r->l[i] = _mm512_setzero_si512();
}

/* The 64 bits that start at bit n of high:low. */
FOG_IFMA_INLINE __m512i fe8_window(__m512i high, __m512i low, unsigned n)
{
	return _mm512_or_si512(_mm512_srli_epi64(low, n), _mm512_slli_epi64(high, 64 - n));
}

FOG_IFMA_INLINE void fe8_constant(struct fe8 *r, const u64 limb[5])
{
	FE_UNROLL
	for (unsigned i = 0; i < 5; i++)
		r->l[i] = _mm512_set1_epi64((long long)limb[i]);
}

/* w[i] holds little-endian 64-bit word i of every lane's encoding; bit 255 is ignored and values
 * from p to 2^255 - 1 are taken modulo p. */
FOG_IFMA_INLINE void fe8_from_words(struct fe8 *r, const __m512i w[4])
{
	const __m512i mask = _mm512_set1_epi64(FE8_MASK);

	r->l[0] = _mm512_and_si512(w[0], mask);
	r->l[1] = _mm512_and_si512(fe8_window(w[1], w[0], 51), mask);
	r->l[2] = _mm512_and_si512(fe8_window(w[2], w[1], 38), mask);
	r->l[3] = _mm512_and_si512(fe8_window(w[3], w[2], 25), mask);
	r->l[4] = _mm512_and_si512(_mm512_srli_epi64(w[3], 12), mask);
}

/* The canonical encoding. A loose element is below 2^255 + 2^220, so p comes off at most once: it
 * does when adding 19 carries out of bit 255. */
FOG_IFMA_INLINE void fe8_to_words(__m512i w[4], const struct fe8 *a)
{
	const __m512i mask = _mm512_set1_epi64(FE8_MASK);
	const __m512i nineteen = _mm512_set1_epi64(19);
	__m512i q = _mm512_srli_epi64(_mm512_add_epi64(a->l[0], nineteen), 51);
	__m512i t[5];

	FE_UNROLL
	for (unsigned i = 1; i < 5; i++)
		q = _mm512_srli_epi64(_mm512_add_epi64(a->l[i], q), 51);
	t[0] = fe8_low(a->l[0], q, nineteen);
	FE_UNROLL
	for (unsigned i = 1; i < 5; i++)
		t[i] = _mm512_add_epi64(a->l[i], _mm512_srli_epi64(t[i - 1], 51));
	FE_UNROLL
	for (unsigned i = 0; i < 5; i++)
		t[i] = _mm512_and_si512(t[i], mask);
	w[0] = _mm512_or_si512(t[0], _mm512_slli_epi64(t[1], 51));
	w[1] = _mm512_or_si512(_mm512_srli_epi64(t[1], 13), _mm512_slli_epi64(t[2], 38));
	w[2] = _mm512_or_si512(_mm512_srli_epi64(t[2], 26), _mm512_slli_epi64(t[3], 25));
	w[3] = _mm512_or_si512(_mm512_srli_epi64(t[3], 39), _mm512_slli_epi64(t[4], 12));
}

/* The lanes whose value is zero modulo p. */
FOG_IFMA_INLINE __mmask8 fe8_is_zero(const struct fe8 *a)
{
	__m512i w[4];

	fe8_to_words(w, a);
	w[0] = _mm512_or_si512(_mm512_or_si512(w[0], w[1]), _mm512_or_si512(w[2], w[3]));
	return _mm512_testn_epi64_mask(w[0], w[0]);
}

/* The lanes where w is the canonical encoding of a, whatever its bit 255. */
FOG_IFMA_INLINE __mmask8 fe8_is_encoded(const struct fe8 *a, const __m512i w[4])
{
	__m512i t[4], diff;

	fe8_to_words(t, a);
	diff = _mm512_slli_epi64(_mm512_xor_si512(t[3], w[3]), 1);
	diff = _mm512_or_si512(diff, _mm512_xor_si512(t[2], w[2]));
	diff = _mm512_or_si512(diff, _mm512_xor_si512(t[1], w[1]));
	diff = _mm512_or_si512(diff, _mm512_xor_si512(t[0], w[0]));
	return _mm512_testn_epi64_mask(diff, diff);
}

FOG_IFMA_INLINE __mmask8 fe8_top_bit(const __m512i w[4])
{
	return _mm512_movepi64_mask(w[3]);
}

FOG_IFMA_INLINE __mmask8 fe8_is_odd(const struct fe8 *a)
{
	__m512i w[4];

	fe8_to_words(w, a);
	return _mm512_test_epi64_mask(w[0], _mm512_set1_epi64(1));
}

#endif
#endif
