/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/floor.h"

#include "crypto/cell/cipher.h"
#include "crypto/cpu.h"

static bool wide_path(void)
{
	return strcmp(fog_crypto_cpu(), "vaes") == 0;
}

#if defined(__x86_64__)

#include "crypto/cell/x86_wide.h"

#define PART 8 /* registers in flight */

FOG_VAES static void ctr_wide(const struct floor_job *job, size_t len)
{
	const u8(*round)[16] = job->key->right_round;
	const __m512i four = _mm512_broadcast_i32x4(_mm_set_epi64x(4ll << 56, 0));
	__m512i number = _mm512_set_epi64(3ll << 56, 0, 2ll << 56, 0, 1ll << 56, 0, 0, 0);
	__m512i base = _mm512_broadcast_i32x4(load(round[0])), x[PART], key;

	for (size_t at = 0; at < len; at += 64 * PART) {
		FOG_UNROLL
		for (unsigned k = 0; k < PART; k++) {
			x[k] = _mm512_xor_si512(base, number);
			number = _mm512_add_epi64(number, four);
		}
		FOG_UNROLL
		for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++) {
			key = _mm512_broadcast_i32x4(load(round[r]));
			FOG_UNROLL
			for (unsigned k = 0; k < PART; k++)
				x[k] = _mm512_aesenc_epi128(x[k], key);
		}
		key = _mm512_broadcast_i32x4(load(round[FOG_AES128_ROUNDS]));
		FOG_UNROLL
		for (unsigned k = 0; k < PART; k++) {
			size_t left = FOG_MIN(len, at + 64 * k + 64) - FOG_MIN(len, at + 64 * k);
			__mmask64 m = left == 64 ? ~0ull : (1ull << left) - 1;
			u8 *p = job->data + at + 64 * k;
			__m512i v = _mm512_maskz_loadu_epi8(m, p);
			v = _mm512_xor_si512(v, _mm512_aesenclast_epi128(x[k], key));
			_mm512_mask_storeu_epi8(p, m, v);
		}
	}
}

FOG_VAES static void polyval_wide(const struct floor_job *job, size_t len)
{
	const __m512i zero = _mm512_setzero_si512();
	__m512i carry = zero;
	__m128i sum = _mm_setzero_si128();

	for (size_t at = 0; at < len; at += 256) {
		struct wide w = {zero, zero, zero};
		FOG_UNROLL
		for (unsigned k = 0; k < 4; k++) {
			size_t left = FOG_MIN(len, at + 64 * k + 64) - FOG_MIN(len, at + 64 * k);
			__mmask64 m = left == 64 ? ~0ull : (1ull << left) - 1;
			__m512i v = _mm512_maskz_loadu_epi8(m, job->data + at + 64 * k);
			wide_add(&w, _mm512_xor_si512(v, carry), job->key->hash_power[4 * k]);
			carry = zero;
		}
		sum = wide_reduce(&w);
		carry = _mm512_zextsi128_si512(sum);
	}
	store(job->data, _mm_xor_si128(sum, load(job->data)));
}

#else

static void ctr_wide(const struct floor_job *job, size_t len)
{
	FOG_UNREACHABLE();
}

static void polyval_wide(const struct floor_job *job, size_t len)
{
	FOG_UNREACHABLE();
}

#endif

/* Two batches would be too late, one job too soon: as our own step does. */
#define AHEAD 8

static inline __attribute__((always_inline)) void ask(const struct floor_job *jobs, unsigned i,
						      unsigned count, size_t from, size_t size)
{
	if (i + AHEAD >= count)
		return;
	for (size_t at = from; at < from + size; at += 64)
		__builtin_prefetch((const u8 *)jobs[i + AHEAD].key + at);
}

void floor_ctr(const struct floor_job *jobs, unsigned count, size_t len)
{
	static const u8 counter[16];

	for (unsigned i = 0; i < count; i++) {
		ask(jobs, i, count, offsetof(struct fog_uiv_key, right_round),
		    sizeof(jobs->key->right_round));
		if (wide_path())
			ctr_wide(&jobs[i], len);
		else
			fog_cipher->aes_ctr(jobs[i].key->right_round, FOG_AES128_ROUNDS, counter,
					    jobs[i].data, jobs[i].data, len);
	}
}

void floor_polyval(const struct floor_job *jobs, unsigned count, size_t len)
{
	for (unsigned i = 0; i < count; i++) {
		u8 acc[16] = {0};
		ask(jobs, i, count, 0, sizeof(jobs->key->hash_power));
		if (wide_path()) {
			polyval_wide(&jobs[i], len);
			continue;
		}
		fog_cipher->hash_update(jobs[i].key->hash_power, acc, jobs[i].data, len / 16);
		memcpy(jobs[i].data, acc, sizeof(acc));
	}
}
