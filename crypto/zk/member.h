/* SPDX-License-Identifier: BSD-3-Clause */
/* One out of many: the prover knows s with list[l] = s * base for one l of a public list, and which
 *l it is stays hidden (Groth, Kohlweiss 2015, eprint 2014/764). With base B_blinding and the list
 * C - value_i B this says that the value committed to in C is one of a set; with base B and a list
 * of public keys, that one of their owners speaks. The list is padded to a power of two, 2^n, by
 * repeating its last element.
 *
 *	proof: c_l c_a c_b c_d, n of each | f, n; z_a, n; z_b, n; z_d     32 bytes each
 *	length: 32 * (7 n + 1), 256..2272 bytes
 *
 * The format is Fog's own. Transcripts as in sigma.h: the caller's, bound to domain and context.
 *Any thread; memory is the caller's. */
#ifndef FOG_CRYPTO_ZK_MEMBER_H
#define FOG_CRYPTO_ZK_MEMBER_H

#include "crypto/curve/ristretto.h"
#include "crypto/zk/merlin.h"

#define FOG_MEMBER_DEPTH_MAX 10
#define FOG_MEMBER_COUNT_MAX (1 << FOG_MEMBER_DEPTH_MAX)
#define FOG_MEMBER_PROOF_MAX (32 * (7 * FOG_MEMBER_DEPTH_MAX + 1))

enum fog_member_base {
	FOG_MEMBER_BLINDING = 1, /* list[l] = s * B_blinding: a commitment to zero */
	FOG_MEMBER_KEY = 2,      /* list[l] = s * B: a public key */
};

struct fog_member_statement {
	const struct fog_ristretto *list;
	unsigned count; /* 2..FOG_MEMBER_COUNT_MAX */
	enum fog_member_base base;
};

/* Scratch memory, wiped by the prover on return. */
struct fog_member_work {
	struct fog_scalar s[FOG_MEMBER_DEPTH_MAX + 1][FOG_MEMBER_COUNT_MAX];
};

/* out[i] = commitment - value[i] * B: the list for a set of values. */
void fog_member_values(struct fog_ristretto *out, const struct fog_ristretto *commitment,
		       const struct fog_scalar *value, unsigned count);

/* Length of a proof over a list of this count; 0 when it is out of range. */
size_t fog_member_proof_len(unsigned count);

/* random: 32 fresh bytes. Constant time in index and secret. A wrong secret gives a proof that does
 * not verify. Returns 0, -EINVAL (count, base, index), -ENOSPC. n * count scalar multiplications.
 */
int fog_member_prove(struct fog_member_work *w, struct fog_merlin *t,
		     const struct fog_member_statement *s, unsigned index,
		     const struct fog_scalar *secret, const u8 random[FOG_MERLIN_RANDOM_SIZE],
		     u8 *proof, size_t proof_cap, size_t *proof_len);

/* random: 32 fresh bytes the prover cannot know. 0; -EINVAL (count, base); -EBADMSG when the proof
 * is malformed or wrong. count + 4 n + 2 scalar multiplications. */
int fog_member_verify(struct fog_member_work *w, struct fog_merlin *t,
		      const struct fog_member_statement *s, const u8 *proof, size_t proof_len,
		      const u8 random[FOG_MERLIN_RANDOM_SIZE]);

#endif
