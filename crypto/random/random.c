/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/random/random.h"

#include "crypto/mem.h"

#include <sodium.h>

_Static_assert(FOG_RNG_SEED_SIZE == crypto_stream_chacha20_KEYBYTES, "key");
_Static_assert(FOG_RNG_BUFFER_SIZE > FOG_RNG_SEED_SIZE, "buffer");

/* A key makes one buffer, so the nonce may stay zero. */
static void rng_refill(struct fog_rng *rng)
{
	static const u8 nonce[crypto_stream_chacha20_NONCEBYTES];

	crypto_stream_chacha20(rng->buffer, sizeof(rng->buffer), nonce, rng->key);
	memcpy(rng->key, rng->buffer, sizeof(rng->key));
	memset(rng->buffer, 0, sizeof(rng->key));
	rng->used = sizeof(rng->key);
}

void fog_random_bytes(void *out, size_t len)
{
	randombytes_buf(out, len);
}

void fog_rng_init(struct fog_rng *rng, const u8 seed[FOG_RNG_SEED_SIZE])
{
	memcpy(rng->key, seed, sizeof(rng->key));
	rng->pad = 0;
	rng_refill(rng);
}

void fog_rng_init_u64(struct fog_rng *rng, u64 seed)
{
	u8 bytes[FOG_RNG_SEED_SIZE] = {0};

	fog_store_u64(bytes, seed);
	fog_rng_init(rng, bytes);
}

void fog_rng_wipe(struct fog_rng *rng)
{
	fog_wipe(rng, sizeof(*rng));
}

void fog_rng_bytes(struct fog_rng *rng, void *out, size_t len)
{
	u8 *p = out;

	FOG_ASSERT(rng->used >= sizeof(rng->key));
	FOG_ASSERT(rng->used <= sizeof(rng->buffer));
	while (len > 0) {
		if (rng->used == sizeof(rng->buffer))
			rng_refill(rng);
		size_t part = FOG_MIN(len, sizeof(rng->buffer) - rng->used);
		memcpy(p, rng->buffer + rng->used, part);
		memset(rng->buffer + rng->used, 0, part);
		rng->used += part;
		p += part;
		len -= part;
	}
}

u64 fog_rng_u64(struct fog_rng *rng)
{
	u8 bytes[8];

	fog_rng_bytes(rng, bytes, sizeof(bytes));
	return fog_load_u64(bytes);
}

/* Lemire's method: the high half of draw * bound, redrawn while the low half is in the short range
 * that would favour some results. */
u64 fog_rng_below(struct fog_rng *rng, u64 bound)
{
	FOG_ASSERT(bound > 0);
	u64 reject = -bound % bound;

	for (;;) {
		unsigned __int128 wide = (unsigned __int128)fog_rng_u64(rng) * bound;
		if ((u64)wide >= reject)
			return (u64)(wide >> 64);
	}
}

double fog_rng_unit(struct fog_rng *rng)
{
	return (double)(fog_rng_u64(rng) >> 11) * 0x1p-53;
}
