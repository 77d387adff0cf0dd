/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-wasm run: the inside of a sandbox of engine "wasm". */
#ifndef FOG_EXECUTOR_WASM_RUN_H
#define FOG_EXECUTOR_WASM_RUN_H

#include "crypto/types.h"

/* What every compiled module exports; build.c generates them. */
#define FOG_WASM_SYMBOL_MEMORY "fog_wasm_memory"
#define FOG_WASM_SYMBOL_SETUP  "fog_wasm_setup"
#define FOG_WASM_SYMBOL_START  "fog_wasm_start"

#define FOG_WASM_EXIT_TRAP 134 /* as a native program that aborts, seen from a shell */
#define FOG_WASM_EXIT_LOAD 126 /* the module could not be loaded */

/* Load the shared object and run the module's _start with argv and our environment. The directories
 * /work, /input and /tmp are given to it where they exist, /work as "." too. Returns the exit
 * status; a trap is said on stderr. */
int fog_wasm_run(const char *object, char **argv);

#endif
