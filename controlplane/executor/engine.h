/* SPDX-License-Identifier: BSD-3-Clause */
/* One running job inside fog-exec, and the engines that can run one. The monitor owns time, output,
 * limits that are watched and the result; an engine owns how the job is confined and started: it
 * prepares a launch, and one of a few sets of operations carries it through. Engines that end as a
 * process of this host share the sandbox's (fog_sandbox_ops).
 * Adding an engine: fill a struct fog_engine and name it in engine.c. */
#ifndef FOG_EXECUTOR_ENGINE_H
#define FOG_EXECUTOR_ENGINE_H

#include "controlplane/executor/cgroup.h"
#include "controlplane/executor/executor.h"

#define FOG_LAUNCH_ARGS_MAX (FOG_EXECUTOR_ARGS_MAX + 64) /* the job's, and what an engine adds */

/* What the sandbox is to execute, filled by prepare. */
struct fog_launch {
	const char
		*argv[FOG_LAUNCH_ARGS_MAX + 1]; /* NULL-terminated; texts live as long as the job */
	bool engine_dir;                        /* SPOOL/engine is shown at /engine, read-only */
	bool kvm;                               /* /dev/kvm is shown */
};

struct fog_job {
	/* Set by the monitor before start. */
	const struct fog_executor_spec *spec;
	int spool_fd;  /* its current directory too, so that names resolve in new namespaces */
	int lock_fd;   /* of the spool; the job's init inherits it */
	int out_fd[2]; /* write ends for stdout and stderr; the engine closes them */
	const char *cgroup_parent; /* below each hierarchy's mount; NULL: our own group */

	struct fog_launch launch; /* set by prepare */

	/* Set by start. */
	pid_t pid;
	int pidfd;
	int report_fd; /* readable when the engine has something to say; -1 once it has hung up */

	/* Kept up to date by the engine. */
	struct fog_executor_sandbox sandbox;
	struct fog_executor_usage
		usage;   /* cpu, memory and io; wall_ms if it is not the monitor's */
	bool timed_out;  /* the engine ended it at a time limit */
	bool oom;        /* a process of the job was killed for memory */
	bool has_status; /* wstatus is the job's */
	int wstatus;
	char error[FOG_EXECUTOR_ERROR_MAX +
		   1]; /* why it could not start; then has_status is false */

	struct fog_cgroup cgroup;
};

struct fog_engine_ops {
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

/* A process of the host in namespaces, control groups, seccomp and Landlock. */
extern const struct fog_engine_ops fog_sandbox_ops;

struct fog_engine {
	const char *name;
	const struct fog_engine_ops *ops;
	u64 slack_ms; /* on top of the wall limit, where the engine itself holds the job to it */
	bool keeps;   /* another fog-exec takes what the job leaves behind */
	/* Check that the machine and the spec fit, fill job->launch, put files into SPOOL/engine.
	 * On an error job->error says why. */
	int (*prepare)(struct fog_job *job);
	/* Everything has ended and was reaped: take the status and usage from where the engine
	 * keeps them. NULL: the process's are the job's. */
	void (*finish)(struct fog_job *job);
};

extern const struct fog_engine fog_engine_native;
extern const struct fog_engine fog_engine_wasm;
extern const struct fog_engine fog_engine_oci;
extern const struct fog_engine fog_engine_microvm;
extern const struct fog_engine fog_engine_slurm;

/* NULL: no such engine. */
const struct fog_engine *fog_engine_find(const char *name);

/* Copy a file of the host to SPOOL/engine/name with the mode. */
int fog_engine_file_add(struct fog_job *job, const char *path, const char *name, unsigned mode);
/* The same from memory. */
int fog_engine_data_add(struct fog_job *job, const void *data, size_t size, const char *name,
			unsigned mode);
/* Path of a program of Fog's that lies beside fog-exec, or NULL if there is none. Static memory. */
const char *fog_engine_sibling(const char *name);

/* job->error = "what: strerror(err)", or only what if err is 0. Keeps the first error. */
__attribute__((format(printf, 3, 4))) void fog_job_fail(struct fog_job *job, int err,
							const char *fmt, ...);

#endif
