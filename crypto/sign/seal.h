/* SPDX-License-Identifier: BSD-3-Clause */
/* Sealing to somebody's Ed25519 key: an anonymous box (X25519, XSalsa20-Poly1305, libsodium's
 * sealed box) to the same key as a Montgomery point. One key so names, signs and receives. Any
 * thread. */
#ifndef FOG_CRYPTO_SEAL_H
#define FOG_CRYPTO_SEAL_H

#include "crypto/sign/sign.h"

#define FOG_SEAL_OVERHEAD 48

/* Everything of one owner; secret but for `id`, wipe with fog_wipe(). */
struct fog_seal_keys {
	u8 id[32];     /* Ed25519 public key */
	u8 sign[64];   /* for fog_sign() */
	u8 box_pk[32]; /* the same as X25519 */
	u8 box_sk[32];
};

void fog_seal_keys(struct fog_seal_keys *k, const u8 seed[32]);
/* out takes len + FOG_SEAL_OVERHEAD bytes. 0, or -EINVAL: id is no point of the curve's group. */
int fog_seal(u8 *out, const void *data, size_t len, const u8 id[32]);
/* out takes len - FOG_SEAL_OVERHEAD bytes. 0 or -EBADMSG. */
int fog_seal_open(u8 *out, const u8 *data, size_t len, const struct fog_seal_keys *k);

#endif
