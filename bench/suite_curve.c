/* SPDX-License-Identifier: BSD-3-Clause */
/* Curve25519 in lanes and in batches, beside libsodium one by one. */
#include "bench/bench.h"

#include <sodium.h>

#include "crypto/curve/msm.h"
#include "crypto/curve/x25519.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"
#include "crypto/vrf/vrf.h"

#define LANES_MAX 64
#define BATCH_MAX 4096
#define POINT_MAX (2 * BATCH_MAX)
#define MESSAGE   128

struct curve {
	u8 scalar[LANES_MAX][32];
	u8 point[LANES_MAX][32];
	u8 out[LANES_MAX][32];
	int result[BATCH_MAX];
	u8 sk[64];
	u8 pk[BATCH_MAX][FOG_SIGN_PUBLIC_SIZE];
	u8 sig[BATCH_MAX][FOG_SIGN_SIZE];
	u8 msg[BATCH_MAX][MESSAGE];
	struct fog_sign_item item[BATCH_MAX];
	struct fog_ge_niels msm_point[POINT_MAX];
	struct fog_sc msm_scalar[POINT_MAX];
	u8 proof[FOG_VRF_PROOF_SIZE];
	void *memory;
	void *scratch;
	unsigned count; /* of the case that runs */
};

static void x25519_many(void *arg, u64 rounds)
{
	struct curve *c = arg;

	while (rounds-- != 0)
		fog_x25519_many(c->out, (const u8(*)[32])c->scalar, (const u8(*)[32])c->point,
				c->result, c->count);
}

static void peer_x25519(void *arg, u64 rounds)
{
	struct curve *c = arg;

	while (rounds-- != 0)
		FOG_ASSERT(crypto_scalarmult(c->out[0], c->scalar[0], c->point[0]) == 0);
}

static void verify_in(void *arg, u64 rounds)
{
	struct curve *c = arg;

	while (rounds-- != 0) {
		fog_sign_verify_in(c->memory, c->count, c->item, c->count, c->result);
		FOG_ASSERT(c->result[0] == 0);
		FOG_ASSERT(c->result[c->count - 1] == 0);
	}
}

static void peer_verify(void *arg, u64 rounds)
{
	struct curve *c = arg;

	while (rounds-- != 0)
		FOG_ASSERT(crypto_sign_verify_detached(c->sig[0], c->msg[0], MESSAGE, c->pk[0]) ==
			   0);
}

static void msm(void *arg, u64 rounds)
{
	struct curve *c = arg;
	struct fog_ge_ext sum;

	while (rounds-- != 0)
		fog_msm(&sum, c->msm_point, c->msm_scalar, c->count, c->scratch);
}

static void peer_multiply(void *arg, u64 rounds)
{
	struct curve *c = arg;
	u8 point[32];
	u8 out[32];

	FOG_ASSERT(crypto_core_ristretto255_from_hash(point, c->sig[0]) == 0);
	while (rounds-- != 0)
		FOG_ASSERT(crypto_scalarmult_ristretto255(out, c->pk[0], point) == 0);
}

static void vrf_prove(void *arg, u64 rounds)
{
	struct curve *c = arg;

	while (rounds-- != 0)
		FOG_ASSERT(fog_vrf_prove(FOG_VRF_ELL2, c->sk, c->msg[0], 32, c->proof) == 0);
}

static void vrf_verify(void *arg, u64 rounds)
{
	struct curve *c = arg;
	u8 beta[FOG_VRF_OUTPUT_SIZE];

	while (rounds-- != 0)
		FOG_ASSERT(fog_vrf_verify(FOG_VRF_ELL2, c->pk[0], c->msg[0], 32, c->proof, beta) ==
			   0);
}

static void curve_setup(struct curve *c)
{
	u8 seed[FOG_SIGN_SEED_SIZE];
	u8 sk[FOG_SIGN_SECRET_SIZE];

	fog_random_bytes(c->scalar, sizeof(c->scalar));
	fog_random_bytes(c->point, sizeof(c->point));
	fog_random_bytes(c->msg, sizeof(c->msg));
	fog_random_bytes(c->msm_scalar, sizeof(c->msm_scalar));
	for (unsigned i = 0; i < BATCH_MAX; i++) {
		fog_random_bytes(seed, sizeof(seed));
		fog_sign_keypair(c->pk[i], sk, seed);
		fog_sign(c->sig[i], c->msg[i], MESSAGE, sk);
		c->item[i] = (struct fog_sign_item){c->sig[i], c->pk[i], c->msg[i], MESSAGE};
		if (i == 0)
			memcpy(c->sk, sk, sizeof(sk));
	}
	for (unsigned i = 0; i < POINT_MAX; i++) {
		struct fog_ge_affine p;
		FOG_ASSERT(fog_ge_from_bytes(&p, c->pk[i % BATCH_MAX]) == 0);
		fog_ge_niels_from_affine(&c->msm_point[i], &p);
		c->msm_scalar[i].w[3] >>= 12;
	}
	FOG_ASSERT(fog_vrf_prove(FOG_VRF_ELL2, c->sk, c->msg[0], 32, c->proof) == 0);
	c->memory = aligned_alloc(64, fog_sign_memory_size(BATCH_MAX));
	c->scratch = aligned_alloc(64, (fog_msm_scratch_size(POINT_MAX) + 63) & ~(size_t)63);
	FOG_ASSERT(c->memory != NULL);
	FOG_ASSERT(c->scratch != NULL);
}

/* One case for each count; the peer is measured anew beside each. */
static void sizes_run(struct bench *b, struct curve *c, const char *name, const unsigned *count,
		      unsigned counts, struct bench_case model)
{
	char text[64];

	for (unsigned i = 0; i < counts; i++) {
		snprintf(text, sizeof(text), "curve.%s_%u", name, count[i]);
		c->count = count[i];
		model.name = text;
		model.ours_arg = c;
		model.theirs_arg = c;
		model.ours_divisor = count[i];
		bench_run(b, &model);
	}
}

void bench_suite_curve(struct bench *b)
{
	static struct curve c;
	static const unsigned lanes[] = {1, 8, 64};
	static const unsigned batches[] = {1, 8, 64, 1024, BATCH_MAX};
	static const unsigned points[] = {16, 128, 1024, POINT_MAX};
	static const unsigned one[] = {1};

	curve_setup(&c);
	sizes_run(b, &c, "x25519", lanes, FOG_ARRAY_COUNT(lanes),
		  (struct bench_case){.unit = "ns/op",
				      .peer = "libsodium, one by one",
				      .ours = x25519_many,
				      .theirs = peer_x25519});
	sizes_run(b, &c, "verify", batches, FOG_ARRAY_COUNT(batches),
		  (struct bench_case){.unit = "ns/signature",
				      .peer = "libsodium, one by one",
				      .ours = verify_in,
				      .theirs = peer_verify});
	sizes_run(b, &c, "msm", points, FOG_ARRAY_COUNT(points),
		  (struct bench_case){.unit = "ns/point",
				      .peer = "libsodium ristretto255, one by one",
				      .ours = msm,
				      .theirs = peer_multiply});
	sizes_run(b, &c, "vrf_prove", one, 1,
		  (struct bench_case){.unit = "ns/proof",
				      .peer = "limit: two multiples by libsodium",
				      .ours = vrf_prove,
				      .theirs = peer_multiply,
				      .theirs_divisor = 0.5});
	sizes_run(b, &c, "vrf_verify", one, 1,
		  (struct bench_case){.unit = "ns/proof",
				      .peer = "limit: two verifications by libsodium",
				      .ours = vrf_verify,
				      .theirs = peer_verify,
				      .theirs_divisor = 0.5});
	free(c.memory);
	free(c.scratch);
}
