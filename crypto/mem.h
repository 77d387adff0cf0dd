/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that holds secrets, and hexadecimal text. */
#ifndef FOG_CRYPTO_MEM_H
#define FOG_CRYPTO_MEM_H

#include "crypto/types.h"

/* Overwrites `len` bytes with zeros in a way the compiler keeps. */
void fog_wipe(void *p, size_t len);

/* Memory for secrets that live long: locked (where the limit allows), between guard pages, left out
 * of core dumps, wiped when freed. NULL: no memory. NULL to free is fine. */
void *fog_secret_alloc(size_t len);
void fog_secret_free(void *p);

/* Tells memcheck, for which our tests make secrets undefined, that these bytes, computed from some,
 * may be known to all. Nothing without valgrind. */
void fog_publish(const void *p, size_t len);

/* True when the `len` bytes are equal. Time depends on `len` only. */
bool fog_equal(const void *a, const void *b, size_t len);

/* True when all `len` bytes are zero. Time depends on `len` only. */
bool fog_is_zero(const void *p, size_t len);

/* Writes 2 * len lower-case digits and a terminating zero. Returns 0 or -ENOSPC when out_cap <
 * 2 * len + 1 (nothing is written then). Constant time in the contents. */
int fog_hex_encode(const void *in, size_t len, char *out, size_t out_cap);

/* Reads exactly out_len bytes from the zero-terminated `hex`, which must be exactly 2 * out_len
 * digits of either case. Returns 0 or -EINVAL; on failure out is zeroed. */
int fog_hex_decode(const char *hex, u8 *out, size_t out_len);

#endif
