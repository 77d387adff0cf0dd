/* SPDX-License-Identifier: BSD-3-Clause */
/* Money and places of auctions, in this host's book.
 *
 *	commit:  user -> escrow:auction-ID, the deposit
 *	clear:   escrow -> user, what is not owed; escrow -> fees, deposits of orders nobody
 *	         revealed; for each sale a reservation of the buyer's namespace at the seller's host
 *	end:     escrow -> host, for the part of the time in which it was there; the rest -> user
 *
 * Each in one store transaction with what it is about. */
#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/market.h"
#include "controlplane/directory/links.h"
#include "controlplane/jobs/reserve.h"
#include "controlplane/jobs/runtime.h"
#include "controlplane/ledger/ledger.h"
#include "crypto/mem.h"

#define GIB     (1ull << 30)
#define HOUR_MS 3600000ull
#define SALES   FOG_JOBS_RESERVATIONS_MAX /* open: each has a reservation */

static void escrow_name(u64 id, char out[FOG_LEDGER_ACCOUNT_SIZE])
{
	snprintf(out, FOG_LEDGER_ACCOUNT_SIZE, "escrow:auction-%llu", (unsigned long long)id);
}

static void user_name(const char *user, char out[FOG_LEDGER_ACCOUNT_SIZE])
{
	snprintf(out, FOG_LEDGER_ACCOUNT_SIZE, "user:%s", user);
}

static void key_make(u64 id, const char *what, u64 number, char out[FOG_LEDGER_KEY_SIZE])
{
	snprintf(out, FOG_LEDGER_KEY_SIZE, "auction:%llu.%s.%llu", (unsigned long long)id, what,
		 (unsigned long long)number);
}

/* Nothing moves nothing. */
static int move(struct fog_jobs *j, u64 id, const char *what, u64 number, const char *from,
		const char *to, i64 amount)
{
	char key[FOG_LEDGER_KEY_SIZE];

	key_make(id, what, number, key);
	return amount == 0 ? 0 : fog_jobs_move(j, key, from, to, amount, "auction");
}

bool fog_host_lane_amount(enum fog_lane lane, i64 units, struct fog_amount *out)
{
	*out = (struct fog_amount){0};
	switch (lane) {
	case FOG_LANE_CPU:
	case FOG_LANE_TEE_SECURE:
		out->cpu_milli = 1000 * (u64)units;
		return true;
	case FOG_LANE_MEMORY:
		out->memory_bytes = GIB * (u64)units;
		return true;
	case FOG_LANE_GPU:
		out->gpu_milli = 1000 * (u64)units;
		return true;
	default:
		return false;
	}
}

/* ---- commit --------------------------------------------------------------------------------- */

struct book {
	struct fog_host *h;
	struct fog_host_auction *x;
};

static int commit_step(void *context, struct fog_jobs *j)
{
	char user[FOG_LEDGER_ACCOUNT_SIZE], escrow[FOG_LEDGER_ACCOUNT_SIZE];
	struct book *b = context;
	const struct fog_auction_entry *e = &b->x->a.entry[b->x->a.count - 1];

	user_name(e->payer, user);
	escrow_name(b->x->a.id, escrow);
	int rc = move(j, b->x->a.id, "hold", e->sequence, user, escrow, e->deposit);
	return rc != 0 ? rc : fog_host_auction_store(b->h, b->x);
}

int fog_host_auction_hold(struct fog_host *h, struct fog_host_auction *x)
{
	struct book b = {h, x};

	if (h->jobs == NULL)
		return -EAGAIN;
	return fog_jobs_book(fog_jobs_runtime_engine(h->jobs), fog_loop_now_ms(h->loop),
			     commit_step, &b);
}

/* ---- clear ---------------------------------------------------------------------------------- */

static int sale_store(struct fog_host *h, const struct fog_host_auction *x, u32 number,
		      const struct fog_auction_sale *s, const char *reservation)
{
	const struct fog_auction_entry *bid = &x->a.entry[s->bid], *ask = &x->a.entry[s->ask];
	struct fog_stmt *q = fog_stmt(
		h->store, "INSERT INTO market_sale(auction, number, payer, space, seller, units,"
			  " amount, reservation, start_ms, end_ms, up, down, paid)"
			  " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, -1)");

	fog_bind_u64(q, x->a.id);
	fog_bind_u64(q, number);
	fog_bind_text(q, bid->payer);
	fog_bind_text(q, bid->space);
	fog_bind_blob(q, ask->account, sizeof(ask->account));
	fog_bind_int(q, s->units);
	fog_bind_int(q, s->amount);
	fog_bind_text(q, reservation);
	fog_bind_u64(q, x->a.reveal_until_ms);
	fog_bind_u64(q, x->a.reveal_until_ms + x->a.hours * HOUR_MS);
	return fog_stmt_run(q);
}

/* A place for the buyer; where there is none he has his money back. */
static int sale_make(struct book *b, struct fog_jobs *j, u32 number,
		     const struct fog_auction_sale *s)
{
	const struct fog_auction_entry *bid = &b->x->a.entry[s->bid];
	char user[FOG_LEDGER_ACCOUNT_SIZE], escrow[FOG_LEDGER_ACCOUNT_SIZE];
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_reservation *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	snprintf(r->owner, sizeof(r->owner), "%s", bid->payer);
	snprintf(r->space, sizeof(r->space), "%s", bid->space);
	snprintf(r->note, sizeof(r->note), "auction %llu", (unsigned long long)b->x->a.id);
	r->host_count = 1;
	memcpy(r->host[0], b->x->a.entry[s->ask].account, FOG_JOB_NODE_SIZE);
	(void)fog_host_lane_amount(b->x->lane, s->units, &r->amount);
	r->start_ms = b->x->a.reveal_until_ms;
	r->duration_ms = b->x->a.hours * HOUR_MS;
	int rc = fog_reserve_add(j, r, error);
	if (rc == -EEXIST || rc == -ENOSPC) {
		user_name(bid->payer, user);
		escrow_name(b->x->a.id, escrow);
		rc = move(j, b->x->a.id, "void", number, escrow, user, s->amount);
	} else if (rc == 0) {
		rc = sale_store(b->h, b->x, number, s, r->id);
	}
	free(r);
	return rc;
}

static int deposits_return(struct book *b, struct fog_jobs *j, const struct fog_auction_due *due)
{
	char user[FOG_LEDGER_ACCOUNT_SIZE], escrow[FOG_LEDGER_ACCOUNT_SIZE];
	const struct fog_auction *a = &b->x->a;
	int rc = 0;

	escrow_name(a->id, escrow);
	for (u32 i = 0; rc == 0 && i < a->count; i++) {
		user_name(a->entry[i].payer, user);
		rc = move(j, a->id, "back", a->entry[i].sequence, escrow, user, due[i].back);
		if (rc == 0)
			rc = move(j, a->id, "fees", a->entry[i].sequence, escrow, FOG_LEDGER_FEES,
				  due[i].fees);
	}
	return rc;
}

static int clear_step(void *context, struct fog_jobs *j)
{
	struct book *b = context;
	struct fog_auction *a = &b->x->a;
	struct fog_auction_due *due = calloc(a->count + 1, sizeof(*due));
	struct fog_auction_sale *sale = calloc(a->count + 1, sizeof(*sale));
	int rc = due == NULL || sale == NULL ? -ENOMEM : 0;

	u32 count = rc == 0 ? fog_auction_due(a, due, sale) : 0;
	if (rc == 0)
		rc = deposits_return(b, j, due);
	for (u32 i = 0; rc == 0 && i < count; i++)
		rc = sale_make(b, j, i, &sale[i]);
	if (rc == 0)
		rc = fog_host_auction_store(b->h, b->x);
	free(due);
	free(sale);
	return rc == -ENOSPC ? -EUCLEAN : rc; /* the deposits are there, or the book is wrong */
}

int fog_host_auction_settle(struct fog_host *h, struct fog_host_auction *x)
{
	struct book b = {h, x};

	if (h->jobs == NULL)
		return -EAGAIN;
	return fog_jobs_book(fog_jobs_runtime_engine(h->jobs), fog_loop_now_ms(h->loop), clear_step,
			     &b);
}

/* ---- what was sold -------------------------------------------------------------------------- */

struct sale {
	u64 auction, number, end_ms, up, down;
	char payer[FOG_AUCTION_NAME_SIZE];
	u8 seller[32];
	i64 amount;
};

struct sales {
	struct fog_host *h;
	u64 now_ms;
	u32 count;
	struct sale sale[SALES];
};

static int sales_read(struct sales *s)
{
	struct fog_stmt *q = fog_stmt(
		s->h->store, "SELECT auction, number, payer, seller, amount, end_ms, up, down"
			     " FROM market_sale WHERE paid < 0 ORDER BY auction, number LIMIT ?");
	int rc;

	fog_bind_u64(q, SALES);
	while ((rc = fog_stmt_step(q)) == 1) {
		struct sale *x = &s->sale[s->count++];
		x->auction = fog_column_u64(q, 0);
		x->number = fog_column_u64(q, 1);
		snprintf(x->payer, sizeof(x->payer), "%s", fog_column_text(q, 2));
		if (fog_column_copy(q, 3, x->seller, sizeof(x->seller)) != 0)
			s->count--;
		x->amount = fog_column_int(q, 4);
		x->end_ms = fog_column_u64(q, 5);
		x->up = fog_column_u64(q, 6);
		x->down = fog_column_u64(q, 7);
	}
	return rc;
}

static bool there(const struct fog_host *h, const u8 node[32])
{
	if (memcmp(node, h->id.node_id, 32) == 0)
		return true;
	return fog_directory_find(h->directory, node) != NULL &&
	       fog_links_state(h->links, node, fog_monotonic_ms()) != FOG_LINK_DOWN;
}

/* Seen once more; at the end paid for the part of the time in which it was there. */
static int sale_step(struct sales *s, struct fog_jobs *j, struct sale *x)
{
	char user[FOG_LEDGER_ACCOUNT_SIZE], escrow[FOG_LEDGER_ACCOUNT_SIZE];
	char host[FOG_LEDGER_ACCOUNT_SIZE] = "host:";
	bool up = there(s->h, x->seller);
	i64 paid = -1;
	int rc = 0;

	x->up += up;
	x->down += !up;
	if (s->now_ms >= x->end_ms) {
		paid = (i64)((unsigned __int128)x->amount * x->up / (x->up + x->down));
		escrow_name(x->auction, escrow);
		user_name(x->payer, user);
		fog_hex_encode(x->seller, 32, host + 5, sizeof(host) - 5);
		rc = move(j, x->auction, "pay", x->number, escrow, host, paid);
		if (rc == 0)
			rc = move(j, x->auction, "rest", x->number, escrow, user, x->amount - paid);
	}
	if (rc != 0)
		return rc;
	struct fog_stmt *q = fog_stmt(s->h->store, "UPDATE market_sale SET up = ?, down = ?,"
						   " paid = ? WHERE auction = ? AND number = ?");
	fog_bind_u64(q, x->up);
	fog_bind_u64(q, x->down);
	fog_bind_int(q, paid);
	fog_bind_u64(q, x->auction);
	fog_bind_u64(q, x->number);
	return fog_stmt_run(q);
}

static int sales_step(void *context, struct fog_jobs *j)
{
	struct sales *s = context;
	int rc = 0;

	for (u32 i = 0; rc == 0 && i < s->count; i++)
		rc = sale_step(s, j, &s->sale[i]);
	return rc == -ENOSPC ? -EUCLEAN : rc;
}

void fog_host_sales_step(struct fog_host *h, u64 now_ms)
{
	struct sales *s = h->jobs != NULL ? calloc(1, sizeof(*s)) : NULL;

	if (s == NULL)
		return;
	s->h = h;
	s->now_ms = now_ms;
	int rc = sales_read(s);
	if (rc == 0 && s->count != 0)
		rc = fog_jobs_book(fog_jobs_runtime_engine(h->jobs), now_ms, sales_step, s);
	if (rc != 0)
		fog_log(FOG_LOG_WARNING, "market", "sales not looked at reason=\"%s\"",
			strerror(-rc));
	free(s);
}

json_t *fog_host_sales_json(struct fog_host *h, u64 id)
{
	struct fog_stmt *q = fog_stmt(
		h->store, "SELECT payer, space, seller, units, amount, reservation, start_ms,"
			  " end_ms, up, down, paid FROM market_sale WHERE auction = ?"
			  " ORDER BY number");
	json_t *list = json_array();
	u8 seller[32];

	fog_bind_u64(q, id);
	while (fog_stmt_step(q) == 1) {
		i64 paid = fog_column_int(q, 10);
		if (fog_column_copy(q, 2, seller, sizeof(seller)) != 0)
			continue;
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:o, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:o}", "user",
				  fog_column_text(q, 0), "namespace", fog_column_text(q, 1),
				  "seller", fog_json_hex_new(seller, 32), "units",
				  (json_int_t)fog_column_int(q, 3), "amount_mfog",
				  (json_int_t)fog_column_int(q, 4), "reservation",
				  fog_column_text(q, 5), "start_ms",
				  (json_int_t)fog_column_int(q, 6), "end_ms",
				  (json_int_t)fog_column_int(q, 7), "seen_up",
				  (json_int_t)fog_column_int(q, 8), "seen_down",
				  (json_int_t)fog_column_int(q, 9), "paid_mfog",
				  paid >= 0 ? json_integer(paid) : json_null()));
	}
	return list;
}
