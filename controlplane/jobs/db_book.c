/* SPDX-License-Identifier: BSD-3-Clause */
/* SQL of ledger and reputation: the backends of the two policies. Errors stick in j->rc. */
#include <errno.h>

#include "controlplane/jobs/state.h"

static int ledger_find(void *context, const char *key, struct fog_ledger_tx *out)
{
	struct fog_jobs *j = context;
	struct fog_stmt *q = fog_stmt(j->store, "SELECT t.id, e.account, e.amount FROM ledger_tx t"
						" LEFT JOIN ledger_entry e ON e.tx = t.id"
						" WHERE t.key = ?");
	bool found = false;
	int rc;

	fog_bind_text(q, key);
	while ((rc = fog_stmt_step(q)) == 1) {
		found = true;
		if (fog_column_is_null(q, 1)) /* applied, without entries */
			continue;
		if (out->entry_count == FOG_LEDGER_ENTRIES_MAX) {
			fog_stmt_reset(q);
			return -EUCLEAN;
		}
		struct fog_ledger_entry *e = &out->entry[out->entry_count++];
		snprintf(e->account, sizeof(e->account), "%s", fog_column_text(q, 1));
		e->amount = fog_column_int(q, 2);
	}
	return rc < 0 ? rc : found ? 0 : -ENOENT;
}

static int ledger_balance(void *context, const char *account, i64 *out)
{
	struct fog_jobs *j = context;
	struct fog_stmt *q =
		fog_stmt(j->store, "SELECT balance FROM ledger_account WHERE name = ?");

	*out = 0;
	fog_bind_text(q, account);
	int rc = fog_stmt_step(q);
	if (rc != 1)
		return rc;
	*out = fog_column_int(q, 0);
	fog_stmt_reset(q);
	return 0;
}

static int ledger_record(void *context, const struct fog_ledger_tx *tx, u64 now_ms)
{
	struct fog_jobs *j = context;
	struct fog_stmt *q =
		fog_stmt(j->store, "INSERT INTO ledger_tx(key, memo, created_ms) VALUES(?, ?, ?)");

	fog_bind_text(q, tx->key);
	fog_bind_text(q, tx->memo);
	fog_bind_u64(q, now_ms);
	return fog_stmt_run(q);
}

static int ledger_post(void *context, const struct fog_ledger_tx *tx, u32 index, i64 balance_new,
		       u64 now_ms)
{
	const struct fog_ledger_entry *e = &tx->entry[index];
	struct fog_jobs *j = context;
	struct fog_stmt *q = fog_stmt(j->store, "INSERT INTO ledger_account(name, balance)"
						" VALUES(?, ?) ON CONFLICT(name)"
						" DO UPDATE SET balance = excluded.balance");

	fog_bind_text(q, e->account);
	fog_bind_int(q, balance_new);
	int rc = fog_stmt_run(q);
	if (rc != 0)
		return rc;
	q = fog_stmt(j->store, "INSERT INTO ledger_entry(tx, account, amount, balance)"
			       " SELECT id, ?, ?, ? FROM ledger_tx WHERE key = ?");
	fog_bind_text(q, e->account);
	fog_bind_int(q, e->amount);
	fog_bind_int(q, balance_new);
	fog_bind_text(q, tx->key);
	return fog_stmt_run(q);
}

int fog_db_ledger_apply(struct fog_jobs *j, const struct fog_ledger_tx *tx)
{
	const struct fog_ledger_backend backend = {j, ledger_find, ledger_balance, ledger_post,
						   ledger_record};

	if (j->rc != 0)
		return j->rc;
	int rc = fog_ledger_apply(&backend, tx, j->now_ms);
	/* A refusal is an answer; anything else is a broken store or our bug, and rolls back. */
	if (rc != 0 && rc != -ENOSPC)
		fog_jobs_fail(j, rc);
	return rc;
}

int fog_jobs_move(struct fog_jobs *j, const char *key, const char *from, const char *to, i64 amount,
		  const char *memo)
{
	struct fog_ledger_tx tx;

	FOG_ASSERT(j->in_step);
	if (strncmp(from, "user:", 5) == 0)
		fog_user_open(j, from + 5);
	int rc = fog_ledger_transfer(&tx, key, from, to, amount, memo);
	if (rc != 0) {
		fog_jobs_fail(j, rc);
		return rc;
	}
	return fog_db_ledger_apply(j, &tx);
}

int fog_jobs_book(struct fog_jobs *j, u64 now_ms, int (*step)(void *context, struct fog_jobs *j),
		  void *context)
{
	if (!fog_jobs_begin(j, now_ms))
		return -EAGAIN;
	int rc = step(context, j);
	if (rc != 0 && rc != -ENOSPC)
		fog_jobs_fail(j, rc);
	return fog_jobs_end(j) != 0 ? -EAGAIN : rc;
}

bool fog_db_ledger_known(struct fog_jobs *j, const char *key)
{
	struct fog_ledger_tx tx;

	memset(&tx, 0, sizeof(tx));
	int rc = ledger_find(j, key, &tx);
	if (rc != -ENOENT)
		fog_jobs_fail(j, rc);
	return rc == 0;
}

/* First row of sql as a number; a query that finds nothing gives 0. */
static int number(struct fog_store *store, const char *sql, i64 *out)
{
	struct fog_stmt *q = fog_stmt(store, sql);
	int rc = fog_stmt_step(q);

	*out = 0;
	if (rc == 1) {
		*out = fog_column_int(q, 0);
		fog_stmt_reset(q);
		rc = 0;
	}
	return rc;
}

int fog_jobs_audit(struct fog_store *store, char why[FOG_STORE_WHY_SIZE])
{
	static const struct {
		const char *sql, *text;
	} checks[] = {
		{"SELECT coalesce(sum(balance), 0) FROM ledger_account",
		 "the balances do not sum to zero"},
		{"SELECT count(*) FROM (SELECT tx FROM ledger_entry GROUP BY tx"
		 " HAVING sum(amount) <> 0) t",
		 "a transaction does not sum to zero"},
		{"SELECT count(*) FROM ledger_account a WHERE a.balance <>"
		 " (SELECT coalesce(sum(amount), 0) FROM ledger_entry e WHERE e.account = a.name)",
		 "a balance differs from the sum of its entries"},
		{"SELECT count(*) FROM ledger_account WHERE balance < 0 AND name <> 'issuer'",
		 "an account is below zero"},
	};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(checks); i++) {
		i64 value;
		int rc = number(store, checks[i].sql, &value);
		if (rc == 0 && value == 0)
			continue;
		snprintf(why, FOG_STORE_WHY_SIZE, "ledger: %s",
			 rc != 0 ? "cannot be read" : checks[i].text);
		return rc != 0 ? rc : -EUCLEAN;
	}
	return 0;
}

void fog_db_reputation_get(struct fog_jobs *j, const u8 *node, struct fog_reputation *out)
{
	struct fog_stmt *q = fog_stmt(j->store, "SELECT alpha, beta, updated_ms, events"
						" FROM reputation WHERE node = ?");

	fog_reputation_init(out);
	fog_bind_blob(q, node, FOG_JOB_NODE_SIZE);
	int rc = fog_stmt_step(q);
	if (rc != 1) {
		fog_jobs_fail(j, rc);
		return;
	}
	out->alpha = fog_column_real(q, 0);
	out->beta = fog_column_real(q, 1);
	out->updated_ms = fog_column_u64(q, 2);
	out->events = fog_column_u64(q, 3);
	fog_stmt_reset(q);
	if (!fog_reputation_valid(out)) {
		fog_jobs_fail(j, -EUCLEAN);
		fog_reputation_init(out);
	}
}

static void reputation_put(struct fog_jobs *j, const u8 *node, const struct fog_reputation *r)
{
	if (j->rc != 0)
		return;
	struct fog_stmt *q =
		fog_stmt(j->store, "INSERT INTO reputation(node, alpha, beta, updated_ms, events)"
				   " VALUES(?, ?, ?, ?, ?) ON CONFLICT(node) DO UPDATE SET"
				   " alpha = excluded.alpha, beta = excluded.beta,"
				   " updated_ms = excluded.updated_ms, events = excluded.events");
	fog_bind_blob(q, node, FOG_JOB_NODE_SIZE);
	fog_bind_real(q, r->alpha);
	fog_bind_real(q, r->beta);
	fog_bind_u64(q, r->updated_ms);
	fog_bind_u64(q, r->events);
	fog_jobs_fail(j, fog_stmt_run(q));
}

void fog_db_evidence_add(struct fog_jobs *j, const u8 *node, enum fog_evidence_kind kind,
			 double quality, const char *job, u32 attempt, const char *detail)
{
	struct fog_reputation r;

	if (j->rc != 0)
		return;
	struct fog_stmt *q = fog_stmt(
		j->store, "INSERT INTO evidence(node, kind, quality, job, attempt, detail,"
			  " created_ms) VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
	fog_bind_blob(q, node, FOG_JOB_NODE_SIZE);
	fog_bind_text(q, fog_reputation_kinds[kind].name);
	fog_bind_real(q, quality);
	fog_bind_text(q, job);
	fog_bind_u64(q, attempt);
	fog_bind_text(q, detail);
	fog_bind_u64(q, j->now_ms);
	fog_jobs_fail(j, fog_stmt_run(q));
	if (j->rc != 0 || fog_store_changes(j->store) == 0)
		return;
	fog_db_reputation_get(j, node, &r);
	fog_jobs_fail(j, fog_reputation_update(&r, kind, quality, j->now_ms));
	reputation_put(j, node, &r);
}
