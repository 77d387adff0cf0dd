/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/curve.h"

static const struct fog_curve *const paths[] = {
	&fog_curve_portable,
	&fog_curve_avx2,
	&fog_curve_ifma,
};

const struct fog_curve *fog_curve = &fog_curve_portable;

void fog_curve_select(unsigned rank)
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(paths); i++)
		if (paths[i]->rank <= rank && paths[i]->supported())
			fog_curve = paths[i];
}
