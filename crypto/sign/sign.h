/* SPDX-License-Identifier: BSD-3-Clause */
/* Ed25519 signatures (RFC 8032, PureEdDSA) over libsodium, with its strict verification: S below
 * the group order, no public key or R of small order, canonical public key. Any thread. */
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

/* Returns 0, or -EBADMSG when the signature does not verify. About 60 us. */
int fog_sign_verify(const u8 sig[FOG_SIGN_SIZE], const void *msg, size_t len,
		    const u8 pk[FOG_SIGN_PUBLIC_SIZE]);

#endif
