/* SPDX-License-Identifier: BSD-3-Clause */
/* X25519 (RFC 7748) over libsodium, many at once in lanes. Scalars are clamped inside. Any thread;
 * constant time. */
#ifndef FOG_CRYPTO_X25519_H
#define FOG_CRYPTO_X25519_H

#include "crypto/types.h"

#define FOG_X25519_SIZE 32

/* out = scalar * point. Returns 0, or -EBADMSG when the result is all zero, which happens exactly
 * for points of low order (RFC 7748 section 6.1); out is zeroed then. About 25 us. */
int fog_x25519(u8 out[FOG_X25519_SIZE], const u8 scalar[FOG_X25519_SIZE],
	       const u8 point[FOG_X25519_SIZE]);

/* out[i] = scalar[i] * point[i] and result[i] = 0 or -EBADMSG, each as fog_x25519(). out may be
 * point. Any count; the ifma path works in lanes of eight, the avx2 path in lanes of four, both
 * best in calls of 64 or more. Cost each on one core of an EPYC (Zen 5): 2.8 us in 64s, 3.1 us in
 * eights; libsodium 25 us. */
void fog_x25519_many(u8 (*out)[FOG_X25519_SIZE], const u8 (*scalar)[FOG_X25519_SIZE],
		     const u8 (*point)[FOG_X25519_SIZE], int *result, unsigned count);

/* One exchange with the owner of each point, both products in the lanes together: element[i] =
 * scalar[i] * base, shared[i] and result[i] as above. count <= FOG_X25519_EXCHANGES. */
#define FOG_X25519_EXCHANGES 64
void fog_x25519_exchange_many(u8 (*element)[FOG_X25519_SIZE], u8 (*shared)[FOG_X25519_SIZE],
			      const u8 (*scalar)[FOG_X25519_SIZE],
			      const u8 (*point)[FOG_X25519_SIZE], int *result, unsigned count);

/* out = scalar * base point: the public key of a secret. About 15 us. */
void fog_x25519_base(u8 out[FOG_X25519_SIZE], const u8 scalar[FOG_X25519_SIZE]);

#endif
