/* SPDX-License-Identifier: BSD-3-Clause */
/* Verifiable random functions on edwards25519 (RFC 9381): whoever holds a key can compute, for any
 * input alpha, 64 bytes beta that nobody can foretell, and a proof with which everybody can check
 * that there was no choice. Keys are those of crypto/sign.
 *
 * Two ciphersuites, which differ in how alpha becomes a point:
 *
 *	TAI	ECVRF-EDWARDS25519-SHA512-TAI: try and increment; time depends on alpha
 *	ELL2	ECVRF-EDWARDS25519-SHA512-ELL2: Elligator 2; constant time in alpha as well
 *
 * and two forms of a proof:
 *
 *	plain	Gamma 32 | c 16 | s 32			the form of RFC 9381
 *	batch	0x02 | Gamma 32 | U 32 | V 32 | s 32	our own: 48 bytes more and a version byte;
 *							many are checked by one equation
 *
 * Both say the same of alpha and beta: beta is a function of key and alpha alone. Proving takes the
 * same time for every key. Any thread. */
#ifndef FOG_CRYPTO_VRF_H
#define FOG_CRYPTO_VRF_H

#include "crypto/sign/sign.h"

#define FOG_VRF_PROOF_SIZE       80
#define FOG_VRF_BATCH_PROOF_SIZE 129
#define FOG_VRF_BATCH_VERSION    2
#define FOG_VRF_OUTPUT_SIZE      64

/* The suite bytes of RFC 9381 section 5.5. */
enum fog_vrf_suite {
	FOG_VRF_TAI = 3,
	FOG_VRF_ELL2 = 4,
};

/* Longest alpha; a limit of ours, so that a peer's proof costs a bounded time. */
#define FOG_VRF_ALPHA_MAX 65536

/* Writes the proof for alpha. Returns 0, or -EINVAL for an unknown suite or a longer alpha than
 * FOG_VRF_ALPHA_MAX, or -EDOM when none of 256 tries of TAI is a point (chance 2^-256). About 130
 * us. */
int fog_vrf_prove(enum fog_vrf_suite suite, const u8 sk[FOG_SIGN_SECRET_SIZE], const void *alpha,
		  size_t len, u8 proof[FOG_VRF_PROOF_SIZE]);
/* The same in batch form. */
int fog_vrf_prove_batch(enum fog_vrf_suite suite, const u8 sk[FOG_SIGN_SECRET_SIZE],
			const void *alpha, size_t len, u8 proof[FOG_VRF_BATCH_PROOF_SIZE]);

/* Checks a plain proof by RFC 9381 section 5.3 with validate_key, points and s in their canonical
 * encodings only, and writes beta, which may be NULL. Returns 0, -EBADMSG when the proof is false
 * or the key has small order, or -EINVAL as above; beta is zeroed unless 0. About 80 us. */
int fog_vrf_verify(enum fog_vrf_suite suite, const u8 pk[FOG_SIGN_PUBLIC_SIZE], const void *alpha,
		   size_t len, const u8 proof[FOG_VRF_PROOF_SIZE], u8 beta[FOG_VRF_OUTPUT_SIZE]);

/* beta of a proof of either form that is known to be good: the first FOG_VRF_PROOF_SIZE or
 * FOG_VRF_BATCH_PROOF_SIZE bytes. Returns 0, or -EBADMSG when Gamma is no point. */
int fog_vrf_proof_to_hash(enum fog_vrf_suite suite, const u8 *proof, size_t size,
			  u8 beta[FOG_VRF_OUTPUT_SIZE]);

#endif
