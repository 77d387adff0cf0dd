/* SPDX-License-Identifier: BSD-3-Clause */
/* AEZ v5 (Hoang, Krovetz, Rogaway, 2017): a cipher whose block is the whole message, so that one
 * changed bit garbles all of it. Sphinx payloads use it with no expansion. Runs on the AES rounds
 * of the CPU path in use, on all of them in constant time for a given length. Any thread. */
#ifndef FOG_CRYPTO_AEZ_H
#define FOG_CRYPTO_AEZ_H

#include "crypto/types.h"

#define FOG_AEZ_KEY_SIZE 48 /* keys of other lengths are hashed to it */
#define FOG_AEZ_TAU_MAX  64 /* bytes of expansion */
#define FOG_AEZ_AD_MAX   8  /* elements of associated data */

struct fog_aez {
	u8 four[4][16]; /* round keys of AES4: J, I, L, 0 */
	u8 ten[10][16]; /* of AES10: I, J, L, I, .. */
	u8 i_twice[16]; /* 2 I */
	u8 l_multiple[8][16];
};

/* A piece of associated data. */
struct fog_aez_text {
	const void *data;
	size_t len;
};

/* key of any length; the caller wipes the state with fog_wipe(). About 100 ns for 48 bytes. */
void fog_aez_init(struct fog_aez *z, const void *key, size_t key_len);

/* delta = AEZ-hash of the expansion in bits, the nonce and the associated data. */
void fog_aez_hash(const struct fog_aez *z, u32 tau_bits, const void *nonce, size_t nonce_len,
		  const struct fog_aez_text *ad, unsigned ad_count, u8 delta[16]);
/* `len` bytes of AEZ-prf. */
void fog_aez_prf(const struct fog_aez *z, const u8 delta[16], u8 *out, size_t len);
/* AEZ-core and AEZ-tiny in place; `len` of any size. About 0.2 ns a byte with AES-NI. */
void fog_aez_encipher(const struct fog_aez *z, const u8 delta[16], u8 *data, size_t len);
void fog_aez_decipher(const struct fog_aez *z, const u8 delta[16], u8 *data, size_t len);

/* The AEAD. out takes len + tau bytes; in may be out. tau <= FOG_AEZ_TAU_MAX. */
void fog_aez_encrypt(const struct fog_aez *z, const void *nonce, size_t nonce_len,
		     const struct fog_aez_text *ad, unsigned ad_count, unsigned tau, const u8 *in,
		     size_t len, u8 *out);
/* data takes len bytes, len - tau of them plain text. 0 or -EBADMSG, with data zeroed. */
int fog_aez_decrypt(const struct fog_aez *z, const void *nonce, size_t nonce_len,
		    const struct fog_aez_text *ad, unsigned ad_count, unsigned tau, u8 *data,
		    size_t len);

#endif
