/* SPDX-License-Identifier: BSD-3-Clause */
/* Suite edwards25519_XMD:SHA-512_ELL2_NU_ of RFC 9380. */
#include "crypto/vrf/internal.h"

#include <sodium.h>

/* The domain of RFC 9381 section 5.5, with its length behind it as RFC 9380 section 5.3.1 has it.
 */
static const u8 domain[] = "ECVRF_edwards25519_XMD:SHA-512_ELL2_NU_\x04\x28";
#define DOMAIN_SIZE (sizeof(domain) - 1)
_Static_assert(DOMAIN_SIZE == 0x28 + 1, "length");

/* J of curve25519, the Montgomery form y^2 = x^3 + J x^2 + x. */
#define J 486662

/* A root of -1, 2^((p + 3) / 8), and the even root of -(J + 2). */
static const u64 sqrt_minus_1[5] = {0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60,
				    0x78595a6804c9e, 0x2b8324804fc1d};
static const u64 two_power[5] = {0x61b274a0ea0b1, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e,
				 0x2b8324804fc1d};
static const u64 sqrt_minus_j2[5] = {0x604aaff457e06, 0x2296fa350598d, 0x7f13dfb16874f,
				     0x35de93d846e01, 0x0f26edf460a00};

void fog_elligator_uniform(u8 out[FOG_ELLIGATOR_SIZE], const struct fog_vrf_input *in)
{
	static const u8 zeros[128] = {0}; /* a block of SHA-512 */
	static const u8 length[3] = {0, FOG_ELLIGATOR_SIZE, 0};
	static const u8 one = 1;
	crypto_hash_sha512_state state;
	u8 digest[crypto_hash_sha512_BYTES];

	crypto_hash_sha512_init(&state);
	crypto_hash_sha512_update(&state, zeros, sizeof(zeros));
	crypto_hash_sha512_update(&state, in->pk, FOG_POINT_SIZE);
	crypto_hash_sha512_update(&state, in->alpha, in->len);
	crypto_hash_sha512_update(&state, length, sizeof(length));
	crypto_hash_sha512_update(&state, domain, DOMAIN_SIZE);
	crypto_hash_sha512_final(&state, digest);
	crypto_hash_sha512_init(&state);
	crypto_hash_sha512_update(&state, digest, sizeof(digest));
	crypto_hash_sha512_update(&state, &one, 1);
	crypto_hash_sha512_update(&state, domain, DOMAIN_SIZE);
	crypto_hash_sha512_final(&state, digest);
	memcpy(out, digest, FOG_ELLIGATOR_SIZE);
}

/* 2^256 is 38 modulo p, and bit 255, which fe_from_words() ignores, is 19. */
void fog_elligator_field(struct fe *u, const u8 uniform[FOG_ELLIGATOR_SIZE])
{
	u64 low[4], high[4] = {0};
	struct fe t, c;

	for (unsigned i = 0; i < 4; i++)
		low[i] = __builtin_bswap64(fog_load_u64(uniform + 40 - 8 * i));
	for (unsigned i = 0; i < 2; i++)
		high[i] = __builtin_bswap64(fog_load_u64(uniform + 8 - 8 * i));
	fe_from_words(&t, high);
	fe_set(&c, 38);
	fe_mul(&t, &t, &c);
	fe_from_words(u, low);
	fe_add(u, u, &t);
	fe_set(&c, 19 * (u32)(low[3] >> 63));
	fe_add(u, u, &c);
}

/* A point x = n / d, y of curve25519 (RFC 9380 section 6.7.1 with Z = 2). The two candidates for x
 * are -J / d and -J (d - 1) / d with d = 1 + 2 u^2, which is never zero; for the second, the square
 * is 2 u^2 that of the first, so its root comes from the same power. */
static void map_montgomery(struct fe *n, struct fe *d, struct fe *y, const struct fe *u)
{
	struct fe one, uu2, g, gd, t, c, y2;
	u8 first;

	fe_set(&one, 1);
	fe_sqr(&uu2, u);
	fe_add(&uu2, &uu2, &uu2);
	fe_add(d, &uu2, &one);
	/* g / gd = x^3 + J x^2 + x for x = -J / d: g = -J (d^2 - J^2 2u^2), gd = d^3. */
	fe_set(&c, J);
	fe_set(n, 0);
	fe_sub(n, n, &c);
	fe_mul(&t, &c, &uu2);
	fe_mul(&g, &t, n);
	fe_sqr(&t, d);
	fe_add(&g, &g, &t);
	fe_mul(&g, &g, n);
	fe_mul(&gd, &t, d);
	fog_fe_sqrt_ratio(y, &first, &g, &gd);
	/* When g / gd is no square, y^2 gd is g times a root of -1. */
	fe_constant(&c, two_power);
	fe_mul(&y2, y, u);
	fe_mul(&y2, &y2, &c);
	fe_mul(&g, &g, &uu2);
	fe_sqr(&t, &y2);
	fe_mul(&t, &t, &gd);
	fe_sub(&t, &t, &g);
	fe_constant(&c, sqrt_minus_1);
	fe_mul(&c, &c, &y2);
	fe_select(&y2, &c, 1 ^ fe_is_zero(&t));
	fe_select(y, &y2, 1 ^ first);
	fe_mul(&t, n, &uu2);
	fe_select(n, &t, 1 ^ first);
	/* The sign: y odd for the first candidate, even for the second. */
	fe_set(&t, 0);
	fe_sub(&t, &t, y);
	fe_select(y, &t, first ^ fe_is_odd(y));
}

/* x = sqrt(-(J + 2)) s / t and y = (s - 1) / (s + 1) for (s, t) of curve25519; where that divides
 * by zero the neutral element (RFC 9380 appendix D.1). */
void fog_elligator_map(struct fog_ge_ext *p, const struct fe *u)
{
	struct fe n, d, t, xn, xd, yn, yd, c;
	struct fog_ge_ext zero;
	u8 exception;

	map_montgomery(&n, &d, &t, u);
	fe_constant(&c, sqrt_minus_j2);
	fe_mul(&xn, &n, &c);
	fe_mul(&xd, &d, &t);
	fe_sub(&yn, &n, &d);
	fe_add(&yd, &n, &d);
	fe_mul(&p->x, &xn, &yd);
	fe_mul(&p->y, &yn, &xd);
	fe_mul(&p->z, &xd, &yd);
	fe_mul(&p->t, &xn, &yn);
	exception = fe_is_zero(&p->z);
	fog_ge_ext_zero(&zero);
	fe_select(&p->x, &zero.x, exception);
	fe_select(&p->y, &zero.y, exception);
	fe_select(&p->z, &zero.z, exception);
	fe_select(&p->t, &zero.t, exception);
}
