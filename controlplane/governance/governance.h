/* SPDX-License-Identifier: BSD-3-Clause */
/* Who decides about the parameters, the treasury and the ranks: holders of money who lock it for
 * voting, themselves or through a delegate.
 *
 *	PENDING --delay--> ACTIVE --period--> DEFEATED             quorum or approval missed
 *	   |                 |          `---> SUCCEEDED --queue--> QUEUED --timelock, execute-->
 *EXECUTED |                 |                    |                  `--grace over--> EXPIRED
 *	   '-----------------'--------------------'-- cancel --> CANCELLED
 *
 * The rules are those of OpenZeppelin's Governor with its timelock, late-quorum extension and
 * checkpointed votes, with thresholds as fractions: votes count as they were delegated at the
 *moment the voting began, so that money moved during a vote votes once; an account votes once; for
 *and abstain count towards the quorum; for / (for + against) must reach the approval. Whoever sent
 *it may cancel a proposal while it is pending; a guardian or king before it is executed; anybody
 *once the proposer's votes have fallen below the threshold. Ranks multiply votes: delegate 1.5,
 * councilor 2, guardian 5, king 10. Terms (delays, quorum, approval) are those of the moment it was
 * proposed. Motions are carried out all or not at all. Pure. */
#ifndef FOG_GOVERNANCE_H
#define FOG_GOVERNANCE_H

#include "controlplane/ledger/state.h"

enum fog_proposal_state {
	FOG_PROPOSAL_STATE_INVALID = 0,
	FOG_PROPOSAL_STATE_PENDING,
	FOG_PROPOSAL_STATE_ACTIVE,
	FOG_PROPOSAL_STATE_DEFEATED,
	FOG_PROPOSAL_STATE_SUCCEEDED,
	FOG_PROPOSAL_STATE_QUEUED,
	FOG_PROPOSAL_STATE_EXECUTED,
	FOG_PROPOSAL_STATE_EXPIRED,
	FOG_PROPOSAL_STATE_CANCELLED,
	FOG_PROPOSAL_STATE_COUNT
};

enum fog_proposal_state fog_proposal_state(const struct fog_rec_proposal *p, u64 now_ms);
const char *fog_proposal_state_name(enum fog_proposal_state state);

/* ufog delegated to the account at that time (not later than now), without its rank. */
u64 fog_governance_votes(const struct fog_state *s, const u8 account[FOG_PK_SIZE], u64 time_ms);
/* The same times rank. */
u64 fog_governance_weight(const struct fog_state *s, const u8 account[FOG_PK_SIZE], u64 time_ms);

const char *fog_rank_name(u32 rank); /* "citizen" .. ; "?" when there is none */

#endif
