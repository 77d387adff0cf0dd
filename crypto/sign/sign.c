/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/sign/sign.h"

#include <sodium.h>

_Static_assert(FOG_SIGN_SEED_SIZE == crypto_sign_SEEDBYTES, "seed");
_Static_assert(FOG_SIGN_PUBLIC_SIZE == crypto_sign_PUBLICKEYBYTES, "public key");
_Static_assert(FOG_SIGN_SECRET_SIZE == crypto_sign_SECRETKEYBYTES, "secret key");
_Static_assert(FOG_SIGN_SIZE == crypto_sign_BYTES, "signature");

void fog_sign_keypair(u8 pk[FOG_SIGN_PUBLIC_SIZE], u8 sk[FOG_SIGN_SECRET_SIZE],
		      const u8 seed[FOG_SIGN_SEED_SIZE])
{
	int rc = crypto_sign_seed_keypair(pk, sk, seed);
	FOG_ASSERT(rc == 0);
}

void fog_sign(u8 sig[FOG_SIGN_SIZE], const void *msg, size_t len, const u8 sk[FOG_SIGN_SECRET_SIZE])
{
	int rc = crypto_sign_detached(sig, NULL, msg, len, sk);
	FOG_ASSERT(rc == 0);
}
