/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/edwards8.h"

#if defined(__x86_64__)

#define FORMULAS_ATTR FOG_IFMA
#define FORMULAS_FE   struct fe8
#define FORMULAS_MASK __mmask8
#define FORMULAS_ALL  0xff
#define FORMULAS_WAYS 2
#define FORMULAS_WORD __m512i
#define F(name)       fe8_##name
#define P(name)       fog_fe8_##name
#define G(name)       fog_ge8_##name
#include "crypto/curve/formulas.h"

#endif
