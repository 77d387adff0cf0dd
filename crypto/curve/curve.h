/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/ only: the curve25519 work that has a faster form on some CPUs, as one table of
 * functions per path. A path goes with the cipher path of the same rank in crypto/cpu.h:
 *
 *	portable	one operation at a time; any 64-bit CPU
 *	avx2		X25519, decoding and sums of points with tables in four lanes of AVX2
 *	ifma		eight lanes of AVX-512 with 52-bit multiply-add */
#ifndef FOG_CRYPTO_CURVE_H
#define FOG_CRYPTO_CURVE_H

#include "crypto/curve/msm.h"

struct fog_known_check;
struct fog_known_table;
struct fog_sign_item;
struct fog_straus;

struct fog_curve {
	const char *name;
	unsigned rank; /* smallest index in fog_crypto_path() that this path goes with */
	bool (*supported)(void);
	/* As fog_x25519_many(). */
	void (*x25519_many)(u8 (*out)[32], const u8 (*scalar)[32], const u8 (*point)[32],
			    int *result, unsigned count);
	/* out[i] = SHA-512 of the len[i] bytes at in[i]. */
	void (*digest_many)(u8 (*out)[64], const u8 *const *in, const size_t *len, unsigned count);
	/* out[i] = SHA-512/256 of the 32 bytes at in[i]. */
	void (*tag_many)(u8 (*out)[32], const u8 *const *in, unsigned count);
	/* Strict decoding, as fog_ge_from_bytes(). Variable time. */
	void (*decode_many)(struct fog_ge_niels *out, bool *good, const u8 *const *in,
			    unsigned count);
	/* k[i] = SHA-512(R | A | message) modulo the group order, of signatures. */
	void (*challenge_many)(struct fog_sc *k, const struct fog_sign_item *const *item,
			       unsigned count);
	/* good[i] = 8 (s[i] B - k[i] A - R) is zero, where A and R are point[2 i] and
	 * point[2 i + 1]. Variable time. */
	void (*check_many)(bool *good, const struct fog_ge_niels *point, const struct fog_sc *s,
			   const struct fog_sc *k, unsigned count);
	/* sum[i] = s p[i] - c q[i], for i 0 and 1. Variable time. */
	void (*pair)(struct fog_ge_ext sum[2], const struct fog_ge_ext p[2], const struct fog_sc *s,
		     const struct fog_ge_ext q[2], const struct fog_sc *c);
	/* See known.h. Variable time. */
	void (*known_many)(bool *good, const struct fog_known_table *base,
			   const struct fog_known_check *check, unsigned count);
	/* As fog_msm() and fog_msm_scratch_size(). */
	void (*msm)(struct fog_ge_ext *sum, const struct fog_ge_niels *point,
		    const struct fog_sc *scalar, unsigned count, void *scratch);
	size_t (*msm_scratch_size)(unsigned count);
	/* As fog_straus_sum() and fog_straus_scratch_size(). */
	void (*straus)(struct fog_ge_ext sum[], const struct fog_straus *s, void *scratch);
	size_t (*straus_scratch_size)(unsigned count);
	/* Signatures from which on one sum for all is faster than check_many(). */
	unsigned batch_min;
};

/* The portable members, for paths that have nothing faster. */
void fog_portable_digest_many(u8 (*out)[64], const u8 *const *in, const size_t *len,
			      unsigned count);
/* SHA-512/256 of any length. */
void fog_portable_tag(u8 out[32], const u8 *in, size_t len);
void fog_portable_tag_many(u8 (*out)[32], const u8 *const *in, unsigned count);
void fog_portable_decode_many(struct fog_ge_niels *out, bool *good, const u8 *const *in,
			      unsigned count);
void fog_portable_challenge_many(struct fog_sc *k, const struct fog_sign_item *const *item,
				 unsigned count);
void fog_portable_check_many(bool *good, const struct fog_ge_niels *point, const struct fog_sc *s,
			     const struct fog_sc *k, unsigned count);
void fog_portable_pair(struct fog_ge_ext sum[2], const struct fog_ge_ext p[2],
		       const struct fog_sc *s, const struct fog_ge_ext q[2],
		       const struct fog_sc *c);
void fog_portable_msm(struct fog_ge_ext *sum, const struct fog_ge_niels *point,
		      const struct fog_sc *scalar, unsigned count, void *scratch);
size_t fog_portable_msm_scratch_size(unsigned count);

/* The avx2 path's own, beside straus.h. */
void fog_avx2_x25519_many(u8 (*out)[32], const u8 (*scalar)[32], const u8 (*point)[32], int *result,
			  unsigned count);

extern const u64 fog_sha512_256_initial[8];

extern const struct fog_curve fog_curve_portable;
extern const struct fog_curve fog_curve_avx2;
extern const struct fog_curve fog_curve_ifma;

/* The path in use; written by fog_curve_select() only. Never NULL. */
extern const struct fog_curve *fog_curve;

/* Takes the fastest path that this CPU has and that goes with cipher paths up to `rank`. */
void fog_curve_select(unsigned rank);

#endif
