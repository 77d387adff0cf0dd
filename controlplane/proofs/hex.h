/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes as lower-case hexadecimal in JSON. */
#ifndef FOG_PROOFS_HEX_H
#define FOG_PROOFS_HEX_H

#include <jansson.h>

#include "crypto/types.h"

/* A new JSON string; NULL without memory. */
json_t *fog_hex_json(const void *data, size_t len);
/* Exactly len bytes. 0 or -EINVAL (no string, another length, upper case, no digit). */
int fog_hex_bytes(const json_t *text, void *out, size_t len);
/* At most cap bytes; returns how many, or -EINVAL. */
int fog_hex_some(const json_t *text, void *out, size_t cap);

#endif
