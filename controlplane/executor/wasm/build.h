/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-wasm build: from WebAssembly to a signed artifact, with wasm2c and the C compiler. */
#ifndef FOG_EXECUTOR_WASM_BUILD_H
#define FOG_EXECUTOR_WASM_BUILD_H

#include "crypto/sign/sign.h"

struct fog_wasm_build {
	const char *input;    /* a .wasm file */
	const char *output;   /* the artifact; replaced atomically */
	const char *compiler; /* NULL: "cc" */
	u8 sk[FOG_SIGN_SECRET_SIZE];
};

/* 0 or -errno with one sentence in why. Takes seconds; leaves nothing behind but the output.
 * wasm2c's and the compiler's own words go to stderr. -EINVAL: not WebAssembly, or a module that
 * imports something other than WASI preview1, or exports no "_start" or no "memory". */
int fog_wasm_build(const struct fog_wasm_build *b, char *why, size_t why_cap);

#endif
