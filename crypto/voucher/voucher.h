/* SPDX-License-Identifier: BSD-3-Clause */
/* Blind signatures of Cashu on secp256k1 (libsecp256k1 does the curve): NUT-00 the scheme, NUT-02
 *ids of keysets, NUT-12 the proof that a mint signed with the key it published.
 *
 *	wallet                                   mint, one key k and K = kG an amount
 *	Y = hash_to_curve(secret), random r
 *	B' = Y + rG              --------------> C' = kB', proof that log_G K = log_B' C'
 *	C = C' - rK              <--------------
 *	..
 *	(secret, C)              --------------> C = kY?  secret not spent before?
 *
 * The mint sees B' when it signs and secret when it is spent, and cannot tell which belong
 *together. Points are 33 bytes compressed, scalars 32 bytes big-endian. Functions return 0 or
 *-EINVAL (a point or scalar that is none, -EBADMSG where said). Any thread. */
#ifndef FOG_CRYPTO_VOUCHER_H
#define FOG_CRYPTO_VOUCHER_H

#include "crypto/types.h"

#define FOG_VOUCHER_POINT_SIZE  33
#define FOG_VOUCHER_SCALAR_SIZE 32
#define FOG_VOUCHER_KEYS_MAX    64           /* amounts 1, 2, 4 .. 2^63 */
#define FOG_VOUCHER_ID_SIZE     (2 * 33 + 1) /* keyset id as hex, version 2, zero-terminated */

int fog_voucher_hash_to_curve(const void *secret, size_t len, u8 y[FOG_VOUCHER_POINT_SIZE]);
/* K of k: also what tells a good scalar from a bad one. */
int fog_voucher_public(const u8 k[FOG_VOUCHER_SCALAR_SIZE], u8 pk[FOG_VOUCHER_POINT_SIZE]);
bool fog_voucher_point_valid(const u8 p[FOG_VOUCHER_POINT_SIZE]);

int fog_voucher_blind(const void *secret, size_t len, const u8 r[FOG_VOUCHER_SCALAR_SIZE],
		      u8 blinded[FOG_VOUCHER_POINT_SIZE]);
int fog_voucher_sign(const u8 k[FOG_VOUCHER_SCALAR_SIZE], const u8 blinded[FOG_VOUCHER_POINT_SIZE],
		     u8 signature[FOG_VOUCHER_POINT_SIZE]);
int fog_voucher_unblind(const u8 signature[FOG_VOUCHER_POINT_SIZE],
			const u8 r[FOG_VOUCHER_SCALAR_SIZE], const u8 pk[FOG_VOUCHER_POINT_SIZE],
			u8 c[FOG_VOUCHER_POINT_SIZE]);
/* The mint's check; -EBADMSG. Constant time in k is libsecp256k1's. */
int fog_voucher_verify(const u8 k[FOG_VOUCHER_SCALAR_SIZE], const void *secret, size_t len,
		       const u8 c[FOG_VOUCHER_POINT_SIZE]);

struct fog_voucher_dleq {
	u8 e[32], s[32];
};
/* Deterministic, as NUT-12 wants it: no random number can fail and give the key away. */
int fog_voucher_dleq_make(const u8 k[FOG_VOUCHER_SCALAR_SIZE],
			  const u8 blinded[FOG_VOUCHER_POINT_SIZE],
			  const u8 signature[FOG_VOUCHER_POINT_SIZE], struct fog_voucher_dleq *out);
int fog_voucher_dleq_check(const u8 pk[FOG_VOUCHER_POINT_SIZE],
			   const u8 blinded[FOG_VOUCHER_POINT_SIZE],
			   const u8 signature[FOG_VOUCHER_POINT_SIZE],
			   const struct fog_voucher_dleq *proof);
/* The same for who got the finished voucher from somebody else, with the blinding factor. */
int fog_voucher_dleq_check_proof(const u8 pk[FOG_VOUCHER_POINT_SIZE], const void *secret,
				 size_t len, const u8 c[FOG_VOUCHER_POINT_SIZE],
				 const u8 r[FOG_VOUCHER_SCALAR_SIZE],
				 const struct fog_voucher_dleq *proof);
void fog_voucher_hash_points(const u8 (*point)[FOG_VOUCHER_POINT_SIZE], u32 count, u8 e[32]);

struct fog_voucher_keyset {
	u32 count;
	u64 amount[FOG_VOUCHER_KEYS_MAX]; /* growing */
	u8 pk[FOG_VOUCHER_KEYS_MAX][FOG_VOUCHER_POINT_SIZE];
	char unit[16];
	u64 input_fee_ppk, final_expiry; /* 0 = none */
};
/* version 1: 16 hex digits, 2: 66. */
void fog_voucher_keyset_id(const struct fog_voucher_keyset *k, u32 version,
			   char id[FOG_VOUCHER_ID_SIZE]);

#endif
