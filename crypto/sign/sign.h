/* SPDX-License-Identifier: BSD-3-Clause */
/* Ed25519 signatures (RFC 8032, PureEdDSA). Signing is libsodium's, verification our own. Any
 * thread. */
#ifndef FOG_CRYPTO_SIGN_H
#define FOG_CRYPTO_SIGN_H

#include "crypto/types.h"

#define FOG_SIGN_SEED_SIZE   32
#define FOG_SIGN_PUBLIC_SIZE 32
#define FOG_SIGN_SECRET_SIZE 64 /* seed, then public key */
#define FOG_SIGN_SIZE        64

/* The one keypair of a seed. The caller wipes sk and seed. */
void fog_sign_keypair(u8 pk[FOG_SIGN_PUBLIC_SIZE], u8 sk[FOG_SIGN_SECRET_SIZE],
		      const u8 seed[FOG_SIGN_SEED_SIZE]);

/* Deterministic signature of msg. Callers put a domain label in front of what they sign. */
void fog_sign(u8 sig[FOG_SIGN_SIZE], const void *msg, size_t len,
	      const u8 sk[FOG_SIGN_SECRET_SIZE]);

/* The rule of verification, one and the same for one signature and for many, on every CPU path, so
 * that all nodes agree on every byte string:
 *
 *	1. S is below the group order.
 *	2. The public key A and R are canonical encodings of points on the curve.
 *	3. Neither A nor R has small order (1, 2, 4 or 8).
 *	4. 8 S B = 8 R + 8 SHA-512(R | A | message) A, B being the base point.
 *
 * Point 4 is the equation with the cofactor (RFC 8032 section 5.1.7). Without the factor of eight a
 * sum of many equations would pass or fail by luck where A or R has a part of small order. What
 * libsodium accepts, this accepts. */

/* Returns 0, or -EBADMSG when the signature does not verify. About 40 us. */
int fog_sign_verify(const u8 sig[FOG_SIGN_SIZE], const void *msg, size_t len,
		    const u8 pk[FOG_SIGN_PUBLIC_SIZE]);

struct fog_sign_item {
	const u8 *sig; /* FOG_SIGN_SIZE bytes */
	const u8 *pk;  /* FOG_SIGN_PUBLIC_SIZE bytes */
	const void *msg;
	size_t len;
};

/* result[i] = fog_sign_verify() of item[i], for any count. A batch is checked by one equation, the
 * sum of all with random factors of 128 bits; a false signature passes with a chance of 2^-128. A
 * batch that fails is halved until the guilty are found, by at most twice the work
 * of the batch before the rest is checked one by one. */
void fog_sign_verify_many(const struct fog_sign_item *item, unsigned count, int *result);

/* Signatures per batch of fog_sign_verify_many(), which works on its stack: 352 KiB. */
#define FOG_SIGN_BATCH 64
/* Largest batch; more than this gains little. */
#define FOG_SIGN_BATCH_MAX 16384

/* The same with memory of the caller's, for larger batches: those are faster. `memory` is aligned
 * to 64 and has fog_sign_memory_size(batch) bytes, which depends on the CPU path; batch is from 1
 * to FOG_SIGN_BATCH_MAX. Nothing secret is left in it. */
size_t fog_sign_memory_size(unsigned batch);
void fog_sign_verify_in(void *memory, unsigned batch, const struct fog_sign_item *item,
			unsigned count, int *result);

#endif
