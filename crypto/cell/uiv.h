/* SPDX-License-Identifier: BSD-3-Clause */
/* UIV+, the rugged pseudorandom permutation of Counter Galois Onion (Tor proposal 359; Degabriele,
 * Melloni, Muench, Stam 2023), over AES-128 and POLYVAL (RFC 8452):
 *
 *	ET(J, T, X)	L = POLYVAL(KU, T);  L ^ AES(KB, L ^ X)			J = KB | KU
 *	PRF(S, X, c)	AES-CTR(K, floor(POLYVAL(B, X)) + c), big-endian	S = K | B
 *	UIV+		Y_L = ET(J, tweak | X_R, X_L);  Y_R = X_R ^ PRF(S, Y_L, 0)
 *
 * floor clears the low 6 bits of the counter, as Tor does, when the key stream ends within 64
 * blocks, and 7 for Fog's longer right part: the counter never carries out of its last byte.
 *
 * A change of any input bit garbles the whole output of encryption. POLYVAL pads with zeros and
 * hashes no length, so under one key all tweaks and all right parts must keep their lengths. */
#ifndef FOG_CRYPTO_UIV_H
#define FOG_CRYPTO_UIV_H

#include "crypto/types.h"

#define FOG_UIV_BLOCK     16
#define FOG_UIV_SEED_SIZE 64   /* J | S */
#define FOG_UIV_RIGHT_MAX 1376 /* 86 blocks: the right part of our onion body */
/* The longest right part whose key stream fog_uiv_update() does not use again. */
#define FOG_UIV_UPDATE_RIGHT_MAX 496
#define FOG_UIV_UPDATE_OFFSET    31  /* first counter of UPDATE's key stream */
#define FOG_UIV_SHORT_BLOCKS     64  /* key stream under a counter with 6 bits cleared */
#define FOG_UIV_LONG_BLOCKS      128 /* and with 7 */
#define FOG_UIV_POWERS           16

/* Expanded key, the same bytes on every CPU path. 704 bytes; the first 10 cache lines are what
 * encryption touches. Secret: wipe with fog_uiv_key_wipe(). */
struct fog_uiv_key {
	FOG_CACHE_ALIGNED u8 hash_power[FOG_UIV_POWERS][16]; /* KU^16 .. KU^1, POLYVAL's dot */
	u8 left_round[11][16];                               /* AES-128 round keys of KB */
	u8 right_round[11][16];                              /* AES-128 round keys of K */
	u8 right_hash[16];                                   /* B */
	u8 seed[FOG_UIV_SEED_SIZE];                          /* J | S, for the ratchet */
	u8 pad[16];                                          /* zero */
};
_Static_assert(sizeof(struct fog_uiv_key) == 704, "layout of struct fog_uiv_key");

void fog_uiv_key_init(struct fog_uiv_key *key, const u8 seed[FOG_UIV_SEED_SIZE]);
void fog_uiv_key_wipe(struct fog_uiv_key *key);

/* The tweakable block cipher under J; in may equal out. */
void fog_uiv_et_encrypt(const struct fog_uiv_key *key, const void *tweak, size_t tweak_len,
			const u8 in[16], u8 out[16]);
void fog_uiv_et_decrypt(const struct fog_uiv_key *key, const void *tweak, size_t tweak_len,
			const u8 in[16], u8 out[16]);

/* len bytes of key stream under S for the block x, from block `offset` on (C-tor's t = 1 is offset
 * FOG_UIV_UPDATE_OFFSET). */
void fog_uiv_prf(const struct fog_uiv_key *key, const u8 x[16], unsigned offset, u8 *out,
		 size_t len);

/* data = left 16 bytes | right part; in may equal out; 16 <= len <= 16 + FOG_UIV_RIGHT_MAX. */
void fog_uiv_encrypt(const struct fog_uiv_key *key, const void *tweak, size_t tweak_len,
		     const u8 *in, u8 *out, size_t len);
void fog_uiv_decrypt(const struct fog_uiv_key *key, const void *tweak, size_t tweak_len,
		     const u8 *in, u8 *out, size_t len);

/* Replaces key and nonce by PRF(S, nonce, 31): one-way. Only for keys whose right parts never
 * exceed FOG_UIV_UPDATE_RIGHT_MAX. */
void fog_uiv_update(struct fog_uiv_key *key, u8 nonce[16]);

#endif
