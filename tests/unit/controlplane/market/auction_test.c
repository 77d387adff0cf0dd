/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/market/auction.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

#define DEPOSIT 1000000ll

static struct fog_auction a;
static struct fog_auction_entry entry[FOG_AUCTION_ORDERS_MAX];

static const u8 *account(u8 n)
{
	static u8 id[FOG_AUCTION_ACCOUNT_SIZE];

	memset(id, n, sizeof(id));
	return id;
}

static const u8 nonce[FOG_AUCTION_NONCE_SIZE] = "a nonce nobody could guess, 32 B";

static int commit(u8 who, const struct fog_auction_order *o, u64 now_ms)
{
	u8 hash[FOG_AUCTION_HASH_SIZE];

	fog_auction_hash(a.id, account(who), o, nonce, hash);
	return fog_auction_commit(&a, account(who), hash, "ann", DEPOSIT, now_ms);
}

static int reveal(u8 who, const struct fog_auction_order *o, u64 now_ms)
{
	return fog_auction_reveal(&a, account(who), o, nonce, "film", now_ms);
}

static void test_life_cycle(void)
{
	static const struct fog_auction_order orders[] = {
		{FOG_AUCTION_BID, 100, 5}, {FOG_AUCTION_BID, 80, 5}, {FOG_AUCTION_BID, 60, 5},
		{FOG_AUCTION_ASK, 40, 4},  {FOG_AUCTION_ASK, 61, 4}, {FOG_AUCTION_ASK, 90, 4},
		{FOG_AUCTION_BID, 500, 9}, /* never revealed */
	};
	static const i64 filled[] = {5, 3, 0, 4, 4, 0, 0};

	CU_ASSERT_EQUAL(fog_auction_open(&a, 7, 1, 1000, 2000, 0), 0);
	CU_ASSERT_EQUAL(fog_auction_phase(&a, 0), FOG_AUCTION_PHASE_COMMIT);
	for (u8 i = 0; i < 7; i++)
		CU_ASSERT_EQUAL(commit(i, &orders[i], 999), 0);
	CU_ASSERT_EQUAL(fog_auction_phase(&a, 1000), FOG_AUCTION_PHASE_REVEAL);
	for (u8 i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(reveal(i, &orders[i], 1999), 0);
	CU_ASSERT_EQUAL(fog_auction_phase(&a, 2000), FOG_AUCTION_PHASE_CLEARED);
	CU_ASSERT_EQUAL(fog_auction_clear(&a, 2000), 0);
	CU_ASSERT_EQUAL(a.volume, 8);
	CU_ASSERT_EQUAL(a.price, 70); /* (61 + 80) / 2 */
	for (u32 i = 0; i < 7; i++)
		CU_ASSERT_EQUAL(a.entry[i].filled, filled[i]);
	CU_ASSERT_EQUAL(fog_auction_clear(&a, 2001), -EALREADY);
}

static void test_bad_arguments(void)
{
	struct fog_auction_order o = {FOG_AUCTION_BID, 100, 5}, other = {FOG_AUCTION_BID, 101, 5};

	CU_ASSERT_EQUAL(fog_auction_open(&a, 1, 1, 10, 10, 0), -EINVAL);
	CU_ASSERT_EQUAL(fog_auction_open(&a, 1, 1, 10, 20, 10), -EINVAL);
	CU_ASSERT_EQUAL(fog_auction_open(&a, 1, 1, 10, 20, 0), 0);
	CU_ASSERT_EQUAL(reveal(1, &o, 5), -ETIME);
	CU_ASSERT_EQUAL(fog_auction_clear(&a, 5), -ETIME);
	CU_ASSERT_EQUAL(commit(1, &o, 5), 0);
	CU_ASSERT_EQUAL(commit(1, &o, 5), -EEXIST);
	CU_ASSERT_EQUAL(commit(2, &o, 5), 0);
	CU_ASSERT_EQUAL(commit(1, &other, 10), -ETIME);
	CU_ASSERT_EQUAL(reveal(1, &other, 10), -ENOENT);
	CU_ASSERT_EQUAL(reveal(3, &o, 10), -ENOENT);
	CU_ASSERT_EQUAL(reveal(1, &o, 10), 0);
	CU_ASSERT_EQUAL(reveal(1, &o, 10), -EALREADY);
	CU_ASSERT_EQUAL(reveal(2, &o, 20), -ETIME);
	CU_ASSERT_EQUAL(fog_auction_clear(&a, 19), -ETIME);
#define REFUSED(side, price, quantity)                                     \
	do {                                                               \
		struct fog_auction_order bad = {side, price, quantity};    \
		CU_ASSERT_EQUAL(fog_auction_open(&a, 1, 1, 10, 20, 0), 0); \
		CU_ASSERT_EQUAL(commit(1, &bad, 5), 0);                    \
		CU_ASSERT_EQUAL(reveal(1, &bad, 15), -EINVAL);             \
	} while (0)
	REFUSED(FOG_AUCTION_INVALID, 1, 1);
	REFUSED((enum fog_auction_side)3, 1, 1);
	REFUSED(FOG_AUCTION_BID, -1, 1);
	REFUSED(FOG_AUCTION_BID, FOG_AUCTION_PRICE_MAX + 1, 1);
	REFUSED(FOG_AUCTION_ASK, 1, 0);
	REFUSED(FOG_AUCTION_ASK, 1, -5);
	REFUSED(FOG_AUCTION_ASK, 1, FOG_AUCTION_QUANTITY_MAX + 1);
#undef REFUSED
	CU_ASSERT_EQUAL(fog_auction_open(&a, 1, 1, 10, 20, 0), 0);
	for (i64 i = 0; i < FOG_AUCTION_ORDERS_MAX; i++) {
		o.price = i;
		CU_ASSERT_EQUAL(commit(1, &o, 5), 0);
	}
	o.price = FOG_AUCTION_ORDERS_MAX;
	CU_ASSERT_EQUAL(commit(1, &o, 5), -ENOSPC);
	CU_ASSERT_EQUAL(fog_auction_clear(&a, 20), 0);
	CU_ASSERT_EQUAL(a.volume, 0);
}

/* The same order under another auction, account, side, price, quantity or nonce is another hash. */
static void test_hash(void)
{
	struct fog_auction_order o[4] = {{FOG_AUCTION_BID, 1, 2},
					 {FOG_AUCTION_ASK, 1, 2},
					 {FOG_AUCTION_BID, 2, 2},
					 {FOG_AUCTION_BID, 1, 1}};
	u8 hash[7][FOG_AUCTION_HASH_SIZE], again[FOG_AUCTION_HASH_SIZE];
	u8 zero[FOG_AUCTION_NONCE_SIZE] = {0};

	for (u32 i = 0; i < 4; i++)
		fog_auction_hash(1, account(1), &o[i], nonce, hash[i]);
	fog_auction_hash(2, account(1), &o[0], nonce, hash[4]);
	fog_auction_hash(1, account(2), &o[0], nonce, hash[5]);
	fog_auction_hash(1, account(1), &o[0], zero, hash[6]);
	for (u32 i = 0; i < 7; i++)
		for (u32 j = 0; j < i; j++)
			CU_ASSERT_NOT_EQUAL(memcmp(hash[i], hash[j], sizeof(hash[i])), 0);
	fog_auction_hash(1, account(1), &o[0], nonce, again);
	CU_ASSERT_EQUAL(memcmp(hash[0], again, sizeof(again)), 0);
}

static u64 state;

static u64 draw(void)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return state >> 33;
}

/* The most that can be traded at one price: over every price, the smaller of what is asked and what
 * is offered there. */
static i64 volume_model(u32 count)
{
	i64 best = 0;

	for (u32 i = 0; i < count; i++) {
		i64 p = entry[i].order.price, bids = 0, asks = 0;
		for (u32 j = 0; j < count; j++) {
			if (entry[j].state != FOG_AUCTION_REVEALED)
				continue;
			if (entry[j].order.side == FOG_AUCTION_BID && entry[j].order.price >= p)
				bids += entry[j].order.quantity;
			if (entry[j].order.side == FOG_AUCTION_ASK && entry[j].order.price <= p)
				asks += entry[j].order.quantity;
		}
		best = FOG_MAX(best, FOG_MIN(bids, asks));
	}
	return best;
}

static void check_properties(u32 count, i64 price, i64 volume)
{
	i64 bought = 0, sold = 0;

	for (u32 i = 0; i < count; i++) {
		const struct fog_auction_entry *e = &entry[i];
		bool bid = e->order.side == FOG_AUCTION_BID;
		CU_ASSERT_FATAL(e->filled >= 0 && e->filled <= e->order.quantity);
		if (e->state != FOG_AUCTION_REVEALED) {
			CU_ASSERT_EQUAL(e->filled, 0);
			continue;
		}
		*(bid ? &bought : &sold) += e->filled;
		if (e->filled > 0)
			CU_ASSERT(bid ? e->order.price >= price : e->order.price <= price);
		/* Who offered strictly better than somebody who traded has traded all. */
		for (u32 j = 0; j < count; j++) {
			const struct fog_auction_entry *f = &entry[j];
			if (f->state == FOG_AUCTION_REVEALED && f->order.side == e->order.side &&
			    f->filled > 0 &&
			    (bid ? e->order.price > f->order.price
				 : e->order.price < f->order.price))
				CU_ASSERT_EQUAL(e->filled, e->order.quantity);
		}
	}
	CU_ASSERT_EQUAL(bought, volume);
	CU_ASSERT_EQUAL(sold, volume);
	CU_ASSERT_EQUAL(volume, volume_model(count));
	CU_ASSERT(volume > 0 || price == 0);
}

static void test_properties(void)
{
	static i64 filled[FOG_AUCTION_ORDERS_MAX];
	const char *text = getenv("FOG_SEED");
	u32 traded = 0;

	state = text != NULL ? strtoull(text, NULL, 0) : 5;
	printf("\nFOG_SEED=%llu ", (unsigned long long)state);
	for (u32 turn = 0; turn < 400; turn++) {
		u32 count = (u32)(draw() % 60);
		u64 range = turn % 3 == 0 ? 4 : turn % 3 == 1 ? 100 : FOG_AUCTION_PRICE_MAX;
		i64 price, volume, again, volume_again;
		for (u32 i = 0; i < count; i++)
			entry[i] = (struct fog_auction_entry){
				.state = draw() % 10 == 0 ? FOG_AUCTION_COMMITTED
							  : FOG_AUCTION_REVEALED,
				.sequence = i,
				.order = {draw() % 2 ? FOG_AUCTION_BID : FOG_AUCTION_ASK,
					  (i64)(draw() * draw() % range), 1 + (i64)(draw() % 9)}};
		fog_auction_match(entry, count, &price, &volume);
		check_properties(count, price, volume);
		traded += volume > 0;
		for (u32 i = 0; i < count; i++)
			filled[i] = entry[i].filled;
		for (u32 i = count; i > 1; i--) {
			u32 at = (u32)(draw() % i);
			struct fog_auction_entry swap = entry[at];
			entry[at] = entry[i - 1];
			entry[i - 1] = swap;
		}
		fog_auction_match(entry, count, &again, &volume_again);
		CU_ASSERT_EQUAL(price, again);
		CU_ASSERT_EQUAL(volume, volume_again);
		for (u32 i = 0; i < count; i++)
			CU_ASSERT_EQUAL(entry[i].filled, filled[entry[i].sequence]);
	}
	CU_ASSERT(traded > 200);
}

/* As many as there may be, of the largest amounts: sums do not overflow, and time breaks ties. */
static void test_largest(void)
{
	i64 price, volume;

	for (u32 i = 0; i < FOG_AUCTION_ORDERS_MAX; i++)
		entry[i] = (struct fog_auction_entry){
			.state = FOG_AUCTION_REVEALED,
			.sequence = FOG_AUCTION_ORDERS_MAX - i,
			.order = {i < 500 ? FOG_AUCTION_BID : FOG_AUCTION_ASK,
				  FOG_AUCTION_PRICE_MAX, FOG_AUCTION_QUANTITY_MAX}};
	fog_auction_match(entry, FOG_AUCTION_ORDERS_MAX, &price, &volume);
	CU_ASSERT_EQUAL(price, FOG_AUCTION_PRICE_MAX);
	CU_ASSERT_EQUAL(volume, 500 * FOG_AUCTION_QUANTITY_MAX);
	/* 524 sellers for 500 buyers: the 24 that came last (smallest index) keep theirs. */
	for (u32 i = 500; i < FOG_AUCTION_ORDERS_MAX; i++)
		CU_ASSERT_EQUAL(entry[i].filled, i < 524 ? 0 : FOG_AUCTION_QUANTITY_MAX);
}

/* Every mfog of every deposit has one place to go; nobody pays more than he bid. */
static void test_money(void)
{
	static struct fog_auction_due due[FOG_AUCTION_ORDERS_MAX];
	static struct fog_auction_sale sale[FOG_AUCTION_ORDERS_MAX];
	u32 sales = 0, forfeited = 0;

	state = 11;
	for (u32 turn = 0; turn < 400; turn++) {
		i64 held = 0, spent = 0, units = 0;
		memset(&a, 0, sizeof(a));
		a.cleared = true;
		a.hours = 1 + (u32)(draw() % FOG_AUCTION_HOURS_MAX);
		a.count = (u32)(draw() % 60);
		for (u32 i = 0; i < a.count; i++) {
			struct fog_auction_entry *e = &a.entry[i];
			*e = (struct fog_auction_entry){
				.state = draw() % 8 == 0 ? FOG_AUCTION_COMMITTED
							 : FOG_AUCTION_REVEALED,
				.sequence = i,
				.order = {draw() % 2 ? FOG_AUCTION_BID : FOG_AUCTION_ASK,
					  (i64)(draw() % 100000), 1 + (i64)(draw() % 9)}};
			e->deposit = fog_auction_deposit(&e->order, a.hours) + (i64)(draw() % 3);
			held += e->deposit;
		}
		fog_auction_match(a.entry, a.count, &a.price, &a.volume);
		u32 count = fog_auction_due(&a, due, sale);
		CU_ASSERT(count <= a.count);
		sales += count;
		for (u32 i = 0; i < a.count; i++) {
			const struct fog_auction_entry *e = &a.entry[i];
			CU_ASSERT(due[i].back >= 0 && due[i].fees >= 0);
			if (e->state == FOG_AUCTION_COMMITTED)
				CU_ASSERT_EQUAL(due[i].fees, e->deposit);
			if (e->state == FOG_AUCTION_REVEALED && e->filled == 0)
				CU_ASSERT_EQUAL(due[i].back, e->deposit);
			forfeited += e->state == FOG_AUCTION_COMMITTED;
			spent += due[i].back + due[i].fees;
		}
		for (u32 i = 0; i < count; i++) {
			const struct fog_auction_entry *bid = &a.entry[sale[i].bid];
			const struct fog_auction_entry *ask = &a.entry[sale[i].ask];
			CU_ASSERT_EQUAL(bid->order.side, FOG_AUCTION_BID);
			CU_ASSERT_EQUAL(ask->order.side, FOG_AUCTION_ASK);
			CU_ASSERT_EQUAL(sale[i].amount, a.price * sale[i].units * a.hours / 1000);
			units += sale[i].units;
			spent += sale[i].amount;
		}
		CU_ASSERT_EQUAL(units, a.volume);
		CU_ASSERT_EQUAL(spent, held);
	}
	CU_ASSERT(sales > 1000 && forfeited > 500);
}

static void test_deposits(void)
{
	struct fog_auction_order bid = {FOG_AUCTION_BID, 1500, 2}, ask = {FOG_AUCTION_ASK, 1500, 2};
	struct fog_auction_order dear = {FOG_AUCTION_BID, FOG_AUCTION_PRICE_MAX,
					 FOG_AUCTION_QUANTITY_MAX};
	u8 hash[FOG_AUCTION_HASH_SIZE];

	CU_ASSERT_EQUAL(fog_auction_deposit(&bid, 3), 9);
	CU_ASSERT_EQUAL(fog_auction_deposit(&ask, 3), 1);
	CU_ASSERT_EQUAL(fog_auction_deposit(&dear, 1), -1);
	CU_ASSERT_EQUAL(fog_auction_open(&a, 1, 0, 10, 20, 0), -EINVAL);
	CU_ASSERT_EQUAL(fog_auction_open(&a, 1, FOG_AUCTION_HOURS_MAX + 1, 10, 20, 0), -EINVAL);
	CU_ASSERT_EQUAL(fog_auction_open(&a, 1, 3, 10, 20, 0), 0);
	fog_auction_hash(1, account(1), &bid, nonce, hash);
	CU_ASSERT_EQUAL(fog_auction_commit(&a, account(1), hash, "ann", 0, 5), -EINVAL);
	CU_ASSERT_EQUAL(fog_auction_commit(&a, account(1), hash, "ann", 8, 5), 0);
	CU_ASSERT_EQUAL(reveal(1, &bid, 15), -ERANGE);
	CU_ASSERT_EQUAL(a.entry[0].state, FOG_AUCTION_COMMITTED);
	char text[FOG_AUCTION_TEXT_SIZE];
	fog_auction_ask_text(7, 3, account(1), text);
	CU_ASSERT_EQUAL(strncmp(text, "{\"auction\":7,\"hash\":\"0101", 25), 0);
}

FOG_TEST_MAIN("controlplane/market/auction", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_hash), FOG_TEST(test_properties),
	      FOG_TEST(test_largest), FOG_TEST(test_money), FOG_TEST(test_deposits))
