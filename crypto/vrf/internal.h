/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/vrf and its tests only: the steps of RFC 9381. Suites and lengths have been
 * checked. */
#ifndef FOG_CRYPTO_VRF_INTERNAL_H
#define FOG_CRYPTO_VRF_INTERNAL_H

#include "crypto/curve/edwards.h"
#include "crypto/vrf/vrf.h"

#define FOG_VRF_CHALLENGE_SIZE 16
#define FOG_VRF_TRIES_MAX      256
#define FOG_ELLIGATOR_SIZE     48

/* What is hashed to a point: the key as salt, then alpha. */
struct fog_vrf_input {
	enum fog_vrf_suite suite;
	const u8 *pk;
	const void *alpha;
	size_t len;
};

/* 0 or -EINVAL. */
int fog_vrf_input_check(const struct fog_vrf_input *in);

/* Try number `ctr` of TAI: 32 bytes that are a point's encoding with a chance of about 1/2. */
void fog_vrf_try(u8 out[32], const struct fog_vrf_input *in, unsigned ctr);
/* The text whose SHA-512 begins with those bytes, for alpha of at most FOG_VRF_TRY_ALPHA_MAX bytes;
 * returns its length. */
#define FOG_VRF_TRY_ALPHA_MAX 220
#define FOG_VRF_TRY_TEXT_MAX  (FOG_VRF_TRY_ALPHA_MAX + 36)
size_t fog_vrf_try_text(u8 text[FOG_VRF_TRY_TEXT_MAX], const struct fog_vrf_input *in,
			unsigned ctr);
/* H: ECVRF_encode_to_curve (section 5.4.1). Returns 0 or -EDOM. */
int fog_vrf_hash_point(struct fog_ge_ext *h, const struct fog_vrf_input *in);

/* The secret exponent, modulo the order, and the nonce (section 5.4.2.2) for H. */
void fog_vrf_secret(u8 x[32], const u8 sk[FOG_SIGN_SECRET_SIZE]);
void fog_vrf_nonce(u8 k[32], const u8 sk[FOG_SIGN_SECRET_SIZE], const u8 h[32]);

/* ECVRF_challenge_generation (section 5.4.3) of the five encodings. */
void fog_vrf_challenge(u8 c[FOG_VRF_CHALLENGE_SIZE], enum fog_vrf_suite suite, const u8 y[32],
		       const u8 h[32], const u8 gamma[32], const u8 u[32], const u8 v[32]);
/* The text whose SHA-512 begins with it. */
#define FOG_VRF_CHALLENGE_TEXT 163
void fog_vrf_challenge_text(u8 text[FOG_VRF_CHALLENGE_TEXT], enum fog_vrf_suite suite,
			    const u8 y[32], const u8 h[32], const u8 gamma[32], const u8 u[32],
			    const u8 v[32]);
/* beta from the encoding of 8 Gamma. */
void fog_vrf_output(u8 beta[FOG_VRF_OUTPUT_SIZE], enum fog_vrf_suite suite, const u8 gamma8[32]);

/* expand_message_xmd with SHA-512 (RFC 9380 section 5.3.1) of in, for the ELL2 suite. */
void fog_elligator_uniform(u8 out[FOG_ELLIGATOR_SIZE], const struct fog_vrf_input *in);
/* The 48 bytes, big-endian, modulo p (section 5.2). */
void fog_elligator_field(struct fe *u, const u8 uniform[FOG_ELLIGATOR_SIZE]);
/* map_to_curve_elligator2_edwards25519 (section 6.7.2 and appendix D.1). No branch on u. */
void fog_elligator_map(struct fog_ge_ext *p, const struct fe *u);

#endif
