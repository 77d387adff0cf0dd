/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/zk/range.h"

#include "crypto/zk/pedersen.h"
#include "crypto/zk/range_internal.h"
#include "tests/unit/crypto/vectors.h"

#include <errno.h>

#define VECTORS "bulletproofs/dalek_v1_range_proofs.json"
#define LABEL   "Deserialize-And-Verify Test"

static struct fog_range_gens gens;
static struct fog_range_prover prover;
static struct fog_range_batch batch;
static const u8 random_bytes[32] = {42};

struct proof {
	unsigned bits, count;
	size_t len;
	u8 bytes[FOG_RANGE_PROOF_MAX];
	u8 commitment[FOG_RANGE_COUNT_MAX][FOG_RISTRETTO_SIZE];
};

static void gens_once(void)
{
	static bool done;

	if (!done)
		fog_range_gens_init(&gens);
	done = true;
}

static int check(const struct proof *p, const char *label)
{
	struct fog_merlin t;

	fog_merlin_init(&t, label);
	return fog_range_verify(&batch, &gens, &t, p->bytes, p->len, p->commitment, p->bits,
				p->count, random_bytes);
}

/* The values of the proof are random in the range; value 0 and the greatest come first. */
static int make(struct proof *p, struct fog_rng *rng, unsigned bits, unsigned count)
{
	struct fog_scalar blinding[FOG_RANGE_COUNT_MAX];
	u64 value[FOG_RANGE_COUNT_MAX];
	struct fog_range_witness witness = {value, blinding, count, bits};
	struct fog_merlin t;
	u8 wide[64], random[32];

	for (unsigned j = 0; j < count; j++) {
		value[j] = fog_rng_u64(rng) >> (64 - bits);
		fog_rng_bytes(rng, wide, sizeof(wide));
		fog_scalar_reduce(&blinding[j], wide);
	}
	value[0] = fog_rng_below(rng, 2) ? 0 : ~0ull >> (64 - bits);
	fog_rng_bytes(rng, random, sizeof(random));
	fog_merlin_init(&t, "test");
	p->bits = bits;
	p->count = count;
	int rc = fog_range_prove(&prover, &gens, &t, &witness, random, p->commitment, p->bytes,
				 sizeof(p->bytes), &p->len);
	CU_ASSERT(fog_is_zero(prover.a, sizeof(prover.a)));
	CU_ASSERT(fog_is_zero(prover.b, sizeof(prover.b)));
	return rc;
}

/* Every allowed size; each proof is good for its own label, bits and commitments only. */
static void life_cycle_body(void)
{
	struct fog_rng rng;
	struct proof p;

	gens_once();
	rng_start(&rng);
	for (unsigned bits = 8; bits <= 64; bits *= 2) {
		for (unsigned count = 1; bits * count <= 64; count *= 2) {
			if (count > FOG_RANGE_COUNT_MAX)
				break;
			CU_ASSERT_EQUAL_FATAL(make(&p, &rng, bits, count), 0);
			CU_ASSERT_EQUAL(p.len, fog_range_proof_len(bits, count));
			CU_ASSERT_EQUAL(check(&p, "test"), 0);
			CU_ASSERT_EQUAL(check(&p, "tesT"), -EBADMSG);
			p.commitment[count - 1][0] ^= 2;
			CU_ASSERT_EQUAL(check(&p, "test"), -EBADMSG);
		}
	}
}

static void test_life_cycle(void)
{
	each_path(life_cycle_body);
}

/* The greatest proof: 16 values of 64 bits. */
static void test_greatest(void)
{
	struct fog_rng rng;
	struct proof p;

	gens_once();
	rng_start(&rng);
	CU_ASSERT_EQUAL_FATAL(make(&p, &rng, 64, 16), 0);
	CU_ASSERT_EQUAL(p.len, FOG_RANGE_PROOF_MAX);
	CU_ASSERT_EQUAL(check(&p, "test"), 0);
}

static void test_bad_arguments(void)
{
	static const struct {
		unsigned bits, count;
		size_t len;
	} shapes[] = {{0, 1, 0},    {7, 1, 0},    {4, 1, 0},    {12, 1, 0},   {128, 1, 0},
		      {8, 0, 0},    {8, 3, 0},    {8, 32, 0},   {64, 17, 0},  {8, 1, 480},
		      {16, 1, 544}, {32, 4, 736}, {64, 1, 672}, {64, 16, 928}};
	u64 value[2] = {255, 256};
	struct fog_scalar blinding[2] = {fog_scalar_one, fog_scalar_one};
	struct fog_range_witness w = {value, blinding, 1, 8};
	struct fog_merlin t;
	struct proof p = {.bits = 8, .count = 1};

	gens_once();
	fog_merlin_init(&t, "test");
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(shapes); i++) {
		size_t len = fog_range_proof_len(shapes[i].bits, shapes[i].count);
		CU_ASSERT_EQUAL(len, shapes[i].len);
		if (len != 0)
			continue;
		w.bits = shapes[i].bits;
		w.count = shapes[i].count;
		CU_ASSERT_EQUAL(fog_range_prove(&prover, &gens, &t, &w, random_bytes, p.commitment,
						p.bytes, sizeof(p.bytes), &p.len),
				-EINVAL);
		CU_ASSERT_EQUAL(fog_range_verify(&batch, &gens, &t, p.bytes, 480, p.commitment,
						 w.bits, w.count, random_bytes),
				-EINVAL);
	}
	w.bits = 8;
	w.count = 2;
	CU_ASSERT_EQUAL(fog_range_prove(&prover, &gens, &t, &w, random_bytes, p.commitment, p.bytes,
					sizeof(p.bytes), &p.len),
			-ERANGE);
	w.count = 1;
	CU_ASSERT_EQUAL(fog_range_prove(&prover, &gens, &t, &w, random_bytes, p.commitment, p.bytes,
					479, &p.len),
			-ENOSPC);
	CU_ASSERT_EQUAL(p.len, 0);
	fog_merlin_init(&t, "test");
	CU_ASSERT_EQUAL(fog_range_prove(&prover, &gens, &t, &w, random_bytes, p.commitment, p.bytes,
					480, &p.len),
			0);
	CU_ASSERT_EQUAL(check(&p, "test"), 0);
	p.len--;
	CU_ASSERT_EQUAL(check(&p, "test"), -EBADMSG);
	fog_range_batch_init(&batch, &gens, random_bytes);
	CU_ASSERT_EQUAL(fog_range_batch_verify(&batch), 0); /* of no proof */
}

static void vector_load(struct proof *p, json_t *root, json_t *v)
{
	p->bits = json_integer_value(json_object_get(v, "n"));
	p->count = json_integer_value(json_object_get(v, "m"));
	p->len = vectors_member(v, "proof", p->bytes, sizeof(p->bytes));
	for (unsigned j = 0; j < p->count; j++)
		CU_ASSERT_EQUAL(vectors_hex(json_array_get(json_object_get(root, "commitments"), j),
					    p->commitment[j], 32),
				32);
}

static void scalar_expect(json_t *text, const struct fog_scalar *s)
{
	u8 expect[32];

	CU_ASSERT_EQUAL(vectors_hex(text, expect, 32), 32);
	CU_ASSERT(memcmp(expect, s->byte, 32) == 0);
}

/* All sixteen proofs that dalek published verify, with each challenge on the way. */
static void dalek_body(void)
{
	json_t *root = vectors_load(VECTORS), *v;
	struct fog_range_challenges c;
	struct fog_merlin t;
	struct proof p;
	size_t i;

	gens_once();
	CU_ASSERT_EQUAL(json_array_size(json_object_get(root, "proofs")), 16);
	json_array_foreach(json_object_get(root, "proofs"), i, v)
	{
		json_t *expect = json_object_get(v, "challenges");
		vector_load(&p, root, v);
		CU_ASSERT_EQUAL(check(&p, LABEL), 0);
		fog_merlin_init(&t, LABEL);
		fog_range_replay(&t, &c, p.bytes, p.commitment, p.bits, p.count);
		scalar_expect(json_object_get(expect, "y"), &c.y);
		scalar_expect(json_object_get(expect, "z"), &c.z);
		scalar_expect(json_object_get(expect, "x"), &c.x);
		scalar_expect(json_object_get(expect, "w"), &c.w);
		for (unsigned k = 0; k < fog_range_rounds(p.bits, p.count); k++)
			scalar_expect(json_array_get(json_object_get(expect, "u"), k), &c.u[k]);
	}
	json_decref(root);
}

static void test_dalek(void)
{
	each_path(dalek_body);
}

static void test_generators(void)
{
	json_t *root = vectors_load(VECTORS), *text;
	static const struct {
		const char *name;
		const struct fog_ge_niels *points;
	} lists[] = {{"G0", gens.g[0]}, {"H0", gens.h[0]}, {"G1", gens.g[1]}};
	u8 expect[32], out[32];
	size_t i;

	gens_once();
	for (unsigned n = 0; n < FOG_ARRAY_COUNT(lists); n++) {
		CU_ASSERT(json_array_size(json_object_get(root, lists[n].name)) >= 4);
		json_array_foreach(json_object_get(root, lists[n].name), i, text)
		{
			CU_ASSERT_EQUAL(vectors_hex(text, expect, 32), 32);
			struct fog_ristretto point;
			fog_ge_ext_from_niels(&point.point, &lists[n].points[i]);
			fog_ristretto_encode(out, &point);
			CU_ASSERT(memcmp(out, expect, 32) == 0);
		}
	}
	json_decref(root);
}

/* One bit turned in every 32-byte item of a proof and of its commitments, every item put to zero
 * and every scalar moved up by L: all refused. */
static void tampering_body(void)
{
	static const u8 order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
				     0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
				     0,    0,    0,    0,    0,    0,    0,    0,
				     0,    0,    0,    0,    0,    0,    0,    0x10};
	json_t *root = vectors_load(VECTORS);
	struct proof good, bad;
	unsigned refused = 0;

	gens_once();
	vector_load(&good, root, json_array_get(json_object_get(root, "proofs"), 1));
	CU_ASSERT_EQUAL(check(&good, LABEL), 0);
	for (size_t i = 0; i < good.len / 32 * 3; i++) {
		u8 *item = bad.bytes + i / 3 * 32;
		bad = good;
		if (i % 3 == 0)
			item[i % 31] ^= 1u << (i % 8);
		else if (i % 3 == 1)
			memset(item, 0, 32);
		else
			for (unsigned k = 0, carry = 0; k < 32; k++) {
				carry += item[k] + order[k];
				item[k] = carry;
				carry >>= 8;
			}
		CU_ASSERT_EQUAL(check(&bad, LABEL), -EBADMSG);
		refused++;
	}
	for (unsigned j = 0; j < 2; j++) {
		bad = good;
		bad.commitment[j][3] ^= 1;
		CU_ASSERT_EQUAL(check(&bad, LABEL), -EBADMSG);
		bad = good;
		memset(bad.commitment[j], 0, 32);
		CU_ASSERT_EQUAL(check(&bad, LABEL), -EBADMSG);
	}
	bad = good;
	memcpy(bad.commitment[0], good.commitment[1], 32);
	memcpy(bad.commitment[1], good.commitment[0], 32);
	CU_ASSERT_EQUAL(check(&bad, LABEL), -EBADMSG);
	CU_ASSERT_EQUAL(refused, 51);
	json_decref(root);
}

static void test_tampering(void)
{
	each_path(tampering_body);
}

/* All published proofs in one batch of mixed sizes; one wrong bit anywhere spoils it, a malformed
 * proof does not enter it. */
static void batch_body(void)
{
	json_t *root = vectors_load(VECTORS), *v;
	struct fog_merlin t;
	struct proof p;
	size_t i;

	gens_once();
	fog_range_batch_init(&batch, &gens, random_bytes);
	for (unsigned spoiled = 0; spoiled <= 2; spoiled++) {
		json_array_foreach(json_object_get(root, "proofs"), i, v)
		{
			if (i % 4 == 3)
				continue; /* the long ones were tried alone */
			vector_load(&p, root, v);
			fog_merlin_init(&t, LABEL);
			if (spoiled == 1 && i == 4)
				p.bytes[4 * 32] ^= 1; /* t_x, still canonical */
			if (spoiled == 2 && i == 4)
				memset(p.bytes + 4 * 32, 0xff, 32);
			CU_ASSERT_EQUAL(fog_range_batch_add(&batch, &t, p.bytes, p.len,
							    p.commitment, p.bits, p.count),
					spoiled == 2 && i == 4 ? -EBADMSG : 0);
		}
		CU_ASSERT_EQUAL(batch.added, spoiled == 2 ? 11 : 12);
		CU_ASSERT_EQUAL(fog_range_batch_verify(&batch), spoiled == 1 ? -EBADMSG : 0);
		CU_ASSERT_EQUAL(batch.added, 0);
	}
	json_decref(root);
}

static void test_batch(void)
{
	each_path(batch_body);
}

/* More proofs than the list of terms has room for; two that are wrong in opposite ways. */
static void test_batch_overflow(void)
{
	unsigned copies = FOG_RANGE_BATCH_TERMS / (4 + 6 + 1) + 2;
	struct fog_merlin t;
	struct fog_rng rng;
	struct proof p;

	gens_once();
	rng_start(&rng);
	CU_ASSERT_EQUAL_FATAL(make(&p, &rng, 8, 1), 0);
	for (unsigned wrong = 0; wrong < 2; wrong++) {
		fog_range_batch_init(&batch, &gens, random_bytes);
		for (unsigned i = 0; i < copies; i++) {
			struct proof q = p;
			/* t_x up by one in one, down by one in another */
			if (wrong != 0 && i < 2)
				q.bytes[4 * 32] += i == 0 ? 1 : -1;
			fog_merlin_init(&t, "test");
			CU_ASSERT_EQUAL(
				fog_range_batch_add(&batch, &t, q.bytes, q.len, q.commitment, 8, 1),
				0);
		}
		CU_ASSERT_EQUAL(batch.added, copies);
		CU_ASSERT_EQUAL(fog_range_batch_verify(&batch), wrong != 0 ? -EBADMSG : 0);
	}
}

/* The same witness and random bytes give the same proof; other random bytes share nothing with it
 * but the commitment. */
static void test_randomness(void)
{
	u64 value = 77;
	struct fog_scalar blinding = fog_scalar_one;
	struct fog_range_witness w = {&value, &blinding, 1, 8};
	struct proof p[3];
	struct fog_merlin t;

	gens_once();
	for (unsigned i = 0; i < 3; i++) {
		u8 random[32] = {i == 2};
		fog_merlin_init(&t, "test");
		CU_ASSERT_EQUAL(fog_range_prove(&prover, &gens, &t, &w, random, p[i].commitment,
						p[i].bytes, sizeof(p[i].bytes), &p[i].len),
				0);
	}
	CU_ASSERT(memcmp(p[0].bytes, p[1].bytes, p[0].len) == 0);
	CU_ASSERT(memcmp(p[0].commitment, p[2].commitment, 32) == 0);
	for (size_t i = 0; i < p[0].len; i += 32)
		CU_ASSERT(memcmp(p[0].bytes + i, p[2].bytes + i, 32) != 0);
}

/* That v >= t is a range proof for V - t B; with v below t there is no such proof to make. */
static void test_threshold(void)
{
	struct fog_ristretto v, shift;
	struct fog_scalar value, threshold, blinding = fog_scalar_one;
	struct fog_merlin t;
	struct proof p = {.bits = 16, .count = 1};
	u64 above = 1000 - 990;
	struct fog_range_witness w = {&above, &blinding, 1, 16};

	gens_once();
	fog_scalar_from_u64(&value, 1000);
	fog_scalar_from_u64(&threshold, 990);
	fog_pedersen_commit(&v, &value, &blinding);
	fog_merlin_init(&t, "test");
	CU_ASSERT_EQUAL(fog_range_prove(&prover, &gens, &t, &w, random_bytes, p.commitment, p.bytes,
					sizeof(p.bytes), &p.len),
			0);
	fog_ristretto_mul_base(&shift, &threshold);
	fog_ristretto_sub(&v, &v, &shift);
	fog_ristretto_encode(p.commitment[0], &v);
	CU_ASSERT_EQUAL(check(&p, "test"), 0);
	fog_ristretto_sub(&v, &v, &shift);
	fog_ristretto_encode(p.commitment[0], &v);
	CU_ASSERT_EQUAL(check(&p, "test"), -EBADMSG);
}

FOG_TEST_MAIN("crypto/zk/range", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_greatest), FOG_TEST(test_dalek), FOG_TEST(test_generators),
	      FOG_TEST(test_tampering), FOG_TEST(test_batch), FOG_TEST(test_batch_overflow),
	      FOG_TEST(test_randomness), FOG_TEST(test_threshold))
