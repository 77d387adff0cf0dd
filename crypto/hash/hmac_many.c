/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hash/hmac_many.h"

#include "crypto/cell/cipher.h"
#include "crypto/hash/hash.h"
#include "crypto/hash/sha256_lanes.h"
#include "crypto/mem.h"

#define LANES FOG_SHA256_LANES
#define BLOCK 64

struct states {
	u32 word[8][LANES];
};

/* Keyed inner and outer states of sixteen HMACs. */
struct keyed {
	struct states inner, outer;
};

static const u32 initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static void key_one(struct states *s, const u8 *const *key, u8 fill)
{
	u8 block[LANES][BLOCK];
	const u8 *at[LANES];

	for (unsigned k = 0; k < LANES; k++) {
		memset(block[k], fill, BLOCK);
		for (unsigned i = 0; i < 32; i++)
			block[k][i] ^= key[k][i];
		at[k] = block[k];
		for (unsigned w = 0; w < 8; w++)
			s->word[w][k] = initial[w];
	}
	fog_cipher->sha256_sixteen(s->word, at);
	fog_wipe(block, sizeof(block));
}

static void keyed_init(struct keyed *h, const u8 *const *key)
{
	key_one(&h->inner, key, 0x36);
	key_one(&h->outer, key, 0x5c);
}

static void digest_out(u8 *out, const struct states *s, unsigned k)
{
	for (unsigned w = 0; w < 8; w++)
		fog_store_u32(out + 4 * w, __builtin_bswap32(s->word[w][k]));
}

/* Takes the inner states to the end of the HMACs. */
static void keyed_finish(const struct keyed *h, const struct states *inner, struct states *out)
{
	u8 block[LANES][BLOCK];
	const u8 *at[LANES];

	for (unsigned k = 0; k < LANES; k++) {
		memset(block[k], 0, BLOCK);
		digest_out(block[k], inner, k);
		block[k][32] = 0x80;
		fog_store_u64(block[k] + BLOCK - 8, __builtin_bswap64(8 * (BLOCK + 32)));
		at[k] = block[k];
	}
	*out = h->outer;
	fog_cipher->sha256_sixteen(out->word, at);
	fog_wipe(block, sizeof(block));
}

/* Absorbs messages of `len` bytes with their padding. */
static void absorb(struct states *s, const u8 *const *data, size_t len)
{
	u8 block[LANES][BLOCK];
	const u8 *at[LANES];
	size_t done = 0;

	for (; len - done >= BLOCK; done += BLOCK) {
		for (unsigned k = 0; k < LANES; k++)
			at[k] = data[k] + done;
		fog_cipher->sha256_sixteen(s->word, at);
	}
	for (unsigned k = 0; k < LANES; k++) {
		memset(block[k], 0, BLOCK);
		memcpy(block[k], data[k] + done, len - done);
		block[k][len - done] = 0x80;
		at[k] = block[k];
	}
	if (len - done + 9 > BLOCK) {
		fog_cipher->sha256_sixteen(s->word, at);
		memset(block, 0, sizeof(block));
	}
	for (unsigned k = 0; k < LANES; k++)
		fog_store_u64(block[k] + BLOCK - 8, __builtin_bswap64(8 * (u64)(BLOCK + len)));
	fog_cipher->sha256_sixteen(s->word, at);
	fog_wipe(block, sizeof(block));
}

static void hmac_sixteen(u8 (*out)[32], const u8 *const *key, const u8 *const *data, size_t len,
			 unsigned count)
{
	const u8 *keys[LANES], *texts[LANES];
	struct states inner, done;
	struct keyed h;

	for (unsigned k = 0; k < LANES; k++) {
		keys[k] = key[k < count ? k : 0];
		texts[k] = data[k < count ? k : 0];
	}
	keyed_init(&h, keys);
	inner = h.inner;
	absorb(&inner, texts, len);
	keyed_finish(&h, &inner, &done);
	for (unsigned k = 0; k < count; k++)
		digest_out(out[k], &done, k);
	fog_wipe(&h, sizeof(h));
	fog_wipe(&inner, sizeof(inner));
}

void fog_hmac_sha256_many(u8 (*out)[32], const u8 *const *key, const u8 *const *data, size_t len,
			  unsigned count)
{
	unsigned i = 0;

	if (fog_cipher->sha256_sixteen != NULL)
		for (; count - i > 1; i += FOG_MIN(count - i, LANES))
			hmac_sixteen(out + i, key + i, data + i, len, FOG_MIN(count - i, LANES));
	for (; i < count; i++)
		fog_hmac_sha256(out[i], key[i], 32, data[i], len);
}

/* T(n) = HMAC(prk, T(n - 1) | info | n) */
static void expand_sixteen(u8 *out, size_t stride, unsigned blocks, const u8 (*prk)[32],
			   const char *info, unsigned count)
{
	size_t info_len = strlen(info);
	u8 text[LANES][32 + FOG_HKDF_INFO_MAX + 1];
	const u8 *keys[LANES], *texts[LANES];
	struct states inner, done;
	struct keyed h;

	for (unsigned k = 0; k < LANES; k++) {
		keys[k] = prk[k < count ? k : 0];
		memcpy(text[k] + 32, info, info_len);
	}
	keyed_init(&h, keys);
	for (unsigned n = 1; n <= blocks; n++) {
		for (unsigned k = 0; k < LANES; k++) {
			text[k][32 + info_len] = (u8)n;
			texts[k] = n == 1 ? text[k] + 32 : text[k];
		}
		inner = h.inner;
		absorb(&inner, texts, info_len + 1 + (n == 1 ? 0 : 32));
		keyed_finish(&h, &inner, &done);
		for (unsigned k = 0; k < LANES; k++)
			digest_out(text[k], &done, k);
		for (unsigned k = 0; k < count; k++)
			memcpy(out + k * stride + 32 * (n - 1), text[k], 32);
	}
	fog_wipe(&h, sizeof(h));
	fog_wipe(&inner, sizeof(inner));
	fog_wipe(text, sizeof(text));
}

static void expand_one(u8 *out, unsigned blocks, const u8 prk[32], const char *info)
{
	size_t info_len = strlen(info);
	u8 text[32 + FOG_HKDF_INFO_MAX + 1];

	memcpy(text + 32, info, info_len);
	for (unsigned n = 1; n <= blocks; n++) {
		size_t skip = n == 1 ? 32 : 0;
		text[32 + info_len] = (u8)n;
		fog_hmac_sha256(text, prk, 32, text + skip, 32 - skip + info_len + 1);
		memcpy(out + 32 * (n - 1), text, 32);
	}
	fog_wipe(text, sizeof(text));
}

void fog_hkdf_sha256_expand_many(u8 *out, size_t stride, unsigned blocks, const u8 (*prk)[32],
				 const char *info, unsigned count)
{
	unsigned i = 0;

	FOG_ASSERT(strlen(info) <= FOG_HKDF_INFO_MAX);
	FOG_ASSERT(blocks >= 1 && blocks <= 255);
	if (fog_cipher->sha256_sixteen != NULL)
		for (; count - i > 1; i += FOG_MIN(count - i, LANES))
			expand_sixteen(out + i * stride, stride, blocks, prk + i, info,
				       FOG_MIN(count - i, LANES));
	for (; i < count; i++)
		expand_one(out + i * stride, blocks, prk[i], info);
}
