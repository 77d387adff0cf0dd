/* SPDX-License-Identifier: BSD-3-Clause */
/* The curve path of CPUs with AVX2 but no IFMA: X25519, decoding and sums of points with
 * tables in four lanes. Other sums are not faster in them: a product of four lanes takes as long as
 * two and a half alone, and one by one sparse digits need a quarter fewer additions. */
#include "crypto/curve/curve.h"

#include "crypto/curve/known.h"
#include "crypto/curve/straus.h"
#include "crypto/curve/x25519.h"
#include "crypto/mem.h"

#include <errno.h>

#if defined(__x86_64__)

#include "crypto/curve/edwards4.h"
#include "crypto/curve/lanes4.h"

/* Groups of lanes that share one inversion, which alone is 9 % of the work. */
#define GROUPS_MAX 16
/* Lanes cost the same empty or full, and more than libsodium for fewer. */
#define LANES_MIN 3

/* x2/z2 and x3/z3 are the two neighbouring multiples of the point x1. */
struct ladder {
	struct fe4 x1, x2, z2, x3, z3;
	__m256i scalar[4];
};

/* As RFC 7748 section 5. */
FOG_AVX2 static void ladder_step(struct ladder *s)
{
	struct fe4 a, b, c, d, e;

	fe4_add_raw(&a, &s->x2, &s->z2);
	fe4_sub_raw(&b, &s->x2, &s->z2);
	fe4_add_raw(&c, &s->x3, &s->z3);
	fe4_sub_raw(&d, &s->x3, &s->z3);
	fe4_mul(&d, &d, &a);
	fe4_mul(&c, &c, &b);
	fe4_sqr(&a, &a);
	fe4_sqr(&b, &b);
	fe4_sub_raw(&e, &a, &b);
	fe4_add_raw(&s->x3, &d, &c);
	fe4_sub_raw(&s->z3, &d, &c);
	fe4_sqr(&s->x3, &s->x3);
	fe4_sqr(&s->z3, &s->z3);
	fe4_mul(&s->x2, &a, &b);
	fe4_mul_small_add(&b, &b, &e, 121666);
	fe4_mul(&s->z3, &s->z3, &s->x1);
	fe4_mul(&s->z2, &b, &e);
}

FOG_AVX2 static void ladder_run(struct ladder *s)
{
	const __m256i one = _mm256_set1_epi64x(1);
	__m256i last = _mm256_setzero_si256();

	for (int i = 254; i >= 0; i--) {
		__m256i bit = _mm256_srl_epi64(s->scalar[i >> 6], _mm_cvtsi32_si128(i & 63));
		__m256i now = _mm256_sub_epi64(_mm256_setzero_si256(), _mm256_and_si256(bit, one));
		__m256i differ = _mm256_xor_si256(now, last);
		fe4_swap(&s->x2, &s->x3, differ);
		fe4_swap(&s->z2, &s->z3, differ);
		last = now;
		ladder_step(s);
	}
	/* Clamping cleared bit 0: the last swap would exchange nothing. */
}

FOG_AVX2_INLINE __m256i words_load(const u8 (*in)[32], const unsigned *lane, unsigned i)
{
	return _mm256_set_epi64x((long long)fog_load_u64(in[lane[3]] + 8 * i),
				 (long long)fog_load_u64(in[lane[2]] + 8 * i),
				 (long long)fog_load_u64(in[lane[1]] + 8 * i),
				 (long long)fog_load_u64(in[lane[0]] + 8 * i));
}

FOG_AVX2 static void ladder_load(struct ladder *s, const u8 (*scalar)[32], const u8 (*point)[32],
				 const unsigned *lane)
{
	__m256i words[4];

	for (unsigned i = 0; i < 4; i++)
		words[i] = words_load(point, lane, i);
	fe4_from_words(&s->x1, words);
	for (unsigned i = 0; i < 4; i++)
		s->scalar[i] = words_load(scalar, lane, i);
	/* The clamp of RFC 7748 section 5; bit 255 is never looked at. */
	s->scalar[0] = _mm256_and_si256(s->scalar[0], _mm256_set1_epi64x(~7ll));
	s->scalar[3] = _mm256_or_si256(s->scalar[3], _mm256_set1_epi64x(1ll << 62));
	fe4_set(&s->x2, 1);
	fe4_set(&s->z2, 0);
	s->x3 = s->x1;
	fe4_set(&s->z3, 1);
}

FOG_AVX2 static void product(struct fe4 *r, const struct fe4 *a, const struct fe4 *b)
{
	fe4_mul(r, a, b);
}

/* Divides each x by its z with one inversion (Montgomery's trick). A zero z, which low-order points
 * give, would spoil its lane of every group: it counts as one, and x becomes zero instead. */
FOG_AVX2 static void divide_all(struct fe4 *x, struct fe4 *z, unsigned groups)
{
	struct fe4 before[GROUPS_MAX], zero, one, t;

	fe4_set(&zero, 0);
	fe4_set(&one, 1);
	for (unsigned g = 0; g < groups; g++) {
		__m256i is_zero = fe4_is_zero(&z[g]);
		fe4_select(&z[g], &one, is_zero);
		fe4_select(&x[g], &zero, is_zero);
		before[g] = one;
		if (g > 0)
			product(&before[g], &before[g - 1], &z[g - 1]);
	}
	product(&t, &before[groups - 1], &z[groups - 1]);
	fog_fe4_invert(&t, &t);
	for (unsigned g = groups; g-- > 0;) {
		product(&before[g], &before[g], &t);
		product(&x[g], &x[g], &before[g]);
		product(&t, &t, &z[g]);
	}
	fog_wipe(before, sizeof(before));
}

FOG_AVX2 static void results_store(u8 (*out)[32], int *result, const struct fe4 *x, unsigned count)
{
	u64 word[4][FE4_LANES];
	__m256i w[4];

	fe4_to_words(w, x);
	for (unsigned i = 0; i < 4; i++)
		_mm256_storeu_si256((__m256i *)word[i], w[i]);
	for (unsigned k = 0; k < count; k++) {
		for (unsigned i = 0; i < 4; i++)
			fog_store_u64(out[k] + 8 * i, word[i][k]);
		u64 any = word[0][k] | word[1][k] | word[2][k] | word[3][k];
		/* Without a branch: all ones when nothing is set. */
		result[k] = -EBADMSG & (int)(((any | -any) >> 63) - 1);
	}
	fog_wipe(word, sizeof(word));
	fog_wipe(w, sizeof(w));
}

/* Up to GROUPS_MAX groups of lanes. A last group with lanes to spare repeats its first one there.
 */
FOG_AVX2 static void x25519_groups(u8 (*out)[32], const u8 (*scalar)[32], const u8 (*point)[32],
				   int *result, unsigned count)
{
	unsigned groups = (count + FE4_LANES - 1) / FE4_LANES;
	struct fe4 x[GROUPS_MAX], z[GROUPS_MAX];
	struct ladder s;

	for (unsigned g = 0; g < groups; g++) {
		unsigned lane[FE4_LANES];
		for (unsigned k = 0; k < FE4_LANES; k++)
			lane[k] = g * FE4_LANES + (g * FE4_LANES + k < count ? k : 0);
		ladder_load(&s, scalar, point, lane);
		ladder_run(&s);
		x[g] = s.x2;
		z[g] = s.z2;
	}
	divide_all(x, z, groups);
	for (unsigned g = 0; g < groups; g++) {
		unsigned first = g * FE4_LANES;
		results_store(out + first, result + first, &x[g],
			      FOG_MIN(count - first, FE4_LANES));
	}
	fog_wipe(&s, sizeof(s));
	fog_wipe(x, sizeof(x));
	fog_wipe(z, sizeof(z));
}

static void x25519_many(u8 (*out)[32], const u8 (*scalar)[32], const u8 (*point)[32], int *result,
			unsigned count)
{
	while (count > 0) {
		unsigned n = FOG_MIN(count, GROUPS_MAX * FE4_LANES);
		if (n < LANES_MIN)
			fog_curve_portable.x25519_many(out, scalar, point, result, n);
		else
			x25519_groups(out, scalar, point, result, n);
		out += n;
		scalar += n;
		point += n;
		result += n;
		count -= n;
	}
}

/* Up to four. */
FOG_AVX2 static void decode_some(struct fog_ge_niels *out, bool *good, const u8 *const *in,
				 unsigned count)
{
	_Alignas(32) u64 word[4][FE4_LANES], mask[FE4_LANES];
	struct fog_ge4_affine p;
	struct fog_ge4_niels n;
	struct fog_ge_niels spare;
	__m256i w[1][4], ok;
	void *to[FE4_LANES];

	for (unsigned k = 0; k < FE4_LANES; k++) {
		for (unsigned i = 0; i < 4; i++)
			word[i][k] = fog_load_u64(in[k < count ? k : 0] + 8 * i);
		to[k] = k < count ? &out[k] : &spare;
	}
	for (unsigned i = 0; i < 4; i++)
		w[0][i] = _mm256_load_si256((const __m256i *)word[i]);
	fog_ge4_decode(&p, &ok, (const __m256i(*)[4])w);
	fog_ge4_niels_from_affine(&n, &p);
	lanes4_store_niels(to, &n);
	_mm256_store_si256((__m256i *)mask, ok);
	for (unsigned k = 0; k < count; k++)
		good[k] = mask[k] & 1;
}

/* One alone is faster without lanes. */
static void decode_many(struct fog_ge_niels *out, bool *good, const u8 *const *in, unsigned count)
{
	for (unsigned i = 0; i < count; i += FE4_LANES) {
		unsigned n = FOG_MIN(count - i, FE4_LANES);
		if (n == 1)
			fog_portable_decode_many(out + i, good + i, in + i, 1);
		else
			decode_some(out + i, good + i, in + i, n);
	}
}

static bool supported(void)
{
	return __builtin_cpu_supports("avx2");
}

const struct fog_curve fog_curve_avx2 = {
	.name = "avx2",
	.rank = 1,
	.supported = supported,
	.x25519_many = x25519_many,
	.digest_many = fog_portable_digest_many,
	.tag_many = fog_portable_tag_many,
	.decode_many = decode_many,
	.challenge_many = fog_portable_challenge_many,
	.check_many = fog_portable_check_many,
	.pair = fog_portable_pair,
	.known_many = fog_portable_known_many,
	.msm = fog_portable_msm,
	.msm_scratch_size = fog_portable_msm_scratch_size,
	.straus = fog_avx2_straus,
	.straus_scratch_size = fog_avx2_straus_scratch_size,
	.batch_min = 4,
};

#else

static bool supported(void)
{
	return false;
}

const struct fog_curve fog_curve_avx2 = {.name = "avx2", .rank = 1, .supported = supported};

#endif
