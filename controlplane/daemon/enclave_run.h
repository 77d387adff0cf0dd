/* SPDX-License-Identifier: BSD-3-Clause */
/* What an enclave runs, and one run of it: over fog-exec, in a vault. Private
 * to enclave.c. */
#ifndef FOG_DAEMON_ENCLAVE_RUN_H
#define FOG_DAEMON_ENCLAVE_RUN_H

#include "controlplane/daemon/enclave.h"

struct fog_enclave_secret {
	char name[64];
	u8 *data; /* of fog_secret_alloc() */
	size_t size;
};

/* code and configuration; owned, wiped with fog_enclave_program_wipe(). */
struct fog_enclave_program {
	u8 *code;
	size_t code_size;
	char engine[FOG_TEE_ENGINE_SIZE];
	json_t *argv, *env; /* arrays of texts */
	u64 memory_mb, wall_s;
	u32 cpu;
	u8 code_sha256[32], config_sha256[32];
	u8 parts_sha256[32]; /* of the host's files that the engine needs, as they were; else zeros
			      */
	u32 secret_count;
	struct fog_enclave_secret secret[FOG_ENCLAVE_SECRETS_MAX];
};

/* From the body of a create: {"code": text, "config": {"engine", "argv", "env", "encoding",
 * "memory_mb", "cpu_cores", "wall_seconds"}}. The program lies at /input/code; argv is how it is
 * started, by default
 * ["/bin/sh", "/input/code"]; of the engine microvm ["/input/code"], of wasm and oci ["code"]. Of
 * an engine that brings files of the host (executor/parts.h) the configuration holds their hashes.
 * engines: what this host offers besides native. 0 or -errno with why. */
int fog_enclave_program_read(struct fog_enclave_program *p, const json_t *body,
			     const struct fog_config_list *engines, char why[FOG_TEE_WHY_SIZE]);
void fog_enclave_program_wipe(struct fog_enclave_program *p);
/* May a file of /input be called so: at most 63 bytes, [A-Za-z0-9._-], no dot first, not "code" or
 * "stdin". */
bool fog_enclave_name_valid(const char *name);
/* Takes data over; one of the same name is replaced. -ENOSPC with why. */
int fog_enclave_secret_add(struct fog_enclave_program *p, const char *name, u8 *data, size_t size,
			   char why[FOG_TEE_WHY_SIZE]);

/* Each run has a vault of its own below RUN_DIR/enclaves (executor/vault.h). Wipes what killed
 * processes left there. */
void fog_enclave_store_clean(struct fog_host *h);

struct fog_enclave_order {
	const char *id;
	u64 number;           /* of the run */
	const json_t *inputs; /* {"args": [..], "stdin": text} */
	u8 measurement[32];   /* of the launch */
	u8 evidence[32];      /* that attests it */
	u32 kind;
	/* result: {"outcome","exit_code","signal","stdout","stderr","wall_ms",..,"proof"}, the
	 * callee's; NULL: why says what went wrong. Not called after fog_enclave_run_end(). */
	void (*done)(void *ctx, json_t *result, const char *why);
	void *ctx;
};

struct fog_enclave_run;
int fog_enclave_run_start(struct fog_enclave_run **out, struct fog_host *h,
			  const struct fog_enclave_program *p,
			  const struct fog_enclave_order *order, char why[FOG_TEE_WHY_SIZE]);
/* Kills it and wipes its files. NULL is fine. */
void fog_enclave_run_end(struct fog_enclave_run *r);

#endif
