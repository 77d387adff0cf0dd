/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/curve only, and a template: the curve -x^2 + y^2 = 1 + d x^2 y^2 over a field whose
 * functions the includer names. It is read once for single elements (edwards.c) and once for lanes
 * of eight (edwards8.c), so both paths compute the same formulas. Before including, define
 *
 *	FORMULAS_ATTR	attribute of every function
 *	FORMULAS_FE	struct of a field element
 *	FORMULAS_MASK	one bit per element: u8 or __mmask8
 *	FORMULAS_ALL	the mask with every bit set
 *	FORMULAS_WAYS	operands at a time, 1 or 2, of roots and decoding
 *	FORMULAS_WORD	a 64-bit word of an encoding: u64 or __m512i
 *	F(name)		an inline function of the field, as fe_ ## name
 *	P(name)		a function on field elements defined here, as fog_fe_ ## name
 *	G(name)		a function or struct of points, as fog_ge_ ## name
 *
 * and the structs that edwards.h describes. Point formulas: Hisil, Wong, Carter and
 * Dawson, "Twisted Edwards curves revisited" (2008), complete because d is no square. */

static const u64 curve_d[5] = {0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb,
			       0x52036cee2b6ff};
static const u64 curve_2d[5] = {0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977,
				0x2406d9dc56dff};
static const u64 curve_sqrt_minus_1[5] = {0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60,
					  0x78595a6804c9e, 0x2b8324804fc1d};

/* Squares in a row wait for each other; two unrelated rows side by side fill the gaps. */

FORMULAS_ATTR static void multiply(FORMULAS_FE *r, const FORMULAS_FE *a, const FORMULAS_FE *b,
				   unsigned ways)
{
	for (unsigned j = 0; j < ways; j++)
		F(mul)(&r[j], &a[j], &b[j]);
}

FORMULAS_ATTR static void square(FORMULAS_FE *r, const FORMULAS_FE *a, unsigned times,
				 unsigned ways)
{
	FORMULAS_FE t = a[0], u = a[ways - 1];

	if (FORMULAS_WAYS == 1 || ways == 1) {
		for (unsigned i = 0; i < times; i++)
			F(sqr)(&t, &t);
	} else {
		for (unsigned i = 0; i < times; i++) {
			F(sqr)(&t, &t);
			F(sqr)(&u, &u);
		}
		r[1] = u;
	}
	r[0] = t;
}

/* r = a^(2^250 - 1) and a11 = a^11. The numbers at the right are n of an exponent 2^n - 1. */
FORMULAS_ATTR static void power_250(FORMULAS_FE *r, FORMULAS_FE *a11, const FORMULAS_FE *a,
				    unsigned ways)
{
	FORMULAS_FE t[FORMULAS_WAYS], u[FORMULAS_WAYS];

	square(t, a, 1, ways);
	square(u, t, 2, ways);
	multiply(u, u, a, ways); /* a^9 */
	multiply(a11, u, t, ways);
	square(t, a11, 1, ways);
	multiply(u, t, u, ways); /* 5 */
	square(t, u, 5, ways);
	multiply(u, t, u, ways); /* 10 */
	square(t, u, 10, ways);
	multiply(t, t, u, ways); /* 20 */
	square(r, t, 20, ways);
	multiply(t, r, t, ways); /* 40 */
	square(t, t, 10, ways);
	multiply(u, t, u, ways); /* 50 */
	square(t, u, 50, ways);
	multiply(t, t, u, ways); /* 100 */
	square(r, t, 100, ways);
	multiply(t, r, t, ways); /* 200 */
	square(t, t, 50, ways);
	multiply(r, t, u, ways);
}

FORMULAS_ATTR void P(invert)(FORMULAS_FE *r, const FORMULAS_FE *a)
{
	FORMULAS_FE t, a11;

	power_250(&t, &a11, a, 1);
	square(&t, &t, 5, 1);
	multiply(r, &t, &a11, 1);
}

/* r = a^((p - 5) / 8); r is not a. */
FORMULAS_ATTR static void power_p58(FORMULAS_FE *r, const FORMULAS_FE *a, unsigned ways)
{
	FORMULAS_FE a11[FORMULAS_WAYS];

	power_250(r, a11, a, ways);
	square(r, r, 2, ways);
	multiply(r, r, a, ways);
}

/* The root of RFC 8032 section 5.1.3: u v^3 (u v^7)^((p - 5) / 8), times the root of -1 where that
 * is the root of -u / v. */
FORMULAS_ATTR void P(sqrt_ratio)(FORMULAS_FE *x, FORMULAS_MASK *good, const FORMULAS_FE *u,
				 const FORMULAS_FE *v)
{
	FORMULAS_FE base[FORMULAS_WAYS], power[FORMULAS_WAYS], t, other;
	FORMULAS_MASK plus, minus;

	for (unsigned j = 0; j < FORMULAS_WAYS; j++) {
		F(sqr)(&t, &v[j]);
		F(mul)(&t, &t, &v[j]);
		F(mul)(&x[j], &t, &u[j]);
		F(sqr)(&t, &t);
		F(mul)(&t, &t, &v[j]);
		F(mul)(&base[j], &t, &u[j]);
	}
	power_p58(power, base, FORMULAS_WAYS);
	for (unsigned j = 0; j < FORMULAS_WAYS; j++) {
		F(mul)(&x[j], &x[j], &power[j]);
		F(sqr)(&t, &x[j]);
		F(mul)(&t, &t, &v[j]);
		F(sub)(&other, &t, &u[j]);
		plus = F(is_zero)(&other);
		F(add)(&other, &t, &u[j]);
		minus = F(is_zero)(&other);
		F(constant)(&t, curve_sqrt_minus_1);
		F(mul)(&t, &t, &x[j]);
		F(select)(&x[j], &t, minus);
		good[j] = plus | minus;
	}
}

/* Reads encodings by the strict rule: y below p, and no "minus zero" for x. */
FORMULAS_ATTR void G(decode)(struct G(affine) * p, FORMULAS_MASK *good, const FORMULAS_WORD (*w)[4])
{
	FORMULAS_FE u[FORMULAS_WAYS], v[FORMULAS_WAYS], x[FORMULAS_WAYS], one, zero, t;

	F(set)(&zero, 0);
	F(set)(&one, 1);
	F(constant)(&t, curve_d);
	for (unsigned j = 0; j < FORMULAS_WAYS; j++) {
		F(from_words)(&p[j].y, w[j]);
		F(sqr)(&u[j], &p[j].y);
		F(mul)(&v[j], &u[j], &t);
		F(sub)(&u[j], &u[j], &one);
		F(add)(&v[j], &v[j], &one);
	}
	P(sqrt_ratio)(x, good, u, v);
	for (unsigned j = 0; j < FORMULAS_WAYS; j++) {
		FORMULAS_MASK sign = F(top_bit)(w[j]);
		good[j] &= F(is_encoded)(&p[j].y, w[j]);
		good[j] &= FORMULAS_ALL ^ (F(is_zero)(&x[j]) & sign);
		F(sub)(&t, &zero, &x[j]);
		F(select)(&x[j], &t, F(is_odd)(&x[j]) ^ sign);
		p[j].x = x[j];
	}
}

FORMULAS_ATTR void G(niels_from_affine)(struct G(niels) * r, const struct G(affine) * p)
{
	FORMULAS_FE t;

	F(constant)(&t, curve_2d);
	F(mul)(&t, &t, &p->x);
	F(mul)(&r->t2d, &t, &p->y);
	F(add)(&r->ypx, &p->y, &p->x);
	F(sub)(&r->ymx, &p->y, &p->x);
}

FORMULAS_ATTR void G(ext_from_affine)(struct G(ext) * r, const struct G(affine) * p)
{
	r->x = p->x;
	r->y = p->y;
	F(set)(&r->z, 1);
	F(mul)(&r->t, &p->x, &p->y);
}

/* Scaled by four, so that the product that T is comes without a division. */
FORMULAS_ATTR void G(ext_from_niels)(struct G(ext) * r, const struct G(niels) * p)
{
	FORMULAS_FE x, y;

	F(sub)(&x, &p->ypx, &p->ymx);
	F(add)(&y, &p->ypx, &p->ymx);
	F(mul)(&r->t, &x, &y);
	F(add)(&r->x, &x, &x);
	F(add)(&r->y, &y, &y);
	F(set)(&r->z, 4);
}

FORMULAS_ATTR void G(ext_zero)(struct G(ext) * r)
{
	F(set)(&r->x, 0);
	F(set)(&r->y, 1);
	F(set)(&r->z, 1);
	F(set)(&r->t, 0);
}

FORMULAS_ATTR void G(niels_zero)(struct G(niels) * r)
{
	F(set)(&r->ypx, 1);
	F(set)(&r->ymx, 1);
	F(set)(&r->t2d, 0);
}

/* Negates where mask is set. */
FORMULAS_ATTR void G(niels_negate)(struct G(niels) * p, FORMULAS_MASK mask)
{
	FORMULAS_FE t, zero;

	F(set)(&zero, 0);
	F(sub)(&t, &zero, &p->t2d);
	F(select)(&p->t2d, &t, mask);
	t = p->ypx;
	F(select)(&p->ypx, &p->ymx, mask);
	F(select)(&p->ymx, &t, mask);
}

FORMULAS_ATTR void G(cached_from_ext)(struct G(cached) * r, const struct G(ext) * p)
{
	FORMULAS_FE t;

	F(constant)(&t, curve_2d);
	F(mul)(&r->t2d, &p->t, &t);
	F(add)(&r->z2, &p->z, &p->z);
	F(add)(&r->ypx, &p->y, &p->x);
	F(sub)(&r->ymx, &p->y, &p->x);
}

FORMULAS_ATTR void G(cached_negate)(struct G(cached) * p, FORMULAS_MASK mask)
{
	FORMULAS_FE t, zero;

	F(set)(&zero, 0);
	F(sub)(&t, &zero, &p->t2d);
	F(select)(&p->t2d, &t, mask);
	t = p->ypx;
	F(select)(&p->ypx, &p->ymx, mask);
	F(select)(&p->ymx, &t, mask);
}

/* The common end of an addition: a = (Y - X)(y - x), b = (Y + X)(y + x), c = T 2dt and d = 2Zz, the
 * last perhaps raw. */
FORMULAS_ATTR __attribute__((always_inline)) static inline void add_end(struct G(ext) * r, const FORMULAS_FE *a,
					 const FORMULAS_FE *b, const FORMULAS_FE *c,
					 const FORMULAS_FE *d)
{
	FORMULAS_FE e, f, g, h;

	F(sub_lazy)(&e, b, a);
	F(add_lazy)(&h, b, a);
	F(sub_lazy)(&f, d, c);
	F(add_lazy)(&g, d, c);
	F(mul)(&r->x, &e, &f);
	F(mul)(&r->y, &g, &h);
	F(mul)(&r->z, &f, &g);
	F(mul)(&r->t, &e, &h);
}

FORMULAS_ATTR void G(add_niels)(struct G(ext) * r, const struct G(ext) * p,
				const struct G(niels) * q)
{
	FORMULAS_FE a, b, c, d;

	F(sub_lazy)(&a, &p->y, &p->x);
	F(add_lazy)(&b, &p->y, &p->x);
	F(mul)(&a, &a, &q->ymx);
	F(mul)(&b, &b, &q->ypx);
	F(mul)(&c, &p->t, &q->t2d);
	F(add_raw)(&d, &p->z, &p->z);
	add_end(r, &a, &b, &c, &d);
}

FORMULAS_ATTR void G(add_cached)(struct G(ext) * r, const struct G(ext) * p,
				 const struct G(cached) * q)
{
	FORMULAS_FE a, b, c, d;

	F(sub_lazy)(&a, &p->y, &p->x);
	F(add_lazy)(&b, &p->y, &p->x);
	F(mul)(&a, &a, &q->ymx);
	F(mul)(&b, &b, &q->ypx);
	F(mul)(&c, &p->t, &q->t2d);
	F(mul)(&d, &p->z, &q->z2);
	add_end(r, &a, &b, &c, &d);
}

FORMULAS_ATTR void G(add)(struct G(ext) * r, const struct G(ext) * p, const struct G(ext) * q)
{
	struct G(cached) c;

	G(cached_from_ext)(&c, q);
	G(add_cached)(r, p, &c);
}

/* r = 2^times p. T is computed by the last doubling only: the others do not read it. */
FORMULAS_ATTR void G(double)(struct G(ext) * r, const struct G(ext) * p, unsigned times)
{
	FORMULAS_FE a, b, c, e, f, g, h;

	*r = *p;
	for (unsigned i = 0; i < times; i++) {
		F(add_lazy)(&e, &r->x, &r->y);
		F(sqr)(&a, &r->x);
		F(sqr)(&b, &r->y);
		F(sqr)(&c, &r->z);
		F(sqr)(&e, &e);
		F(add_raw)(&h, &a, &b);
		F(sub_lazy)(&e, &h, &e);
		F(add_lazy)(&h, &a, &b);
		F(add_raw)(&f, &c, &c);
		F(add_raw)(&f, &f, &a);
		F(sub_lazy)(&f, &f, &b);
		F(sub_lazy)(&g, &a, &b);
		F(mul)(&r->x, &e, &f);
		F(mul)(&r->y, &g, &h);
		F(mul)(&r->z, &f, &g);
		if (i + 1 == times)
			F(mul)(&r->t, &e, &h);
	}
}

/* The bit is set where p is the neutral element. */
FORMULAS_ATTR FORMULAS_MASK G(is_zero)(const struct G(ext) * p)
{
	FORMULAS_FE t;

	F(sub)(&t, &p->y, &p->z);
	return F(is_zero)(&p->x) & F(is_zero)(&t);
}
