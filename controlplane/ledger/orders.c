/* SPDX-License-Identifier: BSD-3-Clause */
/* The market place: a book of orders a lane, called every MARKET_AUCTION_MS at one price
 * (market/auction.h). Orders stand open, unlike those of a sealed auction: what a bid could pay is
 * locked, so it is real; nobody is served before the call, so being fast wins nothing. */
#include "controlplane/ledger/engine.h"
#include "controlplane/market/market.h"
#include "crypto/hash/hash.h"

static u64 lane_id(u32 lane)
{
	return lane;
}

static void unlink_order(struct fog_state *s, struct fog_rec_lane *lane, u64 number,
			 const struct fog_rec_order *o)
{
	struct fog_rec_order other;

	if (o->previous != 0) {
		fog_state_get(s, FOG_RECORD_ORDER, &o->previous, &other);
		other.next = o->next;
		fog_state_put(s, FOG_RECORD_ORDER, &o->previous, &other);
	} else {
		lane->head = o->next;
	}
	if (o->next != 0) {
		fog_state_get(s, FOG_RECORD_ORDER, &o->next, &other);
		other.previous = o->previous;
		fog_state_put(s, FOG_RECORD_ORDER, &o->next, &other);
	} else {
		lane->tail = o->previous;
	}
	lane->count--;
	fog_state_delete(s, FOG_RECORD_ORDER, &number);
}

enum fog_tx_error fog_order_place(struct fog_state *s, const struct fog_tx *tx)
{
	const struct fog_tx_order *b = &tx->body.order;
	u64 id = lane_id(b->lane), number = s->global.order_next;
	struct fog_rec_lane lane;
	struct fog_rec_order o = {
		.price = b->price,
		.quantity = b->quantity,
		.remaining = b->quantity,
		.expires_ms = s->global.time_ms + b->life_ms,
		.lane = b->lane,
		.side = b->side,
	};

	if (b->lane >= FOG_LANE_COUNT || (b->side != FOG_ORDER_BID && b->side != FOG_ORDER_ASK) ||
	    b->price == 0 || b->price > FOG_AUCTION_PRICE_MAX || b->quantity == 0 ||
	    b->quantity > FOG_AUCTION_QUANTITY_MAX)
		return FOG_TX_ERROR_ORDER_INVALID;
	if (b->life_ms == 0 ||
	    b->life_ms > (u64)fog_parameter_get(s, FOG_PARAMETER_MARKET_ORDER_MS_MAX))
		return FOG_TX_ERROR_LIFE;
	fog_state_get(s, FOG_RECORD_LANE, &id, &lane);
	if (lane.count == FOG_LANE_ORDERS_MAX)
		return FOG_TX_ERROR_ORDERS;
	if (b->side == FOG_ORDER_BID) {
		o.locked = b->price * b->quantity;
		if (!fog_state_debit(s, tx->sender, o.locked))
			return FOG_TX_ERROR_OVERDRAWN;
	}
	memcpy(o.owner, tx->sender, FOG_PK_SIZE);
	o.previous = lane.tail;
	if (lane.tail != 0) {
		struct fog_rec_order last;
		fog_state_get(s, FOG_RECORD_ORDER, &lane.tail, &last);
		last.next = number;
		fog_state_put(s, FOG_RECORD_ORDER, &lane.tail, &last);
	} else {
		lane.head = number;
	}
	lane.tail = number;
	lane.count++;
	s->global.order_next++;
	fog_state_put(s, FOG_RECORD_ORDER, &number, &o);
	fog_state_put(s, FOG_RECORD_LANE, &id, &lane);
	return FOG_TX_OK;
}

static enum fog_tx_error order_end(struct fog_state *s, struct fog_rec_lane *lane, u64 number,
				   const struct fog_rec_order *o)
{
	unlink_order(s, lane, number, o);
	return fog_state_credit(s, o->owner, o->locked) ? FOG_TX_OK : FOG_TX_ERROR_AMOUNT;
}

enum fog_tx_error fog_order_cancel(struct fog_state *s, const u8 *account, u64 number)
{
	struct fog_rec_order o;
	struct fog_rec_lane lane;

	if (!fog_state_get(s, FOG_RECORD_ORDER, &number, &o) ||
	    memcmp(o.owner, account, FOG_PK_SIZE) != 0)
		return FOG_TX_ERROR_ORDER;
	u64 id = lane_id(o.lane);
	fog_state_get(s, FOG_RECORD_LANE, &id, &lane);
	enum fog_tx_error e = order_end(s, &lane, number, &o);
	fog_state_put(s, FOG_RECORD_LANE, &id, &lane);
	return e;
}

/* Takes `filled` units off an order; what a bid locked for them comes free. */
static void order_fill(struct fog_state *s, struct fog_rec_lane *lane, u64 number, i64 filled)
{
	struct fog_rec_order o;

	fog_state_get(s, FOG_RECORD_ORDER, &number, &o);
	o.remaining -= (u64)filled;
	if (o.side == FOG_ORDER_BID)
		o.locked = o.price * o.remaining;
	fog_state_put(s, FOG_RECORD_ORDER, &number, &o);
	if (o.remaining == 0) {
		fog_state_get(s, FOG_RECORD_ORDER, &number, &o); /* its links may have moved */
		unlink_order(s, lane, number, &o);
	}
}

/* The buyer's money for these units: what it locked, less what the common price leaves it. */
static void trade(struct fog_state *s, u32 lane, const struct fog_auction_entry *bid,
		  const struct fog_auction_entry *ask, u64 quantity, u64 price)
{
	u64 number[7] = {0, 0, 0, 0, bid->sequence, ask->sequence, s->global.auction_count};
	struct fog_rec_escrow e = {
		.held = quantity * price,
		.due_ms = s->global.time_ms +
			  (u64)fog_parameter_get(s, FOG_PARAMETER_MARKET_TRADE_MS),
		.state = FOG_ESCROW_OPEN,
		.lane = lane + 1,
	};
	u8 id[32];

	memcpy(e.payer, bid->account, FOG_PK_SIZE);
	memcpy(e.payee, ask->account, FOG_PK_SIZE);
	/* What was agreed, and with it who and when. */
	fog_store_u64(e.terms, quantity);
	fog_store_u64(e.terms + 8, price);
	fog_store_u64(e.terms + 16, bid->sequence);
	fog_store_u64(e.terms + 24, ask->sequence);
	/* 56 bytes, where fog_escrow_id() hashes 64: nobody can be in the way with an escrow. */
	memcpy(number, bid->account, FOG_PK_SIZE);
	fog_hash_blake2b(id, 32, NULL, 0, number, sizeof(number));
	fog_state_credit(s, bid->account, quantity * ((u64)bid->order.price - price));
	fog_state_put(s, FOG_RECORD_ESCROW, id, &e);
}

/* Pairs what was bought with what was sold, in the order of the entries. */
static void pair(struct fog_state *s, u32 lane, struct fog_auction_entry *entry, u32 count,
		 u64 price)
{
	i64 used_bid = 0, used_ask = 0;
	u32 b = 0, a = 0;

	for (;;) {
		while (b < count &&
		       (entry[b].order.side != FOG_AUCTION_BID || used_bid == entry[b].filled)) {
			b++;
			used_bid = 0;
		}
		while (a < count &&
		       (entry[a].order.side != FOG_AUCTION_ASK || used_ask == entry[a].filled)) {
			a++;
			used_ask = 0;
		}
		if (a >= count || b >= count)
			return;
		i64 quantity = FOG_MIN(entry[b].filled - used_bid, entry[a].filled - used_ask);
		trade(s, lane, &entry[b], &entry[a], (u64)quantity, price);
		used_bid += quantity;
		used_ask += quantity;
	}
}

/* Drops what has expired, lists the rest. */
static u32 lane_read(struct fog_state *s, struct fog_rec_lane *lane,
		     struct fog_auction_entry *entry)
{
	struct fog_rec_order o;
	u32 count = 0;

	for (u64 at = lane->head, next; at != 0 && count < FOG_LANE_ORDERS_MAX; at = next) {
		fog_state_get(s, FOG_RECORD_ORDER, &at, &o);
		next = o.next;
		if (o.expires_ms <= s->global.time_ms) {
			order_end(s, lane, at, &o);
			continue;
		}
		struct fog_auction_entry *e = &entry[count++];
		memset(e, 0, sizeof(*e));
		e->state = FOG_AUCTION_REVEALED;
		e->sequence = at;
		memcpy(e->account, o.owner, FOG_PK_SIZE);
		e->order.side = o.side == FOG_ORDER_BID ? FOG_AUCTION_BID : FOG_AUCTION_ASK;
		e->order.price = (i64)o.price;
		e->order.quantity = (i64)o.remaining;
	}
	return count;
}

void fog_order_call(struct fog_state *s, struct fog_auction_entry *entry)
{
	struct fog_rec_lane lane;
	i64 price, volume;

	for (u32 l = 0; l < FOG_LANE_COUNT && s->error == 0; l++) {
		u64 id = lane_id(l);
		if (!fog_state_get(s, FOG_RECORD_LANE, &id, &lane) || lane.count == 0)
			continue;
		u32 count = lane_read(s, &lane, entry);
		fog_auction_match(entry, count, &price, &volume);
		pair(s, l, entry, count, (u64)price);
		for (u32 i = 0; i < count; i++)
			if (entry[i].filled != 0)
				order_fill(s, &lane, entry[i].sequence, entry[i].filled);
		if (volume != 0) {
			lane.price = (u64)price;
			lane.volume = (u64)volume;
			lane.time_ms = s->global.time_ms;
		}
		fog_state_put(s, FOG_RECORD_LANE, &id, &lane);
	}
	s->global.auction_ms = s->global.time_ms;
	s->global.auction_count++;
}
