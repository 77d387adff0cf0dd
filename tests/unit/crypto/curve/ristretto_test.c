/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/ristretto.h"

#include "crypto/hash/hash.h"
#include "tests/unit/crypto/vectors.h"

#include <errno.h>

#define VECTORS "ristretto255/rfc9496_ristretto255.json"

static void scalar_random(struct fog_rng *rng, struct fog_scalar *out)
{
	u8 wide[FOG_UNIFORM_SIZE];

	fog_rng_bytes(rng, wide, sizeof(wide));
	fog_scalar_reduce(out, wide);
}

static void point_random(struct fog_rng *rng, struct fog_ristretto *out)
{
	u8 wide[FOG_UNIFORM_SIZE];

	fog_rng_bytes(rng, wide, sizeof(wide));
	fog_ristretto_from_uniform(out, wide);
}

/* RFC 9496 appendix A.1: the multiples 0..15 by addition, by multiplication and by decoding. */
static void test_life_cycle(void)
{
	json_t *root = vectors_load(VECTORS);
	json_t *multiples = json_object_get(root, "multiples_of_generator"), *text;
	struct fog_ristretto sum, product, decoded, base;
	struct fog_scalar k;
	u8 expect[32], out[32];
	size_t i;

	fog_ristretto_identity(&sum);
	fog_ristretto_base(&base);
	CU_ASSERT_EQUAL(json_array_size(multiples), 16);
	json_array_foreach(multiples, i, text)
	{
		CU_ASSERT_EQUAL(vectors_hex(text, expect, sizeof(expect)), 32);
		CU_ASSERT_EQUAL(fog_ristretto_decode(&decoded, expect), 0);
		fog_scalar_from_u64(&k, i);
		fog_ristretto_mul_base(&product, &k);
		CU_ASSERT(fog_ristretto_equal(&sum, &decoded));
		CU_ASSERT(fog_ristretto_equal(&product, &decoded));
		fog_ristretto_mul(&product, &k, &base);
		fog_ristretto_encode(out, &product);
		CU_ASSERT(memcmp(out, expect, 32) == 0);
		CU_ASSERT_EQUAL(fog_ristretto_is_identity(&product), i == 0);
		fog_ristretto_add(&sum, &sum, &base);
	}
	json_decref(root);
}

/* Appendix A.2: encodings that no element has. And scalars of L, L + 1, 2^255 - 1, 2^256 - 1. */
static void test_bad_arguments(void)
{
	static const char *const scalars[] = {
		"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
		"eed3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000090",
	};
	json_t *root = vectors_load(VECTORS), *text;
	struct fog_ristretto p;
	struct fog_scalar s;
	u8 bad[32];
	size_t i;

	CU_ASSERT_EQUAL(json_array_size(json_object_get(root, "bad_encodings")), 30);
	json_array_foreach(json_object_get(root, "bad_encodings"), i, text)
	{
		CU_ASSERT_EQUAL(vectors_hex(text, bad, sizeof(bad)), 32);
		fog_ristretto_base(&p);
		CU_ASSERT_EQUAL(fog_ristretto_decode(&p, bad), -EBADMSG);
		CU_ASSERT(fog_ristretto_is_identity(&p));
	}
	json_decref(root);
	for (i = 0; i < FOG_ARRAY_COUNT(scalars); i++) {
		CU_ASSERT_EQUAL(fog_hex_decode(scalars[i], bad, 32), 0);
		s = fog_scalar_one;
		CU_ASSERT_EQUAL(fog_scalar_decode(&s, bad), -EBADMSG);
		CU_ASSERT(fog_scalar_is_zero(&s));
	}
	CU_ASSERT_EQUAL(fog_hex_decode(scalars[0], bad, 32), 0);
	bad[0]--; /* L - 1 */
	CU_ASSERT_EQUAL(fog_scalar_decode(&s, bad), 0);
	fog_scalar_add(&s, &s, &fog_scalar_one);
	CU_ASSERT(fog_scalar_is_zero(&s));
}

/* Appendix A.3, from bytes and from the labels they are hashes of. */
static void test_from_uniform(void)
{
	json_t *root = vectors_load(VECTORS), *v;
	struct fog_ristretto p;
	u8 wide[64], expect[32], out[32];
	size_t i;

	CU_ASSERT_EQUAL(json_array_size(json_object_get(root, "from_uniform")), 7);
	json_array_foreach(json_object_get(root, "from_uniform"), i, v)
	{
		CU_ASSERT_EQUAL(vectors_member(v, "uniform64", wide, 64), 64);
		CU_ASSERT_EQUAL(vectors_member(v, "element", expect, 32), 32);
		fog_ristretto_from_uniform(&p, wide);
		fog_ristretto_encode(out, &p);
		CU_ASSERT(memcmp(out, expect, 32) == 0);
	}
	CU_ASSERT_EQUAL(json_array_size(json_object_get(root, "labels_sha512")), 7);
	json_array_foreach(json_object_get(root, "labels_sha512"), i, v)
	{
		const char *label = json_string_value(json_object_get(v, "label"));
		fog_hash_sha512(wide, label, strlen(label));
		fog_ristretto_from_uniform(&p, wide);
		fog_ristretto_encode(out, &p);
		CU_ASSERT_EQUAL(vectors_member(v, "element", expect, 32), 32);
		CU_ASSERT(memcmp(out, expect, 32) == 0);
	}
	json_decref(root);
}

/* Small numbers, where machine arithmetic is the model; then the laws of a field. */
static void test_scalars(void)
{
	struct fog_rng rng;
	struct fog_scalar a, b, c, left, right;

	rng_start(&rng);
	for (unsigned i = 0; i < 100; i++) {
		u64 x = fog_rng_below(&rng, 1u << 31), y = fog_rng_below(&rng, x + 1);
		fog_scalar_from_u64(&a, x);
		fog_scalar_from_u64(&b, y);
		fog_scalar_from_u64(&c, x * y + x);
		fog_scalar_muladd(&left, &a, &b, &a);
		CU_ASSERT(fog_scalar_equal(&left, &c));
		fog_scalar_from_u64(&c, x - y);
		fog_scalar_sub(&left, &a, &b);
		CU_ASSERT(fog_scalar_equal(&left, &c));

		scalar_random(&rng, &a);
		scalar_random(&rng, &b);
		scalar_random(&rng, &c);
		fog_scalar_add(&left, &a, &b);
		fog_scalar_mul(&left, &left, &c);
		fog_scalar_mul(&right, &b, &c);
		fog_scalar_muladd(&right, &a, &c, &right);
		CU_ASSERT(fog_scalar_equal(&left, &right));
		fog_scalar_invert(&left, &a);
		fog_scalar_mul(&left, &left, &a);
		CU_ASSERT(fog_scalar_equal(&left, &fog_scalar_one));
		fog_scalar_neg(&left, &a);
		fog_scalar_add(&left, &left, &a);
		CU_ASSERT(fog_scalar_is_zero(&left));
		fog_scalar_select(&left, true, &a, &b);
		fog_scalar_select(&right, false, &a, &b);
		CU_ASSERT(fog_scalar_equal(&left, &a));
		CU_ASSERT(fog_scalar_equal(&right, &b));
	}
	fog_scalar_invert(&left, &fog_scalar_zero);
	CU_ASSERT(fog_scalar_is_zero(&left));
}

/* Sums of many, over the limits of a pass: p[i] = i B, so that one product tells the sum. */
static void many_body(void)
{
	static const unsigned counts[] = {13, 17, 64, 255, 256, 257, 600};
	static struct fog_ristretto p[600];
	static struct fog_scalar s[600];
	struct fog_ristretto base, out, expect;
	struct fog_scalar total, factor;
	struct fog_rng rng;

	rng_start(&rng);
	fog_ristretto_base(&base);
	fog_ristretto_identity(&p[0]);
	for (unsigned i = 1; i < 600; i++)
		fog_ristretto_add(&p[i], &p[i - 1], &base);
	for (unsigned n = 0; n < FOG_ARRAY_COUNT(counts); n++) {
		total = fog_scalar_zero;
		for (unsigned i = 0; i < counts[n]; i++) {
			scalar_random(&rng, &s[i]);
			if (i % 7 == 3)
				s[i] = fog_scalar_zero;
			fog_scalar_from_u64(&factor, i);
			fog_scalar_muladd(&total, &factor, &s[i], &total);
		}
		fog_ristretto_mul_base(&expect, &total);
		fog_ristretto_msm_vartime(&out, s, p, counts[n]);
		CU_ASSERT(fog_ristretto_equal(&out, &expect));
		fog_ristretto_msm(&out, s, p, counts[n]);
		CU_ASSERT(fog_ristretto_equal(&out, &expect));
	}
}

static void test_many(void)
{
	each_path(many_body);
}

/* One bad encoding among many good ones, at every place, of every kind. */
static void decode_many_body(void)
{
	json_t *root = vectors_load(VECTORS), *text;
	struct fog_ge_niels out[80];
	struct fog_ristretto expect, got;
	u8 good[80][32], bad[32];
	const u8 *in[80];
	struct fog_rng rng;
	size_t i;

	rng_start(&rng);
	for (unsigned k = 0; k < 80; k++) {
		point_random(&rng, &expect);
		if (k == 40)
			fog_ristretto_identity(&expect);
		fog_ristretto_encode(good[k], &expect);
		in[k] = good[k];
	}
	for (unsigned count = 0; count <= 80; count++) {
		CU_ASSERT_EQUAL(fog_ristretto_decode_many(out, in, count), 0);
		for (unsigned k = 0; k < count; k++) {
			CU_ASSERT_EQUAL(fog_ristretto_decode(&expect, good[k]), 0);
			fog_ge_ext_from_niels(&got.point, &out[k]);
			CU_ASSERT(fog_ristretto_equal(&expect, &got));
		}
	}
	json_array_foreach(json_object_get(root, "bad_encodings"), i, text)
	{
		CU_ASSERT_EQUAL(vectors_hex(text, bad, sizeof(bad)), 32);
		for (unsigned k = i % 3; k < 80; k += 3) {
			in[k] = bad;
			CU_ASSERT_EQUAL(fog_ristretto_decode_many(out, in, 80), -EBADMSG);
			in[k] = good[k];
		}
	}
	json_decref(root);
}

static void test_decode_many(void)
{
	each_path(decode_many_body);
}

/* Distributive laws; msm against its parts, with zeros, ones and identities among them. */
static void group_body(void)
{
	struct fog_ristretto p[12], sum, term, out;
	struct fog_scalar s[12], k;
	struct fog_rng rng;

	rng_start(&rng);
	for (unsigned count = 0; count <= 12; count++) {
		fog_ristretto_identity(&sum);
		for (unsigned i = 0; i < count; i++) {
			scalar_random(&rng, &s[i]);
			point_random(&rng, &p[i]);
			if (i % 5 == 1)
				s[i] = fog_scalar_zero;
			if (i % 5 == 2)
				s[i] = fog_scalar_one;
			if (i % 5 == 3)
				fog_ristretto_identity(&p[i]);
			fog_ristretto_mul(&term, &s[i], &p[i]);
			fog_ristretto_add(&sum, &term, &sum);
		}
		fog_ristretto_msm(&out, s, p, count);
		CU_ASSERT(fog_ristretto_equal(&out, &sum));
		fog_ristretto_msm_vartime(&out, s, p, count);
		CU_ASSERT(fog_ristretto_equal(&out, &sum));
	}
	fog_ristretto_select(&out, true, &p[0], &p[4]);
	CU_ASSERT(fog_ristretto_equal(&out, &p[0]));
	fog_ristretto_select(&out, false, &p[0], &p[4]);
	CU_ASSERT(fog_ristretto_equal(&out, &p[4]));
	fog_scalar_add(&k, &s[0], &s[4]);
	fog_ristretto_mul(&sum, &k, &p[0]);
	fog_ristretto_mul(&term, &s[0], &p[0]);
	fog_ristretto_sub(&sum, &sum, &term);
	fog_ristretto_mul(&term, &s[4], &p[0]);
	CU_ASSERT(fog_ristretto_equal(&sum, &term));
	fog_ristretto_sub(&sum, &sum, &term);
	CU_ASSERT(fog_ristretto_is_identity(&sum));
}

static void test_group(void)
{
	each_path(group_body);
}

/* Random elements: decoding an encoding gives the element, and the four points that stand for one
 * all encode alike (adding a point of order two or four to it). */
static void test_encoding(void)
{
	/* (0, -1) and (sqrt(-1), 0) */
	static const u8 torsion[2][32] = {{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
					  {0}};
	struct fog_ristretto p, q, other;
	struct fog_ge_affine affine;
	struct fog_ge_ext small;
	struct fog_rng rng;
	u8 one[32], two[32];

	rng_start(&rng);
	for (unsigned i = 0; i < 200; i++) {
		point_random(&rng, &p);
		point_random(&rng, &q);
		fog_ristretto_add(&p, &p, &q); /* Z is not one */
		fog_ristretto_encode(one, &p);
		CU_ASSERT_EQUAL(fog_ristretto_decode(&q, one), 0);
		CU_ASSERT(fog_ristretto_equal(&p, &q));
		for (unsigned k = 0; k < 2; k++) {
			CU_ASSERT_EQUAL(fog_ge_from_bytes(&affine, torsion[k]), 0);
			fog_ge_ext_from_affine(&small, &affine);
			fog_ge_add(&other.point, &p.point, &small);
			fog_ristretto_encode(two, &other);
			CU_ASSERT(memcmp(one, two, 32) == 0);
			CU_ASSERT(fog_ristretto_equal(&p, &other));
			CU_ASSERT_FALSE(fog_ristretto_is_identity(&other));
			other.point = small;
			CU_ASSERT(fog_ristretto_is_identity(&other));
		}
		fog_ristretto_add(&other, &p, &p);
		CU_ASSERT_FALSE(fog_ristretto_equal(&p, &other));
	}
}

FOG_TEST_MAIN("crypto/curve/ristretto", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_from_uniform), FOG_TEST(test_scalars), FOG_TEST(test_group),
	      FOG_TEST(test_many), FOG_TEST(test_decode_many), FOG_TEST(test_encoding))
