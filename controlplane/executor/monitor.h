/* SPDX-License-Identifier: BSD-3-Clause */
/* The monitor: one job from spec.json to result.json. */
#ifndef FOG_EXECUTOR_MONITOR_H
#define FOG_EXECUTOR_MONITOR_H

#include "controlplane/executor/executor.h"

#define FOG_MONITOR_GRACE_MS   2000 /* from SIGTERM to SIGKILL of a cancelled job */
#define FOG_MONITOR_TICK_MS    200  /* between looks at CPU time, memory kills and disk */
#define FOG_MONITOR_DRAIN_MS   2000 /* for output after the end, if someone escaped with our pipe */
#define FOG_MONITOR_LOCK_TRIES 50   /* a control plane that polls holds the lock for an instant */

struct fog_monitor_options {
	int spool_fd;              /* open directory, the current one as well */
	const char *cgroup_parent; /* see fog_cgroup_create() */
	int lifeline_fd; /* the job does not outlive its other end, see vault.h; -1: it does */
	bool echo;       /* what is kept of the job's output goes to ours, too */
	/* Called once the lock is held and state.json written; may be NULL. */
	void (*ready)(void *arg);
	void *arg;
};

/* Run the job. 0: result.json is written, whatever it says. -EBUSY: another monitor has the spool,
 * or had it; -EPERM: the spool is somebody else's; or what the file system says. error: why, for a
 * person. The process must be single-threaded: it clones without exec. Blocks SIGTERM, SIGINT,
 * SIGHUP. */
int fog_monitor_run(const struct fog_monitor_options *options, char *error, size_t error_cap);

#endif
