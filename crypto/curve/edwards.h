/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/ only: points of edwards25519, one at a time, on any CPU. Variable time only where
 * said; the rest has no branch on values. Points are in one of four forms:
 *
 *	affine	x, y
 *	ext	X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z: what sums and doublings give
 *	niels	y + x, y - x, 2dxy: an affine point ready to be added, seven products
 *	cached	Y + X, Y - X, 2Z, 2dT: an ext point ready to be added, eight products
 *
 * Every form holds loose limbs. Outputs may be the inputs where the forms are the same. */
#ifndef FOG_CRYPTO_EDWARDS_H
#define FOG_CRYPTO_EDWARDS_H

#include "crypto/curve/fe.h"

#define FOG_POINT_SIZE 32

struct fog_ge_affine {
	struct fe x, y;
};

struct fog_ge_ext {
	struct fe x, y, z, t;
};

/* Sixteen words: eight such are two transpositions into lanes. */
struct fog_ge_niels {
	_Alignas(64) struct fe ypx;
	struct fe ymx, t2d;
	u64 pad;
};

struct fog_ge_cached {
	struct fe ypx, ymx, z2, t2d;
};

/* r = 1 / a, and 0 for 0. 254 squares and 11 products, about 4 us. */
void fog_fe_invert(struct fe *r, const struct fe *a);
/* x = a square root of u / v, and good = 1 when there is one; x is neither u nor v. */
void fog_fe_sqrt_ratio(struct fe *x, u8 *good, const struct fe *u, const struct fe *v);

/* Reads the four little-endian words of an encoding by the strict rule: y below p, x not a "minus
 * zero", on the curve: good = 1 when all hold. About 3 us. */
void fog_ge_decode(struct fog_ge_affine *p, u8 *good, const u64 (*w)[4]);
/* 0 or -EBADMSG, from bytes. */
int fog_ge_from_bytes(struct fog_ge_affine *p, const u8 in[FOG_POINT_SIZE]);
/* The one encoding of a point. One inversion. */
void fog_ge_to_bytes(u8 out[FOG_POINT_SIZE], const struct fog_ge_ext *p);
/* Affine forms of `count` points with one inversion for all; none of them has Z = 0. */
void fog_ge_normalize(struct fog_ge_affine *out, const struct fog_ge_ext *p, unsigned count);
void fog_ge_affine_to_bytes(u8 out[FOG_POINT_SIZE], const struct fog_ge_affine *p);
/* True for the canonical encodings of the eight points of order 1, 2, 4 and 8, and for the two
 * "minus zero" forms that no decoder here takes. */
bool fog_ge_is_small_order(const u8 encoding[FOG_POINT_SIZE]);

void fog_ge_ext_zero(struct fog_ge_ext *r);
void fog_ge_niels_zero(struct fog_ge_niels *r);
void fog_ge_ext_from_affine(struct fog_ge_ext *r, const struct fog_ge_affine *p);
void fog_ge_ext_from_niels(struct fog_ge_ext *r, const struct fog_ge_niels *p);
void fog_ge_niels_from_affine(struct fog_ge_niels *r, const struct fog_ge_affine *p);
void fog_ge_cached_from_ext(struct fog_ge_cached *r, const struct fog_ge_ext *p);
/* Negates p where mask is 1; mask is 0 or 1. */
void fog_ge_niels_negate(struct fog_ge_niels *p, u8 mask);
void fog_ge_cached_negate(struct fog_ge_cached *p, u8 mask);

void fog_ge_add(struct fog_ge_ext *r, const struct fog_ge_ext *p, const struct fog_ge_ext *q);
void fog_ge_add_niels(struct fog_ge_ext *r, const struct fog_ge_ext *p,
		      const struct fog_ge_niels *q);
void fog_ge_add_cached(struct fog_ge_ext *r, const struct fog_ge_ext *p,
		       const struct fog_ge_cached *q);
/* r = 2^times p; times > 0. */
void fog_ge_double(struct fog_ge_ext *r, const struct fog_ge_ext *p, unsigned times);
/* 1 for the neutral element. */
u8 fog_ge_is_zero(const struct fog_ge_ext *p);

/* r = scalar * p, for a secret scalar below 2^253: no branch or address depends on it. About 35
 * us. */
void fog_ge_mul_secret(struct fog_ge_ext *r, const struct fog_ge_ext *p, const u8 scalar[32]);

/* Multiples 1 to 32 of the base point of RFC 8032. */
#define FOG_GE_BASE_MULTIPLES 32
extern const struct fog_ge_niels fog_ge_base_multiple[FOG_GE_BASE_MULTIPLES];

#endif
