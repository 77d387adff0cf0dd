/* SPDX-License-Identifier: BSD-3-Clause */
/* What processes use, as /proc tells. */
#ifndef FOG_CORE_PROCESS_H
#define FOG_CORE_PROCESS_H

#include "crypto/types.h"

struct fog_process_usage {
	double cpu_seconds; /* user and system */
	u64 virtual_bytes, resident_bytes;
	u32 threads;
	double start_time_seconds; /* Unix */
};

/* 0 or -errno (-ENOENT: no such process). */
int fog_process_usage(int pid, struct fog_process_usage *out);
/* File descriptors this process has open, and may have; 0 where unknown. */
void fog_process_fds(u64 *open, u64 *max);
/* Share of the file system of `path` that is free for us, 0 .. 1. 0 or -errno. */
int fog_process_free_ratio(const char *path, double *out);

#endif
