/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/sign/seal.h"

#include <sodium.h>

#include <errno.h>

_Static_assert(FOG_SEAL_OVERHEAD == crypto_box_SEALBYTES, "size");

void fog_seal_keys(struct fog_seal_keys *k, const u8 seed[32])
{
	int rc = crypto_sign_ed25519_seed_keypair(k->id, k->sign, seed);

	FOG_ASSERT(rc == 0);
	rc = crypto_sign_ed25519_pk_to_curve25519(k->box_pk, k->id);
	FOG_ASSERT(rc == 0);
	rc = crypto_sign_ed25519_sk_to_curve25519(k->box_sk, k->sign);
	FOG_ASSERT(rc == 0);
}

int fog_seal(u8 *out, const void *data, size_t len, const u8 id[32])
{
	u8 key[32];

	if (crypto_sign_ed25519_pk_to_curve25519(key, id) != 0 ||
	    crypto_box_seal(out, data, len, key) != 0)
		return -EINVAL;
	return 0;
}

int fog_seal_open(u8 *out, const u8 *data, size_t len, const struct fog_seal_keys *k)
{
	if (len < FOG_SEAL_OVERHEAD)
		return -EBADMSG;
	return crypto_box_seal_open(out, data, len, k->box_pk, k->box_sk) == 0 ? 0 : -EBADMSG;
}
