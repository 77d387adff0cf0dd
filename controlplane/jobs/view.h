/* SPDX-License-Identifier: BSD-3-Clause */
/* What the API shows of jobs, accounts, reputation and receipts: the store's rows as JSON. Reads
 * only. Each returns a new reference, NULL without memory or when the store fails. Lists are cut at
 * FOG_JOBS_LIST_MAX. */
#ifndef FOG_JOBS_VIEW_H
#define FOG_JOBS_VIEW_H

#include "controlplane/jobs/engine.h"

/* The name people use for a host, or "" when it is not known. Valid until the next call. */
typedef const char *(*fog_host_name_fn)(void *context, const u8 node[FOG_JOB_NODE_SIZE]);

/* In all of these: owner is the user whose things are shown; NULL: everybody's. */

/* trace_id, and worker_trace_id where that is another, of a job as stored (trace.h). */
void fog_view_trace_set(json_t *o, const char *text);

/* {"jobs":[..],"next":n}: newest first; state 0 = all; before = only jobs with a smaller sequence,
 * 0 = from the newest. next is the `before` of the next page, or null. */
json_t *fog_view_jobs(struct fog_jobs *j, const char *owner, enum fog_job_state state, u64 before,
		      u32 limit);

/* The full account of one job. *found false: there is none. */
json_t *fog_view_job(struct fog_jobs *j, const char *owner, const char *id, bool *found);

/* {"id","kind":"batch","state","reason",..,"stages":[..],"jobs":[..]}. *found false: none. */
json_t *fog_view_batch(struct fog_jobs *j, const char *owner, const char *id, bool *found);
/* {"batches":[..],"next":n}, newest first. */
json_t *fog_view_batches(struct fog_jobs *j, const char *owner, u64 before, u32 limit);
/* {"id","pending","held","reason","constraints":[{constraint,hosts}],"likely_start_ms",..}. */
json_t *fog_view_why(const struct fog_job_why *w, const char *id, u64 now_ms);
/* {"id","history":[{state,reason,at_ms}]}, oldest first. */
json_t *fog_view_history(struct fog_jobs *j, const char *id);
/* [{"job","user","state","reason","at_ms"}] of all jobs behind event `after`, oldest first; *last
 * is the event to go on from. */
json_t *fog_view_events(struct fog_jobs *j, u64 after, u32 limit, u64 *last);
u64 fog_view_events_last(struct fog_jobs *j); /* 0 when there is none */
json_t *fog_view_spaces(struct fog_jobs *j);
json_t *fog_view_holds(struct fog_jobs *j, fog_host_name_fn name, void *context);
/* Promises of the last FOG_VIEW_SLA_DAYS, by class, tier and namespace: of jobs that have ended in
 * that time (unless their user cancelled them) or are broken already, how many were kept. */
#define FOG_VIEW_SLA_DAYS       30
#define FOG_VIEW_SLA_LEVELS_MAX 1024
struct fog_view_level {
	enum fog_sla_class sla;
	enum fog_tier tier;
	char space[FOG_JOB_NAME_SIZE];
	u64 jobs, kept;
};
/* At most cap of them; the count, or -errno of the store. */
int fog_view_levels(struct fog_jobs *j, u64 now_ms, struct fog_view_level *out, u32 cap);
/* {"tiers":[..],"levels":[..],"window_days","breaches":[..],"next"}, newest first; levels are of
 * all. */
json_t *fog_view_sla(struct fog_jobs *j, const char *owner, u64 now_ms, u64 before, u32 limit);
/* The fields of the published contract, and ours. */
json_t *fog_view_scheduler(struct fog_jobs *j, u32 hosts, u32 alive);

/* Bytes of a log from offset, to free(); *len 0 at its end. attempt 0 = the last. -ENOENT, -ENOMEM,
 * or what the store says. */
int fog_view_log(struct fog_jobs *j, const char *id, u32 attempt, u32 stream, u64 offset, u32 limit,
		 u8 **data, u32 *len);

/* {"id","artifacts":[{name,size,sha256,executable,attempt,at_ms}],"left_out":[{name,why}],
 * "left_out_count"}: of the last attempt that left any. */
json_t *fog_view_artifacts(struct fog_jobs *j, const char *id);
/* [{attempt,number,size,sha256,at_ms,whole}] that a job can go on from, newest first. */
json_t *fog_view_checkpoints(struct fog_jobs *j, const char *id);

/* Some of an artifact or output, to be read. */
struct fog_view_file {
	char job[FOG_JOB_ID_SIZE];
	u32 attempt;
	int stream; /* of an output; -1: it is an artifact, number */
	u32 number;
	u64 size;
	u8 sha256[32];
};
/* By name (as text) of a job; by hash, of any job of the owner. False: there is none. */
bool fog_view_file_named(struct fog_jobs *j, const char *id, const char *name,
			 struct fog_view_file *out);
bool fog_view_file_hashed(struct fog_jobs *j, const char *owner, const u8 sha256[32],
			  struct fog_view_file *out);
/* Its bytes, to free(). -ENOMEM; -EIO: it is not there whole any more. */
int fog_view_file_read(struct fog_jobs *j, const struct fog_view_file *f, u64 offset, u32 len,
		       u8 **data);

/* {"accounts":[{name,balance,entries}]} by name, after `after` ("" = from the first). */
json_t *fog_view_accounts(struct fog_jobs *j, const char *owner, const char *after, u32 limit);
/* {"entries":[{sequence,at_ms,kind,debit,credit,amount,job}],"next":n}: newest first; account NULL
 * = all. Each row is one movement from one account to another. */
json_t *fog_view_movements(struct fog_jobs *j, const char *account, u64 before, u32 limit);
/* {"account","balance","entries":[{sequence,at_ms,kind,amount,balance,job,key}],"next"}: newest
 * first; *found false: no such account. */
json_t *fog_view_entries(struct fog_jobs *j, const char *account, u64 before, u32 limit,
			 bool *found);

/* {"reputation":[{node_id,name,alpha,beta,score,mean,lower,uncertainty,evidence,tier,events,
 * updated_ms}]}; score is the lower credible bound, by which hosts are ranked. */
json_t *fog_view_reputation(struct fog_jobs *j, fog_host_name_fn name, void *context, u64 now_ms);
/* {"evidence":[..]} of one host, newest first; jobs of others are not named. */
json_t *fog_view_evidence(struct fog_jobs *j, const char *owner, const u8 node[FOG_JOB_NODE_SIZE],
			  u32 limit);

/* {"receipts":[{attempt,submitter,worker,label,text,signature,amount,created_ms,settlement}]} of
 * both roles. */
json_t *fog_view_receipts(struct fog_jobs *j, const char *job);

#endif
