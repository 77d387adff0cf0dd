/* SPDX-License-Identifier: BSD-3-Clause */
/* The relay's step of Counter Galois Onion with VAES, VPCLMULQDQ and AVX-512, four circuits side by
 * side. A body is taken in eight registers as it lies, left block and all; what is hashed is the
 * tweak and X_R without a gap, so the same eight registers read from one byte before:
 *
 *	stream	X_L | X_R 0..47		X_R 48..111	..	the last 61 bytes
 *	hash	T' | command | X_R 0..46	X_R 47..110	..	the last 62 bytes */
#include "crypto/cell/cipher.h"

#if defined(__x86_64__)

#include "crypto/cell/cgo.h"
#include "crypto/cell/x86_wide.h"

#define INLINE static inline __attribute__((always_inline))

#define WIDTH      4 /* circuits side by side */
#define REGISTERS  8
#define LAST_BYTES (FOG_CGO_BODY_SIZE - 64 * (REGISTERS - 1))
_Static_assert(4 * REGISTERS == 2 * FOG_UIV_POWERS, "two groups");

FOG_VAES INLINE __m512i body_load(const u8 *body, unsigned k)
{
	if (k < REGISTERS - 1)
		return _mm512_loadu_si512(body + 64 * k);
	return _mm512_maskz_loadu_epi8((1ull << LAST_BYTES) - 1, body + 64 * k);
}

/* Four blocks of [T' | command | X_R], which lie where the body does, but for one byte. */
FOG_VAES INLINE __m512i hash_load(const struct fog_cgo_job *job, unsigned k)
{
	const u8 *at = job->body - 1 + 64 * k;
	__m512i v;

	if (k == REGISTERS - 1)
		return _mm512_maskz_loadu_epi8((1ull << (LAST_BYTES + 1)) - 1, at);
	if (k > 0)
		return _mm512_loadu_si512(at);
	v = _mm512_maskz_loadu_epi8(~0ull << 17, at);
	v = _mm512_inserti32x4(v, load(job->cgo->chain), 0);
	return _mm512_mask_set1_epi8(v, 1ull << 16, (char)job->command);
}

/* L of each circuit: 16 products to a reduction. */
FOG_VAES INLINE void hash_jobs(const struct fog_cgo_job *jobs, unsigned width, __m128i *left)
{
	__m512i carry[WIDTH];
	struct wide w[WIDTH];

	FOG_UNROLL
	for (unsigned i = 0; i < width; i++)
		carry[i] = _mm512_setzero_si512();
	FOG_UNROLL
	for (unsigned group = 0; group < REGISTERS; group += 4) {
		FOG_UNROLL
		for (unsigned i = 0; i < width; i++) {
			const u8(*power)[16] = jobs[i].cgo->key.hash_power;
			const __m512i zero = _mm512_setzero_si512();
			w[i] = (struct wide){zero, zero, zero};
			wide_add(&w[i], hash_load(&jobs[i], group + 1), power[4]);
			wide_add(&w[i], hash_load(&jobs[i], group + 2), power[8]);
			wide_add(&w[i], hash_load(&jobs[i], group + 3), power[12]);
			wide_add(&w[i], _mm512_xor_si512(carry[i], hash_load(&jobs[i], group)),
				 power[0]);
			left[i] = wide_reduce(&w[i]);
			carry[i] = _mm512_zextsi128_si512(left[i]);
		}
	}
}

/* Counters of a body under the first round key. Block n of X_R lies in lane n + 1 and has number n,
 * which the six clear bits of the counter hold. */
FOG_VAES INLINE void stream_begin(const struct fog_cgo_job *job, __m128i counter, __m512i *x)
{
	const __m512i four = _mm512_broadcast_i32x4(_mm_set_epi64x(4ll << 56, 0));
	__m512i number = _mm512_set_epi64(2ll << 56, 0, 1ll << 56, 0, 0, 0, 0, 0);
	__m512i base =
		_mm512_broadcast_i32x4(_mm_xor_si128(counter, load(job->cgo->key.right_round[0])));

	x[0] = _mm512_xor_si512(base, number);
	number = _mm512_set_epi64(6ll << 56, 0, 5ll << 56, 0, 4ll << 56, 0, 3ll << 56, 0);
	FOG_UNROLL
	for (unsigned k = 1; k < REGISTERS; k++) {
		x[k] = _mm512_xor_si512(base, number);
		number = _mm512_add_epi64(number, four);
	}
}

FOG_VAES INLINE void stream_end(const struct fog_cgo_job *job, __m128i left, __m512i *x)
{
	const __mmask64 last = (1ull << LAST_BYTES) - 1;
	__m512i key = _mm512_broadcast_i32x4(load(job->cgo->key.right_round[FOG_AES128_ROUNDS]));

	FOG_UNROLL
	for (unsigned k = 0; k < REGISTERS; k++) {
		__m512i v = _mm512_xor_si512(body_load(job->body, k),
					     _mm512_aesenclast_epi128(x[k], key));
		if (k == 0)
			v = _mm512_inserti32x4(v, left, 0);
		if (k < REGISTERS - 1)
			_mm512_storeu_si512(job->body + 64 * k, v);
		else
			_mm512_mask_storeu_epi8(job->body + 64 * k, last, v);
	}
}

/* The key stream of one job and, between its rounds, the hash of another: they use different units
 * of the CPU, whose window is too small to find that out by itself. Returns the hash. */
FOG_VAES static __m128i stream_and_hash(const struct fog_cgo_job *job, __m128i left,
					__m128i counter, const struct fog_cgo_job *other)
{
	const u8(*round)[16] = job->cgo->key.right_round;
	const u8(*power)[16] = other->cgo->key.hash_power;
	const __m512i zero = _mm512_setzero_si512();
	struct wide w = {zero, zero, zero};
	__m512i x[REGISTERS], key;

	stream_begin(job, counter, x);
	FOG_UNROLL
	for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++) {
		key = _mm512_broadcast_i32x4(load(round[r]));
		FOG_UNROLL
		for (unsigned k = 0; k < REGISTERS; k++)
			x[k] = _mm512_aesenc_epi128(x[k], key);
		if (r <= REGISTERS) {
			__m512i v = hash_load(other, r - 1);
			if (r == 5) {
				v = _mm512_xor_si512(v, _mm512_zextsi128_si512(wide_reduce(&w)));
				w = (struct wide){zero, zero, zero};
			}
			wide_add(&w, v, power[(r - 1) % 4 * 4]);
		}
	}
	stream_end(job, left, x);
	return wide_reduce(&w);
}

/* Y_L of each circuit from its hash, kept as T', and the first counter. */
FOG_VAES INLINE void left_jobs(struct fog_cgo_job *jobs, unsigned width, const __m128i *hash,
			       __m128i *left, __m128i *counter)
{
	FOG_UNROLL
	for (unsigned i = 0; i < width; i++)
		left[i] = _mm_xor_si128(_mm_xor_si128(hash[i], load(jobs[i].body)),
					load(jobs[i].cgo->key.left_round[0]));
	FOG_UNROLL
	for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++) {
		FOG_UNROLL
		for (unsigned i = 0; i < width; i++)
			left[i] = _mm_aesenc_si128(left[i], load(jobs[i].cgo->key.left_round[r]));
	}
	FOG_UNROLL
	for (unsigned i = 0; i < width; i++) {
		left[i] = _mm_aesenclast_si128(
			left[i], load(jobs[i].cgo->key.left_round[FOG_AES128_ROUNDS]));
		left[i] = _mm_xor_si128(left[i], hash[i]);
	}
	FOG_UNROLL
	for (unsigned i = 0; i < width; i++) {
		__m128i other = _mm_xor_si128(left[i], load(jobs[i].cgo->nonce));
		counter[i] = _mm_andnot_si128(_mm_set_epi64x((FOG_UIV_SHORT_BLOCKS - 1ll) << 56, 0),
					      dot(load(jobs[i].cgo->key.right_hash), left[i]));
		store(jobs[i].cgo->chain, left[i]);
		jobs[i].recognized = _mm_testz_si128(other, other);
	}
}

FOG_VAES INLINE void stream_xor(const struct fog_cgo_job *job, __m128i left, __m128i counter)
{
	__m512i x[REGISTERS], key;

	stream_begin(job, counter, x);
	FOG_UNROLL
	for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++) {
		key = _mm512_broadcast_i32x4(load(job->cgo->key.right_round[r]));
		FOG_UNROLL
		for (unsigned k = 0; k < REGISTERS; k++)
			x[k] = _mm512_aesenc_epi128(x[k], key);
	}
	stream_end(job, left, x);
}

/* A recognized cell gives its circuit new keys, once its key stream is through. */
static inline bool update(struct fog_cgo_job *jobs, unsigned count)
{
	bool any = false;

	for (unsigned k = 0; k < count; k++)
		any |= jobs[k].recognized;
	for (unsigned k = 0; any && k < count; k++)
		if (jobs[k].recognized)
			fog_uiv_update(&jobs[k].cgo->key, jobs[k].cgo->nonce);
	return any;
}

FOG_VAES static void step_one(struct fog_cgo_job *job)
{
	__m128i hash, left, counter;

	hash_jobs(job, 1, &hash);
	left_jobs(job, 1, &hash, &left, &counter);
	stream_xor(job, left, counter);
	(void)update(job, 1);
}

/* The lines of a circuit that a step touches: powers and keys; nonce and chain. */
static inline __attribute__((always_inline)) void ask(const struct fog_cgo_job *jobs, unsigned i,
						      unsigned count)
{
	if (i >= count)
		return;
	const struct fog_cgo *cgo = jobs[i].cgo;
	const u8 *at = (const u8 *)cgo;

	for (size_t line = 0; line <= offsetof(struct fog_cgo, key.right_hash) / 64; line++)
		__builtin_prefetch(at + 64 * line);
	__builtin_prefetch(cgo->nonce, 1);
}

static inline bool apart(const struct fog_cgo_job *jobs)
{
	const struct fog_cgo *a = jobs[0].cgo, *b = jobs[1].cgo, *c = jobs[2].cgo, *d = jobs[3].cgo;

	return a != b && a != c && a != d && b != c && b != d && c != d;
}

static inline bool full(const struct fog_cgo_job *jobs, unsigned i, unsigned count)
{
	return i + WIDTH <= count && apart(jobs + i);
}

/* From group i on, four circuits at a time, and the hashes of the next four with the key streams of
 * these, as long as groups are full. Returns where it ended. */
FOG_VAES static unsigned step_groups(struct fog_cgo_job *jobs, unsigned i, unsigned count)
{
	__m128i hash[WIDTH], left[WIDTH], counter[WIDTH];

	hash_jobs(jobs + i, WIDTH, hash);
	left_jobs(jobs + i, WIDTH, hash, left, counter);
	for (;; i += WIDTH) {
		struct fog_cgo_job *next = jobs + i + WIDTH;
		bool recognized = false;
		for (unsigned k = 0; k < WIDTH; k++)
			recognized |= jobs[i + k].recognized;
		if (recognized || !full(jobs, i + WIDTH, count))
			break;
		for (unsigned k = 0; k < WIDTH; k++) {
			ask(jobs, i + FOG_X86_AHEAD + k, count);
			hash[k] = stream_and_hash(&jobs[i + k], left[k], counter[k], &next[k]);
		}
		left_jobs(next, WIDTH, hash, left, counter);
	}
	for (unsigned k = 0; k < WIDTH; k++)
		stream_xor(&jobs[i + k], left[k], counter[k]);
	(void)update(jobs + i, WIDTH);
	return i + WIDTH;
}

FOG_VAES void fog_vaes_cgo_many(struct fog_cgo_job *jobs, unsigned count)
{
	for (unsigned k = 0; k < FOG_X86_AHEAD; k++)
		ask(jobs, k, count);
	for (unsigned i = 0; i < count;) {
		if (full(jobs, i, count)) {
			i = step_groups(jobs, i, count);
		} else {
			step_one(&jobs[i]);
			i++;
		}
	}
}

#endif
