/* SPDX-License-Identifier: BSD-3-Clause */
/* Control groups of one job, v1 or v2 as the host has it. The job's group is a child of the one
 * fog-exec itself runs in, so that whatever bounds the node's daemons bounds its jobs too.
 *
 * v1: a leaf per controller hierarchy (memory, cpu, cpuacct, pids; co-mounted ones share it).
 * v2: one leaf. A v2 group with processes may not hand controllers to children (the root group
 * excepted): where our own group cannot, the leaf becomes its sibling, which is what systemd's
 * Delegate= expects of a service that keeps its daemons in a sub-group. */
#ifndef FOG_EXECUTOR_CGROUP_H
#define FOG_EXECUTOR_CGROUP_H

#include "controlplane/executor/executor.h"
#include "controlplane/executor/result.h"

struct fog_cgroup {
	u32 version; /* 0: none, 1, 2 */
	u32 limits;  /* enum fog_executor_cgroup_limit bits in force */
	u32 leaves;
	char leaf[FOG_EXECUTOR_LEAVES_MAX][FOG_EXECUTOR_LEAF_MAX];
	/* Index into leaf by what it serves, or -1. */
	int memory;
	int cpu;
	int cpuacct;
	int pids;
};

/* Make the leaf with the limits. parent: path below the mount of each hierarchy, NULL for our own
 * group. What cannot be had is left out (version 0 in the end): the caller compares with what it
 * requires. */
void fog_cgroup_create(struct fog_cgroup *g, const char *parent, const char *job,
		       const struct fog_executor_limits *limits);

/* Move a process in. */
int fog_cgroup_attach(const struct fog_cgroup *g, pid_t pid);

/* CPU time and peak memory so far; fields a missing controller would fill stay as they are. */
void fog_cgroup_usage(const struct fog_cgroup *g, struct fog_executor_usage *usage);

/* Processes of the job that the kernel has killed for memory. */
u64 fog_cgroup_oom_count(const struct fog_cgroup *g);

/* Kill what is left in it and remove it; at most one second. */
void fog_cgroup_remove(struct fog_cgroup *g);

#endif
