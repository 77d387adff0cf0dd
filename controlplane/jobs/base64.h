/* SPDX-License-Identifier: BSD-3-Clause */
/* Base64 of RFC 4648 section 4: the standard alphabet, padded, no line breaks, unused bits zero. */
#ifndef FOG_JOBS_BASE64_H
#define FOG_JOBS_BASE64_H

#include "crypto/types.h"

/* Decodes text of len characters into out (3 * len / 4 bytes are enough; may be text itself).
 * Returns the number of bytes, or -EINVAL. */
long fog_base64_decode(const char *text, size_t len, u8 *out);

#endif
