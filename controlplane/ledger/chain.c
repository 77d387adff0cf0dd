/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ledger/chain.h"

#include <errno.h>

#include "controlplane/ledger/engine.h"
#include "controlplane/ledger/fee.h"
#include "crypto/hash/hash.h"

struct fog_chain *fog_chain_new(const struct fog_chain_ports *ports)
{
	struct fog_chain *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->ports = *ports;
	c->entry = calloc(FOG_LANE_ORDERS_MAX, sizeof(*c->entry));
	if (c->entry == NULL || fog_state_init(&c->s) != 0) {
		fog_chain_free(c);
		return NULL;
	}
	return c;
}

void fog_chain_free(struct fog_chain *c)
{
	if (c == NULL)
		return;
	fog_state_free(&c->s);
	free(c->entry);
	free(c);
}

const struct fog_state *fog_chain_state(const struct fog_chain *c)
{
	return &c->s;
}

const u8 *fog_chain_id(const struct fog_chain *c)
{
	return c->s.global.chain;
}

void fog_chain_root(struct fog_chain *c, u8 root[32])
{
	fog_tree_root(c->s.tree, root);
}

/* ---- genesis -------------------------------------------------------------------------------- */

static const char *genesis_account(struct fog_chain *c, const struct fog_genesis_account *a)
{
	struct fog_rec_account account = {.balance = a->balance + a->bond};
	struct fog_rec_voter voter = {.rank = a->rank};
	struct fog_tx_validator v = {.commission_ppm = a->commission_ppm,
				     .attributes = a->attributes};

	if (fog_state_has(&c->s, FOG_RECORD_ACCOUNT, a->pk))
		return "genesis: an account is there twice";
	if (a->rank >= FOG_RANK_COUNT)
		return "genesis: there is no such rank";
	fog_state_put(&c->s, FOG_RECORD_ACCOUNT, a->pk, &account);
	if (a->rank != FOG_RANK_NONE)
		fog_state_put(&c->s, FOG_RECORD_VOTER, a->pk, &voter);
	if (a->bond != 0 && (fog_stake_register(&c->s, a->pk, &v) != FOG_TX_OK ||
			     fog_stake_bond(&c->s, a->pk, a->pk, a->bond) != FOG_TX_OK))
		return "genesis: a validator cannot be registered";
	return NULL;
}

static const char *genesis_check(const struct fog_genesis *g, u64 *issued)
{
	fog_u128 sum = g->treasury;

	if (memchr(g->name, 0, sizeof(g->name)) == NULL || g->name[0] == '\0')
		return "genesis: the chain has no name";
	if (g->account_count > FOG_CHAIN_GENESIS_MAX)
		return "genesis: too many accounts";
	for (u32 i = 0; i < g->account_count; i++)
		sum += (fog_u128)g->account[i].balance + g->account[i].bond;
	if (sum == 0 || sum > FOG_CHAIN_ISSUED_MAX)
		return "genesis: there is no money, or more than 2^59 ufog";
	for (u32 i = 0; i < g->parameter_count; i++)
		if (fog_parameter_check(g->parameter[i].number, g->parameter[i].value) != 0)
			return "genesis: a parameter is unknown or out of bounds";
	*issued = (u64)sum;
	return NULL;
}

/* The chain's id is the hash of name, time and everything that is there at the start. */
static void chain_name(struct fog_chain *c, const struct fog_genesis *g)
{
	u8 text[FOG_CHAIN_NAME_SIZE + 8 + 32] = {0};

	snprintf((char *)text, FOG_CHAIN_NAME_SIZE, "%s", g->name);
	fog_store_u64(text + FOG_CHAIN_NAME_SIZE, g->time_ms);
	fog_state_flush(&c->s);
	fog_tree_root(c->s.tree, text + FOG_CHAIN_NAME_SIZE + 8);
	fog_hash_blake2b(c->s.global.chain, 32, NULL, 0, text, sizeof(text));
	fog_state_flush(&c->s);
}

int fog_chain_genesis(struct fog_chain *c, const struct fog_genesis *g, const char **why)
{
	struct fog_rec_global *global = &c->s.global;
	u64 issued = 0;

	FOG_ASSERT(fog_tree_count(c->s.tree) == 0);
	*why = genesis_check(g, &issued);
	if (*why != NULL)
		return -EINVAL;
	global->issued = issued;
	global->treasury = g->treasury;
	global->time_ms = g->time_ms;
	global->order_next = global->proposal_next = 1;
	global->auction_ms = g->time_ms;
	for (u32 i = 0; i < g->parameter_count; i++)
		fog_parameter_set(&c->s, g->parameter[i].number, g->parameter[i].value);
	for (u32 i = 0; *why == NULL && i < g->account_count; i++)
		*why = genesis_account(c, &g->account[i]);
	if (*why != NULL)
		return -EINVAL;
	u64 least = (u64)fog_parameter_get(&c->s, FOG_PARAMETER_FEE_MIN);
	global->base_fee = FOG_MAX(g->base_fee, least);
	chain_name(c, g);
	fog_state_commit(&c->s);
	return c->s.error;
}

/* ---- transactions --------------------------------------------------------------------------- */

u64 fog_chain_price(const struct fog_chain *c, const struct fog_tx *tx)
{
	fog_u128 price = (fog_u128)tx->size * c->s.global.base_fee + tx->tip;

	return price > UINT64_MAX ? UINT64_MAX : (u64)price;
}

enum fog_tx_error fog_chain_admit(const struct fog_chain *c, const struct fog_tx *tx, u64 ahead)
{
	struct fog_rec_account a;
	u64 price = fog_chain_price(c, tx);

	if (tx->chain_tag != fog_load_u64(c->s.global.chain))
		return FOG_TX_ERROR_CHAIN;
	fog_state_get(&c->s, FOG_RECORD_ACCOUNT, tx->sender, &a);
	if (tx->nonce < a.nonce)
		return FOG_TX_ERROR_REPLAYED;
	if (tx->nonce - a.nonce > ahead)
		return FOG_TX_ERROR_NONCE;
	if (price > tx->fee_max)
		return FOG_TX_ERROR_FEE;
	return price > a.balance ? FOG_TX_ERROR_OVERDRAWN : FOG_TX_OK;
}

static enum fog_tx_error transfer(struct fog_state *s, const struct fog_tx *tx)
{
	const struct fog_tx_transfer *b = &tx->body.transfer;

	if (b->amount == 0)
		return FOG_TX_ERROR_AMOUNT;
	if (memcmp(tx->sender, b->to, FOG_PK_SIZE) == 0)
		return FOG_TX_ERROR_SELF;
	if (!fog_state_debit(s, tx->sender, b->amount))
		return FOG_TX_ERROR_OVERDRAWN;
	return fog_state_credit(s, b->to, b->amount) ? FOG_TX_OK : FOG_TX_ERROR_AMOUNT;
}

static enum fog_tx_error mint_open(struct fog_state *s, const struct fog_tx *tx)
{
	struct fog_rec_mint m;

	fog_state_get(s, FOG_RECORD_MINT, tx->sender, &m); /* again: its next keyset */
	memcpy(m.keyset, tx->body.mint.keyset, sizeof(m.keyset));
	fog_state_put(s, FOG_RECORD_MINT, tx->sender, &m);
	return FOG_TX_OK;
}

static enum fog_tx_error voucher_deposit(struct fog_state *s, const struct fog_tx *tx)
{
	const struct fog_tx_deposit *b = &tx->body.deposit;
	struct fog_rec_deposit d = {.amount = b->amount, .time_ms = s->global.time_ms};
	struct fog_rec_mint m;

	if (b->amount == 0)
		return FOG_TX_ERROR_AMOUNT;
	if (!fog_state_get(s, FOG_RECORD_MINT, b->mint, &m))
		return FOG_TX_ERROR_MINT;
	if (fog_state_has(s, FOG_RECORD_DEPOSIT, b->quote))
		return FOG_TX_ERROR_ESCROW_EXISTS;
	if (!fog_state_debit(s, tx->sender, b->amount))
		return FOG_TX_ERROR_OVERDRAWN;
	memcpy(d.mint, b->mint, FOG_PK_SIZE);
	m.backing += b->amount;
	m.deposited += b->amount;
	fog_state_put(s, FOG_RECORD_MINT, b->mint, &m);
	fog_state_put(s, FOG_RECORD_DEPOSIT, b->quote, &d);
	return FOG_TX_OK;
}

static enum fog_tx_error voucher_redeem(struct fog_state *s, const struct fog_tx *tx)
{
	const struct fog_tx_redeem *b = &tx->body.redeem;
	struct fog_rec_mint m;

	if (b->amount == 0)
		return FOG_TX_ERROR_AMOUNT;
	if (!fog_state_get(s, FOG_RECORD_MINT, tx->sender, &m))
		return FOG_TX_ERROR_MINT;
	if (b->number <= m.paid)
		return FOG_TX_ERROR_MINT_PAID;
	if (m.backing < b->amount)
		return FOG_TX_ERROR_MINT_BACKING;
	m.paid = b->number;
	m.backing -= b->amount;
	m.redeemed += b->amount;
	fog_state_put(s, FOG_RECORD_MINT, tx->sender, &m);
	return fog_state_credit(s, b->to, b->amount) ? FOG_TX_OK : FOG_TX_ERROR_AMOUNT;
}

static enum fog_tx_error effect_stake(struct fog_state *s, const struct fog_tx *tx)
{
	switch (tx->kind) {
	case FOG_TX_BOND:
		return fog_stake_bond(s, tx->sender, tx->body.stake.validator,
				      tx->body.stake.amount);
	case FOG_TX_UNBOND:
		return fog_stake_unbond(s, tx->sender, tx->body.stake.validator,
					tx->body.stake.amount);
	case FOG_TX_VALIDATOR:
		return fog_stake_register(s, tx->sender, &tx->body.validator);
	case FOG_TX_REWARDS:
		return fog_stake_withdraw(s, tx->sender, tx->body.account.account);
	default:
		return fog_stake_jail(s, tx->sender, tx->kind == FOG_TX_JAIL);
	}
}

static enum fog_tx_error effect_escrow(struct fog_chain *c, const struct fog_tx *tx)
{
	switch (tx->kind) {
	case FOG_TX_ESCROW_OPEN:
		return fog_escrow_open(&c->s, tx);
	case FOG_TX_ESCROW_SETTLE:
		return fog_escrow_settle(&c->s, tx);
	case FOG_TX_ESCROW_CLAIM:
		return fog_escrow_claim(c, tx);
	case FOG_TX_ESCROW_DISPUTE:
		return fog_escrow_dispute(&c->s, tx);
	case FOG_TX_ESCROW_FINISH:
		return fog_escrow_finish(&c->s, tx);
	default:
		return fog_escrow_release(&c->s, tx);
	}
}

static enum fog_tx_error effect_vote(struct fog_state *s, const struct fog_tx *tx)
{
	switch (tx->kind) {
	case FOG_TX_VOTE_LOCK:
		return fog_governance_lock(s, tx->sender, tx->body.amount.amount);
	case FOG_TX_VOTE_UNLOCK:
		return fog_governance_unlock(s, tx->sender, tx->body.amount.amount);
	case FOG_TX_VOTE_DELEGATE:
		return fog_governance_delegate(s, tx->sender, tx->body.account.account);
	case FOG_TX_PROPOSE:
		return fog_governance_propose(s, tx->sender, &tx->body.propose);
	case FOG_TX_VOTE:
		return fog_governance_vote(s, tx->sender, &tx->body.vote);
	case FOG_TX_PROPOSAL_QUEUE:
		return fog_governance_queue(s, tx->body.number.number);
	case FOG_TX_PROPOSAL_EXECUTE:
		return fog_governance_execute(s, tx->body.number.number);
	default:
		return fog_governance_cancel(s, tx->sender, tx->body.number.number);
	}
}

static enum fog_tx_error effect(struct fog_chain *c, const struct fog_tx *tx)
{
	struct fog_state *s = &c->s;

	switch (tx->kind) {
	case FOG_TX_TRANSFER:
		return transfer(s, tx);
	case FOG_TX_BOND:
	case FOG_TX_UNBOND:
	case FOG_TX_VALIDATOR:
	case FOG_TX_REWARDS:
	case FOG_TX_JAIL:
	case FOG_TX_UNJAIL:
		return effect_stake(s, tx);
	case FOG_TX_ESCROW_OPEN:
	case FOG_TX_ESCROW_SETTLE:
	case FOG_TX_ESCROW_CLAIM:
	case FOG_TX_ESCROW_DISPUTE:
	case FOG_TX_ESCROW_FINISH:
	case FOG_TX_ESCROW_RELEASE:
		return effect_escrow(c, tx);
	case FOG_TX_ORDER_PLACE:
		return fog_order_place(s, tx);
	case FOG_TX_ORDER_CANCEL:
		return fog_order_cancel(s, tx->sender, tx->body.number.number);
	case FOG_TX_MINT_OPEN:
		return mint_open(s, tx);
	case FOG_TX_VOUCHER_DEPOSIT:
		return voucher_deposit(s, tx);
	case FOG_TX_VOUCHER_REDEEM:
		return voucher_redeem(s, tx);
	default:
		return effect_vote(s, tx);
	}
}

enum fog_tx_error fog_chain_execute(struct fog_chain *c, const struct fog_tx *tx, bool signed_ok)
{
	struct fog_state *s = &c->s;
	struct fog_state_mark mark;
	struct fog_rec_account a;
	enum fog_tx_error e = fog_chain_admit(c, tx, 0);

	FOG_ASSERT(c->open);
	if (e == FOG_TX_OK && !signed_ok)
		e = FOG_TX_ERROR_FORGED;
	if (e != FOG_TX_OK)
		return e;
	u64 price = fog_chain_price(c, tx);
	u64 treasury =
		fog_muldiv(price, (u64)fog_parameter_get(s, FOG_PARAMETER_TREASURY_PPM), 1000000);
	fog_state_get(s, FOG_RECORD_ACCOUNT, tx->sender, &a);
	a.balance -= price;
	a.nonce++;
	fog_state_put(s, FOG_RECORD_ACCOUNT, tx->sender, &a);
	s->global.treasury += treasury;
	s->global.rewards += price - treasury;
	c->block_bytes += tx->size;
	if (s->error != 0)
		return FOG_TX_ERROR_MEMORY;
	fog_state_mark(s, &mark);
	e = effect(c, tx);
	if (s->error != 0)
		return FOG_TX_ERROR_MEMORY; /* end() fails the block */
	if (e != FOG_TX_OK)
		fog_state_undo(s, &mark);
	return e;
}

/* ---- blocks --------------------------------------------------------------------------------- */

int fog_chain_begin(struct fog_chain *c, u64 height, u64 time_ms)
{
	FOG_ASSERT(!c->open);
	if (height != c->s.global.height + 1 || time_ms < c->s.global.time_ms)
		return -EINVAL;
	fog_state_commit(&c->s);
	fog_state_mark(&c->s, &c->block);
	c->open = true;
	c->block_bytes = 0;
	c->s.global.height = height;
	c->s.global.time_ms = time_ms;
	return 0;
}

int fog_chain_slash(struct fog_chain *c, const u8 validator[FOG_PK_SIZE], u64 height)
{
	FOG_ASSERT(c->open);
	return fog_stake_slash(&c->s, validator, height);
}

int fog_chain_end(struct fog_chain *c, u8 root[32])
{
	struct fog_state *s = &c->s;
	struct fog_rec_global *g = &s->global;

	FOG_ASSERT(c->open);
	fog_stake_pay(s);
	if (g->time_ms - g->auction_ms >=
	    (u64)fog_parameter_get(s, FOG_PARAMETER_MARKET_AUCTION_MS))
		fog_order_call(s, c->entry);
	if (g->height % (u64)fog_parameter_get(s, FOG_PARAMETER_REWARD_BLOCKS) == 0)
		fog_stake_distribute(s);
	g->base_fee = fog_fee_next(g->base_fee, c->block_bytes,
				   (u64)fog_parameter_get(s, FOG_PARAMETER_BLOCK_TARGET),
				   (u64)fog_parameter_get(s, FOG_PARAMETER_FEE_MIN));
	fog_state_flush(s);
	if (s->error != 0)
		return s->error;
	if (!fog_state_conserved(s))
		return -EUCLEAN;
	fog_tree_root(s->tree, root);
	return 0;
}

void fog_chain_undo(struct fog_chain *c)
{
	FOG_ASSERT(c->open);
	fog_state_undo(&c->s, &c->block);
	c->open = false;
}

void fog_chain_commit(struct fog_chain *c)
{
	FOG_ASSERT(c->open);
	fog_state_commit(&c->s);
	c->open = false;
}

/* Decodes all; checks the signatures of those that were not. */
static int items_read(struct fog_chain *c, const struct fog_chain_item *item, u32 count,
		      struct fog_tx *tx, bool *ok, enum fog_tx_error *error)
{
	u32 *index = calloc(count + 1, sizeof(*index)), fresh = 0;
	struct fog_tx *check = calloc(count + 1, sizeof(*check));
	bool *good = calloc(count + 1, sizeof(*good));
	int rc = index == NULL || check == NULL || good == NULL ? -ENOMEM : 0;

	for (u32 i = 0; rc == 0 && i < count; i++) {
		error[i] = fog_tx_decode(&tx[i], item[i].data, item[i].len);
		ok[i] = item[i].signed_ok;
		if (error[i] != FOG_TX_OK || ok[i])
			continue;
		index[fresh] = i;
		check[fresh++] = tx[i];
	}
	if (rc == 0)
		rc = fog_tx_verify_many(check, fresh, c->s.global.chain, good);
	for (u32 i = 0; rc == 0 && i < fresh; i++)
		ok[index[i]] = good[i];
	free(good);
	free(check);
	free(index);
	return rc;
}

int fog_chain_block(struct fog_chain *c, u64 height, u64 time_ms, const struct fog_chain_item *item,
		    u32 count, enum fog_tx_error *error, u8 root[32])
{
	struct fog_tx *tx = calloc(count + 1, sizeof(*tx));
	bool *ok = calloc(count + 1, sizeof(*ok));
	int rc = tx == NULL || ok == NULL ? -ENOMEM : items_read(c, item, count, tx, ok, error);

	if (rc == 0)
		rc = fog_chain_begin(c, height, time_ms);
	if (rc != 0)
		goto out;
	for (u32 i = 0; i < count; i++)
		if (error[i] == FOG_TX_OK)
			error[i] = fog_chain_execute(c, &tx[i], ok[i]);
	rc = fog_chain_end(c, root);
	if (rc != 0)
		fog_chain_undo(c);
out:
	free(ok);
	free(tx);
	return rc;
}

u32 fog_chain_committee(const struct fog_chain *c, struct fog_chain_member out[FOG_COMMITTEE_MAX])
{
	return fog_stake_committee(&c->s, out);
}

bool fog_chain_delegation(const struct fog_chain *c, const u8 account[FOG_PK_SIZE],
			  const u8 validator[FOG_PK_SIZE], u64 *tokens, u64 *rewards)
{
	return fog_stake_delegation(&c->s, account, validator, tokens, rewards);
}
