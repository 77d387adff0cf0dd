/* SPDX-License-Identifier: BSD-3-Clause */
/* The curve path of every CPU: libsodium, one by one. */
#include "crypto/curve/curve.h"

#include "crypto/curve/x25519.h"

static bool supported(void)
{
	return true;
}

static void x25519_many(u8 (*out)[32], const u8 (*scalar)[32], const u8 (*point)[32], int *result,
			unsigned count)
{
	u8 copy[32]; /* libsodium does not work in place */

	for (unsigned i = 0; i < count; i++) {
		memcpy(copy, point[i], sizeof(copy));
		result[i] = fog_x25519(out[i], scalar[i], copy);
	}
}

const struct fog_curve fog_curve_portable = {
	.name = "portable",
	.supported = supported,
	.x25519_many = x25519_many,
};
