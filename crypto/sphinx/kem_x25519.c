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

/* Both products of all rows in one go: the elements, then the secrets. */
static void seal_many(u8 (*shared)[32], u8 *const *element, int *result,
		      const u8 *const *public_key, struct fog_rng *rng, unsigned count)
{
	u8 scalar[2 * BATCH][32], point[2 * BATCH][32] = {0}, product[2 * BATCH][32];
	u8 both[BATCH][64];
	int results[2 * BATCH];

	FOG_ASSERT(count <= BATCH);
	fog_rng_bytes(rng, scalar, 32 * count);
	memcpy(scalar[count], scalar, 32 * count);
	for (unsigned i = 0; i < count; i++) {
		point[i][0] = 9; /* the base */
		memcpy(point[count + i], public_key[i], 32);
	}
	fog_x25519_many(product, (const u8(*)[32])scalar, (const u8(*)[32])point, results,
			2 * count);
	for (unsigned i = 0; i < count; i++) {
		memcpy(element[i], product[i], 32);
		memcpy(both[i], public_key[i], 32);
		memcpy(both[i] + 32, product[i], 32);
		result[i] = results[count + i] == 0 ? 0 : -EKEYREJECTED;
	}
	fog_blake2xb_32_many(shared, (const u8(*)[32])(product + count), (const u8(*)[64])both,
			     count);
	fog_wipe(scalar, 64 * count);
	fog_wipe(product, 64 * count);
}

const struct fog_sphinx_kem fog_sphinx_kem_x25519 = {
	.name = "X25519",
	.element = 32,
	.public_key = 32,
	.open_many = open_many,
	.seal_many = seal_many,
};
