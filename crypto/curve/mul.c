/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/edwards.h"

#include "crypto/curve/window.h"
#include "crypto/mem.h"

#define BITS    4
#define WINDOWS 64
#define TABLE   (1 << (BITS - 1))

/* 1 when a = b, for small numbers. */
static u8 is_equal(u32 a, u32 b)
{
	return (u8)(((a ^ b) - 1) >> 31);
}

/* Looks at every entry. */
static void table_select(struct fog_ge_cached *r, const struct fog_ge_cached *table, int digit)
{
	u32 negative = (u32)digit >> 31;
	u32 size = ((u32)digit ^ -negative) + negative;

	*r = table[0];
	for (u32 j = 1; j <= TABLE; j++) {
		u8 here = is_equal(j, size);
		fe_select(&r->ypx, &table[j].ypx, here);
		fe_select(&r->ymx, &table[j].ymx, here);
		fe_select(&r->z2, &table[j].z2, here);
		fe_select(&r->t2d, &table[j].t2d, here);
	}
	fog_ge_cached_negate(r, (u8)negative);
}

void fog_ge_mul_secret(struct fog_ge_ext *r, const struct fog_ge_ext *p,
		       const u8 scalar[FOG_SC_SIZE])
{
	struct fog_ge_cached table[TABLE + 1], term;
	struct fog_ge_ext multiple;
	struct fog_sc k;

	fog_ge_ext_zero(&multiple);
	fog_ge_cached_from_ext(&table[0], &multiple);
	multiple = *p;
	for (unsigned j = 1; j <= TABLE; j++) {
		fog_ge_cached_from_ext(&table[j], &multiple);
		fog_ge_add_cached(&multiple, &multiple, &table[1]);
	}
	fog_sc_load(&k, scalar);
	fog_window_offset(&k, &k, BITS);
	fog_ge_ext_zero(r);
	for (unsigned i = WINDOWS; i-- > 0;) {
		fog_ge_double(r, r, BITS);
		table_select(&term, table, window_digit(&k, BITS, i));
		fog_ge_add_cached(r, r, &term);
	}
	fog_wipe(&k, sizeof(k));
	fog_wipe(&term, sizeof(term));
	fog_wipe(table, sizeof(table));
}
