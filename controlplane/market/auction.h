/* SPDX-License-Identifier: BSD-3-Clause */
/* A sealed-bid double auction at one uniform price, for reservations of one lane: a unit is held
 * for `hours` from the clearing on, prices are per unit and hour.
 *
 *	COMMIT: who takes part hands in a hash of its order,
 *	        and a deposit that covers it                     fog_auction_commit()
 *	REVEAL: and later the order and nonce behind it          fog_auction_reveal()
 *	CLEAR:  bids by price down, asks by price up, until they no longer cross; all trade at
 *	        half way between the last pair that did           fog_auction_clear()
 *	DUE:    what becomes of each deposit, and who holds how
 *	        much for whom                                    fog_auction_due()
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
 * Money: a bid's deposit covers its whole worth, an ask's a tenth of it. Who did not reveal loses
 * the deposit to the fees: else one could look at the others' orders and then choose. Buyers pay
 * rounded up, sellers get rounded down, what is between goes to the fees; every mfog of every
 * deposit has one place to go, and is tested to.
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
#define FOG_AUCTION_NAME_SIZE    65
#define FOG_AUCTION_HOURS_MAX    720
#define FOG_AUCTION_DEPOSIT_MAX  1000000000000000ll /* mfog: what the ledger moves at once */
#define FOG_AUCTION_ASK_PART     10                 /* an ask deposits a tenth */
#define FOG_AUCTION_TEXT_SIZE    256
#define FOG_AUCTION_ASK_LABEL    "fog ask 1"

enum fog_auction_side {
	FOG_AUCTION_INVALID = 0,
	FOG_AUCTION_BID,
	FOG_AUCTION_ASK,
};

struct fog_auction_order {
	enum fog_auction_side side;
	i64 price;    /* limit, ufog a unit and hour; 0..FOG_AUCTION_PRICE_MAX */
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
	struct fog_auction_order order;    /* once revealed */
	i64 filled;                        /* by clear(): units traded, 0..order.quantity */
	i64 deposit;                       /* mfog */
	char payer[FOG_AUCTION_NAME_SIZE]; /* the user whose it is */
	char space[FOG_AUCTION_NAME_SIZE]; /* of a bid, once revealed: the namespace it is for */
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
	u32 hours; /* a unit is held for */
	u32 count;
	i64 price;  /* cleared: of a unit and hour; 0 when nothing traded */
	i64 volume; /* cleared: units */
	struct fog_auction_entry entry[FOG_AUCTION_ORDERS_MAX];
};

/* -EINVAL unless now < commit_until < reveal_until and hours are in range. */
int fog_auction_open(struct fog_auction *a, u64 id, u32 hours, u64 commit_until_ms,
		     u64 reveal_until_ms, u64 now_ms);
enum fog_auction_phase fog_auction_phase(const struct fog_auction *a, u64 now_ms);

/* What an account commits to: SHA-256 over "fog auction 1", a zero byte, the auction's id, the
 * account, side (1 byte), price, quantity (8 bytes each, little-endian) and the nonce. */
void fog_auction_hash(u64 id, const u8 account[FOG_AUCTION_ACCOUNT_SIZE],
		      const struct fog_auction_order *order, const u8 nonce[FOG_AUCTION_NONCE_SIZE],
		      u8 hash[FOG_AUCTION_HASH_SIZE]);

/* 0, -ETIME outside the phase, -ENOSPC when full, -EINVAL when the deposit is out of range,
 * -EEXIST when the account has that hash already. An account may commit to several orders. */
int fog_auction_commit(struct fog_auction *a, const u8 account[FOG_AUCTION_ACCOUNT_SIZE],
		       const u8 hash[FOG_AUCTION_HASH_SIZE], const char *payer, i64 deposit,
		       u64 now_ms);
/* What an order must have deposited, in mfog; -1 when that is more than can be. */
i64 fog_auction_deposit(const struct fog_auction_order *order, u32 hours);
/* 0, -ETIME outside the phase, -EINVAL when the order is out of range, -ENOENT when nobody
 * committed to it, -EALREADY when it was revealed before, -ERANGE when its deposit does not cover
 * it. space: a bid's namespace. */
int fog_auction_reveal(struct fog_auction *a, const u8 account[FOG_AUCTION_ACCOUNT_SIZE],
		       const struct fog_auction_order *order,
		       const u8 nonce[FOG_AUCTION_NONCE_SIZE], const char *space, u64 now_ms);
/* What a worker signs under FOG_AUCTION_ASK_LABEL, so that nobody sells what is not his: the
 * account of an ask is its node id. */
void fog_auction_ask_text(u64 id, u32 hours, const u8 hash[FOG_AUCTION_HASH_SIZE],
			  char out[FOG_AUCTION_TEXT_SIZE]);
/* 0, -ETIME before the reveal is over, -EALREADY. Fills price, volume and each entry's `filled`. */
int fog_auction_clear(struct fog_auction *a, u64 now_ms);

/* So many units of an ask for a bid, and what the seller gets for holding them to the end. */
struct fog_auction_sale {
	u32 bid, ask; /* indexes of entries */
	i64 units;
	i64 amount; /* mfog */
};
/* Where an entry's deposit goes: back, to the fees, and to the sales of which it is the bid. */
struct fog_auction_due {
	i64 back, fees;
};
/* Of a cleared auction. due: [count], sale: [count]. Returns the number of sales. O(count). */
u32 fog_auction_due(const struct fog_auction *a, struct fog_auction_due *due,
		    struct fog_auction_sale *sale);

/* The clearing alone, over revealed entries (others trade nothing). count <=
 * FOG_AUCTION_ORDERS_MAX. */
void fog_auction_match(struct fog_auction_entry *entry, u32 count, i64 *price, i64 *volume);

#endif
