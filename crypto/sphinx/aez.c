/* SPDX-License-Identifier: BSD-3-Clause */
/* Names follow the paper: E(j, i) is AES4 under the offset j J + (i mod 8) L + 2^ceil(i/8) I, or
 * AES10 under i L for j = -1. A pair is two blocks (L, R) of the message. */
#include "crypto/sphinx/aez.h"

#include "crypto/cell/cipher.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#include <errno.h>

#define CHUNK 32 /* pairs that go through a pass together: fills the AES unit, stays in L1 */

#define I(z) ((z)->four[1])
#define J(z) ((z)->four[0])
#define L(z) ((z)->four[2])

/* A block anywhere in memory. */
typedef u64 two __attribute__((vector_size(16), aligned(1), may_alias));

static inline void xor_into(u8 *to, const u8 *a, const u8 *b)
{
	*(two *)to = *(const two *)a ^ *(const two *)b;
}

static inline void xor_block(u8 *to, const u8 *from)
{
	xor_into(to, to, from);
}

/* Times 2 in the field of x^128 + x^7 + x^2 + x + 1, first byte highest. */
static void double_block(u8 b[16])
{
	u64 high = __builtin_bswap64(fog_load_u64(b));
	u64 low = __builtin_bswap64(fog_load_u64(b + 8));
	u64 carry = high >> 63;

	high = high << 1 | low >> 63;
	low = low << 1 ^ (carry * 0x87);
	fog_store_u64(b, __builtin_bswap64(high));
	fog_store_u64(b + 8, __builtin_bswap64(low));
}

/* out = x times b; x is public. */
static void times(u8 out[16], u64 x, const u8 b[16])
{
	u8 power[16];

	memcpy(power, b, 16);
	memset(out, 0, 16);
	for (; x != 0; x >>= 1) {
		if (x & 1)
			xor_block(out, power);
		double_block(power);
	}
	fog_wipe(power, sizeof(power));
}

void fog_aez_init(struct fog_aez *z, const void *key, size_t key_len)
{
	u8 k[FOG_AEZ_KEY_SIZE];

	if (key_len == FOG_AEZ_KEY_SIZE)
		memcpy(k, key, key_len);
	else
		fog_hash_blake2b(k, sizeof(k), NULL, 0, key, key_len);
	memcpy(I(z), k, 16);
	memcpy(J(z), k + 16, 16);
	memcpy(L(z), k + 32, 16);
	memset(z->four[3], 0, 16);
	for (unsigned r = 0; r < 10; r++)
		memcpy(z->ten[r], k + 16 * (r % 3), 16);
	memcpy(z->i_twice, I(z), 16);
	double_block(z->i_twice);
	memset(z->l_multiple[0], 0, 16);
	for (unsigned i = 1; i < 8; i++) {
		memcpy(z->l_multiple[i], z->l_multiple[i / 2], 16);
		if (i == 1)
			memcpy(z->l_multiple[1], L(z), 16);
		else
			double_block(z->l_multiple[i]);
		if (i > 1 && i % 2 == 1)
			xor_block(z->l_multiple[i], L(z));
	}
	fog_wipe(k, sizeof(k));
}

static void offset(const struct fog_aez *z, unsigned j, u64 i, u8 out[16])
{
	u8 t[16];

	times(out, j, J(z));
	xor_block(out, z->l_multiple[i % 8]);
	memcpy(t, I(z), 16);
	for (u64 n = (i + 7) / 8; n > 0; n--)
		double_block(t);
	xor_block(out, t);
	fog_wipe(t, sizeof(t));
}

/* out = E(j, i) of in; they may be one. */
static void four(const struct fog_aez *z, unsigned j, u64 i, const u8 in[16], u8 out[16])
{
	u8 block[1][16];

	offset(z, j, i, block[0]);
	xor_block(block[0], in);
	fog_cipher->aes_rounds(z->four, 4, block, 1);
	memcpy(out, block[0], 16);
}

/* out = E(-1, i) of in. */
static void ten(const struct fog_aez *z, unsigned i, const u8 in[16], u8 out[16])
{
	u8 block[1][16];

	xor_into(block[0], in, z->l_multiple[i]);
	fog_cipher->aes_rounds(z->ten, 10, block, 1);
	memcpy(out, block[0], 16);
}

static void pad(u8 block[16], const void *data, size_t len)
{
	memset(block, 0, 16);
	memcpy(block, data, len);
	block[len] = 0x80;
}

/* sum += hash of one element of the tweak. */
static void hash_text(const struct fog_aez *z, unsigned j, const u8 *data, size_t len, u8 sum[16])
{
	u8 block[16];
	u64 i = 1;

	for (; len >= 16; i++, data += 16, len -= 16) {
		four(z, j, i, data, block);
		xor_block(sum, block);
	}
	if (len > 0 || i == 1) {
		pad(block, len > 0 ? data : (const u8 *)"", len);
		four(z, j, 0, block, block);
		xor_block(sum, block);
	}
}

void fog_aez_hash(const struct fog_aez *z, u32 tau_bits, const void *nonce, size_t nonce_len,
		  const struct fog_aez_text *ad, unsigned ad_count, u8 delta[16])
{
	u8 block[16] = {0};

	fog_store_u32(block + 12, __builtin_bswap32(tau_bits));
	four(z, 3, 1, block, delta);
	hash_text(z, 4, nonce, nonce_len, delta);
	for (unsigned k = 0; k < ad_count; k++)
		hash_text(z, 5 + k, ad[k].data, ad[k].len, delta);
}

void fog_aez_prf(const struct fog_aez *z, const u8 delta[16], u8 *out, size_t len)
{
	u8 block[16];

	for (u64 n = 0; len > 0; n++) {
		size_t part = FOG_MIN(len, (size_t)16);
		memset(block, 0, 16);
		fog_store_u64(block + 8, __builtin_bswap64(n));
		xor_block(block, delta);
		ten(z, 3, block, block);
		memcpy(out, block, part);
		out += part;
		len -= part;
	}
}

/* Offsets (i mod 8) L + 2^ceil(i/8) I of the pairs first, first + 1 .., from 1. */
struct offsets {
	u8 power[16]; /* 2^ceil(next/8) I */
	u64 next;
};

static void offsets_start(const struct fog_aez *z, struct offsets *o)
{
	memcpy(o->power, z->i_twice, 16);
	o->next = 1;
}

static void offsets_fill(const struct fog_aez *z, struct offsets *o, u8 (*out)[16], size_t count)
{
	for (size_t k = 0; k < count; k++) {
		xor_into(out[k], z->l_multiple[o->next % 8], o->power);
		if (o->next++ % 8 == 0)
			double_block(o->power);
	}
}

/* First pass over the pairs, in place; x sums their right halves. */
static void pass_one(const struct fog_aez *z, u8 *data, size_t pairs, u8 x[16])
{
	u8 t[CHUNK][16], d[CHUNK][16];
	struct offsets o;

	offsets_start(z, &o);
	while (pairs > 0) {
		unsigned n = (unsigned)FOG_MIN(pairs, (size_t)CHUNK);
		offsets_fill(z, &o, d, n);
		for (unsigned k = 0; k < n; k++) {
			xor_into(t[k], data + 32 * k + 16, d[k]);
			xor_block(t[k], J(z));
		}
		fog_cipher->aes_rounds(z->four, 4, t, n);
		for (unsigned k = 0; k < n; k++) {
			xor_block(data + 32 * k, t[k]);
			xor_into(t[k], data + 32 * k, I(z));
		}
		fog_cipher->aes_rounds(z->four, 4, t, n);
		for (unsigned k = 0; k < n; k++) {
			xor_block(data + 32 * k + 16, t[k]);
			xor_block(x, data + 32 * k + 16);
		}
		data += 32 * n;
		pairs -= n;
	}
	fog_wipe(t, sizeof(t));
	fog_wipe(d, sizeof(d));
}

/* Second pass, under s; y sums the left halves on the way. */
static void pass_two(const struct fog_aez *z, u8 *data, size_t pairs, const u8 s[16], u8 y[16])
{
	u8 t[CHUNK][16], d[CHUNK][16], base[16];
	struct offsets o;

	offsets_start(z, &o);
	times(base, 2, J(z));
	xor_block(base, s);
	while (pairs > 0) {
		unsigned n = (unsigned)FOG_MIN(pairs, (size_t)CHUNK);
		offsets_fill(z, &o, d, n);
		for (unsigned k = 0; k < n; k++)
			xor_into(t[k], base, d[k]);
		fog_cipher->aes_rounds(z->four, 4, t, n);
		for (unsigned k = 0; k < n; k++) {
			xor_block(data + 32 * k, t[k]);
			xor_block(data + 32 * k + 16, t[k]);
			xor_block(y, data + 32 * k);
			xor_into(t[k], data + 32 * k + 16, I(z));
		}
		fog_cipher->aes_rounds(z->four, 4, t, n);
		for (unsigned k = 0; k < n; k++) {
			xor_block(data + 32 * k, t[k]);
			xor_into(t[k], data + 32 * k, d[k]);
			xor_block(t[k], J(z));
		}
		fog_cipher->aes_rounds(z->four, 4, t, n);
		for (unsigned k = 0; k < n; k++) {
			xor_block(t[k], data + 32 * k + 16);
			memcpy(data + 32 * k + 16, data + 32 * k, 16);
			memcpy(data + 32 * k, t[k], 16);
		}
		data += 32 * n;
		pairs -= n;
	}
	fog_wipe(t, sizeof(t));
	fog_wipe(d, sizeof(d));
}

/* sum += hash of the fragment between the pairs and the last two blocks. */
static void fragment_hash(const struct fog_aez *z, const u8 *data, size_t len, u8 sum[16])
{
	u8 block[16];
	unsigned i = 4;

	if (len >= 16) {
		four(z, 0, i++, data, block);
		xor_block(sum, block);
		data += 16;
		len -= 16;
	} else if (len == 0) {
		return;
	}
	pad(block, data, len);
	four(z, 0, i, block, block);
	xor_block(sum, block);
}

static void fragment_mask(const struct fog_aez *z, u8 *data, size_t len, const u8 s[16])
{
	u8 block[16];

	for (unsigned i = 4; len > 0; i++) {
		size_t part = FOG_MIN(len, (size_t)16);
		ten(z, i, s, block);
		for (size_t k = 0; k < part; k++)
			data[k] ^= block[k];
		data += part;
		len -= part;
	}
}

static void core(const struct fog_aez *z, const u8 delta[16], unsigned d, u8 *data, size_t len)
{
	size_t pairs = (len - 32) / 32, rest = (len - 32) % 32;
	u8 x[16] = {0}, y[16] = {0}, s[16], t[16];
	u8 *fragment = data + 32 * pairs, *last = fragment + rest;

	pass_one(z, data, pairs, x);
	fragment_hash(z, fragment, rest, x);
	four(z, 0, 1 + d, last + 16, t);
	xor_block(last, x);
	xor_block(last, delta);
	xor_block(last, t);
	ten(z, 1 + d, last, t);
	xor_block(last + 16, t);
	xor_into(s, last, last + 16);
	pass_two(z, data, pairs, s, y);
	fragment_mask(z, fragment, rest, s);
	fragment_hash(z, fragment, rest, y);
	ten(z, 2 - d, last + 16, t);
	xor_block(last, t);
	four(z, 0, 2 - d, last, t);
	xor_block(t, last + 16);
	xor_block(t, delta);
	xor_block(t, y);
	memcpy(last + 16, last, 16);
	memcpy(last, t, 16);
	fog_wipe(s, sizeof(s));
}

/* The two halves of a message shorter than 32 bytes; they may meet inside a byte. */
struct halves {
	u8 l[16], r[16];
	unsigned size; /* bytes touched of each */
	u8 mask, pad;  /* of the last byte */
	unsigned last;
};

static void halves_split(struct halves *h, const u8 *data, unsigned len)
{
	memset(h, 0, sizeof(*h));
	h->size = (len + 1) / 2;
	h->last = len / 2;
	h->pad = len & 1 ? 0x08 : 0x80;
	h->mask = len & 1 ? 0xf0 : 0x00;
	memcpy(h->l, data, h->size);
	memcpy(h->r, data + len / 2, h->size);
	if (len & 1) {
		for (unsigned k = 0; k < len / 2; k++)
			h->r[k] = (u8)(h->r[k] << 4 | h->r[k + 1] >> 4);
		h->r[len / 2] = (u8)(h->r[len / 2] << 4);
	}
}

static void halves_join(const struct halves *h, u8 *data, unsigned len)
{
	u8 out[32] = {0};

	memcpy(out, h->r, len / 2);
	memcpy(out + len / 2, h->l, h->size);
	if (len & 1) {
		for (unsigned k = len - 1; k > len / 2; k--)
			out[k] = (u8)(out[k] >> 4 | out[k - 1] << 4);
		out[len / 2] = (u8)(h->l[0] >> 4 | (h->r[len / 2] & 0xf0));
	}
	memcpy(data, out, len);
}

/* to ^= F(from) of the round with this number. */
static void tiny_round(const struct fog_aez *z, const u8 delta[16], const struct halves *h,
		       u8 to[16], const u8 from[16], unsigned i, unsigned number)
{
	u8 block[16] = {0};

	memcpy(block, from, h->size);
	block[h->last] = (u8)((block[h->last] & h->mask) | h->pad);
	xor_block(block, delta);
	block[15] ^= (u8)number;
	four(z, 0, i, block, block);
	xor_block(to, block);
}

/* Messages below 16 bytes could only reach even permutations without this bit. */
static u8 tiny_parity(const struct fog_aez *z, const u8 delta[16], const u8 *data, unsigned len)
{
	u8 block[16] = {0};

	memcpy(block, data, len);
	block[0] |= 0x80;
	xor_block(block, delta);
	four(z, 0, 3, block, block);
	return block[0] & 0x80;
}

static void tiny(const struct fog_aez *z, const u8 delta[16], bool backward, u8 *data, unsigned len)
{
	unsigned i = len < 16 ? 7 : 6;
	unsigned rounds = len == 1 ? 24 : len == 2 ? 16 : len < 16 ? 10 : 8;
	struct halves h;

	halves_split(&h, data, len);
	if (backward && len < 16)
		h.l[0] ^= tiny_parity(z, delta, data, len);
	for (unsigned k = 0; k < rounds; k += 2) {
		unsigned first = backward ? rounds - 1 - k : k;
		unsigned second = backward ? first - 1 : first + 1;
		tiny_round(z, delta, &h, h.l, h.r, i, first);
		tiny_round(z, delta, &h, h.r, h.l, i, second);
	}
	halves_join(&h, data, len);
	if (!backward && len < 16)
		data[0] ^= tiny_parity(z, delta, data, len);
	fog_wipe(&h, sizeof(h));
}

void fog_aez_encipher(const struct fog_aez *z, const u8 delta[16], u8 *data, size_t len)
{
	if (len >= 32)
		core(z, delta, 0, data, len);
	else if (len > 0)
		tiny(z, delta, false, data, (unsigned)len);
}

void fog_aez_decipher(const struct fog_aez *z, const u8 delta[16], u8 *data, size_t len)
{
	if (len >= 32)
		core(z, delta, 1, data, len);
	else if (len > 0)
		tiny(z, delta, true, data, (unsigned)len);
}

void fog_aez_encrypt(const struct fog_aez *z, const void *nonce, size_t nonce_len,
		     const struct fog_aez_text *ad, unsigned ad_count, unsigned tau, const u8 *in,
		     size_t len, u8 *out)
{
	u8 delta[16];

	FOG_ASSERT(tau <= FOG_AEZ_TAU_MAX);
	FOG_ASSERT(ad_count <= FOG_AEZ_AD_MAX);
	fog_aez_hash(z, 8 * tau, nonce, nonce_len, ad, ad_count, delta);
	if (len == 0) {
		fog_aez_prf(z, delta, out, tau);
		return;
	}
	memmove(out, in, len);
	memset(out + len, 0, tau);
	fog_aez_encipher(z, delta, out, len + tau);
}

int fog_aez_decrypt(const struct fog_aez *z, const void *nonce, size_t nonce_len,
		    const struct fog_aez_text *ad, unsigned ad_count, unsigned tau, u8 *data,
		    size_t len)
{
	u8 delta[16], tag[FOG_AEZ_TAU_MAX];
	bool good;

	FOG_ASSERT(tau <= FOG_AEZ_TAU_MAX);
	FOG_ASSERT(ad_count <= FOG_AEZ_AD_MAX);
	if (len < tau)
		return -EBADMSG;
	fog_aez_hash(z, 8 * tau, nonce, nonce_len, ad, ad_count, delta);
	if (len == tau) {
		fog_aez_prf(z, delta, tag, tau);
		good = fog_equal(tag, data, tau);
	} else {
		fog_aez_decipher(z, delta, data, len);
		good = fog_is_zero(data + len - tau, tau);
	}
	if (good)
		return 0;
	memset(data, 0, len);
	return -EBADMSG;
}
