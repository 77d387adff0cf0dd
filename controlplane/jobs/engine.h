/* SPDX-License-Identifier: BSD-3-Clause */
/* The job engine: both roles of the job channel as one state machine, without sockets, clocks or
 * processes of its own. Its owner (the daemon's runtime.c, or a simulator) reports events and
 * carries out actions; the engine's memory is the store.
 *
 *	event --> [ transaction: state, ledger, reputation, papers ] --> actions
 *
 * Every event function runs in one store transaction. Actions become visible only after its commit:
 * nothing is ever sent or started that a crash could make us forget. Actions lost in a crash are
 *made again from the state: an unanswered offer is sent again, an executor that did not start is
 *started again, a settlement is delivered until it is acknowledged.
 *
 * When the store fails (disk full), the transaction is rolled back, all streams are closed and
 * the engine reloads from the store at a later tick: the same path as a crash.
 *
 * Job (submitter):
 *	QUEUED -> PLACED -> OFFERED -> RUNNING -> SUCCEEDED | FAILED | CANCELLED
 *	   ^________________________________|  host failed, declined, unreachable: next host
 * Attempt at the worker:
 *	FETCHING -> STARTING -> RUNNING -> FINISHED -> SETTLED
 *	    ^__________|___________|          `-> CLOSED (abandoned, failed, never paid)
 *	      executor vanished: rerun once
 *
 * One thread: the owner's loop. Strings are zero-terminated. */
#ifndef FOG_JOBS_ENGINE_H
#define FOG_JOBS_ENGINE_H

#include "controlplane/core/store.h"
#include "controlplane/executor/accelerators.h"
#include "controlplane/health/histogram.h"
#include "controlplane/jobs/dag.h"
#include "controlplane/jobs/papers.h"
#include "controlplane/jobs/request.h"
#include "controlplane/jobs/wire.h"
#include "controlplane/reputation/reputation.h"
#include "controlplane/scheduler/keep.h"
#include "controlplane/scheduler/scheduler.h"

struct fog_jobs;

/* What poll says of a run; see executor.h. */
enum fog_run_state {
	FOG_RUN_ABSENT = 0, /* no such spool */
	FOG_RUN_PENDING,    /* prepared, not started */
	FOG_RUN_RUNNING,
	FOG_RUN_FINISHED,
	FOG_RUN_VANISHED, /* its monitor is gone and left no result */
};

struct fog_run_status {
	enum fog_run_state state;
	u64 started_ms;     /* Unix; 0 = not known */
	u64 output_size[2]; /* bytes there so far of stdout, stderr */
	/* FINISHED only. */
	enum fog_outcome outcome;
	i32 exit_code;
	u32 signal;
	char error[256];
	struct fog_job_usage usage;
	u8 output_sha256[2][32];
	bool truncated;
	char sandbox[FOG_JOB_SANDBOX_SIZE]; /* JSON object */
	u64 ended_ms;
	/* What it has left behind so far; the manifest when FINISHED. */
	struct fog_executor_kept kept;
};

/* A step of a job that is done, at its submitter or at its worker. */
struct fog_job_step {
	const char *name; /* submit, schedule, carry, execute, prove, settle, job, lost */
	const struct fog_trace *trace; /* the job's span; without a trace id: none */
	const u8 *parent; /* of that span, which the step is; NULL: it is a child of it */
	const char *job;
	u32 attempt;          /* 0: of none */
	u64 start_ms, end_ms; /* Unix; start 0: a moment, no span */
	const char *error;    /* NULL: it went well */
};

/* What the engine asks synchronously. None may call back into the engine. */
struct fog_jobs_ports {
	void *context;

	/* The directory as of now: at most cap hosts, the local one included; the fields below
	 * "Filled by the job engine" are ignored. Returns the count. */
	u32 (*hosts)(void *context, struct fog_placement_host *out, u32 cap, u64 now_ms);
	/* Signs these bytes, label included, with the node key. */
	void (*sign)(void *context, const void *message, size_t len,
		     u8 signature[FOG_JOB_SIGNATURE_SIZE]);

	/* The executor (worker role); NULL members when the host is no worker. */
	/* accelerators: which of the host's it gets, a bit each. */
	int (*run_prepare)(void *context, const char *run, const struct fog_job_spec *spec,
			   u64 accelerators, char error[FOG_JSON_ERROR_SIZE]);
	int (*run_input)(void *context, const char *run, const char *name, u64 offset,
			 const void *data, size_t len);
	int (*run_poll)(void *context, const char *run, struct fog_run_status *out);
	int (*run_output)(void *context, const char *run, u32 stream, u64 offset, void *buf,
			  size_t cap, size_t *len);
	/* Bytes of "checkpoint.N", "manifest" or "artifact.N", see fog_executor_kept_read(). */
	int (*run_kept)(void *context, const char *run, const char *name, u64 offset, void *buf,
			size_t cap, size_t *len);

	/* Processor time of this thread; NULL: batches are bounded by generations alone, and
	 * placements are not timed. */
	u64 (*cpu_ns)(void *context);

	/* What others tell about a host, in pieces of evidence, bounded (reputation/trust.h). NULL:
	 * nobody is asked. */
	void (*told)(void *context, const u8 node[FOG_JOB_NODE_SIZE], double *good, double *bad);

	/* Is the pay of this attempt held where its worker can see it? False, with why: the offer
	 * is not sent yet, and asked for again soon. Inside the step's store transaction. NULL:
	 * nothing is held but in our own book. */
	bool (*backed)(void *context, const struct fog_attempt_key *key, const char *offer,
		       i64 amount, char error[128]);
	/* The worker's side of it: is what this verified offer promises held for us? False, with
	 * why: asked again for FOG_JOBS_FUNDED_MS, then the offer is declined. NULL: promises are
	 * enough. */
	bool (*funded)(void *context, const struct fog_offer *offer, const char *text,
		       char error[128]);
	/* The worker signed a receipt: make the proof of execution that goes with it. NULL: there
	 * are none, as with the next two. */
	void (*receipted)(void *context, const struct fog_receipt *receipt, const char *text,
			  const struct fog_job_spec *spec);
	/* That proof as JSON, to free(); NULL: there is none. */
	char *(*proof)(void *context, const char *receipt_text);
	/* The submitter's side: does the proof (NULL: none came) show what the receipt tells, and,
	 * where it must, that the host was attested then and is now? False, with why. */
	bool (*proven)(void *context, const struct fog_receipt *receipt, const char *text,
		       const struct fog_job_spec *spec, const char *proof, bool attested,
		       char error[FOG_JSON_ERROR_SIZE]);
	/* For logs and traces. NULL: nobody asks. */
	void (*step)(void *context, const struct fog_job_step *step);
	/* When hosts are closed to others; NULL: never. */
	u32 (*closed)(void *context, struct fog_closed *out, u32 cap);
};

struct fog_jobs_config {
	u8 node_id[FOG_JOB_NODE_SIZE];
	/* submitter */
	u32 attempts_max;
	u32 queue_max;
	u64 absent_ms;  /* a job that has a checkpoint does not wait longer for its host */
	i64 user_grant; /* mfog a new user account starts with */
	/* worker */
	bool worker;
	u64 cpu_milli;
	u64 memory_bytes;
	struct fog_accelerators accelerators; /* device files: of the executor port */
	u32 works_max;
	struct fog_tariff price;
	/* makes ids and breaks ties; random in the daemon */
	u64 seed;
	bool trace_callers; /* workers may learn the id of a caller's own trace */
	/* batches */
	u32 plan_generations; /* of NSGA-II at most for one batch; 0 = 60 */
	u32 plan_ms;          /* and this long, with port cpu_ns; 0 = 20 */
};

/* What the owner is to do, in order. */
enum fog_action_kind {
	FOG_ACTION_NONE = 0,
	FOG_ACTION_OPEN,      /* a stream to node; answer with opened or failed */
	FOG_ACTION_SEND_JSON, /* data, len: one frame */
	FOG_ACTION_SEND_DATA,
	FOG_ACTION_CLOSE,     /* after what was sent; no event follows for it */
	FOG_ACTION_VERIFY,    /* signature over data by node; answer with verified(tag) */
	FOG_ACTION_RUN_START, /* of run; it shows up in polls or not */
	FOG_ACTION_RUN_CANCEL,
	FOG_ACTION_RUN_REMOVE, /* its spool, when it has ended; try again later when busy */
};

struct fog_action {
	enum fog_action_kind kind;
	bool internal; /* never seen by the owner */
	u32 stream;
	u64 tag;
	u8 node[FOG_JOB_NODE_SIZE];
	u8 signature[FOG_JOB_SIGNATURE_SIZE];
	char run[FOG_WORK_RUN_SIZE];
	u8 *data; /* freed by fog_action_free() */
	u32 len;
};

/* Migrates the tables, loads what is unfinished. The store and what ports point to outlive the
 * engine. `why` explains a failure. */
int fog_jobs_new(struct fog_jobs **out, const struct fog_jobs_config *config,
		 const struct fog_jobs_ports *ports, struct fog_store *store, u64 now_ms,
		 char why[FOG_STORE_WHY_SIZE]);
/* Forgets all but the store: what a crash does. NULL is fine. */
void fog_jobs_free(struct fog_jobs *j);
/* New offers are judged by these from now on; what was accepted stays. */
void fog_jobs_reconfigure(struct fog_jobs *j, const struct fog_jobs_config *config);

/* True and *out when there is something to do. After each event take them all. Messages of a local
 * job are delivered in here. */
bool fog_jobs_action(struct fog_jobs *j, u64 now_ms, struct fog_action *out);
void fog_action_free(struct fog_action *a);

/* ---- events --------------------------------------------------------------------------------- */

/* Time passes; call at least every second, every FOG_JOBS_POLL_MS while fog_jobs_busy(). */
void fog_jobs_tick(struct fog_jobs *j, u64 now_ms);
/* Something runs here, or a job waits for a host. */
bool fog_jobs_busy(const struct fog_jobs *j);

/* Takes over nothing. id receives the job's id. Returns 1 when it was accepted now, 0 when the same
 * id was submitted before by this user with the same content, -EEXIST otherwise, -ENOSPC when the
 * queue is full, -EAGAIN while the store is failing, -EINVAL with error. */
int fog_jobs_submit(struct fog_jobs *j, const char *user, const struct fog_job_request *request,
		    u64 now_ms, char id[FOG_JOB_ID_SIZE], char error[FOG_JSON_ERROR_SIZE]);
/* 0 (also when it has ended already), -ENOENT, -EAGAIN. */
int fog_jobs_cancel(struct fog_jobs *j, const char *id, u64 now_ms);

/* Jobs submitted together (dag.h), all or none; as fog_jobs_submit(). */
int fog_jobs_submit_batch(struct fog_jobs *j, const char *user, const struct fog_job_batch *batch,
			  u64 now_ms, char error[FOG_JSON_ERROR_SIZE]);
/* Every job of it that has not ended. As fog_jobs_cancel(). */
int fog_jobs_cancel_batch(struct fog_jobs *j, const char *batch, u64 now_ms);

/* Hosts that get no new jobs of ours. */
enum fog_hold {
	FOG_HOLD_NONE = 0,
	FOG_HOLD_CORDON, /* what runs there goes on */
	FOG_HOLD_DRAIN,  /* what runs there after the deadline is stopped and runs elsewhere */
};
/* node: our own id stops taking jobs of others, too. 0, -ENOSPC when too many are held, -EAGAIN. */
int fog_jobs_hold(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE], enum fog_hold mode,
		  u64 deadline_ms, u64 now_ms);

struct fog_space_quota {
	u64 cpu_milli, memory_bytes, jobs; /* at once; 0 = no limit */
	double weight;                     /* its fair share; > 0 */
};
/* 0, -ENOSPC, -EAGAIN. */
int fog_jobs_space_set(struct fog_jobs *j, const char *name, const struct fog_space_quota *quota,
		       u64 now_ms);

/* Why a job is pending, or what would become of one that is not submitted. */
struct fog_job_why {
	bool found;                         /* the job is there and has not ended */
	bool pending;                       /* it has no host */
	bool held;                          /* it waits for other jobs: text says for which */
	bool full;                          /* its namespace is at its quota */
	bool possible;                      /* some host would do, were it empty */
	struct fog_placement placement;     /* counts of each reason, for one member */
	char host[FOG_PLACEMENT_NAME_SIZE]; /* that would be chosen now */
	u32 members;                        /* that must start together */
	u32 ahead;                          /* jobs whose turn comes first */
	u64 start_ms;                       /* likely start, Unix; 0 = not known */
	char text[FOG_JOB_REASON_SIZE];
};
/* Asks the scheduler now, and changes nothing. 0 or -EAGAIN. */
int fog_jobs_why(struct fog_jobs *j, const char *id, u64 now_ms, struct fog_job_why *out);
/* The same of jobs that are not submitted, were they now. out: [count]. 0, -EINVAL with error,
 * -ENOMEM, -EAGAIN. */
int fog_jobs_plan(struct fog_jobs *j, const char *user, const struct fog_job_request *requests,
		  u32 count, u64 now_ms, struct fog_job_why *out, char error[FOG_JSON_ERROR_SIZE]);

/* Movements of the book by another part of this control plane, all or none, in one transaction with
 * what `step` itself writes to fog_jobs_store(). step returns 0; -ENOSPC, of a move before which
 * nothing was written, which is handed on; anything else undoes it all: -EAGAIN. */
int fog_jobs_book(struct fog_jobs *j, u64 now_ms, int (*step)(void *context, struct fog_jobs *j),
		  void *context);
/* Within such a step: once per key, which is at most FOG_LEDGER_KEY_SIZE. Accounts of users are
 * opened as by their first job. 0 or -ENOSPC. */
int fog_jobs_move(struct fog_jobs *j, const char *key, const char *from, const char *to, i64 amount,
		  const char *memo);

struct fog_scheduler_stats {
	u64 passes;
	u64 placements;  /* jobs that got a host */
	u64 refusals;    /* jobs that were looked at and did not */
	u64 generations; /* of NSGA-II */
	u64 batches;     /* that it placed */
	u64 preemptions;
	u64 breaches;
	u32 took_us[256]; /* the last passes', a ring: pass n at n % 256 */
};
/* Unix ms at which a pending job is likely to start, as of the last look; 0 = not known. */
u64 fog_jobs_likely_start(struct fog_jobs *j, const char *id);
void fog_jobs_scheduler(const struct fog_jobs *j, struct fog_scheduler_stats *out);

/* A stream came in. Returns its number, or 0 when there are too many: close it. */
u32 fog_jobs_stream_accepted(struct fog_jobs *j, u64 now_ms);
/* Answers to FOG_ACTION_OPEN. route: node ids of the hops, for people, may be NULL. */
void fog_jobs_stream_opened(struct fog_jobs *j, u32 stream, const char *route, u64 now_ms);
void fog_jobs_stream_failed(struct fog_jobs *j, u32 stream, const char *error, u64 now_ms);
/* One frame. Unknown streams are ignored: the engine may have closed them. */
void fog_jobs_stream_json(struct fog_jobs *j, u32 stream, const u8 *data, size_t len, u64 now_ms);
void fog_jobs_stream_data(struct fog_jobs *j, u32 stream, const u8 *data, size_t len, u64 now_ms);
/* The peer went away. */
void fog_jobs_stream_closed(struct fog_jobs *j, u32 stream, u64 now_ms);
/* Answer to FOG_ACTION_VERIFY. */
void fog_jobs_verified(struct fog_jobs *j, u64 tag, bool valid, u64 now_ms);

/* Evidence about a host from another part of this control plane, once per node, source, reference
 * (such as an epoch, at most FOG_JOBS_REFERENCE_MAX bytes) and kind. In the store before it
 * returns. 0; -EINVAL: not a kind this source may tell, quality out of [0,1], our own node or a bad
 * reference; -EAGAIN while the store fails. */
#define FOG_JOBS_REFERENCE_MAX 48
int fog_jobs_evidence(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE],
		      enum fog_evidence_source source, enum fog_evidence_kind kind, double quality,
		      const char *reference, const char *detail, u64 now_ms);
/* What others tell about hosts has changed: kept bounds are read again. */
void fog_jobs_told_changed(struct fog_jobs *j);

/* ---- for the API ---------------------------------------------------------------------------- */

/* What a run at this host belongs to; a trace without id when it is none of ours. */
void fog_jobs_run_trace(const struct fog_jobs *j, const char *run, struct fog_trace *out);
/* Is there a job, a batch of this id, of this user (NULL: of anybody)? A store that fails says no.
 */
bool fog_jobs_has(struct fog_jobs *j, const char *user, const char *id);
bool fog_jobs_has_batch(struct fog_jobs *j, const char *user, const char *id);

enum fog_job_state {
	FOG_JOB_INVALID = 0,
	FOG_JOB_QUEUED,
	FOG_JOB_PLACED,
	FOG_JOB_OFFERED,
	FOG_JOB_RUNNING,
	FOG_JOB_SUCCEEDED,
	FOG_JOB_FAILED,
	FOG_JOB_CANCELLED,
	FOG_JOB_STATE_COUNT
};
const char *fog_job_state_name(enum fog_job_state state);
enum fog_job_state fog_job_state_parse(const char *name);

/* An attempt as the submitter sees it. */
enum fog_attempt_state {
	FOG_ATTEMPT_INVALID = 0,
	FOG_ATTEMPT_PLACED,    /* escrow held, offer signed, not sent */
	FOG_ATTEMPT_OFFERED,   /* perhaps sent */
	FOG_ATTEMPT_ACCEPTED,  /* the worker has it */
	FOG_ATTEMPT_RECEIVED,  /* receipt verified; output on its way */
	FOG_ATTEMPT_SETTLED,   /* paid */
	FOG_ATTEMPT_DECLINED,  /* the worker would not */
	FOG_ATTEMPT_LOST,      /* host failed, unreachable, late or lied */
	FOG_ATTEMPT_CANCELLED, /* before it was accepted */
	FOG_ATTEMPT_STATE_COUNT
};
const char *fog_attempt_state_name(enum fog_attempt_state state);

/* The books: sums and single accounts against their entries, in O(entries). 0 or -EUCLEAN with why.
 * fog_jobs_new() does it too. */
int fog_jobs_audit(struct fog_store *store, char why[FOG_STORE_WHY_SIZE]);

/* Does a spool of this name still matter? Others may be cancelled and removed at start. */
bool fog_jobs_run_live(struct fog_jobs *j, const char *run);

struct fog_store *fog_jobs_store(struct fog_jobs *j);
const u8 *fog_jobs_node(const struct fog_jobs *j);

/* What runs or is promised here, for the descriptor and health. */
struct fog_jobs_load {
	u64 cpu_milli;
	u64 memory_bytes;
	u64 accelerators; /* in use, a bit each */
	u32 works;        /* accepted and not finished */
	u32 jobs;         /* of ours, not ended */
	u32 sessions;
};
/* Lower credible bound of a host's reputation, in [0,1]. Cheap: kept. */
double fog_jobs_weight(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE], u64 now_ms);

void fog_jobs_load(const struct fog_jobs *j, struct fog_jobs_load *out);

/* Since the start of this process. */
struct fog_jobs_totals {
	u64 ticked_ms;                  /* Unix: the last tick */
	bool broken;                    /* the store failed, and memory is not read again yet */
	u64 ended[FOG_JOB_STATE_COUNT]; /* of ours, by the state they ended in */
	u64 runs_vanished;              /* works here whose executor was lost */
	struct fog_histogram wait;      /* from submission to running */
	struct fog_histogram placement; /* processor time of a pass of the scheduler */
};
const struct fog_jobs_totals *fog_jobs_totals(const struct fog_jobs *j);

#define FOG_JOBS_DEMAND_ACCOUNTS                                        \
	64 /* told apart; what others want counts, but not who they are \
	    */
/* What is asked of the market: works that run here and jobs of ours that have no host yet. */
#define FOG_JOBS_CLOSED_MAX 1024 /* times of others that a pass looks at */

struct fog_jobs_demand {
	u64 cpu_milli;
	u64 memory_bytes;
	u64 disk_bytes;     /* their limits; a job without one counts nothing */
	u64 attested_milli; /* cores of our jobs of class S, wherever they run */
	u64 accelerators;
	u32 jobs;
	u32 accounts;    /* submitting hosts, users of ours */
	u32 largest_ppm; /* the largest share of the cores */
};
/* O((works + jobs) x accounts). */
void fog_jobs_demand(const struct fog_jobs *j, struct fog_jobs_demand *out);

#endif
