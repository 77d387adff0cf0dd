/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's executor ports over fog-exec: names of runs to spools, and their removal. */
#ifndef FOG_JOBS_RUNNER_H
#define FOG_JOBS_RUNNER_H

#include "controlplane/executor/executor.h"
#include "controlplane/jobs/engine.h"

#define FOG_RUNNER_PATH_SIZE   1024
#define FOG_RUNNER_ENGINES_MAX 8
#define FOG_RUNNER_REMOVALS_MAX                                            \
	1024 /* spools waiting for their monitor to end; more wait for the \
	      * next start */

struct fog_runner {
	char spool_dir[FOG_RUNNER_PATH_SIZE];
	char exec_path[FOG_RUNNER_PATH_SIZE];
	/* What jobs may use, and whose WebAssembly: the caller sets them after init, as they may
	 * change. Without engines only "native". */
	u32 engine_count;
	char engine[FOG_RUNNER_ENGINES_MAX][FOG_JOB_ENGINE_SIZE];
	u32 builder_count;
	u8 builder[FOG_EXECUTOR_BUILDERS_MAX][32];
	u64 disk_bytes; /* of /work, for a job that names no limit; 0: none */
	struct fog_accelerators accelerators;
	u32 removal_count;
	char removal[FOG_RUNNER_REMOVALS_MAX][FOG_WORK_RUN_SIZE];
};

/* Makes the directory. exec_path NULL: fog-exec beside the running program. 0 or -errno with why.
 */
int fog_runner_init(struct fog_runner *r, const char *spool_dir, const char *exec_path,
		    char why[FOG_JSON_ERROR_SIZE]);

/* The ports of struct fog_jobs_ports; context is the runner. */
int fog_runner_prepare(void *context, const char *run, const struct fog_job_spec *spec,
		       u64 accelerators, char error[FOG_JSON_ERROR_SIZE]);
int fog_runner_input(void *context, const char *run, const char *name, u64 offset, const void *data,
		     size_t len);
int fog_runner_poll(void *context, const char *run, struct fog_run_status *out);
int fog_runner_output(void *context, const char *run, u32 stream, u64 offset, void *buf, size_t cap,
		      size_t *len);

int fog_runner_kept(void *context, const char *run, const char *name, u64 offset, void *buf,
		    size_t cap, size_t *len);

/* The actions. */
void fog_runner_start(struct fog_runner *r, const char *run);
void fog_runner_cancel(struct fog_runner *r, const char *run);
void fog_runner_remove(struct fog_runner *r, const char *run); /* now, or when it has ended */
void fog_runner_tick(struct fog_runner *r);                    /* tries waiting removals */

/* Ends and removes the spools the engine does not know: left by a crash between two steps. */
void fog_runner_reconcile(struct fog_runner *r, struct fog_jobs *jobs);

#endif
