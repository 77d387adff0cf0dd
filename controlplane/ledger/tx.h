/* SPDX-License-Identifier: BSD-3-Clause */
/* Transactions of the shared ledger: what is signed, byte for byte.
 *
 *	  0  u8  version (1)
 *	  1  u8  kind
 *	  2  u16 length of the body
 *	  4  u32 zero
 *	  8  u64 chain tag: first 8 bytes of the chain's id
 *	 16      sender, Ed25519 key
 *	 48  u64 nonce: the sender's transactions are numbered 0, 1, 2 ..
 *	 56  u64 fee_max: the most the sender pays, ufog
 *	 64  u64 tip: of that, what is paid beyond the base price, ufog
 *	 72      body, see below
 *	 72+n    signature of the sender over "fog tx 1" | 00 | chain id (32) | bytes 0 .. 72+n
 *
 * Little-endian, no padding but what is drawn; a transaction has exactly one encoding. A
 *transaction of another chain is refused by its tag and would not verify; one sent again has a used
 *nonce. */
#ifndef FOG_LEDGER_TX_H
#define FOG_LEDGER_TX_H

#include "controlplane/ledger/record.h"
#include "crypto/sign/sign.h"

#define FOG_TX_HEAD_SIZE 72
#define FOG_TX_BODY_MAX  4608 /* a claim with the longest receipt */
#define FOG_TX_SIZE_MIN  (FOG_TX_HEAD_SIZE + FOG_SIGN_SIZE)
#define FOG_TX_SIZE_MAX  (FOG_TX_HEAD_SIZE + FOG_TX_BODY_MAX + FOG_SIGN_SIZE)
#define FOG_TX_LABEL     "fog tx 1"
/* Of what is signed. */
#define FOG_TX_MESSAGE_MAX (sizeof(FOG_TX_LABEL) + 32 + FOG_TX_HEAD_SIZE + FOG_TX_BODY_MAX)
#define FOG_TX_TEXT_MAX    3840 /* of a receipt in a claim */

/* X(KIND, number, "name", struct of the body) */
#define FOG_TX_KINDS(X)                                                    \
	X(TRANSFER, 1, "transfer", struct fog_tx_transfer)                 \
	X(BOND, 2, "bond", struct fog_tx_stake)                            \
	X(UNBOND, 3, "unbond", struct fog_tx_stake)                        \
	X(VALIDATOR, 4, "validator", struct fog_tx_validator)              \
	X(REWARDS, 5, "rewards", struct fog_tx_validator_id)               \
	X(JAIL, 6, "jail", struct fog_tx_nothing)                          \
	X(UNJAIL, 7, "unjail", struct fog_tx_nothing)                      \
	X(ESCROW_OPEN, 10, "escrow_open", struct fog_tx_escrow_open)       \
	X(ESCROW_SETTLE, 11, "escrow_settle", struct fog_tx_escrow_settle) \
	X(ESCROW_CLAIM, 12, "escrow_claim", struct fog_tx_escrow_claim)    \
	X(ESCROW_DISPUTE, 13, "escrow_dispute", struct fog_tx_escrow_id)   \
	X(ESCROW_FINISH, 14, "escrow_finish", struct fog_tx_escrow_id)     \
	X(ESCROW_RELEASE, 15, "escrow_release", struct fog_tx_escrow_id)   \
	X(ORDER_PLACE, 20, "order_place", struct fog_tx_order)             \
	X(ORDER_CANCEL, 21, "order_cancel", struct fog_tx_number)          \
	X(MINT_OPEN, 30, "mint_open", struct fog_tx_mint)                  \
	X(VOUCHER_DEPOSIT, 31, "voucher_deposit", struct fog_tx_deposit)   \
	X(VOUCHER_REDEEM, 32, "voucher_redeem", struct fog_tx_redeem)      \
	X(VOTE_LOCK, 40, "vote_lock", struct fog_tx_amount)                \
	X(VOTE_UNLOCK, 41, "vote_unlock", struct fog_tx_amount)            \
	X(VOTE_DELEGATE, 42, "vote_delegate", struct fog_tx_validator_id)  \
	X(PROPOSE, 43, "propose", struct fog_tx_propose)                   \
	X(VOTE, 44, "vote", struct fog_tx_vote)                            \
	X(PROPOSAL_QUEUE, 45, "proposal_queue", struct fog_tx_number)      \
	X(PROPOSAL_EXECUTE, 46, "proposal_execute", struct fog_tx_number)  \
	X(PROPOSAL_CANCEL, 47, "proposal_cancel", struct fog_tx_number)

enum fog_tx_kind {
#define X(name, number, text, type) FOG_TX_##name = number,
	FOG_TX_KINDS(X)
#undef X
};

struct fog_tx_transfer {
	u8 to[FOG_PK_SIZE];
	u64 amount;
};

/* Of the sender, with this validator. UNBOND with amount 0: all. */
struct fog_tx_stake {
	u8 validator[FOG_PK_SIZE];
	u64 amount;
};

/* Registers the sender as a validator, or changes what it says of itself. */
struct fog_tx_validator {
	u32 commission_ppm, pad;
	struct fog_validator_attributes attributes;
};

struct fog_tx_validator_id {
	u8 account[FOG_PK_SIZE];
};

struct fog_tx_nothing {
	u64 zero;
};

/* The id of the escrow is BLAKE2b-256 of sender and reference. */
struct fog_tx_escrow_open {
	u8 reference[32]; /* of a job: SHA-256 of "JOB:ATTEMPT" */
	u8 payee[FOG_PK_SIZE];
	u8 terms[32]; /* of a job: SHA-256 of the offer */
	u64 amount;
	u64 life_ms; /* after that the payer may have it back */
};

/* By the payer: pays amount, the rest comes back. */
struct fog_tx_escrow_settle {
	u8 escrow[32];
	u8 proof[32]; /* of a job: SHA-256 of the receipt */
	u64 amount;
};

/* By the payee, when the payer is silent. For a job the receipt lies here, signed under its label
 * (jobs/papers.h): escrow, worker, offer and amount are read from it. For a trade: amount alone. */
struct fog_tx_escrow_claim {
	u8 escrow[32];
	u8 signature[FOG_SIGN_SIZE];
	u64 amount;
	u32 text_len, pad;
	/* u8 text[text_len] follows */
};

struct fog_tx_escrow_id {
	u8 escrow[32];
};

struct fog_tx_order {
	u32 lane;
	u32 side; /* enum fog_order_side */
	u64 price;
	u64 quantity;
	u64 life_ms;
};

struct fog_tx_number {
	u64 number;
};

struct fog_tx_mint {
	u8 keyset[40];
};

struct fog_tx_deposit {
	u8 mint[FOG_PK_SIZE];
	u8 quote[32]; /* hash of the blinded messages: only they are signed for it */
	u64 amount;
};

struct fog_tx_redeem {
	u8 to[FOG_PK_SIZE];
	u64 amount;
	u64 number; /* of the mint's payments: grows, so that none is made twice */
};

struct fog_tx_amount {
	u64 amount;
};

struct fog_tx_propose {
	char title[FOG_TITLE_SIZE];
	u8 text[32];
	u32 motion_count, pad;
	struct fog_motion motion[FOG_MOTIONS_MAX]; /* those beyond the count are zero */
};

struct fog_tx_vote {
	u64 proposal;
	u32 choice; /* 0 against, 1 for, 2 abstain */
	u32 pad;
};

/* Views into the caller's bytes, but for the body, which is copied to be aligned. */
struct fog_tx {
	enum fog_tx_kind kind;
	u32 size; /* of all of it, signature included */
	u64 chain_tag, nonce, fee_max, tip;
	u8 sender[FOG_PK_SIZE];
	const u8 *bytes;     /* size of them */
	const u8 *signature; /* FOG_SIGN_SIZE */
	u32 text_len;        /* ESCROW_CLAIM */
	const char *text;    /* not zero-terminated */
	union {
		struct fog_tx_transfer transfer;
		struct fog_tx_stake stake;
		struct fog_tx_validator validator;
		struct fog_tx_validator_id account;
		struct fog_tx_nothing nothing;
		struct fog_tx_escrow_open escrow_open;
		struct fog_tx_escrow_settle escrow_settle;
		struct fog_tx_escrow_claim escrow_claim;
		struct fog_tx_escrow_id escrow;
		struct fog_tx_order order;
		struct fog_tx_number number;
		struct fog_tx_mint mint;
		struct fog_tx_deposit deposit;
		struct fog_tx_redeem redeem;
		struct fog_tx_amount amount;
		struct fog_tx_propose propose;
		struct fog_tx_vote vote;
	} body;
};

/* Why a transaction is refused. X(NAME, "what the sender is told") */
#define FOG_TX_ERRORS(X)                                                                     \
	X(MALFORMED, "the transaction is malformed")                                         \
	X(CHAIN, "the transaction is for another chain")                                     \
	X(FORGED, "the signature does not fit sender and transaction")                       \
	X(REPLAYED, "the nonce was used before: the transaction is old or sent twice")       \
	X(NONCE, "the nonce is ahead of the account: an earlier transaction is missing")     \
	X(FEE, "fee_max is below the price of the transaction")                              \
	X(OVERDRAWN, "the account has less than amount and fee")                             \
	X(AMOUNT, "the amount is zero or too large")                                         \
	X(SELF, "sender and receiver are the same account")                                  \
	X(VALIDATOR, "there is no such validator")                                           \
	X(VALIDATORS, "there are as many validators as there can be")                        \
	X(BANNED, "the validator was banned for signing two blocks of one height")           \
	X(JAILED, "the validator is not in the state that this needs")                       \
	X(STAKE, "less is bonded with the validator")                                        \
	X(ESCROW, "there is no such escrow")                                                 \
	X(ESCROW_EXISTS, "an escrow with this reference is open already")                    \
	X(ESCROW_PARTY, "only the other party of the escrow may do this")                    \
	X(ESCROW_STATE, "the escrow is not in the state that this needs")                    \
	X(ESCROW_EARLY, "the time of the escrow has not come yet")                           \
	X(LIFE, "the life time is zero or too long")                                         \
	X(RECEIPT, "the receipt is not one of this escrow, worker and offer, or not signed") \
	X(ORDER, "there is no such order of this account")                                   \
	X(ORDER_INVALID, "lane, side, price or quantity is out of range")                    \
	X(ORDERS, "the lane has as many orders as it can have")                              \
	X(MINT, "there is no such mint")                                                     \
	X(MINT_BACKING, "the mint has less backing than that")                               \
	X(MINT_PAID, "the mint has made this payment before")                                \
	X(VOTES, "less is locked for voting")                                                \
	X(THRESHOLD, "the proposer has fewer votes than a proposal needs")                   \
	X(PROPOSAL, "there is no such proposal")                                             \
	X(PROPOSAL_STATE, "the proposal is not in the state that this needs")                \
	X(MOTION, "a motion names no known parameter, account or rank, or is out of bounds") \
	X(MOTION_FAILED, "a motion cannot be carried out: the treasury has less than that")  \
	X(VOTED, "the account has voted on this proposal already")                           \
	X(NO_VOTES, "the account had no votes when the voting began")                        \
	X(FORBIDDEN, "the account may not cancel this proposal")                             \
	X(VENDOR, "this host's attestation has not shown the TEE vendor that is claimed")    \
	X(MEMORY, "no memory")

enum fog_tx_error {
	FOG_TX_OK = 0,
#define X(name, text) FOG_TX_ERROR_##name,
	FOG_TX_ERRORS(X)
#undef X
		FOG_TX_ERROR_COUNT
};

const char *fog_tx_error_text(enum fog_tx_error error); /* "" for FOG_TX_OK */
const char *fog_tx_error_name(enum fog_tx_error error); /* "ok", "overdrawn" */
const char *fog_tx_kind_name(enum fog_tx_kind kind);    /* "?" when there is none */

/* Reads a transaction from anywhere: FOG_TX_OK or MALFORMED. `out` points into data. */
enum fog_tx_error fog_tx_decode(struct fog_tx *out, const u8 *data, size_t len);

/* Writes kind, sender, nonce, fees and body (and text) of tx and signs. tx->chain_tag is set from
 * chain. Returns the size. */
u32 fog_tx_encode(struct fog_tx *tx, const u8 chain[32], const u8 sk[FOG_SIGN_SECRET_SIZE],
		  u8 out[FOG_TX_SIZE_MAX]);

/* What is signed. Returns its length. */
u32 fog_tx_message(const struct fog_tx *tx, const u8 chain[32], u8 out[FOG_TX_MESSAGE_MAX]);

/* BLAKE2b-256 of all bytes: the name of a transaction. */
void fog_tx_id(const u8 *data, size_t len, u8 id[32]);

/* Checks the signatures of many in batches. ok[i] says which hold. 0 or -ENOMEM. */
int fog_tx_verify_many(const struct fog_tx *tx, u32 count, const u8 chain[32], bool *ok);

/* Escrow id of payer and reference. */
void fog_escrow_id(const u8 payer[FOG_PK_SIZE], const u8 reference[32], u8 id[32]);

#endif
