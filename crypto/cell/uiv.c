/* SPDX-License-Identifier: BSD-3-Clause */
/* UIV+ for any lengths, over the functions of the CPU path in use. */
#include "crypto/cell/uiv.h"

#include "crypto/cell/cipher.h"
#include "crypto/mem.h"

/* POLYVAL over a string given in pieces. */
struct hasher {
	const struct fog_uiv_key *key;
	u8 acc[16];
	u8 block[16];
	size_t used; /* bytes waiting in block */
};

static void hasher_update(struct hasher *h, const u8 *data, size_t len)
{
	size_t whole;

	if (len == 0)
		return; /* data may be NULL */
	if (h->used > 0) {
		size_t part = FOG_MIN(len, sizeof(h->block) - h->used);
		memcpy(h->block + h->used, data, part);
		h->used += part;
		data += part;
		len -= part;
		if (h->used < sizeof(h->block))
			return;
		fog_cipher->hash_update(h->key->hash_power, h->acc, h->block, 1);
		h->used = 0;
	}
	whole = len / 16;
	fog_cipher->hash_update(h->key->hash_power, h->acc, data, whole);
	h->used = len % 16;
	if (h->used > 0)
		memcpy(h->block, data + 16 * whole, h->used);
}

static void hasher_final(struct hasher *h)
{
	if (h->used == 0)
		return;
	memset(h->block + h->used, 0, sizeof(h->block) - h->used);
	fog_cipher->hash_update(h->key->hash_power, h->acc, h->block, 1);
}

static inline void block_xor(u8 out[16], const u8 a[16], const u8 b[16])
{
	fog_store_u64(out, fog_load_u64(a) ^ fog_load_u64(b));
	fog_store_u64(out + 8, fog_load_u64(a + 8) ^ fog_load_u64(b + 8));
}

/* One block of ET under J, the tweak being a | b. */
static void et_crypt(const struct fog_uiv_key *key, bool encrypt, const u8 *a, size_t a_len,
		     const u8 *b, size_t b_len, const u8 in[16], u8 out[16])
{
	struct hasher h = {.key = key};
	u8 block[16];

	hasher_update(&h, a, a_len);
	hasher_update(&h, b, b_len);
	hasher_final(&h);
	block_xor(block, h.acc, in);
	if (encrypt)
		fog_cipher->aes_encrypt(key->left_round, FOG_AES128_ROUNDS, block, block);
	else
		fog_cipher->aes_decrypt(key->left_round, FOG_AES128_ROUNDS, block, block);
	block_xor(out, h.acc, block);
	fog_wipe(&h, sizeof(h));
}

/* The counter starts at a multiple of the longest key stream, so adding to it never carries. */
static void prf_xor(const struct fog_uiv_key *key, const u8 x[16], unsigned offset, const u8 *in,
		    u8 *out, size_t len)
{
	unsigned end = offset + (len + 15) / 16;
	u8 counter[16];

	FOG_ASSERT(end <= FOG_UIV_LONG_BLOCKS);
	fog_cipher->hash_dot(counter, key->right_hash, x);
	counter[15] &= end <= FOG_UIV_SHORT_BLOCKS ? -FOG_UIV_SHORT_BLOCKS : -FOG_UIV_LONG_BLOCKS;
	counter[15] += offset;
	fog_cipher->aes_ctr(key->right_round, FOG_AES128_ROUNDS, counter, in, out, len);
	fog_wipe(counter, sizeof(counter));
}

void fog_uiv_key_init(struct fog_uiv_key *key, const u8 seed[FOG_UIV_SEED_SIZE])
{
	memmove(key->seed, seed, sizeof(key->seed));
	memset(key->pad, 0, sizeof(key->pad));
	fog_cipher->aes_expand(key->left_round, FOG_AES128_ROUNDS, key->seed);
	fog_cipher->hash_powers(key->hash_power, key->seed + 16);
	fog_cipher->aes_expand(key->right_round, FOG_AES128_ROUNDS, key->seed + 32);
	memcpy(key->right_hash, key->seed + 48, sizeof(key->right_hash));
}

void fog_uiv_key_wipe(struct fog_uiv_key *key)
{
	fog_wipe(key, sizeof(*key));
}

void fog_uiv_et_encrypt(const struct fog_uiv_key *key, const void *tweak, size_t tweak_len,
			const u8 in[16], u8 out[16])
{
	et_crypt(key, true, tweak, tweak_len, NULL, 0, in, out);
}

void fog_uiv_et_decrypt(const struct fog_uiv_key *key, const void *tweak, size_t tweak_len,
			const u8 in[16], u8 out[16])
{
	et_crypt(key, false, tweak, tweak_len, NULL, 0, in, out);
}

void fog_uiv_prf(const struct fog_uiv_key *key, const u8 x[16], unsigned offset, u8 *out,
		 size_t len)
{
	u8 block[16];

	memcpy(block, x, sizeof(block));
	memset(out, 0, len);
	prf_xor(key, block, offset, out, out, len);
}

void fog_uiv_encrypt(const struct fog_uiv_key *key, const void *tweak, size_t tweak_len,
		     const u8 *in, u8 *out, size_t len)
{
	size_t right_len = len - FOG_UIV_BLOCK;

	FOG_ASSERT(len >= FOG_UIV_BLOCK);
	FOG_ASSERT(right_len <= FOG_UIV_RIGHT_MAX);
	et_crypt(key, true, tweak, tweak_len, in + FOG_UIV_BLOCK, right_len, in, out);
	prf_xor(key, out, 0, in + FOG_UIV_BLOCK, out + FOG_UIV_BLOCK, right_len);
}

void fog_uiv_decrypt(const struct fog_uiv_key *key, const void *tweak, size_t tweak_len,
		     const u8 *in, u8 *out, size_t len)
{
	size_t right_len = len - FOG_UIV_BLOCK;

	FOG_ASSERT(len >= FOG_UIV_BLOCK);
	FOG_ASSERT(right_len <= FOG_UIV_RIGHT_MAX);
	prf_xor(key, in, 0, in + FOG_UIV_BLOCK, out + FOG_UIV_BLOCK, right_len);
	et_crypt(key, false, tweak, tweak_len, out + FOG_UIV_BLOCK, right_len, in, out);
}

void fog_uiv_update(struct fog_uiv_key *key, u8 nonce[16])
{
	u8 fresh[FOG_UIV_SEED_SIZE + 16];

	fog_uiv_prf(key, nonce, FOG_UIV_UPDATE_OFFSET, fresh, sizeof(fresh));
	fog_uiv_key_init(key, fresh);
	memcpy(nonce, fresh + FOG_UIV_SEED_SIZE, 16);
	fog_wipe(fresh, sizeof(fresh));
}

void fog_aes256_ctr(const u8 key[32], const u8 *in, u8 *out, size_t len)
{
	u8 round[FOG_AES256_ROUNDS + 1][16];
	static const u8 counter[16];

	fog_cipher->aes_expand(round, FOG_AES256_ROUNDS, key);
	fog_cipher->aes_ctr(round, FOG_AES256_ROUNDS, counter, in, out, len);
	fog_wipe(round, sizeof(round));
}
