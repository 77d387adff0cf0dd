/* SPDX-License-Identifier: BSD-3-Clause */
/* Sealed-bid uniform-price double auction, see auction.h. */
#include "controlplane/market/auction.h"

#include <errno.h>

#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define LABEL "fog auction 1"

_Static_assert(FOG_AUCTION_HASH_SIZE == FOG_SHA256_SIZE, "a commitment is a SHA-256");

int fog_auction_open(struct fog_auction *a, u64 id, u32 hours, u64 commit_until_ms,
		     u64 reveal_until_ms, u64 now_ms)
{
	if (now_ms >= commit_until_ms || commit_until_ms >= reveal_until_ms || hours < 1 ||
	    hours > FOG_AUCTION_HOURS_MAX)
		return -EINVAL;
	memset(a, 0, sizeof(*a));
	a->id = id;
	a->hours = hours;
	a->commit_until_ms = commit_until_ms;
	a->reveal_until_ms = reveal_until_ms;
	return 0;
}

enum fog_auction_phase fog_auction_phase(const struct fog_auction *a, u64 now_ms)
{
	if (a->cleared || now_ms >= a->reveal_until_ms)
		return FOG_AUCTION_PHASE_CLEARED;
	return now_ms < a->commit_until_ms ? FOG_AUCTION_PHASE_COMMIT : FOG_AUCTION_PHASE_REVEAL;
}

void fog_auction_hash(u64 id, const u8 account[FOG_AUCTION_ACCOUNT_SIZE],
		      const struct fog_auction_order *order, const u8 nonce[FOG_AUCTION_NONCE_SIZE],
		      u8 hash[FOG_AUCTION_HASH_SIZE])
{
	struct fog_sha256 s;
	u8 fixed[25];

	fog_store_u64(fixed, id);
	fixed[8] = (u8)order->side;
	fog_store_u64(fixed + 9, (u64)order->price);
	fog_store_u64(fixed + 17, (u64)order->quantity);
	fog_sha256_init(&s);
	fog_sha256_update(&s, LABEL, sizeof(LABEL));
	fog_sha256_update(&s, fixed, 8);
	fog_sha256_update(&s, account, FOG_AUCTION_ACCOUNT_SIZE);
	fog_sha256_update(&s, fixed + 8, sizeof(fixed) - 8);
	fog_sha256_update(&s, nonce, FOG_AUCTION_NONCE_SIZE);
	fog_sha256_final(&s, hash);
}

static struct fog_auction_entry *find(struct fog_auction *a,
				      const u8 account[FOG_AUCTION_ACCOUNT_SIZE],
				      const u8 hash[FOG_AUCTION_HASH_SIZE])
{
	for (u32 i = 0; i < a->count; i++)
		if (memcmp(a->entry[i].hash, hash, FOG_AUCTION_HASH_SIZE) == 0 &&
		    memcmp(a->entry[i].account, account, FOG_AUCTION_ACCOUNT_SIZE) == 0)
			return &a->entry[i];
	return NULL;
}

int fog_auction_commit(struct fog_auction *a, const u8 account[FOG_AUCTION_ACCOUNT_SIZE],
		       const u8 hash[FOG_AUCTION_HASH_SIZE], const char *payer, i64 deposit,
		       u64 now_ms)
{
	if (fog_auction_phase(a, now_ms) != FOG_AUCTION_PHASE_COMMIT)
		return -ETIME;
	if (deposit < 1 || deposit > FOG_AUCTION_DEPOSIT_MAX)
		return -EINVAL;
	if (find(a, account, hash) != NULL)
		return -EEXIST;
	if (a->count == FOG_AUCTION_ORDERS_MAX)
		return -ENOSPC;
	struct fog_auction_entry *e = &a->entry[a->count++];
	*e = (struct fog_auction_entry){
		.state = FOG_AUCTION_COMMITTED, .sequence = a->sequence++, .deposit = deposit};
	snprintf(e->payer, sizeof(e->payer), "%s", payer);
	memcpy(e->account, account, sizeof(e->account));
	memcpy(e->hash, hash, sizeof(e->hash));
	return 0;
}

static bool order_ok(const struct fog_auction_order *o)
{
	return (o->side == FOG_AUCTION_BID || o->side == FOG_AUCTION_ASK) && o->price >= 0 &&
	       o->price <= FOG_AUCTION_PRICE_MAX && o->quantity >= 1 &&
	       o->quantity <= FOG_AUCTION_QUANTITY_MAX;
}

/* price x units x hours in mfog, or -1. */
static i64 worth(i64 price, i64 units, u32 hours, bool up)
{
	unsigned __int128 ufog = (unsigned __int128)price * (u64)units * hours;
	unsigned __int128 mfog = (ufog + (up ? 999 : 0)) / 1000;

	return mfog > FOG_AUCTION_DEPOSIT_MAX ? -1 : (i64)mfog;
}

i64 fog_auction_deposit(const struct fog_auction_order *o, u32 hours)
{
	i64 all = worth(o->price, o->quantity, hours, true);

	if (o->side == FOG_AUCTION_ASK && all > 0)
		all = (all + FOG_AUCTION_ASK_PART - 1) / FOG_AUCTION_ASK_PART;
	return all < 0 ? -1 : FOG_MAX(all, 1);
}

void fog_auction_ask_text(u64 id, u32 hours, const u8 hash[FOG_AUCTION_HASH_SIZE],
			  char out[FOG_AUCTION_TEXT_SIZE])
{
	char hex[2 * FOG_AUCTION_HASH_SIZE + 1];

	if (fog_hex_encode(hash, FOG_AUCTION_HASH_SIZE, hex, sizeof(hex)) != 0)
		FOG_UNREACHABLE();
	snprintf(out, FOG_AUCTION_TEXT_SIZE, "{\"auction\":%llu,\"hash\":\"%s\",\"hours\":%u}",
		 (unsigned long long)id, hex, hours);
}

int fog_auction_reveal(struct fog_auction *a, const u8 account[FOG_AUCTION_ACCOUNT_SIZE],
		       const struct fog_auction_order *order,
		       const u8 nonce[FOG_AUCTION_NONCE_SIZE], const char *space, u64 now_ms)
{
	u8 hash[FOG_AUCTION_HASH_SIZE];

	if (fog_auction_phase(a, now_ms) != FOG_AUCTION_PHASE_REVEAL)
		return -ETIME;
	if (!order_ok(order))
		return -EINVAL;
	fog_auction_hash(a->id, account, order, nonce, hash);
	struct fog_auction_entry *e = find(a, account, hash);
	if (e == NULL)
		return -ENOENT;
	if (e->state == FOG_AUCTION_REVEALED)
		return -EALREADY;
	i64 covered = fog_auction_deposit(order, a->hours);
	if (covered < 0 || covered > e->deposit)
		return -ERANGE;
	e->state = FOG_AUCTION_REVEALED;
	e->order = *order;
	snprintf(e->space, sizeof(e->space), "%s", space);
	return 0;
}

/* Whether a goes before b: the better price, then the earlier. */
static bool goes_before(const struct fog_auction_entry *a, const struct fog_auction_entry *b)
{
	if (a->order.price != b->order.price)
		return a->order.side == FOG_AUCTION_BID ? a->order.price > b->order.price
							: a->order.price < b->order.price;
	return a->sequence < b->sequence;
}

static void sift(const struct fog_auction_entry *entry, u16 *heap, u32 count, u32 at)
{
	for (u32 child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && goes_before(&entry[heap[child]], &entry[heap[child + 1]]))
			child++;
		if (!goes_before(&entry[heap[at]], &entry[heap[child]]))
			return;
		u16 swap = heap[at];
		heap[at] = heap[child];
		heap[child] = swap;
	}
}

/* Lists the revealed entries of one side, best first: a heap sort, no worst case to bid for. */
static u32 side_sort(const struct fog_auction_entry *entry, u32 count, enum fog_auction_side side,
		     u16 *list)
{
	u32 n = 0;

	for (u32 i = 0; i < count; i++)
		if (entry[i].state == FOG_AUCTION_REVEALED && entry[i].order.side == side)
			list[n++] = (u16)i;
	for (u32 i = n / 2; i > 0; i--)
		sift(entry, list, n, i - 1);
	for (u32 left = n; left > 1; left--) {
		u16 swap = list[0];
		list[0] = list[left - 1];
		list[left - 1] = swap;
		sift(entry, list, left - 1, 0);
	}
	return n;
}

void fog_auction_match(struct fog_auction_entry *entry, u32 count, i64 *price, i64 *volume)
{
	u16 bids[FOG_AUCTION_ORDERS_MAX], asks[FOG_AUCTION_ORDERS_MAX];
	u32 b = 0, s = 0;

	FOG_ASSERT(count <= FOG_AUCTION_ORDERS_MAX);
	*price = 0;
	*volume = 0;
	for (u32 i = 0; i < count; i++)
		entry[i].filled = 0;
	u32 bid_count = side_sort(entry, count, FOG_AUCTION_BID, bids);
	u32 ask_count = side_sort(entry, count, FOG_AUCTION_ASK, asks);
	while (b < bid_count && s < ask_count) {
		struct fog_auction_entry *bid = &entry[bids[b]];
		struct fog_auction_entry *ask = &entry[asks[s]];
		if (bid->order.price < ask->order.price)
			break;
		i64 traded = FOG_MIN(bid->order.quantity - bid->filled,
				     ask->order.quantity - ask->filled);
		bid->filled += traded;
		ask->filled += traded;
		*volume += traded;
		*price = ask->order.price + (bid->order.price - ask->order.price) / 2;
		b += bid->filled == bid->order.quantity;
		s += ask->filled == ask->order.quantity;
	}
}

int fog_auction_clear(struct fog_auction *a, u64 now_ms)
{
	if (a->cleared)
		return -EALREADY;
	if (now_ms < a->reveal_until_ms)
		return -ETIME;
	a->cleared = true;
	fog_auction_match(a->entry, a->count, &a->price, &a->volume);
	return 0;
}

/* The next entry of that side which traded, from `at` on. */
static u32 traded(const struct fog_auction *a, enum fog_auction_side side, u32 at)
{
	while (at < a->count && (a->entry[at].state != FOG_AUCTION_REVEALED ||
				 a->entry[at].order.side != side || a->entry[at].filled == 0))
		at++;
	return at;
}

u32 fog_auction_due(const struct fog_auction *a, struct fog_auction_due *due,
		    struct fog_auction_sale *sale)
{
	u32 ask = traded(a, FOG_AUCTION_ASK, 0), count = 0;
	i64 used = 0; /* of the ask at hand */

	FOG_ASSERT(a->cleared);
	for (u32 i = 0; i < a->count; i++) {
		const struct fog_auction_entry *e = &a->entry[i];
		bool revealed = e->state == FOG_AUCTION_REVEALED;
		due[i] = (struct fog_auction_due){.back = revealed ? e->deposit : 0,
						  .fees = revealed ? 0 : e->deposit};
	}
	for (u32 bid = traded(a, FOG_AUCTION_BID, 0); bid < a->count;
	     bid = traded(a, FOG_AUCTION_BID, bid + 1)) {
		i64 left = a->entry[bid].filled, pays = worth(a->price, left, a->hours, true);
		due[bid].back -= pays;
		for (; left > 0; count++) {
			FOG_ASSERT(ask < a->count);
			i64 units = FOG_MIN(left, a->entry[ask].filled - used);
			sale[count] = (struct fog_auction_sale){
				bid, ask, units, worth(a->price, units, a->hours, false)};
			pays -= sale[count].amount;
			left -= units;
			used += units;
			if (used < a->entry[ask].filled)
				continue;
			ask = traded(a, FOG_AUCTION_ASK, ask + 1);
			used = 0;
		}
		due[bid].fees += pays;
	}
	return count;
}
