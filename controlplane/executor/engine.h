/* SPDX-License-Identifier: BSD-3-Clause */
/* One running job inside fog-exec, and the engines that can run one. The monitor owns time, output,
 * limits that are watched and the result; an engine owns how the job is confined and started.
 * Adding an engine: fill a struct fog_engine and name it in fog_engine_find(). */
#ifndef FOG_EXECUTOR_ENGINE_H
#define FOG_EXECUTOR_ENGINE_H

#include "controlplane/executor/cgroup.h"
#include "controlplane/executor/executor.h"

struct fog_job {
	/* Set by the monitor before start. */
	const struct fog_executor_spec *spec;
	int spool_fd;  /* its current directory too, so that names resolve in new namespaces */
	int lock_fd;   /* of the spool; the job's init inherits it */
	int out_fd[2]; /* write ends for stdout and stderr; the engine closes them */
	const char *cgroup_parent; /* below each hierarchy's mount; NULL: our own group */

	/* Set by start. */
	pid_t pid;
	int pidfd;
	int report_fd; /* readable when the engine has something to say; -1 once it has hung up */

	/* Kept up to date by the engine. */
	struct fog_executor_sandbox sandbox;
	struct fog_executor_usage usage; /* cpu, memory and io fields */
	bool oom;                        /* a process of the job was killed for memory */
	bool has_status;                 /* wstatus is the job's */
	int wstatus;
	char error[FOG_EXECUTOR_ERROR_MAX +
		   1]; /* why it could not start; then has_status is false */

	struct fog_cgroup cgroup;
};

struct fog_engine {
	const char *name;
	/* Begin. On an error nothing runs and job->error says why. */
	int (*start)(struct fog_job *job);
	/* report_fd is readable. */
	void (*report)(struct fog_job *job);
	/* SIGTERM: to the job's program. SIGKILL: everything, at once. */
	void (*signal)(struct fog_job *job, int signo);
	/* Refresh usage and oom. */
	void (*sample)(struct fog_job *job);
	/* pidfd is readable: take the last report, the usage and the status; nothing runs
	 * afterwards. */
	void (*reap)(struct fog_job *job);
	/* Free what start made. Safe after a failed start and twice. */
	void (*release)(struct fog_job *job);
};

extern const struct fog_engine fog_engine_native;

/* NULL: no such engine. */
const struct fog_engine *fog_engine_find(const char *name);

/* job->error = "what: strerror(err)", or only what if err is 0. Keeps the first error. */
__attribute__((format(printf, 3, 4))) void fog_job_fail(struct fog_job *job, int err,
							const char *fmt, ...);

#endif
