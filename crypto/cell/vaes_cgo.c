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

/* Y_L and the key stream of the rest. Block n of X_R lies in lane n + 1 and has number n, which the
 * six clear bits of the counter hold. */
FOG_VAES INLINE void stream_xor(const struct fog_cgo_job *job, __m128i left, __m128i counter)
{
	const u8(*round)[16] = job->cgo->key.right_round;
	const __m512i four = _mm512_broadcast_i32x4(_mm_set_epi64x(4ll << 56, 0));
	__m512i number = _mm512_set_epi64(2ll << 56, 0, 1ll << 56, 0, 0, 0, 0, 0);
	__m512i base = _mm512_broadcast_i32x4(_mm_xor_si128(counter, load(round[0])));
	__m512i x[REGISTERS], key;

	x[0] = _mm512_xor_si512(base, number);
	number = _mm512_set_epi64(6ll << 56, 0, 5ll << 56, 0, 4ll << 56, 0, 3ll << 56, 0);
	FOG_UNROLL
	for (unsigned k = 1; k < REGISTERS; k++) {
		x[k] = _mm512_xor_si512(base, number);
		number = _mm512_add_epi64(number, four);
	}
	FOG_UNROLL
	for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++) {
		key = _mm512_broadcast_i32x4(load(round[r]));
		FOG_UNROLL
		for (unsigned k = 0; k < REGISTERS; k++)
			x[k] = _mm512_aesenc_epi128(x[k], key);
	}
	key = _mm512_broadcast_i32x4(load(round[FOG_AES128_ROUNDS]));
	FOG_UNROLL
	for (unsigned k = 0; k < REGISTERS; k++) {
		__m512i v = _mm512_xor_si512(body_load(job->body, k),
					     _mm512_aesenclast_epi128(x[k], key));
		if (k == 0)
			v = _mm512_inserti32x4(v, left, 0);
		if (k < REGISTERS - 1)
			_mm512_storeu_si512(job->body + 64 * k, v);
		else
			_mm512_mask_storeu_epi8(job->body + 64 * k, (1ull << LAST_BYTES) - 1, v);
	}
}

FOG_VAES INLINE void step_group(struct fog_cgo_job *jobs, unsigned width)
{
	__m128i hash[WIDTH], x[WIDTH], counter[WIDTH];

	hash_jobs(jobs, width, hash);
	FOG_UNROLL
	for (unsigned i = 0; i < width; i++)
		x[i] = _mm_xor_si128(_mm_xor_si128(hash[i], load(jobs[i].body)),
				     load(jobs[i].cgo->key.left_round[0]));
	FOG_UNROLL
	for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++) {
		FOG_UNROLL
		for (unsigned i = 0; i < width; i++)
			x[i] = _mm_aesenc_si128(x[i], load(jobs[i].cgo->key.left_round[r]));
	}
	FOG_UNROLL
	for (unsigned i = 0; i < width; i++) {
		x[i] = _mm_aesenclast_si128(x[i],
					    load(jobs[i].cgo->key.left_round[FOG_AES128_ROUNDS]));
		x[i] = _mm_xor_si128(x[i], hash[i]);
	}
	FOG_UNROLL
	for (unsigned i = 0; i < width; i++)
		counter[i] = _mm_andnot_si128(_mm_set_epi64x((FOG_UIV_SHORT_BLOCKS - 1ll) << 56, 0),
					      dot(load(jobs[i].cgo->key.right_hash), x[i]));
	for (unsigned i = 0; i < width; i++) {
		__m128i other = _mm_xor_si128(x[i], load(jobs[i].cgo->nonce));
		store(jobs[i].cgo->chain, x[i]);
		jobs[i].recognized = _mm_testz_si128(other, other);
		stream_xor(&jobs[i], x[i], counter[i]);
	}
}

/* The lines of a circuit that a step touches: powers and keys; nonce and chain. */
static inline void ask(const struct fog_cgo *cgo)
{
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

FOG_VAES void fog_vaes_cgo_many(struct fog_cgo_job *jobs, unsigned count)
{
	unsigned i = 0;

	for (unsigned k = 0; k < FOG_MIN(count, (unsigned)FOG_X86_AHEAD); k++)
		ask(jobs[k].cgo);
	while (i < count) {
		unsigned width = i + WIDTH <= count && apart(jobs + i) ? WIDTH : 1;
		for (unsigned k = i + FOG_X86_AHEAD; k < FOG_MIN(count, i + FOG_X86_AHEAD + width);
		     k++)
			ask(jobs[k].cgo);
		if (width == WIDTH)
			step_group(jobs + i, WIDTH);
		else
			step_group(jobs + i, 1);
		for (unsigned k = i; k < i + width; k++)
			if (jobs[k].recognized)
				fog_uiv_update(&jobs[k].cgo->key, jobs[k].cgo->nonce);
		i += width;
	}
}

#endif
