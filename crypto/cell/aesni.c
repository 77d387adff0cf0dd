/* SPDX-License-Identifier: BSD-3-Clause */
/* The AES-NI and PCLMULQDQ path. On other CPUs than x86-64 it exists and is never supported. */
#include "crypto/cell/cipher.h"

#include "crypto/cell/cell.h"
#include "crypto/mem.h"

#if defined(__x86_64__)

#include "crypto/cell/x86.h"
#include "crypto/gcm/gcm.h"
#include "crypto/hash/blake2x.h"

#define WIDE          8 /* counter blocks in flight: hides the latency of AESENC */
#define STREAM_BLOCKS (FOG_ONION_RIGHT_SIZE / 16)
#define HASH_GROUPS   5 /* of 16 blocks, after the first */
#define HASH_FIRST    6 /* blocks of X_R in the first group */
_Static_assert((HASH_FIRST + HASH_GROUPS * FOG_UIV_POWERS) * 16 == FOG_ONION_RIGHT_SIZE, "hash");

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
FOG_X86_AESNI void fog_aesni_aes_expand(u8 (*round)[16], unsigned rounds, const u8 *key)
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

FOG_X86_AESNI void fog_aesni_aes_encrypt(const u8 (*round)[16], unsigned rounds, const u8 in[16],
					 u8 out[16])
{
	__m128i x = _mm_xor_si128(load(in), load(round[0]));

	for (unsigned r = 1; r < rounds; r++)
		x = _mm_aesenc_si128(x, load(round[r]));
	store(out, _mm_aesenclast_si128(x, load(round[rounds])));
}

FOG_X86_AESNI void fog_aesni_aes_rounds(const u8 (*round)[16], unsigned rounds, u8 (*block)[16],
					unsigned count)
{
	__m128i x[WIDE];
	unsigned i = 0;

	for (; i + WIDE <= count; i += WIDE) {
		FOG_UNROLL
		for (unsigned k = 0; k < WIDE; k++)
			x[k] = load(block[i + k]);
		for (unsigned r = 0; r < rounds; r++) {
			__m128i key = load(round[r]);
			FOG_UNROLL
			for (unsigned k = 0; k < WIDE; k++)
				x[k] = _mm_aesenc_si128(x[k], key);
		}
		FOG_UNROLL
		for (unsigned k = 0; k < WIDE; k++)
			store(block[i + k], x[k]);
	}
	for (; i < count; i++) {
		x[0] = load(block[i]);
		for (unsigned r = 0; r < rounds; r++)
			x[0] = _mm_aesenc_si128(x[0], load(round[r]));
		store(block[i], x[0]);
	}
}

FOG_X86_AESNI void fog_aesni_aes_decrypt(const u8 (*round)[16], unsigned rounds, const u8 in[16],
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

	FOG_UNROLL
	for (unsigned k = 0; k < WIDE; k++)
		stream[k] = _mm_xor_si128(counter_block(base, k), key);
	for (unsigned r = 1; r < rounds; r++) {
		key = load(round[r]);
		FOG_UNROLL
		for (unsigned k = 0; k < WIDE; k++)
			stream[k] = _mm_aesenc_si128(stream[k], key);
	}
	key = load(round[rounds]);
	FOG_UNROLL
	for (unsigned k = 0; k < WIDE; k++)
		stream[k] = _mm_aesenclast_si128(stream[k], key);
}

FOG_X86_AESNI void fog_aesni_aes_ctr(const u8 (*round)[16], unsigned rounds, const u8 counter[16],
				     const u8 *in, u8 *out, size_t len)
{
	__m128i base = byte_reverse(load(counter)), stream[WIDE];
	u8 tail[WIDE * 16];

	while (len >= sizeof(tail)) {
		ctr_wide(round, rounds, base, stream);
		FOG_UNROLL
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

FOG_X86_AESNI void fog_aesni_hash_powers(u8 (*power)[16], const u8 h[16])
{
	__m128i base = load(h), e = base;

	for (unsigned i = FOG_UIV_POWERS; i-- > 0; e = dot(e, base))
		store(power[i], e);
}

/* Sixteen products share one reduction. A first short group is aligned to the end of the powers. */
FOG_X86_AESNI void fog_aesni_hash_update(const u8 (*power)[16], u8 acc[16], const u8 *blocks,
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

FOG_X86_AESNI void fog_aesni_hash_dot(u8 out[16], const u8 a[16], const u8 b[16])
{
	store(out, dot(load(a), load(b)));
}

/* L of one job: [tweak | X_R 0..5], then five times 16 blocks of X_R, to a reduction each. */
FOG_X86_AESNI static inline __m128i hash_job(const struct fog_cell_job *job, const u8 *right)
{
	const u8(*power)[16] = job->key->uiv.hash_power;
	struct product p = product_zero();
	__m128i e;

	product_add(&p, tweak_block(job), load(power[FOG_UIV_POWERS - HASH_FIRST - 1]));
	FOG_UNROLL
	for (unsigned k = 0; k < HASH_FIRST; k++)
		product_add(&p, load(right + 16 * k), load(power[FOG_UIV_POWERS - HASH_FIRST + k]));
	right += HASH_FIRST * 16;
	for (unsigned group = 0; group < HASH_GROUPS; group++, right += FOG_UIV_POWERS * 16) {
		e = product_reduce(&p);
		p = product_zero();
		FOG_UNROLL
		for (unsigned k = 1; k < FOG_UIV_POWERS; k++)
			product_add(&p, load(right + 16 * k), load(power[k]));
		product_add(&p, _mm_xor_si128(e, load(right)), load(power[0]));
	}
	return product_reduce(&p);
}

/* Blocks from..from + count - 1 of the right part. The low 7 bits of the counter are clear, so a
 * block's is the first one xor its number in the last byte. */
FOG_X86_AESNI static inline __attribute__((always_inline)) void stream_part(
	const struct fog_cell_job *job, __m128i counter, unsigned from, unsigned count)
{
	const u8(*round)[16] = job->key->uiv.right_round;
	const u8 *in = job->in + FOG_ONION_LEFT_SIZE + 16 * from;
	u8 *out = job->out + FOG_ONION_LEFT_SIZE + 16 * from;
	__m128i key = _mm_xor_si128(counter, load(round[0])), x[WIDE];

	FOG_UNROLL
	for (unsigned k = 0; k < count; k++)
		x[k] = _mm_xor_si128(key, _mm_set_epi64x((long long)(from + k) << 56, 0));
	FOG_UNROLL
	for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++) {
		key = load(round[r]);
		FOG_UNROLL
		for (unsigned k = 0; k < count; k++)
			x[k] = _mm_aesenc_si128(x[k], key);
	}
	key = load(round[FOG_AES128_ROUNDS]);
	FOG_UNROLL
	for (unsigned k = 0; k < count; k++)
		store(out + 16 * k,
		      _mm_xor_si128(load(in + 16 * k), _mm_aesenclast_si128(x[k], key)));
}

FOG_X86_AESNI static void stream_xor(const struct fog_cell_job *job, __m128i left)
{
	__m128i counter = counter_floor(dot(load(job->key->uiv.right_hash), left));
	unsigned at = 0;

	for (; at + WIDE <= STREAM_BLOCKS; at += WIDE)
		stream_part(job, counter, at, WIDE);
	stream_part(job, counter, at, STREAM_BLOCKS % WIDE);
}

FOG_X86_AESNI static void encrypt_many(const struct fog_cell_job *jobs, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const u8(*round)[16] = jobs[i].key->uiv.left_round;
		key_ask(jobs, i + FOG_X86_AHEAD, count);
		__m128i hash = hash_job(&jobs[i], jobs[i].in + FOG_ONION_LEFT_SIZE);
		__m128i x = _mm_xor_si128(_mm_xor_si128(hash, load(jobs[i].in)), load(round[0]));
		for (unsigned r = 1; r < FOG_AES128_ROUNDS; r++)
			x = _mm_aesenc_si128(x, load(round[r]));
		x = _mm_xor_si128(hash, _mm_aesenclast_si128(x, load(round[FOG_AES128_ROUNDS])));
		store(jobs[i].out, x);
		stream_xor(&jobs[i], x);
	}
}

FOG_X86_AESNI static void decrypt_many(const struct fog_cell_job *jobs, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const u8(*round)[16] = jobs[i].key->uiv.left_round;
		key_ask(jobs, i + FOG_X86_AHEAD, count);
		__m128i x = load(jobs[i].in), hash;
		stream_xor(&jobs[i], x);
		hash = hash_job(&jobs[i], jobs[i].out + FOG_ONION_LEFT_SIZE);
		x = _mm_xor_si128(_mm_xor_si128(hash, x), load(round[FOG_AES128_ROUNDS]));
		for (unsigned r = FOG_AES128_ROUNDS - 1; r > 0; r--)
			x = _mm_aesdec_si128(x, _mm_aesimc_si128(load(round[r])));
		x = _mm_xor_si128(hash, _mm_aesdeclast_si128(x, load(round[0])));
		store(jobs[i].out, x);
	}
}

const struct fog_cipher fog_cipher_aesni = {
	.name = "aesni",
	.supported = supported,
	.aes_expand = fog_aesni_aes_expand,
	.aes_encrypt = fog_aesni_aes_encrypt,
	.aes_decrypt = fog_aesni_aes_decrypt,
	.aes_ctr = fog_aesni_aes_ctr,
	.aes_rounds = fog_aesni_aes_rounds,
	.hash_powers = fog_aesni_hash_powers,
	.hash_update = fog_aesni_hash_update,
	.hash_dot = fog_aesni_hash_dot,
	.blake2b_eight = fog_blake2b_eight,
	.encrypt_many = encrypt_many,
	.decrypt_many = decrypt_many,
	.gcm_many = fog_aesni_gcm_many,
};

#else

static bool supported(void)
{
	return false;
}

const struct fog_cipher fog_cipher_aesni = {.name = "aesni", .supported = supported};

#endif
