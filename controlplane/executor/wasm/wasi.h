/* SPDX-License-Identifier: BSD-3-Clause */
/* WASI preview1 for modules made by wasm2c: the calls that C programs of wasi-libc make. The module
 * reaches the functions by name (Z_wasi_snapshot_preview1Z_*), so they are exported by the program
 * that loads it; a module that needs others does not load and says which.
 *
 * Not offered: sockets, links, times of files, signals. Names are resolved below the directory they
 * start from (openat2, RESOLVE_BENEATH), so that ".." and links do not lead out.
 *
 * Source: WebAssembly/WASI, legacy preview1 documents; numbers of errors and types are theirs. */
#ifndef FOG_EXECUTOR_WASM_WASI_H
#define FOG_EXECUTOR_WASM_WASI_H

#include <wasm-rt.h>

#include "crypto/types.h"

#define FOG_WASI_FDS_MAX    256 /* open files of a module; then EMFILE (33) */
#define FOG_WASI_IOVS_MAX   64  /* pieces of one read or write; more are not looked at */
#define FOG_WASI_EVENTS_MAX 64  /* subscriptions of one poll_oneoff; more: EINVAL */
#define FOG_WASI_PATH_MAX   4096
#define FOG_WASI_EXIT_TRAP  1000 /* longjmp value of proc_exit, above every trap's number */

struct fog_wasi_file {
	int fd;              /* of the host; -1: not open */
	const char *preopen; /* name of a directory the module starts with, or NULL */
	u32 flags;           /* WASI fdflags */
	u64 rights;
	u64 rights_inheriting;
};

/* The name is wasm2c's. One module a process: a trap leaves through the runtime's one target. */
struct Z_wasi_snapshot_preview1_instance_t {
	wasm_rt_memory_t *memory;
	u32 argc;
	u32 envc;
	char **argv;
	char **envp;
	int exit_code; /* of proc_exit */
	struct fog_wasi_file file[FOG_WASI_FDS_MAX];
};

#define FOG_WASI struct Z_wasi_snapshot_preview1_instance_t

/* Standard streams are 0 to 2. argv and envp are borrowed and NULL-terminated. */
void fog_wasi_init(FOG_WASI *w, char **argv, char **envp);

/* Give the module a directory under a name; *fd is its number. Descriptors of WASI are the lowest
 * free. -EMFILE, or what opening says. */
int fog_wasi_preopen(FOG_WASI *w, const char *path, const char *name);

/* For the two halves of the calls (wasi.c, wasi_path.c). */
u32 fog_wasi_errno(int err);                              /* of Linux to WASI's */
void *fog_wasi_at(FOG_WASI *w, u32 ptr, u64 len);         /* NULL: not within the memory */
struct fog_wasi_file *fog_wasi_file(FOG_WASI *w, u32 fd); /* NULL: not open */
int fog_wasi_file_new(FOG_WASI *w);                       /* -1: none free */

struct stat;
void fog_wasi_filestat(u8 out[64], const struct stat *st);

#endif
