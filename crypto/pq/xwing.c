/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/pq/xwing.h"

#include <errno.h>

#include "crypto/curve/x25519.h"
#include "crypto/hash/keccak.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"

#define BATCH FOG_SPHINX_BATCH_MAX

_Static_assert(FOG_XWING_CIPHERTEXT <= FOG_SPHINX_ELEMENT_MAX, "fits a header");

static void combine(u8 shared[FOG_XWING_SHARED], const u8 mlkem[32], const u8 x25519[32],
		    const u8 *ciphertext, const u8 *public_x25519)
{
	static const u8 label[6] = {'\\', '.', '/', '/', '^', '\\'};
	struct fog_keccak k;

	fog_keccak_init(&k);
	fog_keccak_update(&k, mlkem, 32);
	fog_keccak_update(&k, x25519, 32);
	fog_keccak_update(&k, ciphertext + FOG_MLKEM_CIPHERTEXT, 32);
	fog_keccak_update(&k, public_x25519, 32);
	fog_keccak_update(&k, label, sizeof(label));
	fog_sha3_256_final(&k, shared);
}

int fog_xwing_key_init(struct fog_xwing_key *k, const u8 seed[FOG_XWING_SEED])
{
	u8 both[FOG_MLKEM_SEED + 32];

	fog_hash_shake256(both, sizeof(both), seed, FOG_XWING_SEED);
	int rc = fog_mlkem_key_init(&k->mlkem, both);
	memcpy(k->x25519.secret, both + FOG_MLKEM_SEED, 32);
	fog_x25519_base(k->x25519.public_key, k->x25519.secret);
	fog_wipe(both, sizeof(both));
	return rc;
}

void fog_xwing_key_free(struct fog_xwing_key *k)
{
	fog_mlkem_key_free(&k->mlkem);
	fog_wipe(&k->x25519, sizeof(k->x25519));
}

void fog_xwing_public(const struct fog_xwing_key *k, u8 out[FOG_XWING_PUBLIC])
{
	memcpy(out, k->mlkem.public_key, FOG_MLKEM_PUBLIC);
	memcpy(out + FOG_MLKEM_PUBLIC, k->x25519.public_key, 32);
}

void fog_xwing_encapsulate_many(u8 (*shared)[FOG_XWING_SHARED], u8 *const *ciphertext, int *result,
				const u8 *const *public_key, const u8 (*random)[FOG_XWING_RANDOM],
				unsigned count)
{
	u8 scalar[BATCH][32], point[BATCH][32], own[BATCH][32], product[BATCH][32], mlkem[32];

	FOG_ASSERT(count <= BATCH);
	for (unsigned i = 0; i < count; i++) {
		memcpy(scalar[i], random[i] + FOG_MLKEM_RANDOM, 32);
		memcpy(point[i], public_key[i] + FOG_MLKEM_PUBLIC, 32);
	}
	fog_x25519_exchange_many(own, product, (const u8(*)[32])scalar, (const u8(*)[32])point,
				 result, count);
	for (unsigned i = 0; i < count; i++) {
		result[i] = result[i] != 0 ? -EKEYREJECTED
					   : fog_mlkem_encapsulate(mlkem, ciphertext[i],
								   public_key[i], random[i]);
		if (result[i] != 0) {
			memset(shared[i], 0, FOG_XWING_SHARED);
			continue;
		}
		memcpy(ciphertext[i] + FOG_MLKEM_CIPHERTEXT, own[i], 32);
		combine(shared[i], mlkem, product[i], ciphertext[i],
			public_key[i] + FOG_MLKEM_PUBLIC);
	}
	fog_wipe(scalar, sizeof(scalar));
	fog_wipe(product, sizeof(product));
	fog_wipe(mlkem, sizeof(mlkem));
}

void fog_xwing_decapsulate_many(u8 (*shared)[FOG_XWING_SHARED], int *result,
				const struct fog_xwing_key *const *key, const u8 *const *ciphertext,
				unsigned count)
{
	u8 scalar[BATCH][32], point[BATCH][32], product[BATCH][32], mlkem[32];

	FOG_ASSERT(count <= BATCH);
	for (unsigned i = 0; i < count; i++) {
		memcpy(scalar[i], key[i]->x25519.secret, 32);
		memcpy(point[i], ciphertext[i] + FOG_MLKEM_CIPHERTEXT, 32);
	}
	fog_x25519_many(product, (const u8(*)[32])scalar, (const u8(*)[32])point, result, count);
	for (unsigned i = 0; i < count; i++) {
		result[i] = result[i] != 0
				    ? -EKEYREJECTED
				    : fog_mlkem_decapsulate(mlkem, &key[i]->mlkem, ciphertext[i]);
		if (result[i] == 0)
			combine(shared[i], mlkem, product[i], ciphertext[i],
				key[i]->x25519.public_key);
		else
			memset(shared[i], 0, FOG_XWING_SHARED);
	}
	fog_wipe(scalar, sizeof(scalar));
	fog_wipe(product, sizeof(product));
	fog_wipe(mlkem, sizeof(mlkem));
}

/* ---- profiles of Sphinx ------------------------------------------------------------------- */

static void xwing_open_many(u8 (*shared)[32], int *result, const void *const *secret,
			    const u8 *const *element, unsigned count)
{
	fog_xwing_decapsulate_many(shared, result, (const struct fog_xwing_key *const *)secret,
				   element, count);
}

static void xwing_seal_many(u8 (*shared)[32], u8 *const *element, int *result,
			    const u8 *const *public_key, struct fog_rng *rng, unsigned count)
{
	u8 random[BATCH][FOG_XWING_RANDOM];

	FOG_ASSERT(count <= BATCH);
	fog_rng_bytes(rng, random, sizeof(random[0]) * count);
	fog_xwing_encapsulate_many(shared, element, result, public_key,
				   (const u8(*)[FOG_XWING_RANDOM])random, count);
	fog_wipe(random, sizeof(random));
}

const struct fog_sphinx_kem fog_sphinx_kem_xwing = {
	.name = "X-Wing",
	.element = FOG_XWING_CIPHERTEXT,
	.public_key = FOG_XWING_PUBLIC,
	.open_many = xwing_open_many,
	.seal_many = xwing_seal_many,
};

static void mlkem_open_many(u8 (*shared)[32], int *result, const void *const *secret,
			    const u8 *const *element, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		result[i] = fog_mlkem_decapsulate(shared[i], secret[i], element[i]);
}

static void mlkem_seal_many(u8 (*shared)[32], u8 *const *element, int *result,
			    const u8 *const *public_key, struct fog_rng *rng, unsigned count)
{
	u8 random[FOG_MLKEM_RANDOM];

	for (unsigned i = 0; i < count; i++) {
		fog_rng_bytes(rng, random, sizeof(random));
		result[i] = fog_mlkem_encapsulate(shared[i], element[i], public_key[i], random);
	}
	fog_wipe(random, sizeof(random));
}

const struct fog_sphinx_kem fog_sphinx_kem_mlkem768 = {
	.name = "ML-KEM-768",
	.element = FOG_MLKEM_CIPHERTEXT,
	.public_key = FOG_MLKEM_PUBLIC,
	.open_many = mlkem_open_many,
	.seal_many = mlkem_seal_many,
};
