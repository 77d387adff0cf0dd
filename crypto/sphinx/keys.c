/* SPDX-License-Identifier: BSD-3-Clause */
/* What nodes and clients derive alike. */
#include "crypto/sphinx/internal.h"

#include "crypto/cell/cipher.h"
#include "crypto/hash/hmac_many.h"
#include "crypto/mem.h"
#include "crypto/sphinx/aez.h"

#include <sodium.h>

#include <errno.h>

int fog_sphinx_geometry_init(struct fog_sphinx_geometry *g, const struct fog_sphinx_kem *kem,
			     unsigned hops, size_t packet)
{
	if (hops < 1 || hops > FOG_SPHINX_HOPS_MAX || packet > FOG_SPHINX_PACKET_MAX)
		return -EINVAL;
	g->kem = kem;
	g->element = kem != FOG_SPHINX_NIKE ? kem->element : 32;
	g->hops = hops;
	g->block = FOG_SPHINX_COMMANDS + (kem != FOG_SPHINX_NIKE ? g->element : 0);
	g->routing = hops * g->block;
	g->header = sphinx_routing_at(g) + g->routing + FOG_SPHINX_MAC_SIZE;
	FOG_ASSERT(g->header <= FOG_SPHINX_HEADER_MAX);
	if (packet <= g->header + FOG_SPHINX_TAG_SIZE)
		return -EINVAL;
	g->packet = packet;
	g->payload = packet - g->header - FOG_SPHINX_TAG_SIZE;
	g->surb = g->header + FOG_SPHINX_ID_SIZE + FOG_SPHINX_LAYER_SIZE;
	return 0;
}

void sphinx_keys_derive(struct sphinx_keys *keys, const u8 (*secret)[32], unsigned count)
{
	fog_hkdf_sha256_expand_many(keys[0].mac, sizeof(keys[0]), SPHINX_KDF_BLOCKS, secret,
				    "katzenpost-kdf-v0-hkdf-sha256", count);
}

void sphinx_blind_scalar(u8 scalar[32], const struct sphinx_keys *k)
{
	static const u8 nonce[8];

	(void)crypto_stream_chacha20(scalar, 32, nonce, k->seed);
}

void sphinx_stream(const struct sphinx_keys *k, const u8 *in, u8 *out, size_t len)
{
	u8 round[FOG_AES256_ROUNDS + 1][16];

	fog_cipher->aes_expand(round, FOG_AES256_ROUNDS, k->stream);
	fog_cipher->aes_ctr(round, FOG_AES256_ROUNDS, sphinx_iv(k), in, out, len);
	fog_wipe(round, sizeof(round));
}

void sphinx_layer(const u8 iv[16], const u8 key[48], bool encrypt, u8 *data, size_t len)
{
	struct fog_aez z;
	u8 delta[16];

	fog_aez_init(&z, key, FOG_AEZ_KEY_SIZE);
	fog_aez_hash(&z, 0, iv, 16, NULL, 0, delta);
	if (encrypt)
		fog_aez_encipher(&z, delta, data, len);
	else
		fog_aez_decipher(&z, delta, data, len);
	fog_wipe(&z, sizeof(z));
}
