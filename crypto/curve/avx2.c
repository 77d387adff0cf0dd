/* SPDX-License-Identifier: BSD-3-Clause */
/* The curve path of CPUs with AVX2 but no IFMA: X25519, decoding and sums of points with
 * tables in four lanes. Other sums are not faster in them: a product of four lanes takes as long as
 * two and a half alone, and one by one sparse digits need a quarter fewer additions. */
#include "crypto/curve/curve.h"

#include "crypto/curve/known.h"
#include "crypto/curve/straus.h"
#include "crypto/mem.h"

#if defined(__x86_64__)

#include "crypto/curve/edwards4.h"
#include "crypto/curve/lanes4.h"

/* Up to four. */
FOG_AVX2 static void decode_some(struct fog_ge_niels *out, bool *good, const u8 *const *in,
				 unsigned count)
{
	_Alignas(32) u64 word[4][FE4_LANES], mask[FE4_LANES];
	struct fog_ge4_affine p;
	struct fog_ge4_niels n;
	struct fog_ge_niels spare;
	__m256i w[1][4], ok;
	void *to[FE4_LANES];

	for (unsigned k = 0; k < FE4_LANES; k++) {
		for (unsigned i = 0; i < 4; i++)
			word[i][k] = fog_load_u64(in[k < count ? k : 0] + 8 * i);
		to[k] = k < count ? &out[k] : &spare;
	}
	for (unsigned i = 0; i < 4; i++)
		w[0][i] = _mm256_load_si256((const __m256i *)word[i]);
	fog_ge4_decode(&p, &ok, (const __m256i(*)[4])w);
	fog_ge4_niels_from_affine(&n, &p);
	lanes4_store_niels(to, &n);
	_mm256_store_si256((__m256i *)mask, ok);
	for (unsigned k = 0; k < count; k++)
		good[k] = mask[k] & 1;
}

/* One alone is faster without lanes. */
static void decode_many(struct fog_ge_niels *out, bool *good, const u8 *const *in, unsigned count)
{
	for (unsigned i = 0; i < count; i += FE4_LANES) {
		unsigned n = FOG_MIN(count - i, FE4_LANES);
		if (n == 1)
			fog_portable_decode_many(out + i, good + i, in + i, 1);
		else
			decode_some(out + i, good + i, in + i, n);
	}
}

static bool supported(void)
{
	return __builtin_cpu_supports("avx2");
}

const struct fog_curve fog_curve_avx2 = {
	.name = "avx2",
	.rank = 1,
	.supported = supported,
	.x25519_many = fog_avx2_x25519_many,
	.digest_many = fog_portable_digest_many,
	.tag_many = fog_portable_tag_many,
	.decode_many = decode_many,
	.challenge_many = fog_portable_challenge_many,
	.check_many = fog_portable_check_many,
	.pair = fog_portable_pair,
	.known_many = fog_portable_known_many,
	.msm = fog_portable_msm,
	.msm_scratch_size = fog_portable_msm_scratch_size,
	.straus = fog_avx2_straus,
	.straus_scratch_size = fog_avx2_straus_scratch_size,
	.batch_min = 4,
};

#else

static bool supported(void)
{
	return false;
}

const struct fog_curve fog_curve_avx2 = {.name = "avx2", .rank = 1, .supported = supported};

#endif
