/* SPDX-License-Identifier: BSD-3-Clause */
/* The curve path of every CPU: one by one, X25519 and SHA-512 by libsodium. */
#include "crypto/curve/curve.h"
#include "crypto/curve/known.h"
#include "crypto/curve/straus.h"

#include "crypto/curve/x25519.h"
#include "crypto/sign/sign.h"

#include <sodium.h>

static bool supported(void)
{
	return true;
}

static void x25519_many(u8 (*out)[32], const u8 (*scalar)[32], const u8 (*point)[32], int *result,
			unsigned count)
{
	u8 copy[32]; /* libsodium does not work in place */

	for (unsigned i = 0; i < count; i++) {
		memcpy(copy, point[i], sizeof(copy));
		result[i] = fog_x25519(out[i], scalar[i], copy);
	}
}

void fog_portable_decode_many(struct fog_ge_niels *out, bool *good, const u8 *const *in,
			      unsigned count)
{
	struct fog_ge_affine p;

	for (unsigned i = 0; i < count; i++) {
		good[i] = fog_ge_from_bytes(&p, in[i]) == 0;
		fog_ge_niels_from_affine(&out[i], &p);
	}
}

void fog_portable_challenge_many(struct fog_sc *k, const struct fog_sign_item *const *item,
				 unsigned count)
{
	crypto_hash_sha512_state state;
	u8 digest[crypto_hash_sha512_BYTES];

	for (unsigned i = 0; i < count; i++) {
		crypto_hash_sha512_init(&state);
		crypto_hash_sha512_update(&state, item[i]->sig, FOG_POINT_SIZE);
		crypto_hash_sha512_update(&state, item[i]->pk, FOG_POINT_SIZE);
		crypto_hash_sha512_update(&state, item[i]->msg, item[i]->len);
		crypto_hash_sha512_final(&state, digest);
		fog_sc_reduce_bytes(&k[i], digest);
	}
}

void fog_portable_check_many(bool *good, const struct fog_ge_niels *point, const struct fog_sc *s,
			     const struct fog_sc *k, unsigned count)
{
	struct fog_ge_niels base_a[2], r;
	struct fog_sc s_k[2];
	struct fog_ge_ext sum;

	for (unsigned i = 0; i < count; i++) {
		base_a[0] = fog_ge_base_multiple[0];
		base_a[1] = point[2 * i];
		fog_ge_niels_negate(&base_a[1], 1);
		s_k[0] = s[i];
		s_k[1] = k[i];
		fog_portable_msm(&sum, base_a, s_k, 2, NULL);
		r = point[2 * i + 1];
		fog_ge_niels_negate(&r, 1);
		fog_ge_add_niels(&sum, &sum, &r);
		fog_ge_double(&sum, &sum, 3);
		good[i] = fog_ge_is_zero(&sum);
	}
}

void fog_portable_pair(struct fog_ge_ext sum[2], const struct fog_ge_ext p[2],
		       const struct fog_sc *s, const struct fog_ge_ext q[2], const struct fog_sc *c)
{
	const struct fog_ge_ext ext[4] = {p[0], q[0], p[1], q[1]};
	const struct fog_sc scalar[2] = {*s, *c};
	struct fog_ge_affine affine[4];
	struct fog_ge_niels niels[4];

	fog_ge_normalize(affine, ext, 4);
	for (unsigned i = 0; i < 4; i++) {
		fog_ge_niels_from_affine(&niels[i], &affine[i]);
		fog_ge_niels_negate(&niels[i], i & 1);
	}
	for (unsigned i = 0; i < 2; i++)
		fog_portable_msm(&sum[i], niels + 2 * i, scalar, 2, NULL);
}

/* SHA-512/256 differs in where it starts (FIPS 180-4 section 5.3.6.2) and in its length. */
const u64 fog_sha512_256_initial[8] = {
	0x22312194fc2bf72c, 0x9f555fa3c84c64c2, 0x2393b86b6f53b151, 0x963877195940eabd,
	0x96283ee2a88effe3, 0xbe5e1e2553863992, 0x2b0199fc2c85b8aa, 0x0eb72ddc81c52ca2,
};

void fog_portable_digest_many(u8 (*out)[64], const u8 *const *in, const size_t *len, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		crypto_hash_sha512(out[i], in[i], len[i]);
}

void fog_portable_tag(u8 out[32], const u8 *in, size_t len)
{
	crypto_hash_sha512_state state;
	u8 digest[crypto_hash_sha512_BYTES];

	crypto_hash_sha512_init(&state);
	memcpy(state.state, fog_sha512_256_initial, sizeof(fog_sha512_256_initial));
	crypto_hash_sha512_update(&state, in, len);
	crypto_hash_sha512_final(&state, digest);
	memcpy(out, digest, 32);
}

void fog_portable_tag_many(u8 (*out)[32], const u8 *const *in, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		fog_portable_tag(out[i], in[i], 32);
}

size_t fog_portable_msm_scratch_size(unsigned count)
{
	(void)count;
	return 0;
}

const struct fog_curve fog_curve_portable = {
	.name = "portable",
	.supported = supported,
	.x25519_many = x25519_many,
	.digest_many = fog_portable_digest_many,
	.tag_many = fog_portable_tag_many,
	.decode_many = fog_portable_decode_many,
	.challenge_many = fog_portable_challenge_many,
	.check_many = fog_portable_check_many,
	.pair = fog_portable_pair,
	.known_many = fog_portable_known_many,
	.msm = fog_portable_msm,
	.msm_scratch_size = fog_portable_msm_scratch_size,
	.straus = fog_portable_straus,
	.straus_scratch_size = fog_portable_straus_scratch_size,
	.batch_min = 4,
};
