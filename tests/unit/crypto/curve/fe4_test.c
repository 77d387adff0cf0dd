/* SPDX-License-Identifier: BSD-3-Clause */
/* The field in lanes of four against the field one by one, with limbs at their largest, and points
 * on their way between memory and lanes. */
#include "crypto/curve/fe4.h"

#include "crypto/curve/edwards.h"
#include "crypto/curve/lanes4.h"
#include "tests/unit/crypto/vectors.h"

#if defined(__x86_64__)

#define LOOSE (1ull << 51 | ((1 << 15) - 1)) /* the largest loose limb in memory */

static void limbs_random(struct fe *a, unsigned kind, struct fog_rng *rng)
{
	for (unsigned i = 0; i < 5; i++) {
		a->l[i] = fog_rng_u64(rng) & FE_MASK;
		if (kind % 6 == 1)
			a->l[i] = LOOSE;
		if (kind % 6 == 2 && fog_rng_below(rng, 2))
			a->l[i] = 0;
		if (kind % 6 == 3) /* p, and some below and above it */
			a->l[i] = i == 0 ? FE_MASK - 40 + fog_rng_below(rng, 41) : FE_MASK;
		if (kind % 6 == 4)
			a->l[i] = i == 0 ? fog_rng_below(rng, 40) : 0;
	}
}

FOG_AVX2 static void load(struct fe4 *r, const struct fe a[4])
{
	__m256i limb[5];

	for (unsigned i = 0; i < 5; i++)
		limb[i] = _mm256_set_epi64x((long long)a[3].l[i], (long long)a[2].l[i],
					    (long long)a[1].l[i], (long long)a[0].l[i]);
	lanes4_unpack(r, limb);
}

/* The largest limbs that count as loose: what carries leave at most. */
FOG_AVX2 static void widen(struct fe4 *r)
{
	for (unsigned i = 0; i < FE4_LIMBS; i++)
		r->l[i] =
			fe4_word(i % 2 ? (1u << 25) + (1u << 17) - 1 : (1u << 26) + (1u << 10) - 1);
}

FOG_AVX2 static void store(struct fe r[4], const struct fe4 *a)
{
	void *to[4] = {&r[0], &r[1], &r[2], &r[3]};

	lanes4_store(to, 0, a);
}

static bool is_equal(const struct fe *a, const struct fe *b)
{
	u64 left[4], right[4];

	fe_to_words(left, a);
	fe_to_words(right, b);
	return memcmp(left, right, sizeof(left)) == 0;
}

FOG_AVX2 static bool is_loose(const struct fe4 *a)
{
	u64 limb[4];

	for (unsigned i = 0; i < FE4_LIMBS; i++) {
		_mm256_storeu_si256((__m256i *)limb, a->l[i]);
		for (unsigned k = 0; k < 4; k++)
			if (limb[k] >= (i % 2 ? (1u << 25) + (1u << 17) : (1u << 26) + (1u << 10)))
				return false;
	}
	return true;
}

static void expect(const struct fe4 *lanes, const struct fe one[4])
{
	struct fe got[4];

	CU_ASSERT(is_loose(lanes));
	store(got, lanes);
	for (unsigned k = 0; k < 4; k++)
		CU_ASSERT(is_equal(&got[k], &one[k]));
}

/* Every operation that formulas.h has, also on sums that were not carried. */
FOG_AVX2 static void check_pair(const struct fe4 *x, const struct fe4 *y)
{
	struct fe a[4], b[4], r[4], raw[4];
	struct fe4 t, sum, three;

	store(a, x);
	store(b, y);
	for (unsigned k = 0; k < 4; k++)
		fe_mul(&r[k], &a[k], &b[k]);
	fe4_mul(&t, x, y);
	expect(&t, r);
	for (unsigned k = 0; k < 4; k++)
		fe_sqr(&r[k], &a[k]);
	fe4_sqr(&t, x);
	expect(&t, r);
	for (unsigned k = 0; k < 4; k++)
		fe_add(&r[k], &a[k], &b[k]);
	fe4_add(&t, x, y);
	expect(&t, r);
	for (unsigned k = 0; k < 4; k++)
		fe_sub(&r[k], &a[k], &b[k]);
	fe4_sub(&t, x, y);
	expect(&t, r);
	/* Three loose ones on the left of a difference; times a sum of two. */
	fe4_add_raw(&sum, x, y);
	fe4_add_raw(&three, &sum, x);
	for (unsigned k = 0; k < 4; k++) {
		fe_add(&raw[k], &a[k], &b[k]);
		fe_add(&r[k], &raw[k], &a[k]);
		fe_mul(&raw[k], &raw[k], &r[k]);
		fe_sub(&r[k], &r[k], &b[k]);
	}
	fe4_sub_lazy(&t, &three, y);
	expect(&t, r);
	fe4_mul(&t, &sum, &three);
	expect(&t, raw);
	fe4_mul(&t, &three, &sum);
	expect(&t, raw);
}

FOG_AVX2 static void check_words(const struct fe4 *x, const struct fe a[4])
{
	_Alignas(32) u64 odd[4], zero[4], same[4];
	__m256i w[4];

	fe4_to_words(w, x);
	_mm256_store_si256((__m256i *)odd, fe4_is_odd(x));
	_mm256_store_si256((__m256i *)zero, fe4_is_zero(x));
	_mm256_store_si256((__m256i *)same, fe4_is_encoded(x, w));
	for (unsigned k = 0; k < 4; k++) {
		CU_ASSERT_EQUAL(odd[k], 0 - (u64)fe_is_odd(&a[k]));
		CU_ASSERT_EQUAL(zero[k], 0 - (u64)fe_is_zero(&a[k]));
		CU_ASSERT_EQUAL(same[k], ~0ull);
	}
}

FOG_AVX2 static void test_life_cycle(void)
{
	struct fe a[4], b[4];
	struct fog_rng rng;
	struct fe4 x, y;

	if (!__builtin_cpu_supports("avx2")) {
		printf("(no AVX2 here) ");
		return;
	}
	rng_start(&rng);
	for (unsigned i = 0; i < 3000; i++) {
		for (unsigned k = 0; k < 4; k++) {
			limbs_random(&a[k], i / 6 + k, &rng);
			limbs_random(&b[k], i + k, &rng);
		}
		load(&x, a);
		load(&y, b);
		check_words(&x, a);
		if (i % 7 == 0)
			widen(&x);
		if (i % 11 == 0)
			widen(&y);
		check_pair(&x, &y);
	}
}

/* Rows as they are stored are what is loaded. */
FOG_AVX2 static void test_rows(void)
{
	struct fog_ge_niels out[4];
	struct fog_ge4_niels n;
	const void *from[4];
	void *to[4];

	if (!__builtin_cpu_supports("avx2"))
		return;
	for (unsigned k = 0; k < 4; k++) {
		from[k] = &fog_ge_base_multiple[3 * k];
		to[k] = &out[k];
	}
	lanes4_load_niels(&n, from);
	lanes4_store_niels(to, &n);
	for (unsigned k = 0; k < 4; k++) {
		const struct fog_ge_niels *in = from[k];
		CU_ASSERT(is_equal(&out[k].ypx, &in->ypx));
		CU_ASSERT(is_equal(&out[k].ymx, &in->ymx));
		CU_ASSERT(is_equal(&out[k].t2d, &in->t2d));
	}
}

FOG_TEST_MAIN("crypto/curve/fe4", FOG_TEST(test_life_cycle), FOG_TEST(test_rows))

#else

int main(void)
{
	printf("no x86-64 here\n");
	return 77;
}

#endif
