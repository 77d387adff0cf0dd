/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the files of the protocol: quorum.c (life, events), slots.c (votes and certificates),
 * chain.c (proposals, blocks, finality). */
#ifndef FOG_QUORUM_PRIVATE_H
#define FOG_QUORUM_PRIVATE_H

#include "controlplane/quorum/quorum.h"

#define QUORUM_ROOTS (4 * FOG_QUORUM_DEPTH_MAX) /* of executed heights, remembered */

/* Everything known about one view. */
struct slot {
	u64 view;
	u64 have[FOG_VOTE_KINDS];                        /* who voted, by kind */
	u8 hash[FOG_VOTE_KINDS][FOG_VALIDATORS_MAX][32]; /* for what; not for NULLIFY */
	u8 signature[FOG_VOTE_KINDS][FOG_VALIDATORS_MAX][64];
	struct fog_certificate *cert[FOG_VOTE_KINDS];
	bool sent[FOG_VOTE_KINDS]; /* by us */
	u8 own[32];                /* what our NOTARIZE or FINALIZE was for */
	struct fog_block *proposal;
	u8 *proposal_bytes; /* our own, for sending again */
	u32 proposal_len;
};

#define PAST_VIEWS 16

/* The epoch before, whose last votes may still arrive and contradict each other. */
struct past {
	struct fog_validators set; /* epoch 0: none */
	struct slot *slots[PAST_VIEWS];
};

/* Evidence that is in a final block. */
struct punished {
	u64 epoch, in; /* of the offence, of the block */
	u32 voter;
};

struct fog_quorum {
	struct fog_quorum_config config;
	struct fog_validators set;
	u8 order[FOG_VALIDATORS_MAX];
	int self;
	struct fog_header base; /* last block of the epoch before; height 0 at genesis */
	u8 base_hash[32];

	u64 view, view_since_ms, resend_ms;
	u64 fruitless;                        /* views since one was notarized */
	struct slot *slots[FOG_QUORUM_SLOTS]; /* by view */
	u64 final_view; /* of the certificate that made `final` final; 0 = base */
	struct fog_header final;
	u8 final_hash[32];
	u64 want_view; /* finalized, but blocks are missing; 0 = none */

	u32 block_count;
	struct fog_block *blocks[FOG_QUORUM_BLOCKS_MAX]; /* unfinal, any order */
	u8 fetch[32];                                    /* asked for */
	u64 fetch_ms;

	u64 executed;
	u8 roots[QUORUM_ROOTS][32]; /* by height */
	u32 change_count;
	struct {
		u64 height;
		struct fog_app_validator v;
	} changes[FOG_QUORUM_CHANGES_MAX];
	struct fog_app_rules rules; /* wanted by the last executed block; profile 0 = none */

	struct past past;
	u32 punished_count; /* those of this epoch and the one before */
	struct punished punished[2 * FOG_QUORUM_EVIDENCE_MAX];
	u32 evidence_count;
	struct fog_evidence
		evidence[FOG_VALIDATORS_MAX]; /* one an offender and epoch, not punished */

	u32 work;
	u64 work_since_ms;
	u64 heard_ms[FOG_VALIDATORS_MAX];
	bool started, diverged;

	struct fog_quorum_action *actions;
	u32 action_count, action_done, action_cap;
	struct fog_quorum_counts counts;
	u64 now_ms;
};

/* quorum.c */
void fog_q_act(struct fog_quorum *q, struct fog_quorum_action a); /* takes data and block */
void fog_q_send(struct fog_quorum *q, u64 to, u8 type, const void *data, u32 len);
u64 fog_q_others(const struct fog_quorum *q);
u32 fog_q_leader(const struct fog_quorum *q, u64 view);
void *fog_q_alloc(size_t size); /* never NULL: dies, as a lost vote would be worse */
/* The set of the next epoch, from changes up to this height. */
void fog_q_next_set(const struct fog_quorum *q, u64 height, struct fog_validators *out);
bool fog_q_has_work(const struct fog_quorum *q);
/* When a leader proposes a block with nothing in it. */
u64 fog_q_empty_deadline(const struct fog_quorum *q);

/* slots.c */
struct slot *fog_q_slot(const struct fog_quorum *q, u64 view); /* NULL: nothing known */
struct slot *fog_q_slot_make(struct fog_quorum *q, u64 view);  /* NULL: out of the window */
void fog_q_slot_free(struct slot *s);
/* The slot of a view of the epoch before; NULL: not kept. */
struct slot *fog_q_past_slot(const struct fog_quorum *q, u64 epoch, u64 view);
void fog_q_vote_take(struct fog_quorum *q, const struct fog_vote *v);
void fog_q_cert_take(struct fog_quorum *q, const struct fog_certificate *c);
/* Sign, log, send and count a vote of ours; nothing when it would contradict one sent. */
bool fog_q_vote(struct fog_quorum *q, u8 kind, u64 view, const u8 hash[32], bool send);
void fog_q_enter(struct fog_quorum *q, u64 view);
void fog_q_resend(struct fog_quorum *q, u64 to);

/* evidence.c */
bool fog_q_punished(const struct fog_quorum *q, u64 epoch, u32 voter, bool this_epoch);
void fog_q_evidence_add(struct fog_quorum *q, const struct fog_validators *set,
			const struct fog_evidence *e);
u32 fog_q_evidence_pick(const struct fog_quorum *q, struct fog_block *const *up, u32 count,
			struct fog_evidence out[FOG_APP_EVIDENCE_MAX]);
bool fog_q_evidence_good(const struct fog_quorum *q, const struct fog_block *b,
			 struct fog_block *const *up, u32 count);
void fog_q_evidence_final(struct fog_quorum *q, const struct fog_block *b);
/* Another epoch has begun: what is too old goes. */
void fog_q_evidence_age(struct fog_quorum *q);

/* chain.c */
struct fog_block *fog_q_block_find(const struct fog_quorum *q, const u8 hash[32]);
void fog_q_block_keep(struct fog_quorum *q, struct fog_block *b, bool log);
void fog_q_propose(struct fog_quorum *q);
void fog_q_consider(struct fog_quorum *q);
void fog_q_proposal_take(struct fog_quorum *q, const struct fog_message *m);
void fog_q_commit(struct fog_quorum *q);
void fog_q_final(struct fog_quorum *q, struct fog_block *b, u64 view,
		 const struct fog_certificate *cert, bool act);
void fog_q_fetch(struct fog_quorum *q, const u8 hash[32], u64 mask);

#endif
