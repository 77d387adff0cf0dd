/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/secret.h"

#include "crypto/curve/lanes.h"
#include "crypto/curve/window.h"
#include "crypto/mem.h"

#if defined(__x86_64__)

#define BITS    4
#define WINDOWS 64
#define TABLE   (1 << (BITS - 1))

static const struct fog_ge_niels zero = {.ypx = {{1}}, .ymx = {{1}}};

FOG_IFMA_INLINE void niels_select(struct fog_ge8_niels *r, const struct fog_ge8_niels *n,
				  __mmask8 mask)
{
	fe8_select(&r->ypx, &n->ypx, mask);
	fe8_select(&r->ymx, &n->ymx, mask);
	fe8_select(&r->t2d, &n->t2d, mask);
}

/* The sum of the lanes. */
FOG_IFMA static void lanes_join(struct fog_ge_ext *sum, const struct fog_ge8_ext *lanes)
{
	struct fog_ge_row3 row[FE8_LANES];
	struct fog_ge_ext part;
	void *to[FE8_LANES];

	for (unsigned k = 0; k < FE8_LANES; k++)
		to[k] = &row[k];
	lanes_store_ext(to, lanes);
	fog_ge_ext_zero(sum);
	for (unsigned k = 0; k < FE8_LANES; k++) {
		lanes_get_ext(&part, &row[k]);
		fog_ge_add(sum, sum, &part);
	}
	fog_wipe(row, sizeof(row));
	fog_wipe(&part, sizeof(part));
}

/* A lane has every eighth window. */
FOG_IFMA static void known_add(struct fog_ge8_ext *sum, const struct fog_known_table *table,
			       const struct fog_sc *scalar, unsigned first)
{
	struct fog_ge8_niels term, n;
	_Alignas(64) i64 digit[FE8_LANES] = {0};
	const void *p[FE8_LANES];
	__m512i d, size;

	for (unsigned k = 0; k < FE8_LANES && first + k < FOG_KNOWN_WINDOWS; k++)
		digit[k] = window_digit(scalar, FOG_KNOWN_BITS, first + k);
	d = _mm512_load_si512(digit);
	size = _mm512_abs_epi64(d);
	fog_ge8_niels_zero(&term);
	for (unsigned j = 0; j < FOG_KNOWN_MULTIPLE; j++) {
		for (unsigned k = 0; k < FE8_LANES; k++)
			p[k] = first + k < FOG_KNOWN_WINDOWS ? &table->multiple[first + k][j]
							     : &zero;
		lanes_load_niels(&n, p);
		niels_select(&term, &n, _mm512_cmpeq_epi64_mask(size, _mm512_set1_epi64(j + 1)));
	}
	fog_ge8_niels_negate(&term, _mm512_movepi64_mask(d));
	fog_ge8_add_niels(sum, sum, &term);
	fog_wipe(digit, sizeof(digit));
	fog_wipe(&term, sizeof(term));
}

FOG_IFMA void fog_ifma_secret_known_sum(struct fog_ge_ext *sum,
					const struct fog_known_table *const *table,
					const struct fog_sc *scalar, unsigned count)
{
	struct fog_ge8_ext lanes;
	struct fog_sc k;

	fog_ge8_ext_zero(&lanes);
	for (unsigned t = 0; t < count; t++) {
		fog_window_offset(&k, &scalar[t], FOG_KNOWN_BITS);
		for (unsigned i = 0; i < FOG_KNOWN_WINDOWS; i += FE8_LANES)
			known_add(&lanes, table[t], &k, i);
	}
	lanes_join(sum, &lanes);
	fog_wipe(&lanes, sizeof(lanes));
	fog_wipe(&k, sizeof(k));
}

/* A lane has every eighth term. */
struct group {
	struct fog_ge8_niels multiple[TABLE]; /* 1 and up */
	__m512i scalar[4];                    /* offset, see window.h */
};

FOG_IFMA static void group_load(struct group *g, const struct fog_fixed_term *term, unsigned count)
{
	const struct fog_sc none = {{0}};
	_Alignas(64) u64 word[4][FE8_LANES];
	const void *p[FE8_LANES];
	struct fog_sc s;

	for (unsigned k = 0; k < FE8_LANES; k++) {
		fog_window_offset(&s, k < count ? &term[k].scalar : &none, BITS);
		for (unsigned i = 0; i < 4; i++)
			word[i][k] = s.w[i];
	}
	for (unsigned i = 0; i < 4; i++)
		g->scalar[i] = _mm512_load_si512(word[i]);
	for (unsigned j = 0; j < TABLE; j++) {
		for (unsigned k = 0; k < FE8_LANES; k++)
			p[k] = k < count ? &term[k].fixed->multiple[j + 1] : &zero;
		lanes_load_niels(&g->multiple[j], p);
	}
	fog_wipe(word, sizeof(word));
	fog_wipe(&s, sizeof(s));
}

FOG_IFMA static void group_add(struct fog_ge8_ext *sum, const struct group *g, unsigned i)
{
	__m512i d = _mm512_srl_epi64(g->scalar[i / 16], _mm_cvtsi32_si128((int)(BITS * (i % 16))));
	struct fog_ge8_niels term;
	__m512i size;

	d = _mm512_and_si512(d, _mm512_set1_epi64((1 << BITS) - 1));
	d = _mm512_sub_epi64(d, _mm512_set1_epi64(TABLE));
	size = _mm512_abs_epi64(d);
	fog_ge8_niels_zero(&term);
	for (unsigned j = 0; j < TABLE; j++)
		niels_select(&term, &g->multiple[j],
			     _mm512_cmpeq_epi64_mask(size, _mm512_set1_epi64(j + 1)));
	fog_ge8_niels_negate(&term, _mm512_movepi64_mask(d));
	fog_ge8_add_niels(sum, sum, &term);
}

FOG_IFMA void fog_ifma_secret_fixed_sum(struct fog_ge_ext *sum, const struct fog_fixed_term *term,
					unsigned count)
{
	struct group group[(FOG_STRAUS_FIXED_MAX + FE8_LANES - 1) / FE8_LANES];
	unsigned groups = (count + FE8_LANES - 1) / FE8_LANES;
	struct fog_ge8_ext lanes;

	for (unsigned g = 0; g < groups; g++)
		group_load(&group[g], term + g * FE8_LANES,
			   FOG_MIN(count - g * FE8_LANES, FE8_LANES));
	fog_ge8_ext_zero(&lanes);
	for (unsigned i = WINDOWS; i-- > 0;) {
		fog_ge8_double(&lanes, &lanes, BITS);
		for (unsigned g = 0; g < groups; g++)
			group_add(&lanes, &group[g], i);
	}
	lanes_join(sum, &lanes);
	fog_wipe(group, groups * sizeof(*group));
	fog_wipe(&lanes, sizeof(lanes));
}

#else

void fog_ifma_secret_known_sum(struct fog_ge_ext *sum, const struct fog_known_table *const *table,
			       const struct fog_sc *scalar, unsigned count)
{
	FOG_UNREACHABLE();
}

void fog_ifma_secret_fixed_sum(struct fog_ge_ext *sum, const struct fog_fixed_term *term,
			       unsigned count)
{
	FOG_UNREACHABLE();
}

#endif
