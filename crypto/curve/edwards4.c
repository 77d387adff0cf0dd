/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/edwards4.h"

#if defined(__x86_64__)

/* As calls: a product is 250 instructions, and sixty of them inlined take a sanitizer's compiler
 * minutes. */
FOG_AVX2 __attribute__((noinline)) static void product(struct fe4 *r, const struct fe4 *a,
						       const struct fe4 *b)
{
	fe4_mul(r, a, b);
}

FOG_AVX2 __attribute__((noinline)) static void squared(struct fe4 *r, const struct fe4 *a)
{
	fe4_sqr(r, a);
}

#define fe4_mul product
#define fe4_sqr squared

#define FORMULAS_ATTR FOG_AVX2
#define FORMULAS_FE   struct fe4
#define FORMULAS_MASK __m256i
#define FORMULAS_ALL  _mm256_set1_epi64x(-1)
#define FORMULAS_WAYS 1
#define FORMULAS_WORD __m256i
#define F(name)       fe4_##name
#define P(name)       fog_fe4_##name
#define G(name)       fog_ge4_##name
#include "crypto/curve/formulas.h"

#endif
