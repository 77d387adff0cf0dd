/* SPDX-License-Identifier: BSD-3-Clause */
/* FROST threshold signatures (RFC 9591): any `threshold` of the holders of shares make one
 *signature of the group's key in two rounds, fewer learn nothing and make none. Suites
 *FROST(Ed25519, SHA-512), whose signatures verify as Ed25519, and FROST(ristretto255, SHA-512).
 *
 *	each signer: commit() -> commitment to the coordinator, nonces kept
 *	coordinator: the commitments of those who take part, in order of id, and the message to each
 *	each signer: sign() -> its share of the signature; the nonces are gone then
 *	coordinator: share_check() each, aggregate() -> the signature
 *
 * Shares come from a trusted dealer (appendix C) with deal(). Group elements are encodings of 32
 *bytes. Constant time in secrets. Any thread. */
#ifndef FOG_CRYPTO_ZK_FROST_H
#define FOG_CRYPTO_ZK_FROST_H

#include "crypto/curve/ristretto.h"

#define FOG_FROST_SIGNERS_MAX 64
#define FOG_FROST_POINT_SIZE  32
#define FOG_FROST_SIZE        64 /* a signature: R, then z */
#define FOG_FROST_RANDOM_SIZE 64 /* what one commitment takes */

enum fog_frost_suite {
	FOG_FROST_ED25519 = 1,
	FOG_FROST_RISTRETTO255 = 2,
};

/* Of one signer. The owner wipes. */
struct fog_frost_share {
	u32 suite;     /* enum fog_frost_suite */
	u16 id;        /* 1.. */
	u16 threshold; /* signers needed, 2.. */
	struct fog_scalar secret;
	u8 public[FOG_FROST_POINT_SIZE]; /* secret * B */
	u8 group[FOG_FROST_POINT_SIZE];  /* the key that verifies */
};

/* Used once: the same nonces under two messages tell the share. fog_frost_sign() wipes them. */
struct fog_frost_nonces {
	struct fog_scalar hiding, binding;
};

struct fog_frost_commitment {
	u16 id;
	u8 hiding[FOG_FROST_POINT_SIZE];
	u8 binding[FOG_FROST_POINT_SIZE];
};

/* What is signed, as coordinator and signers all must see it. commitment: of strictly ascending id.
 */
struct fog_frost_session {
	enum fog_frost_suite suite;
	const u8 *group; /* FOG_FROST_POINT_SIZE */
	const void *msg;
	size_t msg_len;
	const struct fog_frost_commitment *commitment;
	unsigned count; /* 1..FOG_FROST_SIGNERS_MAX */
};

/* Splits coefficient[0], the group's secret, into shares of ids 1..count;
 * coefficient[1..threshold-1] are fresh and uniform. vss: `threshold` points, the public proof that
 * each share fits. The caller wipes the coefficients. 0 or -EINVAL (suite, 2 <= threshold <= count
 * <= FOG_FROST_SIGNERS_MAX, a secret of zero). */
int fog_frost_deal(enum fog_frost_suite suite, const struct fog_scalar *coefficient,
		   unsigned threshold, unsigned count, struct fog_frost_share *share,
		   u8 (*vss)[FOG_FROST_POINT_SIZE]);
/* That a share received fits the dealer's vss. 0, -EINVAL or -EBADMSG. */
int fog_frost_share_verify(const struct fog_frost_share *share,
			   const u8 (*vss)[FOG_FROST_POINT_SIZE]);

/* Round one. random: fresh bytes; the share's secret is mixed in. */
void fog_frost_commit(const struct fog_frost_share *share, const u8 random[FOG_FROST_RANDOM_SIZE],
		      struct fog_frost_nonces *nonces, struct fog_frost_commitment *commitment);

/* Round two. Returns 0; -EINVAL (suite, group, order of ids, fewer commitments than the threshold);
 * -EBADMSG (a commitment is no valid point, or ours is missing or not of these nonces). The nonces
 * are wiped in every case. */
int fog_frost_sign(const struct fog_frost_share *share, struct fog_frost_nonces *nonces,
		   const struct fog_frost_session *s, struct fog_scalar *out);

/* Whether the share of a signature that signer `id` sent is right, given its public share: who
 * sends a wrong one is known. 0, -EINVAL (id is not in the session), -EBADMSG. */
int fog_frost_share_check(const struct fog_frost_session *s, u16 id,
			  const u8 public[FOG_FROST_POINT_SIZE], const struct fog_scalar *z);

/* z[i] is that of commitment[i]. 0, -EINVAL, -EBADMSG when the sum is no signature. */
int fog_frost_aggregate(const struct fog_frost_session *s, const struct fog_scalar *z,
			u8 sig[FOG_FROST_SIZE]);

/* 0, -EINVAL (suite) or -EBADMSG. For Ed25519 as fog_sign_verify(). */
int fog_frost_verify(enum fog_frost_suite suite, const u8 group[FOG_FROST_POINT_SIZE],
		     const void *msg, size_t msg_len, const u8 sig[FOG_FROST_SIZE]);

#endif
