/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to jobs/: the engine's memory and what its files offer each other.
 *
 *	engine.c   life cycle, steps, actions, tick
 *	session.c  streams: hello, frames, verification, silence
 *	queue.c    submission, placement, cancel
 *	attempt.c  an attempt until it is accepted, and its end
 *	collect.c  logs, receipt, settlement
 *	bring.c    checkpoints and artifacts
 *	work.c     admission and the executor
 *	serve.c    the worker's side of a session
 *	db*.c      SQL
 *
 * Errors of the store are sticky: db functions note the first in j->rc and do nothing more, the
 * step ends with a rollback and the engine reloads. Code in between reads straight down. */
#ifndef FOG_JOBS_STATE_H
#define FOG_JOBS_STATE_H

#include <sys/queue.h>

#include "controlplane/jobs/engine.h"
#include "controlplane/ledger/ledger.h"
#include "controlplane/reputation/reputation.h"
#include "crypto/hash/hash.h"
#include "crypto/random/random.h"

#define FOG_JOBS_HASH_SIZE  4096
#define FOG_JOBS_AVOIDS_MAX (FOG_PLACEMENT_EXCLUDE_MAX - FOG_JOB_EXCLUDES_MAX)

struct fog_jobs_session;
struct fog_work;

#define FOG_AVOID_FAILED (UINT64_MAX - 1) /* only when nobody else will have it */
#define FOG_AVOID_LIED   UINT64_MAX       /* never again for this job */

struct fog_job_avoid {
	u8 node[FOG_JOB_NODE_SIZE];
	u64 until_ms; /* or one of the two below */
};

/* A job of ours that has not ended. */
struct fog_job {
	TAILQ_ENTRY(fog_job) link; /* in order of submission */
	struct fog_job *hash_next;
	char id[FOG_JOB_ID_SIZE];
	char user[FOG_JOB_USER_SIZE];
	enum fog_job_state state;
	u64 created_ms;
	u64 cancel_ms; /* 0 = not asked */
	u32 attempt_count;
	u32 lost_count;
	struct fog_job_limits limits;
	u64 input_size;
	u8 spec_sha256[32];
	struct fog_job_checkpoint checkpoint;
	bool restored; /* the spec names a checkpoint to go on from: */
	u8 restored_sha256[32];
	char *wishes;
	struct fog_attempt *attempt; /* the current one */
	u64 next_ms;                 /* of placement */
	u64 queued_ms;               /* since when */
	u32 pending_ms, decline_ms;  /* back-off */
	char *reason;                /* as stored, to write only changes */
	struct fog_job_terms terms;
	char batch[FOG_JOB_BATCH_SIZE];
	char stage[FOG_JOB_STAGE_SIZE];
	char *after; /* stages it waits for, between commas */
	enum fog_job_kind kind;
	u32 rank, members;
	bool held;       /* waits for them */
	bool began;      /* ran at some time */
	u64 released_ms; /* when it stopped waiting for them */
	u64 start_ms;    /* when it is likely to start, Unix; 0 = not known, UINT64_MAX = never */
	i64 quote_max;   /* of its attempts */
	u32 breached;    /* enum fog_breach bits noted */
	u32 events;      /* recorded */
	struct fog_job_trace trace;
	u32 avoid_count;
	struct fog_job_avoid *avoid;
};
TAILQ_HEAD(fog_job_list, fog_job);

/* Why a running attempt is stopped though its user did not cancel the job. */
enum fog_stop {
	FOG_STOP_NONE = 0,
	FOG_STOP_PREEMPT, /* a job of higher priority needs the place */
	FOG_STOP_DRAIN,   /* its host is drained */
	FOG_STOP_GANG,    /* its gang could not start whole */
	FOG_STOP_YIELD,   /* it exited to go on from its checkpoint */
	FOG_STOP_TIMEOUT, /* its time was over, and it wished to go on */
};

/* What an attempt left behind, as stored. */
enum fog_bring_kind {
	FOG_BRING_NONE = 0,
	FOG_BRING_CHECKPOINT,
	FOG_BRING_MANIFEST,
	FOG_BRING_ARTIFACT,
};

struct fog_bring_file {
	u32 attempt;
	enum fog_bring_kind kind;
	u32 number; /* of a checkpoint, from 1; of an artifact, from 0 */
	u8 sha256[32];
	u64 size;
};
void fog_bring_name(const struct fog_bring_file *file, char out[FOG_JOB_FILE_NAME_SIZE]);

/* An attempt of ours that still has something to say to its worker. */
struct fog_attempt {
	TAILQ_ENTRY(fog_attempt) link;
	struct fog_job *job; /* NULL once the job has ended or gone on without it */
	struct fog_attempt_key key;
	enum fog_attempt_state state;
	bool notify; /* SETTLED: settlement not acknowledged; LOST: the worker was not told */
	struct fog_job_limits limits;
	u64 input_size;
	i64 quote;
	i64 premium;        /* held beside it for the tier */
	enum fog_stop stop; /* the worker was asked to stop it */
	u64 stop_ms;
	struct fog_job_trace trace; /* its job's, which it outlives */
	u64 placed_ms, received_ms; /* for spans; 0 after a restart */
	u64 offered_ms;             /* first */
	u64 deadline_ms;
	u64 open_ms; /* next opening */
	u64 gone_ms; /* since when its worker has not answered; 0 = it does */
	u32 retry_ms;
	struct fog_jobs_session *session;
	u64 log_size[2];     /* stored */
	u64 log_followed[2]; /* acknowledged to the worker */
	bool running;        /* the worker said so */
	bool go;             /* it was told to begin; of a gang's members, all or none */
	u32 run;             /* of the worker's runs, what the logs belong to */
	bool want_known;     /* RECEIVED: want[] holds the sizes of the receipt */
	u64 want[2];
	bool restored; /* it goes on from a checkpoint: */
	u8 restored_sha256[32];
	u32 checkpoint;               /* number of the newest that is here, whole */
	char note[128];               /* why one was not taken, as was told last */
	u32 told;                     /* what the job's history says of it */
	struct fog_bring_file bring;  /* what is being fetched; kind NONE: nothing */
	u64 bring_have, bring_asked;  /* stored of it; end of what was asked for */
	struct fog_sha256 bring_hash; /* of what is stored of it */
	bool leavings_known;          /* RECEIVED: what the receipt names is in the store */
	char error[128];              /* why the last stream ended */
};
TAILQ_HEAD(fog_attempt_list, fog_attempt);

/* An attempt of somebody's that runs here or is about to. */
struct fog_work {
	TAILQ_ENTRY(fog_work) link;
	struct fog_attempt_key key;
	enum fog_work_state state; /* FETCHING, STARTING, RUNNING */
	char run[FOG_WORK_RUN_SIZE];
	u32 runs;
	u32 starts;
	bool cancel;
	struct fog_job_limits limits;
	struct fog_trace trace;    /* as the submitter told; perhaps none */
	u64 accelerators;          /* that it has, a bit each */
	struct fog_job_spec *spec; /* for its inputs */
	struct fog_jobs_session *session;
	u64 poll_ms; /* next */
	bool held;   /* FETCHING: begins when told to go .. */
	u64 hold_ms; /* .. and lets go at this time */
	/* FETCHING */
	u32 input;  /* index of the one that is fetched */
	u64 offset; /* received of it */
	u64 asked;  /* end of what was asked for */
	struct fog_sha256 sha256;
	u64 progress_ms;
	u64 output_size[2];
};
TAILQ_HEAD(fog_work_list, fog_work);

struct fog_jobs_session {
	TAILQ_ENTRY(fog_jobs_session) link;
	u32 id;
	bool inbound;                  /* we are the worker */
	bool open;                     /* the stream exists */
	bool greeted;                  /* hello received */
	bool dead;                     /* closed: freed at the end of the step */
	struct fog_jobs_session *loop; /* the other end, when both are ours */
	u64 opened_ms;
	u64 rx_ms, tx_ms;

	u32 kept; /* worker: number of the checkpoint that was told of last */
	char note[128];

	/* The data frame that is due. */
	enum fog_job_op expect; /* BLOB, LOG or INVALID */
	char name[FOG_JOB_INPUT_NAME_SIZE];
	u32 stream;
	u64 offset;
	u32 length;

	/* The signature that is being verified. */
	u64 tag; /* 0 = none */
	enum fog_job_op verifying;
	u64 verify_ms;
	char *text;
	u8 signature[FOG_JOB_SIGNATURE_SIZE];
	char *spec;
	char *proof; /* of a result; NULL: none came */
	bool query;
	bool hold;
	struct fog_trace trace;
	bool unfunded; /* verified, but its pay is not seen to be held yet */

	struct fog_attempt *attempt; /* submitter */

	bool bound; /* worker: an offer of key was verified */
	struct fog_attempt_key key;
	struct fog_work *work; /* while it runs */
	char run[FOG_WORK_RUN_SIZE];
	bool following;
	u64 follow[2]; /* the submitter holds this much */
	u64 sent[2];
};
TAILQ_HEAD(fog_jobs_session_list, fog_jobs_session);

struct fog_pending_action {
	TAILQ_ENTRY(fog_pending_action) link;
	struct fog_action action;
};
TAILQ_HEAD(fog_action_list, fog_pending_action);

/* Lower bounds are costly to compute: kept for as long as nothing happens to the host. */
struct fog_bound {
	u8 node[FOG_JOB_NODE_SIZE];
	u64 read_ms; /* 0 = empty */
	double lower;
};
#define FOG_JOBS_BOUNDS_MAX    8192     /* direct-mapped by the first bytes of the id */
#define FOG_JOBS_BOUND_LIFE_MS 3600000u /* decay moves it slowly */

/* A namespace as the store has it, and what its jobs hold now. */
struct fog_space {
	char name[FOG_JOB_NAME_SIZE];
	u64 cpu_milli, memory_bytes, jobs; /* quota; 0 = none */
	double weight;
	double use; /* core seconds as of use_ms */
	u64 use_ms;
	u64 cpu_now, memory_now, jobs_now;
};

struct fog_reservation;

struct fog_host_hold {
	u8 node[FOG_JOB_NODE_SIZE];
	enum fog_hold mode;
	u64 deadline_ms;
};

struct fog_jobs {
	struct fog_jobs_config config;
	struct fog_jobs_ports ports;
	struct fog_store *store;
	struct fog_rng rng;
	u64 now_ms;
	int rc; /* of the step */
	bool in_step;
	bool broken; /* memory differs from the store */
	u64 reload_ms;

	struct fog_job_list jobs;
	u32 job_count;
	struct fog_job *hash[FOG_JOBS_HASH_SIZE];
	struct fog_attempt_list attempts;
	struct fog_work_list works;
	struct fog_jobs_session_list sessions;
	struct fog_jobs_session *session_slot[FOG_JOBS_SESSIONS_MAX]; /* by id % max */
	u32 session_count;
	u32 session_next;
	u32 opening_count;
	bool session_dead; /* some session is: reap */
	u64 tag_next;
	u64 sweep_ms; /* next look for expired rows */

	void **grave; /* freed at the end of the step, so that callers up the stack stay safe */
	u32 grave_count, grave_cap;

	struct fog_action_list step_actions; /* of the step, not yet visible */
	struct fog_action_list actions;
	u32 action_count;

	struct fog_placement_host *hosts; /* FOG_PLACEMENT_HOSTS_MAX, during a placement */
	bool review; /* a job of a batch has ended: look at those that wait for it */
	u32 space_count;
	struct fog_space *spaces; /* [FOG_JOBS_SPACES_MAX] */
	u32 hold_count;
	struct fog_host_hold *holds; /* [FOG_JOBS_HOLDS_MAX] */
	u32 reservation_count;
	struct fog_reservation *reservations; /* [FOG_JOBS_RESERVATIONS_MAX] */
	struct fog_scheduler_stats stats;
	struct fog_jobs_totals totals;
	struct fog_bound *bounds;
};

/* ---- engine.c ------------------------------------------------------------------------------- */
void fog_jobs_fail(struct fog_jobs *j, int rc);      /* notes the first error of the step */
bool fog_jobs_begin(struct fog_jobs *j, u64 now_ms); /* false: broken, do nothing */
int fog_jobs_end(struct fog_jobs *j);
struct fog_action *fog_action_new(struct fog_jobs *j, enum fog_action_kind kind); /* NULL: failed */
void fog_action_run(struct fog_jobs *j, enum fog_action_kind kind, const char *run);
void fog_jobs_sign(struct fog_jobs *j, const char *label, const char *text,
		   u8 signature[FOG_JOB_SIGNATURE_SIZE]);
void fog_jobs_bury(struct fog_jobs *j, void *p); /* free() at the end of the step */
/* Formats and replaces all but printable ASCII: part of it may be a peer's. */
__attribute__((format(printf, 2, 3))) void fog_jobs_reason(char out[FOG_JOB_REASON_SIZE],
							   const char *format, ...);
/* Time we grant to move this many bytes. */
static inline u64 fog_jobs_transfer_ms(u64 bytes)
{
	return bytes * 1000 / FOG_JOBS_TRANSFER_BPS;
}

/* ---- session.c ------------------------------------------------------------------------------ */
struct fog_jobs_session *fog_jobs_session_new(struct fog_jobs *j, bool inbound);
struct fog_jobs_session *fog_jobs_session_find(struct fog_jobs *j, u32 id);
/* Opens towards the attempt's worker; to ourselves through a loop. */
void fog_jobs_session_open(struct fog_jobs *j, struct fog_attempt *a);
void fog_jobs_session_close(struct fog_jobs *j, struct fog_jobs_session *s);
/* Closes; the attempt will open another. */
void fog_jobs_session_drop(struct fog_jobs *j, struct fog_jobs_session *s, const char *reason);
/* Sends the text, which is freed; NULL closes the session (no memory). */
void fog_jobs_session_send(struct fog_jobs *j, struct fog_jobs_session *s, char *text);
void fog_jobs_session_send_data(struct fog_jobs *j, struct fog_jobs_session *s, const void *data,
				u32 len);
/* Tells why and closes. */
void fog_jobs_session_refuse(struct fog_jobs *j, struct fog_jobs_session *s, const char *reason);
void fog_jobs_session_verify(struct fog_jobs *j, struct fog_jobs_session *s,
			     const struct fog_job_message *m, const u8 node[FOG_JOB_NODE_SIZE]);
void fog_jobs_session_tick(struct fog_jobs *j, struct fog_jobs_session *s);
void fog_jobs_session_reap(struct fog_jobs *j);  /* frees the dead */
void fog_jobs_session_clear(struct fog_jobs *j); /* closes and frees all */
/* Delivers a message the engine sends to itself. */
void fog_jobs_session_loop(struct fog_jobs *j, const struct fog_action *a, u64 now_ms);

/* ---- place.c -------------------------------------------------------------------------------- */
void fog_queue_tick(struct fog_jobs *j);
/* Stops a running attempt; its job runs again elsewhere, or is cancelled if it wished so. */
void fog_attempt_stop(struct fog_jobs *j, struct fog_attempt *a, enum fog_stop why);
/* What becomes of the job of a stopped attempt. */
void fog_job_stopped(struct fog_jobs *j, struct fog_job *job, enum fog_stop why);

/* ---- group.c: what jobs submitted together owe each other ----------------------------------- */
void fog_group_review(struct fog_jobs *j);
/* A member of a gang was not taken: unless all run, those that do are stopped. */
void fog_group_recall(struct fog_jobs *j, const struct fog_job *job);
/* A member of a gang said yes: when all have, and can be told, they are told to begin. */
void fog_group_gather(struct fog_jobs *j, const struct fog_job *job);

/* ---- bring.c: what attempts leave behind, from their workers to us and on to others -----------
 *
 * A file is a row of job_file; its bytes arrive in order, each part in the store before the next is
 * asked for. Once all are there and are what the hash says, the row is done; a checkpoint is used
 * only then. */
/* Before an offer is written: the spec gets the newest whole checkpoint, and says how often the job
 * was begun. Says so in the job's history. False: there is no such spec, and the job has failed. */
bool fog_bring_offer(struct fog_jobs *j, struct fog_job *job);
/* The worker tells of a newer checkpoint. */
void fog_bring_kept(struct fog_jobs *j, struct fog_attempt *a, const struct fog_job_message *m);
void fog_bring_blob(struct fog_jobs *j, struct fog_attempt *a, const struct fog_jobs_session *s,
		    const u8 *data, u32 len);
/* The stream is new or gone: what was asked for is asked for again. */
void fog_bring_again(struct fog_jobs *j, struct fog_attempt *a);
/* Is all that the receipt names here? Else it is asked for. False, too, when the attempt was lost
 * over it. */
bool fog_bring_ready(struct fog_jobs *j, struct fog_attempt *a, const struct fog_receipt *t);
/* Why the job, unless it is cancelled, goes on after this receipt; NONE: it ends. */
enum fog_stop fog_bring_goes_on(const struct fog_attempt *a, const struct fog_receipt *t);
/* The worker says that the checkpoint it was given is no archive; reason: that, for the attempt.
 * Its bytes are what they were, so it may be he who lies: another who says so has it dropped. */
bool fog_bring_refused(struct fog_jobs *j, struct fog_attempt *a, const struct fog_receipt *t,
		       char reason[FOG_JOB_REASON_SIZE]);
/* The attempt ended without pay: of what it left, whole checkpoints stay. */
void fog_bring_lost(struct fog_jobs *j, struct fog_attempt *a);
/* Forgets artifacts beyond their time or room. True: there may be more of them. */
bool fog_bring_sweep(struct fog_jobs *j);

/* ---- input.c: outputs that become inputs ----------------------------------------------------- */
/* What the last attempt of `source` printed, or its artifact when that is not "", becomes the job's
 * input of that name; its spec changes. False when it is not there, another user's, or too large.
 */
bool fog_input_from_job(struct fog_jobs *j, struct fog_job *job, const char *name,
			const char *source, const char *artifact);
/* Are the inputs that are wished for by their hash there, of jobs of this user, and small enough
 * beside those of the spec? False with error. */
bool fog_input_hashes_there(struct fog_jobs *j, const char *user, const struct fog_job_spec *spec,
			    const struct fog_job_wishes *w, char error[FOG_JSON_ERROR_SIZE]);
/* They become inputs of the job. Returns the name of one that cannot be had or is not what its hash
 * says, or NULL. */
const char *fog_input_hashes_take(struct fog_jobs *j, struct fog_job *job,
				  const struct fog_job_wishes *w);
/* Parses what became of the spec and puts it in place of the job's; attempts keep theirs. False
 * with error. */
bool fog_input_spec_set(struct fog_jobs *j, struct fog_job *job, const char *text,
			char error[FOG_JSON_ERROR_SIZE]);
/* The job's spec, to json_decref(); NULL: it cannot be had. */
json_t *fog_input_spec(struct fog_jobs *j, const struct fog_job *job);
/* The inputs of the spec with this one in place of any of its name. */
void fog_input_spec_without(json_t *spec, const char *name);
void fog_input_spec_with(json_t *spec, const char *name, const u8 sha256[32], u64 size);

/* ---- space.c: namespaces -------------------------------------------------------------------- */
struct fog_space *fog_space_find(struct fog_jobs *j, const char *name); /* NULL: no such */
void fog_space_count(struct fog_jobs *j); /* fills what jobs hold now */
/* Why another so many of these do not fit the quota, or NULL. */
const char *fog_space_full(const struct fog_space *s, const struct fog_job_limits *limits,
			   u32 members);
void fog_space_used(struct fog_jobs *j, const char *name, u64 cpu_milli, u64 wall_ms);
double fog_space_share(const struct fog_jobs *j, const char *name); /* of all use, in 0..1 */
bool fog_hold_find(const struct fog_jobs *j, const u8 *node, struct fog_host_hold *out);
void fog_hold_tick(struct fog_jobs *j); /* drains */

/* ---- reserve.c ------------------------------------------------------------------------------ */
void fog_reserve_tick(struct fog_jobs *j); /* drops what is over */
/* The number of the namespace among those with reservations; 0 = it has none. */
u32 fog_reserve_owner(const struct fog_jobs *j, const char *space);
/* A reservation of this very host that a job of this length would meet, or NULL. */
const struct fog_reservation *fog_reserve_meets(const struct fog_jobs *j, u64 wall_ms,
						const u8 submitter[FOG_JOB_NODE_SIZE]);

/* ---- sla.c ---------------------------------------------------------------------------------- */
void fog_sla_waiting(struct fog_jobs *j, struct fog_job *job); /* still does */
void fog_sla_began(struct fog_jobs *j, struct fog_job *job);
/* Before it is forgotten; hosts: it failed for reasons that are not its own. */
void fog_sla_ended(struct fog_jobs *j, struct fog_job *job, enum fog_job_state state, bool hosts);
void fog_sla_disagreed(struct fog_jobs *j, const char *user, const char *space, const char *job,
		       enum fog_tier tier, i64 price);

/* ---- engine.c ------------------------------------------------------------------------------- */
/* Tells the owner; an end of 0 is now. */
void fog_jobs_step(struct fog_jobs *j, struct fog_job_step step);

/* ---- queue.c -------------------------------------------------------------------------------- */
/* A job in memory alone, to be freed in the same step: what if? 0, -EINVAL, -ENOMEM. */
int fog_job_dry(struct fog_jobs *j, const char *user, const struct fog_job_request *request,
		struct fog_job **out, char error[FOG_JSON_ERROR_SIZE]);
/* What memory knows of a spec. */
void fog_job_spec_take(struct fog_job *job, const struct fog_job_spec *spec);
void fog_user_open(struct fog_jobs *j, const char *user); /* with the grant of a new one */
u32 fog_job_hash(const char *id);                         /* below FOG_JOBS_HASH_SIZE */
struct fog_job *fog_job_find(struct fog_jobs *j, const char *id);
struct fog_job *fog_job_add(struct fog_jobs *j, const char *id); /* into list and hash */
void fog_job_free(struct fog_jobs *j, struct fog_job *job);
void fog_job_avoid(struct fog_jobs *j, struct fog_job *job, const u8 *node, u64 until_ms);
/* Back to QUEUED; the current attempt must be gone. */
void fog_job_requeue(struct fog_jobs *j, struct fog_job *job, const char *reason, u64 delay_ms);
/* The end: writes, frees. */
void fog_job_end(struct fog_jobs *j, struct fog_job *job, enum fog_job_state state,
		 const char *reason, const struct fog_receipt *receipt);
void fog_job_set(struct fog_jobs *j, struct fog_job *job, enum fog_job_state state,
		 const char *reason);
void fog_bound_forget(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE]); /* it has changed */
double fog_bound_get(struct fog_jobs *j, const u8 node[FOG_JOB_NODE_SIZE]);
/* Its group: the one it names, or its batch. */
const char *fog_job_group(const struct fog_job *job);

/* ---- attempt.c ------------------------------------------------------------------------------ */
/* Places the job: escrow, offer, stream; or ends it when there can be no offer. False when the
 * escrow could not be held. */
bool fog_attempt_place(struct fog_jobs *j, struct fog_job *job,
		       const struct fog_placement_host *host, i64 price);
void fog_attempt_tick(struct fog_jobs *j, struct fog_attempt *a);
void fog_attempt_opened(struct fog_jobs *j, struct fog_attempt *a);
/* The stream could not be opened, or went away. */
void fog_attempt_unlinked(struct fog_jobs *j, struct fog_attempt *a, const char *error);
void fog_attempt_message(struct fog_jobs *j, struct fog_attempt *a,
			 const struct fog_job_message *m);
void fog_attempt_cancel(struct fog_jobs *j, struct fog_attempt *a);
/* Its worker keeps the place until the whole gang has one. */
bool fog_attempt_held(const struct fog_attempt *a);
void fog_attempt_go(struct fog_jobs *j, struct fog_attempt *a);
void fog_attempt_ping(struct fog_jobs *j, struct fog_attempt *a);
/* Host failure: releases the escrow, notes evidence, tries the next host. */
void fog_attempt_lose(struct fog_jobs *j, struct fog_attempt *a, enum fog_evidence_kind kind,
		      const char *reason);
/* Releases what is held and ends the attempt in this state. The job goes on without it. */
void fog_attempt_end(struct fog_jobs *j, struct fog_attempt *a, enum fog_attempt_state state,
		     const char *reason);
void fog_attempt_free(struct fog_jobs *j, struct fog_attempt *a);
bool fog_attempt_local(const struct fog_jobs *j, const struct fog_attempt *a);

/* ---- collect.c ------------------------------------------------------------------------------ */
void fog_collect_follow(struct fog_jobs *j, struct fog_attempt *a, bool force);
void fog_collect_log(struct fog_jobs *j, struct fog_attempt *a, const struct fog_jobs_session *s,
		     const u8 *data, u32 len);
void fog_collect_result(struct fog_jobs *j, struct fog_attempt *a, const struct fog_job_message *m);
void fog_collect_verified(struct fog_jobs *j, struct fog_attempt *a,
			  const struct fog_jobs_session *s);
/* RECEIVED: settles once all output is here. */
void fog_collect_check(struct fog_jobs *j, struct fog_attempt *a);
void fog_collect_settle_send(struct fog_jobs *j, struct fog_attempt *a);
void fog_collect_evidence(struct fog_jobs *j, struct fog_attempt *a, enum fog_evidence_kind kind,
			  double quality, const char *detail);

/* ---- work.c, serve.c ------------------------------------------------------------------------ */
/* Everything of an attempt that came to this worker, as stored. */
struct fog_work_row {
	struct fog_attempt_key key;
	enum fog_work_state state;
	char run[FOG_WORK_RUN_SIZE];
	u32 runs;
	u64 accelerators;
	struct fog_trace trace;
	bool cancel, held;
	char reason[FOG_JOB_REASON_SIZE];
	struct fog_offer offer;
	u8 offer_sha256[32];
	u64 created_ms, updated_ms;
};

void fog_work_tick(struct fog_jobs *j, struct fog_work *w);
void fog_work_sweep(struct fog_jobs *j);
struct fog_work *fog_work_find(struct fog_jobs *j, const struct fog_attempt_key *key);
/* Judges a verified offer. Accepts it (persisted) or says why not. */
enum fog_decline fog_work_admit(struct fog_jobs *j, const struct fog_offer *offer, const char *text,
				const u8 *signature, const char *spec, bool hold,
				const struct fog_trace *trace, char reason[FOG_JOB_REASON_SIZE]);
void fog_work_cancel(struct fog_jobs *j, struct fog_work *w);
void fog_work_go(struct fog_jobs *j, struct fog_work *w);
void fog_work_blob(struct fog_jobs *j, struct fog_work *w, const struct fog_jobs_session *s,
		   const u8 *data, u32 len);
void fog_work_need(struct fog_jobs *j, struct fog_work *w); /* input, from where it stopped */
void fog_work_free(struct fog_jobs *j, struct fog_work *w);
/* Puts a stored, unfinished row back to work after a restart. */
void fog_work_resume(struct fog_jobs *j, const struct fog_work_row *row, const char *spec);

void fog_serve_message(struct fog_jobs *j, struct fog_jobs_session *s,
		       const struct fog_job_message *m);
void fog_serve_verified(struct fog_jobs *j, struct fog_jobs_session *s);
void fog_serve_status(struct fog_jobs *j, struct fog_jobs_session *s, const struct fog_work *w,
		      enum fog_work_state state);
/* As far as the window goes; returns the number of chunks sent. */
u32 fog_serve_output(struct fog_jobs *j, struct fog_jobs_session *s);
void fog_serve_result(struct fog_jobs *j, struct fog_jobs_session *s);
/* Tells of a checkpoint, or of why there is none, that it was not told of. */
void fog_serve_kept(struct fog_jobs *j, struct fog_jobs_session *s,
		    const struct fog_executor_kept *kept);

/* ---- db.c: submitter ------------------------------------------------------------------------ */
void fog_db_run(struct fog_jobs *j, struct fog_stmt *q); /* notes an error */
bool fog_db_row(struct fog_jobs *j, struct fog_stmt *q); /* true: one is there; the caller resets */
int fog_db_migrate(struct fog_store *store, char why[FOG_STORE_WHY_SIZE]);
void fog_db_job_insert(struct fog_jobs *j, const struct fog_job *job,
		       const struct fog_job_request *request);
/* 1 and texts to free, or 0. */
int fog_db_job_texts(struct fog_jobs *j, const char *id, char **spec, char **wishes);
void fog_db_job_update(struct fog_jobs *j, const struct fog_job *job, const char *reason);
void fog_db_job_end(struct fog_jobs *j, const struct fog_job *job, const char *reason,
		    const struct fog_receipt *receipt);
void fog_db_jobs_load(struct fog_jobs *j);
/* A new spec; earlier attempts keep theirs. */
void fog_db_spec_put(struct fog_jobs *j, const char *job, const char *spec);
/* The input in place of any of its name. */
void fog_db_input_put(struct fog_jobs *j, const char *job, const char *name, const u8 *data,
		      size_t size);
/* What an attempt (0 = the last) of a job printed, to free(); NULL when there is no such job. */
u8 *fog_db_output_read(struct fog_jobs *j, const char *job, u32 attempt, u32 stream, size_t *size);
/* Up to cap bytes of an input, as stored; false when there is no such input. */
bool fog_db_input_read(struct fog_jobs *j, const char *job, const char *name, u64 offset, void *buf,
		       u32 cap, u32 *len);

void fog_db_attempt_insert(struct fog_jobs *j, const struct fog_attempt *a, const char *worker_name,
			   const char *offer, const u8 *signature, double reputation);
void fog_db_attempt_update(struct fog_jobs *j, const struct fog_attempt *a, const char *reason);
void fog_db_attempt_route(struct fog_jobs *j, const struct fog_attempt *a, const char *route);
void fog_db_attempt_reputation(struct fog_jobs *j, const struct fog_attempt *a, double after);
/* Offer text and spec text, to free. False when the row is not there. */
bool fog_db_attempt_offer(struct fog_jobs *j, const struct fog_attempt *a, char **offer,
			  u8 signature[FOG_JOB_SIGNATURE_SIZE], char **spec);
/* Declined attempts beyond the last few are forgotten. */
void fog_db_attempts_prune(struct fog_jobs *j, const char *job, u32 below);

void fog_db_log_append(struct fog_jobs *j, const struct fog_attempt *a, u32 stream,
		       const void *data, u32 len);
void fog_db_log_hash(struct fog_jobs *j, const struct fog_attempt *a, u32 stream, u8 sha256[32]);
void fog_db_log_drop(struct fog_jobs *j, const struct fog_attempt *a);
void fog_db_artifact_add(struct fog_jobs *j, const struct fog_attempt *a, u32 stream,
			 const struct fog_job_output *output);

/* How many attempts hosts have accepted. */
u32 fog_db_attempts_begun(struct fog_jobs *j, const char *job);

/* ---- db_bring.c: what attempts left behind ----------------------------------------------------
 */
/* Once; an empty file is done at once. path: of an artifact, else "". */
void fog_db_file_add(struct fog_jobs *j, const char *job, const struct fog_bring_file *file,
		     const char *path, bool executable);
/* The next of this attempt's that is not done, and how much of it is here. */
bool fog_db_file_next(struct fog_jobs *j, const struct fog_attempt *a, struct fog_bring_file *out,
		      u64 *have);
void fog_db_file_append(struct fog_jobs *j, const char *job, const struct fog_bring_file *file,
			u64 offset, const void *data, u32 len);
void fog_db_file_done(struct fog_jobs *j, const char *job, const struct fog_bring_file *file);
void fog_db_file_drop(struct fog_jobs *j, const char *job, const struct fog_bring_file *file);
/* Of what is stored of it. */
void fog_db_file_hash(struct fog_jobs *j, const char *job, const struct fog_bring_file *file,
		      struct fog_sha256 *state);
/* Up to cap bytes; *len is what is there. */
void fog_db_file_read(struct fog_jobs *j, const char *job, const struct fog_bring_file *file,
		      u64 offset, void *buf, u32 cap, u32 *len);
/* Whole checkpoints, newest first: the skip-th. */
bool fog_db_checkpoint_get(struct fog_jobs *j, const char *job, u32 skip,
			   struct fog_bring_file *out);
bool fog_db_checkpoint_find(struct fog_jobs *j, const char *job, const u8 sha256[32],
			    struct fog_bring_file *out);
/* Did an attempt on another host than a's end for this reason? */
bool fog_db_reason_found(struct fog_jobs *j, const struct fog_attempt *a, const char *reason);
/* Number of the newest whole one of an attempt, 0: it has none. */
u32 fog_db_checkpoint_of(struct fog_jobs *j, const struct fog_attempt *a);
/* Of one attempt that are not done, but not `but`. NULL: all. */
void fog_db_checkpoints_undone_drop(struct fog_jobs *j, const struct fog_attempt *a,
				    const struct fog_bring_file *but);
/* Of all kinds: of an attempt but its whole checkpoints; of a job that ended its checkpoints. */
void fog_db_files_lost(struct fog_jobs *j, const struct fog_attempt *a);
void fog_db_files_ended(struct fog_jobs *j, const char *job);
/* Bytes of all checkpoints, those that are not whole included. */
u64 fog_db_checkpoints_size(struct fog_jobs *j);
/* The same of artifacts and their lists. */
u64 fog_db_files_size(struct fog_jobs *j);
/* A job that has such files: that ended before this time, or the one that ended first when all
 * together are more than bytes. False: none. */
bool fog_db_files_oldest(struct fog_jobs *j, u64 before_ms, u64 bytes, char job[FOG_JOB_ID_SIZE]);
void fog_db_files_forget(struct fog_jobs *j, const char *job);
/* An output or artifact by what it contains. */
struct fog_held {
	char job[FOG_JOB_ID_SIZE];
	u32 attempt;
	u32 stream;                 /* of an output */
	struct fog_bring_file file; /* kind NONE: it is an output */
	u64 size;
};
/* Of a job of this user; NULL: of anybody's. */
bool fog_db_held_find(struct fog_jobs *j, const char *owner, const u8 sha256[32],
		      struct fog_held *out);
/* An artifact by its path; of the last attempt that has any. */
bool fog_db_artifact_find(struct fog_jobs *j, const char *job, const char *path,
			  struct fog_bring_file *out);

/* ---- db_terms.c: batches, namespaces, holds, breaches, notices --------------------------------
 */
void fog_db_event_add(struct fog_jobs *j, struct fog_job *job, const char *reason);
void fog_db_spaces_load(struct fog_jobs *j);
void fog_db_space_put(struct fog_jobs *j, const struct fog_space *s);
void fog_db_holds_load(struct fog_jobs *j);
void fog_db_hold_put(struct fog_jobs *j, const struct fog_host_hold *h); /* mode NONE deletes */
void fog_db_reservations_load(struct fog_jobs *j);
void fog_db_reservation_add(struct fog_jobs *j, const struct fog_reservation *r);
void fog_db_reservation_delete(struct fog_jobs *j, const char *id);
/* False when it was recorded before. */
bool fog_db_breach_add(struct fog_jobs *j, const char *job, const char *space, enum fog_tier tier,
		       const char *kind, const char *detail, i64 amount);
void fog_db_batch_add(struct fog_jobs *j, const char *batch, const char *user);
/* The next one after *seq that has not ended. */
bool fog_db_batch_next(struct fog_jobs *j, i64 *seq, char batch[FOG_JOB_BATCH_SIZE]);
/* Replicas of a stage and what they came to. */
#define FOG_REPLICAS_MAX 8 /* more than any tier has */

struct fog_replica {
	char job[FOG_JOB_ID_SIZE];
	char user[FOG_JOB_USER_SIZE];
	char space[FOG_JOB_NAME_SIZE];
	u8 worker[FOG_JOB_NODE_SIZE];
	u32 attempt;
	i64 quote;
	bool ended;
	bool receipt_set;
	struct fog_receipt receipt;
};
/* The next replicated stage by name after `stage`, into it, and its tier. */
bool fog_db_stage_next(struct fog_jobs *j, const char *batch, char stage[FOG_JOB_STAGE_SIZE],
		       enum fog_tier *tier);
u32 fog_db_replicas(struct fog_jobs *j, const char *batch, const char *stage,
		    struct fog_replica *out, u32 cap);
/* Where those that have ended ran last. */
u32 fog_db_replicas_ran(struct fog_jobs *j, const char *batch, const char *stage,
			u8 (*worker)[FOG_JOB_NODE_SIZE], u32 cap);
void fog_db_batch_end(struct fog_jobs *j, const char *batch, enum fog_job_state state,
		      const char *reason);
/* How many jobs of a stage there are, have succeeded, have ended otherwise. */
struct fog_stage_count {
	u32 jobs, succeeded, failed;
};
void fog_db_stage_count(struct fog_jobs *j, const char *batch, const char *stage,
			struct fog_stage_count *out);
void fog_db_batch_count(struct fog_jobs *j, const char *batch, struct fog_stage_count *out);
i64 fog_db_balance(struct fog_jobs *j, const char *account);
i64 fog_db_quote_max(struct fog_jobs *j, const char *job);

/* ---- db_paper.c: both roles -------------------------------------------------------------------
 */
void fog_db_receipt_put(struct fog_jobs *j, const struct fog_attempt_key *key, const char *text,
			const u8 *signature, i64 amount);
/* Text to free; false when there is none. */
bool fog_db_receipt_get(struct fog_jobs *j, const struct fog_attempt_key *key, char **text,
			u8 signature[FOG_JOB_SIGNATURE_SIZE]);
void fog_db_settlement_put(struct fog_jobs *j, const struct fog_attempt_key *key, const char *text,
			   const u8 *signature, i64 amount);
bool fog_db_settlement_get(struct fog_jobs *j, const struct fog_attempt_key *key, char **text,
			   u8 signature[FOG_JOB_SIGNATURE_SIZE]);
u64 fog_db_sequence_next(struct fog_jobs *j);

/* ---- db_work.c: worker ------------------------------------------------------------------------
 */
void fog_db_work_insert(struct fog_jobs *j, const struct fog_work *w, const char *offer,
			const u8 *signature, const char *spec);
void fog_db_work_update(struct fog_jobs *j, const struct fog_attempt_key *key,
			enum fog_work_state state, const char *reason);
void fog_db_work_run(struct fog_jobs *j, const struct fog_work *w); /* run, runs, cancel */
bool fog_db_work_get(struct fog_jobs *j, const struct fog_attempt_key *key,
		     struct fog_work_row *out);
void fog_db_works_load(struct fog_jobs *j);
/* The oldest row in this state not touched since before_ms. */
bool fog_db_work_stale(struct fog_jobs *j, enum fog_work_state state, u64 before_ms,
		       struct fog_work_row *out);
void fog_db_work_delete(struct fog_jobs *j, const struct fog_attempt_key *key);

/* ---- db_book.c: ledger and reputation ---------------------------------------------------------
 */
/* 0 or a refusal of the ledger (-ENOSPC); errors of the store are noted in j->rc. */
int fog_db_ledger_apply(struct fog_jobs *j, const struct fog_ledger_tx *tx);
bool fog_db_ledger_known(struct fog_jobs *j, const char *key);
void fog_db_reputation_get(struct fog_jobs *j, const u8 *node, struct fog_reputation *out);
/* Once per (node, job, attempt, kind); writes evidence and reputation. */
void fog_db_evidence_add(struct fog_jobs *j, const u8 *node, enum fog_evidence_kind kind,
			 double quality, const char *job, u32 attempt, const char *detail);

#endif
