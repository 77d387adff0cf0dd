/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the files of ledger/ and governance/: what each kind of transaction does. Each returns
 * what the sender is told; on an error the caller undoes what was written. now is GLOBAL.time_ms.
 */
#ifndef FOG_LEDGER_ENGINE_H
#define FOG_LEDGER_ENGINE_H

#include "controlplane/ledger/chain.h"
#include "controlplane/market/auction.h"

struct fog_chain {
	struct fog_state s;
	struct fog_chain_ports ports;
	bool open; /* between begin() and commit() or undo() */
	u64 block_bytes;
	struct fog_state_mark block;
	struct fog_auction_entry *entry; /* FOG_LANE_ORDERS_MAX, for a call */
};

/* stake.c */
enum fog_tx_error fog_stake_bond(struct fog_state *s, const u8 *account, const u8 *validator,
				 u64 amount);
enum fog_tx_error fog_stake_unbond(struct fog_state *s, const u8 *account, const u8 *validator,
				   u64 amount);
enum fog_tx_error fog_stake_register(struct fog_state *s, const u8 *account,
				     const struct fog_tx_validator *v);
enum fog_tx_error fog_stake_withdraw(struct fog_state *s, const u8 *account, const u8 *validator);
enum fog_tx_error fog_stake_jail(struct fog_state *s, const u8 *account, bool jail);
/* A part of amount is the validator's commission, the rest goes to each share alike. The money must
 * have been taken from somewhere. */
void fog_stake_reward(struct fog_rec_validator *v, u64 amount);
int fog_stake_slash(struct fog_state *s, const u8 *validator, u64 height);
void fog_stake_distribute(struct fog_state *s); /* GLOBAL.rewards over the committee's candidates */
/* amount leaves the account's bond or votes and is paid after UNBONDING_MS. */
enum fog_tx_error fog_stake_queue(struct fog_state *s, const u8 *account, const u8 *validator,
				  u64 amount);
void fog_stake_pay(struct fog_state *s); /* what is due */
u32 fog_stake_committee(const struct fog_state *s, struct fog_chain_member out[FOG_COMMITTEE_MAX]);
bool fog_stake_delegation(const struct fog_state *s, const u8 *account, const u8 *validator,
			  u64 *tokens, u64 *rewards);

/* escrow.c */
enum fog_tx_error fog_escrow_open(struct fog_state *s, const struct fog_tx *tx);
enum fog_tx_error fog_escrow_settle(struct fog_state *s, const struct fog_tx *tx);
enum fog_tx_error fog_escrow_claim(struct fog_chain *c, const struct fog_tx *tx);
enum fog_tx_error fog_escrow_dispute(struct fog_state *s, const struct fog_tx *tx);
enum fog_tx_error fog_escrow_finish(struct fog_state *s, const struct fog_tx *tx);
enum fog_tx_error fog_escrow_release(struct fog_state *s, const struct fog_tx *tx);

/* orders.c */
enum fog_tx_error fog_order_place(struct fog_state *s, const struct fog_tx *tx);
enum fog_tx_error fog_order_cancel(struct fog_state *s, const u8 *account, u64 number);
/* Expires orders and matches each lane at one price; each trade becomes an escrow of its buyer for
 * its seller. */
void fog_order_call(struct fog_state *s, struct fog_auction_entry *entry);

/* governance/governance.c */
enum fog_tx_error fog_governance_lock(struct fog_state *s, const u8 *account, u64 amount);
enum fog_tx_error fog_governance_unlock(struct fog_state *s, const u8 *account, u64 amount);
enum fog_tx_error fog_governance_delegate(struct fog_state *s, const u8 *account, const u8 *to);
enum fog_tx_error fog_governance_propose(struct fog_state *s, const u8 *account,
					 const struct fog_tx_propose *p);
enum fog_tx_error fog_governance_vote(struct fog_state *s, const u8 *account,
				      const struct fog_tx_vote *vote);
enum fog_tx_error fog_governance_queue(struct fog_state *s, u64 number);
enum fog_tx_error fog_governance_execute(struct fog_state *s, u64 number);
enum fog_tx_error fog_governance_cancel(struct fog_state *s, const u8 *account, u64 number);

#endif
