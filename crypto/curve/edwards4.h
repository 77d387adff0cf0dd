/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/curve only: points of edwards25519 in lanes of four. The forms and functions are
 * those of edwards.h; a mask is all ones or zero in each lane. */
#ifndef FOG_CRYPTO_EDWARDS4_H
#define FOG_CRYPTO_EDWARDS4_H

#include "crypto/curve/fe4.h"

#if defined(__x86_64__)

struct fog_ge4_affine {
	struct fe4 x, y;
};

struct fog_ge4_ext {
	struct fe4 x, y, z, t;
};

struct fog_ge4_niels {
	struct fe4 ypx, ymx, t2d;
};

struct fog_ge4_cached {
	struct fe4 ypx, ymx, z2, t2d;
};

FOG_AVX2 void fog_fe4_invert(struct fe4 *r, const struct fe4 *a);
FOG_AVX2 void fog_fe4_sqrt_ratio(struct fe4 *x, __m256i *good, const struct fe4 *u,
				 const struct fe4 *v);
/* w[i][j] holds word j of the encodings. About 2 us a lane. */
FOG_AVX2 void fog_ge4_decode(struct fog_ge4_affine *p, __m256i *good, const __m256i (*w)[4]);

FOG_AVX2 void fog_ge4_ext_zero(struct fog_ge4_ext *r);
FOG_AVX2 void fog_ge4_niels_zero(struct fog_ge4_niels *r);
FOG_AVX2 void fog_ge4_ext_from_affine(struct fog_ge4_ext *r, const struct fog_ge4_affine *p);
FOG_AVX2 void fog_ge4_ext_from_niels(struct fog_ge4_ext *r, const struct fog_ge4_niels *p);
FOG_AVX2 void fog_ge4_niels_from_affine(struct fog_ge4_niels *r, const struct fog_ge4_affine *p);
FOG_AVX2 void fog_ge4_cached_from_ext(struct fog_ge4_cached *r, const struct fog_ge4_ext *p);
FOG_AVX2 void fog_ge4_niels_negate(struct fog_ge4_niels *p, __m256i mask);
FOG_AVX2 void fog_ge4_cached_negate(struct fog_ge4_cached *p, __m256i mask);

FOG_AVX2 void fog_ge4_add(struct fog_ge4_ext *r, const struct fog_ge4_ext *p,
			  const struct fog_ge4_ext *q);
FOG_AVX2 void fog_ge4_add_niels(struct fog_ge4_ext *r, const struct fog_ge4_ext *p,
				const struct fog_ge4_niels *q);
FOG_AVX2 void fog_ge4_add_cached(struct fog_ge4_ext *r, const struct fog_ge4_ext *p,
				 const struct fog_ge4_cached *q);
FOG_AVX2 void fog_ge4_double(struct fog_ge4_ext *r, const struct fog_ge4_ext *p, unsigned times);
FOG_AVX2 __m256i fog_ge4_is_zero(const struct fog_ge4_ext *p);

#endif
#endif
