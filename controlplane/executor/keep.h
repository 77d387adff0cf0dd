/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-exec's side of what a job leaves behind: makes /checkpoint and fills it, takes checkpoints
 * and artifacts into SPOOL/kept (kept.h). All of it is a stranger's: links are not followed,
 * nothing but files is opened, sizes are limited before a byte is read. */
#ifndef FOG_EXECUTOR_KEEP_H
#define FOG_EXECUTOR_KEEP_H

#include "controlplane/executor/engine.h"
#include "controlplane/executor/vm/guest.h"

#define FOG_KEEP_MARKER     FOG_GUEST_MARKER /* ".complete" in /checkpoint, by the job */
#define FOG_KEEP_ARTIFACT_S 60 /* for taking artifacts; what is not done then is left out */

struct fog_keep {
	struct fog_job *job;
	int checkpoint_fd; /* SPOOL/checkpoint, or -1 */
	int kept_fd;       /* SPOOL/kept, or -1: the job leaves nothing */
	u64 next_ns;       /* no checkpoint before, CLOCK_MONOTONIC */
	struct fog_executor_kept kept;
};

/* Makes the directories and restores the checkpoint. On an error job->error says why; it begins
 * with "checkpoint" when the archive is to blame. Close in any case. */
int fog_keep_open(struct fog_keep *k, struct fog_job *job);
void fog_keep_close(struct fog_keep *k);

/* The job runs: takes a checkpoint if it is complete and not too soon. Blocks while it is read:
 * about a second for the largest. */
void fog_keep_tick(struct fog_keep *k);

/* Does /checkpoint hold more than it may? */
bool fog_keep_full(const struct fog_keep *k);

/* Nothing of the job runs any more. exit_code: or -1. */
void fog_keep_end(struct fog_keep *k, int exit_code, bool artifacts);

#endif
