/* SPDX-License-Identifier: BSD-3-Clause */
/* The portable path: POLYVAL by integer multiplication, AES by bit slicing. Assumes that the CPU's
 * 64 x 64 -> 128 multiplication takes the same time for all operands, as x86-64 and 64-bit Arm do.
 */
#include "crypto/cell/cipher.h"

#include "crypto/cell/aes_portable.h"
#include "crypto/cell/uiv.h"
#include "crypto/hash/blake2x.h"

__extension__ typedef unsigned __int128 u128;

struct element {
	u64 low, high;
};

static inline struct element element_load(const u8 p[16])
{
	return (struct element){fog_load_u64(p), fog_load_u64(p + 8)};
}

static inline void element_store(u8 p[16], struct element e)
{
	fog_store_u64(p, e.low);
	fog_store_u64(p + 8, e.high);
}

/* Carry-less product. Each operand is split into four with a bit in every fourth place; in their
 * integer products at most 15 ones meet in a place, so carries stay inside its four bits. 16 would
 * overflow, therefore the top four bits of y are handled apart. */
static inline u128 product(u64 x, u64 y)
{
	const u64 m = 0x1111111111111111ull;
	const u128 wide = (u128)m << 64 | m;
	u64 low = y & (UINT64_MAX >> 4);
	u64 a0 = x & m, a1 = x & m << 1, a2 = x & m << 2, a3 = x & m << 3;
	u64 b0 = low & m, b1 = low & m << 1, b2 = low & m << 2, b3 = low & m << 3;
	u128 z0 = (u128)a0 * b0 ^ (u128)a1 * b3 ^ (u128)a2 * b2 ^ (u128)a3 * b1;
	u128 z1 = (u128)a0 * b1 ^ (u128)a1 * b0 ^ (u128)a2 * b3 ^ (u128)a3 * b2;
	u128 z2 = (u128)a0 * b2 ^ (u128)a1 * b1 ^ (u128)a2 * b0 ^ (u128)a3 * b3;
	u128 z3 = (u128)a0 * b3 ^ (u128)a1 * b2 ^ (u128)a2 * b1 ^ (u128)a3 * b0;
	u128 z = (z0 & wide) | (z1 & wide << 1) | (z2 & wide << 2) | (z3 & wide << 3);

	for (unsigned bit = 60; bit < 64; bit++)
		z ^= (u128)(x & -(y >> bit & 1)) << bit;
	return z;
}

/* x * (x^63 + x^62 + x^57), the constant of the reduction, needs shifts only. */
static inline u128 fold(u64 x)
{
	return (u128)x << 63 ^ (u128)x << 62 ^ (u128)x << 57;
}

/* Karatsuba, then the Montgomery reduction of Gueron ("AES-GCM-SIV", 2017). */
static inline struct element dot(struct element a, struct element b)
{
	u128 low = product(a.low, b.low);
	u128 high = product(a.high, b.high);
	u128 middle = product(a.low ^ a.high, b.low ^ b.high) ^ low ^ high;
	u128 t;

	low ^= middle << 64;
	high ^= middle >> 64;
	t = fold((u64)low);
	low = (low >> 64 | low << 64) ^ t;
	t = fold((u64)low);
	low = (low >> 64 | low << 64) ^ t;
	high ^= low;
	return (struct element){(u64)high, (u64)(high >> 64)};
}

static void hash_powers(u8 (*power)[16], const u8 h[16])
{
	struct element base = element_load(h), e = base;

	for (unsigned i = FOG_UIV_POWERS; i-- > 0; e = dot(e, base))
		element_store(power[i], e);
}

static void hash_update(const u8 (*power)[16], u8 acc[16], const u8 *blocks, size_t count)
{
	struct element h = element_load(power[FOG_UIV_POWERS - 1]), e = element_load(acc);

	for (size_t i = 0; i < count; i++) {
		struct element block = element_load(blocks + 16 * i);
		e.low ^= block.low;
		e.high ^= block.high;
		e = dot(e, h);
	}
	element_store(acc, e);
}

static void hash_dot(u8 out[16], const u8 a[16], const u8 b[16])
{
	element_store(out, dot(element_load(a), element_load(b)));
}

static bool supported(void)
{
	return true;
}

const struct fog_cipher fog_cipher_portable = {
	.name = "portable",
	.supported = supported,
	.aes_expand = fog_aes_portable_expand,
	.aes_encrypt = fog_aes_portable_encrypt,
	.aes_decrypt = fog_aes_portable_decrypt,
	.aes_ctr = fog_aes_portable_ctr,
	.aes_rounds = fog_aes_portable_rounds,
	.hash_powers = hash_powers,
	.hash_update = hash_update,
	.hash_dot = hash_dot,
	.blake2b_eight = fog_blake2b_eight,
};
