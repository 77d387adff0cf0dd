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

/* A proof in batch form. Its rule: the version byte is right; s is below the group order; the key,
 * Gamma, U and V are canonical encodings of points, and the key has no small order; and, c being
 *the challenge of them all,
 *
 *	8 s B = 8 U + 8 c Y    and    8 s H = 8 V + 8 c Gamma.
 *
 * The factor of eight makes the answer the same in every batch, see crypto/sign/sign.h; beta does
 * not depend on what it removes. */
struct fog_vrf_item {
	enum fog_vrf_suite suite;
	const u8 *pk;
	const void *alpha;
	size_t len;
	const u8 *proof; /* FOG_VRF_BATCH_PROOF_SIZE bytes */
	u8 *beta;        /* FOG_VRF_OUTPUT_SIZE bytes, written, zeroed unless 0; or NULL */
};

/* Largest batch of fog_vrf_verify_in(). */
#define FOG_VRF_BATCH_MAX 4096

/* result[i] = 0, -EBADMSG or -EINVAL for item[i], any count. Works through batches with `memory`,
 * aligned to 64 and of fog_vrf_memory_size(batch) bytes, which depends on the CPU path; batch is
 * from 1 to FOG_VRF_BATCH_MAX. A false proof passes with a chance of 2^-128. Cost each on one core
 * of an EPYC (Zen 5) with beta: about 75 us in a batch of one, 7 us of 64, 5 us of 1024 with TAI.
 */
size_t fog_vrf_memory_size(unsigned batch);
void fog_vrf_verify_in(void *memory, unsigned batch, const struct fog_vrf_item *item,
		       unsigned count, int *result);

/* beta of a proof of either form that is known to be good: the first FOG_VRF_PROOF_SIZE or
 * FOG_VRF_BATCH_PROOF_SIZE bytes. Returns 0, or -EBADMSG when Gamma is no point. */
int fog_vrf_proof_to_hash(enum fog_vrf_suite suite, const u8 *proof, size_t size,
			  u8 beta[FOG_VRF_OUTPUT_SIZE]);

#endif
