/* SPDX-License-Identifier: BSD-3-Clause */
/* Each lane sums products of its own, with a table of multiples per point and one row of doublings
 * for all points of a pass. A lane takes its multiple by looking at all of them, under masks:
 * nothing is addressed by a scalar. */
#include "crypto/curve/ristretto_ifma.h"

#include "crypto/curve/ifma.h"
#include "crypto/curve/lanes.h"
#include "crypto/curve/window.h"
#include "crypto/mem.h"

#if defined(__x86_64__)

#define BITS    4
#define WINDOWS 64
#define TABLE   (1 << (BITS - 1))
/* Groups of eight points per pass, by the stack: 13 KiB each. */
#define GROUPS_MAX 8

struct group {
	struct fog_ge8_cached multiple[TABLE + 1];
	__m512i scalar[4]; /* offset, see window.h */
};

static const u64 curve_d[5] = {0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb,
			       0x52036cee2b6ff};

FOG_IFMA_INLINE void negate_where(struct fe8 *r, const struct fe8 *a, __mmask8 mask)
{
	struct fe8 zero, negative;

	fe8_set(&zero, 0);
	fe8_sub(&negative, &zero, a);
	*r = *a;
	fe8_select(r, &negative, mask);
}

FOG_IFMA_INLINE void words_gather(__m512i w[4], const u8 *const in[8])
{
	_Alignas(64) u64 word[4][8];

	for (unsigned k = 0; k < 8; k++)
		for (unsigned i = 0; i < 4; i++)
			word[i][k] = fog_load_u64(in[k] + 8 * i);
	for (unsigned i = 0; i < 4; i++)
		w[i] = _mm512_load_si512(word[i]);
}

FOG_IFMA static void ext_store(struct fog_ristretto *const out[8], const struct fog_ge8_ext *e)
{
	struct fog_ge_row3 row[8];
	void *at[8];

	for (unsigned k = 0; k < 8; k++)
		at[k] = &row[k];
	lanes_store_ext(at, e);
	for (unsigned k = 0; k < 8; k++)
		if (out[k] != NULL)
			lanes_get_ext(&out[k]->point, &row[k]);
	fog_wipe(row, sizeof(row));
}

/* RFC 9496 section 4.3.1, as fog_ristretto_decode(), twice eight. Returns the good ones. */
FOG_IFMA static void decode_lanes(struct fog_ge8_affine p[2], __mmask8 good[2],
				  const __m512i (*w)[4])
{
	struct fe8 s[2], u1[2], u2[2], v[2], one[2], under[2], root[2], t;

	for (unsigned j = 0; j < 2; j++) {
		fe8_set(&one[j], 1);
		fe8_from_words(&s[j], w[j]);
		fe8_sqr(&t, &s[j]);
		fe8_sub(&u1[j], &one[j], &t);
		fe8_add(&u2[j], &one[j], &t);
		fe8_sqr(&under[j], &u2[j]);
		fe8_sqr(&t, &u1[j]);
		fe8_constant(&v[j], curve_d);
		fe8_mul(&t, &t, &v[j]);
		fe8_add(&t, &t, &under[j]);
		negate_where(&v[j], &t, 0xff);
		fe8_mul(&under[j], &under[j], &v[j]);
	}
	fog_fe8_sqrt_ratio(root, good, one, under);
	for (unsigned j = 0; j < 2; j++) {
		negate_where(&root[j], &root[j], fe8_is_odd(&root[j]));
		fe8_mul(&p[j].x, &root[j], &u2[j]);
		fe8_mul(&t, &root[j], &p[j].x);
		fe8_mul(&t, &t, &v[j]);
		fe8_mul(&p[j].y, &t, &u1[j]);
		fe8_add(&t, &s[j], &s[j]);
		fe8_mul(&p[j].x, &p[j].x, &t);
		negate_where(&p[j].x, &p[j].x, fe8_is_odd(&p[j].x));
		fe8_mul(&t, &p[j].x, &p[j].y);
		good[j] &= fe8_is_encoded(&s[j], w[j]) & ~fe8_top_bit(w[j]) & ~fe8_is_odd(&s[j]);
		good[j] &= ~fe8_is_odd(&t) & ~fe8_is_zero(&p[j].y);
	}
}

FOG_IFMA void fog_ifma_ristretto_decode_many(struct fog_ge_niels *out, bool *good,
					     const u8 *const *in, unsigned count)
{
	for (unsigned first = 0; first < count; first += 16) {
		struct fog_ge_niels spare;
		struct fog_ge8_niels niels;
		struct fog_ge8_affine p[2];
		void *to[2][8];
		const u8 *from[8];
		__mmask8 mask[2];
		__m512i w[2][4];

		for (unsigned j = 0; j < 2; j++) {
			for (unsigned k = 0; k < 8; k++) {
				unsigned i = first + 8 * j + k;
				from[k] = in[i < count ? i : first];
				to[j][k] = i < count ? &out[i] : &spare;
			}
			words_gather(w[j], from);
		}
		decode_lanes(p, mask, (const __m512i(*)[4])w);
		for (unsigned j = 0; j < 2; j++) {
			fog_ge8_niels_from_affine(&niels, &p[j]);
			lanes_store_niels(to[j], &niels);
			for (unsigned k = 0; k < 8 && first + 8 * j + k < count; k++)
				good[first + 8 * j + k] = mask[j] >> k & 1;
		}
	}
}

/* Up to eight points and scalars; lanes past `count` hold zero times the identity. */
FOG_IFMA static void group_load(struct group *g, const struct fog_scalar *s,
				const struct fog_ristretto *p, unsigned count)
{
	struct fog_ge_row3 row[8] = {0};
	struct fog_ristretto identity;
	_Alignas(64) u64 word[4][8];
	struct fog_ge8_ext point;
	const void *at[8];
	struct fog_sc k;

	fog_ristretto_identity(&identity);
	for (unsigned i = 0; i < 8; i++) {
		fog_sc_load(&k, i < count ? s[i].byte : fog_scalar_zero.byte);
		fog_window_offset(&k, &k, BITS);
		for (unsigned j = 0; j < 4; j++)
			word[j][i] = k.w[j];
		memcpy(row[i].word, i < count ? &p[i] : &identity, sizeof(identity));
		at[i] = &row[i];
	}
	for (unsigned j = 0; j < 4; j++)
		g->scalar[j] = _mm512_load_si512(word[j]);
	lanes_load_ext(&point, at);
	fog_wipe(word, sizeof(word));
	fog_wipe(&k, sizeof(k));

	struct fog_ge8_ext multiple;
	fog_ge8_ext_zero(&multiple);
	fog_ge8_cached_from_ext(&g->multiple[0], &multiple);
	fog_ge8_cached_from_ext(&g->multiple[1], &point);
	for (unsigned j = 2; j <= TABLE; j++) {
		fog_ge8_add_cached(&point, &point, &g->multiple[1]);
		fog_ge8_cached_from_ext(&g->multiple[j], &point);
	}
}

/* Adds each lane's multiple by digit i of its scalar. */
FOG_IFMA static void group_add(struct fog_ge8_ext *sum, const struct group *g, unsigned i)
{
	__m512i d = _mm512_srl_epi64(g->scalar[i / 16], _mm_cvtsi32_si128((int)(4 * (i % 16))));
	struct fog_ge8_cached term = g->multiple[0];
	__m512i size;

	d = _mm512_and_si512(d, _mm512_set1_epi64((1 << BITS) - 1));
	d = _mm512_sub_epi64(d, _mm512_set1_epi64(TABLE));
	size = _mm512_abs_epi64(d);
	for (unsigned j = 1; j <= TABLE; j++) {
		__mmask8 here = _mm512_cmpeq_epi64_mask(size, _mm512_set1_epi64(j));
		fe8_select(&term.ypx, &g->multiple[j].ypx, here);
		fe8_select(&term.ymx, &g->multiple[j].ymx, here);
		fe8_select(&term.z2, &g->multiple[j].z2, here);
		fe8_select(&term.t2d, &g->multiple[j].t2d, here);
	}
	fog_ge8_cached_negate(&term, _mm512_movepi64_mask(d));
	fog_ge8_add_cached(sum, sum, &term);
}

/* Each lane: the sum of its products over the groups. */
FOG_IFMA static void pass(struct fog_ge8_ext *sum, const struct group *g, unsigned groups)
{
	fog_ge8_ext_zero(sum);
	for (unsigned i = WINDOWS; i-- > 0;) {
		fog_ge8_double(sum, sum, BITS);
		for (unsigned k = 0; k < groups; k++)
			group_add(sum, &g[k], i);
	}
}

FOG_IFMA void fog_ifma_ristretto_msm(struct fog_ristretto *out, const struct fog_scalar *s,
				     const struct fog_ristretto *p, unsigned count)
{
	struct fog_ristretto lane[8], *to[8], total;
	struct group g[GROUPS_MAX];
	struct fog_ge8_ext sum;

	for (unsigned k = 0; k < 8; k++)
		to[k] = &lane[k];
	fog_ristretto_identity(&total);
	for (unsigned first = 0; first < count; first += 8 * GROUPS_MAX) {
		unsigned here = FOG_MIN(count - first, 8 * GROUPS_MAX), groups = (here + 7) / 8;
		for (unsigned k = 0; k < groups; k++)
			group_load(&g[k], s + first + 8 * k, p + first + 8 * k,
				   FOG_MIN(here - 8 * k, 8));
		pass(&sum, g, groups);
		ext_store(to, &sum);
		for (unsigned k = 0; k < 8; k++)
			fog_ristretto_add(&total, &total, &lane[k]);
	}
	*out = total;
	fog_wipe(g, sizeof(g));
	fog_wipe(&sum, sizeof(sum));
	fog_wipe(lane, sizeof(lane));
}

#else

void fog_ifma_ristretto_decode_many(struct fog_ge_niels *out, bool *good, const u8 *const *in,
				    unsigned count)
{
	FOG_UNREACHABLE();
}

void fog_ifma_ristretto_msm(struct fog_ristretto *out, const struct fog_scalar *s,
			    const struct fog_ristretto *p, unsigned count)
{
	FOG_UNREACHABLE();
}

#endif
