/* SPDX-License-Identifier: BSD-3-Clause */
/* A WebAssembly module compiled ahead of time and signed by its builder, so that a host which runs
 * it needs no compiler. Whoever runs one trusts the builder to have compiled the module with
 * wasm2c, whose output stays within its own memory; the sandbox around the process holds what that
 * trust does not.
 *
 *	offset  size
 *	0       8     "FOGWASM1"
 *	8       32    target: architecture and runtime the code is for, padded with zeros
 *	40      32    SHA-256 of the WebAssembly module it was made from
 *	72      32    builder: Ed25519 public key
 *	104     8     size of the code, little endian
 *	112     64    signature over "fog wasm 1" | 00 | bytes 0..111 | SHA-256 of the code
 *	176     size  the code: a shared object
 *
 * Functions return 0 or -errno and keep no state. */
#ifndef FOG_EXECUTOR_WASM_ARTIFACT_H
#define FOG_EXECUTOR_WASM_ARTIFACT_H

#include "crypto/sign/sign.h"

#define FOG_WASM_HEADER_SIZE 176
#define FOG_WASM_TARGET_SIZE 32
#define FOG_WASM_CODE_MAX    (64u << 20) /* bytes of code; a large C program makes 2 MiB */

/* What this build of Fog can run: architecture and version of wasm2c's runtime. */
extern const char fog_wasm_target[];

struct fog_wasm_artifact {
	char target[FOG_WASM_TARGET_SIZE + 1];
	u8 module_sha256[32];
	u8 builder[FOG_SIGN_PUBLIC_SIZE];
	const u8 *code; /* within the bytes given to parse */
	size_t code_size;
};

/* Read and check everything but whether the builder is trusted. -EBADMSG with why (static text):
 * not an artifact, truncated, signature wrong. */
int fog_wasm_artifact_parse(const u8 *data, size_t size, struct fog_wasm_artifact *out,
			    const char **why);

/* The header of code, signed. target and module_sha256 are taken from a, builder from sk. */
void fog_wasm_artifact_seal(u8 header[FOG_WASM_HEADER_SIZE], const struct fog_wasm_artifact *a,
			    const u8 sk[FOG_SIGN_SECRET_SIZE]);

#endif
