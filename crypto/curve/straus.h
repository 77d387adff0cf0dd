/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/ only: sums of multiples of few points, all of which share one row of doublings
 * (Straus, "Addition chains of vectors", 1964). Points that are known in advance, as the generators
 * of proofs are, bring a table with them and then cost a third. Variable time: for public numbers
 * only. */
#ifndef FOG_CRYPTO_CURVE_STRAUS_H
#define FOG_CRYPTO_CURVE_STRAUS_H

#include "crypto/curve/edwards.h"
#include "crypto/curve/scalar.h"

/* Signed windows of eight bits are the bytes of a scalar to which half of each was added. */
#define FOG_FIXED_BITS    8
#define FOG_FIXED_WINDOWS 32
#define FOG_FIXED_TABLE   ((1 << (FOG_FIXED_BITS - 1)) + 1)
/* Terms with tables of one sum: two vectors of 64 and two more. */
#define FOG_STRAUS_FIXED_MAX 132

/* multiple[j] = j P, 16 KiB. */
struct fog_fixed {
	struct fog_ge_niels multiple[FOG_FIXED_TABLE];
};

/* About 60 us. */
void fog_fixed_init(struct fog_fixed *f, const struct fog_ge_ext *point);

/* A product; the scalar is below 2^253. */
struct fog_fixed_term {
	const struct fog_fixed *fixed;
	struct fog_sc scalar;
};

/* What is summed: to sum[i] go the terms[i] fixed terms from fixed[i] on and, to sum[0] only, count
 * products of points without tables. Scalars are below 2^253. */
struct fog_straus {
	unsigned sums; /* 1 or 2: two run side by side and cost little more than one */
	const struct fog_fixed_term *fixed[2];
	unsigned terms[2];
	const struct fog_ge_niels *point;
	const struct fog_sc *scalar;
	unsigned count;
};

/* Bytes that fog_straus_sum() writes for `count` points without tables; at an alignment of 64. */
size_t fog_straus_scratch_size(unsigned count);
void fog_straus_sum(struct fog_ge_ext sum[], const struct fog_straus *s, void *scratch);

/* Members of curve.h's paths. */
void fog_portable_straus(struct fog_ge_ext sum[], const struct fog_straus *s, void *scratch);
size_t fog_portable_straus_scratch_size(unsigned count);
void fog_avx2_straus(struct fog_ge_ext sum[], const struct fog_straus *s, void *scratch);
size_t fog_avx2_straus_scratch_size(unsigned count);
void fog_ifma_straus(struct fog_ge_ext sum[], const struct fog_straus *s, void *scratch);
size_t fog_ifma_straus_scratch_size(unsigned count);

#endif
