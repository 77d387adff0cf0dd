/* SPDX-License-Identifier: BSD-3-Clause */
/* Eight blocks at once. plane[b] holds bit b of every byte; each of its eight 16-bit lanes is one
 * block, and bit 4 * column + row of the lane is one byte of the state. So ShiftRows is a rotation
 * of lanes by multiples of 4 under a mask, and MixColumns a rotation inside nibbles. */
#include "crypto/cell/aes_portable.h"

#include "crypto/cell/cipher.h"
#include "crypto/mem.h"

#define LANES      8
#define PLANES     8
#define ROUNDS_MAX FOG_AES256_ROUNDS

typedef u16 lanes __attribute__((vector_size(16)));

struct sliced_key {
	lanes plane[ROUNDS_MAX + 1][PLANES];
};

/* Swaps the bits of x under mask with those `shift` above them. */
static inline u64 bits_swap(u64 x, u64 mask, unsigned shift)
{
	u64 t = (x ^ (x >> shift)) & mask;
	return x ^ t ^ (t << shift);
}

/* The 8 x 8 bit matrix x, one byte a row, mirrored at its diagonal. */
static inline u64 bits_transpose(u64 x)
{
	x = bits_swap(x, 0x00aa00aa00aa00aaull, 7);
	x = bits_swap(x, 0x0000cccc0000ccccull, 14);
	return bits_swap(x, 0x00000000f0f0f0f0ull, 28);
}

static void slice(lanes plane[PLANES], const u8 *block, unsigned count)
{
	u16 grid[PLANES][LANES] = {{0}};

	for (unsigned k = 0; k < count; k++) {
		u64 low = bits_transpose(fog_load_u64(block + 16 * k));
		u64 high = bits_transpose(fog_load_u64(block + 16 * k + 8));
		for (unsigned b = 0; b < PLANES; b++)
			grid[b][k] = (low >> (8 * b) & 0xff) | (high >> (8 * b) & 0xff) << 8;
	}
	memcpy(plane, grid, sizeof(grid));
}

static void unslice(u8 *block, const lanes plane[PLANES], unsigned count)
{
	u16 grid[PLANES][LANES];

	memcpy(grid, plane, sizeof(grid));
	for (unsigned k = 0; k < count; k++) {
		u64 low = 0, high = 0;
		for (unsigned b = 0; b < PLANES; b++) {
			low |= (u64)(grid[b][k] & 0xff) << (8 * b);
			high |= (u64)(grid[b][k] >> 8) << (8 * b);
		}
		fog_store_u64(block + 16 * k, bits_transpose(low));
		fog_store_u64(block + 16 * k + 8, bits_transpose(high));
	}
}

/* The S-box is the circuit of Boyar and Peralta ("A small depth-16 circuit for the AES S-box",
 * 2012): a linear layer into a tower field, inversion there, 18 products, a linear layer back. */
static inline void sbox_top(lanes y[22], const lanes x[PLANES])
{
	lanes a = x[6] ^ x[5];

	y[14] = x[4] ^ x[2];
	y[13] = x[7] ^ x[1];
	y[9] = x[7] ^ x[4];
	y[8] = x[7] ^ x[2];
	y[0] = x[0];
	y[1] = a ^ x[0];
	y[4] = y[1] ^ x[4];
	y[12] = y[13] ^ y[14];
	y[2] = y[1] ^ x[7];
	y[5] = y[1] ^ x[1];
	y[3] = y[5] ^ y[8];
	y[15] = x[3] ^ y[12] ^ x[2];
	y[20] = x[3] ^ y[12] ^ x[6];
	y[6] = y[15] ^ x[0];
	y[10] = y[15] ^ a;
	y[11] = y[20] ^ y[9];
	y[7] = x[0] ^ y[11];
	y[17] = y[10] ^ y[11];
	y[19] = y[10] ^ y[8];
	y[16] = a ^ y[11];
	y[21] = y[13] ^ y[16];
	y[18] = x[7] ^ y[16];
}

/* e[0..3] = the inverse in GF(16), e[4..8] its sums, in the order sbox_products() wants. */
static inline void sbox_invert(lanes e[9], const lanes y[22])
{
	lanes p = y[12] & y[15], q = y[13] & y[16], r = y[9] & y[11];
	lanes s = (y[14] & y[17]) ^ r, u = (y[8] & y[10]) ^ r;
	lanes a = (y[3] & y[6]) ^ p ^ s ^ y[20];
	lanes b = (y[4] & y[0]) ^ p ^ u ^ y[19];
	lanes c = (y[5] & y[1]) ^ q ^ s ^ y[21];
	lanes d = (y[2] & y[7]) ^ q ^ u ^ y[18];
	lanes ac = a & c, ab = a ^ b;
	lanes f = d ^ ac;

	e[0] = (ab & f) ^ b;
	e[1] = ((b ^ ac) & (c ^ d)) ^ d;
	lanes g = d & (f ^ e[1]);
	e[2] = g ^ c ^ e[1];
	e[3] = ab ^ (e[0] & (f ^ g));
	e[4] = e[3] ^ e[2];
	e[5] = e[0] ^ e[1];
	e[6] = e[0] ^ e[3];
	e[7] = e[1] ^ e[2];
	e[8] = e[5] ^ e[4];
}

static inline void sbox_products(lanes z[18], const lanes e[9], const lanes y[22])
{
	z[0] = e[7] & y[15];
	z[1] = e[2] & y[6];
	z[2] = e[1] & y[0];
	z[3] = e[6] & y[16];
	z[4] = e[3] & y[1];
	z[5] = e[0] & y[7];
	z[6] = e[5] & y[11];
	z[7] = e[8] & y[17];
	z[8] = e[4] & y[10];
	z[9] = e[7] & y[12];
	z[10] = e[2] & y[3];
	z[11] = e[1] & y[4];
	z[12] = e[6] & y[13];
	z[13] = e[3] & y[5];
	z[14] = e[0] & y[2];
	z[15] = e[5] & y[9];
	z[16] = e[8] & y[14];
	z[17] = e[4] & y[8];
}

static inline void sbox_bottom(lanes x[PLANES], const lanes z[18])
{
	lanes a = z[15] ^ z[16], b = z[5] ^ z[13], c = z[0] ^ z[3];
	lanes d = z[2] ^ z[12] ^ c, e = z[4] ^ a, f = z[3] ^ z[6] ^ z[7];
	lanes g = z[7] ^ z[8] ^ e, h = z[9] ^ z[10] ^ e, i = z[4] ^ f;
	lanes j = z[14] ^ d ^ g, k = z[1] ^ h;

	x[7] = f ^ h;
	x[1] = z[12] ^ b ^ ~g;
	x[0] = b ^ ~(a ^ d);
	x[4] = c ^ k;
	x[3] = z[2] ^ z[5] ^ k;
	x[2] = z[10] ^ z[11] ^ j;
	x[6] = i ^ ~x[4];
	x[5] = z[16] ^ z[17] ^ ~(i ^ j);
}

static inline void sbox(lanes x[PLANES])
{
	lanes y[22], e[9], z[18];

	sbox_top(y, x);
	sbox_invert(e, y);
	sbox_products(z, e, y);
	sbox_bottom(x, z);
}

/* The inverse of the S-box's affine map: x <- rotl(x, 1) ^ rotl(x, 3) ^ rotl(x, 6) ^ 0x05. */
static inline void affine_inverse(lanes x[PLANES])
{
	lanes in[PLANES];

	memcpy(in, x, sizeof(in));
	for (unsigned b = 0; b < PLANES; b++)
		x[b] = in[(b + 7) % 8] ^ in[(b + 5) % 8] ^ in[(b + 2) % 8];
	x[0] = ~x[0];
	x[2] = ~x[2];
}

/* S = affine(inverse), so the inverse S-box is S between two inverse affine maps. */
static inline void sbox_inverse(lanes x[PLANES])
{
	affine_inverse(x);
	sbox(x);
	affine_inverse(x);
}

static inline lanes rotate(lanes x, unsigned by)
{
	return x >> by | x << (16 - by);
}

static inline void shift_rows(lanes x[PLANES])
{
	for (unsigned b = 0; b < PLANES; b++)
		x[b] = (x[b] & 0x1111) | (rotate(x[b], 4) & 0x2222) | (rotate(x[b], 8) & 0x4444) |
		       (rotate(x[b], 12) & 0x8888);
}

static inline void shift_rows_inverse(lanes x[PLANES])
{
	for (unsigned b = 0; b < PLANES; b++)
		x[b] = (x[b] & 0x1111) | (rotate(x[b], 12) & 0x2222) | (rotate(x[b], 8) & 0x4444) |
		       (rotate(x[b], 4) & 0x8888);
}

/* The bit of row r + 1, and of row r + 2, in the place of row r. */
static inline lanes next_row(lanes x)
{
	return (x >> 1 & 0x7777) | (x << 3 & 0x8888);
}

static inline lanes second_row(lanes x)
{
	return (x >> 2 & 0x3333) | (x << 2 & 0xcccc);
}

/* out row r = 2 (a_r + a_r+1) + a_r+1 + a_r+2 + a_r+3. */
static inline void mix_columns(lanes x[PLANES])
{
	lanes sum[PLANES], top;

	for (unsigned b = 0; b < PLANES; b++) {
		lanes next = next_row(x[b]);
		sum[b] = x[b] ^ next;
		x[b] = next ^ second_row(sum[b]);
	}
	top = sum[7];
	x[0] ^= top;
	x[1] ^= sum[0] ^ top;
	x[2] ^= sum[1];
	x[3] ^= sum[2] ^ top;
	x[4] ^= sum[3] ^ top;
	x[5] ^= sum[4];
	x[6] ^= sum[5];
	x[7] ^= sum[6];
}

/* MixColumns has order 4. Only one block per cell is ever decrypted, so simple beats fast. */
static inline void mix_columns_inverse(lanes x[PLANES])
{
	mix_columns(x);
	mix_columns(x);
	mix_columns(x);
}

static inline void add_key(lanes x[PLANES], const lanes key[PLANES])
{
	for (unsigned b = 0; b < PLANES; b++)
		x[b] ^= key[b];
}

/* A round key sliced as one block and spread to all lanes. */
static void round_slice(lanes plane[PLANES], const u8 round[16])
{
	u64 low = bits_transpose(fog_load_u64(round));
	u64 high = bits_transpose(fog_load_u64(round + 8));

	for (unsigned b = 0; b < PLANES; b++) {
		u16 v = (low >> (8 * b) & 0xff) | (high >> (8 * b) & 0xff) << 8;
		plane[b] = (lanes){v, v, v, v, v, v, v, v};
	}
}

static void key_slice(struct sliced_key *key, const u8 (*round)[16], unsigned rounds)
{
	FOG_ASSERT(rounds == FOG_AES128_ROUNDS || rounds == FOG_AES256_ROUNDS);
	for (unsigned r = 0; r <= rounds; r++)
		round_slice(key->plane[r], round[r]);
}

static void planes_encrypt(lanes x[PLANES], const struct sliced_key *key, unsigned rounds)
{
	add_key(x, key->plane[0]);
	for (unsigned r = 1; r < rounds; r++) {
		sbox(x);
		shift_rows(x);
		mix_columns(x);
		add_key(x, key->plane[r]);
	}
	sbox(x);
	shift_rows(x);
	add_key(x, key->plane[rounds]);
}

static void planes_decrypt(lanes x[PLANES], const struct sliced_key *key, unsigned rounds)
{
	add_key(x, key->plane[rounds]);
	for (unsigned r = rounds - 1; r > 0; r--) {
		shift_rows_inverse(x);
		sbox_inverse(x);
		add_key(x, key->plane[r]);
		mix_columns_inverse(x);
	}
	shift_rows_inverse(x);
	sbox_inverse(x);
	add_key(x, key->plane[0]);
}

static void word_substitute(u8 word[4])
{
	lanes plane[PLANES];
	u8 block[16] = {0};

	memcpy(block, word, 4);
	slice(plane, block, 1);
	sbox(plane);
	unslice(block, plane, 1);
	memcpy(word, block, 4);
	fog_wipe(plane, sizeof(plane));
	fog_wipe(block, sizeof(block));
}

/* FIPS 197 section 5.2. */
void fog_aes_portable_expand(u8 (*round)[16], unsigned rounds, const u8 *key)
{
	unsigned key_words = rounds == FOG_AES128_ROUNDS ? 4 : 8;
	u8 *w = round[0], constant = 1, word[4];

	FOG_ASSERT(rounds == FOG_AES128_ROUNDS || rounds == FOG_AES256_ROUNDS);
	memcpy(w, key, 4 * key_words);
	for (unsigned i = key_words; i < 4 * (rounds + 1); i++) {
		memcpy(word, w + 4 * (i - 1), 4);
		if (i % key_words == 0) {
			u8 first = word[0];
			memmove(word, word + 1, 3);
			word[3] = first;
			word_substitute(word);
			word[0] ^= constant;
			constant = constant << 1 ^ (constant >> 7) * 0x1b;
		} else if (i % key_words == 4) {
			word_substitute(word);
		}
		for (unsigned j = 0; j < 4; j++)
			w[4 * i + j] = w[4 * (i - key_words) + j] ^ word[j];
	}
	fog_wipe(word, sizeof(word));
}

void fog_aes_portable_encrypt(const u8 (*round)[16], unsigned rounds, const u8 in[16], u8 out[16])
{
	struct sliced_key key;
	lanes plane[PLANES];

	key_slice(&key, round, rounds);
	slice(plane, in, 1);
	planes_encrypt(plane, &key, rounds);
	unslice(out, plane, 1);
	fog_wipe(&key, sizeof(key));
}

void fog_aes_portable_decrypt(const u8 (*round)[16], unsigned rounds, const u8 in[16], u8 out[16])
{
	struct sliced_key key;
	lanes plane[PLANES];

	key_slice(&key, round, rounds);
	slice(plane, in, 1);
	planes_decrypt(plane, &key, rounds);
	unslice(out, plane, 1);
	fog_wipe(&key, sizeof(key));
}

void fog_aes_portable_ctr(const u8 (*round)[16], unsigned rounds, const u8 counter[16],
			  const u8 *in, u8 *out, size_t len)
{
	u64 high = __builtin_bswap64(fog_load_u64(counter));
	u64 low = __builtin_bswap64(fog_load_u64(counter + 8));
	struct sliced_key key;
	lanes plane[PLANES];
	u8 stream[LANES * 16];

	key_slice(&key, round, rounds);
	for (size_t done = 0; done < len; done += sizeof(stream)) {
		size_t part = FOG_MIN(len - done, sizeof(stream));
		for (unsigned k = 0; k < LANES; k++) {
			fog_store_u64(stream + 16 * k, __builtin_bswap64(high));
			fog_store_u64(stream + 16 * k + 8, __builtin_bswap64(low));
			low++;
			high += low == 0;
		}
		slice(plane, stream, LANES);
		planes_encrypt(plane, &key, rounds);
		unslice(stream, plane, LANES);
		for (size_t i = 0; i < part; i++)
			out[done + i] = in[done + i] ^ stream[i];
	}
	fog_wipe(&key, sizeof(key));
	fog_wipe(stream, sizeof(stream));
}

void fog_aes_portable_rounds(const u8 (*round)[16], unsigned rounds, u8 (*block)[16],
			     unsigned count)
{
	lanes key[FOG_AES128_ROUNDS][PLANES], plane[PLANES];

	FOG_ASSERT(rounds <= FOG_AES128_ROUNDS);
	for (unsigned r = 0; r < rounds; r++)
		round_slice(key[r], round[r]);
	for (unsigned i = 0; i < count; i += LANES) {
		unsigned part = FOG_MIN(count - i, LANES);
		slice(plane, block[i], part);
		for (unsigned r = 0; r < rounds; r++) {
			sbox(plane);
			shift_rows(plane);
			mix_columns(plane);
			add_key(plane, key[r]);
		}
		unslice(block[i], plane, part);
	}
	fog_wipe(key, sizeof(key));
	fog_wipe(plane, sizeof(plane));
}
