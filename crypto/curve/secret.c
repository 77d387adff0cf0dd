/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/secret.h"

#include "crypto/curve/curve.h"
#include "crypto/curve/window.h"
#include "crypto/mem.h"

#define BITS    4
#define WINDOWS 64

/* 1 when a = b, for small numbers. */
static u8 is_equal(u32 a, u32 b)
{
	return (u8)(((a ^ b) - 1) >> 31);
}

/* r = digit times a point of which table[j] is j + 1 times it. */
static void multiple_select(struct fog_ge_niels *r, const struct fog_ge_niels *table, u32 count,
			    int digit)
{
	u32 negative = (u32)digit >> 31;
	u32 size = ((u32)digit ^ -negative) + negative;

	fog_ge_niels_zero(r);
	for (u32 j = 0; j < count; j++) {
		u8 here = is_equal(j + 1, size);
		fe_select(&r->ypx, &table[j].ypx, here);
		fe_select(&r->ymx, &table[j].ymx, here);
		fe_select(&r->t2d, &table[j].t2d, here);
	}
	fog_ge_niels_negate(r, (u8)negative);
}

static void known_sum(struct fog_ge_ext *sum, const struct fog_known_table *const *table,
		      const struct fog_sc *scalar, unsigned count)
{
	struct fog_ge_niels n;
	struct fog_sc k;

	fog_ge_ext_zero(sum);
	for (unsigned t = 0; t < count; t++) {
		fog_window_offset(&k, &scalar[t], FOG_KNOWN_BITS);
		for (unsigned i = 0; i < FOG_KNOWN_WINDOWS; i++) {
			multiple_select(&n, table[t]->multiple[i], FOG_KNOWN_MULTIPLE,
					window_digit(&k, FOG_KNOWN_BITS, i));
			fog_ge_add_niels(sum, sum, &n);
		}
	}
	fog_wipe(&k, sizeof(k));
	fog_wipe(&n, sizeof(n));
}

static void fixed_sum(struct fog_ge_ext *sum, const struct fog_fixed_term *term, unsigned count)
{
	struct fog_sc scalar[FOG_STRAUS_FIXED_MAX];
	struct fog_ge_niels n;

	for (unsigned t = 0; t < count; t++)
		fog_window_offset(&scalar[t], &term[t].scalar, BITS);
	fog_ge_ext_zero(sum);
	for (unsigned i = WINDOWS; i-- > 0;) {
		fog_ge_double(sum, sum, BITS);
		for (unsigned t = 0; t < count; t++) {
			multiple_select(&n, term[t].fixed->multiple + 1, 1 << (BITS - 1),
					window_digit(&scalar[t], BITS, i));
			fog_ge_add_niels(sum, sum, &n);
		}
	}
	fog_wipe(scalar, count * sizeof(*scalar));
	fog_wipe(&n, sizeof(n));
}

void fog_secret_known_sum(struct fog_ge_ext *sum, const struct fog_known_table *const *table,
			  const struct fog_sc *scalar, unsigned count)
{
	FOG_ASSERT(count <= FOG_SECRET_KNOWN_MAX);
	if (fog_curve == &fog_curve_ifma)
		fog_ifma_secret_known_sum(sum, table, scalar, count);
	else
		known_sum(sum, table, scalar, count);
}

void fog_secret_fixed_sum(struct fog_ge_ext *sum, const struct fog_fixed_term *term, unsigned count)
{
	FOG_ASSERT(count <= FOG_STRAUS_FIXED_MAX);
	if (fog_curve == &fog_curve_ifma)
		fog_ifma_secret_fixed_sum(sum, term, count);
	else
		fixed_sum(sum, term, count);
}
