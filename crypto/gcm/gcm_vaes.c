/* SPDX-License-Identifier: BSD-3-Clause */
/* GCM with VAES, VPCLMULQDQ and AVX-512: four blocks to a register, up to 44 products to a
 * reduction. The code is one for all lengths; that of a cell on a link is compiled apart, with its
 * lengths as constants, so that loops and masks vanish. */
#include "crypto/gcm/gcm_x86.h"

#if defined(__x86_64__)

#include "crypto/cell/cipher.h"
#include "crypto/cell/x86_wide.h"

#define INLINE static inline __attribute__((always_inline))

#define PART    11 /* registers of key stream, and of products to a reduction */
#define GROUP   (4 * PART)
#define CELL    1408
#define CELL_AD 16
_Static_assert(GROUP < FOG_GCM_POWERS && CELL % (64 * PART) == 0, "parts");

FOG_VAES INLINE __mmask64 bytes_mask(size_t len)
{
	return len >= 64 ? ~0ull : (1ull << len) - 1;
}

FOG_VAES INLINE __m512i reverse_wide(__m512i v)
{
	return _mm512_shuffle_epi8(v,
				   _mm512_broadcast_i32x4(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
								       10, 11, 12, 13, 14, 15)));
}

/* GHASH continued from acc over len > 0 bytes, padded with zeros to whole blocks. */
FOG_VAES INLINE __m128i absorb(const struct fog_gcm_key *key, __m128i acc, const u8 *data,
			       size_t len)
{
	const __m512i zero = _mm512_setzero_si512();

	for (size_t at = 0; at < len; at += 16 * GROUP) {
		size_t part = FOG_MIN(len - at, (size_t)16 * GROUP), blocks = (part + 15) / 16;
		const u8 *power = key->hash_power[FOG_GCM_POWERS - blocks];
		__m512i carry = _mm512_zextsi128_si512(acc);
		struct wide w = {zero, zero, zero};
		FOG_UNROLL
		for (size_t k = 0; k < part; k += 64) {
			__m512i x = _mm512_maskz_loadu_epi8(bytes_mask(part - k), data + at + k);
			__m512i h = _mm512_maskz_loadu_epi8(bytes_mask(16 * blocks - k), power + k);
			wide_multiply(&w, _mm512_xor_si512(reverse_wide(x), carry), h);
			carry = zero;
		}
		acc = wide_reduce(&w);
	}
	return acc;
}

FOG_VAES INLINE __m128i tag_compute(const struct fog_gcm_job *job, const u8 *sealed, size_t ad_len,
				    size_t len, __m128i first)
{
	__m128i acc = absorb(job->key, _mm_setzero_si128(), job->ad, ad_len);

	acc = absorb(job->key, acc, sealed, len);
	acc = dot(_mm_xor_si128(acc, lengths_block(job)),
		  load(job->key->hash_power[FOG_GCM_POWERS - 1]));
	return _mm_xor_si128(byte_reverse(acc), aes128_block(job->key->round, first));
}

/* Block n of the text has number n + 2, which stays within one byte. */
FOG_VAES INLINE void stream_xor(const struct fog_gcm_job *job, __m128i first, size_t len)
{
	const u8(*round)[16] = job->key->round;
	const __m512i four = _mm512_broadcast_i32x4(_mm_set_epi32(4 << 24, 0, 0, 0));
	__m512i number = _mm512_set_epi32(5 << 24, 0, 0, 0, 4 << 24, 0, 0, 0, 3 << 24, 0, 0, 0,
					  2 << 24, 0, 0, 0);
	__m128i nonce = _mm_xor_si128(first, _mm_set_epi32(1 << 24, 0, 0, 0));
	__m512i base = _mm512_broadcast_i32x4(_mm_xor_si128(nonce, load(round[0])));
	__m512i x[PART], key;

	for (size_t at = 0; at < len; at += 64 * PART) {
		FOG_UNROLL
		for (unsigned k = 0; k < PART; k++) {
			x[k] = _mm512_xor_si512(base, number);
			number = _mm512_add_epi32(number, four);
		}
		for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++) {
			key = _mm512_broadcast_i32x4(load(round[r]));
			FOG_UNROLL
			for (unsigned k = 0; k < PART; k++)
				x[k] = _mm512_aesenc_epi128(x[k], key);
		}
		key = _mm512_broadcast_i32x4(load(round[FOG_AES128_ROUNDS]));
		FOG_UNROLL
		for (unsigned k = 0; k < PART; k++) {
			size_t from = FOG_MIN(at + 64 * k, len);
			__mmask64 m = bytes_mask(len - from);
			__m512i v = _mm512_maskz_loadu_epi8(m, job->in + from);
			v = _mm512_xor_si512(v, _mm512_aesenclast_epi128(x[k], key));
			_mm512_mask_storeu_epi8(job->out + from, m, v);
		}
	}
}

FOG_VAES INLINE void crypt_one(struct fog_gcm_job *job, bool seal, size_t ad_len, size_t len)
{
	__m128i first = first_block(job);

	if (!seal)
		job->authentic = blocks_equal(tag_compute(job, job->in, ad_len, len, first),
					      load(job->in + len));
	stream_xor(job, first, len);
	if (seal)
		store(job->out + len, tag_compute(job, job->out, ad_len, len, first));
}

FOG_VAES void fog_vaes_gcm_many(struct fog_gcm_job *jobs, unsigned count, bool seal)
{
	for (unsigned i = 0; i < count; i++) {
		struct fog_gcm_job *job = &jobs[i];
		if (job->len != CELL || job->ad_len != CELL_AD)
			crypt_one(job, seal, job->ad_len, job->len);
		else if (seal)
			crypt_one(job, true, CELL_AD, CELL);
		else
			crypt_one(job, false, CELL_AD, CELL);
	}
}

#endif
