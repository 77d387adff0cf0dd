/* SPDX-License-Identifier: BSD-3-Clause */
/* The curve path of CPUs with AVX-512 IFMA. On others it exists and is never supported. */
#include "crypto/curve/ifma.h"

#include "crypto/curve/known.h"
#include "crypto/curve/straus.h"

#if defined(__x86_64__)

/* __builtin_cpu_supports() also asks whether the operating system keeps the registers. */
static bool supported(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512ifma");
}

const struct fog_curve fog_curve_ifma = {
	.name = "ifma",
	.rank = 2,
	.supported = supported,
	.x25519_many = fog_ifma_x25519_many,
	.digest_many = fog_ifma_digest_many,
	.tag_many = fog_ifma_tag_many,
	.decode_many = fog_ifma_decode_many,
	.challenge_many = fog_ifma_challenge_many,
	.check_many = fog_ifma_check_many,
	.pair = fog_ifma_pair,
	.known_many = fog_ifma_known_many,
	.msm = fog_ifma_msm,
	.msm_scratch_size = fog_ifma_msm_scratch_size,
	.straus = fog_ifma_straus,
	.straus_scratch_size = fog_ifma_straus_scratch_size,
	.batch_min = 32,
};

#else

static bool supported(void)
{
	return false;
}

const struct fog_curve fog_curve_ifma = {.name = "ifma", .rank = 2, .supported = supported};

#endif
