/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/known.h"

#include "crypto/curve/window.h"

void fog_known_table_init(struct fog_known_table *t, const struct fog_ge_ext *point)
{
	struct fog_ge_ext sum[FOG_KNOWN_MULTIPLE], p = *point;
	struct fog_ge_affine affine[FOG_KNOWN_MULTIPLE];
	struct fog_ge_cached cached;

	for (unsigned i = 0; i < FOG_KNOWN_WINDOWS; i++) {
		fog_ge_cached_from_ext(&cached, &p);
		sum[0] = p;
		for (unsigned j = 1; j < FOG_KNOWN_MULTIPLE; j++)
			fog_ge_add_cached(&sum[j], &sum[j - 1], &cached);
		fog_ge_normalize(affine, sum, FOG_KNOWN_MULTIPLE);
		for (unsigned j = 0; j < FOG_KNOWN_MULTIPLE; j++)
			fog_ge_niels_from_affine(&t->multiple[i][j], &affine[j]);
		fog_ge_double(&p, &p, FOG_KNOWN_BITS);
	}
}

static void digit_add(struct fog_ge_ext *sum, const struct fog_known_table *t, unsigned i,
		      int digit)
{
	if (digit == 0)
		return;
	struct fog_ge_niels n = t->multiple[i][(digit < 0 ? -digit : digit) - 1];
	fog_ge_niels_negate(&n, digit < 0);
	fog_ge_add_niels(sum, sum, &n);
}

void fog_portable_known_many(bool *good, const struct fog_known_table *base,
			     const struct fog_known_check *check, unsigned count)
{
	for (unsigned c = 0; c < count; c++) {
		struct fog_ge_niels r = check[c].r;
		struct fog_ge_ext sum;
		struct fog_sc s, k;

		fog_window_offset(&s, &check[c].s, FOG_KNOWN_BITS);
		fog_window_offset(&k, &check[c].k, FOG_KNOWN_BITS);
		fog_ge_ext_zero(&sum);
		for (unsigned i = 0; i < FOG_KNOWN_WINDOWS; i++) {
			digit_add(&sum, base, i, window_digit(&s, FOG_KNOWN_BITS, i));
			digit_add(&sum, check[c].key, i, window_digit(&k, FOG_KNOWN_BITS, i));
		}
		fog_ge_niels_negate(&r, 1);
		fog_ge_add_niels(&sum, &sum, &r);
		fog_ge_double(&sum, &sum, 3);
		good[c] = fog_ge_is_zero(&sum);
	}
}
