/* SPDX-License-Identifier: BSD-3-Clause */
/* SHA-512 (FIPS 180-4) of eight messages side by side, for the challenges of signatures. */
#include "crypto/curve/ifma.h"

#include "crypto/curve/lanes.h"
#include "crypto/sign/sign.h"

#if defined(__x86_64__)

#define BLOCK 128
/* A longer message would keep seven lanes waiting: it is left to libsodium. */
#define LENGTH_MAX 4096

static const u64 initial[8] = {
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const u64 constants[80] = {
	0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
	0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
	0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
	0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
	0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
	0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
	0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
	0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
	0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
	0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
	0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
	0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
	0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
	0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
	0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
	0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
	0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
	0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
	0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
	0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

/* What is hashed: a prefix of 64 bytes in two halves, or none; the message; then the padding.
 * `blocks` in all. */
struct lane {
	const u8 *half[2];
	const u8 *msg;
	size_t len, prefix;
	size_t blocks;
};

static void lane_init(struct lane *l)
{
	l->blocks = (l->prefix + l->len + 1 + 16 + BLOCK - 1) / BLOCK;
}

static void lane_from_item(struct lane *l, const struct fog_sign_item *item)
{
	*l = (struct lane){.half = {item->sig, item->pk},
			   .msg = item->msg,
			   .len = item->len,
			   .prefix = 2 * FOG_POINT_SIZE};
	lane_init(l);
}

/* Writes block `number` of a lane. */
static void lane_block(u8 out[BLOCK], const struct lane *l, size_t number)
{
	const size_t end = l->prefix + l->len;
	size_t used = number == 0 ? l->prefix : 0;
	size_t from = number * BLOCK + used - l->prefix; /* in the message */

	memset(out, 0, BLOCK);
	if (used != 0) {
		memcpy(out, l->half[0], FOG_POINT_SIZE);
		memcpy(out + FOG_POINT_SIZE, l->half[1], FOG_POINT_SIZE);
	}
	if (from < l->len)
		memcpy(out + used, l->msg + from, FOG_MIN(l->len - from, BLOCK - used));
	if (end / BLOCK == number)
		out[end % BLOCK] = 0x80;
	if (number + 1 == l->blocks)
		fog_store_u64(out + BLOCK - 8, __builtin_bswap64(8 * (u64)end));
}

FOG_IFMA_INLINE __m512i big_sigma0(__m512i a)
{
	return _mm512_ternarylogic_epi64(_mm512_ror_epi64(a, 28), _mm512_ror_epi64(a, 34),
					 _mm512_ror_epi64(a, 39), 0x96);
}

FOG_IFMA_INLINE __m512i big_sigma1(__m512i e)
{
	return _mm512_ternarylogic_epi64(_mm512_ror_epi64(e, 14), _mm512_ror_epi64(e, 18),
					 _mm512_ror_epi64(e, 41), 0x96);
}

FOG_IFMA_INLINE __m512i small_sigma0(__m512i w)
{
	return _mm512_ternarylogic_epi64(_mm512_ror_epi64(w, 1), _mm512_ror_epi64(w, 8),
					 _mm512_srli_epi64(w, 7), 0x96);
}

FOG_IFMA_INLINE __m512i small_sigma1(__m512i w)
{
	return _mm512_ternarylogic_epi64(_mm512_ror_epi64(w, 19), _mm512_ror_epi64(w, 61),
					 _mm512_srli_epi64(w, 6), 0x96);
}

/* One round; s[] is a..h and is turned by the caller, that is by `i`. */
FOG_IFMA_INLINE void round_one(__m512i s[8], unsigned i, __m512i wk)
{
	__m512i *a = &s[(8 - i) & 7], *b = &s[(9 - i) & 7], *c = &s[(10 - i) & 7];
	__m512i *d = &s[(11 - i) & 7], *e = &s[(12 - i) & 7], *f = &s[(13 - i) & 7];
	__m512i *g = &s[(14 - i) & 7], *h = &s[(15 - i) & 7];
	__m512i t1 = _mm512_add_epi64(_mm512_add_epi64(*h, wk), big_sigma1(*e));
	__m512i t2 = _mm512_add_epi64(big_sigma0(*a), _mm512_ternarylogic_epi64(*a, *b, *c, 0xe8));

	t1 = _mm512_add_epi64(t1, _mm512_ternarylogic_epi64(*e, *f, *g, 0xca));
	*d = _mm512_add_epi64(*d, t1);
	*h = _mm512_add_epi64(t1, t2);
}

FOG_IFMA_INLINE void words_extend(__m512i w[16])
{
	FE_UNROLL
	for (unsigned i = 0; i < 16; i++) {
		__m512i t = _mm512_add_epi64(w[i], small_sigma0(w[(i + 1) & 15]));
		t = _mm512_add_epi64(t, w[(i + 9) & 15]);
		w[i] = _mm512_add_epi64(t, small_sigma1(w[(i + 14) & 15]));
	}
}

/* Takes one block per lane into the state of those in `active`. */
FOG_IFMA static void blocks_absorb(__m512i state[8], u8 (*block)[BLOCK], __mmask8 active)
{
	const __m512i swap = _mm512_broadcast_i32x4(
		_mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
	__m512i w[16], s[8];

	for (unsigned half = 0; half < 2; half++) {
		FE_UNROLL
		for (unsigned k = 0; k < 8; k++)
			w[8 * half + k] =
				_mm512_shuffle_epi8(_mm512_loadu_si512(block[k] + 64 * half), swap);
		lanes_transpose(w + 8 * half);
	}
	memcpy(s, state, sizeof(s));
	for (unsigned i = 0; i < 80; i += 16) {
		if (i > 0)
			words_extend(w);
		FE_UNROLL
		for (unsigned j = 0; j < 16; j++)
			round_one(s, j,
				  _mm512_add_epi64(w[j],
						   _mm512_set1_epi64((long long)constants[i + j])));
	}
	for (unsigned i = 0; i < 8; i++)
		state[i] = _mm512_mask_add_epi64(state[i], active, state[i], s[i]);
}

/* The digests of eight lanes, as numbers in their byte order. */
FOG_IFMA static void digest_eight(u64 (*digest)[8], const struct lane *lane)
{
	u8 block[8][BLOCK];
	__m512i state[8];
	size_t blocks_max = 0;

	for (unsigned i = 0; i < 8; i++) {
		blocks_max = FOG_MAX(blocks_max, lane[i].blocks);
		state[i] = _mm512_set1_epi64((long long)initial[i]);
	}
	for (size_t n = 0; n < blocks_max; n++) {
		__mmask8 active = 0;
		for (unsigned i = 0; i < 8; i++) {
			if (n >= lane[i].blocks)
				continue;
			active |= 1 << i;
			lane_block(block[i], &lane[i], n);
		}
		blocks_absorb(state, block, active);
	}
	lanes_transpose(state);
	for (unsigned i = 0; i < 8; i++) {
		_mm512_storeu_si512(digest[i], state[i]);
		for (unsigned j = 0; j < 8; j++)
			digest[i][j] = __builtin_bswap64(digest[i][j]);
	}
}

static void challenge_eight(struct fog_sc *k, const struct fog_sign_item *const *item,
			    unsigned count)
{
	struct lane lane[8];
	u64 digest[8][8];

	for (unsigned i = 0; i < 8; i++)
		lane_from_item(&lane[i], item[i < count ? i : 0]);
	digest_eight(digest, lane);
	for (unsigned i = 0; i < count; i++)
		fog_sc_reduce(&k[i], digest[i]);
}

void fog_ifma_digest_many(u8 (*out)[64], const u8 *const *in, const size_t *len, unsigned count)
{
	struct lane lane[8];
	u64 digest[8][8];

	for (unsigned first = 0; first < count; first += 8) {
		unsigned n = FOG_MIN(count - first, 8u);
		for (unsigned i = 0; i < 8; i++) {
			unsigned at = first + (i < n ? i : 0);
			lane[i] = (struct lane){.msg = in[at], .len = len[at]};
			lane_init(&lane[i]);
		}
		digest_eight(digest, lane);
		memcpy(out[first], digest, n * sizeof(*out));
	}
}

void fog_ifma_challenge_many(struct fog_sc *k, const struct fog_sign_item *const *item,
			     unsigned count)
{
	const struct fog_sign_item *lane[8];
	unsigned place[8], n = 0;
	struct fog_sc result[8];

	for (unsigned i = 0; i < count || n > 0; i++) {
		if (i < count && item[i]->len > LENGTH_MAX) {
			fog_portable_challenge_many(&k[i], &item[i], 1);
			continue;
		}
		if (i < count) {
			place[n] = i;
			lane[n++] = item[i];
		}
		if (n == 8 || i >= count) {
			challenge_eight(result, lane, n);
			for (unsigned j = 0; j < n; j++)
				k[place[j]] = result[j];
			n = 0;
		}
	}
}

FOG_IFMA void fog_ifma_tag_many(u8 (*out)[32], const u8 *const *in, unsigned count)
{
	u8 block[8][BLOCK];
	_Alignas(64) u64 digest[8];
	__m512i state[8];

	for (; count > 0;) {
		unsigned n = FOG_MIN(count, 8u);
		memset(block, 0, sizeof(block));
		for (unsigned i = 0; i < n; i++) {
			memcpy(block[i], in[i], 32);
			block[i][32] = 0x80;
			fog_store_u64(block[i] + BLOCK - 8, __builtin_bswap64(256));
		}
		for (unsigned i = 0; i < 8; i++)
			state[i] = _mm512_set1_epi64((long long)fog_sha512_256_initial[i]);
		blocks_absorb(state, block, 0xff);
		lanes_transpose(state);
		for (unsigned i = 0; i < n; i++) {
			_mm512_store_si512(digest, state[i]);
			for (unsigned j = 0; j < 4; j++)
				fog_store_u64(out[i] + 8 * j, __builtin_bswap64(digest[j]));
		}
		out += n;
		in += n;
		count -= n;
	}
}

#endif
