/* SPDX-License-Identifier: BSD-3-Clause */
/* Decoding and independent signature checks, one per lane. */
#include "crypto/curve/ifma.h"

#include "crypto/curve/lanes.h"
#include "crypto/curve/window.h"

#if defined(__x86_64__)

/* Signed windows of five bits: 51 of them hold a scalar below 2^253 and its carry. */
#define BITS    5
#define WINDOWS 51
#define TABLE   (1 << (BITS - 1)) /* multiples 1 to 16 */
_Static_assert(TABLE <= FOG_GE_BASE_MULTIPLES, "base point");

FOG_IFMA_INLINE void words_gather(__m512i w[4], const u8 *const in[8])
{
	_Alignas(64) u64 word[4][8];

	for (unsigned k = 0; k < 8; k++)
		for (unsigned i = 0; i < 4; i++)
			word[i][k] = fog_load_u64(in[k] + 8 * i);
	for (unsigned i = 0; i < 4; i++)
		w[i] = _mm512_load_si512(word[i]);
}

/* Decodes up to sixteen. */
FOG_IFMA static void decode_some(struct fog_ge_niels *out, bool *good, const u8 *const *in,
				 unsigned count)
{
	struct fog_ge8_affine p[2];
	struct fog_ge_niels spare;
	struct fog_ge8_niels r;
	const u8 *from[8];
	__mmask8 mask[2];
	__m512i w[2][4];
	void *to[8];

	for (unsigned j = 0; j < 2; j++) {
		for (unsigned k = 0; k < FE8_LANES; k++)
			from[k] = in[8 * j + k < count ? 8 * j + k : 0];
		words_gather(w[j], from);
	}
	fog_ge8_decode(p, mask, (const __m512i(*)[4])w);
	for (unsigned j = 0; j < 2; j++) {
		for (unsigned k = 0; k < FE8_LANES; k++)
			to[k] = 8 * j + k < count ? &out[8 * j + k] : &spare;
		fog_ge8_niels_from_affine(&r, &p[j]);
		lanes_store_niels(to, &r);
		for (unsigned k = 0; k < FE8_LANES && 8 * j + k < count; k++)
			good[8 * j + k] = mask[j] >> k & 1;
	}
}

FOG_IFMA void fog_ifma_decode_many(struct fog_ge_niels *out, bool *good, const u8 *const *in,
				   unsigned count)
{
	for (unsigned i = 0; i < count; i += 2 * FE8_LANES)
		decode_some(out + i, good + i, in + i, FOG_MIN(count - i, 2 * FE8_LANES));
}

/* A lane's key, ready for windows: multiples 0 to 16. */
struct check {
	struct fog_ge_row3 multiple[FE8_LANES][TABLE + 1];
	__m512i base[2][15]; /* word i of multiples 1 to 8, 9 to 16 of the base point */
	__m512i s[4], k[4];  /* offset, see window.h */
};

FOG_IFMA static void scalars_load(__m512i w[4], const struct fog_sc *scalar, const unsigned lane[8])
{
	_Alignas(64) u64 word[4][8];
	struct fog_sc t;

	for (unsigned k = 0; k < FE8_LANES; k++) {
		fog_window_offset(&t, &scalar[lane[k]], BITS);
		for (unsigned i = 0; i < 4; i++)
			word[i][k] = t.w[i];
	}
	for (unsigned i = 0; i < 4; i++)
		w[i] = _mm512_load_si512(word[i]);
}

FOG_IFMA static void base_load(struct check *c)
{
	for (unsigned half = 0; half < 2; half++) {
		const void *p[8];
		struct fog_ge8_niels n;
		for (unsigned k = 0; k < 8; k++)
			p[k] = &fog_ge_base_multiple[8 * half + k];
		lanes_load_niels(&n, p);
		memcpy(c->base[half], &n, sizeof(c->base[half]));
	}
}
_Static_assert(sizeof(struct fog_ge8_niels) == 15 * sizeof(__m512i), "order of words");

FOG_IFMA static void multiples_store(struct check *c, unsigned multiple,
				     const struct fog_ge8_cached *cached)
{
	void *p[8];

	for (unsigned k = 0; k < FE8_LANES; k++)
		p[k] = &c->multiple[k][multiple];
	lanes_store_cached(p, cached);
}

/* Multiples of -A. */
FOG_IFMA static void multiples_make(struct check *c, struct fog_ge8_niels *a)
{
	struct fog_ge8_cached cached;
	struct fog_ge8_ext p;

	fog_ge8_niels_negate(a, 0xff);
	fog_ge8_ext_zero(&p);
	for (unsigned i = 0; i <= TABLE; i++) {
		fog_ge8_cached_from_ext(&cached, &p);
		multiples_store(c, i, &cached);
		fog_ge8_add_niels(&p, &p, a);
	}
}

/* Digit i of every lane. */
FOG_IFMA_INLINE __m512i digits(const __m512i w[4], unsigned i)
{
	unsigned at = i * BITS, word = at / 64, shift = at % 64;
	__m512i v = _mm512_srl_epi64(w[word], _mm_cvtsi32_si128((int)shift));

	if (shift + BITS > 64)
		v = _mm512_or_si512(
			v, _mm512_sll_epi64(w[word + 1], _mm_cvtsi32_si128((int)(64 - shift))));
	v = _mm512_and_si512(v, _mm512_set1_epi64((1 << BITS) - 1));
	return _mm512_sub_epi64(v, _mm512_set1_epi64(1 << (BITS - 1)));
}

FOG_IFMA static void add_key(struct fog_ge8_ext *sum, const struct check *c, unsigned i)
{
	__m512i d = digits(c->k, i);
	__mmask8 negative = _mm512_movepi64_mask(d);
	struct fog_ge8_cached cached;
	_Alignas(64) u64 index[8];
	const void *p[8];

	_mm512_store_si512(index, _mm512_abs_epi64(d));
	for (unsigned k = 0; k < FE8_LANES; k++)
		p[k] = &c->multiple[k][index[k]];
	lanes_load_cached(&cached, p);
	fog_ge8_cached_negate(&cached, negative);
	fog_ge8_add_cached(sum, sum, &cached);
}

FOG_IFMA static void add_base(struct fog_ge8_ext *sum, const struct check *c, unsigned i)
{
	__m512i d = digits(c->s, i), size = _mm512_abs_epi64(d);
	__mmask8 negative = _mm512_movepi64_mask(d), some = _mm512_test_epi64_mask(d, d);
	__m512i index = _mm512_sub_epi64(size, _mm512_set1_epi64(1)), word[15];
	const __m512i one = _mm512_set1_epi64(1);
	struct fog_ge8_niels n;

	for (unsigned j = 0; j < 15; j++)
		word[j] =
			_mm512_maskz_permutex2var_epi64(some, c->base[0][j], index, c->base[1][j]);
	memcpy(&n, word, sizeof(n));
	n.ypx.l[0] = _mm512_mask_mov_epi64(one, some, n.ypx.l[0]);
	n.ymx.l[0] = _mm512_mask_mov_epi64(one, some, n.ymx.l[0]);
	fog_ge8_niels_negate(&n, negative);
	fog_ge8_add_niels(sum, sum, &n);
}

/* The lanes whose equation holds; point and scalars by `lane`. */
FOG_IFMA static __mmask8 check_eight(struct check *c, const struct fog_ge_niels *point,
				     const struct fog_sc *s, const struct fog_sc *k,
				     const unsigned lane[8])
{
	const void *a_at[8], *r_at[8];
	struct fog_ge8_niels n;
	struct fog_ge8_ext sum;

	for (unsigned i = 0; i < FE8_LANES; i++) {
		a_at[i] = &point[2 * lane[i]];
		r_at[i] = &point[2 * lane[i] + 1];
	}
	scalars_load(c->s, s, lane);
	scalars_load(c->k, k, lane);
	lanes_load_niels(&n, a_at);
	multiples_make(c, &n);
	fog_ge8_ext_zero(&sum);
	for (unsigned i = WINDOWS; i-- > 0;) {
		fog_ge8_double(&sum, &sum, BITS);
		add_key(&sum, c, i);
		add_base(&sum, c, i);
	}
	lanes_load_niels(&n, r_at);
	fog_ge8_niels_negate(&n, 0xff);
	fog_ge8_add_niels(&sum, &sum, &n);
	fog_ge8_double(&sum, &sum, 3);
	return fog_ge8_is_zero(&sum);
}

FOG_IFMA void fog_ifma_check_many(bool *good, const struct fog_ge_niels *point,
				  const struct fog_sc *s, const struct fog_sc *k, unsigned count)
{
	struct check c;

	if (count == 0)
		return;
	base_load(&c);
	for (unsigned first = 0; first < count; first += FE8_LANES) {
		unsigned n = FOG_MIN(count - first, FE8_LANES), lane[8];
		for (unsigned i = 0; i < FE8_LANES; i++)
			lane[i] = first + (i < n ? i : 0);
		__mmask8 mask = check_eight(&c, point, s, k, lane);
		for (unsigned i = 0; i < n; i++)
			good[first + i] = mask >> i & 1;
	}
}

#endif
