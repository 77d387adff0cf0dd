/* SPDX-License-Identifier: BSD-3-Clause */
/* Eight equations at once, each lane with the tables of its own key. */
#include "crypto/curve/ifma.h"
#include "crypto/curve/known.h"

#include "crypto/curve/lanes.h"
#include "crypto/curve/window.h"

#if defined(__x86_64__)

#define AHEAD 3 /* windows whose points are asked for in advance */

struct eight {
	const struct fog_known_table *table[FE8_LANES];
	struct fog_sc scalar[FE8_LANES]; /* offset, see window.h */
};

static const struct fog_ge_niels zero = {.ypx = {{1}}, .ymx = {{1}}};

static inline const struct fog_ge_niels *point_at(const struct eight *e, unsigned lane, unsigned i,
						  int digit)
{
	unsigned size = (unsigned)(digit < 0 ? -digit : digit);

	return size == 0 ? &zero : &e->table[lane]->multiple[i][size - 1];
}

/* gcc drops calls of functions that do nothing but prefetch. */
FOG_IFMA_INLINE void eight_prefetch(const struct eight *e, unsigned i)
{
	if (i >= FOG_KNOWN_WINDOWS)
		return;
	for (unsigned lane = 0; lane < FE8_LANES; lane++) {
		int digit = window_digit(&e->scalar[lane], FOG_KNOWN_BITS, i);
		const char *p = (const char *)point_at(e, lane, i, digit);

		_mm_prefetch(p, _MM_HINT_T0);
		_mm_prefetch(p + 64, _MM_HINT_T0);
	}
}

FOG_IFMA static void eight_add(struct fog_ge8_ext *sum, const struct eight *e, unsigned i)
{
	struct fog_ge8_niels n;
	const void *p[FE8_LANES];
	__mmask8 negative = 0;

	eight_prefetch(e, i + AHEAD);
	for (unsigned lane = 0; lane < FE8_LANES; lane++) {
		int digit = window_digit(&e->scalar[lane], FOG_KNOWN_BITS, i);

		p[lane] = point_at(e, lane, i, digit);
		negative |= (__mmask8)((digit < 0) << lane);
	}
	lanes_load_niels(&n, p);
	fog_ge8_niels_negate(&n, negative);
	fog_ge8_add_niels(sum, sum, &n);
}

FOG_IFMA static __mmask8 check_eight(const struct fog_known_table *base,
				     const struct fog_known_check *const check[FE8_LANES])
{
	struct eight s, k;
	struct fog_ge8_ext sum;
	struct fog_ge8_niels n;
	const void *r[FE8_LANES];

	for (unsigned lane = 0; lane < FE8_LANES; lane++) {
		s.table[lane] = base;
		k.table[lane] = check[lane]->key;
		fog_window_offset(&s.scalar[lane], &check[lane]->s, FOG_KNOWN_BITS);
		fog_window_offset(&k.scalar[lane], &check[lane]->k, FOG_KNOWN_BITS);
		r[lane] = &check[lane]->r;
	}
	fog_ge8_ext_zero(&sum);
	for (unsigned i = 0; i < FOG_KNOWN_WINDOWS; i++) {
		eight_add(&sum, &k, i);
		eight_add(&sum, &s, i);
	}
	lanes_load_niels(&n, r);
	fog_ge8_niels_negate(&n, 0xff);
	fog_ge8_add_niels(&sum, &sum, &n);
	fog_ge8_double(&sum, &sum, 3);
	return fog_ge8_is_zero(&sum);
}

FOG_IFMA void fog_ifma_known_many(bool *good, const struct fog_known_table *base,
				  const struct fog_known_check *check, unsigned count)
{
	for (unsigned first = 0; first < count; first += FE8_LANES) {
		const struct fog_known_check *at[FE8_LANES];
		unsigned n = FOG_MIN(count - first, FE8_LANES);

		for (unsigned i = 0; i < FE8_LANES; i++)
			at[i] = &check[first + (i < n ? i : 0)];
		__mmask8 mask = check_eight(base, at);
		for (unsigned i = 0; i < n; i++)
			good[first + i] = mask >> i & 1;
	}
}

#endif
