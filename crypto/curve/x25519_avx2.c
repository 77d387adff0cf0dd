/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/curve.h"

#include "crypto/mem.h"

#include <errno.h>
#include <string.h>

#if defined(__x86_64__)

#include "crypto/curve/edwards4.h"

FOG_AVX2_INLINE __m256i bit_mask(__m256i word, unsigned i)
{
	__m256i bit = _mm256_srl_epi64(word, _mm_cvtsi32_si128((int)i));

	return _mm256_sub_epi64(_mm256_setzero_si256(),
				_mm256_and_si256(bit, _mm256_set1_epi64x(1)));
}

#define LANES_GROUPS       16
#define LANES_FEWEST       3
#define LANES              FE4_LANES
#define LANES_ATTR         FOG_AVX2
#define LANES_FE           struct fe4
#define LANES_WORD         __m256i
#define LANES_MASK         __m256i
#define LANES_BIT(word, i) bit_mask(word, i)
#define LANES_X25519       fog_avx2_x25519_many
#define F(name)            fe4_##name
#define F_LOOSE(name)      fe4_##name##_raw
#define P(name)            fog_fe4_##name
#include "crypto/curve/x25519_lanes.h"

#endif
