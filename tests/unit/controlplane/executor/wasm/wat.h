/* SPDX-License-Identifier: BSD-3-Clause */
/* WebAssembly for tests: from text to an artifact of a builder made for the occasion. */
#ifndef FOG_TEST_EXECUTOR_WAT_H
#define FOG_TEST_EXECUTOR_WAT_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/mem.h"
#include "tests/unit/controlplane/executor/shell.h"

#define WAT_OUTPUT_MAX 4096

/* The call that writes; memory of one page. */
#define WAT_WRITE                                           \
	"(import \"wasi_snapshot_preview1\" \"fd_write\"\n" \
	" (func $write (param i32 i32 i32 i32) (result i32)))\n"
#define WAT_MEMORY "(memory (export \"memory\") 1)\n"

struct wat {
	char dir[64];
	char builder[65];         /* hex */
	char out[WAT_OUTPUT_MAX]; /* of the last command */
};

/* Run a command in the directory; its exit status, its words in w->out. */
__attribute__((unused, format(printf, 2, 3))) static int wat_run(struct wat *w, const char *fmt,
								 ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return shell_run(w->dir, command, w->out, sizeof(w->out));
}

__attribute__((unused)) static void wat_begin(struct wat *w)
{
	snprintf(w->dir, sizeof(w->dir), "/tmp/fog-wat-test.XXXXXX");
	if (mkdtemp(w->dir) == NULL)
		exit(2);
	if (wat_run(w, FOG_WASM_PATH " key key") != 0 ||
	    sscanf(w->out, "builder %64[0-9a-f]", w->builder) != 1)
		exit(2);
}

__attribute__((unused)) static void wat_end(struct wat *w)
{
	(void)wat_run(w, "rm -rf %s", w->dir);
}

/* NAME.wat -> NAME.wasm -> NAME, an artifact. The exit status of what failed, 0 when all is well.
 */
__attribute__((unused)) static int wat_build(struct wat *w, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s.wat", w->dir, name);
	FILE *f = fopen(path, "w");
	if (f == NULL)
		return -1;
	fputs(text, f);
	fclose(f);
	int status = wat_run(w, "wat2wasm %s.wat -o %s.wasm", name, name);
	return status != 0 ? status
			   : wat_run(w, FOG_WASM_PATH " build --key key %s.wasm %s", name, name);
}

#endif
