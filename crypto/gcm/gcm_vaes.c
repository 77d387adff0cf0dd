/* SPDX-License-Identifier: BSD-3-Clause */
/* GCM with VAES, VPCLMULQDQ and AVX-512: four blocks to a register, in parts of 11 registers, 44
 * products to a reduction; a cell of a link is two parts. The two ciphers use different units of
 * the CPU, and its window is too small to find that out by itself, so one step of the hash goes
 * between two rounds of AES: of the part before, when sealing; of the same part, when opening. */
#include "crypto/gcm/gcm_x86.h"

#if defined(__x86_64__)

#include "crypto/cell/cipher.h"
#include "crypto/cell/x86_wide.h"

#define INLINE static inline __attribute__((always_inline))

#define PART       11 /* registers */
#define PART_BYTES (64 * PART)
_Static_assert(4 * PART < FOG_GCM_POWERS, "powers");
_Static_assert(PART == FOG_AES128_ROUNDS + 1, "a step of the hash for each round key");

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

/* GHASH continued from acc over 0 < len <= PART_BYTES bytes, padded with zeros to whole blocks. */
FOG_VAES static __m128i absorb(const struct fog_gcm_key *key, __m128i acc, const u8 *data,
			       size_t len)
{
	const __m512i zero = _mm512_setzero_si512();
	size_t blocks = (len + 15) / 16;
	const u8 *power = key->hash_power[FOG_GCM_POWERS - blocks];
	__m512i carry = _mm512_zextsi128_si512(acc);
	struct wide w = {zero, zero, zero};

	for (size_t k = 0; k < len; k += 64) {
		__m512i x = _mm512_maskz_loadu_epi8(bytes_mask(len - k), data + k);
		__m512i h = _mm512_maskz_loadu_epi8(bytes_mask(16 * blocks - k), power + k);
		wide_multiply(&w, _mm512_xor_si512(reverse_wide(x), carry), h);
		carry = zero;
	}
	return wide_reduce(&w);
}

FOG_VAES INLINE __m128i absorb_ad(const struct fog_gcm_job *job)
{
	__m128i acc = _mm_setzero_si128();

	if (job->ad_len == 16)
		return dot(byte_reverse(load(job->ad)),
			   load(job->key->hash_power[FOG_GCM_POWERS - 1]));
	for (size_t at = 0; at < job->ad_len; at += PART_BYTES)
		acc = absorb(job->key, acc, job->ad + at,
			     FOG_MIN(job->ad_len - at, (size_t)PART_BYTES));
	return acc;
}

FOG_VAES INLINE __m128i tag_finish(const struct fog_gcm_job *job, __m128i acc)
{
	acc = dot(_mm_xor_si128(acc, lengths_block(job)),
		  load(job->key->hash_power[FOG_GCM_POWERS - 1]));
	return _mm_xor_si128(byte_reverse(acc), aes128_block(job->key->round, first_block(job)));
}

/* Counters of the part at `at`, under the first round key. Block n of the text has number n + 2,
 * which stays within one byte. */
FOG_VAES INLINE void stream_begin(const struct fog_gcm_job *job, size_t at, __m512i *x)
{
	const __m512i four = _mm512_broadcast_i32x4(_mm_set_epi32(4 << 24, 0, 0, 0));
	__m512i number = _mm512_set_epi32(5 << 24, 0, 0, 0, 4 << 24, 0, 0, 0, 3 << 24, 0, 0, 0,
					  2 << 24, 0, 0, 0);
	/* The first block has number 1 in place. */
	__m128i nonce = _mm_xor_si128(first_block(job), _mm_set_epi32(1 << 24, 0, 0, 0));
	__m512i base = _mm512_broadcast_i32x4(_mm_xor_si128(nonce, load(job->key->round[0])));

	number = _mm512_add_epi32(
		number, _mm512_broadcast_i32x4(_mm_set_epi32((int)(at / 16 << 24), 0, 0, 0)));
	FOG_UNROLL
	for (unsigned k = 0; k < PART; k++) {
		x[k] = _mm512_xor_si512(base, number);
		number = _mm512_add_epi32(number, four);
	}
}

FOG_VAES INLINE void stream_end(const struct fog_gcm_job *job, size_t at, size_t len, __m512i *x)
{
	__m512i key = _mm512_broadcast_i32x4(load(job->key->round[FOG_AES128_ROUNDS]));

	FOG_UNROLL
	for (unsigned k = 0; k < PART; k++) {
		if (len == PART_BYTES) { /* known when compiled: no masks */
			__m512i whole = _mm512_loadu_si512(job->in + at + 64 * k);
			whole = _mm512_xor_si512(whole, _mm512_aesenclast_epi128(x[k], key));
			_mm512_storeu_si512(job->out + at + 64 * k, whole);
			continue;
		}
		size_t from = FOG_MIN((size_t)64 * k, len);
		__mmask64 m = bytes_mask(len - from);
		__m512i v = _mm512_maskz_loadu_epi8(m, job->in + at + from);
		v = _mm512_xor_si512(v, _mm512_aesenclast_epi128(x[k], key));
		_mm512_mask_storeu_epi8(job->out + at + from, m, v);
	}
}

/* len bytes from `at` on. */
FOG_VAES static void stream(const struct fog_gcm_job *job, size_t at, size_t len)
{
	__m512i x[PART], key;

	stream_begin(job, at, x);
	for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++) {
		key = _mm512_broadcast_i32x4(load(job->key->round[r]));
		FOG_UNROLL
		for (unsigned k = 0; k < PART; k++)
			x[k] = _mm512_aesenc_epi128(x[k], key);
	}
	stream_end(job, at, len, x);
}

/* Both at once, for whole parts: the key stream of one, the hash of `data` under hash_key. */
FOG_VAES INLINE __m128i stream_and_absorb(const struct fog_gcm_job *job, size_t at,
					  const struct fog_gcm_key *hash_key, __m128i acc,
					  const u8 *data)
{
	const u8(*power)[16] = hash_key->hash_power + FOG_GCM_POWERS - 4 * PART;
	const __m512i zero = _mm512_setzero_si512();
	struct wide w = {zero, zero, zero};
	__m512i x[PART], key;

	stream_begin(job, at, x);
	wide_add(&w,
		 _mm512_xor_si512(reverse_wide(_mm512_loadu_si512(data)),
				  _mm512_zextsi128_si512(acc)),
		 power[0]);
	FOG_UNROLL
	for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++) {
		key = _mm512_broadcast_i32x4(load(job->key->round[r]));
		FOG_UNROLL
		for (unsigned k = 0; k < PART; k++)
			x[k] = _mm512_aesenc_epi128(x[k], key);
		wide_add(&w, reverse_wide(_mm512_loadu_si512(data + 64 * r)), power[4 * r]);
	}
	wide_add(&w, reverse_wide(_mm512_loadu_si512(data + 64 * FOG_AES128_ROUNDS)),
		 power[4 * FOG_AES128_ROUNDS]);
	stream_end(job, at, PART_BYTES, x);
	return wide_reduce(&w);
}

static inline size_t part_len(const struct fog_gcm_job *job, size_t at)
{
	return FOG_MIN(job->len - at, (size_t)PART_BYTES);
}

/* A part that has its key stream and waits to be hashed. */
struct behind {
	const struct fog_gcm_job *job; /* NULL: none */
	size_t at;
	__m128i acc;
};

FOG_VAES INLINE void behind_finish(const struct behind *b)
{
	if (b->at + PART_BYTES >= b->job->len)
		store(b->job->out + b->job->len, tag_finish(b->job, b->acc));
}

FOG_VAES static void behind_absorb(struct behind *b)
{
	size_t len = b->job == NULL ? 0 : part_len(b->job, b->at);

	if (len > 0)
		b->acc = absorb(b->job->key, b->acc, b->job->out + b->at, len);
	if (b->job != NULL)
		behind_finish(b);
}

FOG_VAES static void seal_many(struct fog_gcm_job *jobs, unsigned count)
{
	struct behind b = {.acc = _mm_setzero_si128()};

	for (unsigned i = 0; i < count; i++) {
		size_t at = 0;
		do {
			size_t len = part_len(&jobs[i], at);
			if (len == PART_BYTES && b.job != NULL &&
			    part_len(b.job, b.at) == PART_BYTES) {
				b.acc = stream_and_absorb(&jobs[i], at, b.job->key, b.acc,
							  b.job->out + b.at);
				behind_finish(&b);
			} else {
				if (len > 0)
					stream(&jobs[i], at, len);
				behind_absorb(&b);
			}
			b.job = &jobs[i];
			b.at = at;
			if (at == 0)
				b.acc = absorb_ad(&jobs[i]);
			at += PART_BYTES;
		} while (at < jobs[i].len);
	}
	behind_absorb(&b);
}

FOG_VAES static void open_many(struct fog_gcm_job *jobs, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct fog_gcm_job *job = &jobs[i];
		__m128i tag = load(job->in + job->len), acc = absorb_ad(job);
		for (size_t at = 0; at < job->len; at += PART_BYTES) {
			size_t len = part_len(job, at);
			if (len == PART_BYTES) {
				acc = stream_and_absorb(job, at, job->key, acc, job->in + at);
				continue;
			}
			acc = absorb(job->key, acc, job->in + at, len);
			stream(job, at, len);
		}
		job->authentic = blocks_equal(tag_finish(job, acc), tag);
	}
}

FOG_VAES void fog_vaes_gcm_many(struct fog_gcm_job *jobs, unsigned count, bool seal)
{
	if (seal)
		seal_many(jobs, count);
	else
		open_many(jobs, count);
}

#endif
