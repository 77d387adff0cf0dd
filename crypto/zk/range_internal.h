/* SPDX-License-Identifier: BSD-3-Clause */
/* What the range prover and verifier share, and what their tests look at. Private to crypto/zk. */
#ifndef FOG_CRYPTO_ZK_RANGE_INTERNAL_H
#define FOG_CRYPTO_ZK_RANGE_INTERNAL_H

#include "crypto/zk/range.h"

#define FOG_RANGE_POINTS_MAX (4 + 2 * FOG_RANGE_ROUNDS_MAX + FOG_RANGE_COUNT_MAX)

/* A proof of right form: decoded, no point of it the identity. */
struct fog_range_parsed {
	unsigned bits, count, rounds;
	unsigned points; /* of the proof itself */
	/* A S T_1 T_2, L R of each round, then the commitments. */
	struct fog_ge_niels point[FOG_RANGE_POINTS_MAX];
	struct fog_scalar t_x, t_x_blinding, e_blinding, a, b;
};

struct fog_range_challenges {
	struct fog_scalar y, z, x, w, u[FOG_RANGE_ROUNDS_MAX];
};

unsigned fog_range_rounds(unsigned bits, unsigned count);
void fog_range_domain(struct fog_merlin *t, unsigned bits, unsigned count);
void fog_range_challenge(struct fog_merlin *t, const char *label, struct fog_scalar *out);
/* At most FOG_RANGE_BITS_MAX. */
void fog_range_random(struct fog_merlin_rng *rng, struct fog_scalar *out, unsigned count);

/* 0, -EINVAL or -EBADMSG. */
int fog_range_parse(struct fog_range_parsed *p, const u8 *proof, size_t proof_len,
		    const u8 (*commitment)[FOG_RISTRETTO_SIZE], unsigned bits, unsigned count);
/* The verifier's walk along the transcript; same bytes as were parsed. */
void fog_range_replay(struct fog_merlin *t, struct fog_range_challenges *c, const u8 *proof,
		      const u8 (*commitment)[FOG_RISTRETTO_SIZE], unsigned bits, unsigned count);

#endif
