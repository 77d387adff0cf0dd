/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/secret.h"

#include "crypto/curve/curve.h"

#include "tests/unit/crypto/vectors.h"

#define TERMS FOG_STRAUS_FIXED_MAX

static struct fog_ge_niels point[TERMS];
static struct fog_sc scalar[TERMS];
static struct fog_fixed fixed[TERMS];
static struct fog_fixed_term term[TERMS];
static struct fog_known_table known[FOG_SECRET_KNOWN_MAX];

/* The edges of both window widths among random ones. */
static void scalar_make(struct fog_sc *s, unsigned i, struct fog_rng *rng)
{
	fog_rng_bytes(rng, s, sizeof(*s));
	if (i % 8 == 1)
		memset(s, 0, sizeof(*s));
	if (i % 8 == 2)
		memset(s, 0xff, sizeof(*s));
	if (i % 8 == 3)
		memset(s, i % 16 < 8 ? 0x88 : 0x77, sizeof(*s));
	if (i % 8 == 4)
		*s = (struct fog_sc){{1}};
	if (i % 8 == 5)
		*s = (struct fog_sc){{0x1084210842108421, 0x4210842108421084}};
	s->w[3] &= ~0ull >> 11;
}

static void terms_make(struct fog_rng *rng)
{
	struct fog_ge_affine a;
	struct fog_ge_ext e;

	fog_ge_ext_from_niels(&e, &fog_ge_base_multiple[0]);
	for (unsigned i = 0; i < TERMS; i++) {
		fog_ge_double(&e, &e, 3);
		fog_ge_add_niels(&e, &e, &fog_ge_base_multiple[i % FOG_GE_BASE_MULTIPLES]);
		fog_ge_normalize(&a, &e, 1);
		fog_ge_niels_from_affine(&point[i], &a);
		fog_fixed_init(&fixed[i], &e);
		if (i < FOG_SECRET_KNOWN_MAX)
			fog_known_table_init(&known[i], &e);
		scalar_make(&scalar[i], i, rng);
		term[i] = (struct fog_fixed_term){&fixed[i], scalar[i]};
	}
}

static void expect(const struct fog_ge_ext *sum, const struct fog_ge_niels *p,
		   const struct fog_sc *s, unsigned count)
{
	struct fog_ge_ext e;
	u8 left[32], right[32];

	fog_portable_msm(&e, p, s, count, NULL);
	fog_ge_to_bytes(left, &e);
	fog_ge_to_bytes(right, sum);
	CU_ASSERT(memcmp(left, right, 32) == 0);
}

static void fixed_body(void)
{
	struct fog_ge_ext sum;
	struct fog_rng rng;

	rng_start(&rng);
	terms_make(&rng);
	for (unsigned count = 0; count <= TERMS; count += count < 18 ? 1 : 19) {
		fog_secret_fixed_sum(&sum, term, count);
		expect(&sum, point, scalar, count);
	}
}

static void test_life_cycle(void)
{
	each_path(fixed_body);
}

static void known_body(void)
{
	const struct fog_known_table *const table[] = {&known[0], &known[1]};
	struct fog_ge_ext sum;
	struct fog_rng rng;
	struct fog_sc s[2];

	rng_start(&rng);
	terms_make(&rng);
	for (unsigned i = 0; i < 64; i++) {
		scalar_make(&s[0], i, &rng);
		scalar_make(&s[1], i / 8, &rng);
		fog_secret_known_sum(&sum, table, s, i % 3);
		expect(&sum, point, s, i % 3);
	}
}

static void test_known(void)
{
	each_path(known_body);
}

FOG_TEST_MAIN("crypto/curve/secret", FOG_TEST(test_life_cycle), FOG_TEST(test_known))
