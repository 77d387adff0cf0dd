/* SPDX-License-Identifier: BSD-3-Clause */
/* Money held until work is delivered.
 *
 *	OPEN --settle (payer)--> paid, rest back           the usual way
 *	  |----release (payee)-> all back
 *	  |----finish, after due_ms-> all back
 *	  '----claim (payee, receipt)--> CLAIMED --finish, after due_ms--> paid, rest back
 *	                                    |----settle (payer), at least what is claimed
 *	                                    '----dispute (payer)--> all back
 *
 * A payer that falls silent pays; one that refuses has to say so, in public, and everybody can hold
 *it against it. No machine can know who is right about work it did not see. */
#include "controlplane/ledger/engine.h"
#include "crypto/hash/hash.h"

enum fog_tx_error fog_escrow_open(struct fog_state *s, const struct fog_tx *tx)
{
	const struct fog_tx_escrow_open *b = &tx->body.escrow_open;
	struct fog_rec_escrow e = {
		.held = b->amount,
		.due_ms = s->global.time_ms + b->life_ms,
		.state = FOG_ESCROW_OPEN,
	};
	u8 id[32];

	if (b->amount == 0)
		return FOG_TX_ERROR_AMOUNT;
	if (b->life_ms == 0 || b->life_ms > (u64)fog_parameter_get(s, FOG_PARAMETER_ESCROW_MS_MAX))
		return FOG_TX_ERROR_LIFE;
	fog_escrow_id(tx->sender, b->reference, id);
	if (fog_state_has(s, FOG_RECORD_ESCROW, id))
		return FOG_TX_ERROR_ESCROW_EXISTS;
	if (!fog_state_debit(s, tx->sender, b->amount))
		return FOG_TX_ERROR_OVERDRAWN;
	memcpy(e.payer, tx->sender, FOG_PK_SIZE);
	memcpy(e.payee, b->payee, FOG_PK_SIZE);
	memcpy(e.terms, b->terms, sizeof(e.terms));
	fog_state_put(s, FOG_RECORD_ESCROW, id, &e);
	return FOG_TX_OK;
}

/* Ends it: amount to the payee, of which a trade's fee to the treasury; the rest to the payer. */
static enum fog_tx_error pay(struct fog_state *s, const u8 *id, const struct fog_rec_escrow *e,
			     u64 amount)
{
	u64 fee = 0;

	if (e->lane != 0)
		fee = fog_muldiv(amount, (u64)fog_parameter_get(s, FOG_PARAMETER_MARKET_FEE_PPM),
				 1000000);
	fog_state_delete(s, FOG_RECORD_ESCROW, id);
	s->global.treasury += fee;
	if (!fog_state_credit(s, e->payee, amount - fee) ||
	    !fog_state_credit(s, e->payer, e->held - amount))
		return FOG_TX_ERROR_AMOUNT;
	return FOG_TX_OK;
}

static bool same(const u8 *a, const u8 *b)
{
	return memcmp(a, b, 32) == 0;
}

enum fog_tx_error fog_escrow_settle(struct fog_state *s, const struct fog_tx *tx)
{
	const struct fog_tx_escrow_settle *b = &tx->body.escrow_settle;
	struct fog_rec_escrow e;

	if (!fog_state_get(s, FOG_RECORD_ESCROW, b->escrow, &e))
		return FOG_TX_ERROR_ESCROW;
	if (!same(e.payer, tx->sender))
		return FOG_TX_ERROR_ESCROW_PARTY;
	if (b->amount > e.held)
		return FOG_TX_ERROR_AMOUNT;
	if (e.state == FOG_ESCROW_CLAIMED && b->amount < e.claimed)
		return FOG_TX_ERROR_ESCROW_STATE;
	return pay(s, b->escrow, &e, b->amount);
}

/* The receipt of a job: of this escrow's parties, attempt and offer, and signed by the payee. */
static bool receipt_good(struct fog_chain *c, const struct fog_tx *tx,
			 const struct fog_rec_escrow *e)
{
	u8 message[64 + FOG_TX_TEXT_MAX], id[32];
	struct fog_chain_receipt r;

	if (c->ports.receipt == NULL || c->ports.receipt(tx->text, tx->text_len, &r) != 0)
		return false;
	size_t label = strlen(c->ports.receipt_label) + 1;
	FOG_ASSERT(label <= 64);
	memcpy(message, c->ports.receipt_label, label);
	memcpy(message + label, tx->text, tx->text_len);
	fog_escrow_id(r.submitter, r.reference, id);
	return same(r.submitter, e->payer) && same(r.worker, e->payee) &&
	       same(r.offer_sha256, e->terms) && same(id, tx->body.escrow_claim.escrow) &&
	       r.amount == tx->body.escrow_claim.amount &&
	       fog_sign_verify(tx->body.escrow_claim.signature, message, label + tx->text_len,
			       e->payee) == 0;
}

enum fog_tx_error fog_escrow_claim(struct fog_chain *c, const struct fog_tx *tx)
{
	const struct fog_tx_escrow_claim *b = &tx->body.escrow_claim;
	struct fog_state *s = &c->s;
	struct fog_rec_escrow e;

	if (!fog_state_get(s, FOG_RECORD_ESCROW, b->escrow, &e))
		return FOG_TX_ERROR_ESCROW;
	if (!same(e.payee, tx->sender))
		return FOG_TX_ERROR_ESCROW_PARTY;
	if (e.state != FOG_ESCROW_OPEN)
		return FOG_TX_ERROR_ESCROW_STATE;
	if (b->amount == 0 || b->amount > e.held)
		return FOG_TX_ERROR_AMOUNT;
	if (e.lane != 0 ? tx->text_len != 0 : !receipt_good(c, tx, &e))
		return FOG_TX_ERROR_RECEIPT;
	fog_hash_sha256(e.proof, tx->text_len != 0 ? tx->text : "", tx->text_len);
	e.claimed = b->amount;
	e.state = FOG_ESCROW_CLAIMED;
	e.due_ms = s->global.time_ms + (u64)fog_parameter_get(s, FOG_PARAMETER_CLAIM_MS);
	fog_state_put(s, FOG_RECORD_ESCROW, b->escrow, &e);
	return FOG_TX_OK;
}

enum fog_tx_error fog_escrow_dispute(struct fog_state *s, const struct fog_tx *tx)
{
	struct fog_rec_escrow e;

	if (!fog_state_get(s, FOG_RECORD_ESCROW, tx->body.escrow.escrow, &e))
		return FOG_TX_ERROR_ESCROW;
	if (!same(e.payer, tx->sender))
		return FOG_TX_ERROR_ESCROW_PARTY;
	if (e.state != FOG_ESCROW_CLAIMED)
		return FOG_TX_ERROR_ESCROW_STATE;
	return pay(s, tx->body.escrow.escrow, &e, 0);
}

enum fog_tx_error fog_escrow_finish(struct fog_state *s, const struct fog_tx *tx)
{
	struct fog_rec_escrow e;

	if (!fog_state_get(s, FOG_RECORD_ESCROW, tx->body.escrow.escrow, &e))
		return FOG_TX_ERROR_ESCROW;
	if (s->global.time_ms < e.due_ms)
		return FOG_TX_ERROR_ESCROW_EARLY;
	return pay(s, tx->body.escrow.escrow, &e, e.state == FOG_ESCROW_CLAIMED ? e.claimed : 0);
}

enum fog_tx_error fog_escrow_release(struct fog_state *s, const struct fog_tx *tx)
{
	struct fog_rec_escrow e;

	if (!fog_state_get(s, FOG_RECORD_ESCROW, tx->body.escrow.escrow, &e))
		return FOG_TX_ERROR_ESCROW;
	if (!same(e.payee, tx->sender))
		return FOG_TX_ERROR_ESCROW_PARTY;
	return pay(s, tx->body.escrow.escrow, &e, 0);
}
