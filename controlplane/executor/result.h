/* SPDX-License-Identifier: BSD-3-Clause */
/* result.json and state.json: what fog-exec reports. Written by the monitor, read by the control
 * plane, which believes neither: a value of the wrong kind makes the file not ours (-EBADMSG). */
#ifndef FOG_EXECUTOR_RESULT_H
#define FOG_EXECUTOR_RESULT_H

#include "controlplane/executor/executor.h"

#define FOG_EXECUTOR_LEAVES_MAX 4    /* control groups of one job: memory, cpu, cpuacct, pids */
#define FOG_EXECUTOR_LEAF_MAX   1024 /* bytes of one's path with its NUL */
/* Every control group we make is named FOG_EXECUTOR_LEAF_PREFIX job "." monitor pid. */
#define FOG_EXECUTOR_LEAF_PREFIX "fog-exec."

struct fog_executor_monitor {
	bool running; /* false: still setting up */
	pid_t monitor_pid;
	u64 monitor_start; /* /proc/PID/stat field 22: tells a reused pid from ours */
	pid_t pid;
	u64 started_unix_ms;
	u32 leaves;
	char leaf[FOG_EXECUTOR_LEAVES_MAX][FOG_EXECUTOR_LEAF_MAX];
};

/* Text is freed by the caller. -ENOMEM. */
int fog_result_emit(const struct fog_executor_result *result, char **text);
int fog_state_emit(const struct fog_executor_monitor *monitor, char **text);

/* -EBADMSG, -ENOMEM. */
int fog_result_parse(const char *text, size_t len, struct fog_executor_result *result);
int fog_state_parse(const char *text, size_t len, struct fog_executor_monitor *monitor);

/* Start time of a process in clock ticks since boot. -ESRCH, -EBADMSG. */
int fog_process_start_time(pid_t pid, u64 *ticks);

#endif
