/* SPDX-License-Identifier: BSD-3-Clause */
/* Other processes: run one and take its output, recognise one again, signal it without hitting a
 * stranger that got its pid. Single-threaded callers. */
#ifndef FOG_CLI_PROC_H
#define FOG_CLI_PROC_H

#include <sys/types.h>

#include "crypto/types.h"

/* Start time of a living process in clock ticks since boot; 0 = there is none (zombies are none).
 * pid and start time together name a process for the life of the machine. */
u64 fog_proc_start_ticks(pid_t pid);

/* Send `number` to the process, if it still is the one. 0, -ESRCH, or -errno. */
int fog_proc_signal(pid_t pid, u64 start_ticks, int number);

/* Send `number` to every process that has `marker` ("NAME=value") in its environment, but never to
 * the caller. Returns how many. Cost: reads /proc once. */
u32 fog_proc_signal_marked(const char *marker, int number);

/* Run argv[0] (searched in PATH) with `input` on its standard input and both outputs in
 * output[size], zero terminated, the excess thrown away. Kills it after timeout_ms. Returns its
 * exit status (128 + signal when it died of one), -ETIMEDOUT, or -errno when it could not start. */
int fog_proc_run(const char *const *argv, const char *input, char *output, size_t size,
		 u32 timeout_ms);

/* Folder of the running program, without the last slash. 0 or -errno. */
int fog_proc_own_folder(char *path, size_t size);

#endif
