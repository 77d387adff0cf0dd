/* SPDX-License-Identifier: BSD-3-Clause */
/* Range proofs: committed values are below 2^bits, and nothing else is told. Bulletproofs (Buenz
 *and others 2018, eprint 2017/1066) in the format of dalek's crate `bulletproofs`, whose proofs
 *verify here and ours there. One proof speaks of 1..16 commitments at once ("aggregated").
 *
 *	proof: A S T_1 T_2 | t_x t_x_blinding e_blinding | L R, per round | a b     32 bytes each
 *	rounds: log2(bits * count); length: 32 * (9 + 2 * rounds), 480..928 bytes
 *
 * That v >= t: a range proof for the commitment minus t * B. Commitments: pedersen.h.
 *
 * Prover and verifier start a transcript alike (own label, then the context the proof is bound to)
 * and hand it in. Memory is the caller's, no allocation. Any thread, with its own prover or batch;
 * generators are read only. */
#ifndef FOG_CRYPTO_ZK_RANGE_H
#define FOG_CRYPTO_ZK_RANGE_H

#include "crypto/curve/ristretto.h"
#include "crypto/curve/secret.h"
#include "crypto/zk/merlin.h"

#define FOG_RANGE_BITS_MAX   64
#define FOG_RANGE_COUNT_MAX  16
#define FOG_RANGE_TOTAL_MAX  (FOG_RANGE_BITS_MAX * FOG_RANGE_COUNT_MAX)
#define FOG_RANGE_ROUNDS_MAX 10
#define FOG_RANGE_PROOF_MAX  (32 * (9 + 2 * FOG_RANGE_ROUNDS_MAX))
/* Terms that wait to be summed in a batch; a full batch sums them and goes on. */
#define FOG_RANGE_BATCH_TERMS 1152
/* What a sum of so many terms works in, on any path. */
#define FOG_RANGE_SCRATCH_SIZE (384 * 1024)

_Static_assert(1 << FOG_RANGE_ROUNDS_MAX == FOG_RANGE_TOTAL_MAX, "each round halves");

/* Generators nobody knows a relation between: hashed, the same for everyone. Those that a proof for
 * one commitment has, bring tables of multiples with them: 2.4 MiB in all. */
struct fog_range_gens {
	struct fog_ge_niels g[FOG_RANGE_COUNT_MAX][FOG_RANGE_BITS_MAX];
	struct fog_ge_niels h[FOG_RANGE_COUNT_MAX][FOG_RANGE_BITS_MAX];
	struct fog_known_table base_known, blinding_known; /* B, B_blinding */
	struct fog_fixed base_fixed, blinding_fixed;
	struct fog_fixed g_fixed[FOG_RANGE_BITS_MAX], h_fixed[FOG_RANGE_BITS_MAX]; /* of row 0 */
};

/* Once per process; about 45 ms. */
void fog_range_gens_init(struct fog_range_gens *gens);

/* Scratch memory of a prover; a and b are secret and wiped when fog_range_prove() returns. */
struct fog_range_prover {
	struct fog_scalar a[FOG_RANGE_TOTAL_MAX], b[FOG_RANGE_TOTAL_MAX];
	/* Public, as is all below. */
	struct fog_scalar g_factor[FOG_RANGE_TOTAL_MAX], h_factor[FOG_RANGE_TOTAL_MAX];
	struct fog_fixed_term fixed[2][FOG_STRAUS_FIXED_MAX];
	struct fog_scalar s[2][FOG_RANGE_TOTAL_MAX];
	struct fog_ge_niels p[2][FOG_RANGE_TOTAL_MAX];
	_Alignas(64) u8 scratch[FOG_RANGE_SCRATCH_SIZE];
};

/* What is proven: bits is 8, 16, 32 or 64; count is 1, 2, 4, 8 or 16. */
struct fog_range_witness {
	const u64 *value;
	const struct fog_scalar *blinding;
	unsigned count;
	unsigned bits;
};

/* Length of a proof, or 0 for bits and count that are not allowed. */
size_t fog_range_proof_len(unsigned bits, unsigned count);

/* Writes the commitments of the witness (count * 32 bytes) and the proof. random: 32 fresh bytes;
 * the nonces depend on them and on the secrets. Constant time in values and blindings. Returns 0,
 * -EINVAL (bits, count), -ERANGE (a value has more bits), -ENOSPC (proof_cap). */
int fog_range_prove(struct fog_range_prover *w, const struct fog_range_gens *gens,
		    struct fog_merlin *t, const struct fog_range_witness *witness,
		    const u8 random[FOG_MERLIN_RANDOM_SIZE], u8 (*commitment)[FOG_RISTRETTO_SIZE],
		    u8 *proof, size_t proof_cap, size_t *proof_len);

/* Many proofs checked as one sum with random weights: init, add each, then verify once. The
 * generators are then paid once for all. Also the memory that one verification needs. */
struct fog_range_batch {
	const struct fog_range_gens *gens;
	u64 added;
	u8 random[FOG_MERLIN_RANDOM_SIZE];
	struct fog_scalar base, blinding;
	unsigned parties; /* most of any proof: what lies behind in g and h is zero */
	struct fog_scalar g[FOG_RANGE_TOTAL_MAX], h[FOG_RANGE_TOTAL_MAX];
	struct fog_ristretto sum; /* of the terms already summed */
	unsigned count;
	struct fog_scalar s[FOG_RANGE_BATCH_TERMS];
	struct fog_ge_niels p[FOG_RANGE_BATCH_TERMS];
	struct fog_scalar fold[FOG_RANGE_TOTAL_MAX], power[FOG_RANGE_TOTAL_MAX]; /* scratch */
	_Alignas(64) u8 scratch[FOG_RANGE_SCRATCH_SIZE];
};

/* random: 32 fresh bytes the provers cannot know. */
void fog_range_batch_init(struct fog_range_batch *b, const struct fog_range_gens *gens,
			  const u8 random[FOG_MERLIN_RANDOM_SIZE]);
/* Returns 0; -EINVAL (bits, count); -EBADMSG for what is no proof by its form: wrong length, a
 * point or scalar that is not canonical, an identity. The batch is as before then. */
int fog_range_batch_add(struct fog_range_batch *b, struct fog_merlin *t, const u8 *proof,
			size_t proof_len, const u8 (*commitment)[FOG_RISTRETTO_SIZE], unsigned bits,
			unsigned count);
/* 0 when every proof added is right, -EBADMSG when at least one is not: the caller then halves the
 * batch or checks one by one, with the same rules. Nothing added is right. Starts the batch anew.
 */
int fog_range_batch_verify(struct fog_range_batch *b);

/* One proof: init, add, verify. The errors of fog_range_batch_add(). */
int fog_range_verify(struct fog_range_batch *b, const struct fog_range_gens *gens,
		     struct fog_merlin *t, const u8 *proof, size_t proof_len,
		     const u8 (*commitment)[FOG_RISTRETTO_SIZE], unsigned bits, unsigned count,
		     const u8 random[FOG_MERLIN_RANDOM_SIZE]);

#endif
