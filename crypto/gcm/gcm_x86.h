/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/gcm only: what the x86 paths share. */
#ifndef FOG_CRYPTO_GCM_X86_H
#define FOG_CRYPTO_GCM_X86_H

#include "crypto/gcm/gcm.h"

#if defined(__x86_64__)

#include "crypto/cell/cipher.h"
#include "crypto/cell/x86.h"

/* The nonce and block number 1. iv is followed by four zero bytes. */
FOG_X86_AESNI static inline __m128i first_block(const struct fog_gcm_job *job)
{
	u64 counter = __builtin_bswap64(job->counter);
	__m128i v = _mm_slli_si128(_mm_set_epi64x(0, (long long)counter), 4);

	return _mm_xor_si128(_mm_xor_si128(load(job->key->iv), v), _mm_set_epi32(1 << 24, 0, 0, 0));
}

/* Bit lengths of associated data and text, reversed as all of GHASH. */
FOG_X86_AESNI static inline __m128i lengths_block(const struct fog_gcm_job *job)
{
	return _mm_set_epi64x(8ll * job->ad_len, 8ll * job->len);
}

FOG_X86_AESNI static inline __m128i aes128_block(const u8 (*round)[16], __m128i x)
{
	x = _mm_xor_si128(x, load(round[0]));
	for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++)
		x = _mm_aesenc_si128(x, load(round[r]));
	return _mm_aesenclast_si128(x, load(round[FOG_AES128_ROUNDS]));
}

FOG_X86_AESNI static inline bool blocks_equal(__m128i a, __m128i b)
{
	__m128i v = _mm_xor_si128(a, b);

	return _mm_testz_si128(v, v);
}

#endif

#endif
