/* SPDX-License-Identifier: BSD-3-Clause */
/* Sigma protocols: proofs that one knows scalars for which linear equations over ristretto255 hold.
 * A statement is a list of equations
 *
 *	target = secret[a] * point[p] + secret[b] * point[q] + ..
 *
 * of which Schnorr, Pedersen opening, DLEQ and equal committed values are cases. Equations of one
 * statement hold together (AND; sharing a secret says that it is the same one); of several
 * statements given to one proof at least one holds, and which is not told (OR; Cramer, Damgaard,
 * Schoenmakers 1994). Challenges come from the caller's Merlin transcript, which carries the domain
 * and the context; the whole statement is appended to it.
 *
 *	proof: one challenge per statement | responses of all secrets, statement by statement
 *
 * The format is Fog's own. Any thread; memory is the caller's. */
#ifndef FOG_CRYPTO_ZK_SIGMA_H
#define FOG_CRYPTO_ZK_SIGMA_H

#include "crypto/curve/ristretto.h"
#include "crypto/zk/merlin.h"

#define FOG_SIGMA_SECRETS_MAX   16
#define FOG_SIGMA_EQUATIONS_MAX 16
#define FOG_SIGMA_POINTS_MAX    64
#define FOG_SIGMA_TERMS_MAX     48
#define FOG_SIGMA_BRANCHES_MAX  16
#define FOG_SIGMA_PROOF_MAX     (32 * FOG_SIGMA_BRANCHES_MAX * (1 + FOG_SIGMA_SECRETS_MAX))

struct fog_sigma_term {
	u8 equation, secret, point;
};

/* Filled by the functions below. More than a maximum is our bug, as is an index never given out. */
struct fog_sigma {
	u8 secrets, equations, points, terms;
	u8 target[FOG_SIGMA_EQUATIONS_MAX];
	struct fog_sigma_term term[FOG_SIGMA_TERMS_MAX];
	struct fog_ristretto point[FOG_SIGMA_POINTS_MAX];
};

void fog_sigma_init(struct fog_sigma *s);

/* The index of one more secret; and of one more point. */
unsigned fog_sigma_secret(struct fog_sigma *s);
unsigned fog_sigma_point(struct fog_sigma *s, const struct fog_ristretto *p);
/* One more equation, of no term yet; its index. */
unsigned fog_sigma_equation(struct fog_sigma *s, unsigned target);
void fog_sigma_term(struct fog_sigma *s, unsigned equation, unsigned secret, unsigned point);

/* Ready-made equations over secrets already given out. */
/* public = secret * base. */
void fog_sigma_schnorr(struct fog_sigma *s, unsigned secret, const struct fog_ristretto *base,
		       const struct fog_ristretto *public);
/* commitment = value * B + blinding * B_blinding. Equal values: two of these with one `value`. */
void fog_sigma_pedersen(struct fog_sigma *s, unsigned value, unsigned blinding,
			const struct fog_ristretto *commitment);
/* b = secret * a and d = secret * c. */
void fog_sigma_dleq(struct fog_sigma *s, unsigned secret, const struct fog_ristretto *a,
		    const struct fog_ristretto *b, const struct fog_ristretto *c,
		    const struct fog_ristretto *d);

/* Length of a proof of these statements; 0 when count is not 1..FOG_SIGMA_BRANCHES_MAX. */
size_t fog_sigma_proof_len(const struct fog_sigma *branch, unsigned count);

/* Proves that one of `count` statements holds, of which the prover knows witness[] for
 * branch[known]. Witness entries beyond that branch's secrets are not used. random: 32 fresh bytes.
 * Constant time in `known` and in the witness. A witness that does not fit gives a proof that does
 * not verify. Returns 0; -EINVAL (count, known, a statement without equations, a term with the
 * identity for its point, which would bind nothing); -ENOSPC. One scalar multiplication per term
 * and equation. */
int fog_sigma_prove(struct fog_merlin *t, const struct fog_sigma *branch, unsigned count,
		    unsigned known, const struct fog_scalar witness[FOG_SIGMA_SECRETS_MAX],
		    const u8 random[FOG_MERLIN_RANDOM_SIZE], u8 *proof, size_t proof_cap,
		    size_t *proof_len);

/* 0; -EINVAL as above; -EBADMSG when the proof is malformed or wrong. */
int fog_sigma_verify(struct fog_merlin *t, const struct fog_sigma *branch, unsigned count,
		     const u8 *proof, size_t proof_len);

#endif
