/* SPDX-License-Identifier: BSD-3-Clause */
/* A fuzz target is a program with this function; clang links it with libFuzzer, other compilers
 * with standalone.c, which feeds it the corpus and mutations of that. It aborts on what must not
 * be. */
#ifndef FOG_FUZZ_H
#define FOG_FUZZ_H

#include "crypto/types.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

#endif
