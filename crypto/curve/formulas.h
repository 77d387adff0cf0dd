/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/curve only, and a template: the curve -x^2 + y^2 = 1 + d x^2 y^2 over a field whose
 * functions the includer names. It is read once for single elements (edwards.c) and once for lanes
 * of eight (edwards8.c), so both paths compute the same formulas. Before including, define
 *
 *	FORMULAS_ATTR	attribute of every function
 *	FORMULAS_FE	struct of a field element
 *	FORMULAS_MASK	one bit per element: u8 or __mmask8
 *	FORMULAS_ALL	the mask with every bit set
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

FORMULAS_ATTR static void multiply(FORMULAS_FE *r, const FORMULAS_FE *a, const FORMULAS_FE *b)
{
	F(mul)(r, a, b);
}

FORMULAS_ATTR static void square(FORMULAS_FE *r, const FORMULAS_FE *a, unsigned times)
{
	FORMULAS_FE t = *a;

	for (unsigned i = 0; i < times; i++)
		F(sqr)(&t, &t);
	*r = t;
}

/* r = a^(2^250 - 1) and a11 = a^11. The numbers at the right are n of an exponent 2^n - 1. */
FORMULAS_ATTR static void power_250(FORMULAS_FE *r, FORMULAS_FE *a11, const FORMULAS_FE *a)
{
	FORMULAS_FE t, u;

	square(&t, a, 1);
	square(&u, &t, 2);
	multiply(&u, &u, a); /* a^9 */
	multiply(a11, &u, &t);
	square(&t, a11, 1);
	multiply(&u, &t, &u); /* 5 */
	square(&t, &u, 5);
	multiply(&u, &t, &u); /* 10 */
	square(&t, &u, 10);
	multiply(&t, &t, &u); /* 20 */
	square(r, &t, 20);
	multiply(&t, r, &t); /* 40 */
	square(&t, &t, 10);
	multiply(&u, &t, &u); /* 50 */
	square(&t, &u, 50);
	multiply(&t, &t, &u); /* 100 */
	square(r, &t, 100);
	multiply(&t, r, &t); /* 200 */
	square(&t, &t, 50);
	multiply(r, &t, &u);
}

FORMULAS_ATTR void P(invert)(FORMULAS_FE *r, const FORMULAS_FE *a)
{
	FORMULAS_FE t, a11;

	power_250(&t, &a11, a);
	square(&t, &t, 5);
	multiply(r, &t, &a11);
}

FORMULAS_ATTR void P(power_p58)(FORMULAS_FE *r, const FORMULAS_FE *a)
{
	FORMULAS_FE t, a11, base = *a;

	power_250(&t, &a11, a);
	square(&t, &t, 2);
	multiply(r, &t, &base);
}

/* x = sqrt(u / v) of either sign; the bit is set where it exists (RFC 8032 section 5.1.3). */
FORMULAS_ATTR FORMULAS_MASK P(sqrt_ratio)(FORMULAS_FE *x, const FORMULAS_FE *u,
					  const FORMULAS_FE *v)
{
	FORMULAS_FE v3, t, other;
	FORMULAS_MASK plus, minus;

	F(sqr)(&v3, v);
	F(mul)(&v3, &v3, v);
	F(sqr)(&t, &v3);
	F(mul)(&t, &t, v);
	F(mul)(&t, &t, u);
	P(power_p58)(&t, &t);
	F(mul)(&t, &t, &v3);
	F(mul)(x, &t, u);
	F(sqr)(&t, x);
	F(mul)(&t, &t, v);
	F(sub)(&other, &t, u);
	plus = F(is_zero)(&other);
	F(add)(&other, &t, u);
	minus = F(is_zero)(&other);
	F(constant)(&t, curve_sqrt_minus_1);
	F(mul)(&t, &t, x);
	F(select)(x, &t, minus);
	return plus | minus;
}

/* Reads encodings by the strict rule: y below p, and no "minus zero" for x. The bit is set where
 * the encoding is good; elsewhere p is some value. */
FORMULAS_ATTR FORMULAS_MASK G(decode)(struct G(affine) * p, const FORMULAS_WORD w[4])
{
	FORMULAS_FE u, v, one, t;
	FORMULAS_MASK good, sign = F(top_bit)(w);

	F(from_words)(&p->y, w);
	good = F(is_encoded)(&p->y, w);
	F(set)(&one, 1);
	F(constant)(&t, curve_d);
	F(sqr)(&u, &p->y);
	F(mul)(&v, &u, &t);
	F(sub)(&u, &u, &one);
	F(add)(&v, &v, &one);
	good &= P(sqrt_ratio)(&p->x, &u, &v);
	good &= FORMULAS_ALL ^ (F(is_zero)(&p->x) & sign);
	F(set)(&u, 0);
	F(sub)(&t, &u, &p->x);
	F(select)(&p->x, &t, F(is_odd)(&p->x) ^ sign);
	return good;
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
FORMULAS_ATTR static inline void add_end(struct G(ext) * r, const FORMULAS_FE *a,
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
