/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/ristretto.h"

#include <sodium.h>

#include <errno.h>

#include "crypto/curve/scalar.h"
#include "crypto/mem.h"

_Static_assert(FOG_RISTRETTO_SIZE == crypto_core_ristretto255_BYTES, "element");
_Static_assert(FOG_SCALAR_SIZE == crypto_core_ristretto255_SCALARBYTES, "scalar");
_Static_assert(FOG_UNIFORM_SIZE == crypto_core_ristretto255_HASHBYTES, "uniform element");
_Static_assert(FOG_UNIFORM_SIZE == crypto_core_ristretto255_NONREDUCEDSCALARBYTES,
	       "uniform scalar");

const struct fog_scalar fog_scalar_zero, fog_scalar_one = {{1}};

/* d of the curve; a root of -1; a root of 1 / (a - d), where a = -1 (RFC 9496, section 4.1). */
static const u64 curve_d[5] = {0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb,
			       0x52036cee2b6ff};
static const u64 sqrt_minus_1[5] = {0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60,
				    0x78595a6804c9e, 0x2b8324804fc1d};
static const u64 inverse_sqrt_a_minus_d[5] = {0x0fdaa805d40ea, 0x2eb482e57d339, 0x007610274bc58,
					      0x6510b613dc8ff, 0x786c8905cfaff};

int fog_scalar_decode(struct fog_scalar *out, const u8 in[FOG_SCALAR_SIZE])
{
	if (!fog_sc_is_canonical(in)) {
		*out = fog_scalar_zero;
		return -EBADMSG;
	}
	memmove(out->byte, in, FOG_SCALAR_SIZE);
	return 0;
}

void fog_scalar_reduce(struct fog_scalar *out, const u8 in[FOG_UNIFORM_SIZE])
{
	fog_sc_reduce_bytes((struct fog_sc *)out, in);
}

void fog_scalar_from_u64(struct fog_scalar *out, u64 value)
{
	memset(out->byte, 0, sizeof(out->byte));
	fog_store_u64(out->byte, value);
}

void fog_scalar_add(struct fog_scalar *out, const struct fog_scalar *a, const struct fog_scalar *b)
{
	fog_sc_add((struct fog_sc *)out, fog_scalar_words(a), fog_scalar_words(b));
}

void fog_scalar_sub(struct fog_scalar *out, const struct fog_scalar *a, const struct fog_scalar *b)
{
	fog_sc_sub((struct fog_sc *)out, fog_scalar_words(a), fog_scalar_words(b));
}

void fog_scalar_mul(struct fog_scalar *out, const struct fog_scalar *a, const struct fog_scalar *b)
{
	fog_sc_mul((struct fog_sc *)out, fog_scalar_words(a), fog_scalar_words(b));
}

void fog_scalar_muladd(struct fog_scalar *out, const struct fog_scalar *a,
		       const struct fog_scalar *b, const struct fog_scalar *c)
{
	fog_sc_muladd((struct fog_sc *)out, fog_scalar_words(a), fog_scalar_words(b),
		      fog_scalar_words(c));
}

void fog_scalar_neg(struct fog_scalar *out, const struct fog_scalar *a)
{
	fog_sc_negate((struct fog_sc *)out, fog_scalar_words(a));
}

void fog_scalar_invert(struct fog_scalar *out, const struct fog_scalar *a)
{
	fog_sc_invert((struct fog_sc *)out, fog_scalar_words(a));
}

void fog_scalar_invert_vartime(struct fog_scalar *out, const struct fog_scalar *a)
{
	fog_sc_invert_vartime((struct fog_sc *)out, fog_scalar_words(a));
}

void fog_scalar_select(struct fog_scalar *out, bool picked, const struct fog_scalar *a,
		       const struct fog_scalar *b)
{
	u8 mask = -(u8)picked;

	for (unsigned i = 0; i < FOG_SCALAR_SIZE; i++)
		out->byte[i] = (a->byte[i] & mask) | (b->byte[i] & ~mask);
}

bool fog_scalar_is_zero(const struct fog_scalar *a)
{
	const u64 *w = fog_scalar_words(a)->w;

	return (w[0] | w[1] | w[2] | w[3]) == 0;
}

bool fog_scalar_equal(const struct fog_scalar *a, const struct fog_scalar *b)
{
	return fog_equal(a->byte, b->byte, FOG_SCALAR_SIZE);
}

/* r = -a where mask is 1. */
static void negate_where(struct fe *r, const struct fe *a, u8 mask)
{
	struct fe zero, negative;

	fe_set(&zero, 0);
	fe_sub(&negative, &zero, a);
	*r = *a;
	fe_select(r, &negative, mask);
}

static void absolute(struct fe *r, const struct fe *a)
{
	negate_where(r, a, fe_is_odd(a));
}

/* r = 1 / sqrt(a), the even one; good = 0 when a has no root or is zero, and r is 0 for 0. */
static void inverse_sqrt(struct fe *r, u8 *good, const struct fe *a)
{
	struct fe one, root;

	fe_set(&one, 1);
	fog_fe_sqrt_ratio(&root, good, &one, a);
	absolute(r, &root);
}

/* RFC 9496 section 4.3.1. */
int fog_ristretto_decode(struct fog_ristretto *out, const u8 in[FOG_RISTRETTO_SIZE])
{
	struct fe s, ss, one, u1, u2, u2_square, v, t, root, x, y;
	u64 w[4];
	u8 good;

	memcpy(w, in, sizeof(w));
	fe_from_words(&s, w);
	bool canonical = fe_is_encoded(&s, w) && !fe_top_bit(w) && !fe_is_odd(&s);
	fe_set(&one, 1);
	fe_sqr(&ss, &s);
	fe_sub(&u1, &one, &ss);
	fe_add(&u2, &one, &ss);
	fe_sqr(&u2_square, &u2);
	fe_sqr(&t, &u1);
	fe_constant(&v, curve_d);
	fe_mul(&t, &t, &v);
	fe_add(&t, &t, &u2_square);
	negate_where(&v, &t, 1);
	fe_mul(&t, &v, &u2_square);
	inverse_sqrt(&root, &good, &t);
	fe_mul(&x, &root, &u2);
	fe_mul(&t, &root, &x);
	fe_mul(&y, &t, &v);
	fe_mul(&y, &y, &u1);
	fe_add(&t, &s, &s);
	fe_mul(&x, &x, &t);
	absolute(&x, &x);
	fe_mul(&t, &x, &y);
	if (!canonical || !good || fe_is_odd(&t) || fe_is_zero(&y)) {
		fog_ristretto_identity(out);
		return -EBADMSG;
	}
	out->point = (struct fog_ge_ext){x, y, one, t};
	return 0;
}

/* RFC 9496 section 4.3.2. */
void fog_ristretto_encode(u8 out[FOG_RISTRETTO_SIZE], const struct fog_ristretto *p)
{
	const struct fog_ge_ext *e = &p->point;
	struct fe u1, u2, t, root, den1, den2, z_inv, ix, iy, x, y;
	u64 w[4];
	u8 good, rotate;

	fe_add(&u1, &e->z, &e->y);
	fe_sub(&t, &e->z, &e->y);
	fe_mul(&u1, &u1, &t);
	fe_mul(&u2, &e->x, &e->y);
	fe_sqr(&t, &u2);
	fe_mul(&t, &t, &u1);
	inverse_sqrt(&root, &good, &t);
	fe_mul(&den1, &root, &u1);
	fe_mul(&den2, &root, &u2);
	fe_mul(&z_inv, &den1, &den2);
	fe_mul(&z_inv, &z_inv, &e->t);
	fe_constant(&t, sqrt_minus_1);
	fe_mul(&ix, &e->x, &t);
	fe_mul(&iy, &e->y, &t);
	fe_mul(&t, &e->t, &z_inv);
	rotate = fe_is_odd(&t);
	x = e->x;
	y = e->y;
	fe_select(&x, &iy, rotate);
	fe_select(&y, &ix, rotate);
	fe_constant(&t, inverse_sqrt_a_minus_d);
	fe_mul(&t, &t, &den1);
	fe_select(&den2, &t, rotate);
	fe_mul(&t, &x, &z_inv);
	negate_where(&y, &y, fe_is_odd(&t));
	fe_sub(&t, &e->z, &y);
	fe_mul(&t, &t, &den2);
	absolute(&t, &t);
	fe_to_words(w, &t);
	memcpy(out, w, sizeof(w));
}

void fog_ristretto_from_uniform(struct fog_ristretto *out, const u8 in[FOG_UNIFORM_SIZE])
{
	u8 encoding[FOG_RISTRETTO_SIZE];
	int rc = crypto_core_ristretto255_from_hash(encoding, in);

	if (rc == 0)
		rc = fog_ristretto_decode(out, encoding);
	FOG_ASSERT(rc == 0);
}

void fog_ristretto_identity(struct fog_ristretto *out)
{
	fog_ge_ext_zero(&out->point);
}

void fog_ristretto_base(struct fog_ristretto *out)
{
	fog_ge_ext_from_niels(&out->point, &fog_ge_base_multiple[0]);
}

/* One element stands for four points: RFC 9496 section 4.3.3. */
bool fog_ristretto_is_identity(const struct fog_ristretto *p)
{
	return fe_is_zero(&p->point.x) | fe_is_zero(&p->point.y);
}

bool fog_ristretto_equal(const struct fog_ristretto *a, const struct fog_ristretto *b)
{
	struct fe left, right, other;
	u8 equal;

	fe_mul(&left, &a->point.x, &b->point.y);
	fe_mul(&right, &a->point.y, &b->point.x);
	fe_sub(&other, &left, &right);
	equal = fe_is_zero(&other);
	fe_mul(&left, &a->point.y, &b->point.y);
	fe_mul(&right, &a->point.x, &b->point.x);
	fe_sub(&other, &left, &right);
	return equal | fe_is_zero(&other);
}

void fog_ristretto_add(struct fog_ristretto *out, const struct fog_ristretto *a,
		       const struct fog_ristretto *b)
{
	fog_ge_add(&out->point, &a->point, &b->point);
}

void fog_ristretto_sub(struct fog_ristretto *out, const struct fog_ristretto *a,
		       const struct fog_ristretto *b)
{
	struct fog_ge_cached negative;

	fog_ge_cached_from_ext(&negative, &b->point);
	fog_ge_cached_negate(&negative, 1);
	fog_ge_add_cached(&out->point, &a->point, &negative);
}

void fog_ristretto_select(struct fog_ristretto *out, bool picked, const struct fog_ristretto *a,
			  const struct fog_ristretto *b)
{
	struct fog_ge_ext r = b->point;

	fe_select(&r.x, &a->point.x, picked);
	fe_select(&r.y, &a->point.y, picked);
	fe_select(&r.z, &a->point.z, picked);
	fe_select(&r.t, &a->point.t, picked);
	out->point = r;
}

void fog_ristretto_mul(struct fog_ristretto *out, const struct fog_scalar *s,
		       const struct fog_ristretto *p)
{
	const struct fog_ge_ext point = p->point;

	fog_ge_mul_secret(&out->point, &point, s->byte);
}

/* The library has a table and is faster, but branches where the result is the identity. */
void fog_ristretto_mul_base(struct fog_ristretto *out, const struct fog_scalar *s)
{
	struct fog_ristretto base;

	fog_ristretto_base(&base);
	fog_ge_mul_secret(&out->point, &base.point, s->byte);
}
