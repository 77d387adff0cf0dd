/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of jobs, ledger and reputation. A published migration never changes. */
#include "controlplane/jobs/state.h"

static const struct fog_migration jobs_migrations[] = {
	{1,
	 /* Submitter: what users asked for. seq orders the list. */
	 "CREATE TABLE job("
	 " seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, user TEXT NOT NULL,"
	 " name TEXT NOT NULL, spec TEXT NOT NULL, wishes TEXT NOT NULL, state INTEGER NOT NULL,"
	 " reason TEXT NOT NULL, cancel_ms INTEGER NOT NULL, attempt_count INTEGER NOT NULL,"
	 " lost_count INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
	 " started_ms INTEGER NOT NULL DEFAULT 0, ended_ms INTEGER NOT NULL DEFAULT 0,"
	 " outcome INTEGER NOT NULL DEFAULT 0, exit_code INTEGER NOT NULL DEFAULT -1,"
	 " signal INTEGER NOT NULL DEFAULT 0, amount INTEGER NOT NULL DEFAULT 0) STRICT;"
	 "CREATE INDEX job_by_state ON job(state, seq);"
	 "CREATE TABLE job_input("
	 " job TEXT NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY(job, name))"
	 " STRICT;"
	 /* notify: the worker must still be told (settlement, abandonment). */
	 "CREATE TABLE attempt("
	 " job TEXT NOT NULL, number INTEGER NOT NULL, worker BLOB NOT NULL,"
	 " worker_name TEXT NOT NULL, state INTEGER NOT NULL, run INTEGER NOT NULL DEFAULT 1,"
	 " notify INTEGER NOT NULL DEFAULT 0,"
	 " reason TEXT NOT NULL DEFAULT '', quote INTEGER NOT NULL, offer TEXT NOT NULL,"
	 " offer_signature BLOB NOT NULL, route TEXT NOT NULL DEFAULT '',"
	 " created_ms INTEGER NOT NULL, offered_ms INTEGER NOT NULL DEFAULT 0,"
	 " accepted_ms INTEGER NOT NULL DEFAULT 0, received_ms INTEGER NOT NULL DEFAULT 0,"
	 " ended_ms INTEGER NOT NULL DEFAULT 0, deadline_ms INTEGER NOT NULL,"
	 " reputation_before REAL NOT NULL, reputation_after REAL, PRIMARY KEY(job, number))"
	 " STRICT;"
	 "CREATE INDEX attempt_live ON attempt(state) WHERE state <= 4 OR notify <> 0;"
	 "CREATE TABLE job_log("
	 " job TEXT NOT NULL, attempt INTEGER NOT NULL, stream INTEGER NOT NULL,"
	 " offset INTEGER NOT NULL, data BLOB NOT NULL,"
	 " PRIMARY KEY(job, attempt, stream, offset)) STRICT;"
	 /* Both roles. */
	 "CREATE TABLE receipt("
	 " submitter BLOB NOT NULL, job TEXT NOT NULL, attempt INTEGER NOT NULL,"
	 " worker BLOB NOT NULL, text TEXT NOT NULL, signature BLOB NOT NULL,"
	 " amount INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
	 " PRIMARY KEY(submitter, job, attempt)) STRICT;"
	 "CREATE INDEX receipt_by_job ON receipt(job, attempt);"
	 "CREATE TABLE settlement("
	 " submitter BLOB NOT NULL, job TEXT NOT NULL, attempt INTEGER NOT NULL,"
	 " worker BLOB NOT NULL, text TEXT NOT NULL, signature BLOB NOT NULL,"
	 " amount INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
	 " PRIMARY KEY(submitter, job, attempt)) STRICT;"
	 /* Worker: what others asked of us. */
	 "CREATE TABLE work("
	 " submitter BLOB NOT NULL, job TEXT NOT NULL, attempt INTEGER NOT NULL,"
	 " run TEXT NOT NULL, runs INTEGER NOT NULL, state INTEGER NOT NULL,"
	 " cancel INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '', offer TEXT NOT NULL,"
	 " offer_signature BLOB NOT NULL, spec TEXT NOT NULL, created_ms INTEGER NOT NULL,"
	 " updated_ms INTEGER NOT NULL, PRIMARY KEY(submitter, job, attempt)) STRICT;"
	 "CREATE INDEX work_by_state ON work(state, updated_ms);"},
	{2,
	 /* Jobs submitted together, and their terms. */
	 "ALTER TABLE job ADD COLUMN space TEXT NOT NULL DEFAULT 'default';"
	 "ALTER TABLE job ADD COLUMN batch TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE job ADD COLUMN stage TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE job ADD COLUMN after TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE job ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;"
	 "ALTER TABLE job ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;"
	 "ALTER TABLE job ADD COLUMN members INTEGER NOT NULL DEFAULT 1;"
	 "ALTER TABLE job ADD COLUMN released_ms INTEGER NOT NULL DEFAULT 0;"
	 "CREATE INDEX job_by_batch ON job(batch, stage, rank) WHERE batch <> '';"
	 /* stop: why the worker was asked to stop it, enum fog_stop. premium: held beside quote. */
	 "ALTER TABLE attempt ADD COLUMN stop INTEGER NOT NULL DEFAULT 0;"
	 "ALTER TABLE attempt ADD COLUMN premium INTEGER NOT NULL DEFAULT 0;"
	 /* state 0: some of its jobs have not ended. */
	 "CREATE TABLE batch("
	 " seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, user TEXT NOT NULL,"
	 " state INTEGER NOT NULL, reason TEXT NOT NULL, created_ms INTEGER NOT NULL,"
	 " ended_ms INTEGER NOT NULL) STRICT;"
	 "CREATE INDEX batch_open ON batch(seq) WHERE state = 0;"
	 /* Every state a job was in. */
	 "CREATE TABLE job_event("
	 " id INTEGER PRIMARY KEY, job TEXT NOT NULL, state INTEGER NOT NULL,"
	 " reason TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT;"
	 "CREATE INDEX job_event_by_job ON job_event(job, id);"
	 /* Notices to webhooks that have not been taken. */
	 "CREATE TABLE hook("
	 " id INTEGER PRIMARY KEY, url TEXT NOT NULL, body TEXT NOT NULL,"
	 " tries INTEGER NOT NULL, next_ms INTEGER NOT NULL) STRICT;"
	 /* 0 = no limit. use: core seconds, halved every day. */
	 "CREATE TABLE space("
	 " name TEXT PRIMARY KEY, cpu_milli INTEGER NOT NULL DEFAULT 0,"
	 " memory_bytes INTEGER NOT NULL DEFAULT 0, jobs INTEGER NOT NULL DEFAULT 0,"
	 " weight REAL NOT NULL DEFAULT 1, use REAL NOT NULL DEFAULT 0,"
	 " use_ms INTEGER NOT NULL DEFAULT 0) STRICT;"
	 /* Hosts that get nothing new; mode: enum fog_hold. */
	 "CREATE TABLE host_hold("
	 " node BLOB PRIMARY KEY, mode INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,"
	 " created_ms INTEGER NOT NULL) STRICT;"
	 "CREATE TABLE sla_breach("
	 " id INTEGER PRIMARY KEY, job TEXT NOT NULL, space TEXT NOT NULL,"
	 " tier INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL,"
	 " amount INTEGER NOT NULL, created_ms INTEGER NOT NULL, UNIQUE(job, kind)) STRICT;"},
	{3,
	 /* What was offered, when the job's inputs have changed since; else NULL. */
	 "ALTER TABLE attempt ADD COLUMN spec TEXT;"
	 /* Outputs by what they contain. */
	 "CREATE TABLE artifact("
	 " sha256 BLOB NOT NULL, job TEXT NOT NULL, attempt INTEGER NOT NULL,"
	 " stream INTEGER NOT NULL, size INTEGER NOT NULL,"
	 " PRIMARY KEY(sha256, job, attempt, stream)) STRICT;"},
	{4,
	 /* What people keep for a namespace. hosts: node ids, one after the other. */
	 "CREATE TABLE reservation("
	 " id TEXT PRIMARY KEY, space TEXT NOT NULL, note TEXT NOT NULL, hosts BLOB NOT NULL,"
	 " cpu_milli INTEGER NOT NULL, memory_bytes INTEGER NOT NULL,"
	 " gpu_milli INTEGER NOT NULL, start_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL,"
	 " every_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL)"
	 " STRICT;"},
	{5, /* Which of the host's it has, a bit each. */
	 "ALTER TABLE work ADD COLUMN accelerators INTEGER NOT NULL DEFAULT 0;"},
	{6, /* enum fog_sla_class and fog_tier; 0 of jobs from before. */
	 "ALTER TABLE job ADD COLUMN class INTEGER NOT NULL DEFAULT 0;"
	 "ALTER TABLE job ADD COLUMN tier INTEGER NOT NULL DEFAULT 0;"
	 "CREATE INDEX job_promised ON job(ended_ms) WHERE tier > 0;"},
	{7, /* Gangs: told to begin; a place that is kept until then. */
	 "ALTER TABLE attempt ADD COLUMN go INTEGER NOT NULL DEFAULT 0;"
	 "ALTER TABLE work ADD COLUMN held INTEGER NOT NULL DEFAULT 0;"},
	{8, /* Whose it is. */
	 "ALTER TABLE reservation ADD COLUMN owner TEXT NOT NULL DEFAULT 'local';"},
	{9, /* What attempts left behind; kind: enum fog_bring_kind. done: all of it is here. */
	 "CREATE TABLE job_file("
	 " job TEXT NOT NULL, attempt INTEGER NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL,"
	 " number INTEGER NOT NULL, path TEXT NOT NULL, executable INTEGER NOT NULL,"
	 " sha256 BLOB NOT NULL, size INTEGER NOT NULL, done INTEGER NOT NULL,"
	 " created_ms INTEGER NOT NULL, PRIMARY KEY(job, attempt, name)) STRICT;"
	 "CREATE INDEX job_file_by_hash ON job_file(sha256);"
	 "CREATE TABLE job_file_part("
	 " job TEXT NOT NULL, attempt INTEGER NOT NULL, name TEXT NOT NULL,"
	 " offset INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY(job, attempt, name, offset))"
	 " STRICT;"},
	{10, /* Of jobs and notices as trace.h has it, of works a traceparent. */
	 "ALTER TABLE job ADD COLUMN trace TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE work ADD COLUMN trace TEXT NOT NULL DEFAULT '';"
	 "ALTER TABLE hook ADD COLUMN trace TEXT NOT NULL DEFAULT '';"},
	{11, /* Whose jobs may use it, too; NULL: nobody's. */
	 "ALTER TABLE reservation ADD COLUMN submitter BLOB;"},
	{12, /* ours: the operator's, else a user's. */
	 "ALTER TABLE hook ADD COLUMN ours INTEGER NOT NULL DEFAULT 0;"},
};

static const struct fog_migration ledger_migrations[] = {
	{1, "CREATE TABLE ledger_account("
	    " name TEXT PRIMARY KEY, balance INTEGER NOT NULL,"
	    " CHECK(balance >= 0 OR name = 'issuer')) STRICT;"
	    "CREATE TABLE ledger_tx("
	    " id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, memo TEXT NOT NULL,"
	    " created_ms INTEGER NOT NULL) STRICT;"
	    "CREATE TABLE ledger_entry("
	    " id INTEGER PRIMARY KEY, tx INTEGER NOT NULL REFERENCES ledger_tx(id),"
	    " account TEXT NOT NULL, amount INTEGER NOT NULL, balance INTEGER NOT NULL) STRICT;"
	    "CREATE INDEX ledger_entry_by_account ON ledger_entry(account, id);"
	    "CREATE INDEX ledger_entry_by_tx ON ledger_entry(tx);"},
};

static const struct fog_migration reputation_migrations[] = {
	{1, "CREATE TABLE reputation("
	    " node BLOB PRIMARY KEY, alpha REAL NOT NULL, beta REAL NOT NULL,"
	    " updated_ms INTEGER NOT NULL, events INTEGER NOT NULL) STRICT;"
	    "CREATE TABLE evidence("
	    " id INTEGER PRIMARY KEY, node BLOB NOT NULL, kind TEXT NOT NULL,"
	    " quality REAL NOT NULL, job TEXT NOT NULL, attempt INTEGER NOT NULL,"
	    " detail TEXT NOT NULL, created_ms INTEGER NOT NULL,"
	    " UNIQUE(node, job, attempt, kind)) STRICT;"
	    "CREATE INDEX evidence_by_node ON evidence(node, id);"},
};

int fog_db_migrate(struct fog_store *store, char why[FOG_STORE_WHY_SIZE])
{
	int rc = fog_store_migrate(store, "ledger", ledger_migrations,
				   FOG_ARRAY_COUNT(ledger_migrations), why);

	if (rc == 0)
		rc = fog_store_migrate(store, "reputation", reputation_migrations,
				       FOG_ARRAY_COUNT(reputation_migrations), why);
	if (rc == 0)
		rc = fog_store_migrate(store, "jobs", jobs_migrations,
				       FOG_ARRAY_COUNT(jobs_migrations), why);
	return rc;
}
