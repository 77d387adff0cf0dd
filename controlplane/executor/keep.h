/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-exec's side of what a job leaves behind: makes /checkpoint and fills it, takes checkpoints
 * and artifacts into SPOOL/kept (kept.h). All of it is a stranger's: links are not followed,
 * nothing but files is opened, sizes are limited before a byte is read. */
#ifndef FOG_EXECUTOR_KEEP_H
#define FOG_EXECUTOR_KEEP_H

#include "controlplane/executor/engine.h"
#include "controlplane/executor/vm/guest.h"

#define FOG_KEEP_MARKER     FOG_GUEST_MARKER /* ".complete" in /checkpoint, by the job: a file */
#define FOG_KEEP_ARTIFACT_S 60 /* for taking artifacts; what is not done then is left out */
#define FOG_KEEP_END_S      60 /* for the checkpoint of a job that has ended */
#define FOG_KEEP_TAKE_MS                                                                           \
	5000                      /* of one that runs: so much later it hears of a cancel at most, \
				     beside what the disk takes to store what was written */
#define FOG_KEEP_INTERVAL_MS 1000 /* between two at least, whatever the job wants */
#define FOG_KEEP_PAUSE       10   /* or so many times as long as the last one took */

struct fog_keep {
	struct fog_job *job;
	int checkpoint_fd; /* SPOOL/checkpoint, or -1 */
	int kept_fd;       /* SPOOL/kept, or -1: the job leaves nothing */
	u64 next_ns;       /* no checkpoint before, CLOCK_MONOTONIC */
	struct fog_executor_kept kept;
};

/* Makes the directories and restores the checkpoint. On an error job->error says why; it begins
 * with "checkpoint:" when the archive is to blame, "spool:" when we are. Close in any case. */
int fog_keep_open(struct fog_keep *k, struct fog_job *job);
void fog_keep_close(struct fog_keep *k);

/* The job runs: takes a checkpoint if it is complete and not too soon. Blocks while it is read:
 * about a second for the largest, FOG_KEEP_TAKE_MS and end_ns (CLOCK_MONOTONIC) at most. What
 * end_ns cuts off stays complete. */
void fog_keep_tick(struct fog_keep *k, u64 end_ns);

/* Does /checkpoint hold more than it may? */
bool fog_keep_full(const struct fog_keep *k);

/* Nothing of the job runs any more. exit_code: or -1. */
void fog_keep_end(struct fog_keep *k, int exit_code, bool artifacts);

#endif
