/* SPDX-License-Identifier: BSD-3-Clause */
/* Making proofs about work from what a requester tells in JSON: the statement, which becomes part
 *of the proof, and the witness, which stays here. What the issuer cannot know by itself is refused.
 *
 *	audit      statement {"subject": hex, "round": n, "verdict": bool}, witness {"votes":
 *		   [{"auditor", "right", "signature"}]}, inputs {"roster": {hex: weight}}; with
 *		   verdict the issuer, who is in the roster, votes too
 *	sla        statement {"service": text, "permille": 950, "limit_us", "from", "to": seconds},
 *		   witness {"samples_us": [..]}: measured by the issuer; neither a sample nor the
 *		   percentile is told
 *	batch      statement {"entries": [..], "old_size": 0}: texts as they are, else JSON, compact
 *	inclusion  the same entries, and "index"
 *
 * Pure but for random blindings; any thread. */
#ifndef FOG_PROOFS_ISSUE_H
#define FOG_PROOFS_ISSUE_H

#include "controlplane/proofs/proof.h"

#define FOG_ISSUE_ENTRIES_MAX 65536
#define FOG_ISSUE_SAMPLES_MAX 1000000

/* "execution", also by the names poe, poa, posla, merkle_batch and merkle_tree; in any letter
 * case. 0: no such kind. */
u32 fog_issue_kind(const char *name);

/* Weights of auditors, {hex: weight}, in the order of the text. 0, or -EINVAL with why. */
int fog_issue_roster(const json_t *roster, struct fog_roster_member out[FOG_PROOF_VOTES_MAX],
		     u32 *count, char why[FOG_PROOF_WHY]);

/* Any kind but execution, which rests on a receipt. Fills and signs *out. witness and inputs may be
 * NULL. 0; -EINVAL: what is asked; -ERANGE: the samples do not keep the limit; -ENOMEM. An SLA
 * costs about 10 ms, the others a microsecond an entry. */
int fog_issue_proof(u32 kind, const json_t *statement, const json_t *witness, const json_t *inputs,
		    const u8 sk[64], u64 now_s, struct fog_proof *out, char why[FOG_PROOF_WHY]);

#endif
