/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/curve only: points between memory, one after another, and lanes of eight. A row is
 * 64 bytes, eight words of one point; eight rows of eight points are transposed in registers, which
 * costs 24 shuffles - a gather of eight words costs more than that on AMD, and eight are needed. */
#ifndef FOG_CRYPTO_LANES_H
#define FOG_CRYPTO_LANES_H

#include "crypto/curve/edwards.h"
#include "crypto/curve/edwards8.h"
#include "crypto/curve/rows.h"

#if defined(__x86_64__)

_Static_assert(sizeof(struct fog_ge_niels) == 128, "two rows");

/* Word i of row j becomes word j of row i. */
FOG_IFMA_INLINE void lanes_transpose(__m512i r[8])
{
	__m512i t[8], u[8];

	FE_UNROLL
	for (unsigned i = 0; i < 8; i += 2) {
		t[i] = _mm512_unpacklo_epi64(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_epi64(r[i], r[i + 1]);
	}
	FE_UNROLL
	for (unsigned i = 0; i < 2; i++) {
		u[i] = _mm512_shuffle_i64x2(t[i], t[i + 2], 0x88);
		u[i + 2] = _mm512_shuffle_i64x2(t[i], t[i + 2], 0xdd);
		u[i + 4] = _mm512_shuffle_i64x2(t[i + 4], t[i + 6], 0x88);
		u[i + 6] = _mm512_shuffle_i64x2(t[i + 4], t[i + 6], 0xdd);
	}
	FE_UNROLL
	for (unsigned i = 0; i < 4; i++) {
		r[i] = _mm512_shuffle_i64x2(u[i], u[i + 4], 0x88);
		r[i + 4] = _mm512_shuffle_i64x2(u[i], u[i + 4], 0xdd);
	}
}

/* Row `row` of eight points. */
FOG_IFMA_INLINE void lanes_load_row(__m512i r[8], const void *const p[8], unsigned row)
{
	FE_UNROLL
	for (unsigned i = 0; i < 8; i++)
		r[i] = _mm512_load_si512((const u8 *)p[i] + 64 * row);
	lanes_transpose(r);
}

FOG_IFMA_INLINE void lanes_store_row(void *const p[8], unsigned row, __m512i r[8])
{
	lanes_transpose(r);
	FE_UNROLL
	for (unsigned i = 0; i < 8; i++)
		_mm512_store_si512((u8 *)p[i] + 64 * row, r[i]);
}

FOG_IFMA_INLINE void lanes_load_niels(struct fog_ge8_niels *n, const void *const p[8])
{
	__m512i a[8], b[8];

	lanes_load_row(a, p, 0);
	lanes_load_row(b, p, 1);
	n->ypx = (struct fe8){{a[0], a[1], a[2], a[3], a[4]}};
	n->ymx = (struct fe8){{a[5], a[6], a[7], b[0], b[1]}};
	n->t2d = (struct fe8){{b[2], b[3], b[4], b[5], b[6]}};
}

FOG_IFMA_INLINE void lanes_store_niels(void *const p[8], const struct fog_ge8_niels *n)
{
	__m512i a[8] = {n->ypx.l[0], n->ypx.l[1], n->ypx.l[2], n->ypx.l[3],
			n->ypx.l[4], n->ymx.l[0], n->ymx.l[1], n->ymx.l[2]};
	__m512i b[8] = {n->ymx.l[3], n->ymx.l[4], n->t2d.l[0], n->t2d.l[1],
			n->t2d.l[2], n->t2d.l[3], n->t2d.l[4], _mm512_setzero_si512()};

	lanes_store_row(p, 0, a);
	lanes_store_row(p, 1, b);
}

/* Four elements in three rows. */
FOG_IFMA_INLINE void lanes_load_row3(struct fe8 *w, struct fe8 *x, struct fe8 *y, struct fe8 *z,
				     const void *const p[8])
{
	__m512i a[8], b[8], c[8];

	lanes_load_row(a, p, 0);
	lanes_load_row(b, p, 1);
	lanes_load_row(c, p, 2);
	*w = (struct fe8){{a[0], a[1], a[2], a[3], a[4]}};
	*x = (struct fe8){{a[5], a[6], a[7], b[0], b[1]}};
	*y = (struct fe8){{b[2], b[3], b[4], b[5], b[6]}};
	*z = (struct fe8){{b[7], c[0], c[1], c[2], c[3]}};
}

FOG_IFMA_INLINE void lanes_store_row3(void *const p[8], const struct fe8 *w, const struct fe8 *x,
				      const struct fe8 *y, const struct fe8 *z)
{
	const __m512i zero = _mm512_setzero_si512();
	__m512i a[8] = {w->l[0], w->l[1], w->l[2], w->l[3], w->l[4], x->l[0], x->l[1], x->l[2]};
	__m512i b[8] = {x->l[3], x->l[4], y->l[0], y->l[1], y->l[2], y->l[3], y->l[4], z->l[0]};
	__m512i c[8] = {z->l[1], z->l[2], z->l[3], z->l[4], zero, zero, zero, zero};

	lanes_store_row(p, 0, a);
	lanes_store_row(p, 1, b);
	lanes_store_row(p, 2, c);
}

FOG_IFMA_INLINE void lanes_load_ext(struct fog_ge8_ext *e, const void *const p[8])
{
	lanes_load_row3(&e->x, &e->y, &e->z, &e->t, p);
}

FOG_IFMA_INLINE void lanes_store_ext(void *const p[8], const struct fog_ge8_ext *e)
{
	lanes_store_row3(p, &e->x, &e->y, &e->z, &e->t);
}

FOG_IFMA_INLINE void lanes_load_cached(struct fog_ge8_cached *c, const void *const p[8])
{
	lanes_load_row3(&c->ypx, &c->ymx, &c->z2, &c->t2d, p);
}

FOG_IFMA_INLINE void lanes_store_cached(void *const p[8], const struct fog_ge8_cached *c)
{
	lanes_store_row3(p, &c->ypx, &c->ymx, &c->z2, &c->t2d);
}

#endif
#endif
