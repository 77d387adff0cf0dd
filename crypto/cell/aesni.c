/* SPDX-License-Identifier: BSD-3-Clause */
/* The AES-NI and PCLMULQDQ path. On other CPUs than x86-64 it exists and is never supported. */
#include "crypto/cell/cipher.h"

#include "crypto/cell/cell.h"
#include "crypto/mem.h"

#if defined(__x86_64__)

#include "crypto/cell/x86.h"

#define WIDE 8 /* counter blocks in flight: hides the latency of AESENC */

static bool supported(void)
{
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul") &&
	       __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.2");
}

/* The four words of a round key are a running sum; `word` is the substituted one, in all lanes. */
FOG_X86_AESNI static __m128i expand_step(__m128i key, __m128i word)
{
	key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
	key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
	return _mm_xor_si128(key, word);
}

/* The round constant is xored by hand because AESKEYGENASSIST wants it at compile time. */
FOG_X86_AESNI static void aes_expand(u8 (*round)[16], unsigned rounds, const u8 *key)
{
	__m128i even = load(key), odd = rounds == FOG_AES256_ROUNDS ? load(key + 16) : even;
	u32 constant = 1;

	FOG_ASSERT(rounds == FOG_AES128_ROUNDS || rounds == FOG_AES256_ROUNDS);
	store(round[0], even);
	for (unsigned r = 1; r <= rounds; r++) {
		if (rounds == FOG_AES256_ROUNDS && r == 1) {
			store(round[1], odd);
			continue;
		}
		__m128i word = _mm_aeskeygenassist_si128(odd, 0);
		if (rounds == FOG_AES256_ROUNDS && r % 2 == 1) {
			odd = expand_step(
				odd, _mm_shuffle_epi32(_mm_aeskeygenassist_si128(even, 0), 0xaa));
			store(round[r], odd);
			continue;
		}
		word = _mm_xor_si128(_mm_shuffle_epi32(word, 0xff), _mm_set1_epi32(constant));
		even = expand_step(even, word);
		store(round[r], even);
		constant = constant << 1 ^ (constant >> 7) * 0x11b;
		if (rounds == FOG_AES128_ROUNDS)
			odd = even;
	}
}

FOG_X86_AESNI static void aes_encrypt(const u8 (*round)[16], unsigned rounds, const u8 in[16],
				      u8 out[16])
{
	__m128i x = _mm_xor_si128(load(in), load(round[0]));

	for (unsigned r = 1; r < rounds; r++)
		x = _mm_aesenc_si128(x, load(round[r]));
	store(out, _mm_aesenclast_si128(x, load(round[rounds])));
}

FOG_X86_AESNI static void aes_decrypt(const u8 (*round)[16], unsigned rounds, const u8 in[16],
				      u8 out[16])
{
	__m128i x = _mm_xor_si128(load(in), load(round[rounds]));

	for (unsigned r = rounds - 1; r > 0; r--)
		x = _mm_aesdec_si128(x, _mm_aesimc_si128(load(round[r])));
	store(out, _mm_aesdeclast_si128(x, load(round[0])));
}

FOG_X86_AESNI static inline void ctr_wide(const u8 (*round)[16], unsigned rounds, __m128i base,
					  __m128i stream[WIDE])
{
	__m128i key = load(round[0]);

	for (unsigned k = 0; k < WIDE; k++)
		stream[k] = _mm_xor_si128(counter_block(base, k), key);
	for (unsigned r = 1; r < rounds; r++) {
		key = load(round[r]);
		for (unsigned k = 0; k < WIDE; k++)
			stream[k] = _mm_aesenc_si128(stream[k], key);
	}
	key = load(round[rounds]);
	for (unsigned k = 0; k < WIDE; k++)
		stream[k] = _mm_aesenclast_si128(stream[k], key);
}

FOG_X86_AESNI static void aes_ctr(const u8 (*round)[16], unsigned rounds, const u8 counter[16],
				  const u8 *in, u8 *out, size_t len)
{
	__m128i base = byte_reverse(load(counter)), stream[WIDE];
	u8 tail[WIDE * 16];

	while (len >= sizeof(tail)) {
		ctr_wide(round, rounds, base, stream);
		for (unsigned k = 0; k < WIDE; k++)
			store(out + 16 * k, _mm_xor_si128(load(in + 16 * k), stream[k]));
		base = counter_add(base, WIDE);
		in += sizeof(tail);
		out += sizeof(tail);
		len -= sizeof(tail);
	}
	if (len == 0)
		return;
	ctr_wide(round, rounds, base, stream);
	for (unsigned k = 0; k < WIDE; k++)
		store(tail + 16 * k, stream[k]);
	for (size_t i = 0; i < len; i++)
		out[i] = in[i] ^ tail[i];
	fog_wipe(tail, sizeof(tail));
}

FOG_X86_AESNI static void hash_powers(u8 (*power)[16], const u8 h[16])
{
	__m128i base = load(h), e = base;

	for (unsigned i = FOG_UIV_POWERS; i-- > 0; e = dot(e, base))
		store(power[i], e);
}

/* Sixteen products share one reduction. A first short group is aligned to the end of the powers. */
FOG_X86_AESNI static void hash_update(const u8 (*power)[16], u8 acc[16], const u8 *blocks,
				      size_t count)
{
	__m128i e = load(acc);
	size_t part = count % FOG_UIV_POWERS;

	if (part == 0)
		part = FOG_MIN(count, FOG_UIV_POWERS);
	for (size_t i = 0; i < count; part = FOG_UIV_POWERS) {
		const u8(*h)[16] = power + FOG_UIV_POWERS - part;
		struct product p = product_zero();
		for (size_t k = 0; k < part; k++, i++) {
			product_add(&p, _mm_xor_si128(e, load(blocks + 16 * i)), load(h[k]));
			e = _mm_setzero_si128();
		}
		e = product_reduce(&p);
	}
	store(acc, e);
}

FOG_X86_AESNI static void hash_dot(u8 out[16], const u8 a[16], const u8 b[16])
{
	store(out, dot(load(a), load(b)));
}

const struct fog_cipher fog_cipher_aesni = {
	.name = "aesni",
	.supported = supported,
	.aes_expand = aes_expand,
	.aes_encrypt = aes_encrypt,
	.aes_decrypt = aes_decrypt,
	.aes_ctr = aes_ctr,
	.hash_powers = hash_powers,
	.hash_update = hash_update,
	.hash_dot = hash_dot,
};

#else

static bool supported(void)
{
	return false;
}

const struct fog_cipher fog_cipher_aesni = {.name = "aesni", .supported = supported};

#endif
