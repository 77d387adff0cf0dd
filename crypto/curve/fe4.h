/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/curve only: four elements of GF(2^255 - 19) side by side, one per 64-bit lane of
 * AVX2 registers, whose multiplication takes 32 bits of each lane.
 *
 * An element is ten limbs of 26 and 25 bits in turn (radix 2^25.5), loose when limbs are below
 * 2^26 + 2^10 and 2^25 + 2^17: what every function gives but for those called raw, which do not
 * carry. Sums of up to three loose elements are good for products only: 19 * 3 * 2^26 < 2^32, and
 * ten products of two such add up to less than 2^63. Nothing here branches or indexes by a value.
 */
#ifndef FOG_CRYPTO_FE4_H
#define FOG_CRYPTO_FE4_H

#include "crypto/curve/fe.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define FOG_AVX2        __attribute__((target("avx2")))
#define FOG_AVX2_INLINE FOG_AVX2 __attribute__((always_inline)) static inline

#define FE4_LANES 4
#define FE4_LIMBS 10

struct fe4 {
	__m256i l[FE4_LIMBS];
};

/* Bits of limb i. */
#define FE4_BITS(i) ((i) % 2 ? 25 : 26)

FOG_AVX2_INLINE __m256i fe4_word(u64 v)
{
	return _mm256_set1_epi64x((long long)v);
}

FOG_AVX2_INLINE __m256i fe4_low(__m256i v, unsigned bits)
{
	return _mm256_and_si256(v, fe4_word((1ull << bits) - 1));
}

/* What limb `from` has too much goes to the next one, from the last one 19-fold to the first. */
FOG_AVX2_INLINE void fe4_carry_one(__m256i h[FE4_LIMBS], unsigned from)
{
	unsigned bits = FE4_BITS(from);
	__m256i c = _mm256_srli_epi64(h[from], (int)bits);

	h[from] = fe4_low(h[from], bits);
	if (from == FE4_LIMBS - 1) {
		c = _mm256_add_epi64(_mm256_add_epi64(c, _mm256_slli_epi64(c, 1)),
				     _mm256_slli_epi64(c, 4));
		h[0] = _mm256_add_epi64(h[0], c);
	} else {
		h[from + 1] = _mm256_add_epi64(h[from + 1], c);
	}
}

/* Limbs below 2^63 become loose. Two chains at once, for speed. */
FOG_AVX2_INLINE void fe4_carry(struct fe4 *r, __m256i h[FE4_LIMBS])
{
	static const unsigned order[] = {0, 4, 1, 5, 2, 6, 3, 7, 4, 8, 9, 0};

	FE_UNROLL
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(order); i++)
		fe4_carry_one(h, order[i]);
	FE_UNROLL
	for (unsigned i = 0; i < FE4_LIMBS; i++)
		r->l[i] = h[i];
}

/* One parallel carry: limbs below 2^30 become loose. */
FOG_AVX2_INLINE void fe4_carry_small(struct fe4 *r)
{
	__m256i c[FE4_LIMBS];

	FE_UNROLL
	for (unsigned i = 0; i < FE4_LIMBS; i++) {
		c[i] = _mm256_srli_epi64(r->l[i], FE4_BITS(i));
		r->l[i] = fe4_low(r->l[i], FE4_BITS(i));
	}
	r->l[0] = _mm256_add_epi64(r->l[0], _mm256_mul_epu32(c[FE4_LIMBS - 1], fe4_word(19)));
	FE_UNROLL
	for (unsigned i = 1; i < FE4_LIMBS; i++)
		r->l[i] = _mm256_add_epi64(r->l[i], c[i - 1]);
}

FOG_AVX2_INLINE void fe4_add_raw(struct fe4 *r, const struct fe4 *a, const struct fe4 *b)
{
	FE_UNROLL
	for (unsigned i = 0; i < FE4_LIMBS; i++)
		r->l[i] = _mm256_add_epi64(a->l[i], b->l[i]);
}

/* a - b + 2p, whose limbs stay positive; b is loose. */
FOG_AVX2_INLINE void fe4_sub_raw(struct fe4 *r, const struct fe4 *a, const struct fe4 *b)
{
	FE_UNROLL
	for (unsigned i = 0; i < FE4_LIMBS; i++) {
		u64 bias = 2 * ((1ull << FE4_BITS(i)) - (i == 0 ? 19 : 1));
		r->l[i] = _mm256_sub_epi64(_mm256_add_epi64(a->l[i], fe4_word(bias)), b->l[i]);
	}
}

FOG_AVX2_INLINE void fe4_add(struct fe4 *r, const struct fe4 *a, const struct fe4 *b)
{
	fe4_add_raw(r, a, b);
	fe4_carry_small(r);
}

FOG_AVX2_INLINE void fe4_sub(struct fe4 *r, const struct fe4 *a, const struct fe4 *b)
{
	fe4_sub_raw(r, a, b);
	fe4_carry_small(r);
}

/* For formulas.h: results of which only products are taken. Of a difference one side may be raw,
 * so it has to be carried. */
FOG_AVX2_INLINE void fe4_add_lazy(struct fe4 *r, const struct fe4 *a, const struct fe4 *b)
{
	fe4_add_raw(r, a, b);
}

FOG_AVX2_INLINE void fe4_sub_lazy(struct fe4 *r, const struct fe4 *a, const struct fe4 *b)
{
	fe4_sub(r, a, b);
}

/* Limbs of odd numbers weigh half a bit less than their place says: a product of two such counts
 * twice. What is of weight 2^255 and up comes back 19-fold. */
FOG_AVX2_INLINE void fe4_mul(struct fe4 *r, const struct fe4 *a, const struct fe4 *b)
{
	const __m256i nineteen = fe4_word(19);
	__m256i h[FE4_LIMBS], a2[FE4_LIMBS], b19[FE4_LIMBS];

	FE_UNROLL
	for (unsigned i = 0; i < FE4_LIMBS; i++) {
		a2[i] = i % 2 ? _mm256_add_epi64(a->l[i], a->l[i]) : a->l[i];
		b19[i] = _mm256_mul_epu32(b->l[i], nineteen);
	}
	FE_UNROLL
	for (unsigned k = 0; k < FE4_LIMBS; k++) {
		h[k] = _mm256_setzero_si256();
		FE_UNROLL
		for (unsigned i = 0; i < FE4_LIMBS; i++) {
			unsigned j = (k + FE4_LIMBS - i) % FE4_LIMBS;
			__m256i p = _mm256_mul_epu32(j % 2 ? a2[i] : a->l[i],
						     i + j == k ? b->l[j] : b19[j]);
			h[k] = _mm256_add_epi64(h[k], p);
		}
	}
	fe4_carry(r, h);
}

FOG_AVX2_INLINE void fe4_sqr(struct fe4 *r, const struct fe4 *a)
{
	const __m256i nineteen = fe4_word(19);
	__m256i h[FE4_LIMBS], a2[FE4_LIMBS], a4[FE4_LIMBS], a19[FE4_LIMBS];

	FE_UNROLL
	for (unsigned i = 0; i < FE4_LIMBS; i++) {
		a2[i] = _mm256_add_epi64(a->l[i], a->l[i]);
		a4[i] = _mm256_add_epi64(a2[i], a2[i]);
		a19[i] = _mm256_mul_epu32(a->l[i], nineteen);
	}
	FE_UNROLL
	for (unsigned k = 0; k < FE4_LIMBS; k++) {
		h[k] = _mm256_setzero_si256();
		FE_UNROLL
		for (unsigned i = 0; i < FE4_LIMBS; i++) {
			unsigned j = (k + FE4_LIMBS - i) % FE4_LIMBS;
			bool odd = i % 2 && j % 2;
			if (i > j)
				continue;
			__m256i p = _mm256_mul_epu32(i == j ? (odd ? a2[i] : a->l[i])
							    : (odd ? a4[i] : a2[i]),
						     i + j == k ? a->l[j] : a19[j]);
			h[k] = _mm256_add_epi64(h[k], p);
		}
	}
	fe4_carry(r, h);
}

/* r = a + b * small, for small below 2^20 and b as from fe4_sub(). */
FOG_AVX2_INLINE void fe4_mul_small_add(struct fe4 *r, const struct fe4 *a, const struct fe4 *b,
				       u32 small)
{
	const __m256i c = fe4_word(small);
	__m256i h[FE4_LIMBS];

	FE_UNROLL
	for (unsigned i = 0; i < FE4_LIMBS; i++)
		h[i] = _mm256_add_epi64(a->l[i], _mm256_mul_epu32(b->l[i], c));
	fe4_carry(r, h);
}

/* Exchanges a and b in the lanes where mask is all ones, which elsewhere is zero. */
FOG_AVX2_INLINE void fe4_swap(struct fe4 *a, struct fe4 *b, __m256i mask)
{
	FE_UNROLL
	for (unsigned i = 0; i < FE4_LIMBS; i++) {
		__m256i t = _mm256_and_si256(_mm256_xor_si256(a->l[i], b->l[i]), mask);
		a->l[i] = _mm256_xor_si256(a->l[i], t);
		b->l[i] = _mm256_xor_si256(b->l[i], t);
	}
}

/* r = a in the lanes of mask. */
FOG_AVX2_INLINE void fe4_select(struct fe4 *r, const struct fe4 *a, __m256i mask)
{
	FE_UNROLL
	for (unsigned i = 0; i < FE4_LIMBS; i++)
		r->l[i] = _mm256_blendv_epi8(r->l[i], a->l[i], mask);
}

FOG_AVX2_INLINE void fe4_set(struct fe4 *r, u32 small)
{
	r->l[0] = fe4_word(small);
	FE_UNROLL
	for (unsigned i = 1; i < FE4_LIMBS; i++)
		r->l[i] = _mm256_setzero_si256();
}

/* The 64 bits that start at bit n of high:low. */
FOG_AVX2_INLINE __m256i fe4_window(__m256i high, __m256i low, int n)
{
	return _mm256_or_si256(_mm256_srli_epi64(low, n), _mm256_slli_epi64(high, 64 - n));
}

/* w[i] holds little-endian 64-bit word i of every lane's encoding; bit 255 is ignored and values
 * from p to 2^255 - 1 are taken modulo p. */
FOG_AVX2_INLINE void fe4_from_words(struct fe4 *r, const __m256i w[4])
{
	r->l[0] = fe4_low(w[0], 26);
	r->l[1] = fe4_low(_mm256_srli_epi64(w[0], 26), 25);
	r->l[2] = fe4_low(fe4_window(w[1], w[0], 51), 26);
	r->l[3] = fe4_low(_mm256_srli_epi64(w[1], 13), 25);
	r->l[4] = _mm256_srli_epi64(w[1], 38);
	r->l[5] = fe4_low(w[2], 25);
	r->l[6] = fe4_low(_mm256_srli_epi64(w[2], 25), 26);
	r->l[7] = fe4_low(fe4_window(w[3], w[2], 51), 25);
	r->l[8] = fe4_low(_mm256_srli_epi64(w[3], 12), 26);
	r->l[9] = fe4_low(_mm256_srli_epi64(w[3], 38), 25);
}

/* The canonical encoding. A loose element is below 2^255 + 2^248, so p comes off at most once: it
 * does when adding 19 carries out of bit 255. */
FOG_AVX2_INLINE void fe4_to_words(__m256i w[4], const struct fe4 *a)
{
	__m256i q = fe4_word(19), t[FE4_LIMBS];

	FE_UNROLL
	for (unsigned i = 0; i < FE4_LIMBS; i++)
		q = _mm256_srli_epi64(_mm256_add_epi64(a->l[i], q), FE4_BITS(i));
	q = _mm256_mul_epu32(q, fe4_word(19));
	FE_UNROLL
	for (unsigned i = 0; i < FE4_LIMBS; i++) {
		t[i] = _mm256_add_epi64(a->l[i], q);
		q = _mm256_srli_epi64(t[i], FE4_BITS(i));
		t[i] = fe4_low(t[i], FE4_BITS(i));
	}
	w[0] = _mm256_or_si256(_mm256_or_si256(t[0], _mm256_slli_epi64(t[1], 26)),
			       _mm256_slli_epi64(t[2], 51));
	w[1] = _mm256_or_si256(
		_mm256_or_si256(_mm256_srli_epi64(t[2], 13), _mm256_slli_epi64(t[3], 13)),
		_mm256_slli_epi64(t[4], 38));
	w[2] = _mm256_or_si256(_mm256_or_si256(t[5], _mm256_slli_epi64(t[6], 25)),
			       _mm256_slli_epi64(t[7], 51));
	w[3] = _mm256_or_si256(
		_mm256_or_si256(_mm256_srli_epi64(t[7], 13), _mm256_slli_epi64(t[8], 12)),
		_mm256_slli_epi64(t[9], 38));
}

/* All ones in the lanes whose value is zero modulo p. */
FOG_AVX2_INLINE __m256i fe4_is_zero(const struct fe4 *a)
{
	__m256i w[4];

	fe4_to_words(w, a);
	w[0] = _mm256_or_si256(_mm256_or_si256(w[0], w[1]), _mm256_or_si256(w[2], w[3]));
	return _mm256_cmpeq_epi64(w[0], _mm256_setzero_si256());
}

FOG_AVX2_INLINE void fe4_constant(struct fe4 *r, const u64 limb[5])
{
	FE_UNROLL
	for (unsigned i = 0; i < 5; i++) {
		r->l[2 * i] = fe4_word(limb[i] & ((1u << 26) - 1));
		r->l[2 * i + 1] = fe4_word(limb[i] >> 26);
	}
}

/* All ones in the lanes where w is the canonical encoding of a, whatever its bit 255. */
FOG_AVX2_INLINE __m256i fe4_is_encoded(const struct fe4 *a, const __m256i w[4])
{
	__m256i t[4], diff;

	fe4_to_words(t, a);
	diff = _mm256_slli_epi64(_mm256_xor_si256(t[3], w[3]), 1);
	FE_UNROLL
	for (unsigned i = 0; i < 3; i++)
		diff = _mm256_or_si256(diff, _mm256_xor_si256(t[i], w[i]));
	return _mm256_cmpeq_epi64(diff, _mm256_setzero_si256());
}

FOG_AVX2_INLINE __m256i fe4_top_bit(const __m256i w[4])
{
	return _mm256_cmpgt_epi64(_mm256_setzero_si256(), w[3]);
}

FOG_AVX2_INLINE __m256i fe4_is_odd(const struct fe4 *a)
{
	__m256i w[4];

	fe4_to_words(w, a);
	return _mm256_sub_epi64(_mm256_setzero_si256(), fe4_low(w[0], 1));
}

#endif
#endif
