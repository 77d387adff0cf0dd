/* SPDX-License-Identifier: BSD-3-Clause */
/* X25519 in eight lanes: the Montgomery ladder of RFC 7748 section 5, one scalar and one point per
 * lane. */
#include "crypto/curve/ifma.h"

#include "crypto/curve/x25519.h"
#include "crypto/mem.h"

#include <errno.h>

#if defined(__x86_64__)

#include "crypto/curve/edwards8.h"

/* Groups of lanes that share one inversion: with eight it is 1 % of the work, alone 9 %. */
#define GROUPS_MAX 8

/* x2/z2 and x3/z3 are the two neighbouring multiples of the point x1. */
struct ladder {
	struct fe8 x1, x2, z2, x3, z3;
	__m512i scalar[4];
};

FOG_IFMA_INLINE __m512i words_load(const u8 (*in)[32], const unsigned *lane, unsigned i)
{
	u64 w[FE8_LANES];

	for (unsigned k = 0; k < FE8_LANES; k++)
		w[k] = fog_load_u64(in[lane[k]] + 8 * i);
	return _mm512_loadu_si512(w);
}

/* Products come in independent pairs, so that one fills the other's latency. */
FOG_IFMA_INLINE void ladder_step(struct ladder *s)
{
	struct fe8 a, b, c, d, e;

	fe8_add(&a, &s->x2, &s->z2);
	fe8_sub(&b, &s->x2, &s->z2);
	fe8_add(&c, &s->x3, &s->z3);
	fe8_sub(&d, &s->x3, &s->z3);
	fe8_mul(&d, &d, &a);
	fe8_mul(&c, &c, &b);
	fe8_sqr(&a, &a);
	fe8_sqr(&b, &b);
	fe8_sub(&e, &a, &b);
	fe8_add(&s->x3, &d, &c);
	fe8_sub(&s->z3, &d, &c);
	fe8_sqr(&s->x3, &s->x3);
	fe8_sqr(&s->z3, &s->z3);
	fe8_mul(&s->x2, &a, &b);
	fe8_mul_small_add(&b, &b, &e, 121666);
	fe8_mul(&s->z3, &s->z3, &s->x1);
	fe8_mul(&s->z2, &b, &e);
}

FOG_IFMA static void ladder_run(struct ladder *s)
{
	__mmask8 last = 0;

	for (int i = 254; i >= 0; i--) {
		__m512i bit = _mm512_set1_epi64((long long)(1ull << (i & 63)));
		__mmask8 now = _mm512_test_epi64_mask(s->scalar[i >> 6], bit);
		fe8_swap(&s->x2, &s->x3, now ^ last);
		fe8_swap(&s->z2, &s->z3, now ^ last);
		last = now;
		ladder_step(s);
	}
	/* Clamping cleared bit 0: the last swap would exchange nothing. */
}

FOG_IFMA static void ladder_load(struct ladder *s, const u8 (*scalar)[32], const u8 (*point)[32],
				 const unsigned *lane)
{
	__m512i words[4];

	for (unsigned i = 0; i < 4; i++)
		words[i] = words_load(point, lane, i);
	fe8_from_words(&s->x1, words);
	for (unsigned i = 0; i < 4; i++)
		s->scalar[i] = words_load(scalar, lane, i);
	/* The clamp of RFC 7748 section 5; bit 255 is never looked at. */
	s->scalar[0] = _mm512_and_si512(s->scalar[0], _mm512_set1_epi64(~7ll));
	s->scalar[3] = _mm512_or_si512(s->scalar[3], _mm512_set1_epi64(1ll << 62));
	fe8_set(&s->x2, 1);
	fe8_set(&s->z2, 0);
	s->x3 = s->x1;
	fe8_set(&s->z3, 1);
}

/* Divides each x by its z with one inversion (Montgomery's trick). A zero z, which low-order points
 * give, would spoil its lane of every group: it counts as one, and x becomes zero instead. */
FOG_IFMA static void divide_all(struct fe8 *x, struct fe8 *z, unsigned groups)
{
	struct fe8 before[GROUPS_MAX], zero, one, t;

	fe8_set(&zero, 0);
	fe8_set(&one, 1);
	for (unsigned g = 0; g < groups; g++) {
		__mmask8 is_zero = fe8_is_zero(&z[g]);
		fe8_select(&z[g], &one, is_zero);
		fe8_select(&x[g], &zero, is_zero);
		before[g] = one;
		if (g > 0)
			fe8_mul(&before[g], &before[g - 1], &z[g - 1]);
	}
	fe8_mul(&t, &before[groups - 1], &z[groups - 1]);
	fog_fe8_invert(&t, &t);
	for (unsigned g = groups; g-- > 0;) {
		fe8_mul(&before[g], &before[g], &t);
		fe8_mul(&x[g], &x[g], &before[g]);
		fe8_mul(&t, &t, &z[g]);
	}
	fog_wipe(before, sizeof(before));
}

FOG_IFMA static void results_store(u8 (*out)[32], int *result, const struct fe8 *x, unsigned count)
{
	u64 word[4][FE8_LANES];
	__m512i w[4];

	fe8_to_words(w, x);
	for (unsigned i = 0; i < 4; i++)
		_mm512_storeu_si512(word[i], w[i]);
	for (unsigned k = 0; k < count; k++) {
		for (unsigned i = 0; i < 4; i++)
			fog_store_u64(out[k] + 8 * i, word[i][k]);
		result[k] = (word[0][k] | word[1][k] | word[2][k] | word[3][k]) ? 0 : -EBADMSG;
	}
	fog_wipe(word, sizeof(word));
	fog_wipe(w, sizeof(w));
}

/* Up to GROUPS_MAX groups of lanes. A last group with lanes to spare repeats its first one there.
 */
FOG_IFMA static void x25519_groups(u8 (*out)[32], const u8 (*scalar)[32], const u8 (*point)[32],
				   int *result, unsigned count)
{
	unsigned groups = (count + FE8_LANES - 1) / FE8_LANES;
	struct fe8 x[GROUPS_MAX], z[GROUPS_MAX];
	struct ladder s;

	for (unsigned g = 0; g < groups; g++) {
		unsigned lane[FE8_LANES];
		for (unsigned k = 0; k < FE8_LANES; k++)
			lane[k] = g * FE8_LANES + (g * FE8_LANES + k < count ? k : 0);
		ladder_load(&s, scalar, point, lane);
		ladder_run(&s);
		x[g] = s.x2;
		z[g] = s.z2;
	}
	divide_all(x, z, groups);
	for (unsigned g = 0; g < groups; g++) {
		unsigned first = g * FE8_LANES;
		results_store(out + first, result + first, &x[g],
			      FOG_MIN(count - first, FE8_LANES));
	}
	fog_wipe(&s, sizeof(s));
	fog_wipe(x, sizeof(x));
	fog_wipe(z, sizeof(z));
}

void fog_ifma_x25519_many(u8 (*out)[32], const u8 (*scalar)[32], const u8 (*point)[32], int *result,
			  unsigned count)
{
	while (count > 0) {
		unsigned n = FOG_MIN(count, GROUPS_MAX * FE8_LANES);
		/* Lanes cost the same empty or full, and more than libsodium for one alone. */
		if (n == 1)
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

#endif
