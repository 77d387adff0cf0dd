/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hash/hash.h"

#include "crypto/mem.h"

#include <sodium.h>

_Static_assert(sizeof(struct fog_sha256) == sizeof(crypto_hash_sha256_state), "SHA-256 state");
_Static_assert(_Alignof(struct fog_sha256) >= _Alignof(crypto_hash_sha256_state), "alignment");

void fog_hash_sha256(u8 out[FOG_SHA256_SIZE], const void *data, size_t len)
{
	crypto_hash_sha256(out, data, len);
}

void fog_hash_sha512(u8 out[FOG_SHA512_SIZE], const void *data, size_t len)
{
	crypto_hash_sha512(out, data, len);
}

void fog_hash_blake2b(u8 *out, size_t out_len, const u8 *key, size_t key_len, const void *data,
		      size_t len)
{
	FOG_ASSERT(out_len >= crypto_generichash_BYTES_MIN);
	FOG_ASSERT(out_len <= FOG_BLAKE2B_SIZE_MAX);
	FOG_ASSERT(key_len == 0 || key_len >= crypto_generichash_KEYBYTES_MIN);
	FOG_ASSERT(key_len <= FOG_BLAKE2B_KEY_MAX);
	int rc = crypto_generichash(out, out_len, data, len, key_len > 0 ? key : NULL, key_len);
	FOG_ASSERT(rc == 0);
}

u64 fog_hash_siphash(const u8 key[FOG_SIPHASH_KEY], const void *data, size_t len)
{
	u8 out[8];

	_Static_assert(crypto_shorthash_BYTES == sizeof(out), "SipHash-2-4");
	_Static_assert(crypto_shorthash_KEYBYTES == FOG_SIPHASH_KEY, "SipHash-2-4");
	(void)crypto_shorthash(out, data, len, key);
	return fog_load_u64(out);
}

void fog_hmac_sha256(u8 out[FOG_SHA256_SIZE], const u8 *key, size_t key_len, const void *data,
		     size_t len)
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key_len > 0 ? key : (const u8 *)"", key_len);
	crypto_auth_hmacsha256_update(&state, data, len);
	crypto_auth_hmacsha256_final(&state, out);
	fog_wipe(&state, sizeof(state));
}

void fog_sha256_init(struct fog_sha256 *s)
{
	crypto_hash_sha256_init((crypto_hash_sha256_state *)s->state);
}

void fog_sha256_update(struct fog_sha256 *s, const void *data, size_t len)
{
	crypto_hash_sha256_update((crypto_hash_sha256_state *)s->state, data, len);
}

void fog_sha256_final(struct fog_sha256 *s, u8 out[FOG_SHA256_SIZE])
{
	crypto_hash_sha256_final((crypto_hash_sha256_state *)s->state, out);
	fog_wipe(s, sizeof(*s));
}
