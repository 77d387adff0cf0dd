/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hash/blake2s.h"

#include "crypto/mem.h"

#define ROUNDS 10

static const u32 iv[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/* Message word schedule, RFC 7693 section 2.7. */
static const u8 sigma[ROUNDS][16] = {
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

static inline u32 rotate_right(u32 x, unsigned by)
{
	return x >> by | x << (32 - by);
}

static inline void mix(u32 v[16], unsigned a, unsigned b, unsigned c, unsigned d, u32 x, u32 y)
{
	v[a] += v[b] + x;
	v[d] = rotate_right(v[d] ^ v[a], 16);
	v[c] += v[d];
	v[b] = rotate_right(v[b] ^ v[c], 12);
	v[a] += v[b] + y;
	v[d] = rotate_right(v[d] ^ v[a], 8);
	v[c] += v[d];
	v[b] = rotate_right(v[b] ^ v[c], 7);
}

static void compress(struct fog_blake2s *s, bool last)
{
	u32 v[16], m[16];

	memcpy(m, s->block, sizeof(m));
	memcpy(v, s->h, sizeof(s->h));
	memcpy(v + 8, iv, sizeof(iv));
	v[12] ^= (u32)s->total;
	v[13] ^= (u32)(s->total >> 32);
	if (last)
		v[14] = ~v[14];
	for (unsigned r = 0; r < ROUNDS; r++) {
		const u8 *w = sigma[r];
		mix(v, 0, 4, 8, 12, m[w[0]], m[w[1]]);
		mix(v, 1, 5, 9, 13, m[w[2]], m[w[3]]);
		mix(v, 2, 6, 10, 14, m[w[4]], m[w[5]]);
		mix(v, 3, 7, 11, 15, m[w[6]], m[w[7]]);
		mix(v, 0, 5, 10, 15, m[w[8]], m[w[9]]);
		mix(v, 1, 6, 11, 12, m[w[10]], m[w[11]]);
		mix(v, 2, 7, 8, 13, m[w[12]], m[w[13]]);
		mix(v, 3, 4, 9, 14, m[w[14]], m[w[15]]);
	}
	for (unsigned i = 0; i < 8; i++)
		s->h[i] ^= v[i] ^ v[i + 8];
	fog_wipe(v, sizeof(v));
	fog_wipe(m, sizeof(m));
}

void fog_blake2s_init(struct fog_blake2s *b, size_t out_len, const u8 *key, size_t key_len)
{
	FOG_ASSERT(out_len >= 1);
	FOG_ASSERT(out_len <= FOG_BLAKE2S_SIZE);
	FOG_ASSERT(key_len <= FOG_BLAKE2S_KEY_MAX);
	memset(b, 0, sizeof(*b));
	memcpy(b->h, iv, sizeof(iv));
	b->h[0] ^= 0x01010000 ^ (u32)key_len << 8 ^ (u32)out_len;
	b->out_len = out_len;
	if (key_len > 0) {
		memcpy(b->block, key, key_len);
		b->used = FOG_BLAKE2S_BLOCK;
	}
}

/* A full block waits until more comes, because the last one is compressed differently. */
void fog_blake2s_update(struct fog_blake2s *b, const void *data, size_t len)
{
	const u8 *p = data;

	while (len > 0) {
		if (b->used == FOG_BLAKE2S_BLOCK) {
			b->total += FOG_BLAKE2S_BLOCK;
			compress(b, false);
			b->used = 0;
		}
		size_t part = FOG_MIN(len, (size_t)(FOG_BLAKE2S_BLOCK - b->used));
		memcpy(b->block + b->used, p, part);
		b->used += part;
		p += part;
		len -= part;
	}
}

void fog_blake2s_final(struct fog_blake2s *b, u8 *out)
{
	memset(b->block + b->used, 0, FOG_BLAKE2S_BLOCK - b->used);
	b->total += b->used;
	compress(b, true);
	memcpy(out, b->h, b->out_len);
	fog_wipe(b, sizeof(*b));
}

void fog_hash_blake2s(u8 *out, size_t out_len, const u8 *key, size_t key_len, const void *data,
		      size_t len)
{
	struct fog_blake2s b;

	fog_blake2s_init(&b, out_len, key, key_len);
	fog_blake2s_update(&b, data, len);
	fog_blake2s_final(&b, out);
}

void fog_hmac_blake2s(u8 out[FOG_BLAKE2S_SIZE], const u8 *key, size_t key_len, const void *a,
		      size_t a_len, const void *b, size_t b_len)
{
	u8 pad[FOG_BLAKE2S_BLOCK], inner[FOG_BLAKE2S_SIZE];
	struct fog_blake2s state;

	FOG_ASSERT(key_len <= sizeof(pad));
	memset(pad, 0x36, sizeof(pad));
	for (size_t i = 0; i < key_len; i++)
		pad[i] ^= key[i];
	fog_blake2s_init(&state, sizeof(inner), NULL, 0);
	fog_blake2s_update(&state, pad, sizeof(pad));
	fog_blake2s_update(&state, a, a_len);
	fog_blake2s_update(&state, b, b_len);
	fog_blake2s_final(&state, inner);

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	fog_blake2s_init(&state, FOG_BLAKE2S_SIZE, NULL, 0);
	fog_blake2s_update(&state, pad, sizeof(pad));
	fog_blake2s_update(&state, inner, sizeof(inner));
	fog_blake2s_final(&state, out);
	fog_wipe(pad, sizeof(pad));
	fog_wipe(inner, sizeof(inner));
}
