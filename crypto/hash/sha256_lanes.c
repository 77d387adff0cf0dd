/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hash/sha256_lanes.h"

#include "crypto/mem.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define LANES16  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define INLINE16 LANES16 __attribute__((always_inline)) static inline

#if defined(__clang__)
#define UNROLL16 _Pragma("unroll")
#else
#define UNROLL16 _Pragma("GCC unroll 16")
#endif

static const u32 constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

INLINE16 __m512i xor3(__m512i a, __m512i b, __m512i c)
{
	return _mm512_ternarylogic_epi32(a, b, c, 0x96);
}

INLINE16 __m512i big_sigma0(__m512i a)
{
	return xor3(_mm512_ror_epi32(a, 2), _mm512_ror_epi32(a, 13), _mm512_ror_epi32(a, 22));
}

INLINE16 __m512i big_sigma1(__m512i e)
{
	return xor3(_mm512_ror_epi32(e, 6), _mm512_ror_epi32(e, 11), _mm512_ror_epi32(e, 25));
}

INLINE16 __m512i small_sigma0(__m512i w)
{
	return xor3(_mm512_ror_epi32(w, 7), _mm512_ror_epi32(w, 18), _mm512_srli_epi32(w, 3));
}

INLINE16 __m512i small_sigma1(__m512i w)
{
	return xor3(_mm512_ror_epi32(w, 17), _mm512_ror_epi32(w, 19), _mm512_srli_epi32(w, 10));
}

/* Word j of row i becomes word i of row j. */
INLINE16 void transpose(__m512i r[16])
{
	__m512i t[16];

	UNROLL16
	for (unsigned i = 0; i < 16; i += 2) {
		t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
	}
	UNROLL16
	for (unsigned i = 0; i < 16; i += 4) {
		r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
		r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
		r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
		r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
	UNROLL16
	for (unsigned i = 0; i < 4; i++) {
		t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
		t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
		t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
		t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
	}
	UNROLL16
	for (unsigned i = 0; i < 4; i++) {
		r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
		r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
		r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
		r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
	}
}

/* s[] is a..h, turned by `i` instead of moved. */
INLINE16 void round_one(__m512i s[8], unsigned i, __m512i wk)
{
	__m512i *a = &s[(8 - i) & 7], *b = &s[(9 - i) & 7], *c = &s[(10 - i) & 7];
	__m512i *d = &s[(11 - i) & 7], *e = &s[(12 - i) & 7], *f = &s[(13 - i) & 7];
	__m512i *g = &s[(14 - i) & 7], *h = &s[(15 - i) & 7];
	__m512i t1 = _mm512_add_epi32(_mm512_add_epi32(*h, wk), big_sigma1(*e));
	__m512i t2 = _mm512_add_epi32(big_sigma0(*a), _mm512_ternarylogic_epi32(*a, *b, *c, 0xe8));

	t1 = _mm512_add_epi32(t1, _mm512_ternarylogic_epi32(*e, *f, *g, 0xca));
	*d = _mm512_add_epi32(*d, t1);
	*h = _mm512_add_epi32(t1, t2);
}

INLINE16 void words_extend(__m512i w[16])
{
	UNROLL16
	for (unsigned i = 0; i < 16; i++) {
		__m512i t = _mm512_add_epi32(w[i], small_sigma0(w[(i + 1) & 15]));
		t = _mm512_add_epi32(t, w[(i + 9) & 15]);
		w[i] = _mm512_add_epi32(t, small_sigma1(w[(i + 14) & 15]));
	}
}

LANES16 void fog_sha256_sixteen(u32 state[8][FOG_SHA256_LANES],
				const u8 *const block[FOG_SHA256_LANES])
{
	const __m512i swap = _mm512_broadcast_i32x4(
		_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
	__m512i w[16], s[8];

	UNROLL16
	for (unsigned k = 0; k < 16; k++)
		w[k] = _mm512_shuffle_epi8(_mm512_loadu_si512(block[k]), swap);
	transpose(w);
	UNROLL16
	for (unsigned i = 0; i < 8; i++)
		s[i] = _mm512_loadu_si512(state[i]);
	for (unsigned i = 0; i < 64; i += 16) {
		if (i > 0)
			words_extend(w);
		UNROLL16
		for (unsigned j = 0; j < 16; j++)
			round_one(s, j,
				  _mm512_add_epi32(w[j], _mm512_set1_epi32((int)constants[i + j])));
	}
	UNROLL16
	for (unsigned i = 0; i < 8; i++)
		_mm512_storeu_si512(state[i], _mm512_add_epi32(s[i], _mm512_loadu_si512(state[i])));
}

#else

void fog_sha256_sixteen(u32 state[8][FOG_SHA256_LANES], const u8 *const block[FOG_SHA256_LANES])
{
	(void)state;
	(void)block;
	FOG_UNREACHABLE();
}

#endif
