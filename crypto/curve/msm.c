/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/msm.h"

#include "crypto/curve/curve.h"

size_t fog_msm_scratch_size(unsigned count)
{
	FOG_ASSERT(count <= FOG_MSM_POINTS_MAX);
	return fog_curve->msm_scratch_size(count);
}

void fog_msm(struct fog_ge_ext *sum, const struct fog_ge_niels *point, const struct fog_sc *scalar,
	     unsigned count, void *scratch)
{
	FOG_ASSERT(count <= FOG_MSM_POINTS_MAX);
	fog_curve->msm(sum, point, scalar, count, scratch);
}
