/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/edwards.h"

#include <errno.h>

#define FORMULAS_ATTR
#define FORMULAS_FE   struct fe
#define FORMULAS_MASK u8
#define FORMULAS_ALL  1
#define FORMULAS_WAYS 1
#define FORMULAS_WORD u64
#define F(name)       fe_##name
#define P(name)       fog_fe_##name
#define G(name)       fog_ge_##name
#include "crypto/curve/formulas.h"

static void words_load(u64 w[4], const u8 in[FOG_POINT_SIZE])
{
	for (unsigned i = 0; i < 4; i++)
		w[i] = fog_load_u64(in + 8 * i);
}

int fog_ge_from_bytes(struct fog_ge_affine *p, const u8 in[FOG_POINT_SIZE])
{
	u64 w[1][4];
	u8 good;

	words_load(w[0], in);
	fog_ge_decode(p, &good, (const u64(*)[4])w);
	return good ? 0 : -EBADMSG;
}

void fog_ge_affine_to_bytes(u8 out[FOG_POINT_SIZE], const struct fog_ge_affine *p)
{
	u64 w[4];

	fe_to_words(w, &p->y);
	w[3] |= (u64)fe_is_odd(&p->x) << 63;
	for (unsigned i = 0; i < 4; i++)
		fog_store_u64(out + 8 * i, w[i]);
}

void fog_ge_to_bytes(u8 out[FOG_POINT_SIZE], const struct fog_ge_ext *p)
{
	struct fog_ge_affine a;

	fog_ge_normalize(&a, p, 1);
	fog_ge_affine_to_bytes(out, &a);
}

/* Montgomery's trick: out[i].x first holds the product of all Z before i. */
void fog_ge_normalize(struct fog_ge_affine *out, const struct fog_ge_ext *p, unsigned count)
{
	struct fe all, inverse;

	fe_set(&all, 1);
	for (unsigned i = 0; i < count; i++) {
		out[i].x = all;
		fe_mul(&all, &all, &p[i].z);
	}
	fog_fe_invert(&all, &all);
	for (unsigned i = count; i-- > 0;) {
		fe_mul(&inverse, &all, &out[i].x);
		fe_mul(&all, &all, &p[i].z);
		fe_mul(&out[i].x, &p[i].x, &inverse);
		fe_mul(&out[i].y, &p[i].y, &inverse);
	}
}

/* The values of y: 0, 1, -1 and the two of the points of order eight. */
static const u64 small_order_y[][4] = {
	{0, 0, 0, 0},
	{1, 0, 0, 0},
	{0xffffffffffffffec, 0xffffffffffffffff, 0xffffffffffffffff, 0x7fffffffffffffff},
	{0xb027b2c28f95e826, 0xf098eff289f4c345, 0x3933c6d305acdfd5, 0x05fc536d880238b1},
	{0x4fd84d3d706a17c7, 0x0f67100d760b3cba, 0xc6cc392cfa53202a, 0x7a03ac9277fdc74e},
};

bool fog_ge_is_small_order(const u8 encoding[FOG_POINT_SIZE])
{
	u8 found = 0;
	u64 w[4];

	words_load(w, encoding);
	w[3] &= ~(1ull << 63);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(small_order_y); i++)
		found |= memcmp(w, small_order_y[i], sizeof(w)) == 0;
	return found;
}
