/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests: good payloads of every kind of crypto/check, made from a seed. */
#ifndef FOG_TEST_CHECK_PROOFS_H
#define FOG_TEST_CHECK_PROOFS_H

#include "crypto/check/check.h"
#include "crypto/merkle/merkle.h"
#include "crypto/random/random.h"
#include "crypto/vrf/vrf.h"
#include "crypto/zk/pedersen.h"
#include "crypto/zk/range.h"

#include <errno.h>

/* Forms of payload; the VRF has two. */
enum proof_form {
	PROOF_ED25519,
	PROOF_VRF,
	PROOF_VRF_BATCH,
	PROOF_RANGE,
	PROOF_SIGMA,
	PROOF_INCLUSION,
	PROOF_CONSISTENCY,
	PROOF_FORMS,
};

static const u16 proof_kind[PROOF_FORMS] = {
	FOG_CHECK_ED25519,
	FOG_CHECK_VRF,
	FOG_CHECK_VRF,
	FOG_CHECK_RANGE,
	FOG_CHECK_SIGMA,
	FOG_CHECK_MERKLE_INCLUSION,
	FOG_CHECK_MERKLE_CONSISTENCY,
};

struct proof_maker {
	struct fog_rng rng;
	struct fog_range_gens gens;
	struct fog_range_prover prover;
	u8 pk[32], sk[64];
};

static struct proof_maker *proof_maker_open(u64 seed)
{
	struct proof_maker *m = calloc(1, sizeof(*m));
	u8 key[32];

	if (m == NULL)
		abort();
	fog_rng_init_u64(&m->rng, seed);
	fog_rng_bytes(&m->rng, key, sizeof(key));
	fog_sign_keypair(m->pk, m->sk, key);
	fog_range_gens_init(&m->gens);
	return m;
}

static void random_scalar(struct proof_maker *m, struct fog_scalar *out)
{
	u8 wide[64];

	fog_rng_bytes(&m->rng, wide, sizeof(wide));
	fog_scalar_reduce(out, wide);
}

static int make_vrf(struct proof_maker *m, u8 *out, size_t cap, bool batch)
{
	enum fog_vrf_suite suite = fog_rng_below(&m->rng, 2) == 0 ? FOG_VRF_TAI : FOG_VRF_ELL2;
	u8 proof[FOG_VRF_BATCH_PROOF_SIZE], alpha[32];

	fog_rng_bytes(&m->rng, alpha, sizeof(alpha));
	int rc = batch ? fog_vrf_prove_batch(suite, m->sk, alpha, sizeof(alpha), proof)
		       : fog_vrf_prove(suite, m->sk, alpha, sizeof(alpha), proof);
	if (rc != 0)
		abort();
	return fog_check_put_vrf(out, cap, suite, batch ? FOG_CHECK_VRF_BATCH : FOG_CHECK_VRF_PLAIN,
				 m->pk, proof, alpha, sizeof(alpha));
}

static int make_range(struct proof_maker *m, u8 *out, size_t cap)
{
	static const u8 bits[] = {8, 16, 32, 64};
	struct fog_scalar blinding;
	u64 value = fog_rng_below(&m->rng, 256);
	struct fog_range_witness w = {.value = &value,
				      .blinding = &blinding,
				      .count = 1,
				      .bits = bits[fog_rng_below(&m->rng, 4)]};
	u8 commitment[1][32], proof[FOG_RANGE_PROOF_MAX], random[32];
	struct fog_merlin t;
	size_t len;

	random_scalar(m, &blinding);
	fog_rng_bytes(&m->rng, random, sizeof(random));
	fog_check_transcript(&t, FOG_CHECK_RANGE, "test", 4);
	if (fog_range_prove(&m->prover, &m->gens, &t, &w, random, commitment, proof, sizeof(proof),
			    &len) != 0)
		abort();
	return fog_check_put_range(out, cap, w.bits, 1, "test", 4, (const u8(*)[32])commitment,
				   proof, len);
}

static int make_sigma(struct proof_maker *m, u8 *out, size_t cap)
{
	struct fog_scalar witness[FOG_SIGMA_SECRETS_MAX];
	u8 proof[FOG_SIGMA_PROOF_MAX], random[32];
	struct fog_ristretto commitment;
	struct fog_sigma s[2];
	struct fog_merlin t;
	size_t len;

	random_scalar(m, &witness[0]);
	random_scalar(m, &witness[1]);
	fog_pedersen_commit(&commitment, &witness[0], &witness[1]);
	for (unsigned i = 0; i < 2; i++) {
		fog_sigma_init(&s[i]);
		unsigned value = fog_sigma_secret(&s[i]), blinding = fog_sigma_secret(&s[i]);
		fog_sigma_pedersen(&s[i], value, blinding, &commitment);
		fog_ristretto_add(&commitment, &commitment, &commitment);
	}
	fog_rng_bytes(&m->rng, random, sizeof(random));
	fog_check_transcript(&t, FOG_CHECK_SIGMA, "test", 4);
	if (fog_sigma_prove(&t, s, 2, 0, witness, random, proof, sizeof(proof), &len) != 0)
		abort();
	return fog_check_put_sigma(out, cap, s, 2, "test", 4, proof, len);
}

/* The consistency proof of 4 leaves in a tree of 7 (RFC 6962, section 2.1.3): the root of the right
 * half; and an inclusion proof in the same tree. */
static int make_merkle(struct proof_maker *m, u8 *out, size_t cap, bool inclusion)
{
	u8 leaf[7][32], root[32], old_root[32], hash[8][32];
	unsigned count;

	fog_rng_bytes(&m->rng, leaf, sizeof(leaf));
	fog_merkle_root(root, (const u8(*)[32])leaf, 7);
	if (inclusion) {
		u64 index = fog_rng_below(&m->rng, 7);

		if (fog_merkle_proof((const u8(*)[32])leaf, 7, index, hash, 8, &count) != 0)
			abort();
		return fog_check_put_inclusion(out, cap, root, 7, index, leaf[index],
					       (const u8(*)[32])hash, count);
	}
	fog_merkle_root(old_root, (const u8(*)[32])leaf, 4);
	fog_merkle_root(hash[0], (const u8(*)[32])leaf + 4, 3);
	return fog_check_put_consistency(out, cap, old_root, 4, root, 7, (const u8(*)[32])hash, 1);
}

/* Length of a fresh, good payload. */
static u32 proof_make(struct proof_maker *m, enum proof_form form, u8 out[FOG_CHECK_PAYLOAD_MAX])
{
	const size_t cap = FOG_CHECK_PAYLOAD_MAX;
	u8 message[64], sig[64];
	int len = -EINVAL;

	switch (form) {
	case PROOF_ED25519:
		fog_rng_bytes(&m->rng, message, sizeof(message));
		fog_sign(sig, message, sizeof(message), m->sk);
		len = fog_check_put_ed25519(out, cap, m->pk, sig, message, sizeof(message));
		break;
	case PROOF_VRF:
	case PROOF_VRF_BATCH:
		len = make_vrf(m, out, cap, form == PROOF_VRF_BATCH);
		break;
	case PROOF_RANGE:
		len = make_range(m, out, cap);
		break;
	case PROOF_SIGMA:
		len = make_sigma(m, out, cap);
		break;
	case PROOF_INCLUSION:
	case PROOF_CONSISTENCY:
		len = make_merkle(m, out, cap, form == PROOF_INCLUSION);
		break;
	case PROOF_FORMS:
		break;
	}
	if (len < 0)
		abort();
	return (u32)len;
}

/* A place where any change makes the payload a false one. Trees of other sizes can share a path, so
 * the sizes beside Merkle proofs are no such place: who trusts the root knows the size with it. */
__attribute__((unused)) static u32 proof_damage_at(struct proof_maker *m, enum proof_form form,
						   u32 len)
{
	u32 at;

	do
		at = (u32)fog_rng_below(&m->rng, len);
	while ((form == PROOF_INCLUSION && at >= 32 && at < 48) ||
	       (form == PROOF_CONSISTENCY && ((at >= 32 && at < 40) || (at >= 72 && at < 80))));
	return at;
}

#endif
