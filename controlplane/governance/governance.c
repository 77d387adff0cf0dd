/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/governance/governance.h"

#include "controlplane/ledger/engine.h"

/* Ranks' weight in halves. */
static const struct {
	const char *name;
	u32 halves;
} ranks[FOG_RANK_COUNT] = {
	[FOG_RANK_NONE] = {"citizen", 2},        [FOG_RANK_DELEGATE] = {"delegate", 3},
	[FOG_RANK_COUNCILOR] = {"councilor", 4}, [FOG_RANK_GUARDIAN] = {"guardian", 10},
	[FOG_RANK_KING] = {"king", 20},
};

const char *fog_rank_name(u32 rank)
{
	return rank < FOG_RANK_COUNT ? ranks[rank].name : "?";
}

const char *fog_proposal_state_name(enum fog_proposal_state state)
{
	static const char *const names[FOG_PROPOSAL_STATE_COUNT] = {
		"?",      "pending",  "active",  "defeated",  "succeeded",
		"queued", "executed", "expired", "cancelled",
	};

	return state < FOG_PROPOSAL_STATE_COUNT ? names[state] : "?";
}

static bool passed(const struct fog_rec_proposal *p)
{
	fog_u128 cast = (fog_u128)p->votes[0] + p->votes[1];

	return (fog_u128)p->votes[1] + p->votes[2] >= p->quorum && p->votes[1] != 0 &&
	       (fog_u128)p->votes[1] * 1000000 >= cast * p->approval_ppm;
}

enum fog_proposal_state fog_proposal_state(const struct fog_rec_proposal *p, u64 now_ms)
{
	if ((p->flags & FOG_PROPOSAL_CANCELLED) != 0)
		return FOG_PROPOSAL_STATE_CANCELLED;
	if ((p->flags & FOG_PROPOSAL_EXECUTED) != 0)
		return FOG_PROPOSAL_STATE_EXECUTED;
	if ((p->flags & FOG_PROPOSAL_QUEUED) != 0)
		return now_ms > p->eta_ms + p->grace_ms ? FOG_PROPOSAL_STATE_EXPIRED
							: FOG_PROPOSAL_STATE_QUEUED;
	if (now_ms <= p->start_ms)
		return FOG_PROPOSAL_STATE_PENDING;
	if (now_ms <= p->end_ms)
		return FOG_PROPOSAL_STATE_ACTIVE;
	return passed(p) ? FOG_PROPOSAL_STATE_SUCCEEDED : FOG_PROPOSAL_STATE_DEFEATED;
}

/* ---- votes ---------------------------------------------------------------------------------- */

static void checkpoint_id(const u8 *account, u64 index, u8 id[40])
{
	memcpy(id, account, FOG_PK_SIZE);
	fog_store_u64(id + FOG_PK_SIZE, index);
}

u64 fog_governance_votes(const struct fog_state *s, const u8 account[FOG_PK_SIZE], u64 time_ms)
{
	struct fog_rec_voter v;
	struct fog_rec_checkpoint c;
	u8 id[40];

	fog_state_get(s, FOG_RECORD_VOTER, account, &v);
	u32 low = 0, high = v.checkpoints; /* the answer is the last one before `high` */
	while (low < high) {
		u32 middle = low + (high - low) / 2;
		checkpoint_id(account, middle, id);
		fog_state_get(s, FOG_RECORD_CHECKPOINT, id, &c);
		if (c.time_ms <= time_ms)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return 0;
	checkpoint_id(account, low - 1, id);
	fog_state_get(s, FOG_RECORD_CHECKPOINT, id, &c);
	return c.votes;
}

u64 fog_governance_weight(const struct fog_state *s, const u8 account[FOG_PK_SIZE], u64 time_ms)
{
	struct fog_rec_voter v;

	fog_state_get(s, FOG_RECORD_VOTER, account, &v);
	FOG_ASSERT(v.rank < FOG_RANK_COUNT);
	return fog_muldiv(fog_governance_votes(s, account, time_ms), ranks[v.rank].halves, 2);
}

/* Votes of a delegate change by amount; one checkpoint a block. */
static void votes_move(struct fog_state *s, const u8 *delegate, u64 amount, bool add)
{
	static const u8 nobody[FOG_PK_SIZE];
	struct fog_rec_checkpoint c;
	struct fog_rec_voter v;
	u8 id[40];

	if (amount == 0 || memcmp(delegate, nobody, FOG_PK_SIZE) == 0)
		return;
	u64 votes = fog_governance_votes(s, delegate, s->global.time_ms);
	FOG_ASSERT(add || votes >= amount);
	fog_state_get(s, FOG_RECORD_VOTER, delegate, &v);
	bool fresh = true;
	if (v.checkpoints != 0) {
		checkpoint_id(delegate, v.checkpoints - 1, id);
		fog_state_get(s, FOG_RECORD_CHECKPOINT, id, &c);
		fresh = c.time_ms != s->global.time_ms;
	}
	if (fresh) {
		checkpoint_id(delegate, v.checkpoints++, id);
		fog_state_put(s, FOG_RECORD_VOTER, delegate, &v);
	}
	c.time_ms = s->global.time_ms;
	c.votes = add ? votes + amount : votes - amount;
	fog_state_put(s, FOG_RECORD_CHECKPOINT, id, &c);
}

enum fog_tx_error fog_governance_lock(struct fog_state *s, const u8 *account, u64 amount)
{
	struct fog_rec_voter v;

	if (amount == 0)
		return FOG_TX_ERROR_AMOUNT;
	if (!fog_state_debit(s, account, amount))
		return FOG_TX_ERROR_OVERDRAWN;
	fog_state_get(s, FOG_RECORD_VOTER, account, &v);
	v.locked += amount;
	fog_state_put(s, FOG_RECORD_VOTER, account, &v);
	s->global.vote_locked += amount;
	votes_move(s, v.delegate, amount, true);
	return FOG_TX_OK;
}

enum fog_tx_error fog_governance_unlock(struct fog_state *s, const u8 *account, u64 amount)
{
	struct fog_rec_voter v;

	if (amount == 0)
		return FOG_TX_ERROR_AMOUNT;
	if (!fog_state_get(s, FOG_RECORD_VOTER, account, &v) || v.locked < amount)
		return FOG_TX_ERROR_VOTES;
	v.locked -= amount;
	fog_state_put(s, FOG_RECORD_VOTER, account, &v);
	s->global.vote_locked -= amount;
	votes_move(s, v.delegate, amount, false);
	return fog_stake_queue(s, account, NULL, amount);
}

enum fog_tx_error fog_governance_delegate(struct fog_state *s, const u8 *account, const u8 *to)
{
	u8 before[FOG_PK_SIZE];
	struct fog_rec_voter v;

	fog_state_get(s, FOG_RECORD_VOTER, account, &v);
	memcpy(before, v.delegate, FOG_PK_SIZE);
	if (memcmp(before, to, FOG_PK_SIZE) == 0)
		return FOG_TX_OK;
	memcpy(v.delegate, to, FOG_PK_SIZE);
	fog_state_put(s, FOG_RECORD_VOTER, account, &v);
	votes_move(s, before, v.locked, false);
	votes_move(s, to, v.locked, true);
	return FOG_TX_OK;
}

/* ---- proposals ------------------------------------------------------------------------------ */

static bool motion_ok(const struct fog_motion *m)
{
	switch (m->kind) {
	case FOG_MOTION_PARAMETER:
		return fog_parameter_check(m->target, m->value) == 0;
	case FOG_MOTION_PAY:
		return m->value > 0;
	case FOG_MOTION_RANK:
		return m->value >= 0 && m->value < FOG_RANK_COUNT;
	default:
		return false;
	}
}

static u64 parameter(const struct fog_state *s, enum fog_parameter number)
{
	return (u64)fog_parameter_get(s, number);
}

enum fog_tx_error fog_governance_propose(struct fog_state *s, const u8 *account,
					 const struct fog_tx_propose *b)
{
	struct fog_rec_proposal p = {
		.created_ms = s->global.time_ms,
		.start_ms = s->global.time_ms + parameter(s, FOG_PARAMETER_VOTE_DELAY_MS),
		.quorum = fog_muldiv(s->global.issued - s->global.treasury,
				     parameter(s, FOG_PARAMETER_VOTE_QUORUM_PPM), 1000000),
		.approval_ppm = (u32)parameter(s, FOG_PARAMETER_VOTE_APPROVAL_PPM),
		.grace_ms = parameter(s, FOG_PARAMETER_GRACE_MS),
		.delay_ms = parameter(s, FOG_PARAMETER_TIMELOCK_MS),
		.extension_ms = parameter(s, FOG_PARAMETER_VOTE_EXTENSION_MS),
		.motion_count = b->motion_count,
	};

	if (fog_governance_votes(s, account, s->global.time_ms) <
	    parameter(s, FOG_PARAMETER_VOTE_THRESHOLD))
		return FOG_TX_ERROR_THRESHOLD;
	for (u32 i = 0; i < b->motion_count; i++)
		if (!motion_ok(&b->motion[i]))
			return FOG_TX_ERROR_MOTION;
	p.end_ms = p.start_ms + parameter(s, FOG_PARAMETER_VOTE_PERIOD_MS);
	memcpy(p.proposer, account, FOG_PK_SIZE);
	memcpy(p.text, b->text, sizeof(p.text));
	memcpy(p.title, b->title, sizeof(p.title));
	memcpy(p.motion, b->motion, sizeof(p.motion));
	fog_state_put(s, FOG_RECORD_PROPOSAL, &s->global.proposal_next, &p);
	s->global.proposal_next++;
	return FOG_TX_OK;
}

enum fog_tx_error fog_governance_vote(struct fog_state *s, const u8 *account,
				      const struct fog_tx_vote *vote)
{
	u64 now = s->global.time_ms, number = vote->proposal;
	struct fog_rec_proposal p;
	struct fog_rec_ballot ballot = {.choice = vote->choice};
	u8 id[40];

	if (vote->choice > 2)
		return FOG_TX_ERROR_MALFORMED;
	if (!fog_state_get(s, FOG_RECORD_PROPOSAL, &number, &p))
		return FOG_TX_ERROR_PROPOSAL;
	if (fog_proposal_state(&p, now) != FOG_PROPOSAL_STATE_ACTIVE)
		return FOG_TX_ERROR_PROPOSAL_STATE;
	fog_store_u64(id, number);
	memcpy(id + 8, account, FOG_PK_SIZE);
	if (fog_state_has(s, FOG_RECORD_BALLOT, id))
		return FOG_TX_ERROR_VOTED;
	ballot.weight = fog_governance_weight(s, account, p.start_ms);
	if (ballot.weight == 0)
		return FOG_TX_ERROR_NO_VOTES;
	p.votes[vote->choice] += ballot.weight;
	bool quorum = (fog_u128)p.votes[1] + p.votes[2] >= p.quorum;
	if (quorum && (p.flags & FOG_PROPOSAL_EXTENDED) == 0) {
		p.flags |= FOG_PROPOSAL_EXTENDED;
		p.end_ms = FOG_MAX(p.end_ms, now + p.extension_ms);
	}
	fog_state_put(s, FOG_RECORD_BALLOT, id, &ballot);
	fog_state_put(s, FOG_RECORD_PROPOSAL, &number, &p);
	return FOG_TX_OK;
}

enum fog_tx_error fog_governance_queue(struct fog_state *s, u64 number)
{
	struct fog_rec_proposal p;

	if (!fog_state_get(s, FOG_RECORD_PROPOSAL, &number, &p))
		return FOG_TX_ERROR_PROPOSAL;
	if (fog_proposal_state(&p, s->global.time_ms) != FOG_PROPOSAL_STATE_SUCCEEDED)
		return FOG_TX_ERROR_PROPOSAL_STATE;
	p.flags |= FOG_PROPOSAL_QUEUED;
	p.eta_ms = s->global.time_ms + p.delay_ms;
	fog_state_put(s, FOG_RECORD_PROPOSAL, &number, &p);
	return FOG_TX_OK;
}

static enum fog_tx_error motion_carry(struct fog_state *s, const struct fog_motion *m)
{
	struct fog_rec_voter v;

	switch (m->kind) {
	case FOG_MOTION_PARAMETER:
		fog_parameter_set(s, m->target, m->value);
		return FOG_TX_OK;
	case FOG_MOTION_PAY:
		if (s->global.treasury < (u64)m->value)
			return FOG_TX_ERROR_MOTION_FAILED;
		s->global.treasury -= (u64)m->value;
		return fog_state_credit(s, m->account, (u64)m->value) ? FOG_TX_OK
								      : FOG_TX_ERROR_AMOUNT;
	case FOG_MOTION_RANK:
		fog_state_get(s, FOG_RECORD_VOTER, m->account, &v);
		v.rank = (u32)m->value;
		fog_state_put(s, FOG_RECORD_VOTER, m->account, &v);
		return FOG_TX_OK;
	default:
		return FOG_TX_ERROR_MOTION;
	}
}

enum fog_tx_error fog_governance_execute(struct fog_state *s, u64 number)
{
	struct fog_rec_proposal p;
	enum fog_tx_error e = FOG_TX_OK;

	if (!fog_state_get(s, FOG_RECORD_PROPOSAL, &number, &p))
		return FOG_TX_ERROR_PROPOSAL;
	if (fog_proposal_state(&p, s->global.time_ms) != FOG_PROPOSAL_STATE_QUEUED ||
	    s->global.time_ms < p.eta_ms)
		return FOG_TX_ERROR_PROPOSAL_STATE;
	p.flags |= FOG_PROPOSAL_EXECUTED;
	fog_state_put(s, FOG_RECORD_PROPOSAL, &number, &p);
	for (u32 i = 0; e == FOG_TX_OK && i < p.motion_count; i++)
		e = motion_carry(s, &p.motion[i]);
	return e;
}

enum fog_tx_error fog_governance_cancel(struct fog_state *s, const u8 *account, u64 number)
{
	struct fog_rec_proposal p;
	struct fog_rec_voter v;

	if (!fog_state_get(s, FOG_RECORD_PROPOSAL, &number, &p))
		return FOG_TX_ERROR_PROPOSAL;
	enum fog_proposal_state state = fog_proposal_state(&p, s->global.time_ms);
	if (state == FOG_PROPOSAL_STATE_EXECUTED || state == FOG_PROPOSAL_STATE_CANCELLED ||
	    state == FOG_PROPOSAL_STATE_DEFEATED || state == FOG_PROPOSAL_STATE_EXPIRED)
		return FOG_TX_ERROR_PROPOSAL_STATE;
	fog_state_get(s, FOG_RECORD_VOTER, account, &v);
	bool guard = v.rank == FOG_RANK_GUARDIAN || v.rank == FOG_RANK_KING;
	bool own = memcmp(account, p.proposer, FOG_PK_SIZE) == 0 &&
		   state == FOG_PROPOSAL_STATE_PENDING;
	bool weak = fog_governance_votes(s, p.proposer, s->global.time_ms) <
		    parameter(s, FOG_PARAMETER_VOTE_THRESHOLD);
	if (!guard && !own && !weak)
		return FOG_TX_ERROR_FORBIDDEN;
	p.flags |= FOG_PROPOSAL_CANCELLED;
	fog_state_put(s, FOG_RECORD_PROPOSAL, &number, &p);
	return FOG_TX_OK;
}
