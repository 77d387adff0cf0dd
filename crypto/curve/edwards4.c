/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/edwards4.h"

#if defined(__x86_64__)

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
