/* SPDX-License-Identifier: BSD-3-Clause */
/* The prime-order group ristretto255 (RFC 9496) and its scalars, the integers modulo
 * L = 2^252 + 27742317777372353535851937790883648493. Group elements have one encoding each, so
 * equal encodings are equal elements. Any thread. Constant time in points and
 * scalars but for the functions named _vartime, for decoding, whose verdict is public, and for
 * fog_ristretto_from_uniform(). */
#ifndef FOG_CRYPTO_RISTRETTO_H
#define FOG_CRYPTO_RISTRETTO_H

#include "crypto/curve/edwards.h"
#include "crypto/curve/scalar.h"

#define FOG_RISTRETTO_SIZE 32
#define FOG_SCALAR_SIZE    32
#define FOG_UNIFORM_SIZE   64 /* bytes that become an element or a scalar without visible bias */

/* A valid element, as any of the points of edwards25519 that stand for it. Only the functions here
 * fill it and look into it: two equal elements need not have equal contents. */
struct fog_ristretto {
	struct fog_ge_ext point;
};

/* A canonical scalar, little-endian, below L. */
struct fog_scalar {
	_Alignas(8) u8 byte[FOG_SCALAR_SIZE];
};

extern const struct fog_scalar fog_scalar_zero, fog_scalar_one;

/* The same number or array of numbers for crypto/curve. */
static inline const struct fog_sc *fog_scalar_words(const struct fog_scalar *s)
{
	return (const struct fog_sc *)s;
}
_Static_assert(sizeof(struct fog_scalar) == sizeof(struct fog_sc), "scalars are cast, not copied");

/* 0, or -EBADMSG when `in` is not the canonical encoding of a scalar; out is zero then. */
int fog_scalar_decode(struct fog_scalar *out, const u8 in[FOG_SCALAR_SIZE]);
/* `in`, little-endian, modulo L. */
void fog_scalar_reduce(struct fog_scalar *out, const u8 in[FOG_UNIFORM_SIZE]);
void fog_scalar_from_u64(struct fog_scalar *out, u64 value);

/* out may be any of the inputs. */
void fog_scalar_add(struct fog_scalar *out, const struct fog_scalar *a, const struct fog_scalar *b);
void fog_scalar_sub(struct fog_scalar *out, const struct fog_scalar *a, const struct fog_scalar *b);
void fog_scalar_mul(struct fog_scalar *out, const struct fog_scalar *a, const struct fog_scalar *b);
/* out = a * b + c. */
void fog_scalar_muladd(struct fog_scalar *out, const struct fog_scalar *a,
		       const struct fog_scalar *b, const struct fog_scalar *c);
void fog_scalar_neg(struct fog_scalar *out, const struct fog_scalar *a);
/* 1 / a; of zero: zero. About 12 us, in variable time 4. */
void fog_scalar_invert(struct fog_scalar *out, const struct fog_scalar *a);
void fog_scalar_invert_vartime(struct fog_scalar *out, const struct fog_scalar *a);
/* out = picked ? a : b, without a branch. */
void fog_scalar_select(struct fog_scalar *out, bool picked, const struct fog_scalar *a,
		       const struct fog_scalar *b);
bool fog_scalar_is_zero(const struct fog_scalar *a);
bool fog_scalar_equal(const struct fog_scalar *a, const struct fog_scalar *b);

/* 0, or -EBADMSG when `in` is not the one encoding of an element; out is the identity then. The
 * identity (32 zero bytes) is an element: callers that want none ask fog_ristretto_is_identity().
 */
int fog_ristretto_decode(struct fog_ristretto *out, const u8 in[FOG_RISTRETTO_SIZE]);
/* Decodes `count` into points ready to be added, as fog_msm() takes them; 0, or -EBADMSG when any
 * is bad: then out is not to be used. With lanes (curve.h) 0.5 us each, without 6 us. */
int fog_ristretto_decode_many(struct fog_ge_niels *out, const u8 *const *in, unsigned count);
/* The same form of elements already decoded. One inversion for all. count is at most
 * FOG_RISTRETTO_NIELS_MAX. */
#define FOG_RISTRETTO_NIELS_MAX 256
void fog_ristretto_to_niels(struct fog_ge_niels *out, const struct fog_ristretto *p,
			    unsigned count);
void fog_ristretto_encode(u8 out[FOG_RISTRETTO_SIZE], const struct fog_ristretto *p);
/* The one-way map of RFC 9496 section 4.3.4: 64 uniform bytes to a uniform element. */
void fog_ristretto_from_uniform(struct fog_ristretto *out, const u8 in[FOG_UNIFORM_SIZE]);

void fog_ristretto_identity(struct fog_ristretto *out);
void fog_ristretto_base(struct fog_ristretto *out);
bool fog_ristretto_is_identity(const struct fog_ristretto *p);
bool fog_ristretto_equal(const struct fog_ristretto *a, const struct fog_ristretto *b);

/* out may be any of the inputs. */
void fog_ristretto_add(struct fog_ristretto *out, const struct fog_ristretto *a,
		       const struct fog_ristretto *b);
void fog_ristretto_sub(struct fog_ristretto *out, const struct fog_ristretto *a,
		       const struct fog_ristretto *b);
/* out = picked ? a : b, without a branch. */
void fog_ristretto_select(struct fog_ristretto *out, bool picked, const struct fog_ristretto *a,
			  const struct fog_ristretto *b);
/* out = s * p. About 35 us. */
void fog_ristretto_mul(struct fog_ristretto *out, const struct fog_scalar *s,
		       const struct fog_ristretto *p);
/* out = s * base. About 25 us. */
void fog_ristretto_mul_base(struct fog_ristretto *out, const struct fog_scalar *s);

/* out = s[0] * p[0] + .. + s[count - 1] * p[count - 1]; the identity when count is 0. With lanes 3
 * us a point, without 10 us. Takes 120 KiB of stack. */
void fog_ristretto_msm(struct fog_ristretto *out, const struct fog_scalar *s,
		       const struct fog_ristretto *p, unsigned count);
/* The same for public scalars and points only. With lanes (curve.h) about 70 us and 1 us a point,
 * without 4 to 7 us a point. Takes 150 KiB of stack. */
void fog_ristretto_msm_vartime(struct fog_ristretto *out, const struct fog_scalar *s,
			       const struct fog_ristretto *p, unsigned count);

#endif
