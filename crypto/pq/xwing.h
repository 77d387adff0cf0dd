/* SPDX-License-Identifier: BSD-3-Clause */
/* X-Wing (draft-connolly-cfrg-xwing-kem): ML-KEM-768 and X25519, safe while either of them is. And
 * both KEMs as profiles of Sphinx, where an element is a ciphertext.
 *
 *	public key	ML-KEM's 1184 | X25519's 32
 *	ciphertext	ML-KEM's 1088 | X25519's 32
 *	shared		SHA3-256(ML-KEM's | X25519's | ciphertext's X25519 | public X25519 | label)
 *	key from a seed	SHAKE256(seed): ML-KEM's 64 | X25519's 32
 *
 * Beyond the draft an X25519 element of low order is refused. Threads as in mlkem.h. */
#ifndef FOG_CRYPTO_XWING_H
#define FOG_CRYPTO_XWING_H

#include "crypto/pq/mlkem.h"
#include "crypto/sphinx/sphinx.h"

#define FOG_XWING_SEED       32
#define FOG_XWING_RANDOM     64
#define FOG_XWING_PUBLIC     1216
#define FOG_XWING_CIPHERTEXT 1120
#define FOG_XWING_SHARED     32

struct fog_xwing_key {
	struct fog_mlkem_key mlkem;
	struct fog_sphinx_x25519 x25519;
};

/* 0 or -ENOMEM. */
int fog_xwing_key_init(struct fog_xwing_key *k, const u8 seed[FOG_XWING_SEED]);
void fog_xwing_key_free(struct fog_xwing_key *k);
void fog_xwing_public(const struct fog_xwing_key *k, u8 out[FOG_XWING_PUBLIC]);

/* Many at once: the X25519 of all go through the lanes together. result[i] = 0, -EKEYREJECTED or
 * -ENOMEM; then shared[i] is zero. count <= FOG_SPHINX_BATCH_MAX. */
void fog_xwing_encapsulate_many(u8 (*shared)[FOG_XWING_SHARED], u8 *const *ciphertext, int *result,
				const u8 *const *public_key, const u8 (*random)[FOG_XWING_RANDOM],
				unsigned count);
void fog_xwing_decapsulate_many(u8 (*shared)[FOG_XWING_SHARED], int *result,
				const struct fog_xwing_key *const *key, const u8 *const *ciphertext,
				unsigned count);

/* Secret: struct fog_mlkem_key. */
extern const struct fog_sphinx_kem fog_sphinx_kem_mlkem768;
/* Secret: struct fog_xwing_key. */
extern const struct fog_sphinx_kem fog_sphinx_kem_xwing;

#endif
