/* SPDX-License-Identifier: BSD-3-Clause */
/* The records of the shared ledger. Each is an entry of the tree: its key is BLAKE2b-256 of kind
 *and id, its value is
 *
 *	0  u8 kind | 1 u8 id length | 2 u16 zero | 4 u32 body length | 8 id | body
 *
 * A body is the struct below, byte for byte: little-endian, no implicit padding, pads zero. All
 *money is in ufog (1/1,000,000 fog) and every ufog there is lies in exactly one field marked
 *[money]. */
#ifndef FOG_LEDGER_RECORD_H
#define FOG_LEDGER_RECORD_H

#include "crypto/types.h"

#define FOG_PK_SIZE          32 /* an account is an Ed25519 key; a host's is its node id */
#define FOG_RECORD_HEAD_SIZE 8
#define FOG_RECORD_ID_MAX    64

#define FOG_COMMITTEE_MAX   64  /* validators that vote; the strongest */
#define FOG_CANDIDATES_MAX  256 /* registered; more are refused */
#define FOG_LANE_ORDERS_MAX 1024
#define FOG_MOTIONS_MAX     10 /* of a proposal, as in Compound's Governor */
#define FOG_TITLE_SIZE      96

/* X(NAME, struct, id bytes) */
#define FOG_RECORDS(X)                               \
	X(GLOBAL, struct fog_rec_global, 0)          \
	X(ACCOUNT, struct fog_rec_account, 32)       \
	X(VALIDATOR, struct fog_rec_validator, 32)   \
	X(VALIDATORS, struct fog_rec_validators, 0)  \
	X(COMMITTEE, struct fog_rec_committee, 0)    \
	X(DELEGATION, struct fog_rec_delegation, 64) \
	X(UNBONDING, struct fog_rec_unbonding, 8)    \
	X(ESCROW, struct fog_rec_escrow, 32)         \
	X(LANE, struct fog_rec_lane, 8)              \
	X(ORDER, struct fog_rec_order, 8)            \
	X(MINT, struct fog_rec_mint, 32)             \
	X(DEPOSIT, struct fog_rec_deposit, 32)       \
	X(VOTER, struct fog_rec_voter, 32)           \
	X(CHECKPOINT, struct fog_rec_checkpoint, 40) \
	X(PROPOSAL, struct fog_rec_proposal, 8)      \
	X(BALLOT, struct fog_rec_ballot, 40)         \
	X(PARAMETER, struct fog_rec_parameter, 8)

enum fog_record {
	FOG_RECORD_INVALID = 0,
#define X(name, type, id) FOG_RECORD_##name,
	FOG_RECORDS(X)
#undef X
		FOG_RECORD_COUNT
};

struct fog_rec_global {
	u8 chain[32]; /* hash of the genesis */
	u64 issued;   /* all there is; set at genesis and never changed */
	u64 treasury; /* [money] */
	u64 rewards;  /* [money] collected, not yet distributed */
	u64 height;
	u64 time_ms;  /* of the last block */
	u64 base_fee; /* ufog a byte of transaction */
	u64 unbonding_head, unbonding_next;
	u64 order_next, proposal_next;
	u64 auction_ms;         /* of the last call */
	u64 auction_count;      /* calls so far */
	u64 vote_locked;        /* sum over voters, weighted by role, in ufog: for information */
	u64 parameters_version; /* grows with every parameter changed */
};

struct fog_rec_account {
	u64 balance; /* [money] */
	u64 nonce;   /* the next transaction's */
};

enum fog_validator_state {
	FOG_VALIDATOR_ACTIVE = 1,
	FOG_VALIDATOR_JAILED, /* took itself out, or missed; may come back */
	FOG_VALIDATOR_BANNED, /* signed two blocks: never again */
};

/* What quorums are diverse over (zero-terminated, empty or 0 = unknown), and how it is reached. */
struct fog_validator_attributes {
	char operator_name[32];
	char country[8];
	char power_region[24];
	char tee_vendor[24];
	u32 as;
	u16 port; /* where it listens for the quorum */
	u16 pad;
	u8 address[16];    /* IPv6 or IPv4-mapped */
	u8 control_pk[32]; /* X25519 */
};

struct fog_rec_validator {
	u64 tokens;       /* [money] bonded */
	u64 shares;       /* of its delegators; tokens / shares falls when it is slashed */
	u64 rewards;      /* [money] earned, not yet withdrawn by anybody */
	u64 commission;   /* part of rewards that is the validator's own */
	u64 per_share[2]; /* u128 low, high: rewards of one share since ever, times 2^64 */
	u32 commission_ppm;
	u32 state; /* enum fog_validator_state */
	u64 jailed_until_ms;
	u64 slashed; /* ufog so far */
	struct fog_validator_attributes attributes;
};

struct fog_rec_validators {
	u32 count, pad;
	u8 pk[FOG_CANDIDATES_MAX][FOG_PK_SIZE]; /* in the order of registration */
};

/* Whom the quorum was told to let vote. */
struct fog_rec_committee {
	u32 count, pad;
	struct {
		u8 pk[FOG_PK_SIZE];
		u64 tokens;
		u64 attributes; /* of the hash of them */
	} member[FOG_COMMITTEE_MAX];
};

/* id: account, validator */
struct fog_rec_delegation {
	u64 shares;
	u64 per_share[2]; /* the validator's when last withdrawn */
};

/* id: number; a queue in GLOBAL */
struct fog_rec_unbonding {
	u8 account[FOG_PK_SIZE];
	u8 validator[FOG_PK_SIZE]; /* zeros: votes that were unlocked */
	u64 amount;                /* [money] */
	u64 height; /* when it began: what is punished later was done before or after */
	u64 due_ms;
};

enum fog_escrow_state {
	FOG_ESCROW_OPEN = 1,
	FOG_ESCROW_CLAIMED, /* the payee says what it is owed; the payer may object until due_ms */
};

/* id: BLAKE2b-256 of payer and reference */
struct fog_rec_escrow {
	u8 payer[FOG_PK_SIZE];
	u8 payee[FOG_PK_SIZE];
	u8 terms[32]; /* hash of what was agreed: the offer of a job */
	u8 proof[32]; /* CLAIMED: hash of the receipt */
	u64 held;     /* [money] */
	u64 claimed;
	u64 due_ms; /* OPEN: may be refunded from then; CLAIMED: is paid from then */
	u32 state;  /* enum fog_escrow_state */
	u32 lane;   /* of a trade + 1; 0 = a job */
};

/* id: lane. A double-linked list of orders in the order they came. */
struct fog_rec_lane {
	u64 head, tail; /* order numbers; 0 = none */
	u64 count;
	u64 price, volume; /* of the last call in which something traded */
	u64 time_ms;
};

enum fog_order_side {
	FOG_ORDER_BID = 1, /* wants to buy: locks price * quantity */
	FOG_ORDER_ASK,
};

/* id: number, from 1 */
struct fog_rec_order {
	u8 owner[FOG_PK_SIZE];
	u64 price; /* ufog a unit; a unit is one hour of one unit of the lane */
	u64 quantity;
	u64 remaining;
	u64 locked; /* [money] of a bid */
	u64 expires_ms;
	u64 previous, next; /* in its lane */
	u32 lane;
	u32 side; /* enum fog_order_side */
};

/* id: the mint's account */
struct fog_rec_mint {
	u64 backing;             /* [money] what its vouchers in circulation are worth */
	u64 deposited, redeemed; /* ever */
	u64 paid;                /* number of its last payment: each is made once */
	u8 keyset[40];           /* first of the id of its keyset, NUT-02 version 2 */
};

/* id: quote. That it was paid; the mint signs for it once. */
struct fog_rec_deposit {
	u8 mint[FOG_PK_SIZE];
	u64 amount;
	u64 time_ms;
};

enum fog_rank {
	FOG_RANK_NONE = 0, /* citizen */
	FOG_RANK_DELEGATE,
	FOG_RANK_COUNCILOR,
	FOG_RANK_GUARDIAN, /* may cancel proposals that have not been executed */
	FOG_RANK_KING,     /* likewise */
	FOG_RANK_COUNT
};

/* id: account */
struct fog_rec_voter {
	u64 locked; /* [money] what the account votes with, itself or through its delegate */
	u8 delegate[FOG_PK_SIZE]; /* zeros: nobody yet, the votes count for nothing */
	u32 checkpoints;          /* of votes delegated to this account */
	u32 rank;                 /* enum fog_rank */
};

/* id: account, index u64 */
struct fog_rec_checkpoint {
	u64 time_ms; /* votes from then */
	u64 votes;   /* ufog delegated to the account, itself included */
};

enum fog_motion_kind {
	FOG_MOTION_PARAMETER = 1, /* target = parameter number, value */
	FOG_MOTION_PAY,           /* treasury pays value to account */
	FOG_MOTION_RANK,          /* account gets rank value */
	FOG_MOTION_KIND_COUNT
};

struct fog_motion {
	u32 kind;
	u32 target;
	i64 value;
	u8 account[FOG_PK_SIZE];
};

/* id: number, from 1 */
struct fog_rec_proposal {
	u8 proposer[FOG_PK_SIZE];
	u8 text[32]; /* hash of the long text, kept elsewhere */
	char title[FOG_TITLE_SIZE];
	u64 created_ms;
	u64 start_ms; /* votes are those of then */
	u64 end_ms;
	u64 eta_ms;                           /* QUEUED: from then it may be executed */
	u64 votes[3];                         /* against, for, abstain, weighted by role */
	u64 quorum;                           /* votes for and abstain that are needed */
	u32 approval_ppm;                     /* of for + against that must be for */
	u32 flags;                            /* FOG_PROPOSAL_* */
	u64 grace_ms, delay_ms, extension_ms; /* as the parameters were when it was made */
	u32 motion_count, pad;
	struct fog_motion motion[FOG_MOTIONS_MAX];
};

#define FOG_PROPOSAL_CANCELLED 1u
#define FOG_PROPOSAL_QUEUED    2u
#define FOG_PROPOSAL_EXECUTED  4u
#define FOG_PROPOSAL_EXTENDED  8u

/* id: proposal u64, account */
struct fog_rec_ballot {
	u64 weight;
	u32 choice; /* 0 against, 1 for, 2 abstain */
	u32 pad;
};

/* id: number u64 */
struct fog_rec_parameter {
	i64 value;
};

_Static_assert(sizeof(struct fog_rec_global) == 32 + 14 * 8, "layout");
_Static_assert(sizeof(struct fog_rec_account) == 16, "layout");
_Static_assert(sizeof(struct fog_validator_attributes) == 144, "layout");
_Static_assert(sizeof(struct fog_rec_validator) == 72 + 144, "layout");
_Static_assert(sizeof(struct fog_rec_delegation) == 24, "layout");
_Static_assert(sizeof(struct fog_rec_unbonding) == 88, "layout");
_Static_assert(sizeof(struct fog_rec_escrow) == 160, "layout");
_Static_assert(sizeof(struct fog_rec_lane) == 48, "layout");
_Static_assert(sizeof(struct fog_rec_order) == 32 + 7 * 8 + 8, "layout");
_Static_assert(sizeof(struct fog_rec_mint) == 72, "layout");
_Static_assert(sizeof(struct fog_rec_voter) == 48, "layout");
_Static_assert(sizeof(struct fog_motion) == 48, "layout");
_Static_assert(sizeof(struct fog_rec_proposal) == 64 + FOG_TITLE_SIZE + 104 + FOG_MOTIONS_MAX * 48,
	       "layout");

#endif
