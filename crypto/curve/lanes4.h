/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/curve only: points between memory, as lanes.h has them, and lanes of four. In
 * memory an element is five limbs of 51 bits; a limb is two of those here. */
#ifndef FOG_CRYPTO_LANES4_H
#define FOG_CRYPTO_LANES4_H

#include "crypto/curve/edwards4.h"
#include "crypto/curve/rows.h"

#if defined(__x86_64__)

/* Words first to first + 3 of four points: word i of point j becomes word j of r[i]. */
FOG_AVX2_INLINE void lanes4_load_words(__m256i r[4], const void *const p[4], unsigned first)
{
	__m256i t[4], a[4];

	FE_UNROLL
	for (unsigned k = 0; k < 4; k++)
		a[k] = _mm256_load_si256((const __m256i *)((const u64 *)p[k] + first));
	t[0] = _mm256_unpacklo_epi64(a[0], a[1]);
	t[1] = _mm256_unpackhi_epi64(a[0], a[1]);
	t[2] = _mm256_unpacklo_epi64(a[2], a[3]);
	t[3] = _mm256_unpackhi_epi64(a[2], a[3]);
	r[0] = _mm256_permute2x128_si256(t[0], t[2], 0x20);
	r[1] = _mm256_permute2x128_si256(t[1], t[3], 0x20);
	r[2] = _mm256_permute2x128_si256(t[0], t[2], 0x31);
	r[3] = _mm256_permute2x128_si256(t[1], t[3], 0x31);
}

FOG_AVX2_INLINE void lanes4_unpack(struct fe4 *r, const __m256i limb[5])
{
	FE_UNROLL
	for (unsigned i = 0; i < 5; i++) {
		r->l[2 * i] = fe4_low(limb[i], 26);
		r->l[2 * i + 1] = _mm256_srli_epi64(limb[i], 26);
	}
}

FOG_AVX2_INLINE void lanes4_load_niels(struct fog_ge4_niels *n, const void *const p[4])
{
	__m256i w[16];

	FE_UNROLL
	for (unsigned i = 0; i < 16; i += 4)
		lanes4_load_words(w + i, p, i);
	lanes4_unpack(&n->ypx, w);
	lanes4_unpack(&n->ymx, w + 5);
	lanes4_unpack(&n->t2d, w + 10);
}

FOG_AVX2_INLINE void lanes4_load_cached(struct fog_ge4_cached *c, const void *const p[4])
{
	__m256i w[20];

	FE_UNROLL
	for (unsigned i = 0; i < 20; i += 4)
		lanes4_load_words(w + i, p, i);
	lanes4_unpack(&c->ypx, w);
	lanes4_unpack(&c->ymx, w + 5);
	lanes4_unpack(&c->z2, w + 10);
	lanes4_unpack(&c->t2d, w + 15);
}

/* Element `number` of four points. The loose limbs of here are not loose there: they are carried.
 */
FOG_AVX2_INLINE void lanes4_store(void *const p[4], unsigned number, const struct fe4 *a)
{
	_Alignas(32) u64 limb[FE4_LIMBS][FE4_LANES];

	for (unsigned i = 0; i < FE4_LIMBS; i++)
		_mm256_store_si256((__m256i *)limb[i], a->l[i]);
	for (unsigned k = 0; k < FE4_LANES; k++) {
		struct fe *to = (struct fe *)p[k] + number;
		for (unsigned i = 0; i < 5; i++)
			to->l[i] = limb[2 * i][k] + (limb[2 * i + 1][k] << 26);
		fe_carry(to);
	}
}

FOG_AVX2_INLINE void lanes4_store_niels(void *const p[4], const struct fog_ge4_niels *n)
{
	lanes4_store(p, 0, &n->ypx);
	lanes4_store(p, 1, &n->ymx);
	lanes4_store(p, 2, &n->t2d);
}

FOG_AVX2_INLINE void lanes4_store_cached(void *const p[4], const struct fog_ge4_cached *c)
{
	lanes4_store(p, 0, &c->ypx);
	lanes4_store(p, 1, &c->ymx);
	lanes4_store(p, 2, &c->z2);
	lanes4_store(p, 3, &c->t2d);
}

FOG_AVX2_INLINE void lanes4_store_ext(void *const p[4], const struct fog_ge4_ext *e)
{
	lanes4_store(p, 0, &e->x);
	lanes4_store(p, 1, &e->y);
	lanes4_store(p, 2, &e->z);
	lanes4_store(p, 3, &e->t);
}

#endif
#endif
