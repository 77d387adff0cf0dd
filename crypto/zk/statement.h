/* SPDX-License-Identifier: BSD-3-Clause */
/* Statements about committed values, composed by AND and OR and proved at once: what a predicate
 * (controlplane/proofs/predicate.h) is compiled to. The prover knows the values v_i and blindings
 *of the attributes' commitments C_i; the verifier sees C_i and learns that the statement holds.
 *
 * An atom speaks of one linear form E = C_a - C_b - constant B (or of -E), which commits to
 * v_a - v_b - constant:
 *
 *	ZERO		E = r B_blinding			(Schnorr)
 *	NONZERO		B = (1/v) E - (r/v) B_blinding: there is such a 1/v only when v is not 0
 *	RANGE		0 <= v < 2^bits
 *	MEMBER		v is one of a public set
 *	NOT_MEMBER	v is none of a public set
 *
 * A branch is a set of atoms that all hold; the statement is that at least one branch holds.
 *
 * For each RANGE, MEMBER and NOT_MEMBER atom the prover commits once more, to D, and proves of D
 *what the atom says: one aggregated Bulletproof for all ranges, a one-out-of-many proof for each
 *set, a sigma proof of "NONZERO for each element" for the excluded ones. Of an atom that does not
 *hold D commits to any value that fits. One sigma proof with an OR over the branches then says for
 *a branch that each ZERO and NONZERO equation holds and that each D - E commits to zero. So D tells
 *nothing (it hides), and in the branch that holds it has the atom's value, with the property
 *proved.
 *
 *	proof: D of each such atom | range proof | member proofs | exclusion proofs | sigma proof
 *
 * All parts share one Merlin transcript, which the caller starts and binds to a context, and which
 * takes in the statement, the C_i and the D first. The format is Fog's own. Constant time in values
 * and blindings and in which branch holds. Any thread; memory is the caller's. */
#ifndef FOG_CRYPTO_ZK_STATEMENT_H
#define FOG_CRYPTO_ZK_STATEMENT_H

#include "crypto/zk/member.h"
#include "crypto/zk/range.h"
#include "crypto/zk/sigma.h"

#define FOG_STATEMENT_ATTRIBUTES_MAX 16
#define FOG_STATEMENT_ATOMS_MAX      32
#define FOG_STATEMENT_BRANCHES_MAX   FOG_SIGMA_BRANCHES_MAX
#define FOG_STATEMENT_RANGES_MAX     FOG_RANGE_COUNT_MAX
#define FOG_STATEMENT_SET_MAX        256 /* elements of one MEMBER atom */
#define FOG_STATEMENT_EXCLUDED_MAX   64  /* elements of one NOT_MEMBER atom */
#define FOG_STATEMENT_ELEMENTS_MAX   512 /* of all sets */
/* Not-equations that share one sigma proof: two secrets each. */
#define FOG_STATEMENT_CHUNK (FOG_SIGMA_SECRETS_MAX / 2)

#define FOG_STATEMENT_NONE 0xff /* no second attribute */

enum fog_atom_kind {
	FOG_ATOM_ZERO = 1,
	FOG_ATOM_NONZERO = 2,
	FOG_ATOM_RANGE = 3,
	FOG_ATOM_MEMBER = 4,
	FOG_ATOM_NOT_MEMBER = 5,
};

struct fog_atom {
	u8 kind;
	u8 a;      /* attribute */
	u8 b;      /* attribute or FOG_STATEMENT_NONE */
	u8 negate; /* 1: of -E; RANGE only */
	u16 set_first, set_count;
	struct fog_scalar constant;
};

struct fog_statement {
	u8 attributes, atoms, branches;
	u8 bits; /* of the ranges: 8, 16, 32 or 64 */
	u16 elements;
	struct fog_atom atom[FOG_STATEMENT_ATOMS_MAX];
	u32 branch[FOG_STATEMENT_BRANCHES_MAX]; /* atoms as bits */
	struct fog_scalar element[FOG_STATEMENT_ELEMENTS_MAX];
};

#define FOG_STATEMENT_ENCODED_MAX                                            \
	(4 + FOG_STATEMENT_ATOMS_MAX * 38 + 4 * FOG_STATEMENT_BRANCHES_MAX + \
	 32 * FOG_STATEMENT_ELEMENTS_MAX)
#define FOG_STATEMENT_PROOF_MAX 28672 /* what fits a payload with the statement is less */

/* Why a statement cannot be proved: a constant text, or NULL when it can. */
const char *fog_statement_fault(const struct fog_statement *s);

/* attributes u8 | atoms u8 | branches u8 | bits u8 | per atom: kind a b negate u8, set u16,
 * constant 32, elements | branches u32. Returns the length or -ENOSPC. */
int fog_statement_encode(const struct fog_statement *s, u8 *out, size_t cap);
/* All of `in`. 0 or -EINVAL: not of this form, or fog_statement_fault(). */
int fog_statement_decode(struct fog_statement *s, const u8 *in, size_t len);

/* 0 for a statement with a fault. */
size_t fog_statement_proof_len(const struct fog_statement *s);

/* Scratch memory; wiped when fog_statement_prove() returns. */
struct fog_statement_prover {
	struct fog_range_prover range;
	struct fog_member_work member;
	struct fog_sigma branch[FOG_SIGMA_BRANCHES_MAX];
	struct fog_ristretto list[FOG_STATEMENT_SET_MAX];
	struct fog_scalar witness[FOG_SIGMA_BRANCHES_MAX][FOG_SIGMA_SECRETS_MAX];
};

/* value[], blinding[]: of each attribute. random: 32 fresh bytes. commitment: written, 32 bytes per
 * attribute. 0; -EINVAL (a fault); -ENOSPC; -EDOM: the statement is not true of these values. */
int fog_statement_prove(struct fog_statement_prover *w, const struct fog_range_gens *gens,
			struct fog_merlin *t, const struct fog_statement *s,
			const struct fog_scalar *value, const struct fog_scalar *blinding,
			const u8 random[FOG_MERLIN_RANDOM_SIZE],
			u8 (*commitment)[FOG_RISTRETTO_SIZE], u8 *proof, size_t cap,
			size_t *proof_len);

struct fog_statement_verifier {
	struct fog_range_batch range;
	struct fog_member_work member;
	struct fog_sigma branch[FOG_SIGMA_BRANCHES_MAX];
	struct fog_ristretto list[FOG_STATEMENT_SET_MAX];
};

/* random: 32 fresh bytes the prover cannot know. 0; -EINVAL (a fault); -EBADMSG when the proof is
 * malformed or wrong. About 0.3 ms for one range with lanes, 20 us more for each equation. */
int fog_statement_verify(struct fog_statement_verifier *w, const struct fog_range_gens *gens,
			 struct fog_merlin *t, const struct fog_statement *s,
			 const u8 (*commitment)[FOG_RISTRETTO_SIZE], const u8 *proof,
			 size_t proof_len, const u8 random[FOG_MERLIN_RANDOM_SIZE]);

#endif
