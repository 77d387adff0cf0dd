/* SPDX-License-Identifier: BSD-3-Clause */
/* A sealed-bid double auction at one uniform price, for reservations of one lane.
 *
 *	COMMIT: who takes part hands in a hash of its order      fog_auction_commit()
 *	REVEAL: and later the order and nonce behind it          fog_auction_reveal()
 *	CLEAR:  bids by price down, asks by price up, until they no longer cross; all trade at
 *	        half way between the last pair that did           fog_auction_clear()
 *
 *	price  ^  bids ___                 ___ asks
 *	       |          |___         ___|
 *	  p* --|---- - - - - -|- - - -|- - -      p* = floor((a_m + b_m) / 2)
 *	       |           ___|       |___
 *	       +-------------------------------> quantity
 *
 * Holds, and is tested: nobody pays more than its bid or gets less than its ask; what is bought is
 * what is sold and what is paid is what is received; the volume is the most possible at one price;
 * no order outside the crossing trades; the result does not depend on the order of the entries.
 * Between equal prices the smaller `sequence` goes first. It is not proof against somebody shading
 * a bid to move the price: no mechanism that balances its budget and trades the most is (Myerson
 * and Satterthwaite 1983).
 *
 * Pure, no allocation. Clearing costs O(n log n). */
#ifndef FOG_MARKET_AUCTION_H
#define FOG_MARKET_AUCTION_H

#include "crypto/types.h"

#define FOG_AUCTION_ORDERS_MAX   1024        /* of one auction; more are refused */
#define FOG_AUCTION_PRICE_MAX    (1ll << 40) /* ufog a unit */
#define FOG_AUCTION_QUANTITY_MAX (1ll << 20) /* units; a sum of payments fits 2^62 */
#define FOG_AUCTION_NONCE_SIZE   32
#define FOG_AUCTION_HASH_SIZE    32
#define FOG_AUCTION_ACCOUNT_SIZE 32

enum fog_auction_side {
	FOG_AUCTION_INVALID = 0,
	FOG_AUCTION_BID,
	FOG_AUCTION_ASK,
};

struct fog_auction_order {
	enum fog_auction_side side;
	i64 price;    /* limit, ufog a unit; 0..FOG_AUCTION_PRICE_MAX */
	i64 quantity; /* units; 1..FOG_AUCTION_QUANTITY_MAX */
};

enum fog_auction_state {
	FOG_AUCTION_COMMITTED = 1, /* never revealed: takes no part */
	FOG_AUCTION_REVEALED,
};

struct fog_auction_entry {
	enum fog_auction_state state;
	u32 pad;
	u64 sequence; /* unique; when it was committed, in the auction's order */
	u8 account[FOG_AUCTION_ACCOUNT_SIZE];
	u8 hash[FOG_AUCTION_HASH_SIZE];
	struct fog_auction_order order; /* once revealed */
	i64 filled;                     /* by clear(): units traded, 0..order.quantity */
};

enum fog_auction_phase {
	FOG_AUCTION_PHASE_COMMIT = 1,
	FOG_AUCTION_PHASE_REVEAL,
	FOG_AUCTION_PHASE_CLEARED,
};

struct fog_auction {
	u64 id;
	u64 commit_until_ms; /* [.., then reveal until */
	u64 reveal_until_ms; /* .., then clear */
	u64 sequence;
	bool cleared;
	u32 count;
	i64 price;  /* cleared: of a unit; 0 when nothing traded */
	i64 volume; /* cleared: units */
	struct fog_auction_entry entry[FOG_AUCTION_ORDERS_MAX];
};

/* -EINVAL unless now < commit_until < reveal_until. */
int fog_auction_open(struct fog_auction *a, u64 id, u64 commit_until_ms, u64 reveal_until_ms,
		     u64 now_ms);
enum fog_auction_phase fog_auction_phase(const struct fog_auction *a, u64 now_ms);

/* What an account commits to: SHA-256 over "fog auction 1", a zero byte, the auction's id, the
 * account, side (1 byte), price, quantity (8 bytes each, little-endian) and the nonce. */
void fog_auction_hash(u64 id, const u8 account[FOG_AUCTION_ACCOUNT_SIZE],
		      const struct fog_auction_order *order, const u8 nonce[FOG_AUCTION_NONCE_SIZE],
		      u8 hash[FOG_AUCTION_HASH_SIZE]);

/* 0, -ETIME outside the phase, -ENOSPC when full, -EEXIST when the account has that hash already.
 * An account may commit to several orders. */
int fog_auction_commit(struct fog_auction *a, const u8 account[FOG_AUCTION_ACCOUNT_SIZE],
		       const u8 hash[FOG_AUCTION_HASH_SIZE], u64 now_ms);
/* 0, -ETIME outside the phase, -EINVAL when the order is out of range, -ENOENT when nobody
 * committed to it, -EALREADY when it was revealed before. */
int fog_auction_reveal(struct fog_auction *a, const u8 account[FOG_AUCTION_ACCOUNT_SIZE],
		       const struct fog_auction_order *order,
		       const u8 nonce[FOG_AUCTION_NONCE_SIZE], u64 now_ms);
/* 0, -ETIME before the reveal is over, -EALREADY. Fills price, volume and each entry's `filled`. */
int fog_auction_clear(struct fog_auction *a, u64 now_ms);

/* The clearing alone, over revealed entries (others trade nothing). count <=
 * FOG_AUCTION_ORDERS_MAX. */
void fog_auction_match(struct fog_auction_entry *entry, u32 count, i64 *price, i64 *volume);

#endif
