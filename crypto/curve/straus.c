/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/straus.h"

#include "crypto/curve/curve.h"
#include "crypto/curve/window.h"

void fog_fixed_init(struct fog_fixed *f, const struct fog_ge_ext *point)
{
	struct fog_ge_ext multiple[FOG_FIXED_TABLE];
	struct fog_ge_affine affine[FOG_FIXED_TABLE];
	struct fog_ge_cached cached;

	fog_ge_cached_from_ext(&cached, point);
	fog_ge_ext_zero(&multiple[0]);
	for (unsigned j = 1; j < FOG_FIXED_TABLE; j++)
		fog_ge_add_cached(&multiple[j], &multiple[j - 1], &cached);
	fog_ge_normalize(affine, multiple, FOG_FIXED_TABLE);
	for (unsigned j = 0; j < FOG_FIXED_TABLE; j++)
		fog_ge_niels_from_affine(&f->multiple[j], &affine[j]);
}

static void fixed_sum(struct fog_ge_ext *sum, const struct fog_fixed_term *term, unsigned count)
{
	struct fog_sc scalar[FOG_STRAUS_FIXED_MAX];
	struct fog_ge_niels n;

	FOG_ASSERT(count <= FOG_STRAUS_FIXED_MAX);
	fog_ge_ext_zero(sum);
	for (unsigned k = 0; k < count; k++)
		fog_window_offset(&scalar[k], &term[k].scalar, FOG_FIXED_BITS);
	for (unsigned i = FOG_FIXED_WINDOWS; i-- > 0;) {
		fog_ge_double(sum, sum, FOG_FIXED_BITS);
		for (unsigned k = 0; k < count; k++) {
			int digit = window_digit(&scalar[k], FOG_FIXED_BITS, i);
			if (digit == 0)
				continue;
			n = term[k].fixed->multiple[abs(digit)];
			fog_ge_niels_negate(&n, digit < 0);
			fog_ge_add_niels(sum, sum, &n);
		}
	}
}

void fog_portable_straus(struct fog_ge_ext sum[], const struct fog_straus *s, void *scratch)
{
	struct fog_ge_ext part;

	FOG_ASSERT(s->sums == 1 || (s->sums == 2 && s->count == 0));
	for (unsigned j = 0; j < s->sums; j++)
		fixed_sum(&sum[j], s->fixed[j], s->terms[j]);
	if (s->count > 0) {
		fog_portable_msm(&part, s->point, s->scalar, s->count, scratch);
		fog_ge_add(&sum[0], &sum[0], &part);
	}
}

size_t fog_portable_straus_scratch_size(unsigned count)
{
	return fog_portable_msm_scratch_size(count);
}

size_t fog_straus_scratch_size(unsigned count)
{
	return fog_curve->straus_scratch_size(count);
}

void fog_straus_sum(struct fog_ge_ext sum[], const struct fog_straus *s, void *scratch)
{
	fog_curve->straus(sum, s, scratch);
}
