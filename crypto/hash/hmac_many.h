/* SPDX-License-Identifier: BSD-3-Clause */
/* HMAC-SHA256 and HKDF-Expand of many inputs of one length, sixteen side by side where the CPU has
 * the vaes path, one after another elsewhere. Any thread; time depends on lengths and counts only.
 */
#ifndef FOG_CRYPTO_HMAC_MANY_H
#define FOG_CRYPTO_HMAC_MANY_H

#include "crypto/types.h"

#define FOG_HKDF_INFO_MAX 31 /* so that an output block's input fits two hash blocks */

/* out[i] = HMAC-SHA256(key[i], data[i][0 .. len)). Keys of 32 bytes. Per item of 444 bytes about
 * 0.15 us in sixteens (EPYC, Zen 5). */
void fog_hmac_sha256_many(u8 (*out)[32], const u8 *const *key, const u8 *const *data, size_t len,
			  unsigned count);

/* out[i][0 .. 32 * blocks) = HKDF-Expand(prk[i], info) of RFC 5869 with SHA-256. out[i] is `stride`
 * bytes after out[i - 1]. info of at most FOG_HKDF_INFO_MAX bytes; blocks 1 .. 255. */
void fog_hkdf_sha256_expand_many(u8 *out, size_t stride, unsigned blocks, const u8 (*prk)[32],
				 const char *info, unsigned count);

#endif
