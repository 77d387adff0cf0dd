/* SPDX-License-Identifier: BSD-3-Clause */
/* The shared ledger: what each refusal says, the published vectors, and random transactions with
 * all money counted after every block. */
#include "controlplane/ledger/chain.h"
#include "tests/unit/controlplane/ledger/chainbed.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#include "controlplane/ledger/fee.h"
#include "controlplane/market/market.h"

static struct fog_tx transfer_to(const struct bed *b, u32 to, u64 amount)
{
	struct fog_tx tx = {.kind = FOG_TX_TRANSFER, .body.transfer.amount = amount};

	memcpy(tx.body.transfer.to, b->pk[to], 32);
	return tx;
}

static struct fog_tx stake_tx(const struct bed *b, enum fog_tx_kind kind, u32 validator, u64 amount)
{
	struct fog_tx tx = {.kind = kind, .body.stake.amount = amount};

	memcpy(tx.body.stake.validator, b->pk[validator], 32);
	return tx;
}

static void test_life_cycle(void)
{
	struct bed b;

	bed_open(&b, 4, 1);
	struct fog_tx tx = transfer_to(&b, 2, 1000);
	u64 before = bed_balance(&b, 1), rest;
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_OK);
	rest = before - 1000 - tx.size; /* base price 1 a byte */
	CU_ASSERT_EQUAL(bed_balance(&b, 1), rest);
	CU_ASSERT_EQUAL(bed_balance(&b, 2), BED_BALANCE + 1000);
	CU_ASSERT_EQUAL(bed_nonce(&b, 1), 1);
	bed_close(&b);
}

/* Forged, replayed, overdrawn and the like: a clear error each, and no trace. */
static void test_refusals(void)
{
	struct bed b;
	u8 out[FOG_TX_SIZE_MAX];
	enum fog_tx_error e;

	bed_open(&b, 4, 1);
	struct fog_tx tx = transfer_to(&b, 2, 1000);
	u32 len = bed_sign(&b, 1, &tx, out);
	struct fog_chain_item item = {out, len, false};
	u64 before = bed_balance(&b, 1);
	out[len - 1] ^= 1; /* forged */
	bed_block(&b, 1, &item, 1, &e);
	CU_ASSERT_EQUAL(e, FOG_TX_ERROR_FORGED);
	out[len - 1] ^= 1;
	out[80] ^= 1; /* another receiver under the same signature */
	bed_block(&b, 1, &item, 1, &e);
	CU_ASSERT_EQUAL(e, FOG_TX_ERROR_FORGED);
	out[80] ^= 1;
	out[9] ^= 1;
	bed_block(&b, 1, &item, 1, &e);
	CU_ASSERT_EQUAL(e, FOG_TX_ERROR_CHAIN);
	out[9] ^= 1;
	CU_ASSERT_EQUAL(bed_balance(&b, 1), before);
	CU_ASSERT_EQUAL(bed_nonce(&b, 1), 0);
	bed_block(&b, 1, &item, 1, &e);
	CU_ASSERT_EQUAL(e, FOG_TX_OK);
	before = bed_balance(&b, 1);
	struct fog_chain_item twice[2] = {item, item}; /* replayed, and twice in one block */
	enum fog_tx_error errors[2];
	bed_block(&b, 1, twice, 2, errors);
	CU_ASSERT(errors[0] == FOG_TX_ERROR_REPLAYED && errors[1] == FOG_TX_ERROR_REPLAYED);
	CU_ASSERT_EQUAL(bed_balance(&b, 1), before);
	tx = transfer_to(&b, 2, before); /* all of it, nothing left for the fee */
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_OVERDRAWN);
	CU_ASSERT_EQUAL(bed_balance(&b, 1), before - tx.size);
	tx = transfer_to(&b, 2, 1);
	tx.fee_max = 10;
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_FEE);
	tx = transfer_to(&b, 1, 1);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_SELF);
	tx = transfer_to(&b, 2, 0);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_AMOUNT);
	tx = transfer_to(&b, 2, 5);
	len = bed_sign(&b, 1, &tx, out);
	tx.nonce++;
	item.len = fog_tx_encode(&tx, fog_chain_id(b.chain), b.sk[1], out);
	bed_block(&b, 1, &item, 1, &e);
	CU_ASSERT_EQUAL(e, FOG_TX_ERROR_NONCE);
	for (u32 i = 1; i < FOG_TX_ERROR_COUNT; i++)
		CU_ASSERT(strlen(fog_tx_error_text(i)) > 5);
	bed_close(&b);
}

/* EIP-1559's own: ethereum/tests and eth/misc of go-ethereum. */
static void test_base_price(void)
{
	static const struct {
		u64 used, next;
	} row[] = {
		{10000000, 1000000000}, {9000000, 987500000}, {11000000, 1012500000},
		{20000000, 1125000000}, {0, 875000000},
	};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(row); i++)
		CU_ASSERT_EQUAL(fog_fee_next(1000000000, row[i].used, 10000000, 1), row[i].next);
	CU_ASSERT_EQUAL(fog_fee_next(1, 10000001, 10000000, 1), 2); /* at least 1 up */
	CU_ASSERT_EQUAL(fog_fee_next(1, 0, 10000000, 1), 1);
	CU_ASSERT_EQUAL(fog_fee_next(5, 0, 10000000, 5), 5);
	CU_ASSERT_EQUAL(fog_fee_next(UINT64_MAX, 20000000, 10000000, 1), UINT64_MAX);
}

/* Cosmos x/distribution, keeper/delegation_test.go: what is expected there, in its numbers. */
static void test_f1_vectors(void)
{
	struct bed b;
	u64 tokens, rewards;
	struct fog_rec_validator v;
	struct fog_state *s;

	/* Basic: commission 50 %, reward 10 -> delegator 5, commission 5. */
	bed_open(&b, 3, 1);
	s = &b.chain->s;
	fog_state_get(s, FOG_RECORD_VALIDATOR, b.pk[0], &v);
	fog_stake_reward(&v, 10);
	CU_ASSERT_EQUAL(v.commission, 5);
	fog_state_put(s, FOG_RECORD_VALIDATOR, b.pk[0], &v);
	s->global.treasury -= 10; /* the money comes from somewhere */
	CU_ASSERT(fog_chain_delegation(b.chain, b.pk[0], b.pk[0], &tokens, &rewards));
	CU_ASSERT(rewards == 4 || rewards == 5); /* rounded down */
	bed_close(&b);

	/* The same after half of the bond was taken: rewards do not care. Scaled by 10^6. */
	bed_open(&b, 3, 1);
	s = &b.chain->s;
	fog_state_get(s, FOG_RECORD_VALIDATOR, b.pk[0], &v);
	v.tokens /= 2;
	fog_stake_reward(&v, 10000000);
	v.tokens /= 2; /* two punishments, two rewards: 10 and 10 */
	fog_stake_reward(&v, 10000000);
	CU_ASSERT_EQUAL(v.commission, 10000000);
	fog_state_put(s, FOG_RECORD_VALIDATOR, b.pk[0], &v);
	CU_ASSERT(fog_chain_delegation(b.chain, b.pk[0], b.pk[0], &tokens, &rewards));
	CU_ASSERT(rewards <= 10000000 && rewards >= 9999999);
	CU_ASSERT_EQUAL(tokens, BED_BALANCE / 8);
	bed_close(&b);

	/* Two equal delegators, the second joins after the first 20: 15, 5, commission 20. */
	bed_open(&b, 3, 1);
	s = &b.chain->s;
	fog_state_get(s, FOG_RECORD_VALIDATOR, b.pk[0], &v);
	fog_stake_reward(&v, 20000000);
	fog_state_put(s, FOG_RECORD_VALIDATOR, b.pk[0], &v);
	CU_ASSERT_EQUAL(fog_stake_bond(s, b.pk[1], b.pk[0], BED_BALANCE / 2), FOG_TX_OK);
	fog_state_get(s, FOG_RECORD_VALIDATOR, b.pk[0], &v);
	fog_stake_reward(&v, 20000000);
	CU_ASSERT_EQUAL(v.commission, 20000000);
	fog_state_put(s, FOG_RECORD_VALIDATOR, b.pk[0], &v);
	CU_ASSERT(fog_chain_delegation(b.chain, b.pk[0], b.pk[0], &tokens, &rewards));
	CU_ASSERT(rewards <= 15000000 && rewards >= 14999999);
	CU_ASSERT(fog_chain_delegation(b.chain, b.pk[1], b.pk[0], &tokens, &rewards));
	CU_ASSERT(rewards <= 5000000 && rewards >= 4999999);
	bed_close(&b);
}

static void test_stake(void)
{
	struct bed b;
	struct fog_chain_member member[FOG_COMMITTEE_MAX];
	u64 tokens, rewards;

	bed_open(&b, 5, 2);
	CU_ASSERT_EQUAL(fog_chain_committee(b.chain, member), 2);
	CU_ASSERT_EQUAL(fog_chain_changes(b.chain, member, 1), 1);
	struct fog_tx tx = stake_tx(&b, FOG_TX_BOND, 3, 5);
	CU_ASSERT_EQUAL(bed_run(&b, 2, &tx), FOG_TX_ERROR_VALIDATOR);
	tx = stake_tx(&b, FOG_TX_BOND, 0, 1000000);
	CU_ASSERT_EQUAL(bed_run(&b, 2, &tx), FOG_TX_OK);
	bed_wait(&b, 1);
	for (u32 i = 0; i < 20; i++) /* fees are distributed every 16 blocks */
		bed_wait(&b, 1);
	CU_ASSERT(fog_chain_delegation(b.chain, b.pk[0], b.pk[0], &tokens, &rewards));
	CU_ASSERT(rewards > 0);
	tx = (struct fog_tx){.kind = FOG_TX_REWARDS};
	memcpy(tx.body.account.account, b.pk[0], 32);
	u64 before = bed_balance(&b, 0);
	CU_ASSERT_EQUAL(bed_run(&b, 0, &tx), FOG_TX_OK);
	CU_ASSERT(bed_balance(&b, 0) + tx.size > before);
	tx = stake_tx(&b, FOG_TX_UNBOND, 0, 1000001);
	CU_ASSERT_EQUAL(bed_run(&b, 2, &tx), FOG_TX_ERROR_STAKE);
	tx = stake_tx(&b, FOG_TX_UNBOND, 0, 0);
	CU_ASSERT_EQUAL(bed_run(&b, 2, &tx), FOG_TX_OK);
	before = bed_balance(&b, 2);
	bed_wait(&b, 1814400000 - 10);
	CU_ASSERT_EQUAL(bed_balance(&b, 2), before);
	bed_wait(&b, 20);
	CU_ASSERT_EQUAL(bed_balance(&b, 2), before + 1000000);
	bed_close(&b);
}

static void test_slashing(void)
{
	struct bed b;
	struct fog_chain_member member[FOG_COMMITTEE_MAX];
	u8 root[32];
	const char *why;

	bed_open(&b, 5, 2);
	struct fog_tx tx = stake_tx(&b, FOG_TX_UNBOND, 0, 1000000);
	CU_ASSERT_EQUAL(bed_run(&b, 0, &tx), FOG_TX_OK);
	CU_ASSERT_EQUAL(fog_chain_begin(b.chain, 2, b.now_ms + 1), 0);
	CU_ASSERT_EQUAL(fog_chain_slash(b.chain, b.pk[3], 1), -ENOENT);
	CU_ASSERT_EQUAL(fog_chain_slash(b.chain, b.pk[0], 1), 0);
	CU_ASSERT_EQUAL(fog_chain_slash(b.chain, b.pk[0], 1), 0); /* once */
	CU_ASSERT_EQUAL(fog_chain_end(b.chain, root), 0);
	fog_chain_commit(b.chain);
	b.now_ms++;
	CU_ASSERT_EQUAL(fog_chain_audit(b.chain, &why), 0);
	CU_ASSERT_EQUAL(fog_chain_committee(b.chain, member), 1);
	struct fog_rec_validator v;
	fog_state_get(fog_chain_state(b.chain), FOG_RECORD_VALIDATOR, b.pk[0], &v);
	/* 5 % of all that was bonded when it happened, what was leaving included. */
	CU_ASSERT_EQUAL(v.slashed, BED_BALANCE / 2 / 20);
	tx = stake_tx(&b, FOG_TX_BOND, 0, 5);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_BANNED);
	tx = (struct fog_tx){.kind = FOG_TX_UNJAIL};
	CU_ASSERT_EQUAL(bed_run(&b, 0, &tx), FOG_TX_ERROR_BANNED);
	tx = (struct fog_tx){.kind = FOG_TX_JAIL};
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_OK);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_JAILED);
	bed_close(&b);
}

static struct fog_tx escrow_tx(const struct bed *b, u8 reference, u32 payee, u64 amount)
{
	struct fog_tx tx = {
		.kind = FOG_TX_ESCROW_OPEN,
		.body.escrow_open = {.reference = {reference}, .amount = amount, .life_ms = 10000},
	};

	memcpy(tx.body.escrow_open.payee, b->pk[payee], 32);
	return tx;
}

static struct fog_tx escrow_end(const struct bed *b, enum fog_tx_kind kind, u32 payer, u8 reference,
				u64 amount)
{
	struct fog_tx tx = {.kind = kind};
	u8 text[32] = {reference};

	fog_escrow_id(b->pk[payer], text, tx.body.escrow.escrow);
	if (kind == FOG_TX_ESCROW_SETTLE)
		tx.body.escrow_settle.amount = amount;
	return tx;
}

static void test_escrow(void)
{
	struct bed b;

	bed_open(&b, 4, 1);
	struct fog_tx tx = escrow_tx(&b, 1, 2, 5000);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_OK);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_ESCROW_EXISTS);
	tx = escrow_end(&b, FOG_TX_ESCROW_SETTLE, 1, 1, 3000);
	CU_ASSERT_EQUAL(bed_run(&b, 2, &tx), FOG_TX_ERROR_ESCROW_PARTY);
	CU_ASSERT_EQUAL(bed_run(&b, 3, &tx), FOG_TX_ERROR_ESCROW_PARTY);
	tx.body.escrow_settle.amount = 5001;
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_AMOUNT);
	tx.body.escrow_settle.amount = 3000;
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_OK);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_ESCROW);
	CU_ASSERT(bed_balance(&b, 2) > BED_BALANCE && bed_balance(&b, 2) < BED_BALANCE + 3000);
	tx = escrow_tx(&b, 2, 2, 5000); /* never delivered: back after its life */
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_OK);
	tx = escrow_end(&b, FOG_TX_ESCROW_FINISH, 1, 2, 0);
	CU_ASSERT_EQUAL(bed_run(&b, 3, &tx), FOG_TX_ERROR_ESCROW_EARLY);
	tx = escrow_end(&b, FOG_TX_ESCROW_DISPUTE, 1, 2, 0);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_ESCROW_STATE);
	bed_wait(&b, 10001);
	tx = escrow_end(&b, FOG_TX_ESCROW_FINISH, 1, 2, 0);
	CU_ASSERT_EQUAL(bed_run(&b, 3, &tx), FOG_TX_OK);
	tx = escrow_tx(&b, 3, 2, 5000);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_OK);
	tx = escrow_end(&b, FOG_TX_ESCROW_RELEASE, 1, 3, 0);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_ESCROW_PARTY);
	CU_ASSERT_EQUAL(bed_run(&b, 2, &tx), FOG_TX_OK);
	tx = escrow_tx(&b, 4, 2, 5000);
	tx.body.escrow_open.life_ms = 0;
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_LIFE);
	bed_close(&b);
}

static struct fog_tx order_tx(u32 lane, enum fog_order_side side, u64 price, u64 quantity)
{
	return (struct fog_tx){.kind = FOG_TX_ORDER_PLACE,
			       .body.order = {lane, side, price, quantity, 100000}};
}

static void test_market(void)
{
	struct bed b;
	struct fog_rec_lane lane;
	struct fog_rec_order o;
	u64 id = FOG_LANE_STORAGE, number;

	bed_open(&b, 5, 1);
	struct fog_tx tx = order_tx(FOG_LANE_STORAGE, FOG_ORDER_BID, 120, 10);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_OK);
	tx = order_tx(FOG_LANE_STORAGE, FOG_ORDER_ASK, 100, 6);
	CU_ASSERT_EQUAL(bed_run(&b, 2, &tx), FOG_TX_OK);
	tx = order_tx(FOG_LANE_STORAGE, FOG_ORDER_ASK, 130, 6); /* does not cross */
	CU_ASSERT_EQUAL(bed_run(&b, 3, &tx), FOG_TX_OK);
	u64 buyer = bed_balance(&b, 1);
	bed_wait(&b, 10000);
	CU_ASSERT(fog_state_get(fog_chain_state(b.chain), FOG_RECORD_LANE, &id, &lane));
	CU_ASSERT(lane.price == 110 && lane.volume == 6 && lane.count == 2);
	CU_ASSERT_EQUAL(bed_balance(&b, 1), buyer + 6 * 10); /* what the price left of its limit */
	number = 1;
	CU_ASSERT(fog_state_get(fog_chain_state(b.chain), FOG_RECORD_ORDER, &number, &o));
	CU_ASSERT(o.remaining == 4 && o.locked == 480);
	/* The seller claims; the buyer is silent. A fee of 5 % goes to the treasury. */
	u8 key[32], escrow[32];
	const void *value, *body, *rec_id;
	u32 len;
	enum fog_record kind;
	bool found = false;
	for (bool first = true;
	     fog_tree_next(b.chain->s.tree, first ? NULL : key, key, &value, &len); first = false)
		if (fog_record_read(value, len, &kind, &rec_id, &body) == 0 &&
		    kind == FOG_RECORD_ESCROW) {
			memcpy(escrow, rec_id, 32);
			found = true;
		}
	CU_ASSERT_FATAL(found);
	tx = (struct fog_tx){.kind = FOG_TX_ESCROW_CLAIM, .body.escrow_claim.amount = 660};
	memcpy(tx.body.escrow_claim.escrow, escrow, 32);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_ESCROW_PARTY);
	CU_ASSERT_EQUAL(bed_run(&b, 2, &tx), FOG_TX_OK);
	u64 seller = bed_balance(&b, 2), treasury = b.chain->s.global.treasury;
	bed_wait(&b, 3600001);
	tx = (struct fog_tx){.kind = FOG_TX_ESCROW_FINISH};
	memcpy(tx.body.escrow.escrow, escrow, 32);
	CU_ASSERT_EQUAL(bed_run(&b, 4, &tx), FOG_TX_OK);
	CU_ASSERT_EQUAL(bed_balance(&b, 2), seller + 660 - 33);
	CU_ASSERT(b.chain->s.global.treasury >= treasury + 33);
	/* By then the other orders have expired and their money is back. */
	CU_ASSERT(fog_state_get(fog_chain_state(b.chain), FOG_RECORD_LANE, &id, &lane));
	CU_ASSERT_EQUAL(lane.count, 0);
	tx = order_tx(FOG_LANE_COUNT, FOG_ORDER_BID, 1, 1);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_ORDER_INVALID);
	tx = order_tx(0, FOG_ORDER_BID, 1, 1);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_OK);
	tx = (struct fog_tx){.kind = FOG_TX_ORDER_CANCEL, .body.number.number = 4};
	CU_ASSERT_EQUAL(bed_run(&b, 2, &tx), FOG_TX_ERROR_ORDER);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_OK);
	bed_close(&b);
}

static void test_voucher_money(void)
{
	struct bed b;
	struct fog_rec_mint m;

	bed_open(&b, 4, 1);
	struct fog_tx tx = {.kind = FOG_TX_VOUCHER_DEPOSIT, .body.deposit.amount = 1000};
	memcpy(tx.body.deposit.mint, b.pk[0], 32);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_MINT);
	struct fog_tx open = {.kind = FOG_TX_MINT_OPEN, .body.mint.keyset = "01ad"};
	CU_ASSERT_EQUAL(bed_run(&b, 0, &open), FOG_TX_OK);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_OK);
	CU_ASSERT_EQUAL(bed_run(&b, 1, &tx), FOG_TX_ERROR_ESCROW_EXISTS);
	struct fog_tx redeem = {.kind = FOG_TX_VOUCHER_REDEEM,
				.body.redeem = {.amount = 400, .number = 1}};
	memcpy(redeem.body.redeem.to, b.pk[3], 32);
	CU_ASSERT_EQUAL(bed_run(&b, 0, &redeem), FOG_TX_OK);
	CU_ASSERT_EQUAL(bed_run(&b, 0, &redeem), FOG_TX_ERROR_MINT_PAID);
	redeem.body.redeem.number = 2;
	redeem.body.redeem.amount = 601;
	CU_ASSERT_EQUAL(bed_run(&b, 0, &redeem), FOG_TX_ERROR_MINT_BACKING);
	CU_ASSERT(fog_state_get(fog_chain_state(b.chain), FOG_RECORD_MINT, b.pk[0], &m));
	CU_ASSERT(m.backing == 600 && m.deposited == 1000 && m.redeemed == 400);
	CU_ASSERT_EQUAL(bed_balance(&b, 3), BED_BALANCE + 400);
	bed_close(&b);
}

static void test_snapshot(void)
{
	struct bed b;
	const struct fog_chain_ports ports = {NULL, ""};
	static u8 chunk[FOG_CHAIN_CHUNK_MIN];
	u8 last[32], root[32];
	size_t len;
	int more;

	bed_open(&b, 40, 4);
	for (u32 i = 0; i < 30; i++) {
		struct fog_tx tx = transfer_to(&b, (i + 1) % 40, 100 + i);
		CU_ASSERT_EQUAL(bed_run(&b, i, &tx), FOG_TX_OK);
	}
	struct fog_chain *copy = fog_chain_new(&ports);
	const u8 *after = NULL;
	do {
		more = fog_chain_snapshot(b.chain, after, last, chunk, sizeof(chunk), &len);
		CU_ASSERT_FATAL(more >= 0);
		CU_ASSERT_EQUAL(fog_chain_restore(copy, chunk, len), 0);
		after = last;
	} while (more == 1);
	CU_ASSERT_EQUAL(fog_chain_restored(copy, b.root), 0);
	CU_ASSERT_EQUAL(fog_chain_restore(copy, chunk, len), -EINVAL); /* there already */
	memcpy(root, b.root, 32);
	root[0] ^= 1;
	CU_ASSERT_EQUAL(fog_chain_restored(copy, root), -EBADMSG);
	/* Both go on alike. */
	u8 out[FOG_TX_SIZE_MAX], again[32];
	struct fog_tx tx = transfer_to(&b, 1, 5);
	struct fog_chain_item item = {out, bed_sign(&b, 2, &tx, out), false};
	enum fog_tx_error e;
	CU_ASSERT_EQUAL(fog_chain_block(copy, b.chain->s.global.height + 1, b.now_ms + 1, &item, 1,
					&e, again),
			0);
	bed_block(&b, 1, &item, 1, &e);
	CU_ASSERT(memcmp(again, b.root, 32) == 0);
	fog_chain_free(copy);
	bed_close(&b);
}

/* A block that was not agreed on leaves nothing behind. */
static void test_undo(void)
{
	struct bed b;
	u8 before[32], root[32], out[FOG_TX_SIZE_MAX];
	enum fog_tx_error e;

	bed_open(&b, 4, 1);
	struct fog_tx tx = escrow_tx(&b, 1, 2, 5000);
	struct fog_chain_item item = {out, bed_sign(&b, 1, &tx, out), false};
	fog_chain_root(b.chain, before);
	for (u32 i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(fog_chain_block(b.chain, 1, b.now_ms + 20000, &item, 1, &e, root),
				0);
		CU_ASSERT_EQUAL(e, FOG_TX_OK);
		CU_ASSERT(memcmp(root, before, 32) != 0);
		fog_chain_undo(b.chain);
		fog_chain_root(b.chain, root);
		CU_ASSERT(memcmp(root, before, 32) == 0);
	}
	CU_ASSERT_EQUAL(fog_chain_begin(b.chain, 2, b.now_ms), -EINVAL);
	CU_ASSERT_EQUAL(fog_chain_begin(b.chain, 1, b.now_ms - 1), -EINVAL);
	bed_close(&b);
}

/* ---- random transactions -------------------------------------------------------------------- */

static u64 rng_state;

static u64 rnd(u64 below)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state % below;
}

static u64 some_amount(void)
{
	static const u64 scale[] = {2, 1000, 1000000, 1000000000, 20000000000};

	return rnd(scale[rnd(FOG_ARRAY_COUNT(scale))]);
}

static void random_proposal(struct bed *b, struct fog_tx_propose *p)
{
	snprintf(p->title, sizeof(p->title), "motion %u", (unsigned)rnd(1000));
	p->motion_count = (u32)rnd(4);
	for (u32 i = 0; i < p->motion_count; i++) {
		struct fog_motion *m = &p->motion[i];
		m->kind = 1 + (u32)rnd(3);
		m->target = fog_parameters[rnd(fog_parameters_count)].number;
		const struct fog_parameter_info *info = fog_parameter_find(m->target);
		/* Time stays short, so that things keep happening. */
		m->value = m->kind == FOG_MOTION_PARAMETER
				   ? FOG_MIN(info->most, info->least + (i64)rnd(50))
			   : m->kind == FOG_MOTION_PAY ? (i64)some_amount() + 1
						       : (i64)rnd(FOG_RANK_COUNT);
		memcpy(m->account, b->pk[rnd(b->count)], 32);
	}
}

static struct fog_tx random_tx(struct bed *b)
{
	static const enum fog_tx_kind kinds[] = {
#define X(name, number, text, type) FOG_TX_##name,
		FOG_TX_KINDS(X)
#undef X
	};
	struct fog_tx tx = {.kind = kinds[rnd(FOG_ARRAY_COUNT(kinds))]};
	u32 other = (u32)rnd(b->count);
	u8 reference[32] = {(u8)rnd(8)};

	tx.tip = rnd(4) == 0 ? rnd(1000) : 0;
	switch (tx.kind) {
	case FOG_TX_TRANSFER:
		return transfer_to(b, other, some_amount());
	case FOG_TX_BOND:
	case FOG_TX_UNBOND:
		return stake_tx(b, tx.kind, (u32)rnd(6), some_amount());
	case FOG_TX_REWARDS:
	case FOG_TX_VOTE_DELEGATE:
		memcpy(tx.body.account.account, b->pk[other], 32);
		break;
	case FOG_TX_VALIDATOR:
		tx.body.validator.commission_ppm = (u32)rnd(1100000);
		break;
	case FOG_TX_ESCROW_OPEN:
		return escrow_tx(b, reference[0], other, some_amount());
	case FOG_TX_ESCROW_SETTLE:
	case FOG_TX_ESCROW_CLAIM:
	case FOG_TX_ESCROW_DISPUTE:
	case FOG_TX_ESCROW_FINISH:
	case FOG_TX_ESCROW_RELEASE:
		fog_escrow_id(b->pk[other], reference, tx.body.escrow.escrow);
		if (tx.kind == FOG_TX_ESCROW_SETTLE)
			tx.body.escrow_settle.amount = some_amount();
		break;
	case FOG_TX_ORDER_PLACE:
		return order_tx((u32)rnd(3), 1 + (u32)rnd(2), 90 + rnd(30), 1 + rnd(50));
	case FOG_TX_ORDER_CANCEL:
	case FOG_TX_PROPOSAL_QUEUE:
	case FOG_TX_PROPOSAL_EXECUTE:
	case FOG_TX_PROPOSAL_CANCEL:
		tx.body.number.number = 1 + rnd(40);
		break;
	case FOG_TX_VOUCHER_DEPOSIT:
		memcpy(tx.body.deposit.mint, b->pk[rnd(4)], 32);
		memcpy(tx.body.deposit.quote, &rng_state, 8);
		tx.body.deposit.amount = some_amount();
		break;
	case FOG_TX_VOUCHER_REDEEM:
		memcpy(tx.body.redeem.to, b->pk[other], 32);
		tx.body.redeem.amount = some_amount();
		tx.body.redeem.number = rng_state >> 40;
		break;
	case FOG_TX_VOTE_LOCK:
	case FOG_TX_VOTE_UNLOCK:
		tx.body.amount.amount = some_amount();
		break;
	case FOG_TX_PROPOSE:
		random_proposal(b, &tx.body.propose);
		break;
	case FOG_TX_VOTE:
		tx.body.vote.proposal = 1 + rnd(20);
		tx.body.vote.choice = (u32)rnd(3);
		break;
	default:
		break;
	}
	return tx;
}

static const struct fog_genesis_parameter quick[] = {
	{FOG_PARAMETER_UNBONDING_MS, 0, 5000},     {FOG_PARAMETER_VOTE_THRESHOLD, 0, 1000},
	{FOG_PARAMETER_VOTE_DELAY_MS, 0, 100},     {FOG_PARAMETER_VOTE_PERIOD_MS, 0, 3000},
	{FOG_PARAMETER_VOTE_QUORUM_PPM, 0, 100},   {FOG_PARAMETER_TIMELOCK_MS, 0, 500},
	{FOG_PARAMETER_CLAIM_MS, 0, 800},          {FOG_PARAMETER_MARKET_AUCTION_MS, 0, 300},
	{FOG_PARAMETER_VOTE_EXTENSION_MS, 0, 200},
};

/* One history from one seed: the money is counted after each block by bed_block(). */
static void history(u64 from, u32 blocks, u32 *applied, u32 *refused)
{
	struct bed b;
	static u8 out[16][FOG_TX_SIZE_MAX];
	struct fog_chain_item item[16];
	enum fog_tx_error error[16];

	rng_state = from * 0x9e3779b97f4a7c15ull + 1;
	bed_open_with(&b, 12, 4, quick, FOG_ARRAY_COUNT(quick), NULL);
	for (u32 i = 0; i < blocks; i++) {
		u32 count = (u32)rnd(12);
		for (u32 j = 0; j < count; j++) {
			/* Each account once a block, so that nonces are known. */
			struct fog_tx tx = random_tx(&b);
			item[j] = (struct fog_chain_item){out[j], bed_sign(&b, j, &tx, out[j]),
							  false};
			if (rnd(20) == 0)
				out[j][rnd(item[j].len)] ^= (u8)(1 + rnd(255));
		}
		bed_block(&b, 1 + rnd(200), item, count, error);
		for (u32 j = 0; j < count; j++)
			(*(error[j] == FOG_TX_OK ? applied : refused))++;
		if (rnd(60) == 0) {
			CU_ASSERT_EQUAL(
				fog_chain_begin(b.chain, b.chain->s.global.height + 1, b.now_ms),
				0);
			(void)fog_chain_slash(b.chain, b.pk[rnd(6)], rnd(i + 1));
			CU_ASSERT_EQUAL(fog_chain_end(b.chain, b.root), 0);
			fog_chain_commit(b.chain);
		}
	}
	bed_close(&b);
}

static void test_random_histories(void)
{
	const char *given = getenv("FOG_SEED"), *many = getenv("FOG_SEEDS");
	u64 from = given != NULL ? strtoull(given, NULL, 10) : 1;
	u64 seeds = many != NULL ? strtoull(many, NULL, 10) : given != NULL ? 1 : 20;
	u32 applied = 0, refused = 0;

	for (u64 seed = from; seed < from + seeds; seed++) {
		printf("FOG_SEED=%llu\n", (unsigned long long)seed);
		history(seed, 250, &applied, &refused);
	}
	printf("applied %u, refused %u\n", applied, refused);
	CU_ASSERT(applied > 100 * seeds && refused > 100 * seeds);
}

FOG_TEST_MAIN("controlplane/ledger/chain", FOG_TEST(test_life_cycle), FOG_TEST(test_refusals),
	      FOG_TEST(test_base_price), FOG_TEST(test_f1_vectors), FOG_TEST(test_stake),
	      FOG_TEST(test_slashing), FOG_TEST(test_escrow), FOG_TEST(test_market),
	      FOG_TEST(test_voucher_money), FOG_TEST(test_snapshot), FOG_TEST(test_undo),
	      FOG_TEST(test_random_histories))
