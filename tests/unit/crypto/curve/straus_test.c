/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/straus.h"

#include "crypto/curve/curve.h"

#include "tests/unit/crypto/vectors.h"

#define POINTS (2 * FOG_STRAUS_FIXED_MAX)

static struct fog_ge_niels point[POINTS];
static struct fog_sc scalar[POINTS];
static struct fog_fixed fixed[POINTS];
static struct fog_fixed_term term[POINTS];
_Alignas(64) static u8 scratch[1 << 20];

/* Scalars of every sort: none, one, the greatest, short, such whose windows all carry. */
static void scalar_make(struct fog_sc *s, struct fog_rng *rng)
{
	fog_rng_bytes(rng, s, sizeof(*s));
	s->w[3] &= ~0ull >> 11;
	switch (fog_rng_below(rng, 10)) {
	case 0:
		*s = (struct fog_sc){{0}};
		break;
	case 1:
		*s = (struct fog_sc){{1}};
		break;
	case 2:
		*s = (struct fog_sc){{~0ull, ~0ull, ~0ull, ~0ull >> 11}};
		break;
	case 3:
		*s = (struct fog_sc){{~0ull, ~0ull}};
		break;
	case 4:
		memset(s, 0x88, sizeof(*s));
		s->w[3] >>= 11;
		break;
	case 5:
	case 6:
		s->w[2] = s->w[3] = 0;
	}
}

/* Points of all sorts too: some are equal, some the neutral element, some have a part of order
 * eight. */
static void points_make(struct fog_rng *rng)
{
	struct fog_ge_affine small, a;
	struct fog_ge_niels n;
	struct fog_ge_ext e;
	u8 bytes[32];

	fog_hex_decode("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", bytes,
		       32);
	CU_ASSERT_EQUAL(fog_ge_from_bytes(&small, bytes), 0);
	fog_ge_ext_from_niels(&e, &fog_ge_base_multiple[0]);
	for (unsigned i = 0; i < POINTS; i++) {
		fog_ge_double(&e, &e, 1);
		fog_ge_niels_from_affine(&n, &small);
		if (i % 3 == 0)
			fog_ge_add_niels(&e, &e, &n);
		fog_ge_add_niels(&e, &e, &fog_ge_base_multiple[i % FOG_GE_BASE_MULTIPLES]);
		fog_ge_normalize(&a, &e, 1);
		fog_ge_niels_from_affine(&point[i], &a);
		if (i % 11 == 5)
			fog_ge_niels_zero(&point[i]);
		if (i % 13 == 6)
			point[i] = point[i - 1];
		struct fog_ge_ext p;
		fog_ge_ext_from_niels(&p, &point[i]);
		fog_fixed_init(&fixed[i], &p);
		scalar_make(&scalar[i], rng);
		term[i] = (struct fog_fixed_term){&fixed[i], scalar[i]};
	}
}

static bool is_equal(const struct fog_ge_ext *a, const struct fog_ge_ext *b)
{
	u8 left[32], right[32];

	fog_ge_to_bytes(left, a);
	fog_ge_to_bytes(right, b);
	return memcmp(left, right, 32) == 0;
}

static void expect(const struct fog_ge_ext *sum, unsigned first, unsigned count, unsigned more)
{
	struct fog_ge_ext a, b;

	fog_portable_msm(&a, point + first, scalar + first, count, NULL);
	fog_portable_msm(&b, point, scalar, more, NULL);
	fog_ge_add(&a, &a, &b);
	CU_ASSERT(is_equal(sum, &a));
}

static void sums_body(void)
{
	static const unsigned counts[] = {0, 1, 3, 4, 7, 8, 9, 16, 17, 63, 64, 66, 130, 132};
	struct fog_ge_ext sum[2];
	struct fog_rng rng;

	rng_start(&rng);
	points_make(&rng);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(counts); i++) {
		for (unsigned k = 0; k < FOG_ARRAY_COUNT(counts); k += i % 2 + 2) {
			unsigned a = counts[i], b = counts[k];
			struct fog_straus s = {.sums = 1,
					       .fixed = {term + 100, term + 50},
					       .terms = {a, b},
					       .point = point,
					       .scalar = scalar,
					       .count = b};
			CU_ASSERT_FATAL(fog_straus_scratch_size(b) <= sizeof(scratch));
			memset(scratch, 0xee, sizeof(scratch));
			fog_straus_sum(sum, &s, scratch);
			expect(&sum[0], 100, a, b);
			s.sums = 2;
			s.count = 0;
			fog_straus_sum(sum, &s, scratch);
			expect(&sum[0], 100, a, 0);
			expect(&sum[1], 50, b, 0);
		}
	}
}

static void test_life_cycle(void)
{
	each_path(sums_body);
}

/* Every entry of a table: j times the point, and the neutral element for none. */
static void test_table(void)
{
	struct fog_ge_ext sum, p;

	fog_ge_ext_from_niels(&p, &fog_ge_base_multiple[2]);
	fog_fixed_init(&fixed[0], &p);
	fog_ge_ext_zero(&sum);
	for (unsigned j = 0; j < FOG_FIXED_TABLE; j++) {
		struct fog_ge_ext got;
		fog_ge_ext_from_niels(&got, &fixed[0].multiple[j]);
		CU_ASSERT(is_equal(&got, &sum));
		fog_ge_add_niels(&sum, &sum, &fog_ge_base_multiple[2]);
	}
}

FOG_TEST_MAIN("crypto/curve/straus", FOG_TEST(test_life_cycle), FOG_TEST(test_table))
