/* SPDX-License-Identifier: BSD-3-Clause */
/* Hybrid public key encryption (RFC 9180), base mode, one suite: DHKEM(X25519, HKDF-SHA256),
 * HKDF-SHA256, ChaCha20-Poly1305. What is sealed to a key only its owner opens; who sealed it stays
 * unknown. Any thread.
 *
 *	sealed message = enc 32 | ciphertext | tag 16
 *
 * A context seals or opens several messages in order; message n must be opened as the n-th. */
#ifndef FOG_CRYPTO_HPKE_H
#define FOG_CRYPTO_HPKE_H

#include "crypto/types.h"

#define FOG_HPKE_KEY_SIZE 32
#define FOG_HPKE_ENC_SIZE 32
#define FOG_HPKE_TAG_SIZE 16
#define FOG_HPKE_OVERHEAD (FOG_HPKE_ENC_SIZE + FOG_HPKE_TAG_SIZE)
#define FOG_HPKE_INFO_MAX 256 /* bytes of info; more is our bug */

struct fog_hpke_keys {
	u8 pk[FOG_HPKE_KEY_SIZE];
	u8 sk[FOG_HPKE_KEY_SIZE]; /* the owner wipes */
};

/* The one key pair of ikm (DeriveKeyPair, section 7.1.3), which holds at least 32 random bytes. */
void fog_hpke_derive(struct fog_hpke_keys *keys, const u8 *ikm, size_t len);

/* Secret; wipe with fog_wipe(). */
struct fog_hpke {
	u8 key[32];
	u8 nonce[12];
	u64 sequence;
};

/* To somebody's key, from a key pair that is used this once. 0, or -EBADMSG: no such point. */
int fog_hpke_sender(struct fog_hpke *c, const u8 pk[FOG_HPKE_KEY_SIZE],
		    const struct fog_hpke_keys *once, const void *info, size_t info_len);
int fog_hpke_receiver(struct fog_hpke *c, const u8 enc[FOG_HPKE_ENC_SIZE],
		      const struct fog_hpke_keys *keys, const void *info, size_t info_len);

/* out takes len + FOG_HPKE_TAG_SIZE bytes. */
void fog_hpke_next_seal(struct fog_hpke *c, u8 *out, const void *data, size_t len, const void *aad,
			size_t aad_len);
/* out takes len - FOG_HPKE_TAG_SIZE bytes. 0 or -EBADMSG; then the context stays where it was. */
int fog_hpke_next_open(struct fog_hpke *c, u8 *out, const u8 *data, size_t len, const void *aad,
		       size_t aad_len);

/* One message with a fresh key: out takes len + FOG_HPKE_OVERHEAD bytes. 0 or -EBADMSG: pk. */
int fog_hpke_seal(u8 *out, const void *data, size_t len, const u8 pk[FOG_HPKE_KEY_SIZE],
		  const void *info, size_t info_len, const void *aad, size_t aad_len);
/* out takes len - FOG_HPKE_OVERHEAD bytes. 0 or -EBADMSG. */
int fog_hpke_open(u8 *out, const u8 *data, size_t len, const struct fog_hpke_keys *keys,
		  const void *info, size_t info_len, const void *aad, size_t aad_len);

#endif
