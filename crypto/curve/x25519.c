/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/x25519.h"

#include "crypto/curve/curve.h"
#include "crypto/mem.h"

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

void fog_x25519_exchange_many(u8 (*element)[FOG_X25519_SIZE], u8 (*shared)[FOG_X25519_SIZE],
			      const u8 (*scalar)[FOG_X25519_SIZE],
			      const u8 (*point)[FOG_X25519_SIZE], int *result, unsigned count)
{
	u8 both[2 * FOG_X25519_EXCHANGES][FOG_X25519_SIZE];
	u8 points[2 * FOG_X25519_EXCHANGES][FOG_X25519_SIZE] = {0};
	int results[2 * FOG_X25519_EXCHANGES];
	const size_t size = FOG_X25519_SIZE * (size_t)count;

	FOG_ASSERT(count <= FOG_X25519_EXCHANGES);
	memcpy(both, scalar, size);
	memcpy(both[count], scalar, size);
	for (unsigned i = 0; i < count; i++)
		points[i][0] = 9;
	memcpy(points[count], point, size);
	fog_x25519_many(points, (const u8(*)[FOG_X25519_SIZE])both,
			(const u8(*)[FOG_X25519_SIZE])points, results, 2 * count);
	memcpy(element, points, size);
	memcpy(shared, points[count], size);
	memcpy(result, results + count, count * sizeof(*result));
	fog_wipe(both, 2 * size);
	fog_wipe(points, 2 * size);
}
