/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/scalar.h"

#include "crypto/curve/fe.h"
#include "crypto/mem.h"

static const u64 order[4] = {0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 0x1000000000000000};
static const u64 order_twice[4] = {0xb024c634b9eba7da, 0x29bdf3bd45ef39ac, 0, 0x2000000000000000};

/* L = 2^252 + rest. */
static const u64 rest[2] = {0x5812631a5cf5d3ed, 0x14def9dea2f79cd6};
static const struct fog_sc inverse_2_512 = {
	{0xe3cb4454a7881c62, 0xa8c874c758f1ac92, 0x6f193e4ffe76d816, 0xd69cc546619a2d3}};
#define TOP_MASK ((1ull << 60) - 1) /* of word 3, below bit 252 */

/* r = a - b in four words; returns 1 when that is below zero. */
__attribute__((always_inline)) static inline u64 words_sub(u64 *r, const u64 *a, const u64 *b)
{
	u64 borrow = 0;

	FE_UNROLL
	for (unsigned i = 0; i < 4; i++) {
		fog_u128 d = (fog_u128)a[i] - b[i] - borrow;
		r[i] = (u64)d;
		borrow = (u64)(d >> 64) & 1;
	}
	return borrow;
}

__attribute__((always_inline)) static inline void words_add(u64 *r, const u64 *a, const u64 *b)
{
	u64 carry = 0;

	FE_UNROLL
	for (unsigned i = 0; i < 4; i++) {
		fog_u128 t = (fog_u128)a[i] + b[i] + carry;
		r[i] = (u64)t;
		carry = (u64)(t >> 64);
	}
}

/* r -= b when that does not go below zero; four words. */
__attribute__((always_inline)) static inline void subtract_once(u64 *r, const u64 *b)
{
	u64 t[4], keep = -words_sub(t, r, b);

	FE_UNROLL
	for (unsigned i = 0; i < 4; i++)
		r[i] = (r[i] & keep) | (t[i] & ~keep);
}

bool fog_sc_is_canonical(const u8 in[FOG_SC_SIZE])
{
	u64 w[4], difference[4];

	memcpy(w, in, sizeof(w));
	return words_sub(difference, w, order);
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

/* All words have names, since gcc keeps indexed ones in memory, at twice the time. */

/* carry:to = a * b + to + carry. */
#define MULADD(to, a, b)                                          \
	do {                                                      \
		fog_u128 t_ = (fog_u128)(a) * (b) + (to) + carry; \
		(to) = (u64)t_;                                   \
		carry = (u64)(t_ >> 64);                          \
	} while (0)

/* carry:to = to + a + carry. */
#define ADD(to, a)                                          \
	do {                                                \
		fog_u128 t_ = (fog_u128)(to) + (a) + carry; \
		(to) = (u64)t_;                             \
		carry = (u64)(t_ >> 64);                    \
	} while (0)

/* to -= a + borrow, and whether that was too much. */
#define SUB(to, a)                                         \
	do {                                               \
		fog_u128 t_ = (fog_u128)(to) - (a)-borrow; \
		(to) = (u64)t_;                            \
		borrow = (u64)(t_ >> 64) & 1;              \
	} while (0)

/* The bits of high:low from bit 60 on. */
#define FROM_60(high, low) ((low) >> 60 | (high) << 4)

/* 2^252 is -rest: x = h 2^252 + l becomes l - h rest, and h rest, 126 bits shorter, is treated in
 * the same way, three times: l0 - l1 + l2 - h2 rest. With 2 L added that lies between 0 and 4 L. */
__attribute__((always_inline)) static inline void reduce(struct fog_sc *r, u64 x0, u64 x1, u64 x2,
							 u64 x3, u64 x4, u64 x5, u64 x6, u64 x7)
{
	u64 p0 = 0, p1 = 0, p2 = 0, p3 = 0, p4 = 0, p5 = 0, p6, q0 = 0, q1 = 0, q2 = 0, q3 = 0, q4;
	u64 h0 = FROM_60(x4, x3), h1 = FROM_60(x5, x4), h2 = FROM_60(x6, x5);
	u64 h3 = FROM_60(x7, x6), h4 = x7 >> 60, carry = 0, borrow = 0;

	MULADD(p0, h0, rest[0]);
	MULADD(p1, h1, rest[0]);
	MULADD(p2, h2, rest[0]);
	MULADD(p3, h3, rest[0]);
	MULADD(p4, h4, rest[0]);
	p5 = carry;
	carry = 0;
	MULADD(p1, h0, rest[1]);
	MULADD(p2, h1, rest[1]);
	MULADD(p3, h2, rest[1]);
	MULADD(p4, h3, rest[1]);
	MULADD(p5, h4, rest[1]);
	p6 = carry; /* p below 2^385 */
	h0 = FROM_60(p4, p3);
	h1 = FROM_60(p5, p4);
	h2 = FROM_60(p6, p5);
	carry = 0;
	MULADD(q0, h0, rest[0]);
	MULADD(q1, h1, rest[0]);
	MULADD(q2, h2, rest[0]);
	q3 = carry;
	carry = 0;
	MULADD(q1, h0, rest[1]);
	MULADD(q2, h1, rest[1]);
	MULADD(q3, h2, rest[1]);
	q4 = carry; /* q below 2^258 */
	h0 = FROM_60(q4, q3);
	x3 &= TOP_MASK;
	carry = 0;
	ADD(x0, q0);
	ADD(x1, q1);
	ADD(x2, q2);
	ADD(x3, q3 & TOP_MASK);
	carry = 0;
	ADD(x0, order_twice[0]);
	ADD(x1, order_twice[1]);
	ADD(x2, 0);
	ADD(x3, order_twice[3]);
	SUB(x0, p0);
	SUB(x1, p1);
	SUB(x2, p2);
	SUB(x3, p3 & TOP_MASK);
	q0 = q1 = 0;
	carry = borrow = 0;
	MULADD(q0, h0, rest[0]);
	MULADD(q1, h0, rest[1]);
	SUB(x0, q0);
	SUB(x1, q1);
	SUB(x2, carry);
	SUB(x3, 0);
	*r = (struct fog_sc){{x0, x1, x2, x3}};
	subtract_once(r->w, order_twice);
	subtract_once(r->w, order);
}

void fog_sc_reduce(struct fog_sc *r, const u64 wide[8])
{
	reduce(r, wide[0], wide[1], wide[2], wide[3], wide[4], wide[5], wide[6], wide[7]);
}

void fog_sc_reduce_bytes(struct fog_sc *r, const u8 in[64])
{
	u64 wide[8];

	memcpy(wide, in, sizeof(wide));
	fog_sc_reduce(r, wide);
}

void fog_sc_muladd(struct fog_sc *r, const struct fog_sc *a, const struct fog_sc *b,
		   const struct fog_sc *c)
{
	const u64 a0 = a->w[0], a1 = a->w[1], a2 = a->w[2], a3 = a->w[3];
	const u64 b0 = b->w[0], b1 = b->w[1], b2 = b->w[2], b3 = b->w[3];
	u64 x0 = c->w[0], x1 = c->w[1], x2 = c->w[2], x3 = c->w[3], x4, x5, x6, carry = 0;

	MULADD(x0, a0, b0);
	MULADD(x1, a0, b1);
	MULADD(x2, a0, b2);
	MULADD(x3, a0, b3);
	x4 = carry;
	carry = 0;
	MULADD(x1, a1, b0);
	MULADD(x2, a1, b1);
	MULADD(x3, a1, b2);
	MULADD(x4, a1, b3);
	x5 = carry;
	carry = 0;
	MULADD(x2, a2, b0);
	MULADD(x3, a2, b1);
	MULADD(x4, a2, b2);
	MULADD(x5, a2, b3);
	x6 = carry;
	carry = 0;
	MULADD(x3, a3, b0);
	MULADD(x4, a3, b1);
	MULADD(x5, a3, b2);
	MULADD(x6, a3, b3);
	reduce(r, x0, x1, x2, x3, x4, x5, x6, carry);
}

void fog_sc_mul(struct fog_sc *r, const struct fog_sc *a, const struct fog_sc *b)
{
	const struct fog_sc zero = {{0}};

	fog_sc_muladd(r, a, b, &zero);
}

void fog_sc_add(struct fog_sc *r, const struct fog_sc *a, const struct fog_sc *b)
{
	words_add(r->w, a->w, b->w);
	subtract_once(r->w, order);
}

void fog_sc_sub(struct fog_sc *r, const struct fog_sc *a, const struct fog_sc *b)
{
	u64 below = -words_sub(r->w, a->w, b->w), back[4];

	FE_UNROLL
	for (unsigned i = 0; i < 4; i++)
		back[i] = order[i] & below;
	words_add(r->w, r->w, back);
}

void fog_sc_negate(struct fog_sc *r, const struct fog_sc *a)
{
	const struct fog_sc zero = {{0}};

	fog_sc_sub(r, &zero, a);
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

static bool is_less(const u64 *a, const u64 *b)
{
	u64 difference[4];

	return words_sub(difference, a, b) != 0;
}

/* Takes the zero bits at the low end off a, which is not zero, and multiplies b by as much. */
static unsigned halve(u64 a[4], u64 b[4])
{
	unsigned total = 0, zeros;

	for (; a[0] == 0; total += 32) {
		/* No more than 63 bits at a time. */
		for (unsigned i = 0; i < 3; i++)
			a[i] = a[i] >> 32 | a[i + 1] << 32;
		a[3] >>= 32;
		for (unsigned i = 3; i > 0; i--)
			b[i] = b[i] << 32 | b[i - 1] >> 32;
		b[0] <<= 32;
	}
	zeros = (unsigned)__builtin_ctzll(a[0]);
	if (zeros == 0)
		return total;
	for (unsigned i = 0; i < 3; i++)
		a[i] = a[i] >> zeros | a[i + 1] << (64 - zeros);
	a[3] >>= zeros;
	for (unsigned i = 3; i > 0; i--)
		b[i] = b[i] << zeros | b[i - 1] >> (64 - zeros);
	b[0] <<= zeros;
	return total + zeros;
}

/* Kaliski's almost inverse (1995): a r = -u 2^k and a s = v 2^k modulo L, and u s + v r = L, until
 * u and v are 1. */
void fog_sc_invert_vartime(struct fog_sc *out, const struct fog_sc *a)
{
	u64 u[4] = {order[0], order[1], order[2], order[3]}, r[4] = {0}, s[4] = {1}, v[4];
	u64 power[8] = {0};
	struct fog_sc x;
	unsigned k;

	memcpy(v, a->w, sizeof(v));
	if ((v[0] | v[1] | v[2] | v[3]) == 0) {
		*out = (struct fog_sc){{0}};
		return;
	}
	k = halve(v, r);
	while (memcmp(u, v, sizeof(u)) != 0) {
		if (is_less(v, u)) {
			words_sub(u, u, v);
			words_add(r, r, s);
			k += halve(u, s);
		} else {
			words_sub(v, v, u);
			words_add(s, s, r);
			k += halve(v, r);
		}
	}
	FOG_ASSERT(k <= 512);
	power[(512 - k) / 64] = 1ull << (512 - k) % 64;
	fog_sc_reduce(&x, power);
	memcpy(out->w, r, sizeof(r));
	fog_sc_negate(out, out);
	fog_sc_mul(out, out, &x);
	fog_sc_mul(out, out, &inverse_2_512);
}
