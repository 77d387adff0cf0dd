/* SPDX-License-Identifier: BSD-3-Clause */
/* Base64 for URLs, without padding (RFC 4648 section 5), as JSON web signatures are written. */
#ifndef FOG_CRYPTO_BASE64_H
#define FOG_CRYPTO_BASE64_H

#include "crypto/types.h"

/* Bytes of the text of len bytes, with its zero. */
#define FOG_BASE64URL_SIZE(len) (((len)*4 + 2) / 3 + 1)

/* out takes FOG_BASE64URL_SIZE(len). */
void fog_base64url_encode(char *out, const void *data, size_t len);
/* text of text_len characters into out[cap]. The number of bytes, or -EINVAL: other characters,
 * padding, unused bits, or too long. */
int fog_base64url_decode(u8 *out, size_t cap, const char *text, size_t text_len);

#endif
