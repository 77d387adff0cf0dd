/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hash/keccak.h"

#include "crypto/mem.h"

#define ROUNDS 24

static const u64 round_constant[ROUNDS] = {
	0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
	0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
	0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
	0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
	0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
	0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

/* The loops of a round have constant counts; unrolled, every lane has a fixed place and rotation.
 */
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 25")
#endif

static inline u64 rotate_left(u64 x, unsigned by)
{
	return x << by | x >> (-by & 63);
}

/* For lane (x, y) at x + 5 * y: the rotation of rho, and where pi puts it (FIPS 202, 3.2.2, 3.2.3).
 */
static const u8 rotation[25] = {0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
				25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};
static const u8 place[25] = {0,  10, 20, 5, 15, 16, 1,  11, 21, 6, 7,  17, 2,
			     12, 22, 23, 8, 18, 3,  13, 14, 24, 9, 19, 4};

/* One round of Keccak-f[1600], FIPS 202 section 3.2. */
__attribute__((always_inline)) static inline void keccak_round(u64 a[25], u64 constant)
{
	u64 column[5], b[25];

	UNROLL
	for (unsigned x = 0; x < 5; x++)
		column[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
	UNROLL
	for (unsigned i = 0; i < 25; i++) {
		u64 theta = column[(i + 4) % 5] ^ rotate_left(column[(i + 1) % 5], 1);
		b[place[i]] = rotate_left(a[i] ^ theta, rotation[i]);
	}
	UNROLL
	for (unsigned i = 0; i < 25; i++)
		a[i] = b[i] ^ (~b[i - i % 5 + (i + 1) % 5] & b[i - i % 5 + (i + 2) % 5]);
	a[0] ^= constant;
}

void fog_keccak_permute(u64 lane[25])
{
	u64 a[25];

	memcpy(a, lane, sizeof(a));
	for (unsigned r = 0; r < ROUNDS; r++)
		keccak_round(a, round_constant[r]);
	memcpy(lane, a, sizeof(a));
}

static inline void byte_xor(struct fog_keccak *k, unsigned at, u8 byte)
{
	k->lane[at / 8] ^= (u64)byte << (8 * (at % 8));
}

/* suffix: the domain bits and the first padding bit, FIPS 202 section 6. */
static void keccak_pad(struct fog_keccak *k, u8 suffix)
{
	byte_xor(k, k->offset, suffix);
	byte_xor(k, FOG_KECCAK_RATE - 1, 0x80);
	fog_keccak_permute(k->lane);
	k->offset = 0;
	k->squeezing = 1;
}

void fog_keccak_init(struct fog_keccak *k)
{
	memset(k, 0, sizeof(*k));
}

void fog_keccak_update(struct fog_keccak *k, const void *data, size_t len)
{
	const u8 *p = data;

	FOG_ASSERT(!k->squeezing);
	FOG_ASSERT(k->offset < FOG_KECCAK_RATE);
	for (size_t i = 0; i < len; i++) {
		byte_xor(k, k->offset++, p[i]);
		if (k->offset == FOG_KECCAK_RATE) {
			fog_keccak_permute(k->lane);
			k->offset = 0;
		}
	}
}

void fog_shake256_squeeze(struct fog_keccak *k, u8 *out, size_t len)
{
	if (!k->squeezing)
		keccak_pad(k, 0x1f);
	for (size_t i = 0; i < len; i++) {
		if (k->offset == FOG_KECCAK_RATE) {
			fog_keccak_permute(k->lane);
			k->offset = 0;
		}
		out[i] = k->lane[k->offset / 8] >> (8 * (k->offset % 8));
		k->offset++;
	}
}

void fog_sha3_256_final(struct fog_keccak *k, u8 out[FOG_SHA3_256_SIZE])
{
	FOG_ASSERT(!k->squeezing);
	keccak_pad(k, 0x06);
	memcpy(out, k->lane, FOG_SHA3_256_SIZE);
	fog_keccak_wipe(k);
}

void fog_keccak_wipe(struct fog_keccak *k)
{
	fog_wipe(k, sizeof(*k));
}

void fog_hash_sha3_256(u8 out[FOG_SHA3_256_SIZE], const void *data, size_t len)
{
	struct fog_keccak k;

	fog_keccak_init(&k);
	fog_keccak_update(&k, data, len);
	fog_sha3_256_final(&k, out);
}

void fog_hash_shake256(u8 *out, size_t out_len, const void *data, size_t len)
{
	struct fog_keccak k;

	fog_keccak_init(&k);
	fog_keccak_update(&k, data, len);
	fog_shake256_squeeze(&k, out, out_len);
	fog_keccak_wipe(&k);
}
