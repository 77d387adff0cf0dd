/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/cell only: 128-bit blocks with AES-NI and PCLMULQDQ, shared by the x86 paths. */
#ifndef FOG_CRYPTO_X86_H
#define FOG_CRYPTO_X86_H

#include "crypto/cell/cell.h"

#include <immintrin.h>

#define FOG_X86_AESNI __attribute__((target("aes,pclmul,ssse3,sse4.2")))

/* In front of a loop of constant, small count over an array that is to live in registers. */
#if defined(__clang__)
#define FOG_UNROLL _Pragma("unroll")
#else
#define FOG_UNROLL _Pragma("GCC unroll 16")
#endif

/* Members of struct fog_cipher that the vaes path takes over as they are (aesni.c). */
void fog_aesni_aes_expand(u8 (*round)[16], unsigned rounds, const u8 *key);
void fog_aesni_aes_encrypt(const u8 (*round)[16], unsigned rounds, const u8 in[16], u8 out[16]);
void fog_aesni_aes_decrypt(const u8 (*round)[16], unsigned rounds, const u8 in[16], u8 out[16]);
void fog_aesni_aes_ctr(const u8 (*round)[16], unsigned rounds, const u8 counter[16], const u8 *in,
		       u8 *out, size_t len);
void fog_aesni_aes_rounds(const u8 (*round)[16], unsigned rounds, u8 (*block)[16], unsigned count);
void fog_aesni_hash_powers(u8 (*power)[16], const u8 h[16]);
void fog_aesni_hash_update(const u8 (*power)[16], u8 acc[16], const u8 *blocks, size_t count);
void fog_aesni_hash_dot(u8 out[16], const u8 a[16], const u8 b[16]);

FOG_X86_AESNI static inline __m128i load(const u8 *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

FOG_X86_AESNI static inline void store(u8 *p, __m128i v)
{
	_mm_storeu_si128((__m128i *)p, v);
}

FOG_X86_AESNI static inline __m128i byte_reverse(__m128i v)
{
	return _mm_shuffle_epi8(v,
				_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* 128-bit little-endian v + n without a branch: the low half wraps when it becomes smaller, which
 * SSE can only compare as signed numbers, hence the flipped top bits. */
FOG_X86_AESNI static inline __m128i counter_add(__m128i v, unsigned n)
{
	const __m128i top = _mm_set1_epi64x(INT64_MIN);
	__m128i sum = _mm_add_epi64(v, _mm_set_epi64x(0, n));
	__m128i wrap = _mm_cmpgt_epi64(_mm_xor_si128(v, top), _mm_xor_si128(sum, top));

	return _mm_sub_epi64(sum, _mm_slli_si128(wrap, 8));
}

FOG_X86_AESNI static inline __m128i counter_block(__m128i base, unsigned n)
{
	return byte_reverse(counter_add(base, n));
}

/* A sum of unreduced products in GF(2)[x]: x^128 high | x^64 middle | low. */
struct product {
	__m128i low, middle, high;
};

FOG_X86_AESNI static inline struct product product_zero(void)
{
	__m128i z = _mm_setzero_si128();
	return (struct product){z, z, z};
}

FOG_X86_AESNI static inline void product_add(struct product *p, __m128i a, __m128i b)
{
	p->low = _mm_xor_si128(p->low, _mm_clmulepi64_si128(a, b, 0x00));
	p->high = _mm_xor_si128(p->high, _mm_clmulepi64_si128(a, b, 0x11));
	p->middle = _mm_xor_si128(p->middle, _mm_clmulepi64_si128(a, b, 0x01));
	p->middle = _mm_xor_si128(p->middle, _mm_clmulepi64_si128(a, b, 0x10));
}

/* Times x^-128 modulo POLYVAL's polynomial, 64 bits at a step (Gueron, "AES-GCM-SIV", 2017). */
FOG_X86_AESNI static inline __m128i product_reduce(const struct product *p)
{
	const __m128i poly = _mm_set_epi64x(0, (long long)0xc200000000000000ull);
	__m128i low = _mm_xor_si128(p->low, _mm_slli_si128(p->middle, 8));
	__m128i high = _mm_xor_si128(p->high, _mm_srli_si128(p->middle, 8));

	low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, poly, 0x00));
	low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, poly, 0x00));
	return _mm_xor_si128(high, low);
}

FOG_X86_AESNI static inline __m128i dot(__m128i a, __m128i b)
{
	struct product p = product_zero();

	product_add(&p, a, b);
	return product_reduce(&p);
}

#define FOG_X86_AHEAD 8 /* jobs whose keys are asked for before their turn comes */

/* The lines of jobs[i]'s key that a layer reads. Always inline: gcc takes a function of nothing but
 * prefetches for pure and drops the calls. */
static inline __attribute__((always_inline)) void key_ask(const struct fog_cell_job *jobs,
							  unsigned i, unsigned count)
{
	if (i >= count)
		return;
	for (size_t at = 0; at <= offsetof(struct fog_uiv_key, right_hash); at += FOG_CACHELINE)
		__builtin_prefetch((const u8 *)&jobs[i].key->uiv + at);
}

/* The tweak of a cell, drawn in cell.h. */
FOG_X86_AESNI static inline __m128i tweak_block(const struct fog_cell_job *job)
{
	return _mm_set_epi64x((long long)job->sequence, job->direction | job->command << 8);
}

/* First counter of a cell's key stream, see uiv.h: the last byte's low 7 bits cleared. */
FOG_X86_AESNI static inline __m128i counter_floor(__m128i v)
{
	return _mm_andnot_si128(_mm_set_epi64x((FOG_UIV_LONG_BLOCKS - 1ll) << 56, 0), v);
}

#endif
