/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/ifma.h"

#include "crypto/mem.h"

#include <errno.h>
#include <string.h>

#if defined(__x86_64__)

#include "crypto/curve/edwards8.h"

FOG_IFMA_INLINE __mmask8 bit_mask(__m512i word, unsigned i)
{
	return _mm512_test_epi64_mask(word, _mm512_set1_epi64((long long)(1ull << i)));
}

/* With eight groups the inversion is 1 % of the work, alone 9 %. */
#define LANES_GROUPS       8
#define LANES_FEWEST       2
#define LANES              FE8_LANES
#define LANES_ATTR         FOG_IFMA
#define LANES_FE           struct fe8
#define LANES_WORD         __m512i
#define LANES_MASK         __mmask8
#define LANES_BIT(word, i) bit_mask(word, i)
#define LANES_X25519       fog_ifma_x25519_many
#define F(name)            fe8_##name
#define F_LOOSE(name)      fe8_##name
#define P(name)            fog_fe8_##name
#include "crypto/curve/x25519_lanes.h"

#endif
