/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/straus.h"

#include "crypto/curve/lanes4.h"
#include "crypto/curve/window.h"

#if defined(__x86_64__)

/* All ones in the lanes whose bit is set. */
FOG_AVX2_INLINE __m256i mask_of(unsigned bits)
{
	const __m256i lane = _mm256_set_epi64x(8, 4, 2, 1);

	return _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x(bits), lane), lane);
}

#define LANES                   FE4_LANES
#define LANES_ATTR              FOG_AVX2
#define G(name)                 fog_ge4_##name
#define LANES_LOAD(form, r, p)  lanes4_load_##form(r, p)
#define LANES_STORE(form, p, r) lanes4_store_##form(p, r)
#define LANES_MASK(bits)        mask_of(bits)
#define LANES_STRAUS            fog_avx2_straus
#define LANES_SCRATCH           fog_avx2_straus_scratch_size
#include "crypto/curve/straus_lanes.h"

#endif
