/* SPDX-License-Identifier: BSD-3-Clause */
/* A committee of four in which one member is a quorum of its own, so that the test is all of the
 * network: double votes of the others are found, also late, and come into a block, also a later
 * epoch's. */
#include "controlplane/quorum/private.h"
#include "tests/unit/controlplane/quorum/samples.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#define EPOCH_MS 5000
#define START_MS 1000000

static const u8 some[32] = {1}, other[32] = {2};

struct solo {
	struct fog_quorum *q;
	struct fog_validators set, sets[8]; /* by epoch */
	u64 now_ms;
	u32 blocks, evidence;           /* final, of all blocks */
	struct fog_app_evidence last;   /* whom the last evidence accuses .. */
	u64 last_epoch;                 /* .. in a block of this epoch */
	struct fog_evidence last_proof; /* .. with this */
	u8 sk[64];
};

static void on_sign(void *context, const void *message, u32 len, u8 signature[64])
{
	fog_sign(signature, message, len, ((struct solo *)context)->sk);
}

static int on_verify(void *context, const u8 key[32], const void *message, u32 len,
		     const u8 signature[64])
{
	return fog_sign_verify(signature, message, len, key);
}

static int on_prove(void *context, const u8 alpha[32], u8 proof[FOG_VRF_SIZE])
{
	memset(proof, 0, FOG_VRF_SIZE);
	memcpy(proof, alpha, 32);
	return 0;
}

static int on_check(void *context, const u8 key[32], const u8 alpha[32],
		    const u8 proof[FOG_VRF_SIZE], u8 beta[64])
{
	memset(beta, 0, 64);
	memcpy(beta, alpha, 32);
	return memcmp(proof, alpha, 32) == 0 ? 0 : -EBADMSG;
}

static bool on_accept(void *context, const struct fog_block *b)
{
	return true;
}

static int on_past_set(void *context, u64 epoch, struct fog_validators *out)
{
	const struct solo *s = context;

	if (epoch == 0 || epoch >= FOG_ARRAY_COUNT(s->sets) || s->sets[epoch].count == 0)
		return -ENOENT;
	*out = s->sets[epoch];
	return 0;
}

static u32 on_payload(void *context, struct fog_block *const *up, u32 count, u64 time_ms,
		      const struct fog_app_bytes **tx)
{
	return 0;
}

static void final_take(struct solo *s, const struct fog_block *b)
{
	static const u8 root[32];
	struct fog_app_rules rules = {0};

	s->blocks++;
	for (u32 i = 0; i < b->header.evidence_count; i++) {
		s->evidence++;
		s->last_epoch = b->header.epoch;
		s->last_proof = b->evidence[i];
		CU_ASSERT_EQUAL(fog_quorum_offender(s->q, &b->evidence[i], &s->last), 0);
	}
	fog_quorum_step(s->q,
			&(struct fog_quorum_event){.kind = FOG_QUORUM_EXECUTED,
						   .from = FOG_VALIDATORS_MAX,
						   .height = b->header.height,
						   .rules = &rules,
						   .root = root},
			s->now_ms);
	const struct fog_validators *set = fog_quorum_set(s->q);
	CU_ASSERT_FATAL(set->epoch < FOG_ARRAY_COUNT(s->sets));
	s->sets[set->epoch] = *set;
}

static void step(struct solo *s, const struct fog_quorum_event *e)
{
	struct fog_quorum_action a;

	fog_quorum_step(s->q, e, s->now_ms);
	while (fog_quorum_take(s->q, &a)) {
		if (a.kind == FOG_QUORUM_FINAL)
			final_take(s, a.block);
		fog_quorum_action_free(&a);
	}
}

static void pass(struct solo *s, u64 ms)
{
	for (u64 end = s->now_ms + ms; s->now_ms < end; s->now_ms += 10)
		step(s, &(struct fog_quorum_event){.kind = FOG_QUORUM_TICK,
						   .from = FOG_VALIDATORS_MAX});
}

static void solo_open(struct solo *s)
{
	struct fog_quorum_config c = {.genesis_ms = START_MS,
				      .host = {s, on_sign, on_verify, on_prove, on_check, on_accept,
					       on_past_set, on_payload}};

	memset(s, 0, sizeof(*s));
	s->now_ms = START_MS;
	sample_set(&s->set, 1);
	s->set.v[0].weight = 1000;
	s->set.rules.epoch_ms = EPOCH_MS;
	CU_ASSERT_EQUAL_FATAL(fog_validators_finish(&s->set, NULL), 0);
	s->sets[1] = s->set;
	sample_key(s->set.v[0].node_id, s->sk);
	memcpy(c.node_id, s->set.v[0].node_id, 32);
	memcpy(c.chain, sample_chain, 32);
	CU_ASSERT_EQUAL_FATAL(fog_quorum_new(&s->q, &c, &s->set), 0);
	step(s, &(struct fog_quorum_event){.kind = FOG_QUORUM_START, .from = FOG_VALIDATORS_MAX});
}

/* A vote of another comes in. Returns what fog_message_checks() says. */
static int hear(struct solo *s, u64 epoch, u8 kind, u8 voter, u64 view, const u8 hash[32])
{
	struct fog_message m = {.type = FOG_MESSAGE_VOTE};
	struct fog_vote_check check;

	sample_ballot(&s->sets[epoch], &m.vote, kind, voter, view, hash);
	int rc = fog_message_checks(s->q, &m, &check, 1);
	if (rc == 1)
		CU_ASSERT_EQUAL(fog_sign_verify(check.signature, check.message,
						sizeof(check.message), check.key),
				0);
	if (rc >= 0)
		step(s, &(struct fog_quorum_event){
				.kind = FOG_QUORUM_MESSAGE, .from = voter, .message = &m});
	return rc;
}

static void test_at_once(void)
{
	struct solo s;

	solo_open(&s);
	pass(&s, 2000);
	CU_ASSERT(s.blocks > 0 && s.evidence == 0);
	u64 view = s.q->view + 5;
	CU_ASSERT_EQUAL(hear(&s, 1, FOG_VOTE_NOTARIZE, 2, view, some), 1);
	CU_ASSERT_EQUAL(hear(&s, 1, FOG_VOTE_NOTARIZE, 2, view, some), 0); /* the same: fine */
	CU_ASSERT_EQUAL(hear(&s, 1, FOG_VOTE_NOTARIZE, 2, view, other), 1);
	CU_ASSERT_EQUAL(hear(&s, 1, FOG_VOTE_NOTARIZE, 2, view + 1, other), 1); /* fine as well */
	CU_ASSERT_EQUAL(fog_quorum_counts(s.q)->equivocations, 1);
	pass(&s, 2000);
	CU_ASSERT_EQUAL(s.evidence, 1);
	CU_ASSERT_EQUAL(memcmp(s.last.node_id, s.set.v[2].node_id, 32), 0);
	CU_ASSERT(s.last.epoch == 1 && s.last.view == view && s.last.weight == s.set.weight[2]);
	/* More of the same in this epoch changes nothing. */
	CU_ASSERT_EQUAL(hear(&s, 1, FOG_VOTE_NULLIFY, 2, s.q->view + 3, (const u8[32]){0}), 1);
	CU_ASSERT_EQUAL(hear(&s, 1, FOG_VOTE_FINALIZE, 2, s.q->view + 3, some), 1);
	pass(&s, 500);
	CU_ASSERT_EQUAL(s.evidence, 1);
	fog_quorum_free(s.q);
}

/* Found when the epoch was ending, and found only in the next one. */
static void test_late(void)
{
	struct solo s;

	solo_open(&s);
	pass(&s, EPOCH_MS - 200);
	CU_ASSERT_EQUAL(fog_quorum_set(s.q)->epoch, 1);
	s.now_ms =
		START_MS + EPOCH_MS + 100; /* the next block is the last one: it carries nothing */
	u64 view = s.q->view + 4;
	CU_ASSERT_EQUAL(hear(&s, 1, FOG_VOTE_NOTARIZE, 1, view, some), 1);
	CU_ASSERT_EQUAL(hear(&s, 1, FOG_VOTE_NOTARIZE, 1, view, other), 1);
	CU_ASSERT_EQUAL(hear(&s, 1, FOG_VOTE_NULLIFY, 2, view, (const u8[32]){0}), 1);
	pass(&s, 3000);
	CU_ASSERT_EQUAL(fog_quorum_set(s.q)->epoch, 2);
	CU_ASSERT(s.evidence == 1 && s.last_epoch == 2 && s.last.epoch == 1);
	CU_ASSERT_EQUAL(memcmp(s.last.node_id, s.set.v[1].node_id, 32), 0);
	CU_ASSERT_EQUAL(hear(&s, 1, FOG_VOTE_FINALIZE, 2, view, some), 1);
	CU_ASSERT_EQUAL(hear(&s, 1, FOG_VOTE_FINALIZE, 2, view + 40, some), -ESTALE);
	CU_ASSERT_EQUAL(hear(&s, 1, FOG_VOTE_FINALIZE, 0, view, other), 1);
	pass(&s, 1000);
	CU_ASSERT(s.evidence == 2 && s.last.epoch == 1 && s.last.view == view);
	CU_ASSERT_EQUAL(memcmp(s.last.node_id, s.set.v[2].node_id, 32), 0);
	/* Each of them once, whatever comes after. */
	pass(&s, 2 * EPOCH_MS);
	CU_ASSERT_EQUAL(s.evidence, 2);
	fog_quorum_free(s.q);
}

static bool block_good(struct solo *s, const struct fog_evidence *e, u32 count)
{
	struct fog_header h;

	sample_header(fog_quorum_set(s->q), &h, 100);
	struct fog_block *b = fog_block_make(&h, NULL, 0, e, count);
	bool good = fog_q_evidence_good(s->q, b, NULL, 0);
	fog_block_unref(b);
	return good;
}

/* What a peer may put into its block. */
static void test_peers(void)
{
	struct solo s;
	struct fog_evidence e, two[2];

	solo_open(&s);
	pass(&s, 4 * EPOCH_MS);
	u64 now = fog_quorum_set(s.q)->epoch;
	CU_ASSERT(now >= 4);
	/* Of an epoch long gone: its set is asked for. */
	sample_ballot(&s.sets[1], &e.vote[0], FOG_VOTE_NOTARIZE, 3, 7, some);
	sample_ballot(&s.sets[1], &e.vote[1], FOG_VOTE_NOTARIZE, 3, 7, other);
	CU_ASSERT_TRUE(block_good(&s, &e, 1));
	two[0] = two[1] = e;
	CU_ASSERT_FALSE(block_good(&s, two, 2)); /* twice the same */
	sample_ballot(&s.sets[2], &two[1].vote[0], FOG_VOTE_NULLIFY, 3, 7, (const u8[32]){0});
	sample_ballot(&s.sets[2], &two[1].vote[1], FOG_VOTE_FINALIZE, 3, 7, other);
	CU_ASSERT_TRUE(block_good(&s, two, 2)); /* another epoch: another offence */
	e.vote[1].signature[5] ^= 1;
	CU_ASSERT_FALSE(block_good(&s, &e, 1));
	sample_ballot(&s.sets[1], &e.vote[1], FOG_VOTE_FINALIZE, 3, 7, other);
	CU_ASSERT_FALSE(block_good(&s, &e, 1)); /* no contradiction */
	struct fog_validators ahead = s.set;
	ahead.epoch = now + 1;
	sample_ballot(&ahead, &e.vote[0], FOG_VOTE_NOTARIZE, 3, 7, some);
	sample_ballot(&ahead, &e.vote[1], FOG_VOTE_NOTARIZE, 3, 7, other);
	CU_ASSERT_FALSE(block_good(&s, &e, 1)); /* not yet */
	s.sets[1].count = 0;                    /* this host does not know it */
	CU_ASSERT_FALSE(block_good(&s, two, 1));
	CU_ASSERT_EQUAL(fog_quorum_offender(s.q, &two[0], &s.last), -ENOENT);
	s.sets[1] = s.set;
	s.q->set.epoch = 1 + FOG_QUORUM_EVIDENCE_EPOCHS;
	CU_ASSERT_TRUE(block_good(&s, two, 1));
	s.q->set.epoch++;
	CU_ASSERT_FALSE(block_good(&s, two, 1)); /* too long ago */
	s.q->set.epoch = now;
	/* An epoch takes so much and no more. */
	for (u32 i = 0; i < FOG_QUORUM_EVIDENCE_MAX; i++)
		s.q->punished[s.q->punished_count++] = (struct punished){9000 + i, now, 1};
	CU_ASSERT_FALSE(block_good(&s, two, 1));
	fog_quorum_free(s.q);
}

FOG_TEST_MAIN("controlplane/quorum/evidence", FOG_TEST(test_at_once), FOG_TEST(test_late),
	      FOG_TEST(test_peers))
