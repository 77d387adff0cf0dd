/* SPDX-License-Identifier: BSD-3-Clause */
/* What the statement's prover and verifier share. Private to crypto/zk. */
#ifndef FOG_CRYPTO_ZK_STATEMENT_INTERNAL_H
#define FOG_CRYPTO_ZK_STATEMENT_INTERNAL_H

#include "crypto/zk/statement.h"

/* Points of a statement as both sides have them. */
struct fog_statement_points {
	struct fog_ristretto base, blinding;
	struct fog_ristretto form[FOG_STATEMENT_ATOMS_MAX];         /* E, or -E */
	struct fog_ristretto fresh[FOG_STATEMENT_ATOMS_MAX];        /* D, where the atom has one */
	u8 fresh_text[FOG_STATEMENT_ATOMS_MAX][FOG_RISTRETTO_SIZE]; /* in order of atoms */
	unsigned fresh_count;
};

bool fog_atom_has_fresh(const struct fog_atom *atom);
/* Ranges of a statement, and how many their proof is made for: a power of two; 0 for none. */
unsigned fog_statement_ranges(const struct fog_statement *s);
unsigned fog_statement_range_count(const struct fog_statement *s);

/* form[] of every atom from the attributes' commitments. */
void fog_statement_forms(struct fog_statement_points *p, const struct fog_statement *s,
			 const struct fog_ristretto *commitment);
/* The statement, the commitments and the D go into the transcript. */
void fog_statement_absorb(struct fog_merlin *t, const struct fog_statement *s,
			  const u8 (*commitment)[FOG_RISTRETTO_SIZE],
			  const struct fog_statement_points *p);
/* Commitments of the range proof: the D of RANGE atoms, then commitments to zero. */
void fog_statement_range_list(u8 (*out)[FOG_RISTRETTO_SIZE], const struct fog_statement *s,
			      const struct fog_statement_points *p);
/* Elements first.. of a NOT_MEMBER atom: each differs from what `fresh` commits to. */
void fog_statement_excluded(struct fog_sigma *out, const struct fog_statement *s,
			    const struct fog_atom *atom, unsigned first,
			    const struct fog_ristretto *fresh,
			    const struct fog_statement_points *p);
/* The equations of one branch. Secrets in order of atoms: r of ZERO and of links; of NONZERO 1/v,
 * then -r/v. */
void fog_statement_branch(struct fog_sigma *out, const struct fog_statement *s, unsigned branch,
			  const struct fog_statement_points *p);

#endif
