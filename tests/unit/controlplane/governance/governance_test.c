/* SPDX-License-Identifier: BSD-3-Clause */
/* Proposals through their whole life, in the cases of OpenZeppelin's Governor tests. Times of the
 * test chain: voting begins after 100 ms, lasts 1000; timelock 500, grace 2000, extension 300. */
#include "controlplane/governance/governance.h"
#include "tests/unit/controlplane/ledger/chainbed.h"
#include "tests/unit/fog_test.h"

#define UNIT 1000000ull

static const struct fog_genesis_parameter short_times[] = {
	{FOG_PARAMETER_VOTE_DELAY_MS, 0, 100},     {FOG_PARAMETER_VOTE_PERIOD_MS, 0, 1000},
	{FOG_PARAMETER_TIMELOCK_MS, 0, 500},       {FOG_PARAMETER_GRACE_MS, 0, 2000},
	{FOG_PARAMETER_VOTE_EXTENSION_MS, 0, 300}, {FOG_PARAMETER_VOTE_THRESHOLD, 0, 1000 * UNIT},
	{FOG_PARAMETER_UNBONDING_MS, 0, 50},
};

/* 0 proposes and has 1000 fog; 1, 2, 3 have 3000 each; 4 is a guardian; 5 a councilor with 1000
 * that count double. Money outside the treasury: 80,000 fog, so the quorum is 8000. */
static void open_all(struct bed *b)
{
	static const u64 locked[8] = {1000, 3000, 3000, 3000, 0, 1000, 0, 0};
	const u32 rank[8] = {[4] = FOG_RANK_GUARDIAN, [5] = FOG_RANK_COUNCILOR};

	bed_open_with(b, 8, 1, short_times, FOG_ARRAY_COUNT(short_times), rank);
	for (u32 i = 0; i < 8; i++) {
		struct fog_tx tx = {.kind = FOG_TX_VOTE_LOCK};
		tx.body.amount.amount = locked[i] * UNIT;
		if (locked[i] == 0)
			continue;
		CU_ASSERT_EQUAL_FATAL(bed_run(b, i, &tx), FOG_TX_OK);
		tx = (struct fog_tx){.kind = FOG_TX_VOTE_DELEGATE};
		memcpy(tx.body.account.account, b->pk[i], 32);
		CU_ASSERT_EQUAL_FATAL(bed_run(b, i, &tx), FOG_TX_OK);
	}
}

static enum fog_tx_error propose(struct bed *b, u32 account, u32 number, i64 value)
{
	struct fog_tx tx = {.kind = FOG_TX_PROPOSE};
	struct fog_tx_propose *p = &tx.body.propose;

	snprintf(p->title, sizeof(p->title), "a change");
	p->motion_count = 1;
	p->motion[0] = (struct fog_motion){FOG_MOTION_PARAMETER, number, value, {0}};
	return bed_run(b, account, &tx);
}

static enum fog_tx_error act(struct bed *b, u32 account, enum fog_tx_kind kind)
{
	struct fog_tx tx = {.kind = kind, .body.number.number = 1};

	return bed_run(b, account, &tx);
}

static enum fog_tx_error vote(struct bed *b, u32 account, u32 choice)
{
	struct fog_tx tx = {.kind = FOG_TX_VOTE, .body.vote = {1, choice, 0}};

	return bed_run(b, account, &tx);
}

static struct fog_rec_proposal get(const struct bed *b)
{
	struct fog_rec_proposal p;
	u64 number = 1;

	CU_ASSERT(fog_state_get(fog_chain_state(b->chain), FOG_RECORD_PROPOSAL, &number, &p));
	return p;
}

static enum fog_proposal_state state(const struct bed *b)
{
	struct fog_rec_proposal p = get(b);

	return fog_proposal_state(&p, b->now_ms);
}

static void test_life_cycle(void)
{
	struct bed b;

	open_all(&b);
	CU_ASSERT_EQUAL(propose(&b, 0, FOG_PARAMETER_SCHED_ATTEMPTS_MAX, 7), FOG_TX_OK);
	CU_ASSERT_EQUAL(state(&b), FOG_PROPOSAL_STATE_PENDING);
	CU_ASSERT_EQUAL(vote(&b, 1, 1), FOG_TX_ERROR_PROPOSAL_STATE); /* before the window */
	CU_ASSERT_EQUAL(act(&b, 0, FOG_TX_PROPOSAL_QUEUE), FOG_TX_ERROR_PROPOSAL_STATE);
	bed_wait(&b, 200);
	CU_ASSERT_EQUAL(state(&b), FOG_PROPOSAL_STATE_ACTIVE);
	CU_ASSERT_EQUAL(vote(&b, 1, 1), FOG_TX_OK);
	CU_ASSERT_EQUAL(vote(&b, 1, 0), FOG_TX_ERROR_VOTED);
	CU_ASSERT_EQUAL(vote(&b, 6, 1), FOG_TX_ERROR_NO_VOTES);
	CU_ASSERT_EQUAL(vote(&b, 2, 3), FOG_TX_ERROR_MALFORMED);
	CU_ASSERT_EQUAL(vote(&b, 2, 1), FOG_TX_OK);
	CU_ASSERT_EQUAL(vote(&b, 5, 2), FOG_TX_OK);
	struct fog_rec_proposal p = get(&b);
	CU_ASSERT_EQUAL(p.votes[1], 6000 * UNIT);
	CU_ASSERT_EQUAL(p.votes[2], 2000 * UNIT); /* a councilor's count double */
	CU_ASSERT_EQUAL(act(&b, 0, FOG_TX_PROPOSAL_QUEUE), FOG_TX_ERROR_PROPOSAL_STATE);
	bed_wait(&b, 1500);
	CU_ASSERT_EQUAL(state(&b), FOG_PROPOSAL_STATE_SUCCEEDED);
	CU_ASSERT_EQUAL(vote(&b, 3, 0), FOG_TX_ERROR_PROPOSAL_STATE); /* after the window */
	CU_ASSERT_EQUAL(act(&b, 0, FOG_TX_PROPOSAL_EXECUTE), FOG_TX_ERROR_PROPOSAL_STATE);
	CU_ASSERT_EQUAL(act(&b, 7, FOG_TX_PROPOSAL_QUEUE), FOG_TX_OK); /* by anybody */
	CU_ASSERT_EQUAL(state(&b), FOG_PROPOSAL_STATE_QUEUED);
	CU_ASSERT_EQUAL(act(&b, 7, FOG_TX_PROPOSAL_QUEUE), FOG_TX_ERROR_PROPOSAL_STATE);
	CU_ASSERT_EQUAL(act(&b, 7, FOG_TX_PROPOSAL_EXECUTE), FOG_TX_ERROR_PROPOSAL_STATE);
	bed_wait(&b, 600);
	u64 version = fog_chain_state(b.chain)->global.parameters_version;
	CU_ASSERT_EQUAL(act(&b, 7, FOG_TX_PROPOSAL_EXECUTE), FOG_TX_OK);
	CU_ASSERT_EQUAL(state(&b), FOG_PROPOSAL_STATE_EXECUTED);
	CU_ASSERT_EQUAL(
		fog_parameter_get(fog_chain_state(b.chain), FOG_PARAMETER_SCHED_ATTEMPTS_MAX), 7);
	CU_ASSERT_EQUAL(fog_chain_state(b.chain)->global.parameters_version, version + 1);
	CU_ASSERT_EQUAL(act(&b, 7, FOG_TX_PROPOSAL_EXECUTE), FOG_TX_ERROR_PROPOSAL_STATE);
	CU_ASSERT_EQUAL(act(&b, 4, FOG_TX_PROPOSAL_CANCEL), FOG_TX_ERROR_PROPOSAL_STATE);
	bed_close(&b);
}

static void test_refused_proposals(void)
{
	struct bed b;

	open_all(&b);
	CU_ASSERT_EQUAL(propose(&b, 6, FOG_PARAMETER_FEE_MIN, 2), FOG_TX_ERROR_THRESHOLD);
	CU_ASSERT_EQUAL(propose(&b, 0, 9999, 2), FOG_TX_ERROR_MOTION);
	CU_ASSERT_EQUAL(propose(&b, 0, FOG_PARAMETER_DIRECTORY_HOPS, 9), FOG_TX_ERROR_MOTION);
	CU_ASSERT_EQUAL(propose(&b, 0, FOG_PARAMETER_DIRECTORY_HOPS, 0), FOG_TX_ERROR_MOTION);
	CU_ASSERT_EQUAL(vote(&b, 1, 1), FOG_TX_ERROR_PROPOSAL);
	CU_ASSERT_EQUAL(act(&b, 1, FOG_TX_PROPOSAL_QUEUE), FOG_TX_ERROR_PROPOSAL);
	CU_ASSERT_EQUAL(act(&b, 1, FOG_TX_PROPOSAL_EXECUTE), FOG_TX_ERROR_PROPOSAL);
	CU_ASSERT_EQUAL(act(&b, 1, FOG_TX_PROPOSAL_CANCEL), FOG_TX_ERROR_PROPOSAL);
	bed_close(&b);
}

/* Who voted what, and how it ends. -1: does not vote. */
static void test_tallies(void)
{
	static const struct {
		int choice[6];
		enum fog_proposal_state ends;
	} row[] = {
		/* 0   1   2   3   4   5 */
		{{-1, -1, -1, -1, -1, -1}, FOG_PROPOSAL_STATE_DEFEATED}, /* 1: nobody */
		{{1, 1, 1, -1, -1, -1}, FOG_PROPOSAL_STATE_DEFEATED},    /* 2: 7000 < 8000 */
		{{1, 1, 1, -1, -1, 1}, FOG_PROPOSAL_STATE_SUCCEEDED},    /* 3: 9000 */
		{{-1, 1, 1, -1, -1, 2}, FOG_PROPOSAL_STATE_SUCCEEDED},   /* 4: abstain fills it */
		{{-1, 1, -1, 2, -1, 2}, FOG_PROPOSAL_STATE_SUCCEEDED},   /* 5: 3000 of 3000 */
		{{1, 1, 1, 0, -1, 1}, FOG_PROPOSAL_STATE_SUCCEEDED},     /* 6: 9 of 12: 75 % */
		{{2, 1, 2, 0, -1, 2}, FOG_PROPOSAL_STATE_DEFEATED},      /* 7: 50 % */
		{{1, 1, 0, 2, -1, 2}, FOG_PROPOSAL_STATE_DEFEATED},      /* 8: 4 of 7: 57 % */
		{{2, 1, 2, 2, -1, 0}, FOG_PROPOSAL_STATE_SUCCEEDED},     /* 9: 3 of 5: 60 % */
		{{2, 2, 2, 2, -1, 2}, FOG_PROPOSAL_STATE_DEFEATED},      /* 10: none for it */
		{{0, 0, 0, 0, -1, 0}, FOG_PROPOSAL_STATE_DEFEATED},      /* 11 */
	};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(row); i++) {
		struct bed b;
		open_all(&b);
		CU_ASSERT_EQUAL(propose(&b, 0, FOG_PARAMETER_FEE_MIN, 2), FOG_TX_OK);
		bed_wait(&b, 200);
		for (u32 a = 0; a < 6; a++)
			if (row[i].choice[a] >= 0)
				CU_ASSERT_EQUAL(vote(&b, a, (u32)row[i].choice[a]), FOG_TX_OK);
		bed_wait(&b, 1500);
		if (state(&b) != row[i].ends)
			fprintf(stderr, "row %u: %s\n", i + 1, fog_proposal_state_name(state(&b)));
		CU_ASSERT_EQUAL(state(&b), row[i].ends);
		CU_ASSERT_EQUAL(act(&b, 0, FOG_TX_PROPOSAL_QUEUE),
				row[i].ends == FOG_PROPOSAL_STATE_SUCCEEDED
					? FOG_TX_OK
					: FOG_TX_ERROR_PROPOSAL_STATE);
		bed_close(&b);
	}
}

/* Votes are those of the moment the voting began: what moves later does not count twice. */
static void test_checkpoints(void)
{
	struct bed b;

	open_all(&b);
	u64 early = b.now_ms;
	CU_ASSERT_EQUAL(propose(&b, 0, FOG_PARAMETER_FEE_MIN, 2), FOG_TX_OK);
	bed_wait(&b, 200);
	CU_ASSERT_EQUAL(vote(&b, 1, 1), FOG_TX_OK);
	struct fog_tx tx = {.kind = FOG_TX_VOTE_DELEGATE};
	memcpy(tx.body.account.account, b.pk[6], 32);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_OK); /* 1 delegates to 6 after voting */
	CU_ASSERT_EQUAL(bed_run(&b, 2, &tx), FOG_TX_OK); /* 2 before */
	CU_ASSERT_EQUAL(vote(&b, 6, 1), FOG_TX_ERROR_NO_VOTES);
	CU_ASSERT_EQUAL(vote(&b, 2, 1), FOG_TX_OK); /* still its own */
	const struct fog_state *s = fog_chain_state(b.chain);
	CU_ASSERT_EQUAL(fog_governance_votes(s, b.pk[6], b.now_ms), 6000 * UNIT);
	CU_ASSERT_EQUAL(fog_governance_votes(s, b.pk[1], b.now_ms), 0);
	CU_ASSERT_EQUAL(fog_governance_votes(s, b.pk[1], early), 3000 * UNIT);
	CU_ASSERT_EQUAL(fog_governance_votes(s, b.pk[1], 0), 0);
	tx = (struct fog_tx){.kind = FOG_TX_VOTE_UNLOCK, .body.amount.amount = 1000 * UNIT};
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_OK);
	CU_ASSERT_EQUAL(fog_governance_votes(s, b.pk[6], b.now_ms), 5000 * UNIT);
	tx.body.amount.amount = 2001 * UNIT;
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_VOTES);
	u64 before = bed_balance(&b, 1);
	bed_wait(&b, 100);
	CU_ASSERT_EQUAL(bed_balance(&b, 1), before + 1000 * UNIT);
	bed_close(&b);
}

static void test_cancel(void)
{
	struct bed b;

	open_all(&b); /* by the proposer, while pending */
	CU_ASSERT_EQUAL(propose(&b, 0, FOG_PARAMETER_FEE_MIN, 2), FOG_TX_OK);
	CU_ASSERT_EQUAL(act(&b, 1, FOG_TX_PROPOSAL_CANCEL), FOG_TX_ERROR_FORBIDDEN);
	CU_ASSERT_EQUAL(act(&b, 0, FOG_TX_PROPOSAL_CANCEL), FOG_TX_OK);
	CU_ASSERT_EQUAL(state(&b), FOG_PROPOSAL_STATE_CANCELLED);
	CU_ASSERT_EQUAL(act(&b, 0, FOG_TX_PROPOSAL_CANCEL), FOG_TX_ERROR_PROPOSAL_STATE);
	bed_wait(&b, 200);
	CU_ASSERT_EQUAL(vote(&b, 1, 1), FOG_TX_ERROR_PROPOSAL_STATE);
	bed_close(&b);

	open_all(&b); /* not once it is active; but by a guardian, even when queued */
	CU_ASSERT_EQUAL(propose(&b, 0, FOG_PARAMETER_FEE_MIN, 2), FOG_TX_OK);
	bed_wait(&b, 200);
	CU_ASSERT_EQUAL(act(&b, 0, FOG_TX_PROPOSAL_CANCEL), FOG_TX_ERROR_FORBIDDEN);
	for (u32 a = 0; a < 4; a++)
		CU_ASSERT_EQUAL(vote(&b, a, 1), FOG_TX_OK);
	bed_wait(&b, 1500);
	CU_ASSERT_EQUAL(act(&b, 0, FOG_TX_PROPOSAL_QUEUE), FOG_TX_OK);
	CU_ASSERT_EQUAL(act(&b, 4, FOG_TX_PROPOSAL_CANCEL), FOG_TX_OK);
	bed_wait(&b, 600);
	CU_ASSERT_EQUAL(act(&b, 0, FOG_TX_PROPOSAL_EXECUTE), FOG_TX_ERROR_PROPOSAL_STATE);
	bed_close(&b);

	open_all(&b); /* by anybody once the proposer's votes are gone */
	CU_ASSERT_EQUAL(propose(&b, 0, FOG_PARAMETER_FEE_MIN, 2), FOG_TX_OK);
	struct fog_tx tx = {.kind = FOG_TX_VOTE_UNLOCK, .body.amount.amount = 1};
	CU_ASSERT_EQUAL(bed_run(&b, 0, &tx), FOG_TX_OK);
	CU_ASSERT_EQUAL(act(&b, 7, FOG_TX_PROPOSAL_CANCEL), FOG_TX_OK);
	bed_close(&b);
}

static void test_expiry(void)
{
	struct bed b;

	open_all(&b);
	CU_ASSERT_EQUAL(propose(&b, 0, FOG_PARAMETER_FEE_MIN, 2), FOG_TX_OK);
	bed_wait(&b, 200);
	for (u32 a = 0; a < 4; a++)
		CU_ASSERT_EQUAL(vote(&b, a, 1), FOG_TX_OK);
	bed_wait(&b, 1500);
	CU_ASSERT_EQUAL(act(&b, 0, FOG_TX_PROPOSAL_QUEUE), FOG_TX_OK);
	bed_wait(&b, 500 + 2000 + 1);
	CU_ASSERT_EQUAL(state(&b), FOG_PROPOSAL_STATE_EXPIRED);
	CU_ASSERT_EQUAL(act(&b, 0, FOG_TX_PROPOSAL_EXECUTE), FOG_TX_ERROR_PROPOSAL_STATE);
	CU_ASSERT_EQUAL(act(&b, 4, FOG_TX_PROPOSAL_CANCEL), FOG_TX_ERROR_PROPOSAL_STATE);
	bed_close(&b);
}

/* Who brings the quorum at the last moment gives the others time to answer. */
static void test_late_quorum(void)
{
	struct bed b;

	open_all(&b);
	CU_ASSERT_EQUAL(propose(&b, 0, FOG_PARAMETER_FEE_MIN, 2), FOG_TX_OK);
	struct fog_rec_proposal p = get(&b);
	bed_wait(&b, p.end_ms - b.now_ms - 50);
	CU_ASSERT_EQUAL(vote(&b, 1, 1), FOG_TX_OK);
	CU_ASSERT_EQUAL(vote(&b, 2, 1), FOG_TX_OK);
	CU_ASSERT_EQUAL(get(&b).end_ms, p.end_ms);
	CU_ASSERT_EQUAL(vote(&b, 3, 1), FOG_TX_OK);
	CU_ASSERT_EQUAL(get(&b).end_ms, b.now_ms + 300);
	u64 end = get(&b).end_ms;
	CU_ASSERT_EQUAL(vote(&b, 5, 0), FOG_TX_OK); /* once only */
	CU_ASSERT_EQUAL(get(&b).end_ms, end);
	bed_close(&b);
}

/* A motion that cannot be carried out undoes those before it. */
static void test_motions(void)
{
	struct bed b;
	struct fog_tx tx = {.kind = FOG_TX_PROPOSE};
	struct fog_tx_propose *p = &tx.body.propose;
	struct fog_rec_voter v;

	open_all(&b);
	snprintf(p->title, sizeof(p->title), "rank, and more than the treasury has");
	p->motion_count = 2;
	p->motion[0] = (struct fog_motion){FOG_MOTION_RANK, 0, FOG_RANK_KING, {0}};
	memcpy(p->motion[0].account, b.pk[7], 32);
	p->motion[1] = (struct fog_motion){FOG_MOTION_PAY, 0, 1000 * UNIT, {0}};
	memcpy(p->motion[1].account, b.pk[6], 32);
	CU_ASSERT_EQUAL(bed_run(&b, 0, &tx), FOG_TX_OK);
	bed_wait(&b, 200);
	for (u32 a = 0; a < 4; a++)
		CU_ASSERT_EQUAL(vote(&b, a, 1), FOG_TX_OK);
	bed_wait(&b, 1500);
	CU_ASSERT_EQUAL(act(&b, 0, FOG_TX_PROPOSAL_QUEUE), FOG_TX_OK);
	bed_wait(&b, 600);
	CU_ASSERT_EQUAL(act(&b, 0, FOG_TX_PROPOSAL_EXECUTE), FOG_TX_ERROR_MOTION_FAILED);
	CU_ASSERT_EQUAL(state(&b), FOG_PROPOSAL_STATE_QUEUED);
	fog_state_get(fog_chain_state(b.chain), FOG_RECORD_VOTER, b.pk[7], &v);
	CU_ASSERT_EQUAL(v.rank, FOG_RANK_NONE);
	/* Once the treasury has it, both happen. */
	CU_ASSERT(fog_state_debit(&b.chain->s, b.pk[7], 2000 * UNIT));
	b.chain->s.global.treasury += 2000 * UNIT;
	u64 before = bed_balance(&b, 6);
	CU_ASSERT_EQUAL(act(&b, 0, FOG_TX_PROPOSAL_EXECUTE), FOG_TX_OK);
	CU_ASSERT_EQUAL(bed_balance(&b, 6), before + 1000 * UNIT);
	fog_state_get(fog_chain_state(b.chain), FOG_RECORD_VOTER, b.pk[7], &v);
	CU_ASSERT_EQUAL(v.rank, FOG_RANK_KING);
	bed_close(&b);
}

FOG_TEST_MAIN("controlplane/governance", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_refused_proposals), FOG_TEST(test_tallies), FOG_TEST(test_checkpoints),
	      FOG_TEST(test_cancel), FOG_TEST(test_expiry), FOG_TEST(test_late_quorum),
	      FOG_TEST(test_motions))
