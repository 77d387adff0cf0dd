/* SPDX-License-Identifier: BSD-3-Clause */
/* The agreement protocol of one validator, as step(state, event, now) -> actions: Simplex (Chan and
 * Pass 2023) with weighted, heterogeneous quorums, chained, in epochs. docs/design/quorum.md argues
 * safety and liveness.
 *
 *	view v, leader L(v):
 *	L(v)  --proposal: block on a notarized parent, proof that views between were given up-->
 *	all   --NOTARIZE(block)-->      quorum: notarized; enter v + 1 at once
 *	all   --FINALIZE(block)-->      unless NULLIFY(v) was sent; quorum: block and ancestors
 *final all   --NULLIFY(v)-->           at the time-out, unless FINALIZE(v) was sent; quorum: enter
 *v + 1
 *
 * Three message delays from proposal to finality, a block every two, and never slower than the
 * network while leaders are honest. Views restart at 1 in every epoch.
 *
 * The owner executes actions in order and must have every LOG action on disk before it lets a later
 * SEND or FINAL out. After a crash it replays what it logged, then FOG_QUORUM_START. Messages are
 * given in only after their signatures were checked (fog_message_checks()). Pure: no clock, socket
 * or file; the functions of struct fog_quorum_host are pure as well. One thread. */
#ifndef FOG_QUORUM_H
#define FOG_QUORUM_H

#include "controlplane/quorum/wire.h"

#define FOG_QUORUM_VIEW_MS      250 /* time-out of a view; doubles per fruitless round of leaders */
#define FOG_QUORUM_VIEW_MS_MAX  8000
#define FOG_QUORUM_IDLE_MS      1000  /* an empty block so often when nothing is to be agreed on */
#define FOG_QUORUM_HEARD_MS     1000  /* a leader silent for longer is passed over at once */
#define FOG_QUORUM_TIP_MS       50    /* then an empty block follows an unfinal one */
#define FOG_QUORUM_RESEND_MS    300   /* without progress: our votes again */
#define FOG_QUORUM_SKEW_MS      10000 /* a block may be so much ahead of our clock */
#define FOG_QUORUM_REJOIN_SKEWS 2     /* see docs/design/quorum.md, a lost disk */
#define FOG_QUORUM_DEPTH_MAX    64    /* blocks ahead of the executed state; then leaders wait */
#define FOG_QUORUM_BODIES_MAX   3     /* unfinal blocks with transactions; then leaders wait */
#define FOG_QUORUM_SLOTS        2048  /* views between the last final one and the furthest known */
#define FOG_QUORUM_BLOCKS_MAX   1024  /* unfinal blocks kept; more: those of the oldest views go */
#define FOG_QUORUM_CHANGES_MAX  1024  /* waiting for the next epoch; more are refused */
/* Evidence of older epochs is refused: four weeks of the default length, more than unbonding takes
 */
#define FOG_QUORUM_EVIDENCE_EPOCHS 4096
#define FOG_QUORUM_EVIDENCE_MAX    256 /* in all blocks of one epoch */
#define FOG_MESSAGE_CERTS_MAX      (FOG_PROPOSAL_GAP_MAX + 1)
#define FOG_MESSAGE_SIZE_MAX \
	(FOG_BLOCK_SIZE_MAX + 8 + FOG_VOTE_SIZE + FOG_MESSAGE_CERTS_MAX * FOG_CERTIFICATE_SIZE_MAX)

/* ---- messages ------------------------------------------------------------------------------- */

enum fog_message_type {
	FOG_MESSAGE_VOTE = 1,
	FOG_MESSAGE_PROPOSAL, /* vote of the leader, proof, block */
	FOG_MESSAGE_CERT,
	FOG_MESSAGE_FETCH,       /* hash of an unfinal block wanted */
	FOG_MESSAGE_BLOCK,       /* the answer */
	FOG_MESSAGE_OWNERS = 16, /* from here on: messages of the owner, never given in */
};

struct fog_message {
	u8 type;
	struct fog_vote vote;
	u32 cert_count;
	struct fog_certificate *cert;
	struct fog_block *block;
	u8 hash[32]; /* FETCH */
};

/* type u8, then as above. 0, -EBADMSG, -ENOMEM. Free in any case. */
int fog_message_decode(struct fog_message *m, const u8 *data, u32 len);
void fog_message_free(struct fog_message *m);

struct fog_quorum;

/* One signature to check: message[] under the key of the voter. */
struct fog_vote_check {
	const u8 *key;
	u8 signature[64];
	u8 message[FOG_VOTE_SIGNED_SIZE];
};

/* What must be verified before this message is given in, at most `max`; what is known already is
 * left out. Returns the count; -EAGAIN: of the next epoch, keep it a moment; -ESTALE: of no use;
 * -EBADMSG: no such voter or no quorum; -ENOSPC. Keys are valid until the epoch changes. */
int fog_message_checks(const struct fog_quorum *q, const struct fog_message *m,
		       struct fog_vote_check *out, u32 max);
/* The same for a certificate that stands alone, against a given set. */
int fog_certificate_checks(const struct fog_validators *s, const u8 chain[32],
			   const struct fog_certificate *c, struct fog_vote_check *out, u32 max);

/* ---- life ----------------------------------------------------------------------------------- */

/* Pure functions and keys of this validator. */
struct fog_quorum_host {
	void *context;
	void (*sign)(void *context, const void *message, u32 len, u8 signature[64]);
	int (*verify)(void *context, const u8 key[32], const void *message, u32 len,
		      const u8 signature[64]); /* evidence in blocks only */
	int (*vrf_prove)(void *context, const u8 alpha[32], u8 proof[FOG_VRF_SIZE]);
	int (*vrf_verify)(void *context, const u8 key[32], const u8 alpha[32],
			  const u8 proof[FOG_VRF_SIZE], u8 beta[64]);
	/* Is the content of this block worth a vote? */
	bool (*accept)(void *context, const struct fog_block *b);
	/* The set of an earlier epoch, for evidence. 0 or -errno. */
	int (*past_set)(void *context, u64 epoch, struct fog_validators *out);
	/* Transactions for a block on top of these unfinal ancestors (parent first). The array and
	 * bytes stay valid until the next call of the owner. Returns the count. */
	u32 (*payload)(void *context, struct fog_block *const *ancestor, u32 count, u64 time_ms,
		       const struct fog_app_bytes **tx);
};

struct fog_quorum_config {
	u8 chain[32];
	u8 node_id[32]; /* votes when it is in the set */
	u64 genesis_ms;
	u8 genesis_root[32];  /* of the application before block 1 */
	u32 view_ms, idle_ms; /* 0 = default */
	u32 skew_ms;          /* FOG_QUORUM_SKEW_MS, but for tests; 0 = that */
	bool observe;         /* votes for nothing until fog_quorum_rejoin() */
	struct fog_quorum_host host;
};

/* At genesis, with the set of epoch 1. 0, -ENOMEM. The set is copied. */
int fog_quorum_new(struct fog_quorum **out, const struct fog_quorum_config *config,
		   const struct fog_validators *set);
void fog_quorum_free(struct fog_quorum *q);

/* Begin at a later epoch instead (state sync): `last` is the last block's header of the epoch
 * before, `root` the state's after it. Before any recovery. */
void fog_quorum_begin(struct fog_quorum *q, const struct fog_validators *set,
		      const struct fog_header *last, const u8 root[32]);

/* What was logged, in its order; FINAL blocks come with fog_quorum_recover_final() and are followed
 * by FOG_QUORUM_EXECUTED. Then FOG_QUORUM_START. What belongs to another epoch is ignored. */
void fog_quorum_recover_vote(struct fog_quorum *q, const struct fog_vote *v);
void fog_quorum_recover_cert(struct fog_quorum *q, const struct fog_certificate *c);
void fog_quorum_recover_block(struct fog_quorum *q, struct fog_block *b);
/* cert: its own certificate, or NULL. */
void fog_quorum_recover_final(struct fog_quorum *q, struct fog_block *b,
			      const struct fog_certificate *cert);

/* ---- step ----------------------------------------------------------------------------------- */

enum fog_quorum_event_kind {
	FOG_QUORUM_START = 1,
	FOG_QUORUM_MESSAGE,  /* message, from: checked */
	FOG_QUORUM_TICK,     /* fog_quorum_deadline() has come */
	FOG_QUORUM_WORK,     /* count: transactions waiting */
	FOG_QUORUM_EXECUTED, /* height, root, changes, rules: of a FINAL action, in order */
	FOG_QUORUM_CATCHUP,  /* blocks, each the child of the one before, the first ours; the
				certificate makes the last one final; checked */
	FOG_QUORUM_HEARD,    /* from: something came from this validator */
	FOG_QUORUM_BEHIND,   /* from, view: this validator, in our epoch, is in an earlier view */
};

struct fog_quorum_event {
	enum fog_quorum_event_kind kind;
	u32 from; /* index in the set */
	const struct fog_message *message;
	u32 count;
	u64 view;
	u64 height;
	const u8 *root;
	const struct fog_app_validator *change;
	const struct fog_app_rules *rules; /* NULL = as they are */
	struct fog_block *const *block;
	const struct fog_certificate *cert;
};

enum fog_quorum_action_kind {
	FOG_QUORUM_LOG_VOTE = 1, /* data: a vote of ours; must be durable before what follows */
	FOG_QUORUM_LOG_BLOCK,    /* block */
	FOG_QUORUM_LOG_CERT,     /* data */
	FOG_QUORUM_SEND,         /* to, data: a message */
	FOG_QUORUM_FINAL,        /* block, and data: its certificate if it has one of its own */
};

struct fog_quorum_action {
	enum fog_quorum_action_kind kind;
	u64 to; /* mask of validators; never ourselves */
	u8 *data;
	u32 len;
	struct fog_block *block;
};

/* Feed one event. Actions pile up until fog_quorum_take(). now_ms: Unix. */
void fog_quorum_step(struct fog_quorum *q, const struct fog_quorum_event *e, u64 now_ms);
/* An observer votes from now on: its owner knows that it has voted for nothing in this epoch. */
void fog_quorum_rejoin(struct fog_quorum *q);
/* Patience from the next time-out on; 0 = default. Each host's own affair. */
void fog_quorum_tune(struct fog_quorum *q, u32 view_ms, u32 idle_ms);
/* The next action, or false. The caller frees it with fog_quorum_action_free(). */
bool fog_quorum_take(struct fog_quorum *q, struct fog_quorum_action *out);
void fog_quorum_action_free(struct fog_quorum_action *a);
/* When to TICK at the latest. */
u64 fog_quorum_deadline(const struct fog_quorum *q);

/* ---- views for people and owners ------------------------------------------------------------- */

struct fog_quorum_counts {
	u64 proposals, votes, certificates, nullified, finalized, equivocations, refused;
};

struct fog_quorum_status {
	u64 epoch, view, height; /* height: final */
	u64 epoch_began_ms;      /* time of the last block of the epoch before */
	u64 executed;
	int self; /* index, -1: does not vote */
	bool observes;
	u32 leader; /* of the view */
	u64 view_since_ms;
	u64 heard;         /* mask: heard within FOG_QUORUM_HEARD_MS, ourselves included */
	bool quorum;       /* those make a quorum */
	char why[200];     /* when not: what is missing */
	bool diverged;     /* our state is not what a quorum agreed on: we stopped voting */
	u8 randomness[32]; /* of the last final block */
	u8 epoch_seed[32]; /* of the last block of the epoch before: leaders are drawn from it */
};
void fog_quorum_status(const struct fog_quorum *q, u64 now_ms, struct fog_quorum_status *out);
const struct fog_quorum_counts *fog_quorum_counts(const struct fog_quorum *q);
const struct fog_validators *fog_quorum_set(const struct fog_quorum *q);
/* Header of the last final block; of genesis: height 0, hash = chain. */
const struct fog_header *fog_quorum_final(const struct fog_quorum *q, u8 hash[32]);
/* Before a final block is executed: is the state it was made on ours? If not we have diverged, stop
 * voting for good and say so in the status. */
bool fog_quorum_agrees(struct fog_quorum *q, const struct fog_header *h);
/* Who is accused, for the application. 0, or -errno of past_set(): the block cannot be executed. */
int fog_quorum_offender(const struct fog_quorum *q, const struct fog_evidence *e,
			struct fog_app_evidence *out);
/* The unfinal block with this hash, or NULL. Borrowed. */
struct fog_block *fog_quorum_block(const struct fog_quorum *q, const u8 hash[32]);

#endif
