/* SPDX-License-Identifier: BSD-3-Clause */
/* The VAES, VPCLMULQDQ and AVX-512 path: four blocks to a register, four jobs side by side, because
 * the steps of one job (hash, one block, one product, key stream) wait for each other.
 *
 *	hash	16 products to a reduction: [9 zero | tweak | X_R 0..5], then 5 x 16 blocks of X_R
 *	stream	22 registers of counters, 11 at a time; the last one is half used */
#include "crypto/cell/cipher.h"

#include "crypto/cell/cell.h"
#include "crypto/hash/blake2x.h"
#include "crypto/hash/sha256_lanes.h"

#if defined(__x86_64__)

#include "crypto/cell/x86_wide.h"
#include "crypto/gcm/gcm.h"

#include <cpuid.h>

#define WIDTH       4 /* jobs side by side */
#define HASH_GROUPS 5 /* of 16 blocks, after the first */
#define HASH_FIRST  6 /* blocks of X_R in the first group */
#define STREAM_ZMM  22
#define STREAM_PART 11
#define LAST_QWORDS 0x0f /* of the last register: two blocks */
_Static_assert((HASH_FIRST + HASH_GROUPS * FOG_UIV_POWERS) * 16 == FOG_ONION_RIGHT_SIZE, "hash");
_Static_assert(STREAM_ZMM * 64 - 32 == FOG_ONION_RIGHT_SIZE, "stream");
_Static_assert(STREAM_ZMM % STREAM_PART == 0, "stream");
_Static_assert(STREAM_PART == FOG_AES128_ROUNDS + 1, "a step of the hash for each round key");

/* CPUID leaf 7: __builtin_cpu_supports() of clang 14 does not know the last two. That the operating
 * system keeps 512-bit registers is part of what it says of avx512f. */
static bool supported(void)
{
	const unsigned wanted = bit_VAES | bit_VPCLMULQDQ;
	unsigned a, b, c, d;

	return fog_cipher_aesni.supported() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512dq") && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
	       (c & wanted) == wanted;
}

/* L of each job: POLYVAL of its tweak and the right part at right[i]. */
FOG_VAES static inline __attribute__((always_inline)) void hash_jobs(
	const struct fog_cell_job *jobs, const u8 *const *right, unsigned width, __m128i *left)
{
	struct wide w[WIDTH];

	FOG_UNROLL
	for (unsigned i = 0; i < width; i++) {
		const u8(*power)[16] = jobs[i].key->uiv.hash_power;
		__m256i first =
			_mm256_inserti128_si256(_mm256_setzero_si256(), tweak_block(&jobs[i]), 1);
		__m512i zero = _mm512_setzero_si512();
		w[i] = (struct wide){zero, zero, zero};
		wide_add(&w[i],
			 _mm512_inserti64x4(_mm512_castsi256_si512(first),
					    _mm256_loadu_si256((const __m256i *)right[i]), 1),
			 power[8]);
		wide_add(&w[i], _mm512_loadu_si512(right[i] + 32), power[12]);
	}
	for (unsigned group = 0; group < HASH_GROUPS; group++) {
		FOG_UNROLL
		for (unsigned i = 0; i < width; i++) {
			const u8(*power)[16] = jobs[i].key->uiv.hash_power;
			const u8 *at = right[i] + HASH_FIRST * 16 + group * 256;
			__m512i zero = _mm512_setzero_si512();
			__m512i carry = _mm512_zextsi128_si512(wide_reduce(&w[i]));
			w[i] = (struct wide){zero, zero, zero};
			wide_add(&w[i], _mm512_loadu_si512(at + 64), power[4]);
			wide_add(&w[i], _mm512_loadu_si512(at + 128), power[8]);
			wide_add(&w[i], _mm512_loadu_si512(at + 192), power[12]);
			wide_add(&w[i], _mm512_xor_si512(carry, _mm512_loadu_si512(at)), power[0]);
		}
	}
	FOG_UNROLL
	for (unsigned i = 0; i < width; i++)
		left[i] = wide_reduce(&w[i]);
}

/* First counter of each job from the ciphertext's left block. */
FOG_VAES static inline __attribute__((always_inline)) void counter_jobs(
	const struct fog_cell_job *jobs, unsigned width, const __m128i *left, __m128i *counter)
{
	FOG_UNROLL
	for (unsigned i = 0; i < width; i++)
		counter[i] = counter_floor(dot(load(jobs[i].key->uiv.right_hash), left[i]));
}

/* The low 7 bits of the counter are clear, so block n's is the first one xor n in the last byte. */
FOG_VAES static inline void stream_xor(const struct fog_cell_job *job, __m128i counter)
{
	const u8(*round)[16] = job->key->uiv.right_round;
	const u8 *in = job->in + FOG_ONION_LEFT_SIZE;
	u8 *out = job->out + FOG_ONION_LEFT_SIZE;
	const __m512i four = _mm512_broadcast_i32x4(_mm_set_epi64x(4ll << 56, 0));
	__m512i number = _mm512_set_epi64(3ll << 56, 0, 2ll << 56, 0, 1ll << 56, 0, 0, 0);
	__m512i base = _mm512_broadcast_i32x4(_mm_xor_si128(counter, load(round[0])));
	__m512i x[STREAM_PART], key;

	for (unsigned part = 0; part < STREAM_ZMM; part += STREAM_PART) {
		FOG_UNROLL
		for (unsigned k = 0; k < STREAM_PART; k++) {
			x[k] = _mm512_xor_si512(base, number);
			number = _mm512_add_epi64(number, four);
		}
		for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++) {
			key = _mm512_broadcast_i32x4(load(round[r]));
			FOG_UNROLL
			for (unsigned k = 0; k < STREAM_PART; k++)
				x[k] = _mm512_aesenc_epi128(x[k], key);
		}
		key = _mm512_broadcast_i32x4(load(round[FOG_AES128_ROUNDS]));
		FOG_UNROLL
		for (unsigned k = 0; k < STREAM_PART; k++) {
			__mmask8 m = part + k == STREAM_ZMM - 1 ? LAST_QWORDS : 0xff;
			__m512i v = _mm512_maskz_loadu_epi64(m, in + (part + k) * 64);
			v = _mm512_xor_si512(v, _mm512_aesenclast_epi128(x[k], key));
			_mm512_mask_storeu_epi64(out + (part + k) * 64, m, v);
		}
	}
}

/* Y_L of each job from its hash, and the first counter. */
FOG_VAES static inline __attribute__((always_inline)) void left_jobs(
	const struct fog_cell_job *jobs, unsigned width, const __m128i *hash, __m128i *counter)
{
	__m128i x[WIDTH];

	FOG_UNROLL
	for (unsigned i = 0; i < width; i++)
		x[i] = _mm_xor_si128(_mm_xor_si128(hash[i], load(jobs[i].in)),
				     load(jobs[i].key->uiv.left_round[0]));
	FOG_UNROLL
	for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++) {
		FOG_UNROLL
		for (unsigned i = 0; i < width; i++)
			x[i] = _mm_aesenc_si128(x[i], load(jobs[i].key->uiv.left_round[r]));
	}
	FOG_UNROLL
	for (unsigned i = 0; i < width; i++) {
		x[i] = _mm_aesenclast_si128(x[i],
					    load(jobs[i].key->uiv.left_round[FOG_AES128_ROUNDS]));
		x[i] = _mm_xor_si128(x[i], hash[i]);
		store(jobs[i].out, x[i]);
	}
	counter_jobs(jobs, width, x, counter);
}

/* Steps 0 .. 21 of the hash of a job, each four products. */
FOG_VAES static inline __attribute__((always_inline)) void hash_step(const struct fog_cell_job *job,
								     unsigned step, struct wide *w)
{
	const u8(*power)[16] = job->key->uiv.hash_power;
	const u8 *right = job->in + FOG_ONION_LEFT_SIZE;
	const __m512i zero = _mm512_setzero_si512();
	__m512i carry = zero;

	if (step == 0) {
		__m256i first =
			_mm256_inserti128_si256(_mm256_setzero_si256(), tweak_block(job), 1);
		*w = (struct wide){zero, zero, zero};
		wide_add(w,
			 _mm512_inserti64x4(_mm512_castsi256_si512(first),
					    _mm256_loadu_si256((const __m256i *)right), 1),
			 power[8]);
		return;
	}
	if (step >= 2 && (step - 2) % 4 == 0) {
		carry = _mm512_zextsi128_si512(wide_reduce(w));
		*w = (struct wide){zero, zero, zero};
	}
	wide_add(w, _mm512_xor_si512(carry, _mm512_loadu_si512(right + 64 * step - 32)),
		 power[step == 1 ? 12 : (step - 2) % 4 * 4]);
}

/* The key stream of one job and, between its rounds, the hash of another: they use different units
 * of the CPU, whose window is too small to find that out by itself. Returns the hash. */
FOG_VAES static __m128i stream_and_hash(const struct fog_cell_job *job, __m128i counter,
					const struct fog_cell_job *other)
{
	const u8(*round)[16] = job->key->uiv.right_round;
	const u8 *in = job->in + FOG_ONION_LEFT_SIZE;
	u8 *out = job->out + FOG_ONION_LEFT_SIZE;
	const __m512i four = _mm512_broadcast_i32x4(_mm_set_epi64x(4ll << 56, 0));
	__m512i number = _mm512_set_epi64(3ll << 56, 0, 2ll << 56, 0, 1ll << 56, 0, 0, 0);
	__m512i base = _mm512_broadcast_i32x4(_mm_xor_si128(counter, load(round[0])));
	__m512i x[STREAM_PART], key;
	struct wide w;

	FOG_UNROLL
	for (unsigned part = 0; part < STREAM_ZMM; part += STREAM_PART) {
		FOG_UNROLL
		for (unsigned k = 0; k < STREAM_PART; k++) {
			x[k] = _mm512_xor_si512(base, number);
			number = _mm512_add_epi64(number, four);
		}
		hash_step(other, part, &w);
		FOG_UNROLL
		for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++) {
			key = _mm512_broadcast_i32x4(load(round[r]));
			FOG_UNROLL
			for (unsigned k = 0; k < STREAM_PART; k++)
				x[k] = _mm512_aesenc_epi128(x[k], key);
			hash_step(other, part + r, &w);
		}
		hash_step(other, part + FOG_AES128_ROUNDS, &w);
		key = _mm512_broadcast_i32x4(load(round[FOG_AES128_ROUNDS]));
		FOG_UNROLL
		for (unsigned k = 0; k < STREAM_PART; k++) {
			__m512i stream = _mm512_aesenclast_epi128(x[k], key);
			const u8 *from = in + (part + k) * 64;
			u8 *to = out + (part + k) * 64;
			if (part + k == STREAM_ZMM - 1)
				_mm512_mask_storeu_epi64(
					to, LAST_QWORDS,
					_mm512_xor_si512(
						_mm512_maskz_loadu_epi64(LAST_QWORDS, from),
						stream));
			else
				_mm512_storeu_si512(
					to, _mm512_xor_si512(_mm512_loadu_si512(from), stream));
		}
	}
	return wide_reduce(&w);
}

FOG_VAES static void encrypt_one(const struct fog_cell_job *job)
{
	const u8 *right = job->in + FOG_ONION_LEFT_SIZE;
	__m128i hash, counter;

	hash_jobs(job, &right, 1, &hash);
	left_jobs(job, 1, &hash, &counter);
	stream_xor(job, counter);
}

FOG_VAES static inline __attribute__((always_inline)) void decrypt_group(
	const struct fog_cell_job *jobs, unsigned width)
{
	__m128i hash[WIDTH], x[WIDTH], counter[WIDTH];
	const u8 *right[WIDTH];

	FOG_UNROLL
	for (unsigned i = 0; i < width; i++) {
		x[i] = load(jobs[i].in);
		right[i] = jobs[i].out + FOG_ONION_LEFT_SIZE;
	}
	counter_jobs(jobs, width, x, counter);
	for (unsigned i = 0; i < width; i++)
		stream_xor(&jobs[i], counter[i]);
	hash_jobs(jobs, right, width, hash);
	FOG_UNROLL
	for (unsigned i = 0; i < width; i++)
		x[i] = _mm_xor_si128(_mm_xor_si128(hash[i], x[i]),
				     load(jobs[i].key->uiv.left_round[FOG_AES128_ROUNDS]));
	for (unsigned r = FOG_AES128_ROUNDS - 1; r > 0; r--) {
		FOG_UNROLL
		for (unsigned i = 0; i < width; i++)
			x[i] = _mm_aesdec_si128(
				x[i], _mm_aesimc_si128(load(jobs[i].key->uiv.left_round[r])));
	}
	FOG_UNROLL
	for (unsigned i = 0; i < width; i++) {
		x[i] = _mm_aesdeclast_si128(x[i], load(jobs[i].key->uiv.left_round[0]));
		store(jobs[i].out, _mm_xor_si128(x[i], hash[i]));
	}
}

/* Four jobs at a time, and the hashes of the next four with the key streams of these. */
FOG_VAES static void encrypt_many(const struct fog_cell_job *jobs, unsigned count)
{
	__m128i hash[WIDTH], counter[WIDTH];
	const u8 *right[WIDTH];
	unsigned i = 0;

	for (unsigned k = 0; k < FOG_X86_AHEAD; k++)
		key_ask(jobs, k, count);
	if (count >= WIDTH) {
		for (unsigned k = 0; k < WIDTH; k++)
			right[k] = jobs[k].in + FOG_ONION_LEFT_SIZE;
		hash_jobs(jobs, right, WIDTH, hash);
		left_jobs(jobs, WIDTH, hash, counter);
	}
	for (; i + 2 * WIDTH <= count; i += WIDTH) {
		for (unsigned k = 0; k < WIDTH; k++) {
			key_ask(jobs, i + FOG_X86_AHEAD + k, count);
			hash[k] = stream_and_hash(&jobs[i + k], counter[k], &jobs[i + WIDTH + k]);
		}
		left_jobs(jobs + i + WIDTH, WIDTH, hash, counter);
	}
	if (count >= WIDTH)
		for (unsigned k = 0; k < WIDTH; k++, i++)
			stream_xor(&jobs[i], counter[k]);
	for (; i < count; i++)
		encrypt_one(&jobs[i]);
}

FOG_VAES static void decrypt_many(const struct fog_cell_job *jobs, unsigned count)
{
	unsigned i = 0;

	for (unsigned k = 0; k < FOG_X86_AHEAD; k++)
		key_ask(jobs, k, count);
	for (; i + WIDTH <= count; i += WIDTH) {
		for (unsigned k = 0; k < WIDTH; k++)
			key_ask(jobs, i + FOG_X86_AHEAD + k, count);
		decrypt_group(jobs + i, WIDTH);
	}
	for (; i < count; i++)
		decrypt_group(jobs + i, 1);
}

const struct fog_cipher fog_cipher_vaes = {
	.name = "vaes",
	.supported = supported,
	.aes_expand = fog_aesni_aes_expand,
	.aes_encrypt = fog_aesni_aes_encrypt,
	.aes_decrypt = fog_aesni_aes_decrypt,
	.aes_ctr = fog_aesni_aes_ctr,
	.aes_rounds = fog_aesni_aes_rounds,
	.sha256_sixteen = fog_sha256_sixteen,
	.blake2b_eight = fog_vaes_blake2b_eight,
	.hash_powers = fog_aesni_hash_powers,
	.hash_update = fog_aesni_hash_update,
	.hash_dot = fog_aesni_hash_dot,
	.encrypt_many = encrypt_many,
	.decrypt_many = decrypt_many,
	.cgo_many = fog_vaes_cgo_many,
	.gcm_many = fog_vaes_gcm_many,
};

#else

static bool supported(void)
{
	return false;
}

const struct fog_cipher fog_cipher_vaes = {.name = "vaes", .supported = supported};

#endif
