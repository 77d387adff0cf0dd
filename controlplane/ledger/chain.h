/* SPDX-License-Identifier: BSD-3-Clause */
/* The shared ledger as a replicated state machine: the same genesis and the same blocks give the
 *same root, on every host. What agrees on the blocks is controlplane/quorum.
 *
 *	transaction --check--> pool        block --begin, execute.., end--> root, committee
 *	                                     |            (undo until commit)
 *	                                     `--commit--> history
 *
 * A transaction is refused without a trace (FORGED, REPLAYED, FEE, OVERDRAWN by its fee ..), or it
 * takes place: nonce and fee are used up, and its effect is there wholly or, with an error, not at
 * all. At the end of each block the money in all records must be what was issued, else the block
 * fails with -EUCLEAN: it is our bug, and the replica stops rather than invents money.
 *
 * Money is in ufog (1/1,000,000 fog), products are in 128 bits, divisions round down and what is
 *left over stays where it is. Pure: no clock, no files, no randomness but that of signature
 *batches. One thread. docs/design/ledger.md has the rules and why. */
#ifndef FOG_LEDGER_CHAIN_H
#define FOG_LEDGER_CHAIN_H

#include "controlplane/ledger/parameters.h"
#include "controlplane/ledger/tx.h"

#define FOG_CHAIN_BLOCK_FACTOR   2     /* a block holds at most so many times the target's bytes */
#define FOG_CHAIN_UNBONDINGS_MAX 65536 /* waiting at once; more are refused (STAKE) */
#define FOG_CHAIN_GENESIS_MAX    4096  /* accounts of a genesis */
#define FOG_CHAIN_NAME_SIZE      32
#define FOG_CHAIN_SUPPLY         1000000000000ull /* a million fog */
#define FOG_CHAIN_ISSUED_MAX     (1ull << 59) /* ranks multiply votes by ten, and sums fit u64 */

/* What a job's receipt says, for a claim. The daemon reads it with jobs/papers.h. */
struct fog_chain_receipt {
	u8 submitter[32], worker[32];
	u8 reference[32]; /* as in ESCROW_OPEN */
	u8 offer_sha256[32];
	u64 amount; /* ufog */
};

struct fog_chain_ports {
	/* 0, or -EINVAL when the text is no receipt. Must be a pure function of the text. NULL: no
	 * claim on a job is accepted. */
	int (*receipt)(const char *text, u32 len, struct fog_chain_receipt *out);
	const char *receipt_label; /* what is signed is label | 00 | text */
};

struct fog_genesis_account {
	u8 pk[FOG_PK_SIZE];
	u64 balance;
	u64 bond; /* of a validator, beyond balance */
	u32 rank; /* enum fog_rank */
	u32 commission_ppm;
	struct fog_validator_attributes attributes;
};

struct fog_genesis_parameter {
	u32 number, pad;
	i64 value;
};

struct fog_genesis {
	char name[FOG_CHAIN_NAME_SIZE];
	u64 time_ms;
	u64 treasury;
	u64 base_fee; /* 0: the least */
	u32 account_count, parameter_count;
	const struct fog_genesis_account *account;
	const struct fog_genesis_parameter *parameter;
};

struct fog_chain;

/* An empty chain for genesis() or restore(). ports is copied. NULL without memory. */
struct fog_chain *fog_chain_new(const struct fog_chain_ports *ports);
void fog_chain_free(struct fog_chain *c);

/* 0, -EINVAL with why (an account twice, a sum too large, a parameter out of bounds) or -ENOMEM. */
int fog_chain_genesis(struct fog_chain *c, const struct fog_genesis *g, const char **why);

const struct fog_state *fog_chain_state(const struct fog_chain *c);
const u8 *fog_chain_id(const struct fog_chain *c); /* 32 bytes */
void fog_chain_root(struct fog_chain *c, u8 root[32]);

/* Would a block take this transaction now? ahead: how far its nonce may be beyond the account's
 * (those of the pool). Everything but the signature. */
enum fog_tx_error fog_chain_admit(const struct fog_chain *c, const struct fog_tx *tx, u64 ahead);
/* Base price and tip of it now; UINT64_MAX on overflow. */
u64 fog_chain_price(const struct fog_chain *c, const struct fog_tx *tx);

/* ---- one block ------------------------------------------------------------------------------- */
/* height is the last one's plus one, time not before its time: else -EINVAL. */
int fog_chain_begin(struct fog_chain *c, u64 height, u64 time_ms);
/* signed_ok: the signature was found good. */
enum fog_tx_error fog_chain_execute(struct fog_chain *c, const struct fog_tx *tx, bool signed_ok);
/* This validator signed two blocks of `height`: it loses SLASH_PPM of its bond, and of what has
 * been unbonding since, and is banned. 0 or -ENOENT; once banned it costs nothing more. */
int fog_chain_slash(struct fog_chain *c, const u8 validator[FOG_PK_SIZE], u64 height);
/* Calls the order book, pays what is due, distributes fees, sets the next base price, and checks
 * that all money is there. 0, -EUCLEAN or -ENOMEM: then undo. */
int fog_chain_end(struct fog_chain *c, u8 root[32]);
/* Back to before begin(): the block was not agreed on. */
void fog_chain_undo(struct fog_chain *c);
/* It was: cannot be undone any more. */
void fog_chain_commit(struct fog_chain *c);

/* All of it: transactions of a block, signatures checked in batches. error[i] as execute(); bytes
 * that are no transaction are MALFORMED. 0, -EINVAL, -EUCLEAN or -ENOMEM (undone). The caller
 * commits. */
struct fog_chain_item {
	const u8 *data;
	u32 len;
	bool signed_ok; /* checked before, by the pool: not again */
};
int fog_chain_block(struct fog_chain *c, u64 height, u64 time_ms, const struct fog_chain_item *item,
		    u32 count, enum fog_tx_error *error, u8 root[32]);

/* ---- reading --------------------------------------------------------------------------------- */

struct fog_chain_member {
	u8 pk[FOG_PK_SIZE];
	u64 tokens;
	struct fog_validator_attributes attributes;
};
/* Validators that vote: active, bonded with BOND_MIN or more, the strongest COMMITTEE_MAX, by
 * tokens down and key up. Returns the count. */
u32 fog_chain_committee(const struct fog_chain *c, struct fog_chain_member out[FOG_COMMITTEE_MAX]);
/* What of that the quorum has not been told since the last call: at most `cap`, tokens 0 for whom
 * leaves; the rest comes with the next call. Writes the record COMMITTEE: between begin() and
 * end(). */
u32 fog_chain_changes(struct fog_chain *c, struct fog_chain_member *out, u32 cap);
/* What a delegator could withdraw and unbond now. False when there is no such delegation. */
bool fog_chain_delegation(const struct fog_chain *c, const u8 account[FOG_PK_SIZE],
			  const u8 validator[FOG_PK_SIZE], u64 *tokens, u64 *rewards);

/* Walks everything: every record known and well formed, the money in them what was issued, and what
 * is counted twice equal. 0, or -EUCLEAN with why. O(records). */
int fog_chain_audit(const struct fog_chain *c, const char **why);

/* ---- snapshots: the records in the order of their keys, each as u32 length | value --------------
 */

/* Fills out with whole records after `after` (NULL: from the start). Sets last to the key of the
 * last one written, *len to the bytes. Returns 1: more follow, 0: that was the end, -ENOSPC: cap is
 * below FOG_CHAIN_CHUNK_MIN. */
#define FOG_CHAIN_CHUNK_MIN 16384
int fog_chain_snapshot(const struct fog_chain *c, const u8 *after, u8 last[32], u8 *out, size_t cap,
		       size_t *len);
/* Adds a chunk to a fresh chain. 0, -EINVAL (no records) or -ENOMEM. */
int fog_chain_restore(struct fog_chain *c, const u8 *data, size_t len);
/* All chunks are in: 0, or -EBADMSG when the root is another, or -EUCLEAN when the audit fails. */
int fog_chain_restored(struct fog_chain *c, const u8 root[32]);

#endif
