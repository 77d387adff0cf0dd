/* SPDX-License-Identifier: BSD-3-Clause */
/* A deterministic fog of two to six hosts around the real job engine: one seed, one run. The
 * network, the executors, the clocks and the failures are simulated; the store is SQLite in memory,
 * and survives the "crash" of its host as a file would. */
#ifndef FOG_JOBS_SIM_H
#define FOG_JOBS_SIM_H

#include "controlplane/jobs/engine.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"

#define SIM_HOSTS_MAX     6
#define SIM_RUNS_MAX      4096 /* spools of one host, ever */
#define SIM_JOBS_MAX      256
#define SIM_BATCHES_MAX   4
#define SIM_CONNS_MAX     1024
#define SIM_INPUT_MAX     (512u << 10)
#define SIM_CHECKPOINT_MS 2000 /* of a run between two of its checkpoints */
#define SIM_GO_ON_CODE    85
#define SIM_START_MS      1700000000000ull
#define SIM_GRANT         100000000

struct sim;

/* One spool: survives its host's control plane, not always the host's reboot. */
struct sim_run {
	char name[FOG_WORK_RUN_SIZE];
	bool started, cancelled, vanished, removed;
	u64 start_ms, end_ms;
	u64 duration_ms;
	u32 exit_code;
	u64 size[2];
	u64 seed;
	struct fog_job_limits limits;
	u8 *input;
	u64 input_len;
	bool has_input;
	/* Progress is in ms of the job's duration. */
	bool checkpoints, artifacts;
	u32 exits_at; /* begun anew it exits with SIM_GO_ON_CODE after so many checkpoints; 0: no */
	u64 base;     /* the progress it was restored with */
	u8 *restore;  /* the archive */
	u64 restore_len;
	struct fog_executor_kept kept; /* as of the last poll */
};

struct sim_host {
	struct sim *sim;
	u32 index;
	u8 id[FOG_JOB_NODE_SIZE];
	u8 secret[FOG_SIGN_SECRET_SIZE];
	struct fog_jobs_config config;
	struct fog_store *store;
	struct fog_jobs *jobs; /* NULL while crashed */
	u64 up_ms;             /* crashed until */
	bool liar;             /* prints something else than it signs */
	u32 run_count;
	struct sim_run *run;
	u32 crashes;
	bool held; /* it has a host cordoned or drained: */
	u32 hold;
};

enum sim_conn_state { SIM_CONN_FREE = 0, SIM_CONN_OPENING, SIM_CONN_OPEN };

struct sim_frame {
	struct sim_frame *next;
	u64 due_ms;
	bool json;
	u32 len;
	u8 data[];
};

struct sim_conn {
	enum sim_conn_state state;
	u32 host[2];                         /* 0 = opener */
	u32 stream[2];                       /* 0 = closed at that end */
	u64 due_ms;                          /* of the opening */
	u64 break_ms;                        /* it breaks then; 0 = not */
	struct sim_frame *head[2], *tail[2]; /* towards end 0, 1 */
	bool closing[2];                     /* the other end closed: end after the last frame */
};

struct sim_verify {
	u32 host;
	u64 tag, due_ms;
	bool valid;
};
#define SIM_VERIFY_MAX 1024

struct sim_job {
	u32 host;
	char id[FOG_JOB_ID_SIZE];
	struct fog_job_request request;
	u64 submit_ms, cancel_ms; /* 0 = not cancelled */
	bool accepted, cancelled, preemptible;
	u32 exit_code;
	bool times_out;
	u64 size[2];
	u64 input;
	u64 seed;
	bool checkpoints, artifacts;
	bool resumes;  /* its wall limit is too short for it, but it goes on from its checkpoint */
	u32 exits_at;  /* checkpoints, then it exits to be begun again */
	u32 successes; /* runs that ended with exit code 0 */
};

struct sim_batch {
	u32 host;
	struct fog_job_batch batch;
	u64 submit_ms, cancel_ms; /* 0 = not cancelled */
	bool failing;             /* its first stage does */
	bool accepted, cancelled;
};

struct sim {
	struct fog_rng rng;
	u64 seed;
	u64 now_ms;
	u64 calm_ms; /* no more faults from here on */
	bool verbose;
	u32 host_count;
	struct sim_host host[SIM_HOSTS_MAX];
	struct sim_conn conn[SIM_CONNS_MAX];
	u32 verify_count;
	struct sim_verify verify[SIM_VERIFY_MAX];
	u32 batch_count;
	struct sim_batch batch[SIM_BATCHES_MAX];
	bool liars;
	u32 job_count;
	struct sim_job job[SIM_JOBS_MAX];

	/* Faults of the store, armed for one host's event at a time. */
	struct sim_host *current;
	bool crash_pending;
	u32 restored; /* runs that went on from a checkpoint */
	u32 faults_store, faults_crash, faults_net, duplicates, frames;
};

extern struct sim *sim_now; /* the one that runs, for the wrapped store */

u64 sim_below(struct sim *s, u64 bound);
bool sim_chance(struct sim *s, u32 per_mille); /* false once it is calm */
__attribute__((noreturn, format(printf, 2, 3))) void sim_fail(struct sim *s, const char *format,
							      ...);
/* Byte `offset` of what the job with that seed prints on a stream. */
u8 sim_output_byte(u64 seed, u32 stream, u64 offset);
/* Size of artifact `number` of that job. */
u64 sim_artifact_size(u64 seed, u32 number);
#define SIM_ARTIFACTS       3
#define SIM_ARTIFACT_STREAM 16 /* and the number: of sim_output_byte() */

/* jobs_sim_host.c */
void sim_host_new(struct sim *s, u32 index);
void sim_host_free(struct sim_host *h);
void sim_host_start(struct sim_host *h);
void sim_host_crash(struct sim_host *h, bool reboot);
void sim_run_start(struct sim_host *h, const char *name);
void sim_run_cancel(struct sim_host *h, const char *name);
void sim_run_remove(struct sim_host *h, const char *name);

/* jobs_sim_batch.c */
void sim_batch_new(struct sim *s, u32 index);
void sim_batch_step(struct sim *s, struct sim_batch *b);
void sim_hold_step(struct sim *s, struct sim_host *h);
void sim_capacity_check(struct sim *s);
void sim_batch_check(struct sim *s, struct sim_batch *b);
void sim_sla_check(struct sim *s, struct sim_host *h);

/* jobs_sim_net.c */
void sim_event_begin(struct sim_host *h);
/* Carries out the actions, or crashes the host. */
void sim_event_end(struct sim_host *h);
void sim_net_step(struct sim *s);
void sim_net_break_host(struct sim *s, u32 host);
void sim_net_free(struct sim *s);
bool sim_net_idle(const struct sim *s);

#endif
