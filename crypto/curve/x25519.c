/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/x25519.h"

#include "crypto/curve/curve.h"

#include <sodium.h>

#include <errno.h>

_Static_assert(FOG_X25519_SIZE == crypto_scalarmult_BYTES, "size");

int fog_x25519(u8 out[FOG_X25519_SIZE], const u8 scalar[FOG_X25519_SIZE],
	       const u8 point[FOG_X25519_SIZE])
{
	if (crypto_scalarmult(out, scalar, point) == 0)
		return 0;
	/* Refused: either known to be of low order before the ladder, or zero after it. */
	memset(out, 0, FOG_X25519_SIZE);
	return -EBADMSG;
}

void fog_x25519_base(u8 out[FOG_X25519_SIZE], const u8 scalar[FOG_X25519_SIZE])
{
	/* Clamping makes the scalar a nonzero multiple of 8 below the order: this cannot fail. */
	int rc = crypto_scalarmult_base(out, scalar);
	FOG_ASSERT(rc == 0);
}

void fog_x25519_many(u8 (*out)[FOG_X25519_SIZE], const u8 (*scalar)[FOG_X25519_SIZE],
		     const u8 (*point)[FOG_X25519_SIZE], int *result, unsigned count)
{
	fog_curve->x25519_many(out, scalar, point, result, count);
}
