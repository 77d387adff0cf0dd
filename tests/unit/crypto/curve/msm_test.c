/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/msm.h"

#include "crypto/curve/curve.h"

#include "tests/unit/crypto/vectors.h"

#define POINTS 2500

static struct fog_ge_niels point[POINTS];
static struct fog_sc scalar[POINTS];

/* Multiples of the base point with a part of order eight: the sum is then known from the scalars,
 * and the small part is checked too. */
static void points_init(struct fog_rng *rng, struct fog_sc *log)
{
	struct fog_ge_affine a;
	struct fog_ge_ext e;
	u8 k[32];

	for (unsigned i = 0; i < POINTS; i++) {
		fog_rng_bytes(rng, k, 32);
		k[31] &= 0x0f;
		fog_sc_load(&log[i], k);
		if (i < 200) {
			fog_ge_ext_from_niels(&e, &fog_ge_base_multiple[0]);
			fog_ge_mul_secret(&e, &e, k);
		} else { /* cheaper: a step from an earlier one */
			fog_sc_add(&log[i], &log[i - 200], &log[i - 199]);
			fog_ge_ext_from_niels(&e, &point[i - 200]);
			fog_ge_add_niels(&e, &e, &point[i - 199]);
		}
		fog_ge_normalize(&a, &e, 1);
		fog_ge_niels_from_affine(&point[i], &a);
		fog_rng_bytes(rng, &scalar[i], sizeof(scalar[i]));
		scalar[i].w[3] &= ~0ull >> 11;
		switch (fog_rng_below(rng, 12)) {
		case 0:
			scalar[i] = (struct fog_sc){{0}};
			break;
		case 1:
			scalar[i] = (struct fog_sc){{1}};
			break;
		case 2:
			scalar[i] = i > 0 ? scalar[i - 1] : scalar[i];
			break;
		case 3:
			memset(&scalar[i], 0xff, sizeof(scalar[i]));
			scalar[i].w[3] >>= 11;
			break;
		case 4:
		case 5:
			scalar[i].w[2] = scalar[i].w[3] = 0;
		}
	}
}

static bool sum_is(const struct fog_ge_ext *sum, const struct fog_sc *expect)
{
	struct fog_ge_ext e;
	u8 k[32], a[32], b[32];

	fog_sc_store(k, expect);
	fog_ge_ext_from_niels(&e, &fog_ge_base_multiple[0]);
	fog_ge_mul_secret(&e, &e, k);
	fog_ge_to_bytes(a, &e);
	fog_ge_to_bytes(b, sum);
	return memcmp(a, b, 32) == 0;
}

static void msm_body(void)
{
	static const unsigned counts[] = {0,  1,  2,  7,   8,   9,   15,  16,  17,  33,   48,    64,
					  90, 91, 95, 120, 129, 200, 400, 513, 999, 1001, POINTS};
	static struct fog_sc log[POINTS];
	struct fog_sc expect, t;
	struct fog_ge_ext sum;
	struct fog_rng rng;

	rng_start(&rng);
	points_init(&rng, log);
	for (unsigned c = 0; c < FOG_ARRAY_COUNT(counts); c++) {
		unsigned n = counts[c], first = POINTS - n;
		size_t size = (fog_msm_scratch_size(n) + 63) & ~(size_t)63;
		void *scratch = aligned_alloc(64, FOG_MAX(size, 64u));
		CU_ASSERT_FATAL(scratch != NULL);
		memset(scratch, 0xee, size);
		fog_msm(&sum, point + first, scalar + first, n, scratch);
		free(scratch);
		memset(&expect, 0, sizeof(expect));
		for (unsigned i = first; i < POINTS; i++) {
			fog_sc_mul(&t, &scalar[i], &log[i]);
			fog_sc_add(&expect, &expect, &t);
		}
		CU_ASSERT(sum_is(&sum, &expect));
	}
}

static void test_life_cycle(void)
{
	each_path(msm_body);
}

/* All points and scalars equal: every bucket but one is empty, and additions are doublings. */
static void equal_body(void)
{
	static struct fog_ge_niels same[600];
	static struct fog_sc k[600];
	static const unsigned counts[] = {3, 20, 130, 600};
	struct fog_sc expect;
	struct fog_ge_ext sum;

	for (unsigned i = 0; i < 600; i++) {
		same[i] = fog_ge_base_multiple[0];
		k[i] = (struct fog_sc){{0x1234567, 0, 77, i % 2}};
	}
	for (unsigned c = 0; c < FOG_ARRAY_COUNT(counts); c++) {
		size_t size = (fog_msm_scratch_size(counts[c]) + 63) & ~(size_t)63;
		void *scratch = aligned_alloc(64, FOG_MAX(size, 64u));
		CU_ASSERT_FATAL(scratch != NULL);
		fog_msm(&sum, same, k, counts[c], scratch);
		free(scratch);
		memset(&expect, 0, sizeof(expect));
		for (unsigned i = 0; i < counts[c]; i++)
			fog_sc_add(&expect, &expect, &k[i]);
		CU_ASSERT(sum_is(&sum, &expect));
	}
}

static void test_equal(void)
{
	each_path(equal_body);
}

/* A point of order eight keeps its part: scalars are not taken modulo the group order. */
static void torsion_body(void)
{
	struct fog_ge_affine a;
	struct fog_ge_niels p[40];
	struct fog_sc k[40] = {{{0}}};
	struct fog_ge_ext sum, expect;
	_Alignas(64) static u8 scratch[1 << 18];
	u8 bytes[32];

	fog_hex_decode("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", bytes,
		       32);
	CU_ASSERT_EQUAL(fog_ge_from_bytes(&a, bytes), 0);
	for (unsigned i = 0; i < 40; i++)
		fog_ge_niels_from_affine(&p[i], &a);
	for (unsigned n = 1; n <= 40; n += 13) {
		CU_ASSERT_FATAL(fog_msm_scratch_size(n) <= sizeof(scratch));
		for (unsigned k0 = 0; k0 < 9; k0++) {
			k[0].w[0] = k0;
			fog_msm(&sum, p, k, n, scratch);
			fog_ge_ext_zero(&expect);
			for (unsigned i = 0; i < k0; i++)
				fog_ge_add_niels(&expect, &expect, &p[0]);
			struct fog_ge_niels minus = p[0];
			fog_ge_niels_negate(&minus, 1);
			for (unsigned i = 0; i < k0; i++)
				fog_ge_add_niels(&sum, &sum, &minus);
			CU_ASSERT(fog_ge_is_zero(&sum));
			CU_ASSERT_EQUAL(fog_ge_is_zero(&expect), k0 % 8 == 0);
		}
	}
}

static void test_torsion(void)
{
	each_path(torsion_body);
}

/* Two sums at once against one by one. A point is added behind, which reads T of the sum. */
static void pair_body(void)
{
	static struct fog_sc log[POINTS];
	struct fog_ge_ext p[2], q[2], sum[2], one;
	u8 got[32], expect[32];
	struct fog_rng rng;

	rng_start(&rng);
	points_init(&rng, log);
	for (unsigned i = 0; i + 4 < 400; i++) {
		const struct fog_sc s[2] = {scalar[i], scalar[i + 1]};
		for (unsigned j = 0; j < 2; j++) {
			fog_ge_ext_from_niels(&p[j], &point[i + j]);
			fog_ge_add_niels(&p[j], &p[j], &point[i + 3]);
			fog_ge_ext_from_niels(&q[j], &point[i + 2 + j]);
		}
		if (i % 16 == 0)
			fog_ge_ext_zero(&q[i / 16 % 2]);
		fog_curve->pair(sum, p, &s[0], q, &s[1]);
		for (unsigned j = 0; j < 2; j++) {
			const struct fog_ge_ext ext[2] = {p[j], q[j]};
			struct fog_ge_affine affine[2];
			struct fog_ge_niels niels[2];
			fog_ge_normalize(affine, ext, 2);
			for (unsigned k = 0; k < 2; k++)
				fog_ge_niels_from_affine(&niels[k], &affine[k]);
			fog_ge_niels_negate(&niels[1], 1);
			fog_portable_msm(&one, niels, s, 2, NULL);
			fog_ge_add_niels(&one, &one, &point[i]);
			fog_ge_add_niels(&sum[j], &sum[j], &point[i]);
			fog_ge_to_bytes(expect, &one);
			fog_ge_to_bytes(got, &sum[j]);
			CU_ASSERT_EQUAL(memcmp(got, expect, 32), 0);
		}
	}
}

static void test_pair(void)
{
	each_path(pair_body);
}

FOG_TEST_MAIN("crypto/curve/msm", FOG_TEST(test_life_cycle), FOG_TEST(test_equal),
	      FOG_TEST(test_torsion), FOG_TEST(test_pair))
