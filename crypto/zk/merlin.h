/* SPDX-License-Identifier: BSD-3-Clause */
/* Merlin transcripts, version 1.0: the running hash from which interactive proofs take their
 * challenges. A duplex (STROBE-128) over Keccak-f[1600], so every challenge depends on every label
 * and message before it, in order and with lengths. Byte for byte that of merlin.cool and dalek.
 * Constant time in the contents. A transcript belongs to one thread; copying the struct forks it.
 */
#ifndef FOG_CRYPTO_ZK_MERLIN_H
#define FOG_CRYPTO_ZK_MERLIN_H

#include "crypto/types.h"

/* Bytes of a message, label or challenge: Merlin writes lengths in 32 bits. More is our bug. */
#define FOG_MERLIN_LEN_MAX 0xffffffffu

struct fog_merlin {
	u64 lane[25];
	u8 pos;       /* next byte of the rate, below 166 */
	u8 pos_begin; /* where the current operation began, plus one; 0: in an earlier block */
	u8 flags;     /* of the current operation */
	u8 pad[5];
};

/* Starts a transcript of the protocol named `label` (zero-terminated, as all labels here). */
void fog_merlin_init(struct fog_merlin *t, const char *label);

/* The prover and the verifier append the same messages in the same order. */
void fog_merlin_append(struct fog_merlin *t, const char *label, const void *msg, size_t len);
/* As 8 bytes, little-endian. */
void fog_merlin_append_u64(struct fog_merlin *t, const char *label, u64 value);

/* Fills out with `len` pseudorandom bytes; itself part of the transcript. */
void fog_merlin_challenge(struct fog_merlin *t, const char *label, u8 *out, size_t len);

/* Random numbers of a prover, tied to its transcript: even with bad random bytes two proofs of
 * different statements or witnesses share no nonce. fork, key with each secret, finish with 32
 * random bytes, then draw. Draws leave the transcript `t` alone. The owner wipes. */
struct fog_merlin_rng {
	struct fog_merlin strobe;
};

#define FOG_MERLIN_RANDOM_SIZE 32

void fog_merlin_rng_fork(struct fog_merlin_rng *r, const struct fog_merlin *t);
void fog_merlin_rng_key(struct fog_merlin_rng *r, const char *label, const void *secret,
			size_t len);
void fog_merlin_rng_finish(struct fog_merlin_rng *r, const u8 random[FOG_MERLIN_RANDOM_SIZE]);
void fog_merlin_rng_bytes(struct fog_merlin_rng *r, u8 *out, size_t len);

void fog_merlin_wipe(struct fog_merlin *t);
void fog_merlin_rng_wipe(struct fog_merlin_rng *r);

#endif
