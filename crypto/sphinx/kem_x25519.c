/* SPDX-License-Identifier: BSD-3-Clause */
/* X25519 as a KEM, the way Katzenpost makes one of it: the shared secret is BLAKE2Xb of both public
 * keys under X25519's output. */
#include "crypto/sphinx/sphinx.h"

#include "crypto/curve/x25519.h"
#include "crypto/hash/blake2x.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#include <errno.h>

#define BATCH FOG_SPHINX_BATCH_MAX
_Static_assert(BATCH <= FOG_X25519_EXCHANGES, "in one go");

static void open_many(u8 (*shared)[32], int *result, const void *const *secret,
		      const u8 *const *element, unsigned count)
{
	u8 scalar[BATCH][32], point[BATCH][32], both[BATCH][64];

	FOG_ASSERT(count <= BATCH);
	for (unsigned i = 0; i < count; i++) {
		const struct fog_sphinx_x25519 *own = secret[i];
		memcpy(scalar[i], own->secret, 32);
		memcpy(point[i], element[i], 32);
		memcpy(both[i], own->public_key, 32);
		memcpy(both[i] + 32, element[i], 32);
	}
	fog_x25519_many(shared, (const u8(*)[32])scalar, (const u8(*)[32])point, result, count);
	fog_blake2xb_32_many(shared, (const u8(*)[32])shared, (const u8(*)[64])both, count);
	for (unsigned i = 0; i < count; i++)
		result[i] = result[i] == 0 ? 0 : -EKEYREJECTED;
	fog_wipe(scalar, 32 * count);
}

static void seal_many(u8 (*shared)[32], u8 *const *element, int *result,
		      const u8 *const *public_key, struct fog_rng *rng, unsigned count)
{
	u8 scalar[BATCH][32], point[BATCH][32], own[BATCH][32], both[BATCH][64];

	FOG_ASSERT(count <= BATCH);
	fog_rng_bytes(rng, scalar, 32 * count);
	for (unsigned i = 0; i < count; i++)
		memcpy(point[i], public_key[i], 32);
	fog_x25519_exchange_many(own, shared, (const u8(*)[32])scalar, (const u8(*)[32])point,
				 result, count);
	for (unsigned i = 0; i < count; i++) {
		memcpy(element[i], own[i], 32);
		memcpy(both[i], public_key[i], 32);
		memcpy(both[i] + 32, own[i], 32);
		result[i] = result[i] == 0 ? 0 : -EKEYREJECTED;
	}
	fog_blake2xb_32_many(shared, (const u8(*)[32])shared, (const u8(*)[64])both, count);
	fog_wipe(scalar, 32 * count);
}

const struct fog_sphinx_kem fog_sphinx_kem_x25519 = {
	.name = "X25519",
	.element = 32,
	.public_key = 32,
	.open_many = open_many,
	.seal_many = seal_many,
};
