/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hash/blake2x.h"

#include "crypto/mem.h"

#define BLOCK 128

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

static inline u64 rotate(u64 x, unsigned n)
{
	return x >> n | x << (64 - n);
}

static inline void mix(u64 v[16], unsigned a, unsigned b, unsigned c, unsigned d, u64 x, u64 y)
{
	v[a] += v[b] + x;
	v[d] = rotate(v[d] ^ v[a], 32);
	v[c] += v[d];
	v[b] = rotate(v[b] ^ v[c], 24);
	v[a] += v[b] + y;
	v[d] = rotate(v[d] ^ v[a], 16);
	v[c] += v[d];
	v[b] = rotate(v[b] ^ v[c], 63);
}

static void compress(u64 h[8], const u8 block[BLOCK], u64 bytes, bool last)
{
	u64 v[16], m[16];

	memcpy(m, block, sizeof(m));
	memcpy(v, h, 8 * sizeof(u64));
	memcpy(v + 8, initial, sizeof(initial));
	v[12] ^= bytes;
	if (last)
		v[14] = ~v[14];
	for (unsigned r = 0; r < 12; r++) {
		const u8 *s = sigma[r % 10];
		for (unsigned i = 0; i < 4; i++)
			mix(v, i, i + 4, i + 8, i + 12, m[s[2 * i]], m[s[2 * i + 1]]);
		for (unsigned i = 0; i < 4; i++)
			mix(v, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12,
			    m[s[2 * i + 8]], m[s[2 * i + 9]]);
	}
	for (unsigned i = 0; i < 8; i++)
		h[i] ^= v[i] ^ v[i + 8];
	fog_wipe(v, sizeof(v));
	fog_wipe(m, sizeof(m));
}

/* The first words of the parameter block; the rest of it is zero.
 *	0 digest | 1 key | 2 fanout | 3 depth | 4 leaf u32 | 8 node u32 | 12 xof length u32
 *	16 node depth | 17 inner length */
static void start(u64 h[8], u64 first, u64 second, u64 third)
{
	memcpy(h, initial, sizeof(initial));
	h[0] ^= first;
	h[1] ^= second;
	h[2] ^= third;
}

void fog_blake2xb_32(u8 out[32], const u8 key[32], const void *data, size_t len)
{
	u8 block[BLOCK] = {0};
	u64 h[8];

	FOG_ASSERT(len >= 1);
	FOG_ASSERT(len <= FOG_BLAKE2X_DATA_MAX);
	memcpy(block, key, 32);
	start(h, 64 | 32 << 8 | 1 << 16 | 1 << 24, 32ull << 32, 0);
	compress(h, block, BLOCK, false);
	memset(block, 0, sizeof(block));
	memcpy(block, data, len);
	compress(h, block, BLOCK + len, true);

	memset(block, 0, sizeof(block));
	memcpy(block, h, 64);
	start(h, 32 | 64ull << 32, 32ull << 32, 64 << 8);
	compress(h, block, 64, true);
	memcpy(out, h, 32);
	fog_wipe(block, sizeof(block));
	fog_wipe(h, sizeof(h));
}
