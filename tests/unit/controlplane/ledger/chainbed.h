/* SPDX-License-Identifier: BSD-3-Clause */
/* A chain for tests: accounts with known keys, transactions signed and put into blocks by one call.
 * After every block the money in all records is counted anew. */
#ifndef FOG_CHAINBED_H
#define FOG_CHAINBED_H

#include "controlplane/governance/governance.h"
#include "controlplane/ledger/engine.h"

#define BED_ACCOUNTS_MAX 64
#define BED_BALANCE      10000000000ull /* of each account; 100 accounts are all there is */
#define BED_START_MS     1000000

struct bed {
	struct fog_chain *chain;
	u32 count;
	u8 pk[BED_ACCOUNTS_MAX][32], sk[BED_ACCOUNTS_MAX][64];
	u64 now_ms;
	u8 root[32];
};

/* Accounts 0 .. validators-1 have bonded half of their balance with themselves. */
void bed_open(struct bed *b, u32 accounts, u32 validators);
/* The same with parameters and ranks (NULL: none) of genesis. */
void bed_open_with(struct bed *b, u32 accounts, u32 validators,
		   const struct fog_genesis_parameter *parameter, u32 parameter_count,
		   const u32 *rank);
void bed_close(struct bed *b);

/* Kind and body filled in by the caller: nonce and fee are set, then it is signed into out. */
u32 bed_sign(struct bed *b, u32 account, struct fog_tx *tx, u8 out[FOG_TX_SIZE_MAX]);
/* One block of these, `ms` after the last one. */
void bed_block(struct bed *b, u64 ms, const struct fog_chain_item *item, u32 count,
	       enum fog_tx_error *error);
/* Signs and runs one transaction in a block of its own, 1 ms after the last. */
enum fog_tx_error bed_run(struct bed *b, u32 account, struct fog_tx *tx);
void bed_wait(struct bed *b, u64 ms); /* an empty block then */

u64 bed_balance(const struct bed *b, u32 account);
u64 bed_nonce(const struct bed *b, u32 account);

#endif
