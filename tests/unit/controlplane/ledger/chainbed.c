/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/controlplane/ledger/chainbed.h"

#include <CUnit/CUnit.h>

void bed_open_with(struct bed *b, u32 accounts, u32 validators,
		   const struct fog_genesis_parameter *parameter, u32 parameter_count,
		   const u32 *rank)
{
	const struct fog_chain_ports ports = {NULL, "fog receipt 1"};
	struct fog_genesis_account account[BED_ACCOUNTS_MAX];
	struct fog_genesis g = {
		.name = "test",
		.time_ms = BED_START_MS,
		.treasury = 1000000,
		.account_count = accounts,
		.account = account,
		.parameter_count = parameter_count,
		.parameter = parameter,
	};
	const char *why;

	memset(b, 0, sizeof(*b));
	memset(account, 0, sizeof(account));
	FOG_ASSERT(accounts <= BED_ACCOUNTS_MAX);
	b->count = accounts;
	b->now_ms = BED_START_MS;
	for (u32 i = 0; i < accounts; i++) {
		u8 seed[32] = {(u8)(i + 1)};
		fog_sign_keypair(b->pk[i], b->sk[i], seed);
		memcpy(account[i].pk, b->pk[i], 32);
		account[i].bond = i < validators ? BED_BALANCE / 2 : 0;
		account[i].balance = BED_BALANCE - account[i].bond;
		account[i].rank = rank != NULL ? rank[i] : 0;
		account[i].commission_ppm = 500000;
	}
	b->chain = fog_chain_new(&ports);
	FOG_ASSERT(b->chain != NULL && fog_chain_genesis(b->chain, &g, &why) == 0);
}

void bed_open(struct bed *b, u32 accounts, u32 validators)
{
	bed_open_with(b, accounts, validators, NULL, 0, NULL);
}

void bed_close(struct bed *b)
{
	fog_chain_free(b->chain);
}

u64 bed_balance(const struct bed *b, u32 account)
{
	struct fog_rec_account a;

	fog_state_get(fog_chain_state(b->chain), FOG_RECORD_ACCOUNT, b->pk[account], &a);
	return a.balance;
}

u64 bed_nonce(const struct bed *b, u32 account)
{
	struct fog_rec_account a;

	fog_state_get(fog_chain_state(b->chain), FOG_RECORD_ACCOUNT, b->pk[account], &a);
	return a.nonce;
}

u32 bed_sign(struct bed *b, u32 account, struct fog_tx *tx, u8 out[FOG_TX_SIZE_MAX])
{
	memcpy(tx->sender, b->pk[account], 32);
	tx->nonce = bed_nonce(b, account);
	if (tx->fee_max == 0)
		tx->fee_max = 1000000;
	return fog_tx_encode(tx, fog_chain_id(b->chain), b->sk[account], out);
}

void bed_block(struct bed *b, u64 ms, const struct fog_chain_item *item, u32 count,
	       enum fog_tx_error *error)
{
	const char *why;

	b->now_ms += ms;
	CU_ASSERT_EQUAL_FATAL(fog_chain_block(b->chain,
					      fog_chain_state(b->chain)->global.height + 1,
					      b->now_ms, item, count, error, b->root),
			      0);
	fog_chain_commit(b->chain);
	int rc = fog_chain_audit(b->chain, &why);
	if (rc != 0)
		fprintf(stderr, "audit: %s\n", why);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
}

enum fog_tx_error bed_run(struct bed *b, u32 account, struct fog_tx *tx)
{
	u8 out[FOG_TX_SIZE_MAX];
	struct fog_chain_item item = {out, bed_sign(b, account, tx, out), false};
	enum fog_tx_error error;

	bed_block(b, 1, &item, 1, &error);
	return error;
}

void bed_wait(struct bed *b, u64 ms)
{
	bed_block(b, ms, NULL, 0, NULL);
}
