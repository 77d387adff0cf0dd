/* SPDX-License-Identifier: BSD-3-Clause */
/* GCM with AES-NI and PCLMULQDQ: one job at a time, its blocks in parallel. */
#include "crypto/gcm/gcm_x86.h"

#if defined(__x86_64__)

#include "crypto/cell/cipher.h"

#define GROUP 16 /* products to a reduction */

FOG_X86_AESNI static __m128i absorb(const struct fog_gcm_key *key, __m128i acc, const u8 *data,
				    size_t len)
{
	size_t blocks = (len + 15) / 16;
	u8 last[16];

	while (blocks > 0) {
		size_t n = FOG_MIN(blocks, (size_t)GROUP);
		const u8(*power)[16] = key->hash_power + FOG_GCM_POWERS - n;
		struct product p = product_zero();
		for (size_t k = 0; k < n; k++, data += 16, len -= FOG_MIN(len, (size_t)16)) {
			const u8 *block = data;
			if (len < 16) {
				memset(last, 0, sizeof(last));
				memcpy(last, data, len);
				block = last;
			}
			__m128i x = _mm_xor_si128(acc, byte_reverse(load(block)));
			product_add(&p, x, load(power[k]));
			acc = _mm_setzero_si128();
		}
		acc = product_reduce(&p);
		blocks -= n;
	}
	return acc;
}

FOG_X86_AESNI static __m128i tag_compute(const struct fog_gcm_job *job, const u8 *sealed,
					 __m128i first)
{
	__m128i acc = absorb(job->key, _mm_setzero_si128(), job->ad, job->ad_len);

	acc = absorb(job->key, acc, sealed, job->len);
	acc = dot(_mm_xor_si128(acc, lengths_block(job)),
		  load(job->key->hash_power[FOG_GCM_POWERS - 1]));
	return _mm_xor_si128(byte_reverse(acc), aes128_block(job->key->round, first));
}

FOG_X86_AESNI void fog_aesni_gcm_many(struct fog_gcm_job *jobs, unsigned count, bool seal)
{
	u8 counter[16];

	for (unsigned i = 0; i < count; i++) {
		struct fog_gcm_job *job = &jobs[i];
		__m128i first = first_block(job);
		if (!seal)
			job->authentic = blocks_equal(tag_compute(job, job->in, first),
						      load(job->in + job->len));
		store(counter, _mm_xor_si128(first, _mm_set_epi32(3 << 24, 0, 0, 0)));
		fog_aesni_aes_ctr(job->key->round, FOG_AES128_ROUNDS, counter, job->in, job->out,
				  job->len);
		if (seal)
			store(job->out + job->len, tag_compute(job, job->out, first));
	}
}

#endif
