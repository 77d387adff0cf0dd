/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/scalar.h"

#include "crypto/curve/fe.h"
#include "crypto/mem.h"

static const u64 order[5] = {0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 0x1000000000000000, 0};

/* floor(2^512 / L), for Barrett's reduction (Handbook of Applied Cryptography, 14.42). */
static const u64 reciprocal[5] = {0xed9ce5a30a2c131b, 0x2106215d086329a7, 0xffffffffffffffeb,
				  0xffffffffffffffff, 0xf};

/* r -= b when that does not go below zero; five words. */
__attribute__((always_inline)) static inline void subtract_once(u64 r[5], const u64 b[5])
{
	u64 t[5], borrow = 0, keep;

	FE_UNROLL
	for (unsigned i = 0; i < 5; i++) {
		fog_u128 d = (fog_u128)r[i] - b[i] - borrow;
		t[i] = (u64)d;
		borrow = (u64)(d >> 64) & 1;
	}
	keep = -borrow;
	FE_UNROLL
	for (unsigned i = 0; i < 5; i++)
		r[i] = (r[i] & keep) | (t[i] & ~keep);
}

bool fog_sc_is_canonical(const u8 in[FOG_SC_SIZE])
{
	u64 borrow = 0;

	FE_UNROLL
	for (unsigned i = 0; i < 4; i++) {
		fog_u128 d = (fog_u128)fog_load_u64(in + 8 * i) - order[i] - borrow;
		borrow = (u64)(d >> 64) & 1;
	}
	return borrow;
}

void fog_sc_load(struct fog_sc *r, const u8 in[FOG_SC_SIZE])
{
	FE_UNROLL
	for (unsigned i = 0; i < 4; i++)
		r->w[i] = fog_load_u64(in + 8 * i);
}

void fog_sc_store(u8 out[FOG_SC_SIZE], const struct fog_sc *a)
{
	FE_UNROLL
	for (unsigned i = 0; i < 4; i++)
		fog_store_u64(out + 8 * i, a->w[i]);
}

/* r[0..n+m-1] = a * b. */
__attribute__((always_inline)) static inline void words_mul(u64 *r, const u64 *a, unsigned n,
							    const u64 *b, unsigned m)
{
	memset(r, 0, (n + m) * sizeof(*r));
	FE_UNROLL
	for (unsigned i = 0; i < n; i++) {
		u64 carry = 0;
		FE_UNROLL
		for (unsigned j = 0; j < m; j++) {
			fog_u128 t = (fog_u128)a[i] * b[j] + r[i + j] + carry;
			r[i + j] = (u64)t;
			carry = (u64)(t >> 64);
		}
		r[i + m] = carry;
	}
}

/* The quotient estimate is at most two short, and the remainder then below 3 L < 2^320. */
void fog_sc_reduce(struct fog_sc *r, const u64 wide[8])
{
	u64 product[10], back[10], t[5], borrow = 0;

	words_mul(product, wide + 3, 5, reciprocal, 5);
	words_mul(back, product + 5, 5, order, 4);
	FE_UNROLL
	for (unsigned i = 0; i < 5; i++) {
		fog_u128 d = (fog_u128)wide[i] - back[i] - borrow;
		t[i] = (u64)d;
		borrow = (u64)(d >> 64) & 1;
	}
	subtract_once(t, order);
	subtract_once(t, order);
	memcpy(r->w, t, sizeof(r->w));
}

void fog_sc_reduce_bytes(struct fog_sc *r, const u8 in[64])
{
	u64 wide[8];

	memcpy(wide, in, sizeof(wide));
	fog_sc_reduce(r, wide);
}

void fog_sc_mul(struct fog_sc *r, const struct fog_sc *a, const struct fog_sc *b)
{
	u64 wide[8];

	words_mul(wide, a->w, 4, b->w, 4);
	fog_sc_reduce(r, wide);
}

void fog_sc_muladd(struct fog_sc *r, const struct fog_sc *a, const struct fog_sc *b,
		   const struct fog_sc *c)
{
	u64 wide[8], carry = 0;

	words_mul(wide, a->w, 4, b->w, 4);
	FE_UNROLL
	for (unsigned i = 0; i < 8; i++) {
		fog_u128 t = (fog_u128)wide[i] + (i < 4 ? c->w[i] : 0) + carry;
		wide[i] = (u64)t;
		carry = (u64)(t >> 64);
	}
	fog_sc_reduce(r, wide);
}

void fog_sc_add(struct fog_sc *r, const struct fog_sc *a, const struct fog_sc *b)
{
	u64 t[5], carry = 0;

	FE_UNROLL
	for (unsigned i = 0; i < 4; i++) {
		fog_u128 s = (fog_u128)a->w[i] + b->w[i] + carry;
		t[i] = (u64)s;
		carry = (u64)(s >> 64);
	}
	t[4] = carry;
	subtract_once(t, order);
	memcpy(r->w, t, sizeof(r->w));
}

void fog_sc_negate(struct fog_sc *r, const struct fog_sc *a)
{
	u64 t[5] = {0}, borrow = 0;

	FE_UNROLL
	for (unsigned i = 0; i < 4; i++) {
		fog_u128 d = (fog_u128)order[i] - a->w[i] - borrow;
		t[i] = (u64)d;
		borrow = (u64)(d >> 64) & 1;
	}
	subtract_once(t, order); /* zero */
	memcpy(r->w, t, sizeof(r->w));
}

/* a to the power L - 2, four bits at a time; the exponent is no secret. */
void fog_sc_invert(struct fog_sc *r, const struct fog_sc *a)
{
	const u64 exponent[4] = {order[0] - 2, order[1], order[2], order[3]};
	struct fog_sc power[16] = {{{1}}}, result = {{1}};

	for (unsigned i = 1; i < 16; i++)
		fog_sc_mul(&power[i], &power[i - 1], a);
	for (unsigned i = 64; i-- > 0;) {
		for (unsigned k = 0; k < 4; k++)
			fog_sc_mul(&result, &result, &result);
		fog_sc_mul(&result, &result, &power[exponent[i / 16] >> 4 * (i % 16) & 15]);
	}
	*r = result;
	fog_wipe(power, sizeof(power));
	fog_wipe(&result, sizeof(result));
}
