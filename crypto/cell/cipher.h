/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/ only: AES and POLYVAL (RFC 8452) as one table of functions per CPU path. A block
 * of POLYVAL is a polynomial over GF(2), bit i of the little-endian integer being x^i, modulo x^128
 * + x^127 + x^126 + x^121 + 1; dot(a, b) = a * b * x^-128. */
#ifndef FOG_CRYPTO_CIPHER_H
#define FOG_CRYPTO_CIPHER_H

#include "crypto/types.h"

#define FOG_AES128_ROUNDS 10
#define FOG_AES256_ROUNDS 14

struct fog_cell_job;
struct fog_cgo_job;
struct fog_gcm_job;

/* Round keys are in FIPS 197 byte order on every path, rounds + 1 of them. */
struct fog_cipher {
	const char *name;
	bool (*supported)(void);
	/* key is 16 bytes for 10 rounds, 32 bytes for 14. */
	void (*aes_expand)(u8 (*round)[16], unsigned rounds, const u8 *key);
	void (*aes_encrypt)(const u8 (*round)[16], unsigned rounds, const u8 in[16], u8 out[16]);
	void (*aes_decrypt)(const u8 (*round)[16], unsigned rounds, const u8 in[16], u8 out[16]);
	/* out = in ^ key stream; the counter is a 128-bit big-endian number. in may equal out. */
	void (*aes_ctr)(const u8 (*round)[16], unsigned rounds, const u8 counter[16], const u8 *in,
			u8 *out, size_t len);
	/* Each of `count` blocks through `rounds` full rounds (AESENC), without a first key and
	 * with MixColumns in the last, as AEZ uses AES. */
	void (*aes_rounds)(const u8 (*round)[16], unsigned rounds, u8 (*block)[16], unsigned count);
	/* power[0..15] = h^16 .. h^1 under dot. */
	void (*hash_powers)(u8 (*power)[16], const u8 h[16]);
	/* acc = POLYVAL of `count` blocks continued from acc; power as above. */
	void (*hash_update)(const u8 (*power)[16], u8 acc[16], const u8 *blocks, size_t count);
	void (*hash_dot)(u8 out[16], const u8 a[16], const u8 b[16]);
	/* NULL, or as crypto/hash/sha256_lanes.h says. */
	void (*sha256_sixteen)(u32 state[8][16], const u8 *const block[16]);
	/* As crypto/hash/blake2x.h says. */
	void (*blake2b_eight)(u64 state[8][8], const u64 block[16][8], u64 bytes, bool last);
	/* NULL: cell.c does it with the functions above. */
	void (*encrypt_many)(const struct fog_cell_job *jobs, unsigned count);
	void (*decrypt_many)(const struct fog_cell_job *jobs, unsigned count);
	/* NULL: cgo.c does it. */
	void (*cgo_many)(struct fog_cgo_job *jobs, unsigned count);
	/* NULL: gcm.c does it. out of a forged message is left as it is. */
	void (*gcm_many)(struct fog_gcm_job *jobs, unsigned count, bool seal);
};

extern const struct fog_cipher fog_cipher_portable;
extern const struct fog_cipher fog_cipher_aesni;
extern const struct fog_cipher fog_cipher_vaes;

/* The path in use; written by fog_crypto_init() and fog_crypto_select() only. */
extern const struct fog_cipher *fog_cipher;

void fog_vaes_cgo_many(struct fog_cgo_job *jobs, unsigned count);
/* GCM of the x86 paths, crypto/gcm. */
void fog_aesni_gcm_many(struct fog_gcm_job *jobs, unsigned count, bool seal);
void fog_vaes_gcm_many(struct fog_gcm_job *jobs, unsigned count, bool seal);

/* out = in ^ AES-256-CTR(key, counter 0), as ntor-v3 encrypts; the key is used once. */
void fog_aes256_ctr(const u8 key[32], const u8 *in, u8 *out, size_t len);

#endif
