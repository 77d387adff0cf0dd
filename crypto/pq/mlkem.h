/* SPDX-License-Identifier: BSD-3-Clause */
/* ML-KEM-768 (FIPS 203), which is OpenSSL's: libcrypto 3.5 or later. Where there is none, nothing
 * of crypto/pq is built and FOG_HAVE_MLKEM is 0.
 *
 * A key belongs to one thread at a time; the rest may be called from any. Memory is OpenSSL's. */
#ifndef FOG_CRYPTO_MLKEM_H
#define FOG_CRYPTO_MLKEM_H

#include "crypto/types.h"

#define FOG_MLKEM_SEED       64 /* d 32 | z 32 */
#define FOG_MLKEM_RANDOM     32
#define FOG_MLKEM_PUBLIC     1184
#define FOG_MLKEM_CIPHERTEXT 1088
#define FOG_MLKEM_SHARED     32

/* A key pair, ready to decapsulate. */
struct fog_mlkem_key {
	void *pkey, *ctx; /* OpenSSL's */
	u8 public_key[FOG_MLKEM_PUBLIC];
};

/* 0, or -ENOMEM when OpenSSL cannot (it has no better reason). */
int fog_mlkem_key_init(struct fog_mlkem_key *k, const u8 seed[FOG_MLKEM_SEED]);
void fog_mlkem_key_free(struct fog_mlkem_key *k);

/* random: fresh for each. 0; -EKEYREJECTED: no public key; -ENOMEM. shared is zero then. */
int fog_mlkem_encapsulate(u8 shared[FOG_MLKEM_SHARED], u8 ciphertext[FOG_MLKEM_CIPHERTEXT],
			  const u8 public_key[FOG_MLKEM_PUBLIC], const u8 random[FOG_MLKEM_RANDOM]);
/* A ciphertext of somebody else gives a secret nobody knows, not an error. 0 or -ENOMEM. */
int fog_mlkem_decapsulate(u8 shared[FOG_MLKEM_SHARED], const struct fog_mlkem_key *k,
			  const u8 ciphertext[FOG_MLKEM_CIPHERTEXT]);

#endif
