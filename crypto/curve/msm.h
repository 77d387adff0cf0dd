/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/ only: sums of multiples of points, in variable time - for public numbers, such as
 * those of a verifier. */
#ifndef FOG_CRYPTO_MSM_H
#define FOG_CRYPTO_MSM_H

#include "crypto/curve/edwards.h"
#include "crypto/curve/scalar.h"

/* Points per call, so that what a call needs is known: a batch of 16,384 signatures and the base
 * point. */
#define FOG_MSM_POINTS_MAX (2 * 16384 + 1)

/* Largest bucket window: a window of c bits has 2^(c - 1) buckets. */
#define FOG_MSM_WINDOW_MAX 11

/* Bytes that fog_msm() writes for up to `count` points; at any alignment of 64. */
size_t fog_msm_scratch_size(unsigned count);

/* sum = the sum of scalar[i] * point[i]. Scalars below 2^253. count may be 0 and is at most
 * FOG_MSM_POINTS_MAX; scratch is aligned to 64 and has fog_msm_scratch_size(count) bytes. */
void fog_msm(struct fog_ge_ext *sum, const struct fog_ge_niels *point, const struct fog_sc *scalar,
	     unsigned count, void *scratch);

#endif
