/* SPDX-License-Identifier: BSD-3-Clause */
/* Verification for keys that come again and again, such as a host's neighbours: a table of each
 * key's multiples takes all doublings out of the equation. The rule and the answers are those of
 * sign.h; each signature is checked by itself, so one that is false costs nothing more, and eight
 * are answered at once.
 *
 * A set holds up to `keys` tables of 104 KiB and one of the base point; the least recently used
 * makes way. Signatures by keys that have no table go the ordinary way. One thread. */
#ifndef FOG_CRYPTO_SIGN_KNOWN_H
#define FOG_CRYPTO_SIGN_KNOWN_H

#include "crypto/sign/sign.h"

#define FOG_SIGN_KNOWN_MAX 256

struct fog_sign_known;

/* Bytes for 1 to FOG_SIGN_KNOWN_MAX keys. */
size_t fog_sign_known_size(unsigned keys);
/* memory: aligned to 64, of that size. About 0.5 ms. */
struct fog_sign_known *fog_sign_known_init(void *memory, unsigned keys);

/* Makes the key's table unless it has one. 0, or -EBADMSG: no signature by it would be good. About
 * 0.5 ms. */
int fog_sign_known_add(struct fog_sign_known *k, const u8 pk[FOG_SIGN_PUBLIC_SIZE]);
bool fog_sign_known_has(const struct fog_sign_known *k, const u8 pk[FOG_SIGN_PUBLIC_SIZE]);

/* result[i] = fog_sign_verify() of item[i], any count. */
void fog_sign_known_verify(struct fog_sign_known *k, const struct fog_sign_item *item,
			   unsigned count, int *result);

#endif
