/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hash/blake2x.h"

#include "crypto/cell/cipher.h"
#include "crypto/mem.h"

#define LANES 8
#define WORDS 16 /* of a block */

/* Word w of eight lanes. Without vectors of this size the compiler takes it apart. */
typedef u64 eight __attribute__((vector_size(8 * LANES)));

static const u64 initial[8] = {
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const u8 sigma[10][16] = {
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

#define INLINE8 __attribute__((always_inline)) static inline
#if defined(__clang__)
#define UNROLL8 _Pragma("unroll")
#else
#define UNROLL8 _Pragma("GCC unroll 12")
#endif

INLINE8 void mix(eight v[16], unsigned a, unsigned b, unsigned c, unsigned d, const eight *x,
		 const eight *y)
{
#define ROTATE(w, n) ((w) >> (n) | (w) << (64 - (n)))
	v[a] += v[b] + *x;
	v[d] = ROTATE(v[d] ^ v[a], 32);
	v[c] += v[d];
	v[b] = ROTATE(v[b] ^ v[c], 24);
	v[a] += v[b] + *y;
	v[d] = ROTATE(v[d] ^ v[a], 16);
	v[c] += v[d];
	v[b] = ROTATE(v[b] ^ v[c], 63);
#undef ROTATE
}

INLINE8 void compress(u64 state[8][LANES], const u64 block[WORDS][LANES], u64 bytes, bool last)
{
	eight *h = (eight *)state, v[16];
	const eight *m = (const eight *)block;

	UNROLL8
	for (unsigned i = 0; i < 8; i++) {
		v[i] = h[i];
		v[i + 8] = (eight){0} + initial[i];
	}
	v[12] ^= bytes;
	if (last)
		v[14] = ~v[14];
	UNROLL8
	for (unsigned r = 0; r < 12; r++) {
		const u8 *s = sigma[r % 10];
		UNROLL8
		for (unsigned i = 0; i < 4; i++)
			mix(v, i, i + 4, i + 8, i + 12, &m[s[2 * i]], &m[s[2 * i + 1]]);
		UNROLL8
		for (unsigned i = 0; i < 4; i++)
			mix(v, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12,
			    &m[s[2 * i + 8]], &m[s[2 * i + 9]]);
	}
	UNROLL8
	for (unsigned i = 0; i < 8; i++)
		h[i] ^= v[i] ^ v[i + 8];
}

void fog_blake2b_eight(u64 state[8][LANES], const u64 block[WORDS][LANES], u64 bytes, bool last)
{
	compress(state, block, bytes, last);
}

#if defined(__x86_64__)
__attribute__((target("avx512f")))
#endif
void fog_vaes_blake2b_eight(u64 state[8][LANES], const u64 block[WORDS][LANES], u64 bytes,
			    bool last)
{
	compress(state, block, bytes, last);
}

/* The first words of the parameter block; the rest of it is zero.
 *	0 digest | 1 key | 2 fanout | 3 depth | 4 leaf u32 | 8 node u32 | 12 xof length u32
 *	16 node depth | 17 inner length */
static void start(u64 state[8][LANES], u64 first, u64 second, u64 third)
{
	const u64 parameter[8] = {first, second, third};

	for (unsigned w = 0; w < 8; w++)
		for (unsigned k = 0; k < LANES; k++)
			state[w][k] = initial[w] ^ parameter[w];
}

static void load(u64 block[WORDS][LANES], unsigned lane, const u8 *bytes, unsigned words)
{
	for (unsigned w = 0; w < words; w++)
		block[w][lane] = fog_load_u64(bytes + 8 * w);
}

static void eight_run(u8 (*out)[32], const u8 (*key)[32], const u8 (*data)[64], unsigned count)
{
	_Alignas(64) u64 state[8][LANES], block[WORDS][LANES] = {0};

	for (unsigned k = 0; k < count; k++)
		load(block, k, key[k], 4);
	start(state, 64 | 32 << 8 | 1 << 16 | 1 << 24, 32ull << 32, 0);
	fog_cipher->blake2b_eight(state, (const u64(*)[LANES])block, 8 * WORDS, false);
	for (unsigned k = 0; k < count; k++)
		load(block, k, data[k], 8);
	fog_cipher->blake2b_eight(state, (const u64(*)[LANES])block, 8 * WORDS + 64, true);
	memcpy(block, state, sizeof(state));
	start(state, 32 | 64ull << 32, 32ull << 32, 64 << 8);
	fog_cipher->blake2b_eight(state, (const u64(*)[LANES])block, 64, true);
	for (unsigned k = 0; k < count; k++)
		for (unsigned w = 0; w < 4; w++)
			fog_store_u64(out[k] + 8 * w, state[w][k]);
	fog_wipe(block, sizeof(block));
	fog_wipe(state, sizeof(state));
}

void fog_blake2xb_32_many(u8 (*out)[32], const u8 (*key)[32], const u8 (*data)[64], unsigned count)
{
	for (unsigned i = 0; i < count; i += LANES)
		eight_run(out + i, key + i, data + i, FOG_MIN(count - i, (unsigned)LANES));
}
