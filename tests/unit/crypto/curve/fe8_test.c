/* SPDX-License-Identifier: BSD-3-Clause */
/* The field in lanes against the field one by one, and that against arithmetic by schoolbook. Both
 * are inline headers, so this test is where their edges are reached: limbs at their largest. */
#include "crypto/curve/fe8.h"

#include "crypto/curve/edwards.h"
#include "crypto/curve/edwards8.h"
#include "crypto/curve/curve.h"
#include "tests/unit/crypto/vectors.h"

#define LOOSE (1ull << 51 | ((1 << 15) - 1)) /* the largest loose limb */

/* Random, small, largest, values around p and 2p. */
static void limbs_random(u64 l[5], unsigned kind, struct fog_rng *rng)
{
	for (unsigned i = 0; i < 5; i++) {
		l[i] = fog_rng_u64(rng) & FE_MASK;
		if (kind % 8 == 1 || (kind % 8 == 2 && fog_rng_below(rng, 2)))
			l[i] = LOOSE;
		if (kind % 8 == 3 && fog_rng_below(rng, 2))
			l[i] = 0;
		if (kind % 8 == 4)
			l[i] = FE_MASK;
		if (kind % 8 == 5)
			l[i] = i == 0 ? FE_MASK - 18 : FE_MASK; /* p */
		if (kind % 8 == 6)
			l[i] = i == 0 ? fog_rng_below(rng, 40) : 0;
	}
	if (kind % 8 == 4) /* p - some up to p + 18 */
		l[0] -= fog_rng_below(rng, 40);
}

/* Multiplication by doubling and adding, over the bits of b's encoding. */
static void multiply_slowly(u64 w[4], const struct fe *a, const struct fe *b)
{
	struct fe r;
	u64 bits[4];

	fe_to_words(bits, b);
	fe_set(&r, 0);
	for (unsigned i = 256; i-- > 0;) {
		fe_add(&r, &r, &r);
		if (bits[i / 64] >> (i % 64) & 1)
			fe_add(&r, &r, a);
	}
	fe_to_words(w, &r);
}

static bool is_loose(const struct fe *a)
{
	for (unsigned i = 0; i < 5; i++)
		if (a->l[i] > LOOSE)
			return false;
	return true;
}

static void test_life_cycle(void)
{
	struct fe a, b, r;
	struct fog_rng rng;
	u64 w[4], expect[4];

	rng_start(&rng);
	for (unsigned n = 0; n < 640; n++) {
		limbs_random(a.l, n, &rng);
		limbs_random(b.l, n / 8, &rng);
		multiply_slowly(expect, &a, &b);
		fe_mul(&r, &a, &b);
		CU_ASSERT(is_loose(&r));
		fe_to_words(w, &r);
		CU_ASSERT(memcmp(w, expect, sizeof(w)) == 0);
		multiply_slowly(expect, &a, &a);
		fe_sqr(&r, &a);
		CU_ASSERT(is_loose(&r));
		fe_to_words(w, &r);
		CU_ASSERT(memcmp(w, expect, sizeof(w)) == 0);
		fe_sub(&r, &a, &b);
		CU_ASSERT(is_loose(&r));
		fe_add(&r, &r, &b);
		fe_sub(&r, &r, &a);
		CU_ASSERT(fe_is_zero(&r));
		fe_to_words(w, &a);
		CU_ASSERT(w[3] >> 63 == 0);
		CU_ASSERT(fe_is_encoded(&a, w));
		w[n % 4] ^= 1ull << (n % 63);
		CU_ASSERT_FALSE(fe_is_encoded(&a, w));
	}
	fe_set(&a, 0);
	fog_fe_invert(&r, &a);
	CU_ASSERT(fe_is_zero(&r));
	limbs_random(a.l, 0, &rng);
	fog_fe_invert(&r, &a);
	fe_mul(&r, &r, &a);
	fe_set(&b, 1);
	fe_sub(&r, &r, &b);
	CU_ASSERT(fe_is_zero(&r));
}

/* Encodings from p up are no encodings. */
static void test_bad_arguments(void)
{
	u64 w[4] = {~0ull, ~0ull, ~0ull, ~0ull >> 1};
	struct fe a;

	for (unsigned n = 0; n < 25; n++) {
		w[0] = ~0ull - n;
		fe_from_words(&a, w);
		CU_ASSERT_EQUAL(fe_is_encoded(&a, w), n >= 19);
	}
}

#if defined(__x86_64__)

struct eight {
	struct fe lane[8];
};

FOG_IFMA static void to_lanes(struct fe8 *r, const struct eight *a)
{
	_Alignas(64) u64 t[8];

	for (unsigned i = 0; i < 5; i++) {
		for (unsigned k = 0; k < 8; k++)
			t[k] = a->lane[k].l[i];
		r->l[i] = _mm512_load_si512(t);
	}
}

FOG_IFMA static void from_lanes(struct eight *r, const struct fe8 *a)
{
	_Alignas(64) u64 t[8];

	for (unsigned i = 0; i < 5; i++) {
		_mm512_store_si512(t, a->l[i]);
		for (unsigned k = 0; k < 8; k++)
			r->lane[k].l[i] = t[k];
	}
}

/* Every lane is loose and has the value of expect(a, b). */
FOG_IFMA static void check(const struct fe8 *r, const struct eight *a, const struct eight *b,
			   void (*expect)(struct fe *, const struct fe *, const struct fe *))
{
	struct eight got;
	struct fe e;

	from_lanes(&got, r);
	for (unsigned k = 0; k < 8; k++) {
		CU_ASSERT(is_loose(&got.lane[k]));
		expect(&e, &a->lane[k], &b->lane[k]);
		fe_sub(&e, &e, &got.lane[k]);
		CU_ASSERT(fe_is_zero(&e));
	}
}

static void square_first(struct fe *r, const struct fe *a, const struct fe *b)
{
	fe_sqr(r, a);
}

static void mul_small_add(struct fe *r, const struct fe *a, const struct fe *b)
{
	struct fe c;

	fe_set(&c, 121666);
	fe_mul(&c, &c, b);
	fe_add(r, a, &c);
}

static void invert_first(struct fe *r, const struct fe *a, const struct fe *b)
{
	fog_fe_invert(r, a);
}

FOG_IFMA static void check_words(const struct fe8 *r, const struct eight *a)
{
	_Alignas(64) u64 t[4][8];
	__m512i w[4];
	u64 expect[4];

	fe8_to_words(w, r);
	for (unsigned i = 0; i < 4; i++)
		_mm512_store_si512(t[i], w[i]);
	for (unsigned k = 0; k < 8; k++) {
		fe_to_words(expect, &a->lane[k]);
		for (unsigned i = 0; i < 4; i++)
			CU_ASSERT_EQUAL(t[i][k], expect[i]);
		CU_ASSERT_EQUAL(fe8_is_zero(r) >> k & 1, fe_is_zero(&a->lane[k]));
		CU_ASSERT_EQUAL(fe8_is_odd(r) >> k & 1, fe_is_odd(&a->lane[k]));
	}
	CU_ASSERT_EQUAL(fe8_is_encoded(r, w), 0xff);
}

FOG_IFMA static void lanes_body(struct fog_rng *rng)
{
	struct eight a, b;
	struct fe8 x, y, r;

	for (unsigned n = 0; n < 400; n++) {
		for (unsigned k = 0; k < 8; k++) {
			limbs_random(a.lane[k].l, n + k, rng);
			limbs_random(b.lane[k].l, n / 8, rng);
		}
		to_lanes(&x, &a);
		to_lanes(&y, &b);
		check_words(&x, &a);
		fe8_mul(&r, &x, &y);
		check(&r, &a, &b, fe_mul);
		fe8_sqr(&r, &x);
		check(&r, &a, &b, square_first);
		fe8_add(&r, &x, &y);
		check(&r, &a, &b, fe_add);
		fe8_sub(&r, &x, &y);
		check(&r, &a, &b, fe_sub);
		fe8_mul_small_add(&r, &x, &y, 121666);
		check(&r, &a, &b, mul_small_add);
		if (n % 50 == 0) {
			fog_fe8_invert(&r, &x);
			check(&r, &a, &b, invert_first);
		}
	}
}

static void test_lanes(void)
{
	struct fog_rng rng;

	rng_start(&rng);
	if (fog_curve_ifma.supported())
		lanes_body(&rng);
	else
		printf("(no ifma here) ");
}

#else

static void test_lanes(void)
{
	printf("(no ifma here) ");
}

#endif

FOG_TEST_MAIN("crypto/curve/fe8", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_lanes))
