/* SPDX-License-Identifier: BSD-3-Clause */
/* Two sums that share their scalars. Of one point the lanes would leave seven in eight idle, so
 * here they hold coordinates: X, Y, Z, T of the first point, then of the second, and the four
 * products of a step are one. The formulas are those of formulas.h. */
#include "crypto/curve/ifma.h"

#include "crypto/curve/edwards8.h"
#include "crypto/curve/window.h"

#if defined(__x86_64__)

/* Masks name lanes of both points, lane 0 of each lowest. */
#define LANE(i) (0x11 << (i))
/* Lane i of each point takes what lane number i of the list holds. */
#define TAKE(x, a, b, c, d) _mm512_permutex_epi64(x, _MM_SHUFFLE(d, c, b, a))

/* A point and its odd multiples 1, 3 .. 15 as Y - X, Y + X, 2dT, 2Z. */
struct pair_table {
	struct fe8 odd[FOG_NAF_TABLE];
};

static const u64 curve_2d[5] = {0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977,
				0x2406d9dc56dff};

/* Limb i of 2p. */
FOG_IFMA_INLINE __m512i bias(unsigned i)
{
	return _mm512_set1_epi64(2 * (i == 0 ? FE8_MASK - 18 : FE8_MASK));
}

FOG_IFMA_INLINE void pair_load(struct fe8 *r, const struct fog_ge_ext p[2])
{
	_Alignas(64) u64 word[8];

	for (unsigned i = 0; i < 5; i++) {
		for (unsigned j = 0; j < 2; j++) {
			word[4 * j] = p[j].x.l[i];
			word[4 * j + 1] = p[j].y.l[i];
			word[4 * j + 2] = p[j].z.l[i];
			word[4 * j + 3] = p[j].t.l[i];
		}
		r->l[i] = _mm512_load_si512(word);
	}
}

FOG_IFMA_INLINE void pair_store(struct fog_ge_ext p[2], const struct fe8 *a)
{
	_Alignas(64) u64 word[8];

	for (unsigned i = 0; i < 5; i++) {
		_mm512_store_si512(word, a->l[i]);
		for (unsigned j = 0; j < 2; j++) {
			p[j].x.l[i] = word[4 * j];
			p[j].y.l[i] = word[4 * j + 1];
			p[j].z.l[i] = word[4 * j + 2];
			p[j].t.l[i] = word[4 * j + 3];
		}
	}
}

/* X, Y, Z, T become Y - X, Y + X, T, Z. */
FOG_IFMA_INLINE void pair_ready(struct fe8 *r, const struct fe8 *p)
{
	FE_UNROLL
	for (unsigned i = 0; i < 5; i++) {
		__m512i x = TAKE(p->l[i], 0, 0, 0, 0), t = TAKE(p->l[i], 1, 1, 3, 2);
		t = _mm512_mask_add_epi64(t, LANE(1), t, x);
		r->l[i] = _mm512_mask_add_epi64(t, LANE(0), t, _mm512_sub_epi64(bias(i), x));
	}
	fe8_carry(r);
}

/* E, G, F, H become X = EF, Y = GH, Z = FG, T = EH. */
FOG_IFMA_INLINE void pair_end(struct fe8 *r, const struct fe8 *efgh)
{
	struct fe8 left, right;

	FE_UNROLL
	for (unsigned i = 0; i < 5; i++) {
		left.l[i] = TAKE(efgh->l[i], 0, 1, 2, 0);
		right.l[i] = TAKE(efgh->l[i], 2, 3, 1, 3);
	}
	fe8_mul(r, &left, &right);
}

FOG_IFMA static void pair_add(struct fe8 *r, const struct fe8 *p, const struct fe8 *cached)
{
	struct fe8 t;

	pair_ready(&t, p);
	fe8_mul(&t, &t, cached); /* A, B, C, D */
	FE_UNROLL
	for (unsigned i = 0; i < 5; i++) {
		__m512i bd = TAKE(t.l[i], 1, 3, 3, 1), ac = TAKE(t.l[i], 0, 2, 2, 0);
		t.l[i] = _mm512_mask_sub_epi64(_mm512_add_epi64(bd, ac), LANE(0) | LANE(2),
					       _mm512_add_epi64(bd, bias(i)), ac);
	}
	fe8_carry(&t);
	pair_end(r, &t);
}

FOG_IFMA static void pair_double(struct fe8 *r, unsigned times)
{
	struct fe8 t, p = *r;

	while (times-- > 0) {
		FE_UNROLL
		for (unsigned i = 0; i < 5; i++) {
			t.l[i] = TAKE(p.l[i], 0, 1, 2, 0);
			t.l[i] = _mm512_mask_add_epi64(t.l[i], LANE(3), t.l[i],
						       TAKE(p.l[i], 1, 1, 1, 1));
		}
		fe8_carry(&t);
		fe8_sqr(&t, &t); /* X^2, Y^2, Z^2, (X + Y)^2 */
		FE_UNROLL
		for (unsigned i = 0; i < 5; i++) {
			__m512i a = TAKE(t.l[i], 0, 0, 0, 0), b = TAKE(t.l[i], 1, 1, 1, 1);
			__m512i other = TAKE(t.l[i], 3, 3, 2, 2);
			__m512i sum = _mm512_add_epi64(a, b);
			sum = _mm512_mask_sub_epi64(sum, LANE(1) | LANE(2),
						    _mm512_add_epi64(a, bias(i)), b);
			sum = _mm512_mask_add_epi64(sum, LANE(0), sum,
						    _mm512_sub_epi64(bias(i), other));
			t.l[i] = _mm512_mask_add_epi64(sum, LANE(2), sum, fe8_twice(other));
		}
		fe8_carry(&t);
		pair_end(&p, &t);
	}
	*r = p;
}

FOG_IFMA_INLINE void pair_negate(struct fe8 *cached)
{
	FE_UNROLL
	for (unsigned i = 0; i < 5; i++) {
		__m512i t = TAKE(cached->l[i], 1, 0, 2, 3);
		cached->l[i] = _mm512_mask_sub_epi64(t, LANE(2), bias(i), t);
	}
	fe8_carry(cached);
}

FOG_IFMA static void table_make(struct pair_table *table, const struct fog_ge_ext point[2])
{
	struct fe8 factor, p, twice;

	FE_UNROLL
	for (unsigned i = 0; i < 5; i++) {
		__m512i t = _mm512_maskz_set1_epi64(LANE(2), (long long)curve_2d[i]);
		if (i == 0) {
			t = _mm512_mask_set1_epi64(t, LANE(0) | LANE(1), 1);
			t = _mm512_mask_set1_epi64(t, LANE(3), 2);
		}
		factor.l[i] = t;
	}
	pair_load(&p, point);
	twice = p;
	pair_double(&twice, 1);
	pair_ready(&twice, &twice);
	fe8_mul(&twice, &twice, &factor);
	for (unsigned j = 0; j < FOG_NAF_TABLE; j++) {
		pair_ready(&table->odd[j], &p);
		fe8_mul(&table->odd[j], &table->odd[j], &factor);
		pair_add(&p, &p, &twice);
	}
}

FOG_IFMA_INLINE void table_add(struct fe8 *sum, const struct pair_table *table, int digit)
{
	struct fe8 term = table->odd[abs(digit) / 2];

	if (digit < 0)
		pair_negate(&term);
	pair_add(sum, sum, &term);
}

FOG_IFMA void fog_ifma_pair(struct fog_ge_ext sum[2], const struct fog_ge_ext p[2],
			    const struct fog_sc *s, const struct fog_ge_ext q[2],
			    const struct fog_sc *c)
{
	signed char s_naf[FOG_NAF_DIGITS], c_naf[FOG_NAF_DIGITS];
	struct pair_table p_table, q_table;
	struct fog_ge_ext zero[2];
	unsigned pending = 0;
	struct fe8 total;

	table_make(&p_table, p);
	table_make(&q_table, q);
	fog_naf_expand(s_naf, s);
	fog_naf_expand(c_naf, c);
	fog_ge_ext_zero(&zero[0]);
	fog_ge_ext_zero(&zero[1]);
	pair_load(&total, zero);
	for (unsigned i = FOG_NAF_DIGITS; i-- > 0;) {
		pending++;
		if (s_naf[i] == 0 && c_naf[i] == 0)
			continue;
		pair_double(&total, pending);
		pending = 0;
		if (s_naf[i] != 0)
			table_add(&total, &p_table, s_naf[i]);
		if (c_naf[i] != 0)
			table_add(&total, &q_table, -c_naf[i]);
	}
	pair_double(&total, pending);
	pair_store(sum, &total);
}

#endif
