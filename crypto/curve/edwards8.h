/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/curve only: points of edwards25519 in lanes of eight. The forms and functions are
 * those of edwards.h; a mask has one bit per lane. */
#ifndef FOG_CRYPTO_EDWARDS8_H
#define FOG_CRYPTO_EDWARDS8_H

#include "crypto/curve/fe8.h"

#if defined(__x86_64__)

struct fog_ge8_affine {
	struct fe8 x, y;
};

struct fog_ge8_ext {
	struct fe8 x, y, z, t;
};

struct fog_ge8_niels {
	struct fe8 ypx, ymx, t2d;
};

struct fog_ge8_cached {
	struct fe8 ypx, ymx, z2, t2d;
};

FOG_IFMA void fog_fe8_invert(struct fe8 *r, const struct fe8 *a);
/* These two take arrays of two: sixteen lanes. */
FOG_IFMA void fog_fe8_sqrt_ratio(struct fe8 *x, __mmask8 *good, const struct fe8 *u,
				 const struct fe8 *v);
/* w[i][j] holds word j of the encodings. About 0.25 us a lane. */
FOG_IFMA void fog_ge8_decode(struct fog_ge8_affine *p, __mmask8 *good, const __m512i (*w)[4]);

FOG_IFMA void fog_ge8_ext_zero(struct fog_ge8_ext *r);
FOG_IFMA void fog_ge8_niels_zero(struct fog_ge8_niels *r);
FOG_IFMA void fog_ge8_ext_from_affine(struct fog_ge8_ext *r, const struct fog_ge8_affine *p);
FOG_IFMA void fog_ge8_ext_from_niels(struct fog_ge8_ext *r, const struct fog_ge8_niels *p);
FOG_IFMA void fog_ge8_niels_from_affine(struct fog_ge8_niels *r, const struct fog_ge8_affine *p);
FOG_IFMA void fog_ge8_cached_from_ext(struct fog_ge8_cached *r, const struct fog_ge8_ext *p);
FOG_IFMA void fog_ge8_niels_negate(struct fog_ge8_niels *p, __mmask8 mask);
FOG_IFMA void fog_ge8_cached_negate(struct fog_ge8_cached *p, __mmask8 mask);

FOG_IFMA void fog_ge8_add(struct fog_ge8_ext *r, const struct fog_ge8_ext *p,
			  const struct fog_ge8_ext *q);
FOG_IFMA void fog_ge8_add_niels(struct fog_ge8_ext *r, const struct fog_ge8_ext *p,
				const struct fog_ge8_niels *q);
FOG_IFMA void fog_ge8_add_cached(struct fog_ge8_ext *r, const struct fog_ge8_ext *p,
				 const struct fog_ge8_cached *q);
FOG_IFMA void fog_ge8_double(struct fog_ge8_ext *r, const struct fog_ge8_ext *p, unsigned times);
FOG_IFMA __mmask8 fog_ge8_is_zero(const struct fog_ge8_ext *p);

#endif
#endif
