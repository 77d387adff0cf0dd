/* SPDX-License-Identifier: BSD-3-Clause */
/* AES-128-GCM (NIST SP 800-38D) for datagrams, many at a call: what seals the cells on a link. The
 * nonce is formed as in TLS 1.3 (RFC 8446, 5.3): iv xor (4 zero bytes | counter, big-endian), iv
 * being part of the key material, so that the nonces of different keys tell nothing of each other.
 *
 *	out of seal	text ^ key stream | tag 16
 *
 * A counter is used once per key: nonces that repeat give away the key of the tag. At most
 * FOG_GCM_CELLS_ADVISED messages under one key keep what an observer gains below 2^-57 (RFC 9001,
 * B.1, packets below 2^11 bytes). */
#ifndef FOG_CRYPTO_GCM_H
#define FOG_CRYPTO_GCM_H

#include "crypto/types.h"

#define FOG_GCM_KEY_SIZE 16
#define FOG_GCM_IV_SIZE  12
#define FOG_GCM_TAG_SIZE 16
/* Longest text and associated data: the counter of a block stays in one byte. */
#define FOG_GCM_TEXT_MAX 4032
#define FOG_GCM_AD_MAX   4032
#define FOG_GCM_POWERS   48
/* Messages under one key, see above. */
#define FOG_GCM_CELLS_ADVISED (1ull << 28)

/* Expanded key, the same bytes on every CPU path. 960 bytes, all of them touched by a cell. Secret:
 * wipe with fog_gcm_key_wipe(). */
struct fog_gcm_key {
	FOG_CACHE_ALIGNED u8 hash_power[FOG_GCM_POWERS][16]; /* h^48 .. h^1, as POLYVAL's */
	u8 round[11][16];                                    /* AES-128 round keys */
	u8 iv[FOG_GCM_IV_SIZE];
	u8 pad[4]; /* zero */
};
_Static_assert(sizeof(struct fog_gcm_key) == 960, "layout of struct fog_gcm_key");

/* One message. seal reads len bytes and writes len + 16; open reads len + 16 and writes len. in may
 * equal out; otherwise they do not overlap. No alignment needed. */
struct fog_gcm_job {
	const struct fog_gcm_key *key;
	const u8 *ad;
	const u8 *in;
	u8 *out;
	u64 counter;
	u32 ad_len;
	u32 len;
	bool authentic; /* set by open; false: out holds zeros */
};

/* 0.5 us (aesni, vaes), 8 us (portable). */
void fog_gcm_key_init(struct fog_gcm_key *key, const u8 secret[FOG_GCM_KEY_SIZE],
		      const u8 iv[FOG_GCM_IV_SIZE]);
void fog_gcm_key_wipe(struct fog_gcm_key *key);

/* Jobs are independent; hand over whole batches. Constant time in everything but lengths and the
 * verdict. Cost: docs/PERFORMANCE.md. Asserts the maximum lengths. */
void fog_gcm_seal_many(struct fog_gcm_job *jobs, unsigned count);
void fog_gcm_open_many(struct fog_gcm_job *jobs, unsigned count);

#endif
