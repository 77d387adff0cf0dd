/* SPDX-License-Identifier: BSD-3-Clause */
/* Two sources of randomness: the operating system, for keys; and a seedable ChaCha20 generator, for
 * shuffles, delays and the simulator, where a run must repeat from its seed. */
#ifndef FOG_CRYPTO_RANDOM_H
#define FOG_CRYPTO_RANDOM_H

#include "crypto/types.h"

#define FOG_RNG_SEED_SIZE 32
/* 16 ChaCha20 blocks per refill; the first 32 bytes become the next key, so state captured now
 * tells nothing of past output. */
#define FOG_RNG_BUFFER_SIZE 1024

struct fog_rng {
	u8 key[FOG_RNG_SEED_SIZE];
	u32 used; /* bytes of buffer already given out */
	u32 pad;
	u8 buffer[FOG_RNG_BUFFER_SIZE];
};

/* Fills out from the operating system. Never fails after fog_crypto_init(). Any thread. */
void fog_random_bytes(void *out, size_t len);

/* The same seed gives the same stream on every machine and CPU path. One thread owns a generator.
 * For real use seed it with fog_random_bytes(). */
void fog_rng_init(struct fog_rng *rng, const u8 seed[FOG_RNG_SEED_SIZE]);
/* Test and simulator form: the seed is the number, little-endian, padded with zeros. */
void fog_rng_init_u64(struct fog_rng *rng, u64 seed);
void fog_rng_wipe(struct fog_rng *rng);

void fog_rng_bytes(struct fog_rng *rng, void *out, size_t len);
u64 fog_rng_u64(struct fog_rng *rng);
/* Uniform in [0, bound), without modulo bias; bound > 0. Under two draws on average. */
u64 fog_rng_below(struct fog_rng *rng, u64 bound);
/* Uniform in [0, 1) with 53 random bits. */
double fog_rng_unit(struct fog_rng *rng);

#endif
