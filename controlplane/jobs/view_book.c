/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounts and reputation as the API shows them, see view.h. */
#include "controlplane/jobs/limits.h"
#include "controlplane/jobs/view.h"
#include "controlplane/reputation/reputation.h"

/* Of the keys "hold:JOB:N", "release:JOB:N", "settle:JOB:N" and "credit:SUBMITTER:JOB:N" the job;
 * ids have no colon. */
static json_t *job_of_key(const char *key)
{
	const char *end = strrchr(key, ':'), *begin = end;

	if (end == NULL || strchr(key, ':') == end)
		return json_null();
	while (begin[-1] != ':')
		begin--;
	return json_stringn(begin, (size_t)(end - begin));
}

static json_t *list_end(json_t *list, int rc, const char *name, u32 count, u32 limit, i64 last)
{
	if (rc < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:o,s:o}", name, list, "next",
			 count == limit && limit != 0 ? json_integer(last) : json_null());
}

json_t *fog_view_accounts(struct fog_jobs *j, const char *owner, const char *after, u32 limit)
{
	struct fog_stmt *q = fog_stmt(
		fog_jobs_store(j), "SELECT a.name, a.balance, (SELECT count(*) FROM ledger_entry e"
				   " WHERE e.account = a.name) FROM ledger_account a"
				   " WHERE a.name > ?1 AND (?3 = '' OR a.name = 'user:' || ?3)"
				   " ORDER BY a.name LIMIT ?2");
	json_t *list = json_array();
	int rc;

	fog_bind_text(q, after);
	fog_bind_u64(q, FOG_MIN(limit, FOG_JOBS_LIST_MAX));
	fog_bind_text(q, owner != NULL ? owner : "");
	while ((rc = fog_stmt_step(q)) == 1)
		json_array_append_new(list,
				      json_pack("{s:s,s:I,s:I}", "name", fog_column_text(q, 0),
						"balance", (json_int_t)fog_column_int(q, 1),
						"entries", (json_int_t)fog_column_int(q, 2)));
	if (rc < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:o}", "accounts", list);
}

/* Every transaction takes from one account and gives to some: one movement each. */
json_t *fog_view_movements(struct fog_jobs *j, const char *account, u64 before, u32 limit)
{
	struct fog_stmt *q =
		fog_stmt(fog_jobs_store(j),
			 "SELECT c.id, t.created_ms, t.memo, d.account, c.account, c.amount, t.key"
			 " FROM ledger_entry c JOIN ledger_tx t ON t.id = c.tx"
			 " JOIN ledger_entry d ON d.tx = c.tx AND d.amount < 0"
			 " WHERE c.amount > 0 AND (?1 = '' OR c.account = ?1 OR d.account = ?1)"
			 " AND (?2 = 0 OR c.id < ?2) ORDER BY c.id DESC LIMIT ?3");
	json_t *list = json_array();
	i64 last = 0;
	u32 count = 0;
	int rc;

	limit = FOG_MIN(limit, FOG_JOBS_LIST_MAX);
	fog_bind_text(q, account != NULL ? account : "");
	fog_bind_u64(q, before);
	fog_bind_u64(q, limit);
	while ((rc = fog_stmt_step(q)) == 1) {
		last = fog_column_int(q, 0);
		count++;
		json_array_append_new(
			list,
			json_pack("{s:I,s:I,s:s,s:s,s:s,s:I,s:o}", "sequence", (json_int_t)last,
				  "at_ms", (json_int_t)fog_column_int(q, 1), "kind",
				  fog_column_text(q, 2), "debit", fog_column_text(q, 3), "credit",
				  fog_column_text(q, 4), "amount", (json_int_t)fog_column_int(q, 5),
				  "job", job_of_key(fog_column_text(q, 6))));
	}
	return list_end(list, rc, "entries", count, limit, last);
}

json_t *fog_view_entries(struct fog_jobs *j, const char *account, u64 before, u32 limit,
			 bool *found)
{
	struct fog_stmt *q =
		fog_stmt(fog_jobs_store(j), "SELECT balance FROM ledger_account WHERE name = ?");
	json_t *list = json_array();
	i64 last = 0, balance;
	u32 count = 0;

	fog_bind_text(q, account);
	int rc = fog_stmt_step(q);
	*found = rc != 0;
	if (rc != 1) {
		json_decref(list);
		return NULL;
	}
	balance = fog_column_int(q, 0);
	fog_stmt_reset(q);
	q = fog_stmt(fog_jobs_store(j), "SELECT e.id, t.created_ms, t.memo, e.amount, e.balance,"
					" t.key FROM ledger_entry e JOIN ledger_tx t ON t.id = e.tx"
					" WHERE e.account = ?1 AND (?2 = 0 OR e.id < ?2)"
					" ORDER BY e.id DESC LIMIT ?3");
	limit = FOG_MIN(limit, FOG_JOBS_LIST_MAX);
	fog_bind_text(q, account);
	fog_bind_u64(q, before);
	fog_bind_u64(q, limit);
	while ((rc = fog_stmt_step(q)) == 1) {
		last = fog_column_int(q, 0);
		count++;
		json_array_append_new(
			list,
			json_pack("{s:I,s:I,s:s,s:I,s:I,s:o,s:s}", "sequence", (json_int_t)last,
				  "at_ms", (json_int_t)fog_column_int(q, 1), "kind",
				  fog_column_text(q, 2), "amount", (json_int_t)fog_column_int(q, 3),
				  "balance", (json_int_t)fog_column_int(q, 4), "job",
				  job_of_key(fog_column_text(q, 5)), "key", fog_column_text(q, 5)));
	}
	json_t *o = list_end(list, rc, "entries", count, limit, last);
	if (o != NULL) {
		json_object_set_new(o, "account", json_string(account));
		json_object_set_new(o, "balance", json_integer(balance));
	}
	return o;
}

static json_t *reputation_json(struct fog_stmt *q, fog_host_name_fn name, void *context, u64 now_ms)
{
	struct fog_reputation r = {
		.alpha = fog_column_real(q, 1),
		.beta = fog_column_real(q, 2),
		.updated_ms = fog_column_u64(q, 3),
		.events = fog_column_u64(q, 4),
	};
	struct fog_reputation_view v;
	u8 id[FOG_JOB_NODE_SIZE];

	if (fog_column_copy(q, 0, id, sizeof(id)) != 0 || !fog_reputation_valid(&r))
		return json_null();
	fog_reputation_read(&r, now_ms, &v);
	return json_pack("{s:o,s:s,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:s,s:I,s:I}", "node_id",
			 fog_json_hex_new(id, sizeof(id)), "name",
			 name != NULL ? name(context, id) : "", "alpha", v.alpha, "beta", v.beta,
			 "score", v.lower, "mean", v.mean, "lower", v.lower, "uncertainty",
			 v.uncertainty, "evidence", v.evidence, "tier", v.tier, "events",
			 (json_int_t)r.events, "updated_ms", (json_int_t)r.updated_ms);
}

json_t *fog_view_reputation(struct fog_jobs *j, fog_host_name_fn name, void *context, u64 now_ms)
{
	struct fog_stmt *q = fog_stmt(fog_jobs_store(j),
				      "SELECT node, alpha, beta, updated_ms, events FROM reputation"
				      " ORDER BY updated_ms DESC LIMIT ?");
	json_t *list = json_array();
	int rc;

	fog_bind_u64(q, FOG_JOBS_LIST_MAX);
	while ((rc = fog_stmt_step(q)) == 1)
		json_array_append_new(list, reputation_json(q, name, context, now_ms));
	if (rc < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:o}", "reputation", list);
}

json_t *fog_view_evidence(struct fog_jobs *j, const char *owner, const u8 node[FOG_JOB_NODE_SIZE],
			  u32 limit)
{
	struct fog_stmt *q = fog_stmt(fog_jobs_store(j),
				      "SELECT id, kind, quality, CASE WHEN ?3 = '' OR EXISTS"
				      " (SELECT 1 FROM job j WHERE j.id = e.job AND j.user = ?3)"
				      " THEN job ELSE '' END, attempt, detail, created_ms"
				      " FROM evidence e WHERE node = ?1 ORDER BY id DESC LIMIT ?2");
	json_t *list = json_array();
	int rc;

	fog_bind_blob(q, node, FOG_JOB_NODE_SIZE);
	fog_bind_u64(q, FOG_MIN(limit, FOG_JOBS_LIST_MAX));
	fog_bind_text(q, owner != NULL ? owner : "");
	while ((rc = fog_stmt_step(q)) == 1)
		json_array_append_new(list,
				      json_pack("{s:I,s:s,s:f,s:s,s:I,s:s,s:I}", "sequence",
						(json_int_t)fog_column_int(q, 0), "kind",
						fog_column_text(q, 1), "quality",
						fog_column_real(q, 2), "job", fog_column_text(q, 3),
						"attempt", (json_int_t)fog_column_int(q, 4),
						"detail", fog_column_text(q, 5), "at_ms",
						(json_int_t)fog_column_int(q, 6)));
	if (rc < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:o}", "evidence", list);
}
