/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto only: four 128-bit blocks to a register, shared by the VAES paths. */
#ifndef FOG_CRYPTO_X86_WIDE_H
#define FOG_CRYPTO_X86_WIDE_H

#include "crypto/cell/x86.h"

#define FOG_VAES                                                                               \
	__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,vaes,vpclmulqdq,aes,pclmul," \
			      "ssse3,sse4.2")))

/* Four sums of unreduced products, see struct product. */
struct wide {
	__m512i low, middle, high;
};

FOG_VAES static inline void wide_multiply(struct wide *w, __m512i a, __m512i b)
{
	w->low = _mm512_xor_si512(w->low, _mm512_clmulepi64_epi128(a, b, 0x00));
	w->high = _mm512_xor_si512(w->high, _mm512_clmulepi64_epi128(a, b, 0x11));
	w->middle = _mm512_ternarylogic_epi64(w->middle, _mm512_clmulepi64_epi128(a, b, 0x01),
					      _mm512_clmulepi64_epi128(a, b, 0x10), 0x96);
}

FOG_VAES static inline void wide_add(struct wide *w, __m512i a, const u8 *power)
{
	wide_multiply(w, a, _mm512_loadu_si512(power));
}

FOG_VAES static inline __m128i lanes_sum(__m512i v)
{
	__m256i half = _mm256_xor_si256(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));

	return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

FOG_VAES static inline __m128i wide_reduce(const struct wide *w)
{
	struct product p = {
		.low = lanes_sum(_mm512_xor_si512(w->low, _mm512_bslli_epi128(w->middle, 8))),
		.middle = _mm_setzero_si128(),
		.high = lanes_sum(_mm512_xor_si512(w->high, _mm512_bsrli_epi128(w->middle, 8))),
	};

	return product_reduce(&p);
}

#endif
