/* SPDX-License-Identifier: BSD-3-Clause */
/* A program whose output a benchmark reads. */
#ifndef FOG_BENCH_OUTPUT_H
#define FOG_BENCH_OUTPUT_H

#include <stdio.h>
#include <sys/types.h>

/* Starts argv[0], a path; what it prints is read from the result, which the caller closes before it
 * waits for *pid. NULL when it cannot be run. */
FILE *bench_output(char *const argv[], pid_t *pid);

#endif
