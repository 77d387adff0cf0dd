/* SPDX-License-Identifier: BSD-3-Clause */
/* What this process uses, as /proc tells. */
#ifndef FOG_CORE_PROCESS_H
#define FOG_CORE_PROCESS_H

#include "crypto/types.h"

struct fog_process_usage {
	double cpu_seconds; /* user and system */
	u64 virtual_bytes, resident_bytes;
	u64 fds, fds_max;
	u32 threads;
	double start_time_seconds; /* Unix */
};

/* 0 or -errno; what cannot be read is 0. Some 50 us. */
int fog_process_usage(struct fog_process_usage *out);
/* Share of the file system of `path` that is free for us, 0 .. 1. 0 or -errno. */
int fog_process_free_ratio(const char *path, double *out);

#endif
