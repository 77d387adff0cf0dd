/* SPDX-License-Identifier: BSD-3-Clause */
/* Every maximum and every time of the job engine, with what happens when it is reached. */
#ifndef FOG_JOBS_LIMITS_H
#define FOG_JOBS_LIMITS_H

#include "crypto/types.h"

/* ---- what a job may be; a request beyond is refused and the error names the field ---------- */
#define FOG_JOB_ID_SIZE   65 /* 1..64 of [A-Za-z0-9._-], with the terminating zero */
#define FOG_JOB_NAME_SIZE 65
#define FOG_JOB_USER_SIZE 65
#define FOG_JOB_SPEC_MAX  (64u << 10) /* bytes of the canonical spec text */
/* Bytes kept free in the text for each input that comes later, a checkpoint among them: its longest
 * name, hash and size. */
#define FOG_JOB_SPEC_ROOM        256
#define FOG_JOB_ENGINE_SIZE      16 /* name of an engine, with the terminating zero */
#define FOG_JOB_ARGS_MAX         256
#define FOG_JOB_ENV_MAX          64
#define FOG_JOB_INPUTS_MAX       16
#define FOG_JOB_INPUT_MAX        (8u << 20)  /* bytes of one input */
#define FOG_JOB_INPUTS_SUM_MAX   (64u << 20) /* bytes of all inputs of a job */
#define FOG_JOB_INPUT_NAME_SIZE  64
#define FOG_JOB_OUTPUT_MAX       (8u << 20)   /* kept of stdout and of stderr each: 16 MiB a job */
#define FOG_JOB_FILE_MAX         (256u << 20) /* bytes of a checkpoint, or of all artifacts */
#define FOG_JOB_FILE_NAME_SIZE   32           /* "checkpoint.N", "manifest", "artifact.N" */
#define FOG_JOB_CPU_MILLI_MIN    10
#define FOG_JOB_CPU_MILLI_MAX    1024000
#define FOG_JOB_MEMORY_MB_MIN    4
#define FOG_JOB_MEMORY_MB_MAX    16777216
#define FOG_JOB_WALL_MS_MAX      (30ull * 24 * 3600 * 1000)
#define FOG_JOB_ACCELERATORS_MAX 64
#define FOG_JOB_ACCELERATOR_SIZE 32
#define FOG_JOB_HOOK_SIZE        256 /* address of a webhook */
#define FOG_JOB_REASON_SIZE      512 /* why it is pending, was declined or failed */

/* ---- engine ------------------------------------------------------------------------------ */
#define FOG_JOBS_SESSIONS_MAX  4096 /* streams at once; inbound ones beyond are closed */
#define FOG_JOBS_SESSIONS_HALF 1024 /* of them not yet past their offer; as above */
#define FOG_JOBS_ACTIONS_MAX                                                 \
	65536 /* waiting for the owner; a tick that reaches half stops early \
	       */
#define FOG_JOBS_PLACEMENTS_MAX \
	256                    /* jobs looked at in one tick, by priority; the rest next time */
#define FOG_JOBS_OPENS_MAX 256 /* streams being opened at once; the rest wait */
#define FOG_JOBS_ATTEMPTS_MAX                                              \
	4096 /* attempts of one job, declined ones included; then it fails \
	      */
#define FOG_JOBS_VERIFY_TEXT_MAX                                                            \
	3840                   /* bytes of an offer, receipt or settlement: what the verify \
				* rings take, less the label */
#define FOG_JOBS_LIST_MAX 1000 /* jobs in one answer of the API */

/* ---- batches, namespaces, webhooks ----------------------------------------------------------- */
#define FOG_JOBS_BATCH_MAX        1024 /* jobs of one batch; a larger one is refused */
#define FOG_JOBS_STAGES_MAX       64   /* of a batch */
#define FOG_JOB_BATCH_SIZE        37   /* id of a batch: 1..36; a stage and a rank follow in ids */
#define FOG_JOB_STAGE_SIZE        21   /* 1..20 of the same */
#define FOG_JOBS_SPACES_MAX       256  /* namespaces with a quota, a weight or use; then no more */
#define FOG_JOBS_ESTIMATES_MAX    64   /* starts estimated in one tick */
#define FOG_JOBS_RESERVATIONS_MAX 256  /* made by people; then -ENOSPC */
#define FOG_JOBS_HOLDS_MAX        1024 /* hosts cordoned or drained at once */
#define FOG_JOBS_HOOKS_MAX        4096 /* notices waiting; the oldest is dropped */
#define FOG_JOBS_HOOK_TRIES       8    /* of one notice, 1 s apart, doubling */
#define FOG_JOBS_EVENTS_MAX       256  /* changes of one job that are kept */

/* ---- checkpoints and artifacts --------------------------------------------------------------- */
/* Checkpoints of a job that are kept, beside the one it began with. */
#define FOG_JOBS_CHECKPOINTS_MAX 2
/* What a worker makes the job's history say of an attempt's checkpoints; the rest is not said. */
#define FOG_JOBS_TOLD_MAX 16
/* Bytes of all checkpoints here; beyond, no new one is fetched, and the job's history says so. */
#define FOG_JOBS_CHECKPOINTS_SIZE (16ull << 30)
/* Bytes of all artifacts and their lists here; those of the job that ended first go first. When
 * none has ended no new ones are fetched, and the job's history says so. */
#define FOG_JOBS_FILES_MAX (16ull << 30)
/* Jobs whose files are forgotten at once; if that is not enough, more are after this time. */
#define FOG_JOBS_SWEEP_MAX     64
#define FOG_JOBS_SWEEP_SOON_MS 1000
/* How long artifacts are kept after the end of their job. */
#define FOG_JOBS_FILES_MS 2592000000ull

/* ---- windows on a stream: both sides together stay below FOG_FRAMED_QUEUE_MAX --------------- */
#define FOG_JOBS_CHUNK_MAX (64u << 10)  /* bytes of one data frame */
#define FOG_JOBS_NEED_MAX  (256u << 10) /* bytes of input a worker asks for at once */
#define FOG_JOBS_WINDOW    (256u << 10) /* bytes of each log sent beyond what was acknowledged */
#define FOG_JOBS_BRING_MAX                                                    \
	(192u << 10) /* bytes of a worker's file a submitter asks for at once \
		      */

/* ---- times, all in ms ----------------------------------------------------------------------- */
#define FOG_JOBS_BACKED_MS 100   /* between looks whether the pay is held */
#define FOG_JOBS_FUNDED_MS 3000  /* a worker waits so long to see the pay of an offer held */
#define FOG_JOBS_OFFER_MS  60000 /* from placement to an answer; then the next host */
#define FOG_JOBS_GATHER_MS                                                     \
	75000 /* from the first yes of a gang to the last; then all are let go \
	       */
#define FOG_JOBS_GONE_MS       4000   /* .. or when openings to one of them fail up to this wait */
#define FOG_JOBS_OFFER_LIFE_MS 600000 /* a worker refuses a new offer older than this */
#define FOG_JOBS_CLOCK_SKEW_MS 120000 /* between two hosts */
#define FOG_JOBS_GRACE_MS      120000 /* an accepted attempt may take wall + transfer + this */
#define FOG_JOBS_TRANSFER_BPS  65536  /* bytes a second we grant for inputs and logs */
#define FOG_JOBS_COLLECT_MS                                                                        \
	120000                       /* from the receipt to the last byte of output, plus transfer \
				      */
#define FOG_JOBS_CANCEL_MS     30000 /* from a cancel to the worker's result; then it is lost */
#define FOG_JOBS_SLACK_MS      2000  /* a receipt may claim this much more than we observed */
#define FOG_JOBS_RETRY_MIN_MS  500   /* between openings of a stream, doubling .. */
#define FOG_JOBS_RETRY_MAX_MS  15000 /* .. up to this while a job waits for it .. */
#define FOG_JOBS_RETRY_LATE_MS 60000 /* .. and this for a settlement or an abandonment */
#define FOG_JOBS_DELIVERY_MS   86400000 /* then a settlement is recorded as undelivered */
#define FOG_JOBS_ABANDON_MS    600000   /* then a worker is not told any more that we gave it up */
#define FOG_JOBS_DECLINE_MIN_MS                                          \
	2000 /* a host that was full is asked again after this, doubling \
	      */
#define FOG_JOBS_DECLINE_MAX_MS 60000
#define FOG_JOBS_PENDING_MIN_MS 500 /* between placements of a job that found no host, doubling */
#define FOG_JOBS_PENDING_MAX_MS 5000
#define FOG_JOBS_SECOND_MS                                                     \
	30000 /* without any other host a host that failed a job may try again \
	       */
#define FOG_JOBS_QUEUE_MS   604800000 /* a job unplaced for a week fails */
#define FOG_JOBS_OPEN_MS    45000     /* for the owner to report a stream opened or failed */
#define FOG_JOBS_PING_MS    30000     /* a follow is repeated after this silence */
#define FOG_JOBS_SILENCE_MS 90000     /* a stream without a message for this long is given up */
#define FOG_JOBS_VERIFY_MS  10000     /* for a signature; then the stream is given up */
#define FOG_JOBS_POLL_MS    100       /* between looks at a running executor */
#define FOG_JOBS_FETCH_MS   600000 /* an accepted offer without progress of its input is closed */
#define FOG_JOBS_UNPAID_MS  604800000 /* a finished attempt nobody pays is closed */
#define FOG_JOBS_KEEP_MS    86400000  /* a settled or closed attempt is remembered: duplicates */
#define FOG_JOBS_RELOAD_MS  1000      /* between reloads after the store failed */

/* ---- worker --------------------------------------------------------------------------------- */
#define FOG_WORK_HOLD_MS    90000 /* a member of a gang that is not told to go is let go */
#define FOG_WORK_RUNS_MAX   2  /* one rerun when the executor vanished; then the host has failed */
#define FOG_WORK_STARTS_MAX 3  /* starts of one run that did not show up */
#define FOG_WORK_RUN_SIZE   64 /* name of a spool: 32 hex digits, attempt, run */

_Static_assert(FOG_JOBS_OFFER_LIFE_MS > FOG_JOBS_OFFER_MS + FOG_JOBS_CLOCK_SKEW_MS,
	       "an offer lives while it is waited for");
_Static_assert(FOG_WORK_HOLD_MS > FOG_JOBS_GATHER_MS && FOG_JOBS_GATHER_MS > FOG_JOBS_OFFER_MS,
	       "whoever gathers gives up before a place is lost");
_Static_assert(FOG_JOBS_KEEP_MS > FOG_JOBS_OFFER_LIFE_MS + FOG_JOBS_CLOCK_SKEW_MS,
	       "an attempt is remembered longer than its offer is good");
_Static_assert(FOG_JOBS_SILENCE_MS > 2 * FOG_JOBS_PING_MS, "one lost ping is not silence");

#endif
