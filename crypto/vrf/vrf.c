/* SPDX-License-Identifier: BSD-3-Clause */
/* ECVRF, by the step names of RFC 9381. */
#include "crypto/vrf/internal.h"

#include "crypto/curve/curve.h"
#include "crypto/mem.h"

#include <sodium.h>

#include <errno.h>

#define TRIES_FIRST 4

/* Domain separators (section 5.4). */
static const u8 to_curve_front = 1, challenge_front = 2, output_front = 3, back = 0;

int fog_vrf_input_check(const struct fog_vrf_input *in)
{
	if (in->suite != FOG_VRF_TAI && in->suite != FOG_VRF_ELL2)
		return -EINVAL;
	return in->len <= FOG_VRF_ALPHA_MAX ? 0 : -EINVAL;
}

void fog_vrf_try(u8 out[32], const struct fog_vrf_input *in, unsigned ctr)
{
	crypto_hash_sha512_state state;
	u8 digest[crypto_hash_sha512_BYTES], suite = (u8)in->suite, count = (u8)ctr;

	FOG_ASSERT(ctr < FOG_VRF_TRIES_MAX);
	crypto_hash_sha512_init(&state);
	crypto_hash_sha512_update(&state, &suite, 1);
	crypto_hash_sha512_update(&state, &to_curve_front, 1);
	crypto_hash_sha512_update(&state, in->pk, FOG_POINT_SIZE);
	crypto_hash_sha512_update(&state, in->alpha, in->len);
	crypto_hash_sha512_update(&state, &count, 1);
	crypto_hash_sha512_update(&state, &back, 1);
	crypto_hash_sha512_final(&state, digest);
	memcpy(out, digest, 32);
}

size_t fog_vrf_try_text(u8 text[FOG_VRF_TRY_TEXT_MAX], const struct fog_vrf_input *in, unsigned ctr)
{
	size_t len = 2;

	FOG_ASSERT(in->len <= FOG_VRF_TRY_ALPHA_MAX);
	text[0] = (u8)in->suite;
	text[1] = to_curve_front;
	memcpy(text + len, in->pk, FOG_POINT_SIZE);
	len += FOG_POINT_SIZE;
	if (in->len > 0)
		memcpy(text + len, in->alpha, in->len);
	len += in->len;
	text[len++] = (u8)ctr;
	text[len++] = back;
	return len;
}

int fog_vrf_hash_point(struct fog_ge_ext *h, const struct fog_vrf_input *in)
{
	u8 bytes[FOG_ELLIGATOR_SIZE];
	struct fog_ge_affine p;
	struct fe u;

	if (in->suite == FOG_VRF_ELL2) {
		fog_elligator_uniform(bytes, in);
		fog_elligator_field(&u, bytes);
		fog_elligator_map(h, &u);
		fog_ge_double(h, h, 3);
		return 0;
	}
	for (unsigned ctr = 0; ctr < FOG_VRF_TRIES_MAX; ctr++) {
		fog_vrf_try(bytes, in, ctr);
		if (fog_ge_from_bytes(&p, bytes) < 0)
			continue;
		fog_ge_ext_from_affine(h, &p);
		fog_ge_double(h, h, 3);
		if (!fog_ge_is_zero(h))
			return 0;
	}
	return -EDOM;
}

void fog_vrf_challenge_text(u8 text[FOG_VRF_CHALLENGE_TEXT], enum fog_vrf_suite suite,
			    const u8 y[32], const u8 h[32], const u8 gamma[32], const u8 u[32],
			    const u8 v[32])
{
	const u8 *const point[] = {y, h, gamma, u, v};

	text[0] = (u8)suite;
	text[1] = challenge_front;
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(point); i++)
		memcpy(text + 2 + i * FOG_POINT_SIZE, point[i], FOG_POINT_SIZE);
	text[FOG_VRF_CHALLENGE_TEXT - 1] = back;
}

void fog_vrf_challenge(u8 c[FOG_VRF_CHALLENGE_SIZE], enum fog_vrf_suite suite, const u8 y[32],
		       const u8 h[32], const u8 gamma[32], const u8 u[32], const u8 v[32])
{
	u8 text[FOG_VRF_CHALLENGE_TEXT], digest[crypto_hash_sha512_BYTES];

	fog_vrf_challenge_text(text, suite, y, h, gamma, u, v);
	crypto_hash_sha512(digest, text, sizeof(text));
	memcpy(c, digest, FOG_VRF_CHALLENGE_SIZE);
}

void fog_vrf_output(u8 beta[FOG_VRF_OUTPUT_SIZE], enum fog_vrf_suite suite, const u8 gamma8[32])
{
	u8 text[3 + FOG_POINT_SIZE] = {(u8)suite, output_front};

	memcpy(text + 2, gamma8, FOG_POINT_SIZE);
	crypto_hash_sha512(beta, text, sizeof(text));
}

/* SHA-512 of the seed: the first half clamped is the exponent, the second goes into nonces. The
 * points it multiplies have prime order, so it may be reduced. */
void fog_vrf_secret(u8 x[32], const u8 sk[FOG_SIGN_SECRET_SIZE])
{
	u8 digest[crypto_hash_sha512_BYTES];

	crypto_hash_sha512(digest, sk, FOG_SIGN_SEED_SIZE);
	memset(digest + 32, 0, 32);
	digest[0] &= 248;
	digest[31] = (digest[31] & 127) | 64;
	crypto_core_ed25519_scalar_reduce(x, digest);
	fog_wipe(digest, sizeof(digest));
}

void fog_vrf_nonce(u8 k[32], const u8 sk[FOG_SIGN_SECRET_SIZE], const u8 h[32])
{
	u8 digest[crypto_hash_sha512_BYTES], text[64];

	crypto_hash_sha512(digest, sk, FOG_SIGN_SEED_SIZE);
	memcpy(text, digest + 32, 32);
	memcpy(text + 32, h, 32);
	crypto_hash_sha512(digest, text, sizeof(text));
	crypto_core_ed25519_scalar_reduce(k, digest);
	fog_wipe(digest, sizeof(digest));
	fog_wipe(text, sizeof(text));
}

/* The parts of both forms of a proof. */
struct proof {
	u8 gamma[32], u[32], v[32], c[FOG_VRF_CHALLENGE_SIZE], s[32];
};

static int prove(struct proof *proof, const struct fog_vrf_input *in,
		 const u8 sk[FOG_SIGN_SECRET_SIZE])
{
	u8 x[32], k[32], h_bytes[32], c[32] = {0}, product[32];
	struct fog_ge_affine affine[2];
	struct fog_ge_ext h, point[2]; /* Gamma and V */
	int rc = fog_vrf_input_check(in);

	if (rc == 0)
		rc = fog_vrf_hash_point(&h, in);
	if (rc < 0)
		return rc;
	fog_ge_to_bytes(h_bytes, &h);
	fog_vrf_secret(x, sk);
	fog_vrf_nonce(k, sk, h_bytes);
	fog_ge_mul_secret(&point[0], &h, x);
	fog_ge_mul_secret(&point[1], &h, k);
	fog_ge_normalize(affine, point, 2);
	fog_ge_affine_to_bytes(proof->gamma, &affine[0]);
	fog_ge_affine_to_bytes(proof->v, &affine[1]);
	/* Fails for k = 0 only, which SHA-512 gives with a chance of 2^-252. */
	rc = crypto_scalarmult_ed25519_base_noclamp(proof->u, k);
	FOG_ASSERT(rc == 0);
	fog_vrf_challenge(c, in->suite, in->pk, h_bytes, proof->gamma, proof->u, proof->v);
	memcpy(proof->c, c, sizeof(proof->c));
	crypto_core_ed25519_scalar_mul(product, c, x);
	crypto_core_ed25519_scalar_add(proof->s, k, product);
	fog_wipe(x, sizeof(x));
	fog_wipe(k, sizeof(k));
	fog_wipe(product, sizeof(product));
	fog_wipe(&point[1], sizeof(point[1]));
	return 0;
}

int fog_vrf_prove(enum fog_vrf_suite suite, const u8 sk[FOG_SIGN_SECRET_SIZE], const void *alpha,
		  size_t len, u8 out[FOG_VRF_PROOF_SIZE])
{
	const struct fog_vrf_input in = {suite, sk + FOG_SIGN_SEED_SIZE, alpha, len};
	struct proof proof;
	int rc = prove(&proof, &in, sk);

	if (rc < 0)
		return rc;
	memcpy(out, proof.gamma, 32);
	memcpy(out + 32, proof.c, sizeof(proof.c));
	memcpy(out + 48, proof.s, 32);
	return 0;
}

int fog_vrf_prove_batch(enum fog_vrf_suite suite, const u8 sk[FOG_SIGN_SECRET_SIZE],
			const void *alpha, size_t len, u8 out[FOG_VRF_BATCH_PROOF_SIZE])
{
	const struct fog_vrf_input in = {suite, sk + FOG_SIGN_SEED_SIZE, alpha, len};
	struct proof proof;
	int rc = prove(&proof, &in, sk);

	if (rc < 0)
		return rc;
	out[0] = FOG_VRF_BATCH_VERSION;
	memcpy(out + 1, proof.gamma, 32);
	memcpy(out + 33, proof.u, 32);
	memcpy(out + 65, proof.v, 32);
	memcpy(out + 97, proof.s, 32);
	return 0;
}

/* The encoding of 8 p. */
static void cofactor_bytes(u8 out[32], const struct fog_ge_affine *p)
{
	struct fog_ge_ext e;

	fog_ge_ext_from_affine(&e, p);
	fog_ge_double(&e, &e, 3);
	fog_ge_to_bytes(out, &e);
}

/* Encodings decoded beside those of a proof: with lanes they cost nothing, and one of four is H but
 * for one time in sixteen. */
static unsigned first_tries(const struct fog_vrf_input *in)
{
	return in->suite == FOG_VRF_TAI && fog_curve == &fog_curve_ifma ? TRIES_FIRST : 0;
}

/* Y, Gamma and H of a proof, by one decoding where there are lanes. */
static int points_decode(struct fog_ge_ext *y, struct fog_ge_ext *gamma, struct fog_ge_ext *h,
			 const struct fog_vrf_input *in, const u8 *proof)
{
	u8 bytes[TRIES_FIRST][32];
	const u8 *encoding[2 + TRIES_FIRST] = {in->pk, proof};
	struct fog_ge_niels point[2 + TRIES_FIRST];
	bool good[2 + TRIES_FIRST];
	unsigned tries = first_tries(in);

	for (unsigned i = 0; i < tries; i++) {
		fog_vrf_try(bytes[i], in, i);
		encoding[2 + i] = bytes[i];
	}
	fog_curve->decode_many(point, good, encoding, 2 + tries);
	if (!good[0] || !good[1])
		return -EBADMSG;
	fog_ge_ext_from_niels(y, &point[0]);
	fog_ge_ext_from_niels(gamma, &point[1]);
	for (unsigned i = 2; i < 2 + tries; i++) {
		if (!good[i])
			continue;
		fog_ge_ext_from_niels(h, &point[i]);
		fog_ge_double(h, h, 3);
		if (!fog_ge_is_zero(h))
			return 0;
	}
	return fog_vrf_hash_point(h, in) < 0 ? -EBADMSG : 0;
}

static int verify(const struct fog_vrf_input *in, const u8 proof[FOG_VRF_PROOF_SIZE],
		  u8 beta[FOG_VRF_OUTPUT_SIZE])
{
	struct fog_ge_ext base_h[2], y_gamma[2], point[4]; /* H, U, V, 8 Gamma */
	u8 bytes[4][32], expect[FOG_VRF_CHALLENGE_SIZE];
	struct fog_ge_affine affine[4];
	struct fog_sc c = {{0}}, s;

	if (!fog_sc_is_canonical(proof + 48) || fog_ge_is_small_order(in->pk) ||
	    points_decode(&y_gamma[0], &y_gamma[1], &base_h[1], in, proof) < 0)
		return -EBADMSG;
	memcpy(c.w, proof + 32, FOG_VRF_CHALLENGE_SIZE);
	fog_sc_load(&s, proof + 48);
	fog_ge_ext_from_niels(&base_h[0], &fog_ge_base_multiple[0]);
	point[0] = base_h[1];
	fog_curve->pair(point + 1, base_h, &s, y_gamma, &c);
	fog_ge_double(&point[3], &y_gamma[1], 3);
	fog_ge_normalize(affine, point, 4);
	for (unsigned i = 0; i < 4; i++)
		fog_ge_affine_to_bytes(bytes[i], &affine[i]);
	fog_vrf_challenge(expect, in->suite, in->pk, bytes[0], proof, bytes[1], bytes[2]);
	if (memcmp(expect, proof + 32, sizeof(expect)) != 0)
		return -EBADMSG;
	if (beta != NULL)
		fog_vrf_output(beta, in->suite, bytes[3]);
	return 0;
}

int fog_vrf_verify(enum fog_vrf_suite suite, const u8 pk[FOG_SIGN_PUBLIC_SIZE], const void *alpha,
		   size_t len, const u8 proof[FOG_VRF_PROOF_SIZE], u8 beta[FOG_VRF_OUTPUT_SIZE])
{
	const struct fog_vrf_input in = {suite, pk, alpha, len};
	int rc = fog_vrf_input_check(&in);

	if (beta != NULL)
		memset(beta, 0, FOG_VRF_OUTPUT_SIZE);
	return rc < 0 ? rc : verify(&in, proof, beta);
}

int fog_vrf_proof_to_hash(enum fog_vrf_suite suite, const u8 *proof, size_t size,
			  u8 beta[FOG_VRF_OUTPUT_SIZE])
{
	const u8 *gamma = size == FOG_VRF_BATCH_PROOF_SIZE ? proof + 1 : proof;
	struct fog_ge_affine p;
	u8 bytes[32];

	memset(beta, 0, FOG_VRF_OUTPUT_SIZE);
	if ((size != FOG_VRF_PROOF_SIZE && size != FOG_VRF_BATCH_PROOF_SIZE) ||
	    (gamma != proof && proof[0] != FOG_VRF_BATCH_VERSION) ||
	    fog_ge_from_bytes(&p, gamma) < 0)
		return -EBADMSG;
	cofactor_bytes(bytes, &p);
	fog_vrf_output(beta, suite, bytes);
	return 0;
}
