/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/vrf/vrf.h"

#include "crypto/curve/scalar.h"
#include "crypto/vrf/internal.h"
#include "tests/unit/crypto/vectors.h"

#include <sodium.h>

#include <errno.h>

#define MANY  90
#define ALPHA 200

struct many {
	u8 pk[MANY][32], sk[MANY][64], alpha[MANY][ALPHA];
	u8 proof[MANY][FOG_VRF_BATCH_PROOF_SIZE], beta[MANY][FOG_VRF_OUTPUT_SIZE];
	struct fog_vrf_item item[MANY];
};

static void many_init(struct many *m, struct fog_rng *rng)
{
	u8 seed[32];

	fog_rng_bytes(rng, m->alpha, sizeof(m->alpha));
	for (unsigned i = 0; i < MANY; i++) {
		enum fog_vrf_suite suite = i % 3 == 0 ? FOG_VRF_ELL2 : FOG_VRF_TAI;
		size_t len = fog_rng_below(rng, ALPHA + 1);
		fog_rng_bytes(rng, seed, sizeof(seed));
		fog_sign_keypair(m->pk[i], m->sk[i], seed);
		CU_ASSERT_EQUAL(fog_vrf_prove_batch(suite, m->sk[i], m->alpha[i], len, m->proof[i]),
				0);
		m->item[i] = (struct fog_vrf_item){suite, m->pk[i],    m->alpha[i],
						   len,   m->proof[i], m->beta[i]};
	}
}

static void many_copy(struct many *to, const struct many *from)
{
	*to = *from;
	for (unsigned i = 0; i < MANY; i++) {
		to->item[i].pk = to->pk[i];
		to->item[i].alpha = to->alpha[i];
		to->item[i].proof = to->proof[i];
		to->item[i].beta = to->beta[i];
	}
}

/* Checks count items in batches of `batch` with memory of the exact size. */
static void verify(const struct fog_vrf_item *item, unsigned batch, unsigned count, int *result)
{
	void *memory = aligned_alloc(64, fog_vrf_memory_size(batch));

	CU_ASSERT_FATAL(memory != NULL);
	memset(result, 1, count * sizeof(*result));
	fog_vrf_verify_in(memory, batch, item, count, result);
	free(memory);
}

/* beta is that of the plain proof, whatever the batch. */
static void life_cycle_body(void)
{
	static struct many m;
	struct fog_rng rng;
	int result[MANY];
	u8 plain[FOG_VRF_PROOF_SIZE], beta[FOG_VRF_OUTPUT_SIZE];

	rng_start(&rng);
	many_init(&m, &rng);
	for (unsigned batch = 1; batch <= MANY; batch += batch + 3) {
		memset(m.beta, 0, sizeof(m.beta));
		verify(m.item, batch, MANY, result);
		for (unsigned i = 0; i < MANY; i++) {
			const struct fog_vrf_item *t = &m.item[i];
			CU_ASSERT_EQUAL(result[i], 0);
			CU_ASSERT_EQUAL(fog_vrf_prove(t->suite, m.sk[i], t->alpha, t->len, plain),
					0);
			CU_ASSERT_EQUAL(
				fog_vrf_verify(t->suite, t->pk, t->alpha, t->len, plain, beta), 0);
			CU_ASSERT(memcmp(beta, t->beta, sizeof(beta)) == 0);
		}
	}
}

static void test_life_cycle(void)
{
	each_path(life_cycle_body);
}

static void bad_arguments_body(void)
{
	static struct many m, fresh;
	struct fog_rng rng;
	int result[8];

	rng_start(&rng);
	many_init(&fresh, &rng);
	many_copy(&m, &fresh);
	m.item[0].suite = 9;
	m.item[1].len = FOG_VRF_ALPHA_MAX + 1;
	m.proof[2][0] = 1;
	memset(m.pk[3], 0, 32);
	m.pk[3][0] = 1;
	memset(m.proof[4] + 97, 0xff, 32);
	memset(m.proof[5] + 33, 0xff, 32);
	m.item[6].beta = NULL;
	m.item[7].pk = m.pk[8];
	memset(m.beta, 0xaa, sizeof(m.beta));
	verify(m.item, 8, 8, result);
	static const int expect[8] = {-EINVAL,  -EINVAL,  -EBADMSG, -EBADMSG,
				      -EBADMSG, -EBADMSG, 0,        -EBADMSG};
	for (unsigned i = 0; i < 8; i++) {
		CU_ASSERT_EQUAL(result[i], expect[i]);
		CU_ASSERT_EQUAL(fog_is_zero(m.beta[i], 64), i != 6);
	}
	verify(m.item, 1, 0, result);
}

static void test_bad_arguments(void)
{
	each_path(bad_arguments_body);
}

/* One bit of one proof, key or input wrong, anywhere: that one is refused and no other. */
static void one_false_body(void)
{
	static struct many m, fresh;
	struct fog_rng rng;
	int result[MANY];

	rng_start(&rng);
	many_init(&fresh, &rng);
	for (unsigned n = 0; n < 60; n++) {
		unsigned victim = (unsigned)fog_rng_below(&rng, MANY), bit;
		many_copy(&m, &fresh);
		bit = (unsigned)fog_rng_below(&rng, 8 * FOG_VRF_BATCH_PROOF_SIZE);
		if (n % 4 == 3 && m.item[victim].len > 0)
			m.alpha[victim][fog_rng_below(&rng, m.item[victim].len)] ^= 1;
		else
			m.proof[victim][bit / 8] ^= 1 << bit % 8;
		verify(m.item, MANY, MANY, result);
		for (unsigned i = 0; i < MANY; i++)
			CU_ASSERT_EQUAL(result[i], i == victim ? -EBADMSG : 0);
	}
	/* All false. */
	for (unsigned i = 0; i < MANY; i++)
		m.proof[i][100] ^= 1;
	verify(m.item, MANY, MANY, result);
	for (unsigned i = 0; i < MANY; i++)
		CU_ASSERT_EQUAL(result[i], -EBADMSG);
}

static void test_one_false(void)
{
	each_path(one_false_body);
}

/* U + T, V + T' with small points, and the challenge of those: the parts vanish under the factor of
 * eight, so the proof is good in every batch, and has the same beta. */
static void small_parts_make(struct many *m, unsigned i, const u8 torsion[32])
{
	struct fog_vrf_input in = {FOG_VRF_TAI, m->pk[i], m->alpha[i], m->item[i].len};
	u8 *proof = m->proof[i], x[32], k[32], h[32], c[32] = {0}, product[32];
	struct fog_ge_ext point;

	m->item[i].suite = FOG_VRF_TAI;
	CU_ASSERT_EQUAL(fog_vrf_prove_batch(FOG_VRF_TAI, m->sk[i], in.alpha, in.len, proof), 0);
	CU_ASSERT_EQUAL(fog_vrf_hash_point(&point, &in), 0);
	fog_ge_to_bytes(h, &point);
	fog_vrf_secret(x, m->sk[i]);
	fog_vrf_nonce(k, m->sk[i], h);
	if (i % 3 != 0)
		CU_ASSERT_EQUAL(crypto_core_ed25519_add(proof + 33, proof + 33, torsion), 0);
	if (i % 3 != 1)
		CU_ASSERT_EQUAL(crypto_core_ed25519_add(proof + 65, proof + 65, torsion), 0);
	fog_vrf_challenge(c, FOG_VRF_TAI, in.pk, h, proof + 1, proof + 33, proof + 65);
	crypto_core_ed25519_scalar_mul(product, c, x);
	crypto_core_ed25519_scalar_add(proof + 97, k, product);
}

static void small_parts_body(void)
{
	static struct many m;
	struct fog_rng rng;
	int result[MANY];
	u8 torsion[32], plain[FOG_VRF_PROOF_SIZE], beta[FOG_VRF_OUTPUT_SIZE];

	rng_start(&rng);
	many_init(&m, &rng);
	fog_hex_decode("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", torsion,
		       32);
	for (unsigned i = 0; i < MANY; i += 2)
		small_parts_make(&m, i, torsion);
	for (unsigned batch = 1; batch <= MANY; batch = 2 * batch + 1) {
		memset(m.beta, 0, sizeof(m.beta));
		verify(m.item, batch, MANY, result);
		for (unsigned i = 0; i < MANY; i++)
			CU_ASSERT_EQUAL(result[i], 0);
		for (unsigned i = 0; i < 6; i += 2) {
			const struct fog_vrf_item *t = &m.item[i];
			CU_ASSERT_EQUAL(fog_vrf_prove(t->suite, m.sk[i], t->alpha, t->len, plain),
					0);
			CU_ASSERT_EQUAL(fog_vrf_proof_to_hash(t->suite, plain, sizeof(plain), beta),
					0);
			CU_ASSERT(memcmp(beta, t->beta, sizeof(beta)) == 0);
		}
	}
}

static void test_small_parts(void)
{
	each_path(small_parts_body);
}

/* The published vectors in batch form. */
static void rfc9381_body(void)
{
	json_t *root = vectors_load("vrf/rfc9381_edwards25519.json"), *t;
	json_t *list = json_object_get(root, "vectors");
	u8 pk[6][32], alpha[6][64], proof[6][FOG_VRF_BATCH_PROOF_SIZE], beta[6][64], expect[64];
	struct fog_vrf_item item[6];
	int result[6];
	size_t i;

	CU_ASSERT_EQUAL_FATAL(json_array_size(list), 6);
	json_array_foreach(list, i, t)
	{
		const char *suite = json_string_value(json_object_get(t, "suite"));
		vectors_member(t, "PK", pk[i], 32);
		proof[i][0] = FOG_VRF_BATCH_VERSION;
		vectors_member(t, "pi_batchcompat_128B", proof[i] + 1, 128);
		item[i] = (struct fog_vrf_item){strstr(suite, "TAI") != NULL ? FOG_VRF_TAI
									     : FOG_VRF_ELL2,
						pk[i],
						alpha[i],
						vectors_member(t, "alpha", alpha[i], 64),
						proof[i],
						beta[i]};
	}
	verify(item, 6, 6, result);
	json_array_foreach(list, i, t)
	{
		vectors_member(t, "beta", expect, 64);
		CU_ASSERT_EQUAL(result[i], 0);
		CU_ASSERT(memcmp(beta[i], expect, 64) == 0);
	}
	json_decref(root);
}

static void test_rfc9381(void)
{
	each_path(rfc9381_body);
}

FOG_TEST_MAIN("crypto/vrf/batch", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_one_false), FOG_TEST(test_small_parts), FOG_TEST(test_rfc9381))
