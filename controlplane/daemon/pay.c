/* SPDX-License-Identifier: BSD-3-Clause */
/* Pay of jobs between hosts, on the shared ledger: held before the offer is sent, paid by the
 *receipt.
 *
 *	engine: placed --fog_host_pay_backed()--> row --tick--> ESCROW_OPEN --block--> offer is sent
 *	worker: offer --fog_host_pay_funded()--> taken once the escrow is there
 *	engine: settled, or ended without pay          --tick--> ESCROW_SETTLE: the receipt's
 *amount, or 0 worker: receipt, and nobody paid for a while   --tick--> ESCROW_CLAIM with the
 *receipt, then FINISH
 *
 * What is to be done follows from the store and the ledger alone, so a crash loses nothing: the
 *tick looks at each open row, at what the engine says of the attempt, and at the escrow, and sends
 *what is missing. The book of this host (controlplane/ledger/ledger.h) goes on holding what its own
 *users owe it; between hosts the shared ledger counts. */
#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/chain.h"
#include "controlplane/jobs/engine.h"
#include "crypto/hash/hash.h"

#define TICK_MS    200
#define ROWS_MAX   64   /* looked at in one tick */
#define CLAIMS_MAX 16   /* likewise */
#define RESEND_MS  5000 /* a transaction on its way is not sent again before */
/* A receipt unpaid for so long is claimed; sooner where there is less time to object. */
#define CLAIM_AFTER_MS 120000
#define LIFE_MS        86400000ull
#define UFOG           1000 /* of a mfog */

struct fog_host_pay {
	struct fog_host *host;
	struct ev_timer timer;
	u64 looked_ms; /* when the last receipt looked at was made; 0 = begin with the oldest */
};

static const struct fog_migration migrations[] = {
	{1, "CREATE TABLE pay_escrow("
	    " escrow BLOB PRIMARY KEY, reference BLOB NOT NULL, job TEXT NOT NULL,"
	    " attempt INTEGER NOT NULL, worker BLOB NOT NULL, offer BLOB NOT NULL,"
	    " amount INTEGER NOT NULL, opened INTEGER NOT NULL DEFAULT 0,"
	    " done INTEGER NOT NULL DEFAULT 0, sent_ms INTEGER NOT NULL DEFAULT 0) STRICT;"
	    "CREATE INDEX pay_escrow_open ON pay_escrow(done);"},
};

static void reference_of(const char *job, u32 attempt, u8 out[32])
{
	char text[FOG_JOB_ID_SIZE + 16];
	int n = snprintf(text, sizeof(text), "%s:%u", job, attempt);

	fog_hash_sha256(out, text, (size_t)n);
}

static const struct fog_state *state_of(const struct fog_host *h)
{
	return fog_chain_state(fog_ledger_app_chain(fog_host_chain_app(h->chain)));
}

/* Fees are small against any pay. */
static bool affordable(const struct fog_host *h, u64 amount)
{
	struct fog_rec_account a;

	fog_state_get(state_of(h), FOG_RECORD_ACCOUNT, h->id.node_id, &a);
	return a.balance > amount;
}

bool fog_host_pay_backed(void *context, const struct fog_attempt_key *key, const char *offer,
			 i64 amount, char error[128])
{
	struct fog_host *h = context;
	struct fog_rec_escrow e;
	u8 reference[32], id[32], terms[32];

	if (h->pay == NULL || amount <= 0 || memcmp(key->worker, h->id.node_id, 32) == 0)
		return true;
	reference_of(key->job, key->attempt, reference);
	fog_escrow_id(h->id.node_id, reference, id);
	if (fog_state_get(state_of(h), FOG_RECORD_ESCROW, id, &e))
		return true;
	struct fog_stmt *q =
		fog_stmt(h->store, "INSERT INTO pay_escrow(escrow, reference, job,"
				   " attempt, worker, offer, amount)"
				   " VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
	fog_hash_sha256(terms, offer, strlen(offer));
	fog_bind_blob(q, id, 32);
	fog_bind_blob(q, reference, 32);
	fog_bind_text(q, key->job);
	fog_bind_u64(q, key->attempt);
	fog_bind_blob(q, key->worker, 32);
	fog_bind_blob(q, terms, 32);
	fog_bind_int(q, amount * UFOG);
	(void)fog_stmt_run(q); /* failed: asked again at the engine's next tick */
	snprintf(error, 128, "%s",
		 affordable(h, (u64)amount * UFOG) ? "the shared ledger does not hold its pay yet"
						   : "this host's account has not enough on the "
						     "shared ledger");
	return false;
}

/* On a chain of our own the money of others cannot be seen. */
bool fog_host_pay_funded(void *context, const struct fog_offer *offer, const char *text,
			 char error[128])
{
	struct fog_host *h = context;
	struct fog_rec_escrow e;
	u8 reference[32], id[32], terms[32];
	const char *why = NULL;

	if (h->pay == NULL || fog_host_chain_node(h->chain) == NULL || offer->price_max <= 0 ||
	    memcmp(offer->key.submitter, h->id.node_id, 32) == 0)
		return true;
	reference_of(offer->key.job, offer->key.attempt, reference);
	fog_escrow_id(offer->key.submitter, reference, id);
	fog_hash_sha256(terms, text, strlen(text));
	if (!fog_state_get(state_of(h), FOG_RECORD_ESCROW, id, &e))
		why = "the shared ledger holds no pay for it";
	else if (memcmp(e.payee, h->id.node_id, 32) != 0 || memcmp(e.terms, terms, 32) != 0)
		why = "the shared ledger holds the pay of another host or offer";
	else if (e.state != FOG_ESCROW_OPEN || e.held < (u64)offer->price_max * UFOG ||
		 e.due_ms <= fog_loop_now_ms(h->loop))
		why = "the shared ledger holds too little for it, or not any more";
	if (why != NULL)
		snprintf(error, 128, "%s", why);
	return why == NULL;
}

/* ---- submitter ------------------------------------------------------------------------------ */

struct row {
	u8 escrow[32], reference[32], worker[32], offer[32];
	char job[FOG_JOB_ID_SIZE];
	u32 attempt;
	u64 amount, sent_ms;
	bool opened;
};

static u32 rows_read(struct fog_host *h, struct row *rows)
{
	struct fog_stmt *q =
		fog_stmt(h->store, "SELECT escrow, reference, job, attempt, worker, offer,"
				   " amount, opened, sent_ms FROM pay_escrow"
				   " WHERE done = 0 ORDER BY sent_ms LIMIT 64");
	u32 count = 0;

	while (count < ROWS_MAX && fog_stmt_step(q) == 1) {
		struct row *r = &rows[count++];
		snprintf(r->job, sizeof(r->job), "%s", fog_column_text(q, 2));
		r->attempt = (u32)fog_column_u64(q, 3);
		r->amount = fog_column_u64(q, 6);
		r->opened = fog_column_int(q, 7) != 0;
		r->sent_ms = fog_column_u64(q, 8);
		if (fog_column_copy(q, 0, r->escrow, 32) != 0 ||
		    fog_column_copy(q, 1, r->reference, 32) != 0 ||
		    fog_column_copy(q, 4, r->worker, 32) != 0 ||
		    fog_column_copy(q, 5, r->offer, 32) != 0)
			count--;
	}
	fog_stmt_reset(q);
	return count;
}

static void row_note(struct fog_host *h, const struct row *r, bool opened, bool done, u64 sent_ms)
{
	struct fog_stmt *q = fog_stmt(h->store, "UPDATE pay_escrow SET opened = ?, done = ?,"
						" sent_ms = ? WHERE escrow = ?");

	fog_bind_int(q, opened);
	fog_bind_int(q, done);
	fog_bind_u64(q, sent_ms);
	fog_bind_blob(q, r->escrow, 32);
	(void)fog_stmt_run(q); /* seen again at the next tick */
}

/* How the attempt ended: -EAGAIN while it goes on, else 0 with what is to be paid and for what. */
static int attempt_outcome(struct fog_host *h, const struct row *r, u64 *amount, u8 proof[32])
{
	struct fog_stmt *q = fog_stmt(
		h->store, "SELECT a.state, s.amount, r.text FROM attempt a LEFT JOIN settlement"
			  " s ON s.job = a.job AND s.attempt = a.number AND s.submitter = ?"
			  " LEFT JOIN receipt r ON r.job = a.job AND r.attempt = a.number AND"
			  " r.submitter = ? WHERE a.job = ? AND a.number = ?");

	*amount = 0;
	memset(proof, 0, 32);
	fog_bind_blob(q, h->id.node_id, 32);
	fog_bind_blob(q, h->id.node_id, 32);
	fog_bind_text(q, r->job);
	fog_bind_u64(q, r->attempt);
	int rc = fog_stmt_step(q);
	if (rc != 1)
		return rc; /* forgotten: it was declined long ago */
	enum fog_attempt_state state = (u32)fog_column_int(q, 0);
	if (state == FOG_ATTEMPT_SETTLED) {
		*amount = fog_column_u64(q, 1) * UFOG;
		fog_hash_sha256(proof, fog_column_text(q, 2), strlen(fog_column_text(q, 2)));
	}
	fog_stmt_reset(q);
	return state < FOG_ATTEMPT_SETTLED ? -EAGAIN : 0;
}

static void tx_send(struct fog_host *h, struct fog_tx *tx, const char *job)
{
	enum fog_tx_error error;
	int rc = fog_host_chain_send(h->chain, tx, &error, NULL, NULL);

	if (rc != 0)
		fog_log(FOG_LOG_WARNING, "ledger", "%s of job %.8s not sent reason=\"%s\"",
			fog_tx_kind_name(tx->kind), job, fog_chain_why(error, rc, NULL));
}

static void row_tick(struct fog_host *h, struct row *r, u64 now_ms)
{
	struct fog_tx tx = {0};
	struct fog_rec_escrow e;
	u64 amount;
	u8 proof[32];
	bool there = fog_state_get(state_of(h), FOG_RECORD_ESCROW, r->escrow, &e);
	int ended = attempt_outcome(h, r, &amount, proof);

	if (!there && (r->opened || ended == 0)) { /* paid out, or never needed */
		row_note(h, r, r->opened, true, r->sent_ms);
		return;
	}
	if (now_ms < r->sent_ms + RESEND_MS && (there ? r->opened && ended == 0 : true) &&
	    r->sent_ms != 0) {
		return;
	}
	if (there && ended != 0) {
		if (!r->opened)
			row_note(h, r, true, false, 0);
		return;
	}
	if (there) {
		tx.kind = FOG_TX_ESCROW_SETTLE;
		memcpy(tx.body.escrow_settle.escrow, r->escrow, 32);
		memcpy(tx.body.escrow_settle.proof, proof, 32);
		tx.body.escrow_settle.amount = FOG_MIN(amount, e.held);
	} else {
		tx.kind = FOG_TX_ESCROW_OPEN;
		memcpy(tx.body.escrow_open.reference, r->reference, 32);
		memcpy(tx.body.escrow_open.payee, r->worker, 32);
		memcpy(tx.body.escrow_open.terms, r->offer, 32);
		tx.body.escrow_open.amount = r->amount;
		tx.body.escrow_open.life_ms = LIFE_MS;
	}
	if (!there && !affordable(h, r->amount))
		return; /* the attempt says so while it waits */
	row_note(h, r, there, false, now_ms);
	tx_send(h, &tx, r->job);
}

/* ---- worker --------------------------------------------------------------------------------- */

struct claim {
	u8 submitter[32], signature[64];
	char job[FOG_JOB_ID_SIZE];
	u32 attempt;
	u64 amount;
	char text[FOG_TX_TEXT_MAX + 1];
};

/* Receipts of ours that nobody settled, after the one looked at last, in turn: those of escrows
 * long gone must not keep others waiting. */
static u32 claims_read(struct fog_host *h, u64 now_ms, struct claim *claims)
{
	u64 to_object_ms = (u64)fog_parameter_get(state_of(h), FOG_PARAMETER_CLAIM_MS);
	struct fog_stmt *q = fog_stmt(
		h->store,
		"SELECT r.submitter, r.job, r.attempt, r.text, r.signature, r.amount,"
		" r.created_ms FROM receipt r LEFT JOIN settlement s ON s.submitter ="
		" r.submitter AND s.job = r.job AND s.attempt = r.attempt WHERE r.worker = ?"
		" AND s.job IS NULL AND r.created_ms < ? AND r.created_ms > ? AND r.amount > 0"
		" ORDER BY r.created_ms LIMIT 16");
	u32 count = 0;

	fog_bind_blob(q, h->id.node_id, 32);
	fog_bind_u64(q, now_ms - FOG_MIN((u64)CLAIM_AFTER_MS, to_object_ms));
	fog_bind_u64(q, FOG_MAX(now_ms - LIFE_MS, h->pay->looked_ms));
	h->pay->looked_ms = 0; /* from the start again, unless there are more */
	while (count < CLAIMS_MAX && fog_stmt_step(q) == 1) {
		struct claim *c = &claims[count++];
		snprintf(c->job, sizeof(c->job), "%s", fog_column_text(q, 1));
		c->attempt = (u32)fog_column_u64(q, 2);
		snprintf(c->text, sizeof(c->text), "%s", fog_column_text(q, 3));
		c->amount = fog_column_u64(q, 5) * UFOG;
		if (count == CLAIMS_MAX)
			h->pay->looked_ms = fog_column_u64(q, 6);
		if (fog_column_copy(q, 0, c->submitter, 32) != 0 ||
		    fog_column_copy(q, 4, c->signature, 64) != 0)
			count--;
	}
	fog_stmt_reset(q);
	return count;
}

/* Claims what is worth more than it costs, and has it paid when nobody objected in time. */
static void claim_tick(struct fog_host *h, const struct claim *c, u64 now_ms)
{
	struct fog_tx tx = {0};
	struct fog_rec_escrow e;
	u8 reference[32], id[32];

	reference_of(c->job, c->attempt, reference);
	fog_escrow_id(c->submitter, reference, id);
	if (!fog_state_get(state_of(h), FOG_RECORD_ESCROW, id, &e) ||
	    memcmp(e.payee, h->id.node_id, 32) != 0)
		return;
	if (e.state == FOG_ESCROW_OPEN) {
		tx.kind = FOG_TX_ESCROW_CLAIM;
		memcpy(tx.body.escrow_claim.escrow, id, 32);
		memcpy(tx.body.escrow_claim.signature, c->signature, 64);
		tx.body.escrow_claim.amount = FOG_MIN(c->amount, e.held);
		tx.text = c->text;
		tx.text_len = (u32)strlen(c->text);
		if (tx.body.escrow_claim.amount <= state_of(h)->global.base_fee * FOG_TX_SIZE_MAX)
			return;
	} else if (now_ms >= e.due_ms) {
		tx.kind = FOG_TX_ESCROW_FINISH;
		memcpy(tx.body.escrow.escrow, id, 32);
	}
	if (tx.kind != 0)
		tx_send(h, &tx, c->job);
}

static void claims_tick(struct fog_host *h, u64 now_ms)
{
	struct claim *claims = calloc(CLAIMS_MAX, sizeof(*claims));
	u32 count = claims != NULL ? claims_read(h, now_ms, claims) : 0;

	for (u32 i = 0; i < count; i++)
		claim_tick(h, &claims[i], now_ms);
	free(claims);
}

/* ---- life cycle ----------------------------------------------------------------------------- */

static void on_tick(struct ev_loop *loop, struct ev_timer *t, int revents)
{
	static u32 turn;
	struct fog_host_pay *p = t->data;
	u64 now_ms = fog_loop_now_ms(loop);
	struct row *rows = calloc(ROWS_MAX, sizeof(*rows));
	u32 count = rows != NULL ? rows_read(p->host, rows) : 0;

	for (u32 i = 0; i < count; i++)
		row_tick(p->host, &rows[i], now_ms);
	free(rows);
	if (++turn % (RESEND_MS / TICK_MS) == 0)
		claims_tick(p->host, now_ms);
}

int fog_host_pay_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	if (h->chain == NULL || !h->config.ledger_pay_jobs)
		return 0;
	int rc = fog_store_migrate(h->store, "pay", migrations, FOG_ARRAY_COUNT(migrations), why);
	if (rc != 0)
		return rc;
	struct fog_host_pay *p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->host = h;
	h->pay = p;
	ev_timer_init(&p->timer, on_tick, TICK_MS / 1000.0, TICK_MS / 1000.0);
	p->timer.data = p;
	ev_timer_start(h->loop, &p->timer);
	return 0;
}

void fog_host_pay_stop(struct fog_host *h)
{
	if (h->pay == NULL)
		return;
	ev_timer_stop(h->loop, &h->pay->timer);
	free(h->pay);
	h->pay = NULL;
}
